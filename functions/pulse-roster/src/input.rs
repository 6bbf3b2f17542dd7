use std::{
    fs::{self, File, Metadata},
    io::{self, Read},
    os::{
        fd::AsFd as _,
        unix::fs::{FileTypeExt as _, MetadataExt as _},
    },
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result, anyhow, bail};

/// A roster to be read: a file, a named pipe, or what another program writes to standard input.
pub struct Input {
    /// What is read.
    pub reader: Box<dyn Read + Send>,
    /// How it is called in a sentence.
    pub name: String,
    /// The file's own path, where it is one that others can be beside.
    path: Option<PathBuf>,
    about: Metadata,
}

impl Input {
    /// Whether `what` names something that can be read, as opposed to a customer.
    #[must_use]
    pub fn is_meant_by(what: &str) -> bool {
        let looks_so = |path: &Path| {
            let extension = path.extension().and_then(|extension| extension.to_str()).unwrap_or_default();
            what.contains('/') || ["csv", "tsv", "txt"].iter().any(|known| extension.eq_ignore_ascii_case(known))
        };
        what == "-" || Path::new(what).exists() || looks_so(Path::new(what))
    }

    /// Opens it: a path, or `-` for standard input.
    ///
    /// # Errors
    /// When it isn't there, is a folder, or may not be read.
    pub fn open(what: &str) -> Result<Self> {
        let path = Path::new(what);
        let (file, name) = if what == "-" {
            let stdin = io::stdin().as_fd().try_clone_to_owned().context("Standard input can't be read")?;
            (File::from(stdin), "standard input".to_owned())
        } else {
            let about = fs::metadata(path).map_err(|error| match error.kind() {
                io::ErrorKind::NotFound => anyhow!("There is no file {what}."),
                _ => anyhow!(error).context(format!("{what} can't be read")),
            })?;
            if about.is_dir() {
                bail!("{what} is a folder; name the roster file in it.");
            }
            (File::open(path).with_context(|| format!("{what} can't be read"))?, what.to_owned())
        };
        let about = file.metadata().with_context(|| format!("{name} can't be read"))?;
        if about.is_dir() {
            bail!("{name} is a folder; name the roster file in it.");
        }
        let path = (what != "-" && about.is_file() && !is_of_a_process(path)).then(|| path.to_owned());
        Ok(Self { reader: Box::new(file), name, path, about })
    }

    /// What the system says of it: what kind it is, how long, and when it was changed.
    #[must_use]
    pub fn about(&self) -> &Metadata {
        &self.about
    }

    /// The file's own path, where it is one that others can be beside.
    pub(super) fn path(&self) -> Option<&Path> {
        self.path.as_deref()
    }

    /// Whether this is what is read, under whatever name.
    pub(super) fn is(&self, about: &Metadata) -> bool {
        identity(about) == identity(&self.about) && !about.file_type().is_char_device()
    }
}

/// `/dev/stdin` and the like may be files, but nothing can be beside them.
fn is_of_a_process(path: &Path) -> bool {
    path.starts_with("/dev") || path.starts_with("/proc")
}

fn identity(about: &Metadata) -> (u64, u64) {
    (about.dev(), about.ino())
}
