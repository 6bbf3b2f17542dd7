//! What happens to mails, in the words of each provider.

use jiff::Timestamp;
use pulse_core::feedback::BounceKind;
use serde::Serialize;
use serde_json::{Value, json};

use super::outbox::AcceptedMail;

/// Something that happened to a mail.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum MailEvent {
    /// The provider handed it on. Marketing Cloud tells no more of a mail that arrives.
    Sent,
    /// The receiving server took it.
    Delivered,
    /// It came back.
    Bounced(BounceKind),
    /// The recipient called it spam.
    Complained,
    /// The recipient clicked its link to unsubscribe.
    Unsubscribed,
}

impl MailEvent {
    /// The word for it.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Sent => "sent",
            Self::Delivered => "delivered",
            Self::Bounced(BounceKind::Hard) => "bounced: no such mailbox",
            Self::Bounced(BounceKind::Soft) => "bounced: mailbox full",
            Self::Bounced(BounceKind::Reputation) => "bounced: sender distrusted",
            Self::Complained => "called spam",
            Self::Unsubscribed => "unsubscribed",
        }
    }
}

/// A bounce as servers put it: type and sub-type of SES, Marketing Cloud's code, enhanced status, and the server's words.
fn bounce(kind: BounceKind) -> ([&'static str; 2], &'static str, &'static str, &'static str) {
    match kind {
        BounceKind::Hard => (["Permanent", "General"], "HARD", "5.1.1", "550 5.1.1 <mailbox>: no such user here"),
        BounceKind::Soft => (["Transient", "MailboxFull"], "SOFT", "4.2.2", "452 4.2.2 The mailbox is full"),
        BounceKind::Reputation => {
            (["Transient", "General"], "BLOCK", "5.7.1", "554 5.7.1 Client host blocked, as listed by a blocklist")
        }
    }
}

/// As SES publishes an event of a configuration set (Amazon SES Developer Guide, "Contents of event data that Amazon SES
/// publishes to Amazon SNS"). A click isn't among those that the stack's configuration set publishes.
pub(super) fn of_ses(mail: &AcceptedMail, event: MailEvent, at: Timestamp) -> Option<Value> {
    let at = milliseconds(at);
    let to = json!([mail.to]);
    let recipients = json!([{"emailAddress": mail.to}]);
    let feedback_id = format!("{}-feedback", mail.provider_id);
    let mut told = match event {
        MailEvent::Delivered => json!({
            "eventType": "Delivery",
            "delivery": {
                "timestamp": at, "processingTimeMillis": 546, "recipients": to,
                "smtpResponse": "250 2.6.0 Message received", "reportingMTA": "mta.example.com",
            },
        }),
        MailEvent::Bounced(kind) => {
            let ([kind, sub_kind], _, status, words) = bounce(kind);
            json!({
                "eventType": "Bounce",
                "bounce": {
                    "feedbackId": feedback_id, "bounceType": kind, "bounceSubType": sub_kind,
                    "bouncedRecipients": [{
                        "emailAddress": mail.to, "action": "failed", "status": status,
                        "diagnosticCode": format!("smtp; {words}"),
                    }],
                    "timestamp": at, "reportingMTA": "dsn; mta.example.com",
                },
            })
        }
        MailEvent::Complained => json!({
            "eventType": "Complaint",
            "complaint": {
                "feedbackId": feedback_id, "complaintSubType": null, "complainedRecipients": recipients,
                "timestamp": at, "userAgent": "Amazon SES Mailbox Simulator",
                "complaintFeedbackType": "abuse", "arrivalDate": at,
            },
        }),
        MailEvent::Sent | MailEvent::Unsubscribed => return None,
    };
    let headers: Vec<_> = mail.headers.iter().map(|(name, value)| json!({"name": name, "value": value})).collect();
    let mut tags: serde_json::Map<_, _> =
        mail.tags.iter().map(|(name, value)| (name.clone(), json!([value]))).collect();
    tags.insert("ses:configuration-set".into(), json!([mail.definition]));
    told["mail"] = json!({
        "timestamp": milliseconds(mail.at), "source": mail.from, "sendingAccountId": "000000000000",
        "messageId": mail.provider_id, "destination": to, "headersTruncated": false, "headers": headers,
        "commonHeaders": {"from": [mail.from], "to": to, "messageId": mail.provider_id, "subject": mail.subject},
        "tags": tags,
    });
    Some(told)
}

/// As Marketing Cloud's Event Notification Service tells it, in a batch of others (developer guide, "Transactional Email
/// Events" and "Engagement Email Events"). It tells of no delivery, and has who complains as unsubscribed.
pub(super) fn of_marketing_cloud(mail: &AcceptedMail, event: MailEvent, at: Timestamp) -> Option<Value> {
    let mut info = json!({
        "messageKey": mail.message_key, "contactKey": mail.contact, "to": mail.to,
        "renderTimestampUTC": mail.at.as_millisecond(),
    });
    let name = match event {
        MailEvent::Sent => "TransactionalSendEvents.EmailSent",
        MailEvent::Bounced(kind) => {
            let (_, code, status, words) = bounce(kind);
            info["bounceCode"] = json!(code);
            info["smtpReason"] = json!(status);
            info["bounceMessage"] = json!(words);
            "TransactionalSendEvents.EmailBounced"
        }
        MailEvent::Complained => {
            info = json!({"subscriberKey": mail.contact, "to": mail.to});
            "EngagementEvents.EmailUnsubscribe"
        }
        MailEvent::Delivered | MailEvent::Unsubscribed => return None,
    };
    Some(json!({
        "eventCategoryType": name, "timestampUTC": at.as_millisecond(),
        "compositeId": format!("1.2.3.{}", mail.number),
        "composite": {"jobId": "1", "batchId": "2", "listId": "3", "subscriberId": mail.number.to_string(), "emailId": "5"},
        "definitionKey": mail.definition, "mid": "7280001", "eid": 7_000_001, "info": info,
    }))
}

/// A moment as AWS writes it.
fn milliseconds(at: Timestamp) -> String {
    format!("{at:.3}")
}
