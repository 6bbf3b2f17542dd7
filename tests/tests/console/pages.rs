//! What every answer keeps to.

use axum::http::{Method, StatusCode};
use pulse_core::entry::StageName;
use pulse_tests::{
    console_client::{Answer, Client, PAGES, words},
    in_memory_app::{HOSTILE_CAUSE, InMemoryApp, address},
};

const NOTHING: [(&str, StatusCode); 16] = [
    ("/customers/c-nobody/mail", StatusCode::NOT_FOUND),
    ("/customers/c-due/mail", StatusCode::NOT_FOUND),
    ("/customers/c-sent/mail?run=Never", StatusCode::BAD_REQUEST),
    ("/inbox/17", StatusCode::NOT_FOUND),
    ("/inbox?customer=%40", StatusCode::BAD_REQUEST),
    ("/nowhere", StatusCode::NOT_FOUND),
    ("/endpoints/nowhere", StatusCode::NOT_FOUND),
    ("/campaigns/nowhere", StatusCode::NOT_FOUND),
    ("/campaigns/2026-11", StatusCode::BAD_REQUEST),
    ("/endpoints/NOWHERE", StatusCode::BAD_REQUEST),
    ("/customers/c-nobody", StatusCode::NOT_FOUND),
    ("/customers/%40", StatusCode::BAD_REQUEST),
    ("/runs/Never", StatusCode::BAD_REQUEST),
    ("/dead-letters/nothing", StatusCode::NOT_FOUND),
    ("/plan/campaign?items=0", StatusCode::BAD_REQUEST),
    ("/plan?customers=many", StatusCode::BAD_REQUEST),
];

const ASSETS: [&str; 3] = ["/assets/console.css", "/assets/console.js", "/assets/icon.svg"];

#[tokio::test]
async fn every_page_answers_as_a_page_and_as_json_with_a_tag_that_holds() {
    let world = InMemoryApp::eventful().await;
    let client = Client::of(&world).await;
    assert_eq!(client.get("/runs").await.headers["location"], "/runs/2026-11");
    for path in PAGES.into_iter().chain(ASSETS) {
        let page = client.get(path).await;
        assert_eq!(page.status, StatusCode::OK, "{path}: {}", page.body);
        let tag = page.headers["etag"].to_str().unwrap();
        let again = client.ask(Method::GET, path, &[("if-none-match", tag)], "").await;
        assert_eq!((again.status, again.body.as_str()), (StatusCode::NOT_MODIFIED, ""), "{path}");
        let other = client.ask(Method::GET, path, &[("if-none-match", "\"other\"")], "").await;
        assert_eq!((other.status, other.body), (StatusCode::OK, page.body), "{path}");
    }
    for path in PAGES {
        let asked = client.get_json(path).await;
        let sign = if path.contains('?') { '&' } else { '?' };
        let named = client.get(&format!("{path}{sign}format=json")).await;
        assert_eq!(
            (named.headers["content-type"].as_bytes(), named.json()),
            (&b"application/json"[..], asked),
            "{path}"
        );
        // A browser that takes JSON too is shown the page.
        let accept = [("accept", "text/html, application/json;q=0.9")];
        let page = client.ask(Method::GET, path, &accept, "").await;
        assert_eq!(page.headers["content-type"], "text/html; charset=utf-8", "{path}");
    }
}

#[tokio::test]
async fn what_there_is_not_is_told_in_words_to_people_and_programs() {
    let world = InMemoryApp::eventful().await;
    let client = Client::of(&world).await;
    for (path, status) in NOTHING {
        let page = client.get(path).await;
        let paragraph = page.body.split("<p>").nth(1).unwrap().split("</p>").next().unwrap();
        let said = words(paragraph);
        assert_eq!(page.status, status, "{path}");
        assert!(said.split(' ').count() > 3 && said.ends_with('.'), "{path}: {said}");
        let json = client.ask(Method::GET, path, &[("accept", "application/json")], "").await;
        assert_eq!(json.status, status, "{path}");
        assert_eq!(json.json()["error"], said, "{path}");
    }
    let answer = client.ask(Method::PUT, "/", &[("sec-fetch-site", "same-origin")], "").await;
    assert_eq!(answer.status, StatusCode::METHOD_NOT_ALLOWED);
}

#[tokio::test]
async fn every_answer_tells_browsers_to_run_and_load_nothing_from_elsewhere() {
    let world = InMemoryApp::eventful().await;
    let client = Client::of(&world).await;
    let mut answers = Vec::new();
    for path in PAGES.into_iter().chain(ASSETS).chain(NOTHING.map(|(path, _)| path)).chain(["/runs", "/?token=x"]) {
        answers.push(client.get(path).await);
    }
    answers.push(client.post("/runs/2026-11", "text/html", "").await);
    answers.push(client.post("/search", "text/html", "q=c-sent").await);
    answers.push(client.ask(Method::POST, "/search", &[("sec-fetch-site", "cross-site")], "q=c-sent").await);
    answers.push(client.ask(Method::GET, "/", &[("host", "evil.example")], "").await);
    answers.push(client.ask(Method::PUT, "/", &[("sec-fetch-site", "same-origin")], "").await);
    for Answer { headers, status, .. } in answers {
        let policy = headers["content-security-policy"].to_str().unwrap();
        assert!(policy.starts_with("default-src 'none'; "), "{status} {policy}");
        assert!(!policy.contains("unsafe") && !policy.contains("http") && !policy.contains('*'), "{policy}");
        for (name, value) in [
            ("x-content-type-options", "nosniff"),
            ("referrer-policy", "same-origin"),
            ("cache-control", "no-store"),
            ("cross-origin-opener-policy", "same-origin"),
            ("cross-origin-resource-policy", "same-origin"),
        ] {
            assert_eq!(headers[name], value, "{status} {name}");
        }
    }
}

/// The ledger and the queues as they are, but for what was read.
fn everything(world: &InMemoryApp) -> String {
    let ledger = format!("{:#?}", world.ledger);
    let (before, used) = ledger.split_once("used: LedgerUse {").expect("what was used");
    let (_, after) = used.split_once('}').expect("its end");
    let used = world.ledger.used();
    let queues = world.queues.values().chain(world.dlqs.values()).chain([&world.schedule_dlq]);
    let depths: Vec<_> =
        queues.chain(world.intake_dlqs.iter().map(|(_, letters)| letters)).map(|queue| queue.depth()).collect();
    format!("{before}{after} {} {} {} {depths:?}", used.writes, used.puts, used.transactions)
}

/// Somebody's HTML has an origin of its own, in which nothing runs, and which loads and sends nothing.
#[tokio::test]
async fn letters_are_shown_in_a_frame_that_can_do_nothing() {
    let world = InMemoryApp::eventful().await;
    let client = Client::of(&world).await;
    for (page, letter) in [
        ("/customers/c-sent/mail?run=2026-11", "/customers/c-sent/mail/letter?run=2026-11"),
        ("/customers/c-due/mail?pretend=yes", "/customers/c-due/mail/letter?run=2026-11&pretend=yes"),
        ("/inbox/0", "/inbox/0/letter"),
    ] {
        let frame = format!("<iframe class=\"letter\" src=\"{}\" sandbox=\"\"", letter.replace('&', "&amp;"));
        let shown = client.get(page).await;
        assert!(shown.body.contains(&frame), "{frame}: {}", shown.body);
        let answer = client.get(letter).await;
        assert_eq!(
            (answer.status, answer.headers["content-type"].to_str().unwrap()),
            (StatusCode::OK, "text/html; charset=utf-8")
        );
        let policy = answer.headers["content-security-policy"].to_str().unwrap();
        let parts: Vec<_> = policy.split("; ").collect();
        for part in ["default-src 'none'", "form-action 'none'", "base-uri 'none'", "frame-ancestors 'self'", "sandbox"]
        {
            assert!(parts.contains(&part), "{policy}");
        }
        assert!(!policy.contains("script") && !policy.contains("http") && !policy.contains("allow-"), "{policy}");
        assert_eq!(answer.headers["cache-control"], "no-store");
    }
}

#[tokio::test]
async fn whose_mails_are_in_doubt_and_where_letters_died_is_told() {
    let world = InMemoryApp::eventful().await;
    let client = Client::of(&world).await;
    let page = client.post("/doubts", "text/html", "").await;
    let json = client.post("/doubts", "application/json", "").await.json();
    // Three are of campaigns.
    for (doubt, customer, all) in [("indeterminate", "c-in-doubt", 4), ("unconfirmed", "c-unconfirmed", 1)] {
        assert!(page.body.contains(&format!("/customers/{customer}\"")), "{customer}: {}", page.body);
        let listed = &json[doubt];
        assert_eq!((&listed["all"], &listed["mails"][0]["customer"]), (&all.into(), &customer.into()), "{json}");
    }
    assert!(words(&client.get("/").await.body).contains("in the score DLQ"));
}

#[tokio::test]
async fn who_has_an_address_is_found_by_it_and_by_its_digest() {
    let world = InMemoryApp::eventful().await;
    let client = Client::of(&world).await;
    let found = async |q: &str| {
        let body = format!("q={}", q.replace('@', "%40"));
        let page = client.post("/search/customers", "text/html", &body).await;
        assert_eq!(page.status, StatusCode::OK, "{}", page.body);
        let json = client.post("/search/customers", "application/json", &body).await.json();
        assert!(
            json["customers"]
                .as_array()
                .unwrap()
                .iter()
                .all(|id| page.body.contains(&format!("/customers/{}", id.as_str().unwrap())))
        );
        (json["customers"].clone(), json["profiles"].as_u64().unwrap())
    };
    let roster = world.app.count().await.unwrap().1;
    // The forgotten one has a profile still, and no address.
    let all = roster.active + roster.closed;
    assert_eq!(found("c-hostile@example.com").await, (serde_json::json!(["c-hostile"]), all));
    assert_eq!(found("C-Hostile@EXAMPLE.com").await.0, serde_json::json!(["c-hostile"]));
    assert_eq!(found("c-nobody@example.com").await.0, serde_json::json!([]));
    let digest = world.app.suppressions(50).await.unwrap().newest;
    let whose = address("c-hostile").digest();
    let listed = digest.iter().find(|listed| whose.starts_with(&listed.digest)).unwrap();
    assert_eq!(found(&listed.digest).await.0, serde_json::json!(["c-hostile"]));
    // The field above takes both, and says what it would take.
    for q in ["c-hostile%40example.com", &listed.digest] {
        let page = client.post("/search", "text/html", &format!("q={q}")).await;
        assert!(
            page.body.contains("read units, ") && page.body.contains("Find the customers who have it"),
            "{}",
            page.body
        );
    }
    assert_eq!(client.post("/search/customers", "text/html", "q=nobody").await.status, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn to_look_changes_nothing() {
    let world = InMemoryApp::eventful().await;
    let client = Client::of(&world).await;
    let before = everything(&world);
    for path in PAGES.into_iter().chain(ASSETS).chain(NOTHING.map(|(path, _)| path)).chain(["/runs"]) {
        for (method, headers) in
            [(Method::GET, &[][..]), (Method::HEAD, &[]), (Method::GET, &[("accept", "application/json")])]
        {
            client.ask(method, path, headers, "").await;
        }
        assert!(everything(&world) == before, "{path} changes something");
    }
    // A change would have been seen.
    world.bury(StageName::Email, "c-sent");
    assert_ne!(everything(&world), before);
}

#[tokio::test]
async fn providers_words_are_text() {
    let world = InMemoryApp::eventful().await;
    let client = Client::of(&world).await;
    let hostile = HOSTILE_CAUSE.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;");
    let mut shown = 0;
    for (method, path, body) in [
        (Method::GET, "/customers/c-hostile", ""),
        (Method::POST, "/runs/2026-11", ""),
        (Method::POST, "/dead-letters/email", ""),
        (Method::GET, "/suppressions", ""),
        (Method::POST, "/search", "q=c-hostile%40example.com"),
        (Method::GET, "/customers/c-hostile/mail", ""),
        (Method::GET, "/inbox", ""),
        (Method::GET, "/inbox/0", ""),
    ] {
        let page = match method {
            Method::POST => client.post(path, "text/html", body).await,
            _ => client.get(path).await,
        };
        assert_eq!(page.status, StatusCode::OK, "{path}");
        assert!(!page.body.contains("<script>") && !page.body.contains("<img"), "{path}");
        shown += usize::from(page.body.contains(&hostile));
    }
    assert!(shown >= 3, "it is shown on {shown} pages");
}

#[tokio::test]
async fn addresses_and_names_are_in_no_url_title_or_header() {
    let world = InMemoryApp::eventful().await;
    let client = Client::of(&world).await;
    let personal =
        |text: &str| ["example.com", "Aoife Ní", "A. N. Bhriain", "%40"].into_iter().find(|one| text.contains(one));
    let mut answers = Vec::new();
    for path in PAGES {
        answers.push(client.get(path).await);
    }
    for q in [address("c-suppressed").expose(), "c-sent", "no address@", "nobody"] {
        let body = format!("q={}", q.replace('@', "%40").replace(' ', "+"));
        answers.push(client.post("/search", "text/html", &body).await);
    }
    for Answer { headers, body, .. } in &answers {
        let headers = format!("{headers:?}");
        assert_eq!(personal(&headers), None, "{headers}");
        let title = body.split("<title>").nth(1).unwrap_or_default().split("</title>").next().unwrap();
        assert_eq!(personal(title), None, "{title}");
        let urls = ["href=\"", "action=\"", "src=\""].into_iter().flat_map(|name| body.split(name).skip(1));
        for url in urls.map(|rest| rest.split('"').next().unwrap()) {
            assert_eq!(personal(url), None, "{url}");
            assert!(url.starts_with(['/', '#']), "{url}");
        }
    }
    let found = &answers[PAGES.len()..];
    assert_eq!([&found[0], &found[1]].map(|one| one.status), [StatusCode::OK, StatusCode::SEE_OTHER]);
    assert_eq!(found[1].headers["location"], "/customers/c-sent");
    assert_eq!(found[2].status, StatusCode::BAD_REQUEST);
}
