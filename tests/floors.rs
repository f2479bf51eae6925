//! Checks that imports point down, and that every source file is in its place.

use std::cmp::Ordering;
use std::collections::BTreeMap;

#[path = "support/source_tree.rs"]
mod source_tree;
use source_tree::{before_tests, read_source_tree, without_comments};

/// How many lines a file may have before its unit tests.
const MAX_LINES: usize = 400;

/// Names that say nothing about what is inside.
const BANNED_NAMES: [&str; 4] = ["mod.rs", "utils.rs", "common.rs", "error.rs"];

#[test]
fn the_source_tree_keeps_the_house_rules() {
    let faults = faults(&read_source_tree());
    assert!(faults.is_empty(), "\n{}\n", faults.join("\n"));
}

/// All that is wrong with these files, as `file: fault`.
fn faults(files: &BTreeMap<String, String>) -> Vec<String> {
    let floors = Floors::of(files);
    let mut faults = floors.declarations_without_a_file(files);
    let mut names = BTreeMap::new();
    for (file, text) in files {
        let text = before_tests(text);
        let name = file.rsplit('/').next().unwrap_or(file);
        let mut found = form_faults(name, text);
        if let Some(other) = names.insert(name, file) {
            found.push(format!("shares its name with {other}"));
        }
        if floors.floor(&module(file)).is_none() {
            found.push("has no mod line".into());
        }
        found.extend(floors.import_faults(&module(file), text));
        faults.extend(found.iter().map(|fault| format!("{file}: {fault}")));
    }
    faults
}

/// What is wrong with a file by itself.
fn form_faults(name: &str, text: &str) -> Vec<String> {
    let mut faults = Vec::new();
    if BANNED_NAMES.contains(&name) {
        faults.push("has a name that says nothing".into());
    }
    if !text.starts_with("//! ") {
        faults.push("does not open with a //! sentence".into());
    }
    let lines = text.lines().count();
    if lines > MAX_LINES {
        faults.push(format!("has {lines} lines before its tests"));
    }
    faults
}

/// Every module that is declared, and the floor it is on within its parent.
struct Floors<'a>(BTreeMap<Vec<&'a str>, usize>);

impl<'a> Floors<'a> {
    fn of(files: &'a BTreeMap<String, String>) -> Self {
        // The root is there without a mod line.
        let mut floors = BTreeMap::from([(Vec::new(), 0)]);
        for (file, text) in files {
            for (child, floor) in declarations(before_tests(text)) {
                floors.insert([module(file).as_slice(), &[child]].concat(), floor);
            }
        }
        Self(floors)
    }

    fn floor(&self, module: &[&str]) -> Option<usize> {
        self.0.get(module).copied()
    }

    fn declarations_without_a_file(&self, files: &BTreeMap<String, String>) -> Vec<String> {
        let declared = self.0.keys().filter(|module| !module.is_empty());
        let files_of = declared.map(|module| format!("src/{}.rs", module.join("/")));
        let missing = files_of.filter(|file| !files.contains_key(file));
        missing.map(|file| format!("{file}: is declared and not there")).collect()
    }

    /// What is wrong with the imports of a module.
    fn import_faults(&self, from: &[&str], text: &str) -> Vec<String> {
        let code = without_comments(text);
        let mut faults = Vec::new();
        for relative in ["super::", "self::"] {
            if code.contains(relative) {
                faults.push(format!("has a {relative} path"));
            }
        }
        for after_crate in code.split("crate::").skip(1) {
            for path in expanded(after_crate).0 {
                if let Some(fault) = self.import_fault(from, &path) {
                    faults.push(format!("crate::{path} {fault}"));
                }
            }
        }
        faults
    }

    /// Why the module `from` may not import `path`.
    fn import_fault(&self, from: &[&str], path: &str) -> Option<&'static str> {
        let path: Vec<_> = path.split("::").collect();
        let mut depths = (0..=path.len()).rev();
        let depth = depths.find(|depth| self.floor(&path[..*depth]).is_some())?;
        let to = &path[..depth];
        if to.is_empty() {
            return Some("goes through the crate root");
        }
        if from.starts_with(to) {
            return Some("is in this module or a parent");
        }
        if to.starts_with(from) {
            return None;
        }
        let parted = from.iter().zip(to).take_while(|(ours, theirs)| ours == theirs).count();
        match self.floor(&to[..=parted])?.cmp(&self.floor(&from[..=parted])?) {
            Ordering::Less => None,
            Ordering::Equal => Some("is sideways"),
            Ordering::Greater => Some("is upward"),
        }
    }
}

/// The modules that a file declares, each with how many blank lines are above: equal within a
/// paragraph, more in every later one.
fn declarations(text: &str) -> impl Iterator<Item = (&str, usize)> {
    let mut blank_lines = 0;
    text.lines().filter_map(move |line| {
        blank_lines += usize::from(line.is_empty());
        let (visibility, name) = line.strip_suffix(';')?.split_once("mod ")?;
        ["", "pub ", "pub(crate) "].contains(&visibility).then_some((name, blank_lines))
    })
}

/// `src/wire/codec.rs` is `wire::codec`, and `src/lib.rs` the root, whose path is empty.
fn module(file: &str) -> Vec<&str> {
    let inner = file.trim_start_matches("src/").trim_end_matches(".rs");
    inner.split('/').filter(|part| *part != "lib").collect()
}

/// The paths that a text begins with, as in `a::{B, c::{self, D as E}};`, and what follows them.
fn expanded(text: &str) -> (Vec<String>, &str) {
    let in_path = |letter: char| letter.is_alphanumeric() || "_:*".contains(letter);
    let end = text.find(|letter| !in_path(letter)).unwrap_or(text.len());
    let (path, mut rest) = text.split_at(end);
    if !rest.starts_with('{') {
        return (vec![path.into()], rest);
    }
    let mut paths = Vec::new();
    while rest.starts_with(['{', ',']) {
        let (inner, after) = expanded(rest[1..].trim_start());
        // Nothing stands between a last comma and its brace.
        let inner = inner.iter().filter(|inner| !inner.is_empty());
        paths.extend(inner.map(|inner| format!("{path}{inner}")));
        rest = after.trim_start_matches(|letter| !",}".contains(letter));
    }
    (paths, rest.get(1..).unwrap_or_default())
}

/// A tree without faults: three floors, two more within the middle one.
const SOUND: [(&str, &str); 7] = [
    (
        "src/lib.rs",
        "//! Root.\nmod cellar;\npub(crate) mod garden;\n\n// A floor.\nmod middle;\n\n\
         #[cfg(test)]\nmod roof;\n\npub use crate::middle::Middle;\npub use garden::Tree;\n",
    ),
    ("src/cellar.rs", "//! Cellar.\nuse core::fmt;\n"),
    ("src/garden.rs", "//! Garden, see [`crate::roof`].\n// use crate::roof::Roof;\n"),
    ("src/middle.rs", "//! Middle.\nmod low;\n\nmod high;\n\nuse crate::middle::high::High;\n"),
    ("src/middle/high.rs", "//! High.\nuse crate::{garden::Tree, middle::low::{self, Low}};\n"),
    ("src/middle/low.rs", "//! Low.\n\n#[cfg(test)]\nmod tests {\n    use super::*;\n}\n"),
    (
        "src/roof.rs",
        "//! Roof.\nuse crate::middle::{\n    Middle, high::*,\n    low::Low as L,\n};\n",
    ),
];

/// What is wrong with the sound tree once `file` has `text`.
fn faults_with(file: &str, text: &str) -> Vec<String> {
    let files = SOUND.into_iter().chain([(file, text)]);
    faults(&files.map(|(name, text)| (name.to_owned(), text.to_owned())).collect())
}

#[test]
fn a_sound_tree_has_no_faults() {
    let (file, text) = SOUND[0];
    assert!(faults_with(file, text).is_empty());
}

#[test]
fn each_rule_of_imports_finds_its_fault() {
    let cases: [(&str, &str, &[&str]); 9] = [
        ("src/cellar.rs", "use crate::garden::Tree;", &["crate::garden::Tree is sideways"]),
        ("src/cellar.rs", "fn drip() { crate::roof::drip() }", &["crate::roof::drip is upward"]),
        ("src/middle/low.rs", "use crate::middle::high::*;", &["crate::middle::high::* is upward"]),
        (
            "src/garden.rs",
            "use crate::{\n    cellar::{Beer as Drink, Wine},\n};",
            &["crate::cellar::Beer is sideways", "crate::cellar::Wine is sideways"],
        ),
        (
            "src/middle/high.rs",
            "use crate::middle::{Middle, low::Low};",
            &["crate::middle::Middle is in this module or a parent"],
        ),
        ("src/roof.rs", "use crate::roof::A;", &["crate::roof::A is in this module or a parent"]),
        ("src/roof.rs", "use crate::{A, cellar::B};", &["crate::A goes through the crate root"]),
        ("src/middle/high.rs", "use super::low::Low;", &["has a super:: path"]),
        ("src/middle/high.rs", "use self::inner::Inner;", &["has a self:: path"]),
    ];
    for (file, code, expected) in cases {
        let expected: Vec<_> = expected.iter().map(|fault| format!("{file}: {fault}")).collect();
        assert_eq!(faults_with(file, &format!("//! Changed.\n{code}\n")), expected);
    }
}

#[test]
fn each_rule_of_files_finds_its_fault() {
    let long = format!("//! Long.\n{}", "\n".repeat(MAX_LINES));
    let cases: [(&str, &str, &[&str]); 7] = [
        ("src/cellar.rs", "// Mute.", &["src/cellar.rs: does not open with a //! sentence"]),
        ("src/cellar.rs", &long, &["src/cellar.rs: has 401 lines before its tests"]),
        ("src/shed/tool.rs", "//! Undeclared.", &["src/shed/tool.rs: has no mod line"]),
        ("src/roof.rs", "//! R.\nmod attic;", &["src/roof/attic.rs: is declared and not there"]),
        (
            "src/utils.rs",
            "//! Banned.",
            &["src/utils.rs: has a name that says nothing", "src/utils.rs: has no mod line"],
        ),
        (
            "src/shed/roof.rs",
            "//! Same name.",
            &[
                "src/shed/roof.rs: shares its name with src/roof.rs",
                "src/shed/roof.rs: has no mod line",
            ],
        ),
        (
            "src/middle.rs",
            "//! One paragraph.\nmod low;\nmod high;\n",
            &[
                "src/middle/high.rs: crate::middle::low::self is sideways",
                "src/middle/high.rs: crate::middle::low::Low is sideways",
            ],
        ),
    ];
    for (file, text, expected) in cases {
        assert_eq!(faults_with(file, text), expected);
    }
}
