//! Checks that imports point down, that every public item has one path, and that every source file is in its place.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};

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

/// It compiles them a second time, by a list of its own: a floor that others use and it lacks stops its build, long after these
/// tests.
#[test]
fn the_proof_of_constant_time_has_every_floor() {
    let proof = include_str!("../proofs/constant_time/src/main.rs");
    let has = |name: &str| proof.contains(&format!("    pub(crate) mod {name};\n"));
    let files = read_source_tree();
    let mut above = "";
    for line in files["src/lib.rs"].lines() {
        let name = line.strip_suffix(';').and_then(|line| line.split_once("mod "));
        if let Some((_, name)) = name.filter(|_| !above.starts_with("#[cfg")) {
            // Nothing that computes uses it.
            assert!(has(name) || name == "server", "it lacks {name}");
        }
        above = line;
    }
    assert!(has("group") && !has("server"));
}

/// All that is wrong with these files, as `file: fault`.
fn faults(files: &BTreeMap<String, String>) -> Vec<String> {
    let floors = Floors::of(files);
    let mut faults = floors.declarations_without_a_file(files);
    let mut names = BTreeMap::new();
    let mut shown = BTreeMap::new();
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
        for path in Code::of(text).shown {
            if floors.is_public(&path) {
                found.push(format!("shows {path}, which is public where it is"));
            }
            if let Some(other) = shown.insert(path.clone(), file) {
                found.push(format!("shows {path}, as {other} does"));
            }
        }
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

/// What a file shows to users under a path of its own, and the rest of its code.
struct Code {
    /// The paths of its `pub use`, from the crate root.
    shown: Vec<String>,
    rest: String,
}

impl Code {
    fn of(text: &str) -> Self {
        let code = without_comments(text);
        let (mut shown, mut rest) = (Vec::new(), String::new());
        for statement in code.split_inclusive(';') {
            match statement.trim_start().strip_prefix("pub use ") {
                Some(paths) => shown.extend(expanded(paths.trim_start_matches("crate::")).0),
                None => rest.push_str(statement),
            }
        }
        Self { shown, rest }
    }
}

/// Every module that is declared.
struct Floors<'a> {
    /// The floor it is on within its parent.
    floors: BTreeMap<Vec<&'a str>, usize>,
    /// Those that users can name.
    public: BTreeSet<Vec<&'a str>>,
    /// What each shows of others, by its path there.
    shown: BTreeSet<String>,
}

impl<'a> Floors<'a> {
    fn of(files: &'a BTreeMap<String, String>) -> Self {
        // The root is there without a mod line.
        let mut floors = BTreeMap::from([(Vec::new(), 0)]);
        let mut public = BTreeSet::new();
        let mut shown = BTreeSet::new();
        for (file, text) in files {
            let module = module(file);
            for (visibility, child, floor) in declarations(before_tests(text)) {
                let child = [module.as_slice(), &[child]].concat();
                floors.insert(child.clone(), floor);
                if visibility == "pub " {
                    public.insert(child);
                }
            }
            for path in Code::of(before_tests(text)).shown {
                let name = path.rsplit("::").next().unwrap_or(&path);
                shown.insert([module.as_slice(), &[name]].concat().join("::"));
            }
        }
        Self { floors, public, shown }
    }

    fn floor(&self, module: &[&str]) -> Option<usize> {
        self.floors.get(module).copied()
    }

    /// Whether users can name this item where it is defined.
    fn is_public(&self, path: &str) -> bool {
        let path: Vec<_> = path.split("::").collect();
        let mut modules = (1..=path.len()).map(|depth| &path[..depth]);
        modules.clone().any(|module| self.floor(module).is_some())
            && modules.all(|module| self.floor(module).is_none() || self.public.contains(module))
    }

    fn declarations_without_a_file(&self, files: &BTreeMap<String, String>) -> Vec<String> {
        let declared = self.floors.keys().filter(|module| !module.is_empty());
        let files_of = declared.map(|module| format!("src/{}.rs", module.join("/")));
        let missing = files_of.filter(|file| !files.contains_key(file));
        missing.map(|file| format!("{file}: is declared and not there")).collect()
    }

    /// What is wrong with the imports of a module.
    fn import_faults(&self, from: &[&str], text: &str) -> Vec<String> {
        let Code { shown, rest } = Code::of(text);
        let mut faults = Vec::new();
        for relative in ["super::", "self::"] {
            if rest.contains(relative) {
                faults.push(format!("has a {relative} path"));
            }
        }
        let imports = rest.split("crate::").skip(1).flat_map(|path| expanded(path).0);
        for path in imports {
            if let Some(fault) = self.import_fault(from, &path) {
                faults.push(format!("crate::{path} {fault}"));
            }
            if self.is_shown(&path) {
                faults.push(format!("crate::{path} is shown there, and defined elsewhere"));
            }
        }
        // To show is not to import: nothing in the crate goes that way.
        let through = shown.iter().filter(|path| self.is_shown(path));
        faults.extend(through.map(|path| format!("shows {path}, which is defined elsewhere")));
        faults
    }

    /// Whether a path leads through what a module shows of another, as `session::Role` and
    /// `session::Role::Initiator` do.
    fn is_shown(&self, path: &str) -> bool {
        let ends = path.match_indices("::").map(|(end, _)| end).chain([path.len()]);
        ends.map(|end| &path[..end]).any(|path| path.contains("::") && self.shown.contains(path))
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

/// The modules that a file declares, each with its visibility and how many blank lines are above: equal within a
/// paragraph, more in every later one.
fn declarations(text: &str) -> impl Iterator<Item = (&str, &str, usize)> {
    let mut blank_lines = 0;
    text.lines().filter_map(move |line| {
        blank_lines += usize::from(line.is_empty());
        let (visibility, name) = line.strip_suffix(';')?.split_once("mod ")?;
        let known = ["", "pub ", "pub(crate) "].contains(&visibility);
        known.then_some((visibility, name, blank_lines))
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

/// A tree without faults: three floors, two more within the middle one. The garden is public, and shows a piece
/// of the roof.
const SOUND: [(&str, &str); 7] = [
    (
        "src/lib.rs",
        "//! Root.\nmod cellar;\npub mod garden;\n\n// A floor.\nmod middle;\n\n\
         #[cfg(test)]\nmod roof;\n\npub use crate::middle::Middle;\npub use middle::low::Low;\n",
    ),
    ("src/cellar.rs", "//! Cellar.\nuse core::fmt;\n"),
    (
        "src/garden.rs",
        "//! Garden, see [`crate::roof`].\n// use crate::roof::Roof;\npub use crate::roof::{Vane};\n",
    ),
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
    let cases: [(&str, &str, &[&str]); 11] = [
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
        (
            "src/roof.rs",
            "use crate::garden::{Tree, Vane};",
            &["crate::garden::Vane is shown there, and defined elsewhere"],
        ),
        (
            "src/roof.rs",
            "pub use crate::garden::Vane::North;",
            &[
                "shows garden::Vane::North, which is defined elsewhere",
                "shows garden::Vane::North, which is public where it is",
            ],
        ),
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
    let cases: [(&str, &str, &[&str]); 9] = [
        ("src/cellar.rs", "// Mute.", &["src/cellar.rs: does not open with a //! sentence"]),
        ("src/cellar.rs", &long, &["src/cellar.rs: has 401 lines before its tests"]),
        (
            "src/roof.rs",
            "//! Shows a public one.\npub use crate::garden::Tree;",
            &["src/roof.rs: shows garden::Tree, which is public where it is"],
        ),
        (
            "src/roof.rs",
            "//! Shows one twice.\npub use crate::middle::low::Low;",
            &["src/roof.rs: shows middle::low::Low, as src/lib.rs does"],
        ),
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
