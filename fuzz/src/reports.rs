//! Messages that were delivered, and how they can be reported.

use evanesce::report::{Commitment, Evidence, Postmark, Report, ServerKey};
use evanesce::server::PublishedPreKeys;
use evanesce::{Account, Address, Payload, PreKeyBundle, Suite};

use crate::people::{AD, NOW, limits, rng};

/// What the carrier says of each.
pub const CONTEXT: &[u8] = b"from alice for bob";

/// One message of each suite, each with its evidence.
pub struct Delivered {
    pub server_key: ServerKey,
    pub bodies: Vec<Vec<u8>>,
    pub evidence: Vec<Evidence>,
    pub postmarks: Vec<Postmark>,
}

impl Delivered {
    pub fn new() -> Self {
        let server_key = ServerKey::new(&[60; 32]);
        let mut delivered =
            Self { server_key, bodies: Vec::new(), evidence: Vec::new(), postmarks: Vec::new() };
        for (suite, body) in [(Suite::Classical, "a text"), (Suite::Hybrid, "another one")] {
            delivered.deliver(suite, body);
        }
        delivered
    }

    fn deliver(&mut self, suite: Suite, body: &str) {
        let account = |name: &str, seed| {
            let address = Address::new(name).expect("an address of a few bytes");
            Account::generate_of_suite(suite, address, limits(), NOW, &mut rng(seed))
        };
        let (alice, bob) = (account("alice", 61), account("bob", 62));
        let upload = bob.pending_upload().expect("a new account has something to publish");
        let bundle = PublishedPreKeys::new(upload).hand_out();
        let bundle = PreKeyBundle::decode(&bundle).expect("a bundle").verify(NOW);
        let bundle = bundle.expect("an honest bundle");
        let mut session = alice.initiate(&bundle, &mut rng(63)).expect("an honest bundle");
        let payload = Payload::new(body);
        let sent = session.encrypt_with_evidence(&payload, AD, &mut rng(64)).expect("a message");
        let commitment = Commitment::of(&sent.message).expect("a message");
        let postmark = self.server_key.postmark(&commitment, CONTEXT).expect("a short context");
        self.bodies.push(payload.body);
        self.evidence.push(sent.evidence.expect("of a message of a session"));
        self.postmarks.push(postmark);
    }

    /// All of them in one report.
    pub fn report(&self) -> Report {
        let entries = self.evidence.iter().zip(&self.bodies).zip(&self.postmarks);
        let mut entries = entries.map(|((evidence, body), postmark)| {
            evidence.entry(body, CONTEXT, postmark).expect("its own body")
        });
        let mut report = Report::new(entries.next().expect("there are some"));
        entries.for_each(|entry| report.push(entry).expect("there are few"));
        report
    }
}

impl Default for Delivered {
    fn default() -> Self {
        Self::new()
    }
}
