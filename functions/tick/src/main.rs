//! The tick function: wires the sweep to its minute.

use lambda_runtime::{Error, LambdaEvent, service_fn};
use serde_json::Value;
use tick::Function;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let function = Function::start().await?;
    lambda_runtime::run(service_fn(async |_: LambdaEvent<Value>| Ok::<_, Error>(function.handle().await))).await
}
