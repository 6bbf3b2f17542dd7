//! A stack as it is operated: who comes due, what holds a stage, and what must have come of it all.

use aws_sdk_lambda::types::Environment;
use jiff::Timestamp;
use pulse_aws::{sdk, stack::describe};
use pulse_core::{
    customer::Customer,
    entry::{Entry, EntryId, StageName},
    message::WorkMessage,
    ports::Ledger as _,
    run::RunId,
};
use pulse_local::deployment::{Deployment, Packages};
use serde_json::Value;

use super::{DeployedStack, eventually};
use crate::emulator::{progress, workspace};

impl DeployedStack {
    /// Deploys the stack again, with these packages.
    ///
    /// # Panics
    /// When that can't be done.
    pub async fn deploy(&self, packages: &Packages) {
        let deployed = Deployment::deploy(&workspace(), &self.endpoint, packages, &self.plan, &progress()).await;
        deployed.unwrap_or_else(|error| panic!("{error:#}"));
    }

    /// Deletes the stack, and waits until it is gone.
    ///
    /// # Panics
    /// When that can't be done.
    pub async fn delete(&self) {
        let client = sdk::cloudformation_client(&self.stack.aws);
        let name = self.stack.outputs.stack();
        client.delete_stack().stack_name(name).send().await.expect("a stack that can be deleted");
        eventually("the stack is gone", async || {
            let found = describe(&client, name).await.expect("an answer");
            let status = found.and_then(|stack| stack.stack_status().map(|status| status.as_str().to_owned()));
            status.is_none_or(|status| status == "DELETE_COMPLETE").then_some(())
        })
        .await;
    }

    /// Deploys the stack again with parameters set, and goes by what it says of itself then.
    ///
    /// # Panics
    /// When that can't be done.
    pub async fn deploy_with(&mut self, packages: &Packages, parameters: &[(&str, &str)]) {
        let parameters = parameters.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        self.plan.parameters.extend(parameters);
        let deployed = Deployment::deploy(&workspace(), &self.endpoint, packages, &self.plan, &progress()).await;
        self.stack.outputs = deployed.unwrap_or_else(|error| panic!("{error:#}")).outputs;
    }

    /// Has the tick take the stack for one that was deployed long ago, so that what is done in the console isn't
    /// taken for the deployment's doing, and try a provider that is out of order again soon.
    ///
    /// # Panics
    /// When that can't be done.
    pub async fn let_the_tick_hurry(&self) {
        let variables = [("DEPLOYED_WITHIN_SECONDS", "0"), ("BREAKER_COOL_DOWN_SECONDS", "10")];
        self.set_variables("TickFunctionName", &variables).await;
    }

    /// Sets variables of a function, told by its output.
    ///
    /// # Panics
    /// When that can't be done.
    pub async fn set_variables(&self, function: &str, changes: &[(&str, &str)]) {
        let client = sdk::lambda_client(&self.stack.aws);
        let name = self.output(function);
        let found = client.get_function_configuration().function_name(name).send().await.expect("a function");
        let environment = found.environment().and_then(|environment| environment.variables());
        let mut variables = environment.expect("variables").clone();
        variables.extend(changes.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
        let environment = Environment::builder().set_variables(Some(variables)).build();
        let update = client.update_function_configuration().function_name(name).environment(environment);
        update.send().await.expect("variables that can be set");
    }

    /// Makes the template's five minutes short: a change of lanes waits for what may be under way. A worker keeps nine seconds
    /// for its end.
    ///
    /// # Panics
    /// When they can't be set.
    pub async fn shorten_invocations(&self) {
        let client = sdk::lambda_client(&self.stack.aws);
        for (function, variable) in
            [("ScoreFunctionName", "SCORE_TIMEOUT_SECONDS"), ("EmailFunctionName", "MAIL_TIMEOUT_SECONDS")]
        {
            self.set_variables(function, &[(variable, "2")]).await;
            let update = client.update_function_configuration().function_name(self.output(function)).timeout(15);
            update.send().await.expect("set");
        }
    }

    /// The stage's part of what a tick answers.
    ///
    /// # Panics
    /// When the tick fails.
    pub async fn tick(&self, stage: StageName) -> Value {
        let told = self.invoke("TickFunctionName").await;
        let stages = told["stages"].as_array().expect("stages");
        stages.iter().find(|told| told["stage"] == stage.as_str()).cloned().expect("the stage")
    }

    /// Ticks until the stage is held so. The emulator ticks every minute too, and one tick may be in another's way.
    ///
    /// # Panics
    /// When it takes too long.
    pub async fn until_held(&self, stage: StageName, held: &str) {
        eventually(&format!("the {stage} stage is {held}"), async || {
            (self.tick(stage).await["held"] == held).then_some(())
        })
        .await;
    }

    /// Waits until a mapping, told by its output, is in this state.
    ///
    /// # Panics
    /// When it takes too long.
    pub async fn until_mapping(&self, mapping: &str, state: &str) {
        let client = sdk::lambda_client(&self.stack.aws);
        eventually(&format!("{mapping} is {state}"), async || {
            let found = client.get_event_source_mapping().uuid(self.output(mapping)).send().await;
            (found.expect("a mapping").state() == Some(state)).then_some(())
        })
        .await;
    }

    /// Puts customers on the roster, and has their schedules fire.
    ///
    /// # Panics
    /// When that can't be done.
    pub async fn set_due(&self, customers: &[Customer]) {
        self.enroll(customers).await;
        for customer in customers {
            self.send("ScoreQueueUrl", &WorkMessage::schedule_input(&customer.id)).await;
        }
    }

    /// Opens an entry of a month long ago that was due at `due`, and of which no message was ever sent.
    ///
    /// # Panics
    /// When that can't be done.
    pub async fn open_overdue(&self, customer: &Customer, due: Timestamp) -> Entry {
        let id = EntryId::of(customer.id.clone(), RunId::parse("2020-01").expect("a run"));
        let entry = Entry::scheduled(id, due, None);
        assert!(self.ledger().open(&entry).await.expect("the ledger takes it"), "{} was there", entry.id());
        entry
    }

    /// Waits until everyone's newest entry is sent, and holds it against the provider: one mail each, and nothing
    /// in a dead-letter queue.
    ///
    /// # Panics
    /// When someone was mailed twice, something is dead, or it takes too long.
    pub async fn all_mailed_once(&self, customers: &[Customer]) {
        for customer in customers {
            self.until(customer, |entry| entry.state() == "sent").await;
        }
        for customer in customers {
            assert_eq!(self.mails(customer), 1, "{}", customer.id);
        }
        for queue in ["ScoreDlqUrl", "EmailDlqUrl"] {
            assert_eq!(self.take(queue, |_| false).await, Vec::<String>::new());
        }
    }
}
