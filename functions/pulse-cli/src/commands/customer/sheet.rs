//! What is known of a customer, on a sheet to read.

use std::fmt::Write as _;

use jiff::Timestamp;
use pulse_core::{
    customer::{Consent, ConsentSource, Contact, Customer, Standing, Tombstone, Zone},
    entry::{Entry, Progress, Queueing},
    feedback::{BounceKind, Bounced, Rejection},
    ports::Activity,
    slot::Slot,
    suppression::InForce,
};

use crate::{
    output::{Table, heading},
    text,
};

/// What the sheet is made of.
pub(in crate::commands) struct Sheet<'a> {
    pub(in crate::commands) profile: &'a Customer,
    pub(in crate::commands) schedule: Option<&'a Slot>,
    pub(in crate::commands) activities: &'a [Activity],
    pub(in crate::commands) suppressed: Suppressed<'a>,
    pub(in crate::commands) now: Timestamp,
}

/// Whether the address is suppressed.
#[derive(Debug, Clone, Copy)]
pub(in crate::commands) enum Suppressed<'a> {
    /// It wasn't asked.
    NotAsked,
    /// It can't be told to whoever asks.
    Untold,
    /// For these reasons, if there are any.
    By(&'a [InForce]),
}

impl Sheet<'_> {
    /// Who it is.
    pub(in crate::commands) fn profile(&self) -> String {
        let customer = self.profile;
        let title = heading(&format!("Customer {}", customer.id));
        if let Some(Tombstone { at, by, note }) = &customer.mark.forgotten {
            let forgotten = format!("{} by {}: {note}", local(*at, &customer.zone), by.as_str());
            let schedule = schedule(customer, self.schedule, self.now);
            return title + &Table::default().row("forgotten", forgotten).row("schedule", schedule).render();
        }
        let mut table = Table::default().row("name", customer.name.expose()).row("email", address(&customer.contact));
        match self.suppressed {
            Suppressed::NotAsked => {}
            Suppressed::Untold => table.push("suppressed", "not told: it takes ReadKeys of OperatorPolicy"),
            Suppressed::By([]) => table.push("suppressed", "no"),
            Suppressed::By(held) => {
                for held in held {
                    table.push("suppressed", text::in_force(held, &customer.zone));
                }
            }
        }
        let table = table
            .row("product", customer.product)
            .row("standing", standing(customer))
            .row("signed up", local(customer.signed_up_at, &customer.zone))
            .row("time zone", &customer.zone)
            .row("slot", slot(&customer.slot))
            .row("schedule", schedule(customer, self.schedule, self.now));
        title + &table.render()
    }

    /// One entry.
    pub(in crate::commands) fn entry(&self, entry: &Entry) -> String {
        let title = heading(&format!("Run {}", entry.id().run));
        format!("\n{title}{}", entry_table(entry, &self.profile.zone, self.now).render())
    }

    /// What was noted.
    pub(in crate::commands) fn notes(&self) -> String {
        if self.activities.is_empty() {
            return String::new();
        }
        self.activities.iter().fold(heading("\nNotes"), |mut text, activity| {
            let _ = writeln!(text, "  {}  {}", local(activity.at, &self.profile.zone), activity.what);
            text
        })
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

fn entry_table(entry: &Entry, zone: &Zone, now: Timestamp) -> Table {
    let mut table = Table::default().row("state", entry.state()).row("scheduled", local(entry.scheduled_at(), zone));
    match entry.progress() {
        Progress::Waiting => table.push("due", local(entry.due(), zone)),
        Progress::Claimed { lease_until } => table.push("claimed until", local(*lease_until, zone)),
        Progress::Done { provider_id, at, .. } => {
            table.push("sent", local(*at, zone));
            table.push("provider's id", provider_id);
        }
        Progress::Skipped { reason, at } => {
            table.push("reason", reason);
            table.push("skipped", local(*at, zone));
        }
        Progress::Failed { cause, at } => {
            table.push("failed", format!("{} in the {} stage", local(*at, zone), entry.at()));
            table.push("cause", cause);
        }
        Progress::Indeterminate { cause, at } | Progress::Unconfirmed { cause, at } => {
            table.push("since", local(*at, zone));
            table.push("cause", cause);
        }
    }
    push_feedback(&mut table, entry, zone, now);
    match entry.queueing() {
        _ if !entry.is_open() => {}
        Queueing::Pending => {}
        Queueing::Requeued { at } => table.push("queued again", format!("{}: its message was lost", local(at, zone))),
        Queueing::Deferred => table.push("put off", format!("until {}", local(entry.due(), zone))),
    }
    if let Some(since) = entry.in_doubt_since().filter(|_| entry.lease_until().is_none()) {
        table.push(
            "in doubt",
            format!("since {}: the provider may have the mail, it is asked first", local(since, zone)),
        );
    }
    if let Some(score) = entry.score() {
        let line = format!("{} ({}), as of {}", score.value.expose(), score.band.expose(), local(score.as_of, zone));
        table.push("score", line);
    }
    if let Some(trouble) = entry.failure_streak() {
        table.push("last trouble", format!("{} at {}", trouble.cause.clause(), local(trouble.at, zone)));
    }
    if entry.claims() > 0 {
        table.push("claims", entry.claims());
    }
    table
}

/// What the provider told of the mail.
fn push_feedback(table: &mut Table, entry: &Entry, zone: &Zone, now: Timestamp) {
    let facts = entry.feedback();
    let mut at = |name, moment: Option<Timestamp>| {
        if let Some(moment) = moment {
            table.push(name, local(moment, zone));
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
        table.push("bounced", format!("{}: {why}{status}", local(*at, zone)));
    }
    if let Some(moment) = facts.complained_at {
        table.push("called spam", local(moment, zone));
    }
    if let Some(Rejection { at, cause }) = &facts.rejected {
        table.push("not sent", format!("{}: {cause}", local(*at, zone)));
    }
    if entry.is_closed_by_feedback() {
        table.push("known by", "the provider's word, and not by its answer");
    }
    if entry.is_silent(now) {
        table.push("silent", "for more than a day nobody has told what became of the mail");
    }
    if entry.is_erased() {
        table.push("personal data", "erased");
    }
}

fn local(moment: Timestamp, zone: &Zone) -> String {
    let zoned = moment.to_zoned(zone.rules().clone());
    zoned.strftime("%Y-%m-%d %H:%M:%S %Z").to_string()
}
