//! `pulse doctor` on a deployed stack: each of its findings, provoked once.

use std::{
    io::Write as _,
    process::{Command, Stdio},
};

use anyhow::Result;
use aws_sdk_lambda::types::{Environment, ScalingConfig};
use jiff::SignedDuration;
use pulse_aws::{clock::SystemClock, dynamodb::DynamoDbLedger, sdk};
use pulse_core::{
    customer::EmailAddress,
    keys::KeyRing,
    ports::{Clock as _, Ledger as _},
    suppression::{Evidence, Scope, Suppression, SuppressionReason},
    unsubscribe::UnsubscribeTokens,
};
use pulse_local::{
    deployment::{Deployment, StackPlan},
    standins::{MailStandIn, StandInOptions},
};
use pulse_tests::{
    account_stand_in::AccountStandIn,
    emulator::{program, shared},
    providers::emulated_ses::EmulatedSes,
};
use serde_json::{Value, json};
use tokio::task::spawn_blocking;

use super::{deploy, plan};

struct Examined {
    stack: Deployment,
    account: AccountStandIn,
}

impl Examined {
    async fn build(name: &str, changes: &[(&str, &str)]) -> Result<Self> {
        Self::planned(&plan(name, changes)).await
    }

    async fn planned(plan: &StackPlan) -> Result<Self> {
        let account = AccountStandIn::start(|| SystemClock.now()).await;
        // The stack's own configuration set.
        account.say(&plan.stack, json!({ "SendingOptions": { "SendingEnabled": true } }));
        Ok(Self { stack: deploy(plan).await?, account })
    }

    /// Types `pulse doctor ..`, and says what it found that is not as it should be, by level, and how it ended.
    async fn doctor(&self, arguments: &[&str]) -> (i32, Vec<Value>) {
        let mut command = Command::new(program("deployment", "pulse"));
        command
            .args(["--json", "--stack", self.stack.outputs.stack(), "doctor"])
            .args(arguments)
            .stdin(Stdio::null())
            .env("AWS_ENDPOINT_URL", shared().endpoint())
            .envs(self.account.variables())
            .env("AWS_ACCESS_KEY_ID", "test")
            .env("AWS_SECRET_ACCESS_KEY", "test")
            .env("AWS_REGION", "us-east-1")
            .env_remove("AWS_PROFILE");
        let output = spawn_blocking(move || command.output()).await.expect("it ran").expect("it was started");
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        let found: Vec<Value> = serde_json::from_str(&said)
            .unwrap_or_else(|error| panic!("{error}: {said}{}", String::from_utf8_lossy(&output.stderr)));
        let matters = found.into_iter().filter(|finding| finding["level"] != "fine").collect();
        (output.status.code().expect("it ended by itself"), matters)
    }

    /// What is found besides that these are root credentials, which the emulator's are, and whether letters have links.
    async fn found(&self, arguments: &[&str]) -> (i32, Vec<Value>) {
        let (code, mut found) = self.doctor(arguments).await;
        found.retain(|finding| !matches!(finding["finding"].as_str(), Some("root" | "no-one-click" | "link-only")));
        (code, found)
    }

    /// What its role allows by the template is the business of the template's tests.
    async fn let_email_read_secrets(&self) {
        let lambda = sdk::lambda_client(&self.stack.aws);
        let email = self.stack.outputs.get("EmailFunctionName").expect("an output");
        let found = lambda.get_function_configuration().function_name(email).send().await.expect("found");
        let role = found.role().and_then(|arn| arn.rsplit('/').next()).expect("a role");
        let allow = json!({ "Effect": "Allow", "Action": "secretsmanager:GetSecretValue", "Resource": "*" });
        let policy = json!({ "Version": "2012-10-17", "Statement": [allow] }).to_string();
        let put = aws_sdk_iam::Client::new(&self.stack.aws).put_role_policy().role_name(role);
        put.policy_name("keys").policy_document(policy).send().await.expect("allowed");
    }

    /// Has the email function run with these variables, of which empty ones count as not set.
    async fn set_email_variables(&self, changes: &[(&str, &str)]) {
        let lambda = sdk::lambda_client(&self.stack.aws);
        let email = self.stack.outputs.get("EmailFunctionName").expect("an output");
        let found = lambda.get_function_configuration().function_name(email).send().await.expect("found");
        let mut variables = found.environment().and_then(|all| all.variables().cloned()).expect("variables");
        variables.extend(changes.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
        let environment = Environment::builder().set_variables(Some(variables)).build();
        let update = lambda.update_function_configuration().function_name(email).environment(environment);
        update.send().await.expect("updated");
    }
}

fn names(found: &[Value]) -> Vec<&str> {
    found.iter().map(|finding| finding["finding"].as_str().expect("a name")).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_fit_stack_is_found_fit_and_what_is_not_is_told_by_its_name() -> Result<()> {
    let examined = Examined::build("examined", &[("SesRate", "14")]).await?;
    let (code, found) = examined.doctor(&[]).await;
    assert_eq!((code, found[0]["finding"].as_str()), (0, Some("root")), "{found:?}");
    assert_eq!(names(&examined.found(&[]).await.1), [""; 0]);

    what_ses_says(&examined).await;
    what_the_account_says(&examined).await;
    what_the_stack_says(&examined).await;
    Ok(())
}

async fn what_ses_says(examined: &Examined) {
    let account = &examined.account;
    let limits = |production: bool, sending: bool, status: &str, day: f64, rate: f64| {
        json!({
            "EnforcementStatus": status, "ProductionAccessEnabled": production, "SendingEnabled": sending,
            "SendQuota": { "Max24HourSend": day, "MaxSendRate": rate, "SentLast24Hours": 0.0 },
        })
    };
    account.say("account", limits(false, false, "SHUTDOWN", 200.0, 1.0));
    let (code, found) = examined.found(&["--customers", "600000"]).await;
    let expected = ["sandbox", "sending-paused", "enforcement", "sending-rate", "daily-quota"];
    assert_eq!((code, names(&found)), (4, expected.to_vec()));
    account.say("account", limits(true, true, "HEALTHY", -1.0, 14.0));

    let identity = |verified: bool, signed: &str, mail_from: Value| {
        json!({
            "VerifiedForSendingStatus": verified, "MailFromAttributes": mail_from,
            "DkimAttributes": { "SigningEnabled": true, "Status": signed },
        })
    };
    let none = || json!({ "MailFromDomain": "", "BehaviorOnMxFailure": "USE_DEFAULT_VALUE" });
    account.say("example.com", identity(false, "PENDING", none()));
    assert_eq!(names(&examined.found(&[]).await.1), ["unverified"]);
    account.say("example.com", identity(true, "PENDING", none()));
    account.say("examined", Value::Null);
    let (_, found) = examined.found(&[]).await;
    assert_eq!(names(&found), ["unsigned", "no-mail-from", "no-configuration-set"]);
    assert_eq!(found[2]["name"], "examined");
    account.say("examined", json!({ "SendingOptions": { "SendingEnabled": false } }));
    let failed = json!({
        "MailFromDomain": "m.example.com", "MailFromDomainStatus": "FAILED",
        "BehaviorOnMxFailure": "USE_DEFAULT_VALUE",
    });
    account.say("example.com", identity(true, "SUCCESS", failed));
    assert_eq!(names(&examined.found(&[]).await.1), ["mail-from", "configuration-set-paused"]);
    account.say("examined", json!({ "SendingOptions": { "SendingEnabled": true } }));
    account.say("example.com", Value::Null);
    assert_eq!(names(&examined.found(&[]).await.1), ["no-identity"]);
    let fine = json!({
        "MailFromDomain": "m.example.com", "MailFromDomainStatus": "SUCCESS",
        "BehaviorOnMxFailure": "USE_DEFAULT_VALUE",
    });
    account.say("example.com", identity(true, "SUCCESS", fine));
}

async fn what_the_account_says(examined: &Examined) {
    let account = &examined.account;
    account.set_clock_ahead(SignedDuration::from_secs(400));
    let (code, found) = examined.found(&[]).await;
    assert_eq!((code, names(&found)), (4, vec!["clock-skew"]), "{found:?}");
    account.set_clock_ahead(SignedDuration::ZERO);

    account.say("schedule-groups", json!({ "State": "DELETING" }));
    // What is raised isn't told for every quota: then the default counts.
    account.say("ListServiceQuotas", json!({ "Quotas": [] }));
    let quota = |name: &str, value: f64| json!({ "QuotaName": name, "Value": value });
    let defaults = [quota("Number of schedules", 100.0), quota("CreateSchedule request rate", 250.0)];
    account.say("ListAWSDefaultServiceQuotas", json!({ "Quotas": defaults }));
    let (_, found) = examined.found(&["--customers", "101"]).await;
    assert_eq!(names(&found), ["schedule-group", "schedule-quota"]);
    account.say("ListAWSDefaultServiceQuotas", json!({ "Quotas": [] }));
    account.say("schedule-groups", json!({ "State": "ACTIVE" }));

    // One that isn't Pulse's own, and one that can't be read.
    account.say("schedules", json!({ "Schedules": [{ "Name": "c-1" }] }));
    account.say("ListServiceQuotas", json!({ "Quotas": defaults_of_aws() }));
    let strange = json!({
        "Name": "c-1", "State": "ENABLED", "ScheduleExpression": "rate(1 hour)", "FlexibleTimeWindow": { "Mode": "OFF" },
    });
    account.say("c-1", strange);
    let (code, found) = examined.found(&[]).await;
    assert_eq!((code, names(&found)), (4, vec!["strange-schedule"]), "{found:?}");
    account.say("schedules", Value::Null);
    let (code, found) = examined.found(&[]).await;
    assert_eq!((code, names(&found)), (0, vec!["unknown"]), "{found:?}");
    assert!(found[0]["why"].as_str().is_some_and(|why| why.contains("schedules can't be listed")), "{found:?}");
    account.say("schedules", json!({ "Schedules": [] }));
    account.say("ListServiceQuotas", json!({ "Quotas": [] }));
    let (code, found) = examined.found(&[]).await;
    assert_eq!((code, names(&found)), (0, vec!["unknown"]), "what can't be looked at is told, and no trouble");
    account.say("ListServiceQuotas", json!({ "Quotas": defaults_of_aws() }));
}

fn defaults_of_aws() -> [Value; 2] {
    let quota = |name: &str, value: f64| json!({ "QuotaName": name, "Value": value });
    [quota("Number of schedules", 1e7), quota("CreateSchedule request rate", 250.0)]
}

async fn what_the_stack_says(examined: &Examined) {
    let lambda = sdk::lambda_client(&examined.stack.aws);
    let output = |name: &str| examined.stack.outputs.get(name).expect("an output").to_owned();
    let email = output("EmailFunctionName");

    // One invocation at once more than the account may have.
    let limits = lambda.get_account_settings().send().await.expect("limits");
    let limit = limits.account_limit().expect("limits").concurrent_executions();
    // Of scoring, deliveries, feedback, tick and audit, and what Lambda keeps unreserved.
    let most = limit - (5 + 2 + 4 + 2 + 100) + 1;
    let reserve = |most: i32| {
        let put = lambda.put_function_concurrency().function_name(&email);
        put.reserved_concurrent_executions(most).send()
    };
    let update = lambda.update_event_source_mapping().uuid(output("EmailMappingId"));
    let scaling = ScalingConfig::builder();
    update.clone().scaling_config(scaling.clone().maximum_concurrency(most).build()).send().await.expect("updated");
    reserve(most).await.expect("reserved");
    let (_, found) = examined.found(&[]).await;
    // More workers than the rate was shared out to send more than the rate, too: `pulse lanes` sets both.
    assert_eq!(names(&found), ["concurrency", "sending-rate"]);
    assert_eq!((&found[0]["limit"], &found[0]["needed"]), (&json!(limit), &json!(limit + 1)));
    update.scaling_config(scaling.maximum_concurrency(5).build()).send().await.expect("updated");
    lambda.delete_function_concurrency().function_name(&email).send().await.expect("freed");
    assert_eq!(names(&examined.found(&[]).await.1), ["not-reserved"]);

    reserve(0).await.expect("reserved");
    let (_, found) = examined.found(&[]).await;
    assert_eq!(names(&found), ["throttled", "stage"], "{found:?}");
    reserve(5).await.expect("reserved");

    examined.set_email_variables(&[("QUIET_HOURS", "never")]).await;
    let (code, found) = examined.found(&[]).await;
    let fails = found.iter().find(|finding| finding["finding"] == "does-not-start").expect("found");
    assert_eq!((code, &fails["stage"]), (4, &json!("email")), "{found:?}");
    examined.set_email_variables(&[("QUIET_HOURS", "")]).await;

    let one_click = async |customers: &str| {
        let (code, found) = examined.doctor(&["--customers", customers]).await;
        let found = found.into_iter().find(|finding| finding["finding"] == "no-one-click");
        (code, found.map(|finding| finding["level"].clone()))
    };
    examined.set_email_variables(&[("UNSUBSCRIBE_URL", "")]).await;
    assert_eq!(one_click("1000").await, (0, Some(json!("remark"))));
    assert_eq!(one_click("600000").await, (4, Some(json!("trouble"))));
    // The keys are read before a mail is sent.
    let linked = [("UNSUBSCRIBE_URL", "https://pulse.example/u"), ("KEYS_SECRET", "examined/no-keys")];
    examined.set_email_variables(&linked).await;
    assert_eq!(one_click("600000").await, (4, None));
    assert_eq!(names(&examined.found(&[]).await.1), ["no-secret"]);
    examined.set_email_variables(&[("KEYS_SECRET", "/examined/no-keys")]).await;
    let (_, found) = examined.found(&[]).await;
    assert_eq!(names(&found), ["no-secret"]);
    assert!(
        found[0]["cause"].as_str().is_some_and(|cause| cause.contains("the parameter /examined/no-keys")),
        "{found:?}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_provider_is_told_and_a_secret_that_is_not_there() -> Result<()> {
    let mail = MailStandIn::start(StandInOptions::default()).await?;
    let (url, auth_url) = (mail.url(), mail.auth_url());
    let changes = [
        ("MailProvider", "marketing-cloud"),
        ("MarketingCloudUrl", url.as_str()),
        ("MarketingCloudAuthUrl", auth_url.as_str()),
        ("MarketingCloudDefinition", "pulse-monthly"),
        ("MarketingCloudSecret", "elsewhere/mail"),
    ];
    let mut plan = plan("elsewhere", &changes);
    let secret = json!({ "client_id": mail.client_id(), "client_secret": mail.client_secret() });
    plan.secrets.insert("elsewhere/mail".to_owned(), secret.to_string());
    let examined = Examined::planned(&plan).await?;
    let (code, found) = examined.found(&["--mail-to", "operator@example.net"]).await;
    assert_eq!((code, names(&found)), (0, vec!["not-ses"]), "{found:?}");
    assert_eq!(mail.accepted().len(), 1);

    examined.set_email_variables(&[("MARKETING_CLOUD_SECRET", "elsewhere/nowhere")]).await;
    let (code, found) = examined.found(&[]).await;
    assert_eq!((code, names(&found)), (4, vec!["no-secret", "not-ses"]), "{found:?}");
    assert!(found[0]["cause"].as_str().is_some_and(|cause| cause.contains("can't be read")), "{found:?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_test_mail_goes_the_way_of_a_customers_and_a_suppressed_address_gets_none() -> Result<()> {
    let mut plan = plan("tried", &[("SesRate", "14")]);
    let keys = r#"{"1": "0123456789abcdef0123456789abcdef"}"#;
    plan.secrets.insert("tried/keys".to_owned(), keys.to_owned());
    let examined = Examined::planned(&plan).await?;
    examined.let_email_read_secrets().await;
    examined
        .set_email_variables(&[("UNSUBSCRIBE_URL", "https://pulse.example/u"), ("KEYS_SECRET", "tried/keys")])
        .await;
    let ses = EmulatedSes::ready_for("example.com").await;
    let to = "operator@example.net";
    let (code, found) = examined.found(&["--mail-to", to]).await;
    assert_eq!((code, names(&found)), (0, vec![]), "{found:?}");
    let texts = ses.texts_to(to).await;
    let [text] = &texts[..] else { panic!("one mail") };
    // Its link works, and is of nobody on the roster.
    let token = text.lines().find_map(|line| line.strip_prefix("https://pulse.example/u/")).expect("a link");
    let customer = UnsubscribeTokens::new(KeyRing::parse(&keys.into()).expect("keys")).customer(token);
    assert!(customer.expect("a token").as_str().starts_with("doctor-"), "{text}");

    let table = examined.stack.outputs.get("TableName")?;
    let ledger = DynamoDbLedger::new(sdk::dynamodb_client(&examined.stack.aws), table);
    let evidence = Evidence { at: SystemClock.now(), scope: Scope::All, cause: None };
    let suppression = Suppression::of(SuppressionReason::HardBounce, evidence);
    assert!(ledger.save_suppression(&EmailAddress::parse(to)?, &suppression).await?);
    let (code, found) = examined.found(&["--mail-to", to]).await;
    assert_eq!((code, names(&found)), (4, vec!["test-mail-failed"]), "{found:?}");
    assert_eq!(ses.count_to(to).await, 1);
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_mail_that_arrived_is_read_without_aws() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("arrived.eml");
    let mail = "Authentication-Results: mx.example.net; spf=pass; dkim=fail; dmarc=fail\r\nFrom: pulse@example.com\r\n\r\nHello";
    std::fs::write(&file, mail)?;
    let doctor = |file: std::path::PathBuf| {
        let mut command = Command::new(program("deployment", "pulse"));
        command.args(["doctor", "--received"]).arg(file).env_clear();
        command.output().expect("it was started")
    };
    let read = doctor(file);
    let said = String::from_utf8(read.stdout)?;
    assert_eq!(read.status.code(), Some(4), "{said}");
    assert!(said.contains("SPF passed.") && said.contains("DKIM didn't pass"), "{said}");
    let piped = {
        let mut command = Command::new(program("deployment", "pulse"));
        let mut child = command
            .args(["doctor", "--received", "-"])
            .env_clear()
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        child.stdin.take().expect("a pipe").write_all(mail.as_bytes())?;
        child.wait_with_output()?
    };
    assert_eq!(String::from_utf8(piped.stdout)?, said);
    let missing = doctor(folder.path().join("none.eml"));
    assert_eq!(missing.status.code(), Some(1));
    assert!(String::from_utf8(missing.stderr)?.contains("none.eml"));
    Ok(())
}
