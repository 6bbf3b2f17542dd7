use pulse_core::{
    enrollment::PartnerChange,
    failure::Cause,
    feedback::FeedbackSource,
    ports::{DeadLetter, FeedbackParser as _, IntakeReader, Payload, PayloadError, Route},
};

use crate::{SesParser, fields::json, mailgun, marketing_cloud};

/// Reads what came in as the feedback function does, but for the signatures: to say why a letter is dead takes no keys.
#[derive(Debug, Clone, Copy, Default)]
pub struct UnsignedReader;

impl IntakeReader for UnsignedReader {
    fn read(&self, letter: &DeadLetter) -> Result<Option<Cause>, Cause> {
        let payload = Payload::of_message(letter.body.clone(), &letter.attributes, letter.sent_at);
        let read = match Route::of(&letter.attributes)? {
            Route::Ses | Route::Hook(FeedbackSource::Ses) => SesParser.parse(&payload).map(drop),
            Route::Hook(FeedbackSource::MarketingCloud) if marketing_cloud::asks_to_verify(&payload) => {
                return Ok(Some(Cause::new(
                    "Marketing Cloud asks to verify a callback: name the callback in the secret of FeedbackSecret first.",
                )));
            }
            Route::Hook(FeedbackSource::MarketingCloud) => marketing_cloud::read_batch(&payload.body).map(drop),
            Route::Hook(FeedbackSource::Mailgun) => {
                json(&payload.body).and_then(|body| mailgun::read_event(&body)).map(drop)
            }
            Route::Partner(_) => PartnerChange::parse(&payload.body).map(drop).map_err(PayloadError::Unreadable),
            Route::Unsubscribe(_) => Ok(()),
        };
        match read {
            Ok(()) => Ok(None),
            Err(error) => Err(Cause::new(format!("{}.", capital(&error.to_string())))),
        }
    }
}

/// A sentence of a clause.
fn capital(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use jiff::Timestamp;
    use pulse_core::ports::Receipt;

    use super::*;

    fn read(route: Option<&str>, body: &str) -> Result<Option<Cause>, Cause> {
        let attributes: BTreeMap<_, _> =
            route.map(|route| ("route".to_owned(), route.to_owned())).into_iter().collect();
        let (receipt, sent_at) = (Receipt("r".into()), Timestamp::UNIX_EPOCH);
        let letter = DeadLetter { id: "m".into(), receipt, body: body.into(), sent_at, undelivered: None, attributes };
        UnsignedReader.read(&letter)
    }

    #[test]
    fn what_can_be_read_is_told_from_what_can_t_without_any_key() {
        let mailgun = r#"{"signature": {}, "event-data": {"event": "opened", "timestamp": 1795000000.5}}"#;
        assert_eq!(read(Some("hooks/mailgun"), mailgun), Ok(None));
        assert_eq!(read(Some("hooks/marketing-cloud"), "[]"), Ok(None));
        assert_eq!(read(Some("u/1.ada.code"), "List-Unsubscribe=One-Click"), Ok(None));
        assert_eq!(read(None, r#"{"eventType": "Open", "mail": {}}"#), Ok(None));
        let asked = r#"{"callbackId": "65b885ab", "verificationKey": "k3y"}"#;
        assert!(read(Some("hooks/marketing-cloud"), asked).unwrap().unwrap().as_str().contains("verify a callback"));
        for (route, body) in [
            (Some("hooks/mailgun"), "{}"),
            (Some("hooks/mailgun"), "to: ada@example.com"),
            (Some("hooks/marketing-cloud"), r#""ada@example.com""#),
            (Some("hooks/pigeon"), "{}"),
            (Some("partners/crm"), r#"{"email": "ada@example.com"}"#),
            (None, r#"{"to": "ada@example.com"}"#),
        ] {
            let cause = read(route, body).unwrap_err();
            assert!(cause.as_str().ends_with('.') && !cause.as_str().contains("ada@"), "{cause}");
        }
    }
}
