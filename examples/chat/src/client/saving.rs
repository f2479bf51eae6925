//! Saves a file that came, where the user says. It appears whole, and over nothing that is there.

use std::io::{self, Write};
use std::path::PathBuf;

use tempfile::NamedTempFile;

use crate::file_name::FileName;

/// A file that is being saved. It has a name of its own until it is whole; dropped before that, it goes.
pub struct Saving {
    unnamed: NamedTempFile,
    path: PathBuf,
}

/// Why a file was not saved.
#[derive(Debug)]
pub enum SaveError {
    /// Something is there already.
    Exists(PathBuf),
    Disk(io::Error),
}

impl Saving {
    /// As `place`: a file, or a directory in which it gets its own name; without one, in the working directory. What its
    /// sender called it is a name in there, and never a path.
    pub fn begin(name: &FileName, place: Option<PathBuf>) -> Result<Self, SaveError> {
        let path = match place {
            Some(place) if place.is_dir() => place.join(name.as_str()),
            Some(place) => place,
            None => PathBuf::from(name.as_str()),
        };
        let path = std::path::absolute(path)?;
        let directory =
            path.parent().ok_or_else(|| io::Error::from(io::ErrorKind::InvalidInput))?;
        // Only its owner reads it.
        let unnamed = tempfile::Builder::new().prefix(".chat-").tempfile_in(directory)?;
        // Said before all of it was written. What comes to be there later is seen at the end.
        if path.symlink_metadata().is_ok() {
            return Err(SaveError::Exists(path));
        }
        Ok(Self { unnamed, path })
    }

    pub fn write(&mut self, piece: &[u8]) -> Result<(), SaveError> {
        Ok(self.unnamed.write_all(piece)?)
    }

    /// It is on the disk; only then it gets its name.
    pub fn end(self) -> Result<PathBuf, SaveError> {
        let Self { unnamed, path } = self;
        unnamed.as_file().sync_all()?;
        match unnamed.persist_noclobber(&path) {
            Ok(_) => Ok(path),
            Err(failed) if failed.error.kind() == io::ErrorKind::AlreadyExists => {
                Err(SaveError::Exists(path))
            }
            Err(failed) => Err(SaveError::Disk(failed.error)),
        }
    }
}

impl From<io::Error> for SaveError {
    fn from(error: io::Error) -> Self {
        Self::Disk(error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn a_file_appears_whole_and_one_that_is_given_up_leaves_nothing() {
        let directory = tempfile::tempdir().unwrap();
        let (name, place) = (FileName::cleaned("../notes.txt"), directory.path().to_owned());
        let names = || -> Vec<_> {
            fs::read_dir(&place).unwrap().map(|entry| entry.unwrap().file_name()).collect()
        };
        let mut saving = Saving::begin(&name, Some(place.clone())).unwrap();
        saving.write(b"one ").unwrap();
        assert!(!place.join("notes.txt").exists());
        drop(saving);
        assert!(names().is_empty());
        let mut saving = Saving::begin(&name, Some(place.clone())).unwrap();
        saving.write(b"one ").unwrap();
        saving.write(b"two").unwrap();
        let mut late = Saving::begin(&name, Some(place.clone())).unwrap();
        late.write(b"three").unwrap();
        assert_eq!(saving.end().unwrap(), place.join("notes.txt"));
        assert!(matches!(late.end(), Err(SaveError::Exists(_))));
        let again = Saving::begin(&name, Some(place.clone()));
        assert!(matches!(again, Err(SaveError::Exists(_))));
        assert_eq!(fs::read(place.join("notes.txt")).unwrap(), b"one two");
        assert_eq!(names(), ["notes.txt"]);
    }
}
