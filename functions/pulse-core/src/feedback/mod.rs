//! What providers tell afterwards of mails: parsed by provider, merged into the ledger in any order, any number of times.
//!
//! - [`Feedback`]: one thing that a provider told, in words that all providers share.
//! - [`FeedbackFacts`]: what is known of an entry's mail. Facts merge; the order in which they come doesn't matter.

mod event;
mod facts;

pub use self::{
    event::{About, Bounce, BounceKind, Feedback, FeedbackKind, FeedbackSource},
    facts::{Bounced, FeedbackFacts, MailOutcome, Rejection, Verdict},
};
