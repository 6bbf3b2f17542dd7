//! template.yaml as data, and the promises that it has to keep.
//!
//! Each check answers with the problems that it found, as sentences: none for the shipped template, at least
//! one for a template in which somebody broke that promise.

pub mod account;
pub mod alarms;
pub mod closing;
pub mod console;
pub mod functions;
pub mod given;
pub mod intake;
pub mod metrics;
pub mod parameters;
pub mod policies;
pub mod queues;
pub mod table;
mod yaml;

use anyhow::{Context, Result, ensure};
use pulse_template::{Sources, Stage};
use serde_json::{Map, Value};

/// A CloudFormation template, its short tags (`!Ref`) written out (`{"Ref": ..}`), and the stages that it has to have.
#[derive(Debug, Clone)]
pub struct Template {
    yaml: Value,
    stages: Vec<Stage>,
}

impl Template {
    /// Reads a template from its YAML text, as it is deployed with all its stages, which are those of its sources.
    ///
    /// # Errors
    /// When the text is not one YAML document, or uses a tag that CloudFormation does not know.
    pub fn parse(text: &str, stages: Vec<Stage>) -> Result<Self> {
        let mut yaml = yaml::to_json(text)?;
        for condition in stages.iter().filter_map(|stage| stage.condition.as_deref()) {
            yaml::suppose(&mut yaml, condition, true);
        }
        Ok(Self { yaml, stages })
    }

    /// The same as it is deployed without the stages that only a parameter gives it.
    ///
    /// # Errors
    /// As [`Self::parse`].
    pub fn parse_without_given_stages(text: &str, stages: Vec<Stage>) -> Result<Self> {
        let mut yaml = yaml::to_json(text)?;
        for condition in stages.iter().filter_map(|stage| stage.condition.as_deref()) {
            yaml::suppose(&mut yaml, condition, false);
        }
        Ok(Self { yaml, stages: stages.into_iter().filter(|stage| stage.condition.is_none()).collect() })
    }

    /// The template that the repository ships.
    ///
    /// # Errors
    /// When the file or one of its sources is missing or does not parse.
    pub fn shipped() -> Result<Self> {
        Self::parse(&shipped()?, Sources::shipped().stages()?)
    }

    /// The same without the stages that only a parameter gives it.
    ///
    /// # Errors
    /// As [`Self::shipped`].
    pub fn shipped_without_given_stages() -> Result<Self> {
        Self::parse_without_given_stages(&shipped()?, Sources::shipped().stages()?)
    }

    /// The stages that the template has to have.
    #[must_use]
    pub fn stages(&self) -> &[Stage] {
        &self.stages
    }

    /// This template with the value at a JSON pointer replaced.
    ///
    /// # Errors
    /// When there is nothing at the pointer: an edit that changes nothing would prove nothing.
    pub fn with(mut self, pointer: &str, value: Value) -> Result<Self> {
        let place = self.yaml.pointer_mut(pointer);
        *place.with_context(|| format!("the template has nothing at {pointer}"))? = value;
        Ok(self)
    }

    /// This template without the key at a JSON pointer.
    ///
    /// # Errors
    /// When there is nothing at the pointer.
    pub fn without(mut self, pointer: &str) -> Result<Self> {
        let (parent, key) = pointer.rsplit_once('/').context("a pointer starts with /")?;
        let map = self.yaml.pointer_mut(parent).and_then(Value::as_object_mut);
        let gone = map.and_then(|map| map.remove(key));
        ensure!(gone.is_some(), "the template has nothing at {pointer}");
        Ok(self)
    }

    /// What is at a JSON pointer.
    #[must_use]
    pub fn at(&self, pointer: &str) -> Option<&Value> {
        self.yaml.pointer(pointer)
    }

    /// A top-level section's entries, by logical id.
    pub fn section(&self, name: &str) -> impl Iterator<Item = (&str, &Value)> {
        let entries = self.yaml.get(name).and_then(Value::as_object);
        entries.into_iter().flat_map(Map::iter).map(|(id, value)| (id.as_str(), value))
    }

    /// The resources of one type, by logical id, each with its properties.
    pub fn resources<'a>(&'a self, kind: &'a str) -> impl Iterator<Item = (&'a str, &'a Value)> {
        let of_kind = move |(_, resource): &(&str, &Value)| resource["Type"] == kind;
        self.section("Resources").filter(of_kind).map(|(id, resource)| (id, &resource["Properties"]))
    }

    /// The functions, by logical id, each with its properties and what it inherits from `Globals`.
    #[must_use]
    pub fn functions(&self) -> Vec<(&str, Value)> {
        let inherited = self.at("/Globals/Function").cloned().unwrap_or_default();
        let merge = |(id, own)| (id, yaml::overlay(inherited.clone(), own));
        self.resources("AWS::Serverless::Function").map(merge).collect()
    }

    /// The SQS events of the functions: what SAM makes event source mappings of.
    #[must_use]
    pub fn mappings(&self) -> Vec<Mapping> {
        let mut mappings = Vec::new();
        for (id, function) in self.functions() {
            let events = function["Events"].as_object().cloned().unwrap_or_default();
            for (name, event) in events.into_iter().filter(|(_, event)| event["Type"] == "SQS") {
                let (name, event) = (format!("{id}.{name}"), event["Properties"].clone());
                mappings.push(Mapping { name, function: function.clone(), event });
            }
        }
        mappings
    }

    /// A whole number, or the default of the parameter that stands in its place.
    #[must_use]
    pub fn number(&self, value: &Value) -> Option<u64> {
        self.resolve(value, "Default")
    }

    /// A whole number, or the least that the parameter in its place may be.
    #[must_use]
    pub fn least(&self, value: &Value) -> Option<u64> {
        self.resolve(value, "MinValue")
    }

    /// A whole number, or the most that the parameter in its place may be.
    #[must_use]
    pub fn most(&self, value: &Value) -> Option<u64> {
        self.resolve(value, "MaxValue")
    }

    fn resolve(&self, value: &Value, of_parameter: &str) -> Option<u64> {
        if let Some(name) = reference(value) {
            return self.at(&format!("/Parameters/{name}/{of_parameter}"))?.as_u64();
        }
        value.as_u64().or_else(|| value.as_str()?.parse().ok())
    }
}

fn shipped() -> Result<String> {
    let path = pulse_template::template();
    std::fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))
}

/// An SQS event source mapping: a function, and how it takes from its queue.
#[derive(Debug)]
pub struct Mapping {
    /// The function's logical id and the event's name.
    pub name: String,
    /// The function's properties.
    pub function: Value,
    /// The event's properties.
    pub event: Value,
}

impl Mapping {
    /// Whether it feeds a stage's function.
    #[must_use]
    pub fn is_of(&self, stage: &Stage) -> bool {
        self.name.strip_suffix(".Queue").and_then(|function| function.strip_suffix("Function")) == Some(&stage.id)
    }

    /// Whether it feeds the feedback function.
    #[must_use]
    pub fn is_of_the_intake(&self) -> bool {
        self.name.starts_with("FeedbackFunction.")
    }

    /// The logical id of the queue that the function takes from.
    #[must_use]
    pub fn queue(&self) -> Option<&str> {
        arn_of(&self.event["Queue"])
    }
}

/// The logical id in `!Ref ID`.
#[must_use]
pub fn reference(value: &Value) -> Option<&str> {
    value.get("Ref")?.as_str()
}

/// The logical id in `!GetAtt ID.Arn`.
#[must_use]
pub fn arn_of(value: &Value) -> Option<&str> {
    let path = value.get("Fn::GetAtt")?;
    (path[1] == "Arn").then(|| path[0].as_str())?
}
