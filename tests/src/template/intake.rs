//! The intake: who may put something on its queues, and that the API takes everything in whole, and for the queues alone.

use serde_json::{Value, json};

use super::{Template, arn_of, reference};

/// Content types in which mail clients unsubscribe (RFC 8058, 3.1, asks for the last), and providers and partners post.
const TYPES: [&str; 3] = ["application/json", "application/x-www-form-urlencoded", "multipart/form-data"];

/// Each way in, with its parameter and its queue.
const WAYS: [(&str, &str, &str); 3] =
    [("Hooks", "provider", "Feedback"), ("Partners", "name", "Feedback"), ("Unsubscribe", "token", "Unsubscribe")];

/// What has the caller told of what SQS can't take for what is in it. All else is no fault of theirs.
const BLAME: &str = "#set($code = $input.path('$.Error.Code'))\n\
    #if($code == 'InvalidMessageContents' || $code == 'InvalidParameterValue')\n\
    #set($context.responseOverride.status = 400)\n\
    #end\n";

/// SQS refuses a message with more (Amazon SQS Developer Guide, "Amazon SQS message metadata").
const MOST_ATTRIBUTES: usize = 10;

/// SES alone may publish to the topic, of this account and its configuration set; the topic alone may put messages on the
/// feedback queue, as they are; and the API's role on both queues, and nowhere else.
#[must_use]
pub fn topics_and_api_alone_put_in(template: &Template) -> Vec<String> {
    let mut problems = Vec::new();
    let mut hold = |what: &str, holds: bool| {
        if !holds {
            problems.push(what.to_owned());
        }
    };
    let properties = |id: &str| template.at(&format!("/Resources/{id}/Properties")).cloned().unwrap_or_default();
    let publish = &properties("MailEventsTopicPolicy")["PolicyDocument"]["Statement"][0];
    let limits = &publish["Condition"]["StringEquals"];
    let sources = json!([
        "arn:${AWS::Partition}:ses:${AWS::Region}:${AWS::AccountId}:configuration-set/${Set}",
        { "Set": { "Fn::If": ["MakesConfigurationSet", { "Ref": "MailEvents" }, { "Ref": "SesConfigurationSet" }] } },
    ]);
    hold(
        "anybody but SES may publish to the topic",
        publish["Principal"] == json!({ "Service": "ses.amazonaws.com" })
            && publish["Action"] == "sns:Publish"
            && reference(&publish["Resource"]) == Some("MailEventsTopic")
            && limits["aws:SourceAccount"]["Ref"] == "AWS::AccountId"
            && limits["aws:SourceArn"]["Fn::Sub"] == sources,
    );
    let destination = &properties("MailEventsToTopic")["EventDestination"];
    let events = json!(["delivery", "bounce", "complaint", "reject", "deliveryDelay"]);
    hold(
        "the configuration set doesn't publish what is read to the topic",
        destination["MatchingEventTypes"] == events
            && destination["Enabled"] == true
            && reference(&destination["SnsDestination"]["TopicARN"]) == Some("MailEventsTopic"),
    );
    let subscription = properties("MailEventsSubscription");
    hold(
        "the topic doesn't hand events over raw to the feedback queue, and what it can't to its dead letters",
        subscription["RawMessageDelivery"] == true
            && subscription["Protocol"] == "sqs"
            && reference(&subscription["TopicArn"]) == Some("MailEventsTopic")
            && arn_of(&subscription["Endpoint"]) == Some("FeedbackQueue")
            && arn_of(&subscription["RedrivePolicy"]["deadLetterTargetArn"]) == Some("FeedbackDlq"),
    );
    for queue in ["FeedbackQueue", "FeedbackDlq"] {
        let policy = properties(&format!("{queue}Policy"));
        let statements = policy["PolicyDocument"]["Statement"].as_array().cloned().unwrap_or_default();
        let allowed: Vec<_> = statements.iter().filter(|statement| statement["Effect"] == "Allow").collect();
        let of_the_topic = json!({ "ArnEquals": { "aws:SourceArn": { "Ref": "MailEventsTopic" } } });
        hold(
            &format!("{queue} lets in others than the topic"),
            allowed.len() == 1
                && allowed[0]["Principal"] == json!({ "Service": "sns.amazonaws.com" })
                && allowed[0]["Action"] == "sqs:SendMessage"
                && arn_of(&allowed[0]["Resource"]) == Some(queue)
                && allowed[0]["Condition"] == of_the_topic,
        );
    }
    let role = &properties("IntakeRole")["Policies"];
    let statement = &role[0]["PolicyDocument"]["Statement"];
    let queues: Vec<_> = statement[0]["Resource"].as_array().into_iter().flatten().filter_map(arn_of).collect();
    hold(
        "the API's role may do more than put messages on the intake's queues",
        role.as_array().is_some_and(|policies| policies.len() == 1)
            && statement.as_array().is_some_and(|statements| statements.len() == 1)
            && statement[0]["Action"] == "sqs:SendMessage"
            && queues == ["FeedbackQueue", "UnsubscribeQueue"],
    );
    problems
}

/// POST alone writes, of each content type and of no other; what is sent is encoded, and a header that isn't there is no
/// empty value, nor is a body; whatever SQS refuses is for the caller to try again, but for what can never be taken; and each way in is throttled and logs nothing.
#[must_use]
pub fn each_way_in_is_taken_whole(template: &Template) -> Vec<String> {
    let mut problems = Vec::new();
    for (id, method) in template.resources("AWS::ApiGateway::Method") {
        let integration = &method["Integration"];
        let writes = integration["Type"] != "MOCK";
        if writes != (method["HttpMethod"] == "POST") {
            problems.push(format!("{id} is a {} and writes: {writes}", method["HttpMethod"]));
        }
        if integration["PassthroughBehavior"] != "NEVER" {
            problems.push(format!("{id} takes what no template is for"));
        }
    }
    for (id, parameter, queue) in WAYS {
        let post = template.at(&format!("/Resources/{id}Post/Properties")).cloned().unwrap_or_default();
        problems.extend(post_problems(id, parameter, queue, &post));
    }
    let stage = template.at("/Resources/IntakeStage/Properties").cloned().unwrap_or_default();
    if stage["AccessLogSetting"].is_object() {
        problems.push("the API logs paths, which have tokens in them".into());
    }
    let settings = stage["MethodSettings"].as_array().cloned().unwrap_or_default();
    for path in ["/*", "/~1hooks~1{provider}", "/~1partners~1{name}", "/~1u~1{token}"] {
        let fits = settings.iter().any(|setting| {
            let rate = setting["ThrottlingRateLimit"].as_u64().filter(|rate| (1..=500).contains(rate));
            setting["ResourcePath"] == path
                && rate.is_some_and(|rate| setting["ThrottlingBurstLimit"] == 2 * rate)
                && setting["LoggingLevel"] == "OFF"
                && setting["DataTraceEnabled"] == false
        });
        if !fits {
            problems.push(format!("{path} isn't throttled, or is logged"));
        }
    }
    problems
}

fn post_problems(id: &str, parameter: &str, queue: &str, post: &Value) -> Vec<String> {
    let mut problems = Vec::new();
    let integration = &post["Integration"];
    let uri = integration["Uri"]["Fn::Sub"].as_str().unwrap_or_default();
    if !uri.ends_with(&format!(":sqs:path/${{AWS::AccountId}}/${{{queue}Queue.QueueName}}")) {
        problems.push(format!("{id} doesn't go to the {queue} queue, but to {uri}"));
    }
    let templates = integration["RequestTemplates"].as_object().cloned().unwrap_or_default();
    if !templates.keys().map(String::as_str).eq(TYPES) {
        problems.push(format!("{id} takes {:?}, not {TYPES:?}", templates.keys()));
    }
    for (of, template) in &templates {
        let template = template.as_str().unwrap_or_default();
        let mut fields = template.split('&').filter_map(|field| field.split_once('='));
        if fields.next() != Some(("Action", "SendMessage")) {
            problems.push(format!("{id}, {of}: it sends no message"));
        }
        let (names, values): (Vec<_>, Vec<_>) = (
            fields.clone().filter(|(name, _)| name.ends_with(".Name")).map(|(_, name)| name).collect(),
            fields.clone().filter(|(name, _)| name.ends_with(".StringValue")).map(|(_, value)| value).collect(),
        );
        let unique: std::collections::BTreeSet<_> = names.iter().collect();
        if names.len() != values.len() || unique.len() != names.len() || names.len() > MOST_ATTRIBUTES {
            problems.push(format!("{id}, {of}: its attributes are {names:?}"));
        }
        if !names.contains(&"route") || !names.contains(&"received-at") {
            problems.push(format!("{id}, {of}: it doesn't say by which way it came in, or when"));
        }
        for (name, value) in names.iter().zip(values) {
            let encoded = |of: &str| format!("$util.urlEncode($input.params('{of}'))");
            let is_whole = match *name {
                "route" => value.split_once('/').is_some_and(|(_, value)| value == encoded(parameter)),
                "received-at" => value == "v:$context.requestTimeEpoch",
                header => value == format!("v:{}", encoded(header)),
            };
            if !is_whole {
                problems.push(format!("{id}, {of}: {name} is {value}, which may be empty or break the form"));
            }
        }
        // What shares a queue with SES's events is a message group, whatever its path says, so that none floods them.
        let group = fields.clone().find(|(name, _)| *name == "MessageGroupId").map(|(_, group)| group);
        if queue == "Feedback" && group.is_none_or(|group| group.is_empty() || group.contains('$')) {
            problems.push(format!("{id}, {of}: its message group is {group:?}"));
        }
        let body = fields.find(|(name, _)| *name == "MessageBody").map(|(_, body)| body);
        if body
            != Some(if queue == "Feedback" { "v:$util.urlEncode($input.body)" } else { "List-Unsubscribe%3DOne-Click" })
        {
            problems.push(format!("{id}, {of}: its body is {body:?}"));
        }
    }
    let responses = integration["IntegrationResponses"].as_array().cloned().unwrap_or_default();
    let answers: Vec<_> =
        responses.iter().map(|one| (one["StatusCode"].as_str(), one["SelectionPattern"].as_str())).collect();
    if answers != [(Some("200"), Some(r"2\d{2}")), (Some("503"), None)] {
        problems.push(format!("{id} answers {answers:?}"));
    }
    let bodies: Vec<_> = responses
        .iter()
        .map(|one| one["ResponseTemplates"]["application/json"].as_str().unwrap_or_default())
        .map(|body| body.strip_prefix(BLAME).map_or((false, body), |page| (true, page)))
        .collect();
    if !matches!(bodies[..], [(false, taken), (true, refused)] if !taken.contains('$') && !refused.contains('$')) {
        problems.push(format!("{id} blames the caller for other things than what is in a message: {bodies:?}"));
    }
    if responses.iter().any(|response| {
        response["ResponseParameters"].as_object().is_some_and(|headers| {
            headers.keys().any(|header| header.ends_with(".Location") || header.ends_with(".Set-Cookie"))
        })
    }) {
        problems.push(format!("{id} redirects, or sets a cookie"));
    }
    problems
}

/// Keys stay when their stack goes, as its table does, and are long and of no characters that a shell would stumble over;
/// and a ledger that is taken up again takes its keys along.
#[must_use]
pub fn keys_stay_with_the_ledger(template: &Template) -> Vec<String> {
    let keys = template.at("/Resources/Keys").cloned().unwrap_or_default();
    let made = &keys["Properties"]["GenerateSecretString"];
    let rule = template.at("/Rules/KeysGoWithTheirLedger").cloned().unwrap_or_default().to_string();
    let holds = [
        (
            "they go with the stack",
            keys["DeletionPolicy"] == "RetainExceptOnCreate" && keys["UpdateReplacePolicy"] == "Retain",
        ),
        ("they are made although there are some", keys["Condition"] == "MakesKeys"),
        (
            "they are of another form",
            made["SecretStringTemplate"] == "{}"
                && made["GenerateStringKey"] == "1"
                && made["PasswordLength"].as_u64().is_some_and(|length| length >= 32)
                && made["ExcludePunctuation"] == true,
        ),
        ("a ledger may be taken up without", rule.contains("ExistingTable") && rule.contains("KeysSecret")),
    ];
    holds.into_iter().filter(|(_, holds)| !holds).map(|(what, _)| format!("of the keys: {what}")).collect()
}

/// From a click to silence within a minute: the queue is read at once, by itself, and a batch is done before.
#[must_use]
pub fn an_opt_out_waits_for_nothing(template: &Template) -> Vec<String> {
    let mut problems = Vec::new();
    for mapping in template.mappings().into_iter().filter(super::Mapping::is_of_the_intake) {
        let is_urgent = mapping.queue() == Some("UnsubscribeQueue");
        let window = template.number(&mapping.event["MaximumBatchingWindowInSeconds"]);
        let most = if is_urgent { 5 } else { 30 };
        if window.is_none_or(|window| window > most) {
            problems.push(format!("{} waits {window:?} s", mapping.name));
        }
    }
    problems
}

/// A deployment is of the methods as they are: its id is of their text, so that another text makes another.
#[must_use]
pub fn each_change_is_deployed(template: &Template) -> Vec<String> {
    let deployments: Vec<_> =
        template.section("Resources").filter(|(_, one)| one["Type"] == "AWS::ApiGateway::Deployment").collect();
    let stage = template.at("/Resources/IntakeStage/Properties/DeploymentId").and_then(reference);
    let methods: Vec<_> = template.resources("AWS::ApiGateway::Method").map(|(id, _)| Value::from(id)).collect();
    let waits = |deployment: &Value| {
        let after = deployment["DependsOn"].as_array().cloned().unwrap_or_default();
        methods.iter().all(|method| after.contains(method))
    };
    match deployments.as_slice() {
        [(id, deployment)] if stage == Some(*id) && waits(deployment) => Vec::new(),
        _ => vec![format!("the stage has the deployment {stage:?}, of {}", deployments.len())],
    }
}
