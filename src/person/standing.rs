//! What a device is to a person.

/// What a device is to a person, by the list that is held of them. Only *listed* and *stale* count as the person.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub enum Standing {
    /// Address and identity stand in the list.
    Listed,
    /// They do, and the list has expired: it may have been removed since, and who withholds lists hides it.
    Stale,
    /// It stood in an earlier list, and has gone at most 30 days ago.
    Removed,
    /// Of nobody: a device by itself.
    Alone,
}

impl Standing {
    /// Whether what the device writes is the person's.
    #[must_use]
    pub fn counts(self) -> bool {
        match self {
            Self::Listed | Self::Stale => true,
            Self::Removed | Self::Alone => false,
        }
    }
}
