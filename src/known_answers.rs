//! For unit tests: sections of `pieces.json`, `suite2-pieces.json`, `attachments.json`, `reports.json`, `devices.json` and
//! `groups-*.json` from the known answers.

mod replayed_sections;

extern crate std;

use alloc::string::{String, ToString};
use alloc::vec::Vec;
use std::path::PathBuf;

use core::convert::Infallible;

use rand_core::{TryCryptoRng, TryRng};
use serde_json::Value;

use crate::crypto::hash::sha256;
use crate::crypto::secret::Secret;
use crate::known_answers::replayed_sections::{
    DEVICES_SECTIONS, GROUPS_SECTIONS, HYBRID_SECTIONS, SECTIONS, Section,
};

/// The cases of one section; fails if there are none, or if one has a field that nothing replays.
pub(crate) fn section(name: &str) -> Vec<Value> {
    cases("pieces.json", name, SECTIONS)
}

/// The same of suite 2.
pub(crate) fn hybrid_section(name: &str) -> Vec<Value> {
    cases("suite2-pieces.json", name, HYBRID_SECTIONS)
}

/// The same of people with several devices.
pub(crate) fn devices_section(name: &str) -> Vec<Value> {
    cases("devices.json", name, DEVICES_SECTIONS)
}

/// The same of groups.
pub(crate) fn groups_section(name: &str) -> Vec<Value> {
    cases("groups-pieces.json", name, GROUPS_SECTIONS)
}

/// The cases of `groups-heads.json`.
pub(crate) fn groups_heads() -> Vec<Value> {
    let heads = pieces("groups-heads.json");
    assert_fields(&heads, &["format", "cases"]);
    assert_eq!(heads["format"], 1);
    heads["cases"].as_array().unwrap().clone()
}

/// A section of `attachments.json`, which may be empty. What the public interface can do is replayed in
/// `tests/attachments.rs`.
pub(crate) fn attachment_section(name: &str) -> Vec<Value> {
    pieces("attachments.json").field(name).as_array().unwrap().clone()
}

/// A section of `reports.json`, which may be empty. What the public interface can do is replayed in `tests/reports.rs`.
pub(crate) fn report_section(name: &str) -> Vec<Value> {
    pieces("reports.json").field(name).as_array().unwrap().clone()
}

/// Fails on a field that is not named here; a comment may stand anywhere.
pub(crate) fn assert_fields(case: &Value, known: &[&str]) {
    for name in case.as_object().unwrap().keys() {
        let is_known = name == "comment" || known.contains(&name.as_str());
        assert!(is_known, "unknown field {name} in {case}");
    }
}

/// Bytes in hex, as a pattern that is repeated, or as parts of either.
pub(crate) fn long_bytes(value: &Value) -> Vec<u8> {
    if let Some(text) = value.as_str() {
        return hex::decode(text).unwrap();
    }
    if let Some(parts) = value.get("parts") {
        assert_fields(value, &["parts"]);
        return parts.as_array().unwrap().iter().flat_map(long_bytes).collect();
    }
    assert_fields(value, &["repeat", "length"]);
    let length = usize::try_from(value.number("length")).unwrap();
    value.bytes("repeat").into_iter().cycle().take(length).collect()
}

/// Whether bytes are those of a result: bytes, or their hash and length.
pub(crate) fn is_result(bytes: &[u8], result: &Value) -> bool {
    if result.get("sha256").is_none() {
        return bytes == long_bytes(result);
    }
    assert_fields(result, &["sha256", "length"]);
    let length = u64::try_from(bytes.len()).unwrap();
    (length, sha256(&[bytes])) == (result.number("length"), result.array("sha256"))
}

fn cases(file: &str, name: &str, sections: &[Section]) -> Vec<Value> {
    let pieces = pieces(file);
    let cases = pieces[name].as_array().unwrap_or_else(|| panic!("no section {name}")).clone();
    assert!(!cases.is_empty(), "no cases in {name}");
    let (_, fields) = sections.iter().find(|(known, _)| *known == name).unwrap();
    cases.iter().for_each(|case| assert_fields(case, &[fields, &["comment"][..]].concat()));
    cases
}

fn directory() -> PathBuf {
    std::env::var_os("EVANESCE_VECTORS").map_or_else(
        || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/vectors"),
        PathBuf::from,
    )
}

/// The known answers of groups whose files begin so, in order.
pub(crate) fn groups_files(prefix: &str) -> Vec<PathBuf> {
    let all = std::fs::read_dir(directory()).unwrap().map(|entry| entry.unwrap().path());
    let is_it = |path: &PathBuf| {
        let name = path.file_name().unwrap().to_string_lossy();
        name.starts_with(prefix) && name.ends_with(".json")
    };
    let mut files: Vec<PathBuf> = all.filter(is_it).collect();
    files.sort();
    files
}

fn pieces(file: &str) -> Value {
    let path = directory().join(file);
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path:?}: {error}"));
    serde_json::from_str(&text).unwrap()
}

/// Bytes in hex, or `{"base", "patches", "length"}`: those of the base, from each place on replaced by others; then cut.
pub(crate) fn patched(value: &Value, base: impl FnOnce(&Value) -> Vec<u8>) -> Vec<u8> {
    if let Some(text) = value.as_str() {
        return hex::decode(text).unwrap();
    }
    let known = ["base", "patches", "length"];
    assert!(value.as_object().unwrap().keys().all(|name| known.contains(&name.as_str())));
    let mut bytes = base(value.field("base"));
    for patch in value.field("patches").as_array().unwrap() {
        let at = usize::try_from(patch[0].as_u64().unwrap()).unwrap();
        let patch = hex::decode(patch[1].as_str().unwrap()).unwrap();
        bytes.resize(bytes.len().max(at + patch.len()), 0);
        bytes[at..at + patch.len()].copy_from_slice(&patch);
    }
    if value.get("length").is_some() {
        bytes.truncate(usize::try_from(value.number("length")).unwrap());
    }
    bytes
}

/// Fields of a case, with their type. A field that is missing or of another type fails the test.
pub(crate) trait Fields {
    fn field(&self, name: &str) -> &Value;

    fn number(&self, name: &str) -> u64 {
        self.field(name).as_u64().unwrap_or_else(|| panic!("{name} is no number"))
    }

    fn optional_number(&self, name: &str) -> Option<u64> {
        (!self.field(name).is_null()).then(|| self.number(name))
    }

    fn boolean(&self, name: &str) -> bool {
        self.field(name).as_bool().unwrap_or_else(|| panic!("{name} is no boolean"))
    }

    fn text(&self, name: &str) -> String {
        self.field(name).as_str().unwrap_or_else(|| panic!("{name} is no text")).to_string()
    }

    fn bytes(&self, name: &str) -> Vec<u8> {
        hex::decode(self.text(name)).unwrap()
    }

    fn optional_bytes(&self, name: &str) -> Option<Vec<u8>> {
        (!self.field(name).is_null()).then(|| self.bytes(name))
    }

    fn array<const N: usize>(&self, name: &str) -> [u8; N] {
        self.bytes(name).try_into().unwrap_or_else(|_| panic!("{name} is not of {N} bytes"))
    }

    fn secret(&self, name: &str) -> Secret<32> {
        Secret::filled_by(|out| *out = self.array(name))
    }
}

impl Fields for Value {
    fn field(&self, name: &str) -> &Value {
        self.get(name).unwrap_or_else(|| panic!("no field {name}"))
    }
}

/// A random number generator that gives just these bytes.
pub(crate) struct Draws(pub(crate) Vec<u8>);

impl TryRng for Draws {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        panic!("only whole draws are made")
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        panic!("only whole draws are made")
    }

    fn try_fill_bytes(&mut self, out: &mut [u8]) -> Result<(), Infallible> {
        assert_eq!(out.len(), 32);
        out.copy_from_slice(&self.0[..32]);
        self.0.drain(..32);
        Ok(())
    }
}

impl TryCryptoRng for Draws {}

#[test]
fn vectors_have_the_format_and_the_sections_that_are_replayed() {
    let files = [
        ("pieces.json", 1, SECTIONS),
        ("suite2-pieces.json", 2, HYBRID_SECTIONS),
        ("devices.json", 1, DEVICES_SECTIONS),
        ("groups-pieces.json", 1, GROUPS_SECTIONS),
    ];
    for (file, format, sections) in files {
        let pieces = pieces(file);
        assert_eq!(pieces["format"], format);
        for name in pieces.as_object().unwrap().keys() {
            let known = ["format", "comment"].contains(&name.as_str())
                || sections.iter().any(|(section, _)| section == name);
            assert!(known, "nothing replays section {name} of {file}");
        }
    }
}
