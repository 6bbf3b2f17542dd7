//! `pulse export`.

use std::{
    fs::OpenOptions,
    io::{ErrorKind, Write as _},
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result, anyhow};
use clap::Args;
use pulse_app::CustomerExport;
use pulse_core::customer::CustomerId;

use crate::{exit::Exit, output::Output, target::Target, text::advised};

/// What `pulse export` takes.
#[derive(Debug, Args)]
#[command(
    after_help = "One JSON document: the profile with how consent is known, the schedule, each month with its scores and what \
                        became of its mail, notes, and whether the present address is suppressed. It is the customer's, \
                        and for nobody else: a file can be read by its owner alone. Of who was forgotten it says when, \
                        and what is kept all the same.\n\n\
                        Beside it there are what the email provider keeps of mails, and the table's backups of 35 days."
)]
pub struct Options {
    /// The customer's id.
    #[arg(value_name = "ID", value_parser = CustomerId::parse)]
    customer: CustomerId,

    /// Writes it to this new file, and not to standard output.
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
}

/// Carries `pulse export` out.
///
/// # Errors
/// When the stack can't be found or read, has no such customer, or the file is there already.
pub async fn run(options: Options, target: &Target, output: Output) -> Result<Exit> {
    let app = target.app().await?;
    let export = app.export(&options.customer).await;
    let export = export.map_err(|error| advised(&error, error.advice().as_ref()))?;
    let json = || serde_json::to_string_pretty(&export).context("It has no JSON form");
    match options.output {
        Some(path) => {
            write_for_its_owner(&path, &(json()? + "\n"))?;
            output.remark(told(&export, &options.customer, &path));
        }
        None => output.show(&export, || json().unwrap_or_default() + "\n")?,
    }
    Ok(Exit::Done)
}

fn told(export: &CustomerExport, customer: &CustomerId, path: &Path) -> String {
    let path = path.display();
    match &export.forgotten {
        Some(forgotten) => format!(
            "{customer} was forgotten at {:.0}: what is kept of them, and why, is in {path}.",
            forgotten.tombstone.at
        ),
        None => format!("All that is known of {customer} is in {path}."),
    }
}

fn write_for_its_owner(path: &Path, text: &str) -> Result<()> {
    let mut new = OpenOptions::new();
    new.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut new, 0o600);
    let mut file = new.open(path).map_err(|error| match error.kind() {
        ErrorKind::AlreadyExists => anyhow!("{} is there already: name a new file", path.display()),
        _ => anyhow!("{} can't be written: {error}", path.display()),
    })?;
    let written = file.write_all(text.as_bytes()).and_then(|()| file.sync_all());
    written.with_context(|| format!("{} was written in part only: delete it", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(unix)]
    #[test]
    fn a_file_is_its_owner_s_alone_and_none_is_written_over() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ada.json");
        write_for_its_owner(&path, "{}\n").unwrap();
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert!(write_for_its_owner(&path, "x").unwrap_err().to_string().contains("name a new file"));
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "{}\n");
    }
}
