//! What docs/claims.md names is there.

use std::fs;
use std::path::Path;

const CLAIMS: &str = include_str!("../docs/claims.md");

/// Where a claim can point to.
const PLACES: [&str; 7] =
    ["src/", "tests/", "fuzz/", "models/", "proofs/", "examples/", "benches/"];

/// What a claim points to: a file or a directory, and perhaps a name in it.
struct Reference<'claims> {
    path: &'claims str,
    name: Option<&'claims str>,
}

fn references(text: &str) -> Vec<Reference<'_>> {
    let quoted = text.split('`').skip(1).step_by(2);
    let pointing = quoted.filter(|quote| PLACES.iter().any(|place| quote.starts_with(place)));
    pointing
        .map(|quote| match quote.split_once(": ") {
            Some((path, name)) => Reference { path, name: Some(name) },
            None => Reference { path: quote, name: None },
        })
        .collect()
}

/// Why what is referred to is not there.
fn fault(root: &Path, reference: &Reference<'_>) -> Option<String> {
    let Reference { path, name } = reference;
    let file = root.join(path);
    let Some(name) = name else {
        return (!file.exists()).then(|| format!("{path} is not there"));
    };
    let text = fs::read_to_string(&file).unwrap_or_default();
    let forms = [format!("fn {name}("), format!("fn {name}<"), format!("name = \"{name}\"")];
    let is_there = forms.iter().any(|form| text.contains(form.as_str()));
    (!is_there).then(|| format!("{path} has no {name}"))
}

/// Cells of the table's rows, without its head.
fn rows() -> Vec<Vec<&'static str>> {
    let lines = CLAIMS.lines().filter(|line| line.starts_with("| ") || line.starts_with("|---"));
    lines.skip(2).map(|line| line.trim_matches('|').split(" | ").map(str::trim).collect()).collect()
}

#[test]
fn what_a_claim_names_is_there() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let references = references(CLAIMS);
    assert!(references.len() > 50, "{} references", references.len());
    let faults: Vec<_> = references.iter().filter_map(|one| fault(root, one)).collect();
    assert!(faults.is_empty(), "\n{}\n", faults.join("\n"));
}

#[test]
fn what_is_not_there_is_noticed() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let wrong = "`src/nothing.rs`, `src/session.rs: no_such_function`, `tests/claims.rs: fault`";
    let faults: Vec<_> = references(wrong).iter().filter_map(|one| fault(root, one)).collect();
    assert_eq!(faults, ["src/nothing.rs is not there", "src/session.rs has no no_such_function"]);
}

#[test]
fn each_claim_says_who_enforces_and_who_checks_it() {
    let rows = rows();
    assert!(rows.len() > 15, "{} rows", rows.len());
    for row in &rows {
        assert_eq!(row.len(), 6, "{row:?}");
        assert!(row.iter().take(5).all(|cell| !cell.is_empty()), "{row:?}");
        assert!(!references(row[3]).is_empty(), "{row:?} names no code");
        let is_read = row[4].starts_with("by reading");
        assert!(is_read || !references(row[4]).is_empty(), "{row:?} names no check");
    }
}
