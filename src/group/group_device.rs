//! What a group keeps of a device: which of our chains it has, its own, and where it stands.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;

use crate::group::behind::Behind;
use crate::group::heard_chain::HeardChain;
use crate::group::own_chain::{CHAINS, PRESENT};
use crate::group::sender_chain::ChainName;
use crate::group::wanted::is_day_over;
use crate::identity::member_tag_of;
use crate::stored::{StateWriter, Stored, read_count};
use crate::time::Timestamp;
use crate::wire::codec::{DecodeError, Reader};
use crate::wire::distribution::WantKind;
use crate::wire::group_message::{LAST_NUMBER, Tag};
use crate::wire::roster::OwnerBytes;

/// How many chains of a device are held; the one that was heard first goes.
const MOST_CHAINS: usize = 4;

/// Of how many that have gone it is remembered what opened: more than a device begins while it keeps the seed of one.
const MOST_DROPPED: usize = 32;

/// Of how many rosters it is remembered that it was given them within a day: as many as are held.
const MOST_GIVEN: usize = 32;

/// Stands among the rosters that a device was given for its turn to be told that the user has left: no roster has this tag.
const TURN: Tag = [0; 8];

/// How many answers of one kind a device gets within a day, and how often a chain is renewed: as many as a device asks for.
pub(crate) const MOST_ANSWERS: usize = 4;

/// All of a group, by identity (IDENT).
pub(crate) struct GroupDevices(BTreeMap<OwnerBytes, GroupDevice>);

pub(crate) struct GroupDevice {
    /// Its member tag. It comes of its identity, and is not stored.
    pub(crate) tag: Tag,
    /// What it has of our chains, in the places of those.
    pub(crate) given: [Option<Given>; CHAINS],
    /// Its own, the first heard first.
    pub(crate) chains: Vec<HeardChain>,
    /// Its chains that are not held any more, with the numbers that opened.
    dropped: Vec<(Tag, [u8; 16])>,
    /// Whether its last message was not under the head then.
    pub(crate) behind: Option<Behind>,
    /// Whether it came with a roster of ours, and has got neither head nor about.
    pub(crate) is_newcomer: bool,
    /// Which rosters it was given within a day, and when it had its turn last. Of this device itself: which were held when the user
    /// joined by another.
    given_rosters: Vec<(Tag, Timestamp)>,
    /// What it was answered within a day.
    answered: Vec<(WantKind, Tag, Timestamp)>,
}

/// What a device has of one of our chains.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Given {
    /// The number from which on it is a recipient.
    pub(crate) from: u8,
    /// Whether it was ever given the chain.
    pub(crate) had: bool,
    /// Whether it is to get it.
    pub(crate) due: bool,
}

impl GroupDevice {
    fn new(identity: &OwnerBytes) -> Self {
        Self {
            tag: member_tag_of(identity).0,
            given: [None; CHAINS],
            chains: Vec::new(),
            dropped: Vec::new(),
            behind: None,
            is_newcomer: false,
            given_rosters: Vec::new(),
            answered: Vec::new(),
        }
    }

    /// Whether there is anything that most devices have nothing of.
    fn has_more(&self) -> bool {
        let Self { dropped, behind, is_newcomer, given_rosters, answered, .. } = self;
        !dropped.is_empty()
            || behind.is_some()
            || *is_newcomer
            || !given_rosters.is_empty()
            || !answered.is_empty()
    }

    fn is_empty(&self) -> bool {
        self.given.iter().all(Option::is_none) && self.chains.is_empty() && !self.has_more()
    }

    pub(crate) fn present(&self) -> Option<&Given> {
        let [.., present] = &self.given;
        present.as_ref()
    }

    pub(crate) fn has_had_present(&self) -> bool {
        self.present().is_some_and(|given| given.had)
    }

    /// Whether a recipient has what it is to have, and is not behind.
    pub(crate) fn has_all(&self) -> bool {
        let is_given = self.given.iter().flatten().all(|given| !given.due);
        is_given && self.present().is_some() && self.behind.is_none() && !self.is_newcomer
    }

    /// Whether one that is no recipient has nothing of the present chain, and is to be told nothing.
    pub(crate) fn is_out(&self) -> bool {
        let is_to_be_told = matches!(self.behind, Some(Behind::Gone(_)));
        self.present().is_none() && !is_to_be_told && !self.is_newcomer
    }

    /// It is no recipient: what it never had is forgotten.
    pub(crate) fn forget_unless_had(&mut self) {
        let [.., present] = &mut self.given;
        if present.is_some_and(|given| !given.had) {
            *present = None;
        }
        self.is_newcomer = false;
    }

    /// It is a recipient, from this number of the present chain on if it was none.
    pub(crate) fn receive_from(&mut self, number: u8) {
        let [.., present] = &mut self.given;
        present.get_or_insert(Given { from: number, had: false, due: true });
    }

    /// Another chain of ours has begun.
    pub(crate) fn begin_chain(&mut self) {
        self.given.rotate_left(1);
        if let Some(present) = self.given.get_mut(PRESENT) {
            *present = None;
        }
    }

    /// It has lost what it had: whatever it had is due again. Says whether that was anything.
    pub(crate) fn make_due(&mut self) -> bool {
        self.given.iter_mut().flatten().for_each(|given| given.due = true);
        self.given.iter().any(Option::is_some)
    }

    /// Forgets all but who had which of our chains. Says whether there was anything.
    pub(crate) fn forget(&mut self) -> bool {
        let before = (self.chains.len(), self.dropped.len(), self.behind, self.is_newcomer);
        self.chains.clear();
        self.dropped.clear();
        (self.behind, self.is_newcomer) = (None, false);
        before != (0, 0, None, false)
    }

    /// Forgets keys, and what was a day ago. Says whether there was any.
    pub(crate) fn maintain(&mut self, now: Timestamp) -> bool {
        let before = (self.given_rosters.len(), self.answered.len());
        self.forget_given(now);
        self.answered.retain(|(_, _, at)| !is_day_over(*at, now));
        let mut any = before != (self.given_rosters.len(), self.answered.len());
        for chain in &mut self.chains {
            any |= chain.maintain(now);
        }
        any
    }

    pub(crate) fn chain_mut(&mut self, name: &ChainName) -> Option<&mut HeardChain> {
        self.chains.iter_mut().find(|chain| chain.name == *name)
    }

    /// Holds one more. What opened of the one that goes for it is remembered: given again, it would open again.
    pub(crate) fn hold(&mut self, mut chain: HeardChain) {
        if self.chains.len() >= MOST_CHAINS {
            if self.dropped.len() >= MOST_DROPPED {
                self.dropped.remove(0);
            }
            let first = self.chains.remove(0);
            self.dropped.push((first.name.tag(), first.opened_numbers()));
        }
        let tag = chain.name.tag();
        if let Some(place) = self.dropped.iter().position(|(dropped, _)| *dropped == tag) {
            let (_, opened) = self.dropped.remove(place);
            chain.note_opened(&opened);
        }
        self.chains.push(chain);
    }

    /// Whether it may be given a roster: not within a day again.
    pub(crate) fn may_be_given(&self, roster: Tag, now: Timestamp) -> bool {
        !self.given_rosters.iter().any(|(tag, at)| *tag == roster && !is_day_over(*at, now))
    }

    fn forget_given(&mut self, now: Timestamp) {
        self.given_rosters.retain(|(tag, at)| *tag == TURN || !is_day_over(*at, now));
    }

    /// When it had its turn last.
    pub(crate) fn turn(&self) -> Option<Timestamp> {
        self.given_rosters.iter().find(|(tag, _)| *tag == TURN).map(|(_, at)| *at)
    }

    pub(crate) fn take_turn(&mut self, now: Timestamp) {
        self.given_rosters.retain(|(tag, _)| *tag != TURN);
        self.give_roster(TURN, now);
    }

    pub(crate) fn give_roster(&mut self, roster: Tag, now: Timestamp) {
        self.forget_given(now);
        if self.given_rosters.len() >= MOST_GIVEN {
            self.given_rosters.remove(0);
        }
        self.given_rosters.push((roster, now));
    }

    /// Whether it was answered this within a day.
    pub(crate) fn was_answered(&self, kind: WantKind, tag: Option<Tag>, now: Timestamp) -> bool {
        self.answered.iter().any(|(other, name, at)| {
            *other == kind && tag.is_none_or(|tag| tag == *name) && !is_day_over(*at, now)
        })
    }

    /// How many it was answered of a kind within a day.
    pub(crate) fn answers(&self, kind: WantKind, now: Timestamp) -> usize {
        let of_kind =
            self.answered.iter().filter(|(other, _, at)| *other == kind && !is_day_over(*at, now));
        of_kind.count()
    }

    pub(crate) fn note_answer(&mut self, kind: WantKind, tag: Tag, now: Timestamp) {
        self.answered.retain(|(_, _, at)| !is_day_over(*at, now));
        self.answered.push((kind, tag, now));
    }
}

impl GroupDevices {
    pub(crate) fn none() -> Self {
        Self(BTreeMap::new())
    }

    pub(crate) fn count(&self) -> usize {
        self.0.len()
    }

    pub(crate) fn get(&self, identity: &OwnerBytes) -> Option<&GroupDevice> {
        self.0.get(identity)
    }

    pub(crate) fn get_mut(&mut self, identity: &OwnerBytes) -> Option<&mut GroupDevice> {
        self.0.get_mut(identity)
    }

    /// It is added if it is not there.
    pub(crate) fn at(&mut self, identity: &OwnerBytes) -> &mut GroupDevice {
        self.0.entry(*identity).or_insert_with(|| GroupDevice::new(identity))
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&OwnerBytes, &GroupDevice)> {
        self.0.iter()
    }

    pub(crate) fn iter_mut(&mut self) -> impl Iterator<Item = (&OwnerBytes, &mut GroupDevice)> {
        self.0.iter_mut()
    }

    /// Of all that have this tag.
    pub(crate) fn tagged(&self, tag: Tag) -> impl Iterator<Item = (&OwnerBytes, &GroupDevice)> {
        self.0.iter().filter(move |(_, device)| device.tag == tag)
    }

    /// Forgets those of which there is nothing to know.
    pub(crate) fn tidy(&mut self) {
        self.0.retain(|_, device| !device.is_empty());
    }

    pub(crate) fn write(&self, out: &mut StateWriter) {
        out.put_count(self.0.len());
        for (identity, device) in &self.0 {
            out.put(identity);
            device.write(out);
        }
    }

    pub(crate) fn read(group: &[u8; 32], reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let mut devices = BTreeMap::new();
        let mut last: Option<OwnerBytes> = None;
        for _ in 0..read_count(reader)? {
            let identity = *reader.array()?;
            if last.is_some_and(|last| last >= identity) {
                return Err(DecodeError::Malformed);
            }
            last = Some(identity);
            devices.insert(identity, GroupDevice::read(group, &identity, reader)?);
        }
        Ok(Self(devices))
    }
}

impl GroupDevice {
    fn write(&self, out: &mut StateWriter) {
        let Self { tag: _, given, chains, dropped, behind, is_newcomer, given_rosters, answered } =
            self;
        given.iter().for_each(|given| Given::write(*given, out));
        out.put_count(chains.len());
        chains.iter().for_each(|chain| chain.write(out));
        // Most have nothing of this.
        let has_more = self.has_more();
        has_more.write(out);
        if has_more {
            dropped.write(out);
            behind.write(out);
            is_newcomer.write(out);
            given_rosters.write(out);
            out.put_count(answered.len());
            for (kind, tag, at) in answered {
                out.put(&[kind.byte()]);
                out.put(tag);
                at.write(out);
            }
        }
    }

    fn read(
        group: &[u8; 32],
        identity: &OwnerBytes,
        reader: &mut Reader<'_>,
    ) -> Result<Self, DecodeError> {
        let mut device = Self::new(identity);
        for given in &mut device.given {
            *given = Given::read(reader)?;
        }
        let name = |key: &[u8; 32]| ChainName::of(group, identity, key);
        for _ in 0..read_count(reader)? {
            device.chains.push(HeardChain::read(name, reader)?);
        }
        if device.chains.len() > MOST_CHAINS {
            return Err(DecodeError::Malformed);
        }
        if reader.flag()? {
            device.dropped = Stored::read(reader)?;
            device.behind = Stored::read(reader)?;
            device.is_newcomer = Stored::read(reader)?;
            device.given_rosters = Stored::read(reader)?;
            for _ in 0..read_count(reader)? {
                let kind = WantKind::of_byte(reader.u8()?).ok_or(DecodeError::Malformed)?;
                device.answered.push((kind, *reader.array()?, Stored::read(reader)?));
            }
            if !device.has_more() {
                return Err(DecodeError::Malformed);
            }
        }
        let names = |tags: &mut dyn Iterator<Item = Tag>| tags.collect::<BTreeSet<_>>().len();
        let chains = names(&mut device.chains.iter().map(|chain| chain.name.tag()));
        let of_kind = |kind| device.answered.iter().filter(|(other, ..)| *other == kind).count();
        let is_sound = chains == device.chains.len()
            && device.dropped.len() <= MOST_DROPPED
            && device.given_rosters.len() <= MOST_GIVEN
            && device.answered.iter().all(|(kind, ..)| of_kind(*kind) <= MOST_ANSWERS);
        if !is_sound {
            return Err(DecodeError::Malformed);
        }
        Ok(device)
    }
}

/// Two bits and a number, in two bytes; in one if there is nothing.
impl Given {
    fn write(given: Option<Self>, out: &mut StateWriter) {
        match given {
            None => out.put(&[0]),
            Some(Self { from, had, due }) => {
                out.put(&[1 | u8::from(had) << 1 | u8::from(due) << 2, from]);
            }
        }
    }

    fn read(reader: &mut Reader<'_>) -> Result<Option<Self>, DecodeError> {
        let flags = reader.u8()?;
        match flags {
            0 => Ok(None),
            1 | 3 | 5 | 7 => {
                let from = reader.u8()?;
                if from > LAST_NUMBER {
                    return Err(DecodeError::Malformed);
                }
                Ok(Some(Self { from, had: flags & 2 != 0, due: flags & 4 != 0 }))
            }
            _ => Err(DecodeError::Malformed),
        }
    }
}
