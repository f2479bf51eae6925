//! Whether one side seems to have lost its sessions, as far as what does not open tells.

use core::time::Duration;

use crate::peer::delivery::PeerDecryptError;
use crate::peer::dispatch::SessionNeed;
use crate::session::SessionId;
use crate::stored::{StateWriter, Stored, stored};
use crate::time::Timestamp;
use crate::wire::codec::{DecodeError, Reader};

/// How the states are told apart in a store.
const NOTHING: u8 = 0;
const SUSPECTED: u8 = 1;
const CERTAIN: u8 = 2;
const BEGUN: u8 = 3;

/// How long refusals bring about no other sessions.
const REST: Duration = Duration::from_secs(86_400);

/// What was noted of refusals, and what is to be done because of it.
///
/// Two sessions are begun after a loss, unless the first is answered: a peer that waits for an answer itself takes
/// the first to have been begun at the same time as its own, and follows the second (docs/protocol.md §14.5).
#[derive(Debug)]
pub(crate) struct LostSession {
    state: State,
    /// When a refusal that anyone can bring about was last taken for a loss.
    noted: Option<Timestamp>,
    /// When a forked message was last taken for a loss: nobody else can make one, but repeat it.
    noted_fork: Option<Timestamp>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Nothing,
    /// Something did not open that anyone can have sent.
    Suspected,
    /// Sessions were dropped, or the peer went on from a state that we never followed.
    Certain,
    /// We have begun this session since, which has not been answered.
    Begun(SessionId),
}

impl LostSession {
    pub(crate) fn new() -> Self {
        Self { state: State::Nothing, noted: None, noted_fork: None }
    }

    /// Says whether that changed anything.
    pub(crate) fn note(&mut self, refusal: &PeerDecryptError, now: Timestamp) -> bool {
        let (noted, state) = if *refusal == PeerDecryptError::Forked {
            (&mut self.noted_fork, State::Certain)
        } else {
            (&mut self.noted, State::Suspected)
        };
        // A clock that was set back makes nobody wait for longer.
        let rests = |then| now.plus(REST) > then && then.plus(REST) > now;
        let counts = refusal.may_mean_lost_session() && !noted.is_some_and(rests);
        if !counts || self.state != State::Nothing {
            return false;
        }
        *noted = Some(now);
        self.state = state;
        true
    }

    /// Sessions were dropped. Says whether that changed anything.
    pub(crate) fn lose(&mut self) -> bool {
        core::mem::replace(&mut self.state, State::Certain) != State::Certain
    }

    /// We have begun a session.
    pub(crate) fn begin(&mut self, session: SessionId) {
        self.state = match self.state {
            State::Suspected | State::Certain => State::Begun(session),
            State::Nothing | State::Begun(_) => State::Nothing,
        };
    }

    /// A message has opened in a session. In others than the one that was begun since, it may be late.
    pub(crate) fn hear(&mut self, session: SessionId) {
        if self.state == State::Begun(session) {
            self.state = State::Nothing;
        }
    }

    /// The user rejects another identity, which perhaps sent what did not open. Says whether that changed anything.
    pub(crate) fn calm(&mut self) -> bool {
        let was_suspected = self.state == State::Suspected;
        if was_suspected {
            self.state = State::Nothing;
        }
        was_suspected
    }

    /// The peer has begun a session, or there is nothing any more that could be lost.
    pub(crate) fn forget(&mut self) {
        self.state = State::Nothing;
    }

    pub(crate) fn need(&self) -> Option<SessionNeed> {
        match self.state {
            State::Nothing => None,
            State::Suspected | State::Certain => Some(SessionNeed::Lost),
            State::Begun(_) => Some(SessionNeed::Unanswered),
        }
    }
}

stored!(LostSession { state, noted, noted_fork });

impl Stored for State {
    fn write(&self, out: &mut StateWriter) {
        match self {
            Self::Nothing => out.put(&[NOTHING]),
            Self::Suspected => out.put(&[SUSPECTED]),
            Self::Certain => out.put(&[CERTAIN]),
            Self::Begun(session) => {
                out.put(&[BEGUN]);
                session.write(out);
            }
        }
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        match reader.u8()? {
            NOTHING => Ok(Self::Nothing),
            SUSPECTED => Ok(Self::Suspected),
            CERTAIN => Ok(Self::Certain),
            BEGUN => Stored::read(reader).map(Self::Begun),
            _ => Err(DecodeError::Malformed),
        }
    }
}
