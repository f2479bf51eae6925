//! Group: who is in it, and what it is called.

use alloc::vec::Vec;
use core::fmt;
use core::time::Duration;

use crate::group::group_event::GroupEvent;
use crate::group::group_id::GroupId;
use crate::group::invitation::{Invitation, InvitationReason};
use crate::group::one_group::Group;
use crate::group::role::{Role, SetsTimer};
use crate::group::signed_roster::Roster;
use crate::group::wanted::is_day_over;
use crate::identity::{Device, IdentityKey};
use crate::person::contacts::Contacts;
use crate::person::our_devices::OwnDevices;
use crate::shown_bytes::ShortHex;
use crate::time::Timestamp;
use crate::wire::roster::{MemberFields, OwnerBytes};

/// Somebody in a group.
#[derive(Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Member {
    /// The owner of the person, in 64 bytes ([`IdentityKey::encode`]). Whoever signed the roster says so: compare
    /// [numbers](crate::person::Person::number).
    pub owner: [u8; 64],
    /// What they are.
    pub role: Role,
    /// In which epoch they became that. Of two admins the one of the lower epoch is senior, then that of the lower owner.
    pub since: u32,
    /// Whether they get nothing any more, until a roster drops them or takes them back: an admin removed them in a roster that
    /// lost, or they left.
    pub is_withheld: bool,
}

impl Member {
    /// The identity of the owner, if it is one.
    #[must_use]
    pub fn identity(&self) -> Option<IdentityKey> {
        IdentityKey::decode(&self.owner).ok()
    }
}

/// After how long a roster is taken to count that comes from before what is held, and that nobody gave up.
const STANDS: Duration = Duration::from_secs(3 * 86_400);

impl Group {
    /// Whether the user is to be asked about the invitation: who is in the group is not, while what leads to it may still come,
    /// nor by one from before that may have been under way for long.
    pub(crate) fn is_asked_about(
        &self,
        invitation: &Invitation,
        user: &OwnerBytes,
        now: Timestamp,
    ) -> bool {
        let Invitation { roster, came, reason, is_confirmed, .. } = invitation;
        let is_in = self.head().has(user) && !self.has_left(user);
        let is_further = roster.fields.epoch > self.head().fields.epoch;
        let is_in_use = || {
            let mut waiting = self.waiting.iter().filter_map(|waiting| waiting.fields().ok());
            *is_confirmed || waiting.any(|fields| fields.roster == roster.hash())
        };
        let may_yet_come = is_in && !is_day_over(*came, now);
        let is_old = now >= came.plus(STANDS);
        match reason {
            InvitationReason::New => true,
            InvitationReason::GivenUp => *is_confirmed || is_old,
            InvitationReason::NeverHeld => {
                let is_above = roster.place() > self.rosters.root().place();
                *is_confirmed || is_old || ((is_above || !is_in) && is_in_use())
            }
            InvitationReason::Missing => !may_yet_come && (is_further || is_in_use()),
        }
    }

    /// That the user is to be asked about the invitation, once it is so: what makes it so may be the roster itself, a chain that
    /// waits for it, a message, the user's leaving, or that time has passed. Each call by which it may become so ends with this.
    pub(crate) fn tell_invitation(
        &mut self,
        user: &OwnerBytes,
        now: Timestamp,
    ) -> Option<GroupEvent> {
        let is_asked =
            self.invitation.as_ref().is_some_and(|it| self.is_asked_about(it, user, now));
        let group = self.id();
        let invitation = self.invitation.as_deref_mut()?;
        let was_told = core::mem::replace(&mut invitation.is_told, is_asked);
        let by = || invitation.from.clone();
        (is_asked && !was_told).then(|| GroupEvent::Invited { group, by: by(), again: true })
    }

    /// Its name.
    #[must_use]
    pub fn id(&self) -> GroupId {
        GroupId(self.id)
    }

    /// Its members by the roster that counts, in order of their owners.
    #[must_use]
    pub fn members(&self) -> Vec<Member> {
        members(self.head(), |owner| self.is_withheld(owner))
    }

    /// Somebody of its members.
    #[must_use]
    pub fn member(&self, owner: &IdentityKey) -> Option<Member> {
        let owner = owner.encode();
        let fields = self.head().fields.member(&owner)?;
        Some(member(fields, self.is_withheld(&owner)))
    }

    /// Title and picture, as the application encodes them; `None` while they have not come.
    #[must_use]
    pub fn about(&self) -> Option<&[u8]> {
        self.head_about()
    }

    /// Counts the rosters, from 0.
    #[must_use]
    pub fn epoch(&self) -> u32 {
        self.head().fields.epoch
    }

    /// The hash of the roster that counts. Messages name theirs:
    /// [`GroupDelivered::roster`](crate::group::GroupDelivered::roster).
    #[must_use]
    pub fn roster(&self) -> [u8; 32] {
        *self.head().hash()
    }

    /// Who may change the timer.
    #[must_use]
    pub fn sets_timer(&self) -> SetsTimer {
        SetsTimer::of(self.head())
    }

    /// Whether the user may change the timer: their own call to
    /// [`ExpiryScheduler::set`](crate::expiry::ExpiryScheduler::set) counts nowhere else.
    #[must_use]
    pub fn may_set_timer(&self, own: &OwnDevices) -> bool {
        self.may_set(&own.person().owner().encode())
    }

    /// Whether the user is in it, and has not left: else nothing is sent.
    #[must_use]
    pub fn is_member(&self, own: &OwnDevices) -> bool {
        let owner = own.person().owner().encode();
        self.head().has(&owner) && !self.has_left(&owner)
    }

    /// Whether the secret of the roster that counts has come: else nothing is sent.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        self.secrets.get(&self.head().fields.seal).is_some()
    }

    /// The members of whom no list is held: nothing of them can be read, and their devices are not known. Fetch their lists,
    /// or wait: each device brings its own with what it writes.
    #[must_use]
    pub fn lists_needed(&self, own: &OwnDevices, contacts: &Contacts) -> Vec<[u8; 64]> {
        let has_list = |owner: &OwnerBytes| {
            let mut people = core::iter::once(own.person()).chain(&contacts.people);
            people.any(|person| person.owner().is(owner) && person.list().is_some())
        };
        self.head().owners().filter(|owner| !has_list(owner)).collect()
    }

    /// The invitation to come back to this group, if the user is to be asked: they are not in it any more, or were away longer
    /// than rosters are kept, or came in by one that lost. [`Groups::join`] accepts. One who is behind, and may yet be given
    /// what leads there, is asked after a day.
    ///
    /// [`Groups::join`]: crate::group::Groups::join
    #[must_use]
    pub fn invitation(&self, own: &OwnDevices, now: Timestamp) -> Option<InvitationTo<'_>> {
        let invitation = self.invitation.as_deref()?;
        if !self.is_asked_about(invitation, &own.person().owner().encode(), now) {
            return None;
        }
        let (roster, about) = (&invitation.roster, invitation.about.as_deref());
        Some(InvitationTo { roster, about, from: &invitation.from })
    }
}

/// An invitation to a group.
#[derive(Clone, Copy)]
pub struct InvitationTo<'a> {
    pub(crate) roster: &'a Roster,
    pub(crate) about: Option<&'a [u8]>,
    pub(crate) from: &'a Device,
}

/// Which invitation it is that the user was shown: [`Groups::join`](crate::group::Groups::join).
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(deny_unknown_fields))]
pub struct InvitationName {
    pub(crate) group: GroupId,
    pub(crate) roster: [u8; 32],
}

impl InvitationName {
    /// The group.
    #[must_use]
    pub fn group(&self) -> GroupId {
        self.group
    }
}

impl<'a> InvitationTo<'a> {
    /// Which one it is: another one may come while the user thinks.
    #[must_use]
    pub fn name(&self) -> InvitationName {
        InvitationName { group: self.group(), roster: *self.roster.hash() }
    }

    /// The group.
    #[must_use]
    pub fn group(&self) -> GroupId {
        GroupId(self.roster.fields.group)
    }

    /// The device that invites: of somebody whom the roster names as an admin, or an own one. Show who it is: back to a group
    /// that is held anybody can invite who says that they are its admin now, and by joining their roster takes the place of
    /// all that is held.
    #[must_use]
    pub fn from(&self) -> &'a Device {
        self.from
    }

    /// Title and picture, if they have come.
    #[must_use]
    pub fn about(&self) -> Option<&'a [u8]> {
        self.about
    }

    /// Who is in it.
    #[must_use]
    pub fn members(&self) -> Vec<Member> {
        members(self.roster, |_| false)
    }
}

fn members(roster: &Roster, is_withheld: impl Fn(&OwnerBytes) -> bool) -> Vec<Member> {
    let all = roster.fields.members.iter();
    all.map(|fields| member(fields, is_withheld(&fields.owner))).collect()
}

fn member(fields: &MemberFields, is_withheld: bool) -> Member {
    let MemberFields { owner, since, is_admin: _ } = fields;
    Member { owner: *owner, role: Role::of(fields), since: *since, is_withheld }
}

/// The first bytes of the owner.
impl fmt::Debug for Member {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { owner, role, since, is_withheld } = self;
        let mut shown = formatter.debug_struct("Member");
        shown.field("owner", &crate::shown_bytes::ShortHex::of(owner)).field("role", role);
        shown.field("since", since).field("is_withheld", is_withheld).finish()
    }
}

/// Which group, and from whom.
impl fmt::Debug for InvitationTo<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = formatter.debug_struct("InvitationTo");
        shown.field("group", &self.group()).field("from", self.from).finish_non_exhaustive()
    }
}

/// Which group, and how many are in it.
impl fmt::Debug for Group {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = formatter.debug_struct("Group");
        shown.field("id", &self.id()).field("epoch", &self.epoch());
        shown.field("members", &self.head().fields.members.len()).finish_non_exhaustive()
    }
}

impl fmt::Debug for InvitationName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { group, roster } = self;
        let mut shown = formatter.debug_struct("InvitationName");
        shown.field("group", group).field("roster", &ShortHex::of(roster)).finish()
    }
}
