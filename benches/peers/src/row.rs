//! The operations that are measured.

/// Bytes of plaintext where the size does not matter.
pub const SMALL: usize = 64;

/// How many messages were lost, or are still missing, where there are many.
pub const MANY: usize = 1_000;

/// One operation.
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
    /// A single X25519: nobody but the floor takes part.
    Agreement,
    /// The steps of a symmetric ratchet: nobody but the floor takes part.
    ChainSteps { count: usize },
}

/// In the order in which they are shown.
pub const ROWS: [Row; 20] = [
    Row::Encrypt { size: SMALL },
    Row::Encrypt { size: 1_024 },
    Row::Encrypt { size: 65_536 },
    Row::Decrypt { size: SMALL },
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
    Row::Agreement,
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
            Self::Agreement => "X25519".into(),
            Self::ChainSteps { count: 1 } => "chain step, 2 HMACs".into(),
            Self::ChainSteps { count } => format!("{} chain steps", number(count)),
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
