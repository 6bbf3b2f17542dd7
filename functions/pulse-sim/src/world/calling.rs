use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use jiff::Timestamp;
use pulse_core::{
    entry::{Entry, Progress, Reference},
    failure::Cause,
    ports::{Partner, PartnerAnswer, PartnerError, PartnerRequest},
    stage::StageName,
};

use super::{
    build::World,
    faults::{ActiveFaults, Down},
    invariants::{InvariantChecker, Promise},
    lanes::{LaneUse, ProviderLanes},
    mailing::READ_TO_SEND,
    scoring::REFUSAL,
    settings::Latency,
    trace::Trace,
};
use crate::{ledger::MemoryLedger, partner::numbered, random::Stream, time::VirtualTime};

/// Of so many things that a partner does one takes it a while, and one is done without a name.
const UNDER_WAY: f64 = 0.2;
const NAMELESS: f64 = 0.1;

/// How long a thing takes that isn't done at once.
const TAKES: (Duration, Duration) = (Duration::from_secs(10), Duration::from_mins(20));

/// A campaign's partner: slow, at times out of order, and at times not ready. It does each thing once, by its key.
#[derive(Clone)]
pub struct SimPartner {
    pub(super) time: VirtualTime,
    pub(super) random: Arc<Stream>,
    pub(super) faults: Arc<ActiveFaults>,
    pub(super) latency: Latency,
    /// After how long the client gives up.
    pub(super) timeout: Duration,
    pub(super) lanes: ProviderLanes,
    pub(super) trace: Trace,
    pub(super) checker: InvariantChecker,
    pub(super) ledger: Arc<MemoryLedger>,
    pub(super) done: Arc<Mutex<BTreeMap<String, Thing>>>,
}

/// What the partner did for a key.
#[derive(Debug, Clone)]
pub(super) struct Thing {
    /// Until then it is under way.
    ready_at: Timestamp,
    reference: Option<Reference>,
}

#[async_trait]
impl Partner for SimPartner {
    async fn ask(&self, request: &PartnerRequest) -> Result<PartnerAnswer, PartnerError> {
        let _lane = self.lanes.enter();
        self.look_at(request);
        let answer = self.answer(request).await;
        let outcome = match &answer {
            Ok(PartnerAnswer::Done { .. }) => "answered",
            Ok(PartnerAnswer::NotReady { .. }) => "not ready",
            Err(PartnerError::Retry { .. }) => "retry",
            Err(PartnerError::Fail { .. }) => "fail",
        };
        self.trace.event(self.time.now(), format_args!("{} call {outcome}", request.entry));
        self.trace.line(self.time.now(), || match &answer {
            Ok(_) => format!("{}'s partner has {outcome}", request.entry),
            Err(error) => format!("{}'s partner hasn't done it: {error}", request.entry),
        });
        answer
    }
}

impl SimPartner {
    /// How its lanes were used so far.
    #[must_use]
    pub fn lanes(&self) -> LaneUse {
        self.lanes.used()
    }

    fn look_at(&self, PartnerRequest { entry, .. }: &PartnerRequest) {
        let (campaign, now) = (self.ledger.peek_campaign(entry.run), self.time.now());
        if let Err(when) = World::may_begin_in(campaign.as_ref(), now, READ_TO_SEND) {
            let what = format!("a call for {entry} is begun {when}");
            self.checker.saw(Promise::CampaignsHold, Some(&entry.customer), now, what);
        }
    }

    async fn answer(&self, request: &PartnerRequest) -> Result<PartnerAnswer, PartnerError> {
        let faults = self.faults.now().providers[StageName::Call];
        let retry = |after, cause: &str| Err(PartnerError::Retry { after, cause: Cause::new(cause) });
        match faults.down {
            Some(Down::Refusing) => {
                self.time.sleep(REFUSAL).await;
                return retry(None, "The partner is down.");
            }
            Some(Down::Failing) => {
                self.time.sleep(REFUSAL).await;
                if self.random.chance(0.5) {
                    self.act(request);
                }
                return retry(None, "The partner fails inside.");
            }
            Some(Down::Limiting(after)) => {
                self.time.sleep(REFUSAL).await;
                return retry(Some(after), "The partner asks to be left alone.");
            }
            Some(Down::Hanging) => {
                self.time.sleep(self.timeout).await;
                return retry(None, "The partner doesn't answer.");
            }
            None => {}
        }
        let takes = faults.stretched(self.random.lognormal(self.latency.mean, self.latency.sigma));
        if takes > self.timeout || self.random.chance(faults.answer_lost + faults.late) {
            self.time.sleep(self.timeout).await;
            self.act(request);
            return retry(None, "The partner doesn't answer.");
        }
        self.time.sleep(takes).await;
        if self.random.chance(faults.retry) {
            return retry(None, "The partner is busy.");
        }
        if self.random.chance(faults.fail) {
            return Err(PartnerError::Fail { cause: Cause::new("The partner refuses this one.") });
        }
        Ok(self.act(request))
    }

    /// Does it, or knows it again by its key.
    fn act(&self, request: &PartnerRequest) -> PartnerAnswer {
        let now = self.time.now();
        let mut done = self.things();
        let number = done.len() + 1;
        let thing = done.entry(request.entry.message_key()).or_insert_with(|| {
            let takes =
                if self.random.chance(UNDER_WAY) { self.random.between(TAKES.0, TAKES.1) } else { Duration::ZERO };
            let reference = (!self.random.chance(NAMELESS)).then(|| numbered(number));
            Thing { ready_at: now + takes, reference }
        });
        let left = Duration::try_from(thing.ready_at.duration_since(now)).unwrap_or_default();
        if left.is_zero() {
            return PartnerAnswer::Done { reference: thing.reference.clone() };
        }
        PartnerAnswer::NotReady { after: self.random.chance(0.5).then_some(left) }
    }

    fn things(&self) -> MutexGuard<'_, BTreeMap<String, Thing>> {
        self.done.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl World {
    /// What must hold of campaigns' partners at the end: each thing was done for an entry by its own key, and what that is
    /// called is what the entry has; nobody was mailed without it whose campaign calls for it.
    pub(crate) fn check_partner(&self) {
        let things = self.partner.things();
        let mut known = BTreeSet::new();
        let saw = |entry: &Entry, what: &str| {
            let (customer, what) = (&entry.id().customer, format!("{} {what}", entry.id()));
            self.checker.saw(Promise::PartnersDoOnce, Some(customer), self.time.now(), what);
        };
        self.ledger.for_each_entry(|entry| {
            if !entry.plan().has(StageName::Call) {
                return;
            }
            let key = entry.id().message_key();
            match (entry.called(), things.get(&key)) {
                (Some(called), Some(thing)) if called.reference == thing.reference => {}
                (Some(_), Some(_)) => saw(entry, "has another reference than its partner gave"),
                (Some(_), None) => saw(entry, "was called for, and its partner doesn't know its key"),
                (None, _) if matches!(entry.progress(), Progress::Done { .. }) => {
                    saw(entry, "has a mail, and its partner wasn't called");
                }
                (None, _) => {}
            }
            known.insert(key);
        });
        for key in things.keys().filter(|key| !known.contains(*key)) {
            let what = format!("the partner did something for {key}, which is no entry");
            self.checker.saw(Promise::PartnersDoOnce, None, self.time.now(), what);
        }
    }
}
