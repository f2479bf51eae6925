//! What a stolen own device, a blocked contact and a late message try with what own devices tell each other.

#[path = "support/household.rs"]
mod household;

use evanesce::expiry::{Age, DeviceEvent, ExpiryScheduler, MessageId, Now};
use evanesce::person::{
    AdoptError, ContactDecision, DeviceList, FanOut, FanOutError, ListedDevice, Obstacle, OwnEvent,
    PartRefusal, Person, PersonDelivered, PersonEvent, Standing,
};
use evanesce::{Address, Contact, IdentityKey, Payload, Peer, PeerDecryptError, Timestamp};
use household::{Letter, Party, START, begin, link};
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::SeedableRng;
use std::num::NonZeroU64;
use std::time::Duration;

const PHONE: usize = 0;
const LAPTOP: usize = 1;
const TABLET: usize = 2;
const BOB: usize = 3;

fn rng(seed: u64) -> ChaCha20Rng {
    ChaCha20Rng::seed_from_u64(seed)
}

fn now(seconds: u64) -> Now {
    Now::from_wall(Duration::from_secs(START.unix_seconds() + seconds))
}

/// Alice's phone, laptop and tablet with sessions among them, and Bob's phone, without a list, whom none knows.
fn household(rng: &mut ChaCha20Rng) -> Vec<Party> {
    let names = ["alice/1", "alice/2", "alice/3", "bob/1"];
    let mut parties: Vec<Party> = names.iter().map(|name| Party::new(name, rng)).collect();
    link(&mut parties, PHONE, LAPTOP, START, rng);
    link(&mut parties, PHONE, TABLET, START, rng);
    let list = parties[PHONE].own.person().list().unwrap().clone();
    let _ = parties[LAPTOP].own.adopt(list, START).unwrap();
    begin(&mut parties, LAPTOP, TABLET, START, rng);
    begin(&mut parties, TABLET, LAPTOP, START, rng);
    parties
}

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

fn tell_at(from: &mut Party, events: &[OwnEvent], at: Timestamp, rng: &mut ChaCha20Rng) -> FanOut {
    let Party { own, contacts, .. } = from;
    let recipients = own.to(own.person());
    recipients.tell_events(&mut contacts.peers, events, Age::NONE, b"", at, rng).unwrap()
}

fn deliver(
    parties: &mut [Party],
    from: usize,
    events: &[OwnEvent],
    rng: &mut ChaCha20Rng,
) -> Vec<(usize, PersonDelivered)> {
    let sent = tell_at(&mut parties[from], events, START, rng);
    assert!(sent.unreached.is_empty(), "{:?}", sent.unreached);
    bring(parties, from, &sent)
}

fn decision(party: &Party, owner: &IdentityKey) -> Option<ContactDecision> {
    party.contacts.person(owner).and_then(Person::decision)
}

fn contact(party: &Party, of: &Address) -> Contact {
    *party.contacts.peer(of).unwrap().contact()
}

fn decided(owner: IdentityKey, version: u64, decision: ContactDecision) -> OwnEvent {
    OwnEvent::Contact { owner, version: NonZeroU64::new(version).unwrap(), decision }
}

/// Begins a session and writes, with no list.
fn writes(
    parties: &mut [Party],
    from: usize,
    to: usize,
    rng: &mut ChaCha20Rng,
) -> Result<PersonDelivered, PeerDecryptError> {
    begin(parties, from, to, START, rng);
    let address = parties[to].address();
    let peers = &mut parties[from].contacts.peers;
    let peer = peers.iter_mut().find(|peer| *peer.address() == address).unwrap();
    let bytes = peer.encrypt(&Payload::new("it is me"), b"", START, rng).unwrap().message;
    let letter = Letter { from: parties[from].address(), bytes };
    parties[to].decrypt(&letter, START)
}

/// Bob's list with these devices of his.
fn list_of(parties: &[Party], devices: &[usize], lifetime: u64, at: Timestamp) -> DeviceList {
    let bob = parties[BOB].identity();
    let listed = |place: &usize| ListedDevice::consenting(&parties[*place].account, &bob, at);
    let entries: Vec<_> = devices.iter().map(listed).collect();
    let lifetime = Duration::from_secs(lifetime);
    let list = DeviceList::sign_for(&parties[BOB].account, &entries, 1, lifetime, at).unwrap();
    DeviceList::decode(&list.encode()).unwrap()
}

#[test]
fn a_person_without_a_list_who_is_blocked_on_one_device_is_blocked_on_the_others() {
    let rng = &mut rng(1);
    let mut parties = household(rng);
    let bob = parties[BOB].account.device();
    let events = parties[PHONE].refuse(&bob.identity, START).tell;
    let _ = deliver(&mut parties, PHONE, &events, rng);
    let got = writes(&mut parties, BOB, LAPTOP, rng).unwrap();
    assert!(got.is_refused, "the first message opens, and says so");
    assert_eq!(contact(&parties[LAPTOP], &bob.address), Contact::Refused(bob.identity));
    assert_eq!(writes(&mut parties, BOB, LAPTOP, rng).map(drop), Err(PeerDecryptError::Refused));
    // And accepted, where that was decided.
    let events = parties[PHONE].accept(&bob.identity, START).tell;
    let _ = deliver(&mut parties, PHONE, &events, rng);
    assert!(!writes(&mut parties, BOB, TABLET, rng).unwrap().is_refused);
    // On the laptop too, where his device was refused.
    assert!(!writes(&mut parties, BOB, LAPTOP, rng).unwrap().is_refused);
    for device in [LAPTOP, TABLET] {
        assert_eq!(contact(&parties[device], &bob.address), Contact::Accepted(bob.identity));
    }
}

#[test]
fn who_is_blocked_and_moves_stays_blocked() {
    let rng = &mut rng(2);
    let mut parties = household(rng);
    let bob = parties[BOB].identity();
    begin(&mut parties, PHONE, BOB, START, rng);
    let Party { account, own, .. } = &mut parties[BOB];
    let list = own.refresh(account, START).unwrap().unwrap().clone();
    let _ = parties[PHONE].place_of(&bob);
    let _ = parties[PHONE].adopt(list, START).unwrap();
    let _ = parties[PHONE].refuse(&bob, START);
    let elsewhere = Address::new("bob/elsewhere").unwrap();
    let _ = parties[BOB].account.change_address(elsewhere.clone(), START, rng);
    let got = writes(&mut parties, BOB, PHONE, rng).unwrap();
    assert!(got.is_refused);
    assert_eq!(contact(&parties[PHONE], &elsewhere), Contact::Refused(bob));
}

#[test]
fn an_introduction_that_is_late_lifts_no_block() {
    let rng = &mut rng(3);
    let mut parties = household(rng);
    let bob = parties[BOB].account.device();
    let _ = parties[PHONE].accept(&bob.identity, START);
    parties[PHONE].contacts.peers.push(Peer::pinned(bob.clone()));
    let expiry = ExpiryScheduler::new(now(0), rng);
    let tablet = parties[TABLET].address();
    let Party { own, contacts, .. } = &mut parties[PHONE];
    let introduction = own.introduce(contacts, &expiry, &tablet, b"", now(0), rng).unwrap();
    let events = parties[PHONE].refuse(&bob.identity, START).tell;
    let _ = deliver(&mut parties, PHONE, &events, rng);
    let delivered = bring(&mut parties, PHONE, &introduction);
    let (_, got) = &delivered[0];
    assert_eq!(got.events, [], "nothing to pin of who is blocked");
    // Who told of what no longer holds is told what does.
    assert_eq!(got.changes.tell, [decided(bob.identity, 2, ContactDecision::Refused)]);
    let Party { own, contacts, .. } = &mut parties[TABLET];
    assert!(!contacts.pin(own, bob.clone(), START).any());
    assert!(writes(&mut parties, BOB, TABLET, rng).unwrap().is_refused);
}

#[test]
fn versions_are_not_used_up_by_a_chain_of_decisions() {
    let rng = &mut rng(4);
    let mut parties = household(rng);
    let bob = parties[BOB].identity();
    // Each as far above the one before as it may be.
    let chain = (1..=5_000).map(|step| decided(bob, step << 20, ContactDecision::Refused));
    let chain: Vec<_> = chain.collect();
    let delivered = deliver(&mut parties, TABLET, &chain, rng);
    assert!(delivered.iter().all(|(_, got)| {
        got.events.iter().all(|event| matches!(event, PersonEvent::DecidedElsewhere { .. }))
    }));
    let events = parties[PHONE].accept(&bob, START).tell;
    let _ = deliver(&mut parties, PHONE, &events, rng);
    let _ = deliver(&mut parties, TABLET, &chain[4_999..], rng);
    for device in [PHONE, LAPTOP] {
        assert_eq!(decision(&parties[device], &bob), Some(ContactDecision::Accepted));
    }
}

#[test]
fn no_decision_cuts_off_an_own_device() {
    let rng = &mut rng(5);
    let mut parties = household(rng);
    let laptop = parties[LAPTOP].account.device();
    let events = [decided(laptop.identity, 1, ContactDecision::Refused)];
    let _ = deliver(&mut parties, TABLET, &events, rng);
    let held = Contact::Accepted(laptop.identity);
    assert_eq!(contact(&parties[PHONE], &laptop.address), held);
    assert_eq!(decision(&parties[PHONE], &laptop.identity), None);
    // Nor does the user, who blocks somebody that lists it too.
    let carol = Party::new("carol/1", rng);
    let owner = carol.identity();
    let entries = [&carol.account, &parties[LAPTOP].account]
        .map(|account| ListedDevice::consenting(account, &owner, START));
    let list = DeviceList::sign(&carol.account, &entries, 1, START).unwrap();
    let _ = parties[PHONE].place_of(&owner);
    let (events, _) = parties[PHONE].adopt(list, START).unwrap();
    let ours = parties[PHONE].identity();
    let twice = PersonEvent::ListedTwice { device: laptop.clone(), of: ours, also: owner };
    assert!(events.contains(&twice), "{events:?}");
    let _ = parties[PHONE].refuse(&owner, START);
    assert_eq!(contact(&parties[PHONE], &laptop.address), held);
    // Nor once the list of that person has dropped it.
    let carols = [ListedDevice::consenting(&carol.account, &owner, START)];
    let without = DeviceList::sign(&carol.account, &carols, 2, START).unwrap();
    let _ = parties[PHONE].adopt(without, START).unwrap();
    let standing = parties[PHONE].contacts.person(&owner).unwrap().standing(&laptop, START);
    assert_eq!(standing, Standing::Removed);
    let _ = parties[PHONE].refuse(&owner, START);
    assert_eq!(contact(&parties[PHONE], &laptop.address), held);
    let [alice, laptops] = [PHONE, LAPTOP].map(|device| parties[device].identity());
    for own in [alice, laptops] {
        assert!(!parties[PHONE].refuse(&own, START).any());
        assert!(parties[PHONE].contacts.person(&own).is_none());
    }
}

#[test]
fn of_a_device_that_an_own_one_knows_nothing_is_pinned_before_all_peers_are_looked_at() {
    let rng = &mut rng(6);
    let mut parties = household(rng);
    let bob = parties[BOB].account.device();
    let version = NonZeroU64::MIN;
    let accepted = ContactDecision::Accepted;
    let events = [
        OwnEvent::Contact { owner: bob.identity, version, decision: accepted },
        OwnEvent::Device(bob.clone()),
    ];
    for (place, got) in deliver(&mut parties, LAPTOP, &events, rng) {
        assert!(got.events.contains(&PersonEvent::Known(bob.clone())));
        let Party { own, contacts, .. } = &mut parties[place];
        assert!(contacts.peer(&bob.address).is_none(), "it may be stored, and not loaded");
        assert_eq!(contacts.pin(own, bob.clone(), START).peers.len(), 1);
        assert!(!contacts.pin(own, bob.clone(), START).any(), "once");
    }
    // Of nobody whom an own device has not decided to be a contact, nor of another identity than the owner's.
    let stranger = Party::new("x", rng).account.device();
    let unknown = OwnEvent::Device(stranger);
    for (_, got) in deliver(&mut parties, LAPTOP, &[unknown], rng) {
        assert_eq!(got.events, []);
    }
}

#[test]
fn a_device_that_was_refused_by_itself_makes_no_block_of_a_contact_and_stays_refused() {
    let rng = &mut rng(7);
    let mut parties = household(rng);
    parties.push(Party::new("bob/2", rng));
    let bob = parties[BOB].identity();
    let list = list_of(&parties, &[BOB, 4], 86_400, START).verify(START).unwrap();
    for order in [[BOB, 4], [4, BOB]] {
        let phone = parties[PHONE].rows();
        let _ = parties[PHONE].place_of(&bob);
        for device in order {
            let device = parties[device].account.device();
            parties[PHONE].contacts.peers.push(Peer::pinned(device));
        }
        let _ = parties[PHONE].adopt(list.clone(), START).unwrap();
        let second = parties[4].address();
        let peers = &mut parties[PHONE].contacts.peers;
        let _ = peers.iter_mut().find(|peer| *peer.address() == second).unwrap().refuse();
        let expiry = ExpiryScheduler::new(now(0), rng);
        let tablet = parties[TABLET].address();
        let Party { own, contacts, .. } = &mut parties[PHONE];
        let _ = own.introduce(contacts, &expiry, &tablet, b"", now(0), rng).unwrap();
        assert_eq!(decision(&parties[PHONE], &bob), Some(ContactDecision::Accepted));
        // Neither does what another device decides, or writes, lift it.
        let events = [decided(bob, 7, ContactDecision::Accepted)];
        let _ = deliver(&mut parties, LAPTOP, &events, rng);
        let refused = Contact::Refused(parties[4].identity());
        assert_eq!(contact(&parties[PHONE], &second), refused);
        parties[PHONE].put_back(&phone);
        // As the phone's session with the laptop is.
        begin(&mut parties, LAPTOP, PHONE, START, rng);
    }
}

#[test]
fn after_a_restore_own_devices_tell_nothing_before_a_newer_list_has_come() {
    let rng = &mut rng(8);
    let mut parties = household(rng);
    let bob = parties[BOB].identity();
    let mut expiry = ExpiryScheduler::new(now(0), rng);
    let Party { account, own, contacts, .. } = &mut parties[PHONE];
    drop(own.restored_from_backup(account, contacts, &mut expiry, now(0), rng));
    parties[PHONE].republish(START, rng);
    begin(&mut parties, TABLET, PHONE, START, rng);
    let deleted = OwnEvent::from(DeviceEvent::Deleted(MessageId::from(1)));
    let events = [deleted, decided(bob, 1, ContactDecision::Refused)];
    let told = deliver(&mut parties, TABLET, &events, rng);
    let (_, got) = told.iter().find(|(place, _)| *place == PHONE).unwrap();
    assert!(parties[PHONE].own.is_put_back() && got.told.is_empty());
    let refused = PersonEvent::Refused { part: 8, reason: PartRefusal::NotOwn };
    assert!(got.events.contains(&refused), "{:?}", got.events);
    assert_eq!(decision(&parties[PHONE], &bob), None);
    assert!(parties[PHONE].own.confirm_all());
    let told = deliver(&mut parties, TABLET, &events, rng);
    let (_, got) = told.iter().find(|(place, _)| *place == PHONE).unwrap();
    assert_eq!(
        (got.told.len(), decision(&parties[PHONE], &bob)),
        (1, Some(ContactDecision::Refused))
    );
}

#[test]
fn a_device_that_was_put_back_hears_what_was_decided_since() {
    let rng = &mut rng(9);
    let mut parties = household(rng);
    let bob = parties[BOB].identity();
    let events = parties[PHONE].accept(&bob, START).tell;
    let _ = deliver(&mut parties, PHONE, &events, rng);
    let backup = parties[PHONE].contacts.people[0].snapshot();
    for _ in 0..2 {
        let contacts = &mut parties[PHONE];
        let mut events = contacts.contacts.set_back_to_request(&contacts.own, &bob, START).tell;
        events.extend(contacts.refuse(&bob, START).tell);
        let _ = deliver(&mut parties, PHONE, &events, rng);
    }
    parties[PHONE].contacts.people[0] = Person::restore(&backup).unwrap();
    // What is decided there now is older than what the others know, and they say so.
    let phone = &mut parties[PHONE];
    let events = phone.contacts.set_back_to_request(&phone.own, &bob, START).tell;
    let told = deliver(&mut parties, PHONE, &events, rng);
    for (place, got) in told {
        assert_eq!(got.changes.tell, [decided(bob, 5, ContactDecision::Refused)]);
        let _ = deliver(&mut parties, place, &got.changes.tell, rng);
    }
    for device in [PHONE, LAPTOP, TABLET] {
        assert_eq!(decision(&parties[device], &bob), Some(ContactDecision::Refused));
    }
}

#[test]
fn no_expired_list_is_a_persons_first_whoever_gives_it() {
    let rng = &mut rng(10);
    let mut parties = household(rng);
    parties.push(Party::new("bob/stolen", rng));
    let bob = parties[BOB].identity();
    let list = list_of(&parties, &[BOB, 4], 86_400, START);
    let _ = parties[PHONE].accept(&bob, START);
    let later = START.plus(Duration::from_secs(100 * 86_400));
    let adopted = parties[PHONE].adopt(list.verify(later).unwrap(), later);
    assert_eq!(adopted.map(drop), Err(AdoptError::Expired));
    let stolen = parties[4].account.device();
    assert!(parties[PHONE].contacts.person_of(&stolen, later).is_none());
}

#[test]
fn whom_another_device_accepts_is_accepted_with_no_device_of_an_expired_list() {
    let rng = &mut rng(11);
    let mut parties = household(rng);
    parties.push(Party::new("bob/stolen", rng));
    let bob = parties[BOB].identity();
    let before = Timestamp::from_unix_seconds(START.unix_seconds() - 10);
    let list = list_of(&parties, &[BOB, 4], 1, before).verify(START).unwrap();
    let place = parties[LAPTOP].place_of(&bob);
    let _ = parties[LAPTOP].contacts.people[place].adopt(list, START).unwrap();
    let [stolen, phone] = [4, BOB].map(|device: usize| parties[device].account.device());
    for device in [4, BOB] {
        assert_eq!(writes(&mut parties, device, LAPTOP, rng).unwrap().standing, Standing::Stale);
    }
    let events = parties[PHONE].accept(&bob, START).tell;
    let _ = deliver(&mut parties, PHONE, &events, rng);
    let _ = parties[LAPTOP].accept(&bob, START);
    assert_eq!(contact(&parties[LAPTOP], &stolen.address), Contact::Request(stolen.identity));
    assert_eq!(contact(&parties[LAPTOP], &phone.address), Contact::Accepted(phone.identity));
}

#[test]
fn when_the_own_list_has_expired_who_is_told_nothing_is_named_and_decides_nothing() {
    let rng = &mut rng(12);
    let mut parties = household(rng);
    let later = START.plus(Duration::from_secs(31 * 86_400));
    let bob = parties[BOB].identity();
    let events = parties[LAPTOP].refuse(&bob, later).tell;
    let sent = tell_at(&mut parties[LAPTOP], &events, later, rng);
    let unreached = &sent.unreached[0];
    assert_eq!(
        (&unreached.to, unreached.reason),
        (&parties[TABLET].address(), Obstacle::ListExpired)
    );
    assert_eq!(sent.messages.len(), 1);
    assert_eq!(sent.messages[0].to, parties[PHONE].address());
    let letter =
        Letter { from: parties[LAPTOP].address(), bytes: sent.messages[0].message.clone() };
    let got = parties[PHONE].decrypt(&letter, later).unwrap();
    assert_eq!((got.standing, decision(&parties[PHONE], &bob)), (Standing::Stale, None));
    let refused = PersonEvent::Refused { part: 8, reason: PartRefusal::NotOwn };
    assert!(got.events.contains(&refused), "{:?}", got.events);
}

#[test]
fn a_copy_of_a_device_that_may_have_been_removed_makes_nobody_a_contact() {
    let rng = &mut rng(18);
    let mut parties = household(rng);
    let later = START.plus(Duration::from_secs(31 * 86_400));
    parties[BOB].republish(later, rng);
    begin(&mut parties, LAPTOP, BOB, later, rng);
    let bob = parties[BOB].identity();
    let _ = parties[LAPTOP].place_of(&bob);
    let sent = parties[LAPTOP].send(&bob, b"hello", later, rng).unwrap();
    let phone = parties[PHONE].address();
    let copy = sent.messages.iter().find(|message| message.to == phone).unwrap();
    let letter = Letter { from: parties[LAPTOP].address(), bytes: copy.message.clone() };
    let got = parties[PHONE].decrypt(&letter, later).unwrap();
    assert_eq!((got.standing, got.copy_of), (Standing::Stale, Some(bob.encode())));
    assert_eq!(decision(&parties[PHONE], &bob), None);
}

#[test]
fn an_introduction_that_is_refused_has_decided_nothing() {
    let rng = &mut rng(13);
    let mut parties = household(rng);
    begin(&mut parties, LAPTOP, BOB, START, rng);
    let bob = parties[BOB].identity();
    let _ = parties[LAPTOP].place_of(&bob);
    let laptop = parties[LAPTOP].address();
    let expiry = ExpiryScheduler::new(now(0), rng);
    let nobody = Address::new("alice/9").unwrap();
    let rows = parties[LAPTOP].rows();
    let Party { own, contacts, .. } = &mut parties[LAPTOP];
    let introduced = own.introduce(contacts, &expiry, &nobody, b"", now(0), rng);
    assert_eq!(introduced.map(drop), Err(FanOutError::NobodyReached));
    assert!(parties[LAPTOP].rows() == rows);
    let Party { account, own, .. } = &mut parties[PHONE];
    let list = own.remove(account, &laptop, START).unwrap().clone();
    let _ = parties[LAPTOP].own.adopt(list, START).unwrap();
    let tablet = parties[TABLET].address();
    let Party { own, contacts, .. } = &mut parties[LAPTOP];
    let introduced = own.introduce(contacts, &expiry, &tablet, b"", now(0), rng);
    assert_eq!(introduced.map(drop), Err(FanOutError::Removed));
    assert_eq!(decision(&parties[LAPTOP], &bob), None);
}

#[test]
fn a_new_device_takes_all_lists_of_an_introduction_whoever_of_its_own_makes_it() {
    let rng = &mut rng(14);
    let mut parties = household(rng);
    for number in 0..7 {
        let other = Party::new(format!("c/{number}"), rng);
        let owner = other.identity();
        let entry = ListedDevice::consenting(&other.account, &owner, START);
        let list = DeviceList::sign(&other.account, &[entry], 1, START).unwrap();
        let place = parties[LAPTOP].place_of(&owner);
        let _ = parties[LAPTOP].contacts.people[place].adopt(list, START).unwrap();
        let _ = parties[LAPTOP].accept(&owner, START);
    }
    parties.push(Party::new("alice/4", rng));
    link(&mut parties, PHONE, 4, START, rng);
    let list = parties[PHONE].own.person().list().unwrap().clone();
    let _ = parties[LAPTOP].own.adopt(list, START).unwrap();
    begin(&mut parties, LAPTOP, 4, START, rng);
    let expiry = ExpiryScheduler::new(now(0), rng);
    let new = parties[4].address();
    let Party { own, contacts, .. } = &mut parties[LAPTOP];
    let sent = own.introduce(contacts, &expiry, &new, b"", now(0), rng).unwrap();
    let delivered = bring(&mut parties, LAPTOP, &sent);
    let given = |event: &&PersonEvent| matches!(event, PersonEvent::Given(_));
    assert_eq!(delivered[0].1.events.iter().filter(given).count(), 7);
}

#[test]
fn a_wish_to_be_removed_is_told_once_and_where_it_can_be_done() {
    let rng = &mut rng(15);
    let mut parties = household(rng);
    let told = deliver(&mut parties, TABLET, &vec![OwnEvent::Removal; 1_000], rng);
    let device = parties[TABLET].account.device();
    for (place, got) in told {
        let asked = PersonEvent::RemovalAsked { device: device.clone() };
        let expected = if place == PHONE { vec![asked] } else { Vec::new() };
        assert_eq!(got.events, expected);
    }
}

#[test]
fn who_was_refused_then_asked_about_and_accepted_elsewhere_is_heard_again() {
    let rng = &mut rng(17);
    let mut parties = household(rng);
    let bob = parties[BOB].account.device();
    let _ = writes(&mut parties, BOB, LAPTOP, rng).unwrap();
    let phone = &mut parties[PHONE];
    let mut events = phone.refuse(&bob.identity, START).tell;
    events.extend(phone.contacts.set_back_to_request(&phone.own, &bob.identity, START).tell);
    events.extend(phone.accept(&bob.identity, START).tell);
    for event in events {
        let _ = deliver(&mut parties, PHONE, &[event], rng);
    }
    assert_eq!(contact(&parties[LAPTOP], &bob.address), Contact::Accepted(bob.identity));
}

#[test]
fn a_request_is_not_answered_by_another_device_of_theirs() {
    let rng = &mut rng(16);
    let mut parties = household(rng);
    parties.push(Party::new("bob/2", rng));
    let bob = parties[BOB].identity();
    let list = list_of(&parties, &[BOB, 4], 86_400, START).verify(START).unwrap();
    let _ = writes(&mut parties, BOB, PHONE, rng).unwrap();
    let _ = parties[PHONE].place_of(&bob);
    let _ = parties[PHONE].adopt(list, START).unwrap();
    begin(&mut parties, PHONE, 4, START, rng);
    let [first, second] = [BOB, 4].map(|device: usize| parties[device].address());
    let reason = Obstacle::Request;
    let asked = [first, second].map(|to| evanesce::person::Unreached { to, reason });
    let refused = parties[PHONE].send(&bob, b"who are you?", START, rng).map(drop);
    assert_eq!(refused, Err(FanOutError::NobodyReached));
    let Party { own, contacts, .. } = &mut parties[PHONE];
    let person = contacts.person(&bob).unwrap();
    let obstacles = own.to(person).obstacles(&contacts.peers, START).unwrap();
    assert_eq!(obstacles, asked);
    let _ = parties[PHONE].accept(&bob, START);
    let sent = parties[PHONE].send(&bob, b"hello Bob", START, rng).unwrap();
    assert_eq!(sent.messages.iter().filter(|it| it.to.as_bytes().starts_with(b"bob")).count(), 2);
}
