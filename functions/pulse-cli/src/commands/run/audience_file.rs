//! Files of those whom a campaign is for.

use std::{collections::BTreeMap, fs, io, path::Path};

use anyhow::{Context as _, Result, bail};
use pulse_core::{
    customer::CustomerId,
    entry::{Addressee, ItemId},
};

/// What the first column of a heading is called.
const HEADINGS: [&str; 3] = ["id", "customer", "customer_id"];

/// What the column of the items is called.
const ITEM: &str = "item";

/// Those in a file; `-` is standard input.
///
/// # Errors
/// When it can't be read, or isn't as `pulse run start --help` says, with the first line that isn't.
pub(super) fn read(path: &Path) -> Result<Vec<Addressee>> {
    let text = if path.as_os_str() == "-" { io::read_to_string(io::stdin()) } else { fs::read_to_string(path) };
    let text = text.with_context(|| format!("{} can't be read", path.display()))?;
    parse(&text).with_context(|| format!("{} can't be used", path.display()))
}

/// Items stand in a column that the first line calls so: what else stands behind the ids, such as a name or a birthday, may be
/// personal, and is passed over.
fn parse(text: &str) -> Result<Vec<Addressee>> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut item_column = None;
    let (mut found, mut no_ids, mut no_items) = (Vec::new(), Vec::new(), Vec::new());
    for (number, line) in (1..).zip(text.lines()) {
        let fields: Vec<_> = line.split([',', ';', '\t']).map(|field| field.trim().trim_matches('"')).collect();
        let first = fields[0].to_lowercase();
        if number == 1 && HEADINGS.contains(&&*first) {
            item_column = fields.iter().position(|name| name.eq_ignore_ascii_case(ITEM));
            continue;
        }
        if first.is_empty() {
            continue;
        }
        let Ok(customer) = CustomerId::parse(fields[0]) else {
            no_ids.push(number);
            continue;
        };
        let item = item_column.and_then(|column| fields.get(column)).filter(|item| !item.is_empty());
        match item.map(|item| ItemId::parse(item)).transpose() {
            Ok(item) => found.push((number, Addressee { customer, item })),
            Err(_) => no_items.push(number),
        }
    }
    let all = found.len() + no_ids.len() + no_items.len();
    if let Some(line) = no_ids.first() {
        bail!(
            "{} of {all} lines have no customer's id in their first column, the first of them line {line}: mend or remove them",
            no_ids.len()
        );
    }
    if let Some(line) = no_items.first() {
        bail!(
            "{} of {all} lines have no item in the column of that name, the first of them line {line}: an item is 1 to {} letters, \
             digits, '-' and '_'",
            no_items.len(),
            ItemId::LONGEST
        );
    }
    if found.is_empty() {
        bail!("there is no id in it");
    }
    if let Some((line, customer)) = in_both_ways(&found) {
        bail!(
            "line {line}: customer {customer} is there with an item and without one: name one on each of their lines, or on none"
        );
    }
    Ok(found.into_iter().map(|(_, addressee)| addressee).collect())
}

/// The first line by which a customer is there with an item and without.
fn in_both_ways(found: &[(usize, Addressee)]) -> Option<(usize, &CustomerId)> {
    let mut seen = BTreeMap::new();
    found.iter().find_map(|(line, Addressee { customer, item })| {
        let before = *seen.entry(customer).or_insert(item.is_some());
        (before != item.is_some()).then_some((*line, customer))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Vec<String>, String> {
        let found = parse(text).map_err(|error| error.to_string())?;
        Ok(found.iter().map(ToString::to_string).collect())
    }

    #[test]
    fn a_line_is_a_customer_or_a_customer_and_an_item() {
        for (text, found) in [
            ("c-1\nc-2\n\nc-1\n", vec!["c-1", "c-2", "c-1"]),
            ("\u{feff}customer_id\r\nc-1\r\n", vec!["c-1"]),
            (
                "customer,item\nc-1,INV-1\n\"c-1\"; \"INV-2\"\nc-2\tA_7\nc-3\nc-4,",
                vec!["c-1,INV-1", "c-1,INV-2", "c-2,A_7", "c-3", "c-4"],
            ),
            ("customer,name,Item\nc-1,Ada Lovelace,INV-1\nc-2,Zo\u{eb},\n", vec!["c-1,INV-1", "c-2"]),
            // Of other columns none counts.
            ("id,product\nc-1,loan\n", vec!["c-1"]),
            ("c-1,Ada\nc-1,INV-1\nc-1,ada@example.com,loan\n", vec!["c-1", "c-1", "c-1"]),
        ] {
            assert_eq!(read(text), Ok(found.into_iter().map(str::to_owned).collect()), "{text}");
        }
    }

    #[test]
    fn what_is_wrong_is_told_by_its_line_and_not_quoted() {
        for (text, problem) in [
            ("", "there is no id in it"),
            ("id\n", "there is no id in it"),
            (
                "c-1\nAda Lovelace\nc 3\n",
                "2 of 3 lines have no customer's id in their first column, the first of them line 2",
            ),
            (
                "id,item\nc-1,a.b\nc-2,x\n",
                "1 of 2 lines have no item in the column of that name, the first of them line 2",
            ),
            ("id,item\nc-1,INV-1\nc-2\nc-1\n", "line 4: customer c-1 is there with an item and without one"),
            ("id,item\nc-1\nc-1,INV-1\n", "line 3: customer c-1"),
        ] {
            let error = read(text).unwrap_err();
            assert!(error.starts_with(problem) && !error.contains("Ada") && !error.contains("example.com"), "{error}");
        }
    }
}
