//! One other device: its pinned identity, and the sessions with it.

pub(crate) mod contact;
pub(crate) mod delivery;
pub(crate) mod dispatch;
pub(crate) mod initiating;

mod known_sessions;
mod lost_session;
mod rejected_identities;

use rand_core::CryptoRng;

use crate::account::{Account, accepting::Accepted};
use crate::changes::Changes;
use crate::identity::{Address, Device, IdentityKey};
use crate::limits::{PeerLimits, SessionLimits};
use crate::peer::contact::{Contact, Stranger};
use crate::peer::delivery::{Delivered, PeerDecryptError};
use crate::peer::dispatch::{Encrypted, PeerEncryptError, SessionNeed};
use crate::peer::initiating::PeerInitiateError;
use crate::peer::known_sessions::KnownSessions;
use crate::peer::lost_session::LostSession;
use crate::peer::rejected_identities::RejectedIdentities;
use crate::prekeys::verified_bundle::VerifiedBundle;
use crate::session::decrypting::DecryptError;
use crate::session::{InitiateError, Session};
use crate::stored::{StateWriter, Stored, stored};
use crate::time::Timestamp;
use crate::wire::codec::{DecodeError, Reader};
use crate::wire::message::{Envelope, InitialMessage};
use crate::wire::payload::Payload;
use crate::wire::stamp::MemberTag;

/// One other device, as an application keeps it: the identity that is pinned for its address, and the
/// sessions with it. One of them sends; older ones open what is late.
///
/// Both sides may begin a session at the same time: then both come to use one of them. A side that lost its
/// sessions begins a new one and the other follows, if need be at the second (docs/protocol.md §14.5).
///
/// ```
/// use evanesce::{Account, Address, Payload, Peer, PreKeyBundle, PublishedPreKeys, Timestamp};
/// # use rand_chacha::{ChaCha20Rng, rand_core::SeedableRng};
/// # let rng = &mut ChaCha20Rng::seed_from_u64(1);
/// # let now = Timestamp::from_unix_seconds(1_800_000_000);
/// # let (alice_address, bob_address) = (Address::new("alice/laptop")?, Address::new("bob/phone")?);
/// # let mut alice = Account::generate(alice_address.clone(), now, rng);
/// # let mut bob = Account::generate(bob_address.clone(), now, rng);
/// # let mut server = PublishedPreKeys::new(bob.maintain(None, now, rng).upload.unwrap());
///
/// // Alice knows Bob's address. Her first contact pins the identity that comes with it.
/// let mut bobs_phone = Peer::new(bob_address);
/// if bobs_phone.session_need(now).is_some() {
///     let bundle = PreKeyBundle::decode(&server.hand_out())?.verify(now)?;
///     bobs_phone.initiate(&alice, bundle, now, rng)?;
/// }
/// let sent = bobs_phone.encrypt(&Payload::new("Hello Bob"), b"", now, rng)?;
/// // store what sent.changes names, then send sent.message
///
/// // Bob gets it from somebody: a request, which he reads before he answers, or refuses.
/// let mut alices_laptop = Peer::new(alice_address);
/// let delivered = alices_laptop.decrypt(&mut bob, &sent.message, b"", now)?;
/// assert_eq!(delivered.received.body, b"Hello Bob");
/// assert!(delivered.changes.account && delivered.changes.peer);
/// // store both and the message, then acknowledge
/// assert!(alices_laptop.encrypt(&Payload::new("Who are you?"), b"", now, rng).is_err());
/// alices_laptop.accept_request();
/// let sent = alices_laptop.encrypt(&Payload::new("Hello Alice"), b"", now, rng)?;
/// assert_eq!(bobs_phone.decrypt(&mut alice, &sent.message, b"", now)?.received.body, b"Hello Alice");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Peer {
    address: Address,
    contact: Contact,
    limits: PeerLimits,
    /// What sessions keep for late messages, if not what the account says.
    session_limits: Option<SessionLimits>,
    rejected: RejectedIdentities,
    lost_session: LostSession,
    sessions: KnownSessions,
}

impl Peer {
    /// A device of which the address alone is known. The first identity to come with it is pinned.
    #[must_use]
    pub fn new(address: Address) -> Self {
        Self::with(address, Contact::None)
    }

    /// A device whose identity is known from elsewhere: a code that was scanned, an own device.
    #[must_use]
    pub fn pinned(device: Device) -> Self {
        let Device { identity, address } = device;
        Self::with(address, Contact::Accepted(identity))
    }

    fn with(address: Address, contact: Contact) -> Self {
        Self {
            address,
            contact,
            limits: PeerLimits::default(),
            session_limits: None,
            rejected: RejectedIdentities::new(),
            lost_session: LostSession::new(),
            sessions: KnownSessions::new(),
        }
    }

    /// Its address.
    #[must_use]
    pub fn address(&self) -> &Address {
        &self.address
    }

    /// How far it is known, and under which identity.
    #[must_use]
    pub fn contact(&self) -> &Contact {
        &self.contact
    }

    /// The tag under which a scheduler knows it, once an identity is pinned.
    #[must_use]
    pub fn member_tag(&self) -> Option<MemberTag> {
        self.contact.identity().map(|identity| identity.member_tag())
    }

    /// The device, once an identity is pinned: what a [`SafetyNumber`](crate::SafetyNumber) is made of.
    #[must_use]
    pub fn device(&self) -> Option<Device> {
        let identity = self.contact.identity()?;
        Some(Device { identity, address: self.address.clone() })
    }

    /// The sessions, the one that sends first, then the newest.
    pub fn sessions(&self) -> impl Iterator<Item = &Session> {
        self.sessions.in_order_of_trying()
    }

    /// How many sessions are kept, and how long.
    #[must_use]
    pub fn limits(&self) -> &PeerLimits {
        &self.limits
    }

    /// Sets how many sessions are kept and how long, from the next call on.
    pub fn set_limits(&mut self, limits: PeerLimits) -> Changes {
        let changes = if self.limits == limits { Changes::NONE } else { Changes::PEER };
        self.limits = limits;
        changes
    }

    /// Sets what sessions with it keep for late messages: those that are held, and those that begin later. Without
    /// this they have the account's limits; after it, no change of those reaches them.
    pub fn set_session_limits(&mut self, limits: &SessionLimits) -> Changes {
        let are_set = self.session_limits.as_ref() == Some(limits);
        self.session_limits = Some(limits.clone());
        let sessions_changed = self.sessions.set_limits(limits);
        if are_set && !sessions_changed { Changes::NONE } else { Changes::PEER }
    }

    /// Whether a session is to be begun, and why: fetch a bundle and [`Peer::initiate`]. Asked before
    /// something is sent, it also says so some time before it is urgent. `None` of one that is not to be
    /// written to.
    #[must_use]
    pub fn session_need(&self, now: Timestamp) -> Option<SessionNeed> {
        if !self.contact.may_be_written_to() {
            return None;
        }
        self.lost_session.need().or_else(|| self.sessions.need(&self.limits, now))
    }

    /// Begins a session, which is used from now on: 32 bytes drawn. Nothing is sent: the handshake
    /// travels with the messages.
    ///
    /// # Errors
    ///
    /// A [`PeerInitiateError`], the first that holds in the order of its variants.
    pub fn initiate(
        &mut self,
        account: &Account,
        bundle: VerifiedBundle,
        now: Timestamp,
        rng: &mut (impl CryptoRng + ?Sized),
    ) -> Result<Changes, PeerInitiateError> {
        if !self.contact.may_be_written_to() {
            return Err(PeerInitiateError::Request);
        }
        let identity =
            self.contact.check(bundle.device(), &self.address).map_err(
                |stranger| match stranger {
                    Stranger::Address => PeerInitiateError::OtherAddress,
                    Stranger::Identity(identity) => PeerInitiateError::IdentityChanged(identity),
                },
            )?;
        let mut session = account.initiate(&bundle, rng).map_err(|error| match error {
            InitiateError::WeakKey => PeerInitiateError::WeakKey,
        })?;
        self.contact = Contact::Accepted(identity);
        if let Some(limits) = &self.session_limits {
            session.set_limits(limits.clone());
        }
        let session_id = session.id();
        self.lost_session.begin(session_id);
        self.sessions.add_ours(session, &self.limits, now);
        Ok(Changes { session: Some(session_id), ..Changes::PEER })
    }

    /// Encrypts a payload in the session that sends, bound to `ad`: bytes that the peer must name too, and
    /// that do not travel. They tell apart what one pair of devices says in several places; if there is but
    /// one, name nothing.
    ///
    /// Draws 32 bytes for our first message in a session and when the peer has begun a new chain in it since
    /// we last sent, else nothing.
    ///
    /// # Errors
    ///
    /// A [`PeerEncryptError`]; nothing has changed then.
    pub fn encrypt(
        &mut self,
        payload: &Payload,
        ad: &[u8],
        now: Timestamp,
        rng: &mut (impl CryptoRng + ?Sized),
    ) -> Result<Encrypted, PeerEncryptError> {
        if !self.contact.may_be_written_to() {
            return Err(PeerEncryptError::Request);
        }
        let known =
            self.sessions.sending(&self.limits, now).ok_or(PeerEncryptError::NeedsSession)?;
        let message = known.encrypt(payload, ad, now, rng)?;
        let changes = Changes { session: Some(known.id()), ..Changes::PEER };
        Ok(Encrypted { message, changes, session_need: self.session_need(now) })
    }

    /// Decrypts a message that came from this address and was bound to `ad`. Draws nothing. A message
    /// with a new handshake makes a session, and spends what it names of the account's prekeys. Offer what
    /// has piled up in the order in which it came: what lies more than 1,000 numbers of its chain behind one
    /// that was offered before it is lost.
    ///
    /// Where the transport does not say who sent a message, offer it to the peer that [`Peer::knows`] it. If none
    /// does, offer it to the one of [`Account::claimed_sender`], if there is such. All else is of nobody that is known:
    /// acknowledge it, or keep it for a newer release if it is `Unsupported` there.
    ///
    /// # Errors
    ///
    /// A [`PeerDecryptError`]; nothing has changed then.
    pub fn decrypt(
        &mut self,
        account: &mut Account,
        message: &[u8],
        ad: &[u8],
        now: Timestamp,
    ) -> Result<Delivered, PeerDecryptError> {
        let envelope = Envelope::decode(message)?;
        if let Contact::Refused(_) = self.contact {
            return Err(PeerDecryptError::Refused);
        }
        let opened = self.sessions.decrypt(&envelope, ad, &self.limits, now);
        match (opened, &envelope) {
            (Ok(delivered), _) => {
                delivered.changes.session.inspect(|session| self.lost_session.hear(*session));
                Ok(delivered)
            }
            // No session that is here was made by it.
            (Err(DecryptError::OtherSession), Envelope::Initial(initial)) => {
                self.take_first(account, initial, ad, now)
            }
            (Err(error), Envelope::Initial(_) | Envelope::Ratchet(_)) => Err(error.into()),
        }
    }

    /// Whether a message is of a session that is here: its handshake made the session, or its header opens. The rest
    /// may be altered or repeated, and then it is refused. Says no of what begins a session. Changes nothing; costs a
    /// hash or a few openings of a header for each session.
    #[must_use]
    pub fn knows(&self, message: &[u8]) -> bool {
        Envelope::decode(message)
            .is_ok_and(|message| self.sessions().any(|session| session.knows(&message)))
    }

    /// Notes that a message was refused. If that may mean that one side has lost its sessions, and the peer is
    /// accepted, [`Peer::session_need`] says so from now on. Once a day, since anyone can bring such a refusal about, or
    /// repeat it. Of a message that the peer [knows](Peer::knows) only [`PeerDecryptError::Forked`] is noted: others of
    /// them were altered on their way, or came too late.
    pub fn note_refusal(
        &mut self,
        message: &[u8],
        refusal: &PeerDecryptError,
        now: Timestamp,
    ) -> Changes {
        let may_be = *refusal == PeerDecryptError::Forked || !self.knows(message);
        let is_noted = may_be && self.contact.is_accepted() && self.lost_session.note(refusal, now);
        if is_noted { Changes::PEER } else { Changes::NONE }
    }

    /// Allows to answer a device that wrote first, or was refused. Without an identity that is pinned there
    /// is nothing to accept.
    pub fn accept_request(&mut self) -> Changes {
        let Some(accepted) = self.contact.accepted() else { return Changes::NONE };
        self.contact = accepted;
        Changes::PEER
    }

    /// Refuses a device that wrote first, or blocks one that was accepted. Its sessions are deleted, and
    /// what it sends is refused unopened until [`Peer::accept_request`]; it then needs a new session. Without
    /// an identity that is pinned there is nothing to refuse. One who may ask again is not refused: delete the
    /// peer, and with it what it said; the account still knows the handshakes that it accepted.
    pub fn refuse(&mut self) -> Changes {
        let Some(refused) = self.contact.refused() else { return Changes::NONE };
        self.contact = refused;
        self.lost_session.forget();
        self.sessions = KnownSessions::new();
        Changes::PEER
    }

    /// Pins another identity: the one that an error named, that the user was told of and agrees to. All
    /// sessions are deleted, since they are with the former one; a request stays a request and a refusal a
    /// refusal. What was refused as [`PeerDecryptError::IdentityChanged`] opens when it is offered again, as
    /// long as its prekeys are held (30 days by default). What was written for the former identity is not to
    /// go to the new one unasked.
    pub fn accept_identity(&mut self, identity: IdentityKey) -> Changes {
        if self.contact.identity() == Some(identity) {
            return Changes::NONE;
        }
        self.rejected.forget(&identity);
        self.contact = self.contact.with(identity);
        self.lost_session.forget();
        self.sessions = KnownSessions::new();
        Changes::PEER
    }

    /// Stays with the identity that is pinned, without which this does nothing. What comes from this other one, which
    /// an error named, is [`PeerDecryptError::Refused`] from now on, until [`Peer::accept_identity`]; a bundle of it is
    /// still told of. The last 16 are remembered, so one who makes them at will is not kept from asking. A session that
    /// seemed lost, perhaps because of this one, does no more.
    pub fn reject_identity(&mut self, identity: IdentityKey) -> Changes {
        let is_other = self.contact.identity().is_some_and(|pinned| pinned != identity);
        let is_changed = is_other && (self.rejected.add(identity) | self.lost_session.calm());
        if is_changed { Changes::PEER } else { Changes::NONE }
    }

    /// The identities that were rejected, the last one last: whoever was rejected by mistake is heard again after
    /// [`Peer::accept_identity`].
    pub fn rejected_identities(&self) -> impl Iterator<Item = IdentityKey> {
        self.rejected.in_order()
    }

    /// Deletes all sessions, after this device was restored from a backup: going on from an older state
    /// uses numbers twice. The identity stays pinned. [`Peer::session_need`] says [`SessionNeed::Lost`] then, once the
    /// peer is accepted.
    pub fn drop_sessions(&mut self) -> Changes {
        let had_any = self.sessions().next().is_some();
        self.sessions = KnownSessions::new();
        let is_lost = self.contact.identity().is_some() && self.lost_session.lose();
        if had_any || is_lost { Changes::PEER } else { Changes::NONE }
    }

    /// Drops sessions and held keys that are too old at `now`, or too many. Call it at every start and once
    /// a day: what is kept can be stolen.
    pub fn maintain(&mut self, now: Timestamp) -> Changes {
        if self.sessions.maintain(&self.limits, now) { Changes::PEER } else { Changes::NONE }
    }

    /// Makes a session of an initial message, once it has opened and is found to be of this device.
    fn take_first(
        &mut self,
        account: &mut Account,
        message: &InitialMessage<'_>,
        ad: &[u8],
        now: Timestamp,
    ) -> Result<Delivered, PeerDecryptError> {
        let limits = self.session_limits.as_ref().unwrap_or(&account.limits().session).clone();
        let acceptance = account.plan_accept(message, ad, limits, now)?;
        let identity =
            self.contact.check(acceptance.initiator(), &self.address).map_err(|stranger| {
                match stranger {
                    Stranger::Address => PeerDecryptError::OtherAddress,
                    Stranger::Identity(identity) if self.rejected.has(&identity) => {
                        PeerDecryptError::Refused
                    }
                    Stranger::Identity(identity) => PeerDecryptError::IdentityChanged(identity),
                }
            })?;
        if self.contact == Contact::None {
            self.contact = Contact::Request(identity);
        }
        let Accepted { session, received, changes } = account.commit(acceptance);
        self.lost_session.forget();
        self.sessions.add_theirs(session, &self.limits, now);
        let changes = Changes { peer: true, ..changes };
        Ok(Delivered { received, author: identity, began_session: true, changes })
    }
}

stored!(Peer { address, contact, limits, session_limits, rejected, lost_session, sessions } if |peer| {
    // All of them were made with the device that is known.
    let device = peer.device();
    peer.sessions().all(|session| Some(session.peer()) == device.as_ref())
});
