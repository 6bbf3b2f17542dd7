//! The pages, the JSON of the same routes and the command line's `--json` tell the same figures.

use std::time::Duration;

use proptest::{collection::vec, prelude::*, sample::select};
use pulse_app::{
    MailError, MailQuestion, RunQuestion,
    words::{grouped, place, reason, recipients_lines, told},
};
use pulse_core::{
    entry::Plan,
    feedback::{FeedbackCount, FeedbackCounts},
    ports::DlqName,
    run::RunId,
    stage::StageSet,
};
use pulse_letters::MinijinjaRenderer;
use pulse_tests::{
    console_client::{Client, rows, words},
    in_memory_app::{Fate, InMemoryApp, address, start},
};
use serde_json::{Value, json};

#[derive(Debug, Clone)]
struct World {
    fates: Vec<Fate>,
    suppressed: usize,
    letters: [usize; 2],
    waiting: [usize; 2],
    ticks: Vec<u64>,
    /// How many hours ago how many mails were told of, and how many came to what.
    told: Vec<(u64, FeedbackCount, u64)>,
}

fn world() -> impl Strategy<Value = World> {
    let figures = (vec(select(Fate::ALL.to_vec()), 0..60), 0..5_usize, [0..25_usize, 0..3], [0..2_000_usize, 0..5]);
    let told = vec((0..240_u64, select(FeedbackCount::ALL.to_vec()), 1..2_000_u64), 0..30);
    (figures, vec(0..3_000_u64, 0..4), told).prop_map(|((fates, suppressed, letters, waiting), ticks, told)| World {
        fates,
        suppressed,
        letters,
        waiting,
        ticks,
        told,
    })
}

impl World {
    async fn made(&self) -> InMemoryApp {
        let world = InMemoryApp::at(start());
        for (number, fate) in self.fates.iter().enumerate() {
            world.bring(&format!("c-{number}"), *fate, &format!("The provider answered {}.", 500 + number % 4)).await;
        }
        for number in 0..self.suppressed {
            let note = pulse_core::control::Note::parse("They asked for it.").unwrap();
            world.app.suppress(&address(&format!("c-{number}")), &note).await.unwrap();
        }
        for stage in Plan::MONTHLY.steps() {
            (0..self.waiting[stage as usize]).for_each(|_| world.queues[stage].send_body("one"));
            (0..self.letters[stage as usize]).for_each(|number| world.bury(stage, &format!("c-{number}")));
        }
        for (hours, count, more) in &self.told {
            let counts = FeedbackCounts::from_fn(|one| if one == *count { *more } else { 0 });
            let at = start() - Duration::from_hours(*hours);
            world.app.ports.feedback.count_feedback(run(), at, &counts).await.unwrap();
        }
        for calls in &self.ticks {
            world.tick(*calls, calls / 100).await;
        }
        world
    }
}

fn run() -> RunId {
    RunId::parse("2026-11").unwrap()
}

fn has(rows: &[Vec<String>], cells: &[&str]) -> bool {
    rows.iter().any(|row| row.iter().zip(cells).filter(|(one, other)| one == other).count() == cells.len())
}

fn of(value: &impl serde::Serialize) -> Value {
    serde_json::to_value(value).unwrap()
}

async fn overview_is_the_status(world: &InMemoryApp, client: &Client) {
    let counted = world.app.count_now().await.unwrap().snapshot;
    let status = world.app.status().await.unwrap();
    let json = client.get_json("/").await;
    assert_eq!(json["snapshot"], of(&counted));
    let shown = &json["snapshot"];
    for part in ["stages", "queues", "lanes"] {
        assert_eq!(shown[part], of(&status)[part], "{part}");
    }
    let run = status.runs.iter().find(|run| run.run.to_string() == "2026-11");
    assert_eq!(shown["run"]["places"], run.map_or(json!({}), |run| of(&run.places)));
    assert_eq!(shown["run"]["roster"], of(&status.roster));

    let page = client.get("/").await.body;
    let rows = rows(&page);
    for (key, count) in run.iter().flat_map(|run| &run.places) {
        assert!(has(&rows, &[&place(*key), &grouped(*count)]), "{key:?} {count}: {rows:?}");
    }
    for depth in &status.queues {
        assert!(has(&rows, &[&depth.queue, &grouped(depth.waiting), &grouped(depth.in_flight)]), "{depth:?}: {rows:?}");
    }
    for lanes in &status.lanes {
        let shown = format!("{} = {} × {}", lanes.count(), lanes.maximum_concurrency, lanes.in_flight);
        assert!(page.contains(&shown), "{shown}");
    }
}

async fn run_is_why_of_the_run(world: &InMemoryApp, client: &Client) {
    let question = RunQuestion { run: Some(RunId::parse("2026-11").unwrap()), limit: 1_000, in_depth: true };
    let report = world.app.why_run(question).await.unwrap();
    assert!(report.adds_up());
    let json = client.post("/runs/2026-11", "application/json", "").await.json();
    assert_eq!(json, of(&report));
    let rows = rows(&client.post("/runs/2026-11", "text/html", "").await.body);
    for count in &report.reasons {
        assert!(has(&rows, &[&reason(count.reason), &grouped(count.customers)]), "{count:?}: {rows:?}");
    }
    for cause in report.causes.iter().flat_map(|sample| &sample.causes) {
        assert!(has(&rows, &[cause.cause.as_str(), &grouped(cause.entries)]), "{cause:?}: {rows:?}");
    }
}

async fn letters_are_the_dead_letters(world: &InMemoryApp, client: &Client) {
    for stage in StageSet::of_every_stack().iter() {
        let found = world.app.dead_letters(Some(DlqName::Stage(stage)), 1_000, &|| false).await.unwrap();
        let path = format!("/dead-letters/{stage}");
        assert_eq!(client.post(&path, "application/json", "").await.json(), of(&found));
        let rows = rows(&client.post(&path, "text/html", "").await.body);
        for group in found.iter().flat_map(|found| &found.report.causes) {
            assert!(has(&rows, &[group.cause.as_str(), &grouped(group.count as u64)]), "{group:?}: {rows:?}");
        }
    }
    let dead: Vec<_> = world.app.depths().await.unwrap().into_iter().filter(|depth| depth.dead_letters).collect();
    assert_eq!(client.get_json("/dead-letters").await, of(&dead));
    let rows = rows(&client.get("/dead-letters").await.body);
    for depth in &dead {
        assert!(has(&rows, &[&depth.queue, &grouped(depth.waiting)]), "{depth:?}: {rows:?}");
    }
}

async fn suppressions_are_the_suppressions(world: &InMemoryApp, client: &Client) {
    let report = world.app.suppressions(50).await.unwrap();
    assert_eq!(client.get_json("/suppressions").await, of(&report));
    let rows = rows(&client.get("/suppressions").await.body);
    for (reason, count) in &report.by_reason {
        assert!(has(&rows, &[&reason.to_string(), &grouped(*count)]), "{reason} {count}: {rows:?}");
    }
    assert!(report.newest.iter().all(|listed| has(&rows, &[&listed.digest])), "{rows:?}");
}

/// Of seven days as `pulse status` tells them, and of all of a run as `pulse why --run` does.
async fn feedback_is_what_status_and_why_tell(world: &InMemoryApp, client: &Client) {
    let status = world.app.status().await.unwrap();
    let json = client.get_json("/feedback").await;
    assert_eq!(json["reputation"], of(&status.reputation));
    let page = client.get("/feedback").await.body;
    let lines = rows(&page);
    for line in recipients_lines(&status.reputation) {
        assert!(has(&lines, &[line.label, &line.text.replace('`', "")]), "{line:?}: {lines:?}");
    }
    let days = json["days"].as_array().unwrap();
    let mails: u64 = days.iter().filter_map(|day| day["counts"]["heard"].as_u64()).sum();
    assert_eq!(mails, status.reputation.counts.mails);
    for count in FeedbackCount::ALL.iter().filter(|_| !days.is_empty()) {
        let name = of(count);
        let sum: u64 = days.iter().filter_map(|day| day["counts"][name.as_str()?].as_u64()).sum();
        assert!(has(&lines, &[told(*count), &grouped(sum)]), "{count:?} {sum}: {lines:?}");
    }
    for depth in status.queues.iter().filter(|depth| ["feedback", "unsub"].iter().any(|of| depth.queue.starts_with(of)))
    {
        assert!(has(&lines, &[&depth.queue, &grouped(depth.waiting)]), "{depth:?}: {lines:?}");
    }
    let question = RunQuestion { run: Some(run()), limit: 1, in_depth: false };
    let why = world.app.why_run(question).await.unwrap();
    let path = "/feedback/2026-11";
    assert_eq!(client.post(path, "application/json", "").await.json()["feedback"], of(&why.feedback));
    let lines = rows(&client.post(path, "text/html", "").await.body);
    for count in FeedbackCount::ALL {
        assert!(has(&lines, &[told(*count), &grouped(why.feedback[*count])]), "{count:?}: {lines:?}");
    }
}

async fn mails_are_the_previews(world: &InMemoryApp, client: &Client, fates: &[Fate]) {
    let letters = MinijinjaRenderer::new().unwrap();
    for (number, fate) in fates.iter().enumerate().take(6) {
        let id = pulse_core::customer::CustomerId::parse(&format!("c-{number}")).unwrap();
        let path = format!("/customers/{id}/mail?run=2026-11");
        let question = MailQuestion { run: Some(run()), pretended: None };
        match world.app.preview_mail(&letters, &id, &question).await {
            Ok(mail) => {
                assert_eq!(client.get_json(&path).await, of(&mail));
                let page = words(&client.get(&path).await.body);
                assert!(page.contains(&mail.subject) && page.contains(mail.text.trim()), "{page}");
                assert_eq!(client.get(&path.replace("/mail", "/mail/letter")).await.body, mail.html);
            }
            Err(error) => {
                assert!(matches!(error, MailError::NoScore { .. }), "{fate:?}: {error}");
                let answer = client.get(&path).await;
                assert!(answer.status == 404 && answer.body.contains("has no score in run 2026-11"), "{}", answer.body);
            }
        }
    }
}

async fn customers_are_told_as_why_tells_them(world: &InMemoryApp, client: &Client, fates: &[Fate]) {
    for number in 0..fates.len().min(6) {
        let id = pulse_core::customer::CustomerId::parse(&format!("c-{number}")).unwrap();
        let story = world.app.why_customer(&id, None).await.unwrap();
        assert_eq!(client.get_json(&format!("/customers/{id}")).await, of(&story));
        let page = client.get(&format!("/customers/{id}")).await.body;
        for entry in &story.entries {
            let badge = format!("Run {} {}", entry.id().run, entry.state());
            assert!(page.split("<summary>").any(|one| words(one).starts_with(&badge)), "{badge}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(24) })]

    #[test]
    fn pages_and_json_and_the_command_line_tell_the_same(plan in world()) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let world = plan.made().await;
            let client = Client::of(&world).await;
            overview_is_the_status(&world, &client).await;
            run_is_why_of_the_run(&world, &client).await;
            letters_are_the_dead_letters(&world, &client).await;
            suppressions_are_the_suppressions(&world, &client).await;
            feedback_is_what_status_and_why_tell(&world, &client).await;
            mails_are_the_previews(&world, &client, &plan.fates).await;
            customers_are_told_as_why_tells_them(&world, &client, &plan.fates).await;
        });
    }
}
