//! Which things were found missing, to ask their senders for.

use alloc::collections::BTreeSet;
use alloc::vec::Vec;
use core::time::Duration;

use crate::group::fair_share::{Share, first_out};
use crate::stored::{StateWriter, Stored};
use crate::time::Timestamp;
use crate::wire::codec::{DecodeError, Reader};
use crate::wire::distribution::WantKind;
use crate::wire::group_message::Tag;

/// How many of a device are remembered.
const MOST_OF_DEVICE: usize = 4;

/// How many of all: tags of devices are no proof.
const MOST: usize = 256;

/// How long a name is remembered: as long as what waits for it, 14 days.
const LIFETIME: Duration = Duration::from_secs(14 * 86_400);

/// How long nothing is asked for, given or answered again: a day.
pub(crate) const DAY: Duration = Duration::from_secs(86_400);

/// Whether a day has gone by since.
pub(crate) fn is_day_over(since: Timestamp, now: Timestamp) -> bool {
    now >= since.plus(DAY)
}

/// In the order in which they were found missing.
pub(crate) struct Wanted(Vec<Name>);

pub(crate) struct Name {
    /// The device that has it.
    pub(crate) of: Tag,
    pub(crate) kind: WantKind,
    pub(crate) tag: Tag,
    named: Timestamp,
    asked: Option<Timestamp>,
}

impl Wanted {
    pub(crate) fn none() -> Self {
        Self(Vec::new())
    }

    /// Remembers a name, unless it is there. In place of it goes the first of its device that was not asked for within a day, or
    /// was named more than a day ago: what never comes, and is asked for each day, would keep out for two weeks what does. Where
    /// there is none, it is not remembered: headers are not signed, and whoever makes them up would have a device asked without
    /// end.
    ///
    /// Where there is no room at all, those of devices of whom nobody knows that a member has them go first: else whoever has
    /// devices enough, or makes up their tags, would have what members sent never asked for. A fourth is left to them.
    pub(crate) fn name(
        &mut self,
        of: Tag,
        kind: WantKind,
        tag: Tag,
        now: Timestamp,
        members: impl FnOnce(&BTreeSet<Tag>) -> BTreeSet<Tag>,
    ) {
        let is_it = |name: &Name| (name.of, name.kind, name.tag) == (of, kind, tag);
        if self.0.iter().any(is_it) {
            return;
        }
        self.0.retain(|name| now <= name.named.plus(LIFETIME));
        if self.0.iter().filter(|name| name.of == of).count() >= MOST_OF_DEVICE {
            let mut of_device = self.0.iter().enumerate().filter(|(_, name)| name.of == of);
            let gives_way = |name: &Name| name.is_due(now) || is_day_over(name.named, now);
            let first = of_device.find(|(_, name)| gives_way(name)).map(|(place, _)| place);
            let Some(first) = first else { return };
            self.0.remove(first);
        }
        self.0.push(Name { of, kind, tag, named: now, asked: None });
        if self.0.len() > MOST {
            let members = members(&self.0.iter().map(|name| name.of).collect());
            let share = |name: &Name| Share { belongs: members.contains(&name.of), whose: () };
            let shares: Vec<_> = self.0.iter().map(share).collect();
            self.0.remove(first_out(&shares).unwrap_or(0));
        }
    }

    /// Forgets those that are not missing any more.
    pub(crate) fn keep(&mut self, is_missing: impl FnMut(&Name) -> bool) {
        self.0.retain(is_missing);
    }

    /// Whether a roster was asked of a device within a day, and has not come.
    pub(crate) fn awaits_roster_of(&self, of: Tag, now: Timestamp) -> bool {
        let mut names = self.0.iter().filter(|name| name.of == of && name.kind == WantKind::Roster);
        names.any(|name| name.asked.is_some() && !name.is_due(now))
    }

    /// Those that were not asked for within a day.
    pub(crate) fn due(&mut self, now: Timestamp) -> impl Iterator<Item = &mut Name> {
        let lives = move |name: &&mut Name| now <= name.named.plus(LIFETIME);
        self.0.iter_mut().filter(lives).filter(move |name| name.is_due(now))
    }
}

impl Name {
    fn is_due(&self, now: Timestamp) -> bool {
        self.asked.is_none_or(|asked| is_day_over(asked, now))
    }

    pub(crate) fn ask(&mut self, now: Timestamp) {
        self.asked = Some(now);
    }
}

impl Stored for Wanted {
    fn write(&self, out: &mut StateWriter) {
        self.0.write(out);
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let all = Vec::<Name>::read(reader)?;
        let of = |device: Tag| all.iter().filter(|name| name.of == device).count();
        let are_few = all.len() <= MOST && all.iter().all(|it| of(it.of) <= MOST_OF_DEVICE);
        if are_few { Ok(Self(all)) } else { Err(DecodeError::Malformed) }
    }
}

impl Stored for Name {
    fn write(&self, out: &mut StateWriter) {
        let Self { of, kind, tag, named, asked } = self;
        out.put(of);
        out.put(&[kind.byte()]);
        out.put(tag);
        named.write(out);
        asked.write(out);
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let of = *reader.array()?;
        let kind = WantKind::of_byte(reader.u8()?).ok_or(DecodeError::Malformed)?;
        let tag = *reader.array()?;
        let (named, asked) = (Stored::read(reader)?, Stored::read(reader)?);
        Ok(Self { of, kind, tag, named, asked })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_never_come_keep_out_no_other_for_more_than_a_day() {
        let start = Timestamp::from_unix_seconds(1_800_000_000);
        let day = |days: u64| start.plus(Duration::from_secs(days * 86_400));
        let name = |wanted: &mut Wanted, tag: u8, days| {
            wanted.name([1; 8], WantKind::Roster, [tag; 8], day(days), |_| BTreeSet::new());
            wanted.0.iter().any(|name| name.tag == [tag; 8])
        };
        let ask_all = |wanted: &mut Wanted, days| {
            let mut asked = 0;
            wanted.due(day(days)).for_each(|name| {
                name.ask(day(days));
                asked += 1;
            });
            asked
        };
        let mut wanted = Wanted::none();
        assert!((0..4).all(|tag| name(&mut wanted, tag, 0)));
        assert_eq!(ask_all(&mut wanted, 0), 4);
        assert!(!name(&mut wanted, 4, 0), "nobody has a device asked without end");
        let mut tag = 4;
        for days in 1..20 {
            // What was named before is asked for in the morning; then each name that comes, at once.
            let mut asked = ask_all(&mut wanted, days);
            let before = tag;
            while name(&mut wanted, tag, days) {
                asked += ask_all(&mut wanted, days);
                tag += 1;
            }
            assert!(tag > before && asked <= 8, "{asked} on day {days}");
        }
    }
}
