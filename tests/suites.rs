//! What the suites have apart, and what passes between accounts of different ones. That all else holds in both, the other
//! tests show.

mod support;

use evanesce::limits::Limits;
use evanesce::server::{PreKeyUpload, PublishedPreKeys};
use evanesce::session::{AcceptError, DecryptError, EpochStatus, Role, Session};
use evanesce::snapshot::StorageKey;
use evanesce::{
    Account, Address, DecodeError, Payload, Peer, PeerDecryptError, PreKeyBundle, Suite,
    VerifyError,
};
use rand_chacha::ChaCha20Rng;
use support::layout::one_time_prekey;
use support::pair::{Pair, between_all_suites};
use support::{AD, NOW, SUITES, account_of, other_suite, publishing, rng, state, stored_form};

fn account(name: &str, suite: Suite, rng: &mut ChaCha20Rng) -> Account {
    Account::generate_of_suite(suite, Address::new(name).unwrap(), Limits::default(), NOW, rng)
}

fn published(account: &mut Account, rng: &mut ChaCha20Rng) -> PublishedPreKeys {
    let upload = account.maintain(None, NOW, rng).upload.unwrap();
    assert_eq!(PreKeyUpload::decode(&upload.encode()), Ok(upload.clone()));
    let _ = account.mark_published(&upload);
    assert_eq!(account.pending_upload(), None);
    PublishedPreKeys::new(upload)
}

fn initiated(by: &Account, server: &mut PublishedPreKeys, rng: &mut ChaCha20Rng) -> Session {
    let bundle = PreKeyBundle::decode(&server.hand_out()).unwrap().verify(NOW).unwrap();
    by.initiate(&bundle, rng).unwrap()
}

fn sent(session: &mut Session, rng: &mut ChaCha20Rng) -> Vec<u8> {
    session.encrypt(&Payload::new("a text"), AD, rng).unwrap()
}

fn heard(session: &mut Session, message: &[u8]) {
    assert_eq!(session.decrypt(message, AD, NOW).unwrap().body, b"a text");
}

fn status(session: &Session) -> EpochStatus {
    session.epochs().unwrap()
}

/// Both sides of a session of suite 2.
fn both_sides(rng: &mut ChaCha20Rng) -> (Session, Session) {
    let alice = account("alice", Suite::Hybrid, rng);
    let mut bob = account("bob", Suite::Hybrid, rng);
    let mut alices = initiated(&alice, &mut published(&mut bob, rng), rng);
    let bobs = bob.accept(&sent(&mut alices, rng), AD, NOW).unwrap().session;
    (alices, bobs)
}

fn a_message_each_way(alices: &mut Session, bobs: &mut Session, rng: &mut ChaCha20Rng) {
    heard(alices, &sent(bobs, rng));
    heard(bobs, &sent(alices, rng));
}

#[test]
fn two_peers_of_suite_2_talk_and_heal_and_are_stored_after_each_message() {
    let rng = &mut rng(1);
    let (mut alice, mut bob) =
        (account("alice", Suite::Hybrid, rng), account("bob", Suite::Hybrid, rng));
    let mut server = published(&mut bob, rng);
    let storage_key = StorageKey::new(&[7; 32]);
    let mut of_bob = Peer::new(Address::new("bob").unwrap());
    let mut of_alice = Peer::new(Address::new("alice").unwrap());
    let bundle = PreKeyBundle::decode(&server.hand_out()).unwrap().verify(NOW).unwrap();
    let _ = of_bob.initiate(&alice, bundle, NOW, rng).unwrap();
    for round in 0..150 {
        let there = of_bob.encrypt(&Payload::new("there"), AD, NOW, rng).unwrap();
        let delivered = of_alice.decrypt(&mut bob, &there.message, AD, NOW).unwrap();
        assert_eq!(delivered.received.body, b"there");
        let _ = of_alice.accept_request();
        let back = of_alice.encrypt(&Payload::new("and back"), AD, NOW, rng).unwrap();
        let delivered = of_bob.decrypt(&mut alice, &back.message, AD, NOW).unwrap();
        assert_eq!(delivered.received.body, b"and back");
        assert!(of_bob.decrypt(&mut alice, &back.message, AD, NOW).is_err(), "{round}");
        of_bob =
            Peer::unseal(&of_bob.seal(&storage_key, b"bob", rng), &storage_key, b"bob").unwrap();
        of_alice = Peer::restore(&of_alice.snapshot()).unwrap();
        bob = Account::unseal(&bob.seal(&storage_key, b"", rng), &storage_key, b"").unwrap();
        alice = Account::restore(&alice.snapshot()).unwrap();
    }
    let [ours, theirs] = [&of_bob, &of_alice].map(|peer| peer.sessions().next().unwrap());
    assert_eq!((ours.suite(), theirs.suite()), (Suite::Hybrid, Suite::Hybrid));
    assert_eq!(status(ours).completed, status(theirs).completed);
    // An epoch takes some 18 messages, and 50 lie between two.
    assert!(status(ours).completed >= 3, "{:?}", status(ours));
}

/// Whoever has asked, and goes on.
fn heals(pair: &mut Pair) {
    let epochs = |pair: &Pair| {
        [&pair.alice.peer, &pair.bob.peer].map(|peer| peer.epochs().unwrap().completed)
    };
    let before = epochs(pair);
    for side in [&mut pair.alice, &mut pair.bob] {
        assert!(side.peer.request_epoch(NOW).any());
        assert!(!side.peer.request_epoch(NOW).any());
    }
    let mut exchanges = 0;
    while epochs(pair).iter().zip(&before).any(|(now, before)| now == before) {
        assert!(exchanges < 20, "no epoch after {exchanges} exchanges");
        assert!(pair.exchange());
        exchanges += 1;
    }
}

#[test]
fn of_two_who_begin_at_once_each_has_the_suite_of_the_other_and_they_meet_in_one_session() {
    between_all_suites(|[of_alice, of_bob]| {
        let mut had_it = [false; 2];
        for seed in 50..60 {
            let mut pair = Pair::acquainted_of([of_alice, of_bob], seed);
            assert!(pair.exchange());
            let suites = |peer: &Peer| {
                let suite = |session: &Session| match session.role() {
                    Role::Initiator => (0, session.suite()),
                    Role::Responder => (1, session.suite()),
                };
                let mut suites: Vec<_> = peer.sessions().map(suite).collect();
                suites.sort_by_key(|(role, _)| *role);
                suites
            };
            assert_eq!(suites(&pair.alice.peer), [(0, of_bob), (1, of_alice)]);
            assert_eq!(suites(&pair.bob.peer), [(0, of_alice), (1, of_bob)]);
            assert!(pair.agree() && pair.exchange());
            let session = pair.alice.peer.sessions().next().unwrap();
            had_it[usize::from(session.role() == Role::Initiator)] = true;
            assert_eq!(pair.alice.peer.suite(), Some(session.suite()));
            match session.suite() {
                Suite::Hybrid => heals(&mut pair),
                Suite::Classical => assert!(!pair.alice.peer.request_epoch(NOW).any()),
            }
        }
        assert_eq!(had_it, [true; 2]);
    });
}

/// Its devices change release and suite: the sessions that there are go on, and those that begin have the new one.
#[test]
fn who_gets_an_account_of_the_other_suite_is_another_device_until_the_user_agrees() {
    for suite in SUITES {
        let mut pair = Pair::talking_of([suite; 2], 61);
        pair.alice.account = account_of(other_suite(suite), "alice", publishing(3), 62);
        let identity = pair.alice.account.device().identity;
        pair.alice.peer = Peer::pinned(pair.bob.account.device());
        let anew = pair.alice_sends("a new release");
        assert!(pair.bob.tries(&anew, NOW).is_err());
        assert!(pair.bob.peer.accept_identity(identity).peer);
        assert_eq!(pair.bob.receives(&anew).body, b"a new release");
        // It is of the suite of Bob, and of Alice's when he begins.
        let session = pair.bob.peer.sessions().next().unwrap();
        assert_eq!(session.suite(), suite);
        let upload = pair.alice.account.maintain(None, NOW, &mut rng(63)).upload.unwrap();
        pair.alice.server = PublishedPreKeys::new(upload);
        pair.bob.begins(&mut pair.alice.server, NOW);
        let first = pair.bob_sends("in yours");
        pair.alice.receives(&first);
        let begun = pair.alice.peer.sessions().find(|it| it.role() == Role::Responder).unwrap();
        assert_eq!(begun.suite(), other_suite(suite));
        assert!(pair.exchange() && pair.exchange() && pair.agree());
    }
}

#[test]
fn an_account_of_suite_2_is_stored_whole_and_one_of_suite_1_as_ever() {
    let rng = &mut rng(2);
    let mut hybrid = account("bob", Suite::Hybrid, rng);
    let mut server = published(&mut hybrid, rng);
    let alice = account("alice", Suite::Classical, rng);
    let mut alices = initiated(&alice, &mut server, rng);
    let mut restored = Account::restore(&hybrid.snapshot()).unwrap();
    assert_eq!(restored.suite(), Suite::Hybrid);
    assert!(restored.snapshot() == hybrid.snapshot());
    let accepted = restored.accept(&sent(&mut alices, rng), AD, NOW).unwrap();
    assert_eq!(accepted.session.suite(), Suite::Hybrid);
    // Beside what suite 1 stores: its byte, and a seed for each of 101 prekeys.
    let mut classical = account("bob", Suite::Classical, rng);
    let _ = published(&mut classical, rng);
    let lengths = [&hybrid, &classical].map(|account| account.snapshot().len());
    assert_eq!(lengths[0], lengths[1] + 1 + 101 * 32);
    // Whatever is cut off or added is seen.
    let snapshot = hybrid.snapshot();
    for length in [lengths[1], snapshot.len() - 33, snapshot.len() - 1] {
        assert!(Account::restore(&snapshot[..length]).is_err(), "{length}");
    }
}

/// An account in memory holds a public half that one out of its store expands anew.
#[test]
fn an_account_accepts_one_after_another_as_it_does_out_of_its_store() {
    let rng = &mut rng(13);
    let mut bob = account("bob", Suite::Hybrid, rng);
    let alice = account("alice", Suite::Classical, rng);
    let mut servers = vec![published(&mut bob, rng)];
    for round in 0..3 {
        // Those of a signed prekey that was replaced come too.
        let upload = bob.rotate_signed_prekey(NOW, rng).upload.unwrap();
        let last_resort = upload.bundle();
        servers.push(PublishedPreKeys::new(upload));
        let mut alices: Vec<_> =
            servers.iter_mut().map(|server| initiated(&alice, server, rng)).collect();
        alices.push(alice.initiate(&last_resort.verify(NOW).unwrap(), rng).unwrap());
        alices.push(initiated(&alice, &mut servers[0], rng));
        for session in &mut alices {
            let message = sent(session, rng);
            let mut stored = Account::restore(&bob.snapshot()).unwrap();
            let ids = [&mut bob, &mut stored].map(|bob| {
                let accepted = bob.accept(&message, AD, NOW).unwrap();
                assert_eq!(accepted.received.body, b"a text");
                accepted.session.id()
            });
            assert_eq!(ids, [session.id(); 2]);
            assert!(stored.snapshot() == bob.snapshot(), "{round}");
            assert!(bob.accept(&message, AD, NOW).is_err());
        }
    }
}

#[test]
fn at_rest_a_session_of_suite_2_takes_sixteen_bytes_more_at_most() {
    let rng = &mut rng(3);
    let (mut alices, mut bobs) = both_sides(rng);
    let alice = account("alice", Suite::Classical, rng);
    let mut bob = account("bob", Suite::Classical, rng);
    let mut plain = initiated(&alice, &mut published(&mut bob, rng), rng);
    let mut plain_bobs = bob.accept(&sent(&mut plain, rng), AD, NOW).unwrap().session;
    let mut seen = 0;
    for _ in 0..120 {
        a_message_each_way(&mut alices, &mut bobs, rng);
        a_message_each_way(&mut plain, &mut plain_bobs, rng);
        // Between two epochs nothing is kept of either.
        let is_between = |session: &Session| {
            let EpochStatus { completed, messages_since, waits_for_peer, .. } = status(session);
            completed > 0 && messages_since < 50 && !waits_for_peer
        };
        if is_between(&alices) && is_between(&bobs) {
            for (hybrid, classical) in [(&alices, &plain), (&bobs, &plain_bobs)] {
                let lengths = [hybrid, classical].map(|session| session.snapshot().len());
                assert!(lengths[0] <= lengths[1] + 16, "{lengths:?}");
                seen += 1;
            }
        }
    }
    assert!(seen > 20, "{seen}");
}

#[test]
fn a_session_has_the_suite_of_its_bundle_whoever_initiates() {
    let rng = &mut rng(4);
    for (ours, theirs) in [(Suite::Classical, Suite::Hybrid), (Suite::Hybrid, Suite::Classical)] {
        let (alice, mut bob) = (account("alice", ours, rng), account("bob", theirs, rng));
        let mut alices = initiated(&alice, &mut published(&mut bob, rng), rng);
        let mut bobs = bob.accept(&sent(&mut alices, rng), AD, NOW).unwrap().session;
        a_message_each_way(&mut alices, &mut bobs, rng);
        assert_eq!((alices.suite(), bobs.suite()), (theirs, theirs));
        assert_eq!(alices.epochs().is_some(), theirs == Suite::Hybrid);
        // To an account of the other suite it is unsupported, to a session of it another one's.
        let mut other = initiated(&alice, &mut published(&mut bob, rng), rng);
        let first = sent(&mut other, rng);
        let mut carol = account("carol", ours, rng);
        assert_eq!(carol.accept(&first, AD, NOW).map(drop), Err(AcceptError::Unsupported));
        // What no later release will open is nothing to be kept for one.
        let mut of_alice = Peer::new(Address::new("alice").unwrap());
        let refusal = of_alice.decrypt(&mut carol, &first, AD, NOW).map(drop);
        assert_eq!(refusal, Err(PeerDecryptError::UnknownPreKey));
        let mut carols = initiated(&bob, &mut published(&mut carol, rng), rng);
        let refused = carols.decrypt(&first, AD, NOW);
        assert_eq!(refused, Err(DecryptError::OtherSession));
    }
}

/// docs/protocol.md §5.4, §12.1.
#[test]
fn a_first_message_that_has_epochs_behind_it_is_forked() {
    let rng = &mut rng(6);
    let alice = account("alice", Suite::Hybrid, rng);
    let mut bob = account("bob", Suite::Hybrid, rng);
    let fresh = state(&initiated(&alice, &mut published(&mut bob, rng), rng));
    // At rest, after two epochs.
    let made_up = [("epochs.where", 1), ("epochs.mixed", 2), ("epochs.since", 1)];
    let made_up = made_up.iter().fold(fresh.clone(), |state, (name, value)| {
        stored_form::with(&state, stored_form::place(&state, name), &[*value])
    });
    let mut made_up = Session::restore(&made_up).unwrap();
    let message = sent(&mut made_up, rng);
    let before = state(&bob);
    assert_eq!(bob.accept(&message, AD, NOW).map(drop), Err(AcceptError::Forked));
    // That anybody can make one must not end the sessions that a peer has.
    let mut of_alice = Peer::new(Address::new("alice").unwrap());
    let refusal = of_alice.decrypt(&mut bob, &message, AD, NOW).map(drop);
    assert_eq!(refusal, Err(PeerDecryptError::Undecryptable));
    assert_eq!(state(&bob), before);
    let _ = bob.accept(&sent(&mut Session::restore(&fresh).unwrap(), rng), AD, NOW).unwrap();
}

#[test]
fn no_carrier_changes_the_suite_or_the_ml_kem_half_of_a_bundle() {
    let rng = &mut rng(5);
    let mut bob = account("bob", Suite::Hybrid, rng);
    let good = published(&mut bob, rng).hand_out();
    assert_eq!(good.len(), 3_420 + 3);
    let verified = |bundle: &[u8]| match PreKeyBundle::decode(bundle) {
        Ok(bundle) => bundle.verify(NOW).map(drop).map_err(Some),
        Err(DecodeError::Malformed | DecodeError::Unsupported) => Err(None),
        Err(_) => panic!("an error without a name"),
    };
    assert_eq!(verified(&good), Ok(()));
    for place in (0..good.len()).step_by(7) {
        let mut altered = good.clone();
        altered[place] ^= 4;
        assert!(verified(&altered).is_err(), "byte {place}");
    }
    // Cut to the length of the other suite, it is one of that: with a signature of this.
    let mut classical = account("bob", Suite::Classical, rng);
    let other = published(&mut classical, rng).hand_out();
    for (mut altered, suite) in [(good.clone(), 1), (other.clone(), 2)] {
        altered[1] = suite;
        assert_eq!(verified(&altered), Err(None), "as suite {suite}");
    }
    let address_ends = 66 + 1 + 3;
    let without_kem_key = [&good[..address_ends + 36], &good[address_ends + 36 + 1_568..]].concat();
    let one_time = one_time_prekey(Suite::Hybrid);
    let mut without_kem_key = without_kem_key[..without_kem_key.len() - one_time].to_vec();
    *without_kem_key.last_mut().unwrap() = 0;
    without_kem_key[1] = 1;
    assert_eq!(verified(&without_kem_key), Err(Some(VerifyError::BadSignature)));
    // The one-time part of another device, whole, is not taken.
    let mut carol = account("carol", Suite::Hybrid, rng);
    let of_carol = published(&mut carol, rng).hand_out();
    let (start, theirs) = (good.len() - one_time, of_carol.len() - one_time);
    let mixed = [&good[..start], &of_carol[theirs..]].concat();
    assert_eq!(verified(&mixed), Err(Some(VerifyError::BadSignature)));
}

#[test]
fn an_epoch_that_is_asked_for_comes_before_fifty_messages() {
    let rng = &mut rng(7);
    let (mut alices, mut bobs) = both_sides(rng);
    while status(&alices).completed == 0 {
        a_message_each_way(&mut alices, &mut bobs, rng);
    }
    // The second epoch's key is the responder's.
    assert!(bobs.request_epoch() && !bobs.request_epoch());
    let mut turns = 0;
    while status(&bobs).completed < 2 {
        a_message_each_way(&mut alices, &mut bobs, rng);
        turns += 1;
    }
    assert!(turns < 25, "{turns}");
    assert!(status(&bobs).messages_since < 50);
    // In suite 1 there is nothing to ask for.
    let alice = account("alice", Suite::Classical, rng);
    let mut bob = account("bob", Suite::Classical, rng);
    let mut plain = initiated(&alice, &mut published(&mut bob, rng), rng);
    assert!(!plain.request_epoch() && plain.epochs().is_none());
}

/// It would take the place of the key that is encapsulated to, and nobody signed it.
#[cfg(feature = "serde")]
#[test]
fn a_bundle_with_parts_of_two_suites_is_refused_whatever_brings_it() {
    let rng = &mut rng(8);
    let mut bob = account("bob", Suite::Hybrid, rng);
    let mut server = published(&mut bob, rng);
    let bundle = PreKeyBundle::decode(&server.hand_out()).unwrap();
    let good = serde_json::to_value(&bundle).unwrap();
    assert_eq!(serde_json::from_value::<PreKeyBundle>(good.clone()).unwrap(), bundle);
    let cut = |value: &mut serde_json::Value| {
        let key = value["key"].as_str().unwrap()[..64].to_owned();
        value["key"] = key.into();
    };
    let mut of_two = good;
    cut(&mut of_two["one_time_prekey"]);
    assert!(serde_json::from_value::<PreKeyBundle>(of_two).is_err());
    // Nor an upload.
    let mut carol = account("carol", Suite::Hybrid, rng);
    let upload = carol.maintain(None, NOW, rng).upload.unwrap();
    let good = serde_json::to_value(&upload).unwrap();
    assert_eq!(serde_json::from_value::<PreKeyUpload>(good.clone()).unwrap(), upload);
    let mut of_two = good;
    cut(&mut of_two["one_time_prekeys"][7]);
    assert!(serde_json::from_value::<PreKeyUpload>(of_two).is_err());
    let mut upload = serde_json::to_value(&server).unwrap();
    cut(&mut upload["one_time_prekeys"][0]);
    assert!(serde_json::from_value::<PublishedPreKeys>(upload).is_err());
}
