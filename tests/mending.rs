//! Conversations do not go silent: what one side cannot open is noticed, what comes again is told from it, and people
//! are found again under another address.

mod support;

use std::collections::BTreeMap;

use evanesce::{
    Address, Contact, Device, MessageTag, Peer, PeerDecryptError, PeerEncryptError,
    PeerInitiateError, PreKeyBundle, SafetyNumber, SessionNeed, Suite, Timestamp, VerifiedBundle,
};
use support::layout::ORDINARY_COMMITMENT;
use support::pair::{Pair, Side, between_all_suites, between_suites_by_turns};
use support::{AD, DAY, NOW, NoDraws, SECOND, other_suite, restored, rng, state};

fn hours(count: u32) -> Timestamp {
    NOW.plus(SECOND * 3_600 * count)
}

fn address(name: &str) -> Address {
    Address::new(name).unwrap()
}

fn bundle(of: &mut Side, now: Timestamp) -> VerifiedBundle {
    PreKeyBundle::decode(&of.server.hand_out()).unwrap().verify(now).unwrap()
}

impl Side {
    /// Writes as an application does: begins a session first if one is asked for.
    fn writes(&mut self, to: &mut Side, now: Timestamp) -> Vec<u8> {
        if self.peer.session_need(now).is_some() {
            self.begins(&mut to.server, now);
        }
        self.try_send("text", now).unwrap()
    }

    /// Hears as an application does that is not told who sends: what nobody knows or claims is dropped.
    fn hears(&mut self, message: &[u8], now: Timestamp) -> bool {
        let claims = |device: Device| device.address == *self.peer.address();
        if !self.peer.knows(message) && !self.account.claimed_sender(message).is_ok_and(claims) {
            return false;
        }
        let heard = self.tries(message, now);
        if let Err(refusal) = &heard {
            let _changes = self.peer.note_refusal(message, refusal, now);
        }
        heard.is_ok()
    }
}

/// Both write every hour, and nobody says who sends. After how many hours both are heard at once.
fn hours_until_both_are_heard(pair: &mut Pair) -> Option<u32> {
    (1..72).find(|hour| {
        let now = hours(*hour);
        let (alice, bob) = (&mut pair.alice, &mut pair.bob);
        let hers = alice.writes(bob, now);
        let his = bob.writes(alice, now);
        let (to_bob, to_alice) = (bob.hears(&hers, now), alice.hears(&his, now));
        to_bob && to_alice
    })
}

#[test]
fn who_is_unblocked_is_heard_and_hears_within_hours() {
    between_suites_by_turns(0..40, |suites, seed| {
        let mut pair = Pair::of(suites, seed);
        let asks = pair.alice_sends("may I?");
        pair.bob.receives(&asks);
        assert!(pair.bob.peer.refuse().peer && pair.bob.peer.accept_request().peer);
        assert_eq!(pair.bob.peer.session_need(NOW), Some(SessionNeed::Lost));
        let needed = hours_until_both_are_heard(&mut pair);
        assert!(needed.is_some_and(|hours| hours <= 2), "seed {seed}: {needed:?}");
    });
}

#[test]
fn who_was_deleted_and_is_written_to_hears_and_is_heard_within_hours() {
    between_suites_by_turns(0..40, |suites, seed| {
        let mut pair = Pair::of(suites, seed);
        let asks = pair.alice_sends("may I?");
        pair.bob.receives(&asks);
        // Against the documentation, and all that is known of her is gone.
        pair.bob.peer = Peer::new(address("alice"));
        let needed = hours_until_both_are_heard(&mut pair);
        assert!(needed.is_some_and(|hours| hours <= 2), "seed {seed}: {needed:?}");
    });
}

#[test]
fn a_handshake_that_nobody_can_take_is_replaced_after_a_day() {
    between_all_suites(|suites| {
        // The server has given one one-time prekey to two people, of whom the other one was quicker.
        let mut pair = Pair::of(suites, 1);
        let mut carol = Side::of(suites[0], "carol", "bob", 77);
        let mut twice = pair.bob.server.clone();
        pair.alice.begins(&mut pair.bob.server, NOW);
        carol.begins(&mut twice, NOW);
        let hers = carol.try_send("first", NOW).unwrap();
        let mut of_carol = Peer::new(address("carol"));
        assert!(of_carol.decrypt(&mut pair.bob.account, &hers, AD, NOW).is_ok());
        let lost = pair.alice.try_send("hello", NOW).unwrap();
        assert_eq!(pair.bob.tries(&lost, NOW), Err(PeerDecryptError::UnknownPreKey));
        assert_eq!(pair.alice.peer.session_need(hours(24).minus(SECOND)), None);
        let heard = pair.alice.writes(&mut pair.bob, hours(24));
        assert!(pair.bob.tries(&heard, hours(24)).is_ok());
    });
}

#[test]
fn who_is_away_for_months_can_be_written_to_in_the_session_that_was_answered_last() {
    between_all_suites(|suites| {
        // Her bundles expire meanwhile, and those sessions of his that nobody answered are given up.
        let mut pair = Pair::talking_of(suites, 48);
        let (mut needed, mut sent) = (0, Vec::new());
        for day in 1..=120 {
            let now = NOW.plus(DAY * day);
            let fetched = PreKeyBundle::decode(&pair.bob.server.hand_out()).unwrap().verify(now);
            if let (Some(_), Ok(bundle)) = (pair.alice.peer.session_need(now), fetched) {
                let Side { account, peer, rng, .. } = &mut pair.alice;
                let begun = peer.initiate(account, bundle, now, rng);
                needed += u32::from(begun.unwrap().peer);
            }
            let _changes = pair.alice.peer.maintain(now);
            pair.alice.peer = restored(&pair.alice.peer);
            sent.push(pair.alice.try_send("still there?", now).unwrap());
        }
        assert_eq!(needed, 5, "on days 1, 3, 7, 15 and 23; then they have expired");
        let back = NOW.plus(DAY * 120);
        for message in &sent {
            assert_eq!(pair.bob.tries(message, back).unwrap().body, b"still there?");
        }
        let answer = pair.bob.try_send("I was away", back).unwrap();
        pair.alice.tries(&answer, back).unwrap();
        assert!(pair.exchange() && pair.exchange() && pair.agree());
    });
}

#[test]
fn what_was_opened_among_the_last_hundred_is_a_duplicate_whatever_has_ended_since() {
    between_all_suites(|suites| {
        let mut pair = Pair::acquainted_of(suites, 2);
        let first = pair.alice_sends("the first of all");
        pair.bob.receives(&first);
        let (gap, late) = (pair.alice_sends("late"), pair.alice_sends("after a gap"));
        pair.bob.receives(&late);
        assert!(pair.exchange() && pair.exchange() && pair.exchange());
        pair.bob.receives(&gap);
        let repeated = |pair: &mut Pair, case: &str| {
            pair.bob.peer = restored(&pair.bob.peer);
            for message in [&first, &gap, &late] {
                let refusal = pair.bob.tries(message, NOW).unwrap_err();
                assert_eq!(refusal, PeerDecryptError::Duplicate, "{case}");
                assert!(!pair.bob.peer.note_refusal(message, &refusal, NOW).any(), "{case}");
            }
        };
        repeated(&mut pair, "chains have ended");
        assert!(pair.bob.peer.drop_sessions().peer);
        repeated(&mut pair, "sessions were dropped");
        let answer = pair.bob_sends("anew");
        pair.alice.receives(&answer);
        // Six more, and three after that: the first of all is still among the last hundred.
        for _ in 0..94 {
            let message = pair.alice_sends("more");
            pair.bob.receives(&message);
        }
        assert!(pair.bob.peer.refuse().peer && pair.bob.peer.accept_request().peer);
        repeated(&mut pair, "blocked and unblocked");
    });
}

#[test]
fn what_lies_further_back_than_a_hundred_is_remembered_no_more() {
    between_all_suites(|suites| {
        let mut pair = Pair::talking_of(suites, 3);
        let messages: Vec<_> = (0..102).map(|_| pair.alice_sends("text")).collect();
        messages.iter().for_each(|message| drop(pair.bob.receives(message)));
        let ended = pair.bob_sends("turn");
        pair.alice.receives(&ended);
        let anew = pair.alice_sends("next chain");
        pair.bob.receives(&anew);
        let last = pair.bob.tries(&messages[3], NOW);
        assert_eq!(last, Err(PeerDecryptError::Duplicate));
        assert_eq!(pair.bob.tries(&messages[2], NOW), Err(PeerDecryptError::Undecryptable));
    });
}

/// Alice goes back by five messages, and nobody notices.
fn rolled_back(suites: [Suite; 2], seed: u64) -> (Pair, Vec<Vec<u8>>) {
    let mut pair = Pair::talking_of(suites, seed);
    let first = pair.alice_sends("first of a chain");
    pair.bob.receives(&first);
    let old = restored(&pair.alice.peer);
    let had: Vec<_> = (0..5).map(|_| pair.alice_sends("before the loss")).collect();
    had.iter().for_each(|message| drop(pair.bob.receives(message)));
    pair.alice.peer = old;
    (pair, had)
}

#[test]
fn new_messages_under_used_numbers_are_no_duplicates_and_count_towards_a_loss() {
    between_suites_by_turns(10..30, |suites, seed| {
        let (mut pair, had) = rolled_back(suites, seed);
        for message in &had {
            assert_eq!(pair.bob.tries(message, NOW), Err(PeerDecryptError::Duplicate));
        }
        assert_eq!(pair.bob.peer.session_need(NOW), None);
        for _ in 0..5 {
            let new = pair.alice_sends("after it");
            let refusal = pair.bob.tries(&new, NOW).unwrap_err();
            assert_eq!(refusal, PeerDecryptError::NumberReused);
            let _changes = pair.bob.peer.note_refusal(&new, &refusal, NOW);
        }
        assert_eq!(pair.bob.peer.session_need(NOW), Some(SessionNeed::Lost));
        pair.bob.begins(&mut pair.alice.server, NOW);
        let nothing = pair.bob_sends("");
        pair.alice.receives(&nothing);
        let heard = pair.alice_sends("heard again");
        assert_eq!(pair.bob.receives(&heard).body, b"heard again");
    });
}

#[test]
fn an_altered_copy_of_what_was_received_looks_like_a_number_used_again() {
    between_all_suites(|suites| {
        let mut pair = Pair::talking_of(suites, 31);
        let messages: Vec<_> = (0..3).map(|_| pair.alice_sends("text")).collect();
        messages.iter().for_each(|message| drop(pair.bob.receives(message)));
        let mut altered = messages[1].clone();
        altered[ORDINARY_COMMITMENT] ^= 1;
        assert_eq!(pair.bob.tries(&messages[1], NOW), Err(PeerDecryptError::Duplicate));
        assert_eq!(pair.bob.tries(&altered, NOW), Err(PeerDecryptError::NumberReused));
    });
}

#[test]
fn sessions_in_which_nothing_was_sent_make_room_for_the_next() {
    between_all_suites(|suites| {
        let mut pair = Pair::talking_of(suites, 4);
        let under_way = pair.bob_sends("before");
        for _ in 0..20 {
            pair.alice.begins(&mut pair.bob.server, NOW);
            assert_eq!(pair.alice.peer.sessions().count(), 2);
        }
        assert_eq!(pair.alice.receives(&under_way).body, b"before");
        let sent = pair.alice_sends("in the last one");
        assert_eq!(pair.bob.receives(&sent).body, b"in the last one");
    });
}

#[test]
fn sessions_that_nobody_answered_go_before_one_in_which_the_peer_was_heard() {
    between_all_suites(|suites| {
        let mut pair = Pair::talking_of(suites, 5);
        let under_way = pair.bob_sends("before");
        for _ in 0..20 {
            pair.alice.begins(&mut pair.bob.server, NOW);
            pair.alice_sends("lost");
        }
        assert_eq!(pair.alice.peer.sessions().count(), 9);
        let after = pair.bob_sends("after");
        for (message, body) in [(&under_way, "before"), (&after, "after")] {
            assert_eq!(pair.alice.receives(message).body, body.as_bytes());
        }
    });
}

#[test]
fn a_session_that_is_just_being_answered_is_not_dropped_for_the_next() {
    between_all_suites(|suites| {
        let mut pair = Pair::talking_of(suites, 6);
        for _ in 0..8 {
            pair.bob.begins(&mut pair.alice.server, NOW);
            let message = pair.bob_sends("another");
            pair.alice.receives(&message);
        }
        pair.alice.begins(&mut pair.bob.server, NOW);
        let first = pair.alice_sends("in a new one");
        pair.bob.receives(&first);
        let answer = pair.bob_sends("its answer");
        pair.alice.begins(&mut pair.bob.server, NOW);
        assert_eq!(pair.alice.receives(&answer).body, b"its answer");
    });
}

#[test]
fn who_is_set_back_to_a_request_is_read_and_not_answered() {
    between_all_suites(|suites| {
        let mut pair = Pair::talking_of(suites, 7);
        let alice = pair.alice.account.device().identity;
        let under_way = pair.alice_sends("under way");
        assert!(pair.bob.peer.set_back_to_request().peer);
        assert!(!pair.bob.peer.set_back_to_request().any());
        pair.bob.peer = restored(&pair.bob.peer);
        assert_eq!(pair.bob.peer.contact(), &Contact::Request(alice));
        assert_eq!(pair.bob.receives(&under_way).body, b"under way");
        assert_eq!(pair.bob.try_send("no", NOW), Err(PeerEncryptError::Request));
        assert_eq!(pair.bob.peer.session_need(NOW), None);
        assert!(pair.bob.peer.accept_request().peer);
        assert_eq!(pair.bob.peer.session_need(NOW), None, "the sessions are still there");
        assert!(pair.exchange() && pair.agree());
        assert!(pair.bob.peer.refuse().peer && !pair.bob.peer.set_back_to_request().any());
        assert!(!Peer::new(address("dave")).set_back_to_request().any());
    });
}

#[test]
fn nothing_is_sent_while_the_user_has_not_decided_of_another_identity() {
    between_all_suites(|suites| {
        let mut pair = Pair::talking_of(suites, 8);
        let former = pair.alice.copy();
        pair.alice = Side::of(other_suite(suites[0]), "alice", "bob", 800);
        let other = pair.alice.account.device();
        let first = pair.alice_sends("it is me");
        let refusal = pair.bob.tries(&first, NOW).unwrap_err();
        assert_eq!(refusal, PeerDecryptError::IdentityChanged(other.identity));
        assert_eq!(pair.bob.peer.undecided_identity(), None);
        assert!(pair.bob.peer.note_refusal(&first, &refusal, NOW).peer);
        assert!(!pair.bob.peer.note_refusal(&first, &refusal, NOW).any());
        pair.bob.peer = restored(&pair.bob.peer);
        assert_eq!(pair.bob.peer.undecided_identity(), Some(other.identity));
        assert_eq!(pair.bob.try_send("secret", NOW), Err(PeerEncryptError::IdentityUndecided));
        assert_eq!(pair.bob.peer.session_need(NOW), None);
        // Its number can be compared before anything is decided.
        let device = pair.bob.peer.undecided_device().unwrap();
        assert_eq!(device, other);
        let shown = SafetyNumber::between(&pair.bob.account.device(), &device);
        let hers = SafetyNumber::between(&other, &pair.bob.account.device());
        assert_eq!(shown.digits(), hers.digits());

        // To go on decides nothing: it asks again.
        assert!(pair.bob.peer.keep_identity().peer && !pair.bob.peer.keep_identity().any());
        let renewed = std::mem::replace(&mut pair.alice, former);
        assert!(pair.exchange());
        assert!(pair.bob.peer.note_refusal(&first, &refusal, NOW).peer);
        // What the pinned one writes opens meanwhile.
        let meanwhile = pair.alice_sends("still here");
        assert_eq!(pair.bob.receives(&meanwhile).body, b"still here");
        let mut rejecting = restored(&pair.bob.peer);
        assert!(rejecting.reject_identity(other.identity).peer);
        assert_eq!(rejecting.undecided_identity(), None);
        assert!(!rejecting.note_refusal(&first, &refusal, NOW).any(), "it is asked about no more");
        assert!(pair.bob.peer.accept_identity(other.identity).peer);
        assert_eq!(pair.bob.peer.undecided_identity(), None);
        pair.alice = renewed;
        assert_eq!(pair.bob.receives(&first).body, b"it is me");
        assert!(pair.exchange());
    });
}

#[test]
fn another_identity_in_a_bundle_waits_for_the_user_too_once_it_is_noted() {
    between_all_suites(|suites| {
        let mut pair = Pair::talking_of(suites, 9);
        let mut renewed = Side::of(other_suite(suites[0]), "alice", "bob", 900);
        let other = renewed.account.device().identity;
        let before = state(&pair.bob.peer);
        let begun =
            pair.bob.peer.initiate(&pair.bob.account, bundle(&mut renewed, NOW), NOW, &mut NoDraws);
        assert_eq!(begun, Err(PeerInitiateError::IdentityChanged(other)));
        assert!(state(&pair.bob.peer) == before, "a refusal changes nothing");
        assert!(pair.bob.peer.note_identity(other).peer);
        assert_eq!(pair.bob.try_send("secret", NOW), Err(PeerEncryptError::IdentityUndecided));
        // The pinned one is no other, and where none is pinned nobody has to decide.
        let pinned = pair.alice.account.device().identity;
        assert!(!pair.alice.peer.note_identity(pair.bob.account.device().identity).any());
        assert!(!Peer::new(address("dave")).note_identity(pinned).any());
    });
}

/// Alice moves and publishes under her new address.
fn moved(pair: &mut Pair, to: &str, now: Timestamp) {
    let moved = pair.alice.account.change_address(address(to), now, &mut rng(1));
    assert!(moved.changes.account);
    let upload = moved.upload.unwrap();
    assert!(pair.alice.account.mark_published(&upload).account);
    pair.alice.server = evanesce::server::PublishedPreKeys::new(upload);
}

#[test]
fn who_moves_to_another_address_keeps_identity_and_sessions() {
    between_all_suites(|suites| {
        let mut pair = Pair::talking_of(suites, 40);
        let identity = pair.alice.account.device().identity;
        let under_way = pair.alice_sends("sent before the move");
        moved(&mut pair, "alice/0017", NOW);
        assert_eq!(
            pair.alice.account.device(),
            Device { identity, address: address("alice/0017") }
        );
        let tells = pair.alice_sends("I am at alice/0017");
        pair.bob.receives(&under_way);
        assert_eq!(pair.bob.receives(&tells).body, b"I am at alice/0017");
        assert!(pair.bob.peer.change_address(address("alice/0017"), NOW).peer);
        assert!(!pair.bob.peer.change_address(address("alice/0017"), NOW).any());
        pair.bob.peer = restored(&pair.bob.peer);
        assert!(pair.bob.peer.is_at(&address("alice/0017"), NOW));
        assert!(pair.bob.peer.is_at(&address("alice"), hours(30 * 24)));
        assert!(!pair.bob.peer.is_at(&address("alice"), hours(30 * 24).plus(SECOND)));
        assert!(pair.exchange() && pair.agree());
        // New sessions say the new address, and nobody is asked about anything.
        pair.alice.begins(&mut pair.bob.server, NOW);
        pair.bob.begins(&mut pair.alice.server, NOW);
        assert!(pair.exchange() && pair.exchange() && pair.agree());
        assert_eq!(pair.bob.peer.device(), Some(pair.alice.account.device()));
    });
}

#[test]
fn first_messages_to_a_former_address_open_as_long_as_their_prekeys_are_kept() {
    between_all_suites(|suites| {
        let mut pair = Pair::acquainted_of(suites, 41);
        let identity = pair.alice.account.device().identity;
        let first = bundle(&mut pair.alice, NOW);
        let too_late = bundle(&mut pair.alice, NOW);
        moved(&mut pair, "alice/2", hours(1));
        let second = bundle(&mut pair.alice, hours(1));
        moved(&mut pair, "alice/3", hours(2));
        pair.alice.account = restored(&pair.alice.account);
        let to_former = |pair: &mut Pair, bundle: VerifiedBundle, opened: Timestamp| {
            let written = hours(3);
            // Bob knows nothing of it yet.
            let address = bundle.device().address.clone();
            pair.bob.peer = Peer::pinned(Device { identity, address });
            let begun = pair.bob.peer.initiate(&pair.bob.account, bundle, written, &mut rng(2));
            assert!(begun.unwrap().peer);
            let message = pair.bob.try_send("to where you were", written).unwrap();
            pair.alice.tries(&message, opened).map(|received| received.body)
        };
        for former in [first, second] {
            let opened = to_former(&mut pair, former, hours(3));
            assert_eq!(opened.as_deref(), Ok(&b"to where you were"[..]));
        }
        let _maintained = pair.alice.account.maintain(None, NOW.plus(DAY * 40), &mut rng(3));
        let refused = to_former(&mut pair, too_late, NOW.plus(DAY * 40));
        assert_eq!(refused, Err(PeerDecryptError::UnknownPreKey));
    });
}

#[test]
fn whoever_has_a_former_address_now_is_a_stranger_and_no_change_of_identity() {
    between_all_suites(|suites| {
        let mut pair = Pair::talking_of(suites, 49);
        assert!(pair.bob.peer.change_address(address("alice/2"), NOW).peer);
        let mut next = Side::of(other_suite(suites[0]), "alice", "bob", 490);
        let first = next.sends("I have this number now", &mut pair.bob.server, NOW);
        assert_eq!(pair.bob.tries(&first, NOW), Err(PeerDecryptError::OtherAddress));
        let signed = bundle(&mut next, NOW);
        let begun = pair.bob.peer.initiate(&pair.bob.account, signed, NOW, &mut NoDraws);
        assert_eq!(begun, Err(PeerInitiateError::OtherAddress));
        let mut of_next = Peer::new(address("alice"));
        assert!(of_next.decrypt(&mut pair.bob.account, &first, AD, NOW).is_ok());
        assert!(pair.bob.try_send("to alice as ever", NOW).is_ok());
    });
}

#[test]
fn who_moves_before_anybody_answered_begins_anew_from_there() {
    between_all_suites(|suites| {
        let mut pair = Pair::of(suites, 50);
        pair.alice_sends("never heard of");
        moved(&mut pair, "alice/2", NOW);
        assert!(pair.alice.peer.own_address_changed().peer);
        assert!(!pair.alice.peer.own_address_changed().any());
        pair.bob.peer = Peer::new(address("alice/2"));
        let from_there = pair.alice.writes(&mut pair.bob, NOW);
        assert_eq!(pair.bob.receives(&from_there).body, b"text");
        // A session that was answered goes on.
        let mut pair = Pair::talking_of(suites, 51);
        moved(&mut pair, "alice/2", NOW);
        assert!(!pair.alice.peer.own_address_changed().any());
    });
}

#[test]
fn a_repeat_is_called_so_however_many_came_late_since() {
    between_suites_by_turns(100..140, |suites, seed| {
        let mut pair = Pair::talking_of(suites, seed);
        let late: Vec<_> = (0..110).map(|_| pair.alice_sends("held back")).collect();
        let turn = pair.bob_sends("turn");
        pair.alice.receives(&turn);
        let message = pair.alice_sends("of the next chain");
        pair.bob.receives(&message);
        late.iter().for_each(|late| drop(pair.bob.receives(late)));
        assert_eq!(pair.bob.tries(&message, NOW), Err(PeerDecryptError::Duplicate));

        // One of a chain that ended, of which a key is held, and a hundred of the next.
        let mut pair = Pair::talking_of(suites, seed);
        pair.alice_sends("never comes");
        let message = pair.alice_sends("of the chain before");
        pair.bob.receives(&message);
        let turn = pair.bob_sends("turn");
        pair.alice.receives(&turn);
        for _ in 0..120 {
            let next = pair.alice_sends("next");
            pair.bob.receives(&next);
        }
        assert_eq!(pair.bob.tries(&message, NOW), Err(PeerDecryptError::Duplicate));
    });
}

#[test]
fn numbers_of_a_chain_that_has_ended_are_told_from_repeats_too() {
    between_all_suites(|suites| {
        let mut pair = Pair::talking_of(suites, 52);
        let first = pair.alice_sends("first of the chain");
        pair.bob.receives(&first);
        let old = restored(&pair.alice.peer);
        pair.alice_sends("never comes");
        let message = pair.alice_sends("of the chain before");
        pair.bob.receives(&message);
        assert!(pair.exchange() && pair.exchange());
        pair.alice.peer = old;
        pair.alice_sends("never comes");
        let new = pair.alice_sends("another under its number");
        assert_eq!(pair.bob.tries(&message, NOW), Err(PeerDecryptError::Duplicate));
        assert_eq!(pair.bob.tries(&new, NOW), Err(PeerDecryptError::NumberReused));
    });
}

#[test]
fn a_move_that_nobody_told_is_a_decision_and_not_a_stranger() {
    between_all_suites(|suites| {
        let mut pair = Pair::talking_of(suites, 42);
        moved(&mut pair, "alice/2", NOW);
        pair.alice.begins(&mut pair.bob.server, NOW);
        let first = pair.alice_sends("from elsewhere");
        assert_eq!(pair.bob.tries(&first, NOW), Err(PeerDecryptError::AddressChanged));
        let claimed = pair.bob.account.claimed_sender(&first).unwrap();
        assert_eq!(claimed, pair.alice.account.device());
        let refused = pair.bob.peer.initiate(
            &pair.bob.account,
            bundle(&mut pair.alice, NOW),
            NOW,
            &mut NoDraws,
        );
        assert_eq!(refused, Err(PeerInitiateError::AddressChanged));
        // A bundle of somebody else moves nobody.
        let mut carol = Side::of(suites[0], "alice/2", "bob", 420);
        let of_carol = bundle(&mut carol, NOW);
        let other = carol.account.device().identity;
        let followed = pair.bob.peer.follow_bundle(&of_carol, NOW);
        assert_eq!(followed, Err(PeerInitiateError::IdentityChanged(other)));
        assert_eq!(pair.bob.peer.address(), &address("alice"));
        let signed = bundle(&mut pair.alice, NOW);
        assert!(pair.bob.peer.follow_bundle(&signed, NOW).unwrap().peer);
        assert_eq!(pair.bob.receives(&first).body, b"from elsewhere");
        assert!(pair.exchange() && pair.agree());
        // Of another identity it is another address, as ever.
        let his = carol.sends("not alice", &mut pair.bob.server, NOW);
        let mut elsewhere = Peer::pinned(Device { identity: other, address: address("carol") });
        let refusal = elsewhere.decrypt(&mut pair.bob.account, &his, AD, NOW).unwrap_err();
        assert_eq!(refusal, PeerDecryptError::AddressChanged);
        let mut dave = Peer::pinned(Side::of(suites[0], "dave", "bob", 421).account.device());
        let refusal = dave.decrypt(&mut pair.bob.account, &his, AD, NOW).unwrap_err();
        assert_eq!(refusal, PeerDecryptError::OtherAddress);
    });
}

#[test]
fn nobody_begins_a_session_with_themselves() {
    between_all_suites(|suites| {
        let mut pair = Pair::of(suites, 43);
        let own = bundle(&mut pair.alice, NOW);
        let mut myself = Peer::new(address("alice"));
        let refused = myself.initiate(&pair.alice.account, own, NOW, &mut NoDraws);
        assert_eq!(refused, Err(PeerInitiateError::OwnDevice));
        assert_eq!(myself.contact(), &Contact::None);
    });
}

#[test]
fn messages_of_a_session_that_is_here_open_without_the_account() {
    between_all_suites(|suites| {
        let mut pair = Pair::acquainted_of(suites, 44);
        let (first, second) = (pair.alice_sends("first"), pair.alice_sends("second"));
        let before = state(&pair.bob.peer);
        let refused = pair.bob.peer.decrypt_established(&first, AD, NOW).unwrap_err();
        assert_eq!(refused, PeerDecryptError::NeedsAccount);
        assert!(state(&pair.bob.peer) == before);
        pair.bob.receives(&first);
        let delivered = pair.bob.peer.decrypt_established(&second, AD, NOW).unwrap();
        assert_eq!(delivered.received.body, b"second");
        assert!(delivered.changes.peer && !delivered.changes.account);
        let answer = pair.bob_sends("answer");
        let delivered = pair.alice.peer.decrypt_established(&answer, AD, NOW).unwrap();
        assert_eq!(delivered.received.body, b"answer");
        let again = pair.alice.peer.decrypt_established(&answer, AD, NOW).unwrap_err();
        assert_eq!(again, PeerDecryptError::Duplicate);
        let nobodys = Peer::new(address("dave")).decrypt_established(&answer, AD, NOW).unwrap_err();
        assert_eq!(nobodys, PeerDecryptError::NoSession);
    });
}

#[test]
fn the_peer_of_a_message_is_found_by_its_tag_until_the_conversation_turns() {
    between_all_suites(|suites| {
        // What an application keeps of all its peers: here of Bob's one, and of somebody else's.
        fn indexed<'a>(peers: &[(&'a str, &Peer)]) -> BTreeMap<MessageTag, &'a str> {
            let tags =
                peers.iter().flat_map(|(name, peer)| peer.expected(3).map(|tag| (tag, *name)));
            tags.collect()
        }
        let tag = |message: &[u8]| MessageTag::of(message).unwrap();
        let mut pair = Pair::acquainted_of(suites, 45);
        let others = Pair::talking_of(suites, 46);
        let first = pair.alice_sends("first");
        assert_eq!(indexed(&[("alice", &pair.bob.peer)]).get(&tag(&first)), None);
        pair.bob.receives(&first);
        let of_both = |pair: &Pair| {
            let index = indexed(&[("alice", &pair.bob.peer), ("carol", &others.bob.peer)]);
            move |message: &[u8]| index.get(&tag(message)).copied()
        };
        // Not answered yet: all of hers carry one handshake.
        let index = of_both(&pair);
        for _ in 0..10 {
            assert_eq!(index(&pair.alice_sends("more")), Some("alice"));
        }
        let answer = pair.bob_sends("answer");
        pair.alice.receives(&answer);
        let turn = pair.alice_sends("after a turn");
        assert_eq!(of_both(&pair)(&turn), None, "nobody knows its key in advance");
        pair.bob.receives(&turn);
        let index = of_both(&pair);
        let next: Vec<_> = (0..4).map(|_| pair.alice_sends("next")).collect();
        let found: Vec<_> = next.iter().map(|message| index(message)).collect();
        assert_eq!(found, [Some("alice"), Some("alice"), Some("alice"), None]);
        assert_eq!(MessageTag::of(b"no message"), None);
    });
}

#[test]
fn the_time_of_a_conversation_that_mended_is_short() {
    between_all_suites(|suites| {
        // What restores the budget: each loss is mended at once, however many there are in a day.
        let mut pair = Pair::talking_of(suites, 47);
        for loss in 1..=8 {
            let old = restored(&pair.bob.peer);
            for _ in 0..3 {
                assert!(pair.exchange());
            }
            pair.bob.peer = old;
            let now = hours(loss);
            let hers = pair.alice.writes(&mut pair.bob, now);
            let refusal = pair.bob.tries(&hers, now).unwrap_err();
            assert!(pair.bob.peer.note_refusal(&hers, &refusal, now).peer, "loss {loss}");
            for _ in 0..2 {
                let his = pair.bob.writes(&mut pair.alice, now);
                pair.alice.tries(&his, now).unwrap();
            }
            let answer = pair.alice.writes(&mut pair.bob, now);
            pair.bob.tries(&answer, now).unwrap();
            assert_eq!(pair.bob.peer.session_need(now), None);
        }
    });
}
