//! The receiver: another system that the local stack tells of what happens, and whether it was told all of it.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
    sync::Arc,
    time::Duration,
};

use anyhow::{Context as _, Result};
use futures::{StreamExt as _, TryStreamExt as _, stream};
use indicatif::{ProgressBar, ProgressStyle};
use pulse_app::{App, NewEndpoint, NewTarget, SignedBy};
use pulse_aws::{clock::SystemClock, stack::Stack};
use pulse_core::{
    customer::CustomerId,
    delivery::{
        Bodies, Delivery, DeliveryProgress, EndpointName, EndpointStanding, FactKind, Keeps, Line, Owner,
        SignatureScheme, WebhookUrl,
    },
    ports::Deliveries,
    secret_store::SecretStore,
};
use pulse_deployed::endpoint_keys;
use pulse_local::standins::{ReceiverCounts, ReceiverFault, ReceiverKeys, ReceiverStandIn};
use serde::Serialize;
use tokio::time::{Instant, sleep};

use super::promises::LocalPromise;

const BETWEEN_LOOKS: Duration = Duration::from_millis(250);
const AT_ONCE: usize = 16;

/// For how long facts are waited for, after the last of them was written down.
const PATIENCE: Duration = Duration::from_secs(30);

/// The receiver, and the endpoint that it is.
pub(super) struct Receiving {
    receiver: ReceiverStandIn,
    endpoint: EndpointName,
}

impl Receiving {
    /// Starts the receiver, and has the stack tell it of every fact from now on.
    ///
    /// # Errors
    /// When the endpoint can't be added.
    pub(super) async fn start(stack: &Stack, app: &App, fault: Option<ReceiverFault>) -> Result<Self> {
        let endpoint = EndpointName::parse(ReceiverStandIn::ENDPOINT)?;
        let secret = format!("{}/endpoints/{endpoint}", stack.outputs.stack());
        let keys = ReceiverKeys::InSecret { aws: Box::new(stack.aws.clone()), name: secret };
        let receiver = ReceiverStandIn::start(keys, fault, Arc::new(SystemClock)).await?;
        let new = NewEndpoint {
            name: endpoint.clone(),
            target: NewTarget::Webhook {
                url: WebhookUrl::new(receiver.hook_url()),
                signed_by: SignedBy::NewKey { scheme: SignatureScheme::HmacSha256, store: SecretStore::SecretsManager },
            },
            facts: FactKind::ALL.iter().copied().collect(),
            keeps: Keeps::Every,
            bodies: Bodies::Thin,
            lanes: None,
        };
        let added = app.add_endpoint(&endpoint_keys(stack), new).await;
        added.with_context(|| format!("The receiver can't be added as the endpoint {endpoint}"))?;
        Ok(Self { receiver, endpoint })
    }

    /// Where it shows what it was told.
    pub(super) fn page(&self) -> String {
        self.receiver.page_url()
    }

    /// Waits until it was told all that is written down, unless it is held or told to fail: then nobody knows how long it
    /// takes. Says what became of the facts of these customers, of whom the email provider accepted so many mails.
    ///
    /// # Errors
    /// When the ledger can't be asked.
    pub(super) async fn follow(
        &self,
        stack: &Stack,
        app: &App,
        customers: impl IntoIterator<Item = &CustomerId>,
        mails: &BTreeMap<String, usize>,
    ) -> Result<ReceiverFindings> {
        self.wait(app).await?;
        let ledger = stack.ledger()?;
        let line = async |customer: CustomerId| {
            let owner = Owner::Customer(customer.clone());
            let line = ledger.line(&Line { owner, endpoint: self.endpoint.clone() }).await?;
            anyhow::Ok((customer, line))
        };
        let lines = stream::iter(customers).map(|customer| line(customer.clone())).buffer_unordered(AT_ONCE);
        let lines: Vec<_> = lines.try_collect().await?;
        // After the ledger, so that what it calls delivered was taken.
        let taken = self.receiver.facts().into_iter().map(|fact| fact.id).collect();
        let mut told = Told::default();
        for (customer, line) in &lines {
            told.add(line, &taken, mails.get(customer.as_str()).copied().unwrap_or(0));
        }
        let mut facts = BTreeMap::new();
        for fact in self.receiver.facts() {
            *facts.entry(fact.r#type).or_default() += 1;
        }
        let (endpoint, fault) = (self.endpoint.clone(), self.receiver.fault().map(|fault| fault.to_string()));
        Ok(ReceiverFindings { endpoint, page: self.page(), fault, facts, counts: self.receiver.counts(), told })
    }

    async fn wait(&self, app: &App) -> Result<()> {
        let style = ProgressStyle::with_template("  told crm  {bar:40.cyan/black} {pos:>6}/{len}")?;
        let bar = ProgressBar::new(0).with_style(style);
        let started = Instant::now();
        while started.elapsed() < PATIENCE && self.receiver.fault().is_none() {
            let listed = app.endpoints().await?.endpoints;
            let Some(crm) = listed.into_iter().find(|listed| listed.endpoint.endpoint == self.endpoint) else { break };
            let facts = self.receiver.counts().facts as u64;
            bar.set_length(facts + crm.waiting.deliveries);
            bar.set_position(facts);
            if crm.waiting.deliveries == 0 || crm.standing != EndpointStanding::Flows {
                break;
            }
            sleep(BETWEEN_LOOKS).await;
        }
        bar.finish_and_clear();
        Ok(())
    }
}

/// What became of facts, by the ledger's word and by the receiver's.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub(super) struct Told {
    /// Both say that it has them.
    arrived: usize,
    /// They wait.
    pub(super) waiting: usize,
    /// The ledger says that they are told, and the receiver hasn't them.
    missing: usize,
    /// The receiver has refused them.
    given_up: usize,
    /// Customers whose entry is closed, and mails that the provider has accepted, of which no fact is written down.
    unwritten: usize,
}

impl Told {
    /// Adds the facts of a customer whose entry is closed: sent, skipped, or otherwise.
    fn add(&mut self, line: &[Delivery], taken: &BTreeSet<String>, mails: usize) {
        let closing = [FactKind::Sent, FactKind::Skipped, FactKind::Failed, FactKind::Indeterminate];
        let ends = line.iter().filter(|delivery| closing.contains(&delivery.fact().id.kind)).count();
        self.unwritten += mails.max(1).saturating_sub(ends);
        for delivery in line {
            let place = match delivery.progress() {
                DeliveryProgress::Waiting | DeliveryProgress::Claimed { .. } => &mut self.waiting,
                DeliveryProgress::GivenUp { .. } => &mut self.given_up,
                DeliveryProgress::Delivered { .. } | DeliveryProgress::Superseded { .. } => {
                    if taken.contains(&delivery.fact().id.to_string()) { &mut self.arrived } else { &mut self.missing }
                }
            };
            *place += 1;
        }
    }
}

/// All that there is to say of the receiver.
#[derive(Debug, Serialize)]
pub(super) struct ReceiverFindings {
    /// What it is called.
    pub(super) endpoint: EndpointName,
    /// Where it shows what it was told.
    pub(super) page: String,
    /// How it fails, if it was told to.
    pub(super) fault: Option<String>,
    /// What it has, by what happened.
    pub(super) facts: BTreeMap<String, usize>,
    pub(super) counts: ReceiverCounts,
    /// What of the facts of this run's customers it has, and what not.
    pub(super) told: Told,
}

/// Nothing is told wrongly, and what isn't told waits.
pub(super) fn all_told(findings: &ReceiverFindings) -> LocalPromise {
    let Told { arrived, waiting, missing, given_up, unwritten } = findings.told;
    let ReceiverCounts { out_of_order, wrong_signatures, .. } = findings.counts;
    let mut seen = format!("{arrived} of {} are told, {waiting} wait", arrived + waiting + missing + given_up);
    for (many, what) in [
        (missing, "were told, and didn't arrive"),
        (given_up, "are given up, as it refused them"),
        (unwritten, "mails or entries are written down as no fact"),
        (out_of_order, "came out of order"),
        (wrong_signatures, "calls were wrongly signed"),
    ] {
        if many > 0 {
            let _ = write!(seen, "; {many} {what}");
        }
    }
    LocalPromise {
        words: "Every fact is told to crm, signed and in each customer's order, or waits for it",
        held: missing + given_up + unwritten + out_of_order + wrong_signatures == 0,
        seen,
    }
}

#[cfg(test)]
mod tests {
    use pulse_core::{delivery::Fact, failure::Cause};

    use super::*;

    fn delivery(kind: &str, progress: &str) -> Delivery {
        let at = "2026-11-03T10:00:00Z".parse().unwrap();
        let id = format!("c-1/2026-11/6/{kind}").parse().unwrap();
        let waiting = Delivery::of(
            Fact { id, as_of: at, written_at: at },
            EndpointName::parse(ReceiverStandIn::ENDPOINT).unwrap(),
        );
        let claimed = waiting.claim(at, at + Duration::from_mins(1)).unwrap().into_after();
        match progress {
            "waiting" => waiting,
            "claimed" => claimed,
            "delivered" => claimed.record_delivered(at).unwrap().into_after(),
            _ => claimed.give_up(Cause::new("refused"), at).unwrap().into_after(),
        }
    }

    fn findings(told: Told, counts: ReceiverCounts) -> ReceiverFindings {
        let (endpoint, page) = (EndpointName::parse(ReceiverStandIn::ENDPOINT).unwrap(), String::new());
        ReceiverFindings { endpoint, page, fault: None, facts: BTreeMap::new(), counts, told }
    }

    #[test]
    fn what_the_ledger_calls_told_has_to_have_arrived_and_each_mail_to_be_a_fact() {
        let line = [
            delivery("sent", "delivered"),
            delivery("delivered", "claimed"),
            delivery("complained", "waiting"),
            delivery("failed", "given up"),
        ];
        let mut told = Told::default();
        told.add(&line, &BTreeSet::from(["c-1/2026-11/6/sent".to_owned()]), 1);
        let expected = Told { arrived: 1, waiting: 2, given_up: 1, ..Told::default() };
        assert_eq!(told, expected);
        told.add(&line[..1], &BTreeSet::new(), 2);
        told.add(&line[1..2], &BTreeSet::new(), 0);
        assert_eq!(told, Told { missing: 1, waiting: 3, unwritten: 2, ..expected });
    }

    #[test]
    fn what_waits_breaks_no_promise_and_what_is_wrong_does() {
        let (none, well) = (ReceiverCounts::default(), Told { arrived: 5, waiting: 2, ..Told::default() });
        let promise = all_told(&findings(well, ReceiverCounts { repeats: 3, failed: 4, ..none }));
        assert!(promise.held && promise.seen == "5 of 7 are told, 2 wait", "{}", promise.seen);
        for (told, counts) in [
            (Told { missing: 1, ..well }, none),
            (Told { given_up: 1, ..well }, none),
            (Told { unwritten: 1, ..well }, none),
            (well, ReceiverCounts { out_of_order: 1, ..none }),
            (well, ReceiverCounts { wrong_signatures: 1, ..none }),
        ] {
            let promise = all_told(&findings(told, counts));
            assert!(!promise.held && promise.seen.contains("; 1 "), "{}", promise.seen);
        }
    }
}
