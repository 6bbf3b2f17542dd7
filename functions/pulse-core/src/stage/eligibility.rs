use crate::{
    customer::{Contact, Customer, EmailAddress, Standing},
    entry::{Entry, EntryId, SkipReason},
    run::RunId,
};

/// The address to mail, or why there is no mail for this customer at all.
pub(crate) fn mailable(customer: &Customer) -> Result<&EmailAddress, SkipReason> {
    if customer.standing == Standing::Closed {
        return Err(SkipReason::Closed);
    }
    if customer.consent.opted_out() {
        return Err(SkipReason::OptedOut);
    }
    match &customer.contact {
        Contact::Email(address) => Ok(address),
        Contact::Unusable => Err(SkipReason::BadAddress),
    }
}

/// Next month's entry, to be opened as `entry` is closed, with the score that the next mail compares to; none
/// for a customer who has left, and none after a repeat or a campaign, which are beside the monthly cycle.
///
/// It is the slot that follows this entry's own, even if that is past already: nobody's month is
/// passed over because another one took long.
pub(crate) fn next_entry(customer: &Customer, entry: &Entry) -> Option<Entry> {
    if customer.standing == Standing::Closed || !entry.id().run.is_monthly() {
        return None;
    }
    let mut moment = customer.slot.next_after(entry.scheduled_at());
    // A slot that moved to later in the month may come up once more in the run that just ended.
    while RunId::of(moment, customer.zone.rules()) <= entry.id().run {
        moment = customer.slot.next_after(moment);
    }
    let id = EntryId::of(customer.id.clone(), RunId::of(moment, customer.zone.rules()));
    let previous = entry.score().or(entry.previous()).cloned();
    Some(Entry::scheduled(id, moment, previous))
}
