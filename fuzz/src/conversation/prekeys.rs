//! A naive model of the prekeys that one device holds, by their ids (docs/protocol.md §3.5 and §14.1).

use std::collections::BTreeSet;
use std::time::Duration;

use evanesce::Timestamp;
use evanesce::limits::PreKeyLimits;
use evanesce::session::AcceptError;

use crate::formats::Handshake;

/// What a device must hold.
#[derive(Clone, Debug)]
pub struct PreKeys {
    limits: PreKeyLimits,
    current: u32,
    created: Timestamp,
    /// Former ones, and when they were replaced.
    replaced: Vec<(u32, Timestamp)>,
    one_time: BTreeSet<u32>,
    next_one_time: u32,
}

impl PreKeys {
    /// Of a device that was made just now.
    #[must_use]
    pub fn new(limits: PreKeyLimits, now: Timestamp) -> Self {
        let one_time = BTreeSet::new();
        Self { limits, current: 1, created: now, replaced: Vec::new(), one_time, next_one_time: 1 }
    }

    #[must_use]
    pub fn current(&self) -> u32 {
        self.current
    }

    pub fn maintain(&mut self, now: Timestamp) {
        self.forget_replaced(now);
        if now >= self.created.plus(self.limits.signed_prekey_rotation) {
            self.rotate(now);
        }
        let held = u32::try_from(self.one_time.len()).expect("a small number");
        self.add_one_time(self.limits.one_time_prekeys.saturating_sub(held));
    }

    pub fn rotate(&mut self, now: Timestamp) {
        self.forget_replaced(now);
        self.replaced.push((self.current, now));
        let most = usize::try_from(self.limits.max_replaced_signed_prekeys);
        while self.replaced.len() > most.expect("a small number") {
            self.replaced.remove(0);
        }
        self.current += 1;
        self.created = now;
    }

    pub fn add_one_time(&mut self, count: u32) {
        self.one_time.extend(self.next_one_time..self.next_one_time + count);
        self.next_one_time += count;
        let most = usize::try_from(self.limits.max_one_time_prekeys).expect("a small number");
        while self.one_time.len() > most {
            self.one_time.pop_first();
        }
    }

    /// Whether a genuine message may make a session, as far as the prekeys tell (§4.3, steps 2 and 6).
    pub fn find(&self, handshake: &Handshake<'_>, is_repeated: bool) -> Result<(), AcceptError> {
        let Handshake {
            bytes: _,
            suite: _,
            signed_prekey_id: signed,
            one_time_prekey_id: one_time,
        } = handshake;
        let is_replaced = self.replaced.iter().any(|(id, _)| id == signed);
        let signed_is_held = self.current == *signed || is_replaced;
        if !signed_is_held || one_time.is_some_and(|id| !self.one_time.contains(&id)) {
            return Err(AcceptError::UnknownPreKey);
        }
        if is_repeated { Err(AcceptError::Replayed) } else { Ok(()) }
    }

    /// A handshake was accepted.
    pub fn spend(&mut self, handshake: &Handshake<'_>) {
        if let Some(id) = handshake.one_time_prekey_id {
            self.one_time.remove(&id);
        }
    }

    fn forget_replaced(&mut self, now: Timestamp) {
        let grace: Duration = self.limits.signed_prekey_grace;
        self.replaced.retain(|(_, replaced)| replaced.plus(grace) >= now);
    }
}
