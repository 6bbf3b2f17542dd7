//! The stand-in's inbox, as pages to look at. They are for a person at this machine: they change nothing, load nothing from
//! elsewhere, and have a letter in a frame of its own that can run no script.

use std::sync::{Arc, LazyLock};

use axum::{
    Router,
    extract::{Path, Query, State},
    http::{StatusCode, header},
    middleware::from_fn,
    response::{Html, IntoResponse, Response},
    routing::get,
};
use futures::{StreamExt as _, stream};
use jiff::Timestamp;
use minijinja::{Environment, Value, context};
use pulse_core::customer::CustomerId;
use serde::{Deserialize, Serialize};

use super::{Provider, events::MailEvent, outbox::AcceptedMail, publisher::Publisher};
use crate::standins::pages::{self, clock_time, only_here, style};

/// Mails on a page.
const PAGE: usize = 50;

static PAGES: LazyLock<Environment<'static>> = LazyLock::new(|| {
    pages::pages(&[
        ("list.html", include_str!("inbox/list.html")),
        ("mail.html", include_str!("inbox/mail.html")),
        ("none.html", include_str!("inbox/none.html")),
    ])
});

pub(super) fn router(provider: Arc<Provider>) -> Router {
    Router::new()
        .route("/", get(list))
        .route("/style.css", get(style))
        .route("/mails/{number}", get(mail))
        .route("/mails/{number}/letter", get(letter))
        .route("/mails/{number}/text", get(text))
        .fallback(async || none())
        .layer(from_fn(only_here))
        .with_state(provider)
}

/// What became of a mail, as far as it was told.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Fate {
    /// Nothing was told yet.
    #[default]
    Waiting,
    Arrived,
    Bounced,
    Spam,
    Unsubscribed,
}

impl Fate {
    const ALL: [(Self, &str); 5] = [
        (Self::Waiting, "nothing told yet"),
        (Self::Arrived, "arrived"),
        (Self::Bounced, "bounced"),
        (Self::Spam, "called spam"),
        (Self::Unsubscribed, "unsubscribed"),
    ];

    fn of(mail: &AcceptedMail) -> Self {
        let fate = |event: &(MailEvent, Timestamp)| match event.0 {
            MailEvent::Sent | MailEvent::Delivered => Self::Arrived,
            MailEvent::Bounced(_) => Self::Bounced,
            MailEvent::Complained => Self::Spam,
            MailEvent::Unsubscribed => Self::Unsubscribed,
        };
        mail.told.last().map_or(Self::Waiting, fate)
    }

    fn name(self) -> &'static str {
        Self::ALL.iter().find(|(fate, _)| *fate == self).map_or("", |(_, word)| word)
    }
}

/// Which mails are listed.
#[derive(Debug, Default, Deserialize)]
struct Wanted {
    #[serde(default)]
    q: String,
    #[serde(default)]
    fate: String,
    #[serde(default)]
    page: String,
}

/// A mail as the list has it.
fn line(mail: &AcceptedMail) -> Value {
    let fate = Fate::of(mail);
    let told = mail.told.last().filter(|_| fate != Fate::Arrived);
    context! {
        number => mail.number, to => mail.to.as_str(), contact => mail.contact.as_str(), subject => mail.subject.as_str(), at => clock_time(mail.at),
        fate => word(fate), state => told.map_or_else(|| fate.name(), |(event, _)| event.word()),
    }
}

/// Readers of the ledger at once.
const AT_ONCE: usize = 16;

/// Notes who opted out by a click of their own, or otherwise past the stand-in: the ledger has it. What can't be looked up
/// now is shown as it was.
async fn note_opt_outs(provider: &Provider, mails: Vec<AcceptedMail>) {
    let Some(ledger) = provider.ledger.get() else { return };
    // Marketing Cloud tells of a complaint as an opt-out.
    let is_told = |mail: &AcceptedMail| {
        mail.told.iter().any(|(event, _)| matches!(event, MailEvent::Unsubscribed | MailEvent::Complained))
    };
    let look_up = async |mail: AcceptedMail| {
        let id = CustomerId::parse(&mail.contact).ok()?;
        let customer = ledger.customer(&id).await.ok()??;
        let as_of = customer.consent.record().filter(|_| customer.consent.opted_out())?.as_of?;
        (as_of >= mail.at).then_some((mail.number, as_of))
    };
    let looked_up =
        stream::iter(mails.into_iter().filter(|mail| !is_told(mail))).map(look_up).buffer_unordered(AT_ONCE);
    let found: Vec<_> = looked_up.filter_map(async |found| found).collect().await;
    for (number, at) in found {
        provider.outbox.note(number, MailEvent::Unsubscribed, at);
    }
}

/// The mails that were taken, to be looked at.
#[derive(Clone)]
pub struct TakenMails(pub(super) Arc<Provider>);

impl TakenMails {
    /// How many there are, and the newest, of one customer or of all, after so many that are skipped.
    pub async fn newest(&self, customer: Option<&str>, skip: usize, limit: usize) -> (usize, Vec<AcceptedMail>) {
        let look = || {
            self.0.outbox.look(|mails| {
                let wanted = |mail: &&AcceptedMail| customer.is_none_or(|customer| mail.contact == customer);
                let all = mails.iter().filter(wanted).count();
                (all, mails.iter().rev().filter(wanted).skip(skip).take(limit).cloned().collect::<Vec<_>>())
            })
        };
        note_opt_outs(&self.0, look().1).await;
        look()
    }

    /// The mail of this number.
    pub async fn mail(&self, number: usize) -> Option<AcceptedMail> {
        note_opt_outs(&self.0, self.0.outbox.mail(number).into_iter().collect()).await;
        self.0.outbox.mail(number)
    }
}

async fn list(State(provider): State<Arc<Provider>>, Query(wanted): Query<Wanted>) -> Response {
    let query = wanted.q.trim().to_lowercase();
    let fits = |text: &str| text.to_lowercase().contains(&query);
    let is_found = |mail: &&AcceptedMail| fits(&mail.to) || fits(&mail.contact) || fits(&mail.subject);
    let is_wanted = |fate: Fate| wanted.fate.is_empty() || word(fate) == wanted.fate;
    let page: usize = wanted.page.parse().unwrap_or(1).max(1);
    let shown = provider.outbox.look(|mails| {
        let listed = mails.iter().rev().filter(is_found).filter(|mail| is_wanted(Fate::of(mail)));
        listed.skip((page - 1).saturating_mul(PAGE)).take(PAGE).cloned().collect()
    });
    note_opt_outs(&provider, shown).await;
    let (all, counts, listed, lines) = provider.outbox.look(|mails| {
        let found: Vec<_> = mails.iter().rev().filter(is_found).collect();
        let counts = Fate::ALL.map(|(fate, _)| found.iter().filter(|mail| Fate::of(mail) == fate).count());
        let listed: Vec<_> = found.iter().filter(|mail| is_wanted(Fate::of(mail))).collect();
        let lines: Vec<_> =
            listed.iter().skip((page - 1).saturating_mul(PAGE)).take(PAGE).map(|mail| line(mail)).collect();
        (found.len(), counts, listed.len(), lines)
    });
    let fates: Vec<_> = Fate::ALL
        .iter()
        .zip(counts)
        .map(|((fate, name), count)| context! { fate => word(*fate), name => *name, count => count })
        .collect();
    let events = provider.publisher.get().map(|publisher| publisher.counts().to_come());
    let page = context! {
        q => wanted.q.trim(), fate => wanted.fate, page => page, pages => listed.div_ceil(PAGE).max(1),
        all => all, fates => fates, listed => listed, mails => lines, to_come => events,
        first => (page - 1).saturating_mul(PAGE).saturating_add(1),
    };
    show("list.html", &page, "")
}

fn word(fate: Fate) -> String {
    serde_json::to_value(fate).ok().and_then(|word| word.as_str().map(str::to_owned)).unwrap_or_default()
}

async fn mail(State(provider): State<Arc<Provider>>, Path(number): Path<usize>) -> Response {
    note_opt_outs(&provider, provider.outbox.mail(number).into_iter().collect()).await;
    let Some(mail) = provider.outbox.mail(number) else { return none() };
    let publisher = provider.publisher.get();
    let link = publisher.and_then(|publisher| publisher.link(&mail));
    let told: Vec<_> =
        mail.told.iter().map(|(event, at)| context! { word => event.word(), at => clock_time(*at) }).collect();
    let headers = mail.headers.iter().map(|(name, value)| context! { name => name.as_str(), value => value.as_str() });
    let headers: Vec<_> = headers.collect();
    let page = context! {
        mail => line(&mail), from => mail.from.as_str(), headers => headers, key => mail.message_key.as_str(),
        provider_id => mail.provider_id.as_str(), told => told, link => link, text => mail.text.as_str(), at => mail.at.to_string(),
        newer => provider.outbox.mail(number + 1).map(|mail| mail.number), older => number.checked_sub(1),
    };
    // The one thing that a page may send: the button of the link, to where links to unsubscribe are.
    let sends_to = link.and(publisher).and_then(Publisher::unsubscribe_url).map(origin).unwrap_or_default();
    show("mail.html", &page, sends_to)
}

/// `http://HOST:PORT` of a URL.
fn origin(url: &str) -> &str {
    let host = url.find("://").map_or(0, |scheme| scheme + 3);
    url[host..].find('/').map_or(url, |path| &url[..host + path])
}

/// The letter as it was sent, for a frame: it is an origin of its own, which runs and loads nothing. Its links open beside.
async fn letter(State(provider): State<Arc<Provider>>, Path(number): Path<usize>) -> Response {
    let Some(mail) = provider.outbox.mail(number) else { return none() };
    let html = mail.html.replacen("<head>", "<head><base target=\"_blank\">", 1);
    let policy = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; frame-ancestors 'self'; \
                  sandbox allow-popups allow-popups-to-escape-sandbox";
    ([(header::CONTENT_SECURITY_POLICY, policy)], Html(html)).into_response()
}

async fn text(State(provider): State<Arc<Provider>>, Path(number): Path<usize>) -> Response {
    let Some(mail) = provider.outbox.mail(number) else { return none() };
    ([(header::CONTENT_TYPE, "text/plain; charset=utf-8")], mail.text).into_response()
}

fn none() -> Response {
    (StatusCode::NOT_FOUND, show("none.html", &context! {}, "")).into_response()
}

fn show(page: &str, values: &Value, sends_to: &str) -> Response {
    pages::show(&PAGES, page, values, sends_to)
}
