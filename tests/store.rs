//! What is stored comes back as it was, or not at all.

mod support;

use std::collections::BTreeSet;

use evanesce::{Opens, Payload, Policy, PublishedPreKeys, Session, Stamp};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use support::{NOW, Talk, receive, restored, started, state};

/// A conversation in which Bob holds keys of his current chain and of an older one.
fn with_late_messages() -> Talk {
    let mut talk = started(1);
    let first = talk.alice_sends_many(3);
    receive(&mut talk.bob, &first[1]);
    talk.goes_on();
    let second = talk.alice_sends_many(4);
    receive(&mut talk.bob, &second[3]);
    assert_eq!(talk.bob.held_keys(), 5);
    talk
}

fn loads<State: DeserializeOwned>(stored: &Value) -> bool {
    serde_json::from_value::<State>(stored.clone()).is_ok()
}

/// The paths of all named fields in a stored state; what a number names is an entry, not a field.
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

fn every_missing_field_is_refused<State: Serialize + DeserializeOwned>(state: &State) {
    let stored = serde_json::to_value(state).unwrap();
    assert!(loads::<State>(&stored));
    let mut paths = Vec::new();
    fields(&stored, "", &mut paths);
    assert!(paths.len() > 2);
    for path in paths {
        let (parent, name) = path.rsplit_once('/').unwrap();
        let mut damaged = stored.clone();
        damaged.pointer_mut(parent).unwrap().as_object_mut().unwrap().remove(name);
        assert!(!loads::<State>(&damaged), "{path} is missing and it loads");
    }
}

#[test]
fn a_session_goes_on_from_what_was_stored() {
    let mut talk = with_late_messages();
    let before = state(&talk.bob);
    talk.bob = restored(&talk.bob);
    assert!(state(&talk.bob) == before);
    talk.bob = serde_json::from_str(&serde_json::to_string(&talk.bob).unwrap()).unwrap();
    assert!(state(&talk.bob) == before);
    talk.goes_on();
}

#[test]
fn a_stored_state_with_a_field_missing_does_not_load() {
    let talk = with_late_messages();
    every_missing_field_is_refused(&talk.bob);
    every_missing_field_is_refused(&talk.alice);
    let world = support::World::new(2);
    every_missing_field_is_refused(&world.bob);
    every_missing_field_is_refused(&world.server);
    every_missing_field_is_refused(&Stamp {
        setting: None,
        own_policy: Some(Policy::OnClose),
        opens: Opens::Once,
    });
}

fn every_unknown_field_is_refused<State: Serialize + DeserializeOwned>(state: &State) {
    let stored = serde_json::to_value(state).unwrap();
    let mut paths = Vec::new();
    fields(&stored, "", &mut paths);
    let parents = paths.iter().map(|path| path.rsplit_once('/').unwrap().0);
    for parent in parents.collect::<BTreeSet<_>>() {
        let mut newer = stored.clone();
        let object = newer.pointer_mut(parent).unwrap().as_object_mut().unwrap();
        object.insert("post_quantum".to_owned(), json!(1));
        assert!(!loads::<State>(&newer), "{parent} has a field more and it loads");
    }
}

#[test]
fn a_stored_state_with_a_field_that_we_do_not_know_does_not_load() {
    let talk = with_late_messages();
    every_unknown_field_is_refused(&talk.bob);
    every_unknown_field_is_refused(&talk.alice);
    let world = support::World::new(2);
    every_unknown_field_is_refused(&world.bob);
    every_unknown_field_is_refused(&world.server);
    every_unknown_field_is_refused(&world.upload);
    every_unknown_field_is_refused(&Payload::new("text"));
}

#[test]
fn numbers_that_no_chain_has_do_not_load() {
    let stored = serde_json::to_value(with_late_messages().bob).unwrap();
    let current = "/ratchet/receiving/current";
    let older = "/ratchet/receiving/older/0";
    for (path, value) in [
        (format!("{current}/received"), json!(10_001)),
        (format!("{current}/received"), json!(2)),
        (format!("{current}/skipped/0"), json!(9)),
        (format!("{current}/skipped/1/0/0"), json!(2)),
        (format!("{older}/length"), json!(10_001)),
        (format!("{older}/skipped/1/0/0"), json!(9_999)),
    ] {
        let mut damaged = stored.clone();
        *damaged.pointer_mut(&path).unwrap() = value;
        assert!(!loads::<Session>(&damaged), "{path}");
    }
}

#[test]
fn a_server_goes_on_from_what_was_stored() {
    let mut world = support::World::new(3);
    world.server.hand_out();
    let stored: PublishedPreKeys = restored(&world.server);
    assert_eq!(stored, world.server);
    world.server = stored;
    world.server.publish(world.upload.clone());
    let (mut talk, left) = (world.start(), world.server.one_time_prekeys_left());
    assert_eq!(talk.bob.maintain(NOW), 0);
    talk.goes_on();
    assert!(left < world.upload.one_time_prekeys().len());
}
