use std::{sync::Arc, time::Duration};

use jiff::Timestamp;
use pulse_core::{
    customer::{CustomerId, EmailAddress},
    entry::EntryId,
    feedback::{About, FeedbackSource},
    run::RunId,
};

use super::{
    stack::IntakeStack,
    told::{FORGED, Told, UNREADABLE, event},
    watch::FeedbackWatch,
};
use crate::{
    random::Stream,
    time::VirtualTime,
    world::{faults::ActiveFaults, settings::SimulatedMailProvider},
};

const DAY: Duration = Duration::from_hours(24);

/// How long a receiving server takes, and a provider until it has told of it: seconds, as a rule.
const HANDED_OVER: Duration = Duration::from_secs(2);
const TOLD: Duration = Duration::from_secs(4);
const SIGMA: f64 = 1.0;

/// How late an event may be. SES tells of a mail that it couldn't hand over after 14 hours at the latest; people complain
/// when they read, and relays of complaints take days.
const LATEST: Duration = Duration::from_hours(14 * 24);

/// For how long a provider goes on trying to hand a mail over (Amazon SES Developer Guide, "Sending retries").
const TRIED_FOR: Duration = Duration::from_hours(14);

/// How recipients and their servers take mails: chances. Whoever has none is well-behaved: each mail is delivered.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct RecipientWays {
    /// There is no such mailbox.
    pub hard: f64,
    /// The mailbox can't take it.
    pub soft: f64,
    /// The server distrusts the sender.
    pub reputation: f64,
    /// The provider drops a mail that it accepted. Only the one without keys does: what another does with the key of a
    /// mail that it dropped isn't published.
    pub rejected: f64,
    /// The server takes it only later.
    pub delayed: f64,
    /// Whoever gets it calls it spam.
    pub complaints: f64,
    /// Whoever gets it unsubscribes, with one click or, where the provider does that itself, by its event.
    pub clicks: f64,
}

/// Whether an accepted mail is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::world) enum Sent {
    Yes,
    /// The provider drops it.
    Dropped,
}

/// The receiving side of all mails, and the provider that tells of it.
#[derive(Clone)]
pub struct Recipients {
    pub(in crate::world) time: VirtualTime,
    pub(in crate::world) random: Arc<Stream>,
    pub(in crate::world) faults: Arc<ActiveFaults>,
    pub(in crate::world) ways: RecipientWays,
    pub(in crate::world) provider: SimulatedMailProvider,
    pub(in crate::world) intake: IntakeStack,
    pub(in crate::world) watch: FeedbackWatch,
}

impl Recipients {
    /// Who tells.
    pub(in crate::world) fn source(&self) -> FeedbackSource {
        match self.provider {
            SimulatedMailProvider::Deduplicating => FeedbackSource::MarketingCloud,
            SimulatedMailProvider::Forgetful => FeedbackSource::Ses,
        }
    }

    /// A mail was accepted: decides what becomes of it, all of which is told in time.
    pub(in crate::world) fn take(&self, entry: &EntryId, to: &EmailAddress, mail: &str) -> Sent {
        let ways = self.faults.now().recipients.unwrap_or(self.ways);
        let accepted_at = self.time.now();
        let mut letters = Letters { of: self, entry, to, mail, told: 0 };
        if self.provider == SimulatedMailProvider::Deduplicating {
            letters.tell("accepted", accepted_at);
        } else if self.random.chance(ways.rejected) {
            letters.tell("rejected", later(accepted_at, self.takes(HANDED_OVER)));
            return Sent::Dropped;
        }
        let mut at = later(accepted_at, self.takes(HANDED_OVER));
        if self.random.chance(ways.delayed) {
            letters.tell("delayed", later(accepted_at, Duration::from_mins(10)));
            at = later(accepted_at, self.random.between(Duration::from_mins(15), TRIED_FOR));
        }
        let mut fate = self.random.unit();
        for (chance, word) in [(ways.hard, "hard"), (ways.soft, "soft"), (ways.reputation, "reputation")] {
            if fate < chance {
                letters.tell(word, at);
                return Sent::Yes;
            }
            fate -= chance;
        }
        letters.tell("delivered", at);
        if self.random.chance(ways.complaints) {
            letters.tell("complained", later(at, self.random.between(Duration::from_mins(1), 2 * DAY)));
        }
        if self.random.chance(ways.clicks) {
            let at = later(at, self.random.between(Duration::from_secs(20), 10 * DAY));
            if self.provider == SimulatedMailProvider::Deduplicating && self.random.chance(0.5) {
                letters.tell("unsubscribed", at);
            } else {
                self.click_at(&entry.customer, at);
            }
        }
        Sent::Yes
    }

    /// A customer unsubscribes with one click, by whichever mail they find.
    pub fn click(&self, customer: &CustomerId) {
        let at = self.time.now();
        let told = Told::Click { customer: customer.clone(), at };
        self.watch.told(&told);
        self.hand_over(&told, &told.body());
    }

    fn click_at(&self, customer: &CustomerId, at: Timestamp) {
        let (this, customer) = (self.clone(), customer.clone());
        let _ = self.time.spawn(async move {
            this.time.sleep_until(at).await;
            this.click(&customer);
            // Some click again, to be sure.
            if this.random.chance(0.2) {
                this.time.sleep(this.random.between(Duration::from_secs(1), DAY)).await;
                this.click(&customer);
            }
        });
    }

    fn takes(&self, mean: Duration) -> Duration {
        self.random.lognormal(mean, SIGMA)
    }

    /// Tells of something that happens at `at`, once it has: now and then late, again, or not at all.
    fn tell(&self, told: &Told, at: Timestamp) {
        let faults = self.faults.now().feedback;
        let times = 1 + u32::from(self.random.chance(faults.repeated));
        for _ in 0..times {
            if self.random.chance(faults.lost) {
                continue;
            }
            let takes = if self.random.chance(faults.late) {
                self.random.between(Duration::ZERO, LATEST)
            } else {
                self.takes(TOLD)
            };
            let (this, told) = (self.clone(), told.clone());
            let _ = self.time.spawn(async move {
                this.time.sleep_until(later(at, takes)).await;
                this.arrive(&told);
            });
        }
        if self.random.chance(faults.strangers) {
            self.strangers(told, at);
        }
    }

    /// It is put on a queue; while no parser reads its kind, as something that nobody can read.
    fn arrive(&self, told: &Told) {
        self.watch.told(told);
        if self.random.chance(self.faults.now().feedback.unreadable) {
            return self.intake.feedback.queue.send_body(&format!("{UNREADABLE}{}", told.body()));
        }
        self.hand_over(told, &told.body());
    }

    fn hand_over(&self, told: &Told, body: &str) {
        let stack = match told {
            Told::Click { .. } => &self.intake.unsubscribe,
            Told::Event(_) => &self.intake.feedback,
        };
        self.watch.handed_over(told, stack);
        stack.queue.send_body(body);
    }

    /// Someone else's mails are told of too, and someone forges what would hurt.
    fn strangers(&self, told: &Told, at: Timestamp) {
        let customer = CustomerId::parse("nobody").expect("an id");
        let run = RunId::of(at, &jiff::tz::TimeZone::UTC);
        let stranger = About {
            entry: self.random.chance(0.5).then_some(EntryId::of(customer, run)),
            provider_id: Some("other".to_owned()),
            address: EmailAddress::parse("stranger@example.org").ok(),
            customer: None,
        };
        let word = *self.random.pick(&["delivered", "hard", "complained", "unsubscribed"]).unwrap_or(&"hard");
        let other = event(word, "other.1".to_owned(), stranger, self.source(), at);
        self.intake.feedback.queue.send_body(&other.body());
        if let Told::Event(feedback) = told {
            let mut forged = feedback.clone();
            forged.kind = pulse_core::feedback::FeedbackKind::Complained;
            self.intake.feedback.queue.send_body(&format!("{FORGED}{}", Told::Event(forged).body()));
        }
    }
}

/// What is told of one mail.
struct Letters<'a> {
    of: &'a Recipients,
    entry: &'a EntryId,
    to: &'a EmailAddress,
    mail: &'a str,
    told: u32,
}

impl Letters<'_> {
    fn tell(&mut self, word: &str, at: Timestamp) {
        self.told += 1;
        let about = About {
            entry: Some(self.entry.clone()),
            provider_id: Some(self.mail.to_owned()),
            address: Some(self.to.clone()),
            customer: None,
        };
        let id = format!("{}.{}", self.mail, self.told);
        self.of.tell(&event(word, id, about, self.of.source(), at), at);
    }
}

fn later(at: Timestamp, by: Duration) -> Timestamp {
    at.saturating_add(by).unwrap_or(Timestamp::MAX)
}
