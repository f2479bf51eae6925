//! Proof that the library needs neither the standard library nor an operating system.
//!
//! The program has its own entry point, allocator, panic handler and memory functions and is linked
//! against nothing else (`build.rs`). It does its [`work`] and exits with 42 if that came out right.
//! A library that asks for `std` does not compile into it. One that asks for libc, say for the random
//! source of the operating system, may link: CI therefore also checks that the file needs no other.

#![no_std]
#![no_main]

mod work;

#[cfg(not(all(target_arch = "x86_64", target_os = "linux")))]
compile_error!("the entry point and the system calls are written for x86-64 Linux");

use core::alloc::{GlobalAlloc, Layout};
use core::arch::{asm, global_asm};
use core::cell::UnsafeCell;
use core::fmt::{self, Write};
use core::panic::PanicInfo;
use core::ptr;
use core::sync::atomic::{AtomicUsize, Ordering};

/// What the program exits with when its work came out right: a code that no accident produces.
const RIGHT: i32 = 42;
const WRONG: i32 = 1;
const PANICKED: i32 = 101;

// The kernel enters here with the stack pointer on a 16-byte boundary and no return address. `call`
// pushes one, as the ABI expects at the first instruction of a function; `and` keeps this true
// however we were entered, since the SSE code of the ciphers faults on a misaligned stack.
global_asm!(
    ".globl _start",
    ".type _start, @function",
    "_start:",
    "xor ebp, ebp",
    "and rsp, -16",
    "call {start}",
    "ud2",
    ".size _start, . - _start",
    start = sym start,
);

extern "C" fn start() -> ! {
    exit(if work::work() { RIGHT } else { WRONG })
}

fn exit(code: i32) -> ! {
    // SAFETY: exit_group (231) takes one integer and does not return.
    unsafe { asm!("syscall", in("eax") 231, in("edi") code, options(noreturn, nostack)) }
}

/// Says on standard error where it went wrong.
struct StandardError;

impl Write for StandardError {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        // SAFETY: write (1) reads `text.len()` bytes at `text`; `syscall` changes rax, rcx and r11.
        unsafe {
            asm!(
                "syscall",
                inout("rax") 1_usize => _,
                in("rdi") 2_usize,
                in("rsi") text.as_ptr(),
                in("rdx") text.len(),
                out("rcx") _,
                out("r11") _,
                options(nostack, readonly),
            );
        }
        Ok(())
    }
}

#[panic_handler]
fn panic(info: &PanicInfo) -> ! {
    let _ = writeln!(StandardError, "{info}");
    exit(PANICKED)
}

/// Hands out an arena from its start and takes back only what it gave last.
struct Bump {
    arena: UnsafeCell<[u8; Self::SIZE]>,
    used: AtomicUsize,
}

impl Bump {
    const SIZE: usize = 16 << 20;
}

// SAFETY: this program has one thread.
unsafe impl Sync for Bump {}

// SAFETY: blocks lie inside the arena, do not overlap and are aligned; a full arena yields null.
unsafe impl GlobalAlloc for Bump {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let base: *mut u8 = self.arena.get().cast();
        let free = base.addr() + self.used.load(Ordering::Relaxed);
        let start = free.next_multiple_of(layout.align()) - base.addr();
        match start.checked_add(layout.size()) {
            Some(end) if end <= Self::SIZE => {
                self.used.store(end, Ordering::Relaxed);
                // SAFETY: `start` is at most `end`, and that is inside the arena.
                unsafe { base.add(start) }
            }
            _ => ptr::null_mut(),
        }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        let start = block.addr() - self.arena.get().addr();
        if start + layout.size() == self.used.load(Ordering::Relaxed) {
            self.used.store(start, Ordering::Relaxed);
        }
    }
}

#[global_allocator]
static BUMP: Bump = Bump { arena: UnsafeCell::new([0; Bump::SIZE]), used: AtomicUsize::new(0) };

/// What the unwinding tables of the ready-made `core` and `alloc` name. Nothing unwinds here: panics
/// abort.
mod unwinding {
    #[unsafe(no_mangle)]
    extern "C" fn rust_eh_personality() -> ! {
        super::exit(super::PANICKED)
    }

    #[unsafe(no_mangle)]
    extern "C" fn _Unwind_Resume() -> ! {
        super::exit(super::PANICKED)
    }
}

/// The functions that compiled code may call on its own account and that libc would bring.
///
/// They are string instructions, because a loop in Rust could be compiled into a call to itself.
mod memory {
    use core::arch::asm;

    #[unsafe(no_mangle)]
    unsafe extern "C" fn memcpy(to: *mut u8, from: *const u8, length: usize) -> *mut u8 {
        // SAFETY: the caller's promise is that of memcpy; the ABI keeps the direction flag clear.
        unsafe {
            asm!(
                "rep movsb",
                inout("rcx") length => _,
                inout("rdi") to => _,
                inout("rsi") from => _,
                options(nostack, preserves_flags),
            );
        }
        to
    }

    #[unsafe(no_mangle)]
    unsafe extern "C" fn memmove(to: *mut u8, from: *const u8, length: usize) -> *mut u8 {
        if to.addr().wrapping_sub(from.addr()) >= length {
            // SAFETY: no byte is overwritten before it is read when copying upwards.
            return unsafe { memcpy(to, from, length) };
        }
        // SAFETY: the caller's promise is that of memmove, and `length` is not 0 here; copying
        // downwards reads each byte before it is overwritten. The direction flag is cleared again.
        unsafe {
            asm!(
                "std",
                "rep movsb",
                "cld",
                inout("rcx") length => _,
                inout("rdi") to.add(length - 1) => _,
                inout("rsi") from.add(length - 1) => _,
                options(nostack),
            );
        }
        to
    }

    #[unsafe(no_mangle)]
    unsafe extern "C" fn memset(to: *mut u8, value: i32, length: usize) -> *mut u8 {
        // SAFETY: the caller's promise is that of memset; the ABI keeps the direction flag clear.
        unsafe {
            asm!(
                "rep stosb",
                inout("rcx") length => _,
                inout("rdi") to => _,
                in("eax") value,
                options(nostack, preserves_flags),
            );
        }
        to
    }

    #[unsafe(no_mangle)]
    unsafe extern "C" fn memcmp(left: *const u8, right: *const u8, length: usize) -> i32 {
        let (mut above, mut below): (u8, u8);
        // SAFETY: the caller's promise is that of memcmp. The first `cmp` clears what `seta` and
        // `setb` look at, for a length of 0.
        unsafe {
            asm!(
                "cmp rcx, rcx",
                "repe cmpsb",
                "seta {above}",
                "setb {below}",
                above = out(reg_byte) above,
                below = out(reg_byte) below,
                inout("rcx") length => _,
                inout("rsi") left => _,
                inout("rdi") right => _,
                options(nostack, readonly),
            );
        }
        i32::from(above) - i32::from(below)
    }

    #[unsafe(no_mangle)]
    unsafe extern "C" fn bcmp(left: *const u8, right: *const u8, length: usize) -> i32 {
        // SAFETY: the caller's promise is the same.
        unsafe { memcmp(left, right, length) }
    }
}
