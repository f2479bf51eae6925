//! What an application keeps of a message, each to be deleted by itself.

use core::fmt;
use core::ops::BitOr;

use crate::stored::{StateWriter, Stored};
use crate::wire::codec::{DecodeError, Reader};

/// A set of things that an application keeps of one message, in places of their own. A message is due again
/// until each of them is confirmed to be gone.
///
/// ```
/// # use evanesce::expiry::Parts;
/// let kept = Parts::BODY | Parts::FILE | Parts::NOTIFICATION;
/// assert!(kept.without(Parts::NOTIFICATION).contains(Parts::FILE));
/// ```
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(transparent))]
pub struct Parts(u8);

/// Each part with its name, from the least significant bit on.
const NAMES: [&str; 8] =
    ["BODY", "FILE", "THUMBNAIL", "NOTIFICATION", "PREVIEW", "SEARCH_INDEX", "RESEND_LOG", "QUOTE"];

impl Parts {
    /// Nothing.
    pub const NONE: Self = Self(0);
    /// Its text, with the row that holds it: reference and key of an attachment are in the text, and its
    /// [`Evidence`](crate::report::Evidence) is in the row.
    pub const BODY: Self = Self(1);
    /// A picture, a recording, a document: what was opened of an attachment or is to be sealed, what was fetched of its
    /// blob, and the checkpoint of its upload.
    pub const FILE: Self = Self(1 << 1);
    /// What is shown instead of the file until it is opened, in whatever sizes.
    pub const THUMBNAIL: Self = Self(1 << 2);
    /// What the operating system shows of it.
    pub const NOTIFICATION: Self = Self(1 << 3);
    /// The line in the list of conversations, or of a link.
    pub const PREVIEW: Self = Self(1 << 4);
    /// The entries of a full-text search.
    pub const SEARCH_INDEX: Self = Self(1 << 5);
    /// What is kept to send it once more. It is due after 14 days, even of a message that lives longer.
    pub const RESEND_LOG: Self = Self(1 << 6);
    /// What it repeats of the message that it answers. It is due when that message is.
    pub const QUOTE: Self = Self(1 << 7);

    /// Whether all of these are in the set.
    #[must_use]
    pub const fn contains(self, parts: Self) -> bool {
        self.0 & parts.0 == parts.0
    }

    /// Whether nothing is in the set.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// What is in both.
    #[must_use]
    pub const fn both(self, parts: Self) -> Self {
        Self(self.0 & parts.0)
    }

    /// What is left without these.
    #[must_use]
    pub const fn without(self, parts: Self) -> Self {
        Self(self.0 & !parts.0)
    }

    /// One bit for each, the first the least significant.
    pub(crate) const fn bits(self) -> u8 {
        self.0
    }

    /// The parts one by one.
    pub fn iter(self) -> impl Iterator<Item = Self> {
        (0..u8::BITS).map(|bit| Self(1 << bit)).filter(move |part| self.contains(*part))
    }
}

/// All that is in either.
impl BitOr for Parts {
    type Output = Self;

    fn bitor(self, parts: Self) -> Self {
        Self(self.0 | parts.0)
    }
}

impl fmt::Debug for Parts {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = NAMES.iter().zip(0..u8::BITS);
        let held = names.filter(|(_, bit)| self.contains(Self(1 << bit)));
        let mut shown = formatter.debug_set();
        held.for_each(|(name, _)| _ = shown.entry(&format_args!("{name}")));
        shown.finish()
    }
}

impl Stored for Parts {
    fn write(&self, out: &mut StateWriter) {
        out.put(&[self.0]);
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        reader.u8().map(Self)
    }
}
