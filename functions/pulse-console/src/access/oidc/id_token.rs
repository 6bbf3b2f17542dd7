//! The token by which an issuer says who someone is (`OpenID` Connect Core 1.0, 2 and 3.1.3.7; RFC 7515, RFC 7517, RFC 7518).
//!
//! Of what such tokens may be, the console believes two kinds, RS256, which every issuer has to offer, and ES256, and asks the
//! issuer's published keys alone: neither `none` nor a code made with a shared secret is looked at.

use std::{collections::BTreeSet, time::Duration};

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use jiff::Timestamp;
use ring::signature::{ECDSA_P256_SHA256_FIXED, RSA_PKCS1_2048_8192_SHA256, RsaPublicKeyComponents, UnparsedPublicKey};
use serde::Deserialize;
use serde_json::{Map, Value};

/// How far the issuer's clock may be from this one.
const SKEW: Duration = Duration::from_mins(1);

/// The longest subject (`OpenID` Connect Core 1.0, 2: `sub`).
const LONGEST_SUBJECT: usize = 255;

/// The keys that an issuer publishes.
#[derive(Debug, Clone, Default, Deserialize)]
pub(super) struct Jwks {
    keys: Vec<Jwk>,
}

/// One of them. What isn't said is empty.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
struct Jwk {
    kty: String,
    kid: Option<String>,
    #[serde(rename = "use")]
    used_for: Option<String>,
    alg: Option<String>,
    n: String,
    e: String,
    crv: String,
    x: String,
    y: String,
}

#[derive(Deserialize)]
struct Header {
    alg: String,
    kid: Option<String>,
    crit: Option<Value>,
}

/// What the token must say.
#[derive(Debug, Clone, Copy)]
pub(super) struct Expected<'a> {
    pub(super) issuer: &'a str,
    pub(super) client_id: &'a str,
    pub(super) nonce: &'a str,
    pub(super) now: Timestamp,
}

/// Why a token isn't believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Rejected {
    /// No key that is known fits it: the issuer may have new ones.
    UnknownKey,
    /// It is not as it must be.
    Wrong(&'static str),
}

/// What a token that is believed says.
#[derive(Debug, Clone)]
pub(super) struct Claims(Map<String, Value>);

impl Claims {
    pub(super) fn subject(&self) -> &str {
        self.0.get("sub").and_then(Value::as_str).unwrap_or_default()
    }

    pub(super) fn has(&self, claim: &str) -> bool {
        self.0.contains_key(claim)
    }

    /// The groups of a claim: a list of them, or one.
    pub(super) fn groups(&self, claim: &str) -> BTreeSet<&str> {
        match self.0.get(claim) {
            Some(Value::Array(groups)) => groups.iter().filter_map(Value::as_str).collect(),
            Some(Value::String(group)) => BTreeSet::from([group.as_str()]),
            _ => BTreeSet::new(),
        }
    }

    fn seconds(&self, claim: &str) -> Option<Timestamp> {
        let seconds = self.0.get(claim)?;
        let whole = seconds.as_i64().or_else(|| seconds.as_f64().and_then(whole))?;
        Timestamp::from_second(whole).ok()
    }
}

/// A number of JSON that was written with a point.
fn whole(seconds: f64) -> Option<i64> {
    format!("{seconds:.0}").parse().ok()
}

/// What a token says, if it is the issuer's, for this client, of this sign-in, and of now.
pub(super) fn check(token: &str, keys: &Jwks, expected: Expected<'_>) -> Result<Claims, Rejected> {
    const MALFORMED: Rejected = Rejected::Wrong("it is no signed token");
    let (signed, signature) = token.rsplit_once('.').ok_or(MALFORMED)?;
    let (header, claims) = signed.split_once('.').ok_or(MALFORMED)?;
    let decode = |part: &str| BASE64_URL_SAFE_NO_PAD.decode(part).map_err(|_| MALFORMED);
    let header: Header = serde_json::from_slice(&decode(header)?).map_err(|_| MALFORMED)?;
    if header.crit.is_some() {
        return Err(Rejected::Wrong("it asks for what isn't understood here"));
    }
    keys.verify(&header, signed.as_bytes(), &decode(signature)?)?;
    let claims = Claims(serde_json::from_slice(&decode(claims)?).map_err(|_| MALFORMED)?);
    claims.are_of(expected)?;
    Ok(claims)
}

impl Jwks {
    fn verify(&self, header: &Header, signed: &[u8], signature: &[u8]) -> Result<(), Rejected> {
        let kind = match header.alg.as_str() {
            "RS256" => "RSA",
            "ES256" => "EC",
            _ => return Err(Rejected::Wrong("it is signed neither by RS256 nor by ES256")),
        };
        let fits = |key: &&Jwk| {
            key.kty == kind
                && key.used_for.as_deref().is_none_or(|used_for| used_for == "sig")
                && key.alg.as_deref().is_none_or(|alg| alg == header.alg)
                && (header.kid.is_none() || key.kid == header.kid)
        };
        let mut fitting = self.keys.iter().filter(fits);
        let key = match (fitting.next(), fitting.next()) {
            (None, _) => return Err(Rejected::UnknownKey),
            (Some(key), None) => key,
            (Some(_), Some(_)) => return Err(Rejected::Wrong("it doesn't say which of the issuer's keys signed it")),
        };
        match key.is_signature(signed, signature) {
            Some(true) => Ok(()),
            Some(false) => Err(Rejected::Wrong("its signature is wrong")),
            None => Err(Rejected::Wrong("the issuer's key can't be read")),
        }
    }
}

impl Jwk {
    fn is_signature(&self, signed: &[u8], signature: &[u8]) -> Option<bool> {
        let number = |text: &str| BASE64_URL_SAFE_NO_PAD.decode(text).ok();
        let checked = match (self.kty.as_str(), self.crv.as_str()) {
            ("RSA", _) => {
                let (modulus, exponent) = (number(&self.n)?, number(&self.e)?);
                // As ring takes it, and not every issuer writes it.
                let zeros = modulus.iter().take_while(|byte| **byte == 0).count();
                let key = RsaPublicKeyComponents { n: &modulus[zeros..], e: &exponent[..] };
                key.verify(&RSA_PKCS1_2048_8192_SHA256, signed, signature)
            }
            ("EC", "P-256") => {
                let point = [&[4][..], &number(&self.x)?, &number(&self.y)?].concat();
                UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point).verify(signed, signature)
            }
            _ => return None,
        };
        Some(checked.is_ok())
    }
}

impl Claims {
    fn are_of(&self, expected: Expected<'_>) -> Result<(), Rejected> {
        let Expected { issuer, client_id, nonce, now } = expected;
        let says = |claim: &str, word: &str| self.0.get(claim).and_then(Value::as_str) == Some(word);
        let hold = |holds: bool, wrong: &'static str| if holds { Ok(()) } else { Err(Rejected::Wrong(wrong)) };
        hold(says("iss", issuer), "it is of another issuer")?;
        let audience = self.groups("aud");
        hold(audience.contains(client_id), "it is for another client")?;
        // For one among several, whom it was made for has to be said (OpenID Connect Core 1.0, 3.1.3.7).
        let was_made_for = self.0.get("azp");
        hold(was_made_for.is_none_or(|azp| azp == client_id), "it was made for another client")?;
        hold(audience.len() == 1 || was_made_for.is_some(), "it doesn't say which client it was made for")?;
        hold(says("nonce", nonce), "it is of another sign-in")?;
        let (ends, made) = (self.seconds("exp"), self.seconds("iat"));
        hold(ends.is_some_and(|ends| ends > now - SKEW), "it is over")?;
        hold(made.is_some_and(|made| made <= now + SKEW), "it is of a time to come")?;
        let begins = self.seconds("nbf");
        hold(begins.is_none_or(|begins| begins <= now + SKEW), "it is of a time to come")?;
        hold((1..=LONGEST_SUBJECT).contains(&self.subject().len()), "it says of nobody")
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// The example of RFC 7515, A.2.
    const SIGNED: &str = "eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ";
    const SIGNATURE: &str = "cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_O8W2Fp5jujGbds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K0GarZRmB_eSN9383LcOLn6_dO--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0igcN_IoypGlUPQGe77Rw";
    const MODULUS: &str = "ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ";

    fn verified(keys: &Value, header: &Value, signed: &str) -> Result<(), Rejected> {
        let keys: Jwks = serde_json::from_value(keys.clone()).unwrap();
        let header = serde_json::from_value(header.clone()).unwrap();
        keys.verify(&header, signed.as_bytes(), &BASE64_URL_SAFE_NO_PAD.decode(SIGNATURE).unwrap())
    }

    #[test]
    fn a_signature_of_an_rsa_key_is_believed_by_that_key_alone() {
        let (key, header) = (json!({ "kty": "RSA", "n": MODULUS, "e": "AQAB" }), json!({ "alg": "RS256" }));
        let with = |changes: Value| {
            let mut key = key.clone();
            key.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
            json!({ "keys": [key] })
        };
        let one = with(json!({}));
        assert_eq!(verified(&one, &header, SIGNED), Ok(()));
        assert_eq!(verified(&with(json!({ "use": "sig", "alg": "RS256", "kid": "k" })), &header, SIGNED), Ok(()));
        // Some write the number's sign before it.
        let zeros =
            BASE64_URL_SAFE_NO_PAD.decode(MODULUS).map(|n| BASE64_URL_SAFE_NO_PAD.encode([&[0][..], &n].concat()));
        assert_eq!(verified(&with(json!({ "n": zeros.unwrap() })), &header, SIGNED), Ok(()));

        let wrong = Err(Rejected::Wrong("its signature is wrong"));
        assert_eq!(verified(&one, &header, &SIGNED[1..]), wrong);
        assert_eq!(verified(&with(json!({ "n": MODULUS.replacen('o', "p", 1) })), &header, SIGNED), wrong);
        for unfit in [
            json!({ "use": "enc" }),
            json!({ "alg": "PS256" }),
            json!({ "kty": "EC", "crv": "P-256" }),
            json!({ "kty": "oct", "k": MODULUS }),
        ] {
            assert_eq!(verified(&with(unfit.clone()), &header, SIGNED), Err(Rejected::UnknownKey), "{unfit}");
        }
        for alg in ["none", "HS256", "RS384", "", "rs256"] {
            let refused = verified(&one, &json!({ "alg": alg }), SIGNED);
            assert!(matches!(refused, Err(Rejected::Wrong(_))), "{alg}: {refused:?}");
        }
        assert_eq!(verified(&one, &json!({ "alg": "RS256", "kid": "k" }), SIGNED), Err(Rejected::UnknownKey));
        let two = json!({ "keys": [key, key] });
        assert!(matches!(verified(&two, &header, SIGNED), Err(Rejected::Wrong(_))));
        // Whatever else an issuer publishes is passed over.
        assert_eq!(verified(&json!({ "keys": [{ "kty": "OKP", "x": "x" }, key] }), &header, SIGNED), Ok(()));
    }

    #[test]
    fn what_is_no_token_is_refused() {
        let expected = Expected { issuer: "i", client_id: "c", nonce: "n", now: Timestamp::UNIX_EPOCH };
        for text in ["", ".", "..", "a.b.c", "e30.e30.", "e30.e30.e30", SIGNED, &format!("{SIGNED}.{SIGNATURE}.x")] {
            assert!(matches!(check(text, &Jwks::default(), expected), Err(Rejected::Wrong(_))), "{text}");
        }
    }
}
