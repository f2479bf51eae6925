//! What has been a secret is not left behind in memory that is given back.
//!
//! An allocator of the test's own looks into each block before it is given back. The stack and the
//! registers it cannot see.

#[path = "support/crowd.rs"]
mod crowd;
#[path = "support/household.rs"]
mod household;
#[cfg(feature = "ml-kem")]
#[path = "support/kem_secrets.rs"]
mod kem_secrets;
mod support;

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::collections::HashSet;
use std::slice;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crowd::Crowd;
use evanesce::expiry::{
    Age, ContentKey, ConversationId, ExpiryScheduler, MemberTag, MessageId, NewMessage, Opens,
    Parts, Stamp,
};
use evanesce::group::{Group, GroupId};
use evanesce::person::{LinkCode, OwnDevices};
use evanesce::report::{Commitment, Report, ServerKey};
use evanesce::session::Session;
use evanesce::snapshot::{SnapshotError, StorageKey};
use evanesce::{Account, Peer, PreKeyBundle, Suite};
use hkdf::Hkdf;
use hmac::{Hmac, KeyInit, Mac};
use household::{Party, START};
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::{CryptoRng, Rng, SeedableRng};
use sha2::Sha256;
use support::pair::Pair;
use support::phases::{self, Moment};
use support::{
    AD, Draws, NOW, SUITES, Stateful, Talk, World, clock, in_each_suite, publishing, receive, rng,
    secrets, state, stored_form,
};

/// The secrets that are looked for, and in how many blocks they were found.
static WATCH: Mutex<Option<Watch>> = Mutex::new(None);

thread_local! {
    /// Whether this thread has the list.
    static CHANGES_THE_LIST: Cell<bool> = const { Cell::new(false) };
}

/// One test at a time: what they watch is shared.
static TURN: Mutex<()> = Mutex::new(());

struct Watch {
    secrets: Pieces,
    found: usize,
}

/// How much of a secret in a row is too much: with half of it, 128 bits are left to guess.
const PIECE: usize = 17;

/// Secrets in pieces, since what is overwritten in part may be left behind too.
struct Pieces(HashSet<[u8; PIECE]>);

impl Pieces {
    fn of(secrets: impl IntoIterator<Item = [u8; 32]>) -> Self {
        let mut pieces = HashSet::new();
        for secret in secrets {
            pieces
                .extend(secret.windows(PIECE).map(|piece| <[u8; PIECE]>::try_from(piece).unwrap()));
        }
        Self(pieces)
    }

    fn any_in(&self, bytes: &[u8]) -> bool {
        bytes.windows(PIECE).any(|part| self.0.contains(part))
    }
}

struct Watching;

#[global_allocator]
static ALLOCATOR: Watching = Watching;

// SAFETY: everything is the system allocator's own doing.
unsafe impl GlobalAlloc for Watching {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // A block that is never written must not show what stood there before.
        // SAFETY: the caller keeps the contract of `alloc`, which is that of `alloc_zeroed`.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        // Another thread that looks has the list for a moment only; this one may be changing it.
        if !CHANGES_THE_LIST.get() {
            let mut watch = WATCH.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some(watch) = watch.as_mut() {
                // SAFETY: the block is still ours, and was zeroed when it was allocated.
                let bytes = unsafe { slice::from_raw_parts(block, layout.size()) };
                watch.found += usize::from(watch.secrets.any_in(bytes));
            }
        }
        // SAFETY: the block comes from `alloc`.
        unsafe { System.dealloc(block, layout) }
    }
}

/// Changes the list, which may give blocks back itself.
fn changed_list<Before>(change: impl FnOnce(&mut Option<Watch>) -> Before) -> Before {
    CHANGES_THE_LIST.set(true);
    let before = change(&mut WATCH.lock().unwrap_or_else(PoisonError::into_inner));
    CHANGES_THE_LIST.set(false);
    before
}

/// How many blocks were given back with one of these secrets in them while `happening`.
fn left_behind<Result>(secrets: Vec<[u8; 32]>, happening: impl FnOnce() -> Result) -> usize {
    assert!(!secrets.is_empty());
    let secrets = Pieces::of(secrets);
    let before = changed_list(|list| list.replace(Watch { secrets, found: 0 }));
    assert!(before.is_none(), "one watch at a time");
    happening();
    let watch = changed_list(Option::take);
    watch.map_or(0, |watch| watch.found)
}

fn turn() -> MutexGuard<'static, ()> {
    TURN.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Bob holds keys of his current chain and of an older one.
fn with_held_keys(suite: Suite, seed: u64) -> Talk {
    let mut talk = World::of(suite, seed).start();
    let first = talk.alice_sends_many(3);
    receive(&mut talk.bob, &first[1]);
    talk.goes_on();
    let second = talk.alice_sends_many(40);
    receive(&mut talk.bob, &second[39]);
    assert!(talk.bob.held_keys() > 40);
    talk
}

#[test]
fn a_secret_that_is_left_behind_is_found() {
    let _turn = turn();
    let secret = [0x5a; 32];
    let block = [&[1; 7], secret.as_slice(), &[2; 9]].concat();
    assert_eq!(left_behind(vec![secret], || drop(block)), 1);
}

/// Drops both sides, watched for what they store.
fn nothing_is_left_of(Talk { alice, bob, .. }: Talk) {
    let all = [secrets(&alice), secrets(&bob)].concat();
    // Boxed, so that the places of the sessions themselves are looked into.
    let sessions = [Box::new(alice), Box::new(bob)];
    assert_eq!(left_behind(all, || drop(sessions)), 0);
}

#[test]
fn a_session_leaves_none_of_its_secrets_behind() {
    let _turn = turn();
    in_each_suite(|suite| {
        let talk = with_held_keys(suite, 1);
        assert!(secrets(&talk.bob).len() > 45);
        nothing_is_left_of(talk);
    });
    for Moment { talk, .. } in phases::moments(1) {
        nothing_is_left_of(talk);
    }
}

/// In hex as in bytes, whether the format lends its text or gives it away.
#[cfg(feature = "serde")]
#[test]
fn a_state_that_goes_through_text_leaves_none_of_its_secrets_behind() {
    let _turn = turn();
    in_each_suite(|suite| {
        nothing_is_left_of_the_text_of(&with_held_keys(suite, 9).bob);
    });
    for Moment { talk, .. } in phases::moments(9) {
        nothing_is_left_of_the_text_of(&talk.alice);
        nothing_is_left_of_the_text_of(&talk.bob);
    }
}

#[cfg(feature = "serde")]
fn nothing_is_left_of_the_text_of(session: &Session) {
    let bytes = secrets(session);
    let halves = bytes.iter().flat_map(|secret| secret.chunks_exact(16));
    let in_hex = halves.map(|half| hex::encode(half).into_bytes().try_into().unwrap());
    let all: Vec<[u8; 32]> = bytes.iter().copied().chain(in_hex).collect();
    let mut text = vec![0; 3 * state(session).len()];
    let written = left_behind(all.clone(), || {
        serde_json::to_writer(text.as_mut_slice(), session).unwrap();
    });
    assert_eq!(written, 0);
    let end = text.iter().rposition(|byte| *byte == b'"').unwrap();
    let lent = || serde_json::from_slice::<Session>(&text[..=end]).unwrap();
    assert!(state(&lent()) == state(session));
    assert_eq!(left_behind(all.clone(), lent), 0);
    let given = serde_json::from_slice::<serde_json::Value>(&text[..=end]).unwrap();
    let given = || serde_json::from_value::<Session>(given).unwrap();
    assert_eq!(left_behind(all, given), 0);
}

#[test]
fn an_account_leaves_none_of_its_secrets_behind() {
    let _turn = turn();
    for (suite, count) in SUITES.into_iter().zip([102, 203]) {
        let World { bob, .. } = World::of(suite, 2);
        let all = secrets(&bob);
        assert_eq!(all.len(), count);
        let bob = Box::new(bob);
        assert_eq!(left_behind(all, || drop(bob)), 0);
    }
}

#[test]
fn an_account_that_accepts_and_rotates_leaves_no_secret_behind() {
    let _turn = turn();
    in_each_suite(|suite| {
        let mut world = World::of(suite, 3);
        let first = support::send(&mut world.initiate(), "first", &mut world.rng);
        let before = secrets(&world.bob);
        let mut accepted = None;
        let found = left_behind(before, || {
            accepted = Some(world.accept(&first));
            world.bob.rotate_signed_prekey(NOW, &mut world.rng).upload
        });
        assert_eq!(found, 0);
        // The same once more, watched for what came of it.
        let mut again = World::of(suite, 3);
        let first = support::send(&mut again.initiate(), "first", &mut again.rng);
        let after = secrets(&accepted.unwrap().session);
        assert_eq!(left_behind(after, || again.accept(&first).session), 0);
    });
}

/// With its X25519 secret goes its seed.
#[test]
fn prekeys_that_are_spent_or_out_of_date_are_in_no_state() {
    for (suite, halves) in SUITES.into_iter().zip([1, 2]) {
        let mut world = World::of_limited(suite, publishing(3), 12);
        let secrets_of = |account: &Account, name: &str| {
            let fields = stored_form::fields(&state(account)).into_iter();
            let of_it = fields.filter(|field| {
                field.kind == stored_form::Kind::Secret && field.name.starts_with(name)
            });
            let snapshot = state(account);
            let secrets = of_it.map(|field| snapshot[field.place].try_into().unwrap());
            secrets.collect::<Vec<[u8; 32]>>()
        };
        let holds = |account: &Account, secrets: &[[u8; 32]]| {
            Pieces::of(secrets.iter().copied()).any_in(&state(account))
        };
        let first = support::send(&mut world.initiate(), "first", &mut world.rng);
        let spent = secrets_of(&world.bob, "one_time0.");
        assert_eq!(spent.len(), halves);
        assert!(holds(&world.bob, &spent));
        world.accept(&first);
        assert!(!holds(&world.bob, &spent));
        let replaced = secrets_of(&world.bob, "current.");
        assert_eq!(replaced.len(), halves);
        let _ = world.bob.rotate_signed_prekey(NOW, &mut world.rng);
        assert!(holds(&world.bob, &replaced));
        let _ = world.bob.maintain(None, NOW.plus(support::DAY * 31), &mut world.rng);
        assert!(!holds(&world.bob, &replaced));
    }
}

/// Watches for the secrets from before and after what `happening` does to Bob, by doing it twice.
fn nothing_is_left_behind(seed: u64, happening: impl Fn(&mut Talk)) {
    in_each_suite(|suite| {
        let mut rehearsal = with_held_keys(suite, seed);
        let mut all = secrets(&rehearsal.bob);
        happening(&mut rehearsal);
        all.extend(secrets(&rehearsal.bob));
        all.extend(secrets(&rehearsal.alice));
        let mut talk = with_held_keys(suite, seed);
        assert_eq!(left_behind(all, || happening(&mut talk)), 0);
    });
}

#[test]
fn messages_of_one_chain_leave_no_secret_behind() {
    let _turn = turn();
    nothing_is_left_behind(4, |talk| {
        let messages = talk.alice_sends_many(60);
        for message in [&messages[20], &messages[59], &messages[3], &messages[40]] {
            receive(&mut talk.bob, message);
        }
    });
}

#[test]
fn messages_that_begin_a_chain_leave_no_secret_behind() {
    let _turn = turn();
    nothing_is_left_behind(5, |talk| {
        talk.goes_on();
        talk.goes_on();
    });
}

#[test]
fn keys_that_are_dropped_leave_nothing_behind() {
    let _turn = turn();
    nothing_is_left_behind(6, |talk| {
        assert!(talk.bob.maintain(NOW.plus(support::DAY * 31)) > 40);
    });
}

/// Bob's peer with two sessions, and his account.
fn with_two_sessions(suite: Suite) -> (Box<Peer>, Box<Account>) {
    let mut pair = Pair::talking_of([suite; 2], 7);
    pair.alice.begins(&mut pair.bob.server, NOW);
    let anew = pair.alice_sends("anew");
    pair.bob.receives(&anew);
    assert_eq!(pair.bob.peer.sessions().count(), 2);
    (Box::new(pair.bob.peer), Box::new(pair.bob.account))
}

#[test]
fn a_peer_leaves_none_of_its_secrets_behind() {
    let _turn = turn();
    in_each_suite(|suite| {
        let (peer, _) = with_two_sessions(suite);
        let all = secrets(&*peer);
        assert!(all.len() > 10);
        assert_eq!(left_behind(all.clone(), || drop(peer)), 0);
        let (mut peer, account) = with_two_sessions(suite);
        let stranger = account.device().identity;
        assert_eq!(left_behind(all, || peer.accept_identity(stranger)), 0);
        assert_eq!(peer.sessions().count(), 0);
    });
}

#[test]
fn storing_and_restoring_leave_no_secret_behind() {
    let _turn = turn();
    in_each_suite(|suite| {
        let (peer, account) = with_two_sessions(suite);
        nothing_is_left_of_storing(
            &*peer,
            |peer, key| peer.seal(key, AD, &mut rng(1)),
            Peer::unseal,
        );
        nothing_is_left_of_storing(
            &*account,
            |account, key| account.seal(key, AD, &mut rng(1)),
            Account::unseal,
        );
    });
    let held = SUITES.map(|suite| with_held_keys(suite, 8).bob);
    let in_epochs = phases::moments(8).into_iter().flat_map(|moment| {
        let Talk { alice, bob, .. } = moment.talk;
        [alice, bob]
    });
    for session in held.into_iter().chain(in_epochs) {
        let seal = |session: &Session, key: &_| session.seal(key, AD, &mut rng(1));
        nothing_is_left_of_storing(&session, seal, Session::unseal);
    }
}

fn nothing_is_left_of_storing<State: Stateful>(
    stored: &State,
    seal: impl Fn(&State, &StorageKey) -> Vec<u8>,
    unseal: impl Fn(&[u8], &StorageKey, &[u8]) -> Result<State, SnapshotError>,
) {
    let all = secrets(stored);
    let key = StorageKey::new(&[7; 32]);
    // The test's own copies are made and given back outside.
    let snapshot = state(stored);
    let found = left_behind(all.clone(), || {
        drop(State::try_restore(&snapshot).map(Box::new).unwrap());
        let sealed = seal(stored, &key);
        drop(unseal(&sealed, &key, AD).map(Box::new).unwrap());
    });
    assert_eq!(found, 0);
    // A state that ends too early is refused half read.
    let end = snapshot.len() - 16;
    let ends = (10..end).step_by(7).map(|start| stored_form::with(&snapshot, start..end, &[]));
    let cut_off: Vec<_> = ends.collect();
    let found = left_behind(all, || {
        cut_off.iter().for_each(|snapshot| assert!(State::try_restore(snapshot).is_err()));
    });
    assert_eq!(found, 0);
}

/// What suite 2 derives on the way, and nobody stores.
#[cfg(feature = "ml-kem")]
mod derived {
    use super::*;
    use rand_chacha::ChaCha20Rng;
    use rand_chacha::rand_core::Rng;

    /// What will be drawn.
    fn draws(rng: &ChaCha20Rng, count: usize) -> Vec<[u8; 32]> {
        let mut rng = rng.clone();
        let mut draw = || {
            let mut draw = [0; 32];
            rng.fill_bytes(&mut draw);
            draw
        };
        (0..count).map(|_| draw()).collect()
    }

    fn field(state: &[u8], name: &str) -> Option<Vec<u8>> {
        stored_form::find(state, name).map(|place| state[place].to_vec())
    }

    fn secret(state: &[u8], name: &str) -> [u8; 32] {
        field(state, name).unwrap().try_into().unwrap()
    }

    #[test]
    fn an_account_that_is_made_and_published_leaves_no_secret_behind() {
        let _turn = turn();
        let world = || World::of_limited(Suite::Hybrid, publishing(3), 16);
        let secrets = secrets(&world().bob);
        assert_eq!(secrets.len(), 1 + 2 * 4);
        let derived = secrets.iter().flat_map(kem_secrets::of_prekey_seed).collect::<Vec<_>>();
        assert_eq!(left_behind([secrets, derived].concat(), world), 0);
    }

    #[test]
    fn a_handshake_leaves_no_secret_behind() {
        let _turn = turn();
        for (count, seed, ciphertext) in [(3, "one_time0.seed", 43), (0, "current.seed", 39)] {
            let world = || World::of_limited(Suite::Hybrid, publishing(count), 17);
            let mut rehearsal = world();
            let seed = secret(&state(&rehearsal.bob), seed);
            let draws = draws(&rehearsal.rng, 3);
            let mut alice = rehearsal.initiate();
            let first = support::send(&mut alice, "first", &mut rehearsal.rng);
            // The second draw is that of the encapsulation.
            let ciphertext = &first[ciphertext..][..1_568];
            let shared = kem_secrets::of_handshake(&seed, ciphertext, &draws[1]);
            let bob = rehearsal.accept(&first).session;
            let all = [
                vec![shared, kem_secrets::randomness(&draws[1])],
                draws,
                kem_secrets::of_prekey_seed(&seed),
                secrets(&alice),
                secrets(&bob),
            ];
            let mut again = world();
            let found = left_behind(all.concat(), || {
                let mut alice = Box::new(again.initiate());
                let first = support::send(&mut alice, "first", &mut again.rng);
                (alice, Box::new(again.accept(&first)))
            });
            assert_eq!(found, 0);
        }
    }

    /// From nothing under way to the end of the second epoch; then what was late comes.
    fn two_epochs(moment: &mut Moment, mut after_each: impl FnMut(&Talk)) {
        while moment.talk.alice.epochs().unwrap().completed < 2 {
            // Otherwise he would wait for fifty messages.
            let _ = moment.talk.bob.request_epoch();
            moment.goes_on();
            after_each(&moment.talk);
        }
        receive(&mut moment.talk.alice, &moment.late_to_alice);
        receive(&mut moment.talk.bob, &moment.late_to_bob);
        after_each(&moment.talk);
    }

    fn at_rest() -> Moment {
        phases::moments(18).swap_remove(0)
    }

    /// What two epochs came by.
    #[derive(Default)]
    struct Seen {
        /// The states of each side, after each message.
        states: Vec<[Vec<u8>; 2]>,
        /// What was stored at some time: of each side, and only for epochs.
        kept: [HashSet<[u8; 32]>; 2],
        seeds: HashSet<[u8; 32]>,
        epoch_secrets: HashSet<[u8; 32]>,
        shared: HashSet<[u8; 32]>,
    }

    impl Seen {
        fn see(&mut self, talk: &Talk) {
            let states = [state(&talk.alice), state(&talk.bob)];
            self.kept[0].extend(secrets(&talk.alice));
            self.kept[1].extend(secrets(&talk.bob));
            for (one, other) in [(0, 1), (1, 0)] {
                let of = |side: usize, name| field(&states[side], name);
                if of(one, "epochs.seed").is_some() {
                    self.seeds.insert(secret(&states[one], "epochs.seed"));
                }
                if let (Some(_), Some(answer)) =
                    (of(one, "epochs.seed"), of(other, "epochs.ct_string"))
                {
                    let (seed, s_e) =
                        (secret(&states[one], "epochs.seed"), secret(&states[other], "epochs.s_e"));
                    let epoch = talk.alice.epochs().unwrap().completed + 1;
                    let session = talk.alice.id();
                    let shared = kem_secrets::of_epoch(&seed, &answer, session, epoch, &s_e);
                    self.shared.insert(shared);
                    self.epoch_secrets.insert(s_e);
                }
            }
            self.states.push(states);
        }
    }

    /// Runs two epochs. What both sides stored at some time, what was drawn, and what came of it.
    fn rehearsed() -> (Seen, Vec<[u8; 32]>) {
        let (mut moment, mut seen) = (at_rest(), Seen::default());
        let draws = draws(&moment.talk.rng, 60);
        seen.see(&moment.talk);
        two_epochs(&mut moment, |talk| seen.see(talk));
        assert_eq!((seen.seeds.len(), seen.shared.len(), seen.epoch_secrets.len()), (2, 2, 2));
        assert!(seen.seeds.is_subset(&draws.iter().copied().collect()));
        let derived = seen.shared.iter().copied();
        let derived = derived.chain(draws.iter().map(kem_secrets::randomness));
        let derived = derived.chain(seen.seeds.iter().flat_map(kem_secrets::of_epoch_seed));
        let derived = derived.collect();
        (seen, derived)
    }

    #[test]
    fn what_an_epoch_needed_is_in_no_state_after_it() {
        let (seen, derived) = rehearsed();
        let derived = Pieces::of(derived);
        let of_epochs = Pieces::of(&seen.seeds | &seen.epoch_secrets);
        for side in [0, 1] {
            let mut before = HashSet::new();
            for states in &seen.states {
                assert!(!derived.any_in(&states[side]));
                let now: HashSet<_> = support::secrets_in(&states[side]).into_iter().collect();
                assert!(!Pieces::of(&before - &now).any_in(&states[side]));
                before.extend(now);
            }
            // Of epochs nothing is left at their end, and of roots the present one.
            let last = &seen.states.last().unwrap()[side];
            assert!(!of_epochs.any_in(last));
            assert!(before.len() > 60, "{}", before.len());
        }
    }

    #[test]
    fn epochs_leave_no_secret_behind() {
        let _turn = turn();
        let (Seen { kept: [alices, bobs], .. }, derived) = rehearsed();
        let drawn = draws(&at_rest().talk.rng, 60);
        let all = alices.into_iter().chain(bobs).chain(derived).chain(drawn).collect();
        let mut moment = at_rest();
        assert_eq!(left_behind(all, || two_epochs(&mut moment, |_| ())), 0);
    }
}

/// A scheduler that holds messages with content keys.
fn with_content_keys(draws: &mut impl CryptoRng) -> Box<ExpiryScheduler> {
    let mut scheduler = Box::new(ExpiryScheduler::new(clock(NOW), draws));
    for number in 0..40 {
        let content_key = ContentKey::generate(draws);
        let (id, chat) = (MessageId::from(number), ConversationId::named(b"alice"));
        let message = NewMessage::new(id, chat, MemberTag([1; 8])).sealed_under(content_key);
        let stamp = Ok(Stamp::NONE.with_opens(Opens::Once));
        let _ = scheduler.received(message, &stamp, Age::NONE, clock(NOW));
    }
    scheduler
}

/// The same, with all that was drawn for it.
fn with_known_content_keys(seed: u64) -> (Box<ExpiryScheduler>, Vec<[u8; 32]>) {
    let mut draws = Draws::new(seed);
    (with_content_keys(&mut draws), draws.made)
}

#[test]
fn a_scheduler_leaves_none_of_its_secrets_behind() {
    let _turn = turn();
    let (scheduler, all) = with_known_content_keys(9);
    assert_eq!(all.len(), 41);
    assert_eq!(left_behind(all.clone(), || drop(scheduler)), 0);
    // The same draws once more, watched for while they are taken in.
    assert_eq!(left_behind(all, || with_content_keys(&mut rng(9))), 0);
}

/// Whoever has one of them and the commitment, which travels in the clear, can test what the message said.
/// The secret of a link code, on both sides, stored and restored in each step, called off in the end, or come to its own.
#[test]
fn linking_leaves_no_secret_behind() {
    let _turn = turn();
    for suite in SUITES {
        for is_cancelled in [false, true] {
            let rng = &mut ChaCha20Rng::seed_from_u64(20);
            let mut phone = Box::new(Party::of_suite(suite, "alice/phone", rng));
            let mut watch = Box::new(Party::of_suite(suite, "alice/watch", rng));
            let shown = watch.own.show_link_code(START, rng).encode();
            let secret = shown[1..33].try_into().unwrap();
            let bundle = PreKeyBundle::decode(&watch.server.hand_out()).unwrap();
            let bundle = bundle.verify(START).unwrap();
            let found = left_behind(vec![secret], || {
                let code = Box::new(LinkCode::decode(&shown).unwrap());
                let Party { account, own, contacts, .. } = &mut *phone;
                let peers = &mut contacts.peers;
                let offer = own.offer_link(account, peers, &code, bundle, START, rng).unwrap();
                go_through_the_store(own);
                let Party { account, own, contacts, .. } = &mut *watch;
                go_through_the_store(own);
                let message = &offer.message.message;
                let peers = &mut contacts.peers;
                let _ = own.open_link_offer(account, peers, message, START).unwrap();
                go_through_the_store(own);
                if is_cancelled {
                    assert!(own.cancel_link() && phone.own.cancel_link());
                } else {
                    let answer = own.answer_link_offer(account, peers, START, rng).unwrap();
                    let Party { account, own, contacts, .. } = &mut *phone;
                    let (peers, message) = (&mut contacts.peers, &answer.message.message);
                    let _ = own.finish_link(account, peers, message, START).unwrap();
                }
                drop((phone, watch, shown));
            });
            assert_eq!(found, 0, "{suite:?}, cancelled: {is_cancelled}");
        }
    }
}

/// What is drawn from here on, and what groups derive of it (docs/protocol.md §18.3): whatever was drawn as a seed gives a
/// chain, and as a roster secret a header key.
fn drawn_and_derived(rng: &ChaCha20Rng, group: GroupId) -> Vec<[u8; 32]> {
    let mut stream = vec![0; 32 * 1_024];
    rng.clone().fill_bytes(&mut stream);
    // Other things are drawn too, so that they may lie anywhere; each is of whole halves.
    let drawn: Vec<[u8; 32]> =
        stream.windows(32).step_by(16).map(|draw| draw.try_into().unwrap()).collect();
    let mut all = drawn.clone();
    for draw in &drawn {
        let hkdf = Hkdf::<Sha256>::new(Some(group.as_bytes()), draw);
        let (mut keys, mut header_key) = ([0; 64], [0; 32]);
        hkdf.expand(b"evanesce/v1 sender chain keys", &mut keys).unwrap();
        hkdf.expand(b"evanesce/v1 group header", &mut header_key).unwrap();
        let (chain_key, signing_seed) = keys.split_at(32);
        all.extend([header_key, signing_seed.try_into().unwrap()]);
        let mut chain_key: [u8; 32] = chain_key.try_into().unwrap();
        for _ in 0..6 {
            let hmac = |byte| -> [u8; 32] {
                let hmac = Hmac::<Sha256>::new_from_slice(&chain_key).unwrap();
                hmac.chain_update([byte]).finalize().into_bytes().into()
            };
            let (message_key, next) = (hmac(1), hmac(2));
            all.extend([chain_key, message_key]);
            chain_key = next;
        }
    }
    all
}

/// Three people, of whom one is removed; some messages are late.
fn live(crowd: &mut Crowd, id: &GroupId) {
    for text in ["one", "two", "three"] {
        crowd.say(0, id, text);
        crowd.say(1, id, text);
    }
    // The messages first, and the last of them before all others: they wait, and keys are passed.
    while !crowd.under_way.is_empty() {
        let last = crowd.under_way.len() - 1;
        crowd.deliver(last);
    }
    for attendee in &mut crowd.all {
        for group in &mut attendee.groups.all {
            let key = StorageKey::new(&[7; 32]);
            let sealed = group.seal(&key, AD, &mut rng(1));
            *group = Group::unseal(&sealed, &key, AD).unwrap();
            *group = Group::restore(&group.snapshot()).unwrap();
        }
    }
    crowd.remove(0, id, 2);
    crowd.settle();
    crowd.say(0, id, "without her");
    crowd.settle();
    let _ = crowd.all[1].groups.restored_from_backup();
    crowd.say(1, id, "anew");
    crowd.settle();
    crowd.now = crowd.now.plus(support::DAY * 40);
    (0..3).for_each(|device| crowd.maintain(device));
    crowd.settle();
}

#[test]
fn groups_leave_none_of_their_secrets_behind() {
    let _turn = turn();
    // Not boxed: its generator holds what it will give next.
    let start = || Crowd::new(&[1; 3], 30);
    let mut crowd = start();
    let id = crowd.create(0, &[1, 2], b"");
    let mut again = start();
    // The name comes first, and is no secret.
    again.rng.fill_bytes(&mut [0; 32]);
    let all = drawn_and_derived(&again.rng, id);
    let pieces = Pieces::of(all.iter().copied());
    let holds = |crowd: &Crowd, device: usize| {
        crowd.all[device].groups.all.iter().any(|group| pieces.any_in(&group.snapshot()))
    };
    crowd.settle();
    assert!((0..3).all(|device| holds(&crowd, device)), "what is looked for is there");
    let found = left_behind(all.clone(), || {
        let mut crowd = start();
        let again = crowd.create(0, &[1, 2], b"");
        assert_eq!(again, id);
        crowd.settle();
        live(&mut crowd, &id);
        let [anna, ben, _] = [0, 1, 2].map(|device| crowd.texts(device));
        assert_eq!((anna.len(), ben.len()), (4, 4), "{anna:?} {ben:?}");
        crowd
    });
    assert_eq!(found, 0);
}

fn go_through_the_store(own: &mut OwnDevices) {
    let snapshot = own.snapshot();
    *own = OwnDevices::restore(&snapshot).unwrap();
    let key = StorageKey::new(&[7; 32]);
    *own = OwnDevices::unseal(&own.seal(&key, AD, &mut rng(1)), &key, AD).unwrap();
}

#[test]
fn lists_of_what_is_reported_leave_no_keys_of_commitments_behind() {
    let _turn = turn();
    let mut pair = Pair::talking_of([Suite::Hybrid; 2], 3);
    let server_key = ServerKey::new(&[1; 32]);
    let mut keys = Vec::new();
    let mut entries = Vec::with_capacity(9);
    for _ in 0..9 {
        let message = pair.alice_sends("insult");
        let evidence = pair.bob.receives(&message).evidence.unwrap();
        keys.push(evidence.encode()[2..34].try_into().unwrap());
        let postmark = server_key.postmark(&Commitment::of(&message).unwrap(), b"noon").unwrap();
        entries.push(evidence.entry(b"insult", b"noon", &postmark).unwrap());
    }
    let mut encoded = Vec::new();
    let found = left_behind(keys.clone(), || {
        let mut report = Report::new(entries.pop().unwrap());
        for entry in entries.drain(..) {
            report.push(entry).unwrap();
        }
        encoded = report.encode().to_vec();
    });
    assert_eq!(found, 0, "as a report grows");
    let found = left_behind(keys.clone(), || Report::decode(&encoded).unwrap());
    assert_eq!(found, 0, "as one is read");
    // And such keys would be found.
    assert_ne!(left_behind(keys, || drop(std::mem::take(&mut encoded))), 0);
}

#[test]
fn messages_that_are_opened_deleted_and_stored_leave_no_key_behind() {
    let _turn = turn();
    let (mut scheduler, all) = with_known_content_keys(10);
    let now = clock(NOW);
    let rows: Vec<_> = scheduler.records().collect();
    let rows: Vec<(Vec<u8>, Vec<u8>)> = rows
        .into_iter()
        .map(|row| (row.key.as_bytes().to_vec(), row.value.unwrap().to_vec()))
        .collect();
    let found = left_behind(all, || {
        drop(scheduler.snapshot());
        drop(scheduler.records().collect::<Vec<_>>());
        drop(ExpiryScheduler::from_records(rows.iter().map(|(key, value)| (key, value))).unwrap());
        let opening = scheduler.open(MessageId::from(1), now).unwrap();
        drop(opening.release());
        let _ = scheduler.deleted(MessageId::from(2), now);
        let _ = scheduler.poll(10, now);
        for number in [1, 2] {
            let _ = scheduler.done(MessageId::from(number), Parts::BODY, now);
        }
        let _ = scheduler.set_limits(scheduler.limits().clone(), now);
    });
    assert_eq!((found, scheduler.held_messages()), (0, 38));
}

/// Files and reports: neither keys nor what is sealed stays where it was.
mod attached {
    use super::*;
    use evanesce::Payload;
    use evanesce::attachment::{
        AttachmentCheckpoint, AttachmentReference, AttachmentSealer, BlobLayout, ChunkSealer,
        RangeError, ReadError,
    };
    use evanesce::report::{Commitment, Evidence, Report, ServerKey};
    use hkdf::Hkdf;
    use sha2::{Digest, Sha256};

    /// What the file has nothing but: two chunks of it, the second not full.
    const TEXT: [u8; 32] = *b"what the file says, and says on.";

    fn file() -> Vec<u8> {
        TEXT.repeat(2_100)
    }

    /// The one key that is drawn, what is derived from it, and the file.
    fn secrets_of(seed: u64) -> Vec<[u8; 32]> {
        let mut draws = Draws::new(seed);
        drop(AttachmentSealer::generate(&mut draws));
        let [key] = draws.made[..] else { panic!("a key is one draw") };
        let derived = ["encryption", "commitment"].map(|name| {
            let mut derived = [0; 32];
            let label = format!("evanesce/v1 attachment {name}");
            let keys = Hkdf::<Sha256>::new(None, &key);
            keys.expand(label.as_bytes(), &mut derived).unwrap();
            derived
        });
        [&derived[..], &[key, TEXT]].concat()
    }

    fn seal(mut sealer: AttachmentSealer, file: &[u8]) -> (Vec<u8>, AttachmentReference) {
        let mut blob = Vec::with_capacity(200_000);
        for mut piece in file.chunks(40_000) {
            while let Some(sealed) = sealer.push(&mut piece).unwrap() {
                blob.extend_from_slice(sealed);
            }
        }
        let mut rest = sealer.finish().unwrap();
        while let Some(sealed) = rest.next_piece() {
            blob.extend_from_slice(sealed);
        }
        (blob, rest.reference())
    }

    #[test]
    fn a_file_that_is_sealed_leaves_neither_its_key_nor_itself_behind() {
        let _turn = turn();
        let (secrets, file) = (secrets_of(50), file());
        let sealer = || AttachmentSealer::generate(&mut rng(50));
        let found = left_behind(secrets.clone(), || {
            drop(seal(sealer(), &file));
            // Stopped in the middle of a chunk, of the first or of one behind it.
            for fed in [30_000, 66_000] {
                let mut stopped = sealer();
                let mut piece = &file[..fed];
                while stopped.push(&mut piece).unwrap().is_some() {}
                let checkpoint = stopped.checkpoint().unwrap().encode();
                drop(stopped);
                let checkpoint = || AttachmentCheckpoint::decode(&checkpoint).unwrap();
                drop(seal(AttachmentSealer::resume(checkpoint()), &file));
                let mut other = AttachmentSealer::resume(checkpoint());
                let mut piece = &file[1..];
                while let Ok(Some(_)) = other.push(&mut piece) {}
            }
            let layout = BlobLayout::of_size(67_200).unwrap();
            let by_chunks = Box::new(ChunkSealer::generate(layout, &mut rng(50)));
            drop(by_chunks.seal(0, &file[..65_536]).unwrap());
            drop(by_chunks.seal(1, &file[65_536..]).unwrap());
        });
        assert_eq!(found, 0);
    }

    #[test]
    fn a_file_that_is_opened_leaves_neither_its_key_nor_itself_behind() {
        let _turn = turn();
        let (secrets, file) = (secrets_of(51), file());
        let (blob, reference) = seal(AttachmentSealer::generate(&mut rng(51)), &file);
        let layout = reference.layout();
        let part = |range: std::ops::Range<u64>| {
            &blob[usize::try_from(range.start).unwrap()..usize::try_from(range.end).unwrap()]
        };
        let found = left_behind(secrets.clone(), || {
            let reference = reference.encode();
            let reference = AttachmentReference::decode(&*reference).unwrap();
            // Chunks that come in one piece, and in several; one that is altered behind one that opened.
            for (length, altered) in
                [(200_000, None), (1_000, None), (200_000, Some(70_000)), (900, Some(70_000))]
            {
                let mut given = blob.clone();
                altered.into_iter().for_each(|place: usize| given[place] ^= 1);
                let mut reader = reference.reader();
                let mut refused = false;
                for mut piece in given.chunks(length) {
                    loop {
                        match reader.push(&mut piece) {
                            Ok(Some(_)) => {}
                            Ok(None) => break,
                            Err(ReadError::Altered) => {
                                refused = true;
                                break;
                            }
                            Err(error) => panic!("{error}"),
                        }
                    }
                    if refused {
                        break;
                    }
                }
                assert_eq!(refused, altered.is_some());
                drop(reader);
            }
        });
        assert_eq!(found, 0);
        // What opens by ranges is the caller's: here it is kept, and only the keys are looked for.
        let mut opened = Vec::new();
        let found = left_behind(secrets, || {
            let mut opener = Box::new(reference.opener(part(layout.top())).unwrap());
            opener.add_page(0, part(layout.page(0).unwrap())).unwrap();
            for chunk in 0..layout.chunks() {
                opened.push(opener.open(chunk, part(layout.chunk(chunk).unwrap())).unwrap());
            }
            drop(opener);
        });
        assert_eq!((found, opened.iter().map(|bytes| bytes.len()).sum::<usize>()), (0, file.len()));
    }

    /// A sender who lists what does not open, or has other bytes than zeros behind the file, gets nothing left behind.
    #[test]
    fn a_chunk_that_its_sender_broke_leaves_nothing_behind() {
        let _turn = turn();
        let secrets = secrets_of(52);
        let file = file();
        let (blob, reference) = seal(AttachmentSealer::generate(&mut rng(52)), &file);
        // The same bytes as a file that ends sooner: by its size, what is behind the end should be zeros.
        let size = 66_000_u64.to_be_bytes();
        let encoded = reference.encode();
        let [_, commitment, ..] = secrets[..] else { panic!("two are derived") };
        let layout = reference.layout();
        let top = &blob[usize::try_from(layout.top().start).unwrap()..];
        let root: [u8; 32] = Sha256::new()
            .chain_update(b"evanesce/v1 attachment root")
            .chain_update(commitment)
            .chain_update(size)
            .chain_update(top)
            .finalize()
            .into();
        let shorter = [&encoded[..33], &root, &size].concat();
        let shorter = AttachmentReference::decode(&shorter).unwrap();
        let page = layout.page(0).unwrap();
        let page = &blob[usize::try_from(page.start).unwrap()..usize::try_from(page.end).unwrap()];
        let chunk = &blob[65_552..2 * 65_552];
        let found = left_behind(secrets, || {
            let mut opener = shorter.opener(top).unwrap();
            opener.add_page(0, page).unwrap();
            assert_eq!(opener.open(1, chunk), Err(RangeError::Malformed));
        });
        assert_eq!(found, 0);
    }

    #[test]
    fn evidence_and_reports_leave_neither_their_keys_nor_the_message_behind() {
        let _turn = turn();
        in_each_suite(|suite| {
            let mut talk = World::of(suite, 53).start();
            let body = TEXT.repeat(100);
            let payload = Payload::new(body.clone());
            let sent = talk.alice.encrypt_with_evidence(&payload, AD, &mut rng(1)).unwrap();
            let evidence = sent.evidence.unwrap().encode();
            let opening: [u8; 32] = evidence[2..34].try_into().unwrap();
            let server_key = [0xcd; 32];
            let found = left_behind(vec![opening, TEXT, server_key], || {
                let key = Box::new(ServerKey::new(&server_key));
                let postmark =
                    key.postmark(&Commitment::of(&sent.message).unwrap(), b"context").unwrap();
                let evidence = Box::new(Evidence::decode(&evidence).unwrap());
                drop(evidence.encode());
                let entry = evidence.entry(&body, b"context", &postmark).unwrap();
                assert!(evidence.entry(&body[1..], b"context", &postmark).is_err());
                let report = Report::new(entry).encode();
                let report = Box::new(Report::decode(&report).unwrap());
                assert!(report.entries()[0].verify(&key).unwrap().body == body);
                drop(report.encode());
            });
            assert_eq!(found, 0, "{suite:?}");
        });
    }
}
