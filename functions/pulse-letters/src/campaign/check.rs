//! Whether a campaign's letter can be written to everyone, before the first customer gets it.

use jiff::Timestamp;
use pulse_core::{
    campaign::{CampaignLetter, LetterError, LetterText},
    customer::Product,
    entry::{Plan, StageName},
    parse::ParseError,
    ports::{CampaignMail, Rendered},
    unsubscribe::UnsubscribeUrl,
};

use super::{tags::Field, template::Template};
use crate::{
    MinijinjaRenderer, language_of,
    made_up::{self, Home, NO_NAME, longest_names},
};

/// In UTF-16 code units: what every provider takes. Marketing Cloud's data extension has four fields of 4,000 characters for
/// the HTML and one for the text.
const LONGEST_HTML: usize = 16_000;
const LONGEST_TEXT: usize = 4_000;

/// In bytes, without its end (RFC 5322, 2.1.1).
const LONGEST_LINE: usize = 998;

/// As long as a deployment's link to unsubscribe may begin.
const LONGEST_URL: usize = 255;

impl MinijinjaRenderer {
    /// Whether a campaign's letter can be written to every customer, in a run of these steps, whose entries are about items or not:
    /// every tag
    /// of every language is known, nothing is shown that some customers don't have, and what made-up customers get has a
    /// subject and a text and fits whatever carries it.
    ///
    /// # Errors
    /// With the first thing that is wrong, its language and its line.
    pub fn check(&self, letter: &CampaignLetter, plan: Plan, has_items: bool) -> Result<(), LetterError> {
        letter.texts().iter().try_for_each(|text| {
            Self::check_tags(text, plan, has_items)?;
            self.check_mails(letter, text, plan, has_items)
        })
    }

    /// Whether a letter shows an item without asking whether there is one: whose entry is about none couldn't get it.
    ///
    /// # Errors
    /// When it can't be read.
    pub fn needs_item(letter: &CampaignLetter) -> Result<bool, LetterError> {
        let needs = |text| Ok(Template::parse(text)?.of_some().iter().any(|(_, field)| *field == Field::Item));
        letter.texts().iter().try_fold(false, |needed, text| Ok(needed || needs(text)?))
    }

    fn check_tags(text: &LetterText, plan: Plan, has_items: bool) -> Result<(), LetterError> {
        let (language, template) = (text.language(), Template::parse(text)?);
        let is_wanting = |(_, field): &&(usize, Field)| match field.comes_of() {
            Some(step) => !plan.has(step),
            None => *field == Field::Item && !has_items,
        };
        if let Some((line, field)) = template.of_some().iter().find(is_wanting) {
            let (lacks, first) = match field {
                Field::Reference => ("calls no partner", "have it call one first"),
                Field::Item => ("is about no items", "name one behind each customer, in a column `item`"),
                _ => ("doesn't score", "have it score first"),
            };
            let field = field.word();
            let problem = format!(
                "this run {lacks}, and the letter shows `{field}`: {first}, or write that between \
                 `{{% if {field} %}}` and `{{% endif %}}`"
            );
            return Err(LetterError::at(language, *line, problem));
        }
        if let Some(line) = template.product().filter(|_| language_of(language).is_none()) {
            let problem = "Pulse has no word for a product in this language: write it, as in `{% if product == \"loan\" \
                           %}`, the word, `{% else %}`, the word for a card, `{% endif %}`";
            return Err(LetterError::at(language, line, problem));
        }
        Ok(())
    }

    fn check_mails(
        &self,
        letter: &CampaignLetter,
        text: &LetterText,
        plan: Plan,
        has_items: bool,
    ) -> Result<(), LetterError> {
        let (language, needs_item) = (text.language(), Self::needs_item(letter)?);
        let made_up = |error: ParseError| LetterError::of(language, error.to_string());
        let home = Home::of(language.as_str());
        let link = UnsubscribeUrl::parse(&format!("https://{}", "a".repeat(LONGEST_URL - "https://".len())));
        let link = link.map_err(made_up)?.placeholder();
        let score = made_up::score(1000, Timestamp::UNIX_EPOCH).map_err(made_up)?;
        let (reference, longest) =
            (made_up::reference().map_err(made_up)?, made_up::longest_reference().map_err(made_up)?);
        let items = (made_up::item().map_err(made_up)?, made_up::longest_item().map_err(made_up)?);
        let usual = home.names[0].to_owned();
        for name in [usual.clone(), NO_NAME.to_owned()].into_iter().chain(longest_names()) {
            for product in [Product::Loan, Product::Card] {
                let customer = home.customer(&name, product, Timestamp::UNIX_EPOCH).map_err(made_up)?;
                for unsubscribe in [Some(&link), None] {
                    let score = Some(&score).filter(|_| plan.has(StageName::SCORED_BY));
                    let reference = if name == usual { &reference } else { &longest };
                    let reference = Some(reference).filter(|_| plan.has(StageName::Call));
                    let item = Some(if name == usual { items.0 } else { items.1 }).filter(|_| has_items);
                    // Some may have none, unless the letter can't be written without.
                    let or_none = (has_items && !needs_item).then_some(None);
                    for item in [item].into_iter().chain(or_none) {
                        let mail = CampaignMail { customer: &customer, letter, score, reference, item, unsubscribe };
                        let written = self.campaign(&mail, text)?;
                        if written.is_subject_cut && name == usual {
                            let problem =
                                "the subject is longer than 150 characters, which no mail client shows: shorten it";
                            return Err(LetterError::at(language, 1, problem));
                        }
                        misfit(&written.mail).map_or(Ok(()), |problem| Err(LetterError::of(language, problem)))?;
                    }
                }
            }
        }
        Ok(())
    }
}

/// What doesn't fit whatever carries it.
fn misfit(mail: &Rendered) -> Option<String> {
    for (part, content, most) in [("text", &mail.text, LONGEST_TEXT), ("HTML", &mail.html, LONGEST_HTML)] {
        let length = content.encode_utf16().count();
        if length > most {
            return Some(format!(
                "with the longest names its {part} has {length} characters, and {most} are the most that every provider \
                 takes: shorten it"
            ));
        }
    }
    let lines = mail.text.lines().chain(mail.html.lines());
    let longest = lines.map(str::len).max().filter(|longest| *longest > LONGEST_LINE)?;
    Some(format!("it becomes a line of {longest} bytes, and mail takes {LONGEST_LINE}: put spaces into it"))
}
