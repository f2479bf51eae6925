//! What a server handles, or whoever carries messages: published prekeys, and the outside of a message.
//!
//! A directory keeps what each device publishes, and hands each one-time prekey out once. It holds no secret. A server
//! that is not written in Rust does the same by appending bytes (docs/protocol.md §3).
//!
//! ```
//! use evanesce::server::{Envelope, PreKeyUpload, PublishedPreKeys};
//! # use evanesce::{Account, Address, Payload, Peer, PreKeyBundle, Timestamp};
//! # use rand_chacha::{ChaCha20Rng, rand_core::SeedableRng};
//! # let rng = &mut ChaCha20Rng::seed_from_u64(1);
//! # let now = Timestamp::from_unix_seconds(1_800_000_000);
//! # let mut bob = Account::generate(Address::new("bob/phone")?, now, rng);
//! # let _changes = bob.add_one_time_prekeys(100, rng);
//! # let bytes = bob.pending_upload().expect("a new account has something to publish").encode();
//!
//! // Bob uploads. Whose upload it is, the server compares with who has logged in.
//! let upload = PreKeyUpload::decode(&bytes)?;
//! assert_eq!(upload.bundle().verify(now)?.device().address.as_bytes(), b"bob/phone");
//! let mut bobs = PublishedPreKeys::new(upload); // `publish`, if it has some of his already
//!
//! // Somebody wants to write to him. What is left is stored before the bundle leaves.
//! let bundle = bobs.hand_out();
//! assert_eq!(bobs.one_time_prekeys_left(), 99);
//! # let alice = Account::generate(Address::new("alice/laptop")?, now, rng);
//! # let mut peer = Peer::new(Address::new("bob/phone")?);
//! # let _changes = peer.initiate(&alice, PreKeyBundle::decode(&bundle)?.verify(now)?, now, rng)?;
//! # let message = peer.encrypt(&Payload::new("Hello Bob"), b"", now, rng)?.message;
//!
//! // All that a carrier can tell of a message: whether a handshake comes with it. From whom, it does not say.
//! assert!(matches!(Envelope::decode(&message)?, Envelope::Initial(_)));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

pub use crate::prekeys::published::PublishedPreKeys;
pub use crate::wire::message::{Envelope, InitialMessage, RatchetMessage};
pub use crate::wire::prekey_bundle::OneTimePreKeyPublic;
pub use crate::wire::prekey_stock::PreKeyStock;
pub use crate::wire::prekey_upload::PreKeyUpload;
