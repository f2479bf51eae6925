//! Conversations to serve: a hundred real ones, each of which stands in many rows.
//!
//! What a message costs does not depend on whose it is, and a million handshakes would take half an hour. So row number
//! `n` goes on with conversation `n % TEMPLATES`, in its own time: the peer's next message is the same for all of them, and
//! so is our answer, since what it draws is. Each row has a state of its own, in memory and in the store. They begin at
//! different places, so that at any number of rows some are between epochs and others within one.

use evanesce::server::PublishedPreKeys;
use evanesce::{Account, Address, Payload, Peer, PreKeyBundle, Timestamp};
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::SeedableRng;

/// How many conversations are held for real.
const TEMPLATES: usize = 100;

/// How far each goes on: more than any row comes to.
const STEPS: usize = 240;

/// At how many places rows begin, and how far these lie from each other.
const PLACES: usize = 10;
const APART: usize = 8;

/// Of so many messages one is our answer, and the next one of the peer's begins a turn.
const TURN: usize = 4;

/// Beside this, what is said is as long as people write.
const BODY: &str = "See you at eight, at the corner where the bakery was. Bring the map.";

pub const NOW: Timestamp = Timestamp::from_unix_seconds(1_800_000_000);

/// What both sides bind their messages to.
pub const AD: &[u8] = b"a conversation";

/// What happens next in a conversation.
pub enum Step {
    /// This comes.
    Receive(Vec<u8>),
    /// We answer, and this is what comes of it.
    Send(Vec<u8>),
}

/// What is held on our side of a conversation, and how it goes on.
pub struct Conversation {
    /// As it was stored at the places where rows begin.
    pub snapshots: Vec<Vec<u8>>,
    pub steps: Vec<Step>,
}

/// All that a run needs: our account, conversations of its, and messages that begin further ones.
pub struct World {
    pub account: Vec<u8>,
    pub conversations: Vec<Conversation>,
    pub first_messages: Vec<Vec<u8>>,
}

impl World {
    /// With so many messages that begin a session.
    pub fn new(beginning: usize) -> Self {
        let rng = &mut ChaCha20Rng::seed_from_u64(1);
        let mut account = Account::generate(address("the server"), NOW, rng);
        let mut server = published(&mut account, rng);
        // Prekeys are topped up when a quarter is left of them, as a server is to do.
        let mut begin = |account: &mut Account, rng: &mut ChaCha20Rng| {
            let stock = server.stock();
            if let Some(upload) = account.maintain(Some(stock), NOW, rng).upload {
                let _ = account.mark_published(&upload);
                server.publish(upload);
            }
            let them = Account::generate(address("a user"), NOW, rng);
            let mut their_side = Peer::new(address("the server"));
            let bundle = PreKeyBundle::decode(&server.hand_out()).expect("of our own");
            let bundle = bundle.verify(NOW).expect("signed by ourselves");
            let _ = their_side.initiate(&them, bundle, NOW, rng).expect("nothing is in the way");
            (them, their_side)
        };
        let conversations = (0..TEMPLATES)
            .map(|number| {
                let (them, their_side) = begin(&mut account, rng);
                Conversation::held(number, &mut account, them, their_side, rng)
            })
            .collect();
        let first_messages =
            (0..beginning).map(|_| said(&mut begin(&mut account, rng).1, rng)).collect();
        Self { account: account.snapshot().to_vec(), conversations, first_messages }
    }

    /// The conversation that stands in this row.
    pub fn of(&self, row: usize) -> &Conversation {
        &self.conversations[row % self.conversations.len()]
    }

    /// At which of the places a row begins.
    pub fn place(row: usize) -> usize {
        row / TEMPLATES % PLACES
    }

    /// Which step of its conversation a row begins with.
    pub fn first_step(row: usize) -> usize {
        Self::place(row) * APART
    }

    pub fn account(&self) -> Account {
        Account::restore(&self.account).expect("as it was stored")
    }
}

impl Conversation {
    /// Goes on until the first epoch is over, and writes down what happens after it and how things stand now and then.
    fn held(
        number: usize,
        account: &mut Account,
        mut them: Account,
        mut their_side: Peer,
        rng: &mut ChaCha20Rng,
    ) -> Self {
        let mut ours = Peer::new(address("a user"));
        let first = said(&mut their_side, rng);
        let _ = ours.decrypt(account, &first, AD, NOW).expect("it was made for us");
        let _ = ours.accept_request();
        while ours.epochs().is_none_or(|epochs| epochs.completed == 0) {
            for _ in 0..TURN {
                let answer = said(&mut ours, rng);
                let _ = their_side.decrypt(&mut them, &answer, AD, NOW).expect("in its order");
            }
            for _ in 0..TURN {
                let message = said(&mut their_side, rng);
                let _ = ours.decrypt(account, &message, AD, NOW).expect("in its order");
            }
        }
        let mut snapshots = Vec::new();
        let steps = (0..STEPS).map(|step| {
            if step.is_multiple_of(APART) && snapshots.len() < PLACES {
                snapshots.push(ours.snapshot().to_vec());
            }
            if (number + step).is_multiple_of(TURN) {
                let answer = answered(&mut ours, number, step);
                let _ = their_side.decrypt(&mut them, &answer, AD, NOW).expect("in its order");
                Step::Send(answer)
            } else {
                let message = said(&mut their_side, rng);
                let _ = ours.decrypt_established(&message, AD, NOW).expect("in its order");
                Step::Receive(message)
            }
        });
        let steps = steps.collect();
        Self { snapshots, steps }
    }
}

/// Our answer at this step: what it draws is the same in each row.
pub fn answered(ours: &mut Peer, row: usize, step: usize) -> Vec<u8> {
    let seed = (row % TEMPLATES * STEPS + step) as u64;
    said(ours, &mut ChaCha20Rng::seed_from_u64(seed))
}

fn said(from: &mut Peer, rng: &mut ChaCha20Rng) -> Vec<u8> {
    from.encrypt(&Payload::new(BODY), AD, NOW, rng).expect("it has a session").message
}

pub fn address(name: &str) -> Address {
    Address::new(name).expect("short")
}

fn published(account: &mut Account, rng: &mut ChaCha20Rng) -> PublishedPreKeys {
    let upload = account.maintain(None, NOW, rng).upload.expect("of a new account");
    let _ = account.mark_published(&upload);
    PublishedPreKeys::new(upload)
}
