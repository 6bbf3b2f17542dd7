//! Who walks: an operator at a terminal, and one at the AWS console.

use std::process::{Command, Output, Stdio};

use pulse_core::entry::StageName;
use pulse_tests::{
    deployed_stack::DeployedStack,
    emulator::{installation, program, shared, workspace},
};
use serde_json::Value;
use tokio::task::spawn_blocking;

/// What a command printed, and how it ended.
pub(crate) struct Said {
    pub(crate) status: i32,
    pub(crate) text: String,
}

/// Whose credentials a command is run with.
#[derive(Clone)]
pub(crate) struct Keys {
    id: String,
    secret: String,
}

impl Keys {
    /// The emulator's root.
    fn root() -> Self {
        Self { id: "test".into(), secret: "test".into() }
    }

    /// A new user who has a policy, or all of it but a statement, or none at all.
    pub(crate) async fn of_someone_with(name: &str, policy: &str, without: Option<&str>) -> Self {
        let printed = console(&[&["hire", name, policy], without.as_slice()].concat()).await;
        let mut lines = printed.lines().map(str::to_owned);
        let (id, secret) = (lines.next().expect("a key"), lines.next().expect("its secret"));
        Self { id, secret }
    }

    /// Has a command call the emulator with these keys, and ask nobody anything.
    pub(crate) fn give_to(&self, command: &mut Command) {
        command
            .stdin(Stdio::null())
            .env("AWS_ENDPOINT_URL", shared().endpoint())
            .env("AWS_ACCESS_KEY_ID", &self.id)
            .env("AWS_SECRET_ACCESS_KEY", &self.secret)
            .env("AWS_REGION", "us-east-1")
            .env("AWS_DEFAULT_REGION", "us-east-1")
            .env_remove("AWS_PROFILE");
    }
}

/// Types `pulse ..`, about this stack, as someone else than root.
pub(crate) async fn pulse_as(keys: &Keys, stack: &DeployedStack, arguments: &[&str]) -> Said {
    let mut command = Command::new(program("runbook", "pulse"));
    command.args(arguments).args(["--stack", stack.stack.outputs.stack()]).env("USER", "night-shift");
    said(command, keys).await
}

/// Types `pulse ..`, about this stack.
pub(crate) async fn pulse(stack: &DeployedStack, line: &str) -> Said {
    pulse_with(stack, &line.split(' ').collect::<Vec<_>>()).await
}

/// The same, with arguments that have spaces.
pub(crate) async fn pulse_with(stack: &DeployedStack, arguments: &[&str]) -> Said {
    pulse_as(&Keys::root(), stack, arguments).await
}

/// A command that is expected to do all it is asked, and its JSON.
pub(crate) async fn pulse_json(stack: &DeployedStack, line: &str) -> Value {
    let said = pulse(stack, &format!("{line} --json")).await;
    assert_eq!(said.status, 0, "pulse {line}: {}", said.text);
    serde_json::from_str(&said.text).unwrap_or_else(|error| panic!("pulse {line}: {error}: {}", said.text))
}

/// A stage's part of `pulse status`.
pub(crate) async fn status_of(stack: &DeployedStack, stage: StageName) -> Value {
    let status = pulse_json(stack, "status").await;
    let stages = status["stages"].as_array().expect("stages");
    stages.iter().find(|told| told["stage"] == stage.as_str()).cloned().expect("the stage")
}

/// Does something in the AWS console: see console.py.
pub(crate) async fn console(arguments: &[&str]) -> String {
    let mut command = Command::new(installation().python());
    command.arg(workspace().root().join("tests/tests/runbook/console.py")).args(arguments);
    command.env_remove("PYTHONHOME").env_remove("PYTHONPATH").env_remove("VIRTUAL_ENV");
    let said = said(command, &Keys::root()).await;
    assert_eq!(said.status, 0, "console.py {arguments:?}: {}", said.text);
    said.text
}

/// Runs a command with someone's keys, and not on the threads that serve the providers.
async fn said(mut command: Command, keys: &Keys) -> Said {
    keys.give_to(&mut command);
    let line: Vec<_> = command.get_args().map(|argument| argument.to_string_lossy().into_owned()).collect();
    let line = line.join(" ");
    let run = spawn_blocking(move || command.output());
    let Output { status, stdout, stderr } = run.await.expect("it ran").expect("it was started");
    let text = String::from_utf8_lossy(&stdout).into_owned() + &String::from_utf8_lossy(&stderr);
    // Cargo shows it when the test fails.
    println!("$ {line}\n{text}");
    Said { status: status.code().expect("it ended by itself"), text }
}
