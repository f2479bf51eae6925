//! OwnDevices: this device among the others of its person, and linking.

use evanesce::person::{
    LinkCode, LinkMessage, LinkOffer, OwnDevices, PeopleChanges, Restored, VerifiedList,
};
use wasm_bindgen::prelude::wasm_bindgen;

use crate::account::{RawAccount, RawBundle};
use crate::errors::Refusal;
use crate::expiry::RawScheduler;
use crate::people::contacts::{RawContacts, RawPerson, copied};
use crate::people::list;
use crate::random::Random;
use crate::shapes::{address, device, identity, time};
use crate::storage::stored;
use crate::values::{Bytes, Out, Shown, object, shown};

/// This device, and the person that it is of.
#[wasm_bindgen]
pub struct RawOwnDevices(pub(crate) OwnDevices);

stored!(RawOwnDevices, OwnDevices);

#[wasm_bindgen]
impl RawOwnDevices {
    pub fn of(account: &RawAccount) -> Self {
        Self(OwnDevices::new(&account.0))
    }

    pub fn belonging_to(account: &RawAccount, owner: &[u8]) -> Result<Self, Refusal> {
        Ok(Self(OwnDevices::belonging_to(&account.0, identity(owner)?)))
    }

    pub fn person(&self) -> Result<RawPerson, Refusal> {
        copied(self.0.person())
    }

    pub fn device(&self) -> Vec<u8> {
        shown(self.0.device())
    }

    pub fn digits(&self) -> String {
        self.0.digits()
    }

    pub fn is_owner(&self) -> bool {
        self.0.is_owner()
    }

    pub fn is_listed(&self) -> bool {
        self.0.is_listed()
    }

    pub fn is_removed(&self) -> bool {
        self.0.is_removed()
    }

    pub fn is_put_back(&self) -> bool {
        self.0.is_put_back()
    }

    pub fn unconfirmed(&self) -> Vec<u8> {
        let devices: Vec<_> = self.0.unconfirmed().iter().collect();
        shown(&devices)
    }

    pub fn address_changed(&mut self, account: &RawAccount) -> bool {
        self.0.address_changed(&account.0)
    }

    pub fn confirm(&mut self, its: &[u8], at: &[u8]) -> Result<bool, Refusal> {
        Ok(self.0.confirm(&device(its, at)?))
    }

    pub fn confirm_all(&mut self) -> bool {
        self.0.confirm_all()
    }

    pub fn adopt(&mut self, bytes: &[u8], now: f64) -> Result<Vec<u8>, Refusal> {
        let list = list(bytes, now)?;
        Ok(shown(&self.0.adopt(list, time(now))?))
    }

    pub fn refresh(&mut self, account: &RawAccount, now: f64) -> Result<Vec<u8>, Refusal> {
        Ok(shown(&self.0.refresh(&account.0, time(now))?))
    }

    pub fn remove(
        &mut self,
        account: &RawAccount,
        at: &[u8],
        now: f64,
    ) -> Result<Vec<u8>, Refusal> {
        Ok(shown(self.0.remove(&account.0, &address(at)?, time(now))?))
    }

    pub fn maintain(&mut self, now: f64) -> bool {
        self.0.maintain(time(now))
    }

    pub fn show_link_code(&mut self, now: f64) -> Vec<u8> {
        shown(&self.0.show_link_code(time(now), &mut Random))
    }

    pub fn offer_link(
        &mut self,
        account: &RawAccount,
        contacts: &RawContacts,
        code: &[u8],
        bundle: &RawBundle,
        now: f64,
    ) -> Result<Vec<u8>, Refusal> {
        let code = LinkCode::decode(code)?;
        let mut shelf = contacts.shelf()?;
        let (peers, bundle) = (&mut shelf.contacts.peers, bundle.0.clone());
        let offer = self.0.offer_link(&account.0, peers, &code, bundle, time(now), &mut Random)?;
        shelf.number();
        Ok(shown(&offer))
    }

    pub fn open_link_offer(
        &mut self,
        account: &mut RawAccount,
        contacts: &RawContacts,
        message: &[u8],
        now: f64,
    ) -> Result<Vec<u8>, Refusal> {
        let mut shelf = contacts.shelf()?;
        let peers = &mut shelf.contacts.peers;
        let offer = self.0.open_link_offer(&mut account.0, peers, message, time(now))?;
        shelf.number();
        Ok(shown(&offer))
    }

    pub fn answer_link_offer(
        &mut self,
        account: &RawAccount,
        contacts: &RawContacts,
        now: f64,
    ) -> Result<Vec<u8>, Refusal> {
        let peers = &mut contacts.shelf()?.contacts.peers;
        Ok(shown(&self.0.answer_link_offer(&account.0, peers, time(now), &mut Random)?))
    }

    pub fn finish_link(
        &mut self,
        account: &RawAccount,
        contacts: &RawContacts,
        message: &[u8],
        now: f64,
    ) -> Result<Vec<u8>, Refusal> {
        let peers = &mut contacts.shelf()?.contacts.peers;
        let (list, changes) = self.0.finish_link(&account.0, peers, message, time(now))?;
        Ok(shown(&Linked { list, changes }))
    }

    pub fn cancel_link(&mut self) -> bool {
        self.0.cancel_link()
    }

    /// At the time of the scheduler's last call.
    pub fn restored_from_backup(
        &mut self,
        account: &mut RawAccount,
        contacts: &RawContacts,
        expiry: &mut RawScheduler,
    ) -> Result<Vec<u8>, Refusal> {
        let (contacts, now) = (&mut contacts.shelf()?.contacts, expiry.1);
        let restored =
            self.0.restored_from_backup(&mut account.0, contacts, &mut expiry.0, now, &mut Random);
        Ok(shown(&restored))
    }
}

impl Shown for LinkMessage {
    fn show(&self, out: &mut Out) {
        let Self { message, session, changes, .. } = self;
        object!(
            out,
            to: Bytes(message.to.as_bytes()),
            message: Bytes(&message.message),
            session: session,
            changes: changes,
        );
    }
}

impl Shown for LinkOffer {
    fn show(&self, out: &mut Out) {
        let Self { owner, digits, is_new, changes, .. } = self;
        object!(out, owner: owner, digits: digits, isNew: is_new, changes: changes);
    }
}

/// What came of linking.
struct Linked {
    list: VerifiedList,
    changes: PeopleChanges,
}

impl Shown for Linked {
    fn show(&self, out: &mut Out) {
        object!(out, list: self.list, changes: self.changes);
    }
}

impl Shown for Restored {
    fn show(&self, out: &mut Out) {
        let Self { maintained, effects, changes, .. } = self;
        let upload = maintained.upload.as_ref().map(|upload| Bytes(upload.encode()));
        object!(out, upload: upload, effects: effects, changes: changes);
    }
}
