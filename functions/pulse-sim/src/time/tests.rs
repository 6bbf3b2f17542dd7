use std::sync::{
    Mutex,
    atomic::{AtomicU32, Ordering::Relaxed},
};

use futures::{FutureExt as _, StreamExt as _, future, stream};

use super::*;

const HOUR: Duration = Duration::from_hours(1);

fn time() -> VirtualTime {
    VirtualTime::of(Arc::new(VirtualClock::starting_at("2026-11-03T10:00:00Z".parse().unwrap())))
}

fn at(moment: &str) -> Timestamp {
    format!("2026-11-03T{moment}Z").parse().unwrap()
}

/// What happened, when, in order.
#[derive(Clone, Default)]
struct Diary(Arc<Mutex<Vec<String>>>);

impl Diary {
    fn note(&self, time: &VirtualTime, what: &str) {
        self.0.lock().unwrap().push(format!("{} {what}", time.now().strftime("%H:%M:%S")));
    }

    fn read(&self) -> Vec<String> {
        self.0.lock().unwrap().clone()
    }
}

/// Notes that it is dropped.
struct Guard(VirtualTime, Diary);

impl Drop for Guard {
    fn drop(&mut self) {
        self.1.note(&self.0, "dropped");
    }
}

#[test]
fn a_day_of_sleep_takes_no_time_and_sleepers_wake_in_order() {
    let time = time();
    let order: Vec<u64> = time.run(
        stream::iter([3_u64, 1, 2])
            .map(|hours| {
                let time = time.clone();
                async move {
                    time.sleep(HOUR * u32::try_from(hours).unwrap()).await;
                    time.sleep(HOUR * 21).await;
                    hours
                }
            })
            .buffer_unordered(3)
            .collect(),
    );
    assert_eq!(order, [1, 2, 3]);
    assert_eq!(time.now().to_string(), "2026-11-04T10:00:00Z");
}

#[test]
fn tasks_that_wake_at_the_same_moment_go_on_in_the_order_they_lay_down() {
    let (time, diary) = (time(), Diary::default());
    for name in ["a", "b", "c"] {
        let (inner, diary) = (time.clone(), diary.clone());
        drop(time.spawn(async move {
            for _ in 0..2 {
                inner.sleep(HOUR).await;
                diary.note(&inner, name);
            }
        }));
    }
    time.run_until(at("23:00:00"));
    let expected = ["11:00:00 a", "11:00:00 b", "11:00:00 c", "12:00:00 a", "12:00:00 b", "12:00:00 c"];
    assert_eq!(diary.read(), expected);
}

#[test]
fn run_until_does_what_is_due_at_that_moment_and_stops_there_exactly() {
    let (time, diary) = (time(), Diary::default());
    let (inner, notes) = (time.clone(), diary.clone());
    let task = time.spawn(async move {
        inner.sleep_until(at("11:00:00")).await;
        notes.note(&inner, "first");
        inner.sleep_until(at("11:00:00.000000001")).await;
        notes.note(&inner, "second");
    });
    time.run_until(at("11:00:00"));
    assert_eq!((diary.read().len(), time.now(), task.is_finished()), (1, at("11:00:00"), false));
    time.run_until(at("10:00:00"));
    assert_eq!((diary.read().len(), time.now()), (1, at("11:00:00")), "time doesn't go back");
    time.run_until(at("12:30:00"));
    assert_eq!((diary.read().len(), time.now(), task.is_finished()), (2, at("12:30:00"), true));
}

#[test]
fn all_that_can_go_on_does_before_time_moves() {
    let time = time();
    let done = Arc::new(AtomicU32::new(0));
    for _ in 0..1000 {
        let (inner, done) = (time.clone(), done.clone());
        drop(time.spawn(async move {
            // More turns than a stream gives its futures before it asks for a turn of its own.
            let turns = stream::iter(0..100).map(|_| future::ready(())).buffer_unordered(100);
            turns.collect::<Vec<()>>().await;
            assert_eq!(inner.now(), at("10:00:00"));
            done.fetch_add(1, Relaxed);
        }));
    }
    time.run(time.sleep(Duration::from_nanos(1)));
    assert_eq!(done.load(Relaxed), 1000);
}

#[test]
fn a_killed_task_stops_at_its_await_and_what_it_holds_is_dropped_at_once() {
    let (time, diary) = (time(), Diary::default());
    let (inner, notes) = (time.clone(), diary.clone());
    let task = time.spawn(async move {
        let _guard = Guard(inner.clone(), notes.clone());
        inner.sleep(HOUR).await;
        notes.note(&inner, "slept an hour");
        inner.sleep(HOUR).await;
        notes.note(&inner, "never");
    });
    time.run_until(at("11:30:00"));
    task.kill();
    assert!(task.is_finished());
    assert_eq!(diary.read(), ["11:00:00 slept an hour", "11:30:00 dropped"]);
    time.run_until(at("23:00:00"));
    task.kill();
    assert_eq!(diary.read().len(), 2);
}

#[test]
fn a_task_that_kills_itself_goes_on_to_its_next_await() {
    let (time, diary) = (time(), Diary::default());
    let own: Arc<Mutex<Option<Task>>> = Arc::default();
    let (inner, notes, hand) = (time.clone(), diary.clone(), own.clone());
    *own.lock().unwrap() = Some(time.spawn(async move {
        let _guard = Guard(inner.clone(), notes.clone());
        hand.lock().unwrap().as_ref().unwrap().kill();
        notes.note(&inner, "still here");
        inner.sleep(HOUR).await;
        notes.note(&inner, "never");
    }));
    time.run_until(at("12:00:00"));
    assert_eq!(diary.read(), ["10:00:00 still here", "10:00:00 dropped"]);
    assert!(own.lock().unwrap().as_ref().unwrap().is_finished());
}

#[test]
fn a_killed_task_never_starts_if_it_has_not_yet() {
    let (time, diary) = (time(), Diary::default());
    let (inner, notes) = (time.clone(), diary.clone());
    time.spawn(async move { notes.note(&inner, "never") }).kill();
    time.run_until(at("11:00:00"));
    assert_eq!(diary.read(), [""; 0]);
}

#[test]
fn a_cancelled_sleep_does_not_hold_up_time() {
    let time = time();
    time.run(async {
        let mut long = time.sleep(HOUR * 24);
        assert_eq!((&mut long).now_or_never(), None);
        drop(long);
        future::select(time.sleep(HOUR * 12), time.sleep(HOUR)).await;
    });
    assert_eq!(time.now(), at("11:00:00"));
    assert!(!time.timers.wake_next(i64::MAX), "somebody still sleeps");
}

#[test]
#[should_panic(expected = "nobody sleeps")]
fn work_that_nobody_can_end_is_not_waited_for() {
    time().run(future::pending::<()>());
}

#[test]
fn a_signal_wakes_all_who_wait_and_is_not_missed_between_wait_and_poll() {
    let (time, diary, signal) = (time(), Diary::default(), Signal::default());
    for name in ["a", "b"] {
        let (inner, diary, signal) = (time.clone(), diary.clone(), signal.clone());
        drop(time.spawn(async move {
            signal.wait().await;
            diary.note(&inner, name);
        }));
    }
    signal.notify_all();
    time.run_until(at("11:00:00"));
    assert_eq!(diary.read(), [""; 0], "a call is for those who wait already");
    let early = signal.wait();
    signal.notify_all();
    assert_eq!(early.now_or_never(), Some(()));
    time.run_until(at("11:00:00"));
    assert_eq!(diary.read(), ["11:00:00 a", "11:00:00 b"]);
}

#[test]
fn the_end_drops_all_that_tasks_hold() {
    let (time, diary) = (time(), Diary::default());
    for _ in 0..2 {
        let guard = Guard(time.clone(), diary.clone());
        drop(time.spawn(async move {
            let _guard = guard;
            future::pending::<()>().await;
        }));
    }
    time.run_until(at("11:00:00"));
    time.end();
    assert_eq!(diary.read(), ["11:00:00 dropped"; 2]);
    assert_eq!(Arc::strong_count(&time.executor), 1, "somebody still holds the time");
}

#[test]
fn the_same_tasks_run_in_the_same_order_each_time() {
    let trace = || {
        let (time, diary) = (time(), Diary::default());
        for name in 0..50_u64 {
            let (inner, diary) = (time.clone(), diary.clone());
            drop(time.spawn(async move {
                for turn in 0..20_u64 {
                    inner.sleep(Duration::from_secs(name * 7 % 5 + turn * 11 % 3)).await;
                    diary.note(&inner, &name.to_string());
                }
            }));
        }
        time.run_until(at("23:00:00"));
        diary.read()
    };
    let first = trace();
    assert_eq!(first.len(), 1000);
    assert_eq!(first, trace());
}
