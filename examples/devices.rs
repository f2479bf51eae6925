//! Two people with three devices each: one is linked, one is lost and removed, and a server that hides it is found out.

use std::error::Error;

use evanesce::person::{AddressedMessage, Contacts, DeviceList, LinkCode};
use evanesce::person::{OwnDevices, Person, PersonEvent};
use evanesce::server::PublishedPreKeys;
use evanesce::{Account, Address, IdentityKey, Payload, Peer, PreKeyBundle, Timestamp};
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::SeedableRng;
type Outcome<T = ()> = Result<T, Box<dyn Error>>;

const NOW: Timestamp = Timestamp::from_unix_seconds(1_800_000_000);
const NAMES: [&str; 6] = ["alice/1", "alice/2", "alice/3", "bob/1", "bob/2", "bob/3"];

/// A device, and what servers have of it. A real one stores what each call names before anything leaves.
struct Party {
    account: Account,
    own: OwnDevices,
    contacts: Contacts,
    server: PublishedPreKeys,
    rng: ChaCha20Rng,
}

fn main() -> Outcome {
    let parties = NAMES.iter().zip(1..).map(|(name, seed)| Party::new(name, seed));
    let all = &mut parties.collect::<Outcome<Vec<_>>>()?;
    let [alice, bob] = [0, 3].map(|phone: usize| all[phone].account.device().identity);
    for (phone, device) in [(0, 1), (0, 2), (3, 4)] {
        link(all, phone, device)?;
    }
    println!("Bob's third device shows a code, and his first scans it. Alice fetches his list.");
    let published = link(all, 3, 5)?;
    all[0].contacts.people.push(Person::new(bob));
    all[0].fetch(&published)?;
    for device in 3..6 {
        let bundle = PreKeyBundle::decode(&all[device].server.hand_out())?.verify(NOW)?;
        let mut peer = Peer::pinned(bundle.device().clone());
        let Party { account, contacts, rng, .. } = &mut all[0];
        let _store = peer.initiate(account, bundle, NOW, rng)?;
        contacts.peers.push(peer);
    }
    say(all, 0, bob, "I live at 5 Elm Street.")?;
    println!("Bob loses his second device, and removes it. The server gives the former list.");
    let lost = all[4].account.device().address;
    let Party { account, own, contacts, .. } = &mut all[3];
    own.remove(account, &lost, NOW)?;
    let _store = contacts.accept(own, &alice, NOW); // he agrees to be written to by her
    all[0].fetch(&published)?;
    let reached = say(all, 0, bob, "Are you at home?")?;
    assert!(reached.contains(&lost), "she cannot know yet");
    println!("Bob writes, and the list is in the message: no server can keep it back.");
    say(all, 3, alice, "I am.")?;
    println!("  the server's is refused: {}", all[0].fetch(&published).err().ok_or("older")?);
    println!("From now on the lost device gets nothing.");
    let reached = say(all, 0, bob, "Then I am coming.")?;
    assert!(!reached.contains(&lost) && reached.len() == 4);
    let number = all[0].contacts.person(&bob).ok_or("she knows him")?.number(&alice);
    println!("Their number stays what it was, whatever devices come and go:\n{number}");
    Ok(())
}

impl Party {
    fn new(name: &str, seed: u64) -> Outcome<Self> {
        let mut rng = ChaCha20Rng::seed_from_u64(seed); // a real one asks the operating system
        let account = Account::generate(Address::new(name)?, NOW, &mut rng);
        let server = PublishedPreKeys::new(account.pending_upload().ok_or("nothing to publish")?);
        Ok(Self { own: OwnDevices::new(&account), account, contacts: Contacts::new(), server, rng })
    }

    /// A server is believed as far as the owner has signed.
    fn fetch(&mut self, list: &[u8]) -> Outcome {
        let list = DeviceList::decode(list)?.verify(NOW)?;
        let (events, _store) = self.contacts.adopt(&self.own, list, NOW)?;
        show(&self.account.device().address, &events);
        Ok(())
    }
}

/// What a screen says of devices that come and go. The module `person` has a table of all events.
fn show(us: &Address, events: &[PersonEvent]) {
    for event in events {
        if let PersonEvent::Adopted { version, came, went, .. } = event {
            came.iter().for_each(|it| println!("  {us}: list {version} has {}", it.address));
            went.iter().for_each(|it| println!("  {us}: list {version} lacks {}", it.address));
        }
    }
}

/// The new device shows a code, and the user sees the same digits on both. Gives the list that is published.
fn link(all: &mut [Party], owner: usize, new: usize) -> Outcome<Vec<u8>> {
    let Party { own, server, rng, .. } = &mut all[new];
    let code = LinkCode::decode(&own.show_link_code(NOW, rng).encode())?;
    let bundle = PreKeyBundle::decode(&server.hand_out())?.verify(NOW)?;
    let Party { account, own, contacts, rng, .. } = &mut all[owner];
    let offer = own.offer_link(account, &mut contacts.peers, &code, bundle, NOW, rng)?;
    let (offer, digits) = (offer.message.message, own.digits());
    let Party { account, own, contacts, rng, .. } = &mut all[new];
    assert_eq!(own.open_link_offer(account, &mut contacts.peers, &offer, NOW)?.digits, digits);
    let answer = own.answer_link_offer(account, &mut contacts.peers, NOW, rng)?.message.message;
    let Party { account, own, contacts, .. } = &mut all[owner];
    let (list, _store) = own.finish_link(account, &mut contacts.peers, &answer, NOW)?;
    Ok(list.encode())
}

/// One call writes to all devices of a person, and copies to one's own. Gives whom it reached.
fn say(all: &mut [Party], from: usize, to: IdentityKey, text: &str) -> Outcome<Vec<Address>> {
    let Party { account, own, contacts: Contacts { people, peers, .. }, rng, .. } = &mut all[from];
    let us = account.device().address;
    let person = people.iter().find(|it| *it.owner() == to).ok_or("a stranger")?;
    let sent = own.to(person).encrypt(peers, &Payload::new(text), b"", NOW, rng)?.messages;
    for AddressedMessage { to, message, .. } in &sent {
        let party = all.iter_mut().find(|it| it.account.device().address == *to);
        let Party { account, own, contacts, .. } = party.ok_or("nobody is there")?;
        let got = own.decrypt(account, contacts, &us, message, b"", NOW)?;
        show(to, &got.events);
        println!("  {to} has from {us}: {text}");
    }
    Ok(sent.into_iter().map(|message| message.to).collect())
}
