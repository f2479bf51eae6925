//! Who is in a group, as an admin's owner device has signed it.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use crate::account::Account;
use crate::crypto::hash::sha256;
use crate::crypto::signature::SIGNATURE_LENGTH;
use crate::identity::{IdentityKey, IdentityKeyError};
use crate::stored::{StateWriter, Stored, read_count};
use crate::wire::codec::{DecodeError, Reader};
use crate::wire::group_message::{Tag, tag_of};
use crate::wire::roster::{MemberFields, OwnerBytes, RosterFields, side_by_side};

/// Separates signatures of rosters from every other signature of an identity.
const SIGNATURE_LABEL: &[u8] = b"evanesce/v1 roster signature";

/// Names a roster.
const HASH_LABEL: &[u8] = b"evanesce/v1 roster";

/// A roster whose signature holds. Whether its signer might sign it is seen where the one before it is held.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Roster {
    pub(crate) fields: RosterFields,
    signature: [u8; SIGNATURE_LENGTH],
    hash: [u8; 32],
}

/// Why a roster is refused by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum RosterError {
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
pub(crate) enum FollowError {
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
        Ok(Self { fields, signature, hash: sha256(&[HASH_LABEL, signed]) })
    }

    /// Signs what it says, which is in order, as the owner of this account.
    pub(crate) fn sign(account: &Account, fields: RosterFields) -> Self {
        let bytes = fields.encode();
        let signature = account.sign(&[SIGNATURE_LABEL, &bytes].concat());
        Self { fields, signature, hash: sha256(&[HASH_LABEL, &bytes]) }
    }

    /// What is to be signed, to be checked before anything is drawn.
    pub(crate) fn unsigned(fields: RosterFields) -> Self {
        Self::restore(fields, [0; SIGNATURE_LENGTH])
    }

    /// Takes back what was verified once.
    pub(crate) fn restore(fields: RosterFields, signature: [u8; SIGNATURE_LENGTH]) -> Self {
        let hash = sha256(&[HASH_LABEL, &fields.encode()]);
        Self { fields, signature, hash }
    }

    /// Whether it may follow this one, which is its previous by hash.
    pub(crate) fn check_following(&self, previous: &Self) -> Result<(), FollowError> {
        let (fields, before) = (&self.fields, &previous.fields);
        if Some(fields.epoch) != before.epoch.checked_add(1) {
            return Err(FollowError::Malformed);
        }
        let signer = before.member(&fields.signer).filter(|member| member.is_admin);
        let signer = signer.ok_or(FollowError::NotAnAdmin)?;
        let (mut is_dated, mut is_anybody_gone) = (true, false);
        for (held, member) in side_by_side(&before.members, &fields.members) {
            let is_admin = member.is_some_and(|member| member.is_admin);
            if held.is_some_and(|it| it.is_admin && !is_admin && it.rank() < signer.rank()) {
                return Err(FollowError::Outranked);
            }
            is_anybody_gone |= member.is_none();
            is_dated &= match (held, member) {
                (Some(held), Some(member)) if held.is_admin == member.is_admin => {
                    member.since == held.since
                }
                (_, Some(member)) => member.since == fields.epoch,
                (_, None) => true,
            };
        }
        if is_dated && !(is_anybody_gone && fields.seal == before.seal) {
            Ok(())
        } else {
            Err(FollowError::Malformed)
        }
    }

    pub(crate) fn hash(&self) -> &[u8; 32] {
        &self.hash
    }

    /// Its epoch and hash: what of several is taken first where nothing else decides.
    pub(crate) fn place(&self) -> (u32, &[u8; 32]) {
        (self.fields.epoch, &self.hash)
    }

    pub(crate) fn tag(&self) -> Tag {
        tag_of(&self.hash)
    }

    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut bytes = self.fields.encode();
        bytes.extend_from_slice(&self.signature);
        bytes
    }

    /// Everybody in it, in order.
    pub(crate) fn owners(&self) -> impl Iterator<Item = OwnerBytes> {
        self.fields.members.iter().map(|member| member.owner)
    }

    pub(crate) fn has(&self, owner: &OwnerBytes) -> bool {
        self.fields.member(owner).is_some()
    }

    pub(crate) fn is_admin(&self, owner: &OwnerBytes) -> bool {
        self.rank(owner).is_some()
    }

    /// The rank of somebody as an admin; the lower is senior.
    pub(crate) fn rank(&self, owner: &OwnerBytes) -> Option<(u32, OwnerBytes)> {
        self.fields.member(owner).filter(|member| member.is_admin).map(MemberFields::rank)
    }
}

/// State: whole, or as what it changes.
impl Roster {
    pub(crate) fn write_whole(&self, out: &mut StateWriter) {
        out.put_measured(|out| out.put(&self.encode()));
    }

    /// It was verified when it came.
    pub(crate) fn read_whole(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let length = usize::try_from(reader.u32()?).map_err(|_| DecodeError::Malformed)?;
        let (fields, signature) = RosterFields::decode(reader.bytes(length)?)?;
        Ok(Self::restore(fields, signature))
    }

    /// What it changes in the one before it, behind the name of that.
    pub(crate) fn write_after(&self, previous: &Self, out: &mut StateWriter) {
        let Self { fields, signature, hash: _ } = self;
        out.put(&fields.previous);
        out.put(&[fields.rights]);
        for (new, old) in
            [(&fields.seal, &previous.fields.seal), (&fields.about, &previous.fields.about)]
        {
            Some(*new).filter(|_| new != old).write(out);
        }
        // A member is in it who was in that one, or not; so is the signer.
        let (mut gone, mut new, mut signer) = (Vec::new(), Vec::<&MemberFields>::new(), 0_usize);
        let mut places = 0_usize..;
        for (was, is) in side_by_side(&previous.fields.members, &fields.members) {
            let place = was.and_then(|_| places.next());
            gone.extend(place.filter(|_| is.is_none()));
            new.extend(is.filter(|_| was != is));
            let is_signer = was.is_some_and(|was| was.owner == fields.signer);
            signer = place.filter(|_| is_signer).unwrap_or(signer);
        }
        gone.write(out);
        out.put_count(new.len());
        for MemberFields { owner, since, is_admin } in new {
            out.put(owner);
            since.write(out);
            is_admin.write(out);
        }
        signer.write(out);
        out.put(signature);
    }

    pub(crate) fn read_after(
        previous: &Self,
        reader: &mut Reader<'_>,
    ) -> Result<Self, DecodeError> {
        let before = &previous.fields;
        let from = reader.rest();
        let rights = reader.u8()?;
        let (seal, about) = (Option::read(reader)?, Option::read(reader)?);
        let gone = Vec::<usize>::read(reader)?;
        let mut members: BTreeMap<OwnerBytes, MemberFields> =
            before.members.iter().map(|member| (member.owner, *member)).collect();
        for place in gone {
            let member = before.members.get(place).ok_or(DecodeError::Malformed)?;
            members.remove(&member.owner);
        }
        for _ in 0..read_count(reader)? {
            let owner = *reader.array()?;
            let (since, is_admin) = (u32::read(reader)?, bool::read(reader)?);
            members.insert(owner, MemberFields { owner, since, is_admin });
        }
        let signer = before.members.get(usize::read(reader)?).ok_or(DecodeError::Malformed)?.owner;
        let fields = RosterFields {
            group: before.group,
            epoch: before.epoch.checked_add(1).ok_or(DecodeError::Malformed)?,
            previous: *previous.hash(),
            rights,
            seal: seal.unwrap_or(before.seal),
            about: about.unwrap_or(before.about),
            members: members.into_values().collect(),
            signer,
        };
        let roster = Self::restore(fields, *reader.array()?);
        // What is stored otherwise than it is written would be a second form.
        let mut again = StateWriter::new();
        roster.write_after(previous, &mut again);
        let read = from.len().saturating_sub(reader.rest().len());
        let is_written_so = again.as_bytes().strip_prefix(previous.hash()) == from.get(..read);
        let follows =
            is_written_so && roster.fields.is_sound() && roster.check_following(previous).is_ok();
        if follows { Ok(roster) } else { Err(DecodeError::Malformed) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::secret::Secret;
    use crate::group::invitation::about_hash;
    use crate::group::roster_secret::RosterSecret;
    use crate::identity::IdentityKeyPair;
    use crate::known_answers::{self, Fields};

    fn signed(fields: RosterFields, signer: &IdentityKeyPair) -> Vec<u8> {
        let mut bytes = fields.encode();
        let signature = signer.sign(&[SIGNATURE_LABEL, &bytes].concat());
        bytes.extend(signature);
        bytes
    }

    #[test]
    fn vectors_roster() {
        for case in known_answers::groups_section("roster") {
            let signer = IdentityKeyPair::from_seed(case.secret("signer_seed"));
            let member = |member: &serde_json::Value| MemberFields {
                owner: hex::decode(member[0].as_str().unwrap()).unwrap().try_into().unwrap(),
                since: u32::try_from(member[1].as_u64().unwrap()).unwrap(),
                is_admin: member[2] == 1,
            };
            let fields = RosterFields {
                group: case.array("group"),
                epoch: u32::try_from(case.number("epoch")).unwrap(),
                previous: case.array("previous"),
                rights: u8::try_from(case.number("rights")).unwrap(),
                seal: case.array("seal"),
                about: case.array("about"),
                members: case["members"].as_array().unwrap().iter().map(member).collect(),
                signer: signer.public().encode(),
            };
            let bytes = signed(fields, &signer);
            assert_eq!(bytes, case.bytes("roster"));
            let roster = Roster::decode(&bytes).unwrap();
            assert_eq!(roster.encode(), bytes);
            assert_eq!((*roster.hash(), roster.tag()), (case.array("hash"), case.array("tag")));
        }
        for case in known_answers::groups_section("about") {
            assert_eq!(about_hash(&case.array("group"), &case.bytes("bytes")), case.array("about"));
        }
    }

    #[test]
    fn vectors_roster_by_rule() {
        for case in known_answers::groups_section("roster_by_rule") {
            let count = u32::try_from(case.number("count")).unwrap();
            let person = |place: u32| {
                let label = b"evanesce/v1 vector person";
                let seed = sha256(&[label, &case.bytes("seed"), &place.to_be_bytes()]);
                IdentityKeyPair::from_seed(Secret::filled_by(|out| *out = seed))
            };
            let mut people: Vec<_> = (0..count).map(person).collect();
            people.sort_by_key(|person| person.public().encode());
            let group: [u8; 32] = case.array("group");
            let member = |(place, person): (u32, &IdentityKeyPair)| MemberFields {
                owner: person.public().encode(),
                since: place % 8,
                is_admin: u64::from(place) < case.number("admins"),
            };
            let fields = RosterFields {
                group,
                epoch: 7,
                previous: sha256(&[&group]),
                rights: u8::try_from(case.number("rights")).unwrap(),
                seal: RosterSecret::new(case.secret("rs")).seal(&group),
                about: about_hash(&group, &case.bytes("about")),
                members: (0..).zip(&people).map(member).collect(),
                signer: people[0].public().encode(),
            };
            let bytes = signed(fields, &people[0]);
            assert_eq!(bytes.len(), usize::try_from(case.number("length")).unwrap());
            assert_eq!(sha256(&[&bytes]), case.array("sha256"));
            match case.optional_bytes("hash") {
                Some(hash) => assert_eq!(*Roster::decode(&bytes).unwrap().hash(), *hash),
                None => assert_eq!(Roster::decode(&bytes), Err(RosterError::Malformed)),
            }
        }
    }
}
