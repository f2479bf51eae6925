//! Group: what is missing is asked for, and what others miss answered.

use alloc::borrow::Cow;
use alloc::vec::Vec;

use rand_core::CryptoRng;

use crate::group::asking_fields::Asked;
use crate::group::directory::Directory;
use crate::group::group_device::{GroupDevice, MOST_ANSWERS};
use crate::group::moment::Moment;
use crate::group::one_group::Group;
use crate::group::own_chain::PRESENT;
use crate::group::part_checks::check_device;
use crate::group::part_heard::PartError;
use crate::group::steps::push_roster;
use crate::group::wanted::is_day_over;
use crate::identity::Device;
use crate::time::Timestamp;
use crate::wire::content_parts::{ContentParts, PartKind};
use crate::wire::distribution::{WantFields, WantKind};
use crate::wire::group_message::Tag;
use crate::wire::roster::OwnerBytes;

/// A name that means the present chain, or that no roster is held.
const NONE: Tag = [0; 8];

/// How many rosters of the head's branch an answer has at most.
const MOST_ROSTERS: usize = 16;

impl Group {
    /// What to ask now, and of whom: each once a day.
    pub(crate) fn take_wants(&mut self, moment: &Moment<'_>) -> Vec<Asked> {
        let (directory, now) = (&moment.directory, moment.now);
        let (group, have) = (self.id, self.rosters.head().tag());
        let mut asked = Vec::new();
        let tags = self.wanted.due(now).map(|name| name.of).collect();
        let identities = directory.tagged_any(&tags, now);
        for name in self.wanted.due(now) {
            let identity = identities.get(&name.of);
            let known = identity.and_then(|identity| directory.device(identity, now));
            // Who is gone from its list is not asked.
            if let Some(known) = known.filter(|known| known.gone.is_none()) {
                let want = WantFields { group, kind: name.kind, tag: name.tag, have };
                let is_reached = (moment.can_reach)(known.device);
                asked.push(Asked { of: known.device.clone(), want, is_reached });
                if is_reached {
                    name.ask(now);
                }
            }
        }
        asked.extend(self.want_secret(moment));
        asked
    }

    /// The present chain of the head's signer, which brings its secret.
    fn want_secret(&mut self, moment: &Moment<'_>) -> Option<Asked> {
        let (directory, now) = (&moment.directory, moment.now);
        let head = self.rosters.head();
        let signer = head.fields.signer;
        let is_held = self.secrets.get(&head.fields.seal).is_some();
        // Who is not in the group is answered by nobody. One whom a roster dropped that lost elsewhere is: they ask for a day, and
        // after that the first message that comes from there shows them what counts.
        let user = directory.owner();
        let is_in =
            if head.has(&user) { !self.has_left(&user) } else { self.went_lately(&user, now) };
        let is_needed = is_in && !is_held && signer != self.us;
        if !is_needed {
            self.secret_asked = None;
            return None;
        }
        let known = directory.device(&signer, now).filter(|known| known.gone.is_none())?;
        let of = known.device.identity.member_tag().0;
        let asked = self.secret_asked.filter(|(whom, _)| *whom == of);
        if asked.is_some_and(|(_, at)| !is_day_over(at, now)) {
            return None;
        }
        let is_reached = (moment.can_reach)(known.device);
        if is_reached {
            self.secret_asked = Some((of, now));
        }
        let want =
            WantFields { group: self.id, kind: WantKind::Chain, tag: NONE, have: head.tag() };
        Some(Asked { of: known.device.clone(), want, is_reached })
    }

    // docs/protocol.md §18.5
    pub(crate) fn answer_want(
        &mut self,
        want: &WantFields,
        from: &Device,
        directory: &Directory<'_>,
        now: Timestamp,
        rng: &mut (impl CryptoRng + ?Sized),
    ) -> Result<ContentParts, PartError> {
        check_device(from, directory, now)?;
        let identity = from.identity.encode();
        let recipients = self.recipients(directory, now);
        if !recipients.iter().any(|device| device.identity == from.identity) {
            return Err(PartError::NotAMember);
        }
        let tag = Some(want.tag).filter(|_| want.kind != WantKind::Renew);
        let was_answered = self.devices.get(&identity);
        let has_enough = |device: &GroupDevice| {
            device.was_answered(want.kind, tag, now)
                || device.answers(want.kind, now) >= MOST_ANSWERS
        };
        if was_answered.is_some_and(has_enough) {
            return Ok(ContentParts::none());
        }
        let (parts, is_answered) = match want.kind {
            WantKind::Chain => {
                let parts =
                    self.answer_chain(want.tag, &identity, &recipients, directory, now, rng)?;
                let is_answered = !parts.is_empty();
                (parts, is_answered)
            }
            WantKind::Roster => {
                let parts = self.answer_rosters(want);
                let is_answered = !parts.is_empty();
                (parts, is_answered)
            }
            WantKind::Renew => {
                let present = self.chains.present().map(|chain| chain.name.tag());
                let askers = self.devices.iter().map(|(_, device)| device);
                let renewed = askers.filter(|it| it.answers(WantKind::Renew, now) != 0).count();
                let is_present = present == Some(want.tag) && renewed < MOST_ANSWERS;
                self.renews |= is_present;
                (ContentParts::none(), is_present)
            }
        };
        if is_answered {
            self.devices.at(&identity).note_answer(want.kind, want.tag, now);
        }
        Ok(parts)
    }

    fn answer_chain(
        &mut self,
        tag: Tag,
        identity: &OwnerBytes,
        recipients: &[Cow<'_, Device>],
        directory: &Directory<'_>,
        now: Timestamp,
        rng: &mut (impl CryptoRng + ?Sized),
    ) -> Result<ContentParts, PartError> {
        if self.secrets.get(&self.head().fields.seal).is_none() {
            return Err(PartError::NoRosterSecret);
        }
        self.chains.maintain(now);
        let place = if tag == NONE {
            self.begin_chain_if_due(recipients, now, rng);
            self.note_recipients(recipients, directory, now);
            Some(PRESENT)
        } else {
            let mut chains = self.chains.iter();
            chains.find(|(_, chain)| chain.name.tag() == tag).map(|(place, _)| place)
        };
        let mut parts = ContentParts::none();
        if let Some(distribution) = place.and_then(|place| self.give_chain(place, identity)) {
            parts.push(PartKind::DISTRIBUTION, &distribution);
        }
        Ok(parts)
    }

    fn answer_rosters(&self, want: &WantFields) -> ContentParts {
        let mut parts = ContentParts::none();
        if self.rosters.tagged(want.tag).next().is_none() {
            return parts;
        }
        if want.have == NONE {
            push_roster(self.head(), &mut parts);
        } else {
            let have = self.rosters.tagged(want.have).next().map(|roster| *roster.hash());
            // All, where it is not held.
            let lacks: Vec<_> = self.rosters.after_fork(&have.unwrap_or_default()).collect();
            let excess = lacks.len().saturating_sub(MOST_ROSTERS);
            lacks.iter().skip(excess).for_each(|roster| push_roster(roster, &mut parts));
            self.rosters.others().iter().for_each(|roster| push_roster(roster, &mut parts));
        }
        self.push_about(&mut parts);
        parts
    }
}
