//! Whether a server has what was published, and how it says otherwise.

use crate::stored::{StateWriter, Stored};
use crate::wire::codec::{DecodeError, Reader};

/// How account and server disagree about what is published. [`Account::maintain`](crate::Account::maintain) has made
/// an upload that mends it, while fewer than half as many replaced signed prekeys are kept as may be: by default fewer
/// than 8 in 30 days, rotations included.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub enum StockDisagreement {
    /// The server has had prekeys of this device that this account never made. It was put back to an older state, or
    /// another instance of it goes on elsewhere: if you know of neither, ask the user, and treat it as a restore from
    /// a backup, with [`Account::replace_prekeys`](crate::Account::replace_prekeys).
    AccountWentBack,
    /// The server has not got, or has no longer, the signed prekey that was published last: it was put back to an older
    /// state, or has lost what it had.
    ServerWentBack,
    /// The server has prekeys of another identity at this address, although this one published there: the device was
    /// set up anew elsewhere, or somebody took its address.
    OtherDevice,
    /// The server offers prekeys whose secrets are not held here: first messages to them would not open. They were
    /// used or deleted while the server kept them, or are keys of another under these ids; or a message that used
    /// one opened after the server was asked.
    NotHeld,
}

/// Whether the server has the current signed prekey.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Publication {
    Pending,
    Done,
    /// It has not, and is to forget the one-time prekeys that it has when it gets it.
    PendingInPlaceOfAll,
}

impl Stored for Publication {
    fn write(&self, out: &mut StateWriter) {
        out.put(&[match self {
            Self::Pending => 0,
            Self::Done => 1,
            Self::PendingInPlaceOfAll => 2,
        }]);
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        match reader.u8()? {
            0 => Ok(Self::Pending),
            1 => Ok(Self::Done),
            2 => Ok(Self::PendingInPlaceOfAll),
            _ => Err(DecodeError::Malformed),
        }
    }
}
