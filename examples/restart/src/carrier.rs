//! The carrier: a file that stands in for a server. It hands out prekeys, and keeps each message until its
//! recipient acknowledges it, so that a message arrives at least once.

use std::error::Error;
use std::path::Path;
use std::time::Duration;

use evanesce::server::{PreKeyStock, PreKeyUpload, PublishedPreKeys};
use rusqlite::{Connection, OptionalExtension, Transaction, TransactionBehavior, params};

use crate::stop;

/// Acknowledged messages stay, so that the test finds all that was ever handed over. A server deletes them.
const TABLES: &str = "
    CREATE TABLE IF NOT EXISTS prekeys (address TEXT PRIMARY KEY, published TEXT NOT NULL);
    CREATE TABLE IF NOT EXISTS mail (id INTEGER PRIMARY KEY, recipient TEXT NOT NULL,
        message BLOB NOT NULL, acknowledged INTEGER NOT NULL DEFAULT 0);";

pub struct Carrier(Connection);

impl Carrier {
    pub fn open(directory: &Path) -> Result<Self, Box<dyn Error>> {
        let database = Connection::open(directory.join("carrier.sqlite"))?;
        database.busy_timeout(Duration::from_secs(10))?;
        // How durable a server is does not matter here: this file has to outlive processes, not the machine.
        database.pragma_update(None, "synchronous", "OFF")?;
        database.execute_batch(TABLES)?;
        Ok(Self(database))
    }

    pub fn publish(&mut self, address: &str, upload: PreKeyUpload) -> Result<(), Box<dyn Error>> {
        let transaction = self.0.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let published = match published(&transaction, address)? {
            None => PublishedPreKeys::new(upload),
            Some(mut published) => {
                published.publish(upload);
                published
            }
        };
        store(transaction, address, &published)
    }

    /// What is left of the prekeys of this address, for the device that publishes there.
    pub fn stock(&mut self, address: &str) -> Result<PreKeyStock, Box<dyn Error>> {
        let published = published(&self.0.transaction()?, address)?;
        Ok(published.map_or(PreKeyStock::NOTHING, |published| published.stock()))
    }

    /// A bundle for whoever wants to write to this address; `None` if nothing was published yet.
    pub fn hand_out(&mut self, address: &str) -> Result<Option<Vec<u8>>, Box<dyn Error>> {
        let transaction = self.0.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let Some(mut published) = published(&transaction, address)? else {
            return Ok(None);
        };
        let bundle = published.hand_out();
        store(transaction, address, &published)?;
        Ok(Some(bundle))
    }

    pub fn take(&self, recipient: &str, message: &[u8]) -> rusqlite::Result<()> {
        let sql = "INSERT INTO mail (recipient, message) VALUES (?, ?)";
        self.0.execute(sql, params![recipient, message])?;
        stop::after_durable_step();
        Ok(())
    }

    /// What was not acknowledged, in the order in which it was handed over.
    pub fn mail(&self, recipient: &str) -> rusqlite::Result<Vec<(i64, Vec<u8>)>> {
        let sql =
            "SELECT id, message FROM mail WHERE recipient = ? AND NOT acknowledged ORDER BY id";
        let mut query = self.0.prepare(sql)?;
        query.query_map([recipient], |row| Ok((row.get(0)?, row.get(1)?)))?.collect()
    }

    pub fn acknowledge(&self, id: i64) -> rusqlite::Result<()> {
        self.0.execute("UPDATE mail SET acknowledged = 1 WHERE id = ?", [id])?;
        stop::after_durable_step();
        Ok(())
    }
}

fn published(
    transaction: &Transaction<'_>,
    address: &str,
) -> Result<Option<PublishedPreKeys>, Box<dyn Error>> {
    let sql = "SELECT published FROM prekeys WHERE address = ?";
    let row: Option<String> = transaction.query_row(sql, [address], |row| row.get(0)).optional()?;
    Ok(row.map(|row| serde_json::from_str(&row)).transpose()?)
}

fn store(
    transaction: Transaction<'_>,
    address: &str,
    published: &PublishedPreKeys,
) -> Result<(), Box<dyn Error>> {
    let row = serde_json::to_string(published)?;
    transaction.execute("REPLACE INTO prekeys VALUES (?, ?)", params![address, row])?;
    transaction.commit()?;
    stop::after_durable_step();
    Ok(())
}
