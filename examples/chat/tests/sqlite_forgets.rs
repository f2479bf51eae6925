//! What SQLite keeps of deleted text, in all bytes of all its files, and what makes it forget: the advice of the guide,
//! with the SQLite that is built here. What must be found without a measure shows that the search finds.

use std::fs;
use std::path::PathBuf;

use rusqlite::Connection;

/// Rare words, without their first letters: an index shortens what two neighbours begin with.
const REST_OF_WORDS: [&[u8]; 2] = [b"yzzyva", b"uincunx"];

const OWN_OPTION: &str = "INSERT INTO words(words, rank) VALUES ('secure-delete', 1)";
const OPTIMIZE: &str = "INSERT INTO words(words) VALUES ('optimize')";
const CUT_LOG: &str = "PRAGMA wal_checkpoint(TRUNCATE)";

struct Database {
    path: PathBuf,
    connection: Connection,
}

impl Database {
    fn new(name: &str, settings: &[&str]) -> Self {
        let path =
            PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("forgets-{name}.sqlite"));
        let database = Self { connection: open_new(&path), path };
        database.does("PRAGMA synchronous = OFF");
        settings.iter().for_each(|setting| database.does(setting));
        database
    }

    fn does(&self, sql: &str) {
        let mut query = self.connection.prepare(sql).unwrap();
        let mut rows = query.query([]).unwrap();
        while rows.next().unwrap().is_some() {}
    }

    /// Makes an index with many texts, of which the one with the rare words has been deleted.
    fn deletes_an_indexed_text(&self, options: &str, settings: &[&str]) {
        self.does(&format!("CREATE VIRTUAL TABLE words USING fts5(text {options})"));
        settings.iter().for_each(|setting| self.does(setting));
        let insert = |id: u32, text: &str| {
            let sql = "INSERT INTO words(rowid, text) VALUES (?, ?)";
            self.connection.execute(sql, (id, text)).unwrap();
        };
        (0..400).for_each(|id| insert(id, &format!("common word{id}")));
        insert(1_000, "hello zyzzyva quincunx");
        (400..800).for_each(|id| insert(id, &format!("common word{id}")));
        assert!(self.count(b"yzzyva") > 0);
        self.does("DELETE FROM words WHERE rowid = 1000");
    }

    /// All bytes of the file, its log and its journal.
    fn bytes(&self) -> Vec<u8> {
        ends(&self.path).into_iter().flat_map(|path| fs::read(path).unwrap_or_default()).collect()
    }

    fn count(&self, part: &[u8]) -> usize {
        self.bytes().windows(part.len()).filter(|window| *window == part).count()
    }

    fn counts(&self) -> [usize; 2] {
        REST_OF_WORDS.map(|word| self.count(word))
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            ends(&self.path).iter().for_each(|path| _ = fs::remove_file(path));
        }
    }
}

fn ends(path: &std::path::Path) -> [PathBuf; 4] {
    ["", "-wal", "-shm", "-journal"].map(|end| format!("{}{end}", path.display()).into())
}

fn open_new(path: &std::path::Path) -> Connection {
    ends(path).iter().for_each(|path| _ = fs::remove_file(path));
    Connection::open(path).unwrap()
}

const SECURE: &str = "PRAGMA secure_delete = ON";
const LOG: &str = "PRAGMA journal_mode = WAL";

#[test]
fn an_index_keeps_deleted_words_twice_though_secure_delete_is_on() {
    let database = Database::new("twice", &[SECURE]);
    database.deletes_an_indexed_text("", &[]);
    assert_eq!(database.counts(), [2, 2]);
}

#[test]
fn an_index_forgets_them_with_its_own_option() {
    let database = Database::new("option", &[SECURE]);
    database.deletes_an_indexed_text("", &[OWN_OPTION]);
    assert_eq!(database.counts(), [0, 0]);
}

#[test]
fn neither_is_enough_without_secure_delete() {
    let off = "PRAGMA secure_delete = OFF";
    let database = Database::new("option-alone", &[off]);
    database.deletes_an_indexed_text("", &[OWN_OPTION]);
    assert_ne!(database.counts(), [0, 0]);
    let database = Database::new("optimize-alone", &[off]);
    database.deletes_an_indexed_text("", &[]);
    database.does(OPTIMIZE);
    assert_ne!(database.counts(), [0, 0]);
}

#[test]
fn an_index_forgets_them_when_it_is_optimized() {
    let database = Database::new("optimize", &[SECURE]);
    database.deletes_an_indexed_text("", &[]);
    database.does(OPTIMIZE);
    assert_eq!(database.counts(), [0, 0]);
}

#[test]
fn an_index_without_content_that_deletes_keeps_them_whatever_its_option_says() {
    let database = Database::new("contentless", &[SECURE]);
    database.deletes_an_indexed_text(", content='', contentless_delete=1", &[OWN_OPTION]);
    assert_eq!(database.counts(), [1, 1]);
}

#[test]
fn the_log_keeps_them_until_it_is_cut_off() {
    let database = Database::new("log", &[LOG, SECURE]);
    database.deletes_an_indexed_text("", &[OWN_OPTION]);
    assert!(database.counts().into_iter().all(|count| count > 2), "{:?}", database.counts());
    database.does("PRAGMA wal_checkpoint(PASSIVE)");
    assert!(database.counts().into_iter().all(|count| count > 2), "{:?}", database.counts());
    database.does(CUT_LOG);
    assert_eq!(database.counts(), [0, 0]);
}

#[test]
fn fast_leaves_nearly_all_of_a_long_body() {
    let body: String = (0..3_000).map(|number| format!("[part {number:04}]")).collect();
    let left = |setting: &str| {
        let database = Database::new("fast", &[setting]);
        database.does("CREATE TABLE bodies (id INTEGER PRIMARY KEY, body TEXT)");
        database.connection.execute("INSERT INTO bodies VALUES (1, ?)", [&body]).unwrap();
        database.does("DELETE FROM bodies");
        let bytes = String::from_utf8_lossy(&database.bytes()).into_owned();
        (0..3_000).filter(|number| bytes.contains(&format!("[part {number:04}]"))).count()
    };
    assert_eq!(left(SECURE), 0);
    let left = left("PRAGMA secure_delete = FAST");
    println!("of 3,000 parts, FAST left {left}");
    assert!(left > 2_700, "{left}");
}
