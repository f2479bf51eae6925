//! The floor: the primitives that docs/protocol.md asks for in each row, one call after the other, with the
//! crates and features of evanesce. No state machine, no checks but the ciphers' own, no formats, fixed
//! keys; one allocation for each message, as a library must make that hands out messages.

mod kem;
mod primitives;

mod message;
mod state;

mod ratchet;

mod epoch;
mod file;
mod group;
mod handshake;

use std::hint::black_box;

use ed25519_dalek::{Signature, VerifyingKey};

use crate::contender::{Contender, Entry, Remark};
use crate::contenders::floor::epoch::Epoch;
use crate::contenders::floor::group::Member;
use crate::contenders::floor::handshake::Handshake;
use crate::contenders::floor::message::{
    CHAIN, Chain, PREFIX, chain_step, decrypt, encrypt, open_body, open_header,
};
use crate::contenders::floor::primitives::{agree, public_key};
use crate::contenders::floor::ratchet::Turn;
use crate::contenders::floor::state::SealedState;
use crate::contenders::household::{SignedBytes, longest_list, signatures_of};
use crate::conversation::chain as messages_of_a_chain;
use crate::row::{
    CARRYING, Group, Handling, Hybrid, Kem, MESSAGES, MOST_DEVICES, People, Phase, PreKeys, SMALL,
};
use crate::work::repeated;

pub struct Floor {
    /// Bytes of a sealed state of evanesce.
    sealed_state: usize,
}

impl Floor {
    pub fn new(sealed_state: usize) -> Self {
        Self { sealed_state }
    }
}

impl Contender for Floor {
    fn name(&self) -> &'static str {
        "floor"
    }

    /// §5.4 within a chain, §6.4.
    fn encrypt(&self, size: usize) -> Entry {
        let plaintext = plaintext(size);
        let expected = plaintext.clone();
        timed(
            messages_of_a_chain(size),
            move |_| encrypt(black_box(&CHAIN), PREFIX, black_box(&plaintext)),
            move |message| assert_eq!(decrypt(&CHAIN, PREFIX.len(), &message), expected),
        )
    }

    /// §5.5 in the current chain and in order, §6.4.
    fn decrypt(&self, size: usize) -> Entry {
        let plaintext = plaintext(size);
        // As many as the others read, so that they are as far from the processor.
        let messages = vec![encrypt(&CHAIN, PREFIX, &plaintext); messages_of_a_chain(size)];
        timed(
            messages.len(),
            move |number| decrypt(black_box(&CHAIN), PREFIX.len(), &messages[number]),
            move |text| assert_eq!(text, plaintext),
        )
    }

    /// §5.5 in the next chain.
    fn decrypt_with_ratchet_step(&self) -> Entry {
        let (turn, plaintext) = (Turn::new(), plaintext(SMALL));
        let message = turn.encrypt(PREFIX, &plaintext);
        timed(
            8,
            move |_| turn.decrypt_after_current(PREFIX.len(), black_box(&message)),
            move |text| assert_eq!(text, plaintext),
        )
    }

    /// §5.4 with its sending step and §5.5 with its receiving step, twice.
    fn ping_pong(&self) -> Entry {
        let (turn, plaintext) = (Turn::new(), plaintext(SMALL));
        let expected = plaintext.clone();
        let way = move || {
            let message = turn.encrypt(PREFIX, black_box(&plaintext));
            turn.decrypt_after_current(PREFIX.len(), &message)
        };
        timed(
            8,
            move |_| (way(), way()),
            move |(there, back)| assert_eq!((&there, &back), (&expected, &expected)),
        )
    }

    fn initiate(&self) -> Entry {
        initiating(Handshake::classical)
    }

    fn accept(&self) -> Entry {
        accepting(Handshake::classical())
    }

    /// §5.5: the current chain is stepped, then a message as any other.
    fn decrypt_after_gap(&self, lost: usize) -> Entry {
        let plaintext = plaintext(SMALL);
        let after = |chain: &Chain| Chain { chain_key: steps(chain, lost), ..*chain };
        let message = encrypt(&after(&CHAIN), PREFIX, &plaintext);
        timed(
            8,
            move |_| {
                let chain = Chain { chain_key: steps(black_box(&CHAIN), lost), ..CHAIN };
                decrypt(&chain, PREFIX.len(), &message)
            },
            move |text| assert_eq!(text, plaintext),
        )
    }

    /// §5.5 with a held key: no step.
    fn decrypt_late(&self, _held: usize) -> Entry {
        let plaintext = plaintext(SMALL);
        let message = encrypt(&CHAIN, PREFIX, &plaintext);
        let (_, held_key) = chain_step(&CHAIN.chain_key);
        timed(
            messages_of_a_chain(SMALL),
            move |_| {
                let header = open_header(&CHAIN.header_key, &message[PREFIX.len()..]);
                black_box(header.expect("its key"));
                open_body(black_box(&held_key), PREFIX.len(), black_box(&message))
            },
            move |text| assert_eq!(text, plaintext),
        )
    }

    /// Held keys are none of its concern.
    fn encrypt_holding(&self, _held: usize) -> Entry {
        self.encrypt(SMALL)
    }

    /// §10 twice, around a message as any other.
    fn decrypt_from_sealed_state(&self) -> Entry {
        let (sealed, plaintext) = (SealedState::of_length(self.sealed_state), plaintext(SMALL));
        let message = encrypt(&CHAIN, PREFIX, &plaintext);
        let length = self.sealed_state;
        timed(
            messages_of_a_chain(SMALL),
            move |_| {
                let state = black_box(&sealed).open();
                let text = decrypt(black_box(&CHAIN), PREFIX.len(), &message);
                (text, SealedState::seal(&state))
            },
            move |(text, sealed)| {
                assert_eq!(text, plaintext);
                assert_eq!(sealed.length(), length);
            },
        )
    }

    /// A state in the clear needs no cryptography.
    fn decrypt_from_plain_state(&self) -> Entry {
        self.decrypt(SMALL)
    }

    /// Messages are those of suite 1 (§5.10): what they carry is plaintext.
    fn hybrid(&self, operation: Hybrid) -> Entry {
        match operation {
            Hybrid::Encrypt(phase) => self.encrypt(padded_length(phase)),
            Hybrid::Decrypt(phase) => self.decrypt(padded_length(phase)),
            Hybrid::Initiate(prekeys) => initiating(move || Handshake::hybrid(prekeys)),
            Hybrid::Accept(prekeys) => accepting(Handshake::hybrid(prekeys)),
            Hybrid::AcceptAgain => accepting(Handshake::hybrid(PreKeys::OneTime)),
            Hybrid::Epoch => {
                let epoch = Epoch::new();
                timed(4, move |_| epoch.whole(), |[ours, theirs]| assert_eq!(ours, theirs))
            }
        }
    }

    fn epochs_messages(&self) -> Entry {
        let epoch = Epoch::new();
        timed(4, move |_| epoch.messages(), |last| assert_eq!(last, plaintext(SMALL)))
    }

    /// §15.1: a cipher and a hash of each chunk.
    fn file(&self, handling: Handling) -> Entry {
        let work = match handling {
            Handling::Seal | Handling::SealByChunks => file::seal(),
            Handling::Read | Handling::OpenByRanges => file::open(),
        };
        Entry::Runs { work, remark: Remark::NONE }
    }

    /// §17.5: a message for each device. §17.2: a signature and 16 consents.
    fn people(&self, operation: People) -> Entry {
        match operation {
            People::Encrypt | People::EncryptOneByOne => messages::<6>(),
            People::EncryptForMany | People::EncryptForManyOneByOne => {
                messages::<{ 4 * MOST_DEVICES }>()
            }
            People::Decrypt | People::DecryptByPeer => self.decrypt(SMALL),
            People::Adopt => self.verifications(MOST_DEVICES + 1),
        }
    }

    /// §18.4.
    fn group(&self, operation: Group) -> Entry {
        let (member, plaintext) = (Member::new(), plaintext(SMALL));
        let message = member.encrypt(&plaintext);
        match operation {
            Group::Encrypt => timed(
                MESSAGES,
                move |_| member.encrypt(black_box(&plaintext)),
                move |again| assert_eq!(again, message),
            ),
            Group::Decrypt => timed(
                MESSAGES,
                move |_| member.decrypt(black_box(&message)),
                move |text| assert_eq!(text, plaintext),
            ),
        }
    }

    fn verifications(&self, count: usize) -> Entry {
        let mut signatures = signatures_of(&longest_list());
        signatures.truncate(count);
        timed(
            2,
            move |_| black_box(&signatures).iter().filter(|signed| verify(signed)).count(),
            move |verified| assert_eq!(verified, count),
        )
    }

    fn kem(&self, calls: Kem) -> Entry {
        let (seed, randomness) = ([20; 64], [21; 32]);
        match calls {
            Kem::Encapsulate => {
                let key = kem::ml_kem_1024::generate(&seed);
                timed(
                    8,
                    move |_| kem::ml_kem_1024::encapsulate(black_box(&key), &randomness),
                    move |(ciphertext, shared)| {
                        assert_eq!(kem::ml_kem_1024::decapsulate(&seed, &ciphertext), shared);
                    },
                )
            }
            Kem::Decapsulate => {
                let key = kem::ml_kem_1024::generate(&seed);
                let (ciphertext, shared) = kem::ml_kem_1024::encapsulate(&key, &randomness);
                timed(
                    8,
                    move |_| kem::ml_kem_1024::decapsulate(black_box(&seed), &ciphertext),
                    move |output| assert_eq!(output, shared),
                )
            }
            Kem::Epoch => timed(
                4,
                move |_| {
                    let key = kem::ml_kem_768::generate(black_box(&seed));
                    let (ciphertext, shared) = kem::ml_kem_768::encapsulate(&key, &randomness);
                    (shared, kem::ml_kem_768::decapsulate(black_box(&seed), &ciphertext))
                },
                |(sent, received)| assert_eq!(sent, received),
            ),
            Kem::AmidMessages => {
                let epoch = Epoch::new();
                timed(
                    4,
                    move |_| epoch.calls_and_messages(),
                    |[ours, theirs]| assert_eq!(ours, theirs),
                )
            }
        }
    }

    fn agreement(&self) -> Entry {
        let theirs = public_key(&[3; 32]);
        timed(8, move |_| agree(black_box(&[4; 32]), &theirs), |output| assert_ne!(output, [0; 32]))
    }

    fn chain_steps(&self, count: usize) -> Entry {
        timed(8, move |_| steps(black_box(&CHAIN), count), |key| assert_ne!(key, CHAIN.chain_key))
    }
}

/// A message for each of so many devices.
fn messages<const DEVICES: usize>() -> Entry {
    let plaintext = plaintext(SMALL);
    timed(
        messages_of_a_chain(SMALL),
        move |_| [(); DEVICES].map(|()| encrypt(black_box(&CHAIN), PREFIX, &plaintext)),
        |messages| assert!(messages.iter().all(|message| message.len() > SMALL)),
    )
}

/// §1: strictly, with the key unpacked.
fn verify(SignedBytes { key, message, signature }: &SignedBytes) -> bool {
    let key = VerifyingKey::from_bytes(key).expect("a true key");
    key.verify_strict(message, &Signature::from_bytes(signature)).is_ok()
}

/// §3.4 step 4, §4.1, §5.4 with its sending step, §6.4.
fn initiating(handshake: impl Fn() -> Handshake) -> Entry {
    let (initiator, responder, plaintext) = (handshake(), handshake(), plaintext(SMALL));
    let expected = plaintext.clone();
    timed(
        8,
        move |_| initiator.initiate(black_box(&plaintext)),
        move |message| assert_eq!(responder.accept(&message), expected),
    )
}

/// §4.3, §5.5 in the first chain, §6.4.
fn accepting(handshake: Handshake) -> Entry {
    let plaintext = plaintext(SMALL);
    let message = handshake.initiate(&plaintext);
    timed(
        8,
        move |_| handshake.accept(black_box(&message)),
        move |text| assert_eq!(text, plaintext),
    )
}

/// How long a plaintext of 64 bytes is once what travels in this phase is before it.
fn padded_length(phase: Phase) -> usize {
    match phase {
        Phase::Rest => SMALL,
        Phase::Key | Phase::Answer => CARRYING,
    }
}

fn timed<Output: 'static>(
    uses: usize,
    operate: impl FnMut(usize) -> Output + 'static,
    check: impl FnMut(Output) + 'static,
) -> Entry {
    Entry::Runs { work: repeated(uses, operate, check), remark: Remark::NONE }
}

/// §5.2, KDF_CK so many times: the chain key after that. Each message key is made and dropped.
fn steps(chain: &Chain, count: usize) -> [u8; 32] {
    (0..count).fold(chain.chain_key, |chain_key, _| {
        let (next, message_key) = chain_step(&chain_key);
        black_box(message_key);
        next
    })
}

fn plaintext(size: usize) -> Vec<u8> {
    vec![b'x'; size]
}
