//! What of one of the stack's policies a caller may not do, as IAM's policy simulator says it.

use aws_sdk_iam::{
    Client,
    types::{ContextEntry, ContextKeyTypeEnum, PolicyEvaluationDecisionType},
};
use percent_encoding::percent_decode_str;
use pulse_core::ports::{AccountError, Caller, DeniedAction};
use serde::Deserialize;

use super::unanswered;

/// A statement of a policy, as far as the stack's own have it.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Statement {
    #[serde(default)]
    sid: String,
    action: OneOrMore,
    resource: OneOrMore,
    #[serde(default)]
    condition: Conditions,
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum OneOrMore {
    One(String),
    More(Vec<String>),
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Conditions {
    #[serde(rename = "StringEquals")]
    equal: std::collections::BTreeMap<String, OneOrMore>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Document {
    statement: Vec<Statement>,
}

impl OneOrMore {
    fn into_vec(self) -> Vec<String> {
        match self {
            Self::One(one) => vec![one],
            Self::More(more) => more,
        }
    }
}

pub(super) async fn denied(client: &Client, caller: &Caller, policy: &str) -> Result<Vec<DeniedAction>, AccountError> {
    let principal = principal(client, caller).await?;
    let mut denied = Vec::new();
    for statement in statements(client, policy).await? {
        let Statement { sid, action, resource, condition } = statement;
        let context = condition.equal.into_iter().map(|(key, values)| {
            let entry = ContextEntry::builder().context_key_name(key).context_key_type(ContextKeyTypeEnum::StringList);
            entry.set_context_key_values(Some(values.into_vec())).build()
        });
        let mut pages = client
            .simulate_principal_policy()
            .policy_source_arn(&principal)
            .set_action_names(Some(action.into_vec()))
            .set_resource_arns(Some(resource.into_vec()))
            .set_context_entries(Some(context.collect()))
            .into_paginator()
            .items()
            .send();
        while let Some(result) = pages.next().await {
            let result = result.map_err(unanswered("IAM can't be asked what these credentials allow"))?;
            if *result.eval_decision() != PolicyEvaluationDecisionType::Allowed {
                denied.push(DeniedAction { statement: sid.clone(), action: result.eval_action_name().to_owned() });
            }
        }
    }
    denied.dedup();
    Ok(denied)
}

/// The simulator takes a user or a role, and no session of a role. A session's ARN leaves the role's path out, so that
/// the role has to be asked for it (AWS IAM User Guide, "IAM identifiers").
async fn principal(client: &Client, caller: &Caller) -> Result<String, AccountError> {
    let Some(session) = caller.arn.split_once(":assumed-role/").map(|(_, session)| session) else {
        return Ok(caller.arn.clone());
    };
    let role = session.split_once('/').map_or(session, |(role, _)| role);
    let answer = client.get_role().role_name(role).send().await;
    let answer = answer.map_err(unanswered("IAM can't be asked for the role of these credentials"))?;
    answer.role.map(|role| role.arn).ok_or_else(|| AccountError(format!("IAM has no role {role}")))
}

/// A policy's document is percent-encoded JSON (AWS IAM API Reference, `GetPolicyVersion`).
async fn statements(client: &Client, policy: &str) -> Result<Vec<Statement>, AccountError> {
    let what = "IAM can't be asked for the stack's policies";
    let found = client.get_policy().policy_arn(policy).send().await.map_err(unanswered(what))?;
    let version = found.policy.and_then(|policy| policy.default_version_id).unwrap_or_default();
    let found = client.get_policy_version().policy_arn(policy).version_id(version).send().await;
    let document = found.map_err(unanswered(what))?.policy_version.and_then(|version| version.document);
    let document = document.unwrap_or_default();
    let unreadable = || AccountError(format!("The policy {policy} can't be read"));
    let json = percent_decode_str(&document).decode_utf8().map_err(|_| unreadable())?;
    let document: Document = serde_json::from_str(&json).map_err(|_| unreadable())?;
    Ok(document.statement)
}
