//! Which implementation of each primitive runs, since some look at the processor first.
//!
//! Valgrind has a processor of its own. Version 3.19 shows AES, carry-less multiplication and AVX2 if the
//! machine has them, and never the SHA extensions: what they compute is not measured.

use std::arch::is_x86_feature_detected as has;

/// Asks what the libraries ask: the same question, and the same settings of their builds.
pub fn names() -> [(&'static str, &'static str); 6] {
    [
        ("AES", choice(!cfg!(aes_backend = "soft") && has!("aes"), "AES-NI")),
        (
            "GHASH, POLYVAL",
            choice(!cfg!(polyval_backend = "soft") && has!("pclmulqdq"), "PCLMULQDQ"),
        ),
        ("SHA-256", choice(!cfg!(sha2_backend = "soft") && has!("sha"), "SHA-NI")),
        ("SHA-512", choice(!cfg!(sha2_backend = "soft") && has!("avx2"), "AVX2")),
        (
            "Ed25519, X25519",
            choice(!cfg!(curve25519_dalek_backend = "serial") && has!("avx2"), "AVX2"),
        ),
        ("ML-KEM", choice(cfg!(feature = "libcrux") && has!("avx2"), "AVX2")),
    ]
}

fn choice(special: bool, name: &'static str) -> &'static str {
    if special { name } else { "portable" }
}
