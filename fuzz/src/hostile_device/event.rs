//! What can happen, each event from four bytes.

use arbitrary::{Arbitrary, Unstructured};
use evanesce::Suite;

use crate::hostile_device::household::{SENDERS, Sender};
use crate::people::SUITES;

/// How many events one script has at most: an execution stays within milliseconds.
pub const MAX_EVENTS: usize = 40;

/// What happens next. Parts are gathered until a message takes them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// A list that was signed, perhaps altered.
    List { which: u8, alteration: Alteration },
    /// A notice that names two of these lists, or none.
    Notice { asks: bool, own: u8, their: u8 },
    /// Says that the message was sent to one of these owners.
    Copy { of: u8 },
    /// What own devices tell each other, of one of these owners.
    Tells { what: u8, of: u8, version: u8 },
    /// A part of linking, of these bytes.
    Link { is_consent: bool, byte: u8 },
    /// A part of any type and length.
    Other { kind: u8, length: u8, byte: u8 },
    /// The last part so many times more.
    Again { times: u8 },
    /// Sends what was gathered.
    Sends { framing: Framing, begins_session: bool, stamp: u8, body: u8 },
    /// The last message comes again.
    Repeats,
    /// Our user or their application does something.
    Ours(Ours),
}

/// What was done to a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Alteration {
    None,
    /// One byte of it, counted in its length.
    Byte {
        place: u8,
        by: u8,
    },
    Cut {
        by: u8,
    },
    Longer {
        by: u8,
    },
}

/// How the parts stand before the stamp.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Framing {
    /// By their types.
    InOrder,
    /// As they were gathered.
    AsGathered,
    /// Said to be so many bytes longer or shorter than they are.
    Mismeasured { by: i8 },
}

/// What is done on our side.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ours {
    /// The sender is accepted.
    Accepts,
    /// The sender is refused.
    Refuses,
    /// The user says that all own devices are theirs.
    ConfirmsAll,
    /// So many days go by, and there is maintenance.
    Passes { days: u8 },
    /// A message to each person.
    Writes,
    /// Tells the sender what it is due.
    Tells,
}

/// Where, and what in order.
#[derive(Debug)]
pub struct Script {
    pub suite: Suite,
    pub sender: Sender,
    pub happens: Happens,
}

#[derive(Debug)]
pub enum Happens {
    Events(Vec<Event>),
    /// One message of just this content.
    Content(Vec<u8>),
}

/// In the first byte: one content instead of events.
const IS_CONTENT: u8 = 0x80;

impl<'bytes> Arbitrary<'bytes> for Script {
    fn arbitrary(bytes: &mut Unstructured<'bytes>) -> arbitrary::Result<Self> {
        let first = u8::arbitrary(bytes)?;
        let rest = bytes.bytes(bytes.len())?;
        let (events, _) = rest.as_chunks();
        let happens = if first & IS_CONTENT != 0 {
            Happens::Content(rest.to_vec())
        } else {
            Happens::Events(
                events.iter().copied().map(Event::from_bytes).take(MAX_EVENTS).collect(),
            )
        };
        Ok(Self {
            suite: SUITES[usize::from(first & 1)],
            sender: SENDERS[usize::from(first >> 1 & 0x3f) % SENDERS.len()],
            happens,
        })
    }
}

impl Script {
    /// The bytes that become this script.
    ///
    /// # Panics
    ///
    /// If there are more senders than fit.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let Self { suite, sender, happens } = self;
        let sender = SENDERS.iter().position(|it| it == sender).expect("one of them");
        let first = u8::try_from(sender).expect("few") << 1 | u8::from(*suite == Suite::Hybrid);
        match happens {
            Happens::Events(events) => {
                let events = events.iter().flat_map(|event| event.to_bytes());
                [first].into_iter().chain(events).collect()
            }
            Happens::Content(content) => [&[first | IS_CONTENT], content.as_slice()].concat(),
        }
    }
}

impl Event {
    #[must_use]
    pub fn from_bytes([kind, a, b, c]: [u8; 4]) -> Self {
        match kind % 16 {
            0..=3 => Self::List { which: a, alteration: Alteration::from_bytes(kind % 16, b, c) },
            4 => Self::Notice { asks: a & 1 == 0, own: b, their: c },
            5 => Self::Copy { of: a },
            6 => Self::Link { is_consent: a & 1 == 1, byte: b },
            7 => Self::Other { kind: a, length: b, byte: c },
            8 => Self::Again { times: a },
            9 => Self::Repeats,
            10 => Self::Ours(match a % 6 {
                0 => Ours::Accepts,
                1 => Ours::Refuses,
                2 => Ours::ConfirmsAll,
                3 => Ours::Passes { days: b },
                4 => Ours::Writes,
                _ => Ours::Tells,
            }),
            15 => Self::Tells { what: a, of: b, version: c },
            _ => Self::Sends {
                framing: match a & 7 {
                    0..=4 => Framing::InOrder,
                    5 => Framing::AsGathered,
                    _ => Framing::Mismeasured { by: i8::from_le_bytes([a]) >> 4 },
                },
                begins_session: a & 8 != 0,
                stamp: b,
                body: c,
            },
        }
    }

    /// The bytes that become this event.
    #[must_use]
    pub fn to_bytes(self) -> [u8; 4] {
        match self {
            Self::List { which, alteration } => {
                let [kind, b, c] = match alteration {
                    Alteration::None => [0, 0, 0],
                    Alteration::Byte { place, by } => [1, place, by],
                    Alteration::Cut { by } => [2, by, 0],
                    Alteration::Longer { by } => [3, by, 0],
                };
                [kind, which, b, c]
            }
            Self::Notice { asks, own, their } => [4, u8::from(!asks), own, their],
            Self::Copy { of } => [5, of, 0, 0],
            Self::Tells { what, of, version } => [15, what, of, version],
            Self::Link { is_consent, byte } => [6, is_consent.into(), byte, 0],
            Self::Other { kind, length, byte } => [7, kind, length, byte],
            Self::Again { times } => [8, times, 0, 0],
            Self::Repeats => [9, 0, 0, 0],
            Self::Ours(ours) => match ours {
                Ours::Accepts => [10, 0, 0, 0],
                Ours::Refuses => [10, 1, 0, 0],
                Ours::ConfirmsAll => [10, 2, 0, 0],
                Ours::Passes { days } => [10, 3, days, 0],
                Ours::Writes => [10, 4, 0, 0],
                Ours::Tells => [10, 5, 0, 0],
            },
            Self::Sends { framing, begins_session, stamp, body } => {
                let framing = match framing {
                    Framing::InOrder => 0,
                    Framing::AsGathered => 5,
                    Framing::Mismeasured { by } => by.to_le_bytes()[0] << 4 | 6,
                };
                [11, framing | u8::from(begins_session) << 3, stamp, body]
            }
        }
    }
}

impl Alteration {
    fn from_bytes(kind: u8, b: u8, c: u8) -> Self {
        match kind {
            0 => Self::None,
            1 => Self::Byte { place: b, by: c },
            2 => Self::Cut { by: b },
            _ => Self::Longer { by: b },
        }
    }
}
