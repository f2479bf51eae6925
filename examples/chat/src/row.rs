//! Rows: what a person's store is made of, before it is sealed.

use evanesce::expiry::MessageId;
use evanesce::group::GroupId;
use evanesce::zeroize::Zeroizing;
use serde::{Deserialize, Serialize};

use crate::name::Name;
use crate::words::Words;

/// Which row. Its name in the file is a keyed hash of this.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Row {
    /// The library's account.
    Account,
    /// What the application knows of its owner.
    Profile,
    /// One record of the library's scheduler, by its key.
    Scheduler(Vec<u8>),
    /// The library's peer, by the name of the device.
    Peer(Name),
    /// What the application knows of a person.
    Contact(Name),
    /// A message of a conversation.
    Message(MessageId),
    /// What is to be encrypted as soon as there is a session.
    Draft(u64),
    /// What is to be handed to the relay: the outbox.
    Parcel(u64),
    /// What came under another identity than the one that is pinned.
    Parked(u64),
    /// A file that is on its way to the relay.
    Upload(u64),
    /// A part of a file that came, by its number: nothing but what is final.
    Piece(MessageId, u64),
    /// All parts of a file that came: they go together.
    Pieces(MessageId),
    /// A blob that the relay is to delete.
    Disposal(u64),
    /// What proves a message of theirs, beside the row of the message.
    Evidence(MessageId),
    /// A report that the relay is to get.
    Report(u64),
    /// The library's own devices.
    Own,
    /// The library's person, by the order in which people became known.
    Person(u64),
    /// What own other devices are to be told.
    Telling(u64),
    /// The library's group.
    Group(GroupId),
    /// What the application knows of a group.
    GroupNotes(GroupId),
    /// The library's invitations.
    Invitations,
    /// Which messages of a group wait for something; of none, those whose group is not known.
    Held(Option<GroupId>),
    /// One of them, by its number.
    HeldMessage(Option<GroupId>, u64),
}

/// What a row holds from now on; nothing if it goes.
pub struct Write {
    pub row: Row,
    pub value: Option<Zeroizing<Vec<u8>>>,
    /// What the row is found by; of a row that was written before, nothing new.
    pub words: Words,
}

/// What a row holds, as it comes back from the store.
pub struct Held {
    pub row: Row,
    pub value: Zeroizing<Vec<u8>>,
}
