//! CloudFormation's YAML as JSON.

use anyhow::{Result, bail, ensure};
use saphyr::{LoadableYamlNode, ScalarOwned, YamlOwned};
use serde_json::{Map, Value, json};

/// Reads one YAML document, writing short tags out.
pub(super) fn to_json(text: &str) -> Result<Value> {
    let mut documents = YamlOwned::load_from_str(text)?;
    ensure!(documents.len() == 1, "a template is one YAML document, this has {}", documents.len());
    node(documents.remove(0))
}

fn node(yaml: YamlOwned) -> Result<Value> {
    Ok(match yaml {
        YamlOwned::Value(scalar) => from_scalar(scalar),
        YamlOwned::Sequence(items) => items.into_iter().map(node).collect::<Result<_>>()?,
        YamlOwned::Mapping(entries) => {
            let mut map = Map::new();
            for (key, value) in entries {
                let YamlOwned::Value(ScalarOwned::String(key)) = key else {
                    bail!("a template's keys are strings, this is one: {key:?}");
                };
                map.insert(key, node(value)?);
            }
            Value::Object(map)
        }
        YamlOwned::Tagged(tag, inner) => written_out(&tag.suffix, &node(*inner)?)?,
        other => bail!("a template holds no {other:?}"),
    })
}

fn from_scalar(scalar: ScalarOwned) -> Value {
    match scalar {
        ScalarOwned::Null => Value::Null,
        ScalarOwned::Boolean(flag) => json!(flag),
        ScalarOwned::Integer(number) => json!(number),
        ScalarOwned::FloatingPoint(number) => json!(number.into_inner()),
        ScalarOwned::String(text) => json!(text),
    }
}

/// `!Ref X` as `{"Ref": X}`, `!GetAtt A.B` as `{"Fn::GetAtt": [A, B]}`, and the rest as `{"Fn::Tag": ..}`.
fn written_out(tag: &str, value: &Value) -> Result<Value> {
    Ok(match tag {
        "Ref" | "Condition" => json!({ tag: value }),
        "GetAtt" => match value.as_str().and_then(|path| path.split_once('.')) {
            Some((id, attribute)) => json!({ "Fn::GetAtt": [id, attribute] }),
            None => json!({ "Fn::GetAtt": value }),
        },
        "And" | "Equals" | "FindInMap" | "If" | "Join" | "Not" | "Or" | "Select" | "Split" | "Sub" => {
            json!({ format!("Fn::{tag}"): value })
        }
        _ => bail!("!{tag} is no tag that this template uses: add it to {}", file!()),
    })
}

/// Leaves of a template what there is if a condition holds, or doesn't.
pub(super) fn suppose(value: &mut Value, condition: &str, holds: bool) {
    match value {
        Value::Object(map) => {
            if let Some(branches) = map.get("Fn::If").filter(|branches| branches[0] == condition) {
                *value = branches[if holds { 1 } else { 2 }].clone();
                return suppose(value, condition, holds);
            }
            map.retain(|_, of| of["Condition"] != condition || holds);
            for of in map.values_mut() {
                if of["Condition"] == condition
                    && let Some(of) = of.as_object_mut()
                {
                    of.remove("Condition");
                }
                suppose(of, condition, holds);
            }
        }
        Value::Array(items) => {
            let chosen = |item: &Value| item["Fn::If"].get(if holds { 1 } else { 2 }).cloned().unwrap_or_default();
            items.retain(|item| item["Fn::If"][0] != condition || chosen(item)["Ref"] != "AWS::NoValue");
            for item in items.iter_mut() {
                suppose(item, condition, holds);
            }
        }
        _ => {}
    }
}

/// SAM's way of merging `Globals` into a function: maps by key, lists one after the other, the rest replaced.
pub(super) fn overlay(base: Value, own: &Value) -> Value {
    match (base, own) {
        (Value::Object(mut map), Value::Object(own)) => {
            for (key, value) in own {
                let merged = overlay(map.remove(key).unwrap_or_default(), value);
                map.insert(key.clone(), merged);
            }
            Value::Object(map)
        }
        (Value::Array(mut items), Value::Array(own)) => {
            items.extend(own.iter().cloned());
            Value::Array(items)
        }
        (_, own) => own.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_tags_are_written_out() {
        let json = to_json("a: !Ref X\nb: !GetAtt Q.Arn\nc: !Sub ${X}-q\nd: [!If [C, !Ref Y, 1]]").unwrap();
        let expected = json!({
            "a": { "Ref": "X" }, "b": { "Fn::GetAtt": ["Q", "Arn"] }, "c": { "Fn::Sub": "${X}-q" },
            "d": [{ "Fn::If": ["C", { "Ref": "Y" }, 1] }],
        });
        assert_eq!(json, expected);
    }

    #[test]
    fn what_a_condition_leaves_out_is_gone() {
        let template = to_json(
            "R:\n  A: { Condition: C, X: 1 }\n  B: [!If [C, !Ref A, !Ref AWS::NoValue], !If [D, 1, !Ref AWS::NoValue]]\n  E: !If [C, !Ref A, \"\"]",
        );
        let supposed = |holds| {
            let mut template = template.as_ref().unwrap().clone();
            suppose(&mut template, "C", holds);
            template
        };
        let of_d = json!({ "Fn::If": ["D", 1, { "Ref": "AWS::NoValue" }] });
        assert_eq!(supposed(false), json!({ "R": { "B": [of_d], "E": "" } }));
        let a = json!({ "Ref": "A" });
        assert_eq!(supposed(true), json!({ "R": { "A": { "X": 1 }, "B": [a, of_d], "E": a } }));
    }

    #[test]
    fn an_unknown_tag_is_refused() {
        assert!(to_json("a: !Reef X").is_err());
    }

    #[test]
    fn globals_are_overlaid_by_key() {
        let merged = overlay(json!({ "e": { "A": 1, "B": 2 }, "t": 3 }), &json!({ "e": { "B": 5 }, "t": 9 }));
        assert_eq!(merged, json!({ "e": { "A": 1, "B": 5 }, "t": 9 }));
    }
}
