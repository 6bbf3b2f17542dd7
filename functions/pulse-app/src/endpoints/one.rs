use std::collections::BTreeSet;

use futures::{StreamExt as _, TryStreamExt as _, stream};
use jiff::Timestamp;
use pulse_core::{
    delivery::{Delivery, DeliveryId, EndpointName, Line},
    entry::StageName,
    why::{HoldReason, NextWord, StageContext, WordContext},
};
use serde::Serialize;

use super::{EndpointError, EndpointListed};
use crate::{App, DeliveryListed};

/// Lines that are read side by side.
const AT_ONCE: usize = 32;

/// One endpoint, and what is on its way to it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct EndpointReport {
    /// How it is doing.
    #[serde(flatten)]
    pub listed: EndpointListed,
    /// How many invocations share its lanes.
    pub invocations: u32,
    /// What holds the deliver stage, and with it its word.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stage_held: Option<HoldReason>,
    /// Word that waits for it, the longest first.
    pub word: Vec<WordListed>,
    /// Whether more waits.
    pub is_more: bool,
    /// When it was looked up.
    #[serde(skip)]
    pub at: Timestamp,
}

/// One fact that waits for an endpoint.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct WordListed {
    /// It.
    #[serde(flatten)]
    pub delivery: DeliveryListed,
    /// What comes next of it.
    pub next: NextWord,
}

impl App {
    /// Shows an endpoint, one too that is being removed, and at most `limit` facts that wait for it: those that have been awaited
    /// longest, of which each one's line is read, to say what comes next.
    ///
    /// # Errors
    /// When there is none of that name, or the ledger or what the functions go by can't be read.
    pub async fn endpoint_report(&self, name: &EndpointName, limit: usize) -> Result<EndpointReport, EndpointError> {
        let at = self.clock().now();
        let endpoint = self.any_endpoint(name).await?;
        let sharing = self.sharing().await?;
        let control = self.control_of(&endpoint).await?;
        let (listed, stage, (ids, is_more)) = futures::try_join!(
            self.listed(&endpoint, &control, sharing, at),
            StageContext::look_up(&*self.ports.controls, &*self.ports.stages, StageName::Deliver),
            self.awaited(name, limit),
        )?;
        let (stage_held, policy) = (stage.holder(at), self.settings.sweep().await?);
        let lines: BTreeSet<Line> = ids.iter().map(DeliveryId::line).collect();
        let reads = stream::iter(lines).map(async |line| self.ports.deliveries.line(&line).await).buffered(AT_ONCE);
        let lines: Vec<_> = reads.try_collect().await?;
        let context =
            WordContext { endpoint: &endpoint, control: &control, stage_held: stage_held.as_ref(), policy, now: at };
        let ids: BTreeSet<_> = ids.into_iter().collect();
        let is_listed = |delivery: &Delivery| delivery.is_open() && ids.contains(&delivery.id());
        let coming = lines.iter().flat_map(|line| context.coming(line)).filter(|(delivery, _)| is_listed(delivery));
        let mut word: Vec<_> = coming.map(|(delivery, next)| WordListed { delivery: delivery.into(), next }).collect();
        word.sort_by(|one, other| {
            let key = |word: &WordListed| (word.delivery.since, word.delivery.id.clone());
            key(one).cmp(&key(other))
        });
        Ok(EndpointReport { listed, invocations: sharing.invocations.get(), stage_held, word, is_more, at })
    }
}
