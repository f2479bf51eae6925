//! Disappearing messages: what to delete when, in agreement with everybody else.

use std::time::Duration;

use evanesce::expiry::{
    Age, Arrival, ContentKey, ConversationId, DeviceEvent, Due, EditError, Effects, ExpiryEvent,
    ExpiryScheduler, MalformedStamp, MemberTag, MessageId, Monotonic, NewMessage, Now, OpenError,
    Parts, PartsAdded, Poll, RecordError, RecordKey, RecordWrite, Setting, SettingRefusal,
    SettingVersion, Stamp, Unsent, Verdict, Visibility,
};
use evanesce::limits::ExpiryLimits;
use wasm_bindgen::prelude::wasm_bindgen;

use crate::errors::codes::codes;
use crate::errors::{Coded, Refusal};
use crate::random::Random;
use crate::shapes::{array, byte_strings, duration, no_limits, policy, session_limits, stamp};
use crate::storage::stored;
use crate::values::words::Word;
use crate::values::{Bytes, Out, Shown, object, shown};

/// The scheduler, with the time of the call that comes: [`RawScheduler::at`] goes before each that asks for it. An argument
/// of two clocks would take half a kilobyte of code for each call.
#[wasm_bindgen]
pub struct RawScheduler(pub(crate) ExpiryScheduler, pub(crate) Now);

/// A key that stands in a message's record alone.
#[wasm_bindgen]
pub struct RawContentKey(ContentKey);

/// A message that has been opened.
#[wasm_bindgen]
pub struct RawOpening {
    effects: Vec<u8>,
    key: Option<ContentKey>,
}

/// A message that the scheduler hears of for the first time.
#[wasm_bindgen]
pub struct RawNewMessage(NewMessage);

stored!(RawScheduler, ExpiryScheduler, START);

codes! {
    EditError: NotAuthor => not_author, Unknown => unknown_message, Gone => gone;
    OpenError: Unknown => unknown_message, Gone => gone, NotReady => not_ready, Withheld => withheld, Ours => ours;
    RecordError: NoHead => no_head, Malformed(_) => malformed, Unsupported(_) => unsupported;
}

const START: Now = Now::from_wall(Duration::ZERO);

/// Now, by one clock, or, with the name of a boot, by two.
pub(crate) fn now(wall: f64, boot: Option<Vec<u8>>, elapsed: f64) -> Result<Now, Refusal> {
    let Some(boot) = boot else {
        return Ok(Now::from_wall(duration(wall)));
    };
    let boot = u128::from_be_bytes(array(&boot)?);
    let monotonic = Some(Monotonic { boot, elapsed: duration(elapsed) });
    Ok(Now { wall: duration(wall), monotonic })
}

/// One that is claimed has been cut by `ts/expiry.ts`.
pub(crate) fn age(millis: f64) -> Age {
    Age::trusted(duration(millis))
}

fn message_id(bytes: &[u8]) -> Result<MessageId, Refusal> {
    Ok(MessageId(array(bytes)?))
}

fn conversation_id(bytes: &[u8]) -> Result<ConversationId, Refusal> {
    Ok(ConversationId(array(bytes)?))
}

fn member(bytes: &[u8]) -> Result<MemberTag, Refusal> {
    Ok(MemberTag(array(bytes)?))
}

/// The parts of these bits.
fn parts(bits: u8) -> Parts {
    let all = [
        Parts::BODY,
        Parts::FILE,
        Parts::THUMBNAIL,
        Parts::NOTIFICATION,
        Parts::PREVIEW,
        Parts::SEARCH_INDEX,
        Parts::RESEND_LOG,
        Parts::QUOTE,
    ];
    let named = all.into_iter().enumerate().filter(|(place, _)| bits >> place & 1 == 1);
    named.fold(Parts::NONE, |sum, (_, part)| sum | part)
}

/// No bytes for a stamp that is malformed.
fn stamp_or_malformed(bytes: Option<Vec<u8>>) -> Result<Result<Stamp, MalformedStamp>, Refusal> {
    bytes.map_or(Ok(Err(MalformedStamp)), |bytes| stamp(&bytes).map(Ok))
}

/// A setting from its fields.
pub(crate) fn setting(version: u64, kind: u8, seconds: f64, by: &[u8]) -> Result<Setting, Refusal> {
    let version = SettingVersion::new(version)
        .ok_or_else(|| Refusal::new(Word::invalid_argument, "there is no such version"))?;
    Ok(Setting { version, policy: policy(kind, seconds)?, by: member(by)? })
}

#[wasm_bindgen]
impl RawNewMessage {
    pub fn of(id: &[u8], conversation: &[u8], author: &[u8], bits: u8) -> Result<Self, Refusal> {
        let (id, conversation) = (message_id(id)?, conversation_id(conversation)?);
        Ok(Self(NewMessage::new(id, conversation, member(author)?).with_parts(parts(bits))))
    }

    pub fn awaiting_media(self) -> Self {
        Self(self.0.awaiting_media())
    }

    pub fn quoting(self, message: &[u8]) -> Result<Self, Refusal> {
        Ok(Self(self.0.quoting(message_id(message)?)))
    }

    pub fn sealed_under(self, key: RawContentKey) -> Self {
        Self(self.0.sealed_under(key.0))
    }

    pub fn by_one_who_may_not_set(self) -> Self {
        Self(self.0.by_one_who_may_not_set())
    }
}

#[wasm_bindgen]
impl RawContentKey {
    pub fn generate() -> Self {
        Self(ContentKey::generate(&mut Random))
    }

    pub fn seal(&self, id: &[u8], bits: u8, content: &[u8]) -> Result<Vec<u8>, Refusal> {
        Ok(self.0.seal(message_id(id)?, parts(bits), content))
    }

    pub fn open(&self, id: &[u8], bits: u8, sealed: &[u8]) -> Result<Vec<u8>, Refusal> {
        let opened = self.0.open(message_id(id)?, parts(bits), sealed);
        let opened =
            opened.ok_or_else(|| Refusal::new(Word::undecryptable, "the content does not open"))?;
        Ok(opened.to_vec())
    }
}

#[wasm_bindgen]
impl RawOpening {
    pub fn effects(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.effects)
    }

    pub fn key(&mut self) -> Option<RawContentKey> {
        self.key.take().map(RawContentKey)
    }
}

#[wasm_bindgen]
impl RawScheduler {
    pub fn begin(wall: f64, boot: Option<Vec<u8>>, elapsed: f64) -> Result<Self, Refusal> {
        let now = now(wall, boot, elapsed)?;
        Ok(Self(ExpiryScheduler::new(now, &mut Random), now))
    }

    pub fn at(&mut self, wall: f64, boot: Option<Vec<u8>>, elapsed: f64) -> Result<(), Refusal> {
        self.1 = now(wall, boot, elapsed)?;
        Ok(())
    }

    /// Key and value by turns.
    pub fn from_records(joined: &[u8]) -> Result<Self, Refusal> {
        let strings = byte_strings(joined)?;
        let records = strings.chunks_exact(2).filter_map(|pair| match pair {
            [key, value] => Some((*key, *value)),
            _ => None,
        });
        Ok(Self(ExpiryScheduler::from_records(records)?, START))
    }

    pub fn records(&self) -> Vec<u8> {
        shown(&self.0.records().collect::<Vec<_>>())
    }

    pub fn limits(&self) -> Vec<u8> {
        shown(self.0.limits())
    }

    pub fn set_limits(&mut self, limits: &[f64]) -> Result<Vec<u8>, Refusal> {
        let [unread, unopened, unsent, longest_sleep] = *limits else {
            return Err(no_limits());
        };
        let mut limits = ExpiryLimits::default();
        limits.unread = duration(unread);
        limits.unopened = duration(unopened);
        limits.unsent = duration(unsent);
        limits.longest_sleep = duration(longest_sleep);
        Ok(shown(&self.0.set_limits(limits, self.1)))
    }

    pub fn held_messages(&self) -> u32 {
        u32::try_from(self.0.held_messages()).unwrap_or(u32::MAX)
    }

    pub fn trust_time(&mut self, wall: f64) -> Vec<u8> {
        shown(&self.0.trust_time(duration(wall), self.1))
    }

    pub fn setting(&self, conversation: &[u8]) -> Result<Vec<u8>, Refusal> {
        Ok(shown(&self.0.setting(conversation_id(conversation)?)))
    }

    pub fn set(
        &mut self,
        conversation: &[u8],
        kind: u8,
        seconds: f64,
        by: &[u8],
    ) -> Result<Vec<u8>, Refusal> {
        let conversation = conversation_id(conversation)?;
        Ok(shown(&self.0.set(conversation, policy(kind, seconds)?, member(by)?, self.1)))
    }

    pub fn stamp(&self, conversation: &[u8]) -> Result<Vec<u8>, Refusal> {
        Ok(shown(&self.0.stamp(conversation_id(conversation)?)))
    }

    pub fn session_limits(&self, conversation: &[u8], limits: &[f64]) -> Result<Vec<u8>, Refusal> {
        let limits = session_limits(limits).ok_or_else(no_limits)?;
        Ok(shown(&self.0.session_limits(conversation_id(conversation)?, limits)))
    }

    pub fn queued(&mut self, message: RawNewMessage, its_stamp: &[u8]) -> Result<Vec<u8>, Refusal> {
        Ok(shown(&self.0.queued(message.0, &stamp(its_stamp)?, self.1)))
    }

    pub fn sent(&mut self, id: &[u8], its_age: f64) -> Result<Vec<u8>, Refusal> {
        Ok(shown(&self.0.sent(message_id(id)?, age(its_age), self.1)))
    }

    pub fn sent_elsewhere(
        &mut self,
        message: RawNewMessage,
        its_stamp: &[u8],
        its_age: f64,
    ) -> Result<Vec<u8>, Refusal> {
        Ok(shown(&self.0.sent_elsewhere(message.0, &stamp(its_stamp)?, age(its_age), self.1)))
    }

    pub fn received(
        &mut self,
        message: RawNewMessage,
        its_stamp: Option<Vec<u8>>,
        its_age: f64,
    ) -> Result<Vec<u8>, Refusal> {
        let its_stamp = stamp_or_malformed(its_stamp)?;
        Ok(shown(&self.0.received(message.0, &its_stamp, age(its_age), self.1)))
    }

    pub fn heard(
        &mut self,
        conversation: &[u8],
        its_stamp: Option<Vec<u8>>,
        its_age: f64,
    ) -> Result<Vec<u8>, Refusal> {
        let its_stamp = stamp_or_malformed(its_stamp)?;
        Ok(shown(&self.0.heard(conversation_id(conversation)?, &its_stamp, age(its_age), self.1)))
    }

    pub fn parts_added(&mut self, id: &[u8], bits: u8) -> Result<Vec<u8>, Refusal> {
        Ok(shown(&self.0.parts_added(message_id(id)?, parts(bits), self.1)))
    }

    pub fn deleted(&mut self, id: &[u8]) -> Result<Vec<u8>, Refusal> {
        Ok(shown(&self.0.deleted(message_id(id)?, self.1)))
    }

    pub fn conversation_deleted(&mut self, conversation: &[u8]) -> Result<Vec<u8>, Refusal> {
        Ok(shown(&self.0.conversation_deleted(conversation_id(conversation)?, self.1)))
    }

    pub fn unsent(&mut self, id: &[u8], by: &[u8]) -> Result<Vec<u8>, Refusal> {
        Ok(shown(&self.0.unsent(message_id(id)?, member(by)?, self.1)))
    }

    pub fn edited(
        &mut self,
        id: &[u8],
        by: &[u8],
        kind: u8,
        seconds: f64,
    ) -> Result<Vec<u8>, Refusal> {
        let own_policy = policy(kind, seconds)?;
        Ok(shown(&self.0.edited(message_id(id)?, member(by)?, own_policy, self.1)?))
    }

    pub fn next_wakeup(&self) -> Vec<u8> {
        shown(&self.0.next_wakeup(self.1))
    }

    pub fn poll(&mut self, limit: u32) -> Vec<u8> {
        shown(&self.0.poll(usize::try_from(limit).unwrap_or(usize::MAX), self.1))
    }

    pub fn done(&mut self, id: &[u8], bits: u8) -> Result<Vec<u8>, Refusal> {
        Ok(shown(&self.0.done(message_id(id)?, parts(bits), self.1)))
    }

    pub fn visibility(&self, id: &[u8]) -> Result<Vec<u8>, Refusal> {
        Ok(shown(&self.0.visibility(message_id(id)?, self.1)))
    }

    pub fn remaining(&self, id: &[u8]) -> Result<Vec<u8>, Refusal> {
        Ok(shown(&self.0.remaining(message_id(id)?, self.1)))
    }

    pub fn read(&mut self, id: &[u8]) -> Result<Vec<u8>, Refusal> {
        Ok(shown(&self.0.read(message_id(id)?, self.1)))
    }

    pub fn ready(&mut self, id: &[u8]) -> Result<Vec<u8>, Refusal> {
        Ok(shown(&self.0.ready(message_id(id)?, self.1)))
    }

    pub fn open(&mut self, id: &[u8]) -> Result<RawOpening, Refusal> {
        let opening = self.0.open(message_id(id)?, self.1)?;
        let effects = shown(&opening.effects);
        Ok(RawOpening { effects, key: opening.release() })
    }

    pub fn closed(&mut self, conversation: &[u8]) -> Result<Vec<u8>, Refusal> {
        Ok(shown(&self.0.closed(conversation_id(conversation)?, self.1)))
    }

    pub fn catching_up(&mut self) -> Vec<u8> {
        shown(&self.0.catching_up(self.1))
    }

    pub fn caught_up(&mut self) -> Vec<u8> {
        shown(&self.0.caught_up(self.1))
    }

    pub fn restored_from_backup(&mut self) -> Vec<u8> {
        shown(&self.0.restored_from_backup(self.1))
    }

    /// An event by its kind: 0 to 5 as `EVENTS` of ts/expiry.ts has them.
    pub fn told_by_own_device(
        &mut self,
        kind: u8,
        id: &[u8],
        opens: u8,
        its_age: f64,
    ) -> Result<Vec<u8>, Refusal> {
        let event = event(kind, id, opens)?;
        Ok(shown(&self.0.told_by_own_device(event, age(its_age), self.1)))
    }

    pub fn told_setting(
        &mut self,
        conversation: &[u8],
        version: u64,
        kind: u8,
        seconds: f64,
        by: &[u8],
        its_age: f64,
    ) -> Result<Vec<u8>, Refusal> {
        let event = DeviceEvent::Setting(
            conversation_id(conversation)?,
            setting(version, kind, seconds, by)?,
        );
        Ok(shown(&self.0.told_by_own_device(event, age(its_age), self.1)))
    }

    pub fn events_for_new_device(&self) -> Vec<u8> {
        let events: Vec<_> =
            self.0.events_for_new_device(self.1).map(|(event, age)| Told(event, age)).collect();
        shown(&events)
    }
}

/// An event that names a message or a conversation, by its kind.
pub(crate) fn event(kind: u8, id: &[u8], opens: u8) -> Result<DeviceEvent, Refusal> {
    Ok(match kind {
        0 => DeviceEvent::Read(message_id(id)?),
        1 => DeviceEvent::Seen(message_id(id)?),
        2 => DeviceEvent::Opened(message_id(id)?, opens),
        3 => DeviceEvent::Deleted(message_id(id)?),
        4 => DeviceEvent::Sent(message_id(id)?),
        _ => DeviceEvent::Closed(conversation_id(id)?),
    })
}

/// The name of a message that its author chose.
#[wasm_bindgen]
pub fn message_id_by(author: &[u8], id: &[u8]) -> Result<Vec<u8>, Refusal> {
    Ok(MessageId::by(member(author)?, id).0.to_vec())
}

/// The name of a conversation with a name.
#[wasm_bindgen]
pub fn conversation_id_named(name: &[u8]) -> Vec<u8> {
    ConversationId::named(name).0.to_vec()
}

/// What an own device told, and how long ago.
pub(crate) struct Told(pub(crate) DeviceEvent, pub(crate) Age);

impl Shown for Told {
    fn show(&self, out: &mut Out) {
        object!(out, event: self.0, age: self.1.duration());
    }
}

impl Shown for MessageId {
    fn show(&self, out: &mut Out) {
        Bytes(self.0).show(out);
    }
}

impl Shown for ConversationId {
    fn show(&self, out: &mut Out) {
        Bytes(self.0).show(out);
    }
}

/// As its bits: `ts/expiry.ts` makes a set of names of them.
impl Shown for Parts {
    fn show(&self, out: &mut Out) {
        let bit = |part: Parts| {
            (0..8).find(|place| parts(1 << place) == part).map_or(0, |place| 1 << place)
        };
        self.iter().fold(0_u8, |bits, part| bits | bit(part)).show(out);
    }
}

impl Shown for RecordKey {
    fn show(&self, out: &mut Out) {
        Bytes(self.as_bytes()).show(out);
    }
}

impl Shown for RecordWrite {
    fn show(&self, out: &mut Out) {
        let value = self.value.as_ref().map(|value| Bytes(value.as_slice()));
        object!(out, key: self.key, value: value, id: self.key.message());
    }
}

impl Shown for Effects {
    fn show(&self, out: &mut Out) {
        let Self { writes, events, tell, .. } = self;
        object!(out, writes: writes, events: events, tell: tell);
    }
}

impl Shown for ExpiryEvent {
    fn show(&self, out: &mut Out) {
        match self {
            Self::SettingChanged { conversation, previous, setting } => object!(
                out,
                kind: Word::settingChanged,
                conversation: conversation,
                previous: previous,
                setting: setting,
            ),
            Self::SettingRefused { conversation, setting, refusal } => object!(
                out,
                kind: Word::settingRefused,
                conversation: conversation,
                setting: setting,
                refusal: refusal,
            ),
            Self::DeletedElsewhere { id } => object!(out, kind: Word::deletedElsewhere, id: id),
            Self::ReadElsewhere { id } => object!(out, kind: Word::readElsewhere, id: id),
            Self::EchoDue { conversation } => {
                object!(out, kind: Word::echoDue, conversation: conversation)
            }
            _ => object!(out, kind: Word::other),
        }
    }
}

impl Shown for SettingRefusal {
    fn show(&self, out: &mut Out) {
        match self {
            Self::VersionJump => Word::versionJump,
            Self::MayNotSet => Word::mayNotSet,
            _ => Word::other,
        }
        .show(out);
    }
}

impl Shown for DeviceEvent {
    fn show(&self, out: &mut Out) {
        match self {
            Self::Read(id) => object!(out, kind: Word::read, id: id),
            Self::Seen(id) => object!(out, kind: Word::seen, id: id),
            Self::Opened(id, opens) => object!(out, kind: Word::opened, id: id, opens: opens),
            Self::Deleted(id) => object!(out, kind: Word::deleted, id: id),
            Self::Sent(id) => object!(out, kind: Word::sent, id: id),
            Self::Closed(conversation) => {
                object!(out, kind: Word::closed, conversation: conversation)
            }
            Self::Setting(conversation, setting) => {
                object!(out, kind: Word::setting, conversation: conversation, setting: setting);
            }
            _ => object!(out, kind: Word::other),
        }
    }
}

impl Shown for Due {
    fn show(&self, out: &mut Out) {
        object!(
            out,
            id: self.id,
            conversation: self.conversation,
            parts: self.parts,
            ended: self.ended,
            unsent: self.unsent,
        );
    }
}

impl Shown for Poll {
    fn show(&self, out: &mut Out) {
        object!(out, due: self.due, effects: self.effects);
    }
}

impl Shown for Arrival {
    fn show(&self, out: &mut Out) {
        object!(out, verdict: self.verdict, effects: self.effects);
    }
}

impl Shown for Verdict {
    fn show(&self, out: &mut Out) {
        match self {
            Self::Keep => Word::keep,
            Self::Known => Word::known,
            Self::Late => Word::late,
            Self::IdTaken => Word::idTaken,
        }
        .show(out);
    }
}

impl Shown for PartsAdded {
    fn show(&self, out: &mut Out) {
        match self {
            Self::Noted(effects) => object!(out, kind: Word::noted, effects: effects),
            Self::NotHeld => object!(out, kind: Word::notHeld),
            Self::Gone => object!(out, kind: Word::gone),
            _ => object!(out, kind: Word::other),
        }
    }
}

impl Shown for Unsent {
    fn show(&self, out: &mut Out) {
        match self {
            Self::Due(effects) => object!(out, kind: Word::due, effects: effects),
            Self::NotAuthor => object!(out, kind: Word::notAuthor),
            Self::Unknown(effects) => object!(out, kind: Word::unknown, effects: effects),
            Self::Gone => object!(out, kind: Word::gone),
            _ => object!(out, kind: Word::other),
        }
    }
}

impl Shown for Visibility {
    fn show(&self, out: &mut Out) {
        match self {
            Self::Shown => Word::shown,
            Self::Placeholder => Word::placeholder,
            Self::Withheld => Word::withheld,
            Self::Gone => Word::gone,
        }
        .show(out);
    }
}

impl Shown for ExpiryLimits {
    fn show(&self, out: &mut Out) {
        object!(
            out,
            unread: self.unread,
            unopened: self.unopened,
            unsent: self.unsent,
            longestSleep: self.longest_sleep,
        );
    }
}
