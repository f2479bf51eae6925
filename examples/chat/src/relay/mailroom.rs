//! What the relay keeps, in SQLite: prekeys, claims, and letters until they are acknowledged. Each call that
//! changes something is durable when it returns, and is answered only then.

use std::fmt;
use std::path::Path;
use std::time::Duration;

use evanesce::IdentityKey;
use evanesce::Timestamp;
use evanesce::person::VerifiedList;
use evanesce::rand_core::Rng;
use evanesce::server::{PreKeyStock, PreKeyUpload, PublishedPreKeys};
use evanesce::zeroize::Zeroizing;
use rusqlite::{Connection, OptionalExtension, Transaction, TransactionBehavior, params};
use sha2::{Digest, Sha256};

use crate::name::Name;
use crate::random;
use crate::request::{LARGEST_MESSAGE, LARGEST_REPORT, Letter, Refusal, Token};

/// How many people one relay serves: a stranger can claim names until then.
const MOST_ADDRESSES: i64 = 10_000;

/// How many letters wait for one recipient, so that nobody fills the disk with somebody else's mail.
const LONGEST_QUEUE: i64 = 2_000;

/// How many ids of letters are remembered for each recipient, delivered ones included: what a client may still
/// send again is much less, since it waits for each answer.
const REMEMBERED_IDS: i64 = 4_000;

/// Bytes of letters in one answer, which has to fit into a frame.
const LARGEST_BATCH: usize = 256 * 1_024;

/// How many reports of one person are kept, and of all: what one says fills nobody's disk.
const MOST_REPORTS_OF_ONE: i64 = 100;
const MOST_REPORTS: i64 = 10_000;

/// How long a report is kept.
const DAYS_OF_REPORTS: Duration = Duration::from_secs(30 * 86_400);

/// `secure_delete`, and a log that is overwritten with each transaction: what was delivered is not kept.
const SETTINGS: &str = "
    PRAGMA journal_mode = WAL;
    PRAGMA synchronous = FULL;
    PRAGMA secure_delete = ON;
    PRAGMA wal_autocheckpoint = 1;
    PRAGMA journal_size_limit = 0;
    CREATE TABLE IF NOT EXISTS claims (address TEXT PRIMARY KEY, token BLOB NOT NULL, prekeys BLOB NOT NULL);
    CREATE TABLE IF NOT EXISTS letters (number INTEGER PRIMARY KEY AUTOINCREMENT, recipient TEXT NOT NULL,
        message BLOB NOT NULL);
    CREATE INDEX IF NOT EXISTS letters_of ON letters (recipient, number);
    CREATE TABLE IF NOT EXISTS seen (number INTEGER PRIMARY KEY AUTOINCREMENT, recipient TEXT NOT NULL,
        id BLOB NOT NULL, UNIQUE (recipient, id));
    CREATE TABLE IF NOT EXISTS server_key (only INTEGER PRIMARY KEY CHECK (only = 1), key BLOB NOT NULL);
    CREATE TABLE IF NOT EXISTS reports (number INTEGER PRIMARY KEY AUTOINCREMENT, reporter TEXT NOT NULL,
        id BLOB NOT NULL, time INTEGER NOT NULL, report BLOB NOT NULL, UNIQUE (reporter, id));
    CREATE TABLE IF NOT EXISTS lists (address TEXT PRIMARY KEY, owner BLOB NOT NULL, version INTEGER NOT NULL,
        list BLOB NOT NULL);";

pub struct Mailroom(Connection);

/// A report, as it was handed in by somebody who showed their token.
pub struct Reported {
    pub number: u64,
    pub reporter: Name,
    pub unix_seconds: u64,
    /// A [`Report`](evanesce::report::Report), of which nothing is proven yet.
    pub report: Vec<u8>,
}

/// Why something was not done: said to who asked, or a fault of the store, of which they hear nothing.
#[derive(Debug)]
pub enum MailroomError {
    Refused(Refusal),
    Store(rusqlite::Error),
    /// The file of a blob cannot be read or written.
    File(std::io::Error),
}

impl Mailroom {
    pub fn open(path: &Path) -> rusqlite::Result<Self> {
        Self::prepare(Connection::open(path)?)
    }

    #[cfg(test)]
    pub fn in_memory() -> Self {
        Self::prepare(Connection::open_in_memory().unwrap()).unwrap()
    }

    fn prepare(database: Connection) -> rusqlite::Result<Self> {
        database.busy_timeout(Duration::from_secs(10))?;
        database.execute_batch(SETTINGS)?;
        Ok(Self(database))
    }

    pub fn publish(
        &mut self,
        address: &Name,
        token: &Token,
        upload: PreKeyUpload,
    ) -> Result<(), MailroomError> {
        let transaction = self.0.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let published = match claim(&transaction, address)? {
            Some((hash, mut published)) => {
                check(token, &hash)?;
                published.publish(upload);
                published
            }
            None => {
                let sql = "SELECT count(*) FROM claims";
                let claims: i64 = transaction.query_row(sql, [], |row| row.get(0))?;
                if claims >= MOST_ADDRESSES {
                    return Err(MailroomError::Refused(Refusal::Busy));
                }
                PublishedPreKeys::new(upload)
            }
        };
        store(&transaction, address, &hash(token), &published)?;
        Ok(transaction.commit()?)
    }

    /// Takes a list of devices that was checked, in place of one of the same person that is not newer.
    pub fn publish_list(
        &mut self,
        address: &Name,
        token: &Token,
        checked: &VerifiedList,
        list: &[u8],
    ) -> Result<(), MailroomError> {
        let transaction = self.0.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let (hash, _) = claim(&transaction, address)?.ok_or(Refusal::Unknown)?;
        check(token, &hash)?;
        let (owner, version) = (checked.owner().encode(), checked.version());
        let sql = "SELECT max(version) FROM lists WHERE address = ? AND owner = ?";
        let held: Option<u32> =
            transaction.query_row(sql, params![address.as_str(), owner], |row| row.get(0))?;
        if held.is_some_and(|held| held > version) {
            return Err(Refusal::OlderList.into());
        }
        let sql = "REPLACE INTO lists VALUES (?, ?, ?, ?)";
        transaction.execute(sql, params![address.as_str(), owner, version, list])?;
        Ok(transaction.commit()?)
    }

    /// The list of devices that was published for this address.
    pub fn list(&self, address: &Name) -> Result<Option<Vec<u8>>, MailroomError> {
        self.must_know(address)?;
        let sql = "SELECT list FROM lists WHERE address = ?";
        Ok(self.0.query_row(sql, [address.as_str()], |row| row.get(0)).optional()?)
    }

    /// The newest list of this owner, for whichever address it was published.
    pub fn list_of(&self, owner: &IdentityKey) -> Result<Option<Vec<u8>>, MailroomError> {
        let sql = "SELECT list FROM lists WHERE owner = ? ORDER BY version DESC LIMIT 1";
        Ok(self.0.query_row(sql, [owner.encode()], |row| row.get(0)).optional()?)
    }

    /// Refuses addresses that nobody has.
    pub fn must_know(&self, address: &Name) -> Result<(), MailroomError> {
        if is_claimed(&self.0, address)? { Ok(()) } else { Err(Refusal::Unknown.into()) }
    }

    /// A bundle. The one-time prekey in it is gone from the disk before anybody gets it.
    pub fn hand_out(&mut self, address: &Name) -> Result<Vec<u8>, MailroomError> {
        let transaction = self.0.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let (hash, mut published) = claim(&transaction, address)?.ok_or(Refusal::Unknown)?;
        let bundle = published.hand_out();
        store(&transaction, address, &hash, &published)?;
        transaction.commit()?;
        Ok(bundle)
    }

    /// Takes a letter. One that was taken before, delivered or not, is not taken again.
    pub fn deposit(
        &mut self,
        recipient: &Name,
        id: &[u8; 16],
        message: &[u8],
    ) -> Result<(), MailroomError> {
        if message.len() > LARGEST_MESSAGE {
            return Err(Refusal::TooLarge.into());
        }
        let transaction = self.0.transaction_with_behavior(TransactionBehavior::Immediate)?;
        if !is_claimed(&transaction, recipient)? {
            return Err(Refusal::Unknown.into());
        }
        let sql = "INSERT OR IGNORE INTO seen (recipient, id) VALUES (?, ?)";
        if transaction.execute(sql, params![recipient.as_str(), id])? == 0 {
            return Ok(());
        }
        let sql = "SELECT count(*) FROM letters WHERE recipient = ?";
        let waiting: i64 = transaction.query_row(sql, [recipient.as_str()], |row| row.get(0))?;
        if waiting >= LONGEST_QUEUE {
            return Err(Refusal::QueueFull.into());
        }
        let sql = "INSERT INTO letters (recipient, message) VALUES (?, ?)";
        transaction.execute(sql, params![recipient.as_str(), message])?;
        let sql = "DELETE FROM seen WHERE recipient = ?1 AND number <= (SELECT number FROM seen
            WHERE recipient = ?1 ORDER BY number DESC LIMIT 1 OFFSET ?2)";
        transaction.execute(sql, params![recipient.as_str(), REMEMBERED_IDS])?;
        Ok(transaction.commit()?)
    }

    /// Deletes what was acknowledged.
    pub fn acknowledge(
        &mut self,
        address: &Name,
        token: &Token,
        upto: u64,
    ) -> Result<(), MailroomError> {
        let transaction = self.0.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let (hash, _) = claim(&transaction, address)?.ok_or(Refusal::Unknown)?;
        check(token, &hash)?;
        let upto = i64::try_from(upto).unwrap_or(i64::MAX);
        let sql = "DELETE FROM letters WHERE recipient = ? AND number <= ?";
        transaction.execute(sql, params![address.as_str(), upto])?;
        Ok(transaction.commit()?)
    }

    /// The letters that wait, the first ones first; and what is left of the prekeys, at the same moment.
    pub fn waiting(&mut self, address: &Name) -> Result<(PreKeyStock, Vec<Letter>), MailroomError> {
        let transaction = self.0.transaction()?;
        let (_, published) = claim(&transaction, address)?.ok_or(Refusal::Unknown)?;
        let sql = "SELECT number, message FROM letters WHERE recipient = ? ORDER BY number";
        let mut query = transaction.prepare(sql)?;
        let mut rows = query.query([address.as_str()])?;
        let (mut letters, mut size) = (Vec::new(), 0_usize);
        while let Some(row) = rows.next()? {
            let (number, message): (i64, Vec<u8>) = (row.get(0)?, row.get(1)?);
            size = size.saturating_add(message.len());
            if size > LARGEST_BATCH {
                break;
            }
            letters.push(Letter { number: number.unsigned_abs(), message });
        }
        Ok((published.stock(), letters))
    }

    /// The key of all postmarks, drawn once. Who else has it can postmark what nobody sent.
    pub fn server_key(&mut self) -> Result<Zeroizing<[u8; 32]>, MailroomError> {
        let mut key = Zeroizing::new([0; 32]);
        random::system().fill_bytes(&mut *key);
        let sql = "INSERT OR IGNORE INTO server_key VALUES (1, ?)";
        self.0.execute(sql, [key.as_slice()])?;
        let sql = "SELECT key FROM server_key";
        *key = self.0.query_row(sql, [], |row| row.get::<_, [u8; 32]>(0))?;
        Ok(key)
    }

    /// Takes a report of somebody who shows their token.
    pub fn report(
        &mut self,
        address: &Name,
        token: &Token,
        id: &[u8; 16],
        report: &[u8],
        now: Timestamp,
    ) -> Result<(), MailroomError> {
        if report.len() > LARGEST_REPORT {
            return Err(Refusal::TooLarge.into());
        }
        let transaction = self.0.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let (hash, _) = claim(&transaction, address)?.ok_or(Refusal::Unknown)?;
        check(token, &hash)?;
        let seconds = |time: Timestamp| i64::try_from(time.unix_seconds()).unwrap_or(i64::MAX);
        let sql = "DELETE FROM reports WHERE time <= ?";
        transaction.execute(sql, [seconds(now.minus(DAYS_OF_REPORTS))])?;
        let sql = "SELECT count(*), coalesce(sum(reporter = ?1), 0),
            coalesce(max(reporter = ?1 AND id = ?2), 0) FROM reports";
        let (all, theirs, known): (i64, i64, bool) =
            transaction.query_row(sql, params![address.as_str(), id], |row| {
                Ok((row.get(0)?, row.get(1)?, row.get(2)?))
            })?;
        if known {
            return Ok(());
        }
        if all >= MOST_REPORTS || theirs >= MOST_REPORTS_OF_ONE {
            return Err(Refusal::QueueFull.into());
        }
        let sql = "INSERT INTO reports (reporter, id, time, report) VALUES (?, ?, ?, ?)";
        transaction.execute(sql, params![address.as_str(), id, seconds(now), report])?;
        Ok(transaction.commit()?)
    }

    /// What was reported, the first report first.
    pub fn reports(&mut self) -> Result<Vec<Reported>, MailroomError> {
        let sql = "SELECT number, reporter, time, report FROM reports ORDER BY number";
        let mut query = self.0.prepare(sql)?;
        let mut rows = query.query([])?;
        let mut reports = Vec::new();
        while let Some(row) = rows.next()? {
            let reporter: String = row.get(1)?;
            let reporter = Name::new(&reporter).map_err(|_| Refusal::Fault)?;
            let (number, time): (i64, i64) = (row.get(0)?, row.get(2)?);
            let (number, unix_seconds) = (number.unsigned_abs(), time.unsigned_abs());
            reports.push(Reported { number, reporter, unix_seconds, report: row.get(3)? });
        }
        Ok(reports)
    }

    /// Gives an address free, with all that waits for it: for its operator, when somebody has lost the token.
    /// Whether there was such an address.
    pub fn free(&mut self, address: &Name) -> rusqlite::Result<bool> {
        let transaction = self.0.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let freed =
            transaction.execute("DELETE FROM claims WHERE address = ?", [address.as_str()])? > 0;
        transaction.execute("DELETE FROM letters WHERE recipient = ?", [address.as_str()])?;
        transaction.execute("DELETE FROM seen WHERE recipient = ?", [address.as_str()])?;
        transaction.execute("DELETE FROM lists WHERE address = ?", [address.as_str()])?;
        transaction.commit()?;
        Ok(freed)
    }
}

impl fmt::Display for MailroomError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused(refusal) => refusal.fmt(formatter),
            Self::Store(error) => error.fmt(formatter),
            Self::File(error) => error.fmt(formatter),
        }
    }
}

impl std::error::Error for MailroomError {}

impl From<Refusal> for MailroomError {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

impl From<rusqlite::Error> for MailroomError {
    fn from(error: rusqlite::Error) -> Self {
        Self::Store(error)
    }
}

impl From<std::io::Error> for MailroomError {
    fn from(error: std::io::Error) -> Self {
        Self::File(error)
    }
}

fn is_claimed(database: &Connection, address: &Name) -> rusqlite::Result<bool> {
    let sql = "SELECT EXISTS (SELECT 1 FROM claims WHERE address = ?)";
    database.query_row(sql, [address.as_str()], |row| row.get(0))
}

fn claim(
    transaction: &Transaction<'_>,
    address: &Name,
) -> Result<Option<(Vec<u8>, PublishedPreKeys)>, MailroomError> {
    let sql = "SELECT token, prekeys FROM claims WHERE address = ?";
    let read = |row: &rusqlite::Row<'_>| Ok((row.get(0)?, row.get::<_, Vec<u8>>(1)?));
    let row = transaction.query_row(sql, [address.as_str()], read).optional()?;
    row.map(|(hash, prekeys)| {
        let prekeys = postcard::from_bytes(&prekeys).map_err(|_| Refusal::Fault)?;
        Ok((hash, prekeys))
    })
    .transpose()
}

fn store(
    transaction: &Transaction<'_>,
    address: &Name,
    hash: &[u8],
    published: &PublishedPreKeys,
) -> Result<(), MailroomError> {
    let prekeys = postcard::to_allocvec(published).map_err(|_| Refusal::Fault)?;
    let sql = "REPLACE INTO claims VALUES (?, ?, ?)";
    transaction.execute(sql, params![address.as_str(), hash, prekeys])?;
    Ok(())
}

/// Tokens are random, so one hash is enough, and the time that comparing hashes takes tells nothing of use.
pub fn check(token: &Token, expected: &[u8]) -> Result<(), Refusal> {
    if hash(token) == expected { Ok(()) } else { Err(Refusal::NotYours) }
}

pub fn hash(token: &Token) -> Vec<u8> {
    Sha256::digest(token.0).to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;
    use evanesce::Account;
    use evanesce::person::{DeviceList, ListedDevice};

    const NOW: Timestamp = Timestamp::from_unix_seconds(1_800_000_000);

    fn upload(name: &Name) -> PreKeyUpload {
        let rng = &mut random::system();
        Account::generate(name.address(), NOW, rng).maintain(None, NOW, rng).upload.unwrap()
    }

    fn with_bob() -> (Mailroom, Name, Token) {
        let mut mailroom = Mailroom::in_memory();
        let (bob, token) = (Name::new("bob").unwrap(), Token([1; 32]));
        mailroom.publish(&bob, &token, upload(&bob)).unwrap();
        (mailroom, bob, token)
    }

    fn refusal<T: fmt::Debug>(result: Result<T, MailroomError>) -> Refusal {
        match result.unwrap_err() {
            MailroomError::Refused(refusal) => refusal,
            other => panic!("{other}"),
        }
    }

    #[test]
    fn each_one_time_prekey_is_handed_out_once() {
        let (mut mailroom, bob, _) = with_bob();
        let mut bundles: Vec<_> = (0..100).map(|_| mailroom.hand_out(&bob).unwrap()).collect();
        assert_eq!(mailroom.waiting(&bob).unwrap().0.one_time_prekeys, 0);
        bundles.sort();
        bundles.dedup();
        assert_eq!(bundles.len(), 100);
        assert!(mailroom.hand_out(&bob).unwrap().len() < bundles[0].len());
    }

    #[test]
    fn letters_come_in_order_once_and_until_they_are_acknowledged() {
        let (mut mailroom, bob, token) = with_bob();
        for (id, text) in [([1; 16], b"one"), ([2; 16], b"two"), ([1; 16], b"one")] {
            mailroom.deposit(&bob, &id, text).unwrap();
        }
        let texts = |mailroom: &mut Mailroom| -> Vec<Vec<u8>> {
            mailroom.waiting(&bob).unwrap().1.into_iter().map(|letter| letter.message).collect()
        };
        assert_eq!(texts(&mut mailroom), [b"one", b"two"]);
        let first = mailroom.waiting(&bob).unwrap().1[0].number;
        mailroom.acknowledge(&bob, &token, first).unwrap();
        mailroom.deposit(&bob, &[1; 16], b"one").unwrap();
        assert_eq!(texts(&mut mailroom), [b"two"]);
    }

    #[test]
    fn only_the_holder_of_the_token_publishes_again_and_deletes() {
        let (mut mailroom, bob, token) = with_bob();
        mailroom.deposit(&bob, &[1; 16], b"one").unwrap();
        let thief = Token([2; 32]);
        assert_eq!(refusal(mailroom.publish(&bob, &thief, upload(&bob))), Refusal::NotYours);
        assert_eq!(refusal(mailroom.acknowledge(&bob, &thief, 9)), Refusal::NotYours);
        assert_eq!(mailroom.waiting(&bob).unwrap().1.len(), 1);
        mailroom.publish(&bob, &token, upload(&bob)).unwrap();
        assert!(mailroom.free(&bob).unwrap());
        assert_eq!(refusal(mailroom.waiting(&bob)), Refusal::Unknown);
        mailroom.publish(&bob, &thief, upload(&bob)).unwrap();
    }

    #[test]
    fn what_is_too_much_is_refused_and_changes_nothing() {
        let (mut mailroom, bob, token) = with_bob();
        let giant = vec![0; LARGEST_MESSAGE + 1];
        assert_eq!(refusal(mailroom.deposit(&bob, &[1; 16], &giant)), Refusal::TooLarge);
        let nobody = Name::new("nobody").unwrap();
        assert_eq!(refusal(mailroom.deposit(&nobody, &[1; 16], b"")), Refusal::Unknown);
        for number in 0..LONGEST_QUEUE {
            let mut id = [0; 16];
            id[..8].copy_from_slice(&number.to_be_bytes());
            mailroom.deposit(&bob, &id, b"").unwrap();
        }
        assert_eq!(refusal(mailroom.deposit(&bob, &[9; 16], b"late")), Refusal::QueueFull);
        mailroom.acknowledge(&bob, &token, u64::MAX).unwrap();
        // Its id was not remembered, or it could never be sent again.
        mailroom.deposit(&bob, &[9; 16], b"late").unwrap();
        assert_eq!(mailroom.waiting(&bob).unwrap().1.len(), 1);
    }

    #[test]
    fn a_list_is_published_by_the_holder_of_the_token_and_no_older_one_after_it() {
        let (mut mailroom, bob, token) = with_bob();
        let rng = &mut random::system();
        let owner = Account::generate(bob.address(), NOW, rng);
        let ours = ListedDevice::consenting(&owner, &owner.device().identity, NOW);
        let list =
            |version| DeviceList::sign(&owner, std::slice::from_ref(&ours), version, NOW).unwrap();
        let mut publish = |token: &Token, list: &VerifiedList| {
            mailroom.publish_list(&bob, token, list, &list.encode())
        };
        let (first, second) = (list(1), list(2));
        assert_eq!(refusal(publish(&Token([2; 32]), &second)), Refusal::NotYours);
        publish(&token, &first).unwrap();
        publish(&token, &second).unwrap();
        assert_eq!(refusal(publish(&token, &first)), Refusal::OlderList);
        assert_eq!(mailroom.list(&bob).unwrap(), Some(second.encode()));
        let of = |account: &Account| mailroom.list_of(&account.device().identity).unwrap();
        assert_eq!(of(&owner), Some(second.encode()));
        assert_eq!(of(&Account::generate(bob.address(), NOW, rng)), None);
        let nobody = Name::new("nobody").unwrap();
        assert_eq!(refusal(mailroom.list(&nobody)), Refusal::Unknown);
        // Whoever claims the name next begins anew.
        assert!(mailroom.free(&bob).unwrap());
        mailroom.publish(&bob, &token, upload(&bob)).unwrap();
        assert_eq!(mailroom.list(&bob).unwrap(), None);
    }

    #[test]
    fn reports_are_of_who_shows_the_token_each_once_and_not_for_ever() {
        let (mut mailroom, bob, token) = with_bob();
        let mut report = |token: &Token, id: u8, bytes: &[u8], days: u64| {
            let now = NOW.plus(Duration::from_secs(days * 86_400));
            mailroom.report(&bob, token, &[id; 16], bytes, now)
        };
        assert_eq!(refusal(report(&Token([2; 32]), 1, b"x", 0)), Refusal::NotYours);
        let giant = vec![0; LARGEST_REPORT + 1];
        assert_eq!(refusal(report(&token, 1, &giant, 0)), Refusal::TooLarge);
        report(&token, 1, b"one", 0).unwrap();
        report(&token, 1, b"one", 0).unwrap();
        for id in 2..=100 {
            report(&token, id, b"more", 1).unwrap();
        }
        assert_eq!(refusal(report(&token, 101, b"late", 1)), Refusal::QueueFull);
        report(&token, 101, b"late", 30).unwrap();
        let reports = mailroom.reports().unwrap();
        assert_eq!((reports.len(), reports[0].reporter.as_str()), (100, "bob"));
        assert!(reports.iter().all(|reported| reported.report != b"one"));
        assert_eq!(*mailroom.server_key().unwrap(), *mailroom.server_key().unwrap());
    }

    #[test]
    fn a_batch_fits_into_a_frame() {
        let (mut mailroom, bob, _) = with_bob();
        for id in 0..20 {
            mailroom.deposit(&bob, &[id; 16], &vec![7; LARGEST_MESSAGE]).unwrap();
        }
        let (stock, letters) = mailroom.waiting(&bob).unwrap();
        assert_eq!(letters.len(), 4);
        let answer = crate::request::Answer::Mail { stock, letters };
        assert!(crate::frame::encode(&answer).is_some());
    }
}
