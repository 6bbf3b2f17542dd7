use std::{
    io::{BufRead as _, BufReader},
    net::TcpListener,
    process::{Command, Stdio},
};

use super::{Started, alone, free_port, processes_with, pulse, pulse_local};

/// Starts `pulse local`, ends it with a signal once Pulse is deployed, and says how it ended.
fn ended_by(signal: &str, port: &str) -> Option<i32> {
    let program = pulse_local().args(["--port", port]).stderr(Stdio::piped()).spawn().unwrap();
    let mut program = Started(program);
    let mut stderr = BufReader::new(program.0.stderr.take().unwrap()).lines();
    let deployed = stderr.find(|line| line.as_ref().is_ok_and(|line| line.contains("Pulse is deployed")));
    assert!(deployed.is_some(), "it ended before Pulse was deployed");
    Command::new("kill").args([signal, &program.0.id().to_string()]).status().unwrap();
    let status = program.0.wait().unwrap();
    // Whoever still holds its standard error runs still.
    stderr.for_each(drop);
    status.code()
}

#[test]
fn an_interruption_leaves_no_process_behind_whatever_the_signal() {
    let _alone = alone();
    for (signal, status) in [("-INT", Some(130)), ("-TERM", Some(130)), ("-KILL", None)] {
        let port = free_port();
        assert_eq!(ended_by(signal, &port), status, "{signal}");
        assert_eq!(processes_with(&format!("127.0.0.1:{port}")), Vec::<String>::new(), "{signal}");
        // The emulator's port is free again, or soon: it is killed when `pulse` is gone.
        let free = (0..200).any(|_| {
            std::thread::sleep(std::time::Duration::from_millis(20));
            TcpListener::bind(format!("127.0.0.1:{port}")).is_ok()
        });
        assert!(free, "{signal}: the emulator runs still");
    }
}

#[test]
fn a_taken_port_is_one_sentence_that_says_what_to_do_and_it_comes_at_once() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let output = pulse_local().args(["--port", &port]).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(
        String::from_utf8(output.stderr).unwrap(),
        format!("error: Port {port} is taken by another program: end that one, or choose another port with --port.\n")
    );
}

#[test]
fn an_emulator_that_does_not_answer_and_aws_itself_are_refused() {
    let nobody = format!("http://127.0.0.1:{}", free_port());
    for (url, sentence) in [(nobody.as_str(), "does not answer"), ("https://sqs.eu-west-1.amazonaws.com", "AWS itself")]
    {
        let output = pulse().arg("local").env("AWS_ENDPOINT_URL", url).output().unwrap();
        assert_eq!(output.status.code(), Some(1));
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(said.contains(sentence), "{said}");
    }
}
