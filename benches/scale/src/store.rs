//! The store of an account, or of a part of its peers: a SQLite file in which everything that is secret is sealed.

use std::error::Error;
use std::path::Path;

use evanesce::snapshot::{SnapshotError, StorageKey};
use evanesce::{Account, Peer};
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::SeedableRng;
use rusqlite::{Connection, params};

/// As in `examples/restart`, where it says why. But there each transaction is copied into the file by itself; here what
/// came before stays in the write-ahead log until that has a thousand pages, as it is where nobody says otherwise.
const SETTINGS: &str = "
    PRAGMA locking_mode = EXCLUSIVE;
    PRAGMA journal_mode = WAL;
    PRAGMA synchronous = FULL;
    PRAGMA secure_delete = ON;
    PRAGMA cache_size = -65536;";

const TABLES: &str = "
    CREATE TABLE account (sealed BLOB NOT NULL);
    CREATE TABLE peers (number INTEGER PRIMARY KEY, sealed BLOB NOT NULL);
    CREATE TABLE messages (number INTEGER PRIMARY KEY, peer INTEGER NOT NULL, sealed BLOB NOT NULL);
    CREATE TABLE outbox (number INTEGER PRIMARY KEY, message BLOB NOT NULL);";

/// The application's kind of sealed content; those below 64 are the library's.
const MESSAGE: u8 = 64;

pub struct Store {
    database: Connection,
    key: StorageKey,
    /// Salts. A true store draws them from the operating system.
    rng: ChaCha20Rng,
    messages: usize,
}

impl Store {
    /// A new one.
    pub fn create(file: &Path) -> Result<Self, Box<dyn Error>> {
        let database = Connection::open(file)?;
        database.execute_batch(SETTINGS)?;
        database.execute_batch(TABLES)?;
        let rng = ChaCha20Rng::seed_from_u64(2);
        Ok(Self { database, key: StorageKey::new(&[7; 32]), rng, messages: 0 })
    }

    /// Begins a transaction.
    pub fn begin(&self) -> rusqlite::Result<()> {
        self.database.prepare_cached("BEGIN IMMEDIATE")?.execute([]).map(drop)
    }

    /// When this returns, what was written is on the disk.
    pub fn commit(&self) -> rusqlite::Result<()> {
        self.database.prepare_cached("COMMIT")?.execute([]).map(drop)
    }

    /// Takes all that was written into the file itself.
    pub fn tidy(&self) -> rusqlite::Result<()> {
        self.database.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))
    }

    /// A peer as it is stored.
    pub fn sealed_peer(&self, row: usize) -> rusqlite::Result<Vec<u8>> {
        let sql = "SELECT sealed FROM peers WHERE number = ?";
        self.database.prepare_cached(sql)?.query_row([row], |found| found.get(0))
    }

    pub fn unseal(&self, row: usize, sealed: &[u8]) -> Result<Peer, SnapshotError> {
        Peer::unseal(sealed, &self.key, &place("peers", row))
    }

    pub fn seal(&mut self, row: usize, peer: &Peer) -> Vec<u8> {
        peer.seal(&self.key, &place("peers", row), &mut self.rng)
    }

    /// All of them, in the order of their rows.
    pub fn peers(&self) -> Result<Vec<Peer>, Box<dyn Error>> {
        let mut query =
            self.database.prepare("SELECT number, sealed FROM peers ORDER BY number")?;
        let mut rows = query.query([])?;
        let mut peers = Vec::new();
        while let Some(found) = rows.next()? {
            peers.push(self.unseal(found.get(0)?, found.get_ref(1)?.as_blob()?)?);
        }
        Ok(peers)
    }

    pub fn put_peer(&self, row: usize, sealed: &[u8]) -> rusqlite::Result<()> {
        let sql = "REPLACE INTO peers VALUES (?, ?)";
        self.database.prepare_cached(sql)?.execute(params![row, sealed]).map(drop)
    }

    pub fn save_account(&mut self, account: &Account) -> rusqlite::Result<()> {
        let sealed = account.seal(&self.key, &place("account", 0), &mut self.rng);
        let sql = "REPLACE INTO account (rowid, sealed) VALUES (1, ?)";
        self.database.prepare_cached(sql)?.execute(params![sealed]).map(drop)
    }

    pub fn add_message(&mut self, row: usize, body: &[u8]) -> rusqlite::Result<()> {
        self.messages += 1;
        let place = place("messages", self.messages);
        let sealed = self.key.seal(body, MESSAGE, &place, &mut self.rng);
        let sql = "INSERT INTO messages VALUES (?, ?, ?)";
        let values = params![self.messages, row, sealed];
        self.database.prepare_cached(sql)?.execute(values).map(drop)
    }

    pub fn add_to_outbox(&self, message: &[u8]) -> rusqlite::Result<()> {
        let sql = "INSERT INTO outbox (message) VALUES (?)";
        self.database.prepare_cached(sql)?.execute([message]).map(drop)
    }

    /// What was committed has been handed over.
    pub fn empty_outbox(&self) -> rusqlite::Result<()> {
        self.database.prepare_cached("DELETE FROM outbox")?.execute([]).map(drop)
    }
}

/// What a sealed row is bound to, so that no two can be swapped.
fn place(table: &str, row: usize) -> Vec<u8> {
    format!("{table}/{row}").into_bytes()
}
