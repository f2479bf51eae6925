//! One who fetches a file, and deletes it with its message.

use std::error::Error;
use std::fs::{self, File};
use std::io::Write;
use std::ops::Range;
use std::path::PathBuf;
use std::time::Duration;

use evanesce::attachment::{AttachmentReference, RangeError};
use evanesce::expiry::{
    Age, ConversationId, ExpiryScheduler, MemberTag, MessageId, NewMessage, Now, Parts, Policy,
    Stamp,
};
use rand_chacha::ChaCha20Rng;

use crate::bar;
use crate::sender::Sender;
use crate::store::{ConnectionBroken, Store};

/// How often a part is fetched before the store is given up.
const ATTEMPTS: u32 = 3;

pub struct Recipient {
    pub file: PathBuf,
    /// Made of the file, for the conversation's view.
    pub thumbnail: PathBuf,
}

impl Recipient {
    /// Fetches all that there is, page by page, and writes what is final.
    pub fn download(
        &self,
        reference: &AttachmentReference,
        store: &mut Store,
    ) -> Result<(), Box<dyn Error>> {
        let layout = reference.layout();
        let mut opener = fetched("the top", store, layout.top(), |top| reference.opener(top))?;
        let mut file = File::create(&self.file)?;
        let bar = bar("opening", layout.blob_length(), 0)?;
        for stretch in layout.whole() {
            let name = format!("page {}", stretch.page);
            fetched(&name, store, stretch.page_bytes, |page| opener.add_page(stretch.page, page))?;
            for index in stretch.chunks {
                let range = layout.chunk(index).ok_or("it is one of the file's")?;
                bar.set_position(range.end);
                let name = format!("chunk {index}");
                let bytes = fetched(&name, store, range, |sealed| opener.open(index, sealed))?;
                file.write_all(&bytes)?;
                if index == 0 {
                    // In place of a picture.
                    fs::write(&self.thumbnail, &bytes[..1_000])?;
                }
            }
            opener.remove_page(stretch.page);
        }
        bar.finish_and_clear();
        Ok(file.sync_all()?)
    }

    /// An hour later the message ends, here and at the sender's: what is purged, and when, the scheduler says.
    pub fn outlives_the_message(
        &self,
        sender: &Sender,
        rng: &mut ChaCha20Rng,
    ) -> Result<(), Box<dyn Error>> {
        let now = |seconds: u64| Now::from_wall(Duration::from_secs(1_800_000_000 + seconds));
        let mut expiry = ExpiryScheduler::new(now(0), rng);
        let (id, chat) = (MessageId::from(1), ConversationId::named(b"alice"));
        let parts = Parts::FILE | Parts::THUMBNAIL;
        let message = NewMessage::new(id, chat, MemberTag([1; 8])).with_parts(parts);
        let stamp = Stamp::NONE.with_policy(Policy::after_send(Duration::from_secs(3_600)));
        let _arrival = expiry.received(message, &Ok(stamp), Age::NONE, now(0));
        for due in expiry.poll(10, now(3_600)).due {
            for part in due.parts.iter() {
                match part {
                    Parts::BODY => println!("After an hour the text goes, with the key in it,"),
                    Parts::FILE => {
                        fs::remove_file(&self.file)?;
                        // As the sender's own scheduler says. The checkpoint went with the upload.
                        fs::remove_file(&sender.file)?;
                        println!("the file, here and at the sender's,");
                    }
                    Parts::THUMBNAIL => {
                        fs::remove_file(&self.thumbnail)?;
                        println!("and the thumbnail.");
                    }
                    other => return Err(format!("{other:?} was never stored").into()),
                }
            }
            let _effects = expiry.done(due.id, due.parts, now(3_600));
        }
        for path in [&self.file, &self.thumbnail, &sender.file, &sender.checkpoint] {
            if path.exists() {
                return Err(format!("{} outlives its message", path.display()).into());
            }
        }
        Ok(())
    }
}

/// Fetches a part and opens it, and does so again where that is the store's fault, or the connection's.
fn fetched<Opened>(
    name: &str,
    store: &mut Store,
    range: Range<u64>,
    mut open: impl FnMut(&[u8]) -> Result<Opened, RangeError>,
) -> Result<Opened, Box<dyn Error>> {
    for _ in 0..ATTEMPTS {
        match store.get(range.clone()) {
            Ok(bytes) => match open(&bytes) {
                Err(RangeError::Altered) => {
                    println!("The store altered {name}: it is fetched again.")
                }
                opened => return Ok(opened?),
            },
            Err(error) if error.is::<ConnectionBroken>() => {
                println!("The connection broke at {name}: it is fetched again.");
            }
            Err(error) => return Err(error),
        }
    }
    Err(format!("the store does not give {name}").into())
}
