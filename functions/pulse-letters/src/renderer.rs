use minijinja::{AutoEscape, Environment, Error, HtmlEscape, State, UndefinedBehavior, Value, value::Serde};
use pulse_core::{
    customer::Locale,
    failure::Cause,
    ports::{CampaignMail, Letter, RenderError, Rendered, Renderer},
};

use crate::{
    campaign,
    language::{self, FALLBACK, Texts, language_of},
    letter_view::LetterView,
    plain,
};

/// No subject is longer, in characters that show: what mail clients show at most, twice over.
pub(super) const LONGEST_SUBJECT: usize = 150;

const HTML: &str = "monthly.html";
const TEXT: &str = "monthly.txt";
const SUBJECT: &str = "monthly.subject.txt";

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

    /// What a template comes to with the words of a language that there are letters in.
    pub(super) fn fill(&self, language: &str, template: &str, view: Value) -> Result<String, RenderError> {
        let found = self.languages.iter().find(|(tag, _)| *tag == language);
        let (_, templates) =
            found.ok_or_else(|| RenderError(Cause::new(format!("there are no letters in {language}"))))?;
        let written = templates.get_template(template).and_then(|template| template.render(view));
        written.map_err(|error| describe(language, &error))
    }
}

fn parse(texts: &Texts) -> Result<Environment<'static>, RenderError> {
    let mut templates = Environment::new();
    templates.set_undefined_behavior(UndefinedBehavior::Strict);
    templates.add_filter("shorten", |text: &str, most: usize| plain::shorten(text, most));
    templates.add_filter("isolated", isolated);
    // What a template's name ends in decides whether it escapes: .html does, .txt doesn't.
    let sources = [
        ("frame.html", include_str!("../../../infra/email/frame.html")),
        (HTML, include_str!("../../../infra/email/monthly.html")),
        (SUBJECT, include_str!("../../../infra/email/monthly.subject.txt")),
        (TEXT, texts.text),
        ("phrases.html", texts.phrases),
        ("phrases.txt", texts.phrases),
        ("common.html", texts.common),
        ("common.txt", texts.common),
        (campaign::HTML, include_str!("../../../infra/email/campaign.html")),
        (campaign::FOOT, include_str!("../../../infra/email/campaign.txt")),
        (campaign::PRODUCT, "{% import 'common.txt' as common %}{{ common.product_word }}"),
    ];
    for (name, source) in sources {
        templates.add_template(name, source).map_err(|error| describe(texts.tag, &error))?;
    }
    Ok(templates)
}

/// Keeps what is shown, whichever way it runs, from turning the words around it: by `<bdi>` in HTML, by an isolate in text.
fn isolated(state: &State<'_, '_>, text: &str) -> Value {
    if matches!(state.auto_escape(), AutoEscape::Html) {
        return Value::from_safe_string(format!("<bdi>{}</bdi>", HtmlEscape(text)));
    }
    let is_right_to_left = state.lookup("dir").is_some_and(|dir| dir.as_str() == Some("rtl"));
    Value::from(plain::isolated(text, is_right_to_left))
}

impl Renderer for MinijinjaRenderer {
    fn is_in_language_of(&self, locale: &Locale) -> bool {
        language_of(locale).is_some()
    }

    fn render(&self, letter: &Letter<'_>) -> Result<Rendered, RenderError> {
        let language = language_of(&letter.customer.locale).unwrap_or(FALLBACK);
        let view = LetterView::of(letter, language)?;
        let is_right_to_left = view.dir == "rtl";
        let view = Value::from(Serde(view));
        let write = |template: &str| self.fill(language, template, view.clone());
        // Nothing may touch a URL: whoever makes a link of it would take what is beside it for a part.
        let is_url = |line: &str| letter.unsubscribe.is_some_and(|link| link.expose() == line);
        let directed =
            |line: &str| if is_url(line) { line.to_owned() } else { plain::directed(line, is_right_to_left) };
        let lines = |text: String| text.lines().map(directed).collect::<Vec<_>>().join("\n");
        Ok(Rendered {
            subject: lines(plain::shorten(&plain::one_line(&write(SUBJECT)?), LONGEST_SUBJECT)),
            html: write(HTML)?,
            text: lines(write(TEXT)?),
            language: language.to_owned(),
        })
    }

    fn render_campaign(&self, mail: &CampaignMail<'_>) -> Result<Rendered, RenderError> {
        let written = self.campaign(mail, campaign::text_for(mail.letter, &mail.customer.locale));
        written.map(|written| written.mail).map_err(|error| RenderError(Cause::new(error.to_string())))
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
