//! Group: rosters that this device signs.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;
use core::fmt;

use rand_core::CryptoRng;

use crate::account::Account;
use crate::group::directory::Directory;
use crate::group::invitation::{MAX_ABOUT, about_hash};
use crate::group::message_sending::{GroupEncryptError, SealedMessage, nothing};
use crate::group::moment::Moment;
use crate::group::one_group::Group;
use crate::group::role::SetsTimer;
use crate::group::roster_secret::RosterSecret;
use crate::group::signed_roster::{FollowError, Roster};
use crate::group::steps::{Steps, push_roster};
use crate::wire::content_parts::{ContentParts, PartKind};
use crate::wire::roster::{MAX_MEMBERS, MemberFields, OwnerBytes, RosterFields};

/// What another roster changes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct RosterChange {
    /// Who comes, and whether as an admin.
    pub(crate) add: BTreeMap<OwnerBytes, bool>,
    /// Who has another role, and whether it is an admin's.
    pub(crate) roles: BTreeMap<OwnerBytes, bool>,
    pub(crate) remove: BTreeSet<OwnerBytes>,
    pub(crate) about: Option<Vec<u8>>,
    pub(crate) sets_timer: Option<SetsTimer>,
}

impl RosterChange {
    /// What is due for others, with what was asked for: that counts where they say something of the same person.
    pub(crate) fn with(mut self, asked: &Self, head: &Roster) -> Self {
        let Self { add, roles, remove, about, sets_timer } = asked.clone();
        self.add.extend(add);
        self.remove.extend(remove);
        self.remove.retain(|owner| !roles.contains_key(owner) && head.has(owner));
        self.roles = roles;
        (self.about, self.sets_timer) = (about, sets_timer);
        self
    }
}

/// Why no roster is signed. Nothing has changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum GroupChangeError {
    /// This device is missing in its own person's list, and sends nothing any more.
    Removed,
    /// The user is no admin of the group or has left it, or this is not the owner's device.
    NotAnAdmin,
    /// Somebody senior to the user would lose their role or membership.
    Outranked,
    /// No admin would be left, or nobody; or the about is too long, there are too many members, one is there already who
    /// was to come, or not there who was to go.
    Malformed,
    /// It changes nothing.
    NothingToChange,
}

/// What a change gives: what goes before its message, that, and what goes under the new head.
pub(crate) struct Changed {
    pub(crate) before: Steps,
    pub(crate) message: Option<SealedMessage>,
    pub(crate) after: Steps,
}

impl Group {
    /// Makes a group, of which this device's user is the only admin. Draws its name and its secret, and what the steps draw.
    pub(crate) fn begin(
        account: &Account,
        members: &BTreeSet<OwnerBytes>,
        about: &[u8],
        sets_timer: SetsTimer,
        moment: &Moment<'_>,
        rng: &mut (impl CryptoRng + ?Sized),
    ) -> Result<(Self, Steps), GroupChangeError> {
        let directory = &moment.directory;
        let owner = directory.owner();
        if !directory.own.is_owner() || account.device().identity.encode() != owner {
            return Err(GroupChangeError::NotAnAdmin);
        }
        let owners: BTreeSet<&OwnerBytes> = members.iter().chain([&owner]).collect();
        if owners.len() > MAX_MEMBERS || about.len() > MAX_ABOUT {
            return Err(GroupChangeError::Malformed);
        }
        let mut id = [0; 32];
        rng.fill_bytes(&mut id);
        let secret = RosterSecret::boxed(|out| rng.fill_bytes(out));
        let member = |member: &&OwnerBytes| MemberFields {
            owner: **member,
            since: 0,
            is_admin: **member == owner,
        };
        let fields = RosterFields {
            group: id,
            epoch: 0,
            previous: [0; 32],
            rights: sets_timer.bits(),
            seal: secret.seal(&id),
            about: about_hash(&id, about),
            members: owners.iter().map(member).collect(),
            signer: owner,
        };
        let mut group = Self::of(Roster::sign(account, fields), directory.us());
        let seal = group.head().fields.seal;
        group.secrets.hold(&id, secret, &seal);
        group.abouts.insert(group.head().fields.about, about.to_vec());
        group.newcomers = group.head().owners().collect();
        let steps = group.take_steps(moment, rng);
        Ok((group, steps))
    }

    /// Signs another roster, tells all of it under the old head, and takes the steps under the new one.
    pub(crate) fn sign_change(
        &mut self,
        account: &Account,
        change: &RosterChange,
        moment: &Moment<'_>,
        rng: &mut (impl CryptoRng + ?Sized),
    ) -> Result<Changed, GroupChangeError> {
        let (directory, now) = (&moment.directory, moment.now);
        let owner = directory.owner();
        let is_owners = directory.own.is_owner() && account.device().identity.is(&owner);
        if !is_owners || !self.head().is_admin(&owner) || self.has_left(&owner) {
            return Err(GroupChangeError::NotAnAdmin);
        }
        let mut fields = self.changed(change, owner)?;
        let is_anybody_gone = self.head().owners().any(|owner| fields.member(&owner).is_none());
        let needs_secret = is_anybody_gone || self.secrets.get(&self.head().fields.seal).is_none();
        if needs_secret {
            // It differs from the one before: what it is comes of a draw, made below.
            fields.seal = fields.seal.map(|byte| !byte);
        }
        let checked = Roster::unsigned(fields.clone()).check_following(self.head());
        checked.map_err(|error| match error {
            FollowError::Malformed => GroupChangeError::Malformed,
            FollowError::NotAnAdmin => GroupChangeError::NotAnAdmin,
            FollowError::Outranked => GroupChangeError::Outranked,
        })?;
        let secret = needs_secret.then(|| RosterSecret::boxed(|out| rng.fill_bytes(out)));
        if let Some(secret) = &secret {
            fields.seal = secret.seal(&self.id);
        }
        let new_about = change.about.as_ref().filter(|_| fields.about != self.head().fields.about);
        let roster = Roster::sign(account, fields);
        let mut parts = ContentParts::none();
        push_roster(&roster, &mut parts);
        if let Some(about) = new_about {
            parts.push(PartKind::ABOUT, &[&self.id, about.as_slice()].concat());
        }
        let told = self.send(&parts, &nothing(), &[], moment, rng);
        let (message, before) = match told {
            Ok(sent) => (sent.message, sent.steps),
            Err(
                GroupEncryptError::NoRosterSecret
                | GroupEncryptError::NotAMember
                | GroupEncryptError::Removed
                | GroupEncryptError::TooLarge,
            ) => (None, Steps::default()),
        };
        let (about, seal) = (roster.fields.about, roster.fields.seal);
        let previous = self.head().owners().collect::<BTreeSet<_>>();
        // It follows the head, so it is the next.
        _ = self.change_rosters(now, |rosters| rosters.add(roster));
        if let Some(secret) = secret {
            self.secrets.hold(&self.id, secret, &seal);
        }
        if let Some(bytes) = &change.about {
            self.abouts.insert(about, bytes.clone());
        }
        let come = self.rosters.head().owners().filter(|owner| !previous.contains(owner));
        self.newcomers.extend(come);
        let after = self.take_steps(moment, rng);
        Ok(Changed { before, message, after })
    }

    /// What a roster says that changes this.
    fn changed(
        &self,
        change: &RosterChange,
        signer: OwnerBytes,
    ) -> Result<RosterFields, GroupChangeError> {
        let RosterChange { add, roles, remove, about, sets_timer } = change;
        let head = &self.head().fields;
        let epoch = head.epoch.checked_add(1).ok_or(GroupChangeError::Malformed)?;
        let mut members: BTreeMap<OwnerBytes, MemberFields> =
            head.members.iter().map(|member| (member.owner, *member)).collect();
        for owner in remove {
            members.remove(owner).ok_or(GroupChangeError::Malformed)?;
        }
        for (owner, is_admin) in add {
            let new = MemberFields { owner: *owner, since: epoch, is_admin: *is_admin };
            // Also one who goes by the same roster.
            if head.member(owner).is_some() || members.insert(*owner, new).is_some() {
                return Err(GroupChangeError::Malformed);
            }
        }
        for (owner, is_admin) in roles {
            let member = members.get_mut(owner).ok_or(GroupChangeError::Malformed)?;
            if member.is_admin != *is_admin {
                member.is_admin = *is_admin;
                member.since = epoch;
            }
        }
        let about = match about {
            Some(about) if about.len() > MAX_ABOUT => return Err(GroupChangeError::Malformed),
            Some(about) => about_hash(&self.id, about),
            None => head.about,
        };
        let rights = sets_timer.map_or(head.rights, SetsTimer::bits);
        let fields = RosterFields {
            group: self.id,
            epoch,
            previous: *self.head().hash(),
            rights,
            seal: head.seal,
            about,
            members: members.into_values().collect(),
            signer,
        };
        let changes_nothing =
            fields.members == head.members && (rights, about) == (head.rights, head.about);
        if changes_nothing {
            return Err(GroupChangeError::NothingToChange);
        }
        let is_allowed = fields.members.len() <= MAX_MEMBERS && fields.is_sound();
        if is_allowed { Ok(fields) } else { Err(GroupChangeError::Malformed) }
    }

    /// What is to be signed for others, on an admin's owner device: `None` if nothing is.
    pub(crate) fn merge_due(&self, directory: &Directory<'_>) -> Option<RosterChange> {
        let (owner, head) = (directory.owner(), self.head());
        let rank = head.rank(&owner).filter(|_| directory.own.is_owner())?;
        let undone = self.rosters.undone();
        if undone.withheld.is_empty() && undone.wanted.is_empty() && self.left.is_empty() {
            return None;
        }
        let may_drop = |other: &OwnerBytes| {
            *other != owner && head.rank(other).is_none_or(|other| rank < other)
        };
        let withheld = head.owners().filter(|it| self.is_withheld(it) && may_drop(it));
        let remove: BTreeSet<OwnerBytes> = withheld.collect();
        let room = MAX_MEMBERS.saturating_add(remove.len()).saturating_sub(head.owners().count());
        let add: BTreeMap<OwnerBytes, bool> =
            undone.wanted.iter().take(room).map(|owner| (*owner, false)).collect();
        let is_due = !add.is_empty() || !remove.is_empty();
        is_due.then(|| RosterChange { add, remove, ..RosterChange::default() })
    }

    /// Stepping down as an admin, which comes before leaving; `None` of one who is none.
    pub(crate) fn stepping_down(
        &self,
        directory: &Directory<'_>,
    ) -> Result<Option<RosterChange>, GroupChangeError> {
        let owner = directory.owner();
        if !self.head().is_admin(&owner) {
            return Ok(None);
        }
        if !directory.own.is_owner() {
            return Err(GroupChangeError::NotAnAdmin);
        }
        let head = self.head();
        let mut others = head.owners().filter(|other| *other != owner && head.is_admin(other));
        if others.all(|other| self.has_left(&other)) {
            // Nobody would be left who signs anything.
            return Err(GroupChangeError::Malformed);
        }
        let roles = BTreeMap::from([(owner, false)]);
        let change = RosterChange { roles, ..RosterChange::default() };
        self.changed(&change, owner).map(|_| Some(change))
    }
}

impl fmt::Display for GroupChangeError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Removed => "this device was removed from its person's list",
            Self::NotAnAdmin => {
                "the user is no admin or has left, or this is not the owner's device"
            }
            Self::Outranked => "the user is outranked",
            Self::Malformed => "no roster can say this",
            Self::NothingToChange => "nothing would change",
        })
    }
}

impl core::error::Error for GroupChangeError {}
