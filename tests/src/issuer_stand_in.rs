//! An issuer of `OpenID` Connect that lets in whom the test names, and says what the test has it say.

use std::{
    collections::BTreeMap,
    net::Ipv4Addr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use async_trait::async_trait;
use axum::{
    Form, Json, Router,
    body::{Body, to_bytes},
    extract::{Query, State},
    http::{HeaderMap, Request, Response, StatusCode, header},
    response::{IntoResponse, Redirect},
    routing::{get, post},
};
use base64::{
    Engine as _,
    prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD},
};
use hmac::{Hmac, KeyInit as _, Mac as _};
use pulse_console::{IssuerClient, IssuerUnreachable};
use pulse_core::ports::Clock;
use ring::{
    rand::SystemRandom,
    signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _},
};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use tokio::net::TcpListener;
use tower::ServiceExt as _;

/// Who the console is to it, and by what it shows that.
pub const CLIENT: &str = "pulse-console";
/// The client's own secret, with a letter that isn't one of a URL.
pub const CLIENT_SECRET: &str = "a secret+of the client's";

/// How a token is signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Signing {
    /// With the issuer's key.
    Key,
    /// With a key that it doesn't publish, under the name of its own.
    AnothersKey,
    /// Not at all: `alg` is `none`.
    None,
    /// With a code made of the key that it publishes: `alg` is `HS256`.
    PublishedKeyAsSecret,
}

type Say = Arc<dyn Fn(&mut Value, &mut Value) + Send + Sync>;

/// The issuer.
#[derive(Clone)]
pub struct IssuerStandIn {
    /// What it calls itself.
    pub url: String,
    clock: Arc<dyn Clock>,
    inner: Arc<Mutex<Inner>>,
}

struct Inner {
    person: (String, Vec<String>),
    codes: BTreeMap<String, BTreeMap<String, String>>,
    keys: Vec<(String, EcdsaKeyPair)>,
    say: Say,
    signing: Signing,
    asked_for_keys: u32,
    is_down: bool,
}

fn key() -> EcdsaKeyPair {
    let random = SystemRandom::new();
    let pkcs8 = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random).expect("a key");
    EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, pkcs8.as_ref(), &random).expect("a key")
}

fn published(id: &str, key: &EcdsaKeyPair) -> Value {
    let (x, y) = key.public_key().as_ref()[1..].split_at(32);
    let [x, y] = [x, y].map(|half| BASE64_URL_SAFE_NO_PAD.encode(half));
    json!({ "kty": "EC", "crv": "P-256", "use": "sig", "alg": "ES256", "kid": id, "x": x, "y": y })
}

impl IssuerStandIn {
    /// One that calls itself so.
    #[must_use]
    pub fn called(url: &str, clock: Arc<dyn Clock>) -> Self {
        let inner = Inner {
            person: (String::new(), Vec::new()),
            codes: BTreeMap::new(),
            keys: vec![("first".into(), key())],
            say: Arc::new(|_, _| {}),
            signing: Signing::Key,
            asked_for_keys: 0,
            is_down: false,
        };
        Self { url: url.into(), clock, inner: Arc::new(Mutex::new(inner)) }
    }

    /// One that is served on this machine, for as long as the runtime lasts.
    ///
    /// # Panics
    /// When this machine has no port for it.
    pub async fn serve(clock: Arc<dyn Clock>) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a port");
        let issuer = Self::called(&format!("http://{}", listener.local_addr().expect("an address")), clock);
        let router = issuer.router();
        tokio::spawn(async move { axum::serve(listener, router).await });
        issuer
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Who is there from now on, and in which groups.
    pub fn person(&self, subject: &str, groups: &[&str]) {
        self.inner().person = (subject.into(), groups.iter().map(|group| (*group).to_owned()).collect());
    }

    /// What it changes of tokens' headers and claims from now on.
    pub fn say(&self, say: impl Fn(&mut Value, &mut Value) + Send + Sync + 'static) {
        self.inner().say = Arc::new(say);
    }

    /// How it signs from now on.
    pub fn sign(&self, signing: Signing) {
        self.inner().signing = signing;
    }

    /// Takes a new key, and publishes no other.
    pub fn rotate(&self, id: &str) {
        self.inner().keys = vec![(id.into(), key())];
    }

    /// How often its keys were asked for.
    #[must_use]
    pub fn asked_for_keys(&self) -> u32 {
        self.inner().asked_for_keys
    }

    /// Whether it answers from now on.
    pub fn is_down(&self, is_down: bool) {
        self.inner().is_down = is_down;
    }

    fn router(&self) -> Router {
        Router::new()
            .route("/.well-known/openid-configuration", get(configuration))
            .route("/authorize", get(authorize))
            .route("/token", post(token))
            .route("/keys", get(keys))
            .with_state(self.clone())
    }

    /// Where it sends a browser that comes with this link.
    ///
    /// # Panics
    /// When it is another's link.
    pub async fn visit(&self, link: &str) -> String {
        let path = link.strip_prefix(&self.url).expect("a link to the issuer");
        let request = Request::get(path).body(Body::empty()).expect("a request");
        let answer = self.router().oneshot(request).await.expect("an answer");
        assert_eq!(answer.status(), StatusCode::SEE_OTHER);
        answer.headers()[header::LOCATION].to_str().expect("a link").to_owned()
    }

    fn id_token(&self, asked: &BTreeMap<String, String>) -> String {
        let inner = self.inner();
        let (subject, groups) = &inner.person;
        let now = self.clock.now().as_second();
        let (id, own) = &inner.keys[0];
        let mut header = json!({ "alg": "ES256", "kid": id });
        let mut claims = json!({
            "iss": self.url, "sub": subject, "aud": CLIENT, "exp": now + 3_600, "iat": now, "nonce": asked["nonce"],
            "email": "evelyn@issuer.example", "name": "Evelyn", "cognito:groups": groups,
        });
        match inner.signing {
            Signing::None => header["alg"] = json!("none"),
            Signing::PublishedKeyAsSecret => header["alg"] = json!("HS256"),
            Signing::Key | Signing::AnothersKey => {}
        }
        (inner.say)(&mut header, &mut claims);
        let signed = [&header, &claims].map(|part| BASE64_URL_SAFE_NO_PAD.encode(part.to_string())).join(".");
        let ecdsa = |key: &EcdsaKeyPair| {
            key.sign(&SystemRandom::new(), signed.as_bytes()).expect("a signature").as_ref().to_vec()
        };
        let signature = match inner.signing {
            Signing::Key => ecdsa(own),
            Signing::AnothersKey => ecdsa(&key()),
            Signing::None => Vec::new(),
            Signing::PublishedKeyAsSecret => {
                let mac = Hmac::<Sha256>::new_from_slice(own.public_key().as_ref()).expect("a key of any length");
                mac.chain_update(&signed).finalize().into_bytes().to_vec()
            }
        };
        format!("{signed}.{}", BASE64_URL_SAFE_NO_PAD.encode(signature))
    }
}

type Asked = Query<BTreeMap<String, String>>;

async fn configuration(State(issuer): State<IssuerStandIn>) -> impl IntoResponse {
    let at = |path: &str| format!("{}/{path}", issuer.url);
    Json(json!({
        "issuer": issuer.url, "authorization_endpoint": at("authorize"), "token_endpoint": at("token"), "jwks_uri": at("keys"),
        "response_types_supported": ["code"], "id_token_signing_alg_values_supported": ["ES256"],
    }))
}

/// Asks nobody for a password.
async fn authorize(State(issuer): State<IssuerStandIn>, Query(asked): Asked) -> impl IntoResponse {
    let is = |name: &str, value: &str| asked.get(name).is_some_and(|there| there == value);
    assert!(is("response_type", "code") && is("client_id", CLIENT) && is("code_challenge_method", "S256"), "{asked:?}");
    let code = format!("code-{}", issuer.inner().codes.len() + 1);
    let back = format!("{}?code={code}&state={}", asked["redirect_uri"], asked["state"]);
    issuer.inner().codes.insert(code, asked);
    Redirect::to(&back)
}

async fn token(
    State(issuer): State<IssuerStandIn>,
    headers: HeaderMap,
    Form(form): Form<BTreeMap<String, String>>,
) -> impl IntoResponse {
    let refused = |error: &str| (StatusCode::BAD_REQUEST, Json(json!({ "error": error }))).into_response();
    // The id and the secret are form-encoded before they are put together.
    let known = format!("Basic {}", BASE64_STANDARD.encode(format!("{CLIENT}:a+secret%2Bof+the+client%27s")));
    if headers.get(header::AUTHORIZATION).is_none_or(|given| given != known.as_str()) {
        return refused("invalid_client");
    }
    // A code is good for once.
    let asked = form.get("code").and_then(|code| issuer.inner().codes.remove(code));
    let Some(asked) = asked.filter(|asked| asked.get("redirect_uri") == form.get("redirect_uri")) else {
        return refused("invalid_grant");
    };
    let verifier = form.get("code_verifier").cloned().unwrap_or_default();
    if BASE64_URL_SAFE_NO_PAD.encode(Sha256::digest(verifier)) != asked["code_challenge"] {
        return refused("invalid_grant");
    }
    Json(json!({ "id_token": issuer.id_token(&asked), "access_token": "x", "token_type": "Bearer" })).into_response()
}

async fn keys(State(issuer): State<IssuerStandIn>) -> impl IntoResponse {
    let mut inner = issuer.inner();
    inner.asked_for_keys += 1;
    let keys: Vec<_> = inner.keys.iter().map(|(id, key)| published(id, key)).collect();
    Json(json!({ "keys": keys }))
}

/// Asked without a network.
#[async_trait]
impl IssuerClient for IssuerStandIn {
    async fn call(&self, request: Request<String>) -> Result<Response<Vec<u8>>, IssuerUnreachable> {
        if self.inner().is_down {
            return Err(IssuerUnreachable);
        }
        let answer = self.router().oneshot(request.map(Body::from)).await.expect("an answer");
        let (parts, body) = answer.into_parts();
        Ok(Response::from_parts(parts, to_bytes(body, usize::MAX).await.expect("an answer").to_vec()))
    }
}
