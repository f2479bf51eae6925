//! What is local and can be set: bounds and lifetimes, never seen on the wire.
//!
//! [`Limits`] are an account's ([`Account::set_limits`]), [`PeerLimits`] a peer's ([`Peer::set_limits`]),
//! [`SessionLimits`] those of all sessions with it ([`Peer::set_session_limits`]) or of a bare one
//! ([`Session::set_limits`]), and [`ExpiryLimits`] those of disappearing messages
//! ([`ExpiryScheduler::set_limits`]). The defaults are the protocol's: most applications set nothing.
//!
//! [`Account::set_limits`]: crate::Account::set_limits
//! [`ExpiryScheduler::set_limits`]: crate::expiry::ExpiryScheduler::set_limits
//! [`Peer::set_limits`]: crate::Peer::set_limits
//! [`Peer::set_session_limits`]: crate::Peer::set_session_limits
//! [`Session::set_limits`]: crate::session::Session::set_limits

use core::time::Duration;

use crate::seldom::Usual;
use crate::stored::{StateWriter, Stored, stored};
use crate::time::Timestamp;
use crate::wire::codec::{DecodeError, Reader};

const DAY: Duration = Duration::from_secs(86_400);

/// Bounds and lifetimes of an account and of the sessions that it makes. The defaults are the
/// protocol's (docs/protocol.md §3 and §5).
///
/// ```
/// let mut limits = evanesce::limits::Limits::default();
/// limits.session.max_held_keys = 500;
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(deny_unknown_fields))]
#[non_exhaustive]
pub struct Limits {
    /// What one session keeps for messages that are late.
    pub session: SessionLimits,
    /// When prekeys are made and how long they are kept.
    pub prekeys: PreKeyLimits,
}

/// What one session keeps for messages that are late. Less of it loses late messages, and nothing
/// else; how many keys went is reported with each message.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(deny_unknown_fields))]
#[non_exhaustive]
pub struct SessionLimits {
    /// How many keys of one gap are kept, the last ones (MAX_SKIP): 1,000.
    pub max_skip: u32,
    /// How many keys are held in all: 2,000. The first kept go first.
    pub max_held_keys: u32,
    /// How many older receiving chains keep keys: 5.
    pub max_older_chains: u32,
    /// How long a key is held: 30 days.
    pub held_key_lifetime: Duration,
}

impl SessionLimits {
    /// Keys that were kept before this count as dropped.
    pub(crate) fn horizon(&self, now: Timestamp) -> Timestamp {
        now.minus(self.held_key_lifetime)
    }
}

impl Usual for SessionLimits {
    const USUAL: &'static Self = &Self {
        max_skip: 1_000,
        max_held_keys: 2_000,
        max_older_chains: 5,
        held_key_lifetime: DAY.saturating_mul(30),
    };
}

impl Default for SessionLimits {
    fn default() -> Self {
        Self::USUAL.clone()
    }
}

/// How many sessions are kept with one peer, and how long.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(deny_unknown_fields))]
#[non_exhaustive]
pub struct PeerLimits {
    /// How many sessions are kept beside the one that sends: 8, and 1 at least, for one that has just begun
    /// at the same time as ours. Those go first that are worth least (docs/protocol.md §14.5).
    pub max_older_sessions: u32,
    /// How long such a session is kept after its last use: 30 days.
    pub older_session_lifetime: Duration,
    /// How long a session that we initiated sends without an answer: 30 days. Until then each message
    /// carries the handshake, and depends on prekeys that the peer deletes one day.
    pub unanswered_lifetime: Duration,
    /// After how long without an answer to what we sent another session is asked for: a day. A second one after
    /// twice as long without an answer to that, and so on up to eight times as long. What a peer cannot open, it
    /// cannot always tell us. Each costs a bundle, so an application whose people often read without
    /// answering lets its devices confirm what they receive, inside the encryption.
    pub silence: Duration,
}

impl Usual for PeerLimits {
    const USUAL: &'static Self = &Self {
        max_older_sessions: 8,
        older_session_lifetime: DAY.saturating_mul(30),
        unanswered_lifetime: DAY.saturating_mul(30),
        silence: DAY,
    };
}

impl Default for PeerLimits {
    fn default() -> Self {
        Self::USUAL.clone()
    }
}

/// When prekeys are made and how long they are kept.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(deny_unknown_fields))]
#[non_exhaustive]
pub struct PreKeyLimits {
    /// How long a new signed prekey is valid: 30 days. Bundles last at least a second and at most 90
    /// days (docs/protocol.md §3), so what is outside counts as the nearer of the two.
    pub signed_prekey_lifetime: Duration,
    /// After how long maintenance replaces the signed prekey: 7 days, and in any case when it has
    /// expired.
    pub signed_prekey_rotation: Duration,
    /// How long a replaced signed prekey is kept for first messages still under way: 30 days. Together
    /// with the rotation it should not be less than the lifetime, or bundles outlive their secret.
    pub signed_prekey_grace: Duration,
    /// How many replaced signed prekeys are kept at most: 16, and with one more the oldest goes. With half
    /// as many, a nearly full replay record no longer brings about a rotation, so that a flood of
    /// handshakes can neither make an account store ever more nor shorten the grace: until the next
    /// rotation by age, handshakes without a one-time prekey may then be refused.
    pub max_replaced_signed_prekeys: u32,
    /// Up to how many one-time prekeys maintenance tops up: 100.
    pub one_time_prekeys: u32,
    /// How many one-time prekeys are held at most: 1,000. The oldest go first: those that a server
    /// handed out and nobody used.
    pub max_one_time_prekeys: u32,
}

impl Default for PreKeyLimits {
    fn default() -> Self {
        Self {
            signed_prekey_lifetime: DAY.saturating_mul(30),
            signed_prekey_rotation: DAY.saturating_mul(7),
            signed_prekey_grace: DAY.saturating_mul(30),
            max_replaced_signed_prekeys: 16,
            one_time_prekeys: 100,
            max_one_time_prekeys: 1_000,
        }
    }
}

/// When messages end that nobody reads or sends, and how long a device may sleep.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(deny_unknown_fields))]
#[non_exhaustive]
pub struct ExpiryLimits {
    /// How long a message that ends after reading, or on closing, is kept unread: 30 days.
    pub unread: Duration,
    /// How long a message that is to be opened once or twice is kept: 14 days.
    pub unopened: Duration,
    /// How long a message with an end is kept unsent at least: a day. If its life is longer, so long.
    pub unsent: Duration,
    /// The longest time until the next wake-up: an hour, so that no timer of 32 bits overflows, and a clock
    /// that was moved is seen in time.
    pub longest_sleep: Duration,
}

impl Default for ExpiryLimits {
    fn default() -> Self {
        Self {
            unread: DAY.saturating_mul(30),
            unopened: DAY.saturating_mul(14),
            unsent: DAY,
            longest_sleep: Duration::from_secs(3_600),
        }
    }
}

stored!(Limits { session, prekeys });
stored!(PeerLimits { max_older_sessions, older_session_lifetime, unanswered_lifetime, silence });
stored!(SessionLimits { max_skip, max_held_keys, max_older_chains, held_key_lifetime });
stored!(PreKeyLimits {
    signed_prekey_lifetime,
    signed_prekey_rotation,
    signed_prekey_grace,
    max_replaced_signed_prekeys,
    one_time_prekeys,
    max_one_time_prekeys,
});
stored!(ExpiryLimits { unread, unopened, unsent, longest_sleep });
