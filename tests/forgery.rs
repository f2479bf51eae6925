//! What is not a true message opens nowhere and changes nothing, however close it comes.

mod support;

use evanesce::limits::Limits;
use evanesce::server::{Envelope, PreKeyUpload, PublishedPreKeys};
use evanesce::session::{AcceptError, DecryptError, InitiateError, Session};
use evanesce::{Account, DecodeError, PreKeyBundle, VerifyError};
use proptest::prelude::*;
use proptest::sample::Index;
use support::{
    AD, NOW, Talk, World, accept_refusal, account, receive, refusal, repeatable, rng, send,
    started, state,
};

/// Each bit alone, the two that make one kind of message of the other, and all.
const MASKS: [u8; 10] = [0x01, 0x02, 0x04, 0x08, 0x10, 0x20, 0x40, 0x80, 0x03, 0xff];

/// Where the parts of an ordinary message begin.
const COMMITMENT: usize = 57;
const CIPHERTEXT: usize = 89;

/// Bytes of the handshake fields, with a one-time prekey.
const HANDSHAKE: usize = 187;

/// Bytes of a one-time prekey in a bundle or an upload.
const ONE_TIME_PREKEY: usize = 36;

/// Whoever gets a message: a device, with the session that it has if any.
struct Receiver {
    account: Account,
    session: Option<Session>,
}

impl Receiver {
    fn state(&self) -> Vec<u8> {
        let session = self.session.as_ref().map(state).unwrap_or_default();
        [state(&self.account), session].concat()
    }

    /// Offers a forgery as an application would: to the session, then as the first of a new one.
    fn refuses(&mut self, forged: &[u8], ad: &[u8]) {
        if let Some(session) = &mut self.session {
            let error = session.decrypt(forged, ad, NOW).expect_err("a forgery opened");
            // The others are for what the peer has sealed, and would tell of it.
            let mute = [
                DecryptError::Malformed,
                DecryptError::Unsupported,
                DecryptError::OtherSession,
                DecryptError::Undecryptable,
            ];
            assert!(mute.contains(&error), "{error:?}");
        }
        self.account.accept(forged, ad, NOW).expect_err("a forgery made a session");
    }

    /// Opens a true message.
    fn opens(&mut self, message: &[u8]) -> Vec<u8> {
        let Some(session) = &mut self.session else {
            let accepted = self.account.accept(message, AD, NOW).unwrap();
            self.session = Some(accepted.session);
            return accepted.received.body;
        };
        receive(session, message).body
    }
}

/// Nothing that is made of `message` opens or changes anything. Then it opens itself, as `body`.
fn withstands_forgeries(mut receiver: Receiver, message: &[u8], body: &str) {
    let before = receiver.state();
    let mut refuses = |forged: &[u8], ad: &[u8], what: &str| {
        receiver.refuses(forged, ad);
        assert!(receiver.state() == before, "{what} changed something");
    };
    let mut forged = message.to_vec();
    for position in 0..message.len() {
        for mask in MASKS {
            forged[position] ^= mask;
            refuses(&forged, AD, &format!("byte {position} changed by {mask:#04x}"));
            forged[position] ^= mask;
        }
    }
    for length in 0..message.len() {
        refuses(&message[..length], AD, &format!("a prefix of {length} bytes"));
    }
    for extension in [&[0][..], &[0x80], &[0; 16], &[0xff; 16]] {
        refuses(&[message, extension].concat(), AD, &format!("{extension:?} at the end"));
    }
    let longer = [AD, &[0]].concat();
    for ad in [&b""[..], b"Associated data", &AD[1..], &longer] {
        refuses(message, ad, &format!("{ad:?} as associated data"));
    }
    assert_eq!(receiver.opens(message), body.as_bytes());
}

/// Alice's first message, to a device that has no session with her.
fn first_message(mut world: World) {
    let message = send(&mut world.initiate(), "first", &mut world.rng);
    let receiver = Receiver { account: world.bob, session: None };
    withstands_forgeries(receiver, &message, "first");
}

#[test]
fn a_first_message_with_a_one_time_prekey_cannot_be_forged() {
    first_message(World::new(1));
}

#[test]
fn a_first_message_without_one_time_prekey_cannot_be_forged() {
    first_message(World::without_one_time_prekeys(2));
}

/// Alice's second message, while she has no answer, to the session that the first one made.
fn repeated_initial_message(mut world: World) {
    let mut alice = world.initiate();
    let first = send(&mut alice, "first", &mut world.rng);
    let second = send(&mut alice, "second", &mut world.rng);
    let session = world.accept(&first).session;
    let receiver = Receiver { account: world.bob, session: Some(session) };
    withstands_forgeries(receiver, &second, "second");
}

#[test]
fn a_repeated_initial_message_with_a_one_time_prekey_cannot_be_forged() {
    repeated_initial_message(World::new(3));
}

#[test]
fn a_repeated_initial_message_without_one_time_prekey_cannot_be_forged() {
    repeated_initial_message(World::without_one_time_prekeys(4));
}

#[test]
fn the_first_reply_cannot_be_forged() {
    let mut world = World::new(5);
    let mut alice = world.initiate();
    let first = send(&mut alice, "first", &mut world.rng);
    let mut bob = world.accept(&first).session;
    let reply = send(&mut bob, "reply", &mut world.rng);
    let receiver = Receiver { account: world.alice, session: Some(alice) };
    withstands_forgeries(receiver, &reply, "reply");
}

/// A message to Bob, in a conversation that has gone on for a while.
fn ordinary_message(seed: u64, body: &str, send: impl FnOnce(&mut Talk) -> Vec<u8>) {
    let mut world = World::new(seed);
    let mut talk = world.start();
    talk.goes_on();
    let message = send(&mut talk);
    let receiver = Receiver { account: world.bob, session: Some(talk.bob) };
    withstands_forgeries(receiver, &message, body);
}

#[test]
fn a_message_of_the_current_chain_cannot_be_forged() {
    ordinary_message(6, "next", |talk| {
        let message = talk.alice_sends("in the current chain");
        receive(&mut talk.bob, &message);
        talk.alice_sends("next")
    });
}

#[test]
fn the_first_message_of_the_next_chain_cannot_be_forged() {
    ordinary_message(7, "in the next chain", |talk| talk.alice_sends("in the next chain"));
}

#[test]
fn a_message_that_skips_others_cannot_be_forged() {
    ordinary_message(8, "third", |talk| {
        talk.alice_sends("first");
        talk.alice_sends("second");
        talk.alice_sends("third")
    });
}

#[test]
fn a_late_message_of_the_current_chain_cannot_be_forged() {
    ordinary_message(9, "late", |talk| {
        let late = talk.alice_sends("late");
        let message = talk.alice_sends("in time");
        receive(&mut talk.bob, &message);
        late
    });
}

#[test]
fn a_late_message_of_an_older_chain_cannot_be_forged() {
    ordinary_message(10, "late", |talk| {
        let late = talk.alice_sends("late");
        for _ in 0..2 {
            talk.goes_on();
        }
        late
    });
}

#[test]
fn parts_of_true_messages_do_not_combine() {
    let mut talk = started(11);
    let messages = ["one", "two"].map(|body| talk.alice_sends(body));
    for (one, two) in [(&messages[0], &messages[1]), (&messages[1], &messages[0])] {
        for cut in [COMMITMENT, CIPHERTEXT, one.len() - 16] {
            let combined = [&one[..cut], &two[cut..]].concat();
            assert_eq!(refusal(&mut talk.bob, &combined), DecryptError::Undecryptable);
        }
        let other_commitment =
            [&one[..COMMITMENT], &two[COMMITMENT..CIPHERTEXT], &one[CIPHERTEXT..]].concat();
        assert_eq!(refusal(&mut talk.bob, &other_commitment), DecryptError::Undecryptable);
    }
    for (message, body) in messages.iter().zip([b"one", b"two"]) {
        assert_eq!(receive(&mut talk.bob, message).body, body);
    }
}

#[test]
fn a_handshake_can_be_taken_from_no_message_and_put_on_none() {
    let mut world = World::new(12);
    let mut alice = world.initiate();
    let initial = ["first", "second"].map(|body| send(&mut alice, body, &mut world.rng));
    let mut bob = world.accept(&initial[0]).session;
    let fields = &initial[1][1..=HANDSHAKE];
    let without = [&[0x12], &initial[1][1 + HANDSHAKE..]].concat();
    assert!(matches!(Envelope::decode(&without), Ok(Envelope::Ratchet(_))));
    assert_eq!(refusal(&mut bob, &without), DecryptError::Undecryptable);
    assert_eq!(receive(&mut bob, &initial[1]).body, b"second");

    let reply = send(&mut bob, "reply", &mut world.rng);
    receive(&mut alice, &reply);
    let ordinary = send(&mut alice, "ordinary", &mut world.rng);
    let with = [&[0x11], fields, &ordinary[1..]].concat();
    assert!(matches!(Envelope::decode(&with), Ok(Envelope::Initial(_))));
    assert_eq!(refusal(&mut bob, &with), DecryptError::Undecryptable);
    assert_eq!(receive(&mut bob, &ordinary).body, b"ordinary");
}

#[test]
fn two_handshakes_do_not_combine() {
    let mut world = World::new(13);
    let [one, two] = ["one", "two"].map(|body| {
        let mut alice = world.initiate();
        send(&mut alice, body, &mut world.rng)
    });
    // The prekeys' ids, the ephemeral key, the sealed sender, the first message.
    for cut in [11, 43, 1 + HANDSHAKE] {
        let combined = [&one[..cut], &two[cut..]].concat();
        assert_eq!(accept_refusal(&mut world.bob, &combined), AcceptError::Undecryptable);
    }
    assert_eq!(world.accept(&one).received.body, b"one");
    assert_eq!(world.accept(&two).received.body, b"two");
}

#[test]
fn an_ephemeral_key_of_small_order_or_not_canonical_is_refused() {
    let mut world = World::new(14);
    let message = send(&mut world.initiate(), "first", &mut world.rng);
    let (zero, mut one, mut minus_one) = ([0; 32], [0; 32], [0xff; 32]);
    one[0] = 1;
    minus_one[0] = 0xec;
    minus_one[31] = 0x7f;
    let mut modulus = minus_one;
    modulus[0] = 0xed;
    for (key, expected) in [
        (zero, AcceptError::Undecryptable),
        (one, AcceptError::Undecryptable),
        (minus_one, AcceptError::Undecryptable),
        (modulus, AcceptError::Malformed),
        ([0xff; 32], AcceptError::Malformed),
    ] {
        let mut forged = message.clone();
        forged[11..43].copy_from_slice(&key);
        assert_eq!(accept_refusal(&mut world.bob, &forged), expected);
    }
    assert_eq!(world.accept(&message).received.body, b"first");
}

/// Where a forged bundle was found out.
#[derive(Debug, PartialEq)]
enum FoundOut {
    ByAlice,
    /// By the first message that she sent with it.
    ByBob,
}

/// Alice uses a forged bundle of Bob's if she can. Whatever happens, Bob accepts nothing.
fn find_out(world: &mut World, forged: &[u8]) -> FoundOut {
    let Ok(bundle) = PreKeyBundle::decode(forged) else {
        return FoundOut::ByAlice;
    };
    assert_eq!(bundle.encode(), forged);
    let Ok(bundle) = bundle.verify(NOW) else {
        return FoundOut::ByAlice;
    };
    assert!(forged.starts_with(world.upload.signed_part()), "something is not signed");
    assert_eq!(bundle.device(), &world.bob.device());
    let Ok(mut alice) = world.alice.initiate(&bundle, &mut world.rng) else {
        return FoundOut::ByAlice;
    };
    let message = send(&mut alice, "first", &mut world.rng);
    let error = accept_refusal(&mut world.bob, &message);
    assert!(matches!(error, AcceptError::UnknownPreKey | AcceptError::Undecryptable), "{error:?}");
    FoundOut::ByBob
}

/// Alice and Bob start a session with this bundle.
fn is_good(world: &mut World, bundle: &[u8]) {
    let first = send(&mut world.initiate_with(bundle), "first", &mut world.rng);
    assert_eq!(world.accept(&first).session.peer(), &world.alice.device());
}

/// The bytes with each bit changed in turn.
fn each_bit(bytes: &[u8]) -> impl Iterator<Item = (usize, Vec<u8>)> {
    (0..bytes.len() * 8).map(|bit| {
        let mut changed = bytes.to_vec();
        changed[bit / 8] ^= 1 << (bit % 8);
        (bit, changed)
    })
}

#[test]
fn no_bit_of_a_bundle_can_be_changed() {
    let mut world = World::with_one_time_prekeys(3, 15);
    let bundle = world.server.hand_out();
    let signed_bits = (bundle.len() - ONE_TIME_PREKEY) * 8;
    let mut found_by_bob = 0;
    for (bit, forged) in each_bit(&bundle) {
        if find_out(&mut world, &forged) == FoundOut::ByBob {
            assert!(bit >= signed_bits, "bit {bit} got past Alice");
            found_by_bob += 1;
        }
    }
    // Of the one-time prekey only bit 255 is not found out by Alice: then it is not canonical.
    assert_eq!(found_by_bob, ONE_TIME_PREKEY * 8 - 1);
    is_good(&mut world, &bundle);
}

#[test]
fn no_bit_of_a_bundle_without_one_time_prekey_can_be_changed() {
    let mut world = World::without_one_time_prekeys(16);
    let bundle = world.server.hand_out();
    for (bit, forged) in each_bit(&bundle) {
        assert_eq!(find_out(&mut world, &forged), FoundOut::ByAlice, "bit {bit}");
    }
    is_good(&mut world, &bundle);
}

#[test]
fn no_bit_of_an_upload_can_be_changed() {
    let mut world = World::with_one_time_prekeys(3, 17);
    let bundles: Vec<_> = (0..3).map(|_| world.server.hand_out()).collect();
    let (mut found_by_alice, mut found_by_bob) = (0, 0);
    for (bit, forged) in each_bit(&world.upload.encode()) {
        let Ok(upload) = PreKeyUpload::decode(&forged) else {
            continue;
        };
        assert_eq!(upload.encode(), forged);
        let mut server = PublishedPreKeys::new(upload);
        let mut changed = 0;
        while server.one_time_prekeys_left() > 0 {
            let bundle = server.hand_out();
            if bundles.contains(&bundle) {
                continue;
            }
            changed += 1;
            match find_out(&mut world, &bundle) {
                FoundOut::ByAlice => found_by_alice += 1,
                FoundOut::ByBob => found_by_bob += 1,
            }
        }
        assert!(changed > 0, "bit {bit} is in no bundle");
    }
    assert!(found_by_alice > 3 * 1_000 && found_by_bob > 3 * 255);
    for bundle in bundles {
        is_good(&mut world, &bundle);
    }
}

#[test]
fn a_bundle_or_an_upload_has_no_other_length() {
    let mut world = World::with_one_time_prekeys(1, 18);
    let (with, without) = (world.server.hand_out(), world.server.hand_out());
    for bundle in [with, without] {
        for length in 0..bundle.len() {
            assert_eq!(PreKeyBundle::decode(&bundle[..length]), Err(DecodeError::Malformed));
        }
        for extension in [&[0][..], &[1], &[0; ONE_TIME_PREKEY]] {
            let longer = [bundle.as_slice(), extension].concat();
            assert_eq!(PreKeyBundle::decode(&longer), Err(DecodeError::Malformed));
        }
    }
    let upload = world.upload.encode();
    let shortest = 1 + world.upload.signed_part().len();
    for length in 0..upload.len() {
        let decoded = PreKeyUpload::decode(&upload[..length]);
        let is_whole = length >= shortest && (length - shortest) % ONE_TIME_PREKEY == 0;
        assert_eq!(decoded.is_ok(), is_whole, "{length} bytes");
    }
    // The ids no longer ascend.
    let repeated = [&upload, &upload[upload.len() - ONE_TIME_PREKEY..]].concat();
    assert_eq!(PreKeyUpload::decode(&repeated), Err(DecodeError::Malformed));
}

#[test]
fn parts_of_two_devices_bundles_do_not_combine() {
    let mut world = World::with_one_time_prekeys(3, 19);
    let bundle = world.server.hand_out();
    let mut mallory = account("mallory@example/desktop", Limits::default(), 19);
    let mallory = mallory.maintain(None, NOW, &mut rng(19)).upload.unwrap();
    let with = PublishedPreKeys::new(mallory).hand_out();

    let one_time = bundle.len() - ONE_TIME_PREKEY;
    let theirs = &with[with.len() - ONE_TIME_PREKEY..];
    let combined = [&bundle[..one_time], theirs].concat();
    assert_eq!(find_out(&mut world, &combined), FoundOut::ByBob);

    // Mallory's identity on Bob's prekey, and the other way about.
    for (identity, rest) in [(&with, &bundle), (&bundle, &with)] {
        let combined = [&identity[..66], &rest[66..]].concat();
        let bundle = PreKeyBundle::decode(&combined).unwrap();
        assert_eq!(bundle.verify(NOW), Err(VerifyError::BadSignature));
    }
    is_good(&mut world, &bundle);
}

#[test]
fn a_one_time_prekey_of_small_order_starts_no_session() {
    let mut world = World::with_one_time_prekeys(3, 20);
    let bundle = world.server.hand_out();
    let mut forged = bundle.clone();
    let key = bundle.len() - 32;
    for least in [0, 1] {
        forged[key..].fill(0);
        forged[key] = least;
        let verified = PreKeyBundle::decode(&forged).unwrap().verify(NOW).unwrap();
        let error = world.alice.initiate(&verified, &mut world.rng).unwrap_err();
        assert_eq!(error, InitiateError::WeakKey);
    }
    is_good(&mut world, &bundle);
}

/// Bob in a conversation that has held keys, and Alice's next message.
fn bob_and_a_message() -> (Receiver, Vec<u8>) {
    let mut world = World::with_one_time_prekeys(2, 21);
    let mut talk = world.start();
    let skipped = talk.alice_sends_many(3);
    receive(&mut talk.bob, &skipped[2]);
    let message = talk.alice_sends("true");
    (Receiver { account: world.bob, session: Some(talk.bob) }, message)
}

/// Beginnings that get random bytes further in.
fn beginning() -> impl Strategy<Value = &'static [u8]> {
    prop_oneof![
        Just(&[][..]),
        Just(&[0x12][..]),
        Just(&[0x11][..]),
        Just(&[0x11, 1, 0, 0, 0, 1, 0][..]),
        Just(&[0x11, 1, 0, 0, 0, 1, 1, 0, 0, 0, 2][..]),
    ]
}

proptest! {
    #![proptest_config(repeatable(500))]

    #[test]
    fn random_bytes_open_nowhere(
        beginning in beginning(),
        rest in prop::collection::vec(any::<u8>(), 0..600),
    ) {
        let bytes = [beginning, &rest].concat();
        let (mut bob, message) = bob_and_a_message();
        let before = bob.state();
        bob.refuses(&bytes, AD);
        prop_assert!(bob.state() == before);
        prop_assert_eq!(bob.opens(&message), b"true");
        prop_assert!(PreKeyBundle::decode(&bytes).is_err());
        prop_assert!(PreKeyUpload::decode(&bytes).is_err());
    }

    #[test]
    fn a_message_with_a_random_stretch_opens_nowhere(
        start in any::<Index>(),
        stretch in prop::collection::vec(any::<u8>(), 1..100),
    ) {
        let (mut bob, message) = bob_and_a_message();
        let start = start.index(message.len());
        let end = message.len().min(start + stretch.len());
        let mut forged = message.clone();
        forged[start..end].copy_from_slice(&stretch[..end - start]);
        prop_assume!(forged != message);
        let before = bob.state();
        bob.refuses(&forged, AD);
        prop_assert!(bob.state() == before);
        prop_assert_eq!(bob.opens(&message), b"true");
    }
}
