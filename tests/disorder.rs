//! What becomes of messages that come late, twice or never, and of devices restored from an older state.

mod support;

use std::iter::zip;

use evanesce::limits::{Limits, SessionLimits};
use evanesce::session::{AcceptError, DecryptError, Session};
use evanesce::{Received, Suite, Timestamp};
use proptest::prelude::*;
use proptest::sample::{Index, select};
use rand_chacha::ChaCha20Rng;
use support::layout::ORDINARY_COMMITMENT;
use support::{
    AD, DAY, NOW, SECOND, SUITES, Talk, World, accept_refusal, heal, in_each_suite, publishing,
    receive, refusal, refusal_of, repeatable, restored, rng, send, started_in, state,
};

fn days(count: u32) -> Timestamp {
    NOW.plus(DAY * count)
}

fn at(session: &mut Session, message: &[u8], now: Timestamp) -> Received {
    session.decrypt(message, AD, now).unwrap()
}

fn limited(change: impl FnOnce(&mut SessionLimits)) -> SessionLimits {
    let mut limits = SessionLimits::default();
    change(&mut limits);
    limits
}

/// What one side sent, as the other side should know it.
#[derive(Default)]
struct Sent {
    messages: Vec<Sketch>,
    /// The chain of the last message; it counts the sending steps.
    chain: usize,
    /// Whether the next message begins a chain.
    step_due: bool,
}

/// A message and what has become of it.
struct Sketch {
    bytes: Vec<u8>,
    chain: usize,
    opened: bool,
}

impl Sent {
    fn push(&mut self, bytes: Vec<u8>) {
        self.chain += usize::from(std::mem::take(&mut self.step_due));
        self.messages.push(Sketch { bytes, chain: self.chain, opened: false });
    }

    /// The place of the last message that opened.
    fn last_opened(&self) -> Option<usize> {
        self.messages.iter().rposition(|message| message.opened)
    }

    /// The chain that the receiver is in.
    fn current_chain(&self) -> Option<usize> {
        self.last_opened().map(|last| self.messages[last].chain)
    }

    /// The messages that the receiver must hold a key for: those that it has passed.
    fn missing(&self) -> impl Iterator<Item = &Sketch> {
        let passed = &self.messages[..self.last_opened().unwrap_or_default()];
        passed.iter().filter(|message| !message.opened)
    }

    /// Whether the receiver knows a chain by anything: it is in it, or holds a key of it.
    fn is_known(&self, chain: usize) -> bool {
        self.current_chain() == Some(chain) || self.missing().any(|message| message.chain == chain)
    }
}

/// What happens next.
#[derive(Clone, Debug)]
enum Event {
    AliceSends,
    BobSends,
    BobGets(Index),
    AliceGets(Index),
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        Just(Event::AliceSends),
        Just(Event::BobSends),
        any::<Index>().prop_map(Event::BobGets),
        any::<Index>().prop_map(Event::AliceGets),
    ]
}

/// Two sessions, and what each of them sent. Bob has none before the first message.
struct Disorder {
    world: World,
    alice: Session,
    bob: Option<Session>,
    from_alice: Sent,
    from_bob: Sent,
}

impl Disorder {
    fn new(suite: Suite) -> Self {
        let mut limits = publishing(1);
        let mut world = World::of_limited(suite, limits.clone(), 1);
        // All chains that a case makes are kept, so that every message opens.
        limits.session.max_older_chains = 1_000;
        let _ = world.bob.set_limits(limits.clone());
        let _ = world.alice.set_limits(limits);
        let alice = world.initiate();
        Self { world, alice, bob: None, from_alice: Sent::default(), from_bob: Sent::default() }
    }

    fn happens(&mut self, event: Event) {
        match event {
            Event::AliceSends => {
                let body = self.from_alice.messages.len().to_string();
                self.from_alice.push(send(&mut self.alice, body, &mut self.world.rng));
            }
            Event::BobSends => {
                if let Some(bob) = &mut self.bob {
                    let body = self.from_bob.messages.len().to_string();
                    self.from_bob.push(send(bob, body, &mut self.world.rng));
                }
            }
            Event::BobGets(which) => self.bob_gets(which),
            Event::AliceGets(which) => {
                if !self.from_bob.messages.is_empty() {
                    let place = which.index(self.from_bob.messages.len());
                    deliver(&mut self.alice, &mut self.from_bob, &mut self.from_alice, place);
                }
            }
        }
    }

    fn bob_gets(&mut self, which: Index) {
        if self.from_alice.messages.is_empty() {
            return;
        }
        let place = which.index(self.from_alice.messages.len());
        if let Some(bob) = &mut self.bob {
            deliver(bob, &mut self.from_alice, &mut self.from_bob, place);
            return;
        }
        let message = &mut self.from_alice.messages[place];
        let accepted = self.world.accept(&message.bytes);
        assert_eq!(accepted.received.body, place.to_string().as_bytes());
        assert_eq!(accepted.session.held_keys(), place);
        let again = accept_refusal(&mut self.world.bob, &message.bytes);
        assert_eq!(again, AcceptError::UnknownPreKey);
        message.opened = true;
        self.bob = Some(accepted.session);
    }
}

/// Delivers a message, for the first time or again, and checks all that can be seen of it.
fn deliver(receiver: &mut Session, sent: &mut Sent, answers: &mut Sent, place: usize) {
    let Sketch { bytes, chain, opened } = &sent.messages[place];
    if *opened {
        let expected = if sent.is_known(*chain) {
            DecryptError::Duplicate
        } else {
            DecryptError::Undecryptable
        };
        assert_eq!(refusal(receiver, bytes), expected);
        return;
    }
    let received = receive(receiver, bytes);
    assert_eq!(received.body, place.to_string().as_bytes());
    assert_eq!((received.dropped_keys, received.peer_went_back), (0, false));
    answers.step_due |= sent.current_chain() < Some(*chain);
    sent.messages[place].opened = true;
    assert_eq!(receiver.held_keys(), sent.missing().count());
}

proptest! {
    #![proptest_config(repeatable(200))]

    #[test]
    fn each_message_opens_exactly_once_in_any_order(
        suite in select(&SUITES[..]),
        events in prop::collection::vec(event(), 0..120),
    ) {
        let mut disorder = Disorder::new(suite);
        events.into_iter().for_each(|event| disorder.happens(event));
        // What is still under way comes too, the latest first.
        let Disorder { alice, bob, from_alice, from_bob, world } = &mut disorder;
        if let Some(bob) = bob {
            for place in (0..from_alice.messages.len()).rev() {
                deliver(bob, from_alice, from_bob, place);
            }
            for place in (0..from_bob.messages.len()).rev() {
                deliver(alice, from_bob, from_alice, place);
            }
            let all = from_alice.messages.iter().chain(&from_bob.messages);
            prop_assert!(all.into_iter().all(|message| message.opened));
            prop_assert_eq!(alice.held_keys() + bob.held_keys(), 0);
            heal(alice, bob, &mut world.rng);
        }
    }
}

#[test]
fn a_chain_that_comes_backwards_opens_whole() {
    in_each_suite(|suite| {
        let mut talk = started_in(suite, 2);
        let messages = talk.alice_sends_many(100);
        for (number, message) in messages.iter().enumerate().rev() {
            let received = receive(&mut talk.bob, message);
            assert_eq!(received.body, number.to_string().as_bytes());
            assert_eq!(talk.bob.held_keys(), number);
            assert_eq!(refusal(&mut talk.bob, message), DecryptError::Duplicate);
        }
    });
}

/// What one direction of a conversation has come to.
#[derive(Default)]
struct Tally {
    sent: usize,
    opened: usize,
    dropped: usize,
}

impl Tally {
    /// Sends as many messages as there are in `arrives`, and lets those arrive that it says.
    fn send(
        &mut self,
        from: &mut Session,
        to: &mut Session,
        arrives: &[bool],
        rng: &mut ChaCha20Rng,
    ) {
        for arrives in arrives {
            let message = send(from, "body", rng);
            self.sent += 1;
            if *arrives {
                let received = receive(to, &message);
                self.opened += 1;
                self.dropped += usize::try_from(received.dropped_keys).unwrap();
                assert_eq!(received.body, b"body");
                assert!(to.held_keys() <= usize::try_from(to.limits().max_held_keys).unwrap());
            }
        }
    }

    /// Each message that was sent has opened, can still be opened, or was reported as lost.
    fn check(&self, receiver: &Session) {
        assert_eq!(self.sent, self.opened + receiver.held_keys() + self.dropped);
    }
}

prop_compose! {
    fn small_limits()(
        skip in 0..20_u32,
        held in 0..40_u32,
        older in 0..4_u32,
    ) -> SessionLimits {
        limited(|limits| {
            limits.max_skip = skip;
            limits.max_held_keys = held;
            limits.max_older_chains = older;
        })
    }
}

proptest! {
    #![proptest_config(repeatable(200))]

    #[test]
    fn no_loss_ends_a_session_and_every_lost_key_is_counted(
        suite in select(&SUITES[..]),
        limits in prop_oneof![Just(SessionLimits::default()), small_limits()],
        turns in prop::collection::vec(
            prop::collection::vec(prop::bool::weighted(0.3), 0..40), 1..12,
        ),
    ) {
        let mut talk = started_in(suite, 3);
        talk.alice.set_limits(limits.clone());
        talk.bob.set_limits(limits);
        let Talk { alice, bob, rng } = &mut talk;
        let (mut from_alice, mut from_bob) = (Tally::default(), Tally::default());
        for turn in turns.chunks(2) {
            from_alice.send(alice, bob, &turn[0], rng);
            from_bob.send(bob, alice, turn.get(1).map_or(&[], Vec::as_slice), rng);
        }
        from_alice.send(alice, bob, &[true], rng);
        from_bob.send(bob, alice, &[true], rng);
        from_alice.check(bob);
        from_bob.check(alice);
        heal(alice, bob, rng);
    }
}

#[test]
fn the_loss_of_all_but_one_of_ten_thousand_does_not_end_a_session() {
    in_each_suite(|suite| {
        let mut talk = started_in(suite, 4);
        let Talk { alice, bob, rng } = &mut talk;
        let mut arrives = [false; 10_000];
        let (mut from_alice, mut from_bob) = (Tally::default(), Tally::default());
        let survivors: &[usize] = match suite {
            Suite::Classical => &[9_999, 0, 5_000],
            // While it sends a key, each message makes it anew out of its seed.
            Suite::Hybrid => &[5_000],
        };
        for survivor in survivors {
            arrives.fill(false);
            arrives[*survivor] = true;
            from_alice.send(alice, bob, &arrives, rng);
            from_bob.send(bob, alice, &arrives, rng);
        }
        from_alice.send(alice, bob, &[true], rng);
        from_bob.send(bob, alice, &[true], rng);
        from_alice.check(bob);
        from_bob.check(alice);
        heal(alice, bob, rng);
    });
}

#[test]
fn a_session_begins_with_the_last_of_ten_thousand_initial_messages() {
    in_each_suite(|suite| {
        let mut world = World::of(suite, 5);
        let mut alice = world.initiate();
        let messages: Vec<_> =
            (0..10_000).map(|_| send(&mut alice, "hello", &mut world.rng)).collect();
        let accepted = world.accept(&messages[9_999]);
        assert_eq!(accepted.received.dropped_keys, 8_999);
        let mut bob = accepted.session;
        assert_eq!(bob.held_keys(), 1_000);
        assert_eq!(refusal(&mut bob, &messages[8_998]), DecryptError::Expired);
        assert_eq!(receive(&mut bob, &messages[8_999]).body, b"hello");
        Talk { alice, bob, rng: rng(5) }.bob_answers();
    });
}

/// Every message of `messages` from `first_held` on opens, none before does.
fn check_held_from(session: &mut Session, messages: &[Vec<u8>], first_held: usize) {
    for message in &messages[..first_held] {
        assert_eq!(refusal(session, message), DecryptError::Expired);
    }
    for message in &messages[first_held..] {
        assert_eq!(receive(session, message).dropped_keys, 0);
    }
}

#[test]
fn a_gap_keeps_its_last_thousand_keys() {
    in_each_suite(|suite| {
        let mut talk = started_in(suite, 6);
        let messages = talk.alice_sends_many(1_501);
        let received = receive(&mut talk.bob, &messages[1_500]);
        assert_eq!(received.dropped_keys, 500);
        assert_eq!(talk.bob.held_keys(), 1_000);
        check_held_from(&mut talk.bob, &messages[..1_500], 500);
        assert_eq!(talk.bob.held_keys(), 0);
    });
}

#[test]
fn the_end_of_a_chain_and_the_start_of_the_next_are_two_gaps() {
    in_each_suite(|suite| {
        let mut talk = started_in(suite, 7);
        let former = talk.alice_sends_many(1_501);
        receive(&mut talk.bob, &former[0]);
        talk.bob_answers();
        let next = talk.alice_sends_many(1_201);
        let received = receive(&mut talk.bob, &next[1_200]);
        assert_eq!(received.dropped_keys, 500 + 200);
        assert_eq!(talk.bob.held_keys(), 2_000);
        check_held_from(&mut talk.bob, &former[1..], 500);
        check_held_from(&mut talk.bob, &next[..1_200], 200);
    });
}

#[test]
fn of_more_than_two_thousand_held_keys_the_first_kept_go() {
    in_each_suite(|suite| {
        let mut talk = started_in(suite, 8);
        let messages = talk.alice_sends_many(2_505);
        for (number, dropped, held) in [(1_000, 0, 1_000), (2_001, 0, 2_000), (2_504, 502, 2_000)] {
            assert_eq!(receive(&mut talk.bob, &messages[number]).dropped_keys, dropped);
            assert_eq!(talk.bob.held_keys(), held);
        }
        check_held_from(&mut talk.bob, &messages[..1_000], 502);
        check_held_from(&mut talk.bob, &messages[1_001..2_001], 0);
        check_held_from(&mut talk.bob, &messages[2_002..2_504], 0);
    });
}

/// Each turn leaves this many messages of Alice's behind, in a chain of their own.
fn leave_chains(talk: &mut Talk, late_messages: &[usize]) -> Vec<Vec<Vec<u8>>> {
    let leave = |count: &usize| {
        let late = talk.alice_sends_many(*count);
        let last = talk.alice_sends("in time");
        assert_eq!(receive(&mut talk.bob, &last).dropped_keys, 0);
        talk.bob_answers();
        late
    };
    late_messages.iter().map(leave).collect()
}

#[test]
fn five_older_chains_keep_their_keys() {
    in_each_suite(|suite| {
        let mut talk = started_in(suite, 9);
        let late = leave_chains(&mut talk, &[1, 2, 3, 4, 5, 6]);
        assert_eq!(talk.bob.held_keys(), 21);
        for message in late.iter().flatten() {
            receive(&mut talk.bob, message);
        }
        assert_eq!(talk.bob.held_keys(), 0);
    });
}

#[test]
fn with_a_sixth_older_chain_the_oldest_goes_keys_and_all() {
    in_each_suite(|suite| {
        let mut talk = started_in(suite, 10);
        let late = leave_chains(&mut talk, &[3, 1, 1, 1, 1, 2]);
        let message = talk.alice_sends("a seventh chain");
        assert_eq!(receive(&mut talk.bob, &message).dropped_keys, 3);
        assert_eq!(talk.bob.held_keys(), 6);
        for message in &late[0] {
            assert_eq!(refusal(&mut talk.bob, message), DecryptError::Undecryptable);
        }
        for message in late[1..].iter().flatten() {
            receive(&mut talk.bob, message);
        }
    });
}

#[test]
fn a_chain_that_holds_no_key_takes_no_place() {
    in_each_suite(|suite| {
        let mut talk = started_in(suite, 11);
        let late = leave_chains(&mut talk, &[1]);
        for _ in 0..20 {
            talk.goes_on();
        }
        assert_eq!(receive(&mut talk.bob, &late[0][0]).body, b"0");
    });
}

#[test]
fn a_key_is_held_for_thirty_days() {
    in_each_suite(|suite| {
        let mut talk = started_in(suite, 12);
        let messages = talk.alice_sends_many(4);
        at(&mut talk.bob, &messages[3], NOW);
        let last_moment = days(30);
        assert_eq!(at(&mut talk.bob, &messages[0], last_moment).dropped_keys, 0);
        let too_late = last_moment.plus(SECOND);
        for message in &messages[..3] {
            assert_eq!(refusal_of(&mut talk.bob, message, AD, too_late), DecryptError::Expired);
        }
        assert_eq!(refusal(&mut talk.bob, &messages[0]), DecryptError::Duplicate);
        // A refusal drops nothing, not even by age.
        assert_eq!(talk.bob.held_keys(), 2);

        let next = talk.alice_sends("next");
        assert_eq!(at(&mut talk.bob, &next, too_late).dropped_keys, 2);
        assert_eq!(talk.bob.held_keys(), 0);
        assert_eq!(refusal(&mut talk.bob, &messages[1]), DecryptError::Expired);
    });
}

#[test]
fn an_older_chain_is_forgotten_with_its_last_key() {
    in_each_suite(|suite| {
        let mut talk = started_in(suite, 13);
        let messages = talk.alice_sends_many(4);
        at(&mut talk.bob, &messages[1], days(0));
        at(&mut talk.bob, &messages[3], days(10));
        talk.bob_answers();
        let next = talk.alice_sends("in the next chain");
        at(&mut talk.bob, &next, days(10));
        let (first_gone, all_gone) = (days(31), days(41));
        assert_eq!(refusal_of(&mut talk.bob, &messages[0], AD, first_gone), DecryptError::Expired);
        assert_eq!(
            refusal_of(&mut talk.bob, &messages[3], AD, first_gone),
            DecryptError::Duplicate
        );
        assert_eq!(
            refusal_of(&mut talk.bob, &messages[2], AD, all_gone),
            DecryptError::Undecryptable
        );
        at(&mut talk.bob, &messages[2], first_gone);
        assert_eq!(talk.bob.held_keys(), 0);
        assert_eq!(refusal(&mut talk.bob, &messages[2]), DecryptError::Undecryptable);
    });
}

#[test]
fn a_clock_that_goes_back_drops_nothing() {
    in_each_suite(|suite| {
        let mut talk = started_in(suite, 14);
        let messages = talk.alice_sends_many(3);
        at(&mut talk.bob, &messages[2], NOW);
        let earlier = NOW.minus(DAY * 365);
        assert_eq!(at(&mut talk.bob, &messages[1], earlier).dropped_keys, 0);
        assert_eq!(at(&mut talk.bob, &messages[0], Timestamp::default()).dropped_keys, 0);
    });
}

#[test]
fn a_clock_that_is_set_back_makes_no_key_older_or_younger() {
    in_each_suite(|suite| {
        let mut talk = started_in(suite, 29);
        let messages = talk.alice_sends_many(5);
        at(&mut talk.bob, &messages[2], NOW);
        at(&mut talk.bob, &messages[4], NOW.minus(SECOND));
        let received = at(&mut talk.bob, &messages[0], days(30));
        assert_eq!((received.dropped_keys, talk.bob.held_keys()), (1, 1));
        assert_eq!(refusal_of(&mut talk.bob, &messages[3], AD, NOW), DecryptError::Expired);
        let too_late = days(30).plus(SECOND);
        assert_eq!(refusal_of(&mut talk.bob, &messages[1], AD, too_late), DecryptError::Expired);
        assert_eq!(at(&mut talk.bob, &messages[1], days(30)).body, b"1");
    });
}

#[test]
fn maintenance_drops_the_old_keys_of_an_idle_session() {
    in_each_suite(|suite| {
        let mut talk = started_in(suite, 30);
        let messages = talk.alice_sends_many(4);
        at(&mut talk.bob, &messages[3], NOW);
        let before = state(&talk.bob);
        assert_eq!(talk.bob.maintain(days(30)), 0);
        assert!(state(&talk.bob) == before, "with nothing due nothing changes");
        assert_eq!(talk.bob.maintain(days(30).plus(SECOND)), 3);
        assert_eq!(talk.bob.held_keys(), 0);
        check_held_from(&mut talk.bob, &messages[..3], 3);
        talk.goes_on();
    });
}

#[test]
fn maintenance_drops_what_is_too_much_for_new_limits() {
    in_each_suite(|suite| {
        let mut talk = started_in(suite, 31);
        let late = leave_chains(&mut talk, &[3, 1, 4]);
        talk.bob.set_limits(limited(|limits| {
            limits.max_held_keys = 7;
            limits.max_older_chains = 1;
        }));
        assert_eq!(talk.bob.held_keys(), 8);
        // One is too much, and two more go with the older of two chains.
        assert_eq!(talk.bob.maintain(NOW), 1 + 2);
        assert_eq!(talk.bob.held_keys(), 5);
        check_held_from(&mut talk.bob, &late[1], 0);
        check_held_from(&mut talk.bob, &late[2], 0);
    });
}

#[test]
fn smaller_limits_hold_from_the_next_message_on() {
    in_each_suite(|suite| {
        let mut talk = started_in(suite, 15);
        let messages = talk.alice_sends_many(32);
        receive(&mut talk.bob, &messages[20]);
        talk.bob.set_limits(limited(|limits| {
            limits.max_skip = 4;
            limits.max_held_keys = 10;
        }));
        assert_eq!(talk.bob.held_keys(), 20);
        // Six of ten are passed over, then 14 of 24 are too much.
        assert_eq!(receive(&mut talk.bob, &messages[31]).dropped_keys, 6 + 14);
        assert_eq!(talk.bob.held_keys(), 10);
        for number in (0..14).chain(21..27) {
            assert_eq!(refusal(&mut talk.bob, &messages[number]), DecryptError::Expired);
        }
        for number in (14..20).chain(27..31) {
            receive(&mut talk.bob, &messages[number]);
        }
    });
}

#[test]
fn a_session_that_keeps_nothing_opens_what_comes_in_order() {
    in_each_suite(|suite| {
        let mut talk = started_in(suite, 16);
        talk.bob.set_limits(limited(|limits| limits.max_skip = 0));
        let messages = talk.alice_sends_many(3);
        assert_eq!(receive(&mut talk.bob, &messages[2]).dropped_keys, 2);
        for message in &messages[..2] {
            assert_eq!(refusal(&mut talk.bob, message), DecryptError::Expired);
        }
        talk.goes_on();
    });
}

#[test]
fn fewer_older_chains_are_kept_when_the_limit_says_so() {
    in_each_suite(|suite| {
        let mut talk = started_in(suite, 17);
        let late = leave_chains(&mut talk, &[1, 1, 1, 1]);
        talk.bob.set_limits(limited(|limits| limits.max_older_chains = 1));
        let message = talk.alice_sends("another chain");
        assert_eq!(receive(&mut talk.bob, &message).dropped_keys, 3);
        for late in &late[..3] {
            assert_eq!(refusal(&mut talk.bob, &late[0]), DecryptError::Undecryptable);
        }
        assert_eq!(receive(&mut talk.bob, &late[3][0]).body, b"0");
    });
}

#[test]
fn keys_are_held_as_long_as_the_limit_says() {
    in_each_suite(|suite| {
        let mut talk = started_in(suite, 18);
        talk.bob.set_limits(limited(|limits| limits.held_key_lifetime = DAY));
        let messages = talk.alice_sends_many(3);
        at(&mut talk.bob, &messages[2], NOW);
        let too_late = days(1).plus(SECOND);
        assert_eq!(refusal_of(&mut talk.bob, &messages[0], AD, too_late), DecryptError::Expired);
        assert_eq!(at(&mut talk.bob, &messages[0], days(1)).body, b"0");
    });
}

#[test]
fn new_sessions_take_over_the_limits_of_their_account() {
    in_each_suite(|suite| {
        let mut world = World::of(suite, 19);
        let mut limits = Limits::default();
        limits.session.max_skip = 2;
        let _ = world.bob.set_limits(limits.clone());
        let mut alice = world.initiate();
        assert_eq!(alice.limits(), &SessionLimits::default());
        let _ = world.alice.set_limits(limits.clone());
        assert_eq!(alice.limits(), &SessionLimits::default(), "sessions keep theirs");
        assert_eq!(world.initiate().limits(), &limits.session);
        let messages: Vec<_> = (0..6).map(|_| send(&mut alice, "body", &mut world.rng)).collect();
        let accepted = world.accept(&messages[5]);
        assert_eq!(accepted.session.limits(), &limits.session);
        assert_eq!(accepted.received.dropped_keys, 3);
        assert_eq!(accepted.session.held_keys(), 2);
    });
}

#[test]
fn limits_and_held_keys_come_back_from_the_store() {
    in_each_suite(|suite| {
        let mut talk = started_in(suite, 20);
        talk.bob.set_limits(limited(|limits| limits.max_held_keys = 5));
        let messages = talk.alice_sends_many(8);
        assert_eq!(receive(&mut talk.bob, &messages[7]).dropped_keys, 2);
        let mut bob = restored(&talk.bob);
        assert_eq!((bob.limits(), bob.held_keys()), (talk.bob.limits(), 5));
        assert_eq!(refusal(&mut bob, &messages[7]), DecryptError::Duplicate);
        check_held_from(&mut bob, &messages[..7], 2);
    });
}

#[test]
fn a_sender_restored_within_a_chain_is_heard_again_where_it_had_stopped() {
    in_each_suite(|suite| {
        let mut talk = started_in(suite, 21);
        let first = talk.alice_sends("0");
        receive(&mut talk.bob, &first);
        let backup = restored(&talk.alice);
        let lost: Vec<_> = ["1", "2"].map(|body| talk.alice_sends(body)).into();
        for message in &lost {
            receive(&mut talk.bob, message);
        }
        talk.alice = backup;
        for (body, former) in zip(["1", "other 2"], &lost) {
            let message = talk.alice_sends(body);
            // The same number is the same key; the same text is then the same message.
            assert_eq!(message == *former, body == "1");
            assert_eq!(message[..ORDINARY_COMMITMENT], former[..ORDINARY_COMMITMENT]);
            assert_eq!(refusal(&mut talk.bob, &message), DecryptError::Duplicate);
        }
        let third = talk.alice_sends("3");
        let received = receive(&mut talk.bob, &third);
        assert_eq!((received.body.as_slice(), received.peer_went_back), (&b"3"[..], false));
        talk.bob_answers();
        talk.goes_on();
    });
}

#[test]
fn a_sender_that_goes_back_and_begins_a_new_chain_is_heard_and_told_of() {
    in_each_suite(|suite| {
        let mut talk = started_in(suite, 22);
        let first = talk.alice_sends("0");
        receive(&mut talk.bob, &first);
        let backup = restored(&talk.alice);
        for body in ["1", "2"] {
            let forgotten = talk.alice_sends(body);
            receive(&mut talk.bob, &forgotten);
        }
        talk.alice = backup;
        talk.bob_answers();
        let next = talk.alice_sends("in the next chain");
        let received = receive(&mut talk.bob, &next);
        assert!(received.peer_went_back);
        assert_eq!((received.dropped_keys, talk.bob.held_keys()), (0, 0));
        let after = talk.alice_sends("after");
        assert!(!receive(&mut talk.bob, &after).peer_went_back);
        talk.bob_answers();
        talk.goes_on();
    });
}

#[test]
fn a_chain_that_the_sender_cut_short_is_as_long_as_it_was_read() {
    in_each_suite(|suite| {
        let mut talk = started_in(suite, 32);
        let first = talk.alice_sends("first");
        receive(&mut talk.bob, &first);
        let backup = restored(&talk.alice);
        let chain = talk.alice_sends_many(5);
        receive(&mut talk.bob, &chain[4]);
        talk.alice = backup;
        talk.bob_answers();
        let next = talk.alice_sends("in the next chain");
        assert!(receive(&mut talk.bob, &next).peer_went_back);
        assert_eq!(refusal(&mut talk.bob, &chain[4]), DecryptError::Duplicate);
        check_held_from(&mut talk.bob, &chain[..4], 0);
    });
}

#[test]
fn a_receiver_that_goes_back_is_told_of_by_its_next_chain() {
    in_each_suite(|suite| {
        let mut talk = started_in(suite, 23);
        let question = talk.alice_sends("question");
        receive(&mut talk.bob, &question);
        talk.bob_answers();
        let backup = restored(&talk.bob);
        let forgotten = talk.bob_sends("forgotten");
        receive(&mut talk.alice, &forgotten);
        talk.bob = backup;
        let next = talk.alice_sends("next");
        receive(&mut talk.bob, &next);
        let answer = talk.bob_sends("answer");
        assert!(receive(&mut talk.alice, &answer).peer_went_back);
        talk.goes_on();
    });
}

#[test]
fn a_receiver_restored_without_having_sent_reads_everything_again() {
    in_each_suite(|suite| {
        let mut talk = started_in(suite, 24);
        let messages = talk.alice_sends_many(3);
        receive(&mut talk.bob, &messages[0]);
        let backup = restored(&talk.bob);
        receive(&mut talk.bob, &messages[2]);
        talk.bob = backup;
        assert_eq!(refusal(&mut talk.bob, &messages[0]), DecryptError::Duplicate);
        for message in &messages[1..] {
            assert!(!receive(&mut talk.bob, message).peer_went_back);
        }
        talk.bob_answers();
        talk.goes_on();
    });
}

#[test]
fn a_sender_restored_to_before_its_chain_began_has_forked() {
    in_each_suite(|suite| {
        let mut world = World::of(suite, 25);
        let mut talk = world.start();
        let backup = restored(&talk.alice);
        let followed = talk.alice_sends("followed");
        receive(&mut talk.bob, &followed);
        talk.alice = backup;
        // Another ratchet key in a chain that was followed.
        for body in ["not followed", "nor this"] {
            let message = talk.alice_sends(body);
            assert_eq!(refusal(&mut talk.bob, &message), DecryptError::Forked);
        }
        // Bob's next chain answers the one that was forgotten.
        let answer = talk.bob_sends("answer");
        assert_eq!(refusal(&mut talk.alice, &answer), DecryptError::Undecryptable);
        world.start().goes_on();
    });
}

#[test]
fn a_sender_restored_into_an_older_chain_has_forked_where_that_chain_had_ended() {
    in_each_suite(|suite| {
        let mut talk = started_in(suite, 26);
        let first = talk.alice_sends("0");
        receive(&mut talk.bob, &first);
        let backup = restored(&talk.alice);
        let chain = talk.alice_sends_many(2);
        receive(&mut talk.bob, &chain[1]);
        talk.bob_answers();
        let next = talk.alice_sends("in the next chain");
        receive(&mut talk.bob, &next);

        talk.alice = backup;
        let held = talk.alice_sends("written again");
        let used = talk.alice_sends("written again");
        let beyond = talk.alice_sends("beyond the end");
        assert_eq!(refusal(&mut talk.bob, &beyond), DecryptError::Forked);
        assert_eq!(refusal(&mut talk.bob, &used), DecryptError::Duplicate);
        assert_eq!(receive(&mut talk.bob, &held).body, b"written again");
        assert_eq!(refusal(&mut talk.bob, &chain[0]), DecryptError::Undecryptable);
    });
}

#[test]
fn another_ratchet_key_in_an_older_chain_is_a_fork() {
    in_each_suite(|suite| {
        let mut talk = started_in(suite, 27);
        let backup = restored(&talk.alice);
        let chain = talk.alice_sends_many(2);
        receive(&mut talk.bob, &chain[1]);
        talk.bob_answers();
        let next = talk.alice_sends("in the next chain");
        receive(&mut talk.bob, &next);
        talk.alice = backup;
        let message = talk.alice_sends("with another key");
        assert_eq!(refusal(&mut talk.bob, &message), DecryptError::Forked);
        assert_eq!(receive(&mut talk.bob, &chain[0]).body, b"0");
    });
}

#[test]
fn each_side_holds_keys_of_the_others_messages_alone() {
    in_each_suite(|suite| {
        let mut talk = started_in(suite, 28);
        let question = talk.alice_sends("question");
        receive(&mut talk.bob, &question);
        let from_alice = talk.alice_sends_many(3);
        let from_bob = ["0", "1", "2", "3", "4"].map(|body| talk.bob_sends(body));
        receive(&mut talk.bob, &from_alice[2]);
        receive(&mut talk.alice, &from_bob[4]);
        assert_eq!((talk.alice.held_keys(), talk.bob.held_keys()), (4, 2));
        for message in &from_bob[..4] {
            assert_eq!(refusal(&mut talk.bob, message), DecryptError::Undecryptable);
            receive(&mut talk.alice, message);
        }
        assert_eq!((talk.alice.held_keys(), talk.bob.held_keys()), (0, 2));
    });
}

/// Its generator goes on twice from one place, so that its next chain has one ratchet key on both sides of the fork; but
/// the copy has not heard the whole answer to its key, and mixes no secret.
#[test]
fn a_device_cloned_with_its_generator_has_forked_where_the_copies_mixed_differently() {
    for mixed_is_followed in [true, false] {
        let Talk { mut alice, mut bob, mut rng } = started_in(Suite::Hybrid, 33);
        for _ in 0..6 {
            let key = send(&mut alice, "part of a key", &mut rng);
            receive(&mut bob, &key);
        }
        let answers: Vec<_> =
            (0..5).map(|_| send(&mut bob, "part of an answer", &mut rng)).collect();
        receive(&mut alice, &answers[0]);
        let mut copy = restored(&alice);
        answers[1..].iter().for_each(|answer| drop(receive(&mut alice, answer)));
        let mut generator = rng.clone();
        let two = |session: &mut Session, rng: &mut ChaCha20Rng| {
            [(); 2].map(|()| send(session, "in a chain of one key", rng))
        };
        let (mixed, plain) = (two(&mut alice, &mut rng), two(&mut copy, &mut generator));
        assert!(rng == generator, "one draw each: the chains have one ratchet key");
        assert_eq!(alice.epochs().unwrap().completed, 1 + copy.epochs().unwrap().completed);
        let (mut alive, mut dead) = (&mut alice, &mut copy);
        let (mut followed, mut forked) = (mixed, plain);
        if !mixed_is_followed {
            std::mem::swap(&mut alive, &mut dead);
            std::mem::swap(&mut followed, &mut forked);
        }
        // Of the first a key is held, so that the chain is known when it has become an older one.
        receive(&mut bob, &followed[1]);
        assert_eq!(refusal(&mut bob, &forked[1]), DecryptError::Forked);
        let turn = send(&mut bob, "turn", &mut rng);
        receive(alive, &turn);
        // Nor does the copy take what says how many secrets are mixed on the other side.
        assert_eq!(refusal(dead, &turn), DecryptError::Forked);
        let next = send(alive, "of the next chain", &mut rng);
        receive(&mut bob, &next);
        assert_eq!(refusal(&mut bob, &forked[0]), DecryptError::Forked);
        receive(&mut bob, &followed[0]);
        heal(alive, &mut bob, &mut rng);
    }
}
