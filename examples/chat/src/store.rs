//! One person's store: a SQLite file of sealed rows. What they are called is hashed under a key, so the file shows
//! how many rows there are, how long, and when they changed; not what they are or of whom.

mod index;
mod pieces;
mod vault;

use std::fmt;
use std::fs::OpenOptions;
use std::io;
use std::path::Path;

use evanesce::expiry::MessageId;
use evanesce::rand_core::Rng;
use evanesce::snapshot::StorageKey;
use evanesce::zeroize::Zeroizing;
use rusqlite::{Connection, OptionalExtension, Transaction, params};

use crate::random;
use crate::row::{Held, Row, Write};
use crate::store::pieces::Pieces;
use crate::store::vault::{Cost, Lock, VaultError};
use crate::words::Words;

/// The kind of a sealed row.
const ROW: u8 = 65;

/// The kind of the sealed key of a file.
const FILE_KEY: u8 = 66;

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
    CREATE TABLE IF NOT EXISTS apart (name BLOB PRIMARY KEY, sealed BLOB NOT NULL);
    CREATE TABLE IF NOT EXISTS files (name BLOB PRIMARY KEY, sealed BLOB NOT NULL) WITHOUT ROWID;
    COMMIT;";

/// After so many deletions, and at each start, the file is written anew. When SQLite moves rows within and between pages it
/// leaves copies in what is unused of a page, now and then, and wipes them with nothing else.
const DELETIONS_BEFORE_VACUUM: u32 = 1_000;

pub struct Store {
    database: Connection,
    key: StorageKey,
    pieces: Pieces,
    /// Since the file was written anew.
    deletions: u32,
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
    /// Nor can those beside it.
    Files(io::Error),
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
        index::create(&database)?;
        let pieces = Pieces::open(path)?;
        let mut store = Self { database, key, pieces, deletions: 0 };
        store.write_anew()?;
        store.pieces.keep_only(&store.files()?)?;
        Ok(store)
    }

    /// All rows, in the order of what they are.
    pub fn rows(&self) -> Result<Vec<Held>, StoreError> {
        let mut query = self.database.prepare("SELECT name, sealed FROM rows")?;
        let mut stored = query.query([])?;
        let mut rows = Vec::new();
        while let Some(row) = stored.next()? {
            rows.push(self.held(row)?);
        }
        rows.sort_by(|first, second| first.row.cmp(&second.row));
        Ok(rows)
    }

    /// A part of a file.
    pub fn piece(&self, message: MessageId, number: u64) -> Result<Zeroizing<Vec<u8>>, StoreError> {
        let name = row_name(&self.key, &Row::Pieces(message))?;
        let key = file_key(&self.database, &self.key, &name)?.ok_or(StoreError::Damaged)?;
        self.pieces.read(&name, number, &key)?.ok_or(StoreError::Damaged)
    }

    /// What the files are called of which there are parts.
    fn files(&self) -> Result<Vec<[u8; 32]>, StoreError> {
        let mut query = self.database.prepare("SELECT name FROM files")?;
        let names = query.query_map([], |row| row.get(0))?;
        Ok(names.collect::<Result<_, _>>()?)
    }

    /// A row of those in a table of their own, since they are not held in memory as all others are.
    pub fn apart(&self, row: &Row) -> Result<Option<Zeroizing<Vec<u8>>>, StoreError> {
        let name = row_name(&self.key, row)?;
        let sql = "SELECT name, sealed FROM apart WHERE name = ?";
        let mut query = self.database.prepare(sql)?;
        let mut stored = query.query([name])?;
        let Some(stored) = stored.next()? else { return Ok(None) };
        let held = self.held(stored)?;
        if held.row == *row { Ok(Some(held.value)) } else { Err(StoreError::Damaged) }
    }

    /// Which rows have all of these words.
    pub fn find(&self, words: &Words) -> Result<Vec<Row>, StoreError> {
        let sql =
            "SELECT name, sealed FROM rows WHERE name >= ?1 AND substr(name, 1, 8) = ?1 LIMIT 1";
        let mut query = self.database.prepare(sql)?;
        let mut rows = Vec::new();
        for start in index::find(&self.database, &self.key, words)? {
            // An index that knows a row which is not there was altered.
            let mut stored = query.query([start])?;
            let row = stored.next()?.ok_or(StoreError::Damaged)?;
            rows.push(self.held(row)?.row);
        }
        Ok(rows)
    }

    fn held(&self, row: &rusqlite::Row) -> Result<Held, StoreError> {
        let (name, sealed): (Vec<u8>, Vec<u8>) = (row.get(0)?, row.get(1)?);
        let state = self.key.open(&sealed, ROW, &name).map_err(|_| StoreError::Damaged)?;
        let (row, value): (Row, &[u8]) =
            postcard::take_from_bytes(&state).map_err(|_| StoreError::Damaged)?;
        Ok(Held { row, value: Zeroizing::new(value.to_vec()) })
    }

    /// Writes all or nothing. After an error what is in memory is ahead of the store: do not go on with it.
    pub fn commit(&mut self, writes: &[Write]) -> Result<(), StoreError> {
        if writes.is_empty() {
            return Ok(());
        }
        let transaction = self.database.transaction()?;
        let (mut deletions, mut removed): (u32, _) = (0, Vec::new());
        for Write { row, value, words } in writes {
            if let (Row::Piece(message, number), Some(value)) = (row, value) {
                let name = row_name(&self.key, &Row::Pieces(*message))?;
                let key = made_file_key(&transaction, &self.key, &name)?;
                // Before it counts: what a crash leaves of it is written over.
                self.pieces.write(&name, *number, value, &key, &mut random::system())?;
                continue;
            }
            let table = match row {
                Row::Evidence(_) => "apart",
                Row::Piece(..) | Row::Pieces(_) => "files",
                _ => "rows",
            };
            let kind = row;
            let row = postcard::to_allocvec(row).map_err(|_| StoreError::Damaged)?;
            let name = self.key.row_name(&row);
            match value {
                Some(value) => {
                    let state = Zeroizing::new([&row[..], value].concat());
                    let rng = &mut random::system();
                    let sealed = self.key.seal(&state, ROW, &name, rng);
                    let sql = format!("REPLACE INTO {table} VALUES (?, ?)");
                    transaction.execute(&sql, params![name, sealed])?;
                    index::add(&transaction, &self.key, &name, words)?;
                }
                None => {
                    deletions = deletions.saturating_add(1);
                    let sql = format!("DELETE FROM {table} WHERE name = ?");
                    transaction.execute(&sql, [name])?;
                    index::remove(&transaction, &name)?;
                    if let Row::Pieces(_) = kind {
                        removed.push(name);
                    }
                }
            }
        }
        transaction.commit()?;
        // Their keys are gone. If this is not done any more, the next start does it.
        removed.iter().try_for_each(|name| self.pieces.remove(name))?;
        self.deletions = self.deletions.saturating_add(deletions);
        match deletions {
            0 => Ok(()),
            _ if self.deletions >= DELETIONS_BEFORE_VACUUM => self.write_anew(),
            _ => self.forget_log(),
        }
    }

    /// Writes all that is held into pages in which nothing else has been.
    fn write_anew(&mut self) -> Result<(), StoreError> {
        self.database.execute_batch("VACUUM")?;
        self.deletions = 0;
        self.forget_log()
    }

    /// Carries the log over into the file, and cuts it off.
    fn forget_log(&self) -> Result<(), StoreError> {
        Ok(self.database.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))?)
    }
}

fn row_name(key: &StorageKey, row: &Row) -> Result<[u8; 32], StoreError> {
    let row = postcard::to_allocvec(row).map_err(|_| StoreError::Damaged)?;
    Ok(key.row_name(&row))
}

/// The key of a file's parts.
fn file_key(
    database: &Connection,
    key: &StorageKey,
    name: &[u8; 32],
) -> Result<Option<StorageKey>, StoreError> {
    let sql = "SELECT sealed FROM files WHERE name = ?";
    let sealed = database.query_row(sql, [name], |row| row.get::<_, Vec<u8>>(0)).optional()?;
    let Some(sealed) = sealed else { return Ok(None) };
    let secret = key.open(&sealed, FILE_KEY, name).map_err(|_| StoreError::Damaged)?;
    let secret = <&[u8; 32]>::try_from(&secret[..]).map_err(|_| StoreError::Damaged)?;
    Ok(Some(StorageKey::new(secret)))
}

/// The same; a new one, if there is none.
fn made_file_key(
    transaction: &Transaction<'_>,
    key: &StorageKey,
    name: &[u8; 32],
) -> Result<StorageKey, StoreError> {
    if let Some(made) = file_key(transaction, key, name)? {
        return Ok(made);
    }
    let rng = &mut random::system();
    let mut secret = Zeroizing::new([0; 32]);
    rng.fill_bytes(&mut *secret);
    let sealed = key.seal(&*secret, FILE_KEY, name, rng);
    transaction.execute("INSERT INTO files VALUES (?, ?)", params![name, sealed])?;
    Ok(StorageKey::new(&secret))
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

impl From<io::Error> for StoreError {
    fn from(error: io::Error) -> Self {
        Self::Files(error)
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
            Self::Files(error) => {
                write!(formatter, "the files beside the store cannot be used: {error}")
            }
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
        let value = value.map(|value| Zeroizing::new(value.to_vec()));
        Write { row, value, words: Words::default() }
    }

    fn message(number: u32, text: &str) -> Write {
        let value = Some(Zeroizing::new(text.as_bytes().to_vec()));
        Write { row: row(number), value, words: Words::of(text) }
    }

    fn row(number: u32) -> Row {
        Row::Message(MessageId::from(u64::from(number)))
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
    fn pieces_of_files_are_no_rows_and_each_is_in_its_place() {
        let path = file("pieces");
        let mut store = Store::open(&path, "passphrase").unwrap();
        let (id, other) = (MessageId::from(7), MessageId::from(8));
        let piece =
            |id, number, length: usize| write(Row::Piece(id, number), Some(&vec![0xa5; length]));
        store.commit(&[piece(id, 0, 65_536), piece(id, 1, 9), piece(other, 0, 9)]).unwrap();
        assert!(store.rows().unwrap().is_empty());
        assert_eq!(store.piece(id, 0).unwrap()[..], [0xa5; 65_536]);
        assert_eq!(store.piece(id, 1).unwrap()[..], [0xa5; 9]);
        // The same again is the same: a crash came between the part and its count.
        store.commit(&[piece(id, 1, 9)]).unwrap();
        assert_eq!(store.piece(id, 1).unwrap()[..], [0xa5; 9]);
        assert!(matches!(store.piece(id, 2), Err(StoreError::Damaged)));
        let files = || -> Vec<PathBuf> {
            let directory = fs::read_dir(format!("{}.files", path.display())).unwrap();
            directory.map(|entry| entry.unwrap().path()).collect()
        };
        for sealed in files().into_iter().chain([path.clone()]) {
            assert!(!bytes(&sealed).windows(9).any(|window| window == [0xa5; 9]));
        }
        // When the key goes, so does the file; one that a crash has left, at the next start.
        store.commit(&[write(Row::Pieces(id), None)]).unwrap();
        assert!(matches!(store.piece(id, 0), Err(StoreError::Damaged)));
        let [of_other] = &files()[..] else { panic!("one file") };
        fs::copy(of_other, of_other.with_file_name("ab".repeat(32))).unwrap();
        drop(store);
        let store = Store::open(&path, "passphrase").unwrap();
        assert_eq!(&files(), std::slice::from_ref(of_other));
        assert_eq!(store.piece(other, 0).unwrap()[..], [0xa5; 9]);
        // One that was altered is noticed.
        let mut altered = fs::read(of_other).unwrap();
        *altered.last_mut().unwrap() ^= 1;
        fs::write(of_other, altered).unwrap();
        assert!(matches!(store.piece(other, 0), Err(StoreError::Damaged)));
        drop(store);
        fs::remove_dir_all(format!("{}.files", path.display())).unwrap();
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

    #[test]
    fn what_has_all_of_the_words_is_found_until_it_is_deleted() {
        let path = file("find");
        let mut store = Store::open(&path, "passphrase").unwrap();
        let texts = ["the key of the door", "a KEY, under a stone", "no more"];
        let writes: Vec<Write> = (0..).zip(texts).map(|(it, text)| message(it, text)).collect();
        store.commit(&writes).unwrap();
        let find = |store: &Store, words: &str| {
            let mut rows = store.find(&Words::of(words)).unwrap();
            rows.sort();
            rows
        };
        assert_eq!(find(&store, "Key"), [row(0), row(1)]);
        assert_eq!(find(&store, "key stone"), [row(1)]);
        for nothing in ["key more", "ke", "rows", "NOT", "", "\"key", "key*"] {
            let found = find(&store, nothing);
            assert!(found.is_empty() || Words::of(nothing) == Words::of("key"), "{nothing}");
        }
        // It changes, and its words stay; they go with it, and come back with it.
        store.commit(&[write(row(0), Some(b"read"))]).unwrap();
        assert_eq!(find(&store, "door"), [row(0)]);
        store.commit(&[write(row(0), None)]).unwrap();
        assert_eq!(find(&store, "door"), []);
        drop(store);
        let mut store = Store::open(&path, "passphrase").unwrap();
        store.commit(&[message(0, "key again")]).unwrap();
        assert_eq!(find(&store, "key"), [row(0), row(1)]);
        drop(store);
        fs::remove_file(path).unwrap();
    }

    /// All bytes of the file, its log and its journal.
    fn bytes(path: &Path) -> Vec<u8> {
        let ends = ["", "-wal", "-shm", "-journal"].map(|end| format!("{}{end}", path.display()));
        ends.iter().flat_map(|path| fs::read(path).unwrap_or_default()).collect()
    }

    fn word(number: u32) -> String {
        format!("rare{number}x")
    }

    /// How many tokens of these words are in the files; looked for without their beginnings, which an index shares.
    fn tokens_left(store: &Store, path: &Path, words: impl Iterator<Item = u32>) -> usize {
        let bytes = bytes(path);
        let parts: std::collections::BTreeSet<&[u8]> = bytes.windows(11).collect();
        words
            .filter(|number| {
                let token = index::tokens(&store.key, &Words::of(&word(*number))).remove(0);
                parts.contains(&token.as_bytes()[5..])
            })
            .count()
    }

    /// A store of many messages with a rare word each; the first hundred are deleted by `delete`. How many tokens of
    /// theirs are left then, and after the next start.
    fn tokens_left_after(name: &str, setting: &str, delete: fn(&mut Store, Row)) -> (usize, usize) {
        let path = file(name);
        let mut store = Store::open(&path, "passphrase").unwrap();
        store.database.execute_batch("PRAGMA synchronous = OFF").unwrap();
        store.database.execute_batch(setting).unwrap();
        for part in 0..30 {
            let text = |number| format!("{} and common words {}", word(number), number % 7);
            let numbers = (0..20).map(|place| place * 30 + part);
            let writes: Vec<Write> = numbers.map(|it| message(it, &text(it))).collect();
            store.commit(&writes).unwrap();
        }
        assert_eq!(tokens_left(&store, &path, 0..600), 600);
        for number in 0..100 {
            delete(&mut store, row(number));
        }
        assert!(!bytes(&path).windows(5).any(|window| window == b"rare1"));
        assert_eq!(tokens_left(&store, &path, 100..600), 500);
        let left = tokens_left(&store, &path, 0..100);
        drop(store);
        let store = Store::open(&path, "passphrase").unwrap();
        assert_eq!(tokens_left(&store, &path, 100..600), 500);
        let left_later = tokens_left(&store, &path, 0..100);
        drop(store);
        fs::remove_file(path).unwrap();
        (left, left_later)
    }

    fn by_commit(store: &mut Store, row: Row) {
        store.commit(&[write(row, None)]).unwrap();
    }

    /// As [`Store::commit`], and the log is left.
    fn without_cutting_the_log(store: &mut Store, row: Row) {
        let name = store.key.row_name(&postcard::to_allocvec(&row).unwrap());
        let transaction = store.database.transaction().unwrap();
        transaction.execute("DELETE FROM rows WHERE name = ?", [name]).unwrap();
        index::remove(&transaction, &name).unwrap();
        transaction.commit().unwrap();
    }

    #[test]
    fn a_deleted_message_leaves_no_word_and_no_token_in_any_file() {
        let (left, left_later) = tokens_left_after("forgets", "", by_commit);
        // In one of twenty runs or so SQLite has moved one of them.
        assert!(left <= 3, "{left}");
        assert_eq!(left_later, 0);
    }

    #[test]
    fn after_many_deletions_the_file_is_written_anew() {
        let path = file("anew");
        let mut store = Store::open(&path, "passphrase").unwrap();
        store.commit(&[message(0, &word(0))]).unwrap();
        // What no deletion wipes: the same text in a table that is not the store's, which has gone.
        let token = index::tokens(&store.key, &Words::of(&word(0))).remove(0);
        let sql =
            "PRAGMA secure_delete = OFF; CREATE TABLE other (text); INSERT INTO other VALUES ";
        store.database.execute_batch(&format!("{sql} ('{token}'); DELETE FROM other")).unwrap();
        store.database.execute_batch("PRAGMA secure_delete = ON").unwrap();
        by_commit(&mut store, row(0));
        assert_eq!(tokens_left(&store, &path, 0..1), 1);
        for number in 1..DELETIONS_BEFORE_VACUUM - 1 {
            by_commit(&mut store, row(number));
        }
        assert_eq!(tokens_left(&store, &path, 0..1), 1);
        by_commit(&mut store, row(0));
        assert_eq!(tokens_left(&store, &path, 0..1), 0);
        drop(store);
        fs::remove_file(path).unwrap();
    }

    #[test]
    fn without_each_of_its_measures_the_store_would_keep_tokens() {
        let option = "INSERT INTO words(words, rank) VALUES ('secure-delete', 0)";
        let (left, left_later) = tokens_left_after("no-option", option, by_commit);
        assert!(left > 50 && left_later > 50, "{left} {left_later}");
        assert!(tokens_left_after("no-wipe", "PRAGMA secure_delete = OFF", by_commit).0 > 3);
        let usual = "PRAGMA wal_autocheckpoint = 1000";
        assert!(tokens_left_after("no-cut", usual, without_cutting_the_log).0 > 3);
        assert!(tokens_left_after("cut", usual, by_commit).0 <= 3);
    }
}
