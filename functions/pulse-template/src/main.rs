//! Writes `template.yaml` and the list of its statements anew: `cargo run -p pulse-template`.

use std::{fs, path::Path};

use anyhow::{Context, Result};
use pulse_template::{Sources, statements, statements_list, template};

fn main() -> Result<()> {
    let text = Sources::shipped().render()?;
    write(&statements_list(), &statements(&text))?;
    write(&template(), &text)
}

fn write(path: &Path, text: &str) -> Result<()> {
    fs::write(path, text).with_context(|| format!("{} can't be written", path.display()))
}
