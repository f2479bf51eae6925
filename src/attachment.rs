//! Files of any size, sealed for a store that nobody trusts.
//!
//! A file is cut into chunks of 64 KiB, each sealed by itself, with a tree of hashes over them. The store gets the
//! *blob*; the message says the [`AttachmentReference`]: 73 bytes with the key, the root of the tree and the size. Of the
//! file the store learns about how large it is. Under one reference all who open it see the same bytes, or a refusal.
//!
//! ```
//! use evanesce::attachment::{AttachmentReference, AttachmentSealer};
//! # use rand_chacha::{ChaCha20Rng, rand_core::SeedableRng};
//! # let rng = &mut ChaCha20Rng::seed_from_u64(1);
//! # let file = vec![7; 200_000];
//! # let (mut blob, mut shown, mut hidden) = (Vec::new(), Vec::new(), Vec::new());
//!
//! // The sender: the file in pieces of any size, the blob in order.
//! let mut sealer = AttachmentSealer::generate(rng);
//! for mut piece in file.chunks(10_000) {
//!     while let Some(sealed) = sealer.push(&mut piece)? {
//!         blob.extend_from_slice(sealed);
//!     }
//! }
//! let mut rest = sealer.finish()?;
//! while let Some(sealed) = rest.next_piece() {
//!     blob.extend_from_slice(sealed);
//! }
//! let reference = rest.reference().encode(); // into the body of a message, and nowhere else
//!
//! // A receiver who wants a part of it, or wants to show it while it comes: what opens is final.
//! let fetch = |bytes: std::ops::Range<u64>| &blob[bytes.start as usize..bytes.end as usize];
//! let reference = AttachmentReference::decode(&*reference)?;
//! let mut opener = reference.opener(fetch(reference.layout().top()))?;
//! for stretch in reference.layout().covering(100_000..150_000) {
//!     opener.add_page(stretch.page, fetch(stretch.page_bytes))?;
//!     for chunk in stretch.chunks {
//!         let sealed = fetch(reference.layout().chunk(chunk).expect("a chunk of this file"));
//!         shown.extend_from_slice(&opener.open(chunk, sealed)?);
//!     }
//! }
//! assert_eq!(shown, file[65_536..196_608]); // whole chunks
//!
//! // One who takes all of it in one go: nothing counts before the end.
//! let mut reader = reference.reader();
//! for mut piece in blob.chunks(10_000) {
//!     while let Some(provisional) = reader.push(&mut piece)? {
//!         hidden.extend_from_slice(provisional.as_provisional_bytes()); // where nobody sees it yet
//!     }
//! }
//! let complete = reader.finish()?; // else delete what was read
//! assert_eq!((complete.size, &hidden), (200_000, &file));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Which to take
//!
//! | | |
//! |---|---|
//! | [`AttachmentSealer`] | front to back, of any size, also one that is not known before; goes on after a crash by an [`AttachmentCheckpoint`] |
//! | [`ChunkSealer`] | of known size, on all cores |
//! | [`AttachmentOpener`] | by ranges, in any order, in parallel; all that opens is final |
//! | [`AttachmentReader`] | front to back in one pass; all that comes is [`Provisional`] until the end |
//!
//! [`FinalBytes`] and [`Provisional`] are types of their own, so that what shows bytes can ask for the first and never gets
//! the second: somebody who has the key may have sealed provisional bytes without the sender, and a sender who breaks off
//! before the end would show what nobody can report.
//!
//! # What the application does
//!
//! - **One upload, one key.** To forward a file, seal it anew: else old and new readers share a key, and the store sees
//!   them fetch one blob.
//! - **A file dies with its message.** The key is in the body. With the message go the file, in whatever form it is
//!   stored, its thumbnail, and the checkpoint of an upload that has not ended: name them as
//!   [`Parts::FILE`](crate::expiry::Parts::FILE) and [`Parts::THUMBNAIL`](crate::expiry::Parts::THUMBNAIL). What the store
//!   has left is noise. Let it delete blobs after a while by itself: it cannot be told who may.
//! - **Wipe or seal what is opened**: [`FinalBytes`] and provisional bytes are the caller's.
//! - Show a file as the type that the message names, and as no other.

pub(crate) mod hash_tree;

pub(crate) mod attachment_keys;

pub(crate) mod checkpoint;
pub(crate) mod reference;

pub(crate) mod chunk_sealing;
pub(crate) mod front_to_back;
pub(crate) mod opening;
pub(crate) mod sealing;

pub use crate::attachment::checkpoint::AttachmentCheckpoint;
pub use crate::attachment::chunk_sealing::{
    ChunkError, ChunkHash, ChunkList, ChunkSealer, ListedPage, SealedChunk,
};
pub use crate::attachment::front_to_back::{AttachmentReader, Complete, Provisional, ReadError};
pub use crate::attachment::opening::{AttachmentOpener, FinalBytes, RangeError};
pub use crate::attachment::reference::AttachmentReference;
pub use crate::attachment::sealing::{AttachmentSealer, SealError, SealedRest};
pub use crate::wire::blob_layout::{BlobLayout, BlobStretch};
