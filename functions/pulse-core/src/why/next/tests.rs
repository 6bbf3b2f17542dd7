use std::time::Duration;

use jiff::{Timestamp, ToSpan as _};

use super::*;
use crate::{
    control::{Breaker, Console, Open, Pause},
    customer::{
        Consent, Contact, Currency, CustomerId, EmailAddress, Locale, Money, OptOutMark, PersonName, Product,
        ProfileMark, Standing, Zone,
    },
    entry::EntryId,
    feedback::FeedbackSource,
    ports::{Recall, Switch},
    score::{Band, Score, ScoreValue},
    stage::{EmailPolicy, EmailRules},
    suppression::{Evidence, Scope, SuppressionReason},
};

const GRACE: Duration = Duration::from_hours(1);

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

/// When the customer's entry is due, in Dublin 10:30.
fn due() -> Timestamp {
    at("2026-11-10T10:30:00Z")
}

fn customer() -> Customer {
    let (id, zone) = (CustomerId::parse("c-1").unwrap(), Zone::parse("Europe/Dublin").unwrap());
    let signed_up_at = at("2024-01-10T10:30:00Z");
    Customer {
        name: PersonName::parse("Aoife").unwrap(),
        contact: Contact::Email(EmailAddress::parse("aoife@example.com").unwrap()),
        product: Product::Loan,
        balance: Money { minor: 1, currency: Currency::parse("EUR").unwrap() },
        locale: Locale::parse("en-IE").unwrap(),
        slot: Slot::of_sign_up(&id, signed_up_at, &zone),
        zone,
        signed_up_at,
        standing: Standing::Active,
        consent: Consent::default(),
        mark: ProfileMark::default(),
        id,
    }
}

fn scheduled() -> Entry {
    let id = EntryId::of(customer().id, RunId::parse("2026-11").unwrap());
    Entry::scheduled(id, due(), None)
}

fn cause() -> Cause {
    Cause::new("The provider answered 500.")
}

fn scoring(lease_until: Timestamp) -> Entry {
    scheduled().claim(StageName::Score, due(), lease_until).unwrap().into_after()
}

fn scored() -> Entry {
    let score = Score { value: ScoreValue::parse(700).unwrap(), band: Band::parse("good").unwrap(), as_of: due() };
    scoring(due()).record_score(score, due()).unwrap().into_after()
}

fn sending(lease_until: Timestamp) -> Entry {
    scored().claim(StageName::Email, due(), lease_until).unwrap().into_after()
}

/// With a provider that can be asked.
fn rules() -> Rules {
    let policy = EmailPolicy { score_max_age: Duration::from_hours(72), quiet_hours: None };
    Rules {
        email: EmailRules {
            policy,
            recall: Recall::ByKey { known_for: Duration::from_hours(46) },
            provider: FeedbackSource::MarketingCloud,
        },
    }
}

/// Both stages flow, the schedule is live, nothing is behind.
struct Setting {
    customer: Customer,
    schedule: Option<Slot>,
    stages: PerStage<StageContext>,
    suppression: Suppression,
}

impl Setting {
    fn sound() -> Self {
        let status = StageStatus { mapping: Switch::On, reserved: None, waiting: 3, in_flight: 1 };
        let scene = StageContext { status: Some(status), ..StageContext::default() };
        let customer = customer();
        Self {
            schedule: Some(customer.slot.clone()),
            customer,
            stages: PerStage::from_fn(|_| scene.clone()),
            suppression: Suppression::default(),
        }
    }

    fn outlook(&self, entry: &Entry, now: Timestamp) -> Outlook {
        let Self { customer, schedule, stages, suppression } = self;
        let policy = SweepPolicy { grace: GRACE, ..SweepPolicy::default() };
        let (schedule, suppression) = (schedule.as_ref(), Some(suppression));
        Context { customer, schedule, stages, policy, rules: Some(rules()), suppression, now }.outlook(entry)
    }

    fn next(&self, entry: &Entry, now: Timestamp) -> NextStep {
        self.outlook(entry, now).next
    }

    fn advice(&self, entry: &Entry, now: Timestamp) -> Vec<Advice> {
        self.outlook(entry, now).advice(&self.customer.id)
    }
}

#[test]
fn an_entry_that_is_not_due_is_queued_by_its_schedule_or_else_by_tick() {
    let (mut setting, before) = (Setting::sound(), due() - 1.hour());
    assert_eq!(setting.next(&scheduled(), before), NextStep::DueBySchedule { at: due() });
    assert_eq!(setting.advice(&scheduled(), before), []);

    let unscheduled = NextStep::DueWithoutSchedule { at: due(), queued_from: due() + GRACE };
    setting.schedule = Some(Slot::parse(11, 10, 30, setting.customer.zone.clone()).unwrap());
    assert_eq!(setting.next(&scheduled(), before), unscheduled, "a schedule of another day");
    setting.schedule = None;
    assert_eq!(setting.next(&scheduled(), before), unscheduled);
    assert_eq!(setting.advice(&scheduled(), before), [Advice::Enroll { customer: customer().id }]);
}

#[test]
fn an_entry_that_is_due_waits_until_its_message_is_given_up_for_lost() {
    let setting = Setting::sound();
    for (entry, stage) in [(scheduled(), StageName::Score), (scored(), StageName::Email)] {
        let waits = NextStep::Waits { stage, since: due(), repeated_at: due() + GRACE };
        assert_eq!(setting.next(&entry, due()), waits);
        assert_eq!(setting.next(&entry, due() + GRACE), NextStep::Repeated { stage, since: due() });
        let again = entry.queue_again(due() + GRACE).unwrap().into_after();
        let since = due() + GRACE;
        let waits = NextStep::Waits { stage, since, repeated_at: since + 24.hours() };
        assert_eq!(setting.next(&again, since), waits);
    }
}

#[test]
fn behind_a_backlog_or_after_a_pause_nothing_is_given_up_before_the_queue_has_lost_it() {
    let mut setting = Setting::sound();
    setting.stages[StageName::Score].status.as_mut().unwrap().waiting = 401;
    setting.stages[StageName::Email].held_up_at = Some(due());
    for (entry, stage) in [(scheduled(), StageName::Score), (scored(), StageName::Email)] {
        let waits = NextStep::Waits { stage, since: due(), repeated_at: due() + 240.hours() };
        assert_eq!(setting.next(&entry, due() + 30.minutes()), waits);
    }
    // The pause is long past.
    let past = due() + 1.hour();
    assert_eq!(setting.next(&scored(), past), NextStep::Repeated { stage: StageName::Email, since: due() });
}

#[test]
fn what_holds_the_stage_is_told_and_by_whom() {
    let mut setting = Setting::sound();
    let note = Note::parse("wrong template").unwrap();
    let pause = Pause { by: "aoife".into(), note, since: due(), until: Some(due() + 6.hours()) };
    setting.stages[StageName::Email].control.pause = Some(pause);
    let NextStep::Held { stage: StageName::Email, holder } = setting.next(&scored(), due()) else { panic!("flows") };
    let HoldReason::Command { who, note, since, until } = holder else { panic!("{holder:?}") };
    assert_eq!((who.as_str(), note.as_str(), since), ("aoife", "wrong template", due()));
    assert_eq!(until, Some(due() + 6.hours()));
    assert_eq!(setting.advice(&scored(), due()), [Advice::Resume { stage: StageName::Email }]);
    assert!(matches!(setting.next(&scheduled(), due()), NextStep::Waits { .. }), "the other stage flows");
    assert!(matches!(setting.next(&scored(), due() + 7.hours()), NextStep::Repeated { .. }), "it ends by itself");

    setting.stages[StageName::Email].control = Control::default();
    setting.stages[StageName::Email].control.console = Some(ConsolePause { how: Console::ReservedZero, since: due() });
    assert_eq!(setting.advice(&scored(), due()), [Advice::RaiseConcurrency { stage: StageName::Email }]);

    setting.stages[StageName::Email].control = Control::default();
    let open =
        Open { since: due(), calls: 9, failures: 9, cool_down_seconds: 60, probe_at: due() + 1.minute(), tries: 0 };
    setting.stages[StageName::Email].control.breaker = Breaker::Open(open);
    let holder = HoldReason::Breaker { since: due(), probe_at: due() + 1.minute() };
    assert_eq!(setting.next(&scored(), due()), NextStep::Held { stage: StageName::Email, holder });

    setting.stages[StageName::Email].control = Control::default();
    setting.stages[StageName::Email].status.as_mut().unwrap().mapping = Switch::Off;
    let held = NextStep::Held { stage: StageName::Email, holder: HoldReason::Unexplained };
    assert_eq!(setting.next(&scored(), due()), held);
    setting.stages[StageName::Email].status = None;
    assert!(matches!(setting.next(&scored(), due()), NextStep::Waits { .. }), "what isn't seen isn't told");
}

#[test]
fn an_entry_that_is_put_off_is_woken_at_its_moment() {
    let setting = Setting::sound();
    let until = due() + 9.hours();
    let deferred = scored().defer(StageName::Email, until, due()).unwrap().into_after();
    assert_eq!(setting.next(&deferred, due()), NextStep::PutOff { stage: StageName::Email, until });
    assert_eq!(setting.next(&deferred, until), NextStep::Woken { stage: StageName::Email });
    let put_off = scheduled().put_off(StageName::Score, cause(), due()).unwrap().into_after();
    assert_eq!(setting.next(&put_off, due()), NextStep::Woken { stage: StageName::Score });
}

#[test]
fn a_worker_has_it_until_its_lease_is_over_even_if_the_stage_was_paused_since() {
    let mut setting = Setting::sound();
    let lease_until = due() + 2.minutes();
    setting.stages[StageName::Score].status.as_mut().unwrap().mapping = Switch::Off;
    for (entry, stage) in [(scoring(lease_until), StageName::Score), (sending(lease_until), StageName::Email)] {
        assert_eq!(setting.next(&entry, due()), NextStep::InHand { stage, lease_until });
    }
    let abandoned = NextStep::Abandoned { stage: StageName::Email, repeated_at: due() + GRACE };
    assert_eq!(setting.next(&sending(lease_until), lease_until), abandoned);
    let repeated = NextStep::Repeated { stage: StageName::Email, since: due() };
    assert_eq!(setting.next(&sending(lease_until), due() + GRACE), repeated);
}

#[test]
fn an_entry_in_trouble_comes_back_and_no_sooner_than_the_provider_asked() {
    let setting = Setting::sound();
    let failed_at = due() + 10.minutes();
    let released = sending(due()).release_for(Some(2 * GRACE), cause(), failed_at).unwrap().into_after();
    let expected = NextStep::Retries {
        stage: StageName::Email,
        cause: cause(),
        not_before: Some(failed_at + 2.hours()),
        repeated_at: failed_at + 3.hours(),
    };
    assert_eq!(setting.next(&released, failed_at), expected);
    let released = scoring(due()).release(cause(), failed_at).unwrap().into_after();
    let expected =
        NextStep::Retries { stage: StageName::Score, cause: cause(), not_before: None, repeated_at: failed_at + GRACE };
    assert_eq!(setting.next(&released, failed_at), expected);
}

#[test]
fn a_mail_in_doubt_is_asked_for_first_and_someone_unmailable_will_be_skipped() {
    let mut setting = Setting::sound();
    let doubtful = sending(due()).release_in_doubt(cause(), due()).unwrap().into_after();
    setting.customer.consent = Consent::of_mark(OptOutMark::Yes);
    let outlook = setting.outlook(&doubtful, due());
    assert_eq!((outlook.in_doubt_since, outlook.will_be_skipped), (Some(due()), Some(SkipReason::OptedOut)));
    assert_ne!(outlook.then, Some(Preview::Indeterminate), "the provider can be asked");
}

#[test]
fn a_mail_to_a_suppressed_address_will_be_skipped_for_as_long_as_that_holds() {
    let mut setting = Setting::sound();
    let evidence = |scope| Evidence { at: due() - 1.hour(), scope, cause: None };
    let by = |reason, scope| Suppression::of(reason, evidence(scope));
    let told = |setting: &Setting, entry: &Entry| {
        let outlook = setting.outlook(entry, due() - 30.minutes());
        (outlook.will_be_skipped, outlook.suppressed_by.map(|held| held.reason))
    };
    let skipped = |reason| (Some(SkipReason::Suppressed), Some(reason));
    setting.suppression = by(SuppressionReason::HardBounce, Scope::All);
    for entry in [scheduled(), scored()] {
        assert_eq!(told(&setting, &entry), skipped(SuppressionReason::HardBounce));
    }
    // What is done needs no word of it.
    let sent = sending(due()).record_sent("m-1".into(), due(), None).unwrap().into_after();
    assert_eq!(told(&setting, &sent), (None, None));
    // Another provider's reasons are its own.
    setting.suppression = by(SuppressionReason::Refused, Scope::Provider(FeedbackSource::Ses));
    assert_eq!(told(&setting, &scheduled()), (None, None));
    setting.suppression = by(SuppressionReason::Refused, Scope::Provider(FeedbackSource::MarketingCloud));
    assert_eq!(told(&setting, &scheduled()), skipped(SuppressionReason::Refused));
    // It is over by the time that the mail is due.
    let soft = Evidence::all(due() - 2161.hours());
    setting.suppression = Suppression::of(SuppressionReason::SoftBounces, soft);
    assert_eq!(told(&setting, &scheduled()), (None, None));
    // Who wants no mail is told that first.
    setting.suppression = by(SuppressionReason::HardBounce, Scope::All);
    setting.customer.consent = Consent::of_mark(OptOutMark::Yes);
    assert_eq!(told(&setting, &scheduled()), (Some(SkipReason::OptedOut), None));
}

#[test]
fn what_is_closed_is_done_or_says_what_brings_it_back() {
    let mut setting = Setting::sound();
    setting.customer.consent = Consent::of_mark(OptOutMark::Yes);
    let sent = sending(due()).record_sent("m-1".into(), due(), None).unwrap().into_after();
    let skipped = scheduled().skip(SkipReason::OptedOut, due(), None).unwrap().into_after();
    for done in [&sent, &skipped] {
        let outlook = setting.outlook(done, due());
        assert!(outlook.next.is_done() && outlook.will_be_skipped.is_none());
        assert_eq!(setting.advice(done, due()), []);
    }
    setting.customer.consent = Consent::default();
    let failed = scored().fail(StageName::Email, cause(), due(), None).unwrap().into_after();
    let (customer, run) = (customer().id, failed.id().run);
    let brings_back =
        [Advice::Redrive { stage: StageName::Email, run }, Advice::ReplayAgain { customer: customer.clone(), run }];
    assert_eq!(setting.advice(&failed, due()), brings_back);
    let unknown = sending(due()).mark_indeterminate(cause(), due(), None).unwrap().into_after();
    assert!(!setting.outlook(&unknown, due()).next.is_done());
    assert_eq!(setting.advice(&unknown, due()), [Advice::Settle { customer, run, item: None }]);
}
