//! What this device does in a group.

use alloc::vec::Vec;
use core::fmt;

use rand_core::CryptoRng;

use crate::account::Account;
use crate::group::before::Before;
use crate::group::change::Change;
use crate::group::changing::{Changed, GroupChangeError, RosterChange};
use crate::group::directory::Directory;
use crate::group::group_event::GroupEvent;
use crate::group::group_outgoing::GroupOutgoing;
use crate::group::heard_want::HeardWant;
use crate::group::message_sending::GroupEncryptError;
use crate::group::moment::Moment;
use crate::group::one_group::Group;
use crate::group::part_heard::PartError;
use crate::group::reach::{Reach, obstacle};
use crate::group::steps::{Due, Steps};
use crate::identity::Device;
use crate::person::contacts::Contacts;
use crate::person::our_devices::OwnDevices;
use crate::time::Timestamp;
use crate::wire::content_parts::ContentParts;
use crate::wire::payload::Payload;
use crate::wire::roster::OwnerBytes;

/// A group, as this device takes part in it. Made by [`OwnDevices::in_group`].
///
/// On the owner's device of an admin [`encrypt`](Self::encrypt), [`change`](Self::change), [`merge`](Self::merge) and
/// [`catch_up`](Self::catch_up) sign what is due for others first: who was withheld or left goes, who was added by a roster
/// that lost comes back. What any call changed is to be shown, and stands in [`GroupOutgoing::events`].
pub struct InGroup<'a> {
    own: &'a OwnDevices,
    account: &'a Account,
    group: &'a mut Group,
}

impl OwnDevices {
    /// A group, as this device takes part in it.
    #[must_use]
    pub fn in_group<'a>(&'a self, account: &'a Account, group: &'a mut Group) -> InGroup<'a> {
        InGroup { own: self, account, group }
    }
}

impl InGroup<'_> {
    /// Encrypts a payload for all devices of the group, bound to `ad`: the same bytes for all, and to those who lack it this
    /// device's chain. Whoever came reads on from here; who went reads nothing.
    ///
    /// Draws 32 bytes where a new chain begins, and what each message to a single device draws.
    ///
    /// # Errors
    ///
    /// A [`GroupEncryptError`]; nothing has changed then.
    pub fn encrypt(
        &mut self,
        contacts: &mut Contacts,
        payload: &Payload,
        ad: &[u8],
        now: Timestamp,
        rng: &mut (impl CryptoRng + ?Sized),
    ) -> Result<GroupOutgoing, GroupEncryptError> {
        if self.own.is_removed() {
            return Err(GroupEncryptError::Removed);
        }
        self.check_encrypting(contacts, payload)?;
        let merged = self.merge(contacts, now, rng);
        let directory = Directory { own: self.own, contacts };
        let reach = Reach::new(directory, now);
        let can_reach = |device: &Device| reach.reaches(device);
        let moment = Moment { directory, can_reach: &can_reach, now };
        let none = ContentParts::none();
        let mut sent = self.group.send(&none, payload, ad, &moment, rng)?;
        let mut outgoing = GroupOutgoing::of_group(self.group.id());
        sent.message.into_iter().for_each(|message| outgoing.add_message(message, &mut sent.steps));
        let members = self.members_for(&sent.steps);
        let failed = outgoing.add_steps(sent.steps, &members, self.own, contacts, now, rng);
        self.group.give_again(&failed);
        Ok(merged.and(outgoing))
    }

    /// Asks for a new chain before the next message: whoever stole this device's state reads nothing from there on. It costs
    /// a message to each device of the group.
    pub fn renew(&mut self) -> GroupOutgoing {
        self.group.renews = true;
        GroupOutgoing::of_group(self.group.id())
    }

    /// Signs another roster, on the owner's device of an admin, and tells all. It goes in a message under the roster before,
    /// so that who is removed hears of it.
    ///
    /// Draws 32 bytes where somebody goes, twice where chains begin, and what each message to a single device draws.
    ///
    /// # Errors
    ///
    /// A [`GroupChangeError`]; nothing has changed then.
    pub fn change(
        &mut self,
        contacts: &mut Contacts,
        change: &Change,
        now: Timestamp,
        rng: &mut (impl CryptoRng + ?Sized),
    ) -> Result<GroupOutgoing, GroupChangeError> {
        if self.own.is_removed() {
            return Err(GroupChangeError::Removed);
        }
        let Change(asked) = change;
        // What is due for others goes by the same roster, as far as it says nothing else.
        let due = self.group.merge_due(&Directory { own: self.own, contacts });
        let due = due.filter(|_| !self.own.is_put_back());
        let merged = due.map(|due| due.with(asked, self.group.head()));
        match merged {
            Some(merged) => self.sign(contacts, &merged, now, rng).or_else(|error| match error {
                GroupChangeError::Malformed | GroupChangeError::Outranked => {
                    self.sign(contacts, asked, now, rng)
                }
                GroupChangeError::Removed
                | GroupChangeError::NotAnAdmin
                | GroupChangeError::NothingToChange => Err(error),
            }),
            None => self.sign(contacts, asked, now, rng),
        }
    }

    /// Signs what is due for others, if anything is: see [`InGroup`]. Call it once a day on the owner's device of an admin, where
    /// nothing else is sent.
    pub fn merge(
        &mut self,
        contacts: &mut Contacts,
        now: Timestamp,
        rng: &mut (impl CryptoRng + ?Sized),
    ) -> GroupOutgoing {
        let due = self.group.merge_due(&Directory { own: self.own, contacts });
        // Put back, what is held may be from before rosters of the user's own.
        let due = due.filter(|_| !self.own.is_removed() && !self.own.is_put_back());
        let signed = due.and_then(|due| self.sign(contacts, &due, now, rng).ok());
        signed.unwrap_or_default()
    }

    /// Leaves the group: tells all, and sends nothing any more. An admin steps down first, by the same call, on the owner's
    /// device. It is asked of the user once: their other devices hear of it. Whom the message did not reach is told by
    /// [`Groups::maintain`](crate::group::Groups::maintain): once a day the admins, until one has signed it; where nobody else is an
    /// admin, the others, 64 in a day, each in turn however many days lie between two calls.
    ///
    /// Draws what [`InGroup::encrypt`] and [`InGroup::change`] draw.
    ///
    /// # Errors
    ///
    /// [`GroupChangeError::NotAnAdmin`] of an admin whose device is not the owner's; [`GroupChangeError::Malformed`] of the last
    /// admin, who has to name another first; [`GroupChangeError::NothingToChange`] of who is no member. Nothing has changed
    /// then. Without the secret of the present roster nothing can be told, and that is no error: the user has left here.
    pub fn leave(
        &mut self,
        contacts: &mut Contacts,
        now: Timestamp,
        rng: &mut (impl CryptoRng + ?Sized),
    ) -> Result<GroupOutgoing, GroupChangeError> {
        if self.own.is_removed() {
            return Err(GroupChangeError::Removed);
        }
        let directory = Directory { own: self.own, contacts };
        if self.group.check_sending(&directory).is_err() {
            return Err(GroupChangeError::NothingToChange);
        }
        let stepping_down = self.group.stepping_down(&directory)?;
        let mut outgoing = GroupOutgoing::of_group(self.group.id());
        if let Some(change) = stepping_down {
            outgoing = outgoing.and(self.sign(contacts, &change, now, rng)?);
        }
        let directory = Directory { own: self.own, contacts };
        let reach = Reach::new(directory, now);
        let can_reach = |device: &Device| reach.reaches(device);
        let moment = Moment { directory, can_reach: &can_reach, now };
        match self.group.send_leaving(&moment, rng) {
            Ok(mut sent) => {
                sent.message.into_iter().for_each(|it| outgoing.add_message(it, &mut sent.steps));
                let members = self.members_for(&sent.steps);
                let failed = outgoing.add_steps(sent.steps, &members, self.own, contacts, now, rng);
                self.group.give_again(&failed);
            }
            Err(_) => {
                let head = *self.group.head().hash();
                self.group.note_left(self.own.person().owner().encode(), &head);
            }
        }
        let (group, owner) = (self.group.id(), self.own.person().owner().encode());
        outgoing.events.push(GroupEvent::Left { group, owner });
        self.tell_invitation(&mut outgoing, now);
        Ok(outgoing)
    }

    /// Gives what is due to devices that could not be reached before, without a message; signs what is due for others.
    ///
    /// Draws what each message to a single device draws.
    pub fn catch_up(
        &mut self,
        contacts: &mut Contacts,
        now: Timestamp,
        rng: &mut (impl CryptoRng + ?Sized),
    ) -> GroupOutgoing {
        let merged = self.merge(contacts, now, rng);
        let mut merged = merged.and(self.leave_again(contacts, now, rng));
        self.tell_invitation(&mut merged, now);
        let directory = Directory { own: self.own, contacts };
        let is_in_head = self.group.head().has(&directory.owner());
        if self.own.is_removed() || !self.group.is_ready() || !is_in_head {
            return merged;
        }
        let reach = Reach::new(directory, now);
        let can_reach = |device: &Device| reach.reaches(device);
        let moment = Moment { directory, can_reach: &can_reach, now };
        let steps = self.group.catch_up(&moment);
        let mut outgoing = GroupOutgoing::of_group(self.group.id());
        let members = self.members_for(&steps);
        let failed = outgoing.add_steps(steps, &members, self.own, contacts, now, rng);
        self.group.give_again(&failed);
        merged.and(outgoing)
    }

    /// A message may be lost, and with it that the user has left: the admins are told once a day, until a roster lacks them.
    fn leave_again(
        &mut self,
        contacts: &mut Contacts,
        now: Timestamp,
        rng: &mut (impl CryptoRng + ?Sized),
    ) -> GroupOutgoing {
        let mut outgoing = GroupOutgoing::default();
        let directory = Directory { own: self.own, contacts };
        let owner = directory.owner();
        let reach = Reach::new(directory, now);
        let can_reach = |device: &Device| reach.reaches(device);
        let moment = Moment { directory, can_reach: &can_reach, now };
        for (to, is_reached) in self.group.tell_of_leaving(&moment) {
            // Also whose turn it is, though nobody is reached.
            outgoing.changes.add_group(self.group.id());
            if is_reached {
                let parts = self.group.leave_parts_again(&owner);
                let due = Due { to, parts, is_newcomer: false };
                let _is_sent = outgoing.add_due(due, self.own, contacts, now, rng);
            } else {
                outgoing.add_missed(to, &Directory { own: self.own, contacts }, now);
            }
        }
        outgoing
    }

    /// Has a device of a member's get the roster, title and picture, with what is sent or caught up with next: one of the user's that
    /// was linked since, or a member's whose invitation was lost.
    pub fn introduce(&mut self, device: &Device) -> GroupOutgoing {
        self.group.devices.at(&device.identity.encode()).is_newcomer = true;
        GroupOutgoing::of_group(self.group.id())
    }

    /// Asks for what was found missing, of whom sent it: each name once a day. Who is not reached is named: begin a session,
    /// and call it again.
    ///
    /// Draws what each message draws.
    pub fn ask(
        &mut self,
        contacts: &mut Contacts,
        now: Timestamp,
        rng: &mut (impl CryptoRng + ?Sized),
    ) -> GroupOutgoing {
        if self.own.is_removed() {
            return GroupOutgoing::default();
        }
        let directory = Directory { own: self.own, contacts };
        let reach = Reach::new(directory, now);
        let can_reach = |device: &Device| reach.reaches(device);
        let moment = Moment { directory, can_reach: &can_reach, now };
        let asked_before = self.group.secret_asked;
        let wants = self.group.take_wants(&moment);
        let mut outgoing = GroupOutgoing::default();
        if !wants.is_empty() || self.group.secret_asked != asked_before {
            outgoing.changes.add_group(self.group.id());
        }
        outgoing.add_wants(&wants, self.own, contacts, now, rng);
        // A message that was missing its roster gives no event.
        self.tell_invitation(&mut outgoing, now);
        outgoing
    }

    /// Whether the user is to be asked about an invitation may be different by a call, or as time has passed.
    fn tell_invitation(&mut self, outgoing: &mut GroupOutgoing, now: Timestamp) {
        let was_told = self.group.invitation.as_ref().is_some_and(|it| it.is_told);
        let owner = self.own.person().owner().encode();
        outgoing.events.extend(self.group.tell_invitation(&owner, now));
        if self.group.invitation.as_ref().is_some_and(|it| it.is_told != was_told) {
            outgoing.changes.add_group(self.group.id());
        }
    }

    /// Answers what a device asks for, if it is a recipient and was not answered within a day: else nothing is sent.
    ///
    /// Draws 32 bytes where a new chain begins, and what a message draws.
    ///
    /// # Errors
    ///
    /// A [`PartError`]: there is nothing to do about it.
    pub fn answer(
        &mut self,
        contacts: &mut Contacts,
        want: &HeardWant,
        now: Timestamp,
        rng: &mut (impl CryptoRng + ?Sized),
    ) -> Result<GroupOutgoing, PartError> {
        let directory = Directory { own: self.own, contacts };
        let mut outgoing = GroupOutgoing::default();
        let HeardWant { from, want } = want;
        if self.own.is_removed() || obstacle(&directory, from, now).is_some() {
            return Ok(outgoing);
        }
        self.group.check_sending(&directory).map_err(|_| PartError::NotAMember)?;
        let parts = self.group.answer_want(want, from, &directory, now, rng)?;
        outgoing.changes.add_group(self.group.id());
        if !parts.is_empty() {
            let due = Due { to: from.clone(), parts, is_newcomer: false };
            if !outgoing.add_due(due, self.own, contacts, now, rng) {
                self.group.give_again(&[from.identity]);
            }
        }
        Ok(outgoing)
    }

    fn check_encrypting(
        &self,
        contacts: &Contacts,
        payload: &Payload,
    ) -> Result<(), GroupEncryptError> {
        let directory = Directory { own: self.own, contacts };
        self.group.check_sending(&directory)?;
        if !self.group.is_ready() && self.group.merge_due(&directory).is_none() {
            return Err(GroupEncryptError::NoRosterSecret);
        }
        Group::check_size(payload)
    }

    fn sign(
        &mut self,
        contacts: &mut Contacts,
        change: &RosterChange,
        now: Timestamp,
        rng: &mut (impl CryptoRng + ?Sized),
    ) -> Result<GroupOutgoing, GroupChangeError> {
        let told = Before::of(self.group);
        let before: Vec<OwnerBytes> = self.group.head().owners().collect();
        let directory = Directory { own: self.own, contacts };
        let reach = Reach::new(directory, now);
        let can_reach = |device: &Device| reach.reaches(device);
        let moment = Moment { directory, can_reach: &can_reach, now };
        let Changed { before: mut steps, message, after } =
            self.group.sign_change(self.account, change, &moment, rng)?;
        let mut outgoing = GroupOutgoing::of_group(self.group.id());
        message.into_iter().for_each(|message| outgoing.add_message(message, &mut steps));
        let failed = outgoing.add_steps(steps, &before, self.own, contacts, now, rng);
        self.group.give_again(&failed);
        let members = self.members_for(&after);
        let failed = outgoing.add_steps(after, &members, self.own, contacts, now, rng);
        self.group.give_again(&failed);
        let (group, change) = (self.group.id(), told.change(self.group));
        outgoing.events.extend(change.map(|change| GroupEvent::Changed { group, change }));
        Ok(outgoing)
    }

    /// The members whose lists go to newcomers: nobody, where there are none.
    fn members_for(&self, steps: &Steps) -> Vec<OwnerBytes> {
        let is_anybody_new = steps.pairwise.iter().any(|due| due.is_newcomer);
        let members = self.group.head().owners().filter(|_| is_anybody_new);
        members.collect()
    }
}

/// Which group.
impl fmt::Debug for InGroup<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("InGroup").field("group", self.group).finish_non_exhaustive()
    }
}
