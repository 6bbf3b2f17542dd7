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
    let stage = StageOverview {
        stage: StageName::Email,
        condition: Condition::Paused,
        held: Some(Held { how, since, until: None }),
        waiting: 7,
        in_flight: 0,
        oldest_due: None,
        expires_at: None,
        expires_soon: false,
        answered_per_minute: 0.0,
        failing_percent: 0,
    };
    let places = BTreeMap::from([(TallyKey::Indeterminate, 1), (TallyKey::Due(StageName::Email), 2)]);
    let status = Status {
        roster: RosterCount { active: 3, closed: 0 },
        runs: vec![StatusRun { run: RunId::parse("2026-11").unwrap(), places }],
        reputation: ReputationReport {
            standing: Reputation::Doubtful,
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
    let held = json!({ "how": "by ops: wrong template", "since": "2026-11-03T10:00:00Z", "until": null });
    assert_eq!(shown["stages"][0]["held"], held);
    assert_eq!(shown["runs"], json!({ "2026-11": { "in doubt": 1, "scored, to be mailed": 2 } }));
}
