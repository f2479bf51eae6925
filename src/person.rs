//! People with several devices: who belongs together, and messages to all of them.
//!
//! A person is an owner identity, that of their first device, and a list of devices that it has signed and each device has
//! agreed to be in. No server is believed about it, and no two devices share a key. For one who talks with single devices
//! there is nothing to do here: a [`Peer`] is a person of one device.
//!
//! ```
//! use evanesce::person::{Contacts, DeviceList, LinkCode, OwnDevices, Person};
//! use evanesce::server::PublishedPreKeys;
//! use evanesce::{Account, Address, Payload, Peer, PreKeyBundle, Timestamp};
//! # use rand_chacha::{ChaCha20Rng, rand_core::SeedableRng};
//! # let rng = &mut ChaCha20Rng::seed_from_u64(1);
//! # let now = Timestamp::from_unix_seconds(1_800_000_000);
//! # let [alice, phone, mut laptop] = ["alice/phone", "bob/phone", "bob/laptop"]
//! #     .map(|name| Account::generate(Address::new(name).unwrap(), now, rng));
//! # let mut servers = [&phone, &laptop].map(|it| PublishedPreKeys::new(it.pending_upload().unwrap()));
//! # let [phones_server, laptops_server] = &mut servers;
//!
//! // Bob's phone is its own owner. His laptop shows a code, which the phone scans.
//! let (mut phone_own, mut phone_contacts) = (OwnDevices::new(&phone), Contacts::new());
//! let (mut laptop_own, mut laptop_contacts) = (OwnDevices::new(&laptop), Contacts::new());
//! let shown = laptop_own.show_link_code(now, rng).encode();
//! let code = LinkCode::decode(&shown)?;
//! // Both show code.digits(); Bob confirms that the laptop will read and write as him.
//! let bundle = PreKeyBundle::decode(&laptops_server.hand_out())?.verify(now)?;
//! let offer = phone_own.offer_link(&phone, &mut phone_contacts.peers, &code, bundle, now, rng)?;
//!
//! let message = &offer.message.message; // it travels like any other
//! let peers = &mut laptop_contacts.peers;
//! let opened = laptop_own.open_link_offer(&mut laptop, peers, message, now)?;
//! assert_eq!(opened.digits, phone_own.digits()); // Bob confirms that they are the same
//! let answer = laptop_own.answer_link_offer(&laptop, peers, now, rng)?;
//!
//! let (message, peers) = (&answer.message.message, &mut phone_contacts.peers);
//! let (list, _changes) = phone_own.finish_link(&phone, peers, message, now)?; // publish it
//!
//! // Alice knows Bob by the identity of his phone. She fetches his list, and begins a session with each device.
//! let alice_own = OwnDevices::new(&alice);
//! let mut bob = Person::new(phone.device().identity);
//! let event = bob.adopt(DeviceList::decode(&list.encode())?.verify(now)?, now)?;
//! // Show her the event: which devices Bob has.
//! let mut contacts = Contacts::new();
//! for (device, server) in bob.devices(now)?.into_iter().zip([laptops_server, phones_server]) {
//!     let mut peer = Peer::pinned(device.clone());
//!     let bundle = PreKeyBundle::decode(&server.hand_out())?.verify(now)?;
//!     peer.initiate(&alice, bundle, now, rng)?;
//!     contacts.peers.push(peer);
//! }
//!
//! // One call encrypts for all of them. Store sent.changes and all messages at once, then send them.
//! let sent = alice_own.to(&bob).encrypt(&mut contacts.peers, &Payload::new("Hello"), b"", now, rng)?;
//! assert!(sent.messages.len() == 2 && sent.unreached.is_empty());
//!
//! let from = &alice.device().address;
//! let [for_laptop, _] = &sent.messages[..] else { panic!("two devices") };
//! let contacts = &mut laptop_contacts;
//! let got = laptop_own.decrypt(&mut laptop, contacts, from, &for_laptop.message, b"", now)?;
//! assert_eq!(got.delivered.received.body, b"Hello");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # What travels
//!
//! Lists and what both sides hold go along with ordinary messages, until both agree; then nothing does. So a list that a
//! server withholds from one side is noticed with the next message that gets through. Whoever withholds all of it has us
//! send to a device that was removed until its list has expired, 30 days by default and 91 at most, and never to one more.
//!
//! # What to show
//!
//! | [`PersonEvent`] | |
//! |---|---|
//! | [`Adopted`](PersonEvent::Adopted) | which devices came and went, if any did: "Bob has a new device" |
//! | `Adopted` with `unknown_own` | a list of our own that this owner's device did not sign: ask which of the devices are the user's, before anything else |
//! | [`Joined`](PersonEvent::Joined) | who wrote is Bob, from another device: put the two conversations together |
//! | [`ListedTwice`](PersonEvent::ListedTwice) | one device is said to be of two people: "this device is listed by Bob and by Carol". It counts as Bob's |
//! | [`Given`](PersonEvent::Given) | a list of somebody else: if an own device gives it [`Contacts::adopt`] takes it, and gives what to show |
//! | [`Equivocation`](PersonEvent::Equivocation), [`ListsDiffer`](PersonEvent::ListsDiffer) | two lists of one version: somebody may have a hidden device. Show the devices of both and let people compare those: their [number](Person::number) is the same either way |
//! | [`ListBehind`](PersonEvent::ListBehind) | nothing; fetch the list, if it does not come with the next messages |
//! | [`DecidedElsewhere`](PersonEvent::DecidedElsewhere) | what the user decided on another own device, in the list of contacts; of who is refused there is nothing left to show |
//! | [`Known`](PersonEvent::Known) | nothing; have the device known: [`Contacts::pin`] |
//! | [`RemovalAsked`](PersonEvent::RemovalAsked) | on the owner's device: "remove your tablet?" |
//! | [`Refused`](PersonEvent::Refused) | nothing; for the log |
//! | [`Standing::Stale`], [`Standing::Removed`] | beside the message: from a device that may be, or is, no longer Bob's |
//!
//! [`Peer`]: crate::Peer

pub(crate) mod consent;
pub(crate) mod decisions;
pub(crate) mod group_part;
pub(crate) mod removed_devices;
pub(crate) mod standing;

pub(crate) mod own_event;
pub(crate) mod verified_list;

pub(crate) mod link_code;
pub(crate) mod people_changes;
pub(crate) mod person_event;

pub(crate) mod fan_out;
pub(crate) mod linking_state;
pub(crate) mod other_person;
pub(crate) mod person_delivered;

pub(crate) mod contacts;
pub(crate) mod our_devices;

mod arrival;
pub(crate) mod due_parts;

pub(crate) mod link_error;
pub(crate) mod recipients;

pub(crate) mod linking_message;

mod own_arrivals;
mod people_decided;
pub(crate) mod restoring;

mod arriving;
pub(crate) mod linking_device;
mod linking_owner;
mod telling;

pub use crate::person::consent::{Consent, ListedDevice};
pub use crate::person::contacts::Contacts;
pub use crate::person::decisions::ContactDecision;
pub use crate::person::fan_out::{AddressedMessage, FanOut, FanOutError, Obstacle, Unreached};
pub use crate::person::group_part::GroupPart;
pub use crate::person::link_code::{LinkCode, LinkCodeError};
pub use crate::person::link_error::LinkError;
pub use crate::person::linking_device::LinkOffer;
pub use crate::person::linking_message::LinkMessage;
pub use crate::person::other_person::{AdoptError, ListExpired, Person};
pub use crate::person::our_devices::{OwnDevices, SignError};
pub use crate::person::own_event::OwnEvent;
pub use crate::person::people_changes::PeopleChanges;
pub use crate::person::person_delivered::PersonDelivered;
pub use crate::person::person_event::{PartRefusal, PersonEvent, Whose};
pub use crate::person::recipients::Recipients;
pub use crate::person::restoring::Restored;
pub use crate::person::standing::Standing;
pub use crate::person::verified_list::{ListError, VerifiedList};
pub use crate::wire::device_list::DeviceList;
