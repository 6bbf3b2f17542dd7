//! JSON as `DynamoDB`'s API writes attributes (Amazon `DynamoDB` API Reference, `AttributeValue`).

use serde_json::{Map, Value, json};

/// The row that holds an object's fields.
pub(crate) fn row(object: &Value) -> Map<String, Value> {
    object.as_object().into_iter().flatten().map(|(name, field)| (name.clone(), attribute(field))).collect()
}

/// A text attribute.
pub(crate) fn text(text: &str) -> Value {
    json!({ "S": text })
}

fn attribute(value: &Value) -> Value {
    match value {
        Value::Null => json!({ "NULL": true }),
        Value::Bool(flag) => json!({ "BOOL": flag }),
        Value::Number(number) => json!({ "N": number.to_string() }),
        Value::String(text) => json!({ "S": text }),
        Value::Array(values) => json!({ "L": values.iter().map(attribute).collect::<Vec<_>>() }),
        Value::Object(_) => json!({ "M": row(value) }),
    }
}
