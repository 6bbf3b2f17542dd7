use std::time::Duration;

use futures::future::{BoxFuture, join_all};
use pulse_core::{
    entry::EntryId,
    ports::{Mail, MailLookup, Mailer, SendError},
};

use super::samples::{PERSONAL, entry, mail};

/// What an email provider can be in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MailTrouble {
    /// It asks for 7 seconds of peace. A provider that never says for how long just is busy.
    Busy,
    /// It is down, and lets it be known that it has taken nothing.
    Down,
    /// It won't take this mail.
    Refused,
    /// It won't take this address.
    AddressRefused,
    /// It takes the mail, and its answer is lost.
    AnswerLost,
}

/// A mailer, and hands on its provider.
pub struct MailerBench<'a> {
    /// The mailer.
    pub mailer: &'a dyn Mailer,
    /// Whether the provider takes an entry's mail once only.
    pub deduplicates: bool,
    /// Whether the provider says for how long it is busy.
    pub says_how_long: bool,
    /// Makes the next send meet trouble. `None` for a provider that can't be troubled.
    pub provoke: Option<&'a dyn Fn(MailTrouble)>,
    /// How many mails the provider has of an entry, each just as the given mail is.
    pub accepted: &'a dyn Fn(&Mail) -> BoxFuture<'a, usize>,
}

/// Holds a mailer to what the port promises.
///
/// # Panics
/// When it doesn't keep it.
pub async fn mailer_conformance(bench: MailerBench<'_>) {
    a_mail_arrives_as_it_is(&bench).await;
    many_mails_at_once_are_each_accepted(&bench).await;
    a_duplicate_counts_as_accepted(&bench).await;
    a_provider_that_deduplicates_knows_a_mail_s_fate(&bench).await;
    if let Some(provoke) = bench.provoke {
        a_busy_provider_is_tried_again(&bench, provoke).await;
        a_refused_mail_isnt_tried_again(&bench, provoke).await;
        a_refused_address_is_told_from_a_refused_mail(&bench, provoke).await;
        a_lost_answer_says_so(&bench, provoke).await;
    }
}

async fn sent(bench: &MailerBench<'_>, mail: &Mail) -> String {
    bench.mailer.send(mail).await.expect("accepted").provider_id
}

/// The error of the next send, which names nothing personal.
async fn refusal(bench: &MailerBench<'_>, mail: &Mail) -> SendError {
    let error = bench.mailer.send(mail).await.expect_err("trouble was provoked");
    shows_nothing_personal(&format!("{error} {error:?}"));
    error
}

fn shows_nothing_personal(text: &str) {
    for personal in PERSONAL {
        assert!(!text.contains(personal), "{text}");
    }
}

async fn a_mail_arrives_as_it_is(bench: &MailerBench<'_>) {
    let mail = mail(1);
    assert!(!sent(bench, &mail).await.is_empty());
    assert_eq!((bench.accepted)(&mail).await, 1);
}

async fn many_mails_at_once_are_each_accepted(bench: &MailerBench<'_>) {
    let mails: Vec<_> = (100..150).map(mail).collect();
    let sent = join_all(mails.iter().map(|mail| bench.mailer.send(mail))).await;
    assert!(sent.iter().all(Result::is_ok), "{sent:?}");
    for mail in &mails {
        assert_eq!((bench.accepted)(mail).await, 1);
    }
}

async fn a_duplicate_counts_as_accepted(bench: &MailerBench<'_>) {
    let mail = mail(2);
    let first = sent(bench, &mail).await;
    let second = sent(bench, &mail).await;
    if bench.deduplicates {
        assert_eq!(first, second);
        assert_eq!((bench.accepted)(&mail).await, 1);
    } else {
        assert_ne!(first, second);
        assert_eq!((bench.accepted)(&mail).await, 2);
    }
}

async fn look_up(bench: &MailerBench<'_>, entry: &EntryId) -> MailLookup {
    bench.mailer.look_up(entry).await.expect("the provider can be asked")
}

async fn a_provider_that_deduplicates_knows_a_mail_s_fate(bench: &MailerBench<'_>) {
    let mail = mail(3);
    let accepted = bench.mailer.send(&mail).await.expect("accepted");
    let (of_sent, of_unsent) = (look_up(bench, &mail.entry).await, look_up(bench, &entry(4)).await);
    if bench.deduplicates {
        assert_eq!(of_sent, MailLookup::Accepted(accepted));
        assert_eq!(of_unsent, MailLookup::SafeToSend);
    } else {
        assert!(matches!((of_sent, of_unsent), (MailLookup::CannotTell(_), MailLookup::CannotTell(_))));
    }
}

async fn a_busy_provider_is_tried_again(bench: &MailerBench<'_>, provoke: &dyn Fn(MailTrouble)) {
    let mail = mail(5);
    provoke(MailTrouble::Busy);
    let error = refusal(bench, &mail).await;
    let after = bench.says_how_long.then(|| Duration::from_secs(7));
    assert!(matches!(&error, SendError::Retry { after: told, .. } if *told == after), "{error:?}");
    provoke(MailTrouble::Down);
    let error = refusal(bench, &mail).await;
    let may_say = |after: &Option<Duration>| after.is_none() || bench.says_how_long;
    assert!(matches!(&error, SendError::Retry { after, .. } if may_say(after)), "{error:?}");
    assert_eq!((bench.accepted)(&mail).await, 0);
    sent(bench, &mail).await;
    assert_eq!((bench.accepted)(&mail).await, 1);
}

async fn a_refused_mail_isnt_tried_again(bench: &MailerBench<'_>, provoke: &dyn Fn(MailTrouble)) {
    provoke(MailTrouble::Refused);
    let error = refusal(bench, &mail(6)).await;
    assert!(matches!(error, SendError::Fail { .. }), "{error:?}");
    assert_eq!((bench.accepted)(&mail(6)).await, 0);
}

async fn a_refused_address_is_told_from_a_refused_mail(bench: &MailerBench<'_>, provoke: &dyn Fn(MailTrouble)) {
    provoke(MailTrouble::AddressRefused);
    let error = refusal(bench, &mail(7)).await;
    assert!(matches!(error, SendError::AddressRefused { .. }), "{error:?}");
    assert_eq!((bench.accepted)(&mail(7)).await, 0);
}

async fn a_lost_answer_says_so(bench: &MailerBench<'_>, provoke: &dyn Fn(MailTrouble)) {
    let mail = mail(8);
    provoke(MailTrouble::AnswerLost);
    let error = refusal(bench, &mail).await;
    assert!(matches!(error, SendError::Lost { .. }), "{error:?}");
    assert_eq!((bench.accepted)(&mail).await, 1);
    let found = look_up(bench, &mail.entry).await;
    assert_eq!(matches!(found, MailLookup::Accepted(_)), bench.deduplicates, "{found:?}");
}
