//! Why no session with a peer is begun.

use core::fmt;

use crate::identity::IdentityKey;

/// Why no session with a peer is initiated. Nothing has changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum PeerInitiateError {
    /// Its request has not been accepted, or was refused: [`Peer::accept_request`](crate::Peer::accept_request), if
    /// the user agrees. If the user wrote to it before the request came and the text still waits, that is agreement
    /// only for a bundle of the identity that is pinned by now: compare
    /// [`VerifiedBundle::device`](crate::VerifiedBundle::device) first.
    Request,
    /// The bundle is of this device itself: its identity is the account's own.
    OwnDevice,
    /// The bundle is of another address: the server gave a wrong one. Ask again, and tell the user if it
    /// stays so.
    OtherAddress,
    /// The bundle is of the identity that is pinned, at another address: it has moved. If it may be there,
    /// [`Peer::follow_bundle`](crate::Peer::follow_bundle), then initiate again, with the same bundle.
    AddressChanged,
    /// The bundle is of this identity, and another one is pinned. Tell the user: it is a new installation,
    /// or somebody in between. Give it to [`Peer::note_identity`](crate::Peer::note_identity), and nothing is encrypted
    /// for the former one until they decide. [`Peer::accept_identity`](crate::Peer::accept_identity) if they agree,
    /// then initiate again, with another bundle.
    IdentityChanged(IdentityKey),
    /// One of the other's X25519 keys is of small order: nobody honest has it. Ask for another bundle.
    WeakKey,
}

impl fmt::Display for PeerInitiateError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Request => "the peer's request has not been accepted",
            Self::OwnDevice => "the bundle is of this device itself",
            Self::OtherAddress => "the bundle is of another address",
            Self::AddressChanged => "the peer has another address",
            Self::IdentityChanged(_) => "the peer's identity key has changed",
            Self::WeakKey => "a key of the other device is weak",
        })
    }
}

impl core::error::Error for PeerInitiateError {}
