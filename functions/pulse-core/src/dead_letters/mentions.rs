use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

use super::{cursor::DlqCursor, survey::AT_ONCE};
use crate::{
    customer::{CustomerId, EmailAddress},
    ports::{DeadLetter, DeadLetters, QueueError},
};

/// For how long dead letters are kept, from when they were first queued: as long as SQS keeps any.
const KEPT_FOR: SignedDuration = SignedDuration::from_hours(14 * 24);

/// How many dead letters name someone.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Mentions {
    /// Letters that were looked at.
    pub looked_at: usize,
    /// Whether there are more.
    pub more: bool,
    /// Those that name them.
    pub naming: usize,
    /// When the queue drops the last of these, if nobody brings it back.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub until: Option<Timestamp>,
}

impl Mentions {
    /// Looks for a customer in no more than `limit` letters, by address and id, and puts them back, whatever happens. It
    /// reads none of them, so that those are found too that can't be read.
    ///
    /// # Errors
    /// When the queue can't be used.
    pub async fn find(
        letters: &dyn DeadLetters,
        id: &CustomerId,
        address: Option<&EmailAddress>,
        limit: usize,
    ) -> Result<Self, QueueError> {
        let mut round = DlqCursor::of(letters, Timestamp::MAX);
        let found = Self::read(&mut round, &needles(id, address), limit).await;
        round.end().await;
        let mut found = found?;
        // What someone has in hand can't be looked at now.
        found.more |= letters.hidden().await? > 0;
        Ok(found)
    }

    async fn read(round: &mut DlqCursor<'_>, needles: &[String], limit: usize) -> Result<Self, QueueError> {
        let mut found = Self::default();
        loop {
            let page = round.next(AT_ONCE).await?;
            for letter in &page {
                round.keep(letter);
            }
            if page.is_empty() || found.looked_at >= limit {
                found.more = !page.is_empty();
                return Ok(found);
            }
            found.looked_at += page.len();
            for letter in page.iter().filter(|letter| names(letter, needles)) {
                found.naming += 1;
                found.until = found.until.max(letter.sent_at.checked_add(KEPT_FOR).ok());
            }
        }
    }
}

/// By what a letter names someone: their address; or their id, as a text of its own, as the beginning of a message's key or of
/// a fact's id, or in a token.
fn needles(id: &CustomerId, address: Option<&EmailAddress>) -> Vec<String> {
    let id = id.as_str();
    let ids = [format!("\"{id}\""), format!("\"{id}_"), format!("\"{id}/"), format!(".{id}.")];
    ids.into_iter().chain(address.map(|address| address.expose().to_owned())).map(|text| text.to_lowercase()).collect()
}

fn names(letter: &DeadLetter, needles: &[String]) -> bool {
    std::iter::once(&letter.body).chain(letter.attributes.values()).any(|text| {
        // `@` as forms and as JSON may have it.
        let text = text.to_lowercase().replace("%40", "@").replace("\\u0040", "@");
        needles.iter().any(|needle| text.contains(needle))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ports::Receipt;

    #[test]
    fn a_letter_names_whose_address_or_id_is_in_it_however_it_is_written() {
        let id = CustomerId::parse("712").unwrap();
        let needles = needles(&id, Some(&EmailAddress::parse("Ada@example.com").unwrap()));
        let names = |route: &str, body: &str| {
            let attributes = [("route".to_owned(), route.to_owned())].into();
            let (receipt, sent_at) = (Receipt("r".into()), Timestamp::UNIX_EPOCH);
            names(
                &DeadLetter { id: "m".into(), receipt, body: body.into(), sent_at, undelivered: None, attributes },
                &needles,
            )
        };
        for body in [
            r#"{"to": "ADA@example.com"}"#,
            "to=ada%40example.com",
            r#"{"to": "ada\u0040example.com"#,
            r#"{"tags": {"customer": ["712"]}}"#,
            r#"{"messageKey": "712_2026-11"}"#,
            r#"{"endpoint": "crm", "fact": "712/2026-11/7/sent"}"#,
        ] {
            assert!(names("hooks/mailgun", body), "{body}");
        }
        assert!(names("u/1.712.c0de", "List-Unsubscribe=One-Click"));
        for body in [r#"{"code": 712, "to": "grace@example.com"}"#, r#"{"customer": "7123"}"#, ""] {
            assert!(!names("hooks/mailgun", body), "{body}");
        }
    }
}
