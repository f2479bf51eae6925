//! The half of the npm package `evanesce` that is compiled to WebAssembly: the crate's calls, in a form that crosses to
//! JavaScript cheaply.
//!
//! It is not what applications call. The other half, in `ts/`, checks what JavaScript passes before it comes here, makes
//! objects of what goes back, and has the documentation. So a call here may rely on this: bytes are bytes, times are
//! whole seconds or milliseconds that can be counted, objects are of their class and not freed. What it must not rely on
//! is what the bytes say.
//!
//! - What goes back in one piece is written by [`values`], and what is refused by [`errors`].
//! - All memory that is given back is wiped, by the allocator: arguments, results and what grows.

#![allow(
    bindings_with_variant_name,
    reason = "words are spelled as JavaScript spells them, and so are some bindings"
)]

mod random;
mod values;

mod errors;

mod shapes;

mod account;
mod peer;
mod safety_number;
mod server;
mod session;
mod shelf;
mod stamps;
mod storage;

#[cfg(feature = "expiry")]
mod expiry;

#[cfg(feature = "people")]
mod people;

#[cfg(feature = "groups")]
mod groups;

#[cfg(feature = "attachments")]
mod attachments;
#[cfg(feature = "reports")]
mod reports;

use zeroizing_alloc::ZeroAlloc;

/// Wipes what is given back. Linear memory is never returned to the system, and a program that got a look at it would
/// find there what was long forgotten.
#[global_allocator]
static ALLOCATOR: ZeroAlloc<std::alloc::System> = ZeroAlloc(std::alloc::System);
