//! Who is who: the people and devices that this device knows.

use alloc::borrow::Cow;
use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;

use crate::group::by_beginning::{ByBeginning, beginning};
use crate::group::fair_share::Share;
use crate::identity::{Device, member_tag_of};
use crate::peer::other_device::Peer;
use crate::person::contacts::Contacts;
use crate::person::decisions::ContactDecision;
use crate::person::other_person::Person;
use crate::person::our_devices::OwnDevices;
use crate::person::standing::Standing;
use crate::person::verified_list::VerifiedList;
use crate::time::Timestamp;
use crate::wire::group_message::Tag;
use crate::wire::roster::OwnerBytes;

/// Our own person and all others.
#[derive(Clone, Copy)]
pub(crate) struct Directory<'a> {
    pub(crate) own: &'a OwnDevices,
    pub(crate) contacts: &'a Contacts,
}

/// A device as the lists have it.
#[derive(Clone, Copy)]
pub(crate) struct KnownDevice<'a> {
    /// Whose it is.
    pub(crate) person: &'a Person,
    pub(crate) device: &'a Device,
    /// When it went from its list, if it did.
    pub(crate) gone: Option<Timestamp>,
}

/// People, to look many up by their owners.
pub(crate) struct PeopleByOwner<'a>(ByBeginning<&'a Person>);

impl<'a> PeopleByOwner<'a> {
    /// Of two of one owner the first counts, as everywhere.
    pub(crate) fn get(&self, owner: &OwnerBytes) -> Option<&'a Person> {
        self.0.like(owner).copied().find(|person| person.owner().is(owner))
    }
}

impl<'a> Directory<'a> {
    /// This device.
    pub(crate) fn us(&self) -> OwnerBytes {
        self.own.device().identity.encode()
    }

    /// The owner of our own person.
    pub(crate) fn owner(&self) -> OwnerBytes {
        self.own.person().owner().encode()
    }

    fn people(&self) -> impl Iterator<Item = &'a Person> + use<'a> {
        core::iter::once(self.own.person()).chain(&self.contacts.people)
    }

    /// All people, to look many up.
    pub(crate) fn by_owner(&self) -> PeopleByOwner<'a> {
        let people = self.people().map(|person| (beginning(&person.owner().encode()), person));
        PeopleByOwner(ByBeginning::of(people))
    }

    pub(crate) fn person(&self, owner: &OwnerBytes) -> Option<&'a Person> {
        self.people().find(|person| person.owner().is(owner))
    }

    /// Calls for each device of a person that counts for sending, in order of address (docs/protocol.md §17.3).
    pub(crate) fn for_each_device(
        &self,
        owner: &OwnerBytes,
        now: Timestamp,
        each: impl FnMut(Cow<'a, Device>),
    ) {
        self.for_each_device_of(self.person(owner), owner, now, each);
    }

    /// The same, of a person who was looked up.
    pub(crate) fn for_each_device_of(
        &self,
        person: Option<&'a Person>,
        owner: &OwnerBytes,
        now: Timestamp,
        mut each: impl FnMut(Cow<'a, Device>),
    ) {
        if let Some(person) = person.filter(|person| person.list().is_some()) {
            // Of a list that has expired, and does not name the owner's device, nobody counts.
            let listed = person.listed(now).unwrap_or_default();
            listed.iter().for_each(|listed| each(Cow::Borrowed(&listed.device)));
            return;
        }
        let is_owners =
            |peer: &&Peer| peer.device().is_some_and(|device| device.identity.is(owner));
        let device = self.contacts.peers.iter().find(is_owners).and_then(Peer::device);
        device.map(Cow::Owned).into_iter().for_each(each);
    }

    /// A device by its identity: of our own person first, of who lists it before who lately did.
    pub(crate) fn device(&self, identity: &OwnerBytes, now: Timestamp) -> Option<KnownDevice<'a>> {
        self.listed()
            .find(|known| known.device.identity.is(identity))
            .or_else(|| self.gone(now).find(|known| known.device.identity.is(identity)))
    }

    /// What a device is by its address and identity.
    pub(crate) fn standing(
        &self,
        device: &Device,
        now: Timestamp,
    ) -> (Standing, Option<Timestamp>) {
        match self.device(&device.identity.encode(), now) {
            Some(known) if known.device == device => {
                (known.person.standing(device, now), known.gone)
            }
            Some(_) | None => (Standing::Alone, None),
        }
    }

    /// Whether the user refused the person of a device, or the device.
    pub(crate) fn is_refused(&self, known: &KnownDevice<'_>) -> bool {
        let KnownDevice { person, device, gone: _ } = known;
        if person.owner() == self.own.person().owner() {
            return false;
        }
        let peer = self.contacts.peer(&device.address);
        let peer = peer.filter(|peer| peer.contact().is_of(&device.identity));
        person.decision() == Some(ContactDecision::Refused)
            || peer.is_some_and(|peer| peer.contact().is_refused())
    }

    /// Whether a device of our own person's is one of which the user has not said that it is theirs, or may have been removed
    /// since a backup.
    pub(crate) fn is_in_question(&self, device: &Device, now: Timestamp) -> bool {
        let is_ours = self.own.person().standing(device, now).counts();
        is_ours && (self.own.is_put_back() || self.own.unconfirmed().contains(device))
    }

    /// The identities of all devices that have one of these tags, each with it.
    pub(crate) fn tagged_any(
        &self,
        tags: &BTreeSet<Tag>,
        now: Timestamp,
    ) -> BTreeMap<Tag, OwnerBytes> {
        let mut found = BTreeMap::new();
        if !tags.is_empty() {
            for known in self.listed().chain(self.gone(now)) {
                let tag = known.device.identity.member_tag().0;
                if tags.contains(&tag) {
                    found.entry(tag).or_insert_with(|| known.device.identity.encode());
                }
            }
        }
        found
    }

    /// On whose account something of these devices is kept, in one walk over all lists. A device that is in none stands for
    /// itself.
    pub(crate) fn shares(
        &self,
        devices: &[&Device],
        belongs: impl Fn(&OwnerBytes, &Device) -> bool,
        now: Timestamp,
    ) -> Vec<Share> {
        let identities = devices.iter().map(|device| device.identity.encode());
        let mut owners: BTreeMap<OwnerBytes, Option<OwnerBytes>> =
            identities.map(|identity| (identity, None)).collect();
        for known in self.listed().chain(self.gone(now)) {
            if let Some(owner) = owners.get_mut(&known.device.identity.encode()) {
                owner.get_or_insert_with(|| known.person.owner().encode());
            }
        }
        let share = |device: &&Device| {
            let identity = device.identity.encode();
            let whose = owners.get(&identity).copied().flatten().unwrap_or(identity);
            Share { belongs: belongs(&whose, device), whose }
        };
        devices.iter().map(share).collect()
    }

    /// Whether the user knows a device: one of their own, or of somebody whom they accepted.
    pub(crate) fn is_known_to_user(&self, device: &Device, now: Timestamp) -> bool {
        let peer = self.contacts.peer(&device.address);
        let peer = peer.filter(|peer| peer.contact().is_of(&device.identity));
        self.own.person().standing(device, now).counts()
            || peer.is_some_and(|peer| peer.contact().is_accepted())
    }

    /// The devices of these tags that are of people for whom this says so, and in their lists.
    pub(crate) fn tags_of(
        &self,
        tags: &BTreeSet<Tag>,
        is_one: impl Fn(&OwnerBytes) -> bool,
    ) -> BTreeSet<Tag> {
        let known = self.listed().map(|known| (known, known.device.identity.member_tag().0));
        let known = known.filter(|(_, tag)| tags.contains(tag));
        let known = known.filter(|(known, _)| is_one(&known.person.owner().encode()));
        known.map(|(_, tag)| tag).collect()
    }

    /// The identities of all devices that have a tag.
    pub(crate) fn tagged(&self, tag: Tag, now: Timestamp) -> Vec<OwnerBytes> {
        let all = self.listed().chain(self.gone(now));
        let identities = all.map(|known| known.device.identity.encode());
        let mut found: Vec<_> = identities.filter(|it| member_tag_of(it).0 == tag).collect();
        found.sort_unstable();
        found.dedup();
        found
    }

    pub(crate) fn listed(&self) -> impl Iterator<Item = KnownDevice<'a>> + use<'a> {
        self.people().flat_map(|person| {
            let listed = person.list().map(VerifiedList::devices).unwrap_or_default();
            listed.iter().map(move |it| KnownDevice { person, device: &it.device, gone: None })
        })
    }

    fn gone(&self, now: Timestamp) -> impl Iterator<Item = KnownDevice<'a>> + use<'a> {
        self.people().flat_map(move |person| {
            let gone = person.gone_devices(now);
            gone.map(move |(device, at)| KnownDevice { person, device, gone: Some(at) })
        })
    }
}
