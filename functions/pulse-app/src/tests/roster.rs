use std::{
    future::pending,
    sync::atomic::{AtomicU64, Ordering},
};

use pulse_core::{
    advice::Advice,
    audit::{AuditDepth, AuditEnd, AuditStart, Problem},
    control::Note,
    customer::{ConsentSource, CustomerId},
    failure::Cause,
    ports::Ledger as _,
};

use super::{World, customer, now, start};
use crate::{AuditOrder, ConsentCounts, Counts, OptedOut, Unenrolled};

fn empty(empty: u64) -> Counts {
    Counts { consent: ConsentCounts { empty, ..ConsentCounts::default() }, ..Counts::default() }
}

fn empty_of_new(empty_of_new: u64) -> Counts {
    Counts { consent: ConsentCounts { empty_of_new, ..ConsentCounts::default() }, ..Counts::default() }
}

#[test]
fn a_roster_is_enrolled_and_counted_by_what_that_did() {
    let world = World::new();
    let all = || (2..).zip(["c-1", "c-2", "c-3"].map(customer));
    let mut heard = Vec::new();
    let counts = now(world.app.enroll(all(), start(), &mut |line: u64, _| heard.push(line), &|| false)).unwrap();
    assert_eq!((counts, heard), (Counts { new: 3, ..empty_of_new(3) }, vec![2, 3, 4]));
    let counts = now(world.app.enroll(all(), start(), &mut |_, _| {}, &|| false)).unwrap();
    assert_eq!(counts, Counts { unchanged: 3, ..empty(3) });
}

#[test]
fn whoever_asks_it_to_stop_gets_those_under_way_ended_and_no_more_begun() {
    let world = World::new();
    let everyone = (0..).map(|number| (number, customer(&format!("c-{number}"))));
    let heard = AtomicU64::new(0);
    let mut watch = |_: u64, _: Option<&Cause>| {
        heard.fetch_add(1, Ordering::Relaxed);
    };
    let counts =
        now(world.app.enroll(everyone, start(), &mut watch, &|| heard.load(Ordering::Relaxed) >= 100)).unwrap();
    assert_eq!(counts.new, heard.load(Ordering::Relaxed));
    assert!((100..200).contains(&counts.new), "{counts:?}");
    assert_eq!(now(world.app.roster()).unwrap().active, counts.new);
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

#[test]
fn an_opt_out_that_was_asked_for_is_kept_against_rosters_until_it_is_undone() {
    let world = World::new();
    let told = customer("c-1");
    let enroll = || now(world.app.enroll(std::iter::once(((), told.clone())), start(), &mut |(), _| {}, &|| false));
    enroll().unwrap();
    let note = Note::parse("asked by phone").unwrap();
    let opt_out = |opted_out| now(world.app.opt_out(vec![told.id.clone()], opted_out, &note)).unwrap();
    assert_eq!(opt_out(true), [OptedOut { customer: told.id.clone(), is_known: true }]);
    assert_eq!(enroll().unwrap().opted_out, 1);
    let kept = now(world.ledger.customer(&told.id)).unwrap().unwrap().consent;
    let record = kept.record().unwrap();
    assert_eq!(
        (record.by, record.proof.as_ref().map(Cause::as_str)),
        (ConsentSource::Operator, Some("asked by phone"))
    );
    opt_out(false);
    assert_eq!(enroll().unwrap().opted_out, 0);
    let stranger = CustomerId::parse("c-9").unwrap();
    assert!(!now(world.app.opt_out(vec![stranger.clone()], true, &note)).unwrap()[0].is_known);
    assert_eq!(now(world.ledger.customer(&stranger)).unwrap(), None);
}
