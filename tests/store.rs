//! What is stored comes back as it was, or not at all.

#[path = "support/household.rs"]
mod household;
mod support;

use std::collections::BTreeMap;

use evanesce::expiry::{
    ConversationId, ExpiryScheduler, MemberTag, MessageId, NewMessage, Policy, Stamp,
};
use evanesce::limits::SessionLimits;
use evanesce::person::{OwnDevices, Person};
use evanesce::session::{ExternalHandshake, RatchetKeyPair, Session, SharedSecret};
use evanesce::snapshot::{SnapshotError, StorageKey};
use evanesce::{Account, Address, Peer, Suite, Timestamp};
use support::phases::{self, Moment};
use support::stored_form::{self, Kind};
use support::{
    Draws, NOW, SUITES, Talk, World, in_each_suite, publishing, receive, restored, rng, send,
    started, state,
};

/// A conversation in which Bob holds keys of his current chain and of an older one.
fn with_late_messages(suite: Suite) -> Talk {
    let mut talk = World::of(suite, 1).start();
    let first = talk.alice_sends_many(3);
    receive(&mut talk.bob, &first[1]);
    talk.goes_on();
    let second = talk.alice_sends_many(4);
    receive(&mut talk.bob, &second[3]);
    assert_eq!(talk.bob.held_keys(), 5);
    talk
}

/// Bob's peer with a session, and one without.
fn peers(suite: Suite) -> [Peer; 2] {
    let mut world = World::of(suite, 4);
    let first = send(&mut world.initiate(), "first", &mut world.rng);
    let address = Address::new("alice@example/phone").unwrap();
    let mut peer = Peer::new(address.clone());
    let _ = peer.decrypt(&mut world.bob, &first, support::AD, NOW).unwrap();
    [peer, Peer::new(address)]
}

/// Both sides of a session from a handshake of the application's own.
fn external(suite: Suite) -> [Session; 2] {
    let world = World::of(suite, 5);
    let handshake = || ExternalHandshake {
        secret: SharedSecret::of_suite(suite, &[7; 32]),
        initiator: world.alice.device(),
        responder: world.bob.device(),
    };
    let pair = RatchetKeyPair::generate(&mut rng(5));
    let (key, limits) = (pair.public_key(), SessionLimits::default);
    let alice = Session::initiate_external(handshake(), key, limits()).unwrap();
    [alice, Session::accept_external(handshake(), pair, limits())]
}

/// Sessions in all states.
fn sessions() -> Vec<Session> {
    let mut sessions = Vec::new();
    for suite in SUITES {
        let Talk { alice, bob, .. } = with_late_messages(suite);
        let mut world = World::of(suite, 2);
        let mut without_one_time = World::of_limited(suite, publishing(0), 3);
        let first = send(&mut world.initiate(), "first", &mut world.rng);
        let accepted = world.accept(&first).session;
        sessions.extend([alice, bob, accepted, world.initiate(), without_one_time.initiate()]);
        sessions.extend(external(suite));
    }
    for Moment { talk: Talk { alice, bob, .. }, .. } in phases::moments(10) {
        sessions.extend([alice, bob]);
    }
    sessions
}

/// One of each kind and state.
fn for_each_state(check: impl Fn(&dyn Fn(&[u8]) -> Result<Vec<u8>, SnapshotError>, &[u8])) {
    for session in sessions() {
        check(&|bytes| Session::restore(bytes).map(|session| state(&session)), &state(&session));
    }
    in_each_suite(|suite| {
        let mut account = World::of_limited(suite, publishing(20), 2).bob;
        assert!(account.rotate_signed_prekey(NOW, &mut rng(2)).changes.account);
        check(&|bytes| Account::restore(bytes).map(|account| state(&account)), &state(&account));
        for peer in peers(suite) {
            check(&|bytes| Peer::restore(bytes).map(|peer| state(&peer)), &state(&peer));
        }
    });
    let mut scheduler = ExpiryScheduler::new(support::clock(NOW), &mut rng(6));
    let message = NewMessage::new(MessageId::from(1), ConversationId([2; 16]), MemberTag([3; 8]));
    let stamp = Stamp::NONE.with_policy(Policy::OnClose);
    let _ = scheduler.queued(message, &stamp, support::clock(NOW));
    check(
        &|bytes| ExpiryScheduler::restore(bytes).map(|restored| state(&restored)),
        &state(&scheduler),
    );
    for (name, bytes) in household::in_the_midst_of_things(&mut rng(7)) {
        if name.starts_with("person") {
            check(&|bytes| Person::restore(bytes).map(|person| state(&person)), &bytes);
        } else if name.starts_with("own-devices") {
            check(&|bytes| OwnDevices::restore(bytes).map(|own| state(&own)), &bytes);
        } else if name == "peer-with-notices-1" {
            check(&|bytes| Peer::restore(bytes).map(|peer| state(&peer)), &bytes);
        }
    }
    let pair = RatchetKeyPair::generate(&mut rng(5)).snapshot();
    check(&|bytes| RatchetKeyPair::restore(bytes).map(|pair| pair.snapshot().to_vec()), &pair);
}

#[test]
fn a_session_goes_on_from_what_was_stored() {
    in_each_suite(|suite| {
        let mut talk = with_late_messages(suite);
        let before = state(&talk.bob);
        talk.bob = restored(&talk.bob);
        assert!(state(&talk.bob) == before);
        assert_eq!(talk.bob.held_keys(), 5);
        talk.goes_on();
    });
}

#[test]
fn every_state_comes_back_as_it_was() {
    for_each_state(|restore, snapshot| assert!(restore(snapshot).unwrap() == snapshot));
}

#[test]
fn a_snapshot_that_was_cut_off_or_extended_is_malformed() {
    for_each_state(|restore, snapshot| {
        for length in 0..snapshot.len() {
            let refusal = restore(&snapshot[..length]);
            assert_eq!(refusal, Err(SnapshotError::Malformed), "{length} bytes");
        }
        let extended = [snapshot, &[0]].concat();
        assert_eq!(restore(&extended), Err(SnapshotError::Malformed));
    });
}

#[test]
fn a_snapshot_with_any_bit_changed_is_refused() {
    for_each_state(|restore, snapshot| {
        for place in 0..snapshot.len() {
            let mut damaged = snapshot.to_vec();
            damaged[place] ^= 1 << (place % 8);
            let expected = match place {
                0..4 => SnapshotError::WrongKind,
                4 => SnapshotError::Unsupported,
                5 => SnapshotError::WrongKind,
                6..10 => SnapshotError::Malformed,
                _ => SnapshotError::Corrupt,
            };
            assert_eq!(restore(&damaged), Err(expected), "byte {place}");
        }
    });
}

#[test]
fn a_snapshot_of_another_kind_is_refused_as_such() {
    let talk = with_late_messages(Suite::Hybrid);
    let (session, account) = (talk.alice.snapshot(), World::new(2).bob.snapshot());
    let wrong = Err(SnapshotError::WrongKind);
    assert_eq!(Account::restore(&session).map(drop), wrong);
    assert_eq!(Session::restore(&account).map(drop), wrong);
    assert_eq!(Peer::restore(&session).map(drop), wrong);
    assert_eq!(Session::restore(br#"{"id": [1, 2, 3]}"#).map(drop), wrong);
    let key = StorageKey::new(&[7; 32]);
    let sealed = talk.alice.seal(&key, b"row", &mut rng(1));
    assert_eq!(Account::unseal(&sealed, &key, b"row").map(drop), wrong);
}

#[test]
fn a_state_of_a_newer_form_is_unsupported() {
    let talk = with_late_messages(Suite::Hybrid);
    let mut newer = talk.alice.snapshot();
    newer[4] = 2;
    assert_eq!(Session::restore(&newer).map(drop), Err(SnapshotError::Unsupported));
    let key = StorageKey::new(&[7; 32]);
    // The state of a snapshot, sealed under the number of a form that is not there yet.
    let state = &newer[10..newer.len() - 16];
    for (form, expected) in [(1, Ok(())), (2, Err(SnapshotError::Unsupported))] {
        let sealed = key.seal(&[&[form], state].concat(), 2, b"row", &mut rng(1));
        assert_eq!(Session::unseal(&sealed, &key, b"row").map(drop), expected);
    }
    let empty = key.seal(b"", 2, b"row", &mut rng(1));
    assert_eq!(Session::unseal(&empty, &key, b"row").map(drop), Err(SnapshotError::Malformed));
}

#[test]
fn a_sealed_state_opens_with_its_key_in_its_row_alone() {
    in_each_suite(a_sealed_state_opens);
}

fn a_sealed_state_opens(suite: Suite) {
    let mut talk = with_late_messages(suite);
    let key = StorageKey::new(&[7; 32]);
    let mut draws = Draws::new(1);
    let sealed = talk.bob.seal(&key, b"sessions/1", &mut draws);
    assert_eq!(draws.made.len(), 1);
    let undecryptable = Err(SnapshotError::Undecryptable);
    assert_eq!(Session::unseal(&sealed, &key, b"sessions/2").map(drop), undecryptable);
    let other = StorageKey::new(&[8; 32]);
    assert_eq!(Session::unseal(&sealed, &other, b"sessions/1").map(drop), undecryptable);
    for place in 2..sealed.len() {
        let mut damaged = sealed.clone();
        damaged[place] ^= 1 << (place % 8);
        assert_eq!(Session::unseal(&damaged, &key, b"sessions/1").map(drop), undecryptable);
    }
    let before = state(&talk.bob);
    talk.bob = Session::unseal(&sealed, &key, b"sessions/1").unwrap();
    assert!(state(&talk.bob) == before);
    talk.goes_on();

    let world = World::of(suite, 2);
    let sealed = world.bob.seal(&key, b"account", &mut rng(2));
    let account = Account::unseal(&sealed, &key, b"account").unwrap();
    assert!(state(&account) == state(&world.bob));
    let [peer, _] = peers(suite);
    let sealed = peer.seal(&key, b"peers/alice", &mut rng(3));
    assert!(state(&Peer::unseal(&sealed, &key, b"peers/alice").unwrap()) == state(&peer));
}

#[test]
fn no_secret_of_a_sealed_state_is_seen_in_it() {
    for session in sessions() {
        let sealed = session.seal(&StorageKey::new(&[7; 32]), b"", &mut rng(1));
        for secret in support::secrets(&session) {
            assert!(!sealed.windows(8).any(|window| secret.windows(8).any(|part| part == window)));
        }
    }
}

/// LEB128.
fn number(value: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut rest = value;
    while rest > 0x7f {
        bytes.push(rest.to_le_bytes()[0] | 0x80);
        rest >>= 7;
    }
    bytes.push(rest.to_le_bytes()[0]);
    bytes
}

fn refused_with(snapshot: &[u8], name: &str, bytes: &[u8]) {
    let damaged = stored_form::with(snapshot, stored_form::place(snapshot, name), bytes);
    let refusal = match snapshot[5] {
        1 => Account::restore(&damaged).map(drop),
        2 => Session::restore(&damaged).map(drop),
        7 => Person::restore(&damaged).map(drop),
        8 => OwnDevices::restore(&damaged).map(drop),
        _ => Peer::restore(&damaged).map(drop),
    };
    assert_eq!(refusal, Err(SnapshotError::Malformed), "{name} as {bytes:?}");
}

#[test]
fn numbers_that_no_chain_has_do_not_load() {
    in_each_suite(|suite| {
        let talk = with_late_messages(suite);
        let snapshot = state(&talk.bob);
        for (name, value) in [
            ("current.received", 10_001),
            ("current.received", 2),
            ("current.received", 0),
            ("older0.held", 0),
            ("current.watermark", 9),
            ("current.run0.numbers_passed", 2),
            ("current.held", 4),
            ("older0.length", 10_001),
            ("older0.run0.numbers_passed", 9_999),
            ("older0.run0.numbers_passed", u64::from(u32::MAX)),
            ("older0.run0.length_less_one", u64::from(u32::MAX)),
            ("sending.previous_length", 10_001),
            ("limits.max_skip", 1 << 32),
            ("limits.held_key_lifetime.nanoseconds", 1_000_000_000),
        ] {
            refused_with(&snapshot, name, &number(value));
        }
        let snapshot = state(&talk.alice);
        for name in ["sending.sent", "sending.previous_length"] {
            refused_with(&snapshot, name, &number(10_001));
        }
    });
}

/// docs/protocol.md §14.4, what is checked of suite 2.
#[test]
fn epochs_that_cannot_be_do_not_load() {
    for Moment { epoch, talk: Talk { alice, bob, .. }, .. } in phases::moments(11) {
        for snapshot in [state(&alice), state(&bob)] {
            epochs_do_not_load_otherwise(&snapshot, epoch - 1);
        }
    }
}

fn epochs_do_not_load_otherwise(snapshot: &[u8], mixed: u32) {
    let bytes = |name| stored_form::find(snapshot, name).map(|place| &snapshot[place]);
    let state = bytes("epochs.where").unwrap()[0] & 0x7f;
    let generates = state < 4;
    // What the other side keeps, and what this one does in the next epoch.
    refused_with(snapshot, "epochs.where", &[if generates { 4 } else { 1 }]);
    refused_with(snapshot, "epochs.mixed", &number(u64::from(mixed) + 1));
    for unknown in [0x08, 0x10, 0x20, 0x40] {
        refused_with(snapshot, "epochs.where", &[state | unknown]);
    }
    refused_with(snapshot, "epochs.mixed", &number(1 << 32));
    refused_with(snapshot, "epochs.since", &number(1 << 32));
    // The message that brought the last secret is counted. The first initiator hears an answer before it generates.
    match (mixed, state) {
        (0, 4) => {}
        (0, _) if generates => refused_with(snapshot, "epochs.since", &number(1)),
        _ => refused_with(snapshot, "epochs.since", &number(0)),
    }
    refused_with(snapshot, "current.pq_below", &number(u64::from(mixed) + 1));
    if bytes("older0.pq_below").is_some() {
        refused_with(snapshot, "older0.pq_below", &number(u64::from(mixed) + 1));
    }
    if let Some(which) = bytes("epochs.which") {
        // What the string does not have, and one that does not follow.
        refused_with(snapshot, "epochs.which", &[0x80, 0, 0, 0, 0]);
        let mut one_more: [u8; 5] = which.try_into().unwrap();
        let place = one_more.iter().rposition(|byte| *byte != 0xff).unwrap();
        one_more[place] |= 1 << one_more[place].trailing_ones();
        refused_with(snapshot, "epochs.which", &one_more);
        if which != [0; 5] {
            refused_with(snapshot, "epochs.which", &[0; 5]);
        }
    }
    if bytes("epochs.pos").is_some() {
        let k = if generates { 37 } else { 35 };
        refused_with(snapshot, "epochs.pos", &[k]);
        refused_with(snapshot, "epochs.unheard", &[k + 5]);
    }
    if bytes("epochs.ek").is_some() {
        refused_with(snapshot, "epochs.ek", &[0xff; 1_184]);
    }
}

/// After the last secret that is counted there is nothing to be done in an epoch.
#[test]
fn an_epoch_after_the_last_does_not_load() {
    for Moment { epoch, talk: Talk { alice, bob, .. }, .. } in phases::moments(12) {
        for snapshot in [state(&alice), state(&bob)] {
            let with_mixed = |mixed: u32| {
                let place = stored_form::place(&snapshot, "epochs.mixed");
                let many = stored_form::with(&snapshot, place, &number(mixed.into()));
                let place = stored_form::place(&many, "epochs.since");
                Session::restore(&stored_form::with(&many, place, &number(60)))
            };
            // The last one that leaves each side its part.
            let most = u32::MAX - epoch % 2;
            let state = snapshot[stored_form::place(&snapshot, "epochs.where").start] & 0x7f;
            let is_at_rest = matches!(state, 1 | 4);
            assert_eq!(with_mixed(most).is_ok(), most != u32::MAX || is_at_rest);
            assert!(with_mixed(most - 2).is_ok());
        }
    }
}

#[test]
fn a_state_of_one_suite_does_not_load_as_one_of_the_other() {
    let [classical, hybrid] = SUITES.map(|suite| state(&with_late_messages(suite).bob));
    for (snapshot, settled, of_other) in [(&classical, 1, 3), (&hybrid, 3, 1)] {
        let place = stored_form::place(snapshot, "handshake");
        assert_eq!(snapshot[place], [settled]);
        refused_with(snapshot, "handshake", &[of_other]);
    }
    let [classical, hybrid] = SUITES.map(|suite| state(&external(suite)[0]));
    for (snapshot, elsewhere, of_other) in [(&classical, 2, 4), (&hybrid, 4, 2)] {
        let place = stored_form::place(snapshot, "handshake");
        assert_eq!(snapshot[place], [elsewhere]);
        refused_with(snapshot, "handshake", &[of_other]);
    }
    let account = |suite| state(&World::of_limited(suite, publishing(2), 12).bob);
    let [classical, hybrid] = SUITES.map(account);
    let end = hybrid.len() - 16;
    let suite = stored_form::place(&hybrid, "suite");
    assert_eq!((suite.start, suite.end + 3 * 32), (classical.len() - 16, end));
    for byte in [0, 1, 3] {
        refused_with(&hybrid, "suite", &[byte]);
    }
    // A seed for each prekey, and none is left over.
    for seeds in [0, 32, 64, 95, 97, 128] {
        let damaged = stored_form::with(&hybrid, suite.end..end, &vec![7; seeds]);
        assert_eq!(Account::restore(&damaged).map(drop), Err(SnapshotError::Malformed), "{seeds}");
    }
    assert_eq!(
        Account::restore(&stored_form::with(&hybrid, suite.start..end, &[])).unwrap().suite(),
        Suite::Classical
    );
}

#[test]
fn two_runs_of_held_keys_that_could_be_one_do_not_load() {
    let mut talk = started(6);
    let messages = talk.alice_sends_many(6);
    receive(&mut talk.bob, &messages[2]);
    let later = NOW.plus(support::SECOND);
    talk.bob.decrypt(&messages[5], support::AD, later).unwrap();
    let snapshot = state(&talk.bob);
    let names: Vec<_> =
        stored_form::fields(&snapshot).into_iter().map(|field| field.name).collect();
    assert!(names.iter().any(|name| name == "current.run1.kept"));
    // As if the second had been kept with the first and followed on it.
    let joined = stored_form::place(&snapshot, "current.run1.numbers_passed");
    let snapshot = stored_form::with(&snapshot, joined, &number(0));
    assert!(Session::restore(&snapshot).is_ok());
    refused_with(&snapshot, "current.run1.kept", &number(NOW.unix_seconds()));
}

#[test]
fn tags_and_public_keys_that_nothing_writes_do_not_load() {
    let mut snapshots: Vec<_> = sessions().iter().map(state).collect();
    for suite in SUITES {
        let [with_session, _] = peers(suite);
        let account = World::of_limited(suite, publishing(3), 2).bob;
        snapshots.extend([state(&account), state(&with_session)]);
    }
    let people = household::in_the_midst_of_things(&mut rng(7)).into_iter();
    let are_states = people.filter(|(name, _)| !name.starts_with("message"));
    snapshots.extend(are_states.map(|(_, snapshot)| snapshot));
    for snapshot in snapshots {
        for field in stored_form::fields(&snapshot) {
            match field.kind {
                Kind::Tag => refused_with(&snapshot, &field.name, &[0x7f]),
                Kind::Public if field.name.ends_with("public") => {
                    refused_with(&snapshot, &field.name, &[0xff; 32]);
                }
                Kind::Number => {
                    let longer = [&snapshot[field.place.clone()], &[0]].concat();
                    let mut longer: Vec<u8> = longer;
                    let last = longer.len() - 2;
                    longer[last] |= 0x80;
                    refused_with(&snapshot, &field.name, &longer);
                }
                Kind::Public | Kind::Secret => {}
            }
        }
    }
}

#[test]
fn a_peer_with_a_session_of_somebody_else_does_not_load() {
    in_each_suite(|suite| {
        let [peer, _] = peers(suite);
        let snapshot = state(&peer);
        let other = World::of(suite, 9).alice.device().identity.encode();
        refused_with(&snapshot, "identity", &other);
        refused_with(&snapshot, "session0.peer_identity", &other);
        refused_with(&snapshot, "active", &[1]);
    });
}

/// docs/protocol.md §14.4, what is checked of people.
#[test]
fn people_who_cannot_be_do_not_load() {
    let stored: BTreeMap<_, _> =
        household::in_the_midst_of_things(&mut rng(7)).into_iter().collect();
    let person = &stored["person-1"];
    let list = &person[stored_form::place(person, "list")];
    let (first, last) = (list[0], list.len() - 1);
    // Of another version, cut off, and of another owner.
    refused_with(person, "list", &[&[first + 1], &list[1..]].concat());
    let count = stored_form::place(person, "list_length");
    refused_with(person, "list_length", &number(u64::try_from(last).unwrap()));
    let other = World::new(9).alice.device().identity.encode();
    refused_with(person, "owner", &other);
    // One without a list is not marked.
    let without = stored_form::with(person, count.start - 1..count.end + list.len(), &[0]);
    refused_with(&without, "marked", &[1]);
    let unmarked = stored_form::with(&without, stored_form::place(&without, "marked"), &[0]);
    assert!(Person::restore(&unmarked).is_ok());
    // 16 removed devices are remembered, and no more.
    let removed = stored_form::place(person, "removed_count");
    let one = person[removed.end..person.len() - 16].to_vec();
    for (many, is_sound) in [(16, true), (17, false)] {
        let all = [&number(many)[..], &one.repeat(usize::try_from(many).unwrap())].concat();
        let place = removed.start..person.len() - 16;
        let restored = Person::restore(&stored_form::with(person, place, &all)).map(drop);
        assert_eq!(restored.is_ok(), is_sound, "{many}: {restored:?}");
    }
    // Marks say no more than two things; what was decided is there if they say so, and something was.
    refused_with(person, "marked", &[4]);
    refused_with(person, "marked", &[3]);
    let decided = &stored["person-with-decisions-1"];
    assert!(Person::restore(decided).is_ok());
    refused_with(decided, "marked", &[1]);
    refused_with(decided, "contact.version", &[0]);
    for decision in [0, 4] {
        refused_with(decided, "contact.decision", &[decision]);
    }
    refused_with(decided, "comparison.decision", &[2]);
    let contact = stored_form::place(decided, "contact.is_decided").start;
    let nothing = stored_form::with(decided, contact..decided.len() - 16, &[0, 0]);
    assert_eq!(Person::restore(&nothing).map(drop), Err(SnapshotError::Malformed));
    // What never happened is not written.
    let peer = &stored["peer-with-notices-1"];
    let notices = stored_form::place(peer, "notices.has_last").start..peer.len() - 16;
    for nothing in [&[0, 0, 0][..], &[0], &[0, 0], &[0, 1, 0, 0]] {
        let damaged = stored_form::with(peer, notices.clone(), nothing);
        assert_eq!(Peer::restore(&damaged).map(drop), Err(SnapshotError::Malformed), "{nothing:?}");
    }
    assert!(Peer::restore(&stored_form::with(peer, notices, &[])).is_ok());
}

#[test]
fn an_account_that_would_use_an_id_again_does_not_load() {
    in_each_suite(|suite| {
        let mut world = World::of_limited(suite, publishing(3), 7);
        let snapshot = state(&world.bob);
        refused_with(&snapshot, "next_id", &[3]);
        refused_with(&snapshot, "published_below", &[5]);
        assert!(world.bob.rotate_signed_prekey(NOW, &mut rng(8)).changes.account);
        let snapshot = state(&world.bob);
        refused_with(&snapshot, "current.id", &[1]);
        refused_with(&snapshot, "replaced0.id", &[2]);
    });
}

#[test]
fn a_peer_with_one_session_twice_does_not_load() {
    in_each_suite(|suite| {
        let [peer, _] = peers(suite);
        let snapshot = state(&peer);
        let count = stored_form::place(&snapshot, "session_count").start;
        let active = stored_form::place(&snapshot, "active").start;
        let session = &snapshot[count + 1..active];
        let twice = [&[2], session, session].concat();
        let damaged = stored_form::with(&snapshot, count..active, &twice);
        assert_eq!(Peer::restore(&damaged).map(drop), Err(SnapshotError::Malformed));
    });
}

#[test]
fn damage_in_a_snapshot_never_panics() {
    in_each_suite(|suite| {
        let snapshot = state(&with_late_messages(suite).bob);
        damage_never_panics(&snapshot, 10);
    });
    for Moment { talk: Talk { alice, bob, .. }, .. } in phases::moments(13) {
        for snapshot in [state(&alice), state(&bob)] {
            damage_never_panics(&snapshot, stored_form::place(&snapshot, "epochs.mixed").start);
        }
    }
}

/// Nothing after the first place, whatever stands there, panics or is read as what would be written otherwise.
fn damage_never_panics(snapshot: &[u8], first: usize) {
    for place in first..snapshot.len() - 16 {
        for value in [0, 1, 0x7f, 0x80, 0xff] {
            let damaged = stored_form::with(snapshot, place..place + 1, &[value]);
            if let Ok(session) = Session::restore(&damaged) {
                assert!(state(&session) == damaged, "byte {place} as {value} has two encodings");
            }
        }
    }
}

#[test]
fn an_idle_session_is_maintained_after_it_was_stored() {
    in_each_suite(|suite| {
        let mut talk = with_late_messages(suite);
        talk.bob = restored(&talk.bob);
        assert_eq!(talk.bob.maintain(NOW.plus(support::DAY * 30)), 0);
        assert_eq!(talk.bob.maintain(Timestamp::from_unix_seconds(u64::MAX)), 5);
    });
}
