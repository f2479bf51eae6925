//! A file of 300 MB goes from disk to disk through a store that nobody trusts. The connection breaks twice, one chunk comes
//! back with another bit in it, and in the end the message disappears, and the file with it.
//!
//! ```sh
//! cargo run --release -p attachment        # 300 MB: it takes 1 GB of temporary files for some seconds
//! cargo run --release -p attachment 30     # as many MB, from 1 on
//! ```

mod files;
mod store;

mod recipient;
mod sender;

use std::error::Error;
use std::time::{Duration, Instant};

use evanesce::attachment::AttachmentReference;
use evanesce::snapshot::StorageKey;
use indicatif::{ProgressBar, ProgressStyle};
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::SeedableRng;

use crate::files::{Directory, have_same_bytes, make_file, peak_memory};
use crate::recipient::Recipient;
use crate::sender::Sender;
use crate::store::Store;

fn main() -> Result<(), Box<dyn Error>> {
    let megabytes = std::env::args().nth(1).map_or(Ok(300), |number| number.parse::<u64>())?;
    let size = megabytes.max(1) * 1_000_000;
    // An application takes its operating system's generator; this story must repeat.
    let rng = &mut ChaCha20Rng::seed_from_u64(2026);
    let directory = Directory::new()?;
    let mut store = Store::new(&directory.path("blob"), size)?;
    let sender = Sender {
        file: directory.path("holiday.mp4"),
        checkpoint: directory.path("checkpoint"),
        storage_key: StorageKey::new(&[7; 32]),
    };
    make_file(&sender.file, size, rng)?;

    let started = Instant::now();
    let reference = sender.upload(&mut store, rng)?;
    tell("sealed and stored", size, started.elapsed());
    // In a message these bytes travel, beside a name, a type and where the blob is.
    let body = reference.encode();
    println!(
        "The message has {} bytes for it, the store {} of noise.",
        body.len(),
        store.length()?
    );

    let recipient =
        Recipient { file: directory.path("copy.mp4"), thumbnail: directory.path("thumbnail.jpg") };
    let started = Instant::now();
    recipient.download(&AttachmentReference::decode(&*body)?, &mut store)?;
    tell("fetched and opened", size, started.elapsed());
    if !have_same_bytes(&sender.file, &recipient.file)? {
        return Err("the copy is another file".into());
    }
    println!("The copy is the file, byte for byte.");

    recipient.outlives_the_message(&sender, rng)?;
    println!("The store keeps its {} bytes, which nobody can open any more.", store.length()?);
    if let Some(peak) = peak_memory()? {
        println!("The program had {peak} kB of memory at most.");
    }
    Ok(())
}

/// How far a blob has come. Drawn where there is a terminal, and nowhere else.
fn bar(what: &'static str, size: u64, from: u64) -> Result<ProgressBar, Box<dyn Error>> {
    let form = "{msg} {wide_bar} {bytes} of {total_bytes}, {bytes_per_sec}";
    let bar = ProgressBar::new(size).with_style(ProgressStyle::with_template(form)?);
    Ok(bar.with_message(what).with_position(from))
}

fn tell(what: &str, size: u64, time: Duration) {
    let (megabytes, seconds) = (size / 1_000_000, time.as_secs_f64());
    println!("{megabytes} MB {what} in {seconds:.2} s, {:.0} MB/s.", size as f64 / 1e6 / seconds);
}
