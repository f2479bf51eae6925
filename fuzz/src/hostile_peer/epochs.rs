//! A naive model of the epochs at the honest end: the table of docs/protocol.md §5.11.

use std::collections::BTreeMap;

use evanesce::session::EpochStatus;

use crate::derivations::{Key, key_id};
use crate::formats::{is_reduced, padded_length};
use crate::hostile_peer::letter::{Control, Run};

/// Fragments of a key (ek), and of a ciphertext and what confirms it (ct ‖ confirm).
pub const KEY_FRAGMENTS: u8 = 37;
pub const CIPHERTEXT_FRAGMENTS: u8 = 35;

/// How many messages lie between two epochs.
const PAUSE: u32 = 50;

/// Of a string, by their numbers.
pub type Fragments = BTreeMap<u8, [u8; 32]>;

#[derive(Clone, Debug)]
pub struct Epochs {
    pub mixed: u32,
    pub since: u32,
    is_asked: bool,
    has_heard: bool,
    pub standing: Standing,
}

#[derive(Clone, Debug)]
pub enum Standing {
    Rest,
    SendEk {
        /// What went out of the key, once something has.
        key: Option<([u8; 4], Fragments)>,
        round: Round,
        answer: Fragments,
    },
    Mix(Key),
    Wait(Option<([u8; 4], Fragments)>),
    Ready(Vec<u8>),
    SendCt {
        key: Vec<u8>,
        /// What went out of the ciphertext.
        string: Fragments,
        round: Round,
    },
}

/// How far a string was sent: pos, unheard.
#[derive(Clone, Copy, Debug, Default)]
pub struct Round {
    position: u8,
    unheard: u32,
}

impl Epochs {
    pub fn initiator() -> Self {
        Self::begin(Standing::Rest)
    }

    pub fn responder() -> Self {
        Self::begin(Standing::Wait(None))
    }

    fn begin(standing: Standing) -> Self {
        Self { mixed: 0, since: 0, is_asked: false, has_heard: false, standing }
    }

    /// Asks for an epoch. Whether that is new.
    pub fn ask(&mut self) -> bool {
        !std::mem::replace(&mut self.is_asked, true)
    }

    fn is_due(&self) -> bool {
        self.has_heard && (self.mixed == 0 || self.since >= PAUSE || self.is_asked)
    }

    pub fn check_status(&self, status: EpochStatus, step_is_due: bool) {
        let waits = match &self.standing {
            Standing::SendEk { .. } | Standing::SendCt { .. } | Standing::Wait(Some(_)) => true,
            Standing::Wait(None) => false,
            Standing::Mix(_) | Standing::Ready(_) => !step_is_due,
            Standing::Rest => self.is_due() && !step_is_due,
        };
        let shown = (status.completed, status.messages_since, status.waits_for_peer);
        assert_eq!(shown, (self.mixed, self.since, waits), "{:?}", self.standing);
    }

    /// What the sending step mixes; and what comes of it.
    pub fn sending_step(&mut self) -> Option<Key> {
        match &self.standing {
            Standing::Rest if self.is_due() => {
                self.is_asked = false;
                let (round, answer) = (Round::default(), Fragments::new());
                self.standing = Standing::SendEk { key: None, round, answer };
            }
            Standing::Mix(secret) => {
                let secret = *secret;
                self.complete(Standing::Wait(None));
                return Some(secret);
            }
            Standing::Ready(key) => {
                let (key, string) = (key.clone(), Fragments::new());
                self.standing = Standing::SendCt { key, string, round: Round::default() };
            }
            Standing::Rest
            | Standing::SendEk { .. }
            | Standing::Wait(_)
            | Standing::SendCt { .. } => {}
        }
        None
    }

    /// Checks what was sent before stamp and body, which have so many bytes, and how long all of it is once padded.
    pub fn sent(&mut self, control: &Control, behind: usize, padded: usize) {
        self.since += 1;
        match (&mut self.standing, control) {
            (Standing::SendEk { key, round, answer }, Control::Key(run)) if answer.is_empty() => {
                let (id, fragments) = key.get_or_insert_with(|| (run.id, Fragments::new()));
                round.check(run, KEY_FRAGMENTS, behind, padded);
                assert_eq!(run.id, *id, "the key's name changes");
                note(fragments, run);
            }
            (Standing::SendCt { key, string, round }, Control::Ciphertext(run)) => {
                round.check(run, CIPHERTEXT_FRAGMENTS, behind, padded);
                assert_eq!(run.id, key_id(key), "an answer to another key");
                note(string, run);
            }
            (Standing::SendEk { answer, .. }, _) if answer.is_empty() => panic!("no key is sent"),
            (Standing::SendCt { .. }, _) => panic!("no ciphertext is sent"),
            (_, control) => {
                assert_eq!(*control, Control::Nothing);
                assert_eq!(padded, padded_length(1 + behind));
            }
        }
    }

    /// A chain of the holder's has opened, with one secret more if `is_mixed`.
    pub fn chain_opened(&mut self, is_mixed: bool) {
        self.has_heard = true;
        if is_mixed {
            return self.complete(Standing::Rest);
        }
        if let Standing::SendEk { round, .. } | Standing::SendCt { round, .. } = &mut self.standing
        {
            round.unheard = 0;
        }
    }

    /// A message has opened. `secret_of` says what an answer to a key confirms, if it does.
    pub fn opened(
        &mut self,
        control: &Control,
        mixed: u32,
        is_older: bool,
        secret_of: impl Fn([u8; 4], &[u8]) -> Option<Key>,
    ) {
        self.since += 1;
        match control {
            _ if mixed != self.mixed => {}
            Control::Nothing | Control::Broken => {}
            Control::Key(run) => self.take_key(run, is_older),
            Control::Ciphertext(run) => self.take_answer(run, secret_of),
        }
    }

    fn take_key(&mut self, run: &Run, is_older: bool) {
        let kept = match &self.standing {
            Standing::Rest | Standing::SendEk { .. } | Standing::Mix(_) => return,
            Standing::Wait(kept) => kept.as_ref().map(|(id, _)| *id),
            Standing::Ready(key) | Standing::SendCt { key, .. } => Some(key_id(key)),
        };
        if kept.is_some_and(|id| id != run.id) {
            if is_older {
                return;
            }
            self.standing = Standing::Wait(None);
        }
        let Standing::Wait(kept) = &mut self.standing else {
            return;
        };
        let (id, fragments) = kept.get_or_insert_with(|| (run.id, Fragments::new()));
        keep(fragments, run);
        let Some(key) = whole(fragments, KEY_FRAGMENTS) else {
            return;
        };
        let is_good = key_id(&key) == *id && is_reduced(&key);
        self.standing = if is_good { Standing::Ready(key) } else { Standing::Wait(None) };
    }

    fn take_answer(&mut self, run: &Run, secret_of: impl Fn([u8; 4], &[u8]) -> Option<Key>) {
        let Standing::SendEk { key: Some((id, _)), answer, .. } = &mut self.standing else {
            return;
        };
        if run.id != *id {
            return;
        }
        keep(answer, run);
        let Some(string) = whole(answer, CIPHERTEXT_FRAGMENTS) else {
            return;
        };
        self.standing = match secret_of(*id, &string) {
            Some(secret) => Standing::Mix(secret),
            None => {
                self.is_asked = true;
                Standing::Rest
            }
        };
    }

    fn complete(&mut self, next: Standing) {
        self.mixed += 1;
        self.since = 0;
        self.standing = next;
    }

    /// How many bytes are kept for the epoch in progress, at most (§5.12).
    pub fn kept(&self) -> usize {
        const WHICH: usize = 5;
        match &self.standing {
            Standing::Rest | Standing::Wait(None) => 0,
            Standing::SendEk { answer, .. } => 32 + 2 + WHICH + 32 * answer.len(),
            Standing::Mix(_) => 32,
            Standing::Wait(Some((_, fragments))) => 4 + WHICH + 32 * fragments.len(),
            Standing::Ready(key) => key.len(),
            Standing::SendCt { .. } => 4 + 32 + 32 * usize::from(CIPHERTEXT_FRAGMENTS) + 2,
        }
    }
}

impl Round {
    /// Checks that a run is the one that comes next.
    fn check(&mut self, run: &Run, of: u8, behind: usize, padded: usize) {
        let want = if self.unheard < u32::from(of) + 4 { 7 } else { 1 };
        // L counts the end mark, which `padded_length` does as well.
        let room = padded_length(1 + behind + 6 + 32 * want);
        let count = ((room - (behind + 2) - 6) / 32).min(of.into());
        assert_eq!((run.fragments.len(), padded), (count, room), "another run");
        assert_eq!(run.fragments[0].0, self.position, "a run from elsewhere");
        let count = u8::try_from(count).expect("37 at most");
        self.position = (self.position + count) % of;
        self.unheard += u32::from(count);
    }
}

/// Keeps the first copy of each.
fn keep(fragments: &mut Fragments, run: &Run) {
    for (number, fragment) in &run.fragments {
        fragments.entry(*number).or_insert(*fragment);
    }
}

/// Of a string that does not change.
fn note(fragments: &mut Fragments, run: &Run) {
    for (number, fragment) in &run.fragments {
        let before = fragments.insert(*number, *fragment);
        assert!(before.is_none_or(|before| before == *fragment), "a string changes");
    }
}

/// The string, once all of it is there.
pub fn whole(fragments: &Fragments, of: u8) -> Option<Vec<u8>> {
    (fragments.len() == usize::from(of)).then(|| fragments.values().flatten().copied().collect())
}
