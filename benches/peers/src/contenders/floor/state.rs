//! State at rest (docs/protocol.md §10).

use crate::contenders::floor::primitives::{TAG, hkdf, siv_open, siv_seal};

/// Version and kind.
const START: &[u8; 2] = &[1, 3];
const SALT: [u8; 32] = [7; 32];
const STORAGE_KEY: [u8; 32] = [8; 32];

/// What sealing adds.
const AROUND: usize = START.len() + SALT.len() + TAG;

pub struct SealedState(Vec<u8>);

impl SealedState {
    /// Of so many bytes once sealed.
    pub fn of_length(length: usize) -> Self {
        Self::seal(&vec![b's'; length - AROUND])
    }

    pub fn seal(state: &[u8]) -> Self {
        let mut sealed = Vec::with_capacity(AROUND + state.len());
        sealed.extend_from_slice(START);
        sealed.extend_from_slice(&SALT);
        sealed.extend_from_slice(state);
        let tag = siv_seal(&key(&SALT), &mut sealed[START.len() + SALT.len()..], START);
        sealed.extend_from_slice(&tag);
        Self(sealed)
    }

    pub fn open(&self) -> Vec<u8> {
        let (salt, rest) = self.0[START.len()..].split_first_chunk().expect("long enough");
        let (text, tag) = rest.split_last_chunk().expect("long enough");
        let mut state = text.to_vec();
        siv_open(&key(salt), &mut state, tag, START).expect("its key");
        state
    }

    pub fn length(&self) -> usize {
        self.0.len()
    }
}

fn key(salt: &[u8; 32]) -> [u8; 32] {
    let [key] = hkdf(salt, &[&STORAGE_KEY], &[b"evanesce/v1 snapshot", &START[1..]]);
    key
}
