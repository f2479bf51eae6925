//! A group's roster, as it is sent (docs/protocol.md §18.1).

use alloc::vec::Vec;
use core::cmp::Ordering;

use crate::crypto::signature::SIGNATURE_LENGTH;
use crate::wire::codec::{DecodeError, Reader};
use crate::wire::prekey_bundle::IDENTITY_LENGTH;

/// The only form so far.
const FORM: u8 = 1;

/// How many members a group has at most.
pub(crate) const MAX_MEMBERS: usize = 1_000;

/// Members may change the timer.
pub(crate) const MEMBERS_SET_TIMER: u8 = 1;

/// Bytes of a member.
const MEMBER_LENGTH: usize = IDENTITY_LENGTH + 4 + 1;

/// Bytes without members.
const FRAME_LENGTH: usize = 1 + 32 + 4 + 32 + 1 + 32 + 32 + 2 + IDENTITY_LENGTH + SIGNATURE_LENGTH;

/// A person, by the owner's identity: of members that do not sign it is compared, and never decoded.
pub(crate) type OwnerBytes = [u8; IDENTITY_LENGTH];

/// What a roster says.
///
/// ```text
/// | form: 1 | group: 32 | epoch: 4 | previous: 32 | rights: 1 | seal: 32 | about: 32 | count: 2 | member | member .. | signer: 64 | signature: 64 |
/// member: | owner: 64 | since: 4 | role: 1 |
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct RosterFields {
    pub(crate) group: [u8; 32],
    pub(crate) epoch: u32,
    /// The hash of the roster before it; zeros in epoch 0.
    pub(crate) previous: [u8; 32],
    pub(crate) rights: u8,
    pub(crate) seal: [u8; 32],
    pub(crate) about: [u8; 32],
    pub(crate) members: Vec<MemberFields>,
    pub(crate) signer: OwnerBytes,
}

/// One of its members.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct MemberFields {
    pub(crate) owner: OwnerBytes,
    /// The epoch in which they got this role.
    pub(crate) since: u32,
    pub(crate) is_admin: bool,
}

impl RosterFields {
    /// Takes a roster from its bytes, and gives what it says with its signature.
    pub(crate) fn decode(bytes: &[u8]) -> Result<(Self, [u8; SIGNATURE_LENGTH]), DecodeError> {
        let mut reader = Reader::new(bytes);
        if reader.u8()? != FORM {
            return Err(DecodeError::Unsupported);
        }
        let group = *reader.array()?;
        let epoch = reader.u32()?;
        let previous = *reader.array()?;
        let rights = reader.u8()?;
        let seal = *reader.array()?;
        let about = *reader.array()?;
        let count = usize::from(u16::from_be_bytes(*reader.array()?));
        if !(1..=MAX_MEMBERS).contains(&count) {
            return Err(DecodeError::Malformed);
        }
        let members: Result<Vec<_>, _> =
            (0..count).map(|_| MemberFields::read(&mut reader)).collect();
        let (members, signer) = (members?, *reader.array()?);
        let signature = *reader.array()?;
        reader.finish()?;
        let fields = Self { group, epoch, previous, rights, seal, about, members, signer };
        if fields.is_sound() { Ok((fields, signature)) } else { Err(DecodeError::Malformed) }
    }

    /// All bytes before the signature.
    pub(crate) fn encode(&self) -> Vec<u8> {
        let Self { group, epoch, previous, rights, seal, about, members, signer } = self;
        let length = members.len().saturating_mul(MEMBER_LENGTH).saturating_add(FRAME_LENGTH);
        let mut bytes = Vec::with_capacity(length);
        bytes.push(FORM);
        bytes.extend_from_slice(group);
        bytes.extend_from_slice(&epoch.to_be_bytes());
        bytes.extend_from_slice(previous);
        bytes.push(*rights);
        bytes.extend_from_slice(seal);
        bytes.extend_from_slice(about);
        let count = u16::try_from(members.len()).unwrap_or(u16::MAX);
        bytes.extend_from_slice(&count.to_be_bytes());
        for MemberFields { owner, since, is_admin } in members {
            bytes.extend_from_slice(owner);
            bytes.extend_from_slice(&since.to_be_bytes());
            bytes.push(u8::from(*is_admin));
        }
        bytes.extend_from_slice(signer);
        bytes
    }

    pub(crate) fn member(&self, owner: &OwnerBytes) -> Option<&MemberFields> {
        let place = self.members.binary_search_by(|member| member.owner.cmp(owner)).ok()?;
        self.members.get(place)
    }

    /// Whether it is in order as far as it shows by itself.
    pub(crate) fn is_sound(&self) -> bool {
        let Self { epoch, previous, rights, members, signer, .. } = self;
        let next = members.iter().skip(1);
        let in_order = members.iter().zip(next).all(|(first, next)| first.owner < next.owner);
        let mut admins = members.iter().filter(|member| member.is_admin);
        let is_signers = |member: &MemberFields| member.owner == *signer;
        let has_creator =
            *previous == [0; 32] && admins.clone().count() == 1 && admins.clone().all(is_signers);
        *rights & !MEMBERS_SET_TIMER == 0
            && in_order
            && members.iter().all(|member| member.since <= *epoch)
            && self.member(signer).is_some()
            && if *epoch == 0 { has_creator } else { admins.next().is_some() }
    }
}

/// The members of two rosters in one walk, each as the one and as the other has them: both are in order, so nobody is looked
/// up. In a group of a thousand that is most of what a roster costs.
pub(crate) fn side_by_side<'a>(
    before: &'a [MemberFields],
    after: &'a [MemberFields],
) -> impl Iterator<Item = (Option<&'a MemberFields>, Option<&'a MemberFields>)> {
    let (mut before, mut after) = (before.iter().peekable(), after.iter().peekable());
    core::iter::from_fn(move || {
        let order = match (before.peek(), after.peek()) {
            (None, None) => return None,
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (Some(one), Some(other)) => one.owner.cmp(&other.owner),
        };
        let was = if order == Ordering::Greater { None } else { before.next() };
        let is = if order == Ordering::Less { None } else { after.next() };
        Some((was, is))
    })
}

impl MemberFields {
    fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let (owner, since) = (*reader.array()?, reader.u32()?);
        Ok(Self { owner, since, is_admin: reader.flag()? })
    }

    /// Of two admins the one of the lower rank is senior.
    pub(crate) fn rank(&self) -> (u32, OwnerBytes) {
        (self.since, self.owner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::collections::BTreeMap;
    use proptest::prelude::*;

    /// Some of eight people, in order.
    fn some() -> impl Strategy<Value = Vec<MemberFields>> {
        proptest::collection::btree_map(0..8_u8, (0..2_u32, any::<bool>()), 0..8).prop_map(|all| {
            let fields = |(owner, (since, is_admin))| MemberFields {
                owner: [owner; IDENTITY_LENGTH],
                since,
                is_admin,
            };
            all.into_iter().map(fields).collect()
        })
    }

    proptest! {
        #[test]
        fn side_by_side_finds_what_look_ups_find(before in some(), after in some()) {
            let mut looked_up: BTreeMap<OwnerBytes, (Option<&MemberFields>, Option<&MemberFields>)> =
                BTreeMap::new();
            for member in &before {
                looked_up.entry(member.owner).or_default().0 = Some(member);
            }
            for member in &after {
                looked_up.entry(member.owner).or_default().1 = Some(member);
            }
            let walked: Vec<_> = side_by_side(&before, &after).collect();
            prop_assert_eq!(walked, looked_up.into_values().collect::<Vec<_>>());
        }
    }
}
