//! Replays conversations of people with several devices, made by an independent implementation, byte for byte.
//!
//! They are read from `tests/vectors`, or from the directory that `EVANESCE_VECTORS` names. The format is described in
//! `tests/vectors/README.md`. What this replayer does not know, it fails on.

#[path = "support/replay.rs"]
mod replay;

use std::collections::HashMap;
use std::time::Duration;

use evanesce::expiry::Stamp;
use evanesce::limits::Limits;
use evanesce::person::{
    AdoptError, Contacts, DeviceList, FanOutError, LinkCode, LinkCodeError, LinkError, ListError,
    Obstacle, OwnDevices, PartRefusal, Person, PersonDelivered, PersonEvent, Standing, Unreached,
    VerifiedList, Whose,
};
use evanesce::{
    Account, Address, DecodeError, Device, IdentityKey, Payload, Peer, PeerDecryptError,
    PreKeyBundle, Suite, VerifiedBundle, VerifyError,
};
use replay::{assert_fields, assert_is, bytes, conversations, given_draws, number, text, time};
use serde_json::{Value, json};

#[test]
fn vectors_devices_replay_without_a_difference() {
    for (name, conversation) in conversations("devices-", 1) {
        Replay::start(&name, &conversation, Restart::Never).run(&conversation);
    }
}

#[test]
fn vectors_devices_replay_with_a_restart_after_every_step() {
    for (name, conversation) in conversations("devices-", 1) {
        Replay::start(&name, &conversation, Restart::AfterEachStep).run(&conversation);
    }
}

#[derive(Clone, Copy, PartialEq)]
enum Restart {
    Never,
    /// Everything is stored and restored after each step: nothing that counts is only in memory.
    AfterEachStep,
}

/// One device with all that it holds.
struct Party {
    account: Account,
    own: OwnDevices,
    contacts: Contacts,
}

/// All rows of a device.
#[derive(Clone, PartialEq)]
struct Rows {
    account: Vec<u8>,
    own: Vec<u8>,
    people: Vec<Vec<u8>>,
    peers: Vec<Vec<u8>>,
}

impl Party {
    fn rows(&self) -> Rows {
        Rows {
            account: self.account.snapshot().to_vec(),
            own: self.own.snapshot().to_vec(),
            people: self.contacts.people.iter().map(|it| it.snapshot().to_vec()).collect(),
            peers: self.contacts.peers.iter().map(|it| it.snapshot().to_vec()).collect(),
        }
    }

    fn restored(rows: &Rows) -> Self {
        let mut contacts = Contacts::new();
        let people = rows.people.iter().map(|row| Person::restore(row).unwrap());
        contacts.people.extend(people);
        contacts.peers.extend(rows.peers.iter().map(|row| Peer::restore(row).unwrap()));
        Self {
            account: Account::restore(&rows.account).unwrap(),
            own: OwnDevices::restore(&rows.own).unwrap(),
            contacts,
        }
    }

    fn is_own(&self, owner: &IdentityKey) -> bool {
        self.own.person().owner() == owner
    }

    /// The place of another person, made when first named.
    fn place_of(&mut self, owner: &IdentityKey) -> usize {
        let people = &mut self.contacts.people;
        people.iter().position(|person| person.owner() == owner).unwrap_or_else(|| {
            people.push(Person::new(*owner));
            people.len() - 1
        })
    }

    fn person(&mut self, owner: &IdentityKey) -> &Person {
        if self.is_own(owner) {
            return self.own.person();
        }
        let place = self.place_of(owner);
        &self.contacts.people[place]
    }

    fn peer(&mut self, address: &Address) -> &mut Peer {
        let peers = &mut self.contacts.peers;
        let place = peers.iter().position(|peer| peer.address() == address);
        let place = place.unwrap_or_else(|| {
            peers.push(Peer::new(address.clone()));
            peers.len() - 1
        });
        &mut peers[place]
    }

    /// No peer waits as a request.
    fn accept_all(&mut self) {
        self.contacts.peers.iter_mut().for_each(|peer| _ = peer.accept_request());
    }
}

struct Replay {
    place: String,
    restart: Restart,
    parties: HashMap<String, Party>,
    identities: HashMap<String, IdentityKey>,
    saved: HashMap<(String, String), Rows>,
    messages: HashMap<String, Vec<u8>>,
    lists: HashMap<String, Vec<u8>>,
}

impl Replay {
    fn start(name: &str, conversation: &Value, restart: Restart) -> Self {
        assert_fields(conversation, &["format", "devices", "steps"], name);
        let mut replay = Self {
            place: name.to_owned(),
            restart,
            parties: HashMap::new(),
            identities: HashMap::new(),
            saved: HashMap::new(),
            messages: HashMap::new(),
            lists: HashMap::new(),
        };
        for (name, device) in conversation["devices"].as_object().unwrap() {
            let account = make_account(device);
            replay.identities.insert(name.clone(), account.device().identity);
            let own = OwnDevices::new(&account);
            let party = Party { account, own, contacts: Contacts::new() };
            replay.parties.insert(name.clone(), party);
        }
        replay
    }

    fn run(mut self, conversation: &Value) {
        let steps = conversation["steps"].as_array().unwrap();
        assert!(!steps.is_empty());
        let name = self.place.clone();
        for (number, step) in steps.iter().enumerate() {
            let op = text(step, "op");
            self.place = format!("{name}, step {number}, {op} ({})", step["comment"]);
            let (_, known) = FIELDS.iter().find(|(name, _)| *name == op).expect(&self.place);
            assert_fields(step, &[*known, &["op"]].concat(), &self.place);
            match op {
                "sign" => self.sign(step),
                "refresh" => self.refresh(step),
                "remove" => self.remove(step),
                "belong" => self.belong(step),
                "adopt" => self.adopt(step),
                "initiate" => self.initiate(step),
                "drop" => _ = self.party(step).peer(&address(step, "to")).drop_sessions(),
                "fan_out" => self.fan_out(step),
                "control" => self.control(step),
                "deliver" => self.deliver(step),
                "standing" => self.standing(step),
                "list_need" => {
                    let need = self.person(step).list_need(time(step, "now"));
                    assert_eq!(json!(need), step["expect"], "{}", self.place);
                }
                "marked" => {
                    let marked = self.person(step).is_marked();
                    assert_eq!(json!(marked), step["expect"], "{}", self.place);
                }
                "save" => {
                    let by = text(step, "by").to_owned();
                    let rows = self.parties[&by].rows();
                    self.saved.insert((by, text(step, "as").to_owned()), rows);
                }
                "restore" => {
                    let by = text(step, "by").to_owned();
                    let rows = &self.saved[&(by.clone(), text(step, "from").to_owned())];
                    self.parties.insert(by, Party::restored(rows));
                }
                "link_code" => self.link_code(step),
                "link_offer" => self.link_offer(step),
                "link_open" => self.link_open(step),
                "link_answer" => self.link_answer(step),
                "link_finish" => self.link_finish(step),
                other => panic!("{}: unknown step {other}", self.place),
            }
            if self.restart == Restart::AfterEachStep {
                for party in self.parties.values_mut() {
                    let rows = party.rows();
                    *party = Party::restored(&rows);
                    assert!(party.rows() == rows, "{}: a row came back different", self.place);
                }
            }
        }
    }

    fn party(&mut self, step: &Value) -> &mut Party {
        self.parties.get_mut(text(step, "by")).unwrap()
    }

    fn owner(&self, step: &Value) -> IdentityKey {
        let name = text(step, "person");
        self.identities.get(name).copied().unwrap_or_else(|| identity(&hex::decode(name).unwrap()))
    }

    fn person(&mut self, step: &Value) -> &Person {
        let owner = self.owner(step);
        self.party(step).person(&owner)
    }

    /// Keeps a list that was signed under its name, if it has one.
    fn keep(&mut self, step: &Value, list: Vec<u8>) {
        if let Some(name) = step.get("as").or_else(|| step["expect"].get("as")) {
            self.lists.insert(name.as_str().unwrap().to_owned(), list);
        }
    }

    fn sign(&mut self, step: &Value) {
        let now = time(step, "now");
        let listed = DeviceList::decode(&bytes(step, "list")).unwrap().verify(now).unwrap();
        let lifetime = Duration::from_secs(number(step, "expires") - number(step, "now"));
        let Party { account, own, .. } = self.party(step);
        let mut devices = listed.devices().to_vec();
        devices.reverse();
        let signed = own.sign_for(account, &devices, lifetime, now).unwrap();
        assert_eq!(u64::from(signed.version()), number(step, "version"));
        let list = signed.encode();
        assert_eq!(list, bytes(step, "list"), "{}", self.place);
        self.keep(step, list);
    }

    fn refresh(&mut self, step: &Value) {
        let Party { account, own, .. } = self.party(step);
        let list = own.refresh(account, time(step, "now")).unwrap().map(VerifiedList::encode);
        assert_eq!(json!(list.as_ref().map(hex::encode)), step["list"], "{}", self.place);
        list.into_iter().for_each(|list| self.keep(step, list));
    }

    fn remove(&mut self, step: &Value) {
        let Party { account, own, .. } = self.party(step);
        let list = own.remove(account, &address(step, "address"), time(step, "now"));
        let list = list.unwrap().encode();
        assert_eq!(list, bytes(step, "list"), "{}", self.place);
        self.keep(step, list);
    }

    fn belong(&mut self, step: &Value) {
        let owner = self.owner(step);
        let Party { account, own, .. } = self.party(step);
        *own = OwnDevices::belonging_to(account, owner);
    }

    fn adopt(&mut self, step: &Value) {
        let (name, now) = (text(step, "list"), time(step, "now"));
        let list = self.lists.get(name).cloned().unwrap_or_else(|| hex::decode(name).unwrap());
        let list = DeviceList::decode(&list).map_err(ListError::from);
        let party = self.party(step);
        let before = party.rows();
        let adopted = match list.and_then(|list| list.verify(now)) {
            Err(error) => Err(list_error(error)),
            Ok(list) => {
                let adopted = if party.is_own(list.owner()) {
                    party.own.adopt(list, now)
                } else {
                    let place = party.place_of(list.owner());
                    party.contacts.people[place].adopt(list, now)
                };
                adopted.map_err(|error| match error {
                    AdoptError::OtherOwner => "other_owner",
                    AdoptError::OlderList => "older_list",
                    other => panic!("{other:?} has no name"),
                })
            }
        };
        if adopted.is_err() {
            assert!(party.rows() == before);
        }
        let told = match adopted {
            Err(error) => json!({ "error": error }),
            Ok(event) => json!({ "event": event.as_ref().map(event_json) }),
        };
        assert_eq!(told, step["expect"], "{}", self.place);
    }

    fn initiate(&mut self, step: &Value) {
        let now = time(step, "now");
        let bundle = verified(&bytes(step, "bundle"), now).unwrap();
        let mut rng = given_draws(step, "rng");
        let party = self.party(step);
        let to = address(step, "to");
        party.peer(&to);
        let place = party.contacts.peers.iter().position(|peer| *peer.address() == to).unwrap();
        let peer = &mut party.contacts.peers[place];
        let changes = peer.initiate(&party.account, bundle, now, &mut rng).unwrap();
        let session = changes.session.unwrap();
        rng.finish(&self.place);
        assert_eq!(hex::encode(session.as_bytes()), text(step, "session_id"), "{}", self.place);
    }

    fn fan_out(&mut self, step: &Value) {
        let (owner, place) = (self.owner(step), self.place.clone());
        let (now, mut rng) = (time(step, "now"), given_draws(step, "rng"));
        let only: Option<Vec<Address>> = step["only"].as_array().map(|only| {
            only.iter()
                .map(|it| Address::new(hex::decode(it.as_str().unwrap()).unwrap()).unwrap())
                .collect()
        });
        let party = self.party(step);
        let before = party.rows();
        party.person(&owner);
        let Party { own, contacts: Contacts { people, peers, .. }, .. } = party;
        let person = people.iter().find(|person| *person.owner() == owner);
        let mut recipients = own.to(person.unwrap_or(own.person()));
        if let Some(only) = &only {
            recipients = recipients.only(only);
        }
        let (stamp, _) = Stamp::decode(&bytes(step, "stamp")).unwrap();
        let payload = Payload::new(bytes(step, "body")).with_stamp(stamp);
        let sent = recipients.encrypt(peers, &payload, &bytes(step, "ad"), now, &mut rng);
        rng.finish(&place);
        let expect = &step["expect"];
        let sent = match sent {
            Ok(sent) => sent,
            Err(error) => {
                assert_eq!(json!({ "error": fan_out_error(error) }), *expect, "{place}");
                let after = party.rows();
                assert!(after.peers == before.peers && after.own == before.own, "{place}");
                return;
            }
        };
        assert_fields(expect, &["messages", "unreached"], &place);
        let unreached: Vec<Value> = sent.unreached.iter().map(unreached_json).collect();
        assert_eq!(json!(unreached), expect["unreached"], "{place}");
        let messages = expect["messages"].as_array().unwrap();
        let to: Vec<String> =
            sent.messages.iter().map(|it| hex::encode(it.to.as_bytes())).collect();
        let expected: Vec<&str> = messages.iter().map(|message| text(message, "to")).collect();
        assert_eq!(to, expected, "{place}");
        for (message, expected) in sent.messages.iter().zip(messages) {
            assert_fields(expected, &["to", "id", "parts", "wire"], &place);
            assert!(sent.changes.peers.contains(&message.to), "{place}");
            self.sent(&message.message, expected);
        }
    }

    /// Compares a message that was made, and keeps it. Its parts are in the bytes.
    fn sent(&mut self, message: &[u8], expected: &Value) {
        assert_is(message, &expected["wire"], &format!("{}: {}", self.place, expected["parts"]));
        self.messages.insert(text(expected, "id").to_owned(), message.to_vec());
    }

    fn control(&mut self, step: &Value) {
        let (now, mut rng) = (time(step, "now"), given_draws(step, "rng"));
        let (to, place) = (address(step, "to"), self.place.clone());
        let party = self.party(step);
        let before = party.rows();
        let device = party.peer(&to).device().unwrap();
        let known = party.contacts.person_of(&device, now).map(|(person, _)| *person.owner());
        party.person(&known.unwrap_or(device.identity));
        let owner = known.unwrap_or(device.identity);
        let Party { own, contacts: Contacts { people, peers, .. }, .. } = party;
        let person = people.iter().find(|person| *person.owner() == owner);
        let recipients = own.to(person.unwrap_or(own.person()));
        let told = recipients.tell(peers, &to, &bytes(step, "ad"), now, &mut rng).unwrap();
        rng.finish(&place);
        assert_eq!(told.unreached, [], "{place}");
        assert_fields(&step["expect"], &["message"], &place);
        match (&told.messages[..], &step["expect"]["message"]) {
            ([], Value::Null) => assert!(party.rows().peers == before.peers, "{place}"),
            ([message], expected @ Value::Object(_)) => {
                assert_fields(expected, &["id", "parts", "wire"], &place);
                let message = message.message.clone();
                self.sent(&message, expected);
            }
            (messages, expected) => panic!("{place}: {} for {expected}", messages.len()),
        }
    }

    fn message(&self, step: &Value) -> Vec<u8> {
        match step.get("id") {
            Some(id) => self.messages[id.as_str().unwrap()].clone(),
            None => bytes(step, "wire"),
        }
    }

    fn deliver(&mut self, step: &Value) {
        let message = self.message(step);
        let (from, ad, now) = (address(step, "sender"), bytes(step, "ad"), time(step, "now"));
        let party = self.parties.get_mut(text(step, "to")).unwrap();
        let before = party.rows();
        let Party { account, own, contacts } = party;
        let told = match own.decrypt(account, contacts, &from, &message, &ad, now) {
            Ok(delivered) => delivered_json(&delivered),
            Err(error) => {
                assert!(party.rows() == before, "{}: a refusal changed something", self.place);
                json!({ "error": message_error(error) })
            }
        };
        party.accept_all();
        assert_eq!(told, step["expect"], "{}", self.place);
    }

    fn standing(&mut self, step: &Value) {
        let device =
            Device { identity: identity(&bytes(step, "ident")), address: address(step, "address") };
        let standing = self.person(step).standing(&device, time(step, "now"));
        assert_eq!(json!(standing_name(standing)), step["expect"], "{}", self.place);
    }

    fn link_code(&mut self, step: &Value) {
        let mut rng = given_draws(step, "rng");
        let code = self.party(step).own.show_link_code(time(step, "now"), &mut rng);
        rng.finish(&self.place);
        assert_eq!(hex::encode(&*code.encode()), text(step, "code"), "{}", self.place);
    }

    fn link_offer(&mut self, step: &Value) {
        let (now, mut rng) = (time(step, "now"), given_draws(step, "rng"));
        let party = self.party(step);
        let before = party.rows();
        let Party { account, own, contacts } = party;
        let mut offer = || {
            let code = LinkCode::decode(&bytes(step, "code")).map_err(|error| match error {
                LinkCodeError::Malformed => "malformed",
                LinkCodeError::Unsupported => "unsupported",
                LinkCodeError::WeakKey => "weak_key",
                other => panic!("{other:?} has no name"),
            })?;
            let bundle = verified(&bytes(step, "bundle"), now)?;
            let offered =
                own.offer_link(account, &mut contacts.peers, &code, bundle, now, &mut rng);
            Ok((code.digits(), offered.map_err(link_error)?))
        };
        let offered: Result<_, &'static str> = offer();
        rng.finish(&self.place);
        match offered {
            Err(error) => {
                assert!(
                    self.party(step).rows() == before,
                    "{}: a refusal changed something",
                    self.place
                );
                assert_eq!(json!({ "error": error }), step["expect"], "{}", self.place);
            }
            Ok((digits, offer)) => {
                let expect = &step["expect"];
                assert_fields(expect, &["digits", "session_id", "id", "wire"], &self.place);
                assert_eq!(digits, text(expect, "digits"), "{}", self.place);
                let session = hex::encode(offer.session.unwrap().as_bytes());
                assert_eq!(session, text(expect, "session_id"), "{}", self.place);
                self.sent(&offer.message.message, expect);
            }
        }
    }

    fn link_open(&mut self, step: &Value) {
        let (message, now) = (self.message(step), time(step, "now"));
        let party = self.party(step);
        let before = party.rows();
        let Party { account, own, contacts } = party;
        let told = match own.open_link_offer(account, &mut contacts.peers, &message, now) {
            Ok(offer) => json!({
                "owner": offer.owner.identity.to_string(),
                "address": hex::encode(offer.owner.address.as_bytes()),
                "digits": offer.digits,
            }),
            Err(error) => {
                assert!(party.rows() == before, "{}: a refusal changed something", self.place);
                json!({ "error": link_error(error) })
            }
        };
        assert_eq!(told, step["expect"], "{}", self.place);
    }

    fn link_answer(&mut self, step: &Value) {
        let mut rng = given_draws(step, "rng");
        let Party { account, own, contacts } = self.party(step);
        // Nothing of it hangs on the time.
        let now = evanesce::Timestamp::from_unix_seconds(1_800_000_000);
        let answer = own.answer_link_offer(account, &mut contacts.peers, now, &mut rng).unwrap();
        rng.finish(&self.place);
        self.sent(&answer.message.message, step);
    }

    fn link_finish(&mut self, step: &Value) {
        let (message, now) = (self.message(step), time(step, "now"));
        let party = self.party(step);
        let before = party.rows();
        let Party { account, own, contacts } = party;
        match own.finish_link(account, &mut contacts.peers, &message, now) {
            Ok((list, changes)) => {
                assert!(changes.own && changes.peers.len() == 1);
                assert_fields(&step["expect"], &["list", "as"], &self.place);
                assert_eq!(list.encode(), bytes(&step["expect"], "list"), "{}", self.place);
                self.keep(step, list.encode());
            }
            Err(error) => {
                assert!(party.rows() == before, "{}: a refusal changed something", self.place);
                assert_eq!(json!({ "error": link_error(error) }), step["expect"], "{}", self.place);
            }
        }
    }
}

const FIELDS: [(&str, &[&str]); 20] = [
    ("sign", &["by", "now", "version", "expires", "list", "as"]),
    ("refresh", &["by", "now", "list", "as"]),
    ("remove", &["by", "address", "now", "list", "as"]),
    ("belong", &["by", "person"]),
    ("adopt", &["by", "list", "now", "expect"]),
    ("initiate", &["by", "to", "bundle", "now", "rng", "session_id"]),
    ("drop", &["by", "to"]),
    ("fan_out", &["by", "person", "only", "stamp", "body", "ad", "now", "rng", "expect"]),
    ("control", &["by", "to", "ad", "now", "rng", "expect"]),
    ("deliver", &["to", "sender", "id", "wire", "ad", "now", "expect"]),
    ("standing", &["by", "person", "address", "ident", "now", "expect"]),
    ("list_need", &["by", "person", "now", "expect"]),
    ("marked", &["by", "person", "expect"]),
    ("save", &["by", "as"]),
    ("restore", &["by", "from"]),
    ("link_code", &["by", "now", "rng", "code"]),
    ("link_offer", &["by", "code", "bundle", "now", "rng", "expect"]),
    ("link_open", &["by", "id", "wire", "now", "expect"]),
    ("link_answer", &["by", "rng", "id", "wire"]),
    ("link_finish", &["by", "id", "wire", "now", "expect"]),
];

fn make_account(device: &Value) -> Account {
    let known = ["address", "created", "expires", "rng", "one_time_prekeys", "one_time_rng"];
    assert_fields(device, &[&known[..], &["ident", "signed_part", "one_time"]].concat(), "device");
    let mut limits = Limits::default();
    let lifetime = number(device, "expires") - number(device, "created");
    limits.prekeys.signed_prekey_lifetime = Duration::from_secs(lifetime);
    let mut rng = given_draws(device, "rng");
    let (suite, address) = (Suite::Classical, address(device, "address"));
    let mut account =
        Account::generate_of_suite(suite, address, limits, time(device, "created"), &mut rng);
    rng.finish("account");
    let count = u32::try_from(number(device, "one_time_prekeys")).unwrap();
    let mut rng = given_draws(device, "one_time_rng");
    let upload = account.add_one_time_prekeys(count, &mut rng).upload.unwrap();
    rng.finish("one-time prekeys");
    let _ = account.mark_published(&upload);
    assert_eq!(account.device().identity.to_string(), text(device, "ident"));
    assert_is(upload.signed_part(), &device["signed_part"], "account");
    let one_time: Vec<_> =
        upload.one_time_prekeys().iter().map(|it| hex::encode(it.encode())).collect();
    assert_eq!(json!(one_time), device["one_time"]);
    account
}

fn verified(bundle: &[u8], now: evanesce::Timestamp) -> Result<VerifiedBundle, &'static str> {
    let bundle = PreKeyBundle::decode(bundle).map_err(|error| match error {
        DecodeError::Malformed => "malformed",
        DecodeError::Unsupported => "unsupported",
        other => panic!("{other:?} has no name"),
    })?;
    bundle.verify(now).map_err(|error| match error {
        VerifyError::Malformed => "malformed",
        VerifyError::WeakKey => "weak_key",
        VerifyError::BadSignature => "bad_signature",
        VerifyError::NotYetValid => "not_yet_valid",
        VerifyError::Expired => "expired",
        other => panic!("{other:?} has no name"),
    })
}

fn delivered_json(told: &PersonDelivered) -> Value {
    let received = &told.delivered.received;
    let mut all = json!({
        "body": hex::encode(&received.body),
        "standing": standing_name(told.standing),
    });
    match &received.stamp {
        Ok(stamp) => all["stamp"] = json!(hex::encode(stamp.encode())),
        Err(_) => all["malformed_stamp"] = json!(true),
    }
    if told.delivered.began_session {
        all["began"] = json!(true);
    }
    if told.is_control {
        all["control"] = json!(true);
    }
    if !told.skipped_parts.is_empty() {
        all["unknown"] = json!(told.skipped_parts);
    }
    if let Some(owner) = told.copy_of {
        all["copy_of"] = json!(hex::encode(owner));
    }
    // Told beside what the known answers have: `tests/people.rs` is about it.
    let is_known = |event: &&PersonEvent| !matches!(event, PersonEvent::ListedTwice { .. });
    let events: Vec<_> = told.events.iter().filter(is_known).map(event_json).collect();
    if !events.is_empty() {
        all["events"] = json!(events);
    }
    all
}

fn event_json(event: &PersonEvent) -> Value {
    let addresses = |devices: &[Device]| -> Vec<String> {
        devices.iter().map(|device| hex::encode(device.address.as_bytes())).collect()
    };
    match event {
        PersonEvent::Adopted { owner, version, came, went, unknown_own } => {
            let mut all = json!({
                "event": "adopted",
                "owner": owner.to_string(),
                "version": version,
                "came": addresses(came),
                "went": addresses(went),
            });
            if *unknown_own {
                all["unknown_own"] = json!(true);
            }
            all
        }
        PersonEvent::Joined { owner, .. } => {
            json!({ "event": "joins", "owner": owner.to_string() })
        }
        PersonEvent::Given(list) => json!({
            "event": "given",
            "owner": list.owner().to_string(),
            "version": list.version(),
        }),
        PersonEvent::Equivocation { held, other } => json!({
            "event": "equivocation",
            "owner": held.owner().to_string(),
            "version": held.version(),
            "held": hex::encode(held.digest()),
            "other": hex::encode(other.digest()),
        }),
        PersonEvent::ListBehind { of, version } => {
            json!({ "event": "list_behind", "of": whose(*of), "version": version })
        }
        PersonEvent::ListsDiffer { of, version } => {
            json!({ "event": "lists_differ", "of": whose(*of), "version": version })
        }
        PersonEvent::Refused { part, reason } => {
            let reason = match reason {
                PartRefusal::List(error) => list_error(*error),
                PartRefusal::OlderList => "older_list",
                PartRefusal::NotOwn => "not_own",
                PartRefusal::NotLinking => "not_linking",
                other => panic!("{other:?} has no name"),
            };
            json!({ "event": "refused", "part": part, "reason": reason })
        }
        other => panic!("{other:?} has no name"),
    }
}

fn unreached_json(unreached: &Unreached) -> Value {
    let reason = match unreached.reason {
        Obstacle::NeedsSession => "needs_session",
        Obstacle::ChainFull => "chain_full",
        other => panic!("{other:?} has no name"),
    };
    json!({ "to": hex::encode(unreached.to.as_bytes()), "reason": reason })
}

fn whose(of: Whose) -> &'static str {
    match of {
        Whose::Ours => "ours",
        Whose::Theirs => "theirs",
    }
}

fn standing_name(standing: Standing) -> &'static str {
    match standing {
        Standing::Listed => "listed",
        Standing::Stale => "stale",
        Standing::Removed => "removed",
        Standing::Alone => "alone",
        other => panic!("{other:?} has no name"),
    }
}

fn list_error(error: ListError) -> &'static str {
    match error {
        ListError::Malformed => "malformed",
        ListError::Unsupported => "unsupported",
        ListError::WeakKey => "weak_key",
        ListError::BadSignature => "bad_signature",
        ListError::NotYetValid => "not_yet_valid",
        other => panic!("{other:?} has no name"),
    }
}

fn fan_out_error(error: FanOutError) -> &'static str {
    match error {
        FanOutError::Removed => "removed",
        FanOutError::ListExpired => "list_expired",
        FanOutError::NobodyReached => "nobody_reached",
        other => panic!("{other:?} has no name"),
    }
}

fn link_error(error: LinkError) -> &'static str {
    match error {
        LinkError::NotTheOwner => "not_the_owner",
        LinkError::AlreadyListed => "already_listed",
        LinkError::ListFull => "list_full",
        LinkError::OtherDevice => "other_device",
        LinkError::WeakKey => "weak_key",
        LinkError::CodeExpired => "code_expired",
        LinkError::CodeUsed => "code_used",
        LinkError::AlreadyLinked => "already_linked",
        LinkError::NotLinking => "not_linking",
        LinkError::Message(error) => message_error(error),
        LinkError::Malformed => "malformed",
        LinkError::BadSignature => "bad_signature",
        other => panic!("{other:?} has no name"),
    }
}

fn message_error(error: PeerDecryptError) -> &'static str {
    match error {
        PeerDecryptError::Malformed => "malformed",
        PeerDecryptError::Unsupported => "unsupported",
        PeerDecryptError::UnknownPreKey => "unknown_prekey",
        PeerDecryptError::Replayed => "replayed",
        PeerDecryptError::ReplayRecordFull => "replay_record_full",
        PeerDecryptError::NoSession => "no_session",
        PeerDecryptError::Undecryptable => "undecryptable",
        PeerDecryptError::Forked => "forked",
        PeerDecryptError::Expired => "expired",
        PeerDecryptError::Duplicate => "duplicate",
        other => panic!("{other:?} has no name"),
    }
}

fn identity(bytes: &[u8]) -> IdentityKey {
    IdentityKey::decode(bytes.try_into().unwrap()).unwrap()
}

fn address(object: &Value, name: &str) -> Address {
    Address::new(bytes(object, name)).unwrap()
}
