//! The forms of bytes in `attachments.json` and `reports.json`: see `tests/vectors/README.md`. What is not known fails.

#![allow(dead_code, reason = "each test file uses a part")]

#[path = "given_draws.rs"]
mod given_draws;

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use serde_json::Value;
use sha2::{Digest, Sha256};

pub use given_draws::GivenDraws;

/// A file of the known answers, of format 1, with these sections and no other.
pub fn known_answers(file: &str, sections: &[&str]) -> Value {
    let directory = std::env::var_os("EVANESCE_VECTORS")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vectors"), PathBuf::from);
    let path = directory.join(file);
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path:?}: {error}"));
    let answers: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(answers["format"], 1, "{path:?}");
    for name in answers.as_object().unwrap().keys() {
        let known =
            ["format", "comment"].contains(&name.as_str()) || sections.contains(&name.as_str());
        assert!(known, "nothing replays section {name} of {file}");
    }
    answers
}

/// The cases of a section, possibly none.
pub fn section<'answers>(answers: &'answers Value, name: &str) -> &'answers [Value] {
    answers[name].as_array().unwrap_or_else(|| panic!("no section {name}"))
}

pub fn assert_fields(value: &Value, known: &[&str]) {
    for name in value.as_object().unwrap_or_else(|| panic!("{value} is no object")).keys() {
        assert!(known.contains(&name.as_str()), "unknown field {name} in {value}");
    }
}

/// The output of earlier cases, by name.
pub type Blobs = HashMap<String, Vec<u8>>;

pub fn bytes(value: &Value, blobs: &Blobs) -> Vec<u8> {
    if let Some(text) = value.as_str() {
        return hex::decode(text).unwrap();
    }
    if let Some(parts) = value.get("parts") {
        assert_fields(value, &["parts"]);
        return parts.as_array().unwrap().iter().flat_map(|part| bytes(part, blobs)).collect();
    }
    if let Some(name) = value.get("blob") {
        assert_fields(value, &["blob", "at", "length"]);
        let blob = &blobs[name.as_str().unwrap()];
        let start = length(value, "at");
        return blob[start..start + length(value, "length")].to_vec();
    }
    assert_fields(value, &["repeat", "length"]);
    let pattern = hex::decode(text(value, "repeat")).unwrap();
    repeated(&pattern, length(value, "length"))
}

/// The first so many bytes of a pattern that is repeated for ever.
fn repeated(pattern: &[u8], length: usize) -> Vec<u8> {
    let mut bytes = pattern.repeat(length.div_ceil(pattern.len()));
    bytes.truncate(length);
    bytes
}

/// Whether these are the bytes of a result: as above, or their hash and length.
pub fn assert_result(actual: &[u8], result: &Value, blobs: &Blobs, place: &str) {
    if result.get("sha256").is_none() {
        assert!(actual == bytes(result, blobs), "{place}: other bytes, {} of them", actual.len());
        return;
    }
    assert_fields(result, &["sha256", "length"]);
    assert_eq!(actual.len(), length(result, "length"), "{place}");
    assert_eq!(hex::encode(Sha256::digest(actual)), text(result, "sha256"), "{place}");
}

pub fn text<'value>(object: &'value Value, name: &str) -> &'value str {
    object[name].as_str().unwrap_or_else(|| panic!("no text {name} in {object}"))
}

pub fn hex_of(object: &Value, name: &str) -> Vec<u8> {
    hex::decode(text(object, name)).unwrap()
}

pub fn number(object: &Value, name: &str) -> u64 {
    object[name].as_u64().unwrap_or_else(|| panic!("no number {name} in {object}"))
}

pub fn length(object: &Value, name: &str) -> usize {
    usize::try_from(number(object, name)).unwrap()
}

/// Bytes in pieces of these lengths, over and over; no bytes are no piece.
pub fn in_pieces<'bytes>(
    bytes: &'bytes [u8],
    lengths: &[usize],
) -> impl Iterator<Item = &'bytes [u8]> {
    let mut rest = bytes;
    let mut lengths = lengths.iter().copied().cycle();
    std::iter::from_fn(move || {
        let length = lengths.next().unwrap().min(rest.len());
        let (piece, left) = rest.split_at(length);
        rest = left;
        (!piece.is_empty()).then_some(piece)
    })
}

/// The lists of lengths of a case, each for a run of its own.
pub fn lists_of_pieces(case: &Value) -> Vec<Vec<usize>> {
    let lists: Vec<Vec<u64>> = serde_json::from_value(case["pieces"].clone()).unwrap();
    let lengths = |list: Vec<u64>| list.into_iter().map(|length| usize::try_from(length).unwrap());
    let lists: Vec<Vec<usize>> = lists.into_iter().map(|list| lengths(list).collect()).collect();
    assert!(!lists.is_empty() && lists.iter().flatten().all(|length| *length != 0), "{case}");
    lists
}
