use futures::{StreamExt as _, stream};
use jiff::Timestamp;
use pulse_aws::intake::{IntakeMessage, Taken};
use pulse_core::{
    enrollment::{Enrollment, PartnerOutcome},
    failure::Cause,
    feedback::{Feedback, FeedbackListener, FeedbackSource, Heard},
    ports::{LedgerError, Payload, PayloadError, Route},
    unsubscribe::UnsubscribeTokens,
};
use pulse_feedback::Parsers;

use crate::Anew;

/// Events of one payload that are brought into the ledger side by side.
const AT_ONCE: usize = 16;

/// Reads what came in, and has it done.
pub struct Reader<'a> {
    /// What hears of mails, and of opt-outs.
    pub listener: &'a FeedbackListener<'a>,
    /// What changes customers.
    pub enrollment: Enrollment<'a>,
    /// What tells whose token it is.
    pub tokens: &'a Anew<UnsubscribeTokens>,
    /// What checks signatures, and reads.
    pub parsers: &'a Anew<Parsers>,
}

impl Reader<'_> {
    /// Takes one message.
    pub async fn take(&self, message: IntakeMessage) -> Taken {
        let IntakeMessage { id, route, payload } = message;
        match route {
            Err(cause) => Taken::Unreadable(cause),
            Ok(Route::Ses) => self.hear(FeedbackSource::Ses, &payload).await,
            Ok(Route::Hook(source)) => self.hear(source, &payload).await,
            Ok(Route::Partner(name)) => self.change(&name, &payload).await,
            Ok(Route::Unsubscribe(token)) => self.unsubscribe(&token, &id, payload.received_at).await,
        }
    }

    async fn hear(&self, source: FeedbackSource, payload: &Payload) -> Taken {
        match self.read(|parsers| parsers.of(source).map(|parser| parser.parse(payload))).await {
            // Its keys come from the provider, which may tell before they are here.
            None => Taken::Unreadable(Cause::new(format!(
                "There is no key of {source}: add it to the secret of FeedbackSecret, and bring this back."
            ))),
            Some(Err(PayloadError::Forged(cause))) => Taken::Forged(cause),
            Some(Err(error @ PayloadError::Unreadable(_))) => Taken::Unreadable(Cause::new(error.to_string())),
            Some(Ok(events)) => match self.counts(source, payload).await {
                Ok(true) => self.hear_all(&events).await,
                Ok(false) => Taken::Forged(Cause::new("Its signature's token came with another event before.")),
                Err(error) => failed(&error),
            },
        }
    }

    /// Whether it isn't the signature of another event of a provider whose signature doesn't cover the event: whichever
    /// instance of the function saw that one.
    async fn counts(&self, source: FeedbackSource, payload: &Payload) -> Result<bool, LedgerError> {
        match self.parsers.current().once(source, payload) {
            Some(once) => self.listener.log.remember_token(&once.token, &once.body, once.until).await,
            None => Ok(true),
        }
    }

    /// All of them, be one to come back or not: what is heard twice is heard once.
    async fn hear_all(&self, events: &[Feedback]) -> Taken {
        let heard = stream::iter(events).map(|event| self.listener.hear(event)).buffer_unordered(AT_ONCE);
        let heard: Vec<Result<Heard, LedgerError>> = heard.collect().await;
        let mut taken = Taken::Done;
        for heard in heard {
            taken = match (taken, heard) {
                (_, Err(error)) => return failed(&error),
                (Taken::Later(one), Ok(Heard::Later { until })) => Taken::Later(one.max(until)),
                (_, Ok(Heard::Later { until })) => Taken::Later(until),
                (taken, Ok(Heard::Done | Heard::NoEntry)) => taken,
            };
        }
        taken
    }

    async fn change(&self, name: &str, payload: &Payload) -> Taken {
        let read = |parsers: &Parsers| {
            let (partner, verifier) = parsers.partner(name)?;
            Some(verifier.read(payload).map(|change| (partner.clone(), change)))
        };
        match self.read(read).await {
            // The operator gives a partner its key: who has none is none.
            None => Taken::Forged(Cause::new("There is no partner of that name.")),
            Some(Err(PayloadError::Forged(cause))) => Taken::Forged(cause),
            Some(Err(error @ PayloadError::Unreadable(_))) => Taken::Unreadable(Cause::new(error.to_string())),
            Some(Ok((partner, change))) => match self.enrollment.change(&partner, &change).await {
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
        let mut customer = self.tokens.current().customer(token);
        if customer.is_none()
            && let Some(tokens) = self.tokens.anew().await
        {
            customer = tokens.customer(token);
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

    /// Reads with the keys that are known; and where they don't fit, once more with those that there may be by now.
    async fn read<T>(
        &self,
        read: impl Fn(&Parsers) -> Option<Result<T, PayloadError>>,
    ) -> Option<Result<T, PayloadError>> {
        let first = read(&self.parsers.current());
        if !matches!(first, None | Some(Err(PayloadError::Forged(_)))) {
            return first;
        }
        match self.parsers.anew().await {
            Some(parsers) => read(&parsers),
            None => first,
        }
    }
}

fn failed(error: &LedgerError) -> Taken {
    Taken::Failed(Cause::new(error.to_string()))
}
