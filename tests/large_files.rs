//! Shows that a file takes little memory whatever its size, and that no store can make it more, or have anything released
//! that is not the sender's.

#[path = "support/counted_memory.rs"]
mod counted_memory;
#[path = "support/known_bytes.rs"]
mod known_bytes;

use std::ops::Range;

use counted_memory::most_held;
use evanesce::attachment::{
    AttachmentCheckpoint, AttachmentReference, AttachmentSealer, BlobLayout, ChunkSealer, Complete,
    RangeError, ReadError,
};
use hkdf::Hkdf;
use known_bytes::GivenDraws;
use sha2::{Digest, Sha256};

const KEY: [u8; 32] = [3; 32];

/// What the library may hold of a file at a time.
const MEMORY: usize = 400 << 10;

/// Bytes of 10 and of 100 GB.
const LARGE: u64 = 10_000_000_000;
const HUGE: u64 = 100_000_000_000;

/// How much is fed at a time: pieces and chunks end together only rarely.
const PIECE: usize = 100_000;

#[test]
fn what_is_held_is_counted() {
    let (held, block) = most_held(|| vec![0_u8; 5_000].len() + vec![0_u8; 3_000].len());
    assert_eq!((held, block), (8_000, 8_000));
    let (held, ()) =
        most_held(|| [4_000, 1_000].into_iter().for_each(|size| drop(vec![0_u8; size])));
    assert_eq!(held, 4_000);
}

fn sealer() -> AttachmentSealer {
    AttachmentSealer::generate(&mut GivenDraws(KEY.to_vec()))
}

/// Feeds so many bytes of a file, from a multiple of the period of its bytes on.
fn feed(sealer: &mut AttachmentSealer, size: u64, look: &mut dyn FnMut(&[u8])) {
    let bytes: Vec<u8> = (0..PIECE).map(|place| place.to_le_bytes()[0]).collect();
    let mut left = size;
    while left != 0 {
        let length = usize::try_from(left).unwrap_or(PIECE).min(PIECE);
        let mut piece = &bytes[..length];
        while let Some(sealed) = sealer.push(&mut piece).unwrap() {
            look(sealed);
        }
        left -= u64::try_from(length).unwrap();
    }
}

/// Seals a file front to back. Gives what it takes beside the bytes that are fed.
fn seal(size: u64, look: &mut dyn FnMut(&[u8])) -> (usize, AttachmentReference) {
    let (held, reference) = most_held(|| {
        let mut sealer = sealer();
        feed(&mut sealer, size, look);
        let mut rest = sealer.finish().unwrap();
        while let Some(sealed) = rest.next_piece() {
            look(sealed);
        }
        rest.reference()
    });
    (held - PIECE, reference)
}

#[test]
fn a_file_of_any_size_is_sealed_and_read_in_less_than_400_kib() {
    let sizes = [0, 65_536, 1_000_000, (2_048 + 3) * 65_536];
    // What takes minutes without optimisation is left to a release run.
    let large = (!cfg!(debug_assertions)).then_some(LARGE);
    for size in sizes.into_iter().chain(large) {
        let mut length = 0;
        let (held, reference) =
            seal(size, &mut |sealed| length += u64::try_from(sealed.len()).unwrap());
        assert_eq!((reference.size(), reference.layout().blob_length()), (size, length));
        assert!(held < MEMORY, "{held} bytes to seal {size}");

        // Sealed once more beside it, so that no blob is held.
        let (held, end) = most_held(|| {
            let mut reader = reference.reader();
            let mut opened = 0;
            let (_, again) = seal(size, &mut |mut sealed| {
                while let Some(bytes) = reader.push(&mut sealed).unwrap() {
                    opened += u64::try_from(bytes.as_provisional_bytes().len()).unwrap();
                }
            });
            assert!(again == reference && opened == size);
            reader.finish()
        });
        assert_eq!(end.map(|Complete { size, .. }| size), Ok(size));
        assert!(held - PIECE < 2 * MEMORY, "{held} bytes to seal and to read {size}");
    }
}

fn hash(parts: &[&[u8]]) -> [u8; 32] {
    parts.iter().fold(Sha256::new(), Sha256::chain_update).finalize().into()
}

/// An upload that has come to 10 GB, without its bytes: only hashes of pages.
#[test]
fn an_upload_goes_on_behind_10_gb_in_less_than_400_kib() {
    let pages = LARGE / 65_536 / 2_048;
    let open_page = hash(&[b"evanesce/v1 attachment resume"]);
    let top: Vec<u8> = (0..pages).flat_map(|page| hash(&[&page.to_be_bytes()])).collect();
    let chunks = (pages * 2_048).to_be_bytes();
    let checkpoint = [&[1][..], &KEY, &chunks, &open_page, &top].concat();
    let (held, (rest, end)) = most_held(|| {
        let mut sealer =
            AttachmentSealer::resume(AttachmentCheckpoint::decode(&checkpoint).unwrap());
        let mut given_out = 0;
        feed(&mut sealer, 200_000, &mut |sealed| given_out += sealed.len());
        assert_eq!(given_out, 3 * BlobLayout::SEALED_CHUNK_LENGTH);
        let stopped = sealer.checkpoint().unwrap().encode();
        assert_eq!(stopped.len(), checkpoint.len());
        let mut rest = sealer.finish().unwrap();
        let mut end = 0;
        while let Some(piece) = rest.next_piece() {
            end += piece.len();
        }
        (rest, end)
    });
    let size = pages * 2_048 * 65_536 + 200_000;
    let layout = BlobLayout::of_size(size).unwrap();
    assert_eq!(rest.blob_length(), layout.blob_length());
    let before = layout.chunk(pages * 2_048 + 3).unwrap().start;
    assert_eq!(u64::try_from(end).unwrap(), layout.blob_length() - before);
    assert!(held - PIECE < MEMORY, "{held} bytes");
    assert_eq!(rest.reference().size(), size);
}

/// A file of which only some chunks were ever sealed, and of the others there are made-up hashes.
struct Huge {
    sealer: ChunkSealer,
    sealed: Vec<(u64, Vec<u8>)>,
}

impl Huge {
    fn new() -> Self {
        let layout = BlobLayout::of_size(HUGE).unwrap();
        let sealer = ChunkSealer::generate(layout, &mut GivenDraws(KEY.to_vec()));
        let last = layout.chunks() - 1;
        let places = [0, 2_047, 2_048, 1_000_000, HUGE / 65_536 - 1, HUGE / 65_536, last];
        let sealed = places.map(|index| {
            let plaintext = Self::plaintext(&layout, index);
            (index, sealer.seal(index, &plaintext).unwrap().bytes)
        });
        Self { sealer, sealed: sealed.into() }
    }

    fn plaintext(layout: &BlobLayout, index: u64) -> Vec<u8> {
        let place = layout.plaintext(index).unwrap();
        vec![index.to_le_bytes()[0] | 1; usize::try_from(place.end - place.start).unwrap()]
    }

    fn page(&self, number: u64) -> Vec<u8> {
        let listed: Range<u64> = self.sealer.layout().listed(number).unwrap();
        let hash_of = |index: u64| {
            let sealed = self.sealed.iter().find(|(sealed, _)| *sealed == index);
            sealed.map_or([index.to_le_bytes()[1]; 32], |(_, sealed)| {
                hash(&[b"evanesce/v1 attachment chunk", sealed])
            })
        };
        listed.flat_map(hash_of).collect()
    }

    fn top(&self) -> Vec<u8> {
        let pages = 0..self.sealer.layout().pages();
        pages.flat_map(|page| hash(&[b"evanesce/v1 attachment page", &self.page(page)])).collect()
    }

    fn reference(&self, top: &[u8]) -> AttachmentReference {
        let mut commitment = [0; 32];
        let keys = Hkdf::<Sha256>::new(None, &KEY);
        keys.expand(b"evanesce/v1 attachment commitment", &mut commitment).unwrap();
        let size = HUGE.to_be_bytes();
        let root = hash(&[b"evanesce/v1 attachment root", &commitment, &size, top]);
        AttachmentReference::decode(&[&[1][..], &KEY, &root, &size].concat()).unwrap()
    }
}

#[test]
fn a_file_of_100_gb_opens_by_its_pages_in_less_than_400_kib() {
    let huge = Huge::new();
    let top = huge.top();
    let reference = huge.reference(&top);
    let layout = reference.layout();
    assert_eq!(u64::try_from(top.len()), Ok(layout.pages() * 32));
    assert!(layout.pages() > 740 && layout.blob_length() > HUGE);
    let (held, mut opener) = most_held(|| reference.opener(&top).unwrap());
    assert!(held < 32 << 10, "{held} bytes for the top");
    for number in 0..layout.pages() {
        let page = huge.page(number);
        let (held, ()) = most_held(|| opener.add_page(number, &page).unwrap());
        assert!(held < 80 << 10, "{held} bytes for page {number}");
        let of_page = layout.listed(number).unwrap();
        let sealed = huge.sealed.iter().filter(|(index, _)| of_page.contains(index));
        for (index, sealed) in sealed {
            let (held, opened) = most_held(|| opener.open(*index, sealed).unwrap());
            assert!(*opened == *Huge::plaintext(&layout, *index), "chunk {index}");
            assert!(held < MEMORY, "{held} bytes for chunk {index}");
            // Of its neighbours nothing was ever sealed.
            let next = (index + 1 < of_page.end).then(|| opener.open(index + 1, sealed));
            assert!(matches!(next, None | Some(Err(RangeError::Altered))));
        }
        opener.remove_page(number);
    }
}

/// A blob of so many bytes of file, under a key.
fn sealed(size: u64) -> (Vec<u8>, AttachmentReference) {
    let mut blob = Vec::new();
    let (_, reference) = seal(size, &mut |sealed| blob.extend_from_slice(sealed));
    (blob, reference)
}

/// What a store gives, piece by piece, perhaps without an end.
type Given<'bytes> = Box<dyn Iterator<Item = Vec<u8>> + 'bytes>;

/// Reads what a store gives. Says how much it took of that, and how much came out.
fn read_on(
    reference: &AttachmentReference,
    given: impl Iterator<Item = Vec<u8>>,
) -> (usize, usize, Result<Complete, ReadError>) {
    let mut reader = reference.reader();
    let (mut taken, mut provisional) = (0, 0);
    for bytes in given {
        let mut piece = bytes.as_slice();
        let refused = loop {
            match reader.push(&mut piece) {
                Ok(Some(opened)) => provisional += opened.as_provisional_bytes().len(),
                Ok(None) => break false,
                Err(_) => break true,
            }
        };
        taken += bytes.len() - piece.len();
        if refused {
            break;
        }
    }
    (taken, provisional, reader.finish())
}

#[test]
fn a_store_that_gives_too_much_for_ever_or_another_file_is_refused_in_bounded_memory() {
    let (blob, reference) = sealed(1_000_000);
    let (other, _) = sealed(999_999);
    let largest = BlobLayout::of_size(BlobLayout::MAX_SIZE).unwrap();
    let of_largest = ChunkSealer::generate(largest, &mut GivenDraws(KEY.to_vec()));
    let bytes: Vec<u8> = (0..PIECE).map(|place| place.to_le_bytes()[0]).collect();
    let chunk = BlobLayout::SEALED_CHUNK_LENGTH;
    let again = || std::iter::repeat_with(|| blob.clone());

    // Each with how much of it is taken at most, and how much of it is provisional.
    let ways: [(&str, Given<'_>, usize, usize); 7] = [
        ("nothing", Box::new(std::iter::empty()), 0, 0),
        (
            "all but a byte",
            Box::new([blob[..blob.len() - 1].to_vec()].into_iter()),
            blob.len(),
            1_000_000,
        ),
        ("the blob for ever", Box::new(again()), blob.len() + 1, 1_000_000),
        (
            "its first chunk for ever",
            Box::new(std::iter::repeat_with(|| blob[..chunk].to_vec())),
            2 * chunk,
            65_536,
        ),
        ("noise for ever", Box::new(std::iter::repeat_with(|| vec![7; PIECE])), chunk, 0),
        // Of the same key: its chunks open until the root is not that of the reference.
        ("another file", Box::new([other].into_iter()), blob.len(), 1_000_000),
        (
            "4 TiB under its key",
            Box::new(
                (0..largest.chunks())
                    .map(|index| of_largest.seal(index, &bytes[..65_536]).unwrap().bytes),
            ),
            16 * chunk,
            15 * 65_536,
        ),
    ];
    for (name, given, most_taken, most_provisional) in ways {
        let (held, (taken, provisional, end)) = most_held(|| read_on(&reference, given));
        assert_eq!(end, Err(ReadError::Altered), "{name}");
        assert!(taken <= most_taken, "{name}: {taken} bytes were taken");
        assert!(provisional <= most_provisional, "{name}: {provisional} provisional bytes");
        // Beside the copies that the store made.
        assert!(held < MEMORY + 2 * blob.len(), "{name}: {held} bytes");
    }
}

/// The same by ranges: whatever a store gives for a part of another length, or of another file, nothing opens.
#[test]
fn a_store_that_gives_other_parts_is_refused_and_the_good_ones_stay_good() {
    let (blob, reference) = sealed(1_000_000);
    let (other, _) = sealed(2_000_000);
    let layout = reference.layout();
    let part = |of: &[u8], range: Range<u64>| {
        of[usize::try_from(range.start).unwrap()..usize::try_from(range.end).unwrap()].to_vec()
    };
    let [top, page, chunk] =
        [layout.top(), layout.page(0).unwrap(), layout.chunk(3).unwrap()].map(|at| part(&blob, at));
    let others = BlobLayout::of_size(2_000_000).unwrap();
    let [other_top, other_page] =
        [others.top(), others.page(0).unwrap()].map(|at| part(&other, at));
    // The top of the largest file that there is.
    let largest = vec![7; 1 << 20];
    let wrong = |right: &[u8]| {
        [
            vec![],
            right[..right.len() - 1].to_vec(),
            right[..right.len() - 32].to_vec(),
            [right, &[0]].concat(),
            [right, &[0; 32]].concat(),
            right.repeat(1_000),
        ]
    };
    for top in wrong(&top).iter().chain([&other_top, &largest]) {
        let (held, refused) = most_held(|| reference.opener(top).map(|_| ()));
        assert_eq!(refused, Err(RangeError::Altered));
        assert!(held <= top.len() + 1_000, "{held} bytes");
    }
    let mut opener = reference.opener(&top).unwrap();
    for page in wrong(&page).iter().chain([&other_page]) {
        assert_eq!(opener.add_page(0, page), Err(RangeError::Altered));
        assert_eq!(opener.open(3, &chunk), Err(RangeError::NoPage));
    }
    opener.add_page(0, &page).unwrap();
    let neighbour = part(&blob, layout.chunk(4).unwrap());
    let others_chunk = part(&other, others.chunk(30).unwrap());
    for bytes in wrong(&chunk).iter().chain([&neighbour, &others_chunk]) {
        let (held, refused) = most_held(|| opener.open(3, bytes));
        assert_eq!(refused, Err(RangeError::Altered));
        assert_eq!(held, 0, "nothing is made of it");
    }
    assert_eq!(opener.open(3, &chunk).unwrap().len(), 65_536);
}
