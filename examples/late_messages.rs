//! A bad network: messages are lost, late and repeated, and the conversation goes on. With bare sessions, to show what is
//! inside; an application begins with `Peer`, as in `quickstart`.

use std::error::Error;
use std::time::Duration;

use evanesce::server::PublishedPreKeys;
use evanesce::session::DecryptError;
use evanesce::{Account, Address, Payload, PreKeyBundle, Timestamp};
use rand_chacha::{ChaCha20Rng, rand_core::SeedableRng};

fn main() -> Result<(), Box<dyn Error>> {
    let rng = &mut ChaCha20Rng::seed_from_u64(7);
    let now = Timestamp::from_unix_seconds(1_800_000_000);
    let alice = Account::generate(Address::new("user-17/device-1")?, now, rng);
    let mut bob = Account::generate(Address::new("user-23/device-1")?, now, rng);
    let upload = bob.maintain(None, now, rng).upload.ok_or("nothing to publish")?;
    let bundle = PreKeyBundle::decode(&PublishedPreKeys::new(upload).hand_out())?.verify(now)?;
    let mut alices = alice.initiate(&bundle, rng)?;

    // Alice writes four times before Bob is online. The first three are under way for long: each
    // initial message carries the handshake, so any of them can be the first to arrive.
    let mut letters = Vec::new();
    for number in 0..4 {
        letters.push(alices.encrypt(&Payload::new(format!("letter {number}")), b"", rng)?);
    }
    let accepted = bob.accept(&letters[3], b"", now)?;
    let mut bobs = accepted.session;
    println!("First to arrive: {}", String::from_utf8_lossy(&accepted.received.body));
    println!("Bob keeps {} keys for those before it.", bobs.held_keys());

    // The others come in any order, some of them twice.
    for letter in [&letters[1], &letters[0], &letters[1]] {
        match bobs.decrypt(letter, b"", now) {
            Ok(received) => println!("Late: {}", String::from_utf8_lossy(&received.body)),
            Err(DecryptError::Duplicate) => println!("Seen before, and not shown again."),
            Err(refusal) => return Err(refusal.into()),
        }
    }

    // A turn begins a new chain. A message of the old one still opens afterwards.
    let answer = bobs.encrypt(&Payload::new("got your letters"), b"", rng)?;
    alices.decrypt(&answer, b"", now)?;
    let next = alices.encrypt(&Payload::new("letter 4, a new chain"), b"", rng)?;
    println!("On time: {}", String::from_utf8_lossy(&bobs.decrypt(&next, b"", now)?.body));
    println!("Late: {}", String::from_utf8_lossy(&bobs.decrypt(&letters[2], b"", now)?.body));

    // Far too many are lost: only the last 1,000 keys of the gap are kept, which is reported.
    let mut many = Vec::new();
    for number in 0..3_000 {
        many.push(alices.encrypt(&Payload::new(format!("number {number}")), b"", rng)?);
    }
    let received = bobs.decrypt(&many[2_999], b"", now)?;
    println!("After a gap of 2,999: {}", String::from_utf8_lossy(&received.body));
    println!("{} keys were too many, {} are held.", received.dropped_keys, bobs.held_keys());
    println!("One of the first: {}.", refusal(bobs.decrypt(&many[0], b"", now).err())?);

    // What is held does not stay for ever.
    let later = now.plus(Duration::from_secs(31 * 86_400));
    println!(
        "One of the last, a month later: {}.",
        refusal(bobs.decrypt(&many[2_998], b"", later).err())?
    );

    // No loss ends the session.
    let last = alices.encrypt(&Payload::new("still here"), b"", rng)?;
    let received = bobs.decrypt(&last, b"", later)?;
    println!("And on it goes: {}", String::from_utf8_lossy(&received.body));
    println!("{} old keys were dropped with it.", received.dropped_keys);
    Ok(())
}

fn refusal(error: Option<DecryptError>) -> Result<String, &'static str> {
    error.map(|error| error.to_string()).ok_or("it was opened after all")
}
