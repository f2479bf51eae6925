//! Replays conversations made by an independent implementation, byte for byte.
//!
//! They are read from `tests/vectors`, or from the directory that `EVANESCE_VECTORS` names. The format
//! is described in `tests/vectors/README.md`. What this replayer does not know, it fails on.

#[path = "support/replay.rs"]
mod replay;

use std::collections::HashMap;
use std::time::Duration;

use evanesce::expiry::Stamp;
use evanesce::limits::Limits;
use evanesce::server::PreKeyUpload;
use evanesce::session::{
    AcceptError, DecryptError, EncryptError, ExternalHandshake, RatchetKeyPair, Session,
    SharedSecret,
};
use evanesce::{Account, Address, Payload, PreKeyBundle, Received, Suite};
use replay::{
    GivenDraws, bytes, conversations as conversations_of, directory, given_draws, number, text,
    time,
};
use serde_json::Value;

#[test]
fn vectors_replay_without_a_difference() {
    for (name, conversation) in conversations() {
        Replay::start(&name, &conversation, Restart::Never).run(&conversation);
    }
}

#[test]
fn vectors_replay_with_a_restart_after_every_step() {
    for (name, conversation) in conversations() {
        Replay::start(&name, &conversation, Restart::AfterEachStep).run(&conversation);
    }
}

/// The conversations of both suites; fails if the directory lacks those of one.
fn conversations() -> Vec<(String, Value)> {
    for pieces in ["pieces.json", "suite2-pieces.json"] {
        let directory = directory();
        assert!(directory.join(pieces).is_file(), "no {pieces} in {directory:?}");
    }
    let mut all = conversations_of("conversation-", 1);
    all.extend(conversations_of("suite2-conversation-", 2));
    all
}

#[derive(Clone, Copy, PartialEq)]
enum Restart {
    Never,
    /// Everything is stored and restored after each step: nothing that counts is only in memory.
    AfterEachStep,
}

struct Replay {
    place: String,
    restart: Restart,
    accounts: HashMap<String, Account>,
    /// By device and label.
    sessions: HashMap<(String, String), Session>,
    saved: HashMap<String, Vec<u8>>,
    messages: HashMap<String, Vec<u8>>,
    /// Of each device, what a server has.
    signed_parts: HashMap<String, Vec<u8>>,
    one_time: HashMap<(String, u64), Vec<u8>>,
}

impl Replay {
    fn start(name: &str, conversation: &Value, restart: Restart) -> Self {
        let mut replay = Self {
            place: name.to_owned(),
            restart,
            accounts: HashMap::new(),
            sessions: HashMap::new(),
            saved: HashMap::new(),
            messages: HashMap::new(),
            signed_parts: HashMap::new(),
            one_time: HashMap::new(),
        };
        for (name, device) in conversation["devices"].as_object().unwrap() {
            let (account, upload) = make_account(device);
            replay.accounts.insert(name.clone(), account);
            replay.publish(name, &upload);
        }
        replay
    }

    fn run(mut self, conversation: &Value) {
        let steps = conversation["steps"].as_array().unwrap();
        assert!(!steps.is_empty());
        let name = self.place.clone();
        for (number, step) in steps.iter().enumerate() {
            self.place = format!("{name}, step {number} ({})", step["comment"]);
            assert_known(text(step, "op"), step, &self.place);
            match text(step, "op") {
                "initiate" => self.initiate(step),
                "encrypt" => self.encrypt(step),
                "encrypt_run" => self.encrypt_run(step),
                "encrypt_refused" => self.encrypt_refused(step),
                "deliver" => self.deliver(step),
                "save" => self.save(step),
                "restore" => self.restore(step),
                "rotate" => self.rotate(step),
                "external" => self.external(step),
                "ask" => self.ask(step),
                "status" => self.status(step),
                "topup" => self.topup(step),
                other => panic!("{}: unknown step {other}", self.place),
            }
            if self.restart == Restart::AfterEachStep {
                self.accounts.values_mut().for_each(|account| *account = stored_account(account));
                self.sessions.values_mut().for_each(|session| *session = stored_session(session));
            }
        }
    }

    fn initiate(&mut self, step: &Value) {
        let bundle = PreKeyBundle::decode(&self.bundle(&step["bundle"])).unwrap();
        let bundle = bundle.verify(time(step, "now")).unwrap();
        let mut rng = given_draws(step, "rng");
        let account = &self.accounts[text(step, "by")];
        let session = account.initiate(&bundle, &mut rng).unwrap();
        rng.finish(&self.place);
        assert_eq!(session.id().as_bytes().as_slice(), bytes(step, "session_id"), "{}", self.place);
        if let Some(to) = self.accounts.get(text(step, "to")) {
            assert_eq!(bundle.device(), &to.device(), "{}", self.place);
        }
        self.sessions.insert(key(step, "by"), session);
    }

    fn encrypt(&mut self, step: &Value) {
        let mut rng = given_draws(step, "rng");
        let session = self.sessions.get_mut(&key(step, "by")).unwrap();
        let message =
            session.encrypt(&payload(step), &bytes(step, "ad"), &mut rng).expect(&self.place);
        rng.finish(&self.place);
        assert_is(&message, &step["wire"], &self.place);
        self.messages.insert(text(step, "id").to_owned(), message);
    }

    fn encrypt_run(&mut self, step: &Value) {
        let mut rng = given_draws(step, "rng");
        let session = self.sessions.get_mut(&key(step, "by")).unwrap();
        let (payload, ad) = (payload(step), bytes(step, "ad"));
        let mut wires = step["wires"].as_object().unwrap().clone();
        let mut all = Vec::new();
        for index in 0..number(step, "count") {
            let message = session.encrypt(&payload, &ad, &mut rng).expect(&self.place);
            if let Some(wire) = wires.remove(&index.to_string()) {
                assert_eq!(hex::encode(&message), wire.as_str().unwrap(), "{}", self.place);
                self.messages.insert(format!("{}.{index}", text(step, "id")), message.clone());
            }
            all.push(message);
        }
        rng.finish(&self.place);
        assert!(wires.is_empty(), "{}: {wires:?} are not in the run", self.place);
        let all: Vec<&[u8]> = all.iter().map(Vec::as_slice).collect();
        assert_eq!(sha256(&all), text(step, "sha256"), "{}", self.place);
    }

    fn encrypt_refused(&mut self, step: &Value) {
        let session = self.sessions.get_mut(&key(step, "by")).unwrap();
        let before = session.snapshot();
        let error = session
            .encrypt(&payload(step), &bytes(step, "ad"), &mut GivenDraws(Vec::new()))
            .expect_err(&self.place);
        assert_eq!(encrypt_error(error), text(step, "error"), "{}", self.place);
        assert!(session.snapshot() == before, "{}: a refusal changed the session", self.place);
    }

    fn deliver(&mut self, step: &Value) {
        let message = match step.get("id") {
            Some(id) => self.messages[id.as_str().unwrap()].clone(),
            None => self.wire(&step["wire"]),
        };
        let (ad, now) = (bytes(step, "ad"), time(step, "now"));
        let account = self.accounts.get_mut(text(step, "to")).unwrap();
        let slot = key(step, "to");
        let before = (account.snapshot(), self.sessions.get(&slot).map(Session::snapshot));
        let result = match text(step, "handler") {
            "session" => {
                let session = self.sessions.get_mut(&slot).unwrap();
                session.decrypt(&message, &ad, now).map_err(decrypt_error)
            }
            "accept" => account.accept(&message, &ad, now).map_err(accept_error).map(|accepted| {
                self.sessions.insert(slot.clone(), accepted.session);
                accepted.received
            }),
            other => panic!("{}: unknown handler {other}", self.place),
        };
        let accepts = step.get("accepts").is_some_and(|accepts| accepts.as_bool().unwrap());
        assert_eq!(accepts, text(step, "handler") == "accept" && result.is_ok(), "{}", self.place);
        if result.is_err() {
            let account = self.accounts[text(step, "to")].snapshot();
            let session = self.sessions.get(&slot).map(Session::snapshot);
            assert!(before == (account, session), "{}: a refusal changed something", self.place);
        }
        if accepts {
            let session = &self.sessions[&slot];
            let peer = session.peer();
            assert_eq!(session.id().as_bytes().as_slice(), bytes(step, "session_id"));
            assert_eq!(peer.identity.encode().as_slice(), bytes(step, "peer_ident"));
            assert_eq!(peer.address.as_bytes(), bytes(step, "peer_address"));
        }
        self.compare(result, &step["expect"]);
    }

    fn compare(&self, result: Result<Received, &'static str>, expect: &Value) {
        let known = ["stamp", "malformed_stamp", "body", "error", "dropped", "peer_went_back"];
        for field in expect.as_object().unwrap().keys() {
            assert!(known.contains(&field.as_str()), "{}: unknown field {field}", self.place);
        }
        if let Some(error) = expect.get("error") {
            let refusal = result.expect_err(&self.place);
            assert!(error == "rejected" || refusal == error, "{}: {refusal}", self.place);
            assert_eq!(expect.as_object().unwrap().len(), 1, "{}", self.place);
            return;
        }
        let received = result.unwrap_or_else(|refusal| panic!("{}: {refusal}", self.place));
        match received.stamp {
            Ok(stamp) => assert_eq!(stamp.encode(), bytes(expect, "stamp"), "{}", self.place),
            Err(_) => assert_eq!(expect["malformed_stamp"], true, "{}", self.place),
        }
        assert!(received.body == long_bytes(&expect["body"]), "{}: another body", self.place);
        let dropped = expect.get("dropped").map_or(0, |dropped| dropped.as_u64().unwrap());
        assert_eq!(u64::from(received.dropped_keys), dropped, "{}", self.place);
        let went_back = expect.get("peer_went_back").is_some_and(|flag| flag.as_bool().unwrap());
        assert_eq!(received.peer_went_back, went_back, "{}", self.place);
    }

    fn save(&mut self, step: &Value) {
        let session = self.sessions[&key(step, "by")].snapshot().to_vec();
        self.saved.insert(text(step, "as").to_owned(), session);
    }

    fn restore(&mut self, step: &Value) {
        let session = Session::restore(&self.saved[text(step, "from")]).unwrap();
        self.sessions.insert(key(step, "by"), session);
    }

    fn rotate(&mut self, step: &Value) {
        let account = self.accounts.get_mut(text(step, "by")).unwrap();
        let _ = account.set_limits(limits(step));
        let mut rng = given_draws(step, "rng");
        let upload = account.rotate_signed_prekey(time(step, "created"), &mut rng).upload.unwrap();
        rng.finish(&self.place);
        assert_is(upload.signed_part(), &step["signed_part"], &self.place);
        publish(account, &upload);
        self.publish(text(step, "by"), &upload);
    }

    fn topup(&mut self, step: &Value) {
        let account = self.accounts.get_mut(text(step, "by")).unwrap();
        let mut rng = given_draws(step, "rng");
        let count = u32::try_from(number(step, "count")).unwrap();
        let upload = account.add_one_time_prekeys(count, &mut rng).upload.unwrap();
        rng.finish(&self.place);
        assert_one_time(&upload, &step["one_time"], &self.place);
        publish(account, &upload);
        self.publish(text(step, "by"), &upload);
    }

    fn external(&mut self, step: &Value) {
        let [by, to] = ["by", "to"].map(|side| self.accounts[text(step, side)].device());
        let handshake = || ExternalHandshake {
            secret: SharedSecret::of_suite(Suite::Hybrid, &array(step, "secret")),
            initiator: by.clone(),
            responder: to.clone(),
        };
        let pair = RatchetKeyPair::from_secret(&array(step, "ratchet_secret"));
        let (public, limits) = (pair.public_key(), Limits::default().session);
        let ours = Session::initiate_external(handshake(), public, limits.clone()).unwrap();
        let theirs = Session::accept_external(handshake(), pair, limits);
        for (side, session) in [("by", ours), ("to", theirs)] {
            let id = session.id();
            assert_eq!(id.as_bytes().as_slice(), bytes(step, "session_id"), "{}", self.place);
            self.sessions.insert(key(step, side), session);
        }
    }

    fn ask(&mut self, step: &Value) {
        self.sessions.get_mut(&key(step, "by")).unwrap().request_epoch();
    }

    fn status(&self, step: &Value) {
        let status = self.sessions[&key(step, "by")].epochs().expect(&self.place);
        let waits = step["waiting"].as_bool().unwrap();
        let told = (status.completed, status.messages_since, status.waits_for_peer);
        let [mixed, since] = ["mixed", "since"].map(|name| number(step, name).try_into().unwrap());
        assert_eq!(told, (mixed, since, waits), "{}", self.place);
    }

    fn publish(&mut self, name: &str, upload: &PreKeyUpload) {
        self.signed_parts.insert(name.to_owned(), upload.signed_part().to_vec());
        for prekey in upload.one_time_prekeys() {
            self.one_time.insert((name.to_owned(), u64::from(prekey.id())), prekey.encode());
        }
    }

    /// A bundle in hex, or `{"of", "opk_id"}`, or that with `patches` and `length`.
    fn bundle(&self, value: &Value) -> Vec<u8> {
        if value.is_string() {
            return long_bytes(value);
        }
        assert_fields(value, &["of", "opk_id", "patches", "length"], &self.place);
        let of = text(value, "of").to_owned();
        let mut bundle = self.signed_parts[&of].clone();
        match value["opk_id"].as_u64() {
            None => bundle.push(0),
            Some(id) => {
                bundle.push(1);
                bundle.extend(&self.one_time[&(of, id)]);
            }
        }
        patched(bundle, value)
    }

    /// A message in hex, as a pattern, or `{"of", "patches"}` and `length`.
    fn wire(&self, value: &Value) -> Vec<u8> {
        if value.get("of").is_none() {
            return long_bytes(value);
        }
        assert_fields(value, &["of", "patches", "length"], &self.place);
        patched(self.messages[text(value, "of")].clone(), value)
    }
}

/// Compares bytes with their hex, or with `{"sha256", "length"}`.
fn assert_is(bytes: &[u8], value: &Value, place: &str) {
    match value {
        Value::String(expected) => assert_eq!(hex::encode(bytes), *expected, "{place}"),
        short => {
            assert_fields(short, &["sha256", "length"], place);
            assert_eq!(sha256(&[bytes]), text(short, "sha256"), "{place}");
            assert_eq!(size(bytes), number(short, "length"), "{place}");
        }
    }
}

fn assert_one_time(upload: &PreKeyUpload, list: &Value, place: &str) {
    let list = list.as_array().unwrap();
    assert_eq!(upload.one_time_prekeys().len(), list.len(), "{place}");
    for (prekey, expected) in upload.one_time_prekeys().iter().zip(list) {
        assert_is(&prekey.encode(), expected, place);
    }
}

fn assert_fields(value: &Value, known: &[&str], place: &str) {
    for field in value.as_object().unwrap().keys() {
        assert!(known.contains(&field.as_str()), "{place}: unknown field {field}");
    }
}

/// The bytes from each place on replaced by others; then cut.
fn patched(mut bytes: Vec<u8>, value: &Value) -> Vec<u8> {
    for patch in value.get("patches").map_or(&[][..], |patches| patches.as_array().unwrap()) {
        let at = usize::try_from(patch[0].as_u64().unwrap()).unwrap();
        let patch = hex::decode(patch[1].as_str().unwrap()).unwrap();
        bytes.resize(bytes.len().max(at + patch.len()), 0);
        bytes[at..at + patch.len()].copy_from_slice(&patch);
    }
    if value.get("length").is_some() {
        bytes.truncate(usize::try_from(number(value, "length")).unwrap());
    }
    bytes
}

/// The fields of each step and device; `comment` may be anywhere.
const FIELDS: [(&str, &[&str]); 13] = [
    ("initiate", &["by", "to", "session", "bundle", "now", "rng", "session_id"]),
    ("encrypt", &["by", "session", "id", "stamp", "body", "ad", "rng", "wire"]),
    (
        "encrypt_run",
        &["by", "session", "id", "count", "stamp", "body", "ad", "rng", "wires", "sha256"],
    ),
    ("encrypt_refused", &["by", "session", "stamp", "body", "ad", "error"]),
    (
        "deliver",
        &[
            "to",
            "session",
            "handler",
            "id",
            "wire",
            "ad",
            "now",
            "expect",
            "accepts",
            "session_id",
            "peer_ident",
            "peer_address",
        ],
    ),
    ("save", &["by", "session", "as"]),
    ("restore", &["by", "session", "from"]),
    ("rotate", &["by", "created", "expires", "rng", "signed_part"]),
    ("topup", &["by", "count", "rng", "one_time"]),
    ("external", &["by", "to", "session", "secret", "ratchet_secret", "session_id"]),
    ("ask", &["by", "session"]),
    ("status", &["by", "session", "mixed", "since", "waiting"]),
    (
        "device",
        &[
            "suite",
            "address",
            "created",
            "expires",
            "rng",
            "one_time_prekeys",
            "one_time_rng",
            "ident",
            "signed_part",
            "one_time",
        ],
    ),
];

fn assert_known(kind: &str, value: &Value, place: &str) {
    let (_, known) = FIELDS.iter().find(|(name, _)| *name == kind).expect(place);
    assert_fields(value, &[*known, &["op", "comment"][..]].concat(), place);
}

fn make_account(device: &Value) -> (Account, PreKeyUpload) {
    assert_known("device", device, "account");
    let suite = match device.get("suite").map(|suite| suite.as_u64().unwrap()) {
        None | Some(1) => Suite::Classical,
        Some(2) => Suite::Hybrid,
        Some(other) => panic!("unknown suite {other}"),
    };
    let address = Address::new(bytes(device, "address")).unwrap();
    let mut rng = given_draws(device, "rng");
    let created = time(device, "created");
    let mut account = Account::generate_of_suite(suite, address, limits(device), created, &mut rng);
    rng.finish("account");
    let count = u32::try_from(number(device, "one_time_prekeys")).unwrap();
    let mut rng = given_draws(device, "one_time_rng");
    let upload = account.add_one_time_prekeys(count, &mut rng).upload.unwrap();
    rng.finish("one-time prekeys");
    assert_eq!(account.device().identity.encode().as_slice(), bytes(device, "ident"));
    assert_is(upload.signed_part(), &device["signed_part"], "account");
    assert_one_time(&upload, &device["one_time"], "one-time prekeys");
    publish(&mut account, &upload);
    (account, upload)
}

/// The protocol's limits, with the lifetime that `created` and `expires` say.
fn limits(object: &Value) -> Limits {
    let lifetime = number(object, "expires") - number(object, "created");
    let mut limits = Limits::default();
    limits.prekeys.signed_prekey_lifetime = Duration::from_secs(lifetime);
    limits.prekeys.max_one_time_prekeys = u32::MAX;
    limits
}

fn publish(account: &mut Account, upload: &PreKeyUpload) {
    assert_eq!(PreKeyUpload::decode(&upload.encode()), Ok(upload.clone()));
    let _ = account.mark_published(upload);
    assert_eq!(account.pending_upload(), None);
}

fn decrypt_error(error: DecryptError) -> &'static str {
    match error {
        DecryptError::Malformed => "malformed",
        DecryptError::Unsupported => "unsupported",
        DecryptError::OtherSession => "other_session",
        DecryptError::Undecryptable => "undecryptable",
        DecryptError::Duplicate => "duplicate",
        DecryptError::Expired => "expired",
        DecryptError::Forked => "forked",
        other => panic!("{other:?} has no name"),
    }
}

fn accept_error(error: AcceptError) -> &'static str {
    match error {
        AcceptError::Malformed => "malformed",
        AcceptError::Unsupported => "unsupported",
        AcceptError::NoSession => "no_session",
        AcceptError::UnknownPreKey => "unknown_prekey",
        AcceptError::Undecryptable => "undecryptable",
        AcceptError::Forked => "forked",
        AcceptError::Replayed => "replayed",
        AcceptError::ReplayRecordFull => "replay_record_full",
        other => panic!("{other:?} has no name"),
    }
}

fn encrypt_error(error: EncryptError) -> &'static str {
    match error {
        EncryptError::ChainFull => "chain_full",
        EncryptError::TooLarge => "too_large",
        other => panic!("{other:?} has no name"),
    }
}

fn payload(step: &Value) -> Payload {
    let stamp = bytes(step, "stamp");
    let (stamp, rest) = Stamp::decode(&stamp).unwrap();
    assert!(rest.is_empty());
    Payload::new(long_bytes(&step["body"])).with_stamp(stamp)
}

/// Bytes in hex, or as the pattern that they repeat: `{"start", "repeat", "length"}`.
fn long_bytes(value: &Value) -> Vec<u8> {
    if value.is_string() {
        return hex::decode(value.as_str().unwrap()).unwrap();
    }
    let known = ["start", "repeat", "length"];
    assert!(value.as_object().unwrap().keys().all(|name| known.contains(&name.as_str())));
    let mut long = value.get("start").map_or_else(Vec::new, |_| bytes(value, "start"));
    let length = usize::try_from(number(value, "length")).unwrap();
    let pattern = bytes(value, "repeat");
    let missing = length - long.len();
    long.extend(pattern.iter().cycle().take(missing));
    assert_eq!(long.len(), length);
    long
}

fn key(step: &Value, device: &str) -> (String, String) {
    (text(step, device).to_owned(), text(step, "session").to_owned())
}

fn array(object: &Value, name: &str) -> [u8; 32] {
    bytes(object, name).try_into().unwrap()
}

fn size(message: &[u8]) -> u64 {
    u64::try_from(message.len()).unwrap()
}

fn sha256(parts: &[&[u8]]) -> String {
    use sha2::Digest;
    let mut hash = sha2::Sha256::new();
    parts.iter().for_each(|part| hash.update(part));
    hex::encode(hash.finalize())
}

fn stored_session(session: &Session) -> Session {
    let snapshot = session.snapshot();
    let restored = Session::restore(&snapshot).unwrap();
    assert!(restored.snapshot() == snapshot, "a session came back different");
    restored
}

fn stored_account(account: &Account) -> Account {
    let snapshot = account.snapshot();
    let restored = Account::restore(&snapshot).unwrap();
    assert!(restored.snapshot() == snapshot, "an account came back different");
    restored
}
