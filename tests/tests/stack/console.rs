//! The console behind its function URL, with an issuer at the door and IAM enforced: what is asked for those who may only look can't
//! change anything, whatever a page forgets.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use aws_config::{BehaviorVersion, sts::AssumeRoleProvider};
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_sdk_dynamodb::types::AttributeValue;
use axum::http::{Method, Request, StatusCode, header};
use pulse_app::{PauseOrder, Until};
use pulse_aws::{clock::SystemClock, sdk, stack::Stack};
use pulse_core::{
    control::Note,
    customer::Customer,
    entry::{Entry, EntryId, StageName},
    failure::Cause,
    message::WorkMessage,
    ports::{Clock as _, Controls as _, Ledger as _, TickStarter as _},
    run::RunId,
};
use pulse_local::secrets;
use pulse_providers::secret::ParameterStore;
use pulse_tests::{
    console_client::Answer,
    deployed_stack::{DeployedStack, eventually},
    emulator::shared,
    in_memory_stack::customer,
    issuer_stand_in::{CLIENT, CLIENT_SECRET, IssuerStandIn},
    oidc_browser::OidcBrowser,
};
use serde_json::json;

use super::RUNTIME;

const STAGE: StageName = StageName::Score;

/// A stack with a console, its issuer, and a browser that has been to neither.
async fn with_a_console() -> (DeployedStack, IssuerStandIn, OidcBrowser) {
    let issuer = IssuerStandIn::serve(Arc::new(SystemClock)).await;
    let parameters = [
        ("ConsoleIssuer", issuer.url.as_str()),
        ("ConsoleClientId", CLIENT),
        ("ConsoleClientSecret", "/consoled/client"),
        ("ConsoleKeysSecret", "/consoled/cookies"),
        ("KeysSecret", "/consoled/keys"),
    ];
    let stack = DeployedStack::build_with(shared(), "consoled", "stack", Duration::from_millis(50), &parameters).await;
    let of = |name: &str, text: String| (format!("/consoled/{name}"), text);
    let key = |letter: &str| json!({ "1": letter.repeat(32) }).to_string();
    let client = json!({ "client_secret": CLIENT_SECRET }).to_string();
    let parameters = [of("client", client), of("cookies", key("c")), of("keys", key("k"))];
    secrets::store(&stack.stack.aws, &parameters.into()).await.expect("parameters");
    assert_eq!(
        (stack.output("ConsoleKeysArn"), stack.output("KeysSecretName")),
        ("/consoled/cookies", "/consoled/keys")
    );
    let url = stack.output("ConsoleUrl").to_owned();
    let host = url.strip_prefix("https://").and_then(|url| url.strip_suffix('/')).expect("a URL of a function");
    let _ = rustls::crypto::ring::default_provider().install_default();
    let client = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build().expect("a client");
    let endpoint = shared().endpoint().to_owned();
    let browser = OidcBrowser::new(host, move |request| ask(client.clone(), endpoint.clone(), request));
    (stack, issuer, browser)
}

/// The emulator tells the function by the host that is asked for.
async fn ask(client: reqwest::Client, endpoint: String, request: Request<String>) -> Answer {
    let (parts, body) = request.into_parts();
    let asked = client.request(parts.method, format!("{endpoint}{}", parts.uri)).headers(parts.headers).body(body);
    let answer = asked.send().await.expect("an answer");
    let (status, headers) = (answer.status(), answer.headers().clone());
    Answer { status, headers, body: answer.text().await.expect("text") }
}

fn location(answer: &Answer) -> &str {
    assert_eq!(answer.status, StatusCode::SEE_OTHER, "{answer:?}");
    answer.headers[header::LOCATION].to_str().expect("a path")
}

/// What a form hides, to be sent with it.
fn hidden(page: &str) -> String {
    let field =
        |input: &str, name: &str| Some(input.split(&format!("{name}=\"")).nth(1)?.split('"').next()?.to_owned());
    let inputs = page.split("<input ").filter(|input| input.contains("type=\"hidden\""));
    let pairs: BTreeMap<_, _> =
        inputs.filter_map(|input| Some((field(input, "name")?, field(input, "value")?))).collect();
    pairs.iter().map(|(name, value)| format!("{name}={}", value.replace('+', "%2B"))).collect::<Vec<_>>().join("&")
}

/// Letters of entries that the stage gave up.
async fn bury(stack: &DeployedStack, letters: usize) {
    let (ledger, now) = (stack.ledger(), SystemClock.now());
    for n in 0..letters {
        let customer: Customer = customer(&format!("redriven-{n}"));
        let id = EntryId::of(customer.id.clone(), RunId::parse("2020-01").unwrap());
        let entry = Entry::scheduled(id.clone(), now, None);
        assert!(ledger.save_customer(&customer).await.unwrap() && ledger.open(&entry).await.unwrap());
        let failed = entry.fail(STAGE, Cause::new("It answered 503."), now, None).unwrap();
        ledger.apply(&failed).await.unwrap();
        stack.send("ScoreDlqUrl", &WorkMessage::for_entry(&id).body()).await;
    }
}

async fn physical(stack: &DeployedStack, id: &str) -> String {
    let client = sdk::cloudformation_client(&stack.stack.aws);
    let asked = client.describe_stack_resource().stack_name(stack.stack.outputs.stack()).logical_resource_id(id);
    let resource = asked.send().await.expect("a resource");
    resource.stack_resource_detail().and_then(|detail| detail.physical_resource_id()).expect("its name").to_owned()
}

/// The stack with the credentials of a role.
async fn as_role(stack: &DeployedStack, arn: &str) -> Stack {
    let aws = &stack.stack.aws;
    let root = aws_config::defaults(BehaviorVersion::latest())
        .http_client(aws.http_client().expect("a client"))
        .region(aws.region().cloned())
        .endpoint_url(aws.endpoint_url().expect("an emulator"))
        .credentials_provider(aws.credentials_provider().expect("credentials"));
    let root = root.load().await;
    let role = AssumeRoleProvider::builder(arn).session_name("test").configure(&root).build().await;
    let aws = aws.to_builder().credentials_provider(SharedCredentialsProvider::new(role)).build();
    Stack { aws, outputs: stack.stack.outputs.clone() }
}

async fn viewers_look(stack: &DeployedStack, issuer: &IssuerStandIn, mut browser: OidcBrowser) {
    issuer.person("viewer-1", &["pulse-viewers"]);
    assert_eq!(location(&browser.sign_in(issuer).await), "/");
    let pages = [
        "/",
        "/runs/2020-01",
        "/customers/redriven-0",
        "/dead-letters",
        "/dead-letters/score",
        "/stages/score",
        "/stages/email",
        "/orders",
        "/suppressions",
        "/feedback",
        "/customers/redriven-0/mail?pretend=yes",
        "/plan",
    ];
    for path in pages {
        let page = browser.get(path).await;
        assert_eq!(page.status, StatusCode::OK, "{path}: {}", page.body);
        assert!(page.body.contains("oidc:viewer-1") && !page.body.contains("form class=\"act"), "{path}");
    }
    assert_eq!(location(&browser.post("/search", "q=redriven-0").await), "/customers/redriven-0");
    let refused = browser.post("/stages/score/pause", "note=x&lasts=").await;
    assert!(refused.status == StatusCode::FORBIDDEN && refused.body.contains("pulse-operators"), "{refused:?}");
    assert_eq!(stack.ledger().control(STAGE).await.unwrap().pause, None);
}

async fn operators_do_things(stack: &DeployedStack, issuer: &IssuerStandIn, mut browser: OidcBrowser) {
    issuer.person("operator-1", &["pulse-operators"]);
    browser.sign_in(issuer).await;
    let paused = browser.post("/stages/score/pause", "note=asked+for&lasts=").await;
    assert_eq!(location(&paused), "/stages/score");
    let pause = stack.ledger().control(STAGE).await.unwrap().pause.expect("a pause");
    assert_eq!((pause.by.as_str(), pause.note.as_str()), ("oidc:operator-1", "asked for"));
    stack.until_mapping("ScoreMappingId", "Disabled").await;

    let shown = browser.post("/dead-letters/score", "").await;
    assert!(shown.status == StatusCode::OK && shown.body.contains("It answered 503."), "{shown:?}");
    let preview = browser.post("/dead-letters/score/redrive", "").await;
    assert!(preview.status == StatusCode::OK && preview.body.contains("Redrive 3"), "{preview:?}");
    let given =
        browser.post("/dead-letters/score/redrive", &format!("{}&note=well+again", hidden(&preview.body))).await;
    let order = location(&given).to_owned();
    let told = async |browser: &mut OidcBrowser| {
        let headers = [("accept", "application/json")];
        let order = browser.ask(Method::GET, &order, &headers, "").await;
        assert_eq!(order.status, StatusCode::OK, "{order:?}");
        order.json()
    };
    let ended = eventually("the letters are redriven", async || {
        let _ = stack.stack.start_tick().await;
        let order = told(&mut browser.clone()).await;
        order["state"].to_string().contains("\"done\"").then_some(order)
    })
    .await;
    assert_eq!((&ended["by"], &ended["progress"]["moved"]), (&json!("oidc:operator-1"), &json!(3)), "{ended}");

    // Lanes and keys are the operators', too.
    let lanes = browser.post("/stages/email/lanes", "lanes=24").await;
    assert_eq!(location(&lanes), "/stages/email");
    let address = browser.post("/search", "q=aoife%40example.com").await;
    assert!(address.status == StatusCode::OK && address.body.contains("suppressed"), "{address:?}");
    let resumed = browser.post("/stages/score/resume", "note=").await;
    assert_eq!(location(&resumed), "/stages/score");
    stack.until_mapping("ScoreMappingId", "Enabled").await;
}

/// With the credentials that viewers' requests have, everything is tried that the pages can do.
async fn their_credentials_only_read(stack: &DeployedStack) {
    let iam = aws_sdk_iam::Client::new(&stack.stack.aws);
    let role = physical(stack, "ConsoleRole").await;
    let arn = iam.get_role().role_name(&role).send().await.expect("a role");
    let arn = arn.role().expect("a role").arn().to_owned();
    // The test has itself let in, which changes nothing of what the role may do. (Whom a role trusts, the template's test holds.)
    let trust = json!({
        "Version": "2012-10-17",
        "Statement": [
            { "Effect": "Allow", "Principal": { "Service": "lambda.amazonaws.com" }, "Action": "sts:AssumeRole" },
            { "Effect": "Allow", "Principal": { "AWS": "*" }, "Action": "sts:AssumeRole" },
        ],
    });
    iam.update_assume_role_policy().role_name(&role).policy_document(trust.to_string()).send().await.expect("trust");
    let reader = as_role(stack, &arn).await;
    let app = pulse_deployed::app(&reader, "viewer".into()).unwrap();
    app.snapshot().await.expect("it reads");
    app.overviews().await.expect("it reads");
    let order = PauseOrder { stage: STAGE, note: Note::parse("x").unwrap(), lasts: None, until: Until::Ordered };
    app.pause(&order, &mut |_| {}).await.expect_err("it may write");
    assert_eq!(stack.ledger().control(STAGE).await.unwrap().pause, None);
    let mapping = sdk::lambda_client(&reader.aws).update_event_source_mapping().uuid(stack.output("ScoreMappingId"));
    assert_denied(mapping.enabled(false).send().await);
    let row = sdk::dynamodb_client(&reader.aws).put_item().table_name(stack.output("TableName"));
    let key = |value: &str| AttributeValue::S(value.to_owned());
    assert_denied(row.item("pk", key("CUST#x")).item("sk", key("PROFILE")).send().await);
    let sqs = sdk::sqs_client(&reader.aws);
    assert_denied(sqs.send_message().queue_url(stack.output("ScoreQueueUrl")).message_body("x").send().await);
    assert_denied(sqs.receive_message().queue_url(stack.output("ScoreDlqUrl")).send().await);
    assert_denied(ParameterStore::new(&reader.aws).get(stack.output("KeysSecretName")).await);
    ParameterStore::new(&reader.aws).get(stack.output("ConsoleKeysArn")).await.expect("it reads its own");
    stack.until_mapping("ScoreMappingId", "Enabled").await;
}

fn assert_denied<T: std::fmt::Debug, E: std::fmt::Debug>(answer: Result<T, E>) {
    let error = format!("{:?}", answer.expect_err("it is allowed"));
    assert!(error.contains("AccessDenied") || error.contains("not authorized"), "{error}");
}

#[test]
fn viewers_look_operators_act_and_iam_holds_them_apart() {
    RUNTIME.block_on(async {
        let (stack, issuer, browser) = with_a_console().await;
        stack.shorten_invocations().await;
        bury(&stack, 3).await;
        viewers_look(&stack, &issuer, browser.clone()).await;
        their_credentials_only_read(&stack).await;
        operators_do_things(&stack, &issuer, browser).await;
    });
}
