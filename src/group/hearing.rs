//! Group: parts in.

use alloc::boxed::Box;
use alloc::vec::Vec;

use crate::crypto::secret::Secret;
use crate::group::behind::Behind;
use crate::group::directory::Directory;
use crate::group::heard_chain::{Given, HeardChain};
use crate::group::invitation::{Invitation, InvitationReason, InvitingBack, about_hash};
use crate::group::missing::{Missing, MissingKind, Unblocked};
use crate::group::one_group::{Group, NotRead};
use crate::group::part_checks::{check_distribution, decode_about, decode_leave, invites};
use crate::group::part_heard::{PartError, PartHeard, PartOutcome};
use crate::group::roster_secret::RosterSecret;
use crate::group::rosters::{AddError, Added, Rosters};
use crate::group::sender_chain::ChainName;
use crate::group::signed_roster::Roster;
use crate::group::waiting::WaitingChain;
use crate::identity::Device;
use crate::ratchet::chain::ChainKey;
use crate::time::Timestamp;
use crate::wire::distribution::{DistributionFields, WantKind};
use crate::wire::group_message::{Tag, tag_of};
use crate::wire::roster::OwnerBytes;

type Heard = Result<(PartOutcome, Vec<Unblocked>), PartError>;

impl Group {
    pub(crate) fn hear_roster(
        &mut self,
        bytes: &[u8],
        from: &Device,
        directory: &Directory<'_>,
        now: Timestamp,
        inviting: &mut InvitingBack,
    ) -> PartHeard {
        let roster = match Roster::decode(bytes) {
            Ok(roster) => roster,
            Err(error) => return PartHeard::of(Err(error.into())),
        };
        let (hash, tag, previous) = (*roster.hash(), roster.tag(), roster.fields.previous);
        let invites = invites(&roster, from, directory, now);
        let was_asked = self.wanted.awaits_roster_of(from.identity.member_tag().0, now);
        let row = inviting.follow(&roster, invites, was_asked);
        let is_of_row = row.is_some();
        let row = row.filter(|_| invites);
        let invitation = row.map(|is_answer| (roster.clone(), is_answer));
        let added = self.change_rosters(now, |rosters| rosters.add(roster));
        let mut heard = PartHeard::of(match added {
            Ok(Added::Known) => Ok(PartOutcome::Known),
            Ok(Added::Held) => Ok(PartOutcome::Held),
            Err(AddError::Follow(error)) => Err(error.into()),
            Err(AddError::OtherGroup) => Err(PartError::OtherGroup),
            Err(AddError::TooOld) => Err(PartError::TooOld),
            Err(AddError::Missing) => {
                Err(self.missing_roster(tag_of(&previous), from, directory, now))
            }
        });
        // One that is above the bounds is dropped again at once.
        let is_held = heard.outcome.is_ok() && self.rosters.get(&hash).is_some();
        if is_of_row && is_held {
            self.forget_what_leads_here(inviting.leading(&self.id));
        }
        match (&heard.outcome, invitation) {
            (Ok(PartOutcome::Held), _) if is_held => {
                self.drop_invitation_if_held();
                heard.unblocks.push(Unblocked::Roster(tag));
                self.try_waiting(&hash, &mut heard, directory, now);
            }
            (Err(PartError::TooOld), invitation) => {
                // It will not be held, however often it is asked for.
                self.wanted.keep(|name| !(name.kind == WantKind::Roster && name.tag == tag));
                // An answer has those that lost. Of two who came in by different rosters the one of the lower moves, unless it
                // is an admin whom the user cannot invite: then nobody else would.
                let invitation = invitation.filter(|(roster, is_answer)| {
                    let is_above = roster.place() > self.rosters.root().place();
                    !is_answer || is_above || self.moves_to(roster, from, directory, now)
                });
                if let Some((roster, _)) = invitation {
                    let reason = InvitationReason::NeverHeld;
                    heard.invites = self.invite(roster, from, reason, directory, now, inviting);
                }
            }
            (Err(PartError::Missing(_)), Some((roster, _))) => {
                let reason = InvitationReason::Missing;
                heard.invites = self.invite(roster, from, reason, directory, now, inviting);
            }
            _ => {}
        }
        heard
    }

    fn missing_roster(
        &mut self,
        tag: Tag,
        from: &Device,
        directory: &Directory<'_>,
        now: Timestamp,
    ) -> PartError {
        let device = from.identity.member_tag().0;
        self.name_wanted(device, WantKind::Roster, tag, directory, now);
        PartError::Missing(Missing { kind: MissingKind::Roster, tag, device })
    }

    /// What waited for a roster is tried.
    fn try_waiting(
        &mut self,
        roster: &[u8; 32],
        heard: &mut PartHeard,
        directory: &Directory<'_>,
        now: Timestamp,
    ) {
        let tag = tag_of(roster);
        self.wanted.keep(|name| !(name.kind == WantKind::Roster && name.tag == tag));
        for waiting in self.waiting.take(|fields| fields.roster == roster) {
            let tried = waiting.fields().map_err(|_| PartError::Malformed);
            let tried =
                tried.and_then(|it| self.take_distribution(&it, &waiting.from, directory, now));
            let outcome = tried.map(|(outcome, unblocks)| {
                heard.unblocks.extend(unblocks);
                outcome
            });
            heard.waited.push((waiting.from, outcome));
        }
    }

    pub(crate) fn hear_about(&mut self, bytes: &[u8]) -> PartHeard {
        let outcome = decode_about(bytes).and_then(|(group, about)| {
            if *group != self.id {
                return Err(PartError::WrongAbout);
            }
            let hash = about_hash(group, about);
            let mut invited = self.invitation.as_mut().filter(|it| it.roster.fields.about == hash);
            let is_of_roster = self.rosters.iter().any(|roster| roster.fields.about == hash);
            let is_new_to_invitation = invited.as_ref().is_some_and(|it| it.about.is_none());
            if let Some(invitation) = &mut invited {
                invitation.about = Some(about.to_vec());
            }
            if !is_of_roster {
                return match (invited, is_new_to_invitation) {
                    (None, _) => Err(PartError::WrongAbout),
                    (Some(_), true) => Ok(PartOutcome::Held),
                    (Some(_), false) => Ok(PartOutcome::Known),
                };
            }
            let is_new = self.abouts.insert(hash, about.to_vec()).is_none();
            let is_new = is_new || is_new_to_invitation;
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
        let taken = fields.and_then(|fields| {
            let taken = self.take_distribution(&fields, from, directory, now)?;
            if taken.0 == PartOutcome::Waiting {
                let (rosters, user) = (&self.rosters, directory.owner());
                let belongs =
                    |owner: &OwnerBytes, _: &Device| rosters.counts(owner) || *owner == user;
                let shares = |devices: &[&Device]| directory.shares(devices, belongs, now);
                self.waiting.wait(from, bytes, shares);
                _ = self.missing_roster(tag_of(fields.roster), from, directory, now);
            }
            Ok(taken)
        });
        match taken {
            Ok((outcome, unblocks)) => PartHeard { unblocks, ..PartHeard::of(Ok(outcome)) },
            Err(error) => PartHeard::of(Err(error)),
        }
    }

    // docs/protocol.md §18.5
    fn take_distribution(
        &mut self,
        fields: &DistributionFields<'_>,
        from: &Device,
        directory: &Directory<'_>,
        now: Timestamp,
    ) -> Heard {
        check_distribution(fields, from, directory, now)?;
        let identity = from.identity.encode();
        let Some(roster) = self.rosters.get(fields.roster) else {
            return Ok((PartOutcome::Waiting, Vec::new()));
        };
        let known = directory.device(&identity, now).ok_or(PartError::NotAMember)?;
        let owner = known.person.owner().encode();
        let seal = roster.fields.seal;
        if let Err(not_read) = self.check_read(roster, &owner, now) {
            if not_read == NotRead::Former && !self.head().has(&owner) {
                // Somebody who went over a day ago means to write still, and is to be told.
                self.devices.at(&identity).behind = Some(Behind::Gone(tag_of(fields.roster)));
            }
            return Err(not_read.into());
        }
        let secret = RosterSecret::boxed(|out| *out = *fields.roster_secret);
        if secret.seal(&self.id) != seal {
            return Err(PartError::WrongSecret);
        }
        let name = ChainName::of(&self.id, &identity, fields.verifying_key);
        let chain_key = Secret::filled_by(|out| *out = *fields.chain_key);
        let chain_key = Box::new(ChainKey::new(chain_key));
        let held = self.devices.get_mut(&identity).and_then(|it| it.chain_mut(&name));
        let given = held.map(|chain| chain.give(fields.number, &chain_key, now));
        if given == Some(Given::Forked) {
            return Err(PartError::Forked);
        }
        let mut unblocks = Vec::new();
        let head = self.rosters.head().fields.seal;
        if self.secrets.hold(&self.id, secret, &head) {
            unblocks.push(Unblocked::Secret(tag_of(&seal)));
        }
        if given.is_none() {
            let chain = HeardChain::new(name, *fields.verifying_key, fields.number, chain_key);
            let device = self.devices.at(&identity);
            device.hold(chain);
            let tag = device.tag;
            self.wanted.keep(|wanted| {
                let is_given = wanted.kind == WantKind::Renew
                    || (wanted.kind == WantKind::Chain && wanted.tag == name.tag());
                !(wanted.of == tag && is_given)
            });
        }
        if given != Some(Given::Known) {
            unblocks.push(Unblocked::Chain(name.tag()));
        }
        let is_news = !unblocks.is_empty();
        Ok((if is_news { PartOutcome::Held } else { PartOutcome::Known }, unblocks))
    }

    pub(crate) fn hear_leave(
        &mut self,
        bytes: &[u8],
        from: &Device,
        directory: &Directory<'_>,
        now: Timestamp,
    ) -> PartHeard {
        PartHeard::of(self.take_leave(bytes, from, directory, now))
    }

    fn take_leave(
        &mut self,
        bytes: &[u8],
        from: &Device,
        directory: &Directory<'_>,
        now: Timestamp,
    ) -> Result<PartOutcome, PartError> {
        let (group, roster) = decode_leave(bytes)?;
        if *group != self.id {
            return Err(PartError::UnknownGroup);
        }
        let identity = from.identity.encode();
        let known = directory.device(&identity, now).ok_or(PartError::NotAMember)?;
        // One that was removed says nothing for its person, though for a day it is read.
        if known.gone.is_some() || directory.is_in_question(from, now) {
            return Err(PartError::Former);
        }
        // Rosters that it has signed may stand before this, and are no invitation.
        self.invitation.take_if(|it| it.from.identity == from.identity);
        let owner = known.person.owner().encode();
        let Some(held) = self.rosters.get(roster) else {
            return Err(self.missing_roster(tag_of(roster), from, directory, now));
        };
        if !held.has(&owner) || held.is_admin(&owner) {
            return Err(PartError::NotAMember);
        }
        let is_over = self.rosters.lacks_since(roster, &owner);
        if is_over && !self.head().has(&owner) {
            // They tell it every day until they have heard.
            self.devices.at(&identity).behind = Some(Behind::Gone(tag_of(roster)));
        }
        if is_over || self.has_left(&owner) {
            return Ok(PartOutcome::Known);
        }
        self.note_left(owner, roster);
        Ok(PartOutcome::Held)
    }

    /// The user joins by the invitation; `None` if there is none.
    pub(crate) fn join_again(
        &mut self,
        directory: &Directory<'_>,
        now: Timestamp,
    ) -> Option<PartHeard> {
        let Invitation { roster, about, .. } = *self.invitation.take()?;
        let (hash, tag, about_hash) = (*roster.hash(), roster.tag(), roster.fields.about);
        let given_up: Vec<Tag> = self.rosters.iter().map(Roster::tag).collect();
        let us = self.devices.at(&self.us);
        given_up.into_iter().for_each(|tag| us.give_roster(tag, now));
        self.change_rosters(now, |rosters| *rosters = Rosters::new(roster));
        about.into_iter().for_each(|about| _ = self.abouts.insert(about_hash, about));
        Some(self.joined(&hash, tag, directory, now))
    }

    /// What waited for it before it was held.
    pub(crate) fn wait_for_all(
        &mut self,
        waiting: Vec<WaitingChain>,
        directory: &Directory<'_>,
        now: Timestamp,
    ) {
        for chain in &waiting {
            if let Some(fields) =
                chain.fields().ok().filter(|it| self.rosters.get(it.roster).is_none())
            {
                _ = self.missing_roster(tag_of(fields.roster), &chain.from, directory, now);
            }
        }
        self.waiting.wait_for_all(waiting);
    }

    /// What waits for its root is tried.
    pub(crate) fn joined(
        &mut self,
        root: &[u8; 32],
        tag: Tag,
        directory: &Directory<'_>,
        now: Timestamp,
    ) -> PartHeard {
        let mut heard = PartHeard::of(Ok(PartOutcome::Held));
        heard.unblocks.push(Unblocked::Roster(tag));
        self.try_waiting(root, &mut heard, directory, now);
        heard
    }
}
