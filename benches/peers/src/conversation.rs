//! The rows of every library that has sessions: which messages are sent, lost and late is the same for all.

use std::rc::Rc;

use crate::contender::{Contender, Entry, Remark, Sizes, StateSizes};
use crate::row::{Group, Handling, Hybrid, MANY, People, Row, SMALL};
use crate::work::{Stretches, Work, repeated};

/// How many messages of a chain are timed on one session, then it begins anew: what is to be decrypted
/// lies ready in memory.
const CHAIN: usize = 200;

/// At most so many bytes of them.
const CHAIN_BYTES: usize = 1 << 20;

/// How many sessions are made ready at a time that serve for one message each.
const SESSIONS: usize = 32;

/// How many late messages are timed on one session among many held keys.
const LATE: usize = 16;

/// A library whose sessions encrypt and decrypt.
pub trait Library: Sized + 'static {
    type Session;
    type Plaintext;
    type Message;

    const NAME: &'static str;

    /// How many messages may be lost in a row, so that the next one still opens.
    const WIDEST_GAP: usize;

    /// What counts as a plaintext of so many bytes.
    fn plaintext(&self, size: usize) -> Self::Plaintext;
    fn text(plaintext: &Self::Plaintext) -> &[u8];

    /// Alice and Bob after a message and its answer.
    fn first_exchange(&self) -> (Self::Session, Self::Session);

    /// The same session once more; nothing if the library cannot do that.
    fn copy(session: &Self::Session) -> Option<Self::Session>;

    fn encrypt(&self, session: &mut Self::Session, plaintext: &Self::Plaintext) -> Self::Message;
    fn decrypt(&self, session: &mut Self::Session, message: &Self::Message) -> Option<Vec<u8>>;

    /// Bytes of a message as the library has it, without what would have to join its parts.
    fn length(message: &Self::Message) -> usize;

    fn remark(&self, row: Row) -> Remark;

    /// Why it cannot do a row although it has the operation. Told beforehand, since some panic.
    fn refusal(&self, _row: Row) -> Option<&'static str> {
        None
    }

    /// How much longer than its plaintext the message is that carries a handshake.
    fn first_message_overhead(&self) -> Option<usize> {
        None
    }

    /// Bytes of a session in a store, sealed if the library does that.
    fn stored_length(&self, _session: &Self::Session) -> Option<usize> {
        None
    }

    fn size_note(&self) -> Option<&'static str> {
        None
    }

    fn initiate(self: Rc<Self>) -> Option<Box<dyn Work>> {
        None
    }

    fn accept(self: Rc<Self>) -> Option<Box<dyn Work>> {
        None
    }

    fn decrypt_from_sealed_state(self: Rc<Self>) -> Option<Box<dyn Work>> {
        None
    }

    fn decrypt_from_plain_state(self: Rc<Self>) -> Option<Box<dyn Work>> {
        None
    }

    fn hybrid(self: Rc<Self>, _operation: Hybrid) -> Option<Box<dyn Work>> {
        None
    }

    fn epochs_messages(self: Rc<Self>) -> Option<Box<dyn Work>> {
        None
    }

    fn file(self: Rc<Self>, _handling: Handling) -> Option<Box<dyn Work>> {
        None
    }

    fn people(self: Rc<Self>, _operation: People) -> Option<Box<dyn Work>> {
        None
    }

    fn group(self: Rc<Self>, _operation: Group) -> Option<Box<dyn Work>> {
        None
    }
}

/// A library, taking part.
pub struct Conversations<L>(Rc<L>);

/// What a timed session finds when it begins.
pub struct Scene<L: Library> {
    /// Whose work is timed.
    actor: L::Session,
    other: L::Session,
    /// What the actor has to decrypt.
    messages: Rc<[L::Message]>,
}

impl<L: Library> Conversations<L> {
    pub fn new(library: L) -> Self {
        Self(Rc::new(library))
    }

    fn entry(&self, row: Row, work: impl FnOnce(Rc<L>) -> Option<Box<dyn Work>>) -> Entry {
        if let Some(reason) = self.0.refusal(row) {
            return Entry::Refuses(reason);
        }
        match work(Rc::clone(&self.0)) {
            Some(work) => Entry::Runs { work, remark: self.0.remark(row) },
            None => Entry::Absent,
        }
    }
}

impl<L: Library> Contender for Conversations<L> {
    fn name(&self) -> &'static str {
        L::NAME
    }

    fn encrypt(&self, size: usize) -> Entry {
        self.entry(Row::Encrypt { size }, |library| {
            Some(encrypting(library, size, |library| {
                let (actor, other) = in_a_chain(library);
                Scene { actor, other, messages: [].into() }
            }))
        })
    }

    fn decrypt(&self, size: usize) -> Entry {
        self.entry(Row::Decrypt { size }, |library| {
            Some(decrypting(library, size, (chain(size), 1), move |library| {
                let (mut other, actor) = in_a_chain(library);
                let plaintext = library.plaintext(size);
                let messages = (0..chain(size)).map(|_| library.encrypt(&mut other, &plaintext));
                let messages = messages.collect();
                Scene { actor, other, messages }
            }))
        })
    }

    fn decrypt_with_ratchet_step(&self) -> Entry {
        self.entry(Row::DecryptWithRatchetStep, |library| {
            Some(decrypting(library, SMALL, (1, SESSIONS), |library| {
                let (mut other, actor) = library.first_exchange();
                let messages = [small(library, &mut other)].into();
                Scene { actor, other, messages }
            }))
        })
    }

    fn ping_pong(&self) -> Entry {
        self.entry(Row::PingPong, |library| Some(exchanging(library)))
    }

    fn initiate(&self) -> Entry {
        self.entry(Row::Initiate, L::initiate)
    }

    fn accept(&self) -> Entry {
        self.entry(Row::Accept, L::accept)
    }

    fn decrypt_after_gap(&self, lost: usize) -> Entry {
        self.entry(Row::DecryptAfterGap { lost }, |library| {
            Some(decrypting(library, SMALL, (1, SESSIONS), move |library| {
                let (mut other, actor) = in_a_chain(library);
                lose(library, &mut other, lost);
                let messages = [small(library, &mut other)].into();
                Scene { actor, other, messages }
            }))
        })
    }

    fn decrypt_late(&self, held: usize) -> Entry {
        self.entry(Row::DecryptLate { held }, |library| {
            let late = held.min(LATE);
            let at_once = SESSIONS / late;
            Some(decrypting(library, SMALL, (late, at_once), move |library| {
                let (other, actor, mut missing) = holding(library, held);
                // From the middle, where finding a key is hardest.
                let first = (held - late) / 2;
                let messages = missing.drain(first..first + late).collect();
                Scene { actor, other, messages }
            }))
        })
    }

    fn encrypt_holding(&self, held: usize) -> Entry {
        self.entry(Row::EncryptHolding { held }, |library| {
            Some(encrypting(library, SMALL, move |library| {
                let (mut other, mut actor, _) = holding(library, held);
                // Bob's chain begins here, so that what is timed has no ratchet step in it.
                deliver(library, &mut actor, &mut other);
                Scene { actor, other, messages: [].into() }
            }))
        })
    }

    fn decrypt_from_sealed_state(&self) -> Entry {
        self.entry(Row::DecryptFromSealedState, L::decrypt_from_sealed_state)
    }

    fn decrypt_from_plain_state(&self) -> Entry {
        self.entry(Row::DecryptFromPlainState, L::decrypt_from_plain_state)
    }

    fn hybrid(&self, operation: Hybrid) -> Entry {
        self.entry(Row::Hybrid(operation), |library| library.hybrid(operation))
    }

    fn epochs_messages(&self) -> Entry {
        self.entry(Row::EpochsMessages, L::epochs_messages)
    }

    fn file(&self, handling: Handling) -> Entry {
        self.entry(Row::File(handling), |library| library.file(handling))
    }

    fn people(&self, operation: People) -> Entry {
        self.entry(Row::People(operation), |library| library.people(operation))
    }

    fn group(&self, operation: Group) -> Entry {
        self.entry(Row::Group(operation), |library| library.group(operation))
    }

    fn sizes(&self) -> Option<Sizes> {
        let library = &*self.0;
        let (_, fresh) = library.first_exchange();
        let (_, steady) = after_ten_rounds(library);
        let (mut alice, receiving) = receiving(library);
        let message = L::length(&small(library, &mut alice)) - SMALL;
        let first_message = library.first_message_overhead();
        let note = library.size_note();
        Some(Sizes {
            states: state_sizes(library, [fresh, steady, receiving]),
            message,
            first_message,
            note,
        })
    }
}

fn state_sizes<L: Library>(library: &L, sessions: [L::Session; 3]) -> Option<StateSizes> {
    let [fresh, steady, receiving] = sessions.map(|session| library.stored_length(&session));
    let holds = library.refusal(Row::DecryptLate { held: MANY }).is_none();
    let holding = || library.stored_length(&holding(library, MANY).1);
    Some(StateSizes {
        fresh: fresh?,
        steady: steady?,
        receiving: receiving?,
        holding: holds.then(holding).flatten(),
    })
}

/// Two who have just begun, after a message and its answer.
pub fn exchanged<L: Library>(
    library: &L,
    mut alice: L::Session,
    mut bob: L::Session,
) -> (L::Session, L::Session) {
    deliver(library, &mut alice, &mut bob);
    deliver(library, &mut bob, &mut alice);
    (alice, bob)
}

fn after_ten_rounds<L: Library>(library: &L) -> (L::Session, L::Session) {
    let (mut alice, mut bob) = library.first_exchange();
    for _ in 0..10 {
        deliver(library, &mut alice, &mut bob);
        deliver(library, &mut bob, &mut alice);
    }
    (alice, bob)
}

/// Alice and Bob some rounds later, in a chain of Alice's.
fn receiving<L: Library>(library: &L) -> (L::Session, L::Session) {
    let (mut alice, mut bob) = after_ten_rounds(library);
    deliver(library, &mut alice, &mut bob);
    (alice, bob)
}

/// Restores, decrypts and stores, each time from the same bytes.
pub fn turning<L: Library, State: 'static>(
    library: Rc<L>,
    store: impl FnOnce(&L, &L::Session) -> State,
    turn: impl Fn(&L, &State, &L::Message) -> (Vec<u8>, State) + 'static,
) -> Box<dyn Work> {
    let (mut alice, bob) = receiving(&*library);
    let plaintext = library.plaintext(SMALL);
    let message = library.encrypt(&mut alice, &plaintext);
    let state = store(&library, &bob);
    repeated(
        CHAIN,
        move |_| turn(&library, &state, &message),
        move |(text, _)| assert_eq!(text, L::text(&plaintext)),
    )
}

fn encrypting<L: Library>(
    library: Rc<L>,
    size: usize,
    make: impl Fn(&L) -> Scene<L> + 'static,
) -> Box<dyn Work> {
    let plaintext = Rc::new(library.plaintext(size));
    let (expected, checking) = (Rc::clone(&plaintext), Rc::clone(&library));
    Box::new(Stretches {
        uses: chain(size),
        at_once: 1,
        prepare: scenes(Rc::clone(&library), make),
        operate: move |scene: &mut Scene<L>, _| library.encrypt(&mut scene.actor, &plaintext),
        check: move |scene: &mut Scene<L>, message| {
            let text = checking.decrypt(&mut scene.other, &message);
            assert_eq!(text.as_deref(), Some(L::text(&expected)));
        },
    })
}

/// `(uses, at_once)`: as in [`Stretches`].
fn decrypting<L: Library>(
    library: Rc<L>,
    size: usize,
    (uses, at_once): (usize, usize),
    make: impl Fn(&L) -> Scene<L> + 'static,
) -> Box<dyn Work> {
    let expected = library.plaintext(size);
    Box::new(Stretches {
        uses,
        at_once,
        prepare: scenes(Rc::clone(&library), make),
        operate: move |scene: &mut Scene<L>, number| {
            library.decrypt(&mut scene.actor, &scene.messages[number]).expect("it opens")
        },
        check: move |_: &mut Scene<L>, text| assert_eq!(text, L::text(&expected)),
    })
}

fn exchanging<L: Library>(library: Rc<L>) -> Box<dyn Work> {
    let plaintext = Rc::new(library.plaintext(SMALL));
    let expected = Rc::clone(&plaintext);
    Box::new(Stretches {
        uses: CHAIN,
        at_once: 1,
        prepare: scenes(Rc::clone(&library), |library| {
            let (actor, other) = library.first_exchange();
            Scene { actor, other, messages: [].into() }
        }),
        operate: move |Scene { actor, other, .. }: &mut Scene<L>, _| {
            let message = library.encrypt(actor, &plaintext);
            let there = library.decrypt(other, &message).expect("it opens");
            let message = library.encrypt(other, &plaintext);
            (there, library.decrypt(actor, &message).expect("it opens"))
        },
        check: move |_: &mut Scene<L>, (there, back)| {
            assert_eq!(there, L::text(&expected));
            assert_eq!(back, L::text(&expected));
        },
    })
}

/// The same scene again and again: copied where the library can, else made anew.
fn scenes<L: Library>(
    library: Rc<L>,
    make: impl Fn(&L) -> Scene<L> + 'static,
) -> impl FnMut() -> Scene<L> + 'static {
    let kept = make(&library);
    move || match (L::copy(&kept.actor), L::copy(&kept.other)) {
        (Some(actor), Some(other)) => Scene { actor, other, messages: Rc::clone(&kept.messages) },
        (None, _) | (_, None) => make(&library),
    }
}

/// Alice and Bob when Alice has begun a chain and Bob has its first message.
fn in_a_chain<L: Library>(library: &L) -> (L::Session, L::Session) {
    let (mut alice, mut bob) = library.first_exchange();
    deliver(library, &mut alice, &mut bob);
    (alice, bob)
}

/// Alice, and Bob who waits for so many messages of hers, and those messages. They are lost in as few
/// gaps as the library takes.
fn holding<L: Library>(library: &L, held: usize) -> (L::Session, L::Session, Vec<L::Message>) {
    let (mut alice, mut bob) = receiving(library);
    let mut missing = Vec::with_capacity(held);
    while missing.len() < held {
        let gap = (held - missing.len()).min(L::WIDEST_GAP);
        missing.extend(lose(library, &mut alice, gap));
        deliver(library, &mut alice, &mut bob);
    }
    (alice, bob, missing)
}

fn lose<L: Library>(library: &L, from: &mut L::Session, count: usize) -> Vec<L::Message> {
    (0..count).map(|_| small(library, from)).collect()
}

fn small<L: Library>(library: &L, from: &mut L::Session) -> L::Message {
    library.encrypt(from, &library.plaintext(SMALL))
}

fn deliver<L: Library>(library: &L, from: &mut L::Session, to: &mut L::Session) {
    let message = small(library, from);
    library.decrypt(to, &message).expect("it opens");
}

/// How many messages of this size are timed on one session.
pub fn chain(size: usize) -> usize {
    CHAIN.min(CHAIN_BYTES / size)
}
