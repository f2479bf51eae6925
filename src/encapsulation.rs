//! ML-KEM as the protocol uses it: key pairs kept as one draw, encapsulation out of one draw.

use alloc::boxed::Box;
use core::marker::PhantomData;

use rand_core::CryptoRng;

use crate::crypto::kdf::hkdf;
use crate::crypto::kem::{DecapsulationSeed, EncapsulationKey, MlKem768, MlKem1024, ParameterSet};
use crate::crypto::secret::Secret;
use crate::stored::{StateWriter, Stored};
use crate::wire::codec::{DecodeError, Reader};

/// Derives the randomness of an encapsulation (m).
const ENCAPSULATION_LABEL: &[u8] = b"evanesce/v1 encapsulation";

/// Sets of which the protocol has keys, each expanded under a label of its own.
pub(crate) trait KeySet: ParameterSet {
    const KEY_LABEL: &'static [u8];
}

impl KeySet for MlKem1024 {
    const KEY_LABEL: &'static [u8] = b"evanesce/v1 ML-KEM-1024 key";
}

impl KeySet for MlKem768 {
    const KEY_LABEL: &'static [u8] = b"evanesce/v1 ML-KEM-768 key";
}

/// An ML-KEM key pair: one draw of 32 bytes, from which both halves are expanded whenever they are used.
///
/// Boxed, since prekeys of suite 1 have none: the room of what is absent is filled by what happened to stand on the stack
/// when it was moved, a secret for instance, and nothing wipes it.
#[derive(Debug)]
pub(crate) struct KemKeyPair<Set>(Box<Secret<32>>, PhantomData<Set>);

impl<Set: KeySet> KemKeyPair<Set> {
    /// Draws a seed: one draw of 32 bytes.
    pub(crate) fn generate(rng: &mut (impl CryptoRng + ?Sized)) -> Self {
        Self::filled_by(|out| rng.fill_bytes(out))
    }

    fn filled_by(fill: impl FnOnce(&mut [u8; 32])) -> Self {
        let (seed, ()) = Secret::boxed_and_filled_by(fill);
        Self(seed, PhantomData)
    }

    /// The public half (ek). Expanding it costs about as much as an encapsulation.
    pub(crate) fn public(&self) -> EncapsulationKey<Set> {
        self.expand().encapsulation_key()
    }

    /// The secret of a ciphertext (ss); `None` if that is of another length. A wrong one gives another secret.
    pub(crate) fn decapsulate(&self, ciphertext: &[u8]) -> Option<Box<Secret<32>>> {
        self.expand().decapsulate(ciphertext)
    }

    /// The same and the public half, which comes out of the same expansion.
    pub(crate) fn decapsulate_and_expand(
        &self,
        ciphertext: &[u8],
    ) -> Option<(Box<Secret<32>>, EncapsulationKey<Set>)> {
        self.expand().decapsulate_and_expand(ciphertext)
    }

    fn expand(&self) -> DecapsulationSeed<Set> {
        DecapsulationSeed::new(self.expanded_seed())
    }

    // docs/protocol.md §2:
    //   d ‖ z = HKDF(salt = empty, ikm = seed, info = label, 64)
    fn expanded_seed(&self) -> Box<Secret<64>> {
        let parts: [Secret<32>; 2] = hkdf(&[], &[self.0.as_bytes()], &[Set::KEY_LABEL]);
        let (seed, ()) = Secret::boxed_and_filled_by(|out| {
            let halves = out.chunks_exact_mut(32).zip(&parts);
            halves.for_each(|(half, part)| half.copy_from_slice(part.as_bytes()));
        });
        seed
    }
}

impl<Set: KeySet> Stored for KemKeyPair<Set> {
    fn write(&self, out: &mut StateWriter) {
        self.0.write(out);
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let seed = reader.array::<32>()?;
        Ok(Self::filled_by(|out| out.copy_from_slice(seed)))
    }
}

/// Encapsulates with one draw: the ciphertext (ct) and its secret (ss).
pub(crate) fn encapsulate<Set: KeySet>(
    key: &EncapsulationKey<Set>,
    draw: &Secret<32>,
) -> (Box<[u8]>, Box<Secret<32>>) {
    key.encapsulate(&randomness(draw))
}

// docs/protocol.md §2:
//   m = HKDF(salt = empty, ikm = draw, info = label, 32)
/// Whoever decapsulates learns m, and nothing of what was drawn.
fn randomness(draw: &Secret<32>) -> Secret<32> {
    let [randomness] = hkdf(&[], &[draw.as_bytes()], &[ENCAPSULATION_LABEL]);
    randomness
}

#[cfg(test)]
impl<Set: KeySet> KemKeyPair<Set> {
    pub(crate) fn from_seed(seed: Secret<32>) -> Self {
        Self(Box::new(seed), PhantomData)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::known_answers::{Draws, Fields, hybrid_section};
    use alloc::vec::Vec;
    use serde_json::Value;

    /// Replays a case with the set that it names.
    macro_rules! replay {
        ($case:expr, $function:ident) => {
            match $case.number("kem") {
                768 => $function::<MlKem768>($case),
                1_024 => $function::<MlKem1024>($case),
                other => panic!("no ML-KEM-{other}"),
            }
        };
    }

    fn key_pair<Set: KeySet>(case: &Value) -> KemKeyPair<Set> {
        KemKeyPair::generate(&mut Draws(case.bytes("seed")))
    }

    /// So that there is nothing for the stack to fill.
    #[test]
    fn a_key_pair_that_is_absent_has_no_room() {
        assert_eq!(size_of::<Option<KemKeyPair<MlKem1024>>>(), size_of::<usize>());
    }

    #[test]
    fn vectors_kem_key() {
        fn agrees<Set: KeySet>(case: &Value) {
            let pair = key_pair::<Set>(case);
            let expanded = [case.bytes("d"), case.bytes("z")].concat();
            assert_eq!(pair.expanded_seed().as_bytes().as_slice(), expanded);
            assert_eq!(pair.public().as_bytes(), case.bytes("ek"));
            assert!(EncapsulationKey::decode(&case.bytes("ek")) == Some(pair.public()));
            // What is stored is what was drawn.
            let mut stored = StateWriter::new();
            pair.write(&mut stored);
            assert_eq!(stored.as_bytes(), case.bytes("seed"));
        }
        for case in &hybrid_section("kem_key") {
            replay!(case, agrees);
        }
    }

    #[test]
    fn vectors_encapsulation() {
        fn agrees<Set: KeySet>(case: &Value) {
            let (pair, draw) = (key_pair::<Set>(case), case.secret("draw"));
            assert!(randomness(&draw) == case.secret("m"));
            let (ciphertext, shared) = encapsulate(&pair.public(), &draw);
            assert_eq!(*ciphertext, case.bytes("ct"));
            assert!(*shared == case.secret("ss"));
            assert!(pair.decapsulate(&ciphertext).unwrap() == shared);
            let both = pair.decapsulate_and_expand(&ciphertext).unwrap();
            assert!(both == (shared, pair.public()));

            let bit = usize::try_from(case.number("ct_flipped")).unwrap();
            let mut flipped = ciphertext;
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert!(*pair.decapsulate(&flipped).unwrap() == case.secret("ss_rejected"));
            assert!(pair.decapsulate(&flipped[1..]).is_none());
        }
        for case in &hybrid_section("encapsulation") {
            replay!(case, agrees);
        }
    }

    #[test]
    fn vectors_ek() {
        fn agrees<Set: KeySet>(case: &Value) {
            let bytes = patched(case.field("ek"));
            let key = EncapsulationKey::<Set>::decode(&bytes);
            assert_eq!(key.is_some(), case.boolean("valid"), "{}", case.text("comment"));
            if let Some(key) = key {
                assert_eq!(key.as_bytes(), bytes);
                let (ciphertext, _) = encapsulate(&key, &Secret::filled_by(|out| *out = [7; 32]));
                assert_eq!(ciphertext.len(), Set::CIPHERTEXT_LENGTH);
            }
        }
        for case in &hybrid_section("ek") {
            replay!(case, agrees);
        }
    }

    /// Bytes in hex, or in the short form of the vectors: what `patches` change in `base`.
    fn patched(value: &Value) -> Vec<u8> {
        if let Some(text) = value.as_str() {
            return hex::decode(text).unwrap();
        }
        let Some(fields) = value.as_object() else { panic!("no bytes") };
        assert!(fields.keys().all(|name| ["base", "patches", "length"].contains(&name.as_str())));
        let mut bytes = value.bytes("base");
        for patch in value.field("patches").as_array().unwrap() {
            let [at, new] = patch.as_array().unwrap().as_slice() else { panic!("no patch") };
            let at = usize::try_from(at.as_u64().unwrap()).unwrap();
            let new = hex::decode(new.as_str().unwrap()).unwrap();
            let end = bytes.len().min(at + new.len());
            bytes.splice(at..end, new);
        }
        if fields.contains_key("length") {
            bytes.truncate(usize::try_from(value.number("length")).unwrap());
        }
        bytes
    }
}
