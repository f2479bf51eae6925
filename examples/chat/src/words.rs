//! Words: what a text is searched for by.

use std::collections::BTreeSet;

/// The words of a text, each once, in small letters, in no order of the text's. What stands between them is neither a
/// letter nor a digit.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Words(BTreeSet<String>);

impl Words {
    pub fn of(text: &str) -> Self {
        let words = text.split(|character: char| !character.is_alphanumeric());
        Self(words.filter(|word| !word.is_empty()).map(str::to_lowercase).collect())
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_is_the_same_however_it_is_written_and_wherever_it_stands() {
        let words = Words::of("The key (the KEY!) lies under stone-3. Über 日本");
        let all: Vec<&str> = words.iter().collect();
        assert_eq!(all, ["3", "key", "lies", "stone", "the", "under", "über", "日本"]);
        assert_eq!(words, Words::of("stone 3 under lies KEY the, 日本 über"));
        assert!(Words::of(" -- \u{0} '\" ").is_empty());
    }
}
