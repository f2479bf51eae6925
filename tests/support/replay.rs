//! What replayers of known answers read: fields with their types, draws that are used up exactly.

#![allow(dead_code, reason = "each test file uses a part")]

#[path = "given_draws.rs"]
mod given_draws;

use std::path::{Path, PathBuf};

use evanesce::Timestamp;
use serde_json::Value;

pub use given_draws::GivenDraws;

/// Where the known answers are.
pub fn directory() -> PathBuf {
    std::env::var_os("EVANESCE_VECTORS")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vectors"), PathBuf::from)
}

/// The conversations of this format whose file names begin so, each with its name; fails if there are none.
pub fn conversations(start: &str, format: u64) -> Vec<(String, Value)> {
    let directory = directory();
    let entries = std::fs::read_dir(&directory).unwrap();
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.retain(|path| {
        let name = path.file_name().unwrap().to_string_lossy();
        name.starts_with(start) && name.ends_with(".json")
    });
    paths.sort();
    assert!(!paths.is_empty(), "no {start} in {directory:?}");
    let read = |path: PathBuf| {
        let text = std::fs::read_to_string(&path).unwrap();
        let conversation: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(conversation["format"], format, "{path:?}");
        (path.file_stem().unwrap().to_string_lossy().into_owned(), conversation)
    };
    paths.into_iter().map(read).collect()
}

/// Fails on a field that is not known; a comment may stand anywhere.
pub fn assert_fields(value: &Value, known: &[&str], place: &str) {
    for field in value.as_object().unwrap().keys() {
        assert!(field == "comment" || known.contains(&field.as_str()), "{place}: unknown {field}");
    }
}

/// Compares bytes with their hex, or with `{"sha256", "length"}`.
pub fn assert_is(bytes: &[u8], value: &Value, place: &str) {
    match value {
        Value::String(expected) => assert_eq!(hex::encode(bytes), *expected, "{place}"),
        short => {
            assert_fields(short, &["sha256", "length"], place);
            assert_eq!(u64::try_from(bytes.len()).unwrap(), number(short, "length"), "{place}");
            assert_eq!(sha256(bytes), text(short, "sha256"), "{place}");
        }
    }
}

/// The draws of a field.
pub fn given_draws(object: &Value, name: &str) -> GivenDraws {
    GivenDraws(bytes(object, name))
}

pub fn text<'value>(object: &'value Value, name: &str) -> &'value str {
    object[name].as_str().unwrap_or_else(|| panic!("no text {name} in {object}"))
}

pub fn bytes(object: &Value, name: &str) -> Vec<u8> {
    hex::decode(text(object, name)).unwrap()
}

pub fn number(object: &Value, name: &str) -> u64 {
    object[name].as_u64().unwrap_or_else(|| panic!("no number {name} in {object}"))
}

pub fn time(object: &Value, name: &str) -> Timestamp {
    Timestamp::from_unix_seconds(number(object, name))
}

fn sha256(bytes: &[u8]) -> String {
    use sha2::Digest;
    hex::encode(sha2::Sha256::digest(bytes))
}
