//! Files, in each way in which they are sealed and opened.

use std::hint::black_box;
use std::ops::Range;

use evanesce::attachment::{AttachmentReference, AttachmentSealer, BlobLayout, ChunkSealer};
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::SeedableRng;

use crate::row::FILE;
use crate::work::{Work, repeated};

/// How often a file is handled before what came of it is looked at.
const USES: usize = 8;

fn rng() -> ChaCha20Rng {
    ChaCha20Rng::seed_from_u64(7)
}

pub fn seal() -> Box<dyn Work> {
    let (file, (_, expected)) = (file(), sealed());
    repeated(
        USES,
        move |_| seal_front_to_back(&file, |sealed| _ = black_box(sealed)),
        move |reference| assert!(reference == expected),
    )
}

pub fn seal_by_chunks() -> Box<dyn Work> {
    let (file, (blob, reference)) = (file(), sealed());
    let layout = reference.layout();
    let sealer = ChunkSealer::generate(layout, &mut rng());
    repeated(
        USES,
        move |_| {
            let mut last = None;
            for (index, chunk) in (0..).zip(file.chunks(BlobLayout::CHUNK_LENGTH)) {
                last = Some(black_box(sealer.seal(index, chunk).expect("of this file")));
            }
            last.expect("there are chunks").bytes
        },
        move |last| assert!(last == part(&blob, layout.chunk(layout.chunks() - 1))),
    )
}

pub fn read() -> Box<dyn Work> {
    let (blob, reference) = sealed();
    repeated(
        USES,
        move |_| {
            let (mut reader, mut piece) = (reference.reader(), blob.as_slice());
            while let Some(provisional) = reader.push(&mut piece).expect("unaltered") {
                black_box(provisional.as_provisional_bytes());
            }
            reader.finish()
        },
        |end| assert!(end.is_ok()),
    )
}

pub fn open_by_ranges() -> Box<dyn Work> {
    let (file, (blob, reference)) = (file(), sealed());
    let layout = reference.layout();
    repeated(
        USES,
        move |_| {
            let opener = reference.opener(part(&blob, Some(layout.top())));
            let mut opener = opener.expect("unaltered");
            let mut last = None;
            for stretch in layout.whole() {
                let page = part(&blob, Some(stretch.page_bytes));
                opener.add_page(stretch.page, page).expect("unaltered");
                for index in stretch.chunks {
                    let opened = opener.open(index, part(&blob, layout.chunk(index)));
                    last = Some(black_box(opened.expect("unaltered")));
                }
            }
            last.expect("there are chunks")
        },
        move |last| assert!(file.ends_with(&last)),
    )
}

fn file() -> Vec<u8> {
    (0..FILE).map(|place| (place / 7).to_le_bytes()[0]).collect()
}

fn seal_front_to_back(file: &[u8], mut look: impl FnMut(&[u8])) -> AttachmentReference {
    let (mut sealer, mut piece) = (AttachmentSealer::generate(&mut rng()), file);
    while let Some(sealed) = sealer.push(&mut piece).expect("a short file") {
        look(sealed);
    }
    let mut rest = sealer.finish().expect("a short file");
    while let Some(sealed) = rest.next_piece() {
        look(sealed);
    }
    rest.reference()
}

fn sealed() -> (Vec<u8>, AttachmentReference) {
    let mut blob = Vec::new();
    let reference = seal_front_to_back(&file(), |sealed| blob.extend_from_slice(sealed));
    (blob, reference)
}

fn part(blob: &[u8], place: Option<Range<u64>>) -> &[u8] {
    let place = place.expect("of this file");
    let [start, end] = [place.start, place.end].map(|at| usize::try_from(at).expect("in memory"));
    &blob[start..end]
}
