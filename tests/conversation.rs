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
use evanesce::{Address, Payload, PreKeyBundle};
use support::{
    AD, Draws, NOW, NoDraws, Talk, World, accept_refusal, accept_refusal_of, receive, refusal,
    refusal_of, restored, rng, send, sending_refusal, started, state, stored_form,
};

/// The longest padded plaintext.
const MAX_PADDED: usize = 16 * 1024 * 1024;

/// A stamp that says nothing, and the end mark.
const STAMP_AND_END: usize = 3;

/// What the first byte and the handshake fields take, with a one-time prekey.
const INITIAL_PREFIX: usize = 188;

/// The messages of one chain.
const MAX_CHAIN: usize = 10_000;

fn is_initial(message: &[u8]) -> bool {
    matches!(Envelope::decode(message).unwrap(), Envelope::Initial(_))
}

#[test]
fn both_sides_agree_on_the_session_and_on_who_they_are() {
    let mut world = World::new(1);
    let alice = world.initiate();
    let mut talk = world.start();
    assert_ne!(alice.id(), talk.alice.id());
    assert_eq!(talk.alice.id(), talk.bob.id());
    assert_eq!((talk.alice.role(), talk.bob.role()), (Role::Initiator, Role::Responder));
    assert_eq!(talk.alice.peer(), &world.bob.device());
    assert_eq!(talk.bob.peer(), &world.alice.device());
    talk.goes_on();
    assert_eq!(talk.alice.id(), talk.bob.id());
}

#[test]
fn a_conversation_goes_back_and_forth_for_many_turns() {
    let mut talk = started(2);
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
}

#[test]
fn messages_that_cross_both_open() {
    let mut talk = started(3);
    for _ in 0..20 {
        let from_alice = talk.alice_sends("from Alice");
        let from_bob = talk.bob_sends("from Bob");
        assert_eq!(receive(&mut talk.alice, &from_bob).body, b"from Bob");
        assert_eq!(receive(&mut talk.bob, &from_alice).body, b"from Alice");
    }
}

/// Whether the two have eight bytes in a row in common, anywhere.
fn share_a_part(one: &[u8], other: &[u8]) -> bool {
    let parts: BTreeSet<&[u8]> = one.windows(8).collect();
    other.windows(8).any(|part| parts.contains(part))
}

#[test]
fn the_carrier_of_a_first_message_does_not_see_who_wrote_it() {
    let mut world = World::new(40);
    let mut alice = world.initiate();
    let first = send(&mut alice, "first", &mut world.rng);
    let device = world.alice.device();
    assert!(!share_a_part(&first, &device.identity.encode()));
    assert!(!share_a_part(&first, device.address.as_bytes()));

    // Nor how long the address is.
    world.alice = support::account("x", evanesce::limits::Limits::default(), 41);
    let mut stranger = world.initiate();
    assert_eq!(send(&mut stranger, "first", &mut world.rng).len(), first.len());
}

#[test]
fn the_carrier_of_a_message_does_not_see_which_one_it_is() {
    let mut talk = started(42);
    let mut messages = talk.alice_sends_many(8);
    talk.goes_on();
    messages.extend(talk.alice_sends_many(8));
    for (index, message) in messages.iter().enumerate() {
        assert_eq!((message[0], message.len()), (messages[0][0], messages[0].len()));
        for former in &messages[..index] {
            assert!(!share_a_part(&message[1..], &former[1..]));
        }
    }
}

#[test]
fn initial_messages_repeat_the_handshake_until_the_first_reply_is_opened() {
    let mut world = World::new(4);
    let mut alice = world.initiate();
    let messages: Vec<_> =
        ["1", "2", "3"].map(|body| send(&mut alice, body, &mut world.rng)).into();
    for message in &messages {
        assert!(is_initial(message));
        assert_eq!(message[..INITIAL_PREFIX], messages[0][..INITIAL_PREFIX]);
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
    repeated_initial_messages(World::new(5), AcceptError::UnknownPreKey);
}

#[test]
fn a_repeated_initial_message_without_one_time_prekey_is_its_sessions_alone() {
    repeated_initial_messages(World::without_one_time_prekeys(5), AcceptError::Replayed);
}

#[test]
fn what_a_message_is_bound_to_must_be_named() {
    let mut world = World::new(6);
    let mut alice = world.initiate();
    let first = send(&mut alice, "first", &mut world.rng);
    let others: [&[u8]; 3] = [b"", b"associated dat", b"associated data "];
    for ad in others {
        assert_eq!(accept_refusal_of(&mut world.bob, &first, ad, NOW), AcceptError::Undecryptable);
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
}

#[test]
fn a_body_may_be_empty() {
    let mut talk = started(7);
    let message = talk.alice_sends("");
    assert_eq!(message.len(), 105 + 64);
    assert_eq!(receive(&mut talk.bob, &message).body, b"");
}

#[test]
fn sixteen_mebibytes_can_be_sent_and_not_a_byte_more() {
    let mut talk = started(8);
    let most = vec![0x80; MAX_PADDED - STAMP_AND_END];
    let more = Payload::new([most.as_slice(), &[0x80]].concat());
    // A sending step is due here, so that a draw would be seen.
    assert_eq!(sending_refusal(&mut talk.alice, &more), EncryptError::TooLarge);
    let message = send(&mut talk.alice, most.as_slice(), &mut talk.rng);
    assert_eq!(message.len(), 105 + MAX_PADDED);
    assert_eq!(sending_refusal(&mut talk.alice, &more), EncryptError::TooLarge);

    let longer = [message.as_slice(), &[0]].concat();
    assert_eq!(refusal(&mut talk.bob, &longer), DecryptError::Malformed);
    assert!(receive(&mut talk.bob, &message).body == most);
}

#[test]
fn stamps_come_through() {
    let mut talk = started(9);
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
}

/// Checks each size class, and says how much longer than it a message is.
fn check_sizes(session: &mut Session, overhead: usize) {
    let classes = [
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
    for (body, padded) in classes {
        let message = send(session, vec![1; body], &mut rng(1));
        assert_eq!(message.len(), overhead + padded, "a body of {body}");
    }
}

#[test]
fn a_message_is_as_long_as_its_size_class_and_the_overhead() {
    let mut talk = started(10);
    check_sizes(&mut talk.alice, 105);
    check_sizes(&mut talk.bob, 105);
    check_sizes(&mut World::new(10).initiate(), 292);
    check_sizes(&mut World::without_one_time_prekeys(10).initiate(), 288);
}

#[test]
fn only_a_sending_step_draws_and_draws_once() {
    let mut talk = started(11);
    let mut draws = Draws::new(11);
    let payload = Payload::new("body");
    for turn in 1..=3 {
        let message = talk.alice.encrypt(&payload, AD, &mut draws).unwrap();
        assert_eq!(draws.made.len(), 2 * turn - 1);
        talk.alice.encrypt(&payload, AD, &mut NoDraws).unwrap();
        receive(&mut talk.bob, &message);
        let reply = talk.bob.encrypt(&payload, AD, &mut draws).unwrap();
        assert_eq!(draws.made.len(), 2 * turn);
        let again = talk.bob.encrypt(&payload, AD, &mut NoDraws).unwrap();
        receive(&mut talk.alice, &reply);
        receive(&mut talk.alice, &again);
    }
}

#[test]
fn a_session_is_initiated_with_one_draw_and_accepted_with_none() {
    let mut world = World::new(12);
    let bundle = world.server.hand_out();
    let bundle = PreKeyBundle::decode(&bundle).unwrap().verify(NOW).unwrap();
    let mut draws = Draws::new(12);
    let before = state(&world.alice);
    let mut alice = world.alice.initiate(&bundle, &mut draws).unwrap();
    assert_eq!(draws.made.len(), 1);
    assert!(state(&world.alice) == before, "initiating changes nothing of the account");
    let first = alice.encrypt(&Payload::new("first"), AD, &mut draws).unwrap();
    assert_eq!(draws.made.len(), 2);
    let mut bob = world.accept(&first).session;
    bob.encrypt(&Payload::new("reply"), AD, &mut draws).unwrap();
    assert_eq!(draws.made.len(), 3);
}

#[test]
fn a_stored_conversation_goes_on_where_it_was() {
    let mut talk = started(13);
    let (late, next) = (talk.alice_sends("late"), talk.alice_sends("next"));
    talk.bob = restored(&talk.bob);
    receive(&mut talk.bob, &next);
    talk.bob = restored(&talk.bob);
    assert_eq!(receive(&mut talk.bob, &late).body, b"late");
    talk.alice = restored(&talk.alice);
    talk.goes_on();
}

/// Two devices with a secret from a handshake of their own.
struct External {
    world: World,
    secret: [u8; 32],
    ratchet_key: RatchetKeyPair,
}

impl External {
    fn new(seed: u64) -> Self {
        let ratchet_key = RatchetKeyPair::generate(&mut rng(seed));
        Self { world: World::new(seed), secret: [42; 32], ratchet_key }
    }

    fn handshake(&self) -> ExternalHandshake {
        ExternalHandshake {
            secret: SharedSecret::new(&self.secret),
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
    let external = External::new(15);
    let (mut alice, bob) = (external.alice(), external.bob());
    let mut bob = restored(&bob);
    let first = send(&mut alice, "first", &mut rng(1));
    assert_eq!(receive(&mut bob, &first).body, b"first");
}

#[test]
fn a_session_starts_from_a_handshake_of_the_applications_own() {
    let external = External::new(14);
    let (mut alice, mut bob) = (external.alice(), external.bob());
    assert_eq!(alice.id(), bob.id());
    assert_eq!((alice.role(), bob.role()), (Role::Initiator, Role::Responder));
    assert_eq!(alice.peer(), &external.world.bob.device());
    assert_eq!(bob.peer(), &external.world.alice.device());
    assert!(alice.is_answered() && bob.is_answered());

    let first = send(&mut alice, "first", &mut rng(1));
    assert!(!is_initial(&first));
    assert_eq!(first.len(), 105 + 64);
    assert_eq!(receive(&mut bob, &first).body, b"first");
    let mut talk = Talk { alice, bob, rng: rng(14) };
    talk.bob_answers();
    talk.goes_on();
}

#[test]
fn the_responder_of_an_external_handshake_waits_for_the_first_message() {
    let external = External::new(15);
    let (mut alice, mut bob) = (external.alice(), external.bob());
    for body in [vec![], vec![0; MAX_PADDED]] {
        assert_eq!(sending_refusal(&mut bob, &Payload::new(body)), EncryptError::Waiting);
    }
    let first = send(&mut alice, "first", &mut rng(1));
    receive(&mut bob, &first);
    let reply = send(&mut bob, "reply", &mut rng(2));
    assert_eq!(receive(&mut alice, &reply).body, b"reply");
}

#[test]
fn a_session_from_an_external_handshake_has_no_initial_messages() {
    let mut external = External::new(16);
    let (mut alice, mut bob) = (external.alice(), external.bob());
    let initial = send(&mut external.world.initiate(), "initial", &mut rng(1));
    let ordinary = send(&mut alice, "ordinary", &mut rng(2));
    assert_eq!(refusal(&mut alice, &initial), DecryptError::OtherSession);
    assert_eq!(refusal(&mut bob, &initial), DecryptError::OtherSession);
    assert_eq!(accept_refusal(&mut external.world.bob, &ordinary), AcceptError::NoSession);
    assert_eq!(receive(&mut bob, &ordinary).body, b"ordinary");
}

#[test]
fn a_weak_ratchet_key_starts_no_session() {
    let external = External::new(17);
    for least in [0, 1] {
        let mut key = [0; 32];
        key[0] = least;
        let key = DhPublicKey::decode(&key).unwrap();
        let limits = SessionLimits::default();
        let session = Session::initiate_external(external.handshake(), key, limits);
        assert_eq!(session.unwrap_err(), InitiateError::WeakKey);
    }
}

#[test]
fn a_weak_ratchet_key_from_a_damaged_store_sends_nothing_and_changes_nothing() {
    let stored = state(&External::new(17).alice());
    let their_ratchet_key = stored_form::place(&stored, "sending.their_ratchet_key");
    let damaged = stored_form::with(&stored, their_ratchet_key, &[0; 32]);
    let mut alice = Session::restore(&damaged).unwrap();
    let before = state(&alice);
    let sent = alice.encrypt(&Payload::new("first"), AD, &mut rng(1));
    assert_eq!(sent, Err(EncryptError::WeakKey));
    assert!(state(&alice) == before);
}

#[test]
fn those_who_hold_different_ends_of_an_external_handshake_cannot_talk() {
    let external = External::new(18);
    let mut bob = external.bob();
    let ExternalHandshake { initiator, responder, .. } = external.handshake();
    let swapped = ExternalHandshake {
        initiator: responder.clone(),
        responder: initiator.clone(),
        ..external.handshake()
    };
    let mut other_secret = external.secret;
    other_secret[31] ^= 0x80;
    let other_secret =
        ExternalHandshake { secret: SharedSecret::new(&other_secret), ..external.handshake() };
    let mut other_address = external.handshake();
    other_address.initiator.address = Address::new("alice@example/phonf").unwrap();
    let other_key = RatchetKeyPair::generate(&mut rng(99)).public_key();
    let key = external.ratchet_key.public_key();
    let others = [
        external.initiate(swapped, key),
        external.initiate(other_secret, key),
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
}

#[test]
fn two_sessions_of_the_same_devices_keep_apart() {
    let mut world = World::new(19);
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
}

#[test]
fn a_message_that_comes_back_to_its_sender_is_refused() {
    let mut world = World::without_one_time_prekeys(20);
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
}

#[test]
fn a_full_chain_sends_again_once_an_answer_has_come() {
    let mut talk = started(21);
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
}

#[test]
fn a_full_first_chain_sends_again_once_an_answer_has_come() {
    let mut world = World::new(22);
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
}

#[test]
fn a_responders_full_chain_sends_again_once_an_answer_has_come() {
    let mut talk = started(23);
    let question = talk.alice_sends("question");
    receive(&mut talk.bob, &question);
    let answers: Vec<_> = (0..MAX_CHAIN).map(|_| talk.bob_sends("answer")).collect();
    assert_eq!(sending_refusal(&mut talk.bob, &Payload::new("?")), EncryptError::ChainFull);
    for answer in &answers {
        receive(&mut talk.alice, answer);
    }
    talk.goes_on();
}
