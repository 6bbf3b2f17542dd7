//! Who comes in by an issuer, as what, and who doesn't.

use std::{sync::Arc, time::Duration};

use axum::{
    body::{Body, to_bytes},
    extract::Request,
    http::{Method, StatusCode, header},
};
use pulse_console::{Access, Console, Oidc, OidcSettings, ServedAs};
use pulse_core::{
    control::Note,
    delivery::EndpointName,
    entry::StageName,
    keys::KeyRing,
    ports::{Clock as _, Controls as _, EndpointControls as _},
};
use pulse_tests::{
    console_client::{Answer, PAGES},
    in_memory_app::InMemoryApp,
    issuer_stand_in::{CLIENT, CLIENT_SECRET, IssuerStandIn, Signing},
    made_up_inbox::with_mails,
    oidc_browser::OidcBrowser,
};
use serde_json::{Value, json};
use tower::ServiceExt as _;

const HOST: &str = "x4mp1e.lambda-url.eu-west-1.on.aws";
const SESSION: &str = "__Host-pulse";
const SIGN_IN: &str = "__Host-pulse-sign-in";

const VIEWERS: &str = "pulse-viewers";
const OPERATORS: &str = "pulse-operators";

/// A console by an issuer. What viewers see is another world than what operators do things in, so that it shows whose
/// permissions a request has.
struct Door {
    issuer: IssuerStandIn,
    looked_at: InMemoryApp,
    changed: InMemoryApp,
    browser: OidcBrowser,
}

impl Door {
    async fn new() -> Self {
        Self::with_claim(None).await
    }

    async fn with_claim(groups_claim: Option<&str>) -> Self {
        let (looked_at, changed) = (InMemoryApp::eventful().await, InMemoryApp::eventful().await);
        let issuer = IssuerStandIn::called("https://issuer.example", changed.clock.clone());
        let settings = OidcSettings {
            issuer: issuer.url.clone(),
            client_id: CLIENT.into(),
            client_secret: Some(CLIENT_SECRET.into()),
            viewers: VIEWERS.into(),
            operators: OPERATORS.into(),
            groups_claim: groups_claim.map(str::to_owned),
        };
        let keys = KeyRing::parse(&r#"{"1": "0123456789abcdef0123456789abcdef"}"#.into()).unwrap();
        let oidc = Oidc::new(settings, keys, Arc::new(issuer.clone()), changed.app.clone());
        let console = Console::new(looked_at.app.clone(), "pulse-test", Access::Oidc(Arc::new(oidc)));
        let router = with_mails(console).router();
        let browser = OidcBrowser::new(HOST, move |request| {
            let router = router.clone();
            async move {
                let mut request: Request = request.map(Body::from);
                request.extensions_mut().insert(ServedAs(HOST.into()));
                let (parts, body) = router.oneshot(request).await.unwrap().into_parts();
                let body = String::from_utf8(to_bytes(body, usize::MAX).await.unwrap().to_vec()).unwrap();
                Answer { status: parts.status, headers: parts.headers, body }
            }
        });
        Self { issuer, looked_at, changed, browser }
    }

    /// Someone of these groups who has signed in.
    async fn someone(&self, groups: &[&str]) -> OidcBrowser {
        self.issuer.person("5f1c22e0", groups);
        let mut browser = self.browser.clone();
        let answer = browser.sign_in(&self.issuer).await;
        assert_eq!((answer.status, &answer.headers[header::LOCATION]), (StatusCode::SEE_OTHER, &"/".parse().unwrap()));
        assert_eq!(browser.cookies.keys().collect::<Vec<_>>(), [SESSION]);
        browser
    }

    /// What comes of signing in, with nobody in.
    async fn refused(&self) -> Answer {
        let mut browser = self.browser.clone();
        let answer = browser.sign_in(&self.issuer).await;
        assert!(answer.status.is_client_error(), "{answer:?}");
        assert!(browser.cookies.is_empty(), "{:?}", browser.cookies);
        answer
    }

    async fn pause_of(&self, world: &InMemoryApp) -> Option<Note> {
        world.ledger.control(StageName::Score).await.unwrap().pause.map(|pause| pause.note)
    }
}

#[tokio::test]
async fn a_session_ends_when_it_is_changed_who_may_come_in() {
    let (before, after) = (Door::new().await, Door::with_claim(Some("roles")).await);
    let mut browser = after.browser.clone();
    browser.cookies = before.someone(&[OPERATORS]).await.cookies;
    let mut same = before.browser.clone();
    same.cookies = browser.cookies.clone();
    assert_eq!(same.get("/").await.status, StatusCode::OK);
    assert!(is_at_the_issuer(&browser.get("/").await));
}

fn is_at_the_issuer(answer: &Answer) -> bool {
    let to = answer.headers.get(header::LOCATION).and_then(|to| to.to_str().ok());
    answer.status == StatusCode::SEE_OTHER && to.is_some_and(|to| to.starts_with("https://issuer.example/authorize?"))
}

const PAUSE: &str = "note=asked+for&lasts=";

#[tokio::test]
async fn an_operator_comes_in_and_does_things_under_the_issuer_s_name_for_them() {
    let door = Door::new().await;
    let mut browser = door.someone(&["others", OPERATORS]).await;
    let page = browser.get("/stages/score").await;
    assert!(page.status == StatusCode::OK && page.body.contains("oidc:5f1c22e0") && page.body.contains("operator"));
    assert!(!page.body.to_lowercase().contains("evelyn"), "what else the issuer tells is shown");
    assert_eq!(page.headers["strict-transport-security"], "max-age=31536000");
    assert_eq!(page.headers["cache-control"], "no-store");
    let before = door.pause_of(&door.looked_at).await;
    let paused = browser.post("/stages/score/pause", PAUSE).await;
    assert_eq!(paused.status, StatusCode::SEE_OTHER, "{paused:?}");
    let pause = door.changed.ledger.control(StageName::Score).await.unwrap().pause.unwrap();
    assert_eq!((pause.by.as_str(), pause.note.as_str()), ("oidc:5f1c22e0", "asked for"));
    assert_eq!(door.pause_of(&door.looked_at).await, before, "it was done with the permissions of those who look");
    let paused = browser.post("/endpoints/crm/pause", PAUSE).await;
    assert_eq!(paused.status, StatusCode::SEE_OTHER, "{paused:?}");
    let crm = EndpointName::parse("crm").unwrap();
    let paused_by = async |world: &InMemoryApp| world.ledger.endpoint_control(&crm).await.unwrap().pause.unwrap().by;
    assert_eq!(paused_by(&door.changed).await.as_str(), "oidc:5f1c22e0");
    assert_eq!(paused_by(&door.looked_at).await.as_str(), "aoife");
    // And what is asked for those who look is asked with theirs.
    assert!(browser.get("/stages/score").await.body.contains("asked for"));
    assert!(!door.someone(&[VIEWERS]).await.get("/stages/score").await.body.contains("asked for"));
}

#[tokio::test]
async fn a_viewer_sees_every_page_without_a_button_and_changes_nothing() {
    let door = Door::new().await;
    let mut browser = door.someone(&[VIEWERS]).await;
    // What was done where operators do things isn't in the viewers' world.
    for path in PAGES {
        let page = browser.get(path).await;
        assert_eq!(page.status, StatusCode::OK, "{path}");
        let forms: Vec<_> = page.body.split("<form").skip(1).filter(|form| form.contains("method=\"post\"")).collect();
        let allowed = |form: &&str| form.contains("action=\"/search\"") || form.contains("action=\"/sign-out\"");
        assert!(forms.len() == 2 && forms.iter().all(allowed), "{path}: {forms:?}");
        assert!(page.body.contains("viewer"), "{path}");
    }
    let before = (door.pause_of(&door.looked_at).await, door.pause_of(&door.changed).await);
    let endpoints = async || {
        let worlds = [&door.looked_at, &door.changed];
        futures::future::join_all(worlds.map(async |world| world.app.endpoints().await.unwrap().endpoints)).await
    };
    let campaigns = async || {
        let worlds = [&door.looked_at, &door.changed];
        futures::future::join_all(worlds.map(async |world| world.app.campaigns(50).await.unwrap())).await
    };
    let (endpoints_before, campaigns_before) = (endpoints().await, campaigns().await);
    for (path, body) in [
        ("/stages/score/pause", PAUSE),
        ("/stages/score/resume", "note=x"),
        ("/stages/score/lanes", "lanes=9"),
        ("/endpoints", ""),
        ("/endpoints/crm", ""),
        ("/endpoints/crm/pause", PAUSE),
        ("/endpoints/crm/resume", "note=x"),
        ("/campaigns/spring-sale/pause", "note=x"),
        ("/campaigns/price-change/resume", "note=x"),
        ("/campaigns/spring-sale/cancel", ""),
        ("/campaigns/spring-sale/cancel", "note=x"),
        ("/dead-letters/deliver/redrive", "endpoint=crm"),
        ("/dead-letters/score/redrive", ""),
        ("/dead-letters/score", ""),
        ("/customers/c-failed/replay", ""),
        ("/customers/c-in-doubt/settle", ""),
        ("/orders/x/cancel", ""),
        ("/", ""),
        ("/runs/2026-11", ""),
        ("/nowhere", ""),
        ("/search/", "q=c-due"),
    ] {
        let refused = browser.post(path, body).await;
        assert_eq!(refused.status, StatusCode::FORBIDDEN, "{path}");
        assert!(refused.body.contains(OPERATORS), "it doesn't say which group that takes");
    }
    for method in [Method::PUT, Method::DELETE, Method::PATCH] {
        let refused = browser.ask(method, "/stages/score/pause", &[("sec-fetch-site", "same-origin")], PAUSE).await;
        assert_eq!(refused.status, StatusCode::FORBIDDEN);
    }
    assert_eq!((door.pause_of(&door.looked_at).await, door.pause_of(&door.changed).await), before);
    assert_eq!((endpoints().await, campaigns().await), (endpoints_before, campaigns_before));
    let found = browser.post("/search", "q=c-due").await;
    assert_eq!(found.headers[header::LOCATION], "/customers/c-due");
}

#[tokio::test]
async fn who_is_in_neither_group_hears_which_there_are() {
    let door = Door::new().await;
    for groups in [&[][..], &["pulse"], &["pulse-operators "], &["PULSE-OPERATORS"], &["pulse-viewers,pulse-operators"]]
    {
        door.issuer.person("5f1c22e0", groups);
        let answer = door.refused().await;
        assert_eq!(answer.status, StatusCode::FORBIDDEN, "{groups:?}");
        assert!(answer.body.contains(VIEWERS) && answer.body.contains(OPERATORS), "{}", answer.body);
    }
}

#[tokio::test]
async fn groups_are_read_from_the_claim_that_is_named_and_from_no_other() {
    let say = |claim: &'static str, value: Value| {
        move |_: &mut Value, claims: &mut Value| {
            claims.as_object_mut().unwrap().remove("cognito:groups");
            claims[claim] = value.clone();
        }
    };
    let door = Door::new().await;
    for value in [json!([VIEWERS, OPERATORS]), json!(OPERATORS)] {
        door.issuer.say(say("groups", value));
        let mut browser = door.someone(&[]).await;
        assert!(browser.get("/").await.body.contains("operator"));
    }
    door.issuer.say(say("roles", json!([OPERATORS])));
    door.refused().await;
    let door = Door::with_claim(Some("roles")).await;
    door.issuer.say(say("groups", json!([OPERATORS])));
    door.refused().await;
    door.issuer.say(say("roles", json!([VIEWERS])));
    assert!(door.someone(&[]).await.get("/").await.body.contains("viewer"));
}

#[tokio::test]
async fn a_token_that_is_not_as_it_must_be_lets_nobody_in() {
    type Say = fn(&mut Value, &mut Value);
    let lies: [(&str, Say); 19] = [
        ("another issuer", |_, claims| claims["iss"] = json!("https://evil.example")),
        ("no issuer", |_, claims| claims["iss"] = Value::Null),
        ("another client", |_, claims| claims["aud"] = json!("another")),
        ("nobody's", |_, claims| claims["aud"] = json!([])),
        ("several clients'", |_, claims| claims["aud"] = json!([CLIENT, "another"])),
        ("made for another", |_, claims| claims["azp"] = json!("another")),
        ("another sign-in's", |_, claims| claims["nonce"] = json!("x")),
        ("no sign-in's", |_, claims| claims["nonce"] = Value::Null),
        ("over", |_, claims| claims["exp"] = json!(claims["iat"].as_i64().unwrap() - 61)),
        ("without an end", |_, claims| claims["exp"] = Value::Null),
        ("of a time to come", |_, claims| claims["iat"] = json!(claims["iat"].as_i64().unwrap() + 61)),
        ("not yet good", |_, claims| claims["nbf"] = json!(claims["iat"].as_i64().unwrap() + 61)),
        ("of nobody", |_, claims| claims["sub"] = json!("")),
        ("of no one", |_, claims| claims["sub"] = json!(7)),
        ("called unsigned", |header, _| header["alg"] = json!("none")),
        ("called another kind", |header, _| header["alg"] = json!("RS256")),
        ("called a kind that isn't believed", |header, _| header["alg"] = json!("ES384")),
        ("of a key that there isn't", |header, _| header["kid"] = json!("another")),
        ("asking for more", |header, _| header["crit"] = json!(["b64"])),
    ];
    let door = Door::new().await;
    door.issuer.person("5f1c22e0", &[OPERATORS]);
    for (which, lie) in lies {
        door.issuer.say(lie);
        let answer = door.refused().await;
        assert!(answer.status == StatusCode::FORBIDDEN && answer.body.contains("believed"), "{which}: {answer:?}");
    }
    door.issuer.say(|_, _| {});
    for signing in [Signing::AnothersKey, Signing::None, Signing::PublishedKeyAsSecret] {
        door.issuer.sign(signing);
        let answer = door.refused().await;
        assert!(answer.status == StatusCode::FORBIDDEN && answer.body.contains("believed"), "{signing:?}: {answer:?}");
    }
    door.issuer.sign(Signing::Key);
    // Up to a minute, clocks may differ; and one that says whom it was made for may be several clients'.
    let near: [Say; 4] = [
        |_, claims| claims["exp"] = json!(claims["iat"].as_i64().unwrap() - 59),
        |_, claims| claims["iat"] = json!(claims["iat"].as_i64().unwrap() + 60),
        |_, claims| (claims["aud"], claims["azp"]) = (json!([CLIENT, "another"]), json!(CLIENT)),
        |header, _| header["kid"] = Value::Null,
    ];
    for say in near {
        door.issuer.say(say);
        door.someone(&[OPERATORS]).await;
    }
}

#[tokio::test]
async fn keys_are_read_once_an_hour_and_when_there_is_a_new_one() {
    let door = Door::new().await;
    for _ in 0..3 {
        door.someone(&[VIEWERS]).await;
    }
    assert_eq!(door.issuer.asked_for_keys(), 1);
    door.issuer.rotate("second");
    door.someone(&[VIEWERS]).await;
    assert_eq!(door.issuer.asked_for_keys(), 2);
    door.changed.clock.advance(Duration::from_mins(61));
    door.someone(&[VIEWERS]).await;
    assert_eq!(door.issuer.asked_for_keys(), 3);
}

#[tokio::test]
async fn a_sign_in_is_good_for_one_try_of_ten_minutes_in_the_browser_that_began_it() {
    let door = Door::new().await;
    door.issuer.person("5f1c22e0", &[OPERATORS]);
    let mut browser = door.browser.clone();
    let back = browser.go_to(&door.issuer, "/orders?before=2026-11-09T08:00:00Z-0-redrive").await;
    let mut same = browser.clone();
    // In another browser, by another's state, or without any.
    let mut another = door.browser.clone();
    assert_eq!(another.get(&back).await.status, StatusCode::BAD_REQUEST);
    another.go_to(&door.issuer, "/").await;
    assert_eq!(another.get(&back).await.status, StatusCode::BAD_REQUEST);
    assert_eq!(another.cookies.len(), 0);
    let (path, _) = back.split_once("&state=").unwrap();
    assert_eq!(browser.clone().get(path).await.status, StatusCode::BAD_REQUEST);
    // As it should be, it goes on where it was begun; and a second time it doesn't.
    let taken = browser.get(&back).await;
    let to = taken.headers[header::LOCATION].to_str().unwrap();
    assert_eq!((taken.status, to), (StatusCode::SEE_OTHER, "/orders?before=2026-11-09T08:00:00Z-0-redrive"));
    assert_eq!(browser.get(&back).await.status, StatusCode::BAD_REQUEST);
    // Whoever has kept the cookie as well is refused by the issuer, for which the code is used.
    let again = same.get(&back).await;
    assert!(again.status == StatusCode::FORBIDDEN && again.body.contains("invalid_grant"), "{again:?}");
    // And it doesn't take longer.
    let mut slow = door.browser.clone();
    let back = slow.go_to(&door.issuer, "/").await;
    door.changed.clock.advance(Duration::from_mins(10));
    assert_eq!(slow.get(&back).await.status, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn what_the_issuer_refuses_or_another_answers_lets_nobody_in() {
    let door = Door::new().await;
    door.issuer.person("5f1c22e0", &[OPERATORS]);
    let mut browser = door.browser.clone();
    let back = browser.go_to(&door.issuer, "/").await;
    let state = back.split("state=").nth(1).unwrap();
    let denied = format!("/signed-in?error=access_denied&error_description=aoife%40example.com&state={state}");
    let answer = browser.clone().get(&denied).await;
    assert!(answer.status == StatusCode::FORBIDDEN && answer.body.contains("access_denied"), "{answer:?}");
    assert!(!answer.body.contains("aoife"));
    let answer = browser.clone().get(&format!("/signed-in?error=%3Cscript%3E&state={state}")).await;
    assert!(answer.status == StatusCode::FORBIDDEN && !answer.body.contains("script&gt;"), "{answer:?}");
    let answer = browser.clone().get(&format!("{back}&iss=https%3A%2F%2Fevil.example")).await;
    assert_eq!(answer.status, StatusCode::FORBIDDEN);
    door.issuer.is_down(true);
    let answer = browser.get(&back).await;
    assert!(answer.status == StatusCode::BAD_GATEWAY && browser.cookies.is_empty(), "{answer:?}");
}

#[tokio::test]
async fn a_session_ends_after_eight_hours_and_when_somebody_signs_out() {
    let door = Door::new().await;
    let mut browser = door.someone(&[OPERATORS]).await;
    door.changed.clock.advance(Duration::from_hours(8) - Duration::from_secs(1));
    assert_eq!(browser.get("/orders").await.status, StatusCode::OK);
    let mut late = browser.clone();
    door.changed.clock.advance(Duration::from_secs(1));
    assert!(is_at_the_issuer(&late.get("/orders").await));
    let post = late.post("/stages/score/pause", PAUSE).await;
    assert_eq!(post.status, StatusCode::UNAUTHORIZED);

    let mut browser = door.someone(&[VIEWERS]).await;
    // A link doesn't sign anybody out.
    assert_eq!(browser.get("/sign-out").await.status, StatusCode::NOT_FOUND);
    let out = browser.post("/sign-out", "").await;
    assert!(out.status == StatusCode::OK && out.body.contains("Signed out"), "{out:?}");
    assert!(browser.cookies.is_empty() && is_at_the_issuer(&browser.get("/").await));
}

#[tokio::test]
async fn a_cookie_that_was_changed_or_made_up_is_none() {
    let door = Door::new().await;
    let browser = door.someone(&[VIEWERS]).await;
    let session = browser.cookies[SESSION].clone();
    let mut begun = door.browser.clone();
    begun.go_to(&door.issuer, "/").await;
    let middle = session.len() / 2;
    let flipped = if &session[middle..=middle] == "A" { "B" } else { "A" };
    let changed = format!("{}{flipped}{}", &session[..middle], &session[middle + 1..]);
    let of_another_key = session.replacen("1.", "2.", 1);
    let signing_in = begun.cookies[SIGN_IN].clone();
    let made_up = r#"{"subject":"x","role":"operator","until":"2030-01-01T00:00:00Z"}"#;
    for cookie in ["", "1.", "x", made_up, &changed, &of_another_key, &signing_in, &session[..middle]] {
        let mut forger = door.browser.clone();
        forger.cookies.insert(SESSION.into(), cookie.into());
        assert!(is_at_the_issuer(&forger.get("/").await), "{cookie}");
    }
    // Nor is a session a sign-in.
    let mut forger = door.browser.clone();
    forger.cookies.insert(SIGN_IN.into(), session);
    assert_eq!(forger.get("/signed-in?code=code-1&state=x").await.status, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn nothing_is_served_under_another_name() {
    let door = Door::new().await;
    let mut browser = door.someone(&[OPERATORS]).await;
    let port = format!("{HOST}:443");
    let below = format!("{HOST}.evil.example");
    for (host, is_here) in [
        (HOST, true),
        (&*HOST.to_uppercase(), true),
        ("evil.example", false),
        (&*below, false),
        (&*port, false),
        ("", false),
        ("127.0.0.1", false),
    ] {
        for path in ["/", "/assets/console.css", "/signed-in?code=x&state=y"] {
            let answer = browser.clone().ask(Method::GET, path, &[("host", host)], "").await;
            assert_eq!(answer.status == StatusCode::MISDIRECTED_REQUEST, !is_here, "{host} {path}");
        }
        let headers = [("host", host), ("sec-fetch-site", "same-origin")];
        let answer = browser.ask(Method::POST, "/search", &headers, "q=c-due").await;
        assert_eq!(answer.status == StatusCode::MISDIRECTED_REQUEST, !is_here, "{host}");
    }
}

#[tokio::test]
async fn only_a_page_of_the_console_may_change_something() {
    let door = Door::new().await;
    let browser = door.someone(&[OPERATORS]).await;
    let own = format!("https://{HOST}");
    let (port, plain) = (format!("{own}:8443"), format!("http://{HOST}"));
    let sites = [None, Some("same-origin"), Some("same-site"), Some("cross-site"), Some("none"), Some("x")];
    let origins =
        [None, Some(&*own), Some(&*port), Some(&*plain), Some("https://evil.example"), Some("null"), Some("")];
    for site in sites {
        for origin in origins {
            let mut headers = vec![("content-type", "application/x-www-form-urlencoded")];
            headers.extend(site.map(|site| ("sec-fetch-site", site)));
            headers.extend(origin.map(|origin| ("origin", origin)));
            let is_own = origin == Some(&*own);
            let may = is_own && site.is_none() || site == Some("same-origin") && (is_own || origin.is_none());
            let expected = if may { StatusCode::SEE_OTHER } else { StatusCode::FORBIDDEN };
            let answer = browser.clone().ask(Method::POST, "/search", &headers, "q=c-due").await;
            assert_eq!(answer.status, expected, "{site:?} {origin:?}");
            let mut out = browser.clone();
            out.ask(Method::POST, "/sign-out", &headers, "").await;
            assert_eq!(out.cookies.is_empty(), may, "{site:?} {origin:?} signs somebody out");
            let look = browser.clone().ask(Method::GET, "/orders", &headers, "").await;
            assert_eq!(look.status, StatusCode::OK, "{site:?} {origin:?}");
        }
    }
}

#[tokio::test]
async fn who_can_t_be_sent_to_the_issuer_hears_that_they_are_not_in() {
    let door = Door::new().await;
    let mut browser = door.browser.clone();
    // A page that looks again by itself, and a program.
    let looks_again = browser.ask(Method::GET, "/", &[("accept", "text/html"), ("sec-fetch-mode", "cors")], "").await;
    assert_eq!(looks_again.status, StatusCode::UNAUTHORIZED);
    let program = browser.ask(Method::GET, "/orders", &[("accept", "application/json")], "").await;
    assert_eq!((program.status, program.json()["error"].is_string()), (StatusCode::UNAUTHORIZED, true));
    // What a page looks like is nobody's secret.
    assert_eq!(browser.get("/assets/console.css").await.status, StatusCode::OK);
    assert_eq!(browser.get("/assets/nothing").await.status, StatusCode::NOT_FOUND);
    for path in ["/assets/../orders", "/assets%2f..%2forders", "/assets"] {
        assert_ne!(browser.get(path).await.status, StatusCode::OK, "{path}");
    }
    // Who is sent there isn't sent on to somebody else afterwards.
    door.issuer.person("5f1c22e0", &[VIEWERS]);
    let back = browser.go_to(&door.issuer, "//evil.example/").await;
    assert_eq!(browser.get(&back).await.headers[header::LOCATION], "/");
    door.issuer.is_down(true);
    let mut another = Door::new().await;
    another.issuer.is_down(true);
    assert_eq!(another.browser.get("/").await.status, StatusCode::BAD_GATEWAY);
    let _ = another.changed.clock.now();
}
