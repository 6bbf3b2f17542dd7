//! Builds the functions with cargo and packs them for Lambda.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io::{BufRead as _, BufReader, Cursor, Read, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::{env, fs, thread};

use anyhow::{Context, Result, bail};
use serde_json::Value;
use sha2::{Digest as _, Sha256};
use zip::write::SimpleFileOptions;

use crate::children;
use crate::step::{LocalStep, Progress};
use crate::workspace::Workspace;

/// How cargo is to build the functions, so that it finds their dependencies built already.
#[derive(Clone, Debug)]
pub struct CargoBuild {
    arguments: Vec<String>,
}

impl CargoBuild {
    /// As `cargo run` built this program: the workspace's default members, in the same profile.
    #[must_use]
    pub fn like_cargo_run() -> Self {
        let mut arguments = vec!["--bins".to_owned()];
        arguments.extend(release());
        Self { arguments }
    }

    /// As `cargo test --workspace` built this program. Selecting `test`, the test program that asks, is what
    /// makes cargo count in the features that development dependencies switch on.
    #[must_use]
    pub fn like_cargo_test(test: &str) -> Self {
        let mut arguments = ["--workspace", "--bins", "--test", test].map(str::to_owned).to_vec();
        arguments.extend(release());
        Self { arguments }
    }
}

fn release() -> Option<String> {
    (!cfg!(debug_assertions)).then(|| "--release".to_owned())
}

/// Where the functions' programs come from.
#[derive(Clone, Debug)]
pub enum Programs {
    /// Cargo builds them.
    Build(CargoBuild),
    /// They are in this folder already, by their names, or as cargo-lambda lays them out: NAME/bootstrap.
    In(PathBuf),
}

impl Programs {
    fn locate(&self, workspace: &Workspace, progress: &Progress) -> Result<BTreeMap<String, PathBuf>> {
        match self {
            Self::Build(build) => {
                progress(LocalStep::BuildingFunctions { cargo: None });
                programs(workspace, build, progress)
            }
            Self::In(folder) => Self::programs_of(folder),
        }
    }

    /// The programs of a folder, by their names.
    fn programs_of(folder: &Path) -> Result<BTreeMap<String, PathBuf>> {
        let entries = fs::read_dir(folder).with_context(|| {
            format!("The functions' programs can't be read: {} is no folder that can be", folder.display())
        })?;
        let program = |entry: fs::DirEntry| {
            let (name, path) = (entry.file_name().into_string().ok()?, entry.path());
            let inside = path.join("bootstrap");
            Some((name, if inside.is_file() { inside } else { path }))
        };
        Ok(entries.filter_map(|entry| program(entry.ok()?)).collect())
    }

    /// Refuses a folder that lacks a program, before anything is begun. What cargo is to build, it builds.
    ///
    /// # Errors
    /// When the folder can't be read, or a program of these names isn't there.
    pub fn refuse_lacking(&self, names: &[&str]) -> Result<()> {
        let Self::In(folder) = self else { return Ok(()) };
        let programs = Self::programs_of(folder)?;
        let is_there = |name: &&&str| programs.get(**name).is_some_and(|program| program.is_file());
        let lacking: Vec<_> = names.iter().filter(|name| !is_there(name)).copied().collect();
        if lacking.is_empty() {
            return Ok(());
        }
        let (folder, lacking) = (folder.display(), lacking.join(", "));
        bail!("{folder} has no program {lacking}: build them first, or leave --functions out, and they are built here.")
    }
}

/// A function's deployment package.
#[derive(Clone, Debug)]
pub struct Package {
    program: PathBuf,
    zip: Vec<u8>,
    digest: String,
}

impl Package {
    /// Packs a program as the `bootstrap` that Lambda's provided runtimes start (AWS Lambda Developer Guide,
    /// "Building a custom runtime"). The same program always gives the same bytes.
    ///
    /// # Errors
    /// When the program can't be read.
    pub fn of(program: PathBuf) -> Result<Self> {
        let code = fs::read(&program).with_context(|| format!("{} can't be read.", program.display()))?;
        let mut archive = zip::ZipWriter::new(Cursor::new(Vec::new()));
        // The default time of an entry is a constant, 1980.
        let options = SimpleFileOptions::default().unix_permissions(0o755).compression_level(Some(1));
        archive.start_file("bootstrap", options)?;
        archive.write_all(&code)?;
        let zip = archive.finish()?.into_inner();
        let digest = Sha256::digest(&zip).iter().fold(String::new(), |hex, byte| hex + &format!("{byte:02x}"));
        Ok(Self { program, zip, digest })
    }

    /// The program that was packed.
    #[must_use]
    pub fn program(&self) -> &Path {
        &self.program
    }

    /// The zip archive.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.zip
    }

    /// SHA-256 of the zip archive, in hexadecimal.
    #[must_use]
    pub fn digest(&self) -> &str {
        &self.digest
    }
}

/// Builds the programs of these names, or takes them as they are, and packs each.
///
/// # Errors
/// When cargo can't be run, a program does not compile (with what the compiler said), or there is none of that name.
pub fn build(
    workspace: &Workspace,
    names: &[&str],
    from: &Programs,
    progress: &Progress,
) -> Result<BTreeMap<String, Package>> {
    let programs = from.locate(workspace, progress)?;
    let pack = |name: &&str| {
        let program = programs.get(*name).with_context(|| {
            format!("There is no program {name}: template.yaml names one, so functions/{name} must be its package.")
        })?;
        Ok(((*name).to_owned(), Package::of(program.clone())?))
    };
    names.iter().map(pack).collect()
}

/// Builds the workspace's programs with cargo, and learns from it where it put which.
///
/// # Errors
/// When cargo can't be run, or a program does not compile (with what the compiler said).
pub fn programs(workspace: &Workspace, build: &CargoBuild, progress: &Progress) -> Result<BTreeMap<String, PathBuf>> {
    let mut cargo = command();
    cargo
        .current_dir(workspace.root())
        .arg("build")
        .args(&build.arguments)
        .arg("--message-format=json-render-diagnostics")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut cargo = children::spawn(&mut cargo)
        .context("Cargo could not be started: install Rust from https://rustup.rs, and run this again.")?;
    let pipes = cargo.child.stdout.take().zip(cargo.child.stderr.take());
    let (stdout, stderr) = pipes.context("Cargo's output is missing.")?;
    let (programs, said) = thread::scope(|scope| {
        let said = scope.spawn(|| follow(stderr, progress));
        (executables(stdout), said.join().unwrap_or_default())
    });
    if !cargo.child.wait()?.success() {
        let errors = said.find("\nerror").map_or(said.as_str(), |start| &said[start + 1..]);
        bail!("The functions could not be built. Cargo said:\n{errors}");
    }
    programs
}

/// Cargo, without what another cargo that runs this program has set for it. Some build scripts look at these
/// variables, and would be run again, with all that depends on them.
fn command() -> Command {
    let mut cargo = Command::new(env::var_os("CARGO").unwrap_or_else(|| OsString::from("cargo")));
    let set_by_cargo = ["CARGO_PKG_", "CARGO_MANIFEST_", "CARGO_BIN_", "CARGO_CRATE_NAME", "CARGO_PRIMARY_PACKAGE"];
    for (name, _) in env::vars_os() {
        let shown = name.to_string_lossy();
        if set_by_cargo.iter().any(|prefix| shown.starts_with(prefix)) {
            cargo.env_remove(&name);
        }
    }
    cargo
}

/// Passes cargo's lines on as they come, and returns them all.
fn follow(stderr: impl Read, progress: &Progress) -> String {
    let mut said = String::new();
    for line in BufReader::new(stderr).lines().map_while(Result::ok) {
        said.push_str(&line);
        said.push('\n');
        let shown = line.trim();
        if !shown.is_empty() {
            progress(LocalStep::BuildingFunctions { cargo: Some(shown.to_owned()) });
        }
    }
    said
}

/// Reads cargo's messages (The Cargo Book, "External tools", artifact messages).
fn executables(stdout: impl Read) -> Result<BTreeMap<String, PathBuf>> {
    let mut found = BTreeMap::new();
    for line in BufReader::new(stdout).lines() {
        let Ok(message) = serde_json::from_str::<Value>(&line?) else { continue };
        let is_program = message["target"]["kind"] == serde_json::json!(["bin"]) && message["profile"]["test"] == false;
        if let (true, Some(name), Some(path)) =
            (is_program, message["target"]["name"].as_str(), message["executable"].as_str())
        {
            found.insert(name.to_owned(), PathBuf::from(path));
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_package_holds_an_executable_bootstrap_and_the_same_program_gives_the_same_bytes() {
        let folder = tempfile::tempdir().unwrap();
        let program = folder.path().join("score");
        fs::write(&program, b"\x7fELF and so on").unwrap();
        let package = Package::of(program.clone()).unwrap();
        assert_eq!(package.bytes(), Package::of(program.clone()).unwrap().bytes());

        let mut archive = zip::ZipArchive::new(Cursor::new(package.bytes())).unwrap();
        assert_eq!(archive.len(), 1);
        let mut entry = archive.by_name("bootstrap").unwrap();
        assert_eq!(entry.unix_mode().map(|mode| mode & 0o777), Some(0o755));
        let mut code = Vec::new();
        entry.read_to_end(&mut code).unwrap();
        assert_eq!(code, b"\x7fELF and so on");

        fs::write(&program, b"\x7fELF and so on, changed").unwrap();
        assert_ne!(package.digest(), Package::of(program).unwrap().digest());
    }

    #[test]
    fn programs_are_found_by_name_and_in_cargo_lambdas_folders() {
        let checkout = tempfile::tempdir().unwrap();
        for file in ["template.yaml", "Cargo.toml", "target/score", "target/lambda/score/bootstrap"] {
            let path = checkout.path().join(file);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, file).unwrap();
        }
        let workspace = Workspace::around(checkout.path(), None).unwrap();
        let program = |folder| {
            let from = Programs::In(checkout.path().join(folder));
            let packages = build(&workspace, &["score"], &from, &crate::step::silently()).unwrap();
            fs::read_to_string(packages["score"].program()).unwrap()
        };
        assert_eq!(program("target"), "target/score");
        assert_eq!(program("target/lambda"), "target/lambda/score/bootstrap");
        let lacking = |folder, names: &[&str]| Programs::In(checkout.path().join(folder)).refuse_lacking(names);
        assert!(lacking("target", &["score"]).is_ok() && lacking("target/lambda", &["score"]).is_ok());
        let refused = lacking("target", &["email", "score", "lambda"]).unwrap_err().to_string();
        assert!(refused.contains("has no program email, lambda: build them first"), "{refused}");
        assert!(lacking("nowhere", &["score"]).unwrap_err().to_string().contains("is no folder"));
    }

    #[test]
    fn of_cargos_messages_only_programs_are_taken() {
        let messages = [
            r#"{"reason":"compiler-artifact","target":{"kind":["lib"],"name":"score"},"profile":{"test":false},"executable":null}"#,
            r#"{"reason":"compiler-artifact","target":{"kind":["bin"],"name":"score"},"profile":{"test":true},"executable":"/t/deps/score-1"}"#,
            r#"{"reason":"compiler-artifact","target":{"kind":["bin"],"name":"score"},"profile":{"test":false},"executable":"/t/score"}"#,
            "not a message",
            r#"{"reason":"build-finished","success":true}"#,
        ];
        let found = executables(messages.join("\n").as_bytes()).unwrap();
        assert_eq!(found, BTreeMap::from([("score".to_owned(), PathBuf::from("/t/score"))]));
    }
}
