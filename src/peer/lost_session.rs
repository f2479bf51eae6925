//! Whether one side seems to have lost its sessions, as far as what does not open tells.

use core::time::Duration;

use crate::peer::delivery::PeerDecryptError;
use crate::peer::dispatch::SessionNeed;
use crate::stored::{StateWriter, Stored, stored};
use crate::time::Timestamp;
use crate::wire::codec::{DecodeError, Reader};

/// How long what anyone can send brings about no other sessions.
const REST: Duration = Duration::from_secs(86_400);

/// How many sessions are begun after a loss, unless the first is answered: a peer that waits for an answer itself takes
/// the first to have been begun at the same time as its own, and follows the second (docs/protocol.md §14.5).
const ENOUGH: u32 = 2;

/// What was noted of refusals, and how many sessions are still to be begun because of it.
#[derive(Debug, Default)]
pub(crate) struct LostSession {
    due: u32,
    /// When a refusal that anyone can bring about was last taken for a loss.
    noted: Option<Timestamp>,
}

impl LostSession {
    /// Says whether that changed anything.
    pub(crate) fn note(&mut self, refusal: &PeerDecryptError, now: Timestamp) -> bool {
        if !refusal.may_mean_lost_session() || self.due != 0 {
            return false;
        }
        if *refusal != PeerDecryptError::Forked {
            // A clock that was set back makes nobody wait for longer.
            let rests = |then| now.plus(REST) > then && then.plus(REST) > now;
            if self.noted.is_some_and(rests) {
                return false;
            }
            self.noted = Some(now);
        }
        self.lose()
    }

    /// It is known that sessions are lost. Says whether that changed anything.
    pub(crate) fn lose(&mut self) -> bool {
        core::mem::replace(&mut self.due, ENOUGH) != ENOUGH
    }

    /// We have begun a session.
    pub(crate) fn begin(&mut self) {
        self.due = self.due.saturating_sub(1);
    }

    /// None is to be begun any more: the peer has begun or answered one, or the user decided otherwise. Says whether
    /// one was.
    pub(crate) fn mend(&mut self) -> bool {
        core::mem::take(&mut self.due) != 0
    }

    pub(crate) fn need(&self) -> Option<SessionNeed> {
        (self.due != 0).then_some(SessionNeed::Lost)
    }
}

stored!(LostSession { due, noted } if |lost| lost.due <= ENOUGH);
