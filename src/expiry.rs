//! Disappearing messages: how long each lives, in agreement with everybody else's, and what to delete when.
//!
//! An [`ExpiryScheduler`] holds the timers of an account. Its [`Stamp`] goes into each [`Payload`], the stamp of what
//! came in goes into the scheduler, and [`Now`] gives both sides the time: [`Now::timestamp`] is for sessions.
//!
//! ```
//! use evanesce::Payload;
//! use evanesce::expiry::{
//!     Age, ConversationId, ExpiryScheduler, MemberTag, MessageId, NewMessage, Now, Policy, Stamp,
//!     Verdict, Visibility,
//! };
//! use std::time::Duration;
//! # use rand_chacha::{ChaCha20Rng, rand_core::SeedableRng};
//! # let rng = &mut ChaCha20Rng::seed_from_u64(1);
//! # let (alice, bob) = (MemberTag([1; 8]), MemberTag([2; 8]));
//! # let at = |seconds: u64| Now::from_wall(Duration::from_secs(1_800_000_000 + seconds));
//! let (mut alices, mut bobs) = (ExpiryScheduler::new(at(0), rng), ExpiryScheduler::new(at(0), rng));
//!
//! // Alice sets a timer. Of each call she stores what it says in `writes`, with her own rows.
//! let with_bob = ConversationId::named(b"bob");
//! let effects = alices.set(with_bob, Some(Policy::after_read(Duration::from_secs(60))), alice, at(0));
//!
//! // Each message carries it, inside of the encryption.
//! let (id, stamp) = (MessageId::from(1), alices.stamp(with_bob));
//! let payload = Payload::new("Read me").with_stamp(stamp.clone());
//! let arrival = alices.queued(NewMessage::new(id, with_bob, alice), &stamp, at(1));
//! let effects = alices.sent(id, Age::NONE, at(2)); // `peer.encrypt(&payload, ..)`, and the server has it
//!
//! // Bob's `peer.decrypt(..)` gives the stamp, as a result that may be malformed. He needs nothing else.
//! let with_alice = ConversationId::named(b"alice");
//! let message = NewMessage::new(MessageId::from(77), with_alice, alice);
//! let arrival = bobs.received(message, &Ok(payload.stamp), Age::NONE, at(10));
//! assert_eq!(arrival.verdict, Verdict::Keep); // store it
//! let effects = bobs.read(MessageId::from(77), at(100));
//! assert_eq!(bobs.stamp(with_alice), stamp, "his messages live as long as hers");
//!
//! // Her copy ends a minute after she sent it, his a minute after he read it.
//! assert_eq!(alices.poll(10, at(62)).due[0].id, id); // delete the parts that it names, then: alices.done(..)
//! assert_eq!(bobs.next_wakeup(at(100)), Some(Duration::from_secs(60)));
//! assert_eq!(bobs.visibility(MessageId::from(77), at(159)), Visibility::Shown);
//! assert_eq!(bobs.visibility(MessageId::from(77), at(160)), Visibility::Gone);
//! # let _ = (effects, arrival);
//! ```
//!
//! - A payload with an empty body and a stamp is a change of the setting, or an echo of it: give it to
//!   [`ExpiryScheduler::heard`] and show nothing else of it.
//! - Keys that are held for late messages follow the timer if they are told:
//!   [`ExpiryScheduler::session_limits`] into [`Peer::set_session_limits`], whenever it changes and for each new peer.
//! - Views once, vanishing on close, quotes, edits, taking back, other own devices: methods of
//!   [`ExpiryScheduler`].
//! - An application that keeps deadlines in a column of its own table, with an index, needs only [`Setting::merge`],
//!   [`Life`] and, if it likes, [`EngineClock`].
//!
//! [`Payload`]: crate::Payload
//! [`Peer::set_session_limits`]: crate::Peer::set_session_limits

pub(crate) mod age;
pub(crate) mod engine_clock;
pub(crate) mod facts;
pub(crate) mod message_id;
pub(crate) mod origin;
pub(crate) mod parts;
pub(crate) mod queue;
pub(crate) mod remembered;
pub(crate) mod setting;

pub(crate) mod content_key;
pub(crate) mod life;
pub(crate) mod record;
pub(crate) mod setting_history;

pub(crate) mod conversation;
pub(crate) mod effects;
pub(crate) mod memory;
pub(crate) mod tracked;

pub(crate) mod lists;
pub(crate) mod new_message;

pub(crate) mod messages;

pub(crate) mod scheduler;

pub(crate) mod learning;

pub(crate) mod arrivals;
pub(crate) mod polling;
pub(crate) mod records;
pub(crate) mod settings;

pub(crate) mod own_devices;

pub(crate) mod reading;

pub use crate::expiry::age::Age;
pub use crate::expiry::arrivals::{EditError, PartsAdded, Unsent};
pub use crate::expiry::content_key::ContentKey;
pub use crate::expiry::effects::{DeviceEvent, Due, Effects, ExpiryEvent, Poll, SettingRefusal};
pub use crate::expiry::engine_clock::EngineClock;
pub use crate::expiry::life::{Life, Terms};
pub use crate::expiry::message_id::{ConversationId, MessageId};
pub use crate::expiry::new_message::{Arrival, NewMessage, Verdict};
pub use crate::expiry::parts::Parts;
pub use crate::expiry::queue::DeadlineQueue;
pub use crate::expiry::reading::{OpenError, Opening, Visibility};
pub use crate::expiry::record::{RecordError, RecordKey, RecordWrite};
pub use crate::expiry::scheduler::ExpiryScheduler;
pub use crate::time::{EngineTime, Monotonic, Now};
pub use crate::wire::payload::MalformedStamp;
pub use crate::wire::stamp::{
    MemberTag, Opens, Policy, Setting, SettingVersion, Stamp, StampedSetting, VersionOutOfRange,
};
