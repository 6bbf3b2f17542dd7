use std::{sync::Arc, time::Duration};

use futures::{
    FutureExt,
    future::{join_all, ready},
};
use jiff::Timestamp;
use pulse_core::ports::{Mail, MailLookup, Mailer, SendError};
use pulse_local::standins::{AcceptedMail, MailStandIn, StandInFault, StandInOptions};
use pulse_providers::{MarketingCloudMailer, secret::ClientCredentials};
use pulse_sim::clock::VirtualClock;
use pulse_tests::providers::{
    MailTrouble, MailerBench, mailer_conformance,
    samples::{NAME, PERSONAL, entry, mail},
};
use serde_json::json;

const AMPLE: Duration = Duration::from_secs(20);
/// For a call that gets no answer.
const SHORT: Duration = Duration::from_millis(200);
/// For a call that gets no answer, followed by one that does, on a busy machine.
const SHORTISH: Duration = Duration::from_secs(1);

async fn stand_in() -> MailStandIn {
    MailStandIn::start(StandInOptions::default()).await.unwrap()
}

fn mailer_with(provider: &MailStandIn, secret: &str, timeout: Duration) -> MarketingCloudMailer {
    let credentials = ClientCredentials { id: provider.client_id().into(), secret: secret.into() };
    MarketingCloudMailer::new(&provider.url(), &provider.auth_url(), "monthly-score", credentials, timeout).unwrap()
}

fn mailer(provider: &MailStandIn, timeout: Duration) -> MarketingCloudMailer {
    mailer_with(provider, provider.client_secret(), timeout)
}

fn is(accepted: &AcceptedMail, mail: &Mail) -> bool {
    accepted.message_key == mail.entry.message_key()
        && accepted.contact == mail.entry.customer.as_str()
        && accepted.definition == "monthly-score"
        && accepted.to == mail.to.expose()
        && accepted.name == NAME
        && accepted.subject == mail.content.subject
        && accepted.html == mail.content.html
        && accepted.text == mail.content.text
}

/// What a mailer makes of one fault, and how many mails the provider has then.
async fn meets(fault: StandInFault) -> (SendError, usize) {
    let provider = stand_in().await;
    provider.faults().add([fault]);
    let error = mailer(&provider, AMPLE).send(&mail(1)).await.expect_err("a fault");
    let shown = format!("{error} {error:?}");
    assert!(PERSONAL.iter().all(|personal| !shown.contains(personal)), "{shown}");
    (error, provider.accepted().len())
}

#[tokio::test]
async fn the_marketing_cloud_mailer_conforms() {
    let provider = stand_in().await;
    mailer_conformance(MailerBench {
        mailer: &mailer(&provider, AMPLE),
        deduplicates: true,
        says_how_long: true,
        provoke: Some(&|trouble| {
            provider.faults().add([match trouble {
                MailTrouble::Busy => StandInFault::busy("7"),
                MailTrouble::Down => StandInFault::Status { status: 503, retry_after: Some("30".to_owned()) },
                MailTrouble::Refused => StandInFault::ErrorCode(109_122),
                MailTrouble::AddressRefused => StandInFault::ErrorCode(109_121),
                MailTrouble::AnswerLost => StandInFault::WorkThenHangUp,
            }]);
        }),
        accepted: &|mail| {
            let many = provider.accepted().iter().filter(|accepted| is(accepted, mail)).count();
            ready(many).boxed()
        },
    })
    .await;
    assert_eq!(provider.token_calls(), 1);
}

#[tokio::test]
async fn fifty_mails_at_once_share_one_token() {
    let provider = stand_in().await;
    let mailer = mailer(&provider, AMPLE);
    let mails: Vec<_> = (0..50).map(mail).collect();
    let sent = join_all(mails.iter().map(|mail| mailer.send(mail))).await;
    assert!(sent.iter().all(Result::is_ok), "{sent:?}");
    assert_eq!((provider.token_calls(), provider.accepted().len()), (1, 50));
}

#[tokio::test]
async fn revoked_tokens_are_renewed_once_for_all() {
    let provider = stand_in().await;
    let mailer = mailer(&provider, AMPLE);
    mailer.send(&mail(1)).await.unwrap();
    provider.revoke_tokens();
    let mails: Vec<_> = (100..150).map(mail).collect();
    let sent = join_all(mails.iter().map(|mail| mailer.send(mail))).await;
    assert!(sent.iter().all(Result::is_ok), "{sent:?}");
    assert_eq!((provider.token_calls(), provider.accepted().len()), (2, 51));
}

#[tokio::test]
async fn a_token_at_the_end_of_its_life_is_renewed_before_it_is_refused() {
    // The stand-in's clock stands still, so that its tokens stay good; to the mailer their life is
    // over at once.
    let clock = Arc::new(VirtualClock::starting_at(Timestamp::UNIX_EPOCH));
    let options = StandInOptions { clock, ..StandInOptions::default() };
    let provider = MailStandIn::start(options).await.unwrap();
    provider.set_token_life(Duration::from_millis(900));
    let mailer = mailer(&provider, AMPLE);
    for number in 1..=3 {
        mailer.send(&mail(number)).await.unwrap();
    }
    assert_eq!((provider.token_calls(), provider.meter().calls()), (3, 3));
}

#[tokio::test]
async fn a_token_that_is_refused_twice_is_the_operator_s_to_mend() {
    let provider = stand_in().await;
    provider.faults().add([StandInFault::status(401), StandInFault::status(401)]);
    let error = mailer(&provider, AMPLE).send(&mail(1)).await.unwrap_err();
    assert!(matches!(error, SendError::Retry { .. }), "{error:?}");
    assert_eq!((provider.token_calls(), provider.meter().calls()), (2, 2));
}

#[tokio::test]
async fn calls_that_wait_for_a_token_share_its_failure() {
    let provider = stand_in().await;
    provider.token_faults().set_rule(|_| Some(StandInFault::busy("30")));
    let mailer = mailer(&provider, AMPLE);
    let mails: Vec<_> = (0..20).map(mail).collect();
    let sent = join_all(mails.iter().map(|mail| mailer.send(mail))).await;
    let after = Some(Duration::from_secs(30));
    assert!(sent.iter().all(|sent| matches!(sent, Err(SendError::Retry { after: told, .. }) if *told == after)));
    assert_eq!((provider.token_calls(), provider.meter().calls()), (1, 0));
}

#[tokio::test]
async fn without_a_token_nothing_was_sent() {
    let faults = [
        StandInFault::status(500),
        StandInFault::status(400),
        StandInFault::Garbage,
        StandInFault::Flood(1 << 20),
        StandInFault::HangUp,
    ];
    for fault in faults.into_iter().chain([StandInFault::Silence]) {
        let provider = stand_in().await;
        provider.token_faults().add([fault.clone()]);
        let mailer = mailer(&provider, SHORTISH);
        let error = mailer.send(&mail(1)).await.unwrap_err();
        assert!(matches!(error, SendError::Retry { .. }), "{fault:?}: {error:?}");
        assert_eq!(provider.meter().calls(), 0);
        let next = mailer.send(&mail(1)).await;
        assert!(next.is_ok(), "{fault:?} isn't remembered: {next:?}");
    }
}

#[tokio::test]
async fn a_wrong_client_secret_is_the_operator_s_to_mend_and_never_shown() {
    let provider = stand_in().await;
    let mailer = mailer_with(&provider, "s3cret", AMPLE);
    let error = mailer.send(&mail(1)).await.unwrap_err();
    assert!(matches!(error, SendError::Retry { .. }) && error.to_string().contains("Check the secret"));
    let shown = format!("{mailer:?} {error:?} {error}");
    assert!(!shown.contains("s3cret") && !shown.contains(provider.client_id()), "{shown}");
}

#[tokio::test]
async fn a_mail_whose_answer_never_came_is_lost_and_its_fate_can_be_asked() {
    for (fault, taken) in
        [(StandInFault::Silence, false), (StandInFault::WorkThenSilence, true), (StandInFault::HangUp, false)]
    {
        let provider = stand_in().await;
        provider.faults().add([fault.clone()]);
        let error = mailer(&provider, SHORT).send(&mail(1)).await.unwrap_err();
        assert!(matches!(error, SendError::Lost { .. }), "{fault:?}: {error:?}");
        let mailer = mailer(&provider, AMPLE);
        let fate = mailer.look_up(&entry(1)).await.unwrap();
        assert_eq!(matches!(fate, MailLookup::Accepted(_)), taken, "{fault:?}: {fate:?}");
        assert_eq!(fate == MailLookup::SafeToSend, !taken, "{fault:?}: {fate:?}");
        mailer.send(&mail(1)).await.unwrap();
        assert_eq!(provider.accepted().len(), 1, "{fault:?}");
    }
}

#[tokio::test]
async fn a_success_that_names_no_request_may_have_been_one() {
    let empty = StandInFault::Json { status: 202, body: json!({}) };
    for fault in [StandInFault::Garbage, StandInFault::Flood(1 << 20), StandInFault::status(204), empty] {
        let (error, _) = meets(fault.clone()).await;
        assert!(matches!(error, SendError::Lost { .. }), "{fault:?}: {error:?}");
    }
}

#[tokio::test]
async fn a_refusal_inside_a_202_is_a_refusal() {
    let body = |code: u32| json!({"requestId": "r", "errorcode": 109_001, "responses": [{"errorcode": code}]});
    let fault = |code| StandInFault::Json { status: 202, body: body(code) };
    assert!(matches!(meets(fault(109_106)).await, (SendError::AddressRefused { .. }, 0)));
    assert!(matches!(meets(fault(109_111)).await, (SendError::Fail { .. }, 0)));
}

#[tokio::test]
async fn trouble_that_passes_is_told_from_a_mail_that_isnt_taken() {
    for status in [500, 502, 503, 504, 599] {
        let (error, _) = meets(StandInFault::status(status)).await;
        assert!(matches!(error, SendError::Lost { .. }), "{status}: {error:?}");
    }
    for status in [301, 403, 408, 429] {
        let (error, _) = meets(StandInFault::status(status)).await;
        assert!(matches!(error, SendError::Retry { .. }), "{status}: {error:?}");
    }
    let (error, _) = meets(StandInFault::Status { status: 503, retry_after: Some("30".to_owned()) }).await;
    let after = Some(Duration::from_secs(30));
    assert!(matches!(error, SendError::Retry { after: found, .. } if found == after), "{error:?}");
    for status in [400, 404, 413, 422] {
        let (error, _) = meets(StandInFault::status(status)).await;
        assert!(matches!(error, SendError::Fail { .. }), "{status}: {error:?}");
    }
}

#[tokio::test]
async fn a_tenant_that_is_gone_was_sent_nothing() {
    let provider = stand_in().await;
    let mailer = mailer(&provider, AMPLE);
    mailer.send(&mail(1)).await.unwrap();
    provider.stop().await;
    let error = mailer.send(&mail(2)).await.unwrap_err();
    assert_eq!(error.to_string(), "Marketing Cloud can't be reached.");
    assert!(matches!(error, SendError::Retry { .. }), "{error:?}");
}

#[tokio::test]
async fn a_mail_that_was_dropped_after_its_acceptance_is_a_person_s_to_look_at() {
    let provider = stand_in().await;
    let mailer = mailer(&provider, AMPLE);
    mailer.send(&mail(1)).await.unwrap();
    provider.drop_accepted(&entry(1).message_key(), 1);
    let fate = mailer.look_up(&entry(1)).await.unwrap();
    assert!(
        matches!(&fate, MailLookup::CannotTell(cause) if cause.as_str().contains("subscriber error 1")),
        "{fate:?}"
    );
}

#[tokio::test]
async fn a_fate_is_told_by_marketing_cloud_alone() {
    let provider = stand_in().await;
    let mailer = mailer(&provider, SHORTISH);
    // A gateway's 404 knows nothing of mails.
    for fault in [StandInFault::status(404), StandInFault::status(400)] {
        provider.status_faults().add([fault.clone()]);
        let fate = mailer.look_up(&entry(1)).await.unwrap();
        assert!(matches!(fate, MailLookup::CannotTell(_)), "{fault:?}: {fate:?}");
    }
    let faults = [
        StandInFault::busy("9"),
        StandInFault::status(500),
        StandInFault::status(403),
        StandInFault::Garbage,
        StandInFault::HangUp,
    ];
    for fault in faults.into_iter().chain([StandInFault::Silence]) {
        provider.status_faults().add([fault.clone()]);
        let error = mailer.look_up(&entry(1)).await.unwrap_err();
        assert!(matches!(error, SendError::Retry { .. }), "{fault:?}: {error:?}");
    }
}

#[tokio::test]
async fn a_message_key_is_kept_for_two_days() {
    let clock = Arc::new(VirtualClock::starting_at(Timestamp::UNIX_EPOCH));
    let options = StandInOptions { clock: clock.clone(), ..StandInOptions::default() };
    let provider = MailStandIn::start(options).await.unwrap();
    let mailer = mailer(&provider, AMPLE);
    mailer.send(&mail(1)).await.unwrap();
    clock.advance(Duration::from_hours(47));
    mailer.send(&mail(1)).await.unwrap();
    assert_eq!(provider.accepted().len(), 1);
    clock.advance(Duration::from_hours(2));
    mailer.send(&mail(1)).await.unwrap();
    assert_eq!(provider.accepted().len(), 2);
}
