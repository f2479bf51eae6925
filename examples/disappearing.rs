//! Disappearing messages, told as a story: two people, a timer, and what their devices delete by themselves.
//!
//! Every line that is printed is checked. What to copy is `Person`: how an application stores what the
//! scheduler says, and asks it before it shows anything.

use std::collections::BTreeMap;
use std::error::Error;
use std::time::Duration;

use evanesce::expiry::{
    Age, ContentKey, ConversationId, Effects, ExpiryEvent, ExpiryScheduler, MemberTag, MessageId,
    Monotonic, NewMessage, Now, OpenError, Opens, Parts, Policy, Setting, Stamp, Unsent, Verdict,
    Visibility,
};
use evanesce::server::PublishedPreKeys;
use evanesce::{Account, Address, Payload, Peer, PreKeyBundle, Received};
use rand_chacha::{ChaCha20Rng, rand_core::SeedableRng};

/// Midnight of day 0, in a clock that is set by hand.
const MIDNIGHT: Duration = Duration::from_secs(1_800_000_000 / 86_400 * 86_400);

const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3_600);
const DAY: Duration = Duration::from_secs(86_400);

/// How this application's messages begin. One without a body says nothing but its stamp.
const TEXT: u8 = b'T';
const UNSEND: u8 = b'U';

/// What is stored of a person. In an application these are tables, written in one transaction.
#[derive(Default)]
struct Store {
    messages: BTreeMap<MessageId, Row>,
    /// The scheduler's rows, as they are.
    records: BTreeMap<Vec<u8>, Vec<u8>>,
    account: Vec<u8>,
    peer: Vec<u8>,
}

struct Row {
    content: Vec<u8>,
    is_sealed: bool,
}

/// One person with one device.
struct Person {
    name: &'static str,
    account: Account,
    /// The other's device.
    peer: Peer,
    conversation: ConversationId,
    expiry: ExpiryScheduler,
    store: Store,
    /// How many messages were written: each has its number for an id.
    written: u8,
    echo_due: bool,
    rng: ChaCha20Rng,
    /// The true time since midnight of day 0, and what this device's clocks make of it.
    time: Duration,
    wall_is_ahead: Duration,
    boot: u128,
    booted: Duration,
}

fn main() -> Result<(), Box<dyn Error>> {
    let (mut alice, mut bob) = meet(at(0, "12:00:00"))?;

    // A timer is agreed on: whoever hears of it adopts it, and every message repeats it.
    let change = alice.set(Policy::after_read(HOUR))?;
    until(&mut [&mut alice, &mut bob], at(0, "12:00:01"));
    bob.receive(&change)?;
    bob.accept();
    assert_eq!(timer(&alice), "1 hour after reading");
    assert_eq!(timer(&bob), "1 hour after reading");

    // The clock of a message starts when it is read; for who wrote it, when it was sent.
    let lunch = tell(&mut alice, &mut bob, at(0, "12:05:00"), "Lunch at one?", Opens::Unlimited)?;
    until(&mut [&mut alice, &mut bob], at(0, "12:10:00"));
    bob.read(lunch);
    assert_eq!(bob.ends(lunch), Some(at(0, "13:10:00")));
    assert_eq!(alice.ends(lunch), Some(at(0, "13:05:00")));

    // Both change the timer at once, and the changes cross: the stricter one holds, for both.
    until(&mut [&mut alice, &mut bob], at(0, "12:20:00"));
    let alices = alice.set(Policy::after_read(5 * MINUTE))?;
    let bobs = bob.set(Policy::after_read(DAY))?;
    assert_eq!(
        (timer(&alice), timer(&bob)),
        ("5 minutes after reading".into(), "1 day after reading".into())
    );
    until(&mut [&mut alice, &mut bob], at(0, "12:20:01"));
    alice.receive(&bobs)?;
    assert!(alice.echo_due);
    alice.says("keeps 5 minutes, the stricter of the two, and repeats it");
    let echo = alice.encrypt(&[], alice.expiry.stamp(alice.conversation))?;
    bob.receive(&alices)?;
    bob.receive(&echo)?;
    assert_eq!(timer(&alice), "5 minutes after reading");
    assert_eq!(alice.expiry.setting(alice.conversation), bob.expiry.setting(bob.conversation));

    // What was sent before keeps its hour, to the second.
    assert_eq!(bob.ends(lunch), Some(at(0, "13:10:00")));
    until(&mut [&mut alice, &mut bob], at(0, "13:09:59"));
    assert_eq!((alice.shows(lunch), bob.shows(lunch)), (None, Some("Lunch at one?".into())));
    until(&mut [&mut alice, &mut bob], at(0, "13:10:00"));
    assert_eq!(bob.shows(lunch), None);

    // View once: the content is sealed, and its key is handed out one time.
    let photo = tell(&mut alice, &mut bob, at(0, "14:00:00"), "a photo", Opens::Once)?;
    assert_eq!(alice.shows(photo).as_deref(), Some("a photo"));
    assert_ne!(bob.shows(photo).as_deref(), Some("a photo"));
    until(&mut [&mut alice, &mut bob], at(0, "14:02:00"));
    assert_eq!(bob.open(photo)?.as_deref(), Some("a photo"));
    bob.says("opens \"a photo\", once");
    let refusal = bob.open(photo).err().ok_or("it was opened twice")?;
    assert_eq!(refusal, OpenError::Gone);
    bob.says(&format!("tries again, and is refused: {refusal}"));
    until(&mut [&mut alice, &mut bob], at(0, "14:30:00"));
    assert!(alice.store.messages.is_empty() && bob.store.messages.is_empty());

    // Only its author takes a message back.
    let slip = tell(&mut alice, &mut bob, at(0, "15:00:00"), "Bob snores.", Opens::Unlimited)?;
    until(&mut [&mut alice, &mut bob], at(0, "15:00:20"));
    let request = bob.unsend(slip)?;
    assert!(alice.receive(&request)?.is_none() && alice.shows(slip).is_some());
    until(&mut [&mut alice, &mut bob], at(0, "15:00:40"));
    alice.delete(slip);
    let request = alice.unsend(slip)?;
    bob.receive(&request)?;
    until(&mut [&mut alice, &mut bob], at(0, "15:00:41"));
    assert_eq!((alice.shows(slip), bob.shows(slip)), (None, None));

    // One that will never be read.
    let call = tell(&mut alice, &mut bob, at(0, "15:30:00"), "Call me!", Opens::Unlimited)?;
    assert_eq!(bob.ends(call), Some(at(30, "15:30:01")));

    // Bob's device is off when the time of a message comes: it deletes when it is on again, and
    // shows nothing before that.
    let code =
        tell(&mut alice, &mut bob, at(0, "16:00:00"), "The code is 4711.", Opens::Unlimited)?;
    until(&mut [&mut alice, &mut bob], at(0, "16:01:00"));
    bob.read(code);
    until(&mut [&mut alice, &mut bob], at(0, "16:02:00"));
    bob.says("switches the device off");
    until(&mut [&mut alice], at(0, "18:00:00"));
    bob.restart(at(0, "18:00:00"))?;
    assert!(bob.store.messages.contains_key(&code) && bob.shows(code).is_none());
    bob.says("switches it on: all is back from the store, and the code is not shown");
    assert_eq!(bob.ends(call), Some(at(30, "15:30:01")));
    assert_eq!(bob.shows(call).as_deref(), Some("Call me!"));

    // While a device is up nobody ends a life, or makes it longer, by setting the clock.
    let train = tell(&mut alice, &mut bob, at(1, "09:00:00"), "Train at ten.", Opens::Unlimited)?;
    until(&mut [&mut alice, &mut bob], at(1, "09:01:00"));
    bob.read(train);
    until(&mut [&mut alice, &mut bob], at(1, "09:02:00"));
    bob.wall_is_ahead = 10 * DAY;
    assert_eq!(bob.ends(train), Some(at(1, "09:06:00")));
    assert_eq!(bob.ends(call), Some(at(30, "15:30:01")));
    bob.says("sets the clock ten days ahead, which changes nothing");
    until(&mut [&mut alice, &mut bob], at(1, "09:05:59"));
    assert_eq!(bob.shows(train).as_deref(), Some("Train at ten."));
    until(&mut [&mut alice, &mut bob], at(1, "09:06:00"));
    assert_eq!(bob.shows(train), None);

    // What nobody reads ends after 30 days.
    until(&mut [&mut alice, &mut bob], at(30, "15:30:00"));
    assert_eq!(bob.shows(call).as_deref(), Some("Call me!"));
    until(&mut [&mut alice, &mut bob], at(30, "15:30:01"));
    for person in [&alice, &bob] {
        assert!(person.store.messages.is_empty() && person.expiry.held_messages() == 0);
        assert_eq!(timer(person), "5 minutes after reading");
        person.says(&format!("has no messages left; the timer stays: {}", timer(person)));
    }
    Ok(())
}

impl Person {
    /// All that comes of an event is stored first; then the screen is told.
    fn apply(&mut self, effects: &Effects) {
        for write in &effects.writes {
            let key = write.key.as_bytes().to_vec();
            match &write.value {
                Some(value) => _ = self.store.records.insert(key, value.to_vec()),
                None => _ = self.store.records.remove(&key),
            }
        }
        for event in &effects.events {
            match event {
                ExpiryEvent::SettingChanged { previous, setting, .. } => {
                    self.says(&changed(self.tag(), *previous, *setting));
                }
                ExpiryEvent::EchoDue { .. } => self.echo_due = true,
                other => panic!("{other:?} is not in this story"),
            }
        }
    }

    /// Changes the timer. The message that says so needs no body.
    fn set(&mut self, policy: Policy) -> Result<Vec<u8>, Box<dyn Error>> {
        let (tag, now) = (self.tag(), self.now());
        let effects = self.expiry.set(self.conversation, Some(policy), tag, now);
        self.apply(&effects);
        self.encrypt(&[], self.expiry.stamp(self.conversation).announcing_change())
    }

    /// Writes a message. It is stored with its record before it leaves; its clock starts when it has left.
    fn write(&mut self, text: &str, opens: Opens) -> Result<Vec<u8>, Box<dyn Error>> {
        self.written += 1;
        let id = MessageId::by(self.tag(), &[self.written]);
        let stamp = self.expiry.stamp(self.conversation).with_opens(opens);
        let message = NewMessage::new(id, self.conversation, self.tag());
        let arrival = self.expiry.queued(message, &stamp, self.now());
        self.store.messages.insert(id, Row { content: text.into(), is_sealed: false });
        self.apply(&arrival.effects);
        let letter = self.encrypt(&[&[TEXT, self.written], text.as_bytes()].concat(), stamp)?;
        let effects = self.expiry.sent(id, Age::NONE, self.now());
        self.apply(&effects);
        let how = if opens == Opens::Once { ", to be viewed once" } else { "" };
        self.says(&format!("writes \"{text}\"{how}"));
        Ok(letter)
    }

    /// Asks the other's device to delete a message.
    fn unsend(&mut self, id: MessageId) -> Result<Vec<u8>, Box<dyn Error>> {
        let what = text(&self.store.messages[&id].content);
        self.says(&format!("asks the other's device to delete \"{what}\""));
        let body = [&[UNSEND], id.0.as_slice()].concat();
        self.encrypt(&body, self.expiry.stamp(self.conversation))
    }

    /// Whoever writes first may be answered once the user agrees.
    fn accept(&mut self) {
        if self.peer.accept_request().any() {
            self.save();
        }
    }

    /// The stamp travels inside the encryption: no server sees a timer.
    fn encrypt(&mut self, body: &[u8], stamp: Stamp) -> Result<Vec<u8>, Box<dyn Error>> {
        let (payload, now) = (Payload::new(body).with_stamp(stamp), self.now().timestamp());
        let sent = self.peer.encrypt(&payload, b"", now, &mut self.rng)?;
        self.save();
        Ok(sent.message)
    }

    /// Takes in what comes; gives the id of a message that is to be kept.
    fn receive(&mut self, letter: &[u8]) -> Result<Option<MessageId>, Box<dyn Error>> {
        let now = self.now();
        let delivered = self.peer.decrypt(&mut self.account, letter, b"", now.timestamp())?;
        let Received { body, stamp, .. } = delivered.received;
        // Who the session says it is, never what a message says.
        let author = self.peer.device().ok_or("nobody is pinned")?.identity.member_tag();
        let mut kept = None;
        match body.as_slice() {
            [TEXT, number, text @ ..] => {
                let id = MessageId::by(author, &[*number]);
                let mut message = NewMessage::new(id, self.conversation, author);
                let is_sealed = stamp.as_ref().is_ok_and(|stamp| stamp.opens != Opens::Unlimited);
                let mut content = text.to_vec();
                if is_sealed {
                    let key = ContentKey::generate(&mut self.rng);
                    content = key.seal(id, Parts::BODY, text);
                    message = message.sealed_under(key);
                }
                let arrival = self.expiry.received(message, &stamp, Age::NONE, now);
                if arrival.verdict == Verdict::Keep {
                    self.store.messages.insert(id, Row { content, is_sealed });
                    kept = Some(id);
                }
                self.apply(&arrival.effects);
            }
            [UNSEND, id @ ..] => {
                let effects = self.expiry.heard(self.conversation, &stamp, Age::NONE, now);
                self.apply(&effects);
                match self.expiry.unsent(MessageId(id.try_into()?), author, now) {
                    Unsent::Due(effects) => self.apply(&effects),
                    Unsent::NotAuthor => self.says("refuses, as he did not write it"),
                    other => panic!("{other:?} is not in this story"),
                }
            }
            _ => {
                let effects = self.expiry.heard(self.conversation, &stamp, Age::NONE, now);
                self.apply(&effects);
            }
        }
        self.save();
        Ok(kept)
    }

    /// Asked before each time that something is drawn: what has ended is not shown, deleted or not.
    fn shows(&self, id: MessageId) -> Option<String> {
        match self.expiry.visibility(id, self.now()) {
            Visibility::Shown => Some(text(&self.store.messages.get(&id)?.content)),
            // Where it stands: its content is for `open` alone.
            Visibility::Placeholder => Some("(to be opened once)".into()),
            Visibility::Withheld | Visibility::Gone => None,
        }
    }

    /// Stored, then shown: what was seen is never without its clock.
    fn read(&mut self, id: MessageId) {
        let effects = self.expiry.read(id, self.now());
        self.apply(&effects);
        let (shown, ends) = (self.shows(id).expect("it is there"), self.ends(id).expect("it ends"));
        self.says(&format!("reads \"{shown}\", which now ends at {}", clock(ends)));
    }

    /// That it was opened is stored before the key is there, so no crash gives a second time.
    fn open(&mut self, id: MessageId) -> Result<Option<String>, OpenError> {
        let opening = self.expiry.open(id, self.now())?;
        self.apply(&opening.effects);
        let (key, row) = (opening.release(), self.store.messages.get(&id));
        let content = key.zip(row).and_then(|(key, row)| key.open(id, Parts::BODY, &row.content));
        Ok(content.map(|content| text(&content)))
    }

    fn delete(&mut self, id: MessageId) {
        let effects = self.expiry.deleted(id, self.now());
        self.apply(&effects);
    }

    /// Deletes what has come due, and confirms it in the same transaction: what is not confirmed comes
    /// again.
    fn wake(&mut self) {
        let poll = self.expiry.poll(100, self.now());
        self.apply(&poll.effects);
        for due in poll.due {
            // This application keeps one row of a message. Who keeps files, previews or quotes apart deletes
            // what `due.parts` names, each in its place, and a message that has not ended lives on.
            assert!(due.ended && due.parts == Parts::BODY);
            // The screen has not shown it since its time came, however late this is.
            assert_eq!(self.shows(due.id), None);
            if let Some(Row { content, is_sealed }) = self.store.messages.remove(&due.id) {
                let what = if is_sealed {
                    "the sealed photo".into()
                } else {
                    format!("\"{}\"", text(&content))
                };
                self.says(&format!("deletes {what}"));
            }
            let effects = self.expiry.done(due.id, due.parts, self.now());
            self.apply(&effects);
        }
    }

    /// The device starts anew: nothing is left but the store.
    fn restart(&mut self, time: Duration) -> Result<(), Box<dyn Error>> {
        (self.time, self.boot, self.booted) = (time, self.boot + 1, time);
        self.account = Account::restore(&self.store.account)?;
        self.peer = Peer::restore(&self.store.peer)?;
        self.expiry = ExpiryScheduler::from_records(&self.store.records)?;
        Ok(())
    }

    fn save(&mut self) {
        self.store.account = self.account.snapshot().to_vec();
        self.store.peer = self.peer.snapshot().to_vec();
    }

    /// When a message ends, as far as is known.
    fn ends(&self, id: MessageId) -> Option<Duration> {
        Some(self.time + self.expiry.remaining(id, self.now())?)
    }

    fn tag(&self) -> MemberTag {
        self.account.device().identity.member_tag()
    }

    fn now(&self) -> Now {
        let monotonic = Monotonic { boot: self.boot, elapsed: self.time - self.booted };
        Now { wall: MIDNIGHT + self.time + self.wall_is_ahead, monotonic: Some(monotonic) }
    }

    fn says(&self, line: &str) {
        let day = self.time.as_secs() / DAY.as_secs();
        println!("day {day:>2}  {}  {:<5}  {line}", clock(self.time), self.name);
    }
}

/// Two accounts, and a session that Alice begins with Bob's published prekeys.
fn meet(time: Duration) -> Result<(Person, Person), Box<dyn Error>> {
    // Addresses are ids that never change.
    let mut alice = person("Alice", "user-17/device-1", "user-23/device-1", time, 1)?;
    let mut bob = person("Bob", "user-23/device-1", "user-17/device-1", time, 2)?;
    let now = alice.now().timestamp();
    let upload =
        bob.account.maintain(None, now, &mut bob.rng).upload.ok_or("nothing to publish")?;
    let _ = bob.account.mark_published(&upload);
    let bundle = PreKeyBundle::decode(&PublishedPreKeys::new(upload).hand_out())?.verify(now)?;
    if alice.peer.initiate(&alice.account, bundle, now, &mut alice.rng)?.any() {
        alice.save();
    }
    Ok((alice, bob))
}

fn person(
    name: &'static str,
    address: &str,
    other: &str,
    time: Duration,
    seed: u64,
) -> Result<Person, Box<dyn Error>> {
    let mut rng = ChaCha20Rng::seed_from_u64(seed);
    let now = Now::from_wall(MIDNIGHT + time);
    let account = Account::generate(Address::new(address)?, now.timestamp(), &mut rng);
    let now = Now { monotonic: Some(Monotonic { boot: 0, elapsed: Duration::ZERO }), ..now };
    let mut person = Person {
        name,
        account,
        peer: Peer::new(Address::new(other)?),
        conversation: ConversationId::named(other.as_bytes()),
        expiry: ExpiryScheduler::new(now, &mut rng),
        store: Store::default(),
        written: 0,
        echo_due: false,
        rng,
        time,
        wall_is_ahead: Duration::ZERO,
        boot: 0,
        booted: time,
    };
    // A new scheduler is stored whole; from then on what has changed is enough.
    let mut whole = Effects::default();
    whole.writes = person.expiry.records().collect();
    person.apply(&whole);
    person.save();
    Ok(person)
}

/// Lets time pass. Each device that is up wakes when its scheduler has asked for it.
fn until(people: &mut [&mut Person], moment: Duration) {
    loop {
        let wakeups = people.iter().enumerate().filter_map(|(place, person)| {
            Some((person.time + person.expiry.next_wakeup(person.now())?, place))
        });
        let Some((wakeup, place)) = wakeups.min().filter(|(wakeup, _)| *wakeup <= moment) else {
            break;
        };
        people.iter_mut().for_each(|person| person.time = wakeup);
        people[place].wake();
    }
    people.iter_mut().for_each(|person| person.time = moment);
}

/// One writes, and a second later the other has it.
fn tell(
    from: &mut Person,
    to: &mut Person,
    time: Duration,
    text: &str,
    opens: Opens,
) -> Result<MessageId, Box<dyn Error>> {
    until(&mut [from, to], time);
    let letter = from.write(text, opens)?;
    until(&mut [from, to], time + Duration::from_secs(1));
    Ok(to.receive(&letter)?.ok_or("it was not kept")?)
}

/// What the screen says of a setting that has become another.
fn changed(ours: MemberTag, previous: Option<Setting>, setting: Setting) -> String {
    let holds = life(setting.policy);
    match previous {
        _ if setting.by == ours => format!("sets the timer: {holds}"),
        // Made here while the other made theirs: the user is told that it has not come to be.
        Some(lost) if lost.by == ours && lost.version == setting.version => {
            format!("learns that the timer is {holds}, not {}", life(lost.policy))
        }
        _ => format!("sees the new timer: {holds}"),
    }
}

fn timer(person: &Person) -> String {
    life(person.expiry.setting(person.conversation).and_then(|setting| setting.policy))
}

fn life(policy: Option<Policy>) -> String {
    let Some(Policy::AfterRead { ttl }) = policy else {
        return "off".into();
    };
    match u64::from(ttl.get()) {
        86_400 => "1 day after reading".into(),
        3_600 => "1 hour after reading".into(),
        seconds => format!("{} minutes after reading", seconds / 60),
    }
}

/// A time of day, as hours, minutes and seconds.
fn at(day: u32, time: &str) -> Duration {
    let parts = time.split(':').map(|part| part.parse::<u64>().expect("a number"));
    DAY * day + Duration::from_secs(parts.fold(0, |sum, part| sum * 60 + part))
}

fn clock(time: Duration) -> String {
    let seconds = time.as_secs() % DAY.as_secs();
    format!("{:02}:{:02}:{:02}", seconds / 3_600, seconds / 60 % 60, seconds % 60)
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
