//! What can happen, each event from six bytes.

use arbitrary::{Arbitrary, Unstructured};
use evanesce::Suite;
use evanesce::session::Role;

use crate::people::SUITES;

/// How many events one script has at most: an execution stays within milliseconds.
pub const MAX_EVENTS: usize = 40;

/// What happens next. A letter counts from the newest, and goes round.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// The device sends.
    DeviceSends { count: u8, size: u8 },
    /// The device asks for an epoch.
    DeviceAsks,
    /// The device stores everything and starts again.
    DeviceRestarts,
    /// The device loses its last writes, and perhaps draws the same again.
    DeviceGoesBack { writes: u8, draws_again: bool },
    /// The holder of the keys writes, and the letter arrives unless it is kept back.
    HolderWrites {
        chain: ChainChoice,
        lie: Lie,
        control: ControlChoice,
        size: u8,
        is_kept_back: bool,
    },
    /// A letter arrives, for the first time or again.
    Arrives { letter: u8 },
}

/// In which of its chains the holder writes. Where it has none to follow on, it is the current one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChainChoice {
    Current,
    /// One more of its own before the device has answered, or, when it has, the next one.
    Next {
        mixes: Mixes,
    },
    /// The message of this number in an older one.
    Older {
        which: u8,
        number: u8,
    },
}

/// What the step to the next chain mixes in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mixes {
    /// The epoch's secret, if the holder has it.
    Secret,
    Nothing,
    /// A secret that is not the epoch's.
    Another,
}

/// What a header says that is not so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lie {
    None,
    AnotherKey,
    WeakKey,
    /// A ratchet key that is not canonical.
    Unreduced,
    /// So many secrets more, modulo 2^32.
    Mixed {
        more: i8,
    },
    /// So many messages later.
    Ahead {
        by: u8,
    },
    /// So many messages earlier.
    Again {
        by: u8,
    },
    /// The chain before has so many messages.
    PreviousLength {
        is: u8,
    },
    NumberOutOfBounds,
    PreviousLengthOutOfBounds,
}

/// What travels in front.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ControlChoice {
    Nothing,
    /// Fragments of a key: four have an owner, one has none, one is invalid, one has another's name, one is the device's.
    Key {
        which: u8,
        first: u8,
        count: u8,
    },
    /// Fragments of an answer to the device's key.
    Answer {
        how: AnswerChoice,
        first: u8,
        count: u8,
    },
    /// A content that is none.
    Broken {
        how: u8,
        byte: u8,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AnswerChoice {
    /// A true one, as far as all of the key is known.
    True,
    /// Another one, which is true too.
    TrueToo,
    WrongConfirmation,
    WrongCiphertext,
    /// A true one, to a key of this name that there is not.
    AnotherName,
}

/// Events in order.
#[derive(Debug)]
pub struct Script {
    pub suite: Suite,
    /// The device's.
    pub role: Role,
    pub events: Vec<Event>,
}

impl<'bytes> Arbitrary<'bytes> for Script {
    fn arbitrary(bytes: &mut Unstructured<'bytes>) -> arbitrary::Result<Self> {
        let first = u8::arbitrary(bytes)?;
        let (events, _) = bytes.bytes(bytes.len())?.as_chunks();
        Ok(Self {
            role: if first & 1 == 0 { Role::Initiator } else { Role::Responder },
            // Most of what can go wrong is of suite 2.
            suite: SUITES[usize::from(first & 14 != 14)],
            events: events.iter().copied().map(Event::from_bytes).take(MAX_EVENTS).collect(),
        })
    }
}

impl Script {
    /// The bytes that become this script.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let Self { suite, role, events } = self;
        let role = u8::from(*role == Role::Responder);
        let suite = if *suite == Suite::Classical { 14 } else { 0 };
        let events = events.iter().flat_map(|event| event.to_bytes());
        [suite | role].into_iter().chain(events).collect()
    }
}

impl Event {
    #[must_use]
    pub fn from_bytes([kind, a, b, c, d, e]: [u8; 6]) -> Self {
        match kind % 16 {
            0..=3 => Self::DeviceSends { count: 1 + a % 4, size: b },
            4 => Self::DeviceAsks,
            5 => Self::DeviceRestarts,
            6 => Self::DeviceGoesBack { writes: 1 + a % 4, draws_again: b & 1 == 1 },
            7 => Self::Arrives { letter: a },
            _ => Self::HolderWrites {
                chain: ChainChoice::from_bits(a & 7, e),
                lie: Lie::from_bits(a >> 3 & 15, e),
                control: ControlChoice::from_bytes(b, c, d),
                size: e,
                is_kept_back: a >> 7 == 1,
            },
        }
    }

    /// The bytes that become this event. Of a chain, a lie and a size, one at most can be chosen.
    #[must_use]
    pub fn to_bytes(self) -> [u8; 6] {
        match self {
            Self::DeviceSends { count, size } => [0, count - 1, size, 0, 0, 0],
            Self::DeviceAsks => [4, 0, 0, 0, 0, 0],
            Self::DeviceRestarts => [5, 0, 0, 0, 0, 0],
            Self::DeviceGoesBack { writes, draws_again } => {
                [6, writes - 1, draws_again.into(), 0, 0, 0]
            }
            Self::Arrives { letter } => [7, letter, 0, 0, 0, 0],
            Self::HolderWrites { chain, lie, control, size, is_kept_back } => {
                let (chain, of_chain) = chain.to_bits();
                let (lie, of_lie) = lie.to_bits();
                let [b, c, d] = control.to_bytes();
                let a = u8::from(is_kept_back) << 7 | lie << 3 | chain;
                [8, a, b, c, d, of_chain.or(of_lie).unwrap_or(size)]
            }
        }
    }
}

impl ChainChoice {
    fn from_bits(which: u8, number: u8) -> Self {
        match which {
            0 | 1 => Self::Current,
            2 | 3 => Self::Next { mixes: Mixes::Secret },
            4 => Self::Next { mixes: Mixes::Nothing },
            5 => Self::Next { mixes: Mixes::Another },
            _ => Self::Older { which: number >> 4 & 3, number: number & 15 },
        }
    }

    fn to_bits(self) -> (u8, Option<u8>) {
        match self {
            Self::Current => (0, None),
            Self::Next { mixes: Mixes::Secret } => (2, None),
            Self::Next { mixes: Mixes::Nothing } => (4, None),
            Self::Next { mixes: Mixes::Another } => (5, None),
            Self::Older { which, number } => (6, Some(which << 4 | number)),
        }
    }
}

impl Lie {
    fn from_bits(which: u8, number: u8) -> Self {
        match which {
            6 => Self::AnotherKey,
            7 => Self::WeakKey,
            8 => Self::Unreduced,
            9 => Self::Mixed { more: 1 },
            10 => Self::Mixed { more: -1 },
            11 => Self::Ahead { by: number % 16 },
            12 => Self::Again { by: number % 16 },
            13 => Self::PreviousLength { is: number % 32 },
            14 => Self::NumberOutOfBounds,
            15 => Self::PreviousLengthOutOfBounds,
            _ => Self::None,
        }
    }

    fn to_bits(self) -> (u8, Option<u8>) {
        match self {
            Self::None => (0, None),
            Self::AnotherKey => (6, None),
            Self::WeakKey => (7, None),
            Self::Unreduced => (8, None),
            Self::Mixed { more } => (if more == 1 { 9 } else { 10 }, None),
            Self::Ahead { by } => (11, Some(by)),
            Self::Again { by } => (12, Some(by)),
            Self::PreviousLength { is } => (13, Some(is)),
            Self::NumberOutOfBounds => (14, None),
            Self::PreviousLengthOutOfBounds => (15, None),
        }
    }
}

impl ControlChoice {
    fn from_bytes(kind: u8, c: u8, d: u8) -> Self {
        let how = kind >> 3;
        match kind & 7 {
            0 => Self::Nothing,
            1..=3 => Self::Key { which: how & 7, first: c, count: d },
            4..=6 => Self::Answer { how: AnswerChoice::from_bits(how), first: c, count: d },
            _ => Self::Broken { how: how & 7, byte: c },
        }
    }

    fn to_bytes(self) -> [u8; 3] {
        match self {
            Self::Nothing => [0; 3],
            Self::Key { which, first, count } => [which << 3 | 1, first, count],
            Self::Answer { how, first, count } => [how.to_bits() << 3 | 4, first, count],
            Self::Broken { how, byte } => [how << 3 | 7, byte, 0],
        }
    }
}

impl AnswerChoice {
    fn from_bits(how: u8) -> Self {
        match how & 7 {
            4 => Self::TrueToo,
            5 => Self::WrongConfirmation,
            6 => Self::WrongCiphertext,
            7 => Self::AnotherName,
            _ => Self::True,
        }
    }

    fn to_bits(self) -> u8 {
        match self {
            Self::True => 0,
            Self::TrueToo => 4,
            Self::WrongConfirmation => 5,
            Self::WrongCiphertext => 6,
            Self::AnotherName => 7,
        }
    }
}
