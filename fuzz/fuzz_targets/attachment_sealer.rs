//! An upload stops anywhere, and goes on from its checkpoint with the same file, with one that somebody altered, cut or went
//! on writing, or from a checkpoint that was altered. What comes out are the bytes that sealing in one go gives; of a file
//! that differs where something was given out before, and from a checkpoint that is none, nothing comes out.

#![no_main]

use std::cell::RefCell;

use evanesce::attachment::{AttachmentCheckpoint, AttachmentSealer, BlobLayout, SealError};
use evanesce_fuzz::attachments::{Script, SealedFile, feed, new_sealer, seal, sealed_files};
use libfuzzer_sys::fuzz_target;

thread_local! {
    static FILES: RefCell<Vec<SealedFile>> = RefCell::new(sealed_files());
}

/// Bytes of a checkpoint of one page: the count of chunks stands here, and the hash of the open page behind it.
const CHUNKS: usize = 33;
const OPEN_PAGE: usize = 41;

fuzz_target!(|bytes: &[u8]| {
    let Some((stop, bytes)) = bytes.split_first_chunk() else { return };
    let [high, middle, low, place, change] = *stop;
    let script = Script::read(bytes);
    FILES.with_borrow(|files| {
        let file = &files[script.file];
        let stop = usize::from(high) << 16 | usize::from(middle) << 8 | usize::from(low);
        let stop = stop % (file.plaintext.len() + 1);
        let mut sealer = new_sealer();
        let mut stored = Vec::new();
        feed(&mut sealer, &file.plaintext[..stop], &script.pieces, &mut stored)
            .expect("a short file");
        let checkpoint = sealer.checkpoint().expect("nothing was refused").encode().to_vec();
        let chunks = stored.len() / BlobLayout::SEALED_CHUNK_LENGTH;
        assert!(file.blob.starts_with(&stored) && chunks == stop.saturating_sub(1) / 65_536);

        let mut altered = checkpoint.clone();
        let place = usize::from(place) % altered.len();
        altered[place] = altered[place].wrapping_add(change);
        if altered != checkpoint {
            from_altered(&altered, &file.plaintext, chunks, place);
        }
        let checkpoint = AttachmentCheckpoint::decode(&checkpoint).expect("just encoded");
        go_on(checkpoint, &script.applied_to(&file.plaintext), file, &script.pieces, stored);
    });
});

fn go_on(
    checkpoint: AttachmentCheckpoint,
    plaintext: &[u8],
    file: &SealedFile,
    pieces: &[usize],
    stored: Vec<u8>,
) {
    assert_eq!(usize::try_from(checkpoint.output_from()), Ok(stored.len()));
    let given_out = stored.len() / BlobLayout::SEALED_CHUNK_LENGTH * BlobLayout::CHUNK_LENGTH;
    let is_the_same = plaintext.get(..given_out) == file.plaintext.get(..given_out)
        && (given_out == 0 || plaintext.len() > given_out);
    match seal(AttachmentSealer::resume(checkpoint), plaintext, pieces) {
        Ok((rest, reference)) => {
            assert!(is_the_same);
            let whole = seal(new_sealer(), plaintext, &[]).expect("a short file");
            assert!([stored, rest].concat() == whole.0 && reference == whole.1);
        }
        Err(error) => assert!(error == SealError::Changed && !is_the_same),
    }
}

fn from_altered(checkpoint: &[u8], plaintext: &[u8], chunks: usize, place: usize) {
    let Ok(checkpoint) = AttachmentCheckpoint::decode(checkpoint) else {
        assert!(place == 0 || (CHUNKS..OPEN_PAGE).contains(&place));
        return;
    };
    let sealed = seal(AttachmentSealer::resume(checkpoint), plaintext, &[]);
    // Nothing was given out under the other key, so it is only another upload.
    let is_another_key = chunks == 0 && (1..CHUNKS).contains(&place);
    assert_eq!(sealed.is_ok(), is_another_key);
}
