//! What providers tell afterwards of mails: parsed by provider, merged into the ledger in any order, any number of times.
//!
//! - [`Feedback`]: one thing that a provider told, in words that all providers share.
//! - [`FeedbackFacts`]: what is known of an entry's mail. Facts merge; the order in which they come doesn't matter.
//! - [`FeedbackListener`]: the use case, which brings an event into the ledger.
//! - [`ReputationBreaker`]: holds the email stage where complaints or bounces are many.

mod counts;
mod event;
mod facts;
mod listener;
mod reputation;

pub use self::{
    counts::{FeedbackCount, FeedbackCounts, FeedbackDay, FeedbackTally, hour_of, sum_of},
    event::{About, Bounce, BounceKind, Feedback, FeedbackKind, FeedbackSource},
    facts::{Bounced, FeedbackFacts, MailOutcome, Rejection, Verdict},
    listener::{FeedbackListener, Heard},
    reputation::{Reputation, ReputationBreaker, ReputationCounts, ReputationLook, ReputationPolicy},
};
