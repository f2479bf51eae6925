//! Two people's devices meet and talk; a message is lost, another forged; a session is begun anew; safety numbers.

use std::error::Error;

use evanesce::rand_core::CryptoRng;
use evanesce::server::PublishedPreKeys;
use evanesce::{Account, Address, Payload, Peer, PreKeyBundle, SafetyNumber, Timestamp};
use rand_chacha::{ChaCha20Rng, rand_core::SeedableRng};

/// What both sides bind every message to. They have one conversation, so there is nothing to name.
const AD: &[u8] = b"";

fn main() -> Result<(), Box<dyn Error>> {
    // An application takes its operating system's generator and clock; this story must repeat.
    let rng = &mut ChaCha20Rng::seed_from_u64(2026);
    let now = Timestamp::from_unix_seconds(1_800_000_000);

    // Each device makes an account once, and publishes. An application stores what calls say has changed, before
    // anything leaves and before an arrival is acknowledged; nothing is stored here.
    let mut alice = Account::generate(Address::new("user-17/device-1")?, now, rng);
    let mut bob = Account::generate(Address::new("user-23/device-1")?, now, rng);
    let mut alices_server = published(&mut alice, now, rng)?;
    let mut bobs_server = published(&mut bob, now, rng)?;
    println!("Bob publishes {} one-time prekeys.", bobs_server.one_time_prekeys_left());

    // Alice takes a bundle, verifies it, and writes. Bob need not be there.
    let mut bobs_phone = Peer::new(Address::new("user-23/device-1")?);
    let bundle = PreKeyBundle::decode(&bobs_server.hand_out())?.verify(now)?;
    let _changes = bobs_phone.initiate(&alice, bundle, now, rng)?;
    let hello = bobs_phone.encrypt(&Payload::new("Hello Bob, it is Alice."), AD, now, rng)?;
    println!("Alice sends {} bytes.", hello.message.len());

    // Who writes first is a request. Bob reads it, accepts it, and answers.
    let mut alices_laptop = Peer::new(Address::new("user-17/device-1")?);
    let delivered = alices_laptop.decrypt(&mut bob, &hello.message, AD, now)?;
    println!("Somebody asks: {}", text(&delivered.received.body));
    let refusal = alices_laptop.encrypt(&Payload::new("Who?"), AD, now, rng).err();
    println!("Before Bob accepts, nothing is sent: {}.", refusal.ok_or("sent to a request")?);
    let _changes = alices_laptop.accept_request();
    let answer = alices_laptop.encrypt(&Payload::new("Hello Alice."), AD, now, rng)?;
    let delivered = bobs_phone.decrypt(&mut alice, &answer.message, AD, now)?;
    println!("Alice hears: {}", text(&delivered.received.body));

    // Three messages; one is lost, one is late.
    let late = bobs_phone.encrypt(&Payload::new("one, the slow way"), AD, now, rng)?;
    let _lost = bobs_phone.encrypt(&Payload::new("two, lost for ever"), AD, now, rng)?;
    let quick = bobs_phone.encrypt(&Payload::new("three, at once"), AD, now, rng)?;
    for sent in [&quick, &late] {
        let delivered = alices_laptop.decrypt(&mut bob, &sent.message, AD, now)?;
        println!("Bob hears: {}", text(&delivered.received.body));
    }

    // Somebody on the way changes one bit, and sends an old message again.
    let noon = bobs_phone.encrypt(&Payload::new("Meet me at noon."), AD, now, rng)?;
    let mut forged = noon.message.clone();
    forged.last_mut().map(|byte| *byte ^= 1).ok_or("a message has bytes")?;
    for message in [&forged, &quick.message] {
        let refusal = alices_laptop.decrypt(&mut bob, message, AD, now).err();
        println!("Bob refuses: {}.", refusal.ok_or("what was forged or repeated was opened")?);
    }
    let delivered = alices_laptop.decrypt(&mut bob, &noon.message, AD, now)?;
    println!("Nothing has changed, and Bob hears: {}", text(&delivered.received.body));

    // Bob puts back a backup (docs/guide.md, step 10). What it has of sessions is too old to go on from: he drops
    // them, and begins one anew.
    let _changes = alices_laptop.drop_sessions();
    println!("Bob's sessions are gone: {:?}.", alices_laptop.session_need(now));
    let bundle = PreKeyBundle::decode(&alices_server.hand_out())?.verify(now)?;
    let _changes = alices_laptop.initiate(&bob, bundle, now, rng)?;
    let again = alices_laptop.encrypt(&Payload::new("I am back."), AD, now, rng)?;
    let delivered = bobs_phone.decrypt(&mut alice, &again.message, AD, now)?;
    println!("Alice hears: {}", text(&delivered.received.body));
    if delivered.began_session {
        println!("It began a session: what she sent last may have to be sent again.");
    }
    let answer = bobs_phone.encrypt(&Payload::new("Welcome back."), AD, now, rng)?;
    let delivered = alices_laptop.decrypt(&mut bob, &answer.message, AD, now)?;
    println!("Bob hears: {}", text(&delivered.received.body));

    // In the same room, they compare what their screens show.
    let alices_view = bobs_phone.device().ok_or("no identity is pinned")?;
    let bobs_view = alices_laptop.device().ok_or("no identity is pinned")?;
    let alices_number = SafetyNumber::between(&alice.device(), &alices_view);
    let bobs_number = SafetyNumber::between(&bob.device(), &bobs_view);
    println!("Both screens show: {alices_number}");
    bobs_number.verify_scanned(&alices_number.scannable())?;
    println!("Bob scans Alice's code: it is really she.");
    Ok(())
}

/// What a device's server has once the device has published. It hands each one-time prekey out once.
fn published(
    account: &mut Account,
    now: Timestamp,
    rng: &mut impl CryptoRng,
) -> Result<PublishedPreKeys, Box<dyn Error>> {
    let upload =
        account.maintain(None, now, rng).upload.ok_or("a new account has something to publish")?;
    let _changes = account.mark_published(&upload);
    Ok(PublishedPreKeys::new(upload))
}

fn text(body: &[u8]) -> String {
    String::from_utf8_lossy(body).into_owned()
}
