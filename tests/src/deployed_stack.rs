//! Pulse as it is deployed: the template on the emulator with IAM enforced, the real Lambdas, and
//! stand-ins for the providers.

mod operating;

use std::{collections::BTreeMap, process::Command, time::Duration};

use aws_sdk_lambda::{config::timeout::TimeoutConfig, operation::invoke::InvokeError, primitives::Blob};
use aws_sdk_sqs::types::{MessageSystemAttributeName, QueueAttributeName};
use pulse_aws::stack::Stack;
use pulse_aws::{clock::SystemClock, dynamodb::DynamoDbLedger, sdk};
use pulse_core::{
    customer::Customer,
    enrollment::Enrollment,
    entry::Entry,
    ports::{Clock as _, Ledger as _},
};
use pulse_local::{
    deployment::{Deployment, StackPlan},
    emulator::Emulator,
    standins::{MailStandIn, PartnerStandIn, ScoreStandIn, StandInLatency, StandInOptions},
};
use tokio::time::{Instant, interval};

use crate::emulator::{packages, progress, workspace};

/// Longer than anything that a healthy stack needs.
const PATIENCE: Duration = Duration::from_mins(5);

/// A deployed stack with its providers.
pub struct DeployedStack {
    /// The stack.
    pub stack: Stack,
    /// The scoring provider.
    pub score: ScoreStandIn,
    /// The email provider.
    pub mail: MailStandIn,
    /// Whom campaigns call, if the stack has a stage for it.
    pub partner: Option<Box<PartnerStandIn>>,
    endpoint: String,
    plan: StackPlan,
}

impl DeployedStack {
    /// Deploys a stack of this name to an emulator. `test` is the name of the test program.
    ///
    /// # Panics
    /// When it can't be deployed.
    pub async fn build(emulator: &Emulator, name: &str, test: &str, latency: Duration) -> Self {
        Self::build_with(emulator, name, test, latency, &[]).await
    }

    /// The same, with parameters that differ.
    ///
    /// # Panics
    /// When it can't be deployed.
    pub async fn build_with(
        emulator: &Emulator,
        name: &str,
        test: &str,
        latency: Duration,
        changes: &[(&str, &str)],
    ) -> Self {
        Box::pin(Self::build_of(emulator, name, test, latency, changes, None)).await
    }

    /// The same with a partner that campaigns may call.
    ///
    /// # Panics
    /// When it can't be deployed.
    pub async fn build_calling(emulator: &Emulator, name: &str, test: &str, latency: Duration) -> Self {
        let options = StandInOptions { latency: StandInLatency::constant(latency), ..StandInOptions::default() };
        let partner = PartnerStandIn::start(options).await.expect("a partner's stand-in");
        Box::pin(Self::build_of(emulator, name, test, latency, &[], Some(Box::new(partner)))).await
    }

    async fn build_of(
        emulator: &Emulator,
        name: &str,
        test: &str,
        latency: Duration,
        changes: &[(&str, &str)],
        partner: Option<Box<PartnerStandIn>>,
    ) -> Self {
        let stand_in = || StandInOptions { latency: StandInLatency::constant(latency), ..StandInOptions::default() };
        let score = ScoreStandIn::start(stand_in()).await.expect("a scoring stand-in");
        let mail = MailStandIn::start(stand_in()).await.expect("an email stand-in");
        // Half of them in either store.
        let (score_secret, mail_secret) = (format!("/{name}/scoring"), format!("{name}/mail"));
        let feedback_secret = format!("/{name}/feedback");
        let parameters = [
            ("ScoreUrl", score.url()),
            ("ScoreSecret", score_secret.clone()),
            ("MailProvider", "marketing-cloud".into()),
            ("Sender", "Pulse <pulse@example.com>".into()),
            ("MarketingCloudUrl", mail.url()),
            ("MarketingCloudAuthUrl", mail.auth_url()),
            ("MarketingCloudDefinition", "pulse-monthly".into()),
            ("MarketingCloudSecret", mail_secret.clone()),
            ("FeedbackSecret", feedback_secret.clone()),
        ];
        let credentials = serde_json::json!({
            "client_id": mail.client_id(), "client_secret": mail.client_secret(),
        });
        let authorization = serde_json::json!({ "authorization": score.authorization() });
        let changes = changes.iter().map(|(key, value)| (*key, (*value).to_owned()));
        let call_secret = format!("{name}/partner");
        let calling = partner.as_ref().map(|partner| [("CallUrl", partner.url()), ("CallSecret", call_secret.clone())]);
        let parameters = parameters.into_iter().chain(calling.into_iter().flatten()).chain(changes);
        let mut secrets = BTreeMap::from([
            (score_secret, authorization.to_string()),
            (mail_secret, credentials.to_string()),
            (feedback_secret, crate::intake::secret().to_string()),
        ]);
        if let Some(partner) = &partner {
            let authorization = serde_json::json!({ "authorization": partner.authorization() });
            secrets.insert(call_secret, authorization.to_string());
        }
        let plan = StackPlan {
            stack: name.into(),
            parameters: parameters.map(|(key, value)| (key.to_owned(), value)).collect(),
            secrets,
        };
        let deployment =
            Deployment::deploy(&workspace(), emulator.endpoint(), packages(test), &plan, &progress()).await;
        let deployment = deployment.unwrap_or_else(|error| panic!("{error:#}"));
        let stack = Stack { aws: deployment.aws, outputs: deployment.outputs };
        Self { stack, score, mail, partner, endpoint: emulator.endpoint().to_owned(), plan }
    }

    /// The ledger.
    ///
    /// # Panics
    /// When the stack doesn't say which table it is.
    #[must_use]
    pub fn ledger(&self) -> DynamoDbLedger {
        self.stack.ledger().expect("the stack has a table")
    }

    /// Puts customers on the roster.
    ///
    /// # Panics
    /// When that can't be done.
    pub async fn enroll(&self, customers: &[Customer]) {
        let (ledger, schedules) = (self.ledger(), self.stack.schedules().expect("the stack has a schedule group"));
        let enrollment = Enrollment { ledger: &ledger, schedules: &schedules, clock: &SystemClock };
        for customer in customers {
            enrollment.enroll(customer, SystemClock.now()).await.expect("enrolled");
        }
    }

    /// Queues any text on one of the stack's queues, told by its output.
    ///
    /// # Panics
    /// When that can't be done.
    pub async fn send(&self, queue: &str, body: &str) {
        let client = sdk::sqs_client(&self.stack.aws);
        client.send_message().queue_url(self.output(queue)).message_body(body).send().await.expect("sent");
    }

    /// Receives the messages of a queue, as the console does, and deletes those that `take` wants.
    ///
    /// # Panics
    /// When that can't be done.
    pub async fn take(&self, queue: &str, take: impl Fn(&str) -> bool) -> Vec<String> {
        let client = sdk::sqs_client(&self.stack.aws);
        let receive = client
            .receive_message()
            .queue_url(self.output(queue))
            .max_number_of_messages(10)
            .visibility_timeout(0)
            .message_system_attribute_names(MessageSystemAttributeName::ApproximateReceiveCount);
        let received = receive.send().await.expect("received");
        let mut taken = Vec::new();
        for message in received.messages() {
            let body = message.body().unwrap_or_default();
            if take(body) {
                let receipt = message.receipt_handle().expect("a receipt");
                let delete = client.delete_message().queue_url(self.output(queue)).receipt_handle(receipt);
                delete.send().await.expect("deleted");
                taken.push(body.to_owned());
            }
        }
        taken
    }

    /// How many messages of a queue wait, or are someone's.
    ///
    /// # Panics
    /// When the queue can't be asked.
    pub async fn depth(&self, queue: &str) -> usize {
        let names = [
            QueueAttributeName::ApproximateNumberOfMessages,
            QueueAttributeName::ApproximateNumberOfMessagesNotVisible,
        ];
        let ask = sdk::sqs_client(&self.stack.aws).get_queue_attributes().queue_url(self.output(queue));
        let answer = ask.set_attribute_names(Some(names.to_vec())).send().await.expect("attributes");
        let count = |name| answer.attributes()?.get(name)?.parse::<usize>().ok();
        names.iter().map(|name| count(name).expect("a number")).sum()
    }

    /// Invokes a function, told by its output, and says what it answered.
    ///
    /// # Panics
    /// When it can't be invoked, or fails.
    pub async fn invoke(&self, function: &str) -> serde_json::Value {
        self.invoke_with(function, "{}").await
    }

    /// The same, with a payload.
    ///
    /// # Panics
    /// When it can't be invoked, or fails.
    pub async fn invoke_with(&self, function: &str, payload: &str) -> serde_json::Value {
        let client = sdk::lambda_client(&self.stack.aws);
        let invoke = client.invoke().function_name(self.output(function)).payload(Blob::new(payload.as_bytes()));
        // Given up early, it would run on, and be asked for once more.
        let patient = || aws_sdk_lambda::config::Builder::default().timeout_config(TimeoutConfig::disabled());
        // The tick runs alone: its schedule, or an order that was given just now, may have it run at this moment.
        let answer = eventually("the function is free", async || {
            match invoke.clone().customize().config_override(patient()).send().await {
                Err(error) if error.as_service_error().is_some_and(InvokeError::is_too_many_requests_exception) => None,
                answer => Some(answer.expect("invoked")),
            }
        })
        .await;
        let payload = answer.payload().map(|blob| blob.as_ref().to_vec()).unwrap_or_default();
        assert_eq!(answer.function_error(), None, "{}", String::from_utf8_lossy(&payload));
        serde_json::from_slice(&payload).expect("JSON")
    }

    /// A customer's newest entry that isn't waiting for its slot.
    ///
    /// # Panics
    /// When the ledger can't be read.
    pub async fn entry(&self, customer: &Customer) -> Option<Entry> {
        let entries = self.ledger().entries(&customer.id).await.expect("readable");
        entries.into_iter().find(|entry| entry.state() != "scheduled")
    }

    /// Waits until a customer's entry is as it should be.
    ///
    /// # Panics
    /// When it takes too long.
    pub async fn until(&self, customer: &Customer, as_it_should_be: impl Fn(&Entry) -> bool) -> Entry {
        let look = async || self.entry(customer).await.filter(|entry| as_it_should_be(entry));
        eventually(&format!("{} is as it should be", customer.id), look).await
    }

    /// How many mails the provider accepted for a customer.
    #[must_use]
    pub fn mails(&self, customer: &Customer) -> usize {
        self.mail.accepted_by_customer().get(customer.id.as_str()).copied().unwrap_or(0)
    }

    /// What the stack says of itself under this name.
    ///
    /// # Panics
    /// When it doesn't.
    #[must_use]
    pub fn output(&self, name: &str) -> &str {
        self.stack.outputs.get(name).expect("an output")
    }
}

/// Looks until there is something to be seen.
///
/// # Panics
/// When there is nothing for too long; with `what` was expected.
pub async fn eventually<T>(what: &str, look: impl AsyncFn() -> Option<T>) -> T {
    let started = Instant::now();
    let mut looks = interval(Duration::from_millis(200));
    loop {
        looks.tick().await;
        if let Some(seen) = look().await {
            return seen;
        }
        assert!(started.elapsed() < PATIENCE, "not within {} s: {what}", PATIENCE.as_secs());
    }
}

/// Kills the processes of an emulator's Lambdas, as the kernel would for want of memory. Says how
/// many there were.
///
/// # Panics
/// When the processes can't be listed.
#[must_use]
pub fn kill_lambdas(emulator: &Emulator) -> usize {
    let state = emulator.log_path().and_then(|log| log.parent()).expect("an emulator of our own");
    let state = state.to_str().expect("a path in UTF-8");
    let listing = Command::new("ps").args(["-eww", "-o", "pid=,args="]).output().expect("ps");
    let listing = String::from_utf8_lossy(&listing.stdout).into_owned();
    let bootstraps: Vec<_> = listing
        .lines()
        .filter(|line| line.contains(state) && line.contains("bootstrap") && !line.contains("launch.py"))
        .filter_map(|line| line.split_whitespace().next())
        .collect();
    for pid in &bootstraps {
        // It may have ended by itself since.
        let _ = Command::new("kill").args(["-9", pid]).output();
    }
    bootstraps.len()
}
