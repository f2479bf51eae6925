//! Peer: what an application keeps of one other device.

use alloc::boxed::Box;

use crate::changes::Changes;
use crate::identity::{Address, Device, IdentityKey};
use crate::limits::{PeerLimits, SessionLimits};
use crate::peer::addresses::Addresses;
use crate::peer::contact::Contact;
use crate::peer::known_sessions::KnownSessions;
use crate::peer::lost_session::LostSession;
use crate::peer::notices::Notices;
use crate::peer::rejected_identities::RejectedIdentities;
use crate::seldom::Seldom;
use crate::session::healing::EpochStatus;
use crate::session::one_conversation::Session;
use crate::shown_bytes::shown_in_part;
use crate::stored::{StateWriter, Stored};
use crate::time::Timestamp;
use crate::wire::codec::{DecodeError, Reader};
use crate::wire::stamp::MemberTag;
use crate::wire::suite::Suite;

/// One other device, as an application keeps it: the identity that is pinned for its address, and the
/// sessions with it. One of them sends; older ones open what is late.
///
/// Both sides may begin a session at the same time: then both come to use one of them. A side that lost its
/// sessions begins a new one and the other follows, if need be at the second (docs/protocol.md §14.5).
///
/// ```
/// use evanesce::server::PublishedPreKeys;
/// use evanesce::{Account, Address, Payload, Peer, PreKeyBundle, Timestamp};
/// # use rand_chacha::{ChaCha20Rng, rand_core::SeedableRng};
/// # let rng = &mut ChaCha20Rng::seed_from_u64(1);
/// # let now = Timestamp::from_unix_seconds(1_800_000_000);
/// # let alice_address = Address::new("user-17/device-1")?;
/// # let bob_address = Address::new("user-23/device-1")?;
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
pub struct Peer {
    pub(crate) addresses: Addresses,
    pub(crate) contact: Contact,
    /// Another identity that came, of which the user has not decided yet. Boxed, as most peers have none.
    pub(crate) undecided: Option<Box<IdentityKey>>,
    pub(crate) limits: Seldom<PeerLimits>,
    /// What sessions keep for late messages, if not what the account says.
    pub(crate) session_limits: Option<Box<SessionLimits>>,
    pub(crate) rejected: RejectedIdentities,
    pub(crate) lost_session: Seldom<LostSession>,
    pub(crate) sessions: KnownSessions,
    /// What it has said of lists of devices.
    pub(crate) notices: Notices,
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
            addresses: Addresses::new(address),
            contact,
            undecided: None,
            limits: Seldom::usual(),
            session_limits: None,
            rejected: RejectedIdentities::new(),
            lost_session: Seldom::usual(),
            sessions: KnownSessions::new(),
            notices: Notices::none(),
        }
    }

    /// A second copy, for what is worked out before it is known whether it counts: one of the two is dropped. `None` would
    /// be a peer that does not load out of its store either.
    pub(crate) fn duplicate(&self) -> Option<Self> {
        let mut state = StateWriter::new();
        self.write(&mut state);
        Self::read(&mut Reader::new(state.as_bytes())).ok()
    }

    /// Its address.
    #[must_use]
    pub fn address(&self) -> &Address {
        self.addresses.current()
    }

    /// Whether this is its address, or one that it left at most 30 days ago ([`Peer::change_address`]). A message
    /// that came from there is offered to the peer whose address it is now; if there is none, to one that
    /// left it. Who has that address since is somebody else, and refused there as
    /// [`OtherAddress`](crate::PeerDecryptError::OtherAddress): begin a peer for them.
    #[must_use]
    pub fn is_at(&self, address: &Address, now: Timestamp) -> bool {
        self.addresses.include(address, now)
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
        self.contact.identity().map(|identity| self.device_of(identity))
    }

    pub(crate) fn device_of(&self, identity: IdentityKey) -> Device {
        Device { identity, address: self.address().clone() }
    }

    /// The sessions, the one that sends first, then the newest.
    pub fn sessions(&self) -> impl Iterator<Item = &Session> {
        self.sessions.in_order_of_trying()
    }

    /// The suite of the session that sends; `None` if there is none. Another session may have another, where the other
    /// device's account is not of the suite of ours.
    #[must_use]
    pub fn suite(&self) -> Option<Suite> {
        self.sessions().next().map(Session::suite)
    }

    /// How far healing is in the session that sends; `None` if there is none, or if it is of suite 1.
    #[must_use]
    pub fn epochs(&self) -> Option<EpochStatus> {
        self.sessions.epochs()
    }

    /// Asks for an epoch in the session that sends, as [`Session::request_epoch`] does: of the two sides it is the next to
    /// make a key that asks to effect. For a user who fears that a device of theirs was read. [`Peer::encrypt`] does it
    /// by itself where none was completed or asked for in a week of the clock, so that a conversation of few words heals
    /// too.
    pub fn request_epoch(&mut self, now: Timestamp) -> Changes {
        let asked = self.sessions.request_epoch(now);
        asked.map_or(Changes::NONE, |session| Changes { session: Some(session), ..Changes::PEER })
    }

    /// How many sessions are kept, and how long.
    #[must_use]
    pub fn limits(&self) -> &PeerLimits {
        &self.limits
    }

    /// Sets how many sessions are kept and how long, from the next call on.
    pub fn set_limits(&mut self, limits: PeerLimits) -> Changes {
        let changes = if *self.limits == limits { Changes::NONE } else { Changes::PEER };
        self.limits = Seldom::new(limits);
        changes
    }

    /// Sets what sessions with it keep for late messages: those that are held, and those that begin later. Without
    /// this they have the account's limits; after it, no change of those reaches them.
    pub fn set_session_limits(&mut self, limits: SessionLimits) -> Changes {
        let sessions_changed = self.sessions.set_limits(&limits);
        let limits = Some(Box::new(limits));
        let are_set = self.session_limits == limits;
        self.session_limits = limits;
        if are_set && !sessions_changed { Changes::NONE } else { Changes::PEER }
    }

    /// Drops sessions and held keys that are too old at `now`, or too many, and addresses that it left long ago. Call
    /// it at every start and once a day: what is kept can be stolen.
    pub fn maintain(&mut self, now: Timestamp) -> Changes {
        let changed = self.sessions.maintain(&self.limits, now) | self.addresses.maintain(now);
        if changed { Changes::PEER } else { Changes::NONE }
    }
}

/// One that has to do with lists of devices goes on where any other ends.
impl Stored for Peer {
    fn write(&self, out: &mut StateWriter) {
        let Self {
            addresses,
            contact,
            undecided,
            limits,
            session_limits,
            rejected,
            lost_session,
            sessions,
            notices,
        } = self;
        addresses.write(out);
        contact.write(out);
        undecided.write(out);
        limits.write(out);
        session_limits.write(out);
        rejected.write(out);
        lost_session.write(out);
        sessions.write(out);
        if !notices.are_none() {
            notices.write(out);
        }
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let peer = Self {
            addresses: Stored::read(reader)?,
            contact: Stored::read(reader)?,
            undecided: Stored::read(reader)?,
            limits: Stored::read(reader)?,
            session_limits: Stored::read(reader)?,
            rejected: Stored::read(reader)?,
            lost_session: Stored::read(reader)?,
            sessions: Stored::read(reader)?,
            notices: if reader.rest().is_empty() { Notices::none() } else { Stored::read(reader)? },
        };
        let undecided = peer.undecided.as_deref();
        // All of them were made with the device that is known.
        let device = peer.device();
        let pinned = peer.contact.identity();
        let is_sound = peer.sessions().all(|session| Some(session.peer()) == device.as_ref())
            && (undecided.is_none() || (pinned.is_some() && undecided != pinned.as_ref()));
        if is_sound { Ok(peer) } else { Err(DecodeError::Malformed) }
    }
}

shown_in_part!(Peer { addresses, contact, undecided, sessions });
