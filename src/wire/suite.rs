//! Which primitives protect a session.

/// The suites of the protocol. An account has one for its life, and a session has that of the bundle that it was
/// initiated from.
///
/// With [`Suite::Hybrid`] what is sent stays secret while either X25519 or ML-KEM holds, also from somebody who records
/// it today and has a quantum computer later. Who speaks is proved by X25519 and Ed25519 alone, in both.
///
/// For new accounts the default is [`Suite::Hybrid`]. [`Suite::Classical`] is there for what was made before, and for peers
/// that know no other; that something is smaller or faster is no reason to choose it for people, since what is recorded
/// today can be read later.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum Suite {
    /// Suite 1: X25519, Ed25519, AES-256-GCM, AES-256-GCM-SIV, SHA-256. Who records its messages can read them once
    /// there is a quantum computer.
    Classical,
    /// Suite 2: the same with ML-KEM-1024 in the handshake and ML-KEM-768 in the ratchet (FIPS 203).
    #[default]
    Hybrid,
}

impl Suite {
    /// Its byte, in bundles and initial messages.
    pub(crate) fn byte(self) -> u8 {
        match self {
            Self::Classical => 1,
            Self::Hybrid => 2,
        }
    }

    /// The suite of what has this or has it not, where suite 2 alone has it.
    pub(crate) fn with<Part>(part: &Option<Part>) -> Self {
        if part.is_some() { Self::Hybrid } else { Self::Classical }
    }

    /// The suite of a byte.
    pub(crate) fn of_byte(byte: u8) -> Option<Self> {
        [Self::Classical, Self::Hybrid].into_iter().find(|suite| suite.byte() == byte)
    }
}
