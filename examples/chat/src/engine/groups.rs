//! Groups: what each is called here, what we are in it, and what its people are called.

use evanesce::IdentityKey;
use evanesce::expiry::MemberTag;
use evanesce::group::{Group, GroupChanges, GroupId, InvitationTo, SetsTimer};
use evanesce::person::Person as KnownPerson;

use crate::content::About;
use crate::engine::group_rows::GroupNotes;
use crate::engine::meeting::owners_name;
use crate::engine::message::Message;
use crate::engine::state::Engine;
use crate::name::Name;
use crate::news::{News, Who};
use crate::notice::Notice;
use crate::row::Row;
use crate::view::{Author, Standing, Writer};

impl Engine {
    /// The group whose conversation is called so.
    pub(super) fn group_of(&self, name: &Name) -> Option<GroupId> {
        let mut groups = self.group_notes.iter();
        groups.find(|(_, notes)| notes.name == *name).map(|(id, _)| *id)
    }

    pub(super) fn group(&self, name: &Name) -> Option<&Group> {
        self.groups.group(&self.group_of(name)?)
    }

    pub(super) fn name_of_group(&self, id: &GroupId) -> Option<Name> {
        self.group_notes.get(id).map(|notes| notes.name.clone())
    }

    pub(super) fn invitation_to(&self, id: &GroupId) -> Option<InvitationTo<'_>> {
        let mut invitations = self.groups.invitations(&self.own, self.looked_after);
        invitations.find(|invitation| invitation.group() == *id)
    }

    /// A conversation for a group, or for an invitation to one, called by its title.
    pub(super) fn name_group(&mut self, id: &GroupId) -> Name {
        if let Some(name) = self.name_of_group(id) {
            return name;
        }
        let first = Name::of_title(&self.title(id));
        let mut names = std::iter::once(first.clone()).chain((2..).map(|it| first.numbered(it)));
        let name = names.find(|name| !self.people.contains_key(name)).unwrap_or(first);
        self.meet(&name);
        self.put_group_notes(id, GroupNotes { name: name.clone() });
        name
    }

    pub(super) fn put_group_notes(&mut self, id: &GroupId, notes: GroupNotes) {
        self.write_as(Row::GroupNotes(*id), &notes);
        self.group_notes.insert(*id, notes);
    }

    /// Nothing is kept of an invitation that was declined.
    pub(super) fn forget_group(&mut self, id: &GroupId) {
        if let Some(notes) = self.group_notes.remove(id) {
            self.write_row(Row::GroupNotes(*id), None);
            self.write_row(Row::Contact(notes.name.clone()), None);
            self.people.remove(&notes.name);
        }
    }

    /// Its title, as an admin signed it.
    pub(super) fn title(&self, id: &GroupId) -> String {
        let group = || self.groups.group(id).and_then(Group::about);
        let about = self.invitation_to(id).and_then(|invitation| invitation.about()).or_else(group);
        about.and_then(About::decode).map_or_else(String::new, |about| about.title)
    }

    /// What we are in a group.
    pub(super) fn group_standing(&self, id: &GroupId) -> Standing {
        let is_member = self.groups.group(id).is_some_and(|group| group.is_member(&self.own));
        match (is_member, self.invitation_to(id)) {
            (true, _) => Standing::Accepted,
            (false, Some(_)) => Standing::Request,
            (false, None) => Standing::Left,
        }
    }

    /// Whether what we say of the timer counts in this conversation.
    pub(super) fn may_set_timer(&self, with: &Name) -> bool {
        !with.is_group() || self.group(with).is_some_and(|group| group.may_set_timer(&self.own))
    }

    /// Whether somebody is in a group with us, so that sessions may have begun that nobody asked for.
    pub(super) fn shares_group(&self, owner: &IdentityKey) -> bool {
        self.groups.all.iter().any(|group| group.member(owner).is_some())
    }

    /// Who of a group somebody is.
    pub(super) fn who(&self, owner: &[u8]) -> Who {
        if owner == self.own.person().owner().encode() {
            return Who::You;
        }
        Who::Somebody(match <[u8; 64]>::try_from(owner).map(|it| IdentityKey::decode(&it)) {
            Ok(Ok(identity)) => self.called(&identity),
            // A roster may have anything in an owner's place.
            _ => self.name_by_digits(owner),
        })
    }

    /// What somebody is called, of whom there may be no conversation: as their list says, if nobody else is called so.
    pub(super) fn called(&self, owner: &IdentityKey) -> Name {
        let listed =
            || self.contacts.person(owner).and_then(KnownPerson::list).and_then(owners_name);
        let is_free = |name: &Name| !self.people.contains_key(name) && !self.is_us(name);
        self.name_of(owner)
            .or_else(|| listed().filter(is_free))
            .unwrap_or_else(|| self.name_by_identity(owner))
    }

    /// Who of a group wrote a message.
    pub(super) fn writer(&self, message: &Message) -> Writer {
        match message.author {
            Author::Them if message.with.is_group() => Writer(self.called_by_tag(message.tag)),
            Author::Them | Author::Us => Writer(None),
        }
    }

    pub(super) fn called_by_tag(&self, tag: MemberTag) -> Option<Name> {
        let person = self.contacts.people.iter().find(|person| person.member_tag() == tag);
        person.map(|person| self.called(person.owner()))
    }

    /// Notes what a call of the library says that it changed of groups.
    pub(super) fn groups_changed(&mut self, changes: &GroupChanges) {
        self.changed(&changes.people);
        changes.groups.iter().for_each(|id| self.group_changed(id));
        if changes.invitations {
            self.invitations_changed();
        }
    }

    pub(super) fn tell_group(&mut self, id: &GroupId, news: News) {
        if let Some(name) = self.name_of_group(id) {
            self.notice(Notice::Group(name, news));
        }
    }

    /// Who made a group: the admin that it began with, while they are one.
    pub(super) fn made_by(&self, id: &GroupId) -> Option<Who> {
        let group = self.groups.group(id)?;
        let first = group
            .members()
            .into_iter()
            .find(|member| member.role == evanesce::group::Role::Admin && member.since == 0);
        first.map(|member| self.who(&member.owner))
    }

    /// Who may set the timer of a group, if it is not us.
    pub(super) fn timer_setters(&self, with: &Name) -> &'static str {
        match self.group(with).map(Group::sets_timer) {
            Some(SetsTimer::Members) | None => "who is in it sets its timer",
            Some(SetsTimer::Admins) => "its admins alone set its timer",
        }
    }
}
