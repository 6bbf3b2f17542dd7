//! Tells Pulse what became of mails, beside the stand-in's answers and never in their way.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use anyhow::Result;
use futures::{StreamExt as _, stream};
use jiff::Timestamp;
use pulse_core::ports::Clock;
use serde::Serialize;
use serde_json::Value;
use tokio::{
    sync::{mpsc, watch},
    task::JoinHandle,
    time::{Instant, MissedTickBehavior, interval},
};

use super::{
    events::{MailEvent, of_marketing_cloud, of_ses},
    fate::{Fate, MailFates},
    outbox::{AcceptedMail, Outbox},
    way::{Answer, Way},
};

/// For how long events are collected before they go out.
const BETWEEN_BATCHES: Duration = Duration::from_millis(200);

/// Events that Marketing Cloud puts into a batch at most, if its callback's `maxBatchSize` is this.
const BATCH: usize = 100;

/// Calls at once.
const AT_ONCE: usize = 8;

/// The wait before the second try of an event that wasn't taken. It doubles with each further one.
const FIRST_WAIT: Duration = Duration::from_millis(250);
const LONGEST_WAIT: Duration = Duration::from_secs(10);

/// Where events of mails go.
#[derive(Debug, Clone)]
pub enum MailEventTarget {
    /// To the stack's topic at the emulator, as SES's would.
    Topic {
        /// How to reach the emulator.
        aws: Box<aws_config::SdkConfig>,
        /// The topic.
        arn: String,
    },
    /// To the stack's webhook, as Marketing Cloud's batches.
    Hook {
        /// Its address.
        url: String,
        /// The callback's signature key.
        key: String,
    },
}

/// How the stand-in tells Pulse what became of mails.
#[derive(Debug, Clone)]
pub struct MailEvents {
    /// Where to.
    pub target: MailEventTarget,
    /// What links to unsubscribe begin with: only those are clicked.
    pub unsubscribe_url: Option<String>,
    /// What becomes of them.
    pub fates: MailFates,
}

/// How many events there are.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct MailEventCounts {
    /// All of the mails that were accepted, those to come included.
    pub planned: u64,
    /// Those that were taken.
    pub told: u64,
    /// Those that were refused for good.
    pub refused: u64,
    /// Tries that failed, and were made again.
    pub tried_again: u64,
}

impl MailEventCounts {
    /// Those that are still to be told.
    #[must_use]
    pub fn to_come(&self) -> u64 {
        self.planned - self.told - self.refused
    }
}

/// An event of the mail of this number.
#[derive(Debug, Clone, Copy)]
struct Planned {
    number: usize,
    event: MailEvent,
    /// When it happened, once that has come.
    at: Option<Timestamp>,
    tries: u32,
}

/// Plans events as mails are accepted, and tells them when their moment has come. It ends when it is dropped.
pub(super) struct Publisher {
    seed: u64,
    fates: MailFates,
    unsubscribe_url: Option<String>,
    is_ses: bool,
    plans: mpsc::UnboundedSender<(Instant, Planned)>,
    counts: Arc<watch::Sender<MailEventCounts>>,
    task: JoinHandle<()>,
}

impl Publisher {
    pub(super) fn start(events: MailEvents, seed: u64, outbox: Arc<Outbox>, clock: Arc<dyn Clock>) -> Result<Self> {
        let MailEvents { target, unsubscribe_url, fates } = events;
        let (plans, planned) = mpsc::unbounded_channel();
        let counts = Arc::new(watch::Sender::default());
        let is_ses = matches!(target, MailEventTarget::Topic { .. });
        let teller = Teller { way: Way::new(target)?, outbox, clock, counts: counts.clone() };
        let task = tokio::spawn(teller.run(planned));
        Ok(Self { seed, fates, unsubscribe_url, is_ses, plans, counts, task })
    }

    pub(super) fn counts(&self) -> MailEventCounts {
        *self.counts.borrow()
    }

    pub(super) async fn all_told(&self) {
        // The sender is self, so that it can't be gone while this waits.
        let _ = self.counts.subscribe().wait_for(|counts| counts.to_come() == 0).await;
    }

    /// Plans what is to become of a mail that has just been accepted.
    pub(super) fn plan(&self, mail: &AcceptedMail) {
        let delay = self.fates.delay(self.seed, &mail.contact);
        let first = if self.is_ses { MailEvent::Delivered } else { MailEvent::Sent };
        let events = match self.fates.of(self.seed, &mail.contact) {
            Fate::Arrives => [Some(first), None],
            // Marketing Cloud tells that it sent a mail before that comes back.
            Fate::ComesBack(kind) if self.is_ses => [Some(MailEvent::Bounced(kind)), None],
            Fate::ComesBack(kind) => [Some(first), Some(MailEvent::Bounced(kind))],
            Fate::IsCalledSpam => [Some(first), Some(MailEvent::Complained)],
            Fate::IsClicked => [Some(first), self.link(mail).map(|_| MailEvent::Unsubscribed)],
        };
        let now = Instant::now();
        for (place, event) in (1..).zip(events.into_iter().flatten()) {
            self.counts.send_modify(|counts| counts.planned += 1);
            // Without a receiver the stand-in is at its end.
            let planned = Planned { number: mail.number, event, at: None, tries: 0 };
            let _ = self.plans.send((now + delay * place, planned));
        }
    }

    /// The mail's link to unsubscribe, if it is one that may be clicked.
    pub(super) fn link<'m>(&self, mail: &'m AcceptedMail) -> Option<&'m str> {
        mail.unsubscribe_link(self.unsubscribe_url.as_deref()?)
    }

    pub(super) fn unsubscribe_url(&self) -> Option<&str> {
        self.unsubscribe_url.as_deref()
    }
}

impl Drop for Publisher {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// What is told at once.
enum Call {
    /// An event by itself.
    One(Planned, Value),
    /// Events together.
    Batch(Vec<(Planned, Value)>),
    /// A click on a link.
    Click(Planned, String),
}

struct Teller {
    way: Way,
    outbox: Arc<Outbox>,
    clock: Arc<dyn Clock>,
    counts: Arc<watch::Sender<MailEventCounts>>,
}

impl Teller {
    async fn run(self, mut planned: mpsc::UnboundedReceiver<(Instant, Planned)>) {
        // By their moment, and of those of one moment in the order in which they were planned.
        let mut waiting: BTreeMap<(Instant, u64), Planned> = BTreeMap::new();
        let mut order = 0;
        let mut put = |waiting: &mut BTreeMap<_, _>, due, planned| {
            order += 1;
            waiting.insert((due, order), planned);
        };
        let mut ticks = interval(BETWEEN_BATCHES);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            while let Ok((due, planned)) = planned.try_recv() {
                put(&mut waiting, due, planned);
            }
            let later = waiting.split_off(&(Instant::now(), u64::MAX));
            let due = std::mem::replace(&mut waiting, later).into_values().collect();
            let calls = stream::iter(self.calls(due)).map(|call| self.call(call)).buffer_unordered(AT_ONCE);
            for (due, planned) in calls.collect::<Vec<_>>().await.concat() {
                put(&mut waiting, due, planned);
            }
        }
    }

    /// Puts events that are due into the provider's words.
    fn calls(&self, due: Vec<Planned>) -> Vec<Call> {
        let (mut calls, mut batch) = (Vec::new(), Vec::new());
        for mut planned in due {
            let at = *planned.at.get_or_insert_with(|| self.clock.now());
            let Some(mail) = self.outbox.mail(planned.number) else { continue };
            let (is_ses, event) = (self.way.is_topic(), planned.event);
            let body = if is_ses { of_ses(&mail, event, at) } else { of_marketing_cloud(&mail, event, at) };
            match (body, mail.unsubscribe_link("")) {
                (Some(body), _) if is_ses => calls.push(Call::One(planned, body)),
                (Some(body), _) => batch.push((planned, body)),
                (None, Some(link)) => calls.push(Call::Click(planned, link.to_owned())),
                (None, None) => self.refused(&[planned]),
            }
        }
        calls.extend(batch.chunks(BATCH).map(|batch| Call::Batch(batch.to_vec())));
        calls
    }

    /// Makes a call, and returns what is to be tried again, and when.
    async fn call(&self, call: Call) -> Vec<(Instant, Planned)> {
        let (answer, events) = match call {
            Call::One(planned, body) => (self.way.publish(&body).await, vec![planned]),
            Call::Batch(batch) => {
                let (events, bodies): (Vec<_>, Vec<_>) = batch.into_iter().unzip();
                (self.way.post(&Value::Array(bodies)).await, events)
            }
            Call::Click(planned, link) => (self.way.click(&link).await, vec![planned]),
        };
        match answer {
            Answer::Taken => {
                for Planned { number, event, .. } in &events {
                    self.outbox.note(*number, *event, self.clock.now());
                }
                self.counts.send_modify(|counts| counts.told += events.len() as u64);
                Vec::new()
            }
            Answer::Refused => {
                self.refused(&events);
                Vec::new()
            }
            Answer::Later => {
                self.counts.send_modify(|counts| counts.tried_again += events.len() as u64);
                let again = |planned: Planned| {
                    let wait = FIRST_WAIT.saturating_mul(1 << planned.tries.min(16)).min(LONGEST_WAIT);
                    (Instant::now() + wait, Planned { tries: planned.tries + 1, ..planned })
                };
                events.into_iter().map(again).collect()
            }
        }
    }

    fn refused(&self, events: &[Planned]) {
        self.counts.send_modify(|counts| counts.refused += events.len() as u64);
    }
}
