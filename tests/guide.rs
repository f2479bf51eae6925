//! The code of docs/guide.md, as it stands there: it runs here as stories.

use std::collections::{BTreeMap, BTreeSet};
use std::error::Error;
use std::ops::Range;
use std::time::Duration;

use evanesce::attachment::{
    AttachmentCheckpoint, AttachmentReference, AttachmentSealer, BlobLayout, RangeError, SealError,
};
use evanesce::expiry::{
    Age, ContentKey, ConversationId, DeviceEvent, Effects, ExpiryEvent, ExpiryScheduler,
    MalformedStamp, MessageId, NewMessage, Now, OpenError, Opens, Parts, Policy, RecordWrite,
    Setting, SettingRefusal, SettingVersion, Stamp, Unsent, Verdict, Visibility,
};
use evanesce::group::{
    Broadcast, Change, Group, GroupChange, GroupChangeError, GroupChanges, GroupDecryptError,
    GroupDelivered, GroupEncryptError, GroupEvent, GroupId, GroupOutgoing, Groups, HeldMessages,
    InvitationName, Unblocked,
};
use evanesce::limits::{Limits, SessionLimits};
use evanesce::person::{
    AddressedMessage, Contacts, DeviceList, FanOutError, Obstacle, OwnDevices, OwnEvent,
    PeopleChanges, Person, PersonEvent, Standing, Unreached, VerifiedList,
};
use evanesce::rand_core::{CryptoRng, Rng};
use evanesce::report::{
    Commitment, Evidence, Postmark, ProofError, ProvenMessage, Report, ServerKey,
};
use evanesce::server::{PreKeyStock, PreKeyUpload, PublishedPreKeys};
use evanesce::snapshot::StorageKey;
use evanesce::zeroize::Zeroizing;
use evanesce::{
    Account, Address, Changes, Contact, DecodeError, Delivered, Device, IdentityKey, Payload, Peer,
    PeerDecryptError, PeerEncryptError, PeerInitiateError, PreKeyBundle, SafetyNumber, SenderIndex,
    SessionNeed, StockDisagreement, Suite, Timestamp, VerifiedBundle, VerifyError,
};
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::SeedableRng;

// guide: the application
/// What the application holds of one device.
struct Phone {
    account: Account,
    /// Each under the address that it had when it was met: its row and its conversation are called so for ever.
    peers: BTreeMap<Address, Peer>,
    expiry: ExpiryScheduler,
    storage_key: StorageKey,
    store: Store,
    /// What the user is to be told or asked.
    notices: Vec<Notice>,
    /// To whom a message is due, be it an empty one: `pay`, in step 5.
    owed: BTreeSet<Address>,
    /// When a bundle was fetched in vain: step 3.
    in_vain: BTreeMap<Address, Timestamp>,
    /// What is expected next, and of whom: step 9.
    expected: SenderIndex<Address>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Told {
    WroteFirst,
    IdentityChanged,
    Moved,
    /// The server gives no bundle of theirs that can be used, or says that messages are from others than they are.
    ServerIsWrong,
    /// Messages were lost: either side may have to say again what it said.
    SomethingIsMissing,
}

#[derive(Debug, PartialEq)]
enum Notice {
    Of(Address, Told),
    TimerChanged {
        conversation: ConversationId,
        previous: Option<Setting>,
        setting: Setting,
    },
    TimerRefused {
        conversation: ConversationId,
        setting: Setting,
        refusal: SettingRefusal,
    },
    NeverSent(MessageId),
    /// Its notification goes.
    ReadElsewhere(MessageId),
    /// This device was put back, or another one runs with its keys: step 10.
    PutBack,
    /// Another device publishes at this one's address.
    AddressTaken,
}
// guide: end

/// A database in which a transaction is one call.
#[derive(Default)]
struct Store {
    rows: BTreeMap<Vec<u8>, Vec<u8>>,
}

/// A row, and what it holds from now on: nothing if it goes.
struct Row {
    place: Vec<u8>,
    value: Option<Vec<u8>>,
}

impl Row {
    fn holding(place: Vec<u8>, value: Vec<u8>) -> Self {
        Self { place, value: Some(value) }
    }

    fn gone(place: Vec<u8>) -> Self {
        Self { place, value: None }
    }
}

impl Store {
    fn transaction(&mut self, rows: impl IntoIterator<Item = Row>) {
        for Row { place, value } in rows {
            match value {
                Some(value) => _ = self.rows.insert(place, value),
                None => _ = self.rows.remove(&place),
            }
        }
    }

    fn row(&self, key: &[u8]) -> Option<&[u8]> {
        self.rows.get(key).map(Vec::as_slice)
    }

    /// The rows whose places begin so: what follows it, and what they hold.
    fn table(&self, name: &[u8]) -> Vec<(Vec<u8>, Vec<u8>)> {
        let rows = self.rows.iter().filter(|(key, _)| key.starts_with(name));
        rows.map(|(key, value)| (key[name.len()..].to_vec(), value.clone())).collect()
    }
}

/// A server that devices publish on and fetch from.
#[derive(Default)]
struct Server {
    published: BTreeMap<Address, PublishedPreKeys>,
    mail: Vec<(Address, Vec<u8>)>,
}

impl Server {
    fn take(&mut self, to: Address, message: Vec<u8>) {
        self.mail.push((to, message));
    }

    /// What has come for an address, in order; for good, where a server would wait until it is acknowledged.
    fn mail_for(&mut self, name: &Address) -> Vec<Vec<u8>> {
        let (theirs, others) = self.mail.drain(..).partition(|(to, _)| to == name);
        self.mail = others;
        let theirs: Vec<(Address, Vec<u8>)> = theirs;
        theirs.into_iter().map(|(_, message)| message).collect()
    }

    /// A device has left this address.
    fn forget(&mut self, address: &Address) {
        self.published.remove(address);
    }
}

impl Phone {
    // guide: identity
    /// `address` is the device's id at the server: `user-17/device-1`.
    fn set_up(
        address: Address,
        storage_key: StorageKey,
        now: Now,
        rng: &mut impl CryptoRng,
    ) -> Self {
        let account = Account::generate(address, now.timestamp(), rng);
        let expiry = ExpiryScheduler::new(now, rng);
        let mut phone = Self::holding(account, expiry, storage_key, Store::default());
        let mut rows: Vec<Row> =
            phone.expiry.records().map(|record| phone.record_row(&record, rng)).collect();
        rows.push(phone.account_row(rng));
        phone.store.transaction(rows);
        phone
    }
    // guide: end

    fn holding(
        account: Account,
        expiry: ExpiryScheduler,
        storage_key: StorageKey,
        store: Store,
    ) -> Self {
        let (peers, notices, owed) = (BTreeMap::new(), Vec::new(), BTreeSet::new());
        let (in_vain, expected) = (BTreeMap::new(), SenderIndex::new());
        Self { account, peers, expiry, storage_key, store, notices, owed, in_vain, expected }
    }

    // guide: publishing
    fn publish(
        &mut self,
        server: &mut Server,
        now: Now,
        rng: &mut impl CryptoRng,
    ) -> Result<(), Box<dyn Error>> {
        let address = self.account.device().address;
        let stock = PreKeyStock::decode(&server.stock(&address)).ok(); // `None` if it cannot be asked
        let maintained = self.account.maintain(stock, now.timestamp(), rng);
        if maintained.changes.account {
            self.write_account(rng); // the secrets are stored before the prekeys are known
        }
        match maintained.disagreement {
            None => {}
            // The upload mends it, at once or later.
            Some(StockDisagreement::ServerWentBack | StockDisagreement::NotHeld) => {}
            // For the user to decide first: `restored_from_backup` if they do not know why, then publish again.
            Some(StockDisagreement::AccountWentBack) => {
                self.notices.push(Notice::PutBack);
                return Ok(());
            }
            Some(StockDisagreement::OtherDevice) => {
                self.notices.push(Notice::AddressTaken);
                return Ok(());
            }
            Some(_) => {}
        }
        self.upload(server, now, rng)
    }

    fn upload(
        &mut self,
        server: &mut Server,
        now: Now,
        rng: &mut impl CryptoRng,
    ) -> Result<(), Box<dyn Error>> {
        if let Some(upload) = self.account.pending_upload() {
            server.publish(&upload.encode(), now)?;
            if self.account.mark_published(&upload).account {
                self.write_account(rng);
            }
        }
        Ok(())
    }
    // guide: end
}

// guide: the server
impl Server {
    /// From somebody who has proved, in the server's own way, that the address is theirs.
    fn publish(&mut self, upload: &[u8], now: Now) -> Result<(), Box<dyn Error>> {
        let upload = PreKeyUpload::decode(upload)?;
        let device = upload.bundle().verify(now.timestamp())?.device().clone();
        match self.published.get_mut(&device.address) {
            Some(published) => published.publish(upload),
            None => _ = self.published.insert(device.address, PublishedPreKeys::new(upload)),
        }
        Ok(())
    }

    /// What is left of a device's prekeys. It asks, to know how many more to make.
    fn stock(&self, address: &Address) -> Vec<u8> {
        let published = self.published.get(address);
        published.map_or(PreKeyStock::NOTHING, PublishedPreKeys::stock).encode()
    }

    /// A bundle for one who wants to write. Stored before it leaves: its one-time prekey is for nobody else.
    fn hand_out(&mut self, address: &Address) -> Option<Vec<u8>> {
        Some(self.published.get_mut(address)?.hand_out())
    }
}
// guide: end

impl Phone {
    // guide: first message
    /// Begins a session, if one is needed and a good bundle is to be had. If none is, what there is serves on.
    fn session_with(
        &mut self,
        name: &Address,
        server: &mut Server,
        now: Now,
        rng: &mut impl CryptoRng,
    ) {
        let stranger = self.stranger(name);
        let peer = self.peers.entry(name.clone()).or_insert(stranger);
        if peer.session_need(now.timestamp()).is_none() {
            return;
        }
        // Each bundle costs its device a one-time prekey: after one in vain, none for an hour.
        let rests = |since: &Timestamp| {
            (*since..since.plus(Duration::from_secs(3_600))).contains(&now.timestamp())
        };
        if self.in_vain.get(name).is_some_and(rests) {
            return;
        }
        let Some(bundle) = server.hand_out(peer.address()) else {
            return; // nobody has published there
        };
        self.in_vain.insert(name.clone(), now.timestamp()); // until it has begun a session
        let bundle = match PreKeyBundle::decode(&bundle).map(|it| it.verify(now.timestamp())) {
            Ok(Ok(bundle)) => bundle,
            Ok(Err(VerifyError::Expired)) => return, // that device has been away for weeks
            Ok(Err(
                VerifyError::Malformed
                | VerifyError::WeakKey
                | VerifyError::BadSignature
                | VerifyError::NotYetValid,
            ))
            | Err(DecodeError::Malformed | DecodeError::Unsupported) => {
                return self.tell(name, Told::ServerIsWrong);
            }
            Ok(Err(_)) | Err(_) => return self.tell(name, Told::ServerIsWrong),
        };
        self.begin(name, bundle, now, rng);
    }

    fn begin(
        &mut self,
        name: &Address,
        bundle: VerifiedBundle,
        now: Now,
        rng: &mut impl CryptoRng,
    ) {
        let may_be_there = self.may_be_at(name, &bundle.device().address, now);
        let Some(peer) = self.peers.get_mut(name) else { return };
        let changes = match peer.initiate(&self.account, bundle.clone(), now.timestamp(), rng) {
            Ok(changes) => changes,
            Err(PeerInitiateError::IdentityChanged(identity)) => {
                let changes = peer.note_identity(identity); // nothing is sent until the user decides
                if changes.peer {
                    self.tell(name, Told::IdentityChanged); // nobody is asked twice, nor of one that was rejected
                }
                changes
            }
            // The identity that is pinned has signed a bundle for another address: step 6 has the rule.
            Err(PeerInitiateError::AddressChanged) if may_be_there => {
                let followed = peer.follow_bundle(&bundle, now.timestamp());
                let Ok(changes) = followed else { return }; // it is of that identity: `initiate` has looked
                self.write(changes, name, vec![], rng);
                self.tell(name, Told::Moved);
                return self.begin(name, bundle, now, rng);
            }
            Err(PeerInitiateError::Request) => return, // `session_need` has said so
            Err(
                PeerInitiateError::OwnDevice
                | PeerInitiateError::OtherAddress
                | PeerInitiateError::AddressChanged
                | PeerInitiateError::WeakKey,
            ) => return self.tell(name, Told::ServerIsWrong),
            Err(_) => return self.tell(name, Told::ServerIsWrong),
        };
        if changes.session.is_some() {
            self.in_vain.remove(name);
        }
        let (sent_again, rows) = self.send_again(name, now, rng); // what nobody has confirmed: step 5
        self.write(changes.and(sent_again), name, rows, rng);
    }

    /// A device of which the address alone is known.
    fn stranger(&self, name: &Address) -> Peer {
        let mut peer = Peer::new(name.clone());
        let _stored_later = peer.set_session_limits(self.session_limits(name));
        peer
    }
    // guide: end
}

// guide: content
/// The author's own id of a message, drawn at random: with the author, it makes the `MessageId`.
type OwnId = [u8; 16];

/// What stands in bodies.
enum Content {
    Text(OwnId, String),
    /// A message of that id has come: it need not be sent again.
    Received(OwnId),
    /// Its author takes it back.
    TakenBack(OwnId),
    /// This device is reached there from now on.
    Moved(Address),
    /// In the store alone: a text under its content key.
    Sealed(OwnId, Vec<u8>),
}

/// One conversation with each peer, called by what it was called first.
fn conversation_with(name: &Address) -> ConversationId {
    ConversationId::named(name.as_bytes())
}

/// What the user is told who cannot send. What they typed stays where it is.
fn why_not_sent(error: PeerEncryptError) -> &'static str {
    match error {
        PeerEncryptError::Request => "Accept the request first.",
        PeerEncryptError::IdentityUndecided => "Their key has changed: compare, and decide.",
        PeerEncryptError::NeedsSession => "They cannot be reached now. Try again later.",
        PeerEncryptError::TooLarge => "That is too long for one message.",
        _ => "It cannot be sent.",
    }
}
// guide: end

impl Phone {
    // guide: storing
    fn write(
        &mut self,
        changes: Changes,
        name: &Address,
        mut rows: Vec<Row>,
        rng: &mut impl CryptoRng,
    ) {
        if changes.account {
            rows.push(self.account_row(rng));
        }
        if changes.peer {
            rows.extend(self.peer_row(name, rng));
            self.expect_from(name);
        }
        self.store.transaction(rows);
    }
    // guide: end

    // guide: sending
    fn send(
        &mut self,
        to: &Address,
        text: &str,
        opens: Opens,
        server: &mut Server,
        now: Now,
        rng: &mut impl CryptoRng,
    ) -> Result<MessageId, PeerEncryptError> {
        self.session_with(to, server, now, rng);
        let (author, conversation) = (self.account.member_tag(), conversation_with(to));
        let mut own_id = [0; 16];
        rng.fill_bytes(&mut own_id);
        let id = MessageId::by(author, &own_id);
        let stamp = self.expiry.stamp(conversation).with_opens(opens);
        let body = Content::Text(own_id, text.into()).encode();
        let Some(peer) = self.peers.get_mut(to) else { return Err(PeerEncryptError::NeedsSession) };
        let payload = Payload::new(body.clone()).with_stamp(stamp.clone());
        let encrypted = peer.encrypt(&payload, b"", now.timestamp(), rng)?; // if not, all is as before

        // Until it is confirmed, it is kept to be sent again to this very identity.
        let new = NewMessage::new(id, conversation, author).with_parts(Parts::RESEND_LOG);
        let again = [stamp.encode(), body].concat();
        let mut place = unconfirmed(id);
        place.extend(peer.member_tag().map_or([0; 8], |tag| tag.0));
        let mut rows = vec![self.sealed_row(place, &again, rng)];
        let arrival = self.expiry.queued(new, &stamp, now); // a new id is always kept
        rows.extend(self.settle(arrival.effects, rng));
        rows.push(self.message_row(id, conversation, &Content::Text(own_id, text.into()), rng));
        rows.push(Row::holding(self.next_in_outbox(Some(id), to), encrypted.message));
        self.write(encrypted.changes, to, rows, rng);
        Ok(id)
    }

    /// A message of the application's own, of which nothing is shown.
    fn say(
        &mut self,
        to: &Address,
        body: Vec<u8>,
        now: Now,
        rng: &mut impl CryptoRng,
    ) -> Result<(), PeerEncryptError> {
        let stamp = self.expiry.stamp(conversation_with(to));
        self.say_with(to, Payload::new(body).with_stamp(stamp), now, rng)
    }

    fn say_with(
        &mut self,
        to: &Address,
        payload: Payload,
        now: Now,
        rng: &mut impl CryptoRng,
    ) -> Result<(), PeerEncryptError> {
        let Some(peer) = self.peers.get_mut(to) else { return Err(PeerEncryptError::NeedsSession) };
        let encrypted = peer.encrypt(&payload, b"", now.timestamp(), rng)?;
        let row = Row::holding(self.next_in_outbox(None, to), encrypted.message);
        self.write(encrypted.changes, to, vec![row], rng);
        Ok(())
    }

    fn hand_over(&mut self, server: &mut Server, now: Now, rng: &mut impl CryptoRng) {
        for (place, message) in self.store.table(b"outbox/") {
            let (id, to) = named_in_outbox(&place);
            let mut rows = vec![Row::gone([b"outbox/", place.as_slice()].concat())];
            if let Some(peer) = self.peers.get(&to) {
                server.take(peer.address().clone(), message); // returns once it is on the server's disk
            }
            if let Some(id) = id {
                let effects = self.expiry.sent(id, Age::NONE, now);
                rows.extend(self.settle(effects, rng));
            }
            self.store.transaction(rows);
        }
    }
    // guide: end

    // guide: receiving
    /// Takes in what came, from whom the transport says. Once it has returned, all is stored: acknowledge.
    fn receive(
        &mut self,
        from: Option<&Address>,
        message: &[u8],
        age: Age,
        now: Now,
        rng: &mut impl CryptoRng,
    ) -> Result<Option<MessageId>, PeerDecryptError> {
        let Some(name) = self.sender(from, message, now) else {
            return Err(PeerDecryptError::NoSession); // it is of nobody
        };
        let mut stranger = self.stranger(&name);
        let peer = self.peers.get_mut(&name).unwrap_or(&mut stranger);
        let opened = match peer.decrypt_established(message, b"", now.timestamp()) {
            // Only what begins a session needs the account: a server with many peers locks it here alone.
            Err(PeerDecryptError::NeedsAccount) => {
                peer.decrypt(&mut self.account, message, b"", now.timestamp())
            }
            opened => opened,
        };
        let delivered = match opened {
            Ok(delivered) => delivered,
            Err(PeerDecryptError::AddressChanged)
                if self.follow(&name, from, message, now, rng) =>
            {
                return self.receive(from, message, age, now, rng);
            }
            Err(refusal) => {
                self.refused(&name, message, refusal, age, now, rng);
                return Err(refusal);
            }
        };
        let Delivered { received, author, began_session, mut changes, .. } = delivered;
        if !self.peers.contains_key(&name) {
            self.peers.insert(name.clone(), stranger);
            self.tell(&name, Told::WroteFirst);
        }
        if received.dropped_keys > 0 || received.peer_went_back {
            self.tell(&name, Told::SomethingIsMissing);
        }

        let (conversation, by) = (conversation_with(&name), author.member_tag());
        let (mut rows, mut shown, mut answer) = (Vec::new(), None, None);
        let content = Content::decode(&received.body);
        if !matches!(content, Some(Content::Text(..))) {
            let effects = self.expiry.heard(conversation, &received.stamp, age, now);
            rows.extend(self.settle(effects, rng));
        }
        match content {
            Some(Content::Text(own_id, text)) => {
                let id = MessageId::by(by, &own_id);
                let (content, key) = self.to_be_kept(id, own_id, text, &received.stamp, rng);
                let mut new = NewMessage::new(id, conversation, by);
                if let Some(key) = key {
                    new = new.sealed_under(key);
                }
                let arrival = self.expiry.received(new, &received.stamp, age, now);
                rows.extend(self.settle(arrival.effects, rng));
                match arrival.verdict {
                    Verdict::Keep if self.place_of(id).is_none() => {
                        rows.push(self.message_row(id, conversation, &content, rng));
                        shown = Some(id);
                    }
                    Verdict::Keep | Verdict::Known => {} // it is here already
                    Verdict::Late => {}                  // it had ended
                    Verdict::IdTaken => {}               // its author used an id twice
                }
                answer = Some(Content::Received(own_id).encode());
            }
            Some(Content::Received(own_id)) => {
                let id = MessageId::by(self.account.member_tag(), &own_id);
                rows.extend(self.rows_gone(&unconfirmed(id)));
                let effects = self.expiry.done(id, Parts::RESEND_LOG, now);
                rows.extend(self.settle(effects, rng));
            }
            Some(Content::TakenBack(own_id)) => {
                let id = MessageId::by(by, &own_id); // so it can be nobody else's
                match self.expiry.unsent(id, by, now) {
                    Unsent::Due(effects) => rows.extend(self.settle(effects, rng)),
                    // It has no end, or has not come.
                    Unsent::Unknown(effects) => {
                        let effects = effects.and(self.expiry.deleted(id, now));
                        rows.extend(self.settle(effects, rng));
                        rows.extend(self.rows_gone(&message_place(id)));
                    }
                    Unsent::NotAuthor | Unsent::Gone => {}
                    _ => {}
                }
            }
            Some(Content::Moved(address)) => {
                changes = changes.and(self.moved(&name, address, from, now))
            }
            Some(Content::Sealed(..)) | None => {} // empty, or not for us: its stamp has been heard
        }
        if began_session {
            let (sent_again, again) = self.send_again(&name, now, rng);
            changes = changes.and(sent_again);
            rows.extend(again);
        }
        self.write(changes, &name, rows, rng);
        if let Some(answer) = answer {
            let _not_to_a_request = self.say(&name, answer, now, rng);
        }
        self.look_after(&name, now);
        Ok(shown)
    }

    /// What is kept of a text: sealed, if it may be opened once or twice, under a key that the scheduler keeps.
    fn to_be_kept(
        &self,
        id: MessageId,
        own_id: OwnId,
        text: String,
        stamp: &Result<Stamp, MalformedStamp>,
        rng: &mut impl CryptoRng,
    ) -> (Content, Option<ContentKey>) {
        match stamp.as_ref().map_or(Opens::Unlimited, |stamp| stamp.opens) {
            Opens::Unlimited => (Content::Text(own_id, text), None),
            Opens::Once | Opens::Twice => {
                let key = ContentKey::generate(rng);
                let sealed = key.seal(id, Parts::BODY, text.as_bytes());
                (Content::Sealed(own_id, sealed), Some(key))
            }
        }
    }
    // guide: end

    // guide: refusals
    fn refused(
        &mut self,
        name: &Address,
        message: &[u8],
        refusal: PeerDecryptError,
        age: Age,
        now: Now,
        rng: &mut impl CryptoRng,
    ) {
        let Some(peer) = self.peers.get_mut(name) else { return }; // a stranger's: nothing is kept
        let changes = peer.note_refusal(message, &refusal, now.timestamp());
        let mut rows = Vec::new();
        match refusal {
            // It was here before, or is of no use to anybody.
            PeerDecryptError::Duplicate
            | PeerDecryptError::Malformed
            | PeerDecryptError::Expired
            | PeerDecryptError::Refused => {}
            // Perhaps a session was lost: `look_after` asks.
            PeerDecryptError::Undecryptable
            | PeerDecryptError::NoSession
            | PeerDecryptError::UnknownPreKey
            | PeerDecryptError::Replayed
            | PeerDecryptError::NumberReused
            | PeerDecryptError::Forked => {}
            // A new signed prekey helps those that come later. It is uploaded at the next `upkeep`.
            PeerDecryptError::ReplayRecordFull => {
                let changes = self.account.maintain(None, now.timestamp(), rng).changes;
                rows.extend(changes.account.then(|| self.account_row(rng)));
            }
            PeerDecryptError::IdentityChanged(_) => {
                rows.extend(self.kept_row(name, message, age, now));
                if changes.peer {
                    self.tell(name, Told::IdentityChanged); // once, not for each message
                }
            }
            // Somebody whom we know is at that address, or it is for a later release of this application.
            PeerDecryptError::AddressChanged | PeerDecryptError::Unsupported => {
                rows.extend(self.kept_row(name, message, age, now));
            }
            // Or it is of somebody who has an address that this peer left: not where ids are never given to another.
            PeerDecryptError::OtherAddress => self.tell(name, Told::ServerIsWrong),
            PeerDecryptError::NeedsAccount => {} // `receive` has offered it to `decrypt`
            _ => {}
        }
        self.write(changes, name, rows, rng);
        self.look_after(name, now);
    }

    /// Offers once more what was kept: after a decision, and at a start, perhaps of a later release.
    fn offer_again(&mut self, name: &Address, now: Now, rng: &mut impl CryptoRng) {
        for (place, age, message) in self.kept(name, now) {
            let from = self.peers.get(name).map(|peer| peer.address().clone());
            match self.receive(from.as_ref(), &message, age, now, rng) {
                Err(
                    PeerDecryptError::IdentityChanged(_)
                    | PeerDecryptError::AddressChanged
                    | PeerDecryptError::Unsupported,
                ) => {} // it waits on
                Ok(_) | Err(_) => self.store.transaction([Row::gone(place)]),
            }
        }
    }

    /// Asks whether sessions were lost. At a start too: the peer remembers it.
    fn look_after(&mut self, name: &Address, now: Now) {
        let need = self.peers.get(name).and_then(|peer| peer.session_need(now.timestamp()));
        match need {
            Some(SessionNeed::Lost) => _ = self.owed.insert(name.clone()),
            // When there is something to send, `send` begins one.
            Some(
                SessionNeed::NoSession | SessionNeed::Unanswered | SessionNeed::ChainNearlyFull,
            ) => {}
            None => {}
            Some(_) => {}
        }
    }

    /// Sends what is owed: an empty message, which shows the session and the timer. At once where the server knows
    /// who writes to whom; where it does not, for a peer that something is sent to anyway.
    fn pay(&mut self, server: &mut Server, now: Now, rng: &mut impl CryptoRng) {
        for name in std::mem::take(&mut self.owed) {
            self.session_with(&name, server, now, rng);
            match self.say(&name, vec![], now, rng) {
                Ok(()) => {}
                Err(PeerEncryptError::NeedsSession | PeerEncryptError::IdentityUndecided) => {
                    self.owed.insert(name); // later
                }
                Err(PeerEncryptError::Request | PeerEncryptError::TooLarge) => {}
                Err(_) => {}
            }
        }
    }

    /// A session was begun by either side, and what was sent before may not have been read: what nobody has confirmed
    /// goes again, as new messages. By its id the receiver shows it once.
    fn send_again(
        &mut self,
        name: &Address,
        now: Now,
        rng: &mut impl CryptoRng,
    ) -> (Changes, Vec<Row>) {
        let (mut changes, mut rows) = (Changes::default(), Vec::new());
        let waiting = self.waiting_for(name);
        let Some(peer) = self.peers.get_mut(name) else { return (changes, rows) };
        let mut messages = Vec::new();
        for (id, again) in waiting {
            let Some((stamp, body)) = Stamp::decode(&again) else { continue };
            let payload = Payload::new(body).with_stamp(stamp);
            match peer.encrypt(&payload, b"", now.timestamp(), rng) {
                Ok(encrypted) => {
                    changes = changes.and(encrypted.changes);
                    messages.push((id, encrypted.message));
                }
                Err(_) => break, // it waits on
            }
        }
        for (number, (id, message)) in (0..).zip(messages) {
            rows.push(Row::holding(self.place_in_outbox(number, Some(id), name), message));
        }
        (changes, rows)
    }
    // guide: end

    // guide: peers
    fn answer_request(
        &mut self,
        name: &Address,
        answer: Answer,
        now: Now,
        rng: &mut impl CryptoRng,
    ) {
        if let Some(peer) = self.peers.get_mut(name) {
            let changes = match answer {
                Answer::Accept => peer.accept_request(), // also unblocks
                Answer::Refuse => peer.refuse(),         // also blocks
            };
            self.write(changes, name, vec![], rng);
            self.look_after(name, now); // who was refused has no session: it says `Lost`
        }
    }

    /// The user deletes a contact, or a request. What was said goes; the row of the peer stays, with its sessions.
    fn delete_contact(&mut self, name: &Address, now: Now, rng: &mut impl CryptoRng) {
        let Some(peer) = self.peers.get_mut(name) else { return };
        let changes = peer.set_back_to_request();
        let conversation = conversation_with(name);
        let effects = self.expiry.conversation_deleted(conversation, now);
        let mut rows = self.settle(effects, rng);
        rows.extend(self.messages_gone(conversation)); // those that are not held too, since they have no end
        self.write(changes, name, rows, rng);
    }
    // guide: end

    // guide: moving
    /// This device is reached elsewhere from now on; its account at the server has moved.
    fn move_to(
        &mut self,
        address: Address,
        server: &mut Server,
        now: Now,
        rng: &mut impl CryptoRng,
    ) -> Result<(), Box<dyn Error>> {
        let former = self.account.device().address;
        if self.account.change_address(address.clone(), now.timestamp(), rng).changes.account {
            self.write_account(rng);
        }
        self.upload(server, now, rng)?;
        server.forget(&former);
        for name in self.peers.keys().cloned().collect::<Vec<_>>() {
            // What nobody has answered would go on to name the former address.
            let changes = self.peers.get_mut(&name).map(Peer::own_address_changed);
            self.write(changes.unwrap_or_default(), &name, vec![], rng);
            let _who_cannot_be_told_learns_it_by_a_bundle =
                self.say(&name, Content::Moved(address.clone()).encode(), now, rng);
            self.look_after(&name, now); // another session is begun for that, by `pay`
        }
        Ok(())
    }

    /// Whether a peer may be at another address: it can name any. The application's rule: if nobody else is there.
    fn may_be_at(&self, name: &Address, address: &Address, now: Now) -> bool {
        let others = self.peers.iter().filter(|(other, _)| *other != name);
        *address != self.account.device().address
            && others.map(|(_, peer)| peer).all(|peer| !peer.is_at(address, now.timestamp()))
    }

    /// A peer says that it has moved: in a message that comes from there, where the transport says from where.
    fn moved(
        &mut self,
        name: &Address,
        address: Address,
        from: Option<&Address>,
        now: Now,
    ) -> Changes {
        let may_be_there =
            from.is_none_or(|from| *from == address) && self.may_be_at(name, &address, now);
        let peer = self.peers.get_mut(name).filter(|_| may_be_there);
        let changes = peer.map(|peer| peer.change_address(address, now.timestamp()));
        let changes = changes.unwrap_or_default();
        if changes.peer {
            self.tell(name, Told::Moved);
        }
        changes
    }

    /// A first message says that its sender has moved: its identity is the one that is pinned.
    fn follow(
        &mut self,
        name: &Address,
        from: Option<&Address>,
        message: &[u8],
        now: Now,
        rng: &mut impl CryptoRng,
    ) -> bool {
        let Ok(claimed) = self.account.claimed_sender(message) else { return false };
        let changes = self.moved(name, claimed.address, from, now);
        self.write(changes, name, vec![], rng);
        changes.peer
    }
    // guide: end

    // guide: verification
    fn safety_number(&self, name: &Address) -> Option<SafetyNumber> {
        let their = self.peers.get(name)?.device()?;
        Some(SafetyNumber::between(&self.account.device(), &their))
    }

    /// What to store when two people found their numbers to be the same: the identity, not a yes.
    fn verified(&self, name: &Address) -> Option<IdentityKey> {
        self.peers.get(name)?.contact().identity()
    }

    /// The number of the device that it would be, for the user to compare **before** they decide.
    fn undecided_number(&self, name: &Address) -> Option<SafetyNumber> {
        let their = self.peers.get(name)?.undecided_device()?;
        Some(SafetyNumber::between(&self.account.device(), &their))
    }

    /// What the user says to `Told::IdentityChanged`. Until then `encrypt` refuses.
    fn decide(
        &mut self,
        name: &Address,
        decision: Decision,
        now: Now,
        rng: &mut impl CryptoRng,
    ) -> Option<()> {
        let peer = self.peers.get_mut(name)?;
        let other = peer.undecided_identity()?;
        let changes = match decision {
            Decision::Accept => peer.accept_identity(other),
            Decision::Reject => peer.reject_identity(other),
            Decision::Later => peer.keep_identity(), // goes on with the former one; the next message asks again
        };
        self.write(changes, name, vec![], rng);
        self.in_vain.remove(name);
        match decision {
            // What came of this identity opens, or is refused for good; what came of a third one asks.
            Decision::Accept | Decision::Reject => self.offer_again(name, now, rng),
            Decision::Later => {}
        }
        Some(())
    }
    // guide: end

    // guide: disappearing
    fn set_timer(
        &mut self,
        name: &Address,
        policy: Option<Policy>,
        now: Now,
        rng: &mut impl CryptoRng,
    ) {
        let conversation = conversation_with(name);
        let effects = self.expiry.set(conversation, policy, self.account.member_tag(), now);
        let rows = self.settle(effects, rng);
        self.store.transaction(rows);
        let told = Payload::new("").with_stamp(self.expiry.stamp(conversation).announcing_change());
        if self.say_with(name, told, now, rng).is_err() {
            self.owed.insert(name.clone()); // the next message tells as well
        }
    }

    /// What to store of what a call of the scheduler brought about, with rows of its own.
    fn settle(&mut self, effects: Effects, rng: &mut impl CryptoRng) -> Vec<Row> {
        let Effects { writes, events, tell, .. } = effects;
        let mut rows: Vec<Row> = writes.iter().map(|write| self.record_row(write, rng)).collect();
        for event in events {
            match event {
                ExpiryEvent::SettingChanged { conversation, previous, setting } => {
                    self.notices.push(Notice::TimerChanged { conversation, previous, setting });
                    if let Some(name) = self.name_of(conversation) {
                        let limits = self.session_limits(&name);
                        let peer = self.peers.get_mut(&name);
                        if peer.is_some_and(|peer| peer.set_session_limits(limits).peer) {
                            rows.extend(self.peer_row(&name, rng));
                        }
                    }
                }
                ExpiryEvent::SettingRefused { conversation, setting, refusal } => {
                    self.notices.push(Notice::TimerRefused { conversation, setting, refusal });
                }
                // It is not held here, so nothing else deletes it.
                ExpiryEvent::DeletedElsewhere { id } => rows.extend(self.all_gone(id)),
                ExpiryEvent::ReadElsewhere { id } => self.notices.push(Notice::ReadElsewhere(id)),
                ExpiryEvent::EchoDue { conversation } => {
                    self.owed.extend(self.name_of(conversation));
                }
                _ => {}
            }
        }
        // To own other devices: `People with several devices`. This phone has none.
        drop(tell);
        rows
    }

    /// Keys for late messages are not held longer than the messages would live.
    fn session_limits(&self, name: &Address) -> SessionLimits {
        let limits = self.account.limits().session.clone();
        self.expiry.session_limits(conversation_with(name), limits)
    }
    // guide: end

    // guide: showing
    /// It is on the screen, of a window that the user looks at.
    fn shown(&mut self, id: MessageId, now: Now, rng: &mut impl CryptoRng) -> Option<String> {
        match self.expiry.visibility(id, now) {
            Visibility::Shown => {
                let effects = self.expiry.read(id, now);
                let rows = self.settle(effects, rng);
                self.store.transaction(rows); // the clock runs, and then it is shown
                self.text(id)
            }
            Visibility::Placeholder => Some("tap to open".into()), // and that is not reading it
            Visibility::Withheld | Visibility::Gone => None,
        }
    }

    /// The user opens what may be opened once or twice.
    fn open(
        &mut self,
        id: MessageId,
        now: Now,
        rng: &mut impl CryptoRng,
    ) -> Result<Option<String>, OpenError> {
        let mut opening = self.expiry.open(id, now)?; // Unknown, Gone, NotReady, Withheld, Ours: nothing to show
        let kept = self.content(id);
        let rows = self.settle(std::mem::take(&mut opening.effects), rng);
        self.store.transaction(rows); // it is spent, and then there is a key
        let opened = match (kept, opening.release()) {
            (Some(Content::Sealed(_, sealed)), Some(key)) => key.open(id, Parts::BODY, &sealed),
            (Some(Content::Text(_, text)), None) => return Ok(Some(text)),
            _ => None,
        };
        Ok(opened.map(|text| String::from_utf8_lossy(&text).into_owned()))
    }

    /// The user takes back what they wrote: here it goes at once, and there when they hear of it.
    fn take_back(
        &mut self,
        to: &Address,
        id: MessageId,
        now: Now,
        rng: &mut impl CryptoRng,
    ) -> Result<(), PeerEncryptError> {
        if let Some(Content::Text(own_id, _)) = self.content(id) {
            self.say(to, Content::TakenBack(own_id).encode(), now, rng)?;
        }
        let effects = self.expiry.deleted(id, now);
        let mut rows = self.settle(effects, rng);
        rows.extend(self.all_gone(id)); // it is not held if it has no end
        self.store.transaction(rows);
        Ok(())
    }

    /// At the start, when the timer fires, when the device wakes. Gives how long to sleep.
    fn purge(&mut self, now: Now, rng: &mut impl CryptoRng) -> Option<Duration> {
        loop {
            let poll = self.expiry.poll(100, now);
            let mut rows = self.settle(poll.effects, rng);
            if poll.due.is_empty() {
                self.store.transaction(rows);
                return self.expiry.next_wakeup(now);
            }
            for due in poll.due {
                let mut gone = Parts::NONE; // what is not deleted here is not confirmed, and stays due
                for part in due.parts.iter() {
                    rows.extend(match part {
                        Parts::BODY => self.all_gone(due.id),
                        Parts::RESEND_LOG => self.rows_gone(&unconfirmed(due.id)),
                        // Of a file that lies beside the database: delete it before the transaction.
                        Parts::FILE | Parts::THUMBNAIL => self.rows_gone(&file_place(due.id, part)),
                        _ => continue,
                    });
                    gone = gone | part;
                }
                if due.ended && due.unsent {
                    self.notices.push(Notice::NeverSent(due.id));
                }
                let effects = self.expiry.done(due.id, gone, now);
                rows.extend(self.settle(effects, rng));
            }
            self.store.transaction(rows);
        }
    }
    // guide: end
}

// guide: what the server knows
impl Phone {
    /// Whose message it is: by the address that the transport names, if it does, else by what the message shows.
    fn sender(&self, from: Option<&Address>, message: &[u8], now: Now) -> Option<Address> {
        let at = |address: &Address| self.find(|peer| peer.is_at(address, now.timestamp()));
        if let Some(name) = from.and_then(at) {
            return Some(name);
        }
        // Of a session that is here: looked up, or else searched.
        let found = || Peer::find_sender(message, self.peers.values());
        let searched = || self.peers.keys().nth(found()?);
        if let Some(name) = self.expected.find(message).or_else(searched) {
            return Some(name.clone());
        }
        // What begins one names its sender, sealed to us: a claim, until it has opened. Found by its address, or by
        // its identity if it has moved.
        let claimed = self.account.claimed_sender(message).ok();
        let address = from.or(claimed.as_ref().map(|device| &device.address))?;
        let is_of =
            |device: &Device, peer: &Peer| peer.contact().identity() == Some(device.identity);
        let moved = || claimed.as_ref().and_then(|device| self.find(|peer| is_of(device, peer)));
        at(address).or_else(moved).or_else(|| Some(address.clone()))
    }

    fn find(&self, is_it: impl Fn(&Peer) -> bool) -> Option<Address> {
        let found = self.peers.iter().find(|(_, peer)| is_it(peer));
        found.map(|(name, _)| name.clone())
    }

    /// Anew after each change of a peer: `write` calls it.
    fn expect_from(&mut self, name: &Address) {
        match self.peers.get(name) {
            Some(peer) => self.expected.note(name.clone(), peer),
            None => self.expected.forget(name),
        }
    }
}
// guide: end

impl Phone {
    // guide: starting
    fn start(
        store: Store,
        storage_key: StorageKey,
        server_clock: Option<Duration>,
        now: Now,
        rng: &mut impl CryptoRng,
    ) -> Result<Self, Box<dyn Error>> {
        let sealed = store.row(b"account").ok_or("nothing is stored")?;
        let account = Account::unseal(sealed, &storage_key, b"account")?;
        let mut peers = BTreeMap::new();
        for (name, sealed) in store.table(b"peer/") {
            let place = [b"peer/", name.as_slice()].concat();
            peers.insert(Address::new(&name)?, Peer::unseal(&sealed, &storage_key, &place)?);
        }
        let mut records = Vec::new();
        for (key, sealed) in store.table(b"expiry/") {
            let value = storage_key.open_record(&key, &sealed, b"")?;
            records.push((key, value));
        }
        let expiry = ExpiryScheduler::from_records(
            records.iter().map(|(key, value)| (key, value.as_slice())),
        )?;
        let mut phone = Self { peers, ..Self::holding(account, expiry, storage_key, store) };
        if let Some(wall) = server_clock {
            let effects = phone.expiry.trust_time(wall, now); // before anything is shown or deleted
            let rows = phone.settle(effects, rng);
            phone.store.transaction(rows);
        }
        phone.purge(now, rng);
        for name in phone.peers.keys().cloned().collect::<Vec<_>>() {
            phone.expect_from(&name);
            phone.offer_again(&name, now, rng);
            phone.look_after(&name, now);
        }
        Ok(phone)
    }

    /// After each start, and once a day.
    fn upkeep(
        &mut self,
        server: &mut Server,
        now: Now,
        rng: &mut impl CryptoRng,
    ) -> Result<(), Box<dyn Error>> {
        for name in self.peers.keys().cloned().collect::<Vec<_>>() {
            let limits = self.session_limits(&name);
            let Some(peer) = self.peers.get_mut(&name) else { continue };
            let changes = peer.set_session_limits(limits).and(peer.maintain(now.timestamp()));
            self.write(changes, &name, vec![], rng);
            self.look_after(&name, now);
        }
        self.purge(now, rng);
        self.publish(server, now, rng)
    }

    /// Before anything that comes is taken in. Then `upload`, and `pay` for the sessions that this asks for.
    fn restored_from_backup(&mut self, now: Now, rng: &mut impl CryptoRng) {
        for name in self.peers.keys().cloned().collect::<Vec<_>>() {
            let Some(peer) = self.peers.get_mut(&name) else { continue };
            let changes = peer.drop_sessions();
            self.write(changes, &name, vec![], rng);
            self.look_after(&name, now); // it says `Lost` of each that is accepted
        }
        let effects = self.expiry.restored_from_backup(now);
        let mut rows = self.settle(effects, rng);
        rows.extend(self.rows_gone(b"outbox/")); // encrypted in sessions that are gone
        self.store.transaction(rows);
        if self.account.replace_prekeys(now.timestamp(), rng).changes.account {
            self.write_account(rng); // the former secrets are gone, and what they opened does not open again
        }
    }
    // guide: end

    fn tell(&mut self, name: &Address, told: Told) {
        self.notices.push(Notice::Of(name.clone(), told));
    }

    fn name_of(&self, conversation: ConversationId) -> Option<Address> {
        self.peers.keys().find(|name| conversation_with(name) == conversation).cloned()
    }

    /// In the order of sending.
    fn next_in_outbox(&self, id: Option<MessageId>, to: &Address) -> Vec<u8> {
        self.place_in_outbox(0, id, to)
    }

    /// As many places behind the last one, and one.
    fn place_in_outbox(&self, behind: u64, id: Option<MessageId>, to: &Address) -> Vec<u8> {
        let last =
            self.store.table(b"outbox/").pop().map(|(place, _)| place[..8].try_into().unwrap());
        let next = last.map_or(0, u64::from_be_bytes) + 1 + behind;
        let id = id.map_or([0; 16], |id| id.0);
        [b"outbox/".as_slice(), &next.to_be_bytes(), &id, to.as_bytes()].concat()
    }

    fn write_account(&mut self, rng: &mut impl CryptoRng) {
        let row = self.account_row(rng);
        self.store.transaction([row]);
    }

    fn account_row(&self, rng: &mut impl CryptoRng) -> Row {
        let sealed = self.account.seal(&self.storage_key, b"account", rng);
        Row::holding(b"account".to_vec(), sealed)
    }

    fn peer_row(&self, name: &Address, rng: &mut impl CryptoRng) -> Option<Row> {
        let place = [b"peer/", name.as_bytes()].concat();
        let sealed = self.peers.get(name)?.seal(&self.storage_key, &place, rng);
        Some(Row::holding(place, sealed))
    }

    fn record_row(&self, write: &RecordWrite, rng: &mut impl CryptoRng) -> Row {
        let place = [b"expiry/", write.key.as_bytes()].concat();
        Row { place, value: self.storage_key.seal_record(write, b"", rng) }
    }

    fn sealed_row(&self, place: Vec<u8>, content: &[u8], rng: &mut impl CryptoRng) -> Row {
        let sealed = self.storage_key.seal(content, MESSAGE, &place, rng);
        Row::holding(place, sealed)
    }

    fn message_row(
        &self,
        id: MessageId,
        conversation: ConversationId,
        content: &Content,
        rng: &mut impl CryptoRng,
    ) -> Row {
        let place = [message_place(id), conversation.0.to_vec()].concat();
        self.sealed_row(place, &content.encode(), rng)
    }

    /// A message that could not be opened yet, and when it was sent. Anyone can send such: at most ten of a peer.
    fn kept_row(&self, name: &Address, message: &[u8], age: Age, now: Now) -> Option<Row> {
        let kept = self.store.table(&kept_for(name));
        if kept.len() >= 10 || kept.iter().any(|(_, before)| before[8..] == *message) {
            return None;
        }
        let sent = now.timestamp().minus(age.duration()).unix_seconds().to_be_bytes();
        let next = (0..=10).find(|place| kept.iter().all(|(taken, _)| taken[0] != *place))?;
        let place = [kept_for(name), vec![next]].concat();
        Some(Row::holding(place, [sent.as_slice(), message].concat()))
    }

    fn kept(&self, name: &Address, now: Now) -> Vec<(Vec<u8>, Age, Vec<u8>)> {
        let rows = self.store.table(&kept_for(name)).into_iter();
        rows.map(|(rest, kept)| {
            let sent = u64::from_be_bytes(kept[..8].try_into().unwrap());
            let age = now.timestamp().unix_seconds().saturating_sub(sent);
            let place = [kept_for(name), rest].concat();
            (place, Age::trusted(Duration::from_secs(age)), kept[8..].to_vec())
        })
        .collect()
    }

    /// Where a message is, under whatever conversation.
    fn place_of(&self, id: MessageId) -> Option<Vec<u8>> {
        let rest = self.store.table(&message_place(id)).pop()?.0;
        Some([message_place(id), rest].concat())
    }

    fn content(&self, id: MessageId) -> Option<Content> {
        let place = self.place_of(id)?;
        let body = self.storage_key.open(self.store.row(&place)?, MESSAGE, &place).ok()?;
        Content::decode(&body)
    }

    fn text(&self, id: MessageId) -> Option<String> {
        match self.content(id)? {
            Content::Text(_, text) => Some(text),
            Content::Sealed(..)
            | Content::Received(_)
            | Content::TakenBack(_)
            | Content::Moved(_) => None,
        }
    }

    /// What was sent to the identity that is pinned there, and not confirmed: stamp and body of each.
    fn waiting_for(&self, name: &Address) -> Vec<(MessageId, Vec<u8>)> {
        let tag = self.peers.get(name).and_then(Peer::member_tag).map_or([0; 8], |tag| tag.0);
        let rows = self.store.table(b"unconfirmed/").into_iter();
        rows.filter(|(rest, _)| rest[16..] == tag)
            .filter_map(|(rest, sealed)| {
                let id = MessageId(rest[..16].try_into().unwrap());
                let place = [b"unconfirmed/", rest.as_slice()].concat();
                let again = self.storage_key.open(&sealed, MESSAGE, &place).ok()?;
                Some((id, again.to_vec()))
            })
            .collect()
    }

    /// All of the table, or of the message, that is called so.
    fn rows_gone(&self, table: &[u8]) -> Vec<Row> {
        let rows = self.store.table(table).into_iter();
        rows.map(|(rest, _)| Row::gone([table, rest.as_slice()].concat())).collect()
    }

    /// All that is kept of a message: what it says, what is to be sent of it.
    fn all_gone(&self, id: MessageId) -> Vec<Row> {
        let mut rows = self.rows_gone(&message_place(id));
        rows.extend(self.rows_gone(&unconfirmed(id)));
        for (place, _) in self.store.table(b"outbox/") {
            if named_in_outbox(&place).0 == Some(id) {
                rows.push(Row::gone([b"outbox/", place.as_slice()].concat()));
            }
        }
        rows
    }

    fn messages_gone(&self, conversation: ConversationId) -> Vec<Row> {
        let messages = self.store.table(b"message/").into_iter();
        let ids = messages.filter(|(rest, _)| rest[16..] == conversation.0);
        ids.flat_map(|(rest, _)| self.all_gone(MessageId(rest[..16].try_into().unwrap()))).collect()
    }
}

impl Content {
    fn encode(&self) -> Vec<u8> {
        match self {
            Self::Text(id, text) => [&[1], id.as_slice(), text.as_bytes()].concat(),
            Self::Received(id) => [&[2], id.as_slice()].concat(),
            Self::TakenBack(id) => [&[3], id.as_slice()].concat(),
            Self::Moved(address) => [&[4], address.as_bytes()].concat(),
            Self::Sealed(id, sealed) => [&[5], id.as_slice(), sealed].concat(),
        }
    }

    fn decode(body: &[u8]) -> Option<Self> {
        let (kind, rest) = body.split_first()?;
        let id = rest.first_chunk().copied();
        match (kind, id) {
            (1, Some(id)) => Some(Self::Text(id, String::from_utf8(rest[16..].to_vec()).ok()?)),
            (2, Some(id)) if rest.len() == 16 => Some(Self::Received(id)),
            (3, Some(id)) if rest.len() == 16 => Some(Self::TakenBack(id)),
            (4, _) => Some(Self::Moved(Address::new(rest).ok()?)),
            (5, Some(id)) => Some(Self::Sealed(id, rest[16..].to_vec())),
            _ => None,
        }
    }
}

/// The kind of a stored message; those below 64 are the library's.
const MESSAGE: u8 = 64;

// guide: people
/// What a device holds of its user, who has several, and of others. Each account, person and peer is a row, and so are the
/// own devices.
struct Household {
    account: Account,
    own: OwnDevices,
    contacts: Contacts,
    expiry: ExpiryScheduler,
    /// What stays after a crash, and what is to leave.
    rows: BTreeMap<Vec<u8>, Zeroizing<Vec<u8>>>,
    outbox: Vec<AddressedMessage>,
    /// Texts by the owner of whom one talks with, one's own included.
    conversations: BTreeMap<[u8; 64], Vec<String>>,
    /// What own devices have not been told, since there was no session with them, and since when: stored like the outbox.
    untold: BTreeMap<Address, (Timestamp, Vec<OwnEvent>)>,
    /// What the user is to be told.
    told: Vec<String>,
}

impl Household {
    /// A message to all devices of a person, and its copies to the user's own.
    fn say(
        &mut self,
        to: &IdentityKey,
        text: &str,
        directory: &mut Directory,
        now: Timestamp,
        rng: &mut impl CryptoRng,
    ) -> Result<(), FanOutError> {
        let payload = Payload::new(text); // with a stamp, as in step 8, made once for all of them
        let (mut missed, mut has_begun): (Option<Vec<Address>>, bool) = (None, false);
        loop {
            let Contacts { people, peers, .. } = &mut self.contacts;
            // To one's own person it is a note to oneself.
            let person =
                people.iter().chain([self.own.person()]).find(|person| person.owner() == to);
            let recipients = self.own.to(person.ok_or(FanOutError::NobodyReached)?);
            let recipients = match &missed {
                None => recipients,
                Some(missed) => recipients.only(missed),
            };
            let needs_session =
                |reason| matches!(reason, Obstacle::NeedsSession | Obstacle::ChainFull);
            // Of the others the user is asked; until then those devices do without.
            let needed = |unreached: &[Unreached]| -> Vec<Address> {
                let missed = unreached.iter().filter(|missed| needs_session(missed.reason));
                missed.map(|missed| missed.to.clone()).collect()
            };
            let sent = match recipients.encrypt(peers, &payload, b"", now, rng) {
                // The first message: nobody has a session yet.
                Err(FanOutError::NobodyReached) if !has_begun => {
                    has_begun = true;
                    for to in needed(&recipients.obstacles(peers, now)?) {
                        self.begin(&to, directory, now, rng);
                    }
                    continue;
                }
                other => other?,
            };
            let needed = needed(&sent.unreached);
            // One transaction: the rows that were named, all messages, and, the first time, the text.
            if missed.is_none() {
                self.conversations.entry(to.encode()).or_default().push(text.to_owned());
            }
            self.store(&sent.changes);
            self.outbox.extend(sent.messages);
            let begun = needed.into_iter().filter(|to| self.begin(to, directory, now, rng));
            let begun: Vec<_> = begun.collect();
            if begun.is_empty() || missed.is_some() {
                return Ok(());
            }
            missed = Some(begun);
        }
    }

    /// Takes in what came from an address: steps 4 and 5 say what is to be done about refusals.
    fn hear(
        &mut self,
        from: &Address,
        message: &[u8],
        age: Age, // as in step 8
        now: Now,
        rng: &mut impl CryptoRng,
    ) -> Result<(), PeerDecryptError> {
        let Self { account, own, contacts, .. } = self;
        let mut heard = own.decrypt(account, contacts, from, message, b"", now.timestamp())?;
        let mut changes = std::mem::take(&mut heard.changes);
        let is_own = heard.person == Some(*own.person().owner());
        if is_own && heard.standing.counts() && !heard.is_unconfirmed {
            // Contacts of one's own: above all on a device that was just linked.
            for event in std::mem::take(&mut heard.events) {
                let (events, known) = match event {
                    PersonEvent::Given(list) => {
                        contacts.adopt(own, *list, now.timestamp()).unwrap_or_default()
                    }
                    PersonEvent::Known(device) => {
                        (Vec::new(), contacts.pin(own, device, now.timestamp()))
                    }
                    other => (vec![other], PeopleChanges::default()),
                };
                heard.events.extend(events);
                changes = changes.and(known);
            }
        }
        self.told.extend(heard.events.iter().filter_map(what_to_tell));
        // What own devices tell of messages and timers.
        let effects = heard.note_in(&mut self.expiry, age, now);
        self.settle(&effects);
        // Whose conversation it is: a copy stands where the original does.
        let sender = heard.person.unwrap_or(heard.device.identity);
        let conversation = heard.copy_of.unwrap_or_else(|| sender.encode());
        let body = String::from_utf8_lossy(&heard.delivered.received.body);
        let text = match heard.standing {
            Standing::Removed => format!("{body} (from a device that was removed)"),
            Standing::Stale => format!("{body} (from a device that may have been removed)"),
            _ if heard.is_unconfirmed => format!("{body} (from a device that may not be yours)"),
            _ => body.into_owned(),
        };
        if !heard.is_control && !heard.is_refused {
            self.conversations.entry(conversation).or_default().push(text);
        }
        // In one transaction; then it is acknowledged.
        self.store_and_tell(changes, Vec::new(), now.timestamp(), rng);
        Ok(())
    }

    /// Stores what a call changed, and with it what the user's other devices are told of it: one transaction.
    fn store_and_tell(
        &mut self,
        mut changes: PeopleChanges,
        mut events: Vec<OwnEvent>,
        now: Timestamp,
        rng: &mut impl CryptoRng,
    ) {
        events.append(&mut changes.tell);
        let recipients = self.own.to(self.own.person());
        let peers = &mut self.contacts.peers;
        // Of a device that was removed nobody is told anything any more.
        if let Ok(sent) = recipients.tell_events(peers, &events, Age::NONE, b"", now, rng) {
            changes = changes.and(sent.changes);
            self.outbox.extend(sent.messages);
            for missed in sent.unreached {
                let (_, untold) = self.untold.entry(missed.to).or_insert((now, Vec::new()));
                untold.extend(events.clone());
            }
        }
        self.store(&changes);
    }

    /// Those who were not reached, once there is a session: like `look_after_lists`, which see.
    fn tell_untold(&mut self, directory: &mut Directory, now: Timestamp, rng: &mut impl CryptoRng) {
        for (address, (since, events)) in std::mem::take(&mut self.untold) {
            let list = self.own.person().list();
            let is_listed = list.is_some_and(|list| {
                list.devices().iter().any(|listed| listed.device.address == address)
            });
            if !is_listed {
                continue; // it was removed
            }
            self.begin(&address, directory, now, rng);
            let only = [address.clone()];
            let age = now.unix_seconds().saturating_sub(since.unix_seconds());
            let age = Age::trusted(Duration::from_secs(age));
            let recipients = self.own.to(self.own.person()).only(&only);
            let peers = &mut self.contacts.peers;
            match recipients.tell_events(peers, &events, age, b"", now, rng) {
                Ok(sent) if sent.unreached.is_empty() => {
                    self.store(&sent.changes);
                    self.outbox.extend(sent.messages);
                }
                _ => _ = self.untold.insert(address, (since, events)),
            }
        }
    }

    /// The user accepts a person, on whichever device: it holds for all of theirs, on all of the user's.
    fn accept(&mut self, owner: &IdentityKey, now: Timestamp, rng: &mut impl CryptoRng) {
        let changes = self.contacts.accept(&self.own, owner, now); // or refuse, set_back_to_request, verify
        self.store_and_tell(changes, Vec::new(), now, rng);
    }

    /// A message is on the screen for the first time, whether it has an end or not.
    fn read(&mut self, id: MessageId, now: Now, rng: &mut impl CryptoRng) {
        let effects = self.expiry.read(id, now); // or any other call of the scheduler
        self.settle(&effects);
        let events = effects.tell.into_iter().map(OwnEvent::from).collect();
        self.store_and_tell(PeopleChanges::default(), events, now.timestamp(), rng);
    }

    /// A device was just linked, or put back: contacts, what was decided of them, their lists, timers. If it is not reached,
    /// begin a session, and then again.
    fn introduce(
        &mut self,
        device: &Address,
        now: Now,
        rng: &mut impl CryptoRng,
    ) -> Result<bool, FanOutError> {
        let Self { own, contacts, expiry, .. } = self;
        let sent = own.introduce(contacts, expiry, device, b"", now, rng)?;
        self.store(&sent.changes);
        self.outbox.extend(sent.messages);
        Ok(sent.unreached.is_empty())
    }

    /// Step 8 says what is done with events.
    fn settle(&mut self, effects: &Effects) {
        for write in &effects.writes {
            let row = [b"expiry/", write.key.as_bytes()].concat();
            match &write.value {
                Some(value) => self.rows.insert(row, value.clone()),
                None => self.rows.remove(&row),
            };
        }
        for event in &effects.events {
            if let ExpiryEvent::ReadElsewhere { id } = event {
                self.told.push(format!("read elsewhere: {id}"));
            }
        }
    }

    /// At every start and once a day, after `Account::maintain`; after a restore before anything is sent.
    fn look_after_lists(
        &mut self,
        directory: &mut Directory,
        now: Timestamp,
        rng: &mut impl CryptoRng,
    ) {
        // After a restore all of them are old ones.
        let is_put_back = self.own.is_put_back();
        let fetch = |owner: &IdentityKey| {
            let list = DeviceList::decode(directory.lists.get(&owner.encode())?).ok()?;
            list.verify(now).ok()
        };
        // The server can withhold a list and give an older one, and no more.
        let own_list = fetch(self.own.person().owner()).map(|list| self.own.adopt(list, now));
        let mut events: Vec<_> = own_list.and_then(Result::ok).flatten().into_iter().collect();
        let needs_list =
            |person: &&Person| is_put_back || person.list().is_none() || person.list_need(now);
        let needed = self.contacts.people.iter().filter(needs_list);
        for list in needed.filter_map(|person| fetch(person.owner())).collect::<Vec<_>>() {
            let adopted = self.contacts.adopt(&self.own, list, now); // all of it is stored below
            events.extend(adopted.into_iter().flat_map(|(events, _)| events));
        }
        self.contacts.people.iter_mut().for_each(|person| _ = person.maintain(now));
        self.told.extend(events.iter().filter_map(what_to_tell));
        let _ = self.own.maintain(now); // all of it is stored below
        let _ = self.own.refresh(&self.account, now); // what keeps it from signing, the user is asked
        // Who should know of it and is not about to be written to anyway.
        let Contacts { people, peers, .. } = &mut self.contacts;
        let addresses: Vec<_> = peers.iter().map(|peer| peer.address().clone()).collect();
        let mut changes = PeopleChanges::default();
        for address in addresses {
            let device =
                peers.iter().find(|peer| *peer.address() == address).and_then(Peer::device);
            let lists = |person: &&Person| {
                device.as_ref().is_some_and(|device| person.standing(device, now).counts())
            };
            let Some(person) = people.iter().chain([self.own.person()]).find(lists) else {
                continue;
            };
            if let Ok(told) = self.own.to(person).tell(peers, &address, b"", now, rng) {
                changes = changes.and(told.changes);
                self.outbox.extend(told.messages);
            }
        }
        changes.own = true;
        changes.people = people.iter().map(|person| *person.owner()).collect();
        changes.peers = peers.iter().map(|peer| peer.address().clone()).collect();
        self.store(&changes);
        // Only what is stored is published, each time: a version that is signed twice is two lists.
        let list = self.own.person().list();
        if let Some(list) = list.filter(|_| self.own.is_owner() && !self.own.is_put_back()) {
            directory.lists.insert(list.owner().encode(), list.encode());
        }
    }
}

/// What to show of what became known.
fn what_to_tell(event: &PersonEvent) -> Option<String> {
    let names = |devices: &[Device]| -> Vec<_> {
        devices.iter().map(|device| device.address.to_string()).collect()
    };
    match event {
        PersonEvent::Adopted { came, unknown_own: true, .. } if !came.is_empty() => {
            Some(format!("Are these devices yours? {:?}", names(came))) // `confirm`, or `remove`
        }
        PersonEvent::Adopted { came, went, .. } if came.is_empty() && went.is_empty() => None,
        PersonEvent::Adopted { came, went, .. } => {
            Some(format!("New devices: {:?}; gone: {:?}", names(came), names(went)))
        }
        PersonEvent::Joined { device, .. } => {
            Some(format!("{} is another device of a contact.", device.address))
        }
        PersonEvent::ListedTwice { device, .. } => {
            Some(format!("Two people say that {} is theirs.", device.address))
        }
        // Their number is the same whatever list is the right one: only they know their devices.
        PersonEvent::Equivocation { held, other } => {
            let names = |list: &VerifiedList| -> Vec<_> {
                list.devices().iter().map(|it| it.device.address.to_string()).collect()
            };
            let (held, other) = (names(held), names(other));
            // Of the same devices there is nothing to ask: the owner's device has signed one version twice.
            (held != other).then(|| format!("Ask them whether they have {held:?} or {other:?}."))
        }
        PersonEvent::ListsDiffer { .. } => None, // a claim: if the other list comes, the former
        PersonEvent::Given(_) => None,           // adopted above, if an own device gives it
        PersonEvent::Known(_) => None,           // the same
        PersonEvent::DecidedElsewhere { .. } => None, // the list of contacts is drawn anew
        PersonEvent::RemovalAsked { device } => {
            Some(format!("Remove your device {}?", device.address)) // `remove`
        }
        PersonEvent::ListBehind { .. } => None, // it comes with the next messages, or is fetched
        PersonEvent::Refused { .. } => None,    // for the log
        _ => None,
    }
}
// guide: end

// guide: groups
/// A device with its groups, beside what the last step has. Each group is a row, the invitations are one more, and so is what
/// waits of each group.
struct Club {
    house: Household,
    groups: Groups,
    /// Which messages wait: of each group, and of none that is known.
    held: BTreeMap<Option<GroupId>, HeldMessages>,
    /// Their bytes, under their numbers there.
    kept: BTreeMap<(Option<GroupId>, u64), Vec<u8>>,
    /// What is to leave, each for all devices that it names; what goes to single ones stands in the outbox of the last step.
    broadcasts: Vec<Broadcast>,
    /// What each conversation shows: texts, and lines about the group.
    shown: BTreeMap<GroupId, Vec<String>>,
}

impl Club {
    /// A group of the user and of people whose lists are held.
    fn create(
        &mut self,
        members: &[IdentityKey],
        title: &str,
        directory: &mut Directory,
        now: Timestamp,
        rng: &mut impl CryptoRng,
    ) -> Result<GroupId, GroupChangeError> {
        let Household { account, own, contacts, .. } = &mut self.house;
        let (group, sent) =
            own.create_group(account, contacts, members, title.as_bytes(), now, rng)?;
        let id = group.id();
        self.groups.all.push(group);
        self.send(sent, directory, now, rng);
        Ok(id)
    }

    /// An admin adds or removes somebody, gives a role, another title.
    fn change(
        &mut self,
        id: &GroupId,
        change: &Change,
        directory: &mut Directory,
        now: Timestamp,
        rng: &mut impl CryptoRng,
    ) -> Result<(), GroupChangeError> {
        let Household { account, own, contacts, .. } = &mut self.house;
        let group = self.groups.group_mut(id).ok_or(GroupChangeError::NothingToChange)?;
        let sent = own.in_group(account, group).change(contacts, change, now, rng)?;
        self.send(sent, directory, now, rng);
        Ok(())
    }

    /// A message to all.
    fn say(
        &mut self,
        id: &GroupId,
        text: &str,
        directory: &mut Directory,
        now: Timestamp,
        rng: &mut impl CryptoRng,
    ) -> Result<(), GroupEncryptError> {
        let payload = Payload::new(text); // with a stamp, as in step 8: the conversation is the group
        let Household { account, own, contacts, .. } = &mut self.house;
        let group = self.groups.group_mut(id).ok_or(GroupEncryptError::NotAMember)?;
        let sent = own.in_group(account, group).encrypt(contacts, &payload, b"", now, rng)?;
        self.send(sent, directory, now, rng);
        self.shown.entry(*id).or_default().push(text.to_owned());
        Ok(())
    }

    /// One transaction for what changed, all messages, and what is to be shown of it. Then a session is begun with whom nothing
    /// reached, and they get what is due to them: it stays due until then.
    fn send(
        &mut self,
        sent: GroupOutgoing,
        directory: &mut Directory,
        now: Timestamp,
        rng: &mut impl CryptoRng,
    ) {
        let needs_session = |missed: &&Unreached| {
            matches!(missed.reason, Obstacle::NeedsSession | Obstacle::ChainFull)
        };
        let missed: Vec<Address> =
            sent.unreached.iter().filter(needs_session).map(|missed| missed.to.clone()).collect();
        self.put_in_outbox(sent);
        // By `Peer::initiate_for_group`: a stranger stays one.
        let begun = missed.iter().filter(|to| self.begin(to, directory, now, rng)).count();
        if begun == 0 {
            return;
        }
        for place in 0..self.groups.all.len() {
            let Household { account, own, contacts, .. } = &mut self.house;
            let group = &mut self.groups.all[place];
            let sent = own.in_group(account, group).catch_up(contacts, now, rng);
            self.put_in_outbox(sent);
        }
        let Household { account, own, contacts, .. } = &mut self.house;
        let asked = self.groups.respond(own, account, contacts, &[], now, rng);
        self.put_in_outbox(asked);
    }

    fn put_in_outbox(&mut self, sent: GroupOutgoing) {
        self.store(&sent.changes);
        sent.events.iter().for_each(|event| self.show(event)); // whatever call it was: nearly each may sign for others
        self.house.outbox.extend(sent.pairwise);
        self.broadcasts.extend(sent.broadcasts);
    }

    /// Takes in what came from an address, in a session.
    fn hear(
        &mut self,
        from: &Address,
        message: &[u8],
        directory: &mut Directory,
        now: Timestamp,
        rng: &mut impl CryptoRng,
    ) -> Result<(), PeerDecryptError> {
        let Household { account, own, contacts, .. } = &mut self.house;
        let heard = own.decrypt(account, contacts, from, message, b"", now)?;
        let got = self.groups.hear(own, contacts, &heard, now);
        // And all that `hear` does in the last step, in the same transaction.
        self.house.store(&heard.changes);
        self.store(&got.changes);
        self.house.told.extend(got.people.iter().filter_map(what_to_tell));
        got.events.iter().for_each(|event| self.show(event));
        self.offer_again(&got.unblocks, now);
        let Household { account, own, contacts, .. } = &mut self.house;
        let sent = self.groups.respond(own, account, contacts, &got.wants, now, rng);
        self.send(sent, directory, now, rng);
        Ok(())
    }

    /// Takes in a message to a group.
    fn hear_group(
        &mut self,
        message: &[u8],
        directory: &mut Directory,
        now: Timestamp,
        rng: &mut impl CryptoRng,
    ) {
        let Household { own, contacts, .. } = &mut self.house;
        match self.groups.decrypt(own, contacts, message, b"", now) {
            Ok(got) => {
                let unblocks = self.deliver(got);
                self.offer_again(&unblocks, now);
            }
            Err(error) => {
                let group = self.groups.all.iter().find(|group| group.knows(message));
                let group = group.map(Group::id);
                let waits = self.held.entry(group).or_default().refused(&error, now);
                if let Some(number) = waits.number {
                    self.kept.insert((group, number), message.to_vec());
                } else if let Some(line) = what_is_missing(error) {
                    self.house.told.push(line.to_owned());
                }
                self.drop_kept(group, &waits.dropped);
                let changed = self.groups.all.iter().position(|it| Some(it.id()) == group);
                changed.into_iter().for_each(|place| self.store_group(place));
            }
        }
        let Household { account, own, contacts, .. } = &mut self.house;
        let sent = self.groups.respond(own, account, contacts, &[], now, rng);
        self.send(sent, directory, now, rng);
    }

    /// Gives what it unblocks. In one transaction with its acknowledgement.
    fn deliver(&mut self, got: GroupDelivered) -> Vec<Unblocked> {
        self.store(&got.changes);
        self.house.told.extend(got.people.iter().filter_map(what_to_tell));
        got.events.iter().for_each(|event| self.show(event));
        if !got.is_control {
            // By `got.person`, or as one's own; beside it what `got.standing` says. To the scheduler, where
            // `got.may_set_timer` is false: `NewMessage::by_one_who_may_not_set`.
            let text = String::from_utf8_lossy(&got.received.body).into_owned();
            // Where that is empty, somebody has set the timer.
            let text = Some(text).filter(|text| !text.is_empty());
            self.shown.entry(got.group).or_default().extend(text);
        }
        got.unblocks
    }

    /// What waited for this is offered again; what opens may unblock more.
    fn offer_again(&mut self, unblocks: &[Unblocked], now: Timestamp) {
        let mut unblocks = unblocks.to_vec();
        while !unblocks.is_empty() {
            let held = self.held.iter();
            let due = held.flat_map(|(group, held)| {
                held.due(&unblocks).into_iter().map(|number| (*group, number))
            });
            let due: Vec<_> = due.collect();
            unblocks.clear();
            for place in due {
                let Household { own, contacts, .. } = &mut self.house;
                let got = self.groups.decrypt(own, contacts, &self.kept[&place], b"", now);
                let held = self.held.entry(place.0).or_default();
                let waits = match &got {
                    Ok(_) => {
                        held.opened(place.1);
                        false
                    }
                    Err(error) => held.refused_again(place.1, error),
                };
                if !waits {
                    self.kept.remove(&place);
                }
                match got {
                    Ok(got) => unblocks.extend(self.deliver(got)),
                    Err(error) if !waits => {
                        self.house.told.extend(what_is_missing(error).map(str::to_owned));
                    }
                    Err(_) => {}
                }
            }
        }
    }

    /// The user joins by the invitation that they were shown; `None` if another one has come since.
    fn join(&mut self, invitation: &InvitationName, now: Timestamp) -> Option<()> {
        let Household { own, contacts, .. } = &mut self.house;
        let joined = self.groups.join(own, contacts, invitation, now)?;
        self.store(&joined.changes);
        self.offer_again(&joined.unblocks, now);
        Some(())
    }

    /// At every start and once a day, after `look_after_lists` of the last step.
    fn look_after_groups(
        &mut self,
        directory: &mut Directory,
        now: Timestamp,
        rng: &mut impl CryptoRng,
    ) {
        // Of a member without a list nothing is read.
        let Household { own, contacts, .. } = &mut self.house;
        let needed = self.groups.all.iter().flat_map(|group| group.lists_needed(own, contacts));
        for owner in needed.collect::<Vec<_>>() {
            let list = directory.lists.get(&owner).and_then(|list| DeviceList::decode(list).ok());
            let Some(list) = list.and_then(|list| list.verify(now).ok()) else { continue };
            if list.owner().encode() != owner {
                continue; // the server gave that of somebody else
            }
            let Household { own, contacts, .. } = &mut self.house;
            if contacts.person(list.owner()).is_none() {
                contacts.people.push(Person::new(*list.owner()));
            }
            if let Ok((events, changes)) = contacts.adopt(own, list, now) {
                self.house.store(&changes);
                self.offer_again(&Unblocked::of_people(&events), now);
            }
        }
        for group in self.held.keys().copied().collect::<Vec<_>>() {
            let dropped = self.held.entry(group).or_default().maintain(now);
            self.drop_kept(group, &dropped);
        }
        let Household { account, own, contacts, .. } = &mut self.house;
        let sent = self.groups.maintain(own, account, contacts, now, rng);
        let Household { account, own, contacts, .. } = &mut self.house;
        let sent = sent.and(self.groups.respond(own, account, contacts, &[], now, rng));
        self.send(sent, directory, now, rng);
    }

    /// These waited in vain.
    fn drop_kept(&mut self, group: Option<GroupId>, numbers: &[u64]) {
        for number in numbers {
            self.kept.remove(&(group, *number));
            self.house.told.push("A message to a group is missing.".to_owned());
        }
    }

    fn show(&mut self, event: &GroupEvent) {
        match event {
            // Who invites, title and members: `Groups::invitations`.
            GroupEvent::Invited { by, again: false, .. } => {
                self.house.told.push(format!("{} invites you to a group.", by.address));
            }
            GroupEvent::Invited { by, again: true, .. } => {
                self.house.told.push(format!("{} says what your group is now.", by.address));
            }
            GroupEvent::Changed { group, change } => {
                self.shown.entry(*group).or_default().extend(lines_about(change));
            }
            GroupEvent::Left { group, .. } => {
                self.shown.entry(*group).or_default().push("(somebody left)".to_owned());
            }
            GroupEvent::Refused { .. } => {} // for the log
            _ => {}
        }
    }
}

/// Lines in the conversation; people by what the user calls them, or by the title of their card.
fn lines_about(change: &GroupChange) -> Vec<String> {
    let GroupChange { came, went, left, roles, about, sets_timer, .. } = change;
    let count = |count: usize, what: &str| (count != 0).then(|| format!("({count} {what})"));
    let lines = [
        count(came.len(), "came"),
        // Who had left was shown as such before: `GroupEvent::Left`.
        count(went.iter().filter(|owner| !left.contains(owner)).count(), "gone"),
        count(roles.len(), "with another role"),
        about.then(|| "(another title)".to_owned()),
        sets_timer.map(|who| format!("(the timer is set by: {who:?})")),
    ];
    lines.into_iter().flatten().collect()
}

/// What to show of a message that is refused and does not wait.
fn what_is_missing(error: GroupDecryptError) -> Option<&'static str> {
    match error {
        // It waits: nothing yet.
        GroupDecryptError::Missing(_) | GroupDecryptError::Undecryptable => None,
        GroupDecryptError::Forked
        | GroupDecryptError::Expired
        | GroupDecryptError::SenderAtFault => Some("A message to a group cannot be read."),
        // Kept as a later release may read it: step 5.
        GroupDecryptError::Unsupported => None,
        GroupDecryptError::Malformed
        | GroupDecryptError::Forged
        | GroupDecryptError::Duplicate
        | GroupDecryptError::NotAMember
        | GroupDecryptError::Former
        | GroupDecryptError::Refused => None,
        _ => None,
    }
}
// guide: end

// guide: sealing a file
/// Seals a file into the store of blobs, and says what its message needs. After a crash it goes on from the checkpoint.
fn upload(
    file: &[u8],
    checkpoint: Option<AttachmentCheckpoint>,
    blob: &mut Blob,
    rng: &mut impl CryptoRng,
) -> Result<AttachmentReference, SealError> {
    let (mut sealer, feed_from) = match checkpoint {
        None => (AttachmentSealer::generate(rng), 0),
        Some(checkpoint) => {
            blob.go_on_at(checkpoint.output_from());
            let feed_from = checkpoint.feed_from();
            (AttachmentSealer::resume(checkpoint), usize::try_from(feed_from).unwrap_or(usize::MAX))
        }
    };
    // No file is that long which ends before: the sealer says so.
    for mut piece in file.get(feed_from..).unwrap_or_default().chunks(1_000_000) {
        while let Some(sealed) = sealer.push(&mut piece)? {
            blob.append(sealed);
        }
        // The store has all that it was given: then this is stored, sealed, in the message's row.
        blob.checkpoint = Some(sealer.checkpoint()?.encode());
    }
    let mut rest = sealer.finish()?;
    while let Some(sealed) = rest.next_piece() {
        blob.append(sealed);
    }
    blob.checkpoint = None;
    Ok(rest.reference())
}
// guide: end

impl Phone {
    // guide: a message with a file
    /// What the scheduler is to know of a message that comes with a file, which is still to be fetched.
    fn with_file(new: NewMessage) -> NewMessage {
        new.with_parts(Parts::FILE | Parts::THUMBNAIL).awaiting_media()
    }

    /// The first bytes of its file are there to be shown, or all of it: from here on reading it starts its clock.
    fn fetched(&mut self, id: MessageId, file: &[u8], now: Now, rng: &mut impl CryptoRng) {
        let effects = self.expiry.ready(id, now);
        let mut rows = self.settle(effects, rng);
        if self.place_of(id).is_some() {
            rows.push(self.sealed_row(file_place(id, Parts::FILE), file, rng));
        }
        self.store.transaction(rows);
    }
    // guide: end
}

// guide: opening a file
/// A part of a file, to be shown while the rest is still to come: it is final, whatever becomes of that.
fn part_of(
    reference: &AttachmentReference,
    part: Range<u64>,
    blob: &Blob,
) -> Result<Vec<u8>, RangeError> {
    let layout = reference.layout();
    let mut opener = reference.opener(&blob.fetch(layout.top()))?; // kept while the file is open
    let mut opened = Vec::new();
    for stretch in layout.covering(part.clone()) {
        opener.add_page(stretch.page, &blob.fetch(stretch.page_bytes))?;
        let fetched = blob.fetch(stretch.chunk_bytes); // one request for up to 128 MiB: ask for less at a time
        let mut sealed = fetched.chunks(BlobLayout::SEALED_CHUNK_LENGTH);
        for chunk in stretch.chunks {
            // Fewer than were asked for are altered ones.
            let bytes = opener.open(chunk, sealed.next().unwrap_or_default())?;
            let place = layout.plaintext(chunk).ok_or(RangeError::NoSuchChunk)?;
            let [from, to] = [part.start, part.end].map(|at| {
                usize::try_from(at.clamp(place.start, place.end) - place.start)
                    .unwrap_or(usize::MAX)
            });
            opened.extend_from_slice(bytes.get(from..to).unwrap_or_default());
        }
    }
    Ok(opened)
}

/// What to do about a part that is refused.
fn what_now(error: RangeError) -> &'static str {
    match error {
        RangeError::Altered => "Fetch it again.",
        RangeError::Undecryptable => "This part is broken, and by who sent it.",
        RangeError::Malformed => "The end of it is broken, and by who sent it.",
        RangeError::NoSuchChunk | RangeError::NoPage => "This is a mistake of ours.",
        _ => "It cannot be opened.",
    }
}
// guide: end

// guide: reporting
/// What is kept of a message that can be reported, one's own too: the row of its body, sealed, and deleted as one.
struct Reportable {
    body: Vec<u8>,
    evidence: Vec<u8>,
    context: Vec<u8>,
    postmark: [u8; 32],
}

/// What the user shows to the moderators: for them alone, and deleted once they have it, after 30 days at the latest.
fn report_of(messages: &[Reportable]) -> Option<Report> {
    let mut report: Option<Report> = None;
    for Reportable { body, evidence, context, postmark } in messages {
        let evidence = Evidence::decode(evidence).ok()?;
        let entry = evidence.entry(body, context, &Postmark::new(*postmark)).ok()?;
        match &mut report {
            None => report = Some(Report::new(entry)),
            Some(report) => report.push(entry).ok()?,
        }
    }
    report
}

/// What the moderators see of a message.
#[derive(Debug, PartialEq)]
struct Proven {
    sender: Vec<u8>,
    recipient: Vec<u8>,
    body: Vec<u8>,
}

/// The moderators' side: what a report proves that `reporter` made, who has logged in. For each message by itself.
fn proven_by(
    reporter: &Address,
    report: &[u8],
    key: &ServerKey,
) -> Result<Vec<Result<Proven, &'static str>>, DecodeError> {
    let report = Report::decode(report)?;
    let of_reporter = |message: ProvenMessage<'_>| {
        let (recipient, sender) =
            delivered(message.context).ok_or("The context is none of ours.")?;
        if ![recipient, sender].contains(&reporter.as_bytes()) {
            return Err("Somebody else sent it to somebody else.");
        }
        let [sender, recipient] = [sender, recipient].map(<[u8]>::to_vec);
        Ok(Proven { sender, recipient, body: message.body.to_vec() })
    };
    let verified = report.entries().iter().map(|entry| match entry.verify(key) {
        Ok(message) => of_reporter(message),
        Err(ProofError::Unproven) => Err("We have not delivered this."),
        Err(ProofError::Malformed) => Err("Nobody was shown it."),
        Err(ProofError::Unsupported) => Err("It needs a newer release."),
        Err(_) => Err("It cannot be verified."),
    });
    Ok(verified.collect())
}

/// To whom and from whom a message was delivered: its context begins with both addresses, each behind its length. So it
/// reads one way. Time, and a count for each pair, stand behind them.
fn delivered(context: &[u8]) -> Option<(&[u8], &[u8])> {
    let (recipient, rest) = address_in(context)?;
    let (sender, _) = address_in(rest)?;
    Some((recipient, sender))
}

fn address_in(context: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = context.split_first()?;
    rest.split_at_checked(usize::from(*length))
}
// guide: end

/// The wall clock alone.
fn by_wall(now: Timestamp) -> Now {
    Now::from_wall(Duration::from_secs(now.unix_seconds()))
}

/// What servers have of all: bundles and lists.
#[derive(Default)]
struct Directory {
    published: BTreeMap<Address, PublishedPreKeys>,
    lists: BTreeMap<[u8; 64], Vec<u8>>,
}

impl Household {
    fn new(name: &str, directory: &mut Directory, rng: &mut ChaCha20Rng) -> Self {
        let account = Account::generate(Address::new(name).unwrap(), START, rng);
        let upload = account.pending_upload().unwrap();
        let address = account.device().address;
        directory.published.insert(address, PublishedPreKeys::new(upload));
        Self {
            own: OwnDevices::new(&account),
            account,
            contacts: Contacts::new(),
            expiry: ExpiryScheduler::new(by_wall(START), rng),
            rows: BTreeMap::new(),
            outbox: Vec::new(),
            conversations: BTreeMap::new(),
            untold: BTreeMap::new(),
            told: Vec::new(),
        }
    }

    fn identity(&self) -> IdentityKey {
        self.account.device().identity
    }

    /// Just the rows that a call names.
    fn store(&mut self, changes: &PeopleChanges) {
        if changes.account {
            self.rows.insert(b"account".to_vec(), self.account.snapshot());
        }
        if changes.own {
            self.rows.insert(b"own".to_vec(), self.own.snapshot());
        }
        for owner in &changes.people {
            let person = self.contacts.person(owner).unwrap().snapshot();
            self.rows.insert([b"person/".as_slice(), &owner.encode()].concat(), person);
        }
        for address in &changes.peers {
            let peer = self.contacts.peer(address).unwrap().snapshot();
            self.rows.insert([b"peer/", address.as_bytes()].concat(), peer);
        }
    }

    /// Step 3, for a device that a list names.
    fn begin(
        &mut self,
        to: &Address,
        directory: &mut Directory,
        now: Timestamp,
        rng: &mut impl CryptoRng,
    ) -> bool {
        let people = self.contacts.people.iter().chain([self.own.person()]);
        let mut devices = people.filter_map(Person::list).flat_map(VerifiedList::devices);
        let listed = devices.find(|listed| listed.device.address == *to).unwrap().device.clone();
        let bundle = directory.published.get_mut(to).unwrap().hand_out();
        let bundle = PreKeyBundle::decode(&bundle).unwrap().verify(now).unwrap();
        let peers = &mut self.contacts.peers;
        let place = peers.iter().position(|peer| peer.address() == to).unwrap_or_else(|| {
            peers.push(Peer::pinned(listed));
            peers.len() - 1
        });
        let _ = peers[place].accept_request();
        peers[place].initiate(&self.account, bundle, now, rng).is_ok()
    }
}

/// Everything that waits is taken in, until nothing does.
fn everything_arrives(houses: &mut [Household], now: Timestamp) {
    loop {
        let mut letters = Vec::new();
        for house in houses.iter_mut() {
            let from = house.account.device().address;
            letters.extend(house.outbox.drain(..).map(|message| (from.clone(), message)));
        }
        if letters.is_empty() {
            return;
        }
        for (from, message) in letters {
            let to = houses.iter_mut().find(|house| house.account.device().address == message.to);
            let rng = &mut ChaCha20Rng::seed_from_u64(92);
            to.unwrap().hear(&from, &message.message, Age::NONE, by_wall(now), rng).unwrap();
        }
    }
}

/// A laptop shows a code, and a phone that scans it links it.
fn link(houses: &mut [Household], phone: usize, laptop: usize, directory: &mut Directory) {
    let rng = &mut ChaCha20Rng::seed_from_u64(90);
    let code = houses[laptop].own.show_link_code(START, rng);
    let published = directory.published.get_mut(&code.device().address).unwrap();
    let bundle = PreKeyBundle::decode(&published.hand_out()).unwrap().verify(START).unwrap();
    let Household { account, own, contacts, .. } = &mut houses[phone];
    let offer = own.offer_link(account, &mut contacts.peers, &code, bundle, START, rng).unwrap();
    houses[phone].store(&offer.changes);
    let Household { account, own, contacts, .. } = &mut houses[laptop];
    let peers = &mut contacts.peers;
    let opened = own.open_link_offer(account, peers, &offer.message.message, START).unwrap();
    houses[laptop].store(&opened.changes);
    assert_eq!(opened.digits, houses[phone].own.digits());
    let Household { account, own, contacts, .. } = &mut houses[laptop];
    let answer = own.answer_link_offer(account, &mut contacts.peers, START, rng).unwrap();
    houses[laptop].store(&answer.changes);
    let Household { account, own, contacts, .. } = &mut houses[phone];
    let peers = &mut contacts.peers;
    let (list, changes) = own.finish_link(account, peers, &answer.message.message, START).unwrap();
    houses[phone].store(&changes);
    directory.lists.insert(list.owner().encode(), list.encode());
    let _ = houses[laptop].own.adopt(list, START).unwrap();
    let mut changes = PeopleChanges::default();
    changes.own = true;
    houses[laptop].store(&changes);
}

#[test]
fn a_person_has_several_devices() {
    let rng = &mut ChaCha20Rng::seed_from_u64(91);
    let mut directory = Directory::default();
    let names = ["alice/phone", "alice/laptop", "bob/phone", "bob/laptop"];
    let mut houses: Vec<_> =
        names.iter().map(|name| Household::new(name, &mut directory, rng)).collect();
    link(&mut houses, 0, 1, &mut directory);
    link(&mut houses, 2, 3, &mut directory);
    let [alice, bob] = [0, 2].map(|phone: usize| houses[phone].identity());

    // Alice knows Bob by his number, fetches his list and writes to all that it names.
    houses[0].contacts.people.push(Person::new(bob));
    houses[0].look_after_lists(&mut directory, START, rng);
    assert_eq!(houses[0].told.len(), 1, "{:?}", houses[0].told);
    houses[0].say(&bob, "hello", &mut directory, START, rng).unwrap();
    everything_arrives(&mut houses, START);
    assert_eq!(houses[1].conversations[&bob.encode()], ["hello"], "a copy");
    for device in [2, 3] {
        assert_eq!(houses[device].conversations[&alice.encode()], ["hello"]);
    }
    // Bob agrees, on one device, to be written to by her: by all of her devices, to all of his.
    houses[2].accept(&alice, START, rng);
    everything_arrives(&mut houses, START);
    assert!(houses[2].untold.is_empty());
    let alices = Address::new("alice/phone").unwrap();
    let contact = *houses[3].contacts.peer(&alices).unwrap().contact();
    assert_eq!(contact, Contact::Accepted(alice));
    // A device that was just linked is told of all contacts at once.
    let laptops = Address::new("bob/laptop").unwrap();
    assert_eq!(houses[2].introduce(&laptops, by_wall(START), rng), Ok(true));
    everything_arrives(&mut houses, START);
    assert_eq!(
        houses[3].contacts.person(&alice).unwrap().list().map(VerifiedList::version),
        Some(1)
    );
    // What is read on the one is read on the other.
    let id = MessageId::by(alice.member_tag(), b"hello");
    houses[3].read(id, by_wall(START), rng);
    everything_arrives(&mut houses, START);
    let read = format!("read elsewhere: {id}");
    assert!(houses[2].told.contains(&read), "{:?}", houses[2].told);
    assert!(!houses[0].told.contains(&read), "it is nobody else's business");
    // Who cannot be reached is told later.
    let phones = Address::new("bob/phone").unwrap();
    let peers = &mut houses[3].contacts.peers;
    let _ = peers.iter_mut().find(|peer| *peer.address() == phones).unwrap().drop_sessions();
    let id = MessageId::by(alice.member_tag(), b"hi");
    houses[3].read(id, by_wall(START), rng);
    assert_eq!(houses[3].untold.len(), 1);
    houses[3].tell_untold(&mut directory, START, rng);
    assert!(houses[3].untold.is_empty());
    everything_arrives(&mut houses, START);
    assert!(houses[2].told.contains(&format!("read elsewhere: {id}")));
    // He has a session with her phone alone; one with her laptop is begun when he answers.
    houses[2].say(&alice, "hi", &mut directory, START, rng).unwrap();
    everything_arrives(&mut houses, START);
    for device in [0, 1] {
        assert_eq!(houses[device].conversations[&bob.encode()], ["hello", "hi"]);
    }
    // Her laptop is no stranger to him: her phone has written to him.
    let bobs = Address::new("bob/phone").unwrap();
    let contact = *houses[1].contacts.peer(&bobs).unwrap().contact();
    assert_eq!(contact, Contact::Accepted(bob));
    assert_eq!(houses[3].conversations[&alice.encode()], ["hello", "hi"]);

    // The laptop is lost: it gets nothing more from anybody who has heard of that, and what it writes says so.
    let Household { account, own, .. } = &mut houses[0];
    let list = own.remove(account, &Address::new("alice/laptop").unwrap(), START).unwrap().clone();
    directory.lists.insert(list.owner().encode(), list.encode());
    houses[0].look_after_lists(&mut directory, START, rng);
    houses[0].outbox.retain(|message| message.to != Address::new("alice/laptop").unwrap());
    everything_arrives(&mut houses, START);
    let gone = r#"New devices: []; gone: ["alice/laptop"]"#;
    assert!(houses[2].told.iter().any(|told| told == gone), "{:?}", houses[2].told);
    houses[2].say(&alice, "between us", &mut directory, START, rng).unwrap();
    assert!(
        houses[2].outbox.iter().all(|message| message.to != Address::new("alice/laptop").unwrap())
    );
    everything_arrives(&mut houses, START);
    houses[1].say(&bob, "still here", &mut directory, START, rng).unwrap();
    houses[1].outbox.retain(|message| message.to == Address::new("bob/phone").unwrap());
    everything_arrives(&mut houses, START);
    // It may still be known to be hers, or not: it is never shown as if it were.
    let shown = houses[2].conversations.values().flatten().find(|text| text.starts_with("still"));
    assert_eq!(shown.unwrap(), "still here (from a device that was removed)");

    // All that was stored is all that there is.
    for house in &houses {
        assert!(*house.rows[b"own".as_slice()] == *house.own.snapshot());
        for peer in &house.contacts.peers {
            let row = [b"peer/", peer.address().as_bytes()].concat();
            assert!(*house.rows[&row] == *peer.snapshot(), "{}", peer.address());
        }
        for person in &house.contacts.people {
            let row = [b"person/".as_slice(), &person.owner().encode()].concat();
            assert!(*house.rows[&row] == *person.snapshot());
        }
    }
}

impl Club {
    fn new(house: Household) -> Self {
        Self {
            house,
            groups: Groups::new(),
            held: BTreeMap::new(),
            kept: BTreeMap::new(),
            broadcasts: Vec::new(),
            shown: BTreeMap::new(),
        }
    }

    fn address(&self) -> Address {
        self.house.account.device().address
    }

    fn store(&mut self, changes: &GroupChanges) {
        self.house.store(&changes.people);
        for id in &changes.groups {
            let place = self.groups.all.iter().position(|group| group.id() == *id);
            place.into_iter().for_each(|place| self.store_group(place));
        }
        if changes.invitations {
            let row = self.groups.invitations.snapshot();
            self.house.rows.insert(b"invitations".to_vec(), row);
        }
    }

    fn store_group(&mut self, place: usize) {
        let group = &self.groups.all[place];
        let row = [b"group/".as_slice(), group.id().as_bytes()].concat();
        self.house.rows.insert(row, group.snapshot());
    }

    /// Step 3, for a device of a member.
    fn begin(
        &mut self,
        to: &Address,
        directory: &mut Directory,
        now: Timestamp,
        rng: &mut impl CryptoRng,
    ) -> bool {
        let Household { account, own, contacts, .. } = &mut self.house;
        let people = contacts.people.iter().chain([own.person()]);
        let mut devices = people.filter_map(Person::list).flat_map(VerifiedList::devices);
        let listed = devices.find(|listed| listed.device.address == *to).unwrap().device.clone();
        let bundle = directory.published.get_mut(to).unwrap().hand_out();
        let bundle = PreKeyBundle::decode(&bundle).unwrap().verify(now).unwrap();
        let peers = &mut contacts.peers;
        let place = peers.iter().position(|peer| peer.address() == to).unwrap_or_else(|| {
            peers.push(Peer::new(listed.address));
            peers.len() - 1
        });
        peers[place].initiate_for_group(account, bundle, now, rng).is_ok()
    }
}

/// Everything that waits is taken in, until nothing does; but for what goes to single devices that are named here.
fn clubs_exchange(
    clubs: &mut [Club],
    directory: &mut Directory,
    now: Timestamp,
    lost: impl Fn(&Address, &Address) -> bool,
) {
    let rng = &mut ChaCha20Rng::seed_from_u64(93);
    loop {
        let (mut letters, mut broadcasts) = (Vec::new(), Vec::new());
        for club in clubs.iter_mut() {
            let from = club.address();
            letters.extend(club.house.outbox.drain(..).map(|message| (from.clone(), message)));
            broadcasts.append(&mut club.broadcasts);
        }
        if letters.is_empty() && broadcasts.is_empty() {
            return;
        }
        for (from, message) in letters.iter().filter(|(from, message)| !lost(from, &message.to)) {
            let to = clubs.iter_mut().find(|club| club.address() == message.to).unwrap();
            to.hear(from, &message.message, directory, now, rng).unwrap();
        }
        for broadcast in &broadcasts {
            for to in clubs.iter_mut().filter(|club| broadcast.to.contains(&club.address())) {
                to.hear_group(&broadcast.message, directory, now, rng);
            }
        }
    }
}

#[test]
fn people_write_to_a_group() {
    let rng = &mut ChaCha20Rng::seed_from_u64(94);
    let mut directory = Directory::default();
    let names = ["alice/phone", "alice/laptop", "bob/phone", "carol/phone"];
    let mut houses: Vec<_> =
        names.iter().map(|name| Household::new(name, &mut directory, rng)).collect();
    link(&mut houses, 0, 1, &mut directory);
    let [alice, bob, carol] = [0, 2, 3].map(|place: usize| houses[place].identity());
    for house in &mut houses {
        house.look_after_lists(&mut directory, START, rng);
    }
    houses[0].contacts.people.extend([Person::new(bob), Person::new(carol)]);
    houses[0].look_after_lists(&mut directory, START, rng);
    let mut clubs: Vec<_> = houses.into_iter().map(Club::new).collect();
    let exchange = |clubs: &mut [Club], directory: &mut Directory, now: Timestamp| {
        clubs_exchange(clubs, directory, now, |_, _| false);
    };
    let join = |club: &mut Club, now: Timestamp| {
        let invitations = club.groups.invitations(&club.house.own, now);
        let names: Vec<_> = invitations.map(|invitation| invitation.name()).collect();
        assert_eq!(names.len(), 1, "{}", club.address());
        club.join(&names[0], now).unwrap();
    };

    // Bob and Carol do not know each other.
    let id = clubs[0].create(&[bob, carol], "Hiking", &mut directory, START, rng).unwrap();
    exchange(&mut clubs, &mut directory, START);
    assert!(clubs[2].house.told.iter().any(|told| told == "alice/phone invites you to a group."));
    for place in [1, 2, 3] {
        join(&mut clubs[place], START);
        clubs[place].look_after_groups(&mut directory, START, rng);
    }
    exchange(&mut clubs, &mut directory, START);
    assert_eq!(clubs[3].groups.group(&id).unwrap().about(), Some(&b"Hiking"[..]));
    clubs[2].say(&id, "from Bob", &mut directory, START, rng).unwrap();
    exchange(&mut clubs, &mut directory, START);
    clubs[3].say(&id, "from Carol", &mut directory, START, rng).unwrap();
    exchange(&mut clubs, &mut directory, START);
    for club in &clubs {
        assert_eq!(club.shown[&id], ["from Bob", "from Carol"], "{}", club.address());
    }
    let bobs = clubs[3].house.contacts.peer(&clubs[2].address()).unwrap().contact();
    assert_eq!(*bobs, Contact::Request(bob), "whoever is in one group is no contact by it");

    // A chain is lost on its way, and the message is not: it waits, and opens when the chain has come.
    clubs[1].say(&id, "from Alice", &mut directory, START, rng).unwrap();
    let (alices, carols) = (clubs[1].address(), clubs[3].address());
    clubs_exchange(&mut clubs, &mut directory, START, |from, to| {
        (from, to) == (&alices, &carols) || (from, to) == (&carols, &alices)
    });
    assert_eq!((clubs[3].kept.len(), clubs[3].shown[&id].len()), (1, 2));
    let tomorrow = START.plus(Duration::from_secs(DAY + 1));
    clubs[3].look_after_groups(&mut directory, tomorrow, rng);
    exchange(&mut clubs, &mut directory, tomorrow);
    assert_eq!(clubs[3].shown[&id].last().unwrap(), "from Alice");
    assert!(clubs[3].kept.is_empty());

    // Carol goes, and reads nothing more.
    let member = clubs[0].groups.group(&id).unwrap().member(&carol).unwrap();
    clubs[0].change(&id, &Change::remove(&member), &mut directory, tomorrow, rng).unwrap();
    exchange(&mut clubs, &mut directory, tomorrow);
    assert_eq!(clubs[3].shown[&id].last().unwrap(), "(1 gone)");
    clubs[2].say(&id, "between us", &mut directory, tomorrow, rng).unwrap();
    exchange(&mut clubs, &mut directory, tomorrow);
    assert_eq!(clubs[0].shown[&id].last().unwrap(), "between us");
    assert_eq!(clubs[3].shown[&id].last().unwrap(), "(1 gone)");
    let refused = clubs[3].say(&id, "still here?", &mut directory, tomorrow, rng);
    assert_eq!(refused, Err(GroupEncryptError::NotAMember));
    assert!(clubs[1].groups.group(&id).unwrap().member(&alice).is_some());

    // All that was stored is all that there is.
    for club in &clubs {
        let row = [b"group/".as_slice(), id.as_bytes()].concat();
        assert!(*club.house.rows[&row] == *club.groups.group(&id).unwrap().snapshot());
        for peer in &club.house.contacts.peers {
            let row = [b"peer/", peer.address().as_bytes()].concat();
            assert!(*club.house.rows[&row] == *peer.snapshot(), "{}", peer.address());
        }
    }
}

/// A store of attachments, of one blob, and the row of the message that it is of.
#[derive(Default)]
struct Blob {
    bytes: Vec<u8>,
    checkpoint: Option<Zeroizing<Vec<u8>>>,
}

impl Blob {
    fn append(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    fn go_on_at(&mut self, at: u64) {
        self.bytes.truncate(usize::try_from(at).unwrap());
    }

    fn fetch(&self, bytes: Range<u64>) -> Vec<u8> {
        let [start, end] = [bytes.start, bytes.end].map(|place| usize::try_from(place).unwrap());
        self.bytes[start..end].to_vec()
    }
}

/// What the user says to somebody who wrote first.
enum Answer {
    Accept,
    Refuse,
}

/// What the user says to another identity.
#[derive(Clone, Copy)]
enum Decision {
    Accept,
    Reject,
    Later,
}

/// Where a message stands, before its conversation.
fn message_place(id: MessageId) -> Vec<u8> {
    [b"message/".as_slice(), &id.0].concat()
}

/// Where a message stands to be sent again, before whom it was for.
fn unconfirmed(id: MessageId) -> Vec<u8> {
    [b"unconfirmed/".as_slice(), &id.0].concat()
}

/// Where a file of a message stands, or its thumbnail.
fn file_place(id: MessageId, part: Parts) -> Vec<u8> {
    let table: &[u8] = if part == Parts::FILE { b"file/" } else { b"thumbnail/" };
    [table, &id.0].concat()
}

fn kept_for(name: &Address) -> Vec<u8> {
    let length = u8::try_from(name.as_bytes().len()).unwrap();
    [b"kept/".as_slice(), &[length], name.as_bytes()].concat()
}

/// What the application stands at in its outbox: the message, and whom it is for.
fn named_in_outbox(place: &[u8]) -> (Option<MessageId>, Address) {
    let (id, to) = place[8..].split_at(16);
    let id: [u8; 16] = id.try_into().unwrap();
    ((id != [0; 16]).then_some(MessageId(id)), Address::new(to).unwrap())
}

/// Begins and ends what the guide shows.
const MARK: &str = "// guide: ";

const MINUTE: Duration = Duration::from_secs(60);
const DAY: u64 = 86_400;

const START: Timestamp = Timestamp::from_unix_seconds(1_800_000_000);

fn at(seconds: u64) -> Now {
    Now::from_wall(Duration::from_secs(1_800_000_000 + seconds))
}

fn storage_key() -> StorageKey {
    StorageKey::new(&[7; 32])
}

/// The suites of Alice and Bob: who has an account from before suite 2 keeps it.
const SUITES_OF_TWO: [[Suite; 2]; 4] = [
    [Suite::Hybrid, Suite::Hybrid],
    [Suite::Classical, Suite::Hybrid],
    [Suite::Hybrid, Suite::Classical],
    [Suite::Classical, Suite::Classical],
];

/// Two people, what lies between them, and the clock.
struct World {
    rng: ChaCha20Rng,
    server: Server,
    alice: Phone,
    bob: Phone,
    seconds: u64,
}

/// How transports name senders.
#[derive(Clone, Copy)]
enum Senders {
    Named,
    Hidden,
}

fn address(name: &str) -> Address {
    Address::new(name).unwrap()
}

fn alices() -> Address {
    address("user-17/device-1")
}

fn bobs() -> Address {
    address("user-23/device-1")
}

fn set_up(
    suite: Suite,
    address: Address,
    server: &mut Server,
    now: Now,
    rng: &mut ChaCha20Rng,
) -> Phone {
    let mut phone = Phone::set_up(address.clone(), storage_key(), now, rng);
    let mut limits = phone.account.limits().clone();
    // Each takes a key pair of ML-KEM, and some days of a story take all of them anew.
    limits.prekeys.one_time_prekeys = 5;
    if phone.account.suite() == suite {
        let _ = phone.account.set_limits(limits);
    } else {
        let time = now.timestamp();
        phone.account = Account::generate_of_suite(suite, address, limits, time, rng);
    }
    phone.write_account(rng);
    phone.upkeep(server, now, rng).unwrap();
    phone
}

/// All that has come for a phone, in order, and what became of it.
fn take_in(
    phone: &mut Phone,
    from: Option<&Address>,
    server: &mut Server,
    now: Now,
    rng: &mut ChaCha20Rng,
) -> Vec<Result<Option<MessageId>, PeerDecryptError>> {
    let mail = server.mail_for(&phone.account.device().address);
    mail.iter().map(|message| phone.receive(from, message, Age::NONE, now, rng)).collect()
}

impl World {
    fn new(seed: u64) -> Self {
        Self::of([Suite::default(); 2], seed)
    }

    fn of(suites: [Suite; 2], seed: u64) -> Self {
        let (mut rng, mut server) = (ChaCha20Rng::seed_from_u64(seed), Server::default());
        let alice = set_up(suites[0], alices(), &mut server, at(0), &mut rng);
        let bob = set_up(suites[1], bobs(), &mut server, at(0), &mut rng);
        Self { rng, server, alice, bob, seconds: 0 }
    }

    fn now(&self) -> Now {
        at(self.seconds)
    }

    fn alice_writes(&mut self, text: &str) -> MessageId {
        let (now, Self { rng, server, alice, .. }) = (self.now(), self);
        alice.send(&bobs(), text, Opens::Unlimited, server, now, rng).unwrap()
    }

    fn bob_writes(&mut self, text: &str) -> MessageId {
        let (now, Self { rng, server, bob, .. }) = (self.now(), self);
        bob.send(&alices(), text, Opens::Unlimited, server, now, rng).unwrap()
    }

    /// Everything that is under way, or owed, goes and comes, a second later; as often as it takes.
    fn settle(&mut self, senders: Senders) -> Vec<Result<Option<MessageId>, PeerDecryptError>> {
        let mut all = Vec::new();
        for _ in 0..6 {
            self.seconds += 1;
            let (now, Self { rng, server, alice, bob, .. }) = (self.now(), &mut *self);
            let both = [alice.account.device().address, bob.account.device().address];
            let from = both.clone().map(|address| match senders {
                Senders::Named => Some(address),
                Senders::Hidden => None,
            });
            for phone in [&mut *alice, &mut *bob] {
                phone.pay(server, now, rng);
                phone.hand_over(server, now, rng);
            }
            all.extend(take_in(alice, from[1].as_ref(), server, now, rng));
            all.extend(take_in(bob, from[0].as_ref(), server, now, rng));
        }
        all
    }

    fn shown_at_bobs(&mut self, id: MessageId) -> Option<String> {
        let now = self.now();
        self.bob.shown(id, now, &mut self.rng)
    }

    fn shown_at_alices(&mut self, id: MessageId) -> Option<String> {
        let now = self.now();
        self.alice.shown(id, now, &mut self.rng)
    }

    fn bob_answers(&mut self, answer: Answer) {
        let now = self.now();
        self.bob.answer_request(&alices(), answer, now, &mut self.rng);
    }

    /// Alice has written, Bob has accepted and answered, and all is confirmed.
    fn acquainted(seed: u64, senders: Senders) -> Self {
        Self::new(seed).introduced(senders)
    }

    fn introduced(self, senders: Senders) -> Self {
        let mut world = self;
        world.alice_writes("Hello Bob");
        world.settle(senders);
        world.bob_answers(Answer::Accept);
        world.bob_writes("Hello Alice");
        assert!(world.settle(senders).iter().all(Result::is_ok));
        world.alice.notices.clear();
        world.bob.notices.clear();
        world
    }

    fn each_hears_the_other(&mut self, senders: Senders) {
        let (one, other) = (self.alice_writes("to Bob"), self.bob_writes("to Alice"));
        self.settle(senders);
        assert_eq!(self.shown_at_bobs(one).as_deref(), Some("to Bob"));
        assert_eq!(self.shown_at_alices(other).as_deref(), Some("to Alice"));
    }

    /// Whatever the former one was of, it is of the default suite.
    fn bob_gets_another_phone(&mut self) {
        let (now, Self { rng, server, .. }) = (self.now(), &mut *self);
        self.bob = set_up(Suite::default(), bobs(), server, now, rng);
    }
}

#[test]
fn a_request_is_read_accepted_and_answered() {
    let mut world = World::new(1);
    let id = world.alice_writes("Hello Bob");
    let rng = &mut world.rng;
    world.alice.hand_over(&mut world.server, at(1), rng);
    let first = world.server.mail_for(&bobs()).remove(0);
    assert_eq!(world.bob.sender(None, &first, at(1)), Some(alices()));
    assert_eq!(world.bob.receive(None, &first, Age::NONE, at(2), rng), Ok(Some(id)));
    let again = world.bob.receive(None, &first, Age::NONE, at(2), rng);
    assert_eq!(again, Err(PeerDecryptError::Duplicate));
    assert_eq!(world.bob.notices, [Notice::Of(alices(), Told::WroteFirst)]);
    assert_eq!(world.shown_at_bobs(id).as_deref(), Some("Hello Bob"));
    let (server, rng) = (&mut world.server, &mut world.rng);
    let refused = world.bob.send(&alices(), "?", Opens::Unlimited, server, at(3), rng).unwrap_err();
    assert_eq!(why_not_sent(refused), "Accept the request first.");
    world.bob_answers(Answer::Accept);
    world.each_hears_the_other(Senders::Named);
}

#[test]
fn who_has_an_account_of_the_former_suite_writes_and_is_written_to() {
    for (seed, suites) in (60..).zip(SUITES_OF_TWO) {
        for senders in [Senders::Named, Senders::Hidden] {
            let mut world = World::of(suites, seed).introduced(senders);
            world.each_hears_the_other(senders);
            // Alice began, so that it has the suite of Bob; after he has lost it, he does.
            let suite =
                |world: &World| world.alice.peers[&bobs()].sessions().next().unwrap().suite();
            assert_eq!(suite(&world), suites[1]);
            let (now, World { rng, server, bob, .. }) = (world.now(), &mut world);
            bob.restored_from_backup(now, rng);
            bob.upload(server, now, rng).unwrap();
            world.each_hears_the_other(senders);
            assert_eq!(suite(&world), suites[0], "{suites:?}");
        }
    }
}

#[test]
fn nobody_is_written_to_who_has_published_nothing() {
    let mut world = World::new(2);
    let (server, rng) = (&mut world.server, &mut world.rng);
    let carol = address("user-99/device-1");
    let sent = world.alice.send(&carol, "Hello", Opens::Unlimited, server, at(1), rng);
    assert_eq!(sent, Err(PeerEncryptError::NeedsSession));
    assert!(world.alice.store.table(b"message/").is_empty());
}

#[test]
fn what_is_confirmed_is_not_kept_to_be_sent_again() {
    let mut world = World::new(3);
    world.alice_writes("Hello Bob");
    assert_eq!(world.alice.store.table(b"unconfirmed/").len(), 1);
    world.settle(Senders::Named);
    assert_eq!(world.alice.store.table(b"unconfirmed/").len(), 1, "a request confirms nothing");
    world.bob_answers(Answer::Accept);
    world.alice_writes("Are you there?");
    world.settle(Senders::Named);
    assert_eq!(world.alice.store.table(b"unconfirmed/").len(), 1);
    assert!(world.alice.store.table(b"outbox/").is_empty());
}

#[test]
fn one_who_was_away_for_fifty_days_gets_all_that_was_written() {
    let mut world = World::acquainted(4, Senders::Named);
    let (now, World { rng, server, bob, .. }) = (world.now(), &mut world);
    let _ = bob.account.set_limits(Limits::default());
    bob.upkeep(server, now, rng).unwrap();
    let before = server.published[&bobs()].stock().one_time_prekeys;
    assert!(before > 50);
    let mut ids = Vec::new();
    for day in 1..=50 {
        world.seconds = day * DAY;
        ids.push(world.alice_writes("Where are you?"));
        ids.push(world.alice_writes("Do write to me."));
        let (now, World { rng, server, alice, .. }) = (world.now(), &mut world);
        alice.upkeep(server, now, rng).unwrap();
        alice.hand_over(server, now, rng);
    }
    let left = world.server.published[&bobs()].stock().one_time_prekeys;
    assert!(left >= before - 50, "at most one a day: {left} left");
    let bundle = world.server.hand_out(&bobs()).unwrap();
    let refused = PreKeyBundle::decode(&bundle).unwrap().verify(world.now().timestamp());
    assert_eq!(refused, Err(VerifyError::Expired));
    let (now, World { rng, server, bob, .. }) = (world.now(), &mut world);
    let taken = take_in(bob, Some(&alices()), server, now, rng);
    let shown: Vec<_> = taken.iter().filter_map(|it| it.ok().flatten()).collect();
    assert!(taken.iter().all(Result::is_ok));
    assert_eq!(shown, ids, "each once, in order");
    bob.upkeep(server, now, rng).unwrap();
    world.each_hears_the_other(Senders::Named);
}

#[test]
fn a_device_goes_on_from_what_it_stored() {
    let mut world = World::acquainted(5, Senders::Hidden);
    let (now, rng) = (world.now(), &mut world.rng);
    world.bob.set_timer(&alices(), Some(Policy::after_read(MINUTE)), now, rng);
    let id = world.alice_writes("Read me");
    world.settle(Senders::Hidden);
    let changed = |notices: &[Notice]| {
        notices.iter().any(|notice| matches!(notice, Notice::TimerChanged { .. }))
    };
    assert!(changed(&world.alice.notices) && changed(&world.bob.notices));
    let id_under_timer = world.alice_writes("Read me too");
    world.settle(Senders::Hidden);
    let (now, store) = (world.now(), std::mem::take(&mut world.bob.store));
    let clock = Some(now.wall);
    world.bob = Phone::start(store, storage_key(), clock, now, &mut world.rng).unwrap();
    assert_eq!(world.shown_at_bobs(id).as_deref(), Some("Read me"));
    assert_eq!(world.shown_at_bobs(id_under_timer).as_deref(), Some("Read me too"));
    let purge = |world: &mut World| {
        let now = world.now();
        world.bob.purge(now, &mut world.rng)
    };
    world.seconds += 59;
    assert_eq!(purge(&mut world), Some(Duration::from_secs(1)));
    assert!(world.bob.place_of(id_under_timer).is_some());
    world.seconds += 1;
    assert_eq!(world.shown_at_bobs(id_under_timer), None, "before it is deleted");
    purge(&mut world);
    assert_eq!(world.bob.place_of(id_under_timer), None);
    world.each_hears_the_other(Senders::Hidden);
}

#[test]
fn what_may_be_opened_once_opens_once() {
    let mut world = World::acquainted(6, Senders::Named);
    let (now, World { rng, server, alice, .. }) = (world.now(), &mut world);
    let id = alice.send(&bobs(), "a secret", Opens::Once, server, now, rng).unwrap();
    world.settle(Senders::Named);
    assert_eq!(world.shown_at_alices(id).as_deref(), Some("a secret"));
    assert_eq!(world.shown_at_bobs(id).as_deref(), Some("tap to open"));
    let (now, World { rng, bob, .. }) = (world.now(), &mut world);
    assert_eq!(bob.open(id, now, rng), Ok(Some("a secret".into())));
    assert_eq!(bob.open(id, now, rng), Err(OpenError::Gone));
    bob.purge(now, rng);
    assert_eq!(bob.place_of(id), None);
}

#[test]
fn what_its_author_takes_back_goes_at_both() {
    let mut world = World::acquainted(7, Senders::Named);
    let (id, other) = (world.alice_writes("a mistake"), world.bob_writes("mine"));
    world.settle(Senders::Named);
    let (now, World { rng, alice, .. }) = (world.now(), &mut world);
    alice.take_back(&bobs(), id, now, rng).unwrap();
    world.settle(Senders::Named);
    assert_eq!((world.shown_at_alices(id), world.shown_at_bobs(id)), (None, None));
    let now = world.now();
    world.bob.purge(now, &mut world.rng);
    assert_eq!(world.bob.place_of(id), None);
    assert_eq!(world.shown_at_alices(other).as_deref(), Some("mine"));
}

#[test]
fn nothing_is_sent_to_a_changed_identity_before_the_user_decides() {
    for (decision, seed) in [(Decision::Accept, 8), (Decision::Reject, 9), (Decision::Later, 10)] {
        let mut world = World::acquainted(seed, Senders::Named);
        let verified = world.alice.verified(&bobs()).unwrap();
        world.bob_gets_another_phone();
        let id = world.bob_writes("It is me");
        let refused = world.settle(Senders::Named);
        assert!(refused.iter().any(|it| matches!(it, Err(PeerDecryptError::IdentityChanged(_)))));
        assert_eq!(world.alice.notices, [Notice::Of(bobs(), Told::IdentityChanged)]);
        let (now, World { rng, server, alice, bob, .. }) = (world.now(), &mut world);
        let sent = alice.send(&bobs(), "Really?", Opens::Unlimited, server, now, rng);
        assert_eq!(sent, Err(PeerEncryptError::IdentityUndecided));
        let number = alice.undecided_number(&bobs()).unwrap();
        assert!(number.matches(&bob.safety_number(&alices()).unwrap().to_string()));
        alice.decide(&bobs(), decision, now, rng).unwrap();
        assert!(alice.undecided_number(&bobs()).is_none());
        let (shown, is_verified) =
            (world.shown_at_alices(id), world.alice.verified(&bobs()) == Some(verified));
        match decision {
            Decision::Accept => {
                assert_eq!((shown.as_deref(), is_verified), (Some("It is me"), false));
                world.each_hears_the_other(Senders::Named);
            }
            Decision::Reject | Decision::Later => {
                assert!(is_verified && world.alice.place_of(id).is_none());
            }
        }
        let kept = world.alice.store.table(b"kept/").len();
        assert_eq!(kept > 0, matches!(decision, Decision::Later));
    }
}

#[test]
fn a_changed_identity_in_a_bundle_is_asked_about_too() {
    let mut world = World::acquainted(11, Senders::Named);
    world.bob_gets_another_phone();
    world.alice_writes("Are you there?");
    world.seconds += 2 * DAY;
    let (now, World { rng, server, alice, .. }) = (world.now(), &mut world);
    let sent = alice.send(&bobs(), "Hello?", Opens::Unlimited, server, now, rng);
    assert_eq!(sent, Err(PeerEncryptError::IdentityUndecided));
    assert_eq!(alice.notices, [Notice::Of(bobs(), Told::IdentityChanged)]);
}

#[test]
fn who_was_blocked_is_heard_and_hears_again() {
    for seed in 20..40 {
        for senders in [Senders::Named, Senders::Hidden] {
            let mut world = World::acquainted(seed, senders);
            world.bob_answers(Answer::Refuse);
            world.alice_writes("Do you hear me?");
            world.settle(senders);
            world.bob_answers(Answer::Accept);
            world.settle(senders);
            world.each_hears_the_other(senders);
        }
    }
}

#[test]
fn a_contact_that_is_deleted_is_a_request_again() {
    let mut world = World::acquainted(12, Senders::Hidden);
    let (now, World { rng, bob, .. }) = (world.now(), &mut world);
    bob.delete_contact(&alices(), now, rng);
    assert!(bob.store.table(b"message/").is_empty());
    let id = world.alice_writes("Still there?");
    assert!(world.settle(Senders::Hidden).iter().all(Result::is_ok));
    assert_eq!(world.shown_at_bobs(id).as_deref(), Some("Still there?"));
    assert!(matches!(world.bob.peers[&alices()].contact(), Contact::Request(_)));
    world.bob_answers(Answer::Accept);
    world.each_hears_the_other(Senders::Hidden);
}

#[test]
fn who_moves_is_found_at_the_new_address() {
    let elsewhere = address("elsewhere/user-17/device-1");
    for (senders, seed) in [(Senders::Named, 13), (Senders::Hidden, 14)] {
        let mut world = World::acquainted(seed, senders);
        let id = world.bob_writes("under way");
        let (now, World { rng, server, alice, bob, .. }) = (world.now(), &mut world);
        bob.hand_over(server, now, rng);
        let mail = server.mail_for(&alices());
        alice.move_to(elsewhere.clone(), server, now, rng).unwrap();
        assert_eq!(alice.receive(Some(&bobs()), &mail[0], Age::NONE, now, rng), Ok(Some(id)));
        world.settle(senders);
        assert_eq!(world.bob.notices, [Notice::Of(alices(), Told::Moved)]);
        assert_eq!(world.bob.peers[&alices()].address(), &elsewhere);
        world.each_hears_the_other(senders);
    }
}

#[test]
fn who_moves_and_can_tell_nobody_is_followed_by_a_first_message() {
    let elsewhere = address("elsewhere/user-17/device-1");
    for (senders, seed) in [(Senders::Named, 15), (Senders::Hidden, 16)] {
        let mut world = World::acquainted(seed, senders);
        let (now, World { rng, server, alice, .. }) = (world.now(), &mut world);
        alice.restored_from_backup(now, rng);
        alice.move_to(elsewhere.clone(), server, now, rng).unwrap();
        world.settle(senders);
        assert_eq!(world.bob.notices, [Notice::Of(alices(), Told::Moved)]);
        world.each_hears_the_other(senders);
    }
}

#[test]
fn a_bundle_of_the_same_identity_is_followed_unless_somebody_else_is_there() {
    let elsewhere = address("elsewhere/user-23/device-1");
    for (is_taken, seed) in [(false, 17), (true, 18)] {
        let mut world = World::acquainted(seed, Senders::Named);
        let (now, World { rng, server, alice, bob, .. }) = (world.now(), &mut world);
        let _changes = bob.account.change_address(elsewhere.clone(), now.timestamp(), rng);
        bob.upload(server, now, rng).unwrap();
        let forwarded = server.published[&elsewhere].clone();
        server.published.insert(bobs(), forwarded);
        if is_taken {
            alice.peers.insert(elsewhere.clone(), Peer::new(elsewhere.clone()));
        }
        let _changes = alice.peers.get_mut(&bobs()).unwrap().drop_sessions();
        alice.session_with(&bobs(), server, now, rng);
        let told = if is_taken { Told::ServerIsWrong } else { Told::Moved };
        assert_eq!(alice.notices, [Notice::Of(bobs(), told)]);
        assert_eq!(alice.peers[&bobs()].address() == &elsewhere, !is_taken);
    }
}

#[test]
fn a_device_that_was_put_back_goes_on_in_new_sessions() {
    let mut world = World::acquainted(19, Senders::Named);
    let backup = world.alice.store.rows.clone();
    let lost = world.bob_writes("lost with the phone");
    world.settle(Senders::Named);
    assert!(world.shown_at_alices(lost).is_some());
    world.alice.store = Store { rows: backup };
    let (now, store) = (world.now(), std::mem::take(&mut world.alice.store));
    world.alice = Phone::start(store, storage_key(), None, now, &mut world.rng).unwrap();
    let (now, World { rng, server, alice, .. }) = (world.now(), &mut world);
    alice.restored_from_backup(now, rng);
    alice.upload(server, now, rng).unwrap();
    world.settle(Senders::Named);
    world.each_hears_the_other(Senders::Named);
    let unconfirmed = world.bob_writes("sent into a lost session");
    let (now, World { rng, server, alice, bob, .. }) = (world.now(), &mut world);
    bob.hand_over(server, now, rng);
    alice.restored_from_backup(now, rng);
    alice.upload(server, now, rng).unwrap();
    world.settle(Senders::Named);
    assert!(world.shown_at_alices(unconfirmed).is_some(), "it came again in the new session");
}

#[test]
fn a_server_that_knows_more_than_the_account_has_the_user_asked() {
    let mut world = World::new(41);
    let backup = world.bob.store.rows.clone();
    world.seconds += 8 * DAY;
    let (now, World { rng, server, bob, .. }) = (world.now(), &mut world);
    bob.upkeep(server, now, rng).unwrap();
    let store = Store { rows: backup };
    let mut bob = Phone::start(store, storage_key(), None, now, rng).unwrap();
    bob.upkeep(server, now, rng).unwrap();
    assert_eq!(bob.notices, [Notice::PutBack]);
}

#[test]
fn who_finds_another_device_at_their_address_is_asked() {
    let mut world = World::new(43);
    let (now, World { rng, server, bob, .. }) = (world.now(), &mut world);
    let other = set_up(Suite::default(), bobs(), server, now, rng);
    bob.upkeep(server, now, rng).unwrap();
    assert_eq!((&*bob.notices, &*other.notices), (&[Notice::AddressTaken][..], &[][..]));
}

#[test]
fn keys_are_held_no_longer_than_messages_live() {
    let mut world = World::acquainted(42, Senders::Named);
    let (now, rng) = (world.now(), &mut world.rng);
    world.alice.set_timer(&bobs(), Some(Policy::after_send(MINUTE)), now, rng);
    world.settle(Senders::Named);
    let lifetime = |phone: &Phone, name: &Address| {
        let sessions = phone.peers[name].sessions();
        sessions.map(|session| session.limits().held_key_lifetime).collect::<Vec<_>>()
    };
    assert!(lifetime(&world.alice, &bobs()).iter().all(|it| *it == MINUTE));
    assert!(lifetime(&world.bob, &alices()).iter().all(|it| *it == MINUTE));
}

#[test]
fn what_could_not_be_opened_comes_in_the_next_session() {
    let mut world = World::new(49);
    let lost = world.alice_writes("to a prekey that is gone");
    let _gone = world.bob.account.replace_prekeys(world.now().timestamp(), &mut world.rng);
    assert_eq!(world.settle(Senders::Hidden), [Err(PeerDecryptError::NoSession)]);
    let (now, World { rng, server, bob, .. }) = (world.now(), &mut world);
    bob.upload(server, now, rng).unwrap();
    world.seconds += DAY;
    let next = world.alice_writes("a day later");
    assert_eq!(world.settle(Senders::Hidden), [Ok(Some(lost)), Ok(Some(next))]);
}

/// What may happen on either side of a conversation, and on the way.
fn mishap(world: &mut World, which: u64, senders: Senders) {
    let (now, World { rng, server, alice, bob, .. }) = (world.now(), &mut *world);
    let (alices, bobs) = (alices(), bobs());
    match which {
        0 => server.mail.clear(),
        1 => server.mail.extend(server.mail.clone()),
        2 => bob.answer_request(&alices, Answer::Refuse, now, rng),
        3 => bob.answer_request(&alices, Answer::Accept, now, rng),
        4 => alice.answer_request(&bobs, Answer::Refuse, now, rng),
        5 => alice.delete_contact(&bobs, now, rng),
        6 => {
            alice.restored_from_backup(now, rng);
            alice.upload(server, now, rng).unwrap();
        }
        // Who is new does not know where the other has gone.
        7 if alice.account.device().address == alices => world.bob_gets_another_phone(),
        18 if bob.verified(&alices) == Some(alice.account.device().identity) => {
            let elsewhere = address(&format!("user-17/device-1@{}", now.wall.as_secs()));
            alice.move_to(elsewhere, server, now, rng).unwrap();
        }
        8 => world.seconds += 3 * DAY,
        9 => _ = bob.say(&alices, vec![], now, rng),
        10 => bob.set_timer(&alices, Some(Policy::after_read(MINUTE * 100)), now, rng),
        11 => {
            let (clock, store) = (Some(now.wall), std::mem::take(&mut alice.store));
            *alice = Phone::start(store, storage_key(), clock, now, rng).unwrap();
        }
        12 | 13 => _ = alice.send(&bobs, "a", Opens::Unlimited, server, now, rng),
        14 | 15 => _ = bob.send(&alices, "b", Opens::Unlimited, server, now, rng),
        16 => bob.hand_over(server, now, rng),
        17 => alice.hand_over(server, now, rng),
        _ => _ = world.settle(senders),
    }
}

/// Both look after their devices, accept each other, and write.
fn ordinary_day(world: &mut World, senders: Senders) -> [MessageId; 2] {
    world.seconds += DAY;
    let (now, World { rng, server, alice, bob, .. }) = (world.now(), &mut *world);
    for (phone, other) in [(alice, bobs()), (bob, alices())] {
        phone.upkeep(server, now, rng).unwrap();
        phone.decide(&other, Decision::Accept, now, rng);
        phone.answer_request(&other, Answer::Accept, now, rng);
    }
    let World { rng, server, alice, bob, .. } = world;
    let one = alice.send(&bobs(), "to Bob", Opens::Unlimited, server, now, rng);
    let other = bob.send(&alices(), "to Alice", Opens::Unlimited, server, now, rng);
    world.settle(senders);
    [one, other].map(|sent| sent.unwrap_or(MessageId([0; 16])))
}

#[test]
fn after_whatever_happened_three_ordinary_days_deliver_both_ways() {
    for seed in 0..200_u64 {
        let senders = if seed % 2 == 0 { Senders::Named } else { Senders::Hidden };
        let suites = SUITES_OF_TWO[usize::try_from(seed / 2 % 4).unwrap()];
        let mut world = World::of(suites, 1_000 + seed).introduced(senders);
        let mut happened = Vec::new();
        for _ in 0..12 {
            let which = world.rng.next_u64() % 21;
            happened.push(which);
            mishap(&mut world, which, senders);
        }
        let days = [(); 3].map(|()| ordinary_day(&mut world, senders));
        let [one, other] = days[2];
        let shown = (world.shown_at_bobs(one).is_some(), world.shown_at_alices(other).is_some());
        assert_eq!(shown, (true, true), "seed {seed}, {suites:?}: {happened:?}");
    }
}

#[test]
fn what_an_own_device_deleted_goes_though_it_has_no_end() {
    let mut world = World::acquainted(44, Senders::Named);
    let (now, rng) = (world.now(), &mut world.rng);
    world.bob.set_timer(&alices(), None, now, rng); // off: such messages are not held
    world.settle(Senders::Named);
    let id = world.alice_writes("for ever");
    world.settle(Senders::Named);
    assert_eq!(world.shown_at_bobs(id).as_deref(), Some("for ever"));
    let (now, World { rng, bob, .. }) = (world.now(), &mut world);
    let effects = bob.expiry.told_by_own_device(DeviceEvent::Deleted(id), Age::NONE, now);
    let rows = bob.settle(effects, rng);
    bob.store.transaction(rows);
    assert_eq!(bob.place_of(id), None);
}

#[test]
fn what_was_never_sent_is_told_and_leaves_the_outbox() {
    let mut world = World::acquainted(45, Senders::Named);
    let (now, rng) = (world.now(), &mut world.rng);
    world.alice.set_timer(&bobs(), Some(Policy::after_send(MINUTE)), now, rng);
    world.settle(Senders::Named);
    world.alice.notices.clear();
    let id = world.alice_writes("too late");
    world.seconds += DAY + 1;
    let now = world.now();
    world.alice.purge(now, &mut world.rng);
    assert_eq!(world.alice.notices, [Notice::NeverSent(id)]);
    assert!(world.alice.all_gone(id).is_empty());
}

#[test]
fn a_setting_that_is_refused_is_told() {
    let mut world = World::acquainted(46, Senders::Named);
    let version = SettingVersion::new(1 << 30).unwrap();
    let by = world.alice.account.member_tag();
    let setting = Setting { version, policy: None, by };
    let (now, World { rng, bob, .. }) = (world.now(), &mut world);
    let conversation = conversation_with(&alices());
    let effects = bob.expiry.heard(conversation, &Ok(Stamp::of(Some(setting))), Age::NONE, now);
    bob.settle(effects, rng);
    let refusal = SettingRefusal::VersionJump;
    assert_eq!(bob.notices, [Notice::TimerRefused { conversation, setting, refusal }]);
}

#[test]
fn a_message_that_is_expected_is_looked_up_and_one_of_nobody_is_refused() {
    let mut world = World::acquainted(47, Senders::Hidden);
    world.bob_writes("a new chain");
    world.bob_writes("its next");
    let (now, World { rng, server, alice, bob, .. }) = (world.now(), &mut world);
    bob.hand_over(server, now, rng);
    let [first, message] = server.mail_for(&alices()).try_into().unwrap();
    assert!(alice.receive(None, &first, Age::NONE, now, rng).is_ok());
    assert_eq!(alice.expected.find(&message), Some(&bobs()));
    assert!(alice.receive(None, &message, Age::NONE, now, rng).is_ok());
    assert_eq!(alice.expected.find(&message), None);
    let altered: Vec<u8> = message.iter().map(|byte| byte ^ u8::from(*byte > 0x40)).collect();
    let refused = alice.receive(None, &altered, Age::NONE, now, rng);
    assert_eq!(refused, Err(PeerDecryptError::NoSession));
}

#[test]
fn of_what_a_later_release_may_read_ten_are_kept_and_offered_at_each_start() {
    let mut world = World::acquainted(50, Senders::Named);
    let (now, World { rng, bob, .. }) = (world.now(), &mut world);
    for number in 0..12 {
        let later = [0x22, number];
        let refused = bob.receive(Some(&alices()), &later, Age::NONE, now, rng);
        assert_eq!(refused, Err(PeerDecryptError::Unsupported));
        let again = bob.receive(Some(&alices()), &later, Age::NONE, now, rng);
        assert_eq!(again, Err(PeerDecryptError::Unsupported));
    }
    let kept: Vec<_> = bob.kept(&alices(), now).into_iter().map(|(_, _, it)| it[1]).collect();
    assert_eq!(kept, (0..10).collect::<Vec<u8>>());
    let mut store = std::mem::take(&mut bob.store);
    let place = [kept_for(&alices()), vec![3]].concat();
    let malformed = store.rows.get_mut(&place).unwrap();
    malformed[8] = 0x12; // this release can read it, and sees that it is none
    let bob = Phone::start(store, storage_key(), None, now, rng).unwrap();
    assert_eq!(bob.kept(&alices(), now).len(), 9);
}

#[test]
fn bundles_that_are_wrong_are_told_and_begin_nothing() {
    let mut world = World::new(48);
    let (now, World { rng, server, alice, .. }) = (world.now(), &mut world);
    let carol = address("user-99/device-1");
    let of_another = server.published[&bobs()].clone();
    server.published.insert(carol.clone(), of_another);
    alice.session_with(&carol, server, now, rng);
    alice.session_with(&alices(), server, now, rng);
    let wrong = [carol, alices()].map(|name| Notice::Of(name, Told::ServerIsWrong));
    assert_eq!(alice.notices, wrong);
}

#[test]
fn a_file_whose_upload_was_stopped_is_opened_in_parts() {
    let rng = &mut ChaCha20Rng::seed_from_u64(30);
    let mut file = vec![0; 2_500_000];
    rng.fill_bytes(&mut file);
    let mut blob = Blob::default();
    let mut sealer = AttachmentSealer::generate(rng);
    let mut piece = &file[..1_500_000];
    while let Some(sealed) = sealer.push(&mut piece).unwrap() {
        blob.append(sealed);
    }
    let checkpoint = sealer.checkpoint().unwrap();
    blob.append(b"what came after the checkpoint");

    let reference = upload(&file, Some(checkpoint), &mut blob, rng).unwrap();
    assert!(blob.checkpoint.is_none());
    assert_eq!(u64::try_from(blob.bytes.len()).unwrap(), reference.layout().blob_length());
    let part = part_of(&reference, 1_000_000..1_200_000, &blob).unwrap();
    assert!(part == file[1_000_000..1_200_000]);
    assert!(part_of(&reference, 0..2_500_000, &blob).unwrap() == file);
    assert!(part_of(&reference, 2_499_999..2_600_000, &blob).unwrap() == file[2_499_999..]);

    blob.bytes[1_100_000] ^= 1;
    let refused = part_of(&reference, 1_000_000..1_200_000, &blob).unwrap_err();
    assert_eq!(what_now(refused), "Fetch it again.");
    assert!(part_of(&reference, 0..900_000, &blob).is_ok());

    let whole = upload(&file, None, &mut Blob::default(), rng).unwrap();
    assert_ne!(whole, reference, "another upload has another key");
}

#[test]
fn a_file_dies_with_its_message_and_what_nobody_deletes_stays_due() {
    let mut world = World::acquainted(60, Senders::Named);
    let (now, World { rng, bob, .. }) = (world.now(), &mut world);
    let (id, conversation) = (MessageId([7; 16]), conversation_with(&alices()));
    let ttl = std::num::NonZeroU32::new(300).unwrap();
    let stamp = Stamp::NONE.with_policy(Policy::AfterRead { ttl });
    let author = bob.peers[&alices()].member_tag().unwrap();
    let new = Phone::with_file(NewMessage::new(id, conversation, author));
    let new = new.with_parts(Parts::PREVIEW);
    let arrival = bob.expiry.received(new, &Ok(stamp), Age::NONE, now);
    let mut rows = bob.settle(arrival.effects, rng);
    let content = Content::Text([8; 16], "a film".into());
    rows.push(bob.message_row(id, conversation, &content, rng));
    rows.push(bob.sealed_row(file_place(id, Parts::THUMBNAIL), b"a picture", rng));
    bob.store.transaction(rows);
    // Reading what is not there yet starts no clock.
    let _ = bob.shown(id, now, rng);
    let later = |seconds| Now::from_wall(now.wall + Duration::from_secs(seconds));
    bob.purge(later(400), rng);
    assert!(bob.place_of(id).is_some());
    bob.fetched(id, b"the film", later(500), rng);
    let places = [Parts::FILE, Parts::THUMBNAIL].map(|part| file_place(id, part));
    assert!(places.iter().all(|place| bob.store.row(place).is_some()));
    bob.purge(later(801), rng);
    assert!(places.iter().all(|place| bob.store.row(place).is_none()));
    assert!(bob.place_of(id).is_none());
    // This application deletes no lines of a list, so that is still due.
    let due = bob.expiry.poll(100, later(2_000)).due;
    assert_eq!(
        due.iter().map(|due| (due.id, due.parts)).collect::<Vec<_>>(),
        [(id, Parts::PREVIEW)]
    );
    // What comes too late for its message is not stored.
    bob.fetched(id, b"the film", later(2_001), rng);
    assert!(places.iter().all(|place| bob.store.row(place).is_none()));
}

#[test]
fn what_bob_was_sent_he_proves_to_the_moderators_and_nobody_proves_it_for_him() {
    let rng = &mut ChaCha20Rng::seed_from_u64(31);
    let now = at(0).timestamp();
    let alice = Account::generate(alices(), now, rng);
    let mut bob = Account::generate(bobs(), now, rng);
    let mut server = PublishedPreKeys::new(bob.pending_upload().unwrap());
    let bundle = PreKeyBundle::decode(&server.hand_out()).unwrap().verify(now).unwrap();
    let (mut to_bob, mut from_alice) = (Peer::new(bobs()), Peer::new(alices()));
    let _ = to_bob.initiate(&alice, bundle, now, rng).unwrap();
    let key = ServerKey::new(&[7; 32]);
    let named = |address: &Address| {
        [&[u8::try_from(address.as_bytes().len()).unwrap()], address.as_bytes()].concat()
    };
    let context = |to: &Address, from: &Address| [named(to), named(from), vec![0; 8]].concat();
    let mut kept = Vec::new();
    let mut keep = |body: &[u8], evidence: Option<Evidence>, message: &[u8], context: Vec<u8>| {
        let postmark = key.postmark(&Commitment::of(message).unwrap(), &context).unwrap();
        let evidence = evidence.unwrap().encode().to_vec();
        let (body, postmark) = (body.to_vec(), *postmark.as_bytes());
        kept.push(Reportable { body, evidence, context, postmark });
    };
    for text in ["one insult", "another"] {
        let message = to_bob.encrypt(&Payload::new(text), b"", now, rng).unwrap().message;
        let received = from_alice.decrypt(&mut bob, &message, b"", now).unwrap().received;
        keep(&received.body, received.evidence, &message, context(&bobs(), &alices()));
    }
    // What he wrote himself.
    let _ = from_alice.accept_request();
    let own = from_alice.encrypt(&Payload::new("please stop"), b"", now, rng).unwrap();
    keep(b"please stop", own.evidence, &own.message, context(&alices(), &bobs()));
    let report = report_of(&kept).unwrap().encode();
    let proven = |sender: &Address, recipient: &Address, body: &str| {
        let [sender, recipient] = [sender, recipient].map(|address| address.as_bytes().to_vec());
        Ok(Proven { sender, recipient, body: body.into() })
    };
    let expected = [
        proven(&alices(), &bobs(), "one insult"),
        proven(&alices(), &bobs(), "another"),
        proven(&bobs(), &alices(), "please stop"),
    ];
    assert_eq!(proven_by(&bobs(), &report, &key).unwrap(), expected);
    let others = proven_by(&address("user-99/device-1"), &report, &key).unwrap();
    assert_eq!(others, [const { Err("Somebody else sent it to somebody else.") }; 3]);
    let other_key = proven_by(&bobs(), &report, &ServerKey::new(&[8; 32])).unwrap();
    assert_eq!(other_key, [const { Err("We have not delivered this.") }; 3]);

    kept[0].body = b"one compliment".to_vec();
    assert!(report_of(&kept).is_none());
    assert!(report_of(&[]).is_none());
}

/// What stands here between marks, without its indentation.
fn marked(source: &str) -> Vec<String> {
    let mut parts = Vec::new();
    let mut lines = source.lines();
    while lines.any(|line| line.trim_start().starts_with(MARK)) {
        let part = lines.by_ref().take_while(|line| !line.trim_start().starts_with(MARK));
        parts.push(dedented(&part.collect::<Vec<_>>().join("\n")));
    }
    parts
}

fn dedented(code: &str) -> String {
    let lines = code.trim_end().lines();
    let width = |line: &&str| line.len() - line.trim_start().len();
    let indent = lines.clone().filter(|line| !line.is_empty()).map(|line| width(&line)).min();
    lines
        .map(|line| line.get(indent.unwrap_or(0)..).unwrap_or_default())
        .collect::<Vec<_>>()
        .join("\n")
}

#[test]
fn the_guide_shows_this_code() {
    let guide = include_str!("../docs/guide.md");
    let shown =
        guide.split("```rust\n").skip(1).filter_map(|part| Some(part.split_once("\n```")?.0));
    let (shown, marked): (Vec<&str>, _) = (shown.collect(), marked(include_str!("guide.rs")));
    assert!(marked.len() >= 10, "{} parts", marked.len());
    for (number, part) in marked.iter().enumerate() {
        assert_eq!(shown.get(number), Some(&part.as_str()), "part {number}");
    }
    assert_eq!(shown.len(), marked.len());
}

/// The enums of the library that an application meets, with the files that say what is in them.
const ENUMS: [(&str, &str); 12] = [
    ("PeerDecryptError", include_str!("../src/peer/delivery.rs")),
    ("PeerEncryptError", include_str!("../src/peer/dispatch.rs")),
    ("SessionNeed", include_str!("../src/peer/dispatch.rs")),
    ("PeerInitiateError", include_str!("../src/peer/initiating.rs")),
    ("VerifyError", include_str!("../src/prekeys/verified_bundle.rs")),
    ("StockDisagreement", include_str!("../src/prekeys/publication.rs")),
    ("ExpiryEvent", include_str!("../src/expiry/effects.rs")),
    ("Verdict", include_str!("../src/expiry/new_message.rs")),
    ("Visibility", include_str!("../src/expiry/reading.rs")),
    ("Unsent", include_str!("../src/expiry/arrivals.rs")),
    ("GroupEvent", include_str!("../src/group/group_event.rs")),
    ("GroupDecryptError", include_str!("../src/group/message_opening.rs")),
];

/// The names in an enum's body.
fn variants<'file>(file: &'file str, name: &str) -> Vec<&'file str> {
    let (_, body) = file.split_once(&format!("pub enum {name} {{\n")).expect("there it is");
    let body = body.split("\n}").next().expect("a split has a first part");
    let names = body.lines().filter_map(|line| line.strip_prefix("    "));
    let names = names.filter(|line| line.starts_with(char::is_uppercase));
    names.map(|line| line.split([',', '(', ' ']).next().expect("the same")).collect()
}

/// The compiler asks for `_` where a release may add a variant; here the new one is asked for.
#[test]
fn every_variant_is_named_in_the_guide() {
    let code = marked(include_str!("guide.rs")).concat();
    for (name, file) in ENUMS {
        let variants = variants(file, name);
        assert!(variants.len() >= 4, "{name}");
        for variant in variants {
            let named = format!("{name}::{variant}");
            let is_there = code
                .match_indices(&named)
                .any(|(place, _)| !code[place + named.len()..].starts_with(char::is_alphanumeric));
            assert!(is_there, "{named}");
        }
    }
}
