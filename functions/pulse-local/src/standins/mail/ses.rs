//! Amazon SES, as far as mails are sent by it (Amazon SES API v2 Reference, `SendEmail` with simple content).

use std::sync::Arc;

use axum::{
    Json,
    extract::{ConnectInfo, State},
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Response},
};
use serde::Deserialize;
use serde_json::json;

use super::{Provider, outbox::AcceptedMail, trace};
use crate::standins::server::Connection;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct SendEmail {
    from_email_address: String,
    destination: Destination,
    content: Content,
    #[serde(default)]
    email_tags: Vec<Pair>,
    #[serde(default)]
    configuration_set_name: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Destination {
    to_addresses: [String; 1],
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Content {
    simple: Simple,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Simple {
    subject: Text,
    body: Body,
    #[serde(default)]
    headers: Vec<Pair>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Body {
    html: Text,
    text: Text,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Text {
    data: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Pair {
    name: String,
    value: String,
}

/// Takes a mail. SES knows no key of the caller's: the same one twice is two.
pub(super) async fn send_email(
    State(provider): State<Arc<Provider>>,
    ConnectInfo(connection): ConnectInfo<Connection>,
    headers: HeaderMap,
    Json(request): Json<SendEmail>,
) -> Response {
    let key = request.message_key();
    provider.send(&connection, &key.clone(), || take(&provider, request, key, trace(&headers))).await
}

impl SendEmail {
    fn tag(&self, name: &str) -> &str {
        self.email_tags.iter().find(|tag| tag.name == name).map_or("", |tag| &tag.value)
    }

    /// The entry that the tags name.
    fn message_key(&self) -> String {
        let of_item = Some(self.tag("item")).filter(|item| !item.is_empty());
        let item = of_item.map_or_else(String::new, |item| format!(".{item}"));
        format!("{}_{}{item}", self.tag("customer"), self.tag("run"))
    }
}

fn take(provider: &Provider, request: SendEmail, message_key: String, trace: Option<String>) -> Response {
    let [to] = &request.destination.to_addresses;
    if !to.contains('@') {
        let body = json!({"message": "Illegal address"});
        let kind = [("x-amzn-errortype", "BadRequestException")];
        return (StatusCode::BAD_REQUEST, kind, Json(body)).into_response();
    }
    let pairs = |pairs: Vec<Pair>| pairs.into_iter().map(|Pair { name, value }| (name, value)).collect();
    let contact = request.tag("customer").to_owned();
    let at = provider.clock.now();
    let mail = provider.outbox.keep(|number| {
        let SendEmail { from_email_address, destination: Destination { to_addresses: [to] }, content, .. } = request;
        let Simple { subject, body, headers } = content.simple;
        AcceptedMail {
            message_key,
            contact,
            definition: request.configuration_set_name,
            to,
            name: String::new(),
            subject: subject.data,
            html: body.html.data,
            text: body.text.data,
            trace,
            at,
            number,
            provider_id: format!("{:016x}-{number:08x}-stand-in-000000", at.as_millisecond()),
            from: from_email_address,
            headers: pairs(headers),
            tags: pairs(request.email_tags),
            told: Vec::new(),
        }
    });
    provider.plan(&mail);
    Json(json!({"MessageId": mail.provider_id})).into_response()
}
