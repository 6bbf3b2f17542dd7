//! An endpoint from its first day to its last, by the commands alone.

use axum::{http::StatusCode, response::IntoResponse as _};
use pulse_aws::clock::SystemClock;
use pulse_core::ports::Clock as _;
use pulse_feedback::WebhookVerifier;
use pulse_providers::secret::SecretStores;
use pulse_tests::{
    deployed_stack::{DeployedStack, eventually},
    in_memory_stack::customer,
    providers::webhook_receiver::{Received, WebhookReceiver},
};
use secrecy::ExposeSecret as _;
use serde_json::Value;

use super::{
    RUNTIME, old_stack,
    operator::{pulse, pulse_json, pulse_with},
};

/// What whoever may read the secret gives the receiver.
async fn keys(stack: &DeployedStack) -> String {
    let name = format!("{}/endpoints/crm", stack.stack.outputs.stack());
    SecretStores::new(&stack.stack.aws).read(&name).await.unwrap().expose_secret().to_owned()
}

fn verifies(key: &str, sent: &Received) -> bool {
    WebhookVerifier::new(&[key.into()]).unwrap().verify(&sent.payload(SystemClock.now())).is_ok()
}

async fn done(stack: &DeployedStack, line: &[&str]) -> String {
    let said = pulse_with(stack, line).await;
    assert_eq!(said.status, 0, "{line:?}: {}", said.text);
    said.text
}

async fn of_crm(stack: &DeployedStack) -> Value {
    pulse_json(stack, "endpoint list").await["endpoints"][0].clone()
}

#[test]
fn an_endpoint_is_added_tested_rotated_paused_resumed_and_removed_by_the_commands() {
    RUNTIME.block_on(async {
        let stack = old_stack("walk-endpoint").await;
        let crm = WebhookReceiver::start("127.0.0.1:0", || StatusCode::OK.into_response()).await.unwrap();
        let url = format!("http://{}/t0ken", crm.address);
        let few = ["endpoint", "add", "crm", "--url", &url, "--facts", "all", "--lanes", "1"];
        let refused = pulse_with(&stack, &few).await;
        assert!(refused.status == 1 && refused.text.contains("Give it 2 or a multiple"), "{}", refused.text);
        let added = done(&stack, &["endpoint", "add", "crm", "--url", &url, "--facts", "all"]).await;
        let first = keys(&stack).await;
        for secret in ["t0ken", &first] {
            assert!(!added.contains(secret), "{added}");
        }
        assert!(added.contains("get-secret-value --secret-id"), "{added}");

        done(&stack, &["endpoint", "test", "crm"]).await;
        assert!(verifies(&first, &crm.received()[0]));
        done(&stack, &["endpoint", "rotate", "crm"]).await;
        let twice = pulse(&stack, "endpoint rotate crm").await;
        assert!(
            twice.status == 1 && twice.text.contains("`pulse endpoint rotate crm --finish` first"),
            "{}",
            twice.text
        );
        let both: Value = serde_json::from_str(&keys(&stack).await).unwrap();
        assert_eq!(both["previous"], first);
        done(&stack, &["endpoint", "rotate", "crm", "--finish"]).await;
        let second = keys(&stack).await;
        assert_eq!(both["current"], second);

        done(&stack, &["endpoint", "pause", "crm", "--note", "moving house"]).await;
        let customer = customer("w-moved");
        stack.set_due(std::slice::from_ref(&customer)).await;
        stack.all_mailed_once(std::slice::from_ref(&customer)).await;
        let listed = eventually("word waits", async || {
            let listed = of_crm(&stack).await;
            (listed["waiting"]["deliveries"] == 1).then_some(listed)
        })
        .await;
        assert_eq!(
            (&listed["standing"]["state"], &listed["place"]),
            (&"paused".into(), &crm.address.to_string().into())
        );
        assert_eq!((listed["lanes"].as_u64(), listed["lanes_used"].as_u64()), (Some(4), Some(4)));
        let waits = pulse_json(&stack, "deliveries crm").await["deliveries"][0].clone();
        assert_eq!((&waits["owner"], &waits["fact"]), (&"customer/w-moved".into(), &"sent".into()));
        let why = pulse(&stack, "why w-moved").await.text;
        assert!(why.contains("Of sent in run") && why.contains("It waits for crm, which is paused since"), "{why}");
        assert_eq!(crm.received().len(), 1, "but for test word");

        done(&stack, &["endpoint", "resume", "crm", "--note", "moved"]).await;
        eventually("it is told", async || {
            stack.invoke("TickFunctionName").await;
            (crm.received().len() > 1).then_some(())
        })
        .await;
        let sent = crm.received().remove(1);
        // Within five minutes functions may go by the key of before.
        assert!(verifies(&second, &sent) || verifies(&first, &sent), "{:?}", sent.headers);
        eventually("that is known", async || {
            let why = pulse(&stack, "why w-moved").await.text;
            why.contains("Endpoint crm knows last: sent in run").then_some(())
        })
        .await;

        let unsure = pulse(&stack, "endpoint remove crm").await;
        assert!(unsure.status == 2 && unsure.text.contains("--yes says so"), "{}", unsure.text);
        done(&stack, &["endpoint", "remove", "crm", "--yes"]).await;
        assert_eq!(of_crm(&stack).await["standing"]["state"], "removed");
        let orders = pulse(&stack, "orders --kind endpoint").await.text;
        for what in [
            "add endpoint crm",
            "rotate endpoint crm's key",
            "pause endpoint crm",
            "resume endpoint crm",
            "remove endpoint crm",
        ] {
            assert!(orders.contains(what), "{what}: {orders}");
        }
        assert!(!orders.contains("t0ken"), "{orders}");
    });
}
