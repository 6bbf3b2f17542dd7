//! What every scorer and every mailer must do, whatever provider stands behind it.

pub mod aws_server;
mod courier;
mod dropped_mails;
pub mod emulated_ses;
pub mod forgetful_server;
mod mailer;
mod partner;
pub mod samples;
mod scorer;
pub mod webhook_receiver;

pub use courier::{CourierBench, CourierTrouble, courier_conformance};
pub use dropped_mails::{DroppedMailsBench, dropped_mails_conformance};
pub use mailer::{MailTrouble, MailerBench, mailer_conformance};
pub use partner::{PartnerBench, PartnerTrouble, partner_conformance};
pub use scorer::{ScoreTrouble, ScorerBench, scorer_conformance};
