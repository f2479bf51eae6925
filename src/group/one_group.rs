//! Group: what is held of one group.

use alloc::boxed::Box;
use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;

use crate::group::directory::Directory;
use crate::group::group_device::{GroupDevice, GroupDevices};
use crate::group::held_secrets::HeldSecrets;
use crate::group::invitation::{Invitation, MAX_ABOUT, about_hash, read_bytes, write_bytes};
use crate::group::last_order::RecipientOrders;
use crate::group::own_chain::OwnChains;
use crate::group::role::SetsTimer;
use crate::group::rosters::Rosters;
use crate::group::signed_roster::Roster;
use crate::group::waiting::Waiting;
use crate::group::wanted::{DAY, Wanted};
use crate::identity::IdentityKey;
use crate::stored::{StateWriter, Stored, read_count};
use crate::time::Timestamp;
use crate::wire::codec::{DecodeError, Reader};
use crate::wire::content_parts::PartKind;
use crate::wire::distribution::WantKind;
use crate::wire::group_message::Tag;
use crate::wire::roster::{MAX_MEMBERS, OwnerBytes, side_by_side};

/// One group of which this device is a member, or was: its rosters, its secrets, the chains of its members' devices.
///
/// It is stored, in a row of its own.
pub struct Group {
    pub(crate) id: [u8; 32],
    /// This device's identity: its chains are named by it.
    pub(crate) us: OwnerBytes,
    pub(crate) rosters: Rosters,
    /// Of the rosters that are held, by hash.
    pub(crate) abouts: BTreeMap<[u8; 32], Vec<u8>>,
    pub(crate) secrets: HeldSecrets,
    pub(crate) chains: OwnChains,
    /// Whether the next message begins a chain whatever else is.
    pub(crate) renews: bool,
    pub(crate) devices: GroupDevices,
    /// Who left: they are withheld until a later roster lacks them.
    pub(crate) left: BTreeMap<OwnerBytes, Leave>,
    /// Who went from the head within a day, and when that was heard.
    pub(crate) gone: BTreeMap<OwnerBytes, Timestamp>,
    /// People who came by a roster of ours, and of whom no device is known.
    pub(crate) newcomers: BTreeSet<OwnerBytes>,
    pub(crate) wanted: Wanted,
    /// When the head's secret was asked for, and of whom.
    pub(crate) secret_asked: Option<(Tag, Timestamp)>,
    pub(crate) waiting: Waiting,
    pub(crate) invitation: Option<Box<Invitation>>,
    /// Not stored.
    pub(crate) orders: RecipientOrders,
}

/// Somebody has left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Leave {
    /// The roster under which they did.
    pub(crate) roster: [u8; 32],
    pub(crate) epoch: u32,
}

/// Whether somebody is read who is in a message's roster.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NotRead {
    NotAMember,
    Former,
}

impl Group {
    pub(crate) fn of(root: Roster, us: OwnerBytes) -> Self {
        Self {
            id: root.fields.group,
            us,
            rosters: Rosters::new(root),
            abouts: BTreeMap::new(),
            secrets: HeldSecrets::none(),
            chains: OwnChains::none(),
            renews: false,
            devices: GroupDevices::none(),
            left: BTreeMap::new(),
            gone: BTreeMap::new(),
            newcomers: BTreeSet::new(),
            wanted: Wanted::none(),
            secret_asked: None,
            waiting: Waiting::none(),
            invitation: None,
            orders: RecipientOrders::default(),
        }
    }

    pub(crate) fn head(&self) -> &Roster {
        self.rosters.head()
    }

    pub(crate) fn has_left(&self, owner: &OwnerBytes) -> bool {
        let leave = self.left.get(owner);
        leave.is_some_and(|leave| self.head().has(owner) && !self.is_over(leave, owner))
    }

    /// Whether a roster that came later lacks them, or lacked them once.
    fn is_over(&self, leave: &Leave, owner: &OwnerBytes) -> bool {
        let Leave { roster, epoch } = leave;
        if self.rosters.get(roster).is_some() {
            return self.rosters.lacks_since(roster, owner);
        }
        // That roster is not held any more: who has come back since has been in the group for less long.
        self.head().fields.member(owner).is_none_or(|member| member.since > *epoch)
    }

    /// What was to go to these could not be encrypted: it is due again.
    pub(crate) fn give_again(&mut self, failed: &[IdentityKey]) {
        failed.iter().for_each(|identity| _ = self.note_new_session(identity));
    }

    /// The user has left, or somebody who is in a roster that is held.
    pub(crate) fn note_left(&mut self, owner: OwnerBytes, roster: &[u8; 32]) {
        if let Some(held) = self.rosters.get(roster) {
            let leave = Leave { roster: *roster, epoch: held.fields.epoch };
            self.left.insert(owner, leave);
        }
    }

    /// Still in the head, and gets nothing.
    pub(crate) fn is_withheld(&self, owner: &OwnerBytes) -> bool {
        self.rosters.undone().withheld.contains(owner) || self.has_left(owner)
    }

    /// Whether somebody went from the head within a day.
    pub(crate) fn went_lately(&self, owner: &OwnerBytes, now: Timestamp) -> bool {
        self.gone.get(owner).is_some_and(|gone| now <= gone.plus(DAY))
    }

    // docs/protocol.md §18.4, step 3
    pub(crate) fn check_read(
        &self,
        roster: &Roster,
        owner: &OwnerBytes,
        now: Timestamp,
    ) -> Result<(), NotRead> {
        if !roster.has(owner) {
            return Err(NotRead::NotAMember);
        }
        if self.rosters.counts(owner) || self.went_lately(owner, now) {
            Ok(())
        } else {
            Err(NotRead::Former)
        }
    }

    /// Whether what somebody says of the timer counts.
    pub(crate) fn may_set(&self, owner: &OwnerBytes) -> bool {
        let may_members = SetsTimer::of(self.head()) == SetsTimer::Members;
        self.head().fields.member(owner).is_some_and(|member| member.is_admin || may_members)
    }

    /// Remembers that something is wanted of the device of this tag.
    pub(crate) fn name_wanted(
        &mut self,
        of: Tag,
        kind: WantKind,
        tag: Tag,
        directory: &Directory<'_>,
        now: Timestamp,
    ) {
        let rosters = &self.rosters;
        let members = |tags: &_| directory.tags_of(tags, |owner| rosters.counts(owner));
        self.wanted.name(of, kind, tag, now, members);
    }

    /// Changes the rosters, and notes who goes by it.
    pub(crate) fn change_rosters<Outcome>(
        &mut self,
        now: Timestamp,
        change: impl FnOnce(&mut Rosters) -> Outcome,
    ) -> Outcome {
        let before = *self.head().hash();
        let members = self.head().fields.members.clone();
        let leaves = self.left.iter();
        let over = leaves.filter(|(owner, leave)| self.is_over(leave, owner));
        let over: BTreeSet<OwnerBytes> = over.map(|(owner, _)| *owner).collect();
        let outcome = change(&mut self.rosters);
        let left = core::mem::take(&mut self.left).into_iter();
        let counts = |(owner, leave): &(OwnerBytes, Leave)| {
            // Where its roster is held, the head may yet move to before it is over; where it was over before, it is for good: how
            // long somebody has been in the group tells nothing where its roster lost.
            let is_over = over.contains(owner) || self.is_over(leave, owner);
            self.rosters.get(&leave.roster).is_some() || !is_over
        };
        self.left = left.filter(counts).collect();
        let head = self.rosters.head();
        if *head.hash() != before {
            self.gone.retain(|owner, gone| !head.has(owner) && now <= gone.plus(DAY));
            let both = side_by_side(&members, &head.fields.members);
            let went = both.filter(|(_, is)| is.is_none()).filter_map(|(was, _)| was);
            self.gone.extend(went.map(|member| (member.owner, now)));
            self.gone = latest(core::mem::take(&mut self.gone));
        }
        let rosters = &self.rosters;
        self.abouts.retain(|hash, _| rosters.iter().any(|roster| roster.fields.about == *hash));
        outcome
    }

    /// A session with a device has begun, which may have lost all: what it had is due again.
    /// Says whether anything is.
    pub(crate) fn note_new_session(&mut self, identity: &IdentityKey) -> bool {
        self.devices.get_mut(&identity.encode()).is_some_and(GroupDevice::make_due)
    }

    /// Forgets keys, seeds, and devices of whom nothing can be read any more. Says whether there were any.
    pub(crate) fn maintain(&mut self, directory: &Directory<'_>, now: Timestamp) -> bool {
        let mut any = self.chains.maintain(now);
        let before = self.gone.len();
        self.gone.retain(|_, gone| now <= gone.plus(DAY));
        any |= before != self.gone.len();
        for (_, device) in self.devices.iter_mut() {
            any |= device.maintain(now);
        }
        any | self.forget_strangers(directory, now)
    }

    /// The chains of devices that no list names any more, and of people who are not in any roster that is held.
    fn forget_strangers(&mut self, directory: &Directory<'_>, now: Timestamp) -> bool {
        let rosters = &self.rosters;
        let mut any = false;
        for (identity, device) in self.devices.iter_mut() {
            let owner = directory.device(identity, now).map(|it| it.person.owner().encode());
            let may_be_read =
                owner.is_some_and(|owner| rosters.iter().any(|roster| roster.has(&owner)));
            if !may_be_read {
                any |= device.forget();
            }
        }
        self.devices.tidy();
        any
    }

    /// After a restore: what was sent since is not known.
    pub(crate) fn drop_own_chains(&mut self) {
        self.chains = OwnChains::none();
        self.devices.iter_mut().for_each(|(_, device)| device.given = Default::default());
        self.devices.tidy();
    }

    /// Whether a part may stand in a message to the group; others are skipped there.
    pub(crate) fn has_place_in_message(kind: PartKind) -> bool {
        [PartKind::List, PartKind::ROSTER, PartKind::ABOUT, PartKind::LEAVE].contains(&kind)
    }

    /// The about of the head, if it is held.
    pub(crate) fn head_about(&self) -> Option<&[u8]> {
        self.abouts.get(&self.head().fields.about).map(Vec::as_slice)
    }
}

/// Those who went last, a thousand of them: whoever adds and drops people may have made them up.
fn latest(gone: BTreeMap<OwnerBytes, Timestamp>) -> BTreeMap<OwnerBytes, Timestamp> {
    let mut all: Vec<_> = gone.into_iter().collect();
    all.sort_by(|(_, one), (_, other)| other.cmp(one));
    all.into_iter().take(MAX_MEMBERS).collect()
}

/// Beside its parts the group's name, and this device's identity.
impl Stored for Group {
    fn write(&self, out: &mut StateWriter) {
        let Self {
            id: _,
            us,
            rosters,
            abouts,
            secrets,
            chains,
            renews,
            devices,
            left,
            gone,
            newcomers,
            wanted,
            secret_asked,
            waiting,
            invitation,
            orders: _,
        } = self;
        out.put(us);
        rosters.write(out);
        out.put_count(abouts.len());
        abouts.values().for_each(|about| write_bytes(about, out));
        secrets.write(out);
        chains.write(out);
        renews.write(out);
        devices.write(out);
        out.put_count(left.len());
        for (owner, Leave { roster, epoch }) in left {
            out.put(owner);
            roster.write(out);
            epoch.write(out);
        }
        out.put_count(gone.len());
        for (owner, at) in gone {
            out.put(owner);
            at.write(out);
        }
        out.put_count(newcomers.len());
        newcomers.iter().for_each(|owner| out.put(owner));
        wanted.write(out);
        secret_asked.write(out);
        waiting.write(out);
        invitation.write(out);
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let us: OwnerBytes = *reader.array()?;
        let rosters = Rosters::read(reader)?;
        let id = rosters.head().fields.group;
        let mut abouts = BTreeMap::new();
        for _ in 0..read_count(reader)? {
            let about = read_bytes(reader)?;
            let hash = about_hash(&id, &about);
            let fits = rosters.iter().any(|roster| roster.fields.about == hash);
            let is_after = abouts.last_key_value().is_none_or(|(last, _)| *last < hash);
            if !fits || !is_after || about.len() > MAX_ABOUT {
                return Err(DecodeError::Malformed);
            }
            abouts.insert(hash, about);
        }
        let secrets = HeldSecrets::read(&id, reader)?;
        let chains = OwnChains::read(&id, &us, reader)?;
        let renews = bool::read(reader)?;
        let devices = GroupDevices::read(&id, reader)?;
        let left = read_owners(reader, |reader| {
            Ok(Leave { roster: *reader.array()?, epoch: u32::read(reader)? })
        })?;
        let gone = read_owners(reader, Timestamp::read)?;
        if gone.len() > MAX_MEMBERS {
            return Err(DecodeError::Malformed);
        }
        let newcomers = read_owners(reader, |_| Ok(()))?.into_keys().collect();
        let (wanted, secret_asked) = (Stored::read(reader)?, Stored::read(reader)?);
        let (waiting, invitation) = (Stored::read(reader)?, Stored::read(reader)?);
        Ok(Self {
            id,
            us,
            rosters,
            abouts,
            secrets,
            chains,
            renews,
            devices,
            left,
            gone,
            newcomers,
            wanted,
            secret_asked,
            waiting,
            invitation,
            orders: RecipientOrders::default(),
        })
    }
}

/// People in ascending order, each with what is known of them.
fn read_owners<Known>(
    reader: &mut Reader<'_>,
    read: impl Fn(&mut Reader<'_>) -> Result<Known, DecodeError>,
) -> Result<BTreeMap<OwnerBytes, Known>, DecodeError> {
    let mut people: BTreeMap<OwnerBytes, Known> = BTreeMap::new();
    for _ in 0..read_count(reader)? {
        let owner = *reader.array()?;
        if people.last_key_value().is_some_and(|(last, _)| *last >= owner) {
            return Err(DecodeError::Malformed);
        }
        people.insert(owner, read(reader)?);
    }
    Ok(people)
}
