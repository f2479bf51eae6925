//! A naive server for prekeys, to compare with: lists, and the rules of docs/protocol.md §14.2.

use std::collections::{BTreeMap, BTreeSet};

use arbitrary::{Arbitrary, Unstructured};
use evanesce::server::{PreKeyStock, PreKeyUpload, PublishedPreKeys};
use evanesce::{PreKeyBundle, Suite};

use crate::formats::{self, SignedPart};

/// What a script begins with, as no upload does.
pub const SCRIPT: u8 = 0xff;

/// How many events one script has at most.
const MAX_EVENTS: usize = 24;

/// How many one-time prekeys a server keeps for one device.
const MAX_ONE_TIME_PREKEYS: usize = 1_000;

/// How many one-time prekeys an upload may have here: few, or as many as nearly fill a server. In suite 2, where each
/// has 1,668 bytes, always few.
const COUNTS: [u32; 8] = [0, 1, 2, 3, 5, 9, 30, 999];
const COUNTS_HYBRID: [u32; 8] = [0, 1, 2, 3, 4, 5, 7, 9];

/// What a server gets.
#[derive(Debug)]
pub enum Input<'bytes> {
    /// Bytes that may be an upload.
    Upload(&'bytes [u8]),
    /// Events in order.
    Script(Vec<Event>),
}

/// What the device or an initiator does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// The device uploads something.
    Publish(Description),
    /// Initiators ask for bundles.
    HandOut { count: u8 },
}

/// An upload in a few numbers, so that two of them often have something in common.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Description {
    /// Identity and address: two of each.
    pub device: u8,
    pub suite: Suite,
    pub signed_prekey_id: u8,
    pub created: u8,
    /// In place of all that was published before.
    pub replaces_all: bool,
    pub first_one_time_id: u8,
    /// A place in [`COUNTS`].
    pub count: u8,
    /// Other keys under the same ids.
    pub generation: u8,
}

impl<'bytes> Arbitrary<'bytes> for Input<'bytes> {
    fn arbitrary(bytes: &mut Unstructured<'bytes>) -> arbitrary::Result<Self> {
        let bytes = bytes.bytes(bytes.len())?;
        let Some((&SCRIPT, script)) = bytes.split_first() else {
            return Ok(Self::Upload(bytes));
        };
        let (events, _) = script.as_chunks();
        Ok(Self::Script(events.iter().copied().map(Event::from_bytes).take(MAX_EVENTS).collect()))
    }
}

impl Event {
    fn from_bytes([kind, a, b, c]: [u8; 4]) -> Self {
        if kind % 2 == 0 {
            return Self::HandOut { count: a % 16 };
        }
        Self::Publish(Description {
            device: a & 3,
            suite: if c >> 5 & 1 == 0 { Suite::Classical } else { Suite::Hybrid },
            signed_prekey_id: a >> 2 & 3,
            created: a >> 4 & 3,
            replaces_all: a >> 6 & 1 == 1,
            first_one_time_id: b,
            count: c & 7,
            generation: c >> 3 & 3,
        })
    }

    /// The bytes that become this event.
    #[must_use]
    pub fn to_bytes(self) -> [u8; 4] {
        match self {
            Self::HandOut { count } => [0, count, 0, 0],
            Self::Publish(description) => {
                let Description {
                    device,
                    suite,
                    signed_prekey_id,
                    created,
                    replaces_all,
                    first_one_time_id,
                    count,
                    generation,
                } = description;
                let a = u8::from(replaces_all) << 6 | created << 4 | signed_prekey_id << 2 | device;
                let is_hybrid = u8::from(suite == Suite::Hybrid);
                [1, a, first_one_time_id, is_hybrid << 5 | generation << 3 | count]
            }
        }
    }
}

impl Description {
    /// The upload's bytes (§14.2). No server looks at the signature.
    fn encode(self) -> Vec<u8> {
        let Self {
            device,
            suite,
            signed_prekey_id,
            created,
            replaces_all,
            first_one_time_id,
            count,
            generation,
        } = self;
        // Behind the X25519 key stand an ML-KEM key and, where it is of a one-time prekey, a signature.
        let (suite, counts, more) = match suite {
            Suite::Classical => (1, COUNTS, [0, 0]),
            Suite::Hybrid => (2, COUNTS_HYBRID, [1_568, 64]),
        };
        let (identity, address) = (device & 1, b'a' + (device >> 1));
        let mut bytes = vec![1 + u8::from(replaces_all), 1, suite];
        bytes.extend([identity; 64]);
        bytes.extend([1, address, 0, 0, 0, signed_prekey_id]);
        bytes.extend(vec![9; 32 + more[0]]);
        for time in [created, created + 1] {
            bytes.extend(u64::from(time).to_be_bytes());
        }
        bytes.extend([generation; 64]);
        let first = u32::from(first_one_time_id);
        for id in first..first + counts[usize::from(count)] {
            bytes.extend(id.to_be_bytes());
            bytes.extend(vec![generation; 32 + more[0] + more[1]]);
        }
        bytes
    }
}

/// What a server must hold.
struct Naive {
    signed_part: Vec<u8>,
    /// The bytes of each, by its id.
    one_time_prekeys: BTreeMap<u32, Vec<u8>>,
    highest_id: Option<u32>,
    /// Other keys came under the same ids and this signed part.
    made_again: bool,
    /// Of each device at this address, which is 65 bytes here, all that its signed parts said.
    had: BTreeMap<Vec<u8>, Vec<(u32, u64)>>,
    /// What was handed out since the last new start.
    handed_out: BTreeSet<Vec<u8>>,
}

impl Naive {
    fn new(upload: &[u8]) -> Self {
        let (signed_part, _) = formats::upload(upload).expect("an upload");
        let mut naive = Self {
            signed_part: signed_part.bytes.to_vec(),
            one_time_prekeys: BTreeMap::new(),
            highest_id: None,
            made_again: false,
            had: BTreeMap::new(),
            handed_out: BTreeSet::new(),
        };
        let said = (signed_part.id, signed_part.created);
        naive.had.insert(device(&signed_part), vec![said]);
        naive.publish(upload);
        naive
    }

    fn publish(&mut self, upload: &[u8]) {
        let (theirs, one_time_prekeys) = formats::upload(upload).expect("an upload");
        let present = [&self.signed_part[..], &[0]].concat();
        let (ours, _) = formats::bundle(&present).expect("what is here was an upload's");
        let another_key = one_time_prekeys.iter().any(|new| {
            let held = self.one_time_prekeys.get(&new.id);
            held.is_some_and(|held| held != new.bytes)
        });
        let another_suite = ours.suite != theirs.suite;
        let had = self.had.entry(device(&theirs)).or_default();
        let is_higher = had.iter().all(|(id, _)| theirs.id > *id);
        let is_later = had.iter().all(|(_, created)| theirs.created > *created);
        let is_present = theirs.bytes == self.signed_part;
        let begins = if is_present {
            another_key
        } else if device(&ours) != device(&theirs) {
            had.is_empty() || is_later || is_higher
        } else {
            is_later && !is_higher || is_higher && (upload[0] == 2 || another_key || another_suite)
        };
        let rotates = !is_present && device(&ours) == device(&theirs) && is_higher;
        let is_late = if is_present { another_key && self.made_again } else { !begins && !rotates };
        if is_late {
            return;
        }
        had.push((theirs.id, theirs.created));
        if begins {
            self.one_time_prekeys.clear();
            self.handed_out.clear();
            self.highest_id = None;
        }
        self.made_again = is_present && (begins || self.made_again);
        self.signed_part = theirs.bytes.to_vec();
        for one_time in one_time_prekeys {
            if Some(one_time.id) > self.highest_id
                && self.one_time_prekeys.len() < MAX_ONE_TIME_PREKEYS
            {
                self.highest_id = Some(one_time.id);
                self.one_time_prekeys.insert(one_time.id, one_time.bytes.to_vec());
            }
        }
    }

    fn hand_out(&mut self) -> Vec<u8> {
        let mut bundle = self.signed_part.clone();
        let Some((_, one_time)) = self.one_time_prekeys.pop_first() else {
            bundle.push(0);
            return bundle;
        };
        bundle.push(1);
        bundle.extend(&one_time);
        assert!(self.handed_out.insert(one_time), "a one-time prekey goes out twice");
        bundle
    }
}

/// Identity and address.
fn device(signed_part: &SignedPart<'_>) -> Vec<u8> {
    [signed_part.identity, signed_part.address].concat()
}

/// Bytes decode as an upload exactly if they are one, and come back.
fn check_upload(bytes: &[u8]) -> Option<PreKeyUpload> {
    let upload = match (PreKeyUpload::decode(bytes), formats::upload(bytes)) {
        (Ok(upload), Ok((signed_part, one_time_prekeys))) => {
            assert_eq!(upload.signed_part(), signed_part.bytes);
            let ids = upload.one_time_prekeys().iter().map(|prekey| prekey.id());
            assert!(ids.eq(one_time_prekeys.iter().map(|prekey| prekey.id)));
            upload
        }
        (Err(error), Err(expected)) => {
            assert_eq!(error, expected);
            return None;
        }
        (decoded, read) => panic!("decoded as {decoded:?}, read as {read:?}"),
    };
    assert_eq!(upload.encode(), bytes);
    let bundle = [upload.signed_part(), &[0]].concat();
    assert_eq!(upload.bundle().encode(), bundle);
    assert_eq!(PreKeyBundle::decode(&bundle), Ok(upload.bundle()));
    Some(upload)
}

/// Checks that a server does with it what the naive one does.
///
/// # Panics
///
/// If anything is not as it must be.
pub fn check(input: &Input<'_>) {
    match input {
        Input::Upload(bytes) => check_one_upload(bytes),
        Input::Script(events) => check_script(events),
    }
}

/// All that a server hands out of one upload is what was put in, each once.
fn check_one_upload(bytes: &[u8]) {
    if let Some(upload) = check_upload(bytes) {
        let mut server = PublishedPreKeys::new(upload);
        let mut naive = Naive::new(bytes);
        for _ in 0..=naive.one_time_prekeys.len() {
            check_hand_out(&mut server, &mut naive);
        }
        assert_eq!(server.one_time_prekeys_left(), 0);
    }
}

fn check_script(events: &[Event]) {
    let mut servers: Option<(PublishedPreKeys, Naive)> = None;
    let mut former: Vec<PreKeyUpload> = Vec::new();
    for event in events {
        match *event {
            Event::Publish(description) => {
                let bytes = description.encode();
                let upload = check_upload(&bytes).expect("a well-formed upload");
                former.push(upload.clone());
                match &mut servers {
                    None => {
                        let server = PublishedPreKeys::new(upload);
                        servers = Some((server, Naive::new(&bytes)));
                    }
                    Some((server, naive)) => {
                        server.publish(upload.clone());
                        naive.publish(&bytes);
                        let once = server.clone();
                        server.publish(upload);
                        assert!(*server == once, "the same upload again changed something");
                        for late in &former {
                            if late.signed_part() != naive.signed_part {
                                server.publish(late.clone());
                                assert!(*server == once, "a late upload changed something");
                            }
                        }
                    }
                }
            }
            Event::HandOut { count } => {
                if let Some((server, naive)) = &mut servers {
                    (0..count).for_each(|_| check_hand_out(server, naive));
                }
            }
        }
        if let Some((server, naive)) = &servers {
            let stock = server.stock();
            assert_eq!(PreKeyStock::decode(&stock.encode()), Ok(stock));
            assert_eq!(stock.highest_id, naive.highest_id);
            assert_eq!(stock.lowest_id, naive.one_time_prekeys.keys().next().copied());
            assert_eq!(server.one_time_prekeys_left(), naive.one_time_prekeys.len());
        }
    }
}

fn check_hand_out(server: &mut PublishedPreKeys, naive: &mut Naive) {
    let bundle = server.hand_out();
    assert_eq!(bundle, naive.hand_out());
    assert!(PreKeyBundle::decode(&bundle).is_ok(), "what is handed out does not decode");
}
