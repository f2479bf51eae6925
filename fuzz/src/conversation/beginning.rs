//! Where every script begins: both have published, and have spoken in a first session.

use evanesce::server::PublishedPreKeys;

use crate::conversation::event::{BundleChoice, Script, Side};
use crate::conversation::network::{Begun, Network};
use crate::conversation::person::{Person, StoredPerson};
use crate::conversation::prekeys::PreKeys;
use crate::people::{NOW, account, rng};

/// The two in stored form, so that an execution makes no keys to begin with.
pub struct Beginning {
    people: [StoredPerson; 2],
    session: Begun,
}

impl Beginning {
    #[must_use]
    pub fn new() -> Self {
        let people = [person("alice@example/phone", 1), person("bob@example/laptop", 2)];
        let mut network = Network::new(people, Vec::new(), rng(3));
        let session = network.begin(Side::Alice, BundleChoice::Fresh).expect("a new bundle lasts");
        network.talk(Side::Alice, session);
        network.talk(Side::Bob, session);
        let (people, sessions) = network.into_parts();
        Self { people: people.map(|person| person.store()), session: sessions[session].clone() }
    }

    /// Lets a script happen, then sees that both still understand each other.
    ///
    /// # Panics
    ///
    /// If anything is not as it must be.
    pub fn run(&self, script: &Script) {
        let people = self.people.each_ref().map(StoredPerson::restored);
        let mut network = Network::new(people, vec![self.session.clone()], rng(4));
        for event in &script.0 {
            network.happens(*event);
        }
        network.everything_arrives();
        network.goes_on();
    }
}

impl Default for Beginning {
    fn default() -> Self {
        Self::new()
    }
}

fn person(address: &str, seed: u64) -> Person {
    let mut account = account(address, seed);
    let mut prekeys = PreKeys::new(account.limits().prekeys.clone(), NOW);
    prekeys.maintain(NOW);
    let upload = account.maintain(None, NOW, &mut rng(seed.rotate_left(32))).upload;
    let upload = upload.expect("a new account has something to publish");
    let _ = account.mark_published(&upload);
    let server = PublishedPreKeys::new(upload);
    Person { account, prekeys, server, handed_out: Vec::new(), ends: [].into() }
}
