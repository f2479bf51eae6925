//! Checks that every domain-separation label is written once, starts no other, and is in the protocol document.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::as_conversions,
    clippy::arithmetic_side_effects,
    reason = "a checker that cannot go on should stop the test"
)]

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

/// What every label begins with.
const PREFIX: &str = "evanesce/v1 ";

/// The document that names every label.
const DOCUMENT: &str = "docs/protocol.md";

#[test]
fn the_labels_in_the_source_are_unique_and_documented() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut sources = BTreeMap::new();
    read_folder(&root.join("src"), "src", &mut sources);
    let document = fs::read_to_string(root.join(DOCUMENT)).expect("a protocol document");
    let violations = violations(&sources, &document);
    assert!(violations.is_empty(), "\n{}\n", violations.join("\n"));
}

/// Adds every Rust file in `folder` to `sources`, by its name from `src` on.
fn read_folder(folder: &Path, name: &str, sources: &mut BTreeMap<String, String>) {
    for entry in fs::read_dir(folder).expect("a readable folder") {
        let path = entry.expect("a readable entry").path();
        let file_name = path
            .file_name()
            .and_then(|name| name.to_str())
            .expect("a UTF-8 name");
        let name = format!("{name}/{file_name}");
        if path.is_dir() {
            read_folder(&path, &name, sources);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            sources.insert(name, fs::read_to_string(&path).expect("a UTF-8 file"));
        }
    }
}

/// A label where it is written.
struct Label<'a> {
    text: &'a str,
    /// As `file:line`.
    place: String,
}

/// All that is wrong, as `file:line: text`.
fn violations(sources: &BTreeMap<String, String>, document: &str) -> Vec<String> {
    let written: Vec<_> = sources
        .iter()
        .flat_map(|(file, text)| source_labels(file, text))
        .collect();
    let named = document_labels(document);
    let mut found = repetitions(&written);
    found.extend(beginnings(&written));
    found.extend(missing(
        &written,
        &named,
        &format!("not named in {DOCUMENT}"),
    ));
    found.extend(missing(&named, &written, "not written in src"));
    found
}

/// Labels written a second time.
fn repetitions(labels: &[Label<'_>]) -> Vec<String> {
    let mut found = Vec::new();
    for (at, Label { text, place }) in labels.iter().enumerate() {
        if let Some(first) = labels[..at].iter().find(|first| first.text == *text) {
            found.push(format!(
                "{place}: \"{text}\" is already written at {}",
                first.place
            ));
        }
    }
    found
}

/// Labels that another label starts with: what is hashed after the one could imitate the other.
fn beginnings(labels: &[Label<'_>]) -> Vec<String> {
    let mut found = Vec::new();
    for Label { text, place } in labels {
        for longer in labels.iter().filter(|other| other.text != *text) {
            if longer.text.starts_with(text) {
                found.push(format!(
                    "{place}: \"{text}\" starts \"{}\", {}",
                    longer.text, longer.place
                ));
            }
        }
    }
    found
}

/// Those of `labels` that are not among `others`.
fn missing(labels: &[Label<'_>], others: &[Label<'_>], fault: &str) -> Vec<String> {
    labels
        .iter()
        .filter(|label| others.iter().all(|other| other.text != label.text))
        .map(|Label { text, place }| format!("{place}: \"{text}\" is {fault}"))
        .collect()
}

/// The labels in a source file, its comments and unit tests aside.
fn source_labels<'a>(file: &str, text: &'a str) -> Vec<Label<'a>> {
    let lines = before_tests(text).lines().map(before_comment);
    labels(file, lines)
}

fn document_labels(text: &str) -> Vec<Label<'_>> {
    labels(DOCUMENT, text.lines())
}

/// Every `"evanesce/v1 ..."` in these lines of `file`.
fn labels<'a>(file: &str, lines: impl Iterator<Item = &'a str>) -> Vec<Label<'a>> {
    let mut found = Vec::new();
    for (number, line) in (1..).zip(lines) {
        for text in line
            .split('"')
            .skip(1)
            .filter(|part| part.starts_with(PREFIX))
        {
            found.push(Label {
                text,
                place: format!("{file}:{number}"),
            });
        }
    }
    found
}

/// Cuts off `#[cfg(test)] mod tests` and what follows.
fn before_tests(text: &str) -> &str {
    let above = text
        .find("\nmod tests {")
        .map_or("", |tests| text.split_at(tests).0);
    match above.rfind("\n#[cfg(test)]") {
        // Only the attributes of one item stand together without a blank line.
        Some(mark) if !above.split_at(mark).1.contains("\n\n") => text.split_at(mark + 1).0,
        _ => text,
    }
}

/// Cuts off a `//` comment; a `//` after an odd number of quotes stands in a string.
fn before_comment(line: &str) -> &str {
    let mut slashes = line.match_indices("//").map(|(at, _)| line.split_at(at).0);
    slashes
        .find(|before| before.matches('"').count() % 2 == 0)
        .unwrap_or(line)
}

mod made_up_labels {
    use super::*;

    const ROOT: &str = "const ROOT: &[u8] = b\"evanesce/v1 root\";\n";
    const CHAIN: &str = "const CHAIN: &str = \"evanesce/v1 chain\";\n";
    const NAMED: &str =
        "Uses \"evanesce/v1 root\" and b\"evanesce/v1 chain\".\nAgain: \"evanesce/v1 root\".\n";

    /// Checks two source files against a document.
    fn expect(first: &str, second: &str, document: &str, expected: &[&str]) {
        let files = [("src/a.rs", first), ("src/b.rs", second)];
        let sources = files.map(|(name, text)| (name.into(), text.into())).into();
        assert_eq!(violations(&sources, document), expected);
    }

    #[test]
    fn without_faults_have_no_violations() {
        expect(ROOT, CHAIN, NAMED, &[]);
    }

    #[test]
    fn may_not_be_written_twice() {
        let twice = format!("{CHAIN}\n{ROOT}");
        let expected = "src/b.rs:3: \"evanesce/v1 root\" is already written at src/a.rs:1";
        expect(ROOT, &twice, NAMED, &[expected]);

        let one_line = "f(b\"evanesce/v1 root\", br#\"evanesce/v1 root\"#);\n";
        let expected = "src/a.rs:1: \"evanesce/v1 root\" is already written at src/a.rs:1";
        expect(one_line, CHAIN, NAMED, &[expected]);
    }

    #[test]
    fn may_not_start_another() {
        let longer = "const LONGER: &[u8] = b\"evanesce/v1 root key\";\n";
        let named = "\"evanesce/v1 root\" \"evanesce/v1 root key\"";
        let expected =
            "src/a.rs:1: \"evanesce/v1 root\" starts \"evanesce/v1 root key\", src/b.rs:1";
        expect(ROOT, longer, named, &[expected]);
    }

    #[test]
    fn must_be_named_in_the_document() {
        let expected = "src/b.rs:1: \"evanesce/v1 chain\" is not named in docs/protocol.md";
        expect(
            ROOT,
            CHAIN,
            "\"evanesce/v1 root\"\nevanesce/v1 chain, unquoted",
            &[expected],
        );
    }

    #[test]
    fn must_be_written_in_the_source() {
        let expected = "docs/protocol.md:1: \"evanesce/v1 chain\" is not written in src";
        expect(ROOT, "", NAMED, &[expected]);
    }

    #[test]
    fn do_not_count_in_comments_and_unit_tests() {
        let comments = "//! \"evanesce/v1 root\"\nf(\"//\"); // \"evanesce/v1 chain\"\n";
        let tests = "\n#[cfg(test)]\nmod tests {\n    f(b\"evanesce/v1 test\");\n}\n";
        expect(
            &format!("{comments}{ROOT}"),
            &format!("{CHAIN}{tests}"),
            NAMED,
            &[],
        );
    }

    #[test]
    fn count_after_slashes_in_a_string() {
        let expected = "src/b.rs:1: \"evanesce/v1 root\" is already written at src/a.rs:1";
        expect(
            ROOT,
            &format!("f(\"//\"); {ROOT}{CHAIN}"),
            NAMED,
            &[expected],
        );
    }
}
