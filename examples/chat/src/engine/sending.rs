//! Sending: a draft is written, encrypted for all devices that it is for when there are sessions, and waits as parcels
//! until the relay has them.

use evanesce::Payload;
use evanesce::expiry::{MessageId, Now, Stamp};
use evanesce::person::{AddressedMessage, FanOutError, Obstacle, Person as KnownPerson};
use evanesce::rand_core::CryptoRng;

use crate::engine::message::{Draft, Parcel};
use crate::engine::state::{Engine, keys_where};
use crate::name::Name;
use crate::notice::Notice;
use crate::view::Progress;

/// Two people say things in one place only, so there is nothing to bind messages to.
pub const NO_AD: &[u8] = b"";

/// Whether those behind a draft may go before it.
pub enum Went {
    On,
    /// It waits for a session, a list, or the user.
    Waits,
}

impl Engine {
    /// Sends a stamp and no more: a timer, an echo, or something for a session to begin with.
    pub(super) fn post_nothing(
        &mut self,
        to: &Name,
        stamp: Stamp,
        now: Now,
        rng: &mut dyn CryptoRng,
    ) {
        self.post(to, None, Vec::new(), stamp, now, rng);
    }

    pub(super) fn post(
        &mut self,
        to: &Name,
        message: Option<MessageId>,
        body: Vec<u8>,
        stamp: Stamp,
        now: Now,
        rng: &mut dyn CryptoRng,
    ) {
        let (to, unix_seconds) = (to.clone(), now.timestamp().unix_seconds());
        self.put_draft(Draft { to: to.clone(), message, body, stamp, only: None, unix_seconds });
        self.encrypt_drafts(&to, now, rng);
    }

    /// Encrypts what waits for somebody, in the order in which it was written, as far as there are sessions.
    pub(super) fn encrypt_drafts(&mut self, to: &Name, now: Now, rng: &mut dyn CryptoRng) {
        let mut waits = false;
        for number in keys_where(&self.drafts, |draft| draft.to == *to) {
            let Some(draft) = self.drafts.get(&number).cloned() else { continue };
            // What lacks but a few devices keeps nothing from all others.
            if draft.only.is_some() {
                self.encrypt_draft(number, draft, now, rng);
            } else if !waits {
                waits = matches!(self.encrypt_draft(number, draft, now, rng), Went::Waits);
            }
        }
    }

    /// The same of all that waits for a device.
    pub(super) fn encrypt_drafts_for(&mut self, device: &Name, now: Now, rng: &mut dyn CryptoRng) {
        let with = self.with_device(device);
        let waiting = self.drafts.values().filter(|draft| {
            with.as_ref() == Some(&draft.to)
                || draft.only.as_ref().is_some_and(|only| only.contains(device))
        });
        let mut names: Vec<Name> = waiting.map(|draft| draft.to.clone()).collect();
        names.sort_unstable();
        names.dedup();
        for name in names {
            self.encrypt_drafts(&name, now, rng);
        }
    }

    fn encrypt_draft(
        &mut self,
        number: u64,
        draft: Draft,
        now: Now,
        rng: &mut dyn CryptoRng,
    ) -> Went {
        if let Some(id) = self.group_of(&draft.to) {
            return self.encrypt_for_group(number, &draft, &id, now, rng);
        }
        let Some(owner) = self.owner_of(&draft.to) else { return Went::Waits };
        if !self.may_be_written_to(&draft.to) || self.wants_list(&draft.to, now) {
            return Went::Waits;
        }
        let (theirs, ours) = self.recipients(&draft.to, now);
        let is_meant = |device: &&evanesce::Device| {
            let only = draft.only.as_ref();
            only.is_none_or(|only| Name::of(&device.address).is_some_and(|it| only.contains(&it)))
        };
        let meant: Vec<_> = theirs.iter().chain(&ours).filter(is_meant).collect();
        if meant.is_empty() && draft.only.is_some() {
            // None of these devices is any more.
            self.drop_draft(number);
            return Went::On;
        }
        let (mut ready, mut missing) = (Vec::new(), Vec::new());
        for device in meant {
            match self.hindrance(device, now) {
                None => ready.push(device.address.clone()),
                Some(Obstacle::NeedsSession) => missing.extend(Name::of(&device.address)),
                Some(_) => {}
            }
        }
        let is_theirs =
            |address: &evanesce::Address| theirs.iter().any(|device| device.address == *address);
        if ready.is_empty() || (draft.only.is_none() && !ready.iter().any(is_theirs)) {
            return Went::Waits;
        }
        let payload = Payload::new(draft.body.clone()).with_stamp(draft.stamp.clone());
        let Some(person) = self.contacts.people.iter().find(|it| *it.owner() == owner) else {
            return Went::Waits;
        };
        let recipients = self.own.to(person).only(&ready);
        let sent =
            recipients.encrypt(&mut self.contacts.peers, &payload, NO_AD, now.timestamp(), rng);
        match sent {
            Ok(sent) => {
                self.changed(&sent.changes);
                self.drop_draft(number);
                for unreached in &sent.unreached {
                    if let Obstacle::NeedsSession | Obstacle::ChainFull = unreached.reason {
                        missing.extend(Name::of(&unreached.to));
                    }
                }
                for message in sent.messages {
                    self.send_to_device(&draft.to, draft.message, message, rng);
                }
                if !missing.is_empty() {
                    self.write_draft(number, Draft { only: Some(missing), ..draft });
                }
                Went::On
            }
            Err(FanOutError::TooLarge) => {
                self.drop_draft(number);
                self.fail(draft.message, "too large");
                Went::On
            }
            Err(FanOutError::Removed) => {
                self.drop_draft(number);
                self.fail(draft.message, "this device was removed");
                Went::On
            }
            // A list is fetched, since there is a draft. The others wait for what the user decides.
            Err(_) => Went::Waits,
        }
    }

    /// Puts an encrypted message where it waits for the relay.
    pub(super) fn send_to_device(
        &mut self,
        with: &Name,
        message: Option<MessageId>,
        addressed: AddressedMessage,
        rng: &mut dyn CryptoRng,
    ) {
        let Some(to) = Name::of(&addressed.to) else { return };
        // At once, though `Unanswered` could wait until there is more to send: who cannot open this hears of
        // us by the new session, and the relay sees a bundle fetched where something was sent anyway.
        if addressed.session_need.is_some() {
            self.pending.renewals.insert(to.clone());
        }
        let mut id = [0; 16];
        rng.fill_bytes(&mut id);
        let (with, bytes) = (with.clone(), addressed.message);
        self.put_parcel(Parcel { to, with, message, id, bytes });
    }

    /// Whether a list of somebody's devices is to be fetched before something is written to them: none is held, or one that
    /// grows old.
    pub(super) fn wants_list(&self, with: &Name, now: Now) -> bool {
        let person = self.known(with);
        let held = person.filter(|person| person.list().is_some());
        let is_old = held.is_none_or(|person| person.list_need(now.timestamp()));
        is_old && self.may_ask_for_list(with, now)
    }

    /// A device that cannot be reached is not waited for any more.
    pub(super) fn give_up_device(&mut self, device: &Name) {
        self.pending.renewals.remove(device);
        let waits = |draft: &Draft| draft.only.as_ref().is_some_and(|only| only.contains(device));
        for number in keys_where(&self.drafts, waits) {
            let Some(mut draft) = self.drafts.get(&number).cloned() else { continue };
            let mut only = draft.only.take().unwrap_or_default();
            only.retain(|other| other != device);
            if only.is_empty() {
                self.drop_draft(number);
            } else {
                self.write_draft(number, Draft { only: Some(only), ..draft });
            }
        }
    }

    /// A message of ours will not be sent.
    pub(super) fn fail(&mut self, message: Option<MessageId>, why: &'static str) {
        let Some(message) = message.and_then(|id| self.message(id)).cloned() else { return };
        if message.progress == Progress::Failed {
            return;
        }
        self.notice(Notice::Failed(message.with.clone(), message.id, why));
        self.put_message(crate::engine::message::Message { progress: Progress::Failed, ..message });
    }

    /// Whether the list of somebody expired, so that nobody of them can be written to.
    pub(super) fn has_expired_list(&self, with: &Name, now: Now) -> bool {
        self.known(with)
            .is_some_and(|person: &KnownPerson| person.devices(now.timestamp()).is_err())
    }
}
