//! Snapshots of all released forms open, and go on.
//!
//! The files in `tests/vectors/snapshots/` were written by the release that first had their form, and never
//! change; the messages that go on from them stand beside them. A new form brings new files.

mod support;

use std::path::PathBuf;
use std::{env, fs};

use evanesce::{
    AcceptError, Account, Address, Contact, DecryptError, Limits, Payload, Peer, RatchetKeyPair,
    Role, Session, SnapshotError, Stamp, StorageKey,
};
use support::pair::Pair;
use support::{AD, NOW, Stateful, World, receive, rng, send, state};

const KEY: [u8; 32] = [0x42; 32];
const ROW: &[u8] = b"row 7";

fn file(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/vectors/snapshots").join(name)
}

fn read(name: &str) -> Vec<u8> {
    let path = file(name);
    fs::read(&path).unwrap_or_else(|error| panic!("{path:?}: {error}"))
}

/// Takes a state from its file, and finds that it would be written the same today.
fn restored<State: Stateful>(name: &str) -> State {
    let file = read(name);
    let restored = State::try_restore(&file).unwrap();
    assert!(state(&restored) == file, "{name} is written differently now");
    restored
}

#[test]
fn sessions_of_form_1_open_and_go_on() {
    let mut alice: Session = restored("session-alice-1");
    let mut bob: Session = restored("session-bob-1");
    assert_eq!((alice.role(), bob.role()), (Role::Initiator, Role::Responder));
    assert_eq!(bob.held_keys(), 3);
    assert_eq!(receive(&mut alice, &read("message-to-alice-1")).body, b"to alice");
    let late = read("message-late-to-bob-1");
    assert_eq!(receive(&mut bob, &late).body, b"2");
    assert_eq!(receive(&mut bob, &read("message-to-bob-1")).body, b"2");
    assert_eq!(bob.decrypt(&late, AD, NOW), Err(DecryptError::Duplicate));
    let answer = send(&mut alice, "answer", &mut rng(9));
    assert_eq!(receive(&mut bob, &answer).body, b"answer");
}

#[test]
fn a_pending_session_of_form_1_opens_and_begins() {
    let mut pending: Session = restored("session-pending-1");
    assert!(!pending.is_answered());
    let first = send(&mut pending, "first", &mut rng(10));
    let mut account: Account = restored("account-of-pending-1");
    let accepted = account.accept(&first, AD, NOW).unwrap();
    assert_eq!(accepted.received.body, b"first");
    let answer = send(&mut { accepted.session }, "answer", &mut rng(11));
    assert_eq!(receive(&mut pending, &answer).body, b"answer");
}

#[test]
fn an_account_of_form_1_opens_and_accepts() {
    let mut account: Account = restored("account-1");
    assert_eq!(account.limits().session.max_skip, 77);
    assert_eq!(account.device().address, Address::new("bob@example/laptop").unwrap());
    let accepted = account.accept(&read("message-to-account-1"), AD, NOW).unwrap();
    assert_eq!(accepted.received.body, b"to an older prekey");
    assert_eq!(accepted.received.stamp, Ok(Stamp::NONE));
    let replayed = account.accept(&read("message-replayed-to-account-1"), AD, NOW);
    assert_eq!(replayed.map(drop), Err(AcceptError::Replayed));
}

#[test]
fn a_peer_of_form_1_opens_and_goes_on() {
    let mut account: Account = restored("account-of-peer-1");
    let mut peer: Peer = restored("peer-1");
    assert!(matches!(peer.contact(), Contact::Accepted(_)));
    assert_eq!(peer.sessions().count(), 2);
    for (message, body) in [("message-late-to-peer-1", "late"), ("message-to-peer-1", "last")] {
        let delivered = peer.decrypt(&mut account, &read(message), AD, NOW).unwrap();
        assert_eq!(delivered.received.body, body.as_bytes());
    }
    assert!(peer.encrypt(&Payload::new("on"), AD, NOW, &mut rng(12)).is_ok());
    let request: Peer = restored("peer-request-1");
    assert!(matches!(request.contact(), Contact::Request(_)));
}

#[test]
fn a_ratchet_key_pair_of_form_1_opens() {
    let pair: RatchetKeyPair = restored("ratchet-key-pair-1");
    assert_eq!(pair.public_key(), RatchetKeyPair::from_secret(&[6; 32]).public_key());
}

#[test]
fn a_sealed_session_of_form_1_opens() {
    let key = StorageKey::new(&KEY);
    let session = Session::unseal(&read("session-bob-1-sealed"), &key, ROW).unwrap();
    assert!(state(&session) == read("session-bob-1"));
    let elsewhere = Session::unseal(&read("session-bob-1-sealed"), &key, b"row 8");
    assert_eq!(elsewhere.map(drop), Err(SnapshotError::Undecryptable));
}

/// What this release makes of the same stories. With `EVANESCE_WRITE_SNAPSHOTS=DIRECTORY` the files go there:
/// that is how those of a form that is new are made.
#[test]
fn this_release_writes_what_the_first_one_wrote() {
    write_sessions();
    write_account();
    write_peers();
    write("ratchet-key-pair-1", &RatchetKeyPair::from_secret(&[6; 32]).snapshot());
}

fn write(name: &str, bytes: &[u8]) {
    match env::var_os("EVANESCE_WRITE_SNAPSHOTS") {
        Some(directory) => fs::write(PathBuf::from(directory).join(name), bytes).unwrap(),
        None => assert!(read(name) == bytes, "{name} is written differently now"),
    }
}

/// Two sessions in the middle of a conversation, Bob's with held keys of two chains; and one that has not
/// been answered, with the account that it is for.
fn write_sessions() {
    let mut talk = support::started(1);
    let first = talk.alice_sends_many(4);
    receive(&mut talk.bob, &first[1]);
    receive(&mut talk.bob, &first[3]);
    talk.goes_on();
    let second = talk.alice_sends_many(3);
    receive(&mut talk.bob, &second[1]);
    write("message-to-alice-1", &talk.bob_sends("to alice"));
    write("message-late-to-bob-1", &first[2]);
    write("message-to-bob-1", &second[2]);
    write("session-alice-1", &state(&talk.alice));
    write("session-bob-1", &state(&talk.bob));
    write("session-bob-1-sealed", &talk.bob.seal(&StorageKey::new(&KEY), ROW, &mut rng(7)));
    let mut world = World::new(4);
    write("session-pending-1", &state(&world.initiate()));
    write("account-of-pending-1", &state(&world.bob));
}

/// An account with a replaced signed prekey, a spent one-time prekey and a handshake that was recorded.
fn write_account() {
    let mut limits = Limits::default();
    limits.prekeys.one_time_prekeys = 3;
    limits.session.max_skip = 77;
    let mut world = World::with_limits(limits, 2);
    let without_one_time = world.upload.bundle().encode();
    for bundle in [world.server.hand_out(), without_one_time] {
        let first = send(&mut world.initiate_with(&bundle), "first", &mut rng(8));
        world.accept(&first);
        if bundle.last() == Some(&0) {
            write("message-replayed-to-account-1", &first);
        }
    }
    let first = send(&mut world.initiate(), "to an older prekey", &mut world.rng);
    write("message-to-account-1", &first);
    assert!(world.bob.rotate_signed_prekey(NOW, &mut world.rng).changes.account);
    write("account-1", &state(&world.bob));
}

/// A peer with two sessions, and one that wrote first.
fn write_peers() {
    let mut pair = Pair::talking(3);
    write("message-late-to-peer-1", &pair.alice_sends("late"));
    pair.alice.begins(&mut pair.bob.server, NOW);
    let anew = pair.alice_sends("anew");
    pair.bob.receives(&anew);
    write("message-to-peer-1", &pair.alice_sends("last"));
    write("peer-1", &state(&pair.bob.peer));
    write("account-of-peer-1", &state(&pair.bob.account));
    let mut pair = Pair::new(4);
    let first = pair.alice_sends("first");
    pair.bob.receives(&first);
    write("peer-request-1", &state(&pair.bob.peer));
}
