//! Groups that are not held: invitations, and chains that wait for them.

use alloc::vec::Vec;
use core::fmt;

use crate::group::asking_fields::Asked;
use crate::group::directory::Directory;
use crate::group::fair_share::{Share, first_out};
use crate::group::invitation::{Invitation, InvitationReason, about_hash};
use crate::group::moment::Moment;
use crate::group::one_group::Group;
use crate::group::part_checks::{check_distribution, decode_about, decode_leave, invites};
use crate::group::part_heard::{PartError, PartHeard, PartOutcome};
use crate::group::signed_roster::Roster;
use crate::group::waiting::Waiting;
use crate::group::wanted::is_day_over;
use crate::identity::Device;
use crate::stored::{StateWriter, Stored, stored};
use crate::time::Timestamp;
use crate::wire::codec::{DecodeError, Reader};
use crate::wire::distribution::{DistributionFields, WantFields, WantKind};
use crate::wire::group_message::{Tag, tag_of};
use crate::wire::roster::OwnerBytes;

/// How many invitations are kept. With one more, those of own devices and of people whom the user has accepted stay before all
/// others, and of people whoever has least: anybody can invite, by a group that they made for it.
const MOST: usize = 64;

/// How many of one device. With one more, the first come goes.
const MOST_OF_DEVICE: usize = 4;

/// How many rosters are asked for within a day.
const MOST_ASKED: usize = 256;

/// What has come of groups that are not held. It is stored, in a row of its own.
pub struct Invitations {
    /// The first come first.
    all: Vec<Invitation>,
    waiting: Waiting,
    /// Which rosters were asked for, of which devices, within a day.
    asked: Vec<AskedFor>,
}

struct AskedFor {
    of: Device,
    roster: Tag,
    at: Timestamp,
}

impl Invitations {
    /// None.
    #[must_use]
    pub fn none() -> Self {
        Self { all: Vec::new(), waiting: Waiting::none(), asked: Vec::new() }
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Invitation> {
        self.all.iter()
    }

    pub(crate) fn hear_roster(
        &mut self,
        bytes: &[u8],
        from: &Device,
        directory: &Directory<'_>,
        now: Timestamp,
    ) -> PartHeard {
        let outcome = Roster::decode(bytes).map_err(PartError::from).and_then(|roster| {
            if !invites(&roster, from, directory, now) {
                return Err(PartError::NotInvited);
            }
            let is_kept = self.invite(roster, from, directory, now);
            if is_kept { Ok(PartOutcome::Invited) } else { Err(PartError::NotInvited) }
        });
        PartHeard::of(outcome)
    }

    /// The last of a group counts, but a stranger's takes not the place of that of somebody whom the user knows: a group's name is
    /// no secret of those who went. Says whether it is kept.
    fn invite(
        &mut self,
        roster: Roster,
        from: &Device,
        directory: &Directory<'_>,
        now: Timestamp,
    ) -> bool {
        let group = roster.fields.group;
        let held = self.all.iter().position(|it| it.roster.fields.group == group);
        let is_known = |device: &Device| directory.is_known_to_user(device, now);
        let by = held.and_then(|place| self.all.get(place)).map(|held| &held.from);
        if by.is_some_and(|by| by != from && is_known(by) && !is_known(from)) {
            return false;
        }
        let held = held.map(|place| self.all.remove(place));
        let about = held.filter(|held| held.roster == roster).and_then(|held| held.about);
        if self.all.iter().filter(|it| it.from == *from).count() >= MOST_OF_DEVICE {
            let first = self.all.iter().position(|it| it.from == *from);
            first.into_iter().for_each(|place| _ = self.all.remove(place));
        }
        let (from, came, reason) = (from.clone(), now, InvitationReason::New);
        // The user is asked at once, so there is nothing to tell later.
        let (is_confirmed, is_told) = (false, false);
        self.all.push(Invitation { roster, about, from, came, reason, is_confirmed, is_told });
        if self.all.len() > MOST {
            let devices: Vec<&Device> = self.all.iter().map(|it| &it.from).collect();
            let out = first_out(&shares(&devices, directory, now)).unwrap_or(0);
            self.all.remove(out);
        }
        true
    }

    pub(crate) fn hear_about(&mut self, bytes: &[u8]) -> PartHeard {
        let outcome = decode_about(bytes).and_then(|(group, about)| {
            let mut all = self.all.iter_mut();
            let invitation = all.find(|it| it.roster.fields.group == *group);
            let invitation = invitation.ok_or(PartError::UnknownGroup)?;
            if invitation.roster.fields.about != about_hash(group, about) {
                return Err(PartError::WrongAbout);
            }
            let is_new = invitation.about.replace(about.to_vec()).is_none();
            Ok(if is_new { PartOutcome::Held } else { PartOutcome::Known })
        });
        PartHeard::of(outcome)
    }

    pub(crate) fn hear_distribution(
        &mut self,
        bytes: &[u8],
        from: &Device,
        directory: &Directory<'_>,
        now: Timestamp,
    ) -> PartHeard {
        let fields = DistributionFields::decode(bytes).map_err(|_| PartError::Malformed);
        let outcome = fields.and_then(|fields| {
            check_distribution(&fields, from, directory, now)?;
            self.waiting.wait(from, bytes, |devices| shares(devices, directory, now));
            Ok(PartOutcome::Waiting)
        });
        PartHeard::of(outcome)
    }

    pub(crate) fn hear_leave(bytes: &[u8]) -> PartHeard {
        PartHeard::of(decode_leave(bytes).and(Err(PartError::UnknownGroup)))
    }

    /// Takes a group that the user joins, and all that waited for it; `None` without an invitation.
    pub(crate) fn join(
        &mut self,
        group: &[u8; 32],
        directory: &Directory<'_>,
        now: Timestamp,
    ) -> Option<(Group, PartHeard)> {
        let place = self.all.iter().position(|it| it.roster.fields.group == *group)?;
        let Invitation { roster, about, .. } = self.all.remove(place);
        let (hash, tag, about_hash) = (*roster.hash(), roster.tag(), roster.fields.about);
        let mut joined = Group::of(roster, directory.us());
        about.into_iter().for_each(|about| _ = joined.abouts.insert(about_hash, about));
        let waited = self.waiting.take(|fields| fields.group == group);
        joined.wait_for_all(waited, directory, now);
        let heard = joined.joined(&hash, tag, directory, now);
        Some((joined, heard))
    }

    /// Whether an invitation has the roster that is asked for.
    pub(crate) fn has(&self, want: &WantFields) -> bool {
        let is_it =
            |it: &Invitation| it.roster.fields.group == want.group && it.roster.tag() == want.tag;
        want.kind == WantKind::Roster && self.all.iter().any(is_it)
    }

    /// The user does not want to be in it: the invitation is forgotten, and what waits for it.
    pub(crate) fn decline(&mut self, group: &[u8; 32]) -> bool {
        let before = self.all.len();
        self.all.retain(|invitation| invitation.roster.fields.group != *group);
        let waited = self.waiting.take(|fields| fields.group == group);
        self.all.len() != before || !waited.is_empty()
    }

    /// The rosters for which chains wait: each once a day. Says whether what is stored is different by it.
    pub(crate) fn take_wants(
        &mut self,
        group: &[u8; 32],
        moment: &Moment<'_>,
    ) -> (Vec<Asked>, bool) {
        let (directory, now) = (&moment.directory, moment.now);
        let before = self.asked.len();
        self.asked.retain(|asked| !is_day_over(asked.at, now));
        let mut is_changed = self.asked.len() != before;
        let mut wants = Vec::new();
        for waiting in self.waiting.iter() {
            let Ok(fields) = waiting.fields() else { continue };
            let (of, roster) = (&waiting.from, tag_of(fields.roster));
            let is_it = |asked: &AskedFor| asked.of == *of && asked.roster == roster;
            let is_listed = directory.standing(of, now).0.counts();
            let may_ask = is_listed && self.asked.len() < MOST_ASKED;
            if fields.group == group && may_ask && !self.asked.iter().any(is_it) {
                let kind = WantKind::Roster;
                let want = WantFields { group: *group, kind, tag: roster, have: [0; 8] };
                let is_reached = (moment.can_reach)(of);
                wants.push(Asked { of: of.clone(), want, is_reached });
                if is_reached {
                    self.asked.push(AskedFor { of: of.clone(), roster, at: now });
                    is_changed = true;
                }
            }
        }
        (wants, is_changed)
    }

    /// The groups for which chains wait.
    pub(crate) fn waited_for(&self) -> Vec<[u8; 32]> {
        let fields = self.waiting.iter().filter_map(|waiting| waiting.fields().ok());
        let mut groups: Vec<[u8; 32]> = fields.map(|fields| *fields.group).collect();
        groups.sort_unstable();
        groups.dedup();
        groups
    }
}

/// Nobody's membership says anything of groups that are not held: who the user knows belongs here.
fn shares(devices: &[&Device], directory: &Directory<'_>, now: Timestamp) -> Vec<Share> {
    let is_known = |_: &OwnerBytes, device: &Device| directory.is_known_to_user(device, now);
    directory.shares(devices, is_known, now)
}

/// To how many groups.
impl fmt::Debug for Invitations {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Invitations").field("all", &self.all.len()).finish_non_exhaustive()
    }
}

stored!(AskedFor { of, roster, at });
stored!(Invitations { all, waiting, asked } if |it| {
    let of = |from: &Device| it.all.iter().filter(|it| it.from == *from).count();
    let are_few = it.all.len() <= MOST && it.asked.len() <= MOST_ASKED;
    are_few && it.all.iter().all(|one| of(&one.from) <= MOST_OF_DEVICE)
});
