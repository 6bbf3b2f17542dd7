use pulse_core::{
    customer::{ConsentEffect, Contact, Customer},
    enrollment::{Enrolled, Outcome},
};
use serde::Serialize;

/// How many customers were enrolled, by what that did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Counts {
    /// Who weren't on the roster.
    pub new: u64,
    /// Whose profile or schedule was another.
    pub changed: u64,
    /// Whose all was so already.
    pub unchanged: u64,
    /// Who have left.
    pub closed: u64,
    /// Of whom newer facts are known, which stay.
    pub older: u64,
    /// Who asked to be forgotten, and stay so.
    pub forgotten: u64,
    /// Of all of these, whose row has no address that can be mailed.
    pub without_usable_address: u64,
    /// Of all of these, who get no mail as they are opted out.
    pub opted_out: u64,
    /// What became of their consent.
    pub consent: ConsentCounts,
}

/// What a roster's marks do to consent, by how many customers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct ConsentCounts {
    /// Who are opted out now, and were not.
    pub opted_out_now: u64,
    /// Whose opt-out, which a roster had made, is taken back.
    pub taken_back: u64,
    /// Whose opt-out the row would take back, and can't: the customer asked for it, or an operator did.
    pub not_taken_back: u64,
    /// Of whom the row says otherwise than a newer source.
    pub outdated: u64,
    /// Whose mark is empty: what is known stays.
    pub empty: u64,
    /// Who are new and whose mark is empty: they count as not opted out.
    pub empty_of_new: u64,
}

impl Counts {
    /// All rows that were counted.
    #[must_use]
    pub fn rows(&self) -> u64 {
        self.new + self.changed + self.unchanged + self.closed + self.older + self.forgotten
    }

    /// Counts what became of a customer.
    pub(super) fn add(&mut self, enrolled: Enrolled, told: &Customer) {
        *match enrolled.outcome {
            Outcome::New => &mut self.new,
            Outcome::Changed => &mut self.changed,
            Outcome::Unchanged => &mut self.unchanged,
            Outcome::Closed => &mut self.closed,
            Outcome::Older => &mut self.older,
            Outcome::Forgotten => &mut self.forgotten,
        } += 1;
        self.without_usable_address += u64::from(told.contact == Contact::Unusable);
        self.opted_out += u64::from(enrolled.opted_out);
        let consent = &mut self.consent;
        *match enrolled.consent {
            None => return,
            Some(ConsentEffect::OptsOut) => &mut consent.opted_out_now,
            Some(ConsentEffect::TakesBack) => &mut consent.taken_back,
            Some(ConsentEffect::AskedFor) => &mut consent.not_taken_back,
            Some(ConsentEffect::Outdated) => &mut consent.outdated,
            Some(ConsentEffect::Empty) => &mut consent.empty,
            Some(ConsentEffect::EmptyOfNew) => &mut consent.empty_of_new,
        } += 1;
    }
}
