use std::{
    collections::{BTreeMap, VecDeque},
    sync::Mutex,
};

use axum::{body::Bytes, extract::Request, http::Method};
use jiff::Timestamp;
use pulse_aws::sdk;
use pulse_core::{
    customer::{Consent, ConsentRecord, ConsentSource, Customer, CustomerId, EmailAddress},
    entry::EntryId,
    feedback::{BounceKind, Feedback, FeedbackKind},
    ports::{FeedbackParser as _, Ledger as _, Payload},
};
use pulse_feedback::{MarketingCloudParser, SesParser};
use pulse_sim::{ledger::MemoryLedger, seeds::person};
use serde_json::Value;

use super::*;
use crate::http;

const KEY: &str = "callback-signature-key";
const ARN: &str = "arn:aws:sns:us-east-1:000000000000:pulse-mail-events";

/// What was asked of Pulse's side: the path after the method, headers, and the body.
type Asked = (String, HeaderMap, String);

/// Pulse's side: notes what it is asked, and answers with the statuses that it is told to, and then with 200.
#[derive(Default)]
struct Pulse {
    asked: Mutex<Vec<Asked>>,
    answers: Mutex<VecDeque<u16>>,
}

impl Pulse {
    async fn start(self) -> (Arc<Self>, String) {
        let pulse = Arc::new(self);
        let hear = async |State(pulse): State<Arc<Self>>, request: Request| {
            let (parts, body) = request.into_parts();
            let body = axum::body::to_bytes(body, usize::MAX).await.unwrap_or_default();
            let line = format!("{} {}", parts.method, parts.uri.path());
            pulse.asked.lock().unwrap().push((line, parts.headers, text(&body)));
            let status = pulse.answers.lock().unwrap().pop_front().unwrap_or(200);
            StatusCode::from_u16(status).unwrap()
        };
        let router = Router::new().fallback(hear).with_state(pulse.clone());
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(axum::serve(listener, router).into_future());
        (pulse, url)
    }

    fn asked(&self, line: &str) -> Vec<Asked> {
        self.asked.lock().unwrap().iter().filter(|(asked, ..)| asked == line).cloned().collect()
    }

    /// What SNS was handed.
    fn published(&self) -> Vec<Feedback> {
        let events = self.asked("POST /").into_iter().map(|(_, headers, body)| {
            let signed = headers["authorization"].to_str().unwrap();
            assert!(signed.starts_with("AWS4-HMAC-SHA256 Credential=test/") && signed.contains("/sns/"), "{signed}");
            let fields: BTreeMap<_, _> = body.split('&').filter_map(|field| field.split_once('=')).collect();
            assert_eq!((fields["Action"], decoded(fields["TopicArn"])), ("Publish", ARN.to_owned()));
            decoded(fields["Message"])
        });
        let read = events.map(|body| SesParser.parse(&payload(body, BTreeMap::new())).unwrap());
        read.collect::<Vec<_>>().concat()
    }
}

fn text(bytes: &Bytes) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

fn decoded(text: &str) -> String {
    let mut parts = text.split('%');
    let mut bytes = parts.next().unwrap().as_bytes().to_vec();
    for part in parts {
        bytes.push(u8::from_str_radix(&part[..2], 16).unwrap());
        bytes.extend(&part.as_bytes()[2..]);
    }
    String::from_utf8(bytes).unwrap()
}

fn payload(body: String, headers: BTreeMap<String, String>) -> Payload {
    Payload { body, headers, received_at: Timestamp::UNIX_EPOCH }
}

fn all(of: &str, delay: Duration) -> MailFates {
    let share = |name: &str| if name == of { "100%" } else { "0%" }.parse().unwrap();
    MailFates {
        bounces: share("bounces"),
        complaints: share("complaints"),
        clicks: share("clicks"),
        event_delay: delay,
    }
}

/// A stand-in that tells by the topic.
async fn ses(url: &str, fates: MailFates) -> MailStandIn {
    let stand_in = MailStandIn::start(StandInOptions::default()).await.unwrap();
    let target = MailEventTarget::Topic { aws: Box::new(sdk::for_emulator(url)), arn: ARN.into() };
    stand_in.tell(MailEvents { target, unsubscribe_url: Some(format!("{url}/u")), fates }).unwrap();
    stand_in
}

fn client() -> reqwest::Client {
    http::client(Duration::from_secs(10)).unwrap()
}

/// Sends a mail as the SDK puts it.
async fn send_by_ses(stand_in: &MailStandIn, customer: &str, subject: &str, link: &str) {
    let text = |data: &str| json!({"Data": data, "Charset": "UTF-8"});
    let request = json!({
        "FromEmailAddress": "Pulse <pulse@example.com>",
        "Destination": {"ToAddresses": [format!("{customer}@example.com")]},
        "Content": {"Simple": {
            "Subject": text(subject),
            "Body": {"Html": text("<html><head></head><body>A letter</body></html>"), "Text": text("A <letter>")},
            "Headers": [
                {"Name": "List-Unsubscribe", "Value": format!("<{link}>")},
                {"Name": "List-Unsubscribe-Post", "Value": "List-Unsubscribe=One-Click"},
            ],
        }},
        "EmailTags": [{"Name": "customer", "Value": customer}, {"Name": "run", "Value": "2026-11"}],
        "ConfigurationSetName": "pulse-MailEvents",
    });
    let answer = client().post(format!("{}/v2/email/outbound-emails", stand_in.url())).json(&request).send().await;
    let answer: Value = answer.unwrap().error_for_status().unwrap().json().await.unwrap();
    assert!(answer["MessageId"].is_string(), "{answer}");
}

fn entry(customer: &str) -> Option<EntryId> {
    EntryId::of_message_key(&format!("{customer}_2026-11"))
}

#[tokio::test]
async fn what_becomes_of_ses_mails_is_published_as_ses_does_and_again_until_it_is_taken() {
    let answers = Mutex::new([503, 503, 429].into());
    let (pulse, url) = Pulse { answers, ..Pulse::default() }.start().await;
    let stand_in = ses(&url, all("complaints", Duration::ZERO)).await;
    send_by_ses(&stand_in, "c-1", "Hello", "https://elsewhere.example/u/1.c-1.x").await;
    stand_in.all_told().await;
    let counts = stand_in.events();
    assert_eq!((counts.planned, counts.told, counts.refused, counts.tried_again), (2, 2, 0, 3));
    let mut told = pulse.published();
    assert_eq!(told.len(), 5);
    told.sort_by_key(|event| event.id.clone());
    told.dedup();
    let kinds: Vec<_> = told.iter().map(|event| &event.kind).collect();
    assert!(kinds.contains(&&FeedbackKind::Delivered) && kinds.contains(&&FeedbackKind::Complained), "{kinds:?}");
    let [mail] = &stand_in.accepted()[..] else { panic!("one mail") };
    for event in &told {
        assert_eq!(event.about.entry, entry("c-1"));
        assert_eq!(event.about.provider_id.as_ref(), Some(&mail.provider_id));
        assert_eq!(event.about.address.as_ref().map(EmailAddress::expose), Some("c-1@example.com"));
    }
    assert_eq!(told.len(), 2, "an event is the same one each time");
}

#[tokio::test]
async fn each_kind_of_bounce_is_read_as_what_it_is_by_both_providers_words() {
    let (pulse, url) = Pulse::default().start().await;
    let stand_in = ses(&url, all("bounces", Duration::ZERO)).await;
    for n in 0..30 {
        send_by_ses(&stand_in, &format!("c-{n}"), "Hello", "").await;
    }
    stand_in.all_told().await;
    let drawn = |told: &[Feedback]| {
        let kind = |event: &Feedback| match &event.kind {
            FeedbackKind::Bounced(bounce) => (event.about.entry.clone().unwrap(), bounce.kind),
            other => panic!("{other:?}"),
        };
        told.iter().map(kind).collect::<BTreeMap<_, _>>()
    };
    let by_ses = drawn(&pulse.published());
    let by_words = |mail: &AcceptedMail| {
        let (event, at) = mail.told[0];
        let body = json!([events::of_marketing_cloud(mail, event, at).unwrap()]).to_string();
        let headers = [("x-sfmc-ens-signature".to_owned(), way::signature(KEY, &body))].into();
        drawn(&MarketingCloudParser::new(None, vec![KEY.into()]).parse(&payload(body, headers)).unwrap())
    };
    let by_marketing_cloud: BTreeMap<_, _> = stand_in.accepted().iter().flat_map(by_words).collect();
    assert_eq!(by_ses, by_marketing_cloud);
    for kind in [BounceKind::Hard, BounceKind::Soft, BounceKind::Reputation] {
        assert!(by_ses.values().any(|other| *other == kind), "{kind:?}");
    }
    let told = |mail: &AcceptedMail| mail.told.iter().map(|(event, _)| *event).collect::<Vec<_>>();
    for mail in stand_in.accepted() {
        let kind = by_ses[&entry(&mail.contact).unwrap()];
        assert_eq!(told(&mail), [MailEvent::Bounced(kind)], "a mail that comes back isn't delivered");
    }
}

#[tokio::test]
async fn marketing_cloud_tells_in_signed_batches_and_of_complaints_as_opt_outs() {
    let (pulse, url) = Pulse::default().start().await;
    let stand_in = MailStandIn::start(StandInOptions::default()).await.unwrap();
    let target = MailEventTarget::Hook { url: format!("{url}/hooks/marketing-cloud"), key: KEY.into() };
    let fates = all("complaints", Duration::ZERO);
    stand_in.tell(MailEvents { target, unsubscribe_url: None, fates }).unwrap();
    let ask = json!({"grant_type": "client_credentials", "client_id": stand_in.client_id(), "client_secret": stand_in.client_secret()});
    let token = client().post(format!("{}/v2/token", stand_in.auth_url())).json(&ask).send().await.unwrap();
    let token: Value = token.json().await.unwrap();
    for n in 0..20 {
        let attributes =
            json!({"subject": "s", "html1": "h", "html2": "", "html3": "", "html4": "", "text": "t", "name": "n"});
        let recipient = json!({"contactKey": format!("c-{n}"), "to": "c@example.com", "attributes": attributes});
        let url = format!("{}/messaging/v1/email/messages/c-{n}_2026-11", stand_in.url());
        let send = client().post(url).bearer_auth(token["access_token"].as_str().unwrap());
        let send = send.json(&json!({"definitionKey": "monthly", "recipient": recipient})).send().await.unwrap();
        assert_eq!(send.status(), StatusCode::ACCEPTED);
    }
    stand_in.all_told().await;
    let batches = pulse.asked("POST /hooks/marketing-cloud");
    assert!(batches.len() < 40, "{} calls", batches.len());
    let parser = MarketingCloudParser::new(None, vec![KEY.into()]);
    let read = |(_, headers, body): &Asked| {
        let headers = headers.iter().map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned()));
        parser.parse(&payload(body.clone(), headers.collect())).unwrap()
    };
    let told = batches.iter().map(read).collect::<Vec<_>>().concat();
    let many = |kind: &FeedbackKind| told.iter().filter(|event| event.kind == *kind).count();
    assert_eq!((many(&FeedbackKind::Accepted), many(&FeedbackKind::Unsubscribed)), (20, 20));
    let customers = told.iter().filter_map(|event| event.about.customer.clone());
    assert_eq!(customers.collect::<std::collections::BTreeSet<_>>().len(), 20);
}

#[tokio::test]
async fn a_click_loads_the_page_behind_the_link_and_presses_its_button_and_no_other_link_is_clicked() {
    let (pulse, url) = Pulse::default().start().await;
    let stand_in = ses(&url, all("clicks", Duration::ZERO)).await;
    send_by_ses(&stand_in, "c-1", "Hello", &format!("{url}/u/1.c-1.x")).await;
    send_by_ses(&stand_in, "c-2", "Hello", &format!("{url}/elsewhere/1.c-2.x")).await;
    stand_in.all_told().await;
    assert_eq!(pulse.asked("GET /u/1.c-1.x").len(), 1);
    let [(_, headers, body)] = &pulse.asked("POST /u/1.c-1.x")[..] else { panic!("one click") };
    assert_eq!(
        (body.as_str(), headers["content-type"].to_str().unwrap()),
        ("List-Unsubscribe=One-Click", "application/x-www-form-urlencoded")
    );
    assert_eq!(stand_in.events().planned, 3);
    assert!(pulse.asked("GET /elsewhere/1.c-2.x").is_empty());
}

#[tokio::test]
async fn mails_are_taken_while_nobody_hears_and_what_is_refused_is_not_tried_again() {
    // Nobody listens there.
    let deaf = ses("http://127.0.0.1:1", all("", Duration::ZERO)).await;
    for n in 0..3 {
        send_by_ses(&deaf, &format!("c-{n}"), "Hello", "").await;
    }
    let counts = deaf.events();
    assert_eq!((counts.planned, counts.told, counts.to_come()), (3, 0, 3));

    let (pulse, url) = Pulse { answers: Mutex::new([403].into()), ..Pulse::default() }.start().await;
    let stand_in = ses(&url, all("", Duration::ZERO)).await;
    send_by_ses(&stand_in, "c-1", "Hello", "").await;
    stand_in.all_told().await;
    assert_eq!((stand_in.events().refused, pulse.published().len()), (1, 1));
}

struct Shown {
    status: u16,
    policy: String,
    body: String,
}

async fn look(url: &str, host: Option<&str>) -> Shown {
    let mut request = client().request(Method::GET, url);
    if let Some(host) = host {
        request = request.header("host", host);
    }
    let answer = request.send().await.unwrap();
    let policy = answer.headers().get("content-security-policy").map(|policy| policy.to_str().unwrap().to_owned());
    Shown { status: answer.status().as_u16(), policy: policy.unwrap_or_default(), body: answer.text().await.unwrap() }
}

#[tokio::test]
async fn the_inbox_lists_mails_by_page_by_words_and_by_what_became_of_them() {
    let (_pulse, url) = Pulse::default().start().await;
    let stand_in = ses(&url, all("bounces", Duration::ZERO)).await;
    let inbox = stand_in.inbox_url();
    assert!(look(&inbox, None).await.body.contains("No mail yet"));
    for n in 0..51 {
        send_by_ses(&stand_in, &format!("c-{n:02}"), "Hello", "").await;
    }
    let listed = |shown: &Shown| shown.body.matches("<td class=\"subject\">").count();
    let first = look(&inbox, None).await;
    assert_eq!(listed(&first), 50);
    assert!(first.body.contains("Page 1 of 2") && first.body.contains("1 to 50 of 51"), "{}", first.body);
    assert_eq!(listed(&look(&format!("{inbox}/?page=2"), None).await), 1);
    assert_eq!(listed(&look(&format!("{inbox}/?q=C-07%40"), None).await), 1);
    for strange in [
        "page=0",
        "page=-1",
        "page=99999999999999999999999",
        "page=18446744073709551615",
        "fate=%3Cx",
        "q=%22%3E%3Cscript%3E",
    ] {
        let shown = look(&format!("{inbox}/?{strange}"), None).await;
        assert!(
            shown.status == 200 && !shown.body.contains("<script>") && !shown.body.contains("fate=<x"),
            "{strange}"
        );
    }
    stand_in.all_told().await;
    assert_eq!(listed(&look(&format!("{inbox}/?fate=bounced"), None).await), 50);
    assert_eq!(listed(&look(&format!("{inbox}/?fate=arrived"), None).await), 0);
}

#[tokio::test]
async fn a_mail_is_shown_whole_and_its_letter_can_do_nothing() {
    let (_pulse, url) = Pulse::default().start().await;
    let stand_in = ses(&url, all("", Duration::ZERO)).await;
    let link = format!("{url}/u/1.c-1.x");
    send_by_ses(&stand_in, "c-1", "<b>5 & 6</b>", &link).await;
    send_by_ses(&stand_in, "c-2", "", "https://elsewhere.example/u/1.c-2.x").await;
    stand_in.all_told().await;
    let inbox = stand_in.inbox_url();
    let mail = look(&format!("{inbox}/mails/0"), None).await;
    for words in ["&lt;b&gt;5 &amp; 6&lt;", "c-1@example.com", "List-Unsubscribe-Post", "A &lt;letter&gt;", "delivered"]
    {
        assert!(mail.body.contains(words), "{words}: {}", mail.body);
    }
    let plain = mail.body.replace("&#x2f;", "/");
    assert!(plain.contains(&format!("<form action=\"{link}\" method=\"post\"")), "{plain}");
    assert!(
        mail.policy.contains(&format!("form-action 'self' {url};")) && mail.policy.starts_with("default-src 'none'")
    );
    assert!(!look(&format!("{inbox}/mails/1"), None).await.body.contains("<form"), "a link of somebody else's");
    let letter = look(&format!("{inbox}/mails/0/letter"), None).await;
    assert_eq!(letter.body, "<html><head><base target=\"_blank\"></head><body>A letter</body></html>");
    assert!(letter.policy.contains("sandbox allow-popups") && !letter.policy.contains("allow-scripts"));
    assert_eq!(look(&format!("{inbox}/mails/0/text"), None).await.body, "A <letter>");
    for absent in ["mails/2", "mails/x", "mails/0/other", "nothing"] {
        assert!([400, 404].contains(&look(&format!("{inbox}/{absent}"), None).await.status), "{absent}");
    }
    assert_eq!(look(&inbox, Some("evil.example")).await.status, 421);
    assert_eq!(look(&inbox, Some("localhost:1")).await.status, 200);
    // The provider's own address shows no mail.
    assert_eq!(look(&stand_in.url(), None).await.status, 404);
}

#[tokio::test]
async fn the_inbox_shows_who_opted_out_by_a_click_of_their_own() {
    let (_pulse, url) = Pulse::default().start().await;
    let stand_in = ses(&url, all("", Duration::ZERO)).await;
    for contact in ["c-1", "c-2"] {
        send_by_ses(&stand_in, contact, "Hello", "").await;
    }
    stand_in.all_told().await;
    let ledger = Arc::new(MemoryLedger::default());
    stand_in.look_up_opt_outs(ledger.clone());
    let (inbox, customer) = (stand_in.inbox_url(), person(1, 1));
    let shown = async |path: &str| look(&format!("{inbox}{path}"), None).await.body;
    assert!(!shown("/mails/0").await.contains("unsubscribed"));
    let save = async |id: &str, as_of| {
        let id = CustomerId::parse(id).unwrap();
        let record = ConsentRecord { by: ConsentSource::Customer, as_of: Some(as_of), proof: None };
        let profile = Customer { id, consent: Consent::said(true, record), ..customer.clone() };
        assert!(ledger.save_customer(&profile).await.unwrap());
    };
    let accepted = stand_in.accepted();
    save("c-1", accepted[0].at + Duration::from_millis(1)).await;
    // It was sent after they had opted out, so that is no word on it.
    save("c-2", accepted[1].at - Duration::from_millis(1)).await;
    assert!(shown("/mails/0").await.contains("delivered") && shown("/mails/0").await.contains("unsubscribed"));
    assert!(!shown("/mails/1").await.contains("unsubscribed"));
    let listed = shown("/?fate=unsubscribed").await;
    assert!(listed.contains("c-1@example.com") && !listed.contains("c-2@example.com"), "{listed}");
    assert_eq!(stand_in.accepted()[0].told.len(), 2, "it is noted once");
}
