//! ExpiryScheduler: what the user may see, and what comes of seeing it.

use core::fmt;
use core::time::Duration;

use crate::expiry::content_key::ContentKey;
use crate::expiry::effects::{DeviceEvent, Effects};
use crate::expiry::life::Life;
use crate::expiry::message_id::{ConversationId, MessageId};
use crate::expiry::scheduler::ExpiryScheduler;
use crate::time::{EngineTime, Now};
use crate::wire::stamp::{Policy, Setting};

/// Whether something of a message may be on the screen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum Visibility {
    /// It may.
    Shown,
    /// That it is there may; its content is for [`ExpiryScheduler::open`] alone. It may be opened once or twice,
    /// and has not been as often.
    Placeholder,
    /// Not yet: it came while the device is catching up, and may have been read or deleted elsewhere.
    Withheld,
    /// Not any more, whether or not it has been deleted.
    Gone,
}

/// What opening a message gives. Store the effects, by reference or taken out with [`core::mem::take`], and then
/// [`Opening::release`] the key.
#[must_use = "the opening is to be stored before the key is used"]
pub struct Opening {
    /// What is to be stored before anything is shown.
    pub effects: Effects,
    content_key: Option<ContentKey>,
}

/// Why a message is not opened. Nothing has changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum OpenError {
    /// It is not held.
    Unknown,
    /// It has ended, or was opened as often as it may be.
    Gone,
    /// Its media is not there.
    NotReady,
    /// The device is catching up: it may have been opened elsewhere.
    Withheld,
    /// We wrote it, and it is for its reader to open.
    Ours,
}

impl ExpiryScheduler {
    /// Whether a message may be shown now, right to the moment: ask before each render, and of a quote also for
    /// the message that it repeats. A message that is not held has no end, and may. Of one that came in and is to be
    /// opened once or twice only the placeholder may; our own copy of such a message is ours to see.
    #[must_use]
    pub fn visibility(&self, id: MessageId, now: Now) -> Visibility {
        let time = self.head.clock.time(now);
        match self.messages.get(id) {
            Some(_) if self.is_over(id, time) => Visibility::Gone,
            Some(tracked) if self.head.withholds(tracked) => Visibility::Withheld,
            Some(tracked) if tracked.is_to_be_opened() => Visibility::Placeholder,
            None if self.is_buried(id) => Visibility::Gone,
            Some(_) | None => Visibility::Shown,
        }
    }

    /// How long a message lives from now on, as far as is known: for a countdown. `None` if it has no end, or is
    /// not held.
    #[must_use]
    pub fn remaining(&self, id: MessageId, now: Now) -> Option<Duration> {
        let deadline = self.messages.get(id)?.life.deadline(&self.head.limits)?;
        Some(deadline.since(self.head.clock.time(now)))
    }

    /// A message was read: it has been on the screen of a window that has the user's attention, or of one that
    /// the application takes for read. Without its media it will have been read when that is there. Of our own
    /// there is nothing to say: its author has read it.
    ///
    /// Who has several devices says it of messages without an end too, once of each: the others are told.
    pub fn read(&mut self, id: MessageId, now: Now) -> Effects {
        let mut effects = self.start(id, now, |life, time| life.read(time));
        if self.messages.get(id).is_none() && !self.is_buried(id) {
            effects.tell.push(DeviceEvent::Seen(id));
        }
        effects
    }

    /// The media of a message is there.
    pub fn ready(&mut self, id: MessageId, now: Now) -> Effects {
        self.start(id, now, |life, time| life.ready(time))
    }

    /// What can start the clock of a message that came in. Own devices are told when it does.
    fn start(
        &mut self,
        id: MessageId,
        now: Now,
        learn: impl FnOnce(&mut Life, EngineTime),
    ) -> Effects {
        let (time, mut effects) = self.begin(now);
        let started = |scheduler: &Self| Some(scheduler.messages.get(id)?.life.started().is_some());
        let before = started(self);
        self.learn(id, time, &mut effects, |life| {
            if !life.is_ours() {
                learn(life, time);
            }
        });
        if before == Some(false) && started(self) == Some(true) {
            effects.tell.push(DeviceEvent::Read(id));
        }
        self.ending(effects)
    }

    /// Opens a message that may be opened once or twice: it is spent before the key is there, so that no crash
    /// gives an opening more. For messages without such a bound it gives the key each time. Either is reading, and
    /// nothing else is, of what may be opened once: to show that it is there, call nothing.
    ///
    /// Seal what may be opened once, where it is received ([`NewMessage::sealed_under`](crate::expiry::NewMessage)):
    /// without a content key only the application keeps it from being shown before, and again. From here on
    /// [`ExpiryScheduler::visibility`] says [`Visibility::Gone`] and the stored parts are due. What has been
    /// opened belongs to the view that shows it, until the user closes that.
    ///
    /// # Errors
    ///
    /// An [`OpenError`].
    pub fn open(&mut self, id: MessageId, now: Now) -> Result<Opening, OpenError> {
        let time = self.head.clock.time(now);
        let tracked = match self.messages.get(id) {
            None if self.is_buried(id) => return Err(OpenError::Gone),
            None => return Err(OpenError::Unknown),
            Some(_) if self.is_over(id, time) => return Err(OpenError::Gone),
            Some(tracked) => tracked,
        };
        let life = &tracked.life;
        if self.head.withholds(tracked) {
            return Err(OpenError::Withheld);
        }
        if !life.is_ready() {
            return Err(OpenError::NotReady);
        }
        if life.is_ours() && life.allowed_opens().is_some() {
            return Err(OpenError::Ours);
        }
        let times = life.allowed_opens().map(|_| life.times_opened().saturating_add(1));
        let (time, mut effects) = self.begin(now);
        let conversations = &self.conversations;
        let content_key = self.messages.change(id, &self.head.limits, |tracked| {
            if let Some(times) = times {
                tracked.life.opened(times, time);
                if let Some(state) = conversations.get(&tracked.conversation) {
                    state.tell(&mut tracked.life);
                }
            }
            let released = tracked.content_key.as_ref().map(ContentKey::duplicate);
            tracked.drop_useless_key();
            released
        });
        match times {
            Some(times) => {
                self.write_message(id, &mut effects);
                effects.tell.push(DeviceEvent::Opened(id, times));
                effects = self.ending(effects);
            }
            None => effects = effects.and(self.read(id, now)),
        }
        Ok(Opening { effects, content_key: content_key.flatten() })
    }

    /// The user leaves a conversation, or the application goes to the background: what ends then and has been
    /// read is due. A restart counts as this by itself.
    pub fn closed(&mut self, conversation: ConversationId, now: Now) -> Effects {
        let (time, mut effects) = self.begin(now);
        let ends_on_close = |setting: Setting| setting.policy == Some(Policy::OnClose);
        if self.close(conversation, time, time, &mut effects)
            || self.setting(conversation).is_some_and(ends_on_close)
            || self.messages.any_falls_back(conversation)
        {
            self.remember_close(conversation, time, &mut effects);
            effects.tell.push(DeviceEvent::Closed(conversation));
        }
        self.ending(effects)
    }

    /// Own other devices have been busy while this one was away, and what they did is about to come: until
    /// [`ExpiryScheduler::caught_up`], what comes in is not shown. That outlives a restart: see to it that
    /// `caught_up` is called in the end, also if nothing comes.
    pub fn catching_up(&mut self, now: Now) -> Effects {
        let (time, mut effects) = self.begin(now);
        if self.head.withheld_since.is_none() {
            self.head.withheld_since = Some(time);
            self.write_head(&mut effects);
        }
        self.ending(effects)
    }

    /// All that own other devices did has been told, or nobody waits for it any longer.
    pub fn caught_up(&mut self, now: Now) -> Effects {
        let (_, mut effects) = self.begin(now);
        if self.head.withheld_since.take().is_some() {
            let unneeded = self.messages.lists().unneeded();
            unneeded.into_iter().for_each(|id| self.keep_or_drop(id, &mut effects));
            // Last: stopped before it, this is done again.
            self.write_head(&mut effects);
        }
        self.ending(effects)
    }

    /// The store is an older one, put back from a backup: what was to be opened once or twice may have been opened
    /// since, and is due. All else goes on by the clock, and nobody is told anything.
    pub fn restored_from_backup(&mut self, now: Now) -> Effects {
        // Perhaps on another device, which may be in a boot of the same name.
        self.head.clock.forget_boot();
        let (time, mut effects) = self.begin(now);
        for id in self.messages.lists().to_open() {
            self.learn(id, time, &mut effects, Life::deleted);
        }
        // Nothing that the stored clock says of boots holds here.
        self.write_head(&mut effects);
        effects
    }
}

impl Opening {
    /// The key of the content, **once the effects have been stored**; `None` if the message has none, and its
    /// content may then be shown.
    #[must_use]
    pub fn release(self) -> Option<ContentKey> {
        self.content_key
    }
}

impl fmt::Debug for Opening {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { effects, content_key } = self;
        let mut shown = formatter.debug_struct("Opening");
        shown.field("effects", effects).field("has_content_key", &content_key.is_some()).finish()
    }
}

impl fmt::Display for OpenError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Unknown => "the message is not held",
            Self::Gone => "the message has ended, or was opened as often as it may be",
            Self::NotReady => "the media of the message is not there",
            Self::Withheld => "the device is catching up",
            Self::Ours => "the message is for its reader to open",
        })
    }
}

impl core::error::Error for OpenError {}
