//! What lies between the two, and whoever has it in hand.

use evanesce::limits::SessionLimits;
use evanesce::session::{AcceptError, Accepted, DecryptError, Role, SessionId};
use evanesce::{PreKeyBundle, Timestamp, VerifyError};
use rand_chacha::ChaCha20Rng;

use crate::conversation::event::{BundleChoice, Event, LimitsChoice, Side, Tampering};
use crate::conversation::person::{End, Message, Origin, Person};
use crate::conversation::tampering::tamper;
use crate::conversation::wording::{ROOMY, payload};
use crate::formats;
use crate::people::{AD, DAY, NOW};

/// How many messages are sent at most, and how many sessions begun, so that an execution stays within
/// milliseconds.
const MAX_MESSAGES: usize = 96;
const MAX_SESSIONS: usize = 4;

/// In how many exchanges an epoch is complete at both ends, where all of a string travels in one message.
const EXCHANGES: usize = 6;

/// Both people, and everything that was ever sent.
pub struct Network {
    people: [Person; 2],
    sessions: Vec<Begun>,
    messages: Vec<Sent>,
    now: Timestamp,
    rng: ChaCha20Rng,
}

/// A session that was begun.
#[derive(Clone)]
pub struct Begun {
    initiator: Side,
    id: SessionId,
    is_accepted: bool,
}

/// A message, under way, arrived or lost: whoever carries it can deliver it at any time.
struct Sent {
    by: Side,
    session: usize,
    message: Message,
    has_opened: bool,
}

impl Network {
    #[must_use]
    pub fn new(people: [Person; 2], sessions: Vec<Begun>, rng: ChaCha20Rng) -> Self {
        Self { people, sessions, messages: Vec::new(), now: NOW, rng }
    }

    #[must_use]
    pub fn into_parts(self) -> ([Person; 2], Vec<Begun>) {
        (self.people, self.sessions)
    }

    pub fn happens(&mut self, event: Event) {
        match event {
            Event::Send { by, session, count, size } => {
                if let Some(session) = self.session_of(by, session) {
                    let room = MAX_MESSAGES.saturating_sub(self.messages.len());
                    (0..room.min(count.into())).for_each(|_| self.send(by, session, size));
                }
            }
            Event::Deliver { message, days_back } => {
                if let Some(place) = self.place(message) {
                    let to = self.messages[place].by.other();
                    let bytes = self.messages[place].message.bytes.clone();
                    self.deliver(to, &bytes, AD, self.now.minus(DAY * u32::from(days_back)));
                }
            }
            Event::Tamper { message, how } => {
                if let Some(place) = self.place(message) {
                    self.tamper(place, how);
                }
            }
            Event::Pass { days } => self.now = self.now.plus(DAY * u32::from(days)),
            Event::Maintain { by } => self.people[by.place()].maintain(self.now, &mut self.rng),
            Event::Rotate { by } => self.people[by.place()].rotate(self.now, &mut self.rng),
            Event::TopUp { by, count } => self.people[by.place()].top_up(count, &mut self.rng),
            Event::Restart { by } => self.people[by.place()].restart(),
            Event::Limit { by, session, limits } => {
                if let Some(session) = self.session_of(by, session) {
                    self.end(by, session).set_limits(chosen_limits(limits));
                }
            }
            Event::Begin { by, bundle } => {
                if self.sessions.len() < MAX_SESSIONS {
                    self.begin(by, bundle);
                }
            }
            Event::Ask { by, session } => {
                if let Some(session) = self.session_of(by, session) {
                    self.end(by, session).ask();
                }
            }
            Event::Forget { by, session } => {
                if let Some(session) = self.session_of(by, session) {
                    self.people[by.place()].ends.remove(&session);
                }
            }
        }
    }

    /// What has not opened comes at last, the newest first.
    pub fn everything_arrives(&mut self) {
        for place in (0..self.messages.len()).rev() {
            let Sent { by, message, has_opened, .. } = &self.messages[place];
            if !has_opened {
                let (to, bytes) = (by.other(), message.bytes.clone());
                self.deliver(to, &bytes, AD, self.now);
            }
        }
    }

    /// The two talk in each session that both have, and begin a new one if there is none.
    pub fn goes_on(&mut self) {
        let [alice, bob] = &self.people;
        let has_bob = |session: &&usize| bob.ends.contains_key(session);
        let mut common: Vec<usize> = alice.ends.keys().filter(has_bob).copied().collect();
        if common.is_empty() {
            let initiator =
                if self.messages.len().is_multiple_of(2) { Side::Alice } else { Side::Bob };
            self.people[initiator.other().place()].maintain(self.now, &mut self.rng);
            common.extend(self.begin(initiator, BundleChoice::Fresh));
            self.talk(initiator, common[0]);
        }
        for session in &common {
            self.talk(Side::Alice, *session);
            self.talk(Side::Bob, *session);
        }
        self.heals(common[common.len() - 1]);
    }

    /// In suite 2 they complete one more epoch together.
    fn heals(&mut self, session: usize) {
        let sides = [Side::Alice, Side::Bob];
        let completed =
            |network: &mut Self| sides.map(|side| network.end(side, session).completed());
        let [Some(hers), Some(his)] = completed(self) else {
            return;
        };
        assert!(hers.abs_diff(his) <= 1, "one side is more than an epoch ahead");
        for _ in 0..EXCHANGES {
            for side in sides {
                self.end(side, session).ask();
                self.talk_at_length(side, session, ROOMY);
            }
            if completed(self).iter().all(|completed| *completed > Some(hers.max(his))) {
                return;
            }
        }
        panic!("no epoch completes");
    }

    /// Begins a session by a bundle of the other side's. Says which it is, if the bundle still holds.
    pub fn begin(&mut self, by: Side, choice: BundleChoice) -> Option<usize> {
        let peer = &mut self.people[by.other().place()];
        let bytes = peer.bundle(choice);
        let device = peer.account.device();
        let (signed_part, _) = formats::bundle(&bytes).expect("a bundle");
        let bundle = PreKeyBundle::decode(&bytes).expect("a bundle").verify(self.now);
        if self.now >= Timestamp::from_unix_seconds(signed_part.expires) {
            assert_eq!(bundle, Err(VerifyError::Expired));
            return None;
        }
        let bundle = bundle.expect("a genuine bundle that holds");
        let person = &mut self.people[by.place()];
        let session = person.account.initiate(&bundle, &mut self.rng).expect("strong keys");
        assert_eq!((session.peer(), session.role()), (&device, Role::Initiator));
        let number = self.sessions.len();
        self.sessions.push(Begun { initiator: by, id: session.id(), is_accepted: false });
        person.ends.insert(number, End::initiator(session));
        Some(number)
    }

    /// Sends a message that must open.
    pub fn talk(&mut self, by: Side, session: usize) {
        self.talk_at_length(by, session, 5);
    }

    fn talk_at_length(&mut self, by: Side, session: usize, size: u8) {
        self.send(by, session, size);
        let bytes = self.messages.last().map(|sent| sent.message.bytes.clone());
        let has_opened = self.deliver(by.other(), &bytes.expect("it was sent"), AD, self.now);
        assert!(has_opened, "the two do not understand each other");
    }

    fn send(&mut self, by: Side, session: usize, size: u8) {
        let payload = payload(self.messages.len(), size);
        let end = self.people[by.place()].ends.get_mut(&session).expect("the side has it");
        let message = end.send(payload, &mut self.rng);
        self.messages.push(Sent { by, session, message, has_opened: false });
    }

    fn tamper(&mut self, place: usize, how: Tampering) {
        let sent = &self.messages[place];
        let other = |which| {
            let place = self.place(which).expect("there is a message");
            self.messages[place].message.bytes.as_slice()
        };
        let bytes = tamper(&sent.message.bytes, how, other);
        let (from, to) = (sent.by, sent.by.other());
        match how {
            Tampering::ToAccount => self.offer_to_account(to, &bytes, AD, self.now),
            Tampering::Reflect => self.deliver(from, &bytes, AD, self.now),
            Tampering::OtherAd => self.deliver(to, &bytes, b"other data", self.now),
            Tampering::FlipBit { .. }
            | Tampering::Truncate { .. }
            | Tampering::Extend { .. }
            | Tampering::SpliceRest { .. }
            | Tampering::SpliceCiphertext { .. }
            | Tampering::OtherKind { .. } => self.deliver(to, &bytes, AD, self.now),
        };
    }

    /// Offers bytes to the sessions of a side, the newest first, and at last to its account. Says whether
    /// they have opened.
    fn deliver(&mut self, to: Side, bytes: &[u8], ad: &[u8], now: Timestamp) -> bool {
        let genuine = self.genuine(to, bytes, ad);
        let mut is_of_no_session = true;
        for (session, end) in self.people[to.place()].ends.iter_mut().rev() {
            let origin = match genuine.map(|place| &self.messages[place]) {
                None => Origin::Forged,
                Some(sent) if sent.session == *session => Origin::Genuine(&sent.message),
                Some(_) => Origin::OtherSession { is_initial: bytes[0] == 0x11 },
            };
            match end.decrypt(bytes, ad, now, origin) {
                Ok(()) => {
                    self.opens(genuine.expect("only what is genuine opens"));
                    return true;
                }
                Err(DecryptError::OtherSession) => {}
                Err(DecryptError::Undecryptable) => is_of_no_session = false,
                Err(_) => return false,
            }
        }
        is_of_no_session && self.offer_to_account(to, bytes, ad, now)
    }

    /// Offers bytes to the account of a side. Says whether they have made a session.
    fn offer_to_account(&mut self, to: Side, bytes: &[u8], ad: &[u8], now: Timestamp) -> bool {
        let foretold = self.genuine(to, bytes, ad).map(|place| (place, self.foretold(place)));
        let answer = self.people[to.place()].accept(bytes, ad, now);
        match foretold {
            None => assert!(answer.is_err(), "a forgery makes a session"),
            Some((_, Err(expected))) => assert_eq!(answer.err(), Some(expected)),
            Some((place, Ok(()))) => {
                self.accepts(place, answer.expect("a message that must make a session"), now);
                return true;
            }
        }
        false
    }

    /// What the account of its receiver must say to a message.
    fn foretold(&self, place: usize) -> Result<(), AcceptError> {
        let Sent { by, session, message, .. } = &self.messages[place];
        let read = formats::message(&message.bytes).expect("a message");
        let handshake = read.handshake.ok_or(AcceptError::NoSession)?;
        let is_repeated = self.sessions[*session].is_accepted;
        self.people[by.other().place()].prekeys.find(&handshake, is_repeated)
    }

    /// Notes the session that a message has made.
    fn accepts(&mut self, place: usize, accepted: Accepted, now: Timestamp) {
        let Sent { by, session: number, message, .. } = &self.messages[place];
        let begun = &mut self.sessions[*number];
        assert!(!begun.is_accepted, "a handshake counts twice");
        begun.is_accepted = true;
        let session = &accepted.session;
        assert_eq!((session.id(), begun.initiator), (begun.id, *by));
        assert_eq!(session.peer(), &self.people[by.place()].account.device());
        self.people[by.other().place()].accepts(*number, message, accepted, now);
        self.opens(place);
    }

    fn opens(&mut self, place: usize) {
        let sent = &mut self.messages[place];
        assert!(!sent.has_opened, "a message opens twice");
        sent.has_opened = true;
    }

    /// The place of the message that these bytes are, if they were sent to this side.
    fn genuine(&self, to: Side, bytes: &[u8], ad: &[u8]) -> Option<usize> {
        let is_it = |sent: &Sent| sent.by != to && sent.message.bytes == bytes && ad == AD;
        self.messages.iter().position(is_it)
    }

    /// The place of a message, counted from the newest.
    fn place(&self, which: u8) -> Option<usize> {
        let which = usize::from(which).checked_rem(self.messages.len())?;
        Some(self.messages.len() - 1 - which)
    }

    fn end(&mut self, by: Side, session: usize) -> &mut End {
        self.people[by.place()].ends.get_mut(&session).expect("the side has it")
    }

    /// A session that a side has, counted from the newest.
    fn session_of(&self, side: Side, which: u8) -> Option<usize> {
        let ends = &self.people[side.place()].ends;
        let which = usize::from(which).checked_rem(ends.len())?;
        ends.keys().rev().nth(which).copied()
    }
}

fn chosen_limits(choice: LimitsChoice) -> SessionLimits {
    let LimitsChoice { max_skip, max_held_keys, max_older_chains, lifetime_days } = choice;
    let mut limits = SessionLimits::default();
    limits.max_skip = max_skip.into();
    limits.max_held_keys = max_held_keys.into();
    limits.max_older_chains = max_older_chains.into();
    limits.held_key_lifetime = DAY * u32::from(lifetime_days);
    limits
}
