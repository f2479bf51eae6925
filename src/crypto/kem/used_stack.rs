//! Wipes the stack that secrets went through.

use zeroize::zeroize_stack;

/// Computes, then wipes as many bytes of stack as the computation has used.
///
/// Expanded keys, seeds and shared secrets pass through many kilobytes there, of which nobody else wipes the most. Code
/// that is not optimised uses more of them, and leaves copies where values move. Registers are not wiped.
pub(crate) fn wiping_used_stack<const USED: usize, Output>(
    computation: impl FnOnce() -> Output,
) -> Output {
    let output = in_its_own_frame(computation);
    zeroize_stack::<USED>();
    output
}

/// Inlined, it would use stack above that which is wiped.
#[inline(never)]
fn in_its_own_frame<Output>(computation: impl FnOnce() -> Output) -> Output {
    computation()
}
