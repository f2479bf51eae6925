//! What exactly was measured: versions, as Cargo.lock has them.

use std::collections::BTreeSet;

use toml::{Table, Value};

const LOCKFILE: &str = include_str!("../Cargo.lock");

/// What is measured.
const MEASURED: [&str; 4] = ["evanesce", "vodozemac", "double-ratchet-2", "double-ratchet"];

/// Crates of primitives, wherever they stand beneath what is measured.
const CRYPTOGRAPHY: [&str; 12] = [
    "aes",
    "aes-gcm",
    "aes-gcm-siv",
    "cbc",
    "curve25519-dalek",
    "ed25519-dalek",
    "hkdf",
    "hmac",
    ML_KEM,
    "polyval",
    "sha2",
    "x25519-dalek",
];

/// Whose ML-KEM is measured: the lockfile has both.
const ML_KEM: &str = if cfg!(feature = "libcrux") { "libcrux-ml-kem" } else { "ml-kem" };

/// A crate that is measured.
#[derive(Debug, PartialEq, Eq)]
pub struct Measured {
    pub name: String,
    pub version: String,
    /// The crates of primitives beneath it, as `name version`.
    pub cryptography: Vec<String>,
}

pub fn measured() -> Vec<Measured> {
    let lockfile: Table = LOCKFILE.parse().expect("cargo wrote it");
    measured_in(&packages(&lockfile), &MEASURED)
}

struct Package<'lockfile> {
    name: &'lockfile str,
    version: &'lockfile str,
    dependencies: Vec<&'lockfile str>,
}

impl Package<'_> {
    /// Whether a dependency, written as `name`, `name version` or longer, is this.
    fn is(&self, dependency: &str) -> bool {
        let mut words = dependency.split(' ');
        words.next() == Some(self.name)
            && words.next().is_none_or(|version| version == self.version)
    }
}

fn packages(lockfile: &Table) -> Vec<Package<'_>> {
    let packages = lockfile["package"].as_array().expect("a list");
    packages.iter().map(package).collect()
}

fn package(package: &Value) -> Package<'_> {
    let text = |key: &str| package[key].as_str().expect("text");
    let dependencies = package.get("dependencies").and_then(Value::as_array);
    let dependencies = dependencies.into_iter().flatten().filter_map(Value::as_str).collect();
    Package { name: text("name"), version: text("version"), dependencies }
}

fn measured_in(packages: &[Package<'_>], names: &[&str]) -> Vec<Measured> {
    let measured = |name: &&str| {
        let package = packages.iter().find(|package| package.name == *name)?;
        let mut beneath = BTreeSet::new();
        collect(package, packages, &mut beneath);
        let cryptography = beneath.into_iter().filter(|(name, _)| CRYPTOGRAPHY.contains(name));
        Some(Measured {
            name: package.name.into(),
            version: package.version.into(),
            cryptography: cryptography.map(|(name, version)| format!("{name} {version}")).collect(),
        })
    };
    names.iter().filter_map(measured).collect()
}

fn collect<'lockfile>(
    package: &Package<'lockfile>,
    packages: &[Package<'lockfile>],
    beneath: &mut BTreeSet<(&'lockfile str, &'lockfile str)>,
) {
    for dependency in &package.dependencies {
        if let Some(found) = packages.iter().find(|package| package.is(dependency))
            && beneath.insert((found.name, found.version))
        {
            collect(found, packages, beneath);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn primitives_are_found_beneath_what_is_measured_in_the_version_that_it_uses() {
        let lockfile: Table = r#"
            [[package]]
            name = "hkdf"
            version = "0.12.4"
            [[package]]
            name = "hkdf"
            version = "0.13.0"
            dependencies = ["hmac"]
            [[package]]
            name = "hmac"
            version = "0.13.0"
            [[package]]
            name = "library"
            version = "1.2.3"
            dependencies = ["hkdf 0.13.0", "unrelated"]
            [[package]]
            name = "unrelated"
            version = "1.0.0"
        "#
        .parse()
        .unwrap();
        let expected = Measured {
            name: "library".into(),
            version: "1.2.3".into(),
            cryptography: vec!["hkdf 0.13.0".into(), "hmac 0.13.0".into()],
        };
        assert_eq!(measured_in(&packages(&lockfile), &["library", "missing"]), [expected]);
    }

    #[test]
    fn the_lockfile_has_what_is_measured() {
        let measured = measured();
        assert_eq!(measured.len(), MEASURED.len());
        assert!(measured[0].cryptography.iter().any(|name| name.starts_with("curve25519-dalek 5")));
    }
}
