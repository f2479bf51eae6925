//! Keeps what builds this, and how, for the header of what is printed. `benches/files` is built with it too.

use std::env;
use std::process::Command;

/// What changes the code that comes out.
const SETTINGS: [&str; 3] =
    ["CARGO_PROFILE_RELEASE_CODEGEN_UNITS", "CARGO_PROFILE_RELEASE_LTO", "RUSTFLAGS"];

fn main() {
    println!("cargo::rerun-if-env-changed=RUSTC");
    let compiler = env::var("RUSTC").expect("cargo sets RUSTC");
    let output = Command::new(compiler).arg("--version").output().expect("the compiler runs");
    let version = String::from_utf8(output.stdout).expect("the version is text");
    let profile = env::var("PROFILE").expect("cargo sets PROFILE");
    let mut compiler = format!("{}, profile {profile}", version.trim());
    for name in SETTINGS {
        println!("cargo::rerun-if-env-changed={name}");
        if let Ok(value) = env::var(name) {
            compiler = format!("{compiler}, {name}={value}");
        }
    }
    println!("cargo::rustc-env=COMPILER={compiler}");
}
