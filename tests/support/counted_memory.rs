//! An allocator that counts, for each thread by itself, how often it is asked for memory, and how much is held.

#![allow(dead_code, reason = "each test file uses a part")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

thread_local! {
    /// How many blocks this thread has asked for.
    static ASKED: Cell<usize> = const { Cell::new(0) };
    /// How many bytes it has been given beyond what it gave back. Another thread's may come back here.
    static HELD: Cell<i64> = const { Cell::new(0) };
    /// The most that these were, since a measurement began.
    static MOST: Cell<i64> = const { Cell::new(0) };
}

struct Counting;

#[global_allocator]
static ALLOCATOR: Counting = Counting;

// SAFETY: everything is the system allocator's own doing.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ASKED.set(ASKED.get() + 1);
        HELD.set(HELD.get() + i64::try_from(layout.size()).unwrap_or(i64::MAX));
        MOST.set(MOST.get().max(HELD.get()));
        // SAFETY: the caller keeps the contract of `alloc`.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        HELD.set(HELD.get() - i64::try_from(layout.size()).unwrap_or(i64::MAX));
        // SAFETY: the block comes from `alloc`.
        unsafe { System.dealloc(block, layout) }
    }
}

/// How many blocks `happening` asks for; growing one counts as well.
pub fn asked<Outcome>(happening: impl FnOnce() -> Outcome) -> (usize, Outcome) {
    let before = ASKED.get();
    let outcome = happening();
    (ASKED.get() - before, outcome)
}

/// How many bytes `happening` holds at most beyond what was held before.
pub fn most_held<Outcome>(happening: impl FnOnce() -> Outcome) -> (usize, Outcome) {
    let (before, most_before) = (HELD.get(), MOST.replace(HELD.get()));
    let outcome = happening();
    let most = MOST.get();
    // For a measurement around this one.
    MOST.set(most.max(most_before));
    (usize::try_from(most - before).unwrap(), outcome)
}
