//! What a user is shown of people and their devices.

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::fmt;

use crate::identity::{Device, IdentityKey};
use crate::person::decisions::ContactDecision;
use crate::person::verified_list::{ListError, VerifiedList};

/// What became known of a person's devices: from this a screen can be written.
#[derive(Clone, PartialEq, Eq)]
#[must_use = "people are told which devices come and go"]
#[non_exhaustive]
pub enum PersonEvent {
    /// A list was adopted. Show which devices came and went, if any did.
    Adopted {
        /// Whose it is.
        owner: IdentityKey,
        /// Its version.
        version: u32,
        /// Which devices are new, in order of their addresses.
        came: Vec<Device>,
        /// Which are gone.
        went: Vec<Device>,
        /// Whether this is the owner's own device, and another one signed the list: this one was put back to an older
        /// state, or somebody else has its key. **Ask the user which of the new devices are theirs**:
        /// [`OwnDevices::confirm`](crate::person::OwnDevices::confirm) or
        /// [`OwnDevices::remove`](crate::person::OwnDevices::remove).
        unknown_own: bool,
    },
    /// The sender, until now alone, is a device of this person.
    Joined {
        /// The person.
        owner: IdentityKey,
        /// The device.
        device: Device,
    },
    /// A device of an adopted list stands in the list of somebody else too. It is of the person who became known first.
    ListedTwice {
        /// The device.
        device: Device,
        /// Who became known first.
        of: IdentityKey,
        /// Whose list it stands in as well.
        also: IdentityKey,
    },
    /// A verified list of a third person came with the message, adopted nowhere: the sender passes it on.
    Given(Box<VerifiedList>),
    /// The owner signed two lists of one version. Neither can be trusted to be whole: show the user the devices of both, and
    /// have them ask the person, in some other way, which are theirs. The number of a person does not tell: it is of the
    /// owner, and equal. The person is marked until a higher version comes.
    Equivocation {
        /// The one that is held.
        held: Box<VerifiedList>,
        /// The other one.
        other: Box<VerifiedList>,
    },
    /// The sender says that it holds a newer list: a claim, until the list comes. Fetch it, or wait.
    ListBehind {
        /// Of whom.
        of: Whose,
        /// Which version.
        version: u32,
    },
    /// The sender says that it holds another list of the version that is held here: a claim, until that list comes, and
    /// [`PersonEvent::Equivocation`] is told, with both. Told of senders who are accepted, and of own devices.
    ListsDiffer {
        /// Of whom.
        of: Whose,
        /// Which version.
        version: u32,
    },
    /// On another own device the user accepted, refused or verified somebody, or took that back. It holds here already; of
    /// somebody who is refused show nothing any more.
    DecidedElsewhere {
        /// Of whom.
        owner: IdentityKey,
        /// What holds now; `None` if nothing was ever decided of their messages.
        contact: Option<ContactDecision>,
        /// Whether their number was compared.
        verified: bool,
    },
    /// Another own device knows this device of a contact, of whom there is no list. Have it known here too:
    /// [`Contacts::pin`](crate::person::Contacts::pin), with all peers that are stored.
    Known(Device),
    /// An own device asks to be removed from the list, told on the owner's: ask the user, then [`OwnDevices::remove`] it
    /// there.
    ///
    /// [`OwnDevices::remove`]: crate::person::OwnDevices::remove
    RemovalAsked {
        /// Which.
        device: Device,
    },
    /// A part of the message was refused, and nothing else of it.
    Refused {
        /// Its type (docs/protocol.md §17.1).
        part: u8,
        /// Why.
        reason: PartRefusal,
    },
}

/// Whose list a notice is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Whose {
    /// That of our own person.
    Ours,
    /// That of the sender's person.
    Theirs,
}

/// Why a part of a message is refused alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum PartRefusal {
    /// A list that does not decode or verify.
    List(ListError),
    /// A list of a lower version than the one that is held.
    OlderList,
    /// The first list of a person, and it has expired: devices of it may have been removed since.
    Expired,
    /// The first list of our own person that came after this device was linked, and it does not name it.
    NotNamed,
    /// More lists than are verified of one message: eight, of somebody who is not accepted two.
    TooManyLists,
    /// A copy, or what own devices tell each other, from a device that does not count as our own person's, is unconfirmed, or
    /// came before a newer list after a restore; a decision of one that is stale.
    NotOwn,
    /// A part of linking, outside of linking.
    NotLinking,
    /// What an own device tells breaks its form, or is more than 1,000 events; or a chain of a group came in a message that
    /// is something else too.
    Malformed,
    /// A decision of an own device whose version is more than 2^20 above the one that is held: nobody comes there by
    /// deciding.
    VersionJump,
    /// Own devices have made 10,000 people known, and this would be one more.
    TooManyPeople,
}

/// What, of whom, and of devices how many.
impl fmt::Debug for PersonEvent {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Adopted { owner, version, came, went, unknown_own } => {
                let mut shown = formatter.debug_struct("Adopted");
                shown.field("owner", &owner.in_short()).field("version", version);
                shown.field("came", &came.len()).field("went", &went.len());
                shown.field("unknown_own", unknown_own).finish()
            }
            Self::Joined { owner, device } => {
                let mut shown = formatter.debug_struct("Joined");
                shown.field("owner", &owner.in_short()).field("device", device).finish()
            }
            Self::ListedTwice { device, of, also } => {
                let mut shown = formatter.debug_struct("ListedTwice");
                shown.field("device", device).field("of", &of.in_short());
                shown.field("also", &also.in_short()).finish()
            }
            Self::Given(list) => formatter.debug_tuple("Given").field(list).finish(),
            Self::Equivocation { held, other: _ } => {
                let mut shown = formatter.debug_struct("Equivocation");
                shown.field("held", held).finish_non_exhaustive()
            }
            Self::ListBehind { of, version } => {
                let mut shown = formatter.debug_struct("ListBehind");
                shown.field("of", of).field("version", version).finish()
            }
            Self::ListsDiffer { of, version } => {
                let mut shown = formatter.debug_struct("ListsDiffer");
                shown.field("of", of).field("version", version).finish()
            }
            Self::DecidedElsewhere { owner, contact, verified } => {
                let mut shown = formatter.debug_struct("DecidedElsewhere");
                shown.field("owner", &owner.in_short()).field("contact", contact);
                shown.field("verified", verified).finish()
            }
            Self::Known(device) => formatter.debug_tuple("Known").field(device).finish(),
            Self::RemovalAsked { device } => {
                formatter.debug_struct("RemovalAsked").field("device", device).finish()
            }
            Self::Refused { part, reason } => {
                let mut shown = formatter.debug_struct("Refused");
                shown.field("part", part).field("reason", reason).finish()
            }
        }
    }
}
