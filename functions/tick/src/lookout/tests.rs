use pulse_core::{campaign::CampaignState, run::RunId};

use super::*;

const RETENTION: Duration = Duration::from_hours(10 * 24);

fn at(minutes: i64) -> Timestamp {
    let began: Timestamp = "2026-11-03T10:00:00Z".parse().unwrap();
    began + jiff::SignedDuration::from_mins(minutes)
}

/// A stage for which something has been due for so many hours.
fn look(stage: StageName, hours: u64) -> StageLook {
    let oldest_due = Some(Duration::from_hours(hours));
    StageLook { stage, oldest_due, is_broken: Some(false), is_paused: false, is_in_use: true }
}

fn word(lookout: &Lookout, now: Timestamp) -> Vec<(&'static str, String)> {
    lookout.watch().standing(now).iter().map(|(trouble, _)| (trouble.word(), trouble.of())).collect()
}

#[test]
fn the_stack_tells_the_longest_wait_and_what_is_broken_of_all_stages() {
    let lookout = Lookout::new(RETENTION);
    let broken = StageLook { is_broken: Some(true), ..look(StageName::Email, 3) };
    let nothing = StageLook { oldest_due: Some(Duration::ZERO), is_in_use: false, ..look(StageName::Deliver, 0) };
    let letters = [(DlqName::Schedules, 2), (DlqName::Stage(StageName::Score), 1)];
    let told = lookout.tell(&[look(StageName::Score, 5), broken, nothing], &letters, at(0));
    let expected = StackGauges {
        oldest_due: Some(Duration::from_hours(5)),
        broken: 1,
        dead_letters: 3,
        troubles: 0,
        // Two queues with letters, and a provider.
        standing: 3,
    };
    assert_eq!(told, expected, "each has an alarm of its own");
    assert_eq!(nothing.gauges(), None, "nobody is told of anything");
}

#[test]
fn where_a_stage_could_not_be_looked_at_the_longest_wait_is_not_told() {
    let lookout = Lookout::new(RETENTION);
    let unknown = StageLook { oldest_due: None, is_broken: None, ..look(StageName::Email, 0) };
    let told = lookout.tell(&[look(StageName::Score, 1), unknown], &[], at(0));
    assert_eq!((told.oldest_due, told.broken), (None, 0));
    assert_eq!(unknown.gauges(), None);
}

#[test]
fn who_waits_for_a_week_is_told_before_the_message_expires() {
    let lookout = Lookout::new(RETENTION);
    lookout.tell(&[look(StageName::Score, 7 * 24)], &[], at(0));
    assert_eq!(word(&lookout, at(0)), [("overdue", "score".to_owned())]);
    let told = lookout.tell(&[look(StageName::Score, 7 * 24 + 1)], &[], at(1));
    assert_eq!((told.troubles, told.standing), (1, 2));
    assert_eq!(word(&lookout, at(1))[1], ("expiring", "score".to_owned()));
    let told = lookout.tell(&[look(StageName::Score, 0)], &[], at(2));
    assert_eq!((told.troubles, told.standing), (0, 0));
}

#[test]
fn a_second_stage_that_is_overdue_or_broken_is_told_while_the_alarm_is_off_for_the_first() {
    let lookout = Lookout::new(RETENTION);
    let endpoint_is_down = StageLook { is_broken: Some(true), ..look(StageName::Deliver, 48) };
    for minute in 0..60 {
        let told = lookout.tell(&[endpoint_is_down, look(StageName::Score, 0)], &[], at(minute));
        assert_eq!((told.troubles, told.standing), (0, 2));
    }
    let score = StageLook { is_broken: Some(true), ..look(StageName::Score, 7) };
    assert_eq!(lookout.tell(&[endpoint_is_down, score], &[], at(60)).troubles, 1, "overdue");
    assert_eq!(lookout.tell(&[endpoint_is_down, score], &[], at(65)).troubles, 2, "and broken for five minutes");
}

#[test]
fn reputation_campaigns_audits_and_the_intake_are_troubles() {
    let lookout = Lookout::new(RETENTION);
    let reputation = |reputation| FeedbackRounds { reputation, ..FeedbackRounds::default() };
    let run = RunId::parse("spring").unwrap();
    let campaign = |late| {
        let state = CampaignState::Running;
        [CampaignStepped { run, state, dispatched: 0, repeated: 0, closed: 0, late }]
    };
    let depth = |waiting| {
        ["unsubscribe queue", "feedback queue"].map(|queue| Depth {
            queue: queue.to_owned(),
            waiting,
            in_flight: 0,
            dead_letters: false,
        })
    };
    lookout.note_feedback(&reputation(Some(Reputation::Bad)), at(0));
    lookout.note_campaigns(&campaign(Some(true)), at(0));
    lookout.note_queues(&depth(1), at(0));
    lookout.note_audit(None, at(0));
    let all = ["reputation", "late-campaign", "audit", "unread"];
    let of = ["bad", "spring", "never-begun", "feedback"].map(str::to_owned);
    assert_eq!(word(&lookout, at(0)), all.into_iter().zip(of).collect::<Vec<_>>());
    assert_eq!(lookout.tell(&[], &[], at(0)).troubles, 1, "the others may mend themselves yet");
    // What wasn't looked at stands.
    lookout.note_feedback(&reputation(None), at(5));
    lookout.note_campaigns(&campaign(None), at(5));
    assert_eq!(lookout.tell(&[], &[], at(6)).troubles, 2);
    lookout.note_feedback(&reputation(Some(Reputation::Good)), at(10));
    lookout.note_campaigns(&campaign(Some(false)), at(10));
    lookout.note_queues(&depth(0), at(10));
    assert_eq!(word(&lookout, at(10)), [("audit", "never-begun".to_owned())]);
}

#[test]
fn an_empty_queue_of_dead_letters_is_looked_at_every_five_minutes_and_one_with_letters_every_minute() {
    let lookout = Lookout::new(RETENTION);
    let looks = |queue, minute| lookout.looks_at_letters(queue, at(minute));
    let email = DlqName::Stage(StageName::Email);
    assert!(looks(DlqName::Schedules, 1) && looks(email, 1), "nothing is known of them");
    lookout.tell(&[], &[(DlqName::Schedules, 0), (email, 2)], at(1));
    assert_eq!([2, 3, 4, 5].map(|minute| looks(DlqName::Schedules, minute)), [false, false, false, true]);
    assert!(looks(email, 2) && looks(email, 4));
    lookout.tell(&[], &[(email, 0)], at(4));
    assert!(!looks(email, 6) && looks(email, 10));
}

#[test]
fn what_a_snapshot_says_is_due_is_gone_by_until_the_next_one_and_not_once_somebody_waits_for_its_end() {
    let lookout = Lookout::new(RETENTION);
    let due = |minute| lookout.oldest_due(StageName::Email, at(minute));
    let since = |minute| PerStage::from_fn(|stage| Some(at(minute)).filter(|_| stage == StageName::Email));
    assert_eq!(due(0), None, "there is none");
    lookout.note_due(since(-30), at(0));
    let half_an_hour_ago = Some(LongestDue(Some(at(-30))));
    assert_eq!((due(1), due(7)), (half_an_hour_ago, half_an_hour_ago));
    assert_eq!(lookout.oldest_due(StageName::Score, at(1)), Some(LongestDue(None)), "nothing is due");
    assert_eq!(due(8), None, "it is old");
    lookout.note_due(since(-6 * 60), at(0));
    assert_eq!((due(0), due(1)), (Some(LongestDue(Some(at(-6 * 60)))), None));
}
