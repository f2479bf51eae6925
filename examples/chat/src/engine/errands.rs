//! Errands: what is to be asked of the relay, and what comes of the answers. They follow from what is stored, so a
//! restart forgets none.

use std::time::Duration;

use evanesce::expiry::{Age, Now};
use evanesce::rand_core::CryptoRng;
use evanesce::server::{PreKeyStock, PreKeyUpload};
use evanesce::{IdentityKey, PeerInitiateError, PreKeyBundle, StockDisagreement};

use crate::clock;
use crate::engine::message::Message;
use crate::engine::outcome::Outcome;
use crate::engine::person::{Person, conversation};
use crate::engine::state::Engine;
use crate::name::Name;
use crate::notice::Notice;
use crate::request::Refusal;
use crate::view::{Progress, Standing};

/// How often the account is told what the relay has left. Anyone can take prekeys from there, so not with each mail: one
/// that was taken is held until it is used or too many are.
const BETWEEN_STOCKS: Duration = Duration::from_secs(3_600);

/// How long nothing is asked for somebody after a refusal that says nothing of it.
const REST: Duration = Duration::from_secs(10);

/// What to ask on the connection that names nobody. One at a time: that keeps the order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Errand {
    Bundle(Name),
    Deposit { number: u64, to: Name, id: [u8; 16], bytes: Vec<u8> },
}

impl Engine {
    /// The next errand, of what has been stored.
    pub fn errand(&self, now: Now) -> Option<Errand> {
        let rests = |name: &Name| {
            self.pending.resting.get(name).is_some_and(|end| *end > clock::steady(now))
        };
        let may_go = |name: &Name| {
            !rests(name) && self.people.get(name).is_some_and(|person| person.may_be_written_to())
        };
        if let Some((number, parcel)) = self.parcels.iter().find(|(_, parcel)| may_go(&parcel.to)) {
            let (to, id, bytes) = (parcel.to.clone(), parcel.id, parcel.bytes.clone());
            return Some(Errand::Deposit { number: *number, to, id, bytes });
        }
        let drafted = self.drafts.values().map(|draft| &draft.to);
        let mut wanted = drafted.chain(&self.pending.renewals);
        let wanted = wanted.find(|name| may_go(name) || (!rests(name) && self.is_to_check(name)));
        wanted.cloned().map(Errand::Bundle)
    }

    /// Whether we wrote to somebody, and then something came under that name before our first message had left. Anyone
    /// can say that they are called so; whether it is the one whom the relay knows, a bundle shows.
    fn is_to_check(&self, name: &Name) -> bool {
        let is_request = |person: &Person| {
            person.standing() == Standing::Request && person.peer.undecided_identity().is_none()
        };
        self.drafts.values().any(|draft| draft.to == *name)
            && self.people.get(name).is_some_and(is_request)
    }

    /// Whether something waits for a rest to end, so that it is worth asking again soon.
    pub fn has_resting_errands(&self) -> bool {
        !(self.parcels.is_empty() && self.drafts.is_empty() && self.pending.renewals.is_empty())
    }

    /// The relay has a parcel: from now on the message's clock runs.
    pub fn deposited(&mut self, number: u64, now: Now) -> Outcome {
        let parcel = self.drop_parcel(number);
        if let Some(parcel) = &parcel {
            self.pending.resting.remove(&parcel.to);
        }
        let message = parcel.and_then(|parcel| parcel.message);
        if let Some(message) = message.and_then(|id| self.message(id)).cloned() {
            let effects = self.expiry.sent(message.id, Age::NONE, now);
            self.absorb(&effects);
            self.notice(Notice::Sent(message.with.clone(), message.id));
            self.put_message(Message { progress: Progress::Sent, ..message });
        }
        self.delete_due(now);
        self.finish()
    }

    /// A bundle came: a session begins, and what was written goes.
    pub fn bundle_came(
        &mut self,
        name: &Name,
        bytes: &[u8],
        now: Now,
        rng: &mut dyn CryptoRng,
    ) -> Outcome {
        let bundle =
            PreKeyBundle::decode(bytes).ok().and_then(|it| it.verify(now.timestamp()).ok());
        let (Some(bundle), Some(person)) = (bundle, self.people.get_mut(name)) else {
            self.rest(name, REST, now);
            self.notice(Notice::Trouble(format!("the relay gave no good bundle of {name}")));
            return self.finish();
        };
        if person.standing() == Standing::Request {
            if person.peer.device().as_ref() == Some(bundle.device()) {
                let changes = person.peer.accept_request();
                self.changed(name, &changes);
                self.notice(Notice::Accepted(name.clone()));
                self.encrypt_drafts(name, now, rng);
            } else {
                let identity = bundle.device().identity;
                self.other_identity_published(name, identity, now);
            }
            self.settle(now, rng);
            return self.finish();
        }
        match person.peer.initiate(&self.account, bundle, now.timestamp(), rng) {
            Ok(changes) => {
                self.changed(name, &changes);
                // In a new session something has to be said, or the other side does not hear of it.
                if self.pending.renewals.remove(name) {
                    let stamp = self.expiry.stamp(conversation(name));
                    self.post_nothing(name, stamp, now, rng);
                }
                self.encrypt_drafts(name, now, rng);
            }
            Err(PeerInitiateError::IdentityChanged(identity)) => {
                self.other_identity_published(name, identity, now);
            }
            Err(error) => {
                self.rest(name, REST, now);
                self.notice(Notice::Trouble(format!("no session with {name}: {error}")));
            }
        }
        self.settle(now, rng);
        self.finish()
    }

    /// A bundle is of another identity. The user is told, and nothing is sent until they decide; or they did, against
    /// this one: then what they write waits, and they are told why.
    fn other_identity_published(&mut self, name: &Name, identity: IdentityKey, now: Now) {
        let Some(person) = self.people.get_mut(name) else { return };
        let changes = person.peer.note_identity(identity);
        self.changed(name, &changes);
        if changes.peer {
            self.notice(Notice::IdentityChanged(name.clone()));
            return;
        }
        if !self.pending.resting.contains_key(name) {
            self.notice(Notice::Trouble(format!(
                "the relay knows {name} by the identity that you turned down: what you wrote waits, and \
                 /accept-identity {name} goes over to it"
            )));
        }
        self.rest(name, REST, now);
    }

    /// The relay does not do it. What is refused for ever fails, everything else is tried again later.
    pub fn errand_refused(&mut self, errand: &Errand, refusal: Refusal, now: Now) -> Outcome {
        let name = match errand {
            Errand::Bundle(name) | Errand::Deposit { to: name, .. } => name,
        };
        match (errand, refusal) {
            (Errand::Deposit { number, .. }, Refusal::TooLarge) => {
                let message = self.drop_parcel(*number).and_then(|parcel| parcel.message);
                self.fail(message, "too large");
            }
            (_, Refusal::TooOften { seconds }) => {
                self.rest(name, Duration::from_secs(u64::from(seconds)), now);
            }
            _ => {
                if !self.pending.resting.contains_key(name) {
                    self.notice(Notice::Trouble(format!(
                        "to {name}: {refusal}; what you wrote waits"
                    )));
                }
                self.rest(name, REST, now);
            }
        }
        self.finish()
    }

    fn rest(&mut self, name: &Name, span: Duration, now: Now) {
        let end = clock::steady(now).saturating_add(span);
        self.pending.resting.insert(name.clone(), end);
    }

    /// What is to be published.
    pub fn publication(&self) -> Option<Vec<u8>> {
        self.account.pending_upload().map(|upload| upload.encode())
    }

    pub fn published(&mut self, upload: &[u8]) -> Outcome {
        if let Ok(upload) = PreKeyUpload::decode(upload) {
            let changes = self.account.mark_published(&upload);
            self.account_changed(&changes);
        }
        self.finish()
    }

    /// The relay says what it has left of us. To be called when the mail that came with it has been taken in: what that
    /// used is not on offer any more.
    pub fn relay_has(&mut self, stock: PreKeyStock, now: Now, rng: &mut dyn CryptoRng) -> Outcome {
        let steady = clock::steady(now);
        let told = self.pending.told_of_stock;
        if told.is_none_or(|told| steady.saturating_sub(told) >= BETWEEN_STOCKS) {
            self.pending.told_of_stock = Some(steady);
            self.compare(stock, now, rng);
        }
        self.finish()
    }

    /// The relay has nothing of us. If it had, it has lost its store, and everything is published anew.
    pub fn relay_has_forgotten(&mut self, now: Now, rng: &mut dyn CryptoRng) -> Outcome {
        self.compare(PreKeyStock::NOTHING, now, rng);
        self.finish()
    }

    /// Tops up what the relay has, and says how it disagrees. The upload mends that; but not what is behind it.
    fn compare(&mut self, stock: PreKeyStock, now: Now, rng: &mut dyn CryptoRng) {
        let trouble = match self.maintain_account(Some(stock), now, rng) {
            None => return,
            Some(StockDisagreement::AccountWentBack) => {
                "the relay has prekeys of ours that were never made here: this store was put back to an older state, or \
                 a copy of it runs elsewhere. End the copy, and /restored makes the best of it"
            }
            Some(StockDisagreement::ServerWentBack) => {
                "the relay has lost prekeys of ours: others are published"
            }
            Some(StockDisagreement::OtherDevice) => {
                "the relay had prekeys of another device under our name: ask its operator"
            }
            Some(_) => "the relay had prekeys of ours that are not held here: others are published",
        };
        self.notice(Notice::Trouble(trouble.into()));
    }
}
