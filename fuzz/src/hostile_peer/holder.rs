//! Whoever holds the keys: it forgets nothing that it made or heard, and can go on from any of it.

use std::rc::Rc;

use evanesce::session::Role;
use evanesce::{Payload, Suite};

use crate::derivations::{
    CIPHERTEXT, EpochContext, Key, RootStep, SessionSecrets, agree, decapsulate, encapsulate,
    encapsulation_key, key_id, message_context, message_key, open_body, open_header, public,
    root_step, seal_body, seal_header, sha256,
};
use crate::formats::{self, padded_length};
use crate::hostile_peer::epochs::{CIPHERTEXT_FRAGMENTS, Fragments, KEY_FRAGMENTS, whole};
use crate::hostile_peer::letter::{Control, Header, Letter, Run};
use crate::people::AD;

/// How many key pairs for epochs it has.
pub const KEY_PAIRS: usize = 8;

/// Key pairs (d, z), and their encapsulation keys. To make them takes long.
pub type KeyPairs = Rc<[([u8; 64], Vec<u8>); KEY_PAIRS]>;

#[derive(Clone)]
pub struct Holder {
    pub suite: Suite,
    role: Role,
    secrets: SessionSecrets,
    /// The responder's first ratchet secret.
    ratchet_secret: Key,
    pub key_pairs: KeyPairs,
    pub chains: Vec<OwnChain>,
    pub heard: Vec<TheirChain>,
    answers: Vec<Answer>,
    drawn: u32,
}

/// A chain that it has begun. Nobody needs to have followed it.
#[derive(Clone)]
pub struct OwnChain {
    /// The device's chain that it answers.
    pub answers: Option<usize>,
    secret: Key,
    pub public: Key,
    pub header_key: Key,
    /// What the step to it gave: the chain key is that of message 0.
    pub step: RootStep,
    /// The secret that was mixed in.
    pub mixes: Option<Key>,
    pub mixed: u32,
    previous_length: u32,
    /// How many messages it has, with all that are said to have been sent.
    pub sent: u32,
}

/// A chain of the device's.
#[derive(Clone, PartialEq, Eq)]
pub struct TheirChain {
    public: Key,
    header_key: Key,
    step: RootStep,
    mixed: u32,
    previous_length: u32,
}

/// A ciphertext for a key of the device's, what confirms it, and the secret that both have then.
#[derive(Clone)]
struct Answer {
    id: [u8; 4],
    variant: u8,
    string: Vec<u8>,
    secret: Key,
}

/// Where the device stands: which chain of the holder's it follows, and which it sends in, unless a step is due.
#[derive(Clone, Copy, Debug, Default)]
pub struct Place {
    pub followed: Option<usize>,
    pub speaks_in: Option<usize>,
}

/// What the device sent, opened.
pub struct Heard {
    pub place: Place,
    pub control: Control,
    /// Behind the control.
    pub content: Vec<u8>,
    /// Of all of it.
    pub padded_length: usize,
    pub mixed: u32,
    pub previous_length: u32,
    pub number: u32,
}

pub fn key_pairs() -> KeyPairs {
    Rc::new(std::array::from_fn(|number| {
        let number = u64::try_from(number).expect("8 at most").to_be_bytes();
        let halves = [sha256(&[b"d", &number]), sha256(&[b"z", &number])];
        let pair = halves.as_flattened().try_into().expect("64 bytes");
        (pair, encapsulation_key(&pair))
    }))
}

impl Holder {
    pub fn new(
        suite: Suite,
        role: Role,
        secrets: SessionSecrets,
        ratchet_secret: Key,
        key_pairs: KeyPairs,
    ) -> Self {
        let (chains, heard, answers) = (Vec::new(), Vec::new(), Vec::new());
        Self { suite, role, secrets, ratchet_secret, key_pairs, chains, heard, answers, drawn: 0 }
    }

    fn draw(&mut self) -> Key {
        self.drawn += 1;
        sha256(&[b"drawn", &self.drawn.to_be_bytes()])
    }

    /// The header key of the first chain of a side.
    fn first_header_key(&self, of: Role) -> Key {
        match of {
            Role::Initiator => self.secrets.initiators_header_key,
            Role::Responder => self.secrets.responders_header_key,
        }
    }

    /// The header key of its chain after the one that is followed.
    pub fn next_header_key(&self, followed: Option<usize>) -> Key {
        let next = followed.map(|chain| self.chains[chain].step.next_header_key);
        next.unwrap_or_else(|| self.first_header_key(self.role))
    }

    /// Opens what the device has sent from where it stands. `mixes` is what its step mixes, if one was due.
    ///
    /// # Panics
    ///
    /// If it is not what docs/protocol.md says.
    pub fn hear(&mut self, message: &[u8], place: Place, mixes: Option<Key>) -> Heard {
        let read = formats::message(message).expect("a message");
        let before = place.followed.and_then(|chain| self.chains[chain].answers);
        let header_key = match (place.speaks_in, before) {
            (Some(chain), _) => self.heard[chain].header_key,
            (None, Some(before)) => self.heard[before].step.next_header_key,
            (None, None) => self.first_header_key(self.role.other()),
        };
        let header = open_header(&header_key, read.sealed_header).expect("a header that opens");
        let Header { ratchet_key, previous_length, number, mixed } = self.read_header(&header);
        let chain = place.speaks_in.unwrap_or_else(|| {
            let (secret, root, to, before) = match place.followed {
                None => {
                    let secret = self.ratchet_secret;
                    (secret, self.secrets.root, public(&secret), 0)
                }
                Some(followed) => {
                    let OwnChain { secret, public, step, mixed, .. } = &self.chains[followed];
                    (*secret, step.root, *public, *mixed)
                }
            };
            let dh = agree(&secret, &ratchet_key);
            let step = root_step(&root, &dh, mixes.as_ref(), &ratchet_key, &to);
            assert!(self.suite == Suite::Classical || mixed == before + u32::from(mixes.is_some()));
            let public = ratchet_key;
            let chain = TheirChain { public, header_key, step, mixed, previous_length };
            // A device that went back, and draws the same again, begins the same chain again.
            let known = self.heard.iter().position(|heard| *heard == chain);
            known.unwrap_or_else(|| {
                self.heard.push(chain);
                self.heard.len() - 1
            })
        });
        let TheirChain { public, step, mixed: its, previous_length: before, .. } =
            &self.heard[chain];
        assert_eq!((ratchet_key, mixed, previous_length), (*public, *its, *before));
        let key = message_key(&step.chain_key, number);
        let (before, sealed) = message.split_at(read.head_length);
        let id = &self.secrets.session_id;
        let context = message_context(id, self.role.other(), before, AD);
        let padded = open_body(&key, &context, sealed).expect("a body that opens");
        let (control, content) = self.read_content(&padded);
        let place = Place { speaks_in: Some(chain), ..place };
        let padded_length = padded.len();
        Heard { place, control, content, padded_length, mixed, previous_length, number }
    }

    fn read_content(&self, padded: &[u8]) -> (Control, Vec<u8>) {
        let end = padded.iter().rposition(|byte| *byte != 0).expect("an end mark");
        assert_eq!(padded[end], 0x80);
        let content = &padded[..end];
        if self.suite == Suite::Classical {
            return (Control::Nothing, content.to_vec());
        }
        let length = formats::control_length(content).expect("a control");
        let (control, behind) = content.split_at(length);
        let control = match control[0] {
            0xa0 => Control::Key(Run::read(&control[1..], KEY_FRAGMENTS)),
            0xc0 => Control::Ciphertext(Run::read(&control[1..], CIPHERTEXT_FRAGMENTS)),
            _ => Control::Nothing,
        };
        (control, behind.to_vec())
    }

    fn read_header(&self, header: &[u8; 40]) -> Header {
        let (ratchet_key, rest) = header.split_first_chunk().expect("40 bytes");
        let number =
            |bytes: &[u8]| bytes.iter().fold(0, |number, byte| number << 8 | u32::from(*byte));
        let (previous_length, number, mixed) = match self.suite {
            Suite::Classical => (number(&rest[..4]), number(&rest[4..]), 0),
            Suite::Hybrid => (number(&rest[..2]), number(&rest[2..4]), number(&rest[4..])),
        };
        Header { ratchet_key: *ratchet_key, previous_length, number, mixed }
    }

    fn encode_header(&self, header: &Header) -> [u8; 40] {
        let Header { ratchet_key, previous_length, number, mixed } = header;
        let mut bytes = ratchet_key.to_vec();
        match self.suite {
            Suite::Classical => {
                bytes.extend(previous_length.to_be_bytes());
                bytes.extend(number.to_be_bytes());
            }
            Suite::Hybrid => {
                bytes.extend(&previous_length.to_be_bytes()[2..]);
                bytes.extend(&number.to_be_bytes()[2..]);
                bytes.extend(mixed.to_be_bytes());
            }
        }
        bytes.try_into().expect("40 bytes")
    }

    /// Begins its next chain, after the one that is followed and in answer to what the device sent last before.
    pub fn begin(&mut self, place: Place, mixes: Option<Key>) -> usize {
        let secret = self.draw();
        let before = place.followed.map(|chain| &self.chains[chain]);
        let answers = place.speaks_in.or_else(|| before.and_then(|chain| chain.answers));
        let (root, to, mixed) = match answers {
            None => (self.secrets.root, public(&self.ratchet_secret), 0),
            Some(heard) => {
                let TheirChain { step, public, mixed, .. } = &self.heard[heard];
                (step.root, *public, *mixed)
            }
        };
        let own = public(&secret);
        let step = root_step(&root, &agree(&secret, &to), mixes.as_ref(), &own, &to);
        self.chains.push(OwnChain {
            answers,
            secret,
            public: own,
            header_key: self.next_header_key(place.followed),
            step,
            mixes,
            mixed: mixed.wrapping_add(u32::from(mixes.is_some())),
            previous_length: before.map_or(0, |chain| chain.sent),
            sent: 0,
        });
        self.chains.len() - 1
    }

    /// The header of the next message of a chain, as it should be.
    pub fn header(&self, chain: usize) -> Header {
        let OwnChain { public, previous_length, sent, mixed, .. } = &self.chains[chain];
        let (previous_length, number, mixed) = (*previous_length, *sent, *mixed);
        Header { ratchet_key: *public, previous_length, number, mixed }
    }

    /// Seals whatever it likes.
    pub fn write(
        &mut self,
        chain: usize,
        header: Header,
        control: Control,
        padded: &[u8],
        payload: Payload,
    ) -> Letter {
        let OwnChain { header_key, step, sent, .. } = &mut self.chains[chain];
        let header_key = *header_key;
        // Where nothing can open, any key does.
        let number = if header.number < 10_000 { header.number } else { 0 };
        *sent = (*sent).max(number + 1);
        let key = message_key(&step.chain_key, number);
        let sealed_header = seal_header(&header_key, &self.encode_header(&header));
        let before = [&[0x12], &sealed_header[..]].concat();
        let context = message_context(&self.secrets.session_id, self.role, &before, AD);
        let bytes = [&before[..], &seal_body(&key, &context, padded)].concat();
        Letter { bytes, chain, header, control, payload }
    }

    /// Stamp and body, and what stands before them.
    pub fn content(&self, control: &Control, payload: &Payload) -> Vec<u8> {
        let control = match (self.suite, control) {
            (Suite::Classical, _) => Vec::new(),
            (_, Control::Nothing | Control::Broken) => vec![0x80],
            (_, Control::Key(run)) => [&[0xa0], &run.encode()[..]].concat(),
            (_, Control::Ciphertext(run)) => [&[0xc0], &run.encode()[..]].concat(),
        };
        [&control[..], &payload.stamp.encode(), &payload.body].concat()
    }

    /// An answer to a key of the device's, as far as it is known; not a true one otherwise.
    pub fn answer(&mut self, id: [u8; 4], key: &Fragments, number: u32, variant: u8) -> Vec<u8> {
        let made = self.answers.iter().find(|made| (made.id, made.variant) == (id, variant));
        if let Some(made) = made {
            return made.string.clone();
        }
        let Some(key) = whole(key, KEY_FRAGMENTS) else {
            return vec![0; 32 * usize::from(CIPHERTEXT_FRAGMENTS)];
        };
        assert_eq!(key_id(&key), id, "a key under another name");
        let (ciphertext, shared) = encapsulate(&key, &[variant; 32]).expect("a valid key");
        let context = EpochContext { session_id: &self.secrets.session_id, number };
        let [secret, confirmation] = context.derive(&shared, &key, &ciphertext);
        let string = [&ciphertext[..], &confirmation].concat();
        self.answers.push(Answer { id, variant, string: string.clone(), secret });
        string
    }

    /// What an answer to a key of this name confirms.
    pub fn secret_of(&self, id: [u8; 4], string: &[u8]) -> Option<Key> {
        let made = self.answers.iter().find(|made| made.id == id && made.string == string);
        made.map(|made| made.secret)
    }

    /// The secret of an answer of the device's, if all of it was heard and the key is its own.
    ///
    /// # Panics
    ///
    /// If the device confirms another one.
    pub fn secret_from(&self, key: &[u8], string: &Fragments, number: u32) -> Option<Key> {
        let string = whole(string, CIPHERTEXT_FRAGMENTS)?;
        let (pair, _) = self.key_pairs.iter().find(|(_, public)| public == key)?;
        let (ciphertext, confirmation) = string.split_at(CIPHERTEXT);
        let context = EpochContext { session_id: &self.secrets.session_id, number };
        let shared = decapsulate(pair, ciphertext);
        let [secret, expected] = context.derive(&shared, key, ciphertext);
        assert_eq!(expected, confirmation, "another secret is confirmed");
        Some(secret)
    }
}

/// A content and its end mark, and zeros up to a size.
pub fn pad(content: &[u8]) -> Vec<u8> {
    let mut padded = [content, &[0x80]].concat();
    padded.resize(padded_length(content.len()), 0);
    padded
}
