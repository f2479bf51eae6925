//! Sessions: a bundle came, and one begins with the device that it is of.

use std::time::Duration;

use evanesce::expiry::Now;
use evanesce::rand_core::CryptoRng;
use evanesce::{Device, IdentityKey, Peer, PeerInitiateError, PreKeyBundle, VerifiedBundle};

use crate::clock;
use crate::engine::message::Draft;
use crate::engine::outcome::Outcome;
use crate::engine::state::Engine;
use crate::name::Name;
use crate::notice::Notice;
use crate::view::Standing;

/// How long no bundle is asked for of a device in whose place the relay has another.
pub const BETWEEN_BUNDLES: Duration = Duration::from_secs(3_600);

/// How long nothing is asked for somebody after a refusal that says nothing of it.
pub const REST: Duration = Duration::from_secs(10);

impl Engine {
    /// Notes of all lists which of their devices are not there, where the relay has this one.
    fn note_not_there(&mut self, came: &Device, now: Now) {
        let steady = clock::steady(now);
        self.pending.not_there.retain(|(device, since)| {
            device.address != came.address && steady.saturating_sub(*since) < BETWEEN_BUNDLES
        });
        let people = self.contacts.people.iter().chain([self.own.person()]);
        let lists = people.filter_map(evanesce::person::Person::list);
        let listed = lists.flat_map(|list| list.devices()).map(|listed| &listed.device);
        let others = listed.filter(|it| it.address == came.address && *it != came);
        self.pending.not_there.extend(others.map(|device| (device.clone(), steady)));
    }

    /// A bundle came: a session begins, and what was written goes.
    pub fn bundle_came(
        &mut self,
        device: &Name,
        bytes: &[u8],
        now: Now,
        rng: &mut dyn CryptoRng,
    ) -> Outcome {
        let bundle =
            PreKeyBundle::decode(bytes).ok().and_then(|it| it.verify(now.timestamp()).ok());
        match bundle {
            Some(bundle) if self.is_linking(device) => self.offer_link(bundle, now, rng),
            Some(bundle) => self.begin_session(device, bundle, now, rng),
            None => {
                self.rest(device, REST, now);
                self.notice(Notice::Trouble(format!("the relay gave no good bundle of {device}")));
            }
        }
        self.settle(now, rng);
        self.finish()
    }

    fn begin_session(
        &mut self,
        device: &Name,
        bundle: VerifiedBundle,
        now: Now,
        rng: &mut dyn CryptoRng,
    ) {
        self.note_not_there(bundle.device(), now);
        let is_for_groups = self.pending.group_sessions.remove(device);
        if is_for_groups && self.is_for_groups_alone(device) {
            return self.begin_session_for_group(device, bundle, now, rng);
        }
        let us = self.profile.person.clone();
        let with = if self.is_own_device(device) { Some(us) } else { self.with_device(device) };
        // Its conversation has gone meanwhile.
        let Some(with) = with else {
            self.pending.renewals.remove(device);
            return;
        };
        let (came, owner) = (bundle.device().clone(), self.owner_of(&with));
        if self.standing(&with) == Standing::Request && !self.is_us(&with) {
            match owner {
                Some(owner) if owner == came.identity => self.checked(&with, owner, now, rng),
                _ => self.other_identity_published(&with, device, came.identity, now),
            }
            return;
        }
        let listed = self.listed_device(&with, device);
        let is_owners = listed.as_ref().is_none_or(|it| Some(it.identity) == owner);
        if let Some(listed) = listed.filter(|listed| *listed != came) {
            if is_owners {
                self.other_identity_published(&with, device, came.identity, now);
            } else {
                self.notice(Notice::Trouble(format!(
                    "the relay has another device under the name {device}, which {} had listed: it gets nothing",
                    Name::of(&listed.address).unwrap_or(with)
                )));
                self.give_up_device(device);
            }
            return;
        }
        if self.peer(device).is_none() {
            self.contacts.peers.push(Peer::pinned(came.clone()));
        }
        let Some(peer) = self.contacts.peers.iter_mut().find(|it| *it.address() == came.address)
        else {
            return;
        };
        match peer.initiate(&self.account, bundle, now.timestamp(), rng) {
            Ok(changes) => {
                self.peer_changed(device, &changes);
                self.pending.group_catch_up = true;
                self.pending.group_wants = true;
                if !self.is_us(&with) && owner.is_none() {
                    self.is_of(&with, came.identity, now);
                    self.write_first_to(&with, now);
                }
                self.keep_keys_as_the_timer_says(&with);
                // In a new session something has to be said, or the other side does not hear of it.
                if self.pending.renewals.remove(device) {
                    self.post_nothing_to_device(&with, device, now);
                }
                self.encrypt_drafts_for(device, now, rng);
            }
            Err(PeerInitiateError::IdentityChanged(identity)) if is_owners => {
                self.other_identity_published(&with, device, identity, now);
            }
            Err(PeerInitiateError::IdentityChanged(_)) => self.give_up_device(device),
            Err(error) => {
                self.rest(device, REST, now);
                self.notice(Notice::Trouble(format!("no session with {device}: {error}")));
            }
        }
    }

    /// Something for a session to begin with.
    fn post_nothing_to_device(&mut self, with: &Name, device: &Name, now: Now) {
        let to_us = self.is_us(with);
        // To one of our own it is a copy of what is said to somebody: nothing is due without that.
        let to = match to_us {
            false => Some(with.clone()),
            true => self.people.keys().find(|name| self.owner_of(name).is_some()).cloned(),
        };
        let Some(to) = to else { return };
        let stamp = self.expiry.stamp(self.conversation(&to));
        let unix_seconds = now.timestamp().unix_seconds();
        let only = Some(vec![device.clone()]);
        self.put_draft(Draft { to, message: None, body: Vec::new(), stamp, only, unix_seconds });
    }

    /// Who asked is whom we wrote to before: the relay knows them so.
    fn checked(&mut self, with: &Name, owner: IdentityKey, now: Now, rng: &mut dyn CryptoRng) {
        let changes = self.contacts.accept(&self.own, &owner, now.timestamp());
        self.changed(&changes);
        self.notice(Notice::Accepted(with.clone()));
        self.encrypt_drafts(with, now, rng);
    }

    /// A bundle is of another identity. The user is told, and nothing is sent until they decide; or they did, against
    /// this one: then what they write waits, and they are told why.
    fn other_identity_published(
        &mut self,
        with: &Name,
        device: &Name,
        identity: IdentityKey,
        now: Now,
    ) {
        // Of a person whose first device is known by a list alone the question is kept all the same.
        if self.peer(device).is_none()
            && let Some(listed) = self.listed_device(with, device)
        {
            self.contacts.peers.push(Peer::pinned(listed));
        }
        let Some(peer) = self.peer_mut(device) else { return };
        let changes = peer.note_identity(identity);
        self.peer_changed(device, &changes);
        if changes.peer {
            self.notice(Notice::IdentityChanged(with.clone()));
            return;
        }
        if !self.pending.resting.contains_key(device) {
            self.notice(Notice::Trouble(format!(
                "the relay knows {with} by the identity that you turned down: what you wrote waits, and \
                 /accept-identity {with} goes over to it"
            )));
        }
        self.rest(device, REST, now);
    }

    pub(super) fn rest(&mut self, name: &Name, span: Duration, now: Now) {
        let end = clock::steady(now).saturating_add(span);
        self.pending.resting.insert(name.clone(), end);
    }
}
