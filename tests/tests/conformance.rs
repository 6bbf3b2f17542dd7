//! Every port's suite on every adapter of it.

use aws_sdk_dynamodb::types::AttributeValue;
use aws_sdk_scheduler::types::ScheduleState;
use aws_sdk_sqs::types::MessageSystemAttributeName;
use pulse_aws::{dynamodb::DynamoDbLedger, sdk, sqs::SqsQueue};
use pulse_core::{
    control::Note,
    customer::{EmailAddress, ProfileMark},
    delivery::{DeliveryId, EndpointName},
    entry::StageName,
    feedback::FeedbackSource,
    keys::KeyRing,
    message::WorkMessage,
    ports::{
        Ledger as _, LedgerError, OutcomeLog as _, PutOutcome, QueueError, Schedules as _, Snapshots as _,
        StageQueue as _,
    },
    suppression::{Evidence, Release, Scope, Suppression, SuppressionReason},
};
use pulse_tests::{
    conformance::{
        emulator,
        lossy_proxy::LossyProxy,
        samples::{claim_score, claim_send, customer, due, next_of, scheduled, score},
        schedules::schedule,
    },
    emulator::shared,
};

mod conformance {
    mod move_tasks;
    mod scheduler_answers;
}

/// Makes a test of each case on each adapter. Each begins with an empty one.
macro_rules! conformance {
    ($suite:ident: $($case:ident)*) => {
        mod $suite {
            conformance!(@on memory $suite: $($case)*);
            conformance!(@on emulator $suite: $($case)*);
        }
    };
    (@on $adapter:ident $suite:ident: $($case:ident)*) => {
        mod $adapter {
            use pulse_tests::conformance::{$adapter, $suite};
            $(
                #[tokio::test]
                async fn $case() {
                    $suite::$case(&$adapter::$suite().await).await;
                }
            )*
        }
    };
}
conformance!(ledger:
    a_profile_is_read_back_and_replaced
    a_profile_that_was_written_meanwhile_is_not_written_over
    of_twenty_profiles_at_once_one_is_written
    an_entry_is_opened_once
    every_state_is_read_back
    a_failed_entry_is_claimed_again
    entries_come_newest_first
    a_change_of_another_version_writes_nothing
    a_change_of_another_version_writes_no_more_than_the_next_entry
    of_twenty_claims_at_once_one_wins
    of_twenty_endings_at_once_one_wins
    the_next_entry_is_opened_with_the_change
    a_next_entry_that_is_there_already_is_kept
    the_tally_adds_up_by_run_and_standing
    the_roster_is_counted_by_standing
    notes_come_newest_first_and_once_each
    the_last_hundred_notes_are_told
    all_notes_of_one_customer_are_told_and_deleted
    a_tombstone_and_erased_entries_are_read_back
    what_is_overdue_is_found_by_stage_and_the_longest_waiting_first
    an_entry_queued_again_is_found_among_those_again
    an_entry_that_is_put_off_is_found_at_its_moment
    doubt_about_a_mail_is_read_back
    lists_show_active_customers_and_open_entries_once_each
    active_customers_come_in_order_by_prefix_and_page
    closed_entries_are_found_by_where_they_stand
    when_a_stage_was_held_up_is_remembered
    a_run_is_counted_by_what_its_entries_wait_for
    who_is_done_with_a_run_and_who_has_left_are_listed_once_each
    what_reading_costs_is_told
);
conformance!(feedback:
    a_suppression_is_read_back_whatever_the_addresss_case
    a_suppression_is_written_over_what_it_was_read_as
    suppressions_are_counted_by_their_worst_reason_and_the_newest_listed
    feedback_is_counted_by_the_hour_and_repeats_with_their_month
    a_token_counts_for_the_body_that_it_first_came_with
);
conformance!(control:
    a_stage_that_nobody_has_held_has_an_empty_row
    a_row_is_read_back_by_its_stage
    a_row_of_another_version_is_not_written
    of_twenty_writers_at_once_one_wins
    reports_of_the_same_minute_add_up
    minutes_are_asked_for_from_a_moment_on_and_by_stage
    reports_of_many_at_once_are_all_counted
    causes_of_the_same_minute_add_up
    a_minute_knows_a_few_causes_and_counts_those_on
);
conformance!(snapshots:
    where_nothing_was_kept_there_is_none
    a_snapshot_is_read_back_whole
    one_that_was_taken_or_counted_earlier_is_not_kept
    one_that_a_clock_took_that_is_ahead_gives_way
    of_five_minutes_the_last_point_is_kept
    points_come_from_a_moment_on_the_oldest_first
    a_wish_is_told
);
conformance!(audit_log:
    an_audit_that_never_ran_stands_nowhere
    a_checkpoint_is_read_back_by_its_audit
    a_checkpoint_of_another_version_is_not_written
    of_twenty_audits_at_once_one_wins
);
conformance!(campaigns:
    a_campaign_is_read_back_with_all_that_happened_to_it
    of_two_changes_of_a_version_one_is_written_and_a_name_is_given_once
    word_of_a_campaign_is_written_with_what_makes_it
    campaigns_are_listed_newest_first_and_live_ones_apart
    letters_are_read_back_by_their_digests
    a_part_of_an_audience_stays_as_it_was_and_is_in_no_others_way
    planned_parts_are_counted_one_after_the_other
    entries_are_found_by_what_they_wait_for_and_where_they_ended
    what_is_put_off_until_later_is_counted_apart_and_each_entry_is_in_one_part
    a_campaign_s_pace_is_written_over_the_version_that_was_read
    months_and_campaigns_of_a_customer_are_read_apart
    entries_of_a_customers_items_are_apart
    a_part_of_items_is_read_back
);
conformance!(orders:
    every_order_is_read_back
    an_order_of_another_version_is_not_written
    of_twenty_who_change_an_order_at_once_one_does
    orders_come_newest_first_by_kind_and_page
    orders_are_among_the_open_ones_until_they_end
);
conformance!(deliveries:
    endpoints_come_by_name_and_are_written_over_what_they_were_read_as
    word_is_written_with_what_makes_it
    a_change_of_another_version_writes_no_word
    word_is_written_with_the_profile_that_makes_it_or_not_at_all
    word_is_written_where_the_next_entry_is_there_already
    every_state_of_word_is_read_back
    of_twenty_who_claim_word_at_once_one_does
    what_holds_an_endpoint_is_written_over_what_it_was_read_as
    what_came_of_calls_to_an_endpoint_adds_up_by_the_minute_and_is_its_own
    word_that_was_never_written_is_not_changed
    a_line_is_of_one_owner_and_one_endpoint
    word_that_waits_is_found_by_endpoint_and_the_longest_waiting_first
);
conformance!(endpoint_keys:
    a_new_key_is_seen_by_its_scheme_and_public_half_alone
    a_name_that_is_taken_is_not_written_over
    a_key_is_exchanged_for_another_in_two_steps
    a_secret_that_is_not_there_is_named
    a_secret_s_folder_tells_its_store
    of_two_who_rotate_a_parameter_at_once_one_does
);
// The emulator writes over a version of the same token, which AWS refuses: tests/providers/endpoint_keys.rs has that.
conformance!(@on memory endpoint_keys:
    of_two_who_rotate_at_once_one_does
);
conformance!(queue:
    a_message_arrives_as_it_was_sent
    more_messages_are_sent_than_one_call_takes
    a_hidden_message_reappears_when_its_time_is_over
    a_message_hidden_for_no_time_reappears_at_once
    receipts_that_are_no_longer_good_are_passed_over
    more_messages_are_hidden_than_one_call_takes
    hiding_nothing_is_nothing
);
conformance!(dead_letters:
    a_letter_is_taken_out_of_sight_and_put_back_as_it_was
    no_more_letters_are_taken_than_asked_for
    a_deleted_letter_is_gone_and_a_receipt_that_is_no_longer_good_is_passed_over
    more_letters_are_put_back_and_deleted_than_one_call_takes
    letters_in_sight_are_counted
    what_the_scheduler_says_of_a_letter_is_read
    what_is_sent_back_is_in_the_group_of_its_campaign_or_endpoint
    a_queue_that_moves_nothing_by_itself_says_so
);
conformance!(gauges:
    every_queue_is_told_the_stages_own_first
    what_waits_is_told_from_what_a_worker_has
    how_long_a_queue_keeps_messages_is_told
    lanes_are_told_with_and_without_concurrency_of_their_own
);
conformance!(schedules:
    a_schedule_is_read_back
    putting_twice_is_putting_once
    another_slot_replaces_the_first
    deleting_twice_is_deleting_once
    live_schedules_are_listed_once_each
    schedules_are_listed_by_what_their_names_begin_with
);
conformance!(@on simulated schedules:
    a_schedule_is_read_back
    putting_twice_is_putting_once
    another_slot_replaces_the_first
    deleting_twice_is_deleting_once
    live_schedules_are_listed_once_each
    schedules_are_listed_by_what_their_names_begin_with
);

/// A ledger behind a proxy that loses answers when it is told to.
async fn ledger_behind_a_lossy_proxy() -> (DynamoDbLedger, LossyProxy) {
    let table = emulator::table().await;
    let proxy = LossyProxy::start(shared().endpoint()).unwrap();
    let client = sdk::dynamodb_client(&sdk::for_emulator(&proxy.endpoint()));
    (DynamoDbLedger::new(client, table), proxy)
}

#[tokio::test]
async fn a_write_whose_answer_is_lost_is_known_as_ones_own() {
    let (ledger, proxy) = ledger_behind_a_lossy_proxy().await;
    let entry = scheduled("c-1");
    proxy.lose(1);
    assert_eq!(ledger.open(&entry).await, Ok(true));
    assert_eq!(proxy.left_to_lose(), 0);

    let scoring = claim_score(&entry);
    proxy.lose(2);
    assert_eq!(ledger.apply(&scoring).await, Ok(()));
    assert_eq!(proxy.left_to_lose(), 0);
    assert_eq!(ledger.entry(entry.id()).await.unwrap().as_ref(), Some(scoring.after()));
    // Another worker's claim of the very same instant is still not taken for it.
    assert_eq!(ledger.apply(&scoring).await, Err(LedgerError::Conflict(entry.id().into())));
}

#[tokio::test]
async fn a_transaction_whose_answer_is_lost_is_done_once() {
    let (ledger, proxy) = ledger_behind_a_lossy_proxy().await;
    let entry = scheduled("c-1");
    ledger.open(&entry).await.unwrap();
    let scoring = claim_score(&entry);
    let scored = scoring.after().record_score(score(640), due()).unwrap();
    let sending = claim_send(scored.after());
    for change in [&scoring, &scored, &sending] {
        ledger.apply(change).await.unwrap();
    }
    let next = next_of(sending.after());
    let sent = sending.after().record_sent("m-1".to_owned(), due(), Some(next.clone())).unwrap();
    proxy.lose(1);
    assert_eq!(ledger.apply(&sent).await, Ok(()));
    assert_eq!(proxy.left_to_lose(), 0);
    let entries = ledger.entries(&entry.id().customer).await;
    assert_eq!(entries, Ok(vec![next, sent.into_after()]));
}

#[tokio::test]
async fn a_ledger_that_answers_nothing_is_unavailable_and_one_without_a_table_broken() {
    let (ledger, proxy) = ledger_behind_a_lossy_proxy().await;
    proxy.lose(u32::MAX);
    let outcome = ledger.open(&scheduled("c-1")).await;
    assert!(matches!(outcome, Err(LedgerError::Unavailable(_))), "{outcome:?}");

    let nowhere = DynamoDbLedger::new(sdk::dynamodb_client(&emulator::aws()), "no-such-table");
    let outcome = nowhere.open(&scheduled("c-1")).await;
    assert!(matches!(outcome, Err(LedgerError::Broken(_))), "{outcome:?}");
}

#[tokio::test]
async fn an_address_that_an_early_release_or_an_older_key_suppressed_stays_so_until_it_is_released() {
    let (table, client) = (emulator::table().await, sdk::dynamodb_client(&emulator::aws()));
    let text = |text: &str| AttributeValue::S(text.to_owned());
    let two_keys = r#"{"1": "0123456789abcdef0123456789abcdef", "2": "abcdef0123456789abcdef0123456789"}"#;
    let with_keys =
        |keys: &str| DynamoDbLedger::new(client.clone(), &table).with_keys(KeyRing::parse(&keys.into()).unwrap());
    let [ada, bob] = ["ada@example.com", "bob@example.com"].map(|one| EmailAddress::parse(one).unwrap());
    let put = client.put_item().table_name(&table).item("pk", text(&format!("SUPP#{}", ada.digest())));
    put.item("sk", text("SUPP")).item("why", text("It bounced.")).send().await.unwrap();
    let evidence = Evidence { at: due(), scope: Scope::All, cause: None };
    let bounced = Suppression::of(SuppressionReason::HardBounce, evidence);
    assert_eq!(with_keys(emulator::ONE_KEY).save_suppression(&bob, &bounced).await, Ok(true));
    let ledger = with_keys(two_keys);
    for (address, reason) in [(&ada, SuppressionReason::Refused), (&bob, SuppressionReason::HardBounce)] {
        let known = ledger.suppression(address).await.unwrap().expect("it is suppressed");
        assert_eq!(known.holds(FeedbackSource::Ses, due()), Some(reason));
        let note = Note::parse("They asked for it.").unwrap();
        let released = known.released(Release { at: due(), by: "ops".into(), note });
        assert_eq!(ledger.save_suppression(address, &released).await, Ok(true));
        let known = ledger.suppression(address).await.unwrap().expect("a release is kept");
        assert_eq!(known.holds(FeedbackSource::Ses, due()), None);
    }
    let rows = client.scan().table_name(&table).send().await.unwrap();
    assert!(!format!("{rows:?}").contains("example.com"));
}

#[tokio::test]
async fn a_snapshot_of_another_release_counts_as_none_and_is_written_over() {
    let table = emulator::table().await;
    let client = sdk::dynamodb_client(&emulator::aws());
    let text = |text: &str| AttributeValue::S(text.to_owned());
    let number = |number: i64| AttributeValue::N(number.to_string());
    let put = client.put_item().table_name(&table).item("pk", text("SNAPSHOT")).item("sk", text("LAST"));
    let put = put.item("taken_ms", number(1)).item("counted_ms", number(1)).item("stages", text("in other words"));
    put.send().await.unwrap();
    let ledger = DynamoDbLedger::new(client, table);
    assert_eq!(ledger.snapshot().await, Ok(None));
    let snapshot = pulse_tests::conformance::snapshots::full(due());
    assert_eq!(ledger.save_snapshot(&snapshot).await, Ok(true));
    assert_eq!(ledger.snapshot().await, Ok(Some(snapshot)));
}

/// As large as it gets: notes as long as they may be, every place, all causes.
#[tokio::test]
async fn rows_that_are_written_every_few_minutes_are_small() {
    let table = emulator::table().await;
    let client = sdk::dynamodb_client(&emulator::aws());
    let ledger = DynamoDbLedger::new(client.clone(), &table);
    ledger.save_snapshot(&pulse_tests::conformance::snapshots::full(due())).await.unwrap();
    for report in 0..30 {
        let mut outcomes =
            pulse_core::control::Outcomes { calls: 1_000_000, failures: 1_000_000, ..Default::default() };
        (outcomes.succeeded_at, outcomes.leave_alone_until, outcomes.sent) = (Some(due()), Some(due()), 1_000_000);
        outcomes.took = std::time::Duration::from_mins(55_000);
        for cause in 0..3 {
            let words = pulse_core::failure::Cause::new(format!("{report} {cause} {}", "ü ".repeat(200)));
            outcomes.causes.add(&words);
        }
        ledger.report(StageName::Email, due(), &outcomes).await.unwrap();
    }
    let rows = client.scan().table_name(&table).send().await.unwrap();
    let size_of = |pk: &str| {
        let row = rows.items().iter().find(|row| row["pk"].as_s().is_ok_and(|of| of == pk)).expect("a row");
        row.iter().map(|(name, value)| name.len() + bytes(value)).sum::<usize>()
    };
    assert!(size_of("STAGE#email") < 1_024, "{}", size_of("STAGE#email"));
    assert!(size_of("POINT") < 1_024, "{}", size_of("POINT"));
    // Of four stages: those that a stack without a partner has take less than 8 KiB.
    assert!(size_of("SNAPSHOT") < 9 * 1_024, "{}", size_of("SNAPSHOT"));
}

/// About what `DynamoDB` counts (Amazon `DynamoDB` Developer Guide, "`DynamoDB` item sizes and formats").
fn bytes(value: &AttributeValue) -> usize {
    match value {
        AttributeValue::S(text) | AttributeValue::N(text) => text.len(),
        AttributeValue::Ss(texts) => texts.iter().map(String::len).sum(),
        AttributeValue::L(values) => 3 + values.iter().map(|value| 1 + bytes(value)).sum::<usize>(),
        AttributeValue::M(fields) => {
            3 + fields.iter().map(|(name, value)| 1 + name.len() + bytes(value)).sum::<usize>()
        }
        _ => 1,
    }
}

#[tokio::test]
async fn a_row_that_cannot_be_read_is_named() {
    let table = emulator::table().await;
    let client = sdk::dynamodb_client(&emulator::aws());
    let text = |text: &str| AttributeValue::S(text.to_owned());
    let put = client.put_item().table_name(&table).item("pk", text("CUST#c-1")).item("sk", text("PROFILE"));
    put.item("name", text("Ada")).send().await.unwrap();
    let ledger = DynamoDbLedger::new(client, table);
    let Err(LedgerError::Unreadable(cause)) = ledger.customer(&schedule("c-1", 1, "UTC").customer).await else {
        panic!("the row was read");
    };
    assert!(cause.as_str().contains("CUST#c-1 / PROFILE"), "{cause}");
    assert!(!cause.as_str().contains("Ada"), "{cause}");
}

#[tokio::test]
async fn a_profile_of_the_first_release_is_read_and_written_over_once() {
    let (table, client) = (emulator::table().await, sdk::dynamodb_client(&emulator::aws()));
    let ledger = DynamoDbLedger::new(client.clone(), &table);
    let told = customer("c-1");
    assert_eq!(ledger.save_customer(&told).await, Ok(true));
    let text = |text: &str| AttributeValue::S(text.to_owned());
    client
        .update_item()
        .table_name(&table)
        .key("pk", text("CUST#c-1"))
        .key("sk", text("PROFILE"))
        .update_expression("REMOVE version, as_of, settled, consent, write_id")
        .send()
        .await
        .unwrap();
    let read = ledger.customer(&told.id).await.unwrap().expect("a profile");
    assert_eq!(read.mark, ProfileMark::default());
    assert_eq!(ledger.save_customer(&read).await, Ok(true));
    assert_eq!(ledger.save_customer(&read).await, Ok(false));
}

#[tokio::test]
async fn a_profile_whose_answer_was_lost_is_known_to_be_written() {
    let (ledger, proxy) = ledger_behind_a_lossy_proxy().await;
    proxy.lose(1);
    assert_eq!(ledger.save_customer(&customer("c-1")).await, Ok(true));
    assert_eq!(proxy.left_to_lose(), 0);
}

#[tokio::test]
async fn a_queue_that_is_not_there_is_an_error() {
    let endpoint = shared().endpoint();
    let url = format!("{endpoint}/000000000000/no-such-queue");
    let queue = SqsQueue::new(sdk::sqs_client(&emulator::aws()), StageName::Email, url);
    let message = WorkMessage::for_entry(scheduled("c-1").id());
    let error = queue.send(&message).await.unwrap_err();
    let QueueError::Refused { queue, cause } = error else { panic!("{error}") };
    assert_eq!(queue, "email");
    assert!(cause.as_str().contains("NonExistentQueue"), "{cause}");
}

/// By which a fair queue tells endpoints apart; what is of an entry is of no group.
#[tokio::test]
async fn word_for_an_endpoint_is_of_its_endpoints_group() {
    let client = sdk::sqs_client(&emulator::aws());
    let url = client.create_queue().queue_name("groups").send().await.unwrap().queue_url.unwrap();
    let queue = SqsQueue::new(client.clone(), StageName::Deliver, &url);
    let crm = EndpointName::parse("crm").unwrap();
    let word = WorkMessage::for_delivery(DeliveryId { endpoint: crm, fact: "c-1/2026-11/7/sent".parse().unwrap() });
    for (message, expected) in [(word, Some("crm")), (WorkMessage::for_entry(scheduled("c-1").id()), None)] {
        queue.send(&message).await.unwrap();
        let group = MessageSystemAttributeName::MessageGroupId;
        let receive = client.receive_message().queue_url(&url).message_system_attribute_names(group.clone());
        let received = receive.wait_time_seconds(10).send().await.unwrap();
        let [received] = received.messages() else { panic!("{received:?}") };
        assert_eq!(received.body(), Some(message.body().as_str()));
        let of = received.attributes().and_then(|attributes| attributes.get(&group)).map(String::as_str);
        assert_eq!(of, expected);
    }
}

#[tokio::test]
async fn a_schedule_that_someone_disabled_counts_as_none_until_it_is_put_again() {
    let group = emulator::schedule_group().await;
    let schedules = emulator::schedules_of(&group);
    let schedule = schedule("c-1", 3, "Europe/Dublin");
    schedules.put(&schedule).await.unwrap();

    let client = sdk::scheduler_client(&emulator::aws());
    let live = client.get_schedule().group_name(&group).name("c-1").send().await.unwrap();
    let disable = client
        .update_schedule()
        .group_name(&group)
        .name("c-1")
        .set_schedule_expression(live.schedule_expression)
        .set_schedule_expression_timezone(live.schedule_expression_timezone)
        .set_flexible_time_window(live.flexible_time_window)
        .set_target(live.target)
        .state(ScheduleState::Disabled);
    disable.send().await.unwrap();

    assert_eq!(schedules.get(&schedule.customer).await, Ok(None));
    assert_eq!(schedules.list("", None).await.unwrap().customers, []);
    assert_eq!(schedules.put(&schedule).await, Ok(PutOutcome::Updated));
    assert_eq!(schedules.get(&schedule.customer).await, Ok(Some(schedule)));
}
