//! Errands: what is to be asked of the relay, and what comes of the answers. They follow from what is stored, so a
//! restart forgets none.

use std::time::Duration;

use evanesce::expiry::Now;
use evanesce::person::{DeviceList, Obstacle};
use evanesce::rand_core::CryptoRng;
use evanesce::server::{PreKeyStock, PreKeyUpload};
use evanesce::{Device, IdentityKey, StockDisagreement};

use crate::clock;
use crate::engine::message::Draft;
use crate::engine::outcome::Outcome;
use crate::engine::sessions::{BETWEEN_BUNDLES, REST};
use crate::engine::state::{Engine, Linking, Place};
use crate::name::Name;
use crate::notice::Notice;
use crate::request::Refusal;
use crate::view::{Standing, Trust};

/// How often the account is told what the relay has left. Anyone can take prekeys from there, so not with each mail: one
/// that was taken is held until it is used or too many are.
const BETWEEN_STOCKS: Duration = Duration::from_secs(3_600);

/// What to ask on the connection that names nobody. One at a time: that keeps the order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Errand {
    /// Of a device.
    Bundle(Name),
    /// Of a person, by the name of a device of theirs.
    List(Name),
    /// Of somebody in a group, by who they are.
    ListOf(IdentityKey),
    Deposit {
        number: u64,
        to: Name,
        id: [u8; 16],
        bytes: Vec<u8>,
    },
}

impl Engine {
    /// The next errand, of what has been stored.
    pub fn errand(&self, now: Now) -> Option<Errand> {
        let may_go = |it: &crate::engine::message::Parcel| {
            !self.rests(&it.to, now) && self.may_be_written_to(&it.with)
        };
        if let Some((number, parcel)) = self.parcels.iter().find(|(_, parcel)| may_go(parcel)) {
            let (to, id, bytes) = (parcel.to.clone(), parcel.id, parcel.bytes.clone());
            return Some(Errand::Deposit { number: *number, to, id, bytes });
        }
        if self.profile.place == Place::Removed {
            return None;
        }
        let linked = match &self.pending.linking {
            Some(Linking::Confirmed(code)) => Name::of(&code.device().address),
            _ => None,
        };
        let linked = linked.filter(|device| !self.rests(device, now)).map(Errand::Bundle);
        let mut lists = self.pending.lists.iter();
        let may_ask = |name: &&Name| self.may_be_written_to(name) && !self.rests(name, now);
        let list = || lists.find(may_ask).cloned().map(Errand::List);
        linked
            .or_else(|| self.drafts.values().find_map(|draft| self.errand_for(draft, now)))
            .or_else(|| {
                let mut renewals = self.pending.renewals.iter();
                let renewal = renewals.find(|device| self.may_renew(device, now));
                renewal.cloned().map(Errand::Bundle)
            })
            .or_else(|| self.untold_device(now).map(Errand::Bundle))
            .or_else(|| {
                let mut devices = self.pending.group_sessions.iter();
                devices.find(|device| !self.rests(device, now)).cloned().map(Errand::Bundle)
            })
            .or_else(list)
            .or_else(|| {
                let owner = self.pending.group_lists.iter().next()?;
                IdentityKey::decode(owner).ok().map(Errand::ListOf)
            })
    }

    /// One of our own devices that is to be told something, and with which there is no session.
    fn untold_device(&self, now: Now) -> Option<Name> {
        let us = &self.profile.person;
        let is_missing = |device: &&Name| {
            let listed = self.listed_device(us, device);
            listed.is_some_and(|it| self.is_obtainable(&it, now)) && !self.rests(device, now)
        };
        let mut untold = self.tellings.values().flat_map(|telling| &telling.devices);
        untold.find(is_missing).cloned()
    }

    /// Whether a session with a device is missing, and may be had: the relay is not asked again and again for one in whose
    /// place it has another. A list can name anybody's address.
    fn is_obtainable(&self, device: &Device, now: Now) -> bool {
        let is_it = |(other, since): &(Device, Duration)| {
            other == device && clock::steady(now).saturating_sub(*since) < BETWEEN_BUNDLES
        };
        self.hindrance(device, now) == Some(Obstacle::NeedsSession)
            && !self.pending.not_there.iter().any(is_it)
    }

    /// Whether the relay may have the device of this name that a list has: not, if it had another one lately.
    pub(super) fn may_be_there(&self, device: &Name, now: Now) -> bool {
        let is_it = |(other, since): &(Device, Duration)| {
            other.address == device.address()
                && clock::steady(now).saturating_sub(*since) < BETWEEN_BUNDLES
        };
        !self.pending.not_there.iter().any(is_it)
    }

    fn rests(&self, name: &Name, now: Now) -> bool {
        self.pending.resting.get(name).is_some_and(|end| *end > clock::steady(now))
    }

    fn may_renew(&self, device: &Name, now: Now) -> bool {
        let may_go = |with: Name| self.may_be_written_to(&with);
        !self.rests(device, now)
            && (self.is_own_device(device) || self.with_device(device).is_some_and(may_go))
    }

    /// What is missing before a draft can be encrypted: who somebody is and which devices they have, then sessions.
    fn errand_for(&self, draft: &Draft, now: Now) -> Option<Errand> {
        let with = &draft.to;
        // What a group is waiting for comes from its members.
        if with.is_group() {
            return None;
        }
        let bundle = |name: &Name| Some(Errand::Bundle(name.clone()));
        if !self.may_be_written_to(with) {
            return bundle(with).filter(|_| self.is_to_check(with) && !self.rests(with, now));
        }
        if self.wants_list(with, now)
            || (self.has_expired_list(with, now) && self.may_ask_for_list(with, now))
        {
            return Some(Errand::List(with.clone())).filter(|_| !self.rests(with, now));
        }
        if self.owner_of(with).is_none() {
            return bundle(with).filter(|_| !self.rests(with, now));
        }
        let (theirs, ours) = self.recipients(with, now);
        // Without a list, and before a first message, the name is all that there is.
        if theirs.is_empty() {
            return bundle(with).filter(|_| !self.rests(with, now));
        }
        let is_missing = |device: &&Device| self.is_obtainable(device, now);
        let is_meant = |name: &Name| draft.only.as_ref().is_none_or(|only| only.contains(name));
        let devices = match &draft.only {
            Some(_) => theirs.iter().chain(&ours).collect::<Vec<_>>(),
            None => theirs.iter().collect(),
        };
        let names = devices.into_iter().filter(is_missing);
        let mut names = names.filter_map(|device| Name::of(&device.address));
        let name = names.find(|name| is_meant(name) && !self.rests(name, now));
        name.map(Errand::Bundle)
    }

    /// Whether we wrote to somebody, and then something came under that name before our first message had left. Anyone
    /// can say that they are called so; whether it is the one whom the relay knows, a bundle shows.
    fn is_to_check(&self, name: &Name) -> bool {
        self.drafts.values().any(|draft| draft.to == *name)
            && self.standing(name) == Standing::Request
            && self.trust(name) != Trust::Changed
    }

    /// Whether something waits for a rest to end, so that it is worth asking again soon.
    pub fn has_resting_errands(&self) -> bool {
        !(self.parcels.is_empty()
            && self.drafts.is_empty()
            && self.pending.renewals.is_empty()
            && self.pending.lists.is_empty()
            && self.pending.group_sessions.is_empty()
            && self.pending.group_lists.is_empty()
            && self.tellings.is_empty()
            && self.pending.linking.is_none())
    }

    /// The relay has a parcel: from now on the message's clock runs.
    pub fn deposited(&mut self, number: u64, now: Now) -> Outcome {
        let parcel = self.drop_parcel(number);
        if let Some(parcel) = &parcel {
            self.pending.resting.remove(&parcel.to);
        }
        let message = parcel.and_then(|parcel| parcel.message);
        if let Some(message) = message {
            self.message_is_sent(message, now);
        }
        self.delete_due(now);
        self.keep_tellings(now);
        self.finish()
    }

    /// What the relay has of somebody's list, which proves itself or is nothing.
    pub fn list_came(
        &mut self,
        with: &Name,
        list: Option<&[u8]>,
        now: Now,
        rng: &mut dyn CryptoRng,
    ) -> Outcome {
        self.list_was_asked(with, now);
        let verified = list.map(|list| {
            DeviceList::decode(list).ok().and_then(|list| list.verify(now.timestamp()).ok())
        });
        let with = &match verified {
            None => with.clone(),
            Some(None) => {
                self.notice(Notice::Trouble(format!("the relay gave no good list of {with}")));
                with.clone()
            }
            Some(Some(list)) => self.list_is_offered(with, list, now),
        };
        if self.is_us(with) {
            self.look_at_old_list();
        }
        self.drop_parked_devices(with);
        self.take_in_offered_again(now, rng);
        self.encrypt_drafts(with, now, rng);
        self.settle(now, rng);
        self.finish()
    }

    pub(super) fn take_in_offered_again(&mut self, now: Now, rng: &mut dyn CryptoRng) {
        for bytes in std::mem::take(&mut self.pending.offered_again) {
            self.take_in(&bytes, None, now, rng);
        }
    }

    /// The relay does not do it. What is refused for ever fails, everything else is tried again later.
    pub fn errand_refused(&mut self, errand: &Errand, refusal: Refusal, now: Now) -> Outcome {
        let name = match errand {
            Errand::ListOf(owner) => {
                self.member_list_was_asked(owner, now);
                return self.finish();
            }
            // What is not known of somebody's devices keeps nothing from those that are.
            Errand::List(name) => {
                self.list_was_asked(name, now);
                if refusal == Refusal::Unknown {
                    return self.finish();
                }
                name
            }
            Errand::Bundle(name) | Errand::Deposit { to: name, .. } => name,
        };
        match (errand, refusal) {
            (Errand::Deposit { number, .. }, Refusal::TooLarge) => {
                let message = self.drop_parcel(*number).and_then(|parcel| parcel.message);
                self.fail(message, "too large");
            }
            (_, Refusal::TooOften { seconds }) => {
                self.rest(name, Duration::from_secs(u64::from(seconds)), now);
            }
            _ => {
                if !self.pending.resting.contains_key(name) {
                    self.notice(Notice::Trouble(format!(
                        "to {name}: {refusal}; what you wrote waits"
                    )));
                }
                self.rest(name, REST, now);
            }
        }
        self.finish()
    }

    /// What is to be published.
    pub fn publication(&self) -> Option<Vec<u8>> {
        self.account.pending_upload().map(|upload| upload.encode())
    }

    pub fn published(&mut self, upload: &[u8]) -> Outcome {
        if let Ok(upload) = PreKeyUpload::decode(upload) {
            let changes = self.account.mark_published(&upload);
            self.account_changed(&changes);
        }
        self.finish()
    }

    /// The relay says what it has left of us. To be called when the mail that came with it has been taken in: what that
    /// used is not on offer any more.
    pub fn relay_has(&mut self, stock: PreKeyStock, now: Now, rng: &mut dyn CryptoRng) -> Outcome {
        let steady = clock::steady(now);
        let told = self.pending.told_of_stock;
        if told.is_none_or(|told| steady.saturating_sub(told) >= BETWEEN_STOCKS) {
            self.pending.told_of_stock = Some(steady);
            self.compare(stock, now, rng);
        }
        self.settle(now, rng);
        self.finish()
    }

    /// The relay has nothing of us. If it had, it has lost its store, and everything is published anew.
    pub fn relay_has_forgotten(&mut self, now: Now, rng: &mut dyn CryptoRng) -> Outcome {
        self.profile.published_list = None;
        self.save_profile();
        self.compare(PreKeyStock::NOTHING, now, rng);
        self.finish()
    }

    /// Tops up what the relay has, and says how it disagrees. The upload mends that; but not what is behind it.
    fn compare(&mut self, stock: PreKeyStock, now: Now, rng: &mut dyn CryptoRng) {
        let trouble = match self.maintain_account(Some(stock), now, rng) {
            None => return,
            Some(StockDisagreement::AccountWentBack) => {
                "the relay has prekeys of ours that were never made here: this store was put back to an older state, or \
                 a copy of it runs elsewhere. End the copy, and /restored makes the best of it"
            }
            Some(StockDisagreement::ServerWentBack) => {
                "the relay has lost prekeys of ours: others are published"
            }
            Some(StockDisagreement::OtherDevice) => {
                "the relay had prekeys of another device under our name: ask its operator"
            }
            Some(_) => "the relay had prekeys of ours that are not held here: others are published",
        };
        self.notice(Notice::Trouble(trouble.into()));
    }
}
