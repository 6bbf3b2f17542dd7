//! `pulse local` on an emulator that differs from Pulse's own as LocalStack does (`like_localstack.py`).

use std::{
    fs,
    path::Path,
    process::{Command, Output, Stdio},
};

use pulse_tests::emulator::{installation, program};
use serde_json::Value;

use super::{alone, free_port, in_checkout, pulse};

/// What `unshare` is told, to be another machine: processes and file systems of its own go with its network.
const OWN_NETWORK: [&str; 8] =
    ["--user", "--map-root-user", "--net", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc"];

/// The command, run beside such an emulator, with its functions on a machine of their own if this one allows it.
fn beside_localstack(folder: &Path, arguments: &[&str]) -> Output {
    let emulator = folder.join("emulator");
    fs::create_dir(&emulator).unwrap();
    let own_network = refusal_of_a_network().inspect(|why| {
        eprintln!("Functions run on this machine's own network, and that they reach it isn't shown: {why}");
    });
    let mut command = if own_network.is_none() {
        let mut command = Command::new("unshare");
        command.args(OWN_NETWORK).arg("sh").env("OWN_NETWORK", "1");
        command
    } else {
        Command::new("sh")
    };
    // Nobody else is on a network of its own: there it is LocalStack's own port.
    let port = if own_network.is_none() { "4566".to_owned() } else { free_port() };
    command.arg(in_checkout("tests/tests/local/beside_localstack.sh")).arg(&emulator).arg(installation().python());
    command.arg(&port).arg(pulse().get_program()).args(arguments);
    if own_network.is_some() {
        command.args(["--stand-ins-host", "localhost"]);
    }
    command
        .current_dir(in_checkout("."))
        .stdin(Stdio::null())
        .env("XDG_STATE_HOME", folder.join("state"))
        .env("AWS_ENDPOINT_URL", format!("http://localhost:{port}"));
    command.output().unwrap()
}

/// Why there can be no network of one's own, if there can't: other systems than Linux have none, and some forbid it.
fn refusal_of_a_network() -> Option<String> {
    let script = "ip link add name try0 type veth peer name try1 && command -v nsenter mount >/dev/null";
    match Command::new("unshare").args(OWN_NETWORK).args(["sh", "-c", script]).output() {
        Ok(output) if output.status.success() => None,
        Ok(output) => Some(String::from_utf8_lossy(&output.stderr).trim().to_owned()),
        Err(error) => Some(format!("unshare: {error}")),
    }
}

#[test]
fn where_nobody_fires_schedules_and_functions_are_elsewhere_every_promise_holds_too() {
    let _alone = alone();
    let folder = tempfile::tempdir().unwrap();
    let functions = program("local", "score");
    let functions = functions.parent().unwrap().to_str().unwrap();
    let line = ["local", "--functions", functions, "--exit", "--json", "--customers", "40"];
    let latencies = ["--score-latency", "0.2", "--email-latency", "0.3"];
    let output = beside_localstack(folder.path(), &[&line[..], &latencies].concat());
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    for words in [
        "LocalStack 4.14.0 (community) answers at http://localhost:",
        "`pulse local` does, at their minute, for as long as it runs",
        "Its functions are told to find the providers' stand-ins at ",
        "least privilege isn't tried",
    ] {
        assert!(said.contains(words), "{words}: {said}");
    }
    if said.contains("cargo lambda build") {
        eprintln!(
            "The functions that this machine builds don't start in LocalStack's containers, which is said: {said}"
        );
        assert_eq!(output.status.code(), Some(1));
        return;
    }
    assert_eq!(output.status.code(), Some(0), "{said}");
    let findings: Value = serde_json::from_slice(&output.stdout).unwrap();
    let promises = findings["promises"].as_array().unwrap();
    // Another system is told where functions reach it.
    let is_told = !findings["receiver"].is_null();
    assert_eq!(promises.len(), if is_told { 11 } else { 10 }, "{findings}");
    assert_ne!(said.contains("Nobody is told of what happens"), is_told, "{said}");
    for promise in promises {
        assert_eq!(promise["held"], true, "{promise}");
    }
    let entries = findings["entries"].as_object().unwrap();
    assert_eq!(entries.values().filter_map(Value::as_u64).sum::<u64>(), 40, "{entries:?}");
    assert!(entries["sent"].as_u64() > Some(0), "{entries:?}");
    assert_eq!(findings["mails"]["1"], entries["sent"], "{findings}");
}
