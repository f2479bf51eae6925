//! What own devices tell each other (docs/protocol.md §17.10).

use alloc::vec::Vec;
use core::fmt;
use core::num::NonZeroU64;
use core::time::Duration;

use crate::expiry::age::Age;
use crate::expiry::effects::DeviceEvent;
use crate::expiry::message_id::{ConversationId, MessageId};
use crate::identity::{Address, Device, IdentityKey};
use crate::person::decisions::{Comparison, ContactDecision, Decided};
use crate::stored::Stored;
use crate::wire::codec::{DecodeError, Reader, leb128, write_length_prefixed};
use crate::wire::stamp::{Setting, Stamp};

/// How many events one message carries. It bounds what one makes a receiver do.
pub(crate) const MAX_EVENTS: usize = 1_000;

/// How they are told apart.
const READ: u8 = 0x01;
const OPENED: u8 = 0x02;
const DELETED: u8 = 0x03;
const SENT: u8 = 0x04;
const CLOSED: u8 = 0x05;
const SETTING: u8 = 0x06;
const SEEN: u8 = 0x07;
const CONTACT: u8 = 0x10;
const VERIFICATION: u8 = 0x11;
const DEVICE: u8 = 0x12;
const REMOVAL: u8 = 0x13;

/// Something that happened on an own device, or was decided there, for the others:
/// [`PeopleChanges::tell`](crate::person::PeopleChanges::tell) and, of messages and timers,
/// [`Effects::tell`](crate::expiry::Effects::tell) give them,
/// [`Recipients::tell_events`](crate::person::Recipients::tell_events) sends them.
#[derive(Clone, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub enum OwnEvent {
    /// Of a message, or a conversation's timer.
    Expiry(DeviceEvent),
    /// The user decided of a person.
    Contact {
        /// Of whom.
        owner: IdentityKey,
        /// The how manyth decision it is, from 1.
        version: NonZeroU64,
        /// What.
        decision: ContactDecision,
    },
    /// The user compared the person's number, or takes that back.
    Verification {
        /// Whose.
        owner: IdentityKey,
        /// The how manyth of these it is, from 1.
        version: NonZeroU64,
        /// Whether it is equal.
        verified: bool,
    },
    /// The device of a contact of whom there is no list: it is pinned here.
    Device(Device),
    /// The device that says so is to be removed from the list: see
    /// [`Recipients::ask_removal`](crate::person::Recipients::ask_removal).
    Removal,
}

impl From<DeviceEvent> for OwnEvent {
    fn from(event: DeviceEvent) -> Self {
        Self::Expiry(event)
    }
}

impl OwnEvent {
    pub(crate) fn contact(owner: &IdentityKey, decided: Decided<ContactDecision>) -> Self {
        let Decided { version, decision } = decided;
        Self::Contact { owner: *owner, version, decision }
    }

    pub(crate) fn verification(owner: &IdentityKey, decided: Decided<Comparison>) -> Self {
        let Decided { version, decision } = decided;
        Self::Verification { owner: *owner, version, verified: decision.is_equal() }
    }

    /// Appends it, as of so long ago.
    ///
    /// ```text
    /// | kind: 1 | length: 1 to 10 | bytes |
    /// ```
    pub(crate) fn encode_into(&self, age: Age, out: &mut Vec<u8>) {
        let (kind, bytes) = self.kind_and_bytes(age);
        out.push(kind);
        out.extend(leb128(u64::try_from(bytes.len()).unwrap_or(u64::MAX)));
        out.extend_from_slice(&bytes);
    }

    fn kind_and_bytes(&self, age: Age) -> (u8, Vec<u8>) {
        let of_person = |owner: &IdentityKey, version: NonZeroU64, byte: u8| {
            [&owner.encode()[..], &version.get().to_be_bytes(), &[byte]].concat()
        };
        match self {
            Self::Expiry(event) => {
                let (kind, bytes) = expiry_bytes(event);
                let ago = u64::try_from(age.duration().as_millis()).unwrap_or(u64::MAX);
                (kind, leb128(ago).chain(bytes).collect())
            }
            Self::Contact { owner, version, decision } => {
                (CONTACT, of_person(owner, *version, decision.byte()))
            }
            Self::Verification { owner, version, verified } => {
                (VERIFICATION, of_person(owner, *version, u8::from(*verified)))
            }
            Self::Device(Device { identity, address }) => {
                let mut bytes = identity.encode().to_vec();
                write_length_prefixed(&mut bytes, address.as_bytes());
                (DEVICE, bytes)
            }
            Self::Removal => (REMOVAL, Vec::new()),
        }
    }

    fn read(kind: u8, reader: &mut Reader<'_>) -> Result<Option<(Self, Age)>, DecodeError> {
        let event = match kind {
            READ..=SEEN => {
                let age = Age::trusted(Duration::from_millis(reader.leb128()?));
                return Ok(Some((Self::Expiry(read_expiry(kind, reader)?), age)));
            }
            CONTACT => {
                let (owner, version) = read_decided(reader)?;
                let decision = ContactDecision::of_byte(reader.u8()?);
                Self::Contact { owner, version, decision: decision.ok_or(DecodeError::Malformed)? }
            }
            VERIFICATION => {
                let (owner, version) = read_decided(reader)?;
                Self::Verification { owner, version, verified: reader.flag()? }
            }
            DEVICE => {
                let identity = read_identity(reader)?;
                let address = Address::new(reader.length_prefixed()?);
                let address = address.map_err(|_| DecodeError::Malformed)?;
                Self::Device(Device { identity, address })
            }
            REMOVAL => Self::Removal,
            _ => return Ok(None),
        };
        Ok(Some((event, Age::NONE)))
    }
}

fn expiry_bytes(event: &DeviceEvent) -> (u8, Vec<u8>) {
    match event {
        DeviceEvent::Read(id) => (READ, id.0.to_vec()),
        DeviceEvent::Opened(id, times) => (OPENED, [&id.0[..], &[*times]].concat()),
        DeviceEvent::Deleted(id) => (DELETED, id.0.to_vec()),
        DeviceEvent::Sent(id) => (SENT, id.0.to_vec()),
        DeviceEvent::Closed(conversation) => (CLOSED, conversation.0.to_vec()),
        DeviceEvent::Setting(conversation, setting) => {
            let stamp = Stamp::of(Some(*setting)).encode();
            (SETTING, [&conversation.0[..], &stamp].concat())
        }
        DeviceEvent::Seen(id) => (SEEN, id.0.to_vec()),
    }
}

fn read_expiry(kind: u8, reader: &mut Reader<'_>) -> Result<DeviceEvent, DecodeError> {
    Ok(match kind {
        READ => DeviceEvent::Read(MessageId::read(reader)?),
        OPENED => DeviceEvent::Opened(MessageId::read(reader)?, reader.u8()?),
        DELETED => DeviceEvent::Deleted(MessageId::read(reader)?),
        SENT => DeviceEvent::Sent(MessageId::read(reader)?),
        CLOSED => DeviceEvent::Closed(ConversationId::read(reader)?),
        SETTING => DeviceEvent::Setting(ConversationId::read(reader)?, read_setting(reader)?),
        SEEN => DeviceEvent::Seen(MessageId::read(reader)?),
        _ => return Err(DecodeError::Malformed),
    })
}

/// All that is left, a stamp that says a setting and nothing else.
fn read_setting(reader: &mut Reader<'_>) -> Result<Setting, DecodeError> {
    let rest = reader.rest();
    let stamp = reader.bytes(rest.len())?;
    let setting = Stamp::decode(stamp).and_then(|(decoded, _)| decoded.setting);
    let setting = setting.map(|stamped| stamped.setting).ok_or(DecodeError::Malformed)?;
    if Stamp::of(Some(setting)).encode() == stamp {
        Ok(setting)
    } else {
        Err(DecodeError::Malformed)
    }
}

fn read_decided(reader: &mut Reader<'_>) -> Result<(IdentityKey, NonZeroU64), DecodeError> {
    let owner = read_identity(reader)?;
    let version = NonZeroU64::new(reader.u64()?).ok_or(DecodeError::Malformed)?;
    Ok((owner, version))
}

fn read_identity(reader: &mut Reader<'_>) -> Result<IdentityKey, DecodeError> {
    IdentityKey::decode(reader.array()?).map_err(|_| DecodeError::Malformed)
}

/// The events of a part, in their order, each with how long before the message it happened. Kinds of later releases are
/// skipped. Takes all of them from how many there may still be.
pub(crate) fn decode_events(
    bytes: &[u8],
    left: &mut usize,
) -> Result<Vec<(OwnEvent, Age)>, DecodeError> {
    let mut reader = Reader::new(bytes);
    let mut events = Vec::new();
    while !reader.rest().is_empty() {
        *left = left.checked_sub(1).ok_or(DecodeError::Malformed)?;
        let kind = reader.u8()?;
        let length = usize::try_from(reader.leb128()?).map_err(|_| DecodeError::Malformed)?;
        let mut event = Reader::new(reader.bytes(length)?);
        if let Some(read) = OwnEvent::read(kind, &mut event)? {
            event.finish()?;
            events.push(read);
        }
    }
    Ok(events)
}

/// What, and of identities the first bytes.
impl fmt::Debug for OwnEvent {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Expiry(event) => formatter.debug_tuple("Expiry").field(event).finish(),
            Self::Contact { owner, version, decision } => {
                let mut shown = formatter.debug_struct("Contact");
                shown.field("owner", &owner.in_short()).field("version", version);
                shown.field("decision", decision).finish()
            }
            Self::Verification { owner, version, verified } => {
                let mut shown = formatter.debug_struct("Verification");
                shown.field("owner", &owner.in_short()).field("version", version);
                shown.field("verified", verified).finish()
            }
            Self::Device(device) => formatter.debug_tuple("Device").field(device).finish(),
            Self::Removal => formatter.write_str("Removal"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::secret::Secret;
    use crate::identity::IdentityKeyPair;
    use crate::wire::stamp::{MemberTag, Policy, SettingVersion};
    use alloc::vec;
    use proptest::prelude::*;

    fn identity(byte: u8) -> IdentityKey {
        *IdentityKeyPair::from_seed(Secret::filled_by(|out| out.fill(byte))).public()
    }

    fn all() -> Vec<OwnEvent> {
        let (id, conversation) = (MessageId([7; 16]), ConversationId([8; 16]));
        let version = SettingVersion::new(300).unwrap();
        let policy = Some(Policy::after_read(Duration::from_secs(60)));
        let setting = Setting { version, policy, by: MemberTag([9; 8]) };
        let off = Setting { policy: None, ..setting };
        let expiry = [
            DeviceEvent::Read(id),
            DeviceEvent::Opened(id, 2),
            DeviceEvent::Deleted(id),
            DeviceEvent::Sent(id),
            DeviceEvent::Closed(conversation),
            DeviceEvent::Setting(conversation, setting),
            DeviceEvent::Setting(conversation, off),
            DeviceEvent::Seen(id),
        ];
        let (owner, version) = (identity(1), NonZeroU64::MIN);
        let device = Device { identity: identity(2), address: Address::new("bob/phone").unwrap() };
        let decisions =
            [ContactDecision::Accepted, ContactDecision::Request, ContactDecision::Refused];
        let contacts = decisions.map(|decision| OwnEvent::Contact { owner, version, decision });
        let verified =
            [true, false].map(|verified| OwnEvent::Verification { owner, version, verified });
        let rest = [OwnEvent::Device(device), OwnEvent::Removal];
        expiry.map(OwnEvent::from).into_iter().chain(contacts).chain(verified).chain(rest).collect()
    }

    fn encoded(events: &[OwnEvent], age: Age) -> Vec<u8> {
        let mut out = Vec::new();
        events.iter().for_each(|event| event.encode_into(age, &mut out));
        out
    }

    fn decoded(bytes: &[u8]) -> Result<Vec<(OwnEvent, Age)>, DecodeError> {
        decode_events(bytes, &mut { MAX_EVENTS })
    }

    #[test]
    fn what_is_told_comes_back_and_no_byte_of_it_can_be_missing() {
        let age = Age::trusted(Duration::from_millis(1_234_567));
        for event in all() {
            let bytes = encoded(core::slice::from_ref(&event), age);
            let expected = if matches!(event, OwnEvent::Expiry(_)) { age } else { Age::NONE };
            assert_eq!(decoded(&bytes), Ok(vec![(event, expected)]));
            for length in 1..bytes.len() {
                assert!(decoded(&bytes[..length]).is_err(), "{bytes:?}");
            }
            // Nor one too many, within the length that it says.
            let mut longer = bytes.clone();
            longer[1] += 1;
            longer.push(0);
            assert!(decoded(&longer).is_err(), "{longer:?}");
        }
        let bytes = encoded(&all(), Age::NONE);
        let read: Vec<OwnEvent> =
            decoded(&bytes).unwrap().into_iter().map(|(event, _)| event).collect();
        assert_eq!(read, all());
    }

    #[test]
    fn a_kind_of_a_later_release_is_skipped() {
        let [read, removal] = [DeviceEvent::Read(MessageId([1; 16])).into(), OwnEvent::Removal];
        let mut bytes = encoded(&[read], Age::NONE);
        bytes.extend([0x7f, 3, 1, 2, 3]);
        bytes.extend(encoded(&[removal], Age::NONE));
        assert_eq!(decoded(&bytes).unwrap().len(), 2);
        assert_eq!(decoded(&[0x7f, 3, 1, 2]), Err(DecodeError::Malformed));
    }

    #[test]
    fn a_part_has_a_thousand_events_and_not_one_more() {
        let removals = |count: usize| encoded(&vec![OwnEvent::Removal; count], Age::NONE);
        assert_eq!(decoded(&removals(MAX_EVENTS)).unwrap().len(), MAX_EVENTS);
        assert_eq!(decoded(&removals(MAX_EVENTS + 1)), Err(DecodeError::Malformed));
        // Those that are skipped count.
        let unknown = [0x7f, 0].repeat(MAX_EVENTS + 1);
        assert_eq!(decoded(&unknown), Err(DecodeError::Malformed));
    }

    proptest! {
        #[test]
        fn what_decodes_is_the_only_encoding(
            kind in 0_u8..0x15,
            body in prop::collection::vec(any::<u8>(), 0..90),
        ) {
            let length = u8::try_from(body.len()).unwrap();
            let bytes = [&[kind, length][..], &body].concat();
            if let Ok(events) = decoded(&bytes) {
                let mut again = Vec::new();
                events.iter().for_each(|(event, age)| event.encode_into(*age, &mut again));
                prop_assert!(events.is_empty() || again == bytes);
            }
        }
    }
}
