//! Telling own devices: what happened on this one, and what was decided of people.

use std::time::Duration;

use evanesce::expiry::{Age, Now};
use evanesce::person::FanOut;
use evanesce::rand_core::CryptoRng;

use crate::engine::message::Telling;
use crate::engine::sending::NO_AD;
use crate::engine::state::{Engine, Place};
use crate::name::Name;
use crate::notice::Notice;

impl Engine {
    /// Encrypts what our other devices are to be told, for those that there are sessions with; the rest waits.
    pub(super) fn tell_own_devices(&mut self, now: Now, rng: &mut dyn CryptoRng) {
        self.keep_tellings(now);
        for number in self.tellings.keys().copied().collect::<Vec<_>>() {
            let Some(telling) = self.tellings.get(&number).cloned() else { continue };
            let addresses: Vec<_> = telling.devices.iter().map(Name::address).collect();
            let since = now.timestamp().unix_seconds().saturating_sub(telling.unix_seconds);
            let age = Age::trusted(Duration::from_secs(since));
            let us = self.own.person();
            let recipients = self.own.to(us).only(&addresses);
            let peers = &mut self.contacts.peers;
            let time = now.timestamp();
            match recipients.tell_events(peers, &telling.events, age, NO_AD, time, rng) {
                Ok(sent) => {
                    let devices: Vec<Name> =
                        sent.unreached.iter().filter_map(|it| Name::of(&it.to)).collect();
                    self.send_to_us(sent, rng);
                    if devices != telling.devices {
                        self.put_telling(number, Telling { devices, ..telling });
                    }
                }
                // There are none any more.
                Err(_) => self.put_telling(number, Telling { devices: Vec::new(), ..telling }),
            }
        }
    }

    /// Messages to our own other devices, and nobody else.
    pub(super) fn send_to_us(&mut self, sent: FanOut, rng: &mut dyn CryptoRng) {
        self.changed(&sent.changes);
        let us = self.profile.person.clone();
        for message in sent.messages {
            self.send_to_device(&us, None, message, rng);
        }
    }

    /// A device that was just linked is told all of it at once.
    pub(super) fn introduce(&mut self, device: &Name, now: Now, rng: &mut dyn CryptoRng) {
        let address = device.address();
        let (contacts, expiry) = (&mut self.contacts, &self.expiry);
        let sent = self.own.introduce(contacts, expiry, &address, NO_AD, now, rng);
        match sent {
            Ok(sent) => self.send_to_us(sent, rng),
            Err(error) => {
                self.notice(Notice::Trouble(format!("{device} is told nothing: {error}")))
            }
        }
    }

    /// This device is given away: its owner's is asked to remove it.
    pub(super) fn ask_removal(&mut self, now: Now, rng: &mut dyn CryptoRng) -> Result<(), String> {
        if self.profile.place != Place::Linked {
            return Err("this device is its own owner's: /remove removes others".into());
        }
        let us = self.own.person();
        let peers = &mut self.contacts.peers;
        let sent = self.own.to(us).ask_removal(peers, NO_AD, now.timestamp(), rng);
        let sent = sent.map_err(|error| error.to_string())?;
        if sent.messages.is_empty() {
            return Err("the owner's device cannot be reached now: try again later".into());
        }
        self.send_to_us(sent, rng);
        self.notice(Notice::RemovalAsked(self.profile.name.clone()));
        Ok(())
    }

    /// What is only to follow from what has happened: who does not know the timer is told.
    pub(super) fn settle(&mut self, now: Now, rng: &mut dyn CryptoRng) {
        self.settle_groups(now, rng);
        self.tell_own_devices(now, rng);
        for name in std::mem::take(&mut self.pending.echoes) {
            let may_write = matches!(self.profile.place, Place::Owner | Place::Linked);
            // In a group the next message says it: else as many would as are in it.
            if may_write && self.may_be_written_to(&name) && !name.is_group() {
                let stamp = self.expiry.stamp(self.conversation(&name));
                self.post_nothing(&name, stamp, now, rng);
            }
        }
    }
}
