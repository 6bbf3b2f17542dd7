//! Profiles in little memory: what many customers have in common is kept once.

use std::collections::HashMap;

use foldhash::fast::FixedState;
use jiff::Timestamp;
use pulse_core::{
    customer::{
        Consent, Contact, Currency, Customer, CustomerId, EmailAddress, Locale, Money, PersonName, Product,
        ProfileMark, Standing, Zone,
    },
    slot::Slot,
};

/// A profile without its customer's id.
#[derive(Debug)]
pub(super) struct PackedProfile {
    /// None, if what the roster gives as an address is none.
    address: Option<Box<str>>,
    minor: i64,
    signed_up_at: Timestamp,
    as_of: Option<Timestamp>,
    contact_since: Option<Timestamp>,
    pub(super) version: u64,
    /// The consent and the mark of few customers.
    rare: Option<Box<(Consent, ProfileMark)>>,
    name: u32,
    locale: u32,
    zone: u32,
    slot_zone: u32,
    /// Day, hour and minute.
    slot: (i8, i8, i8),
    currency: Currency,
    product: Product,
    pub(super) standing: Standing,
    settled: bool,
}

/// What many customers have in common.
#[derive(Debug, Default)]
pub(super) struct Commons {
    names: Common<PersonName>,
    locales: Common<Locale>,
    zones: Common<Zone>,
}

/// Things by number, and their numbers by their text.
#[derive(Debug)]
struct Common<T> {
    all: Vec<T>,
    numbers: HashMap<Box<str>, u32, FixedState>,
}

impl Commons {
    pub(super) fn pack(&mut self, customer: &Customer) -> PackedProfile {
        // All fields are named, so that one that comes to it isn't left out.
        let Customer {
            id: _,
            name,
            contact,
            product,
            balance: Money { minor, currency },
            locale,
            zone,
            signed_up_at,
            slot,
            standing,
            consent,
            mark,
        } = customer;
        let ProfileMark { version, as_of, contact_since, settled, forgotten, partners } = mark;
        let is_rare = forgotten.is_some() || !partners.is_empty() || *consent != Consent::default();
        PackedProfile {
            address: match contact {
                Contact::Email(address) => Some(address.expose().into()),
                Contact::Unusable => None,
            },
            minor: *minor,
            signed_up_at: *signed_up_at,
            as_of: *as_of,
            contact_since: *contact_since,
            version: *version,
            rare: is_rare.then(|| Box::new((consent.clone(), mark.clone()))),
            name: self.names.number(name.expose(), name),
            locale: self.locales.number(locale.as_str(), locale),
            zone: self.zones.number(zone.name(), zone),
            slot_zone: self.zones.number(slot.zone().name(), slot.zone()),
            slot: (slot.day(), slot.hour(), slot.minute()),
            currency: *currency,
            product: *product,
            standing: *standing,
            settled: *settled,
        }
    }

    /// The profile of this customer.
    pub(super) fn unpack(&self, id: &CustomerId, packed: &PackedProfile) -> Customer {
        let (day, hour, minute) = packed.slot;
        let slot = Slot::parse(day, hour, minute, self.zones.get(packed.slot_zone).clone());
        let (consent, mark) = packed.rare.as_deref().cloned().unwrap_or_else(|| {
            let &PackedProfile { version, as_of, contact_since, settled, .. } = packed;
            let mark = ProfileMark { version, as_of, contact_since, settled, ..ProfileMark::default() };
            (Consent::default(), mark)
        });
        let address = packed.address.as_deref().map(|address| EmailAddress::parse(address).expect(TAKEN));
        Customer {
            id: id.clone(),
            name: self.names.get(packed.name).clone(),
            contact: address.map_or(Contact::Unusable, Contact::Email),
            product: packed.product,
            balance: Money { minor: packed.minor, currency: packed.currency },
            locale: self.locales.get(packed.locale).clone(),
            zone: self.zones.get(packed.zone).clone(),
            signed_up_at: packed.signed_up_at,
            slot: slot.expect(TAKEN),
            standing: packed.standing,
            consent,
            mark,
        }
    }
}

/// What is read was a slot and an address before.
const TAKEN: &str = "it was taken once";

impl<T: Clone> Common<T> {
    fn number(&mut self, text: &str, thing: &T) -> u32 {
        if let Some(number) = self.numbers.get(text) {
            return *number;
        }
        let number = u32::try_from(self.all.len()).expect("fewer than 2^32 of a kind");
        self.all.push(thing.clone());
        self.numbers.insert(text.into(), number);
        number
    }

    fn get(&self, number: u32) -> &T {
        &self.all[number as usize]
    }
}

impl<T> Default for Common<T> {
    fn default() -> Self {
        Self { all: Vec::new(), numbers: HashMap::default() }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use pulse_core::{
        control::Note,
        customer::{ConsentRecord, ConsentSource, PartnerMark, PartnerName, Told, Tombstone},
    };

    use super::*;
    use crate::seeds::person;

    #[test]
    fn a_profile_comes_back_as_it_was() {
        let at: Timestamp = "2026-11-10T15:41:12.345678901Z".parse().unwrap();
        let record = ConsentRecord { by: ConsentSource::Customer, as_of: Some(at), proof: None };
        let told = PartnerMark { zone: Some(Told { sequence: 7, at }), opts_out: true, ..PartnerMark::default() };
        let partners = [(PartnerName::parse("crm").unwrap(), told)].into();
        let tombstone = Tombstone { at, by: "operator".into(), note: Note::parse("Asked for.").unwrap() };
        let mut commons = Commons::default();
        for number in 0..200 {
            let person = person(1, number);
            let mark = ProfileMark { version: 3, as_of: Some(at), settled: true, ..ProfileMark::default() };
            let marked = Customer { mark: mark.clone(), ..person.clone() };
            let since = ProfileMark { contact_since: Some(at), ..mark.clone() };
            let closed = Customer { mark: since, standing: Standing::Closed, ..person.clone() };
            let silent = Customer { consent: Consent::said(true, record.clone()), ..marked.clone() };
            let partners = ProfileMark { partners: BTreeMap::clone(&partners), ..mark };
            let told = Customer { mark: partners, contact: Contact::Unusable, ..person.clone() };
            let forgotten = person.forgotten(tombstone.clone());
            for customer in [person, marked, closed, silent, told, forgotten] {
                let packed = commons.pack(&customer);
                assert_eq!((packed.version, packed.standing), (customer.mark.version, customer.standing));
                assert_eq!(commons.unpack(&customer.id, &packed), customer);
            }
        }
    }
}
