//! What comes in from outside: the API and the queues, with every function off and on again, and what became of it.
//!
//! Of AWS the emulator leaves out that the API's role is asked, and that SES publishes: template tests hold the one, and
//! events are put on the topic's queue here as SNS would.

use std::{sync::LazyLock, time::Duration};

use aws_sdk_sqs::types::QueueAttributeName;
use futures::{StreamExt as _, stream};
use jiff::Timestamp;
use pulse_aws::{clock::SystemClock, config::process_variable, sdk};
use pulse_core::{
    customer::{Customer, Zone},
    dead_letters::{DeadLetterReport, Redrive, RedriveOrder, Redriven, Survey},
    entry::Entry,
    keys::KeyRing,
    ports::{Clock as _, DlqName, FeedbackLog as _, IntakeQueue, Ledger as _, Schedules as _},
    slot::Slot,
    unsubscribe::UnsubscribeTokens,
};
use pulse_feedback::UnsignedReader;
use pulse_local::{deployment::Packages, lambdas::Package};
use pulse_providers::secret::SecretStores;
use pulse_tests::{
    deployed_stack::{DeployedStack, eventually},
    emulator::{packages, program, shared},
    in_memory_stack::customer,
    intake::{CALLBACK, IntakeClient, Post, entry_id, ses_delivery},
};
use reqwest::{Method, StatusCode};
use tokio::{
    sync::{Mutex, MutexGuard, OnceCell},
    time::{Instant, MissedTickBehavior, interval},
};

use super::RUNTIME;

const FUNCTIONS: [&str; 5] =
    ["ScoreFunctionName", "EmailFunctionName", "TickFunctionName", "AuditFunctionName", "FeedbackFunctionName"];

const FEEDBACK: DlqName = DlqName::Intake(IntakeQueue::Feedback);

/// How many are posted in all: `PULSE_POSTS=10000 cargo test --workspace --test stack intake -- --nocapture` for the
/// number that the README names, some minutes on a laptop.
static POSTS: LazyLock<usize> =
    LazyLock::new(|| process_variable("PULSE_POSTS").and_then(|posts| posts.parse().ok()).unwrap_or(200));

static STACK: OnceCell<DeployedStack> = OnceCell::const_new();

/// One test at a time: some switch the function off.
static TURN: Mutex<()> = Mutex::const_new(());

/// The stack, with every function on and nothing on its intake's queues, whatever became of the test before.
async fn stack() -> (MutexGuard<'static, ()>, &'static DeployedStack) {
    let turn = TURN.lock().await;
    let build = async || DeployedStack::build(shared(), "intake", "stack", Duration::from_millis(10)).await;
    let stack = STACK.get_or_init(build).await;
    set_concurrency(stack, &FUNCTIONS, None).await;
    for queue in ["FeedbackQueueUrl", "UnsubscribeQueueUrl", "FeedbackDlqUrl", "UnsubscribeDlqUrl"] {
        sdk::sqs_client(&stack.stack.aws).purge_queue().queue_url(stack.output(queue)).send().await.unwrap();
    }
    (turn, stack)
}

fn client(stack: &DeployedStack) -> IntakeClient {
    IntakeClient::new(&stack.stack.aws, stack.output("FeedbackApiId"))
}

async fn tokens(stack: &DeployedStack) -> UnsubscribeTokens {
    let keys = SecretStores::new(&stack.stack.aws).read(stack.output("KeysSecretName")).await.unwrap();
    UnsubscribeTokens::new(KeyRing::parse(&keys).expect("a ring"))
}

/// Has the functions run at most so many at once; `None` for as many as there may be.
async fn set_concurrency(stack: &DeployedStack, functions: &[&str], most: Option<i32>) {
    let client = sdk::lambda_client(&stack.stack.aws);
    for function in functions {
        let name = stack.output(function);
        match most {
            Some(most) => drop(
                client
                    .put_function_concurrency()
                    .function_name(name)
                    .reserved_concurrent_executions(most)
                    .send()
                    .await
                    .unwrap(),
            ),
            None => drop(client.delete_function_concurrency().function_name(name).send().await.unwrap()),
        }
    }
}

/// A customer with an entry that is open, and a profile that needs no schedule.
async fn known(stack: &DeployedStack, id: &str) -> Customer {
    let mut customer = customer(id);
    customer.mark.settled = true;
    assert!(stack.ledger().save_customer(&customer).await.unwrap());
    let entry = Entry::scheduled(entry_id(&customer.id), SystemClock.now() + Duration::from_hours(99), None);
    assert!(stack.ledger().open(&entry).await.unwrap());
    customer
}

async fn has_facts(stack: &DeployedStack, customer: &Customer) -> bool {
    let entry = stack.ledger().entry(&entry_id(&customer.id)).await.unwrap().expect("an entry");
    !entry.feedback().is_empty()
}

async fn is_opted_out(stack: &DeployedStack, customer: &Customer) -> bool {
    stack.ledger().customer(&customer.id).await.unwrap().expect("a profile").consent.opted_out()
}

fn percentile(sorted: &[Duration], percent: usize) -> Duration {
    sorted[(sorted.len() - 1) * percent / 100]
}

#[test]
fn with_every_function_off_each_post_is_taken_and_none_is_lost() {
    RUNTIME.block_on(async {
        let (_turn, stack) = stack().await;
        let (client, tokens) = (client(stack), tokens(stack).await);
        set_concurrency(stack, &FUNCTIONS, Some(0)).await;

        let ids: Vec<_> = (0..*POSTS).map(|n| format!("all-{n}")).collect();
        let customers: Vec<_> = stream::iter(&ids).map(|id| known(stack, id)).buffered(16).collect().await;
        let types = ["application/json", "application/x-www-form-urlencoded", "multipart/form-data"];
        let post = |n: usize, customer: &Customer, now: Timestamp| match n % 4 {
            0 => Post::mailgun(&customer.id, serde_json::json!({ "event": "delivered" }), now),
            1 => Post::marketing_cloud(&customer.id, now),
            2 => Post::partner(&customer.id, now),
            _ => Post::one_click(&tokens.token(&customer.id), types[n % 3]),
        };
        // Half of it are webhooks, and the emulator takes the stage's limit of 50 a second for every way: it doesn't know the
        // template's own 500 and 100 of each.
        let mut pace = interval(Duration::from_millis(11));
        pace.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let pace = Mutex::new(pace);
        let began = Instant::now();
        let posts = stream::iter(customers.iter().enumerate()).map(async |(n, customer)| {
            pace.lock().await.tick().await;
            let (post, sent) = (post(n, customer, SystemClock.now()), Instant::now());
            (client.post(&post).await.status(), sent.elapsed())
        });
        let answers: Vec<_> = posts.buffer_unordered(8).collect().await;
        let refused = answers.iter().filter(|(status, _)| *status != StatusCode::OK).count();
        assert_eq!(refused, 0, "{:?}", answers.iter().find(|(status, _)| *status != StatusCode::OK));
        let mut took: Vec<_> = answers.into_iter().map(|(_, took)| took).collect();
        took.sort();
        eprintln!(
            "{} POSTs in {:.1?}: p50 {:.1?}, p99 {:.1?}, the longest {:.1?}; none refused",
            took.len(),
            began.elapsed(),
            percentile(&took, 50),
            percentile(&took, 99),
            percentile(&took, 100)
        );
        let (feedback, unsubscribe) = (stack.depth("FeedbackQueueUrl").await, stack.depth("UnsubscribeQueueUrl").await);
        assert_eq!((feedback + unsubscribe, unsubscribe), (*POSTS, *POSTS / 4));

        set_concurrency(stack, &FUNCTIONS, None).await;
        let began = Instant::now();
        // Emptied by and by, each step in the time that everything has.
        for left in (0..*POSTS).step_by(1_000).collect::<Vec<_>>().into_iter().rev() {
            eventually(&format!("{left} are left to be read"), async || {
                let waiting = stack.depth("FeedbackQueueUrl").await + stack.depth("UnsubscribeQueueUrl").await;
                (waiting <= left).then_some(())
            })
            .await;
        }
        eprintln!("read within {:.1?}", began.elapsed());
        let lost = stream::iter(customers.iter().enumerate())
            .map(async |(n, customer)| {
                let is_there =
                    if n % 4 < 2 { has_facts(stack, customer).await } else { is_opted_out(stack, customer).await };
                (!is_there).then(|| customer.id.to_string())
            })
            .buffer_unordered(16)
            .filter_map(std::future::ready)
            .collect::<Vec<_>>()
            .await;
        assert_eq!(lost, Vec::<String>::new());
        for queue in ["FeedbackDlqUrl", "UnsubscribeDlqUrl"] {
            assert_eq!(stack.depth(queue).await, 0, "{queue}");
        }
    });
}

#[test]
fn what_scanners_of_links_ask_for_changes_nothing_and_the_page_asks() {
    RUNTIME.block_on(async {
        let (_turn, stack) = stack().await;
        let (client, tokens) = (client(stack), tokens(stack).await);
        set_concurrency(stack, &["FeedbackFunctionName"], Some(0)).await;
        let customer = known(stack, "scanned").await;
        let link = format!("/u/{}", tokens.token(&customer.id));
        let page = client.request(Method::GET, &link).await;
        assert_eq!(page.status(), StatusCode::OK);
        assert_eq!(page.headers()["content-type"], "text/html; charset=utf-8");
        assert!(page.headers().get("set-cookie").is_none() && page.headers().get("location").is_none());
        let page = page.text().await.unwrap();
        assert_eq!((page.matches("<form method=\"post\">").count(), page.matches("<button").count()), (1, 1));
        for language in ["Unsubscribe", "إلغاء الاشتراك", "配信を停止する"] {
            assert!(page.contains(language), "{language}");
        }
        for method in [Method::GET, Method::HEAD, Method::OPTIONS, Method::PUT, Method::PATCH, Method::DELETE] {
            for path in [&*link, "/hooks/mailgun", "/partners/crm"] {
                let answer = client.request(method.clone(), path).await;
                let is_page = path == link && [Method::GET, Method::HEAD].contains(&method);
                assert_eq!(answer.status() == StatusCode::OK, is_page, "{method} {path}: {}", answer.status());
            }
        }
        assert_eq!((stack.depth("FeedbackQueueUrl").await, stack.depth("UnsubscribeQueueUrl").await), (0, 0));
        assert!(!is_opted_out(stack, &customer).await);
        // Nor is anything taken that is of no known content type.
        let text = Post { headers: vec![("content-type", "text/plain".into())], ..Post::one_click("x", "") };
        assert_eq!(client.post(&text).await.status(), StatusCode::UNSUPPORTED_MEDIA_TYPE);
        set_concurrency(stack, &["FeedbackFunctionName"], None).await;
    });
}

#[test]
fn one_click_opts_out_in_every_content_type_and_nobody_else() {
    RUNTIME.block_on(async {
        let (_turn, stack) = stack().await;
        let (client, tokens) = (client(stack), tokens(stack).await);
        let neighbour = known(stack, "stays").await;
        let types = ["application/json", "application/x-www-form-urlencoded", "multipart/form-data"];
        for (n, content_type) in types.into_iter().enumerate() {
            let customer = known(stack, &format!("clicks-{n}")).await;
            let before = SystemClock.now();
            let answer = client.post(&Post::one_click(&tokens.token(&customer.id), content_type)).await;
            assert_eq!(answer.status(), StatusCode::OK, "{content_type}");
            assert!(answer.headers().get("set-cookie").is_none());
            assert!(answer.text().await.unwrap().contains("We have your request."));
            let opted_out = async || is_opted_out(stack, &customer).await.then_some(());
            eventually(&format!("{content_type} opts out"), opted_out).await;
            let consent = stack.ledger().customer(&customer.id).await.unwrap().unwrap().consent;
            let record = consent.record().cloned().expect("a record");
            assert!(record.as_of.is_some_and(|at| at + Duration::from_secs(1) >= before), "{record:?}");
            assert!(record.proof.is_some_and(|proof| proof.as_str().starts_with("One click, message ")));
        }
        // A token that another key made, with what would break a form.
        for token in [tokens.token(&neighbour.id).replace("stays", "stay"), "a%26MessageBody%3Dx%2B".to_owned()] {
            assert_eq!(client.post(&Post::one_click(&token, types[1])).await.status(), StatusCode::OK);
        }
        eventually("the forged ones are gone", async || (stack.depth("UnsubscribeQueueUrl").await == 0).then_some(()))
            .await;
        assert!(!is_opted_out(stack, &neighbour).await);
        assert_eq!(stack.depth("UnsubscribeDlqUrl").await, 0);
    });
}

#[test]
fn what_is_posted_comes_through_byte_for_byte_with_its_headers() {
    RUNTIME.block_on(async {
        let (_turn, stack) = stack().await;
        let client = client(stack);
        set_concurrency(stack, &["FeedbackFunctionName"], Some(0)).await;
        let body = "{\"a\": \"ünïcødé 日本語 \u{1F600} 100 % + & = ; # $input.body ${x} \\u0041\",\r\n\t\"b\": \"%41%0A+&MessageBody=x\"}\n";
        for (path, content_type) in [("hooks/mailgun", "application/json"), ("hooks/mailgun", "application/x-www-form-urlencoded"), ("partners/a%26b%3D%2B", "multipart/form-data; boundary=x")] {
            let headers = vec![("content-type", content_type.to_owned()), ("webhook-signature", "v1,a+b/c= v1,d&e".to_owned())];
            let post = Post { path: format!("/{path}"), headers, body: body.into() };
            assert_eq!(client.post(&post).await.status(), StatusCode::OK);
            let receive = sdk::sqs_client(&stack.stack.aws).receive_message().queue_url(stack.output("FeedbackQueueUrl"));
            let received = receive.message_attribute_names("All").send().await.unwrap();
            let message = received.messages().first().expect("a message");
            assert_eq!(message.body().and_then(|taken| taken.strip_prefix("v:")), Some(body), "{content_type}");
            let attributes = message.message_attributes().expect("attributes");
            let attribute = |name: &str| attributes[name].string_value().unwrap_or_default();
            let route = path.replace("%26", "&").replace("%3D", "=").replace("%2B", "+");
            assert_eq!(attribute("route"), route);
            assert_eq!((attribute("content-type"), attribute("webhook-signature")), (&*format!("v:{content_type}"), "v:v1,a+b/c= v1,d&e"));
            assert_eq!(attribute("webhook-id"), "v:");
            let receipt = message.receipt_handle().unwrap();
            let delete = sdk::sqs_client(&stack.stack.aws).delete_message().queue_url(stack.output("FeedbackQueueUrl"));
            delete.receipt_handle(receipt).send().await.unwrap();
        }
        set_concurrency(stack, &["FeedbackFunctionName"], None).await;
    });
}

#[test]
fn what_sqs_takes_from_nobody_is_the_callers_fault_and_nobody_is_alarmed() {
    RUNTIME.block_on(async {
        let (_turn, stack) = stack().await;
        let client = client(stack);
        set_concurrency(stack, &["FeedbackFunctionName"], Some(0)).await;
        for (path, is_page) in [("/hooks/mailgun", false), ("/partners/crm", false), ("/u/x", true)] {
            let post = |body: String| Post { path: path.into(), body, ..Post::one_click("x", "application/json") };
            assert_eq!(client.post(&post(String::new())).await.status(), StatusCode::OK, "{path}: nothing");
            let most = post("x".repeat(1 << 20));
            for too_much in [post("\u{1}".into()), post("{\"a\": \"\u{0}\"}".into()), most] {
                let answer = client.post(&too_much).await.status();
                // All that /u takes of a request is its path.
                let expected = if is_page { StatusCode::OK } else { StatusCode::BAD_REQUEST };
                assert_eq!(answer, expected, "{path}: {} bytes", too_much.body.len());
            }
        }
        let waiting = (stack.depth("FeedbackQueueUrl").await, stack.depth("UnsubscribeQueueUrl").await);
        assert_eq!(waiting, (2, 4));
        set_concurrency(stack, &["FeedbackFunctionName"], None).await;
        let empty = async || (stack.depth("FeedbackQueueUrl").await == 0).then_some(());
        eventually("what nobody signed is dropped, be it empty", empty).await;
        assert_eq!(look(stack, FEEDBACK).await.looked_at, 0);
    });
}

#[test]
fn a_callback_of_marketing_cloud_is_verified_if_the_secret_names_it_and_no_other() {
    RUNTIME.block_on(async {
        let (_turn, stack) = stack().await;
        let client = client(stack);
        for callback in [CALLBACK, "someone-elses"] {
            let post = Post::verification(&stack.mail.ask_to_verify(callback));
            assert_eq!(client.post(&post).await.status(), StatusCode::OK);
        }
        eventually("it is verified", async || stack.mail.is_verified(CALLBACK).then_some(())).await;
        let empty = async || (stack.depth("FeedbackQueueUrl").await == 0).then_some(());
        eventually("the other one is dropped", empty).await;
        assert!(!stack.mail.is_verified("someone-elses"));
    });
}

#[test]
fn a_partner_moves_a_customer_and_what_is_older_or_repeated_does_not() {
    RUNTIME.block_on(async {
        let (_turn, stack) = stack().await;
        let (client, customer) = (client(stack), customer("moves"));
        stack.enroll(std::slice::from_ref(&customer)).await;
        let (ledger, schedules) = (stack.ledger(), stack.stack.schedules().unwrap());
        let zone_of = async || ledger.customer(&customer.id).await.unwrap().expect("a profile").zone.to_string();
        let slot = async || schedules.get(&customer.id).await.unwrap().expect("a schedule").slot;
        let change = async |sequence: u64, zone: &str| {
            let facts = serde_json::json!({ "time_zone": zone });
            let post = Post::partner_change(&customer.id, sequence, &facts, SystemClock.now());
            assert_eq!(client.post(&post).await.status(), StatusCode::OK);
        };
        let empty = async || (stack.depth("FeedbackQueueUrl").await == 0).then_some(());

        let before = slot().await;
        change(8, "Asia/Tokyo").await;
        eventually("they live in Tokyo", async || (zone_of().await == "Asia/Tokyo").then_some(())).await;
        eventually("it is read", empty).await;
        let moved = slot().await;
        let tokyo = Zone::parse("Asia/Tokyo").unwrap();
        assert_eq!(moved, Slot::of_sign_up(&customer.id, customer.signed_up_at, &tokyo));
        assert_ne!(moved, before);
        let profile = ledger.customer(&customer.id).await.unwrap();
        change(8, "Asia/Tokyo").await;
        change(7, "America/New_York").await;
        eventually("they are read", empty).await;
        assert_eq!((ledger.customer(&customer.id).await.unwrap(), slot().await), (profile, moved.clone()));
        assert_eq!(look(stack, FEEDBACK).await.looked_at, 0);
        change(9, "America/New_York").await;
        eventually("they live in New York", async || (slot().await != moved).then_some(())).await;
    });
}

#[test]
fn a_domain_of_its_own_leads_to_the_api_and_a_queue_that_is_gone_is_nobodys_fault() {
    RUNTIME.block_on(async {
        let certificate = "arn:aws:acm:eu-central-1:000000000000:certificate/4a9e2f2c-7b1d-4d57-9f0e-2b8f5a1c3d6e";
        let parameters = [("FeedbackDomain", "mail.example.com"), ("FeedbackCertificateArn", certificate)];
        let latency = Duration::from_millis(10);
        let stack = DeployedStack::build_with(shared(), "intake-domain", "stack", latency, &parameters).await;
        assert_eq!(stack.output("FeedbackUrl"), "https://mail.example.com");
        assert!(stack.output("FeedbackDomainTarget").starts_with("mail.example.com.execute-api."));
        set_concurrency(&stack, &["FeedbackFunctionName"], Some(0)).await;
        // As DNS would have it: the name is what tells the API.
        let endpoint = stack.stack.aws.endpoint_url().expect("an emulator");
        let client = IntakeClient::at(endpoint.trim_end_matches('/').to_owned());
        let by_name = |mut post: Post| {
            post.headers.push(("host", "mail.example.com".into()));
            post
        };
        let customer = known(&stack, "named").await;
        let post = by_name(Post::marketing_cloud(&customer.id, SystemClock.now()));
        assert_eq!(client.post(&post).await.status(), StatusCode::OK);
        let click = by_name(Post::one_click(&tokens(&stack).await.token(&customer.id), "multipart/form-data"));
        assert_eq!(client.post(&click).await.status(), StatusCode::OK);
        assert_eq!((stack.depth("FeedbackQueueUrl").await, stack.depth("UnsubscribeQueueUrl").await), (1, 1));

        let queue = stack.output("FeedbackQueueUrl");
        sdk::sqs_client(&stack.stack.aws).delete_queue().queue_url(queue).send().await.unwrap();
        for body in [post.body.clone(), String::new()] {
            let answer = client.post(&Post { body, ..post.clone() }).await.status();
            assert_eq!(answer, StatusCode::SERVICE_UNAVAILABLE);
        }
    });
}

async fn look(stack: &DeployedStack, dlq: DlqName) -> DeadLetterReport {
    let (letters, ledger) = (stack.stack.dead_letters(dlq).unwrap(), stack.ledger());
    Survey { letters: &*letters, ledger: &ledger, deliveries: &ledger, intake: &UnsignedReader }
        .look(1_000, &|| false)
        .await
        .unwrap()
}

async fn redrive(stack: &DeployedStack, dlq: DlqName) -> Redriven {
    let (letters, ledger) = (stack.stack.dead_letters(dlq).unwrap(), stack.ledger());
    let redrive = Redrive {
        letters: &*letters,
        queue: None,
        ledger: &ledger,
        deliveries: &ledger,
        sleeper: &SystemClock,
        intake: &UnsignedReader,
    };
    redrive.run(&RedriveOrder::default(), &mut |_| {}, &|| false).await.unwrap()
}

/// A version that can read nothing, of a stack that gives up after one try.
async fn that_reads_nothing() -> DeployedStack {
    let stack = DeployedStack::build(shared(), "unread", "stack", Duration::from_millis(10)).await;
    let mut unreading: Packages = packages("stack").clone();
    unreading.insert("feedback".into(), Package::of(program("stack", "unreading-feedback")).expect("packed"));
    stack.deploy(&unreading).await;
    stack.set_variables("FeedbackFunctionName", &[("MAX_RECEIVE_COUNT", "1")]).await;
    let client = sdk::sqs_client(&stack.stack.aws);
    for queue in ["FeedbackQueueUrl", "UnsubscribeQueueUrl"] {
        let url = stack.output(queue);
        let name = QueueAttributeName::RedrivePolicy;
        let found = client.get_queue_attributes().queue_url(url).attribute_names(name.clone()).send().await.unwrap();
        let mut policy: serde_json::Value = serde_json::from_str(&found.attributes().unwrap()[&name]).unwrap();
        policy["maxReceiveCount"] = 1.into();
        client.set_queue_attributes().queue_url(url).attributes(name, policy.to_string()).send().await.unwrap();
    }
    stack
}

#[test]
fn what_a_release_cannot_read_stays_by_cause_and_is_read_once_the_code_is_mended() {
    RUNTIME.block_on(async {
        let stack = that_reads_nothing().await;
        let (client, tokens) = (client(&stack), tokens(&stack).await);
        let (bounced, clicked, delivered) =
            (known(&stack, "bounced").await, known(&stack, "clicked").await, known(&stack, "delivered").await);
        let event = serde_json::json!({ "event": "failed", "severity": "permanent", "reason": "bounce", "delivery-status": { "code": 550, "enhanced-code": "5.1.1" } });
        let posts = [
            Post::mailgun(&bounced.id, event, SystemClock.now()),
            Post::one_click(&tokens.token(&clicked.id), "multipart/form-data"),
            // Signed, and of a form that nobody reads.
            Post::mailgun(&bounced.id, serde_json::json!({ "event": 7, "recipient": "secret@example.com" }), SystemClock.now()),
        ];
        for post in &posts {
            assert_eq!(client.post(post).await.status(), StatusCode::OK);
        }
        stack.send("FeedbackQueueUrl", &ses_delivery(&delivered.id, SystemClock.now())).await;
        let (feedback, clicks) = (FEEDBACK, DlqName::Intake(IntakeQueue::Unsubscribe));
        let report = eventually("all are dead", async || {
            let (report, others) = (look(&stack, feedback).await, look(&stack, clicks).await);
            (report.looked_at == 3 && others.looked_at == 1).then_some(report)
        })
        .await;
        let causes: Vec<_> = report.causes.iter().map(|group| (group.count, group.cause.as_str())).collect();
        assert_eq!(causes.len(), 2, "{causes:?}");
        assert!(causes[0].0 == 2 && causes[0].1.starts_with("This release can read it"), "{causes:?}");
        assert_eq!(causes[1], (1, "It can't be read: event-data has no event."));
        assert!(!serde_json::to_string(&report).unwrap().contains("example.com"));

        stack.deploy(packages("stack")).await;
        let (back, others) = (redrive(&stack, feedback).await, redrive(&stack, clicks).await);
        assert_eq!((back.redriven, back.stuck.len(), others.redriven), (2, 1, 1), "{back:?}");
        for customer in [&bounced, &delivered] {
            eventually("it is on the ledger", async || has_facts(&stack, customer).await.then_some(())).await;
        }
        eventually("who clicked is opted out", async || is_opted_out(&stack, &clicked).await.then_some(())).await;
        let left = look(&stack, feedback).await;
        assert_eq!((left.looked_at, left.causes[0].cause.as_str()), (1, "It can't be read: event-data has no event."));
    });
}

#[test]
fn what_nobody_signed_dies_and_an_event_of_ses_needs_no_signature() {
    RUNTIME.block_on(async {
        let (_turn, stack) = stack().await;
        let client = client(stack);
        let (forged, told) = (known(stack, "forged").await, known(stack, "told").await);
        let now = SystemClock.now();
        let delivered = || serde_json::json!({ "event": "delivered" });
        let tampered = |post: Post, from: &str, to: &str| Post { body: post.body.replace(from, to), ..post };
        let posts = [
            tampered(Post::mailgun(&forged.id, delivered(), now), "\"signature\":\"", "\"signature\":\"00"),
            tampered(Post::marketing_cloud(&forged.id, now), "EmailSent", "EmailBounced"),
            tampered(Post::partner(&forged.id, now), "\"sequence\":7", "\"sequence\":8"),
            Post { path: "/partners/other".into(), ..Post::partner(&forged.id, now) },
        ];
        for post in &posts {
            assert_eq!(client.post(post).await.status(), StatusCode::OK);
        }
        stack.send("FeedbackQueueUrl", &ses_delivery(&told.id, now)).await;
        eventually("SES's event is read", async || has_facts(stack, &told).await.then_some(())).await;
        eventually("the queue is empty", async || (stack.depth("FeedbackQueueUrl").await == 0).then_some(())).await;
        assert!(!has_facts(stack, &forged).await && !is_opted_out(stack, &forged).await);
        // What a signature that doesn't cover its event counts for, whichever instance asks.
        for (content, counts) in [("one", true), ("one", true), ("other", false), ("one", true)] {
            let until = now + Duration::from_hours(9);
            assert_eq!(stack.ledger().remember_token("a-digest", content, until).await, Ok(counts), "{content}");
        }
        assert_eq!(look(stack, FEEDBACK).await.looked_at, 0);
    });
}
