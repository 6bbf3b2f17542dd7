//! The console for whoever an issuer of `OpenID` Connect knows.
//!
//! Who comes without a session is sent to the issuer, and comes back with a code, which is exchanged for a token that says who
//! they are and in which groups (authorization code flow with PKCE; RFC 6749, RFC 7636). Nothing is kept here: what is to be
//! remembered of a sign-in, and then who is in, is sealed in a cookie.

mod id_token;
mod issuer;
mod seal;

use std::{fmt, sync::Arc, time::Duration};

use axum::{
    http::{HeaderValue, Method, StatusCode, header, request::Parts},
    response::{IntoResponse, Redirect, Response},
};
use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use form_urlencoded::Serializer;
use jiff::Timestamp;
use pulse_app::App;
use pulse_core::{control::Actor, keys::KeyRing};
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use self::{
    id_token::{Claims, Expected, Rejected},
    issuer::{Issuer, IssuerError},
    seal::Seal,
};
use super::{Visitor, asked_from_elsewhere, cookies, host, is_from_own_page, is_same, only_looks, refuse, secret};
use crate::{layout, wanted::Wanted};

pub use issuer::{IssuerClient, IssuerUnreachable};

/// For how long someone is in. Whoever is taken out of a group is out by then, and whoever has a cookie of theirs.
const SESSION: Duration = Duration::from_hours(8);

/// How long it may take someone to sign in at the issuer.
const SIGN_IN: Duration = Duration::from_mins(10);

/// The names of the cookies. A browser takes such a name from this host alone, over TLS, for all of its paths (RFC 6265bis,
/// "The __Host- Prefix").
const SESSION_COOKIE: &str = "__Host-pulse";
const SIGN_IN_COOKIE: &str = "__Host-pulse-sign-in";

/// Where the issuer sends people back to.
const SIGNED_IN: &str = "/signed-in";

/// Where people sign out.
pub(crate) const SIGN_OUT: &str = "/sign-out";

/// What viewers may post: it finds, and changes nothing.
const VIEWERS_POST: &str = "/search";

/// The claims with someone's groups, where none is named: Amazon Cognito's, and most others'.
const GROUPS: [&str; 2] = ["cognito:groups", "groups"];

/// What a digest begins with that stands for a subject. A subject that begins so itself is no other's.
const DIGEST: &str = "sha256:";

/// The longest path that someone is brought back to.
const LONGEST_PATH: usize = 512;

/// Who may come in, and by whose word.
#[derive(Debug, Clone)]
pub struct OidcSettings {
    /// The issuer, as it calls itself.
    pub issuer: String,
    /// Who the console is to it.
    pub client_id: String,
    /// By what it shows that, if the issuer has given it anything.
    pub client_secret: Option<SecretString>,
    /// The group of those who look.
    pub viewers: String,
    /// The group of those who do things, too.
    pub operators: String,
    /// The claim with someone's groups, if it isn't one of the usual two.
    pub groups_claim: Option<String>,
}

/// The console behind an issuer.
pub struct Oidc {
    settings: OidcSettings,
    issuer: Issuer,
    seal: Seal,
    operators: App,
}

/// What someone may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Look.
    Viewer,
    /// Do things, too.
    Operator,
}

/// The name under which a request was served, by the word of whatever took it. Who calls says another where they like.
#[derive(Debug, Clone)]
pub struct ServedAs(pub String);

/// Who is in, as their cookie has it.
#[derive(Serialize, Deserialize)]
struct Session {
    subject: String,
    role: Role,
    until: Timestamp,
}

/// A sign-in that isn't over, as its cookie has it.
#[derive(Serialize, Deserialize)]
struct SignIn {
    state: String,
    nonce: String,
    verifier: String,
    path: String,
    until: Timestamp,
}

/// Why someone isn't let in.
enum Refusal {
    /// There is no such sign-in, or no longer.
    NotBegun,
    /// The issuer refused, by its own word for why.
    Refused(String),
    /// What the issuer says isn't believed.
    Unbelieved(&'static str),
    /// The issuer is of no help.
    Issuer(IssuerError),
    /// They are in neither group.
    NoGroup(String),
    /// There are no random numbers.
    NoSecrets,
}

impl fmt::Debug for Oidc {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Oidc").field("settings", &self.settings).finish_non_exhaustive()
    }
}

impl Oidc {
    /// A console whose cookies are sealed with `keys`. What operators do is done by `operators`, an application with
    /// permissions of its own: that of the [console](crate::Console) itself is for those who look.
    #[must_use]
    pub fn new(settings: OidcSettings, keys: KeyRing, client: Arc<dyn IssuerClient>, operators: App) -> Self {
        let OidcSettings { issuer, client_id, client_secret, .. } = settings.clone();
        let issuer = Issuer::new(issuer, client_id, client_secret, client);
        Self { settings, issuer, seal: Seal(keys), operators }
    }

    /// The application of someone.
    pub(crate) fn app(&self, viewers: &App, visitor: &Visitor) -> App {
        let app = match visitor.role {
            Role::Viewer => viewers,
            Role::Operator => &self.operators,
        };
        App { actor: visitor.actor.clone(), ..app.clone() }
    }

    fn now(&self) -> Timestamp {
        self.operators.clock().now()
    }

    /// Lets in who has a session, and sends others to the issuer.
    pub(super) async fn enter(&self, request: &Parts) -> Result<Option<Visitor>, Response> {
        let mut entered = self.admit(request).await;
        if let Err(refused) = &mut entered {
            secure(refused);
        }
        entered
    }

    async fn admit(&self, request: &Parts) -> Result<Option<Visitor>, Response> {
        let Parts { method, headers, uri, .. } = request;
        let own = request.extensions.get::<ServedAs>().map(|ServedAs(own)| own.as_str());
        let Some(own) = own.filter(|own| host(request).is_some_and(|host| own.eq_ignore_ascii_case(host))) else {
            let words = "The console answers under the name of its function URL alone.";
            return Err(refuse(request, StatusCode::MISDIRECTED_REQUEST, "Not here", words));
        };
        let looks = only_looks(method);
        if !looks && !is_from_own_page(headers, |origin| origin.strip_prefix("https://") == Some(own)) {
            return Err(asked_from_elsewhere(request));
        }
        // Nothing of the stack is in them, and the page that refuses someone has them, too.
        if looks && uri.path().starts_with("/assets/") {
            return Ok(None);
        }
        match (method, uri.path()) {
            (&Method::GET, SIGNED_IN) => return Err(self.finish(request, own).await),
            (&Method::POST, SIGN_OUT) => return Err(signed_out()),
            _ => {}
        }
        let Some(Session { subject, role, .. }) = self.session(request) else {
            return Err(self.begin(request, own).await.unwrap_or_else(|refusal| self.refused(request, &refusal)));
        };
        let actor = actor(&subject);
        if !looks {
            let (path, role) = (uri.path(), role.as_str());
            tracing::info!(by = %actor, role, %method, path, "asked");
        }
        if !looks && role == Role::Viewer && uri.path() != VIEWERS_POST {
            let words = format!(
                "You may look. Who does things here is in the group {}, and signs in again once they are.",
                self.settings.operators
            );
            return Err(refuse(request, StatusCode::FORBIDDEN, "That is for operators", &words));
        }
        Ok(Some(Visitor { actor, role }))
    }

    fn session(&self, request: &Parts) -> Option<Session> {
        let mut sealed = cookies(&request.headers, SESSION_COOKIE);
        sealed.find_map(|sealed| {
            self.seal.open::<Session>(&self.session_name(), sealed).filter(|session| session.until > self.now())
        })
    }

    /// As what sessions are sealed: they end when it is changed who may come in.
    fn session_name(&self) -> String {
        let OidcSettings { issuer, client_id, viewers, operators, groups_claim, .. } = &self.settings;
        format!("{:?}", (SESSION_COOKIE, issuer, client_id, viewers, operators, groups_claim))
    }

    /// Sends someone to the issuer.
    async fn begin(&self, request: &Parts, own: &str) -> Result<Response, Refusal> {
        // A page that looks again by itself is to hear that it is over, and a program has no use for the issuer's pages.
        let is_page = request.headers.get("sec-fetch-mode").is_none_or(|mode| mode == "navigate");
        if !only_looks(&request.method) || !is_page || Wanted::of(request) == Wanted::Json {
            let words = "Sign in first: load a page of the console in a browser.";
            return Ok(refuse(request, StatusCode::UNAUTHORIZED, "Not signed in", words));
        }
        let metadata = self.issuer.metadata(self.now()).await.map_err(Refusal::Issuer)?;
        let secret = || secret().map_err(|_| Refusal::NoSecrets);
        let path = request.uri.path_and_query().map_or("/", axum::http::uri::PathAndQuery::as_str);
        let begun = SignIn {
            state: secret()?,
            nonce: secret()?,
            verifier: secret()?,
            path: if is_own_path(path) { path.to_owned() } else { "/".to_owned() },
            until: self.now() + SIGN_IN,
        };
        let challenge = BASE64_URL_SAFE_NO_PAD.encode(Sha256::digest(&begun.verifier));
        // Some issuers tell someone's groups to who asks for them alone.
        let asks_for_groups = metadata.scopes_supported.iter().any(|scope| scope == "groups");
        let query = Serializer::new(String::new())
            .append_pair("response_type", "code")
            .append_pair("client_id", &self.issuer.client_id)
            .append_pair("redirect_uri", &redirect_uri(own))
            .append_pair("scope", if asks_for_groups { "openid groups" } else { "openid" })
            .append_pair("state", &begun.state)
            .append_pair("nonce", &begun.nonce)
            .append_pair("code_challenge", &challenge)
            .append_pair("code_challenge_method", "S256")
            .finish();
        let place = &metadata.authorization_endpoint;
        let joint = if place.contains('?') { '&' } else { '?' };
        let sealed = self.seal.seal(SIGN_IN_COOKIE, &begun).ok_or(Refusal::NoSecrets)?;
        let kept = cookie(SIGN_IN_COOKIE, &sealed, SIGN_IN);
        Ok(([(header::SET_COOKIE, kept)], Redirect::to(&format!("{place}{joint}{query}"))).into_response())
    }

    /// Takes someone who comes back from the issuer.
    async fn finish(&self, request: &Parts, own: &str) -> Response {
        let (gone, answer) = (cookie(SIGN_IN_COOKIE, "", Duration::ZERO), self.taken(request, own).await);
        let mut response = match answer {
            Ok((session, path)) => ([(header::SET_COOKIE, session)], Redirect::to(&path)).into_response(),
            Err(refusal) => self.refused(request, &refusal),
        };
        // It is good for one try.
        if let Ok(gone) = HeaderValue::from_str(&gone) {
            response.headers_mut().append(header::SET_COOKIE, gone);
        }
        response
    }

    /// The cookie of the session, and where it is to go on.
    async fn taken(&self, request: &Parts, own: &str) -> Result<(String, String), Refusal> {
        let now = self.now();
        let query = request.uri.query().unwrap_or_default();
        let said = |name: &str| {
            form_urlencoded::parse(query.as_bytes()).find(|(named, _)| named == name).map(|(_, value)| value)
        };
        let state = said("state").unwrap_or_default();
        let begun = cookies(&request.headers, SIGN_IN_COOKIE)
            .filter_map(|sealed| self.seal.open::<SignIn>(SIGN_IN_COOKIE, sealed))
            .find(|begun| begun.until > now && is_same(&begun.state, &state))
            .ok_or(Refusal::NotBegun)?;
        // Who sends people to several issuers is to know which of them answers (RFC 9207).
        if said("iss").is_some_and(|issuer| issuer != self.issuer.url) {
            return Err(Refusal::Unbelieved("it is of another issuer"));
        }
        let Some(code) = said("code") else {
            return Err(Refusal::Refused(said("error").and_then(|error| issuer::word(&error)).unwrap_or_default()));
        };
        let token = self.issuer.exchange(&code, &begun.verifier, &redirect_uri(own), now).await;
        let claims = self.believed(&token.map_err(Refusal::Issuer)?, &begun.nonce, now).await?;
        let subject = claims.subject().to_owned();
        let Some(role) = self.role(&claims) else { return Err(Refusal::NoGroup(subject)) };
        tracing::info!(by = %actor(&subject), role = role.as_str(), "signed in");
        let session = Session { subject, role, until: now + SESSION };
        let sealed = self.seal.seal(&self.session_name(), &session).ok_or(Refusal::NoSecrets)?;
        Ok((cookie(SESSION_COOKIE, &sealed, SESSION), begun.path))
    }

    async fn believed(&self, token: &str, nonce: &str, now: Timestamp) -> Result<Claims, Refusal> {
        let Issuer { url: issuer, client_id, .. } = &self.issuer;
        let expected = Expected { issuer, client_id, nonce, now };
        let keys = self.issuer.keys(now).await.map_err(Refusal::Issuer)?;
        let mut checked = id_token::check(token, &keys, expected);
        if matches!(checked, Err(Rejected::UnknownKey)) {
            let keys = self.issuer.newer_keys(now).await.map_err(Refusal::Issuer)?;
            checked = id_token::check(token, &keys, expected);
        }
        checked.map_err(|rejected| match rejected {
            Rejected::UnknownKey => Refusal::Unbelieved("it is signed with none of the issuer's keys"),
            Rejected::Wrong(why) => Refusal::Unbelieved(why),
        })
    }

    fn role(&self, claims: &Claims) -> Option<Role> {
        let named = self.settings.groups_claim.as_deref();
        // The first that is there, alone: another may have groups that anybody makes.
        let claim = named.or_else(|| GROUPS.into_iter().find(|claim| claims.has(claim)))?;
        let is_in = |group: &str| claims.groups(claim).contains(group);
        if is_in(&self.settings.operators) {
            return Some(Role::Operator);
        }
        is_in(&self.settings.viewers).then_some(Role::Viewer)
    }

    fn refused(&self, request: &Parts, refusal: &Refusal) -> Response {
        let (status, heading, words) = match refusal {
            Refusal::NotBegun => (
                StatusCode::BAD_REQUEST,
                "Sign in again",
                "That sign-in was begun in another window or browser, took more than ten minutes, or is done."
                    .to_owned(),
            ),
            Refusal::Refused(word) => {
                tracing::info!(word, "the issuer lets someone not in");
                (StatusCode::FORBIDDEN, "Not let in", format!("The issuer doesn't let you in here ({word})."))
            }
            Refusal::Issuer(IssuerError::Refused(word)) => {
                tracing::warn!(word, "the issuer gives no token");
                let words = format!("The issuer gives no token for this sign-in ({word}). Sign in again.");
                (StatusCode::FORBIDDEN, "Not let in", words)
            }
            Refusal::Issuer(error) => {
                tracing::error!(%error, "nobody can sign in");
                let words =
                    "The issuer can't be asked who you are. Try it again; the function's log says what is amiss.";
                (StatusCode::BAD_GATEWAY, "Nobody can sign in now", words.to_owned())
            }
            Refusal::Unbelieved(why) => {
                tracing::warn!(why, "a token isn't believed");
                (StatusCode::FORBIDDEN, "Not let in", format!("What the issuer says of you isn't believed: {why}."))
            }
            Refusal::NoGroup(subject) => {
                tracing::info!(by = %actor(subject), "someone of neither group");
                let OidcSettings { viewers, operators, .. } = &self.settings;
                let words = format!(
                    "You are known, as {}, and in neither group: who looks is in {viewers}, and who does things in \
                     {operators}. Ask for one of them, and sign in again.",
                    actor(subject)
                );
                (StatusCode::FORBIDDEN, "You are in no group", words)
            }
            Refusal::NoSecrets => {
                tracing::error!("there are no random numbers");
                let words = "There are no random numbers to sign anybody in with.";
                (StatusCode::INTERNAL_SERVER_ERROR, "Nobody can sign in now", words.to_owned())
            }
        };
        refuse(request, status, heading, &words)
    }
}

impl Role {
    /// The role in a word.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Viewer => "viewer",
            Self::Operator => "operator",
        }
    }
}

/// Who someone is in rows and logs: the issuer's own name for them. One that may be an address, or isn't plain, stands there as
/// its digest.
fn actor(subject: &str) -> Actor {
    let is_plain = |letter: char| letter.is_ascii_alphanumeric() || "-_.|:".contains(letter);
    if subject.len() <= 64 && subject.chars().all(is_plain) && !subject.starts_with(DIGEST) {
        return Actor::named(&format!("oidc:{subject}"));
    }
    let digest = Sha256::digest(subject).iter().take(12).fold(String::new(), |hex, byte| hex + &format!("{byte:02x}"));
    Actor::named(&format!("oidc:{DIGEST}{digest}"))
}

fn redirect_uri(own: &str) -> String {
    format!("https://{own}{SIGNED_IN}")
}

/// Whether a path leads to a page of the console and nowhere else: `//` begins the name of a host.
fn is_own_path(path: &str) -> bool {
    path.len() <= LONGEST_PATH && path.starts_with('/') && !path[1..].starts_with(['/', '\\'])
}

fn cookie(name: &str, value: &str, lasts: Duration) -> String {
    // Not `Strict`, which a browser that comes back from the issuer wouldn't send.
    format!("{name}={value}; Path=/; Secure; HttpOnly; SameSite=Lax; Max-Age={}", lasts.as_secs())
}

fn signed_out() -> Response {
    let gone = cookie(SESSION_COOKIE, "", Duration::ZERO);
    let words = "You are signed out of the console. At the issuer you may still be signed in.";
    ([(header::SET_COOKIE, gone)], layout::refused(StatusCode::OK, "Signed out", words)).into_response()
}

/// Tells browsers to come by TLS alone, for a year.
pub(crate) fn secure(response: &mut Response) {
    let lasts = HeaderValue::from_static("max-age=31536000");
    response.headers_mut().insert(header::STRICT_TRANSPORT_SECURITY, lasts);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn people_are_named_by_what_the_issuer_calls_them_and_never_by_an_address() {
        assert_eq!(actor("5f1c-22|x").as_str(), "oidc:5f1c-22|x");
        for subject in
            ["aoife@example.com", "Aoife Ní", &"x".repeat(65), "a\nb", "<b>", &actor("aoife@example.com").as_str()[5..]]
        {
            let named = actor(subject);
            assert!(named.as_str().starts_with("oidc:sha256:") && named.as_str().len() == 36, "{named}");
        }
        assert_ne!(actor("aoife@example.com"), actor("aoife@example.org"));
        // Nor can anybody call themselves what stands for another.
        assert_ne!(actor(&actor("aoife@example.com").as_str()[5..]), actor("aoife@example.com"));
    }

    #[test]
    fn nobody_is_sent_to_another_host() {
        for path in ["/", "/orders?before=x", "/customers/c-1"] {
            assert!(is_own_path(path), "{path}");
        }
        for path in ["", "//evil.example", "/\\evil.example", "https://evil.example", "evil"] {
            assert!(!is_own_path(path), "{path}");
        }
    }
}
