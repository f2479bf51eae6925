//! The blob of an attachment: how long it is for a file of some size, and where each part of it stands.

use core::ops::Range;

use crate::crypto::aead::TAG_LENGTH;
use crate::wire::padding::padme;

/// Bytes of plaintext in a chunk. All chunks are full: zeros follow on the file.
pub(crate) const CHUNK_LENGTH: usize = 65_536;

/// Bytes of a sealed chunk (s_i).
pub(crate) const SEALED_CHUNK_LENGTH: usize = CHUNK_LENGTH + TAG_LENGTH;

/// Bytes of a hash in a page or in the top.
pub(crate) const HASH_LENGTH: usize = 32;

/// How many chunks a full page lists.
pub(crate) const CHUNKS_PER_PAGE: u64 = 2_048;

/// Bytes of a full page.
pub(crate) const FULL_PAGE_LENGTH: usize = 2_048 * HASH_LENGTH;

/// The greatest file, in bytes: 4 TiB. It bounds the top, which a receiver holds, at a mebibyte.
pub(crate) const MAX_SIZE: u64 = 1 << 42;

/// How many chunks the greatest file has.
pub(crate) const MAX_CHUNKS: u64 = MAX_SIZE / CHUNK;

/// Up to here a file is padded to whole chunks; above it to Padmé, whose steps are whole chunks there.
const PADDED_TO_CHUNKS: u64 = 1 << 21;

/// The lengths above, as parts of offsets.
const CHUNK: u64 = 65_536;
const SEALED_CHUNK: u64 = 65_552;
const HASH: u64 = 32;
const FULL_PAGE: u64 = CHUNKS_PER_PAGE * HASH;

/// Where everything stands in the blob of a file of one size (docs/protocol.md §15.1). It needs no key.
///
/// ```text
/// | chunks of page 0: 65552 each | page 0: 32 for each of them | chunks of page 1 | page 1 | .. | top: 32 for each page |
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct BlobLayout {
    size: u64,
    /// n
    chunks: u64,
}

/// What is to be fetched of one page to open a part of the file: the page itself, and chunks that it lists, which
/// stand in one piece.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct BlobStretch {
    /// The number of the page, from 0.
    pub page: u64,
    /// Where it stands in the blob, in bytes.
    pub page_bytes: Range<u64>,
    /// The numbers of the chunks, from 0 in the whole file.
    pub chunks: Range<u64>,
    /// Where they stand in the blob, in bytes, one after the other, 65,552 each.
    pub chunk_bytes: Range<u64>,
}

impl BlobLayout {
    /// The greatest file, in bytes: 2^42.
    pub const MAX_SIZE: u64 = MAX_SIZE;

    /// Bytes of plaintext in a chunk. Chunk i has those of the file from byte `i * CHUNK_LENGTH` on.
    pub const CHUNK_LENGTH: usize = CHUNK_LENGTH;

    /// Bytes of a sealed chunk in the blob.
    pub const SEALED_CHUNK_LENGTH: usize = SEALED_CHUNK_LENGTH;

    // docs/protocol.md §15.1:
    //   L = max(size, 1)
    //   P = L <= 2^21: L rounded up to a multiple of 65,536; above: Padmé of L
    //   n = P / 65,536
    /// The layout for a file of so many bytes; `None` above [`BlobLayout::MAX_SIZE`].
    #[must_use]
    pub fn of_size(size: u64) -> Option<Self> {
        if size > MAX_SIZE {
            return None;
        }
        let length = size.max(1);
        let padded = if length <= PADDED_TO_CHUNKS {
            length.next_multiple_of(CHUNK)
        } else {
            padme(length)?
        };
        Some(Self { size, chunks: padded / CHUNK })
    }

    /// Bytes of the file.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.size
    }

    /// How many chunks there are (n), those that are nothing but padding included.
    #[must_use]
    pub fn chunks(&self) -> u64 {
        self.chunks
    }

    /// How many pages list them (m).
    #[must_use]
    pub fn pages(&self) -> u64 {
        self.chunks.div_ceil(CHUNKS_PER_PAGE)
    }

    /// Bytes of the blob.
    #[must_use]
    pub fn blob_length(&self) -> u64 {
        self.top().end
    }

    /// Where a sealed chunk stands in the blob; `None` if there is none of this number.
    #[must_use]
    pub fn chunk(&self, index: u64) -> Option<Range<u64>> {
        (index < self.chunks).then(|| {
            let start = chunk_start(index);
            start..start.saturating_add(SEALED_CHUNK)
        })
    }

    /// Which bytes of the file a chunk has: 65,536, fewer at the end, none where it is nothing but padding. `None` if
    /// there is no chunk of this number.
    #[must_use]
    pub fn plaintext(&self, index: u64) -> Option<Range<u64>> {
        (index < self.chunks).then(|| {
            let start = index.saturating_mul(CHUNK).min(self.size);
            start..start.saturating_add(CHUNK).min(self.size)
        })
    }

    /// Where a page stands in the blob; `None` if there is none of this number.
    #[must_use]
    pub fn page(&self, number: u64) -> Option<Range<u64>> {
        let listed = self.listed(number)?;
        let start = listed
            .end
            .saturating_mul(SEALED_CHUNK)
            .saturating_add(number.saturating_mul(FULL_PAGE));
        let length = listed.end.saturating_sub(listed.start).saturating_mul(HASH);
        Some(start..start.saturating_add(length))
    }

    /// The numbers of the chunks that a page lists; `None` if there is no page of this number.
    #[must_use]
    pub fn listed(&self, number: u64) -> Option<Range<u64>> {
        (number < self.pages()).then(|| {
            let start = number.saturating_mul(CHUNKS_PER_PAGE);
            start..start.saturating_add(CHUNKS_PER_PAGE).min(self.chunks)
        })
    }

    /// Where the top stands: at the end.
    #[must_use]
    pub fn top(&self) -> Range<u64> {
        let start = self.chunks.saturating_mul(SEALED_CHUNK.saturating_add(HASH));
        start..start.saturating_add(self.pages().saturating_mul(HASH))
    }

    /// What is to be fetched, beside the top, to open these bytes of the file, page by page. What is beyond the file's
    /// end is left out.
    pub fn covering(&self, plaintext: Range<u64>) -> impl Iterator<Item = BlobStretch> + use<> {
        let end = plaintext.end.min(self.size);
        let chunks =
            if plaintext.start < end { plaintext.start / CHUNK..end.div_ceil(CHUNK) } else { 0..0 };
        self.stretches(chunks)
    }

    /// The same for all chunks, also those that are nothing but padding: whoever has opened them all has the whole file,
    /// and knows that nothing else is behind it.
    pub fn whole(&self) -> impl Iterator<Item = BlobStretch> + use<> {
        self.stretches(0..self.chunks)
    }

    fn stretches(self, chunks: Range<u64>) -> impl Iterator<Item = BlobStretch> + use<> {
        let pages = chunks.start / CHUNKS_PER_PAGE..chunks.end.div_ceil(CHUNKS_PER_PAGE);
        pages.filter_map(move |page| {
            let listed = self.listed(page)?;
            let chunks = listed.start.max(chunks.start)..listed.end.min(chunks.end);
            let length = chunks.end.saturating_sub(chunks.start).saturating_mul(SEALED_CHUNK);
            let start = chunk_start(chunks.start);
            Some(BlobStretch {
                page,
                page_bytes: self.page(page)?,
                chunks,
                chunk_bytes: start..start.saturating_add(length),
            })
        })
    }
}

/// The page that lists a chunk.
pub(crate) fn page_of(chunk: u64) -> u64 {
    chunk / CHUNKS_PER_PAGE
}

/// Where a sealed chunk begins in the blob. It does not hang on the size of the file.
pub(crate) fn chunk_start(index: u64) -> u64 {
    let pages_before = page_of(index).saturating_mul(FULL_PAGE);
    index.saturating_mul(SEALED_CHUNK).saturating_add(pages_before)
}

/// Where the first chunk of a page begins in the file. It does not hang on its size.
pub(crate) fn page_plaintext_start(page: u64) -> u64 {
    page.saturating_mul(CHUNKS_PER_PAGE).saturating_mul(CHUNK)
}

/// How many bytes of a file that many full chunks are.
pub(crate) fn bytes_in_chunks(chunks: u64) -> u64 {
    chunks.saturating_mul(CHUNK)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::known_answers::{self, Fields};
    use alloc::vec::Vec;
    use proptest::prelude::*;

    #[test]
    fn vectors_attachment_lengths() {
        for case in known_answers::attachment_section("lengths") {
            let layout = BlobLayout::of_size(case.number("size"));
            if case.get("error").is_some() {
                known_answers::assert_fields(&case, &["comment", "size", "error"]);
                assert_eq!((layout, case.text("error").as_str()), (None, "too_large"), "{case}");
                continue;
            }
            known_answers::assert_fields(
                &case,
                &["comment", "size", "padded", "chunks", "pages", "blob"],
            );
            let layout = layout.unwrap();
            assert_eq!(layout.size(), case.number("size"));
            assert_eq!(layout.chunks() * CHUNK, case.number("padded"), "{case}");
            assert_eq!(layout.chunks(), case.number("chunks"), "{case}");
            assert_eq!(layout.pages(), case.number("pages"), "{case}");
            assert_eq!(layout.blob_length(), case.number("blob"), "{case}");
        }
    }

    #[test]
    fn lengths_are_the_same_as_numbers_of_both_kinds() {
        let lengths = [CHUNK_LENGTH, SEALED_CHUNK_LENGTH, HASH_LENGTH, FULL_PAGE_LENGTH];
        let offsets = [CHUNK, SEALED_CHUNK, HASH, FULL_PAGE];
        assert_eq!(lengths.map(|length| u64::try_from(length).unwrap()), offsets);
        assert_eq!(MAX_CHUNKS, BlobLayout::of_size(MAX_SIZE).unwrap().chunks());
    }

    #[test]
    fn there_are_670_lengths_up_to_a_hundred_gigabytes() {
        let (mut lengths, mut size) = (0, 1);
        while size <= 100_000_000_000 {
            size = BlobLayout::of_size(size).unwrap().chunks() * CHUNK + 1;
            lengths += 1;
        }
        assert_eq!(lengths, 670);
    }

    /// Sizes of every order of magnitude, and those around the steps.
    fn size() -> impl Strategy<Value = u64> {
        let any = (0_u32..=42, any::<u64>()).prop_map(|(bits, any)| any & ((1 << bits) - 1));
        let near = (0_u64..=2_112, 0_u64..3)
            .prop_map(|(chunks, more)| (chunks * CHUNK + more).saturating_sub(1));
        prop_oneof![any, near]
    }

    proptest! {
        #[test]
        fn a_blob_is_its_parts_one_after_the_other(size in (0_u64..1 << 29)) {
            let layout = BlobLayout::of_size(size).unwrap();
            let mut end = 0;
            for page in 0..layout.pages() {
                for chunk in layout.listed(page).unwrap() {
                    prop_assert_eq!(page_of(chunk), page);
                    let place = layout.chunk(chunk).unwrap();
                    prop_assert_eq!((place.start, place.end - place.start), (end, SEALED_CHUNK));
                    end = place.end;
                }
                prop_assert_eq!(layout.page(page).unwrap().start, end);
                end = layout.page(page).unwrap().end;
            }
            prop_assert_eq!(layout.top().start, end);
            prop_assert_eq!(layout.top().end, layout.blob_length());
            prop_assert_eq!(layout.top().end - end, layout.pages() * HASH);
        }

        #[test]
        fn what_covers_a_range_has_all_of_it_and_no_chunk_more(
            size in size(), start in any::<u64>(), length in 0_u64..1 << 30,
        ) {
            let layout = BlobLayout::of_size(size).unwrap();
            let start = start % (size + 1);
            let end = (start + length).min(size);
            let stretches: Vec<BlobStretch> = layout.covering(start..start + length).collect();
            let chunks: Vec<u64> = stretches.iter().flat_map(|stretch| stretch.chunks.clone()).collect();
            if start == end {
                prop_assert!(chunks.is_empty());
                return Ok(());
            }
            prop_assert!(chunks.windows(2).all(|pair| pair[1] == pair[0] + 1));
            let (first, last) = (chunks[0], chunks[chunks.len() - 1]);
            prop_assert!(layout.plaintext(first).unwrap().contains(&start));
            prop_assert!(layout.plaintext(last).unwrap().contains(&(end - 1)));
            for stretch in stretches {
                let BlobStretch { page, page_bytes, chunks, chunk_bytes } = stretch;
                prop_assert_eq!(layout.page(page), Some(page_bytes));
                let listed = layout.listed(page).unwrap();
                prop_assert!(listed.start <= chunks.start && chunks.end <= listed.end);
                prop_assert_eq!(layout.chunk(chunks.start).unwrap().start, chunk_bytes.start);
                prop_assert_eq!(layout.chunk(chunks.end - 1).unwrap().end, chunk_bytes.end);
            }
        }

        #[test]
        fn the_whole_is_every_chunk_and_every_page(size in 0_u64..1 << 30) {
            let layout = BlobLayout::of_size(size).unwrap();
            let stretches: Vec<BlobStretch> = layout.whole().collect();
            let pages: Vec<u64> = stretches.iter().map(|stretch| stretch.page).collect();
            prop_assert_eq!(pages, (0..layout.pages()).collect::<Vec<u64>>());
            let chunks = stretches.into_iter().flat_map(|stretch| stretch.chunks);
            prop_assert!(chunks.eq(0..layout.chunks()));
        }

        #[test]
        fn a_file_fits_and_padding_is_an_eighth_at_most_beyond_the_first_chunks(size in size()) {
            let layout = BlobLayout::of_size(size).unwrap();
            let padded = layout.chunks() * CHUNK;
            prop_assert!(padded >= size.max(1));
            prop_assert!(padded <= size + CHUNK + size / 16);
            prop_assert_eq!(layout.plaintext(layout.chunks()), None);
            prop_assert_eq!(layout.chunk(layout.chunks()), None);
            prop_assert_eq!(layout.page(layout.pages()), None);
        }
    }
}
