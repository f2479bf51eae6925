//! What can happen, each event from four bytes.

use arbitrary::{Arbitrary, Unstructured};
use evanesce::Suite;

use crate::people::SUITES;

/// How many events one script has at most: an execution stays within milliseconds.
pub const MAX_EVENTS: usize = 64;

/// One of the two.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    Alice,
    Bob,
}

/// What happens next. A place counts from the newest, and goes round.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// One side sends, in one of its sessions.
    Send { by: Side, session: u8, count: u8, size: u8 },
    /// A message arrives, for the first time or again; the receiver's clock may be set back.
    Deliver { message: u8, days_back: u8 },
    /// Something made of a message arrives.
    Tamper { message: u8, how: Tampering },
    /// Days pass.
    Pass { days: u8 },
    /// One side does what is due.
    Maintain { by: Side },
    /// One side replaces its signed prekey.
    Rotate { by: Side },
    /// One side makes more one-time prekeys.
    TopUp { by: Side, count: u8 },
    /// One side stores everything and starts again.
    Restart { by: Side },
    /// One side sets the limits of a session.
    Limit { by: Side, session: u8, limits: LimitsChoice },
    /// One side begins a session.
    Begin { by: Side, bundle: BundleChoice },
    /// One side loses a session.
    Forget { by: Side, session: u8 },
    /// One side asks for an epoch.
    Ask { by: Side, session: u8 },
}

/// What is done to a message. A place of 128 is the middle, of 255 nearly the end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tampering {
    FlipBit {
        place: u8,
    },
    Truncate {
        place: u8,
    },
    Extend {
        by: u8,
    },
    /// Its head, and the rest of another message.
    SpliceRest {
        other: u8,
    },
    /// Its head and commitment, and the ciphertext of another message.
    SpliceCiphertext {
        other: u8,
    },
    /// Its sender gets it.
    Reflect,
    /// It is said to belong elsewhere.
    OtherAd,
    /// An initial message as an ordinary one, or the other way round with the handshake of another.
    OtherKind {
        other: u8,
    },
    /// The account gets it, though there may be a session.
    ToAccount,
}

/// Bounds that a script reaches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LimitsChoice {
    pub max_skip: u8,
    pub max_held_keys: u8,
    pub max_older_chains: u8,
    pub lifetime_days: u8,
}

/// Which bundle an initiator is given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BundleChoice {
    /// As the server hands it out.
    Fresh,
    /// Without its one-time prekey.
    Stripped,
    /// One that was handed out before.
    Again { bundle: u8 },
}

/// Events in order, and between whom.
#[derive(Debug)]
pub struct Script {
    /// The suites of Alice's and of Bob's account.
    pub suites: [Suite; 2],
    pub events: Vec<Event>,
}

impl Side {
    #[must_use]
    pub fn other(self) -> Self {
        match self {
            Self::Alice => Self::Bob,
            Self::Bob => Self::Alice,
        }
    }

    /// Where it stands in a list of both.
    #[must_use]
    pub fn place(self) -> usize {
        usize::from(self.bit())
    }

    fn from_bit(byte: u8) -> Self {
        if byte & 1 == 0 { Self::Alice } else { Self::Bob }
    }

    fn bit(self) -> u8 {
        match self {
            Self::Alice => 0,
            Self::Bob => 1,
        }
    }
}

impl<'bytes> Arbitrary<'bytes> for Script {
    fn arbitrary(bytes: &mut Unstructured<'bytes>) -> arbitrary::Result<Self> {
        let suites = usize::from(u8::arbitrary(bytes)?);
        let (events, _) = bytes.bytes(bytes.len())?.as_chunks();
        Ok(Self {
            suites: [SUITES[suites & 1], SUITES[suites >> 1 & 1]],
            events: events.iter().copied().map(Event::from_bytes).take(MAX_EVENTS).collect(),
        })
    }
}

impl Event {
    #[must_use]
    pub fn from_bytes([kind, a, b, c]: [u8; 4]) -> Self {
        let (by, session) = (Side::from_bit(a), a >> 1 & 3);
        match kind % 16 {
            0..=2 => Self::Send { by, session, count: b % 16, size: c },
            3..=7 => Self::Deliver { message: a, days_back: b.saturating_sub(200) },
            8 | 9 => Self::Tamper { message: a, how: Tampering::from_bytes(b, c) },
            10 => match b % 4 {
                0 => Self::Maintain { by },
                1 => Self::Rotate { by },
                2 => Self::TopUp { by, count: c % 8 },
                _ => Self::Forget { by, session },
            },
            11 => Self::Pass { days: a % 64 },
            12 => Self::Restart { by },
            13 => {
                let limits = LimitsChoice {
                    max_skip: b & 15,
                    max_held_keys: b >> 4,
                    max_older_chains: c & 3,
                    lifetime_days: c >> 2,
                };
                Self::Limit { by, session, limits }
            }
            14 => Self::Begin { by, bundle: BundleChoice::from_bytes(b, c) },
            _ => Self::Ask { by, session },
        }
    }

    /// The bytes that become this event.
    #[must_use]
    pub fn to_bytes(self) -> [u8; 4] {
        let end = |by: Side, session| session << 1 | by.bit();
        match self {
            Self::Send { by, session, count, size } => [0, end(by, session), count, size],
            Self::Deliver { message, days_back: 0 } => [3, message, 0, 0],
            Self::Deliver { message, days_back } => [3, message, days_back + 200, 0],
            Self::Tamper { message, how } => {
                let (b, c) = how.to_bytes();
                [8, message, b, c]
            }
            Self::Maintain { by } => [10, by.bit(), 0, 0],
            Self::Rotate { by } => [10, by.bit(), 1, 0],
            Self::TopUp { by, count } => [10, by.bit(), 2, count],
            Self::Forget { by, session } => [10, end(by, session), 3, 0],
            Self::Ask { by, session } => [15, end(by, session), 0, 0],
            Self::Pass { days } => [11, days, 0, 0],
            Self::Restart { by } => [12, by.bit(), 0, 0],
            Self::Limit { by, session, limits } => {
                let LimitsChoice { max_skip, max_held_keys, max_older_chains, lifetime_days } =
                    limits;
                let (b, c) = (max_held_keys << 4 | max_skip, lifetime_days << 2 | max_older_chains);
                [13, end(by, session), b, c]
            }
            Self::Begin { by, bundle } => {
                let (b, c) = bundle.to_bytes();
                [14, by.bit(), b, c]
            }
        }
    }
}

impl Tampering {
    fn from_bytes(how: u8, at: u8) -> Self {
        match how % 9 {
            0 => Self::FlipBit { place: at },
            1 => Self::Truncate { place: at },
            2 => Self::Extend { by: at },
            3 => Self::SpliceRest { other: at },
            4 => Self::SpliceCiphertext { other: at },
            5 => Self::Reflect,
            6 => Self::OtherAd,
            7 => Self::OtherKind { other: at },
            _ => Self::ToAccount,
        }
    }

    fn to_bytes(self) -> (u8, u8) {
        match self {
            Self::FlipBit { place } => (0, place),
            Self::Truncate { place } => (1, place),
            Self::Extend { by } => (2, by),
            Self::SpliceRest { other } => (3, other),
            Self::SpliceCiphertext { other } => (4, other),
            Self::Reflect => (5, 0),
            Self::OtherAd => (6, 0),
            Self::OtherKind { other } => (7, other),
            Self::ToAccount => (8, 0),
        }
    }
}

impl BundleChoice {
    fn from_bytes(which: u8, bundle: u8) -> Self {
        match which % 4 {
            0 | 1 => Self::Fresh,
            2 => Self::Stripped,
            _ => Self::Again { bundle },
        }
    }

    fn to_bytes(self) -> (u8, u8) {
        match self {
            Self::Fresh => (0, 0),
            Self::Stripped => (2, 0),
            Self::Again { bundle } => (3, bundle),
        }
    }
}
