//! A second reader of snapshots, of both suites, written from docs/protocol.md §14.4: it says what stands where.

use std::ops::Range;

use sha2::{Digest, Sha256};

/// Bytes before the state, and after it.
const HEAD: usize = 10;
const CHECK: usize = 16;

/// The suites.
const CLASSICAL: u8 = 1;
const HYBRID: u8 = 2;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Secret,
    Public,
    Number,
    /// A byte of which few values are written: which of several things follows, or how far something is.
    Tag,
}

#[derive(Clone, Debug)]
pub struct Field {
    pub name: String,
    pub place: Range<usize>,
    pub kind: Kind,
}

/// All fields of a snapshot, in order. Fails unless they fill it.
pub fn fields(snapshot: &[u8]) -> Vec<Field> {
    let bytes = &snapshot[..snapshot.len() - CHECK];
    let mut form = Form { bytes, at: HEAD, path: Vec::new(), found: Vec::new() };
    match snapshot[5] {
        1 => form.account(),
        2 => _ = form.session(),
        3 => form.peer(),
        4 => form.pair(),
        7 => form.person(),
        8 => form.own_devices(),
        kind => panic!("kind {kind}"),
    }
    assert_eq!(form.at, bytes.len(), "the form of docs/protocol.md fills the snapshot");
    form.found
}

/// The place of the one field with this name.
pub fn place(snapshot: &[u8], name: &str) -> Range<usize> {
    find(snapshot, name).unwrap_or_else(|| panic!("there is no {name}"))
}

/// The same, if there is one.
pub fn find(snapshot: &[u8], name: &str) -> Option<Range<usize>> {
    let mut named = fields(snapshot).into_iter().filter(|field| field.name == name);
    let place = named.next()?.place;
    assert!(named.next().is_none(), "{name} is there twice");
    Some(place)
}

/// The snapshot with other bytes in a place, length and check made right.
pub fn with(snapshot: &[u8], place: Range<usize>, bytes: &[u8]) -> Vec<u8> {
    let state_end = snapshot.len() - CHECK;
    let mut changed = snapshot[..state_end].to_vec();
    changed.splice(place, bytes.iter().copied());
    let length = u32::try_from(changed.len() - HEAD).unwrap();
    changed[6..HEAD].copy_from_slice(&length.to_be_bytes());
    let hash =
        Sha256::new().chain_update("evanesce/v1 stored state").chain_update(&changed).finalize();
    changed.extend_from_slice(&hash[..CHECK]);
    changed
}

struct Form<'bytes> {
    /// Up to the check.
    bytes: &'bytes [u8],
    at: usize,
    path: Vec<String>,
    found: Vec<Field>,
}

impl Form<'_> {
    /// Each takes a byte at least, and none stands outside: what is taken for a count by mistake asks for no memory.
    fn field(&mut self, name: &str, length: usize, kind: Kind) -> Range<usize> {
        let place = self.at..self.at + length;
        let name = [self.path.as_slice(), &[name.to_owned()]].concat().join(".");
        assert!(length > 0 && place.end <= self.bytes.len(), "{name} ends behind the state");
        self.found.push(Field { name, place: place.clone(), kind });
        self.at = place.end;
        place
    }

    fn within(&mut self, name: impl Into<String>, read: impl FnOnce(&mut Self)) {
        self.path.push(name.into());
        read(self);
        self.path.pop();
    }

    fn secret(&mut self, name: &str) {
        self.field(name, 32, Kind::Secret);
    }

    fn public(&mut self, name: &str) {
        self.field(name, 32, Kind::Public);
    }

    fn number(&mut self, name: &str) -> u64 {
        let length = self.bytes[self.at..].iter().position(|byte| byte & 0x80 == 0).unwrap() + 1;
        let place = self.field(name, length, Kind::Number);
        let bits = self.bytes[place].iter().rev();
        bits.fold(0, |number, byte| number << 7 | u64::from(byte & 0x7f))
    }

    fn numbers(&mut self, names: &[&str]) {
        names.iter().for_each(|name| {
            self.number(name);
        });
    }

    fn tag(&mut self, name: &str) -> u8 {
        let place = self.field(name, 1, Kind::Tag);
        self.bytes[place.start]
    }

    /// How many there are.
    fn each(&mut self, name: &str, read: impl Fn(&mut Self)) -> u64 {
        let count = self.number(&format!("{name}_count"));
        self.within_each(name, count, read);
        count
    }

    fn within_each(&mut self, name: &str, count: u64, read: impl Fn(&mut Self)) {
        (0..count).for_each(|index| self.within(format!("{name}{index}"), &read));
    }

    fn duration(&mut self, name: &str) {
        self.within(name, |form| form.numbers(&["seconds", "nanoseconds"]));
    }

    fn address(&mut self) {
        let length = usize::from(self.bytes[self.at]);
        self.field("address", 1 + length, Kind::Public);
    }

    fn account(&mut self) {
        self.secret("identity_seed");
        self.address();
        self.within("current", Self::signed_prekey);
        self.tag("publication");
        let replaced = self.each("replaced", |form| {
            form.signed_prekey();
            form.number("replaced");
            if form.tag("has_former_address") == 1 {
                form.address();
            }
        });
        self.numbers(&["next_id", "published_below"]);
        let one_time = self.each("one_time", |form| {
            form.number("ids_passed");
            form.pair();
        });
        self.within("session", Self::session_limits);
        self.within("prekeys", |form| {
            ["lifetime", "rotation", "grace"].iter().for_each(|name| form.duration(name));
            form.numbers(&["max_replaced", "one_time", "max_one_time"]);
        });
        // One of suite 1 ends here.
        if self.at < self.bytes.len() {
            assert_eq!(self.tag("suite"), HYBRID);
            self.within("current", |form| form.secret("seed"));
            self.within_each("replaced", replaced, |form| form.secret("seed"));
            self.within_each("one_time", one_time, |form| form.secret("seed"));
        }
    }

    fn signed_prekey(&mut self) {
        self.number("id");
        self.pair();
        self.numbers(&["created", "expires"]);
        self.each("replay_record", |form| form.public("session_id"));
    }

    fn pair(&mut self) {
        self.secret("secret");
        self.public("public");
    }

    fn session_limits(&mut self) {
        self.numbers(&["max_skip", "max_held_keys", "max_older_chains"]);
        self.duration("held_key_lifetime");
    }

    /// Gives its suite.
    fn session(&mut self) -> u8 {
        self.public("id");
        self.tag("role");
        self.field("peer_identity", 64, Kind::Public);
        self.address();
        let suite = self.handshake();
        self.within("limits", Self::session_limits);
        self.secret("root_key");
        self.within("sending", |form| match form.tag("state") {
            0 => form.pair(),
            1 => {
                form.public("their_ratchet_key");
                form.number("previous_length");
            }
            _ => {
                form.pair();
                form.secret("header_key");
                form.secret("chain_key");
                form.numbers(&["sent", "previous_length"]);
            }
        });
        self.secret("next_sending_header_key");
        let has_current = self.tag("has_current") == 1;
        if has_current {
            self.within("current", |form| {
                form.public("their_ratchet_key");
                form.secret("header_key");
                form.secret("chain_key");
                form.numbers(&["previous_length", "received"]);
                form.held_keys();
            });
        }
        self.secret("next_receiving_header_key");
        let older = self.each("older", |form| {
            form.public("their_ratchet_key");
            form.secret("header_key");
            form.numbers(&["length", "followed"]);
            form.held_keys();
        });
        self.marks("opened");
        if suite == HYBRID {
            self.within("epochs", Self::epochs);
            // By how much the pq of each chain is below mixed.
            if has_current {
                self.within("current", |form| _ = form.number("pq_below"));
            }
            self.within_each("older", older, |form| _ = form.number("pq_below"));
        }
        suite
    }

    /// The suite of the session, which nothing else tells.
    fn handshake(&mut self) -> u8 {
        match self.tag("handshake") {
            0 => {
                // What each message begins with: 0x11, the suite, ids of the prekeys, one or two.
                let (suite, one_time) = (self.bytes[self.at + 1], self.bytes[self.at + 6] == 1);
                let length = if one_time { 188 } else { 184 };
                let ciphertext = if suite == HYBRID { 1_568 } else { 0 };
                self.field("fields", length + ciphertext, Kind::Public);
                suite
            }
            settled @ (1 | 3) => {
                self.public("record");
                if settled == 3 { HYBRID } else { CLASSICAL }
            }
            2 => CLASSICAL,
            4 => HYBRID,
            other => panic!("a handshake that is {other}"),
        }
    }

    fn epochs(&mut self) {
        self.numbers(&["mixed", "since"]);
        match self.tag("where") & 0x7f {
            0 | 1 | 4 => {}
            2 => {
                self.secret("seed");
                self.carousel();
                self.fragments();
            }
            3 => self.secret("s_e"),
            5 => {
                self.field("id", 4, Kind::Public);
                self.fragments();
            }
            6 => _ = self.field("ek", 1_184, Kind::Public),
            7 => {
                self.field("id", 4, Kind::Public);
                self.secret("s_e");
                self.field("ct_string", 1_120, Kind::Public);
                self.carousel();
            }
            other => panic!("a state of an epoch that is {other}"),
        }
    }

    fn carousel(&mut self) {
        ["pos", "unheard"].iter().for_each(|name| _ = self.tag(name));
    }

    fn fragments(&mut self) {
        let which = self.field("which", 5, Kind::Public);
        let count: u32 = self.bytes[which].iter().map(|byte| byte.count_ones()).sum();
        self.within_each("fragment", u64::from(count), |form| form.public("bytes"));
    }

    /// What stands for messages that came lately.
    fn marks(&mut self, name: &str) {
        self.each(name, |form| {
            form.field("mark", 3, Kind::Public);
        });
    }

    fn budget(&mut self, name: &str) {
        self.within(name, |form| {
            form.number("strikes");
            form.time_if_any("last");
            form.number("proofs");
        });
    }

    fn time_if_any(&mut self, name: &str) {
        if self.tag(&format!("has_{name}")) == 1 {
            self.number(name);
        }
    }

    fn held_keys(&mut self) {
        self.number("watermark");
        let mut left = self.number("held");
        let mut run = 0;
        while left > 0 {
            self.within(format!("run{run}"), |form| {
                form.number("numbers_passed");
                let more = form.number("length_less_one");
                form.number("kept");
                (0..=more).for_each(|key| form.secret(&format!("key{key}")));
                left = left.checked_sub(more + 1).expect("a run has no more keys than there are");
            });
            run += 1;
        }
    }

    fn peer(&mut self) {
        self.address();
        self.each("former", |form| {
            form.address();
            form.number("left");
        });
        if self.tag("contact") != 0 {
            self.field("identity", 64, Kind::Public);
        }
        if self.tag("has_undecided") == 1 {
            self.field("undecided", 64, Kind::Public);
        }
        self.number("max_older_sessions");
        for lifetime in ["older_session_lifetime", "unanswered_lifetime", "silence"] {
            self.duration(lifetime);
        }
        if self.tag("has_session_limits") == 1 {
            self.within("session_limits", Self::session_limits);
        }
        self.each("rejected", |form| {
            form.field("identity", 64, Kind::Public);
        });
        match self.tag("lost_session") {
            1 => _ = self.tag("sent_since"),
            3 | 4 => _ = self.field("begun_since", 32, Kind::Public),
            _ => {}
        }
        ["ordinary", "initial", "forked"].iter().for_each(|name| self.budget(name));
        self.marks("counted");
        self.each("session", |form| {
            let suite = form.session();
            form.numbers(&["begun", "used"]);
            form.time_if_any("waiting");
            form.tag("echo");
            if suite == HYBRID {
                form.number("last_epoch");
            }
        });
        self.number("active");
        self.number("silences");
        self.marks("opened");
        // One that has never had to do with lists of devices ends here.
        if self.at < self.bytes.len() {
            self.within("notices", |form| {
                if form.tag("has_last") == 1 {
                    form.field("last", 72, Kind::Public);
                }
                form.tag("asked");
                form.tag("sends_parts");
            });
        }
    }

    fn person(&mut self) {
        self.field("owner", 64, Kind::Public);
        if self.tag("has_list") == 1 {
            let length = usize::try_from(self.number("list_length")).unwrap();
            self.field("list", length, Kind::Public);
        }
        let marks = self.tag("marked");
        self.each("removed", |form| {
            form.device();
            form.number("went");
        });
        if marks & 2 != 0 {
            for decided in ["contact", "comparison"] {
                self.within(decided, |form| {
                    if form.tag("is_decided") == 1 {
                        form.number("version");
                        form.tag("decision");
                    }
                });
            }
        }
    }

    fn device(&mut self) {
        self.field("identity", 64, Kind::Public);
        self.address();
    }

    fn own_devices(&mut self) {
        self.device();
        self.within("person", Self::person);
        self.each("unconfirmed", Self::device);
        self.tag("put_back");
        if self.tag("has_code") == 1 {
            self.within("code", |form| {
                form.number("made");
                match form.tag("step") {
                    0 => form.secret("secret"),
                    1 => {
                        form.secret("secret");
                        form.device();
                        form.number("added");
                    }
                    2 => {}
                    other => panic!("a code that is {other}"),
                }
            });
        }
        if self.tag("has_offered") == 1 {
            self.within("offered", |form| {
                form.secret("secret");
                form.device();
                form.number("added");
            });
        }
    }
}
