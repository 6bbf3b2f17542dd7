//! The queue beside a plain list of messages that does the same, slowly.

use std::collections::BTreeMap;

use super::*;
use crate::random::Randomness;

const RETENTION: Duration = Duration::from_mins(10);

/// By body, which is each message's own.
#[derive(Default)]
struct Plain(BTreeMap<String, Line>);

struct Line {
    sent_at: Timestamp,
    visible_at: Timestamp,
    receive_count: u32,
}

impl Plain {
    fn expire(&mut self, now: Timestamp) {
        self.0.retain(|_, line| line.sent_at + RETENTION > now);
    }

    fn visible(&self, now: Timestamp) -> impl Iterator<Item = &Line> {
        self.0.values().filter(move |line| line.visible_at <= now)
    }

    /// Takes note of what was received, each of which must have been visible.
    fn receive(&mut self, received: &[Received], now: Timestamp, is_ordered: bool) {
        let mut last = Timestamp::MIN;
        for one in received {
            let line = self.0.get_mut(&one.body).expect("a message that is there");
            assert!(line.visible_at <= now, "{} was hidden", one.body);
            assert!(!is_ordered || last <= line.visible_at, "{} came too late", one.body);
            (last, line.visible_at) = (line.visible_at, now + VISIBILITY);
            line.receive_count += 1;
            assert_eq!((one.receive_count, one.sent_at), (line.receive_count, line.sent_at));
        }
    }

    fn assert_same(&self, queue: &MemoryQueue, now: Timestamp) {
        let visible = self.visible(now).count();
        assert_eq!(queue.depth(), QueueDepth { visible, in_flight: self.0.len() - visible });
        let oldest = self.visible(now).map(|line| line.sent_at).min();
        assert_eq!(queue.oldest_visible(now), oldest.map(|oldest| Duration::try_from(now - oldest).unwrap()));
        let next = self.0.values().map(|line| line.visible_at.max(now)).min();
        assert_eq!(queue.next_visible_at(), next);
    }
}

fn compare(seed: u64, unordered: bool) {
    let randomness = Randomness::of_seed(seed);
    let (dice, clock) = (randomness.stream("acts"), clock());
    let disorder = Disorder { unordered, ..Disorder::default() };
    let queue = queue(&clock).with_retention(RETENTION).with_disorder(randomness.stream("queue"), disorder);
    let (mut plain, mut hands) = (Plain::default(), Vec::<Received>::new());
    for step in 0..3_000 {
        clock.advance(dice.between(Duration::ZERO, Duration::from_secs(5)));
        let now = clock.now();
        plain.expire(now);
        let held = usize::try_from(dice.below(hands.len() as u64)).unwrap();
        match dice.below(6) {
            0 | 1 => {
                queue.send_body(&step.to_string());
                let line = Line { sent_at: now, visible_at: now, receive_count: 0 };
                plain.0.insert(step.to_string(), line);
            }
            2 => {
                let most = usize::try_from(dice.below(5)).unwrap();
                let expected = plain.visible(now).count().min(most);
                let received = queue.receive(most);
                assert_eq!(received.len(), expected);
                plain.receive(&received, now, !unordered);
                hands.extend(received);
            }
            3 if !hands.is_empty() => {
                let one = hands.swap_remove(held);
                let line = plain.0.get(&one.body);
                let is_good = line.is_some_and(|line| line.receive_count == one.receive_count);
                assert_eq!(queue.delete(&one.receipt), is_good);
                if is_good {
                    plain.0.remove(&one.body);
                }
            }
            4 if !hands.is_empty() => {
                let (one, hidden_for) = (&hands[held], Duration::from_secs(dice.below(90)));
                hide(&queue, one, hidden_for);
                let line = plain.0.get_mut(&one.body).filter(|line| line.visible_at > now);
                if let Some(line) = line.filter(|line| line.receive_count == one.receive_count) {
                    line.visible_at = now + hidden_for;
                }
            }
            _ => clock.advance(dice.between(Duration::ZERO, Duration::from_secs(30))),
        }
        plain.expire(clock.now());
        plain.assert_same(&queue, clock.now());
    }
    assert!(queue.expired() > 0, "nothing grew old");
}

#[test]
fn a_queue_does_what_a_plain_list_would_do() {
    (0..8).for_each(|seed| compare(seed, false));
}

#[test]
fn an_unordered_queue_does_what_a_plain_list_would_do() {
    (0..8).for_each(|seed| compare(seed, true));
}
