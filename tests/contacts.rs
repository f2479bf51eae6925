//! Whom a message is from where nobody says so, and which identity the user stays with.

mod support;

use evanesce::{
    Account, Address, Contact, Limits, Peer, PeerDecryptError, PeerInitiateError, PreKeyBundle,
};
use support::pair::{Pair, Side};
use support::{AD, DAY, NOW, NoDraws, World, restored, rng, state};

fn identity(seed: u64) -> evanesce::IdentityKey {
    support::account("alice", Limits::default(), seed).device().identity
}

/// The places of those who know a message, which asking does not change.
fn who_know(peers: &[&Peer], message: &[u8]) -> Vec<usize> {
    let before: Vec<_> = peers.iter().map(|peer| state(*peer)).collect();
    let places = (0..peers.len()).filter(|place| peers[*place].knows(message)).collect();
    assert!(before.iter().eq(&peers.iter().map(|peer| state(*peer)).collect::<Vec<_>>()));
    places
}

#[test]
fn a_message_is_known_by_the_peer_that_it_is_from_and_by_no_other() {
    let mut alice = Pair::talking(1);
    let other = Pair::talking(2);
    let stranger = Peer::new(Address::new("dave").unwrap());
    let late = alice.alice_sends("late");
    let soon = alice.alice_sends("soon");
    assert_eq!(alice.bob.receives(&soon).body, b"soon");
    // A chain further, and one more that Bob has not heard of.
    let answer = alice.bob_sends("answer");
    alice.alice.receives(&answer);
    let next = alice.alice_sends("next");
    alice.bob.receives(&next);
    let answer = alice.bob_sends("answer");
    alice.alice.receives(&answer);
    let unheard = alice.alice_sends("unheard");
    for round in 0..2 {
        let peers = [&stranger, &other.bob.peer, &alice.bob.peer];
        for message in [&late, &next, &unheard] {
            assert_eq!(who_know(&peers, message), [2], "round {round}");
        }
        assert_eq!(who_know(&peers, &answer), [0; 0], "Bob's own");
        assert_eq!(who_know(&peers, &[]), [0; 0]);
        assert_eq!(who_know(&peers, &unheard[..unheard.len() - 100]), [0; 0]);
        alice.bob.peer = restored(&alice.bob.peer);
    }
    // What was opened is known as long as its chain is the current one, and a duplicate to its peer alone.
    alice.bob.receives(&unheard);
    assert!(alice.bob.peer.knows(&unheard) && alice.bob.peer.knows(&late));
    assert_eq!(alice.bob.tries(&unheard, NOW), Err(PeerDecryptError::Duplicate));
    assert!(!alice.bob.peer.knows(&next), "nothing is left of that chain");
    // A header alone tells; the rest may be forged.
    let mut forged = late.clone();
    *forged.last_mut().unwrap() ^= 1;
    assert!(alice.bob.peer.knows(&forged));
    assert_eq!(alice.bob.tries(&forged, NOW), Err(PeerDecryptError::Undecryptable));
    let mut forged = late.clone();
    forged[1] ^= 1;
    assert!(!alice.bob.peer.knows(&forged));
    assert_eq!(alice.bob.receives(&late).body, b"late");
    assert!(!alice.bob.peer.knows(&late), "its chain is complete");
}

#[test]
fn while_our_next_chain_is_due_nothing_of_the_peers_next_one_is_known() {
    let mut pair = Pair::talking(3);
    // Bob has received and not answered, so Alice cannot honestly have gone on to another chain.
    let heard = pair.alice_sends("heard");
    pair.bob.receives(&heard);
    let mut ahead = pair.copy();
    let answer = ahead.bob_sends("an answer that was forgotten");
    ahead.alice.receives(&answer);
    let next = ahead.alice_sends("next");
    assert!(ahead.bob.peer.knows(&next) && !pair.bob.peer.knows(&next));
    assert_eq!(pair.bob.tries(&next, NOW), Err(PeerDecryptError::Undecryptable));
}

#[test]
fn what_begins_a_session_is_known_by_nobody_and_what_follows_it_by_its_peer() {
    let mut pair = Pair::new(4);
    let (first, second) = (pair.alice_sends("first"), pair.alice_sends("second"));
    assert!(!pair.bob.peer.knows(&first));
    assert_eq!(pair.bob.account.claimed_sender(&first), Ok(pair.alice.account.device()));
    pair.bob.receives(&first);
    assert!(pair.bob.peer.knows(&second) && pair.bob.peer.knows(&first));
    pair.bob.receives(&second);
    assert!(pair.bob.peer.refuse().peer);
    assert!(!pair.bob.peer.knows(&second), "a refused peer has no sessions");
}

#[test]
fn the_author_of_a_message_is_the_identity_that_is_pinned() {
    let mut pair = Pair::new(5);
    let alice = pair.alice.account.device().identity;
    for text in ["first", "second"] {
        let message = pair.alice_sends(text);
        let delivered = pair.bob.peer.decrypt(&mut pair.bob.account, &message, AD, NOW).unwrap();
        assert_eq!(delivered.author, alice);
    }
    assert_eq!(pair.bob.peer.contact(), &Contact::Request(alice));
    assert_eq!(pair.bob.peer.member_tag(), Some(pair.alice.account.member_tag()));
    assert_eq!(pair.alice.account.member_tag(), alice.member_tag());
    assert_eq!(Peer::new(Address::new("dave").unwrap()).member_tag(), None);
}

#[test]
fn an_identity_that_was_rejected_is_asked_about_once() {
    let mut pair = Pair::talking(6);
    let former = pair.alice.copy();
    pair.alice = Side::new("alice", "bob", Limits::default(), 600);
    let other = pair.alice.account.device().identity;
    let first = pair.alice_sends("it is me");
    assert_eq!(pair.bob.tries(&first, NOW), Err(PeerDecryptError::IdentityChanged(other)));
    assert!(pair.bob.peer.reject_identity(other).peer);
    assert!(!pair.bob.peer.reject_identity(other).any());
    pair.bob.peer = restored(&pair.bob.peer);
    for message in [&first, &pair.alice_sends("really")] {
        assert_eq!(pair.bob.tries(message, NOW), Err(PeerDecryptError::Refused));
    }
    // Who begins a session by themselves is told what the server gives.
    let bundle = PreKeyBundle::decode(&pair.alice.server.hand_out()).unwrap().verify(NOW).unwrap();
    let refused = pair.bob.peer.initiate(&pair.bob.account, bundle, NOW, &mut NoDraws);
    assert_eq!(refused, Err(PeerInitiateError::IdentityChanged(other)));
    // The conversation goes on meanwhile, and the user may think otherwise: nothing was spent.
    let renewed = std::mem::replace(&mut pair.alice, former);
    assert!(pair.exchange() && pair.agree());
    pair.alice = renewed;
    assert!(pair.bob.peer.accept_identity(other).peer);
    assert_eq!(pair.bob.receives(&first).body, b"it is me");
}

#[test]
fn the_last_sixteen_rejected_identities_are_remembered() {
    let mut pair = Pair::talking(7);
    let pinned = pair.alice.account.device().identity;
    assert!(!pair.bob.peer.reject_identity(pinned).any(), "the pinned one cannot be");
    let mut stranger = Peer::new(Address::new("dave").unwrap());
    assert!(!stranger.reject_identity(pinned).any(), "nothing is pinned to stay with");

    let impostor = |seed| Side::new("alice", "bob", Limits::default(), seed);
    let first_of = |seed| impostor(seed).sends("x", &mut pair.bob.server.clone(), NOW);
    let (oldest, second) = (first_of(700), first_of(701));
    for seed in 700..717 {
        let rejected = impostor(seed).account.device().identity;
        assert!(pair.bob.peer.reject_identity(rejected).peer, "{seed}");
    }
    let forgotten = PeerDecryptError::IdentityChanged(impostor(700).account.device().identity);
    assert_eq!(pair.bob.tries(&oldest, NOW), Err(forgotten));
    assert_eq!(pair.bob.tries(&second, NOW), Err(PeerDecryptError::Refused));
    // Accepted and then replaced, an identity is no longer rejected.
    let changed = impostor(701).account.device().identity;
    assert!(pair.bob.peer.accept_identity(changed).peer);
    assert!(pair.bob.peer.accept_identity(identity(999)).peer);
    assert_eq!(pair.bob.tries(&second, NOW), Err(PeerDecryptError::IdentityChanged(changed)));
}

#[test]
fn limits_set_for_a_peers_sessions_hold_for_those_that_begin_later() {
    let mut pair = Pair::acquainted(8);
    let mut limits = pair.bob.account.limits().session.clone();
    limits.held_key_lifetime = DAY;
    assert!(pair.alice.peer.set_session_limits(&limits).peer);
    assert!(!pair.alice.peer.set_session_limits(&limits).any());
    assert!(pair.bob.peer.set_session_limits(&limits).peer);
    pair.alice.peer = restored(&pair.alice.peer);
    let first = pair.alice_sends("first");
    pair.bob.receives(&first);
    pair.alice.begins(&mut pair.bob.server, NOW);
    for peer in [&pair.alice.peer, &pair.bob.peer] {
        assert!(peer.sessions().count() > 0);
        assert!(peer.sessions().all(|session| *session.limits() == limits));
    }
    limits.held_key_lifetime = DAY * 2;
    assert!(pair.alice.peer.set_session_limits(&limits).peer);
    assert_eq!(pair.alice.peer.sessions().count(), 2);
    assert!(pair.alice.peer.sessions().all(|session| *session.limits() == limits));
}

#[test]
fn what_a_lost_session_can_explain_is_told_from_the_rest() {
    let mut pair = Pair::talking(9);
    let second = pair.alice_sends("second");
    let mut without = pair.copy();
    without.bob.peer = Peer::pinned(pair.alice.account.device());
    let refusal = without.bob.tries(&second, NOW).unwrap_err();
    assert_eq!(refusal, PeerDecryptError::NoSession);
    assert!(refusal.may_mean_lost_session());
    // The server's bundle, out of date: the account knows nothing of its prekeys.
    without.alice.begins(&mut without.bob.server, NOW);
    let first = without.alice_sends("first");
    without.bob.account = Side::new("bob", "alice", Limits::default(), 900).account;
    assert!(without.bob.tries(&first, NOW).unwrap_err().may_mean_lost_session());

    pair.bob.receives(&second);
    let refusal = pair.bob.tries(&second, NOW).unwrap_err();
    assert_eq!(refusal, PeerDecryptError::Duplicate);
    assert!(!refusal.may_mean_lost_session());
    assert!(!PeerDecryptError::IdentityChanged(identity(1)).may_mean_lost_session());
    assert!(!PeerDecryptError::Refused.may_mean_lost_session());
}

#[test]
fn an_account_says_whether_publishing_and_limits_changed_it() {
    let mut account = support::account("bob", Limits::default(), 10);
    let upload = account.maintain(NOW, &mut rng(10)).upload.unwrap();
    let changes = |account: &mut Account| {
        let before = state(account);
        let changes = account.mark_published(&upload);
        assert_eq!(changes.account, state(account) != before);
        changes
    };
    assert!(changes(&mut account).account);
    assert!(!changes(&mut account).any(), "it was known");
    // Of another device: nothing of it is ours.
    let mut other = support::account("bob", Limits::default(), 11);
    assert!(!changes(&mut other).any());
    let mut limits = account.limits().clone();
    assert!(!account.set_limits(limits.clone()).any());
    limits.prekeys.one_time_prekeys += 1;
    assert!(account.set_limits(limits).account);
}

#[test]
fn replaced_prekeys_are_new_and_the_former_ones_still_serve() {
    let mut world = World::new(11);
    let late = world.initiate();
    let left = world.server.one_time_prekeys_left();
    let _ = world.bob.mark_published(&world.upload);
    let before = state(&world.bob);
    let made = world.bob.replace_prekeys(NOW, &mut rng(12));
    assert!(made.changes.account && state(&world.bob) != before);
    let upload = made.upload.unwrap();
    let former = world.upload.clone();
    assert_ne!(upload.bundle().encode(), former.bundle().encode());
    // A server that starts anew has as many as one that was filled for the first time.
    world.server = evanesce::PublishedPreKeys::new(upload);
    assert_eq!(world.server.one_time_prekeys_left(), left + 1);
    let fresh = world.initiate();
    for mut session in [late, fresh] {
        let first = support::send(&mut session, "first", &mut rng(13));
        world.accept(&first);
    }
}
