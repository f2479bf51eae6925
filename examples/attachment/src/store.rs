//! A place for bytes, on the other side of a bad connection.

use std::error::Error;
use std::fmt;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom, Write};
use std::ops::Range;
use std::path::Path;

pub struct Store {
    blob: File,
    /// How many bytes went either way.
    moved: u64,
    /// After how many the connection breaks, the last one first.
    breaks_at: Vec<u64>,
    /// At which byte of the blob it gives a wrong one, once.
    spoils_at: Option<u64>,
}

/// What was under way did not arrive.
#[derive(Debug)]
pub struct ConnectionBroken;

impl fmt::Display for ConnectionBroken {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("the connection broke")
    }
}

impl Error for ConnectionBroken {}

impl Store {
    /// A store that fails while a file of so many bytes comes and goes: once on each way, and it alters a chunk.
    pub fn new(blob: &Path, size: u64) -> Result<Self, Box<dyn Error>> {
        let blob = File::options().read(true).write(true).create_new(true).open(blob)?;
        let breaks_at = vec![size + size / 2, size / 3];
        Ok(Self { blob, moved: 0, breaks_at, spoils_at: Some(size / 3 * 2) })
    }

    /// Says how many bytes it took.
    pub fn put(&mut self, at: u64, bytes: &[u8]) -> Result<u64, Box<dyn Error>> {
        let length = u64::try_from(bytes.len())?;
        self.moves(length)?;
        self.blob.seek(SeekFrom::Start(at))?;
        self.blob.write_all(bytes)?;
        Ok(length)
    }

    /// Returns once all that was put is there for good.
    pub fn keep(&self) -> Result<(), Box<dyn Error>> {
        Ok(self.blob.sync_data()?)
    }

    pub fn get(&mut self, range: Range<u64>) -> Result<Vec<u8>, Box<dyn Error>> {
        let length = range.end - range.start;
        self.moves(length)?;
        let mut bytes = vec![0; usize::try_from(length)?];
        self.blob.seek(SeekFrom::Start(range.start))?;
        self.blob.read_exact(&mut bytes)?;
        if let Some(at) = self.spoils_at.take_if(|at| range.contains(at)) {
            bytes[usize::try_from(at - range.start)?] ^= 1;
        }
        Ok(bytes)
    }

    pub fn length(&self) -> Result<u64, Box<dyn Error>> {
        Ok(self.blob.metadata()?.len())
    }

    fn moves(&mut self, length: u64) -> Result<(), ConnectionBroken> {
        self.moved += length;
        match self.breaks_at.pop_if(|at| *at <= self.moved) {
            Some(_) => Err(ConnectionBroken),
            None => Ok(()),
        }
    }
}
