use std::time::Duration;

use super::{
    super::{MappingBusy, MappingSettings, MappingState},
    stack::*,
};
use crate::queue::QueueDepth;

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// How many seconds it takes to leave the state that it is in.
fn change_of(stack: &StageStack) -> u64 {
    let state = stack.mapping.state();
    (1..=100)
        .find(|_| {
            stack.pass(1);
            stack.mapping.state() != state
        })
        .unwrap()
}

#[test]
fn a_mapping_takes_a_while_to_stop_and_to_start_and_cannot_be_changed_meanwhile() {
    // AWS Lambda API Reference, `UpdateEventSourceMapping`: states, and `ResourceInUseException`.
    let stack = StageStack::working(settings(10, 0, Some(2)), seconds(1));
    stack.pass(1);
    stack.mapping.set_enabled(true).unwrap();
    assert_eq!(stack.mapping.state(), MappingState::Enabled);
    stack.mapping.set_enabled(false).unwrap();
    assert_eq!(stack.mapping.state(), MappingState::Disabling);
    let busy = MappingBusy { state: MappingState::Disabling };
    assert_eq!(stack.mapping.set_enabled(true), Err(busy));
    assert_eq!(stack.mapping.set_maximum_concurrency(Some(9)), Err(busy));
    assert!((5..=60).contains(&change_of(&stack)));
    assert_eq!(stack.mapping.state(), MappingState::Disabled);
    stack.mapping.set_maximum_concurrency(Some(9)).unwrap();
    stack.mapping.set_enabled(true).unwrap();
    assert_eq!(stack.mapping.state(), MappingState::Enabling);
    stack.send(1);
    stack.pass(4);
    assert_eq!(stack.queue.depth(), QueueDepth { visible: 1, in_flight: 0 }, "it doesn't read yet");
    assert!((1..=56).contains(&change_of(&stack)));
    assert_eq!((stack.mapping.state(), stack.seen().len()), (MappingState::Enabled, 1));
}

#[test]
fn a_disabled_mapping_holds_messages_still_and_what_was_in_flight_ends() {
    // AWS Lambda Developer Guide, "Event source mappings": Lambda pauses polling and invocation.
    let stack = StageStack::working(settings(10, 0, Some(2)), seconds(28));
    stack.mapping.set_enabled(false).unwrap();
    stack.send(10);
    stack.pass(4);
    assert_eq!(stack.function.running(), 1, "it reads on until it is disabled");
    stack.pass(56);
    assert_eq!(stack.mapping.state(), MappingState::Disabled);
    assert_eq!(stack.queue.depth(), QueueDepth::default());
    stack.send(20);
    let polls = stack.mapping.used();
    stack.pass(24 * 3600);
    assert_eq!(stack.queue.depth(), QueueDepth { visible: 20, in_flight: 0 });
    assert_eq!((stack.dead().len(), stack.mapping.used()), (0, polls));
    stack.mapping.set_enabled(true).unwrap();
    stack.pass(60 + 60);
    assert_eq!(stack.handled().len(), 20);
    assert!(stack.seen().iter().flat_map(|seen| &seen.messages).all(|(_, receive_count)| *receive_count == 1));
}

#[test]
fn a_batch_that_was_gathered_is_handed_over_though_the_mapping_is_disabled() {
    let stack = StageStack::working(settings(10, 120, Some(2)), seconds(1));
    stack.send(3);
    stack.pass(1);
    stack.mapping.set_enabled(false).unwrap();
    stack.pass(60);
    assert_eq!((stack.mapping.state(), stack.seen().len()), (MappingState::Disabled, 0));
    stack.pass(65);
    assert_eq!(stack.handled().len(), 3);
    assert_eq!(stack.queue.depth(), QueueDepth::default());
}

#[test]
fn a_deployment_brings_back_its_settings_and_turns_the_mapping_on() {
    // AWS CloudFormation, `AWS::Lambda::EventSourceMapping`: `Enabled` is what the template says.
    let stack = StageStack::working(settings(10, 0, Some(2)), seconds(1));
    stack.mapping.set_maximum_concurrency(Some(7)).unwrap();
    change_of(&stack);
    stack.mapping.set_enabled(false).unwrap();
    stack.mapping.deploy(settings(5, 1, Some(3))).unwrap();
    assert_eq!(stack.mapping.state(), MappingState::Disabling, "it waits for the change that is under way");
    change_of(&stack);
    assert_eq!(stack.mapping.state(), MappingState::Enabling);
    change_of(&stack);
    assert_eq!(stack.mapping.state(), MappingState::Enabled);
    let MappingSettings { batch_size, maximum_concurrency, .. } = stack.mapping.settings();
    assert_eq!((batch_size, maximum_concurrency), (5, Some(3)));
    stack.send(30);
    stack.pass(0);
    assert_eq!(stack.mapping.in_flight(), 3);
}
