//! The runbook's own words: what it says to type can be typed, and what it names is there.

use std::{
    fs,
    path::{Path, PathBuf},
};

use clap::Parser as _;
use pulse_cli::Cli;
use pulse_tests::emulator::workspace;

fn in_checkout(path: &str) -> PathBuf {
    workspace().root().join(path)
}

fn read(path: &str) -> String {
    fs::read_to_string(in_checkout(path)).expect("a file of the checkout")
}

/// The runbook's lines that begin so, each once.
fn lines(beginning: &str) -> Vec<String> {
    let runbook = read("infra/runbook.md");
    let mut lines: Vec<_> =
        runbook.lines().map(str::trim).filter(|line| line.starts_with(beginning)).map(str::to_owned).collect();
    lines.sort();
    lines.dedup();
    lines
}

/// A command line's words, as a shell splits them.
fn words(line: &str) -> Vec<&str> {
    let line = line.split(" #").next().unwrap_or(line);
    let parts = line.split('"').enumerate();
    parts.flat_map(|(n, part)| if n % 2 == 1 { vec![part] } else { part.split_whitespace().collect() }).collect()
}

/// The tests of a program, as cargo names them.
fn tests_of(program: &str) -> Vec<String> {
    let mut names = Vec::new();
    let folder = fs::read_dir(in_checkout("tests/tests").join(program)).expect("a program of several files");
    let paths = folder.map(|file| file.expect("a file").path());
    for path in paths.filter(|path| path.extension().is_some_and(|extension| extension == "rs")) {
        let module = path.file_stem().and_then(|stem| stem.to_str()).expect("a name").to_owned();
        names.extend(functions(&path).into_iter().map(|name| format!("{module}::{name}")));
    }
    names
}

fn functions(path: &Path) -> Vec<String> {
    let text = fs::read_to_string(path).expect("a file of the checkout");
    let after = text.split("test]\n").skip(1).filter_map(|rest| rest.trim_start_matches("async ").strip_prefix("fn "));
    after.filter_map(|rest| rest.split('(').next().map(str::to_owned)).collect()
}

#[test]
fn every_command_can_be_typed_as_it_is_written() {
    let commands = lines("pulse ");
    assert!(commands.len() > 20, "{commands:?}");
    for command in commands {
        if let Err(error) = Cli::try_parse_from(words(&command)) {
            panic!("{command}: {error}");
        }
    }
}

#[test]
fn every_walk_names_tests_that_there_are() {
    let commands = lines("cargo test ");
    assert!(commands.len() >= 5, "{commands:?}");
    for command in commands {
        let ["cargo", "test", "-p", "pulse-tests", "--test", program, filter] = words(&command)[..] else {
            panic!("{command} names no test")
        };
        assert!(tests_of(program).iter().any(|test| test.contains(filter)), "{command} runs nothing");
    }
}

#[test]
fn every_alarm_and_parameter_that_is_named_is_in_the_template() {
    let (runbook, template) = (read("infra/runbook.md"), read("template.yaml"));
    let quoted = runbook.split('`').skip(1).step_by(2);
    let is_name = |text: &&str| text.chars().all(char::is_alphanumeric) && text.starts_with(char::is_uppercase);
    let names: Vec<_> = quoted.filter(is_name).collect();
    assert!(names.contains(&"DeadLettersAlarm") && names.contains(&"SesRate"), "{names:?}");
    for name in names {
        assert!(template.contains(&format!("\n  {name}:\n")), "{name} is not in the template");
    }
}
