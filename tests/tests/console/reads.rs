//! What looking costs.

use std::time::Duration;

use pulse_core::{
    entry::StageName,
    feedback::FeedbackCounts,
    orders::OrderAction,
    ports::{Clock as _, DlqName},
    run::RunId,
};
use pulse_tests::{console_client::Client, in_memory_app::InMemoryApp};

/// Read units that so many viewers cost in a minute who look at a page again as it does by itself: every so many seconds.
async fn a_minute(path: &str, viewers: usize) -> f64 {
    let world = InMemoryApp::eventful().await;
    let order = open_order(&world).await;
    let path = &path.replace("OPEN", &order);
    let client = Client::of(&world).await;
    let page = client.get(path).await;
    let every = page.body.split("data-every=\"").nth(1).unwrap_or_else(|| panic!("{path} doesn't look again"));
    let every: u64 = every.split('"').next().unwrap().parse().unwrap();
    // A console that was just started, which knows nothing yet.
    let client = Client::of(&world).await;
    let before = world.ledger.used();
    for _ in 0..60 / every {
        for _ in 0..viewers {
            client.get(path).await;
        }
        world.clock.advance(Duration::from_secs(every));
    }
    world.ledger.used().since(before).half_reads as f64 / 2.0
}

/// An order that tick hasn't begun on.
async fn open_order(world: &InMemoryApp) -> String {
    let queue = DlqName::Stage(StageName::Score);
    let action = OrderAction::Redrive { queue, cause: None, endpoint: None, rate: None };
    let preview = world.app.preview_order(&action, &mut |_| {}, &|| false).await.unwrap();
    world.app.give(action, None, preview).await.unwrap().order.id.to_string()
}

/// A month in which something was told each hour.
#[tokio::test]
async fn feedback_costs_no_more_where_much_was_told() {
    let world = InMemoryApp::eventful().await;
    let counts = FeedbackCounts::from_fn(|_| 1);
    for hour in 0..24 * 31 {
        let at = world.clock.now() - Duration::from_hours(hour);
        world.app.ports.feedback.count_feedback(RunId::parse("2026-11").unwrap(), at, &counts).await.unwrap();
    }
    let counted = world.app.count_now().await.unwrap();
    // What is kept of a month as full as this is no more than tick's writes are reckoned with.
    let kept = serde_json::to_string(&counted.snapshot).unwrap().len();
    assert!(kept <= 4_096, "{kept}");
    let client = Client::of(&world).await;
    let before = world.ledger.used();
    for _ in 0..3 {
        assert!(client.get("/feedback").await.body.contains("Mon 9 Nov"));
        world.clock.advance(Duration::from_secs(20));
    }
    let units = world.ledger.used().since(before).half_reads as f64 / 2.0;
    assert!(units <= 12.0, "{units}");
}

#[tokio::test]
async fn a_viewer_costs_thirteen_read_units_a_minute_at_most_and_one_for_each_campaign_that_is_not_over() {
    let campaigns = InMemoryApp::eventful().await.app.live_campaigns().await.unwrap().len() as f64;
    let mut all = Vec::new();
    for path in ["/", "/dead-letters", "/customers/c-failed", "/customers/c-hostile", "/feedback", "/orders/OPEN"] {
        all.push((path, a_minute(path, 1).await));
    }
    let most = |path| if path == "/" { 13.0 + campaigns } else { 13.0 };
    assert!(all.iter().all(|(path, units)| *units <= most(*path)), "{all:?}");
}

#[tokio::test]
async fn twenty_viewers_cost_what_one_does() {
    for path in ["/", "/dead-letters", "/feedback", "/orders/OPEN", "/campaigns/spring-sale"] {
        let (one, twenty) = (a_minute(path, 1).await, a_minute(path, 20).await);
        assert!(twenty <= one * 1.05, "{path}: one {one}, twenty {twenty}");
    }
}
