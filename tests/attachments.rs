//! Replays attachments made by an independent implementation, byte for byte, and shows what is refused, under which name,
//! and that what is good stays good.
//!
//! They are read from `tests/vectors/attachments.json`, or from the directory that `EVANESCE_VECTORS` names.

#[path = "support/known_bytes.rs"]
mod known_bytes;

use evanesce::DecodeError;
use evanesce::attachment::{
    AttachmentCheckpoint, AttachmentOpener, AttachmentReference, AttachmentSealer, BlobLayout,
    ChunkError, ChunkList, ChunkSealer, Complete, RangeError, ReadError, SealError,
};
use known_bytes::{
    Blobs, GivenDraws, assert_fields, assert_result, bytes, hex_of, in_pieces, known_answers,
    length, lists_of_pieces, number, section, text,
};
use proptest::prelude::*;
use proptest::test_runner::{Config, RngSeed};
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use serde_json::Value;

const SECTIONS: [&str; 10] = [
    // Beside the code: their results are not public.
    "lengths",
    "keys",
    "chunk",
    "reference",
    "reference_refused",
    "seal",
    "resume",
    "resume_refused",
    "ranges",
    "stream",
];

#[test]
fn vectors_of_references() {
    let answers = known_answers("attachments.json", &SECTIONS);
    for case in section(&answers, "reference") {
        let known = [
            "comment",
            "bytes",
            "key",
            "root",
            "size",
            "blob_length",
            "chunks",
            "pages",
            "top",
            "page",
            "chunk",
        ];
        assert_fields(case, &known);
        let encoded = hex_of(case, "bytes");
        assert_eq!(
            encoded,
            [
                &[1][..],
                &hex_of(case, "key"),
                &hex_of(case, "root"),
                &number(case, "size").to_be_bytes()
            ]
            .concat()
        );
        let reference = AttachmentReference::decode(&encoded).unwrap();
        assert_eq!(reference.encode().as_slice(), encoded);
        let layout = reference.layout();
        let told = (reference.size(), layout.blob_length(), layout.chunks(), layout.pages());
        let expected = ["size", "blob_length", "chunks", "pages"].map(|name| number(case, name));
        assert_eq!(<[u64; 4]>::from(told), expected, "{case}");
        assert_eq!(Some(layout.top()), range(&case["top"], &[]), "{case}");
        for page in case["page"].as_array().unwrap() {
            assert_eq!(layout.page(number(page, "j")), range(page, &["j"]), "{case}");
        }
        for chunk in case["chunk"].as_array().unwrap() {
            assert_eq!(layout.chunk(number(chunk, "i")), range(chunk, &["i"]), "{case}");
        }
    }
    for case in section(&answers, "reference_refused") {
        assert_fields(case, &["comment", "bytes", "error"]);
        let refused = AttachmentReference::decode(&bytes(&case["bytes"], &Blobs::new()));
        assert_eq!(decode_error(refused.unwrap_err()), text(case, "error"), "{case}");
    }
}

fn range(value: &Value, more: &[&str]) -> Option<std::ops::Range<u64>> {
    assert_fields(value, &[more, &["at", "length"]].concat());
    let start = number(value, "at");
    Some(start..start + number(value, "length"))
}

/// In this order: what is sealed by the first cases is altered in the last.
#[test]
fn vectors_of_attachments() {
    let answers = known_answers("attachments.json", &SECTIONS);
    let mut blobs = Blobs::new();
    for case in section(&answers, "seal") {
        seal(case, &mut blobs);
    }
    for case in section(&answers, "resume") {
        resume(case, &mut blobs);
    }
    for case in section(&answers, "resume_refused") {
        assert_fields(case, &["comment", "checkpoint", "error"]);
        let refused = AttachmentCheckpoint::decode(&bytes(&case["checkpoint"], &blobs));
        assert_eq!(decode_error(refused.unwrap_err()), text(case, "error"), "{case}");
    }
    for case in section(&answers, "ranges") {
        ranges(case, &blobs);
    }
    for case in section(&answers, "stream") {
        stream(case, &blobs);
    }
}

/// Feeds a sealer in pieces. Gives what came out, and what is said of it, once it ends.
fn feed(
    mut sealer: AttachmentSealer,
    plaintext: &[u8],
    lengths: &[usize],
) -> (Vec<u8>, Result<AttachmentReference, SealError>) {
    let mut out = Vec::new();
    for mut piece in in_pieces(plaintext, lengths) {
        if let Err(error) = push(&mut sealer, &mut piece, &mut out) {
            return (out, Err(error));
        }
    }
    let mut rest = match sealer.finish() {
        Ok(rest) => rest,
        Err(error) => return (out, Err(error)),
    };
    while let Some(piece) = rest.next_piece() {
        out.extend_from_slice(piece);
    }
    (out, Ok(rest.reference()))
}

fn push(
    sealer: &mut AttachmentSealer,
    piece: &mut &[u8],
    out: &mut Vec<u8>,
) -> Result<(), SealError> {
    while let Some(sealed) = sealer.push(piece)? {
        out.extend_from_slice(sealed);
    }
    assert!(piece.is_empty());
    Ok(())
}

fn seal(case: &Value, blobs: &mut Blobs) {
    let known = [
        "comment",
        "name",
        "rng",
        "plaintext",
        "pieces",
        "checkpoints",
        "heavy",
        "blob",
        "page_hashes",
        "root",
        "reference",
    ];
    assert_fields(case, &known);
    let name = text(case, "name");
    let plaintext = bytes(&case["plaintext"], blobs);
    let generate = || {
        let mut rng = GivenDraws(hex_of(case, "rng"));
        let sealer = AttachmentSealer::generate(&mut rng);
        rng.finish("draws");
        sealer
    };
    let reference = AttachmentReference::decode(&hex_of(case, "reference")).unwrap();
    assert_eq!(hex_of(case, "reference")[33..65], hex_of(case, "root"), "{name}");
    let mut blob = Vec::new();
    for lengths in lists_of_pieces(case) {
        let (out, sealed) = feed(generate(), &plaintext, &lengths);
        assert!(sealed.unwrap() == reference, "{name}: another reference");
        assert!(blob.is_empty() || blob == out, "{name}: pieces make a difference");
        blob = out;
    }
    assert_result(&blob, &case["blob"], blobs, name);
    let layout = reference.layout();
    if let Some(hashes) = case.get("page_hashes") {
        let hashes: Vec<String> = serde_json::from_value(hashes.clone()).unwrap();
        assert_eq!(hex::encode(part(&blob, layout.top())), hashes.concat(), "{name}");
    }
    for checkpoint in case["checkpoints"].as_array().unwrap() {
        assert_fields(checkpoint, &["fed", "chunks", "checkpoint"]);
        let mut sealer = generate();
        let mut out = Vec::new();
        push(&mut sealer, &mut &plaintext[..length(checkpoint, "fed")], &mut out).unwrap();
        let made = sealer.checkpoint().unwrap();
        assert_eq!(made.encode().as_slice(), bytes(&checkpoint["checkpoint"], blobs), "{name}");
        let chunks = number(checkpoint, "chunks");
        assert_eq!(made.output_from(), layout.chunk(chunks).map_or(0, |chunk| chunk.start));
        assert_eq!(made.output_from(), u64::try_from(out.len()).unwrap(), "{name}");
        let from = usize::try_from(made.feed_from()).unwrap();
        let (rest, sealed) = feed(AttachmentSealer::resume(made), &plaintext[from..], &[100_000]);
        assert!(sealed.unwrap() == reference, "{name}: another reference once resumed");
        out.extend(rest);
        assert!(out == blob, "{name}: other bytes once resumed");
    }
    assert!(on_all_cores(case, &plaintext, &reference) == blob, "{name}: other bytes in parallel");
    open_whole(&reference, &blob, &plaintext);
    blobs.insert(name.to_owned(), blob);
}

/// The same with chunks sealed by themselves, the last one first.
fn on_all_cores(case: &Value, plaintext: &[u8], reference: &AttachmentReference) -> Vec<u8> {
    let layout = reference.layout();
    let mut rng = GivenDraws(hex_of(case, "rng"));
    let sealer = ChunkSealer::generate(layout, &mut rng);
    rng.finish("draws");
    let mut blob = vec![0; usize::try_from(layout.blob_length()).unwrap()];
    let mut write = |at: std::ops::Range<u64>, bytes: &[u8]| {
        blob[usize::try_from(at.start).unwrap()..usize::try_from(at.end).unwrap()]
            .copy_from_slice(bytes);
    };
    let mut hashes = Vec::new();
    for index in (0..layout.chunks()).rev() {
        let sealed = sealer.seal(index, part(plaintext, layout.plaintext(index).unwrap())).unwrap();
        write(layout.chunk(index).unwrap(), &sealed.bytes);
        hashes.push(sealed.hash);
    }
    let mut list = ChunkList::new(layout);
    for hash in hashes.into_iter().rev() {
        if let Some(page) = list.push(hash).unwrap() {
            write(layout.page(page.number).unwrap(), &page.bytes);
        }
    }
    let (top, made) = sealer.finish(list).unwrap();
    write(layout.top(), &top);
    assert!(made == *reference);
    blob
}

/// By ranges, the last chunk first, and front to back.
fn open_whole(reference: &AttachmentReference, blob: &[u8], plaintext: &[u8]) {
    let layout = reference.layout();
    let mut opener = reference.opener(part(blob, layout.top())).unwrap();
    for page in 0..layout.pages() {
        opener.add_page(page, part(blob, layout.page(page).unwrap())).unwrap();
    }
    for chunk in (0..layout.chunks()).rev() {
        let opened = opener.open(chunk, part(blob, layout.chunk(chunk).unwrap())).unwrap();
        assert!(*opened == *part(plaintext, layout.plaintext(chunk).unwrap()), "chunk {chunk}");
    }
    let (read, end) = read(reference, blob, &[1 << 20]);
    assert!(read == plaintext);
    assert_eq!(end.unwrap().size, reference.size());
}

fn part(bytes: &[u8], place: std::ops::Range<u64>) -> &[u8] {
    &bytes[usize::try_from(place.start).unwrap()..usize::try_from(place.end).unwrap()]
}

fn resume(case: &Value, blobs: &mut Blobs) {
    let known = [
        "comment",
        "name",
        "checkpoint",
        "plaintext",
        "pieces",
        "heavy",
        "feed_from",
        "output_from",
        "output",
        "reference",
        "checkpoints",
        "error",
    ];
    assert_fields(case, &known);
    let place = case["comment"].to_string();
    let encoded = bytes(&case["checkpoint"], blobs);
    let checkpoint = || AttachmentCheckpoint::decode(&encoded).unwrap();
    assert!(checkpoint().encode().as_slice() == encoded);
    let plaintext = bytes(&case["plaintext"], blobs);
    for lengths in lists_of_pieces(case) {
        let (out, sealed) = feed(AttachmentSealer::resume(checkpoint()), &plaintext, &lengths);
        if let Some(error) = case.get("error") {
            assert_eq!(seal_error(sealed.unwrap_err()), error, "{place}");
            assert!(out.is_empty(), "{place}: something came out");
            continue;
        }
        let encoded = sealed.unwrap().encode();
        assert_eq!(hex::encode(*encoded), text(case, "reference"), "{place}");
        assert_result(&out, &case["output"], blobs, &place);
        blobs.insert(text(case, "name").to_owned(), out);
    }
    if case.get("error").is_some() {
        return;
    }
    assert_eq!(checkpoint().feed_from(), number(case, "feed_from"), "{place}");
    assert_eq!(checkpoint().output_from(), number(case, "output_from"), "{place}");
    for later in case["checkpoints"].as_array().unwrap() {
        assert_fields(later, &["fed", "checkpoint"]);
        let mut sealer = AttachmentSealer::resume(checkpoint());
        push(&mut sealer, &mut &plaintext[..length(later, "fed")], &mut Vec::new()).unwrap();
        let made = sealer.checkpoint().unwrap();
        assert!(made.encode().as_slice() == bytes(&later["checkpoint"], blobs), "{place}");
    }
}

fn ranges(case: &Value, blobs: &Blobs) {
    assert_fields(case, &["comment", "reference", "steps", "heavy"]);
    let reference = AttachmentReference::decode(&hex_of(case, "reference")).unwrap();
    let mut opener: Option<AttachmentOpener> = None;
    for (number_of_step, step) in case["steps"].as_array().unwrap().iter().enumerate() {
        let place = format!("{}, step {number_of_step}", case["comment"]);
        let (op, expect) = (text(step, "op"), &step["expect"]);
        assert_fields(expect, &["ok", "plaintext", "error"]);
        assert_eq!(expect.as_object().unwrap().len(), 1, "{place}");
        let part = bytes(&step["bytes"], blobs);
        let refused = match op {
            "top" => {
                assert_fields(step, &["op", "bytes", "expect"]);
                assert!(opener.is_none(), "{place}: a second opener");
                reference.opener(&part).map(|made| opener = Some(made)).err()
            }
            "page" => {
                assert_fields(step, &["op", "j", "bytes", "expect"]);
                opener.as_mut().unwrap().add_page(number(step, "j"), &part).err()
            }
            "chunk" => {
                assert_fields(step, &["op", "i", "bytes", "expect"]);
                match opener.as_ref().unwrap().open(number(step, "i"), &part) {
                    Ok(opened) => {
                        assert_result(&opened, &expect["plaintext"], blobs, &place);
                        continue;
                    }
                    Err(error) => Some(error),
                }
            }
            other => panic!("{place}: unknown op {other}"),
        };
        match refused {
            None => assert_eq!(expect["ok"], true, "{place}"),
            Some(error) => assert_eq!(range_error(error), text(expect, "error"), "{place}"),
        }
    }
}

/// Reads a blob in pieces. Gives what came out, and what was said at the end.
fn read(
    reference: &AttachmentReference,
    blob: &[u8],
    lengths: &[usize],
) -> (Vec<u8>, Result<Complete, ReadError>) {
    let mut reader = reference.reader();
    let mut out = Vec::new();
    for mut piece in in_pieces(blob, lengths) {
        loop {
            match reader.push(&mut piece) {
                Ok(Some(provisional)) => out.extend_from_slice(provisional.as_provisional_bytes()),
                Ok(None) => break,
                Err(error) => {
                    let again = reader.push(&mut &blob[..]).map(|_| ()).unwrap_err();
                    assert_eq!((again, reader.finish()), (error, Err(error)));
                    return (out, Err(error));
                }
            }
        }
        assert!(piece.is_empty());
    }
    (out, reader.finish())
}

fn stream(case: &Value, blobs: &Blobs) {
    assert_fields(case, &["comment", "reference", "blob", "pieces", "heavy", "expect"]);
    let place = case["comment"].to_string();
    let reference = AttachmentReference::decode(&hex_of(case, "reference")).unwrap();
    let blob = bytes(&case["blob"], blobs);
    let expect = &case["expect"];
    for lengths in lists_of_pieces(case) {
        let (out, end) = read(&reference, &blob, &lengths);
        if let Some(error) = expect.get("error") {
            assert_fields(expect, &["error", "provisional"]);
            assert_eq!(read_error(end.unwrap_err()), error, "{place}");
            let most = bytes(&expect["provisional"], blobs);
            assert!(most.starts_with(&out), "{place}: other provisional bytes");
        } else {
            assert_fields(expect, &["plaintext"]);
            assert!(out == bytes(&expect["plaintext"], blobs), "{place}: other bytes");
            assert_eq!(end.unwrap().size, reference.size(), "{place}");
        }
    }
}

fn decode_error(error: DecodeError) -> &'static str {
    match error {
        DecodeError::Malformed => "malformed",
        DecodeError::Unsupported => "unsupported",
        other => panic!("{other:?} has no name"),
    }
}

fn seal_error(error: SealError) -> &'static str {
    match error {
        SealError::TooLarge => "too_large",
        SealError::Changed => "changed",
        other => panic!("{other:?} has no name"),
    }
}

fn range_error(error: RangeError) -> &'static str {
    match error {
        RangeError::Altered => "altered",
        RangeError::Undecryptable => "undecryptable",
        RangeError::Malformed => "malformed",
        RangeError::NoSuchChunk => "no_such_chunk",
        RangeError::NoPage => "no_page",
        other => panic!("{other:?} has no name"),
    }
}

fn read_error(error: ReadError) -> &'static str {
    match error {
        ReadError::Altered => "altered",
        ReadError::Malformed => "malformed",
        other => panic!("{other:?} has no name"),
    }
}

fn rng(seed: u64) -> ChaCha20Rng {
    ChaCha20Rng::seed_from_u64(seed)
}

/// Bytes of which no two chunks are alike.
fn file(size: usize) -> Vec<u8> {
    let mut file = vec![0; size];
    rng(1).fill_bytes(&mut file);
    file
}

fn sealed(plaintext: &[u8], seed: u64) -> (Vec<u8>, AttachmentReference) {
    let (blob, reference) =
        feed(AttachmentSealer::generate(&mut rng(seed)), plaintext, &[1_000_000]);
    (blob, reference.unwrap())
}

/// An opener with all of its pages.
fn opener(reference: &AttachmentReference, blob: &[u8]) -> AttachmentOpener {
    let layout = reference.layout();
    let mut opener = reference.opener(part(blob, layout.top())).unwrap();
    for page in 0..layout.pages() {
        opener.add_page(page, part(blob, layout.page(page).unwrap())).unwrap();
    }
    opener
}

/// Numbers of bytes: any, and those around the ends of chunks.
fn lengths(below: usize) -> impl Strategy<Value = usize> {
    let near_ends = (0..=below / 65_536, 0_usize..5)
        .prop_map(|(chunks, by)| (chunks * 65_536 + by).saturating_sub(2));
    prop_oneof![0..below, near_ends.prop_map(move |length| length.min(below - 1))]
}

/// Pieces have at least a byte. Chunks of the blob end 16 bytes later each time.
fn pieces() -> impl Strategy<Value = usize> {
    prop_oneof![lengths(150_000), Just(BlobLayout::SEALED_CHUNK_LENGTH)]
        .prop_map(|length| length.max(1))
}

proptest! {
    #![proptest_config(Config { cases: 24, rng_seed: RngSeed::Fixed(7), failure_persistence: None, ..Config::default() })]

    #[test]
    fn an_upload_that_is_stopped_anywhere_goes_on_to_the_same_bytes(
        size in lengths(400_000), pieces in prop::collection::vec(pieces(), 1..4),
        stops in prop::collection::vec(lengths(400_000), 1..4),
    ) {
        let plaintext = file(size);
        let (blob, reference) = sealed(&plaintext, 2);
        let mut stored = Vec::new();
        let mut checkpoint = AttachmentSealer::generate(&mut rng(2)).checkpoint().unwrap();
        for stop in stops {
            // What came out after the checkpoint may be there or not.
            stored.truncate(usize::try_from(checkpoint.output_from()).unwrap());
            let from = usize::try_from(checkpoint.feed_from()).unwrap();
            let mut sealer = AttachmentSealer::resume(checkpoint);
            for mut piece in in_pieces(&plaintext[from..size.min(stop)], &pieces) {
                push(&mut sealer, &mut piece, &mut stored).unwrap();
            }
            checkpoint = sealer.checkpoint().unwrap();
            prop_assert_eq!(checkpoint.output_from(), u64::try_from(stored.len()).unwrap());
        }
        let (rest, again) = feed(AttachmentSealer::resume(checkpoint), &plaintext, &pieces);
        stored.extend(rest);
        prop_assert!(stored == blob && again.unwrap() == reference);
    }

    #[test]
    fn a_byte_that_is_altered_is_found_in_either_way_and_costs_its_part_alone(
        size in lengths(200_000), place in any::<prop::sample::Index>(), change in 1_u8..,
        pieces in prop::collection::vec(pieces(), 1..4),
    ) {
        let plaintext = file(size);
        let (good, reference) = sealed(&plaintext, 3);
        let mut blob = good.clone();
        let place = place.index(blob.len());
        blob[place] ^= change;

        let (provisional, end) = read(&reference, &blob, &pieces);
        prop_assert_eq!(end, Err(ReadError::Altered));
        prop_assert!(plaintext.starts_with(&provisional));

        let layout = reference.layout();
        let hits = |part: std::ops::Range<u64>| part.contains(&u64::try_from(place).unwrap());
        let top = part(&blob, layout.top());
        prop_assert_eq!(reference.opener(top).err().is_some(), hits(layout.top()));
        let mut opener = opener(&reference, &good);
        let page = layout.page(0).unwrap();
        let added = opener.add_page(0, part(&blob, page.clone()));
        prop_assert_eq!(added, if hits(page) { Err(RangeError::Altered) } else { Ok(()) });
        for index in 0..layout.chunks() {
            let chunk = layout.chunk(index).unwrap();
            match opener.open(index, part(&blob, chunk.clone())) {
                Ok(opened) => {
                    let expected = part(&plaintext, layout.plaintext(index).unwrap());
                    prop_assert!(!hits(chunk) && &*opened == expected);
                }
                Err(error) => prop_assert!(error == RangeError::Altered && hits(chunk)),
            }
        }
    }

    #[test]
    fn what_covers_a_range_opens_to_it(
        size in lengths(400_000).prop_map(|size| size.max(1)), start in any::<prop::sample::Index>(), length in 0_usize..200_000,
    ) {
        let plaintext = file(size);
        let (blob, reference) = sealed(&plaintext, 4);
        let layout = reference.layout();
        let start = start.index(size);
        let end = (start + length).min(size);
        let mut opener = reference.opener(part(&blob, layout.top())).unwrap();
        let mut opened = Vec::new();
        let mut before = None;
        let [from, to] = [start, end].map(|place| u64::try_from(place).unwrap());
        for stretch in layout.covering(from..to) {
            opener.add_page(stretch.page, part(&blob, stretch.page_bytes)).unwrap();
            let fetched = part(&blob, stretch.chunk_bytes);
            for (index, sealed) in stretch.chunks.zip(fetched.chunks(BlobLayout::SEALED_CHUNK_LENGTH)) {
                before.get_or_insert(layout.plaintext(index).unwrap().start);
                opened.extend_from_slice(&opener.open(index, sealed).unwrap());
            }
        }
        let skipped = before.map_or(0, |before| start - usize::try_from(before).unwrap());
        prop_assert!(opened.get(skipped..skipped + end - start) == Some(&plaintext[start..end]));
    }
}

#[test]
fn a_sealer_that_has_refused_gives_nothing_out_any_more() {
    let plaintext = file(200_000);
    let mut sealer = AttachmentSealer::generate(&mut rng(5));
    push(&mut sealer, &mut &plaintext[..140_000], &mut Vec::new()).unwrap();
    let checkpoint = sealer.checkpoint().unwrap();
    let mut other = plaintext.clone();
    other[70_000] ^= 1;
    let mut sealer = AttachmentSealer::resume(checkpoint);
    let mut out = Vec::new();
    assert_eq!(push(&mut sealer, &mut &other[..], &mut out), Err(SealError::Changed));
    assert!(out.is_empty());
    assert_eq!(sealer.push(&mut &plaintext[..]), Err(SealError::Changed));
    assert_eq!(sealer.push(&mut &[][..]), Err(SealError::Changed));
    assert_eq!(sealer.checkpoint().unwrap_err(), SealError::Changed);
    assert_eq!(sealer.finish().unwrap_err(), SealError::Changed);
}

#[test]
fn a_reference_is_the_same_whether_or_not_the_rest_is_taken() {
    let plaintext = file(70_000);
    let mut sealer = AttachmentSealer::generate(&mut rng(6));
    push(&mut sealer, &mut &plaintext[..], &mut Vec::new()).unwrap();
    let rest = sealer.finish().unwrap();
    assert_eq!(rest.blob_length(), sealed(&plaintext, 6).1.layout().blob_length());
    assert_eq!(rest.reference(), sealed(&plaintext, 6).1);
}

#[test]
fn chunks_are_sealed_in_any_order_and_listed_in_one() {
    let plaintext = file(200_000);
    let (_, reference) = sealed(&plaintext, 7);
    let layout = reference.layout();
    let sealer = ChunkSealer::generate(layout, &mut rng(7));
    let chunk = |index| {
        let place = layout.plaintext(index).unwrap();
        sealer.seal(index, part(&plaintext, place)).unwrap()
    };
    assert_eq!(sealer.seal(4, b"").unwrap_err(), ChunkError::NoSuchChunk);
    assert_eq!(sealer.seal(0, &plaintext[..65_535]).unwrap_err(), ChunkError::WrongLength);
    assert_eq!(sealer.seal(3, &plaintext[..65_536]).unwrap_err(), ChunkError::WrongLength);
    let larger = BlobLayout::of_size(300_000).unwrap();
    let beyond = ChunkSealer::generate(larger, &mut rng(7)).seal(4, &plaintext[..37_856]).unwrap();

    let mut list = ChunkList::new(layout);
    assert_eq!(list.push(chunk(1).hash), Err(ChunkError::OutOfOrder));
    assert_eq!(list.push(beyond.hash), Err(ChunkError::NoSuchChunk));
    for index in 0..3 {
        assert_eq!(list.push(chunk(index).hash), Ok(None));
        assert_eq!(list.push(chunk(index).hash), Err(ChunkError::OutOfOrder));
    }
    let page = list.push(chunk(3).hash).unwrap().unwrap();
    assert_eq!((page.number, page.bytes.len()), (0, 4 * 32));
    assert_eq!(sealer.finish(list).unwrap().1, reference);

    let sealer = ChunkSealer::generate(layout, &mut rng(7));
    let mut list = ChunkList::new(layout);
    let _ = list.push(sealer.seal(0, &plaintext[..65_536]).unwrap().hash).unwrap();
    assert_eq!(sealer.finish(list).unwrap_err(), ChunkError::Unfinished);
}

#[test]
fn a_file_that_the_store_lost_is_sealed_again_or_has_changed() {
    let mut plaintext = file(200_000);
    let (blob, reference) = sealed(&plaintext, 8);
    let again = |plaintext: &[u8]| {
        let sealer = ChunkSealer::again(&reference);
        let layout = sealer.layout();
        let mut list = ChunkList::new(layout);
        let mut out = Vec::new();
        for index in 0..layout.chunks() {
            let place = layout.plaintext(index).unwrap();
            let chunk = sealer.seal(index, part(plaintext, place)).unwrap();
            out.extend(chunk.bytes);
            out.extend(list.push(chunk.hash).unwrap().map_or(Vec::new(), |page| page.bytes));
        }
        sealer.finish(list).map(|(top, made)| {
            out.extend(top);
            (out, made)
        })
    };
    let (lost, made) = again(&plaintext).unwrap();
    assert!(lost == blob && made == reference);
    plaintext[199_999] ^= 1;
    assert_eq!(again(&plaintext).unwrap_err(), ChunkError::Changed);
}

#[test]
fn a_page_that_was_removed_has_to_be_added_again() {
    let plaintext = file(100_000);
    let (blob, reference) = sealed(&plaintext, 9);
    let mut opener = opener(&reference, &blob);
    opener.remove_page(0);
    let chunk = part(&blob, reference.layout().chunk(0).unwrap());
    assert_eq!(opener.open(0, chunk), Err(RangeError::NoPage));
    opener.add_page(0, part(&blob, reference.layout().page(0).unwrap())).unwrap();
    assert!(opener.open(0, chunk).unwrap().into_vec() == plaintext[..65_536]);
}

#[test]
fn chunks_open_on_several_threads() {
    let plaintext = file(400_000);
    let (blob, reference) = sealed(&plaintext, 10);
    let (opener, layout) = (opener(&reference, &blob), reference.layout());
    let opened = std::thread::scope(|scope| {
        let (opener, blob) = (&opener, &blob);
        let open =
            |index| move || opener.open(index, part(blob, layout.chunk(index).unwrap())).unwrap();
        let threads: Vec<_> = (0..layout.chunks()).map(|index| scope.spawn(open(index))).collect();
        threads.into_iter().map(|thread| thread.join().unwrap().into_vec()).collect::<Vec<_>>()
    });
    assert!(opened.concat() == plaintext);
}
