//! The local emulator as a process: what starts with it ends with it.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::net::TcpListener;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::thread;
use std::time::Duration;

use anyhow::Result;
use aws_sdk_lambda::Client;
use aws_sdk_lambda::primitives::Blob;
use aws_sdk_lambda::types::{FunctionCode, InvocationType, Runtime};
use pulse_aws::sdk::for_emulator;
use pulse_local::emulator::{Emulator, EmulatorOptions};
use pulse_local::lambdas::Package;
use pulse_tests::emulator::{installation, start};

/// A function that never answers, and leaves a process in a session of its own.
const LINGERING: &str = "#!/bin/sh\nsetsid sleep 600 &\nexec sleep 600\n";
/// Launcher, emulator, function, and the process that the function leaves.
const PROCESSES_WITH_A_FUNCTION: usize = 4;
const BETWEEN_LOOKS: Duration = Duration::from_millis(5);
const LOOKS: usize = 6000;

#[tokio::test]
async fn stopping_an_emulator_leaves_no_process_and_no_file_of_it() -> Result<()> {
    let emulator = start(&EmulatorOptions::default());
    let endpoint = emulator.endpoint().to_owned();
    let state = state_of(&endpoint);
    run_a_lingering_function(&endpoint).await?;
    emulator.stop();
    assert_eq!(processes_of(&endpoint), Vec::<u32>::new());
    assert!(!state.exists(), "{} is left", state.display());
    Ok(())
}

#[tokio::test]
async fn killing_the_program_that_started_it_leaves_no_process_and_no_file_of_it() -> Result<()> {
    let mut program = Command::new(env!("CARGO_BIN_EXE_hold-emulator")).stdout(Stdio::piped()).spawn()?;
    let mut endpoint = String::new();
    BufReader::new(program.stdout.take().expect("its output is piped")).read_line(&mut endpoint)?;
    let endpoint = endpoint.trim();
    let state = state_of(endpoint);
    run_a_lingering_function(endpoint).await?;
    program.kill()?; // SIGKILL, which no program can answer
    program.wait()?;
    until("no process is left", || processes_of(endpoint).is_empty());
    assert!(!state.exists(), "{} is left", state.display());
    Ok(())
}

#[tokio::test]
async fn an_emulator_that_dies_takes_its_functions_along() -> Result<()> {
    let emulator = start(&EmulatorOptions::default());
    let endpoint = emulator.endpoint().to_owned();
    run_a_lingering_function(&endpoint).await?;
    let launcher = processes_of(&endpoint)[0];
    let died = processes_of(&endpoint).into_iter().find(|id| parent(*id) == Some(launcher)).expect("the emulator runs");
    assert!(Command::new("kill").args(["-KILL", &died.to_string()]).status()?.success());
    until("no process is left", || processes_of(&endpoint).is_empty());
    Ok(())
}

#[test]
fn a_taken_port_is_an_error_that_names_the_port_and_the_way_out() -> Result<()> {
    let taken = TcpListener::bind("127.0.0.1:0")?;
    let port = taken.local_addr()?.port();
    let options = EmulatorOptions { port: Some(port), ..EmulatorOptions::default() };
    let error = Emulator::start(&installation(), &options).unwrap_err().to_string();
    assert_eq!(
        error,
        format!("Port {port} is taken by another program: end that one, or choose another port with --port.")
    );
    Ok(())
}

#[tokio::test]
async fn two_emulators_run_side_by_side_and_share_nothing() -> Result<()> {
    let one = start(&EmulatorOptions::default());
    let other = start(&EmulatorOptions::default());
    assert_ne!(one.endpoint(), other.endpoint());
    create_function(&client(one.endpoint())).await?;
    assert_eq!(client(one.endpoint()).list_functions().send().await?.functions().len(), 1);
    assert_eq!(client(other.endpoint()).list_functions().send().await?.functions().len(), 0);
    Ok(())
}

#[tokio::test]
async fn an_emulator_that_is_not_there_is_an_error_that_says_what_to_do() -> Result<()> {
    let nobody = TcpListener::bind("127.0.0.1:0")?.local_addr()?;
    let error = Emulator::attach(&format!("http://{nobody}")).await.unwrap_err().to_string();
    assert!(error.contains(&nobody.to_string()) && error.contains("unset AWS_ENDPOINT_URL"), "{error}");
    Ok(())
}

#[tokio::test]
async fn an_emulator_that_was_attached_to_goes_on() -> Result<()> {
    let emulator = start(&EmulatorOptions::default());
    Emulator::attach(emulator.endpoint()).await?.stop();
    Emulator::attach(emulator.endpoint()).await?;
    Ok(())
}

fn client(endpoint: &str) -> Client {
    Client::new(&for_emulator(endpoint))
}

async fn create_function(lambda: &Client) -> Result<()> {
    let folder = tempfile::tempdir()?;
    let program = folder.path().join("lingering");
    fs::write(&program, LINGERING)?;
    let code = FunctionCode::builder().zip_file(Blob::new(Package::of(program)?.bytes())).build();
    lambda
        .create_function()
        .function_name("lingering")
        .runtime(Runtime::Providedal2023)
        .handler("bootstrap")
        .role("arn:aws:iam::000000000000:role/lingering")
        .code(code)
        .timeout(300)
        .send()
        .await?;
    Ok(())
}

async fn run_a_lingering_function(endpoint: &str) -> Result<()> {
    let lambda = client(endpoint);
    create_function(&lambda).await?;
    lambda.invoke().function_name("lingering").invocation_type(InvocationType::Event).send().await?;
    until("the function runs", || processes_of(endpoint).len() >= PROCESSES_WITH_A_FUNCTION);
    Ok(())
}

fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    for _ in 0..LOOKS {
        if is_so() {
            return;
        }
        thread::sleep(BETWEEN_LOOKS);
    }
    panic!("{what}: not in {LOOKS} looks");
}

/// Every process of an emulator, lowest id first: all have inherited its endpoint.
fn processes_of(endpoint: &str) -> Vec<u32> {
    let marker = format!("AWS_ENDPOINT_URL={endpoint}");
    let ids = fs::read_dir("/proc").expect("/proc lists processes").flatten();
    let ids = ids.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    let mut found: Vec<u32> = ids.filter(|id| environment(*id).contains(&marker)).collect();
    found.sort_unstable();
    found
}

/// A process's environment: empty when it has ended.
fn environment(id: u32) -> Vec<String> {
    let bytes = fs::read(format!("/proc/{id}/environ")).unwrap_or_default();
    bytes.split(|byte| *byte == 0).map(|entry| String::from_utf8_lossy(entry).into_owned()).collect()
}

fn parent(id: u32) -> Option<u32> {
    let status = fs::read_to_string(format!("/proc/{id}/status")).ok()?;
    status.lines().find_map(|line| line.strip_prefix("PPid:"))?.trim().parse().ok()
}

/// The folder that holds an emulator's state.
fn state_of(endpoint: &str) -> PathBuf {
    let launcher = processes_of(endpoint)[0];
    let environment = environment(launcher);
    let state = environment.iter().find_map(|entry| entry.strip_prefix("STATE_DIR=")).expect("it has a state folder");
    PathBuf::from(state).parent().expect("it is within the emulator's folder").to_owned()
}
