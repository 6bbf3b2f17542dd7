//! What every scheduler does.
#![expect(missing_docs, reason = "the cases' names are sentences")]
#![expect(clippy::missing_panics_doc, reason = "a case panics when the adapter fails it")]

use futures::future::join_all;
use pulse_core::{
    customer::Zone,
    ports::{MonthlySchedule, PutOutcome, Schedules},
    slot::Slot,
};

use super::samples::id;

/// A schedule.
#[must_use]
pub fn schedule(customer: &str, day: i8, zone: &str) -> MonthlySchedule {
    let slot = Slot::parse(day, 14, 41, Zone::parse(zone).unwrap()).unwrap();
    MonthlySchedule { customer: id(customer), slot }
}

pub async fn a_schedule_is_read_back(schedules: &dyn Schedules) {
    for (n, zone) in ["UTC", "Europe/Dublin", "America/Argentina/Buenos_Aires"].into_iter().enumerate() {
        let schedule = schedule(&format!("c-{n}"), 28, zone);
        assert_eq!(schedules.get(&schedule.customer).await, Ok(None));
        assert_eq!(schedules.put(&schedule).await, Ok(PutOutcome::Created));
        assert_eq!(schedules.get(&schedule.customer).await, Ok(Some(schedule)));
    }
}

pub async fn putting_twice_is_putting_once(schedules: &dyn Schedules) {
    let schedule = schedule("c-1", 3, "Europe/Dublin");
    assert_eq!(schedules.put(&schedule).await, Ok(PutOutcome::Created));
    assert_eq!(schedules.put(&schedule).await, Ok(PutOutcome::Unchanged));
    assert_eq!(schedules.get(&schedule.customer).await, Ok(Some(schedule)));
}

pub async fn another_slot_replaces_the_first(schedules: &dyn Schedules) {
    let (before, day, zone) =
        (schedule("c-1", 3, "Europe/Dublin"), schedule("c-1", 4, "Europe/Dublin"), schedule("c-1", 4, "Asia/Tokyo"));
    let other = schedule("c-2", 3, "Europe/Dublin");
    schedules.put(&before).await.unwrap();
    schedules.put(&other).await.unwrap();
    for changed in [day, zone] {
        assert_eq!(schedules.put(&changed).await, Ok(PutOutcome::Updated));
        assert_eq!(schedules.get(&id("c-1")).await, Ok(Some(changed)));
    }
    assert_eq!(schedules.get(&id("c-2")).await, Ok(Some(other)));
}

pub async fn deleting_twice_is_deleting_once(schedules: &dyn Schedules) {
    let schedule = schedule("c-1", 3, "Europe/Dublin");
    assert_eq!(schedules.delete(&schedule.customer).await, Ok(false));
    schedules.put(&schedule).await.unwrap();
    assert_eq!(schedules.delete(&schedule.customer).await, Ok(true));
    assert_eq!(schedules.get(&schedule.customer).await, Ok(None));
    assert_eq!(schedules.delete(&schedule.customer).await, Ok(false));
    assert_eq!(schedules.put(&schedule).await, Ok(PutOutcome::Created));
}

pub async fn live_schedules_are_listed_once_each(schedules: &dyn Schedules) {
    for number in 0..5 {
        schedules.put(&schedule(&format!("c-{number}"), 3, "UTC")).await.unwrap();
    }
    schedules.delete(&id("c-3")).await.unwrap();
    assert_eq!(listed(schedules, "").await, ["c-0", "c-1", "c-2", "c-4"]);
}

/// More than a page of them.
pub async fn schedules_are_listed_by_what_their_names_begin_with(schedules: &dyn Schedules) {
    let names: Vec<_> = (0..120).map(|number| format!("c-{number}")).chain(["C-1".into(), "c".into()]).collect();
    let puts = names.iter().map(|name| async move { schedules.put(&schedule(name, 3, "UTC")).await.unwrap() });
    join_all(puts).await;
    for prefix in ["", "c", "c-", "c-1", "c-11", "c-119", "C", "d", "c-2-"] {
        let mut expected: Vec<_> = names.iter().filter(|name| name.starts_with(prefix)).cloned().collect();
        expected.sort();
        assert_eq!(listed(schedules, prefix).await, expected, "{prefix:?}");
    }
}

async fn listed(schedules: &dyn Schedules, prefix: &str) -> Vec<String> {
    let (mut listed, mut page) = (Vec::new(), None);
    loop {
        let answer = schedules.list(prefix, page).await.unwrap();
        listed.extend(answer.customers.into_iter().map(|id| id.to_string()));
        page = answer.next;
        if page.is_none() {
            break;
        }
    }
    listed.sort();
    listed
}
