//! What the two say to each other: no two messages the same.

use std::num::NonZeroU32;

use evanesce::Payload;
use evanesce::expiry::{MemberTag, Opens, Policy, Setting, SettingVersion, Stamp};

/// Lengths of bodies above those that one byte names.
const LONG_BODIES: [usize; 8] = [1_000, 1_021, 1_022, 1_023, 1_024, 2_048, 4_096, 17_200];

/// A size for which there is room in a message for all of a key, or of a ciphertext.
pub const ROOMY: u8 = 207;

/// The payload of the message of this number. Some bodies end as padding does.
#[must_use]
pub fn payload(number: usize, size: u8) -> Payload {
    let length = match size {
        0..200 => usize::from(size),
        200.. => LONG_BODIES[usize::from(size) % LONG_BODIES.len()],
    };
    let [low, ..] = number.to_le_bytes();
    let mut body = vec![[0x00, 0x80, 0xff, low][number % 4]; length];
    if let Some(first) = body.first_mut() {
        *first = low;
    }
    let ttl = NonZeroU32::MIN.saturating_add(low.into());
    let stamp = match number % 3 {
        0 => Stamp::NONE,
        1 => {
            Stamp { setting: None, own_policy: Some(Policy::AfterRead { ttl }), opens: Opens::Once }
        }
        _ => Stamp::of(Some(Setting {
            version: SettingVersion::MAX,
            policy: Some(Policy::OnClose),
            by: MemberTag([low; 8]),
        }))
        .announcing_change(),
    };
    Payload { stamp, body }
}
