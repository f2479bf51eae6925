//! Sending to groups: a draft becomes one message for all, and what is due to single devices goes before it; and whoever is
//! not reached gets a session.

use evanesce::expiry::{Age, MessageId, Now};
use evanesce::group::{GroupEncryptError, GroupId, GroupOutgoing};
use evanesce::person::{AddressedMessage, Obstacle, Person as KnownPerson};
use evanesce::rand_core::CryptoRng;
use evanesce::{Device, Payload, Peer, VerifiedBundle};

use crate::engine::message::{Draft, Message, Parcel};
use crate::engine::sending::{NO_AD, Went};
use crate::engine::state::Engine;
use crate::name::Name;
use crate::notice::Notice;
use crate::view::{Progress, Standing};

impl Engine {
    pub(super) fn encrypt_for_group(
        &mut self,
        number: u64,
        draft: &Draft,
        id: &GroupId,
        now: Now,
        rng: &mut dyn CryptoRng,
    ) -> Went {
        let payload = Payload::new(draft.body.clone()).with_stamp(draft.stamp.clone());
        let Some(group) = self.groups.group_mut(id) else { return Went::Waits };
        let mut group = self.own.in_group(&self.account, group);
        let sent = group.encrypt(&mut self.contacts, &payload, NO_AD, now.timestamp(), rng);
        let why = match sent {
            Ok(outgoing) => {
                self.drop_draft(number);
                let reaches_nobody = outgoing.broadcasts.last().is_none_or(|it| it.to.is_empty());
                self.send_to_group(Some(id), draft.message, outgoing, now, rng);
                if let (true, Some(message)) = (reaches_nobody, draft.message) {
                    self.message_is_sent(message, now);
                }
                return Went::On;
            }
            // It comes, or is asked for.
            Err(GroupEncryptError::NoRosterSecret) => {
                self.pending.group_wants = true;
                return Went::Waits;
            }
            Err(GroupEncryptError::NotAMember) => "you are not in the group any more",
            Err(GroupEncryptError::Removed) => "this device was removed",
            Err(_) => "too large",
        };
        self.drop_draft(number);
        self.fail(draft.message, why);
        Went::On
    }

    /// Tells what became known by a call, and puts what it gave where it waits for the relay, in the order in which it is to go;
    /// the message is the last to all.
    pub(super) fn send_to_group(
        &mut self,
        id: Option<&GroupId>,
        message: Option<MessageId>,
        outgoing: GroupOutgoing,
        now: Now,
        rng: &mut dyn CryptoRng,
    ) {
        let GroupOutgoing { events, pairwise, broadcasts, unreached, changes, .. } = outgoing;
        self.groups_changed(&changes);
        self.tell_group_events(events, now);
        let with = id.and_then(|id| self.name_of_group(id));
        let with = with.unwrap_or_else(|| self.profile.person.clone());
        for addressed in pairwise {
            self.send_for_group(&with, addressed, rng);
        }
        let last = broadcasts.len();
        for (place, broadcast) in broadcasts.into_iter().enumerate() {
            let message = message.filter(|_| place.saturating_add(1) == last);
            for to in broadcast.to.iter().filter_map(Name::of) {
                self.put_group_parcel(to, &with, message, broadcast.message.clone(), rng);
            }
        }
        for missed in unreached {
            let is_missing = missed.reason == Obstacle::NeedsSession;
            let device = Name::of(&missed.to).filter(|_| is_missing);
            self.pending.group_sessions.extend(device.filter(|it| self.may_be_there(it, now)));
        }
    }

    /// A chain, a roster, an answer. Who cannot be relied on to open it gets another session, as with any other message.
    fn send_for_group(
        &mut self,
        with: &Name,
        addressed: AddressedMessage,
        rng: &mut dyn CryptoRng,
    ) {
        let Some(to) = Name::of(&addressed.to) else { return };
        if addressed.session_need.is_some() {
            match self.is_for_groups_alone(&to) {
                true => self.pending.group_sessions.insert(to.clone()),
                false => self.pending.renewals.insert(to.clone()),
            };
        }
        self.put_group_parcel(to, with, None, addressed.message, rng);
    }

    fn put_group_parcel(
        &mut self,
        to: Name,
        with: &Name,
        message: Option<MessageId>,
        bytes: Vec<u8>,
        rng: &mut dyn CryptoRng,
    ) {
        let mut id = [0; 16];
        rng.fill_bytes(&mut id);
        self.put_parcel(Parcel { to, with: with.clone(), message, id, bytes });
    }

    /// A message of ours has left.
    pub(super) fn message_is_sent(&mut self, message: MessageId, now: Now) {
        let waits = |message: &&Message| message.progress == Progress::Waiting;
        let Some(message) = self.message(message).filter(waits).cloned() else { return };
        let effects = self.expiry.sent(message.id, Age::NONE, now);
        self.absorb(&effects);
        self.notice(Notice::Sent(message.with.clone(), message.id));
        self.put_message(Message { progress: Progress::Sent, ..message });
    }

    /// What follows in groups from what has happened: what waited is offered again, answered, asked for, made up for.
    pub(super) fn settle_groups(&mut self, now: Now, rng: &mut dyn CryptoRng) {
        self.offer_held_again(now, rng);
        if std::mem::take(&mut self.pending.group_catch_up) {
            for place in 0..self.groups.all.len() {
                let Some(group) = self.groups.all.get_mut(place) else { continue };
                let id = group.id();
                let mut group = self.own.in_group(&self.account, group);
                let caught = group.catch_up(&mut self.contacts, now.timestamp(), rng);
                self.send_to_group(Some(&id), None, caught, now, rng);
            }
            self.want_member_lists(now);
        }
        let wants = std::mem::take(&mut self.pending.heard_wants);
        if std::mem::take(&mut self.pending.group_wants) || !wants.is_empty() {
            let (account, contacts) = (&self.account, &mut self.contacts);
            let time = now.timestamp();
            let answers = self.groups.respond(&self.own, account, contacts, &wants, time, rng);
            self.send_to_group(None, None, answers, now, rng);
        }
        let mut waiting: Vec<Name> =
            self.drafts.values().map(|it| it.to.clone()).filter(Name::is_group).collect();
        waiting.dedup();
        for name in waiting {
            self.encrypt_drafts(&name, now, rng);
        }
    }

    /// Whether there is nobody to talk to at a device but as a member of groups: a session that nobody asked for makes a
    /// request of them, and accepts nobody.
    pub(super) fn is_for_groups_alone(&self, device: &Name) -> bool {
        let is_contact = |with: &Name| {
            self.standing(with) == Standing::Accepted
                || self.drafts.values().any(|draft| draft.to == *with)
        };
        let with = self.with_device(device);
        !self.is_own_device(device) && !with.is_some_and(|with| is_contact(&with))
    }

    /// A bundle came of a device that is known from a group.
    pub(super) fn begin_session_for_group(
        &mut self,
        device: &Name,
        bundle: VerifiedBundle,
        now: Now,
        rng: &mut dyn CryptoRng,
    ) {
        let came = bundle.device().clone();
        let lists = self.contacts.people.iter().filter_map(KnownPerson::list);
        let mut listed = lists.flat_map(|list| list.devices()).map(|listed| &listed.device);
        if !listed.any(|it: &Device| *it == came) {
            self.notice(Notice::Trouble(format!(
                "the relay has another device under the name {device} than is in a group: it gets nothing"
            )));
            return;
        }
        let place = self.contacts.peers.iter().position(|it| *it.address() == came.address);
        let place = place.unwrap_or_else(|| {
            self.contacts.peers.push(Peer::new(came.address));
            self.contacts.peers.len().saturating_sub(1)
        });
        let Some(peer) = self.contacts.peers.get_mut(place) else { return };
        match peer.initiate_for_group(&self.account, bundle, now.timestamp(), rng) {
            Ok(changes) => {
                self.peer_changed(device, &changes);
                self.pending.group_catch_up = true;
                self.pending.group_wants = true;
            }
            // Who was refused, or is somebody else by now, gets nothing.
            Err(error) => {
                self.notice(Notice::Trouble(format!("no session with {device}: {error}")));
            }
        }
    }
}
