//! Group: messages out.

use alloc::vec::Vec;
use core::fmt;

use rand_core::CryptoRng;
use zeroize::Zeroizing;

use crate::commitment::Commitment;
use crate::group::directory::Directory;
use crate::group::group_device::GroupDevice;
use crate::group::message_sealing::{Bound, SealedGroupMessage, seal};
use crate::group::moment::Moment;
use crate::group::one_group::Group;
use crate::group::steps::{Steps, push_roster};
use crate::group::wanted::is_day_over;
use crate::identity::{Device, member_tag_of};
use crate::report::evidence::{Evidence, Front};
use crate::time::Timestamp;
use crate::wire::content_parts::{ContentParts, PartKind};
use crate::wire::group_message::GroupHeader;
use crate::wire::padding::{pad, padded_length};
use crate::wire::payload::Payload;
use crate::wire::roster::OwnerBytes;
use crate::wire::stamp::Stamp;
use crate::wire::suite::Suite;

/// How many members are told within a day that the user has left, where there is no admin who would drop them: of a larger group
/// the others are told when it is their turn.
const MOST_TOLD: usize = 64;

/// Why nothing is encrypted for a group. Nothing has changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum GroupEncryptError {
    /// This device is missing in its own person's list, and sends nothing any more.
    Removed,
    /// The user is not in the group any more, or has left it.
    NotAMember,
    /// The secret of the present roster has not come yet: ask for it ([`Groups::respond`](crate::group::Groups::respond)).
    NoRosterSecret,
    /// The message would be more than 16 MiB once padded: send it in parts.
    TooLarge,
}

/// A message to the group, and what goes pairwise with it.
pub(crate) struct Sent {
    /// None where the secret of the head that it would be under is not held.
    pub(crate) message: Option<SealedMessage>,
    pub(crate) steps: Steps,
}

/// A message, and what proves it to a moderator.
pub(crate) struct SealedMessage {
    pub(crate) bytes: Vec<u8>,
    pub(crate) evidence: Evidence,
}

/// A padded plaintext (M), and what of it stands in evidence.
struct Measured {
    padded: Zeroizing<Vec<u8>>,
    front: Front,
    zeros: usize,
}

impl Group {
    pub(crate) fn send(
        &mut self,
        parts: &ContentParts,
        payload: &Payload,
        ad: &[u8],
        moment: &Moment<'_>,
        rng: &mut (impl CryptoRng + ?Sized),
    ) -> Result<Sent, GroupEncryptError> {
        self.check_sending(&moment.directory)?;
        if self.secrets.get(&self.head().fields.seal).is_none() {
            return Err(GroupEncryptError::NoRosterSecret);
        }
        let measured = measure(parts, payload).ok_or(GroupEncryptError::TooLarge)?;
        let steps = self.take_steps(moment, rng);
        let message = self.seal_message(measured, &payload.stamp, ad, moment.now);
        Ok(Sent { message, steps })
    }

    pub(crate) fn check_sending(&self, directory: &Directory<'_>) -> Result<(), GroupEncryptError> {
        let owner = directory.owner();
        if !self.head().has(&owner) || self.has_left(&owner) {
            return Err(GroupEncryptError::NotAMember);
        }
        Ok(())
    }

    /// Whether a payload is small enough.
    pub(crate) fn check_size(payload: &Payload) -> Result<(), GroupEncryptError> {
        let length = payload.stamp.encoded_length().checked_add(payload.body.len());
        let padded = length.and_then(padded_length);
        padded.map(|_| ()).ok_or(GroupEncryptError::TooLarge)
    }

    /// None without the head's secret or a chain, which the steps have begun.
    fn seal_message(
        &mut self,
        measured: Measured,
        stamp: &Stamp,
        ad: &[u8],
        now: Timestamp,
    ) -> Option<SealedMessage> {
        let Measured { mut padded, front, zeros } = measured;
        let head = self.rosters.head();
        let secret = self.secrets.get(&head.fields.seal)?;
        let chain = self.chains.present_mut()?;
        let header = GroupHeader {
            sender: member_tag_of(&self.us).0,
            chain: chain.name.tag(),
            roster: head.tag(),
            number: chain.next_number(),
        };
        let sealed_header = secret.header_key.seal(&header);
        let name = chain.name;
        let bound = Bound { chain: &name, roster: head.hash(), ad };
        let (message_key, signing) = chain.send(stamp, now)?;
        let SealedGroupMessage { message, opening, commitment } =
            seal(&mut padded, &sealed_header, message_key, signing, bound);
        let commitment: Commitment = commitment;
        let evidence = Evidence::new(Suite::Classical, opening, commitment, front, zeros);
        Some(SealedMessage { bytes: message, evidence })
    }

    /// That the user has left, for who may not have heard of it: behind the rosters that the user signed last before it, by which
    /// they stepped down. Others may lack them, and who has left answers nothing.
    pub(crate) fn leave_parts_again(&self, owner: &OwnerBytes) -> ContentParts {
        let left = self.left.get(owner).and_then(|leave| self.rosters.get(&leave.roster));
        let mut signed = Vec::new();
        let mut next = left;
        while let Some(roster) = next.filter(|roster| roster.fields.signer == *owner) {
            signed.push(roster);
            next = self.rosters.get(&roster.fields.previous);
        }
        let mut parts = ContentParts::none();
        signed.iter().rev().for_each(|roster| push_roster(roster, &mut parts));
        self.push_leave(owner, &mut parts);
        parts
    }

    /// That the user leaves, by a roster that is held and has them as no admin: the one by which they did, while it is held,
    /// for somebody who had not heard of it may have made them one since.
    fn push_leave(&self, owner: &OwnerBytes, parts: &mut ContentParts) {
        let left = self.left.get(owner).and_then(|leave| self.rosters.get(&leave.roster));
        let roster = left.unwrap_or(self.head());
        parts.push(PartKind::LEAVE, &[self.id, *roster.hash()].concat());
    }

    /// The owner's devices of admins whom to tell today that the user has left, and whether each can be reached.
    pub(crate) fn tell_of_leaving(&mut self, moment: &Moment<'_>) -> Vec<(Device, bool)> {
        let (directory, now) = (&moment.directory, moment.now);
        let (owner, head) = (directory.owner(), self.rosters.head());
        if directory.own.is_removed() || !self.has_left(&owner) {
            return Vec::new();
        }
        let (tag, mut devices) = (head.tag(), Vec::new());
        let others = || head.owners().filter(|other| *other != owner);
        let mut whom: Vec<OwnerBytes> = others().filter(|it| head.is_admin(it)).collect();
        if whom.is_empty() {
            // No roster will lack the user, but nobody is to write to them. It is said every day, so not to a thousand.
            whom = self.whose_turn(others().collect(), directory, now);
        }
        for admin in whom {
            let known = directory.device(&admin, now).filter(|known| known.gone.is_none());
            let Some(known) = known else { continue };
            let entry = self.devices.at(&admin);
            if entry.may_be_given(tag, now) {
                let is_reached = (moment.can_reach)(known.device);
                if is_reached {
                    entry.give_roster(tag, now);
                }
                devices.push((known.device.clone(), is_reached));
            }
        }
        devices
    }

    /// Whom to tell: those whose turn began within a day, and in place of those whose turn is over whoever never had one, then
    /// whoever had it first. It is their turn whether they are reached or not: some never are, and would keep out all others.
    fn whose_turn(
        &mut self,
        mut people: Vec<OwnerBytes>,
        directory: &Directory<'_>,
        now: Timestamp,
    ) -> Vec<OwnerBytes> {
        let tag = self.head().tag();
        // Where the clock was set back a turn is over, too, and comes last.
        let is_their_turn = |turn: Option<Timestamp>| {
            turn.is_some_and(|turn| turn <= now && !is_day_over(turn, now))
        };
        people.sort_by_cached_key(|it| {
            let turn = self.devices.get(it).and_then(GroupDevice::turn);
            (!is_their_turn(turn), turn)
        });
        let mut whom = Vec::new();
        for owner in people {
            if whom.len() >= MOST_TOLD {
                break;
            }
            let device = self.devices.get(&owner);
            if is_their_turn(device.and_then(GroupDevice::turn)) {
                whom.push(owner);
                continue;
            }
            let may_be_told = device.is_none_or(|device| device.may_be_given(tag, now));
            let known = directory.device(&owner, now).filter(|known| known.gone.is_none());
            if may_be_told && known.is_some() {
                self.devices.at(&owner).take_turn(now);
                whom.push(owner);
            }
        }
        whom
    }

    /// The user leaves, who is no admin: tells all, and sends nothing any more.
    pub(crate) fn send_leaving(
        &mut self,
        moment: &Moment<'_>,
        rng: &mut (impl CryptoRng + ?Sized),
    ) -> Result<Sent, GroupEncryptError> {
        let head = *self.head().hash();
        let owner = moment.directory.owner();
        let mut parts = ContentParts::none();
        self.push_leave(&owner, &mut parts);
        let sent = self.send(&parts, &nothing(), &[], moment, rng)?;
        self.note_left(owner, &head);
        Ok(sent)
    }
}

/// What a message says that carries parts alone.
pub(crate) fn nothing() -> Payload {
    Payload { stamp: Stamp::NONE, body: Vec::new() }
}

/// `None` if it is too large.
fn measure(parts: &ContentParts, payload: &Payload) -> Option<Measured> {
    let Payload { stamp, body } = payload;
    let before_body = parts.encoded_length().checked_add(stamp.encoded_length())?;
    let length = before_body.checked_add(body.len())?;
    let end = padded_length(length)?;
    let mut padded = Zeroizing::new(Vec::with_capacity(end));
    parts.encode_into(&mut padded);
    stamp.encode_into(&mut padded);
    let front = Front::of(&padded);
    padded.extend_from_slice(body);
    pad(&mut padded, end);
    let zeros = end.saturating_sub(length).saturating_sub(1);
    Some(Measured { padded, front, zeros })
}

impl fmt::Display for GroupEncryptError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Removed => "this device was removed from its person's list",
            Self::NotAMember => "the user is no member of the group",
            Self::NoRosterSecret => "the secret of the group's roster has not come yet",
            Self::TooLarge => "the message is too large",
        })
    }
}

impl core::error::Error for GroupEncryptError {}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::account::Account;
    use crate::group::invitation::about_hash;
    use crate::group::signed_roster::Roster;
    use crate::identity::Address;
    use crate::limits::Limits;
    use crate::person::contacts::Contacts;
    use crate::person::our_devices::OwnDevices;
    use crate::wire::roster::{MemberFields, RosterFields};
    use alloc::collections::BTreeSet;
    use rand_chacha::{ChaCha20Rng, rand_core::SeedableRng};

    /// A day begins.
    const NOW: Timestamp = Timestamp::from_unix_seconds(20_833 * 86_400);

    /// Somebody with one device, of whom a list is signed.
    fn person(name: usize, rng: &mut ChaCha20Rng) -> (Account, OwnDevices) {
        let mut limits = Limits::default();
        limits.prekeys.one_time_prekeys = 1;
        let address = Address::new(name.to_be_bytes()).unwrap();
        let account = Account::generate_of_suite(Suite::Classical, address, limits, NOW, rng);
        let mut own = OwnDevices::new(&account);
        let _ = own.refresh(&account, NOW).unwrap();
        (account, own)
    }

    /// What the only admin holds of a group of so many once they have left it: as where the other one, by whom they are no admin,
    /// lost.
    fn left(us: &Account, contacts: &Contacts, people: usize) -> Group {
        let owner = us.device().identity.encode();
        let others = contacts.people.iter().map(|person| person.owner().encode());
        let member = |owner: OwnerBytes, is_admin| MemberFields { owner, since: 0, is_admin };
        let mut members: Vec<_> = others.take(people - 1).map(|it| member(it, false)).collect();
        members.push(member(owner, true));
        members.sort_by_key(|member| member.owner);
        let (group, previous, rights, seal) = ([8; 32], [0; 32], 0, [1; 32]);
        let (epoch, about, signer) = (0, about_hash(&group, b""), owner);
        let fields = RosterFields { group, epoch, previous, rights, seal, about, members, signer };
        let mut group = Group::of(Roster::sign(us, fields), owner);
        let head = *group.head().hash();
        group.note_left(owner, &head);
        group
    }

    /// Us, and others whose lists are held.
    fn crowd(others: usize, rng: &mut ChaCha20Rng) -> (Account, OwnDevices, Contacts) {
        let (account, own) = person(0, rng);
        let mut contacts = Contacts::new();
        for name in 1..=others {
            let (_, other) = person(name, rng);
            let list = other.person().list().unwrap().clone();
            contacts.place_of_owner(list.owner());
            let _ = contacts.adopt(&own, list, NOW).unwrap();
        }
        (account, own, contacts)
    }

    fn after_hours(hours: u64) -> Timestamp {
        NOW.plus(core::time::Duration::from_secs(hours * 3_600))
    }

    /// As it is after a restart, and daily maintenance.
    fn maintained(group: &Group, directory: &Directory<'_>, now: Timestamp) -> Group {
        let mut group = Group::restore(&group.snapshot()).unwrap();
        let _ = group.maintain(directory, now);
        group
    }

    #[test]
    fn who_left_a_group_without_an_admin_tells_64_others_a_day_and_all_in_turn_however_rarely() {
        let (account, own, contacts) = crowd(999, &mut ChaCha20Rng::seed_from_u64(1));
        let directory = Directory { own: &own, contacts: &contacts };
        for (people, hours) in
            [(2, 1), (64, 5), (65, 1), (66, 48), (100, 48), (400, 168), (1_000, 1), (1_000, 48)]
        {
            let (mut group, others) = (left(&account, &contacts, people), people - 1);
            let (mut told, mut lately) = (BTreeSet::new(), Vec::new());
            // On as many days as it takes, which are not one after the other where the application is opened seldom.
            let calls = others.div_ceil(64) * if hours < 24 { 24 / hours } else { 1 };
            for call in 0..u64::try_from(calls).unwrap() {
                let now = after_hours(call * u64::try_from(hours).unwrap());
                group = maintained(&group, &directory, now);
                let moment = Moment { directory, can_reach: &|_| true, now };
                let whom = group.tell_of_leaving(&moment);
                assert!(whom.iter().all(|(_, is_reached)| *is_reached));
                // However often it is called, each once a day.
                lately.retain(|(at, _)| !is_day_over(*at, now));
                for (device, _) in whom {
                    let identity = device.identity.encode();
                    assert!(lately.iter().all(|(_, it)| *it != identity), "{people}, call {call}");
                    lately.push((now, identity));
                    told.insert(identity);
                }
                assert!(lately.len() <= 64);
            }
            assert_eq!(told.len(), others, "of {people} each {hours} hours");
            assert!(!told.contains(&directory.owner()));
        }
    }

    #[test]
    fn those_who_are_not_reached_are_told_when_they_are_and_keep_out_nobody_on_the_next_day() {
        let (account, own, contacts) = crowd(99, &mut ChaCha20Rng::seed_from_u64(2));
        let directory = Directory { own: &own, contacts: &contacts };
        let mut group = left(&account, &contacts, 100);
        let mut tell = |is_reached: bool, hours: u64| {
            let now = after_hours(hours);
            group = maintained(&group, &directory, now);
            let moment = Moment { directory, can_reach: &|_| is_reached, now };
            let told = group.tell_of_leaving(&moment).into_iter();
            assert!(told.clone().all(|(_, reached)| reached == is_reached));
            told.map(|(device, _)| device.address).collect::<BTreeSet<_>>()
        };
        let first = tell(false, 20);
        assert_eq!(first.len(), 64);
        // In the same day the same, also after midnight.
        assert_eq!(tell(false, 30), first);
        assert_eq!((tell(true, 30), tell(true, 30)), (first.clone(), BTreeSet::new()));
        // On another the 35 others, and again those whose turn was first; some of those are never reached.
        let second = tell(false, 72);
        assert_eq!((second.len(), first.intersection(&second).count()), (64, 29));
        let left_out = &first - &second;
        assert_eq!(left_out.len(), 35);
        assert!(tell(false, 96).is_superset(&left_out));
        // A clock that was a year ahead leaves nobody out for a year.
        let (ahead, back) = (tell(true, 9_000), tell(true, 120));
        assert_eq!((ahead.len(), back.len(), ahead.union(&back).count()), (64, 35, 99));
    }
}
