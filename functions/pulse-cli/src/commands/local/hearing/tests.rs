use pulse_core::{
    customer::{
        Consent, ConsentRecord, ConsentSource, Currency, EmailAddress, Locale, Money, PersonName, Product, ProfileMark,
        Standing, Zone,
    },
    entry::{Entry, Hearing as Heard},
    feedback::FeedbackFacts,
    slot::Slot,
};
use pulse_sim::ledger::MemoryLedger;

use super::*;

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(1_795_000_000 + seconds).unwrap()
}

fn mail(contact: &str, to: &str, accepted: i64, told: &[(MailEvent, i64)]) -> AcceptedMail {
    AcceptedMail {
        message_key: format!("{contact}_2026-11"),
        contact: contact.into(),
        definition: String::new(),
        to: to.into(),
        name: String::new(),
        subject: String::new(),
        html: String::new(),
        text: String::new(),
        trace: None,
        at: at(accepted),
        number: usize::try_from(accepted).unwrap(),
        provider_id: String::new(),
        from: "pulse@example.com".into(),
        headers: Vec::new(),
        tags: Vec::new(),
        told: told.iter().map(|(event, seconds)| (*event, at(*seconds))).collect(),
    }
}

const HARD: MailEvent = MailEvent::Bounced(BounceKind::Hard);

#[test]
fn who_bounced_complained_or_opted_out_is_left_alone_after_a_minute() {
    let first = [
        mail("a", "a@example.com", 1, &[(HARD, 10)]),
        mail("b", "b@example.com", 2, &[(MailEvent::Delivered, 5), (MailEvent::Complained, 10)]),
        mail("c", "c@example.com", 3, &[(MailEvent::Delivered, 5), (MailEvent::Unsubscribed, 10)]),
        mail("d", "d@example.com", 4, &[(MailEvent::Bounced(BounceKind::Soft), 10)]),
    ];
    let then = |contact: &str, to: &str, seconds| {
        let mails = [&first[..], &[mail(contact, to, seconds, &[])]].concat();
        silent_after(&mails, &Silence::of(&mails))
    };
    let promise = then("e", "e@example.com", 71);
    assert!(promise.held && promise.seen == "0 mails to 3 who are to be left alone", "{}", promise.seen);
    for (contact, to) in [("a2", "A@example.com"), ("b2", "b@example.com"), ("c", "new@example.com")] {
        assert!(!then(contact, to, 71).held, "{contact}");
        let under_way = then(contact, to, 70);
        assert!(under_way.held && under_way.seen.ends_with("1 were under way"), "{}", under_way.seen);
    }
    assert!(then("d", "d@example.com", 71).held, "a full mailbox may be mailed");
    assert!(then("c2", "c@example.com", 71).held, "someone else at that address didn't opt out");
}

#[test]
fn who_opts_out_by_hand_is_left_alone_too_and_none_of_their_mails_is_missing() {
    let clicked = CustomerId::parse("a").unwrap();
    let customer = opted_out(clicked.clone(), Consent::default());
    let mails = [mail("a", "a@example.com", 70, &[]), mail("b", "b@example.com", 71, &[])];
    let mut silence = Silence::of(&mails);
    assert!(!silence.is_due_to(&customer));
    silence.add_opt_outs([(&clicked, at(9))]);
    assert!(silence.is_due_to(&customer));
    let promise = silent_after(&mails, &silence);
    assert!(!promise.held && promise.seen == "1 mails to 1 who are to be left alone", "{}", promise.seen);
    // What the stand-in told is known since then.
    let told = [mail("a", "a@example.com", 1, &[(MailEvent::Unsubscribed, 5)])];
    let mut silence = Silence::of(&told);
    silence.add_opt_outs([(&clicked, at(9))]);
    assert_eq!(silence.customers["a"], at(5));
}

#[test]
fn what_others_sent_is_no_event_of_the_stand_in_s() {
    let events = MailEventCounts { planned: 7, told: 7, ..MailEventCounts::default() };
    let hearing = Hearing { events, unheard: 1, queued: 3, waited: true };
    let seen = "6 of 7 events are heard, 1 on a queue; beside them, 2 messages of others are on a queue";
    assert_eq!(all_heard(&hearing).seen, seen);
    assert!(all_heard(&Hearing { unheard: 0, ..hearing }).held);
}

#[test]
fn an_event_that_is_neither_heard_nor_on_a_queue_breaks_the_promise_and_so_does_one_that_was_refused() {
    let events = MailEventCounts { planned: 9, told: 7, ..MailEventCounts::default() };
    let hearing = Hearing { events, unheard: 2, queued: 2, waited: true };
    assert!(all_heard(&hearing).held);
    assert_eq!(all_heard(&hearing).seen, "5 of 7 events are heard, 2 on a queue");
    assert!(!all_heard(&Hearing { queued: 1, ..hearing }).held);
    let refused = MailEventCounts { refused: 1, ..events };
    let refused = all_heard(&Hearing { events: refused, ..hearing });
    assert!(!refused.held && refused.seen.ends_with("; 1 were refused"), "{}", refused.seen);
}

#[tokio::test]
async fn what_the_ledger_knows_is_heard_and_nothing_else_is() {
    let ledger = MemoryLedger::default();
    let id = |name: &str| CustomerId::parse(name).unwrap();
    let key = EntryId::of_message_key("a_2026-11").unwrap();
    let entry = Entry::scheduled(key, at(0), None);
    ledger.open(&entry).await.unwrap();
    let told = [(MailEvent::Delivered, 10), (MailEvent::Complained, 20), (MailEvent::Unsubscribed, 30)];
    let mails = [mail("a", "a@example.com", 1, &told), mail("nobody", "n@example.com", 1, &[(HARD, 10)])];
    let ses = StandInProvider::Ses;
    assert_eq!(unheard(&ledger, &mails, ses).await.unwrap(), 4);
    let facts = FeedbackFacts { delivered_at: Some(at(10)), ..FeedbackFacts::default() };
    let Heard::News(change) = entry.hear(&facts, at(11), || None) else { panic!("news") };
    ledger.apply(&change).await.unwrap();
    assert_eq!(unheard(&ledger, &mails, ses).await.unwrap(), 3);
    let record = ConsentRecord { by: ConsentSource::Customer, as_of: Some(at(30)), proof: None };
    let customer = opted_out(id("a"), Consent::said(true, record));
    ledger.save_customer(&customer).await.unwrap();
    // Marketing Cloud tells of a complaint by an opt-out.
    assert_eq!(unheard(&ledger, &mails, ses).await.unwrap(), 2);
    assert_eq!(unheard(&ledger, &mails, StandInProvider::MarketingCloud).await.unwrap(), 1);
}

fn opted_out(id: CustomerId, consent: Consent) -> Customer {
    Customer {
        slot: Slot::of_sign_up(&id, at(0), &Zone::UTC),
        id,
        name: PersonName::parse("Ada Ní Bhriain").unwrap(),
        contact: Contact::Email(EmailAddress::parse("a@example.com").unwrap()),
        product: Product::Card,
        balance: Money::parse("1.00", Currency::parse("EUR").unwrap()).unwrap(),
        locale: Locale::parse("en").unwrap(),
        zone: Zone::UTC,
        signed_up_at: at(0),
        standing: Standing::Active,
        consent,
        mark: ProfileMark::default(),
    }
}
