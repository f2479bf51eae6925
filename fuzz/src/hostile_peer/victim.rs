//! The device at the honest end: its session, and the models that foretell its answers.

use evanesce::session::{DecryptError, Role, Session};
use evanesce::snapshot::SnapshotError;
use evanesce::{Payload, Suite};
use rand_chacha::ChaCha20Rng;

use crate::conversation::hearing::{Header as Numbers, Heard, Hearing};
use crate::derivations::Key;
use crate::hostile_peer::epochs::{Epochs, Standing};
use crate::hostile_peer::holder::{self, Holder, Place};
use crate::hostile_peer::letter::{Control, Letter};
use crate::people::{AD, NOW, limits};

/// Bytes of a stored session in which nothing is held and nothing is under way, at most, what it remembers of a
/// hundred messages included.
const AT_REST: usize = 1_000;

/// Bytes for each key that is held, and for each older chain, at most.
const HELD_KEY: usize = 48;
const OLDER_CHAIN: usize = 96;

/// Bytes for an epoch in progress, at most (§5.12).
const EPOCH: usize = 1_184;

/// How many older states are kept, to go back to.
const MAX_SAVED: usize = 4;

pub struct Victim {
    session: Session,
    model: Model,
    rng: ChaCha20Rng,
    /// Before its last writes; newest last.
    saved: Vec<Saved>,
}

/// A state, to go back to.
#[derive(Clone)]
struct Saved {
    stored: Vec<u8>,
    model: Model,
    rng: ChaCha20Rng,
}

/// What it must do.
#[derive(Clone)]
pub struct Model {
    hearing: Hearing,
    /// The holder's chains that it has followed.
    followed: Vec<usize>,
    speaks_in: Option<usize>,
    /// PN, Ns.
    previous_length: u32,
    sent: u32,
    /// In suite 2.
    pub epochs: Option<Epochs>,
}

/// Which of the holder's chains a message is of, as seen from the device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Seen {
    Current,
    Next,
    /// And its number, counted from the first that was followed.
    Older(usize),
}

impl Victim {
    pub fn new(session: Session, rng: ChaCha20Rng) -> Self {
        let epochs = match (session.suite(), session.role()) {
            (Suite::Classical, _) => None,
            (Suite::Hybrid, Role::Initiator) => Some(Epochs::initiator()),
            (Suite::Hybrid, Role::Responder) => Some(Epochs::responder()),
        };
        let model = Model {
            hearing: Hearing::new(limits().session),
            followed: Vec::new(),
            speaks_in: None,
            previous_length: 0,
            sent: 0,
            epochs,
        };
        Self { session, model, rng, saved: Vec::new() }
    }

    pub fn model(&self) -> &Model {
        &self.model
    }

    /// A copy by way of the store.
    pub fn copy(&self) -> Self {
        let session = Session::restore(&self.session.snapshot()).expect("what was stored");
        let (model, rng, saved) = (self.model.clone(), self.rng.clone(), self.saved.clone());
        Self { session, model, rng, saved }
    }

    /// Forgets its older states.
    pub fn cannot_go_back(&mut self) {
        self.saved.clear();
    }

    fn save(&mut self) {
        let stored = self.session.snapshot().to_vec();
        self.saved.push(Saved { stored, model: self.model.clone(), rng: self.rng.clone() });
        if self.saved.len() > MAX_SAVED {
            self.saved.remove(0);
        }
    }

    pub fn asks(&mut self) {
        let is_news = self.model.epochs.as_mut().is_some_and(Epochs::ask);
        assert_eq!(self.session.request_epoch(), is_news);
    }

    pub fn restarts(&mut self) {
        *self = self.copy();
    }

    /// Loses its last writes, and goes on from there.
    pub fn goes_back(&mut self, writes: usize, draws_again: bool) {
        let place = self.saved.len().saturating_sub(writes);
        if let Some(Saved { stored, model, rng }) = self.saved.drain(place..).next() {
            self.session = Session::restore(&stored).expect("what was stored");
            self.model = model;
            if draws_again {
                self.rng = rng;
            }
        }
    }

    /// Sends what the holder hears and opens.
    pub fn sends(&mut self, payload: &Payload, holder: &mut Holder) {
        self.save();
        let message = self.session.encrypt(payload, AD, &mut self.rng).expect("no chain is full");
        let place = self.model.place();
        let Model { speaks_in, previous_length, sent, epochs, .. } = &mut self.model;
        let mut mixes = None;
        if speaks_in.is_none() {
            (*previous_length, *sent) = (*sent, 0);
            mixes = epochs.as_mut().and_then(Epochs::sending_step);
        }
        let heard = holder.hear(&message, place, mixes);
        assert_eq!((heard.previous_length, heard.number), (*previous_length, *sent));
        assert_eq!(heard.content, [&payload.stamp.encode()[..], &payload.body].concat());
        *speaks_in = heard.place.speaks_in;
        *sent += 1;
        match epochs {
            Some(epochs) => {
                assert_eq!(heard.mixed, epochs.mixed);
                epochs.sent(&heard.control, heard.content.len(), heard.padded_length);
            }
            None => assert_eq!(heard.padded_length, holder::pad(&heard.content).len()),
        }
        self.check();
    }

    /// Offers it a letter, and checks the answer.
    pub fn receives(&mut self, letter: &Letter, holder: &Holder) {
        let foretold = self.model.foretold(letter, holder);
        let before = self.session.snapshot();
        self.save();
        let answer = self.session.decrypt(&letter.bytes, AD, NOW);
        match (answer, foretold) {
            (Ok(received), Ok((heard, model))) => {
                assert_eq!(received.body, letter.payload.body);
                assert_eq!(received.stamp.as_ref(), Ok(&letter.payload.stamp));
                assert_eq!(received.dropped_keys, heard.dropped_keys);
                let is_back = heard.begins_chain
                    && letter.header.previous_length < self.model.hearing.received();
                assert_eq!(received.peer_went_back, is_back);
                self.model = model;
            }
            (Err(error), Err(expected)) => {
                assert_eq!(error, expected);
                assert!(self.session.snapshot() == before, "the refusal left a trace");
                self.saved.pop();
            }
            (answer, foretold) => panic!("{answer:?}, not {:?}", foretold.map(|(heard, _)| heard)),
        }
        self.check();
    }

    /// What must hold after each event.
    fn check(&self) {
        let Self { session, model, .. } = self;
        let stored = session.snapshot();
        let again = Session::restore(&stored).map(|restored| restored.snapshot());
        assert!(again == Ok::<_, SnapshotError>(stored.clone()), "it comes back changed");
        let held = session.held_keys();
        assert_eq!(held, model.hearing.held_keys());
        let limits = session.limits();
        let [most_keys, most_chains] = [limits.max_held_keys, limits.max_older_chains]
            .map(|limit| usize::try_from(limit).expect("a small number"));
        assert!(held <= most_keys);
        let mut most = AT_REST + HELD_KEY * held + OLDER_CHAIN * most_chains;
        if let Some(epochs) = &model.epochs {
            epochs.check_status(session.epochs().expect("suite 2"), model.speaks_in.is_none());
            assert!(epochs.kept() <= EPOCH);
            most += epochs.kept();
        }
        assert!(stored.len() <= most, "{} bytes are stored, not {most}", stored.len());
    }
}

impl Model {
    pub fn place(&self) -> Place {
        Place { followed: self.followed.last().copied(), speaks_in: self.speaks_in }
    }

    /// An older one of the holder's chains that were followed.
    pub fn older(&self, which: usize) -> Option<usize> {
        let (_, older) = self.followed.split_last()?;
        let which = which.checked_rem(older.len())?;
        Some(older[older.len() - 1 - which])
    }

    /// The secret that the holder's next chain may mix, if the holder knows it.
    pub fn secret(&self, holder: &Holder) -> Option<Key> {
        let epochs = self.epochs.as_ref()?;
        let Standing::SendCt { key, string, .. } = &epochs.standing else {
            return None;
        };
        holder.secret_from(key, string, epochs.mixed + 1)
    }

    fn number_of(&self, place: usize) -> u32 {
        u32::try_from(place).expect("a small number")
    }

    /// Which header key opens it, if any does (§5.5, step 2).
    fn sees(&self, letter: &Letter, holder: &Holder) -> Option<Seen> {
        let header_key = holder.chains[letter.chain].header_key;
        let is_of = |chain: &usize| holder.chains[*chain].header_key == header_key;
        let (current, older) = match self.followed.split_last() {
            Some((current, older)) => (Some(current), older),
            None => (None, &[][..]),
        };
        if current.is_some_and(is_of) {
            return Some(Seen::Current);
        }
        let may_follow = self.speaks_in.is_some() || current.is_none();
        if may_follow && holder.next_header_key(current.copied()) == header_key {
            return Some(Seen::Next);
        }
        let mut newest_first = older.iter().enumerate().rev();
        let place = newest_first.find_map(|(place, chain)| {
            (self.hearing.holds(self.number_of(place)) && is_of(chain)).then_some(place)
        });
        place.map(Seen::Older)
    }

    /// What a letter must bring about (§5.5, §12.1).
    fn foretold(&self, letter: &Letter, holder: &Holder) -> Result<(Heard, Self), DecryptError> {
        let seen = self.sees(letter, holder).ok_or(DecryptError::Undecryptable)?;
        let header = &letter.header;
        let is_reduced = header.ratchet_key != [0xff; 32];
        if !is_reduced || header.number >= 10_000 || header.previous_length > 10_000 {
            return Err(DecryptError::Malformed);
        }
        // The chain that it must be of, and how many secrets that has.
        let place = match seen {
            Seen::Current => self.followed.len() - 1,
            Seen::Next => self.followed.len(),
            Seen::Older(place) => place,
        };
        let mut is_mixed = false;
        match (seen, &self.epochs) {
            (Seen::Next, None) => {}
            (Seen::Next, Some(epochs)) => {
                let may_mix = matches!(epochs.standing, Standing::SendCt { .. });
                is_mixed = may_mix && header.mixed == epochs.mixed + 1;
                if !is_mixed && header.mixed != epochs.mixed {
                    return Err(DecryptError::Forked);
                }
            }
            (Seen::Current | Seen::Older(_), epochs) => {
                let chain = &holder.chains[self.followed[place]];
                let is_same = epochs.is_none() || header.mixed == chain.mixed;
                if header.ratchet_key != chain.public || !is_same {
                    return Err(DecryptError::Forked);
                }
            }
        }
        let mut model = self.clone();
        let numbers = Numbers {
            chain: self.number_of(place),
            previous_length: header.previous_length,
            number: header.number,
        };
        let heard = model.hearing.hear(numbers, false, NOW)?;
        if !self.has_its_key(letter, seen, is_mixed, holder) {
            return Err(DecryptError::Undecryptable);
        }
        if letter.control == Control::Broken {
            return Err(DecryptError::Malformed);
        }
        if seen == Seen::Next {
            model.followed.push(letter.chain);
            model.speaks_in = None;
        }
        if let Some(epochs) = &mut model.epochs {
            if seen == Seen::Next {
                epochs.chain_opened(is_mixed);
            }
            let is_older = matches!(seen, Seen::Older(_));
            epochs.opened(&letter.control, header.mixed, is_older, |id, string| {
                holder.secret_of(id, string)
            });
        }
        Ok((heard, model))
    }

    /// Whether the device comes to the key that it was sealed with.
    fn has_its_key(&self, letter: &Letter, seen: Seen, is_mixed: bool, holder: &Holder) -> bool {
        let chain = &holder.chains[letter.chain];
        match seen {
            Seen::Current => self.followed.last() == Some(&letter.chain),
            Seen::Older(place) => self.followed[place] == letter.chain,
            Seen::Next => {
                let mixes = if is_mixed { self.secret(holder) } else { None };
                // A secret that the holder does not know is none that it has mixed.
                let has_its_root = chain.mixes == mixes && (mixes.is_some() || !is_mixed);
                has_its_root
                    && chain.answers == self.speaks_in
                    && letter.header.ratchet_key == chain.public
            }
        }
    }
}
