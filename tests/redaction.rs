//! What is printed, logged or reported tells nothing that is secret.

mod support;

use std::error::Error;
use std::fmt::Debug;

use evanesce::expiry::{
    Age, ContentKey, ConversationId, EditError, ExpiryScheduler, MalformedStamp, MemberTag,
    MessageId, NewMessage, OpenError, Opens, RecordError, RecordKey, Stamp, VersionOutOfRange,
};
use evanesce::limits::{Limits, SessionLimits};
use evanesce::server::PublishedPreKeys;
use evanesce::session::{
    AcceptError, DecryptError, EncryptError, ExternalHandshake, InitiateError, NotCanonical,
    RatchetKeyPair, Session, SharedSecret,
};
use evanesce::snapshot::{SnapshotError, StorageKey};
use evanesce::{
    Account, Address, AddressLength, DecodeError, IdentityKeyError, Payload, PeerDecryptError,
    PeerEncryptError, PeerInitiateError, PreKeyBundle, ScanError, VerifyError,
};
use support::pair::Pair;
use support::{AD, Draws, NOW, World, account, receive, rng, secrets, started};

/// How much of a secret in a row counts as shown.
const WINDOW: usize = 8;

/// All that `Debug` can be asked for, without white space and in lower case.
fn printed(value: &impl Debug) -> String {
    let forms = [
        format!("{value:?}"),
        format!("{value:#?}"),
        format!("{value:x?}"),
        format!("{value:02x?}"),
    ];
    forms.join("\n").to_lowercase().split_whitespace().collect()
}

/// Whether a part of the bytes is printed: as a list of numbers, in hex or as text.
fn shows(printed: &str, bytes: &[u8]) -> bool {
    let written = |window: &[u8], separator: &str, write: fn(&u8) -> String| {
        window.iter().map(write).collect::<Vec<_>>().join(separator)
    };
    bytes.windows(WINDOW).any(|window| {
        let forms = [
            written(window, ",", u8::to_string),
            written(window, ",", |byte| format!("{byte:x}")),
            written(window, ",", |byte| format!("{byte:02x}")),
            written(window, "", |byte| format!("{byte:02x}")),
            window.escape_ascii().to_string().to_lowercase(),
        ];
        forms.iter().any(|form| printed.contains(form))
    })
}

fn check_redacted(value: &impl Debug, secrets: &[[u8; 32]]) {
    let printed = printed(value);
    assert!(!printed.is_empty() && !secrets.is_empty());
    for secret in secrets {
        assert!(!shows(&printed, secret), "{secret:?} is in {value:?}");
    }
}

/// So that the checks of this file can fail.
#[test]
fn what_is_not_secret_is_found_in_what_is_printed() {
    let talk = started(1);
    let id = talk.alice.id();
    assert!(shows(&printed(&talk.alice), id.as_bytes()));
    for shown in [hex::encode(id.as_bytes()), hex::encode_upper(id.as_bytes())] {
        assert!(shows(&printed(&shown), id.as_bytes()));
    }
    assert!(shows(&printed(id.as_bytes()), &id.as_bytes()[24..]));
    assert!(shows(&printed(&talk.alice.peer()), b"bob@example/laptop"));
    assert!(!shows(&printed(&talk.alice), &[1, 2, 3, 4, 5, 6, 7, 8]));
}

#[test]
fn an_account_does_not_print_its_secrets() {
    let mut limits = Limits::default();
    limits.prekeys.one_time_prekeys = 3;
    let mut draws = Draws::new(2);
    let address = Address::new("bob").unwrap();
    let mut account = Account::generate_with_limits(address, limits, NOW, &mut draws);
    assert!(account.rotate_signed_prekey(NOW, &mut draws).changes.account);
    assert!(account.maintain(None, NOW, &mut draws).changes.account);
    // The identity, two signed prekeys, three one-time prekeys: all that was drawn is stored.
    let secrets = secrets(&account);
    assert_eq!(secrets.len(), 6);
    assert!(draws.made.iter().all(|draw| secrets.contains(draw)));
    check_redacted(&account, &secrets);
}

#[test]
fn a_session_does_not_print_its_secrets() {
    let mut world = World::new(3);
    let pending = world.initiate();
    let mut talk = world.start();
    let late = talk.alice_sends_many(4);
    receive(&mut talk.bob, &late[2]);
    talk.bob_answers();
    let next = talk.alice_sends("next");
    receive(&mut talk.bob, &next);
    // Root, chain, header and ratchet keys, and those held for late messages.
    for (session, least) in [(&pending, 3), (&talk.alice, 7), (&talk.bob, 8)] {
        let secrets = secrets(session);
        assert!(secrets.len() >= least, "{} secrets", secrets.len());
        check_redacted(session, &secrets);
    }
}

#[test]
fn an_accepted_session_does_not_print_its_secrets() {
    let mut world = World::new(4);
    let mut draws = Draws::new(4);
    let bundle = PreKeyBundle::decode(&world.server.hand_out()).unwrap().verify(NOW).unwrap();
    let mut alice = world.alice.initiate(&bundle, &mut draws).unwrap();
    let first = alice.encrypt(&Payload::new("first"), AD, &mut draws).unwrap();
    let accepted = world.accept(&first);
    check_redacted(&accepted, &secrets(&accepted.session));
    assert_eq!(draws.made.len(), 2);
    check_redacted(&(alice, accepted, bundle), &draws.made);
}

#[test]
fn a_peer_does_not_print_its_secrets() {
    let mut pair = Pair::talking(21);
    pair.alice.begins(&mut pair.bob.server, NOW);
    let anew = pair.alice_sends("anew");
    pair.bob.receives(&anew);
    let secrets = secrets(&pair.bob.peer);
    assert!(secrets.len() > 10);
    check_redacted(&pair.bob.peer, &secrets);
}

#[test]
fn a_message_does_not_print_what_it_says() {
    let body = b"what-nobody-but-the-two-may-read";
    let payload = Payload::new(body);
    let mut talk = started(7);
    let message = talk.alice.encrypt(&payload, AD, &mut talk.rng).unwrap();
    let received = receive(&mut talk.bob, &message);
    assert_eq!(received.body, body);
    check_redacted(&received, &[*body]);
    check_redacted(&payload, &[*body]);
}

#[test]
fn an_external_handshake_does_not_print_its_secret() {
    let secret: [u8; 32] = std::array::from_fn(|index| 200 - u8::try_from(index).unwrap());
    check_redacted(&SharedSecret::new(&secret), &[secret]);
    let world = World::new(5);
    let handshake = ExternalHandshake {
        secret: SharedSecret::new(&secret),
        initiator: world.alice.device(),
        responder: world.bob.device(),
    };
    check_redacted(&handshake, &[secret]);

    let mut draws = Draws::new(5);
    let pair = RatchetKeyPair::generate(&mut draws);
    assert_eq!(secrets(&pair), draws.made);
    check_redacted(&pair, &draws.made);
    let waiting = Session::accept_external(handshake, pair, SessionLimits::default());
    check_redacted(&waiting, &secrets(&waiting));
    check_redacted(&waiting, &[secret, draws.made[0]]);
    check_redacted(&RatchetKeyPair::from_secret(&secret), &[secret]);
}

#[test]
fn a_storage_key_does_not_print_itself() {
    let bytes: [u8; 32] = std::array::from_fn(|index| 100 + u8::try_from(index).unwrap());
    check_redacted(&StorageKey::new(&bytes), &[bytes]);
}

#[test]
fn a_scheduler_does_not_print_its_secrets() {
    let (now, mut draws) = (support::clock(NOW), Draws::new(8));
    let mut scheduler = ExpiryScheduler::new(now, &mut draws);
    let content_key = ContentKey::generate(&mut draws);
    check_redacted(&content_key, &draws.made);
    let (id, chat) = (MessageId::from(1), ConversationId::named(b"alice"));
    let message = NewMessage::new(id, chat, MemberTag([1; 8])).sealed_under(content_key);
    check_redacted(&message, &draws.made);
    let stamp = Ok(Stamp::NONE.with_opens(Opens::Twice));
    let arrival = scheduler.received(message, &stamp, Age::NONE, now);
    let holds = |bytes: &[u8]| bytes.windows(32).any(|part| part == draws.made[1]);
    assert!(arrival.effects.writes.iter().any(|row| holds(row.value.as_ref().unwrap())));
    check_redacted(&arrival, &draws.made);
    check_redacted(&scheduler, &draws.made);
    let opening = scheduler.open(id, now).unwrap();
    check_redacted(&opening, &draws.made);
    assert!(opening.release().is_some());
}

#[test]
fn a_server_has_no_secret_to_print() {
    let mut bob = account("bob", Limits::default(), 6);
    let upload = bob.maintain(None, NOW, &mut rng(6)).upload.unwrap();
    let secrets = secrets(&bob);
    assert_eq!(secrets.len(), 102);
    for secret in &secrets {
        assert!(upload.encode().windows(32).all(|bytes| bytes != secret));
    }
    check_redacted(&PublishedPreKeys::new(upload), &secrets);
}

/// An error says which of a few things is wrong, in words, and carries nothing.
fn check_errors<E: Error + Copy + 'static>(errors: &[E]) {
    assert!(size_of::<E>() <= 1, "an error carries more than its name");
    for error in errors {
        let debug = format!("{error:?}");
        assert!(!debug.is_empty());
        assert!(!debug.contains(|letter: char| letter.is_ascii_digit()), "{debug}");
    }
    check_texts(errors);
}

fn check_texts<E: Error>(errors: &[E]) {
    let mut texts = Vec::new();
    for error in errors {
        let text = error.to_string();
        assert!(!text.is_empty() && error.source().is_none());
        assert!(!texts.contains(&text), "{text} twice");
        texts.push(text);
    }
    // Two of them state a bound, which is the same for everybody.
    let states_a_bound =
        ["an address has 1 to 64 bytes", "a setting's version is from 1 to 2^63 - 1"];
    for text in texts.iter().filter(|text| !states_a_bound.contains(&text.as_str())) {
        assert!(!text.contains(|letter: char| letter.is_ascii_digit()), "{text}");
    }
}

fn record_key() -> RecordKey {
    let scheduler = ExpiryScheduler::new(support::clock(NOW), &mut rng(9));
    scheduler.records().next().unwrap().key
}

#[test]
fn errors_speak_in_words_and_carry_nothing() {
    check_errors(&[
        AcceptError::Malformed,
        AcceptError::Unsupported,
        AcceptError::NoSession,
        AcceptError::UnknownPreKey,
        AcceptError::Undecryptable,
        AcceptError::Replayed,
        AcceptError::ReplayRecordFull,
    ]);
    check_errors(&[
        DecryptError::Malformed,
        DecryptError::Unsupported,
        DecryptError::OtherSession,
        DecryptError::Undecryptable,
        DecryptError::Duplicate,
        DecryptError::Expired,
        DecryptError::Forked,
    ]);
    check_errors(&[
        EncryptError::ChainFull,
        EncryptError::TooLarge,
        EncryptError::Waiting,
        EncryptError::WeakKey,
    ]);
    check_errors(&[
        VerifyError::Malformed,
        VerifyError::WeakKey,
        VerifyError::BadSignature,
        VerifyError::NotYetValid,
        VerifyError::Expired,
    ]);
    check_errors(&[
        SnapshotError::Malformed,
        SnapshotError::Unsupported,
        SnapshotError::WrongKind,
        SnapshotError::Undecryptable,
        SnapshotError::Corrupt,
    ]);
    let identity = World::new(20).alice.device().identity;
    // These carry the identity that the user is to be told of, and do not print it as text.
    check_texts(&[
        PeerDecryptError::Malformed,
        PeerDecryptError::Unsupported,
        PeerDecryptError::Refused,
        PeerDecryptError::NoSession,
        PeerDecryptError::UnknownPreKey,
        PeerDecryptError::Undecryptable,
        PeerDecryptError::Duplicate,
        PeerDecryptError::Expired,
        PeerDecryptError::Forked,
        PeerDecryptError::Replayed,
        PeerDecryptError::ReplayRecordFull,
        PeerDecryptError::OtherAddress,
        PeerDecryptError::IdentityChanged(identity),
    ]);
    check_errors(&[
        PeerEncryptError::Request,
        PeerEncryptError::NeedsSession,
        PeerEncryptError::TooLarge,
    ]);
    check_texts(&[
        PeerInitiateError::Request,
        PeerInitiateError::OtherAddress,
        PeerInitiateError::IdentityChanged(identity),
        PeerInitiateError::WeakKey,
    ]);
    check_errors(&[ScanError::Mismatch, ScanError::Malformed, ScanError::Unsupported]);
    check_errors(&[DecodeError::Malformed, DecodeError::Unsupported]);
    check_errors(&[IdentityKeyError::Malformed, IdentityKeyError::WeakKey]);
    check_errors(&[InitiateError::WeakKey]);
    check_errors(&[AddressLength]);
    check_errors(&[EditError::NotAuthor, EditError::Unknown, EditError::Gone]);
    check_errors(&[
        OpenError::Unknown,
        OpenError::Gone,
        OpenError::NotReady,
        OpenError::Withheld,
        OpenError::Ours,
    ]);
    check_texts(&[
        RecordError::NoHead,
        RecordError::Malformed(record_key()),
        RecordError::Unsupported(record_key()),
    ]);
    check_errors(&[MalformedStamp]);
    check_errors(&[NotCanonical]);
    check_errors(&[VersionOutOfRange]);
}
