//! One who sends a file, and what they keep of an upload that is not over.

use std::error::Error;
use std::fs::{self, File};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::PathBuf;

use evanesce::attachment::{
    AttachmentCheckpoint, AttachmentReference, AttachmentSealer, BlobLayout,
};
use evanesce::snapshot::StorageKey;
use rand_chacha::ChaCha20Rng;

use crate::bar;
use crate::files::PIECE;
use crate::store::{ConnectionBroken, Store};

/// After how many bytes of the blob a checkpoint is stored: so much is sent again at most.
const BETWEEN_CHECKPOINTS: u64 = 1 << 24;

/// What a sealed checkpoint is among the application's own records, and its row.
const CHECKPOINT_KIND: u8 = 64;
const CHECKPOINT_ROW: &[u8] = b"upload 1";

pub struct Sender {
    pub file: PathBuf,
    /// Has the key, and so is sealed, and deleted with the upload or with the message.
    pub checkpoint: PathBuf,
    pub storage_key: StorageKey,
}

impl Sender {
    /// Uploads, and goes on where the connection breaks, just as it would after a crash.
    pub fn upload(
        &self,
        store: &mut Store,
        rng: &mut ChaCha20Rng,
    ) -> Result<AttachmentReference, Box<dyn Error>> {
        loop {
            match self.attempt(store, rng) {
                Err(error) if error.is::<ConnectionBroken>() => {
                    println!("The connection broke: the upload goes on from its checkpoint.");
                }
                ended => return ended,
            }
        }
    }

    fn attempt(
        &self,
        store: &mut Store,
        rng: &mut ChaCha20Rng,
    ) -> Result<AttachmentReference, Box<dyn Error>> {
        let checkpoint = self.stored_checkpoint()?;
        let (feed_from, mut at) =
            checkpoint.as_ref().map_or((0, 0), |it| (it.feed_from(), it.output_from()));
        let mut sealer = match checkpoint {
            Some(checkpoint) => AttachmentSealer::resume(checkpoint),
            None => AttachmentSealer::generate(rng),
        };
        // Before the first byte leaves: a key is for one file, and after a crash it is the same file.
        self.store_checkpoint(&sealer.checkpoint()?, rng)?;
        let mut stored_at = at;

        let mut file = File::open(&self.file)?;
        let layout = BlobLayout::of_size(file.metadata()?.len()).ok_or("above 4 TiB")?;
        let bar = bar("sealing", layout.blob_length(), at)?;
        file.seek(SeekFrom::Start(feed_from))?;
        let mut buffer = vec![0; PIECE];
        loop {
            let length = file.read(&mut buffer)?;
            let mut piece = &buffer[..length];
            if piece.is_empty() {
                break;
            }
            while let Some(sealed) = sealer.push(&mut piece)? {
                at += store.put(at, sealed)?;
            }
            bar.set_position(at);
            if at - stored_at >= BETWEEN_CHECKPOINTS {
                store.keep()?;
                self.store_checkpoint(&sealer.checkpoint()?, rng)?;
                stored_at = at;
            }
        }
        let mut rest = sealer.finish()?;
        while let Some(sealed) = rest.next_piece() {
            at += store.put(at, sealed)?;
        }
        store.keep()?;
        bar.finish_and_clear();
        // An application stores the reference in the message first.
        fs::remove_file(&self.checkpoint)?;
        Ok(rest.reference())
    }

    fn stored_checkpoint(&self) -> Result<Option<AttachmentCheckpoint>, Box<dyn Error>> {
        if !self.checkpoint.exists() {
            return Ok(None);
        }
        let sealed = fs::read(&self.checkpoint)?;
        let checkpoint = self.storage_key.open(&sealed, CHECKPOINT_KIND, CHECKPOINT_ROW)?;
        Ok(Some(AttachmentCheckpoint::decode(&checkpoint)?))
    }

    fn store_checkpoint(
        &self,
        checkpoint: &AttachmentCheckpoint,
        rng: &mut ChaCha20Rng,
    ) -> Result<(), Box<dyn Error>> {
        let encoded = checkpoint.encode();
        let sealed = self.storage_key.seal(&encoded, CHECKPOINT_KIND, CHECKPOINT_ROW, rng);
        let next = self.checkpoint.with_extension("next");
        let mut file = File::create(&next)?;
        file.write_all(&sealed)?;
        file.sync_data()?;
        Ok(fs::rename(next, &self.checkpoint)?)
    }
}
