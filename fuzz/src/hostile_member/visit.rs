//! A script among them.

use std::collections::BTreeSet;

use evanesce::group::{
    Change, Group, GroupDecryptError, GroupEvent, GroupId, GroupOutgoing, Member, PartError, Role,
    SetsTimer, Unblocked,
};
use evanesce::person::PersonDelivered;
use evanesce::session::Session;
use evanesce::{Account, Address, Device, Payload, Timestamp};
use rand_chacha::ChaCha20Rng;

use crate::derivations::Key;
use crate::formats;
use crate::hostile_device::visit::EncryptContent;
use crate::hostile_member::cast::{
    AD, ANNA, BEN, CARLA, Cast, EVE, HONEST, HOSTILE, Honest, MALLORY, PEOPLE, Rows,
};
use crate::hostile_member::crafting::{
    ABOUTS, Broadcast, Chain, Fault, Forks, GROUP, Members, Roster, Sign, Signed,
};
use crate::hostile_member::event::{Event, Script};
use crate::people::{DAY, NOW, account, rng};

/// How many rosters are signed at most; more than are kept.
const MAX_SIGNED: usize = 40;

/// How many parts are gathered at most.
const MAX_GATHERED: usize = 40;

/// How many hours go by at most, all in all: lists of devices hold for 90 days.
const MAX_HOURS: u64 = 24 * 60;

/// How many bytes a device stores of the group at most, of rosters of a dozen members and devices of five.
const MOST_STORED: usize = 400_000;

/// The beginning: Anna has made the group, Mallory and Ben are admins too, and Carla is in it. All have all chains.
pub struct Visits {
    encrypt_content: EncryptContent,
    sign: Sign,
    hostile: Vec<Account>,
    devices: Vec<Device>,
    chains: Vec<Chain>,
    sessions: Vec<[Vec<u8>; HONEST]>,
    rows: Vec<Rows>,
    signed: Vec<Signed>,
}

/// All of them, and what is under way.
struct Visit<'begun> {
    encrypt_content: EncryptContent,
    sign: Sign,
    hostile: &'begun [Account],
    devices: &'begun [Device],
    chains: &'begun [Chain],
    sessions: Vec<[Session; HONEST]>,
    honest: Vec<Honest>,
    /// As each was when it was looked at last.
    seen: Vec<Rows>,
    signed: Vec<Signed>,
    /// By which rosters those came in who keep to the protocol.
    roots: Vec<Key>,
    /// What those signed who keep to the protocol, by its hash.
    honestly_signed: BTreeSet<Key>,
    gathered: Vec<(u8, Vec<u8>)>,
    last: Option<(Vec<u8>, Made)>,
    waiting: Vec<Vec<(u64, Made)>>,
    under_way: Vec<UnderWay>,
    hours: u64,
    rng: ChaCha20Rng,
}

/// From one who keeps to the protocol to the other.
struct UnderWay {
    to: usize,
    bytes: Vec<u8>,
    /// None of a message in a session.
    made: Option<Made>,
}

/// How a message to the group was made.
#[derive(Clone)]
struct Made {
    by: usize,
    roster: Key,
    /// None of what those who keep to the protocol tell each other.
    body: Option<Vec<u8>>,
    /// Whether nothing is wrong with it.
    is_sound: bool,
}

fn other(honest: usize) -> usize {
    1 - honest
}

impl Visits {
    /// # Panics
    ///
    /// If the group does not come about.
    #[must_use]
    pub fn new(encrypt_content: EncryptContent, sign: Sign) -> Self {
        let Cast { hostile, devices, honest, sessions } = Cast::new();
        let chains: Vec<Chain> = (0_u8..4)
            .map(|which| Chain {
                signer: account(evanesce::Suite::Classical, "chain", 420 + u64::from(which)),
                first: [0x80 | which; 32],
            })
            .collect();
        let owner = |place: usize| devices[place].identity.encode();
        let members =
            [ANNA, MALLORY, BEN, CARLA].map(|place| (owner(place), (0, u8::from(place == ANNA))));
        let first = Roster {
            group: GROUP,
            epoch: 0,
            previous: [0; 32],
            rights: 0,
            secret: 0,
            about: 1,
            members: Members::from(members),
            is_disordered: false,
            signer: owner(ANNA),
        };
        let first = first.signed(&hostile[ANNA], sign);
        let mut second = Roster { epoch: 1, previous: first.hash, ..first.says.clone() };
        for place in [MALLORY, BEN] {
            second.members.insert(owner(place), (1, 1));
        }
        let second = second.signed(&hostile[ANNA], sign);
        let seen = honest.iter().map(Honest::rows).collect();
        let mut visit = Visit {
            encrypt_content,
            sign,
            hostile: &hostile,
            devices: &devices,
            chains: &chains,
            sessions,
            honest,
            seen,
            roots: vec![first.hash; HONEST],
            signed: vec![first, second],
            honestly_signed: BTreeSet::new(),
            gathered: Vec::new(),
            last: None,
            waiting: vec![Vec::new(); HONEST],
            under_way: Vec::new(),
            hours: 0,
            rng: rng(421),
        };
        let joins = |who| Event::Honest { who, what: 7, with: 0 };
        let says = |who| Event::Honest { who, what: 0, with: 0 };
        let carries = Event::Carries { which: 0, is_lost: 0 };
        let sends = |by: usize| Event::Sends { by: u8::try_from(by).expect("few"), to: 2, body: 0 };
        let events = [
            Event::Roster { which: 0, place: 0, by: 0 },
            Event::About { which: 1, byte: 0 },
            Event::Distribution { chain: 0, roster: 0, number: 0 },
            sends(ANNA),
            joins(0),
            joins(1),
            Event::Roster { which: 1, place: 0, by: 0 },
            sends(ANNA),
            Event::Distribution { chain: 1, roster: 1, number: 0 },
            sends(MALLORY),
            says(0),
            says(1),
        ];
        events.into_iter().for_each(|event| visit.happens(event));
        while !visit.under_way.is_empty() {
            visit.happens(carries);
        }
        let ready = |honest: &Honest| {
            honest.groups.all.len() == 1
                && honest.groups.all[0].is_ready()
                && honest.held.is_empty()
        };
        assert!(visit.honest.iter().all(ready), "the group has come about");
        let Visit { sessions, honest, signed, .. } = visit;
        let rows = honest.iter().map(Honest::rows).collect();
        let stored = |of: [Session; HONEST]| of.map(|session| session.snapshot().to_vec());
        let sessions = sessions.into_iter().map(stored).collect();
        Self { encrypt_content, sign, hostile, devices, chains, sessions, rows, signed }
    }

    /// Lets a script happen.
    ///
    /// # Panics
    ///
    /// If anything is not as it must be.
    pub fn run(&self, script: &Script) {
        let restored = |of: &[Vec<u8>; HONEST]| {
            of.each_ref().map(|session| Session::restore(session).expect("it was stored"))
        };
        let mut visit = Visit {
            encrypt_content: self.encrypt_content,
            sign: self.sign,
            hostile: &self.hostile,
            devices: &self.devices,
            chains: &self.chains,
            sessions: self.sessions.iter().map(restored).collect(),
            honest: self.rows.iter().map(Honest::restored).collect(),
            seen: self.rows.clone(),
            signed: self.signed.clone(),
            roots: vec![self.signed[0].hash; HONEST],
            honestly_signed: BTreeSet::new(),
            gathered: Vec::new(),
            last: None,
            waiting: vec![Vec::new(); HONEST],
            under_way: Vec::new(),
            hours: 0,
            rng: rng(422),
        };
        script.events.iter().for_each(|event| visit.happens(*event));
    }
}

impl Visit<'_> {
    fn happens(&mut self, event: Event) {
        match event {
            Event::Signs { base, edit, by } => self.signs(base, edit, by),
            Event::Roster { which, place, by } => {
                let mut bytes = self.signed_at(which).bytes.clone();
                // So that each of some hundred bytes can be meant.
                let place = bytes.len() * usize::from(place) / 256;
                bytes[place] ^= by;
                self.gather(0x10, bytes);
            }
            Event::About { which, byte } => {
                let about = ABOUTS[usize::from(which) % ABOUTS.len()];
                let mut bytes = [&GROUP[..], about].concat();
                if byte != 0 {
                    bytes.push(byte);
                }
                self.gather(0x11, bytes);
            }
            Event::Distribution { chain, roster, number } => {
                let signed = self.signed_at(roster);
                let forks = if chain & 0x40 == 0 { Forks::No } else { Forks::Yes };
                let secret = signed.says.secret ^ u8::from(chain & 0x80 != 0);
                let chain = &self.chains[usize::from(chain) % self.chains.len()];
                let bytes = chain.distribution(signed, secret, number % 128, forks);
                self.gather(0x12, bytes);
            }
            Event::Leave { roster } => {
                let hash = self.signed_at(roster).hash;
                self.gather(0x14, [GROUP, hash].concat());
            }
            Event::Want { kind, tag, have } => {
                let named = |which: u8| match which & 3 {
                    0 => [0; 8],
                    1 => [which; 8],
                    _ => *self.signed_at(which >> 2).hash.first_chunk().expect("of 32"),
                };
                let bytes = [&GROUP[..], &[kind % 5], &named(tag), &named(have)].concat();
                self.gather(0x13, bytes);
            }
            Event::Other { kind, length, byte } => self.gather(kind, vec![byte; length.into()]),
            Event::Sends { by, to, body } => {
                let content = self.content(&vec![body; usize::from(body % 8)]);
                for honest in 0..HONEST {
                    if to % 3 == 2 || usize::from(to % 3) == honest {
                        self.sends(usize::from(by) % HOSTILE, honest, &content);
                    }
                }
            }
            Event::Broadcasts { how, number, roster } => self.broadcasts(how, number, roster),
            Event::Alters { place, by, cut } => {
                let Some((mut bytes, mut made)) = self.last.clone() else { return };
                let place = bytes.len() * usize::from(place) / 256;
                bytes[place] ^= by;
                bytes.truncate(bytes.len().saturating_sub(cut.into()));
                made.is_sound &= by == 0 && cut == 0;
                (0..HONEST).for_each(|honest| self.offers(honest, &bytes, &made));
            }
            Event::Honest { who, what, with } => self.acts(usize::from(who) % HONEST, what, with),
            Event::Carries { which, is_lost } => {
                if self.under_way.is_empty() {
                    return;
                }
                let which = usize::from(which) % self.under_way.len();
                let UnderWay { to, bytes, made } = self.under_way.remove(which);
                match made {
                    _ if is_lost & 1 == 1 => {}
                    Some(made) => self.offers(to, &bytes, &made),
                    None => {
                        let from = self.devices[HOSTILE + other(to)].address.clone();
                        let Honest { account, own, contacts, .. } = &mut self.honest[to];
                        let now = NOW.plus(DAY / 24 * u32::try_from(self.hours).unwrap_or(0));
                        let got = own.decrypt(account, contacts, &from, &bytes, AD, now);
                        self.hears(to, &got.expect("it opens, whenever it comes"));
                    }
                }
            }
            Event::Passes { hours } => self.passes(hours),
        }
        (0..HONEST).for_each(|honest| self.looks(honest));
    }

    fn now(&self) -> Timestamp {
        NOW.plus(DAY / 24 * u32::try_from(self.hours).unwrap_or(u32::MAX))
    }

    fn signed_at(&self, which: u8) -> &Signed {
        &self.signed[usize::from(which) % self.signed.len()]
    }

    fn gather(&mut self, kind: u8, bytes: Vec<u8>) {
        if self.gathered.len() < MAX_GATHERED {
            self.gathered.push((kind, bytes));
        }
    }

    /// Somebody of the five, or of some who are nobody.
    fn owner(&self, who: u8) -> [u8; 64] {
        self.devices.get(usize::from(who)).map_or([who; 64], |it| it.identity.encode())
    }

    fn signs(&mut self, base: u8, edit: u8, by: u8) {
        if self.signed.len() >= MAX_SIGNED {
            return;
        }
        let base = self.signed_at(base).clone();
        let (who, signer) =
            (self.owner(edit >> 4), [ANNA, MALLORY, ANNA, EVE][usize::from(by & 3)]);
        let mut says = Roster {
            epoch: base.says.epoch.wrapping_add(1),
            previous: base.hash,
            signer: self.devices[signer].identity.encode(),
            ..base.says
        };
        let epoch = says.epoch;
        let next_secret = (says.secret + 1) % 8;
        match edit & 0xf {
            0 => {}
            1 => _ = says.members.insert(who, (epoch, 0)),
            2 => {
                says.members.remove(&who);
                says.secret = next_secret;
            }
            3 | 4 => {
                if let Some(member) = says.members.get_mut(&who) {
                    *member = (epoch, u8::from(edit & 0xf == 3));
                }
            }
            5 => says.about = usize::from(by >> 2) % ABOUTS.len(),
            6 => says.rights = by >> 6,
            7 => says.secret = next_secret,
            8 => _ = says.members.remove(&who),
            9 => says.members.extend((0x80..0x88).map(|crowd| ([crowd; 64], (epoch, 0)))),
            10 => {
                says.members.retain(|owner, _| !(0x80..0x88).contains(&owner[0]));
                says.secret = next_secret;
            }
            11 => says.members.values_mut().for_each(|(since, _)| *since = u32::from(by >> 2)),
            12 => says.epoch = epoch.wrapping_add(u32::from(by >> 2)),
            13 => (says.epoch, says.previous) = (0, [0; 32]),
            14 => {
                says.members.remove(&who);
                says.members.insert([0x90 | by >> 4; 64], (epoch, 1));
                says.secret = next_secret;
            }
            _ => says.is_disordered = true,
        }
        self.signed.push(says.signed(&self.hostile[signer], self.sign));
    }

    /// What was gathered, then a stamp and a body.
    fn content(&mut self, body: &[u8]) -> Vec<u8> {
        let parts = std::mem::take(&mut self.gathered).into_iter();
        let parts: Vec<u8> = parts
            .flat_map(|(kind, bytes)| [&[kind], &*formats::leb128(bytes.len()), &bytes].concat())
            .collect();
        let mut content = Vec::new();
        if !parts.is_empty() {
            content = [&[0x30], &*formats::leb128(parts.len()), &parts].concat();
        }
        content.extend([0, 0]);
        content.extend(body);
        content
    }

    fn sends(&mut self, by: usize, to: usize, content: &[u8]) {
        let session = &mut self.sessions[by][to];
        let message = (self.encrypt_content)(session, content, AD, &mut self.rng);
        let Some(message) = message else { return };
        let (from, now) = (&self.devices[by].address, self.now());
        let Honest { account, own, contacts, .. } = &mut self.honest[to];
        // One who was refused is not heard.
        if let Ok(got) = own.decrypt(account, contacts, from, &message, AD, now) {
            self.hears(to, &got);
        }
    }

    fn hears(&mut self, to: usize, got: &PersonDelivered) {
        let now = self.now();
        let before = self.honest[to].rows();
        let Honest { own, contacts, groups, .. } = &mut self.honest[to];
        let heard = groups.hear(own, contacts, got, now);
        let refusal = match (&got.group_parts[..], &heard.events[..]) {
            ([_], [GroupEvent::Refused { reason, .. }]) => Some(reason),
            _ => None,
        };
        if refusal.is_some_and(|reason| !matches!(reason, PartError::Missing(_))) {
            assert!(self.honest[to].rows() == before, "a refused part left a trace");
            assert!(heard.unblocks.is_empty());
        }
        if got.group_parts.is_empty() {
            assert!(heard.events.is_empty() && heard.wants.is_empty());
        }
        self.unblocked(to, &heard.unblocks);
        let Honest { account, own, contacts, groups, .. } = &mut self.honest[to];
        let answer = groups.respond(own, account, contacts, &heard.wants, now, &mut self.rng);
        self.goes(to, answer, None);
    }

    fn broadcasts(&mut self, how: u8, number: u8, roster: u8) {
        let by = [ANNA, MALLORY, EVE, ANNA][usize::from(how & 3)];
        let chain = usize::from((how & 3) + (how >> 2 & 1)) % self.chains.len();
        let fault = match how >> 3 & 7 {
            0..=3 => Fault::None,
            4 => Fault::OtherSecret,
            5 => Fault::OtherSigner,
            6 => Fault::OtherCommitment,
            _ => Fault::NoEnd,
        };
        let gathered =
            if how & 0x40 == 0 { Some(std::mem::take(&mut self.gathered)) } else { None };
        let body = vec![number; 1 + usize::from(number % 8)];
        let content = self.content(&body);
        self.gathered = gathered.unwrap_or_default();
        // Malformed parts are part of the body, with what follows.
        let body = if formats::parts(&content).is_some() { body } else { content.clone() };
        let signed = self.signed_at(roster);
        let made =
            Made { by, roster: signed.hash, body: Some(body), is_sound: fault == Fault::None };
        let broadcast = Broadcast {
            sender: &self.hostile[by],
            chain: &self.chains[chain],
            roster: signed,
            number: number % 128,
            content: &content,
            fault,
        };
        let message = broadcast.sealed(self.sign);
        self.last = Some((message.clone(), made.clone()));
        let to = if how & 0x80 == 0 { HONEST } else { 1 };
        (0..to).for_each(|honest| self.offers(honest, &message, &made));
    }

    /// A message to the group comes.
    fn offers(&mut self, to: usize, bytes: &[u8], made: &Made) {
        if let Some(unblocks) = self.opens(to, bytes, made, None) {
            self.unblocked(to, &unblocks);
        }
        let now = self.now();
        let Honest { account, own, contacts, groups, .. } = &mut self.honest[to];
        let asked = groups.respond(own, account, contacts, &[], now, &mut self.rng);
        self.goes(to, asked, None);
    }

    /// What became of it: if it opens, what it unblocks.
    fn opens(
        &mut self,
        to: usize,
        bytes: &[u8],
        made: &Made,
        number: Option<u64>,
    ) -> Option<Vec<Unblocked>> {
        let (before, now) = (self.honest[to].rows(), self.now());
        let Honest { own, contacts, groups, held, kept, .. } = &mut self.honest[to];
        match groups.decrypt(own, contacts, bytes, AD, now) {
            Ok(got) => {
                assert!(made.is_sound, "what was not made as it has to be has opened");
                assert_eq!(got.device, self.devices[made.by]);
                if let Some(body) = &made.body {
                    assert_eq!((got.roster, &got.received.body), (made.roster, body));
                }
                if let Some(number) = number {
                    held.opened(number);
                    kept.retain(|(kept, _)| *kept != number);
                    self.waiting[to].retain(|(waiting, _)| *waiting != number);
                }
                let after = self.honest[to].rows();
                let Honest { own, contacts, groups, .. } = &mut self.honest[to];
                // It may have told of a roster that has other senders, or none.
                let again = groups.decrypt(own, contacts, bytes, AD, now);
                assert!(again.is_err(), "a message opened twice");
                if !matches!(again, Err(GroupDecryptError::Missing(_))) {
                    assert!(self.honest[to].rows() == after, "a repeat left a trace");
                }
                Some(got.unblocks)
            }
            Err(error) => {
                match number {
                    Some(number) => {
                        if !held.refused_again(number, &error) {
                            kept.retain(|(kept, _)| *kept != number);
                            self.waiting[to].retain(|(waiting, _)| *waiting != number);
                        }
                    }
                    None => {
                        let waits = held.refused(&error, now);
                        kept.retain(|(kept, _)| !waits.dropped.contains(kept));
                        self.waiting[to].retain(|(kept, _)| !waits.dropped.contains(kept));
                        if let Some(number) = waits.number {
                            kept.push((number, bytes.to_vec()));
                            self.waiting[to].push((number, made.clone()));
                        }
                    }
                }
                let after = self.honest[to].rows();
                // It is asked for, or whoever went and writes is told.
                let is_noted = matches!(
                    error,
                    GroupDecryptError::Missing(_)
                        | GroupDecryptError::Forked
                        | GroupDecryptError::Former
                );
                let expected = Rows {
                    groups: if is_noted { after.groups.clone() } else { before.groups.clone() },
                    ..before
                };
                assert!(after == expected, "a refused message left a trace");
                None
            }
        }
    }

    /// What waits for this is offered again.
    fn unblocked(&mut self, to: usize, unblocks: &[Unblocked]) {
        let mut left = unblocks.to_vec();
        // Each round opens one or more.
        while !left.is_empty() {
            let due = self.honest[to].held.due(&left);
            left.clear();
            for number in due {
                let kept = self.honest[to].kept.iter().find(|(kept, _)| *kept == number).cloned();
                let made = self.waiting[to].iter().find(|(kept, _)| *kept == number).cloned();
                if let (Some((_, bytes)), Some((_, made))) = (kept, made) {
                    left.extend(self.opens(to, &bytes, &made, Some(number)).unwrap_or_default());
                }
            }
        }
    }

    /// What one sends who keeps to the protocol, and the body of the last message to the group.
    fn goes(&mut self, from: usize, outgoing: GroupOutgoing, body: Option<&[u8]>) {
        let now = self.now();
        let GroupOutgoing { pairwise, broadcasts, .. } = outgoing;
        let place = |to: &Address| self.devices.iter().position(|device| device.address == *to);
        for message in pairwise {
            match place(&message.to).expect("one of the five") {
                to @ 0..HOSTILE => {
                    let session = &mut self.sessions[to][from];
                    let got = session.decrypt(&message.message, AD, now).expect("it opens");
                    assert!(got.body.is_empty());
                }
                to => {
                    let (to, bytes) = (to - HOSTILE, message.message);
                    self.under_way.push(UnderWay { to, bytes, made: None });
                }
            }
        }
        let last = broadcasts.len().saturating_sub(1);
        let Some(group) = self.honest[from].groups.all.first() else { return };
        let roster = group.roster();
        self.honestly_signed
            .extend(Some(roster).filter(|it| !self.signed.iter().any(|made| made.hash == *it)));
        for (number, broadcast) in broadcasts.into_iter().enumerate() {
            let body = body.filter(|_| number == last).map(<[u8]>::to_vec);
            let made = Made { by: HOSTILE + from, roster, body, is_sound: true };
            let (to, bytes) = (other(from), broadcast.message);
            if broadcast.to.contains(&self.devices[HOSTILE + to].address) {
                self.under_way.push(UnderWay { to, bytes, made: Some(made) });
                continue;
            }
            let Honest { mut own, mut contacts, mut groups, .. } =
                Honest::restored(&self.honest[to].rows());
            let opened = groups.decrypt(&mut own, &mut contacts, &bytes, AD, now);
            assert!(opened.is_err(), "it opened where it was not sent to");
        }
    }

    fn acts(&mut self, who: usize, what: u8, with: u8) {
        let (now, owner) = (self.now(), self.owner(with & 0xf));
        let identity = self.devices[usize::from(with) % PEOPLE].identity;
        let Self { honest, rng, .. } = self;
        let Honest { account, own, contacts, groups, .. } = &mut honest[who];
        match what % 16 {
            7 => {
                let invited: Vec<_> = groups.invitations(own, now).map(|it| it.name()).collect();
                for id in invited {
                    let heard = self.honest[who].joins(&id, now);
                    self.roots[who] = self.honest[who].groups.all[0].roster();
                    self.unblocked(who, &heard);
                }
                return;
            }
            8 => {
                let invited: Vec<GroupId> =
                    groups.invitations(own, now).map(|it| it.group()).collect();
                invited.iter().for_each(|id| _ = groups.decline(id));
                return;
            }
            13 => {
                let rows = self.honest[who].rows();
                let Honest { held, kept, .. } = &mut self.honest[who];
                let (held, kept) = (std::mem::take(held), std::mem::take(kept));
                self.honest[who] = Honest { held, kept, ..Honest::restored(&rows) };
                return;
            }
            14 => {
                if with & 0x80 == 0 {
                    let _ = contacts.accept(own, &identity, now);
                } else if with % 5 != 4 - u8::from(who == 1) {
                    let _ = contacts.refuse(own, &identity, now);
                }
                return;
            }
            _ => {}
        }
        let Some(group) = groups.all.first_mut() else { return };
        let member = group.members().into_iter().find(|member| member.owner == owner);
        let change =
            |member: Option<Member>, change: fn(&Member) -> Change| member.as_ref().map(change);
        let asked = match what % 16 {
            0 => {
                let body = [with, 1, 2];
                let in_group = &mut own.in_group(account, group);
                let sent = in_group.encrypt(contacts, &Payload::new(body), AD, now, rng);
                if let Ok(sent) = sent {
                    self.goes(who, sent, Some(&body));
                }
                return;
            }
            1 => Some(Change::add(&identity)),
            2 => change(member, Change::remove),
            3 => change(member, |member| Change::role(member, Role::Admin)),
            4 => change(member, |member| Change::role(member, Role::Member)),
            5 => Some(Change::about(ABOUTS[usize::from(with) % ABOUTS.len()])),
            6 => {
                let left = own.in_group(account, group).leave(contacts, now, rng);
                self.goes(who, left.unwrap_or_default(), None);
                return;
            }
            9 => {
                let _ = own.in_group(account, group).renew();
                None
            }
            10 => {
                let merged = own.in_group(account, group).merge(contacts, now, rng);
                self.goes(who, merged, None);
                return;
            }
            11 => {
                let _ = group.restored_from_backup();
                None
            }
            12 => {
                let who = if with & 1 == 0 { SetsTimer::Admins } else { SetsTimer::Members };
                Some(Change::sets_timer(who))
            }
            _ => {
                let caught = own.in_group(account, group).catch_up(contacts, now, rng);
                self.goes(who, caught, None);
                return;
            }
        };
        if let Some(change) = asked {
            let signed = own.in_group(account, group).change(contacts, &change, now, rng);
            if let Ok(signed) = signed {
                self.goes(who, signed, None);
            }
        }
    }

    fn passes(&mut self, hours: u8) {
        self.hours = (self.hours + u64::from(hours)).min(MAX_HOURS);
        let now = self.now();
        for who in 0..HONEST {
            let Honest { account, own, contacts, groups, held, kept } = &mut self.honest[who];
            let over = held.maintain(now);
            kept.retain(|(number, _)| !over.contains(number));
            self.waiting[who].retain(|(number, _)| !over.contains(number));
            let outgoing = groups.maintain(own, account, contacts, now, &mut self.rng);
            self.goes(who, outgoing, None);
        }
    }

    /// What is stored comes back, and is little; who is in the group, those say who may.
    fn looks(&mut self, who: usize) {
        let rows = self.honest[who].rows();
        if rows == self.seen[who] {
            return;
        }
        for row in &rows.groups {
            let restored = Group::restore(row).expect("a group comes back");
            assert!(*restored.snapshot() == **row, "a group comes back as another one");
            assert!(row.len() <= MOST_STORED, "{} bytes of a group", row.len());
        }
        assert!(rows.invitations.len() <= MOST_STORED);
        let restored = evanesce::group::Invitations::restore(&rows.invitations);
        assert!(*restored.expect("invitations come back").snapshot() == *rows.invitations);
        if let Some(group) = self.honest[who].groups.all.first() {
            self.check_head(who, group.roster());
        }
        self.seen[who] = rows;
    }

    /// Whoever signed the roster that counts was an admin in the one before it, and so back to the one by which the user came.
    fn check_head(&self, who: usize, head: Key) {
        let find = |hash: &Key| self.signed.iter().find(|signed| signed.hash == *hash);
        let mut next = find(&head);
        assert!(next.is_some() || self.honestly_signed.contains(&head), "nobody signed it");
        while let Some(roster) = next.filter(|roster| roster.hash != self.roots[who]) {
            let Roster { previous, signer, .. } = &roster.says;
            next = find(previous);
            let role = next.and_then(|before| before.says.members.get(signer));
            assert!(next.is_none() || role.is_some_and(|(_, role)| *role == 1));
        }
    }
}
