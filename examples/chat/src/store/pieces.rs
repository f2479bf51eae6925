//! Parts of files that came, beside the database, which is written anew now and then and has to stay small for that. Each
//! file has its parts one behind the other, sealed under a key of its own that stands in the database: when that goes, what
//! the file system keeps is noise.

use std::collections::BTreeSet;
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use evanesce::rand_core::CryptoRng;
use evanesce::snapshot::StorageKey;
use evanesce::zeroize::Zeroizing;

/// The kind of a sealed part.
const PIECE: u8 = 67;

/// Bytes of a part, but for the last one, and what sealing adds.
const LENGTH: u64 = 65_536;
const SEAL: u64 = 50;

pub struct Pieces {
    directory: PathBuf,
}

impl Pieces {
    /// In a directory beside the store that only its owner reads.
    pub fn open(store: &Path) -> io::Result<Self> {
        let mut directory = store.as_os_str().to_owned();
        directory.push(".files");
        let mut builder = DirBuilder::new();
        builder.recursive(true);
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        builder.create(&directory)?;
        Ok(Self { directory: directory.into() })
    }

    /// Writes a part, of which all before it are there; it outlives a power failure.
    pub fn write(
        &self,
        name: &[u8; 32],
        number: u64,
        bytes: &[u8],
        key: &StorageKey,
        rng: &mut dyn CryptoRng,
    ) -> io::Result<()> {
        let sealed = key.seal(bytes, PIECE, &number.to_be_bytes(), rng);
        let mut options = OpenOptions::new();
        options.write(true).create(true).truncate(false);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let mut file = options.open(self.path(name))?;
        // What stands behind it was begun and not counted.
        file.set_len(place(number))?;
        file.seek(SeekFrom::Start(place(number)))?;
        file.write_all(&sealed)?;
        file.sync_data()?;
        #[cfg(unix)]
        if number == 0 {
            File::open(&self.directory)?.sync_all()?;
        }
        Ok(())
    }

    /// A part; nothing if it does not open.
    pub fn read(
        &self,
        name: &[u8; 32],
        number: u64,
        key: &StorageKey,
    ) -> io::Result<Option<Zeroizing<Vec<u8>>>> {
        let mut file = File::open(self.path(name))?;
        file.seek(SeekFrom::Start(place(number)))?;
        let mut sealed = Vec::new();
        file.take(LENGTH.saturating_add(SEAL)).read_to_end(&mut sealed)?;
        Ok(key.open(&sealed, PIECE, &number.to_be_bytes()).ok())
    }

    pub fn remove(&self, name: &[u8; 32]) -> io::Result<()> {
        match fs::remove_file(self.path(name)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            Ok(()) | Err(_) => Ok(()),
        }
    }

    /// Removes what a crash has left of files whose keys are gone.
    pub fn keep_only(&self, names: &[[u8; 32]]) -> io::Result<()> {
        let kept: BTreeSet<PathBuf> = names.iter().map(|name| self.path(name)).collect();
        for entry in fs::read_dir(&self.directory)? {
            let (path, name) = entry.map(|entry| (entry.path(), entry.file_name()))?;
            let is_ours =
                name.len() == 64 && name.as_encoded_bytes().iter().all(u8::is_ascii_hexdigit);
            if is_ours && !kept.contains(&path) {
                fs::remove_file(path)?;
            }
        }
        Ok(())
    }

    fn path(&self, name: &[u8; 32]) -> PathBuf {
        let digits: String = name.iter().map(|byte| format!("{byte:02x}")).collect();
        self.directory.join(digits)
    }
}

fn place(number: u64) -> u64 {
    number.saturating_mul(LENGTH.saturating_add(SEAL))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random;

    #[test]
    fn sealing_adds_as_much_as_is_counted() {
        let sealed =
            StorageKey::new(&[1; 32]).seal(&[7; 65_536], PIECE, b"", &mut random::system());
        assert_eq!(u64::try_from(sealed.len()).unwrap(), LENGTH + SEAL);
    }
}
