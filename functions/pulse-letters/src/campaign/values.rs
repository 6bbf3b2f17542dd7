use pulse_core::{campaign::LetterError, customer::Locale, ports::CampaignMail, score::Score};

use super::tags::{Condition, Field};
use crate::{
    autolink::apart,
    letter_view::kind,
    localized::Localized,
    plain::{neutral, shorten},
};

/// What a campaign's letter may show of one customer, as text that is ready to be shown.
///
/// What strangers wrote (the name, the provider's band, the partner's reference, the item) has been through [`neutral`] and [`apart`].
pub(super) struct Values {
    /// Nothing for a customer whose name shows nothing.
    name: Option<String>,
    /// In the letter's language.
    product: String,
    balance: String,
    currency: String,
    score: Option<Scored>,
    reference: Option<String>,
    item: Option<String>,
    /// What `product` is compared as.
    kind: &'static str,
}

struct Scored {
    value: String,
    /// As it is shown.
    band: String,
    /// As the provider says it.
    provider_band: String,
    as_of: String,
}

impl Values {
    /// Of a mail's customer, with dates and numbers of `language` as it is written where they live, and `product` being its word for
    /// what they have.
    pub(super) fn of(
        &CampaignMail { customer, score, reference, item, .. }: &CampaignMail<'_>,
        language: &Locale,
        product: String,
    ) -> Result<Self, LetterError> {
        let cannot = |problem: String| LetterError::of(language, problem);
        let ways = Localized::of(language.as_str(), &customer.locale)
            .map_err(|error| cannot(format!("no formats for {}: {error}", customer.locale)))?;
        let scored = |score: &Score| {
            let as_of = ways.moment(score.as_of, &customer.zone);
            Ok(Scored {
                value: ways.number(score.value.expose()),
                band: shown(score.band.expose()).unwrap_or_else(|| "-".to_owned()),
                provider_band: score.band.expose().to_owned(),
                as_of: as_of.ok_or_else(|| cannot(format!("the score's moment {} is out of range", score.as_of)))?,
            })
        };
        Ok(Self {
            name: shown(customer.name.expose()),
            product,
            balance: ways.amount(customer.balance),
            currency: customer.balance.currency.to_string(),
            score: score.map(scored).transpose()?,
            reference: reference.and_then(|reference| shown(reference.expose())),
            item: item.and_then(|item| shown(item.as_str())),
            kind: kind(customer.product),
        })
    }

    /// What is shown of a field, names cut at `longest_name` characters; nothing, where it isn't known.
    pub(super) fn shown(&self, field: Field, longest_name: usize) -> Option<String> {
        Some(match field {
            Field::Name => shorten(self.name.as_ref()?, longest_name),
            Field::Product => self.product.clone(),
            Field::Balance => self.balance.clone(),
            Field::Currency => self.currency.clone(),
            Field::Score => self.score.as_ref()?.value.clone(),
            Field::Band => self.score.as_ref()?.band.clone(),
            Field::AsOf => self.score.as_ref()?.as_of.clone(),
            Field::Reference => self.reference.clone()?,
            Field::Item => self.item.clone()?,
        })
    }

    pub(super) fn holds(&self, condition: &Condition<'_>) -> bool {
        let value = match condition.field {
            Field::Name => self.name.as_deref(),
            Field::Product => Some(self.kind),
            Field::Balance => Some(&*self.balance),
            Field::Currency => Some(&*self.currency),
            Field::Score | Field::Band | Field::AsOf => self.score.as_ref().map(|score| &*score.provider_band),
            Field::Reference => self.reference.as_deref(),
            Field::Item => self.item.as_deref(),
        };
        let is_so = value.is_some_and(|value| condition.with.is_none_or(|with| with == value));
        is_so != condition.is_negated
    }
}

/// What a stranger wrote, if it shows anything.
fn shown(text: &str) -> Option<String> {
    Some(apart(&neutral(text, ""))).filter(|text| !text.is_empty())
}
