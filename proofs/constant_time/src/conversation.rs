//! The case of the public interface: two devices that draw nothing but secrets, up to the messages that
//! one sends.
//!
//! What the other does with them branches on what it has decoded, from the length of an address on. So
//! receiving is measured in parts: [`primitives`](crate::primitives).

use evanesce::server::{PreKeyUpload, PublishedPreKeys};
use evanesce::session::Session;
use evanesce::{Account, Address, Payload, PreKeyBundle, Timestamp};

use crate::draws::Draws;
use crate::measure::{Case, Conceal, Output};
use crate::memcheck;

pub const CASES: &[Case] = &[Case { name: "conversation, the sending side", run: sending }];

/// What each message ends with: sealed header, commitment, the shortest text and its tag. What stands
/// before it is partly public.
const SEALED_LENGTH: usize = 56 + 32 + 64 + 16;

const NOW: Timestamp = Timestamp::from_unix_seconds(1_800_000_000);

fn account(name: &str, rng: &mut Draws) -> Account {
    Account::generate(Address::new(name).expect("it has a few bytes"), NOW, rng)
}

/// What Bob publishes is public: keys and a signature.
fn upload(bob: &mut Account, rng: &mut Draws) -> Vec<u8> {
    let upload =
        bob.maintain(None, NOW, rng).upload.expect("a new account has something to publish");
    let mut bytes = upload.encode();
    memcheck::reveal(&mut bytes);
    bytes
}

fn initiate(alice: &Account, upload: &[u8], rng: &mut Draws) -> Session {
    let mut server = PublishedPreKeys::new(PreKeyUpload::decode(upload).expect("it is ours"));
    let bundle = PreKeyBundle::decode(&server.hand_out()).expect("it is the server's");
    let bundle = bundle.verify(NOW).expect("it is signed");
    alice.initiate(&bundle, rng).expect("no key is weak")
}

fn sending(conceal: Conceal) -> Output {
    let rng = &mut Draws::new(conceal);
    let alice = account("alice", rng);
    let mut bob = account("bob", rng);
    let mut session = initiate(&alice, &upload(&mut bob, rng), rng);
    let mut output = Vec::new();
    for _ in 0..2 {
        let mut body = b"hello".to_vec();
        conceal(&mut body);
        let message = session.encrypt(&Payload::new(body), b"ad", rng).expect("a chain has room");
        output.extend_from_slice(&message[message.len() - SEALED_LENGTH..]);
    }
    Output::StillSecret(output)
}
