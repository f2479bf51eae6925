//! What two devices that behave see of each other, from the first message on.

mod support;

use std::collections::BTreeSet;
use std::num::NonZeroU32;

use evanesce::expiry::{Opens, Policy, Setting, SettingVersion, Stamp, StampedSetting};
use evanesce::limits::SessionLimits;
use evanesce::server::Envelope;
use evanesce::session::{
    AcceptError, DecryptError, DhPublicKey, EncryptError, ExternalHandshake, InitiateError,
    RatchetKeyPair, Role, Session, SharedSecret,
};
use evanesce::{Address, Payload, PreKeyBundle, Suite};
use support::layout::{ORDINARY_OVERHEAD, initial_overheads, initial_prefix};
use support::{
    AD, Draws, NOW, NoDraws, Talk, World, accept_refusal, accept_refusal_of, in_each_suite,
    other_suite, publishing, receive, refusal, refusal_of, restored, rng, send, sending_refusal,
    started_in, state, stored_form,
};

/// The longest padded plaintext.
const MAX_PADDED: usize = 16 * 1024 * 1024;

/// A stamp that says nothing, and the end mark.
const STAMP_AND_END: usize = 3;

/// The messages of one chain.
const MAX_CHAIN: usize = 10_000;

fn is_initial(message: &[u8]) -> bool {
    matches!(Envelope::decode(message).unwrap(), Envelope::Initial(_))
}

#[test]
fn both_sides_agree_on_the_session_and_on_who_they_are() {
    in_each_suite(|suite| {
        let mut world = World::of(suite, 1);
        let alice = world.initiate();
        let mut talk = world.start();
        assert_ne!(alice.id(), talk.alice.id());
        assert_eq!(talk.alice.id(), talk.bob.id());
        assert_eq!((talk.alice.role(), talk.bob.role()), (Role::Initiator, Role::Responder));
        assert_eq!(talk.alice.peer(), &world.bob.device());
        assert_eq!(talk.bob.peer(), &world.alice.device());
        talk.goes_on();
        assert_eq!(talk.alice.id(), talk.bob.id());
    });
}

#[test]
fn a_conversation_goes_back_and_forth_for_many_turns() {
    in_each_suite(|suite| {
        let mut talk = started_in(suite, 2);
        for turn in 0..200 {
            let (sender, receiver) = if turn % 2 == 0 {
                (&mut talk.alice, &mut talk.bob)
            } else {
                (&mut talk.bob, &mut talk.alice)
            };
            for number in 0..=turn % 3 {
                let body = format!("message {number} of turn {turn}");
                let message = send(sender, body.as_str(), &mut talk.rng);
                let received = receive(receiver, &message);
                assert_eq!(received.body, body.as_bytes());
                assert_eq!(received.stamp, Ok(Stamp::NONE));
                assert_eq!((received.dropped_keys, received.peer_went_back), (0, false));
                assert_eq!(receiver.held_keys(), 0);
                assert_eq!(refusal(receiver, &message), DecryptError::Duplicate);
            }
        }
    });
}

#[test]
fn messages_that_cross_both_open() {
    in_each_suite(|suite| {
        let mut talk = started_in(suite, 3);
        for _ in 0..20 {
            let from_alice = talk.alice_sends("from Alice");
            let from_bob = talk.bob_sends("from Bob");
            assert_eq!(receive(&mut talk.alice, &from_bob).body, b"from Bob");
            assert_eq!(receive(&mut talk.bob, &from_alice).body, b"from Alice");
        }
    });
}

/// Whether the two have eight bytes in a row in common, anywhere.
fn share_a_part(one: &[u8], other: &[u8]) -> bool {
    let parts: BTreeSet<&[u8]> = one.windows(8).collect();
    other.windows(8).any(|part| parts.contains(part))
}

#[test]
fn the_carrier_of_a_first_message_does_not_see_who_wrote_it() {
    in_each_suite(|suite| {
        let mut world = World::of(suite, 40);
        let mut alice = world.initiate();
        let first = send(&mut alice, "first", &mut world.rng);
        let device = world.alice.device();
        assert!(!share_a_part(&first, &device.identity.encode()));
        assert!(!share_a_part(&first, device.address.as_bytes()));

        // Nor how long the address is.
        world.alice = support::account_of(suite, "x", evanesce::limits::Limits::default(), 41);
        let mut stranger = world.initiate();
        assert_eq!(send(&mut stranger, "first", &mut world.rng).len(), first.len());
    });
}

#[test]
fn the_carrier_of_a_message_does_not_see_which_one_it_is() {
    in_each_suite(|suite| {
        let mut talk = started_in(suite, 42);
        let mut messages = talk.alice_sends_many(8);
        talk.goes_on();
        messages.extend(talk.alice_sends_many(8));
        // In suite 2 a size shows whether an epoch's key travels, and how fast: at first seven fragments at a time.
        let sizes: &[usize] = match suite {
            Suite::Classical => &[64],
            Suite::Hybrid => &[64, 256],
        };
        for (index, message) in messages.iter().enumerate() {
            assert_eq!(message[0], messages[0][0]);
            assert!(sizes.contains(&(message.len() - ORDINARY_OVERHEAD)), "message {index}");
            for former in &messages[..index] {
                assert!(!share_a_part(&message[1..], &former[1..]));
            }
        }
    });
}

#[test]
fn initial_messages_repeat_the_handshake_until_the_first_reply_is_opened() {
    in_each_suite(|suite| {
        let mut world = World::of(suite, 4);
        let mut alice = world.initiate();
        let messages: Vec<_> =
            ["1", "2", "3"].map(|body| send(&mut alice, body, &mut world.rng)).into();
        for message in &messages {
            assert!(is_initial(message));
            let prefix = initial_prefix(message);
            assert_eq!(message[..prefix], messages[0][..prefix]);
        }
        assert!(!alice.is_answered());

        let accepted = world.accept(&messages[2]);
        assert_eq!(accepted.received.body, b"3");
        let mut bob = accepted.session;
        assert!(bob.is_answered());
        assert_eq!(receive(&mut bob, &messages[0]).body, b"1");
        assert_eq!(receive(&mut bob, &messages[1]).body, b"2");
        let reply = send(&mut bob, "reply", &mut world.rng);
        assert!(!is_initial(&reply));

        let before_the_reply = send(&mut alice, "4", &mut world.rng);
        assert!(is_initial(&before_the_reply));
        receive(&mut alice, &reply);
        assert!(alice.is_answered());
        let after_the_reply = send(&mut alice, "5", &mut world.rng);
        assert!(!is_initial(&after_the_reply));
        assert_eq!(receive(&mut bob, &after_the_reply).body, b"5");
        assert_eq!(receive(&mut bob, &before_the_reply).body, b"4");
    });
}

/// What becomes of initial messages that come after the one that made the session.
fn repeated_initial_messages(mut world: World, when_offered_again: AcceptError) {
    let mut alice = world.initiate();
    let first = send(&mut alice, "first", &mut world.rng);
    let second = send(&mut alice, "second", &mut world.rng);
    let mut bob = world.accept(&first).session;
    for message in [&first, &second] {
        assert_eq!(accept_refusal(&mut world.bob, message), when_offered_again);
    }
    assert_eq!(refusal(&mut bob, &first), DecryptError::Duplicate);
    assert_eq!(receive(&mut bob, &second).body, b"second");
    assert_eq!(refusal(&mut bob, &second), DecryptError::Duplicate);

    let reply = send(&mut bob, "reply", &mut world.rng);
    receive(&mut alice, &reply);
    let answered = send(&mut alice, "answered", &mut world.rng);
    receive(&mut bob, &answered);
    // The first chain is complete, so nothing is left of it to know the message by.
    assert_eq!(refusal(&mut bob, &first), DecryptError::Undecryptable);
}

#[test]
fn a_repeated_initial_message_with_a_one_time_prekey_is_its_sessions_alone() {
    in_each_suite(|suite| {
        repeated_initial_messages(World::of(suite, 5), AcceptError::UnknownPreKey);
    });
}

#[test]
fn a_repeated_initial_message_without_one_time_prekey_is_its_sessions_alone() {
    in_each_suite(|suite| {
        repeated_initial_messages(
            World::of_limited(suite, publishing(0), 5),
            AcceptError::Replayed,
        );
    });
}

#[test]
fn what_a_message_is_bound_to_must_be_named() {
    in_each_suite(|suite| {
        let mut world = World::of(suite, 6);
        let mut alice = world.initiate();
        let first = send(&mut alice, "first", &mut world.rng);
        let others: [&[u8]; 3] = [b"", b"associated dat", b"associated data "];
        for ad in others {
            assert_eq!(
                accept_refusal_of(&mut world.bob, &first, ad, NOW),
                AcceptError::Undecryptable
            );
        }
        let mut bob = world.accept(&first).session;
        let second = send(&mut alice, "second", &mut world.rng);
        let unbound = alice.encrypt(&Payload::new("unbound"), b"", &mut NoDraws).unwrap();
        for ad in others {
            assert_eq!(refusal_of(&mut bob, &second, ad, NOW), DecryptError::Undecryptable);
        }
        assert_eq!(refusal(&mut bob, &unbound), DecryptError::Undecryptable);
        assert_eq!(receive(&mut bob, &second).body, b"second");
        assert_eq!(bob.decrypt(&unbound, b"", NOW).unwrap().body, b"unbound");
    });
}

#[test]
fn a_body_may_be_empty() {
    in_each_suite(|suite| {
        let mut talk = started_in(suite, 7);
        let message = talk.alice_sends("");
        // In suite 2 it is Alice's turn to send a key.
        let padded = match suite {
            Suite::Classical => 64,
            Suite::Hybrid => 256,
        };
        assert_eq!(message.len(), ORDINARY_OVERHEAD + padded);
        assert_eq!(receive(&mut talk.bob, &message).body, b"");
    });
}

/// The longest body: in suite 2 a control stands before the stamp, and is never longer than its one byte where more would
/// be too much.
fn longest_body(suite: Suite) -> usize {
    match suite {
        Suite::Classical => MAX_PADDED - STAMP_AND_END,
        Suite::Hybrid => MAX_PADDED - STAMP_AND_END - 1,
    }
}

#[test]
fn sixteen_mebibytes_can_be_sent_and_not_a_byte_more() {
    in_each_suite(|suite| {
        let mut talk = started_in(suite, 8);
        let most = vec![0x80; longest_body(suite)];
        let more = Payload::new([most.as_slice(), &[0x80]].concat());
        // A sending step is due here, so that a draw would be seen.
        assert_eq!(sending_refusal(&mut talk.alice, &more), EncryptError::TooLarge);
        let message = send(&mut talk.alice, most.as_slice(), &mut talk.rng);
        assert_eq!(message.len(), ORDINARY_OVERHEAD + MAX_PADDED);
        assert_eq!(sending_refusal(&mut talk.alice, &more), EncryptError::TooLarge);

        let longer = [message.as_slice(), &[0]].concat();
        assert_eq!(refusal(&mut talk.bob, &longer), DecryptError::Malformed);
        assert!(receive(&mut talk.bob, &message).body == most);
    });
}

#[test]
fn stamps_come_through() {
    in_each_suite(|suite| {
        let mut talk = started_in(suite, 9);
        let ttl = NonZeroU32::new(3_600).unwrap();
        let setting = |version, policy, change| {
            let by = talk.bob.peer().identity.member_tag();
            let setting = Setting { version: SettingVersion::new(version).unwrap(), policy, by };
            Some(StampedSetting { setting, change })
        };
        let stamps = [
            Stamp::NONE,
            Stamp { opens: Opens::Once, ..Stamp::NONE },
            Stamp { own_policy: Some(Policy::AfterRead { ttl }), ..Stamp::NONE },
            Stamp { setting: setting(1, None, true), ..Stamp::NONE },
            Stamp {
                setting: setting(u64::MAX >> 1, Some(Policy::AfterSend { ttl }), false),
                own_policy: Some(Policy::OnClose),
                opens: Opens::Twice,
            },
        ];
        for stamp in stamps {
            let payload = Payload::new("body").with_stamp(stamp.clone());
            let message = talk.alice.encrypt(&payload, AD, &mut talk.rng).unwrap();
            let received = receive(&mut talk.bob, &message);
            assert_eq!(received.stamp, Ok(stamp));
            assert_eq!(received.body, b"body");
        }
    });
}

/// Bodies, and how long a message is without its overhead. Each pair of bodies is the end of one size class and the
/// beginning of the next.
type Sizes = [(usize, usize); 9];

/// Behind nothing but the stamp.
const CLASSICAL: Sizes = [
    (0, 64),
    (61, 64),
    (62, 128),
    (957, 960),
    (1_021, 1_024),
    (1_022, 1_088),
    (10_000, 10_240),
    (100_000, 100_352),
    (1_000_000, 1_015_808),
];

/// Behind a control of one byte that says nothing.
const NOTHING_TRAVELS: Sizes = [
    (0, 64),
    (60, 64),
    (61, 128),
    (956, 960),
    (1_020, 1_024),
    (1_021, 1_088),
    (10_000, 10_240),
    (100_000, 100_352),
    (1_000_000, 1_015_808),
];

/// Behind seven fragments of 32 bytes, or as many more as fit.
const SEVEN_FRAGMENTS: Sizes = [
    (0, 256),
    (22, 256),
    (23, 320),
    (790, 1_024),
    (791, 1_088),
    (10_006, 10_240),
    (10_007, 10_752),
    (100_000, 100_352),
    (1_000_000, 1_015_808),
];

/// Behind one fragment, where the peer is silent.
const ONE_FRAGMENT: Sizes = [
    (0, 64),
    (22, 64),
    (23, 128),
    (982, 1_024),
    (983, 1_088),
    (10_198, 10_240),
    (10_199, 10_752),
    (100_000, 100_352),
    (1_000_000, 1_015_808),
];

/// Each time with the same session, since what travels with a message hangs on what did before.
fn check_sizes(session: &Session, overhead: usize, sizes: Sizes) {
    for (body, padded) in sizes {
        let message = send(&mut restored(session), vec![1; body], &mut rng(1));
        assert_eq!(message.len(), overhead + padded, "a body of {body}");
    }
}

#[test]
fn a_message_is_as_long_as_its_size_class_and_the_overhead() {
    for (suite, sizes) in [(Suite::Classical, CLASSICAL), (Suite::Hybrid, NOTHING_TRAVELS)] {
        let [with, without] = initial_overheads(suite);
        check_sizes(&World::of(suite, 10).initiate(), with, sizes);
        let mut world = World::of_limited(suite, publishing(0), 10);
        check_sizes(&world.initiate(), without, sizes);
        check_sizes(&started_in(suite, 10).bob, ORDINARY_OVERHEAD, sizes);
    }
    check_sizes(&started_in(Suite::Classical, 10).alice, ORDINARY_OVERHEAD, CLASSICAL);
    assert_eq!(initial_overheads(Suite::Classical), [292, 288]);
    assert_eq!(initial_overheads(Suite::Hybrid), [1_860, 1_856]);
}

#[test]
fn in_suite_2_a_message_has_room_for_fragments_and_for_fewer_while_the_peer_is_silent() {
    let mut talk = started_in(Suite::Hybrid, 10);
    let Talk { alice, bob, rng } = &mut talk;
    // The initiator makes the first key, in 37 fragments, and goes on at that rate for 41: six messages.
    for _ in 0..6 {
        check_sizes(alice, ORDINARY_OVERHEAD, SEVEN_FRAGMENTS);
        let message = send(alice, "text", rng);
        receive(bob, &message);
    }
    check_sizes(alice, ORDINARY_OVERHEAD, ONE_FRAGMENT);
    // The whole key has come, and is answered in 35: for 39 at that rate.
    for _ in 0..6 {
        check_sizes(bob, ORDINARY_OVERHEAD, SEVEN_FRAGMENTS);
        send(bob, "lost", rng);
    }
    check_sizes(bob, ORDINARY_OVERHEAD, ONE_FRAGMENT);
    // A new chain of the peer's shows that somebody is there.
    let heard = send(bob, "heard", rng);
    receive(alice, &heard);
    let answer = send(alice, "answer", rng);
    receive(bob, &answer);
    check_sizes(bob, ORDINARY_OVERHEAD, SEVEN_FRAGMENTS);
    // One fragment of the answer was heard: so there is no more of the key to send.
    check_sizes(alice, ORDINARY_OVERHEAD, NOTHING_TRAVELS);
}

#[test]
fn only_sending_steps_draw_one_draw_each_and_in_suite_2_two_more_for_an_epoch() {
    in_each_suite(|suite| {
        let Talk { mut alice, mut bob, .. } = started_in(suite, 11);
        let mut draws = Draws::new(11);
        let payload = Payload::new("body");
        let (mut steps, mut more) = (0, 0);
        let (mut from, mut to) = (&mut alice, &mut bob);
        for _ in 0..140 {
            let before = draws.made.len();
            let first = from.encrypt(&payload, AD, &mut draws).unwrap();
            let drawn = draws.made.len() - before;
            assert!(drawn == 1 || drawn == 2 && suite == Suite::Hybrid, "{drawn} draws");
            (steps, more) = (steps + 1, more + drawn - 1);
            let again = from.encrypt(&payload, AD, &mut NoDraws).unwrap();
            receive(to, &first);
            receive(to, &again);
            std::mem::swap(&mut from, &mut to);
        }
        let epochs = [&alice, &bob].map(|session| session.epochs().map(|it| it.completed));
        match (suite, epochs) {
            (Suite::Classical, epochs) => assert_eq!((epochs, more), ([None; 2], 0)),
            // A seed and an encapsulation; the last epoch may be under way.
            (Suite::Hybrid, epochs) => {
                let [Some(completed), Some(_)] = epochs else { panic!("{epochs:?}") };
                let completed = usize::try_from(completed).unwrap();
                assert!(completed >= 3 && (0..=2).contains(&(more - 2 * completed)), "{more}");
            }
        }
        assert_eq!(draws.made.len(), steps + more);
    });
}

#[test]
fn a_session_is_initiated_with_a_draw_for_each_key_and_accepted_with_none() {
    in_each_suite(|suite| {
        let mut world = World::of(suite, 12);
        let bundle = world.server.hand_out();
        let bundle = PreKeyBundle::decode(&bundle).unwrap().verify(NOW).unwrap();
        let mut draws = Draws::new(12);
        let before = state(&world.alice);
        let mut alice = world.alice.initiate(&bundle, &mut draws).unwrap();
        // The ephemeral key, and what the encapsulation is made of.
        let initiating = match suite {
            Suite::Classical => 1,
            Suite::Hybrid => 2,
        };
        assert_eq!(draws.made.len(), initiating);
        assert!(state(&world.alice) == before, "initiating changes nothing of the account");
        let first = alice.encrypt(&Payload::new("first"), AD, &mut draws).unwrap();
        assert_eq!(draws.made.len(), initiating + 1);
        let mut bob = world.accept(&first).session;
        bob.encrypt(&Payload::new("reply"), AD, &mut draws).unwrap();
        assert_eq!(draws.made.len(), initiating + 2);
    });
}

#[test]
fn a_stored_conversation_goes_on_where_it_was() {
    in_each_suite(|suite| {
        let mut talk = started_in(suite, 13);
        let (late, next) = (talk.alice_sends("late"), talk.alice_sends("next"));
        talk.bob = restored(&talk.bob);
        receive(&mut talk.bob, &next);
        talk.bob = restored(&talk.bob);
        assert_eq!(receive(&mut talk.bob, &late).body, b"late");
        talk.alice = restored(&talk.alice);
        talk.goes_on();
    });
}

/// Two devices with a secret from a handshake of their own.
struct External {
    suite: Suite,
    world: World,
    secret: [u8; 32],
    ratchet_key: RatchetKeyPair,
}

impl External {
    fn new(suite: Suite, seed: u64) -> Self {
        let ratchet_key = RatchetKeyPair::generate(&mut rng(seed));
        Self { suite, world: World::of(suite, seed), secret: [42; 32], ratchet_key }
    }

    fn handshake(&self) -> ExternalHandshake {
        ExternalHandshake {
            secret: SharedSecret::of_suite(self.suite, &self.secret),
            initiator: self.world.alice.device(),
            responder: self.world.bob.device(),
        }
    }

    fn initiate(&self, handshake: ExternalHandshake, their_key: DhPublicKey) -> Session {
        Session::initiate_external(handshake, their_key, SessionLimits::default()).unwrap()
    }

    fn alice(&self) -> Session {
        self.initiate(self.handshake(), self.ratchet_key.public_key())
    }

    fn bob(&self) -> Session {
        let ratchet_key = restored(&self.ratchet_key);
        Session::accept_external(self.handshake(), ratchet_key, SessionLimits::default())
    }
}

#[test]
fn a_responder_that_waits_for_its_first_message_comes_back_from_the_store() {
    in_each_suite(|suite| {
        let external = External::new(suite, 15);
        let (mut alice, bob) = (external.alice(), external.bob());
        let mut bob = restored(&bob);
        let first = send(&mut alice, "first", &mut rng(1));
        assert_eq!(receive(&mut bob, &first).body, b"first");
    });
}

#[test]
fn a_session_starts_from_a_handshake_of_the_applications_own() {
    in_each_suite(|suite| {
        let external = External::new(suite, 14);
        let (mut alice, mut bob) = (external.alice(), external.bob());
        assert_eq!(alice.id(), bob.id());
        assert_eq!((alice.role(), bob.role()), (Role::Initiator, Role::Responder));
        assert_eq!(alice.peer(), &external.world.bob.device());
        assert_eq!(bob.peer(), &external.world.alice.device());
        assert!(alice.is_answered() && bob.is_answered());

        let first = send(&mut alice, "first", &mut rng(1));
        assert!(!is_initial(&first));
        assert_eq!(first.len(), ORDINARY_OVERHEAD + 64);
        assert_eq!(receive(&mut bob, &first).body, b"first");
        let mut talk = Talk { alice, bob, rng: rng(14) };
        talk.bob_answers();
        talk.goes_on();
    });
}

#[test]
fn the_responder_of_an_external_handshake_waits_for_the_first_message() {
    in_each_suite(|suite| {
        let external = External::new(suite, 15);
        let (mut alice, mut bob) = (external.alice(), external.bob());
        for body in [vec![], vec![0; MAX_PADDED]] {
            assert_eq!(sending_refusal(&mut bob, &Payload::new(body)), EncryptError::Waiting);
        }
        let first = send(&mut alice, "first", &mut rng(1));
        receive(&mut bob, &first);
        let reply = send(&mut bob, "reply", &mut rng(2));
        assert_eq!(receive(&mut alice, &reply).body, b"reply");
    });
}

#[test]
fn a_session_from_an_external_handshake_has_no_initial_messages() {
    in_each_suite(|suite| {
        let mut external = External::new(suite, 16);
        let (mut alice, mut bob) = (external.alice(), external.bob());
        let initial = send(&mut external.world.initiate(), "initial", &mut rng(1));
        let ordinary = send(&mut alice, "ordinary", &mut rng(2));
        assert_eq!(refusal(&mut alice, &initial), DecryptError::OtherSession);
        assert_eq!(refusal(&mut bob, &initial), DecryptError::OtherSession);
        assert_eq!(accept_refusal(&mut external.world.bob, &ordinary), AcceptError::NoSession);
        assert_eq!(receive(&mut bob, &ordinary).body, b"ordinary");
    });
}

#[test]
fn a_weak_ratchet_key_starts_no_session() {
    in_each_suite(|suite| {
        let external = External::new(suite, 17);
        for least in [0, 1] {
            let mut key = [0; 32];
            key[0] = least;
            let key = DhPublicKey::decode(&key).unwrap();
            let limits = SessionLimits::default();
            let session = Session::initiate_external(external.handshake(), key, limits);
            assert_eq!(session.unwrap_err(), InitiateError::WeakKey);
        }
    });
}

#[test]
fn a_weak_ratchet_key_from_a_damaged_store_sends_nothing_and_changes_nothing() {
    in_each_suite(|suite| {
        let stored = state(&External::new(suite, 17).alice());
        let their_ratchet_key = stored_form::place(&stored, "sending.their_ratchet_key");
        let damaged = stored_form::with(&stored, their_ratchet_key, &[0; 32]);
        let mut alice = Session::restore(&damaged).unwrap();
        let before = state(&alice);
        let sent = alice.encrypt(&Payload::new("first"), AD, &mut rng(1));
        assert_eq!(sent, Err(EncryptError::WeakKey));
        assert!(state(&alice) == before);
    });
}

#[test]
fn those_who_hold_different_ends_of_an_external_handshake_cannot_talk() {
    in_each_suite(|suite| {
        let external = External::new(suite, 18);
        let mut bob = external.bob();
        let ExternalHandshake { initiator, responder, .. } = external.handshake();
        let swapped = ExternalHandshake {
            initiator: responder.clone(),
            responder: initiator.clone(),
            ..external.handshake()
        };
        let mut other_secret = external.secret;
        other_secret[31] ^= 0x80;
        let with = |secret| ExternalHandshake { secret, ..external.handshake() };
        let other_secret = with(SharedSecret::of_suite(suite, &other_secret));
        let other_suite = with(SharedSecret::of_suite(other_suite(suite), &external.secret));
        let mut other_address = external.handshake();
        other_address.initiator.address = Address::new("alice@example/phonf").unwrap();
        let other_key = RatchetKeyPair::generate(&mut rng(99)).public_key();
        let key = external.ratchet_key.public_key();
        let others = [
            external.initiate(swapped, key),
            external.initiate(other_secret, key),
            external.initiate(other_suite, key),
            external.initiate(other_address, key),
            external.initiate(external.handshake(), other_key),
        ];
        for mut other in others {
            assert_ne!(other.id(), bob.id());
            let message = send(&mut other, "first", &mut rng(1));
            assert_eq!(refusal(&mut bob, &message), DecryptError::Undecryptable);
        }
        let message = send(&mut external.alice(), "first", &mut rng(1));
        assert_eq!(receive(&mut bob, &message).body, b"first");
    });
}

#[test]
fn two_sessions_of_the_same_devices_keep_apart() {
    in_each_suite(|suite| {
        let mut world = World::of(suite, 19);
        let (mut one, mut two) = (world.start(), world.start());
        assert_ne!(one.alice.id(), two.alice.id());
        let from_alice = two.alice_sends("in the second");
        assert_eq!(refusal(&mut one.bob, &from_alice), DecryptError::Undecryptable);
        receive(&mut two.bob, &from_alice);
        let from_bob = two.bob_sends("in the second");
        assert_eq!(refusal(&mut one.alice, &from_bob), DecryptError::Undecryptable);
        receive(&mut two.alice, &from_bob);

        let initial = send(&mut world.initiate(), "in a third", &mut world.rng);
        assert_eq!(refusal(&mut one.bob, &initial), DecryptError::OtherSession);
        assert_eq!(refusal(&mut one.alice, &initial), DecryptError::OtherSession);
        let mut pending = world.initiate();
        assert_eq!(refusal(&mut pending, &initial), DecryptError::OtherSession);
        one.goes_on();
        two.goes_on();
    });
}

#[test]
fn a_message_that_comes_back_to_its_sender_is_refused() {
    in_each_suite(|suite| {
        let mut world = World::of_limited(suite, publishing(0), 20);
        let mut alice = world.initiate();
        let first = send(&mut alice, "first", &mut world.rng);
        assert_eq!(refusal(&mut alice, &first), DecryptError::Undecryptable);
        assert_eq!(accept_refusal(&mut world.alice, &first), AcceptError::Undecryptable);
        let mut bob = world.accept(&first).session;
        let reply = send(&mut bob, "reply", &mut world.rng);
        assert_eq!(refusal(&mut bob, &reply), DecryptError::Undecryptable);
        receive(&mut alice, &reply);
        assert_eq!(refusal(&mut alice, &first), DecryptError::Undecryptable);
        let next = send(&mut alice, "next", &mut world.rng);
        assert_eq!(refusal(&mut alice, &next), DecryptError::Undecryptable);
        assert_eq!(receive(&mut bob, &next).body, b"next");
    });
}

#[test]
fn a_full_chain_sends_again_once_an_answer_has_come() {
    in_each_suite(|suite| {
        let mut talk = started_in(suite, 21);
        let messages = talk.alice_sends_many(MAX_CHAIN);
        let too_large = Payload::new(vec![0; MAX_PADDED]);
        for payload in [Payload::new("one more"), too_large] {
            assert_eq!(sending_refusal(&mut talk.alice, &payload), EncryptError::ChainFull);
        }
        let last = receive(&mut talk.bob, &messages[MAX_CHAIN - 1]);
        assert_eq!(last.body, b"9999");
        assert_eq!(last.dropped_keys, 8_999);
        talk.bob_answers();
        talk.goes_on();
    });
}

#[test]
fn a_full_first_chain_sends_again_once_an_answer_has_come() {
    in_each_suite(|suite| {
        let mut world = World::of(suite, 22);
        let mut alice = world.initiate();
        let mut first = Vec::new();
        for _ in 0..MAX_CHAIN {
            first = send(&mut alice, "anybody there?", &mut world.rng);
        }
        assert_eq!(sending_refusal(&mut alice, &Payload::new("?")), EncryptError::ChainFull);
        let bob = world.accept(&first).session;
        let mut talk = Talk { alice, bob, rng: rng(22) };
        talk.bob_answers();
        talk.goes_on();
    });
}

#[test]
fn a_responders_full_chain_sends_again_once_an_answer_has_come() {
    in_each_suite(|suite| {
        let mut talk = started_in(suite, 23);
        let question = talk.alice_sends("question");
        receive(&mut talk.bob, &question);
        let answers: Vec<_> = (0..MAX_CHAIN).map(|_| talk.bob_sends("answer")).collect();
        assert_eq!(sending_refusal(&mut talk.bob, &Payload::new("?")), EncryptError::ChainFull);
        for answer in &answers {
            receive(&mut talk.alice, answer);
        }
        talk.goes_on();
    });
}
