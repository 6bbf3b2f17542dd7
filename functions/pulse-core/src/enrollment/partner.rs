//! What partners tell of customers between two rosters.

use std::fmt;

use jiff::Timestamp;
use serde::{
    Deserialize, Deserializer, Serialize,
    de::{MapAccess, Visitor},
};
use serde_json::{Map, Value};

use crate::{
    customer::{
        Consent, ConsentRecord, ConsentSource, Contact, Customer, CustomerId, PartnerName, Standing, Told, Zone,
    },
    failure::Cause,
    roster::RosterRow,
    slot::Slot,
};

/// What a partner tells of one customer. Facts that aren't told stay.
///
/// A partner numbers its changes: a greater sequence is of the same moment or a later one. Of each fact, the change with
/// the greatest sequence holds, so that changes may come in any order and any number of times.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PartnerChange {
    /// Of which customer of the roster.
    pub customer: CustomerId,
    /// Which of the partner's changes it is.
    pub sequence: u64,
    /// Since when it is so.
    pub occurred_at: Timestamp,
    /// Where mail goes now.
    pub contact: Option<Contact>,
    /// Where they live now, as far as clocks are concerned.
    pub zone: Option<Zone>,
    /// Whether they are a customer still.
    pub standing: Option<Standing>,
    /// Whether they want no mail.
    pub opted_out: Option<bool>,
}

/// What became of a partner's change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum PartnerOutcome {
    /// The profile or the schedule is another now.
    Changed,
    /// Nothing: all was so already, or newer is known.
    Unchanged,
    /// There is no customer of that id.
    Unknown,
}

const FIELDS: [&str; 7] = ["customer", "sequence", "occurred_at", "email", "time_zone", "standing", "opted_out"];

impl PartnerChange {
    /// Reads `{"customer", "sequence", "occurred_at", "email"?, "time_zone"?, "standing"?, "opted_out"?}`.
    ///
    /// Other fields are refused, and those that are there twice: a misspelt `opted_out` that is left out, or one of two that
    /// is, would mail someone against their will. As in a roster, an address that can't be mailed spoils nothing: the customer is one still, with [`Contact::Unusable`].
    ///
    /// # Errors
    /// Every bad field, called by its name and never quoted. Whether it would have opted the customer out is said.
    pub fn parse(json: &str) -> Result<Self, Cause> {
        let Fields { fields, earlier } = serde_json::from_str(json).map_err(|error| {
            if error.is_data() {
                Cause::new("it is no JSON object")
            } else {
                Cause::new(format!("it is no JSON: line {}, column {}", error.line(), error.column()))
            }
        })?;
        let mut problems = Vec::new();
        let mut took = |name: &str, problem: &str| problems.push(format!("{name}: {problem}"));
        if fields.keys().any(|name| !FIELDS.contains(&name.as_str())) {
            took("other fields", &format!("there are none but {}", FIELDS.join(", ")));
        }
        for name in FIELDS.iter().filter(|name| earlier.iter().any(|(twice, _)| twice == *name)) {
            took(name, "is there twice");
        }
        let text = |name: &str| fields.get(name).map(|value| value.as_str().map(str::trim));
        let customer = match text("customer").flatten().map(CustomerId::parse) {
            Some(Ok(id)) => Some(id),
            Some(Err(error)) => (took("customer", &error.to_string()), None).1,
            None => (took("customer", "is missing, or no text"), None).1,
        };
        let sequence = fields.get("sequence").and_then(Value::as_u64);
        if sequence.is_none() {
            took("sequence", "is missing, or no whole number from 0 on");
        }
        let occurred_at = text("occurred_at").flatten().and_then(|text| text.parse().ok());
        if occurred_at.is_none() {
            took("occurred_at", "is missing, or no moment with its offset, such as 2026-11-26T09:30:00Z");
        }
        let contact = match text("email") {
            Some(Some(email)) => {
                let row = RosterRow { email, ..RosterRow::default() };
                Some(row.address().map_or(Contact::Unusable, Contact::Email))
            }
            Some(None) => (took("email", "is no text"), None).1,
            None => None,
        };
        let zone = match text("time_zone").map(|name| name.map(Zone::parse)) {
            Some(Some(Ok(zone))) => Some(zone),
            Some(Some(Err(error))) => (took("time_zone", &error.to_string()), None).1,
            Some(None) => (took("time_zone", "is no text"), None).1,
            None => None,
        };
        let standing = match text("standing") {
            Some(Some("active")) => Some(Standing::Active),
            Some(Some("closed")) => Some(Standing::Closed),
            Some(_) => (took("standing", "is neither 'active' nor 'closed'"), None).1,
            None => None,
        };
        let opted_out = fields.get("opted_out").and_then(Value::as_bool);
        if fields.contains_key("opted_out") && opted_out.is_none() {
            took("opted_out", "is neither true nor false");
        }
        match (customer, sequence, occurred_at) {
            (Some(customer), Some(sequence), Some(occurred_at)) if problems.is_empty() => {
                Ok(Self { customer, sequence, occurred_at, contact, zone, standing, opted_out })
            }
            (customer, ..) => {
                let earlier = |name| earlier.iter().filter(move |(twice, _)| twice == name).map(|(_, value)| value);
                let asks = opted_out == Some(true) || earlier("opted_out").any(|value| value == &Value::Bool(true));
                let opts_out = customer.filter(|_| asks && earlier("customer").next().is_none());
                let opts_out = opts_out.map(|id| format!(" It asks to opt out {id}: see to that."));
                Err(Cause::new(format!("{}.{}", problems.join("; "), opts_out.unwrap_or_default())))
            }
        }
    }

    /// The profile as it is to be, with the version of the one before.
    ///
    /// Nothing that is older than what a roster or an operator told changes a fact, nor what is older than another
    /// partner's word on it, nor what has no greater sequence than the partner's last word on it.
    #[must_use]
    pub fn applied_to(&self, before: &Customer, by: &PartnerName) -> Customer {
        let mut after = before.clone();
        let told = Told { sequence: self.sequence, at: self.occurred_at };
        let is_newer = |last: fn(&crate::customer::PartnerMark) -> Option<Told>| {
            let mark = &before.mark;
            let own = mark.partners.get(by).and_then(last);
            let mut others = mark.partners.iter().filter(|(name, _)| *name != by).filter_map(|(_, mark)| last(mark));
            own.is_none_or(|own| told.sequence > own.sequence)
                && mark.as_of <= Some(told.at)
                && others.all(|other| other.at <= told.at)
        };
        let mark = after.mark.partners.entry(by.clone()).or_default();
        if let Some(contact) = &self.contact
            && is_newer(|mark| mark.contact)
        {
            after.contact.clone_from(contact);
            mark.contact = Some(told);
        }
        if let Some(zone) = &self.zone
            && is_newer(|mark| mark.zone)
        {
            after.slot = Slot::of_sign_up(&before.id, before.signed_up_at, zone);
            after.zone.clone_from(zone);
            mark.zone = Some(told);
        }
        if let Some(standing) = self.standing
            && is_newer(|mark| mark.standing)
        {
            after.standing = standing;
            mark.standing = Some(told);
        }
        if let Some(opted_out) = self.opted_out
            && mark.consent.is_none_or(|own| told.sequence > own.sequence)
        {
            // Also what counts for nothing is the partner's last word, against which an earlier one is none.
            (mark.consent, mark.opts_out) = (Some(told), opted_out);
            let mut others = before.mark.partners.iter().filter(|(name, _)| *name != by);
            // Nobody takes back what somebody else asked for.
            if (opted_out || !others.any(|(_, mark)| mark.opts_out))
                && let Some(consent) = before.consent.after_partner(&self.consent(by, opted_out))
            {
                after.consent = consent;
            }
        }
        if mark.is_empty() {
            after.mark.partners.remove(by);
        }
        after.mark.settled &= (after.standing, &after.slot) == (before.standing, &before.slot);
        after
    }

    fn consent(&self, by: &PartnerName, opted_out: bool) -> Consent {
        let proof = Cause::new(format!("partner {by}, sequence {}", self.sequence));
        let record = ConsentRecord { by: ConsentSource::Partner, as_of: Some(self.occurred_at), proof: Some(proof) };
        Consent::said(opted_out, record)
    }
}

/// The fields of a JSON object by name, each as it is there last, and what of the same name is there before.
struct Fields {
    fields: Map<String, Value>,
    earlier: Vec<(String, Value)>,
}

impl<'de> Deserialize<'de> for Fields {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Object;

        impl<'de> Visitor<'de> for Object {
            type Value = Fields;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut object: A) -> Result<Fields, A::Error> {
                let (mut fields, mut earlier) = (Map::new(), Vec::new());
                while let Some((name, value)) = object.next_entry::<String, Value>()? {
                    if let Some(before) = fields.insert(name.clone(), value) {
                        earlier.push((name, before));
                    }
                }
                Ok(Fields { fields, earlier })
            }
        }

        deserializer.deserialize_map(Object)
    }
}

impl fmt::Display for PartnerOutcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Changed => "changed",
            Self::Unchanged => "unchanged",
            Self::Unknown => "unknown customer",
        })
    }
}

#[cfg(test)]
mod tests;
