//! Which settings a conversation had, each since when.

use alloc::vec::Vec;

use crate::expiry::setting::MAX_JUMP;
use crate::stored::{StateWriter, Stored, read_count, stored};
use crate::time::EngineTime;
use crate::wire::codec::{DecodeError, Reader};
use crate::wire::stamp::Setting;

/// How many settings that held are kept, so that messages that come late, or wait for what own devices tell,
/// find theirs. Of more the oldest goes, and the next counts as if it had held from then on.
const MAX_HELD: usize = 8;

/// How many settings are kept whose versions are too far above all others. Of more the highest goes, which a peer
/// has to reach last. It bounds what a peer can make a conversation keep.
const MAX_DISTANT: usize = 4;

/// The settings of one conversation. What comes in joins: in any order, and any number of times, the same settings
/// come to the same.
///
/// A peer's setting counts once its version is at most 2^20 above one that counts, or above zero. Before that it is
/// kept, so that it does not matter whether it comes before or after what leads to it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct SettingHistory {
    /// Each higher in the order of settings than the one before, and known to have been there since later.
    held: Vec<Since>,
    /// In the order of settings, each once.
    distant: Vec<Since>,
}

/// A setting, and since when it has been there, as far as is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Since {
    setting: Setting,
    since: EngineTime,
}

impl SettingHistory {
    /// The one that holds.
    pub(crate) fn current(&self) -> Option<Setting> {
        self.held.last().map(|last| last.setting)
    }

    /// Those that held, each since when, the first one first.
    pub(crate) fn held(&self) -> impl Iterator<Item = (Setting, EngineTime)> {
        self.held.iter().map(|held| (held.setting, held.since))
    }

    /// The one that held at a moment; `None` if none is known that old.
    pub(crate) fn at(&self, moment: EngineTime) -> Option<Setting> {
        let held = self.held.iter().rev().find(|held| held.since <= moment);
        held.map(|held| held.setting)
    }

    /// Takes in a setting of an own device, there since then. Says whether that is news.
    pub(crate) fn adopt(&mut self, setting: Setting, since: EngineTime) -> bool {
        let is_new = self.hold(Since { setting: setting.clamped(), since });
        if is_new {
            self.approach();
        }
        is_new
    }

    /// The same of a peer's, which may have to wait.
    pub(crate) fn hear(&mut self, setting: Setting, since: EngineTime) -> bool {
        if setting.is_plausible_after(self.current()) {
            return self.adopt(setting, since);
        }
        let heard = Since { setting: setting.clamped(), since };
        let rank = heard.setting.rank();
        match self.distant.binary_search_by(|distant| distant.setting.rank().cmp(&rank)) {
            Ok(place) => {
                let there = self.distant.get_mut(place).filter(|there| since < there.since);
                there.map(|there| there.since = since).is_some()
            }
            Err(place) if place < MAX_DISTANT => {
                self.distant.insert(place, heard);
                self.distant.truncate(MAX_DISTANT);
                true
            }
            Err(_) => false,
        }
    }

    /// Whatever waits and is not too far above the one that holds any more, counts.
    fn approach(&mut self) {
        while let Some(next) = self.distant.first().copied() {
            if !next.setting.is_plausible_after(self.current()) {
                break;
            }
            self.distant.remove(0);
            self.hold(next);
        }
    }

    /// Puts a setting among those that held, unless a higher one was there before it.
    fn hold(&mut self, new: Since) -> bool {
        let rank = new.setting.rank();
        if self.at(new.since).is_some_and(|before| before.rank() >= rank) {
            return false;
        }
        self.held.retain(|held| held.since < new.since || held.setting.rank() > rank);
        let place = self.held.partition_point(|held| held.since < new.since);
        self.held.insert(place, new);
        if self.held.len() > MAX_HELD {
            // The next one takes its place, or a peer could let a time come of which none is known, by many changes.
            let Since { since, .. } = self.held.remove(0);
            self.held.first_mut().into_iter().for_each(|next| next.since = since);
        }
        true
    }

    /// Whether each is where it would be put.
    fn is_sound(&self) -> bool {
        let follows = |pair: &[Since]| match pair {
            [before, next] => {
                before.since < next.since && before.setting.rank() < next.setting.rank()
            }
            _ => true,
        };
        let is_above = |pair: &[Since]| match pair {
            [before, next] => before.setting.rank() < next.setting.rank(),
            _ => true,
        };
        let next = self.distant.first();
        self.held.len() <= MAX_HELD
            && self.distant.len() <= MAX_DISTANT
            && self.held.windows(2).all(follows)
            && self.distant.windows(2).all(is_above)
            && next.is_none_or(|next| !next.setting.is_plausible_after(self.current()))
    }
}

/// Whether a message with this setting says enough of itself. Whatever else may be known, versions that no honest
/// peer comes to do not.
pub(crate) fn is_believable(setting: Setting) -> bool {
    setting.version.number() <= MAX_JUMP
}

impl Stored for SettingHistory {
    fn write(&self, out: &mut StateWriter) {
        let Self { held, distant } = self;
        for settings in [held, distant] {
            out.put_count(settings.len());
            settings.iter().for_each(|setting| setting.write(out));
        }
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let mut settings = || -> Result<Vec<Since>, DecodeError> {
            (0..read_count(reader)?).map(|_| Since::read(reader)).collect()
        };
        let (held, distant) = (settings()?, settings()?);
        let history = Self { held, distant };
        if history.is_sound() { Ok(history) } else { Err(DecodeError::Malformed) }
    }
}

stored!(Since { setting, since });

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::stamp::{MemberTag, Policy, SettingVersion};
    use alloc::collections::BTreeSet;
    use core::num::NonZeroU32;
    use proptest::prelude::*;

    fn setting(version: u64, ttl: u32) -> Setting {
        let policy = NonZeroU32::new(ttl).map(|ttl| Policy::AfterSend { ttl });
        Setting { version: SettingVersion::new(version).unwrap(), policy, by: MemberTag([1; 8]) }
    }

    fn moment(millis: u64) -> EngineTime {
        EngineTime::from_millis(millis)
    }

    #[test]
    fn many_changes_leave_no_time_without_a_setting() {
        let mut history = SettingHistory::default();
        for step in 1..=30_u32 {
            assert!(history.hear(setting(u64::from(step), 60), moment(1_000 * u64::from(step))));
            assert!(history.is_sound());
        }
        assert_eq!(history.held.len(), MAX_HELD);
        assert_eq!(history.at(moment(999)), None);
        assert!((1..=30).all(|step| history.at(moment(1_000 * step)).is_some()));
    }

    /// What was told, and by whom.
    type Told = (Setting, u64, bool);

    fn any_told() -> impl Strategy<Value = Told> {
        let version = prop_oneof![
            1..4_u64,
            (0..4_u64, 0..3_u64).prop_map(|(jumps, more)| jumps * MAX_JUMP + more + 1),
        ];
        (version, 0..3_u32, 0..4_u64, any::<u8>())
            .prop_map(|(version, ttl, since, own)| (setting(version, ttl), since, own < 40))
    }

    fn told(all: &[Told]) -> SettingHistory {
        let mut history = SettingHistory::default();
        for (setting, since, by_own_device) in all {
            let before = history.clone();
            let is_new = match by_own_device {
                true => history.adopt(*setting, moment(*since)),
                false => history.hear(*setting, moment(*since)),
            };
            assert_eq!(is_new, before != history);
            assert!(history.is_sound(), "{history:?}");
            let mut out = StateWriter::new();
            history.write(&mut out);
            let bytes = out.into_bytes();
            let mut reader = Reader::new(&bytes);
            assert_eq!(SettingHistory::read(&mut reader).unwrap(), history);
            assert!(reader.finish().is_ok());
        }
        history
    }

    proptest! {
        #[test]
        fn settings_come_to_the_same_in_any_order_and_any_number_of_times(
            all in prop::collection::vec(any_told(), 1..6),
            order in prop::collection::vec(any::<prop::sample::Index>(), 0..6),
        ) {
            // No more at once than are kept.
            let settings: BTreeSet<_> = all.iter().map(|(setting, ..)| setting.rank()).collect();
            prop_assume!(settings.len() <= MAX_DISTANT);
            let repeated: Vec<_> = order.iter().map(|place| all[place.index(all.len())]).collect();
            let others = [repeated.as_slice(), &all].concat();
            prop_assert_eq!(told(&all), told(&others));
            prop_assert_eq!(told(&all), told(&others.into_iter().rev().collect::<Vec<_>>()));
        }

        #[test]
        fn the_one_that_held_is_the_highest_of_those_that_were_there(
            all in prop::collection::vec((1..4_u64, 0..3_u32, 0..4_u64), 1..7), at in 0..5_u64,
        ) {
            let all = all.into_iter().map(|(version, ttl, since)| (setting(version, ttl), since, false));
            let all: Vec<_> = all.collect();
            let before = all.iter().filter(|(_, since, _)| *since <= at);
            let highest = before.map(|(setting, ..)| *setting).max_by_key(Setting::rank);
            prop_assert_eq!(told(&all).at(moment(at)), highest);
        }
    }

    #[test]
    fn a_version_that_jumps_counts_once_what_leads_to_it_has_come() {
        let steps: Vec<_> = (1..=3).map(|step| (setting(step * MAX_JUMP, 9), 5, false)).collect();
        let far = told(&[steps[2], steps[1]]);
        assert_eq!((far.current(), far.at(moment(9))), (None, None));
        assert_eq!(told(&[steps[2], steps[1], steps[0]]).current(), Some(steps[2].0));
        assert_eq!(told(&[steps[2], steps[0]]).current(), Some(steps[0].0));
        // An own device's is a step as well, however far it is.
        assert_eq!(told(&[steps[2], (steps[1].0, 5, true)]).current(), Some(steps[2].0));
        // One message takes nobody further than a step.
        let last = setting(SettingVersion::MAX.number(), 9);
        assert_eq!(told(&[(last, 0, false), steps[0]]).current(), Some(steps[0].0));
    }

    #[test]
    fn what_a_peer_can_make_a_conversation_keep_is_bounded() {
        let mut history = SettingHistory::default();
        for step in 1..100 {
            history.hear(setting(step, 1), moment(step));
            history.hear(setting(SettingVersion::MAX.number() - step, 1), moment(step));
        }
        assert_eq!((history.held.len(), history.distant.len()), (MAX_HELD, MAX_DISTANT));
        // The lowest stay, which are reached first, and the latest that held.
        assert_eq!(history.distant[3].setting.version.number(), SettingVersion::MAX.number() - 96);
        assert_eq!(history.at(moment(0)), None);
        assert_eq!(history.at(moment(1)), Some(setting(92, 1)));
        assert_eq!(history.at(moment(93)), Some(setting(93, 1)));
        let mut out = StateWriter::new();
        history.held.push(history.held[0]);
        history.write(&mut out);
        let bytes = out.into_bytes();
        assert!(
            SettingHistory::read(&mut Reader::new(&bytes)).is_err(),
            "one too many, and out of order"
        );
    }
}
