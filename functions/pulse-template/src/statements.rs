//! Which statement of the template allows what, as a list that programs can carry with them.

use std::fmt::Write as _;

/// A line for each statement that allows something to a role or a policy of people, not to others by a queue's policy: the logical id of its role or policy, its Sid, its actions.
///
/// It is read from the rendered text by its layout (a resource's id at two columns, a statement's `Sid` before its
/// `Effect` and `Action`), which a test holds against the template as YAML is read.
#[must_use]
pub fn statements(template: &str) -> String {
    let mut list = String::new();
    let (mut resource, mut sid, mut in_actions) = ("", None, false);
    for line in template.lines() {
        let (text, column) = (line.trim(), line.len() - line.trim_start().len());
        let item = text.strip_prefix("- ");
        if in_actions && let Some(action) = item.filter(|item| !item.contains(": ")) {
            let _ = write!(list, " {action}");
            continue;
        }
        if in_actions {
            list.push('\n');
        }
        in_actions = false;
        if column == 2
            && let Some(id) = text.strip_suffix(':')
        {
            resource = id;
        } else if let Some(name) = text.strip_prefix("- Sid: ") {
            sid = Some(name);
        } else if text == "Effect: Deny" || text.starts_with("Principal:") {
            sid = None;
        } else if let Some(actions) = text.strip_prefix("Action:")
            && let Some(name) = sid.take()
        {
            let actions: Vec<_> = actions.trim().trim_matches(['[', ']']).split(", ").collect();
            let _ = write!(list, "{resource} {name}");
            for action in actions.iter().filter(|action| !action.is_empty()) {
                let _ = write!(list, " {action}");
            }
            in_actions = true;
        }
    }
    list
}
