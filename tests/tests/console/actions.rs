//! What is done on the pages is done, by whom and why, and is on the list of orders.

use std::{collections::BTreeMap, time::Duration};

use axum::http::StatusCode;
use pulse_core::{
    entry::{Progress, StageName},
    orders::OrderRound,
    ports::{Controls as _, Ledger as _},
};
use pulse_tests::{
    console_client::{Answer, Client},
    in_memory_app::InMemoryApp,
    in_memory_stack::entry_id,
};
use serde_json::Value;

/// The fields that a page's last form hides.
fn hidden(page: &Answer) -> BTreeMap<String, String> {
    hidden_in(page.body.rsplit("<form").next().expect("a form"))
}

/// The fields that a form hides.
pub(crate) fn hidden_in(form: &str) -> BTreeMap<String, String> {
    let field = |text: &str, name: &str| Some(text.split(&format!("{name}=\"")).nth(1)?.split('"').next()?.to_owned());
    form.split("<input ")
        .filter(|input| input.contains("type=\"hidden\""))
        .filter_map(|input| Some((field(input, "name")?, field(input, "value")?)))
        .collect()
}

pub(crate) fn form(fields: &BTreeMap<String, String>) -> String {
    let pairs = fields.iter().map(|(name, value)| format!("{name}={}", value.replace('+', "%2B").replace(' ', "+")));
    pairs.collect::<Vec<_>>().join("&")
}

async fn press(client: &Client, path: &str, body: &str) -> Answer {
    client.post(path, "text/html", body).await
}

/// Presses, and follows where that leads.
async fn pressed(client: &Client, path: &str, body: &str) -> Answer {
    let answer = press(client, path, body).await;
    assert_eq!(answer.status, StatusCode::SEE_OTHER, "{path}: {}", answer.body);
    client.get(answer.headers["location"].to_str().unwrap()).await
}

/// What a tick does for orders.
pub(crate) async fn carry_out(world: &InMemoryApp) {
    let ports = &world.app.ports;
    let round = OrderRound {
        orders: &*ports.orders,
        ledger: &*ports.ledger,
        deliveries: &*ports.deliveries,
        listing: &*ports.reports,
        queues: &ports.queues,
        dead_letters: &ports.dead_letters,
        intake: &*ports.intake,
        sleeper: &*ports.sleeper,
    };
    let until = world.app.clock().now() + Duration::from_secs(45);
    round.run(until).await;
}

/// The order of this action, if one was given.
async fn order(client: &Client, action: &str) -> Option<Value> {
    let page = client.get_json("/orders").await;
    page["orders"].as_array().unwrap().iter().find(|order| order["action"] == action).cloned()
}

#[tokio::test]
async fn a_redrive_is_ordered_for_what_was_shown_and_for_no_more() {
    let world = InMemoryApp::eventful().await;
    let client = Client::of(&world).await;
    let shown = press(&client, "/dead-letters/score/redrive", "").await;
    assert_eq!(shown.status, StatusCode::OK, "{}", shown.body);
    let mut fields = hidden(&shown);
    let expected: u64 = fields["expected"].parse().unwrap();
    assert!(expected > 0 && shown.body.contains(&format!("Redrive {expected}")), "{}", shown.body);
    // Whoever changes what was shown is refused, and nothing is ordered.
    let more = BTreeMap::from([("expected".to_owned(), (expected + 1).to_string())]);
    let changed = form(&fields.clone().into_iter().chain(more).collect());
    let changed = press(&client, "/dead-letters/score/redrive", &changed).await;
    assert_eq!(changed.status, StatusCode::CONFLICT);
    assert_eq!(order(&client, "redrive").await, None);
    // One more came since: it stays.
    world.clock.advance(Duration::from_secs(1));
    world.bury(StageName::Score, "c-sent");
    fields.insert("note".to_owned(), "The partner is well".to_owned());
    let page = pressed(&client, "/dead-letters/score/redrive", &form(&fields)).await;
    assert!(page.body.contains("waits to be begun") && page.body.contains("Cancel it"), "{}", page.body);
    // Whoever presses twice, or goes back and sends it again, orders nothing more.
    let again = press(&client, "/dead-letters/score/redrive", &form(&fields)).await;
    assert_eq!(again.status, StatusCode::CONFLICT);
    assert!(again.body.contains("was given for this preview already"), "{}", again.body);
    carry_out(&world).await;
    let order = order(&client, "redrive").await.unwrap();
    assert_eq!((order["by"].as_str(), order["note"].as_str()), (Some("aoife"), Some("The partner is well")), "{order}");
    assert_eq!(order["preview"]["expected"], expected, "{order}");
    let count = |part: &str| order["progress"][part].as_u64().unwrap();
    let stuck: u64 =
        order["progress"]["stuck"].as_array().unwrap().iter().map(|one| one["count"].as_u64().unwrap()).sum();
    let met = ["moved", "closed", "done", "failed"].map(count).iter().sum::<u64>() + stuck;
    assert_eq!((met, count("newer"), count("beyond")), (expected, 1, 0), "{order}");
    assert!(count("moved") > 0, "{order}");
}

/// A link to the letters of one cause can be handed on, and leads to a redrive of these alone.
#[tokio::test]
async fn letters_of_one_cause_have_an_address_of_their_own() {
    let world = InMemoryApp::eventful().await;
    let client = Client::of(&world).await;
    let looked = press(&client, "/dead-letters/score", "").await;
    let links = looked.body.split("href=\"/dead-letters/score?cause=").skip(1);
    let links: Vec<_> = links.map(|rest| rest.split('"').next().unwrap().to_owned()).collect();
    assert!(links.contains(&"The+scoring+API+answered+500.".to_owned()), "{links:?}");
    let page = client.get(&format!("/dead-letters/score?cause={}", links[0])).await;
    let cause = page.body.split("name=\"cause\" value=\"").nth(1).unwrap().split('"').next().unwrap();
    assert_eq!(cause, "The scoring API answered 500.");
    let shown = press(&client, "/dead-letters/score/redrive", &form(&[("cause".into(), cause.into())].into())).await;
    assert_eq!(hidden(&shown)["expected"], "4", "{}", shown.body);
}

#[tokio::test]
async fn an_order_can_be_cancelled_and_not_twice() {
    let world = InMemoryApp::eventful().await;
    let client = Client::of(&world).await;
    let fields = hidden(&press(&client, "/dead-letters/score/redrive", "").await);
    let page = press(&client, "/dead-letters/score/redrive", &form(&fields)).await;
    let path = page.headers["location"].to_str().unwrap().to_owned();
    let cancelled = pressed(&client, &format!("{path}/cancel"), "").await;
    assert!(
        cancelled.body.contains("cancelled by aoife") && !cancelled.body.contains("Cancel it"),
        "{}",
        cancelled.body
    );
    assert_eq!(press(&client, &format!("{path}/cancel"), "").await.status, StatusCode::CONFLICT);
    carry_out(&world).await;
    assert_eq!(order(&client, "redrive").await.unwrap()["progress"]["moved"], 0);
}

#[tokio::test]
async fn a_stage_is_paused_and_resumed_with_words_that_stay() {
    let world = InMemoryApp::eventful().await;
    let client = Client::of(&world).await;
    let path = "/stages/email/pause";
    for wrong in ["note=&lasts=", "note=drill&lasts=soon", "note=drill&lasts=5s", "note=a%40example.com&lasts="] {
        assert_eq!(press(&client, path, wrong).await.status, StatusCode::BAD_REQUEST, "{wrong}");
    }
    let page = pressed(&client, path, "note=The+letter+is+wrong&lasts=6h").await;
    assert!(page.body.contains("The letter is wrong") && page.body.contains("Resume the email stage"), "{}", page.body);
    let control = world.ledger.control(StageName::Email).await.unwrap();
    assert!(control.pause.is_some_and(|pause| pause.by.as_str() == "aoife" && pause.until.is_some()));
    let page = pressed(&client, "/stages/email/resume", "note=It+is+mended").await;
    assert!(!page.body.contains("The letter is wrong"), "{}", page.body);
    assert_eq!(world.ledger.control(StageName::Email).await.unwrap().pause, None);
    assert!(order(&client, "pause").await.is_some() && order(&client, "resume").await.is_some());
    assert_eq!(press(&client, "/stages/letters/pause", "note=x&lasts=").await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_mail_in_doubt_is_settled_by_whoever_knows_and_a_failed_entry_is_queued_again() {
    let world = InMemoryApp::eventful().await;
    let client = Client::of(&world).await;
    let settle = "/customers/c-in-doubt/settle";
    for wrong in [
        "run=2026-11&note=&sent=m-9&outcome=sent",
        "run=2026-11&note=seen&sent=&outcome=sent",
        "run=2026-11&note=seen&sent=m-9&outcome=not-sent",
        "run=2026-11&note=seen&sent=&outcome=perhaps",
        "run=Soon&note=seen&sent=m-9&outcome=sent",
    ] {
        assert_eq!(press(&client, settle, wrong).await.status, StatusCode::BAD_REQUEST, "{wrong}");
    }
    pressed(&client, settle, "run=2026-11&note=Seen+at+the+provider&sent=m-9&outcome=sent").await;
    let entry = world.ledger.entry(&entry_id("c-in-doubt", "2026-11")).await.unwrap().unwrap();
    assert!(matches!(entry.progress(), Progress::Done { provider_id, .. } if provider_id == "m-9"));
    // It is known now: there is nothing to settle.
    let again = press(&client, settle, "run=2026-11&note=seen&sent=m-9&outcome=not-sent").await;
    assert_ne!(again.status, StatusCode::SEE_OTHER);

    let told = press(&client, "/customers/c-failed/replay", "run=2026-11").await;
    assert!(told.status == StatusCode::OK && told.body.contains("If its message came now"), "{}", told.body);
    let before = world.queues[StageName::Score].depth().visible + world.queues[StageName::Email].depth().visible;
    pressed(&client, "/customers/c-failed/replay", "run=2026-11&again=yes").await;
    let after = world.queues[StageName::Score].depth().visible + world.queues[StageName::Email].depth().visible;
    assert_eq!(after, before + 1);
    assert!(order(&client, "settle").await.is_some() && order(&client, "replay").await.is_some());
    let story = client.get("/customers/c-failed").await;
    assert!(story.body.contains("by aoife: replay"), "{}", story.body);
}
