//! Where every script begins: both have published, and have spoken in a first session.

use evanesce::Suite;
use evanesce::server::PublishedPreKeys;

use crate::conversation::event::{BundleChoice, Event, Script, Side};
use crate::conversation::network::{Begun, Network};
use crate::conversation::person::{Person, StoredPerson};
use crate::conversation::prekeys::PreKeys;
use crate::people::{NOW, SUITES, account, rng};

/// The two by the suites of their accounts.
pub struct Beginnings(Vec<([Suite; 2], Beginning)>);

/// The two in stored form, so that an execution makes no keys to begin with.
struct Beginning {
    people: [StoredPerson; 2],
    session: Begun,
}

impl Beginnings {
    #[must_use]
    pub fn new() -> Self {
        let pairs = SUITES.into_iter().flat_map(|ours| SUITES.map(|theirs| [ours, theirs]));
        Self(pairs.map(|suites| (suites, Beginning::new(suites))).collect())
    }

    /// Lets a script happen, then sees that both still understand each other.
    ///
    /// # Panics
    ///
    /// If anything is not as it must be.
    pub fn run(&self, script: &Script) {
        let (_, beginning) =
            self.0.iter().find(|(suites, _)| *suites == script.suites).expect("one of four");
        beginning.run(&script.events);
    }
}

impl Beginning {
    fn new([alices, bobs]: [Suite; 2]) -> Self {
        let people =
            [person(alices, "alice@example/phone", 1), person(bobs, "bob@example/laptop", 2)];
        let mut network = Network::new(people, Vec::new(), rng(3));
        let session = network.begin(Side::Alice, BundleChoice::Fresh).expect("a new bundle lasts");
        network.talk(Side::Alice, session);
        network.talk(Side::Bob, session);
        let (people, sessions) = network.into_parts();
        Self { people: people.map(|person| person.store()), session: sessions[session].clone() }
    }

    fn run(&self, events: &[Event]) {
        let people = self.people.each_ref().map(StoredPerson::restored);
        let mut network = Network::new(people, vec![self.session.clone()], rng(4));
        for event in events {
            network.happens(*event);
        }
        network.everything_arrives();
        network.goes_on();
    }
}

impl Default for Beginnings {
    fn default() -> Self {
        Self::new()
    }
}

fn person(suite: Suite, address: &str, seed: u64) -> Person {
    let mut account = account(suite, address, seed);
    let mut prekeys = PreKeys::new(account.limits().prekeys.clone(), NOW);
    prekeys.maintain(NOW);
    let upload = account.maintain(None, NOW, &mut rng(seed.rotate_left(32))).upload;
    let upload = upload.expect("a new account has something to publish");
    let _ = account.mark_published(&upload);
    let server = PublishedPreKeys::new(upload);
    Person { account, prekeys, server, handed_out: Vec::new(), ends: [].into() }
}
