use futures::{StreamExt as _, stream};
use jiff::Timestamp;
use pulse_aws::intake::{IntakeMessage, Taken};
use pulse_core::{
    enrollment::{Enrollment, PartnerOutcome},
    failure::Cause,
    feedback::{Feedback, FeedbackListener, FeedbackSource, Heard},
    ports::{LedgerError, Payload, PayloadError, Route, SendError},
    unsubscribe::UnsubscribeTokens,
};
use pulse_feedback::{Parsers, Verification};
use pulse_providers::EnsVerifier;

use crate::{SecretCache, Unread};

/// Events of one payload that are brought into the ledger side by side.
const AT_ONCE: usize = 16;

/// Reads what came in, and has it done.
pub struct Reader<'a> {
    /// What hears of mails, and of opt-outs.
    pub listener: &'a FeedbackListener<'a>,
    /// What changes customers.
    pub enrollment: Enrollment<'a>,
    /// What tells whose token it is.
    pub tokens: &'a SecretCache<UnsubscribeTokens>,
    /// What checks signatures, and reads.
    pub parsers: &'a SecretCache<Parsers>,
    /// What verifies Marketing Cloud's callbacks, if it sends the mails.
    pub verifier: Option<&'a EnsVerifier>,
}

impl Reader<'_> {
    /// Takes one message.
    pub async fn take(&self, message: IntakeMessage) -> Taken {
        let IntakeMessage { id, route, payload } = message;
        match route {
            // Anybody can call an address of the API that there isn't.
            Err(cause) => Taken::Forged(cause),
            Ok(Route::Ses) => self.hear(FeedbackSource::Ses, &payload).await,
            Ok(Route::Hook(source)) => self.hear(source, &payload).await,
            Ok(Route::Partner(name)) => self.change(&name, &payload).await,
            Ok(Route::Unsubscribe(token)) => self.unsubscribe(&token, &id, payload.received_at).await,
        }
    }

    async fn hear(&self, source: FeedbackSource, payload: &Payload) -> Taken {
        if let Some(verification) = self.parsers.current().await.verification(source, payload) {
            return self.verify(&verification).await;
        }
        let read = match self.read(payload, |parsers| parsers.of(source).map(|parser| parser.parse(payload))).await {
            Ok(read) => read,
            Err(taken) => return taken,
        };
        match read {
            // Its keys come from the provider, which may tell before they are here.
            None if source == FeedbackSource::MarketingCloud && self.verifier.is_some() => {
                Taken::Unreadable(Cause::new(format!(
                    "There is no key of {source}: add it to the secret of FeedbackSecret, and bring this back."
                )))
            }
            // Whoever sends it, nobody here expects it.
            None => Taken::Forged(Cause::new(format!("There is no key of {source} in the secret of FeedbackSecret."))),
            Some(Err(PayloadError::Forged(cause))) => Taken::Forged(cause),
            Some(Err(error @ PayloadError::Unreadable(_))) => Taken::Unreadable(Cause::new(error.to_string())),
            Some(Ok(events)) => match self.counts(source, payload).await {
                Ok(true) => self.hear_all(&events).await,
                Ok(false) => Taken::Forged(Cause::new("Its signature's token came with another event before.")),
                Err(error) => failed(&error),
            },
        }
    }

    /// Has Marketing Cloud's callback verified, without which it tells nothing. Its key is good for four hours.
    async fn verify(&self, verification: &Verification) -> Taken {
        let Some(verifier) = self.verifier else {
            let cause = "Marketing Cloud wants a callback verified, and doesn't send this stack's mails.";
            return Taken::Unreadable(Cause::new(cause));
        };
        match verifier.verify(&verification.callback_id, &verification.verification_key).await {
            Ok(()) => {
                tracing::warn!(callback = verification.callback_id, "a callback of Marketing Cloud was verified");
                Taken::Done
            }
            Err(SendError::Retry { cause, .. }) => Taken::Failed(cause),
            Err(error) => Taken::Unreadable(Cause::new(error.to_string())),
        }
    }

    /// Whether it isn't the signature of another event of a provider whose signature doesn't cover the event: whichever
    /// instance of the function saw that one.
    async fn counts(&self, source: FeedbackSource, payload: &Payload) -> Result<bool, LedgerError> {
        match self.parsers.current().await.once(source, payload) {
            Some(once) => self.listener.log.remember_token(&once.token, &once.body, once.until).await,
            None => Ok(true),
        }
    }

    /// All of them, be one to come back or not: what is heard twice is heard once.
    async fn hear_all(&self, events: &[Feedback]) -> Taken {
        let heard = stream::iter(events).map(|event| self.listener.hear(event)).buffer_unordered(AT_ONCE);
        let heard: Vec<Result<Heard, LedgerError>> = heard.collect().await;
        let mut claimed_until = None;
        for heard in heard {
            match heard {
                Err(error) => return failed(&error),
                Ok(Heard::Later { until }) => claimed_until = claimed_until.max(Some(until)),
                Ok(Heard::Done | Heard::NoEntry) => {}
            }
        }
        claimed_until.map_or(Taken::Done, |until| Taken::Later { until, cause: Cause::new("A worker has its entry.") })
    }

    async fn change(&self, name: &str, payload: &Payload) -> Taken {
        let read = |parsers: &Parsers| {
            let (partner, verifier) = parsers.partner(name)?;
            Some(verifier.read(payload).map(|change| (partner.clone(), change)))
        };
        let read = match self.read(payload, read).await {
            Ok(read) => read,
            Err(taken) => return taken,
        };
        match read {
            // The operator gives a partner its key: who has none is none.
            None => Taken::Forged(Cause::new("There is no partner of that name.")),
            Some(Err(PayloadError::Forged(cause))) => Taken::Forged(cause),
            Some(Err(error @ PayloadError::Unreadable(_))) => Taken::Unreadable(Cause::new(error.to_string())),
            Some(Ok((partner, change))) => match self.enrollment.change(&partner, &change).await {
                // Whoever comes onto the roster later is opted out by then.
                Ok(PartnerOutcome::Unknown) if change.opted_out == Some(true) => {
                    Taken::Unreadable(Cause::new(format!(
                        "Partner {partner} opts out {}, who isn't on the roster: bring this back once they are, or delete it.",
                        change.customer
                    )))
                }
                Ok(outcome) => {
                    if outcome == PartnerOutcome::Unknown {
                        tracing::info!(%partner, customer = %change.customer, "a partner tells of nobody on the roster");
                    }
                    Taken::Done
                }
                Err(error) => Taken::Failed(Cause::new(error.to_string())),
            },
        }
    }

    async fn unsubscribe(&self, token: &str, message: &str, at: Timestamp) -> Taken {
        let mut customer = self.tokens.current().await.customer(token);
        if customer.is_none() {
            customer = match self.tokens.read_after(at).await {
                Ok(tokens) => tokens.customer(token),
                Err(unread) => return unjudged(unread),
            };
        }
        let Some(customer) = customer else {
            return Taken::Forged(Cause::new("No key of this deployment made the token."));
        };
        let proof = Cause::new(format!("One click, message {message}."));
        match self.listener.unsubscribe(&customer, proof, at).await {
            Ok(is_known) => {
                if !is_known {
                    tracing::info!(%customer, "nobody on the roster unsubscribes");
                }
                Taken::Done
            }
            Err(error) => failed(&error),
        }
    }

    /// Reads with the keys that are known; and where they don't fit, with those that there were when the payload had come.
    ///
    /// # Errors
    /// When those can't be read now: nothing is taken for forged by keys of before.
    async fn read<T>(
        &self,
        payload: &Payload,
        read: impl Fn(&Parsers) -> Option<Result<T, PayloadError>>,
    ) -> Result<Option<Result<T, PayloadError>>, Taken> {
        let first = read(&*self.parsers.current().await);
        if !matches!(first, None | Some(Err(PayloadError::Forged(_)))) {
            return Ok(first);
        }
        let parsers = self.parsers.read_after(payload.received_at).await.map_err(unjudged)?;
        Ok(read(&parsers))
    }
}

/// Of what fits no key that is known. To wait for the next reading is no failure, whose waits would grow to many minutes.
fn unjudged(unread: Unread) -> Taken {
    match unread {
        Unread::Until(until) => Taken::Later {
            until,
            cause: Cause::new("It fits no key that is known, and the secret is read again then."),
        },
        Unread::Failed => {
            Taken::Failed(Cause::new("It fits no key that is known, and the secret can't be read again."))
        }
    }
}

fn failed(error: &LedgerError) -> Taken {
    Taken::Failed(Cause::new(error.to_string()))
}
