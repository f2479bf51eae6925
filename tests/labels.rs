//! Checks that every domain-separation label is written once, starts no other, and is documented.

use std::collections::{BTreeMap, BTreeSet};

#[path = "support/source_tree.rs"]
mod source_tree;
use source_tree::{before_tests, read_source_tree, without_comments};

/// What every label begins with.
const PREFIX: &str = "evanesce/v1 ";

/// Labels that start another all the same. Of lists and rosters the one is hashed before the byte 1, which no text goes on
/// with; a chain's name is a hash, its keys are derived.
const STARTS_ANOTHER: [(&str, &str); 3] = [
    ("evanesce/v1 device list", "evanesce/v1 device list signature"),
    ("evanesce/v1 roster", "evanesce/v1 roster secret"),
    ("evanesce/v1 sender chain", "evanesce/v1 sender chain keys"),
];

const DOCUMENT: &str = include_str!("../docs/protocol.md");

#[test]
fn labels_are_unique_and_documented() {
    let faults = faults(&read_source_tree(), DOCUMENT);
    assert!(faults.is_empty(), "\n{}\n", faults.join("\n"));
}

fn faults(files: &BTreeMap<String, String>, document: &str) -> Vec<String> {
    let mut written = Vec::new();
    for (file, text) in files {
        let code = without_comments(before_tests(text));
        written.extend(labels(&code).map(|label| (label.to_owned(), file)));
    }
    // In this order a label that starts others stands right before one of them.
    written.sort();
    let mut faults = Vec::new();
    for ((first, file), (second, other)) in written.iter().zip(written.iter().skip(1)) {
        if second.starts_with(first) && !STARTS_ANOTHER.contains(&(first.as_str(), second.as_str()))
        {
            faults.push(format!("{file}: \"{first}\" starts \"{second}\" in {other}"));
        }
    }
    let written: BTreeSet<&str> = written.iter().map(|(label, _)| label.as_str()).collect();
    let named: BTreeSet<&str> = labels(document).collect();
    let unnamed = written.difference(&named);
    faults.extend(unnamed.map(|label| format!("\"{label}\" is not in docs/protocol.md")));
    let unwritten = named.difference(&written);
    faults.extend(unwritten.map(|label| format!("\"{label}\" is not in src")));
    faults
}

/// Every `"evanesce/v1 ..."` in a text.
fn labels(text: &str) -> impl Iterator<Item = &str> {
    text.split('"').skip(1).filter(|part| part.starts_with(PREFIX))
}

#[test]
fn each_rule_finds_its_fault() {
    let cases: [(&str, &[&str]); 6] = [
        ("", &[]),
        (
            "f(b\"evanesce/v1 root\")",
            &["src/a.rs: \"evanesce/v1 root\" starts \"evanesce/v1 root\" in src/b.rs"],
        ),
        (
            "f(\"evanesce/v1 roo\")",
            &[
                "src/b.rs: \"evanesce/v1 roo\" starts \"evanesce/v1 root\" in src/a.rs",
                "\"evanesce/v1 roo\" is not in docs/protocol.md",
            ],
        ),
        ("f(\"evanesce/v1 new\")", &["\"evanesce/v1 new\" is not in docs/protocol.md"]),
        ("// \"evanesce/v1 comment\"", &[]),
        ("\n#[cfg(test)]\nmod tests {\n    f(\"evanesce/v1 test\");\n}\n", &[]),
    ];
    let root = "const ROOT: &[u8] = b\"evanesce/v1 root\";\n";
    let document = "Uses \"evanesce/v1 root\" twice: \"evanesce/v1 root\".";
    for (text, expected) in cases {
        let files = [("src/a.rs", root), ("src/b.rs", text)];
        let files = files.map(|(name, text)| (name.to_owned(), text.to_owned())).into();
        assert_eq!(faults(&files, document), expected, "{text}");
    }
    let expected = ["\"evanesce/v1 root\" is not in src"];
    assert_eq!(faults(&BTreeMap::new(), document), expected);
}
