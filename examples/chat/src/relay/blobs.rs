//! Blobs: bytes that the relay keeps for whoever knows what they are called, until their days are over. It is told nobody
//! who writes or reads one, and nothing of what is in it.
//!
//! A blob is a file beside the relay's store, and a row that says how much of it is stored for good. Only one that is
//! whole is read by anybody; one that is not written on for a day goes.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use evanesce::Timestamp;
use rusqlite::{Connection, OptionalExtension, TransactionBehavior, params};

use crate::relay::mailroom::{MailroomError, check, hash};
use crate::request::{BlobId, LARGEST_BLOB, LARGEST_PIECE, Refusal, Token};

/// How long a blob is kept that is whole. Its recipient may be away; then its sender sends it again.
const DAYS_OF_WHOLE: Duration = Duration::from_secs(30 * 86_400);

/// How long one is kept that is not, from when it was last written on.
const DAYS_OF_UNFINISHED: Duration = Duration::from_secs(86_400);

/// What a blob counts at least, so that the room bounds how many there are.
const LEAST: u64 = 64 * 1_024;

const SETTINGS: &str = "
    PRAGMA journal_mode = WAL;
    PRAGMA synchronous = FULL;
    CREATE TABLE IF NOT EXISTS blobs (id BLOB PRIMARY KEY, token BLOB NOT NULL, length INTEGER NOT NULL,
        stored INTEGER NOT NULL, ends INTEGER NOT NULL);
    CREATE INDEX IF NOT EXISTS blobs_end ON blobs (ends);";

pub struct Blobs {
    database: Connection,
    directory: PathBuf,
    /// Bytes of all blobs together. Nobody is named, so there is no other bound on what one person stores.
    room: u64,
}

/// What is known of a blob.
struct Held {
    token: Vec<u8>,
    length: u64,
    /// So many bytes of its file count. What may stand behind them was not answered for, and is written over.
    stored: u64,
}

impl Blobs {
    /// In the relay's store, and a directory beside it.
    pub fn open(store: &Path, room: u64) -> Result<Self, MailroomError> {
        let mut directory = store.as_os_str().to_owned();
        directory.push(".blobs");
        fs::create_dir_all(&directory)?;
        Self::prepare(Connection::open(store)?, directory.into(), room)
    }

    #[cfg(test)]
    pub fn in_memory() -> Self {
        let directory = tempfile::tempdir().unwrap().keep();
        Self::prepare(Connection::open_in_memory().unwrap(), directory, 1 << 20).unwrap()
    }

    fn prepare(database: Connection, directory: PathBuf, room: u64) -> Result<Self, MailroomError> {
        database.busy_timeout(Duration::from_secs(10))?;
        database.execute_batch(SETTINGS)?;
        Ok(Self { database, directory, room })
    }

    /// Makes room for a blob that its token writes. Of one that was begun before, says how much is stored.
    pub fn begin(
        &mut self,
        id: BlobId,
        token: &Token,
        length: u64,
        now: Timestamp,
    ) -> Result<u64, MailroomError> {
        if let Some(held) = self.held(id, now)? {
            check(token, &held.token)?;
            return if held.length == length {
                Ok(held.stored)
            } else {
                Err(Refusal::NotYours.into())
            };
        }
        if length > LARGEST_BLOB {
            return Err(Refusal::TooLarge.into());
        }
        // A part of an ended one that nobody has dropped yet.
        self.remove(id)?;
        let transaction =
            self.database.transaction_with_behavior(TransactionBehavior::Immediate)?;
        // What is announced counts: a blob that was begun can be ended.
        let sql = "SELECT coalesce(sum(max(length, ?)), 0) FROM blobs";
        let taken: i64 = transaction.query_row(sql, [whole(LEAST)], |row| row.get(0))?;
        if taken.unsigned_abs().saturating_add(length.max(LEAST)) > self.room {
            return Err(Refusal::NoRoom.into());
        }
        let sql = "INSERT INTO blobs VALUES (?, ?, ?, 0, ?)";
        let ends = whole(now.plus(DAYS_OF_UNFINISHED).unix_seconds());
        transaction.execute(sql, params![id.0, hash(token), whole(length), ends])?;
        transaction.commit()?;
        Ok(0)
    }

    /// Writes on where a blob ends; says how much of it is stored for good.
    pub fn put(
        &mut self,
        id: BlobId,
        token: &Token,
        offset: u64,
        bytes: &[u8],
        now: Timestamp,
    ) -> Result<u64, MailroomError> {
        let held = self.held(id, now)?.ok_or(Refusal::NoBlob)?;
        check(token, &held.token)?;
        let length = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        if bytes.len() > LARGEST_PIECE || offset.saturating_add(length) > held.length {
            return Err(Refusal::TooLarge.into());
        }
        let there = held.stored.checked_sub(offset).ok_or(Refusal::Gap)?;
        let new = usize::try_from(there).ok().and_then(|there| bytes.get(there..));
        let Some(new) = new.filter(|new| !new.is_empty()) else { return Ok(held.stored) };
        let mut options = OpenOptions::new();
        let mut file = options.write(true).create(true).truncate(false).open(self.path(id))?;
        file.seek(SeekFrom::Start(held.stored))?;
        file.write_all(new)?;
        file.sync_data()?;
        // That it is there at all is to outlive a power failure, too.
        #[cfg(unix)]
        if held.stored == 0 {
            File::open(&self.directory)?.sync_all()?;
        }
        let stored = offset.saturating_add(length);
        let days = if stored == held.length { DAYS_OF_WHOLE } else { DAYS_OF_UNFINISHED };
        let sql = "UPDATE blobs SET stored = ?, ends = ? WHERE id = ?";
        let ends = whole(now.plus(days).unix_seconds());
        self.database.execute(sql, params![whole(stored), ends, id.0])?;
        Ok(stored)
    }

    /// A part of a blob that is whole, and how many bytes all of it has.
    pub fn get(
        &mut self,
        id: BlobId,
        offset: u64,
        length: u32,
        now: Timestamp,
    ) -> Result<(u64, Vec<u8>), MailroomError> {
        let held = self.held(id, now)?.filter(|held| held.stored == held.length);
        let held = held.ok_or(Refusal::NoBlob)?;
        if usize::try_from(length).unwrap_or(usize::MAX) > LARGEST_PIECE {
            return Err(Refusal::TooLarge.into());
        }
        let mut file = File::open(self.path(id))?;
        file.seek(SeekFrom::Start(offset))?;
        let mut bytes = Vec::new();
        file.take(u64::from(length)).read_to_end(&mut bytes)?;
        Ok((held.length, bytes))
    }

    /// Deletes a blob; one that is not there is not.
    pub fn delete(&mut self, id: BlobId, token: &Token) -> Result<(), MailroomError> {
        let sql = "SELECT token FROM blobs WHERE id = ?";
        let held =
            self.database.query_row(sql, [id.0], |row| row.get::<_, Vec<u8>>(0)).optional()?;
        if let Some(expected) = held {
            check(token, &expected)?;
            self.remove(id)?;
        }
        Ok(())
    }

    /// Drops all whose days are over.
    pub fn drop_ended(&mut self, now: Timestamp) -> Result<(), MailroomError> {
        let ended: Vec<[u8; 16]> = {
            let mut query = self.database.prepare("SELECT id FROM blobs WHERE ends <= ?")?;
            let ids = query.query_map([whole(now.unix_seconds())], |row| row.get(0))?;
            ids.collect::<Result<_, _>>()?
        };
        ended.into_iter().try_for_each(|id| self.remove(BlobId(id)))
    }

    /// The file first: a file without a row would stay for ever.
    fn remove(&mut self, id: BlobId) -> Result<(), MailroomError> {
        match fs::remove_file(self.path(id)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error.into()),
            Ok(()) | Err(_) => {}
        }
        self.database.execute("DELETE FROM blobs WHERE id = ?", [id.0])?;
        Ok(())
    }

    /// One whose days are over is none, whether or not it has been dropped.
    fn held(&self, id: BlobId, now: Timestamp) -> Result<Option<Held>, MailroomError> {
        let sql = "SELECT token, length, stored FROM blobs WHERE id = ? AND ends > ?";
        let read = |row: &rusqlite::Row<'_>| {
            let (length, stored): (i64, i64) = (row.get(1)?, row.get(2)?);
            let (length, stored) = (length.unsigned_abs(), stored.unsigned_abs());
            Ok(Held { token: row.get(0)?, length, stored })
        };
        let now = whole(now.unix_seconds());
        Ok(self.database.query_row(sql, params![id.0, now], read).optional()?)
    }

    fn path(&self, id: BlobId) -> PathBuf {
        self.directory.join(id.to_string())
    }
}

/// As SQLite has numbers.
fn whole(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_unix_seconds(1_800_000_000);
    const ID: BlobId = BlobId([1; 16]);
    const TOKEN: Token = Token([2; 32]);

    fn refusal<T: std::fmt::Debug>(result: Result<T, MailroomError>) -> Refusal {
        match result.unwrap_err() {
            MailroomError::Refused(refusal) => refusal,
            other => panic!("{other}"),
        }
    }

    fn days(days: u64) -> Timestamp {
        NOW.plus(Duration::from_secs(days * 86_400))
    }

    fn files(blobs: &Blobs) -> usize {
        fs::read_dir(&blobs.directory).unwrap().count()
    }

    #[test]
    fn a_blob_is_read_by_ranges_once_it_is_whole_and_not_before() {
        let mut blobs = Blobs::in_memory();
        assert_eq!(blobs.begin(ID, &TOKEN, 10, NOW).unwrap(), 0);
        assert_eq!(blobs.put(ID, &TOKEN, 0, b"01234", NOW).unwrap(), 5);
        assert_eq!(refusal(blobs.get(ID, 0, 5, NOW)), Refusal::NoBlob);
        assert_eq!(blobs.begin(ID, &TOKEN, 10, NOW).unwrap(), 5);
        assert_eq!(blobs.put(ID, &TOKEN, 5, b"56789", NOW).unwrap(), 10);
        assert_eq!(blobs.get(ID, 3, 4, NOW).unwrap(), (10, b"3456".to_vec()));
        assert_eq!(blobs.get(ID, 8, 4, NOW).unwrap(), (10, b"89".to_vec()));
    }

    #[test]
    fn what_is_stored_is_not_written_again_and_no_gap_is_left() {
        let mut blobs = Blobs::in_memory();
        blobs.begin(ID, &TOKEN, 6, NOW).unwrap();
        blobs.put(ID, &TOKEN, 0, b"abc", NOW).unwrap();
        assert_eq!(blobs.put(ID, &TOKEN, 0, b"abc", NOW).unwrap(), 3);
        assert_eq!(refusal(blobs.put(ID, &TOKEN, 4, b"e", NOW)), Refusal::Gap);
        assert_eq!(blobs.put(ID, &TOKEN, 1, b"XXdef", NOW).unwrap(), 6);
        assert_eq!(blobs.get(ID, 0, 6, NOW).unwrap().1, b"abcdef");
    }

    #[test]
    fn only_the_holder_of_the_token_writes_and_deletes() {
        let (mut blobs, thief) = (Blobs::in_memory(), Token([3; 32]));
        blobs.begin(ID, &TOKEN, 3, NOW).unwrap();
        assert_eq!(refusal(blobs.begin(ID, &thief, 3, NOW)), Refusal::NotYours);
        assert_eq!(refusal(blobs.put(ID, &thief, 0, b"abc", NOW)), Refusal::NotYours);
        assert_eq!(refusal(blobs.delete(ID, &thief)), Refusal::NotYours);
        blobs.put(ID, &TOKEN, 0, b"abc", NOW).unwrap();
        assert_eq!(blobs.get(ID, 0, 3, NOW).unwrap().1, b"abc");
        blobs.delete(ID, &TOKEN).unwrap();
        blobs.delete(ID, &TOKEN).unwrap();
        assert_eq!(refusal(blobs.get(ID, 0, 3, NOW)), Refusal::NoBlob);
        assert_eq!(files(&blobs), 0);
    }

    #[test]
    fn what_is_too_much_is_refused_and_what_was_begun_counts() {
        let mut blobs = Blobs::in_memory();
        assert_eq!(refusal(blobs.begin(ID, &TOKEN, LARGEST_BLOB + 1, NOW)), Refusal::TooLarge);
        assert_eq!(refusal(blobs.begin(ID, &TOKEN, (1 << 20) + 1, NOW)), Refusal::NoRoom);
        for number in 0..16 {
            blobs.begin(BlobId([number; 16]), &TOKEN, 1, NOW).unwrap();
        }
        assert_eq!(refusal(blobs.begin(BlobId([99; 16]), &TOKEN, 1, NOW)), Refusal::NoRoom);
        blobs.delete(ID, &TOKEN).unwrap();
        blobs.begin(ID, &TOKEN, 4, NOW).unwrap();
        assert_eq!(refusal(blobs.put(ID, &TOKEN, 0, b"abcde", NOW)), Refusal::TooLarge);
        blobs.put(ID, &TOKEN, 0, b"abcd", NOW).unwrap();
        let giant = u32::try_from(LARGEST_PIECE + 1).unwrap();
        assert_eq!(refusal(blobs.get(ID, 0, giant, NOW)), Refusal::TooLarge);
    }

    #[test]
    fn a_blob_that_is_never_finished_goes_after_a_day_and_a_whole_one_after_thirty() {
        let (mut blobs, other) = (Blobs::in_memory(), BlobId([9; 16]));
        blobs.begin(ID, &TOKEN, 2, NOW).unwrap();
        blobs.begin(other, &TOKEN, 2, NOW).unwrap();
        blobs.put(ID, &TOKEN, 0, b"a", NOW).unwrap();
        blobs.put(other, &TOKEN, 0, b"ab", NOW).unwrap();
        assert_eq!(refusal(blobs.put(ID, &TOKEN, 1, b"b", days(1))), Refusal::NoBlob);
        assert_eq!(files(&blobs), 2);
        blobs.drop_ended(days(1)).unwrap();
        assert_eq!(files(&blobs), 1);
        assert_eq!(blobs.begin(ID, &TOKEN, 2, days(1)).unwrap(), 0);
        assert_eq!(blobs.get(other, 0, 2, days(29)).unwrap().1, b"ab");
        assert_eq!(refusal(blobs.get(other, 0, 2, days(30))), Refusal::NoBlob);
    }

    #[test]
    fn a_piece_with_its_page_fits_into_a_frame() {
        let bytes = vec![0; LARGEST_PIECE];
        let answer = crate::request::Answer::BlobPart { length: LARGEST_BLOB, bytes };
        assert!(crate::frame::encode(&answer).is_some());
        let layout = evanesce::attachment::BlobLayout::of_size(64 << 20).unwrap();
        assert!(layout.blob_length() <= LARGEST_BLOB);
        assert!(u64::try_from(LARGEST_PIECE).unwrap() >= 65_552 + 65_536);
    }
}
