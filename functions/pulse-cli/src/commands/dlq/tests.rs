use pulse_core::{customer::CustomerId, failure::Cause, run::RunId};

use pulse_core::entry::StageName;

use super::*;

#[test]
fn causes_come_with_counts_times_and_examples() {
    let group = CauseGroup {
        cause: Cause::new("The scoring API answered 422."),
        detail: None,
        count: 7,
        first: "2026-11-03T10:00:00.4Z".parse().unwrap(),
        last: "2026-11-04T10:00:00Z".parse().unwrap(),
        examples: vec![Example {
            customer: CustomerId::parse("c-1").unwrap(),
            run: Some(RunId::parse("2026-11").unwrap()),
            item: None,
        }],
    };
    let report = DeadLetterReport { looked_at: 7, more: true, causes: vec![group] };
    let nothing = DeadLettersOf { queue: DlqName::Stage(StageName::Email), report: DeadLetterReport::default() };
    let text = text(&[DeadLettersOf { queue: DlqName::Stage(StageName::Score), report }, nothing]);
    assert!(text.contains("score dead letters: at least 7"), "{text}");
    assert!(text.contains("7  The scoring API answered 422."), "{text}");
    assert!(text.contains("queued 2026-11-03T10:00:00Z to 2026-11-04T10:00:00Z, such as c-1 in 2026-11"), "{text}");
    assert!(text.contains("email dead letters: none"), "{text}");
}
