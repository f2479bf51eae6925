//! Whatever becomes of a blob, and in whatever pieces it comes: what is read front to back is complete only if nothing
//! was altered, and what opens by ranges is the file's, where its own parts are unaltered, and only there. References and
//! checkpoints decode to what they encode to, and no bytes make a sealer panic.

#![no_main]

use std::cell::RefCell;
use std::ops::Range;

use evanesce::attachment::{
    AttachmentCheckpoint, AttachmentReference, AttachmentSealer, RangeError, ReadError,
};
use evanesce_fuzz::attachments::{Script, SealedFile, sealed_files};
use libfuzzer_sys::fuzz_target;

thread_local! {
    static FILES: RefCell<Vec<SealedFile>> = RefCell::new(sealed_files());
}

fuzz_target!(|bytes: &[u8]| {
    decode(bytes);
    let script = Script::read(bytes);
    FILES.with_borrow(|files| {
        let file = &files[script.file];
        let blob = script.applied_to(&file.blob);
        read(file, &blob, &script.pieces);
        open(file, &blob);
    });
});

fn decode(bytes: &[u8]) {
    if let Ok(reference) = AttachmentReference::decode(bytes) {
        assert_eq!(reference.encode().as_slice(), bytes);
        assert!(reference.layout().blob_length() > reference.size());
    }
    if let Ok(checkpoint) = AttachmentCheckpoint::decode(bytes) {
        assert_eq!(checkpoint.encode().as_slice(), bytes);
        let mut sealer = AttachmentSealer::resume(checkpoint);
        let mut piece = bytes;
        // Whoever made this up does not know the hash of what was sealed.
        assert!(!matches!(sealer.push(&mut piece), Ok(Some(_))));
    }
}

fn read(file: &SealedFile, blob: &[u8], pieces: &[usize]) {
    let mut reader = file.reference.reader();
    let mut provisional = Vec::new();
    let (mut rest, mut lengths) = (blob, pieces.iter());
    let end = loop {
        if rest.is_empty() {
            break reader.finish().map(|_| ());
        }
        let length = lengths.next().map_or(rest.len(), |length| (*length).min(rest.len()));
        let (mut piece, behind) = rest.split_at(length);
        rest = behind;
        let taken = loop {
            match reader.push(&mut piece) {
                Ok(Some(bytes)) => provisional.extend_from_slice(bytes.as_provisional_bytes()),
                Ok(None) => break Ok(()),
                Err(error) => break Err(error),
            }
        };
        if taken.is_err() {
            break taken;
        }
        assert!(piece.is_empty());
    };
    // Who has no key makes no chunk that opens.
    assert!(file.plaintext.starts_with(&provisional));
    if blob == file.blob {
        assert!(end == Ok(()) && provisional == file.plaintext);
    } else {
        assert_eq!(end, Err(ReadError::Altered));
    }
}

fn open(file: &SealedFile, blob: &[u8]) {
    let layout = file.reference.layout();
    let part = |bytes: &Range<u64>, of: &'_ [u8]| {
        let place = |at: u64| usize::try_from(at).expect("a short file").min(of.len());
        of[place(bytes.start)..place(bytes.end)].to_vec()
    };
    let is_as_sealed = |bytes: &Range<u64>| part(bytes, blob) == part(bytes, &file.blob);
    let top = layout.top();
    let opener = file.reference.opener(&part(&top, blob));
    assert_eq!(opener.is_ok(), is_as_sealed(&top));
    let mut opener = file.reference.opener(&part(&top, &file.blob)).expect("as it was sealed");
    let page = layout.page(0).expect("there is a first");
    let added = opener.add_page(0, &part(&page, blob));
    assert_eq!(added, if is_as_sealed(&page) { Ok(()) } else { Err(RangeError::Altered) });
    opener.add_page(0, &part(&page, &file.blob)).expect("as it was sealed");
    for index in 0..layout.chunks() {
        let chunk = layout.chunk(index).expect("of this file");
        match opener.open(index, &part(&chunk, blob)) {
            Ok(opened) => {
                let place = layout.plaintext(index).expect("of this file");
                assert!(is_as_sealed(&chunk) && *opened == *part(&place, &file.plaintext));
            }
            Err(error) => assert!(error == RangeError::Altered && !is_as_sealed(&chunk)),
        }
    }
}
