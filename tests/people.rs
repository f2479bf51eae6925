//! People with several devices: what is refused, what is bounded, and that all come to agree whatever is lost.

#[path = "support/household.rs"]
mod household;

use evanesce::expiry::{
    Age, ConversationId, ExpiryScheduler, MessageId, NewMessage, Now, Policy, Stamp, Unsent,
    Visibility,
};
use evanesce::person::{
    AdoptError, DeviceList, FanOutError, LinkCode, LinkError, ListedDevice, Obstacle, OwnDevices,
    PartRefusal, Person, PersonEvent, SignError, Standing, Unreached, Whose,
};
use evanesce::report::{Commitment, EntryError, Evidence, Report, ServerKey};
use evanesce::{Address, Contact, Payload, Peer, PeerDecryptError, PreKeyBundle, Suite, Timestamp};
use household::{Letter, Party, START, begin, link};
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::SeedableRng;
use std::slice;
use std::time::Duration;

/// Alice's phone and laptop, linked, and Bob's phone; Alice's phone holds Bob's list, and has sessions with both.
fn three(rng: &mut ChaCha20Rng) -> Vec<Party> {
    three_of_suite(Suite::Classical, rng)
}

fn three_of_suite(suite: Suite, rng: &mut ChaCha20Rng) -> Vec<Party> {
    let names = ["alice/1", "alice/2", "bob/1"];
    let mut parties: Vec<Party> =
        names.iter().map(|name| Party::of_suite(suite, name, rng)).collect();
    link(&mut parties, 0, 1, START, rng);
    let Party { account, own, .. } = &mut parties[2];
    let list = own.refresh(account, START).unwrap().unwrap().clone();
    let place = parties[0].place_of(list.owner());
    assert!(parties[0].contacts.people[place].adopt(list, START).unwrap().is_some());
    begin(&mut parties, 0, 2, START, rng);
    parties
}

fn letter(from: &Party, message: &[u8]) -> Letter {
    Letter { from: from.address(), bytes: message.to_vec() }
}

#[test]
fn a_message_to_a_device_alone_is_the_one_that_its_peer_would_send() {
    let rng = &mut ChaCha20Rng::seed_from_u64(1);
    let mut parties = vec![Party::new("alice/1", rng), Party::new("bob/1", rng)];
    begin(&mut parties, 0, 1, START, rng);
    let bob = parties[1].identity();
    let mut peer = Peer::restore(&parties[0].contacts.peers[0].snapshot()).unwrap();
    for body in [&b"one"[..], b"", &[7; 3_000]] {
        let [mut ours, mut theirs] = [(); 2].map(|()| ChaCha20Rng::seed_from_u64(7));
        let fan_out = parties[0].send(&bob, body, START, &mut ours).unwrap();
        let alone = peer.encrypt(&Payload::new(body), b"", START, &mut theirs).unwrap();
        assert_eq!(fan_out.messages[0].message, alone.message);
        assert!(fan_out.messages.len() == 1 && fan_out.unreached.is_empty());
    }
    // And what is stored of them.
    assert!(parties[0].contacts.peers[0].snapshot() == peer.snapshot());
}

#[test]
fn each_message_of_a_fan_out_is_proven_by_itself_with_the_parts_that_went_along() {
    let (server_key, context) = (ServerKey::new(&[9; 32]), b"from alice/1");
    for suite in [Suite::Classical, Suite::Hybrid] {
        let rng = &mut ChaCha20Rng::seed_from_u64(11);
        let mut parties = three_of_suite(suite, rng);
        let bob = parties[2].identity();
        let list = parties[0].own.person().list().unwrap().encode();
        let sent = parties[0].send(&bob, b"an insult", START, rng).unwrap();
        let from = parties[0].address();
        let mut commitments = Vec::new();
        for message in &sent.messages {
            let place = parties.iter().position(|party| party.address() == message.to).unwrap();
            let letter = Letter { from: from.clone(), bytes: message.message.clone() };
            let received = parties[place].decrypt(&letter, START).unwrap().delivered.received;
            let evidence = received.evidence.unwrap();
            assert_eq!(Some(&evidence), message.evidence.as_ref(), "to {}", message.to);
            assert_eq!(evidence.commitment(), Commitment::of(&message.message).unwrap());
            // The list stands before the stamp, and is proven with it.
            let bytes = evidence.encode();
            assert!(bytes.windows(list.len()).any(|window| window == list), "to {}", message.to);
            let place = bytes.windows(list.len()).position(|window| window == list).unwrap();

            let postmark = server_key.postmark(&evidence.commitment(), context).unwrap();
            let entry = evidence.entry(&received.body, context, &postmark).unwrap();
            let report = Report::decode(&Report::new(entry).encode()).unwrap();
            let proven = report.entries()[0].verify(&server_key).unwrap();
            assert_eq!((proven.suite, proven.body), (suite, &b"an insult"[..]));
            assert_eq!(proven.stamp, received.stamp);
            let mut other = bytes.to_vec();
            other[place] ^= 1;
            let other = Evidence::decode(&other).unwrap();
            let refused = other.entry(&received.body, context, &postmark);
            assert_eq!(refused.map(|_| ()), Err(EntryError::OtherBody));
            commitments.push(evidence.commitment());
        }
        assert!(commitments.len() == 2 && commitments[0] != commitments[1]);
    }
}

#[test]
fn where_both_sides_agree_evidence_has_no_byte_of_parts() {
    let rng = &mut ChaCha20Rng::seed_from_u64(12);
    let mut parties = three(rng);
    let [alice, bob] = [0, 2].map(|place: usize| parties[place].identity());
    let mut lengths = Vec::new();
    for (from, owner) in [(0, bob), (2, alice), (0, bob), (2, alice), (0, bob)] {
        let sent = parties[from].send(&owner, b"text", START, rng).unwrap();
        let address = parties[from].address();
        for message in &sent.messages {
            let to = parties.iter().position(|party| party.address() == message.to).unwrap();
            let letter = Letter { from: address.clone(), bytes: message.message.clone() };
            let received = parties[to].decrypt(&letter, START).unwrap().delivered.received;
            let _ = parties[2].accept(&alice, START);
            lengths.push((from, to, received.evidence.unwrap().encode().len()));
        }
    }
    let last = lengths.iter().rev().find(|(from, to, _)| (*from, *to) == (0, 2)).unwrap();
    assert_eq!(last.2, 104, "{lengths:?}");
    assert!(lengths[0].2 > 104, "{lengths:?}");
}

#[test]
fn whom_a_message_does_not_reach_is_named_and_keeps_nobody_from_it() {
    let rng = &mut ChaCha20Rng::seed_from_u64(2);
    let mut parties = three(rng);
    let bob = parties[2].identity();
    let laptop = parties[1].address();
    let phone = &mut parties[0];
    let peer = phone.contacts.peers.iter().position(|peer| *peer.address() == laptop).unwrap();
    for reason in [Obstacle::NeedsSession, Obstacle::Request] {
        let peer = &mut phone.contacts.peers[peer];
        let _ = match reason {
            Obstacle::NeedsSession => peer.drop_sessions(),
            _ => peer.set_back_to_request(),
        };
        let sent = phone.send(&bob, b"hello", START, rng).unwrap();
        assert_eq!(sent.unreached, [Unreached { to: laptop.clone(), reason }]);
        assert_eq!(sent.messages.len(), 1);
    }
}

#[test]
fn what_is_too_large_for_one_is_sent_to_nobody() {
    let rng = &mut ChaCha20Rng::seed_from_u64(3);
    let mut parties = three(rng);
    let bob = parties[2].identity();
    let before = parties[0].rows();
    let draws = rng.clone();
    let large = vec![0; (1 << 24) - 3];
    assert_eq!(parties[0].send(&bob, &large, START, rng), Err(FanOutError::TooLarge));
    assert!(parties[0].rows() == before && *rng == draws);
    // Alone, without parts, it would have fitted.
    let peers = &mut parties[0].contacts.peers;
    let peer = peers.iter_mut().find(|peer| peer.contact().identity() == Some(bob)).unwrap();
    assert!(peer.encrypt(&Payload::new(large), b"", START, rng).is_ok());
}

#[test]
fn after_an_unknown_own_list_no_copy_goes_to_a_device_that_it_brought() {
    let rng = &mut ChaCha20Rng::seed_from_u64(4);
    let mut parties = three(rng);
    parties.push(Party::new("alice/3", rng));
    let bob = parties[2].identity();
    // Somebody has the owner's key, or the phone was put back.
    let backup = parties[0].rows();
    link(&mut parties, 0, 3, START, rng);
    let list = parties[0].own.person().list().unwrap().clone();
    parties[0].put_back(&backup);
    begin(&mut parties, 0, 3, START, rng);
    let event = parties[0].own.adopt(list, START).unwrap();
    let third = parties[3].account.device();
    let Some(PersonEvent::Adopted { came, unknown_own: true, .. }) = event else {
        panic!("{event:?}")
    };
    assert_eq!(came, slice::from_ref(&third));
    assert_eq!(parties[0].own.unconfirmed(), slice::from_ref(&third));

    let phone = &mut parties[0];
    let reached = |phone: &mut Party, rng: &mut ChaCha20Rng| {
        let sent = phone.send(&bob, b"hello", START, rng).unwrap();
        let unreached = sent.unreached.iter().map(|it| (it.to.clone(), it.reason));
        (sent.messages.len(), unreached.collect::<Vec<_>>())
    };
    let unconfirmed: Vec<_> = vec![(third.address.clone(), Obstacle::Unconfirmed)];
    assert_eq!(reached(phone, rng), (2, unconfirmed));
    // Nor is it signed for by maintenance, nor may it be when another device is linked.
    let later = START.plus(Duration::from_secs(8 * 86_400));
    let Party { account, own, .. } = phone;
    assert_eq!(own.refresh(account, later).map(|list| list.is_some()), Ok(false));
    assert!(own.confirm(&third) && !own.confirm(&third));
    assert_eq!(own.refresh(account, later).map(|list| list.is_some()), Ok(true));
    assert_eq!(reached(phone, rng), (3, Vec::new()));
}

#[test]
fn only_the_owners_device_signs_and_the_last_version_is_the_last() {
    let rng = &mut ChaCha20Rng::seed_from_u64(5);
    let mut parties = three(rng);
    let laptop = parties[1].address();
    let Party { account, own, .. } = &mut parties[1];
    let devices = own.person().list().unwrap().devices().to_vec();
    let refused = own.remove(account, &laptop, START).map(|_| ());
    assert_eq!(refused, Err(SignError::NotTheOwner));
    let Party { account, own, .. } = &mut parties[0];
    let last = DeviceList::sign(account, &devices, u32::MAX, START).unwrap();
    assert!(own.adopt(last, START).unwrap().is_some());
    let refused = own.remove(account, &laptop, START).map(|_| ());
    assert_eq!(refused, Err(SignError::VersionsUsedUp));
    assert_eq!(own.person().list().unwrap().version(), u32::MAX);
}

#[test]
fn a_code_serves_one_offer_and_who_photographed_it_has_other_digits() {
    let rng = &mut ChaCha20Rng::seed_from_u64(6);
    let names = ["alice/1", "alice/2", "thief"];
    let mut parties: Vec<Party> = names.iter().map(|name| Party::new(name, rng)).collect();
    let shown = parties[1].own.show_link_code(START, rng).encode();
    let mut offers = Vec::new();
    for by in [2, 0] {
        let code = LinkCode::decode(&shown).unwrap();
        let bundle = PreKeyBundle::decode(&parties[1].server.hand_out()).unwrap();
        let bundle = bundle.verify(START).unwrap();
        let Party { account, own, contacts, .. } = &mut parties[by];
        let offer = own.offer_link(account, &mut contacts.peers, &code, bundle, START, rng);
        offers.push((offer.unwrap().message.message, own.digits()));
    }
    let [(thiefs, _), (owners, digits)] = &offers[..] else { panic!("two offers") };
    let Party { account, own, contacts, .. } = &mut parties[1];
    let opened = own.open_link_offer(account, &mut contacts.peers, thiefs, START).unwrap();
    assert_ne!(opened.digits, *digits, "the user sees that it is not their phone");
    let second = own.open_link_offer(account, &mut contacts.peers, owners, START);
    assert_eq!(second.unwrap_err(), LinkError::CodeUsed);
    // Not confirmed, nothing was said, and another code begins anew.
    let owner = parties[1].identity();
    assert_eq!(*parties[1].own.person().owner(), owner);
    link(&mut parties, 0, 1, START, rng);
    assert!(parties[1].own.is_listed());
}

#[test]
fn what_one_device_of_a_person_wrote_another_takes_back_on_all_devices() {
    let rng = &mut ChaCha20Rng::seed_from_u64(13);
    let mut parties = three(rng);
    begin(&mut parties, 1, 2, START, rng);
    let (alice, bob) = (parties[0].identity(), parties[2].identity());
    let (conversation, id) = (ConversationId::named(&alice.encode()), MessageId::from(1));
    let now = Now::from_wall(Duration::from_secs(START.unix_seconds()));
    let mut bobs = ExpiryScheduler::new(now, rng);
    // Her phone writes, and her laptop asks for it to be taken back.
    let place = parties[1].place_of(&bob);
    let list = parties[2].own.person().list().unwrap().clone();
    let _ = parties[1].contacts.people[place].adopt(list, START).unwrap();
    let mut authors = Vec::new();
    for from in [0, 1] {
        let sent = parties[from].send(&bob, b"text", START, rng).unwrap();
        let message = sent.messages.iter().find(|it| it.to == parties[2].address()).unwrap();
        let heard = letter(&parties[from], &message.message);
        let told = parties[2].decrypt(&heard, START).unwrap();
        assert_eq!(told.person, Some(alice));
        authors.push(told.author());
        let _ = parties[2].accept(&alice, START);
    }
    assert_eq!(authors, [alice.member_tag(); 2]);
    let new = NewMessage::new(id, conversation, authors[0]);
    let _ = bobs.received(new, &Ok(Stamp::NONE.with_policy(Policy::OnClose)), Age::NONE, now);
    // The laptop by itself would be another author.
    let laptop = parties[1].identity().member_tag();
    assert!(matches!(bobs.unsent(id, laptop, now), Unsent::NotAuthor));
    assert!(matches!(bobs.unsent(id, authors[1], now), Unsent::Due(_)));
    assert_eq!(bobs.visibility(id, now), Visibility::Gone);
}

#[test]
fn a_device_is_told_of_its_own_person_and_of_no_other() {
    let rng = &mut ChaCha20Rng::seed_from_u64(14);
    let mut parties = three(rng);
    parties.push(Party::new("carol/1", rng));
    let (alice, bob) = (parties[0].identity(), parties[2].identity());
    let Party { account, own, .. } = &mut parties[3];
    let _ = own.refresh(account, START).unwrap().unwrap();
    let alices = parties[0].own.person().list().unwrap().clone();
    let place = parties[3].place_of(&alice);
    let _ = parties[3].contacts.people[place].adopt(alices, START).unwrap();
    begin(&mut parties, 3, 0, START, rng);
    let sent = parties[3].send(&alice, b"hello", START, rng).unwrap();
    let hello = letter(&parties[3], &sent.messages[0].message);
    let carol = parties[3].identity();
    assert_eq!(parties[0].decrypt(&hello, START).unwrap().person, Some(carol));
    let _ = parties[0].accept(&carol, START);

    for owner in [carol, bob] {
        let address = parties[3].address();
        let Party { own, contacts, .. } = &mut parties[0];
        let person = contacts.people.iter().find(|person| *person.owner() == owner).unwrap();
        let told = own.to(person).tell(&mut contacts.peers, &address, b"", START, rng).unwrap();
        assert_eq!(told.messages.len(), 1);
        let told = letter(&parties[0], &told.messages[0].message);
        let heard = parties[3].decrypt(&told, START).unwrap();
        assert!(heard.is_control);
        let of_others = heard.events.iter().filter(|event| matches!(event, PersonEvent::Given(_)));
        assert_eq!(of_others.count(), 0, "{:?}", heard.events);
    }
}

#[test]
fn a_removed_device_hears_nothing_more_and_what_it_writes_says_so() {
    let rng = &mut ChaCha20Rng::seed_from_u64(7);
    let mut parties = three(rng);
    let (alice, bob) = (parties[0].identity(), parties[2].identity());
    begin(&mut parties, 1, 0, START, rng);
    let (laptop, device) = (parties[1].address(), parties[1].account.device());
    let Party { account, own, .. } = &mut parties[0];
    let list = own.remove(account, &laptop, START).unwrap().clone();
    let sent = parties[0].send(&bob, b"without it", START, rng).unwrap();
    assert!(sent.messages.iter().all(|message| message.to != laptop));
    // It has not heard, and goes on.
    let sent = parties[1].send(&alice, b"still here", START, rng).unwrap();
    let copy = letter(&parties[1], &sent.messages[0].message);
    let told = parties[0].decrypt(&copy, START).unwrap();
    assert_eq!((told.standing, told.copy_of), (Standing::Removed, None));
    assert_eq!((told.person, told.author()), (Some(alice), device.identity.member_tag()));
    assert_eq!(told.delivered.received.body, b"still here");
    // It has.
    assert!(parties[1].own.adopt(list, START).unwrap().is_some());
    assert_eq!(parties[1].send(&alice, b"?", START, rng), Err(FanOutError::Removed));
    let month = START.plus(Duration::from_secs(30 * 86_400));
    let after = month.plus(Duration::from_secs(1));
    let person = parties[0].own.person();
    assert_eq!(person.standing(&device, month), Standing::Removed);
    assert_eq!(person.standing(&device, after), Standing::Alone);
}

/// What both sides have agreed on is said no more. Whoever goes back to before, unnoticed, and still opens what comes, has
/// forgotten the newer list and that it lacked one.
#[test]
fn who_was_put_back_unnoticed_hears_of_the_newer_list_with_the_next_session() {
    let rng = &mut ChaCha20Rng::seed_from_u64(31);
    let mut parties = three(rng);
    let (alice, bob) = (parties[0].identity(), parties[2].identity());
    let (alices_phone, bobs_phone) = (parties[0].address(), parties[2].address());
    let list = parties[0].own.person().list().unwrap().clone();
    let place = parties[2].place_of(&alice);
    let _ = parties[2].contacts.people[place].adopt(list, START).unwrap();
    let write = |parties: &mut [Party], from: usize, rng: &mut ChaCha20Rng| {
        let (person, to) = if from == 0 { (bob, &bobs_phone) } else { (alice, &alices_phone) };
        let sent = parties[from].send(&person, b"text", START, rng).unwrap();
        let message = sent.messages.iter().find(|message| message.to == *to).unwrap();
        letter(&parties[from], &message.message)
    };
    for from in [0, 2, 0, 2, 0] {
        let message = write(&mut parties, from, rng);
        let _ = parties[2 - from].decrypt(&message, START).unwrap();
        let _ = parties[2].accept(&alice, START);
    }

    let _late = write(&mut parties, 2, rng);
    let backup = parties[2].rows();
    let laptop = parties[1].address();
    let Party { account, own, .. } = &mut parties[0];
    let newer = own.remove(account, &laptop, START).unwrap().clone();
    let adopts = |events: &[PersonEvent]| {
        events.iter().any(|event| matches!(event, PersonEvent::Adopted { .. }))
    };
    let news = write(&mut parties, 0, rng);
    assert!(adopts(&parties[2].decrypt(&news, START).unwrap().events));
    let confirmed = write(&mut parties, 2, rng);
    let _ = parties[0].decrypt(&confirmed, START).unwrap();
    parties[2].put_back(&backup);
    for from in [0, 2, 0] {
        let message = write(&mut parties, from, rng);
        assert_eq!(parties[2 - from].decrypt(&message, START).unwrap().events, []);
    }
    let held = |party: &Party| party.contacts.person(&alice).unwrap().list().unwrap().digest();
    assert_ne!(held(&parties[2]), newer.digest());

    begin(&mut parties, 2, 0, START, rng);
    let first = write(&mut parties, 2, rng);
    let _ = parties[0].decrypt(&first, START).unwrap();
    let answer = write(&mut parties, 0, rng);
    assert!(adopts(&parties[2].decrypt(&answer, START).unwrap().events));
    assert_eq!(held(&parties[2]), newer.digest());
}

/// A device that is known alone is a person of its own, and becomes one of a person's without losing anything.
#[test]
fn a_peer_known_alone_becomes_a_device_of_a_person_and_keeps_its_sessions() {
    let rng = &mut ChaCha20Rng::seed_from_u64(8);
    let mut parties: Vec<Party> =
        ["alice/1", "bob/1", "bob/2"].iter().map(|name| Party::new(name, rng)).collect();
    let bob = parties[1].identity();
    // As before there were lists: peers alone.
    begin(&mut parties, 0, 1, START, rng);
    let sent = parties[0].send(&bob, b"one", START, rng).unwrap();
    let first = letter(&parties[0], &sent.messages[0].message);
    assert_eq!(parties[1].decrypt(&first, START).unwrap().standing, Standing::Alone);
    let _ = parties[1].contacts.peers[0].accept_request();
    let alice = parties[0].identity();
    let sent = parties[1].send(&alice, b"two", START, rng).unwrap();
    let answer = letter(&parties[1], &sent.messages[0].message);
    assert_eq!(parties[0].decrypt(&answer, START).unwrap().standing, Standing::Alone);
    let sessions: Vec<_> = parties[0].contacts.peers[0].sessions().map(|it| it.id()).collect();

    link(&mut parties, 1, 2, START, rng);
    let list = parties[1].own.person().list().unwrap().clone();
    let place = parties[0].place_of(&bob);
    assert!(parties[0].contacts.people[place].adopt(list, START).unwrap().is_some());
    let device = parties[1].account.device();
    let person = &parties[0].contacts.people[place];
    assert_eq!(person.standing(&device, START), Standing::Listed);
    let after: Vec<_> = parties[0].contacts.peers[0].sessions().map(|it| it.id()).collect();
    assert_eq!(after, sessions);
    let sent = parties[0].send(&bob, b"three", START, rng).unwrap();
    assert_eq!(sent.messages.len(), 1);
    assert_eq!(sent.unreached[0].to, parties[2].address());
    let third = letter(&parties[0], &sent.messages[0].message);
    assert_eq!(parties[1].decrypt(&third, START).unwrap().delivered.received.body, b"three");
}

#[test]
fn people_compare_one_number_whatever_devices_they_have() {
    let rng = &mut ChaCha20Rng::seed_from_u64(9);
    let parties = three(rng);
    let (alice, bob) = (parties[0].identity(), parties[2].identity());
    let here = Person::new(bob).number(parties[1].own.person().owner());
    let there = Person::new(alice).number(&bob);
    assert_eq!(here.digits(), there.digits());
    assert_eq!(here.verify_scanned(&there.scannable()), Ok(()));
}

#[test]
fn moments_are_compared_to_the_second() {
    let rng = &mut ChaCha20Rng::seed_from_u64(10);
    let parties = three(rng);
    let list = parties[0].own.person().list().unwrap();
    let second = Duration::from_secs(1);
    let standing = |now: Timestamp| parties[0].own.person().standing(parties[0].own.device(), now);
    assert_eq!(standing(list.expires().minus(second)), Standing::Listed);
    assert_eq!(standing(list.expires()), Standing::Stale);
    let decoded = || DeviceList::decode(&list.encode()).unwrap();
    let day = Duration::from_secs(86_400);
    assert!(decoded().verify(list.created().minus(day)).is_ok());
    assert!(decoded().verify(list.created().minus(day).minus(second)).is_err());
}

#[test]
fn what_the_user_decides_of_a_person_holds_for_devices_that_come_later() {
    let rng = &mut ChaCha20Rng::seed_from_u64(11);
    let mut parties: Vec<Party> =
        ["alice/1", "bob/1", "bob/2"].iter().map(|name| Party::new(name, rng)).collect();
    link(&mut parties, 1, 2, START, rng);
    let (alice, bob) = (parties[0].identity(), parties[1].identity());
    let list = parties[1].own.person().list().unwrap().clone();
    let place = parties[0].place_of(&bob);
    assert!(parties[0].contacts.people[place].adopt(list, START).unwrap().is_some());
    let write = |parties: &mut [Party], from: usize, rng: &mut ChaCha20Rng| {
        let sent = parties[from].send(&alice, b"hello", START, rng).unwrap();
        let message = letter(&parties[from], &sent.messages[0].message);
        parties[0].decrypt(&message, START).map(|told| told.standing)
    };
    begin(&mut parties, 1, 0, START, rng);
    assert_eq!(write(&mut parties, 1, rng), Ok(Standing::Listed));
    let phone = parties[1].address();
    let contact =
        |parties: &[Party], address| *parties[0].contacts.peer(address).unwrap().contact();
    assert_eq!(contact(&parties, &phone), Contact::Request(bob));
    assert_eq!(parties[0].accept(&bob, START).peers, slice::from_ref(&phone));

    begin(&mut parties, 2, 0, START, rng);
    assert_eq!(write(&mut parties, 2, rng), Ok(Standing::Listed));
    let laptop = parties[2].address();
    assert_eq!(contact(&parties, &laptop), Contact::Accepted(parties[2].identity()));
    assert_eq!(parties[0].refuse(&bob, START).peers, [phone, laptop]);
    for from in [1, 2] {
        assert_eq!(write(&mut parties, from, rng), Err(PeerDecryptError::Refused));
    }
}

#[test]
fn a_device_in_the_lists_of_two_people_is_told_of_and_is_of_the_first() {
    let rng = &mut ChaCha20Rng::seed_from_u64(12);
    let mut parties: Vec<Party> = ["alice/1", "bob/1", "carol/1", "shared"]
        .iter()
        .map(|name| Party::new(name, rng))
        .collect();
    for owner in [1, 2] {
        let identity = parties[owner].identity();
        let devices = [owner, 3]
            .map(|device| ListedDevice::consenting(&parties[device].account, &identity, START));
        let Party { account, own, .. } = &mut parties[owner];
        own.sign(account, &devices, START).unwrap();
    }
    let (alice, bob, carol) = (parties[0].identity(), parties[1].identity(), parties[2].identity());
    let list = parties[1].own.person().list().unwrap().clone();
    let place = parties[0].place_of(&bob);
    assert!(parties[0].contacts.people[place].adopt(list, START).unwrap().is_some());
    let Party { account, own, .. } = &mut parties[0];
    let list = own.refresh(account, START).unwrap().unwrap().clone();
    let place = parties[2].place_of(&alice);
    assert!(parties[2].contacts.people[place].adopt(list, START).unwrap().is_some());
    begin(&mut parties, 2, 0, START, rng);
    let sent = parties[2].send(&alice, b"hello", START, rng).unwrap();
    let message = letter(&parties[2], &sent.messages[0].message);
    let told = parties[0].decrypt(&message, START).unwrap();
    let device = parties[3].account.device();
    let twice = PersonEvent::ListedTwice { device: device.clone(), of: bob, also: carol };
    assert!(told.events.contains(&twice), "{:?}", told.events);
    let (first, standing) = parties[0].contacts.person_of(&device, START).unwrap();
    assert_eq!((*first.owner(), standing), (bob, Standing::Listed));
}

#[test]
fn one_call_puts_an_account_right_that_was_restored() {
    let rng = &mut ChaCha20Rng::seed_from_u64(13);
    let mut parties = three(rng);
    let now = |time: Timestamp| Now::from_wall(Duration::from_secs(time.unix_seconds()));
    let mut expiry = ExpiryScheduler::new(now(START), rng);
    let Party { account, own, contacts, .. } = &mut parties[0];
    let restored = own.restored_from_backup(account, contacts, &mut expiry, now(START), rng);
    assert!(restored.maintained.upload.is_some() && restored.changes.account);
    assert!(restored.changes.own && restored.changes.peers.len() == contacts.peers.len());
    assert!(contacts.peers.iter().all(|peer| peer.sessions().next().is_none()));
    // Its list may be an older one: nothing is signed until somebody knows better.
    let later = START.plus(Duration::from_secs(8 * 86_400));
    assert_eq!(own.refresh(account, later).map(|list| list.is_some()), Ok(false));
    assert!(own.confirm_all() && !own.confirm_all());
    assert_eq!(own.refresh(account, later).map(|list| list.is_some()), Ok(true));
}

fn expiry(rng: &mut ChaCha20Rng) -> (ExpiryScheduler, Now) {
    let now = Now::from_wall(Duration::from_secs(START.unix_seconds()));
    (ExpiryScheduler::new(now, rng), now)
}

/// Alice's phone, put back to where it had her laptop, which was stolen and removed since; and the list without it.
fn put_back_to_a_list_with_a_stolen_device(
    rng: &mut ChaCha20Rng,
) -> (Vec<Party>, evanesce::person::VerifiedList) {
    let mut parties = three(rng);
    parties.push(Party::new("alice/3", rng));
    let (backup, laptop) = (parties[0].rows(), parties[1].address());
    let Party { account, own, .. } = &mut parties[0];
    let without = own.remove(account, &laptop, START).unwrap().clone();
    parties[0].put_back(&backup);
    let (mut expiry, now) = expiry(rng);
    let Party { account, own, contacts, .. } = &mut parties[0];
    let _ = own.restored_from_backup(account, contacts, &mut expiry, now, rng);
    (parties, without)
}

/// Tries to link the device at the third place from the first.
fn offer(parties: &mut [Party], rng: &mut ChaCha20Rng) -> Result<(), LinkError> {
    let code = parties[3].own.show_link_code(START, rng);
    let bundle = PreKeyBundle::decode(&parties[3].server.hand_out()).unwrap();
    let bundle = bundle.verify(START).unwrap();
    let Party { account, own, contacts, .. } = &mut parties[0];
    own.offer_link(account, &mut contacts.peers, &code, bundle, START, rng).map(|_| ())
}

#[test]
fn after_a_restore_no_call_signs_a_removed_device_back_in() {
    let rng = &mut ChaCha20Rng::seed_from_u64(21);
    let (mut parties, without) = put_back_to_a_list_with_a_stolen_device(rng);
    assert_eq!(offer(&mut parties, rng), Err(LinkError::Sign(SignError::PutBack)));
    let stolen = parties[1].account.device();
    let Party { account, own, .. } = &mut parties[0];
    let before = own.snapshot();
    let devices = own.person().list().unwrap().devices().to_vec();
    let put_back = Err(SignError::PutBack);
    assert_eq!(own.sign(account, &devices, START).map(|_| ()), put_back);
    let phone = account.device().address;
    assert_eq!(own.remove(account, &phone, START).map(|_| ()), put_back);
    assert!(own.snapshot() == before);
    // The newer list has come: all go on from that.
    assert!(own.adopt(without, START).unwrap().is_some());
    assert_eq!(offer(&mut parties, rng), Ok(()));
    assert!(!parties[0].own.person().list().unwrap().lists(&stolen));
}

#[test]
fn nothing_is_signed_on_one_of_two_lists_of_a_version_before_the_user_has_looked() {
    let rng = &mut ChaCha20Rng::seed_from_u64(22);
    let (mut parties, without) = put_back_to_a_list_with_a_stolen_device(rng);
    let stolen = parties[1].account.device();
    // What happens if the user says too soon that all are theirs.
    let Party { account, own, .. } = &mut parties[0];
    assert!(own.confirm_all());
    let devices = own.person().list().unwrap().devices().to_vec();
    own.sign(account, &devices, START).unwrap();
    let told = own.adopt(without.clone(), START).unwrap();
    assert!(matches!(told, Some(PersonEvent::Equivocation { .. })), "{told:?}");
    assert_eq!(own.unconfirmed(), slice::from_ref(&stolen));
    assert_eq!(own.sign(account, &devices, START).map(|_| ()), Err(SignError::Marked));
    assert_eq!(own.remove(account, &stolen.address, START).map(|_| ()), Err(SignError::Marked));
    assert_eq!(offer(&mut parties, rng), Err(LinkError::Sign(SignError::Marked)));
    let Party { account, own, .. } = &mut parties[0];
    let later = START.plus(Duration::from_secs(8 * 86_400));
    assert!(own.confirm(&stolen), "it was asked");
    assert_eq!(own.refresh(account, later).map(|list| list.is_some()), Ok(false));
    assert!(own.confirm_all() && !own.person().is_marked());
    let next = own.remove(account, &stolen.address, START).unwrap();
    assert!(next.version() > without.version() && !next.lists(&stolen));
}

#[test]
fn a_list_that_came_between_offer_and_answer_is_not_signed_on() {
    let rng = &mut ChaCha20Rng::seed_from_u64(23);
    let mut parties = three(rng);
    parties.extend(["alice/3", "thief"].map(|name| Party::new(name, rng)));
    let code = parties[3].own.show_link_code(START, rng);
    let bundle = PreKeyBundle::decode(&parties[3].server.hand_out()).unwrap();
    let bundle = bundle.verify(START).unwrap();
    let Party { account, own, contacts, .. } = &mut parties[0];
    let offer = own.offer_link(account, &mut contacts.peers, &code, bundle, START, rng).unwrap();
    let Party { account, own, contacts, .. } = &mut parties[3];
    let offer = &offer.message.message;
    let _ = own.open_link_offer(account, &mut contacts.peers, offer, START).unwrap();
    let answer = own.answer_link_offer(account, &mut contacts.peers, START, rng).unwrap();
    let alice = parties[0].identity();
    let thief = ListedDevice::consenting(&parties[4].account, &alice, START);
    let Party { account, own, contacts, .. } = &mut parties[0];
    let mut devices = own.person().list().unwrap().devices().to_vec();
    devices.push(thief);
    let version = own.person().list().unwrap().version() + 1;
    let theirs = DeviceList::sign(account, &devices, version, START).unwrap();
    assert!(own.adopt(theirs, START).unwrap().is_some());
    let before = own.snapshot();
    let answer = &answer.message.message;
    let finished = own.finish_link(account, &mut contacts.peers, answer, START);
    let finished = finished.map(|_| ());
    assert_eq!(finished, Err(LinkError::Sign(SignError::Unconfirmed)));
    assert!(own.snapshot() == before);
    // The user has answered: the same answer still serves.
    let thief = parties[4].address();
    let Party { account, own, contacts, .. } = &mut parties[0];
    own.remove(account, &thief, START).unwrap();
    assert!(own.finish_link(account, &mut contacts.peers, answer, START).is_ok());
}

#[test]
fn a_device_that_nobody_has_confirmed_does_not_write_as_the_user() {
    let rng = &mut ChaCha20Rng::seed_from_u64(24);
    let mut parties = three(rng);
    parties.push(Party::new("alice/3", rng));
    let (alice, bob) = (parties[0].identity(), parties[2].identity());
    let backup = parties[0].rows();
    link(&mut parties, 0, 3, START, rng);
    let list = parties[0].own.person().list().unwrap().clone();
    parties[0].put_back(&backup);
    assert!(parties[0].own.adopt(list, START).unwrap().is_some());
    begin(&mut parties, 3, 2, START, rng);
    begin(&mut parties, 3, 0, START, rng);
    let third = parties[3].account.device();
    for is_confirmed in [false, true] {
        assert!(!is_confirmed || parties[0].own.confirm(&third));
        let sent = parties[3].send(&bob, b"as if she had written", START, rng).unwrap();
        let copy = sent.messages.iter().find(|it| it.to == parties[0].address()).unwrap();
        let copy = letter(&parties[3], &copy.message);
        let told = parties[0].decrypt(&copy, START).unwrap();
        assert_eq!((told.standing, told.is_unconfirmed), (Standing::Listed, !is_confirmed));
        assert_eq!(told.copy_of, is_confirmed.then(|| bob.encode()));
        let author = if is_confirmed { alice } else { third.identity };
        assert_eq!(told.author(), author.member_tag());
        let refused = PersonEvent::Refused { part: 4, reason: PartRefusal::NotOwn };
        assert_eq!(told.events.contains(&refused), !is_confirmed);
    }
}

/// What a removed device does that has an older list, at somebody who holds none: Alice, who knows Bob's phone as release
/// 0.1 did, and Bob's laptop, which he removed; a month has passed.
#[test]
fn no_removed_device_joins_a_person_by_a_list_that_has_expired() {
    let rng = &mut ChaCha20Rng::seed_from_u64(31);
    let names = ["alice/1", "bob/1", "bob/2"];
    let mut parties: Vec<Party> = names.iter().map(|name| Party::new(name, rng)).collect();
    link(&mut parties, 1, 2, START, rng);
    let (alice, bob) = (parties[0].identity(), parties[1].identity());
    begin(&mut parties, 0, 1, START, rng);
    begin(&mut parties, 2, 0, START, rng);
    let Party { account, own, .. } = &mut parties[0];
    let alices = own.refresh(account, START).unwrap().unwrap().clone();
    let place = parties[2].place_of(&alice);
    let _ = parties[2].contacts.people[place].adopt(alices, START).unwrap();
    let expired = parties[2].own.person().list().unwrap().expires();
    let before = expired.minus(Duration::from_secs(1));
    let laptop = parties[2].account.device();
    for (now, joins) in [(expired, false), (before, true)] {
        let sent = parties[2].send(&alice, b"still Bob", now, rng).unwrap();
        let message = letter(&parties[2], &sent.messages[0].message);
        let told = parties[0].decrypt(&message, now).unwrap();
        let refused = PersonEvent::Refused { part: 1, reason: PartRefusal::Expired };
        assert_eq!(told.events.contains(&refused), !joins, "{:?}", told.events);
        let standing = if joins { Standing::Listed } else { Standing::Alone };
        assert_eq!((told.standing, told.person), (standing, joins.then_some(bob)));
        let peer = parties[0].contacts.peer(&laptop.address).unwrap();
        assert_eq!(matches!(peer.contact(), Contact::Accepted(_)), joins);
        assert_eq!(parties[0].contacts.person(&bob).is_some(), joins);
    }
}

#[test]
fn by_a_list_that_has_expired_no_further_device_is_accepted() {
    let rng = &mut ChaCha20Rng::seed_from_u64(32);
    let names = ["alice/1", "bob/1", "bob/2"];
    let mut parties: Vec<Party> = names.iter().map(|name| Party::new(name, rng)).collect();
    link(&mut parties, 1, 2, START, rng);
    let (alice, bob) = (parties[0].identity(), parties[1].identity());
    let list = parties[1].own.person().list().unwrap().clone();
    let expired = list.expires();
    let place = parties[0].place_of(&bob);
    let _ = parties[0].contacts.people[place].adopt(list, START).unwrap();
    begin(&mut parties, 0, 1, START, rng);
    begin(&mut parties, 2, 0, START, rng);
    let laptop = parties[2].address();
    for (now, is_accepted) in [(expired, false), (START, true)] {
        let sent = parties[2].send(&alice, b"hello", now, rng).unwrap();
        let message = letter(&parties[2], &sent.messages[0].message);
        let _ = parties[0].decrypt(&message, now).unwrap();
        let peer = parties[0].contacts.peer(&laptop).unwrap();
        assert_eq!(matches!(peer.contact(), Contact::Accepted(_)), is_accepted);
    }
}

#[test]
fn a_device_that_was_just_linked_takes_no_list_that_does_not_name_it() {
    let rng = &mut ChaCha20Rng::seed_from_u64(33);
    let mut parties = three(rng);
    parties.push(Party::new("alice/3", rng));
    let older = parties[0].own.person().list().unwrap().clone();
    let alice = parties[0].identity();
    link(&mut parties, 0, 3, START, rng);
    let list = parties[0].own.person().list().unwrap().clone();
    // As it is between its answer and the owner's list.
    parties[3].own = OwnDevices::belonging_to(&parties[3].account, alice);
    let own = &mut parties[3].own;
    let before = own.snapshot();
    assert_eq!(own.adopt(older, START), Err(AdoptError::NotNamed));
    assert!(own.snapshot() == before && !own.is_removed());
    assert!(own.adopt(list, START).unwrap().is_some() && own.is_listed());
}

#[test]
fn after_a_restore_own_devices_get_no_copies_before_the_list_is_known_to_be_theirs() {
    let rng = &mut ChaCha20Rng::seed_from_u64(41);
    let mut parties = three(rng);
    let bob = parties[2].identity();
    let laptop = parties[1].address();
    let (mut expiry, now) = expiry(rng);
    let Party { account, own, contacts, .. } = &mut parties[0];
    let _ = own.restored_from_backup(account, contacts, &mut expiry, now, rng);
    begin(&mut parties, 0, 1, START, rng);
    begin(&mut parties, 0, 2, START, rng);
    for is_put_back in [true, false] {
        assert_eq!(parties[0].own.is_put_back(), is_put_back);
        let sent = parties[0].send(&bob, b"hello", START, rng).unwrap();
        let copied = sent.messages.iter().any(|message| message.to == laptop);
        let unreached = Unreached { to: laptop.clone(), reason: Obstacle::PutBack };
        assert_eq!(copied, !is_put_back);
        assert_eq!(sent.unreached.contains(&unreached), is_put_back);
        assert_eq!(parties[0].own.confirm_all(), is_put_back);
    }
}

#[test]
fn an_owners_device_that_moves_is_listed_at_its_new_address() {
    let rng = &mut ChaCha20Rng::seed_from_u64(42);
    let mut parties = three(rng);
    let bob = parties[2].identity();
    let Party { account, own, .. } = &mut parties[0];
    assert!(!own.address_changed(account));
    let address = Address::new("alice/moved").unwrap();
    let _ = account.change_address(address.clone(), START, rng);
    assert!(own.address_changed(account) && !own.address_changed(account));
    assert!(own.is_removed() && own.device().address == address);
    let list = own.refresh(account, START).unwrap().unwrap().clone();
    assert!(own.is_listed() && own.refresh(account, START).unwrap().is_none());
    let addresses: Vec<_> = list.devices().iter().map(|it| &it.device.address).collect();
    assert_eq!(addresses, [&parties[1].address(), &address]);
    assert!(parties[0].send(&bob, b"from there", START, rng).is_ok());
}

#[test]
fn a_stranger_cannot_alarm_with_a_made_up_list() {
    let rng = &mut ChaCha20Rng::seed_from_u64(51);
    let mut parties: Vec<Party> =
        ["alice/1", "mallory"].iter().map(|name| Party::new(name, rng)).collect();
    let alice = parties[0].identity();
    let Party { account, own, .. } = &mut parties[0];
    let devices = [ListedDevice::consenting(account, &alice, START)];
    own.sign(account, &devices, START).unwrap();
    // What Mallory says that she holds, of the same version. No stranger needs the owner's key to say it.
    let later = START.plus(Duration::from_secs(1));
    let other = DeviceList::sign(account, &devices, 1, later).unwrap();
    let Party { account, own, .. } = &mut parties[1];
    let _ = own.refresh(account, START).unwrap().unwrap();
    let place = parties[1].place_of(&alice);
    let _ = parties[1].contacts.people[place].adopt(other, later).unwrap();
    begin(&mut parties, 1, 0, later, rng);
    for is_accepted in [false, true] {
        let sent = parties[1].send(&alice, b"hello", later, rng).unwrap();
        let message = letter(&parties[1], &sent.messages[0].message);
        let told = parties[0].decrypt(&message, later).unwrap();
        let differ = PersonEvent::ListsDiffer { of: Whose::Ours, version: 1 };
        assert_eq!(told.events.contains(&differ), is_accepted, "{:?}", told.events);
        let mallory = parties[1].identity();
        let _ = parties[0].accept(&mallory, later);
    }
}

#[test]
fn linking_is_called_off_and_expires_and_leaves_no_secret() {
    let rng = &mut ChaCha20Rng::seed_from_u64(52);
    let names = ["alice/1", "alice/2"];
    let mut parties: Vec<Party> = names.iter().map(|name| Party::new(name, rng)).collect();
    let clean = [0, 1].map(|place: usize| parties[place].own.snapshot());
    let hour = START.plus(Duration::from_secs(3_600));
    let before = hour.minus(Duration::from_secs(1));
    for is_cancelled in [true, false] {
        let code = parties[1].own.show_link_code(START, rng);
        let bundle = PreKeyBundle::decode(&parties[1].server.hand_out()).unwrap();
        let bundle = bundle.verify(START).unwrap();
        let Party { account, own, contacts, .. } = &mut parties[0];
        let peers = &mut contacts.peers;
        let offer = own.offer_link(account, peers, &code, bundle, START, rng).unwrap();
        let offer = offer.message.message;
        let Party { account, own, contacts, .. } = &mut parties[1];
        let peers = &mut contacts.peers;
        let long_before = START.minus(Duration::from_secs(86_401));
        let set_back = own.open_link_offer(account, peers, &offer, long_before);
        assert_eq!(set_back.map(|_| ()), Err(LinkError::CodeExpired));
        let opened = own.open_link_offer(account, peers, &offer, START).unwrap();
        assert_eq!(opened.is_new, is_cancelled, "the second time it is known");
        if is_cancelled {
            assert!(own.cancel_link() && !own.cancel_link());
            let refused = own.answer_link_offer(account, peers, START, rng).map(|_| ());
            assert_eq!(refused, Err(LinkError::NotLinking));
            assert!(parties[0].own.cancel_link() && !parties[0].own.cancel_link());
        } else {
            let answer = own.answer_link_offer(account, peers, START, rng).unwrap();
            let Party { account, own, contacts, .. } = &mut parties[0];
            let peers = &mut contacts.peers;
            let late = own.finish_link(account, peers, &answer.message.message, hour);
            assert_eq!(late.map(|_| ()), Err(LinkError::CodeExpired));
            assert!(!own.maintain(before) && own.maintain(hour) && !own.maintain(hour));
        }
        assert!(parties[0].own.snapshot() == clean[0]);
        assert!(!is_cancelled || parties[1].own.snapshot() == clean[1]);
    }
}

#[test]
fn who_was_refused_does_not_come_back_by_changing_devices() {
    let rng = &mut ChaCha20Rng::seed_from_u64(61);
    let names = ["alice/1", "bob/1", "bob/2", "bob/3"];
    let mut parties: Vec<Party> = names.iter().map(|name| Party::new(name, rng)).collect();
    link(&mut parties, 1, 2, START, rng);
    let (alice, bob) = (parties[0].identity(), parties[1].identity());
    let adopts = |parties: &mut [Party]| {
        let list = parties[1].own.person().list().unwrap().clone();
        let place = parties[0].place_of(&bob);
        let _ = parties[0].contacts.people[place].adopt(list, START).unwrap();
    };
    adopts(&mut parties);
    for from in [1, 2] {
        begin(&mut parties, from, 0, START, rng);
        let sent = parties[from].send(&alice, b"hello", START, rng).unwrap();
        let message = letter(&parties[from], &sent.messages[0].message);
        let _ = parties[0].decrypt(&message, START).unwrap();
    }
    let _ = parties[0].accept(&bob, START);
    // He removes one device before he is refused, and the other one after it, when a third has come.
    let laptop = parties[2].address();
    let Party { account, own, .. } = &mut parties[1];
    own.remove(account, &laptop, START).unwrap();
    adopts(&mut parties);
    let refused = parties[0].refuse(&bob, START).peers;
    assert_eq!(refused, [parties[1].address(), laptop]);
    link(&mut parties, 1, 3, START, rng);
    let phone = parties[1].address();
    let Party { account, own, .. } = &mut parties[1];
    let list = own.remove(account, &phone, START).unwrap().clone();
    adopts(&mut parties);
    let _ = parties[3].own.adopt(list, START).unwrap();
    begin(&mut parties, 3, 0, START, rng);
    let mut heard = Vec::new();
    for _ in 0..2 {
        let sent = parties[3].send(&alice, b"it is me", START, rng).unwrap();
        let message = letter(&parties[3], &sent.messages[0].message);
        heard.push(parties[0].decrypt(&message, START).map(|told| told.person));
    }
    assert_eq!(heard, [Ok(Some(bob)), Err(PeerDecryptError::Refused)]);
}

#[test]
fn a_device_that_has_signed_a_list_of_itself_can_still_be_linked() {
    let rng = &mut ChaCha20Rng::seed_from_u64(62);
    let names = ["alice/1", "alice/2", "alice/3"];
    let mut parties: Vec<Party> = names.iter().map(|name| Party::new(name, rng)).collect();
    let Party { account, own, .. } = &mut parties[1];
    assert!(own.refresh(account, START).unwrap().is_some());
    link(&mut parties, 0, 1, START, rng);
    assert!(parties[1].own.is_listed() && !parties[1].own.is_owner());
    assert_eq!(parties[1].own.person().owner(), parties[0].own.person().owner());
}

/// It may have written to the owner's device just before, in a session that both would have gone on in.
#[test]
fn a_device_that_has_begun_a_session_itself_answers_in_that_of_the_offer() {
    for seed in 0..8 {
        let rng = &mut ChaCha20Rng::seed_from_u64(seed);
        let names = ["alice/1", "alice/2"];
        let mut parties: Vec<Party> = names.iter().map(|name| Party::new(name, rng)).collect();
        let alice = parties[0].identity();
        begin(&mut parties, 1, 0, START, rng);
        let _lost = parties[1].send(&alice, b"hello", START, rng).unwrap();
        link(&mut parties, 0, 1, START, rng);
        assert!(parties[1].own.is_listed());
    }
}
