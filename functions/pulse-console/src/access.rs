//! Who may come in.

use std::sync::{Arc, Mutex};

use axum::{
    extract::{Request, State},
    http::{HeaderMap, Method, StatusCode, Uri, header},
    middleware::Next,
    response::{IntoResponse, Redirect, Response},
};
use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use rand::{TryRng as _, rngs::SysRng};
use subtle::ConstantTimeEq as _;

use crate::layout;

/// Who may come in.
#[derive(Debug, Clone)]
pub enum Access {
    /// Whoever has the link that was printed on this machine.
    Loopback(Arc<Loopback>),
}

/// The console on this machine: one link lets one browser in, once.
///
/// Any page that a browser shows may have it ask this machine something, and have a name of its own point here (DNS
/// rebinding). So the host must be this machine's, what changes something must come from a page of the console itself, by
/// what the browser says (Fetch Metadata, W3C: `Sec-Fetch-Site`), and every request must have the cookie that the link's
/// token was exchanged for.
pub struct Loopback {
    hosts: [String; 2],
    token: Mutex<Option<String>>,
    cookie: String,
    session: String,
}

impl std::fmt::Debug for Loopback {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Loopback").field("hosts", &self.hosts).finish_non_exhaustive()
    }
}

impl Loopback {
    /// A console on this port. With it goes the path and query of the link that lets a browser in.
    ///
    /// # Errors
    /// When the machine has no random numbers.
    pub fn on(port: u16) -> Result<(Self, String), std::io::Error> {
        let (token, session) = (secret()?, secret()?);
        let link = format!("/?token={token}");
        let hosts = [format!("127.0.0.1:{port}"), format!("localhost:{port}")];
        // Cookies know no ports: two consoles on a machine have two names.
        let cookie = format!("pulse-console-{port}");
        Ok((Self { hosts, token: Mutex::new(Some(token)), cookie, session }, link))
    }

    /// Takes the token, if it is the one that wasn't used yet.
    fn exchange(&self, token: &str) -> bool {
        let mut unused = self.token.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let fits = unused.as_deref().is_some_and(|unused| is_same(unused, token));
        if fits {
            *unused = None;
        }
        fits
    }

    fn is_let_in(&self, headers: &HeaderMap) -> bool {
        let cookies = headers.get_all(header::COOKIE).iter().filter_map(|cookies| cookies.to_str().ok());
        let mut pairs = cookies.flat_map(|cookies| cookies.split(';')).filter_map(|pair| pair.trim().split_once('='));
        pairs.any(|(name, value)| name == self.cookie && is_same(value, &self.session))
    }

    fn is_here(&self, headers: &HeaderMap, uri: &Uri) -> bool {
        let named = headers.get(header::HOST).map(|host| host.to_str().unwrap_or_default());
        let host = named.or_else(|| uri.authority().map(axum::http::uri::Authority::as_str));
        host.is_some_and(|host| self.hosts.iter().any(|own| own.eq_ignore_ascii_case(host)))
    }

    /// Whether a page of the console itself asks: an old browser says only from where.
    fn is_from_here(&self, headers: &HeaderMap) -> bool {
        let text = |name: &str| headers.get(name).map(|value| value.to_str().unwrap_or_default());
        let origin = text("origin");
        let own = |origin: &str| self.hosts.iter().any(|host| origin == format!("http://{host}"));
        match text("sec-fetch-site") {
            Some(site) => site == "same-origin" && origin.is_none_or(own),
            None => origin.is_some_and(own),
        }
    }
}

fn is_same(one: &str, other: &str) -> bool {
    one.as_bytes().ct_eq(other.as_bytes()).into()
}

/// 256 random bits.
fn secret() -> Result<String, std::io::Error> {
    let mut bytes = [0; 32];
    SysRng.try_fill_bytes(&mut bytes).map_err(std::io::Error::other)?;
    Ok(BASE64_URL_SAFE_NO_PAD.encode(bytes))
}

/// Lets in who may come in, and refuses everybody else before anything is read.
pub(crate) async fn only_who_may(State(access): State<Access>, request: Request, next: Next) -> Response {
    let Access::Loopback(loopback) = access;
    let (headers, method) = (request.headers(), request.method());
    if !loopback.is_here(headers, request.uri()) {
        let words = "The console answers under the name of this machine alone, as in the link that was printed.";
        return layout::refused(StatusCode::MISDIRECTED_REQUEST, "Not here", words);
    }
    let only_looks = [Method::GET, Method::HEAD].contains(method);
    if !only_looks && !loopback.is_from_here(headers) {
        let words = "Only a page of the console itself may change something.";
        return layout::refused(StatusCode::FORBIDDEN, "Asked from elsewhere", words);
    }
    if loopback.is_let_in(headers) {
        return next.run(request).await;
    }
    let query = request.uri().query().unwrap_or_default();
    let token = query.split('&').find_map(|pair| pair.strip_prefix("token="));
    if method == Method::GET && request.uri().path() == "/" && token.is_some_and(|token| loopback.exchange(token)) {
        // Not `Strict`, which a link that is clicked on another site's page, such as a terminal in a browser, comes without.
        let cookie = format!("{}={}; Path=/; HttpOnly; SameSite=Lax", loopback.cookie, loopback.session);
        return ([(header::SET_COOKIE, cookie)], Redirect::to("/")).into_response();
    }
    let words = "The link that was printed when the console was started lets one browser in, once. Start it again for \
                 another link.";
    layout::refused(StatusCode::UNAUTHORIZED, "Not let in", words)
}

#[cfg(test)]
mod tests {
    use axum::{Router, body::Body, middleware::from_fn_with_state, routing::get};
    use tower::ServiceExt as _;

    use super::*;

    const HERE: &str = "127.0.0.1:4242";

    struct Door {
        router: Router,
        link: String,
    }

    impl Door {
        fn new() -> Self {
            let (loopback, link) = Loopback::on(4242).unwrap();
            let access = Access::Loopback(Arc::new(loopback));
            let router = Router::new()
                .route("/", get(async || "in").post(async || "done"))
                .layer(from_fn_with_state(access, only_who_may));
            Self { router, link }
        }

        async fn ask(&self, method: Method, path: &str, headers: &[(&str, &str)]) -> Response {
            let mut request = axum::http::Request::builder().method(method).uri(path);
            for (name, value) in headers {
                request = request.header(*name, *value);
            }
            self.router.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap()
        }

        /// The cookie that the link is exchanged for.
        async fn come_in(&self) -> String {
            let answer = self.ask(Method::GET, &self.link, &[("host", HERE)]).await;
            assert_eq!(
                (answer.status(), &answer.headers()["location"]),
                (StatusCode::SEE_OTHER, &"/".parse().unwrap())
            );
            let cookie = answer.headers()["set-cookie"].to_str().unwrap().to_owned();
            assert!(cookie.ends_with("; Path=/; HttpOnly; SameSite=Lax"), "{cookie}");
            cookie.split(';').next().unwrap().to_owned()
        }
    }

    #[tokio::test]
    async fn the_link_lets_one_browser_in_once() {
        let door = Door::new();
        for headers in [&[("host", HERE)][..], &[("host", HERE), ("cookie", "pulse-console-4242=x")]] {
            for path in ["/", "/?token=", "/?token=x"] {
                assert_eq!(door.ask(Method::GET, path, headers).await.status(), StatusCode::UNAUTHORIZED, "{path}");
            }
        }
        let cookie = door.come_in().await;
        let again = door.ask(Method::GET, &door.link, &[("host", HERE)]).await;
        assert_eq!(again.status(), StatusCode::UNAUTHORIZED);
        let cookies = format!("other=1; {cookie}");
        let inside = door.ask(Method::GET, "/", &[("host", HERE), ("cookie", &cookies)]).await;
        assert_eq!(inside.status(), StatusCode::OK);
        let (_, session) = cookie.split_once('=').unwrap();
        let others = format!("pulse-console-4243={session}");
        let other = door.ask(Method::GET, "/", &[("host", HERE), ("cookie", &others)]).await;
        assert_eq!(other.status(), StatusCode::UNAUTHORIZED);
    }

    #[tokio::test]
    async fn a_name_that_is_not_this_machine_is_not_answered() {
        let door = Door::new();
        let cookie = door.come_in().await;
        for (host, is_here) in [
            (HERE, true),
            ("localhost:4242", true),
            ("LOCALHOST:4242", true),
            ("127.0.0.1", false),
            ("127.0.0.1:80", false),
            ("evil.example:4242", false),
            ("127.0.0.1.evil.example:4242", false),
            ("127.0.0.1:4242.evil.example", false),
            ("", false),
        ] {
            let status = door.ask(Method::GET, "/", &[("host", host), ("cookie", &cookie)]).await.status();
            let expected = if is_here { StatusCode::OK } else { StatusCode::MISDIRECTED_REQUEST };
            assert_eq!(status, expected, "{host}");
        }
        let status = door.ask(Method::GET, "/", &[("cookie", &cookie)]).await.status();
        assert_eq!(status, StatusCode::MISDIRECTED_REQUEST);
    }

    #[tokio::test]
    async fn only_a_page_of_the_console_may_change_something() {
        let door = Door::new();
        let cookie = door.come_in().await;
        let sites = [None, Some("same-origin"), Some("same-site"), Some("cross-site"), Some("none"), Some("x")];
        let origins = [
            None,
            Some("http://127.0.0.1:4242"),
            Some("http://localhost:4242"),
            Some("https://127.0.0.1:4242"),
            Some("http://127.0.0.1:4243"),
            Some("http://evil.example"),
            Some("null"),
        ];
        for site in sites {
            for origin in origins {
                let mut headers = vec![("host", HERE), ("cookie", &*cookie)];
                headers.extend(site.map(|site| ("sec-fetch-site", site)));
                headers.extend(origin.map(|origin| ("origin", origin)));
                let own =
                    origin.is_some_and(|origin| ["http://127.0.0.1:4242", "http://localhost:4242"].contains(&origin));
                let may = own && site.is_none() || site == Some("same-origin") && (own || origin.is_none());
                for method in [Method::POST, Method::PUT, Method::DELETE, Method::PATCH] {
                    let status = door.ask(method.clone(), "/", &headers).await.status();
                    let expected = match (may, &method) {
                        (false, _) => StatusCode::FORBIDDEN,
                        (true, &Method::POST) => StatusCode::OK,
                        (true, _) => StatusCode::METHOD_NOT_ALLOWED,
                    };
                    assert_eq!(status, expected, "{method} {site:?} {origin:?}");
                }
                assert_eq!(door.ask(Method::GET, "/", &headers).await.status(), StatusCode::OK, "{site:?} {origin:?}");
            }
        }
        // Nor without having been let in.
        let own = [("host", HERE), ("sec-fetch-site", "same-origin")];
        assert_eq!(door.ask(Method::POST, "/", &own).await.status(), StatusCode::UNAUTHORIZED);
    }
}
