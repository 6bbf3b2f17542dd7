use super::*;

#[test]
fn moments_sort_as_text_as_they_do_in_time() {
    let moments = ["2026-11-03T09:59:59.5Z", "2026-11-03T10:00:00Z", "2026-11-03T10:00:00.000000001Z"];
    let texts = moments.map(|moment| sortable(moment.parse().unwrap()));
    assert!(texts.is_sorted());
    assert!(texts.iter().all(|text| text.len() == 30), "{texts:?}");
}

#[test]
fn outcomes_are_read_back() {
    let run = RunId::parse("2026-11").unwrap();
    assert_eq!(parse_outcome("2026-11#SENT"), Some((run, TallyKey::Sent)));
    assert_eq!(parse_outcome("2026-11#SKIPPED.opted-out"), Some((run, TallyKey::Skipped(SkipReason::OptedOut))));
    assert_eq!(parse_outcome("2026-11#FAILED.email"), Some((run, TallyKey::Failed(StageName::Email))));
    for key in [TallyKey::Sent, TallyKey::Skipped(SkipReason::Closed), TallyKey::Indeterminate] {
        let prefix = outcome_prefix(run, key).unwrap();
        assert_eq!(parse_outcome(prefix.trim_end_matches('#')), Some((run, key)));
    }
    for bad in ["", "SENT", "2026-13#SENT", "2026-11#SKIPPED", "2026-11#FAILED.tick"] {
        assert_eq!(parse_outcome(bad), None, "{bad}");
    }
}

#[test]
fn entries_are_told_by_their_keys_and_other_rows_are_not() {
    let id = EntryId::of(CustomerId::parse("c-1").unwrap(), RunId::parse("2026-11").unwrap());
    let key = Key::entry(&id);
    assert_eq!(entry_of(&key.pk, &key.sk), Some(id));
    for (id, sk) in [
        (EntryId::parse("c-1", "invoices", None).unwrap(), "CAMPAIGN#invoices"),
        (EntryId::parse("c-1", "invoices", Some("INV-1")).unwrap(), "CAMPAIGN#invoices#INV-1"),
    ] {
        assert_eq!(Key::entry(&id).sk, sk);
        assert_eq!(entry_of("CUST#c-1", sk), Some(id));
    }
    for (pk, sk) in
        [("CUST#c-1", "CAMPAIGN#invoices#"), ("CUST#c-1", "CAMPAIGN#invoices#a#b"), ("CUST#c-1", "RUN#2026-11#a")]
    {
        assert_eq!(entry_of(pk, sk), None, "{pk} {sk}");
    }
    for (pk, sk) in [("CUST#c-1", "PROFILE"), ("STAGE#score", "HELD-UP"), ("CUST#", "RUN#2026-11")] {
        assert_eq!(entry_of(pk, sk), None, "{pk} {sk}");
    }
}

#[test]
fn customers_spread_over_the_shards() {
    let mut counts = [0_u32; 8];
    for n in 0..8000 {
        let id = CustomerId::parse(&format!("c-{n}")).unwrap();
        counts[usize::try_from(shard_of(&id)).unwrap()] += 1;
    }
    assert!(counts.iter().all(|count| (850..=1150).contains(count)), "{counts:?}");
}

#[test]
fn keys_of_closed_entries_sort_as_those_whom_they_are_for_and_a_page_goes_on_after_the_one_before() {
    let run = RunId::parse("invoices").unwrap();
    let addressees: Vec<Addressee> =
        ["-", "c", "c,-", "c,A", "c,A-", "c,A1", "c,_", "c-", "c-,A", "c-1", "c1", "c_,z", "z"]
            .map(|text| text.to_owned().try_into().unwrap())
            .into();
    assert!(addressees.is_sorted(), "{addressees:?}");
    let prefix = outcome_prefix(run, TallyKey::Sent).unwrap();
    let keys: Vec<_> = addressees.iter().map(|addressee| format!("{prefix}{addressee}")).collect();
    assert!(keys.is_sorted(), "{keys:?}");
    for (number, after) in addressees.iter().enumerate() {
        let (least, greatest) = closed_between(run, TallyKey::Sent, Some(after)).unwrap();
        let found: Vec<_> = keys.iter().filter(|key| (&least..=&greatest).contains(key)).collect();
        assert_eq!(found, keys[number + 1..].iter().collect::<Vec<_>>(), "{after}");
    }
}
