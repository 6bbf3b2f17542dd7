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
    let id = EntryId { customer: CustomerId::parse("c-1").unwrap(), run: RunId::parse("2026-11").unwrap() };
    let key = Key::entry(&id);
    assert_eq!(entry_of(&key.pk, &key.sk), Some(id));
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
