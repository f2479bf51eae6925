//! What came of a part of a group.

use alloc::vec::Vec;
use core::fmt;

use crate::group::missing::{Missing, Unblocked};
use crate::identity::Device;

/// What a part of a group became.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum PartOutcome {
    /// It is held from now on, or brought something that is.
    Held,
    /// It brought nothing new.
    Known,
    /// It waits for its group or its roster.
    Waiting,
    /// It invites the user to a group.
    Invited,
}

/// Why a part of a group is refused alone. Nothing has changed, but that what is missing is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum PartError {
    /// Its bytes break the encoding, or what they say cannot be.
    Malformed,
    /// It is of another form.
    Unsupported,
    /// A key in it is of small order.
    WeakKey,
    /// A roster's signature is not its signer's.
    BadSignature,
    /// A roster's signer was no admin in the one before it.
    NotAnAdmin,
    /// Somebody senior to a roster's signer loses their role or membership by it.
    Outranked,
    /// A roster is of another group of the same name.
    OtherGroup,
    /// A roster comes from before what is kept.
    TooOld,
    /// What it needs is not held.
    Missing(Missing),
    /// A roster of a group that is not held does not name the user, or comes from somebody who may not invite, or from a stranger
    /// after somebody whom the user knows has invited to that group.
    NotInvited,
    /// An about fits no roster that is held.
    WrongAbout,
    /// The group is not held.
    UnknownGroup,
    /// The secret in it is not its roster's.
    WrongSecret,
    /// The secret of the head's roster is not held, so nothing can be given.
    NoRosterSecret,
    /// Its sender is no member.
    NotAMember,
    /// Its sender is a member no more, or its device is gone from its list.
    Former,
    /// It does not lead to the keys that are held of its chain.
    Forked,
}

/// What came of a part, and of what had waited for it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use = "what it unblocks is to be offered again"]
pub(crate) struct PartHeard {
    /// What became of it.
    pub(crate) outcome: Result<PartOutcome, PartError>,
    /// Whether a refused roster invites the user to come back.
    pub(crate) invites: bool,
    /// What is newly held.
    pub(crate) unblocks: Vec<Unblocked>,
    /// What became of chains that had waited: who gave each, and what came of it.
    pub(crate) waited: Vec<(Device, Result<PartOutcome, PartError>)>,
}

impl PartHeard {
    pub(crate) fn of(outcome: Result<PartOutcome, PartError>) -> Self {
        Self { outcome, invites: false, unblocks: Vec::new(), waited: Vec::new() }
    }
}

impl fmt::Display for PartError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Malformed => "the part is malformed",
            Self::Unsupported => "the part is of an unsupported form",
            Self::WeakKey => "a key in the part is weak",
            Self::BadSignature => "the roster's signature does not hold",
            Self::NotAnAdmin => "the roster's signer was no admin",
            Self::Outranked => "the roster's signer is outranked",
            Self::OtherGroup => "the roster is of another group",
            Self::TooOld => "the roster is from before what is kept",
            Self::Missing(_) => "what the part needs is missing",
            Self::NotInvited => "the roster is no invitation",
            Self::WrongAbout => "the about fits no roster",
            Self::UnknownGroup => "the group is not known",
            Self::WrongSecret => "the secret is not the roster's",
            Self::NoRosterSecret => "the roster's secret is not held",
            Self::NotAMember => "the sender is no member",
            Self::Former => "the sender is a member no more",
            Self::Forked => "the chain has forked",
        })
    }
}

impl core::error::Error for PartError {}
