//! Group: a message in, and the parts that came with it.

use alloc::boxed::Box;
use alloc::vec::Vec;

use crate::group::before::Before;
use crate::group::directory::Directory;
use crate::group::group_changes::GroupChanges;
use crate::group::group_delivered::GroupDelivered;
use crate::group::group_event::GroupEvent;
use crate::group::invitation::InvitingBack;
use crate::group::message_opening::{GroupDecryptError, Opened};
use crate::group::missing::Unblocked;
use crate::group::one_group::Group;
use crate::group::part_heard::{PartHeard, PartOutcome};
use crate::identity::Device;
use crate::person::contacts::Contacts;
use crate::person::other_person::{AdoptError, Person};
use crate::person::our_devices::OwnDevices;
use crate::person::people_changes::PeopleChanges;
use crate::person::person_event::{PartRefusal, PersonEvent};
use crate::person::standing::Standing;
use crate::person::verified_list::{ListError, VerifiedList};
use crate::report::evidence::Evidence;
use crate::session::decrypting::Received;
use crate::time::Timestamp;
use crate::wire::content_parts::{ContentParts, GroupPartKind, Part, PartKind};
use crate::wire::device_list::DeviceList;
use crate::wire::plaintext::Plaintext;
use crate::wire::suite::Suite;

/// How many lists of one message are verified: each costs up to 17 verifications.
const MOST_LISTS: usize = 8;

impl Group {
    /// Whether a message is of this group: whether a secret that is held opens its header. The rest may be altered or
    /// repeated, and then it is refused. Changes nothing; costs four openings of a header at most.
    #[must_use]
    pub fn knows(&self, message: &[u8]) -> bool {
        self.opens_header(message)
    }

    /// Decrypts a message to the group that was bound to `ad`, and acts on what came with it. Draws nothing.
    ///
    /// # Errors
    ///
    /// A [`GroupDecryptError`]; nothing has changed then, but what is missing is remembered, to be
    /// [asked for](crate::group::InGroup::ask): store the group after [`GroupDecryptError::Missing`] and
    /// [`GroupDecryptError::Forked`], and after [`GroupDecryptError::Former`]: who went and writes is told.
    pub fn decrypt(
        &mut self,
        own: &mut OwnDevices,
        contacts: &mut Contacts,
        message: &[u8],
        ad: &[u8],
        now: Timestamp,
    ) -> Result<GroupDelivered, GroupDecryptError> {
        let opened = self.open(message, ad, &Directory { own, contacts }, now)?;
        let Opened { owner, device, roster, padded, opening, commitment } = opened;
        let plaintext = Plaintext::cut(&padded, Suite::Classical)?;
        let evidence = Evidence::of(Suite::Classical, opening, commitment, &plaintext);
        let Plaintext { front: _, parts, stamp, body, zeros: _ } = plaintext;
        let received = Received {
            body: body.to_vec(),
            stamp,
            dropped_keys: 0,
            peer_went_back: false,
            evidence: Some(evidence),
            parts: ContentParts::none(),
        };
        let is_control = !parts.is_empty() && received.body.is_empty();
        let mut acting = Acting {
            group: self,
            own,
            contacts,
            from: &device,
            now,
            lists_left: MOST_LISTS,
            events: Vec::new(),
            people: Vec::new(),
            unblocks: Vec::new(),
            skipped: Vec::new(),
            changes: PeopleChanges::none(),
            inviting: InvitingBack::default(),
        };
        parts.iter().for_each(|part| acting.take(part));
        let Acting { mut events, people, unblocks, skipped, changes, .. } = acting;
        let directory = Directory { own, contacts };
        events.extend(self.tell_invitation(&directory.owner(), now));
        let known = directory.device(&device.identity.encode(), now);
        let (person, standing) = known.map_or((device.identity, Standing::Alone), |known| {
            (*known.person.owner(), known.person.standing(&device, now))
        });
        let is_own = owner == directory.owner();
        let (may_set_timer, may_take_back) = (self.may_set(&owner), self.head().is_admin(&owner));
        let mut changed = GroupChanges::of_group(self.id());
        changed.add_people(changes);
        Ok(GroupDelivered {
            received,
            group: self.id(),
            is_unconfirmed: is_own && own.unconfirmed().contains(&device),
            device,
            standing,
            person,
            is_own,
            may_set_timer,
            may_take_back,
            roster,
            events,
            people,
            unblocks,
            is_control,
            skipped_parts: skipped,
            changes: changed,
        })
    }
}

/// A message whose parts are acted on.
struct Acting<'a> {
    group: &'a mut Group,
    own: &'a mut OwnDevices,
    contacts: &'a mut Contacts,
    from: &'a Device,
    now: Timestamp,
    lists_left: usize,
    events: Vec<GroupEvent>,
    people: Vec<PersonEvent>,
    unblocks: Vec<Unblocked>,
    skipped: Vec<u8>,
    changes: PeopleChanges,
    inviting: InvitingBack,
}

impl Acting<'_> {
    fn take(&mut self, part: Part<'_>) {
        let kind = match part.kind {
            PartKind::OfGroups(kind) if Group::has_place_in_message(part.kind) => kind,
            PartKind::List => {
                if let Err(reason) = self.take_list(part.bytes) {
                    self.people.push(PersonEvent::Refused { part: part.kind.byte(), reason });
                }
                return;
            }
            PartKind::Asks
            | PartKind::Answers
            | PartKind::Copy
            | PartKind::LinkOffer
            | PartKind::LinkConsent
            | PartKind::Events
            | PartKind::OfGroups(_)
            | PartKind::Unknown(_) => {
                self.skipped.push(part.kind.byte());
                return;
            }
        };
        let directory = Directory { own: self.own, contacts: self.contacts };
        let (events, heard) = self.group.hear_part(
            kind,
            part.bytes,
            self.from,
            &directory,
            self.now,
            &mut self.inviting,
        );
        self.events.extend(events);
        self.unblocks.extend(heard.unblocks);
    }

    /// That of the sender's person is adopted; any other is given out.
    fn take_list(&mut self, bytes: &[u8]) -> Result<(), PartRefusal> {
        let known = Directory { own: self.own, contacts: self.contacts };
        let known = known.device(&self.from.identity.encode(), self.now);
        let Some(person) = known.map(|known| known.person) else { return Ok(()) };
        if person.list().is_some_and(|list| list.as_bytes() == bytes) {
            return Ok(());
        }
        let owner = *person.owner();
        self.lists_left = self.lists_left.checked_sub(1).ok_or(PartRefusal::TooManyLists)?;
        let list = DeviceList::decode(bytes).map_err(ListError::from);
        let list = list.and_then(|list| list.verify(self.now)).map_err(PartRefusal::List)?;
        if *list.owner() != owner {
            self.people.push(PersonEvent::Given(Box::new(list)));
            return Ok(());
        }
        let (events, changes) = adopt(self.own, self.contacts, list, self.now)?;
        self.unblocks.extend(Unblocked::of_people(&events));
        self.people.extend(events);
        self.changes = core::mem::take(&mut self.changes).and(changes);
        Ok(())
    }
}

/// Adopts a list of our own person or of somebody who is known.
pub(crate) fn adopt(
    own: &mut OwnDevices,
    contacts: &mut Contacts,
    list: VerifiedList,
    now: Timestamp,
) -> Result<(Vec<PersonEvent>, PeopleChanges), PartRefusal> {
    let adopted = if list.owner() == own.person().owner() {
        let adopted = own.adopt(list, now);
        let mut changes = PeopleChanges::none();
        changes.own = matches!(adopted, Ok(Some(_)));
        adopted.map(|event| (event.into_iter().collect(), changes))
    } else {
        contacts.adopt(own, list, now)
    };
    adopted.map_err(|error| match error {
        AdoptError::OlderList => PartRefusal::OlderList,
        AdoptError::NotNamed => PartRefusal::NotNamed,
        AdoptError::Expired => PartRefusal::Expired,
        AdoptError::OtherOwner => PartRefusal::List(ListError::BadSignature),
    })
}

impl Group {
    /// Acts on a part of the group's own, and tells what is to be shown of it. Behind the last one of a message
    /// [`Group::tell_invitation`] is due.
    pub(crate) fn hear_part(
        &mut self,
        kind: GroupPartKind,
        bytes: &[u8],
        from: &Device,
        directory: &Directory<'_>,
        now: Timestamp,
        inviting: &mut InvitingBack,
    ) -> (Vec<GroupEvent>, PartHeard) {
        let (before, group) = (Before::of(self), self.id());
        let heard = match kind {
            GroupPartKind::Roster => self.hear_roster(bytes, from, directory, now, inviting),
            GroupPartKind::About => self.hear_about(bytes),
            GroupPartKind::Leave => self.hear_leave(bytes, from, directory, now),
            GroupPartKind::Distribution => self.hear_distribution(bytes, from, directory, now),
            // It is answered elsewhere.
            GroupPartKind::Want => PartHeard::of(Ok(PartOutcome::Known)),
        };
        let mut events = Vec::new();
        if let Err(reason) = heard.outcome {
            events.push(GroupEvent::Refused { part: kind.byte(), reason });
        }
        if kind == GroupPartKind::Leave && heard.outcome == Ok(PartOutcome::Held) {
            let known = directory.device(&from.identity.encode(), now);
            let owner = known.map(|known| known.person).map(Person::owner);
            events.extend(owner.map(|owner| GroupEvent::Left { group, owner: owner.encode() }));
        }
        let change = before.change(self);
        events.extend(change.map(|change| GroupEvent::Changed { group, change }));
        (events, heard)
    }
}
