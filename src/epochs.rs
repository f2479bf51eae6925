//! The epochs of a hybrid session: each brings one ML-KEM secret into the ratchet's root, in fragments that travel
//! inside the messages (suite 2, docs/protocol.md §5.9 to §5.12).
//!
//! The initiator makes the key in odd epochs, the responder in even ones, and the other encapsulates to it. The ratchet
//! asks for the secret of a step and mixes it; the session tells here what was sent and what has opened. All draws are
//! made at a sending step: a device that is put back to an older state, and lives on as a ratchet, then still knows
//! whatever its peer has seen of an epoch.

mod carousel;
mod fragments;
mod named_key;

mod epoch_secret;

mod offer;
mod partial_key;
mod reply;

mod epoch_state;

use alloc::boxed::Box;
use alloc::vec::Vec;

use rand_core::CryptoRng;

use crate::crypto::secret::Secret;
use crate::epochs::epoch_secret::EpochContext;
use crate::epochs::epoch_state::EpochState;
use crate::epochs::offer::{Answer, Offer};
use crate::epochs::partial_key::{Gathered, PartialKey};
use crate::epochs::reply::Reply;
use crate::stored::{StateWriter, Stored};
use crate::wire::codec::{DecodeError, Reader};
use crate::wire::control::{CIPHERTEXT_FRAGMENTS, Control, KEY_FRAGMENTS, Load, Room, Run};

/// How many messages lie between a secret that was mixed and the next epoch, unless the application asks for it.
const PAUSE: u32 = 50;

/// In a store: the application has asked for an epoch. The state's number is in the bits below.
const REQUESTED: u8 = 0x80;

/// How far a session has got with its epochs, and what is kept of the one in progress.
pub(crate) struct Epochs {
    /// How many secrets are in our root (mixed). The epoch in progress is the one after them.
    mixed: u32,
    /// How many messages were encrypted and opened since there are so many, the one that brought the last included
    /// (since).
    since: u32,
    /// The application has asked for an epoch, and we have not drawn a seed since.
    is_requested: bool,
    state: EpochState,
}

/// The chain whose message carried a control.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Carrier {
    /// What its headers say of the sender's root (pq).
    pub(crate) mixed: u32,
    /// The peer has begun another since, which we follow.
    pub(crate) is_older: bool,
}

impl Epochs {
    /// The initiator's start.
    pub(crate) fn initiator() -> Self {
        Self::begin(EpochState::Begun)
    }

    /// The responder's start.
    pub(crate) fn responder() -> Self {
        Self::begin(EpochState::Wait(None))
    }

    fn begin(state: EpochState) -> Self {
        Self { mixed: 0, since: 0, is_requested: false, state }
    }

    /// Whose side this is: it follows from who makes the key of the epoch in progress.
    pub(crate) fn is_initiator(&self) -> bool {
        self.state.is_generating() == (self.mixed & 1 == 0)
    }

    /// How many secrets are in our root: completed epochs.
    pub(crate) fn mixed(&self) -> u32 {
        self.mixed
    }

    /// How many messages were encrypted and opened since the last secret was mixed.
    pub(crate) fn since(&self) -> u32 {
        self.since
    }

    /// Asks for an epoch before it is due. Says whether that is new.
    pub(crate) fn request(&mut self) -> bool {
        !core::mem::replace(&mut self.is_requested, true)
    }

    /// Whether nothing goes on before the peer does something: a silent peer prevents healing.
    pub(crate) fn waits_for_peer(&self, sending_is_due: bool) -> bool {
        match &self.state {
            EpochState::Begun => false,
            EpochState::Rest => self.is_epoch_due() && !sending_is_due,
            EpochState::SendEk(_) | EpochState::SendCt(_) => true,
            EpochState::Wait(partial) => partial.is_some(),
            EpochState::Mix(_) | EpochState::Ready(_) => !sending_is_due,
        }
    }

    /// What our next sending step mixes into the root, which then has one secret more.
    pub(crate) fn secret_of_next_sending_step(&self) -> Option<&Secret<32>> {
        match &self.state {
            EpochState::Mix(secret) => Some(secret),
            EpochState::Begun
            | EpochState::Rest
            | EpochState::SendEk(_)
            | EpochState::Wait(_)
            | EpochState::Ready(_)
            | EpochState::SendCt(_) => None,
        }
    }

    /// What the step to a chain of the peer's mixes into the root if that has one secret more than ours.
    pub(crate) fn secret_of_next_receiving_step(&self) -> Option<&Secret<32>> {
        match &self.state {
            EpochState::SendCt(reply) => Some(reply.secret()),
            EpochState::Begun
            | EpochState::Rest
            | EpochState::SendEk(_)
            | EpochState::Mix(_)
            | EpochState::Wait(_)
            | EpochState::Ready(_) => None,
        }
    }

    /// The ratchet has made a sending step, with our secret if there was one for it. Draws 32 bytes where an epoch
    /// begins, and where the peer's key is there to be answered.
    pub(crate) fn sending_step(
        &mut self,
        session_id: &[u8; 32],
        rng: &mut (impl CryptoRng + ?Sized),
    ) {
        match &self.state {
            EpochState::Rest if self.is_epoch_due() => {
                self.state = EpochState::SendEk(Box::new(Offer::generate(rng)));
                self.is_requested = false;
            }
            EpochState::Mix(_) => self.complete_epoch(EpochState::Wait(None)),
            EpochState::Ready(key) => {
                if let Some(number) = self.epoch() {
                    let context = EpochContext { session_id, number };
                    let reply = Reply::encapsulate(key, context, rng);
                    self.state = EpochState::SendCt(Box::new(reply));
                }
            }
            EpochState::Begun
            | EpochState::Rest
            | EpochState::SendEk(_)
            | EpochState::Wait(_)
            | EpochState::SendCt(_) => {}
        }
    }

    /// What the next message carries, after the sending step if one was due.
    pub(crate) fn plan_sending(&self, room: Room) -> Load {
        match &self.state {
            EpochState::SendEk(offer) if !offer.is_being_answered() => offer.sent().load(room),
            EpochState::SendCt(reply) => reply.sent().load(room),
            EpochState::Begun
            | EpochState::Rest
            | EpochState::SendEk(_)
            | EpochState::Mix(_)
            | EpochState::Wait(_)
            | EpochState::Ready(_) => room.unused(),
        }
    }

    /// Writes the planned control, and counts the message.
    pub(crate) fn send(&mut self, load: Load, out: &mut Vec<u8>) {
        match &mut self.state {
            EpochState::SendEk(offer) if load.count != 0 => {
                Control::EncapsulationKey(offer.run(load.count)).encode_into(out);
                offer.sent_mut().advance(load.count);
            }
            EpochState::SendCt(reply) if load.count != 0 => {
                Control::Ciphertext(reply.run(load.count)).encode_into(out);
                reply.sent_mut().advance(load.count);
            }
            EpochState::Begun
            | EpochState::Rest
            | EpochState::SendEk(_)
            | EpochState::Mix(_)
            | EpochState::Wait(_)
            | EpochState::Ready(_)
            | EpochState::SendCt(_) => Control::Nothing.encode_into(out),
        }
        self.count_message();
    }

    /// A chain of the peer's has opened whose root has `mixed` secrets: as many as ours, or one more where the ratchet
    /// has mixed [`Self::secret_of_next_receiving_step`].
    pub(crate) fn chain_opened(&mut self, mixed: u32) {
        let is_mixed = Some(mixed) == self.epoch();
        match &mut self.state {
            EpochState::Begun => self.state = EpochState::Rest,
            EpochState::SendEk(offer) => offer.sent_mut().hear(),
            EpochState::SendCt(_) if is_mixed => self.complete_epoch(EpochState::Rest),
            EpochState::SendCt(reply) => reply.sent_mut().hear(),
            EpochState::Rest | EpochState::Mix(_) | EpochState::Wait(_) | EpochState::Ready(_) => {}
        }
    }

    /// A message of the peer's has opened, and its chain too if it began one. Counts it.
    pub(crate) fn opened(
        &mut self,
        control: &Control<'_>,
        carrier: Carrier,
        session_id: &[u8; 32],
    ) {
        // A late one is of a past epoch. After the last there is no other.
        if let Some(number) = self.epoch().filter(|_| carrier.mixed == self.mixed) {
            match control {
                Control::Nothing => {}
                Control::EncapsulationKey(run) => self.gather(run, carrier),
                Control::Ciphertext(run) => {
                    self.take_answer(run, EpochContext { session_id, number });
                }
            }
        }
        self.count_message();
    }

    fn gather(&mut self, run: &Run<'_, KEY_FRAGMENTS>, carrier: Carrier) {
        let (kept, is_whole) = match &self.state {
            EpochState::Begun | EpochState::Rest | EpochState::SendEk(_) | EpochState::Mix(_) => {
                return;
            }
            EpochState::Wait(partial) => (partial.as_deref().map(PartialKey::id), false),
            EpochState::Ready(key) => (Some(key.id()), true),
            EpochState::SendCt(reply) => (Some(reply.id()), true),
        };
        let is_another = kept.is_some_and(|id| id != run.id);
        // Another key in an older chain is one that the peer has given up: it would throw away the secret that the peer
        // is about to mix.
        let has_no_effect = if is_another { carrier.is_older } else { is_whole };
        if has_no_effect {
            return;
        }
        let gathered = match core::mem::replace(&mut self.state, EpochState::Wait(None)) {
            EpochState::Wait(Some(partial)) if !is_another => partial.joined(run),
            EpochState::Begun
            | EpochState::Rest
            | EpochState::SendEk(_)
            | EpochState::Mix(_)
            | EpochState::Wait(_)
            | EpochState::Ready(_)
            | EpochState::SendCt(_) => PartialKey::begun(run),
        };
        self.state = match gathered {
            Gathered::Partial(partial) => EpochState::Wait(Some(partial)),
            Gathered::Whole(key) => EpochState::Ready(key),
            // The peer harms only the healing of its own session; to refuse its message would lose that and heal
            // nothing.
            Gathered::Bad => EpochState::Wait(None),
        };
    }

    fn take_answer(&mut self, run: &Run<'_, CIPHERTEXT_FRAGMENTS>, context: EpochContext<'_>) {
        let EpochState::SendEk(offer) = &mut self.state else {
            return;
        };
        match offer.answered(run, context) {
            Answer::Incomplete => {}
            Answer::Confirmed(secret) => self.state = EpochState::Mix(Box::new(secret)),
            // The peer would give this answer for ever. Another key has another name, and makes it begin anew.
            Answer::Wrong => {
                self.state = EpochState::Rest;
                self.is_requested = true;
            }
        }
    }

    /// The number of the epoch in progress (e); `None` after the last that has one.
    fn epoch(&self) -> Option<u32> {
        self.mixed.checked_add(1)
    }

    /// Whether an epoch begins at our next sending step, where nothing is under way.
    fn is_epoch_due(&self) -> bool {
        let is_due = self.mixed == 0 || self.since >= PAUSE || self.is_requested;
        is_due && self.epoch().is_some()
    }

    /// The epoch's secret is in the root.
    fn complete_epoch(&mut self, next: EpochState) {
        self.mixed = self.mixed.saturating_add(1);
        self.since = 0;
        self.state = next;
    }

    fn count_message(&mut self) {
        self.since = self.since.saturating_add(1);
    }

    /// Whether the state machine can have brought this about.
    fn is_sound(&self) -> bool {
        let Self { mixed, since, is_requested: _, state } = self;
        let is_in_place = match state {
            EpochState::Begun => *mixed == 0,
            EpochState::Rest | EpochState::Wait(None) => true,
            EpochState::SendEk(_)
            | EpochState::Mix(_)
            | EpochState::Wait(Some(_))
            | EpochState::Ready(_)
            | EpochState::SendCt(_) => self.epoch().is_some(),
        };
        // In the first epoch the initiator speaks before it hears, and the responder begins without a message.
        let least_since = match (mixed, state) {
            (1.., _) | (0, EpochState::Begun) => state.least_since(),
            (0, _) if state.is_generating() => state.least_since().saturating_add(1),
            (0, _) => state.least_since().saturating_sub(1),
        };
        is_in_place && *since >= least_since
    }
}

impl Stored for Epochs {
    fn write(&self, out: &mut StateWriter) {
        let Self { mixed, since, is_requested, state } = self;
        mixed.write(out);
        since.write(out);
        let requested = if *is_requested { REQUESTED } else { 0 };
        out.put(&[requested | state.number()]);
        state.write_kept(out);
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let mixed = Stored::read(reader)?;
        let since = Stored::read(reader)?;
        let byte = reader.u8()?;
        let is_requested = byte & REQUESTED != 0;
        let state = EpochState::read_kept(byte & !REQUESTED, reader)?;
        let epochs = Self { mixed, since, is_requested, state };
        if epochs.is_sound() { Ok(epochs) } else { Err(DecodeError::Malformed) }
    }
}

/// How far it is, without secrets.
impl core::fmt::Debug for Epochs {
    fn fmt(&self, formatter: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let Self { mixed, since, is_requested, state } = self;
        let mut shown = formatter.debug_struct("Epochs");
        shown.field("mixed", mixed).field("since", since).field("is_requested", is_requested);
        shown.field("state", &format_args!("{}", state.name())).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::hash::sha256;
    use crate::crypto::kem::MlKem768;
    use crate::encapsulation::{KemKeyPair, encapsulate};
    use crate::epochs::named_key::NamedKey;
    use crate::known_answers::Draws;
    use crate::wire::control::{CIPHERTEXT_STRING_LENGTH, KeyId};
    use alloc::collections::{BTreeMap, BTreeSet};
    use alloc::format;
    use proptest::prelude::*;
    use rand_chacha::ChaCha20Rng;
    use rand_core::{Rng, SeedableRng};

    const SESSION: [u8; 32] = [9; 32];

    fn written(epochs: &Epochs) -> Vec<u8> {
        let mut out = StateWriter::new();
        epochs.write(&mut out);
        out.into_bytes().to_vec()
    }

    fn read(bytes: &[u8]) -> Option<Epochs> {
        let mut reader = Reader::new(bytes);
        let epochs = Epochs::read(&mut reader).ok()?;
        reader.finish().ok()?;
        Some(epochs)
    }

    fn copy(epochs: &Epochs) -> Epochs {
        let bytes = written(epochs);
        let copy = read(&bytes).unwrap_or_else(|| panic!("{epochs:?} does not read back"));
        assert_eq!(written(&copy), bytes);
        copy
    }

    fn no_draw() -> Draws {
        Draws(Vec::new())
    }

    fn control(bytes: &[u8]) -> Control<'_> {
        let mut reader = Reader::new(bytes);
        let control = Control::read(&mut reader).unwrap();
        reader.finish().unwrap();
        control
    }

    /// What two machines are driven with: a ratchet of which nothing is left but which chain follows which.
    #[derive(Debug)]
    struct Side {
        epochs: Epochs,
        /// The chains that led to our root: the same on both sides if the ratchets go on.
        path: [u8; 32],
        /// The secrets in our root.
        secrets: Vec<[u8; 32]>,
        /// Our chain, unless a sending step is due.
        sending: Option<Chain>,
        theirs: Option<Chain>,
        older: Vec<Chain>,
        opened: BTreeSet<(u64, u32)>,
        /// Which key each epoch was about, in what we used.
        ids: BTreeMap<u32, BTreeSet<[u8; 4]>>,
    }

    #[derive(Clone, Copy, Debug)]
    struct Chain {
        name: u64,
        /// The path that it goes on from.
        from: [u8; 32],
        mixed: u32,
        sent: u32,
    }

    #[derive(Clone, Debug)]
    struct Message {
        chain: Chain,
        secrets: Vec<[u8; 32]>,
        control: Vec<u8>,
    }

    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    enum Outcome {
        Opened,
        Repeated,
        /// The ratchet has no key for it.
        Unknown,
    }

    impl Side {
        fn new(epochs: Epochs) -> Self {
            let sending = (!epochs.is_initiator()).then_some(Chain {
                name: 0,
                from: [0; 32],
                mixed: 0,
                sent: 0,
            });
            Self {
                epochs,
                path: [0; 32],
                secrets: Vec::new(),
                sending,
                theirs: None,
                older: Vec::new(),
                opened: BTreeSet::new(),
                ids: BTreeMap::new(),
            }
        }

        fn saved(&self) -> Self {
            Self {
                epochs: copy(&self.epochs),
                secrets: self.secrets.clone(),
                older: self.older.clone(),
                opened: self.opened.clone(),
                ids: self.ids.clone(),
                ..*self
            }
        }

        fn can_send(&self) -> bool {
            self.epochs.is_initiator() || self.theirs.is_some()
        }

        fn waits(&self) -> bool {
            self.epochs.waits_for_peer(self.sending.is_none())
        }

        fn send(&mut self, rng: &mut ChaCha20Rng) -> Message {
            self.send_content(20, rng)
        }

        fn send_content(&mut self, length: usize, rng: &mut ChaCha20Rng) -> Message {
            if self.sending.is_none() {
                let name = rng.next_u64();
                let from = self.path;
                self.path = sha256(&[&from, &name.to_be_bytes()]);
                if let Some(secret) = self.epochs.secret_of_next_sending_step() {
                    self.secrets.push(*secret.as_bytes());
                }
                self.epochs.sending_step(&SESSION, rng);
                self.sending = Some(Chain { name, from, mixed: self.epochs.mixed(), sent: 0 });
            }
            let chain = self.sending.as_mut().unwrap();
            chain.sent += 1;
            let chain = *chain;
            // §5.10: at each send header.pq = mixed.
            assert_eq!(chain.mixed, self.epochs.mixed());
            let mut control = Vec::new();
            let load = self.epochs.plan_sending(Room::before(length).unwrap());
            let expected = load.control_length();
            self.epochs.send(load, &mut control);
            assert_eq!(control.len(), expected);
            assert_eq!(self.secrets.len(), usize::try_from(self.epochs.mixed()).unwrap());
            Message { chain, secrets: self.secrets.clone(), control }
        }

        fn receive(&mut self, message: &Message) -> Outcome {
            let Message { chain, secrets, control: bytes } = message;
            if self.opened.contains(&(chain.name, chain.sent)) {
                return Outcome::Repeated;
            }
            let is_theirs = self.theirs.is_some_and(|theirs| theirs.name == chain.name);
            let is_older = self.older.iter().any(|older| older.name == chain.name);
            if !is_theirs && !is_older {
                if self.sending.is_none() || chain.from != self.path {
                    return Outcome::Unknown;
                }
                // The ratchets go on: then so must the epochs.
                if chain.mixed != self.epochs.mixed() {
                    assert_eq!(Some(chain.mixed), self.epochs.mixed().checked_add(1), "forked");
                    let secret = self.epochs.secret_of_next_receiving_step().expect("forked");
                    self.secrets.push(*secret.as_bytes());
                }
                assert_eq!(&self.secrets, secrets, "they have mixed different secrets");
                self.path = sha256(&[&self.path, &chain.name.to_be_bytes()]);
                self.older.extend(self.theirs);
                self.theirs = Some(*chain);
                self.sending = None;
                self.epochs.chain_opened(chain.mixed);
            }
            assert!(secrets.iter().zip(&self.secrets).all(|(theirs, ours)| theirs == ours));
            let control = control(bytes);
            if chain.mixed == self.epochs.mixed() {
                let id = match &control {
                    Control::Nothing => None,
                    Control::EncapsulationKey(run) => Some(run.id),
                    Control::Ciphertext(run) => Some(run.id),
                };
                let ids = self.ids.entry(chain.mixed).or_default();
                ids.extend(id.map(|KeyId(id)| id));
                assert!(ids.len() < 2, "more than one key of an honest peer's in one epoch");
            }
            self.epochs.opened(&control, Carrier { mixed: chain.mixed, is_older }, &SESSION);
            self.opened.insert((chain.name, chain.sent));
            assert_eq!(self.secrets.len(), usize::try_from(self.epochs.mixed()).unwrap());
            Outcome::Opened
        }
    }

    struct Pair {
        sides: [Side; 2],
        rng: ChaCha20Rng,
    }

    impl Pair {
        fn new() -> Self {
            Self::seeded(7)
        }

        fn seeded(seed: u64) -> Self {
            let sides = [Epochs::initiator(), Epochs::responder()].map(Side::new);
            Self { sides, rng: ChaCha20Rng::seed_from_u64(seed) }
        }

        /// A message of a side's arrives.
        fn pass(&mut self, from: usize) -> Outcome {
            let message = self.sides[from].send(&mut self.rng);
            self.sides[1 - from].receive(&message)
        }

        /// They alternate until a side is in a state of that name.
        fn reach(&mut self, side: usize, name: &str) {
            for turn in 0..200 {
                if self.sides[side].epochs.state.name() == name {
                    return;
                }
                assert_eq!(self.pass(turn % 2), Outcome::Opened);
            }
            panic!("{name} was not reached");
        }

        /// They alternate without loss. Whether the ratchets went on.
        fn alternate(&mut self, messages: usize, asking: bool) -> bool {
            (0..messages).all(|turn| {
                if asking {
                    self.sides[turn % 2].epochs.request();
                }
                self.pass(turn % 2) == Outcome::Opened
            })
        }

        /// A side's machine in a state of that name, in the first epoch in which that can be.
        fn machine(side: usize, name: &str) -> Epochs {
            let mut pair = Self::new();
            pair.reach(side, name);
            copy(&pair.sides[side].epochs)
        }
    }

    /// Every state, with the side that is in it in the first epoch.
    const STATES: [(usize, &str); 7] = [
        (0, "Begun"),
        (0, "Rest"),
        (0, "SendEk"),
        (0, "Mix"),
        (1, "Wait"),
        (1, "Ready"),
        (1, "SendCt"),
    ];

    /// The control that the machine sends with a short content.
    fn next_control(epochs: &mut Epochs) -> Vec<u8> {
        let mut out = Vec::new();
        let load = epochs.plan_sending(Room::before(20).unwrap());
        epochs.send(load, &mut out);
        out
    }

    fn in_current(epochs: &Epochs) -> Carrier {
        Carrier { mixed: epochs.mixed(), is_older: false }
    }

    fn open(epochs: &mut Epochs, control: &Control<'_>) {
        let carrier = in_current(epochs);
        epochs.opened(control, carrier, &SESSION);
    }

    fn open_older(epochs: &mut Epochs, control: &Control<'_>) {
        let carrier = Carrier { is_older: true, ..in_current(epochs) };
        epochs.opened(control, carrier, &SESSION);
    }

    /// A key of a hostile or damaged peer's, with its name.
    fn key(seed: u8) -> (KemKeyPair<MlKem768>, Vec<u8>, KeyId) {
        let pair = KemKeyPair::from_seed(Secret::filled_by(|out| out.fill(seed)));
        let key = NamedKey::new(pair.public());
        (pair, key.as_bytes().to_vec(), key.id())
    }

    fn key_run(string: &[u8], id: KeyId, first: u8, count: u8) -> Control<'_> {
        Control::EncapsulationKey(Run::cut(string, id, first, count))
    }

    fn ciphertext_run(string: &[u8], id: KeyId, first: u8, count: u8) -> Control<'_> {
        Control::Ciphertext(Run::cut(string, id, first, count))
    }

    /// State and what is kept, without what counts messages.
    fn kept(epochs: &Epochs) -> (u32, bool, u8, Vec<u8>) {
        let mut out = StateWriter::new();
        epochs.state.write_kept(&mut out);
        let kept = out.into_bytes().to_vec();
        (epochs.mixed, epochs.is_requested, epochs.state.number(), kept)
    }

    #[test]
    fn rest_begins_the_first_epoch_at_a_sending_step_once_the_peer_was_heard() {
        let mut epochs = Epochs::initiator();
        epochs.request();
        epochs.sending_step(&SESSION, &mut no_draw());
        assert_eq!(next_control(&mut epochs), [0x80]);
        assert_eq!((epochs.state.name(), epochs.is_requested), ("Begun", true));
        epochs.chain_opened(0);
        open(&mut epochs, &Control::Nothing);
        let mut draws = Draws([3; 32].to_vec());
        epochs.sending_step(&SESSION, &mut draws);
        assert!(draws.0.is_empty());
        // The request is used up, and the state sends at once.
        assert_eq!((epochs.state.name(), epochs.is_requested), ("SendEk", false));
        let (_, string, id) = key(3);
        assert_eq!(control(&next_control(&mut epochs)), key_run(&string, id, 0, 7));
        assert_eq!(control(&next_control(&mut epochs)), key_run(&string, id, 7, 7));
        assert_eq!(epochs.since(), 4);
    }

    #[test]
    fn rest_begins_later_epochs_after_fifty_messages_or_when_asked() {
        let rest =
            |since, is_requested| Epochs { mixed: 3, since, is_requested, state: EpochState::Rest };
        for (since, is_requested, begins) in
            [(49, false, false), (50, false, true), (1, true, true), (u32::MAX, false, true)]
        {
            let mut epochs = rest(since, is_requested);
            assert_eq!(epochs.waits_for_peer(false), begins);
            assert!(!epochs.waits_for_peer(true));
            let mut draws = Draws([3; 32].to_vec());
            epochs.sending_step(&SESSION, &mut draws);
            assert_eq!((epochs.state.name() == "SendEk", draws.0.is_empty()), (begins, begins));
            assert!(!epochs.is_requested);
            // It counts no further than it can.
            next_control(&mut epochs);
            assert_eq!(epochs.since(), since.saturating_add(1));
        }
    }

    #[test]
    fn after_the_last_epoch_none_begins_and_no_key_is_kept() {
        let last = |state| Epochs { mixed: u32::MAX, since: 60, is_requested: true, state };
        let mut epochs = last(EpochState::Rest);
        assert!(!epochs.waits_for_peer(false));
        epochs.sending_step(&SESSION, &mut no_draw());
        assert_eq!(epochs.state.name(), "Rest");
        let mut epochs = last(EpochState::Wait(None));
        let (_, string, id) = key(3);
        open(&mut epochs, &key_run(&string, id, 0, 37));
        assert!(matches!(epochs.state, EpochState::Wait(None)));
        copy(&epochs);
    }

    #[test]
    fn send_ek_sends_the_key_until_an_answer_to_it_begins_to_come() {
        let mut epochs = Pair::machine(0, "SendEk");
        let bytes = next_control(&mut epochs);
        let Control::EncapsulationKey(run) = control(&bytes) else { panic!() };
        let before = kept(&epochs);
        open(&mut epochs, &ciphertext_run(&[1; 1_120], KeyId(*b"else"), 0, 35));
        assert_eq!(kept(&epochs), before);
        open_older(&mut epochs, &ciphertext_run(&[1; 1_120], run.id, 5, 1));
        assert_eq!(next_control(&mut epochs), [0x80]);
        assert_eq!(epochs.state.name(), "SendEk");
    }

    /// What is held of the key in memory is no part of the state.
    #[test]
    fn send_ek_goes_on_out_of_a_store_as_it_does_in_memory() {
        let mut pair = Pair::new();
        pair.reach(0, "SendEk");
        let mut states = BTreeSet::new();
        for turn in 0..30 {
            let (from, to) = (turn % 2, 1 - turn % 2);
            let mut stored = pair.sides[from].saved();
            let message = pair.sides[from].send(&mut pair.rng);
            // Secrets that are drawn differ.
            if from == 0 && pair.sides[0].epochs.state.name() == "SendEk" {
                assert_eq!(stored.send(&mut pair.rng.clone()).control, message.control);
            }
            let mut stored = pair.sides[to].saved();
            assert_eq!(pair.sides[to].receive(&message), Outcome::Opened);
            assert_eq!(stored.receive(&message), Outcome::Opened);
            assert_eq!(written(&stored.epochs), written(&pair.sides[to].epochs));
            states.insert(pair.sides[0].epochs.state.name());
        }
        assert!(["SendEk", "Mix", "Wait"].iter().all(|name| states.contains(name)), "{states:?}");
    }

    #[test]
    fn send_ek_has_the_secret_when_the_whole_answer_has_come() {
        let mut pair = Pair::new();
        pair.reach(1, "SendCt");
        let secret = pair.sides[1].epochs.secret_of_next_receiving_step().unwrap().duplicate();
        assert!(pair.sides[1].epochs.secret_of_next_sending_step().is_none());
        pair.reach(0, "Mix");
        let generator = &pair.sides[0].epochs;
        assert_eq!(generator.secret_of_next_sending_step(), Some(&secret));
        assert!(generator.secret_of_next_receiving_step().is_none());
        assert_eq!(generator.mixed(), 0);
    }

    #[test]
    fn send_ek_gives_a_wrong_answer_up_for_a_new_key_and_the_epoch_completes() {
        let mut pair = Pair::new();
        pair.reach(1, "SendCt");
        // The answer is altered at its sender's, where each of its two parts may be wrong.
        for place in [800, 1_100] {
            let mut pair =
                Pair { sides: pair.sides.each_ref().map(Side::saved), rng: pair.rng.clone() };
            let mut bytes = written(&pair.sides[1].epochs);
            let string = bytes.len() - 2 - CIPHERTEXT_STRING_LENGTH;
            bytes[string + place] ^= 1;
            pair.sides[1].epochs = read(&bytes).unwrap();
            for turn in 1..100 {
                if pair.sides[0].epochs.state.name() == "Rest" {
                    break;
                }
                assert_eq!(pair.pass(turn % 2), Outcome::Opened);
                assert_ne!(pair.sides[0].epochs.state.name(), "Mix");
            }
            assert!(pair.sides[0].epochs.is_requested);
            assert_eq!(pair.sides[0].epochs.mixed(), 0);
            pair.sides.iter_mut().for_each(|side| side.ids.clear());
            // The new key's other name is an end of the wrong answer.
            assert_eq!(pair.pass(0), Outcome::Opened);
            assert_eq!(pair.sides[0].epochs.state.name(), "SendEk");
            assert_eq!(pair.sides[1].epochs.state.name(), "Wait");
            assert!(!pair.sides[0].epochs.is_requested);
            assert!(pair.alternate(30, false) || pair.alternate(30, false));
            assert!(pair.sides.iter().all(|side| side.epochs.mixed() == 1));
        }
    }

    #[test]
    fn mix_ends_with_the_sending_step_and_the_roles_change() {
        let mut epochs = Pair::machine(0, "Mix");
        assert_eq!(next_control(&mut copy(&epochs)), [0x80]);
        epochs.sending_step(&SESSION, &mut no_draw());
        assert!(matches!(epochs.state, EpochState::Wait(None)));
        assert_eq!((epochs.mixed(), epochs.since()), (1, 0));
        assert_eq!(next_control(&mut epochs), [0x80]);
        assert_eq!(epochs.since(), 1);
        assert!(epochs.is_initiator());
    }

    #[test]
    fn wait_keeps_one_key_until_another_comes_in_a_chain_that_is_not_older() {
        let mut epochs = Epochs::responder();
        epochs.chain_opened(0);
        let ((_, first, first_id), (_, second, second_id)) = (key(1), key(2));
        // From an older chain the first to come is kept too.
        open_older(&mut epochs, &key_run(&first, first_id, 0, 20));
        let before = kept(&epochs);
        open_older(&mut epochs, &key_run(&second, second_id, 20, 17));
        assert_eq!(kept(&epochs), before);
        open(&mut epochs, &key_run(&second, second_id, 20, 17));
        let EpochState::Wait(Some(partial)) = &epochs.state else { panic!() };
        assert_eq!(partial.id(), second_id);
        // Nothing of the first is left.
        open(&mut epochs, &key_run(&second, second_id, 0, 19));
        assert_eq!(epochs.state.name(), "Wait");
        open_older(&mut epochs, &key_run(&second, second_id, 19, 1));
        let EpochState::Ready(ready) = &epochs.state else { panic!() };
        assert_eq!(ready.as_bytes(), second);
    }

    #[test]
    fn wait_takes_a_whole_key_from_one_message() {
        let mut epochs = Epochs::responder();
        let (_, string, id) = key(1);
        open(&mut epochs, &key_run(&string, id, 30, 37));
        assert_eq!(epochs.state.name(), "Ready");
        assert_eq!(epochs.since(), 1);
    }

    #[test]
    fn wait_discards_an_invalid_key_and_one_that_is_not_of_its_name() {
        let (_, string, id) = key(1);
        let invalid = [&[0xff; 1_152][..], &[0; 32]].concat();
        let [a, b, c, d, ..] = sha256(&[&invalid]);
        let its_name = KeyId([a, b, c, d]);
        for (string, id) in [(&invalid, its_name), (&string, KeyId(*b"else"))] {
            let mut epochs = Epochs::responder();
            open(&mut epochs, &key_run(string, id, 0, 36));
            assert!(epochs.waits_for_peer(false));
            open(&mut epochs, &key_run(string, id, 36, 1));
            assert!(matches!(epochs.state, EpochState::Wait(None)));
            assert_eq!(epochs.since(), 2);
            assert!(!epochs.waits_for_peer(false));
        }
        // A good one is taken after it.
        let mut epochs = Epochs::responder();
        open(&mut epochs, &key_run(&invalid, its_name, 0, 37));
        open(&mut epochs, &key_run(&string, id, 0, 37));
        assert_eq!(epochs.state.name(), "Ready");
    }

    #[test]
    fn ready_and_send_ct_begin_anew_with_another_key_in_a_chain_that_is_not_older() {
        let (_, string, id) = key(1);
        for name in ["Ready", "SendCt"] {
            let epochs = Pair::machine(1, name);
            let mut older = copy(&epochs);
            open_older(&mut older, &key_run(&string, id, 0, 37));
            assert_eq!(kept(&older), kept(&epochs));
            let mut current = copy(&epochs);
            open(&mut current, &key_run(&string, id, 0, 3));
            let EpochState::Wait(Some(partial)) = &current.state else { panic!() };
            assert_eq!(partial.id(), id);
            let mut current = copy(&epochs);
            open(&mut current, &key_run(&string, id, 0, 37));
            assert_eq!(current.state.name(), "Ready");
        }
    }

    #[test]
    fn ready_encapsulates_at_a_sending_step_with_one_draw() {
        let (pair, string, id) = key(1);
        let mut epochs = Epochs::responder();
        epochs.chain_opened(0);
        open(&mut epochs, &key_run(&string, id, 0, 37));
        assert_eq!(next_control(&mut copy(&epochs)), [0x80]);
        let mut draws = Draws([5; 32].to_vec());
        epochs.sending_step(&SESSION, &mut draws);
        assert!(draws.0.is_empty());
        let draw = Secret::filled_by(|out| out.fill(5));
        let (ciphertext, shared) = encapsulate(&pair.public(), &draw);
        let context = EpochContext { session_id: &SESSION, number: 1 };
        let secrets = context.derive(&shared, &NamedKey::new(pair.public()), &ciphertext);
        assert_eq!(epochs.secret_of_next_receiving_step(), Some(&secrets.secret));
        let answer = [&ciphertext[..], secrets.confirmation.as_bytes()].concat();
        assert_eq!(control(&next_control(&mut epochs)), ciphertext_run(&answer, id, 0, 7));
        assert_eq!(control(&next_control(&mut epochs)), ciphertext_run(&answer, id, 7, 7));
    }

    #[test]
    fn send_ct_ends_when_a_chain_opens_that_has_mixed_its_secret() {
        let mut epochs = Pair::machine(1, "SendCt");
        let before = written(&epochs);
        epochs.chain_opened(0);
        assert_eq!(epochs.state.name(), "SendCt");
        // It was heard, and else nothing has changed.
        assert_eq!(written(&epochs)[..before.len() - 1], before[..before.len() - 1]);
        epochs.chain_opened(1);
        assert_eq!(epochs.state.name(), "Rest");
        assert_eq!((epochs.mixed(), epochs.since()), (1, 0));
        open(&mut epochs, &Control::Nothing);
        assert_eq!(epochs.since(), 1);
        assert!(!epochs.is_initiator());
    }

    #[test]
    fn fragments_go_slowly_where_nobody_answers_until_a_chain_of_the_peers_opens() {
        for (side, name, at_full_rate) in [(0, "SendEk", 6), (1, "SendCt", 6)] {
            let mut pair = Pair::new();
            pair.reach(side, name);
            let epochs = &mut pair.sides[side].epochs;
            epochs.chain_opened(epochs.mixed());
            let mut lengths = (0..50).map(|_| next_control(epochs).len());
            assert!(lengths.by_ref().take(at_full_rate).all(|length| length == 7 + 7 * 32));
            assert!(lengths.all(|length| length == 7 + 32));
            epochs.chain_opened(epochs.mixed());
            assert_eq!(next_control(epochs).len(), 7 + 7 * 32);
        }
    }

    #[test]
    fn whatever_else_happens_in_a_state_changes_nothing_but_the_count() {
        let (_, string, id) = key(1);
        for (side, name) in STATES {
            let epochs = Pair::machine(side, name);
            let own_id = match &epochs.state {
                EpochState::Ready(key) => key.id(),
                EpochState::SendCt(reply) => reply.id(),
                EpochState::Begun
                | EpochState::Rest
                | EpochState::SendEk(_)
                | EpochState::Mix(_)
                | EpochState::Wait(_) => id,
            };
            let mut without_effect =
                Vec::from([Control::Nothing, ciphertext_run(&[1; 1_120], id, 0, 35)]);
            if name != "Wait" {
                without_effect.push(key_run(&string, own_id, 0, 37));
            }
            for control in &without_effect {
                let mut machine = copy(&epochs);
                open(&mut machine, control);
                assert_eq!(kept(&machine), kept(&epochs), "{name}: {control:?}");
                assert_eq!(machine.since(), epochs.since() + 1);
            }
            if !["SendEk", "SendCt"].contains(&name) {
                let mut machine = copy(&epochs);
                assert_eq!(next_control(&mut machine), [0x80]);
                assert_eq!(kept(&machine), kept(&epochs), "{name}");
                assert_eq!(machine.since(), epochs.since() + 1);
            }
            if ["Begun", "SendEk", "Wait", "SendCt"].contains(&name) {
                let mut machine = copy(&epochs);
                machine.sending_step(&SESSION, &mut no_draw());
                assert_eq!(kept(&machine), kept(&epochs), "{name}");
            }
            if ["Rest", "Mix", "Wait", "Ready"].contains(&name) {
                let mut machine = copy(&epochs);
                machine.chain_opened(machine.mixed());
                assert_eq!(kept(&machine), kept(&epochs), "{name}");
            }
        }
    }

    #[test]
    fn a_late_control_of_a_past_epoch_has_no_effect_and_is_counted() {
        let (_, string, id) = key(1);
        let mut epochs =
            Epochs { mixed: 1, since: 1, is_requested: false, state: EpochState::Wait(None) };
        for mixed in [0, 2] {
            let late = Carrier { mixed, is_older: true };
            epochs.opened(&key_run(&string, id, 0, 37), late, &SESSION);
            assert!(matches!(epochs.state, EpochState::Wait(None)));
        }
        assert_eq!(epochs.since(), 3);
    }

    #[test]
    fn the_status_says_when_only_the_peer_can_go_on() {
        let cases = [
            (0, "Begun", [false, false]),
            (0, "Rest", [true, false]),
            (0, "SendEk", [true, true]),
            (0, "Mix", [true, false]),
            (1, "Wait", [false, false]),
            (1, "Ready", [true, false]),
            (1, "SendCt", [true, true]),
        ];
        for (side, name, waits) in cases {
            let epochs = Pair::machine(side, name);
            assert_eq!([false, true].map(|due| epochs.waits_for_peer(due)), waits, "{name}");
        }
    }

    #[test]
    fn a_request_is_kept_until_a_seed_is_drawn() {
        let mut pair = Pair::new();
        pair.reach(0, "SendEk");
        assert!(pair.sides.iter_mut().all(|side| side.epochs.request()));
        assert!(pair.sides.iter_mut().all(|side| !side.epochs.request()));
        // The responder makes the second key, the initiator the third.
        for (side, requested) in [(1, [true, false]), (0, [false, false])] {
            pair.reach(side, "SendEk");
            let asked = pair.sides.each_ref().map(|side| side.epochs.is_requested);
            assert_eq!(asked, requested);
        }
        assert!(pair.sides.iter().all(|side| side.epochs.mixed() == 2 && side.epochs.since() < 50));
    }

    #[test]
    fn a_state_keeps_no_more_than_it_may() {
        let most = |name| match name {
            "Begun" | "Rest" => 0,
            "SendEk" => 32 + 2 + 5 + 34 * 32,
            "Mix" => 32,
            "Wait" => 4 + 5 + 36 * 32,
            "Ready" => 1_184,
            "SendCt" => 4 + 32 + 1_120 + 2,
            _ => panic!("{name}"),
        };
        assert_eq!((most("SendEk"), most("Wait"), most("SendCt")), (1_127, 1_161, 1_158));
        let mut greatest = BTreeMap::new();
        let mut pair = Pair::new();
        for turn in 0..400 {
            // One fragment each: so it comes to every number of them.
            let message = pair.sides[turn % 2]
                .send_content(usize::from(turn % 3 == 0) * 26 + 1, &mut pair.rng);
            pair.sides[1 - turn % 2].receive(&message);
            for side in &pair.sides {
                let size = kept(&side.epochs).3.len();
                let name = side.epochs.state.name();
                assert!(size <= most(name), "{name}: {size}");
                let greatest = greatest.entry(name).or_insert(0);
                *greatest = size.max(*greatest);
                assert!(written(&side.epochs).len() <= size + 6);
            }
        }
        assert_eq!(greatest.len(), STATES.len());
        assert_eq!((greatest["Mix"], greatest["Ready"], greatest["SendCt"]), (32, 1_184, 1_158));
        assert_eq!((greatest["Begun"], greatest["Rest"]), (0, 0));
    }

    #[test]
    fn a_stored_state_that_cannot_be_is_malformed() {
        let head = |mixed, since, byte: u8| {
            let mut out = StateWriter::new();
            out.put_number(mixed);
            out.put_number(since);
            out.put(&[byte]);
            out.into_bytes().to_vec()
        };
        let last = u64::from(u32::MAX);
        for (mixed, since, number) in
            [(0, 0, 0), (0, 9, 0), (0, 2, 1), (0, 0, 4), (1, 1, 1), (1, 1, 4), (last, last, 4)]
        {
            assert!(read(&head(mixed, since, number)).is_some(), "{mixed} {since} {number}");
            assert!(read(&head(mixed, since, number | 0x80)).unwrap().is_requested);
        }
        for (mixed, since, number) in [
            (1, 1, 0),
            (0, 1, 1),
            (1, 0, 1),
            (1, 0, 4),
            (1, 1, 8),
            (1, 1, 0x40 | 1),
            (last + 1, 1, 1),
            (1, last + 1, 1),
        ] {
            assert!(read(&head(mixed, since, number)).is_none(), "{mixed} {since} {number}");
        }
        for (side, name) in STATES {
            let epochs = Pair::machine(side, name);
            let (mixed, _, number, kept) = kept(&epochs);
            let least = match name {
                "Begun" | "Wait" => 0,
                "Rest" => 2,
                "SendEk" => 3,
                "Mix" => 4,
                "Ready" => 1,
                _ => 2,
            };
            let whole = [head(u64::from(mixed), least, number), kept.clone()].concat();
            assert!(read(&whole).is_some(), "{name}");
            assert!(read(&[&whole[..], &[0]].concat()).is_none());
            for length in 0..whole.len() {
                assert!(read(&whole[..length]).is_none(), "{name}, {length} bytes");
            }
            if let Some(less) = u64::checked_sub(least, 1) {
                assert!(read(&[head(0, less, number), kept.clone()].concat()).is_none(), "{name}");
            }
            let after_last = read(&[head(last, 60, number), kept].concat());
            assert_eq!(after_last.is_some(), ["Rest", "Wait"].contains(&name), "{name}");
        }
        // A key that is none, and all of a key's fragments or none.
        let ready = [head(0, 5, 6), [0xff; 1_184].to_vec()].concat();
        assert!(read(&ready).is_none());
        let partial = |bits: [u8; 5], count: usize| {
            read(&[head(0, 5, 5), [1; 4].to_vec(), bits.to_vec(), [7; 32].repeat(count)].concat())
        };
        assert!(partial([0, 0, 0, 0, 1], 1).is_some());
        assert!(partial([0; 5], 0).is_none());
        assert!(partial([0x1f, 0xff, 0xff, 0xff, 0xff], 37).is_none());
        assert!(partial([0x20, 0, 0, 0, 0], 1).is_none());
    }

    #[test]
    fn whose_side_it_is_follows_from_the_state() {
        let mut pair = Pair::new();
        for turn in 0..100 {
            pair.sides[turn % 2].epochs.request();
            pair.pass(turn % 2);
            assert_eq!(pair.sides.each_ref().map(|side| side.epochs.is_initiator()), [true, false]);
        }
        assert!(pair.sides[0].epochs.mixed() > 3);
    }

    #[test]
    fn debug_shows_no_secret() {
        let epochs = Pair::machine(0, "Mix");
        let shown = format!("{epochs:?}");
        let since = epochs.since();
        assert_eq!(
            shown,
            format!("Epochs {{ mixed: 0, since: {since}, is_requested: false, state: Mix, .. }}")
        );
    }

    #[test]
    fn epochs_follow_each_other_in_a_conversation_without_losses() {
        let mut pair = Pair::new();
        assert!(pair.alternate(400, false));
        let mixed = pair.sides.each_ref().map(|side| side.epochs.mixed());
        assert!(mixed[0] >= 6, "{mixed:?}");
        let mut pair = Pair::new();
        for burst in 0..100 {
            assert!((0..5).all(|_| pair.pass(burst % 2) == Outcome::Opened));
        }
        assert!(pair.sides[0].epochs.mixed() >= 6);
    }

    /// §5.11, why draws are made at sending steps alone: whoever survives as a ratchet still has the epoch's secrets.
    #[test]
    fn a_side_put_back_in_any_state_goes_on_if_its_ratchet_does() {
        let mut pair = Pair::new();
        let mut history = Vec::new();
        let mut survived = BTreeSet::new();
        for turn in 0..40 {
            pair.sides[turn % 2].epochs.request();
            // Some in a row, so that a side is put back in the middle of a chain.
            for _ in 0..=turn % 4 {
                history.push(pair.sides.each_ref().map(Side::saved));
                assert_eq!(pair.pass(turn % 2), Outcome::Opened);
            }
            for side in [0, 1] {
                for back in [1, 2, 3, 4, 6] {
                    let Some(then) = history.len().checked_sub(back) else { continue };
                    let mut again = Pair {
                        sides: pair.sides.each_ref().map(Side::saved),
                        // Not what it drew before: who is put back with its generator is a clone.
                        rng: ChaCha20Rng::seed_from_u64(1_000 + u64::try_from(turn).unwrap()),
                    };
                    again.sides[side] = history[then][side].saved();
                    let name = again.sides[side].epochs.state.name();
                    let mixed = again.sides[side].epochs.mixed();
                    // The other speaks first, or the one that was put back. What a counter shows again is refused.
                    for first in [side, 1 - side] {
                        let mut pair = Pair {
                            sides: again.sides.each_ref().map(Side::saved),
                            rng: again.rng.clone(),
                        };
                        let outcomes = [0, 1, 0, 1].map(|turn| pair.pass((first + turn) % 2));
                        if outcomes[2..].contains(&Outcome::Unknown) {
                            continue;
                        }
                        for turn in 0..100 {
                            pair.sides[turn % 2].epochs.request();
                            assert_ne!(pair.pass((first + turn) % 2), Outcome::Unknown);
                        }
                        survived.insert((side, name));
                        assert!(pair.sides[side].epochs.mixed() >= mixed + 2, "{name}");
                    }
                }
            }
        }
        let names: BTreeSet<&str> = survived.iter().map(|(_, name)| *name).collect();
        assert!(names.len() == STATES.len() && survived.len() >= 12, "{survived:?}");
    }

    #[derive(Clone, Debug)]
    enum Event {
        Send(usize, usize),
        /// The message of that index among those under way; it may come again.
        Deliver(usize, prop::sample::Index, bool),
        Lose(usize, prop::sample::Index),
        Ask(usize),
        Save(usize),
        PutBack(usize),
    }

    fn any_event(with_putting_back: bool) -> impl Strategy<Value = Event> {
        let side = 0..2_usize;
        let put_back = u32::from(with_putting_back);
        prop_oneof![
            30 => (side.clone(), prop_oneof![Just(20_usize), 0..1_500_usize])
                .prop_map(|(side, length)| Event::Send(side, length)),
            30 => (side.clone(), any::<prop::sample::Index>(), prop::bool::weighted(0.1))
                .prop_map(|(side, index, again)| Event::Deliver(side, index, again)),
            4 => (side.clone(), any::<prop::sample::Index>())
                .prop_map(|(side, index)| Event::Lose(side, index)),
            3 => side.clone().prop_map(Event::Ask),
            put_back => side.clone().prop_map(Event::Save),
            put_back => side.prop_map(Event::PutBack),
        ]
    }

    /// Runs a schedule, in which each side checks that it agrees with the other; then they alternate. Whether the
    /// ratchets lived to the end.
    fn run(seed: u64, events: &[Event]) -> (Pair, bool) {
        let mut pair = Pair::seeded(seed);
        let mut under_way: [Vec<Message>; 2] = [Vec::new(), Vec::new()];
        let mut saved = pair.sides.each_ref().map(Side::saved);
        for event in events {
            match event {
                Event::Send(from, length) => {
                    if pair.sides[*from].can_send() {
                        let message = pair.sides[*from].send_content(*length, &mut pair.rng);
                        under_way[1 - from].push(message);
                    }
                }
                Event::Deliver(to, index, again) if !under_way[*to].is_empty() => {
                    // Mostly the first few: what is late is so by some.
                    let place = index.index(under_way[*to].len().min(6));
                    let message = under_way[*to].remove(place);
                    pair.sides[*to].receive(&message);
                    if *again {
                        under_way[*to].push(message);
                    }
                }
                Event::Lose(to, index) if !under_way[*to].is_empty() => {
                    let place = index.index(under_way[*to].len());
                    under_way[*to].remove(place);
                }
                Event::Deliver(..) | Event::Lose(..) => {}
                Event::Ask(side) => {
                    pair.sides[*side].epochs.request();
                }
                Event::Save(side) => saved[*side] = pair.sides[*side].saved(),
                Event::PutBack(side) => pair.sides[*side] = saved[*side].saved(),
            }
            for side in &pair.sides {
                copy(&side.epochs);
                let _is_known = side.waits();
            }
        }
        let mixed = pair.sides[0].epochs.mixed();
        // A repeat is of a number that was used before a side was put back.
        let lives = (0..240).all(|turn| pair.pass(turn % 2) != Outcome::Unknown);
        if lives {
            assert!(pair.sides[0].epochs.mixed() >= mixed + 2, "{:?}", pair.sides);
        }
        (pair, lives)
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(48))]

        #[test]
        fn two_sides_agree_on_each_secret_whatever_is_lost_late_or_repeated(
            seed: u64,
            events in prop::collection::vec(any_event(false), 0..400),
        ) {
            let (pair, lives) = run(seed, &events);
            prop_assert!(lives);
            prop_assert!(pair.sides.iter().all(|side| side.epochs.mixed() >= 2));
        }

        #[test]
        fn two_sides_agree_on_each_secret_whoever_is_put_back(
            seed: u64,
            events in prop::collection::vec(any_event(true), 0..400),
        ) {
            run(seed, &events);
        }

        #[test]
        fn what_reads_is_the_only_encoding(
            head in (0_u8..4, 0_u8..130, 0_u8..10, prop::bool::ANY),
            rest in prop_oneof![
                Just(Vec::new()),
                prop::collection::vec(any::<u8>(), 32),
                prop::collection::vec(0_u8..3, 0..1_300),
            ],
        ) {
            let (mixed, since, number, asked) = head;
            let byte = if asked { number | REQUESTED } else { number };
            let bytes = [&[mixed, since, byte][..], &rest].concat();
            if let Some(epochs) = read(&bytes) {
                prop_assert_eq!(written(&epochs), bytes);
            }
        }
    }
}
