//! People: requests, blocks, and identities that change or are verified.

use evanesce::expiry::{MessageId, Now};
use evanesce::person::Person as KnownPerson;
use evanesce::rand_core::CryptoRng;
use evanesce::session::EpochStatus;
use evanesce::{IdentityKey, Peer, SafetyNumber};

use crate::engine::person::Person;
use crate::engine::reading::unknown;
use crate::engine::state::{Engine, keys_where};
use crate::name::Name;
use crate::notice::Notice;
use crate::view::{Standing, Trust, Window};

/// The numbers of the identities that use a name.
pub struct SafetyNumbers {
    /// Of the one that is pinned; nothing while none is.
    pub known: Option<SafetyNumber>,
    /// Of another one, while the user has to decide.
    pub waiting: Option<SafetyNumber>,
    /// Of the session that sends, if there is one.
    pub secrecy: Option<Secrecy>,
}

/// Against whom what is sent stays secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Secrecy {
    Classical,
    /// Also against quantum computers; so often have the keys been renewed against them.
    PostQuantum {
        renewed: u32,
    },
}

impl Secrecy {
    fn of(peer: &Peer) -> Option<Self> {
        let session = peer.sessions().next()?;
        let post_quantum = |epochs: EpochStatus| Self::PostQuantum { renewed: epochs.completed };
        Some(session.epochs().map_or(Self::Classical, post_quantum))
    }
}

impl Engine {
    /// Accepts a request, or takes a block back. What they wrote stays, and can be answered.
    pub(super) fn accept(
        &mut self,
        name: &Name,
        now: Now,
        rng: &mut dyn CryptoRng,
    ) -> Result<(), String> {
        self.person(name)?;
        let owner = match (self.standing(name), self.owner_of(name)) {
            (Standing::Request | Standing::Blocked, Some(owner)) => owner,
            _ => return Err(format!("{name} has not asked, and is not blocked: write to them")),
        };
        let changes = self.contacts.accept(&self.own, &owner, now.timestamp());
        self.changed(&changes);
        self.notice(Notice::Accepted(name.clone()));
        self.admit_files(name);
        self.encrypt_drafts(name, now, rng);
        Ok(())
    }

    /// Refuses a request: all that they wrote goes, and they may ask again. They are told nothing. The peer stays the
    /// request that it is: without its sessions nothing would open of what they write again, and nobody would be told.
    pub(super) fn refuse(&mut self, name: &Name, now: Now) -> Result<(), String> {
        self.person(name)?;
        if self.standing(name) != Standing::Request {
            return Err(format!(
                "{name} does not wait for an answer: /block {name} ends a conversation"
            ));
        }
        self.person(name)?.window = Window::Closed;
        // Nor is a question left that nobody sees any more: the next message under another identity asks it again.
        for device in self.devices_known(name) {
            if let Some(peer) = self.peer_mut(&device) {
                let changes = peer.keep_identity();
                self.peer_changed(&device, &changes);
            }
        }
        self.delete_conversation(name, now);
        self.notice(Notice::Refused(name.clone()));
        Ok(())
    }

    /// Blocks somebody: what they send is not opened any more. What they wrote goes.
    pub(super) fn block(&mut self, name: &Name, now: Now) -> Result<(), String> {
        self.person(name)?;
        let owner = self.owner_of(name).filter(|_| self.standing(name) != Standing::New);
        let Some(owner) = owner else {
            return Err(format!("{name} has not answered: /unsend takes back what you wrote"));
        };
        let changes = self.contacts.refuse(&self.own, &owner, now.timestamp());
        self.changed(&changes);
        self.delete_conversation(name, now);
        self.notice(Notice::Blocked(name.clone()));
        Ok(())
    }

    pub(super) fn delete_conversation(&mut self, name: &Name, now: Now) {
        for conversation in self.conversations(name) {
            let effects = self.expiry.conversation_deleted(conversation, now);
            self.absorb(&effects);
        }
        let ids: Vec<MessageId> = self
            .people
            .get(name)
            .into_iter()
            .flat_map(|person| person.messages.values().map(|message| message.id))
            .collect();
        for id in ids {
            self.forget_message(id);
        }
        self.drop_unsent(name);
        for number in keys_where(&self.parked, |parked| parked.from == *name) {
            self.drop_parked(number);
        }
        self.delete_due(now);
    }

    pub(super) fn drop_unsent(&mut self, name: &Name) -> Vec<MessageId> {
        let mut messages = Vec::new();
        for number in keys_where(&self.drafts, |draft| draft.to == *name) {
            messages.extend(self.drop_draft(number).and_then(|draft| draft.message));
        }
        for number in keys_where(&self.parcels, |parcel| parcel.with == *name) {
            messages.extend(self.drop_parcel(number).and_then(|parcel| parcel.message));
        }
        let uploads = self.drop_uploads_of(|upload| upload.to == *name);
        messages.extend(uploads.into_iter().map(|upload| upload.message));
        messages
    }

    /// The user agrees to the other identity. What was written for the former one does not go to it unasked; what
    /// came from it is offered again, as the caller does with what this gives.
    pub(super) fn accept_identity(
        &mut self,
        name: &Name,
        now: Now,
    ) -> Result<Vec<Vec<u8>>, String> {
        let unchanged = || format!("the identity of {name} has not changed");
        // Or the one that was rejected last, by mistake; but not twice for one question.
        let kept_from = self.person(name)?.notes.kept_from.take();
        let device = self.owners_peer(name).and_then(|peer| Name::of(peer.address()));
        let device = device.ok_or_else(unchanged)?;
        let peer = self.peer_mut(&device).ok_or_else(unchanged)?;
        let identity = peer.undecided_identity().or(kept_from).ok_or_else(unchanged)?;
        let changes = peer.accept_identity(identity);
        self.peer_changed(&device, &changes);
        self.is_of(name, identity, now);
        self.pending.lists_asked.remove(name);
        for message in self.drop_unsent(name) {
            self.fail(Some(message), "written for the former identity");
        }
        self.notice(Notice::IdentityAccepted(name.clone()));
        let parked = keys_where(&self.parked, |parked| parked.from == *name);
        let parked = parked.into_iter().filter_map(|number| self.drop_parked(number));
        Ok(parked.map(|parked| parked.bytes).collect())
    }

    /// The user stays with the identity that is pinned. The other one was perhaps a stranger's, who would otherwise
    /// have stopped this conversation.
    pub(super) fn keep_identity(&mut self, name: &Name) -> Result<(), String> {
        self.person(name)?;
        let unchanged = || format!("the identity of {name} has not changed");
        let device = self.owners_peer(name).and_then(|peer| Name::of(peer.address()));
        let device = device.ok_or_else(unchanged)?;
        let peer = self.peer_mut(&device).ok_or_else(unchanged)?;
        let identity = peer.undecided_identity().ok_or_else(unchanged)?;
        let changes = peer.reject_identity(identity);
        self.peer_changed(&device, &changes);
        self.person(name)?.notes.kept_from = Some(identity);
        self.save_notes(name);
        for number in keys_where(&self.parked, |parked| parked.from == *name) {
            self.drop_parked(number);
        }
        self.notice(Notice::IdentityKept(name.clone()));
        Ok(())
    }

    /// The digits that two people compare.
    pub(super) fn show_safety_number(&mut self, name: &Name) -> Result<(), String> {
        self.people.get(name).ok_or_else(|| unknown(name))?;
        let SafetyNumbers { known, waiting, secrecy: _ } = self.safety_numbers(name);
        if known.is_none() && waiting.is_none() {
            return Err(no_identity(name));
        }
        let known = known.map(|it| Notice::Safety(name.clone(), it.to_string()));
        let waiting = waiting.map(|it| Notice::SafetyOfWaiting(name.clone(), it.to_string()));
        known.into_iter().chain(waiting).for_each(|notice| self.notice(notice));
        Ok(())
    }

    /// What two people compare, or let their devices scan.
    pub fn safety_numbers(&self, name: &Name) -> SafetyNumbers {
        let ours = self.own.person().owner();
        // Of people, not of devices: it stays the same as those come and go.
        let between = |theirs: IdentityKey| KnownPerson::new(theirs).number(ours);
        let peer = self.owners_peer(name);
        SafetyNumbers {
            known: self.owner_of(name).map(between),
            waiting: peer.and_then(Peer::undecided_identity).map(between),
            secrecy: peer.or_else(|| self.peers_of(name).next()).and_then(Secrecy::of),
        }
    }

    pub(super) fn verified(&mut self, name: &Name) -> Result<(), String> {
        self.person(name)?;
        let identity = self.owner_of(name).ok_or_else(|| no_identity(name))?;
        if self.trust(name) == Trust::Changed {
            return Err(format!(
                "two identities use the name {name}: first /accept-identity {name} or /keep-identity {name}"
            ));
        }
        let changes = self.contacts.verify(&self.own, &identity, true);
        self.changed(&changes);
        self.notice(Notice::Verified(name.clone()));
        Ok(())
    }

    fn person(&mut self, name: &Name) -> Result<&mut Person, String> {
        self.people.get_mut(name).ok_or_else(|| unknown(name))
    }
}

fn no_identity(name: &Name) -> String {
    format!(
        "no identity of {name} is known yet: it comes when a message to them leaves, or one of theirs comes"
    )
}
