//! What comes from devices of people, and what became known with it.

use evanesce::person::{
    ContactDecision, ListError, PartRefusal, PersonDelivered, PersonEvent, Whose,
};
use wasm_bindgen::prelude::wasm_bindgen;

use crate::account::RawAccount;
use crate::errors::{Coded, Refusal};
use crate::expiry::Told;
use crate::people::contacts::RawContacts;
use crate::people::own_devices::RawOwnDevices;
use crate::shapes::{address, time};
use crate::values::words::Word;
use crate::values::{Bytes, Listed, Out, Shown, object, shown};

/// A message that has opened, until the groups have heard what came with it.
#[wasm_bindgen]
pub struct RawPersonDelivered {
    shown: Vec<u8>,
    #[cfg_attr(not(feature = "groups"), expect(dead_code, reason = "groups alone look at it"))]
    pub(crate) delivered: PersonDelivered,
}

#[wasm_bindgen]
impl RawPersonDelivered {
    pub fn shown(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.shown)
    }
}

#[wasm_bindgen]
impl RawOwnDevices {
    pub fn decrypt(
        &mut self,
        account: &mut RawAccount,
        contacts: &RawContacts,
        from: &[u8],
        message: &[u8],
        ad: &[u8],
        now: f64,
    ) -> Result<RawPersonDelivered, Refusal> {
        let (from, now, mut shelf) = (address(from)?, time(now), contacts.shelf()?);
        let contacts = &mut shelf.contacts;
        let mut delivered = self.0.decrypt(&mut account.0, contacts, &from, message, ad, now)?;
        shelf.number();
        let shown = shown(&delivered);
        // Of the message itself nothing is left here.
        delivered.delivered.received.body = Vec::new();
        delivered.delivered.received.evidence = None;
        Ok(RawPersonDelivered { shown, delivered })
    }
}

impl Shown for PersonDelivered {
    fn show(&self, out: &mut Out) {
        let told: Vec<_> = self.told.iter().map(|(event, age)| Told(*event, *age)).collect();
        object!(
            out,
            received: self.delivered.received,
            beganSession: self.delivered.began_session,
            device: self.device,
            standing: self.standing,
            person: self.person,
            author: self.author(),
            isUnconfirmed: self.is_unconfirmed,
            isRefused: self.is_refused,
            events: Listed(self.events.iter()),
            told: told,
            copyOf: self.copy_of.map(Bytes),
            isControl: self.is_control,
            skippedParts: Listed(self.skipped_parts.iter()),
            changes: self.changes,
        );
    }
}

impl Shown for PersonEvent {
    fn show(&self, out: &mut Out) {
        match self {
            Self::Adopted { owner, version, came, went, unknown_own } => object!(
                out,
                kind: Word::adopted,
                owner: owner,
                version: version,
                came: Listed(came.iter()),
                went: Listed(went.iter()),
                unknownOwn: unknown_own,
            ),
            Self::Joined { owner, device } => {
                object!(out, kind: Word::joined, owner: owner, device: device)
            }
            Self::ListedTwice { device, of, also } => {
                object!(out, kind: Word::listedTwice, device: device, of: of, also: also)
            }
            Self::Given(list) => object!(out, kind: Word::given, list: list),
            Self::Equivocation { held, other } => {
                object!(out, kind: Word::equivocation, held: held, other: other)
            }
            Self::ListBehind { of, version } => {
                object!(out, kind: Word::listBehind, of: of, version: version)
            }
            Self::ListsDiffer { of, version } => {
                object!(out, kind: Word::listsDiffer, of: of, version: version)
            }
            Self::DecidedElsewhere { owner, contact, verified } => object!(
                out,
                kind: Word::decidedElsewhere,
                owner: owner,
                contact: contact,
                verified: verified,
            ),
            Self::Known(device) => object!(out, kind: Word::known, device: device),
            Self::RemovalAsked { device } => {
                object!(out, kind: Word::removalAsked, device: device)
            }
            Self::Refused { part, reason } => {
                object!(out, kind: Word::refused, part: part, reason: reason)
            }
            _ => object!(out, kind: Word::other),
        }
    }
}

impl Shown for Whose {
    fn show(&self, out: &mut Out) {
        match self {
            Self::Ours => Word::ours,
            Self::Theirs => Word::theirs,
        }
        .show(out);
    }
}

impl Shown for ContactDecision {
    fn show(&self, out: &mut Out) {
        match self {
            Self::Accepted => Word::accepted,
            Self::Request => Word::request,
            Self::Refused => Word::refused,
            _ => Word::other,
        }
        .show(out);
    }
}

/// As codes are: most of them are what a call would be refused with.
impl Shown for PartRefusal {
    fn show(&self, out: &mut Out) {
        match self {
            Self::List(error) => ListError::code(error),
            Self::OlderList => Word::older_list,
            Self::Expired => Word::expired,
            Self::NotNamed => Word::not_named,
            Self::TooManyLists => Word::too_many_lists,
            Self::NotOwn => Word::not_own,
            Self::NotLinking => Word::not_linking,
            Self::Malformed => Word::malformed,
            Self::VersionJump => Word::version_jump,
            Self::TooManyPeople => Word::too_many_people,
            _ => Word::other,
        }
        .show(out);
    }
}
