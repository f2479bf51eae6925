//! Session: one conversation with one other device. Handshake and ratchet meet here and nowhere else.

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::fmt;

use rand_core::CryptoRng;

use crate::crypto::dh::{DhKeyPair, DhPublicKey};
use crate::handshake::initiator::{Initiated, initiate};
use crate::handshake::x3dh::SessionSecrets;
use crate::identity::{Address, Device, IdentityKeyPair};
use crate::limits::SessionLimits;
use crate::prekeys::verified_bundle::VerifiedBundle;
use crate::ratchet::message_key::Role;
use crate::ratchet::{DoubleRatchet, RatchetSecrets, Receipt};
use crate::seldom::Seldom;
use crate::session::beginning::InitiateError;
use crate::session::decrypting::{DecryptError, Opened, Received};
use crate::session::encrypting::EncryptError;
use crate::session::external::{ExternalHandshake, RatchetKeyPair};
use crate::session::healing::{EpochStatus, Healing};
use crate::session::own_handshake::OwnHandshake;
use crate::session::recently_opened::{Came, RecentlyOpened};
use crate::session::session_id::SessionId;
use crate::stored::{StateWriter, Stored};
use crate::time::Timestamp;
use crate::wire::codec::{DecodeError, Reader};
use crate::wire::content_parts::ContentParts;
use crate::wire::message::{Envelope, InitialMessage, RatchetMessage};
use crate::wire::payload::Payload;
use crate::wire::suite::Suite;

/// One conversation with one other device.
///
/// What is sent changes the session, and so does what is received: store it each time, and before
/// the bytes leave or the arrival is acknowledged. A message that is refused changes nothing.
pub struct Session {
    id: SessionId,
    pub(crate) role: Role,
    peer: Device,
    pub(crate) handshake: OwnHandshake,
    pub(crate) limits: Seldom<SessionLimits>,
    /// Boxed, so that a session that moves leaves no copy of its keys behind.
    pub(crate) ratchet: Box<DoubleRatchet>,
    pub(crate) opened: RecentlyOpened,
    pub(crate) healing: Healing,
}

impl Session {
    /// Alice's side of X3DH: one draw, in suite 2 two.
    pub(crate) fn initiate(
        our_identity: &IdentityKeyPair,
        our_device: &Device,
        bundle: &VerifiedBundle,
        limits: SessionLimits,
        rng: &mut (impl CryptoRng + ?Sized),
    ) -> Result<Self, InitiateError> {
        let Initiated { handshake_fields, secrets } =
            initiate(our_identity, our_device, bundle, rng).ok_or(InitiateError::WeakKey)?;
        let peer = bundle.device.clone();
        let handshake = OwnHandshake::pending(&handshake_fields);
        let their_ratchet_key = bundle.signed_prekey.agreement;
        Ok(Self::initiator(secrets, peer, their_ratchet_key, handshake, limits))
    }

    /// Bob's side of X3DH, with the message that carried it: a session is made only by a message that
    /// opens.
    pub(crate) fn accept(
        message: &InitialMessage<'_>,
        ad: &[u8],
        initiator: Device,
        secrets: SessionSecrets,
        signed_prekey: &DhKeyPair,
        limits: SessionLimits,
        now: Timestamp,
    ) -> Result<(Self, Received), DecryptError> {
        let handshake = OwnHandshake::settled(message.handshake.bytes);
        let pair = signed_prekey.duplicate();
        let mut session = Self::responder(secrets, initiator, pair, handshake, limits);
        let received = session.open(&message.message, ad, now)?;
        Ok((session, received))
    }

    /// Starts a session as the initiator of a handshake of the application's own.
    ///
    /// `their_ratchet_key` is the public half of the responder's [`RatchetKeyPair`], as the handshake
    /// authenticated it.
    ///
    /// # Errors
    ///
    /// [`InitiateError::WeakKey`] if that key is of small order.
    pub fn initiate_external(
        handshake: ExternalHandshake,
        their_ratchet_key: DhPublicKey,
        limits: SessionLimits,
    ) -> Result<Self, InitiateError> {
        if their_ratchet_key.is_of_small_order() {
            return Err(InitiateError::WeakKey);
        }
        let ExternalHandshake { secret, initiator, responder } = handshake;
        let elsewhere = OwnHandshake::Elsewhere { suite: secret.suite() };
        let secrets = secret.session_secrets(&initiator, &responder, &their_ratchet_key);
        Ok(Self::initiator(secrets, responder, their_ratchet_key, elsewhere, limits))
    }

    /// Starts a session as the responder of a handshake of the application's own. The initiator must
    /// write first.
    #[must_use]
    pub fn accept_external(
        handshake: ExternalHandshake,
        our_ratchet_key: RatchetKeyPair,
        limits: SessionLimits,
    ) -> Self {
        let ExternalHandshake { secret, initiator, responder } = handshake;
        let RatchetKeyPair(pair) = our_ratchet_key;
        let elsewhere = OwnHandshake::Elsewhere { suite: secret.suite() };
        let secrets = secret.session_secrets(&initiator, &responder, pair.public());
        Self::responder(secrets, initiator, pair, elsewhere, limits)
    }

    /// Encrypts a payload, bound to `ad`: bytes that the peer must name too, and that do not travel (the
    /// conversation's name, for instance, or nothing).
    /// Draws 32 bytes for our first message and when the peer has begun a new chain since we last sent, in suite 2 twice
    /// where an epoch goes on by it; else nothing.
    ///
    /// The result is 105 bytes longer than the padded payload, 288 or 292 until the peer's first answer has been opened, in
    /// suite 2 1,856 or 1,860 (docs/protocol.md §6); and there by what an epoch sends along, 256 at most up to 1 KiB.
    ///
    /// # Errors
    ///
    /// An [`EncryptError`]; nothing has changed then.
    pub fn encrypt(
        &mut self,
        payload: &Payload,
        ad: &[u8],
        rng: &mut (impl CryptoRng + ?Sized),
    ) -> Result<Vec<u8>, EncryptError> {
        let none = ContentParts::none();
        self.encrypt_content(&none, payload, ad, false, rng).map(|(_, sealed)| sealed.message)
    }

    /// Decrypts a message that was bound to `ad`. Draws nothing; deletes the message's key.
    ///
    /// # Errors
    ///
    /// A [`DecryptError`]; nothing has changed then (docs/protocol.md §12).
    pub fn decrypt(
        &mut self,
        message: &[u8],
        ad: &[u8],
        now: Timestamp,
    ) -> Result<Received, DecryptError> {
        self.decrypt_envelope(&Envelope::decode(message)?, ad, now)
    }

    /// The same for a message that has been taken apart.
    pub(crate) fn decrypt_envelope(
        &mut self,
        message: &Envelope<'_>,
        ad: &[u8],
        now: Timestamp,
    ) -> Result<Received, DecryptError> {
        match message {
            Envelope::Ratchet(message) => self.open(message, ad, now),
            Envelope::Initial(message) => {
                if !self.is_of(message) {
                    return Err(DecryptError::OtherSession);
                }
                match self.role {
                    // Only we write initial messages of this handshake.
                    Role::Initiator => Err(DecryptError::Undecryptable),
                    Role::Responder => self.open(&message.message, ad, now),
                }
            }
        }
    }

    /// Drops the keys held for late messages that are too old at `now`, or too many after
    /// [`Session::set_limits`]; says how many. Each message received does the same, so call it, once a
    /// day, for sessions in which nothing comes: what is kept can be stolen.
    pub fn maintain(&mut self, now: Timestamp) -> u32 {
        self.ratchet.drop_keys(&self.limits, now)
    }

    /// Names the session, the same on both sides.
    #[must_use]
    pub fn id(&self) -> SessionId {
        self.id
    }

    /// Which side we are.
    #[must_use]
    pub fn role(&self) -> Role {
        self.role
    }

    /// The device at the other end. Its X25519 identity key is authenticated; address and Ed25519 key
    /// of an initiator are her own claim, so compare the whole with what is known for the address.
    #[must_use]
    pub fn peer(&self) -> &Device {
        &self.peer
    }

    /// Which suite the session has: that of the bundle that it was initiated from.
    #[must_use]
    pub fn suite(&self) -> Suite {
        self.handshake.suite()
    }

    /// How far healing is, in suite 2.
    #[must_use]
    pub fn epochs(&self) -> Option<EpochStatus> {
        self.healing.status(&self.ratchet)
    }

    /// Asks that the next epoch whose key is ours begins without the pause of 50 messages: with our next chain if it is
    /// our turn. Else the peer's comes first, with its pause, and the wish is kept until then; the peer is not told. Says
    /// whether that was news. Nothing in suite 1.
    pub fn request_epoch(&mut self) -> bool {
        self.healing.request()
    }

    /// Whether the peer has answered: until then an initiator's messages carry the handshake. Always
    /// true of a responder and after an [`ExternalHandshake`].
    #[must_use]
    pub fn is_answered(&self) -> bool {
        !matches!(self.handshake, OwnHandshake::Pending { .. })
    }

    /// How many keys are held for messages that have not come.
    #[must_use]
    pub fn held_keys(&self) -> usize {
        self.ratchet.held()
    }

    /// Whether this message carries the handshake that made the session.
    pub(crate) fn is_of(&self, message: &InitialMessage<'_>) -> bool {
        self.handshake.is(message.handshake.bytes)
    }

    /// What it remembers of what it opened, once it is dropped.
    pub(crate) fn into_opened(self) -> RecentlyOpened {
        self.opened
    }

    /// Whether nothing was ever encrypted or opened in it, so that nobody else knows of it.
    pub(crate) fn is_untouched(&self) -> bool {
        self.role == Role::Initiator && !self.is_answered() && self.begins_chain()
    }

    /// The peer is the same under another address.
    pub(crate) fn set_peer_address(&mut self, address: Address) {
        self.peer.address = address;
    }

    /// Whether the next message begins a chain: nothing has been sent since the peer last began one.
    pub(crate) fn begins_chain(&self) -> bool {
        self.ratchet.sending_is_due()
    }

    /// Whether anything was ever sent in it.
    pub(crate) fn has_sent(&self) -> bool {
        self.ratchet.has_sent()
    }

    /// How many messages were sent since the peer last answered.
    pub(crate) fn sent_in_chain(&self) -> u32 {
        self.ratchet.sent_in_chain()
    }

    /// What the session keeps for late messages.
    #[must_use]
    pub fn limits(&self) -> &SessionLimits {
        &self.limits
    }

    /// Sets what the session keeps for late messages, from the next message received on.
    pub fn set_limits(&mut self, limits: SessionLimits) {
        self.limits = Seldom::new(limits);
    }

    fn initiator(
        secrets: SessionSecrets,
        peer: Device,
        their_ratchet_key: DhPublicKey,
        handshake: OwnHandshake,
        limits: SessionLimits,
    ) -> Self {
        let (id, secrets) = ratchet_secrets(secrets);
        let ratchet = Box::new(DoubleRatchet::initiator(secrets, their_ratchet_key));
        Self::begin(id, Role::Initiator, peer, handshake, limits, ratchet)
    }

    fn responder(
        secrets: SessionSecrets,
        peer: Device,
        our_ratchet_key: DhKeyPair,
        handshake: OwnHandshake,
        limits: SessionLimits,
    ) -> Self {
        let (id, secrets) = ratchet_secrets(secrets);
        let ratchet = Box::new(DoubleRatchet::responder(secrets, our_ratchet_key));
        Self::begin(id, Role::Responder, peer, handshake, limits, ratchet)
    }

    fn begin(
        id: SessionId,
        role: Role,
        peer: Device,
        handshake: OwnHandshake,
        limits: SessionLimits,
        ratchet: Box<DoubleRatchet>,
    ) -> Self {
        let healing = Healing::new(handshake.suite(), role);
        let (limits, opened) = (Seldom::new(limits), RecentlyOpened::new());
        Self { id, role, peer, handshake, limits, ratchet, opened, healing }
    }

    /// Plan, prove, commit.
    fn open(
        &mut self,
        message: &RatchetMessage<'_>,
        ad: &[u8],
        now: Timestamp,
    ) -> Result<Received, DecryptError> {
        let mixing = self.healing.to_receive();
        let (step, message_key) =
            self.ratchet.plan(message.sealed_header, mixing, &self.limits, now)?;
        let (sender, suite) = (self.role.other(), self.suite());
        let opened = Opened::open(message, message_key, ad, sender, self.id.as_bytes(), suite)?;
        let came = if step.uses_held_key() { Came::Late } else { Came::InOrder };
        let chain = self.ratchet.chain_of(&step);
        let Receipt { dropped_keys, peer_went_back } = self.ratchet.commit(step, &self.limits, now);
        self.healing.opened(opened.control().as_ref(), chain, self.id);
        self.opened.note(message, came);
        self.handshake.settle();
        let Opened { stamp, body, parts, evidence } = opened;
        let evidence = Some(evidence);
        Ok(Received { body, stamp, dropped_keys, peer_went_back, evidence, parts })
    }
}

/// One of suite 2, which its handshake tells, goes on where one of suite 1 ends.
impl Stored for Session {
    fn write(&self, out: &mut StateWriter) {
        let Self { id, role, peer, handshake, limits, ratchet, opened, healing } = self;
        id.write(out);
        role.write(out);
        peer.write(out);
        handshake.write(out);
        limits.write(out);
        ratchet.write(out);
        opened.write(out);
        healing.write(ratchet, out);
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let id = Stored::read(reader)?;
        let role = Stored::read(reader)?;
        let peer = Stored::read(reader)?;
        let handshake: OwnHandshake = Stored::read(reader)?;
        let limits = Stored::read(reader)?;
        let mut ratchet: Box<DoubleRatchet> = Stored::read(reader)?;
        let opened = Stored::read(reader)?;
        let healing = Healing::read(handshake.suite(), role, &mut ratchet, reader)?;
        Ok(Self { id, role, peer, handshake, limits, ratchet, opened, healing })
    }
}

fn ratchet_secrets(secrets: SessionSecrets) -> (SessionId, RatchetSecrets) {
    let SessionSecrets { root_key, initiator_header_key, responder_header_key, session_id } =
        secrets;
    let secrets = RatchetSecrets { root_key, initiator_header_key, responder_header_key };
    (SessionId::new(session_id), secrets)
}

/// One line for a log: which session, with whom, how far it is. It has no secret.
impl fmt::Debug for Session {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = formatter.debug_struct("Session");
        shown.field("id", &self.id.in_short()).field("role", &self.role);
        shown.field("peer", &self.peer).field("ratchet", &self.ratchet).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::secret::Secret;
    use crate::handshake::responder::respond;
    use crate::known_answers::{self, Draws, Fields};
    use crate::limits::PreKeyLimits;
    use crate::prekeys::found_prekeys::FoundPreKeys;
    use crate::prekeys::prekey_pair::PreKeyPair;
    use crate::prekeys::signed_prekey::SignedPreKey;
    use crate::prekeys::verified_bundle::VerifyError;
    use crate::wire::codec::DecodeError;
    use crate::wire::prekey_bundle::{OneTimePreKeyPublic, PreKeyBundle};
    use serde_json::Value;

    fn party(seed: Secret<32>, address: &[u8]) -> (IdentityKeyPair, Device) {
        let identity = IdentityKeyPair::from_seed(seed);
        let device =
            Device { identity: *identity.public(), address: Address::new(address).unwrap() };
        (identity, device)
    }

    /// Both sides of a handshake, with the public functions that a session is made by.
    #[test]
    fn vectors_handshake_on_both_sides() {
        let classical = known_answers::section("handshake");
        classical.iter().for_each(|case| shake_hands(case, Suite::Classical));
        let hybrid = known_answers::hybrid_section("handshake");
        hybrid.iter().for_each(|case| shake_hands(case, Suite::Hybrid));
    }

    fn shake_hands(case: &Value, suite: Suite) {
        let now = Timestamp::from_unix_seconds(1);
        let address = case.bytes("initiator_address");
        let (alice, alice_device) = party(case.secret("initiator_seed"), &address);
        let address = case.bytes("responder_address");
        let (bob, bob_device) = party(case.secret("responder_seed"), &address);
        let draws = |first: &str, second: &str| match suite {
            Suite::Classical => Draws(case.bytes(first)),
            Suite::Hybrid => Draws([case.bytes(first), case.bytes(second)].concat()),
        };
        let id = u32::try_from(case.number("spk_id")).unwrap();
        let (limits, mut rng) = (PreKeyLimits::default(), draws("spk_secret", "kspk_seed"));
        let signed = SignedPreKey::generate(id, suite, &limits, now, &mut rng);
        let one_time = case.optional_number("opk_id").map(|id| {
            let pair = PreKeyPair::generate(suite, &mut draws("opk_secret", "kopk_seed"));
            (u32::try_from(id).unwrap(), pair)
        });
        let bundle = VerifiedBundle {
            device: bob_device.clone(),
            signed_prekey_id: id,
            signed_prekey: signed.pair.public(),
            one_time_prekey: one_time.as_ref().map(|(id, pair)| OneTimePreKeyPublic {
                id: *id,
                key: pair.public(),
                signature: None,
            }),
        };
        let mut rng = draws("ek_secret", "m_draw");
        let limits = SessionLimits::default();
        let session = Session::initiate(&alice, &alice_device, &bundle, limits, &mut rng);
        let mut session = session.unwrap();
        assert!(rng.0.is_empty());
        assert_eq!(*session.id.as_bytes(), case.array("session_id"));

        let payload = Payload::new("hello");
        let message = session.encrypt(&payload, b"", &mut Draws([7; 32].to_vec())).unwrap();
        let Ok(Envelope::Initial(initial)) = Envelope::decode(&message) else {
            panic!("the first message is an initial one")
        };
        assert_eq!(initial.handshake.sealed_sender, &case.array("sealed"));
        assert_eq!(initial.handshake.suite(), suite);
        let found = FoundPreKeys {
            signed: &signed,
            one_time: one_time.as_ref().map(|(_, pair)| pair),
            former_address: None,
        };
        let responded = respond(&bob, &bob_device, &found, &initial.handshake).unwrap();
        assert_eq!(responded.initiator, alice_device);
        assert_eq!(responded.secrets.root_key, case.secret("rk"));
        assert_eq!(responded.secrets.session_id, case.array("session_id"));
    }

    fn refusal(bundle: &[u8], now: u64) -> &'static str {
        let now = Timestamp::from_unix_seconds(now);
        let bundle = match PreKeyBundle::decode(bundle) {
            Err(DecodeError::Malformed) => return "malformed",
            Err(DecodeError::Unsupported) => return "unsupported",
            Ok(bundle) => bundle,
        };
        let bundle = match bundle.verify(now) {
            Err(VerifyError::Malformed) => return "malformed",
            Err(VerifyError::WeakKey) => return "weak_key",
            Err(VerifyError::BadSignature) => return "bad_signature",
            Err(VerifyError::NotYetValid) => return "not_yet_valid",
            Err(VerifyError::Expired) => return "expired",
            Ok(bundle) => bundle,
        };
        let (alice, device) = party(Secret::filled_by(|out| *out = [5; 32]), b"alice");
        let limits = SessionLimits::default();
        match Session::initiate(&alice, &device, &bundle, limits, &mut Draws([6; 64].to_vec())) {
            Err(InitiateError::WeakKey) => "weak_key",
            Ok(_) => "none",
        }
    }

    #[test]
    fn vectors_bundle_refused() {
        for case in known_answers::section("bundle_refused") {
            let bundle = case.bytes("bundle");
            // Since there is a suite 2, one that says so is judged by its length.
            let expected = match bundle.get(1) {
                Some(2) if bundle.starts_with(&[1]) => "malformed",
                _ => &case.text("reason"),
            };
            assert_eq!(refusal(&bundle, case.number("now")), expected, "{}", case["comment"]);
        }
        let bases = known_answers::hybrid_section("bundle_bases");
        for case in known_answers::hybrid_section("bundle_refused") {
            let bundle = known_answers::patched(&case["bundle"], |base| {
                let place = usize::try_from(base.as_u64().unwrap()).unwrap();
                bases[place].bytes("bundle")
            });
            let reason = refusal(&bundle, case.number("now"));
            assert_eq!(reason, case.text("reason"), "{}", case["comment"]);
        }
    }
}
