//! Two devices keep their sessions with each other in order, whatever is lost, late, or begun twice.

mod support;

use evanesce::{
    Account, Address, Contact, Peer, PeerDecryptError, PeerEncryptError, PeerInitiateError,
    PreKeyBundle, SafetyNumber, SessionNeed, SpentPreKey, Suite, Timestamp, VerifyError,
};
use support::layout::{ciphertext, one_time_prekey};
use support::pair::{Pair, Side, between_all_suites, between_suites_by_turns};
use support::{
    AD, DAY, NOW, NoDraws, SECOND, account_of, in_each_suite, other_suite, publishing, rng, state,
};

fn days(count: u32) -> Timestamp {
    NOW.plus(DAY * count)
}

/// Alice's first message to Bob.
fn written_to_bob(suites: [Suite; 2], seed: u64) -> (Pair, Vec<u8>) {
    let mut pair = Pair::of(suites, seed);
    let first = pair.alice_sends("first");
    (pair, first)
}

#[test]
fn who_writes_first_is_read_before_they_are_answered() {
    between_all_suites(|suites| {
        let (mut pair, first) = written_to_bob(suites, 1);
        let second = pair.alice_sends("second");
        assert_eq!(pair.bob.peer.contact(), &Contact::None);
        assert_eq!(pair.bob.receives(&first).body, b"first");
        let alice = pair.alice.account.device().identity;
        assert_eq!(pair.bob.peer.contact(), &Contact::Request(alice));
        assert_eq!(pair.bob.receives(&second).body, b"second");

        // Nothing leaves before the request is accepted, not even by a session of Bob's own.
        assert_eq!(pair.bob.try_send("who are you?", NOW), Err(PeerEncryptError::Request));
        assert_eq!(pair.bob.peer.session_need(NOW), None);
        let bundle =
            PreKeyBundle::decode(&pair.alice.server.hand_out()).unwrap().verify(NOW).unwrap();
        let before = state(&pair.bob.peer);
        let refused = pair.bob.peer.initiate(&pair.bob.account, bundle, NOW, &mut NoDraws);
        assert_eq!(refused, Err(PeerInitiateError::Request));
        assert!(state(&pair.bob.peer) == before);

        assert!(pair.bob.peer.accept_request().peer);
        assert!(!pair.bob.peer.accept_request().any());
        assert_eq!(pair.bob.peer.contact(), &Contact::Accepted(alice));
        let answer = pair.bob_sends("hello");
        assert_eq!(pair.alice.receives(&answer).body, b"hello");
        assert!(pair.agree());
    });
}

#[test]
fn a_request_that_was_refused_does_not_come_back() {
    between_all_suites(|suites| {
        for count in [3, 0] {
            let limits = publishing(count);
            let mut pair = Pair::of_limited(suites, &limits, 2);
            let (first, second) = (pair.alice_sends("first"), pair.alice_sends("second"));
            pair.bob.receives(&first);
            let deleted = Peer::new(Address::new("alice").unwrap());
            let unknown = match count {
                0 => PeerDecryptError::Replayed,
                _ => PeerDecryptError::UnknownPreKey,
            };
            assert!(pair.bob.peer.refuse().peer);
            for message in [&first, &second, &pair.alice_sends("third")] {
                assert_eq!(pair.bob.tries(message, NOW), Err(PeerDecryptError::Refused));
            }
            pair.bob.peer = deleted;
            for message in [&first, &second] {
                assert_eq!(pair.bob.tries(message, NOW), Err(unknown));
            }
        }
    });
}

#[test]
fn who_was_refused_neither_reaches_us_nor_is_written_to_until_accepted() {
    between_all_suites(|suites| {
        let mut pair = Pair::talking_of(suites, 3);
        let alice = pair.alice.account.device().identity;
        assert!(pair.bob.peer.refuse().peer);
        assert!(!pair.bob.peer.refuse().any());
        assert_eq!(pair.bob.peer.contact(), &Contact::Refused(alice));
        assert_eq!(pair.bob.peer.sessions().count(), 0);
        assert_eq!(pair.bob.peer.session_need(NOW), None);
        assert_eq!(pair.bob.try_send("no", NOW), Err(PeerEncryptError::Request));
        pair.alice.begins(&mut pair.bob.server, NOW);
        let begged = pair.alice_sends("please");
        assert_eq!(pair.bob.tries(&begged, NOW), Err(PeerDecryptError::Refused));
        assert_eq!(pair.bob.tries(&[], NOW), Err(PeerDecryptError::Malformed));
        pair.bob.peer = support::restored(&pair.bob.peer);
        assert!(pair.bob.peer.accept_request().peer);
        assert_eq!(pair.bob.receives(&begged).body, b"please");
        assert!(pair.exchange() && pair.agree());
        let mut unknown = Peer::new(Address::new("carol").unwrap());
        assert!(!unknown.refuse().any() && !unknown.accept_request().any());
    });
}

#[test]
fn what_a_handshake_spent_is_reported() {
    between_all_suites(|suites| {
        let (mut pair, first) = written_to_bob(suites, 3);
        let delivered = pair.bob.peer.decrypt(&mut pair.bob.account, &first, AD, NOW).unwrap();
        assert_eq!(delivered.changes.spent_prekey, Some(SpentPreKey::OneTime(1)));
        let limits = publishing(0);
        let mut pair = Pair::of_limited(suites, &limits, 3);
        let first = pair.alice_sends("first");
        let delivered = pair.bob.peer.decrypt(&mut pair.bob.account, &first, AD, NOW).unwrap();
        assert_eq!(delivered.changes.spent_prekey, Some(SpentPreKey::Signed(1)));
        let second = pair.alice_sends("second");
        let delivered = pair.bob.peer.decrypt(&mut pair.bob.account, &second, AD, NOW).unwrap();
        assert!(!delivered.changes.account && delivered.changes.peer);
        assert_eq!(delivered.changes.spent_prekey, None);
    });
}

#[test]
fn the_first_identity_is_pinned_on_both_sides() {
    between_all_suites(|suites| {
        let (mut pair, first) = written_to_bob(suites, 4);
        pair.bob.receives(&first);
        let (alice, bob) = (pair.alice.account.device(), pair.bob.account.device());
        assert_eq!(pair.alice.peer.device(), Some(bob.clone()));
        assert_eq!(pair.bob.peer.device(), Some(alice.clone()));
        let numbers = [SafetyNumber::between(&alice, &bob), SafetyNumber::between(&bob, &alice)];
        assert_eq!(numbers[0].digits(), numbers[1].digits());
        assert_eq!(Peer::new(Address::new("carol").unwrap()).device(), None);
    });
}

#[test]
fn another_identity_is_a_decision_and_changes_nothing_before_it_is_made() {
    between_all_suites(|suites| {
        let mut pair = Pair::talking_of(suites, 5);
        let late = pair.alice_sends("from the old installation");
        // Alice installs anew: the address stays, the identity does not.
        let former = pair.alice.account.device().identity;
        pair.alice = Side::of(other_suite(suites[0]), "alice", "bob", 500);
        let renewed = pair.alice.account.device().identity;
        let first = pair.alice_sends("it is me");
        for _ in 0..2 {
            assert_eq!(
                pair.bob.tries(&first, NOW),
                Err(PeerDecryptError::IdentityChanged(renewed))
            );
        }
        assert_eq!(pair.bob.peer.contact(), &Contact::Accepted(former));
        let bundle =
            PreKeyBundle::decode(&pair.alice.server.hand_out()).unwrap().verify(NOW).unwrap();
        let refused = pair.bob.peer.initiate(&pair.bob.account, bundle, NOW, &mut NoDraws);
        assert_eq!(refused, Err(PeerInitiateError::IdentityChanged(renewed)));

        assert!(pair.bob.peer.accept_identity(renewed).peer);
        assert!(!pair.bob.peer.accept_identity(renewed).any());
        assert_eq!(pair.bob.peer.sessions().count(), 0);
        assert_eq!(pair.bob.receives(&first).body, b"it is me");
        assert_eq!(pair.bob.peer.contact(), &Contact::Accepted(renewed));
        // The keys of the old installation open nothing more.
        assert_eq!(pair.bob.tries(&late, NOW), Err(PeerDecryptError::Undecryptable));
        assert!(pair.exchange() && pair.agree());
    });
}

#[test]
fn a_request_with_another_identity_stays_a_request() {
    between_all_suites(|suites| {
        let (mut pair, first) = written_to_bob(suites, 6);
        pair.bob.receives(&first);
        pair.alice = Side::of(other_suite(suites[0]), "alice", "bob", 600);
        let renewed = pair.alice.account.device().identity;
        let first = pair.alice_sends("anew");
        assert_eq!(pair.bob.tries(&first, NOW), Err(PeerDecryptError::IdentityChanged(renewed)));
        assert!(pair.bob.peer.accept_identity(renewed).peer);
        assert_eq!(pair.bob.peer.contact(), &Contact::Request(renewed));
        pair.bob.receives(&first);
        assert_eq!(pair.bob.try_send("?", NOW), Err(PeerEncryptError::Request));
    });
}

#[test]
fn a_message_that_gives_another_address_than_its_sender_is_refused() {
    between_all_suites(|suites| {
        let (mut pair, first) = written_to_bob(suites, 7);
        pair.bob.peer = Peer::new(Address::new("carol").unwrap());
        assert_eq!(pair.bob.tries(&first, NOW), Err(PeerDecryptError::OtherAddress));
        let carol = Side::of(suites[0], "carol", "bob", 70);
        pair.bob.peer = Peer::pinned(carol.account.device());
        assert_eq!(pair.bob.tries(&first, NOW), Err(PeerDecryptError::OtherAddress));
        // Offered to the right one, it opens: nothing was spent.
        pair.bob.peer = Peer::new(Address::new("alice").unwrap());
        assert_eq!(pair.bob.receives(&first).body, b"first");

        let bundle =
            PreKeyBundle::decode(&pair.alice.server.hand_out()).unwrap().verify(NOW).unwrap();
        let mut carol = Peer::new(Address::new("carol").unwrap());
        let refused = carol.initiate(&pair.bob.account, bundle, NOW, &mut NoDraws);
        assert_eq!(refused, Err(PeerInitiateError::OtherAddress));
    });
}

#[test]
fn who_claims_to_have_sent_an_initial_message_can_be_asked_first() {
    between_all_suites(|suites| {
        let (mut pair, first) = written_to_bob(suites, 8);
        assert_eq!(pair.bob.account.claimed_sender(&first), Ok(pair.alice.account.device()));
        pair.bob.receives(&first);
        let answer = pair.bob_sends("answer");
        assert!(pair.alice.account.claimed_sender(&answer).is_err());
        // Those after it name the prekey that it spent, and are known by their handshake.
        let second = pair.alice_sends("second");
        assert!(pair.bob.account.claimed_sender(&second).is_err());
        assert!(pair.bob.peer.knows(&second) && !pair.bob.peer.knows(&answer));
        assert!(!Peer::new(Address::new("carol").unwrap()).knows(&second));
        assert_eq!(pair.bob.receives(&second).body, b"second");
    });
}

#[test]
fn a_forgery_changes_neither_account_nor_peer() {
    between_all_suites(|suites| {
        let (mut pair, first) = written_to_bob(suites, 9);
        let ciphertext = ciphertext(&first);
        // In suite 2 each attempt costs a decapsulation.
        let is_tried = |place: &usize| !ciphertext.contains(place) || place % 16 == 0;
        for place in (0..first.len()).filter(is_tried) {
            let mut forged = first.clone();
            forged[place] ^= 1 << (place % 8);
            assert!(pair.bob.tries(&forged, NOW).is_err(), "byte {place}");
        }
        pair.bob.receives(&first);
        let second = pair.alice_sends("second");
        for place in (0..second.len()).filter(is_tried) {
            let mut forged = second.clone();
            forged[place] ^= 1 << (place % 8);
            assert!(pair.bob.tries(&forged, NOW).is_err(), "byte {place}");
        }
        assert_eq!(pair.bob.receives(&second).body, b"second");
        assert_eq!(pair.bob.tries(&first, NOW), Err(PeerDecryptError::Duplicate));
    });
}

#[test]
fn without_a_session_an_ordinary_message_says_so() {
    between_all_suites(|suites| {
        let mut pair = Pair::talking_of(suites, 10);
        let message = pair.alice_sends("lost on Bob");
        assert!(pair.bob.peer.drop_sessions().peer);
        assert_eq!(pair.bob.tries(&message, NOW), Err(PeerDecryptError::NoSession));
        assert_eq!(pair.bob.peer.session_need(NOW), Some(SessionNeed::Lost));
        assert_eq!(pair.bob.try_send("?", NOW), Err(PeerEncryptError::NeedsSession));
    });
}

#[test]
fn a_peer_that_lost_its_sessions_is_followed_at_once() {
    between_suites_by_turns(11..19, |suites, seed| {
        let mut pair = Pair::talking_of(suites, seed);
        assert!(pair.exchange() && pair.exchange() && pair.agree());
        let former = pair.bob.active();
        let late = pair.alice_sends("late");
        assert!(pair.alice.peer.drop_sessions().peer);
        let anew = pair.alice_sends("anew");
        assert_eq!(pair.bob.receives(&anew).body, b"anew");
        assert!(pair.agree() && pair.bob.active() != former);
        // What was under way opens. It may be that Alice has that session still: one more message tells.
        assert_eq!(pair.bob.receives(&late).body, b"late");
        let more = pair.alice_sends("more");
        pair.bob.receives(&more);
        assert!(pair.exchange() && pair.agree());
    });
}

#[test]
fn a_peer_that_cannot_use_our_session_is_followed_when_it_insists() {
    between_suites_by_turns(20..30, |suites, seed| {
        let mut pair = Pair::acquainted_of(suites, seed);
        // Bob has lost the secrets of the prekeys that his server hands out.
        let published = pair.bob.server.clone();
        pair.bob.account = account_of(suites[1], "bob", publishing(1), seed * 2 + 1);
        assert!(pair.bob.account.rotate_signed_prekey(NOW, &mut rng(seed)).changes.account);
        pair.bob.server = published;
        let hers = pair.alice_sends("from alice");
        assert_eq!(pair.bob.tries(&hers, NOW), Err(PeerDecryptError::UnknownPreKey));
        for _ in 0..2 {
            pair.bob.begins(&mut pair.alice.server, NOW);
            let his = pair.bob_sends("from bob");
            pair.alice.receives(&his);
        }
        assert!(pair.agree());
        assert!(pair.exchange());
    });
}

/// Whoever has the smaller id, by how the pair was seeded.
fn both_begin(suites: [Suite; 2], seed: u64) -> (Pair, Vec<u8>, Vec<u8>) {
    let mut pair = Pair::acquainted_of(suites, seed);
    let (hers, his) = (pair.alice_sends("hers"), pair.bob_sends("his"));
    (pair, hers, his)
}

#[test]
fn two_who_begin_at_the_same_time_use_the_session_with_the_smaller_id() {
    let mut alice_had_it = [0, 0];
    between_suites_by_turns(100..140, |suites, seed| {
        let (mut pair, hers, his) = both_begin(suites, seed);
        let smaller = pair.alice.active().min(pair.bob.active());
        alice_had_it[usize::from(pair.alice.active() == smaller)] += 1;
        assert_eq!(pair.alice.receives(&his).body, b"his");
        assert_eq!(pair.bob.receives(&hers).body, b"hers");
        assert_eq!((pair.alice.active(), pair.bob.active()), (smaller, smaller));
        for _ in 0..3 {
            assert!(pair.exchange());
            assert_eq!((pair.alice.active(), pair.bob.active()), (smaller, smaller));
        }
    });
    assert!(alice_had_it[0] > 5 && alice_had_it[1] > 5);
}

#[test]
fn an_answer_in_the_session_that_stayed_holds_us_there_when_the_other_is_heard_late() {
    let mut tried = 0;
    between_suites_by_turns(140..160, |suites, seed| {
        let (mut pair, hers, his) = both_begin(suites, seed);
        if pair.alice.active() > pair.bob.active() {
            return;
        }
        tried += 1;
        let stays = pair.alice.active();
        let late = pair.bob_sends("late");
        pair.alice.receives(&his);
        pair.bob.receives(&hers);
        let answer = pair.bob_sends("answer");
        pair.alice.receives(&answer);
        assert_eq!(pair.alice.receives(&late).body, b"late");
        assert_eq!(pair.alice.active(), stays);
    });
    assert!(tried > 3);
}

/// All that two people can do with so many messages each, and who begin, or begin anew, at any moment.
struct Everything {
    /// How many exchanges it took at most until both used one session.
    slowest: usize,
    ends: usize,
    arrival: Arrival,
}

#[derive(Clone, Copy, PartialEq)]
enum Arrival {
    InOrder,
    AnyOrder,
}

#[derive(Clone)]
struct UnderWay {
    to_alice: Vec<Vec<u8>>,
    to_bob: Vec<Vec<u8>>,
    alice_left: usize,
    bob_left: usize,
    /// How often a side may begin another session, though it has one.
    anew_left: usize,
}

impl Everything {
    fn try_all(&mut self, pair: &Pair, under_way: &UnderWay) {
        let mut is_end = true;
        for (alice, left) in [(true, under_way.alice_left), (false, under_way.bob_left)] {
            if left == 0 {
                continue;
            }
            is_end = false;
            let (mut pair, mut under_way) = (pair.copy(), under_way.clone());
            if alice {
                under_way.alice_left -= 1;
                under_way.to_bob.push(pair.alice_sends("text"));
            } else {
                under_way.bob_left -= 1;
                under_way.to_alice.push(pair.bob_sends("text"));
            }
            self.try_all(&pair, &under_way);
        }
        if under_way.anew_left > 0 {
            for alice in [true, false] {
                let (mut pair, mut under_way) = (pair.copy(), under_way.clone());
                under_way.anew_left -= 1;
                if alice {
                    pair.alice.begins(&mut pair.bob.server, NOW);
                } else {
                    pair.bob.begins(&mut pair.alice.server, NOW);
                }
                self.try_all(&pair, &under_way);
            }
        }
        for to_alice in [true, false] {
            let waiting = if to_alice { &under_way.to_alice } else { &under_way.to_bob };
            let choices = match self.arrival {
                Arrival::InOrder => waiting.len().min(1),
                Arrival::AnyOrder => waiting.len(),
            };
            for choice in 0..choices {
                is_end = false;
                let (mut pair, mut under_way) = (pair.copy(), under_way.clone());
                // Nothing is lost: each message opens, once, whenever it comes.
                if to_alice {
                    let message = under_way.to_alice.remove(choice);
                    assert_eq!(pair.alice.receives(&message).body, b"text");
                } else {
                    let message = under_way.to_bob.remove(choice);
                    assert_eq!(pair.bob.receives(&message).body, b"text");
                }
                self.try_all(&pair, &under_way);
            }
        }
        if is_end {
            self.end(pair.copy());
        }
    }

    fn end(&mut self, mut pair: Pair) {
        self.ends += 1;
        let mut exchanges = 0;
        while !pair.agree() {
            assert!(exchanges < 6, "they do not come to one session");
            assert!(pair.exchange(), "they do not understand each other");
            exchanges += 1;
        }
        self.slowest = self.slowest.max(exchanges);
        let agreed = pair.alice.active();
        assert!(pair.exchange() && pair.agree() && pair.alice.active() == agreed);
    }
}

fn everything(pair: &Pair, messages: usize, anew_left: usize, arrival: Arrival) -> Everything {
    let mut everything = Everything { slowest: 0, ends: 0, arrival };
    let nothing = UnderWay {
        to_alice: Vec::new(),
        to_bob: Vec::new(),
        alice_left: messages,
        bob_left: messages,
        anew_left,
    };
    everything.try_all(pair, &nothing);
    everything
}

#[test]
fn in_every_order_two_who_begin_come_to_one_session_and_lose_nothing() {
    between_suites_by_turns(200..204, |suites, seed| {
        let pair = Pair::acquainted_of(suites, seed);
        let in_order = everything(&pair, 2, 0, Arrival::InOrder);
        assert!(in_order.ends > 50 && in_order.slowest <= 1, "{}", in_order.slowest);
        let any_order = everything(&pair, 2, 0, Arrival::AnyOrder);
        // An answer that overtakes a first message makes that look like a new beginning.
        assert!(any_order.ends > in_order.ends && any_order.slowest <= 3);
    });
}

#[test]
fn in_every_order_two_of_whom_one_begins_anew_come_to_one_session_and_lose_nothing() {
    between_suites_by_turns(204..208, |suites, seed| {
        let acquainted = Pair::acquainted_of(suites, seed);
        let mut settled = Pair::talking_of(suites, seed);
        assert!(settled.exchange() && settled.agree());
        // Between accounts of the default suite from both, to save time.
        let begins = match suites {
            [Suite::Hybrid, Suite::Hybrid] => vec![acquainted, settled],
            [Suite::Classical, Suite::Hybrid] => vec![acquainted],
            [_, Suite::Classical] => vec![settled],
        };
        for pair in begins {
            let any_order = everything(&pair, 1, 2, Arrival::AnyOrder);
            assert!(any_order.ends > 100 && any_order.slowest <= 4, "{}", any_order.slowest);
        }
    });
}

#[test]
fn a_message_held_back_until_a_new_session_is_used_splits_nobody() {
    between_suites_by_turns(400..440, |suites, seed| {
        let mut pair = Pair::talking_of(suites, seed);
        assert!(pair.exchange() && pair.exchange());
        let held_back = pair.bob_sends("held back");
        pair.alice.begins(&mut pair.bob.server, NOW);
        assert!(pair.exchange() && pair.exchange() && pair.agree());
        pair.alice.receives(&held_back);
        for _ in 0..3 {
            assert!(pair.exchange());
        }
        assert!(pair.agree(), "seed {seed}");
    });
}

#[test]
fn a_session_begun_just_after_the_peers_first_message_does_not_wait_for_ever() {
    between_suites_by_turns(440..480, |suites, seed| {
        let mut pair = Pair::acquainted_of(suites, seed);
        let first = pair.bob_sends("first");
        pair.alice.receives(&first);
        // She had asked for a bundle before, and it comes now.
        pair.alice.begins(&mut pair.bob.server, NOW);
        for _ in 0..3 {
            assert!(pair.exchange());
        }
        assert!(pair.agree(), "seed {seed}");
        assert!(pair.alice.peer.sessions().next().unwrap().is_answered());
        assert!(pair.bob.peer.sessions().next().unwrap().is_answered());
    });
}

#[test]
fn a_session_begun_by_a_clock_that_ran_ahead_is_not_waited_for() {
    between_all_suites(|suites| {
        let mut pair = Pair::acquainted_of(suites, 480);
        pair.alice.peer = Peer::pinned(pair.bob.account.device());
        let bundle =
            PreKeyBundle::decode(&pair.bob.server.hand_out()).unwrap().verify(NOW).unwrap();
        let years_ahead = days(3_650);
        let begun = pair.alice.peer.initiate(&pair.alice.account, bundle, years_ahead, &mut rng(1));
        assert!(begun.unwrap().peer);
        assert_eq!(pair.alice.peer.session_need(NOW), Some(SessionNeed::Unanswered));
        assert_eq!(pair.alice.try_send("lost", NOW), Err(PeerEncryptError::NeedsSession));
        assert!(pair.exchange() && pair.exchange() && pair.agree());
    });
}

#[test]
fn a_start_before_the_clock_is_set_drops_no_session() {
    between_all_suites(|suites| {
        let mut pair = Pair::talking_of(suites, 481);
        let late = [pair.alice_sends("late"), pair.alice_sends("later")];
        pair.alice.begins(&mut pair.bob.server, NOW);
        let anew = pair.alice_sends("anew");
        pair.bob.receives(&anew);
        let zero = Timestamp::default();
        pair.bob.tries(&late[0], zero).unwrap();
        assert!(!pair.bob.peer.maintain(NOW).any());
        assert_eq!(pair.bob.receives(&late[1]).body, b"later");
    });
}

#[test]
fn what_a_message_began_is_told() {
    between_all_suites(|suites| {
        let (mut pair, first) = written_to_bob(suites, 482);
        let delivered = pair.bob.peer.decrypt(&mut pair.bob.account, &first, AD, NOW).unwrap();
        assert!(delivered.began_session);
        let second = pair.alice_sends("second");
        let delivered = pair.bob.peer.decrypt(&mut pair.bob.account, &second, AD, NOW).unwrap();
        assert!(!delivered.began_session);
    });
}

#[test]
fn changes_are_joined_for_one_transaction() {
    between_all_suites(|suites| {
        let (mut pair, first) = written_to_bob(suites, 483);
        let delivered = pair.bob.peer.decrypt(&mut pair.bob.account, &first, AD, NOW).unwrap();
        let both = delivered.changes.and(pair.bob.peer.accept_request());
        assert_eq!(both, delivered.changes);
        let need =
            pair.bob.peer.encrypt(&evanesce::Payload::new(""), AD, NOW, &mut rng(2)).unwrap();
        let both = pair.bob.peer.accept_request().and(need.changes);
        assert!(both.peer && !both.account && both.session == need.changes.session);
    });
}

#[test]
fn a_device_restored_from_a_backup_talks_again() {
    between_suites_by_turns(484..490, |suites, seed| {
        let mut pair = Pair::talking_of(suites, seed);
        let (account, peer) = (state(&pair.bob.account), state(&pair.bob.peer));
        assert!(pair.exchange() && pair.exchange());
        pair.bob.account = Account::restore(&account).unwrap();
        pair.bob.peer = Peer::restore(&peer).unwrap();
        assert!(pair.bob.peer.drop_sessions().peer);
        let renewed = pair.bob.account.rotate_signed_prekey(NOW, &mut rng(3)).changes;
        let renewed = renewed.and(pair.bob.account.add_one_time_prekeys(100, &mut rng(4)).changes);
        assert!(renewed.account);
        let upload = pair.bob.account.pending_upload().unwrap();
        let _ = pair.bob.account.mark_published(&upload);
        pair.bob.server.publish(upload);
        let anew = pair.bob_sends("anew");
        assert_eq!(pair.alice.receives(&anew).body, b"anew");
        assert!(pair.exchange() && pair.exchange() && pair.agree());
    });
}

#[test]
fn an_unanswered_session_asks_for_another_and_then_sends_no_more() {
    between_all_suites(|suites| {
        let mut pair = Pair::acquainted_of(suites, 300);
        let first = pair.alice_sends("first");
        assert_eq!(pair.alice.peer.session_need(days(1).minus(SECOND)), None);
        assert_eq!(pair.alice.peer.session_need(days(1)), Some(SessionNeed::Unanswered));
        pair.alice.try_send("still", days(30)).unwrap();
        let too_late = days(30).plus(SECOND);
        assert_eq!(pair.alice.try_send("no more", too_late), Err(PeerEncryptError::NeedsSession));
        // Its answer is still heard, and then it sends again.
        pair.bob.receives(&first);
        let answer = pair.bob_sends("I was away");
        assert_eq!(pair.alice.tries(&answer, too_late).unwrap().body, b"I was away");
        assert_eq!(pair.alice.peer.session_need(days(400)), None);
        pair.alice.try_send("welcome back", days(400)).unwrap();
    });
}

#[test]
fn a_session_that_is_to_send_no_more_soon_is_replaced_in_time() {
    between_all_suites(|suites| {
        let mut pair = Pair::acquainted_of(suites, 311);
        let mut limits = pair.alice.peer.limits().clone();
        limits.silence = DAY * 1_000;
        assert!(pair.alice.peer.set_limits(limits).peer);
        pair.alice_sends("first");
        assert_eq!(pair.alice.peer.session_need(NOW.plus(DAY * 45 / 2)), None);
        let asks = NOW.plus(DAY * 45 / 2).plus(SECOND);
        assert_eq!(pair.alice.peer.session_need(asks), Some(SessionNeed::Unanswered));
    });
}

#[test]
fn silence_asks_for_sessions_in_growing_pauses_and_an_answer_ends_it() {
    between_all_suites(|suites| {
        let mut pair = Pair::talking_of(suites, 312);
        let mut asked = Vec::new();
        for day in 0..80 {
            if let Some(upload) = pair.bob.account.maintain(None, days(day), &mut rng(1)).upload {
                let _ = pair.bob.account.mark_published(&upload);
                pair.bob.server.publish(upload);
            }
            if pair.alice.peer.session_need(days(day)) == Some(SessionNeed::Unanswered) {
                asked.push(day);
                pair.alice.begins(&mut pair.bob.server, days(day));
            }
            pair.alice.try_send("are you there?", days(day)).unwrap();
        }
        assert_eq!(asked, [1, 3, 7, 15, 23, 31, 39, 47, 55, 63, 71, 79]);
        let last = pair.alice.try_send("the last one", days(79)).unwrap();
        pair.bob.tries(&last, days(79)).unwrap();
        let answer = pair.bob.try_send("I was away", days(79)).unwrap();
        pair.alice.tries(&answer, days(79)).unwrap();
        pair.alice.try_send("welcome back", days(80)).unwrap();
        assert_eq!(pair.alice.peer.session_need(days(81).minus(SECOND)), None);
        assert_eq!(pair.alice.peer.session_need(days(81)), Some(SessionNeed::Unanswered));
    });
}

#[test]
fn a_session_that_waits_for_an_hour_yields_to_any_that_is_heard() {
    between_all_suites(|suites| {
        let mut pair = Pair::talking_of(suites, 309);
        let former = pair.bob.active();
        pair.alice.begins(&mut pair.bob.server, NOW);
        let lost = pair.alice_sends("lost");
        // Bob never hears of it, and goes on where they were.
        let [early, late] = [pair.bob_sends("early"), pair.bob_sends("late")];
        let hour = NOW.plus(SECOND * 3_600);
        pair.alice.tries(&early, hour.minus(SECOND)).unwrap();
        assert!(pair.alice.active() != former);
        pair.alice.tries(&late, hour).unwrap();
        assert!(pair.agree() && pair.alice.active() == former);
        pair.alice.try_send("here I am", hour).unwrap();
        assert_eq!(pair.bob.receives(&lost).body, b"lost");
    });
}

#[test]
fn a_responder_may_send_without_an_answer_for_as_long_as_its_chain_lasts() {
    between_all_suites(|suites| {
        let mut pair = Pair::acquainted_of(suites, 301);
        let first = pair.alice_sends("first");
        pair.bob.receives(&first);
        pair.bob_sends("answer");
        assert_eq!(pair.bob.peer.session_need(days(400)), Some(SessionNeed::Unanswered));
        pair.bob.try_send("still here", days(400)).unwrap();
    });
}

/// Nobody ever answers; the sender heeds what it is told, and every message arrives.
#[test]
fn a_one_sided_flow_never_stops() {
    in_each_suite(|suite| {
        let mut pair = Pair::acquainted_of([suite; 2], 302);
        let (mut asked, mut now) = (Vec::new(), NOW);
        pair.alice.begins(&mut pair.bob.server, now);
        for number in 0..21_000_u32 {
            now = now.plus(SECOND * 60);
            let issue = evanesce::Payload::new(number.to_be_bytes());
            let sent = pair.alice.peer.encrypt(&issue, AD, now, &mut pair.alice.rng).unwrap();
            let delivered = pair.bob.peer.decrypt(&mut pair.bob.account, &sent.message, AD, now);
            assert_eq!(delivered.unwrap().received.body, number.to_be_bytes());
            if let Some(need) = sent.session_need {
                asked.push((need, number));
                pair.alice.begins(&mut pair.bob.server, now);
            }
        }
        let (silent, full) = (SessionNeed::Unanswered, SessionNeed::ChainNearlyFull);
        // After 1, 2 and 4 days without an answer to the first message of a session, and then by number.
        assert_eq!(asked, [(silent, 1_440), (silent, 4_321), (silent, 10_082), (full, 19_082)]);
        assert!(pair.agree());
    });
}

#[test]
fn a_chain_that_is_full_sends_no_more_until_it_is_answered() {
    in_each_suite(|suite| {
        let mut pair = Pair::talking_of([suite; 2], 303);
        let mut last = pair.alice_sends("0");
        for number in 1..10_000 {
            let need = pair.alice.peer.session_need(NOW);
            assert_eq!(need, (number >= 9_000).then_some(SessionNeed::ChainNearlyFull));
            let payload = evanesce::Payload::new("text");
            last = pair.alice.peer.encrypt(&payload, AD, NOW, &mut pair.alice.rng).unwrap().message;
        }
        assert_eq!(pair.alice.try_send("one more", NOW), Err(PeerEncryptError::NeedsSession));
        pair.bob.receives(&last);
        let answer = pair.bob_sends("I am back");
        pair.alice.receives(&answer);
        assert_eq!(pair.alice.peer.session_need(NOW), None);
        assert!(pair.exchange());
    });
}

#[test]
fn beside_the_active_session_eight_are_kept_and_the_first_made_go_first() {
    between_all_suites(|suites| {
        let mut pair = Pair::talking_of(suites, 304);
        let mut messages = vec![pair.alice_sends("0")];
        for number in 1..=9 {
            pair.alice.begins(&mut pair.bob.server, NOW);
            messages.push(pair.alice_sends(&number.to_string()));
            let last = messages.last().unwrap();
            pair.bob.receives(last);
            assert_eq!(pair.bob.peer.sessions().count(), (number + 1).min(9));
        }
        let more: Vec<_> = (0..3).map(|_| pair.alice_sends("more")).collect();
        // The first session is gone with its keys, the second opens nothing twice.
        assert_eq!(pair.bob.tries(&messages[0], NOW), Err(PeerDecryptError::Undecryptable));
        assert_eq!(pair.bob.tries(&messages[1], NOW), Err(PeerDecryptError::Duplicate));
        more.iter().for_each(|message| assert_eq!(pair.bob.receives(message).body, b"more"));
        assert!(pair.exchange() && pair.agree());
    });
}

#[test]
fn the_active_session_is_never_dropped() {
    between_all_suites(|suites| {
        let mut pair = Pair::talking_of(suites, 305);
        let mut limits = pair.alice.peer.limits().clone();
        limits.max_older_sessions = 0; // counts as 1
        assert!(pair.alice.peer.set_limits(limits.clone()).peer);
        assert_eq!(pair.alice.peer.limits(), &limits);
        assert!(!pair.alice.peer.maintain(days(4_000)).any());
        assert_eq!(pair.alice.peer.sessions().count(), 1);
        assert!(pair.exchange());
        for _ in 0..3 {
            pair.alice.begins(&mut pair.bob.server, NOW);
        }
        assert_eq!(pair.alice.peer.sessions().count(), 2);
        let anew = pair.alice_sends("anew");
        pair.bob.receives(&anew);
        assert!(pair.exchange() && pair.agree());
    });
}

#[test]
fn an_older_session_goes_thirty_days_after_its_last_use() {
    between_all_suites(|suites| {
        let mut pair = Pair::talking_of(suites, 306);
        let late = [pair.alice_sends("late"), pair.alice_sends("too late")];
        pair.alice.begins(&mut pair.bob.server, NOW);
        let anew = pair.alice_sends("anew");
        pair.bob.tries(&anew, days(100)).unwrap();
        // It counts from the day on which it ceased to be the active one, or was last heard.
        assert!(!pair.bob.peer.maintain(days(130)).any());
        assert_eq!(pair.bob.tries(&late[0], days(130)).unwrap().body, b"late");
        let again = pair.alice_sends("again");
        pair.bob.tries(&again, days(130)).unwrap();
        assert!(!pair.bob.peer.maintain(days(160)).any());
        assert!(pair.bob.peer.maintain(days(160).plus(SECOND)).peer);
        assert_eq!(pair.bob.peer.sessions().count(), 1);
        assert_eq!(pair.bob.tries(&late[1], days(161)), Err(PeerDecryptError::Undecryptable));
        assert!(pair.exchange() && pair.agree());
    });
}

#[test]
fn a_session_that_is_in_use_is_not_dropped_where_an_old_one_makes_room() {
    between_all_suites(|suites| {
        let mut pair = Pair::talking_of(suites, 310);
        let mut limits = pair.bob.peer.limits().clone();
        limits.max_older_sessions = 2;
        assert!(pair.bob.peer.set_limits(limits.clone()).peer);
        assert!(!pair.bob.peer.set_limits(limits).any());
        let in_use = [pair.alice_sends("in use"), pair.alice_sends("still in use")];
        for body in ["old", "newer"] {
            pair.alice.begins(&mut pair.bob.server, NOW);
            let began = pair.alice_sends(body);
            pair.bob.receives(&began);
        }
        pair.bob.tries(&in_use[0], days(40)).unwrap();
        pair.alice.begins(&mut pair.bob.server, NOW);
        let newest = pair.alice_sends("newest");
        pair.bob.tries(&newest, days(40)).unwrap();
        assert_eq!(pair.bob.peer.sessions().count(), 3);
        assert_eq!(pair.bob.tries(&in_use[1], days(40)).unwrap().body, b"still in use");
    });
}

#[test]
fn maintenance_of_a_peer_drops_old_keys_in_all_its_sessions() {
    between_all_suites(|suites| {
        let mut pair = Pair::talking_of(suites, 307);
        let messages = [(); 4].map(|()| pair.alice_sends("text"));
        pair.bob.receives(&messages[3]);
        let held = |pair: &Pair| {
            pair.bob.peer.sessions().map(|session| session.held_keys()).sum::<usize>()
        };
        assert_eq!(held(&pair), 3);
        assert!(!pair.bob.peer.maintain(days(30)).any());
        let before = state(&pair.bob.peer);
        assert!(pair.bob.peer.maintain(days(30).plus(SECOND)).peer);
        assert!(state(&pair.bob.peer) != before);
        assert_eq!(held(&pair), 0);
    });
}

#[test]
fn a_bundle_with_a_weak_key_begins_nothing() {
    between_all_suites(|suites| {
        let mut pair = Pair::acquainted_of(suites, 308);
        let mut bundle = pair.bob.server.hand_out();
        let one_time_key = bundle.len() - one_time_prekey(suites[1]) + 4;
        bundle[one_time_key..][..32].fill(0);
        let verified = PreKeyBundle::decode(&bundle).unwrap().verify(NOW);
        match suites[1] {
            Suite::Classical => {
                let (alice, bundle) = (&mut pair.alice, verified.unwrap());
                let before = state(&alice.peer);
                let refused = alice.peer.initiate(&alice.account, bundle, NOW, &mut rng(1));
                assert_eq!(refused, Err(PeerInitiateError::WeakKey));
                assert!(state(&alice.peer) == before);
            }
            // There one-time prekeys are signed.
            Suite::Hybrid => assert_eq!(verified, Err(VerifyError::BadSignature)),
        }
    });
}
