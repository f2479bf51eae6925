//! What the proof asks of memcheck: a secret is memory that memcheck takes for undefined.
//!
//! Memcheck follows each bit of it through every computation, and reports where a jump or an address
//! depends on one. Nothing but its shadow of memory changes here: the bytes themselves stay.

#[cfg(not(target_arch = "x86_64"))]
compile_error!("the client request is written for x86-64");

use core::arch::asm;
use core::hint::black_box;

// valgrind.h
const RUNNING_ON_VALGRIND: usize = 0x1001;
const COUNT_ERRORS: usize = 0x1201;

// memcheck.h, which counts up from the letters M and C
const MAKE_MEM_UNDEFINED: usize = 0x4d43_0001;
const MAKE_MEM_DEFINED: usize = 0x4d43_0002;
const GET_VBITS: usize = 0x4d43_0008;

/// What GET_VBITS answers when it has answered.
const ANSWERED: usize = 1;

/// Whether the program runs under valgrind: elsewhere every request is answered with 0.
pub fn is_here() -> bool {
    request([RUNNING_ON_VALGRIND, 0, 0, 0]) != 0
}

/// How many errors memcheck has reported so far. Those that are exempt do not count.
pub fn errors() -> usize {
    request([COUNT_ERRORS, 0, 0, 0])
}

/// Makes the bytes secret. The optimiser cannot know them afterwards: their address has gone through
/// `black_box` and into assembly that may write there.
pub fn conceal(bytes: &mut [u8]) {
    let bytes = black_box(bytes);
    request([MAKE_MEM_UNDEFINED, bytes.as_mut_ptr().expose_provenance(), bytes.len(), 0]);
    assert!(is_all_secret(bytes), "memcheck did not take the bytes for undefined");
}

/// Makes the bytes public.
pub fn reveal(bytes: &mut [u8]) {
    let bytes = black_box(bytes);
    request([MAKE_MEM_DEFINED, bytes.as_mut_ptr().expose_provenance(), bytes.len(), 0]);
}

/// Asks a question of one bit whose answer is public by design.
pub fn ask(answer: bool) -> bool {
    let mut answer = [u8::from(answer)];
    reveal(&mut answer);
    answer == [1]
}

/// Whether each byte has a secret bit, and there is one. Asking is no error and changes nothing.
pub fn is_all_secret(bytes: &[u8]) -> bool {
    !bytes.is_empty() && undefined_bits(bytes).iter().all(|bits| *bits != 0)
}

fn undefined_bits(bytes: &[u8]) -> Vec<u8> {
    let bytes = black_box(bytes);
    let mut bits = vec![0; bytes.len()];
    let place = black_box(bits.as_mut_slice()).as_mut_ptr().expose_provenance();
    let answer = request([GET_VBITS, bytes.as_ptr().expose_provenance(), place, bytes.len()]);
    assert_eq!(answer, ANSWERED, "memcheck did not say which bits are undefined");
    black_box(bits)
}

/// The client request of valgrind.h: rotations by 128 bits in all, and an exchange of a register with
/// itself. A processor does nothing by them; valgrind takes them for a call.
fn request([code, first, second, third]: [usize; 4]) -> usize {
    let arguments = [code, first, second, third, 0, 0];
    let mut answer = 0;
    // SAFETY: rdi is after the rotations what it was before; rdx and the flags change. Valgrind reads
    // `arguments`, and of the memory that they name it writes none but the vector of GET_VBITS, which
    // is as long as it was told.
    unsafe {
        asm!(
            "rol rdi, 3",
            "rol rdi, 13",
            "rol rdi, 61",
            "rol rdi, 51",
            "xchg rbx, rbx",
            in("rax") arguments.as_ptr(),
            inout("rdx") answer,
            options(nostack),
        );
    }
    answer
}
