//! The console function: wires its function URL to the console's pages.

use console::Function;
use lambda_http::{Error, Request, service_fn};
use pulse_core::panics;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let function = Function::start().await?;
    lambda_http::run(service_fn(async |request: Request| {
        // What a panic says may be personal data, and lambda_runtime would answer with it.
        let answered = panics::catch(function.answer(request)).await;
        answered.map_err(|cause| Error::from(cause.to_string()))
    }))
    .await
}
