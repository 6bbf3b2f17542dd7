//! What becomes of mails, drawn from the seed: the same for a customer in each run.

use std::{fmt, str::FromStr, time::Duration};

use pulse_core::{feedback::BounceKind, stable_hash::stable_hash};

/// A share of all mails.
#[derive(Debug, Clone, Copy, Default, PartialEq, PartialOrd)]
pub struct MailShare(f64);

impl MailShare {
    /// Whether the thing of this number, of all from 0 up to 1, is of the share.
    fn has(self, number: f64) -> bool {
        number < self.0
    }
}

impl FromStr for MailShare {
    type Err = String;

    /// Reads a percentage from 0% to 100%, such as `0.1%`.
    fn from_str(text: &str) -> Result<Self, String> {
        let number = text.strip_suffix('%').filter(|digits| digits.bytes().all(|b| b.is_ascii_digit() || b == b'.'));
        let percent: Option<f64> = number.and_then(|digits| digits.parse().ok());
        match percent {
            Some(percent) if (0.0..=100.0).contains(&percent) => Ok(Self(percent / 100.0)),
            _ => Err("must be a percentage from 0% to 100%, such as 0.1%".into()),
        }
    }
}

impl fmt::Display for MailShare {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // A share of 0.07 isn't exactly that.
        write!(f, "{}%", (self.0 * 100e6).round() / 1e6)
    }
}

/// What happens to how many mails, and when it is told.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct MailFates {
    /// Of all mails, those that come back: half of them as there is no such mailbox.
    pub bounces: MailShare,
    /// Of those that arrive, those that are called spam.
    pub complaints: MailShare,
    /// Of the others that arrive, those whose link to unsubscribe is clicked.
    pub clicks: MailShare,
    /// How long after its mail an event comes on average, from half of that to one and a half; a complaint and a click come
    /// that much later still.
    pub event_delay: Duration,
}

/// What becomes of one mail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fate {
    Arrives,
    ComesBack(BounceKind),
    IsCalledSpam,
    IsClicked,
}

impl MailFates {
    pub(super) fn of(&self, seed: u64, contact: &str) -> Fate {
        let draw = |purpose| draw(purpose, seed, contact);
        if self.bounces.has(draw("stand-in bounce")) {
            return Fate::ComesBack(match draw("stand-in bounce kind") {
                ..0.5 => BounceKind::Hard,
                ..0.8 => BounceKind::Soft,
                _ => BounceKind::Reputation,
            });
        }
        if self.complaints.has(draw("stand-in complaint")) {
            Fate::IsCalledSpam
        } else if self.clicks.has(draw("stand-in click")) {
            Fate::IsClicked
        } else {
            Fate::Arrives
        }
    }

    /// How long after the mail the first of it is told.
    pub(super) fn delay(&self, seed: u64, contact: &str) -> Duration {
        self.event_delay.mul_f64(0.5 + draw("stand-in event delay", seed, contact))
    }
}

/// A number from 0 up to 1.
fn draw(purpose: &str, seed: u64, contact: &str) -> f64 {
    let bits = stable_hash(purpose, &format!("{seed}/{contact}")) >> 11;
    bits as f64 / (1_u64 << 53) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn share(text: &str) -> MailShare {
        text.parse().unwrap()
    }

    #[test]
    fn a_share_is_a_percentage_and_nothing_else() {
        for (text, shown) in [("2%", "2%"), ("0.1%", "0.1%"), ("0%", "0%"), ("100%", "100%"), ("7.25%", "7.25%")] {
            assert_eq!(share(text).to_string(), shown);
        }
        for bad in ["", "%", "2", "0.02", "-1%", "101%", "2 %", "1e1%", "NaN%", "inf%", "+2%", "1.2.3%", "2%%"] {
            assert!(bad.parse::<MailShare>().is_err(), "{bad}");
        }
    }

    #[test]
    fn as_many_mails_come_to_each_end_as_was_asked_for_and_the_same_ones_each_time() {
        let fates = MailFates {
            bounces: share("20%"),
            complaints: share("10%"),
            clicks: share("50%"),
            event_delay: Duration::from_secs(10),
        };
        let all = |seed| (0..20_000).map(|n| fates.of(seed, &format!("c-{n}"))).collect::<Vec<_>>();
        let fates_of_all = all(7);
        let is_about = |fate: Fate, of_all: f64| {
            let many = fates_of_all.iter().filter(|other| **other == fate).count() as f64 / 20_000.0;
            assert!((many - of_all).abs() < 0.01, "{fate:?}: {many}");
        };
        is_about(Fate::ComesBack(BounceKind::Hard), 0.10);
        is_about(Fate::ComesBack(BounceKind::Soft), 0.06);
        is_about(Fate::ComesBack(BounceKind::Reputation), 0.04);
        is_about(Fate::IsCalledSpam, 0.08);
        is_about(Fate::IsClicked, 0.36);
        assert_eq!(fates_of_all, all(7));
        assert_ne!(fates_of_all, all(8));
        let delays = (0..1_000).map(|n| fates.delay(7, &format!("c-{n}")).as_secs_f64());
        assert!(delays.clone().all(|delay| (5.0..15.0).contains(&delay)));
        assert!((delays.sum::<f64>() / 1_000.0 - 10.0).abs() < 0.3);
    }

    #[test]
    fn nothing_happens_to_anyone_unless_asked_for_and_everything_to_everyone_if_so() {
        let none = MailFates::default();
        let all = MailFates { bounces: share("100%"), ..none };
        for n in 0..1_000 {
            let contact = format!("c-{n}");
            assert_eq!(none.of(1, &contact), Fate::Arrives);
            assert!(matches!(all.of(1, &contact), Fate::ComesBack(_)));
        }
    }
}
