//! The index: which rows have which words, as an FTS5 table of tokens beside the rows.
//!
//! A token is a keyed hash of a word, since plain words would undo the sealing of the rows they are of. Who has the
//! file and not the key still sees how many different words a row has, and which rows have one in common: a word that
//! is in most of them is likely a common one of the language. Neither the order of words nor how often one stands in
//! a row is in it.
//!
//! SQLite's `secure_delete` alone leaves the words of a deleted row in the index twice: in the segment that they were
//! written into, and in a newer one that says that they are deleted. With the table's own `secure-delete` they are
//! taken out of the pages instead, which `secure_delete` then wipes.

use std::collections::BTreeSet;

use evanesce::snapshot::StorageKey;
use rusqlite::{Connection, OptionalExtension, params};

use crate::words::Words;

/// Before each word, so that no token is the name of a row: those begin with a small number.
const LABEL: &[u8] = b"word/";

/// Bytes of a token: enough that no two words share one.
const TOKEN_LENGTH: usize = 8;

/// `content` is the table's own: without it a deletion could not know what to take out. `detail = none`: no order.
/// `secure-delete` is kept with the table; it says no to SQLite before 3.42, and then the store does not open.
const TABLE: &str = "
    BEGIN IMMEDIATE;
    CREATE VIRTUAL TABLE words USING fts5(tokens, detail = none, tokenize = 'ascii');
    INSERT INTO words(words, rank) VALUES ('secure-delete', 1);
    COMMIT;";

pub fn create(database: &Connection) -> rusqlite::Result<()> {
    let sql = "SELECT 1 FROM sqlite_schema WHERE name = 'words'";
    match database.query_row(sql, [], |_| Ok(())).optional()? {
        Some(()) => Ok(()),
        None => database.execute_batch(TABLE),
    }
}

/// Adds the words of a row that is new. The words of a row do not change.
pub fn add(
    database: &Connection,
    key: &StorageKey,
    name: &[u8; 32],
    words: &Words,
) -> rusqlite::Result<()> {
    let number = number(name);
    let sql = "SELECT 1 FROM words WHERE rowid = ?";
    if words.is_empty() || database.query_row(sql, [number], |_| Ok(())).optional()?.is_some() {
        return Ok(());
    }
    let tokens = tokens(key, words).join(" ");
    database.execute("INSERT INTO words(rowid, tokens) VALUES (?, ?)", params![number, tokens])?;
    Ok(())
}

pub fn remove(database: &Connection, name: &[u8; 32]) -> rusqlite::Result<()> {
    database.execute("DELETE FROM words WHERE rowid = ?", [number(name)])?;
    Ok(())
}

/// What the names of the rows begin with that have all of these words; nothing, if no words are given.
pub fn find(
    database: &Connection,
    key: &StorageKey,
    words: &Words,
) -> rusqlite::Result<Vec<[u8; 8]>> {
    if words.is_empty() {
        return Ok(Vec::new());
    }
    let tokens = tokens(key, words).join(" AND ");
    let mut query = database.prepare("SELECT rowid FROM words WHERE words MATCH ?")?;
    let numbers = query.query_map([tokens], |row| row.get::<_, i64>(0))?;
    numbers.map(|number| number.map(i64::to_be_bytes)).collect()
}

/// Sorted, so that their order says nothing of that in the text.
pub fn tokens(key: &StorageKey, words: &Words) -> Vec<String> {
    let token = |word: &str| {
        let name = key.row_name(&[LABEL, word.as_bytes()].concat());
        name.iter().take(TOKEN_LENGTH).map(|byte| format!("{byte:02x}")).collect()
    };
    words.iter().map(token).collect::<BTreeSet<String>>().into_iter().collect()
}

/// By which number the index knows a row: what its name begins with.
fn number(name: &[u8; 32]) -> i64 {
    let [a, b, c, d, e, f, g, h, ..] = *name;
    i64::from_be_bytes([a, b, c, d, e, f, g, h])
}
