//! The code of docs/guide.md, as it stands there: it runs here as one story.

use std::collections::BTreeMap;
use std::error::Error;
use std::time::Duration;

use evanesce::expiry::{
    Age, ConversationId, Effects, ExpiryScheduler, MessageId, NewMessage, Now, Policy, RecordWrite,
    Verdict, Visibility,
};
use evanesce::rand_core::CryptoRng;
use evanesce::server::{PreKeyStock, PreKeyUpload, PublishedPreKeys};
use evanesce::snapshot::StorageKey;
use evanesce::{
    Account, Address, Changes, Contact, IdentityKey, Payload, Peer, PeerDecryptError, PreKeyBundle,
    SafetyNumber, StockDisagreement,
};
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::SeedableRng;

// guide: the application
/// What the application holds of one device.
struct Phone {
    account: Account,
    peers: BTreeMap<Address, Peer>,
    expiry: ExpiryScheduler,
    storage_key: StorageKey,
    store: Store,
}
// guide: end

/// A database in which a transaction is one call.
#[derive(Default)]
struct Store {
    rows: BTreeMap<Vec<u8>, Vec<u8>>,
}

/// A row, and what it holds from now on: nothing if it goes.
struct Row {
    place: Vec<u8>,
    value: Option<Vec<u8>>,
}

impl Row {
    fn holding(place: Vec<u8>, value: Vec<u8>) -> Self {
        Self { place, value: Some(value) }
    }

    fn gone(place: Vec<u8>) -> Self {
        Self { place, value: None }
    }
}

impl Store {
    fn transaction(&mut self, rows: impl IntoIterator<Item = Row>) {
        for Row { place, value } in rows {
            match value {
                Some(value) => _ = self.rows.insert(place, value),
                None => _ = self.rows.remove(&place),
            }
        }
    }

    fn row(&self, key: &[u8]) -> Option<&[u8]> {
        self.rows.get(key).map(Vec::as_slice)
    }

    /// The rows whose places begin so: what follows it, and what they hold.
    fn table(&self, name: &[u8]) -> Vec<(Vec<u8>, Vec<u8>)> {
        let rows = self.rows.iter().filter(|(key, _)| key.starts_with(name));
        rows.map(|(key, value)| (key[name.len()..].to_vec(), value.clone())).collect()
    }
}

/// A server that devices publish on and fetch from.
#[derive(Default)]
struct Server {
    published: BTreeMap<Address, PublishedPreKeys>,
    mail: Vec<(Address, Vec<u8>)>,
}

impl Server {
    fn take(&mut self, to: Address, message: Vec<u8>) {
        self.mail.push((to, message));
    }

    /// What has come for an address, in order; for good, where a server would wait until it is acknowledged.
    fn mail_for(&mut self, name: &Address) -> Vec<Vec<u8>> {
        let (theirs, others) = self.mail.drain(..).partition(|(to, _)| to == name);
        self.mail = others;
        let theirs: Vec<(Address, Vec<u8>)> = theirs;
        theirs.into_iter().map(|(_, message)| message).collect()
    }
}

impl Phone {
    // guide: identity
    fn set_up(name: &str, storage_key: StorageKey, now: Now, rng: &mut impl CryptoRng) -> Self {
        let address = Address::new(name).expect("a name of 1 to 64 bytes");
        let account = Account::generate(address, now.timestamp(), rng);
        let expiry = ExpiryScheduler::new(now, rng);
        let mut phone =
            Self { account, peers: BTreeMap::new(), expiry, storage_key, store: Store::default() };
        let mut rows: Vec<Row> =
            phone.expiry.records().map(|record| phone.record_row(&record, rng)).collect();
        rows.push(phone.account_row(rng));
        phone.store.transaction(rows);
        phone
    }
    // guide: end

    // guide: publishing
    fn publish(
        &mut self,
        server: &mut Server,
        now: Now,
        rng: &mut impl CryptoRng,
    ) -> Result<(), Box<dyn Error>> {
        let address = self.account.device().address;
        let stock = PreKeyStock::decode(&server.stock(&address)).ok(); // `None` if it cannot be asked
        let maintained = self.account.maintain(stock, now.timestamp(), rng);
        if maintained.changes.account {
            self.write_account(rng); // the secrets are stored before the prekeys are known
        }
        if maintained.disagreement == Some(StockDisagreement::AccountWentBack) {
            return Err("this device was put back, or runs elsewhere too: step 10".into());
        }
        if let Some(upload) = maintained.upload {
            server.publish(&upload.encode(), now)?;
            if self.account.mark_published(&upload).account {
                self.write_account(rng);
            }
        }
        Ok(())
    }
    // guide: end
}

// guide: the server
impl Server {
    /// From somebody who has proved, in the server's own way, that the address is theirs.
    fn publish(&mut self, upload: &[u8], now: Now) -> Result<(), Box<dyn Error>> {
        let upload = PreKeyUpload::decode(upload)?;
        let device = upload.bundle().verify(now.timestamp())?.device().clone();
        match self.published.get_mut(&device.address) {
            Some(published) => published.publish(upload),
            None => _ = self.published.insert(device.address, PublishedPreKeys::new(upload)),
        }
        Ok(())
    }

    /// What is left of a device's prekeys. It asks, to know how many more to make.
    fn stock(&self, address: &Address) -> Vec<u8> {
        let published = self.published.get(address);
        published.map_or(PreKeyStock::NOTHING, PublishedPreKeys::stock).encode()
    }

    /// A bundle for one who wants to write. Stored before it leaves: its one-time prekey is for nobody else.
    fn hand_out(&mut self, address: &Address) -> Option<Vec<u8>> {
        Some(self.published.get_mut(address)?.hand_out())
    }
}
// guide: end

impl Phone {
    // guide: first message
    fn session_with(
        &mut self,
        name: &Address,
        server: &mut Server,
        now: Now,
        rng: &mut impl CryptoRng,
    ) -> Result<(), Box<dyn Error>> {
        let peer = self.peers.entry(name.clone()).or_insert_with(|| Peer::new(name.clone()));
        if peer.session_need(now.timestamp()).is_none() {
            return Ok(());
        }
        match server.hand_out(name) {
            Some(bundle) => {
                let bundle = PreKeyBundle::decode(&bundle)?.verify(now.timestamp())?;
                let changes = peer.initiate(&self.account, bundle, now.timestamp(), rng)?;
                self.write(changes, name, vec![], rng);
                Ok(())
            }
            None if peer.sessions().next().is_none() => {
                Err("nobody of that name has published".into())
            }
            None => Ok(()), // the session that there is serves on
        }
    }
    // guide: end

    // guide: storing
    fn write(
        &mut self,
        changes: Changes,
        name: &Address,
        rows: Vec<Row>,
        rng: &mut impl CryptoRng,
    ) {
        let mut all = rows;
        if changes.account {
            all.push(self.account_row(rng));
        }
        if let (true, Some(peer)) = (changes.peer, self.peers.get(name)) {
            let place = [b"peer/", name.as_bytes()].concat();
            let sealed = peer.seal(&self.storage_key, &place, rng);
            all.push(Row::holding(place, sealed));
        }
        self.store.transaction(all);
    }

    fn send(
        &mut self,
        to: &Address,
        text: &str,
        now: Now,
        rng: &mut impl CryptoRng,
    ) -> Result<MessageId, Box<dyn Error>> {
        let conversation = ConversationId::named(to.as_bytes());
        let stamp = self.expiry.stamp(conversation);
        let payload = Payload::new(text).with_stamp(stamp.clone());
        let peer = self.peers.get_mut(to).ok_or("a stranger")?;
        let encrypted = peer.encrypt(&payload, b"", now.timestamp(), rng)?;

        let id = new_id(rng);
        let arrival = self.expiry.queued(
            NewMessage::new(id, conversation, self.account.member_tag()),
            &stamp,
            now,
        );
        let mut rows = self.record_rows(arrival.effects, rng);
        rows.push(self.message_row(id, text.as_bytes(), rng));
        rows.push(Row::holding(self.next_in_outbox(id, to), encrypted.message));
        self.write(encrypted.changes, to, rows, rng);
        Ok(id)
    }

    fn hand_over(&mut self, server: &mut Server, now: Now, rng: &mut impl CryptoRng) {
        for (place, message) in self.store.table(b"outbox/") {
            let (id, to) = named_in_outbox(&place);
            server.take(to, message); // returns once it is on the server's disk
            let effects = self.expiry.sent(id, Age::NONE, now);
            let mut rows = self.record_rows(effects, rng);
            rows.push(Row::gone([b"outbox/", place.as_slice()].concat()));
            self.store.transaction(rows);
        }
    }
    // guide: end

    // guide: receiving
    fn receive(
        &mut self,
        from: &Address,
        message: &[u8],
        age: Age,
        now: Now,
        rng: &mut impl CryptoRng,
    ) -> Result<Option<MessageId>, PeerDecryptError> {
        let mut stranger = None;
        let peer = match self.peers.get_mut(from) {
            Some(peer) => peer,
            None => stranger.insert(Peer::new(from.clone())),
        };
        let decrypted = peer.decrypt(&mut self.account, message, b"", now.timestamp());
        let delivered = match decrypted {
            Ok(delivered) => delivered,
            Err(refusal) => {
                let changes = peer.note_refusal(message, &refusal, now.timestamp());
                self.write(changes, from, vec![], rng);
                return Err(refusal);
            }
        };
        self.peers.extend(stranger.map(|peer| (from.clone(), peer)));

        let (id, conversation) = (new_id(rng), ConversationId::named(from.as_bytes()));
        if delivered.received.body.is_empty() {
            let effects = self.expiry.heard(conversation, &delivered.received.stamp, now);
            let rows = self.record_rows(effects, rng);
            self.write(delivered.changes, from, rows, rng);
            return Ok(None);
        }
        let new = NewMessage::new(id, conversation, delivered.author.member_tag());
        let arrival = self.expiry.received(new, &delivered.received.stamp, age, now);
        let mut rows = self.record_rows(arrival.effects, rng);
        let is_kept = arrival.verdict == Verdict::Keep;
        if is_kept {
            rows.push(self.message_row(id, &delivered.received.body, rng));
        }
        self.write(delivered.changes, from, rows, rng);
        Ok(is_kept.then_some(id)) // and only now: acknowledge
    }
    // guide: end

    // guide: peers
    fn answer_request(&mut self, name: &Address, answer: Answer, rng: &mut impl CryptoRng) {
        if let Some(peer) = self.peers.get_mut(name) {
            let changes = match answer {
                Answer::Accept => peer.accept_request(),
                Answer::Refuse => peer.refuse(),
            };
            self.write(changes, name, vec![], rng);
        }
    }
    // guide: end

    // guide: verification
    fn safety_number(&self, name: &Address) -> Option<SafetyNumber> {
        let their = self.peers.get(name)?.device()?;
        Some(SafetyNumber::between(&self.account.device(), &their))
    }

    /// What to store when two people found their numbers to be the same: the identity, not a yes.
    fn verified(&self, name: &Address) -> Option<IdentityKey> {
        self.peers.get(name)?.contact().identity()
    }

    /// Whether the user takes another identity for the one whom they know.
    fn answer_change(
        &mut self,
        name: &Address,
        other: IdentityKey,
        answer: Answer,
        rng: &mut impl CryptoRng,
    ) {
        if let Some(peer) = self.peers.get_mut(name) {
            let changes = match answer {
                Answer::Accept => peer.accept_identity(other),
                Answer::Refuse => peer.reject_identity(other),
            };
            self.write(changes, name, vec![], rng);
        }
    }
    // guide: end

    // guide: disappearing
    fn set_timer(&mut self, name: &Address, life: Duration, now: Now, rng: &mut impl CryptoRng) {
        let conversation = ConversationId::named(name.as_bytes());
        let policy = Policy::after_read(life);
        let effects = self.expiry.set(conversation, Some(policy), self.account.member_tag(), now);
        let rows = self.record_rows(effects, rng);
        self.store.transaction(rows);
    }

    fn shown(&mut self, id: MessageId, now: Now, rng: &mut impl CryptoRng) -> Option<Vec<u8>> {
        let effects = self.expiry.read(id, now);
        let rows = self.record_rows(effects, rng);
        self.store.transaction(rows); // the clock runs, and then it is shown
        match self.expiry.visibility(id, now) {
            Visibility::Shown => self.message(id),
            // It is there; its content is for `open` alone.
            Visibility::Placeholder => Some(b"to be opened once".to_vec()),
            Visibility::Withheld | Visibility::Gone => None,
        }
    }

    /// At the start, when the timer fires, when the device wakes. Gives how long to sleep.
    fn purge(&mut self, now: Now, rng: &mut impl CryptoRng) -> Option<Duration> {
        loop {
            let poll = self.expiry.poll(100, now);
            let mut rows = self.record_rows(poll.effects, rng);
            if poll.due.is_empty() {
                self.store.transaction(rows);
                return self.expiry.next_wakeup(now);
            }
            for due in poll.due {
                rows.push(Row::gone(message_place(due.id))); // and its notification, its search entries
                let effects = self.expiry.done(due.id, due.parts, now);
                rows.extend(self.record_rows(effects, rng));
            }
            self.store.transaction(rows);
        }
    }
    // guide: end

    // guide: what the server knows
    /// Whom a message is to be offered to, where the transport does not say who sent it.
    fn sender(&self, message: &[u8]) -> Option<Address> {
        match self.peers.values().find(|peer| peer.knows(message)) {
            Some(peer) => Some(peer.address().clone()), // it is of a session that is here
            // What begins one names its sender, sealed to us: a claim, until the message has opened.
            None => self.account.claimed_sender(message).ok().map(|device| device.address),
        }
    }
    // guide: end

    // guide: starting
    fn start(
        store: Store,
        storage_key: StorageKey,
        now: Now,
        rng: &mut impl CryptoRng,
    ) -> Result<Self, Box<dyn Error>> {
        let sealed = store.row(b"account").ok_or("nothing is stored")?;
        let account = Account::unseal(sealed, &storage_key, b"account")?;
        let mut peers = BTreeMap::new();
        for (name, sealed) in store.table(b"peer/") {
            let place = [b"peer/", name.as_slice()].concat();
            peers.insert(Address::new(&name)?, Peer::unseal(&sealed, &storage_key, &place)?);
        }
        let mut records = Vec::new();
        for (key, sealed) in store.table(b"expiry/") {
            let value = storage_key.open_record(&key, &sealed, b"")?;
            records.push((key, value));
        }
        let expiry = ExpiryScheduler::from_records(
            records.iter().map(|(key, value)| (key, value.as_slice())),
        )?;
        let mut phone = Self { account, peers, expiry, storage_key, store };
        phone.purge(now, rng);
        Ok(phone)
    }

    /// Before anything that comes is taken in; then publish, and begin a session with each accepted peer.
    fn restored_from_backup(&mut self, now: Now, rng: &mut impl CryptoRng) {
        let names: Vec<Address> = self.peers.keys().cloned().collect();
        for name in names {
            if let Some(peer) = self.peers.get_mut(&name) {
                let changes = peer.drop_sessions();
                self.write(changes, &name, vec![], rng);
            }
        }
        let effects = self.expiry.restored_from_backup(now);
        let mut rows = self.record_rows(effects, rng);
        for (place, _) in self.store.table(b"outbox/") {
            rows.push(Row::gone([b"outbox/", place.as_slice()].concat()));
        }
        self.store.transaction(rows);
        if self.account.replace_prekeys(now.timestamp(), rng).changes.account {
            self.write_account(rng); // the former secrets are gone, and what they opened does not open again
        }
    }
    // guide: end

    /// In the order of sending.
    fn next_in_outbox(&self, id: MessageId, to: &Address) -> Vec<u8> {
        let last =
            self.store.table(b"outbox/").pop().map(|(place, _)| place[..8].try_into().unwrap());
        let next = last.map_or(0, u64::from_be_bytes) + 1;
        [b"outbox/".as_slice(), &next.to_be_bytes(), &id.0, to.as_bytes()].concat()
    }

    fn write_account(&mut self, rng: &mut impl CryptoRng) {
        let row = self.account_row(rng);
        self.store.transaction([row]);
    }

    fn account_row(&self, rng: &mut impl CryptoRng) -> Row {
        let sealed = self.account.seal(&self.storage_key, b"account", rng);
        Row::holding(b"account".to_vec(), sealed)
    }

    fn record_rows(&self, effects: Effects, rng: &mut impl CryptoRng) -> Vec<Row> {
        let Effects { writes, .. } = effects;
        writes.iter().map(|write| self.record_row(write, rng)).collect()
    }

    fn record_row(&self, write: &RecordWrite, rng: &mut impl CryptoRng) -> Row {
        let place = [b"expiry/", write.key.as_bytes()].concat();
        Row { place, value: self.storage_key.seal_record(write, b"", rng) }
    }

    fn message_row(&self, id: MessageId, body: &[u8], rng: &mut impl CryptoRng) -> Row {
        let place = message_place(id);
        let sealed = self.storage_key.seal(body, MESSAGE, &place, rng);
        Row::holding(place, sealed)
    }

    fn message(&self, id: MessageId) -> Option<Vec<u8>> {
        let place = message_place(id);
        let body = self.storage_key.open(self.store.row(&place)?, MESSAGE, &place).ok()?;
        Some(body.to_vec())
    }
}

/// The kind of a stored message; those below 64 are the library's.
const MESSAGE: u8 = 64;

/// What the user says to somebody who wrote first.
enum Answer {
    Accept,
    Refuse,
}

fn message_place(id: MessageId) -> Vec<u8> {
    [b"message/".as_slice(), &id.0].concat()
}

/// What the application stands at in its outbox: the message, and whom it is for.
fn named_in_outbox(place: &[u8]) -> (MessageId, Address) {
    let (id, to) = place[8..].split_at(16);
    (MessageId(id.try_into().unwrap()), Address::new(to).unwrap())
}

fn new_id(rng: &mut impl CryptoRng) -> MessageId {
    let mut id = [0; 16];
    rng.fill_bytes(&mut id);
    MessageId(id)
}

/// Begins and ends what the guide shows.
const MARK: &str = "// guide: ";

const MINUTE: Duration = Duration::from_secs(60);

fn at(seconds: u64) -> Now {
    Now::from_wall(Duration::from_secs(1_800_000_000 + seconds))
}

fn storage_key() -> StorageKey {
    StorageKey::new(&[7; 32])
}

#[test]
fn the_guide_is_true() {
    let rng = &mut ChaCha20Rng::seed_from_u64(1);
    let mut server = Server::default();
    let mut alice = Phone::set_up("alice", storage_key(), at(0), rng);
    let mut bob = Phone::set_up("bob", storage_key(), at(0), rng);
    let (alices, bobs) = (Address::new("alice").unwrap(), Address::new("bob").unwrap());
    alice.publish(&mut server, at(0), rng).unwrap();
    bob.publish(&mut server, at(0), rng).unwrap();

    // A first message, read as a request and accepted; the server does not know whom it is from.
    assert!(alice.session_with(&Address::new("carol").unwrap(), &mut server, at(1), rng).is_err());
    alice.session_with(&bobs, &mut server, at(1), rng).unwrap();
    alice.set_timer(&bobs, MINUTE, at(1), rng);
    alice.send(&bobs, "Hello Bob", at(1), rng).unwrap();
    alice.hand_over(&mut server, at(2), rng);
    let first = server.mail_for(&bobs).remove(0);
    assert_eq!(bob.sender(&first), Some(alices.clone()));
    let id = bob.receive(&alices, &first, Age::NONE, at(3), rng).unwrap().unwrap();
    let again = bob.receive(&alices, &first, Age::NONE, at(3), rng);
    assert_eq!(again, Err(PeerDecryptError::Duplicate));
    assert!(matches!(bob.peers[&alices].contact(), Contact::Request(_)));
    assert!(bob.send(&alices, "Hello Alice", at(4), rng).is_err());
    bob.answer_request(&alices, Answer::Accept, rng);

    // Bob's process ends, and starts from what it stored.
    let mut bob = Phone::start(bob.store, storage_key(), at(5), rng).unwrap();
    assert_eq!(bob.shown(id, at(10), rng).unwrap(), b"Hello Bob");
    assert_eq!(bob.purge(at(69), rng), Some(Duration::from_secs(1)));
    assert!(bob.message(id).is_some());
    assert_eq!(bob.purge(at(70), rng), None);
    assert_eq!(bob.message(id), None);

    // They compare numbers, and Bob answers.
    let numbers = [alice.safety_number(&bobs).unwrap(), bob.safety_number(&alices).unwrap()];
    assert!(numbers[0].matches(&numbers[1].to_string()));
    let verified = alice.verified(&bobs).unwrap();
    bob.send(&alices, "Hello Alice", at(71), rng).unwrap();
    bob.hand_over(&mut server, at(71), rng);
    let answer = server.mail_for(&alices).remove(0);
    assert_eq!(alice.sender(&answer), Some(bobs.clone()));
    let id = alice.receive(&bobs, &answer, Age::NONE, at(72), rng).unwrap().unwrap();
    assert_eq!(alice.shown(id, at(73), rng).unwrap(), b"Hello Alice");

    // A payload that says nothing is no message.
    let payload = Payload::new("").with_stamp(alice.expiry.stamp(ConversationId::named(b"bob")));
    let peer = alice.peers.get_mut(&bobs).unwrap();
    let nothing = peer.encrypt(&payload, b"", at(74).timestamp(), rng).unwrap().message;
    assert_eq!(bob.receive(&alices, &nothing, Age::NONE, at(74), rng), Ok(None));

    // Bob loses his phone and sets up another: Alice hears of it, and agrees.
    let mut bob = Phone::set_up("bob", storage_key(), at(100), rng);
    bob.publish(&mut server, at(100), rng).unwrap();
    bob.session_with(&alices, &mut server, at(100), rng).unwrap();
    bob.send(&alices, "It is me", at(100), rng).unwrap();
    bob.hand_over(&mut server, at(100), rng);
    let message = server.mail_for(&alices).remove(0);
    let refused = alice.receive(&bobs, &message, Age::NONE, at(101), rng);
    let Err(PeerDecryptError::IdentityChanged(identity)) = refused else {
        panic!("another identity")
    };
    alice.answer_change(&bobs, identity, Answer::Accept, rng);
    let id = alice.receive(&bobs, &message, Age::NONE, at(102), rng).unwrap().unwrap();
    assert_eq!(alice.shown(id, at(102), rng).unwrap(), b"It is me");
    assert_ne!(alice.verified(&bobs), Some(verified));

    // Alice puts back a backup, publishes anew, and begins a session with Bob.
    alice.restored_from_backup(at(200), rng);
    alice.publish(&mut server, at(200), rng).unwrap();
    let opened_before = alice.receive(&bobs, &message, Age::NONE, at(200), rng);
    assert_eq!(opened_before, Err(PeerDecryptError::UnknownPreKey));
    alice.session_with(&bobs, &mut server, at(200), rng).unwrap();
    alice.send(&bobs, "Back again", at(200), rng).unwrap();
    alice.hand_over(&mut server, at(200), rng);
    let message = server.mail_for(&bobs).remove(0);
    let id = bob.receive(&alices, &message, Age::NONE, at(201), rng).unwrap().unwrap();
    assert_eq!(bob.shown(id, at(201), rng).unwrap(), b"Back again");
    bob.answer_request(&alices, Answer::Refuse, rng);
    assert!(bob.send(&alices, "no", at(202), rng).is_err());
}

/// What stands here between marks, without its indentation.
fn marked(source: &str) -> Vec<String> {
    let mut parts = Vec::new();
    let mut lines = source.lines();
    while lines.any(|line| line.trim_start().starts_with(MARK)) {
        let part = lines.by_ref().take_while(|line| !line.trim_start().starts_with(MARK));
        parts.push(dedented(&part.collect::<Vec<_>>().join("\n")));
    }
    parts
}

fn dedented(code: &str) -> String {
    let lines = code.trim_end().lines();
    let width = |line: &&str| line.len() - line.trim_start().len();
    let indent = lines.clone().filter(|line| !line.is_empty()).map(|line| width(&line)).min();
    lines
        .map(|line| line.get(indent.unwrap_or(0)..).unwrap_or_default())
        .collect::<Vec<_>>()
        .join("\n")
}

#[test]
fn the_guide_shows_this_code() {
    let guide = include_str!("../docs/guide.md");
    let shown =
        guide.split("```rust\n").skip(1).filter_map(|part| Some(part.split_once("\n```")?.0));
    let (shown, marked): (Vec<&str>, _) = (shown.collect(), marked(include_str!("guide.rs")));
    assert!(marked.len() >= 10, "{} parts", marked.len());
    for (number, part) in marked.iter().enumerate() {
        assert_eq!(shown.get(number), Some(&part.as_str()), "part {number}");
    }
    assert_eq!(shown.len(), marked.len());
}
