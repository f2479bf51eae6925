//! One person's store: a SQLite file in which everything that is secret is sealed.

use std::error::Error;
use std::fs::{self, File};
use std::io::{ErrorKind, Read, Write};
use std::path::Path;

use evanesce::rand_core::{Rng, UnwrapErr};
use evanesce::snapshot::StorageKey;
use evanesce::zeroize::Zeroizing;
use evanesce::{Account, Changes, Peer};
use getrandom::SysRng;
use rusqlite::{Connection, OptionalExtension, Transaction, params};

use crate::stop;

/// `synchronous=FULL`: what is committed outlives a power failure. `locking_mode=EXCLUSIVE`: a second process
/// of the same person cannot open the store, since two that go on from one state use a key twice.
/// The last three: former states hold keys that are gone from the present one, so they are overwritten in the
/// file, and the write-ahead log keeps the last transaction alone. What the disk keeps is another matter.
const SETTINGS: &str = "
    PRAGMA locking_mode = EXCLUSIVE;
    PRAGMA journal_mode = WAL;
    PRAGMA synchronous = FULL;
    PRAGMA secure_delete = ON;
    PRAGMA wal_autocheckpoint = 1;
    PRAGMA journal_size_limit = 0;";

const TABLES: &str = "
    CREATE TABLE IF NOT EXISTS accounts (address TEXT PRIMARY KEY, sealed BLOB NOT NULL);
    CREATE TABLE IF NOT EXISTS peers (address TEXT PRIMARY KEY, sealed BLOB NOT NULL);
    CREATE TABLE IF NOT EXISTS messages (sender TEXT, number INTEGER, sealed BLOB NOT NULL,
        PRIMARY KEY (sender, number));
    CREATE TABLE IF NOT EXISTS outbox (id INTEGER PRIMARY KEY, message BLOB NOT NULL);";

/// The application's kind of sealed content; those below 64 are the library's.
const MESSAGE: u8 = 64;

pub struct Store {
    database: Connection,
    key: StorageKey,
}

impl Store {
    pub fn open(directory: &Path, name: &str) -> Result<Self, Box<dyn Error>> {
        let key = storage_key(directory, name)?;
        let database = Connection::open(directory.join(format!("{name}.sqlite")))?;
        database.execute_batch(SETTINGS)?;
        database.execute_batch(TABLES)?;
        Ok(Self { database, key })
    }

    pub fn account(&self, address: &str) -> Result<Option<Account>, Box<dyn Error>> {
        let sealed = self.sealed("SELECT sealed FROM accounts WHERE address = ?", address)?;
        let ad = place("accounts", address);
        Ok(sealed.map(|sealed| Account::unseal(&sealed, &self.key, &ad)).transpose()?)
    }

    pub fn peer(&self, address: &str) -> Result<Option<Peer>, Box<dyn Error>> {
        let sealed = self.sealed("SELECT sealed FROM peers WHERE address = ?", address)?;
        let ad = place("peers", address);
        Ok(sealed.map(|sealed| Peer::unseal(&sealed, &self.key, &ad)).transpose()?)
    }

    fn sealed(&self, sql: &str, address: &str) -> rusqlite::Result<Option<Vec<u8>>> {
        self.database.query_row(sql, [address], |row| row.get(0)).optional()
    }

    /// How many messages of this sender are stored.
    pub fn count(&self, sender: &str) -> rusqlite::Result<i64> {
        count(&self.database, sender)
    }

    /// The messages of this sender, in the order in which they were stored.
    pub fn history(&self, sender: &str) -> Result<Vec<String>, Box<dyn Error>> {
        let sql = "SELECT number, sealed FROM messages WHERE sender = ? ORDER BY number";
        let mut query = self.database.prepare(sql)?;
        let mut rows = query.query([sender])?;
        let mut history = Vec::new();
        while let Some(row) = rows.next()? {
            let (number, sealed): (i64, Vec<u8>) = (row.get(0)?, row.get(1)?);
            let body = self.key.open(&sealed, MESSAGE, &message_place(sender, number))?;
            history.push(String::from_utf8(body.to_vec())?);
        }
        Ok(history)
    }

    /// What is to be handed over, in the order in which it was encrypted.
    pub fn outbox(&self) -> rusqlite::Result<Vec<(i64, Vec<u8>)>> {
        let mut query = self.database.prepare("SELECT id, message FROM outbox ORDER BY id")?;
        query.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?.collect()
    }

    pub fn handed_over(&self, id: i64) -> rusqlite::Result<()> {
        self.database.execute("DELETE FROM outbox WHERE id = ?", [id])?;
        stop::after_durable_step();
        Ok(())
    }

    /// Begins a transaction. Dropped without a commit, it has changed nothing.
    pub fn begin(&mut self) -> rusqlite::Result<Writing<'_>> {
        Ok(Writing { transaction: self.database.transaction()?, key: &self.key })
    }
}

/// What is stored together or not at all.
pub struct Writing<'store> {
    transaction: Transaction<'store>,
    key: &'store StorageKey,
}

impl Writing<'_> {
    /// Stores what a call says that it changed.
    pub fn save(&self, changes: Changes, account: &Account, peer: &Peer) -> rusqlite::Result<()> {
        if changes.account {
            self.save_account(account)?;
        }
        if changes.peer {
            let address = peer.address().to_string();
            let sealed = peer.seal(self.key, &place("peers", &address), &mut UnwrapErr(SysRng));
            self.put("REPLACE INTO peers VALUES (?, ?)", &address, &sealed)?;
        }
        Ok(())
    }

    fn save_account(&self, account: &Account) -> rusqlite::Result<()> {
        let address = account.device().address.to_string();
        let sealed = account.seal(self.key, &place("accounts", &address), &mut UnwrapErr(SysRng));
        self.put("REPLACE INTO accounts VALUES (?, ?)", &address, &sealed)
    }

    pub fn add_message(&self, sender: &str, body: &[u8]) -> rusqlite::Result<()> {
        let number = count(&self.transaction, sender)? + 1;
        let ad = message_place(sender, number);
        let sealed = self.key.seal(body, MESSAGE, &ad, &mut UnwrapErr(SysRng));
        let sql = "INSERT INTO messages VALUES (?, ?, ?)";
        self.transaction.execute(sql, params![sender, number, sealed]).map(drop)
    }

    pub fn add_to_outbox(&self, message: &[u8]) -> rusqlite::Result<()> {
        self.transaction.execute("INSERT INTO outbox (message) VALUES (?)", [message]).map(drop)
    }

    pub fn commit(self) -> rusqlite::Result<()> {
        self.transaction.commit()?;
        stop::after_durable_step();
        Ok(())
    }

    fn put(&self, sql: &str, address: &str, sealed: &[u8]) -> rusqlite::Result<()> {
        self.transaction.execute(sql, params![address, sealed]).map(drop)
    }
}

fn count(database: &Connection, sender: &str) -> rusqlite::Result<i64> {
    let sql = "SELECT count(*) FROM messages WHERE sender = ?";
    database.prepare(sql)?.query_row([sender], |row| row.get(0))
}

/// What a sealed row is bound to, so that no two can be swapped.
fn place(table: &str, row: &str) -> Vec<u8> {
    format!("{table}/{row}").into_bytes()
}

fn message_place(sender: &str, number: i64) -> Vec<u8> {
    place("messages", &format!("{sender}/{number}"))
}

/// The key that seals the store, made at the first start. Here it is a file beside it, which protects from
/// nobody; an application keeps it in the key store of its system.
fn storage_key(directory: &Path, name: &str) -> Result<StorageKey, Box<dyn Error>> {
    let path = directory.join(format!("{name}.key"));
    let mut key = Zeroizing::new([0; 32]);
    match File::open(&path) {
        Ok(mut file) => file.read_exact(&mut *key)?,
        Err(error) if error.kind() == ErrorKind::NotFound => {
            UnwrapErr(SysRng).fill_bytes(&mut *key);
            let unfinished = path.with_extension("unfinished");
            let mut file = File::create(&unfinished)?;
            file.write_all(&*key)?;
            file.sync_all()?;
            fs::rename(unfinished, path)?;
            File::open(directory)?.sync_all()?;
        }
        Err(error) => return Err(error.into()),
    }
    Ok(StorageKey::new(&key))
}
