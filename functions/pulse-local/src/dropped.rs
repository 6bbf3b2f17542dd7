//! Properties of the template that an emulator's `CloudFormation` leaves out without a word, and one that its pollers take too much by.

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use aws_config::SdkConfig;
use aws_sdk_cloudformation::types::TemplateStage;
use aws_sdk_dynamodb::types::{TimeToLiveSpecification, TimeToLiveStatus};
use serde_json::Value;

use pulse_aws::sdk::because;
use pulse_aws::stack::describe;

/// Reads back what the template asks for and some emulators drop or garble: functions' reserved concurrency,
/// mappings' maximum concurrency and tables' time to live. Sets what is missing through the API, and returns a
/// line for each that it had to set. Batches that are larger than an
/// emulator's pollers should take are made smaller.
///
/// # Errors
/// When the stack, a function, a mapping or a table can't be read or changed.
pub async fn restore(aws: &SdkConfig, stack: &str) -> Result<Vec<String>> {
    let deployed = Deployed::read(aws, stack).await?;
    let mut restored = Vec::new();
    for (id, wanted) in deployed.properties("AWS::Lambda::Function", "ReservedConcurrentExecutions") {
        let Some(wanted) = deployed.chosen(wanted)? else { continue };
        let function = deployed.physical(id)?;
        let wanted = deployed.number(wanted).with_context(|| format!("{id}'s reserved concurrency is no number."))?;
        if set_concurrency(aws, function, wanted).await? {
            restored.push(format!("reserved concurrency {wanted} of {function}"));
        }
    }
    for (id, wanted) in deployed.properties("AWS::DynamoDB::Table", "TimeToLiveSpecification") {
        let table = deployed.physical(id)?;
        let attribute =
            wanted["AttributeName"].as_str().with_context(|| format!("{id}'s time to live has no attribute."))?;
        if set_time_to_live(aws, table, attribute).await? {
            restored.push(format!("time to live of {table}"));
        }
    }
    for (id, wanted) in deployed.properties("AWS::Lambda::EventSourceMapping", "ScalingConfig") {
        let mapping = deployed.physical(id)?;
        let wanted = deployed
            .number(&wanted["MaximumConcurrency"])
            .with_context(|| format!("{id}'s maximum concurrency is no number."))?;
        if set_maximum_concurrency(aws, mapping, wanted).await? {
            restored.push(format!("maximum concurrency {wanted} of the mapping {mapping}"));
        }
    }
    for (id, wanted) in deployed.properties("AWS::Lambda::EventSourceMapping", "BatchSize") {
        let wanted = deployed.number(wanted).with_context(|| format!("{id}'s batch size is no number."))?;
        if wanted > MOST_AT_ONCE {
            make_batches_smaller(aws, deployed.physical(id)?).await?;
        }
    }
    Ok(restored)
}

/// Messages that an invocation takes at once in the local environment. Lambda gathers a batch for each poller. An emulator hands all that
/// waits to the first invocation that is free: of a few hundred customers who are due in the same minute, all would go to one, and the
/// lanes of the others be idle.
const MOST_AT_ONCE: i32 = 80;

async fn make_batches_smaller(aws: &SdkConfig, mapping: &str) -> Result<()> {
    let client = aws_sdk_lambda::Client::new(aws);
    let update = client.update_event_source_mapping().uuid(mapping).batch_size(MOST_AT_ONCE);
    let updated = update.send().await;
    updated.map(drop).map_err(because(format!("The batch size of the mapping {mapping} can't be set")))
}

/// An emulator may keep a parameter's value as the text that it is, and its poller then stumble over it.
async fn set_maximum_concurrency(aws: &SdkConfig, mapping: &str, wanted: i32) -> Result<bool> {
    let client = aws_sdk_lambda::Client::new(aws);
    // What isn't a number can't be read back at all.
    let found = client.get_event_source_mapping().uuid(mapping).send().await.ok();
    let found = found.and_then(|mapping| mapping.scaling_config()?.maximum_concurrency());
    if found == Some(wanted) {
        return Ok(false);
    }
    client
        .update_event_source_mapping()
        .uuid(mapping)
        .scaling_config(aws_sdk_lambda::types::ScalingConfig::builder().maximum_concurrency(wanted).build())
        .send()
        .await
        .map_err(because(format!("The maximum concurrency of the mapping {mapping} can't be set")))?;
    Ok(true)
}

async fn set_concurrency(aws: &SdkConfig, function: &str, wanted: i32) -> Result<bool> {
    let client = aws_sdk_lambda::Client::new(aws);
    let found = client
        .get_function_concurrency()
        .function_name(function)
        .send()
        .await
        .map_err(because(format!("The reserved concurrency of {function} can't be read")))?;
    if found.reserved_concurrent_executions() == Some(wanted) {
        return Ok(false);
    }
    client
        .put_function_concurrency()
        .function_name(function)
        .reserved_concurrent_executions(wanted)
        .send()
        .await
        .map_err(because(format!("The reserved concurrency of {function} can't be set")))?;
    Ok(true)
}

async fn set_time_to_live(aws: &SdkConfig, table: &str, attribute: &str) -> Result<bool> {
    let client = aws_sdk_dynamodb::Client::new(aws);
    let found = client
        .describe_time_to_live()
        .table_name(table)
        .send()
        .await
        .map_err(because(format!("The time to live of {table} can't be read")))?;
    let status = found.time_to_live_description().and_then(|ttl| ttl.time_to_live_status());
    if matches!(status, Some(TimeToLiveStatus::Enabled | TimeToLiveStatus::Enabling)) {
        return Ok(false);
    }
    client
        .update_time_to_live()
        .table_name(table)
        .time_to_live_specification(TimeToLiveSpecification::builder().enabled(true).attribute_name(attribute).build()?)
        .send()
        .await
        .map_err(because(format!("The time to live of {table} can't be set")))?;
    Ok(true)
}

/// A stack's template after its transform, with what its parameters and resources have become.
struct Deployed {
    template: Value,
    parameters: BTreeMap<String, String>,
    physical_ids: BTreeMap<String, String>,
}

impl Deployed {
    async fn read(aws: &SdkConfig, stack: &str) -> Result<Self> {
        let client = aws_sdk_cloudformation::Client::new(aws);
        let unreadable = || format!("The deployed stack {stack} can't be read back");
        // AWS answers the processed one unless asked otherwise (AWS CloudFormation API Reference, GetTemplate);
        // LocalStack the original.
        let template = client.get_template().stack_name(stack).template_stage(TemplateStage::Processed);
        let answer = template.send().await.map_err(because(unreadable()))?;
        let template = serde_json::from_str(answer.template_body().unwrap_or_default()).with_context(unreadable)?;
        let described = describe(&client, stack).await?.with_context(unreadable)?;
        let parameter = |parameter: &aws_sdk_cloudformation::types::Parameter| {
            Some((parameter.parameter_key()?.to_owned(), parameter.parameter_value()?.to_owned()))
        };
        let resources =
            client.describe_stack_resources().stack_name(stack).send().await.map_err(because(unreadable()))?;
        let physical = |resource: &aws_sdk_cloudformation::types::StackResource| {
            Some((resource.logical_resource_id()?.to_owned(), resource.physical_resource_id()?.to_owned()))
        };
        Ok(Self {
            template,
            parameters: described.parameters().iter().filter_map(parameter).collect(),
            physical_ids: resources.stack_resources().iter().filter_map(physical).collect(),
        })
    }

    /// A property of all resources of a type that have it, by logical id. Those that a condition leaves out have none.
    fn properties<'a>(&'a self, kind: &'a str, property: &'a str) -> impl Iterator<Item = (&'a str, &'a Value)> {
        let resources = self.template["Resources"].as_object().into_iter().flatten();
        resources
            .filter(move |(_, resource)| resource["Type"] == kind)
            .filter(|(id, resource)| resource["Condition"].is_null() || self.physical_ids.contains_key(id.as_str()))
            .filter_map(move |(id, resource)| Some((id.as_str(), resource["Properties"].get(property)?)))
    }

    fn physical(&self, id: &str) -> Result<&str> {
        self.physical_ids.get(id).map(String::as_str).with_context(|| format!("The stack has made no resource {id}."))
    }

    /// What an `Fn::If` comes to, or a value that isn't one. `None` if that is no value.
    fn chosen<'a>(&self, value: &'a Value) -> Result<Option<&'a Value>> {
        let Some(branches) = value.get("Fn::If") else {
            return Ok((value["Ref"] != "AWS::NoValue").then_some(value));
        };
        let name = branches[0].as_str().unwrap_or_default();
        let equal = &self.template["Conditions"][name]["Fn::Equals"];
        let [one, other] = [0, 1].map(|side| self.text(&equal[side]));
        let holds = one.zip(other).map(|(one, other)| one == other);
        let holds = holds.with_context(|| format!("The condition {name} is of no kind that can be read here."))?;
        self.chosen(&branches[if holds { 1 } else { 2 }])
    }

    /// A text as a template may hold it: itself, or a reference to a parameter.
    fn text<'a>(&'a self, value: &'a Value) -> Option<&'a str> {
        value.as_str().or_else(|| self.parameters.get(value["Ref"].as_str()?).map(String::as_str))
    }

    /// A number as a template may hold it: itself, its text, or a reference to a parameter.
    fn number(&self, value: &Value) -> Option<i32> {
        match value.as_i64() {
            Some(number) => number.try_into().ok(),
            None => self.text(value)?.parse().ok(),
        }
    }
}
