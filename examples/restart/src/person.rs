//! One person: the durable way to send and to receive. This is the file to copy from.
//!
//! To send: encrypt; in one transaction store the peer and put the message into the outbox; then hand it
//! over; then delete it from the outbox. To receive: decrypt; in one transaction store what has changed and
//! the message; then acknowledge. Wherever the process ends, the next one begins with what was stored: what
//! was not handed over for certain is handed over again, what was not acknowledged comes again, and the
//! library tells what it has opened before.
//!
//! After an error the state in memory may be ahead of the stored one, so nothing goes on with it.

use std::error::Error;
use std::path::Path;
use std::thread;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use evanesce::rand_core::UnwrapErr;
use evanesce::{Account, Address, Payload, Peer, PeerDecryptError, PreKeyBundle, Timestamp};
use getrandom::SysRng;

use crate::carrier::Carrier;
use crate::stop;
use crate::store::Store;

/// What both sides bind every message to: the name of the conversation.
const AD: &[u8] = b"alice and bob";

/// How many messages one is ahead of the other at most, so that they take turns.
const AHEAD: i64 = 4;

/// How long a person thinks, or waits before looking again.
const PAUSE: Duration = Duration::from_millis(1);

struct Person {
    name: String,
    other: String,
    account: Account,
    peer: Peer,
    store: Store,
    carrier: Carrier,
}

/// Goes on with the conversation until `count` messages went each way.
pub fn converse(
    name: &str,
    other: &str,
    directory: &Path,
    count: i64,
) -> Result<(), Box<dyn Error>> {
    let mut person = Person::wake(name, other, directory)?;
    loop {
        person.hand_over()?;
        person.receive()?;
        let (mut sent, received) = (person.store.count(name)?, person.store.count(other)?);
        if (sent, received) == (count, count) {
            return Ok(());
        }
        while sent < count.min(received + AHEAD) && person.has_session()? {
            sent += 1;
            let nanoseconds = SystemTime::now().duration_since(UNIX_EPOCH)?.as_nanos();
            person.send(&format!("{sent} of {name}, written at {nanoseconds}"))?;
        }
        thread::sleep(PAUSE);
    }
}

impl Person {
    /// Takes up what was stored, or begins. Does what is due at every start.
    fn wake(name: &str, other: &str, directory: &Path) -> Result<Self, Box<dyn Error>> {
        let (mut store, mut carrier) = (Store::open(directory, name)?, Carrier::open(directory)?);
        let (now, rng) = (now()?, &mut UnwrapErr(SysRng));
        let mut account = match store.account(name)? {
            Some(account) => account,
            None => Account::generate(Address::new(name)?, now, rng),
        };
        let mut peer = match store.peer(other)? {
            Some(peer) => peer,
            None => Peer::new(Address::new(other)?),
        };

        // Prekeys are stored before they are published, and after that it is noted that they are.
        let maintained = account.maintain(None, now, rng);
        let changes = maintained.changes.and(peer.maintain(now));
        let writing = store.begin()?;
        writing.save(changes, &account, &peer)?;
        writing.commit()?;
        if let Some(upload) = maintained.upload {
            carrier.publish(name, upload.clone())?;
            let changes = account.mark_published(&upload);
            let writing = store.begin()?;
            writing.save(changes, &account, &peer)?;
            writing.commit()?;
        }
        Ok(Self { name: name.into(), other: other.into(), account, peer, store, carrier })
    }

    /// Begins a session if one is needed, as soon as the other has published prekeys.
    fn has_session(&mut self) -> Result<bool, Box<dyn Error>> {
        let (now, rng) = (now()?, &mut UnwrapErr(SysRng));
        if self.peer.session_need(now).is_none() {
            return Ok(true);
        }
        let Some(bundle) = self.carrier.hand_out(&self.other)? else {
            return Ok(false);
        };
        let bundle = PreKeyBundle::decode(&bundle)?.verify(now)?;
        let begun = self.peer.initiate(&self.account, bundle, now, rng)?;
        let writing = self.store.begin()?;
        writing.save(begun, &self.account, &self.peer)?;
        writing.commit()?;
        Ok(true)
    }

    /// Encrypts, and stores. Nothing leaves yet.
    fn send(&mut self, text: &str) -> Result<(), Box<dyn Error>> {
        let (now, rng) = (now()?, &mut UnwrapErr(SysRng));
        let encrypted = self.peer.encrypt(&Payload::new(text), AD, now, rng)?;
        if stop::order_is_turned_round() {
            self.carrier.take(&self.other, &encrypted.message)?; // WRONG, for the test alone
        }
        let writing = self.store.begin()?;
        writing.save(encrypted.changes, &self.account, &self.peer)?;
        writing.add_message(&self.name, text.as_bytes())?;
        writing.add_to_outbox(&encrypted.message)?;
        Ok(writing.commit()?)
    }

    /// Hands over what is stored, whichever process stored it.
    fn hand_over(&mut self) -> Result<(), Box<dyn Error>> {
        for (id, message) in self.store.outbox()? {
            self.carrier.take(&self.other, &message)?;
            self.store.handed_over(id)?;
        }
        Ok(())
    }

    fn receive(&mut self) -> Result<(), Box<dyn Error>> {
        for (id, message) in self.carrier.mail(&self.name)? {
            match self.peer.decrypt(&mut self.account, &message, AD, now()?) {
                Ok(delivered) => {
                    // An application asks its user first. These two know each other.
                    let changes = delivered.changes.and(self.peer.accept_request());
                    let writing = self.store.begin()?;
                    writing.save(changes, &self.account, &self.peer)?;
                    writing.add_message(&self.other, &delivered.received.body)?;
                    writing.commit()?;
                }
                // It was stored, and then not acknowledged, or handed over twice.
                Err(PeerDecryptError::Duplicate) => {}
                // The variants say what an application does about each. An honest carrier brings none here,
                // and no message may stop the one who reads it at every start.
                Err(refusal) => eprintln!("{} discards a message: {refusal}", self.name),
            }
            self.carrier.acknowledge(id)?;
        }
        Ok(())
    }
}

fn now() -> Result<Timestamp, Box<dyn Error>> {
    let seconds = SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs();
    Ok(Timestamp::from_unix_seconds(seconds))
}
