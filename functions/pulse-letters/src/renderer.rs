use minijinja::{Environment, Error, UndefinedBehavior, Value, value::Serde};
use pulse_core::{
    failure::Cause,
    ports::{Letter, RenderError, Rendered, Renderer},
};

use crate::{letter_view::LetterView, plain};

/// No subject is longer, in characters: what mail clients show at most, twice over.
const LONGEST_SUBJECT: usize = 150;

const HTML: &str = "monthly.html";
const TEXT: &str = "monthly.txt";
const SUBJECT: &str = "monthly.subject.txt";

/// Writes letters from the templates compiled in. Parses them once; make one and keep it.
pub struct MinijinjaRenderer {
    templates: Environment<'static>,
}

impl MinijinjaRenderer {
    /// Parses the templates.
    ///
    /// # Errors
    /// When one of them isn't a template, with its name and line.
    pub fn new() -> Result<Self, RenderError> {
        let mut templates = Environment::new();
        templates.set_undefined_behavior(UndefinedBehavior::Strict);
        templates.add_filter("shorten", |text: &str, most: usize| plain::shorten(text, most));
        templates.add_filter("isolated", |text: &str| plain::isolated(text));
        // What a template's name ends in decides whether it escapes: .html does, .txt doesn't.
        let sources = [
            (HTML, include_str!("../../../infra/email/monthly.html")),
            (TEXT, include_str!("../../../infra/email/monthly.txt")),
            (SUBJECT, include_str!("../../../infra/email/monthly.subject.txt")),
        ];
        for (name, source) in sources {
            templates.add_template(name, source).map_err(|error| describe(&error))?;
        }
        Ok(Self { templates })
    }

    fn write(&self, template: &str, view: &Value) -> Result<String, RenderError> {
        self.templates
            .get_template(template)
            .and_then(|template| template.render(view.clone()))
            .map_err(|error| describe(&error))
    }
}

impl Renderer for MinijinjaRenderer {
    fn render(&self, letter: &Letter<'_>) -> Result<Rendered, RenderError> {
        let view = Value::from(Serde(LetterView::of(letter)?));
        // The templates' words are ours, but the promise of one line is kept here for any template.
        let subject = plain::neutral(&self.write(SUBJECT, &view)?, "Your monthly score");
        Ok(Rendered {
            subject: plain::shorten(&subject, LONGEST_SUBJECT),
            html: self.write(HTML, &view)?,
            text: self.write(TEXT, &view)?,
        })
    }
}

/// Which template, which line, what kind of mistake: never the message, which may quote a letter.
fn describe(error: &Error) -> RenderError {
    RenderError(Cause::new(format!(
        "template {}, line {}: {}",
        error.name().unwrap_or("unknown"),
        error.line().unwrap_or(0),
        error.kind()
    )))
}
