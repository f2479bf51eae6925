//! Group: which roster invites the user back.

use alloc::boxed::Box;

use crate::group::directory::Directory;
use crate::group::invitation::{Invitation, InvitationReason, InvitingBack};
use crate::group::one_group::Group;
use crate::group::signed_roster::Roster;
use crate::group::wanted::is_day_over;
use crate::identity::Device;
use crate::time::Timestamp;

impl Group {
    /// Whether an admin of the head writes under a roster, to whom this device could not show its own head so that it invites
    /// them.
    pub(crate) fn moves_to(
        &self,
        roster: &Roster,
        from: &Device,
        directory: &Directory<'_>,
        now: Timestamp,
    ) -> bool {
        let head = self.head();
        let is_ours = directory.own.person().standing(from, now).counts();
        head.is_admin(&from.identity.encode())
            && !head.is_admin(&directory.owner())
            && !is_ours
            && self.waiting.has(from, roster.hash())
    }

    /// What a row of rosters that leads to one that is held began with is of before that: nothing under it is ever read, and
    /// nobody goes back to it.
    pub(crate) fn forget_what_leads_here(&mut self, row: &[[u8; 32]]) {
        let is_before = |hash: &[u8; 32]| row.contains(hash) && self.rosters.get(hash).is_none();
        let is_invited = |it: &Invitation| is_before(it.roster.hash());
        if self.invitation.as_deref().is_some_and(is_invited) {
            self.invitation = None;
        }
        // Keys that open nothing.
        drop(self.waiting.take(|fields| is_before(fields.roster)));
    }

    /// Whoever comes in by what is held is not asked any more.
    pub(crate) fn drop_invitation_if_held(&mut self) {
        let is_held = |it: &Invitation| self.rosters.get(it.roster.hash()).is_some();
        if self.invitation.as_deref().is_some_and(is_held) {
            let about = self.invitation.take().and_then(|it| Some((it.roster, it.about?)));
            let about = about.map(|(roster, about)| (roster.fields.about, about));
            self.abouts.extend(about);
        }
    }

    /// The last invitation counts, unless it is of an earlier epoch than that of another device: of two branches each device knows
    /// one, until they have met. Own devices and admins of the head come first: whoever else says that they are an admin may say so
    /// of any epoch. Says whether it does.
    pub(crate) fn invite(
        &mut self,
        roster: Roster,
        from: &Device,
        reason: InvitationReason,
        directory: &Directory<'_>,
        now: Timestamp,
        inviting: &mut InvitingBack,
    ) -> bool {
        let rank = |device: &Device, roster: &Roster| {
            let is_ours = directory.own.person().standing(device, now).counts();
            let is_known = is_ours || self.head().is_admin(&device.identity.encode());
            (is_known, roster.fields.epoch)
        };
        // What a device gave before does not count any more once it writes under another: till then the carrier may have held
        // back what it gave first.
        let writes_under_it = self.waiting.has(from, roster.hash());
        let held = self.invitation.as_deref();
        let held = held.filter(|held| held.from != *from || !writes_under_it);
        if held.is_some_and(|held| rank(&held.from, &held.roster) > rank(from, &roster)) {
            return false;
        }
        let was_held =
            self.devices.get(&self.us).is_some_and(|us| !us.may_be_given(roster.tag(), now));
        let reason = if was_held { InvitationReason::GivenUp } else { reason };
        // Before the row of rosters that this is of there may have been another: a row that begins with one that is too old goes on
        // to what was given before it.
        let before = || {
            let replaced = [self.invitation.as_deref(), inviting.replaced(&self.id)];
            replaced.into_iter().flatten()
        };
        // Whoever lacks what leads to the head lacks it since the first that said so: of a group in which much changes each day
        // brings another one. That of a stranger says nothing of those whom the user knows.
        let is_known = |device: &Device| rank(device, &roster).0;
        let was_missing = before().find(|held| {
            let are_missing = [held.reason, reason] == [InvitationReason::Missing; 2];
            are_missing && is_known(&held.from) >= is_known(from)
        });
        let since = was_missing.map_or(now, |held| held.came);
        let same = before().find(|held| held.roster == roster);
        // Who gives it again after a day has heard what this device writes, and holds it still.
        let (about, came, is_confirmed, is_told) =
            same.map_or((None, since, false, false), |held| {
                let is_confirmed = held.is_confirmed || is_day_over(held.came, now);
                (held.about.clone(), held.came, is_confirmed, held.is_told && held.from == *from)
            });
        let from = from.clone();
        let invitation = Invitation { roster, about, from, came, reason, is_confirmed, is_told };
        let replaced = self.invitation.replace(Box::new(invitation));
        replaced.into_iter().for_each(|it| inviting.note_replaced(&self.id, it));
        true
    }
}
