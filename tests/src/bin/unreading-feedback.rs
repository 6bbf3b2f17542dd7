//! The feedback function of a release that can read nothing of what comes in.

use aws_lambda_events::event::sqs::SqsEvent;
use lambda_runtime::{Error, LambdaEvent, service_fn};
use pulse_aws::{
    config::{Environment, FeedbackConfig, process_variable},
    intake::{IntakeHost, Taken},
    sdk,
};
use pulse_core::failure::Cause;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let config = FeedbackConfig::read(Environment::new(&process_variable))?;
    let host = IntakeHost::new(&sdk::load().await?, &config);
    lambda_runtime::run(service_fn(async |event: LambdaEvent<SqsEvent>| {
        let unread = async |_| Taken::Unreadable(Cause::new("This release reads nothing."));
        Ok::<_, Error>(host.work(event.payload, event.context.deadline, unread).await?)
    }))
    .await
}
