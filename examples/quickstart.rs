//! Two strangers' devices meet, talk, lose a message, and refuse a forgery: with bare sessions, to show what
//! is inside. An application begins with `Peer`, as in `examples/restart`.

use std::error::Error;

use evanesce::server::PublishedPreKeys;
use evanesce::{Account, Address, Payload, PreKeyBundle, SafetyNumber, Timestamp};
use rand_chacha::{ChaCha20Rng, rand_core::SeedableRng};

/// What both sides bind every message to; here, the name of the conversation.
const AD: &[u8] = b"alice and bob";

fn main() -> Result<(), Box<dyn Error>> {
    // An application takes its operating system's generator and clock; this story must repeat.
    let rng = &mut ChaCha20Rng::seed_from_u64(2026);
    let now = Timestamp::from_unix_seconds(1_800_000_000);

    // Each device makes an account once. Bob publishes, and goes offline.
    let alice = Account::generate(Address::new("alice@example/laptop")?, now, rng);
    let mut bob = Account::generate(Address::new("bob@example/phone")?, now, rng);
    let upload =
        bob.maintain(None, now, rng).upload.ok_or("a new account has something to publish")?;
    let _changes = bob.mark_published(&upload);
    let mut server = PublishedPreKeys::new(upload);
    println!("Bob publishes {} one-time prekeys.", server.one_time_prekeys_left());

    // Alice takes a bundle, verifies it, and writes. Bob need not be there.
    let bundle = PreKeyBundle::decode(&server.hand_out())?.verify(now)?;
    let mut alices = alice.initiate(&bundle, rng)?;
    let hello = alices.encrypt(&Payload::new("Hello Bob, it is Alice."), AD, rng)?;
    println!("Alice sends {} bytes.", hello.len());

    // Bob's session is made by the message that opens, and only by that.
    let accepted = bob.accept(&hello, AD, now)?;
    let mut bobs = accepted.session;
    println!("Bob hears from {}: {}", bobs.peer().address, text(&accepted.received.body));
    let answer = bobs.encrypt(&Payload::new("Hello Alice."), AD, rng)?;
    println!("Alice hears: {}", text(&alices.decrypt(&answer, AD, now)?.body));

    // Three messages; one is lost, one is late.
    let late = alices.encrypt(&Payload::new("one, the slow way"), AD, rng)?;
    let _lost = alices.encrypt(&Payload::new("two, lost for ever"), AD, rng)?;
    let quick = alices.encrypt(&Payload::new("three, at once"), AD, rng)?;
    println!("Bob hears: {}", text(&bobs.decrypt(&quick, AD, now)?.body));
    println!("Bob holds {} keys for messages that have not come.", bobs.held_keys());
    println!("Bob hears: {}", text(&bobs.decrypt(&late, AD, now)?.body));

    // Somebody on the way changes one bit, and sends an old message again.
    let noon = alices.encrypt(&Payload::new("Meet me at noon."), AD, rng)?;
    let mut forged = noon.clone();
    forged.last_mut().map(|byte| *byte ^= 1).ok_or("a message has bytes")?;
    let refusal = bobs.decrypt(&forged, AD, now).err().ok_or("a forgery was opened")?;
    println!("Bob refuses a forgery: {refusal}.");
    let refusal = bobs.decrypt(&quick, AD, now).err().ok_or("a repetition was opened")?;
    println!("Bob refuses a repetition: {refusal}.");
    println!("Nothing has changed, and Bob hears: {}", text(&bobs.decrypt(&noon, AD, now)?.body));

    // In the same room, they compare what their screens show.
    let alices_number = SafetyNumber::between(&alice.device(), alices.peer());
    let bobs_number = SafetyNumber::between(&bob.device(), bobs.peer());
    println!("Both screens show: {alices_number}");
    bobs_number.verify_scanned(&alices_number.scannable())?;
    println!("Bob scans Alice's code: it is really she.");
    Ok(())
}

fn text(body: &[u8]) -> String {
    String::from_utf8_lossy(body).into_owned()
}
