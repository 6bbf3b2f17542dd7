//! What a replay's preview says would be done is what the stage does when the message comes, wherever the entry
//! stands, whoever the provider is; and a dead letter counts as done exactly where the stage has nothing to do.

use std::time::Duration;

use jiff::{Timestamp, ToSpan as _};
use proptest::prelude::*;
use pulse_core::{
    customer::{Consent, Contact, Customer, OptOutMark, Standing},
    entry::{Entry, Queueing, SkipReason, StageName},
    failure::Cause,
    message::WorkMessage,
    ports::{Clock as _, Ledger as _, Mail, Mailer as _, Rendered},
    quiet_hours::QuietHours,
    score::{Band, Score, ScoreValue},
    stage::{Decision, Facts, Preview},
};
use pulse_tests::in_memory_stack::{InMemoryStack, customer, entry_id};
use tokio::runtime::Runtime;

/// What is drawn for a case.
#[derive(Debug, Clone)]
struct Case {
    /// Where the entry stands, by the index of [`entries`].
    place: usize,
    /// Why the customer gets no mail, if so.
    unmailable: Option<SkipReason>,
    in_quiet_hours: bool,
    /// How long ago the entry came to where it stands, and its score was true.
    age: Duration,
    /// Whether the provider can be asked, and knows a key again.
    can_be_asked: bool,
    /// Whether the provider has the entry's mail.
    has_mail: bool,
}

fn cases() -> impl Strategy<Value = Case> {
    let reasons = [SkipReason::Closed, SkipReason::OptedOut, SkipReason::BadAddress, SkipReason::Suppressed];
    let unmailable = prop::option::weighted(0.4, prop::sample::select(reasons.to_vec()));
    let ages = prop::sample::select(vec![0, 1, 2, 30, 47, 71, 73, 100]);
    (0..PLACES, unmailable, any::<[bool; 3]>(), ages).prop_map(|(place, unmailable, flags, hours)| {
        let [in_quiet_hours, can_be_asked, has_mail] = flags;
        Case { place, unmailable, in_quiet_hours, age: Duration::from_hours(hours), can_be_asked, has_mail }
    })
}

const PLACES: usize = 17;

/// An entry in each state that there is, as it came to be `then`; a live lease ends after `now`.
fn entries(then: Timestamp, now: Timestamp) -> [Entry; PLACES] {
    let cause = || Cause::new("It was so.");
    let score = Score { value: ScoreValue::parse(700).unwrap(), band: Band::parse("good").unwrap(), as_of: then };
    let (score_stage, email_stage) = (StageName::Score, StageName::Email);
    let (over, live) = (then, now + 2.minutes());
    let scheduled = Entry::scheduled(entry_id("c-1", "2026-11"), then, None);
    let scoring = |lease| scheduled.claim(score_stage, then, lease).unwrap().into_after();
    let scored = scoring(over).record_score(score, then).unwrap().into_after();
    let sending = |lease| scored.claim(email_stage, then, lease).unwrap().into_after();
    let doubtful = sending(over).release_in_doubt(cause(), then).unwrap().into_after();
    let doubtful_claim = |lease| doubtful.claim(email_stage, then, lease).unwrap().into_after();
    [
        scoring(over).fail(score_stage, cause(), then, None).unwrap().into_after(),
        scored.fail(email_stage, cause(), then, None).unwrap().into_after(),
        sending(over).fail(email_stage, cause(), then, None).unwrap().into_after(),
        sending(over).mark_indeterminate(cause(), then, None).unwrap().into_after(),
        sending(over).record_sent("p-1".into(), then, None).unwrap().into_after(),
        scored.skip(SkipReason::OptedOut, then, None).unwrap().into_after(),
        scored.defer(email_stage, then, then).unwrap().into_after(),
        doubtful.forget_stale_score(then).unwrap().into_after(),
        doubtful_claim(over),
        doubtful_claim(live),
        scoring(over),
        scoring(live),
        sending(over),
        sending(live),
        doubtful,
        scheduled,
        scored,
    ]
}

struct Scene {
    stack: InMemoryStack,
    customer: Customer,
    entry: Entry,
}

impl Scene {
    async fn of(case: &Case) -> Self {
        let mut stack = if case.can_be_asked { InMemoryStack::new() } else { InMemoryStack::with_forgetful_mailer() };
        stack.policy.score_max_age = Duration::from_hours(72);
        if case.in_quiet_hours {
            stack.policy.quiet_hours = QuietHours::parse("09:00-12:00").unwrap();
        }
        let now = stack.clock.now();
        let mut customer = customer("c-1");
        let Contact::Email(address) = customer.contact.clone() else { panic!("an address") };
        if case.unmailable == Some(SkipReason::Suppressed) {
            stack.suppress(&address).await;
        }
        match case.unmailable {
            Some(SkipReason::Closed) => customer.standing = Standing::Closed,
            Some(SkipReason::OptedOut) => customer.consent = Consent::of_mark(OptOutMark::Yes),
            Some(SkipReason::BadAddress) => customer.contact = Contact::Unusable,
            _ => {}
        }
        stack.rewrite(&customer).await;
        let entry = entries(now - case.age, now)[case.place].clone();
        stack.ledger.open(&entry).await.unwrap();
        // The provider can have only a mail that is in doubt.
        if case.has_mail && entry.in_doubt_since().is_some() {
            let content = Rendered { subject: "s".into(), html: "h".into(), text: "t".into(), language: "en".into() };
            let name = customer.name.clone();
            stack
                .mailer
                .send(&Mail { entry: entry.id().clone(), to: address, name, content, unsubscribe: None, trace: None })
                .await
                .unwrap();
        }
        Self { stack, customer, entry }
    }

    fn preview(&self, case: &Case) -> Preview {
        let is_suppressed = case.unmailable == Some(SkipReason::Suppressed);
        Preview::of(&self.stack.rules(), &self.customer, &self.entry, is_suppressed, self.stack.clock.now())
    }

    /// Has the entry's own stage take one message of it.
    async fn run(&self) -> Entry {
        let stage = self.entry.at();
        self.stack.queues[stage].send(&WorkMessage::for_entry(self.entry.id())).await.unwrap();
        self.stack.invoke(stage).await;
        self.stack.entry("c-1", "2026-11").await
    }

    fn mails(&self) -> usize {
        self.stack.mailer.accepted_of(self.entry.id())
    }

    fn score_calls(&self) -> u64 {
        self.stack.scorer.calls().get(self.entry.id()).copied().unwrap_or(0)
    }
}

/// What is seen of the entry and the providers after the message, if that is what was foreseen.
fn expected(preview: &Preview, before: &Scene, had_mail: bool) -> (&'static str, usize, u64) {
    let mails = before.mails();
    match preview {
        Preview::Score { .. } => ("scored", mails, 1),
        // A provider that has the mail already takes no second.
        Preview::Mail => ("sent", 1, 0),
        Preview::Call { .. } => unreachable!("a month calls no partner"),
        Preview::ScoreAgain { .. } => ("scheduled", mails, 0),
        Preview::AskFirst { .. } if had_mail => ("sent", mails, 0),
        Preview::AskFirst { or_else } => expected(or_else, before, had_mail),
        Preview::PutOff { .. } => ("scored", mails, 0),
        Preview::Skip { .. } | Preview::Skipped { .. } => ("skipped", mails, 0),
        Preview::Indeterminate | Preview::Unsettled => ("unknown", mails, 0),
        Preview::InHand { .. } | Preview::Held | Preview::Over => (before.entry.state(), mails, 0),
        Preview::Dropped { .. } => ("failed", mails, 0),
        Preview::Sent { .. } => ("sent", mails, 0),
    }
}

fn check(case: &Case) -> Result<(), TestCaseError> {
    Runtime::new().unwrap().block_on(async {
        let scene = Scene::of(case).await;
        let preview = scene.preview(case);
        let expected = expected(&preview, &scene, scene.mails() > 0);
        let after = scene.run().await;
        prop_assert_eq!((after.state(), scene.mails(), scene.score_calls()), expected, "{:?}", preview);
        if preview.is_nothing() {
            prop_assert_eq!(&after, &scene.entry);
        }
        if let Preview::PutOff { until } = preview {
            prop_assert_eq!((after.queueing(), after.due()), (Queueing::Deferred, until));
        }
        if let Preview::Skip { reason } = preview {
            prop_assert!(format!("{:?}", after.progress()).contains(&format!("{reason:?}")), "{:?}", after.progress());
        }
        Ok(())
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_500, ..ProptestConfig::default() })]

    #[test]
    fn the_preview_says_what_the_runner_then_does(case in cases()) {
        check(&case)?;
    }
}

#[test]
fn the_two_drifts_that_there_were_are_held() {
    let drawn = Case {
        place: 14,
        unmailable: None,
        in_quiet_hours: false,
        age: Duration::from_hours(1),
        can_be_asked: false,
        has_mail: false,
    };
    // In doubt, with a provider that can't be asked: nobody would be mailed.
    let preview_of = |case: &Case| Runtime::new().unwrap().block_on(async { Scene::of(case).await.preview(case) });
    assert_eq!(preview_of(&drawn), Preview::Indeterminate);
    check(&drawn).unwrap();
    // An expired claim whose score is too old: it is scored again, once the provider says that it has no mail.
    let stale = Case { place: 12, can_be_asked: true, age: Duration::from_hours(73), ..drawn };
    let lost = Preview::AskFirst { or_else: Box::new(Preview::Indeterminate) };
    assert_eq!(preview_of(&stale), lost, "the provider may have forgotten the key by then");
    let mut stack = InMemoryStack::new();
    stack.policy.score_max_age = Duration::from_mins(30);
    let now = stack.clock.now();
    let entry = entries(now - 1.hour(), now)[12].clone();
    let preview = Preview::of(&stack.rules(), &customer("c-1"), &entry, false, now);
    let Preview::AskFirst { or_else } = preview else { panic!("{preview:?}") };
    assert!(matches!(*or_else, Preview::ScoreAgain { .. }), "{or_else:?}");
}

#[test]
fn every_state_has_its_place_among_the_cases() {
    let now = "2026-11-03T10:00:00Z".parse().unwrap();
    let states: std::collections::BTreeSet<_> = entries(now, now).iter().map(Entry::state).collect();
    let all = ["scheduled", "scoring", "scored", "sending", "sent", "skipped", "failed", "unknown"];
    assert_eq!(states, all.into_iter().collect());
}

#[test]
fn a_stage_has_nothing_to_do_where_a_dead_letter_of_it_counts_as_done() {
    let stack = InMemoryStack::new();
    let now = stack.clock.now();
    for entry in entries(now - 1.hour(), now) {
        let decided = stack.rules().decide(entry.at(), &customer("c-1"), &entry, &Facts::default(), now);
        let is_over = matches!(entry.state(), "sent" | "skipped" | "unknown");
        assert_eq!(decided == Decision::Nothing, is_over, "{entry:?}");
    }
}
