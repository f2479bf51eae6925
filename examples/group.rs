//! Five people in a group: two admins act at the same time, one member was away, and one is removed and reads nothing more.

use std::error::Error;

use evanesce::group::{Change, GroupId, GroupOutgoing, Groups, Role};
use evanesce::person::{Contacts, OwnDevices, Person};
use evanesce::server::PublishedPreKeys;
use evanesce::{Account, Address, Payload, Peer, PreKeyBundle, Timestamp};
use rand_chacha::{ChaCha20Rng, rand_core::SeedableRng};
type Outcome<T = ()> = Result<T, Box<dyn Error>>;
const NOW: Timestamp = Timestamp::from_unix_seconds(1_800_000_000);
const NAMES: [&str; 5] = ["Anna", "Ben", "Carla", "Dora", "Emil"];

/// To whom, and whether it is for a group.
type Letter = (Address, Vec<u8>, bool);
/// A real device stores what each call names before anything leaves, and keeps what waits.
struct World {
    all: Vec<(Account, OwnDevices, Contacts, Groups)>,
    rng: ChaCha20Rng,
    under_way: Vec<(usize, Letter)>,
}

fn main() -> Outcome {
    let mut world = World::new()?;
    let [ben, carla, dora, emil] = [1, 2, 3, 4].map(|it: usize| world.all[it].0.device().identity);
    println!("Anna makes a group of Ben, Carla and Dora, and Ben an admin.");
    let ((account, own, contacts, groups), rng) = (&mut world.all[0], &mut world.rng);
    let members = [ben, carla, dora];
    let (group, outgoing) = own.create_group(account, contacts, &members, b"Hiking", NOW, rng)?;
    let (id, ben, carla) = (group.id(), group.member(&ben), group.member(&carla));
    let (ben, carla) = ben.zip(carla).ok_or("they are in it")?;
    groups.all.push(group);
    world.post(0, outgoing);
    world.act(0, &id, Ok(Change::role(&ben, Role::Admin)))?;
    world.deliver(&[])?;
    println!("Ben removes Carla and adds Emil, while Anna changes the title. Dora is away.");
    world.act(1, &id, Ok(Change::remove(&carla).and(Change::add(&emil))))?;
    world.act(0, &id, Ok(Change::about(*b"Sunday")))?;
    world.deliver(&[b"Dora"])?;
    println!("Anna is senior, so hers counts. With what she writes next she signs what Ben did.");
    for (from, text) in [(0, "Who comes along?"), (4, "I do."), (1, "So do I.")] {
        world.act(from, &id, Err(text))?;
        world.deliver(&[b"Dora"])?;
    }
    println!("Dora comes back, and reads all of it.");
    world.deliver(&[])
}

impl World {
    fn new() -> Outcome<Self> {
        let rng = &mut ChaCha20Rng::seed_from_u64(1);
        let (mut all, mut servers) = (Vec::new(), Vec::new());
        for name in NAMES {
            let account = Account::generate(Address::new(name)?, NOW, rng);
            servers.push(PublishedPreKeys::new(account.pending_upload().ok_or("new")?));
            let mut own = OwnDevices::new(&account);
            own.refresh(&account, NOW)?; // a list of one device
            all.push((account, own, Contacts::new(), Groups::new()));
        }
        for (one, other) in (0..25).map(|pair| (pair / 5, pair % 5)).filter(|(a, b)| a != b) {
            let list = all[other].1.person().list().ok_or("signed above")?.clone();
            let bundle = PreKeyBundle::decode(&servers[other].hand_out())?.verify(NOW)?;
            let (account, own, contacts, _) = &mut all[one];
            let mut peer = Peer::new(bundle.device().address.clone());
            let _store = peer.initiate_for_group(account, bundle, NOW, rng)?;
            contacts.peers.push(peer);
            contacts.people.push(Person::new(*list.owner()));
            let _store = contacts.adopt(own, list, NOW)?;
        }
        Ok(Self { all, rng: rng.clone(), under_way: Vec::new() })
    }

    fn act(&mut self, by: usize, id: &GroupId, what: Result<Change, &str>) -> Outcome {
        let ((account, own, contacts, groups), rng) = (&mut self.all[by], &mut self.rng);
        let mut group = own.in_group(account, groups.group_mut(id).ok_or("a member")?);
        let outgoing = match what {
            Ok(change) => group.change(contacts, &change, NOW, rng)?,
            Err(text) => group.encrypt(contacts, &Payload::new(text), b"", NOW, rng)?,
        };
        self.post(by, outgoing);
        Ok(())
    }

    fn post(&mut self, from: usize, outgoing: GroupOutgoing) {
        outgoing.events.iter().for_each(|it| println!("  {}: {it:?}", NAMES[from]));
        let pairwise = outgoing.pairwise.into_iter().map(|it| (it.to, it.message, false));
        self.under_way.extend(pairwise.map(|it| (from, it)));
        for copies in outgoing.broadcasts {
            let all = copies.to.into_iter().map(|to| (from, (to, copies.message.clone(), true)));
            self.under_way.extend(all);
        }
    }

    fn deliver(&mut self, away: &[&[u8]]) -> Outcome {
        let is_due = |(_, (to, ..)): &(usize, Letter)| !away.contains(&to.as_bytes());
        while let Some(place) = self.under_way.iter().position(is_due) {
            let (from, (to, message, is_for_all)) = self.under_way.remove(place);
            let from = self.all[from].0.device().address;
            let at = NAMES.iter().position(|name| name.as_bytes() == to.as_bytes());
            let (at, rng) = (at.ok_or("nobody is there")?, &mut self.rng);
            let (account, own, contacts, groups) = &mut self.all[at];
            let (events, wants) = if is_for_all {
                let got = groups.decrypt(own, contacts, &message, b"", NOW)?;
                let text = String::from_utf8_lossy(&got.received.body);
                _ = (!text.is_empty()).then(|| println!("  {to}: {text}"));
                (got.events, Vec::new())
            } else {
                let got = own.decrypt(account, contacts, &from, &message, b"", NOW)?;
                let heard = groups.hear(own, contacts, &got, NOW);
                (heard.events, heard.wants)
            };
            events.iter().for_each(|it| println!("  {to}: {it:?}"));
            let invited = groups.invitations(own, NOW).map(|it| it.name()).next();
            let _joined = invited.map(|name| groups.join(own, contacts, &name, NOW));
            let outgoing = groups.respond(own, account, contacts, &wants, NOW, rng);
            self.post(at, outgoing);
        }
        Ok(())
    }
}
