//! Where audits stand, wherever it is kept.
#![expect(missing_docs, reason = "the cases' names are sentences")]
#![expect(clippy::missing_panics_doc, reason = "a case panics when the adapter fails it")]

use std::collections::BTreeMap;

use futures::future::join_all;
use jiff::ToSpan as _;
use pulse_core::{
    audit::{AuditCheckpoint, AuditCursor, AuditDepth, AuditName, AuditReport, Finding, Problem},
    ports::AuditLog,
};

use super::samples::{due, id};

fn checkpoint(version: u64, cursor: AuditCursor) -> AuditCheckpoint {
    let finding = Finding { customer: id("c-1"), problem: Problem::NoSchedule, repaired: true };
    let report = AuditReport {
        customers: 7,
        read_in_whole: 2,
        found: BTreeMap::from([(Problem::NoSchedule, 1), (Problem::UnknownCustomer, 3)]),
        repaired: 1,
        failed: 1,
        examples: vec![finding],
    };
    AuditCheckpoint {
        version,
        began_at: due(),
        taken_at: due() + 1.minute(),
        saved_at: due() + 2.minutes(),
        finished_at: Some(due() - 24.hours()),
        depth: AuditDepth::Slice { number: 3, of: 28 },
        repair: true,
        is_at_rest: false,
        cursor,
        report,
        schedules: 5,
    }
}

pub async fn an_audit_that_never_ran_stands_nowhere(log: &dyn AuditLog) {
    assert_eq!(log.checkpoint(AuditName::Daily).await, Ok(None));
}

pub async fn a_checkpoint_is_read_back_by_its_audit(log: &dyn AuditLog) {
    let cursors = [
        AuditCursor::Entries { part: 0, after: None },
        AuditCursor::Entries { part: 3, after: Some(id("c-1")) },
        AuditCursor::Schedules { from: String::new() },
        AuditCursor::Schedules { from: "c-4".to_owned() },
        AuditCursor::Done,
    ];
    for (version, cursor) in (1..).zip(cursors) {
        let written = checkpoint(version, cursor);
        assert_eq!(log.save_checkpoint(AuditName::Daily, &written).await, Ok(true));
        assert_eq!(log.checkpoint(AuditName::Daily).await, Ok(Some(written)));
        assert_eq!(log.checkpoint(AuditName::ByHand).await, Ok(None));
    }
}

pub async fn a_checkpoint_of_another_version_is_not_written(log: &dyn AuditLog) {
    let first = checkpoint(1, AuditCursor::Done);
    let wrong = checkpoint(2, AuditCursor::Done);
    assert_eq!(log.save_checkpoint(AuditName::Daily, &wrong).await, Ok(false));
    assert_eq!(log.save_checkpoint(AuditName::Daily, &first).await, Ok(true));
    for version in [1, 3] {
        let other = checkpoint(version, AuditCursor::Entries { part: 1, after: None });
        assert_eq!(log.save_checkpoint(AuditName::Daily, &other).await, Ok(false), "version {version}");
    }
    assert_eq!(log.checkpoint(AuditName::Daily).await, Ok(Some(first)));
}

pub async fn of_twenty_audits_at_once_one_wins(log: &dyn AuditLog) {
    let first = checkpoint(1, AuditCursor::Done);
    let saved = join_all((0..20).map(|_| log.save_checkpoint(AuditName::ByHand, &first))).await;
    assert_eq!(saved.iter().filter(|saved| **saved == Ok(true)).count(), 1, "{saved:?}");
}
