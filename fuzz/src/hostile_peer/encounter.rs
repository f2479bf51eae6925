//! A script between the two, and what must be possible after it.

use evanesce::session::{ExternalHandshake, RatchetKeyPair, Role, Session, SharedSecret};
use evanesce::{Device, Payload, Suite};

use crate::conversation::wording::{ROOMY, payload};
use crate::derivations::{key_id, session_secrets};
use crate::hostile_peer::epochs::{CIPHERTEXT_FRAGMENTS, KEY_FRAGMENTS, Standing, whole};
use crate::hostile_peer::event::{
    AnswerChoice, ChainChoice, ControlChoice, Event, Lie, Mixes, Script,
};
use crate::hostile_peer::holder::{Holder, KEY_PAIRS, KeyPairs, key_pairs, pad};
use crate::hostile_peer::letter::{Control, Letter, Run};
use crate::hostile_peer::victim::Victim;
use crate::people::{SUITES, account, limits, rng};

/// How many messages the device sends at most, and how many letters there are, so that an execution stays within
/// milliseconds.
const MAX_SENT: usize = 64;
const MAX_LETTERS: usize = 48;

/// How many of its key pairs the holder uses in scripts. With the others it goes on in earnest.
const SCRIPTED_PAIRS: usize = 4;

/// In how many exchanges an epoch completes once the holder keeps to the protocol.
const EXCHANGES: usize = 4;

/// A key of the holder's own begins so, if it is to be invalid: with 3,329.
const NOT_REDUCED: [u8; 2] = [0x01, 0x0d];

const SECRET: [u8; 32] = [7; 32];
const RATCHET_SECRET: [u8; 32] = [8; 32];

/// By suite and role of the device.
pub struct Encounters(Vec<Encounter>);

/// Both, and everything that was ever written to the device.
pub struct Encounter {
    victim: Victim,
    holder: Holder,
    letters: Vec<Letter>,
    suite: Suite,
    role: Role,
    sent: usize,
    offered: usize,
}

impl Encounters {
    /// Both have spoken.
    #[must_use]
    pub fn new() -> Self {
        let key_pairs = key_pairs();
        let devices = [("alice", 1), ("bob", 2)];
        let devices = devices.map(|(name, seed)| account(Suite::Hybrid, name, seed).device());
        let kinds = SUITES
            .into_iter()
            .flat_map(|suite| [(suite, Role::Initiator), (suite, Role::Responder)]);
        let begin = |(suite, role)| Encounter::begin(suite, role, &devices, key_pairs.clone());
        Self(kinds.map(begin).collect())
    }

    /// Lets a script happen, then sees that the two can go on.
    ///
    /// # Panics
    ///
    /// If anything is not as it must be.
    pub fn run(&self, script: &Script) {
        let Script { suite, role, events } = script;
        let begun = self.0.iter().find(|begun| (begun.suite, begun.role) == (*suite, *role));
        let mut encounter = begun.expect("one of four").copy();
        for event in events {
            encounter.happens(*event);
        }
        encounter.goes_on();
    }
}

impl Default for Encounters {
    fn default() -> Self {
        Self::new()
    }
}

impl Encounter {
    fn begin(suite: Suite, role: Role, devices: &[Device; 2], key_pairs: KeyPairs) -> Self {
        let [initiator, responder] = devices.clone();
        let secret = SharedSecret::of_suite(suite, &SECRET);
        let handshake = ExternalHandshake { secret, initiator, responder };
        let pair = RatchetKeyPair::from_secret(&RATCHET_SECRET);
        let ratchet_key = *pair.public_key().as_bytes();
        let session = match role {
            Role::Initiator => {
                Session::initiate_external(handshake, pair.public_key(), limits().session)
                    .expect("a strong key")
            }
            Role::Responder => Session::accept_external(handshake, pair, limits().session),
        };
        let secrets = session_secrets(suite, &SECRET, devices.each_ref(), &ratchet_key);
        assert_eq!(session.id().as_bytes(), &secrets.session_id);
        let holder = Holder::new(suite, role.other(), secrets, RATCHET_SECRET, key_pairs);
        let victim = Victim::new(session, rng(5));
        let letters = Vec::new();
        let offered = SCRIPTED_PAIRS;
        let mut encounter = Self { victim, holder, letters, suite, role, sent: 0, offered };
        if role == Role::Initiator {
            encounter.device_sends(0);
        }
        encounter.writes_as_it_should(Control::Nothing);
        encounter.device_sends(0);
        encounter.victim.cannot_go_back();
        encounter
    }

    fn copy(&self) -> Self {
        let Self { victim, holder, letters, suite, role, sent, offered } = self;
        let (victim, holder, letters) = (victim.copy(), holder.clone(), letters.clone());
        Self { victim, holder, letters, suite: *suite, role: *role, sent: *sent, offered: *offered }
    }

    fn happens(&mut self, event: Event) {
        match event {
            Event::DeviceSends { count, size } => {
                let room = MAX_SENT.saturating_sub(self.sent);
                (0..room.min(count.into())).for_each(|_| self.device_sends(size));
            }
            Event::DeviceAsks => self.victim.asks(),
            Event::DeviceRestarts => self.victim.restarts(),
            Event::DeviceGoesBack { writes, draws_again } => {
                self.victim.goes_back(writes.into(), draws_again);
            }
            Event::HolderWrites { chain, lie, control, size, is_kept_back } => {
                if self.letters.len() < MAX_LETTERS {
                    self.holder_writes(chain, lie, control, size);
                    if !is_kept_back {
                        self.arrives(0);
                    }
                }
            }
            Event::Arrives { letter } => {
                if let Some(letter) = usize::from(letter).checked_rem(self.letters.len()) {
                    self.arrives(letter);
                }
            }
        }
    }

    fn device_sends(&mut self, size: u8) {
        self.sent += 1;
        let payload = payload(self.sent, size);
        self.victim.sends(&payload, &mut self.holder);
    }

    /// A letter arrives, counted from the newest.
    fn arrives(&mut self, letter: usize) {
        let letter = &self.letters[self.letters.len() - 1 - letter];
        self.victim.receives(letter, &self.holder);
    }

    fn holder_writes(&mut self, chain: ChainChoice, lie: Lie, control: ControlChoice, size: u8) {
        let model = self.victim.model();
        let place = model.place();
        let (chain, number) = match chain {
            ChainChoice::Older { which, number } => (model.older(which.into()), Some(number)),
            ChainChoice::Current => (place.followed, None),
            ChainChoice::Next { mixes } => {
                let mixes = match mixes {
                    Mixes::Secret => model.secret(&self.holder),
                    Mixes::Another if self.suite == Suite::Hybrid => Some([0x55; 32]),
                    Mixes::Nothing | Mixes::Another => None,
                };
                (Some(self.holder.begin(place, mixes)), None)
            }
        };
        let Some(chain) = chain.or(place.followed) else {
            return;
        };
        let mut header = self.holder.header(chain);
        if let Some(number) = number {
            header.number = number.into();
        }
        match lie {
            Lie::None => {}
            Lie::AnotherKey => header.ratchet_key = [9; 32],
            Lie::WeakKey => header.ratchet_key = [0; 32],
            Lie::Unreduced => header.ratchet_key = [0xff; 32],
            Lie::Mixed { more } => header.mixed = header.mixed.wrapping_add_signed(more.into()),
            Lie::Ahead { by } => header.number += u32::from(by),
            Lie::Again { by } => header.number = header.number.saturating_sub(by.into()),
            Lie::PreviousLength { is } => header.previous_length = is.into(),
            Lie::NumberOutOfBounds => header.number = 10_000,
            Lie::PreviousLengthOutOfBounds => header.previous_length = 10_001,
        }
        let payload = payload(self.letters.len(), size);
        let (control, padded) = self.content(control, &payload);
        let letter = self.holder.write(chain, header, control, &padded, payload);
        self.letters.push(letter);
    }

    /// A control, and the padded plaintext that it stands in.
    fn content(&mut self, choice: ControlChoice, payload: &Payload) -> (Control, Vec<u8>) {
        let control = match choice {
            // In suite 1 there is nothing to say.
            ControlChoice::Key { .. } | ControlChoice::Answer { .. }
                if self.suite == Suite::Classical =>
            {
                Control::Nothing
            }
            ControlChoice::Nothing => Control::Nothing,
            ControlChoice::Key { which, first, count } => {
                let (id, string) = self.key(which.into());
                let (first, count) = (first % KEY_FRAGMENTS, 1 + count % KEY_FRAGMENTS);
                Control::Key(Run::cut(&string, id, first, count))
            }
            ControlChoice::Answer { how, first, count } => {
                let (id, string) = self.answer(how);
                let (first, count) =
                    (first % CIPHERTEXT_FRAGMENTS, 1 + count % CIPHERTEXT_FRAGMENTS);
                Control::Ciphertext(Run::cut(&string, id, first, count))
            }
            ControlChoice::Broken { how, byte } => {
                return (Control::Broken, self.broken(how, byte));
            }
        };
        let content = self.holder.content(&control, payload);
        (control, pad(&content))
    }

    /// A key with its name, or with another one.
    fn key(&self, which: usize) -> ([u8; 4], Vec<u8>) {
        let [(_, first), (_, second), ..] = &*self.holder.key_pairs;
        let named = |key: Vec<u8>| (key_id(&key), key);
        match which {
            0..SCRIPTED_PAIRS => named(self.holder.key_pairs[which].1.clone()),
            // Numbers of one key with the matrix of another one: nobody can decapsulate.
            4 => named([&first[..1_152], &second[1_152..]].concat()),
            5 => named([&NOT_REDUCED[..], &first[2..]].concat()),
            6 => (key_id(second), first.clone()),
            _ => match self.victim.model().epochs.as_ref().map(|epochs| &epochs.standing) {
                Some(Standing::SendEk { key: Some((id, fragments)), .. }) => {
                    let part = |number| fragments.get(&number).copied().unwrap_or_default();
                    (*id, (0..KEY_FRAGMENTS).flat_map(part).collect())
                }
                _ => named(second.clone()),
            },
        }
    }

    /// An answer to the device's key, with that key's name or with another one.
    fn answer(&mut self, how: AnswerChoice) -> ([u8; 4], Vec<u8>) {
        let epochs = self.victim.model().epochs.as_ref();
        let (id, mut string) = match epochs.map(|epochs| (&epochs.standing, epochs.mixed + 1)) {
            Some((Standing::SendEk { key: Some((id, key)), .. }, number)) => {
                let variant = u8::from(how == AnswerChoice::TrueToo);
                (*id, self.holder.answer(*id, key, number, variant))
            }
            _ => (*b"none", vec![0; 32 * usize::from(CIPHERTEXT_FRAGMENTS)]),
        };
        match how {
            AnswerChoice::True | AnswerChoice::TrueToo => (id, string),
            AnswerChoice::WrongCiphertext => {
                string[0] ^= 1;
                (id, string)
            }
            AnswerChoice::WrongConfirmation => {
                string[34 * 32 + 31] ^= 1;
                (id, string)
            }
            AnswerChoice::AnotherName => (*b"some", string),
        }
    }

    /// A padded plaintext that a receiver must refuse.
    fn broken(&self, how: u8, byte: u8) -> Vec<u8> {
        let not_a_control = if [0x80, 0xa0, 0xc0].contains(&byte) { 0x00 } else { byte };
        let run = |kind, count: u8, first, fragments: usize| {
            [&[kind, count, first], &b"name"[..], &vec![7; 32 * fragments]].concat()
        };
        match (self.suite, how) {
            (Suite::Classical, _) | (_, 0) => vec![0; 64],
            (Suite::Hybrid, 1) => pad(&[]),
            (Suite::Hybrid, 2) => pad(&run(0xa0, 0, 0, 40)),
            (Suite::Hybrid, 3) => pad(&run(0xa0, KEY_FRAGMENTS + 1, 0, 40)),
            (Suite::Hybrid, 4) => pad(&run(0xc0, CIPHERTEXT_FRAGMENTS + 1, 0, 40)),
            (Suite::Hybrid, 5) => pad(&run(0xc0, 1, CIPHERTEXT_FRAGMENTS, 40)),
            (Suite::Hybrid, 6) => pad(&run(0xa0, 3, 0, 2)),
            (Suite::Hybrid, _) => pad(&[&[not_a_control], &b"\0\0body"[..]].concat()),
        }
    }

    /// From here on the holder keeps to the protocol, and tidies up what it has begun: both hear each other, and in
    /// suite 2 an epoch completes.
    fn goes_on(&mut self) {
        let completed =
            |encounter: &Self| encounter.victim.model().epochs.as_ref().map(|epochs| epochs.mixed);
        let before = completed(self);
        for _ in 0..EXCHANGES {
            self.victim.asks();
            self.device_sends(ROOMY);
            let control = self.control_as_it_should_be();
            self.writes_as_it_should(control);
            if completed(self) > before || self.suite == Suite::Classical {
                return;
            }
        }
        panic!("no epoch completes: {:?}", self.victim.model().epochs);
    }

    fn control_as_it_should_be(&mut self) -> Control {
        let Some(epochs) = &self.victim.model().epochs else {
            return Control::Nothing;
        };
        let own = |number: usize| &self.holder.key_pairs[number].1;
        match &epochs.standing {
            Standing::SendEk { key: Some((id, key)), answer, .. }
                if !answer.is_empty() || whole(key, KEY_FRAGMENTS).is_some() =>
            {
                // One that was begun is ended, true or not: the device sends its key no more, and makes another one.
                let (id, number) = (*id, epochs.mixed + 1);
                let string = self.holder.answer(id, &key.clone(), number, 0);
                Control::Ciphertext(Run::cut(&string, id, 0, CIPHERTEXT_FRAGMENTS))
            }
            Standing::Rest | Standing::SendEk { .. } | Standing::Mix(_) => Control::Nothing,
            Standing::Ready(key) | Standing::SendCt { key, .. } if key == own(self.offered) => {
                Control::Nothing
            }
            // Whatever was offered, it was given up.
            Standing::Wait(_) | Standing::Ready(_) | Standing::SendCt { .. } => {
                self.offered = SCRIPTED_PAIRS.max((self.offered + 1) % KEY_PAIRS);
                let key = &self.holder.key_pairs[self.offered].1;
                Control::Key(Run::cut(key, key_id(key), 0, KEY_FRAGMENTS))
            }
        }
    }

    /// Begins a chain, with the epoch's secret if it has that, and is heard.
    fn writes_as_it_should(&mut self, control: Control) {
        let model = self.victim.model();
        let (place, secret) = (model.place(), model.secret(&self.holder));
        let payload = payload(self.letters.len(), 5);
        let chain = self.holder.begin(place, secret);
        let header = self.holder.header(chain);
        let padded = pad(&self.holder.content(&control, &payload));
        let letter = self.holder.write(chain, header, control, &padded, payload);
        self.letters.push(letter);
        self.arrives(0);
        let followed = self.victim.model().place().followed;
        assert_eq!(followed, Some(chain), "the two do not understand each other");
    }
}
