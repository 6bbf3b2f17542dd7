//! The tick function: wires the sweep to its minute.

use lambda_runtime::{Error, LambdaEvent, service_fn};
use pulse_core::panics;
use serde_json::Value;
use tick::Function;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let function = Function::start().await?;
    lambda_runtime::run(service_fn(async |event: LambdaEvent<Value>| {
        // As EventBridge's rules say it of themselves. Whoever else invokes it wants everything looked at.
        let is_scheduled = event.payload["source"] == "aws.events";
        // What a panic says may be personal data, and lambda_runtime would answer with it.
        let handled = panics::catch(function.handle(is_scheduled)).await;
        Ok::<_, Error>(handled.map_err(|cause| cause.to_string())?)
    }))
    .await
}
