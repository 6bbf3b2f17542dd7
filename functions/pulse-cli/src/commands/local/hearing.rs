//! Whether Pulse has heard what the email stand-in told of its mails, and keeps to it.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
    time::Duration,
};

use anyhow::Result;
use futures::{StreamExt as _, TryStreamExt as _, stream};
use indicatif::{ProgressBar, ProgressStyle};
use jiff::Timestamp;
use pulse_aws::stack::{Stack, depths};
use pulse_core::{
    customer::{Contact, Customer, CustomerId},
    entry::EntryId,
    feedback::BounceKind,
    ports::Ledger,
};
use pulse_local::standins::{AcceptedMail, MailEvent, MailEventCounts};
use tokio::time::{Instant, sleep};

use super::{
    options::{Options, StandInProvider},
    promises::LocalPromise,
    providers::Providers,
};

const BETWEEN_LOOKS: Duration = Duration::from_millis(250);
const AT_ONCE: usize = 16;

/// Of so many looks at queues that aren't empty, one is at the ledger too, which takes a read for each mail.
const LOOKS_AT_LEDGER: u64 = 20;

/// For how long events are waited for, after the last mail. Those of a longer mean delay aren't.
const PATIENCE: Duration = Duration::from_mins(2);

/// For how long an event may be on its way between two places that can be asked.
const GRACE: Duration = Duration::from_secs(10);

/// From a bounce, a complaint or a click to silence it takes a minute at most: what is on its way then still goes out.
const TO_SILENCE: Duration = Duration::from_mins(1);

/// How far the events have come.
#[derive(Debug, Clone, Copy)]
pub(super) struct Hearing {
    pub(super) events: MailEventCounts,
    /// Events that were taken, and of which the ledger doesn't know.
    unheard: u64,
    /// Messages that wait on the queues that hear, or are with the function.
    queued: u64,
    /// Whether events were waited for.
    pub(super) waited: bool,
}

/// Waits until all events have been told and heard, for as long as makes sense.
///
/// # Errors
/// When the ledger or a queue can't be asked.
pub(super) async fn follow(stack: &Stack, providers: &Providers, options: &Options) -> Result<Hearing> {
    let ledger = stack.ledger()?;
    let waited = options.event_delay <= PATIENCE;
    let bar =
        ProgressBar::new(0).with_style(ProgressStyle::with_template("  told of   {bar:40.cyan/black} {pos:>6}/{len}")?);
    if waited && bar.is_hidden() && providers.mail.events().to_come() > 0 {
        eprintln!("Waiting for events of what became of the mails.");
    }
    let started = Instant::now();
    let patience = if waited { PATIENCE } else { Duration::ZERO };
    let mut looks = 0_u64;
    let hearing = loop {
        let events = providers.mail.events();
        bar.set_length(events.planned);
        bar.set_position(events.told);
        let is_over = started.elapsed() >= patience;
        // What others sent may stay on the queues for long, so that those needn't be empty.
        let is_time = looks % LOOKS_AT_LEDGER == LOOKS_AT_LEDGER - 1;
        looks += 1;
        if is_over || (events.to_come() == 0 && (queued(stack).await? == 0 || is_time)) {
            let mails = providers.mail.accepted();
            let unheard = unheard(&ledger, &mails, providers.mail_provider).await?;
            // After the ledger, so that what was on its way from one to the other meanwhile is missed, and looked for again.
            let queued = queued(stack).await?;
            let adds_up = if is_over { unheard <= queued } else { unheard == 0 };
            if adds_up || started.elapsed() >= patience + GRACE {
                break Hearing { events: providers.mail.events(), unheard, queued, waited };
            }
        }
        sleep(BETWEEN_LOOKS).await;
    };
    bar.finish_and_clear();
    Ok(hearing)
}

async fn queued(stack: &Stack) -> Result<u64> {
    let hears = |queue: &str| queue.starts_with("feedback") || queue.starts_with("unsubscribe");
    let depths = depths(stack).await?;
    let waiting = depths.iter().filter(|depth| !depth.dead_letters && hears(&depth.queue));
    Ok(waiting.map(|depth| depth.waiting + depth.in_flight).sum())
}

/// How many events that were taken the ledger doesn't know of.
async fn unheard(ledger: &dyn Ledger, mails: &[AcceptedMail], provider: StandInProvider) -> Result<u64> {
    stream::iter(mails.iter().filter(|mail| !mail.told.is_empty()))
        .map(async |mail| {
            let entry = match EntryId::of_message_key(&mail.message_key) {
                Some(id) => ledger.entry(&id).await?,
                None => None,
            };
            let opts_out = |event: MailEvent| {
                event == MailEvent::Unsubscribed
                    || (event == MailEvent::Complained && provider == StandInProvider::MarketingCloud)
            };
            let customer = match CustomerId::parse(&mail.contact) {
                Ok(id) if mail.told.iter().any(|(event, _)| opts_out(*event)) => ledger.customer(&id).await?,
                _ => None,
            };
            let is_heard = |event: MailEvent| {
                if opts_out(event) {
                    return customer.as_ref().is_some_and(|customer| customer.consent.opted_out());
                }
                entry.as_ref().is_some_and(|entry| {
                    let facts = entry.feedback();
                    match event {
                        MailEvent::Sent => facts.accepted_at.is_some(),
                        MailEvent::Delivered => facts.delivered_at.is_some(),
                        MailEvent::Bounced(_) => facts.bounced.is_some(),
                        MailEvent::Complained | MailEvent::Unsubscribed => facts.complained_at.is_some(),
                    }
                })
            };
            anyhow::Ok(mail.told.iter().filter(|(event, _)| !is_heard(*event)).count() as u64)
        })
        .buffer_unordered(AT_ONCE)
        .try_fold(0, async |sum, unheard| Ok(sum + unheard))
        .await
}

/// Nothing that was told is lost.
pub(super) fn all_heard(hearing: &Hearing) -> LocalPromise {
    let Hearing { events, unheard, queued, .. } = hearing;
    // Somebody else may send something, too: no more of it is the stand-in's than isn't heard.
    let (of_them, others) = ((*queued).min(*unheard), queued.saturating_sub(*unheard));
    let mut seen =
        format!("{} of {} events are heard, {of_them} on a queue", events.told.saturating_sub(*unheard), events.told);
    if others > 0 {
        let _ = write!(seen, "; beside them, {others} messages of others are on a queue");
    }
    if events.refused > 0 {
        let _ = write!(seen, "; {} were refused", events.refused);
    }
    LocalPromise {
        words: "Every event that was told is heard, or on a queue",
        held: events.refused == 0 && unheard <= queued,
        seen,
    }
}

/// Addresses and customers that are to be left alone, and since when.
#[derive(Debug, Default)]
pub(super) struct Silence {
    addresses: BTreeMap<String, Timestamp>,
    customers: BTreeMap<String, Timestamp>,
}

impl Silence {
    /// By what the stand-in told of its mails.
    pub(super) fn of(mails: &[AcceptedMail]) -> Self {
        let mut silence = Self::default();
        for mail in mails {
            for (event, at) in &mail.told {
                let (of, key) = match event {
                    // Marketing Cloud tells it of the customer.
                    MailEvent::Complained if mail.from.is_empty() => (&mut silence.customers, mail.contact.clone()),
                    MailEvent::Bounced(BounceKind::Hard) | MailEvent::Complained => {
                        (&mut silence.addresses, mail.to.to_lowercase())
                    }
                    MailEvent::Unsubscribed => (&mut silence.customers, mail.contact.clone()),
                    MailEvent::Sent | MailEvent::Delivered | MailEvent::Bounced(_) => continue,
                };
                of.entry(key).and_modify(|since| *since = (*since).min(*at)).or_insert(*at);
            }
        }
        silence
    }

    /// And by what the ledger has: a link may be clicked by hand, and an operator or a partner opt someone out.
    pub(super) fn add_opt_outs<'c>(&mut self, opt_outs: impl IntoIterator<Item = (&'c CustomerId, Timestamp)>) {
        for (customer, at) in opt_outs {
            self.customers.entry(customer.to_string()).or_insert(at);
        }
    }

    pub(super) fn is_due_to(&self, customer: &Customer) -> bool {
        let bounced = |address: &str| self.addresses.contains_key(&address.to_lowercase());
        self.customers.contains_key(customer.id.as_str())
            || matches!(&customer.contact, Contact::Email(address) if bounced(address.expose()))
    }

    /// Since when this mail shouldn't be sent.
    fn since(&self, mail: &AcceptedMail) -> Option<Timestamp> {
        let address = self.addresses.get(&mail.to.to_lowercase());
        address.into_iter().chain(self.customers.get(&mail.contact)).min().copied()
    }
}

/// Nobody is mailed who is to be left alone.
pub(super) fn silent_after(mails: &[AcceptedMail], silence: &Silence) -> LocalPromise {
    let after = |wait: Duration| {
        let is_after = |mail: &&AcceptedMail| silence.since(mail).is_some_and(|since| mail.at > since + wait);
        mails.iter().filter(is_after).map(|mail| mail.number).collect::<BTreeSet<_>>().len()
    };
    let (wrong, under_way) = (after(TO_SILENCE), after(Duration::ZERO));
    let many = silence.addresses.len() + silence.customers.len();
    let mut seen = format!("{wrong} mails to {many} who are to be left alone");
    if under_way > wrong {
        let _ = write!(seen, "; {} were under way", under_way - wrong);
    }
    LocalPromise {
        words: "No mail a minute after an address bounced for good, a complaint or an opt-out",
        held: wrong == 0,
        seen,
    }
}

#[cfg(test)]
mod tests;
