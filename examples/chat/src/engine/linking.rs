//! Linking: a new device shows a code, the owner's device reads it, and the user compares digits on both.

use evanesce::expiry::Now;
use evanesce::person::{LinkCode, LinkError, LinkMessage};
use evanesce::rand_core::CryptoRng;
use evanesce::{Device, VerifiedBundle};

use crate::engine::outcome::Outcome;
use crate::engine::state::{Engine, Linking, Place};
use crate::name::Name;
use crate::notice::{DeviceChange, Notice};
use crate::row::Row;
use crate::shown::{LinkText, grouped};

const NOTHING: &str = "nothing is being linked: /link shows a code on the new device";

impl Engine {
    /// Shows the code by which this device, which is new, is linked.
    pub(super) fn show_link_code(
        &mut self,
        now: Now,
        rng: &mut dyn CryptoRng,
    ) -> Result<(), String> {
        let devices = self.own.person().list().map_or(0, |list| list.devices().len());
        if self.profile.place == Place::Linked || devices > 1 {
            return Err(
                "this device is linked: /link CODE on the owner's device links another".into()
            );
        }
        if !self.people.is_empty() {
            return Err("this device has conversations of its own: link a new one".into());
        }
        let code = self.own.show_link_code(now.timestamp(), rng);
        self.own_changed();
        self.notice(Notice::LinkCode(LinkText::new(code.encode()), grouped(&code.digits())));
        Ok(())
    }

    /// A code was read here, on the owner's device. The user is asked.
    pub fn link_code_read(&mut self, code: LinkCode) -> Outcome {
        let device = Name::of(&code.device().address);
        match device {
            _ if !self.own.is_owner() || self.profile.place != Place::Owner => {
                let owner = &self.profile.person;
                self.notice(Notice::Error(format!("devices are linked by the owner's, {owner}")));
            }
            None => self.notice(Notice::Error("the device of this code has no name here".into())),
            Some(device) => {
                self.notice(Notice::LinkRead(device, grouped(&code.digits())));
                self.pending.linking = Some(Linking::Scanned(code));
            }
        }
        self.finish()
    }

    /// The user has compared the digits, on whichever side.
    pub(super) fn confirm_link(&mut self, now: Now, rng: &mut dyn CryptoRng) -> Result<(), String> {
        match self.pending.linking.take() {
            // A bundle is fetched.
            Some(Linking::Scanned(code) | Linking::Confirmed(code)) => {
                self.pending.linking = Some(Linking::Confirmed(code));
                Ok(())
            }
            Some(Linking::Offered) => {
                self.pending.linking = Some(Linking::Offered);
                Err("the new device is to confirm now".into())
            }
            // After a restart the library knows what was opened.
            Some(Linking::Opened(_)) | None => self.answer_link(now, rng),
        }
    }

    fn answer_link(&mut self, now: Now, rng: &mut dyn CryptoRng) -> Result<(), String> {
        let (account, peers) = (&self.account, &mut self.contacts.peers);
        let answer = self.own.answer_link_offer(account, peers, now.timestamp(), rng);
        let answer = answer.map_err(|error| match error {
            LinkError::NotLinking => NOTHING.into(),
            other => other.to_string(),
        })?;
        let owner = Name::of(&answer.message.to).ok_or(NOTHING)?;
        self.profile.person = owner.clone();
        self.profile.place = Place::Linking;
        self.profile.published_list = None;
        self.save_profile();
        self.send_link_message(answer, rng);
        self.notice(Notice::LinkAnswered(owner));
        Ok(())
    }

    fn send_link_message(&mut self, message: LinkMessage, rng: &mut dyn CryptoRng) {
        self.changed(&message.changes);
        let us = self.profile.person.clone();
        self.send_to_device(&us, None, message.message, rng);
    }

    /// The user declines, on whichever side, or has thought better of it.
    pub(super) fn cancel_link(&mut self) -> Result<(), String> {
        let was_under_way = self.own.cancel_link();
        let linking = self.pending.linking.take();
        if !was_under_way && linking.is_none() {
            return Err(NOTHING.into());
        }
        self.own_changed();
        if let Some(Linking::Opened(Some(owner))) = linking {
            // Or the true device of this name would come as another identity.
            let address = owner.address();
            self.contacts.peers.retain(|peer| *peer.address() != address);
            self.write_row(Row::Peer(owner), None);
        }
        self.notice(Notice::LinkCancelled);
        Ok(())
    }

    /// Whether a bundle of this device is for linking it.
    pub(super) fn is_linking(&self, device: &Name) -> bool {
        let is_it = |code: &LinkCode| code.device().address == device.address();
        matches!(&self.pending.linking, Some(Linking::Confirmed(code)) if is_it(code))
    }

    /// Offers the device whose code was read to be linked.
    pub(super) fn offer_link(&mut self, bundle: VerifiedBundle, now: Now, rng: &mut dyn CryptoRng) {
        let Some(Linking::Confirmed(code)) = self.pending.linking.take() else { return };
        self.make_room_for(code.device());
        let (account, peers) = (&self.account, &mut self.contacts.peers);
        let offer = self.own.offer_link(account, peers, &code, bundle, now.timestamp(), rng);
        let device = Name::of(&code.device().address);
        match (offer, device) {
            (Ok(offer), Some(device)) => {
                self.send_link_message(offer, rng);
                self.pending.linking = Some(Linking::Offered);
                self.notice(Notice::LinkOffered(device, grouped(&self.own.digits())));
            }
            (Ok(_), None) => {}
            (Err(error), _) => self.notice(Notice::Error(error.to_string())),
        }
    }

    /// A device of ours that was removed gives its name to the one that follows it.
    fn make_room_for(&mut self, device: &Device) {
        let Some(name) = Name::of(&device.address) else { return };
        let is_taken = self.with_device(&name).is_some() || self.is_own_device(&name);
        let Some(peer) = self.peer_mut(&name).filter(|_| !is_taken) else { return };
        let changes = peer.accept_identity(device.identity);
        self.peer_changed(&name, &changes);
    }

    /// Takes a message of linking, if it is one.
    pub(super) fn take_in_linking(
        &mut self,
        bytes: &[u8],
        now: Now,
        rng: &mut dyn CryptoRng,
    ) -> bool {
        let time = now.timestamp();
        let (account, peers) = (&mut self.account, &mut self.contacts.peers);
        if let Ok(offer) = self.own.open_link_offer(account, peers, bytes, time) {
            self.changed(&offer.changes);
            match Name::of(&offer.owner.address) {
                Some(owner) => {
                    let new = offer.is_new.then(|| owner.clone());
                    self.pending.linking = Some(Linking::Opened(new));
                    self.notice(Notice::LinkOpened(owner, grouped(&offer.digits)));
                }
                None => {
                    let _ = self.own.cancel_link();
                }
            }
            return true;
        }
        let (account, peers) = (&self.account, &mut self.contacts.peers);
        let Ok((_list, changes)) = self.own.finish_link(account, peers, bytes, time) else {
            return false;
        };
        self.pending.linking = None;
        let device = changes.peers.first().and_then(Name::of);
        self.changed(&changes);
        let us = self.profile.person.clone();
        self.tell_everyone(now, rng);
        if let Some(device) = device {
            self.introduce(&device, now, rng);
            if let Some(listed) = self.listed_device(&us, &device) {
                self.introduce_in_groups(&listed);
            }
            self.notice(Notice::Device(us, device, DeviceChange::Came));
        }
        true
    }
}
