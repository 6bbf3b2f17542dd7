use std::time::Duration;

use pulse_core::{
    control::Outcomes,
    entry::{StageName, TallyKey},
    ports::{COUNTED_PARTS, OutcomeLog as _, Snapshots as _},
    snapshot::{CountBudget, SnapshotRound, SnapshotTaken},
};

use super::{World, cause, mailing, now, start};

impl World {
    /// What tick does of a minute.
    fn take_snapshot(&self) -> Option<SnapshotTaken> {
        self.take_snapshot_by(CountBudget { read_units_an_hour: 0.001, ..CountBudget::default() })
    }

    fn take_snapshot_by(&self, budget: CountBudget) -> Option<SnapshotTaken> {
        let ports = &self.app.ports;
        let round = SnapshotRound {
            stages: &*ports.stages,
            controls: &*ports.controls,
            outcomes: &*ports.outcomes,
            ledger: &*ports.ledger,
            open: &*ports.open,
            reports: &*ports.reports,
            feedback: &*ports.feedback,
            campaigns: &*ports.campaigns,
            reputation: pulse_core::feedback::ReputationPolicy::default(),
            gauges: &*ports.gauges,
            snapshots: &*ports.snapshots,
            clock: &*self.clock,
            budget,
            endpoints: &[],
        };
        now(round.run()).unwrap()
    }

    fn report(&self, sent: u64, failures: u64) {
        let mut outcomes = Outcomes { calls: sent + failures, failures, sent, ..Outcomes::default() };
        for _ in 0..failures {
            outcomes.causes.add(&cause());
        }
        now(self.ledger.report(StageName::Email, self.app.clock().now(), &outcomes)).unwrap();
    }
}

fn minutes(minutes: u64) -> Duration {
    Duration::from_mins(minutes)
}

#[test]
fn whoever_counts_now_is_told_what_it_cost_and_everyone_sees_it() {
    let world = World::new();
    assert_eq!(now(world.app.snapshot()), Ok(None));
    world.bring_failed("c-failed");
    world.bring("c-due", |_| Vec::new());
    let counted = now(world.app.count_now()).unwrap();
    let run = counted.snapshot.run.as_ref().unwrap();
    let places = [(TallyKey::Due(StageName::Score), 1), (TallyKey::Failed(StageName::Score), 1)];
    assert_eq!((run.places.clone(), run.roster.active), (places.into(), 2));
    // Twelve units, at 12.5 cents a million.
    assert_eq!((counted.read_units.units(), counted.kept), (12.0, true));
    assert!((counted.dollars - 12.0 * 0.125e-6).abs() < 1e-12);
    assert_eq!(now(world.app.snapshot()), Ok(Some(counted.snapshot.clone())));
    assert_eq!(now(world.app.points(start())), Ok(vec![counted.snapshot.point()]));
}

#[test]
fn mails_are_added_up_until_the_run_is_counted_again_and_causes_told_of_an_hour() {
    let world = World::new();
    world.report(3, 2);
    assert!(world.take_snapshot().unwrap().counted, "nothing was counted yet");
    world.bring("c-sent", |entry| {
        let mut way = mailing(&entry);
        let sending = way.last().unwrap().clone().into_after();
        way.push(sending.record_sent("m-1".to_owned(), start(), None).unwrap());
        way
    });
    for (sent, told) in [(10, 10), (0, 10), (5, 15)] {
        world.report(sent, 1);
        world.clock.advance(minutes(5));
        let taken = world.take_snapshot().unwrap();
        let run = taken.snapshot.run.clone().unwrap();
        assert_eq!((taken.counted, run.sent_since, run.places.len()), (false, told, 0));
        assert_eq!(taken.snapshot.causes.len(), 1);
    }
    assert_eq!(now(world.app.snapshot()).unwrap().unwrap().causes[0].count, 5);
    world.clock.advance(minutes(60));
    assert_eq!(world.take_snapshot().unwrap().snapshot.causes.len(), 0, "an hour is over");
    let points = now(world.app.points(start())).unwrap();
    assert_eq!(points.iter().map(|point| point.sent.unwrap().1).collect::<Vec<_>>(), [0, 10, 10, 15, 15]);

    world.clock.advance(minutes(1));
    assert_eq!(world.take_snapshot(), None, "it isn't time");
    now(world.app.want_snapshot()).unwrap();
    let wanted = world.take_snapshot().unwrap();
    let run = wanted.snapshot.run.unwrap();
    assert_eq!((wanted.counted, run.places.len(), run.sent_since), (false, 0, 15), "a look costs no count");
    let counted = now(world.app.count_now()).unwrap().snapshot.run.unwrap();
    assert_eq!((counted.places[&TallyKey::Sent], counted.sent_since), (1, 0));
    world.clock.advance(minutes(1));
    assert_eq!(world.take_snapshot(), None, "the wish was fulfilled");
}

/// Someone counts while a tick is under way, or with a clock that is ahead.
#[test]
fn a_snapshot_that_was_overtaken_is_not_kept() {
    let world = World::new();
    let counted = now(world.app.count_now()).unwrap().snapshot;
    let mut ahead = counted.clone();
    ahead.at += minutes(10);
    assert_eq!(now(world.ledger.save_snapshot(&ahead)), Ok(true));
    world.clock.advance(minutes(5));
    let taken = world.take_snapshot().unwrap();
    assert!(!taken.kept);
    assert_eq!(now(world.app.snapshot()), Ok(Some(ahead)));
}

#[test]
fn where_little_is_let_through_at_once_a_run_is_counted_in_parts_that_add_up() {
    let world = World::new();
    for number in 0..40 {
        world.bring(&format!("c-{number}"), |_| Vec::new());
    }
    let sparing = CountBudget { at_once: Some(1), ..CountBudget::default() };
    let mut customers = Vec::new();
    for part in 1..COUNTED_PARTS {
        let taken = world.take_snapshot_by(sparing).unwrap();
        let parts = taken.snapshot.counted_parts.unwrap();
        assert_eq!((taken.counted, taken.snapshot.run, parts.parts), (false, None, part));
        customers.push(parts.roster.active);
        world.clock.advance(minutes(1));
        now(world.app.want_snapshot()).unwrap();
        assert_eq!(
            world.take_snapshot_by(sparing).unwrap().snapshot.counted_parts.unwrap().parts,
            part,
            "a look costs none"
        );
        world.clock.advance(minutes(4));
    }
    assert!(customers.is_sorted() && customers[0] < 40, "{customers:?}");
    let taken = world.take_snapshot_by(sparing).unwrap();
    let run = taken.snapshot.run.unwrap();
    assert_eq!((taken.counted, taken.snapshot.counted_parts), (true, None));
    assert_eq!((run.roster.active, run.places[&TallyKey::Due(StageName::Score)]), (40, 40));
    assert_eq!(run.counted_at, world.app.clock().now());
}
