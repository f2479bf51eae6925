//! All groups of this device, and those that it is invited to.

use alloc::vec::Vec;
use core::fmt;

use rand_core::CryptoRng;

use crate::account::Account;
use crate::group::asking_fields::Asked;
use crate::group::before::Before;
use crate::group::directory::Directory;
use crate::group::group_arriving::adopt;
use crate::group::group_changes::GroupChanges;
use crate::group::group_delivered::GroupDelivered;
use crate::group::group_event::GroupEvent;
use crate::group::group_id::GroupId;
use crate::group::group_outgoing::GroupOutgoing;
use crate::group::groups_heard::GroupsHeard;
use crate::group::heard_want::HeardWant;
use crate::group::invitation::Invitation;
use crate::group::invitations::Invitations;
use crate::group::members::{InvitationName, InvitationTo};
use crate::group::message_opening::GroupDecryptError;
use crate::group::missing::Unblocked;
use crate::group::moment::Moment;
use crate::group::one_group::Group;
use crate::group::part_checks::check_device;
use crate::group::part_heard::{PartError, PartHeard, PartOutcome};
use crate::group::reach::{Reach, with_lost_session};
use crate::identity::Device;
use crate::person::contacts::Contacts;
use crate::person::fan_out::Obstacle;
use crate::person::group_part::GroupPart;
use crate::person::our_devices::OwnDevices;
use crate::person::person_delivered::PersonDelivered;
use crate::person::person_event::PersonEvent;
use crate::person::verified_list::VerifiedList;
use crate::time::Timestamp;
use crate::wire::content_parts::GroupPartKind;
use crate::wire::distribution::WantFields;
use crate::wire::group_message::GroupMessage;

/// How many people may be known before no more become known by groups.
const MOST_PEOPLE: usize = 10_000;

/// All groups of this device, in memory. Each is a row in the store; the invitations are one more.
pub struct Groups {
    /// Those that the user joined, in any order. The row of one that they left stays, until they delete it.
    pub all: Vec<Group>,
    /// What has come of others.
    pub invitations: Invitations,
}

impl Groups {
    /// None.
    #[must_use]
    pub fn new() -> Self {
        Self { all: Vec::new(), invitations: Invitations::none() }
    }

    /// The group of this name.
    #[must_use]
    pub fn group(&self, id: &GroupId) -> Option<&Group> {
        self.all.iter().find(|group| group.id() == *id)
    }

    /// The same, to take part in it.
    #[must_use]
    pub fn group_mut(&mut self, id: &GroupId) -> Option<&mut Group> {
        self.all.iter_mut().find(|group| group.id() == *id)
    }

    /// Where the user is invited: to groups that are not held, the first come first, then [back](Group::invitation) to those
    /// that are. [`GroupEvent::Invited`] says that there is one to show, whatever call it is by which there is: what makes the
    /// user one to ask may also be a chain that comes later, or that time has passed.
    pub fn invitations<'a>(
        &'a self,
        own: &'a OwnDevices,
        now: Timestamp,
    ) -> impl Iterator<Item = InvitationTo<'a>> {
        let new = self.invitations.iter().map(|invitation| InvitationTo {
            roster: &invitation.roster,
            about: invitation.about.as_deref(),
            from: &invitation.from,
        });
        new.chain(self.all.iter().filter_map(move |group| group.invitation(own, now)))
    }

    /// Acts on what came of groups with a message of a session. Call it for each, with what
    /// [`OwnDevices::decrypt`] gave, before anything is shown of it: it also makes known to the groups that a session has begun, in
    /// which chains are to be given again, and adopts the lists of members that came along. Draws nothing.
    pub fn hear(
        &mut self,
        own: &mut OwnDevices,
        contacts: &mut Contacts,
        delivered: &PersonDelivered,
        now: Timestamp,
    ) -> GroupsHeard {
        let mut heard = GroupsHeard::default();
        let from = &delivered.device;
        if delivered.delivered.began_session {
            for group in &mut self.all {
                if group.note_new_session(&from.identity) {
                    heard.changes.add_group(group.id());
                }
            }
        }
        if delivered.is_refused {
            return heard;
        }
        for part in &delivered.group_parts {
            self.hear_part(part, from, own, contacts, now, &mut heard);
        }
        for group in self.all.iter_mut().filter(|it| heard.changes.groups.contains(&it.id())) {
            heard.events.extend(group.tell_invitation(&own.person().owner().encode(), now));
        }
        heard.unblocks.extend(Unblocked::of_people(&delivered.events));
        for event in &delivered.events {
            if let PersonEvent::Given(list) = event {
                self.adopt_of_member(list, from, own, contacts, now, &mut heard);
            }
        }
        heard
    }

    /// Whoever brings a list, its owner signed it: those of members are taken, from members, and with an invitation from a
    /// contact.
    fn adopt_of_member(
        &self,
        list: &VerifiedList,
        from: &Device,
        own: &mut OwnDevices,
        contacts: &mut Contacts,
        now: Timestamp,
        heard: &mut GroupsHeard,
    ) {
        let (owner, directory) = (list.owner().encode(), Directory { own, contacts });
        let known = directory.device(&from.identity.encode(), now);
        let sender = known.map(|known| known.person.owner().encode());
        let is_contact = contacts.peer(&from.address).is_some_and(|peer| {
            peer.contact().is_accepted() && peer.contact().is_of(&from.identity)
        });
        let mut heads = self.all.iter().map(Group::head);
        let is_of_members = sender
            .is_some_and(|sender| heads.any(|roster| roster.has(&owner) && roster.has(&sender)));
        let mut invited = self.invitations.iter().filter(|it| it.from == *from);
        let is_invited = is_contact && invited.any(|it| it.roster.has(&owner));
        let is_wanted = is_of_members || is_invited;
        if !is_wanted || list.has_expired(now) || contacts.people.len() >= MOST_PEOPLE {
            return;
        }
        contacts.place_of_owner(list.owner());
        if let Ok((events, changes)) = adopt(own, contacts, list.clone(), now) {
            heard.unblocks.extend(Unblocked::of_people(&events));
            heard.people.extend(events);
            heard.changes.add_people(changes);
        }
    }

    fn hear_part(
        &mut self,
        part: &GroupPart,
        from: &Device,
        own: &OwnDevices,
        contacts: &Contacts,
        now: Timestamp,
        heard: &mut GroupsHeard,
    ) {
        let (kind, bytes) = (part.kind(), part.as_bytes());
        let directory = Directory { own, contacts };
        if kind == GroupPartKind::Want {
            match WantFields::decode(bytes) {
                Ok(want) => heard.wants.push(HeardWant { from: from.clone(), want }),
                Err(_) => heard.refuse(kind, PartError::Malformed),
            }
            return;
        }
        // A roster's first byte is its form.
        let start = usize::from(kind == GroupPartKind::Roster);
        let group = bytes.get(start..).and_then(|bytes| bytes.first_chunk());
        let group = group.and_then(|id| self.all.iter_mut().find(|group| group.id == *id));
        if let (GroupPartKind::Leave, Err(error)) = (kind, check_device(from, &directory, now)) {
            return heard.refuse(kind, error);
        }
        let outcome = match group {
            Some(group) => {
                let inviting = &mut heard.inviting;
                let (events, outcome) =
                    group.hear_part(kind, bytes, from, &directory, now, inviting);
                heard.events.extend(events);
                heard.changes.add_group(group.id());
                outcome
            }
            None => self.invitations.hear_part(kind, bytes, from, &directory, now, heard),
        };
        heard.unblocks.extend(outcome.unblocks);
    }

    /// Decrypts a message to a group that was bound to `ad`, in the one whose header key opens it: [`Group::decrypt`], for
    /// carriers that do not say which group it is for. Draws nothing.
    ///
    /// # Errors
    ///
    /// A [`GroupDecryptError`], of [`Group::decrypt`]; [`GroupDecryptError::Undecryptable`] if it is of no group that is held.
    pub fn decrypt(
        &mut self,
        own: &mut OwnDevices,
        contacts: &mut Contacts,
        message: &[u8],
        ad: &[u8],
        now: Timestamp,
    ) -> Result<GroupDelivered, GroupDecryptError> {
        GroupMessage::decode(message)?;
        let group = self.all.iter_mut().find(|group| group.knows(message));
        let group = group.ok_or(GroupDecryptError::Undecryptable)?;
        group.decrypt(own, contacts, message, ad, now)
    }

    /// The user joins a group by an invitation that they were shown, also one that is held: what is different there is among the
    /// events then. Nothing is sent: the others give their chains when they hear of it by that roster. `None` if another one has
    /// come since: show that.
    pub fn join(
        &mut self,
        own: &OwnDevices,
        contacts: &Contacts,
        invitation: &InvitationName,
        now: Timestamp,
    ) -> Option<GroupsHeard> {
        let InvitationName { group: id, roster } = invitation;
        let is_it = |it: &Invitation| it.roster.fields.group == id.0 && it.roster.hash() == roster;
        let held = self.group(id).and_then(|group| group.invitation.as_deref());
        if !held.into_iter().chain(self.invitations.iter()).any(is_it) {
            return None;
        }
        let directory = Directory { own, contacts };
        let mut heard = GroupsHeard::default();
        let outcome = match self.group_mut(id) {
            Some(group) => {
                let before = Before::of(group);
                let outcome = group.join_again(&directory, now)?;
                let change = before.change(group);
                let changed = change.map(|change| GroupEvent::Changed { group: *id, change });
                heard.events.extend(changed);
                outcome
            }
            None => {
                let (group, outcome) = self.invitations.join(&id.0, &directory, now)?;
                self.all.push(group);
                heard.changes.invitations = true;
                outcome
            }
        };
        heard.changes.add_group(*id);
        heard.unblocks = outcome.unblocks;
        Some(heard)
    }

    /// The user does not join: the invitation is forgotten, and what waited for it.
    pub fn decline(&mut self, id: &GroupId) -> GroupChanges {
        let mut changes = GroupChanges::none();
        changes.invitations = self.invitations.decline(&id.0);
        if let Some(group) = self.group_mut(id).filter(|group| group.invitation.is_some()) {
            group.invitation = None;
            changes.add_group(*id);
        }
        changes
    }

    /// Answers what others asked for, and asks for what was found missing: call it after each [`Groups::hear`], and after
    /// messages that were [missing](GroupDecryptError::Missing) something. Each is asked and answered once a day. Who is not reached
    /// is named: begin a session, and call it again without the wants.
    ///
    /// Draws 32 bytes where a new chain begins, and what each message draws.
    pub fn respond(
        &mut self,
        own: &OwnDevices,
        account: &Account,
        contacts: &mut Contacts,
        wants: &[HeardWant],
        now: Timestamp,
        rng: &mut (impl CryptoRng + ?Sized),
    ) -> GroupOutgoing {
        let mut outgoing = GroupOutgoing::default();
        for want in wants {
            let group = self.all.iter_mut().find(|group| group.id == want.want.group);
            let answered =
                group.map(|it| own.in_group(account, it).answer(contacts, want, now, rng));
            // Whom nothing is answered, there is nothing to tell.
            if let Some(Ok(answer)) = answered {
                outgoing = outgoing.and(answer);
            }
        }
        for group in &mut self.all {
            outgoing = outgoing.and(own.in_group(account, group).ask(contacts, now, rng));
        }
        for group in self.invitations.waited_for() {
            let directory = Directory { own, contacts };
            let reach = Reach::new(directory, now);
            let can_reach = |device: &Device| reach.reaches(device);
            let moment = Moment { directory, can_reach: &can_reach, now };
            // Whoever is not known is told nothing before the user joins: that somebody is there would be an answer.
            let may_know = |asked: &Asked| directory.is_known_to_user(&asked.of, now);
            let (mut wants, is_changed) = self.invitations.take_wants(&group, &moment);
            wants.retain(|asked| may_know(asked) && !self.invitations.has(&asked.want));
            outgoing.changes.invitations |= is_changed;
            outgoing.add_wants(&wants, own, contacts, now, rng);
        }
        outgoing
    }

    /// Forgets keys and secrets whose time is over, signs what is due for others, and gives what is due. Call it at every
    /// start and once a day: what is kept can be stolen. Time may also have made an invitation one to ask about, which is among
    /// the events. Among those who are not reached are the devices whose sessions were
    /// lost: [begin](crate::Peer::initiate_for_group) others, and catch up in the group.
    ///
    /// Draws what [`InGroup::catch_up`](crate::group::InGroup::catch_up) draws.
    pub fn maintain(
        &mut self,
        own: &OwnDevices,
        account: &Account,
        contacts: &mut Contacts,
        now: Timestamp,
        rng: &mut (impl CryptoRng + ?Sized),
    ) -> GroupOutgoing {
        let mut outgoing = GroupOutgoing::default();
        for group in &mut self.all {
            if group.maintain(&Directory { own, contacts }, now) {
                outgoing.changes.add_group(group.id());
            }
            outgoing = outgoing.and(own.in_group(account, group).catch_up(contacts, now, rng));
            let directory = Directory { own, contacts };
            if own.is_removed() || group.check_sending(&directory).is_err() {
                continue;
            }
            // Nobody knows what came of what these were given: they get it again, in another session if one is begun. It may be
            // that nothing was lost, so that they are not kept waiting for that.
            for device in with_lost_session(&group.recipients(&directory, now), &directory, now) {
                if group.note_new_session(&device.identity) {
                    outgoing.changes.add_group(group.id());
                }
                outgoing.add_unreached(device, Obstacle::NeedsSession);
            }
        }
        outgoing
    }
}

impl Default for Groups {
    fn default() -> Self {
        Self::new()
    }
}

impl Invitations {
    /// A part of a group that is not held.
    fn hear_part(
        &mut self,
        kind: GroupPartKind,
        bytes: &[u8],
        from: &Device,
        directory: &Directory<'_>,
        now: Timestamp,
        heard: &mut GroupsHeard,
    ) -> PartHeard {
        let outcome = match kind {
            GroupPartKind::Roster => self.hear_roster(bytes, from, directory, now),
            GroupPartKind::About => self.hear_about(bytes),
            GroupPartKind::Leave => Self::hear_leave(bytes),
            GroupPartKind::Distribution => self.hear_distribution(bytes, from, directory, now),
            // It is answered elsewhere.
            GroupPartKind::Want => PartHeard::of(Ok(PartOutcome::Known)),
        };
        match outcome.outcome {
            Ok(PartOutcome::Invited) => {
                let group = bytes.get(1..).and_then(|bytes| bytes.first_chunk());
                let by = from.clone();
                let invited = group.map(|group| GroupId(*group));
                heard.events.extend(invited.map(|group| GroupEvent::Invited {
                    group,
                    by,
                    again: false,
                }));
                heard.changes.invitations = true;
            }
            Ok(PartOutcome::Held | PartOutcome::Waiting) => heard.changes.invitations = true,
            Ok(PartOutcome::Known) => {}
            Err(reason) => heard.refuse(kind, reason),
        }
        outcome
    }
}

/// How many there are.
impl fmt::Debug for Groups {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { all, invitations } = self;
        let mut shown = formatter.debug_struct("Groups");
        shown.field("all", &all.len()).field("invitations", invitations).finish()
    }
}
