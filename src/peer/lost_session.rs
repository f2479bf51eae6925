//! Whether one side seems to have lost its sessions, as far as what does not open tells.

use core::time::Duration;

use crate::peer::delivery::PeerDecryptError;
use crate::peer::dispatch::SessionNeed;
use crate::stored::{StateWriter, Stored, stored};
use crate::time::Timestamp;
use crate::wire::codec::{DecodeError, Reader};

/// How long what anyone can send brings about no other session.
const REST: Duration = Duration::from_secs(86_400);

/// What was noted of refusals, and whether a session has begun since.
#[derive(Debug, Default)]
pub(crate) struct LostSession {
    is_due: bool,
    /// When a refusal that anyone can bring about was last taken for a loss.
    noted: Option<Timestamp>,
}

impl LostSession {
    /// Says whether that changed anything.
    pub(crate) fn note(&mut self, refusal: &PeerDecryptError, now: Timestamp) -> bool {
        if !refusal.may_mean_lost_session() || self.is_due {
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
        self.is_due = true;
        true
    }

    /// None is to be begun any more: one has, whoever began it, or the user decided otherwise. Says whether one was.
    pub(crate) fn mend(&mut self) -> bool {
        core::mem::take(&mut self.is_due)
    }

    pub(crate) fn need(&self) -> Option<SessionNeed> {
        self.is_due.then_some(SessionNeed::Lost)
    }
}

stored!(LostSession { is_due, noted });
