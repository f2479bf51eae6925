//! How often operations ask for memory, counted by an allocator of the tests' own.

#[path = "support/counted_memory.rs"]
mod counted_memory;
#[path = "support/crowd.rs"]
mod crowd;
#[path = "support/household.rs"]
mod household;
mod support;

use std::num::NonZeroU32;

use counted_memory::{asked, most_held};
use crowd::{Attendee, Crowd};

use evanesce::attachment::AttachmentSealer;
use evanesce::expiry::{Opens, Policy, Setting, SettingVersion, Stamp};
use evanesce::{Payload, Peer, Suite};
use household::Party;
use support::pair::Pair;
use support::phases;
use support::{AD, NOW, Talk, World, in_each_suite, receive, rng, started};

/// A conversation in which Bob remembers as many messages as he ever does, so that room for more is not asked for.
fn acquainted(suite: Suite, seed: u64) -> Talk {
    let mut talk = World::of(suite, seed).start();
    for message in talk.alice_sends_many(100) {
        receive(&mut talk.bob, &message);
    }
    // The first epoch is over, and the next one far.
    while talk.alice.epochs().is_some_and(|epochs| epochs.completed == 0) {
        talk.goes_on();
    }
    talk
}

/// How many encrypting asks for while no epoch is under way: in suite 2 one more, its control.
fn blocks(suite: Suite) -> usize {
    match suite {
        Suite::Classical => 1,
        Suite::Hybrid => 2,
    }
}

/// The longest stamp that there is.
fn stamp(talk: &Talk) -> Stamp {
    let ttl = NonZeroU32::MAX;
    let policy = Policy::AfterRead { ttl };
    let by = talk.bob.peer().identity.member_tag();
    let setting = Setting { version: SettingVersion::MAX, policy: Some(policy), by };
    Stamp::of(Some(setting)).with_policy(Policy::AfterSend { ttl }).with_opens(Opens::Twice)
}

#[test]
fn a_message_of_a_chain_takes_one_block_to_encrypt_and_one_to_decrypt() {
    in_each_suite(|suite| {
        let mut talk = acquainted(suite, 1);
        talk.goes_on();
        for (length, stamp) in [(0, Stamp::NONE), (70, stamp(&talk)), (100_000, stamp(&talk))] {
            let payload = Payload::new(vec![b'x'; length]).with_stamp(stamp);
            let first = talk.alice.encrypt(&payload, AD, &mut rng(1)).unwrap();
            receive(&mut talk.bob, &first);
            let (encrypting, message) = asked(|| talk.alice.encrypt(&payload, AD, &mut rng(1)));
            let message = message.unwrap();
            let (decrypting, received) = asked(|| talk.bob.decrypt(&message, AD, NOW));
            assert_eq!(received.unwrap().body, payload.body);
            assert_eq!((encrypting, decrypting), (blocks(suite), 1), "{suite:?}, {length} bytes");
        }
    });
}

#[test]
fn a_turn_takes_one_block_more_for_the_chain_that_is_sent() {
    in_each_suite(|suite| {
        let mut talk = acquainted(suite, 2);
        for _ in 0..3 {
            talk.goes_on();
            let payload = Payload::new("x");
            let (encrypting, message) = asked(|| talk.alice.encrypt(&payload, AD, &mut rng(3)));
            let message = message.unwrap();
            let (decrypting, _) = asked(|| talk.bob.decrypt(&message, AD, NOW).unwrap());
            assert_eq!((encrypting, decrypting), (blocks(suite) + 1, 1), "{suite:?}");
        }
    });
}

/// Keys are expanded, encapsulated to and kept in fragments.
#[test]
fn an_epoch_takes_twenty_blocks_for_a_message_on_both_sides_at_most() {
    for mut moment in phases::moments(4) {
        let (blocks, _) = asked(|| moment.goes_on());
        assert!(blocks <= 20, "{blocks} in epoch {}, {:?}", moment.epoch, moment.phase);
    }
}

#[test]
fn forged_messages_take_one_block_at_most() {
    in_each_suite(|suite| {
        let mut talk = World::of(suite, 3).start();
        talk.goes_on();
        let message = talk.alice_sends("x");
        for place in 1..message.len() {
            let mut forged = message.clone();
            forged[place] ^= 1;
            let (decrypting, refused) = asked(|| talk.bob.decrypt(&forged, AD, NOW));
            assert!(refused.is_err());
            // What is not of the header is decrypted before its tag is known to be wrong.
            assert_eq!(decrypting, usize::from(place > 56), "{suite:?}, byte {place}");
        }
        receive(&mut talk.bob, &message);
    });
}

/// Whoever has seen a message can put another rest behind its header, again and again.
#[test]
fn what_is_left_of_a_chain_is_worked_out_only_once_the_next_one_has_opened() {
    in_each_suite(|suite| {
        let mut talk = World::of(suite, 3).start();
        talk.goes_on();
        let first = talk.alice_sends("first of its chain");
        receive(&mut talk.bob, &first);
        (0..100).for_each(|_| drop(talk.alice_sends("lost")));
        let answer = talk.bob_sends("y");
        receive(&mut talk.alice, &answer);
        let message = talk.alice_sends("x");
        let mut forged = message.clone();
        *forged.last_mut().unwrap() ^= 1;
        let (decrypting, refused) = asked(|| talk.bob.decrypt(&forged, AD, NOW));
        assert!(refused.is_err());
        assert_eq!((decrypting, talk.bob.held_keys()), (1, 0), "{suite:?}");
        receive(&mut talk.bob, &message);
        assert_eq!(talk.bob.held_keys(), 100);
    });
}

#[test]
fn a_sealer_and_a_reader_of_files_ask_for_memory_once_and_no_more() {
    let file = vec![7; 600_000];
    let mut sealer = AttachmentSealer::generate(&mut rng(4));
    let mut blob = Vec::with_capacity(700_000);
    let (asked_for, ()) = asked(|| {
        for mut piece in file.chunks(1_000) {
            while let Some(sealed) = sealer.push(&mut piece).unwrap() {
                blob.extend_from_slice(sealed);
            }
        }
    });
    assert_eq!(asked_for, 0);
    let mut rest = sealer.finish().unwrap();
    let (asked_for, ()) = asked(|| {
        while let Some(sealed) = rest.next_piece() {
            blob.extend_from_slice(sealed);
        }
    });
    assert_eq!(asked_for, 1, "the top, of one page");

    let mut reader = rest.reference().reader();
    let (asked_for, ()) = asked(|| {
        for mut piece in blob.chunks(1_000) {
            while reader.push(&mut piece).unwrap().is_some() {}
        }
    });
    // The list of ten hashes doubles four times; then there is the top.
    assert_eq!(asked_for, 6);
}

/// Servers and bridges hold thousands of them. In suite 2 an epoch may be under way, whose key or answer is kept too.
#[test]
fn an_idle_peer_with_one_session_takes_little_more_than_a_kilobyte() {
    let mut pair = Pair::talking_of([Suite::Classical; 2], 10);
    for _ in 0..3 {
        let message = pair.alice_sends("to Bob");
        pair.bob.receives(&message);
        let answer = pair.bob_sends("to Alice");
        pair.alice.receives(&answer);
    }
    for side in [&pair.alice, &pair.bob] {
        let stored = side.peer.snapshot();
        let (held, peer) = most_held(|| Peer::restore(&stored).unwrap());
        let held = held + size_of_val(&peer);
        assert!(held <= 1_250, "{held}");
    }
}

#[test]
fn evidence_takes_no_memory_of_its_own_where_nothing_travels_along() {
    let mut world = World::of(Suite::Classical, 5);
    let mut alice = world.initiate();
    let payload = Payload::new("x").with_stamp(stamp(&started(8)));
    let first = alice.encrypt(&payload, AD, &mut rng(9)).unwrap();
    let mut bob = world.accept(&first).session;
    let (encrypting, sent) =
        asked(|| alice.encrypt_with_evidence(&payload, AD, &mut rng(9)).unwrap());
    // Bob remembers what he opened in a list that grows: it has room for this one.
    let (decrypting, received) = asked(|| bob.decrypt(&sent.message, AD, NOW).unwrap());
    assert_eq!(received.evidence, sent.evidence);
    assert!(sent.evidence.is_some());
    assert_eq!((encrypting, decrypting), (1, 1));
}

#[test]
fn a_message_to_a_group_takes_as_many_blocks_for_many_members_as_for_few() {
    for others in [3, 31] {
        let mut crowd = Crowd::new(&vec![1; others + 1], 6);
        let members: Vec<usize> = (1..=others).collect();
        let id = crowd.create(0, &members, b"");
        crowd.settle();
        crowd.say(0, &id, "first");
        crowd.settle();
        for length in [0, 100_000] {
            let payload = Payload::new(vec![b'x'; length]);
            let Crowd { all, rng, now, .. } = &mut crowd;
            let Attendee { party, groups, .. } = &mut all[0];
            let Party { account, own, contacts, .. } = party;
            let mut group = own.in_group(account, groups.group_mut(&id).unwrap());
            let (encrypting, sent) =
                asked(|| group.encrypt(contacts, &payload, AD, *now, rng).unwrap());
            let [broadcast] = sent.broadcasts.as_slice() else { panic!("{sent:?}") };
            assert_eq!(broadcast.to.len(), others);
            let Attendee { party, groups, .. } = &mut all[1];
            let (decrypting, received) = asked(|| {
                groups.decrypt(&mut party.own, &mut party.contacts, &broadcast.message, AD, *now)
            });
            assert_eq!(received.unwrap().received.body.len(), length);
            // Lists of recipients grow by doubling.
            assert!(encrypting <= 17, "{encrypting} for {others}, {length} bytes");
            assert!(decrypting <= 7, "{decrypting} for {others}, {length} bytes");
        }
    }
}
