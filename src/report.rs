//! Reports of abuse: a recipient can prove to a moderator what she was sent, and nothing else.
//!
//! With each message comes its [`Evidence`], which is kept with the body, and dies with it. The carrier adds a [`Postmark`]
//! to what it delivers, without reading or storing anything. When a user reports a message, its body, evidence and postmark
//! become an entry of a [`Report`], and the carrier's moderators verify that just this was delivered.
//!
//! ```
//! use evanesce::report::{Commitment, Evidence, Postmark, Report, ServerKey};
//! # use evanesce::server::PublishedPreKeys;
//! # use evanesce::{Account, Address, Payload, Peer, PreKeyBundle, Timestamp};
//! # use rand_chacha::{ChaCha20Rng, rand_core::SeedableRng};
//! # let rng = &mut ChaCha20Rng::seed_from_u64(1);
//! # let now = Timestamp::from_unix_seconds(1_800_000_000);
//! # let alice = Account::generate(Address::new("user-17/device-1")?, now, rng);
//! # let mut bob = Account::generate(Address::new("user-23/device-1")?, now, rng);
//! # let mut server = PublishedPreKeys::new(bob.pending_upload().expect("a new account has something to publish"));
//! # let bundle = PreKeyBundle::decode(&server.hand_out())?.verify(now)?;
//! # let mut bobs_phone = Peer::new(Address::new("user-23/device-1")?);
//! # let _changes = bobs_phone.initiate(&alice, bundle, now, rng)?;
//! # let message = bobs_phone.encrypt(&Payload::new("an insult"), b"", now, rng)?.message;
//! # let mut alices_laptop = Peer::new(Address::new("user-17/device-1")?);
//!
//! // The carrier, for each message that it delivers. It has authenticated who handed it in.
//! let server_key = ServerKey::new(&[7; 32]);
//! let context = b"from user-17/device-1, for user-23/device-1, at 1800000000, key 1";
//! let postmark = server_key.postmark(&Commitment::of(&message)?, context)?;
//!
//! // Bob stores, sealed and in the row of the body: evidence, context, postmark.
//! let received = alices_laptop.decrypt(&mut bob, &message, b"", now)?.received;
//! let evidence = received.evidence.expect("all messages of sessions have it").encode();
//!
//! // He reports the message.
//! let entry = Evidence::decode(&evidence)?.entry(&received.body, context, &postmark)?;
//! let report = Report::new(entry).encode();
//!
//! // A moderator finds what was delivered, and compares the recipient that the context names with who reports.
//! let report = Report::decode(&report)?;
//! let proven = report.entries()[0].verify(&server_key)?;
//! assert_eq!((proven.body, proven.context), (&b"an insult"[..], &context[..]));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # What it proves
//!
//! That a message with just this content was delivered under this context: so to the moderator, who trusts the carrier.
//! **To nobody else**: without the server key anybody can make up evidence, and a postmark is 32 random bytes. Whoever has
//! the server key, and publishes that a report was right, ends that deniability: moderators must not let it out.
//!
//! It shows the message with its stamp, the keys of its attachments and lists of devices that went along, and no other
//! message, no key of the session, and nothing of who else talks. What went before, the user may leave out.
//!
//! # What the application does
//!
//! - **Evidence is as secret as the body**, since it lets guesses of the body be tested. It is sealed in the body's row and
//!   deleted with it ([`Parts::BODY`](crate::expiry::Parts::BODY)): evidence that outlives its message makes timers a lie.
//!   What may be opened once is reported while it is open.
//! - The body is kept as it came: one that was edited or normalised is [`EntryError::OtherBody`].
//! - A report is made at once, at the user's word. It is no longer the message's: it goes when the moderator has it, after
//!   30 days at the latest.
//! - Who lets nobody report drops evidence: nothing is stored of it by itself, and it takes no memory of its own beside its
//!   message but for what an epoch sends along, and lists of devices.

pub(crate) mod postmark;

pub(crate) mod entry;

pub(crate) mod evidence;
pub(crate) mod whole_report;

pub use crate::commitment::Commitment;
pub use crate::report::entry::{EntryError, ProofError, ProvenMessage, ReportEntry};
pub use crate::report::evidence::Evidence;
pub use crate::report::postmark::{Postmark, PostmarkError, ServerKey};
pub use crate::report::whole_report::{Report, ReportFull};
