//! Writes `template.yaml` anew: `cargo run -p pulse-template`.

use anyhow::{Context, Result};
use pulse_template::{Sources, template};

fn main() -> Result<()> {
    let path = template();
    let text = Sources::shipped().render()?;
    std::fs::write(&path, text).with_context(|| format!("{} can't be written", path.display()))
}
