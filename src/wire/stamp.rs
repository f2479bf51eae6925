//! What a message says about its own life (docs/protocol.md §8).

use alloc::vec::Vec;
use core::num::NonZeroU32;

use crate::shown_bytes::{Hex, shown_in_hex};
use crate::wire::codec::{Reader, leb128};

/// Bits of the flags byte: the setting's clock in the lowest two, the message's own clock, opens, change.
const OWN_CLOCK_SHIFT: u32 = 2;
const OPENS_SHIFT: u32 = 4;
const TWO_BITS: u8 = 0b11;
const CHANGE: u8 = 0b0100_0000;
const RESERVED: u8 = 0b1000_0000;

/// What a message says about its own life: the conversation's setting, repeated in every message so
/// that loss heals, and what holds for this message alone. Sessions carry stamps;
/// [`ExpiryScheduler`](crate::expiry::ExpiryScheduler) makes them and acts on them.
///
/// There is no default: who has not understood a stamp must not take it for one that says nothing. A
/// stored stamp with a field missing does not load, for the same reason.
///
/// ```text
/// | flags: 1 | version: 1 to 9 | setting ttl: 0 or 4 | own ttl: 0 or 4 | by: 0 or 8 |
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(deny_unknown_fields))]
pub struct Stamp {
    /// The conversation's setting as the sender knows it; `None` if none was ever made.
    #[cfg_attr(feature = "serde", serde(deserialize_with = "Option::deserialize"))]
    pub setting: Option<StampedSetting>,
    /// The message's own policy; `None` if the setting alone holds.
    #[cfg_attr(feature = "serde", serde(deserialize_with = "Option::deserialize"))]
    pub own_policy: Option<Policy>,
    /// How often the message may be opened.
    pub opens: Opens,
}

/// A conversation's setting inside a [`Stamp`].
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(deny_unknown_fields))]
pub struct StampedSetting {
    /// The setting.
    pub setting: Setting,
    /// Whether this very message is the change.
    pub change: bool,
}

/// How long the messages of a conversation live, as somebody has set it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(deny_unknown_fields))]
pub struct Setting {
    /// Counts the changes.
    pub version: SettingVersion,
    /// How long messages live; `None` is an explicit *off*.
    #[cfg_attr(feature = "serde", serde(deserialize_with = "Option::deserialize"))]
    pub policy: Option<Policy>,
    /// Who made the setting, as it says: no more than a claim, unless it came from them.
    pub by: MemberTag,
}

/// When a message's life ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum Policy {
    /// A time after it was sent.
    AfterSend {
        /// Seconds.
        ttl: NonZeroU32,
    },
    /// A time after it was read.
    AfterRead {
        /// Seconds.
        ttl: NonZeroU32,
    },
    /// When the conversation is closed after it was read.
    OnClose,
}

/// How often a message may be opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum Opens {
    /// As often as one likes.
    Unlimited,
    /// Once: "view once".
    Once,
    /// Twice: "replay once".
    Twice,
}

/// The version of a conversation's setting: from 1 to 2^63 − 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(try_from = "u64", into = "u64"))]
pub struct SettingVersion(u64);

impl SettingVersion {
    /// The greatest version: what nine bytes of seven bits hold.
    pub const MAX: Self = Self(u64::MAX >> 1);

    /// A version; `None` for 0 and above [`SettingVersion::MAX`].
    #[must_use]
    pub fn new(version: u64) -> Option<Self> {
        (1..=Self::MAX.0).contains(&version).then_some(Self(version))
    }

    /// The number.
    #[must_use]
    pub fn number(self) -> u64 {
        self.0
    }
}

impl From<SettingVersion> for u64 {
    fn from(version: SettingVersion) -> Self {
        version.0
    }
}

impl TryFrom<u64> for SettingVersion {
    type Error = VersionOutOfRange;

    fn try_from(version: u64) -> Result<Self, VersionOutOfRange> {
        Self::new(version).ok_or(VersionOutOfRange)
    }
}

/// A setting's version is from 1 to 2^63 − 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VersionOutOfRange;

impl core::fmt::Display for VersionOutOfRange {
    fn fmt(&self, formatter: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        formatter.write_str("a setting's version is from 1 to 2^63 - 1")
    }
}

impl core::error::Error for VersionOutOfRange {}

/// Names a member of a conversation in eight bytes: see
/// [`IdentityKey::member_tag`](crate::IdentityKey::member_tag).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(transparent))]
pub struct MemberTag(
    #[cfg_attr(feature = "serde", serde(with = "crate::byte_string"))] pub [u8; 8],
);

shown_in_hex! { MemberTag }

impl Stamp {
    /// Says nothing: no setting was ever made, and the message has no policy of its own.
    pub const NONE: Self = Self { setting: None, own_policy: None, opens: Opens::Unlimited };

    /// Of a message that lives by the setting alone, and may be opened as often as one likes.
    #[must_use]
    pub fn of(setting: Option<Setting>) -> Self {
        let setting = setting.map(|setting| StampedSetting { setting, change: false });
        Self { setting, ..Self::NONE }
    }

    /// The same, of a message that is the change of the setting itself: people are shown who made it. Nothing
    /// else comes of it, so a change that is lost comes with the next message.
    #[must_use]
    pub fn announcing_change(self) -> Self {
        let setting = self.setting.map(|stamped| StampedSetting { change: true, ..stamped });
        Self { setting, ..self }
    }

    /// The same with a policy for this message alone, beside the setting: what ends first, ends it.
    #[must_use]
    pub fn with_policy(self, policy: Policy) -> Self {
        Self { own_policy: Some(policy), ..self }
    }

    /// The same of a message that may be opened so often.
    #[must_use]
    pub fn with_opens(self, opens: Opens) -> Self {
        Self { opens, ..self }
    }

    /// The stamp's only encoding: 2 to 26 bytes. [`Session::encrypt`](crate::session::Session::encrypt) writes
    /// it in front of the body; an application needs it only to store a stamp.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(self.encoded_length());
        self.encode_into(&mut out);
        out
    }

    pub(crate) fn encode_into(&self, out: &mut Vec<u8>) {
        let Self { setting, own_policy, opens } = self;
        let change = setting.as_ref().is_some_and(|stamped| stamped.change);
        let mut flags = clock(self.setting_policy());
        flags |= clock(*own_policy) << OWN_CLOCK_SHIFT;
        flags |= opens.bits() << OPENS_SHIFT;
        if change {
            flags |= CHANGE;
        }
        out.push(flags);
        out.extend(self.encoded_version());
        for ttl in self.ttls() {
            out.extend_from_slice(&ttl.get().to_be_bytes());
        }
        if let Some(StampedSetting { setting, .. }) = setting {
            out.extend_from_slice(&setting.by.0);
        }
    }

    /// How many bytes [`Self::encode_into`] puts: 2 to 26.
    pub(crate) fn encoded_length(&self) -> usize {
        let ttls = self.ttls().map(|_| size_of::<u32>());
        let by = self.setting.iter().map(|_| size_of::<MemberTag>());
        let version = self.encoded_version().map(|_| 1);
        ttls.chain(by).chain(version).fold(1, usize::saturating_add)
    }

    fn setting_policy(&self) -> Option<Policy> {
        self.setting.as_ref()?.setting.policy
    }

    /// 0 if there is no setting.
    fn encoded_version(&self) -> impl Iterator<Item = u8> {
        leb128(self.setting.as_ref().map_or(0, |stamped| stamped.setting.version.0))
    }

    fn ttls(&self) -> impl Iterator<Item = NonZeroU32> {
        let policies = [self.setting_policy(), self.own_policy];
        policies.into_iter().filter_map(|policy| policy?.ttl())
    }

    /// Takes a stamp from the front of a content; `None` if there is no well-formed one. With the
    /// stamp comes the rest, which is the body.
    #[must_use]
    pub fn decode(content: &[u8]) -> Option<(Self, &[u8])> {
        let mut reader = Reader::new(content);
        let flags = reader.u8().ok()?;
        if flags & RESERVED != 0 {
            return None;
        }
        let version = reader.leb128().ok()?;
        let setting_policy = decode_policy(flags, &mut reader)?;
        let own_policy = decode_policy(flags >> OWN_CLOCK_SHIFT, &mut reader)?;
        let opens = Opens::from_bits(flags >> OPENS_SHIFT)?;
        let change = flags & CHANGE != 0;
        let setting = if version != 0 {
            let version = SettingVersion::new(version)?;
            let by = MemberTag(*reader.array().ok()?);
            let setting = Setting { version, policy: setting_policy, by };
            Some(StampedSetting { setting, change })
        } else if setting_policy.is_some() || change {
            return None;
        } else {
            None
        };
        Some((Self { setting, own_policy, opens }, reader.rest()))
    }
}

impl Policy {
    /// The life in seconds, for the clocks that have one.
    #[must_use]
    pub fn ttl(self) -> Option<NonZeroU32> {
        match self {
            Self::AfterSend { ttl } | Self::AfterRead { ttl } => Some(ttl),
            Self::OnClose => None,
        }
    }
}

impl Opens {
    fn bits(self) -> u8 {
        match self {
            Self::Unlimited => 0,
            Self::Once => 1,
            Self::Twice => 2,
        }
    }

    fn from_bits(bits: u8) -> Option<Self> {
        match bits & TWO_BITS {
            0 => Some(Self::Unlimited),
            1 => Some(Self::Once),
            2 => Some(Self::Twice),
            _ => None,
        }
    }
}

fn clock(policy: Option<Policy>) -> u8 {
    match policy {
        None => 0,
        Some(Policy::AfterSend { .. }) => 1,
        Some(Policy::AfterRead { .. }) => 2,
        Some(Policy::OnClose) => 3,
    }
}

/// The outer `None` is malformed, the inner one *off*.
fn decode_policy(clock: u8, reader: &mut Reader<'_>) -> Option<Option<Policy>> {
    let mut ttl = || NonZeroU32::new(reader.u32().ok()?);
    Some(match clock & TWO_BITS {
        0 => None,
        1 => Some(Policy::AfterSend { ttl: ttl()? }),
        2 => Some(Policy::AfterRead { ttl: ttl()? }),
        _ => Some(Policy::OnClose),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::known_answers::{self, Fields};
    use proptest::prelude::*;

    fn policy(clock: u64, ttl: Option<u64>) -> Option<Policy> {
        let ttl = ttl.map(|ttl| NonZeroU32::new(u32::try_from(ttl).unwrap()).unwrap());
        match clock {
            0 => None,
            1 => Some(Policy::AfterSend { ttl: ttl.unwrap() }),
            2 => Some(Policy::AfterRead { ttl: ttl.unwrap() }),
            3 => Some(Policy::OnClose),
            _ => panic!("clock {clock}"),
        }
    }

    #[test]
    fn vectors_stamp() {
        for case in known_answers::section("stamp") {
            let setting =
                SettingVersion::new(case.number("version")).map(|version| StampedSetting {
                    setting: Setting {
                        version,
                        policy: policy(
                            case.number("setting_clock"),
                            case.optional_number("setting_ttl"),
                        ),
                        by: MemberTag(case.optional_bytes("by").unwrap().try_into().unwrap()),
                    },
                    change: case.boolean("change"),
                });
            let stamp = Stamp {
                setting,
                own_policy: policy(case.number("own_clock"), case.optional_number("own_ttl")),
                opens: Opens::from_bits(u8::try_from(case.number("opens")).unwrap()).unwrap(),
            };
            let mut encoded = stamp.encode();
            assert_eq!(encoded, case.bytes("stamp"));
            assert_eq!(encoded.len(), stamp.encoded_length());
            encoded.extend_from_slice(b"the body");
            assert_eq!(Stamp::decode(&encoded), Some((stamp, b"the body".as_slice())));
        }
        for case in known_answers::section("stamp_malformed") {
            assert_eq!(Stamp::decode(&case.bytes("content")), None, "{case}");
        }
    }

    proptest! {
        #[test]
        fn what_decodes_is_the_only_encoding(content in prop::collection::vec(any::<u8>(), 0..40)) {
            if let Some((stamp, body)) = Stamp::decode(&content) {
                let mut encoded = stamp.encode();
                prop_assert_eq!(encoded.len(), stamp.encoded_length());
                encoded.extend_from_slice(body);
                prop_assert_eq!(encoded, content);
            }
        }
    }
}
