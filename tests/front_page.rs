//! What the front page of the documentation and the README say about the package is so.

const FRONT_PAGE: &str = include_str!("../src/lib.rs");
const README: &str = include_str!("../README.md");
const MANIFEST: &str = include_str!("../Cargo.toml");

/// The front page as Markdown.
fn front_page() -> String {
    let lines = FRONT_PAGE.lines().map_while(|line| line.strip_prefix("//!"));
    lines.map(|line| format!("{}\n", line.strip_prefix(' ').unwrap_or(line))).collect()
}

/// The first block of code that is opened so.
fn block<'text>(text: &'text str, opening: &str) -> &'text str {
    let (_, after) = text.split_once(&format!("\n```{opening}\n")).expect("there is such a block");
    after.split("```").next().expect("a split has a first part")
}

/// What stands between quotes in the first line that begins so.
fn value<'text>(text: &'text str, key: &str) -> &'text str {
    let line = text.lines().find(|line| line.starts_with(&format!("{key} = ")));
    line.and_then(|line| line.split('"').nth(1)).expect("there is such a line")
}

#[test]
fn the_program_on_the_front_page_is_that_of_the_readme() {
    assert_eq!(block(&front_page(), "rust"), block(README, "rust"));
}

#[test]
fn nothing_of_the_program_is_hidden() {
    let page = front_page();
    let program = block(&page, "rust");
    assert!(program.contains("fn main()"));
    let hidden = program.lines().find(|line| line.trim_start().starts_with("# "));
    assert_eq!(hidden, None);
}

#[test]
fn what_is_to_be_copied_into_a_manifest_is_what_is_tested_here() {
    let page = front_page();
    let lines = block(&page, "toml");
    assert_eq!(lines, block(README, "toml"));
    assert!(value(MANIFEST, "version").starts_with(value(lines, "evanesce")));
    for line in ["getrandom = ", "[profile.dev.package.\"*\"]\nopt-level = "] {
        let rest_of_line = |text: &str| {
            let after = text.split(line).nth(1).expect("there is such a line");
            after.lines().next().map(str::to_owned)
        };
        assert_eq!(rest_of_line(lines), rest_of_line(MANIFEST));
    }
}

#[test]
fn the_oldest_rust_is_named_as_it_is() {
    let named = format!("Rust {} and later", value(MANIFEST, "rust-version"));
    assert!(front_page().contains(&named));
    assert!(README.contains(&named));
}

/// The documents that are pages of the documentation too: src/docs.rs.
const DOCUMENTS: [&str; 5] = [
    include_str!("../docs/guide.md"),
    include_str!("../docs/protocol.md"),
    include_str!("../docs/claims.md"),
    include_str!("../SECURITY.md"),
    include_str!("../CHANGELOG.md"),
];

/// As `[protocol.md]` with its definition at the end, a link can lead to another page there and to the file elsewhere.
#[test]
fn documents_name_each_other_by_definitions_alone() {
    for document in DOCUMENTS {
        for (after, _) in document.match_indices("](") {
            let target = &document[after + 2..];
            let leads_elsewhere = target.starts_with("https://") || target.starts_with('#');
            assert!(leads_elsewhere, "{:.60}", &document[after..]);
        }
        for line in document.lines().filter(|line| line.starts_with('[')) {
            let Some((name, target)) = line.split_once("]: ") else { continue };
            let definition = format!("/// {name}]: ");
            assert!(include_str!("../src/docs.rs").contains(&definition), "{name} to {target}");
        }
    }
}

/// What says none is taken for Rust, and compiled.
#[test]
fn each_block_in_a_document_says_its_language() {
    for document in DOCUMENTS {
        let fences = document.lines().filter_map(|line| line.strip_prefix("```"));
        for (place, language) in fences.enumerate() {
            assert_eq!(language.is_empty(), place % 2 == 1, "fence {place}: {language}");
        }
    }
}
