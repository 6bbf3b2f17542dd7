//! Amazon SQS Developer Guide, "Amazon SQS fair queues" and "How Amazon SQS fair queues work".

use std::collections::BTreeMap;

use super::*;
use crate::random::{Randomness, Stream};

fn fair(clock: &Arc<VirtualClock>) -> MemoryQueue {
    queue(clock).with_fair_groups()
}

fn send_of(queue: &MemoryQueue, group: &str, count: usize) {
    (0..count).for_each(|n| queue.send_in_group(&format!("{group} {n}"), Some(group)));
}

fn next(queue: &MemoryQueue) -> String {
    queue.receive(1).remove(0).body
}

fn delete(queue: &MemoryQueue, received: &[Received]) {
    assert_eq!(queue.delete_all(received.iter().map(|one| &one.receipt)), received.len());
}

/// How many messages are received before that one, while 400 of a group of 10,000 are in flight at any time.
fn received_before(queue: &MemoryQueue, wanted: &str) -> usize {
    let mut lanes = queue.receive(400);
    send_one(queue, wanted);
    (0..=10_000)
        .find(|_| {
            delete(queue, &lanes.split_off(lanes.len() - 1));
            lanes.insert(0, queue.receive(1).remove(0));
            lanes[0].body == wanted
        })
        .unwrap()
}

fn send_one(queue: &MemoryQueue, body: &str) {
    queue.send_in_group(body, (body == "quiet").then_some("quiet"));
}

#[test]
fn a_quiet_groups_message_is_received_before_ten_thousand_of_a_noisy_group() {
    for wanted in ["quiet", "of no group"] {
        let clock = clock();
        let [fair, unfair] = [fair(&clock), queue(&clock)].map(|queue| {
            send_of(&queue, "bulk", 10_000);
            received_before(&queue, wanted)
        });
        assert_eq!((fair, unfair), (0, 9_600), "{wanted}");
    }
}

#[test]
fn a_group_is_noisy_from_thirty_messages_in_flight_and_more_than_a_tenth_on() {
    let clock = clock();
    let queue = fair(&clock);
    send_of(&queue, "loud", 40);
    let first = queue.receive(29);
    send_of(&queue, "quiet", 2);
    // 29 in flight aren't noisy yet, and the 30th was there first.
    assert_eq!([next(&queue), next(&queue)], ["loud 29", "quiet 0"]);
    send_many(&queue, 270);
    // Until there are 270 of others, which aren't more than nine times as many.
    assert!(queue.receive(269).iter().all(|one| !one.body.starts_with("loud")));
    assert_eq!([next(&queue), next(&queue)], ["loud 30", "268"]);
    delete(&queue, &first);
    assert_eq!(next(&queue), "loud 31", "nobody is noisy any more");
}

#[test]
fn a_noisy_group_has_all_lanes_where_nobody_else_waits() {
    let clock = clock();
    let queue = fair(&clock);
    send_of(&queue, "loud", 1_000);
    assert_eq!(queue.receive(1_000).len(), 1_000);
    clock.advance(VISIBILITY);
    assert_eq!(queue.receive(1_000).len(), 1_000);
}

#[test]
fn of_several_noisy_groups_the_one_with_the_fewest_in_flight_is_first() {
    let clock = clock();
    let queue = fair(&clock);
    send_of(&queue, "a", 60);
    let of_a = queue.receive(60);
    send_of(&queue, "b", 40);
    queue.receive(40);
    send_of(&queue, "a", 3);
    send_of(&queue, "b", 30);
    assert!(queue.receive(20).iter().all(|one| one.body.starts_with('b')));
    // 60 of a and 60 of b.
    delete(&queue, &of_a[..10]);
    assert_eq!(next(&queue), "a 0");
}

#[test]
fn a_group_goes_with_its_message_to_the_dead_letter_queue_and_back() {
    let clock = clock();
    let dlq = Arc::new(queue(&clock));
    let redrive = RedrivePolicy { dlq: dlq.clone(), max_receive_count: 1 };
    let queue = MemoryQueue::new(clock.clone(), VISIBILITY, Some(redrive)).with_fair_groups();
    send_of(&queue, "loud", 100);
    queue.receive(100);
    clock.advance(VISIBILITY);
    assert_eq!((queue.receive(1), dlq.depth().visible), (vec![], 100));
    assert_eq!(dlq.move_to(&queue), 100);
    queue.receive(50);
    queue.send_body("of no group");
    assert_eq!(next(&queue), "of no group");
}

#[test]
fn a_purged_queue_has_no_noise_left() {
    let clock = clock();
    let queue = fair(&clock);
    send_of(&queue, "loud", 100);
    queue.receive(50);
    assert_eq!(queue.purge(), 100);
    send_of(&queue, "loud", 1);
    queue.send_body("of no group");
    assert_eq!([next(&queue), next(&queue)], ["loud 0", "of no group"]);
}

#[test]
fn a_fair_queue_without_groups_is_as_any_other() {
    let trace = |is_fair: bool| {
        let (clock, mut trace) = (clock(), Vec::new());
        let disorder = Disorder { duplicate: 0.1, forgotten_delete: 0.1, unordered: true, fewer: 0.1 };
        let queue = queue(&clock).with_disorder(Randomness::of_seed(3).stream("queue"), disorder);
        let queue = if is_fair { queue.with_fair_groups() } else { queue };
        send_many(&queue, 500);
        for _ in 0..60 {
            let received = queue.receive(40);
            queue.delete_all(received.iter().step_by(2).map(|one| &one.receipt));
            trace.extend(received);
            clock.advance(VISIBILITY / 7);
        }
        trace
    };
    assert_eq!(trace(true), trace(false));
}

/// Messages by body, which is each one's own: its group, and until when it is hidden.
type Plain = BTreeMap<String, (Option<String>, Timestamp)>;

/// How many messages of a group are in flight, and in all.
fn in_flight(plain: &Plain, of: Option<&String>, now: Timestamp) -> (usize, usize) {
    let hidden = || plain.values().filter(|(_, until)| *until > now);
    (hidden().filter(|(group, _)| group.as_ref() == of).count(), hidden().count())
}

/// How loud a message's group is: not at all, or by so many in flight.
fn noise(plain: &Plain, group: Option<&String>, now: Timestamp) -> usize {
    let (count, all) = in_flight(plain, group, now);
    if group.is_some() && count >= 30 && count * 10 > all { count } else { 0 }
}

/// What is received next has to be one of the quietest that are visible, and of those of its group the first.
fn check_next(plain: &mut Plain, body: &str, now: Timestamp, is_ordered: bool) {
    let (group, since) = plain[body].clone();
    assert!(since <= now, "{body} was hidden");
    let noise_of = |group: &Option<String>| noise(plain, group.as_ref(), now);
    let visible = || plain.values().filter(|(_, until)| *until <= now);
    let own = noise_of(&group);
    for (other, other_since) in visible() {
        assert!(own <= noise_of(other), "{body} of {group:?} came before one of {other:?}");
        let is_beside = if own == 0 { noise_of(other) == 0 } else { *other == group };
        assert!(!is_ordered || !is_beside || since <= *other_since, "{body} came too soon");
    }
    plain.insert(body.to_owned(), (group, now + VISIBILITY));
}

fn compare(seed: u64, unordered: bool) -> bool {
    let randomness = Randomness::of_seed(seed);
    let (dice, clock) = (randomness.stream("acts"), clock());
    let disorder = Disorder { unordered, ..Disorder::default() };
    let queue = fair(&clock).with_disorder(randomness.stream("queue"), disorder);
    let below = |most: u64| usize::try_from(dice.below(most)).unwrap();
    let (mut plain, mut hands, mut was_noisy) = (Plain::new(), Vec::<Received>::new(), false);
    for step in 0..400 {
        clock.advance(dice.between(Duration::ZERO, Duration::from_secs(2)));
        let now = clock.now();
        match dice.below(4) {
            0 => {
                let group = group(&dice);
                for one in 0..below(if group == Some("loud") { 40 } else { 6 }) {
                    let body = format!("{step}.{one}");
                    queue.send_in_group(&body, group);
                    plain.insert(body, (group.map(str::to_owned), now));
                }
            }
            1 | 2 => {
                let received = queue.receive(below(20));
                for one in &received {
                    was_noisy |= plain.values().any(|(group, _)| noise(&plain, group.as_ref(), now) > 0);
                    check_next(&mut plain, &one.body, now, !unordered);
                }
                hands.extend(received);
            }
            _ => {
                for _ in 0..below(25).min(hands.len()) {
                    let one = hands.swap_remove(below(hands.len() as u64));
                    if queue.delete(&one.receipt) {
                        plain.remove(&one.body);
                    }
                }
            }
        }
        let visible = plain.values().filter(|(_, until)| *until <= clock.now()).count();
        assert_eq!(queue.depth(), QueueDepth { visible, in_flight: plain.len() - visible });
    }
    was_noisy
}

/// Most are of two loud groups, some of six quiet ones, and some of none.
fn group(dice: &Stream) -> Option<&'static str> {
    let groups = [None, Some("a"), Some("b"), Some("c"), Some("loud"), Some("loud"), Some("loud"), Some("louder")];
    groups[usize::try_from(dice.below(groups.len() as u64)).unwrap()]
}

#[test]
fn a_fair_queue_does_what_a_plain_list_would_do() {
    let noisy = (0..8).filter(|seed| compare(*seed, false)).count();
    assert!(noisy > 4, "{noisy} of 8 had a noisy group");
}

#[test]
fn an_unordered_fair_queue_does_what_a_plain_list_would_do() {
    let noisy = (0..8).filter(|seed| compare(*seed, true)).count();
    assert!(noisy > 4, "{noisy} of 8 had a noisy group");
}
