//! OwnDevices: messages in, and the parts that come with them.

use alloc::boxed::Box;
use alloc::vec::Vec;

use crate::account::Account;
use crate::identity::{Address, Device};
use crate::peer::contact::Contact;
use crate::peer::delivery::{Delivered, PeerDecryptError};
use crate::peer::other_device::Peer;
use crate::person::arrival::{Arrival, Sender};
use crate::person::contacts::{Contacts, listed_twice};
use crate::person::decisions::ContactDecision;
use crate::person::group_part::GroupPart;
use crate::person::other_person::{AdoptError, Person};
use crate::person::our_devices::OwnDevices;
use crate::person::own_event::MAX_EVENTS;
use crate::person::people_changes::PeopleChanges;
use crate::person::person_delivered::PersonDelivered;
use crate::person::person_event::{PartRefusal, PersonEvent, Whose};
use crate::person::standing::Standing;
use crate::person::verified_list::{ListError, VerifiedList};
use crate::time::Timestamp;
use crate::wire::content_parts::{Part, PartKind};
use crate::wire::device_list::DeviceList;
use crate::wire::notice::{Belief, Notice};

/// How many lists of one message are verified, of a contact that is accepted and of any other: each costs up to 17
/// verifications.
const MOST_LISTS: u32 = 8;
const MOST_LISTS_OF_STRANGERS: u32 = 2;

impl OwnDevices {
    /// Decrypts a message that came from this address and was bound to `ad`, and acts on what came with it: lists are
    /// verified and adopted, notices kept. Draws nothing. A device that is not among the contacts is added.
    ///
    /// # Errors
    ///
    /// A [`PeerDecryptError`]; nothing has changed then. Give it to
    /// [`Peer::note_refusal`](crate::Peer::note_refusal), as ever.
    pub fn decrypt(
        &mut self,
        account: &mut Account,
        contacts: &mut Contacts,
        from: &Address,
        message: &[u8],
        ad: &[u8],
        now: Timestamp,
    ) -> Result<PersonDelivered, PeerDecryptError> {
        let place = contacts.place_of_sender(from, now);
        let known = place.and_then(|place| contacts.peers.get_mut(place).map(|peer| (place, peer)));
        let (place, device, lists_left, mut delivered);
        match known {
            Some((known_place, peer)) => {
                delivered = peer.decrypt(account, message, ad, now)?;
                (device, lists_left) = self.note_parts(peer, &delivered, now);
                place = known_place;
            }
            None => {
                let mut unknown = Peer::new(from.clone());
                delivered = unknown.decrypt(account, message, ad, now)?;
                (device, lists_left) = self.note_parts(&mut unknown, &delivered, now);
                place = contacts.peers.len();
                contacts.peers.push(unknown);
            }
        }
        let parts = core::mem::take(&mut delivered.received.parts);
        let mut changes = PeopleChanges::of_peer(&device.address);
        changes.account = delivered.changes.account;
        let mut arrival = Arrival {
            own: self,
            contacts,
            place,
            device,
            now,
            lists_left,
            events_left: MAX_EVENTS,
            events: Vec::new(),
            told: Vec::new(),
            copy_of: None,
            group_parts: Vec::new(),
            skipped_parts: Vec::new(),
            changes,
        };
        let is_control = !parts.is_empty() && delivered.received.body.is_empty();
        parts.iter().for_each(|part| arrival.take(part, is_control));
        if is_control && parts.iter().any(|part| part.kind == PartKind::DISTRIBUTION) {
            // It would show the keys in it to a moderator. In a message that is something else too none is taken.
            delivered.received.evidence = None;
        }
        arrival.know_recipient();
        let (sender, standing) = arrival.sender();
        arrival.settle_contact(sender, standing);
        let decision = arrival.other_person(sender).and_then(Person::decision);
        let peer = arrival.contacts.peers.get(arrival.place);
        let is_refused = decision == Some(ContactDecision::Refused)
            || peer.is_some_and(|peer| peer.contact().is_refused());
        let person = arrival.person(sender).map(|person| *person.owner());
        let is_unconfirmed = arrival.own.unconfirmed.contains(&arrival.device);
        let Arrival { device, events, told, copy_of, group_parts, skipped_parts, changes, .. } =
            arrival;
        Ok(PersonDelivered {
            delivered,
            device,
            standing,
            person,
            is_unconfirmed,
            is_refused,
            events,
            told,
            copy_of,
            is_control,
            group_parts,
            skipped_parts,
            changes,
        })
    }

    /// A message of this peer has opened: the device that it is from, and how many lists of it may be verified.
    fn note_parts(&self, peer: &mut Peer, delivered: &Delivered, now: Timestamp) -> (Device, u32) {
        peer.notices.sends_parts |= !delivered.received.parts.is_empty();
        let device = peer.device_of(delivered.author);
        let is_own = || {
            device.identity == *self.person.owner() || self.person.standing(&device, now).counts()
        };
        let is_known = peer.contact().is_accepted() || is_own();
        (device, if is_known { MOST_LISTS } else { MOST_LISTS_OF_STRANGERS })
    }
}

impl Arrival<'_> {
    fn take(&mut self, part: Part<'_>, is_control: bool) {
        let taken = match part.kind {
            PartKind::List => self.take_list(part.bytes),
            PartKind::Asks | PartKind::Answers => {
                if let Ok(notice) = Notice::decode(part.bytes) {
                    self.take_notice(notice, part.kind);
                }
                Ok(())
            }
            PartKind::Copy => self.take_copy(part.bytes),
            PartKind::Events => self.take_events(part.bytes),
            PartKind::LinkOffer | PartKind::LinkConsent => Err(PartRefusal::NotLinking),
            PartKind::DISTRIBUTION if !is_control => Err(PartRefusal::Malformed),
            PartKind::OfGroups(kind) => {
                self.group_parts.push(GroupPart::new(kind, part.bytes));
                Ok(())
            }
            PartKind::Unknown(kind) => {
                self.skipped_parts.push(kind);
                Ok(())
            }
        };
        if let Err(reason) = taken {
            self.events.push(PersonEvent::Refused { part: part.kind.byte(), reason });
        }
    }

    /// A device is known as far as its person is, and an own one is not asked about, unless nobody has said that it is ours.
    fn settle_contact(&mut self, sender: Sender, standing: Standing) {
        if sender == Sender::Ours {
            // Since a list expired, a device of it may have been removed.
            if standing == Standing::Listed && !self.own.unconfirmed.contains(&self.device) {
                let peer = self.contacts.peers.get_mut(self.place);
                peer.into_iter().for_each(|peer| _ = peer.accept_request());
            }
            return;
        }
        let Some(person) = self.other_person(sender) else { return };
        let (owner, decision) = (*person.owner(), person.decision());
        let is_forbidden = decision.is_some_and(|it| it != ContactDecision::Accepted);
        let contact = self.contacts.peers.get(self.place).map(Peer::contact);
        let is_known = match decision {
            None | Some(ContactDecision::Accepted) => self.is_accepted(),
            Some(ContactDecision::Request) => matches!(contact, Some(Contact::Request(_))),
            Some(ContactDecision::Refused) => contact.is_some_and(Contact::is_refused),
        };
        // Unless something came with this message, nothing is to be settled then: all peers would be looked at for each.
        let is_settled = self.events.is_empty() && is_known;
        if (is_forbidden || standing != Standing::Removed) && !is_settled {
            let settled = self.contacts.settle(self.own, &owner, self.now);
            self.change(settled);
        }
    }

    fn take_list(&mut self, bytes: &[u8]) -> Result<(), PartRefusal> {
        if self.is_held(bytes) {
            return Ok(());
        }
        self.lists_left = self.lists_left.checked_sub(1).ok_or(PartRefusal::TooManyLists)?;
        let list = DeviceList::decode(bytes).map_err(ListError::from);
        let list = list.and_then(|list| list.verify(self.now)).map_err(PartRefusal::List)?;
        let (sender, before) = self.sender();
        let owner = *list.owner();
        let is_own = owner == *self.own.person.owner();
        if !is_own && !self.concerns_sender(sender, &list) {
            self.events.push(PersonEvent::Given(Box::new(list)));
            return Ok(());
        }
        self.check_first(&list, is_own)?;
        let adopted = if is_own {
            self.own.adopt(list, self.now)
        } else {
            let place = self.contacts.place_of_owner(&owner);
            match self.contacts.people.get_mut(place) {
                Some(person) => person.adopt(list, self.now),
                None => return Ok(()),
            }
        };
        let event = adopted.map_err(|error| match error {
            AdoptError::OlderList => PartRefusal::OlderList,
            AdoptError::NotNamed => PartRefusal::NotNamed,
            AdoptError::Expired => PartRefusal::Expired,
            AdoptError::OtherOwner => PartRefusal::List(ListError::BadSignature),
        })?;
        if event.is_none() {
            return Ok(());
        }
        self.events.extend(event);
        let people = || core::iter::once(&self.own.person).chain(&self.contacts.people);
        let twice = listed_twice(&owner, people);
        self.events.extend(twice);
        if owner == *self.own.person.owner() {
            self.changes.own = true;
        } else {
            self.changes.add_person(&owner);
        }
        if before == Standing::Alone && self.sender().1.counts() {
            self.events.push(PersonEvent::Joined { owner, device: self.device.clone() });
        }
        Ok(())
    }

    /// Whether just these bytes are the list that is held of our own or of the sender's person: most are, and need not
    /// be verified again. An owner's device that is not listed brings that of its person too.
    fn is_held(&self, bytes: &[u8]) -> bool {
        let (sender, _) = self.sender();
        let lists = [self.own.person.list(), self.theirs(sender).and_then(Person::list)];
        lists.into_iter().flatten().any(|list| list.as_bytes() == bytes)
    }

    /// Whether a list is taken for the sender's person, who of one that is alone is the one of the list if it names the
    /// sender or is its own. Else it is of a third person.
    fn concerns_sender(&self, sender: Sender, list: &VerifiedList) -> bool {
        match sender {
            Sender::Ours => false,
            Sender::Of(place) => {
                self.contacts.people.get(place).is_some_and(|it| it.owner() == list.owner())
            }
            Sender::Alone => list.lists(&self.device) || *list.owner() == self.device.identity,
        }
    }

    /// The first list of a person is not an expired one: the device that brings it may be the one that was removed since.
    /// The owner's own device asks its user in any case.
    fn check_first(&self, list: &VerifiedList, is_own: bool) -> Result<(), PartRefusal> {
        let known =
            if is_own { Some(&self.own.person) } else { self.contacts.person(list.owner()) };
        let is_first = known.and_then(Person::list).is_none();
        if is_first && !(is_own && self.own.is_owner()) && list.has_expired(self.now) {
            Err(PartRefusal::Expired)
        } else {
            Ok(())
        }
    }

    fn take_notice(&mut self, notice: Notice, kind: PartKind) {
        let (sender, _) = self.sender();
        let ours = self.own.person.belief();
        let theirs = self.theirs(sender).map_or(Belief::NONE, Person::belief);
        let Notice { own, their } = notice;
        let of_theirs = match sender {
            // Both sides speak of one list.
            Sender::Ours => claim(own, ours, Whose::Ours),
            Sender::Of(_) | Sender::Alone => claim(own, theirs, Whose::Theirs),
        };
        let of_ours = claim(their, ours, Whose::Ours).filter(|it| of_theirs.as_ref() != Some(it));
        // Anybody can make up a digest: of somebody who is not accepted it is no reason to alarm the user.
        let may_alarm = sender == Sender::Ours || self.is_accepted();
        let told = of_theirs.into_iter().chain(of_ours);
        let told = told.filter(|it| may_alarm || !matches!(it, PersonEvent::ListsDiffer { .. }));
        self.events.extend(told);
        if let Some(peer) = self.contacts.peers.get_mut(self.place) {
            peer.notices.came(notice);
            if kind == PartKind::Asks {
                peer.notices.asked();
            }
        }
    }

    /// The person that a sender speaks of as its own: of one who is alone the one that it owns.
    fn theirs(&self, sender: Sender) -> Option<&Person> {
        self.person(sender).or_else(|| self.contacts.person(&self.device.identity))
    }
}

/// What is told of a claim that is ahead of what is held, or contradicts it.
fn claim(claimed: Belief, held: Belief, of: Whose) -> Option<PersonEvent> {
    let Belief { version, .. } = claimed;
    if version > held.version {
        Some(PersonEvent::ListBehind { of, version })
    } else if version == held.version && claimed != held {
        Some(PersonEvent::ListsDiffer { of, version })
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::person::consent::ListedDevice;
    use crate::prekeys::published::PublishedPreKeys;
    use crate::wire::content_parts::ContentParts;
    use crate::wire::payload::Payload;
    use crate::wire::prekey_bundle::PreKeyBundle;
    use rand_chacha::{ChaCha20Rng, rand_core::SeedableRng};

    const NOW: Timestamp = Timestamp::from_unix_seconds(1_800_000_000);

    fn account(name: &str, rng: &mut ChaCha20Rng) -> Account {
        let mut limits = crate::limits::Limits::default();
        limits.prekeys.one_time_prekeys = 1;
        Account::generate_with_limits(Address::new(name).unwrap(), limits, NOW, rng)
    }

    fn list_of(owner: &Account) -> VerifiedList {
        let listed = ListedDevice::consenting(owner, &owner.device().identity, NOW);
        DeviceList::sign(owner, &[listed], 1, NOW).unwrap()
    }

    /// Alice, a peer of Mallory's that can write to her, and Mallory.
    fn alice_and_mallory(rng: &mut ChaCha20Rng) -> (Account, Peer, Account) {
        let (mut alice, mallory) = (account("alice", rng), account("mallory", rng));
        let upload = alice.maintain(None, NOW, rng).upload.unwrap();
        let bundle = PreKeyBundle::decode(&PublishedPreKeys::new(upload).hand_out()).unwrap();
        let mut peer = Peer::new(alice.device().address);
        let _changes = peer.initiate(&mallory, bundle.verify(NOW).unwrap(), NOW, rng).unwrap();
        (alice, peer, mallory)
    }

    #[test]
    fn of_a_stranger_two_lists_of_a_message_are_verified_and_of_others_eight() {
        let rng = &mut ChaCha20Rng::seed_from_u64(1);
        let (mut alice, mut peer, mallory) = alice_and_mallory(rng);
        let from = mallory.device().address;
        let (mut own, mut contacts) = (OwnDevices::new(&alice), Contacts::new());
        let lists: Vec<VerifiedList> =
            (0..10).map(|number| list_of(&account(&alloc::format!("{number}"), rng))).collect();
        for verified in [2, 8] {
            let mut parts = ContentParts::none();
            lists.iter().for_each(|list| parts.push(PartKind::List, list.as_bytes()));
            let sent = peer.encrypt_behind(&parts, &Payload::new("hello"), b"", NOW, rng).unwrap();
            let got = own.decrypt(&mut alice, &mut contacts, &from, &sent.message, b"", NOW);
            let got = got.unwrap();
            assert_eq!(got.delivered.received.body, b"hello");
            let (given, rest) = got.events.split_at(verified);
            assert!(given.iter().zip(&lists).all(|(event, list)| {
                matches!(event, PersonEvent::Given(given) if **given == *list)
            }));
            let refused = PersonEvent::Refused { part: 1, reason: PartRefusal::TooManyLists };
            assert!(rest.len() == 10 - verified && rest.iter().all(|event| *event == refused));
            let _changes = contacts.peers[0].accept_request();
        }
    }

    #[test]
    fn a_list_that_is_held_is_not_counted_and_brings_no_event() {
        let rng = &mut ChaCha20Rng::seed_from_u64(2);
        let (mut alice, mut peer, mallory) = alice_and_mallory(rng);
        let from = mallory.device().address;
        let (mut own, mut contacts) = (OwnDevices::new(&alice), Contacts::new());
        let ours = own.refresh(&alice, NOW).unwrap().unwrap().clone();
        let mut parts = ContentParts::none();
        (0..40).for_each(|_| parts.push(PartKind::List, ours.as_bytes()));
        let sent = peer.encrypt_behind(&parts, &Payload::new(""), b"", NOW, rng).unwrap();
        let got = own.decrypt(&mut alice, &mut contacts, &from, &sent.message, b"", NOW).unwrap();
        assert_eq!((got.events.len(), got.is_control), (0, true));
        assert!(!got.changes.own && got.changes.people.is_empty());
    }

    #[test]
    fn broken_events_of_an_own_device_are_refused_whole_and_the_body_is_delivered() {
        let rng = &mut ChaCha20Rng::seed_from_u64(4);
        let (mut alice, mut peer, mallory) = alice_and_mallory(rng);
        let from = mallory.device().address;
        let (mut own, mut contacts) = (OwnDevices::new(&alice), Contacts::new());
        let removal = [0x13, 0];
        for (events, reason) in [
            (removal.to_vec(), Some(PartRefusal::NotOwn)),
            (removal.to_vec(), None),
            ([&removal[..], &[0x13]].concat(), Some(PartRefusal::Malformed)),
            ([&removal[..], &[0x13, 1, 0]].concat(), Some(PartRefusal::Malformed)),
            (removal.repeat(1_001), Some(PartRefusal::Malformed)),
        ] {
            let mut parts = ContentParts::none();
            parts.push(PartKind::Events, &events);
            let sent = peer.encrypt_behind(&parts, &Payload::new("body"), b"", NOW, rng).unwrap();
            let got = own.decrypt(&mut alice, &mut contacts, &from, &sent.message, b"", NOW);
            let got = got.unwrap();
            assert_eq!(got.delivered.received.body, b"body");
            if got.standing == Standing::Alone {
                // From here on it is an own one.
                let owner = alice.device().identity;
                let devices =
                    [&alice, &mallory].map(|it| ListedDevice::consenting(it, &owner, NOW));
                own.sign(&alice, &devices, NOW).unwrap();
            }
            let expected = match reason {
                None => PersonEvent::RemovalAsked { device: got.device.clone() },
                Some(reason) => PersonEvent::Refused { part: 8, reason },
            };
            assert_eq!(got.events, [expected]);
        }
    }

    #[test]
    fn the_list_of_an_owner_who_is_not_in_it_is_verified_once_like_any_other() {
        let rng = &mut ChaCha20Rng::seed_from_u64(5);
        let (mut alice, mut peer, mallory) = alice_and_mallory(rng);
        let laptop = account("laptop", rng);
        let listed = ListedDevice::consenting(&laptop, &mallory.device().identity, NOW);
        let list = DeviceList::sign(&mallory, &[listed], 1, NOW).unwrap();
        let (mut own, mut contacts) = (OwnDevices::new(&alice), Contacts::new());
        let mut parts = ContentParts::none();
        (0..40).for_each(|_| parts.push(PartKind::List, list.as_bytes()));
        let sent = peer.encrypt_behind(&parts, &Payload::new(""), b"", NOW, rng).unwrap();
        let from = mallory.device().address;
        let got = own.decrypt(&mut alice, &mut contacts, &from, &sent.message, b"", NOW).unwrap();
        assert!(matches!(&got.events[..], [PersonEvent::Adopted { version: 1, .. }]));
        assert_eq!(got.standing, Standing::Alone);
    }

    #[test]
    fn parts_of_groups_are_given_on_and_chains_only_of_messages_that_are_nothing_else() {
        let rng = &mut ChaCha20Rng::seed_from_u64(3);
        let (mut alice, mut peer, mallory) = alice_and_mallory(rng);
        let from = mallory.device().address;
        let (mut own, mut contacts) = (OwnDevices::new(&alice), Contacts::new());
        for (body, with_chain) in [("x", false), ("x", true), ("", true)] {
            let mut parts = ContentParts::none();
            parts.push(PartKind::Unknown(9), b"later");
            parts.push(PartKind::ROSTER, b"a roster");
            if with_chain {
                parts.push(PartKind::DISTRIBUTION, b"keys");
            }
            let sent = peer.encrypt_behind(&parts, &Payload::new(body), b"", NOW, rng).unwrap();
            let got = own.decrypt(&mut alice, &mut contacts, &from, &sent.message, b"", NOW);
            let got = got.unwrap();
            assert_eq!((got.skipped_parts, got.is_control), (Vec::from([9]), body.is_empty()));
            let is_taken = with_chain && body.is_empty();
            assert_eq!(got.group_parts.len(), if is_taken { 2 } else { 1 });
            let malformed = PersonEvent::Refused { part: 0x12, reason: PartRefusal::Malformed };
            let is_refused = got.events.contains(&malformed);
            assert_eq!(is_refused, with_chain && !is_taken);
            assert_eq!(got.delivered.received.evidence.is_none(), is_taken);
        }
    }
}
