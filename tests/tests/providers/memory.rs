use std::{sync::Arc, time::Duration};

use futures::{
    FutureExt,
    channel::oneshot,
    future::{join_all, ready},
};
use jiff::Timestamp;
use pulse_core::{
    failure::Cause,
    ports::{DroppedMail, Mail, Mailer, PartnerAnswer, PartnerError, ScoreError, Scorer, SendError},
};
use pulse_sim::{
    clock::VirtualClock,
    mailer::{InjectedFailure, MemoryMailer},
    partner::MemoryPartner,
    provider::{Leg, SimulatedLatency},
    scorer::MemoryScorer,
};
use pulse_tests::providers::{
    DroppedMailsBench, MailTrouble, MailerBench, PartnerBench, PartnerTrouble, ScoreTrouble, ScorerBench,
    dropped_mails_conformance, mailer_conformance, partner_conformance,
    samples::{entry, mail, request},
    scorer_conformance,
};

const SEVEN: Option<Duration> = Some(Duration::from_secs(7));

fn cause() -> Cause {
    Cause::new("It was told to.")
}

fn scorer() -> MemoryScorer {
    MemoryScorer::new(Arc::new(VirtualClock::starting_at(Timestamp::UNIX_EPOCH)))
}

#[tokio::test]
async fn the_scorer_in_memory_conforms() {
    let scorer = scorer();
    scorer_conformance(ScorerBench {
        scorer: &scorer,
        provoke: &|trouble| {
            scorer.fail_next([match trouble {
                ScoreTrouble::Busy => ScoreError::Retry { after: SEVEN, cause: cause() },
                ScoreTrouble::Down => ScoreError::Retry { after: None, cause: cause() },
                ScoreTrouble::Refused => ScoreError::Fail { cause: cause() },
            }]);
        },
    })
    .await;
}

#[tokio::test]
async fn the_partner_in_memory_conforms() {
    let partner = MemoryPartner::default();
    partner_conformance(PartnerBench {
        partner: &partner,
        provoke: &|trouble| {
            let retry = |after| Err(PartnerError::Retry { after, cause: cause() });
            partner.answer_next([match trouble {
                PartnerTrouble::Busy => retry(SEVEN),
                PartnerTrouble::Down | PartnerTrouble::AnswerLost => retry(None),
                PartnerTrouble::NotReady => Ok(PartnerAnswer::NotReady { after: SEVEN }),
                PartnerTrouble::Refused => Err(PartnerError::Fail { cause: cause() }),
            }]);
        },
    })
    .await;
}

async fn conforms(mailer: MemoryMailer, deduplicates: bool) {
    mailer_conformance(MailerBench {
        mailer: &mailer,
        deduplicates,
        says_how_long: true,
        provoke: Some(&|trouble| mailer.fail_next([failure(trouble)])),
        accepted: &|mail: &Mail| {
            let many = mailer.accepted().iter().filter(|accepted| *accepted == mail).count();
            ready(many).boxed()
        },
    })
    .await;
}

fn failure(trouble: MailTrouble) -> InjectedFailure {
    InjectedFailure::Refused(match trouble {
        MailTrouble::Busy => SendError::Retry { after: SEVEN, cause: cause() },
        MailTrouble::Down => SendError::Retry { after: None, cause: cause() },
        MailTrouble::Refused => SendError::Fail { cause: cause() },
        MailTrouble::AddressRefused => SendError::AddressRefused { cause: cause() },
        MailTrouble::AnswerLost => return InjectedFailure::AnswerLost,
    })
}

#[tokio::test]
async fn the_deduplicating_mailer_in_memory_conforms() {
    conforms(MemoryMailer::deduplicating(), true).await;
}

#[tokio::test]
async fn the_forgetful_mailer_in_memory_conforms() {
    conforms(MemoryMailer::forgetful(), false).await;
}

#[tokio::test]
async fn the_dropped_mails_in_memory_conform() {
    let mailer = MemoryMailer::deduplicating();
    dropped_mails_conformance(DroppedMailsBench {
        list: &mailer,
        mailer: &mailer,
        drop: &|entry| {
            mailer.drop_accepted(DroppedMail { entry: entry.clone(), at: Timestamp::UNIX_EPOCH, cause: cause() });
        },
    })
    .await;
}

#[tokio::test]
async fn a_script_for_one_entry_leaves_the_others_alone() {
    let scorer = scorer();
    scorer.fail_next_of(&entry(1), [ScoreError::Fail { cause: cause() }]);
    assert!(scorer.score(&request(2)).await.is_ok());
    assert!(scorer.score(&request(1)).await.is_err());
    assert!(scorer.score(&request(1)).await.is_ok());
    assert_eq!(scorer.calls()[&entry(1)], 2);
}

/// A latency whose given leg never ends.
fn stuck_at(leg: Leg) -> SimulatedLatency {
    SimulatedLatency::new(move |at| {
        if at == leg {
            return futures::future::pending().boxed();
        }
        async {}.boxed()
    })
}

#[tokio::test]
async fn a_send_that_is_dropped_on_its_way_back_has_left_a_mail_behind() {
    for (leg, left) in [(Leg::There, 0), (Leg::Back, 1)] {
        let mailer = MemoryMailer::forgetful().with_latency(stuck_at(leg));
        let mail = mail(1);
        assert!(mailer.send(&mail).now_or_never().is_none());
        assert_eq!(mailer.accepted_of(&mail.entry), left);
    }
}

#[tokio::test]
async fn the_peak_counts_the_calls_that_are_under_way_together() {
    let (open, gate) = oneshot::channel::<()>();
    let gate = gate.shared();
    let scorer = scorer().with_latency(SimulatedLatency::new(move |leg| match leg {
        Leg::There => gate.clone().map(|_| ()).boxed(),
        Leg::Back => async {}.boxed(),
    }));
    assert!(scorer.score(&request(0)).now_or_never().is_none(), "dropped, and under way no more");
    let requests: Vec<_> = (1..=20).map(request).collect();
    let mut calls = join_all(requests.iter().map(|request| scorer.score(request))).boxed();
    assert!(futures::poll!(&mut calls).is_pending());
    open.send(()).unwrap();
    assert!(calls.await.iter().all(Result::is_ok));
    assert_eq!(scorer.peak(), 20);
}
