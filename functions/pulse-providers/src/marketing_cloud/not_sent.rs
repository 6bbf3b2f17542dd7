//! The mails that Marketing Cloud took and then didn't send (Marketing Cloud, "GET
//! /messaging/v1/email/messages/?type=notSent").

use async_trait::async_trait;
use jiff::{
    Timestamp,
    civil::DateTime,
    tz::{TimeZone, offset},
};
use pulse_core::{
    entry::EntryId,
    failure::Cause,
    feedback::FeedbackSource,
    ports::{DroppedCursor, DroppedMail, DroppedMails, DroppedPage, SendError},
};
use serde::Deserialize;

use super::{
    MarketingCloudMailer, Unmade,
    answers::{PROVIDER, SubscriberError, passing, retry},
};
use crate::http::Answer;

/// Mails of an answer. Each takes some 400 bytes of it.
const PAGE: usize = 50;

#[derive(Deserialize)]
struct Page {
    #[serde(rename = "lastEventID")]
    last_event: Option<u64>,
    /// One by one, as other systems' may be of another form.
    messages: Vec<serde_json::Value>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct NotSent {
    #[serde(flatten)]
    reason: SubscriberError,
    timestamp: String,
    definition_key: String,
    info: Info,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Info {
    message_key: String,
}

#[async_trait]
impl DroppedMails for MarketingCloudMailer {
    fn source(&self) -> FeedbackSource {
        FeedbackSource::MarketingCloud
    }

    async fn dropped(&self, after: Option<&DroppedCursor>) -> Result<DroppedPage, SendError> {
        let mut url = self.messages.clone();
        let from = after.map(|cursor| format!("&lastEventId={}", cursor.0)).unwrap_or_default();
        url.set_query(Some(&format!("type=notSent&$pagesize={PAGE}{from}")));
        match self.call(|| self.http.client().get(url.clone())).await {
            Ok(answer) => read(&answer, &self.definition, after),
            Err(Unmade::NoToken(error)) => Err(error),
            Err(Unmade::NoAnswer(none)) => {
                Err(retry(None, format!("{PROVIDER} {} when it was asked which mails it didn't send.", none.says())))
            }
        }
    }
}

/// A page of the list: the mails of `definition`.
pub(crate) fn read(answer: &Answer, definition: &str, after: Option<&DroppedCursor>) -> Result<DroppedPage, SendError> {
    if let Some(error) = passing(answer) {
        return Err(error);
    }
    let page: Option<Page> = answer.json().filter(|_| answer.status.is_success());
    let unread = || retry(None, format!("{PROVIDER} answered with no list of the mails that it didn't send."));
    let page = page.ok_or_else(unread)?;
    let next = page.last_event.map(|event| DroppedCursor(event.to_string())).or_else(|| after.cloned());
    let is_last = page.messages.len() < PAGE || next.as_ref() == after;
    // Other systems of the business unit have mails in the list too, by definitions and keys of their own.
    let rows = page.messages.into_iter().filter_map(|row| serde_json::from_value::<NotSent>(row).ok());
    let mails = rows.filter(|mail| mail.definition_key == definition).filter_map(|mail| {
        let entry = EntryId::of_message_key(&mail.info.message_key)?;
        let Some(at) = moment(&mail.timestamp) else {
            tracing::warn!(%entry, "it isn't said when a mail was dropped in a form that can be read");
            return None;
        };
        Some(DroppedMail { entry, at, cause: Cause::new(format!("{PROVIDER} gives {}.", mail.reason)) })
    });
    Ok(DroppedPage { mails: mails.collect(), next, is_last })
}

/// Marketing Cloud's times are Central Standard Time all the year, and name no zone.
fn moment(text: &str) -> Option<Timestamp> {
    let local: DateTime = text.parse().ok()?;
    Some(local.to_zoned(TimeZone::fixed(offset(-6))).ok()?.timestamp())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_central_standard_time_in_summer_too() {
        let read = |text| moment(text).unwrap().to_string();
        assert_eq!(read("2018-12-17T13:05:40.947"), "2018-12-17T19:05:40.947Z");
        assert_eq!(read("2018-07-17T13:05:40.947"), "2018-07-17T19:05:40.947Z");
        assert_eq!(moment("yesterday"), None);
    }
}
