//! Every source's parser, by the one secret that has their keys.

use std::collections::BTreeMap;

use pulse_core::{
    enrollment::PartnerName,
    feedback::FeedbackSource,
    ports::{FeedbackParser, Payload},
};
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;

use crate::{
    KeyError, MailgunParser, MarketingCloudParser, OnceToken, PartnerVerifier, SesParser, Verification,
    fields::shown_id,
};

/// The parsers of a deployment. Amazon SES's needs no key and is always there; the others are there by their keys.
///
/// [`Payload::received_at`] is to be when a payload first came in, also for one that is brought back from the dead letters,
/// whose message is a new one to SQS: a signature that was fresh then would be too old now, and the payload dropped as forged.
#[derive(Debug, Clone, Default)]
pub struct Parsers {
    ses: SesParser,
    marketing_cloud: Option<MarketingCloudParser>,
    mailgun: Option<MailgunParser>,
    partners: BTreeMap<PartnerName, PartnerVerifier>,
}

/// What is wrong with the secret. Never quotes it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FormError {
    /// It is no JSON, or has other fields.
    #[error("is not JSON of the form {}", Parsers::FORM)]
    Form,
    /// A source has no key, or an empty one.
    #[error("has no key of {0}, or an empty one")]
    NoKey(String),
    /// What is named as Marketing Cloud's callback is no id.
    #[error("names a callback of marketing-cloud that is no id")]
    Callback,
    /// A partner's name is none.
    #[error("has a partner whose name isn't 1 to 32 small letters, digits and hyphens")]
    Name,
    /// A partner's key is none.
    #[error("has a key of the partner {0} that {1}")]
    Key(PartnerName, KeyError),
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
struct Form {
    marketing_cloud: Option<MarketingCloudForm>,
    mailgun: Option<Keys>,
    partners: BTreeMap<String, Keys>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct MarketingCloudForm {
    #[serde(default)]
    callback: Option<String>,
    /// None before the callback was made.
    #[serde(default)]
    keys: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Keys {
    keys: Vec<String>,
}

impl Parsers {
    /// How the secret is written down. Each part may be left out, and a list may have two keys while one is exchanged for
    /// the other.
    pub const FORM: &str = r#"{"marketing-cloud": {"callback": "ID", "keys": ["..."]}, "mailgun": {"keys": ["..."]}, "partners": {"NAME": {"keys": ["whsec_...", "whpk_..."]}}}"#;

    /// Reads the secret.
    ///
    /// # Errors
    /// When it has another form, or a key is none.
    pub fn parse(json: &SecretString) -> Result<Self, FormError> {
        // A list would be taken for the fields in their order.
        let form: serde_json::Map<_, _> = serde_json::from_str(json.expose_secret()).map_err(|_| FormError::Form)?;
        let form: Form = serde_json::from_value(form.into()).map_err(|_| FormError::Form)?;
        let marketing_cloud = form.marketing_cloud.map(|form| {
            let callback = form.callback.map(|id| shown_id(&id).ok_or(FormError::Callback)).transpose()?;
            Ok(MarketingCloudParser::new(callback, secrets("marketing-cloud", form.keys, true)?))
        });
        let mailgun = form.mailgun.map(|form| Ok(MailgunParser::new(secrets("mailgun", form.keys, false)?)));
        let partners = form.partners.into_iter().map(|(name, form)| {
            let name = PartnerName::parse(&name).map_err(|_| FormError::Name)?;
            let keys = secrets(&format!("the partner {name}"), form.keys, false)?;
            let verifier = PartnerVerifier::new(&keys).map_err(|error| FormError::Key(name.clone(), error))?;
            Ok((name, verifier))
        });
        Ok(Self {
            ses: SesParser,
            marketing_cloud: marketing_cloud.transpose()?,
            mailgun: mailgun.transpose()?,
            partners: partners.collect::<Result<_, FormError>>()?,
        })
    }

    /// The parser of a source; none if it has no keys, so that nothing of it can be believed.
    #[must_use]
    pub fn of(&self, source: FeedbackSource) -> Option<&dyn FeedbackParser> {
        match source {
            FeedbackSource::Ses => Some(&self.ses),
            FeedbackSource::MarketingCloud => self.marketing_cloud.as_ref().map(|parser| parser as _),
            FeedbackSource::Mailgun => self.mailgun.as_ref().map(|parser| parser as _),
        }
    }

    /// What Marketing Cloud asks to be verified by this payload, which tells nothing else then.
    #[must_use]
    pub fn verification(&self, source: FeedbackSource, payload: &Payload) -> Option<Verification> {
        self.marketing_cloud.as_ref().filter(|_| source == FeedbackSource::MarketingCloud)?.verification(payload)
    }

    /// What of this payload counts once, of a source whose signature doesn't cover the body.
    #[must_use]
    pub fn once(&self, source: FeedbackSource, payload: &Payload) -> Option<OnceToken> {
        self.mailgun.as_ref().filter(|_| source == FeedbackSource::Mailgun)?.once(payload)
    }

    /// A partner by the name that stands in the address, with what reads their changes; none if there is no such partner.
    #[must_use]
    pub fn partner(&self, name: &str) -> Option<(&PartnerName, &PartnerVerifier)> {
        self.partners.get_key_value(&PartnerName::parse(name).ok()?)
    }
}

fn secrets(of: &str, keys: Vec<String>, may_be_none: bool) -> Result<Vec<SecretString>, FormError> {
    if (keys.is_empty() && !may_be_none) || keys.iter().any(|key| key.trim().is_empty()) {
        return Err(FormError::NoKey(of.to_owned()));
    }
    Ok(keys.into_iter().map(SecretString::from).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_documented_form_is_read_and_each_part_may_be_left_out() {
        let shared = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
        let json = format!(
            r#"{{"marketing-cloud": {{"callback": "65b885ab", "keys": ["k"]}}, "mailgun": {{"keys": ["k", "l"]}}, "partners": {{"crm": {{"keys": ["{shared}"]}}}}}}"#
        );
        let parsers = Parsers::parse(&json.into()).unwrap();
        assert!(FeedbackSource::ALL.iter().all(|source| parsers.of(*source).unwrap().source() == *source));
        assert!(
            parsers.partner("crm").is_some() && parsers.partner("other").is_none() && parsers.partner("../").is_none()
        );

        let none = Parsers::parse(&"{}".into()).unwrap();
        let there: Vec<_> = FeedbackSource::ALL.iter().filter(|source| none.of(**source).is_some()).collect();
        assert_eq!(there, [&FeedbackSource::Ses]);
        assert!(Parsers::parse(&r#"{"marketing-cloud": {}}"#.into()).is_ok());
    }

    #[test]
    fn what_is_wrong_with_the_secret_is_told_without_it() {
        let private = "whsk_6Xb/dCcHpPea21PS1N9VY/NZW723CEc77N4rJCubMbc=";
        for (json, told) in [
            ("", "is not JSON of the form"),
            ("[]", "is not JSON of the form"),
            (r#"{"mailgun": {"keys": ["geheim"], "kyes": []}}"#, "is not JSON of the form"),
            (r#"{"mailgun": {"keys": []}}"#, "no key of mailgun"),
            (r#"{"marketing-cloud": {"keys": [" "]}}"#, "no key of marketing-cloud"),
            (r#"{"marketing-cloud": {"callback": "geheim@"}}"#, "callback of marketing-cloud"),
            (r#"{"partners": {"No Name": {"keys": ["geheim"]}}}"#, "a partner whose name"),
            (r#"{"partners": {"crm": {"keys": ["geheim"]}}}"#, "partner crm that begins with neither"),
            (r#"{"partners": {"crm": {"keys": ["whsec_geheim"]}}}"#, "partner crm that isn't the Base64"),
            (
                r#"{"partners": {"crm": {"keys": ["whpk_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="]}}}"#,
                "isn't the Base64",
            ),
            (&format!(r#"{{"partners": {{"crm": {{"keys": ["{private}"]}}}}}}"#), "the sender's private key"),
        ] {
            let error = Parsers::parse(&json.into()).map(|_| ()).unwrap_err();
            assert!(error.to_string().contains(told), "{json}: {error}");
            assert!(!format!("{error} {error:?}").contains("geheim"), "{error}");
        }
    }
}
