use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU32, Ordering::Relaxed},
    },
    time::Duration,
};

use futures::{FutureExt as _, future};

use super::{
    super::{Invocation, InvokeError},
    stack::*,
};

struct Guard(Arc<AtomicBool>);

impl Drop for Guard {
    fn drop(&mut self) {
        self.0.store(true, Relaxed);
    }
}

#[test]
fn reserved_concurrency_refuses_what_exceeds_it_without_running_it() {
    // AWS Lambda Developer Guide, "Configuring reserved concurrency for a function".
    let time = time();
    let function = function(&time, 1);
    function.set_reserved_concurrency(Some(2));
    let ran = AtomicU32::new(0);
    let invoke = || {
        function.invoke(|_| {
            ran.fetch_add(1, Relaxed);
            time.sleep(Duration::from_secs(1)).boxed()
        })
    };
    let ended = time.run(future::join3(invoke(), invoke(), invoke()));
    assert_eq!(ended, (Ok(()), Ok(()), Err(InvokeError::Throttled)));
    assert_eq!((ran.load(Relaxed), function.running()), (2, 0));
    let used = function.used();
    assert_eq!((used.invocations, used.throttles), (2, 1));
    function.set_reserved_concurrency(Some(0));
    assert_eq!(time.run(invoke()), Err(InvokeError::Throttled));
    function.set_reserved_concurrency(None);
    assert_eq!(time.run(invoke()), Ok(()));
}

#[test]
fn an_environment_starts_slowly_is_used_again_and_is_gone_when_it_was_idle_for_long() {
    // AWS Lambda Developer Guide, "Understanding the Lambda execution environment lifecycle".
    let time = time();
    let function = function(&time, 1);
    let start = |idle: Duration| {
        time.run(time.sleep(idle));
        let asked = time.now();
        let started = time.run(function.invoke(|_| future::ready(()).boxed())).map(|()| time.now());
        Duration::try_from(started.unwrap().duration_since(asked)).unwrap()
    };
    assert!(start(Duration::ZERO) > Duration::from_millis(5), "the first is cold");
    assert_eq!(start(Duration::from_mins(10)), Duration::ZERO);
    assert_eq!(start(Duration::from_mins(10)), Duration::ZERO);
    assert!(start(Duration::from_secs(601)) > Duration::ZERO);
    assert_eq!(function.used().cold_starts, 2);
}

#[test]
fn as_many_environments_stay_warm_as_were_busy_at_once() {
    let time = time();
    let function = function(&time, 1);
    let invoke = || function.invoke(|_| time.sleep(Duration::from_secs(1)).boxed());
    time.run(future::join_all([(); 4].map(|()| invoke())));
    time.run(future::join_all([(); 5].map(|()| invoke())));
    assert_eq!(function.used().cold_starts, 5);
}

#[test]
fn after_a_deployment_all_start_cold_and_what_ran_leaves_no_warm_environment() {
    // AWS Lambda Developer Guide, "Understanding the Lambda execution environment lifecycle".
    let time = time();
    let function = function(&time, 1);
    let invoke = || function.invoke(|_| time.sleep(Duration::from_secs(2)).boxed());
    time.run(invoke()).unwrap();
    let deployment = async {
        time.sleep(Duration::from_secs(1)).await;
        function.deploy();
    };
    let ((), ended) = time.run(future::join(deployment, invoke()));
    assert_eq!((ended, function.used().cold_starts), (Ok(()), 1), "what runs goes on");
    time.run(invoke()).unwrap();
    assert_eq!(function.used().cold_starts, 2);
}

#[test]
fn a_timeout_counts_from_the_start_of_the_code_and_drops_it_at_the_deadline() {
    // AWS Lambda Developer Guide, "Configure Lambda function timeout".
    let time = time();
    let function = function(&time, 1);
    let (dropped, began) = (Arc::new(AtomicBool::new(false)), time.now());
    let guard = Guard(dropped.clone());
    let started = Arc::new(Mutex::new(None));
    let ended = time.run(function.invoke(|Invocation { deadline, .. }| {
        *started.lock().unwrap() = Some((time.now(), deadline));
        let slept = time.sleep(TIMEOUT + Duration::from_nanos(1));
        async move {
            let _guard = guard;
            slept.await;
        }
        .boxed()
    }));
    let (started, deadline) = started.lock().unwrap().unwrap();
    assert_eq!(ended, Err(InvokeError::TimedOut));
    assert!(dropped.load(Relaxed));
    assert!(started > began, "the start is cold");
    assert_eq!((time.now(), deadline), (started + TIMEOUT, deadline));
    assert_eq!(function.used().timeouts, 1);
    time.run(function.invoke(|_| future::ready(()).boxed())).unwrap();
    assert_eq!(function.used().cold_starts, 2, "a timeout ends the environment");
}

#[test]
fn code_that_ends_at_its_deadline_has_ended() {
    let time = time();
    let function = function(&time, 1);
    assert_eq!(time.run(function.invoke(|_| time.sleep(TIMEOUT).boxed())), Ok(()));
}

#[test]
fn kill_switch_kills_at_the_await_where_it_strikes() {
    let time = time();
    let function = function(&time, 1);
    let (dropped, went_on) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicBool::new(false)));
    let (guard, after, other) = (Guard(dropped.clone()), went_on.clone(), went_on.clone());
    let inner = time.clone();
    let began = time.now();
    let ended: Result<(), _> = time.run(function.invoke(move |Invocation { kill_switch, .. }| {
        let lane = inner.sleep(Duration::from_secs(5));
        let struck = async move {
            let _guard = guard;
            inner.sleep(Duration::from_secs(3)).await;
            kill_switch.strike().await;
            after.store(true, Relaxed);
        };
        let lane = async move {
            lane.await;
            other.store(true, Relaxed);
        };
        future::join(struck, lane).map(drop).boxed()
    }));
    assert_eq!(ended, Err(InvokeError::Died));
    assert!(dropped.load(Relaxed) && !went_on.load(Relaxed));
    let took = Duration::try_from(time.now().duration_since(began)).unwrap();
    assert!((3..4).contains(&took.as_secs()), "it took {took:?}");
    assert_eq!((function.used().deaths, function.running()), (1, 0));
    time.run(function.invoke(|_| future::ready(()).boxed())).unwrap();
    assert_eq!(function.used().cold_starts, 2, "a death ends the environment");
}

#[test]
fn kill_switch_strikes_from_outside_too_but_not_after_the_end() {
    let time = time();
    let function = function(&time, 1);
    let kill_switch = Arc::new(Mutex::new(None));
    let run = || {
        function.invoke(|invocation| {
            *kill_switch.lock().unwrap() = Some(invocation.kill_switch);
            time.sleep(Duration::from_secs(10)).boxed()
        })
    };
    let strike = |after: u64| {
        let (time, kill_switch) = (&time, &kill_switch);
        async move {
            time.sleep(Duration::from_secs(after)).await;
            kill_switch.lock().unwrap().as_ref().unwrap().seal();
        }
    };
    assert_eq!(time.run(future::join(run(), strike(4))).0, Err(InvokeError::Died));
    assert_eq!(time.run(future::join(run(), strike(11))).0, Ok(()));
    assert_eq!(function.used().deaths, 1);
}

#[test]
fn the_start_of_an_environment_is_billed_and_so_is_each_begun_millisecond() {
    // AWS Lambda Pricing; AWS Lambda Developer Guide, "Lambda execution environment": Init phase.
    let time = time();
    let function = function(&time, 1);
    let began = time.now();
    time.run(function.invoke(|_| time.sleep(Duration::from_millis(100)).boxed())).unwrap();
    let took = Duration::try_from(time.now().duration_since(began)).unwrap();
    let first = function.used().billed;
    assert!((took..took + Duration::from_millis(1)).contains(&first), "billed {first:?} of {took:?}");
    assert_eq!(first.subsec_nanos() % 1_000_000, 0);
    time.run(function.invoke(|_| time.sleep(Duration::from_micros(1_001)).boxed())).unwrap();
    assert_eq!(function.used().billed, first + Duration::from_millis(2));
}

#[test]
fn an_invocation_that_nobody_waits_for_any_longer_frees_its_place() {
    let time = time();
    let function = function(&time, 1);
    let inner = (time.clone(), function.clone());
    let task = time.spawn(async move {
        let _ = inner.1.invoke(|_| inner.0.sleep(Duration::from_secs(10)).boxed()).await;
    });
    time.run(time.sleep(Duration::from_secs(5)));
    assert_eq!(function.running(), 1);
    task.kill();
    assert_eq!(function.running(), 0);
}
