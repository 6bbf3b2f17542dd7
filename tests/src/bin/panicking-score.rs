//! The score function as it is shipped, with code in it that panics on one customer.

use std::sync::Arc;

use async_trait::async_trait;
use lambda_runtime::{Error, LambdaEvent, service_fn};
use pulse_core::{
    ports::{ScoreError, ScoreRequest, Scorer},
    score::Score,
};
use score::Function;

/// A scoring provider whose answer for customer `panic-40` the code can't bear.
struct Panicking(Arc<dyn Scorer>);

#[async_trait]
impl Scorer for Panicking {
    async fn score(&self, request: &ScoreRequest) -> Result<Score, ScoreError> {
        let answer = self.0.score(request).await;
        assert!(request.entry.customer.as_str() != "panic-40", "what it says may be personal data: ada@example.com");
        answer
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let function = Function::start_with(|scorer| Arc::new(Panicking(scorer))).await?;
    lambda_runtime::run(service_fn(async |event: LambdaEvent<_>| {
        Ok::<_, Error>(function.handle(event.payload, event.context.deadline).await?)
    }))
    .await
}
