//! One process and its store: what it is doing, what it has in memory, and what is left when it is stopped.

use std::collections::BTreeSet;

use evanesce::PeerDecryptError;

use super::{Carrier, Habit};
use crate::device::{Bundles, Device};

/// What a person wrote: the number of the text among all that they ever began to write, stored or not. So a text
/// that is written again after a stop is another one.
#[derive(Clone, Copy, Debug, Hash, PartialEq, Eq, PartialOrd, Ord)]
pub struct Text {
    pub side: u8,
    pub attempt: u8,
}

/// A message, and what it says.
#[derive(Clone, Debug, Hash, PartialEq, Eq)]
pub struct Letter {
    pub text: Text,
    pub bytes: Vec<u8>,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq)]
pub struct Person {
    pub store: Store,
    /// Account and peer in memory. What it has drawn and fetched is the world's, and never goes back.
    memory: Device,
    pub doing: Doing,
    attempts: u8,
}

/// What a stop leaves.
#[derive(Clone, Debug, Hash, PartialEq, Eq)]
pub struct Store {
    account: Vec<u8>,
    peer: Vec<u8>,
    pub outbox: Vec<Letter>,
    pub sent: Vec<Text>,
    pub shown: Vec<Text>,
}

/// Between which two durable steps a process is.
#[derive(Clone, Debug, Hash, PartialEq, Eq)]
pub enum Doing {
    Nothing,
    /// A session has begun in memory.
    Begun,
    /// A text is encrypted in memory.
    Encrypted(Letter),
    /// FLAW: the carrier has it, and the store has not.
    SentFirst {
        text: Text,
    },
    /// The carrier has the first message of the outbox.
    HandedOver,
    /// A message of the mail has been opened in memory; `None` if it was opened before.
    Opened {
        place: usize,
        text: Option<Text>,
    },
    /// FLAW: a text is stored, and not yet the state that opened it.
    TextStored {
        place: usize,
    },
    /// FLAW: the carrier has forgotten it, and it is not stored.
    AcknowledgedFirst {
        text: Option<Text>,
    },
    /// What a message said is stored.
    Stored {
        place: usize,
    },
}

/// What a step asks of the carrier.
pub enum Asked {
    Nothing,
    Carry(Letter),
    Forget { place: usize },
}

impl Person {
    pub fn new(device: Device) -> Self {
        let (account, peer) = (device.account.clone(), device.peer.clone());
        let (outbox, sent, shown) = (Vec::new(), Vec::new(), Vec::new());
        let store = Store { account, peer, outbox, sent, shown };
        Self { store, memory: device, doing: Doing::Nothing, attempts: 0 }
    }

    /// The process ends, and another one begins with what is stored.
    pub fn stop(&mut self) {
        self.memory.account.clone_from(&self.store.account);
        self.memory.peer.clone_from(&self.store.peer);
        self.doing = Doing::Nothing;
    }

    pub fn write(&mut self, side: u8, theirs: &Bundles) {
        let mut awake = self.memory.wake();
        if awake.active().is_none() {
            awake.begin(theirs);
            self.doing = Doing::Begun;
        } else {
            let text = Text { side, attempt: self.attempts };
            self.attempts += 1;
            let bytes = awake.send(&text.body(), theirs);
            self.doing = Doing::Encrypted(Letter { text, bytes });
        }
        self.memory = awake.rest();
    }

    pub fn hand_over(&mut self) -> Asked {
        self.doing = Doing::HandedOver;
        Asked::Carry(self.store.outbox[0].clone())
    }

    /// Opens a message of the mail; says whether that went as it must. What comes again is a duplicate, or, after
    /// a later chain has begun, undecryptable (docs/protocol.md §5.6): that takes a carrier who shuffles.
    pub fn open(&mut self, place: usize, letter: &Letter, carrier: Carrier) -> bool {
        let Letter { text, bytes } = letter;
        let is_shown = self.store.shown.contains(text);
        let mut awake = self.memory.wake();
        let received = awake.receive(bytes);
        self.memory = awake.rest();
        let opened = received.as_ref().ok().map(|_| *text);
        self.doing = Doing::Opened { place, text: opened };
        match received {
            Ok(body) => body == text.body().as_bytes(),
            Err(PeerDecryptError::Duplicate) => is_shown,
            Err(PeerDecryptError::Undecryptable) => is_shown && carrier == Carrier::Shuffles,
            Err(_) => false,
        }
    }

    /// The next step of what it is doing: one transaction, or one thing that the carrier does.
    pub fn go_on(&mut self, habit: Habit) -> Asked {
        match std::mem::replace(&mut self.doing, Doing::Nothing) {
            Doing::Nothing => {}
            Doing::Begun => self.store_states(),
            Doing::Encrypted(letter) => {
                if habit == Habit::SendsBeforeStoring {
                    self.doing = Doing::SentFirst { text: letter.text };
                    return Asked::Carry(letter);
                }
                self.store_states();
                self.store.sent.push(letter.text);
                self.store.outbox.push(letter);
            }
            Doing::SentFirst { text } => {
                self.store_states();
                self.store.sent.push(text);
            }
            Doing::HandedOver => _ = self.store.outbox.remove(0),
            Doing::Opened { place, text } => match habit {
                Habit::StoresTextAlone => {
                    self.store.shown.extend(text);
                    self.doing = Doing::TextStored { place };
                }
                Habit::AcknowledgesBeforeStoring => {
                    self.doing = Doing::AcknowledgedFirst { text };
                    return Asked::Forget { place };
                }
                Habit::AsDocumented | Habit::SendsBeforeStoring => {
                    self.store_states();
                    self.store.shown.extend(text);
                    self.doing = Doing::Stored { place };
                }
            },
            Doing::TextStored { place } => {
                self.store_states();
                self.doing = Doing::Stored { place };
            }
            Doing::AcknowledgedFirst { text } => {
                self.store_states();
                self.store.shown.extend(text);
            }
            Doing::Stored { place } => return Asked::Forget { place },
        }
        Asked::Nothing
    }

    fn store_states(&mut self) {
        self.store.account.clone_from(&self.memory.account);
        self.store.peer.clone_from(&self.memory.peer);
    }
}

impl Store {
    /// Whether nothing is shown twice.
    pub fn shows_each_once(&self) -> bool {
        self.shown.iter().collect::<BTreeSet<_>>().len() == self.shown.len()
    }
}

impl Text {
    fn body(self) -> String {
        format!("{} of {}", self.attempt, self.side)
    }
}
