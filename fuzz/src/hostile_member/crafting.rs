//! Rosters, chains and messages of a group as docs/protocol.md states them, made without the library's code; and wrong ones.

use std::collections::BTreeMap;

use evanesce::Account;

use crate::derivations::{
    Key, chain_key, group_header_key, message_key, seal_body, seal_group_header, sha256,
};
use crate::formats;
use crate::hostile_member::cast::AD;

/// Signs any bytes as an identity: `evanesce::fuzzing::sign`, which is there where targets are built alone.
pub type Sign = fn(&Account, &[u8]) -> [u8; 64];

pub const GROUP: Key = [9; 32];

/// What rosters are said to be about.
pub const ABOUTS: [&[u8]; 3] = [b"", b"hiking", &[7; 4_096]];

/// A member: since when, and whether an admin.
pub type Members = BTreeMap<[u8; 64], (u32, u8)>;

/// What a roster says.
#[derive(Clone, Debug)]
pub struct Roster {
    pub group: Key,
    pub epoch: u32,
    pub previous: Key,
    pub rights: u8,
    /// Which secret it is of.
    pub secret: u8,
    pub about: usize,
    pub members: Members,
    /// Whether its members stand in another order than they have to.
    pub is_disordered: bool,
    pub signer: [u8; 64],
}

/// A roster that was signed.
#[derive(Clone, Debug)]
pub struct Signed {
    pub says: Roster,
    pub bytes: Vec<u8>,
    pub hash: Key,
}

/// A message's place, and what is wrong with it.
pub struct Broadcast<'made> {
    pub sender: &'made Account,
    pub chain: &'made Chain,
    pub roster: &'made Signed,
    pub number: u8,
    /// Of parts, stamp and body.
    pub content: &'made [u8],
    pub fault: Fault,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    None,
    /// Its header is sealed under a secret that is nobody's.
    OtherSecret,
    /// It is signed by another key than its chain's.
    OtherSigner,
    /// It commits to another text than it has, and is signed.
    OtherCommitment,
    /// It has no end, and is signed.
    NoEnd,
}

/// A chain of a hostile device's making.
pub struct Chain {
    /// Its key pair is that of an identity.
    pub signer: Account,
    pub first: Key,
}

#[must_use]
pub fn roster_secret(which: u8) -> Key {
    [0x40 | which; 32]
}

impl Roster {
    #[must_use]
    pub fn signed(self, signer: &Account, sign: Sign) -> Signed {
        let mut bytes = vec![1];
        bytes.extend(self.group);
        bytes.extend(self.epoch.to_be_bytes());
        bytes.extend(self.previous);
        bytes.push(self.rights);
        let secret = roster_secret(self.secret);
        bytes.extend(sha256(&[b"evanesce/v1 roster secret", &self.group, &secret]));
        bytes.extend(sha256(&[b"evanesce/v1 about", &self.group, ABOUTS[self.about]]));
        bytes.extend(u16::try_from(self.members.len()).unwrap_or(u16::MAX).to_be_bytes());
        let member = |(owner, (since, role)): (&[u8; 64], &(u32, u8))| {
            [&owner[..], &since.to_be_bytes(), &[*role]].concat()
        };
        let mut members: Vec<Vec<u8>> = self.members.iter().map(member).collect();
        if self.is_disordered {
            members.reverse();
        }
        bytes.extend(members.concat());
        bytes.extend(self.signer);
        let hash = sha256(&[b"evanesce/v1 roster", &bytes]);
        let signature = sign(signer, &[b"evanesce/v1 roster signature", &*bytes].concat());
        bytes.extend(signature);
        Signed { says: self, bytes, hash }
    }
}

impl Chain {
    #[must_use]
    pub fn verifying_key(&self) -> Key {
        *self.signer.device().identity.encode().first_chunk().expect("of 64")
    }

    /// A distribution of it from this number on, under a roster.
    #[must_use]
    pub fn distribution(&self, roster: &Signed, secret: u8, number: u8, forks: Forks) -> Vec<u8> {
        let first = match forks {
            Forks::No => self.first,
            Forks::Yes => self.first.map(|byte| !byte),
        };
        let key = chain_key(&first, number.into());
        let secret = roster_secret(secret);
        let group = &roster.says.group;
        let fields: [&[u8]; 4] = [group, &roster.hash, &secret, &self.verifying_key()];
        [&fields.concat()[..], &[number], &key].concat()
    }
}

/// Whether what is given leads to the keys that messages are sealed with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Forks {
    No,
    Yes,
}

impl Broadcast<'_> {
    #[must_use]
    pub fn sealed(&self, sign: Sign) -> Vec<u8> {
        let Self { sender, chain, roster, number, content, fault } = self;
        let says = &roster.says;
        let identity = sender.device().identity;
        let label = b"evanesce/v1 sender chain";
        let verifying_key = chain.verifying_key();
        let name = sha256(&[label, &says.group, &identity.encode(), &verifying_key]);
        let secret = match fault {
            Fault::OtherSecret => [0xff; 32],
            _ => roster_secret(says.secret),
        };
        let header_key = group_header_key(&says.group, &secret);
        let tags = [&identity.member_tag().0[..], &name[..8], &roster.hash[..8], &[*number]];
        let header = tags.concat().try_into().expect("25 bytes");
        let mut message = vec![0x13];
        message.extend(seal_group_header(&header_key, &header));
        let label: &[u8] = b"evanesce/v1 group message";
        let context = sha256(&[label, &name, &roster.hash, &message, AD]);
        let mut padded = content.to_vec();
        if *fault != Fault::NoEnd {
            padded.push(0x80);
        }
        padded.resize(formats::padded_length(content.len()), 0);
        if *fault == Fault::NoEnd {
            // A byte that is neither zero nor the mark.
            padded.iter_mut().for_each(|byte| *byte = 1);
        }
        let key = message_key(&chain.first, (*number).into());
        let mut sealed = seal_body(&key, &context, &padded);
        if *fault == Fault::OtherCommitment {
            sealed[0] ^= 1;
        }
        let hash = sha256(&[&sealed[32..]]);
        let label: &[u8] = b"evanesce/v1 group signature";
        let signed = [label, &context, &sealed[..32], &hash].concat();
        let signer = if *fault == Fault::OtherSigner { sender } else { &chain.signer };
        message.extend(sealed);
        message.extend(sign(signer, &signed));
        message
    }
}
