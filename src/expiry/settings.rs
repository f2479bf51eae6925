//! ExpiryScheduler: the settings of conversations, and the stamps that carry them.

use core::time::Duration;

use crate::expiry::effects::{DeviceEvent, Effects, ExpiryEvent, SettingRefusal};
use crate::expiry::life::Terms;
use crate::expiry::message_id::ConversationId;
use crate::expiry::new_message::Authority;
use crate::expiry::record::RecordName;
use crate::expiry::scheduler::ExpiryScheduler;
use crate::limits::SessionLimits;
use crate::time::{EngineTime, Now};
use crate::wire::payload::MalformedStamp;
use crate::wire::stamp::{MemberTag, Policy, Setting, Stamp};

/// How often somebody is told of the setting for not knowing it.
const ECHO: Duration = Duration::from_secs(3_600);

impl ExpiryScheduler {
    /// The setting of a conversation; `None` if nobody ever made one.
    #[must_use]
    pub fn setting(&self, conversation: ConversationId) -> Option<Setting> {
        self.conversations.get(&conversation)?.setting
    }

    /// Sets how long messages live that are sent from now on; `None` is *off*. `by` is the own identity's. Then
    /// send a message with [`ExpiryScheduler::stamp`] and [`Stamp::announcing_change`], which may be empty. What has
    /// been sent keeps its life.
    pub fn set(
        &mut self,
        conversation: ConversationId,
        policy: Option<Policy>,
        by: MemberTag,
        now: Now,
    ) -> Effects {
        let (_, mut effects) = self.begin(now);
        let setting = Setting::following(self.setting(conversation), policy, by);
        self.adopt(conversation, setting, &mut effects);
        effects.tell.push(DeviceEvent::Setting(conversation, setting));
        self.ending(effects)
    }

    /// The stamp of a message in a conversation, with the whole setting, as every message has it. To make a
    /// message that lives otherwise: [`Stamp::with_policy`], [`Stamp::with_opens`].
    #[must_use]
    pub fn stamp(&self, conversation: ConversationId) -> Stamp {
        Stamp::of(self.setting(conversation))
    }

    /// Limits of a session whose only conversation this is: a key that is held for a late message need not be
    /// held longer than the message would live. For [`Session::set_limits`](crate::session::Session::set_limits) and
    /// [`Peer::set_session_limits`](crate::Peer::set_session_limits), whenever the setting changes and whenever a peer
    /// is made: the setting outlives it; `limits` are the account's.
    #[must_use]
    pub fn session_limits(
        &self,
        conversation: ConversationId,
        mut limits: SessionLimits,
    ) -> SessionLimits {
        match self.setting(conversation).and_then(|setting| setting.policy) {
            Some(Policy::AfterSend { ttl }) => {
                let ttl = Duration::from_secs(u64::from(ttl.get()));
                limits.held_key_lifetime = limits.held_key_lifetime.min(ttl);
            }
            Some(Policy::AfterRead { .. } | Policy::OnClose) | None => {}
        }
        limits
    }

    /// Takes the setting out of a stamp that came in, and gives the terms under which its message lives.
    pub(crate) fn hear(
        &mut self,
        conversation: ConversationId,
        authority: &Authority,
        stamp: &Result<Stamp, MalformedStamp>,
        time: EngineTime,
        effects: &mut Effects,
    ) -> Terms {
        let ours = self.setting(conversation);
        let Ok(stamp) = stamp else {
            return terms([ours.and_then(|setting| setting.policy)]);
        };
        let theirs = stamp.setting.as_ref().map(|stamped| stamped.setting.clamped());
        let own = terms([stamp.own_policy, theirs.and_then(|setting| setting.policy)]);
        if theirs.map(|setting| setting.rank()) < ours.map(|setting| setting.rank()) {
            self.echo(conversation, time, effects);
        }
        let refusal = match (theirs, authority) {
            (None, _) => None,
            // An older one is that of a message which was under way. Of somebody who may not set, nobody
            // knows whether it ever was the setting.
            (Some(theirs), Authority::MaySet)
                if ours.is_some_and(|ours| theirs.rank() <= ours.rank()) =>
            {
                return own;
            }
            (Some(theirs), Authority::MayNotSet)
                if ours.is_some_and(|ours| theirs.rank() <= ours.rank()) =>
            {
                None
            }
            (Some(theirs), _) if !theirs.is_plausible_after(ours) => {
                Some((theirs, SettingRefusal::VersionJump))
            }
            (Some(theirs), Authority::MayNotSet) => Some((theirs, SettingRefusal::MayNotSet)),
            (Some(theirs), Authority::MaySet) => {
                self.adopt(conversation, theirs, effects);
                return own;
            }
        };
        if let Some((setting, refusal)) = refusal {
            effects.events.push(ExpiryEvent::SettingRefused { conversation, setting, refusal });
        }
        // Neither silence nor a setting that does not count is a way to send something that stays.
        own.join(terms([self.setting(conversation).and_then(|setting| setting.policy)]))
    }

    /// Merges a setting into ours.
    pub(crate) fn adopt(
        &mut self,
        conversation: ConversationId,
        theirs: Setting,
        effects: &mut Effects,
    ) {
        let state = self.conversations.entry(conversation).or_default();
        let previous = state.setting;
        let setting = previous.map_or(theirs.clamped(), |ours| ours.merge(theirs));
        if previous != Some(setting) {
            state.setting = Some(setting);
            let changed = ExpiryEvent::SettingChanged { conversation, previous, setting };
            effects.events.push(changed);
            effects.writes.push(RecordName::Conversation(conversation).write(state));
        }
    }

    /// Says that somebody does not know the setting, unless that was said a short time ago.
    fn echo(&mut self, conversation: ConversationId, time: EngineTime, effects: &mut Effects) {
        let state = self.conversations.entry(conversation).or_default();
        if state.echoed.is_none_or(|before| time.since(before) >= ECHO) {
            state.echoed = Some(time);
            effects.events.push(ExpiryEvent::EchoDue { conversation });
            effects.writes.push(RecordName::Conversation(conversation).write(state));
        }
    }
}

fn terms<const N: usize>(policies: [Option<Policy>; N]) -> Terms {
    policies.into_iter().flatten().fold(Terms::NONE, Terms::and)
}
