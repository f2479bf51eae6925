//! What has been a secret is not left behind in memory that is given back.
//!
//! An allocator of the test's own looks into each block before it is given back. The stack and the
//! registers it cannot see.

mod support;

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::slice;
use std::sync::{Mutex, MutexGuard, PoisonError};

use evanesce::expiry::{
    Age, ContentKey, ConversationId, ExpiryScheduler, MemberTag, MessageId, NewMessage, Opens,
    Parts, Stamp,
};
use evanesce::session::Session;
use evanesce::snapshot::StorageKey;
use evanesce::{Account, Peer};
use rand_chacha::rand_core::CryptoRng;
use support::pair::Pair;
use support::{
    AD, Draws, NOW, Talk, World, clock, receive, rng, secrets, started, state, stored_form,
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
    secrets: Vec<[u8; 32]>,
    found: usize,
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
                let holds = |secret: &[u8; 32]| bytes.windows(32).any(|part| part == secret);
                watch.found += usize::from(watch.secrets.iter().any(holds));
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
fn with_held_keys(seed: u64) -> Talk {
    let mut talk = started(seed);
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

#[test]
fn a_session_leaves_none_of_its_secrets_behind() {
    let _turn = turn();
    let Talk { alice, bob, .. } = with_held_keys(1);
    let all = [secrets(&alice), secrets(&bob)].concat();
    assert!(all.len() > 50);
    // Boxed, so that the places of the sessions themselves are looked into.
    let sessions = [Box::new(alice), Box::new(bob)];
    assert_eq!(left_behind(all, || drop(sessions)), 0);
}

#[test]
fn an_account_leaves_none_of_its_secrets_behind() {
    let _turn = turn();
    let World { bob, .. } = World::new(2);
    let all = secrets(&bob);
    assert!(all.len() > 100);
    let bob = Box::new(bob);
    assert_eq!(left_behind(all, || drop(bob)), 0);
}

#[test]
fn an_account_that_accepts_and_rotates_leaves_no_secret_behind() {
    let _turn = turn();
    let mut world = World::new(3);
    let first = support::send(&mut world.initiate(), "first", &mut world.rng);
    let before = secrets(&world.bob);
    let mut accepted = None;
    let found = left_behind(before, || {
        accepted = Some(world.accept(&first));
        world.bob.rotate_signed_prekey(NOW, &mut world.rng).upload
    });
    assert_eq!(found, 0);
    // The same once more, watched for what came of it.
    let mut again = World::new(3);
    let first = support::send(&mut again.initiate(), "first", &mut again.rng);
    let after = secrets(&accepted.unwrap().session);
    assert_eq!(left_behind(after, || again.accept(&first).session), 0);
}

/// Watches for the secrets from before and after what `happening` does to Bob, by doing it twice.
fn nothing_is_left_behind(seed: u64, happening: impl Fn(&mut Talk)) {
    let mut rehearsal = with_held_keys(seed);
    let mut all = secrets(&rehearsal.bob);
    happening(&mut rehearsal);
    all.extend(secrets(&rehearsal.bob));
    all.extend(secrets(&rehearsal.alice));
    let mut talk = with_held_keys(seed);
    assert_eq!(left_behind(all, || happening(&mut talk)), 0);
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
fn with_two_sessions() -> (Box<Peer>, Box<Account>) {
    let mut pair = Pair::talking(7);
    pair.alice.begins(&mut pair.bob.server, NOW);
    let anew = pair.alice_sends("anew");
    pair.bob.receives(&anew);
    assert_eq!(pair.bob.peer.sessions().count(), 2);
    (Box::new(pair.bob.peer), Box::new(pair.bob.account))
}

#[test]
fn a_peer_leaves_none_of_its_secrets_behind() {
    let _turn = turn();
    let (peer, _) = with_two_sessions();
    let all = secrets(&*peer);
    assert!(all.len() > 10);
    assert_eq!(left_behind(all.clone(), || drop(peer)), 0);
    let (mut peer, account) = with_two_sessions();
    let stranger = account.device().identity;
    assert_eq!(left_behind(all, || peer.accept_identity(stranger)), 0);
    assert_eq!(peer.sessions().count(), 0);
}

#[test]
fn storing_and_restoring_leave_no_secret_behind() {
    let _turn = turn();
    let (peer, account) = with_two_sessions();
    let Talk { bob, .. } = with_held_keys(8);
    let all = [secrets(&*peer), secrets(&*account), secrets(&bob)].concat();
    let key = StorageKey::new(&[7; 32]);
    // The test's own copies are made and given back outside.
    let states = [state(&*peer), state(&*account), state(&bob)];
    let found = left_behind(all.clone(), || {
        drop((peer.snapshot(), account.snapshot(), bob.snapshot()));
        drop(Peer::restore(&states[0]).unwrap());
        drop(Account::restore(&states[1]).unwrap());
        drop(Session::restore(&states[2]).unwrap());
        let sealed = bob.seal(&key, AD, &mut rng(1));
        drop(Session::unseal(&sealed, &key, AD).unwrap());
    });
    assert_eq!(found, 0);
    // A state that ends too early is refused half read.
    let end = states[2].len() - 16;
    let ends = (10..end).step_by(7).map(|start| stored_form::with(&states[2], start..end, &[]));
    let cut_off: Vec<_> = ends.collect();
    let found = left_behind(all, || {
        cut_off.iter().for_each(|snapshot| assert!(Session::restore(snapshot).is_err()));
    });
    assert_eq!(found, 0);
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
