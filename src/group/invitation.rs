//! A roster that invites the user, and what a group is called.

use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use crate::crypto::hash::sha256;
use crate::group::signed_roster::Roster;
use crate::identity::Device;
use crate::stored::{StateWriter, Stored, read_count};
use crate::time::Timestamp;
use crate::wire::codec::{DecodeError, Reader};
use crate::wire::roster::RosterFields;

/// Names what a group's roster says of title and picture.
const ABOUT_LABEL: &[u8] = b"evanesce/v1 about";

/// How many bytes an about has at most.
pub(crate) const MAX_ABOUT: usize = 4_096;

/// Of an invitation that is stored: what is known of it, in bits.
const CONFIRMED: u8 = 1;
const TOLD: u8 = 2;

/// A roster that invites the user.
#[derive(Clone)]
pub(crate) struct Invitation {
    pub(crate) roster: Roster,
    pub(crate) about: Option<Vec<u8>>,
    /// Who invites.
    pub(crate) from: Device,
    pub(crate) came: Timestamp,
    pub(crate) reason: InvitationReason,
    /// Whether a message was missing it since, or it was given again a day later.
    pub(crate) is_confirmed: bool,
    /// Whether it was told that the user is to be asked: what makes it so may be a chain, a message, or that time has passed.
    pub(crate) is_told: bool,
}

/// Why a roster invites.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum InvitationReason {
    /// The group is not held.
    New,
    /// It comes from before what is held, or from a branch that never will be.
    NeverHeld,
    /// The one before it is missing: as a rule that is given when it is asked for.
    Missing,
    /// It was held until less than a day before it came, when the user joined by another. Two devices of which each is invited by
    /// what the other had would change places again and again, while others bring both to the head.
    GivenUp,
}

/// Which of the rosters of a message invite back: the first that does, and those that follow it, one after the other. An
/// answer has those that lost behind the branch of the head, and they are to invite nobody.
#[derive(Default)]
pub(crate) struct InvitingBack {
    rows: BTreeMap<[u8; 32], Row>,
}

struct Row {
    last: Roster,
    /// The hashes of those that lead to it, and its own.
    leading: Vec<[u8; 32]>,
    is_answer: bool,
    /// The invitation that was there before it.
    replaced: Option<Box<Invitation>>,
}

impl InvitingBack {
    /// Takes the next roster. `None` if it is not of the row; else whether the row was asked for.
    pub(crate) fn follow(
        &mut self,
        roster: &Roster,
        invites: bool,
        is_answer: bool,
    ) -> Option<bool> {
        let RosterFields { group, previous, .. } = &roster.fields;
        let hash = *roster.hash();
        let Some(row) = self.rows.get_mut(group) else {
            let (last, leading, replaced) = (roster.clone(), Vec::from([hash]), None);
            let row = Row { last, leading, is_answer, replaced };
            return invites.then(|| self.rows.entry(*group).or_insert(row).is_answer);
        };
        if row.last.hash() != previous {
            return None;
        }
        // Whoever signed it may have been removed by the one that it names: that does not lead to it then.
        if roster.check_following(&row.last).is_err() {
            row.leading.clear();
        }
        row.leading.push(hash);
        row.last = roster.clone();
        Some(row.is_answer)
    }

    /// The hashes of the row's rosters that lead to its last, whoever gave them, and that of the last.
    pub(crate) fn leading(&self, group: &[u8; 32]) -> &[[u8; 32]] {
        self.rows.get(group).map_or(&[], |row| &row.leading)
    }

    /// The invitation whose place the row took, if it was another one than those of the row.
    pub(crate) fn replaced(&self, group: &[u8; 32]) -> Option<&Invitation> {
        self.rows.get(group)?.replaced.as_deref()
    }

    /// One of the row takes the place of this: of those that did the first counts.
    pub(crate) fn note_replaced(&mut self, group: &[u8; 32], replaced: Box<Invitation>) {
        if let Some(row) = self.rows.get_mut(group) {
            row.replaced.get_or_insert(replaced);
        }
    }
}

// docs/protocol.md §18.1: about = SHA-256(label ‖ group ‖ bytes)
pub(crate) fn about_hash(group: &[u8; 32], about: &[u8]) -> [u8; 32] {
    sha256(&[ABOUT_LABEL, group, about])
}

impl Stored for Invitation {
    fn write(&self, out: &mut StateWriter) {
        let Self { roster, about, from, came, reason, is_confirmed, is_told } = self;
        roster.write_whole(out);
        about.is_some().write(out);
        about.iter().for_each(|about| write_bytes(about, out));
        from.write(out);
        came.write(out);
        let reason = match reason {
            InvitationReason::New => 0,
            InvitationReason::NeverHeld => 1,
            InvitationReason::Missing => 2,
            InvitationReason::GivenUp => 3,
        };
        out.put(&[reason]);
        let confirmed = if *is_confirmed { CONFIRMED } else { 0 };
        let told = if *is_told { TOLD } else { 0 };
        out.put(&[confirmed | told]);
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let roster = Roster::read_whole(reader)?;
        let about = if reader.flag()? { Some(read_bytes(reader)?) } else { None };
        let (from, came) = (Stored::read(reader)?, Stored::read(reader)?);
        let reason = match reader.u8()? {
            0 => InvitationReason::New,
            1 => InvitationReason::NeverHeld,
            2 => InvitationReason::Missing,
            3 => InvitationReason::GivenUp,
            _ => return Err(DecodeError::Malformed),
        };
        let (is_confirmed, is_told) = match reader.u8()? {
            known @ 0..=3 => (known & CONFIRMED != 0, known & TOLD != 0),
            _ => return Err(DecodeError::Malformed),
        };
        let fits = about
            .as_ref()
            .is_none_or(|about| about_hash(&roster.fields.group, about) == roster.fields.about);
        if fits {
            Ok(Self { roster, about, from, came, reason, is_confirmed, is_told })
        } else {
            Err(DecodeError::Malformed)
        }
    }
}

pub(crate) fn write_bytes(bytes: &[u8], out: &mut StateWriter) {
    out.put_count(bytes.len());
    out.put(bytes);
}

pub(crate) fn read_bytes(reader: &mut Reader<'_>) -> Result<Vec<u8>, DecodeError> {
    let count = read_count(reader)?;
    reader.bytes(count).map(<[u8]>::to_vec)
}
