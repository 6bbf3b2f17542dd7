//! How long the console takes for each of its pages, where 600,000 customers are on the roster. Run as:
//!
//! ```sh
//! cargo run --release -p pulse-tests --example console_speed
//! ```

use std::time::{Duration, Instant};

use pulse_core::entry::{SkipReason, StageName};
use pulse_tests::{
    console_client::{Client, PAGES},
    in_memory_app::{Fate, InMemoryApp, address},
};

const CUSTOMERS: usize = 600_000;

/// How often each page is opened.
const TIMES: usize = 200;

/// What 95 of 100 have to be answered within.
const GOAL: Duration = Duration::from_millis(100);

#[expect(clippy::disallowed_methods, reason = "it is how long something takes that is asked for")]
#[tokio::main(flavor = "current_thread")]
async fn main() {
    let world = InMemoryApp::eventful().await;
    let note = pulse_core::control::Note::parse("They asked for it.").expect("a note");
    for number in 0..CUSTOMERS {
        let id = format!("p-{number}");
        let fate = match number % 100 {
            0 => Fate::Failed(StageName::Score),
            1 => Fate::Skipped(SkipReason::Suppressed),
            2 => Fate::InDoubt,
            3..70 => Fate::Sent,
            70..72 => Fate::Due,
            _ => Fate::NotDue,
        };
        world.bring(&id, fate, &format!("The provider answered {}.", 500 + number % 4)).await;
        if number % 100 == 0 {
            world.bury(StageName::Score, &id);
        }
        if number % 100 == 1 {
            world.app.suppress(&address(&id), &note).await.expect("suppressed");
        }
    }
    let counted = world.app.count_now().await.expect("counted");
    println!("Counting took {} read units.", counted.read_units);
    let client = Client::of(&world).await;
    let mut is_met = true;
    for path in PAGES {
        let mut times = Vec::with_capacity(TIMES);
        for _ in 0..TIMES {
            // Nothing that was read before is fresh any more.
            world.clock.advance(Duration::from_mins(5));
            let begun = Instant::now();
            let answer = client.get(path).await;
            times.push(begun.elapsed());
            assert!(answer.status.is_success(), "{path}: {}", answer.status);
        }
        times.sort();
        let p95 = times[TIMES * 95 / 100];
        is_met &= p95 <= GOAL;
        println!("{:8.2} ms at the 95th percentile  {path}", p95.as_secs_f64() * 1e3);
    }
    // What is counted or looked through when somebody presses a button: no page, but what people wait for.
    for path in ["/runs/2026-11", "/dead-letters/score"] {
        let begun = Instant::now();
        let answer = client.post(path, "text/html", "").await;
        println!(
            "{:8.2} ms once, by its button        {path} ({})",
            begun.elapsed().as_secs_f64() * 1e3,
            answer.status
        );
    }
    assert!(is_met, "A page takes longer than {GOAL:?}.");
}
