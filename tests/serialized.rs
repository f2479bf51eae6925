//! With serde: states are the bytes of their snapshots, and public values come back as they were, or not at
//! all.

mod support;

use std::collections::BTreeSet;

use evanesce::expiry::{
    Age, ConversationId, EngineClock, EngineTime, ExpiryScheduler, Life, MemberTag, Opens, Policy,
    Stamp, Terms,
};
use evanesce::limits::ExpiryLimits;
use evanesce::server::PublishedPreKeys;
use evanesce::session::{RatchetKeyPair, Session};
use evanesce::{Account, Address, Contact, Payload, Peer, SessionNeed};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use support::{NOW, World, receive, send, started, state};

fn as_json<Any: Serialize + DeserializeOwned>(value: &Any) -> Any {
    serde_json::from_str(&serde_json::to_string(value).unwrap()).unwrap()
}

fn as_postcard<Any: Serialize + DeserializeOwned>(value: &Any) -> Any {
    postcard::from_bytes(&postcard::to_allocvec(value).unwrap()).unwrap()
}

#[test]
fn states_are_the_bytes_of_their_snapshots() {
    let mut talk = started(1);
    let bytes = serde_json::to_value(&talk.bob).unwrap();
    assert_eq!(bytes, json!(talk.bob.snapshot().to_vec()));
    assert!(state(&as_json(&talk.bob)) == state(&talk.bob));
    assert!(state(&as_postcard(&talk.bob)) == state(&talk.bob));
    talk.bob = as_json(&talk.bob);
    talk.goes_on();

    let world = World::new(2);
    assert!(state(&as_json(&world.bob)) == state(&world.bob));
    let peer = Peer::pinned(world.bob.device());
    assert!(state(&as_postcard(&peer)) == state(&peer));
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
    assert!(serde_json::from_value::<Session>(json!(bytes)).is_ok());
    assert!(serde_json::from_value::<Account>(json!(bytes)).is_err());
    bytes[50] ^= 1;
    assert!(serde_json::from_value::<Session>(json!(bytes)).is_err());
    let refusal = serde_json::from_value::<Session>(json!("text")).unwrap_err().to_string();
    assert!(refusal.contains("expected the bytes of a snapshot"), "{refusal}");
    assert!(serde_json::from_value::<Session>(json!([256, 0])).is_err());
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
    let mut world = World::new(5);
    assert_eq!(as_json(&world.upload), world.upload);
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
    let mut world = World::new(2);
    every_missing_field_is_refused(&world.server);
    every_unknown_field_is_refused(&world.server);
    every_unknown_field_is_refused(&world.upload);
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
    let mut world = World::new(3);
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
}
