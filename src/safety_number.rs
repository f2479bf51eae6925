//! What two people compare to know that nobody stands between them.

use alloc::format;
use alloc::string::String;
use core::fmt;
use core::ops::Add;

use subtle::ConstantTimeEq;

use crate::crypto::hash::sha512;
use crate::identity::{Device, IdentityKey};
use crate::wire::codec::{DecodeError, Reader, write_length_prefixed};

/// Separates those of people from every other hash.
const PEOPLE_LABEL: &[u8] = b"evanesce/v1 person number";

/// Separates safety numbers from every other hash.
const LABEL: &[u8] = b"evanesce/v1 safety number";

/// How often the hash is repeated, which makes a search for a similar number that much dearer.
const ITERATIONS: u32 = 5_199;

/// The first byte of the scannable form: of devices, and of people.
const DEVICES: u8 = 1;
const PEOPLE: u8 = 2;

/// The safety number of two devices: the same 60 digits for both, or a code that one shows and the
/// other scans (docs/protocol.md §9).
///
/// `Display` shows the digits in twelve groups of five.
#[derive(Clone)]
pub struct SafetyNumber {
    /// What the scannable form begins with.
    kind: u8,
    ours: Fingerprint,
    theirs: Fingerprint,
}

/// A scanned code is not the one that this device expects.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ScanError {
    /// It is a safety number, of other devices: somebody may stand between the two.
    Mismatch,
    /// It is no scannable safety number: of another length.
    Malformed,
    /// It is one of another version: one of the two must update.
    Unsupported,
}

impl fmt::Display for ScanError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Mismatch => "the safety numbers differ",
            Self::Malformed => "the code is no safety number",
            Self::Unsupported => "the code is of an unsupported version",
        })
    }
}

impl core::error::Error for ScanError {}

impl SafetyNumber {
    /// Bytes of the scannable form.
    pub const SCANNABLE_LENGTH: usize = 65;

    /// The safety number as `our` device shows it. Takes milliseconds, on purpose, and a hundred times as
    /// long where the dependencies are not optimised.
    #[must_use]
    pub fn between(our: &Device, their: &Device) -> Self {
        Self { kind: DEVICES, ours: Fingerprint::of(our), theirs: Fingerprint::of(their) }
    }

    /// That of two people, by their owner identities (docs/protocol.md §17.8).
    pub(crate) fn of_people(our: &IdentityKey, their: &IdentityKey) -> Self {
        let (ours, theirs) = (Fingerprint::of_person(our), Fingerprint::of_person(their));
        Self { kind: PEOPLE, ours, theirs }
    }

    /// The 60 digits, without spaces: the same on both devices.
    #[must_use]
    pub fn digits(&self) -> String {
        let mut halves = [self.ours.digits(), self.theirs.digits()];
        halves.sort();
        halves.concat()
    }

    /// Whether these are our digits, compared in constant time. White space is left out first.
    #[must_use]
    pub fn matches(&self, digits: &str) -> bool {
        let typed: String = digits.chars().filter(|digit| !digit.is_whitespace()).collect();
        self.digits().as_bytes().ct_eq(typed.as_bytes()).into()
    }

    /// What this device shows for the other one to scan.
    ///
    /// ```text
    /// | kind: 1 | our fingerprint: 32 | their fingerprint: 32 |
    /// ```
    #[must_use]
    pub fn scannable(&self) -> [u8; Self::SCANNABLE_LENGTH] {
        let mut bytes = [self.kind; Self::SCANNABLE_LENGTH];
        let (_, fingerprints) = bytes.split_at_mut(1);
        let (first, second) = fingerprints.split_at_mut(32);
        first.copy_from_slice(&self.ours.0);
        second.copy_from_slice(&self.theirs.0);
        bytes
    }

    /// Compares, in constant time, what the other device shows with what we expect of it.
    ///
    /// # Errors
    ///
    /// [`ScanError::Malformed`] and [`ScanError::Unsupported`] if the bytes are no such code,
    /// [`ScanError::Mismatch`] if they are that of other devices.
    pub fn verify_scanned(&self, scanned: &[u8]) -> Result<(), ScanError> {
        let (first, second) =
            decode_scannable(scanned, self.kind).map_err(|error| match error {
                DecodeError::Malformed => ScanError::Malformed,
                DecodeError::Unsupported => ScanError::Unsupported,
            })?;
        let same = self.theirs.0.ct_eq(first) & self.ours.0.ct_eq(second);
        if same.into() { Ok(()) } else { Err(ScanError::Mismatch) }
    }
}

impl fmt::Display for SafetyNumber {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, digit) in self.digits().chars().enumerate() {
            if position != 0 && position % 5 == 0 {
                formatter.write_str(" ")?;
            }
            write!(formatter, "{digit}")?;
        }
        Ok(())
    }
}

/// The first 32 bytes of h5199 of one device.
#[derive(Clone)]
struct Fingerprint([u8; 32]);

impl Fingerprint {
    // docs/protocol.md §9:
    //   h0 = SHA-512(label ‖ LP8(address) ‖ IDENT), h(i) = SHA-512(h(i-1) ‖ IDENT)
    fn of(device: &Device) -> Self {
        let Device { identity, address } = device;
        let identity = identity.encode();
        let mut prefixed = alloc::vec::Vec::new();
        write_length_prefixed(&mut prefixed, address.as_bytes());
        Self::repeated(sha512(&[LABEL, &prefixed, &identity]), &identity)
    }

    // docs/protocol.md §17.8:
    //   h0 = SHA-512(label ‖ OWNER), h(i) = SHA-512(h(i-1) ‖ OWNER)
    fn of_person(owner: &IdentityKey) -> Self {
        let owner = owner.encode();
        Self::repeated(sha512(&[PEOPLE_LABEL, &owner]), &owner)
    }

    /// The first bytes of h5199 that begins so.
    fn repeated(mut hash: [u8; 64], identity: &[u8; 64]) -> Self {
        for _ in 0..ITERATIONS {
            hash = sha512(&[&hash, identity]);
        }
        let mut fingerprint = [0; 32];
        fingerprint.iter_mut().zip(hash).for_each(|(out, byte)| *out = byte);
        Self(fingerprint)
    }

    /// Six groups of five bytes as numbers modulo 100,000: the first 30 bytes, 30 digits.
    fn digits(&self) -> String {
        let (half, _) = self.0.split_at(30);
        half.chunks_exact(5).fold(String::new(), |digits, group| {
            let number = group.iter().fold(0_u64, |number, byte| number << 8 | u64::from(*byte));
            digits.add(&format!("{:05}", number % 100_000))
        })
    }
}

/// The 30 digits of one device, its half of any safety number.
pub(crate) fn half_digits(device: &Device) -> String {
    Fingerprint::of(device).digits()
}

fn decode_scannable(bytes: &[u8], kind: u8) -> Result<(&[u8; 32], &[u8; 32]), DecodeError> {
    let mut reader = Reader::new(bytes);
    let its_kind = reader.u8()?;
    let fingerprints = (reader.array()?, reader.array()?);
    reader.finish()?;
    // Whatever else people scan is rarely just as long, and is no version of ours.
    if its_kind == kind { Ok(fingerprints) } else { Err(DecodeError::Unsupported) }
}

/// Shows the digits.
impl fmt::Debug for SafetyNumber {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "SafetyNumber({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::identity::Address;
    use crate::known_answers::{self, Fields};
    use alloc::vec::Vec;

    fn device(identity: [u8; 64], address: &[u8]) -> Device {
        let identity = IdentityKey::decode(&identity).unwrap();
        Device { identity, address: Address::new(address).unwrap() }
    }

    #[test]
    fn vectors_safety_number() {
        for case in known_answers::section("safety_number") {
            let a = device(case.array("ident_a"), &case.bytes("address_a"));
            let b = device(case.array("ident_b"), &case.bytes("address_b"));
            let (ours, theirs) = (SafetyNumber::between(&a, &b), SafetyNumber::between(&b, &a));
            assert_eq!(ours.ours.0[..30], case.bytes("half_a"));
            assert_eq!(ours.theirs.0[..30], case.bytes("half_b"));
            assert_eq!(ours.ours.digits(), case.text("digits_a"));
            assert_eq!(ours.theirs.digits(), case.text("digits_b"));
            assert_eq!(ours.digits(), case.text("number"));
            assert_eq!(theirs.digits(), case.text("number"));
            assert_eq!(ours.scannable(), case.array("scannable_a"));
            assert_eq!(theirs.scannable(), case.array("scannable_b"));
            assert_eq!(ours.verify_scanned(&case.bytes("scannable_b")), Ok(()));
            assert_eq!(ours.verify_scanned(&case.bytes("scannable_a")), Err(ScanError::Mismatch));
            // Either half can be another's.
            for place in [1, 33] {
                let mut other = case.bytes("scannable_b");
                other[place] ^= 1;
                assert_eq!(ours.verify_scanned(&other), Err(ScanError::Mismatch));
            }
        }
    }

    #[test]
    fn vectors_number() {
        for case in known_answers::devices_section("number") {
            let known =
                ["owner_a", "owner_b", "half_a", "half_b", "digits_a", "digits_b", "number"];
            let shown = ["scannable_a", "scannable_b"];
            known_answers::assert_fields(&case, &[&known[..], &shown].concat());
            let owner = |name: &str| IdentityKey::decode(&case.array(name)).unwrap();
            let (a, b) = (owner("owner_a"), owner("owner_b"));
            let ours = SafetyNumber::of_people(&a, &b);
            let theirs = SafetyNumber::of_people(&b, &a);
            assert_eq!(ours.ours.0[..30], case.bytes("half_a"));
            assert_eq!(ours.theirs.0[..30], case.bytes("half_b"));
            assert_eq!(ours.ours.digits(), case.text("digits_a"));
            assert_eq!(ours.theirs.digits(), case.text("digits_b"));
            assert_eq!(
                [ours.digits(), theirs.digits()],
                [case.text("number"), case.text("number")]
            );
            assert_eq!(ours.scannable(), case.array("scannable_a"));
            assert_eq!(theirs.scannable(), case.array("scannable_b"));
            assert_eq!(ours.verify_scanned(&case.bytes("scannable_b")), Ok(()));
            // One of devices is none of people.
            let mut of_devices = case.bytes("scannable_b");
            of_devices[0] = DEVICES;
            assert_eq!(ours.verify_scanned(&of_devices), Err(ScanError::Unsupported));
        }
    }

    #[test]
    fn only_all_sixty_digits_match_however_they_are_grouped() {
        let case = &known_answers::section("safety_number")[0];
        let a = device(case.array("ident_a"), &case.bytes("address_a"));
        let b = device(case.array("ident_b"), &case.bytes("address_b"));
        let number = SafetyNumber::between(&a, &b);
        let digits = number.digits();
        assert!(number.matches(&digits));
        let groups: Vec<&str> =
            digits.as_bytes().chunks(5).map(|it| str::from_utf8(it).unwrap()).collect();
        assert_eq!(format!("{number}"), groups.join(" "));
        assert!(number.matches(&groups.join(" ")) && number.matches(&groups.join("\n\t")));
        let last = if digits.ends_with('0') { "1" } else { "0" };
        let (shorter, _) = digits.split_at(59);
        let another = [shorter, last].concat();
        for wrong in ["", shorter, &another, &groups.join("-"), &[&digits, "0"].concat()] {
            assert!(!number.matches(wrong), "{wrong}");
        }
    }
}
