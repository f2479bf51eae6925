//! Sending: a draft is written, encrypted when there is a session, and waits as a parcel until the relay has it.

use evanesce::expiry::{MessageId, Now, Stamp};
use evanesce::rand_core::CryptoRng;
use evanesce::{Payload, PeerEncryptError, SessionNeed};

use crate::engine::message::{Draft, Parcel};
use crate::engine::person::conversation;
use crate::engine::state::{Engine, keys_where};
use crate::name::Name;
use crate::notice::Notice;
use crate::view::Progress;

/// Two people say things in one place only, so there is nothing to bind messages to.
pub const NO_AD: &[u8] = b"";

impl Engine {
    /// Sends a stamp and no more: a timer, an echo, or something for a session to begin with.
    pub(super) fn post_nothing(
        &mut self,
        to: &Name,
        stamp: Stamp,
        now: Now,
        rng: &mut dyn CryptoRng,
    ) {
        self.post(Draft { to: to.clone(), message: None, body: Vec::new(), stamp }, now, rng);
    }

    pub(super) fn post(&mut self, draft: Draft, now: Now, rng: &mut dyn CryptoRng) {
        let to = draft.to.clone();
        self.put_draft(draft);
        self.encrypt_drafts(&to, now, rng);
    }

    /// Encrypts what waits for somebody, in the order in which it was written, as far as there is a session.
    pub(super) fn encrypt_drafts(&mut self, to: &Name, now: Now, rng: &mut dyn CryptoRng) {
        for number in keys_where(&self.drafts, |draft| draft.to == *to) {
            let (Some(draft), Some(person)) = (self.drafts.get(&number), self.people.get_mut(to))
            else {
                return;
            };
            // What is written into a session that one side has lost is lost too: a bundle comes first.
            let is_lost = person.peer.session_need(now.timestamp()) == Some(SessionNeed::Lost);
            if !person.may_be_written_to() || is_lost {
                return;
            }
            let payload = Payload::new(draft.body.clone()).with_stamp(draft.stamp.clone());
            match person.peer.encrypt(&payload, NO_AD, now.timestamp(), rng) {
                Ok(encrypted) => {
                    self.changed(to, &encrypted.changes);
                    // At once, though `Unanswered` could wait until there is more to send: who cannot open this hears of
                    // us by the new session, and the relay sees a bundle fetched where something was sent anyway.
                    if encrypted.session_need.is_some() {
                        self.pending.renewals.insert(to.clone());
                    }
                    let message = self.drop_draft(number).and_then(|draft| draft.message);
                    let mut id = [0; 16];
                    rng.fill_bytes(&mut id);
                    let bytes = encrypted.message;
                    self.put_parcel(Parcel { to: to.clone(), message, id, bytes });
                }
                Err(PeerEncryptError::TooLarge) => {
                    let message = self.drop_draft(number).and_then(|draft| draft.message);
                    self.fail(message, "too large");
                }
                // `NeedsSession`: a bundle is fetched, since there is a draft. `Request`, `IdentityUndecided`: it waits
                // for what the user decides.
                Err(_) => return,
            }
        }
    }

    /// A message of ours will not be sent.
    pub(super) fn fail(&mut self, message: Option<MessageId>, why: &'static str) {
        let Some(message) = message.and_then(|id| self.message(id)).cloned() else { return };
        if message.progress == Progress::Failed {
            return;
        }
        self.notice(Notice::Failed(message.with.clone(), message.id, why));
        self.put_message(crate::engine::message::Message { progress: Progress::Failed, ..message });
    }

    /// What is only to follow from what has happened: who does not know the timer is told.
    pub(super) fn settle(&mut self, now: Now, rng: &mut dyn CryptoRng) {
        for name in std::mem::take(&mut self.pending.echoes) {
            if self.people.get(&name).is_some_and(|person| person.may_be_written_to()) {
                let stamp = self.expiry.stamp(conversation(&name));
                self.post_nothing(&name, stamp, now, rng);
            }
        }
    }
}
