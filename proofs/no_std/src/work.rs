//! What the proof does with the library.

use core::convert::Infallible;

use evanesce::rand_core::{TryCryptoRng, TryRng};
use evanesce::server::PublishedPreKeys;
use evanesce::{Account, Address, Payload, PreKeyBundle, SafetyNumber, Timestamp};

/// Uses the library from end to end; true if every result is the expected one.
pub fn work() -> bool {
    conversation(&mut CountingRng(7)).is_some_and(|expected| expected)
}

/// A handshake, a message each way, a forgery and the safety numbers; `None` if anything is refused.
fn conversation(rng: &mut CountingRng) -> Option<bool> {
    let now = Timestamp::from_unix_seconds(1_800_000_000);
    let alice = Account::generate(Address::new("alice").ok()?, now, rng);
    let mut bob = Account::generate(Address::new("bob").ok()?, now, rng);
    let mut server = PublishedPreKeys::new(bob.maintain(None, now, rng).upload?);
    let bundle = PreKeyBundle::decode(&server.hand_out()).ok()?.verify(now).ok()?;

    let mut alices = alice.initiate(&bundle, rng).ok()?;
    let mut message = alices.encrypt(&Payload::new("hello"), b"ad", rng).ok()?;
    *message.last_mut()? ^= 1;
    let forgery_is_refused = bob.accept(&message, b"ad", now).is_err();
    *message.last_mut()? ^= 1;
    let accepted = bob.accept(&message, b"ad", now).ok()?;
    let mut bobs = accepted.session;
    let answer = bobs.encrypt(&Payload::new("hello back"), b"ad", rng).ok()?;
    let received = alices.decrypt(&answer, b"ad", now).ok()?;

    let number = SafetyNumber::between(&alice.device(), alices.peer());
    let scanned = SafetyNumber::between(&bob.device(), bobs.peer()).scannable();
    Some(
        forgery_is_refused
            && accepted.received.body == b"hello"
            && received.body == b"hello back"
            && number.verify_scanned(&scanned).is_ok(),
    )
}

/// A source of numbers that repeats exactly. It is not random: the keys made here protect nothing.
struct CountingRng(u64);

impl TryRng for CountingRng {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        let [low, ..] = self.step();
        Ok(low)
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        let [low, high] = self.step();
        Ok(u64::from(high) << 32 | u64::from(low))
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Infallible> {
        for chunk in bytes.chunks_mut(4) {
            let [low, ..] = self.step();
            for (byte, value) in chunk.iter_mut().zip(low.to_le_bytes()) {
                *byte = value;
            }
        }
        Ok(())
    }
}

impl TryCryptoRng for CountingRng {}

impl CountingRng {
    /// SplitMix64: spreads a counter over all bits, so that the bytes look alive.
    fn step(&mut self) -> [u32; 2] {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ self.0 >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        let mixed = mixed ^ mixed >> 31;
        [(mixed & 0xffff_ffff) as u32, (mixed >> 32) as u32]
    }
}
