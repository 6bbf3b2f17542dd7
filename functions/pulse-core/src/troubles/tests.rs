use super::*;

fn at(minutes: i64) -> Timestamp {
    let began: Timestamp = "2026-11-03T10:00:00Z".parse().unwrap();
    began + jiff::SignedDuration::from_mins(minutes)
}

/// The minutes of two days at which a tick tells of anything, if `there` says in which it is there.
fn told(trouble: Trouble, there: impl Fn(i64) -> bool) -> Vec<i64> {
    let mut watch = TroubleWatch::default();
    let mut told = Vec::new();
    for minute in 0..2 * 24 * 60 {
        watch.note(trouble, there(minute), at(minute));
        if watch.standing(at(minute)).iter().any(|(_, is_new)| *is_new) {
            told.push(minute);
        }
    }
    told
}

#[test]
fn a_trouble_that_stands_is_told_for_ten_minutes_of_each_day() {
    let day = 24 * 60;
    let of = told(Trouble::Reputation(Reputation::Doubtful), |_| true);
    assert_eq!(of, (0..10).chain(day..day + 10).collect::<Vec<_>>());
}

#[test]
fn what_mends_itself_in_time_wakes_nobody() {
    let campaign = Trouble::LateCampaign(RunId::parse("spring").unwrap());
    assert_eq!(told(campaign, |minute| minute < 5), Vec::<i64>::new());
    assert_eq!(told(campaign, |minute| minute < 60), (6..16).collect::<Vec<_>>());
    let unread = Trouble::Unread(IntakeQueue::Feedback);
    assert_eq!(told(unread, |minute| minute % 60 < 59), Vec::<i64>::new());
    assert_eq!(told(unread, |minute| minute <= 60), [60]);
}

#[test]
fn one_that_comes_while_another_stands_is_told_all_the_same() {
    let mut watch = TroubleWatch::default();
    watch.note(Trouble::Reputation(Reputation::Doubtful), true, at(0));
    for minute in 0..=20 {
        watch.note(Trouble::Reputation(Reputation::Doubtful), true, at(minute));
        let _ = watch.standing(at(minute));
    }
    let audit = Trouble::Audit(AuditTrouble::Overdue);
    watch.note(audit, true, at(20));
    let told: Vec<_> = watch.standing(at(20)).into_iter().filter(|(_, is_new)| *is_new).collect();
    assert_eq!((told, watch.standing(at(20)).len()), (vec![(audit, true)], 2));
}

#[test]
fn the_first_of_a_kind_has_its_alarm_and_the_next_is_a_trouble() {
    let letters = |queue| Trouble::DeadLetters(queue);
    let (score, opt_outs) =
        (letters(DlqName::Stage(StageName::Score)), letters(DlqName::Intake(IntakeQueue::Unsubscribe)));
    let mut watch = TroubleWatch::default();
    watch.note(opt_outs, true, at(0));
    assert_eq!(watch.standing(at(0)), [(opt_outs, false)]);
    watch.note(score, true, at(3));
    assert_eq!(watch.standing(at(3)), [(score, true), (opt_outs, false)]);
    // Once the first is over, the alarm stands for the other, which was told.
    watch.note(opt_outs, false, at(4));
    assert_eq!(watch.standing(at(4)), [(score, false)]);
    // A provider is no letter.
    watch.note(Trouble::Broken(StageName::Email), true, at(5));
    assert!(watch.standing(at(11)).iter().all(|(_, is_new)| !is_new));
}

#[test]
fn what_could_not_be_looked_at_stands_for_a_while() {
    let mut watch = TroubleWatch::default();
    let trouble = Trouble::Expiring(StageName::Score);
    watch.note(trouble, true, at(0));
    assert_eq!(watch.standing(at(20)).len(), 1);
    assert!(watch.standing(at(21)).is_empty());
}

#[test]
fn troubles_that_exclude_each_other_are_told_one_by_one() {
    let of = [Reputation::Doubtful, Reputation::Bad].map(Trouble::Reputation);
    let mut watch = TroubleWatch::default();
    for (minute, found) in [(0, Some(of[0])), (20, Some(of[0])), (40, Some(of[1]))] {
        watch.note_one(of, found, at(minute));
    }
    assert_eq!(watch.standing(at(40)), [(of[1], true)], "worse is new");
    watch.note_one(of, None, at(45));
    assert!(watch.standing(at(45)).is_empty());
}

#[test]
fn a_queue_that_someone_takes_from_is_read_unless_it_is_far_behind() {
    let of = |waiting, in_flight| {
        is_unread(&Depth { queue: "feedback queue".into(), waiting, in_flight, dead_letters: false })
    };
    assert_eq!([of(0, 0), of(999, 1), of(1, 0), of(1_000, 50)], [false, false, true, true]);
}

#[test]
fn each_says_which_command_to_run_first() {
    let (stage, run) = (StageName::Deliver, RunId::parse("spring").unwrap());
    let all = [
        Trouble::DeadLetters(DlqName::Schedules),
        Trouble::Broken(stage),
        Trouble::Broken(StageName::Score),
        Trouble::Overdue(StageName::Score),
        Trouble::Expiring(StageName::Email),
        Trouble::Reputation(Reputation::Bad),
        Trouble::LateCampaign(run),
        Trouble::Audit(AuditTrouble::NotAll),
        Trouble::Unread(IntakeQueue::Feedback),
        Trouble::Dropped,
        Trouble::Forged,
    ];
    for trouble in all {
        let first = trouble.first();
        assert!(first.starts_with("`pulse ") && !trouble.word().is_empty() && !trouble.of().is_empty(), "{first}");
    }
    assert_eq!(Trouble::LateCampaign(run).of(), "spring");
}

#[test]
fn a_flood_of_forged_payloads_is_told_for_ten_minutes_and_then_each_day() {
    let mut watch = ForgedWatch::default();
    let told: Vec<_> = (0..26 * 60).filter(|&minute| watch.count(30, at(minute))).collect();
    assert_eq!(told, (0..10).chain(24 * 60..24 * 60 + 10).collect::<Vec<_>>());
    // A few now and then are told always, as others may count the rest.
    let mut watch = ForgedWatch::default();
    assert!((0..120).all(|minute| watch.count(4, at(minute))));
    // After a pause, the next flood is another.
    let mut watch = ForgedWatch::default();
    let told: Vec<_> =
        (0..60).filter(|minute| !(15..40).contains(minute)).filter(|&minute| watch.count(30, at(minute))).collect();
    assert_eq!(told, (0..10).chain(40..50).collect::<Vec<_>>());
}
