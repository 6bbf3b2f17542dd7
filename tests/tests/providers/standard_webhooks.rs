//! Signatures against the official libraries of Standard Webhooks: each side verifies what the other signs.

use std::{
    io::Write as _,
    process::{Command, Stdio},
};

use jiff::Timestamp;
use pulse_aws::clock::SystemClock;
use pulse_core::ports::{Clock as _, Payload};
use pulse_endpoints::{
    SignatureScheme::{self, Ed25519, HmacSha256},
    SigningKeys, WebhookId,
};
use pulse_feedback::WebhookVerifier;
use pulse_tests::tools::{Node, sources, venv};
use rand::{RngExt as _, SeedableRng as _, rngs::StdRng};
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::{Value, json};

const BODIES: usize = 10_000;

/// A key as the sender has it, and as the receiver does.
#[derive(Clone)]
struct Key {
    sender: SecretString,
    receiver: SecretString,
}

impl Key {
    fn new(scheme: SignatureScheme, rng: &mut StdRng) -> Self {
        let sender = scheme.new_key(rng.random());
        let public = SigningKeys::parse(&sender).unwrap().public_keys().next();
        Self { receiver: public.map_or_else(|| sender.clone(), SecretString::from), sender }
    }

    fn json(&self) -> Value {
        json!({"sender": self.sender.expose_secret(), "receiver": self.receiver.expose_secret()})
    }
}

/// A webhook, who verifies it, and who doesn't.
struct Sent {
    payload: Payload,
    right: Vec<Key>,
    wrong: Vec<Key>,
}

/// An object of any characters, written with and without white space.
fn body(rng: &mut StdRng) -> String {
    let text = |rng: &mut StdRng| (0..rng.random_range(0..200)).map(|_| rng.random::<char>()).collect::<String>();
    let body = json!({"type": "mail.sent", "data": {text(rng): text(rng), "number": rng.random::<i32>()}});
    if rng.random() { body.to_string() } else { serde_json::to_string_pretty(&body).unwrap() }
}

/// Signed by one key, or by two of each pair of schemes, while they are rotated.
fn sent(at: Timestamp) -> Vec<Sent> {
    let rng = &mut StdRng::seed_from_u64(42);
    let [shared, private] = [HmacSha256, Ed25519].map(|scheme| [(); 16].map(|()| Key::new(scheme, rng)));
    let rotations = [[&shared, &shared], [&private, &private], [&shared, &private], [&private, &shared]];
    let webhook = |number: usize| {
        let [current, previous] = rotations[number % rotations.len()];
        let place = rng.random_range(0..16);
        let key = |keys: &[Key; 16], number: usize| keys[(place + number) % 16].clone();
        let mut right = vec![key(current, 0), key(previous, 1)];
        let mut wrong = vec![key(current, 2), key(previous, 3)];
        let [current, previous] = [0, 1].map(|key| right[key].sender.expose_secret().to_owned());
        let mut secret = json!({"current": current, "previous": previous}).to_string();
        if rng.random_ratio(1, 4) {
            secret = current;
            wrong.push(right.remove(1));
        }
        let keys = SigningKeys::parse(&secret.into()).unwrap();
        let (id, body) = (WebhookId::parse(&format!("msg_{number}")).unwrap(), body(rng));
        let headers = keys.sign(&id, at, &body).map(|(name, value)| (name.to_owned(), value));
        Sent { payload: Payload { body, headers: headers.into(), received_at: at }, right, wrong }
    };
    (0..BODIES).map(webhook).collect()
}

/// What a script of `tests/webhooks` signs, of each webhook by each right key that its library knows, once it has verified
/// them all.
fn verified(command: &mut Command, sent: &[Sent]) -> Vec<Vec<String>> {
    let keys = |keys: &[Key]| keys.iter().map(Key::json).collect::<Vec<_>>();
    let line = |sent: &Sent| {
        let Payload { body, headers, .. } = &sent.payload;
        json!({"body": body, "headers": headers, "right": keys(&sent.right), "wrong": keys(&sent.wrong)}).to_string()
    };
    let lines = sent.iter().map(line).collect::<Vec<_>>().join("\n");
    let mut script =
        command.env("PYTHONUTF8", "1").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("installed");
    let mut input = script.stdin.take().unwrap();
    let writer = std::thread::spawn(move || input.write_all(lines.as_bytes()));
    let output = script.wait_with_output().unwrap();
    assert!(output.status.success(), "a library doesn't take what is signed here: it said why above");
    writer.join().unwrap().unwrap();
    let signed: Vec<_> = output.stdout.split(|&byte| byte == b'\n').filter(|line| !line.is_empty()).collect();
    signed.into_iter().map(|line| serde_json::from_slice(line).unwrap()).collect()
}

fn verifies(key: &Key, payload: &Payload) -> bool {
    WebhookVerifier::new(std::slice::from_ref(&key.receiver)).unwrap().verify(payload).is_ok()
}

/// How many signatures of theirs were taken, each by its own key alone.
fn taken(sent: &[Sent], signed: &[Vec<String>], knows: impl Fn(&Key) -> bool) -> usize {
    assert_eq!(signed.len(), sent.len());
    let mut count = 0;
    for (sent, signed) in sent.iter().zip(signed) {
        let keys: Vec<_> = sent.right.iter().filter(|key| knows(key)).collect();
        assert_eq!(keys.len(), signed.len());
        for (key, signature) in keys.iter().zip(signed) {
            let mut theirs = sent.payload.clone();
            theirs.headers.insert("webhook-signature".into(), signature.clone());
            assert!(verifies(key, &theirs), "{signature}");
            assert!(!sent.wrong.iter().any(|wrong| verifies(wrong, &theirs)), "{signature}");
            count += 1;
        }
    }
    count
}

/// The libraries go by the clock on the wall, and refuse what is older than five minutes.
#[test]
fn the_official_libraries_verify_what_is_signed_here_and_theirs_is_verified_here() {
    let folder = sources("webhooks");
    let python = venv("webhooks-python", &folder.join("requirements.txt")).unwrap();
    let node = Node::ensure().unwrap();
    let packages = node.packages("webhooks", &folder, &[]).unwrap();
    let sent = sent(SystemClock.now());
    let (by_python, by_node) = std::thread::scope(|scope| {
        let by_python = scope.spawn(|| verified(Command::new(&python).arg(folder.join("official.py")), &sent));
        let by_node = scope.spawn(|| verified(node.run(folder.join("official.mjs")).arg(&packages), &sent));
        (by_python.join().unwrap(), by_node.join().unwrap())
    });
    let is_shared = |key: &Key| key.receiver.expose_secret().starts_with("whsec_");
    let [shared, all] = [taken(&sent, &by_python, is_shared), taken(&sent, &by_node, |_| true)];
    assert!(shared > BODIES / 2 && all > shared + BODIES / 2, "{shared} of {all}");
    for sent in &sent {
        assert!(sent.right.iter().all(|key| verifies(key, &sent.payload)));
        assert!(!sent.wrong.iter().any(|key| verifies(key, &sent.payload)));
    }
}
