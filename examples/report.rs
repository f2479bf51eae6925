//! A message is reported. The moderator believes what the carrier delivered, and nothing that was made up around it.

use std::error::Error;

use evanesce::report::{Commitment, Evidence, Postmark, ProofError, Report, ServerKey};
use evanesce::server::PublishedPreKeys;
use evanesce::{Account, Address, Payload, Peer, PreKeyBundle, Timestamp};
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::SeedableRng;

const NOW: Timestamp = Timestamp::from_unix_seconds(1_800_000_000);

const INSULT: &str = "You are a disgrace.";

fn main() -> Result<(), Box<dyn Error>> {
    let rng = &mut ChaCha20Rng::seed_from_u64(7);
    let alice = Account::generate(Address::new("alice/phone")?, NOW, rng);
    let mut bob = Account::generate(Address::new("bob/phone")?, NOW, rng);
    let mut published = PublishedPreKeys::new(bob.pending_upload().ok_or("nothing to publish")?);
    let carrier = Carrier { server_key: ServerKey::new(&[7; 32]) };

    // Alice writes. What proves it is with her message too, for her own side of the story.
    let mut to_bob = Peer::new(Address::new("bob/phone")?);
    let bundle = PreKeyBundle::decode(&published.hand_out())?.verify(NOW)?;
    let _store_the_peer = to_bob.initiate(&alice, bundle, NOW, rng)?;
    let sent = to_bob.encrypt(&Payload::new(INSULT), b"", NOW, rng)?;

    // The carrier has authenticated her. It delivers, and stores nothing.
    let delivery = carrier.deliver(sent.message, "alice/phone", "bob/phone")?;
    println!("The carrier delivers {} bytes, and 32 for a postmark.", delivery.message.len());

    // Bob reads it, and keeps what proves it in the row of the body, to be deleted with that.
    let mut from_alice = Peer::new(Address::new("alice/phone")?);
    let received = from_alice.decrypt(&mut bob, &delivery.message, b"", NOW)?.received;
    let evidence = received.evidence.ok_or("all messages of sessions have evidence")?.encode();
    println!("Bob reads \"{INSULT}\" and keeps {} bytes more.", evidence.len());

    // He reports it. The body is what he received, to the byte.
    let entry = Evidence::decode(&evidence)?.entry(
        &received.body,
        &delivery.context,
        &delivery.postmark,
    )?;
    let report = Report::new(entry).encode();
    println!("He reports it, in {} bytes.\n", report.len());

    expect(&carrier, "Bob shows what he was sent", "bob/phone", &report, Verdict::Proven)?;

    // What Bob might try, who can write whatever bytes he likes.
    let other_text = replaced(&report, INSULT.as_bytes(), b"I will harm you!!!!")?;
    expect(&carrier, "Bob shows another text", "bob/phone", &other_text, Verdict::NotDelivered)?;

    let other_sender = replaced(&report, b"from alice/phone", b"from carol/phone")?;
    expect(
        &carrier,
        "Bob says that it came from Carol",
        "bob/phone",
        &other_sender,
        Verdict::NotDelivered,
    )?;

    // It is sealed by the keys of the session, and never was with the carrier.
    let own = from_alice.accept_request();
    assert!(own.peer, "he writes to her, so he accepts her request");
    let made_up = from_alice.encrypt(&Payload::new("Give me your money."), b"", NOW, rng)?;
    let made_up = made_up.evidence.ok_or("all messages of sessions have evidence")?;
    let borrowed = made_up.entry(b"Give me your money.", &delivery.context, &delivery.postmark)?;
    expect(
        &carrier,
        "Bob writes a message himself, under her postmark",
        "bob/phone",
        &Report::new(borrowed).encode(),
        Verdict::NotDelivered,
    )?;

    let forged =
        made_up.entry(b"Give me your money.", &delivery.context, &Postmark::new([9; 32]))?;
    expect(
        &carrier,
        "Bob makes up the postmark as well",
        "bob/phone",
        &Report::new(forged).encode(),
        Verdict::NotDelivered,
    )?;

    expect(
        &carrier,
        "Carol shows Bob's report as hers",
        "carol/phone",
        &report,
        Verdict::OtherRecipient,
    )
}

/// It sees who hands in what for whom, and ciphertexts.
struct Carrier {
    server_key: ServerKey,
}

/// What arrives at a device.
struct Delivery {
    message: Vec<u8>,
    context: Vec<u8>,
    postmark: Postmark,
}

/// What a moderator of the carrier comes to.
#[derive(Debug, PartialEq)]
enum Verdict {
    Proven,
    NotDelivered,
    /// It was delivered, and not to who reports it.
    OtherRecipient,
}

impl Carrier {
    /// The commitment comes from the very bytes that are delivered.
    fn deliver(&self, message: Vec<u8>, from: &str, to: &str) -> Result<Delivery, Box<dyn Error>> {
        let length = u8::try_from(to.len())?;
        // It reads one way: the recipient's length stands before its name.
        let context = [&[length], to.as_bytes(), format!("from {from}, key 1").as_bytes()].concat();
        let postmark = self.server_key.postmark(&Commitment::of(&message)?, &context)?;
        Ok(Delivery { message, context, postmark })
    }

    /// The reporter has logged in. No other secret is needed than the server key.
    fn moderate(&self, reporter: &str, report: &[u8]) -> Result<Verdict, Box<dyn Error>> {
        let report = Report::decode(report)?;
        let [entry] = report.entries() else { return Err("one message is reported here".into()) };
        match entry.verify(&self.server_key) {
            Ok(proven) if recipient(proven.context) != Some(reporter.as_bytes()) => {
                Ok(Verdict::OtherRecipient)
            }
            Ok(proven) if proven.body == INSULT.as_bytes() => Ok(Verdict::Proven),
            Ok(_) => Err("something was proven that Alice never wrote".into()),
            Err(ProofError::Unproven) => Ok(Verdict::NotDelivered),
            Err(error) => Err(error.into()),
        }
    }
}

fn recipient(context: &[u8]) -> Option<&[u8]> {
    let (length, rest) = context.split_first()?;
    rest.get(..usize::from(*length))
}

fn expect(
    carrier: &Carrier,
    what: &str,
    reporter: &str,
    report: &[u8],
    expected: Verdict,
) -> Result<(), Box<dyn Error>> {
    let verdict = carrier.moderate(reporter, report)?;
    let said = match verdict {
        Verdict::Proven => "proven",
        Verdict::NotDelivered => "refused: this was not delivered so",
        Verdict::OtherRecipient => "refused: it was not delivered to who reports it",
    };
    println!("{what}: {said}");
    if verdict == expected { Ok(()) } else { Err("the moderator was wrong".into()) }
}

/// The bytes with another text of the same length in it.
fn replaced(bytes: &[u8], text: &[u8], other: &[u8]) -> Result<Vec<u8>, Box<dyn Error>> {
    assert_eq!(text.len(), other.len());
    let place = bytes.windows(text.len()).position(|window| window == text);
    let place = place.ok_or("the text is not there")?;
    let mut bytes = bytes.to_vec();
    bytes.splice(place..place + other.len(), other.iter().copied());
    Ok(bytes)
}
