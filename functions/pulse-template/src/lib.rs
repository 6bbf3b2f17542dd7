//! Writes `template.yaml` from its sources, the minijinja templates in `infra/template`, and the list of its statements.
//!
//! The sources hold the stack; the README beside them says how to add a stage or an alarm. Here is only what renders
//! them, and what the tests have to know of the stages.

mod folded;
mod statements;

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use minijinja::{AutoEscape, Environment, UndefinedBehavior, Value, path_loader};
use sha2::{Digest as _, Sha256};

pub use self::statements::statements;

/// The source that is rendered. It takes in the others.
const MAIN: &str = "template.yaml.j2";

/// The folder with the sources of a template.
#[derive(Debug, Clone)]
pub struct Sources(PathBuf);

/// A stage, as its file under `infra/template/stages` describes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stage {
    /// The name of its function's program, which the names of its queues and logs end with.
    pub name: String,
    /// What the logical ids of its resources start with.
    pub id: String,
    /// The variable that holds its client's timeout, in seconds.
    pub timeout_variable: String,
    /// Mean time of a call to its provider, in milliseconds.
    pub mean_call_ms: u64,
    /// The condition under which the stack has it, if it hasn't always.
    pub condition: Option<String>,
}

impl Sources {
    /// The sources in a folder.
    #[must_use]
    pub fn in_folder(folder: &Path) -> Self {
        Self(folder.to_owned())
    }

    /// The sources that the repository ships.
    #[must_use]
    pub fn shipped() -> Self {
        Self(sources())
    }

    /// The text of the template.
    ///
    /// # Errors
    /// When a source is missing, is no minijinja template, or names what there isn't.
    pub fn render(&self) -> Result<String> {
        let environment = self.environment()?;
        Ok(environment.get_template(MAIN)?.render(())?)
    }

    /// The stages, in the template's order.
    ///
    /// # Errors
    /// When the sources can't be rendered, or a stage lacks what every stage says.
    pub fn stages(&self) -> Result<Vec<Stage>> {
        let environment = self.environment()?;
        let main = environment.get_template(MAIN)?.render_captured(())?;
        let stages = main.state().lookup("stages").with_context(|| format!("{MAIN} sets no `stages`"))?;
        stages.try_iter()?.map(|stage| Stage::read(&stage)).collect()
    }

    fn environment(&self) -> Result<Environment<'static>> {
        let mut environment = Environment::new();
        environment.set_loader(path_loader(self.0.clone()));
        environment.set_undefined_behavior(UndefinedBehavior::Strict);
        environment.set_auto_escape_callback(|_| AutoEscape::None);
        environment.add_filter("folded", folded::folded);
        environment.add_filter("digest", digest);
        // A line that holds nothing but a block or a comment of minijinja leaves no line behind.
        let mut syntax = environment.syntax().to_builder();
        environment.set_syntax(syntax.trim_blocks(true).lstrip_blocks(true).keep_trailing_newline(true).build()?);
        Ok(environment)
    }
}

impl Stage {
    fn read(stage: &Value) -> Result<Self> {
        let call = stage.get_attr("call")?;
        Ok(Self {
            name: text(stage, "name")?,
            id: text(stage, "id")?,
            timeout_variable: text(&call, "timeout")?,
            mean_call_ms: call.get_attr("mean_ms")?.try_into()?,
            condition: stage.get_attr("condition")?.as_str().map(str::to_owned),
        })
    }
}

/// The first hexadecimal digits of a text's SHA-256, to tell one text from another.
fn digest(text: &str) -> String {
    Sha256::digest(text).iter().take(5).fold(String::new(), |hex, byte| hex + &format!("{byte:02x}"))
}

fn text(of: &Value, name: &str) -> Result<String> {
    let value = of.get_attr(name)?;
    let text = value.as_str().with_context(|| format!("a stage's `{name}` is no text, but {value:?}"))?;
    Ok(text.to_owned())
}

/// The template that `sam`, `cargo lambda`, `pulse local` and the tests take.
#[must_use]
pub fn template() -> PathBuf {
    repository().join("template.yaml")
}

/// The list of the template's statements that the programs carry with them.
#[must_use]
pub fn statements_list() -> PathBuf {
    repository().join("functions/pulse-aws/src/sdk/statements.txt")
}

/// The folder with the sources that the repository ships.
#[must_use]
pub fn sources() -> PathBuf {
    repository().join("infra/template")
}

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}
