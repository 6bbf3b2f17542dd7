//! Bugs in how campaigns are run. Trackers of other systems tell of each.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use jiff::Timestamp;
use pulse_core::{
    campaign::{
        AudiencePart, Campaign, CampaignBook, CampaignChange, CampaignLetter, CampaignPace, CampaignRecord,
        CampaignStart, CampaignState, CampaignStepped, PartId, PlannedParts,
    },
    customer::{Customer, CustomerId, EmailAddress},
    delivery::Delivery,
    entry::{Addressee, Change, Entry, EntryId, StageName},
    failure::Cause,
    message::WorkMessage,
    ports::{
        Activity, Awaited, CampaignEntries, Campaigns, Ledger, LedgerError, Partner, PartnerAnswer, PartnerError,
        PartnerRequest, Queues, TallyKey,
    },
    run::RunId,
    stage::{EmailPolicy, Stage},
    suppression::Suppression,
};
use pulse_sim::world::{Production, SystemUnderTest, WorldPorts};

/// Counts what is closed, and takes a campaign for done when as many are as were sealed (Sidekiq #4361, #4607, #5143).
#[derive(Default)]
pub(crate) struct KeepsACounter {
    closed: Counter,
}

impl KeepsACounter {
    fn counting(&self, ports: &WorldPorts) -> WorldPorts {
        let (inner, closed) = (Arc::clone(&ports.ledger), Some(Arc::clone(&self.closed)));
        let ledger = MeddledLedger { inner, closed, queues: None, one_each: None };
        WorldPorts { ledger: Arc::new(ledger), ..ports.clone() }
    }
}

#[async_trait]
impl SystemUnderTest for KeepsACounter {
    fn score(&self, ports: &WorldPorts) -> Box<dyn Stage> {
        Production.score(&self.counting(ports))
    }

    fn email(&self, ports: &WorldPorts, policy: EmailPolicy) -> Box<dyn Stage> {
        Production.email(&self.counting(ports), policy)
    }

    async fn look_after_campaigns(&self, ports: &WorldPorts, until: Timestamp) -> Vec<CampaignStepped> {
        let (inner, campaigns) = (Arc::clone(&ports.in_campaigns), Arc::clone(&ports.campaigns));
        let entries = MeddledEntries { inner, counter: Some((Arc::clone(&self.closed), campaigns)), cursors: None };
        let ports = WorldPorts { in_campaigns: Arc::new(entries), ..self.counting(ports) };
        Production.look_after_campaigns(&ports, until).await
    }
}

/// Dispatches entries as they are planned, and has workers who don't ask whether that is all.
pub(crate) struct DispatchesUnsealed;

impl DispatchesUnsealed {
    fn looking_away(ports: &WorldPorts) -> WorldPorts {
        let campaigns = MeddledCampaigns { inner: Arc::clone(&ports.campaigns), bug: CampaignsBug::LooksAway };
        let book = CampaignBook::new(Arc::new(campaigns), Arc::clone(&ports.clock));
        WorldPorts { campaign_book: Arc::new(book), ..ports.clone() }
    }
}

#[async_trait]
impl SystemUnderTest for DispatchesUnsealed {
    fn score(&self, ports: &WorldPorts) -> Box<dyn Stage> {
        Production.score(&Self::looking_away(ports))
    }

    fn email(&self, ports: &WorldPorts, policy: EmailPolicy) -> Box<dyn Stage> {
        Production.email(&Self::looking_away(ports), policy)
    }

    async fn look_after_campaigns(&self, ports: &WorldPorts, until: Timestamp) -> Vec<CampaignStepped> {
        let (inner, queues) = (Arc::clone(&ports.ledger), Some(ports.queues.clone()));
        let ledger = MeddledLedger { inner, closed: None, queues, one_each: None };
        let ports = WorldPorts { ledger: Arc::new(ledger), ..ports.clone() };
        Production.look_after_campaigns(&ports, until).await
    }
}

/// Takes what has been open for an hour for lost.
pub(crate) struct ReapsByAge;

#[async_trait]
impl SystemUnderTest for ReapsByAge {
    async fn look_after_campaigns(&self, ports: &WorldPorts, until: Timestamp) -> Vec<CampaignStepped> {
        let now = ports.clock.now();
        for run in ports.campaigns.live_campaigns(now).await.unwrap_or_default() {
            for id in ports.in_campaigns.open_in_campaign(run, usize::MAX).await.unwrap_or_default() {
                let Ok(Some(entry)) = ports.ledger.entry(&id).await else { continue };
                let is_old = entry.scheduled_at() + Duration::from_hours(1) < now;
                let Ok(change) = entry.close_with_campaign(Some(Cause::new("It is old.")), now) else { continue };
                if is_old {
                    let _ = ports.ledger.apply(&change).await;
                }
            }
        }
        Production.look_after_campaigns(ports, until).await
    }
}

/// Knows how far a campaign was dispatched by a cursor, which moves on before what it passes is sent (listmonk #2860).
#[derive(Default)]
pub(crate) struct KeepsACursor {
    cursors: Cursors,
}

type Counter = Arc<Mutex<BTreeMap<RunId, u64>>>;

type Cursors = Arc<Mutex<BTreeMap<(RunId, StageName), EntryId>>>;

#[async_trait]
impl SystemUnderTest for KeepsACursor {
    async fn look_after_campaigns(&self, ports: &WorldPorts, until: Timestamp) -> Vec<CampaignStepped> {
        let inner = Arc::clone(&ports.in_campaigns);
        let entries = MeddledEntries { inner, counter: None, cursors: Some(Arc::clone(&self.cursors)) };
        let ports = WorldPorts { in_campaigns: Arc::new(entries), ..ports.clone() };
        Production.look_after_campaigns(&ports, until).await
    }
}

/// Keeps parts of audiences by a campaign's name and their numbers, so that a start that failed leaves its own to another.
#[derive(Default)]
pub(crate) struct NumbersParts {
    parts: Parts,
}

/// What is written of a campaign's audience under which number.
type Parts = Arc<Mutex<BTreeMap<(RunId, String), PartId>>>;

impl NumbersParts {
    fn by_number(&self, ports: &WorldPorts) -> WorldPorts {
        let campaigns = MeddledCampaigns {
            inner: Arc::clone(&ports.campaigns),
            bug: CampaignsBug::NumbersParts(Arc::clone(&self.parts)),
        };
        WorldPorts { campaigns: Arc::new(campaigns), ..ports.clone() }
    }
}

#[async_trait]
impl SystemUnderTest for NumbersParts {
    async fn start_campaign(&self, ports: &WorldPorts, start: &CampaignStart) -> Result<Option<Campaign>, LedgerError> {
        Production.start_campaign(&self.by_number(ports), start).await
    }

    async fn look_after_campaigns(&self, ports: &WorldPorts, until: Timestamp) -> Vec<CampaignStepped> {
        Production.look_after_campaigns(&self.by_number(ports), until).await
    }
}

/// Begins as many in a minute as it may in a day: it forgets what it has begun.
pub(crate) struct ForgetsItsDay;

#[async_trait]
impl SystemUnderTest for ForgetsItsDay {
    async fn look_after_campaigns(&self, ports: &WorldPorts, until: Timestamp) -> Vec<CampaignStepped> {
        let campaigns = MeddledCampaigns { inner: Arc::clone(&ports.campaigns), bug: CampaignsBug::ForgetsItsDay };
        Production.look_after_campaigns(&WorldPorts { campaigns: Arc::new(campaigns), ..ports.clone() }, until).await
    }
}

/// Has its partner called by a key that is another at each try.
#[derive(Default)]
pub(crate) struct MakesAKeyForEachTry {
    tries: Arc<AtomicU64>,
}

#[async_trait]
impl SystemUnderTest for MakesAKeyForEachTry {
    fn call(&self, ports: &WorldPorts) -> Box<dyn Stage> {
        let partner = ByAnotherKey { inner: Arc::clone(&ports.partner), tries: Arc::clone(&self.tries) };
        Production.call(&WorldPorts { partner: Arc::new(partner), ..ports.clone() })
    }
}

/// Has its partner called by a key that is the same for all items of a customer.
pub(crate) struct PassesItemsOver;

#[async_trait]
impl SystemUnderTest for PassesItemsOver {
    fn call(&self, ports: &WorldPorts) -> Box<dyn Stage> {
        let partner = WithoutItem(Arc::clone(&ports.partner));
        Production.call(&WorldPorts { partner: Arc::new(partner), ..ports.clone() })
    }
}

struct WithoutItem(Arc<dyn Partner>);

#[async_trait]
impl Partner for WithoutItem {
    async fn ask(&self, request: &PartnerRequest) -> Result<PartnerAnswer, PartnerError> {
        let entry = EntryId { item: None, ..request.entry.clone() };
        self.0.ask(&PartnerRequest { entry, ..request.clone() }).await
    }
}

/// Keeps entries of campaigns by customer and run alone, so that a second item's is there already.
pub(crate) struct TakesItemsForOne;

#[async_trait]
impl SystemUnderTest for TakesItemsForOne {
    async fn look_after_campaigns(&self, ports: &WorldPorts, until: Timestamp) -> Vec<CampaignStepped> {
        let one_each = Some(Arc::clone(&ports.in_campaigns));
        let ledger = MeddledLedger { inner: Arc::clone(&ports.ledger), closed: None, queues: None, one_each };
        Production.look_after_campaigns(&WorldPorts { ledger: Arc::new(ledger), ..ports.clone() }, until).await
    }
}

struct ByAnotherKey {
    inner: Arc<dyn Partner>,
    tries: Arc<AtomicU64>,
}

#[async_trait]
impl Partner for ByAnotherKey {
    async fn ask(&self, request: &PartnerRequest) -> Result<PartnerAnswer, PartnerError> {
        let number = self.tries.fetch_add(1, Ordering::Relaxed);
        let customer = CustomerId::parse(&format!("{}-{number}", request.entry.customer)).expect("an id");
        let entry = EntryId { customer, ..request.entry.clone() };
        self.inner.ask(&PartnerRequest { entry, ..request.clone() }).await
    }
}

/// Fails whatever its partner refuses, be it everything.
pub(crate) struct BelievesEveryRefusal;

#[async_trait]
impl SystemUnderTest for BelievesEveryRefusal {
    fn call(&self, ports: &WorldPorts) -> Box<dyn Stage> {
        let partner = Believed(Arc::clone(&ports.partner));
        Production.call(&WorldPorts { partner: Arc::new(partner), ..ports.clone() })
    }
}

struct Believed(Arc<dyn Partner>);

#[async_trait]
impl Partner for Believed {
    async fn ask(&self, request: &PartnerRequest) -> Result<PartnerAnswer, PartnerError> {
        self.0.ask(request).await.map_err(|error| match error {
            PartnerError::Retry { cause, .. } if cause.as_str().contains("refuses") => PartnerError::Fail { cause },
            error => error,
        })
    }
}

/// Calls its partner outside of its lanes: a second time, as the first seems to take long.
pub(crate) struct HedgesItsCalls;

#[async_trait]
impl SystemUnderTest for HedgesItsCalls {
    fn call(&self, ports: &WorldPorts) -> Box<dyn Stage> {
        let partner = Hedged(Arc::clone(&ports.partner));
        Production.call(&WorldPorts { partner: Arc::new(partner), ..ports.clone() })
    }
}

struct Hedged(Arc<dyn Partner>);

#[async_trait]
impl Partner for Hedged {
    async fn ask(&self, request: &PartnerRequest) -> Result<PartnerAnswer, PartnerError> {
        let (first, second) = futures::join!(self.0.ask(request), self.0.ask(request));
        first.or(second)
    }
}

struct MeddledEntries {
    inner: Arc<dyn CampaignEntries>,
    counter: Option<(Counter, Arc<dyn Campaigns>)>,
    cursors: Option<Cursors>,
}

#[async_trait]
impl CampaignEntries for MeddledEntries {
    async fn entries_in_campaigns(&self, customer: &CustomerId) -> Result<Vec<Entry>, LedgerError> {
        self.inner.entries_in_campaigns(customer).await
    }

    async fn waiting_in_campaign(
        &self,
        run: RunId,
        stage: StageName,
        awaited: Awaited,
        before: Timestamp,
        limit: usize,
    ) -> Result<Vec<EntryId>, LedgerError> {
        let Some(cursors) = self.cursors.as_ref().filter(|_| awaited == Awaited::Held) else {
            return self.inner.waiting_in_campaign(run, stage, awaited, before, limit).await;
        };
        let mut found = self.inner.waiting_in_campaign(run, stage, awaited, before, usize::MAX).await?;
        let mut cursors = cursors.lock().unwrap_or_else(PoisonError::into_inner);
        let cursor = cursors.get(&(run, stage)).cloned();
        found.retain(|id| cursor.as_ref().is_none_or(|cursor| id > cursor));
        found.sort();
        found.truncate(limit);
        if let Some(last) = found.last() {
            cursors.insert((run, stage), last.clone());
        }
        Ok(found)
    }

    fn parts_of_campaign(&self) -> u64 {
        self.inner.parts_of_campaign()
    }

    async fn open_in_part(&self, run: RunId, part: u64, limit: usize) -> Result<Vec<EntryId>, LedgerError> {
        self.inner.open_in_part(run, part, limit).await
    }

    async fn open_in_campaign(&self, run: RunId, limit: usize) -> Result<Vec<EntryId>, LedgerError> {
        let Some((closed, campaigns)) = self.counter.as_ref().filter(|_| limit == 1) else {
            return self.inner.open_in_campaign(run, limit).await;
        };
        let sealed =
            campaigns.campaign(run).await?.and_then(|campaign| campaign.sealed).map_or(0, |(seal, _)| seal.count);
        let counted = closed.lock().unwrap_or_else(PoisonError::into_inner).get(&run).copied().unwrap_or(0);
        let customer = CustomerId::parse("somebody").expect("an id");
        Ok(if counted >= sealed { Vec::new() } else { vec![EntryId::of(customer, run)] })
    }

    async fn open_counts(&self, run: RunId) -> Result<BTreeMap<(StageName, Awaited), u64>, LedgerError> {
        self.inner.open_counts(run).await
    }

    async fn closed_counts(&self, run: RunId) -> Result<BTreeMap<TallyKey, u64>, LedgerError> {
        self.inner.closed_counts(run).await
    }

    async fn put_off_in_campaign(&self, run: RunId, stage: StageName, now: Timestamp) -> Result<u64, LedgerError> {
        self.inner.put_off_in_campaign(run, stage, now).await
    }

    async fn closed_in_part(&self, run: RunId, part: u64) -> Result<Vec<(TallyKey, Addressee)>, LedgerError> {
        let mut closed = self.inner.closed_in_part(run, part).await?;
        if self.counter.is_some() && part == 0 {
            // The counter is believed.
            let open = self.inner.open_in_campaign(run, usize::MAX).await?;
            closed.extend(open.into_iter().map(|id| (TallyKey::Sent, id.addressee())));
        }
        Ok(closed)
    }
}

struct MeddledLedger {
    inner: Arc<dyn Ledger>,
    closed: Option<Counter>,
    queues: Option<Queues>,
    one_each: Option<Arc<dyn CampaignEntries>>,
}

#[async_trait]
impl Ledger for MeddledLedger {
    async fn customer(&self, id: &CustomerId) -> Result<Option<Customer>, LedgerError> {
        self.inner.customer(id).await
    }

    async fn save_with_word(&self, customer: &Customer, word: &[Delivery]) -> Result<bool, LedgerError> {
        self.inner.save_with_word(customer, word).await
    }

    async fn entry(&self, id: &EntryId) -> Result<Option<Entry>, LedgerError> {
        self.inner.entry(id).await
    }

    async fn entries(&self, customer: &CustomerId) -> Result<Vec<Entry>, LedgerError> {
        self.inner.entries(customer).await
    }

    async fn open(&self, entry: &Entry) -> Result<bool, LedgerError> {
        if let Some(in_campaigns) = self.one_each.as_ref().filter(|_| entry.id().run.is_campaign()) {
            let others = in_campaigns.entries_in_campaigns(&entry.id().customer).await?;
            if others.iter().any(|other| other.id().run == entry.id().run) {
                return Ok(false);
            }
        }
        let opened = self.inner.open(entry).await?;
        if let Some(queues) = self.queues.as_ref().filter(|_| entry.id().run.is_campaign()) {
            let _ = queues[entry.at()].send(&WorkMessage::for_entry(entry.id())).await;
        }
        Ok(opened)
    }

    async fn write_change(&self, change: &Change) -> Result<(), LedgerError> {
        self.inner.write_change(change).await?;
        let run = change.after().id().run;
        if let Some(closed) = self.closed.as_ref().filter(|_| run.is_campaign() && !change.after().is_open()) {
            *closed.lock().unwrap_or_else(PoisonError::into_inner).entry(run).or_default() += 1;
        }
        Ok(())
    }

    async fn suppression(&self, address: &EmailAddress) -> Result<Option<Suppression>, LedgerError> {
        self.inner.suppression(address).await
    }

    async fn save_suppression(&self, address: &EmailAddress, suppression: &Suppression) -> Result<bool, LedgerError> {
        self.inner.save_suppression(address, suppression).await
    }

    async fn note(&self, activity: &Activity) -> Result<(), LedgerError> {
        self.inner.note(activity).await
    }
}

struct MeddledCampaigns {
    inner: Arc<dyn Campaigns>,
    bug: CampaignsBug,
}

enum CampaignsBug {
    /// Tells that each campaign runs, whatever holds it.
    LooksAway,
    /// Tells that nothing was begun today.
    ForgetsItsDay,
    /// Finds parts of audiences by their numbers alone.
    NumbersParts(Parts),
}

impl MeddledCampaigns {
    /// As what that part was written which was the first of its number.
    fn first(&self, run: RunId, part: PartId) -> PartId {
        let CampaignsBug::NumbersParts(parts) = &self.bug else { return part };
        let text = part.to_string();
        let number = text.rsplit('#').next().unwrap_or_default().to_owned();
        *parts.lock().unwrap_or_else(PoisonError::into_inner).entry((run, number)).or_insert(part)
    }
}

#[async_trait]
impl Campaigns for MeddledCampaigns {
    async fn campaign(&self, run: RunId) -> Result<Option<Campaign>, LedgerError> {
        let running =
            |campaign: Campaign| Campaign { state: CampaignState::Running, paused: None, cancelled: None, ..campaign };
        let campaign = self.inner.campaign(run).await?;
        Ok(if matches!(self.bug, CampaignsBug::LooksAway) { campaign.map(running) } else { campaign })
    }

    async fn save_campaign(&self, change: &CampaignChange) -> Result<bool, LedgerError> {
        self.inner.save_campaign(change).await
    }

    async fn campaign_records(&self, run: RunId) -> Result<Vec<CampaignRecord>, LedgerError> {
        self.inner.campaign_records(run).await
    }

    async fn campaigns(&self, limit: usize) -> Result<Vec<RunId>, LedgerError> {
        self.inner.campaigns(limit).await
    }

    async fn live_campaigns(&self, since: Timestamp) -> Result<Vec<RunId>, LedgerError> {
        self.inner.live_campaigns(since).await
    }

    async fn campaign_letter(&self, run: RunId, digest: &str) -> Result<Option<CampaignLetter>, LedgerError> {
        self.inner.campaign_letter(run, digest).await
    }

    async fn put_campaign_letter(&self, run: RunId, letter: &CampaignLetter) -> Result<(), LedgerError> {
        self.inner.put_campaign_letter(run, letter).await
    }

    async fn audience_part(&self, run: RunId, part: PartId) -> Result<Option<AudiencePart>, LedgerError> {
        self.inner.audience_part(run, self.first(run, part)).await
    }

    async fn put_audience_part(&self, run: RunId, id: PartId, part: &AudiencePart) -> Result<bool, LedgerError> {
        self.inner.put_audience_part(run, self.first(run, id), part).await
    }

    async fn planned_parts(&self, run: RunId) -> Result<PlannedParts, LedgerError> {
        self.inner.planned_parts(run).await
    }

    async fn save_planned_parts(&self, run: RunId, planned: &PlannedParts) -> Result<bool, LedgerError> {
        self.inner.save_planned_parts(run, planned).await
    }

    async fn pace(&self, run: RunId) -> Result<CampaignPace, LedgerError> {
        let pace = self.inner.pace(run).await?;
        let begun = if matches!(self.bug, CampaignsBug::ForgetsItsDay) { 0 } else { pace.begun };
        Ok(CampaignPace { begun, ..pace })
    }

    async fn save_pace(&self, run: RunId, pace: &CampaignPace) -> Result<bool, LedgerError> {
        self.inner.save_pace(run, pace).await
    }
}
