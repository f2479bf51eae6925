//! Who is who: from the name of a conversation to a person, and to the devices that this person has.

use evanesce::expiry::{ConversationId, Now};
use evanesce::person::{ContactDecision, Obstacle, Person as KnownPerson};
use evanesce::{Contact, Device, IdentityKey, Peer, SessionNeed};

use crate::engine::person::{conversation, conversation_by_name};
use crate::engine::state::Engine;
use crate::name::Name;
use crate::view::{Standing, Trust, Window};

impl Engine {
    pub(super) fn owner_of(&self, with: &Name) -> Option<IdentityKey> {
        self.people.get(with)?.notes.owner
    }

    /// What the conversation with somebody is called here.
    pub(super) fn name_of(&self, owner: &IdentityKey) -> Option<Name> {
        let people = || self.people.iter();
        let found = people().find(|(_, person)| person.notes.owner.as_ref() == Some(owner));
        found.map(|(name, _)| name.clone())
    }

    /// What the scheduler calls it.
    pub(super) fn conversation(&self, with: &Name) -> ConversationId {
        if let Some(id) = self.group_of(with) {
            return ConversationId::named(id.as_bytes());
        }
        self.owner_of(with).map_or_else(|| conversation_by_name(with), |it| conversation(&it))
    }

    /// All that it was ever called.
    pub(super) fn conversations(&self, with: &Name) -> Vec<ConversationId> {
        let former = self.people.get(with).into_iter().flat_map(|it| &it.notes.former);
        let mut all: Vec<_> = [self.conversation(with), conversation_by_name(with)].into();
        all.extend(former);
        all.dedup();
        all
    }

    pub(super) fn named(&self, id: &ConversationId) -> Option<Name> {
        self.people.keys().find(|name| self.conversations(name).contains(id)).cloned()
    }

    pub(super) fn peer(&self, device: &Name) -> Option<&Peer> {
        self.contacts.peer(&device.address())
    }

    pub(super) fn peer_mut(&mut self, device: &Name) -> Option<&mut Peer> {
        let address = device.address();
        self.contacts.peers.iter_mut().find(|peer| *peer.address() == address)
    }

    /// Somebody as the library knows them.
    pub(super) fn known(&self, with: &Name) -> Option<&KnownPerson> {
        self.contacts.person(&self.owner_of(with)?)
    }

    /// The devices of somebody of whom something is known beside their place in a list.
    pub(super) fn peers_of(&self, with: &Name) -> impl Iterator<Item = &Peer> {
        let owner = self.owner_of(with);
        let list = self.known(with).and_then(KnownPerson::list);
        self.contacts.peers.iter().filter(move |peer| {
            let is_listed = |device: &Device| list.is_some_and(|list| list.lists(device));
            let is_theirs = |device: &Device| Some(device.identity) == owner || is_listed(device);
            peer.device().as_ref().is_some_and(is_theirs)
        })
    }

    pub(super) fn devices_known(&self, with: &Name) -> Vec<Name> {
        self.peers_of(with).filter_map(|peer| Name::of(peer.address())).collect()
    }

    /// Their first device, which says who they are.
    pub(super) fn owners_peer(&self, with: &Name) -> Option<&Peer> {
        let owner = self.owner_of(with)?;
        self.peers_of(with).find(|peer| peer.contact().identity() == Some(owner))
    }

    /// The conversation of whoever has this device; nothing, if it is ours or of nobody.
    pub(super) fn with_device(&self, device: &Name) -> Option<Name> {
        let address = device.address();
        let lists = |name: &&Name| {
            let list = self.known(name).and_then(KnownPerson::list);
            list.is_some_and(|list| list.devices().iter().any(|it| it.device.address == address))
        };
        let has = |name: &&Name| self.peers_of(name).any(|peer| *peer.address() == address);
        let by_peer = || self.people.keys().find(has);
        let by_list = || self.people.keys().find(lists);
        by_peer()
            .or_else(by_list)
            .or_else(|| self.people.get_key_value(device).map(|(it, _)| it))
            .cloned()
    }

    /// A device of this address as the list of its person has it, ours included.
    pub(super) fn listed_device(&self, with: &Name, device: &Name) -> Option<Device> {
        let address = device.address();
        let person = if self.is_us(with) { Some(self.own.person()) } else { self.known(with) };
        let mut listed = person.and_then(KnownPerson::list)?.devices().iter();
        listed.find(|it| it.device.address == address).map(|it| it.device.clone())
    }

    /// Whether this is what others call us: no conversation is called so.
    pub(super) fn is_us(&self, name: &Name) -> bool {
        *name == self.profile.person
    }

    /// Whether a device is one of our own others.
    pub(super) fn is_own_device(&self, device: &Name) -> bool {
        self.listed_device(&self.profile.person, device).is_some()
    }

    /// Whom what is written to somebody goes to: their devices, and our own others.
    pub(super) fn recipients(&self, with: &Name, now: Now) -> (Vec<Device>, Vec<Device>) {
        let now = now.timestamp();
        let theirs = self.known(with).map(|person| person.devices(now).unwrap_or_default());
        let mut theirs: Vec<Device> = theirs.unwrap_or_default().into_iter().cloned().collect();
        let has_list = self.known(with).is_some_and(|person| person.list().is_some());
        if !has_list {
            theirs.extend(self.owners_peer(with).and_then(Peer::device));
        }
        let ours = self.own.person().devices(now).unwrap_or_default().into_iter();
        let ours = ours.filter(|device| *device != self.own.device()).cloned().collect();
        (theirs, ours)
    }

    /// Why a message does not reach a device now: nothing, if it does.
    pub(super) fn hindrance(&self, device: &Device, now: Now) -> Option<Obstacle> {
        let peer = self.contacts.peer(&device.address);
        let Some(peer) = peer.filter(|it| it.contact().identity() == Some(device.identity)) else {
            return Some(Obstacle::NeedsSession);
        };
        if !peer.contact().may_be_written_to() {
            return Some(Obstacle::Request);
        }
        if peer.undecided_identity().is_some() {
            return Some(Obstacle::IdentityUndecided);
        }
        // What is written into a session that one side has lost is lost too: a bundle comes first.
        match peer.session_need(now.timestamp()) {
            Some(SessionNeed::Lost | SessionNeed::NoSession) => Some(Obstacle::NeedsSession),
            _ => None,
        }
    }

    /// Whether a file of this conversation is for more devices than one on either side.
    pub(super) fn is_for_several(&self, with: &Name) -> bool {
        let has_several =
            |person: &KnownPerson| person.list().is_some_and(|list| list.devices().len() > 1);
        with.is_group()
            || has_several(self.own.person())
            || self.known(with).is_some_and(has_several)
    }

    pub(super) fn standing(&self, with: &Name) -> Standing {
        if let Some(id) = self.group_of(with) {
            return self.group_standing(&id);
        }
        match self.known(with).and_then(KnownPerson::decision) {
            Some(ContactDecision::Accepted) => return Standing::Accepted,
            Some(ContactDecision::Request) => return Standing::Request,
            Some(ContactDecision::Refused) => return Standing::Blocked,
            _ => {}
        }
        let contacts = || self.peers_of(with).map(Peer::contact);
        if contacts().any(|contact| matches!(contact, Contact::Refused(_))) {
            Standing::Blocked
        } else if contacts().any(|contact| matches!(contact, Contact::Accepted(_))) {
            Standing::Accepted
        } else if contacts().any(|contact| matches!(contact, Contact::Request(_))) {
            Standing::Request
        } else {
            // Whatever a later release adds is nobody to write to as if they were known.
            Standing::New
        }
    }

    pub(super) fn trust(&self, with: &Name) -> Trust {
        if self.owners_peer(with).is_some_and(|peer| peer.undecided_identity().is_some()) {
            Trust::Changed
        } else if self.known(with).is_some_and(KnownPerson::is_verified) {
            Trust::Verified
        } else {
            Trust::Claimed
        }
    }

    /// Whether anything may leave for them: not before a request is accepted, not while the user has to decide
    /// about another identity. The peers refuse to encrypt then; this is also for what has been encrypted before.
    pub(super) fn may_be_written_to(&self, with: &Name) -> bool {
        self.is_us(with)
            // What was encrypted for a group before we left it says so.
            || with.is_group()
            || (matches!(self.standing(with), Standing::New | Standing::Accepted)
                && self.trust(with) != Trust::Changed)
    }

    /// Whether they have asked, and what they wrote is still there. Of those who were refused the peers alone are kept.
    pub(super) fn waits(&self, with: &Name) -> bool {
        self.standing(with) == Standing::Request
            && self.people.get(with).is_some_and(|person| !person.messages.is_empty())
    }

    /// Whether there is nothing to list: they were refused, or all that they wrote has ended, and nobody looks.
    pub(super) fn is_forgotten(&self, with: &Name) -> bool {
        let is_empty = |name| {
            let person = self.people.get(name);
            person.is_some_and(|it| it.messages.is_empty() && it.window == Window::Closed)
        };
        self.standing(with) == Standing::Request && is_empty(with) && !with.is_group()
    }
}
