use pulse_app::ReputationReport;
use pulse_core::{
    control::Note,
    feedback::{Reputation, ReputationCounts, ReputationPolicy},
    overview::{Held, How},
    run::RunId,
};
use serde_json::json;

use super::*;

#[test]
fn json_has_the_words_for_what_holds_a_stage_and_for_places() {
    let since: Timestamp = "2026-11-03T10:00:00Z".parse().unwrap();
    let how = How::Command { who: "ops".into(), note: Note::parse("wrong template").unwrap() };
    let note = Note::parse("Of 2000 mails, 9 were called spam and 0 went to no mailbox.").unwrap();
    let figures = How::Reputation { note };
    let stage = StageOverview {
        stage: StageName::Email,
        condition: Condition::Paused,
        held: Some(Held { how: figures, since, until: None }),
        held_too: vec![Held { how, since, until: Some(since) }],
        waiting: 7,
        in_flight: 0,
        oldest_due: None,
        expires_at: None,
        expires_soon: false,
        answered_per_minute: 0.0,
        failing_percent: 0,
        latency_ms: None,
    };
    let places = BTreeMap::from([(TallyKey::Indeterminate, 1), (TallyKey::Due(StageName::Email), 2)]);
    let status = Status {
        roster: RosterCount { active: 3, closed: 0 },
        runs: vec![StatusRun { run: RunId::parse("2026-11").unwrap(), places }],
        reputation: ReputationReport {
            standing: Reputation::Doubtful,
            held_since: None,
            will_hold: false,
            counts: ReputationCounts { mails: 20_000, complaints: 32, hard_bounces: 240 },
            policy: ReputationPolicy::default(),
        },
        stages: vec![stage],
        queues: Vec::new(),
        lanes: Vec::new(),
    };
    let told = text(&status, since);
    for part in ["32 of 20,000 mails (0.16 %)", "240 of 20,000 mails (1.20 %)", "doubtful", "above 0.30 %"] {
        assert!(told.contains(part), "{part}: {told}");
    }
    let shown = serde_json::to_value(Shown::of(&status)).unwrap();
    let held =
        json!({ "how": "by ops: wrong template", "since": "2026-11-03T10:00:00Z", "until": "2026-11-03T10:00:00Z" });
    assert_eq!(shown["stages"][0]["held_too"], json!([held]));
    // Each has its own words and figures.
    for part in ["recipients take its mails badly. Of 2000 mails, 9 were", "why, too", "by ops: wrong template"] {
        assert!(told.contains(part), "{part}: {told}");
    }
    assert_eq!(shown["runs"], json!({ "2026-11": { "in doubt": 1, "scored, to be mailed": 2 } }));
}

#[test]
fn what_tick_is_about_to_hold_is_told_apart_from_what_is_held() {
    let since: Timestamp = "2026-11-03T10:00:00Z".parse().unwrap();
    let report = ReputationReport {
        standing: Reputation::Bad,
        held_since: None,
        will_hold: true,
        counts: ReputationCounts { mails: 2_000, complaints: 9, hard_bounces: 0 },
        policy: ReputationPolicy::default(),
    };
    let told = |report| reputation_table(&report).render();
    let soon = told(report);
    assert!(soon.contains("tick will hold the email stage within five minutes; it isn't held yet"), "{soon}");
    let held = told(ReputationReport { held_since: Some(since), will_hold: false, ..report });
    assert!(held.contains("is held since 2026-11-03T10:00:00Z") && !held.contains("will hold"), "{held}");
}
