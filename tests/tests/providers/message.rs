//! What Amazon SES is handed becomes well-formed messages: built by Python's email package as SES would build them, and read
//! back by its strict parser (RFC 5322, 2045 and 2047).

use std::{
    io::Write as _,
    process::{Command, Stdio},
    sync::LazyLock,
    time::Duration,
};

use proptest::{prelude::*, strategy::ValueTree as _, test_runner::TestRunner};
use pulse_aws::sdk::for_emulator;
use pulse_core::{
    customer::{Contact, Customer, Locale, PersonName},
    entry::EntryId,
    ports::{Letter, Mail, Mailer as _, Renderer as _},
    run::RunId,
    score::{Band, Score, ScoreValue},
    unsubscribe::{UnsubscribeLinks, UnsubscribeUrl},
};
use pulse_letters::{MinijinjaRenderer, languages};
use pulse_providers::{SesMailer, ses_client};
use pulse_tests::{
    in_memory_stack::{customer, unsubscribe_links, unsubscribe_tokens},
    providers::aws_server::AwsServer,
};
use serde_json::{Value, json};

/// Names of senders and customers that break naive headers, and some that are drawn.
fn names() -> Vec<String> {
    let mut names: Vec<String> = [
        "Ada",
        "O'Brien, \"Bob\" (x) <y@z.example>; =?utf-8?q?=0D=0ABcc:_x?=",
        "فاطمة الزهراء  بنت  محمد",
        "株式会社パルス・ファイナンシャル・サービス東京本店お客様相談窓口第一課",
        "👩‍🚀👩‍🚀👩‍🚀👩‍🚀👩‍🚀👩‍🚀👩‍🚀👩‍🚀",
    ]
    .map(str::to_owned)
    .to_vec();
    names.extend(["'", "=", "?", "é", "𝟏", "ﷺ", "\\"].map(|letter| letter.repeat(200)));
    let drawn = prop::collection::vec(any::<char>(), 1..200)
        .prop_map(String::from_iter)
        .prop_filter("is a name", |name| PersonName::parse(name).is_ok());
    let mut runner = TestRunner::deterministic();
    names.extend((0..40).map(|_| drawn.new_tree(&mut runner).unwrap().current()));
    names
}

/// A sender's name has no angle brackets and no control characters.
fn sender(name: &str) -> String {
    let plain: String = name.chars().filter(|c| !c.is_control() && !"<>".contains(*c)).collect();
    plain.trim().trim_matches('"').to_owned()
}

pub(super) fn mail(renderer: &MinijinjaRenderer, language: &str, name: &str, links: Option<&UnsubscribeLinks>) -> Mail {
    let customer = Customer {
        name: PersonName::parse(name).unwrap(),
        locale: Locale::parse(language).unwrap(),
        ..customer("c-1")
    };
    let as_of = "2026-11-19T22:41:17Z".parse().unwrap();
    let score = Score { value: ScoreValue::parse(742).unwrap(), band: Band::parse("Gut ✓").unwrap(), as_of };
    let run = RunId::parse("2026-11").unwrap();
    let unsubscribe = links.map(|links| links.of(&customer.id));
    let previous = Some(&score);
    let letter = Letter { customer: &customer, run, score: &score, previous, unsubscribe: unsubscribe.as_ref() };
    let content = renderer.render(&letter).unwrap();
    let Contact::Email(to) = customer.contact else { panic!("an address") };
    Mail { entry: EntryId::of(customer.id, run), to, name: customer.name, content, unsubscribe, trace: None }
}

/// What readers see of messages that were built of these requests.
fn read(requests: &[Value]) -> Vec<Value> {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/providers/message.py");
    let mut python = Command::new("python3")
        .arg(script)
        .env("PYTHONUTF8", "1")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("Python 3.10 or later");
    let mut input = python.stdin.take().unwrap();
    let lines: Vec<_> = requests.iter().map(Value::to_string).collect();
    let lines = lines.join("\n");
    let writer = std::thread::spawn(move || input.write_all(lines.as_bytes()));
    let output = python.wait_with_output().unwrap();
    writer.join().unwrap().unwrap();
    assert!(output.status.success(), "the last of {} requests is malformed", requests.len());
    output.stdout.split(|&byte| byte == b'\n').filter_map(|line| serde_json::from_slice(line).ok()).collect()
}

#[tokio::test]
async fn letters_of_all_languages_are_read_as_they_were_written() {
    let links = unsubscribe_links();
    let mut expected = Vec::new();
    let mut mails = Vec::new();
    for (number, name) in names().iter().enumerate() {
        for language in languages() {
            let links = Some(&links).filter(|_| number != 0);
            let mail = mail(&RENDERER, language, name, links);
            let link = mail.unsubscribe.as_ref().map(|link| format!("<{}>", link.expose()));
            expected.push(json!({
                "from": [sender(name), "pulse@example.com"],
                "to": "c-1@example.com",
                "subject": mail.content.subject,
                "auto_submitted": "auto-generated",
                "language": language,
                "unsubscribe": link.into_iter().flat_map(|link| [link, ONE_CLICK.to_owned()]).collect::<Vec<_>>(),
                "text": mail.content.text,
                "html": mail.content.html,
            }));
            mails.push((sender(name), mail));
        }
    }
    let read = sent(&mails).await;
    assert_eq!(read.len(), expected.len());
    for (read, expected) in read.iter().zip(&expected) {
        assert_eq!(read, expected);
    }
}

/// Neither the longest URL and token that there can be, nor what a deployment could be given instead of a URL, breaks a
/// header or its line.
#[tokio::test]
async fn the_token_is_the_same_in_header_html_and_text_and_reads_back_to_its_customer() {
    let longest = format!("https://{}", "long.".repeat(49));
    let mut mails = Vec::new();
    for url in ["https://pulse.example/u", &longest] {
        let links = UnsubscribeLinks::new(UnsubscribeUrl::parse(url).unwrap(), unsubscribe_tokens());
        mails.extend(languages().map(|language| ("Pulse".to_owned(), mail(&RENDERER, language, "Ada", Some(&links)))));
    }
    for read in sent(&mails).await {
        let [header, post] = [0, 1].map(|at| read["unsubscribe"][at].as_str().unwrap());
        let link = header.strip_prefix('<').unwrap().strip_suffix('>').unwrap();
        assert_eq!((post, read["unsubscribe"].as_array().unwrap().len()), (ONE_CLICK, 2));
        let token = link.rsplit('/').next().unwrap();
        assert_eq!(unsubscribe_tokens().customer(token).unwrap().as_str(), "c-1");
        let [html, text] = ["html", "text"].map(|part| read[part].as_str().unwrap());
        assert!(html.contains(&format!("href=\"{link}\"")), "{html}");
        assert!(text.lines().any(|line| line == link), "{text}");
        assert_eq!((html.matches(token).count(), text.matches(token).count()), (1, 1));
    }
    for url in ["https://a.example/u\r\nBcc: <b@example.com>", "https://a.example/u>, <mailto:b@example.com"] {
        assert!(UnsubscribeUrl::parse(url).is_err(), "{url}");
    }
}

static RENDERER: LazyLock<MinijinjaRenderer> = LazyLock::new(|| MinijinjaRenderer::new().unwrap());

/// RFC 8058, 3.1.
const ONE_CLICK: &str = "List-Unsubscribe=One-Click";

/// What readers see of mails that were handed to SES, each by the sender of this name.
async fn sent(mails: &[(String, Mail)]) -> Vec<Value> {
    let server = AwsServer::start().await.unwrap();
    for (name, mail) in mails {
        let header = format!("\"{name}\" <pulse@example.com>");
        let client = ses_client(&for_emulator(server.url()));
        let mailer = SesMailer::new(client, &header, None, 1e6, Duration::from_secs(20)).unwrap();
        mailer.send(mail).await.unwrap();
    }
    read(&server.done())
}
