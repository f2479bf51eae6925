//! Receiving from groups: messages, what waits for something that is missing, and what became known of a group.

use evanesce::IdentityKey;
use evanesce::expiry::Now;
use evanesce::group::{
    GroupChange, GroupDecryptError, GroupDelivered, GroupEvent, GroupId, HeldMessages,
};
use evanesce::person::{PersonDelivered, PersonEvent, Standing as DeviceStanding};
use evanesce::rand_core::CryptoRng;

use crate::engine::contents::{Origin, Rights};
use crate::engine::group_rows::{HeldLetter, HeldOf};
use crate::engine::lists::IsFirst;
use crate::engine::sending::NO_AD;
use crate::engine::state::{Engine, keys_where};
use crate::news::News;
use crate::notice::Notice;
use crate::request::Mark;
use crate::row::Row;
use crate::view::Author;

impl Engine {
    /// Takes a message to a group, if it is one.
    pub(super) fn take_in_of_group(
        &mut self,
        bytes: &[u8],
        mark: Option<&Mark>,
        now: Now,
        rng: &mut dyn CryptoRng,
    ) -> bool {
        let of = self.groups.all.iter().find(|group| group.knows(bytes)).map(|it| it.id());
        match self.decrypt_of_group(bytes, mark, now, rng) {
            Ok(()) => {}
            Err(GroupDecryptError::Malformed | GroupDecryptError::Unsupported) if of.is_none() => {
                return false;
            }
            Err(error) => {
                let kept =
                    self.held.messages.entry(of).or_default().refused(&error, now.timestamp());
                if let Some(number) = kept.number {
                    let letter = HeldLetter { bytes: bytes.to_vec(), mark: mark.cloned() };
                    self.write_as(Row::HeldMessage(of, number), &letter);
                    self.held.letters.insert((of, number), letter);
                }
                let is_lost = kept.number.is_none() && is_lost(&error);
                self.forget_held(of, &kept.dropped, usize::from(is_lost));
                self.refused_of_group(of, &error);
            }
        }
        true
    }

    fn decrypt_of_group(
        &mut self,
        bytes: &[u8],
        mark: Option<&Mark>,
        now: Now,
        rng: &mut dyn CryptoRng,
    ) -> Result<(), GroupDecryptError> {
        let before = self.people_with_lists();
        let (own, contacts) = (&mut self.own, &mut self.contacts);
        let delivered = self.groups.decrypt(own, contacts, bytes, NO_AD, now.timestamp())?;
        self.came_of_group(delivered, &before, mark, now, rng);
        Ok(())
    }

    /// What is missing is asked for.
    fn refused_of_group(&mut self, of: HeldOf, error: &GroupDecryptError) {
        if let (
            Some(id),
            GroupDecryptError::Missing(_) | GroupDecryptError::Forked | GroupDecryptError::Former,
        ) = (of, error)
        {
            self.group_changed(&id);
            self.pending.group_wants = true;
        }
    }

    /// Deletes what waits no more; says how many messages are lost by that, beside so many others.
    pub(super) fn forget_held(&mut self, of: HeldOf, numbers: &[u64], others: usize) {
        self.held_changed(of);
        for number in numbers {
            self.write_row(Row::HeldMessage(of, *number), None);
            self.held.letters.remove(&(of, *number));
        }
        // Of what opened no header nobody knows whether it was anything.
        let lost = numbers.len().saturating_add(others);
        if let (Some(id), 1..) = (of, lost) {
            self.tell_group(&id, News::Unreadable(lost));
        }
    }

    /// Offers again what waits for what is newly held.
    pub(super) fn offer_held_again(&mut self, now: Now, rng: &mut dyn CryptoRng) {
        loop {
            let unblocked = std::mem::take(&mut self.pending.unblocked);
            if unblocked.is_empty() {
                return;
            }
            let of = |(of, held): (&HeldOf, &HeldMessages)| {
                let of = *of;
                held.due(&unblocked).into_iter().map(move |number| (of, number)).collect::<Vec<_>>()
            };
            let due: Vec<(HeldOf, u64)> = self.held.messages.iter().flat_map(of).collect();
            for (of, number) in due {
                self.offer_held(of, number, now, rng);
            }
        }
    }

    fn offer_held(&mut self, of: HeldOf, number: u64, now: Now, rng: &mut dyn CryptoRng) {
        let Some(HeldLetter { bytes, mark }) = self.held.letters.get(&(of, number)).cloned() else {
            return;
        };
        let outcome = self.decrypt_of_group(&bytes, mark.as_ref(), now, rng);
        let Some(held) = self.held.messages.get_mut(&of) else { return };
        let (waits, is_lost) = match &outcome {
            Ok(()) => {
                held.opened(number);
                (false, false)
            }
            Err(error) => (held.refused_again(number, error), is_lost(error)),
        };
        self.held_changed(of);
        if let Err(error) = &outcome {
            let of = self.groups.all.iter().find(|group| group.knows(&bytes)).map(|it| it.id());
            self.refused_of_group(of, error);
        }
        if !waits {
            self.write_row(Row::HeldMessage(of, number), None);
            self.held.letters.remove(&(of, number));
            if let (true, Some(id)) = (is_lost, of) {
                self.tell_group(&id, News::Unreadable(1));
            }
        }
    }

    fn people_with_lists(&self) -> Vec<IdentityKey> {
        let people = self.contacts.people.iter().filter(|person| person.list().is_some());
        people.map(|person| *person.owner()).collect()
    }

    fn came_of_group(
        &mut self,
        delivered: GroupDelivered,
        before: &[IdentityKey],
        mark: Option<&Mark>,
        now: Now,
        rng: &mut dyn CryptoRng,
    ) {
        self.groups_changed(&delivered.changes);
        let tag = delivered.author();
        let GroupDelivered { received, group, device, standing, events, people, unblocks, .. } =
            delivered;
        self.pending.unblocked.extend(unblocks);
        self.people_became_known(people, before, now);
        self.tell_group_events(events, now);
        if delivered.is_unconfirmed {
            let name = &device.address;
            let text = format!("{name} writes as yours: /confirm {name} or /remove {name}");
            return self.notice(Notice::Trouble(text));
        }
        let Some(with) = self.name_of_group(&group) else { return };
        let author = if delivered.is_own { Author::Us } else { Author::Them };
        let rights =
            Rights { sets_timer: delivered.may_set_timer, takes_back: delivered.may_take_back };
        let origin = Origin { with, tag, author, remark: remark(standing), rights };
        self.received(&origin, received, mark.cloned(), now, rng);
    }

    /// A message of a session came, with which something may have come of groups.
    pub(super) fn hear_of_groups(
        &mut self,
        delivered: &PersonDelivered,
        before: &[IdentityKey],
        now: Now,
    ) {
        let (own, contacts) = (&mut self.own, &mut self.contacts);
        let heard = self.groups.hear(own, contacts, delivered, now.timestamp());
        self.groups_changed(&heard.changes);
        self.pending.unblocked.extend(heard.unblocks);
        self.pending.heard_wants.extend(heard.wants);
        self.pending.group_wants |= !delivered.group_parts.is_empty();
        self.pending.group_catch_up |= delivered.delivered.began_session;
        self.people_became_known(heard.people, before, now);
        self.tell_group_events(heard.events, now);
    }

    fn people_became_known(&mut self, events: Vec<PersonEvent>, before: &[IdentityKey], now: Now) {
        for event in events {
            let is_first = match &event {
                PersonEvent::Adopted { owner, .. } if !before.contains(owner) => IsFirst::Yes,
                _ => IsFirst::No,
            };
            // What others pass on of third people is nothing to build on.
            if !matches!(event, PersonEvent::Given(_) | PersonEvent::Known(_)) {
                self.person_event(event, is_first, now);
            }
        }
    }

    pub(super) fn tell_group_events(&mut self, events: Vec<GroupEvent>, now: Now) {
        for event in events {
            match event {
                GroupEvent::Invited { group, by, again } => {
                    let is_ours = self.own.person().standing(&by, now.timestamp()).counts()
                        && !self.own.unconfirmed().contains(&by);
                    // It may come more than once.
                    let is_known = self.name_of_group(&group).is_some();
                    self.name_group(&group);
                    if is_known && !again && !is_ours {
                        continue;
                    }
                    if is_ours {
                        // The user has joined on another device.
                        self.join_group(&group, now);
                        continue;
                    }
                    let person = self.contacts.person_of(&by, now.timestamp());
                    let by = person.map_or(by.identity, |(person, _)| *person.owner());
                    let (by, title) = (self.who(&by.encode()), self.title(&group));
                    self.tell_group(&group, News::Invites { by, title, again });
                }
                GroupEvent::Changed { group, change } => self.tell_change(&group, &change),
                GroupEvent::Left { group, owner } => {
                    let who = self.who(&owner);
                    self.tell_group(&group, News::Left(who));
                }
                // A part that was refused is nothing to show.
                _ => {}
            }
        }
    }

    /// What another roster says that is different.
    fn tell_change(&mut self, id: &GroupId, change: &GroupChange) {
        self.pending.group_catch_up = true;
        let GroupChange { came, went, left, roles, about, sets_timer, .. } = change;
        for owner in came {
            self.tell_newcomer(id, *owner);
        }
        // Of who left it is no news that they are dropped.
        for owner in went.iter().filter(|owner| !left.contains(owner)) {
            let who = self.who(owner);
            self.tell_group(id, News::Gone(who));
            if *owner == self.own.person().owner().encode() {
                self.fail_unsent_in(id);
            }
        }
        for (owner, role) in roles {
            let who = self.who(owner);
            self.tell_group(id, News::Role(who, *role));
        }
        if *about {
            let title = self.title(id);
            self.tell_group(id, News::Title(title));
        }
        if let Some(who) = sets_timer {
            self.tell_group(id, News::SetsTimer(*who));
        }
    }

    /// Of what was written there nothing more goes.
    pub(super) fn fail_unsent_in(&mut self, id: &GroupId) {
        let Some(name) = self.name_of_group(id) else { return };
        for number in keys_where(&self.drafts, |draft| draft.to == name) {
            let message = self.drop_draft(number).and_then(|draft| draft.message);
            self.fail(message, "you are not in the group any more");
        }
    }

    /// What is due in groups at each start and once a day.
    pub(super) fn maintain_groups(&mut self, now: Now, rng: &mut dyn CryptoRng) {
        let (account, contacts, time) = (&self.account, &mut self.contacts, now.timestamp());
        self.looked_after = time;
        let due = self.groups.maintain(&self.own, account, contacts, time, rng);
        self.send_to_group(None, None, due, now, rng);
        for of in self.held.messages.keys().copied().collect::<Vec<_>>() {
            let held = self.held.messages.get_mut(&of);
            let over = held.map(|held| held.maintain(time)).unwrap_or_default();
            if !over.is_empty() {
                self.forget_held(of, &over, 0);
            }
        }
        self.want_member_lists(now);
        self.pending.group_wants = true;
    }
}

/// Whether a refused message was one that should have been read, and never can be.
fn is_lost(error: &GroupDecryptError) -> bool {
    matches!(
        error,
        GroupDecryptError::Forked | GroupDecryptError::Expired | GroupDecryptError::SenderAtFault
    )
}

/// What is shown behind a text of a device that is, or may be, no longer theirs.
pub fn remark(standing: DeviceStanding) -> &'static str {
    match standing {
        DeviceStanding::Removed => " (from a device that was removed)",
        DeviceStanding::Stale => " (from a device that may have been removed)",
        _ => "",
    }
}
