use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use strum::{Display, EnumString, IntoStaticStr, VariantArray};

use crate::{
    customer::CustomerId,
    dead_letters::CauseFilter,
    delivery::EndpointName,
    entry::{ItemId, RunAndItem, StageName},
    ports::{DlqName, Rate},
    run::RunId,
};

/// Kinds of orders. Each has a partition of its own, so that a policy can say who may give which.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    Deserialize,
    Display,
    EnumString,
    IntoStaticStr,
    VariantArray,
)]
#[serde(rename_all = "kebab-case")]
#[strum(serialize_all = "kebab-case")]
pub enum OrderKind {
    /// Work that was given up is brought back.
    Redrive,
    /// One entry is replayed.
    Replay,
    /// A stage is paused.
    Pause,
    /// A stage is resumed.
    Resume,
    /// A stage's lanes are set.
    Lanes,
    /// A mail in doubt is settled.
    Settle,
    /// A suppressed address is released.
    Release,
    /// An endpoint is added, held, resumed, given another key, or removed.
    Endpoint,
}

impl OrderKind {
    /// All of them.
    pub const ALL: &[Self] = Self::VARIANTS;
}

/// What is to be done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "action", rename_all = "kebab-case")]
pub enum OrderAction {
    /// Dead letters go back to who takes them. Carried out by tick.
    Redrive {
        /// Those of this queue.
        queue: DlqName,
        /// Those with this cause. Without it, all.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        cause: Option<CauseFilter>,
        /// Those of word for this endpoint. Without it, all.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        endpoint: Option<EndpointName>,
        /// At most so many a second.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        rate: Option<Rate>,
    },
    /// Entries that a stage gave up are queued again by the ledger, whether or not there is a letter of them. Carried out by
    /// tick.
    RedriveFailed {
        /// Which stage.
        stage: StageName,
        /// In which run.
        run: RunId,
    },
    /// An entry was queued again, or a further mail ordered.
    Replay {
        /// Whose.
        customer: CustomerId,
        /// In which run.
        run: RunId,
        /// About which item, if it is about one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        item: Option<ItemId>,
        /// Whether it was by force.
        by_force: bool,
    },
    /// A stage was paused.
    Pause {
        /// As commands name it.
        stage: StageName,
        /// Until when, if it ends by itself.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        until: Option<Timestamp>,
    },
    /// A stage was resumed.
    Resume {
        /// As commands name it.
        stage: StageName,
    },
    /// A stage's lanes were set.
    Lanes {
        /// Of which.
        stage: StageName,
        /// How many were asked for.
        lanes: u32,
    },
    /// A mail in doubt was settled.
    Settle {
        /// Whose.
        customer: CustomerId,
        /// In which run.
        run: RunId,
        /// About which item, if it is about one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        item: Option<ItemId>,
        /// Whether it was sent, as whoever settled it knows.
        sent: bool,
    },
    /// A suppressed address was released.
    Release {
        /// The beginning of a digest of it.
        digest: String,
    },
    /// An endpoint was changed.
    Endpoint {
        /// By the name that an operator gave it.
        endpoint: EndpointName,
        /// How.
        #[serde(flatten)]
        change: EndpointChange,
    },
}

/// What is done with an endpoint.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "change", rename_all = "kebab-case")]
pub enum EndpointChange {
    /// It is told of facts from then on.
    Add,
    /// It is elsewhere, or told otherwise, from then on.
    Change,
    /// Its word is held back.
    Pause {
        /// Until when, if it ends by itself.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        until: Option<Timestamp>,
    },
    /// Its word flows again.
    Resume,
    /// A new key signs beside the one before.
    Rotate,
    /// The key before signs no more.
    FinishRotation,
    /// It is none any more.
    Remove,
}

impl OrderAction {
    /// Of which kind it is.
    #[must_use]
    pub fn kind(&self) -> OrderKind {
        match self {
            Self::Redrive { .. } | Self::RedriveFailed { .. } => OrderKind::Redrive,
            Self::Replay { .. } => OrderKind::Replay,
            Self::Pause { .. } => OrderKind::Pause,
            Self::Resume { .. } => OrderKind::Resume,
            Self::Lanes { .. } => OrderKind::Lanes,
            Self::Settle { .. } => OrderKind::Settle,
            Self::Release { .. } => OrderKind::Release,
            Self::Endpoint { .. } => OrderKind::Endpoint,
        }
    }

    /// Whether tick carries it out.
    #[must_use]
    pub fn takes_steps(&self) -> bool {
        matches!(self, Self::Redrive { .. } | Self::RedriveFailed { .. })
    }

    /// Whom it is about, if it is about one customer.
    #[must_use]
    pub fn customer(&self) -> Option<&CustomerId> {
        match self {
            Self::Replay { customer, .. } | Self::Settle { customer, .. } => Some(customer),
            _ => None,
        }
    }
}

/// In words, after which a full stop can stand.
impl fmt::Display for OrderAction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Redrive { queue, cause, endpoint, rate } => {
                write!(f, "redrive the {queue} queue's letters")?;
                if let Some(endpoint) = endpoint {
                    write!(f, " of word for {endpoint}")?;
                }
                if let Some(cause) = cause {
                    write!(f, " that died of \"{cause}\"")?;
                }
                rate.map_or(Ok(()), |rate| write!(f, ", {} a second", rate.per_second()))
            }
            Self::RedriveFailed { stage, run } => write!(f, "redrive what the {stage} stage gave up in run {run}"),
            Self::Replay { customer, run, item, by_force } => {
                let (of, by_force) = (RunAndItem { run: *run, item: *item }, if *by_force { " by force" } else { "" });
                write!(f, "replay customer {customer}'s run {of}{by_force}")
            }
            Self::Pause { stage, until: None } => write!(f, "pause the {stage} stage"),
            Self::Pause { stage, until: Some(until) } => write!(f, "pause the {stage} stage until {until:.0}"),
            Self::Resume { stage } => write!(f, "resume the {stage} stage"),
            Self::Lanes { stage, lanes } => write!(f, "set the {stage} stage's lanes to {lanes}"),
            Self::Settle { customer, run, item, sent } => {
                let (of, not) = (RunAndItem { run: *run, item: *item }, if *sent { "" } else { "not " });
                write!(f, "settle customer {customer}'s mail of run {of} as {not}sent")
            }
            Self::Release { digest } => write!(f, "release the address {digest}.."),
            Self::Endpoint { endpoint, change } => match change {
                EndpointChange::Add => write!(f, "add endpoint {endpoint}"),
                EndpointChange::Change => write!(f, "change endpoint {endpoint}"),
                EndpointChange::Pause { until: None } => write!(f, "pause endpoint {endpoint}"),
                EndpointChange::Pause { until: Some(until) } => write!(f, "pause endpoint {endpoint} until {until:.0}"),
                EndpointChange::Resume => write!(f, "resume endpoint {endpoint}"),
                EndpointChange::Rotate => write!(f, "rotate endpoint {endpoint}'s key"),
                EndpointChange::FinishRotation => write!(f, "finish the rotation of endpoint {endpoint}'s key"),
                EndpointChange::Remove => write!(f, "remove endpoint {endpoint}"),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Rows of release 0.3, whose redrives know no endpoint.
    #[test]
    fn an_order_of_an_earlier_release_is_read_as_it_was_meant() {
        let kept = r#"{"action": "redrive", "queue": "email", "cause": "503", "rate": 20}"#;
        let action: OrderAction = serde_json::from_str(kept).unwrap();
        assert_eq!(action.to_string(), "redrive the email queue's letters that died of \"503\", 20 a second");
        let OrderAction::Redrive { endpoint: None, .. } = action else { panic!("{action:?}") };
        let text = serde_json::to_string(&action).unwrap();
        assert!(!text.contains("endpoint"), "{text}");
    }

    #[test]
    fn what_is_done_with_endpoints_is_read_back_and_told() {
        let until: Timestamp = "2026-11-03T16:00:00Z".parse().unwrap();
        for (change, words) in [
            (EndpointChange::Add, "add endpoint crm"),
            (EndpointChange::Change, "change endpoint crm"),
            (EndpointChange::Pause { until: None }, "pause endpoint crm"),
            (EndpointChange::Pause { until: Some(until) }, "pause endpoint crm until 2026-11-03T16:00:00Z"),
            (EndpointChange::Resume, "resume endpoint crm"),
            (EndpointChange::Rotate, "rotate endpoint crm's key"),
            (EndpointChange::FinishRotation, "finish the rotation of endpoint crm's key"),
            (EndpointChange::Remove, "remove endpoint crm"),
        ] {
            let action = OrderAction::Endpoint { endpoint: EndpointName::parse("crm").unwrap(), change };
            assert_eq!(
                (action.to_string().as_str(), action.kind(), action.takes_steps()),
                (words, OrderKind::Endpoint, false)
            );
            let text = serde_json::to_string(&action).unwrap();
            assert_eq!(serde_json::from_str::<OrderAction>(&text).unwrap(), action);
        }
    }
}
