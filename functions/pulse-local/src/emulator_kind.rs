//! Which emulator it is, and what it can't do.

use std::time::Duration;

use anyhow::{Result, bail};
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::http;

const PATIENCE: Duration = Duration::from_secs(5);

/// Services that the stack needs, by the names that `LocalStack` has for them.
const NEEDED: [&str; 13] = [
    "apigateway",
    "cloudformation",
    "dynamodb",
    "events",
    "iam",
    "lambda",
    "logs",
    "s3",
    "scheduler",
    "secretsmanager",
    "sns",
    "sqs",
    "sts",
];

/// An emulator, by its own word.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EmulatorKind {
    /// `MiniStack`, which fires schedules, and which Pulse brings along. Its functions are processes beside it.
    MiniStack,
    /// `LocalStack`, or one that answers as it does. Its functions are containers beside it.
    LocalStack(LocalStack),
    /// It answers neither's questions.
    Unknown,
}

/// What `LocalStack` says of itself.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct LocalStack {
    /// Its version, as in `4.14.0`.
    pub version: String,
    /// `community`, or the name of a paid edition.
    pub edition: String,
    #[serde(default)]
    services: Map<String, Value>,
}

impl EmulatorKind {
    /// Asks the emulator at `url`. `MiniStack` answers `LocalStack`'s question too, so it is asked its own first.
    ///
    /// # Errors
    /// When no HTTP client can be made. One that doesn't answer is unknown.
    pub async fn ask(url: &str) -> Result<Self> {
        let http = http::client(PATIENCE)?;
        let url = url.trim_end_matches('/');
        let ask = async |path: &str| -> Option<Value> {
            let answer = http.get(format!("{url}{path}")).send().await.ok()?.error_for_status().ok()?;
            answer.json().await.ok()
        };
        if ask("/_ministack/health").await.is_some_and(|health| health["services"].is_object()) {
            return Ok(Self::MiniStack);
        }
        let health = ask("/_localstack/health").await.and_then(|health| serde_json::from_value(health).ok());
        Ok(health.map_or(Self::Unknown, Self::LocalStack))
    }

    /// Whether due schedules reach their targets there. `LocalStack`'s documentation, "EventBridge Scheduler", has
    /// under "Current Limitations": "It does not emulate actual features such as schedule execution".
    #[must_use]
    pub fn fires_schedules(&self) -> bool {
        matches!(self, Self::MiniStack)
    }

    /// Whether functions run in containers, for which 127.0.0.1 is the container (`LocalStack`'s documentation,
    /// "Lambda": each execution environment is a container of its own).
    #[must_use]
    pub fn has_containers(&self) -> bool {
        matches!(self, Self::LocalStack(_))
    }

    /// Refuses an emulator that has a needed service switched off, before anything waits for it.
    ///
    /// # Errors
    /// When there is such a service; with what to do.
    pub fn refuse_lacking(&self) -> Result<()> {
        let Self::LocalStack(localstack) = self else { return Ok(()) };
        // `LocalStack` names a service of which it knows as disabled; one that it doesn't name may have another name.
        let is_off = |name: &&str| {
            localstack
                .services
                .get(*name)
                .and_then(Value::as_str)
                .is_some_and(|state| ["disabled", "error"].contains(&state))
        };
        let off: Vec<_> = NEEDED.into_iter().filter(is_off).collect();
        if off.is_empty() {
            return Ok(());
        }
        bail!(
            "LocalStack has no {} running, which Pulse needs: start it without SERVICES, as infra/localstack/compose.yaml does, look at its log, and run this again.",
            off.join(", ")
        )
    }

    /// What differs from AWS in ways that a user of `pulse local` notices: a sentence each. Sources are in
    /// infra/localstack/README.md.
    #[must_use]
    pub fn limits(&self) -> &'static [&'static str] {
        match self {
            Self::MiniStack => &[],
            Self::LocalStack(localstack) if localstack.edition == "community" => &[FEWER_LANES, NO_ALARMS, NO_IAM],
            Self::LocalStack(_) => &[FEWER_LANES, NO_ALARMS, IAM_IF_ASKED],
            Self::Unknown => &["It is none that Pulse knows: what it leaves out isn't known either."],
        }
    }
}

const FEWER_LANES: &str = "It polls one batch at a time, whatever a mapping's maximum concurrency: fewer lanes are busy than on AWS, and that none is exceeded shows little.";
const NO_ALARMS: &str =
    "It leaves out what its CloudFormation doesn't know, such as the dashboard, and says so in its log.";
const NO_IAM: &str = "This edition takes every call, whatever the role's policy says: least privilege isn't tried.";
const IAM_IF_ASKED: &str = "It looks at policies only with ENFORCE_IAM=1.";

impl std::fmt::Display for EmulatorKind {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::MiniStack => formatter.write_str("MiniStack"),
            Self::LocalStack(LocalStack { version, edition, .. }) => {
                write!(formatter, "LocalStack {version} ({edition})")
            }
            Self::Unknown => formatter.write_str("An emulator that says no name"),
        }
    }
}

#[cfg(test)]
mod tests {
    use axum::{Json, Router, routing::get};
    use serde_json::json;

    use super::*;

    /// Serves JSON at paths, and asks it which emulator it is.
    async fn kind_of(answers: &[(&str, Value)]) -> EmulatorKind {
        let router = answers.iter().fold(Router::new(), |router, (path, answer)| {
            let answer = answer.clone();
            router.route(path, get(async move || Json(answer)))
        });
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/", listener.local_addr().unwrap());
        let server = tokio::spawn(axum::serve(listener, router).into_future());
        let kind = EmulatorKind::ask(&url).await.unwrap();
        server.abort();
        kind
    }

    fn localstack(services: &Value) -> Value {
        json!({ "services": services, "edition": "community", "version": "4.14.0" })
    }

    #[tokio::test]
    async fn ministack_is_told_from_localstack_though_it_answers_for_it_too() {
        let health = json!({ "services": { "sqs": "available" }, "edition": "light", "version": "1.5.33" });
        let both = [("/_ministack/health", health.clone()), ("/_localstack/health", health)];
        let kind = kind_of(&both).await;
        assert!(kind.fires_schedules() && !kind.has_containers() && kind.limits().is_empty(), "{kind}");
    }

    #[tokio::test]
    async fn localstack_says_its_name_and_then_what_it_cannot_do() {
        let kind = kind_of(&[("/_localstack/health", localstack(&json!({ "sqs": "available" })))]).await;
        assert_eq!(kind.to_string(), "LocalStack 4.14.0 (community)");
        assert!(!kind.fires_schedules() && kind.has_containers());
        assert!(kind.limits().concat().contains("least privilege isn't tried"));
        kind.refuse_lacking().unwrap();
    }

    #[tokio::test]
    async fn localstack_without_a_service_is_refused_by_the_services_name() {
        let off = json!({ "sqs": "running", "scheduler": "disabled", "lambda": "error", "acm": "disabled" });
        let error =
            kind_of(&[("/_localstack/health", localstack(&off))]).await.refuse_lacking().unwrap_err().to_string();
        assert!(error.contains("no lambda, scheduler running") && error.contains("without SERVICES"), "{error}");
    }

    #[tokio::test]
    async fn one_that_answers_neither_is_unknown_and_so_is_nobody() {
        assert_eq!(kind_of(&[("/health", json!("ok"))]).await, EmulatorKind::Unknown);
        assert_eq!(EmulatorKind::ask("http://127.0.0.1:1").await.unwrap(), EmulatorKind::Unknown);
    }
}
