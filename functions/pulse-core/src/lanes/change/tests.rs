use std::sync::Mutex;

use async_trait::async_trait;
use futures::FutureExt as _;

use super::*;

/// A stage, and whether somebody pauses it while it drains.
struct Console {
    settings: Mutex<LaneSettings>,
    pauses: bool,
}

#[async_trait]
impl LaneControl for Console {
    async fn settings(&self, _: StageName) -> Result<LaneSettings, LaneError> {
        Ok(*self.settings.lock().unwrap())
    }

    async fn unreserved(&self, _: StageName) -> Result<u32, LaneError> {
        Ok(140)
    }

    async fn take(&self, _: StageName, step: Step) -> Result<(), LaneError> {
        let mut at = self.settings.lock().unwrap();
        match step {
            Step::Reserve(invocations) => at.reserved_concurrency = Some(invocations),
            Step::Maximum(invocations) => at.maximum_concurrency = invocations,
            Step::Configure { in_flight, rate_divisor } => (at.in_flight, at.rate_divisor) = (in_flight, rate_divisor),
            Step::Drain if self.pauses => at.reserved_concurrency = Some(0),
            Step::Drain => {}
        }
        Ok(())
    }
}

fn console(reserved: u32, enabled: bool, pauses: bool) -> Console {
    let settings = LaneSettings {
        maximum_concurrency: 10,
        reserved_concurrency: Some(reserved),
        in_flight: 4,
        rate_divisor: None,
        enabled,
        changed_lately: false,
    };
    Console { settings: Mutex::new(settings), pauses }
}

fn set(console: &Console, count: u32) -> Result<(), LaneChangeError> {
    let change = LaneChange { control: console };
    let set = async {
        let plan = change.plan(StageName::Score, count, None).await?;
        change.carry_out(StageName::Score, &plan, &mut |_| {}).await
    };
    set.now_or_never().expect("nothing to wait for")
}

#[test]
fn what_the_account_has_not_left_is_refused_before_anything_is_done() {
    // 10 are reserved, and 40 more can be: 50 x 4 lanes.
    let at = console(10, true, false);
    set(&at, 200).unwrap();
    let at = console(10, true, false);
    let change = LaneChange { control: &at };
    let refused = change.plan(StageName::Score, 204, Some(4)).now_or_never().expect("nothing to wait for").unwrap_err();
    assert_eq!(refused, LaneChangeError::Account { stage: StageName::Score, wanted: 51, most: 50, left: 140 });
}

#[test]
fn lanes_are_set_and_a_disabled_mapping_stays_disabled() {
    let console = console(10, false, false);
    set(&console, 20).unwrap();
    let settings = console.settings.into_inner().unwrap();
    assert_eq!((settings.lanes(), settings.reserved_concurrency, settings.enabled), (20, Some(5), false));
}

#[test]
fn a_pause_from_the_console_is_left_alone_before_and_on_the_way() {
    let paused = console(0, true, false);
    assert_eq!(set(&paused, 20), Err(LaneChangeError::Paused(StageName::Score)));
    assert_eq!(paused.settings.into_inner().unwrap().maximum_concurrency, 10);

    let paused_on_the_way = console(10, true, true);
    assert_eq!(set(&paused_on_the_way, 20), Err(LaneChangeError::Paused(StageName::Score)));
    assert_eq!(paused_on_the_way.settings.into_inner().unwrap().reserved_concurrency, Some(0));
}
