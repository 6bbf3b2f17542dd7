//! Stages that only a parameter gives a stack, and what is left without them.

use serde_json::Value;

use super::Template;

/// A stack that hasn't some stages names nothing of theirs, in its resources and outputs.
#[must_use]
pub fn nothing_is_named_that_isnt_there(template: &Template) -> Vec<String> {
    let mut problems = Vec::new();
    for section in ["Resources", "Outputs", "Globals"] {
        for (id, of) in template.section(section) {
            let mut named = Vec::new();
            names(of, &mut named);
            let unknown = named.into_iter().filter(|name| !is_there(template, name));
            problems.extend(unknown.map(|name| format!("{id} names {name}, which isn't there")));
        }
    }
    problems
}

fn is_there(template: &Template, name: &str) -> bool {
    let is = |section: &str, id: &str| template.at(&format!("/{section}/{id}")).is_some();
    // What SAM makes of a function's event is called after both.
    let of_sam = template.mappings().iter().any(|mapping| mapping.name.replace('.', "") == name);
    name.starts_with("AWS::") || is("Resources", name) || is("Parameters", name) || of_sam
}

fn names(value: &Value, named: &mut Vec<String>) {
    match value {
        Value::Object(map) => {
            for (key, of) in map {
                match (key.as_str(), of) {
                    ("Ref", Value::String(name)) => named.push(name.clone()),
                    ("Fn::GetAtt", of) => named.extend(of[0].as_str().map(str::to_owned)),
                    ("Fn::Sub", Value::String(text)) => {
                        let parts = text.split("${").skip(1).filter_map(|part| part.split('}').next());
                        named.extend(parts.filter_map(|part| part.split('.').next()).map(str::to_owned));
                    }
                    (_, of) => names(of, named),
                }
            }
        }
        Value::Array(items) => items.iter().for_each(|item| names(item, named)),
        _ => {}
    }
}
