//! JSON values as `DynamoDB` attributes, and back.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;
use serde_json::Value;

/// An item, or a map within one.
pub(super) type Attributes = HashMap<String, AttributeValue>;

/// The attribute for a value.
pub(super) fn attribute(value: Value) -> AttributeValue {
    match value {
        Value::Null => AttributeValue::Null(true),
        Value::Bool(flag) => AttributeValue::Bool(flag),
        Value::Number(number) => AttributeValue::N(number.to_string()),
        Value::String(text) => AttributeValue::S(text),
        Value::Array(values) => AttributeValue::L(values.into_iter().map(attribute).collect()),
        Value::Object(fields) => {
            let fields = fields.into_iter().map(|(name, value)| (name, attribute(value)));
            AttributeValue::M(fields.collect())
        }
    }
}

/// The value of an attribute, or `None` for a type that JSON hasn't (sets, binary) and for a number
/// that is none.
pub(super) fn value(attribute: &AttributeValue) -> Option<Value> {
    Some(match attribute {
        AttributeValue::Null(_) => Value::Null,
        AttributeValue::Bool(flag) => Value::Bool(*flag),
        AttributeValue::N(number) => Value::Number(serde_json::from_str(number).ok()?),
        AttributeValue::S(text) => Value::String(text.clone()),
        AttributeValue::L(items) => Value::Array(items.iter().map(value).collect::<Option<_>>()?),
        AttributeValue::M(fields) => object(fields)?,
        _ => return None,
    })
}

/// The object that a map of attributes is.
pub(super) fn object(fields: &Attributes) -> Option<Value> {
    let field = |(name, field): (&String, &AttributeValue)| Some((name.clone(), value(field)?));
    fields.iter().map(field).collect::<Option<_>>().map(Value::Object)
}

/// A text attribute, or nothing at all.
pub(super) fn text<'row>(row: &'row Attributes, name: &str) -> &'row str {
    row.get(name).and_then(|attribute| attribute.as_s().ok()).map_or("", String::as_str)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn every_json_value_survives_the_way_there_and_back() {
        let all = json!({
            "null": null, "yes": true, "int": -7, "large": u64::MAX, "fraction": 0.25, "text": "Zoë \u{1F600}",
            "empty": "", "list": [1, "two", [], {}], "map": {"in": {"in": [null]}},
        });
        assert_eq!(value(&attribute(all.clone())), Some(all));
    }

    #[test]
    fn what_json_has_not_is_no_value() {
        assert_eq!(value(&AttributeValue::Ss(vec!["a".to_owned()])), None);
        assert_eq!(value(&AttributeValue::N("seven".to_owned())), None);
        let nested = AttributeValue::L(vec![AttributeValue::Ns(vec!["1".to_owned()])]);
        assert_eq!(value(&nested), None);
    }
}
