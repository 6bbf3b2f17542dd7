//! Denials in terms of the template: which of its statements it would take.

use std::str::SplitWhitespace;

/// A line for each statement of `template.yaml` that allows something: its role or policy, its Sid, its actions.
/// Written by `cargo run -p pulse-template`.
const STATEMENTS: &str = include_str!("statements.txt");

/// The policies that are people's, the narrowest first.
const OPERATORS: [&str; 5] = ["ReadOnlyPolicy", "OperatorPolicy", "PrivacyPolicy", "EndpointPolicy", "DoctorPolicy"];

/// Whether a code, without its protocol's prefix, says that a permission is missing (IAM User Guide, "Troubleshoot
/// access denied error messages").
pub(super) fn is_denial(code: &str) -> bool {
    let last = code.rsplit('.').next().unwrap_or_default();
    matches!(last, "AccessDenied" | "AccessDeniedException" | "NotAuthorized" | "UnauthorizedOperation")
}

/// What a denial comes to: who may not do what, and which statement of the template would allow it. Nothing where the
/// message isn't of the form that the IAM User Guide has ("User: .. is not authorized to perform: .. on resource: ..").
pub(super) fn explain(message: &str) -> Option<String> {
    let (_, caller) = message.split_once("User: ")?;
    let (caller, rest) = caller.split_once(" is not authorized to perform: ")?;
    let mut words = rest.split_whitespace();
    let action = words.next()?.trim_end_matches(['.', ',']);
    let resource = rest.split_once("on resource: ").and_then(|(_, rest)| rest.split_whitespace().next());
    let role = roles().find(|role| caller.contains(&format!("-{role}-")));
    let on = resource.map(|resource| format!(" on {}", resource.trim_matches('"'))).unwrap_or_default();
    // The caller's session may be named by an email address: only a role of the template is named.
    let who = role.map_or_else(|| "You may not".to_owned(), |role| format!("{role} may not"));
    let denied = format!("{who} {action}{on}");
    if let Some((_, policy)) = rest.split_once("with an explicit deny in ") {
        return Some(format!("{denied}: {} denies it, whatever template.yaml allows", policy.trim_end_matches('.')));
    }
    let missing =
        rest.split_once("because no ").and_then(|(_, why)| why.split_once(" allows")).map(|(policy, _)| policy);
    if let Some(policy) = missing.filter(|policy| !policy.ends_with("-based policy")) {
        return Some(format!("{denied}: no {policy} allows it, whatever template.yaml does"));
    }
    let candidates: &[&str] = role.as_ref().map_or(&OPERATORS, std::slice::from_ref);
    let mut allowing: Vec<(&str, String)> = Vec::new();
    for policy in candidates {
        let sids = statements(policy, action);
        // A wider policy repeats the statements of a narrower one.
        if !sids.is_empty() && allowing.iter().all(|(_, others)| *others != sids) {
            allowing.push((policy, sids));
        }
    }
    Some(match (allowing.as_slice(), role) {
        ([], _) => format!("{denied}: no statement of template.yaml allows that"),
        ([(policy, sid), ..], Some(_)) => {
            format!("{denied}: {sid} of {policy} in template.yaml allows that, so deploy it again")
        }
        (allowing, None) => {
            let named =
                allowing.iter().map(|(policy, sid)| format!("{sid} of {policy} in template.yaml (output {policy}Arn)"));
            format!("{denied}: it takes {}", named.collect::<Vec<_>>().join(" or "))
        }
    })
}

fn roles() -> impl Iterator<Item = &'static str> {
    lines().map(|(policy, ..)| policy).filter(|policy| !OPERATORS.contains(policy))
}

/// The statements of a role or policy that allow an action, whose resources differ. SQS writes actions in lower case.
fn statements(policy: &str, action: &str) -> String {
    let allows = |actions: SplitWhitespace<'_>| actions.into_iter().any(|one| one.eq_ignore_ascii_case(action));
    let sids = lines().filter(|(of, _, actions)| *of == policy && allows(actions.clone())).map(|(_, sid, _)| sid);
    sids.collect::<Vec<_>>().join(" or ")
}

fn lines() -> impl Iterator<Item = (&'static str, &'static str, SplitWhitespace<'static>)> {
    STATEMENTS.lines().filter_map(|line| {
        let mut words = line.split_whitespace();
        Some((words.next()?, words.next()?, words))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(caller: &str, action: &str, resource: &str, why: &str) -> String {
        let message = format!("User: {caller} is not authorized to perform: {action} on resource: {resource} {why}");
        explain(&message).unwrap()
    }

    #[test]
    fn a_function_s_denial_names_the_statement_of_its_role() {
        let role = "arn:aws:sts::123456789012:assumed-role/pulse-ScoreRole-1A2B3C/pulse-score";
        let queue = "arn:aws:sqs:eu-west-1:123456789012:pulse-email";
        let because = "because no identity-based policy allows the sqs:sendmessage action";
        assert_eq!(
            told(role, "sqs:sendmessage", queue, because),
            format!(
                "ScoreRole may not sqs:sendmessage on {queue}: QueueEmails or QueueWord of ScoreRole in template.yaml allows that, so deploy it again"
            )
        );
        assert!(told(role, "sqs:PurgeQueue", queue, because).ends_with("no statement of template.yaml allows that"));
    }

    #[test]
    fn an_operator_s_denial_names_the_narrowest_policy_and_nobody() {
        let ada = "arn:aws:sts::123456789012:assumed-role/AWSReservedSSO_Ops_1/ada@example.com";
        let told = |action, why| told(ada, action, "arn:aws:x", why);
        let read = told("dynamodb:GetItem", "because no identity-based policy allows the dynamodb:GetItem action");
        assert!(read.contains("of ReadOnlyPolicy in template.yaml (output ReadOnlyPolicyArn)"), "{read}");
        let write = told("scheduler:CreateSchedule", "because no identity-based policy allows it");
        assert!(write.contains("of OperatorPolicy") && !write.contains('@'), "{write}");
        let limits = told("lambda:GetAccountSettings", "because no identity-based policy allows it");
        assert!(
            limits.contains("of OperatorPolicy") && limits.contains("or ExamineTheAccount of DoctorPolicy"),
            "{limits}"
        );
        let deny = told("dynamodb:GetItem", "with an explicit deny in a service control policy");
        assert!(deny.ends_with("a service control policy denies it, whatever template.yaml allows"), "{deny}");
        let bound = told("dynamodb:GetItem", "because no permissions boundary allows the dynamodb:GetItem action");
        assert!(bound.ends_with("no permissions boundary allows it, whatever template.yaml does"), "{bound}");
    }

    #[test]
    fn other_words_are_left_to_the_service() {
        assert_eq!(explain("Access to the resource https://sqs.eu-west-1.amazonaws.com/ is denied."), None);
    }
}
