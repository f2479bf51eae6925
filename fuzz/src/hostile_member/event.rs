//! What can happen, each event from four bytes.

use arbitrary::{Arbitrary, Unstructured};

/// How many events one script has at most: an execution stays within milliseconds.
pub const MAX_EVENTS: usize = 40;

/// What happens next. Numbers of any size stand for one of what there is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// A roster is signed that follows another.
    Signs {
        base: u8,
        edit: u8,
        by: u8,
    },
    /// A roster is gathered for a message.
    Roster {
        which: u8,
        place: u8,
        by: u8,
    },
    About {
        which: u8,
        byte: u8,
    },
    /// A chain from this number on; with flags for a wrong secret, and keys that lead nowhere.
    Distribution {
        chain: u8,
        roster: u8,
        number: u8,
    },
    Leave {
        roster: u8,
    },
    Want {
        kind: u8,
        tag: u8,
        have: u8,
    },
    /// A part of any type and length.
    Other {
        kind: u8,
        length: u8,
        byte: u8,
    },
    /// What was gathered goes to one or both, in a session.
    Sends {
        by: u8,
        to: u8,
        body: u8,
    },
    /// A message to the group, perhaps with what was gathered.
    Broadcasts {
        how: u8,
        number: u8,
        roster: u8,
    },
    /// The last message to the group comes with other bytes, or less of them.
    Alters {
        place: u8,
        by: u8,
        cut: u8,
    },
    /// One who keeps to the protocol does something.
    Honest {
        who: u8,
        what: u8,
        with: u8,
    },
    /// What one of them sent comes to the other, or is lost.
    Carries {
        which: u8,
        is_lost: u8,
    },
    /// Hours go by, and there is maintenance.
    Passes {
        hours: u8,
    },
}

#[derive(Debug)]
pub struct Script {
    pub events: Vec<Event>,
}

impl<'bytes> Arbitrary<'bytes> for Script {
    fn arbitrary(bytes: &mut Unstructured<'bytes>) -> arbitrary::Result<Self> {
        let bytes = bytes.bytes(bytes.len())?;
        let (events, _) = bytes.as_chunks();
        let events = events.iter().copied().map(Event::from_bytes).take(MAX_EVENTS).collect();
        Ok(Self { events })
    }
}

impl Script {
    /// The bytes that become this script.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        self.events.iter().flat_map(|event| event.to_bytes()).collect()
    }
}

impl Event {
    #[must_use]
    pub fn from_bytes([kind, a, b, c]: [u8; 4]) -> Self {
        match kind % 16 {
            0 | 13 => Self::Signs { base: a, edit: b, by: c },
            1 => Self::Roster { which: a, place: b, by: c },
            2 => Self::About { which: a, byte: b },
            3 => Self::Distribution { chain: a, roster: b, number: c },
            4 => Self::Leave { roster: a },
            5 => Self::Want { kind: a, tag: b, have: c },
            6 => Self::Other { kind: a, length: b, byte: c },
            7 | 14 => Self::Sends { by: a, to: b, body: c },
            8 | 15 => Self::Broadcasts { how: a, number: b, roster: c },
            9 => Self::Alters { place: a, by: b, cut: c },
            10 => Self::Honest { who: a, what: b, with: c },
            11 => Self::Carries { which: a, is_lost: b },
            _ => Self::Passes { hours: a },
        }
    }

    /// The bytes that become this event.
    #[must_use]
    pub fn to_bytes(self) -> [u8; 4] {
        match self {
            Self::Signs { base, edit, by } => [0, base, edit, by],
            Self::Roster { which, place, by } => [1, which, place, by],
            Self::About { which, byte } => [2, which, byte, 0],
            Self::Distribution { chain, roster, number } => [3, chain, roster, number],
            Self::Leave { roster } => [4, roster, 0, 0],
            Self::Want { kind, tag, have } => [5, kind, tag, have],
            Self::Other { kind, length, byte } => [6, kind, length, byte],
            Self::Sends { by, to, body } => [7, by, to, body],
            Self::Broadcasts { how, number, roster } => [8, how, number, roster],
            Self::Alters { place, by, cut } => [9, place, by, cut],
            Self::Honest { who, what, with } => [10, who, what, with],
            Self::Carries { which, is_lost } => [11, which, is_lost, 0],
            Self::Passes { hours } => [12, hours, 0, 0],
        }
    }
}
