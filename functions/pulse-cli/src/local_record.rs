//! What a running `pulse local` leaves for `pulse --local ..` to find it by, in whatever folder that is typed.

use std::{
    cmp::Reverse,
    env,
    fs::{self, File},
    io::{Read as _, Write as _},
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, bail};
use jiff::Timestamp;
use pulse_aws::config::process_variable;
use serde::{Deserialize, Serialize};

pub(crate) const HOW_TO_START: &str =
    "start one with `cargo run --release -- local` in a checkout of Pulse, and leave it running";

/// Where a `pulse local` is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LocalRecord {
    /// The emulator.
    pub endpoint: String,
    /// The stack's name.
    pub stack: String,
    /// Since when it is deployed.
    pub since: Timestamp,
}

/// The record of the `pulse local` that this process runs. It goes when this is dropped.
#[derive(Debug)]
pub struct Left {
    record: LocalRecord,
    path: PathBuf,
    /// Locked for as long as the process lives, so that a record is known for a stale one however its process ended.
    _lock: File,
}

/// The folder of this user's records, among other state (XDG Base Directory Specification). It isn't the runtime
/// folder, as not every way to log in has one.
///
/// # Errors
/// When the user has no home.
pub fn folder() -> Result<PathBuf> {
    let told = process_variable("XDG_STATE_HOME").map(PathBuf::from);
    let state = told.filter(|path| path.is_absolute()).or_else(|| {
        let home = env::home_dir().filter(|home| home.is_absolute())?;
        Some(home.join(".local/state"))
    });
    let state = state.context("There is no home folder to keep state in: name a folder in XDG_STATE_HOME")?;
    Ok(state.join("pulse/local"))
}

impl LocalRecord {
    /// Leaves the record, and clears away those whose processes are gone.
    ///
    /// # Errors
    /// When the folder can't be written to.
    pub fn leave(self, folder: &Path) -> Result<Left> {
        for (path, _) in found(folder).into_iter().filter(|(_, found)| !found.runs) {
            // Another process may have been faster.
            let _ = fs::remove_file(path);
        }
        let path = folder.join(self.file_name());
        let write = || {
            fs::create_dir_all(folder)?;
            // Nobody sees it before it is locked and whole.
            let mut file = tempfile::NamedTempFile::new_in(folder)?;
            file.as_file().lock()?;
            file.write_all(serde_json::to_string(&self)?.as_bytes())?;
            Ok::<_, anyhow::Error>(file.persist(&path)?)
        };
        let lock = write().with_context(|| format!("{} can't be written", path.display()))?;
        Ok(Left { record: self, path, _lock: lock })
    }

    /// The record of the newest `pulse local` that runs, or of the one that is wanted, by its port, its URL or its
    /// stack's name.
    ///
    /// # Errors
    /// When none runs, or none that is wanted.
    pub fn find(folder: &Path, wanted: Option<&str>) -> Result<Self> {
        choose(found(folder).into_iter().map(|(_, found)| found).collect(), wanted)
    }

    fn file_name(&self) -> String {
        let place = self.endpoint.split_once("://").map_or(self.endpoint.as_str(), |(_, place)| place);
        let name: String = format!("{}@{place}", self.stack)
            .chars()
            .map(|c| if c.is_ascii_alphanumeric() || "-.@".contains(c) { c } else { '_' })
            .collect();
        name + ".json"
    }

    fn is(&self, wanted: &str) -> bool {
        let endpoint = self.endpoint.trim_end_matches('/');
        let port = endpoint.rsplit_once(':').map(|(_, port)| port);
        [Some(endpoint), port, Some(self.stack.as_str())].contains(&Some(wanted.trim_end_matches('/')))
    }
}

impl Drop for Left {
    fn drop(&mut self) {
        if read(&self.path).is_some_and(|(_, record)| record == self.record) {
            let _ = fs::remove_file(&self.path);
        }
    }
}

struct Found {
    record: LocalRecord,
    runs: bool,
}

fn found(folder: &Path) -> Vec<(PathBuf, Found)> {
    let entries = fs::read_dir(folder).into_iter().flatten().filter_map(Result::ok).map(|entry| entry.path());
    let records = entries.filter(|path| path.extension().is_some_and(|extension| extension == "json"));
    records
        .filter_map(|path| {
            let (file, record) = read(&path)?;
            // A file system without locks leaves it to the endpoint whether anyone answers.
            let runs = file.try_lock_shared().is_err();
            Some((path, Found { record, runs }))
        })
        .collect()
}

fn read(path: &Path) -> Option<(File, LocalRecord)> {
    let mut file = File::open(path).ok()?;
    let mut text = String::new();
    file.read_to_string(&mut text).ok()?;
    Some((file, serde_json::from_str(&text).ok()?))
}

fn choose(mut found: Vec<Found>, wanted: Option<&str>) -> Result<LocalRecord> {
    found.sort_by_key(|found| Reverse(found.record.since));
    let is_wanted = |found: &&Found| wanted.is_none_or(|wanted| found.record.is(wanted));
    if let Some(chosen) = found.iter().filter(is_wanted).find(|found| found.runs) {
        return Ok(chosen.record.clone());
    }
    if let Some(Found { record, .. }) = found.iter().find(is_wanted) {
        let LocalRecord { endpoint, stack, since } = record;
        bail!(
            "No `pulse local` is running here: that of {since:.0} at {endpoint}, stack {stack}, has ended. To go on, \
             {HOW_TO_START}."
        )
    }
    let running: Vec<_> = found.iter().filter(|found| found.runs).map(|found| found.record.endpoint.as_str()).collect();
    match wanted {
        Some(wanted) if !running.is_empty() => {
            bail!("No `pulse local` is running here as {wanted}: choose from {}.", running.join(", "))
        }
        _ => bail!("No `pulse local` is running here: {HOW_TO_START}."),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(port: u16, stack: &str, since: &str) -> LocalRecord {
        let endpoint = format!("http://127.0.0.1:{port}");
        LocalRecord { endpoint, stack: stack.into(), since: since.parse().unwrap() }
    }

    fn older() -> LocalRecord {
        record(4566, "pulse-local", "2026-11-26T08:00:00Z")
    }

    fn newer() -> LocalRecord {
        record(4567, "pulse-local-1764148800", "2026-11-26T09:20:00Z")
    }

    /// Leaves a record as a process does that was killed.
    fn left_behind(record: &LocalRecord, folder: &Path) {
        fs::create_dir_all(folder).unwrap();
        fs::write(folder.join(record.file_name()), serde_json::to_string(record).unwrap()).unwrap();
    }

    fn refusal(folder: &Path, wanted: Option<&str>) -> String {
        LocalRecord::find(folder, wanted).unwrap_err().to_string()
    }

    #[test]
    fn of_several_the_newest_is_meant_unless_one_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path().join("not/yet/there");
        let newest = newer().leave(&folder).unwrap();
        let _oldest = older().leave(&folder).unwrap();
        let find = |wanted| LocalRecord::find(&folder, wanted).unwrap();
        assert_eq!(find(None), newer());
        for wanted in ["4566", "http://127.0.0.1:4566/", "pulse-local"] {
            assert_eq!(find(Some(wanted)), older(), "{wanted}");
        }
        assert_eq!(find(Some("pulse-local-1764148800")), newer());
        let refused = refusal(&folder, Some("9999"));
        assert!(refused.contains("as 9999: choose from http://127.0.0.1:4567, http://127.0.0.1:4566"), "{refused}");
        drop(newest);
        assert_eq!(find(None), older());
    }

    #[test]
    fn a_record_goes_with_its_process_and_then_nothing_runs() {
        let folder = tempfile::tempdir().unwrap();
        assert!(refusal(folder.path(), None).contains("No `pulse local` is running here: start one"));
        drop(older().leave(folder.path()).unwrap());
        assert!(refusal(folder.path(), None).contains("No `pulse local` is running here: start one"));
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    }

    #[test]
    fn the_record_of_a_process_that_was_killed_is_told_as_such_and_cleared_away_by_the_next() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path();
        left_behind(&newer(), folder);
        for wanted in [None, Some("4567")] {
            let refused = refusal(folder, wanted);
            assert!(refused.contains("that of 2026-11-26T09:20:00Z at http://127.0.0.1:4567"), "{refused}");
            assert!(refused.contains("has ended. To go on, start one with"), "{refused}");
        }
        let _runs = older().leave(folder).unwrap();
        assert_eq!(LocalRecord::find(folder, None).unwrap(), older());
        assert_eq!(fs::read_dir(folder).unwrap().count(), 1);
    }

    #[test]
    fn a_record_in_the_place_of_one_that_was_killed_is_found() {
        let folder = tempfile::tempdir().unwrap();
        left_behind(&older(), folder.path());
        let _runs = older().leave(folder.path()).unwrap();
        assert_eq!(LocalRecord::find(folder.path(), Some("4566")).unwrap(), older());
    }

    #[test]
    fn what_is_no_record_is_passed_over() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("other.json"), "{}").unwrap();
        fs::write(folder.path().join("notes.txt"), "").unwrap();
        let _runs = older().leave(folder.path()).unwrap();
        assert_eq!(LocalRecord::find(folder.path(), None).unwrap(), older());
        assert!(folder.path().join("other.json").exists());
    }
}
