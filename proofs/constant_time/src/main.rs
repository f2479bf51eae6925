//! Proof that compiled code neither branches on secrets nor finds its way in memory by them.
//!
//! The program runs under valgrind's memcheck, which follows every bit of memory that it takes for
//! undefined, and reports a jump or an address that depends on one. Here the undefined bytes are our
//! secrets ([`memcheck`]): keys, what is drawn, plaintexts. Each case runs on public and then on secret
//! bytes ([`measure`]); it is clean if both give the same, if what comes out is still secret, and if
//! memcheck has reported nothing in between.
//!
//! # What is public by design
//!
//! A tag is right or not, and the receiver acts on that: the compiler makes a branch of it. What has
//! opened is decoded, and the numbers in a header say how many keys to derive. `exemptions.supp` names
//! these branches one by one, by the function that they stand in, with what they tell. It is the whole
//! list: what it does not name is reported. A name that no longer fits is reported too, and one that
//! nothing asks for is an error of `measure`, the script that runs this.
//!
//! What leaves a device is made public by the cases themselves ([`memcheck::reveal`]). In a conversation
//! these are what it publishes; of a message nothing.
//!
//! # What is not shown
//!
//! How long an instruction takes for which operand, and what a processor does on suspicion. Other
//! compilers and settings. Implementations that valgrind's processor does not have ([`backends`]). The
//! making of a safety number's digits: public keys give them.

extern crate alloc;

/// The library's own modules, compiled a second time so that the cases can call what is private. A
/// module that has moved, or that another one begins to use, stops the build.
#[path = "../../../src"]
#[allow(
    dead_code,
    unused_imports,
    reason = "the cases use a part of them, and nothing of what they show"
)]
mod library {
    pub(crate) mod account;
    pub(crate) mod attachment;
    pub(crate) mod changes;
    pub(crate) mod commitment;
    pub(crate) mod crypto;
    pub(crate) mod encapsulation;
    pub(crate) mod epochs;
    pub(crate) mod expiry;
    pub(crate) mod group;
    pub(crate) mod handshake;
    pub(crate) mod identity;
    pub(crate) mod limits;
    pub(crate) mod peer;
    pub(crate) mod person;
    pub(crate) mod prekeys;
    pub(crate) mod ratchet;
    pub(crate) mod report;
    pub(crate) mod safety_number;
    pub(crate) mod seldom;
    pub(crate) mod session;
    pub(crate) mod shown_bytes;
    pub(crate) mod snapshot;
    pub(crate) mod stored;
    pub(crate) mod time;
    pub(crate) mod wire;
}

use library::{
    account, attachment, changes, commitment, crypto, encapsulation, epochs, expiry, group,
    handshake, identity, limits, peer, person, prekeys, ratchet, report, safety_number, seldom,
    session, shown_bytes, snapshot, stored, time, wire,
};

mod memcheck;

mod backends;
mod measure;

mod draws;

mod controls;
mod conversation;
mod in_epochs;
mod primitives;

use std::process::ExitCode;

fn main() -> ExitCode {
    if !memcheck::is_here() {
        eprintln!("this program shows nothing unless it runs under valgrind's memcheck");
        return ExitCode::FAILURE;
    }
    for (primitive, backend) in backends::names() {
        println!("{primitive}: {backend}");
    }
    let mut faults = 0;
    for control in controls::CONTROLS {
        match control.measure() {
            Ok(()) => println!("reported, as it must be: {}", control.name),
            Err(fault) => {
                println!("FAULT: {}: {fault}", control.name);
                faults += 1;
            }
        }
    }
    for case in primitives::CASES.iter().chain(in_epochs::CASES).chain(conversation::CASES) {
        match case.measure() {
            Ok(()) => println!("clean: {}", case.name),
            Err(fault) => {
                println!("FAULT: {}: {fault}", case.name);
                faults += 1;
            }
        }
    }
    if faults == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
