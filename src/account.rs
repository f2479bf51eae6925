//! One device of ours: who it is, what it publishes, whom it accepts.

pub(crate) mod accepting;
pub(crate) mod maintained;

use alloc::boxed::Box;

use rand_core::CryptoRng;

use crate::account::accepting::{AcceptError, Acceptance, Accepted};
use crate::account::maintained::Maintained;
use crate::changes::{Changes, SpentPreKey};
use crate::crypto::signature::SIGNATURE_LENGTH;
use crate::handshake::responder::{Responded, respond};
use crate::identity::{Address, Device, IdentityKeyPair};
use crate::limits::{Limits, SessionLimits};
use crate::prekeys::found_prekeys::FoundPreKeys;
use crate::prekeys::prekey_store::{Extent, PreKeyStore};
use crate::prekeys::verified_bundle::VerifiedBundle;
use crate::session::beginning::InitiateError;
use crate::session::one_conversation::Session;
use crate::shown_bytes::shown_in_part;
use crate::stored::{StateWriter, Stored};
use crate::time::Timestamp;
use crate::wire::codec::{DecodeError, Reader};
use crate::wire::message::{Envelope, HandshakeFields, InitialMessage};
use crate::wire::prekey_stock::{DeviceDigest, PreKeyStock};
use crate::wire::prekey_upload::PreKeyUpload;
use crate::wire::stamp::MemberTag;
use crate::wire::suite::Suite;

/// One device of ours: its identity, its address and its prekeys.
///
/// Everything with `&mut self` changes what must be stored before anything that came of it leaves.
pub struct Account {
    /// Boxed, so that an account that moves leaves no copy of its keys behind.
    identity: Box<IdentityKeyPair>,
    address: Address,
    prekeys: PreKeyStore,
    limits: Limits,
}

impl Account {
    /// A new device with the protocol's limits, of the [default suite](Suite::default). Three draws: the identity's seed,
    /// then both secrets of the signed prekey.
    ///
    /// [`Account::maintain`] gives what to publish.
    #[must_use]
    pub fn generate(address: Address, now: Timestamp, rng: &mut (impl CryptoRng + ?Sized)) -> Self {
        Self::generate_with_limits(address, Limits::default(), now, rng)
    }

    /// A new device with limits of your own. Three draws, as [`generate`](Self::generate).
    #[must_use]
    pub fn generate_with_limits(
        address: Address,
        limits: Limits,
        now: Timestamp,
        rng: &mut (impl CryptoRng + ?Sized),
    ) -> Self {
        Self::generate_of_suite(Suite::default(), address, limits, now, rng)
    }

    /// A new device of a suite of your choice, for its whole life. Two draws: the identity's seed, then the signed
    /// prekey's secret; for [`Suite::Hybrid`] a third, its second secret.
    #[must_use]
    pub fn generate_of_suite(
        suite: Suite,
        address: Address,
        limits: Limits,
        now: Timestamp,
        rng: &mut (impl CryptoRng + ?Sized),
    ) -> Self {
        let identity = Box::new(IdentityKeyPair::generate(rng));
        let prekeys = PreKeyStore::generate(suite, &limits.prekeys, now, rng);
        Self { identity, address, prekeys, limits }
    }

    /// This device as others see it.
    #[must_use]
    pub fn device(&self) -> Device {
        Device { identity: *self.identity.public(), address: self.address.clone() }
    }

    /// Its suite: that of the sessions that others begin with it.
    #[must_use]
    pub fn suite(&self) -> Suite {
        self.prekeys.suite()
    }

    /// The tag under which a scheduler knows what this device writes and sets.
    #[must_use]
    pub fn member_tag(&self) -> MemberTag {
        self.identity.public().member_tag()
    }

    /// The limits of this account, which new sessions take over, unless
    /// [their peer has its own](crate::Peer::set_session_limits).
    #[must_use]
    pub fn limits(&self) -> &Limits {
        &self.limits
    }

    /// Sets the limits, from now on. Sessions keep theirs.
    pub fn set_limits(&mut self, limits: Limits) -> Changes {
        let changes = if self.limits == limits { Changes::NONE } else { Changes::ACCOUNT };
        self.limits = limits;
        changes
    }

    /// Does what is due at `now`: deletes signed prekeys that were replaced long ago, replaces the
    /// current one, tops up one-time prekeys. Call it at every start and once a day, but not before the
    /// clock has been set: with a clock at zero the current signed prekey looks like one from the future.
    ///
    /// `stock` is what the server has left ([`PublishedPreKeys::stock`](crate::server::PublishedPreKeys::stock)),
    /// asked for this call; [`PreKeyStock::NOTHING`] if it knows nothing of this device, `None` if it cannot be asked
    /// now. What it has is topped up. At a start, ask it first: whoever publishes before may not learn that the
    /// account went back. Without an answer it tops up what is held here, which those count too who fetched a bundle
    /// and never wrote, so that the server may run out. What has been handed out is held until it is used or there are
    /// more than [`max_one_time_prekeys`](crate::limits::PreKeyLimits::max_one_time_prekeys).
    ///
    /// Where the two disagree, [`Maintained::disagreement`] says how, and the upload is in place of all that the
    /// server has: a new signed prekey, and one-time prekeys of which none has been published. Secrets of what was
    /// published before are kept. Since a server may say anything, that is done for it only while fewer replaced signed
    /// prekeys are kept than half of what the limits allow.
    ///
    /// Draws 32 bytes for each secret of a new signed prekey, then of each one-time prekey: one, in suite 2 two.
    pub fn maintain(
        &mut self,
        stock: Option<PreKeyStock>,
        now: Timestamp,
        rng: &mut (impl CryptoRng + ?Sized),
    ) -> Maintained {
        let before = self.prekeys.extent();
        let device = DeviceDigest::of(&self.identity.public().encode(), self.address.as_bytes());
        let limits = &self.limits.prekeys;
        let disagreement = self.prekeys.maintain(stock.as_ref(), device, limits, now, rng);
        Maintained { disagreement, ..self.maintained_since(&before) }
    }

    /// Replaces the signed prekey now, due or not: 32 bytes drawn, in suite 2 twice.
    pub fn rotate_signed_prekey(
        &mut self,
        now: Timestamp,
        rng: &mut (impl CryptoRng + ?Sized),
    ) -> Maintained {
        let before = self.prekeys.extent();
        self.prekeys.rotate(&self.limits.prekeys, now, rng);
        self.maintained_since(&before)
    }

    /// Replaces and **deletes all prekeys**, for an account that was restored from a backup: what was opened since the
    /// backup does not open again, and others begin sessions with what the account has secrets of. The upload takes the
    /// place of all that the server has of this device.
    ///
    /// What is lost by it: first messages that were under way, or are repeated, and name a former prekey can never be
    /// opened. They are refused as [`UnknownPreKey`](AcceptError::UnknownPreKey); their senders begin anew when
    /// they hear of us, or when nobody answers them for long. For a server that has lost everything while the account
    /// is well there is [`Account::republish_prekeys`].
    ///
    /// A new signed prekey, and as many one-time prekeys as [`Account::maintain`] tops up to: 32 bytes drawn for each,
    /// in suite 2 twice. Their ids are far above those that the account knows of, since it does not know which were used.
    pub fn replace_prekeys(
        &mut self,
        now: Timestamp,
        rng: &mut (impl CryptoRng + ?Sized),
    ) -> Maintained {
        let before = self.prekeys.extent();
        self.prekeys.replace(&self.limits.prekeys, now, rng);
        self.maintained_since(&before)
    }

    /// Replaces what others begin sessions with, due or not, where a server has lost everything and the account is
    /// well; [`Account::maintain`] does it where it is told so. After a restore from a backup it is
    /// [`Account::replace_prekeys`].
    ///
    /// A new signed prekey, and as many one-time prekeys as [`Account::maintain`] tops up to: 32 bytes drawn for each,
    /// in suite 2 twice. The upload takes the place of all that the server has. What was there before still serves those
    /// who have it, within the limits, and is not published again: it may have been used.
    pub fn republish_prekeys(
        &mut self,
        now: Timestamp,
        rng: &mut (impl CryptoRng + ?Sized),
    ) -> Maintained {
        let before = self.prekeys.extent();
        self.prekeys.republish(&self.limits.prekeys, now, rng);
        self.maintained_since(&before)
    }

    /// Gives the account another address, and keeps its identity: sessions go on, and what is published from now on
    /// says the new one. All prekeys are published anew, as by [`Account::republish_prekeys`]: to the server's place
    /// for the new address, while it forgets what it has for the old one. First messages that were written to the old
    /// address open as long as replaced signed prekeys are kept, 30 days by default
    /// ([`PreKeyLimits::signed_prekey_grace`](crate::limits::PreKeyLimits::signed_prekey_grace)).
    ///
    /// Call [`Peer::own_address_changed`](crate::Peer::own_address_changed) for each peer. Tell each in a message of a
    /// session, and they call [`Peer::change_address`](crate::Peer::change_address); who is told nothing learns it by
    /// the next bundle or first message. The address that it has already changes nothing.
    pub fn change_address(
        &mut self,
        address: Address,
        now: Timestamp,
        rng: &mut (impl CryptoRng + ?Sized),
    ) -> Maintained {
        let before = self.prekeys.extent();
        if address != self.address {
            let former = core::mem::replace(&mut self.address, address);
            self.prekeys.leave(&former, &self.limits.prekeys, now, rng);
        }
        self.maintained_since(&before)
    }

    /// Makes `count` more one-time prekeys, at most as many as the limits allow to be held; where they
    /// become too many the oldest go. 32 bytes are drawn for each, in suite 2 twice.
    ///
    /// [`Account::maintain`] does it as needed; this is for one who wants more for a time.
    pub fn add_one_time_prekeys(
        &mut self,
        count: u32,
        rng: &mut (impl CryptoRng + ?Sized),
    ) -> Maintained {
        let before = self.prekeys.extent();
        self.prekeys.add_one_time(count, &self.limits.prekeys, rng);
        self.maintained_since(&before)
    }

    /// What the server is not known to have; `None` if it has everything. Publish it, then call
    /// [`Account::mark_published`]; after a crash in between it is given again.
    #[must_use]
    pub fn pending_upload(&self) -> Option<PreKeyUpload> {
        self.prekeys.unpublished(&self.identity, &self.address)
    }

    /// Notes that the server has what is in `upload`.
    pub fn mark_published(&mut self, upload: &PreKeyUpload) -> Changes {
        if self.prekeys.mark_published(upload) { Changes::ACCOUNT } else { Changes::NONE }
    }

    /// Starts a session with the device of a bundle, as Alice, of the bundle's suite: 32 bytes drawn, in suite 2 twice,
    /// nothing of the account changed. Nothing is sent: the handshake travels with the messages.
    ///
    /// # Errors
    ///
    /// [`InitiateError::WeakKey`] if a key in the bundle is of small order.
    pub fn initiate(
        &self,
        bundle: &VerifiedBundle,
        rng: &mut (impl CryptoRng + ?Sized),
    ) -> Result<Session, InitiateError> {
        let limits = self.limits.session.clone();
        Session::initiate(&self.identity, &self.device(), bundle, limits, rng)
    }

    /// Takes a message as the first of a new session, as Bob. Draws nothing. The one-time prekey that
    /// it names is deleted only when the message has opened.
    ///
    /// Offer a message to the sessions that you have with its sender first: a repeated initial message
    /// belongs to the session that it made.
    ///
    /// # Errors
    ///
    /// An [`AcceptError`]; nothing has changed then (docs/protocol.md §12).
    pub fn accept(
        &mut self,
        message: &[u8],
        ad: &[u8],
        now: Timestamp,
    ) -> Result<Accepted, AcceptError> {
        let Envelope::Initial(message) = Envelope::decode(message)? else {
            return Err(AcceptError::NoSession);
        };
        let acceptance = self.plan_accept(&message, ad, self.limits.session.clone(), now)?;
        Ok(self.commit(acceptance))
    }

    /// Who an initial message says that it is from. **Nothing is proved by it**, and anyone can say
    /// anything: it serves to find the [`Peer`](crate::Peer) that the message is then offered to, where the
    /// transport does not name a sender. Costs up to 4 X25519 agreements, in suite 2 also a decapsulation and the expansion
    /// of two ML-KEM keys.
    ///
    /// Ask [`Peer::knows`](crate::Peer::knows) first: of a session that is here, the handshake names a one-time prekey
    /// that is spent, and later messages have none.
    ///
    /// # Errors
    ///
    /// An [`AcceptError`], never [`AcceptError::Replayed`] or [`AcceptError::ReplayRecordFull`].
    pub fn claimed_sender(&self, message: &[u8]) -> Result<Device, AcceptError> {
        let Envelope::Initial(message) = Envelope::decode(message)? else {
            return Err(AcceptError::NoSession);
        };
        let (_, responded) = self.respond(&message.handshake)?;
        Ok(responded.initiator)
    }

    /// Works out what [`Account::accept`] would change, and proves it by opening the message.
    pub(crate) fn plan_accept(
        &self,
        message: &InitialMessage<'_>,
        ad: &[u8],
        limits: SessionLimits,
        now: Timestamp,
    ) -> Result<Acceptance, AcceptError> {
        let (prekeys, responded) = self.respond(&message.handshake)?;
        prekeys.check_replay(&responded.secrets.session_id)?;
        let Responded { initiator, secrets, used } = responded;
        let pair = &prekeys.signed.pair.agreement;
        let (session, received) =
            Session::accept(message, ad, initiator, secrets, pair, limits, now)?;
        Ok(Acceptance { session, received, used })
    }

    /// Makes a planned change. Cannot fail.
    pub(crate) fn commit(&mut self, acceptance: Acceptance) -> Accepted {
        let Acceptance { session, received, used } = acceptance;
        let session_id = session.id();
        let spent_prekey =
            used.one_time_id.map_or(SpentPreKey::Signed(used.signed_id), SpentPreKey::OneTime);
        self.prekeys.spend(used, *session_id.as_bytes());
        let changes = Changes {
            session: Some(session_id),
            spent_prekey: Some(spent_prekey),
            ..Changes::ACCOUNT
        };
        Accepted { session, received, changes }
    }

    /// Signs as this device's identity. What is signed begins with a label of its own.
    pub(crate) fn sign(&self, message: &[u8]) -> [u8; SIGNATURE_LENGTH] {
        self.identity.sign(message)
    }

    fn maintained_since(&self, before: &Extent) -> Maintained {
        let changed = self.prekeys.extent() != *before;
        let changes = if changed { Changes::ACCOUNT } else { Changes::NONE };
        Maintained { upload: self.pending_upload(), changes, disagreement: None }
    }

    fn respond(
        &self,
        fields: &HandshakeFields<'_>,
    ) -> Result<(FoundPreKeys<'_>, Responded), AcceptError> {
        if fields.suite() != self.suite() {
            return Err(AcceptError::Unsupported);
        }
        let prekeys = self
            .prekeys
            .find(fields.signed_prekey_id, fields.one_time_prekey_id)
            .ok_or(AcceptError::UnknownPreKey)?;
        let mut device = self.device();
        if let Some(former) = prekeys.former_address {
            device.address.clone_from(former);
        }
        let responded =
            respond(&self.identity, &device, &prekeys, fields).ok_or(AcceptError::Undecryptable)?;
        Ok((prekeys, responded))
    }
}

/// One of suite 2 goes on with its suite where one of suite 1 ends, and with the second secret of each prekey.
impl Stored for Account {
    fn write(&self, out: &mut StateWriter) {
        let Self { identity, address, prekeys, limits } = self;
        identity.write(out);
        address.write(out);
        prekeys.write(out);
        limits.write(out);
        match self.suite() {
            Suite::Classical => {}
            suite @ Suite::Hybrid => {
                out.put(&[suite.byte()]);
                prekeys.write_encapsulation(out);
            }
        }
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let identity = Stored::read(reader)?;
        let address = Stored::read(reader)?;
        let mut prekeys: PreKeyStore = Stored::read(reader)?;
        let limits = Stored::read(reader)?;
        if !reader.rest().is_empty() {
            if reader.suite()? != Suite::Hybrid {
                return Err(DecodeError::Malformed);
            }
            prekeys.read_encapsulation(reader)?;
        }
        Ok(Self { identity, address, prekeys, limits })
    }
}

// Whose it is, and how many prekeys it holds.
shown_in_part!(Account { address, identity, prekeys });
