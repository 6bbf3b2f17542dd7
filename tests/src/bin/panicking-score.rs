//! The score function as it is shipped, with code in it that panics on one customer. It refuses a batch in which
//! another customer's message comes for a second time, as one does that had to pay for the panic.

use std::sync::Arc;

use async_trait::async_trait;
use aws_lambda_events::event::sqs::{SqsEvent, SqsMessage};
use lambda_runtime::{Error, LambdaEvent, service_fn};
use pulse_core::{
    ports::{ScoreError, ScoreRequest, Scorer},
    score::Score,
};
use score::Function;

const PANICS_ON: &str = "panic-40";

/// A scoring provider whose answer for one customer the code can't bear.
struct Panicking(Arc<dyn Scorer>);

#[async_trait]
impl Scorer for Panicking {
    async fn score(&self, request: &ScoreRequest) -> Result<Score, ScoreError> {
        let answer = self.0.score(request).await;
        assert!(request.entry.customer.as_str() != PANICS_ON, "what it says may be personal data: ada@example.com");
        answer
    }
}

fn is_a_neighbour_again(message: &SqsMessage) -> bool {
    let receives = message.attributes.get("ApproximateReceiveCount");
    let is_neighbour = !message.body.as_ref().is_some_and(|body| body.contains(PANICS_ON));
    is_neighbour && receives.is_some_and(|receives| receives != "1")
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let function = Function::start_with(|scorer| Arc::new(Panicking(scorer))).await?;
    lambda_runtime::run(service_fn(async |event: LambdaEvent<SqsEvent>| {
        if event.payload.records.iter().any(is_a_neighbour_again) {
            return Err("a neighbour's message comes again".into());
        }
        Ok::<_, Error>(function.handle(event.payload, event.context.deadline).await?)
    }))
    .await
}
