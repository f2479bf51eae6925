//! Whom a message is from where nobody says so, which identity the user stays with, and when a session counts as lost.

mod support;

use evanesce::limits::Limits;
use evanesce::{
    Address, Contact, MessageTag, Peer, PeerDecryptError, PeerInitiateError, PreKeyBundle,
    SenderIndex, SessionNeed, Suite, Timestamp,
};
use rand_chacha::rand_core::Rng;
use support::layout::ORDINARY_OVERHEAD;
use support::pair::{Pair, Side, between_all_suites, between_suites_by_turns};
use support::{AD, DAY, NOW, NoDraws, SECOND, other_suite, restored, rng, state};

fn identity(seed: u64) -> evanesce::IdentityKey {
    support::account("alice", Limits::default(), seed).device().identity
}

/// The places of those who know a message, which asking does not change.
fn who_know(peers: &[&Peer], message: &[u8]) -> Vec<usize> {
    let before: Vec<_> = peers.iter().map(|peer| state(*peer)).collect();
    let places: Vec<_> = (0..peers.len()).filter(|place| peers[*place].knows(message)).collect();
    assert_eq!(Peer::find_sender(message, peers.iter().copied()), places.first().copied());
    assert!(before.iter().eq(&peers.iter().map(|peer| state(*peer)).collect::<Vec<_>>()));
    places
}

#[test]
fn a_message_is_known_by_the_peer_that_it_is_from_and_by_no_other() {
    between_all_suites(|suites| {
        let mut alice = Pair::talking_of(suites, 1);
        let other = Pair::talking_of(suites.map(other_suite), 2);
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
            assert_eq!(who_know(&peers, &unheard[..ORDINARY_OVERHEAD - 1]), [0; 0]);
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
    });
}

#[test]
fn an_index_finds_what_its_peers_expect_and_nothing_else() {
    between_all_suites(|suites| {
        let mut pairs = [21, 22, 23].map(|seed| Pair::of(suites, seed));
        let (mut index, mut rng) = (SenderIndex::new(), rng(24));
        let mut sent: Vec<(usize, Vec<u8>)> = Vec::new();
        let mut found = [0, 0];
        for step in 0..240 {
            let place = usize::try_from(rng.next_u32() % 3).unwrap();
            let pair = &mut pairs[place];
            match rng.next_u32() % 8 {
                0..4 => sent.push((place, pair.alice_sends("to Bob"))),
                4..6 if !sent.is_empty() => {
                    let next = usize::try_from(rng.next_u32()).unwrap() % sent.len().min(3);
                    let (place, message) = sent.remove(next);
                    pairs[place].bob.receives(&message);
                    index.note(place, &pairs[place].bob.peer);
                }
                6 if pair.bob.peer.sessions().next().is_some() => {
                    let answer = pair.bob_sends("to Alice");
                    index.note(place, &pairs[place].bob.peer);
                    pairs[place].alice.receives(&answer);
                }
                _ if step % 40 == 39 => {
                    index.forget(&place);
                    index.note(place, &pairs[place].bob.peer);
                }
                _ => {}
            }
            for (place, message) in &sent {
                let tag = MessageTag::of(message).unwrap();
                let is_expected = |pair: &Pair| pair.bob.peer.expected(8).any(|it| it == tag);
                let expecting = pairs.iter().position(is_expected);
                assert_eq!(index.find(message).copied(), expecting);
                assert!(expecting.is_none_or(|expecting| expecting == *place));
                found[usize::from(expecting.is_some())] += 1;
            }
        }
        assert!(found[0] > 20 && found[1] > 20, "{found:?}");
        (0..3).for_each(|place| index.forget(&place));
        assert!(sent.iter().all(|(_, message)| index.find(message).is_none()));
        assert_eq!(format!("{index:?}"), "SenderIndex { peers: 0, tags: 0 }");
    });
}

#[test]
fn while_our_next_chain_is_due_nothing_of_the_peers_next_one_is_known() {
    between_all_suites(|suites| {
        let mut pair = Pair::talking_of(suites, 3);
        // Bob has received and not answered, so Alice cannot honestly have gone on to another chain.
        let heard = pair.alice_sends("heard");
        pair.bob.receives(&heard);
        let mut ahead = pair.copy();
        let answer = ahead.bob_sends("an answer that was forgotten");
        ahead.alice.receives(&answer);
        let next = ahead.alice_sends("next");
        assert!(ahead.bob.peer.knows(&next) && !pair.bob.peer.knows(&next));
        assert_eq!(pair.bob.tries(&next, NOW), Err(PeerDecryptError::Undecryptable));
    });
}

#[test]
fn what_begins_a_session_is_known_by_nobody_and_what_follows_it_by_its_peer() {
    between_all_suites(|suites| {
        let mut pair = Pair::of(suites, 4);
        let (first, second) = (pair.alice_sends("first"), pair.alice_sends("second"));
        assert!(!pair.bob.peer.knows(&first));
        assert_eq!(pair.bob.account.claimed_sender(&first), Ok(pair.alice.account.device()));
        pair.bob.receives(&first);
        assert!(pair.bob.peer.knows(&second) && pair.bob.peer.knows(&first));
        pair.bob.receives(&second);
        assert!(pair.bob.peer.refuse().peer);
        assert!(!pair.bob.peer.knows(&second), "a refused peer has no sessions");
    });
}

#[test]
fn the_author_of_a_message_is_the_identity_that_is_pinned() {
    between_all_suites(|suites| {
        let mut pair = Pair::of(suites, 5);
        let alice = pair.alice.account.device().identity;
        for text in ["first", "second"] {
            let message = pair.alice_sends(text);
            let delivered =
                pair.bob.peer.decrypt(&mut pair.bob.account, &message, AD, NOW).unwrap();
            assert_eq!(delivered.author, alice);
        }
        assert_eq!(pair.bob.peer.contact(), &Contact::Request(alice));
        assert_eq!(pair.bob.peer.member_tag(), Some(pair.alice.account.member_tag()));
        assert_eq!(pair.alice.account.member_tag(), alice.member_tag());
        assert_eq!(Peer::new(Address::new("dave").unwrap()).member_tag(), None);
    });
}

#[test]
fn an_identity_that_was_rejected_is_asked_about_once() {
    between_all_suites(|suites| {
        let mut pair = Pair::talking_of(suites, 6);
        let former = pair.alice.copy();
        pair.alice = Side::of(other_suite(suites[0]), "alice", "bob", 600);
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
        let bundle =
            PreKeyBundle::decode(&pair.alice.server.hand_out()).unwrap().verify(NOW).unwrap();
        let refused = pair.bob.peer.initiate(&pair.bob.account, bundle, NOW, &mut NoDraws);
        assert_eq!(refused, Err(PeerInitiateError::IdentityChanged(other)));
        // The conversation goes on meanwhile, and the user may think otherwise: nothing was spent.
        let renewed = std::mem::replace(&mut pair.alice, former);
        assert!(pair.exchange() && pair.agree());
        pair.alice = renewed;
        assert!(pair.bob.peer.accept_identity(other).peer);
        assert_eq!(pair.bob.receives(&first).body, b"it is me");
    });
}

#[test]
fn the_last_sixteen_rejected_identities_are_remembered() {
    between_all_suites(|suites| {
        let mut pair = Pair::talking_of(suites, 7);
        let pinned = pair.alice.account.device().identity;
        assert!(!pair.bob.peer.reject_identity(pinned).any(), "the pinned one cannot be");
        let mut stranger = Peer::new(Address::new("dave").unwrap());
        assert!(!stranger.reject_identity(pinned).any(), "nothing is pinned to stay with");

        let impostor = |seed| Side::of(suites[1], "alice", "bob", seed);
        let first_of = |seed| impostor(seed).sends("x", &mut pair.bob.server.clone(), NOW);
        let (oldest, second) = (first_of(700), first_of(701));
        for seed in 700..717 {
            let rejected = impostor(seed).account.device().identity;
            assert!(pair.bob.peer.reject_identity(rejected).peer, "{seed}");
        }
        let forgotten = PeerDecryptError::IdentityChanged(impostor(700).account.device().identity);
        assert_eq!(pair.bob.tries(&oldest, NOW), Err(forgotten));
        assert_eq!(pair.bob.tries(&second, NOW), Err(PeerDecryptError::Refused));
        let rejected: Vec<_> = pair.bob.peer.rejected_identities().collect();
        assert_eq!(rejected.len(), 16);
        assert_eq!(rejected.last(), Some(&impostor(716).account.device().identity));
        // Accepted and then replaced, an identity is no longer rejected.
        let changed = impostor(701).account.device().identity;
        assert!(pair.bob.peer.accept_identity(changed).peer);
        assert!(
            pair.bob
                .peer
                .rejected_identities()
                .eq(rejected.into_iter().filter(|it| *it != changed))
        );
        assert!(pair.bob.peer.accept_identity(identity(999)).peer);
        assert_eq!(pair.bob.tries(&second, NOW), Err(PeerDecryptError::IdentityChanged(changed)));
    });
}

#[test]
fn limits_set_for_a_peers_sessions_hold_for_those_that_begin_later() {
    between_all_suites(|suites| {
        let mut pair = Pair::acquainted_of(suites, 8);
        let mut limits = pair.bob.account.limits().session.clone();
        limits.held_key_lifetime = DAY;
        assert!(pair.alice.peer.set_session_limits(limits.clone()).peer);
        assert!(!pair.alice.peer.set_session_limits(limits.clone()).any());
        assert!(pair.bob.peer.set_session_limits(limits.clone()).peer);
        pair.alice.peer = restored(&pair.alice.peer);
        let first = pair.alice_sends("first");
        pair.bob.receives(&first);
        pair.alice.begins(&mut pair.bob.server, NOW);
        for peer in [&pair.alice.peer, &pair.bob.peer] {
            assert!(peer.sessions().count() > 0);
            assert!(peer.sessions().all(|session| *session.limits() == limits));
        }
        limits.held_key_lifetime = DAY * 2;
        assert!(pair.alice.peer.set_session_limits(limits.clone()).peer);
        assert_eq!(pair.alice.peer.sessions().count(), 2);
        assert!(pair.alice.peer.sessions().all(|session| *session.limits() == limits));
    });
}

/// Bob has lost what Alice still sends in.
fn lost_at_bobs(suites: [Suite; 2], seed: u64) -> (Pair, PeerDecryptError) {
    let mut pair = Pair::talking_of(suites, seed);
    pair.bob.peer = Peer::pinned(pair.alice.account.device());
    let message = pair.alice_sends("lost");
    let refusal = pair.bob.tries(&message, NOW).unwrap_err();
    (pair, refusal)
}

/// Notes a refusal, and finds that what is reported as changed is what has changed.
fn note(peer: &mut Peer, refusal: PeerDecryptError, now: Timestamp) -> bool {
    let before = state(peer);
    let noted = peer.note_refusal(b"of nobody", &refusal, now).peer;
    assert_eq!(noted, state(peer) != before);
    noted
}

#[test]
fn a_lost_session_is_begun_anew_when_its_refusal_is_noted() {
    between_all_suites(|suites| {
        let (mut pair, refusal) = lost_at_bobs(suites, 20);
        assert_eq!(refusal, PeerDecryptError::NoSession);
        assert!(note(&mut pair.bob.peer, refusal, NOW));
        pair.bob.peer = restored(&pair.bob.peer);
        assert_eq!(pair.bob.peer.session_need(NOW), Some(SessionNeed::Lost));
        pair.bob.begins(&mut pair.alice.server, NOW);
        pair.bob.peer = restored(&pair.bob.peer);
        let nothing = pair.bob_sends("");
        pair.alice.receives(&nothing);
        assert_eq!(pair.bob.peer.session_need(NOW), Some(SessionNeed::Unanswered));
        let answer = pair.alice_sends("answer");
        pair.bob.receives(&answer);
        assert_eq!(pair.bob.peer.session_need(NOW), None);
        assert!(pair.exchange() && pair.agree());
    });
}

#[test]
fn two_sessions_are_begun_after_a_loss_and_a_peer_that_waits_follows_the_second() {
    let mut followed_the_first = 0;
    between_suites_by_turns(30..50, |suites, seed| {
        // Bob has begun with prekeys that Alice's backup lacks, and waits for her.
        let mut pair = Pair::acquainted_of(suites, seed);
        let backup = pair.alice.copy();
        let later = pair.alice.account.replace_prekeys(NOW, &mut rng(seed)).upload.unwrap();
        pair.alice.server = evanesce::server::PublishedPreKeys::new(later);
        let lost = pair.bob_sends("lost");
        pair.alice = backup;
        assert!(pair.alice.tries(&lost, NOW).is_err());
        assert!(pair.alice.peer.drop_sessions().peer);
        assert!(!pair.alice.peer.drop_sessions().any());
        for need in [SessionNeed::Lost, SessionNeed::Unanswered] {
            assert_eq!(pair.alice.peer.session_need(NOW), Some(need));
            pair.alice.begins(&mut pair.bob.server, NOW);
            let nothing = pair.alice_sends("");
            pair.bob.receives(&nothing);
            followed_the_first += u32::from(pair.agree());
        }
        assert!(pair.agree());
        assert_eq!(pair.alice.peer.session_need(NOW), None, "that is enough");
        assert!(pair.exchange());
    });
    // All follow the second, and only some the first.
    assert!((21..40).contains(&followed_the_first), "{followed_the_first}");
}

#[test]
fn whoever_is_not_accepted_gets_no_session_when_all_are_dropped() {
    between_all_suites(|suites| {
        let mut pair = Pair::of(suites, 51);
        let first = pair.alice_sends("first");
        pair.bob.receives(&first);
        assert!(pair.bob.peer.drop_sessions().peer);
        assert_eq!(pair.bob.peer.session_need(NOW), None);
        assert!(pair.bob.peer.accept_request().peer);
        assert_eq!(pair.bob.peer.session_need(NOW), Some(SessionNeed::Lost));
        // Who is unblocked may have sessions that we have not.
        assert!(pair.bob.peer.refuse().peer && pair.bob.peer.accept_request().peer);
        assert_eq!(pair.bob.peer.session_need(NOW), Some(SessionNeed::Lost));
        assert!(!Peer::new(Address::new("dave").unwrap()).drop_sessions().any());
    });
}

#[test]
fn what_is_late_in_an_older_session_does_not_end_a_loss() {
    between_all_suites(|suites| {
        let mut pair = Pair::talking_of(suites, 52);
        let late = pair.alice_sends("late");
        let rolled_back = restored(&pair.bob.peer);
        pair.alice.begins(&mut pair.bob.server, NOW);
        let first = pair.alice_sends("in another");
        pair.bob.receives(&first);
        let answer = pair.bob_sends("answer");
        pair.alice.receives(&answer);
        // Bob's row of Alice alone was put back.
        pair.bob.peer = rolled_back;
        let message = pair.alice_sends("lost");
        let refusal = pair.bob.tries(&message, NOW).unwrap_err();
        assert!(pair.bob.peer.note_refusal(&message, &refusal, NOW).peer);
        assert_eq!(pair.bob.receives(&late).body, b"late");
        assert_eq!(pair.bob.peer.session_need(NOW), Some(SessionNeed::Lost));
        for _ in 0..2 {
            pair.bob.begins(&mut pair.alice.server, NOW);
            let nothing = pair.bob_sends("");
            pair.alice.receives(&nothing);
        }
        assert!(pair.exchange() && pair.agree());
    });
}

/// Begins the two sessions that follow a loss, and sends in them; nobody hears of them.
fn begun_twice(pair: &mut Pair) {
    for _ in 0..2 {
        pair.bob.begins(&mut pair.alice.server, NOW);
        pair.bob_sends("");
    }
    assert_eq!(pair.bob.peer.session_need(NOW), None);
}

#[test]
fn what_anyone_can_bring_about_begins_sessions_in_growing_pauses() {
    between_all_suites(|suites| {
        let (mut pair, refusal) = lost_at_bobs(suites, 21);
        let peer = &mut pair.bob.peer;
        assert!(note(peer, refusal, NOW));
        assert!(!note(peer, refusal, NOW), "it is due already");
        begun_twice(&mut pair);
        let (peer, pause) = (&mut pair.bob.peer, NOW.plus(SECOND * 600));
        for refusal in [PeerDecryptError::Undecryptable, PeerDecryptError::UnknownPreKey] {
            assert!(!note(peer, refusal, pause.minus(SECOND)));
        }
        assert!(note(&mut restored(peer), PeerDecryptError::Undecryptable, pause));
        assert!(
            note(&mut restored(peer), refusal, NOW.minus(SECOND * 600)),
            "a clock was set back"
        );
        assert!(!note(&mut restored(peer), refusal, NOW.minus(SECOND * 599)));
        // Nobody but the peer can make a message that is forked, so that it does not rest because of others.
        assert!(note(peer, PeerDecryptError::Forked, NOW));
        assert_eq!(peer.session_need(NOW), Some(SessionNeed::Lost));
        begun_twice(&mut pair);
        assert!(
            !note(&mut pair.bob.peer, PeerDecryptError::Forked, pause.minus(SECOND)),
            "repeated"
        );
        assert!(note(&mut pair.bob.peer, PeerDecryptError::Forked, pause));
        begun_twice(&mut pair);
        assert!(note(&mut pair.bob.peer, refusal, pause));
        begun_twice(&mut pair);
        let (peer, hour) = (&mut pair.bob.peer, pause.plus(SECOND * 3_600));
        for refusal in [PeerDecryptError::Forked, refusal] {
            assert!(!note(peer, refusal, hour.minus(SECOND)));
            assert!(note(&mut restored(peer), refusal, hour));
        }
    });
}

#[test]
fn a_loss_that_is_suspected_is_forgotten_when_something_else_explains_it() {
    between_all_suites(|suites| {
        let (mut pair, refusal) = lost_at_bobs(suites, 22);
        assert!(note(&mut pair.bob.peer, refusal, NOW));
        pair.alice.begins(&mut pair.bob.server, NOW);
        let first = pair.alice_sends("anew");
        pair.bob.receives(&first);
        assert_eq!(pair.bob.peer.session_need(NOW), None, "the peer has begun one");
        // Who did not agree to another identity is not asked about it again because of what it sent.
        let tomorrow = NOW.plus(DAY);
        assert!(note(&mut pair.bob.peer, refusal, tomorrow));
        for changes in [true, false] {
            assert_eq!(pair.bob.peer.reject_identity(identity(999)).peer, changes);
            assert_eq!(pair.bob.peer.session_need(NOW), None);
        }
        assert!(note(&mut pair.bob.peer, refusal, tomorrow.plus(DAY)));
        assert!(pair.bob.peer.reject_identity(identity(999)).peer, "it is rejected already");
        assert_eq!(pair.bob.peer.session_need(NOW), None);
    });
}

#[test]
fn a_loss_that_is_certain_is_not_forgotten_because_of_somebody_else() {
    between_all_suites(|suites| {
        let mut pair = Pair::talking_of(suites, 28);
        assert!(pair.bob.peer.drop_sessions().peer);
        pair.bob.peer = restored(&pair.bob.peer);
        assert!(pair.bob.peer.reject_identity(identity(999)).peer);
        assert_eq!(pair.bob.peer.session_need(NOW), Some(SessionNeed::Lost));
        // With another identity nothing can have been lost yet.
        assert!(pair.bob.peer.accept_identity(identity(998)).peer);
        assert_eq!(pair.bob.peer.session_need(NOW), Some(SessionNeed::NoSession));
    });
}

/// It would tell who watches whom the message was from.
#[test]
fn a_message_of_a_session_that_is_here_begins_no_other_if_altered_or_sent_back() {
    between_all_suites(|suites| {
        let mut pair = Pair::talking_of(suites, 25);
        let mut altered = pair.alice_sends("altered");
        *altered.last_mut().unwrap() ^= 1;
        let refusal = pair.bob.tries(&altered, NOW).unwrap_err();
        assert!(refusal.may_mean_lost_session());
        assert!(!pair.bob.peer.note_refusal(&altered, &refusal, NOW).any());
        altered[1] ^= 1;
        let refusal = pair.bob.tries(&altered, NOW).unwrap_err();
        assert!(
            pair.bob.peer.note_refusal(&altered, &refusal, NOW).peer,
            "nobody knows that header"
        );

        let mut pair = Pair::acquainted_of(suites, 26);
        let first = pair.alice_sends("first");
        let refusal = pair.alice.tries(&first, NOW).unwrap_err();
        assert_eq!(refusal, PeerDecryptError::Undecryptable);
        assert!(!pair.alice.peer.note_refusal(&first, &refusal, NOW).any(), "her own");
    });
}

#[test]
fn a_message_that_comes_when_its_key_is_too_old_begins_no_session() {
    between_all_suites(|suites| {
        let mut pair = Pair::talking_of(suites, 27);
        let (late, soon) = (pair.alice_sends("late"), pair.alice_sends("soon"));
        pair.bob.receives(&soon);
        let answer = pair.bob_sends("answer");
        pair.alice.receives(&answer);
        let next = pair.alice_sends("next");
        pair.bob.receives(&next);
        let later = NOW.plus(DAY * 40);
        let refusal = pair.bob.tries(&late, later).unwrap_err();
        assert!(!pair.bob.peer.note_refusal(&late, &refusal, later).any(), "{refusal:?}");
    });
}

#[test]
fn nobody_but_an_accepted_peer_gets_a_session_by_what_does_not_open() {
    between_all_suites(|suites| {
        let lost = PeerDecryptError::Undecryptable;
        let mut stranger = Peer::new(Address::new("dave").unwrap());
        assert!(!note(&mut stranger, lost, NOW));
        let mut pair = Pair::of(suites, 23);
        let first = pair.alice_sends("first");
        pair.bob.receives(&first);
        assert!(!note(&mut pair.bob.peer, lost, NOW), "a request");
        assert!(pair.bob.peer.refuse().peer);
        assert!(!note(&mut pair.bob.peer, lost, NOW), "refused");
        let mut pair = Pair::talking_of(suites, 24);
        let refused = [
            PeerDecryptError::Malformed,
            PeerDecryptError::Unsupported,
            PeerDecryptError::Refused,
            PeerDecryptError::Duplicate,
            PeerDecryptError::Expired,
            PeerDecryptError::OtherAddress,
            PeerDecryptError::AddressChanged,
            PeerDecryptError::NeedsAccount,
        ];
        for refusal in refused {
            assert!(!note(&mut pair.bob.peer, refusal, NOW), "{refusal:?}");
        }
        assert_eq!(pair.bob.peer.session_need(NOW), None);
    });
}

#[test]
fn the_message_that_begins_a_session_is_held_to_the_peers_limits() {
    between_all_suites(|suites| {
        for (most, held) in [(0, 0), (1_000, 49)] {
            let mut limits = Limits::default();
            limits.session.max_skip = 1_000 - most;
            let mut pair = Pair::of_limited(suites, &limits, 9);
            let mut own = limits.session.clone();
            own.max_skip = most;
            assert!(pair.bob.peer.set_session_limits(own.clone()).peer);
            let messages: Vec<_> = (0..50).map(|_| pair.alice_sends("x")).collect();
            assert_eq!(pair.bob.receives(&messages[49]).dropped_keys, 49 - held);
            let holds: usize = pair.bob.peer.sessions().map(|session| session.held_keys()).sum();
            assert_eq!(holds, usize::try_from(held).unwrap());
        }
    });
}
