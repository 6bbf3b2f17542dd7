use std::{io, sync::Mutex};

use axum::{
    http::{HeaderMap, Method, StatusCode, header, request::Parts},
    response::{IntoResponse, Redirect, Response},
};

use super::{asked_from_elsewhere, cookies, host, is_from_own_page, is_same, only_looks, refuse, secret};

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
    pub fn on(port: u16) -> Result<(Self, String), io::Error> {
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
        cookies(headers, &self.cookie).any(|session| is_same(session, &self.session))
    }

    fn is_own_origin(&self, origin: &str) -> bool {
        self.hosts.iter().any(|host| origin == format!("http://{host}"))
    }

    /// None for who has the cookie, and else why they may not come in, or the cookie for the link's token.
    pub(super) fn refusal(&self, request: &Parts) -> Option<Response> {
        let Parts { method, headers, uri, .. } = request;
        if !host(request).is_some_and(|host| self.hosts.iter().any(|own| own.eq_ignore_ascii_case(host))) {
            let words = "The console answers under the name of this machine alone, as in the link that was printed.";
            return Some(refuse(request, StatusCode::MISDIRECTED_REQUEST, "Not here", words));
        }
        if !only_looks(method) && !is_from_own_page(headers, |origin| self.is_own_origin(origin)) {
            return Some(asked_from_elsewhere(request));
        }
        if self.is_let_in(headers) {
            return None;
        }
        let token = uri.query().unwrap_or_default().split('&').find_map(|pair| pair.strip_prefix("token="));
        if method == Method::GET && uri.path() == "/" && token.is_some_and(|token| self.exchange(token)) {
            // Not `Strict`, which a link that is clicked on another site's page, such as a terminal in a browser, comes without.
            let cookie = format!("{}={}; Path=/; HttpOnly; SameSite=Lax", self.cookie, self.session);
            return Some(([(header::SET_COOKIE, cookie)], Redirect::to("/")).into_response());
        }
        let words = "The link that was printed when the console was started lets one browser in, once. Start it again for \
                     another link.";
        Some(refuse(request, StatusCode::UNAUTHORIZED, "Not let in", words))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use axum::{
        Router,
        body::Body,
        extract::Request,
        middleware::{Next, from_fn},
        routing::get,
    };
    use tower::ServiceExt as _;

    use super::*;

    const HERE: &str = "127.0.0.1:4242";

    struct Door {
        router: Router,
        link: String,
    }

    async fn only_who_may(loopback: &Loopback, request: Request, next: Next) -> Response {
        let (parts, body) = request.into_parts();
        match loopback.refusal(&parts) {
            None => next.run(Request::from_parts(parts, body)).await,
            Some(refused) => refused,
        }
    }

    impl Door {
        fn new() -> Self {
            let (loopback, link) = Loopback::on(4242).unwrap();
            let loopback = Arc::new(loopback);
            let router = Router::new().route("/", get(async || "in").post(async || "done")).layer(from_fn(
                move |request, next| {
                    let loopback = Arc::clone(&loopback);
                    async move { only_who_may(&loopback, request, next).await }
                },
            ));
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
