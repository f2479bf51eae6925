//! Checks what the compiler does not: imports point down, and every source file is in its place.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::as_conversions,
    clippy::arithmetic_side_effects,
    reason = "a checker that cannot go on should stop the test"
)]

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::slice::Iter;

/// The length a file may have before its unit tests.
const MAX_LINES: usize = 400;

/// Names that say nothing about what is inside.
const BANNED_NAMES: [&str; 4] = ["mod.rs", "utils.rs", "common.rs", "error.rs"];

#[test]
fn the_source_tree_keeps_the_house_rules() {
    let mut texts = BTreeMap::new();
    read_folder(
        &Path::new(env!("CARGO_MANIFEST_DIR")).join("src"),
        "src",
        &mut texts,
    );
    let violations = House::new(&texts).violations();
    assert!(violations.is_empty(), "\n{}\n", violations.join("\n"));
}

/// Adds every Rust file in `folder` to `texts`, by its name from `src` on.
fn read_folder(folder: &Path, name: &str, texts: &mut BTreeMap<String, String>) {
    for entry in fs::read_dir(folder).expect("a readable folder") {
        let path = entry.expect("a readable entry").path();
        let file_name = path
            .file_name()
            .and_then(|name| name.to_str())
            .expect("a UTF-8 name");
        let name = format!("{name}/{file_name}");
        if path.is_dir() {
            read_folder(&path, &name, texts);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            texts.insert(name, fs::read_to_string(&path).expect("a UTF-8 file"));
        }
    }
}

/// A source tree by module path; the path of the crate root is empty.
struct House<'a> {
    files: BTreeMap<Vec<&'a str>, SourceFile<'a>>,
}

impl<'a> House<'a> {
    /// Takes texts by file name, as in `src/wire/codec.rs`.
    fn new(texts: &'a BTreeMap<String, String>) -> Self {
        let files = texts
            .iter()
            .map(|(name, text)| (module_path(name), SourceFile::new(name, text)));
        Self {
            files: files.collect(),
        }
    }

    /// All that is wrong, as `file:line: text`.
    fn violations(&self) -> Vec<String> {
        let mut found = Vec::new();
        for (path, file) in &self.files {
            let mut faults = file.form_faults();
            faults.extend(self.name_faults(file));
            faults.extend(self.place_faults(path, file));
            faults.extend(self.import_faults(path, file));
            faults.sort();
            faults.dedup();
            found.extend(
                faults
                    .iter()
                    .map(|Fault { line, text }| format!("{}:{line}: {text}", file.name)),
            );
        }
        found
    }

    fn name_faults(&self, file: &SourceFile<'a>) -> Vec<Fault> {
        let mut faults = Vec::new();
        let name = last_part(file.name);
        if BANNED_NAMES.contains(&name) {
            faults.push(Fault::new(1, format!("no file is called {name}")));
        }
        let mut others = self.files.values().map(|other| other.name);
        if let Some(other) = others.find(|other| *other < file.name && last_part(other) == name) {
            faults.push(Fault::new(1, format!("shares its name with {other}")));
        }
        faults
    }

    /// Compares the files with the mod lines.
    fn place_faults(&self, path: &[&'a str], file: &SourceFile<'a>) -> Vec<Fault> {
        let mut faults = Vec::new();
        if let ([parent @ .., _], None) = (path, self.declaration(path)) {
            let text = format!("{} has no mod line for {}", file_name(parent), file.name);
            faults.push(Fault::new(1, text));
        }
        for Declaration { name, line, .. } in &file.declarations {
            let child = [path, &[*name]].concat();
            if !self.files.contains_key(&child) {
                let text = format!("mod {name} has no file {}", file_name(&child));
                faults.push(Fault::new(*line, text));
            }
        }
        faults
    }

    fn import_faults(&self, path: &[&'a str], file: &SourceFile<'a>) -> Vec<Fault> {
        let mut faults = relative_paths(&file.tokens);
        for import in imports(&file.tokens) {
            if let Some(fault) = self.import_fault(path, &import.path) {
                let text = format!("crate::{} {fault}", import.path.join("::"));
                faults.push(Fault::new(import.line, text));
            }
        }
        faults
    }

    /// Why the module `from` may not import `path`.
    fn import_fault(&self, from: &[&'a str], path: &[&'a str]) -> Option<String> {
        let to = self.module_of(path);
        if self.is_for_tests(to) && !self.is_for_tests(from) {
            return Some("is for tests only".into());
        }
        if to == from {
            return Some("is in this very module".into());
        }
        if to.starts_with(from) {
            return None;
        }
        if to.is_empty() {
            return Some("goes through the crate root".into());
        }
        if from.starts_with(to) {
            return Some("is in a parent module".into());
        }
        self.floor_fault(from, to)
    }

    /// Compares the floors of two modules where their paths part.
    fn floor_fault(&self, from: &[&'a str], to: &[&'a str]) -> Option<String> {
        let shared = from
            .iter()
            .zip(to)
            .take_while(|(ours, theirs)| ours == theirs)
            .count();
        let ours = self.declaration(&from[..=shared])?;
        let theirs = self.declaration(&to[..=shared])?;
        match theirs.floor.cmp(&ours.floor) {
            Ordering::Less => None,
            Ordering::Equal => Some(format!("is sideways: {} shares our floor", theirs.name)),
            Ordering::Greater => Some(format!("is upward: {} is above {}", theirs.name, ours.name)),
        }
    }

    /// The deepest module that `path` names or passes through.
    fn module_of<'p>(&self, path: &'p [&'a str]) -> &'p [&'a str] {
        let mut depths = (0..=path.len()).rev();
        let depth = depths.find(|depth| self.files.contains_key(&path[..*depth]));
        &path[..depth.unwrap_or(0)]
    }

    fn is_for_tests(&self, module: &[&'a str]) -> bool {
        (1..=module.len())
            .filter_map(|depth| self.declaration(&module[..depth]))
            .any(|declaration| declaration.for_tests)
    }

    /// The mod line of `module` in its parent; the crate root has none.
    fn declaration(&self, module: &[&'a str]) -> Option<&Declaration<'a>> {
        let (name, parent) = module.split_last()?;
        self.files
            .get(parent)?
            .declarations
            .iter()
            .find(|child| child.name == *name)
    }
}

/// A file as read, its unit tests left out of `tokens` and `declarations`.
struct SourceFile<'a> {
    name: &'a str,
    text: &'a str,
    tokens: Vec<Token<'a>>,
    declarations: Vec<Declaration<'a>>,
}

impl<'a> SourceFile<'a> {
    fn new(name: &'a str, text: &'a str) -> Self {
        let text = before_tests(text);
        let tokens = tokens(text);
        let declarations = declarations(text, &tokens);
        Self {
            name,
            text,
            tokens,
            declarations,
        }
    }

    fn form_faults(&self) -> Vec<Fault> {
        let mut faults = Vec::new();
        if !self.text.starts_with("//! ") {
            faults.push(Fault::new(1, "does not open with a //! sentence".into()));
        }
        let lines = self.text.lines().count();
        if lines > MAX_LINES {
            let text = format!("has {lines} lines before its tests");
            faults.push(Fault::new(MAX_LINES + 1, text));
        }
        faults
    }
}

/// What is wrong in a line.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Fault {
    line: usize,
    text: String,
}

impl Fault {
    fn new(line: usize, text: String) -> Self {
        Self { line, text }
    }
}

/// A line `mod name;`.
struct Declaration<'a> {
    name: &'a str,
    line: usize,
    /// Blank lines above: equal within a paragraph, and more in every later one.
    floor: usize,
    for_tests: bool,
}

/// A path in the code that starts with `crate::`.
struct Import<'a> {
    line: usize,
    /// What follows `crate::`.
    path: Vec<&'a str>,
}

/// A word, a literal or a sign of Rust source.
struct Token<'a> {
    line: usize,
    text: &'a str,
}

/// `src/wire/codec.rs` is `wire::codec`, `src/lib.rs` the crate root.
fn module_path(file: &str) -> Vec<&str> {
    let inner = file.strip_prefix("src/").unwrap_or(file);
    let inner = inner.strip_suffix(".rs").unwrap_or(inner);
    if inner == "lib" {
        Vec::new()
    } else {
        inner.split('/').collect()
    }
}

/// The opposite of [`module_path`].
fn file_name(module: &[&str]) -> String {
    if module.is_empty() {
        "src/lib.rs".into()
    } else {
        format!("src/{}.rs", module.join("/"))
    }
}

fn last_part(file: &str) -> &str {
    file.rsplit('/').next().unwrap_or(file)
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

/// The mod lines that stand outside all braces.
fn declarations<'a>(text: &str, tokens: &[Token<'a>]) -> Vec<Declaration<'a>> {
    let mut found = Vec::new();
    let mut depth = 0_usize;
    let mut item = Vec::new();
    for token in tokens {
        item.push(token.text);
        match token.text {
            "{" => depth += 1,
            "}" => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth == 0 && matches!(token.text, ";" | "}") {
            if let [before @ .., "mod", name, ";"] = item.as_slice() {
                let floor = blank_lines_above(text, token.line);
                let for_tests = has_test_attribute(before);
                found.push(Declaration {
                    name,
                    line: token.line,
                    floor,
                    for_tests,
                });
            }
            item.clear();
        }
    }
    found
}

fn blank_lines_above(text: &str, line: usize) -> usize {
    text.lines()
        .take(line)
        .filter(|line| line.trim().is_empty())
        .count()
}

fn has_test_attribute(item: &[&str]) -> bool {
    item.windows(7)
        .any(|tokens| tokens == ["#", "[", "cfg", "(", "test", ")", "]"])
}

/// Paths that start with `super::` or `self::`.
fn relative_paths(tokens: &[Token<'_>]) -> Vec<Fault> {
    let mut faults = Vec::new();
    for pair in tokens.windows(2) {
        let (word, sign) = (&pair[0], &pair[1]);
        if matches!(word.text, "super" | "self") && sign.text == "::" {
            faults.push(Fault::new(
                word.line,
                format!("{}:: is a relative path", word.text),
            ));
        }
    }
    faults
}

/// Every path that starts with `crate::`, in a `use` or in the midst of code.
fn imports<'a>(tokens: &[Token<'a>]) -> Vec<Import<'a>> {
    let mut found = Vec::new();
    for (at, token) in tokens.iter().enumerate() {
        let (before, mut rest) = (&tokens[..at], tokens[at + 1..].iter());
        if token.text == "crate" && next_is(&rest, "::") && !is_visibility(before) {
            rest.next();
            read_path(&mut rest, &[], &mut found);
        }
    }
    found
}

/// Tells `pub(in crate::a)`, which imports nothing.
fn is_visibility(before: &[Token<'_>]) -> bool {
    matches!(before, [.., paren, word] if paren.text == "(" && word.text == "in")
}

/// Reads what follows `crate::prefix::`.
fn read_path<'a>(rest: &mut Iter<'_, Token<'a>>, prefix: &[&'a str], found: &mut Vec<Import<'a>>) {
    let mut path = prefix.to_vec();
    while let Some(token) = rest.next() {
        if token.text == "{" {
            return read_group(rest, &path, found);
        }
        if token.text != "self" && token.text.starts_with(is_word_char) {
            path.push(token.text);
        }
        if !next_is(rest, "::") {
            return found.push(Import {
                line: token.line,
                path,
            });
        }
        rest.next();
    }
}

/// Reads the inside of `crate::prefix::{a, b::C as D}`, up to and with the closing brace.
fn read_group<'a>(rest: &mut Iter<'_, Token<'a>>, prefix: &[&'a str], found: &mut Vec<Import<'a>>) {
    while let Some(token) = rest.as_slice().first() {
        match token.text {
            "}" => {
                rest.next();
                return;
            }
            "," => drop(rest.next()),
            "as" => drop(rest.nth(1)),
            _ => read_path(rest, prefix, found),
        }
    }
}

fn next_is(rest: &Iter<'_, Token<'_>>, text: &str) -> bool {
    rest.as_slice()
        .first()
        .is_some_and(|token| token.text == text)
}

/// Splits Rust source into tokens; blanks and comments vanish.
fn tokens(source: &str) -> Vec<Token<'_>> {
    let mut found = Vec::new();
    let mut line = 1;
    let mut rest = source;
    while !rest.is_empty() {
        let (text, after) = rest.split_at(piece_len(rest));
        let is_comment = text.starts_with("//") || text.starts_with("/*");
        if !is_comment && !text.trim().is_empty() {
            found.push(Token { line, text });
        }
        line += text.matches('\n').count();
        rest = after;
    }
    found
}

/// The length of the first comment, literal, word, sign or blank.
fn piece_len(rest: &str) -> usize {
    comment_len(rest)
        .or_else(|| string_len(rest))
        .or_else(|| char_len(rest))
        .or_else(|| word_len(rest))
        .or_else(|| rest.starts_with("::").then_some(2))
        .unwrap_or_else(|| rest.chars().next().map_or(0, char::len_utf8))
}

fn comment_len(rest: &str) -> Option<usize> {
    if rest.starts_with("//") {
        return Some(rest.find('\n').unwrap_or(rest.len()));
    }
    rest.starts_with("/*").then(|| block_comment_len(rest))
}

/// Block comments nest.
fn block_comment_len(rest: &str) -> usize {
    let mut depth = 0_usize;
    let mut at = 0;
    while at < rest.len() {
        let here = &rest.as_bytes()[at..];
        let (step, change) = match here {
            [b'/', b'*', ..] => (2, 1),
            [b'*', b'/', ..] => (2, -1),
            _ => (1, 0),
        };
        at += step;
        depth = depth.saturating_add_signed(change);
        if depth == 0 {
            break;
        }
    }
    at
}

/// The length of `"..."`, `b"..."`, `r#"..."#` and their like.
fn string_len(rest: &str) -> Option<usize> {
    let marked = rest.trim_start_matches(['b', 'c']);
    let unmarked = marked.strip_prefix('r').unwrap_or(marked);
    let opened = unmarked.trim_start_matches('#');
    let inside = opened.strip_prefix('"')?;
    let before = rest.len() - inside.len();
    if marked == unmarked {
        return Some(before + quoted_len(inside, '"'));
    }
    let close = format!("\"{}", "#".repeat(unmarked.len() - opened.len()));
    let end = inside.find(&close).map(|end| end + close.len());
    Some(before + end.unwrap_or(inside.len()))
}

/// The length of `'x'`, but not of the lifetime `'x`.
fn char_len(rest: &str) -> Option<usize> {
    let inside = rest.strip_prefix('\'')?;
    let is_char = inside.starts_with('\\') || inside.chars().nth(1) == Some('\'');
    is_char.then(|| 1 + quoted_len(inside, '\''))
}

/// The length up to and with the closing `quote`.
fn quoted_len(inside: &str, quote: char) -> usize {
    let mut escaped = false;
    let mut ends = inside.char_indices().filter(|(_, letter)| {
        let is_end = *letter == quote && !escaped;
        escaped = *letter == '\\' && !escaped;
        is_end
    });
    ends.next()
        .map_or(inside.len(), |(at, _)| at + quote.len_utf8())
}

fn word_len(rest: &str) -> Option<usize> {
    let len = rest
        .find(|letter| !is_word_char(letter))
        .unwrap_or(rest.len());
    (len > 0).then_some(len)
}

fn is_word_char(letter: char) -> bool {
    letter.is_alphanumeric() || letter == '_'
}

mod a_made_up_house {
    use super::*;

    /// Three floors, two in `middle`, and a bench for tests.
    const SOUND: [(&str, &str); 9] = [
        (
            "src/lib.rs",
            "//! Root.\nmod cellar;\n/// Beside it.\npub(crate) mod garden;\n\n\
             mod middle;\n\n// The top.\n#[cfg(test)]\nmod bench;\npub mod roof;\n\n\
             pub use crate::roof::Roof;\npub use roof::Tile;\n",
        ),
        ("src/cellar.rs", "//! Cellar.\nuse core::fmt;\n"),
        ("src/garden.rs", "//! Garden.\n"),
        (
            "src/middle.rs",
            "//! Middle.\nmod low;\n\nmod high;\n\nuse crate::middle::high::High;\n",
        ),
        ("src/middle/low.rs", "//! Low.\nuse crate::cellar::Wine;\n"),
        (
            "src/middle/high.rs",
            "//! High.\nuse crate::{garden::Tree, middle::low::{self, Low}};\n",
        ),
        (
            "src/roof.rs",
            "//! Roof.\nuse crate::middle::{Middle, high::High};\n",
        ),
        (
            "src/bench.rs",
            "//! Bench.\nmod vice;\n\nuse crate::bench::vice::Vice;\n",
        ),
        (
            "src/bench/vice.rs",
            "//! Vice.\nuse crate::middle::high::High;\n",
        ),
    ];

    /// What is wrong with the sound house once `file` has `text`.
    fn violations_with(file: &str, text: &str) -> Vec<String> {
        let files = SOUND.into_iter().chain([(file, text)]);
        let texts = files
            .map(|(name, text)| (name.into(), text.into()))
            .collect();
        House::new(&texts).violations()
    }

    /// Replaces a file of the sound house and expects these violations.
    fn expect(file: &str, text: &str, violations: &[&str]) {
        assert_eq!(violations_with(file, text), violations);
    }

    #[test]
    fn without_faults_has_no_violations() {
        let (file, text) = SOUND[0];
        expect(file, text, &[]);
    }

    #[test]
    fn may_import_from_earlier_floors() {
        expect(
            "src/roof.rs",
            "//! Roof.\npub(crate) use crate::{cellar, middle::low::Low};\n",
            &[],
        );
    }

    #[test]
    fn may_not_import_sideways() {
        expect(
            "src/cellar.rs",
            "//! Cellar.\nuse crate::garden::Tree;\n",
            &["src/cellar.rs:2: crate::garden::Tree is sideways: garden shares our floor"],
        );
        expect(
            "src/garden.rs",
            "//! Garden.\nuse crate::cellar::Wine;\n",
            &["src/garden.rs:2: crate::cellar::Wine is sideways: cellar shares our floor"],
        );
    }

    #[test]
    fn may_not_import_upward() {
        expect(
            "src/cellar.rs",
            "//! Cellar.\npub use crate::middle::high::High;\n",
            &["src/cellar.rs:2: crate::middle::high::High is upward: middle is above cellar"],
        );
        expect(
            "src/middle/low.rs",
            "//! Low.\nuse crate::middle::high::*;\n",
            &["src/middle/low.rs:2: crate::middle::high is upward: high is above low"],
        );
    }

    #[test]
    fn may_not_import_from_a_parent() {
        expect(
            "src/middle/high.rs",
            "//! High.\nuse crate::middle::Middle;\n",
            &["src/middle/high.rs:2: crate::middle::Middle is in a parent module"],
        );
    }

    #[test]
    fn may_not_import_its_own_module() {
        expect(
            "src/middle.rs",
            "//! Middle.\nmod low;\n\nmod high;\n\nuse crate::middle::Middle;\n",
            &["src/middle.rs:6: crate::middle::Middle is in this very module"],
        );
    }

    #[test]
    fn may_not_import_through_the_root() {
        expect(
            "src/roof.rs",
            "//! Roof.\nuse crate::Tile;\nuse crate::{self as house};\nuse crate::*;\n",
            &[
                "src/roof.rs:2: crate::Tile goes through the crate root",
                "src/roof.rs:3: crate:: goes through the crate root",
                "src/roof.rs:4: crate:: goes through the crate root",
            ],
        );
    }

    #[test]
    fn may_not_use_relative_paths() {
        expect(
            "src/middle/high.rs",
            "//! High.\nuse super::low::Low;\nuse self::inner::Inner;\nfn high() { super::super::low() }\n",
            &[
                "src/middle/high.rs:2: super:: is a relative path",
                "src/middle/high.rs:3: self:: is a relative path",
                "src/middle/high.rs:4: super:: is a relative path",
            ],
        );
    }

    #[test]
    fn has_one_floor_where_blank_lines_are_missing() {
        expect(
            "src/middle.rs",
            "//! Middle.\nmod low;\n// No blank line.\n#[rustfmt::skip]\nmod high;\n",
            &[
                "src/middle/high.rs:2: crate::middle::low is sideways: low shares our floor",
                "src/middle/high.rs:2: crate::middle::low::Low is sideways: low shares our floor",
            ],
        );
    }

    #[test]
    fn shows_every_item_of_nested_braces() {
        expect(
            "src/garden.rs",
            "//! Garden.\nuse crate::{\n    cellar::{Wine as Drink, Beer},\n    middle::{self, low::Low},\n    Root,\n};\n",
            &[
                "src/garden.rs:3: crate::cellar::Beer is sideways: cellar shares our floor",
                "src/garden.rs:3: crate::cellar::Wine is sideways: cellar shares our floor",
                "src/garden.rs:4: crate::middle is upward: middle is above garden",
                "src/garden.rs:4: crate::middle::low::Low is upward: middle is above garden",
                "src/garden.rs:5: crate::Root goes through the crate root",
            ],
        );
    }

    #[test]
    fn shows_paths_in_the_midst_of_code() {
        expect(
            "src/garden.rs",
            "//! Garden.\nfn grow<'a>(c: char) -> &'a str {\n    if c == '\"' { crate::roof::drip::<u8>(c) }\n}\n",
            &["src/garden.rs:3: crate::roof::drip is upward: roof is above garden"],
        );
    }

    #[test]
    fn may_speak_of_any_path_in_comments_and_strings() {
        expect(
            "src/garden.rs",
            r##"//! Garden, see [`crate::roof::Roof`].
// use crate::roof::Roof;
/* use crate::roof::Roof; /* super::x */ self::x */
const A: &str = "\"crate::roof::Roof";
const B: &[u8] = br#""crate::roof::Roof"#;
const C: [char; 3] = ['\\','"', '\''];
pub(in crate::garden) const D: &str = "super::x // super::x";
macro_rules! e { () => { mod not_here; } }
"##,
            &[],
        );
    }

    #[test]
    fn may_import_anything_in_its_unit_tests() {
        expect(
            "src/garden.rs",
            "//! Garden.\nfn grow() {}\n\n#[cfg(test)]\n#[allow(\n    dead_code\n)]\nmod tests {\n    use super::*;\n    use crate::roof::Roof;\n}\n",
            &[],
        );
    }

    #[test]
    fn may_not_hide_code_behind_a_test_helper() {
        expect(
            "src/garden.rs",
            "//! Garden.\n#[cfg(test)]\nfn helper() {}\n\nuse crate::roof::Roof;\n\nmod tests {\n}\n",
            &["src/garden.rs:5: crate::roof::Roof is upward: roof is above garden"],
        );
    }

    #[test]
    fn may_not_import_a_module_for_tests() {
        expect(
            "src/roof.rs",
            "//! Roof.\nuse crate::bench::Bench;\n",
            &["src/roof.rs:2: crate::bench::Bench is for tests only"],
        );
    }

    #[test]
    fn has_no_undeclared_file() {
        expect(
            "src/middle/attic.rs",
            "//! Attic.\n",
            &["src/middle/attic.rs:1: src/middle.rs has no mod line for src/middle/attic.rs"],
        );
        expect(
            "src/shed/tool.rs",
            "//! Tool.\n",
            &["src/shed/tool.rs:1: src/shed.rs has no mod line for src/shed/tool.rs"],
        );
    }

    #[test]
    fn has_no_declaration_without_a_file() {
        expect(
            "src/garden.rs",
            "//! Garden.\nmod pond;\n",
            &["src/garden.rs:2: mod pond has no file src/garden/pond.rs"],
        );
    }

    #[test]
    fn has_no_file_with_an_empty_name() {
        for name in ["mod", "utils", "common", "error"] {
            let file = format!("src/garden/{name}.rs");
            let violations = violations_with(&file, "//! Anything.\n");
            assert!(violations.contains(&format!("{file}:1: no file is called {name}.rs")));
        }
    }

    #[test]
    fn has_no_two_files_of_one_name() {
        let violations = violations_with("src/garden/low.rs", "//! Low.\n");
        let expected = "src/middle/low.rs:1: shares its name with src/garden/low.rs";
        assert!(violations.iter().any(|violation| violation == expected));
    }

    #[test]
    fn has_no_file_without_an_opening_sentence() {
        expect(
            "src/garden.rs",
            "// Garden.\n",
            &["src/garden.rs:1: does not open with a //! sentence"],
        );
    }

    #[test]
    fn has_no_long_file() {
        let code = format!("//! Garden.\n{}", "// Grass.\n".repeat(MAX_LINES - 1));
        let tests = "#[cfg(test)]\nmod tests {\n    // Weeds.\n}\n";
        expect("src/garden.rs", &format!("{code}{tests}"), &[]);
        expect(
            "src/garden.rs",
            &format!("{code}// One too many.\n{tests}"),
            &["src/garden.rs:401: has 401 lines before its tests"],
        );
    }
}
