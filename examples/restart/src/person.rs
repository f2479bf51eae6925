//! One person: the durable way to send and to receive. This is the file to copy from.
//!
//! To send: encrypt; in one transaction store the peer and put the message into the outbox; then hand it
//! over; then delete it from the outbox. To receive: decrypt; in one transaction store what has changed and
//! the message; then acknowledge. Wherever the process ends, the next one begins with what was stored: what
//! was not handed over for certain is handed over again, what was not acknowledged comes again, and the
//! library tells what it has opened before. What an application does beside that, step by step: docs/guide.md.
//!
//! After an error the state in memory may be ahead of the stored one, so nothing goes on with it.

use std::error::Error;
use std::path::Path;
use std::thread;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use evanesce::rand_core::UnwrapErr;
use evanesce::{
    Account, Address, Changes, Payload, Peer, PeerDecryptError, PeerEncryptError,
    PeerInitiateError, PreKeyBundle, SessionNeed, Timestamp,
};
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
    /// Where the carrier finds the two.
    address: String,
    others_address: String,
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
        person.mend()?;
        let (mut sent, received) = (person.store.count(name)?, person.store.count(other)?);
        if (sent, received) == (count, count) {
            return Ok(());
        }
        while sent < count.min(received + AHEAD) {
            let nanoseconds = SystemTime::now().duration_since(UNIX_EPOCH)?.as_nanos();
            let text = format!("{} of {name}, written at {nanoseconds}", sent + 1);
            if !person.send(&text)? {
                break;
            }
            sent += 1;
        }
        thread::sleep(PAUSE);
    }
}

/// The id by which the carrier knows a device. People and their names change; this never does.
fn address_of(name: &str) -> String {
    let user = if name == "alice" { 17 } else { 23 };
    format!("user-{user}/device-1")
}

impl Person {
    /// Takes up what was stored, or begins. Does what is due at every start.
    fn wake(name: &str, other: &str, directory: &Path) -> Result<Self, Box<dyn Error>> {
        let (mut store, mut carrier) = (Store::open(directory, name)?, Carrier::open(directory)?);
        let (now, rng) = (now()?, &mut UnwrapErr(SysRng));
        let (address, others_address) = (address_of(name), address_of(other));
        let mut account = match store.account(&address)? {
            Some(account) => account,
            None => Account::generate(Address::new(&address)?, now, rng),
        };
        let mut peer = match store.peer(&others_address)? {
            Some(peer) => peer,
            None => Peer::new(Address::new(&others_address)?),
        };

        // Prekeys are stored before they are published, and after that it is noted that they are.
        let maintained = account.maintain(Some(carrier.stock(&address)?), now, rng);
        if let Some(disagreement) = maintained.disagreement {
            eprintln!("{name} and the carrier disagree: {disagreement:?}"); // nobody puts these files back
        }
        let changes = maintained.changes.and(peer.maintain(now));
        let writing = store.begin()?;
        writing.save(changes, &account, &peer)?;
        writing.commit()?;
        if let Some(upload) = maintained.upload {
            carrier.publish(&address, upload.clone())?;
            let changes = account.mark_published(&upload);
            let writing = store.begin()?;
            writing.save(changes, &account, &peer)?;
            writing.commit()?;
        }
        let (name, other) = (name.into(), other.into());
        Ok(Self { name, other, address, others_address, account, peer, store, carrier })
    }

    /// Begins a session if one is needed and the carrier has a good bundle. If not, what there is serves on.
    fn begin_session(&mut self) -> Result<(), Box<dyn Error>> {
        let (now, rng) = (now()?, &mut UnwrapErr(SysRng));
        if self.peer.session_need(now).is_none() {
            return Ok(());
        }
        let Some(bundle) = self.carrier.hand_out(&self.others_address)? else {
            return Ok(()); // the other has published nothing yet
        };
        let verified = PreKeyBundle::decode(&bundle).ok().and_then(|it| it.verify(now).ok());
        let Some(bundle) = verified else {
            eprintln!("{} has no good bundle of {}", self.name, self.other);
            return Ok(());
        };
        match self.peer.initiate(&self.account, bundle, now, rng) {
            Ok(begun) => self.save(begun),
            Err(PeerInitiateError::IdentityChanged(identity)) => {
                // An application asks its user. Until then nothing is sent.
                let noted = self.peer.note_identity(identity);
                eprintln!("{} is somebody else now", self.other);
                self.save(noted)
            }
            Err(refusal) => {
                eprintln!("{} begins no session: {refusal}", self.name);
                Ok(())
            }
        }
    }

    fn save(&mut self, changes: Changes) -> Result<(), Box<dyn Error>> {
        if changes.any() {
            let writing = self.store.begin()?;
            writing.save(changes, &self.account, &self.peer)?;
            writing.commit()?;
        }
        Ok(())
    }

    /// Encrypts, and stores. Nothing leaves yet. Says no if there is no session to encrypt in.
    fn send(&mut self, text: &str) -> Result<bool, Box<dyn Error>> {
        self.begin_session()?;
        let (now, rng) = (now()?, &mut UnwrapErr(SysRng));
        let encrypted = match self.peer.encrypt(&Payload::new(text), AD, now, rng) {
            Ok(encrypted) => encrypted,
            Err(PeerEncryptError::NeedsSession) => return Ok(false),
            Err(error) => return Err(error.into()),
        };
        if stop::order_is_turned_round() {
            self.carrier.take(&self.others_address, &encrypted.message)?; // WRONG, for the test alone
        }
        let writing = self.store.begin()?;
        writing.save(encrypted.changes, &self.account, &self.peer)?;
        if !text.is_empty() {
            writing.add_message(&self.name, text.as_bytes())?;
        }
        writing.add_to_outbox(&encrypted.message)?;
        writing.commit()?;
        Ok(true)
    }

    /// If one side has lost its sessions: the other hears of another one by what is sent in it, be it nothing.
    fn mend(&mut self) -> Result<(), Box<dyn Error>> {
        if self.peer.session_need(now()?) == Some(SessionNeed::Lost) {
            self.send("")?;
        }
        Ok(())
    }

    /// Hands over what is stored, whichever process stored it.
    fn hand_over(&mut self) -> Result<(), Box<dyn Error>> {
        for (id, message) in self.store.outbox()? {
            self.carrier.take(&self.others_address, &message)?;
            self.store.handed_over(id)?;
        }
        Ok(())
    }

    fn receive(&mut self) -> Result<(), Box<dyn Error>> {
        for (id, message) in self.carrier.mail(&self.address)? {
            match self.peer.decrypt(&mut self.account, &message, AD, now()?) {
                Ok(delivered) => {
                    // An application asks its user first. These two know each other.
                    let changes = delivered.changes.and(self.peer.accept_request());
                    let writing = self.store.begin()?;
                    writing.save(changes, &self.account, &self.peer)?;
                    if !delivered.received.body.is_empty() {
                        writing.add_message(&self.other, &delivered.received.body)?;
                    }
                    writing.commit()?;
                }
                // It was stored, and then not acknowledged, or handed over twice.
                Err(PeerDecryptError::Duplicate) => {}
                // What an application does about each: docs/guide.md, step 5. An honest carrier brings none here, and
                // no message may stop the one who reads it at every start.
                Err(refusal) => {
                    eprintln!("{} discards a message: {refusal}", self.name);
                    let noted = self.peer.note_refusal(&message, &refusal, now()?);
                    self.save(noted)?;
                }
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
