//! Groups: what the user orders.

use evanesce::expiry::Now;
use evanesce::group::{Change, GroupChangeError, GroupId, Member, Role};
use evanesce::rand_core::CryptoRng;
use evanesce::{Device, IdentityKey};

use crate::command::{GroupCommand, GroupOrder};
use crate::content::{About, LONGEST_TITLE};
use crate::engine::state::{Engine, Place};
use crate::name::Name;
use crate::news::{News, Who};
use crate::notice::Notice;
use crate::view::{MemberView, Standing};

impl Engine {
    pub(super) fn obey_in_group(
        &mut self,
        command: GroupCommand,
        now: Now,
        rng: &mut dyn CryptoRng,
    ) -> Result<(), String> {
        match command {
            GroupCommand::Make { members, title } => self.make_group(&members, title, now, rng),
            GroupCommand::List => {
                self.list_groups(now);
                Ok(())
            }
            GroupCommand::Join(name) => self.join(&name, now),
            GroupCommand::Decline(name) => self.decline(&name),
            GroupCommand::Members(name) => self.show_members(&name),
            GroupCommand::Leave(name) => self.leave(&name, now, rng),
            GroupCommand::Change(name, order) => self.change_group(&name, order, now, rng),
        }
    }

    /// Makes a group of us and these people, who are invited.
    fn make_group(
        &mut self,
        members: &[Name],
        title: String,
        now: Now,
        rng: &mut dyn CryptoRng,
    ) -> Result<(), String> {
        let about = about(&title)?;
        let owners = members.iter().map(|name| self.owner_for_group(name));
        let owners = owners.collect::<Result<Vec<_>, _>>()?;
        let (account, contacts, time) = (&self.account, &mut self.contacts, now.timestamp());
        let made = self.own.create_group(account, contacts, &owners, &about, time, rng);
        let (group, outgoing) = made.map_err(refused)?;
        let id = group.id();
        self.groups.all.push(group);
        self.name_group(&id);
        self.send_to_group(Some(&id), None, outgoing, now, rng);
        self.want_member_lists(now);
        self.tell_group(&id, News::Made { by: Who::You, title });
        Ok(())
    }

    /// Somebody who can be brought into a group.
    fn owner_for_group(&self, name: &Name) -> Result<IdentityKey, String> {
        if self.is_us(name) || self.standing(name) == Standing::Blocked {
            return Err(format!("{name} cannot be invited"));
        }
        let unknown = || format!("no identity of {name} is known yet: write to them first");
        // Also somebody who is known from another group alone.
        let people = || self.contacts.people.iter().map(|person| *person.owner());
        let by_group = || people().find(|it| self.shares_group(it) && self.called(it) == *name);
        self.owner_of(name).or_else(by_group).ok_or_else(unknown)
    }

    /// The user joins where they are invited.
    pub(super) fn join(&mut self, name: &Name, now: Now) -> Result<(), String> {
        let id = self.group_of(name).ok_or_else(|| no_group(name))?;
        if !self.join_group(&id, now) {
            return Err(format!("nobody has invited you to {name}, or you are in it already"));
        }
        // Our other devices hear of it by this one, whoever invited them.
        let others: Vec<Device> = self.own_other_devices();
        if let Some(group) = self.groups.group_mut(&id) {
            let mut group = self.own.in_group(&self.account, group);
            for device in others {
                let _ = group.introduce(&device);
            }
        }
        Ok(())
    }

    /// The same, if there is an invitation.
    pub(super) fn join_group(&mut self, id: &GroupId, now: Now) -> bool {
        let Some(invitation) = self.invitation_to(id).map(|it| it.name()) else { return false };
        let joined = self.groups.join(&self.own, &self.contacts, &invitation, now.timestamp());
        let Some(heard) = joined else { return false };
        self.groups_changed(&heard.changes);
        self.pending.unblocked.extend(heard.unblocks);
        self.pending.group_catch_up = true;
        self.pending.group_wants = true;
        let title = self.title(id);
        if let Some(by) = self.made_by(id) {
            self.tell_group(id, News::Made { by, title: title.clone() });
        }
        self.tell_group(id, News::Joined { title });
        true
    }

    pub(super) fn decline(&mut self, name: &Name) -> Result<(), String> {
        let id = self.group_of(name).ok_or_else(|| no_group(name))?;
        if self.group_standing(&id) != Standing::Request {
            return Err(format!("nobody waits for an answer: /leave {name} leaves it"));
        }
        let changes = self.groups.decline(&id);
        self.groups_changed(&changes);
        if self.groups.group(&id).is_none() {
            self.forget_group(&id);
        }
        self.notice(Notice::Refused(name.clone()));
        Ok(())
    }

    fn leave(&mut self, name: &Name, now: Now, rng: &mut dyn CryptoRng) -> Result<(), String> {
        let id = self.group_of(name).ok_or_else(|| no_group(name))?;
        let group = self.groups.group_mut(&id).ok_or_else(|| not_joined(name))?;
        let mut group = self.own.in_group(&self.account, group);
        let left = group.leave(&mut self.contacts, now.timestamp(), rng);
        let outgoing = left.map_err(|error| match error {
            GroupChangeError::NotAnAdmin => {
                "an admin leaves on their first device, which steps down for them".into()
            }
            GroupChangeError::Malformed => {
                format!("you are its only admin: /admin {name} NAME makes another one first")
            }
            GroupChangeError::NothingToChange => format!("you are not in {name} any more"),
            other => refused(other),
        })?;
        self.fail_unsent_in(&id);
        self.send_to_group(Some(&id), None, outgoing, now, rng);
        Ok(())
    }

    /// An admin changes something.
    fn change_group(
        &mut self,
        name: &Name,
        order: GroupOrder,
        now: Now,
        rng: &mut dyn CryptoRng,
    ) -> Result<(), String> {
        let id = self.group_of(name).ok_or_else(|| no_group(name))?;
        let change = match order {
            GroupOrder::Invite(who) => Change::add(&self.owner_for_group(&who)?),
            GroupOrder::Kick(who) => Change::remove(&self.member(&id, &who)?),
            GroupOrder::Role(who, role) => Change::role(&self.member(&id, &who)?, role),
            GroupOrder::Title(title) => Change::about(about(&title)?),
            GroupOrder::SetsTimer(who) => Change::sets_timer(who),
        };
        let group = self.groups.group_mut(&id).ok_or_else(|| not_joined(name))?;
        let mut group = self.own.in_group(&self.account, group);
        let signed = group.change(&mut self.contacts, &change, now.timestamp(), rng);
        self.send_to_group(Some(&id), None, signed.map_err(refused)?, now, rng);
        Ok(())
    }

    /// Somebody of a group, by what they are called here.
    fn member(&self, id: &GroupId, who: &Name) -> Result<Member, String> {
        let members = self.groups.group(id).map(|group| group.members()).unwrap_or_default();
        let is_us = self.is_us(who);
        let is_it = |member: &Member| match self.who(&member.owner) {
            Who::You => is_us,
            Who::Somebody(name) => name == *who,
        };
        let found = members.into_iter().find(is_it);
        found.ok_or_else(|| format!("{who} is not in it: /members shows who is"))
    }

    fn show_members(&mut self, name: &Name) -> Result<(), String> {
        let id = self.group_of(name).ok_or_else(|| no_group(name))?;
        let invited = || self.invitation_to(&id);
        let members = match self.groups.group(&id) {
            Some(group) => group.members(),
            None => invited().map(|it| it.members()).unwrap_or_default(),
        };
        for Member { owner, role, is_withheld, .. } in members {
            let (group, who) = (name.clone(), self.who(&owner));
            self.notice(Notice::Member(MemberView { group, who, role, is_withheld }));
        }
        Ok(())
    }

    fn list_groups(&mut self, now: Now) {
        for id in self.group_notes.keys().copied().collect::<Vec<_>>() {
            let title = self.title(&id);
            let invitation = self.invitation_to(&id);
            let by = invitation.map(|it| {
                let person = self.contacts.person_of(it.from(), now.timestamp());
                person.map_or(it.from().identity, |(person, _)| *person.owner())
            });
            let group = self.groups.group(&id);
            let is_in = group.is_some_and(|group| group.is_member(&self.own));
            let members = group.map_or(0, |group| group.members().len());
            self.tell_group(
                &id,
                match by {
                    Some(by) if !is_in => {
                        let by = self.who(&by.encode());
                        News::Invites { by, title, again: group.is_some() }
                    }
                    _ if !is_in => News::Left(Who::You),
                    _ => News::Is { title, members },
                },
            );
        }
    }

    /// A device of ours was linked: it comes into all groups by this one.
    pub(super) fn introduce_in_groups(&mut self, device: &Device) {
        for place in 0..self.groups.all.len() {
            let Some(group) = self.groups.all.get_mut(place) else { continue };
            let introduced = self.own.in_group(&self.account, group).introduce(device);
            self.groups_changed(&introduced.changes);
        }
        self.pending.group_catch_up = true;
    }

    pub(super) fn own_other_devices(&self) -> Vec<Device> {
        let devices = self.own.person().list().map(|list| list.devices()).unwrap_or_default();
        let devices = devices.iter().map(|listed| &listed.device);
        devices.filter(|device| *device != self.own.device()).cloned().collect()
    }

    pub(super) fn check_group_writable(&self, name: &Name) -> Result<(), String> {
        match self.profile.place {
            Place::Owner | Place::Linked => {}
            Place::Linking | Place::Removed => return Err("this device sends nothing".into()),
        }
        match self.standing(name) {
            Standing::Request => Err(format!("you are invited: /join {name}, or /decline {name}")),
            Standing::Left => Err(format!("you are not in {name} any more")),
            Standing::New | Standing::Accepted | Standing::Blocked => Ok(()),
        }
    }

    /// Whether we may take back what others wrote there.
    pub(super) fn is_admin_of(&self, with: &Name) -> bool {
        let own = self.own.person().owner();
        let member = self.group(with).and_then(|group| group.member(own));
        member.is_some_and(|member| member.role == Role::Admin && !member.is_withheld)
    }
}

fn about(title: &str) -> Result<Vec<u8>, String> {
    if title.len() > LONGEST_TITLE {
        return Err(format!("the title has {} bytes, {LONGEST_TITLE} are the most", title.len()));
    }
    Ok(About { title: title.into() }.encode())
}

fn refused(error: GroupChangeError) -> String {
    match error {
        GroupChangeError::Removed => "this device was removed: it sends nothing".into(),
        GroupChangeError::NotAnAdmin => {
            "only an admin does that, on the first of their devices".into()
        }
        GroupChangeError::Outranked => "they were an admin before you: they decide".into(),
        GroupChangeError::NothingToChange => "it is so already".into(),
        _ => "it cannot be: who comes must not be in it, who goes must be, and one admin stays"
            .into(),
    }
}

fn no_group(name: &Name) -> String {
    format!("no group here is called {name}: /groups lists them")
}

fn not_joined(name: &Name) -> String {
    format!("you are not in it: /join {name}")
}
