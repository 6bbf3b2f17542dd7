use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use futures::{
    FutureExt,
    future::{join_all, ready},
};
use jiff::Timestamp;
use pulse_core::ports::{Clock as _, DroppedCursor, DroppedMails as _, Mail, MailLookup, Mailer, SendError};
use pulse_letters::{MinijinjaRenderer, languages};
use pulse_local::standins::{AcceptedMail, MailStandIn, StandInFault, StandInOptions};
use pulse_providers::{
    MarketingCloudMailer,
    secret::{ClientCredentials, Secret},
};
use pulse_sim::clock::VirtualClock;
use pulse_tests::{
    in_memory_stack::{unsubscribe_links, unsubscribe_tokens},
    providers::{
        DroppedMailsBench, MailTrouble, MailerBench, dropped_mails_conformance, mailer_conformance,
        samples::{NAME, PERSONAL, entry, mail},
    },
};
use serde_json::json;

use super::message;

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
    mailer_with(provider, &provider.client_secret(), timeout)
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

/// No document says what a question for an unknown key is answered with: 404, or a 400 that names the error.
const UNKNOWN_KEY: [u16; 2] = [404, 400];

#[tokio::test]
async fn the_marketing_cloud_mailer_conforms() {
    for unknown_key in UNKNOWN_KEY {
        let provider = stand_in().await;
        provider.answer_unknown_keys_with(unknown_key);
        conforms(&provider).await;
        assert_eq!(provider.token_calls(), 1);
    }
}

async fn conforms(provider: &MailStandIn) {
    mailer_conformance(MailerBench {
        mailer: &mailer(provider, AMPLE),
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
}

/// It takes no headers: what the customer unsubscribes by is in the letter.
#[tokio::test]
async fn the_letter_that_marketing_cloud_gets_has_the_customers_own_link() {
    for language in languages() {
        let provider = stand_in().await;
        let links = unsubscribe_links();
        let mail = message::mail(&MinijinjaRenderer::new().unwrap(), language, NAME, Some(&links));
        mailer(&provider, AMPLE).send(&mail).await.unwrap();
        let [accepted] = &provider.accepted()[..] else { panic!("one mail") };
        let link = links.of(&mail.entry.customer);
        let link = link.expose();
        assert!(accepted.html.contains(&format!("href=\"{link}\"")), "{}", accepted.html);
        assert!(accepted.text.lines().any(|line| line == link), "{}", accepted.text);
        let token = link.rsplit('/').next().unwrap();
        assert_eq!(unsubscribe_tokens().customer(token).as_ref(), Some(&mail.entry.customer));
    }
}

#[tokio::test]
async fn the_list_of_mails_that_weren_t_sent_conforms() {
    let provider = stand_in().await;
    let mailer = mailer(&provider, AMPLE);
    dropped_mails_conformance(DroppedMailsBench {
        list: &mailer,
        mailer: &mailer,
        drop: &|entry| provider.drop_accepted(&entry.message_key(), 17),
    })
    .await;
}

#[tokio::test]
async fn a_mail_that_wasn_t_sent_is_told_with_its_reason_and_moment() {
    let clock = Arc::new(VirtualClock::starting_at("2026-07-03T10:00:00.5Z".parse().unwrap()));
    let options = StandInOptions { clock: clock.clone(), ..StandInOptions::default() };
    let provider = MailStandIn::start(options).await.unwrap();
    let mailer = mailer(&provider, AMPLE);
    mailer.send(&mail(1)).await.unwrap();
    provider.drop_accepted(&entry(1).message_key(), 1);
    let dropped = mailer.dropped(None).await.unwrap().mails.remove(0);
    assert_eq!((dropped.entry, dropped.at), (entry(1), clock.now()));
    assert_eq!(dropped.cause.as_str(), "Marketing Cloud gives subscriber error 1, Unsubscribed.");
}

#[tokio::test]
async fn other_systems_mails_and_unreadable_lists_are_told_from_pulse_s() {
    let provider = stand_in().await;
    let listed = |definition: &str, key: &str| {
        json!({
            "statusCode": 24, "statusMessage": "his address is personal-address@example.com", "eventID": 7,
            "eventCategoryType": "TransactionalSendEvents.EmailNotSent", "timestamp": "2018-12-17T13:05:40.947",
            "definitionKey": definition, "info": {"messageKey": key},
        })
    };
    let messages =
        [listed("another", "c-1_2026-11"), listed("monthly-score", "theirs"), listed("monthly-score", "c-2_2026-11")];
    let list = json!({"lastEventID": 9, "messages": messages, "count": 3});
    provider.status_faults().add([StandInFault::Json { status: 200, body: list }]);
    let mailer = mailer(&provider, AMPLE);
    let page = mailer.dropped(None).await.unwrap();
    let causes: Vec<_> = page.mails.iter().map(|mail| (mail.entry.clone(), mail.cause.as_str())).collect();
    assert_eq!(causes, [(entry(2), "Marketing Cloud gives subscriber error 24.")], "no words of a tenant's own");
    assert_eq!((page.next, page.is_last), (Some(DroppedCursor("9".to_owned())), true));

    let faults = [
        StandInFault::busy("9"),
        StandInFault::status(403),
        StandInFault::status(500),
        StandInFault::ErrorCode(10_005),
        StandInFault::Garbage,
        StandInFault::HangUp,
    ];
    for fault in faults {
        provider.status_faults().add([fault.clone()]);
        let error = mailer.dropped(None).await.unwrap_err();
        assert!(matches!(error, SendError::Retry { .. }), "{fault:?}: {error:?}");
    }
}

#[tokio::test]
async fn a_letter_that_is_longer_than_a_field_arrives_whole_and_isn_t_dropped() {
    let provider = stand_in().await;
    let mailer = mailer(&provider, AMPLE);
    let mut long = mail(1);
    long.content.html = "<p>Grüße 🎉</p>".repeat(1_000);
    mailer.send(&long).await.unwrap();
    assert!(is(&provider.accepted()[0], &long));
    assert_eq!(mailer.dropped(None).await.unwrap().mails, []);

    long.content.html = "🎉".repeat(8_001);
    let error = mailer.send(&long).await.unwrap_err();
    assert!(matches!(&error, SendError::Retry { .. }) && error.to_string().contains("16002"), "{error:?}");
    assert_eq!(provider.accepted().len(), 1, "nothing was handed over");
}

#[tokio::test]
async fn a_token_is_asked_for_in_the_business_unit() {
    let provider = stand_in().await;
    for account_id in [None, Some(510_000_123)] {
        mailer(&provider, AMPLE).in_business_unit(account_id).send(&mail(1)).await.unwrap();
    }
    assert_eq!(provider.business_units(), [None, Some(510_000_123)]);
}

/// A mailer whose secret is read again as the provider's own, and a count of how often it was read.
async fn with_rotating_secret(
    provider: &Arc<MailStandIn>,
    clock: &Arc<VirtualClock>,
) -> (MarketingCloudMailer, Arc<AtomicUsize>) {
    let reads = Arc::<AtomicUsize>::default();
    let (count, at) = (Arc::clone(&reads), Arc::clone(provider));
    let read = move || {
        count.fetch_add(1, Ordering::Relaxed);
        ready(Ok(ClientCredentials { id: at.client_id().into(), secret: at.client_secret().into() }))
    };
    let secret = Secret::read(read, clock.clone()).await.unwrap();
    let mailer = MarketingCloudMailer::new(&provider.url(), &provider.auth_url(), "monthly-score", secret, AMPLE);
    (mailer.unwrap(), reads)
}

#[tokio::test]
async fn a_secret_that_was_rotated_is_read_again_for_a_token_and_for_a_send() {
    let clock = Arc::new(VirtualClock::starting_at(Timestamp::UNIX_EPOCH));
    for refusal in ["token", "401", "403"] {
        let provider = Arc::new(stand_in().await);
        let (mailer, reads) = with_rotating_secret(&provider, &clock).await;
        if refusal != "token" {
            mailer.send(&mail(0)).await.unwrap();
        }
        provider.rotate_secret("another");
        match refusal {
            "401" => provider.revoke_tokens(),
            "403" => provider.faults().add([StandInFault::status(403)]),
            _ => {}
        }
        let sent = mailer.send(&mail(1)).await;
        assert!(matches!(sent, Err(SendError::Retry { .. })), "{refusal}: not within a minute: {sent:?}");
        assert_eq!(reads.load(Ordering::Relaxed), 1);

        clock.advance(Duration::from_mins(1));
        if refusal == "403" {
            provider.faults().add([StandInFault::status(403)]);
        }
        let mails: Vec<_> = (100..120).map(mail).collect();
        let sent = join_all(mails.iter().map(|mail| mailer.send(mail))).await;
        assert!(sent.iter().all(Result::is_ok), "{refusal}: {sent:?}");
        assert_eq!(reads.load(Ordering::Relaxed), 2, "{refusal}: once for all");
    }
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
        matches!(&fate, MailLookup::CannotTell(cause) if cause.as_str().contains("subscriber error 1, Unsubscribed")),
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
