//! What kind of file it is, as its sender says: it is shown as that, and as nothing else.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Bytes of a type.
const LONGEST: usize = 64;

const UNKNOWN: &str = "application/octet-stream";

/// Types by the ends of names, of what is looked at here or often sent.
const BY_ENDING: [(&str, &str); 6] = [
    ("png", "image/png"),
    ("jpg", "image/jpeg"),
    ("jpeg", "image/jpeg"),
    ("txt", "text/plain"),
    ("pdf", "application/pdf"),
    ("zip", "application/zip"),
];

/// A media type (RFC 6838) in small letters; of anything else it is that of unknown bytes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "String", into = "String")]
pub struct MediaType(String);

impl MediaType {
    fn new(text: &str) -> Self {
        let is_name = |part: &str| {
            let allowed = |byte: u8| {
                byte.is_ascii_lowercase()
                    || byte.is_ascii_digit()
                    || matches!(byte, b'+' | b'-' | b'.')
            };
            !part.is_empty() && part.bytes().all(allowed)
        };
        let is_type = text.len() <= LONGEST
            && text.split_once('/').is_some_and(|(kind, of)| is_name(kind) && is_name(of));
        Self(if is_type { text } else { UNKNOWN }.into())
    }

    /// Of a file that is called so.
    pub fn by_name(name: &str) -> Self {
        let ending = name.rsplit_once('.').map(|(_, ending)| ending.to_ascii_lowercase());
        let known = BY_ENDING.iter().find(|(known, _)| Some(*known) == ending.as_deref());
        Self(known.map_or(UNKNOWN, |(_, kind)| kind).into())
    }

    /// Whether it can be looked at here.
    pub fn is_picture(&self) -> bool {
        matches!(self.as_str(), "image/png" | "image/jpeg")
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for MediaType {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl From<String> for MediaType {
    fn from(text: String) -> Self {
        Self::new(&text)
    }
}

impl From<MediaType> for String {
    fn from(kind: MediaType) -> Self {
        kind.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_type_is_two_names_and_anything_else_is_unknown() {
        for kind in ["image/png", "application/vnd.oasis.opendocument.text", "image/svg+xml"] {
            assert_eq!(MediaType::new(kind).as_str(), kind);
        }
        for wrong in ["", "png", "image/", "image/png\u{1b}[2J", "Image/PNG", "a/b c", "a/b/c"] {
            assert_eq!(MediaType::new(wrong).as_str(), UNKNOWN, "{wrong:?}");
        }
        assert_eq!(MediaType::new(&format!("a/{}", "b".repeat(LONGEST))).as_str(), UNKNOWN);
        assert_eq!(MediaType::by_name("Photo.JPG").as_str(), "image/jpeg");
        assert_eq!(MediaType::by_name("png").as_str(), UNKNOWN);
    }
}
