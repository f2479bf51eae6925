//! Saves a file that came, where the user says. It appears whole, and over nothing that is there.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use crate::engine::WholeFile;
use crate::store::{Store, StoreError};

/// Why a file was not saved.
pub enum SaveError {
    Store(StoreError),
    /// Something is there already.
    Exists(PathBuf),
    Disk(io::Error),
}

/// Saves it as `place`: a file, or a directory in which it gets its own name; without one, in the working directory.
/// What its sender called it is a name in there, and never a path.
pub fn save(file: &WholeFile, store: &Store, place: Option<&Path>) -> Result<PathBuf, SaveError> {
    let path = match place {
        Some(place) if place.is_dir() => place.join(file.name.as_str()),
        Some(place) => place.to_owned(),
        None => PathBuf::from(file.name.as_str()),
    };
    let path = std::path::absolute(path)?;
    let directory = path.parent().ok_or_else(|| io::Error::from(io::ErrorKind::InvalidInput))?;
    // Only its owner reads it; if anything fails, it goes.
    let mut unnamed = tempfile::Builder::new().prefix(".chat-").tempfile_in(directory)?;
    for number in 0..file.pieces {
        let piece = store.piece(file.message, number).map_err(SaveError::Store)?;
        unnamed.write_all(&piece)?;
    }
    unnamed.as_file().sync_all()?;
    match unnamed.persist_noclobber(&path) {
        Ok(_) => Ok(path),
        Err(failed) if failed.error.kind() == io::ErrorKind::AlreadyExists => {
            Err(SaveError::Exists(path))
        }
        Err(failed) => Err(SaveError::Disk(failed.error)),
    }
}

impl From<io::Error> for SaveError {
    fn from(error: io::Error) -> Self {
        Self::Disk(error)
    }
}
