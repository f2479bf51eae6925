//! What of a part is judged before a group acts on it.

use crate::crypto::signature::{SignatureKeyError, UnpackedSignatureKey};
use crate::group::directory::Directory;
use crate::group::invitation::MAX_ABOUT;
use crate::group::missing::{Missing, MissingKind};
use crate::group::one_group::NotRead;
use crate::group::part_heard::PartError;
use crate::group::signed_roster::{FollowError, Roster, RosterError};
use crate::identity::Device;
use crate::person::standing::Standing;
use crate::time::Timestamp;
use crate::wire::codec::DecodeError;
use crate::wire::distribution::DistributionFields;
use crate::wire::group_message::LAST_NUMBER;

/// Bytes of a leave: the group, and a roster's hash.
const LEAVE_LENGTH: usize = 64;

/// Whether a device may invite the user by a roster: the owner's device of one of its admins, or an own one.
pub(crate) fn invites(
    roster: &Roster,
    from: &Device,
    directory: &Directory<'_>,
    now: Timestamp,
) -> bool {
    let is_admins = roster.is_admin(&from.identity.encode());
    let is_ours = || {
        let standing = directory.own.person().standing(from, now);
        standing.counts() && !directory.is_in_question(from, now)
    };
    roster.has(&directory.owner()) && (is_admins || is_ours())
}

/// An about's group and bytes.
pub(crate) fn decode_about(bytes: &[u8]) -> Result<(&[u8; 32], &[u8]), PartError> {
    let (group, about) = bytes.split_first_chunk().ok_or(PartError::Malformed)?;
    if about.len() > MAX_ABOUT { Err(PartError::Malformed) } else { Ok((group, about)) }
}

/// A leave's group and roster.
pub(crate) fn decode_leave(bytes: &[u8]) -> Result<(&[u8; 32], &[u8; 32]), PartError> {
    let bytes: &[u8; LEAVE_LENGTH] = bytes.try_into().map_err(|_| PartError::Malformed)?;
    let (group, roster) = bytes.split_first_chunk().ok_or(PartError::Malformed)?;
    Ok((group, roster.try_into().map_err(|_| PartError::Malformed)?))
}

/// What of a distribution is judged before its group is looked for.
pub(crate) fn check_distribution(
    fields: &DistributionFields<'_>,
    from: &Device,
    directory: &Directory<'_>,
    now: Timestamp,
) -> Result<(), PartError> {
    if fields.number > LAST_NUMBER {
        return Err(PartError::Malformed);
    }
    UnpackedSignatureKey::decode(fields.verifying_key).map_err(|error| match error {
        SignatureKeyError::Malformed => PartError::Malformed,
        SignatureKeyError::WeakKey => PartError::WeakKey,
    })?;
    check_device(from, directory, now)
}

/// Whether a device is listed now.
pub(crate) fn check_device(
    from: &Device,
    directory: &Directory<'_>,
    now: Timestamp,
) -> Result<(), PartError> {
    match directory.standing(from, now).0 {
        Standing::Listed | Standing::Stale => Ok(()),
        Standing::Removed => Err(PartError::Former),
        Standing::Alone => {
            let tag = from.identity.member_tag().0;
            Err(PartError::Missing(Missing { kind: MissingKind::List, tag, device: tag }))
        }
    }
}

impl From<NotRead> for PartError {
    fn from(not_read: NotRead) -> Self {
        match not_read {
            NotRead::NotAMember => Self::NotAMember,
            NotRead::Former => Self::Former,
        }
    }
}

impl From<RosterError> for PartError {
    fn from(error: RosterError) -> Self {
        match error {
            RosterError::Unsupported => Self::Unsupported,
            RosterError::Malformed => Self::Malformed,
            RosterError::WeakKey => Self::WeakKey,
            RosterError::BadSignature => Self::BadSignature,
        }
    }
}

impl From<FollowError> for PartError {
    fn from(error: FollowError) -> Self {
        match error {
            FollowError::Malformed => Self::Malformed,
            FollowError::NotAnAdmin => Self::NotAnAdmin,
            FollowError::Outranked => Self::Outranked,
        }
    }
}

impl From<DecodeError> for PartError {
    fn from(error: DecodeError) -> Self {
        match error {
            DecodeError::Malformed => Self::Malformed,
            DecodeError::Unsupported => Self::Unsupported,
        }
    }
}
