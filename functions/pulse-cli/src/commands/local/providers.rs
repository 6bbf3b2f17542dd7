//! The stand-ins, and what the stack has to be told to use them.

use std::{collections::BTreeMap, sync::Arc};

use anyhow::Result;
use pulse_aws::stack::Stack;
use pulse_core::{entry::StageName, stable_hash::hex_digest, unsubscribe::UnsubscribeUrl};
use pulse_local::{
    environment,
    standins::{
        MailEventTarget, MailEvents, MailStandIn, PartnerStandIn, ScoreStandIn, StandInLatency, StandInOptions,
        StandInPlace,
    },
};
use serde_json::json;

use super::options::{Options, StandInProvider};

const SCORE_SECRET: &str = "pulse-local/scoring";
const PARTNER_SECRET: &str = "pulse-local/partner";
const MAIL_SECRET: &str = "pulse-local/marketing-cloud";
const FEEDBACK_SECRET: &str = "pulse-local/feedback";

/// Of the numbers that make each thing happen to some customer of the shipped roster, and two of them to one of its first
/// forty.
const MAIL_SEED: u64 = 88;

/// More than the stand-in takes: it has no rate.
const SES_RATE: &str = "1000";

pub(super) struct Providers {
    pub(super) score: ScoreStandIn,
    pub(super) mail: MailStandIn,
    /// Whom campaigns may call.
    pub(super) partner: PartnerStandIn,
    pub(super) score_latency: StandInLatency,
    pub(super) mail_latency: StandInLatency,
    pub(super) mail_provider: StandInProvider,
}

impl Providers {
    pub(super) async fn start(options: &Options, place: &StandInPlace) -> Result<Self> {
        let score_latency = StandInLatency::lognormal(options.score_latency);
        let mail_latency = StandInLatency::lognormal(options.email_latency);
        let stand_in =
            |latency, seed| StandInOptions { place: place.clone(), latency, seed, ..StandInOptions::default() };
        Ok(Self {
            score: ScoreStandIn::start(stand_in(score_latency, 1)).await?,
            mail: MailStandIn::start(stand_in(mail_latency, MAIL_SEED)).await?,
            partner: PartnerStandIn::start(stand_in(StandInLatency::lognormal(options.partner_latency), 2)).await?,
            score_latency,
            mail_latency,
            mail_provider: options.mail_provider,
        })
    }

    pub(super) fn parameters(&self) -> BTreeMap<String, String> {
        let mut parameters = vec![
            ("ScoreUrl", self.score.url()),
            ("ScoreSecret", SCORE_SECRET.into()),
            ("CallUrl", self.partner.url()),
            ("CallSecret", PARTNER_SECRET.into()),
            ("Sender", "Pulse <pulse@example.com>".into()),
        ];
        parameters.extend(match self.mail_provider {
            StandInProvider::Ses => vec![("MailProvider", "ses".into()), ("SesRate", SES_RATE.into())],
            StandInProvider::MarketingCloud => vec![
                ("MailProvider", "marketing-cloud".into()),
                ("MarketingCloudUrl", self.mail.url()),
                ("MarketingCloudAuthUrl", self.mail.auth_url()),
                ("MarketingCloudDefinition", "pulse-monthly".into()),
                ("MarketingCloudSecret", MAIL_SECRET.into()),
                ("FeedbackSecret", FEEDBACK_SECRET.into()),
            ],
        });
        parameters.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
    }

    pub(super) fn secrets(&self) -> BTreeMap<String, String> {
        let scoring = json!({ "authorization": self.score.authorization() });
        let calling = json!({ "authorization": self.partner.authorization() });
        let mailing = json!({
            "client_id": self.mail.client_id(),
            "client_secret": self.mail.client_secret(),
        });
        let telling = json!({ "marketing-cloud": { "callback": "pulse-local", "keys": [self.events_key()] } });
        [(SCORE_SECRET, scoring), (PARTNER_SECRET, calling), (MAIL_SECRET, mailing), (FEEDBACK_SECRET, telling)]
            .map(|(name, secret)| (name.to_owned(), secret.to_string()))
            .into()
    }

    /// The signature key of Marketing Cloud's callback.
    fn events_key(&self) -> String {
        hex_digest(&format!("callback of {}", self.mail.client_secret()))
    }

    /// Has the deployed stack send by the stand-in, and the stand-in tell the stack what became of its mails. Returns what a
    /// person should know.
    ///
    /// # Errors
    /// When the stack is of another template, or its email function can't be changed.
    pub(super) async fn connect(&self, stack: &Stack, endpoint: &str, options: &Options) -> Result<Option<String>> {
        let api = stack.outputs.get("FeedbackApiId")?;
        // The form that both emulators take (LocalStack's documentation, "API Gateway"): no name has to be resolved.
        let root = format!("{}/_aws/execute-api/{api}/v1", endpoint.trim_end_matches('/'));
        let unsubscribe_url = format!("{root}/u");
        let is_usable = UnsubscribeUrl::parse(&unsubscribe_url).is_ok();
        let mut variables = vec![("UNSUBSCRIBE_URL", if is_usable { unsubscribe_url.clone() } else { String::new() })];
        if self.mail_provider == StandInProvider::Ses {
            // AWS SDKs and Tools Reference Guide, "Service-specific endpoints".
            variables.push(("AWS_ENDPOINT_URL_SESV2", self.mail.url()));
        }
        environment::set(&stack.aws, stack.of_stage(StageName::Email, "FunctionName")?, &variables).await?;
        let target = match self.mail_provider {
            StandInProvider::Ses => MailEventTarget::Topic {
                aws: Box::new(stack.aws.clone()),
                arn: stack.outputs.get("MailEventsTopicArn")?.to_owned(),
            },
            StandInProvider::MarketingCloud => {
                MailEventTarget::Hook { url: format!("{root}/hooks/marketing-cloud"), key: self.events_key() }
            }
        };
        let unsubscribe_url = is_usable.then_some(unsubscribe_url);
        let remark = unsubscribe_url.is_none().then(|| {
            format!("Letters have no link to unsubscribe: plain http is taken of 127.0.0.1 and localhost only, and the emulator is at {endpoint}.")
        });
        self.mail.look_up_opt_outs(Arc::new(stack.ledger()?));
        self.mail.tell(MailEvents { target, unsubscribe_url, fates: options.fates() })?;
        Ok(remark)
    }
}
