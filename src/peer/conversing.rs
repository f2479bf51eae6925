//! Peer: sessions begun, messages out and in.

use rand_core::CryptoRng;

use crate::account::Account;
use crate::account::accepting::{AcceptError, Acceptance, Accepted};
use crate::changes::Changes;
use crate::identity::IdentityKey;
use crate::peer::contact::{Contact, Stranger};
use crate::peer::delivery::{Delivered, PeerDecryptError};
use crate::peer::dispatch::{Encrypted, PeerEncryptError, SessionNeed};
use crate::peer::initiating::PeerInitiateError;
use crate::peer::known_sessions::Heard;
use crate::peer::lost_session::LostSession;
use crate::peer::other_device::Peer;
use crate::prekeys::verified_bundle::VerifiedBundle;
use crate::session::beginning::InitiateError;
use crate::session::encrypting::{EncryptError, SentMessage};
use crate::session::message_tag::MessageTag;
use crate::session::recognising::Sought;
use crate::time::Timestamp;
use crate::wire::content_parts::ContentParts;
use crate::wire::message::{Envelope, InitialMessage};
use crate::wire::payload::Payload;

impl Peer {
    /// Whether a session is to be begun, and why: fetch a bundle and [`Peer::initiate`]. Ask before something is sent.
    /// `None` of one that is not to be written to: a request, one that was refused, or one whose other identity the
    /// user has not decided of.
    #[must_use]
    pub fn session_need(&self, now: Timestamp) -> Option<SessionNeed> {
        if !self.may_be_written_to() {
            return None;
        }
        let lost = self.lost_session.need(self.sessions.active_is_untouched());
        lost.or_else(|| self.sessions.need(&self.limits, now))
    }

    /// Whether what does not open tells that a session is to be begun, of one that may be a request too. That it is silent
    /// does not: in a group many only read.
    pub(crate) fn has_lost_session(&self) -> bool {
        self.lost_session.need(self.sessions.active_is_untouched()).is_some()
    }

    /// Begins a session, which is used from now on: 32 bytes drawn, in suite 2 twice. Nothing is sent: the handshake
    /// travels with the messages. Another session of ours in which nothing was sent is replaced.
    ///
    /// # Errors
    ///
    /// A [`PeerInitiateError`], the first that holds in the order of its variants; nothing has changed then. Give the
    /// identity of [`PeerInitiateError::IdentityChanged`] to [`Peer::note_identity`].
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
        self.begin(account, bundle, Contact::Accepted, now, rng)
    }

    /// The same with a device that is known from a [group](crate::group): it is, or stays, a request, and control messages of
    /// groups go to it. Who was accepted stays so.
    ///
    /// # Errors
    ///
    /// A [`PeerInitiateError`], as of [`Peer::initiate`]; [`PeerInitiateError::Request`] of one that was refused.
    pub fn initiate_for_group(
        &mut self,
        account: &Account,
        bundle: VerifiedBundle,
        now: Timestamp,
        rng: &mut (impl CryptoRng + ?Sized),
    ) -> Result<Changes, PeerInitiateError> {
        if self.contact.is_refused() {
            return Err(PeerInitiateError::Request);
        }
        let is_accepted = self.contact.is_accepted();
        let contact = if is_accepted { Contact::Accepted } else { Contact::Request };
        self.begin(account, bundle, contact, now, rng)
    }

    fn begin(
        &mut self,
        account: &Account,
        bundle: VerifiedBundle,
        contact: fn(IdentityKey) -> Contact,
        now: Timestamp,
        rng: &mut (impl CryptoRng + ?Sized),
    ) -> Result<Changes, PeerInitiateError> {
        let device = bundle.device();
        if device.identity == account.device().identity {
            return Err(PeerInitiateError::OwnDevice);
        }
        let identity = match self.check(device, now) {
            Ok(identity) => identity,
            Err(Stranger::Address) => return Err(PeerInitiateError::OtherAddress),
            Err(Stranger::Moved) => return Err(PeerInitiateError::AddressChanged),
            Err(Stranger::Identity(identity)) => {
                return Err(PeerInitiateError::IdentityChanged(identity));
            }
        };
        let mut session = account.initiate(&bundle, rng).map_err(|error| match error {
            InitiateError::WeakKey => PeerInitiateError::WeakKey,
        })?;
        self.contact = contact(identity);
        if let Some(limits) = &self.session_limits {
            session.set_limits((**limits).clone());
        }
        session.set_peer_address(self.address().clone());
        let session_id = session.id();
        let replaced = self.sessions.add_ours(session, &self.limits, now);
        self.lost_session.unusual().into_iter().for_each(|lost| lost.begin(session_id, &replaced));
        Ok(Changes { session: Some(session_id), ..Changes::PEER })
    }

    /// Encrypts a payload in the session that sends, bound to `ad`: bytes that the peer must name too, and
    /// that do not travel. They tell apart what one pair of devices says in several places; if there is but
    /// one, name nothing.
    ///
    /// Draws 32 bytes for our first message in a session and when the peer has begun a new chain in it since
    /// we last sent, in suite 2 twice where an epoch goes on by it; else nothing.
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
        self.encrypt_behind(&ContentParts::none(), payload, ad, now, rng)
    }

    /// The same behind parts.
    pub(crate) fn encrypt_behind(
        &mut self,
        parts: &ContentParts,
        payload: &Payload,
        ad: &[u8],
        now: Timestamp,
        rng: &mut (impl CryptoRng + ?Sized),
    ) -> Result<Encrypted, PeerEncryptError> {
        if !self.contact.may_be_written_to() {
            return Err(PeerEncryptError::Request);
        }
        self.encrypt_for_group(parts, payload, ad, now, rng)
    }

    /// The same to one that may be a request: members of a group who are strangers exchange what the group needs.
    pub(crate) fn encrypt_for_group(
        &mut self,
        parts: &ContentParts,
        payload: &Payload,
        ad: &[u8],
        now: Timestamp,
        rng: &mut (impl CryptoRng + ?Sized),
    ) -> Result<Encrypted, PeerEncryptError> {
        if self.contact.is_refused() {
            return Err(PeerEncryptError::Request);
        }
        if self.undecided.is_some() {
            return Err(PeerEncryptError::IdentityUndecided);
        }
        let encrypted = self.sessions.encrypt(parts, payload, ad, &self.limits, now, rng);
        let (sent, session) = encrypted.ok_or(PeerEncryptError::NeedsSession)??;
        let changes = Changes { session: Some(session), ..Changes::PEER };
        self.lost_session.unusual().into_iter().for_each(LostSession::send);
        let SentMessage { message, evidence } = sent;
        Ok(Encrypted { message, changes, session_need: self.session_need(now), evidence })
    }

    /// Whether a message behind these parts can be encrypted; `None` without a session that sends. Changes nothing.
    pub(crate) fn check_encrypting(
        &self,
        parts: &ContentParts,
        payload: &Payload,
        now: Timestamp,
    ) -> Option<Result<(), EncryptError>> {
        self.sessions.check_encrypting(parts, payload, &self.limits, now)
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
        match (self.open(&envelope, ad, now), &envelope) {
            (Err(PeerDecryptError::NeedsAccount), Envelope::Initial(initial)) => {
                let taken = self.take_first(account, initial, ad, now);
                taken.map_err(|refusal| self.sessions.named(refusal, &envelope))
            }
            (opened, _) => opened,
        }
    }

    /// The same for a message of a session that is here, without the account: for servers that hold one account and
    /// many peers. Draws nothing.
    ///
    /// # Errors
    ///
    /// A [`PeerDecryptError`]; nothing has changed then. [`PeerDecryptError::NeedsAccount`] of a message that begins a
    /// session: [`Peer::decrypt`] takes it.
    pub fn decrypt_established(
        &mut self,
        message: &[u8],
        ad: &[u8],
        now: Timestamp,
    ) -> Result<Delivered, PeerDecryptError> {
        self.open(&Envelope::decode(message)?, ad, now)
    }

    /// Opens a message in the sessions that are here. [`PeerDecryptError::NeedsAccount`] if its handshake made none of
    /// them.
    fn open(
        &mut self,
        envelope: &Envelope<'_>,
        ad: &[u8],
        now: Timestamp,
    ) -> Result<Delivered, PeerDecryptError> {
        if self.contact.is_refused() {
            return Err(PeerDecryptError::Refused);
        }
        let Heard { delivered, answers_active } =
            self.sessions.decrypt(envelope, ad, &self.limits, now)?;
        if let Some(lost) = self.lost_session.unusual() {
            delivered.changes.session.inspect(|session| lost.hear(*session));
            if answers_active {
                lost.lay_to_rest();
            }
        }
        Ok(delivered)
    }

    /// Whether a message is of a session that is here: its handshake made the session, or its header opens. The rest
    /// may be altered or repeated, and then it is refused. Says no of what begins a session. Changes nothing; costs a
    /// hash or a few openings of a header for each session. To ask many peers, use [`Peer::find_sender`].
    #[must_use]
    pub fn knows(&self, message: &[u8]) -> bool {
        Sought::of(message)
            .is_some_and(|sought| self.sessions().any(|session| session.knows(&sought)))
    }

    /// The tags of the messages that it will send next: for each session the next `count` of the chain that the peer
    /// sends in, and its initial messages, if it began the session. [`SenderIndex`](crate::SenderIndex) keeps them of all
    /// peers. An application that has them in a store of its own keeps them there, anew after each call that changed the
    /// peer, and looks [`MessageTag::of`] a message up before it asks each peer ([`Peer::find_sender`]).
    ///
    /// Not among them, since nothing tells in advance what they look like: the first message after each turn of the
    /// conversation, what is late, and what begins a session. Costs a sealed header, a few hundred nanoseconds, for
    /// each.
    pub fn expected(&self, count: u32) -> impl Iterator<Item = MessageTag> + '_ {
        self.sessions().flat_map(move |session| session.expected(count))
    }

    /// Makes a session of an initial message, once it has opened and is found to be of this device.
    fn take_first(
        &mut self,
        account: &mut Account,
        message: &InitialMessage<'_>,
        ad: &[u8],
        now: Timestamp,
    ) -> Result<Delivered, PeerDecryptError> {
        let limits = self.session_limits.as_deref().unwrap_or(&account.limits().session).clone();
        let acceptance = account.plan_accept(message, ad, limits, now).map_err(|refusal| {
            // It decodes, so it is of the suite that the account has not, and no later release takes it.
            let is_of_other_suite = refusal == AcceptError::Unsupported;
            if is_of_other_suite { PeerDecryptError::UnknownPreKey } else { refusal.into() }
        })?;
        self.begin_with(account, acceptance, now)
    }

    /// Makes the session that was worked out, if it is of this device.
    pub(crate) fn begin_with(
        &mut self,
        account: &mut Account,
        acceptance: Acceptance,
        now: Timestamp,
    ) -> Result<Delivered, PeerDecryptError> {
        let identity =
            self.check(acceptance.initiator(), now).map_err(|stranger| match stranger {
                Stranger::Address => PeerDecryptError::OtherAddress,
                Stranger::Moved => PeerDecryptError::AddressChanged,
                Stranger::Identity(identity) if self.rejected.has(&identity) => {
                    PeerDecryptError::Refused
                }
                Stranger::Identity(identity) => PeerDecryptError::IdentityChanged(identity),
            })?;
        if self.contact == Contact::None {
            self.contact = Contact::Request(identity);
        }
        let Accepted { mut session, received, changes } = account.commit(acceptance);
        session.set_peer_address(self.address().clone());
        self.lost_session.unusual().into_iter().for_each(LostSession::replace);
        self.notices.forget();
        self.sessions.add_theirs(session, &self.limits, now);
        let changes = Changes { peer: true, ..changes };
        Ok(Delivered { received, author: identity, began_session: true, changes })
    }
}
