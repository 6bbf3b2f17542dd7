use std::time::Duration;

use super::{
    super::{MappingBusy, MappingSettings, MappingState},
    house::*,
};
use crate::queue::Depth;

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// How many seconds it takes to leave the state that it is in.
fn change_of(house: &House) -> u64 {
    let state = house.mapping.state();
    (1..=100)
        .find(|_| {
            house.pass(1);
            house.mapping.state() != state
        })
        .unwrap()
}

#[test]
fn a_mapping_takes_a_while_to_stop_and_to_start_and_cannot_be_changed_meanwhile() {
    // AWS Lambda API Reference, `UpdateEventSourceMapping`: states, and `ResourceInUseException`.
    let house = House::working(settings(10, 0, Some(2)), seconds(1));
    house.pass(1);
    house.mapping.set_enabled(true).unwrap();
    assert_eq!(house.mapping.state(), MappingState::Enabled);
    house.mapping.set_enabled(false).unwrap();
    assert_eq!(house.mapping.state(), MappingState::Disabling);
    let busy = MappingBusy { state: MappingState::Disabling };
    assert_eq!(house.mapping.set_enabled(true), Err(busy));
    assert_eq!(house.mapping.set_maximum_concurrency(Some(9)), Err(busy));
    assert!((5..=60).contains(&change_of(&house)));
    assert_eq!(house.mapping.state(), MappingState::Disabled);
    house.mapping.set_maximum_concurrency(Some(9)).unwrap();
    house.mapping.set_enabled(true).unwrap();
    assert_eq!(house.mapping.state(), MappingState::Enabling);
    house.send(1);
    house.pass(4);
    assert_eq!(house.queue.depth(), Depth { visible: 1, in_flight: 0 }, "it doesn't read yet");
    assert!((1..=56).contains(&change_of(&house)));
    assert_eq!((house.mapping.state(), house.seen().len()), (MappingState::Enabled, 1));
}

#[test]
fn a_disabled_mapping_holds_messages_still_and_what_was_in_flight_ends() {
    // AWS Lambda Developer Guide, "Event source mappings": Lambda pauses polling and invocation.
    let house = House::working(settings(10, 0, Some(2)), seconds(28));
    house.mapping.set_enabled(false).unwrap();
    house.send(10);
    house.pass(4);
    assert_eq!(house.function.running(), 1, "it reads on until it is disabled");
    house.pass(56);
    assert_eq!(house.mapping.state(), MappingState::Disabled);
    assert_eq!(house.queue.depth(), Depth::default());
    house.send(20);
    let polls = house.mapping.used();
    house.pass(24 * 3600);
    assert_eq!(house.queue.depth(), Depth { visible: 20, in_flight: 0 });
    assert_eq!((house.dead().len(), house.mapping.used()), (0, polls));
    house.mapping.set_enabled(true).unwrap();
    house.pass(60 + 60);
    assert_eq!(house.handled().len(), 20);
    assert!(house.seen().iter().flat_map(|seen| &seen.messages).all(|(_, receive_count)| *receive_count == 1));
}

#[test]
fn a_batch_that_was_gathered_is_handed_over_though_the_mapping_is_disabled() {
    let house = House::working(settings(10, 120, Some(2)), seconds(1));
    house.send(3);
    house.pass(1);
    house.mapping.set_enabled(false).unwrap();
    house.pass(60);
    assert_eq!((house.mapping.state(), house.seen().len()), (MappingState::Disabled, 0));
    house.pass(65);
    assert_eq!(house.handled().len(), 3);
    assert_eq!(house.queue.depth(), Depth::default());
}

#[test]
fn a_deployment_brings_back_its_settings_and_turns_the_mapping_on() {
    // AWS CloudFormation, `AWS::Lambda::EventSourceMapping`: `Enabled` is what the template says.
    let house = House::working(settings(10, 0, Some(2)), seconds(1));
    house.mapping.set_maximum_concurrency(Some(7)).unwrap();
    house.mapping.set_enabled(false).unwrap();
    house.mapping.deploy(settings(5, 1, Some(3)));
    assert_eq!(house.mapping.state(), MappingState::Disabling, "it waits for the change that is under way");
    change_of(&house);
    assert_eq!(house.mapping.state(), MappingState::Enabling);
    change_of(&house);
    assert_eq!(house.mapping.state(), MappingState::Enabled);
    let MappingSettings { batch_size, maximum_concurrency, .. } = house.mapping.settings();
    assert_eq!((batch_size, maximum_concurrency), (5, Some(3)));
    house.send(30);
    house.pass(0);
    assert_eq!(house.mapping.in_flight(), 3);
}
