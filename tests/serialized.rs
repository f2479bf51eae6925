//! With serde: states are the bytes of their snapshots, byte strings are hex where people read, and public values
//! come back as they were, or not at all.

#[path = "support/household.rs"]
mod household;
mod support;

use std::collections::BTreeSet;

use std::fmt::Debug;
use std::time::Duration;

use evanesce::expiry::{
    Age, ConversationId, DeviceEvent, EngineClock, EngineTime, ExpiryEvent, ExpiryScheduler, Life,
    MalformedStamp, MemberTag, MessageId, Monotonic, Now, Opens, Parts, Policy, Setting,
    SettingRefusal, SettingVersion, Stamp, StampedSetting, Terms, Verdict, Visibility,
};
use evanesce::limits::{ExpiryLimits, Limits, PeerLimits};
use evanesce::person::{
    DeviceList, ListError, ListedDevice, Obstacle, OwnDevices, Person, Standing, Unreached,
};
use evanesce::rand_core::Rng;
use evanesce::server::{PreKeyStock, PreKeyUpload, PublishedPreKeys};
use evanesce::session::{DhPublicKey, RatchetKeyPair, Role, Session, SessionId};
use evanesce::{
    Account, Address, Contact, Device, IdentityKey, Payload, Peer, PreKeyBundle, SessionNeed,
    SpentPreKey, StockDisagreement, Suite,
};
use household::Party;
use rand_chacha::ChaCha20Rng;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use support::pair::{Pair, Side};
use support::phases::{self, Moment};
use support::{
    AD, NOW, SUITES, World, in_each_suite, publishing, receive, rng, send, started, state,
};

fn as_json<Any: Serialize + DeserializeOwned>(value: &Any) -> Any {
    serde_json::from_str(&serde_json::to_string(value).unwrap()).unwrap()
}

/// A byte string of postcard: its length, then its bytes.
fn postcard_bytes(encoded: &[u8]) -> &[u8] {
    let (bytes, rest) = postcard::take_from_bytes::<&[u8]>(encoded).unwrap();
    assert!(rest.is_empty());
    bytes
}

fn as_postcard<Any: Serialize + DeserializeOwned>(value: &Any) -> Any {
    postcard::from_bytes(&postcard::to_allocvec(value).unwrap()).unwrap()
}

#[test]
fn states_are_the_bytes_of_their_snapshots() {
    let talks = SUITES.map(|suite| World::of(suite, 1).start());
    let in_epochs = phases::moments(1).into_iter().map(|Moment { talk, .. }| talk);
    for mut talk in talks.into_iter().chain(in_epochs) {
        let text = serde_json::to_value(&talk.bob).unwrap();
        assert_eq!(text, json!(hex::encode(talk.bob.snapshot())));
        let bytes = postcard::to_allocvec(&talk.bob).unwrap();
        assert_eq!(postcard_bytes(&bytes), *talk.bob.snapshot());
        assert!(state(&as_json(&talk.bob)) == state(&talk.bob));
        assert!(state(&as_postcard(&talk.bob)) == state(&talk.bob));
        talk.bob = as_json(&talk.bob);
        talk.goes_on();
    }

    in_each_suite(|suite| {
        let world = World::of(suite, 2);
        assert!(state(&as_json(&world.bob)) == state(&world.bob));
        let pair = Pair::talking_of([suite; 2], 2);
        assert!(state(&as_postcard(&pair.bob.peer)) == state(&pair.bob.peer));
    });
    for (name, bytes) in household::in_the_midst_of_things(&mut rng(4)) {
        if name.starts_with("person") {
            let person = Person::restore(&bytes).unwrap();
            assert_eq!(serde_json::to_value(&person).unwrap(), json!(hex::encode(&bytes)));
            assert!(state(&as_json(&person)) == bytes && state(&as_postcard(&person)) == bytes);
        } else if name.starts_with("own-devices") {
            let own = OwnDevices::restore(&bytes).unwrap();
            assert_eq!(serde_json::to_value(&own).unwrap(), json!(hex::encode(&bytes)));
            assert!(state(&as_json(&own)) == bytes && state(&as_postcard(&own)) == bytes);
        }
    }
    let mut scheduler = ExpiryScheduler::new(support::clock(NOW), &mut support::rng(4));
    let off = scheduler.set(ConversationId([1; 16]), None, MemberTag([2; 8]), support::clock(NOW));
    assert!(state(&as_postcard(&scheduler)) == state(&scheduler));
    assert_eq!(as_json(&off.tell[0]), off.tell[0]);
    let pair = RatchetKeyPair::generate(&mut support::rng(3));
    assert_eq!(as_json(&pair).public_key(), pair.public_key());
}

#[test]
fn bytes_that_are_no_snapshot_do_not_load() {
    let mut bytes = started(1).alice.snapshot().to_vec();
    assert!(serde_json::from_value::<Session>(json!(hex::encode(&bytes))).is_ok());
    assert!(serde_json::from_value::<Account>(json!(hex::encode(&bytes))).is_err());
    bytes[50] ^= 1;
    assert!(serde_json::from_value::<Session>(json!(hex::encode(&bytes))).is_err());
    let refusal = serde_json::from_value::<Session>(json!("text")).unwrap_err().to_string();
    assert_eq!(refusal, "a byte string is not in lower-case hex");
    let refusal = serde_json::from_value::<Session>(json!([1, 0])).unwrap_err().to_string();
    assert!(refusal.contains("expected a byte string in lower-case hex"), "{refusal}");
}

/// The forms in JSON that each type has, for good.
#[test]
fn byte_strings_are_lower_case_hex_in_json() {
    in_each_suite(byte_strings_are_hex);
    is_json(&SUITES, &json!(["Classical", "Hybrid"]));
    let moment = phases::moments(6).swap_remove(6);
    let status = moment.talk.bob.epochs().unwrap();
    let since = status.messages_since;
    is_json(&status, &json!({ "completed": 1, "messages_since": since, "waits_for_peer": true }));
}

fn byte_strings_are_hex(suite: Suite) {
    let world = World::of_limited(suite, publishing(9), 6);
    let Device { identity, address } = world.bob.device();
    let upload = &world.upload;
    let prekey = |id: usize| {
        let prekey = &upload.one_time_prekeys()[id];
        json!({ "id": prekey.id(), "key": hex::encode(&prekey.encode()[4..]) })
    };
    let signed_part = hex::encode(upload.signed_part());
    is_json(&identity, &json!(hex::encode(identity.encode())));
    is_json(&address, &json!("626f62406578616d706c652f6c6170746f70"));
    is_json(
        &world.bob.device(),
        &json!({ "identity": hex::encode(identity.encode()), "address": hex::encode(address.as_bytes()) }),
    );
    is_json(&Contact::Accepted(identity), &json!({ "Accepted": hex::encode(identity.encode()) }));
    is_json(&MessageId::from(0xabc), &json!("00000000000000000000000000000abc"));
    is_json(&ConversationId([0x1f; 16]), &json!("1f".repeat(16)));
    is_json(&MemberTag([0xf0; 8]), &json!("f0".repeat(8)));
    let key = RatchetKeyPair::from_secret(&[7; 32]).public_key();
    is_json(&key, &json!(hex::encode(key.as_bytes())));
    is_json(&upload.one_time_prekeys()[0], &prekey(0));
    is_json(&upload.bundle(), &json!({ "signed_part": signed_part, "one_time_prekey": null }));
    let prekeys: Vec<_> = (0..upload.one_time_prekeys().len()).map(prekey).collect();
    let expected = json!({
        "signed_part": signed_part,
        "one_time_prekeys": prekeys,
        "replaces_all": false,
    });
    is_json(upload, &expected);
    let published = serde_json::to_value(&world.server).unwrap();
    assert_eq!(published["signed_part"], json!(signed_part));
    assert_eq!(published["one_time_prekeys"], json!(prekeys));
    let stamp = json!({ "setting": null, "own_policy": null, "opens": "Unlimited" });
    is_json(&Payload::new([0, 0xff]), &json!({ "stamp": stamp, "body": "00ff" }));
    is_json(&Payload::new([]), &json!({ "stamp": stamp, "body": "" }));
    let setting = Setting { version: SettingVersion::MAX, policy: None, by: MemberTag([1; 8]) };
    is_json(
        &Stamp::of(Some(setting)),
        &json!({
            "setting": {
                "setting": { "version": i64::MAX, "policy": null, "by": "0101010101010101" },
                "change": false,
            },
            "own_policy": null,
            "opens": "Unlimited",
        }),
    );
    is_json(
        &DeviceEvent::Opened(MessageId([2; 16]), 1),
        &json!({ "Opened": ["02020202020202020202020202020202", 1] }),
    );
    is_json(&RatchetKeyPair::from_secret(&[7; 32]), &{
        let pair = RatchetKeyPair::from_secret(&[7; 32]);
        json!(hex::encode(pair.snapshot()))
    });
}

/// What a conversation gives, in JSON.
#[test]
fn messages_and_what_changed_are_hex_in_json() {
    in_each_suite(messages_are_hex);
}

fn messages_are_hex(suite: Suite) {
    let mut pair = Pair::talking_of([suite; 2], 7);
    let sent = pair.alice.peer.encrypt(&Payload::new("text"), AD, NOW, &mut rng(7)).unwrap();
    let id = sent.changes.session.unwrap();
    is_json(&id, &json!(hex::encode(id.as_bytes())));
    let changes = json!({
        "account": false,
        "peer": true,
        "session": hex::encode(id.as_bytes()),
        "spent_prekey": null,
    });
    is_json(&sent.changes, &changes);
    let evidence = sent.evidence.as_ref().unwrap();
    is_json(evidence, &json!(hex::encode(&*evidence.encode())));
    is_json(&evidence.commitment(), &json!(hex::encode(evidence.commitment().as_bytes())));
    // Without what opens it to others: this goes to who sends it.
    is_json(
        &sent,
        &json!({
            "message": hex::encode(&sent.message),
            "changes": changes,
            "session_need": null,
        }),
    );
    assert_eq!(as_json(&sent).evidence, None);
    let pair = &mut Pair::talking_of([suite; 2], 8);
    let session = pair.alice.peer.sessions().next().unwrap();
    let mut session = Session::restore(&session.snapshot()).unwrap();
    let sent = session.encrypt_with_evidence(&Payload::new("text"), AD, &mut rng(8)).unwrap();
    is_json(&sent, &json!({ "message": hex::encode(&sent.message) }));
    let Side { account, peer, .. } = &mut pair.bob;
    let delivered = peer.decrypt(account, &sent.message, AD, NOW).unwrap();
    let stored = serde_json::to_value(&delivered).unwrap();
    assert_eq!(stored["author"], json!(hex::encode(delivered.author.encode())));
    assert_eq!(stored["received"]["body"], json!("74657874"));
    assert_eq!(as_json(&delivered), delivered);
    assert_eq!(as_postcard(&delivered), delivered);
    is_json(&*account, &json!(hex::encode(account.snapshot())));
    is_json(&*peer, &json!(hex::encode(peer.snapshot())));
}

/// A value is this JSON, and comes back from it and from a format of bytes.
fn is_json<Any: Serialize + DeserializeOwned>(value: &Any, expected: &Value) {
    assert_eq!(serde_json::to_value(value).unwrap(), *expected);
    for back in [as_json(value), as_postcard(value)] {
        assert_eq!(serde_json::to_value(&back).unwrap(), *expected);
    }
}

#[test]
fn byte_strings_are_bytes_where_nobody_reads() {
    let world = World::new(8);
    let Device { identity, address } = world.bob.device();
    let is_bytes = |encoded: Result<Vec<u8>, postcard::Error>, bytes: &[u8]| {
        assert_eq!(postcard_bytes(&encoded.unwrap()), bytes);
    };
    is_bytes(postcard::to_allocvec(&identity), &identity.encode());
    is_bytes(postcard::to_allocvec(&address), address.as_bytes());
    is_bytes(postcard::to_allocvec(&MessageId([3; 16])), &[3; 16]);
    is_bytes(postcard::to_allocvec(&ConversationId([4; 16])), &[4; 16]);
    is_bytes(postcard::to_allocvec(&MemberTag([5; 8])), &[5; 8]);
    let id = started(8).alice.id();
    is_bytes(postcard::to_allocvec(&id), id.as_bytes());
    let key = RatchetKeyPair::from_secret(&[7; 32]).public_key();
    is_bytes(postcard::to_allocvec(&key), key.as_bytes());
    for account in SUITES.map(|suite| World::of_limited(suite, publishing(3), 8).bob) {
        is_bytes(postcard::to_allocvec(&account), &account.snapshot());
    }
}

fn refusal<Any: DeserializeOwned>(json: &Value) -> String {
    match serde_json::from_value::<Any>(json.clone()) {
        Ok(_) => panic!("{json} loads"),
        Err(error) => error.to_string(),
    }
}

#[test]
fn a_byte_string_has_one_encoding() {
    let identity = World::new(9).bob.device().identity;
    let hex = identity.to_string();
    let wrong = [
        hex.to_uppercase(),
        format!("0x{hex}"),
        format!("{hex} "),
        format!("{hex}\n"),
        format!("{hex}="),
        format!("{hex}0"),
        format!("{hex}00"),
        hex[1..].to_owned(),
        hex[2..].to_owned(),
        hex.replacen(|digit: char| digit.is_ascii_digit(), "g", 1),
        hex.replacen(|digit: char| digit.is_ascii_digit(), "\u{ff11}", 1),
        String::new(),
    ];
    assert!(loads::<IdentityKey>(&json!(hex)));
    for wrong in wrong {
        // A text that is refused may hold a secret.
        let error = refusal::<IdentityKey>(&json!(wrong));
        assert!(error.starts_with("a byte string"), "{wrong:?}: {error}");
        assert!(wrong.is_empty() || !error.contains(&wrong), "{error}");
    }
    refusal::<IdentityKey>(&json!(identity.encode().to_vec()));
    refusal::<SessionId>(&json!(vec![0; 32]));
    refusal::<SessionId>(&json!("00".repeat(31)));
    refusal::<MessageId>(&json!("AB".repeat(16)));
    refusal::<ConversationId>(&json!(vec![0; 16]));
    refusal::<MemberTag>(&json!("00".repeat(9)));
    refusal::<Address>(&json!(""));
    refusal::<Address>(&json!("00".repeat(65)));
    refusal::<Address>(&json!("a name"));
    refusal::<Payload>(&json!({
        "stamp": { "setting": null, "own_policy": null, "opens": "Unlimited" },
        "body": "text",
    }));
    // The checks of the bytes are made of the text.
    let weak = format!("01{}{}", "00".repeat(31), &hex[64..]);
    assert_eq!(refusal::<IdentityKey>(&json!(weak)), "the identity key is weak");
    assert_eq!(refusal::<DhPublicKey>(&json!("ff".repeat(32))), "the public key is not canonical");
    let too_long = postcard::to_allocvec(&[9_u8; 65][..]).unwrap();
    assert!(postcard::from_bytes::<Address>(&too_long).is_err());
    assert!(postcard::from_bytes::<MessageId>(&too_long).is_err());
    let claimed = [0xff, 0xff, 0xff, 0xff, 0x0f, 1, 2, 3];
    assert!(postcard::from_bytes::<Address>(&claimed).is_err());
    assert!(postcard::from_bytes::<Session>(&claimed).is_err());
}

/// A format of bytes that gives a text where bytes are asked for.
struct TextInstead(&'static str);

impl<'de> serde::Deserializer<'de> for TextInstead {
    type Error = serde::de::value::Error;

    fn is_human_readable(&self) -> bool {
        false
    }

    fn deserialize_any<V: serde::de::Visitor<'de>>(
        self,
        visitor: V,
    ) -> Result<V::Value, Self::Error> {
        visitor.visit_str(self.0)
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 u8 u16 u32 u64 f32 f64 char str string bytes byte_buf option unit unit_struct
        newtype_struct seq tuple tuple_struct map struct enum identifier ignored_any
    }
}

#[test]
fn hex_is_refused_where_a_format_has_bytes() {
    let hex = "1f1f1f1f1f1f1f1f1f1f1f1f1f1f1f1f";
    assert_eq!(refused_text::<MessageId>(hex), "a byte string is text in a format that has bytes");
    refused_text::<Session>(hex);
}

fn refused_text<Any: DeserializeOwned>(text: &'static str) -> String {
    match Any::deserialize(TextInstead(text)) {
        Ok(_) => panic!("{text} loads"),
        Err(error) => error.to_string(),
    }
}

/// A format that gives its bytes away.
struct Owned(Vec<u8>);

impl<'de> serde::Deserializer<'de> for Owned {
    type Error = serde::de::value::Error;

    fn deserialize_any<V: serde::de::Visitor<'de>>(
        self,
        visitor: V,
    ) -> Result<V::Value, Self::Error> {
        visitor.visit_byte_buf(self.0)
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option
        unit unit_struct newtype_struct seq tuple tuple_struct map struct enum identifier ignored_any
    }
}

#[test]
fn a_format_that_gives_its_bytes_away_is_as_good() {
    let bob = started(2).bob;
    let bytes = bob.snapshot().to_vec();
    let back: Session = serde::Deserialize::deserialize(Owned(bytes)).unwrap();
    assert!(state(&back) == state(&bob));
}

#[test]
fn public_values_come_back() {
    in_each_suite(|suite| {
        let mut world = World::of_limited(suite, publishing(3), 5);
        assert_eq!(as_json(&world.upload), world.upload);
        assert_eq!(as_postcard(&world.upload), world.upload);
        assert_eq!(as_json(&world.upload.bundle()), world.upload.bundle());
        assert_eq!(as_postcard(&world.server), world.server);
        assert_eq!(as_json(&world.bob.device()), world.bob.device());
        let accepted = {
            let first = send(&mut world.initiate(), "first", &mut world.rng);
            world.accept(&first)
        };
        assert_eq!(as_json(&accepted.received), accepted.received);
        assert_eq!(as_json(&accepted.changes), accepted.changes);
        assert_eq!(as_json(&accepted.session.id()), accepted.session.id());
        let epochs = accepted.session.epochs();
        assert_eq!((as_json(&epochs), as_postcard(&suite)), (epochs, suite));
    });
    let world = World::new(5);
    let contact = Contact::Request(world.alice.device().identity);
    assert_eq!(as_json(&contact), contact);
    assert_eq!(as_json(&SessionNeed::Unanswered), SessionNeed::Unanswered);
    let address = Address::new([0xff; 64]).unwrap();
    assert_eq!(as_json(&address), address);
    let mut clock = EngineClock::new(support::clock(NOW));
    clock.trust_time(support::clock(NOW).wall, support::clock(NOW));
    assert_eq!(as_postcard(&clock), clock);
    every_missing_field_is_refused(&clock);
    every_unknown_field_is_refused(&clock);
    every_missing_field_is_refused(&ExpiryLimits::default());
    let terms = Terms::NONE.and(Policy::after_send(support::DAY));
    let mut life = Life::received(terms, Opens::Twice, Age::NONE, EngineTime::from_millis(7));
    life.read(EngineTime::from_millis(8));
    assert_eq!(as_postcard(&life), life);
    every_missing_field_is_refused(&life);
    every_unknown_field_is_refused(&terms);
    assert_eq!(as_json(&Age::claimed(support::DAY)), Age::claimed(support::SECOND * 600));
}

#[test]
fn public_values_of_people_come_back() {
    let rng = &mut rng(6);
    let mut parties = [Party::new("alice/1", rng), Party::new("bob/1", rng)];
    let (alice, bob) = (parties[0].identity(), parties[1].identity());
    let listed = ListedDevice::consenting(&parties[0].account, &alice, NOW);
    let list = DeviceList::sign(&parties[0].account, std::slice::from_ref(&listed), 1, NOW);
    let list = DeviceList::decode(&list.unwrap().encode()).unwrap();
    assert_eq!(serde_json::to_value(&list).unwrap(), json!(hex::encode(list.encode())));
    assert_eq!((as_json(&list), as_postcard(&list)), (list.clone(), list.clone()));
    let refused = refusal::<DeviceList>(&json!(hex::encode(&list.encode()[1..])));
    assert!(!refused.is_empty());
    assert_eq!((as_json(&listed), as_postcard(&listed)), (listed.clone(), listed.clone()));
    every_missing_field_is_refused(&listed);
    every_unknown_field_is_refused(&listed);

    household::begin(&mut parties, 0, 1, household::START, rng);
    let sent = parties[0].send(&bob, b"text", household::START, rng).unwrap();
    // Without what opens it to others: this goes to who sends it.
    let mut message = sent.messages[0].clone();
    assert!(message.evidence.take().is_some());
    assert_eq!(as_json(&sent.messages[0]), message);
    assert_eq!(as_postcard(&sent.messages[0]), message);
    let message = &message;
    every_missing_field_is_refused(message);
    every_unknown_field_is_refused(message);
    let unreached = Unreached { to: message.to.clone(), reason: Obstacle::NeedsSession };
    assert_eq!(as_json(&unreached), unreached);
    every_missing_field_is_refused(&unreached);
    for standing in [Standing::Listed, Standing::Stale, Standing::Removed, Standing::Alone] {
        assert_eq!(as_postcard(&standing), standing);
    }
    assert_eq!(as_json(&ListError::WeakKey), ListError::WeakKey);
}

fn loads<State: DeserializeOwned>(stored: &Value) -> bool {
    serde_json::from_value::<State>(stored.clone()).is_ok()
}

/// The paths of all named fields in a stored value; what a number names is an entry, not a field.
fn fields(value: &Value, path: &str, found: &mut Vec<String>) {
    match value {
        Value::Object(object) => object.iter().for_each(|(name, inner)| {
            let path = format!("{path}/{name}");
            fields(inner, &path, found);
            if name.parse::<u32>().is_err() {
                found.push(path);
            }
        }),
        Value::Array(items) => items.iter().enumerate().for_each(|(index, inner)| {
            fields(inner, &format!("{path}/{index}"), found);
        }),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

fn every_missing_field_is_refused<Any: Serialize + DeserializeOwned>(value: &Any) {
    let stored = serde_json::to_value(value).unwrap();
    assert!(loads::<Any>(&stored));
    let mut paths = Vec::new();
    fields(&stored, "", &mut paths);
    assert!(paths.len() > 1);
    for path in paths {
        let (parent, name) = path.rsplit_once('/').unwrap();
        let mut damaged = stored.clone();
        damaged.pointer_mut(parent).unwrap().as_object_mut().unwrap().remove(name);
        assert!(!loads::<Any>(&damaged), "{path} is missing and it loads");
    }
}

fn every_unknown_field_is_refused<Any: Serialize + DeserializeOwned>(value: &Any) {
    let stored = serde_json::to_value(value).unwrap();
    let mut paths = Vec::new();
    fields(&stored, "", &mut paths);
    let parents = paths.iter().map(|path| path.rsplit_once('/').unwrap().0);
    for parent in parents.collect::<BTreeSet<_>>() {
        let mut newer = stored.clone();
        let object = newer.pointer_mut(parent).unwrap().as_object_mut().unwrap();
        object.insert("post_quantum".to_owned(), json!(1));
        assert!(!loads::<Any>(&newer), "{parent} has a field more and it loads");
    }
}

#[test]
fn a_value_with_a_field_missing_or_unknown_does_not_load() {
    in_each_suite(|suite| {
        let mut world = World::of_limited(suite, publishing(3), 2);
        every_missing_field_is_refused(&world.server);
        every_unknown_field_is_refused(&world.server);
        every_missing_field_is_refused(&world.upload);
        every_unknown_field_is_refused(&world.upload);
        let session = world.start().alice;
        if let Some(status) = session.epochs() {
            every_missing_field_is_refused(&status);
            every_unknown_field_is_refused(&status);
        }
    });
    let mut world = World::new(2);
    let stamp = Stamp { setting: None, own_policy: Some(Policy::OnClose), opens: Opens::Once };
    every_missing_field_is_refused(&stamp);
    every_unknown_field_is_refused(&Payload::new("text").with_stamp(stamp));
    let first = send(&mut world.initiate(), "first", &mut world.rng);
    let accepted = world.accept(&first);
    every_missing_field_is_refused(&accepted.changes);
    every_unknown_field_is_refused(&accepted.changes);
}

#[test]
fn a_server_goes_on_from_what_was_stored() {
    in_each_suite(|suite| {
        let mut world = World::of(suite, 3);
        world.server.hand_out();
        let stored: PublishedPreKeys = as_postcard(&world.server);
        assert_eq!(stored, world.server);
        world.server = stored;
        let left = world.server.one_time_prekeys_left();
        world.server.publish(world.upload.clone());
        assert_eq!(world.server.one_time_prekeys_left(), left);
        let mut talk = world.start();
        receive(&mut talk.bob, &send(&mut talk.alice, "on", &mut talk.rng));
        assert_eq!(talk.bob.maintain(NOW), 0);
    });
}

/// One of so many.
fn below(count: usize, rng: &mut ChaCha20Rng) -> usize {
    usize::try_from(rng.next_u32()).unwrap() % count
}

/// Changes something in a value: a number, the order or the count of a list, a field.
fn mutate(value: &mut Value, rng: &mut ChaCha20Rng) {
    match value {
        Value::Array(items) if !items.is_empty() => {
            let place = below(items.len(), rng);
            match rng.next_u32() % 8 {
                0 => items.insert(place, items[place].clone()),
                1 => _ = items.remove(place),
                2 => items.swap(place, 0),
                3 => items.reverse(),
                _ => mutate(&mut items[place], rng),
            }
        }
        Value::Object(fields) if !fields.is_empty() => {
            let name = fields.keys().nth(below(fields.len(), rng)).unwrap().clone();
            match rng.next_u32() % 16 {
                0 => _ = fields.remove(&name),
                1 => _ = fields.insert("unknown".into(), json!(1)),
                2 => _ = fields.insert(name, Value::Null),
                _ => mutate(&mut fields[&name], rng),
            }
        }
        Value::Number(number) => {
            let old = number.as_u64().unwrap_or(0);
            let small = u64::from(rng.next_u32() % 300);
            *value = match rng.next_u32() % 6 {
                0 => json!(0),
                1 => json!(old.wrapping_add(1)),
                2 => json!(old.wrapping_sub(1)),
                3 => json!(small),
                4 => json!(rng.next_u32()),
                _ => json!(rng.next_u64()),
            };
        }
        Value::Bool(is_so) => *is_so = !*is_so,
        Value::Null => *value = json!(rng.next_u32() % 5),
        Value::String(text) => text.push('a'),
        Value::Array(items) => items.push(json!(0)),
        Value::Object(_) => {}
    }
}

/// Whatever serde takes, from changed JSON and from changed bytes, is as good as what the library makes: it passes
/// `check`, and comes back.
fn whatever_serde_takes_is_sound<Any>(value: &Any, check: impl Fn(&Any))
where
    Any: Serialize + DeserializeOwned + PartialEq + Debug,
{
    let check = |taken: &Any| {
        assert!(as_json(taken) == *taken && as_postcard(taken) == *taken, "{taken:?}");
        check(taken);
    };
    check(value);
    let rng = &mut support::rng(6);
    let (stored, bytes) =
        (serde_json::to_value(value).unwrap(), postcard::to_allocvec(value).unwrap());
    for _ in 0..600 {
        let (mut stored, mut bytes) = (stored.clone(), bytes.clone());
        for _ in 0..=rng.next_u32() % 3 {
            mutate(&mut stored, rng);
            if !bytes.is_empty() {
                let place = below(bytes.len(), rng);
                match rng.next_u32() % 4 {
                    0 => bytes[place] = bytes[place].wrapping_add(1),
                    1 => bytes[place] ^= 1 << (rng.next_u32() % 8),
                    2 => _ = bytes.remove(place),
                    _ => bytes.insert(place, bytes[place]),
                }
            }
        }
        // Through text, so that there is but one way in.
        if let Ok(taken) = serde_json::from_str(&stored.to_string()) {
            check(&taken);
        }
        if let Ok(taken) = postcard::from_bytes(&bytes) {
            check(&taken);
        }
    }
}

fn check_stamp(stamp: &Stamp) {
    assert_eq!(Stamp::decode(&stamp.encode()), Some((stamp.clone(), &[][..])));
}

fn check_identity(identity: &IdentityKey) {
    assert_eq!(IdentityKey::decode(&identity.encode()), Ok(*identity));
}

fn check_upload(upload: &PreKeyUpload) {
    assert_eq!(PreKeyUpload::decode(&upload.encode()).as_ref(), Ok(upload));
}

fn check_published(published: &PublishedPreKeys) {
    let mut server = published.clone();
    assert_eq!(PreKeyStock::decode(&server.stock().encode()), Ok(server.stock()));
    let left = server.one_time_prekeys_left();
    let mut listed = Vec::new();
    for _ in 0..left {
        let bundle = PreKeyBundle::decode(&server.hand_out()).unwrap().encode();
        let length = if bundle[1] == 1 { 36 } else { 1_668 };
        listed.extend_from_slice(&bundle[bundle.len() - length..]);
    }
    assert!(left <= 1_000);
    // All of it could have been uploaded at once.
    let mut upload = vec![1];
    upload.extend(server.hand_out().split_last().unwrap().1);
    upload.extend(listed);
    let upload = PreKeyUpload::decode(&upload).unwrap();
    // And none of it is news.
    server = published.clone();
    server.publish(upload);
    assert!(server == *published);
}

#[test]
fn what_serde_takes_of_prekeys_decode_takes() {
    in_each_suite(what_serde_takes_of_prekeys);
}

fn what_serde_takes_of_prekeys(suite: Suite) {
    let mut world = World::of_limited(suite, publishing(4), 7);
    let mut other = World::of_limited(suite, publishing(2), 8);
    whatever_serde_takes_is_sound(&world.upload, check_upload);
    world.server.publish(other.upload.clone());
    world.server.hand_out();
    whatever_serde_takes_is_sound(&world.server, check_published);
    let stock = other.server.stock();
    whatever_serde_takes_is_sound(&stock, |stock| {
        assert_eq!(PreKeyStock::decode(&stock.encode()).as_ref(), Ok(stock));
    });
    let bundle = PreKeyBundle::decode(&other.server.hand_out()).unwrap();
    whatever_serde_takes_is_sound(&bundle, |bundle| {
        assert_eq!(PreKeyBundle::decode(&bundle.encode()).as_ref(), Ok(bundle));
    });
    whatever_serde_takes_is_sound(&world.upload.one_time_prekeys()[0], |prekey| {
        let key = prekey.encode()[4..36].try_into().unwrap();
        assert!(DhPublicKey::decode(&key).is_some());
    });
    let maintained = world.bob.republish_prekeys(NOW, &mut support::rng(9));
    whatever_serde_takes_is_sound(&maintained, |maintained| {
        maintained.upload.iter().for_each(check_upload);
    });
}

#[test]
fn what_serde_takes_of_keys_decode_takes() {
    let device = World::new(7).bob.device();
    whatever_serde_takes_is_sound(&device.identity, check_identity);
    whatever_serde_takes_is_sound(&device.address, |address: &Address| {
        assert_eq!(Address::new(address.as_bytes()).as_ref(), Ok(address));
    });
    whatever_serde_takes_is_sound(&device, |device| check_identity(&device.identity));
    for contact in [Contact::None, Contact::Request(device.identity)] {
        whatever_serde_takes_is_sound(&contact, |contact| {
            contact.identity().iter().for_each(check_identity);
        });
    }
    let key = RatchetKeyPair::from_secret(&[1; 32]).public_key();
    whatever_serde_takes_is_sound(&key, |key| {
        assert!(DhPublicKey::decode(key.as_bytes()).is_some())
    });
}

#[test]
fn what_serde_takes_of_messages_decode_takes() {
    let policy = Policy::after_read(support::DAY);
    let version = SettingVersion::new(300).unwrap();
    let setting = Setting { version, policy: Some(policy), by: MemberTag([7; 8]) };
    let stamp = Stamp::of(Some(setting)).with_policy(Policy::OnClose).with_opens(Opens::Once);
    let stamped = |setting: &Setting| check_stamp(&Stamp::of(Some(*setting)));
    whatever_serde_takes_is_sound(&stamp, check_stamp);
    whatever_serde_takes_is_sound(&setting, stamped);
    whatever_serde_takes_is_sound(&StampedSetting { setting, change: true }, |it| {
        stamped(&it.setting);
    });
    whatever_serde_takes_is_sound(&policy, |policy| check_stamp(&Stamp::NONE.with_policy(*policy)));
    whatever_serde_takes_is_sound(&version, |version: &SettingVersion| {
        assert_eq!(SettingVersion::new(version.number()), Some(*version));
    });
    whatever_serde_takes_is_sound(&Payload::new("text").with_stamp(stamp), |payload| {
        check_stamp(&payload.stamp);
    });
    let mut world = World::new(10);
    let first = send(&mut world.initiate(), "first", &mut world.rng);
    let accepted = world.accept(&first);
    whatever_serde_takes_is_sound(&accepted.received, |it| it.stamp.iter().for_each(check_stamp));
    whatever_serde_takes_is_sound(&accepted.changes, |_| ());
    whatever_serde_takes_is_sound(&accepted.session.id(), |_| ());
    let (id, conversation) = (MessageId([1; 16]), ConversationId([2; 16]));
    for event in [DeviceEvent::Opened(id, 1), DeviceEvent::Setting(conversation, setting)] {
        whatever_serde_takes_is_sound(&event, |event| {
            if let DeviceEvent::Setting(_, setting) = event {
                stamped(setting);
            }
        });
    }
    let changed = ExpiryEvent::SettingChanged { conversation, previous: Some(setting), setting };
    let refused =
        ExpiryEvent::SettingRefused { conversation, setting, refusal: SettingRefusal::VersionJump };
    for event in [changed, refused] {
        every_unknown_field_is_refused(&event);
        whatever_serde_takes_is_sound(&event, |event| match event {
            ExpiryEvent::SettingChanged { previous, setting, .. } => {
                previous.iter().chain([setting]).for_each(stamped);
            }
            ExpiryEvent::SettingRefused { setting, .. } => stamped(setting),
            _ => {}
        });
    }
    every_unknown_field_is_refused(&setting);
}

/// Those of an operating system are random, and most formats have no such numbers.
#[test]
fn names_of_boots_are_byte_strings() {
    let boot = 0xf1e2_d3c4_b5a6_9788_796a_5b4c_3d2e_1f00;
    let monotonic = Monotonic { boot, elapsed: support::SECOND };
    let now = Now { wall: support::DAY, monotonic: Some(monotonic) };
    let text = serde_json::to_value(now).unwrap();
    assert_eq!(text["monotonic"]["boot"], json!("f1e2d3c4b5a69788796a5b4c3d2e1f00"));
    assert_eq!(serde_json::from_value::<Now>(text).unwrap(), now);
    assert_eq!(as_postcard(&now), now);
    let mut clock = EngineClock::new(now);
    clock.trust_time(support::DAY, now);
    let text = serde_json::to_value(&clock).unwrap();
    assert_eq!(text["trusted"]["boot"], text["monotonic"]["boot"]);
    assert_eq!(serde_json::from_value::<EngineClock>(text).unwrap(), clock);
}

#[test]
fn what_serde_takes_of_times_limits_and_names_is_what_can_be() {
    let monotonic = Monotonic { boot: 7, elapsed: support::SECOND };
    let now = Now { wall: support::DAY, monotonic: Some(monotonic) };
    every_unknown_field_is_refused(&now);
    every_unknown_field_is_refused(&monotonic);
    whatever_serde_takes_is_sound(&now, |_| ());
    let limits = ExpiryLimits::default();
    let end = |life: &Life| life.deadline(&limits);
    let most = EngineTime::from_millis(7).plus(Duration::from_secs(366 * 86_400));
    let of = |terms: Terms| {
        let mut life =
            Life::received(terms, Opens::Unlimited, Age::NONE, EngineTime::from_millis(7));
        life.read(EngineTime::from_millis(7));
        life
    };
    for policy in [Policy::after_send(support::DAY), Policy::after_read(support::DAY * 366)] {
        let terms = Terms::NONE.and(policy);
        whatever_serde_takes_is_sound(&terms, |terms: &Terms| {
            assert!(end(&of(*terms)).is_none_or(|end| end <= most), "{terms:?}");
            assert_eq!(Terms::NONE.join(*terms), *terms, "what is joined is clamped");
        });
        let unsent = Life::queued(terms, Opens::Once, EngineTime::from_millis(9));
        for life in [of(terms), unsent] {
            whatever_serde_takes_is_sound(&life, |life| _ = end(life));
        }
    }
    let clock = EngineClock::new(now);
    whatever_serde_takes_is_sound(&clock, |clock: &EngineClock| {
        let _ = clock.clone().trust_time(support::DAY, now);
    });
    whatever_serde_takes_is_sound(&Limits::default(), |_| ());
    whatever_serde_takes_is_sound(&PeerLimits::default(), |_| ());
    whatever_serde_takes_is_sound(&limits, |_| ());
    whatever_serde_takes_is_sound(&(NOW, EngineTime::START, Age::NONE), |_| ());
    let names = (MessageId([1; 16]), ConversationId([2; 16]), MemberTag([3; 8]), MalformedStamp);
    whatever_serde_takes_is_sound(&names, |_| ());
    let words = (Role::Initiator, SessionNeed::Lost, Opens::Once, Visibility::Gone, Verdict::Late);
    whatever_serde_takes_is_sound(&words, |_| ());
    let words = (SpentPreKey::OneTime(7), StockDisagreement::NotHeld, Parts::FILE | Parts::BODY);
    whatever_serde_takes_is_sound(&words, |_| ());
}

#[test]
fn what_serde_takes_of_states_restores() {
    let scheduler = ExpiryScheduler::new(support::clock(NOW), &mut support::rng(12));
    /// Compared by its stored form.
    #[derive(Serialize, serde::Deserialize)]
    #[serde(transparent)]
    struct Whole<State>(State);
    impl<State: support::Stateful> PartialEq for Whole<State> {
        fn eq(&self, other: &Self) -> bool {
            state(&self.0) == state(&other.0)
        }
    }
    impl<State> Debug for Whole<State> {
        fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            formatter.write_str("a state")
        }
    }
    fn check<State: support::Stateful>(whole: &Whole<State>) {
        assert!(state(&support::restored(&whole.0)) == state(&whole.0));
    }
    in_each_suite(|suite| {
        let mut world = World::of_limited(suite, publishing(2), 11);
        let peer = Peer::pinned(world.alice.device());
        whatever_serde_takes_is_sound(&Whole(world.start().bob), check);
        whatever_serde_takes_is_sound(&Whole(world.bob), check);
        whatever_serde_takes_is_sound(&Whole(peer), check);
    });
    whatever_serde_takes_is_sound(&Whole(scheduler), check);
    whatever_serde_takes_is_sound(&Whole(RatchetKeyPair::from_secret(&[2; 32])), check);
}

#[test]
fn what_decode_refuses_serde_refuses() {
    in_each_suite(what_decode_refuses_of_prekeys);
    let year = json!({ "after_send": 31_622_400, "after_read": null, "on_close": false });
    assert!(loads::<Terms>(&year));
    assert!(!loads::<Terms>(&changed(&year, |it| it["after_send"] = json!(31_622_401))));
    assert!(!loads::<Terms>(&changed(&year, |it| it["after_read"] = json!(31_622_401))));
    for policy in [json!({ "AfterSend": { "ttl": 1, "since": 2 } }), json!({ "AfterRead": {} })] {
        assert!(!loads::<Policy>(&policy));
    }
    let terms = Terms::NONE.and(Policy::after_send(support::DAY));
    let life = Life::received(terms, Opens::Once, Age::NONE, EngineTime::from_millis(7));
    let life = serde_json::to_value(&life).unwrap();
    assert!(loads::<Life>(&life));
    assert!(!loads::<Life>(&changed(&life, |it| it["origin"]["Theirs"]["sent"] = json!(8))));
}

fn changed(stored: &Value, change: fn(&mut Value)) -> Value {
    let mut stored = stored.clone();
    change(&mut stored);
    stored
}

fn what_decode_refuses_of_prekeys(suite: Suite) {
    let world = World::of_limited(suite, publishing(3), 13);
    let upload = serde_json::to_value(&world.upload).unwrap();
    let server = serde_json::to_value(&world.server).unwrap();
    assert!(loads::<PreKeyUpload>(&upload) && loads::<PublishedPreKeys>(&server));
    let out_of_order: fn(&mut Value) =
        |it| it["one_time_prekeys"].as_array_mut().unwrap().swap(0, 1);
    let doubled: fn(&mut Value) = |it| {
        let listed = it["one_time_prekeys"].as_array_mut().unwrap();
        listed.insert(0, listed[0].clone());
    };
    for change in [out_of_order, doubled] {
        assert!(!loads::<PreKeyUpload>(&changed(&upload, change)));
        assert!(!loads::<PublishedPreKeys>(&changed(&server, change)));
    }
    let without_highest: fn(&mut Value) = |it| it["highest_id"] = Value::Null;
    let low_highest: fn(&mut Value) = |it| it["highest_id"] = json!(2);
    let unknown_signed: fn(&mut Value) = |it| it["had"]["signed_prekey_id"] = json!(0);
    let made_later: fn(&mut Value) = |it| it["had"]["created"] = json!(0);
    for change in [without_highest, low_highest, unknown_signed, made_later] {
        assert!(!loads::<PublishedPreKeys>(&changed(&server, change)));
    }
}
