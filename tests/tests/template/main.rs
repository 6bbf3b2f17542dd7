//! template.yaml keeps its promises, and each check can tell when it does not.

mod account;
mod alarms;
mod closing;
mod console;
mod functions;
mod given;
mod intake;
mod policies;
mod queues;
mod sources;
mod table;

use anyhow::Result;
use pulse_tests::template::Template;
use serde_json::{Value, json};

/// What somebody might do to the template.
enum Edit {
    Set(String, Value),
    Add(String, &'static str, Value),
    Cut(String),
}

/// The shipped template passes a check, and with any one of the edits it does not.
fn keeps(check: impl Fn(&Template) -> Vec<String>, edits: impl IntoIterator<Item = Edit>) -> Result<()> {
    let shipped = Template::shipped()?;
    assert_eq!(check(&shipped), Vec::<String>::new());
    for edit in edits {
        let (pointer, edited) = match edit {
            Edit::Set(at, value) => (at.clone(), shipped.clone().with(&at, value)?),
            Edit::Cut(at) => (at.clone(), shipped.clone().without(&at)?),
            Edit::Add(at, key, value) => {
                let mut map = shipped.at(&at).cloned().unwrap_or_default();
                map[key] = value;
                (format!("{at}/{key}"), shipped.clone().with(&at, map)?)
            }
        };
        assert!(!check(&edited).is_empty(), "an edit of {pointer} went unnoticed");
    }
    Ok(())
}

/// Puts another value where one is.
fn set(path: &str, value: impl Into<Value>) -> Edit {
    Edit::Set(pointer(path), value.into())
}

/// Puts a value where none is.
fn add(path: &str, key: &'static str, value: Value) -> Edit {
    Edit::Add(pointer(path), key, value)
}

/// Takes a value away.
fn cut(path: &str) -> Edit {
    Edit::Cut(pointer(path))
}

/// `/Section/..` as it stands, and `Resource/..` as what is in that resource's properties.
fn pointer(path: &str) -> String {
    match path.split_once('/') {
        Some(("", _)) => path.to_owned(),
        Some((id, rest)) => format!("/Resources/{id}/Properties/{rest}"),
        None => format!("/Resources/{path}/Properties"),
    }
}

fn arn(id: &str) -> Value {
    json!({ "Fn::GetAtt": [id, "Arn"] })
}

#[test]
fn an_edit_of_nothing_is_refused() -> Result<()> {
    let shipped = Template::shipped()?;
    assert!(shipped.clone().without("/Resources/ScoreQueue/Properties/Visible").is_err());
    assert!(shipped.with("/Resources/NoQueue", json!(1)).is_err());
    Ok(())
}
