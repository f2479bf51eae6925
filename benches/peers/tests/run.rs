//! The program is run once, and everybody has a figure. That they really encrypt and decrypt they assert
//! themselves.

use std::process::{Command, Output};

use serde_json::Value;

fn run(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_peers")).args(arguments).output().unwrap()
}

fn cell<'json>(row: &'json Value, contender: &str) -> &'json Value {
    let cells = row["cells"].as_array().unwrap();
    cells.iter().find(|cell| cell["contender"] == contender).unwrap()
}

#[test]
fn each_row_has_figures() {
    let output = run(&["--rounds", "1", "--json"]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let printed: Value = serde_json::from_slice(&output.stdout).unwrap();
    let rows = printed["rows"].as_array().unwrap();
    let primitives = [
        "X25519",
        "16 Ed25519 verifications",
        "ML-KEM-1024, encapsulate",
        "ML-KEM-1024, decapsulate from a seed",
        "ML-KEM-768, all three from a seed",
        "the messages of an epoch, with its ML-KEM calls",
        "chain step, 2 HMACs",
        "1,000 chain steps",
    ];
    assert_eq!(rows.len(), 53);
    for row in rows {
        let name = row["name"].as_str().unwrap();
        let median = |contender| cell(row, contender)["nanoseconds"]["median"].as_f64();
        assert!(median("floor").unwrap() > 0.0, "{name}");
        if !primitives.contains(&name) {
            assert!(median("evanesce").unwrap() > 0.0, "{name}");
            assert!(cell(row, "evanesce")["ratio"]["median"].as_f64().unwrap() > 0.0, "{name}");
        }
        if name.contains(" a group, ") {
            assert!(median("vodozemac (Olm)").unwrap() > 0.0, "{name}");
        }
        // Nobody else has both suites.
        if name.starts_with("suite 2: ") {
            assert_eq!(median("vodozemac (Olm)"), None, "{name}");
        }
    }
    let encrypt = &rows[0];
    for peer in [
        "vodozemac (Olm)",
        "double-ratchet-2, encrypted headers",
        "double-ratchet-2, clear headers",
        "double-ratchet",
    ] {
        assert!(cell(encrypt, peer)["nanoseconds"]["median"].as_f64().unwrap() > 0.0, "{peer}");
    }
    for row in rows.iter().filter(|row| row["name"] == "decrypt after a gap of 1,000") {
        assert!(cell(row, "double-ratchet-2, clear headers")["refuses"].is_string());
    }
    let goals = printed["goals"].as_array().unwrap();
    let of_suite_2 = |goal: &&Value| goal["name"].as_str().unwrap().starts_with("suite 2: ");
    let in_agreements = if cfg!(feature = "libcrux") { 3 } else { 0 };
    assert_eq!(goals.iter().filter(of_suite_2).count(), 5 + 6 + in_agreements);
    assert!(goals.iter().any(|goal| goal["name"].as_str().unwrap().starts_with("what an epoch")));
    assert!(goals.len() > 25);
    assert_eq!(printed["sizes"].as_array().unwrap().len(), 5);
    assert!(printed["machine"]["compiler"].as_str().unwrap().starts_with("rustc "));
}

#[test]
fn tables_are_markdown() {
    let output = run(&["--rounds", "1", "--row", "encrypt, 64 B"]);
    assert!(output.status.success());
    let printed = String::from_utf8(output.stdout).unwrap();
    assert!(printed.contains("| operation | floor | evanesce |"), "{printed}");
    assert!(printed.contains("| encrypt, 64 B, of its floor | 1.25 |"), "{printed}");
}

#[test]
fn an_unknown_argument_ends_with_the_usage() {
    let output = run(&["--fast"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(output.stdout.is_empty());
    assert!(String::from_utf8_lossy(&output.stderr).contains("usage: peers"));
}
