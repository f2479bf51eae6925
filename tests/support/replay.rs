//! What replayers of known answers read: fields with their types, draws that are used up exactly.

use std::convert::Infallible;
use std::path::{Path, PathBuf};

use evanesce::Timestamp;
use rand_chacha::rand_core::{TryCryptoRng, TryRng};
use serde_json::Value;

/// The conversations whose file names begin so, each with its name; fails if there are none.
pub fn conversations(start: &str) -> Vec<(String, Value)> {
    let directory = std::env::var_os("EVANESCE_VECTORS")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vectors"), PathBuf::from);
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
        assert_eq!(conversation["format"], 1, "{path:?}");
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

/// Gives just these bytes, and fails when more are asked for.
pub struct GivenDraws(Vec<u8>);

impl GivenDraws {
    pub fn of(object: &Value, name: &str) -> Self {
        Self(bytes(object, name))
    }

    pub fn finish(self, place: &str) {
        assert!(self.0.is_empty(), "{place}: {} bytes were not drawn", self.0.len());
    }
}

impl TryRng for GivenDraws {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        panic!("only whole draws are made")
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        panic!("only whole draws are made")
    }

    fn try_fill_bytes(&mut self, out: &mut [u8]) -> Result<(), Infallible> {
        assert_eq!(out.len(), 32, "a draw is of 32 bytes");
        assert!(self.0.len() >= 32, "more is drawn than the protocol says");
        out.copy_from_slice(&self.0.drain(..32).collect::<Vec<u8>>());
        Ok(())
    }
}

impl TryCryptoRng for GivenDraws {}

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
