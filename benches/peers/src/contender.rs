//! Whoever takes part: what it does in each row, and what it does less of there.

use crate::row::{Group, Handling, Hybrid, Kem, People, Row};
use crate::work::Work;

/// Someone who takes part, with a method for each operation.
pub trait Contender {
    fn name(&self) -> &'static str;
    fn encrypt(&self, size: usize) -> Entry;
    fn decrypt(&self, size: usize) -> Entry;
    fn decrypt_with_ratchet_step(&self) -> Entry;
    fn ping_pong(&self) -> Entry;
    fn initiate(&self) -> Entry;
    fn accept(&self) -> Entry;
    fn decrypt_after_gap(&self, lost: usize) -> Entry;
    fn decrypt_late(&self, held: usize) -> Entry;
    fn encrypt_holding(&self, held: usize) -> Entry;
    fn decrypt_from_sealed_state(&self) -> Entry;
    fn decrypt_from_plain_state(&self) -> Entry;

    /// An operation of suite 2, which only evanesce and the floor have.
    fn hybrid(&self, _operation: Hybrid) -> Entry {
        Entry::Absent
    }

    /// What suite 2 is held against, of evanesce and the floor.
    fn epochs_messages(&self) -> Entry {
        Entry::Absent
    }

    /// An attachment, which only evanesce and the floor have.
    fn file(&self, _handling: Handling) -> Entry {
        Entry::Absent
    }

    /// What people with several devices do, which only evanesce and the floor have.
    fn people(&self, _operation: People) -> Entry {
        Entry::Absent
    }

    /// Messages of a group: evanesce, the floor, and whoever has groups.
    fn group(&self, _operation: Group) -> Entry {
        Entry::Absent
    }

    /// A primitive, which only the floor has.
    fn verifications(&self, _count: usize) -> Entry {
        Entry::Absent
    }

    /// A primitive, which only the floor has.
    fn agreement(&self) -> Entry {
        Entry::Absent
    }

    /// A primitive, which only the floor has.
    fn kem(&self, _calls: Kem) -> Entry {
        Entry::Absent
    }

    /// A primitive, which only the floor has.
    fn chain_steps(&self, _count: usize) -> Entry {
        Entry::Absent
    }

    /// What it takes in a store and on the wire; nothing for the floor.
    fn sizes(&self) -> Option<Sizes> {
        None
    }

    fn enter(&self, row: Row) -> Entry {
        match row {
            Row::Encrypt { size } => self.encrypt(size),
            Row::Decrypt { size } => self.decrypt(size),
            Row::DecryptWithRatchetStep => self.decrypt_with_ratchet_step(),
            Row::PingPong => self.ping_pong(),
            Row::Initiate => self.initiate(),
            Row::Accept => self.accept(),
            Row::DecryptAfterGap { lost } => self.decrypt_after_gap(lost),
            Row::DecryptLate { held } => self.decrypt_late(held),
            Row::EncryptHolding { held } => self.encrypt_holding(held),
            Row::DecryptFromSealedState => self.decrypt_from_sealed_state(),
            Row::DecryptFromPlainState => self.decrypt_from_plain_state(),
            Row::Hybrid(operation) => self.hybrid(operation),
            Row::EpochsMessages => self.epochs_messages(),
            Row::File(handling) => self.file(handling),
            Row::People(operation) => self.people(operation),
            Row::Group(operation) => self.group(operation),
            Row::Agreement => self.agreement(),
            Row::Verifications { count } => self.verifications(count),
            Row::Kem(calls) => self.kem(calls),
            Row::ChainSteps { count } => self.chain_steps(count),
        }
    }
}

/// What a contender brings to a row.
pub enum Entry {
    /// It does the operation.
    Runs { work: Box<dyn Work>, remark: Remark },
    /// It has the operation and refuses this case of it; why.
    Refuses(&'static str),
    /// It has no such operation.
    Absent,
}

/// How the work of a contender in a row stands to that of evanesce.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Remark {
    pub likeness: Likeness,
    /// In which way it differs.
    pub note: Option<&'static str>,
}

/// Whether two figures can be held against each other. Where there are X25519s and signatures, the work
/// counts as the same if they are as many, since they outweigh the rest by far. In other rows it is the same
/// if headers are encrypted and the plaintext is committed to; that of storing is, if damage is found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Likeness {
    Same,
    Less,
    More,
}

impl Remark {
    pub const NONE: Self = Self { likeness: Likeness::Same, note: None };

    pub const fn same(note: &'static str) -> Self {
        Self { likeness: Likeness::Same, note: Some(note) }
    }

    pub const fn less(note: &'static str) -> Self {
        Self { likeness: Likeness::Less, note: Some(note) }
    }

    pub const fn more(note: &'static str) -> Self {
        Self { likeness: Likeness::More, note: Some(note) }
    }
}

/// Bytes in a store and on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sizes {
    pub states: Option<StateSizes>,
    /// How much longer a message is than its plaintext.
    pub message: usize,
    /// How much longer the message is that carries a handshake; absent without one.
    pub first_message: Option<usize>,
    /// In which way these sizes differ from those of others.
    pub note: Option<&'static str>,
}

/// Bytes of the stored states of one who receives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StateSizes {
    /// After a message and its answer.
    pub fresh: usize,
    /// Ten rounds later.
    pub steady: usize,
    /// With a message more: within a chain of the other's.
    pub receiving: usize,
    /// The same, waiting for many messages; absent if it does not hold so many keys.
    pub holding: Option<usize>,
}
