use std::{
    fs::File,
    io,
    path::{Path, PathBuf},
};

use csv::{ByteRecord, Writer, WriterBuilder};

use super::errors::BadRow;

/// Writes the bad rows of a roster to a file of their own, to be mended and enrolled from there.
///
/// The columns are `line`, `column` and `cause`, then the roster's own, so that a row with too many
/// columns stays readable. The file is made with the first bad row: where there is none, there is no
/// file.
pub struct Rejects {
    path: PathBuf,
    header: ByteRecord,
    writer: Option<Writer<File>>,
    count: u64,
}

impl Rejects {
    /// Rejects of a roster whose first line is `header`, to go to `path`.
    #[must_use]
    pub fn new(path: impl Into<PathBuf>, header: &ByteRecord) -> Self {
        Self { path: path.into(), header: header.clone(), writer: None, count: 0 }
    }

    /// Where the rejects of a roster go by default: `roster.rejects.csv` beside `roster.csv`.
    #[must_use]
    pub fn path_beside(roster: &Path) -> PathBuf {
        roster.with_extension("rejects.csv")
    }

    /// Writes one row.
    ///
    /// # Errors
    /// When the file can't be made or written.
    pub fn write(&mut self, bad: &BadRow) -> io::Result<()> {
        if self.writer.is_none() {
            let mut writer = WriterBuilder::new().flexible(true).from_path(&self.path)?;
            writer.write_byte_record(&with_reason("line", "column", "cause", &self.header))?;
            self.writer = Some(writer);
        }
        if let Some(writer) = &mut self.writer {
            let row = with_reason(&bad.line.to_string(), &bad.columns(), &bad.cause(), &bad.raw);
            writer.write_byte_record(&row)?;
            self.count += 1;
        }
        Ok(())
    }

    /// Ends the file, and says where it is and how many rows it has; nothing if there is none.
    ///
    /// # Errors
    /// When the last of it can't be written.
    pub fn finish(self) -> io::Result<Option<(PathBuf, u64)>> {
        match self.writer {
            Some(mut writer) => {
                writer.flush()?;
                Ok(Some((self.path, self.count)))
            }
            None => Ok(None),
        }
    }
}

fn with_reason(line: &str, column: &str, cause: &str, fields: &ByteRecord) -> ByteRecord {
    let reason = [line, column, cause].map(str::as_bytes);
    reason.into_iter().chain(fields.iter()).collect()
}
