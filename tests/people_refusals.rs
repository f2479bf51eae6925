//! What is refused to people with several devices, one reason after the other, and what is forgotten when: a refusal changes
//! nothing.

#[path = "support/household.rs"]
mod household;

use evanesce::expiry::Age;
use evanesce::person::{
    AdoptError, ContactDecision, LinkCode, LinkError, Obstacle, OwnDevices, OwnEvent, PartRefusal,
    Person, PersonEvent, SignError, Standing, Unreached,
};
use evanesce::{IdentityKey, Payload, PreKeyBundle, Timestamp};
use household::{Letter, Party, START, begin, link};
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::SeedableRng;
use std::num::NonZeroU64;
use std::time::Duration;

const PHONE: usize = 0;
const LAPTOP: usize = 1;
const TABLET: usize = 2;
const BOB: usize = 3;

const SECOND: Duration = Duration::from_secs(1);
const MONTH: Duration = Duration::from_secs(30 * 86_400);

/// Alice's phone and laptop, linked, her tablet, which is not, and Bob's phone, whose list hers holds.
fn household(rng: &mut ChaCha20Rng) -> Vec<Party> {
    let names = ["alice/1", "alice/2", "alice/3", "bob/1"];
    let mut parties: Vec<Party> = names.iter().map(|name| Party::new(name, rng)).collect();
    link(&mut parties, PHONE, LAPTOP, START, rng);
    let Party { account, own, .. } = &mut parties[BOB];
    let list = own.refresh(account, START).unwrap().unwrap().clone();
    let place = parties[PHONE].place_of(list.owner());
    assert!(parties[PHONE].contacts.people[place].adopt(list, START).unwrap().is_some());
    begin(&mut parties, PHONE, BOB, START, rng);
    parties
}

/// Offers to link the device whose code this is, with this bundle; a refusal changes nothing.
fn offer(
    by: &mut Party,
    code: &LinkCode,
    bundle: &[u8],
    rng: &mut ChaCha20Rng,
) -> Result<(), LinkError> {
    let bundle = PreKeyBundle::decode(bundle).unwrap().verify(START).unwrap();
    let (before, draws) = (by.rows(), rng.clone());
    let Party { account, own, contacts, .. } = by;
    let offered = own.offer_link(account, &mut contacts.peers, code, bundle, START, rng);
    let offered = offered.map(|_| ());
    // A session may have drawn before a weak key is seen.
    let is_weak = offered == Err(LinkError::WeakKey);
    assert!(offered.is_ok() || by.rows() == before && (is_weak || *rng == draws));
    offered
}

fn told(from: &Party, to: &mut Party, message: &[u8], now: Timestamp) -> Vec<PersonEvent> {
    let letter = Letter { from: from.address(), bytes: message.to_vec() };
    to.decrypt(&letter, now).unwrap().events
}

#[test]
fn a_linked_device_that_is_not_the_owners_links_nobody() {
    let rng = &mut ChaCha20Rng::seed_from_u64(1);
    let mut parties = household(rng);
    let code = parties[TABLET].own.show_link_code(START, rng);
    let bundle = parties[TABLET].server.hand_out();
    let refused = offer(&mut parties[LAPTOP], &code, &bundle, rng);
    assert_eq!(refused, Err(LinkError::NotTheOwner));
    assert_eq!(offer(&mut parties[PHONE], &code, &bundle, rng), Ok(()));
}

#[test]
fn the_owners_device_does_not_link_itself_nor_another_at_its_address() {
    let rng = &mut ChaCha20Rng::seed_from_u64(2);
    let mut alone = Party::new("alice/1", rng);
    let mut parties = household(rng);
    let (code, bundle) = (alone.own.show_link_code(START, rng), alone.server.hand_out());
    // Before there is a list, and of the same address with another identity.
    assert_eq!(offer(&mut alone, &code, &bundle, rng), Err(LinkError::AlreadyListed));
    assert_eq!(offer(&mut parties[PHONE], &code, &bundle, rng), Err(LinkError::AlreadyListed));
    let phone = &mut parties[PHONE];
    let (code, bundle) = (phone.own.show_link_code(START, rng), phone.server.hand_out());
    assert_eq!(offer(phone, &code, &bundle, rng), Err(LinkError::AlreadyListed));
}

#[test]
fn no_device_is_linked_at_an_address_where_another_identity_is_known() {
    let rng = &mut ChaCha20Rng::seed_from_u64(3);
    let mut parties = household(rng);
    let mut other = Party::new("bob/1", rng);
    let (code, bundle) = (other.own.show_link_code(START, rng), other.server.hand_out());
    assert_eq!(offer(&mut parties[PHONE], &code, &bundle, rng), Err(LinkError::OtherDevice));
    // Nor with the bundle of another device.
    let bundle = parties[BOB].server.hand_out();
    let code = parties[TABLET].own.show_link_code(START, rng);
    assert_eq!(offer(&mut parties[PHONE], &code, &bundle, rng), Err(LinkError::OtherDevice));
}

#[test]
fn no_device_is_linked_with_a_weak_key() {
    let rng = &mut ChaCha20Rng::seed_from_u64(4);
    let mut parties = household(rng);
    let code = parties[TABLET].own.show_link_code(START, rng);
    // In suite 1 the one-time prekey is not signed, and stands at the end.
    let bundle = parties[TABLET].server.hand_out();
    let mut weak = bundle.clone();
    let key = weak.len() - 32;
    weak[key..].fill(0);
    assert_eq!(offer(&mut parties[PHONE], &code, &weak, rng), Err(LinkError::WeakKey));
    assert_eq!(offer(&mut parties[PHONE], &code, &bundle, rng), Ok(()));
}

#[test]
fn nobody_is_linked_while_the_user_has_not_said_whose_the_devices_are() {
    let rng = &mut ChaCha20Rng::seed_from_u64(5);
    let mut parties = household(rng);
    let backup = parties[PHONE].rows();
    link(&mut parties, PHONE, TABLET, START, rng);
    let newer = parties[PHONE].own.person().list().unwrap().clone();
    parties[PHONE].put_back(&backup);
    assert!(parties[PHONE].own.adopt(newer, START).unwrap().is_some());
    let mut watch = Party::new("alice/4", rng);
    let (code, bundle) = (watch.own.show_link_code(START, rng), watch.server.hand_out());
    let unconfirmed = Err(LinkError::Sign(SignError::Unconfirmed));
    assert_eq!(offer(&mut parties[PHONE], &code, &bundle, rng), unconfirmed);
    let tablet = parties[TABLET].account.device();
    assert!(parties[PHONE].own.confirm(&tablet));
    assert_eq!(offer(&mut parties[PHONE], &code, &bundle, rng), Ok(()));
}

#[test]
fn a_full_chain_or_an_undecided_identity_is_named_and_keeps_nobody_from_a_message() {
    let rng = &mut ChaCha20Rng::seed_from_u64(6);
    let mut parties = household(rng);
    let (bob, laptop) = (parties[BOB].identity(), parties[LAPTOP].address());
    let other = parties[TABLET].identity();
    let place = |party: &Party| {
        party.contacts.peers.iter().position(|peer| *peer.address() == laptop).unwrap()
    };
    let phone = &mut parties[PHONE];
    let place = place(phone);
    for reason in [Obstacle::ChainFull, Obstacle::IdentityUndecided] {
        let peer = &mut phone.contacts.peers[place];
        if reason == Obstacle::ChainFull {
            while peer.encrypt(&Payload::new("more"), b"", START, rng).is_ok() {}
        } else {
            assert!(peer.note_identity(other).any());
        }
        let before = peer.snapshot().to_vec();
        let sent = phone.send(&bob, b"hello", START, rng).unwrap();
        assert_eq!(sent.unreached, [Unreached { to: laptop.clone(), reason }]);
        assert_eq!(sent.messages.len(), 1);
        assert!(phone.contacts.peers[place].snapshot().to_vec() == before);
    }
}

#[test]
fn what_is_not_listed_is_not_removed() {
    let rng = &mut ChaCha20Rng::seed_from_u64(7);
    let mut parties = household(rng);
    let tablet = parties[TABLET].address();
    let before = parties[PHONE].rows();
    let Party { account, own, .. } = &mut parties[PHONE];
    let refused = own.remove(account, &tablet, START).map(|_| ());
    assert_eq!(refused, Err(SignError::NotListed));
    assert!(parties[PHONE].rows() == before);
    // Nor where there is no list.
    let Party { account, own, .. } = &mut parties[TABLET];
    assert_eq!(own.remove(account, &tablet, START).map(|_| ()), Err(SignError::NotListed));
}

/// Alice's phone was put back to before it linked her tablet, and tells that what it holds.
#[test]
fn a_device_that_was_just_linked_takes_no_list_from_a_message_that_does_not_name_it() {
    let rng = &mut ChaCha20Rng::seed_from_u64(8);
    let mut parties = household(rng);
    let alice = parties[PHONE].identity();
    let backup = parties[PHONE].rows();
    link(&mut parties, PHONE, TABLET, START, rng);
    parties[TABLET].own = OwnDevices::belonging_to(&parties[TABLET].account, alice);
    parties[PHONE].put_back(&backup);
    begin(&mut parties, TABLET, PHONE, START, rng);
    let sent = parties[TABLET].send(&alice, b"it is me", START, rng).unwrap();
    let [tablet, phone] = [TABLET, PHONE].map(|place: usize| parties[place].address());
    let letter = Letter { from: tablet.clone(), bytes: sent.messages[0].message.clone() };
    let _ = parties[PHONE].decrypt(&letter, START).unwrap();
    let Party { own, contacts, .. } = &mut parties[PHONE];
    let peer = contacts.peers.iter_mut().find(|peer| *peer.address() == tablet);
    let _ = peer.unwrap().accept_request();
    let person = own.person();
    let sent = own.to(person).tell(&mut contacts.peers, &tablet, b"", START, rng).unwrap();
    let before = parties[TABLET].own.snapshot().to_vec();
    let letter = Letter { from: phone, bytes: sent.messages[0].message.clone() };
    let events = parties[TABLET].decrypt(&letter, START).unwrap().events;
    let refused = PersonEvent::Refused { part: 1, reason: PartRefusal::NotNamed };
    assert!(events.contains(&refused), "{events:?}");
    assert!(parties[TABLET].own.snapshot().to_vec() == before);
}

#[test]
fn a_device_that_was_just_linked_takes_no_list_from_a_message_that_has_expired() {
    let rng = &mut ChaCha20Rng::seed_from_u64(9);
    let mut parties = household(rng);
    let alice = parties[PHONE].identity();
    link(&mut parties, PHONE, TABLET, START, rng);
    let list = parties[PHONE].own.person().list().unwrap().clone();
    let (expired, tablet) = (list.expires(), parties[TABLET].address());
    parties[TABLET].own = OwnDevices::belonging_to(&parties[TABLET].account, alice);
    for (now, is_refused) in [(expired, true), (expired.minus(SECOND), false)] {
        let Party { own, contacts, .. } = &mut parties[PHONE];
        let to = own.to(own.person());
        let sent = to.tell(&mut contacts.peers, &tablet, b"", now, rng).unwrap();
        let before = parties[TABLET].own.snapshot().to_vec();
        let [phone, .., tablet, _] = &mut parties[..] else { panic!("four") };
        let events = told(phone, tablet, &sent.messages[0].message, now);
        let refused = PersonEvent::Refused { part: 1, reason: PartRefusal::Expired };
        assert_eq!(events.contains(&refused), is_refused, "{events:?}");
        assert_eq!(tablet.own.snapshot().to_vec() == before, is_refused);
        assert_eq!(tablet.own.is_listed(), !is_refused);
    }
}

#[test]
fn a_list_of_nobody_who_is_known_is_not_adopted() {
    let rng = &mut ChaCha20Rng::seed_from_u64(10);
    let mut parties = household(rng);
    let list = parties[BOB].own.person().list().unwrap().clone();
    let before = parties[LAPTOP].rows();
    assert_eq!(parties[LAPTOP].adopt(list.clone(), START), Err(AdoptError::OtherOwner));
    assert!(parties[LAPTOP].rows() == before);
    let _ = parties[LAPTOP].place_of(list.owner());
    assert!(parties[LAPTOP].adopt(list, START).is_ok());
}

/// Identities that differ in their halves for agreement alone, which are any bytes.
fn identities(like: IdentityKey) -> impl Iterator<Item = IdentityKey> {
    (1_u32..).map(move |number| {
        let mut bytes = like.encode();
        bytes[32..36].copy_from_slice(&number.to_be_bytes());
        IdentityKey::decode(&bytes).unwrap()
    })
}

#[test]
fn own_devices_make_ten_thousand_people_known_and_no_more() {
    let rng = &mut ChaCha20Rng::seed_from_u64(11);
    let mut parties = household(rng);
    let mut unknown = identities(parties[TABLET].identity());
    let known = parties[PHONE].contacts.people.len();
    let people = unknown.by_ref().take(9_999 - known).map(Person::new);
    parties[PHONE].contacts.people.extend(people);
    let bob = parties[BOB].identity();
    let (last, refused) = (unknown.next().unwrap(), unknown.next().unwrap());
    for (owner, is_refused) in [(last, false), (refused, true), (bob, false)] {
        let (version, decision) = (NonZeroU64::MIN, ContactDecision::Refused);
        let event = OwnEvent::Contact { owner, version, decision };
        let Party { own, contacts, .. } = &mut parties[LAPTOP];
        let peers = &mut contacts.peers;
        let to = own.to(own.person());
        let sent = to.tell_events(peers, &[event], Age::NONE, b"", START, rng).unwrap();
        let [phone, laptop, ..] = &mut parties[..] else { panic!("four") };
        let events = told(laptop, phone, &sent.messages[0].message, START);
        let too_many = PersonEvent::Refused { part: 8, reason: PartRefusal::TooManyPeople };
        assert_eq!(events.contains(&too_many), is_refused, "{events:?}");
        let held = phone.contacts.person(&owner).and_then(Person::decision);
        assert_eq!(held, (!is_refused).then_some(decision));
        assert_eq!(phone.contacts.people.len(), 10_000);
    }
}

#[test]
fn who_was_removed_is_forgotten_after_thirty_days_to_the_second() {
    let rng = &mut ChaCha20Rng::seed_from_u64(12);
    let mut parties = household(rng);
    let alice = parties[PHONE].identity();
    let (device, laptop) = (parties[LAPTOP].account.device(), parties[LAPTOP].address());
    let before = parties[PHONE].own.person().list().unwrap().clone();
    let Party { account, own, .. } = &mut parties[PHONE];
    let after = own.remove(account, &laptop, START).unwrap().clone();
    let mut person = Person::new(alice);
    for list in [before, after] {
        assert!(person.adopt(list, START).unwrap().is_some());
    }
    let month = START.plus(MONTH);
    let own = &mut parties[PHONE].own;
    let rows =
        |own: &OwnDevices, person: &Person| (own.snapshot().to_vec(), person.snapshot().to_vec());
    let held = rows(own, &person);
    assert!(!own.maintain(month) && !person.maintain(month));
    assert!(rows(own, &person) == held);
    assert_eq!(own.person().standing(&device, month), Standing::Removed);
    let later = month.plus(SECOND);
    assert!(own.maintain(later) && person.maintain(later));
    assert!(!own.maintain(later) && !person.maintain(later));
    let rest = rows(own, &person);
    assert!(rest.0 != held.0 && rest.1 != held.1);
    // Not by the time alone: it is gone.
    for person in [own.person(), &person] {
        assert_eq!(person.standing(&device, month), Standing::Alone);
    }
}
