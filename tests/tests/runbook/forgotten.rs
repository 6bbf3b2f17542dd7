use std::{fs, path::Path};

use jiff::Timestamp;
use pulse_aws::clock::SystemClock;
use pulse_core::{
    customer::{Contact, Customer},
    ports::{Activity, Clock as _, Ledger as _},
    suppression::{Evidence, Scope, SuppressionReason, change_suppression},
};
use pulse_local::standins::StandInFault;
use pulse_tests::{
    deployed_stack::{DeployedStack, eventually},
    emulator::shared,
    in_memory_stack::customer,
    intake::ses_delivery,
};
use serde_json::Value;

use super::{
    RUNTIME, old_stack,
    operator::{console, pulse, pulse_json, pulse_with},
};

/// Where someone's address is, in whatever the stack stores; and how much was looked through, by store.
async fn found(stack: &DeployedStack, address: &str) -> (Vec<String>, Value) {
    let printed = console(&["find", address, stack.stack.outputs.stack()]).await;
    let mut lines: Vec<_> = printed.lines().map(str::to_owned).collect();
    let looked = serde_json::from_str(&lines.pop().expect("how much")).expect("JSON");
    (lines, looked)
}

/// Files below a folder that hold a text.
fn files_with(folder: &Path, text: &[u8], found: &mut Vec<String>) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        match entry.file_type() {
            Ok(kind) if kind.is_dir() => files_with(&path, text, found),
            Ok(kind) if kind.is_file() => {
                let holds = fs::read(&path).is_ok_and(|bytes| bytes.windows(text.len()).any(|part| part == text));
                found.extend(holds.then(|| path.display().to_string()));
            }
            _ => {}
        }
    }
}

/// Has the address be wherever it can be: profile, months with a mail and with a failure, a note, a suppression.
async fn be_everywhere(stack: &DeployedStack, gone: &Customer, now: Timestamp) {
    stack.set_due(std::slice::from_ref(gone)).await;
    stack.until(gone, |entry| entry.state() == "sent").await;
    let Contact::Email(address) = &gone.contact else { panic!("an address") };
    let ledger = stack.ledger();
    let what = format!("Wrote from {}.", address.expose());
    ledger.note(&Activity { customer: gone.id.clone(), at: now, what }).await.unwrap();
    let evidence = Evidence { at: now, scope: Scope::All, cause: None };
    change_suppression(&ledger, address, |known| known.with(SuppressionReason::Complaint, evidence.clone()))
        .await
        .unwrap();
}

#[test]
fn forgotten() {
    RUNTIME.block_on(async {
        let stack = old_stack("walk-forget").await;
        let (gone, other) = (customer("w-gone"), customer("w-stays"));
        let address = "w-gone@example.com";
        be_everywhere(&stack, &gone, SystemClock.now()).await;
        // The provider quotes the address in its refusal, and the letter is dead.
        let refused = customer("w-gone-2");
        let refused = Customer { contact: gone.contact.clone(), ..refused };
        stack.score.faults().set_rule(|key| key.contains("gone-2").then(|| StandInFault::status(422)));
        stack.set_due(&[refused.clone(), other.clone()]).await;
        stack.until(&refused, |entry| entry.state() == "failed").await;
        stack.until(&other, |entry| entry.state() == "sent").await;

        let (places, looked) = found(&stack, address).await;
        let rows: Vec<_> = places.iter().filter(|place| place.starts_with("table ")).collect();
        assert!(rows.iter().any(|place| place.ends_with("CUST#w-gone / PROFILE")), "{places:?}");
        assert!(rows.iter().any(|place| place.contains("ACT#")), "{places:?}");
        assert_eq!(rows.len(), places.len(), "only profiles and notes hold addresses: {places:?}");
        for store in ["rows", "messages", "logs", "schedules"] {
            assert!(looked[store].as_u64().is_some_and(|count| count > 0), "{store} in {looked}");
        }

        // What came in and is dead: two that name them, of which one can be read, and one of someone else.
        let unreadable = |address: &str| serde_json::json!({ "eventType": 7, "to": address }).to_string();
        let delivered = ses_delivery(&gone.id, SystemClock.now());
        for letter in [unreadable(address), delivered, unreadable("w-stays@example.com")] {
            stack.send("FeedbackDlqUrl", &letter).await;
        }

        // What there is is handed out first, to a file that is its owner's alone.
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("w-gone.json");
        let said = pulse_with(&stack, &["export", "w-gone", "--output", file.to_str().unwrap()]).await;
        assert_eq!(said.status, 0, "{}", said.text);
        let export: Value = serde_json::from_str(&fs::read_to_string(&file).unwrap()).unwrap();
        assert_eq!(export["profile"]["contact"]["email"], address);
        assert_eq!(export["suppression"]["in_force"][0]["reason"], "complaint");
        assert_eq!(
            (export["notes"].as_array().map(Vec::len), export["entries"].as_array().map(Vec::len)),
            (Some(1), Some(2))
        );

        // Nobody is there to be asked.
        let said = pulse_with(&stack, &["forget", "w-gone", "--note", "asked by letter"]).await;
        assert!(said.status == 2 && said.text.contains("--yes"), "{}", said.text);
        for id in ["w-gone", "w-gone-2"] {
            let said = pulse_with(&stack, &["forget", id, "--note", "asked by letter", "--yes"]).await;
            assert_eq!(said.status, 0, "{}", said.text);
            assert!(said.text.contains("is forgotten") && said.text.contains("35 days"), "{}", said.text);
            // That they had the same address is known of both.
            assert!(said.text.contains("2 of 3 dead letters of feedback name them, the last until "), "{}", said.text);
            assert!(said.text.contains("0 of 0 dead letters of unsubscribe name them."), "{}", said.text);
        }
        // Who asks again is told that, and what is kept.
        let said = pulse_with(&stack, &["export", "w-gone"]).await;
        let export: Value = serde_json::from_str(&said.text).unwrap();
        assert_eq!((&export["forgotten"]["note"], export.get("profile")), (&"asked by letter".into(), None));
        let (places, _) = found(&stack, address).await;
        assert!(places.iter().all(|place| place.ends_with("-feedback-dlq")) && !places.is_empty(), "{places:?}");
        let said = pulse(&stack, "redrive feedback").await;
        assert!(said.text.contains("can't be read"), "{}", said.text);
        eventually("what can be read is", async || (stack.depth("FeedbackQueueUrl").await == 0).then_some(())).await;
        let told = pulse_json(&stack, "forget w-gone-2 --note again --yes").await;
        assert_eq!((&told["letters"][0]["looked_at"], &told["letters"][0]["naming"]), (&2.into(), &0.into()), "{told}");
        // Two weeks later.
        assert_eq!(stack.take("FeedbackDlqUrl", |_| true).await.len(), 2);
        let (places, _) = found(&stack, address).await;
        assert_eq!(places, [""; 0], "the address is somewhere still");
        for personal in ["w-gone@", "\"712\""] {
            assert_eq!(found(&stack, personal).await.0, [""; 0], "{personal}");
        }
        let mut files = Vec::new();
        let log = shared().log_path().expect("an emulator of our own");
        files_with(log.parent().expect("its folder"), address.as_bytes(), &mut files);
        assert_eq!(files, [""; 0], "files of functions and of the emulator");

        // The month's roster has them still, and its row changes nothing.
        let roster = folder.path().join("roster.csv");
        let row = "w-gone,Aoife,w-gone@example.com,loan,1.00,EUR,en-IE,,2024-05-10T14:41:00+01:00,active,no";
        let header = "id,name,email,product,balance,currency,locale,time_zone,signed_up_at,status,opted_out";
        fs::write(&roster, format!("{header}\n{row}\n")).unwrap();
        let said = pulse_with(&stack, &["enroll", roster.to_str().unwrap()]).await;
        assert!(said.status == 0 && said.text.contains("forgotten"), "{}", said.text);
        assert_eq!(found(&stack, address).await.0, [""; 0]);
        let told = pulse(&stack, "why w-gone").await.text;
        assert!(told.contains("by root (night-shift): asked by letter") && !told.contains("Aoife"), "{told}");
        let clean = pulse(&stack, "audit --deep").await;
        assert_eq!(clean.status, 0, "{}", clean.text);
        // The suppression stays, under its digest.
        let said = pulse(&stack, &format!("suppressions {address}")).await;
        assert!(said.text.contains("complaint since"), "{}", said.text);
        assert_eq!((stack.mails(&gone), stack.mails(&other)), (1, 1));
    });
}
