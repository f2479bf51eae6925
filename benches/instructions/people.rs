//! How many instructions people with several devices take, counted by callgrind: the same in every run of the same program.
//! Beside each the same by single devices. What takes over 1 % more than in the run before fails.
//!
//! Valgrind knows none of the processor's instructions for SHA-256, so hashes count several times what they cost.

#[path = "../support/people.rs"]
mod people;

use ed25519_dalek::{Signature, VerifyingKey};
use evanesce::person::{FanOut, Person, PersonDelivered};
use evanesce::{Delivered, Encrypted};
use gungraun::{
    Callgrind, EventKind, LibraryBenchmarkConfig, library_benchmark, library_benchmark_group, main,
};
use people::{Household, SignedBytes, adopt, body, longest_list, signatures_of};

/// Of a padded plaintext.
const SMALL: usize = 64;

// Counted is what happens in these functions: not their setup, and not the drop of what they return. One message that is
// not counted has been sent or has come before.

fn departure() -> Household {
    let mut household = Household::agreed(0);
    let _ = household.fan_out(&body(SMALL));
    household
}

#[library_benchmark(setup = departure)]
fn encrypt_for_six_devices(mut household: Household) -> (Household, FanOut) {
    let sent = household.fan_out(&body(SMALL));
    (household, sent)
}

#[library_benchmark(setup = departure)]
fn encrypt_by_six_peers(mut household: Household) -> (Household, Vec<Encrypted>) {
    let sent = household.one_by_one(&body(SMALL));
    (household, sent)
}

fn arrival() -> (Household, Vec<u8>) {
    let mut household = Household::agreed(0);
    let [first, second] = household.messages_to_us(SMALL, 2).try_into().unwrap();
    let _ = household.decrypt(&first);
    (household, second)
}

#[library_benchmark(setup = arrival)]
fn decrypt_by_own_devices(with: (Household, Vec<u8>)) -> (Household, PersonDelivered) {
    let (mut household, message) = with;
    let got = household.decrypt(&message);
    (household, got)
}

#[library_benchmark(setup = arrival)]
fn decrypt_by_a_peer(with: (Household, Vec<u8>)) -> (Household, Delivered) {
    let (mut household, message) = with;
    let got = household.decrypt_by_peer(&message);
    (household, got)
}

#[library_benchmark(setup = longest_list)]
fn adopt_a_list_of_16(list: Vec<u8>) -> Person {
    adopt(&list)
}

fn signatures() -> Vec<SignedBytes> {
    signatures_of(&longest_list())
}

// Strictly, each with its key unpacked.
#[library_benchmark(setup = signatures)]
fn verify_its_17_signatures(signatures: Vec<SignedBytes>) -> Vec<SignedBytes> {
    for SignedBytes { key, message, signature } in &signatures {
        let key = VerifyingKey::from_bytes(key).unwrap();
        key.verify_strict(message, &Signature::from_bytes(signature)).unwrap();
    }
    signatures
}

library_benchmark_group!(
    name = messages;
    benchmarks =
        encrypt_for_six_devices,
        encrypt_by_six_peers,
        decrypt_by_own_devices,
        decrypt_by_a_peer
);

library_benchmark_group!(
    name = lists;
    benchmarks = adopt_a_list_of_16, verify_its_17_signatures
);

main!(
    config = LibraryBenchmarkConfig::default()
        .tool(Callgrind::default().soft_limits([(EventKind::Ir, 1_f64)]));
    library_benchmark_groups = messages, lists
);
