//! Peer: sessions that one side has lost.

use crate::changes::Changes;
use crate::peer::delivery::PeerDecryptError;
use crate::peer::lost_session::LostSession;
use crate::peer::other_device::Peer;
use crate::time::Timestamp;
use crate::wire::message::Envelope;

impl Peer {
    /// Notes that a message was refused. Give it each refusal, with the bytes that were refused, and store what
    /// changed; then ask [`Peer::session_need`].
    ///
    /// - [`PeerDecryptError::IdentityChanged`]: the peer remembers that the user has to decide
    ///   ([`Peer::undecided_identity`]).
    /// - A refusal that a lost session explains ([`PeerDecryptError::may_mean_lost_session`]), of an accepted peer:
    ///   `session_need` says [`SessionNeed::Lost`](crate::SessionNeed::Lost) from now on, until a session was begun; or, of
    ///   all but a forked one, until the peer has answered what we sent since in the session that sends, which shows that
    ///   nothing was lost. The same of a request to which something was sent for a [group](crate::group): then the group
    ///   asks for a session.
    /// - All else changes nothing. Nor does a message of a session that is here ([`Peer::knows`]), which was altered on
    ///   its way or came too late, unless it was [`PeerDecryptError::Forked`] or
    ///   [`PeerDecryptError::NumberReused`].
    ///
    /// Anyone can bring most such refusals about. So the second one counts ten minutes after the first at the earliest,
    /// and each later one after a longer pause, up to eight days; up to six that proved right, because the peer
    /// answered in the session that was begun for them, lengthen no pause, unless they were handshakes. A message that
    /// is repeated counts once.
    pub fn note_refusal(
        &mut self,
        message: &[u8],
        refusal: &PeerDecryptError,
        now: Timestamp,
    ) -> Changes {
        if let PeerDecryptError::IdentityChanged(identity) = refusal {
            return self.note_identity(*identity);
        }
        let tells_though_known =
            matches!(refusal, PeerDecryptError::Forked | PeerDecryptError::NumberReused);
        let may_be = tells_though_known || !self.knows(message);
        let message = Envelope::decode(message).ok();
        // Members of a group write to each other what that needs, though they be requests.
        let is_written_to =
            self.contact.is_accepted() || (!self.contact.is_refused() && self.sessions.has_sent());
        let is_noted = may_be
            && is_written_to
            && self
                .lost_session
                .change(LostSession::new, |lost| lost.note(refusal, message.as_ref(), now));
        if is_noted { Changes::PEER } else { Changes::NONE }
    }

    /// Deletes all sessions, after this device was restored from a backup: going on from an older state
    /// uses numbers twice. The identity stays pinned. [`Peer::session_need`] says
    /// [`SessionNeed::Lost`](crate::SessionNeed::Lost) then, once the peer is accepted.
    pub fn drop_sessions(&mut self) -> Changes {
        let had_any = self.sessions().next().is_some();
        let had_notices = self.notices.forget();
        self.sessions.clear();
        let is_lost = self.contact.identity().is_some()
            && self.lost_session.change(LostSession::new, LostSession::lose);
        if had_any || had_notices || is_lost { Changes::PEER } else { Changes::NONE }
    }
}
