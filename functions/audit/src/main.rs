//! The audit function: wires the audit to its hour of the day.

use audit::Function;
use lambda_runtime::{Error, LambdaEvent, service_fn};
use serde_json::Value;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let function = Function::start().await?;
    lambda_runtime::run(service_fn(async |_: LambdaEvent<Value>| Ok::<_, Error>(function.handle().await?))).await
}
