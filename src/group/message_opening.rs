//! Group: messages in.

use alloc::vec::Vec;
use core::fmt;

use zeroize::Zeroizing;

use crate::commitment::{Commitment, CommitmentOpening};
use crate::group::behind::Behind;
use crate::group::directory::{Directory, KnownDevice};
use crate::group::heard_chain::{Advance, Looked};
use crate::group::invitation::{Invitation, InvitationReason};
use crate::group::message_sealing::{Bound, is_signed, open};
use crate::group::missing::{Missing, MissingKind};
use crate::group::one_group::{Group, NotRead};
use crate::group::sender_chain::ChainName;
use crate::group::signed_roster::Roster;
use crate::group::wanted::DAY;
use crate::identity::{Device, member_tag_of};
use crate::time::Timestamp;
use crate::wire::codec::DecodeError;
use crate::wire::distribution::WantKind;
use crate::wire::group_message::{GroupHeader, GroupMessage, Tag, tag_of};
use crate::wire::padding::content_length;
use crate::wire::roster::OwnerBytes;

/// Why a message of a group is refused. Nothing has changed, but that what is missing is wanted, and who went is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum GroupDecryptError {
    /// It breaks the encoding, or its sender made it so.
    Malformed,
    /// It is of another version.
    Unsupported,
    /// No secret that is held opens its header: it is of somebody who is no member, or was altered, or a secret has not come
    /// yet. Keep it, and offer it again when a [secret](crate::group::Unblocked::Secret) is newly held.
    Undecryptable,
    /// Its header opens, and its sender has not signed it so: it was altered, or made up by a member.
    Forged,
    /// What it needs is not held: keep it, and offer it again when that is.
    Missing(Missing),
    /// It has been here, or is one's own.
    Duplicate,
    /// Its sender is not in its roster.
    NotAMember,
    /// Its sender is a member no more, or its device is gone from its list.
    Former,
    /// The user [refused](crate::person::Contacts::refuse) its sender: nothing of theirs is read, here as elsewhere.
    Refused,
    /// Another message of the same number has opened, and both are signed: the sender was put back to an older state, or
    /// tells some members other things. Show that something of it is missing.
    Forked,
    /// Its key was dropped after 30 days, or it was sent before this device was given the chain.
    Expired,
    /// It is signed, and opens to nothing: its sender made it so.
    SenderAtFault,
}

/// A message that has opened.
pub(crate) struct Opened {
    pub(crate) owner: OwnerBytes,
    pub(crate) device: Device,
    pub(crate) roster: [u8; 32],
    /// M.
    pub(crate) padded: Zeroizing<Vec<u8>>,
    pub(crate) opening: CommitmentOpening,
    pub(crate) commitment: Commitment,
}

/// A message that opens, and what is then to be kept.
struct Plan {
    opened: Opened,
    identity: OwnerBytes,
    chain: ChainName,
    advance: Advance,
}

impl Group {
    /// Whether it is of this group: whether a secret that is held opens its header. Changes nothing.
    pub(crate) fn opens_header(&self, message: &[u8]) -> bool {
        GroupMessage::decode(message).is_ok_and(|message| self.open_header(&message).is_ok())
    }

    // docs/protocol.md §18.4
    pub(crate) fn open(
        &mut self,
        bytes: &[u8],
        ad: &[u8],
        directory: &Directory<'_>,
        now: Timestamp,
    ) -> Result<Opened, GroupDecryptError> {
        let planned = self.plan_opening(bytes, ad, directory, now);
        let Plan { opened, identity, chain, advance } = planned.inspect_err(|error| {
            self.want(error, directory, now);
        })?;
        let (roster, head) = (opened.roster, self.head());
        let behind = if !head.has(&opened.owner) {
            Some(Behind::Gone(tag_of(&roster)))
        } else {
            (roster != *head.hash()).then(|| Behind::Member(tag_of(&roster)))
        };
        let invites = |invitation: &Invitation| invitation.from.identity.is(&identity);
        if behind.is_none() && self.invitation.as_deref().is_some_and(invites) {
            // Whoever gave it holds the head too by now.
            self.invitation = None;
        }
        let device = self.devices.at(&identity);
        device.behind = behind;
        if let Some(chain) = device.chain_mut(&chain) {
            chain.commit(advance, bytes, now);
        }
        Ok(opened)
    }

    fn want(&mut self, error: &GroupDecryptError, directory: &Directory<'_>, now: Timestamp) {
        if let GroupDecryptError::Missing(Missing { kind, tag, device }) = error {
            match kind {
                MissingKind::List => {}
                MissingKind::Roster => {
                    self.name_wanted(*device, WantKind::Roster, *tag, directory, now);
                    let invitation = self.invitation.as_mut().filter(|it| it.roster.tag() == *tag);
                    let may_yet = invitation.filter(|it| it.reason == InvitationReason::Missing);
                    may_yet.into_iter().for_each(|invitation| invitation.is_confirmed = true);
                }
                MissingKind::Chain => {
                    self.name_wanted(*device, WantKind::Chain, *tag, directory, now);
                }
            }
        }
    }

    fn open_header(&self, message: &GroupMessage<'_>) -> Result<GroupHeader, GroupDecryptError> {
        let mut secrets = self.secrets.newest_first();
        let opened = secrets.find_map(|held| held.header_key.open(message.sealed_header));
        match opened {
            None => Err(GroupDecryptError::Undecryptable),
            Some(header) => header.map_err(|_| GroupDecryptError::Malformed),
        }
    }

    fn plan_opening(
        &mut self,
        bytes: &[u8],
        ad: &[u8],
        directory: &Directory<'_>,
        now: Timestamp,
    ) -> Result<Plan, GroupDecryptError> {
        let message = GroupMessage::decode(bytes)?;
        let header = self.open_header(&message)?;
        let mut refusal = None;
        let rosters: Vec<[u8; 32]> =
            self.rosters.tagged(header.roster).map(|roster| *roster.hash()).collect();
        if rosters.is_empty() {
            let missing =
                Missing { kind: MissingKind::Roster, tag: header.roster, device: header.sender };
            return Err(GroupDecryptError::Missing(missing));
        }
        // Tags only find: where several fit, each is tried, and what came furthest tells why none opens.
        for roster in &rosters {
            for sender in self.senders(&header, directory, now)? {
                match self.try_sender(&message, bytes, ad, &header, roster, &sender, directory, now)
                {
                    Ok(plan) => return Ok(plan),
                    Err((how_far, error)) => {
                        if refusal.is_none_or(|(furthest, _)| how_far > furthest) {
                            refusal = Some((how_far, error));
                        }
                    }
                }
            }
        }
        let refusal = refusal.map_or(GroupDecryptError::Undecryptable, |(_, refusal)| refusal);
        if refusal == GroupDecryptError::Forked {
            self.name_wanted(header.sender, WantKind::Renew, header.chain, directory, now);
        }
        if refusal == GroupDecryptError::Former {
            self.note_former(&message, ad, &header, &rosters, directory, now);
        }
        Err(refusal)
    }

    /// Somebody who went over a day ago writes still, and is to be told, if it was they who wrote.
    fn note_former(
        &mut self,
        message: &GroupMessage<'_>,
        ad: &[u8],
        header: &GroupHeader,
        rosters: &[[u8; 32]],
        directory: &Directory<'_>,
        now: Timestamp,
    ) {
        let senders = self.devices.tagged(header.sender).filter_map(|(identity, device)| {
            let known = directory.device(identity, now).filter(|known| known.gone.is_none())?;
            let owner = known.person.owner().encode();
            let roster = rosters.iter().find(|roster| {
                let is_in = self.rosters.get(roster).is_some_and(|roster| roster.has(&owner));
                // One that opened while they were in it may be repeated by anybody.
                let mut named = device.chains.iter().filter(|chain| {
                    chain.name.tag() == header.chain && !chain.has_opened(header.number)
                });
                is_in
                    && named.any(|chain| {
                        let bound = Bound { chain: &chain.name, roster, ad };
                        chain.is_signed(|signer| is_signed(message, signer, bound))
                    })
            })?;
            (!self.head().has(&owner)).then_some((*identity, tag_of(roster)))
        });
        let sender: Option<(OwnerBytes, Tag)> = senders.into_iter().next();
        if let Some((identity, roster)) = sender {
            self.devices.at(&identity).behind = Some(Behind::Gone(roster));
        }
    }

    /// The devices that a header may mean.
    fn senders(
        &self,
        header: &GroupHeader,
        directory: &Directory<'_>,
        now: Timestamp,
    ) -> Result<Vec<OwnerBytes>, GroupDecryptError> {
        if header.sender == member_tag_of(&self.us).0 {
            return Err(GroupDecryptError::Duplicate);
        }
        let has_chain = self.devices.tagged(header.sender).filter(|(_, device)| {
            device.chains.iter().any(|chain| chain.name.tag() == header.chain)
        });
        let mut senders: Vec<OwnerBytes> = has_chain.map(|(identity, _)| *identity).collect();
        if senders.is_empty() {
            senders = directory.tagged(header.sender, now);
        }
        if senders.is_empty() {
            return Err(missing_list(header));
        }
        Ok(senders)
    }

    #[expect(clippy::too_many_arguments, reason = "a step of the one above")]
    fn try_sender(
        &self,
        message: &GroupMessage<'_>,
        bytes: &[u8],
        ad: &[u8],
        header: &GroupHeader,
        roster: &[u8; 32],
        sender: &OwnerBytes,
        directory: &Directory<'_>,
        now: Timestamp,
    ) -> Result<Plan, (u8, GroupDecryptError)> {
        // 3
        let known = directory.device(sender, now).ok_or((3, missing_list(header)))?;
        let held = self.rosters.get(roster).ok_or((2, GroupDecryptError::Undecryptable))?;
        let owner = self.check_sender(held, &known, now).map_err(|error| (3, error.into()))?;
        if directory.is_refused(&known) {
            return Err((3, GroupDecryptError::Refused));
        }
        // 4
        let chains = self.devices.get(sender).map(|device| device.chains.as_slice());
        let mut refusal = None;
        for chain in chains.unwrap_or_default() {
            if chain.name.tag() != header.chain {
                continue;
            }
            // 5
            let bound = Bound { chain: &chain.name, roster, ad };
            if !chain.is_signed(|signer| is_signed(message, signer, bound)) {
                refusal = refusal.or(Some((5, GroupDecryptError::Forged)));
                continue;
            }
            // 6
            let at = |error| (6, error);
            let (key, advance) = match chain.look(header.number, bytes, now) {
                Looked::Key(key, advance) => (key, advance),
                Looked::Duplicate => return Err(at(GroupDecryptError::Duplicate)),
                Looked::Forked => return Err(at(GroupDecryptError::Forked)),
                Looked::Expired => return Err(at(GroupDecryptError::Expired)),
            };
            let opened = open(message, key, bound);
            let (padded, opening) = opened.ok_or(at(GroupDecryptError::SenderAtFault))?;
            content_length(&padded).ok_or(at(GroupDecryptError::Malformed))?;
            let opened = Opened {
                owner,
                device: known.device.clone(),
                roster: *roster,
                padded,
                opening,
                commitment: Commitment::new(*message.commitment),
            };
            return Ok(Plan { opened, identity: *sender, chain: chain.name, advance });
        }
        Err(refusal.unwrap_or_else(|| {
            let missing =
                Missing { kind: MissingKind::Chain, tag: header.chain, device: header.sender };
            (4, GroupDecryptError::Missing(missing))
        }))
    }

    fn check_sender(
        &self,
        roster: &Roster,
        sender: &KnownDevice<'_>,
        now: Timestamp,
    ) -> Result<OwnerBytes, NotRead> {
        let owner = sender.person.owner().encode();
        self.check_read(roster, &owner, now)?;
        if sender.gone.is_some_and(|gone| now > gone.plus(DAY)) {
            return Err(NotRead::Former);
        }
        Ok(owner)
    }
}

fn missing_list(header: &GroupHeader) -> GroupDecryptError {
    let (tag, device) = (header.sender, header.sender);
    GroupDecryptError::Missing(Missing { kind: MissingKind::List, tag, device })
}

impl From<NotRead> for GroupDecryptError {
    fn from(not_read: NotRead) -> Self {
        match not_read {
            NotRead::NotAMember => Self::NotAMember,
            NotRead::Former => Self::Former,
        }
    }
}

impl From<DecodeError> for GroupDecryptError {
    fn from(error: DecodeError) -> Self {
        match error {
            DecodeError::Malformed => Self::Malformed,
            DecodeError::Unsupported => Self::Unsupported,
        }
    }
}

impl fmt::Display for GroupDecryptError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Malformed => "the message is malformed",
            Self::Unsupported => "the message is of an unsupported version",
            Self::Undecryptable => "the message does not open",
            Self::Forged => "the sender has not signed the message",
            Self::Missing(missing) => {
                return write!(formatter, "missing: {}", missing.kind);
            }
            Self::Duplicate => "the message has been here",
            Self::NotAMember => "the sender is not in the message's roster",
            Self::Former => "the sender is a member no more",
            Self::Refused => "the sender was refused",
            Self::Forked => "the sender's chain has forked",
            Self::Expired => "the key of the message is gone",
            Self::SenderAtFault => "the sender made the message so that it does not open",
        })
    }
}

impl core::error::Error for GroupDecryptError {}
