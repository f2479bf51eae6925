//! What the scheduler holds of one conversation.

use crate::expiry::facts::Latest;
use crate::expiry::life::Life;
use crate::expiry::setting_history::SettingHistory;
use crate::stored::{StateWriter, Stored, stored};
use crate::time::EngineTime;
use crate::wire::codec::{DecodeError, Reader};

/// What is held of a conversation. A chat that was deleted keeps its timer: for ever if we wrote or set anything
/// there, and for a time if it was a stranger's.
#[derive(Clone, Default)]
pub(crate) struct Conversation {
    pub(crate) settings: SettingHistory,
    /// When it was said last that the setting is to be told.
    pub(crate) echoed: Option<EngineTime>,
    /// When it was closed last, for messages that come later and were read elsewhere before.
    pub(crate) closed: Latest,
    /// Whether an own device has written there, or set its timer.
    pub(crate) is_ours: bool,
    /// When the user deleted it, if nothing has happened there since.
    pub(crate) deleted: Option<EngineTime>,
}

/// Who has said something in a conversation.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Source {
    /// This device, or an own other one: it is not a stranger's.
    OwnDevice,
    Peer,
}

impl Conversation {
    /// Tells one of its messages what it is to know: which of the settings held when it was sent, if that counts
    /// for it; and when all was closed, if it has been read. To the others that is told when they are.
    pub(crate) fn tell(&self, life: &mut Life) {
        if life.falls_back() {
            if let Some(held) = self.settings.at(life.sent_at()) {
                life.fall_back_on(held.policy);
            }
        }
        if life.started().is_some() {
            self.closed.told().into_iter().for_each(|at| life.closed(at));
        }
    }
}

stored!(Conversation { settings, echoed, closed, is_ours, deleted });
