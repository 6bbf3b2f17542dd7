//! The least that a function in Rust is: the runtime's loop, and an answer. What starts no later than this has nothing to
//! gain at its start.

use lambda_runtime::{Error, LambdaEvent, service_fn};
use serde_json::Value;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    lambda_runtime::run(service_fn(async |_: LambdaEvent<Value>| Ok::<_, Error>("hello"))).await
}
