//! The letters of campaigns: what an operator wrote, in the frame of Pulse's own letters.

mod check;
mod links;
mod shape;
mod tags;
mod template;
mod values;

use minijinja::{Value, value::Serde};
use pulse_core::{
    campaign::{CampaignLetter, LetterError, LetterText},
    customer::Locale,
    ports::{CampaignMail, RenderError, Rendered},
    unsubscribe::UnsubscribeLink,
};
use serde::Serialize;

use self::{
    shape::{Block, blocks, html, paragraphs, text},
    tags::Field,
    template::{Line, Piece, Template},
    values::Values,
};
use crate::{
    MinijinjaRenderer,
    language::{FALLBACK, best, language_of},
    letter_view::kind,
    localized::direction_of,
    plain::{directed, neutral, one_line, shorten_line},
    renderer::LONGEST_SUBJECT,
};

pub(crate) const HTML: &str = "campaign.html";
/// What stands below the text part.
pub(crate) const FOOT: &str = "campaign.txt";
/// A language's word for what a customer has.
pub(crate) const PRODUCT: &str = "product.txt";

/// How much of a text mail clients get to show beside the subject, in characters.
const LONGEST_SUMMARY: usize = 140;

/// What the templates show of a campaign's letter.
#[derive(Serialize)]
struct Frame<'a> {
    language: &'a str,
    dir: &'static str,
    /// Where there are no words of the letter's language.
    #[serde(skip_serializing_if = "Option::is_none")]
    foot_language: Option<&'static str>,
    foot_dir: &'static str,
    subject: &'a str,
    /// The subject, as HTML.
    heading: String,
    summary: String,
    blocks: Vec<Block>,
    #[serde(flatten)]
    words: Words<'a>,
}

/// What the words of a language depend on.
#[derive(Clone, Copy, Serialize)]
struct Words<'a> {
    product: &'static str,
    unsubscribe_url: Option<&'a str>,
}

/// A campaign's mail, and what only its check asks.
pub(crate) struct Written {
    pub(crate) mail: Rendered,
    /// Whether the subject was longer than a mail's.
    is_subject_cut: bool,
}

/// The letter in the language that a customer reads, or else in the one that is for all others.
pub(crate) fn text_for<'a>(letter: &'a CampaignLetter, locale: &Locale) -> &'a LetterText {
    let tags = letter.texts().iter().map(|text| text.language().as_str());
    let found = best(locale, tags);
    letter.texts().iter().find(|text| Some(text.language().as_str()) == found).unwrap_or(letter.fallback())
}

/// The language whose words stand below a letter, and its direction.
fn foot_of(language: &Locale) -> (&'static str, &'static str) {
    match language_of(language) {
        Some(own) => (own, direction_of(language)),
        None => (FALLBACK, "ltr"),
    }
}

impl MinijinjaRenderer {
    /// Writes a campaign's mail in one of its letter's languages.
    pub(crate) fn campaign(&self, mail: &CampaignMail<'_>, letter: &LetterText) -> Result<Written, LetterError> {
        let language = letter.language();
        let cannot = |RenderError(cause): RenderError| LetterError::of(language, cause.clause());
        let (foot_language, foot_dir) = foot_of(language);
        let unsubscribe_url = mail.unsubscribe.map(UnsubscribeLink::expose);
        let words = Words { product: kind(mail.customer.product), unsubscribe_url };
        let product = self.fill(foot_language, PRODUCT, Value::from(Serde(words))).map_err(cannot)?;
        let values = Values::of(mail, language, product)?;
        let dir = direction_of(language);
        let Content { heading, subject, body } = Content::of(letter, &values, dir == "rtl")?;

        let short = directed(&shorten_line(&subject, LONGEST_SUBJECT), dir == "rtl");
        let view = Value::from(Serde(Frame {
            language: language.as_str(),
            dir,
            foot_language: Some(foot_language).filter(|_| language_of(language).is_none()),
            foot_dir,
            subject: &short,
            heading: html(&heading),
            summary: summary(&body, dir == "rtl"),
            blocks: body.iter().flat_map(|paragraph| blocks(paragraph)).collect(),
            words,
        }));
        let above = body.iter().map(|paragraph| plain(paragraph, dir == "rtl")).collect::<Vec<_>>().join("\n\n");
        let below = self.fill(foot_language, FOOT, view.clone()).map_err(cannot)?;
        // Nothing may touch a URL: whoever makes a link of it would take what is beside it for a part.
        let below = below.lines().map(|line| match unsubscribe_url {
            Some(url) if url == line => line.to_owned(),
            _ => directed(line, foot_dir == "rtl"),
        });
        Ok(Written {
            is_subject_cut: subject.chars().nth(LONGEST_SUBJECT).is_some(),
            mail: Rendered {
                text: format!("{above}\n\n{}", below.collect::<Vec<_>>().join("\n")),
                html: self.fill(foot_language, HTML, view).map_err(cannot)?,
                subject: short,
                language: language.to_string(),
            },
        })
    }
}

/// What the operator's text comes to for one customer.
struct Content<'a> {
    heading: Line<'a>,
    /// The heading as text, however long.
    subject: String,
    body: Vec<Vec<Line<'a>>>,
}

impl<'a> Content<'a> {
    fn of(letter: &'a LetterText, values: &Values, is_right_to_left: bool) -> Result<Self, LetterError> {
        let language = letter.language();
        let unknown = |field: Field| {
            LetterError::of(language, format!("it shows `{}`, which isn't known of this customer", field.word()))
        };
        let template = Template::parse(letter)?;
        let heading = template.subject(values).map_err(unknown)?;
        let subject = one_line(text(&heading, is_right_to_left).trim());
        if neutral(&subject, "").is_empty() {
            let problem = "the subject is empty for some customers: write words that stand for everyone";
            return Err(LetterError::at(language, 1, problem));
        }
        let body = paragraphs(template.body(values).map_err(unknown)?);
        if body.is_empty() {
            let problem = "there is no text for some customers: write a paragraph that stands for everyone";
            return Err(LetterError::of(language, problem));
        }
        Ok(Self { heading, subject, body })
    }
}

/// A paragraph of the text part.
fn plain(paragraph: &[Line<'_>], is_right_to_left: bool) -> String {
    let line = |line: &Line<'_>| match &**line {
        [Piece::Link(url)] => (*url).to_owned(),
        line => {
            let mut lines = text(line, is_right_to_left);
            if is_right_to_left && lines.rsplit(' ').next().is_some_and(|word| word.contains("://")) {
                // The mark that ends the line's direction would be taken for a part of the address.
                lines.push(' ');
            }
            lines.lines().map(|line| directed(line, is_right_to_left)).collect::<Vec<_>>().join("\n")
        }
    };
    paragraph.iter().map(line).collect::<Vec<_>>().join("\n")
}

/// What mail clients show beside the subject, where they would else repeat it: how the letter begins.
fn summary(body: &[Vec<Line<'_>>], is_right_to_left: bool) -> String {
    let mut summary = String::new();
    for line in body.iter().flatten().filter(|line| !matches!(line[..], [Piece::Link(_)])) {
        summary = format!("{summary} {}", one_line(&text(line, is_right_to_left)));
        if summary.len() > 4 * LONGEST_SUMMARY {
            break;
        }
    }
    shorten_line(summary.trim(), LONGEST_SUMMARY)
}
