//! What happens on one own device is known on the others: timers, readings, contacts, and what the user decided of them.

#[path = "support/household.rs"]
mod household;

use evanesce::expiry::{
    Age, ConversationId, DeviceEvent, ExpiryEvent, ExpiryScheduler, MemberTag, MessageId,
    NewMessage, Now, Policy, Stamp, Visibility,
};
use evanesce::person::{
    ContactDecision, DeviceList, FanOut, FanOutError, ListedDevice, Obstacle, OwnDevices, OwnEvent,
    PartRefusal, PeopleChanges, Person, PersonDelivered, PersonEvent, Standing, Unreached,
};
use evanesce::{Address, Contact, IdentityKey, Payload, Peer, PeerDecryptError, Timestamp};
use household::{Letter, Party, START, begin, link};
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::SeedableRng;
use std::num::NonZeroU64;
use std::time::Duration;

fn rng(seed: u64) -> ChaCha20Rng {
    ChaCha20Rng::seed_from_u64(seed)
}

fn now(seconds: u64) -> Now {
    Now::from_wall(Duration::from_secs(START.unix_seconds() + seconds))
}

/// Alice's phone, laptop and tablet, all linked and each with a session with each; and Bob's phone, whose list the phone holds.
fn household(rng: &mut ChaCha20Rng) -> Vec<Party> {
    let names = ["alice/1", "alice/2", "alice/3", "bob/1"];
    let mut parties: Vec<Party> = names.iter().map(|name| Party::new(name, rng)).collect();
    link(&mut parties, 0, 1, START, rng);
    link(&mut parties, 0, 2, START, rng);
    let list = parties[0].own.person().list().unwrap().clone();
    let _ = parties[1].own.adopt(list, START).unwrap();
    begin(&mut parties, 1, 2, START, rng);
    begin(&mut parties, 2, 1, START, rng);
    let Party { account, own, .. } = &mut parties[3];
    let list = own.refresh(account, START).unwrap().unwrap().clone();
    let place = parties[0].place_of(list.owner());
    assert!(parties[0].contacts.people[place].adopt(list, START).unwrap().is_some());
    begin(&mut parties, 0, 3, START, rng);
    parties
}

fn tell(from: &mut Party, events: &[OwnEvent], rng: &mut ChaCha20Rng) -> FanOut {
    let Party { own, contacts, .. } = from;
    let recipients = own.to(own.person());
    recipients.tell_events(&mut contacts.peers, events, Age::NONE, b"", START, rng).unwrap()
}

/// Brings each message to the device that it is for.
fn bring(parties: &mut [Party], from: usize, sent: &FanOut) -> Vec<(usize, PersonDelivered)> {
    let address = parties[from].address();
    let mut delivered = Vec::new();
    for message in &sent.messages {
        let to = parties.iter().position(|party| party.address() == message.to).unwrap();
        let letter = Letter { from: address.clone(), bytes: message.message.clone() };
        delivered.push((to, parties[to].decrypt(&letter, START).unwrap()));
    }
    delivered
}

fn deliver(
    parties: &mut [Party],
    from: usize,
    events: &[OwnEvent],
    rng: &mut ChaCha20Rng,
) -> Vec<(usize, PersonDelivered)> {
    let sent = tell(&mut parties[from], events, rng);
    assert!(sent.unreached.is_empty(), "{:?}", sent.unreached);
    bring(parties, from, &sent)
}

fn decision(party: &Party, owner: &IdentityKey) -> Option<ContactDecision> {
    party.contacts.person(owner).and_then(Person::decision)
}

#[test]
fn what_happens_to_messages_and_timers_on_one_device_comes_to_the_others() {
    let rng = &mut rng(1);
    let mut parties = household(rng);
    let mut schedulers = [(); 3].map(|()| ExpiryScheduler::new(now(0), rng));
    let alice = parties[0].own.person().member_tag();
    let (chat, bob) = (ConversationId::named(b"bob"), MemberTag([7; 8]));
    let minute = Policy::after_read(Duration::from_secs(60));
    let [endless, read, deleted] = [1, 2, 3].map(MessageId::from);
    for scheduler in &mut schedulers {
        let own_policy = Stamp::NONE.with_policy(minute);
        for id in [read, deleted] {
            let message = NewMessage::new(id, chat, bob);
            let _ = scheduler.received(message, &Ok(own_policy.clone()), Age::NONE, now(0));
        }
    }
    let phone = &mut schedulers[0];
    let effects = phone
        .set(chat, Some(minute), alice, now(10))
        .and(phone.read(endless, now(10)))
        .and(phone.read(read, now(10)))
        .and(phone.deleted(deleted, now(10)));
    let events: Vec<OwnEvent> = effects.tell.iter().copied().map(OwnEvent::from).collect();
    assert_eq!(events.len(), 4);
    let delivered = deliver(&mut parties, 0, &events, rng);
    assert_eq!(delivered.len(), 2);
    for (place, got) in delivered {
        assert!(got.is_control && got.standing == Standing::Listed && got.events.is_empty());
        assert_eq!((got.copy_of, got.told.len()), (None, 4));
        let scheduler = &mut schedulers[place];
        // It was ten seconds under way.
        let effects = got.note_in(scheduler, Age::trusted(Duration::from_secs(10)), now(20));
        let reads: Vec<_> = effects
            .events
            .iter()
            .filter(|event| matches!(event, ExpiryEvent::ReadElsewhere { .. }))
            .collect();
        let is_read = |id| ExpiryEvent::ReadElsewhere { id };
        assert_eq!(reads, [&is_read(endless), &is_read(read)]);
        assert_eq!(scheduler.setting(chat).unwrap().policy, Some(minute));
        assert_eq!(scheduler.visibility(deleted, now(20)), Visibility::Gone);
        assert_eq!(scheduler.remaining(read, now(20)), Some(Duration::from_secs(50)));
        assert_eq!(got.note_in(scheduler, Age::NONE, now(21)).events, []);
    }
}

#[test]
fn what_was_told_late_counts_from_when_it_happened() {
    let rng = &mut rng(2);
    let mut parties = household(rng);
    let mut scheduler = ExpiryScheduler::new(now(0), rng);
    let (id, chat) = (MessageId::from(1), ConversationId::named(b"bob"));
    let stamp = Ok(Stamp::NONE.with_policy(Policy::after_read(Duration::from_secs(3_600))));
    let _ =
        scheduler.received(NewMessage::new(id, chat, MemberTag([7; 8])), &stamp, Age::NONE, now(0));
    // The laptop was offline for ten minutes after it was read there, and the carrier took one more.
    let Party { own, contacts, .. } = &mut parties[1];
    let age = Age::trusted(Duration::from_secs(600));
    let events = [OwnEvent::from(DeviceEvent::Read(id))];
    let recipients = own.to(own.person());
    let sent = recipients.tell_events(&mut contacts.peers, &events, age, b"", START, rng).unwrap();
    let delivered = bring(&mut parties, 1, &sent);
    let (_, got) = delivered.iter().find(|(place, _)| *place == 0).unwrap();
    let _ = got.note_in(&mut scheduler, Age::trusted(Duration::from_secs(60)), now(1_000));
    let remaining = scheduler.remaining(id, now(1_000));
    assert_eq!(remaining, Some(Duration::from_secs(3_600 - 660)));
}

#[test]
fn what_is_decided_of_a_person_on_one_device_holds_on_the_others() {
    let rng = &mut rng(3);
    let mut parties = household(rng);
    let bob = parties[3].identity();
    // Bob writes to all, and is a request on the laptop.
    let list = parties[0].own.person().list().unwrap().clone();
    let alice = parties[0].identity();
    let place = parties[3].place_of(&alice);
    let _ = parties[3].contacts.people[place].adopt(list, START).unwrap();
    for to in 0..3 {
        begin(&mut parties, 3, to, START, rng);
    }
    let sent = parties[3].send(&alice, b"hello", START, rng).unwrap();
    let _ = bring(&mut parties, 3, &sent);
    let bobs = parties[3].address();
    let contact = |party: &Party| *party.contacts.peer(&bobs).unwrap().contact();
    assert_eq!(contact(&parties[1]), Contact::Request(bob));

    let changes = parties[1].accept(&bob, START);
    assert_eq!((changes.people.as_slice(), changes.tell.len()), (&[bob][..], 1));
    let delivered = deliver(&mut parties, 1, &changes.tell, rng);
    for (place, got) in &delivered {
        let contact = Some(ContactDecision::Accepted);
        let event = PersonEvent::DecidedElsewhere { owner: bob, contact, verified: false };
        assert_eq!(got.events, [event]);
        assert_eq!(got.changes.people, [bob]);
        assert!(got.changes.tell.is_empty(), "what was told is not told again");
        assert_eq!(decision(&parties[*place], &bob), contact);
    }
    assert_eq!(contact(&parties[2]), Contact::Accepted(bob));
    // Nobody is asked twice, and what is decided already is not told.
    assert!(!parties[2].accept(&bob, START).any());
    assert!(
        deliver(&mut parties, 1, &changes.tell, rng).iter().all(|(_, got)| got.events.is_empty())
    );

    let changes = parties[0].verify(&bob, true);
    let _ = deliver(&mut parties, 0, &changes.tell, rng);
    assert!(parties[..3].iter().all(|it| it.contacts.person(&bob).unwrap().is_verified()));

    // The tablet blocks him: nothing of his opens anywhere, and nobody writes to him.
    let changes = parties[2].refuse(&bob, START);
    let delivered = deliver(&mut parties, 2, &changes.tell, rng);
    assert!(delivered.iter().all(|(_, got)| got.changes.peers.contains(&bobs)));
    let sent = parties[3].send(&alice, b"hello?", START, rng).unwrap();
    for message in &sent.messages {
        let to = parties.iter().position(|party| party.address() == message.to).unwrap();
        let letter = Letter { from: bobs.clone(), bytes: message.message.clone() };
        let refused = parties[to].decrypt(&letter, START).map(drop);
        assert_eq!(refused, Err(PeerDecryptError::Refused));
    }
    for party in &mut parties[..3] {
        let refused = party.send(&bob, b"hello", START, rng).map(drop);
        assert_eq!(refused, Err(FanOutError::NobodyReached));
    }
}

#[test]
fn who_is_unblocked_on_one_device_is_heard_again_on_the_others() {
    let rng = &mut rng(15);
    let mut parties = household(rng);
    let bob = parties[3].account.device();
    for device in [1, 2] {
        begin(&mut parties, device, 3, START, rng);
    }
    let contact = |party: &Party| *party.contacts.peer(&bob.address).unwrap().contact();
    let tell = parties[0].refuse(&bob.identity, START).tell;
    let _ = deliver(&mut parties, 0, &tell, rng);
    for party in &parties[..3] {
        assert_eq!(contact(party), Contact::Refused(bob.identity));
    }
    let tell = parties[0].accept(&bob.identity, START).tell;
    let delivered = deliver(&mut parties, 0, &tell, rng);
    assert!(delivered.iter().all(|(_, got)| got.changes.peers.contains(&bob.address)));
    for party in &parties[..3] {
        assert_eq!(contact(party), Contact::Accepted(bob.identity));
    }
}

#[test]
fn of_two_decisions_at_once_all_devices_come_to_the_same() {
    let rng = &mut rng(4);
    let mut parties = household(rng);
    let bob = parties[3].identity();
    let accepted = parties[0].accept(&bob, START).tell;
    let refused = parties[1].refuse(&bob, START).tell;
    let _ = deliver(&mut parties, 0, &accepted, rng);
    let _ = deliver(&mut parties, 1, &refused, rng);
    for party in &parties[..3] {
        assert_eq!(decision(party, &bob), Some(ContactDecision::Refused));
    }
    // Who decides knowing that, decides.
    let accepted = parties[2].accept(&bob, START).tell;
    let _ = deliver(&mut parties, 2, &accepted, rng);
    for party in &parties[..3] {
        assert_eq!(decision(party, &bob), Some(ContactDecision::Accepted));
    }
}

#[test]
fn whom_an_own_device_writes_to_is_no_request_on_the_others() {
    let rng = &mut rng(5);
    let mut parties = household(rng);
    let (alice, bob) = (parties[0].identity(), parties[3].identity());
    let sent = parties[0].send(&bob, b"hello", START, rng).unwrap();
    for (place, got) in bring(&mut parties, 0, &sent) {
        if place != 3 {
            assert_eq!(got.copy_of, Some(bob.encode()));
            assert!(got.events.is_empty() && got.changes.people == [bob]);
        }
    }
    let _ = parties[3].accept(&alice, START);
    begin(&mut parties, 3, 1, START, rng);
    let sent = parties[3].send(&alice, b"hello Alice", START, rng).unwrap();
    let delivered = bring(&mut parties, 3, &sent);
    let (_, got) = delivered.iter().find(|(place, _)| *place == 1).unwrap();
    assert_eq!(got.delivered.received.body, b"hello Alice");
    let bobs = parties[3].address();
    assert_eq!(*parties[1].contacts.peer(&bobs).unwrap().contact(), Contact::Accepted(bob));
    // A block that was decided before is not undone by a copy.
    let blocked = parties[1].refuse(&bob, START).tell;
    let sent = parties[0].send(&bob, b"and", START, rng).unwrap();
    let _ = bring(&mut parties, 0, &sent);
    assert_eq!(decision(&parties[1], &bob), Some(ContactDecision::Refused));
    let _ = deliver(&mut parties, 1, &blocked, rng);
    assert_eq!(decision(&parties[0], &bob), Some(ContactDecision::Refused));
}

#[test]
fn what_others_tell_of_own_devices_is_refused_and_changes_nothing() {
    let rng = &mut rng(6);
    let mut parties = household(rng);
    let carol = Party::new("carol/1", rng).identity();
    let version = NonZeroU64::MIN;
    let events = [
        OwnEvent::from(DeviceEvent::Deleted(MessageId::from(1))),
        OwnEvent::Contact { owner: carol, version, decision: ContactDecision::Accepted },
        OwnEvent::Removal,
    ];
    let (alice, bob) = (parties[0].identity(), parties[3].identity());
    let sent = parties[0].send(&bob, b"hello", START, rng).unwrap();
    let _ = bring(&mut parties, 0, &sent);
    let _ = parties[3].accept(&alice, START);
    let letter = told_by_a_stranger(&mut parties[3], alice, &events, rng);
    let got = parties[0].decrypt(&letter, START).unwrap();
    let refused = PersonEvent::Refused { part: 8, reason: PartRefusal::NotOwn };
    assert!(got.events.contains(&refused), "{:?}", got.events);
    assert!(got.told.is_empty() && parties[0].contacts.person(&carol).is_none());

    // Nor are those of a device that was removed heard.
    let tablet = parties[2].address();
    let Party { account, own, .. } = &mut parties[0];
    let _ = own.remove(account, &tablet, START).unwrap();
    let sent = tell(&mut parties[2], &events, rng);
    let message = sent.messages.iter().find(|it| it.to == parties[0].address()).unwrap();
    let letter = Letter { from: tablet, bytes: message.message.clone() };
    let got = parties[0].decrypt(&letter, START).unwrap();
    assert_eq!((got.standing, got.events), (Standing::Removed, vec![refused]));
    assert!(got.told.is_empty() && parties[0].contacts.person(&carol).is_none());
}

/// What a device tells another as if that were its own: it says of itself that it is of her person.
fn told_by_a_stranger(
    from: &mut Party,
    owner: IdentityKey,
    events: &[OwnEvent],
    rng: &mut ChaCha20Rng,
) -> Letter {
    let made_up = OwnDevices::belonging_to(&from.account, owner);
    let recipients = made_up.to(made_up.person());
    let peers = &mut from.contacts.peers;
    let sent = recipients.tell_events(peers, events, Age::NONE, b"", START, rng).unwrap();
    Letter { from: from.address(), bytes: sent.messages[0].message.clone() }
}

#[test]
fn a_new_device_is_introduced_to_contacts_their_lists_and_timers() {
    let rng = &mut rng(7);
    let mut parties = household(rng);
    let mut expiry = ExpiryScheduler::new(now(0), rng);
    let bob = parties[3].identity();
    let chat = ConversationId::named(&bob.encode());
    let alice = parties[0].own.person().member_tag();
    let hour = Some(Policy::after_send(Duration::from_secs(3_600)));
    let _ = expiry.set(chat, hour, alice, now(0));
    // Twelve contacts with lists, one who is blocked, one who is known by a device alone, one who only asked.
    let others: Vec<Party> = (0..15).map(|it| Party::new(format!("c/{it}"), rng)).collect();
    for (number, other) in others.iter().enumerate() {
        let owner = other.identity();
        if number < 12 {
            let entry = ListedDevice::consenting(&other.account, &owner, START);
            let list = DeviceList::sign(&other.account, &[entry], 1, START).unwrap();
            let place = parties[0].place_of(&owner);
            let _ = parties[0].contacts.people[place].adopt(list, START).unwrap();
        }
        let phone = &mut parties[0];
        let _ = match number {
            0..12 => phone.accept(&owner, START),
            12 => phone.refuse(&owner, START),
            13 => {
                phone.contacts.peers.push(Peer::pinned(other.account.device()));
                let _ = phone.verify(&owner, true);
                PeopleChanges::default()
            }
            _ => {
                phone.contacts.people.push(Person::new(owner));
                PeopleChanges::default()
            }
        };
    }
    parties.push(Party::new("alice/4", rng));
    link(&mut parties, 0, 4, START, rng);
    let new = parties[4].address();
    let Party { own, contacts, .. } = &mut parties[0];
    let sent = own.introduce(contacts, &expiry, &new, b"", now(60), rng).unwrap();
    assert!(sent.unreached.is_empty() && sent.changes.tell.is_empty());
    // Bob and the one known by a device are contacts that nobody decided of.
    assert_eq!(sent.changes.people, [bob, others[13].identity()]);
    assert_eq!(sent.messages.len(), 2, "13 lists, seven in each");
    let mut scheduler = ExpiryScheduler::new(now(60), rng);
    for (_, got) in bring(&mut parties, 0, &sent) {
        let _ = got.note_in(&mut scheduler, Age::NONE, now(61));
        for event in got.events {
            match event {
                PersonEvent::Given(list) => {
                    let _ = parties[4].adopt(*list, START).unwrap();
                }
                PersonEvent::Known(device) => {
                    let Party { own, contacts, .. } = &mut parties[4];
                    assert_eq!(contacts.pin(own, device, START).peers.len(), 1);
                }
                PersonEvent::DecidedElsewhere { .. } => {}
                other => panic!("{other:?}"),
            }
        }
    }
    let [old, new] = [&parties[0].contacts, &parties[4].contacts];
    for person in &old.people {
        let there = new.person(person.owner());
        if person.decision().is_none() {
            assert!(there.is_none(), "who only asked will ask there");
            continue;
        }
        let there = there.unwrap();
        assert_eq!(there.list(), person.list());
        assert_eq!(there.decision(), person.decision());
        assert_eq!(there.is_verified(), person.is_verified());
    }
    assert_eq!(scheduler.setting(chat), expiry.setting(chat));
    let pinned = new.peer(&others[13].address()).unwrap();
    assert_eq!(*pinned.contact(), Contact::Accepted(others[13].identity()));
    assert!(new.peer(&others[12].address()).is_none());
    // Another time nothing is news.
    let new = parties[4].address();
    let Party { own, contacts, .. } = &mut parties[0];
    let sent = own.introduce(contacts, &expiry, &new, b"", now(60), rng).unwrap();
    assert!(sent.changes.people.is_empty());
}

#[test]
fn a_linked_device_asks_to_be_removed_and_the_owners_alone_is_told() {
    let rng = &mut rng(8);
    let mut parties = household(rng);
    let Party { own, contacts, .. } = &mut parties[1];
    let sent = own.to(own.person()).ask_removal(&mut contacts.peers, b"", START, rng).unwrap();
    assert_eq!(sent.messages.len(), 1);
    let delivered = bring(&mut parties, 1, &sent);
    let laptop = parties[1].account.device();
    let (place, got) = &delivered[0];
    assert_eq!((*place, &got.events[..]), (0, &[PersonEvent::RemovalAsked { device: laptop }][..]));
    let laptop = parties[1].address();
    let Party { account, own, .. } = &mut parties[0];
    let list = own.remove(account, &laptop, START).unwrap().clone();
    let _ = parties[1].own.adopt(list, START).unwrap();
    let Party { own, contacts, .. } = &mut parties[1];
    let again = own.to(own.person()).ask_removal(&mut contacts.peers, b"", START, rng);
    assert_eq!(again.map(drop), Err(FanOutError::Removed));
    let Party { own, contacts, .. } = &mut parties[0];
    let owner = own.to(own.person()).ask_removal(&mut contacts.peers, b"", START, rng);
    assert_eq!(owner.map(drop), Err(FanOutError::NobodyReached));
}

#[test]
fn of_more_than_a_thousand_events_there_are_several_messages_and_none_is_lost() {
    let rng = &mut rng(9);
    let mut parties = household(rng);
    let events: Vec<OwnEvent> =
        (0..2_001).map(|id| DeviceEvent::Read(MessageId::from(id)).into()).collect();
    let delivered = deliver(&mut parties, 0, &events, rng);
    for device in [1, 2] {
        let got = delivered.iter().filter(|(place, _)| *place == device);
        let told: Vec<usize> = got.map(|(_, got)| got.told.len()).collect();
        assert_eq!(told, [1_000, 1_000, 1]);
    }
    assert!(tell(&mut parties[0], &[], rng).messages.is_empty());
}

#[test]
fn whoever_is_told_in_several_messages_is_named_once_among_what_changed() {
    let rng = &mut rng(10);
    let mut parties = household(rng);
    let read = |id: u64| DeviceEvent::Read(MessageId::from(id)).into();
    let sent = tell(&mut parties[0], &(0..2_001).map(read).collect::<Vec<OwnEvent>>(), rng);
    assert_eq!(sent.messages.len(), 2 * 3);
    assert_eq!(sent.changes.peers, [parties[1].address(), parties[2].address()]);
}

#[test]
fn whom_events_do_not_reach_is_named_and_told_alone_later() {
    let rng = &mut rng(10);
    let mut parties = household(rng);
    let laptop = parties[1].address();
    let contacts = &mut parties[0].contacts;
    let peer = contacts.peers.iter_mut().find(|peer| *peer.address() == laptop).unwrap();
    let _ = peer.drop_sessions();
    let events = [OwnEvent::from(DeviceEvent::Read(MessageId::from(1)))];
    let sent = tell(&mut parties[0], &events, rng);
    let reason = Obstacle::NeedsSession;
    assert_eq!(sent.unreached, [Unreached { to: laptop.clone(), reason }]);
    assert_eq!(sent.messages.len(), 1);
    begin(&mut parties, 0, 1, START, rng);
    let Party { own, contacts, .. } = &mut parties[0];
    let only = [laptop];
    let recipients = own.to(own.person()).only(&only);
    let sent =
        recipients.tell_events(&mut contacts.peers, &events, Age::NONE, b"", START, rng).unwrap();
    let delivered = bring(&mut parties, 0, &sent);
    assert_eq!(delivered.len(), 1);
    assert_eq!((delivered[0].0, delivered[0].1.told.len()), (1, 1));
    // A device without others tells nobody, and that is no error.
    assert_eq!(tell(&mut parties[3], &events, rng).messages, []);
}

#[test]
fn a_stolen_linked_device_cannot_use_up_the_versions_of_decisions() {
    let rng = &mut rng(11);
    let mut parties = household(rng);
    let bob = parties[3].identity();
    let decision = ContactDecision::Refused;
    let version = NonZeroU64::new((1 << 20) + 1).unwrap();
    let far = OwnEvent::Contact { owner: bob, version, decision };
    let unknown = parties[2].identity();
    let others = OwnEvent::Contact { owner: unknown, version: NonZeroU64::MAX, decision };
    let delivered = deliver(&mut parties, 1, &[far, others], rng);
    for (place, got) in &delivered {
        let refused = PersonEvent::Refused { part: 8, reason: PartRefusal::VersionJump };
        assert_eq!(got.events, [refused]);
        assert!(got.changes.people.is_empty());
        assert_eq!(crate::decision(&parties[*place], &bob), None);
        assert!(parties[*place].contacts.person(&unknown).is_none());
    }
}

#[test]
fn what_an_own_device_says_of_our_own_person_or_of_known_addresses_changes_nothing() {
    let rng = &mut rng(12);
    let mut parties = household(rng);
    let (alice, bob) = (parties[0].identity(), parties[3].account.device());
    let stranger = Party::new("stranger/1", rng).identity();
    let device = |identity: IdentityKey, address: &Address| {
        OwnEvent::Device(evanesce::Device { identity, address: address.clone() })
    };
    let elsewhere = Address::new("elsewhere").unwrap();
    let ours = parties[0].address();
    let events = [
        OwnEvent::Contact {
            owner: alice,
            version: NonZeroU64::MIN,
            decision: ContactDecision::Refused,
        },
        // Another identity at an address that is known, a known one elsewhere, this device itself.
        device(stranger, &bob.address),
        device(bob.identity, &elsewhere),
        device(stranger, &ours),
        device(alice, &elsewhere),
    ];
    let before = parties[0].contacts.peers.len();
    let delivered = deliver(&mut parties, 1, &events, rng);
    let (_, got) = delivered.iter().find(|(place, _)| *place == 0).unwrap();
    assert!(got.events.is_empty() && got.changes.people.is_empty());
    assert_eq!(parties[0].contacts.peers.len(), before);
    let pinned = parties[0].contacts.peer(&bob.address).unwrap().contact().identity();
    assert_eq!(pinned, Some(bob.identity));
}

#[test]
fn a_refused_person_stays_so_whatever_devices_they_come_with() {
    let rng = &mut rng(13);
    let mut parties = household(rng);
    let alice = parties[0].identity();
    let bob = parties[3].identity();
    let _ = parties[0].refuse(&bob, START);
    // All of Bob's devices are exchanged, and more than 30 days have gone by.
    parties.push(Party::new("bob/2", rng));
    let later = START.plus(Duration::from_secs(40 * 86_400));
    let Party { account, own, .. } = &mut parties[3];
    let old = own.person().list().unwrap().devices().to_vec();
    let _ = own.sign(account, &old, later).unwrap();
    link_at(&mut parties, 3, 4, later, rng);
    let old = parties[3].address();
    let Party { account, own, .. } = &mut parties[3];
    let list = own.remove(account, &old, later).unwrap().clone();
    let _ = parties[4].own.adopt(list.clone(), later).unwrap();
    let _ = parties[0].adopt(list, later).unwrap();
    let later = later.plus(Duration::from_secs(20 * 86_400));
    begin_at(&mut parties, 4, 0, later, rng);
    let place = parties[4].place_of(&alice);
    let Party { own, contacts, .. } = &mut parties[4];
    let sent = own
        .to(&contacts.people[place])
        .encrypt(&mut contacts.peers, &Payload::new("me again"), b"", later, rng)
        .unwrap();
    let from = parties[4].address();
    let letter = Letter { from, bytes: sent.messages[0].message.clone() };
    let got = parties[0].decrypt(&letter, later).unwrap();
    assert!(got.is_refused, "the first message opens, and says so");
    assert_eq!(parties[0].decrypt(&letter, later).map(drop), Err(PeerDecryptError::Refused));
}

fn link_at(
    parties: &mut [Party],
    owner: usize,
    device: usize,
    at: Timestamp,
    rng: &mut ChaCha20Rng,
) {
    parties[device].republish(at, rng);
    link(parties, owner, device, at, rng);
}

fn begin_at(parties: &mut [Party], from: usize, to: usize, at: Timestamp, rng: &mut ChaCha20Rng) {
    parties[to].republish(at, rng);
    begin(parties, from, to, at, rng);
}

#[test]
fn who_is_accepted_again_is_not_blocked_by_a_device_that_they_no_longer_have() {
    let rng = &mut rng(14);
    let mut parties = household(rng);
    let (alice, bob) = (parties[0].identity(), parties[3].identity());
    parties.push(Party::new("bob/2", rng));
    link(&mut parties, 3, 4, START, rng);
    let both = parties[3].own.person().list().unwrap().clone();
    let _ = parties[0].adopt(both, START).unwrap();
    begin(&mut parties, 0, 4, START, rng);
    let second = parties[4].address();
    let Party { account, own, .. } = &mut parties[3];
    let one = own.remove(account, &second, START).unwrap().clone();
    let _ = parties[0].adopt(one, START).unwrap();
    let _ = parties[0].refuse(&bob, START);
    let _ = parties[0].accept(&bob, START);
    begin(&mut parties, 3, 0, START, rng);
    let sent = parties[3].send(&alice, b"thank you", START, rng).unwrap();
    for (_, got) in bring(&mut parties, 3, &sent) {
        assert!(!got.is_refused);
    }
    let bobs = parties[3].address();
    let contact = *parties[0].contacts.peer(&bobs).unwrap().contact();
    assert_eq!(contact, Contact::Accepted(bob));
    let removed = *parties[0].contacts.peer(&second).unwrap().contact();
    assert_eq!(removed, Contact::Refused(parties[4].identity()));
}
