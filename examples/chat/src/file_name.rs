//! What a file is called: by somebody else, so it is a name and never a path.

use serde::{Deserialize, Serialize};

use crate::shown::is_direction;

/// Bytes of a name.
const LONGEST: usize = 100;

/// What Windows takes for a device, with any ending; and ports, which have a digit behind their name.
const DEVICES: [&str; 4] = ["con", "prn", "aux", "nul"];
const PORTS: [&str; 2] = ["com", "lpt"];

/// A name that is safe to show, and to make a file of in a directory: one component without a separator, not hidden,
/// without what orders a terminal or a shell about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "String", into = "String")]
pub struct FileName(String);

impl FileName {
    /// What is left of a name that anybody may have made up.
    pub fn cleaned(name: &str) -> Self {
        let last = name.rsplit(['/', '\\']).next().unwrap_or_default();
        let is_safe = |it: &char| {
            !it.is_control()
                && !is_direction(*it)
                && !matches!(it, ':' | '*' | '?' | '"' | '<' | '>' | '|')
        };
        let safe: String = last.chars().filter(is_safe).collect();
        let safe = safe.trim_start_matches(['.', '-', ' ']);
        let mut kept = String::new();
        for character in safe.chars() {
            if kept.len().saturating_add(character.len_utf8()) > LONGEST {
                break;
            }
            kept.push(character);
        }
        let kept = kept.trim_end_matches(['.', ' ']);
        let stem = kept.split('.').next().unwrap_or_default().to_ascii_lowercase();
        let is_number =
            |rest: &str| rest.len() == 1 && rest.bytes().all(|byte| byte.is_ascii_digit());
        let is_port = PORTS.iter().any(|port| stem.strip_prefix(port).is_some_and(is_number));
        if kept.is_empty() || DEVICES.contains(&stem.as_str()) || is_port {
            return Self("file".into());
        }
        Self(kept.into())
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<String> for FileName {
    fn from(name: String) -> Self {
        Self::cleaned(&name)
    }
}

impl From<FileName> for String {
    fn from(name: FileName) -> Self {
        name.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hostile_name_is_a_plain_one_or_none() {
        for (name, cleaned) in [
            ("../../etc/passwd", "passwd"),
            ("/home/bob/.ssh/authorized_keys", "authorized_keys"),
            ("C:\\Windows\\evil.exe", "evil.exe"),
            (".bashrc", "bashrc"),
            ("-rf", "rf"),
            ("..", "file"),
            ("", "file"),
            ("a/", "file"),
            ("NUL.txt", "file"),
            ("Com1.log", "file"),
            ("lpt9", "file"),
            ("comet.jpg", "comet.jpg"),
            ("one\ntwo\u{1b}[2J", "onetwo[2J"),
            ("photo\u{202e}gnp.exe", "photognp.exe"),
            ("stream.txt:hidden", "stream.txthidden"),
            ("Über uns.pdf", "Über uns.pdf"),
        ] {
            assert_eq!(FileName::cleaned(name).as_str(), cleaned, "{name:?}");
        }
        let long = FileName::cleaned(&"ä".repeat(1_000));
        assert_eq!(long.as_str().len(), LONGEST);
    }

    #[test]
    fn what_is_clean_stays_and_what_comes_is_cleaned() {
        let name = FileName::cleaned("a picture.png");
        assert_eq!(FileName::cleaned(name.as_str()), name);
        let bytes = postcard::to_allocvec("../x").unwrap();
        assert_eq!(postcard::from_bytes::<FileName>(&bytes).unwrap().as_str(), "x");
    }
}
