//! Groups of up to a thousand people, whose server can add nobody.
//!
//! A group is a *roster*: who is in it, who is an admin, title and picture, signed by the owner's device of an admin.
//! Members are people ([`person`](crate::person)), and all of their devices read and write. Each device has a *chain* of
//! keys of its own and gives it to the others in the sessions that it has with them; then one message, in the same bytes for
//! all, opens at each of them. Everything but these messages travels inside of sessions. A server carries bytes and is
//! believed nothing.
//!
//! ```
//! use evanesce::group::{Change, GroupEvent, GroupOutgoing, Groups};
//! use evanesce::person::{Contacts, OwnDevices, Person};
//! use evanesce::{Account, Address, Payload, Peer, PreKeyBundle, Timestamp};
//! # use rand_chacha::{ChaCha20Rng, rand_core::SeedableRng};
//! # let rng = &mut ChaCha20Rng::seed_from_u64(1);
//! # let now = Timestamp::from_unix_seconds(1_800_000_000);
//!
//! /// A device, with all that it holds, and what it has shown.
//! struct Phone {
//!     account: Account,
//!     own: OwnDevices,
//!     contacts: Contacts,
//!     groups: Groups,
//!     shown: Vec<Vec<u8>>,
//! }
//! # let mut phones: Vec<Phone> = ["anna", "ben", "carla"].iter().map(|name| {
//! #     let account = Account::generate(Address::new(name).unwrap(), now, rng);
//! #     let mut own = OwnDevices::new(&account);
//! #     own.refresh(&account, now).unwrap();
//! #     let (contacts, groups, shown) = (Contacts::new(), Groups::new(), Vec::new());
//! #     Phone { account, own, contacts, groups, shown }
//! # }).collect();
//! # for other in 0..3 {
//! #     let list = phones[other].own.person().list().unwrap().clone();
//! #     let device = phones[other].account.device();
//! #     let upload = phones[other].account.pending_upload().unwrap();
//! #     let mut server = evanesce::server::PublishedPreKeys::new(upload);
//! #     for one in (0..3).filter(|one| *one != other) {
//! #         let Phone { account, own, contacts, .. } = &mut phones[one];
//! #         contacts.people.push(Person::new(*list.owner()));
//! #         contacts.adopt(own, list.clone(), now).unwrap();
//! #         let mut peer = Peer::pinned(device.clone());
//! #         let bundle = PreKeyBundle::decode(&server.hand_out()).unwrap().verify(now).unwrap();
//! #         peer.initiate(account, bundle, now, rng).unwrap();
//! #         contacts.peers.push(peer);
//! #     }
//! # }
//! # let [mut anna, mut ben, mut carla] = <[Phone; 3]>::try_from(phones).ok().unwrap();
//! # let [annas, bens] = [&anna, &ben].map(|phone| phone.account.device().address);
//!
//! /// Takes in what was sent to this device. Store what changed, then acknowledge.
//! fn arrive(phone: &mut Phone, from: &Address, sent: &GroupOutgoing, now: Timestamp) {
//!     let Phone { account, own, contacts, groups, shown } = phone;
//!     let us = account.device().address;
//!     for message in sent.pairwise.iter().filter(|message| message.to == us) {
//!         let delivered = own.decrypt(account, contacts, from, &message.message, b"", now).unwrap();
//!         let heard = groups.hear(own, contacts, &delivered, now);
//!         let is_invited = |event: &GroupEvent| matches!(event, GroupEvent::Invited { .. });
//!         if heard.events.iter().any(is_invited) {
//!             // "Anna invites you to Hiking". The user wants to be in it.
//!             let invitation = groups.invitations(own, now).next().unwrap().name();
//!             groups.join(own, contacts, &invitation, now).unwrap();
//!         }
//!     }
//!     for broadcast in sent.broadcasts.iter().filter(|broadcast| broadcast.to.contains(&us)) {
//!         let got = groups.decrypt(own, contacts, &broadcast.message, b"", now).unwrap();
//!         shown.extend((!got.is_control).then_some(got.received.body));
//!     }
//! }
//!
//! // Anna makes a group with Ben. Store what changed and the messages at once, then send them.
//! let bens_owner = *ben.own.person().owner();
//! let members = [bens_owner];
//! let (group, sent) =
//!     anna.own.create_group(&anna.account, &mut anna.contacts, &members, b"Hiking", now, rng)?;
//! let id = group.id();
//! anna.groups.all.push(group);
//! arrive(&mut ben, &annas, &sent, now);
//!
//! // Ben writes: one message for all, and to Anna's device his chain.
//! let group = ben.groups.group_mut(&id).unwrap();
//! let hello = Payload::new("Hello");
//! let sent = ben.own.in_group(&ben.account, group).encrypt(&mut ben.contacts, &hello, b"", now, rng)?;
//! assert!(sent.broadcasts.len() == 1 && sent.pairwise.len() == 1 && sent.unreached.is_empty());
//! arrive(&mut anna, &bens, &sent, now);
//! assert_eq!(anna.shown, [b"Hello"]);
//!
//! // Anna adds Carla, who reads from here on, and later takes her out again.
//! let carlas_owner = *carla.own.person().owner();
//! let mut in_group = anna.own.in_group(&anna.account, anna.groups.group_mut(&id).unwrap());
//! let signed = in_group.change(&mut anna.contacts, &Change::add(&carlas_owner), now, rng)?;
//! assert!(matches!(signed.events.as_slice(), [GroupEvent::Changed { .. }])); // "you added Carla"
//! arrive(&mut ben, &annas, &signed, now);
//! arrive(&mut carla, &annas, &signed, now);
//! assert_eq!(carla.groups.group(&id).unwrap().about(), Some(&b"Hiking"[..]));
//!
//! let member = anna.groups.group(&id).unwrap().member(&carlas_owner).unwrap();
//! let mut in_group = anna.own.in_group(&anna.account, anna.groups.group_mut(&id).unwrap());
//! let removed = in_group.change(&mut anna.contacts, &Change::remove(&member), now, rng)?;
//! let sent = in_group.encrypt(&mut anna.contacts, &Payload::new("To Ben"), b"", now, rng)?;
//! arrive(&mut ben, &annas, &removed.and(sent), now);
//! assert_eq!(ben.shown, [b"To Ben"]);
//! assert_eq!(ben.groups.group(&id).unwrap().members().len(), 2);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # What travels
//!
//! With n members of d devices each:
//!
//! | | to whom | bytes |
//! |---|---|---|
//! | a message | the same bytes to nd − 1 devices | 154 and the padded plaintext: 218 for up to 61 bytes of text, without a timer |
//! | a new chain | nd − 1 devices, one message each | 297 each in suite 1 |
//! | a roster | in a message to all | 264 and 69 for each member, padded |
//! | a removal | the roster to all, of the signer a new chain, and one of each other device with its next message | |
//! | an invitation | the roster to all; to each new device roster, about and a chain; to each of them a chain of each other device with its next message | |
//!
//! A device begins a chain with its first message, after 100 messages or 14 days, and when somebody who had the one before
//! gets nothing more. So a message costs one message most of the time. In suite 2 messages of sessions are larger by up to
//! 256 bytes while an epoch's key travels, and by about 1.8 kB before the first answer. Up to 64 members a newcomer is also
//! sent the lists of all that the signer holds, seven in a message; in larger groups the application fetches them.
//!
//! With two devices each, an about of 100 bytes and a carrier that copies messages for all (one that does not costs the
//! bytes of messages once for each device):
//!
//! | members | 8 | 32 | 200 | 1,000 |
//! |---|---|---|---|---|
//! | other devices | 15 | 63 | 399 | 1,999 |
//! | a message of up to 61 bytes | 218 B | 218 B | 218 B | 218 B |
//! | a new chain | 15 messages, 4,455 B | 63 messages, 19 kB | 399 messages, 119 kB | 1,999 messages, 594 kB |
//! | a roster, before padding | 816 B | 2,472 B | 14 kB | 69 kB |
//! | removing somebody: the roster to all | 922 B | 2,586 B | 14 kB | 70 kB |
//! | … and the new chain of the signer, as of each device that writes again | 13 messages, 3,861 B | 61 messages, 18 kB | 397 messages, 118 kB | 1,997 messages, 593 kB |
//! | … of all devices together, once all have written | 182 messages, 54 kB | 3,782 messages, 1.1 MB | 158,006 messages, 46.9 MB | 3,990,006 messages, 1,185 MB |
//! | inviting the last of these members: the roster to all | 986 B | 2,714 B | 14 kB | 70 kB |
//! | … to each of the two new devices, lists apart | 1,257 B | 2,921 B | 15 kB | 70 kB |
//! | … of each device that writes again | 2 messages, 594 B | 2 messages, 594 B | 2 messages, 594 B | 2 messages, 594 B |
//!
//! # What to show
//!
//! Events come with what arrives ([`GroupsHeard::events`], [`GroupDelivered::events`]) and with what is sent
//! ([`GroupOutgoing::events`]): show both by one function. On the owner's device of an admin a message that only says hello
//! may sign what is due for others, so that "Carla left" or "Ben came back" are true from that call on.
//!
//! | [`GroupEvent`] | |
//! |---|---|
//! | [`Invited`](GroupEvent::Invited) | "Anna invites you to Hiking", from [`Groups::invitations`]: who invites, title, members. The user joins or declines |
//! | `Invited`, `again` | the same, back to a group that is held, as soon as the user is to be asked, which may be days after it came: "Anna says that this is the group now". By joining, their roster takes the place of all that is held, so show who it is |
//! | [`Changed`](GroupEvent::Changed) | lines in the conversation, by whom ([`GroupChange`]): who came or has another role; who is not in it any more: who [went](GroupChange::went) and had not [left](GroupChange::left), removed as a rule; another title; who may set the timer. It can also take back what was shown, where two admins acted at the same time |
//! | [`Left`](GroupEvent::Left) | "Carla left", or "you left" where it was another device of the user's |
//! | [`Refused`](GroupEvent::Refused) | nothing; for the log |
//!
//! Beside the messages: [`standing`](GroupDelivered::standing) if it is not *listed*, and that a device is [not
//! confirmed](GroupDelivered::is_unconfirmed), as in conversations. [`Member::is_withheld`]: "is leaving". Of a message that
//! is refused:
//!
//! | [`GroupDecryptError`] | |
//! |---|---|
//! | [`Missing`](GroupDecryptError::Missing), [`Undecryptable`](GroupDecryptError::Undecryptable) | nothing yet: keep it ([`HeldMessages`]), and once it has waited for too long "a message of Ben's is missing" |
//! | [`Forked`](GroupDecryptError::Forked), [`Expired`](GroupDecryptError::Expired), [`SenderAtFault`](GroupDecryptError::SenderAtFault) | that a message cannot be read. The first means a sender that was put back, or that tells people different things |
//! | [`Unsupported`](GroupDecryptError::Unsupported) | nothing: keep the bytes for a later release |
//! | all others | nothing: acknowledge it |
//!
//! # What to store and when
//!
//! Each [`Group`] is a row, [`Invitations`] are one more, and [`HeldMessages`] one for each group. [`GroupChanges`] says
//! what a call changed; it goes into one transaction with what the call gave, messages to be sent in an outbox.
//!
//! | call | one transaction | then |
//! |---|---|---|
//! | [`OwnDevices::create_group`], and those of [`InGroup`] that give a [`GroupOutgoing`] | `changes`, the messages, lines for its `events`, one's own text with its [evidence](Broadcast::evidence) | send `pairwise`, then `broadcasts` |
//! | [`Groups::hear`] | its `changes` and those of [`OwnDevices::decrypt`] | offer what it `unblocks`, acknowledge, [`Groups::respond`] |
//! | [`Groups::decrypt`], [`Group::decrypt`] | `changes`, the text with its evidence | offer what it `unblocks`, acknowledge |
//! | the same, refused as *missing* or *undecryptable* | the group, [`HeldMessages`], the bytes and the `ad` under the number that [`HeldMessages::refused`] gives | acknowledge, [`Groups::respond`] |
//! | the same, refused as *forked* | the group | acknowledge, [`Groups::respond`]: another chain is asked for |
//! | [`Groups::join`], [`Groups::decline`] | its `changes` | offer what joining `unblocks` |
//! | [`Groups::maintain`], [`Groups::respond`] | `changes`, the messages, lines for its `events` | send |
//!
//! **After a restore from a backup**: [`OwnDevices::restored_with_groups`] in place of [`OwnDevices::restored_from_backup`],
//! or numbers are used twice. If nobody notices it, no two texts meet under one key; receivers say *forked* and show nothing
//! of it.
//!
//! # What to call when
//!
//! - **Each message of a session**: [`OwnDevices::decrypt`], then [`Groups::hear`] with what it gave, then
//!   [`Groups::respond`] with its `wants`. Also while there is no group: invitations come so.
//! - **Each message to a group** (its first byte is `0x13`): [`Groups::decrypt`], or [`Group::decrypt`] where the carrier
//!   says which group it is for. After one that is *missing* something, [`Groups::respond`] without wants: it asks for that,
//!   once a day.
//! - **What waits**: offer again what [`HeldMessages::due`] gives for `unblocks`, and tell it what came of that: it has
//!   [opened](HeldMessages::opened), or [not](HeldMessages::refused_again). Lists that were fetched unblock too:
//!   [`Unblocked::of_people`].
//! - **Whom a call does not reach** (`unreached`): if a session is missing, fetch a bundle, and begin one by
//!   [`Peer::initiate_for_group`](crate::Peer::initiate_for_group), which makes a stranger no contact. Then
//!   [`InGroup::catch_up`]; after [`Groups::respond`] that once more, without the wants.
//! - **An invitation**: the user is shown one, and joins by [`InvitationTo::name`], so that nobody joins another than was
//!   shown.
//! - **At every start and once a day**: [`Groups::maintain`] and [`HeldMessages::maintain`]; fetch the lists that
//!   [`Group::lists_needed`] names, since of who has none nothing is read.
//! - **A device that was linked**: [`InGroup::introduce`], of each group.
//! - **Somebody had a device in their hands**: [`InGroup::renew`]. The next message begins a chain.
//!
//! # Strangers
//!
//! Members need not know each other. A device that is known from a group alone is a request: control messages of groups go
//! to it, and nothing else. What strangers write to the group is shown there; accept nobody for that.
//! Who is [refused](crate::person::Contacts::refuse) gets none of this device's chains, and is not read in groups either.
//!
//! # Timers, taking back, reports
//!
//! The conversation is the group: [`ConversationId::named`](crate::expiry::ConversationId::named) of [`GroupId::as_bytes`],
//! authors and `by` are tags of people ([`GroupDelivered::author`]). Admins set the timer, or all members ([`SetsTimer`]).
//! Of a message whose author [may not](GroupDelivered::may_set_timer) the scheduler is told
//! [`by_one_who_may_not_set`](crate::expiry::NewMessage::by_one_who_may_not_set), and a user who [may
//! not](Group::may_set_timer) is not offered it: their setting would count nowhere.
//!
//! Authors take back what they wrote, as everywhere: [`unsent`](crate::expiry::ExpiryScheduler::unsent) with
//! [`GroupDelivered::author`] of the request. If [`may_take_back`](GroupDelivered::may_take_back) says that it is from an
//! admin, give it the author of the message that is to go, whom the request has to name. Who is an admin is asked when the
//! request comes: devices that know of different rosters may then differ.
//!
//! Reports are those of [`report`](crate::report): [`Received`](crate::Received) has the evidence of what came,
//! [`Broadcast::evidence`] is that of what was sent, and a carrier postmarks messages to groups like others. A report proves
//! the text to the moderators, and nothing of the group. Who also shows to which chain, roster and bytes the message was
//! bound proves group, roster and device (section 18.7 of the [protocol](crate::docs::protocol)); no report holds that.
//! Messages that bring chains have no evidence.
//!
//! [`OwnDevices::create_group`]: crate::person::OwnDevices::create_group
//! [`OwnDevices::decrypt`]: crate::person::OwnDevices::decrypt
//! [`OwnDevices::restored_from_backup`]: crate::person::OwnDevices::restored_from_backup
//! [`OwnDevices::restored_with_groups`]: crate::person::OwnDevices::restored_with_groups

pub(crate) mod fair_share;

pub(crate) mod asking_fields;
pub(crate) mod behind;
pub(crate) mod by_beginning;
pub(crate) mod group_id;
pub(crate) mod heard_want;
pub(crate) mod missing;
pub(crate) mod roster_secret;
pub(crate) mod sender_chain;
pub(crate) mod signed_roster;
pub(crate) mod wanted;

pub(crate) mod directory;
pub(crate) mod group_changes;
pub(crate) mod heard_chain;
pub(crate) mod held_secrets;
pub(crate) mod last_order;
pub(crate) mod message_sealing;
pub(crate) mod own_chain;
pub(crate) mod part_heard;
pub(crate) mod role;
pub(crate) mod rosters;
pub(crate) mod waiting;

pub(crate) mod group_device;
pub(crate) mod group_event;
pub(crate) mod invitation;
pub(crate) mod moment;

pub(crate) mod group_outgoing;
pub(crate) mod one_group;

mod group_recipients;
mod inviting_back;
mod part_checks;

mod hearing;
pub(crate) mod members;
pub(crate) mod message_opening;
mod steps;

mod asking;
mod before;
pub(crate) mod held_messages;
pub(crate) mod invitations;
pub(crate) mod message_sending;

pub(crate) mod changing;
pub(crate) mod group_delivered;
pub(crate) mod groups_heard;
mod reach;

pub(crate) mod change;
mod creating;
mod group_arriving;

pub(crate) mod in_group;

pub(crate) mod all_groups;

mod groups_restored;

mod hostile_members;
mod known_conversations;

pub use crate::group::all_groups::Groups;
pub use crate::group::change::Change;
pub use crate::group::changing::GroupChangeError;
pub use crate::group::group_changes::GroupChanges;
pub use crate::group::group_delivered::GroupDelivered;
pub use crate::group::group_event::{GroupChange, GroupEvent};
pub use crate::group::group_id::GroupId;
pub use crate::group::group_outgoing::{Broadcast, GroupOutgoing};
pub use crate::group::groups_heard::GroupsHeard;
pub use crate::group::heard_want::HeardWant;
pub use crate::group::held_messages::{HeldMessages, Kept};
pub use crate::group::in_group::InGroup;
pub use crate::group::invitations::Invitations;
pub use crate::group::members::{InvitationName, InvitationTo, Member};
pub use crate::group::message_opening::GroupDecryptError;
pub use crate::group::message_sending::GroupEncryptError;
pub use crate::group::missing::{Missing, MissingKind, Unblocked};
pub use crate::group::one_group::Group;
pub use crate::group::part_heard::PartError;
pub use crate::group::role::{Role, SetsTimer};
