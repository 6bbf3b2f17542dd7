use std::future::pending;

use pulse_core::{
    advice::Advice,
    audit::{AuditDepth, AuditEnd, AuditStart, Problem},
    ports::Ledger as _,
};

use super::{World, customer, now};
use crate::{AuditOrder, Counts, Unenrolled};

#[test]
fn a_roster_is_enrolled_and_counted_by_what_that_did() {
    let world = World::new();
    let all = || (2..).zip(["c-1", "c-2", "c-3"].map(customer));
    let mut heard = Vec::new();
    let counts = now(world.app.enroll(all(), &mut |line: u64, _| heard.push(line))).unwrap();
    assert_eq!((counts, heard), (Counts { new: 3, ..Counts::default() }, vec![2, 3, 4]));
    let counts = now(world.app.enroll(all(), &mut |_, _| {})).unwrap();
    assert_eq!(counts, Counts { unchanged: 3, ..Counts::default() });
}

#[test]
fn a_customer_without_a_schedule_is_mended_by_enrolling_them_again() {
    let world = World::new();
    let customer = customer("c-1");
    now(world.ledger.save_customer(&customer)).unwrap();
    let report = now(world.app.customer(&customer.id)).unwrap();
    assert_eq!(
        (report.schedule.as_ref(), report.advice()),
        (None, Some(Advice::Enroll { customer: customer.id.clone() }))
    );
    now(world.app.enroll_again(&customer.id)).unwrap();
    let report = now(world.app.customer(&customer.id)).unwrap();
    assert_eq!((report.schedule, report.entries.len()), (Some(customer.slot.clone()), 1));
    let left = now(world.app.unenroll(vec![customer.id.clone()])).unwrap();
    assert_eq!(left, [Unenrolled { customer: customer.id.clone(), unenrolled: true }]);
    let report = now(world.app.customer(&customer.id)).unwrap();
    assert_eq!((report.schedule.as_ref(), report.advice()), (None, None), "who has left needs no schedule");
}

#[test]
fn who_is_not_on_the_roster_is_neither_shown_nor_enrolled_again() {
    let world = World::new();
    let stranger = customer("c-9").id;
    let unknown = now(world.app.customer(&stranger)).unwrap_err();
    assert_eq!(unknown.advice(), Some(Advice::EnrollSomeone));
    let unknown = now(world.app.enroll_again(&stranger)).unwrap_err();
    assert_eq!(unknown.advice(), Some(Advice::EnrollSomeone));
    let left = now(world.app.unenroll(vec![stranger.clone()])).unwrap();
    assert_eq!(left, [Unenrolled { customer: stranger, unenrolled: false }]);
}

#[test]
fn an_audit_finds_what_is_amiss_and_repairs_it_if_that_is_asked_for() {
    let world = World::new();
    now(world.ledger.save_customer(&customer("c-1"))).unwrap();
    let audit = |repair| {
        let order = AuditOrder { depth: AuditDepth::Everyone, repair, start: AuditStart::ResumeOrBegin };
        let end = now(world.app.audit(order, pending(), &|_| {})).unwrap();
        let AuditEnd::Finished(report) = end else { panic!("{end:?}") };
        report
    };
    let report = audit(false);
    assert!(!report.is_clean() && report.found.contains_key(&Problem::NoOpenEntry), "{report:?}");
    assert_eq!(report.advice(), Some(Advice::RepairByAudit));
    assert!(audit(true).is_clean());
    assert!(audit(false).found.is_empty());
    assert_eq!(now(world.app.roster()).unwrap().active, 1);
}
