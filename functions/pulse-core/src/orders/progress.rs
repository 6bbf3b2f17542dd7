use serde::{Deserialize, Serialize};

use crate::{dead_letters::Stuck, failure::Cause};

/// Causes of stuck letters that are told apart.
const CAUSES: usize = 20;

/// What has come of an order. Each letter counts in one place, and once; likewise each entry.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct OrderProgress {
    /// Queued to who takes them again.
    pub moved: u64,
    /// Deleted with their entries closed, as the customers have left.
    pub closed: u64,
    /// Deleted, as nothing was left to do for their entries.
    pub done: u64,
    /// They stay, as their cause isn't the one that was meant.
    pub others: u64,
    /// They stay, as more match than were previewed.
    pub beyond: u64,
    /// They stay, as they were first queued after the preview.
    pub newer: u64,
    /// They stay, as they would only die again.
    pub stuck: Vec<Stuck>,
    /// They stay, as something was in the way.
    pub failed: u64,
    /// What was in the way last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trouble: Option<Cause>,
}

impl OrderProgress {
    /// How many were dealt with as the order says: no more than were previewed.
    #[must_use]
    pub fn carried_out(&self) -> u64 {
        self.moved + self.closed + self.done
    }

    /// How many would only die again.
    #[must_use]
    pub fn stuck_in_all(&self) -> u64 {
        self.stuck.iter().map(|stuck| stuck.count).sum()
    }

    /// How many were looked at. What they came to adds up to this.
    #[must_use]
    pub fn looked_at(&self) -> u64 {
        self.carried_out() + self.others + self.beyond + self.newer + self.stuck_in_all() + self.failed
    }

    /// What was carried out, for a new look at what stays.
    pub(super) fn without_what_stays(&self) -> Self {
        let Self { moved, closed, done, .. } = *self;
        Self { moved, closed, done, ..Self::default() }
    }

    /// Counts a letter, and tells as what.
    pub(super) fn count(&mut self, fate: &Fate) -> String {
        let (count, letter) = match fate {
            Fate::Moved => (&mut self.moved, "m"),
            Fate::Closed => (&mut self.closed, "c"),
            Fate::Done => (&mut self.done, "d"),
            Fate::Other => (&mut self.others, "o"),
            Fate::Beyond => (&mut self.beyond, "b"),
            Fate::Newer => (&mut self.newer, "n"),
            Fate::Failed(cause) => {
                self.trouble = Some(cause.clone());
                (&mut self.failed, "f")
            }
            Fate::Stuck(cause) => {
                let at = self.place_of(cause);
                self.stuck[at].count += 1;
                return format!("s{at}");
            }
        };
        *count += 1;
        letter.to_owned()
    }

    /// Takes back what was counted so.
    pub(super) fn uncount(&mut self, counted: &str) {
        let mut nothing = 0;
        let count = match counted {
            "m" => &mut self.moved,
            "c" => &mut self.closed,
            "d" => &mut self.done,
            "o" => &mut self.others,
            "b" => &mut self.beyond,
            "n" => &mut self.newer,
            "f" => &mut self.failed,
            stuck => {
                let at = stuck.strip_prefix('s').and_then(|at| at.parse::<usize>().ok());
                at.and_then(|at| self.stuck.get_mut(at)).map_or(&mut nothing, |stuck| &mut stuck.count)
            }
        };
        *count = count.saturating_sub(1);
    }

    fn place_of(&mut self, cause: &Cause) -> usize {
        if let Some(at) = self.stuck.iter().position(|stuck| stuck.cause == *cause) {
            return at;
        }
        if self.stuck.len() < CAUSES {
            let is_last = self.stuck.len() + 1 == CAUSES;
            let cause = if is_last { Cause::new("Other causes.") } else { cause.clone() };
            self.stuck.push(Stuck { cause, count: 0 });
        }
        self.stuck.len() - 1
    }
}

/// What becomes of a letter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Fate {
    Moved,
    Closed,
    Done,
    Other,
    Beyond,
    Newer,
    Stuck(Cause),
    Failed(Cause),
}

impl Fate {
    /// Whether the letter goes.
    pub(super) fn goes(&self) -> bool {
        matches!(self, Self::Moved | Self::Closed | Self::Done)
    }

    /// What a letter that was counted so comes to, if it goes.
    pub(super) fn going(counted: &str) -> Option<Self> {
        match counted {
            "m" => Some(Self::Moved),
            "c" => Some(Self::Closed),
            "d" => Some(Self::Done),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_letter_counts_once_and_causes_without_number_count_together() {
        let mut progress = OrderProgress::default();
        let stuck = (0..50).map(|n| Fate::Stuck(Cause::new(format!("cause {n}"))));
        let plain = [Fate::Moved, Fate::Closed, Fate::Done, Fate::Other, Fate::Beyond, Fate::Newer];
        let fates = plain.into_iter().chain([Fate::Failed(Cause::new("full"))]).chain(stuck);
        let counted: Vec<_> = fates.map(|fate| progress.count(&fate)).collect();
        assert_eq!((progress.looked_at(), progress.carried_out(), progress.stuck.len()), (57, 3, CAUSES));
        assert_eq!(progress.stuck_in_all(), 50);
        assert_eq!(progress.without_what_stays().looked_at(), 3);
        for counted in &counted {
            progress.uncount(counted);
        }
        assert_eq!(progress.looked_at(), 0);
    }
}
