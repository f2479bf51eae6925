//! The operations that are measured.

/// Bytes of plaintext where the size does not matter.
pub const SMALL: usize = 64;

/// How many messages were lost, or are still missing, where there are many.
pub const MANY: usize = 1_000;

/// Bytes of a padded plaintext of [`SMALL`] bytes once as many fragments of an epoch travel with it as evanesce makes
/// room for.
pub const CARRYING: usize = 320;

/// Bytes of a file. More than the processor's own caches hold, so that it comes from further away, as files do.
pub const FILE: usize = 4 << 20;

/// One operation; of suite 1, where evanesce does it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Row {
    /// In a chain, a plaintext of so many bytes.
    Encrypt { size: usize },
    /// In a chain and in order, a plaintext of so many bytes.
    Decrypt { size: usize },
    /// The first message of the other's new chain.
    DecryptWithRatchetStep,
    /// A message each way, each the first of its chain.
    PingPong,
    /// From the other's published keys to the first message.
    Initiate,
    /// From the first message to its plaintext.
    Accept,
    /// So many messages before this one were lost.
    DecryptAfterGap { lost: usize },
    /// So many messages had not come, and this one of them does.
    DecryptLate { held: usize },
    /// So many messages of the other have not come.
    EncryptHolding { held: usize },
    /// The state is encrypted bytes before, and is so again afterwards.
    DecryptFromSealedState,
    /// The state is bytes in the clear before, and is so again afterwards.
    DecryptFromPlainState,
    /// Of suite 2: nobody but evanesce and the floor takes part.
    Hybrid(Hybrid),
    /// The messages of an epoch in suite 1, which has none: as many, and as long. Nobody but evanesce and the floor takes
    /// part.
    EpochsMessages,
    /// A file of [`FILE`] bytes: nobody but evanesce and the floor takes part.
    File(Handling),
    /// People with several devices: nobody but evanesce and the floor takes part.
    People(People),
    /// A group of [`MEMBERS`] devices in which all have all chains: messages 1 to [`MESSAGES`] of a chain. Vodozemac takes part
    /// by Megolm.
    Group(Group),
    /// A single X25519: nobody but the floor takes part.
    Agreement,
    /// So many Ed25519 signatures of a list of devices, strictly: nobody but the floor takes part.
    Verifications { count: usize },
    /// ML-KEM by itself: nobody but the floor takes part.
    Kem(Kem),
    /// The steps of a symmetric ratchet: nobody but the floor takes part.
    ChainSteps { count: usize },
}

/// An operation of suite 2.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hybrid {
    /// In a chain, a padded plaintext of [`SMALL`] bytes before what it carries.
    Encrypt(Phase),
    /// The same message, in order.
    Decrypt(Phase),
    /// From the other's published keys to the first message.
    Initiate(PreKeys),
    /// From the first message to its plaintext, with an account that comes out of its store.
    Accept(PreKeys),
    /// The same with a one-time prekey, where the account has accepted another before.
    AcceptAgain,
    /// All messages of an epoch, both sides: the key, the answer, and the first message behind the secret.
    Epoch,
}

/// Where a session is in its epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Nothing travels.
    Rest,
    /// Messages carry the key: sent in SendEk, received in Wait.
    Key,
    /// Messages carry the answer: sent in SendCt, received in SendEk.
    Answer,
}

/// What is done with a file in memory. What comes out is looked at and not kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Handling {
    /// Front to back.
    Seal,
    /// Chunk by chunk, on one core.
    SealByChunks,
    /// Front to back.
    Read,
    /// Chunk by chunk, with all pages.
    OpenByRanges,
}

/// What people with several devices do, and the same by single ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum People {
    /// A plaintext of [`SMALL`] bytes to four devices of a person and two other own ones, where nothing else is due.
    Encrypt,
    /// The same to the six peers, one by one.
    EncryptOneByOne,
    /// A plaintext of [`SMALL`] bytes to four people with [`MOST_DEVICES`] each, where nothing else is due.
    EncryptForMany,
    /// The same to the 64 peers, one by one.
    EncryptForManyOneByOne,
    /// In order, a plaintext of [`SMALL`] bytes, by own devices.
    Decrypt,
    /// The same by its peer.
    DecryptByPeer,
    /// A list of [`MOST_DEVICES`]: decoded, verified, adopted.
    Adopt,
}

/// What is done with messages of a group, of [`SMALL`] bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Group {
    /// For all others.
    Encrypt,
    /// In order.
    Decrypt,
}

/// How many devices a group has.
pub const MEMBERS: usize = 32;

/// How many messages of a chain are measured, after its first.
pub const MESSAGES: usize = 32;

/// How many devices a list has at most.
pub const MOST_DEVICES: usize = 16;

/// Which prekeys a handshake goes by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PreKeys {
    /// The signed one and a one-time one.
    OneTime,
    /// The signed one alone.
    LastResort,
}

/// Calls of ML-KEM. Key pairs are seeds, and expanded where they are used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kem {
    /// ML-KEM-1024: what a handshake's initiator does.
    Encapsulate,
    /// ML-KEM-1024: what its responder does.
    Decapsulate,
    /// ML-KEM-768: a key, an encapsulation and a decapsulation, as both sides of an epoch do together.
    Epoch,
    /// The same where they fall due among the messages of an epoch: a processor that has just done something else takes
    /// longer for them.
    AmidMessages,
}

/// In the order in which they are shown.
pub const ROWS: [Row; 53] = [
    Row::Encrypt { size: SMALL },
    Row::Encrypt { size: CARRYING },
    Row::Encrypt { size: 1_024 },
    Row::Encrypt { size: 65_536 },
    Row::Decrypt { size: SMALL },
    Row::Decrypt { size: CARRYING },
    Row::Decrypt { size: 1_024 },
    Row::Decrypt { size: 65_536 },
    Row::DecryptWithRatchetStep,
    Row::PingPong,
    Row::Initiate,
    Row::Accept,
    Row::DecryptAfterGap { lost: 100 },
    Row::DecryptAfterGap { lost: MANY },
    Row::DecryptLate { held: 1 },
    Row::DecryptLate { held: MANY },
    Row::EncryptHolding { held: MANY },
    Row::DecryptFromSealedState,
    Row::DecryptFromPlainState,
    Row::Hybrid(Hybrid::Encrypt(Phase::Rest)),
    Row::Hybrid(Hybrid::Encrypt(Phase::Key)),
    Row::Hybrid(Hybrid::Encrypt(Phase::Answer)),
    Row::Hybrid(Hybrid::Decrypt(Phase::Rest)),
    Row::Hybrid(Hybrid::Decrypt(Phase::Key)),
    Row::Hybrid(Hybrid::Decrypt(Phase::Answer)),
    Row::Hybrid(Hybrid::Initiate(PreKeys::OneTime)),
    Row::Hybrid(Hybrid::Initiate(PreKeys::LastResort)),
    Row::Hybrid(Hybrid::Accept(PreKeys::OneTime)),
    Row::Hybrid(Hybrid::Accept(PreKeys::LastResort)),
    Row::Hybrid(Hybrid::AcceptAgain),
    Row::Hybrid(Hybrid::Epoch),
    Row::EpochsMessages,
    Row::Kem(Kem::AmidMessages),
    Row::File(Handling::Seal),
    Row::File(Handling::SealByChunks),
    Row::File(Handling::Read),
    Row::File(Handling::OpenByRanges),
    Row::People(People::Encrypt),
    Row::People(People::EncryptOneByOne),
    Row::People(People::EncryptForMany),
    Row::People(People::EncryptForManyOneByOne),
    Row::People(People::Decrypt),
    Row::People(People::DecryptByPeer),
    Row::People(People::Adopt),
    Row::Group(Group::Encrypt),
    Row::Group(Group::Decrypt),
    Row::Agreement,
    Row::Verifications { count: MOST_DEVICES },
    Row::Kem(Kem::Encapsulate),
    Row::Kem(Kem::Decapsulate),
    Row::Kem(Kem::Epoch),
    Row::ChainSteps { count: 1 },
    Row::ChainSteps { count: MANY },
];

impl Row {
    pub fn name(self) -> String {
        match self {
            Self::Encrypt { size } => format!("encrypt, {}", bytes(size)),
            Self::Decrypt { size } => format!("decrypt, {}", bytes(size)),
            Self::DecryptWithRatchetStep => "decrypt with a ratchet step".into(),
            Self::PingPong => "ping-pong round".into(),
            Self::Initiate => "initiate, with the first message".into(),
            Self::Accept => "accept, with the first message".into(),
            Self::DecryptAfterGap { lost } => format!("decrypt after a gap of {}", number(lost)),
            Self::DecryptLate { held } => format!("decrypt late, {} held", number(held)),
            Self::EncryptHolding { held } => format!("encrypt, {} held", number(held)),
            Self::DecryptFromSealedState => "restore sealed state, decrypt, store".into(),
            Self::DecryptFromPlainState => "restore plain state, decrypt, store".into(),
            Self::Hybrid(operation) => format!("suite 2: {}", operation.name()),
            Self::EpochsMessages => "the messages of an epoch, in suite 1".into(),
            Self::File(handling) => format!("{}, {} MiB", handling.name(), FILE >> 20),
            Self::People(operation) => operation.name().into(),
            Self::Group(operation) => operation.name().into(),
            Self::Agreement => "X25519".into(),
            Self::Verifications { count } => format!("{count} Ed25519 verifications"),
            Self::Kem(Kem::Encapsulate) => "ML-KEM-1024, encapsulate".into(),
            Self::Kem(Kem::Decapsulate) => "ML-KEM-1024, decapsulate from a seed".into(),
            Self::Kem(Kem::Epoch) => "ML-KEM-768, all three from a seed".into(),
            Self::Kem(Kem::AmidMessages) => {
                "the messages of an epoch, with its ML-KEM calls".into()
            }
            Self::ChainSteps { count: 1 } => "chain step, 2 HMACs".into(),
            Self::ChainSteps { count } => format!("{} chain steps", number(count)),
        }
    }
}

impl Hybrid {
    fn name(self) -> String {
        match self {
            Self::Encrypt(phase) => format!("encrypt, {}, {}", bytes(SMALL), phase.name()),
            Self::Decrypt(phase) => format!("decrypt, {}, {}", bytes(SMALL), phase.name()),
            Self::Initiate(prekeys) => {
                format!("initiate, with the first message{}", prekeys.name())
            }
            Self::Accept(prekeys) => format!("accept, with the first message{}", prekeys.name()),
            Self::AcceptAgain => "accept another, with its first message".into(),
            Self::Epoch => "the messages of an epoch".into(),
        }
    }
}

impl Handling {
    fn name(self) -> &'static str {
        match self {
            Self::Seal => "seal a file",
            Self::SealByChunks => "seal a file by chunks",
            Self::Read => "read a file front to back",
            Self::OpenByRanges => "open a file by ranges",
        }
    }
}

impl People {
    fn name(self) -> &'static str {
        match self {
            Self::Encrypt => "a message to 4 devices and 2 own ones",
            Self::EncryptOneByOne => "the same message by 6 peers",
            Self::EncryptForMany => "a message to 64 devices of 4 people",
            Self::EncryptForManyOneByOne => "the same message by 64 peers",
            Self::Decrypt => "a message by own devices",
            Self::DecryptByPeer => "the same message by a peer",
            Self::Adopt => "verify and adopt a list of 16 devices",
        }
    }
}

impl Group {
    fn name(self) -> &'static str {
        match self {
            Self::Encrypt => "a message to a group, 1 to 32 of a chain",
            Self::Decrypt => "a message of a group, 1 to 32 of a chain",
        }
    }
}

impl Phase {
    fn name(self) -> &'static str {
        match self {
            Self::Rest => "at rest",
            Self::Key => "carrying a key",
            Self::Answer => "carrying an answer",
        }
    }
}

impl PreKeys {
    fn name(self) -> &'static str {
        match self {
            Self::OneTime => "",
            Self::LastResort => ", no one-time prekey",
        }
    }
}

fn bytes(size: usize) -> String {
    if size < 1_024 { format!("{size} B") } else { format!("{} KiB", size / 1_024) }
}

/// With a comma between thousands.
pub fn number(number: usize) -> String {
    if number < 1_000 {
        number.to_string()
    } else {
        format!("{},{:03}", number / 1_000, number % 1_000)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn each_row_has_a_name_of_its_own() {
        let names: BTreeSet<String> = ROWS.iter().map(|row| row.name()).collect();
        assert_eq!(names.len(), ROWS.len());
        assert!(names.contains("decrypt, 64 KiB"));
        assert!(names.contains("decrypt after a gap of 1,000"));
    }
}
