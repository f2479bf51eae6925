//! Who is in a group, as an admin's owner device has signed it.

use alloc::vec::Vec;

use crate::crypto::hash::sha256;
use crate::identity::{IdentityKey, IdentityKeyError};
use crate::wire::codec::DecodeError;
use crate::wire::roster::{MemberFields, OwnerBytes, RosterFields};

/// Separates signatures of rosters from every other signature of an identity.
const SIGNATURE_LABEL: &[u8] = b"evanesce/v1 roster signature";

/// Names a roster.
const HASH_LABEL: &[u8] = b"evanesce/v1 roster";

/// A roster whose signature holds. Whether its signer might sign it is seen where the one before it is held.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Roster {
    pub(crate) fields: RosterFields,
    hash: [u8; 32],
    bytes: Vec<u8>,
}

/// Why a roster is refused by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum RosterError {
    /// It is of another form.
    Unsupported,
    /// Its bytes break the encoding, or what they say cannot be.
    Malformed,
    /// Its signer's Ed25519 key is of small order.
    WeakKey,
    /// Its signature is not its signer's.
    BadSignature,
}

/// Why a roster does not follow another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum FollowError {
    /// Its epoch, who has a role since when, or its seal cannot be.
    Malformed,
    /// Its signer is no admin there.
    NotAnAdmin,
    /// Somebody senior to its signer loses their role or membership by it.
    Outranked,
}

impl Roster {
    pub(crate) fn decode(bytes: &[u8]) -> Result<Self, RosterError> {
        let decoded = RosterFields::decode(bytes).map_err(|error| match error {
            DecodeError::Unsupported => RosterError::Unsupported,
            DecodeError::Malformed => RosterError::Malformed,
        });
        let (fields, signature) = decoded?;
        let signer = IdentityKey::decode_and_unpack(&fields.signer);
        let (_, signer) = signer.map_err(|error| match error {
            IdentityKeyError::Malformed => RosterError::Malformed,
            IdentityKeyError::WeakKey => RosterError::WeakKey,
        })?;
        let signed = bytes.split_last_chunk::<64>().map_or(&[][..], |(signed, _)| signed);
        if !signer.verify(&[SIGNATURE_LABEL, signed].concat(), &signature) {
            return Err(RosterError::BadSignature);
        }
        let hash = sha256(&[HASH_LABEL, signed]);
        Ok(Self { fields, hash, bytes: bytes.to_vec() })
    }

    /// Whether it may follow this one, which is its previous by hash.
    pub(crate) fn check_following(&self, previous: &Self) -> Result<(), FollowError> {
        let (fields, before) = (&self.fields, &previous.fields);
        if Some(fields.epoch) != before.epoch.checked_add(1) {
            return Err(FollowError::Malformed);
        }
        let signer = before.member(&fields.signer).filter(|member| member.is_admin);
        let signer = signer.ok_or(FollowError::NotAnAdmin)?;
        let remains_admin = |admin: &MemberFields| {
            fields.member(&admin.owner).is_some_and(|member| member.is_admin)
        };
        let mut seniors =
            before.members.iter().filter(|it| it.is_admin && it.rank() < signer.rank());
        if !seniors.all(remains_admin) {
            return Err(FollowError::Outranked);
        }
        let is_dated = |member: &MemberFields| match before.member(&member.owner) {
            Some(held) if held.is_admin == member.is_admin => member.since == held.since,
            Some(_) | None => member.since == fields.epoch,
        };
        let is_anybody_gone =
            before.members.iter().any(|member| fields.member(&member.owner).is_none());
        if fields.members.iter().all(is_dated) && !(is_anybody_gone && fields.seal == before.seal) {
            Ok(())
        } else {
            Err(FollowError::Malformed)
        }
    }

    pub(crate) fn hash(&self) -> &[u8; 32] {
        &self.hash
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    pub(crate) fn has(&self, owner: &OwnerBytes) -> bool {
        self.fields.member(owner).is_some()
    }

    /// The rank of somebody as an admin; the lower is senior.
    pub(crate) fn rank(&self, owner: &OwnerBytes) -> Option<(u32, OwnerBytes)> {
        self.fields.member(owner).filter(|member| member.is_admin).map(MemberFields::rank)
    }
}
