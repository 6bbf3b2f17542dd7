//! SES on the emulator.

use std::{future::Future, io};

use pulse_aws::sdk;
use pulse_core::ports::Mail;
use pulse_providers::ses_client;
use serde_json::Value;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

use crate::emulator;

/// The emulator's SES, which a domain may send from and to.
pub struct EmulatedSes {
    endpoint: String,
}

impl EmulatedSes {
    /// The shared emulator, on which `domain` is verified.
    ///
    /// # Panics
    /// When the emulator refuses.
    pub async fn ready_for(domain: &str) -> Self {
        let endpoint = emulator::shared().endpoint().to_owned();
        let ses = Self { endpoint };
        ses.verify(domain).await;
        ses
    }

    /// Verifies a domain or an address.
    ///
    /// # Panics
    /// When the emulator refuses.
    pub async fn verify(&self, identity: &str) {
        self.client().create_email_identity().email_identity(identity).send().await.expect("an identity");
    }

    /// Whom mails to this address are from.
    ///
    /// # Panics
    /// When the emulator doesn't tell.
    pub async fn sent(&self, to: &str) -> Vec<String> {
        let messages = messages(&self.endpoint).await.expect("the emulator's list of mails");
        let to = messages.iter().filter(|message| message["To"] == serde_json::json!([to]));
        to.filter_map(|message| message["Source"].as_str().map(str::to_owned)).collect()
    }

    /// A client for it.
    #[must_use]
    pub fn client(&self) -> aws_sdk_sesv2::Client {
        ses_client(&sdk::for_emulator(&self.endpoint))
    }

    /// How many mails from `sender` it has that are just as `mail` is.
    ///
    /// # Panics
    /// When the emulator doesn't tell.
    pub fn count(&self, sender: &str, mail: &Mail) -> impl Future<Output = usize> + Send + use<> {
        let (endpoint, sender, mail) = (self.endpoint.clone(), sender.to_owned(), mail.clone());
        async move {
            let messages = messages(&endpoint).await.expect("the emulator's list of mails");
            messages.iter().filter(|message| is(message, &sender, &mail)).count()
        }
    }

    /// How many mails it has for an address.
    ///
    /// # Panics
    /// When the emulator doesn't tell.
    pub async fn count_to(&self, address: &str) -> usize {
        self.texts_to(address).await.len()
    }

    /// The plain text of the mails that it has for an address.
    ///
    /// # Panics
    /// When the emulator doesn't tell.
    pub async fn texts_to(&self, address: &str) -> Vec<String> {
        let messages = messages(&self.endpoint).await.expect("the emulator's list of mails");
        let to = messages.iter().filter(|message| message["To"] == serde_json::json!([address]));
        to.map(|message| message["BodyText"].as_str().unwrap_or_default().to_owned()).collect()
    }
}

fn is(message: &Value, sender: &str, mail: &Mail) -> bool {
    message["Source"] == sender
        && message["To"] == serde_json::json!([mail.to.expose()])
        && message["Subject"] == mail.content.subject
        && message["BodyText"] == mail.content.text
        && message["BodyHtml"] == mail.content.html
}

/// The mails of all accounts. Plain HTTP/1.0: no AWS client has a call for it.
async fn messages(endpoint: &str) -> io::Result<Vec<Value>> {
    let mut stream = TcpStream::connect(endpoint.trim_start_matches("http://")).await?;
    stream.write_all(b"GET /_ministack/ses/messages HTTP/1.0\r\nHost: 127.0.0.1\r\n\r\n").await?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await?;
    let body = answer.split_once("\r\n\r\n").map_or("", |(_, body)| body);
    let body: Value = serde_json::from_str(body)?;
    let accounts = body["messages"].as_object().into_iter().flat_map(|accounts| accounts.values());
    Ok(accounts.filter_map(Value::as_array).flatten().cloned().collect())
}
