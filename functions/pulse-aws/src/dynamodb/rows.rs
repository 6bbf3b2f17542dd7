//! Rows: a domain type with its keys.

use aws_sdk_dynamodb::types::AttributeValue;
use jiff::SignedDuration;
use pulse_core::{
    audit::{AuditCheckpoint, AuditName},
    campaign::{AudiencePart, Campaign, CampaignLetter, CampaignPace, CampaignRecord, PartId, PlannedParts},
    control::Control,
    customer::Customer,
    delivery::{Delivery, Endpoint, EndpointControl, EndpointName},
    entry::{Entry, StageName},
    failure::Cause,
    orders::Order,
    ports::{Activity, LedgerError},
    run::RunId,
    snapshot::{Point, Snapshot},
    suppression::Suppression,
};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::Value;

use super::{
    attributes::{Attributes, attribute, object},
    keys::{self, Key},
};

/// How long a note, an order or a part of an audience is kept.
const NOTE_KEPT: SignedDuration = SignedDuration::from_hours(400 * 24);

/// How long a delivery is kept after it was closed, so that it can be said whether the other system knows.
const DELIVERY_KEPT: SignedDuration = SignedDuration::from_hours(35 * 24);

/// The attribute that holds the id of the last conditional write.
pub(super) const WRITE_ID: &str = "write_id";

pub(super) fn entry(entry: &Entry) -> Result<Attributes, LedgerError> {
    let mut row = row(&Key::entry(entry.id()), entry)?;
    row.extend(texts(keys::of_entry(entry)));
    Ok(row)
}

pub(super) fn customer(customer: &Customer) -> Result<Attributes, LedgerError> {
    let mut row = row(&Key::profile(&customer.id), customer)?;
    row.extend(texts(keys::of_customer(customer)));
    Ok(row)
}

pub(super) fn activity(activity: &Activity) -> Result<Attributes, LedgerError> {
    let mut row = row(&Key::activity(activity), activity)?;
    let gone = activity.at.as_second() + NOTE_KEPT.as_secs();
    row.insert("expires_at".to_owned(), AttributeValue::N(gone.to_string()));
    Ok(row)
}

pub(super) fn control(stage: StageName, control: &Control) -> Result<Attributes, LedgerError> {
    row(&Key::control(stage), control)
}

pub(super) fn checkpoint(name: AuditName, checkpoint: &AuditCheckpoint) -> Result<Attributes, LedgerError> {
    row(&Key::audit(name), checkpoint)
}

pub(super) fn snapshot(snapshot: &Snapshot) -> Result<Attributes, LedgerError> {
    row(&Key::snapshot(), snapshot)
}

pub(super) fn point(point: &Point) -> Result<Attributes, LedgerError> {
    row(&Key::point(point.at), point)
}

pub(super) fn order(order: &Order) -> Result<Attributes, LedgerError> {
    let mut row = row(&Key::order(&order.id), order)?;
    let gone = order.given_at.as_second() + NOTE_KEPT.as_secs();
    row.insert("expires_at".to_owned(), AttributeValue::N(gone.to_string()));
    if order.state.is_open() {
        row.extend(texts(keys::of_open_order(order)));
    }
    Ok(row)
}

pub(super) fn campaign(campaign: &Campaign) -> Result<Attributes, LedgerError> {
    let mut row = row(&Key::campaign(campaign.run), campaign)?;
    row.extend(texts(keys::of_campaign(campaign)));
    Ok(row)
}

pub(super) fn campaign_record(run: RunId, record: &CampaignRecord) -> Result<Attributes, LedgerError> {
    row(&Key::campaign_record(run, record.number), record)
}

pub(super) fn audience_part(run: RunId, id: PartId, part: &AudiencePart) -> Result<Attributes, LedgerError> {
    let mut row = row(&Key::audience_part(run, id), part)?;
    let gone = part.at.as_second() + NOTE_KEPT.as_secs();
    row.insert("expires_at".to_owned(), AttributeValue::N(gone.to_string()));
    Ok(row)
}

pub(super) fn planned(run: RunId, planned: PlannedParts) -> Result<Attributes, LedgerError> {
    row(&Key::planned(run), &KeptPlan { version: planned.parts, planned })
}

pub(super) fn pace(run: RunId, pace: &CampaignPace) -> Result<Attributes, LedgerError> {
    row(&Key::pace(run), pace)
}

pub(super) fn campaign_letter(run: RunId, letter: &CampaignLetter) -> Result<Attributes, LedgerError> {
    row(&Key::campaign_letter(run, &letter.digest()), &KeptLetter { letter: letter.clone() })
}

/// A campaign's letter.
#[derive(Serialize, Deserialize)]
pub(super) struct KeptLetter {
    pub(super) letter: CampaignLetter,
}

/// How far a campaign's entries are written.
#[derive(Serialize, Deserialize)]
pub(super) struct KeptPlan {
    /// The parts: each is a version.
    version: u32,
    #[serde(flatten)]
    pub(super) planned: PlannedParts,
}

pub(super) fn endpoint(endpoint: &Endpoint) -> Result<Attributes, LedgerError> {
    row(&Key::endpoint(&endpoint.name), endpoint)
}

pub(super) fn endpoint_control(name: &EndpointName, control: &EndpointControl) -> Result<Attributes, LedgerError> {
    row(&Key::endpoint_control(name), control)
}

pub(super) fn delivery(delivery: &Delivery) -> Result<Attributes, LedgerError> {
    let mut row = row(&Key::delivery(&delivery.id()), delivery)?;
    row.extend(keys::of_delivery(delivery).map(texts).into_iter().flatten());
    if let Some(at) = delivery.closed_at() {
        let gone = at.as_second() + DELIVERY_KEPT.as_secs();
        row.insert("expires_at".to_owned(), AttributeValue::N(gone.to_string()));
    }
    Ok(row)
}

pub(super) fn suppression(key: &Key, suppression: &Suppression) -> Result<Attributes, LedgerError> {
    let mut row = row(key, suppression)?;
    row.extend(keys::of_suppression(key, suppression).map(texts).into_iter().flatten());
    Ok(row)
}

/// Reads a row back. Fields that the type hasn't are passed over. The error names the row but not
/// what is wrong with it: serde would quote the value.
pub(super) fn parse<T: DeserializeOwned>(row: &Attributes) -> Result<T, LedgerError> {
    object(row).and_then(|fields| serde_json::from_value(fields).ok()).ok_or_else(|| unreadable(row))
}

fn row<T: Serialize>(key: &Key, body: &T) -> Result<Attributes, LedgerError> {
    let Ok(Value::Object(fields)) = serde_json::to_value(body) else {
        let problem = format!("Row {key} can't be written as JSON fields.");
        return Err(LedgerError::Broken(Cause::new(problem)));
    };
    let mut row: Attributes = fields.into_iter().map(|(name, field)| (name, attribute(field))).collect();
    row.extend(texts([("pk", key.pk.clone()), ("sk", key.sk.clone())]));
    Ok(row)
}

fn texts<const N: usize>(fields: [(&str, String); N]) -> [(String, AttributeValue); N] {
    fields.map(|(name, text)| (name.to_owned(), AttributeValue::S(text)))
}

fn unreadable(row: &Attributes) -> LedgerError {
    let text = |name| row.get(name).and_then(|key| key.as_s().ok()).map_or("?", String::as_str);
    let key = Key { pk: text("pk").to_owned(), sk: text("sk").to_owned() };
    LedgerError::Unreadable(Cause::new(format!(
        "Row {key} can't be read: someone else wrote it, or a newer release. Mend or delete it."
    )))
}

#[cfg(test)]
mod tests;
