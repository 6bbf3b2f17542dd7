use std::time::Duration;

use futures::future::BoxFuture;
use pulse_core::{
    delivery::Endpoint,
    ports::{Courier, CourierError, Word},
};

use super::samples::word;

/// What an endpoint can be in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CourierTrouble {
    /// It asks for 7 seconds of peace, if it can.
    Busy,
    /// It is broken for the moment.
    Down,
    /// It doesn't let Pulse in, which an operator can mend.
    Denied,
    /// It won't take this.
    Refused,
    /// It asks never to be called again.
    Gone,
}

/// A courier with an endpoint, and a way to get that into trouble for one call.
pub struct CourierBench<'a> {
    /// The courier.
    pub courier: &'a dyn Courier,
    /// Whom it is to tell.
    pub endpoint: &'a Endpoint,
    /// Whether a busy endpoint can say for how long it wants to be left alone.
    pub says_how_long: bool,
    /// Makes the next call meet trouble, if such an endpoint can be in it.
    pub provoke: &'a dyn Fn(CourierTrouble) -> bool,
    /// How often the endpoint took this.
    pub taken: &'a (dyn Fn(&Word) -> BoxFuture<'a, usize> + Send + Sync),
}

/// Holds a courier to what the port promises.
///
/// # Panics
/// When it doesn't keep it.
pub async fn courier_conformance(bench: CourierBench<'_>) {
    what_is_brought_twice_comes_twice_as_the_same(&bench).await;
    what_can_pass_is_tried_again(&bench).await;
    what_an_operator_can_mend_is_tried_again(&bench).await;
    what_is_refused_is_not_tried_again(&bench).await;
    who_wants_to_be_left_alone_for_good_is_told_from_a_refusal(&bench).await;
}

async fn what_is_brought_twice_comes_twice_as_the_same(bench: &CourierBench<'_>) {
    for times in 1..=2 {
        bench.courier.bring(&word(1), bench.endpoint).await.expect("taken");
        assert_eq!((bench.taken)(&word(1)).await, times);
    }
}

async fn outcome(bench: &CourierBench<'_>, number: u64, trouble: CourierTrouble) -> Option<CourierError> {
    if !(bench.provoke)(trouble) {
        return None;
    }
    let error = bench.courier.bring(&word(number), bench.endpoint).await.expect_err("trouble");
    let shown = format!("{error} {error:?}");
    assert!(!shown.contains("confidential"), "{shown}");
    assert_eq!((bench.taken)(&word(number)).await, 0, "{error:?}");
    bench.courier.bring(&word(number), bench.endpoint).await.expect("taken this time");
    Some(error)
}

async fn what_can_pass_is_tried_again(bench: &CourierBench<'_>) {
    let seven = bench.says_how_long.then_some(Duration::from_secs(7));
    let busy = outcome(bench, 2, CourierTrouble::Busy).await.expect("it can be busy");
    assert!(matches!(&busy, CourierError::Retry { after, .. } if *after == seven), "{busy:?}");
    let down = outcome(bench, 3, CourierTrouble::Down).await.expect("it can be down");
    assert!(matches!(down, CourierError::Retry { after: None, .. }), "{down:?}");
}

async fn what_an_operator_can_mend_is_tried_again(bench: &CourierBench<'_>) {
    let denied = outcome(bench, 4, CourierTrouble::Denied).await.expect("it can deny");
    assert!(matches!(denied, CourierError::Retry { after: None, .. }), "{denied:?}");
}

async fn what_is_refused_is_not_tried_again(bench: &CourierBench<'_>) {
    let refused = outcome(bench, 5, CourierTrouble::Refused).await.expect("it can refuse");
    assert!(matches!(refused, CourierError::Rejected { .. }), "{refused:?}");
}

async fn who_wants_to_be_left_alone_for_good_is_told_from_a_refusal(bench: &CourierBench<'_>) {
    if let Some(gone) = outcome(bench, 6, CourierTrouble::Gone).await {
        assert!(matches!(gone, CourierError::Gone { .. }), "{gone:?}");
    }
}
