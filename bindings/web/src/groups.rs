//! Groups of people, each with their devices.

use evanesce::group::{
    GroupChangeError, GroupDecryptError, GroupEncryptError, GroupId, Missing, MissingKind,
    Unblocked,
};

use crate::errors::codes::codes;
use crate::errors::{Coded, Refusal};
use crate::people::taken;
use crate::shapes::array;
use crate::values::words::Word;

mod all_groups;
mod arriving;
mod held_messages;
mod in_group;
mod outgoing;

codes! {
    GroupEncryptError: Removed => removed, NotAMember => not_a_member, NoRosterSecret => no_roster_secret,
        TooLarge => too_large;
    GroupChangeError: Removed => removed, NotAnAdmin => not_an_admin, Outranked => outranked, Malformed => malformed,
        NothingToChange => nothing_to_change;
}

/// Names of refusals of messages to groups, both ways: JavaScript hands one back to have the message kept.
macro_rules! group_refusals {
    ($($variant:ident $code:ident)+) => {
        impl Coded for GroupDecryptError {
            fn code(&self) -> Word {
                match self {
                    $( Self::$variant => Word::$code, )+
                    Self::Missing(missing) => missing_code(missing.kind),
                    _ => Word::other,
                }
            }

            fn missing(&self) -> Option<[u8; 16]> {
                let Self::Missing(Missing { tag, device, .. }) = self else {
                    return None;
                };
                let mut names = [0; 16];
                names.iter_mut().zip(tag.iter().chain(device)).for_each(|(out, byte)| *out = *byte);
                Some(names)
            }
        }

        /// The refusal of this code, with what it named as missing.
        #[inline(never)]
        fn group_refusal(code: &str, missing: Option<Vec<u8>>) -> Result<GroupDecryptError, Refusal> {
            let kind = match code {
                $( stringify!($code) => return Ok(GroupDecryptError::$variant), )+
                "missing_list" => Some(MissingKind::List),
                "missing_roster" => Some(MissingKind::Roster),
                "missing_chain" => Some(MissingKind::Chain),
                _ => None,
            };
            let (Some(kind), Some(missing)) = (kind, missing) else {
                return Err(Refusal::new(Word::invalid_argument, "no message is refused so"));
            };
            let mut names = missing.as_slice();
            let (tag, device) = (taken(&mut names)?, taken(&mut names)?);
            Ok(GroupDecryptError::Missing(Missing { kind, tag, device }))
        }
    };
}

group_refusals! {
    Malformed malformed
    Unsupported unsupported
    Undecryptable undecryptable
    Forged forged
    Duplicate duplicate
    NotAMember not_a_member
    Former former
    Refused refused
    Forked forked
    Expired expired
    SenderAtFault sender_at_fault
}

fn missing_code(kind: MissingKind) -> Word {
    match kind {
        MissingKind::List => Word::missing_list,
        MissingKind::Roster => Word::missing_roster,
        MissingKind::Chain => Word::missing_chain,
        _ => Word::other,
    }
}

fn group_id(bytes: &[u8]) -> Result<GroupId, Refusal> {
    Ok(GroupId::new(array(bytes)?))
}

/// What is newly held, each in 9 bytes: its kind, and its tag.
fn unblocks(mut packed: &[u8]) -> Result<Vec<Unblocked>, Refusal> {
    let mut all = Vec::new();
    while !packed.is_empty() {
        let ([kind], tag) = (taken(&mut packed)?, taken(&mut packed)?);
        all.push(match kind {
            0 => Unblocked::List(tag),
            1 => Unblocked::Roster(tag),
            2 => Unblocked::Chain(tag),
            _ => Unblocked::Secret(tag),
        });
    }
    Ok(all)
}
