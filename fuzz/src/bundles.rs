//! Real bundles of two devices, and what must come of bytes that may be one of them, changed.

use std::time::Duration;

use evanesce::session::{AcceptError, InitiateError};
use evanesce::{Account, Payload, PreKeyBundle, Suite, Timestamp, VerifyError};
use rand_chacha::ChaCha20Rng;

use crate::formats::{self, OneTime, SignedPart};
use crate::people::{AD, DAY, NOW, account, restored, rng, state};

const SECOND: Duration = Duration::from_secs(1);

/// The canonical X25519 keys of small order: 0, 1, two of order 8, and p − 1.
const SMALL_ORDER: [[u8; 32]; 5] = [
    [0; 32],
    {
        let mut one = [0; 32];
        one[0] = 1;
        one
    },
    [
        0xe0, 0xeb, 0x7a, 0x7c, 0x3b, 0x41, 0xb8, 0xae, 0x16, 0x56, 0xe3, 0xfa, 0xf1, 0x9f, 0xc4,
        0x6a, 0xda, 0x09, 0x8d, 0xeb, 0x9c, 0x32, 0xb1, 0xfd, 0x86, 0x62, 0x05, 0x16, 0x5f, 0x49,
        0xb8, 0x00,
    ],
    [
        0x5f, 0x9c, 0x95, 0xbc, 0xa3, 0x50, 0x8c, 0x24, 0xb1, 0xd0, 0xb1, 0x55, 0x9c, 0x83, 0xef,
        0x5b, 0x04, 0x44, 0x5c, 0xc4, 0x58, 0x1c, 0x8e, 0x86, 0xd8, 0x22, 0x4e, 0xdd, 0xd0, 0x9f,
        0x11, 0x57,
    ],
    {
        let mut minus_one = [0xff; 32];
        minus_one[0] = 0xec;
        minus_one[31] = 0x7f;
        minus_one
    },
];

/// Bob and Carol in each suite, who sign, and Alice, who writes to whomever a bundle is of.
pub struct Bundles {
    alice: Account,
    signers: [Signer; 4],
    rng: ChaCha20Rng,
}

/// A device, and all that it has published.
struct Signer {
    account: Account,
    stored: Vec<u8>,
    signed_parts: Vec<Vec<u8>>,
    one_time_prekeys: Vec<Vec<u8>>,
}

impl Bundles {
    #[must_use]
    pub fn new() -> Self {
        Self {
            alice: account(Suite::Hybrid, "alice@example/phone", 1),
            signers: [
                Signer::new(Suite::Classical, "bob@example/laptop", 2),
                Signer::new(Suite::Classical, "carol", 3),
                Signer::new(Suite::Hybrid, "bob@example/laptop", 5),
                Signer::new(Suite::Hybrid, "carol", 6),
            ],
            rng: rng(4),
        }
    }

    /// Some bundles that verify.
    #[must_use]
    pub fn genuine(&self) -> Vec<Vec<u8>> {
        self.signers.iter().flat_map(Signer::bundles).collect()
    }

    /// Checks all that can be done with bytes that may be a bundle.
    ///
    /// # Panics
    ///
    /// If anything is not as it must be.
    pub fn check(&mut self, bytes: &[u8]) {
        let read = formats::bundle(bytes);
        let decoded = PreKeyBundle::decode(bytes);
        let (bundle, signed_part, one_time) = match (decoded, read) {
            (Ok(bundle), Ok((signed_part, one_time))) => (bundle, signed_part, one_time),
            (Err(error), Err(expected)) => return assert_eq!(error, expected),
            (decoded, read) => panic!("decoded as {decoded:?}, read as {read:?}"),
        };
        assert_eq!(bundle.encode(), bytes);
        let Self { alice, signers, rng } = self;
        let signer = signers.iter_mut().find(|signer| signer.has_signed(&signed_part));
        match signer {
            Some(signer) if signer.has_made(one_time) => {
                check_lifetime(&bundle, &signed_part);
                signer.check_use(bundle, &signed_part, one_time, alice, rng);
            }
            // To what is signed by itself, in suite 2, nothing can be put that is not.
            Some(_) => {
                let refusal = bundle.verify(moment(signed_part.created)).map(drop);
                assert_eq!(refusal, Err(VerifyError::BadSignature));
            }
            None => {
                let refusal = bundle.verify(moment(signed_part.created)).map(drop);
                let refusals =
                    [VerifyError::Malformed, VerifyError::WeakKey, VerifyError::BadSignature];
                assert!(refusals.map(Err).contains(&refusal), "a forgery verifies: {refusal:?}");
            }
        }
    }
}

impl Default for Bundles {
    fn default() -> Self {
        Self::new()
    }
}

impl Signer {
    fn new(suite: Suite, address: &str, seed: u64) -> Self {
        let mut account = account(suite, address, seed);
        let mut rng = rng(seed.rotate_left(32));
        let mut uploads = Vec::new();
        uploads.extend(account.maintain(None, NOW, &mut rng).upload);
        uploads.extend(account.rotate_signed_prekey(NOW.plus(DAY), &mut rng).upload);
        let signed_parts = uploads.iter().map(|upload| upload.signed_part().to_vec()).collect();
        let one_time_prekeys = uploads[0].one_time_prekeys().iter();
        let one_time_prekeys = one_time_prekeys.map(|prekey| prekey.encode()).collect();
        Self { stored: state(&account), account, signed_parts, one_time_prekeys }
    }

    fn bundles(&self) -> Vec<Vec<u8>> {
        let without = self.signed_parts.iter().map(|signed| [signed.as_slice(), &[0]].concat());
        let with = self.signed_parts.iter().zip(&self.one_time_prekeys);
        let with = with.map(|(signed, one_time)| [&signed[..], &[1], one_time].concat());
        without.chain(with).collect()
    }

    fn has_signed(&self, signed_part: &SignedPart<'_>) -> bool {
        self.signed_parts.iter().any(|signed| signed == signed_part.bytes)
    }

    /// Whether a one-time prekey beside a signed part of this device's is what it may be: in suite 1 it is not signed,
    /// and may be anything.
    fn has_made(&self, one_time: Option<OneTime<'_>>) -> bool {
        self.account.suite() == Suite::Classical
            || one_time.is_none_or(|one_time| self.has_published(&one_time))
    }

    fn has_published(&self, one_time: &OneTime<'_>) -> bool {
        self.one_time_prekeys.iter().any(|known| known == one_time.bytes)
    }

    /// Checks what comes of a first message to the device by a bundle whose signatures are genuine.
    fn check_use(
        &mut self,
        bundle: PreKeyBundle,
        signed_part: &SignedPart<'_>,
        one_time: Option<OneTime<'_>>,
        alice: &Account,
        rng: &mut ChaCha20Rng,
    ) {
        let now = moment(signed_part.created);
        let verified = bundle.verify(now).expect("it is genuine");
        assert_eq!(verified.device(), &self.account.device());
        assert_eq!(verified.suite(), self.account.suite());
        assert_eq!(verified.device().identity.encode(), signed_part.identity);
        assert_eq!(verified.device().address.as_bytes(), signed_part.address);
        assert_eq!(verified.has_one_time_prekey(), one_time.is_some());

        let initiated = alice.initiate(&verified, rng);
        let is_weak = one_time.is_some_and(|one_time| SMALL_ORDER.contains(&one_time.key));
        let mut session = match initiated {
            Ok(session) => session,
            Err(error) => return assert_eq!((error, is_weak), (InitiateError::WeakKey, true)),
        };
        assert!(!is_weak, "a session with a weak key");
        let message = session.encrypt(&Payload::new("hello"), AD, rng).expect("it is Alice's turn");
        let expected = match one_time {
            None => Ok(()),
            Some(one_time) if self.has_published(&one_time) => Ok(()),
            Some(OneTime { id, .. }) => {
                let is_known =
                    self.one_time_prekeys.iter().any(|known| known[..4] == id.to_be_bytes());
                Err(if is_known { AcceptError::Undecryptable } else { AcceptError::UnknownPreKey })
            }
        };
        let accepted = self.account.accept(&message, AD, now);
        match &accepted {
            Ok(accepted) => {
                assert_eq!(accepted.received.body, b"hello");
                assert_eq!(accepted.session.peer(), &alice.device());
                assert_eq!(accepted.session.id(), session.id());
                assert_eq!(accepted.session.suite(), self.account.suite());
                self.account = restored(&self.stored);
            }
            Err(_) => assert!(state(&self.account) == self.stored, "a refusal changed the account"),
        }
        assert_eq!(accepted.map(drop), expected);
    }
}

/// A genuine bundle verifies exactly from a day before it was made until it expires.
fn check_lifetime(bundle: &PreKeyBundle, signed_part: &SignedPart<'_>) {
    let at = |now| bundle.clone().verify(now).map(drop);
    let (created, expires) = (moment(signed_part.created), moment(signed_part.expires));
    assert_eq!(at(created.minus(DAY + SECOND)), Err(VerifyError::NotYetValid));
    assert_eq!(at(created.minus(DAY)), Ok(()));
    assert_eq!(at(expires.minus(SECOND)), Ok(()));
    assert_eq!(at(expires), Err(VerifyError::Expired));
}

fn moment(seconds: u64) -> Timestamp {
    Timestamp::from_unix_seconds(seconds)
}
