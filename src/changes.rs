//! What a call changed: what the application stores, in one transaction, before anything leaves.

use crate::session::SessionId;

/// What a call changed, and is to be stored in one transaction with what it gave: before a message is sent,
/// and before an arrival is acknowledged. A call that fails changes nothing. **If the transaction fails**, what
/// is in memory is ahead of the store: drop it, and restore account and peer, before anything else.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(deny_unknown_fields))]
#[must_use = "what has changed is to be stored"]
#[non_exhaustive]
pub struct Changes {
    /// The account.
    pub account: bool,
    /// The peer. A snapshot of it has all its sessions.
    pub peer: bool,
    /// The session that was made or used, for applications that show or log it.
    #[cfg_attr(feature = "serde", serde(deserialize_with = "Option::deserialize"))]
    pub session: Option<SessionId>,
    /// What a handshake of the other side's used up.
    #[cfg_attr(feature = "serde", serde(deserialize_with = "Option::deserialize"))]
    pub spent_prekey: Option<SpentPreKey>,
}

/// What a handshake of the other side's used up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub enum SpentPreKey {
    /// The one-time prekey of this id: its secret is gone.
    OneTime(u32),
    /// There was none: a place in the replay record of the signed prekey of this id.
    Signed(u32),
}

impl Changes {
    /// The peer alone, without its sessions.
    pub(crate) const PEER: Self =
        Self { account: false, peer: true, session: None, spent_prekey: None };

    /// The account alone.
    pub(crate) const ACCOUNT: Self =
        Self { account: true, peer: false, session: None, spent_prekey: None };

    /// Nothing.
    pub(crate) const NONE: Self =
        Self { account: false, peer: false, session: None, spent_prekey: None };

    /// This and what a later call changed, to be stored at once. The session and the prekey are the later
    /// call's, if it names any.
    pub fn and(self, later: Self) -> Self {
        Self {
            account: self.account || later.account,
            peer: self.peer || later.peer,
            session: later.session.or(self.session),
            spent_prekey: later.spent_prekey.or(self.spent_prekey),
        }
    }

    /// Whether anything is to be stored.
    #[must_use]
    pub fn any(&self) -> bool {
        // A session changes within a peer, or is made by the account.
        let Self { account, peer, session: _, spent_prekey: _ } = self;
        *account || *peer
    }
}

/// Of the session's id, the first bytes.
impl core::fmt::Debug for Changes {
    fn fmt(&self, formatter: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let Self { account, peer, session, spent_prekey } = self;
        let session = session.as_ref().map(SessionId::in_short);
        let mut shown = formatter.debug_struct("Changes");
        shown.field("account", account).field("peer", peer).field("session", &session);
        shown.field("spent_prekey", spent_prekey).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_change_is_one() {
        assert!(!Changes::NONE.any());
        assert!(Changes::ACCOUNT.any() && Changes::PEER.any());
    }
}
