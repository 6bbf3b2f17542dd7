use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Campaign, CampaignReport, CampaignRequest, CampaignState, Seal, Told};
use crate::{
    control::{Actor, Note},
    delivery::{Delivery, Fact, FactId, FactKind, Outbox, Subject},
    run::RunId,
};

/// What happens to a campaign.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
pub enum CampaignEvent {
    /// Somebody asks for it.
    Requested {
        /// For what.
        request: Box<CampaignRequest>,
        /// Whose credentials were used, and what they call themselves.
        by: Actor,
        /// In the operator's words, which others will read.
        note: Option<Note>,
    },
    /// The planner begins.
    PlanningStarted,
    /// All its entries are written.
    Sealed {
        /// So many, and whose.
        seal: Seal,
    },
    /// They are dispatched from now on.
    Started,
    /// Somebody has it held.
    Paused {
        /// Whose credentials were used, and what they call themselves.
        by: Actor,
        /// In the operator's words, which others will read.
        note: Note,
    },
    /// Somebody has it go on.
    Resumed {
        /// Whose credentials were used, and what they call themselves.
        by: Actor,
        /// In the operator's words, which others will read.
        note: Option<Note>,
    },
    /// Somebody has it end before its time.
    CancelAsked {
        /// Whose credentials were used, and what they call themselves.
        by: Actor,
        /// In the operator's words, which others will read.
        note: Note,
    },
    /// Its deadline is over, and entries are open.
    DeadlinePassed,
    /// All that was sealed is closed.
    LastClosed,
    /// What came of it is known.
    Finished {
        /// What it says at its end: that stays, whatever is heard of its mails later.
        report: CampaignReport,
    },
}

/// An event, as it is written down.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CampaignRecord {
    /// The first is 1: the version that the campaign has by it.
    pub number: u64,
    /// By the clock of whoever wrote it down.
    pub at: Timestamp,
    /// With what this kind of event alone has.
    #[serde(flatten)]
    pub event: CampaignEvent,
}

/// A campaign's next version, and the event that makes it. Both are written, or neither.
#[derive(Debug, Clone, PartialEq)]
pub struct CampaignChange {
    after: Campaign,
    record: CampaignRecord,
    facts: Vec<Fact>,
    deliveries: Vec<Delivery>,
}

/// An event that can't happen to a campaign as it stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("campaign {run} is {state} {step}")]
pub struct IllegalCampaignStep {
    /// Which campaign.
    pub run: RunId,
    /// How it stands.
    pub state: CampaignState,
    /// What can't happen, in words that go on after how it stands.
    pub step: &'static str,
}

impl CampaignChange {
    /// A new campaign.
    #[must_use]
    pub fn requested(run: RunId, request: CampaignRequest, by: Actor, note: Option<Note>, at: Timestamp) -> Self {
        let after = Campaign {
            run,
            version: 1,
            request: request.clone(),
            requested: Told { by: by.clone(), note: note.clone(), at },
            state: CampaignState::Requested,
            planning_at: None,
            sealed: None,
            started_at: None,
            paused: None,
            cancelled: None,
            abandoned_at: None,
            closed_at: None,
            finished: None,
        };
        let event = CampaignEvent::Requested { request: Box::new(request), by, note };
        Self::of(after, CampaignRecord { number: 1, at, event })
    }

    fn of(after: Campaign, record: CampaignRecord) -> Self {
        let kind = match &record.event {
            CampaignEvent::PlanningStarted => Some(FactKind::RunStarted),
            CampaignEvent::Sealed { .. } | CampaignEvent::LastClosed => Some(FactKind::PhaseFinished),
            CampaignEvent::Finished { .. } => Some(FactKind::RunFinished),
            _ => None,
        };
        let fact = |kind| Fact {
            id: FactId { subject: Subject::Run(after.run), version: after.version, kind },
            as_of: record.at,
            written_at: record.at,
        };
        Self { facts: kind.map(fact).into_iter().collect(), after, record, deliveries: Vec::new() }
    }

    /// The change together with word of its facts for whoever asks for them.
    #[must_use]
    pub fn with_word(self, outbox: Outbox<'_>) -> Self {
        Self { deliveries: outbox.deliveries(&self.facts), ..self }
    }

    /// The campaign as it is to be.
    #[must_use]
    pub fn after(&self) -> &Campaign {
        &self.after
    }

    /// The event.
    #[must_use]
    pub fn record(&self) -> &CampaignRecord {
        &self.record
    }

    /// What happens by it that other systems may want to hear of.
    #[must_use]
    pub fn facts(&self) -> &[Fact] {
        &self.facts
    }

    /// Word of it for them, to be put with it.
    #[must_use]
    pub fn deliveries(&self) -> &[Delivery] {
        &self.deliveries
    }
}

impl Campaign {
    /// What an event makes of it.
    ///
    /// # Errors
    /// When that can't happen as it stands.
    pub fn change(&self, event: CampaignEvent, at: Timestamp) -> Result<CampaignChange, IllegalCampaignStep> {
        let mut after = Self { version: self.version + 1, ..self.clone() };
        after.take(&event, at)?;
        Ok(CampaignChange::of(after, CampaignRecord { number: self.version + 1, at, event }))
    }

    /// The campaign that these events make, from the first on; none, if they are no campaign's.
    #[must_use]
    pub fn of_records(run: RunId, records: &[CampaignRecord]) -> Option<Self> {
        let (first, rest) = records.split_first()?;
        let CampaignEvent::Requested { request, by, note } = &first.event else { return None };
        let requested = CampaignChange::requested(run, (**request).clone(), by.clone(), note.clone(), first.at);
        rest.iter().try_fold(requested.after, |campaign, record| {
            campaign.change(record.event.clone(), record.at).ok().map(|change| change.after)
        })
    }

    fn take(&mut self, event: &CampaignEvent, at: Timestamp) -> Result<(), IllegalCampaignStep> {
        use CampaignState::{Cancelled, Closing, Finished, Planning, Requested, Running, Sealed};
        let refused = |step| Err(IllegalCampaignStep { run: self.run, state: self.state, step });
        let told = |by: &Actor, note: Option<&Note>| Told { by: by.clone(), note: note.cloned(), at };
        match (event, self.state) {
            (CampaignEvent::PlanningStarted, Requested) => {
                (self.state, self.planning_at) = (Planning, self.cancelled.is_none().then_some(at));
            }
            (CampaignEvent::Sealed { seal }, Planning) => (self.state, self.sealed) = (Sealed, Some((*seal, at))),
            (CampaignEvent::Started, Sealed) => (self.state, self.started_at) = (Running, Some(at)),
            (CampaignEvent::Paused { by, note }, Requested | Planning | Sealed | Running)
                if self.paused.is_none() && self.cancelled.is_none() =>
            {
                self.paused = Some(told(by, Some(note)));
            }
            (CampaignEvent::Resumed { .. }, _) if self.paused.is_some() && !self.state.is_over() => self.paused = None,
            (CampaignEvent::CancelAsked { by, note }, Requested | Planning | Sealed | Running)
                if self.cancelled.is_none() =>
            {
                self.cancelled = Some(told(by, Some(note)));
                self.paused = None;
            }
            (CampaignEvent::DeadlinePassed, Running) if self.abandoned_at.is_none() => self.abandoned_at = Some(at),
            (CampaignEvent::LastClosed, Running) => (self.state, self.closed_at) = (Closing, Some(at)),
            (CampaignEvent::Finished { report }, Closing) => {
                self.state = if self.cancelled.is_some() { Cancelled } else { Finished };
                self.paused = None;
                self.finished = Some((report.clone(), at));
            }
            (CampaignEvent::Requested { .. }, _) => return refused("and can't be requested again"),
            (CampaignEvent::PlanningStarted | CampaignEvent::Sealed { .. }, _) => {
                return refused("and can't be planned");
            }
            (CampaignEvent::Started, _) => return refused("and can't be started"),
            (CampaignEvent::Paused { .. }, Requested | Planning | Sealed | Running) if self.cancelled.is_some() => {
                return refused("and being cancelled, so that it can't be paused");
            }
            (CampaignEvent::Paused { .. }, Requested | Planning | Sealed | Running) => {
                return refused("and paused already");
            }
            (CampaignEvent::Paused { .. }, _) => return refused("and can't be paused"),
            (CampaignEvent::Resumed { .. }, _) => return refused("and not paused, so that it can't be resumed"),
            (CampaignEvent::CancelAsked { .. }, Requested | Planning | Sealed | Running) => {
                return refused("and being cancelled already");
            }
            (CampaignEvent::CancelAsked { .. }, Cancelled) => return refused("already"),
            (CampaignEvent::CancelAsked { .. }, _) => return refused("and can't be cancelled"),
            (CampaignEvent::DeadlinePassed | CampaignEvent::LastClosed | CampaignEvent::Finished { .. }, _) => {
                return refused("and can't be closed");
            }
        }
        Ok(())
    }
}
