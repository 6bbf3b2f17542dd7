use minijinja::{AutoEscape, Environment, Error, HtmlEscape, State, UndefinedBehavior, Value, value::Serde};
use pulse_core::{
    customer::Locale,
    failure::Cause,
    ports::{Letter, RenderError, Rendered, Renderer},
};

use crate::{
    language::{self, FALLBACK, Texts, language_of},
    letter_view::LetterView,
    plain,
};

/// No subject is longer, in characters that show: what mail clients show at most, twice over.
const LONGEST_SUBJECT: usize = 150;

const HTML: &str = "monthly.html";
const TEXT: &str = "monthly.txt";
const SUBJECT: &str = "monthly.subject.txt";

const LEFT_TO_RIGHT_MARK: char = '\u{200e}';
const RIGHT_TO_LEFT_MARK: char = '\u{200f}';
const RIGHT_TO_LEFT_ISOLATE: char = '\u{2067}';
const FIRST_STRONG_ISOLATE: char = '\u{2068}';
const POP_DIRECTIONAL_ISOLATE: char = '\u{2069}';

/// Writes letters from the templates compiled in. Parses them once; make one and keep it.
pub struct MinijinjaRenderer {
    languages: Vec<(&'static str, Environment<'static>)>,
}

impl MinijinjaRenderer {
    /// Parses the templates.
    ///
    /// # Errors
    /// When one of them isn't a template, with its name and line.
    pub fn new() -> Result<Self, RenderError> {
        let parsed = language::ALL.iter().map(|texts| Ok((texts.tag, parse(texts)?)));
        Ok(Self { languages: parsed.collect::<Result<_, _>>()? })
    }
}

fn parse(texts: &Texts) -> Result<Environment<'static>, RenderError> {
    let mut templates = Environment::new();
    templates.set_undefined_behavior(UndefinedBehavior::Strict);
    templates.add_filter("shorten", |text: &str, most: usize| plain::shorten(text, most));
    templates.add_filter("isolated", isolated);
    // What a template's name ends in decides whether it escapes: .html does, .txt doesn't.
    let sources = [
        (HTML, include_str!("../../../infra/email/monthly.html")),
        (SUBJECT, include_str!("../../../infra/email/monthly.subject.txt")),
        (TEXT, texts.text),
        ("phrases.html", texts.phrases),
        ("phrases.txt", texts.phrases),
    ];
    for (name, source) in sources {
        templates.add_template(name, source).map_err(|error| describe(texts.tag, &error))?;
    }
    Ok(templates)
}

/// Keeps what is shown, whichever way it runs, from turning the words around it: by `<bdi>` in HTML, by an isolate in text.
fn isolated(state: &State<'_, '_>, text: &str) -> Value {
    match state.auto_escape() {
        AutoEscape::Html => Value::from_safe_string(format!("<bdi>{}</bdi>", HtmlEscape(text))),
        _ if state.lookup("dir").is_some_and(|dir| dir.as_str() == Some("rtl")) => {
            Value::from(format!("{FIRST_STRONG_ISOLATE}{text}{POP_DIRECTIONAL_ISOLATE}"))
        }
        _ => Value::from(plain::isolated(text)),
    }
}

impl Renderer for MinijinjaRenderer {
    fn is_in_language_of(&self, locale: &Locale) -> bool {
        language_of(locale).is_some()
    }

    fn render(&self, letter: &Letter<'_>) -> Result<Rendered, RenderError> {
        let language = language_of(&letter.customer.locale).unwrap_or(FALLBACK);
        let found = self.languages.iter().find(|(tag, _)| *tag == language);
        let (_, templates) =
            found.ok_or_else(|| RenderError(Cause::new(format!("there are no letters in {language}"))))?;
        let view = LetterView::of(letter, language)?;
        let is_right_to_left = view.dir == "rtl";
        let view = Value::from(Serde(view));
        let write = |template: &str| {
            let written = templates.get_template(template).and_then(|template| template.render(view.clone()));
            written.map_err(|error| describe(language, &error))
        };
        // Nothing may touch a URL: whoever makes a link of it would take what is beside it for a part.
        let is_url = |line: &str| letter.unsubscribe.is_some_and(|link| link.expose() == line);
        let directed = |line: &str| if is_url(line) { line.to_owned() } else { directed(line, is_right_to_left) };
        let lines = |text: String| text.lines().map(directed).collect::<Vec<_>>().join("\n");
        Ok(Rendered {
            subject: lines(plain::shorten(&one_line(&write(SUBJECT)?), LONGEST_SUBJECT)),
            html: write(HTML)?,
            text: lines(write(TEXT)?),
            language: language.to_owned(),
        })
    }
}

/// What strangers wrote has no line ends; this is for whatever a template does.
fn one_line(text: &str) -> String {
    let is_end = |c: char| c.is_control() || matches!(c, '\u{2028}' | '\u{2029}');
    text.split(is_end).filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" ")
}

/// A line of text that runs the letter's way wherever it is shown: for clients that go by a line's first letter, be it that of
/// an isolated name, as HTML's `dir="auto"` does, and for those that take all text to be left to right (Unicode UAX #9).
fn directed(line: &str, is_right_to_left: bool) -> String {
    match (line, is_right_to_left) {
        ("", _) => String::new(),
        (line, true) => format!("{RIGHT_TO_LEFT_MARK}{RIGHT_TO_LEFT_ISOLATE}{line}{POP_DIRECTIONAL_ISOLATE}"),
        (line, false) if line.starts_with(FIRST_STRONG_ISOLATE) => format!("{LEFT_TO_RIGHT_MARK}{line}"),
        (line, false) => line.to_owned(),
    }
}

/// Which template, which line, what kind of mistake: never the message, which may quote a letter.
fn describe(language: &str, error: &Error) -> RenderError {
    RenderError(Cause::new(format!(
        "template {} of {language}, line {}: {}",
        error.name().unwrap_or("unknown"),
        error.line().unwrap_or(0),
        error.kind()
    )))
}
