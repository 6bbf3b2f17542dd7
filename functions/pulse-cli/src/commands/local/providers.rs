//! The stand-ins, and what the stack has to be told to use them.

use std::collections::BTreeMap;

use anyhow::Result;
use serde_json::json;

use super::options::Options;
use pulse_local::standins::{MailStandIn, ScoreStandIn, StandInLatency, StandInOptions, StandInPlace};

const SCORE_SECRET: &str = "pulse-local/scoring";
const MAIL_SECRET: &str = "pulse-local/marketing-cloud";

pub(super) struct Providers {
    pub(super) score: ScoreStandIn,
    pub(super) mail: MailStandIn,
    pub(super) score_latency: StandInLatency,
    pub(super) mail_latency: StandInLatency,
}

impl Providers {
    pub(super) async fn start(options: &Options, place: &StandInPlace) -> Result<Self> {
        let score_latency = StandInLatency::lognormal(options.score_latency);
        let mail_latency = StandInLatency::lognormal(options.email_latency);
        let stand_in =
            |latency, seed| StandInOptions { place: place.clone(), latency, seed, ..StandInOptions::default() };
        Ok(Self {
            score: ScoreStandIn::start(stand_in(score_latency, 1)).await?,
            mail: MailStandIn::start(stand_in(mail_latency, 2)).await?,
            score_latency,
            mail_latency,
        })
    }

    pub(super) fn parameters(&self) -> BTreeMap<String, String> {
        [
            ("ScoreUrl", self.score.url()),
            ("ScoreSecret", SCORE_SECRET.into()),
            ("MailProvider", "marketing-cloud".into()),
            ("Sender", "Pulse <pulse@example.com>".into()),
            ("MarketingCloudUrl", self.mail.url()),
            ("MarketingCloudAuthUrl", self.mail.auth_url()),
            ("MarketingCloudDefinition", "pulse-monthly".into()),
            ("MarketingCloudSecret", MAIL_SECRET.into()),
        ]
        .map(|(name, value)| (name.to_owned(), value))
        .into()
    }

    pub(super) fn secrets(&self) -> BTreeMap<String, String> {
        let scoring = json!({ "authorization": self.score.authorization() });
        let mailing = json!({
            "client_id": self.mail.client_id(),
            "client_secret": self.mail.client_secret(),
        });
        [(SCORE_SECRET, scoring), (MAIL_SECRET, mailing)]
            .map(|(name, secret)| (name.to_owned(), secret.to_string()))
            .into()
    }
}
