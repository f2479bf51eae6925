//! Files on this disk, and what the process takes.

use std::error::Error;
use std::fs::{self, File};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};

use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::Rng;

/// How much is read from a file at a time.
pub const PIECE: usize = 1 << 18;

/// A directory that is gone when the story is over.
pub struct Directory(PathBuf);

impl Directory {
    pub fn new() -> Result<Self, Box<dyn Error>> {
        let path = std::env::temp_dir().join(format!("evanesce-attachment-{}", std::process::id()));
        fs::create_dir(&path)?;
        Ok(Self(path))
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_dir_all(&self.0) {
            eprintln!("{} stays: {error}", self.0.display());
        }
    }
}

pub fn make_file(path: &Path, size: u64, rng: &mut ChaCha20Rng) -> Result<(), Box<dyn Error>> {
    let mut file = File::create_new(path)?;
    let mut buffer = vec![0; PIECE];
    let mut left = size;
    while left != 0 {
        rng.fill_bytes(&mut buffer);
        let length = usize::try_from(left)?.min(PIECE);
        file.write_all(&buffer[..length])?;
        left -= u64::try_from(length)?;
    }
    Ok(())
}

pub fn have_same_bytes(one: &Path, other: &Path) -> Result<bool, Box<dyn Error>> {
    let (mut one, mut other) = (File::open(one)?, File::open(other)?);
    if one.metadata()?.len() != other.metadata()?.len() {
        return Ok(false);
    }
    let (mut left, mut right) = (vec![0; PIECE], vec![0; PIECE]);
    loop {
        let length = one.read(&mut left)?;
        if length == 0 {
            return Ok(true);
        }
        other.read_exact(&mut right[..length])?;
        if left[..length] != right[..length] {
            return Ok(false);
        }
    }
}

/// The most memory that the process had, in kB, where the system tells.
pub fn peak_memory() -> Result<Option<u64>, Box<dyn Error>> {
    let status = Path::new("/proc/self/status");
    if !status.exists() {
        return Ok(None);
    }
    let status = fs::read_to_string(status)?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let number = line.and_then(|line| line.split_whitespace().next()).map(str::parse);
    Ok(number.transpose()?)
}
