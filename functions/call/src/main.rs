//! The call function: wires the call stage to its queue.

use call::Function;
use lambda_runtime::{Error, LambdaEvent, service_fn};
use pulse_core::panics;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let function = Function::start().await?;
    lambda_runtime::run(service_fn(async |event: LambdaEvent<_>| {
        // What a panic says may be personal data, and lambda_runtime would answer with it.
        let handled = panics::catch(function.handle(event.payload, event.context.deadline)).await;
        Ok::<_, Error>(handled.map_err(|cause| cause.to_string())??)
    }))
    .await
}
