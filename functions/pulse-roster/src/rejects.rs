use std::{
    fmt,
    fs::{self, File, OpenOptions},
    io::{self, Write as _},
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result, anyhow, bail};
use csv::{ByteRecord, WriterBuilder};
use tempfile::NamedTempFile;

use super::{errors::BadRow, header::key, input::Input};

/// Of which moment the roster told that a row was rejected of, so that it is no newer once it is mended.
pub(super) const AS_OF: &str = "rejected_as_of";

/// The columns that say why a row was rejected. They come before the roster's own, so that a row with too many columns
/// stays readable, and are no part of a roster when the file is enrolled.
const REASONS: [&str; 4] = ["rejected_line", "rejected_column", "rejected_cause", AS_OF];

/// Whether a column is one of a rejects file's own.
pub(super) fn is_reason(name: &[u8]) -> bool {
    std::str::from_utf8(name).is_ok_and(|name| REASONS.iter().any(|reason| key(reason) == key(name)))
}

/// How a roster file is written, and so its rejects: with what the roster was read with, they can be read again.
#[derive(Debug, Clone)]
pub struct Layout {
    pub(super) header: ByteRecord,
    pub(super) delimiter: u8,
    /// Before text that was decoded, so that it isn't decoded once more. Bytes that weren't are written as they are.
    pub(super) byte_order_mark: bool,
}

/// Where rejects are to go, which was looked at before anything else is done: nothing that is needed is there, and the
/// folder can be written.
#[derive(Debug)]
pub struct RejectsPlace {
    path: PathBuf,
    sink: Sink,
}

#[derive(Debug)]
enum Sink {
    /// Written beside, and moved there when it is finished.
    Beside { file: NamedTempFile, taken: IfTaken },
    /// A pipe or a device, such as `/dev/null`.
    Special(File),
}

/// What to do when a file of that name is there in the end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum IfTaken {
    Replace,
    Number,
}

impl RejectsPlace {
    /// The place that the operator names, or `roster.rejects.csv` beside `roster.csv`. Rejects of what has no folder of
    /// its own go to `rejects.csv` in this one. Where a file is already that isn't to be replaced, the new one gets a
    /// number: an enrolment of every night isn't stopped by rejects of the night before that nobody has mended yet.
    ///
    /// # Errors
    /// When the place is the roster itself, a folder, or can't be written.
    pub fn choose(named: Option<&Path>, replace: bool, input: &Input) -> Result<Self> {
        let path = named.map_or_else(|| default_path(input.path()), Path::to_owned);
        let taken = if replace && named.is_some() { IfTaken::Replace } else { IfTaken::Number };
        let shown = path.display();
        match fs::metadata(&path) {
            Ok(about) if input.is(&about) && named.is_some() => {
                bail!("The rejects can't go to {shown}: that is the roster itself ({}). Name another file.", input.name)
            }
            Ok(about) if about.is_dir() => {
                bail!("The rejects can't go to {shown}: that is a folder. Name a file in it.")
            }
            Ok(about) if !about.is_file() => {
                let file = OpenOptions::new().append(true).open(&path);
                let file = file.with_context(|| format!("The rejects can't go to {shown}"))?;
                return Ok(Self { path, sink: Sink::Special(file) });
            }
            _ => {}
        }
        // What a link leads to is replaced, and not the link.
        let path = if taken == IfTaken::Replace { fs::canonicalize(&path).unwrap_or(path) } else { path };
        let file = tempfile::Builder::new().prefix(".rejects-").suffix(".part").tempfile_in(folder(&path));
        let file = file.with_context(|| {
            let hint = if named.is_none() { "; say with --rejects where else" } else { "" };
            format!("Rejected rows couldn't be kept: nothing can be written to the folder of {}{hint}", path.display())
        })?;
        Ok(Self { path, sink: Sink::Beside { file, taken } })
    }
}

fn folder(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// `roster.rejects.csv` beside `roster.csv`, and beside `roster.rejects.csv` too.
fn default_path(roster: Option<&Path>) -> PathBuf {
    let Some(roster) = roster else { return PathBuf::from("rejects.csv") };
    let stem = roster.file_stem().unwrap_or_default().to_string_lossy();
    let number = stem.rfind(".rejects").filter(|at| {
        let number = &stem[at + ".rejects".len()..];
        number.is_empty() || number.strip_prefix('-').is_some_and(|number| number.parse::<u32>().is_ok())
    });
    roster.with_file_name(format!("{}.rejects.csv", &stem[..number.unwrap_or(stem.len())]))
}

/// `path`, or with a number in it.
fn numbered(path: &Path, number: u32) -> PathBuf {
    let stem = path.file_stem().unwrap_or_default().to_string_lossy();
    let extension = path.extension().map(|extension| format!(".{}", extension.to_string_lossy())).unwrap_or_default();
    if number == 1 { path.to_owned() } else { path.with_file_name(format!("{stem}-{number}{extension}")) }
}

/// Writes the bad rows of a roster to a file of their own, to be mended and enrolled from there.
///
/// The file comes to be when it is finished, for its owner alone to read; where no row is bad, there is none.
pub struct Rejects {
    path: PathBuf,
    sink: Sink,
    layout: Layout,
    as_of: String,
    reasons: Vec<usize>,
    kept: u64,
    /// How much of the file is whole rows.
    length: u64,
    error: Option<io::Error>,
}

/// What became of the rejects.
#[derive(Debug, Default)]
pub struct KeptRejects {
    /// Where they are, if there are any.
    pub path: Option<PathBuf>,
    /// The file that was at their place before, and stays.
    pub earlier: Option<PathBuf>,
    /// Why later ones aren't there.
    pub error: Option<anyhow::Error>,
}

impl Rejects {
    /// Rejects of a roster that is written so, and that tells of the moment `as_of`.
    #[must_use]
    pub fn new(place: RejectsPlace, layout: Layout, as_of: impl fmt::Display) -> Self {
        let reasons = layout.header.iter().enumerate().filter(|(_, name)| is_reason(name)).map(|(at, _)| at).collect();
        Self {
            path: place.path,
            sink: place.sink,
            layout,
            as_of: as_of.to_string(),
            reasons,
            kept: 0,
            length: 0,
            error: None,
        }
    }

    /// Keeps one row. Says whether it could: a disk that is full is no reason to stop the rows after it.
    pub fn write(&mut self, bad: &BadRow) -> bool {
        if self.error.is_none() {
            self.error = self.append(bad).err();
            if let (Some(_), Sink::Beside { file, .. }) = (&self.error, &self.sink) {
                // What is there stays readable.
                let _ = file.as_file().set_len(self.length);
            }
        }
        self.error.is_none()
    }

    fn append(&mut self, bad: &BadRow) -> io::Result<()> {
        let mut bytes = Vec::new();
        if self.kept == 0 {
            bytes.extend_from_slice(if self.layout.byte_order_mark { "\u{feff}".as_bytes() } else { b"" });
            self.row(&mut bytes, REASONS, &self.layout.header)?;
        }
        let (line, columns, cause) = (bad.line.to_string(), bad.columns(), bad.cause());
        self.row(&mut bytes, [&line, &columns, &cause, &self.as_of], &bad.raw)?;
        match &mut self.sink {
            Sink::Beside { file, .. } => file.write_all(&bytes)?,
            Sink::Special(file) => file.write_all(&bytes)?,
        }
        self.length += bytes.len() as u64;
        self.kept += 1;
        Ok(())
    }

    fn row(&self, bytes: &mut Vec<u8>, reason: [&str; REASONS.len()], fields: &ByteRecord) -> io::Result<()> {
        let own = fields.iter().enumerate().filter(|(at, _)| !self.reasons.contains(at)).map(|(_, field)| field);
        let row: ByteRecord = reason.into_iter().map(str::as_bytes).chain(own).collect();
        let mut writer = WriterBuilder::new().delimiter(self.layout.delimiter).from_writer(bytes);
        writer.write_byte_record(&row)?;
        writer.flush()
    }

    /// Moves the file to its place. Another file that came there meanwhile stays.
    #[must_use]
    pub fn finish(self) -> KeptRejects {
        let error = self.error.map(|error| anyhow!(error).context("The rejects can't be written"));
        if self.kept == 0 {
            return KeptRejects { path: None, earlier: None, error };
        }
        let asked_for = self.path.clone();
        let moved = match self.sink {
            Sink::Special(_) => Ok(self.path),
            Sink::Beside { file, taken } => move_to(file, &self.path, taken),
        };
        match moved {
            Ok(path) => KeptRejects { earlier: (path != asked_for).then_some(asked_for), path: Some(path), error },
            Err(failed) => KeptRejects { path: None, earlier: None, error: Some(failed) },
        }
    }
}

fn move_to(mut file: NamedTempFile, path: &Path, taken: IfTaken) -> Result<PathBuf> {
    file.as_file().sync_all().context("The rejects can't be written")?;
    for number in 1..=u32::MAX {
        let place = numbered(path, number);
        let moved = match taken {
            IfTaken::Replace => file.persist(&place),
            IfTaken::Number => file.persist_noclobber(&place),
        };
        file = match moved {
            Ok(_) => return Ok(place),
            Err(refused) if refused.error.kind() == io::ErrorKind::AlreadyExists => refused.file,
            Err(refused) => {
                // Better under a strange name than gone.
                let (_, left) = refused.file.keep().context("The rejects can't be written")?;
                let shown = (left.display(), place.display());
                return Err(anyhow!(refused.error)
                    .context(format!("The rejects are in {} and can't be moved to {}", shown.0, shown.1)));
            }
        };
    }
    bail!("The rejects can't be written: there are too many files like {}", path.display())
}
