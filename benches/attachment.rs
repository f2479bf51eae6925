//! What sealing and opening a file costs, beside the bare primitives on the same chunks, and what a report costs.
//!
//! `cargo bench --bench attachment` prints both in bytes for each second. The floor of a chunk is one AES-256-GCM-SIV and
//! one SHA-256 of it, in place, with the crates that the library uses. It is measured with each of them, since speeds of
//! one machine change from minute to minute; to hold one against the other, `cargo files` takes turns, by processor time.

#[allow(dead_code, reason = "it has what other benches need too")]
mod support;

use std::hint::black_box;
use std::time::{Duration, Instant};

use aes_gcm_siv::aead::{AeadInOut, KeyInit};
use aes_gcm_siv::{Aes256GcmSiv, Tag};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use evanesce::attachment::{AttachmentReference, AttachmentSealer, BlobLayout, ChunkSealer};
use evanesce::report::{Commitment, Report, ServerKey};
use evanesce::{Payload, Suite};
use sha2::{Digest, Sha256};
use support::{AD, NOW, first_exchange, rng};

/// Files by name: one chunk, and a few hundred.
const SIZES: [(&str, usize); 2] = [("64 KiB", 65_536), ("16 MiB", 16 * 1_048_576)];

criterion_group!(benches, attachments, reports);
criterion_main!(benches);

/// Seals chunks in place, as the floor.
fn bare_seal(cipher: &Aes256GcmSiv, chunk: &mut [u8]) -> Tag {
    let tag = cipher.encrypt_inout_detached(&[0; 12].into(), &[], chunk.into());
    black_box(Sha256::digest(&*chunk));
    tag.expect("a chunk is short")
}

/// Opens them likewise.
fn bare_open(cipher: &Aes256GcmSiv, chunk: &mut [u8], tag: &Tag) {
    black_box(Sha256::digest(&*chunk));
    cipher.decrypt_inout_detached(&[0; 12].into(), &[], chunk.into(), tag).expect("its tag");
}

fn sealed(file: &[u8]) -> (Vec<u8>, AttachmentReference) {
    let mut sealer = AttachmentSealer::generate(&mut rng());
    let (mut blob, mut piece) = (Vec::new(), file);
    while let Some(sealed) = sealer.push(&mut piece).expect("a short file") {
        blob.extend_from_slice(sealed);
    }
    let mut rest = sealer.finish().expect("a short file");
    while let Some(sealed) = rest.next_piece() {
        blob.extend_from_slice(sealed);
    }
    (blob, rest.reference())
}

fn attachments(criterion: &mut Criterion) {
    for (name, size) in SIZES {
        let mut group = criterion.benchmark_group(format!("attachment, {name}"));
        group.throughput(Throughput::Bytes(size.try_into().expect("a short file")));
        let file = vec![7; size];
        let cipher = Aes256GcmSiv::new(&[7; 32].into());
        let mut buffer = file.clone();
        group.bench_function("floor of sealing", |bencher| {
            bencher.iter(|| {
                for chunk in buffer.chunks_mut(BlobLayout::CHUNK_LENGTH) {
                    black_box(bare_seal(&cipher, chunk));
                }
            });
        });
        group.bench_function("seal front to back", |bencher| {
            bencher.iter(|| {
                let mut sealer = AttachmentSealer::generate(&mut rng());
                let mut piece = file.as_slice();
                while let Some(sealed) = sealer.push(&mut piece).expect("a short file") {
                    black_box(sealed);
                }
                let mut rest = sealer.finish().expect("a short file");
                while let Some(sealed) = rest.next_piece() {
                    black_box(sealed);
                }
                rest.reference()
            });
        });
        let (blob, reference) = sealed(&file);
        let layout = reference.layout();
        let sealer = ChunkSealer::generate(layout, &mut rng());
        group.bench_function("seal chunk by chunk", |bencher| {
            bencher.iter(|| {
                for (index, chunk) in (0..).zip(file.chunks(BlobLayout::CHUNK_LENGTH)) {
                    black_box(sealer.seal(index, chunk).expect("a chunk of the file"));
                }
            });
        });
        let part = |range: std::ops::Range<u64>| {
            let place = |at: u64| usize::try_from(at).expect("a short file");
            &blob[place(range.start)..place(range.end)]
        };
        let mut buffer = file.clone();
        group.bench_function("floor of opening", |bencher| {
            // What has been opened is sealed again while no clock runs.
            bencher.iter_custom(|times| {
                let mut elapsed = Duration::ZERO;
                for _ in 0..times {
                    let chunks = buffer.chunks_mut(BlobLayout::CHUNK_LENGTH);
                    let tags: Vec<Tag> = chunks.map(|chunk| bare_seal(&cipher, chunk)).collect();
                    let start = Instant::now();
                    for (chunk, tag) in buffer.chunks_mut(BlobLayout::CHUNK_LENGTH).zip(&tags) {
                        bare_open(&cipher, chunk, tag);
                    }
                    elapsed += start.elapsed();
                }
                elapsed
            });
        });
        group.bench_function("open by ranges", |bencher| {
            bencher.iter(|| {
                let mut opener = reference.opener(part(layout.top())).expect("unaltered");
                for stretch in layout.whole() {
                    opener.add_page(stretch.page, part(stretch.page_bytes)).expect("unaltered");
                    for index in stretch.chunks {
                        let sealed = part(layout.chunk(index).expect("of this file"));
                        black_box(opener.open(index, sealed).expect("unaltered"));
                    }
                }
            });
        });
        group.bench_function("read front to back", |bencher| {
            bencher.iter(|| {
                let mut reader = reference.reader();
                let mut piece = blob.as_slice();
                while let Some(provisional) = reader.push(&mut piece).expect("unaltered") {
                    black_box(provisional.as_provisional_bytes());
                }
                reader.finish().expect("unaltered")
            });
        });
        group.finish();
    }
}

fn reports(criterion: &mut Criterion) {
    let rng = &mut rng();
    let (mut alice, mut bob) = first_exchange(Suite::Classical, rng);
    let payload = Payload::new(vec![b'x'; 900]);
    let message = alice.encrypt(&payload, AD, rng).expect("a session that sends");
    let received = bob.decrypt(&message, AD, NOW).expect("a message of the session");
    let evidence = received.evidence.expect("of a message of a session");
    let server_key = ServerKey::new(&[7; 32]);
    let context = [b'c'; 100];
    let mut group = criterion.benchmark_group("report, 1 KiB");
    group.bench_function("postmark", |bencher| {
        bencher.iter(|| {
            let commitment = Commitment::of(black_box(&message)).expect("a message");
            server_key.postmark(&commitment, &context)
        });
    });
    let commitment = Commitment::of(&message).expect("a message");
    let postmark = server_key.postmark(&commitment, &context).expect("a short context");
    group.bench_function("entry", |bencher| {
        bencher.iter(|| evidence.entry(&payload.body, &context, &postmark));
    });
    let entry = evidence.entry(&payload.body, &context, &postmark).expect("the same body");
    let report = Report::new(entry).encode();
    group.bench_function("verify", |bencher| {
        bencher.iter(|| {
            let report = Report::decode(&report).expect("what was encoded");
            assert!(report.entries()[0].verify(&server_key).is_ok());
        });
    });
    group.finish();
}
