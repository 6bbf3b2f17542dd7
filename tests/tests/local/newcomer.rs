use std::{
    collections::BTreeSet,
    io::{BufRead as _, BufReader},
    process::{Command, Stdio},
    thread::sleep,
    time::Duration,
};

use serde_json::{Value, json};

use super::{Started, alone, free_port, in_checkout, processes_with, pulse, pulse_local};

const CUSTOMERS: &str = "40";

/// A command about the running `pulse local`, typed outside the checkout: its status, and what it printed.
fn local(arguments: &[&str]) -> (i32, String) {
    let output = pulse().current_dir("/").arg("--local").args(arguments).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(!text.contains('\u{1b}'), "colours, and no terminal");
    (output.status.code().unwrap(), text + &String::from_utf8_lossy(&output.stderr))
}

fn json(arguments: &[&str]) -> Value {
    let (status, text) = local(&[arguments, &["--json"]].concat());
    assert_eq!(status, 0, "{arguments:?}: {text}");
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{arguments:?}: {error}: {text}"))
}

/// Everything at once, because it takes two minutes: the schedules fire at a full minute.
#[test]
fn customers_schedules_fire_every_promise_holds_and_the_commands_tell_of_it() {
    let _alone = alone();
    let port = free_port();
    let own = tempfile::tempdir().unwrap();
    let program = pulse_local()
        .env("TMPDIR", own.path())
        .args(["--customers", CUSTOMERS, "--port", &port, "--json"])
        .args(["--score-latency", "0.2", "--email-latency", "0.3"])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut program = Started(program);
    let findings = first_json(program.0.stdout.take().unwrap());
    for promise in findings["promises"].as_array().unwrap() {
        assert_eq!(promise["held"], true, "{promise}");
    }
    let entries = findings["entries"].as_object().unwrap();
    assert_eq!(entries.values().filter_map(Value::as_u64).sum::<u64>(), 40, "{entries:?}");
    assert_eq!(findings["mails"]["1"], entries["sent"], "{findings}");
    what_became_of_the_mails(&findings);
    what_another_system_was_told(&findings);

    assert_eq!(pulse().args([&format!("--local={port}"), "status"]).output().unwrap().status.code(), Some(0));
    what_status_says(entries["sent"].as_u64().unwrap());
    what_is_said_of_a_customer(findings["example"].as_str().unwrap());
    what_happens_while_another_system_is_down(findings["receiver"]["page"].as_str().unwrap());
    what_looking_after_it_says();
    what_enrolling_says();

    Command::new("kill").args(["-INT", &program.0.id().to_string()]).status().unwrap();
    assert_eq!(program.0.wait().unwrap().code(), Some(0));
    assert_eq!(processes_with(own.path().to_str().unwrap()), Vec::<String>::new());
    let (status, said) = local(&["status"]);
    assert_eq!(status, 1);
    assert!(said.contains("No `pulse local` is running here"), "{said}");
}

/// The summary, which is the first JSON on standard output.
fn first_json(stdout: impl std::io::Read) -> Value {
    let mut text = String::new();
    for line in BufReader::new(stdout).lines() {
        text += &line.unwrap();
        if let Ok(value) = serde_json::from_str(&text) {
            return value;
        }
    }
    panic!("it ended without a summary: {text}")
}

/// Of the roster's first customers one's address comes back, and one clicks the link to unsubscribe.
fn what_became_of_the_mails(findings: &Value) {
    let sent = findings["entries"]["sent"].as_u64().unwrap();
    let outcomes = findings["outcomes"].as_object().unwrap();
    assert_eq!(outcomes["bounced: no such mailbox"], 1, "{findings}");
    assert_eq!(outcomes["delivered"].as_u64(), Some(sent - 1), "{findings}");
    assert_eq!((&findings["opted_out"], &findings["events"]["told"]), (&json!(1), &json!(sent + 1)), "{findings}");

    let inbox = findings["inbox"].as_str().unwrap();
    let look = |path: &str| page(&format!("{inbox}{path}"));
    assert_eq!(look("/").matches("<td class=\"subject\">").count() as u64, sent);
    let mail = look("/mails/0").replace("&#x2f;", "/");
    let link = mail.split("<form action=\"").nth(1).and_then(|rest| rest.split('"').next()).unwrap();
    assert!(link.contains("/_aws/execute-api/") && look("/mails/0/letter").contains(link), "{mail}");
    assert!(page(link).contains("name=\"List-Unsubscribe\""), "the page behind the link");
}

/// Every fact of the forty, once and in order, and nothing of them but who, what and when. Two had opted out before they were
/// enrolled.
fn what_another_system_was_told(findings: &Value) {
    let (receiver, sent) = (&findings["receiver"], findings["entries"]["sent"].as_u64().unwrap());
    let skipped = 40 - sent;
    let expected = json!({
        "mail.sent": sent, "mail.delivered": sent - 1, "mail.bounced": 1, "mail.skipped": skipped,
        "customer.unsubscribed": 2 + 1,
    });
    assert_eq!(receiver["facts"], expected, "{receiver}");
    for wrong in ["repeats", "out_of_order", "wrong_signatures", "failed"] {
        assert_eq!(receiver["counts"][wrong], 0, "{wrong}: {receiver}");
    }
    assert_eq!(receiver["told"]["waiting"], 0, "{receiver}");
    let shown = page(receiver["page"].as_str().unwrap());
    assert!(shown.contains("It works.") && shown.contains("mail.delivered"), "{shown}");
    let told = facts(receiver["page"].as_str().unwrap());
    for fact in told["facts"].as_array().unwrap() {
        let body = fact["body"].as_str().unwrap();
        let thin: Value = serde_json::from_str(body).unwrap();
        let data: BTreeSet<_> = thin["data"].as_object().unwrap().keys().map(String::as_str).collect();
        assert!(data.is_subset(&["customer", "run", "version"].into()) && !body.contains('@'), "{body}");
    }
}

/// What the receiver has.
fn facts(receiver: &str) -> Value {
    serde_json::from_str(&page(&format!("{receiver}/facts"))).unwrap()
}

fn of_customer(told: &Value, id: &str) -> Vec<String> {
    let facts = told["facts"].as_array().unwrap().iter().filter(|fact| fact["customer"] == id);
    facts.map(|fact| fact["type"].as_str().unwrap().to_owned()).collect()
}

fn what_happens_while_another_system_is_down(receiver: &str) {
    let told = facts(receiver);
    let customers = told["facts"].as_array().unwrap().iter().filter_map(|fact| fact["customer"].as_str());
    let well = ["mail.sent", "mail.delivered"];
    let id = customers.map(str::to_owned).find(|id| of_customer(&told, id) == well).expect("one whose mail arrived");
    assert_eq!(
        asked(reqwest::Method::POST, &format!("{receiver}/fault/500")),
        "The receiver answers 500 from now on.\n"
    );
    let (status, said) = local(&["opt-out", &id, "--note", "asked by phone"]);
    assert_eq!(status, 0, "{said}");
    until("it was told in vain", || facts(receiver)["counts"]["failed"].as_u64() > Some(0));
    assert_eq!(json(&["endpoint", "list"])["endpoints"][0]["waiting"]["deliveries"], 1);
    assert_eq!(of_customer(&facts(receiver), &id), well);
    asked(reqwest::Method::POST, &format!("{receiver}/fault/none"));
    until("it was told", || {
        of_customer(&facts(receiver), &id).last().is_some_and(|last| last == "customer.unsubscribed")
    });
}

/// Looks until it is so: for two minutes at the most.
fn until(what: &str, is_so: impl Fn() -> bool) {
    let is_so = (0..600).any(|_| {
        sleep(Duration::from_millis(200));
        is_so()
    });
    assert!(is_so, "not within two minutes: {what}");
}

fn page(url: &str) -> String {
    asked(reqwest::Method::GET, url)
}

fn asked(method: reqwest::Method, url: &str) -> String {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let look = async {
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        client.request(method, url).send().await.unwrap().error_for_status().unwrap().text().await.unwrap()
    };
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(look)
}

fn what_status_says(sent: u64) {
    let status = json(&["status"]);
    let runs = status["runs"].as_object().unwrap();
    let count = |place: &str| runs.values().filter_map(|run| run[place].as_u64()).sum::<u64>();
    assert_eq!(count("sent"), sent, "{status}");
    assert_eq!(count("scheduled"), status["roster"]["active"].as_u64().unwrap(), "{status}");
    for lanes in status["lanes"].as_array().unwrap() {
        let most = if lanes["stage"] == "deliver" { 2 } else { 5 };
        assert_eq!(lanes["maximum_concurrency"], most, "{lanes}");
        assert_eq!(lanes["reserved_concurrency"], most, "{lanes}");
    }
    let (_, text) = local(&["status"]);
    for heading in ["Roster", "Queues", "Lanes", "score DLQ", "mapping enabled"] {
        assert!(text.contains(heading), "{heading}: {text}");
    }
}

fn what_is_said_of_a_customer(id: &str) {
    let story = json(&["customer", id]);
    assert_eq!(story["entries"][1]["state"], "sent", "{story}");
    assert_eq!(story["entries"][0]["state"], "scheduled", "{story}");
    let (_, text) = local(&["customer", id]);
    assert!(text.contains("live, next at"), "{text}");

    let folder = tempfile::tempdir().unwrap();
    let preview = json(&["preview", id, "--out", folder.path().to_str().unwrap()]);
    let html = std::fs::read_to_string(preview["html"].as_str().unwrap()).unwrap();
    let score = story["entries"][1]["score"]["value"].as_u64().unwrap();
    assert!(html.contains(&score.to_string()), "{html}");
    assert!(preview["subject"].as_str().is_some_and(|subject| !subject.is_empty()));

    let (status, said) = local(&["customer", "nobody"]);
    assert_eq!(status, 1);
    assert!(said.contains("Customer nobody is not on the roster"), "{said}");
}

fn what_looking_after_it_says() {
    let (status, said) = local(&["audit", "--deep"]);
    assert!(status == 0 && said.contains("Nothing is amiss"), "{status}: {said}");
    let (status, said) = local(&["settle"]);
    assert!(status == 0 && said.contains("No mail is in doubt"), "{status}: {said}");
    let unknown = ["settle", "c-0001", "--run", "2020-01", "--sent", "m-1", "--note", "Seen."];
    let (status, said) = local(&unknown);
    assert!(status == 1 && said.contains("there is no entry c-0001/2020-01"), "{status}: {said}");
    let (status, said) = local(&["redrive", "email", "--run", "2020-01"]);
    assert!(
        status == 0 && said.contains("There is nothing to do: to redrive what the email stage gave up in run 2020-01"),
        "{status}: {said}"
    );
}

fn what_enrolling_says() {
    let folder = tempfile::tempdir().unwrap();
    let rejects = folder.path().join("rejects.csv");
    let roster = in_checkout("infra/roster-with-mistakes.csv");
    let enroll = ["enroll", roster.to_str().unwrap(), "--rejects", rejects.to_str().unwrap()];
    let (status, said) = local(&enroll);
    assert_eq!(status, 3, "{said}");
    let told = |said: &str, line: [&str; 2]| said.lines().any(|told| told.split_whitespace().eq(line));
    assert!(told(&said, ["rejected", "5"]) && said.contains("line "), "{said}");
    assert_eq!(std::fs::read_to_string(&rejects).unwrap().lines().count(), 6);
    // Again: nothing new, and nobody twice.
    let (_, said) = local(&enroll);
    assert!(told(&said, ["new", "0"]), "{said}");

    let status = json(&["status"]);
    let id = "c-0001";
    assert_eq!(local(&["unenroll", id]).0, 0);
    let after = json(&["status"]);
    let active = |status: &Value| status["roster"]["active"].as_u64().unwrap();
    assert_eq!(active(&after), active(&status) - 1);
    assert_eq!(json(&["customer", id])["schedule"], Value::Null);
    assert_eq!(local(&["unenroll", "nobody"]).0, 1);
}
