//! What is known of a customer, on a sheet to read.

use std::fmt::Display;

use jiff::Timestamp;
use pulse_core::{
    customer::{Consent, ConsentSource, Contact, Customer, Standing, Tombstone, Zone},
    entry::{Entry, Progress, Queueing},
    feedback::{BounceKind, Bounced, Rejection},
    ports::Activity,
    slot::Slot,
    suppression::InForce,
};

use super::in_force;

/// A line of a sheet: what it is about, and what is to be said of it.
pub type Row = (String, String);

/// Lines, as they are added.
#[derive(Default)]
struct Rows(Vec<Row>);

impl Rows {
    fn row(mut self, name: impl Display, value: impl Display) -> Self {
        self.push(name, value);
        self
    }

    fn push(&mut self, name: impl Display, value: impl Display) {
        self.0.push((name.to_string(), value.to_string()));
    }
}

/// What the sheet is made of.
pub struct Sheet<'a> {
    /// Who they are.
    pub profile: &'a Customer,
    /// When their live schedule is due, if they have one.
    pub schedule: Option<&'a Slot>,
    /// What was noted of them.
    pub activities: &'a [Activity],
    /// Whether their address is suppressed.
    pub suppressed: Suppressed<'a>,
    /// When it was looked up.
    pub now: Timestamp,
}

/// Whether the address is suppressed.
#[derive(Debug, Clone, Copy)]
pub enum Suppressed<'a> {
    /// It wasn't asked.
    NotAsked,
    /// It can't be told to whoever asks.
    Untold,
    /// For these reasons, if there are any.
    By(&'a [InForce]),
}

impl Sheet<'_> {
    /// Who it is.
    #[must_use]
    pub fn profile(&self) -> Vec<Row> {
        let customer = self.profile;
        if let Some(Tombstone { at, by, note }) = &customer.mark.forgotten {
            let forgotten = format!("{} by {}: {note}", local(*at, &customer.zone), by.as_str());
            let schedule = schedule(customer, self.schedule, self.now);
            return Rows::default().row("forgotten", forgotten).row("schedule", schedule).0;
        }
        let mut rows = Rows::default().row("name", customer.name.expose()).row("email", address(&customer.contact));
        match self.suppressed {
            Suppressed::NotAsked => {}
            Suppressed::Untold => rows.push("suppressed", "not told: it takes ReadKeys of OperatorPolicy"),
            Suppressed::By([]) => rows.push("suppressed", "no"),
            Suppressed::By(held) => {
                for held in held {
                    rows.push("suppressed", in_force(held, &customer.zone));
                }
            }
        }
        rows.row("product", customer.product)
            .row("standing", standing(customer))
            .row("signed up", local(customer.signed_up_at, &customer.zone))
            .row("time zone", &customer.zone)
            .row("slot", slot(&customer.slot))
            .row("schedule", schedule(customer, self.schedule, self.now))
            .0
    }

    /// One entry.
    #[must_use]
    pub fn entry(&self, entry: &Entry) -> Vec<Row> {
        entry_rows(entry, &self.profile.zone, self.now).0
    }

    /// What was noted.
    #[must_use]
    pub fn notes(&self) -> Vec<Row> {
        let note = |activity: &Activity| (local(activity.at, &self.profile.zone), activity.what.clone());
        self.activities.iter().map(note).collect()
    }
}

fn address(contact: &Contact) -> &str {
    match contact {
        Contact::Email(address) => address.expose(),
        Contact::Unusable => "none that can be mailed",
    }
}

fn standing(customer: &Customer) -> String {
    match (customer.standing, customer.consent.opted_out()) {
        (Standing::Closed, _) => "closed".into(),
        (Standing::Active, true) => format!("active, opted out of mail{}", said_by(&customer.consent, &customer.zone)),
        (Standing::Active, false) => "active".into(),
    }
}

fn said_by(consent: &Consent, zone: &Zone) -> String {
    let Some(record) = consent.record() else { return String::new() };
    let by = match record.by {
        ConsentSource::Roster => "a roster",
        ConsentSource::Partner => "a partner",
        ConsentSource::Operator => "an operator",
        ConsentSource::Customer => "the customer",
    };
    let as_of = record.as_of.map(|at| format!(" as of {}", local(at, zone))).unwrap_or_default();
    let proof = record.proof.as_ref().map(|proof| format!(": {}", proof.clause())).unwrap_or_default();
    format!(" (said by {by}{as_of}{proof})")
}

fn slot(slot: &Slot) -> String {
    format!("day {} at {:02}:{:02} {}", slot.day(), slot.hour(), slot.minute(), slot.zone())
}

fn schedule(profile: &Customer, schedule: Option<&Slot>, now: Timestamp) -> String {
    match (schedule, profile.standing) {
        (Some(live), Standing::Active) if *live == profile.slot => {
            format!("live, next at {}", local(live.next_after(now), &profile.zone))
        }
        (Some(live), _) => format!("wrong: {}. `pulse enroll {}` mends it.", slot(live), profile.id),
        (None, Standing::Closed) => "none".into(),
        (None, Standing::Active) => format!("missing: `pulse enroll {}` mends it.", profile.id),
    }
}

fn entry_rows(entry: &Entry, zone: &Zone, now: Timestamp) -> Rows {
    let mut rows = Rows::default().row("state", entry.state()).row("scheduled", local(entry.scheduled_at(), zone));
    match entry.progress() {
        Progress::Waiting => rows.push("due", local(entry.due(), zone)),
        Progress::Claimed { lease_until } => rows.push("claimed until", local(*lease_until, zone)),
        Progress::Done { provider_id, at, .. } => {
            rows.push("sent", local(*at, zone));
            rows.push("provider's id", provider_id);
        }
        Progress::Skipped { reason, at } => {
            rows.push("reason", reason);
            rows.push("skipped", local(*at, zone));
        }
        Progress::Failed { cause, at } => {
            rows.push("failed", format!("{} in the {} stage", local(*at, zone), entry.at()));
            rows.push("cause", cause);
        }
        Progress::Cancelled { at } => rows.push("cancelled", local(*at, zone)),
        Progress::Indeterminate { cause, at }
        | Progress::Unconfirmed { cause, at }
        | Progress::Abandoned { cause, at } => {
            rows.push("since", local(*at, zone));
            rows.push("cause", cause);
        }
    }
    push_feedback(&mut rows, entry, zone, now);
    match entry.queueing() {
        _ if !entry.is_open() => {}
        Queueing::Pending => {}
        Queueing::Requeued { at } => rows.push("queued again", format!("{}: its message was lost", local(at, zone))),
        Queueing::Held => rows.push("held", "by its campaign, until its turn comes"),
        Queueing::Deferred => rows.push("put off", format!("until {}", local(entry.due(), zone))),
    }
    if let Some(since) = entry.in_doubt_since().filter(|_| entry.lease_until().is_none()) {
        rows.push(
            "in doubt",
            format!("since {}: the provider may have the mail, it is asked first", local(since, zone)),
        );
    }
    if let Some(score) = entry.score() {
        let line = format!("{} ({}), as of {}", score.value.expose(), score.band.expose(), local(score.as_of, zone));
        rows.push("score", line);
    }
    if let Some(trouble) = entry.failure_streak() {
        rows.push("last trouble", format!("{} at {}", trouble.cause.clause(), local(trouble.at, zone)));
    }
    if entry.claims() > 0 {
        rows.push("claims", entry.claims());
    }
    rows
}

/// What the provider told of the mail.
fn push_feedback(rows: &mut Rows, entry: &Entry, zone: &Zone, now: Timestamp) {
    let facts = entry.feedback();
    let mut at = |name, moment: Option<Timestamp>| {
        if let Some(moment) = moment {
            rows.push(name, local(moment, zone));
        }
    };
    at("delayed", facts.delayed_at);
    at("delivered", facts.delivered_at);
    if let Some(Bounced { bounce, at }) = &facts.bounced {
        let why = match bounce.kind {
            BounceKind::Hard => "there is no such mailbox",
            BounceKind::Soft => "the mailbox couldn't take it",
            BounceKind::Reputation => "the sender or the mail is distrusted there",
        };
        let status = bounce.status.as_ref().map(|status| format!(", status {status}")).unwrap_or_default();
        rows.push("bounced", format!("{}: {why}{status}", local(*at, zone)));
    }
    if let Some(moment) = facts.complained_at {
        rows.push("called spam", local(moment, zone));
    }
    if let Some(Rejection { at, cause }) = &facts.rejected {
        rows.push("not sent", format!("{}: {cause}", local(*at, zone)));
    }
    if entry.is_closed_by_feedback() {
        rows.push("known by", "the provider's word, and not by its answer");
    }
    if entry.is_silent(now) {
        rows.push("silent", "for more than a day nobody has told what became of the mail");
    }
    if entry.is_erased() {
        rows.push("personal data", "erased");
    }
}

fn local(moment: Timestamp, zone: &Zone) -> String {
    let zoned = moment.to_zoned(zone.rules().clone());
    zoned.strftime("%Y-%m-%d %H:%M:%S %Z").to_string()
}
