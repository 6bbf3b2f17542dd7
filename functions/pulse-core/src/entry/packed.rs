//! An entry in few bytes: a ledger in memory holds many millions of them.

use std::fmt;

use enum_map::Enum as _;
use jiff::Timestamp;

use super::{Awaited, Entry, EntryId, ItemId, Plan, Position, Progress, Queueing, TallyKey, feedback::EntryFeedback};
use crate::{
    customer::CustomerId,
    feedback::FeedbackFacts,
    run::RunId,
    score::{Band, Score, ScoreValue},
    stage_spec::StageName,
};

/// An entry without its customer, in as few bytes as it takes: [`unpack`](Self::unpack) gives it back as it was.
#[derive(Clone)]
pub struct PackedEntry(Form);

#[derive(Clone)]
enum Form {
    /// An entry of a month on its ordinary way.
    Short(Box<[u8]>),
    /// Any other.
    Whole(Box<Entry>),
}

/// The longest provider's id or band of a short form.
const LONGEST: usize = 64;

/// More than a short form has at most: eleven moments of up to 15 bytes, three texts, and the rest.
const ROOM: usize = 512;

/// What a short form has, bit by bit.
mod has {
    pub(super) const CLAIM: u16 = 1;
    pub(super) const DONE: u16 = 1 << 1;
    pub(super) const REQUEUED: u16 = 1 << 2;
    pub(super) const DEFERRED: u16 = 1 << 3;
    pub(super) const SCORE: u16 = 1 << 4;
    pub(super) const PREVIOUS: u16 = 1 << 5;
    pub(super) const REPEATED: u16 = 1 << 6;
    pub(super) const DOUBT: u16 = 1 << 7;
    pub(super) const ACCEPTED: u16 = 1 << 8;
    pub(super) const DELIVERED: u16 = 1 << 9;
    pub(super) const DELAYED: u16 = 1 << 10;
    pub(super) const TOLD_ID: u16 = 1 << 11;
    /// The provider told the id that the entry was sent under.
    pub(super) const SAME_ID: u16 = 1 << 12;
}

impl PackedEntry {
    /// Packs an entry.
    #[must_use]
    pub fn of(entry: &Entry) -> Self {
        Self(short(entry).map_or_else(|| Form::Whole(Box::new(entry.clone())), Form::Short))
    }

    /// Which run it is of.
    #[must_use]
    pub fn run(&self) -> RunId {
        match &self.0 {
            Form::Short(bytes) => Reader::new(bytes).run(),
            Form::Whole(entry) => entry.id.run,
        }
    }

    /// Which of its customer's items it is about.
    #[must_use]
    pub fn item(&self) -> Option<ItemId> {
        match &self.0 {
            Form::Short(_) => None,
            Form::Whole(entry) => entry.id.item,
        }
    }

    /// Where it stands.
    #[must_use]
    pub fn position(&self) -> Position {
        match &self.0 {
            Form::Short(bytes) => Head::of(bytes).position(),
            Form::Whole(entry) => entry.position(),
        }
    }

    /// How often the entry was written.
    #[must_use]
    pub fn version(&self) -> u64 {
        match &self.0 {
            Form::Short(bytes) => Head::of(bytes).version,
            Form::Whole(entry) => entry.version,
        }
    }

    /// How often a stage has claimed it.
    #[must_use]
    pub fn claims(&self) -> u32 {
        match &self.0 {
            Form::Short(bytes) => Head::of(bytes).claims,
            Form::Whole(entry) => entry.claims,
        }
    }

    /// Whether it stands where it does by what its provider told afterwards.
    #[must_use]
    pub fn is_closed_by_feedback(&self) -> bool {
        match &self.0 {
            Form::Short(_) => false,
            Form::Whole(entry) => entry.is_closed_by_feedback(),
        }
    }

    /// The entry of this customer.
    #[must_use]
    pub fn unpack(&self, customer: &CustomerId) -> Entry {
        match &self.0 {
            Form::Short(bytes) => long(bytes, customer),
            Form::Whole(entry) => {
                let mut entry = Entry::clone(entry);
                entry.id.customer.clone_from(customer);
                entry
            }
        }
    }
}

impl fmt::Debug for PackedEntry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PackedEntry").field("run", &self.run()).finish_non_exhaustive()
    }
}

/// The short form of an entry, if it has one.
fn short(entry: &Entry) -> Option<Box<[u8]>> {
    // All fields are named, so that one that comes to it isn't left out.
    let Entry {
        id: EntryId { customer: _, run, item: None },
        version,
        scheduled_at,
        due,
        plan: Plan::MONTHLY,
        at,
        progress,
        score,
        called: None,
        asked_at: None,
        claims,
        previous,
        failure_streak: None,
        queueing,
        repeated_at,
        in_doubt_since,
        feedback: EntryFeedback { facts, closes: false, recorded: None },
        erased: false,
    } = entry
    else {
        return None;
    };
    let FeedbackFacts {
        accepted_at,
        delivered_at,
        delayed_at,
        bounced: None,
        complained_at: None,
        rejected: None,
        provider_id: told_id,
    } = facts
    else {
        return None;
    };
    let (progress_has, lease_or_end, sent_id) = match progress {
        Progress::Waiting => (0, None, None),
        Progress::Claimed { lease_until } => (has::CLAIM, Some(lease_until), None),
        Progress::Done { provider_id, at } => (has::DONE, Some(at), Some(provider_id)),
        _ => return None,
    };
    let (queueing_has, requeued_at) = match queueing {
        Queueing::Pending => (0, None),
        Queueing::Requeued { at } => (has::REQUEUED, Some(at)),
        Queueing::Deferred => (has::DEFERRED, None),
        Queueing::Held => return None,
    };
    let is_same_id = told_id.is_some() && told_id.as_ref() == sent_id;
    let told_id = told_id.as_ref().filter(|_| !is_same_id);
    let flag = |has: bool, bit: u16| if has { bit } else { 0 };
    let flags = progress_has
        | queueing_has
        | flag(score.is_some(), has::SCORE)
        | flag(previous.is_some(), has::PREVIOUS)
        | flag(repeated_at.is_some(), has::REPEATED)
        | flag(in_doubt_since.is_some(), has::DOUBT)
        | flag(accepted_at.is_some(), has::ACCEPTED)
        | flag(delivered_at.is_some(), has::DELIVERED)
        | flag(delayed_at.is_some(), has::DELAYED)
        | flag(told_id.is_some(), has::TOLD_ID)
        | flag(is_same_id, has::SAME_ID);
    let mut out = Writer { bytes: [0; ROOM], length: 0, from: 0 };
    out.run(*run)?;
    out.raw(&flags.to_le_bytes());
    out.raw(&[u8::try_from(at.into_usize()).ok()?]);
    out.moment(scheduled_at);
    out.moment(due);
    out.number(*version);
    out.number(u64::from(*claims));
    let moments = [lease_or_end, requeued_at, repeated_at.as_ref(), in_doubt_since.as_ref()];
    let told = [accepted_at.as_ref(), delivered_at.as_ref(), delayed_at.as_ref()];
    moments.into_iter().chain(told).flatten().for_each(|moment| out.moment(moment));
    for Score { value, band, as_of } in [score, previous].into_iter().flatten() {
        out.number(u64::from(value.expose()));
        out.text(band.expose())?;
        out.moment(as_of);
    }
    for id in [sent_id, told_id].into_iter().flatten() {
        out.text(id)?;
    }
    Some(out.bytes[..out.length].into())
}

/// What every short form begins with.
struct Head<'b> {
    run: RunId,
    flags: u16,
    at: StageName,
    scheduled_at: Timestamp,
    due: Timestamp,
    version: u64,
    claims: u32,
    lease_or_end: Option<Timestamp>,
    queueing: Queueing,
    rest: Reader<'b>,
}

impl<'b> Head<'b> {
    fn of(bytes: &'b [u8]) -> Self {
        let mut from = Reader::new(bytes);
        let run = from.run();
        let flags = u16::from_le_bytes(from.raw());
        let [at] = from.raw();
        let (scheduled_at, due) = (from.moment(), from.moment());
        let (version, claims) = (from.number(), from.number());
        let lease_or_end = (flags & (has::CLAIM | has::DONE) != 0).then(|| from.moment());
        let queueing = if flags & has::REQUEUED != 0 {
            Queueing::Requeued { at: from.moment() }
        } else if flags & has::DEFERRED != 0 {
            Queueing::Deferred
        } else {
            Queueing::Pending
        };
        Self {
            run,
            flags,
            at: StageName::from_usize(usize::from(at)),
            scheduled_at,
            due,
            version,
            claims: u32::try_from(claims).expect(WRITTEN),
            lease_or_end,
            queueing,
            rest: from,
        }
    }

    fn position(&self) -> Position {
        if self.flags & has::DONE != 0 {
            return Position::Closed(TallyKey::Sent);
        }
        let (awaited, since) = match self.queueing {
            Queueing::Requeued { at } => (Awaited::Again, at),
            Queueing::Deferred => (Awaited::Deferred, self.due),
            Queueing::Pending | Queueing::Held => (Awaited::First, self.due),
        };
        Position::Open { stage: self.at, awaited, since }
    }
}

/// The entry of a short form.
fn long(bytes: &[u8], customer: &CustomerId) -> Entry {
    let Head { run, flags, at, scheduled_at, due, version, claims, lease_or_end, queueing, rest: mut from } =
        Head::of(bytes);
    let has = |bit: u16| flags & bit != 0;
    let mut moment_if = |is_there: bool| is_there.then(|| from.moment());
    let [repeated_at, in_doubt_since, accepted_at, delivered_at, delayed_at] =
        [has::REPEATED, has::DOUBT, has::ACCEPTED, has::DELIVERED, has::DELAYED].map(|bit| moment_if(has(bit)));
    let [score, previous] = [has::SCORE, has::PREVIOUS].map(|bit| has(bit).then(|| from.score()));
    let sent_id = has(has::DONE).then(|| from.text());
    let told_id = if has(has::SAME_ID) { sent_id.clone() } else { has(has::TOLD_ID).then(|| from.text()) };
    Entry {
        id: EntryId { customer: customer.clone(), run, item: None },
        version,
        scheduled_at,
        due,
        plan: Plan::MONTHLY,
        at,
        progress: match (sent_id, lease_or_end) {
            (Some(provider_id), Some(at)) => Progress::Done { provider_id, at },
            (_, Some(lease_until)) => Progress::Claimed { lease_until },
            (_, None) => Progress::Waiting,
        },
        score,
        called: None,
        asked_at: None,
        claims,
        previous,
        failure_streak: None,
        queueing,
        repeated_at,
        in_doubt_since,
        feedback: EntryFeedback {
            facts: FeedbackFacts {
                accepted_at,
                delivered_at,
                delayed_at,
                provider_id: told_id,
                ..FeedbackFacts::default()
            },
            ..EntryFeedback::default()
        },
        erased: false,
    }
}

/// Writes numbers in as few bytes as they take, and moments by how far they are from the first.
struct Writer {
    bytes: [u8; ROOM],
    length: usize,
    from: i64,
}

impl Writer {
    fn raw(&mut self, bytes: &[u8]) {
        self.bytes[self.length..self.length + bytes.len()].copy_from_slice(bytes);
        self.length += bytes.len();
    }

    fn run(&mut self, run: RunId) -> Option<()> {
        let (year, month, repeat) = run.parts_of_month()?;
        self.raw(&year.to_le_bytes());
        self.raw(&[month.unsigned_abs(), repeat]);
        Some(())
    }

    /// Seven bits a byte, the lowest first; the eighth says that there are more.
    fn number(&mut self, mut number: u64) {
        while number >= 0x80 {
            self.raw(&[number.to_le_bytes()[0] | 0x80]);
            number >>= 7;
        }
        self.raw(&[number.to_le_bytes()[0]]);
    }

    /// Small numbers below zero are small, too.
    fn signed(&mut self, number: i64) {
        self.number((number.cast_unsigned() << 1) ^ (number >> 63).cast_unsigned());
    }

    fn moment(&mut self, moment: &Timestamp) {
        let second = moment.as_second();
        self.signed(second - self.from);
        self.signed(i64::from(moment.subsec_nanosecond()));
        if self.from == 0 {
            self.from = second;
        }
    }

    fn text(&mut self, text: &str) -> Option<()> {
        let length = u8::try_from(text.len()).ok().filter(|length| usize::from(*length) <= LONGEST)?;
        self.raw(&[length]);
        self.raw(text.as_bytes());
        Some(())
    }
}

/// Reads what a [`Writer`] has written.
struct Reader<'b> {
    rest: &'b [u8],
    from: i64,
}

/// What reads goes by what was written.
const WRITTEN: &str = "a packed entry is whole";

impl<'b> Reader<'b> {
    const fn new(bytes: &'b [u8]) -> Self {
        Self { rest: bytes, from: 0 }
    }

    fn raw<const N: usize>(&mut self) -> [u8; N] {
        let (bytes, rest) = self.rest.split_first_chunk().expect(WRITTEN);
        self.rest = rest;
        *bytes
    }

    fn run(&mut self) -> RunId {
        let year = i16::from_le_bytes(self.raw());
        let [month, repeat] = self.raw();
        RunId::month_of(year, month.cast_signed(), repeat)
    }

    fn number(&mut self) -> u64 {
        let (mut number, mut shift) = (0, 0);
        loop {
            let [byte] = self.raw();
            number |= u64::from(byte & 0x7f) << shift;
            shift += 7;
            if byte & 0x80 == 0 {
                return number;
            }
        }
    }

    fn signed(&mut self) -> i64 {
        let number = self.number();
        (number >> 1).cast_signed() ^ -(number & 1).cast_signed()
    }

    fn moment(&mut self) -> Timestamp {
        let second = self.from + self.signed();
        let nanosecond = i32::try_from(self.signed()).expect(WRITTEN);
        if self.from == 0 {
            self.from = second;
        }
        Timestamp::new(second, nanosecond).expect(WRITTEN)
    }

    fn text(&mut self) -> String {
        let [length] = self.raw();
        let (text, rest) = self.rest.split_at(usize::from(length));
        self.rest = rest;
        str::from_utf8(text).expect(WRITTEN).to_owned()
    }

    fn score(&mut self) -> Score {
        let value = u32::try_from(self.number()).ok().and_then(|value| ScoreValue::parse(value).ok());
        let band = Band::parse(&self.text());
        Score { value: value.expect(WRITTEN), band: band.expect(WRITTEN), as_of: self.moment() }
    }
}

#[cfg(test)]
mod tests;
