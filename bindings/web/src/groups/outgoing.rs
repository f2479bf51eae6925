//! What is to be sent for groups, and what became known of them.

use evanesce::group::{
    Broadcast, GroupChange, GroupChanges, GroupEvent, GroupOutgoing, PartError, Role,
};

use crate::groups::missing_code;
use crate::values::words::Word;
use crate::values::{Bytes, Listed, Out, Shown, object};

impl Shown for GroupOutgoing {
    fn show(&self, out: &mut Out) {
        let Self { events, pairwise, broadcasts, unreached, changes, .. } = self;
        object!(
            out,
            events: Listed(events.iter()),
            pairwise: Listed(pairwise.iter()),
            broadcasts: Listed(broadcasts.iter()),
            unreached: Listed(unreached.iter()),
            changes: changes,
        );
    }
}

impl Shown for Broadcast {
    fn show(&self, out: &mut Out) {
        let Self { to, message, evidence, .. } = self;
        object!(out, to: Listed(to.iter()), message: Bytes(message), evidence: evidence);
    }
}

impl Shown for GroupChanges {
    fn show(&self, out: &mut Out) {
        let Self { groups, invitations, people, .. } = self;
        object!(out, groups: Listed(groups.iter()), invitations: invitations, people: people);
    }
}

impl Shown for GroupEvent {
    fn show(&self, out: &mut Out) {
        match self {
            Self::Invited { group, by, again } => {
                object!(out, kind: Word::invited, group: group, by: by, again: again)
            }
            Self::Changed { group, change } => {
                object!(out, kind: Word::changed, group: group, change: change)
            }
            Self::Left { group, owner } => {
                object!(out, kind: Word::left, group: group, owner: Bytes(owner))
            }
            Self::Refused { part, reason } => {
                object!(out, kind: Word::refused, part: part, reason: reason)
            }
            _ => object!(out, kind: Word::other),
        }
    }
}

/// Somebody who has another role.
#[derive(Clone)]
struct Given<'a>(&'a ([u8; 64], Role));

impl Shown for Given<'_> {
    fn show(&self, out: &mut Out) {
        let (owner, role) = self.0;
        object!(out, owner: Bytes(owner), role: role);
    }
}

impl Shown for GroupChange {
    fn show(&self, out: &mut Out) {
        let Self { epoch, by, came, went, left, roles, about, sets_timer, .. } = self;
        object!(
            out,
            epoch: epoch,
            by: Bytes(by),
            came: Listed(came.iter().map(Bytes)),
            went: Listed(went.iter().map(Bytes)),
            left: Listed(left.iter().map(Bytes)),
            roles: Listed(roles.iter().map(Given)),
            about: about,
            setsTimer: sets_timer,
        );
    }
}

/// As codes are.
impl Shown for PartError {
    fn show(&self, out: &mut Out) {
        match self {
            Self::Malformed => Word::malformed,
            Self::Unsupported => Word::unsupported,
            Self::WeakKey => Word::weak_key,
            Self::BadSignature => Word::bad_signature,
            Self::NotAnAdmin => Word::not_an_admin,
            Self::Outranked => Word::outranked,
            Self::OtherGroup => Word::other_group,
            Self::TooOld => Word::too_old,
            Self::Missing(missing) => missing_code(missing.kind),
            Self::NotInvited => Word::not_invited,
            Self::WrongAbout => Word::wrong_about,
            Self::UnknownGroup => Word::unknown_group,
            Self::WrongSecret => Word::wrong_secret,
            Self::NoRosterSecret => Word::no_roster_secret,
            Self::NotAMember => Word::not_a_member,
            Self::Former => Word::former,
            Self::Forked => Word::forked,
            _ => Word::other,
        }
        .show(out);
    }
}
