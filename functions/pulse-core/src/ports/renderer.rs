use std::fmt;

use crate::{
    campaign::CampaignLetter,
    customer::{Customer, Locale},
    entry::{ItemId, Reference},
    failure::Cause,
    run::RunId,
    score::Score,
    unsubscribe::UnsubscribeLink,
};

/// What a mail tells.
#[derive(Debug, Clone, Copy)]
pub struct Letter<'a> {
    /// To whom.
    pub customer: &'a Customer,
    /// In which run.
    pub run: RunId,
    /// Their score.
    pub score: &'a Score,
    /// Last month's score.
    pub previous: Option<&'a Score>,
    /// Where they unsubscribe. None, where they can only reply and say so.
    pub unsubscribe: Option<&'a UnsubscribeLink>,
}

/// What a mail of a campaign tells.
#[derive(Debug, Clone, Copy)]
pub struct CampaignMail<'a> {
    /// To whom.
    pub customer: &'a Customer,
    /// The campaign's letter, in all its languages.
    pub letter: &'a CampaignLetter,
    /// Their score, in a run that scores.
    pub score: Option<&'a Score>,
    /// What the campaign's partner calls what it did for them, in a run that calls one, if it said so.
    pub reference: Option<&'a Reference>,
    /// Which of their items it is about, in a run that is about some.
    pub item: Option<ItemId>,
    /// Where they unsubscribe. None, where they can only reply and say so.
    pub unsubscribe: Option<&'a UnsubscribeLink>,
}

/// A mail's text. `Debug` shows none of it.
#[derive(Clone, PartialEq, Eq)]
pub struct Rendered {
    /// One line, without control characters.
    pub subject: String,
    /// The HTML body.
    pub html: String,
    /// The plain text body.
    pub text: String,
    /// The tag of the language that it is written in, such as `en` (RFC 5646), in letters, digits and hyphens.
    pub language: String,
}

impl fmt::Debug for Rendered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Rendered(..)")
    }
}

/// A letter that can't be written. Trying again won't help.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the mail can't be rendered: {0}")]
pub struct RenderError(pub Cause);

/// Writes letters.
pub trait Renderer: Send + Sync {
    /// Writes one.
    ///
    /// # Errors
    /// When a template or the customer's locale can't be used.
    fn render(&self, letter: &Letter<'_>) -> Result<Rendered, RenderError>;

    /// Writes one of a campaign, in the language of its letter's that the customer reads, or else in its first.
    ///
    /// # Errors
    /// When the letter has a tag that isn't known, or shows what isn't known of the customer, such as a score in a run that
    /// doesn't score, or when their locale can't be used.
    fn render_campaign(&self, mail: &CampaignMail<'_>) -> Result<Rendered, RenderError>;

    /// Whether it writes the month's letter to customers of this locale in their own language, and not in another for want of it.
    fn is_in_language_of(&self, _: &Locale) -> bool {
        true
    }
}
