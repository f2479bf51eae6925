//! Byte strings in serde's formats: lower-case hex where people read, bytes elsewhere.
//!
//! A format says which it is (`is_human_readable`), and there is one encoding in each: upper case, white space and
//! lists of numbers are refused. All byte strings are hex, long ones too: it has no variants that must be refused
//! as base64 has, and it is what `Display` shows. Bytes may be secret, so they are encoded and decoded in constant
//! time, wiped, and in no error.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use base16ct::lower;
use serde::de::{Error, Visitor};
use serde::{Deserializer, Serializer};
use zeroize::Zeroizing;

/// What a byte string can be read as; fields name this module with `serde(with = ..)`.
pub(crate) trait ByteString: Sized {
    /// Longer ones are refused before room is made for them.
    const LONGEST: usize;

    /// `None` for bytes of another length.
    fn from_bytes(bytes: Zeroizing<Vec<u8>>) -> Option<Self>;
}

impl<const N: usize> ByteString for [u8; N] {
    const LONGEST: usize = N;

    fn from_bytes(bytes: Zeroizing<Vec<u8>>) -> Option<Self> {
        Self::try_from(bytes.as_slice()).ok()
    }
}

/// Of any length, and not secret any more: whoever takes it wipes it.
impl ByteString for Vec<u8> {
    const LONGEST: usize = usize::MAX;

    fn from_bytes(mut bytes: Zeroizing<Vec<u8>>) -> Option<Self> {
        Some(core::mem::take(&mut *bytes))
    }
}

pub(crate) fn serialize<S: Serializer>(
    bytes: &(impl AsRef<[u8]> + ?Sized),
    serializer: S,
) -> Result<S::Ok, S::Error> {
    let bytes = bytes.as_ref();
    if serializer.is_human_readable() {
        serializer.serialize_str(&Zeroizing::new(lower::encode_string(bytes)))
    } else {
        serializer.serialize_bytes(bytes)
    }
}

pub(crate) fn deserialize<'de, D: Deserializer<'de>, Value: ByteString>(
    deserializer: D,
) -> Result<Value, D::Error> {
    let bytes = read(deserializer, Value::LONGEST)?;
    Value::from_bytes(bytes).ok_or_else(|| D::Error::custom(OTHER_LENGTH))
}

/// Up to so many bytes. What reads them is given an owned buffer where the format has one: some formats lend no
/// more than a few kilobytes.
pub(crate) fn read<'de, D: Deserializer<'de>>(
    deserializer: D,
    longest: usize,
) -> Result<Zeroizing<Vec<u8>>, D::Error> {
    if deserializer.is_human_readable() {
        deserializer.deserialize_string(ByteStringVisitor { longest, form: Form::Text })
    } else {
        deserializer.deserialize_byte_buf(ByteStringVisitor { longest, form: Form::Bytes })
    }
}

const OTHER_LENGTH: &str = "a byte string has another length";
const NOT_HEX: &str = "a byte string is not in lower-case hex";
const TEXT: &str = "a byte string is text in a format that has bytes";

/// What the format says of itself.
enum Form {
    /// Hex. Bytes are taken too: a value that serde has put aside (untagged, flattened) says this whatever its
    /// format was, and a format of text has none.
    Text,
    Bytes,
}

/// Errors are made of constants: serde's own would repeat a text that is refused.
struct ByteStringVisitor {
    longest: usize,
    form: Form,
}

impl ByteStringVisitor {
    fn check<E: Error>(&self, length: usize) -> Result<(), E> {
        if length > self.longest { Err(E::custom(OTHER_LENGTH)) } else { Ok(()) }
    }
}

impl Visitor<'_> for ByteStringVisitor {
    type Value = Zeroizing<Vec<u8>>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self.form {
            Form::Text => "a byte string in lower-case hex",
            Form::Bytes => "a byte string",
        })
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
        match self.form {
            Form::Bytes => Err(E::custom(TEXT)),
            Form::Text => {
                let length = text.len() / 2;
                self.check(length)?;
                let mut bytes = Zeroizing::new(alloc::vec![0; length]);
                lower::decode(text, &mut bytes).map_err(|_| E::custom(NOT_HEX))?;
                Ok(bytes)
            }
        }
    }

    fn visit_string<E: Error>(self, text: String) -> Result<Self::Value, E> {
        self.visit_str(&Zeroizing::new(text))
    }

    fn visit_bytes<E: Error>(self, bytes: &[u8]) -> Result<Self::Value, E> {
        self.check(bytes.len())?;
        Ok(Zeroizing::new(bytes.to_vec()))
    }

    fn visit_byte_buf<E: Error>(self, bytes: Vec<u8>) -> Result<Self::Value, E> {
        let bytes = Zeroizing::new(bytes);
        self.check(bytes.len())?;
        Ok(bytes)
    }
}
