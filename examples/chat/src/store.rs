//! One person's store: a SQLite file of sealed rows. What they are called is hashed under a key, so the file shows
//! how many rows there are, how long, and when they changed; not what they are or of whom.

mod vault;

use std::fmt;
use std::fs::OpenOptions;
use std::path::Path;

use evanesce::snapshot::StorageKey;
use evanesce::zeroize::Zeroizing;
use rusqlite::{Connection, OptionalExtension, params};

use crate::random;
use crate::row::{Held, Row, Write};
use crate::store::vault::{Cost, Lock, VaultError};

/// The kind of a sealed row.
const ROW: u8 = 65;

/// `EXCLUSIVE`: two processes that go on from one state would use a key twice, so the second finds it locked.
///
/// `WAL` and not a rollback journal: to delete a row, a rollback journal first writes a copy of its page, the
/// content to be forgotten, into another file. The log gets the zeros of `secure_delete` alone. What stands in it
/// from when the row was new is overwritten, since each commit is carried over into the file at once
/// (`wal_autocheckpoint = 1`) and the next one begins the log anew; after a deletion it is cut off besides
/// ([`Store::forget_log`]). `FULL`: what is committed outlives a power failure.
const SETTINGS: &str = "
    PRAGMA locking_mode = EXCLUSIVE;
    PRAGMA journal_mode = WAL;
    PRAGMA synchronous = FULL;
    PRAGMA secure_delete = ON;
    PRAGMA wal_autocheckpoint = 1;
    PRAGMA journal_size_limit = 0;
    PRAGMA temp_store = MEMORY;
    BEGIN IMMEDIATE;
    CREATE TABLE IF NOT EXISTS lock (only INTEGER PRIMARY KEY CHECK (only = 1), salt BLOB NOT NULL,
        memory INTEGER NOT NULL, passes INTEGER NOT NULL, lanes INTEGER NOT NULL, sealed BLOB NOT NULL);
    CREATE TABLE IF NOT EXISTS rows (name BLOB PRIMARY KEY, sealed BLOB NOT NULL) WITHOUT ROWID;
    COMMIT;";

pub struct Store {
    database: Connection,
    key: StorageKey,
}

#[derive(Debug)]
pub enum StoreError {
    /// Another process has it open.
    InUse,
    WrongPassphrase,
    /// Something in it does not open that was sealed under its key: it was altered.
    Damaged,
    /// The file cannot be read or written.
    Sqlite(rusqlite::Error),
}

impl Store {
    /// Opens the store, or makes a new one under this passphrase.
    pub fn open(path: &Path, passphrase: &str) -> Result<Self, StoreError> {
        create_private(path);
        let database = Connection::open(path)?;
        database.execute_batch(SETTINGS)?;
        let key = match lock(&database)? {
            Some(lock) => lock.open(passphrase)?,
            None => {
                let (lock, key) = Lock::new(passphrase, &mut random::system())?;
                add_lock(&database, &lock)?;
                key
            }
        };
        Ok(Self { database, key })
    }

    /// All rows, in the order of what they are.
    pub fn rows(&self) -> Result<Vec<Held>, StoreError> {
        let mut query = self.database.prepare("SELECT name, sealed FROM rows")?;
        let mut stored = query.query([])?;
        let mut rows = Vec::new();
        while let Some(row) = stored.next()? {
            let (name, sealed): (Vec<u8>, Vec<u8>) = (row.get(0)?, row.get(1)?);
            let state = self.key.open(&sealed, ROW, &name).map_err(|_| StoreError::Damaged)?;
            let (row, value): (Row, &[u8]) =
                postcard::take_from_bytes(&state).map_err(|_| StoreError::Damaged)?;
            rows.push(Held { row, value: Zeroizing::new(value.to_vec()) });
        }
        rows.sort_by(|first, second| first.row.cmp(&second.row));
        Ok(rows)
    }

    /// Writes all or nothing. After an error what is in memory is ahead of the store: do not go on with it.
    pub fn commit(&mut self, writes: &[Write]) -> Result<(), StoreError> {
        if writes.is_empty() {
            return Ok(());
        }
        let transaction = self.database.transaction()?;
        let mut forgets = false;
        for Write { row, value } in writes {
            let row = postcard::to_allocvec(row).map_err(|_| StoreError::Damaged)?;
            let name = self.key.row_name(&row);
            match value {
                Some(value) => {
                    let state = Zeroizing::new([&row[..], value].concat());
                    let rng = &mut random::system();
                    let sealed = self.key.seal(&state, ROW, &name, rng);
                    transaction
                        .execute("REPLACE INTO rows VALUES (?, ?)", params![name, sealed])?;
                }
                None => {
                    forgets = true;
                    transaction.execute("DELETE FROM rows WHERE name = ?", [name])?;
                }
            }
        }
        transaction.commit()?;
        if forgets { self.forget_log() } else { Ok(()) }
    }

    /// Carries the log over into the file, and cuts it off.
    fn forget_log(&self) -> Result<(), StoreError> {
        Ok(self.database.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))?)
    }
}

/// Makes a new file that only its owner reads, as its log will be. If that fails, so will what comes next, and says why.
fn create_private(path: &Path) {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let _ = options.open(path);
}

fn lock(database: &Connection) -> Result<Option<Lock>, StoreError> {
    let sql = "SELECT salt, memory, passes, lanes, sealed FROM lock";
    let lock = database.query_row(sql, [], |row| {
        let cost = Cost { memory: row.get(1)?, passes: row.get(2)?, lanes: row.get(3)? };
        Ok(Lock { salt: row.get(0)?, cost, sealed: row.get(4)? })
    });
    Ok(lock.optional()?)
}

fn add_lock(database: &Connection, lock: &Lock) -> Result<(), StoreError> {
    let Lock { salt, cost: Cost { memory, passes, lanes }, sealed } = lock;
    let sql = "INSERT INTO lock VALUES (1, ?, ?, ?, ?, ?)";
    database.execute(sql, params![salt, memory, passes, lanes, sealed])?;
    Ok(())
}

impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> Self {
        match error.sqlite_error_code() {
            Some(rusqlite::ErrorCode::DatabaseBusy | rusqlite::ErrorCode::DatabaseLocked) => {
                Self::InUse
            }
            _ => Self::Sqlite(error),
        }
    }
}

impl From<VaultError> for StoreError {
    fn from(error: VaultError) -> Self {
        match error {
            VaultError::WrongPassphrase => Self::WrongPassphrase,
            VaultError::Damaged => Self::Damaged,
        }
    }
}

impl fmt::Display for StoreError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::InUse => formatter.write_str("the store is in use by another process"),
            Self::WrongPassphrase => formatter.write_str("wrong passphrase; nothing was changed"),
            Self::Damaged => formatter.write_str("the store is damaged or of another release"),
            Self::Sqlite(error) => write!(formatter, "the store cannot be used: {error}"),
        }
    }
}

impl std::error::Error for StoreError {}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::name::Name;
    use std::fs;
    use std::path::PathBuf;

    fn file(name: &str) -> PathBuf {
        let path = std::env::temp_dir().join(format!("chat-{name}-{}.sqlite", std::process::id()));
        for end in ["", "-wal", "-journal"] {
            let _ = fs::remove_file(format!("{}{end}", path.display()));
        }
        path
    }

    fn write(row: Row, value: Option<&[u8]>) -> Write {
        Write { row, value: value.map(|value| Zeroizing::new(value.to_vec())) }
    }

    #[test]
    fn rows_come_back_and_nothing_of_them_is_in_the_file() {
        let path = file("rows");
        let row = Row::Contact(Name::new("a-contact").unwrap());
        let mut store = Store::open(&path, "passphrase").unwrap();
        store.commit(&[write(row.clone(), Some(b"a secret text"))]).unwrap();
        let bytes = fs::read(&path).unwrap();
        for secret in [&b"a-contact"[..], b"a secret text"] {
            assert!(!bytes.windows(secret.len()).any(|window| window == secret));
        }
        assert_eq!(store.rows().unwrap()[0].row, row);
        drop(store);
        let mut store = Store::open(&path, "passphrase").unwrap();
        assert_eq!(&store.rows().unwrap()[0].value[..], b"a secret text");
        store.commit(&[write(row, None)]).unwrap();
        assert!(store.rows().unwrap().is_empty());
        drop(store);
        fs::remove_file(path).unwrap();
    }

    #[test]
    fn a_wrong_passphrase_and_a_second_process_change_nothing() {
        let path = file("refused");
        let mut store = Store::open(&path, "passphrase").unwrap();
        store.commit(&[write(Row::Profile, Some(b"x"))]).unwrap();
        assert!(matches!(Store::open(&path, "passphrase"), Err(StoreError::InUse)));
        drop(store);
        let before = fs::read(&path).unwrap();
        assert!(matches!(Store::open(&path, "wrong"), Err(StoreError::WrongPassphrase)));
        assert_eq!(fs::read(&path).unwrap(), before);
        fs::remove_file(path).unwrap();
    }
}
