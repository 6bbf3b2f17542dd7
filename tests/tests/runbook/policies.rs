//! What people may do: each command is run with the policy that infra/configuration.md names for it, and fails without it;
//! and each statement of the policies is there because a command takes it.

use std::{collections::BTreeMap, fs, path::Path, time::Duration};

use pulse_aws::{clock::SystemClock, sdk};
use pulse_core::{
    customer::Customer,
    entry::{Entry, EntryId, StageName},
    failure::Cause,
    message::WorkMessage,
    ports::{Activity, Clock as _, Ledger as _, Schedules as _},
    run::RunId,
    score::{Band, Score, ScoreValue},
};
use pulse_tests::{
    deployed_stack::DeployedStack,
    emulator::{shared, workspace},
    in_memory_stack::customer,
    template::{Template, policies::statements},
};

use serde_json::Value;

use super::{
    RUNTIME,
    operator::{Keys, Said, pulse_as},
    stack,
};

const ROSTER: &str = "id,name,email,product,balance,currency,locale,time_zone,signed_up_at,status,opted_out\n\
                      new-1,Ada,ada@example.com,loan,12.50,EUR,en-IE,,2024-05-10T14:41:00+01:00,active,no\n";

/// A stack with customers for every command.
pub(super) struct Office {
    pub(super) stack: DeployedStack,
    folder: tempfile::TempDir,
    run: RunId,
}

impl Office {
    pub(super) async fn open(name: &str) -> Self {
        Box::pin(Self::opened(name)).await
    }

    async fn opened(name: &str) -> Self {
        let stack = stack(name).await;
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("roster.csv"), ROSTER).unwrap();
        fs::write(folder.path().join("spring.en.txt"), "Subject: Spring\n\nSpring is here.").unwrap();
        let customers = ["c-1", "c-2", "c-3", "c-4"].map(customer);
        stack.enroll(&customers).await;
        let run = stack.ledger().entries(&customers[0].id).await.unwrap()[0].id().run;
        let office = Self { stack, folder, run };
        // It would do within a minute what a command was denied.
        office.stack.set_variables("TickFunctionName", &[("TABLE_NAME", "nowhere")]).await;
        Box::pin(office.send_without_an_answer(&customers[2])).await;
        let what = "They rang.".to_owned();
        let note = Activity { customer: customers[2].id.clone(), at: SystemClock.now(), what };
        office.stack.ledger().note(&note).await.unwrap();
        office.stack.send("ScoreDlqUrl", &WorkMessage::schedule_input(&customers[3].id)).await;
        office
    }

    /// Puts an entry of long ago on the ledger of whose mail it isn't known whether it was accepted.
    async fn send_without_an_answer(&self, customer: &Customer) {
        let (ledger, now) = (self.stack.ledger(), SystemClock.now());
        let id = EntryId::of(customer.id.clone(), RunId::parse("2020-01").unwrap());
        let entry = Entry::scheduled(id, now, None);
        ledger.open(&entry).await.unwrap();
        let score = Score { value: ScoreValue::parse(700).unwrap(), band: Band::parse("good").unwrap(), as_of: now };
        let claimed = entry.claim(StageName::Score, now, now).unwrap();
        let scored = claimed.clone().into_after().record_score(score, now).unwrap();
        let sending = scored.clone().into_after().claim(StageName::Email, now, now).unwrap();
        let lost = sending.clone().into_after().mark_indeterminate(Cause::new("No answer."), now, None).unwrap();
        for change in [claimed, scored, sending, lost] {
            ledger.apply(&change).await.unwrap();
        }
    }

    /// Types a command, in which FOLDER and RUN stand for what they are here.
    async fn type_as(&self, keys: &Keys, line: &str) -> Said {
        let (folder, run) = (self.folder.path().to_str().unwrap(), self.run.to_string());
        let words = line.split(' ').map(|word| word.replace("FOLDER", folder).replace("RUN", &run));
        let words: Vec<_> = words.collect();
        pulse_as(keys, &self.stack, &words.iter().map(String::as_str).collect::<Vec<_>>()).await
    }

    fn policy(&self, name: &str) -> &str {
        self.stack.output(&format!("{name}Arn"))
    }

    /// A change of lanes waits for as long as an invocation may take.
    async fn let_invocations_be_short(&self) {
        let client = sdk::lambda_client(&self.stack.stack.aws);
        for function in ["ScoreFunctionName", "EmailFunctionName"] {
            let update = client.update_function_configuration().function_name(self.stack.output(function));
            update.timeout(1).send().await.unwrap();
        }
    }
}

/// What `pulse doctor` finds with someone's policies.
async fn found_by_the_doctor(office: &Office, keys: &Keys) -> Vec<Value> {
    let said = office.type_as(keys, "doctor --json").await;
    serde_json::from_str(&said.text).unwrap_or_else(|error| panic!("{error}: {}", said.text))
}

/// What it couldn't find out, by its own words. The emulator has no Service Quotas, whoever asks.
fn unknown(found: &[Value]) -> Vec<String> {
    let unknown = found.iter().filter(|finding| finding["finding"] == "unknown");
    unknown.map(|finding| finding["why"].to_string()).filter(|why| !why.contains("Service Quotas")).collect()
}

#[test]
fn the_doctor_takes_looking_and_a_policy_of_its_own() {
    RUNTIME.block_on(async {
        let office = Office::open("doctor").await;
        let policies = [office.policy("ReadOnlyPolicy"), office.policy("DoctorPolicy")].join(",");
        let doctor = Keys::of_someone_with("doctor", &policies, None).await;
        let found = found_by_the_doctor(&office, &doctor).await;
        assert_eq!(unknown(&found), [""; 0]);
        let about = |name: &str| found.iter().find(|finding| finding["finding"] == name).cloned().unwrap_or_default();
        assert_eq!(about("allowed")["policy"], "read-only", "{found:?}");
        assert_eq!(about("denied")["policy"], "operator", "{found:?}");
        let denied = about("denied")["actions"].to_string();
        assert!(denied.contains("scheduler:CreateSchedule") && !denied.contains("dynamodb:Query"), "{denied}");
        for sid in
            ["ExamineTheAccount", "ExamineTheScheduleGroup", "ReadPolicies", "ExaminePermissions", "TryFunctions"]
        {
            let keys = Keys::of_someone_with(&format!("doctor-no-{sid}"), &policies, Some(sid)).await;
            let unknown = unknown(&found_by_the_doctor(&office, &keys).await);
            assert!(unknown.iter().any(|why| why.contains(&format!("{sid} of DoctorPolicy"))), "{sid}: {unknown:?}");
        }
    });
}

/// Commands that look, by what the table in infra/configuration.md calls them.
const LOOKING: [(&str, &str); 13] = [
    ("status", "status"),
    ("why", "why --json"),
    ("customer", "customer c-1"),
    ("suppressions", "suppressions"),
    ("dlq", "dlq"),
    ("deliveries", "deliveries --failed"),
    ("endpoint list", "endpoint list"),
    ("run list", "run list"),
    ("settle", "settle"),
    ("audit", "audit --deep"),
    ("lanes", "lanes"),
    ("orders", "orders"),
    ("preview", "preview c-1 --score 700 --band good --out FOLDER"),
];

/// Commands that change something, in an order in which each has something to do.
const CHANGING: [(&str, &str); 23] = [
    ("enroll", "enroll FOLDER/roster.csv"),
    ("opt-out", "opt-out c-1 --note asked"),
    ("unenroll", "unenroll c-2"),
    ("audit --repair", "audit --repair"),
    ("pause", "pause score --note drill --no-wait"),
    ("replay", "replay c-1 --run RUN"),
    ("replay --again", "replay c-1 --run RUN --again --force --note asked"),
    ("redrive", "redrive score --detach"),
    ("redrive --direct", "redrive score --direct"),
    ("settle .. --sent", "settle c-3 --run 2020-01 --sent id-1 --note seen"),
    ("resume", "resume score"),
    ("suppressions .. --add", "suppressions gone@example.com --add --note asked"),
    ("lanes .. N", "lanes score 24"),
    ("export", "export c-1 --output FOLDER/c-1.json"),
    ("endpoint add .. --bus", "endpoint add warehouse --bus default --facts sent,bounced"),
    ("endpoint change", "endpoint change warehouse --facts all --lanes 8"),
    ("endpoint pause", "endpoint pause warehouse --note moving"),
    ("endpoint resume", "endpoint resume warehouse --note moved"),
    ("endpoint remove", "endpoint remove warehouse --yes"),
    ("run start", "run start spring --all --letter FOLDER/spring.en.txt"),
    ("run pause", "run pause spring --note drill"),
    ("run resume", "run resume spring"),
    ("run cancel", "run cancel spring --note drill"),
];

/// Commands about what is personal, which take a policy beside the operators'.
const PRIVATE: [(&str, &str); 2] = [
    ("suppressions .. --release", "suppressions gone@example.com --release --note back"),
    ("forget", "forget c-1 --note asked --yes"),
];

/// Commands about endpoints' keys, which take a policy beside the operators'.
const KEYS: [(&str, &str); 6] = [
    ("endpoint add .. --url", "endpoint add crm --url https://hooks.example/pulse --facts all"),
    ("endpoint rotate", "endpoint rotate crm"),
    ("endpoint rotate", "endpoint rotate crm --finish"),
    ("endpoint add .. --url", "endpoint add desk --url https://hooks.example/pulse --facts all --parameter"),
    ("endpoint rotate", "endpoint rotate desk"),
    ("endpoint rotate", "endpoint rotate desk --finish"),
];

#[test]
fn endpoints_keys_and_tests_take_a_policy_of_their_own() {
    RUNTIME.block_on(async {
        let office = Office::open("endpoints").await;
        let operator = Keys::of_someone_with("no-keys", office.policy("OperatorPolicy"), None).await;
        let both = [office.policy("OperatorPolicy"), office.policy("EndpointPolicy")].join(",");
        let keeper = Keys::of_someone_with("keeper", &both, None).await;
        for (_, line) in KEYS {
            let said = office.type_as(&operator, line).await;
            assert_eq!(said.status, 1, "pulse {line}: {}", said.text);
            let statement = if line.contains("desk") { "KeepEndpointParameters" } else { "KeepEndpointKeys" };
            assert!(said.text.contains(&format!("{statement} of EndpointPolicy in template.yaml")), "{}", said.text);
            let said = office.type_as(&keeper, line).await;
            assert_eq!(said.status, 0, "pulse {line}: {}", said.text);
            assert!(!said.text.contains("whsec_") && !said.text.contains("/pulse "), "{}", said.text);
        }
        let said = office.type_as(&operator, "endpoint test crm").await;
        assert!(said.status == 1 && said.text.contains("TestEndpoints of EndpointPolicy"), "{}", said.text);
        // There is no such host: that is the endpoint's trouble, and nobody's permission.
        let said = office.type_as(&keeper, "endpoint test crm").await;
        assert!(said.status == 1 && said.text.contains("crm didn't take word of nothing"), "{}", said.text);
    });
}

#[test]
fn looking_takes_the_read_only_policy_and_changing_the_operator_s() {
    RUNTIME.block_on(async {
        let office = Office::open("policies").await;
        let reader = Keys::of_someone_with("reader", office.policy("ReadOnlyPolicy"), None).await;
        let nobody = Keys::of_someone_with("nobody", "none", None).await;
        for (_, line) in LOOKING {
            let said = office.type_as(&nobody, line).await;
            assert_eq!(said.status, 1, "pulse {line}: {}", said.text);
            assert!(
                said.text.contains("of ReadOnlyPolicy in template.yaml (output ReadOnlyPolicyArn)"),
                "{}",
                said.text
            );
            let said = office.type_as(&reader, line).await;
            assert_eq!(said.status, 0, "pulse {line}: {}", said.text);
        }
        let operator = Keys::of_someone_with("operator", office.policy("OperatorPolicy"), None).await;
        let schedules = office.stack.stack.schedules().unwrap();
        schedules.delete(&customer("c-4").id).await.unwrap();
        office.let_invocations_be_short().await;
        for (_, line) in CHANGING {
            let said = office.type_as(&reader, line).await;
            assert!([1, 4].contains(&said.status), "pulse {line}: {}", said.text);
            assert!(said.text.contains("of OperatorPolicy in template.yaml") || said.status == 4, "{}", said.text);
            let said = office.type_as(&operator, line).await;
            assert_eq!(said.status, 0, "pulse {line}: {}", said.text);
        }
        assert!(schedules.get(&customer("c-4").id).await.unwrap().is_some(), "it was repaired by the operator");
        let both = [office.policy("OperatorPolicy"), office.policy("PrivacyPolicy")].join(",");
        let private = Keys::of_someone_with("private", &both, None).await;
        for (_, line) in PRIVATE {
            let said = office.type_as(&operator, line).await;
            assert!(said.text.contains("of PrivacyPolicy in template.yaml") || said.status == 0, "{}", said.text);
            let said = office.type_as(&private, line).await;
            assert_eq!(said.status, 0, "pulse {line}: {}", said.text);
        }
    });
}

#[test]
fn each_statement_is_there_for_a_command() {
    RUNTIME.block_on(async {
        let office = Office::open("statements").await;
        office.let_invocations_be_short().await;
        let takes = BTreeMap::from([
            ("FindTheStack", "status"),
            ("ReadTheLedger", "status"),
            ("SeeHowFullQueuesAre", "status"),
            ("ListSchedules", "audit"),
            ("WriteTheLedger", "pause score --note drill --no-wait"),
            ("ReadKeys", "suppressions gone@example.com"),
            ("QueueAgain", "replay c-1 --run RUN --again --force --note asked"),
            ("EmptyDeadLetterQueues", "redrive score --direct"),
            ("HoldStages", "pause score --note drill --no-wait"),
            ("SeeWhatCanBeReserved", "lanes score 24 --dry-run"),
            ("SetLanes", "lanes score 24"),
            ("MakeAndMendSchedules", "enroll FOLDER/roster.csv"),
            ("HandSchedulesTheirRole", "enroll FOLDER/roster.csv"),
        ]);
        for (_, sid, _) in
            statements(&Template::shipped().unwrap()).into_iter().filter(|(of, ..)| of == "OperatorPolicy")
        {
            if ["DecryptKeys", "DecryptKeysParameter", "ReadKeysParameter"].contains(&sid.as_str()) {
                continue; // This stack's keys are a secret and no parameter, under no key of its own.
            }
            if sid == "BeginOnOrders" {
                // Whoever hasn't that gives orders all the same.
                let keys = Keys::of_someone_with("no-BeginOnOrders", office.policy("OperatorPolicy"), Some(&sid)).await;
                let said = office.type_as(&keys, "redrive score --detach").await;
                assert!(said.status == 0 && said.text.contains("it begins within a minute"), "{}", said.text);
                continue;
            }
            let line = takes.get(sid.as_str()).unwrap_or_else(|| panic!("no command takes {sid}"));
            let keys = Keys::of_someone_with(&format!("no-{sid}"), office.policy("OperatorPolicy"), Some(&sid)).await;
            let said = office.type_as(&keys, line).await;
            assert_eq!(said.status, 1, "pulse {line} without {sid}: {}", said.text);
            assert!(said.text.contains(&format!(" {sid} of ")), "pulse {line} without {sid}: {}", said.text);
        }
        let line = "forget c-3 --note asked --yes";
        let keys = Keys::of_someone_with("no-EraseNotes", office.policy("OperatorPolicy"), None).await;
        let said = office.type_as(&keys, line).await;
        assert_eq!(said.status, 1, "pulse {line}: {}", said.text);
        assert!(said.text.contains("EraseNotes of PrivacyPolicy"), "pulse {line}: {}", said.text);
    });
}

#[test]
fn an_address_is_released_at_ses_by_a_statement_of_its_own() {
    RUNTIME.block_on(async {
        let parameters = [("MailProvider", "ses"), ("SesRate", "10")];
        let latency = Duration::from_millis(50);
        let stack = DeployedStack::build_with(shared(), "release", "runbook", latency, &parameters).await;
        let policy = stack.output("OperatorPolicyArn");
        let keys = Keys::of_someone_with("no-ReleaseAtSes", policy, None).await;
        let line = ["suppressions", "gone@example.com", "--release", "--note", "back"];
        let said = pulse_as(&keys, &stack, &line).await;
        assert_eq!(said.status, 1, "{}", said.text);
        assert!(
            said.text.contains("Nothing was released: SES refuses") && !said.text.contains("gone@"),
            "{}",
            said.text
        );
        assert!(said.text.contains("it takes ReleaseAtSes of PrivacyPolicy"), "{}", said.text);
    });
}

#[test]
fn the_table_of_commands_names_the_policy_of_each() {
    let page = fs::read_to_string(Path::new(workspace().root()).join("infra/configuration.md")).unwrap();
    for (policy, commands) in [
        ("ReadOnlyPolicy", &LOOKING[..]),
        ("OperatorPolicy", &CHANGING[..]),
        ("PrivacyPolicy", &PRIVATE[..]),
        ("EndpointPolicy", &KEYS[..]),
        ("EndpointPolicy", &[("endpoint test", "")]),
        ("DoctorPolicy", &[("run test", "")]),
        ("ReadOnlyPolicy", &[("run show", "")]),
    ] {
        let row = page.lines().find(|line| line.starts_with(&format!("| `{policy}`"))).expect("a row of the table");
        for (name, _) in commands {
            assert!(row.contains(&format!("`{name}`")), "{policy} doesn't list `{name}`");
        }
    }
}
