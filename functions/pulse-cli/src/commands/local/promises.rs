//! Whether every promise held, by the ledger's word and by the providers'.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
};

use anyhow::Result;
use futures::{StreamExt as _, TryStreamExt as _, stream};
use jiff::Timestamp;
use pulse_aws::{
    clock::SystemClock,
    stack::{Stack, depths},
};
use pulse_core::{
    customer::{Customer, CustomerId},
    entry::{Entry, Progress, TallyKey},
    feedback::MailOutcome,
    ports::{Clock as _, Ledger as _, Schedules as _, StageLanes},
};
use pulse_local::standins::{MailEventCounts, RequestMeter, StandInLatency};
use serde::Serialize;

use super::{
    customers::Demo,
    hearing::{self, Hearing, Silence},
    progress::{Busy, Followed},
    providers::Providers,
    receiving::{self, ReceiverFindings},
};

const AT_ONCE: usize = 16;

/// All that there is to say of a run.
#[derive(Debug, Serialize)]
pub(super) struct Findings {
    pub(super) customers: usize,
    /// Entries of this run by where they stand.
    pub(super) entries: BTreeMap<String, usize>,
    /// Customers by how many of their mails the provider accepted.
    pub(super) mails: BTreeMap<usize, usize>,
    /// Mails by what the ledger has heard of them.
    pub(super) outcomes: BTreeMap<&'static str, usize>,
    /// Customers who opted out since they were enrolled.
    pub(super) opted_out: usize,
    /// What the stand-in told of its mails.
    pub(super) events: MailEventCounts,
    /// Whether events were waited for.
    #[serde(skip)]
    pub(super) waited: bool,
    /// What another system was told, if there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) receiver: Option<ReceiverFindings>,
    /// Where the mails can be looked at.
    pub(super) inbox: String,
    pub(super) providers: Vec<ProviderFindings>,
    pub(super) promises: Vec<LocalPromise>,
    /// Seconds from the last enrolment to the last mail.
    pub(super) seconds: f64,
    /// Someone to look at.
    pub(super) example: Option<String>,
}

#[derive(Debug, Serialize)]
pub(super) struct ProviderFindings {
    pub(super) name: &'static str,
    pub(super) calls: u64,
    pub(super) peak: usize,
    pub(super) lanes: u32,
    /// Mean seconds of a call.
    pub(super) latency: f64,
    /// Calls a second that the lanes can carry.
    pub(super) capacity: f64,
    /// Calls a second over all the time that the provider was busy.
    pub(super) throughput: f64,
}

#[derive(Debug, Serialize)]
pub(super) struct LocalPromise {
    pub(super) words: &'static str,
    pub(super) held: bool,
    pub(super) seen: String,
}

impl Findings {
    /// Asks the ledger, the scheduler, the queues and the providers.
    pub(super) async fn gather(
        stack: &Stack,
        demo: &Demo,
        providers: &Providers,
        followed: Followed,
        heard: Hearing,
        receiver: Option<ReceiverFindings>,
    ) -> Result<Self> {
        let people = people(stack, demo).await?;
        let sent = providers.mail.accepted();
        let mut silence = Silence::of(&sent);
        silence.add_opt_outs(opt_outs(demo, &people));
        let accepted = providers.mail.accepted_by_customer();
        let of_months = providers.mail.accepted_of_months();
        let mails_of = |id: &str| of_months.get(id).copied().unwrap_or(0);
        let mut mails = BTreeMap::new();
        let mut entries = BTreeMap::new();
        for person in &people {
            *mails.entry(mails_of(&person.id)).or_default() += 1;
            *entries.entry(person.place.clone()).or_default() += 1;
        }
        let score = provider(
            "scoring",
            providers.score.meter(),
            &followed.score_lanes,
            providers.score_latency,
            followed.score,
        );
        let email =
            provider("email", providers.mail.meter(), &followed.email_lanes, providers.mail_latency, followed.email);
        let mut promises = vec![
            accounted_for(&people),
            one_mail(demo, &mails_of, &silence),
            none_for_the_rest(demo, &accepted),
            no_doubt(&people),
            hearing::all_heard(&heard),
            hearing::silent_after(&sent, &silence),
            within_lanes("The scoring provider never saw more calls than its lanes", &score),
            within_lanes("The email provider never saw more calls than its lanes", &email),
            next_month(demo, &people),
            no_dead_letters(stack).await?,
        ];
        promises.extend(receiver.as_ref().map(receiving::all_told));
        Ok(Self {
            customers: people.len(),
            entries,
            mails,
            outcomes: outcomes(&people),
            opted_out: opted_out(demo, &people).count(),
            events: heard.events,
            waited: heard.waited,
            receiver,
            inbox: providers.mail.inbox_url(),
            providers: vec![score, email],
            promises,
            seconds: followed.took.as_secs_f64(),
            example: demo.to_be_mailed().next().map(|customer| customer.id.to_string()),
        })
    }

    pub(super) fn all_held(&self) -> bool {
        self.promises.iter().all(|promise| promise.held)
    }
}

/// What the ledger and the scheduler say of a customer.
struct Person {
    id: String,
    place: String,
    closed: bool,
    open_entries: usize,
    has_schedule: bool,
    /// Whether it is unknown if they were mailed.
    in_doubt: bool,
    /// What became of their mail, if they were mailed.
    outcome: Option<&'static str>,
    profile: Option<Customer>,
}

async fn people(stack: &Stack, demo: &Demo) -> Result<Vec<Person>> {
    let (ledger, schedules) = (stack.ledger()?, stack.schedules()?);
    let now = SystemClock.now();
    stream::iter(&demo.customers)
        .map(async |customer| {
            let entries = ledger.entries(&customer.id).await?;
            let schedule = schedules.get(&customer.id).await?;
            let profile = ledger.customer(&customer.id).await?;
            // This month's is the newest that isn't still to come.
            let entry = entries.iter().find(|entry| entry.tally_key(now) != TallyKey::NotDue);
            anyhow::Ok(Person {
                id: customer.id.to_string(),
                place: entry.map_or("no entry".into(), place),
                closed: entry.is_some_and(|entry| !entry.is_open()),
                open_entries: entries.iter().filter(|entry| entry.is_open()).count(),
                has_schedule: schedule.is_some_and(|schedule| schedule.slot == customer.slot),
                in_doubt: entry.is_some_and(is_in_doubt),
                outcome: entry.and_then(outcome),
                profile,
            })
        })
        .buffered(AT_ONCE)
        .try_collect()
        .await
}

fn place(entry: &Entry) -> String {
    match entry.progress() {
        Progress::Skipped { reason, .. } => format!("skipped: {reason}"),
        Progress::Failed { .. } => format!("failed: {}", entry.at()),
        _ => entry.state().into(),
    }
}

fn is_in_doubt(entry: &Entry) -> bool {
    let is_unknown = matches!(entry.progress(), Progress::Indeterminate { .. } | Progress::Unconfirmed { .. });
    is_unknown || (entry.is_open() && entry.in_doubt_since().is_some())
}

/// The last word on an entry's mail, if there is one.
fn outcome(entry: &Entry) -> Option<&'static str> {
    let was_mailed = matches!(entry.progress(), Progress::Done { .. });
    entry.feedback().outcome().map(word).or_else(|| was_mailed.then_some("nothing heard yet"))
}

fn outcomes(people: &[Person]) -> BTreeMap<&'static str, usize> {
    let mut outcomes = BTreeMap::new();
    for outcome in people.iter().filter_map(|person| person.outcome) {
        *outcomes.entry(outcome).or_default() += 1;
    }
    outcomes
}

fn word(outcome: MailOutcome) -> &'static str {
    match outcome {
        MailOutcome::Complained => "called spam",
        MailOutcome::HardBounced => "bounced: no such mailbox",
        MailOutcome::Delivered => "delivered",
        MailOutcome::SoftBounced => "bounced: mailbox full",
        MailOutcome::ReputationBounced => "bounced: sender distrusted",
        MailOutcome::Rejected => "rejected by the provider",
        MailOutcome::Delayed => "delayed",
        MailOutcome::Accepted => "sent by the provider",
    }
}

/// Who opted out since they were enrolled: by an event, or by hand.
fn opted_out<'p>(demo: &Demo, people: &'p [Person]) -> impl Iterator<Item = &'p Customer> {
    let before: BTreeSet<_> = demo.customers.iter().filter(|c| c.consent.opted_out()).map(|c| c.id.clone()).collect();
    let profiles = people.iter().filter_map(|person| person.profile.as_ref());
    profiles.filter(move |profile| profile.consent.opted_out() && !before.contains(&profile.id))
}

/// Since when they want no mail, as far as the ledger says.
fn opt_outs<'p>(demo: &Demo, people: &'p [Person]) -> impl Iterator<Item = (&'p CustomerId, Timestamp)> {
    opted_out(demo, people).filter_map(|profile| Some((&profile.id, profile.consent.record()?.as_of?)))
}

fn provider(
    name: &'static str,
    meter: &RequestMeter,
    lanes: &StageLanes,
    latency: StandInLatency,
    busy: Busy,
) -> ProviderFindings {
    let mean = latency.mean().as_secs_f64();
    ProviderFindings {
        name,
        calls: meter.calls(),
        peak: meter.peak(),
        lanes: lanes.count(),
        latency: mean,
        capacity: f64::from(lanes.count()) / mean,
        throughput: meter.calls() as f64 / busy.0.as_secs_f64().max(f64::EPSILON),
    }
}

fn accounted_for(people: &[Person]) -> LocalPromise {
    let closed = people.iter().filter(|person| person.closed).count();
    LocalPromise {
        words: "Everyone is accounted for",
        held: closed == people.len(),
        seen: format!("{closed} of {} entries are closed", people.len()),
    }
}

/// Whose address came back, and who opted out, before their own mail had its turn, should have none.
fn one_mail(demo: &Demo, mails_of: &impl Fn(&str) -> usize, silence: &Silence) -> LocalPromise {
    let (mut wanted, mut right, mut silent) = (0, 0, 0);
    for customer in demo.to_be_mailed() {
        match mails_of(customer.id.as_str()) {
            0 if silence.is_due_to(customer) => silent += 1,
            mails => {
                wanted += 1;
                right += usize::from(mails == 1);
            }
        }
    }
    let mut seen = format!("{right} of {wanted}");
    if silent > 0 {
        let _ = write!(seen, "; {silent} more are left alone, as their address came back or they opted out meanwhile");
    }
    LocalPromise { words: "One mail of the month for each who should have one", held: right == wanted, seen }
}

fn no_doubt(people: &[Person]) -> LocalPromise {
    let in_doubt = people.iter().filter(|person| person.in_doubt).count();
    LocalPromise {
        words: "Of nobody it is in doubt whether they were mailed",
        held: in_doubt == 0,
        seen: format!("{in_doubt} in doubt"),
    }
}

fn none_for_the_rest(demo: &Demo, accepted: &BTreeMap<String, usize>) -> LocalPromise {
    let wanted: Vec<_> = demo.to_be_mailed().map(|customer| customer.id.as_str()).collect();
    let wanted: BTreeSet<_> = wanted.into_iter().collect();
    let enrolled: BTreeSet<_> = demo.customers.iter().map(|customer| customer.id.as_str()).collect();
    let count = |is_meant: &dyn Fn(&str) -> bool| -> usize {
        accepted.iter().filter(|(id, _)| is_meant(id)).map(|(_, mails)| mails).sum()
    };
    let wrong = count(&|id| enrolled.contains(id) && !wanted.contains(id));
    let mut seen = format!("{wrong} mails for the {} others", demo.customers.len() - wanted.len());
    // Somebody may enrol others from another terminal meanwhile.
    let elsewhere = count(&|id| !enrolled.contains(id));
    if elsewhere > 0 {
        let _ = write!(seen, "; {elsewhere} for customers enrolled from elsewhere");
    }
    LocalPromise { words: "None for the rest", held: wrong == 0, seen }
}

fn within_lanes(words: &'static str, provider: &ProviderFindings) -> LocalPromise {
    LocalPromise {
        words,
        held: provider.peak <= provider.lanes as usize,
        seen: format!("at most {} at once, {} lanes", provider.peak, provider.lanes),
    }
}

fn next_month(demo: &Demo, people: &[Person]) -> LocalPromise {
    let active: BTreeSet<_> = demo.active().map(|customer| customer.id.as_str()).collect();
    let right = |person: &&Person| {
        if active.contains(person.id.as_str()) {
            person.has_schedule && person.open_entries == 1
        } else {
            !person.has_schedule && person.open_entries == 0
        }
    };
    let right = people.iter().filter(right).count();
    LocalPromise {
        words: "Every active customer has a live schedule and next month's entry, nobody else has",
        held: right == people.len(),
        seen: format!("{right} of {}", people.len()),
    }
}

async fn no_dead_letters(stack: &Stack) -> Result<LocalPromise> {
    let depths = depths(stack).await?;
    let dead: u64 = depths.iter().filter(|depth| depth.dead_letters).map(|depth| depth.waiting + depth.in_flight).sum();
    Ok(LocalPromise { words: "Nothing is in a dead-letter queue", held: dead == 0, seen: format!("{dead} messages") })
}
