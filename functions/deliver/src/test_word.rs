//! Word of nothing, to see whether an endpoint takes it: brought as any other, whatever holds the endpoint, and counted nowhere.

use jiff::Timestamp;
use pulse_aws::{
    clock::SystemClock,
    test_word::{TestWordAnswer, TestWordOrder},
};
use pulse_core::{
    delivery::EndpointName,
    failure::Cause,
    ports::{Clock as _, Word},
};

use crate::Function;

/// What it says that it is of.
const EVENT_TYPE: &str = "pulse.test";

impl Function {
    /// Sends it to the endpoint as that is now: whoever has just corrected it wants to see that.
    pub(crate) async fn send_test_word(&self, order: &TestWordOrder) -> TestWordAnswer {
        match self.test_word(&order.test_endpoint).await {
            Ok(took_ms) => TestWordAnswer::Accepted { took_ms },
            Err(cause) => TestWordAnswer::Failed { cause },
        }
    }

    async fn test_word(&self, name: &EndpointName) -> Result<u64, Cause> {
        let endpoints = self.host.endpoints().endpoints().await.map_err(|error| Cause::new(error.to_string()))?;
        let known = endpoints.into_iter().find(|endpoint| endpoint.name == *name && endpoint.removed_at.is_none());
        let endpoint = known.ok_or_else(|| Cause::new(format!("There is no endpoint {name}.")))?;
        let began = SystemClock.now();
        let brought = self.stage.step.courier.bring(&word(began), &endpoint).await;
        brought.map_err(|error| Cause::new(error.to_string()))?;
        let took = SystemClock.now().duration_since(began).as_millis();
        Ok(u64::try_from(took).unwrap_or_default())
    }
}

/// With the millisecond in its id, so that a receiver that drops repeats takes each.
fn word(now: Timestamp) -> Word {
    Word {
        id: format!("test/{}", now.as_millisecond()),
        event_type: EVENT_TYPE,
        as_of: now,
        written_at: now,
        body: format!(r#"{{"type":"{EVENT_TYPE}","timestamp":"{now}","data":{{}}}}"#),
        trace: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Invocation;

    #[test]
    fn an_order_of_test_word_is_told_from_a_batch() {
        let order = r#"{"test_endpoint":"crm"}"#;
        assert!(matches!(serde_json::from_str(order), Ok(Invocation::TestWord(_))));
        assert!(matches!(serde_json::from_str(r#"{"Records":[]}"#), Ok(Invocation::Batch(_))));
        assert!(serde_json::from_str::<Invocation>(r#"{"test_endpoint":"CRM"}"#).is_err());
    }

    #[test]
    fn test_word_is_told_from_all_other_word_and_from_the_one_before() {
        let now: Timestamp = "2026-11-03T10:00:00.123Z".parse().unwrap();
        let word = word(now);
        assert_eq!(word.id, "test/1793700000123");
        assert_eq!(word.body, r#"{"type":"pulse.test","timestamp":"2026-11-03T10:00:00.123Z","data":{}}"#);
    }
}
