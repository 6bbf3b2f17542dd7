//! What the pages tell of endpoints is what the commands tell, is done by whom it says, and shows nothing that is a secret.

use std::time::Duration;

use axum::http::{Method, StatusCode};
use pulse_app::{
    DeliveryQuestion,
    words::{endpoint_next, endpoint_unwell, next_word, waiting_count},
};
use pulse_core::{
    customer::Zone,
    delivery::{Delivery, Endpoint, EndpointControl, EndpointName, FactKind, Gone, Target},
    entry::StageName,
    failure::Cause,
    orders::{OrderAction, OrderId, OrderState},
    ports::{Clock as _, Deliveries as _, EndpointControls as _, Endpoints as _},
};
use pulse_tests::{
    console_client::{Client, rows, words},
    in_memory_app::{InMemoryApp, URL_TOKEN, word_of},
};
use serde_json::Value;

use super::actions::{carry_out, form as form_of, hidden_in};

const REDRIVE: &str = "/dead-letters/deliver/redrive";

fn name(name: &str) -> EndpointName {
    EndpointName::parse(name).unwrap()
}

fn of(value: &impl serde::Serialize) -> Value {
    serde_json::to_value(value).unwrap()
}

/// Where a page names commands, they are set as such.
fn plain(words: &str) -> String {
    words.replace('`', "")
}

/// What may be seen of endpoints: in which secret the keys of one are isn't told.
fn without_secrets(mut report: Value) -> Value {
    match &mut report {
        Value::Array(parts) => *parts = parts.drain(..).map(without_secrets).collect(),
        Value::Object(fields) => {
            fields.remove("secret");
            *fields = std::mem::take(fields).into_iter().map(|(name, value)| (name, without_secrets(value))).collect();
        }
        _ => {}
    }
    report
}

/// Word that an endpoint refused, with its letter.
async fn refused(world: &InMemoryApp, delivery: &Delivery) {
    let change = delivery.give_up(Cause::new("It answered 422."), world.clock.now()).unwrap();
    world.ledger.apply_delivery(&change).await.unwrap();
    world.bury_word(delivery);
}

async fn control(world: &InMemoryApp, endpoint: &str) -> EndpointControl {
    world.ledger.endpoint_control(&name(endpoint)).await.unwrap()
}

/// Presses, and follows where that leads.
async fn pressed(client: &Client, path: &str, body: &str) -> String {
    let answer = client.post(path, "text/html", body).await;
    assert_eq!(answer.status, StatusCode::SEE_OTHER, "{path}: {}", answer.body);
    client.get(answer.headers["location"].to_str().unwrap()).await.body
}

#[tokio::test]
async fn all_of_them_are_told_as_the_command_lists_them() {
    let world = InMemoryApp::with_warehouse().await;
    let client = Client::of(&world).await;
    let report = world.app.endpoints().await.unwrap();
    assert_eq!(report.endpoints.len(), 2);
    let json = client.get_json("/endpoints").await;
    let listed = without_secrets(of(&report));
    assert_eq!((&json["endpoints"], &json["invocations"]), (&listed["endpoints"], &listed["invocations"]));
    assert_eq!((&json["dead_letters"], json.get("given_up")), (&1.into(), None));
    let rows = rows(&client.get("/endpoints").await.body);
    for listed in &report.endpoints {
        let of_it =
            |row: &&Vec<String>| row.first().is_some_and(|one| one.starts_with(listed.endpoint.endpoint.as_str()));
        let row = rows.iter().find(of_it).unwrap();
        let (place, next) = (format!("{} at {}", listed.endpoint.kind, listed.endpoint.place), endpoint_next(listed));
        assert!(row[0].contains(&place) && row[1].contains("bounced"), "{row:?}");
        assert!(row[2].starts_with(listed.standing.word()), "{row:?}");
        assert!(row[3].starts_with(&waiting_count(&listed.waiting)) && row[3].contains("since 2026-11-10"), "{row:?}");
        assert_eq!(row[4], plain(&next));
    }
    // What was given up is counted by a button, which receives letters.
    let counted = client.post("/endpoints", "application/json", "").await.json();
    assert_eq!(counted["given_up"], of(&world.app.given_up_counts(&|| false).await.unwrap()));
    assert_eq!(counted["given_up"]["by_endpoint"], serde_json::json!({ "crm": 1 }));
    let page = client.post("/endpoints", "text/html", "").await;
    let given_up = self::rows(&page.body).into_iter().filter(|row| row.len() == 6 && row[0] != "endpoint");
    let given_up: Vec<_> = given_up.map(|row| row[4].clone()).collect();
    assert_eq!(given_up, ["1", "0"]);
}

#[tokio::test]
async fn of_one_it_is_told_what_waits_and_what_was_given_up() {
    let world = InMemoryApp::with_warehouse().await;
    let client = Client::of(&world).await;
    for endpoint in ["crm", "warehouse"] {
        let path = format!("/endpoints/{endpoint}");
        let report = world.app.endpoint_report(&name(endpoint), 50).await.unwrap();
        assert_eq!(client.get_json(&path).await, without_secrets(of(&report)));
        let question = DeliveryQuestion { endpoint: Some(name(endpoint)), failed: false, limit: 50 };
        let waiting = world.app.deliveries(&question, &|| false).await.unwrap();
        let told: Vec<_> = report.word.iter().map(|word| &word.delivery).collect();
        assert_eq!(told, waiting.deliveries.iter().collect::<Vec<_>>());
        let page = client.get(&path).await.body;
        let rows = rows(&page);
        for word in &report.word {
            let id = word.delivery.id.to_string();
            let row = rows.iter().find(|row| row[0].ends_with(&id)).unwrap_or_else(|| panic!("{id}: {rows:?}"));
            assert!(row[3].starts_with("Not tried yet."), "{row:?}");
            assert!(word.delivery.cause.as_ref().is_none_or(|cause| row[3].contains(cause.as_str())), "{row:?}");
        }
        let question = DeliveryQuestion { failed: true, ..question };
        let given_up = world.app.deliveries(&question, &|| false).await.unwrap();
        assert_eq!(client.post(&path, "application/json", "").await.json(), of(&given_up));
        let looked = client.post(&path, "text/html", "").await.body;
        assert!(given_up.deliveries.iter().all(|listed| looked.contains(&listed.id.to_string())), "{looked}");
    }
    let page = client.get("/endpoints/crm").await.body;
    // The second waits for the first, which waits for the endpoint.
    for words in ["It waits until crm flows.", "crm is told of complained in run 2026-11 first."] {
        assert!(page.contains(words), "{words}: {page}");
    }
    let refusal = words(&client.post("/endpoints/crm", "text/html", "").await.body);
    assert!(refusal.contains("crm answered 422") && refusal.contains("c-sent/2026-11/6/bounced"), "{refusal}");
}

/// What comes next of it is told of each that waits, as `pulse why` tells it of a customer.
#[tokio::test]
async fn once_it_flows_it_is_told_what_comes_next_of_each() {
    let world = InMemoryApp::with_warehouse().await;
    let client = Client::of(&world).await;
    let page = pressed(&client, "/endpoints/crm/resume", "note=It+has+moved").await;
    let report = world.app.endpoint_report(&name("crm"), 50).await.unwrap();
    assert_eq!(report.word.len(), 2);
    for word in &report.word {
        assert!(words(&page).contains(&plain(&next_word(&word.next, &name("crm"), &Zone::UTC))), "{page}");
    }
}

#[tokio::test]
async fn no_more_is_counted_or_listed_than_is_said() {
    let world = InMemoryApp::with_warehouse().await;
    let deliveries: Vec<_> =
        (100..1_200).map(|version| word_of(&name("warehouse"), "c-due", version, FactKind::Bounced)).collect();
    world.save_word("c-due", &deliveries).await;
    let client = Client::of(&world).await;
    let page = words(&client.get("/endpoints").await.body);
    assert!(page.contains("1,000+"), "{page}");
    let json = client.get_json("/endpoints/warehouse").await;
    assert_eq!((json["word"].as_array().unwrap().len(), &json["is_more"]), (50, &true.into()));
    assert!(words(&client.get("/endpoints/warehouse").await.body).contains("There is more"));
}

/// Twenty who look within a minute have it read once.
#[tokio::test]
async fn many_who_look_have_it_read_once_a_minute() {
    let world = InMemoryApp::with_warehouse().await;
    for path in ["/endpoints", "/endpoints/crm"] {
        let client = Client::of(&world).await;
        let before = world.ledger.used();
        client.get(path).await;
        let once = world.ledger.used().since(before).half_reads;
        assert!((2..=24).contains(&once), "{path}: {once} half read units");
        for _ in 0..20 {
            client.get(path).await;
        }
        assert_eq!(world.ledger.used().since(before).half_reads, once, "{path}");
        world.clock.advance(Duration::from_mins(1));
        client.get(path).await;
        assert_eq!(world.ledger.used().since(before).half_reads, 2 * once, "{path}");
    }
}

#[tokio::test]
async fn it_is_paused_and_resumed_with_words_that_stay_and_by_whoever_did_it() {
    let world = InMemoryApp::with_warehouse().await;
    let client = Client::of(&world).await;
    let (pause, resume) = ("/endpoints/warehouse/pause", "/endpoints/warehouse/resume");
    for wrong in ["note=&lasts=", "note=drill&lasts=soon", "note=drill&lasts=5s", "note=drill&lasts=366d", "note=drill"]
    {
        assert_eq!(client.post(pause, "text/html", wrong).await.status, StatusCode::BAD_REQUEST, "{wrong}");
    }
    assert_eq!(client.post(resume, "text/html", "note=").await.status, StatusCode::BAD_REQUEST);
    assert_eq!(control(&world, "warehouse").await.pause, None);
    // What was read a moment ago isn't shown any more once something is done.
    client.get("/endpoints").await;
    let page = pressed(&client, pause, "note=They+move&lasts=30d").await;
    assert!(page.contains("They move") && page.contains("Resume warehouse"), "{page}");
    assert!(client.get("/endpoints").await.body.contains("They move"));
    let kept = control(&world, "warehouse").await.pause.unwrap();
    assert_eq!((kept.by.as_str(), kept.note.as_str()), ("aoife", "They move"));
    assert_eq!(kept.until, Some(kept.since + Duration::from_hours(720)));
    world.clock.advance(Duration::from_secs(1));
    let page = pressed(&client, resume, "note=They+have+moved").await;
    assert!(!page.contains("They move") && !page.contains("Resume warehouse"), "{page}");
    let after = control(&world, "warehouse").await;
    assert!(after.pause.is_none() && after.hold(world.clock.now()).is_none(), "{after:?}");
    let orders = world.app.orders(None, None, 10).await.unwrap().orders;
    let told: Vec<_> = orders
        .iter()
        .filter(
            |order| matches!(&order.action, OrderAction::Endpoint { endpoint, .. } if *endpoint == name("warehouse")),
        )
        .map(|order| (order.by.as_str(), order.note.as_ref().unwrap().as_str(), &order.state))
        .collect();
    let done = &OrderState::Done;
    assert_eq!(told, [("aoife", "They have moved", done), ("aoife", "They move", done)]);
    for action in ["pause", "resume"] {
        let answer = client.post(&format!("/endpoints/nowhere/{action}"), "text/html", "note=x&lasts=").await;
        assert_eq!(answer.status, StatusCode::NOT_FOUND);
        assert!(answer.body.contains("There is no endpoint nowhere"), "{}", answer.body);
    }
}

#[tokio::test]
async fn one_that_asked_never_to_be_called_again_or_is_removed_says_what_to_do() {
    let world = InMemoryApp::with_warehouse().await;
    let gone = Some(Gone { since: world.clock.now(), cause: Cause::new("warehouse answered 410.") });
    let before = control(&world, "warehouse").await;
    let held = EndpointControl { version: before.version + 1, gone, ..before };
    assert!(world.ledger.save_endpoint_control(&name("warehouse"), &held).await.unwrap());
    let crm = world.ledger.endpoints().await.unwrap().remove(0);
    let removed = Endpoint { removed_at: Some(world.clock.now()), ..crm };
    assert!(world.ledger.save_endpoint(&removed).await.unwrap());
    let client = Client::of(&world).await;
    let page = client.get("/endpoints/warehouse").await.body;
    assert!(page.contains("warehouse answered 410") && page.contains("Resume warehouse"), "{page}");
    let page = client.get("/endpoints/crm").await.body;
    assert!(page.contains("gone within minutes") && !page.contains("Pause crm"), "{page}");
    let refused = client.post("/endpoints/crm/pause", "text/html", "note=x&lasts=").await;
    assert_eq!(refused.status, StatusCode::CONFLICT, "{}", refused.body);
    // What is being removed is nobody's care any more.
    world.app.count_now().await.unwrap();
    let overview = words(&Client::of(&world).await.get("/").await.body);
    assert!(overview.contains("warehouse asked never to be called again") && !overview.contains("crm "), "{overview}");
}

#[tokio::test]
async fn the_overview_names_those_that_are_not_well() {
    let world = InMemoryApp::with_warehouse().await;
    let client = Client::of(&world).await;
    let unwell = world.app.unwell_endpoints().await.unwrap();
    assert_eq!(client.get_json("/").await["snapshot"]["endpoints"], of(&unwell));
    let page = client.get("/").await.body;
    for (unwell, words) in unwell.iter().zip(["is paused", "is out of order"]) {
        let link = format!("<a href=\"/endpoints/{0}\">{0}</a> {words}", unwell.endpoint);
        assert!(endpoint_unwell(unwell) == words && page.contains(&link), "{link}");
    }
    for (endpoint, body) in [("crm", "note=moved"), ("warehouse", "note=mended")] {
        pressed(&client, &format!("/endpoints/{endpoint}/resume"), body).await;
    }
    world.tick(10, 0).await;
    let page = Client::of(&world).await.get("/").await.body;
    assert!(!page.contains("href=\"/endpoints/"), "{page}");
}

#[tokio::test]
async fn what_one_of_them_refused_is_brought_back_and_nothing_of_the_others() {
    let world = InMemoryApp::with_warehouse().await;
    let delivery = word_of(&name("warehouse"), "c-due", 9, FactKind::Bounced);
    world.save_word("c-due", std::slice::from_ref(&delivery)).await;
    refused(&world, &delivery).await;
    let client = Client::of(&world).await;
    let looked = client.post("/endpoints/crm", "text/html", "").await.body;
    let form = looked.rsplit("<form").next().unwrap();
    assert!(form.contains("action=\"/dead-letters/deliver/redrive\""), "{form}");
    let mut fields = hidden_in(form);
    let shown = client.post(REDRIVE, "text/html", &form_of(&fields)).await;
    fields = hidden_in(shown.body.rsplit("<form").next().unwrap());
    assert_eq!((fields["endpoint"].as_str(), fields["expected"].as_str()), ("crm", "1"), "{}", shown.body);
    assert!(shown.body.contains("href=\"/endpoints/crm\">Leave them"), "{}", shown.body);
    // Of another endpoint it wasn't previewed.
    let mut another = fields.clone();
    another.insert("endpoint".into(), "warehouse".into());
    let answer = client.post(REDRIVE, "text/html", &form_of(&another)).await;
    assert_eq!(answer.status, StatusCode::CONFLICT);
    fields.insert("note".into(), "Mended".into());
    let given = client.post(REDRIVE, "text/html", &form_of(&fields)).await;
    let id = given.headers["location"].to_str().unwrap().strip_prefix("/orders/").unwrap();
    let order = world.app.order(&OrderId::parse(id).unwrap()).await.unwrap().unwrap();
    assert!(
        matches!(&order.action, OrderAction::Redrive { endpoint: Some(endpoint), .. } if *endpoint == name("crm")),
        "{order:?}"
    );
    assert_eq!(order.by.as_str(), "aoife");
    carry_out(&world).await;
    let moved = world.app.order(&order.id).await.unwrap().unwrap().progress;
    assert_eq!((moved.moved, world.dlqs[StageName::Deliver].depth().visible), (1, 1));
    let elsewhere = client.post("/dead-letters/score/redrive", "text/html", "endpoint=crm").await;
    assert_eq!(elsewhere.status, StatusCode::BAD_REQUEST, "{}", elsewhere.body);
}

/// A URL may have its receiver's token in it, and where the keys are is for whoever may use them.
#[tokio::test]
async fn of_a_url_no_more_than_the_host_is_shown_and_of_keys_nothing() {
    let world = InMemoryApp::with_warehouse().await;
    let arn = Target::topic("arn:aws:sns:eu-west-1:123456789012:pulse-facts").unwrap();
    world.add(arn, "topic", [FactKind::Sent]).await;
    let client = Client::of(&world).await;
    for path in
        ["/", "/endpoints", "/endpoints/warehouse", "/endpoints/crm", "/endpoints/topic", "/customers/c-opted-out"]
    {
        for accept in ["text/html", "application/json", "text/csv"] {
            let page = client.ask(Method::GET, path, &[("accept", accept)], "").await;
            let looked =
                if path.starts_with("/endpoints") { client.post(path, accept, "").await.body } else { String::new() };
            for hidden in [URL_TOKEN, "https://hooks.example/", "pulse/endpoints/", "123456789012", "example.com"] {
                let is_their_own = path.starts_with("/customers") && hidden == "example.com";
                assert!(
                    is_their_own || (!page.body.contains(hidden) && !looked.contains(hidden)),
                    "{path} {accept}: {hidden}"
                );
            }
        }
    }
    let page = client.get("/endpoints").await.body;
    assert!(page.contains("webhook at hooks.example;") && page.contains("sns at pulse-facts;"), "{page}");
}
