//! ExpiryScheduler: the settings of conversations, and the stamps that carry them.

use core::time::Duration;

use crate::expiry::conversation::Source;
use crate::expiry::effects::{DeviceEvent, Effects, ExpiryEvent, SettingRefusal};
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
        self.conversations.get(&conversation)?.settings.current()
    }

    /// Sets how long messages live that are sent from now on; `None` is *off*. `by` is the own
    /// identity's; where there are several devices, that of [their person](crate::person::Person::member_tag). Then
    /// send a message with [`ExpiryScheduler::stamp`] and [`Stamp::announcing_change`], which may be empty. What has
    /// been sent keeps its life.
    pub fn set(
        &mut self,
        conversation: ConversationId,
        policy: Option<Policy>,
        by: MemberTag,
        now: Now,
    ) -> Effects {
        let (time, mut effects) = self.begin(now);
        let setting = Setting::following(self.setting(conversation), policy, by);
        self.note(conversation, Source::OwnDevice, Some((setting, time)), time, &mut effects);
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

    /// Takes the setting out of a stamp that came in with a message that was sent at `sent`.
    pub(crate) fn hear(
        &mut self,
        conversation: ConversationId,
        authority: &Authority,
        stamp: &Result<Stamp, MalformedStamp>,
        sent: EngineTime,
        time: EngineTime,
        effects: &mut Effects,
    ) {
        let ours = self.setting(conversation);
        let Ok(stamp) = stamp else {
            return self.note(conversation, Source::Peer, None, time, effects);
        };
        let theirs = stamp.setting.as_ref().map(|stamped| stamped.setting.clamped());
        if theirs.map(|setting| setting.rank()) < ours.map(|setting| setting.rank()) {
            self.echo(conversation, time, effects);
        }
        let is_above = theirs.map(|setting| setting.rank()) > ours.map(|setting| setting.rank());
        let refused = theirs.filter(|_| is_above).and_then(|setting| {
            let refusal = match authority {
                _ if !setting.is_plausible_after(ours) => SettingRefusal::VersionJump,
                Authority::MayNotSet => SettingRefusal::MayNotSet,
                Authority::MaySet => return None,
            };
            Some(ExpiryEvent::SettingRefused { conversation, setting, refusal })
        });
        effects.events.extend(refused);
        // Of somebody who may not set, nobody knows whether it ever was the setting.
        let heard = match authority {
            Authority::MaySet => theirs.map(|setting| (setting, sent)),
            Authority::MayNotSet => None,
        };
        self.note(conversation, Source::Peer, heard, time, effects);
    }

    /// Something happened in a conversation, which brings a setting or none, there since then.
    pub(crate) fn note(
        &mut self,
        conversation: ConversationId,
        source: Source,
        setting: Option<(Setting, EngineTime)>,
        time: EngineTime,
        effects: &mut Effects,
    ) {
        let is_known = self.conversations.contains_key(&conversation);
        if !is_known && setting.is_none() && source == Source::Peer {
            return;
        }
        let state = self.conversations.entry(conversation).or_default();
        let previous = state.settings.current();
        let mut is_news = state.deleted.take().is_some();
        if is_news {
            self.memory.deleted.remove(&conversation);
        }
        let is_first = source == Source::OwnDevice && !state.is_ours;
        if is_first {
            state.is_ours = true;
        }
        let is_told = setting.is_some_and(|(setting, since)| match source {
            Source::OwnDevice => state.settings.adopt(setting, since),
            Source::Peer => state.settings.hear(setting, since),
        });
        is_news |= is_first || is_told;
        let current = state.settings.current();
        if let Some(setting) = current.filter(|_| current != previous) {
            let changed = ExpiryEvent::SettingChanged { conversation, previous, setting };
            effects.events.push(changed);
        }
        if is_news {
            effects.writes.push(RecordName::Conversation(conversation).write(state));
        }
        if is_told {
            for id in self.messages.falling_back(conversation) {
                self.learn(id, time, effects, |_| {});
            }
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
