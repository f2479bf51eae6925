//! Why a device is not linked.

use core::fmt;

use crate::peer::delivery::PeerDecryptError;
use crate::person::our_devices::SignError;

/// Why a step of linking is refused. Nothing has changed: the code still serves, and the message can be offered again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum LinkError {
    /// This device is not the owner's, or the offer is not from the device of the owner that it names.
    NotTheOwner,
    /// The new device, or another of its address or identity, is in the list.
    AlreadyListed,
    /// The list has its 16 devices: remove one first.
    ListFull,
    /// The bundle is of another device than the code's, or another device is known at its address: ask the server again,
    /// and tell the user if it stays so.
    OtherDevice,
    /// A key in the bundle is of small order.
    WeakKey,
    /// The code is ten minutes old, or the offer an hour: show another.
    CodeExpired,
    /// The code has served an offer: show another if the digits differed.
    CodeUsed,
    /// The list that this device holds names it, and is not its own of itself alone.
    AlreadyLinked,
    /// No code is shown, or no offer is out, or none was opened.
    NotLinking,
    /// The message does not open, for this reason.
    Message(PeerDecryptError),
    /// What is in the message is not just what this step asks for.
    Malformed,
    /// The consent is not that of the device of the code, to what was offered.
    BadSignature,
    /// The list cannot be signed, for this reason.
    Sign(SignError),
}

impl fmt::Display for LinkError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::NotTheOwner => "the device is not the owner's",
            Self::AlreadyListed => "the device is in the list already",
            Self::ListFull => "the device list is full",
            Self::OtherDevice => "the bundle is of another device",
            Self::WeakKey => "a key in the bundle is weak",
            Self::CodeExpired => "the code has expired",
            Self::CodeUsed => "the code was used",
            Self::AlreadyLinked => "the device is linked already",
            Self::NotLinking => "nothing is being linked",
            Self::Message(_) => "the message of linking does not open",
            Self::Malformed => "the message of linking is malformed",
            Self::BadSignature => "the consent does not hold",
            Self::Sign(_) => "the device list cannot be signed",
        })
    }
}

impl core::error::Error for LinkError {}

impl From<SignError> for LinkError {
    fn from(error: SignError) -> Self {
        Self::Sign(error)
    }
}
