//! Files: one AES-256-GCM-SIV and one SHA-256 of each chunk (docs/protocol.md §15.1), in place.

use std::hint::black_box;

use aes_gcm_siv::aead::{AeadInOut, KeyInit};
use aes_gcm_siv::{Aes256GcmSiv, Tag};

use crate::contenders::floor::primitives::sha256;
use crate::row::FILE;
use crate::work::{Stretches, Work, repeated};

/// Bytes of plaintext in a chunk.
const CHUNK: usize = 65_536;

const KEY: [u8; 32] = [7; 32];

pub fn seal() -> Box<dyn Work> {
    let (cipher, mut bytes) = (Aes256GcmSiv::new(&KEY.into()), vec![7; FILE]);
    repeated(
        8,
        move |_| seal_in_place(&cipher, black_box(&mut bytes)),
        |tags| assert_eq!(tags.len(), FILE / CHUNK),
    )
}

pub fn open() -> Box<dyn Work> {
    let cipher = Aes256GcmSiv::new(&KEY.into());
    let mut sealed = vec![7; FILE];
    let tags = seal_in_place(&cipher, &mut sealed);
    Box::new(Stretches {
        uses: 1,
        at_once: 1,
        prepare: move || sealed.clone(),
        operate: move |bytes: &mut Vec<u8>, _| {
            for (chunk, tag) in bytes.chunks_mut(CHUNK).zip(&tags) {
                black_box(sha256(&[chunk]));
                let opened = cipher.decrypt_inout_detached(&[0; 12].into(), &[], chunk.into(), tag);
                opened.expect("its tag");
            }
        },
        check: |bytes: &mut Vec<u8>, ()| assert!(bytes.iter().all(|byte| *byte == 7)),
    })
}

fn seal_in_place(cipher: &Aes256GcmSiv, bytes: &mut [u8]) -> Vec<Tag> {
    let seal = |chunk: &mut [u8]| {
        let tag = cipher.encrypt_inout_detached(&[0; 12].into(), &[], (&mut *chunk).into());
        black_box(sha256(&[chunk]));
        tag.expect("a chunk is short")
    };
    bytes.chunks_mut(CHUNK).map(seal).collect()
}
