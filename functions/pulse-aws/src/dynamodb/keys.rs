//! Keys of the table and of its two indexes, as text.

use std::fmt;

use jiff::Timestamp;
use pulse_core::{
    audit::AuditName,
    campaign::{Campaign, PartId},
    customer::{Customer, CustomerId, EmailAddress, Standing},
    delivery::{Delivery, DeliveryId, EndpointName, Owner},
    entry::{Addressee, Awaited, Entry, EntryId, Plan, Position, SkipReason, StageName, TallyKey},
    feedback::hour_of,
    keys::KeyRing,
    orders::{Order, OrderId, OrderKind},
    ports::Activity,
    run::RunId,
    snapshot::SNAPSHOT_EVERY,
    stable_hash::stable_hash,
    suppression::{Suppression, SuppressionReason},
};
use serde::de::DeserializeOwned;
use serde_json::Value;

/// Index partitions per stage, for closed entries, and for the roster: a partition takes 1,000
/// writes a second (`DynamoDB` Developer Guide, "Designing partition keys to distribute your
/// workload"). Changing it loses the rows of the shards that are no longer asked.
pub(super) const SHARDS: u64 = 8;

/// A row's primary key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Key {
    pub(super) pk: String,
    pub(super) sk: String,
}

/// What begins the partition of all that is a customer's.
const CUSTOMER: &str = "CUST#";

/// What begins the sort key of every entry of a month and of every note.
pub(super) const RUN: &str = "RUN#";
/// What begins that of entries in campaigns, which releases before campaigns don't read.
pub(super) const CAMPAIGN: &str = "CAMPAIGN#";
pub(super) const ACTIVITY: &str = "ACT#";

impl Key {
    pub(super) fn profile(id: &CustomerId) -> Self {
        Self { pk: partition(id), sk: "PROFILE".to_owned() }
    }

    pub(super) fn entry(id: &EntryId) -> Self {
        let run = sort_key(id.run);
        let sk = match id.item {
            None => run,
            Some(item) => format!("{run}#{item}"),
        };
        Self { pk: partition(&id.customer), sk }
    }

    /// The same note made twice is one row; two notes of the same instant are two.
    pub(super) fn activity(activity: &Activity) -> Self {
        let hash = stable_hash("activity", &activity.what);
        Self { pk: partition(&activity.customer), sk: format!("{ACTIVITY}{}#{hash:016x}", sortable(activity.at)) }
    }

    pub(super) fn held_up(stage: StageName) -> Self {
        Self { pk: stage_partition(stage), sk: "HELD-UP".to_owned() }
    }

    pub(super) fn control(stage: StageName) -> Self {
        Self { pk: stage_partition(stage), sk: "CONTROL".to_owned() }
    }

    /// The row of the minute that `at` is in.
    pub(super) fn minute(stage: StageName, at: Timestamp) -> Self {
        Self { pk: stage_partition(stage), sk: minute(at) }
    }

    pub(super) fn endpoint_control(name: &EndpointName) -> Self {
        Self { pk: endpoint_partition(name), sk: "CONTROL".to_owned() }
    }

    pub(super) fn endpoint_minute(name: &EndpointName, at: Timestamp) -> Self {
        Self { pk: endpoint_partition(name), sk: minute(at) }
    }

    pub(super) fn audit(name: AuditName) -> Self {
        Self { pk: format!("AUDIT#{name}"), sk: "CHECKPOINT".to_owned() }
    }

    pub(super) fn endpoint(name: &EndpointName) -> Self {
        Self { pk: ENDPOINTS.to_owned(), sk: name.to_string() }
    }

    pub(super) fn delivery(id: &DeliveryId) -> Self {
        let sk = format!("{}{}", deliveries_to(&id.endpoint), id.fact);
        Self { pk: owner_partition(&id.fact.subject.owner()), sk }
    }

    pub(super) fn campaign(run: RunId) -> Self {
        Self { pk: campaign_partition(run), sk: "META".to_owned() }
    }

    pub(super) fn campaign_record(run: RunId, number: u64) -> Self {
        Self { pk: campaign_partition(run), sk: format!("{EVENT}{number:08}") }
    }

    pub(super) fn audience_part(run: RunId, part: PartId) -> Self {
        Self { pk: campaign_partition(run), sk: format!("AUDIENCE#{part}") }
    }

    pub(super) fn campaign_letter(run: RunId, digest: &str) -> Self {
        Self { pk: campaign_partition(run), sk: format!("LETTER#{digest}") }
    }

    /// How many parts of its audience are planned.
    pub(super) fn planned(run: RunId) -> Self {
        Self { pk: campaign_partition(run), sk: "PLANNED".to_owned() }
    }

    /// How fast it goes.
    pub(super) fn pace(run: RunId) -> Self {
        Self { pk: campaign_partition(run), sk: "PACE".to_owned() }
    }

    pub(super) fn order(id: &OrderId) -> Self {
        Self { pk: orders_of(id.kind()), sk: id.rank().to_owned() }
    }

    /// What is kept of an address is written under a digest of it with the newest key, or with none where there are none.
    pub(super) fn suppression(address: &EmailAddress, keys: Option<&KeyRing>) -> Self {
        let digest = keys.and_then(|keys| address.keyed_digest(keys, keys.newest()));
        Self::of_digest(&digest.unwrap_or_else(|| address.digest()))
    }

    /// Under which it may be found, the one that is written first.
    pub(super) fn suppressions(address: &EmailAddress, keys: Option<&KeyRing>) -> Vec<Self> {
        let keyed = keys.into_iter().flat_map(|keys| keys.ids().filter_map(|id| address.keyed_digest(keys, id)));
        keyed.chain([address.digest()]).map(|digest| Self::of_digest(&digest)).collect()
    }

    fn of_digest(digest: &str) -> Self {
        Self { pk: format!("{SUPPRESSED}{digest}"), sk: SUPPRESSION.to_owned() }
    }

    /// The row of a token that counts once.
    pub(super) fn token(token: &str) -> Self {
        Self { pk: format!("TOKEN#{token}"), sk: "TOKEN".to_owned() }
    }

    /// The row of the last snapshot.
    pub(super) fn snapshot() -> Self {
        Self { pk: SNAPSHOT.to_owned(), sk: "LAST".to_owned() }
    }

    /// The row of whoever wants another.
    pub(super) fn snapshot_wanted() -> Self {
        Self { pk: SNAPSHOT.to_owned(), sk: "WANTED".to_owned() }
    }

    /// The row of the point that is drawn of the five minutes that `at` is in.
    pub(super) fn point(at: Timestamp) -> Self {
        let second = at.as_second();
        let begins = Timestamp::from_second(second - second.rem_euclid(60 * SNAPSHOT_EVERY)).unwrap_or(at);
        Self { pk: "POINT".to_owned(), sk: format!("{AT}{}", sortable(begins)) }
    }

    /// The row of the hour that `at` is in.
    pub(super) fn feedback(run: RunId, at: Timestamp) -> Self {
        Self { pk: format!("FEEDBACK#{}", run.month()), sk: format!("{HOUR}{}", sortable(hour_of(at))) }
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} / {}", self.pk, self.sk)
    }
}

/// The sort key of the minute that `at` is in.
fn minute(at: Timestamp) -> String {
    let second = at.as_second();
    let minute = Timestamp::from_second(second - second.rem_euclid(60)).unwrap_or(at);
    format!("{MINUTE}{}", sortable(minute))
}

/// The partition of what is kept of an endpoint beside its own row.
fn endpoint_partition(name: &EndpointName) -> String {
    format!("ENDPOINT#{name}")
}

/// The partition of all endpoints.
pub(super) const ENDPOINTS: &str = "ENDPOINTS";

/// What begins the sort key of every event of a campaign.
pub(super) const EVENT: &str = "EVT#";

/// The partition of a campaign.
pub(super) fn campaign_partition(run: RunId) -> String {
    format!("{RUN}{run}")
}

/// The partition of the index `tally` that holds all campaigns, by when they were asked for, and those of the index `open` that
/// hold the ones that aren't over, and the ones that are, by when they were.
pub(super) const CAMPAIGNS: &str = "CAMPAIGNS";
pub(super) const CAMPAIGNS_OVER: &str = "CAMPAIGNS-OVER";

/// The index attributes of a campaign.
pub(super) fn of_campaign(campaign: &Campaign) -> [(&'static str, String); 4] {
    let requested_at = sortable(campaign.requested.at);
    let (shard, since) = match &campaign.finished {
        None => (CAMPAIGNS, requested_at.clone()),
        Some((_, at)) => (CAMPAIGNS_OVER, sortable(*at)),
    };
    [
        ("tally_shard", CAMPAIGNS.to_owned()),
        ("tally_key", format!("{requested_at}#{}", campaign.run)),
        ("open_shard", shard.to_owned()),
        ("open_due", since),
    ]
}

/// The campaign that a partition is of, or `None` for another one.
pub(super) fn campaign_of(pk: &str) -> Option<RunId> {
    RunId::parse(pk.strip_prefix(RUN)?).ok()
}

/// Index partitions of a campaign's entries, each in both indexes. Its lanes take a few entries a second; what is planned or closed
/// with it takes more for a moment, and on-demand tables adapt.
pub(super) const CAMPAIGN_SHARDS: u64 = 4;

/// A partition of a campaign's entries, in either index.
pub(super) fn campaign_shard(run: RunId, shard: u64) -> String {
    format!("{CAMPAIGN}{run}#{shard}")
}

/// What the keys of a campaign's open entries begin with in the index `open`, before since when they wait.
pub(super) fn waiting_prefix(stage: StageName, awaited: Awaited) -> String {
    let awaited = match awaited {
        Awaited::First => "FIRST",
        Awaited::Again => "AGAIN",
        Awaited::Deferred => "DEFERRED",
        Awaited::Held => "HELD",
    };
    format!("{}#{awaited}#", stage.spec().prefix)
}

/// A key that comes after all that begin so, as letters, digits and moments do on.
pub(super) fn after_all_of(prefix: &str) -> String {
    format!("{prefix}~")
}

/// What begins the sort key of every delivery.
const DELIVERY: &str = "OUT#";

/// What begins the sort keys of the deliveries to an endpoint.
pub(super) fn deliveries_to(endpoint: &EndpointName) -> String {
    format!("{DELIVERY}{endpoint}#")
}

/// The partition of whose facts are told.
pub(super) fn owner_partition(owner: &Owner) -> String {
    match owner {
        Owner::Customer(id) => partition(id),
        Owner::Run(run) => format!("{RUN}{run}"),
    }
}

/// The delivery that a sort key is of, or `None` for another row.
pub(super) fn delivery_of(sk: &str) -> Option<DeliveryId> {
    let (endpoint, fact) = sk.strip_prefix(DELIVERY)?.split_once('#')?;
    Some(DeliveryId { endpoint: EndpointName::parse(endpoint).ok()?, fact: fact.parse().ok()? })
}

/// The partition of the index `open` that holds what waits for an endpoint.
pub(super) fn delivery_shard(endpoint: &EndpointName, awaited: Awaited, shard: u64) -> String {
    let to = deliveries_to(endpoint);
    match awaited {
        Awaited::First => format!("{to}{shard}"),
        Awaited::Again => format!("{to}AGAIN#{shard}"),
        Awaited::Deferred => format!("{to}DEFERRED#{shard}"),
        // None is.
        Awaited::Held => format!("{to}HELD#{shard}"),
    }
}

/// The index attributes of a delivery that is open.
pub(super) fn of_delivery(delivery: &Delivery) -> Option<[(&'static str, String); 2]> {
    let (awaited, since) = delivery.awaited()?;
    let owner = delivery.fact().id.subject.owner().to_string();
    let shard = delivery_shard(delivery.endpoint(), awaited, stable_hash("shard", &owner) % SHARDS);
    Some([("open_shard", shard), ("open_due", sortable(since))])
}

/// What begins the partition of what is kept of an address, and its sort key.
pub(super) const SUPPRESSED: &str = "SUPP#";
pub(super) const SUPPRESSION: &str = "SUPP";

/// The partition of the snapshot.
const SNAPSHOT: &str = "SNAPSHOT";

/// What begins the sort key of every point.
pub(super) const AT: &str = "AT#";

/// What begins the sort key of every hour of feedback.
pub(super) const HOUR: &str = "HOUR#";

/// What begins the sort key of every minute of a stage.
pub(super) const MINUTE: &str = "MINUTE#";

/// What begins the partition of a kind of orders.
const ORDERS: &str = "ORDER#";

/// The partition of the index `open` that holds open orders.
pub(super) const OPEN_ORDERS: &str = "ORDERS";

/// The partition of a kind of orders: a policy may say by it who gives which.
pub(super) fn orders_of(kind: OrderKind) -> String {
    format!("{ORDERS}{kind}")
}

/// The order that a primary key is of, or `None` for another row.
pub(super) fn order_of(pk: &str, sk: &str) -> Option<OrderId> {
    OrderId::parse(&format!("{}-{sk}", pk.strip_prefix(ORDERS)?)).ok()
}

/// The index attributes of an order that is open.
pub(super) fn of_open_order(order: &Order) -> [(&'static str, String); 2] {
    [("open_shard", OPEN_ORDERS.to_owned()), ("open_due", sortable(order.given_at))]
}

fn stage_partition(stage: StageName) -> String {
    format!("STAGE#{stage}")
}

/// The partition that holds all of a customer's rows.
pub(super) fn partition(id: &CustomerId) -> String {
    format!("{CUSTOMER}{id}")
}

/// The sort key of a run's entries that are about no item. Those that are have the item behind it, after a sign that no run has:
/// of no run it begins another's.
pub(super) fn sort_key(run: RunId) -> String {
    if run.is_campaign() { format!("{CAMPAIGN}{run}") } else { format!("{RUN}{run}") }
}

/// What the tally keys of a run's closed entries begin with, and no other run's.
pub(super) fn run_prefix(run: RunId) -> String {
    format!("{run}#")
}

/// A moment as text of a fixed width, so that text sorts as time does.
pub(super) fn sortable(moment: Timestamp) -> String {
    format!("{moment:.9}")
}

/// What entries of months can wait for, each in partitions of its own.
pub(super) fn all_awaited() -> impl Iterator<Item = (StageName, Awaited)> {
    Plan::MONTHLY.steps().flat_map(|stage| Awaited::SWEPT.map(|awaited| (stage, awaited)))
}

/// The partition of the index `open` that holds what waits for `stage`.
pub(super) fn open_shard(stage: StageName, awaited: Awaited, shard: u64) -> String {
    let stage = stage.spec().prefix;
    match awaited {
        Awaited::First => format!("{stage}#{shard}"),
        Awaited::Again => format!("{stage}-AGAIN#{shard}"),
        Awaited::Deferred => format!("{stage}-DEFERRED#{shard}"),
        // Of campaigns alone, which have partitions of their own.
        Awaited::Held => format!("{stage}-HELD#{shard}"),
    }
}

/// The partition of the index `tally` that holds closed entries.
pub(super) fn closed_shard(shard: u64) -> String {
    format!("CLOSED#{shard}")
}

/// The partitions of the index `tally` that hold a run's closed entries.
pub(super) fn closed_shards(run: RunId) -> Vec<String> {
    if run.is_campaign() {
        (0..CAMPAIGN_SHARDS).map(|shard| campaign_shard(run, shard)).collect()
    } else {
        (0..SHARDS).map(closed_shard).collect()
    }
}

/// The partition of the index `tally` that holds profiles.
pub(super) fn roster_shard(shard: u64) -> String {
    format!("ROSTER#{shard}")
}

/// The index attributes of an entry, as names and values.
pub(super) fn of_entry(entry: &Entry) -> [(&'static str, String); 2] {
    let EntryId { customer, run, .. } = entry.id();
    if run.is_campaign() {
        return of_entry_in_campaign(entry);
    }
    let shard = shard_of(customer);
    match entry.position() {
        Position::Open { stage, awaited, since } => {
            [("open_shard", open_shard(stage, awaited, shard)), ("open_due", sortable(since))]
        }
        Position::Closed(key) => {
            let prefix = outcome_prefix(*run, key).unwrap_or_default();
            [("tally_shard", closed_shard(shard)), ("tally_key", format!("{prefix}{customer}"))]
        }
    }
}

fn of_entry_in_campaign(entry: &Entry) -> [(&'static str, String); 2] {
    let EntryId { customer, run, .. } = entry.id();
    let shard = campaign_shard(*run, stable_hash("shard", customer.as_str()) % CAMPAIGN_SHARDS);
    match entry.position() {
        Position::Open { stage, awaited, since } => {
            [("open_shard", shard), ("open_due", waiting_prefix(stage, awaited) + &sortable(since))]
        }
        Position::Closed(key) => {
            let prefix = outcome_prefix(*run, key).unwrap_or_default();
            // With the item, whose sign in front isn't the one that ends the prefix: releases before items count it as well.
            [("tally_shard", shard), ("tally_key", format!("{prefix}{}", entry.id().addressee()))]
        }
    }
}

/// The index attributes of a profile.
pub(super) fn of_customer(customer: &Customer) -> [(&'static str, String); 2] {
    let standing = match customer.standing {
        Standing::Active => "ACTIVE",
        Standing::Closed => "CLOSED",
    };
    [("tally_shard", roster_shard(shard_of(&customer.id))), ("tally_key", format!("{standing}#{}", customer.id))]
}

/// As what a suppressed address is listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum SuppressedAs {
    /// Suppressed, and for this before all.
    For(SuppressionReason),
    /// Released.
    Released,
}

impl SuppressedAs {
    /// What the keys of its kind begin with in the index `tally`, before their moment.
    pub(super) fn prefix(self) -> String {
        match self {
            Self::For(reason) => format!("{}#", reason.as_str().to_uppercase()),
            Self::Released => "RELEASED#".to_owned(),
        }
    }

    /// The least key of its kind that holds at `now`: what ends by itself is passed over from then on.
    pub(super) fn begins(self, now: Timestamp) -> String {
        let lasts = match self {
            Self::For(reason) => reason.lasts(),
            Self::Released => None,
        };
        let from = lasts.map(|lasts| sortable(now.saturating_sub(lasts).unwrap_or(Timestamp::MIN)) + "~");
        self.prefix() + &from.unwrap_or_default()
    }
}

/// The partition of the index `tally` that holds suppressed addresses.
pub(super) fn suppressed_shard(shard: u64) -> String {
    format!("SUPPRESSED#{shard}")
}

/// The index attributes of what is kept of an address. What holds for nothing and was never released has none.
pub(super) fn of_suppression(key: &Key, suppression: &Suppression) -> Option<[(&'static str, String); 2]> {
    let (kind, at) = match (suppression.worst(), suppression.release()) {
        (Some((reason, at)), _) => (SuppressedAs::For(reason), at),
        (None, Some(release)) => (SuppressedAs::Released, release.at),
        (None, None) => return None,
    };
    let digest = key.pk.strip_prefix(SUPPRESSED)?;
    let shard = stable_hash("shard", digest) % SHARDS;
    let tally_key = format!("{}{}#{digest}", kind.prefix(), sortable(at));
    Some([("tally_shard", suppressed_shard(shard)), ("tally_key", tally_key)])
}

/// What the tally keys of a run's closed entries begin with that stand where `key` says, or `None` for
/// open ones.
pub(super) fn outcome_prefix(run: RunId, key: TallyKey) -> Option<String> {
    let outcome = match key {
        TallyKey::Sent => "SENT".to_owned(),
        TallyKey::Skipped(reason) => format!("SKIPPED.{reason}"),
        TallyKey::Failed(stage) => format!("FAILED.{stage}"),
        TallyKey::Dropped => "DROPPED".to_owned(),
        TallyKey::Indeterminate => "UNKNOWN".to_owned(),
        TallyKey::Unconfirmed => "UNCONFIRMED".to_owned(),
        TallyKey::Abandoned => "ABANDONED".to_owned(),
        TallyKey::Cancelled => "CANCELLED".to_owned(),
        TallyKey::NotDue | TallyKey::Due(_) => return None,
    };
    // A campaign's partitions hold nothing else.
    Some(if run.is_campaign() { format!("{outcome}#") } else { format!("{run}#{outcome}#") })
}

/// The least and the greatest key that a run's closed entry has in the index `tally` that stands where `key` says, for someone who
/// comes after `after`; or `None` for open ones. What comes next after a customer are their items.
pub(super) fn closed_between(run: RunId, key: TallyKey, after: Option<&Addressee>) -> Option<(String, String)> {
    let prefix = outcome_prefix(run, key)?;
    let least = after.map_or_else(String::new, |after| match after.item {
        None => format!("{after},"),
        Some(_) => format!("{after}-"),
    });
    Some((format!("{prefix}{least}"), format!("{prefix}~")))
}

/// The least and the greatest key that an active customer has in the index `tally` whose id begins with `prefix` and
/// comes after `after`. The next id after one is that one with the least letter, `-`; `~` is greater than all letters.
pub(super) fn active_between(prefix: &str, after: Option<&CustomerId>) -> (String, String) {
    let least = after.map_or_else(String::new, |after| format!("{after}-"));
    (format!("ACTIVE#{}", prefix.max(&least)), format!("ACTIVE#{prefix}~"))
}

/// The customer in a primary key, or `None` for a row that is nobody's.
pub(super) fn customer_of(pk: &str) -> Option<CustomerId> {
    CustomerId::parse(pk.strip_prefix(CUSTOMER)?).ok()
}

/// The entry that a primary key is of, or `None` for another row.
pub(super) fn entry_of(pk: &str, sk: &str) -> Option<EntryId> {
    let (run, item) = if let Some(month) = sk.strip_prefix(RUN) {
        (month, None)
    } else {
        let campaign = sk.strip_prefix(CAMPAIGN)?;
        campaign.split_once('#').map_or((campaign, None), |(run, item)| (run, Some(item)))
    };
    EntryId::parse(pk.strip_prefix(CUSTOMER)?, run, item)
}

/// Reads `2026-11#SKIPPED.closed`, what the keys of closed entries begin with.
pub(super) fn parse_outcome(text: &str) -> Option<(RunId, TallyKey)> {
    let (run, outcome) = text.split_once('#')?;
    Some((RunId::parse(run).ok()?, outcome_of(outcome)?))
}

/// Reads `SKIPPED.closed`, where closed entries stand.
pub(super) fn outcome_of(outcome: &str) -> Option<TallyKey> {
    let (name, detail) = outcome.split_once('.').unwrap_or((outcome, ""));
    Some(match name {
        "SENT" => TallyKey::Sent,
        "SKIPPED" => TallyKey::Skipped(parse_word::<SkipReason>(detail)?),
        "FAILED" => TallyKey::Failed(parse_word::<StageName>(detail)?),
        "DROPPED" => TallyKey::Dropped,
        "UNKNOWN" => TallyKey::Indeterminate,
        "UNCONFIRMED" => TallyKey::Unconfirmed,
        "ABANDONED" => TallyKey::Abandoned,
        "CANCELLED" => TallyKey::Cancelled,
        _ => return None,
    })
}

fn parse_word<T: DeserializeOwned>(word: &str) -> Option<T> {
    serde_json::from_value(Value::String(word.to_owned())).ok()
}

fn shard_of(customer: &CustomerId) -> u64 {
    stable_hash("shard", customer.as_str()) % SHARDS
}

#[cfg(test)]
mod tests;
