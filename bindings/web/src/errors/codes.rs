//! The codes of the library's errors: their names in docs/protocol.md §12, in snake case as the known answers have them,
//! and for what has none there the name of the variant.

use evanesce::session::{AcceptError, DecryptError, EncryptError, InitiateError, NotCanonical};
use evanesce::snapshot::SnapshotError;
use evanesce::{
    AddressLength, DecodeError, IdentityKey, IdentityKeyError, PeerDecryptError, PeerEncryptError,
    PeerInitiateError, ScanError, VerifyError,
};

use crate::errors::Coded;
use crate::values::words::Word;

/// `codes!(Error: Variant => code, …)`. A variant that a later release of the library adds is `other` until it has a code.
macro_rules! codes {
    ($($error:ty: $($variant:ident $(($held:tt))? => $code:ident),+;)+) => { $(
        impl Coded for $error {
            fn code(&self) -> Word {
                match self {
                    $( Self::$variant $(($held))? => Word::$code, )+
                    #[allow(unreachable_patterns, reason = "some errors say that they will get no more variants")]
                    _ => Word::other,
                }
            }
        }
    )+ };
}
#[cfg(any(feature = "expiry", feature = "attachments", feature = "reports"))]
pub(crate) use codes;

codes! {
    DecodeError: Malformed => malformed, Unsupported => unsupported;
    IdentityKeyError: Malformed => malformed, WeakKey => weak_key;
    VerifyError: Malformed => malformed, WeakKey => weak_key, BadSignature => bad_signature,
        NotYetValid => not_yet_valid, Expired => expired;
    AcceptError: Malformed => malformed, Unsupported => unsupported, NoSession => no_session,
        UnknownPreKey => unknown_prekey, Undecryptable => undecryptable, Forked => forked, Replayed => replayed,
        ReplayRecordFull => replay_record_full;
    DecryptError: Malformed => malformed, Unsupported => unsupported, OtherSession => other_session,
        Undecryptable => undecryptable, Duplicate => duplicate, Expired => expired, Forked => forked;
    EncryptError: ChainFull => chain_full, TooLarge => too_large, Waiting => waiting, WeakKey => weak_key;
    InitiateError: WeakKey => weak_key;
    PeerEncryptError: Request => request, IdentityUndecided => identity_undecided, NeedsSession => needs_session,
        TooLarge => too_large;
    ScanError: Mismatch => mismatch, Malformed => malformed, Unsupported => unsupported;
    SnapshotError: Malformed => malformed, Unsupported => unsupported, WrongKind => wrong_kind,
        Undecryptable => undecryptable, Corrupt => corrupt;
}

impl Coded for AddressLength {
    fn code(&self) -> Word {
        Word::invalid_argument
    }
}

impl Coded for NotCanonical {
    fn code(&self) -> Word {
        Word::malformed
    }
}

/// Names of refusals of a peer's messages, both ways: JavaScript hands one back to have it noted.
macro_rules! peer_refusals {
    ($($variant:ident $code:ident)+) => {
        impl Coded for PeerDecryptError {
            fn code(&self) -> Word {
                match self {
                    $( Self::$variant => Word::$code, )+
                    Self::IdentityChanged(_) => Word::identity_changed,
                    _ => Word::other,
                }
            }

            fn identity(&self) -> Option<IdentityKey> {
                if let Self::IdentityChanged(identity) = self { Some(*identity) } else { None }
            }
        }

        /// The refusal of this code, with the identity that it named.
        pub(crate) fn peer_refusal(code: &str, identity: Option<IdentityKey>) -> Option<PeerDecryptError> {
            match code {
                $( stringify!($code) => Some(PeerDecryptError::$variant), )+
                "identity_changed" => identity.map(PeerDecryptError::IdentityChanged),
                _ => None,
            }
        }
    };
}

peer_refusals! {
    Malformed malformed
    Unsupported unsupported
    Refused refused
    NoSession no_session
    UnknownPreKey unknown_prekey
    Undecryptable undecryptable
    Duplicate duplicate
    NumberReused number_reused
    Expired expired
    Forked forked
    Replayed replayed
    ReplayRecordFull replay_record_full
    OtherAddress other_address
    AddressChanged address_changed
    NeedsAccount needs_account
}

impl Coded for PeerInitiateError {
    fn code(&self) -> Word {
        match self {
            Self::Request => Word::request,
            Self::OwnDevice => Word::own_device,
            Self::OtherAddress => Word::other_address,
            Self::AddressChanged => Word::address_changed,
            Self::IdentityChanged(_) => Word::identity_changed,
            Self::WeakKey => Word::weak_key,
            _ => Word::other,
        }
    }

    fn identity(&self) -> Option<IdentityKey> {
        if let Self::IdentityChanged(identity) = self { Some(*identity) } else { None }
    }
}
