//! What is not a true message opens nowhere and changes nothing, however close it comes.

mod support;

use std::ops::Range;

use evanesce::limits::Limits;
use evanesce::server::{Envelope, PreKeyUpload, PublishedPreKeys};
use evanesce::session::{AcceptError, DecryptError, InitiateError, Role, Session};
use evanesce::{Account, DecodeError, PreKeyBundle, Suite, VerifyError};
use proptest::prelude::*;
use proptest::sample::{Index, select};
use support::layout::{
    BEFORE_ADDRESS, EPHEMERAL, ORDINARY_CIPHERTEXT, ORDINARY_COMMITMENT, ciphertext,
    initial_prefix, one_time_kem_key, one_time_prekey, signed_kem_key,
};
use support::phases::moments;
use support::{
    AD, NOW, SUITES, Talk, World, accept_refusal, account_of, in_each_suite, publishing, receive,
    refusal, repeatable, rng, send, started_in, state,
};

/// Each bit alone, the two that make one kind of message of the other, and all.
const MASKS: [u8; 10] = [0x01, 0x02, 0x04, 0x08, 0x10, 0x20, 0x40, 0x80, 0x03, 0xff];

/// Of long keys and signatures one bit among so many is changed: by turns each one of a byte, and of a coefficient.
const STRIDE: usize = 101;

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

/// How a byte is changed. In suite 2, where each attempt can cost a decapsulation, each one behind the ids in two ways, and
/// of a ciphertext every third in one.
fn masks(suite: Suite, message: &[u8], position: usize) -> &'static [u8] {
    let is_of_ciphertext = message[0] == 0x11 && ciphertext(message).contains(&position);
    match suite {
        Suite::Classical => &MASKS,
        Suite::Hybrid if position < EPHEMERAL => &MASKS,
        Suite::Hybrid if is_of_ciphertext && position % 3 != 0 => &[],
        Suite::Hybrid if is_of_ciphertext => &MASKS[position / 3 % 8..][..1],
        Suite::Hybrid => &MASKS[position % 9..][..2],
    }
}

/// Nothing that is made of `message` opens or changes anything. Then it opens itself, as `body`.
fn withstands_forgeries(suite: Suite, mut receiver: Receiver, message: &[u8], body: &str) {
    let before = receiver.state();
    let mut refuses = |forged: &[u8], ad: &[u8], what: &str| {
        receiver.refuses(forged, ad);
        assert!(receiver.state() == before, "{what} changed something");
    };
    let mut forged = message.to_vec();
    for position in 0..message.len() {
        for mask in masks(suite, message, position) {
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
fn first_message(suite: Suite, mut world: World) {
    let message = send(&mut world.initiate(), "first", &mut world.rng);
    let receiver = Receiver { account: world.bob, session: None };
    withstands_forgeries(suite, receiver, &message, "first");
}

#[test]
fn a_first_message_with_a_one_time_prekey_cannot_be_forged() {
    in_each_suite(|suite| {
        first_message(suite, World::of(suite, 1));
    });
}

#[test]
fn a_first_message_without_one_time_prekey_cannot_be_forged() {
    in_each_suite(|suite| {
        first_message(suite, World::of_limited(suite, publishing(0), 2));
    });
}

/// Alice's second message, while she has no answer, to the session that the first one made.
fn repeated_initial_message(suite: Suite, mut world: World) {
    let mut alice = world.initiate();
    let first = send(&mut alice, "first", &mut world.rng);
    let second = send(&mut alice, "second", &mut world.rng);
    let session = world.accept(&first).session;
    let receiver = Receiver { account: world.bob, session: Some(session) };
    withstands_forgeries(suite, receiver, &second, "second");
}

#[test]
fn a_repeated_initial_message_with_a_one_time_prekey_cannot_be_forged() {
    in_each_suite(|suite| {
        repeated_initial_message(suite, World::of(suite, 3));
    });
}

#[test]
fn a_repeated_initial_message_without_one_time_prekey_cannot_be_forged() {
    in_each_suite(|suite| {
        repeated_initial_message(suite, World::of_limited(suite, publishing(0), 4));
    });
}

#[test]
fn the_first_reply_cannot_be_forged() {
    in_each_suite(|suite| {
        let mut world = World::of(suite, 5);
        let mut alice = world.initiate();
        let first = send(&mut alice, "first", &mut world.rng);
        let mut bob = world.accept(&first).session;
        let reply = send(&mut bob, "reply", &mut world.rng);
        let receiver = Receiver { account: world.alice, session: Some(alice) };
        withstands_forgeries(suite, receiver, &reply, "reply");
    });
}

/// A message to Bob, in a conversation that has gone on for a while.
fn ordinary_message(seed: u64, body: &str, send: impl Fn(&mut Talk) -> Vec<u8>) {
    in_each_suite(|suite| {
        let mut world = World::of(suite, seed);
        let mut talk = world.start();
        talk.goes_on();
        let message = send(&mut talk);
        let receiver = Receiver { account: world.bob, session: Some(talk.bob) };
        withstands_forgeries(suite, receiver, &message, body);
    });
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

/// With it a part of a key or of an answer, or nothing.
#[test]
fn a_message_of_any_phase_of_an_epoch_cannot_be_forged() {
    for mut moment in moments(26) {
        let Talk { mut alice, mut bob, .. } = moment.copy().talk;
        let (receiver, sender) = match moment.next {
            Role::Initiator => (bob, &mut alice),
            Role::Responder => (alice, &mut bob),
        };
        let message = send(sender, "of an epoch", &mut moment.talk.rng);
        let account = account_of(Suite::Hybrid, "carol@example/phone", publishing(0), 26);
        let receiver = Receiver { account, session: Some(receiver) };
        withstands_forgeries(Suite::Hybrid, receiver, &message, "of an epoch");
    }
}

#[test]
fn parts_of_true_messages_do_not_combine() {
    in_each_suite(|suite| {
        let mut talk = started_in(suite, 11);
        let messages = ["one", "two"].map(|body| talk.alice_sends(body));
        for (one, two) in [(&messages[0], &messages[1]), (&messages[1], &messages[0])] {
            for cut in [ORDINARY_COMMITMENT, ORDINARY_CIPHERTEXT, one.len() - 16] {
                let combined = [&one[..cut], &two[cut..]].concat();
                assert_eq!(refusal(&mut talk.bob, &combined), DecryptError::Undecryptable);
            }
            let other_commitment = [
                &one[..ORDINARY_COMMITMENT],
                &two[ORDINARY_COMMITMENT..ORDINARY_CIPHERTEXT],
                &one[ORDINARY_CIPHERTEXT..],
            ]
            .concat();
            assert_eq!(refusal(&mut talk.bob, &other_commitment), DecryptError::Undecryptable);
        }
        for (message, body) in messages.iter().zip([b"one", b"two"]) {
            assert_eq!(receive(&mut talk.bob, message).body, body);
        }
    });
}

#[test]
fn a_handshake_can_be_taken_from_no_message_and_put_on_none() {
    in_each_suite(|suite| {
        let mut world = World::of(suite, 12);
        let mut alice = world.initiate();
        let initial = ["first", "second"].map(|body| send(&mut alice, body, &mut world.rng));
        let mut bob = world.accept(&initial[0]).session;
        let (before, after) = initial[1].split_at(initial_prefix(&initial[1]));
        let without = [&[0x12], after].concat();
        assert!(matches!(Envelope::decode(&without), Ok(Envelope::Ratchet(_))));
        assert_eq!(refusal(&mut bob, &without), DecryptError::Undecryptable);
        assert_eq!(receive(&mut bob, &initial[1]).body, b"second");

        let reply = send(&mut bob, "reply", &mut world.rng);
        receive(&mut alice, &reply);
        let ordinary = send(&mut alice, "ordinary", &mut world.rng);
        let with = [before, &ordinary[1..]].concat();
        assert!(matches!(Envelope::decode(&with), Ok(Envelope::Initial(_))));
        assert_eq!(refusal(&mut bob, &with), DecryptError::Undecryptable);
        assert_eq!(receive(&mut bob, &ordinary).body, b"ordinary");
    });
}

#[test]
fn two_handshakes_do_not_combine() {
    in_each_suite(|suite| {
        let mut world = World::of(suite, 13);
        let [one, two] = ["one", "two"].map(|body| {
            let mut alice = world.initiate();
            send(&mut alice, body, &mut world.rng)
        });
        // The prekeys' ids, the ephemeral key, in suite 2 a ciphertext, the sealed sender, the first message.
        let Range { start, end } = ciphertext(&one);
        for cut in [EPHEMERAL, start, end, initial_prefix(&one)] {
            let combined = [&one[..cut], &two[cut..]].concat();
            assert_eq!(accept_refusal(&mut world.bob, &combined), AcceptError::Undecryptable);
        }
        assert_eq!(world.accept(&one).received.body, b"one");
        assert_eq!(world.accept(&two).received.body, b"two");
    });
}

#[test]
fn an_ephemeral_key_of_small_order_or_not_canonical_is_refused() {
    in_each_suite(|suite| {
        let mut world = World::of(suite, 14);
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
            forged[EPHEMERAL..][..32].copy_from_slice(&key);
            assert_eq!(accept_refusal(&mut world.bob, &forged), expected);
        }
        assert_eq!(world.accept(&message).received.body, b"first");
    });
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

/// The bytes with each bit changed in turn, but few of those in `long` parts.
fn each_bit(bytes: &[u8], long: &[Range<usize>]) -> impl Iterator<Item = (usize, Vec<u8>)> {
    let is_tried =
        |bit: &usize| bit % STRIDE == 0 || !long.iter().any(|part| part.contains(&(bit / 8)));
    (0..bytes.len() * 8).filter(is_tried).map(|bit| {
        let mut changed = bytes.to_vec();
        changed[bit / 8] ^= 1 << (bit % 8);
        (bit, changed)
    })
}

#[test]
fn no_bit_of_a_bundle_can_be_changed() {
    in_each_suite(|suite| {
        let mut world = World::of_limited(suite, publishing(3), 15);
        let bundle = world.server.hand_out();
        let kem_keys = [signed_kem_key(suite, &bundle), one_time_kem_key(suite, bundle.len())];
        let signed_bits = (bundle.len() - one_time_prekey(suite)) * 8;
        let mut found_by_bob = 0;
        for (bit, forged) in each_bit(&bundle, &kem_keys) {
            if find_out(&mut world, &forged) == FoundOut::ByBob {
                assert!(bit >= signed_bits, "bit {bit} got past Alice");
                found_by_bob += 1;
            }
        }
        match suite {
            // Of the one-time prekey only bit 255 is not found out by Bob: then it is not canonical.
            Suite::Classical => assert_eq!(found_by_bob, one_time_prekey(suite) * 8 - 1),
            // There it is signed.
            Suite::Hybrid => assert_eq!(found_by_bob, 0),
        }
        is_good(&mut world, &bundle);
    });
}

#[test]
fn no_bit_of_a_bundle_without_one_time_prekey_can_be_changed() {
    in_each_suite(|suite| {
        let mut world = World::of_limited(suite, publishing(0), 16);
        let bundle = world.server.hand_out();
        for (bit, forged) in each_bit(&bundle, &[signed_kem_key(suite, &bundle)]) {
            assert_eq!(find_out(&mut world, &forged), FoundOut::ByAlice, "bit {bit}");
        }
        is_good(&mut world, &bundle);
    });
}

#[test]
fn no_bit_of_an_upload_can_be_changed() {
    in_each_suite(|suite| {
        let mut world = World::of_limited(suite, publishing(3), 17);
        let bundles: Vec<_> = (0..3).map(|_| world.server.hand_out()).collect();
        let upload = world.upload.encode();
        // In suite 2 each of them ends with a signature, too.
        let one_time_ends = (0..3).map(|place| upload.len() - place * one_time_prekey(suite));
        let mut long: Vec<_> = one_time_ends
            .map(|end| match suite {
                Suite::Classical => end..end,
                Suite::Hybrid => one_time_kem_key(suite, end).start..end,
            })
            .collect();
        let Range { start, end } = signed_kem_key(suite, &upload[1..]);
        long.push(start + 1..end + 1);
        let (mut found_by_alice, mut found_by_bob) = (0, 0);
        for (bit, forged) in each_bit(&upload, &long) {
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
        assert!(found_by_alice > 3 * 1_000, "{found_by_alice}");
        match suite {
            Suite::Classical => assert!(found_by_bob > 3 * 255, "{found_by_bob}"),
            Suite::Hybrid => assert_eq!(found_by_bob, 0),
        }
        for bundle in bundles {
            is_good(&mut world, &bundle);
        }
    });
}

/// Whether all coefficients, of 12 bits each, are below the modulus (FIPS 203 §7.2). The last 32 bytes have none.
fn is_canonical(key: &[u8]) -> bool {
    let coefficients = key[..key.len() - 32].chunks_exact(3).flat_map(|three| {
        let [low, middle, high] = [three[0], three[1], three[2]].map(u16::from);
        [low | (middle & 0xf) << 8, middle >> 4 | high << 4]
    });
    coefficients.into_iter().all(|coefficient| coefficient < 3_329)
}

#[test]
fn an_altered_ml_kem_key_is_malformed_if_it_is_not_canonical_and_else_badly_signed() {
    let suite = Suite::Hybrid;
    let mut world = World::of_limited(suite, publishing(1), 22);
    let bundle = world.server.hand_out();
    let keys = [signed_kem_key(suite, &bundle), one_time_kem_key(suite, bundle.len())];
    let (mut malformed, mut badly_signed) = (0, 0);
    for key in keys {
        assert!(is_canonical(&bundle[key.clone()]));
        for place in key.clone().step_by(5).chain([key.end - 1]) {
            for mask in [0x01, 0x08, 0x80, 0xff] {
                let mut forged = bundle.clone();
                forged[place] ^= mask;
                let decoded = PreKeyBundle::decode(&forged);
                if is_canonical(&forged[key.clone()]) {
                    let verified = decoded.unwrap().verify(NOW).map(drop);
                    assert_eq!(verified, Err(VerifyError::BadSignature), "byte {place}");
                    badly_signed += 1;
                } else {
                    assert_eq!(decoded, Err(DecodeError::Malformed), "byte {place}");
                    malformed += 1;
                }
            }
        }
        // An upload with it is none either.
        let mut forged = bundle.clone();
        forged[key.start + 6..][..3].fill(0xff);
        let (signed_part, one_time) = forged.split_at(forged.len() - one_time_prekey(suite));
        let upload = [&[1], &signed_part[..signed_part.len() - 1], one_time].concat();
        assert_eq!(PreKeyUpload::decode(&upload), Err(DecodeError::Malformed));
    }
    assert!(malformed > 200 && badly_signed > 1_000, "{malformed} and {badly_signed}");
    is_good(&mut world, &bundle);
}

/// A carrier may say that none is left, and so the first message can be repeated as long as the signed prekey is held. That
/// is all that it can do.
#[test]
fn a_one_time_prekey_is_left_out_of_a_bundle_whole_or_not_at_all() {
    in_each_suite(|suite| {
        let mut world = World::of_limited(suite, publishing(2), 23);
        let bundle = world.server.hand_out();
        let flag = bundle.len() - one_time_prekey(suite) - 1;
        for (end, says) in [(bundle.len(), 0), (flag + 1, 1), (bundle.len(), 2), (flag + 5, 1)] {
            let mut forged = bundle[..end].to_vec();
            forged[flag] = says;
            assert_eq!(PreKeyBundle::decode(&forged), Err(DecodeError::Malformed), "{end}, {says}");
        }
        let mut without = bundle[..=flag].to_vec();
        without[flag] = 0;
        let verified = PreKeyBundle::decode(&without).unwrap().verify(NOW).unwrap();
        assert!(!verified.has_one_time_prekey() && verified.suite() == suite);
        is_good(&mut world, &without);
        is_good(&mut world, &bundle);
    });
}

#[test]
fn the_id_of_a_one_time_prekey_is_neither_taken_from_a_first_message_nor_put_in() {
    in_each_suite(|suite| {
        let mut world = World::of_limited(suite, publishing(2), 24);
        let [with, _, without] = [(); 3].map(|()| world.server.hand_out());
        let [with, without] = [with, without]
            .map(|bundle| send(&mut world.initiate_with(&bundle), "first", &mut world.rng));
        let (flag, id) = (6, 7..EPHEMERAL);
        let mut taken = with.clone();
        taken[flag] = 0;
        taken.drain(id.clone());
        let mut put_in = without.clone();
        put_in[flag] = 1;
        put_in.splice(id.start..id.start, [0, 0, 0, 2]);
        for forged in [taken, put_in] {
            assert!(matches!(Envelope::decode(&forged), Ok(Envelope::Initial(_))));
            assert_eq!(accept_refusal(&mut world.bob, &forged), AcceptError::Undecryptable);
        }
        for message in [&with, &without] {
            assert_eq!(world.accept(message).received.body, b"first");
        }
    });
}

#[test]
fn an_altered_ml_kem_ciphertext_is_undecryptable_and_spends_nothing() {
    for limits in [publishing(1), publishing(0)] {
        let mut world = World::of_limited(Suite::Hybrid, limits, 25);
        let mut alice = world.initiate();
        let first = send(&mut alice, "first", &mut world.rng);
        let Range { start, end } = ciphertext(&first);
        assert_eq!(end - start, 1_568);
        for place in (start..end).step_by(50).chain([end - 1]) {
            for mask in [0x01, 0xff] {
                let mut forged = first.clone();
                forged[place] ^= mask;
                let refused = accept_refusal(&mut world.bob, &forged);
                assert_eq!(refused, AcceptError::Undecryptable, "byte {place}");
            }
        }
        let mut bob = world.accept(&first).session;
        // The next one has the same handshake, by which its session knows it.
        let second = send(&mut alice, "second", &mut world.rng);
        let mut forged = second.clone();
        forged[start + 9] ^= 1;
        assert_eq!(refusal(&mut bob, &forged), DecryptError::OtherSession);
        assert_eq!(receive(&mut bob, &second).body, b"second");
    }
}

#[test]
fn a_bundle_or_an_upload_has_no_other_length() {
    in_each_suite(|suite| {
        let mut world = World::of_limited(suite, publishing(1), 18);
        let (with, without) = (world.server.hand_out(), world.server.hand_out());
        for bundle in [with, without] {
            for length in 0..bundle.len() {
                assert_eq!(PreKeyBundle::decode(&bundle[..length]), Err(DecodeError::Malformed));
            }
            for extension in [&[0][..], &[1], &vec![0; one_time_prekey(suite)]] {
                let longer = [bundle.as_slice(), extension].concat();
                assert_eq!(PreKeyBundle::decode(&longer), Err(DecodeError::Malformed));
            }
        }
        let upload = world.upload.encode();
        let shortest = 1 + world.upload.signed_part().len();
        for length in 0..upload.len() {
            let decoded = PreKeyUpload::decode(&upload[..length]);
            let is_whole = length >= shortest && (length - shortest) % one_time_prekey(suite) == 0;
            assert_eq!(decoded.is_ok(), is_whole, "{length} bytes");
        }
        // The ids no longer ascend.
        let repeated = [&upload, &upload[upload.len() - one_time_prekey(suite)..]].concat();
        assert_eq!(PreKeyUpload::decode(&repeated), Err(DecodeError::Malformed));
    });
}

#[test]
fn parts_of_two_devices_bundles_do_not_combine() {
    in_each_suite(|suite| {
        let mut world = World::of_limited(suite, publishing(3), 19);
        let bundle = world.server.hand_out();
        let mut mallory = account_of(suite, "mallory@example/desktop", Limits::default(), 19);
        let mallory = mallory.maintain(None, NOW, &mut rng(19)).upload.unwrap();
        let with = PublishedPreKeys::new(mallory).hand_out();

        let one_time = bundle.len() - one_time_prekey(suite);
        let theirs = &with[with.len() - one_time_prekey(suite)..];
        let combined = [&bundle[..one_time], theirs].concat();
        let found_out = match suite {
            Suite::Classical => FoundOut::ByBob,
            Suite::Hybrid => FoundOut::ByAlice,
        };
        assert_eq!(find_out(&mut world, &combined), found_out);

        // Mallory's identity on Bob's prekey, and the other way about.
        for (identity, rest) in [(&with, &bundle), (&bundle, &with)] {
            let combined = [&identity[..BEFORE_ADDRESS], &rest[BEFORE_ADDRESS..]].concat();
            let bundle = PreKeyBundle::decode(&combined).unwrap();
            assert_eq!(bundle.verify(NOW), Err(VerifyError::BadSignature));
        }
        is_good(&mut world, &bundle);
    });
}

#[test]
fn a_one_time_prekey_of_small_order_starts_no_session() {
    in_each_suite(|suite| {
        let mut world = World::of_limited(suite, publishing(3), 20);
        let bundle = world.server.hand_out();
        let mut forged = bundle.clone();
        let key = bundle.len() - one_time_prekey(suite) + 4;
        for least in [0, 1] {
            forged[key..][..32].fill(0);
            forged[key] = least;
            let verified = PreKeyBundle::decode(&forged).unwrap().verify(NOW);
            match suite {
                Suite::Classical => {
                    let error = world.alice.initiate(&verified.unwrap(), &mut world.rng);
                    assert_eq!(error.unwrap_err(), InitiateError::WeakKey);
                }
                Suite::Hybrid => assert_eq!(verified, Err(VerifyError::BadSignature)),
            }
        }
        is_good(&mut world, &bundle);
    });
}

/// Bob in a conversation that has held keys, and Alice's next message.
fn bob_and_a_message(suite: Suite) -> (Receiver, Vec<u8>) {
    let mut world = World::of_limited(suite, publishing(2), 21);
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
        Just(&[0x11, 2, 0, 0, 0, 1, 0][..]),
        Just(&[0x11, 2, 0, 0, 0, 1, 1, 0, 0, 0, 2][..]),
    ]
}

proptest! {
    #![proptest_config(repeatable(500))]

    #[test]
    fn random_bytes_open_nowhere(
        suite in select(&SUITES[..]),
        beginning in beginning(),
        rest in prop_oneof![
            prop::collection::vec(any::<u8>(), 0..600),
            prop::collection::vec(any::<u8>(), 1_900..2_200),
        ],
    ) {
        let bytes = [beginning, &rest].concat();
        let (mut bob, message) = bob_and_a_message(suite);
        let before = bob.state();
        bob.refuses(&bytes, AD);
        prop_assert!(bob.state() == before);
        prop_assert_eq!(bob.opens(&message), b"true");
        prop_assert!(PreKeyBundle::decode(&bytes).is_err());
        prop_assert!(PreKeyUpload::decode(&bytes).is_err());
    }

    #[test]
    fn a_message_with_a_random_stretch_opens_nowhere(
        suite in select(&SUITES[..]),
        start in any::<Index>(),
        stretch in prop::collection::vec(any::<u8>(), 1..100),
    ) {
        let (mut bob, message) = bob_and_a_message(suite);
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
