//! How what several floors have in common crosses: into JavaScript, and back.

use std::num::NonZeroU32;
use std::time::Duration;

use evanesce::expiry::{MemberTag, Opens, Policy, Setting, Stamp, StampedSetting};
use evanesce::limits::{Limits, PeerLimits, PreKeyLimits, SessionLimits};
use evanesce::report::Evidence;
use evanesce::session::{EpochStatus, Role, SessionId};
use evanesce::{
    Address, Changes, Contact, Device, IdentityKey, Payload, Received, SessionNeed, SpentPreKey,
    Suite, Timestamp,
};

use crate::errors::Refusal;
use crate::values::words::Word;
use crate::values::{Big, Bytes, Out, Shown, object};

/// Whole seconds since the epoch. `ts/checks.ts` lets nothing below 0 and above the last date of JavaScript through.
#[expect(clippy::as_conversions, reason = "saturates, and is checked before")]
pub(crate) fn time(seconds: f64) -> Timestamp {
    Timestamp::from_unix_seconds(seconds as u64)
}

/// A duration from milliseconds, checked as times are.
#[inline(never)]
pub(crate) fn duration(millis: f64) -> Duration {
    Duration::try_from_secs_f64(millis / 1_000.0).unwrap_or(Duration::MAX)
}

/// A count, checked to be one of 32 bits.
#[expect(clippy::as_conversions, reason = "saturates, and is checked before")]
fn count(number: f64) -> u32 {
    number as u32
}

#[inline(never)]
pub(crate) fn address(bytes: &[u8]) -> Result<Address, Refusal> {
    Ok(Address::new(bytes)?)
}

/// Bytes of a length that `ts/` has checked; what is not is refused all the same.
pub(crate) fn array<const LENGTH: usize>(bytes: &[u8]) -> Result<[u8; LENGTH], Refusal> {
    bytes.try_into().map_err(|_| Refusal::new(Word::malformed, "the bytes have another length"))
}

#[inline(never)]
pub(crate) fn identity(bytes: &[u8]) -> Result<IdentityKey, Refusal> {
    Ok(IdentityKey::decode(&array(bytes)?)?)
}

#[inline(never)]
pub(crate) fn device(its_identity: &[u8], its_address: &[u8]) -> Result<Device, Refusal> {
    Ok(Device { identity: identity(its_identity)?, address: address(its_address)? })
}

/// A stamp from its encoding, all of it.
#[inline(never)]
pub(crate) fn stamp(bytes: &[u8]) -> Result<Stamp, Refusal> {
    match Stamp::decode(bytes) {
        Some((stamp, [])) => Ok(stamp),
        Some(_) | None => Err(Refusal::new(Word::malformed, "the stamp is malformed")),
    }
}

#[inline(never)]
pub(crate) fn payload(body: Vec<u8>, its_stamp: &[u8]) -> Result<Payload, Refusal> {
    Ok(Payload::new(body).with_stamp(stamp(its_stamp)?))
}

pub(crate) fn suite(byte: u8) -> Suite {
    if byte == 1 { Suite::Classical } else { Suite::Hybrid }
}

/// The limits of sessions in the order of their fields.
#[inline(never)]
pub(crate) fn session_limits(numbers: &[f64]) -> Option<SessionLimits> {
    let [max_skip, max_held_keys, max_older_chains, held_key_lifetime] = *numbers else {
        return None;
    };
    let mut limits = SessionLimits::default();
    limits.max_skip = count(max_skip);
    limits.max_held_keys = count(max_held_keys);
    limits.max_older_chains = count(max_older_chains);
    limits.held_key_lifetime = duration(held_key_lifetime);
    Some(limits)
}

/// The limits of an account: those of sessions, then those of prekeys.
#[inline(never)]
pub(crate) fn limits(numbers: &[f64]) -> Option<Limits> {
    let (session, prekeys) = numbers.split_at_checked(4)?;
    let [lifetime, rotation, grace, max_replaced, one_time, max_one_time] = *prekeys else {
        return None;
    };
    let mut limits = Limits::default();
    limits.session = session_limits(session)?;
    limits.prekeys.signed_prekey_lifetime = duration(lifetime);
    limits.prekeys.signed_prekey_rotation = duration(rotation);
    limits.prekeys.signed_prekey_grace = duration(grace);
    limits.prekeys.max_replaced_signed_prekeys = count(max_replaced);
    limits.prekeys.one_time_prekeys = count(one_time);
    limits.prekeys.max_one_time_prekeys = count(max_one_time);
    Some(limits)
}

#[inline(never)]
pub(crate) fn peer_limits(numbers: &[f64]) -> Option<PeerLimits> {
    let [max_older, older_lifetime, unanswered_lifetime, silence] = *numbers else {
        return None;
    };
    let mut limits = PeerLimits::default();
    limits.max_older_sessions = count(max_older);
    limits.older_session_lifetime = duration(older_lifetime);
    limits.unanswered_lifetime = duration(unanswered_lifetime);
    limits.silence = duration(silence);
    Some(limits)
}

/// Byte strings that `ts/checks.ts` put behind each other, each behind its length of 4 bytes.
#[cfg(feature = "expiry")]
pub(crate) fn byte_strings(mut joined: &[u8]) -> Result<Vec<&[u8]>, Refusal> {
    let mut all = Vec::new();
    while !joined.is_empty() {
        let split = joined.split_first_chunk().and_then(|(length, rest)| {
            rest.split_at_checked(usize::try_from(u32::from_le_bytes(*length)).ok()?)
        });
        let (next, rest) =
            split.ok_or_else(|| Refusal::new(Word::malformed, "a list is malformed"))?;
        all.push(next);
        joined = rest;
    }
    Ok(all)
}

/// The limits that were not there have been checked away by `ts/`.
#[inline(never)]
pub(crate) fn no_limits() -> Refusal {
    Refusal::new(Word::invalid_argument, "the limits are incomplete")
}

impl Shown for Timestamp {
    #[expect(clippy::as_conversions, reason = "beyond 2^53 seconds nobody counts")]
    fn show(&self, out: &mut Out) {
        (self.unix_seconds() as f64 * 1_000.0).show(out);
    }
}

impl Shown for IdentityKey {
    fn show(&self, out: &mut Out) {
        Bytes(self.encode()).show(out);
    }
}

impl Shown for Address {
    fn show(&self, out: &mut Out) {
        Bytes(self.as_bytes()).show(out);
    }
}

impl Shown for Device {
    fn show(&self, out: &mut Out) {
        object!(out, identity: self.identity, address: self.address);
    }
}

impl Shown for SessionId {
    fn show(&self, out: &mut Out) {
        Bytes(self.as_bytes()).show(out);
    }
}

impl Shown for MemberTag {
    fn show(&self, out: &mut Out) {
        Bytes(self.0).show(out);
    }
}

impl Shown for Suite {
    fn show(&self, out: &mut Out) {
        match self {
            Self::Classical => Word::classical,
            Self::Hybrid => Word::hybrid,
        }
        .show(out);
    }
}

impl Shown for Role {
    fn show(&self, out: &mut Out) {
        match self {
            Self::Initiator => Word::initiator,
            Self::Responder => Word::responder,
        }
        .show(out);
    }
}

impl Shown for EpochStatus {
    fn show(&self, out: &mut Out) {
        object!(out, completed: self.completed, messagesSince: self.messages_since, waitsForPeer: self.waits_for_peer);
    }
}

impl Shown for SpentPreKey {
    fn show(&self, out: &mut Out) {
        match self {
            Self::OneTime(id) => object!(out, kind: Word::oneTime, id: id),
            Self::Signed(id) => object!(out, kind: Word::signed, id: id),
            _ => object!(out, kind: Word::other),
        }
    }
}

impl Shown for Changes {
    fn show(&self, out: &mut Out) {
        let Self { account, peer, session, spent_prekey, .. } = self;
        object!(out, account: account, peer: peer, session: session, spentPrekey: spent_prekey);
    }
}

impl Shown for SessionNeed {
    fn show(&self, out: &mut Out) {
        match self {
            Self::Lost => Word::lost,
            Self::NoSession => Word::noSession,
            Self::Unanswered => Word::unanswered,
            Self::ChainNearlyFull => Word::chainNearlyFull,
            _ => Word::other,
        }
        .show(out);
    }
}

impl Shown for Contact {
    fn show(&self, out: &mut Out) {
        match self {
            Self::None => object!(out, kind: Word::none),
            Self::Request(identity) => object!(out, kind: Word::request, identity: identity),
            Self::Accepted(identity) => object!(out, kind: Word::accepted, identity: identity),
            Self::Refused(identity) => object!(out, kind: Word::refused, identity: identity),
            _ => object!(out, kind: Word::other),
        }
    }
}

impl Shown for Evidence {
    fn show(&self, out: &mut Out) {
        Bytes(self.encode().as_slice()).show(out);
    }
}

impl Shown for Received {
    fn show(&self, out: &mut Out) {
        let Self { body, stamp, dropped_keys, peer_went_back, evidence, .. } = self;
        object!(
            out,
            body: Bytes(body),
            stamp: stamp.as_ref().ok(),
            droppedKeys: dropped_keys,
            peerWentBack: peer_went_back,
            evidence: evidence,
        );
    }
}

impl Shown for Stamp {
    fn show(&self, out: &mut Out) {
        let Self { setting, own_policy, opens } = self;
        object!(out, bytes: Bytes(self.encode()), setting: setting, ownPolicy: own_policy, opens: opens);
    }
}

impl Shown for StampedSetting {
    fn show(&self, out: &mut Out) {
        let Self { setting, change } = self;
        object!(out, setting: setting, change: change);
    }
}

impl Shown for Setting {
    fn show(&self, out: &mut Out) {
        let Self { version, policy, by } = self;
        object!(out, version: Big(version.number()), policy: policy, by: by);
    }
}

impl Shown for Opens {
    fn show(&self, out: &mut Out) {
        match self {
            Self::Unlimited => Word::unlimited,
            Self::Once => Word::once,
            Self::Twice => Word::twice,
        }
        .show(out);
    }
}

impl Shown for Policy {
    fn show(&self, out: &mut Out) {
        let kind = match self {
            Self::AfterSend { .. } => Word::afterSend,
            Self::AfterRead { .. } => Word::afterRead,
            Self::OnClose => Word::onClose,
        };
        let ttl = self.ttl().map(|ttl| Duration::from_secs(u64::from(ttl.get())));
        object!(out, kind: kind, ttl: ttl);
    }
}

/// A policy from its kind, 0 for none, and its seconds.
#[inline(never)]
pub(crate) fn policy(kind: u8, seconds: f64) -> Result<Option<Policy>, Refusal> {
    let ttl = NonZeroU32::new(count(seconds));
    match (kind, ttl) {
        (0, _) => Ok(None),
        (1, Some(ttl)) => Ok(Some(Policy::AfterSend { ttl })),
        (2, Some(ttl)) => Ok(Some(Policy::AfterRead { ttl })),
        (3, _) => Ok(Some(Policy::OnClose)),
        (_, _) => Err(Refusal::new(Word::invalid_argument, "there is no such policy")),
    }
}

impl Shown for SessionLimits {
    fn show(&self, out: &mut Out) {
        object!(
            out,
            maxSkip: self.max_skip,
            maxHeldKeys: self.max_held_keys,
            maxOlderChains: self.max_older_chains,
            heldKeyLifetime: self.held_key_lifetime,
        );
    }
}

impl Shown for PreKeyLimits {
    fn show(&self, out: &mut Out) {
        object!(
            out,
            signedPrekeyLifetime: self.signed_prekey_lifetime,
            signedPrekeyRotation: self.signed_prekey_rotation,
            signedPrekeyGrace: self.signed_prekey_grace,
            maxReplacedSignedPrekeys: self.max_replaced_signed_prekeys,
            oneTimePrekeys: self.one_time_prekeys,
            maxOneTimePrekeys: self.max_one_time_prekeys,
        );
    }
}

impl Shown for Limits {
    fn show(&self, out: &mut Out) {
        object!(out, session: self.session, prekeys: self.prekeys);
    }
}

impl Shown for PeerLimits {
    fn show(&self, out: &mut Out) {
        object!(
            out,
            maxOlderSessions: self.max_older_sessions,
            olderSessionLifetime: self.older_session_lifetime,
            unansweredLifetime: self.unanswered_lifetime,
            silence: self.silence,
        );
    }
}
