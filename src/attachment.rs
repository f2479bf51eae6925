//! Files of any size, sealed for a store that nobody trusts.
//!
//! A file is cut into chunks of 64 KiB, each sealed by itself, with a tree of hashes over them. The store gets the
//! *blob*; the message says the [`AttachmentReference`]: 73 bytes with the key, the root of the tree and the size.

pub(crate) mod hash_tree;

pub(crate) mod attachment_keys;

pub(crate) mod checkpoint;
pub(crate) mod reference;

pub(crate) mod chunk_sealing;
pub(crate) mod opening;
pub(crate) mod sealing;

pub use crate::attachment::checkpoint::AttachmentCheckpoint;
pub use crate::attachment::chunk_sealing::{
    ChunkError, ChunkHash, ChunkList, ChunkSealer, ListedPage, SealedChunk,
};
pub use crate::attachment::opening::{AttachmentOpener, FinalBytes, RangeError};
pub use crate::attachment::reference::AttachmentReference;
pub use crate::attachment::sealing::{AttachmentSealer, SealError, SealedRest};
pub use crate::wire::blob_layout::{BlobLayout, BlobStretch};
