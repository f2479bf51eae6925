//! The doors of the engine: commands, mail, and the clock. Each gives one outcome, for one transaction.

use std::time::Duration;

use evanesce::expiry::{MessageId, NewMessage, Now, Opens, Parts, Policy, Stamp, Verdict};
use evanesce::rand_core::CryptoRng;
use evanesce::server::PreKeyStock;
use evanesce::{SessionNeed, StockDisagreement};

use crate::clock;
use crate::command::{Command, OwnLife};
use crate::content::{Content, LONGEST_TEXT};
use crate::engine::message::{Body, Disposal, Message};
use crate::engine::outcome::Outcome;
use crate::engine::reading::{NO_SUCH_MESSAGE, unknown};
use crate::engine::state::{Engine, Place};
use crate::name::Name;
use crate::notice::Notice;
use crate::request::Mark;
use crate::view::{Author, Progress, Standing, Trust};

const DAY: Duration = Duration::from_secs(86_400);

/// How long after the start the account is maintained without the relay. What it has is asked first: prekeys made before
/// that would hide that this store is an older one.
const RELAY_FIRST: Duration = Duration::from_secs(60);

impl Engine {
    /// The user orders something. [`Command::Quit`] closes all conversations, and the caller ends.
    pub fn command(&mut self, command: Command, now: Now, rng: &mut dyn CryptoRng) -> Outcome {
        if let Err(error) = self.obey(command, now, rng) {
            self.notice(Notice::Error(error));
        }
        self.settle(now, rng);
        self.finish()
    }

    /// What was ordered cannot be done, as the caller found.
    pub fn cannot(&mut self, why: String) -> Outcome {
        self.notice(Notice::Error(why));
        self.finish()
    }

    /// The relay brings a message. Acknowledge it when the outcome has been stored, whatever it is.
    pub fn mail(
        &mut self,
        bytes: &[u8],
        mark: Option<Mark>,
        now: Now,
        rng: &mut dyn CryptoRng,
    ) -> Outcome {
        self.take_in(bytes, mark, now, rng);
        self.take_in_offered_again(now, rng);
        self.delete_due(now);
        self.settle(now, rng);
        self.finish()
    }

    /// Time has passed: called at the start, and whenever [`Engine::next_wakeup`] is over.
    pub fn tick(&mut self, now: Now, rng: &mut dyn CryptoRng) -> Outcome {
        let steady = clock::steady(now);
        if self.pending.maintained.is_none_or(|last| steady.saturating_sub(last) >= DAY) {
            self.pending.maintained = Some(steady);
            self.maintain_people(now);
            self.maintain_lists(now);
            self.drop_old_reports(now);
            self.maintain_groups(now, rng);
        }
        if *self.pending.account_due.get_or_insert(steady.saturating_add(RELAY_FIRST)) <= steady {
            self.maintain_account(None, now, rng);
        }
        self.delete_due(now);
        self.settle(now, rng);
        self.finish()
    }

    /// Does what is due of the account, and tops up what the relay has, if it says what that is. Says how they disagree.
    pub(super) fn maintain_account(
        &mut self,
        stock: Option<PreKeyStock>,
        now: Now,
        rng: &mut dyn CryptoRng,
    ) -> Option<StockDisagreement> {
        self.pending.account_due = Some(clock::steady(now).saturating_add(DAY));
        let maintained = self.account.maintain(stock, now.timestamp(), rng);
        self.account_changed(&maintained.changes);
        maintained.disagreement
    }

    fn maintain_people(&mut self, now: Now) {
        for device in self.all_devices() {
            if let Some(peer) = self.peer_mut(&device) {
                let changes = peer.maintain(now.timestamp());
                self.peer_changed(&device, &changes);
            }
        }
    }

    fn all_devices(&self) -> Vec<Name> {
        self.contacts.peers.iter().filter_map(|peer| Name::of(peer.address())).collect()
    }

    /// The store is an older one: it does not go on where others have gone on from. What waits may have been sent
    /// since, and what was to be opened once may have been opened.
    fn restored(&mut self, now: Now, rng: &mut dyn CryptoRng) {
        let names: Vec<Name> = self.people.keys().cloned().collect();
        for name in names {
            for message in self.drop_unsent(&name) {
                self.fail(Some(message), "it may have been sent before the store was put back");
            }
        }
        let (restored, changes) = self.own.restored_with_groups(
            &mut self.account,
            &mut self.contacts,
            &mut self.groups,
            &mut self.expiry,
            now,
            rng,
        );
        self.changed(&restored.changes);
        self.groups_changed(&changes);
        self.pending.group_catch_up = true;
        self.absorb(&restored.effects);
        self.delete_due(now);
        for device in self.all_devices() {
            let need = self.peer(&device).and_then(|peer| peer.session_need(now.timestamp()));
            if need == Some(SessionNeed::Lost) {
                self.pending.renewals.insert(device);
            }
        }
        // Who was removed since stands in older lists: others are fetched before anything is written.
        let us = self.profile.person.clone();
        self.want_list(us);
        self.pending.lists_asked.clear();
        let others: Vec<Name> =
            self.people.keys().filter(|name| self.may_be_written_to(name)).cloned().collect();
        self.pending.lists.extend(others.into_iter().filter(|name| !name.is_group()));
        self.notice(Notice::Restored);
    }

    fn obey(&mut self, command: Command, now: Now, rng: &mut dyn CryptoRng) -> Result<(), String> {
        match command {
            Command::Send { to, text, life } => self.write(&to, text, life, now, rng),
            Command::Timer { with, timer } => {
                self.check_writable(&with)?;
                if !self.may_set_timer(&with) {
                    return Err(self.timer_setters(&with).into());
                }
                self.set_timer(&with, timer, now, rng);
                Ok(())
            }
            Command::Open(prefix) => self.open_once(self.find(&prefix)?, now),
            Command::Unsend(prefix) => self.unsend(self.find(&prefix)?, now, rng),
            Command::Delete(prefix) => {
                let id = self.find(&prefix)?;
                self.delete(id, now);
                Ok(())
            }
            Command::Read(name) => self.open_window(&name, now),
            Command::Close(name) => self.close_window(&name, now),
            Command::History(name) => {
                self.people.get(&name).ok_or_else(|| unknown(&name))?;
                for line in self.lines(&name, now) {
                    self.notice(Notice::Line(name.clone(), line));
                }
                Ok(())
            }
            Command::Find(_) => Err("the store was not asked".into()),
            Command::Report(_) => Err("the store was not asked".into()),
            Command::SendFile { .. } | Command::Save(..) | Command::Show(_) => {
                Err("the disk was not asked".into())
            }
            Command::Fetch(prefix) => self.fetch_again(self.find(&prefix)?),
            Command::List => {
                self.contacts(now).into_iter().for_each(|it| self.notice(Notice::Contact(it)));
                Ok(())
            }
            Command::Requests => {
                let requests = self.contacts(now).into_iter();
                requests
                    .filter(|contact| contact.standing == Standing::Request)
                    .for_each(|contact| self.notice(Notice::Contact(contact)));
                Ok(())
            }
            Command::Accept(name) if name.is_group() => self.join(&name, now),
            Command::Refuse(name) | Command::Block(name) if name.is_group() => self.decline(&name),
            Command::Accept(name) => self.accept(&name, now, rng),
            Command::Refuse(name) => self.refuse(&name, now),
            Command::Block(name) => self.block(&name, now),
            Command::AcceptIdentity(name) => {
                // What is offered again and does not open any more is discarded, as if it came now.
                for parked in self.accept_identity(&name, now)? {
                    self.take_in(&parked, None, now, rng);
                }
                Ok(())
            }
            Command::KeepIdentity(name) => {
                self.keep_identity(&name)?;
                self.encrypt_drafts(&name, now, rng);
                Ok(())
            }
            Command::Verify(name) => self.show_safety_number(&name),
            Command::Verified(name) => self.verified(&name),
            Command::Devices(name) => self.show_devices(name.as_ref(), now),
            Command::Remove(device) => self.remove_device(&device, now, rng),
            Command::Confirm(Some(device)) => self.confirm_device(&device),
            Command::Confirm(None) => self.confirm_devices(now),
            Command::Link => self.show_link_code(now, rng),
            Command::LinkWith(_) => Err("the code was not read".into()),
            Command::LinkConfirm => self.confirm_link(now, rng),
            Command::LinkCancel => self.cancel_link(),
            Command::Unlink => self.ask_removal(now, rng),
            Command::Group(order) => self.obey_in_group(order, now, rng),
            Command::Restored => {
                self.restored(now, rng);
                Ok(())
            }
            Command::Quit => {
                let names: Vec<Name> = self.people.keys().cloned().collect();
                names.iter().try_for_each(|name| self.close_window(name, now))
            }
        }
    }

    fn write(
        &mut self,
        to: &Name,
        text: String,
        life: OwnLife,
        now: Now,
        rng: &mut dyn CryptoRng,
    ) -> Result<(), String> {
        // Who is known from a group has not asked.
        let has_asked = self.waits(to) || self.standing(to) != Standing::Request;
        if let Some(owner) = self.owner_of(to).filter(|it| !has_asked && self.shares_group(it)) {
            let changes = self.contacts.accept(&self.own, &owner, now.timestamp());
            self.changed(&changes);
        }
        self.check_writable(to)?;
        if text.len() > LONGEST_TEXT {
            let length = text.len();
            return Err(format!(
                "the text has {length} bytes, {LONGEST_TEXT} are the most: send it in parts"
            ));
        }
        let mut chosen = [0; 16];
        rng.fill_bytes(&mut chosen);
        let mut stamp = self.expiry.stamp(self.conversation(to));
        let mut body = Body::Text(text.clone());
        match life {
            OwnLife::AsConversation => {}
            OwnLife::For(ttl) => stamp = stamp.with_policy(Policy::AfterRead { ttl }),
            OwnLife::Once => {
                stamp = stamp.with_opens(Opens::Once);
                body = Body::TheirsToOpen;
            }
        }
        let id = self.queue(to, &chosen, &stamp, body, now)?;
        let body = Content::Text { chosen, text }.encode();
        self.post(to, Some(id), body, stamp, now, rng);
        Ok(())
    }

    /// Puts a message of ours into its conversation. Its clock runs when the relay has it.
    pub(super) fn queue(
        &mut self,
        to: &Name,
        chosen: &[u8; 16],
        stamp: &Stamp,
        body: Body,
        now: Now,
    ) -> Result<MessageId, String> {
        let tag = self.tag();
        let id = MessageId::by(tag, chosen);
        let parts = match &body {
            Body::OurFile { .. } | Body::File(_) => Parts::FILE,
            Body::Text(_) | Body::Sealed(_) | Body::TheirsToOpen => Parts::NONE,
        };
        let message = NewMessage::new(id, self.conversation(to), tag).with_parts(parts);
        let arrival = self.expiry.queued(message, stamp, now);
        self.absorb(&arrival.effects);
        if arrival.verdict != Verdict::Keep {
            return Err("its id is in use: send it again".into());
        }
        let number = self.next_number();
        let (with, author, progress) = (to.clone(), Author::Us, Progress::Waiting);
        self.put_message(Message { id, number, with, author, tag, body, progress });
        self.notice(Notice::Queued(to.clone(), id));
        Ok(id)
    }

    /// Takes a message of ours back, at both ends. What has not been encrypted goes no further than here.
    fn unsend(&mut self, id: MessageId, now: Now, rng: &mut dyn CryptoRng) -> Result<(), String> {
        let message = self.message(id).cloned().ok_or(NO_SUCH_MESSAGE)?;
        match message.author {
            Author::Us => {}
            Author::Them if self.is_admin_of(&message.with) => {}
            Author::Them => {
                return Err("only its author takes a message back: /delete deletes it here".into());
            }
        }
        match &message.body {
            Body::OurFile { blob, token, .. } => {
                self.put_disposal(Disposal { blob: *blob, token: token.clone() });
            }
            // Another device of ours sent it.
            Body::File(held) => {
                let (blob, token) = (held.file.blob, held.file.token.clone());
                self.put_disposal(Disposal { blob, token });
            }
            Body::Text(_) | Body::Sealed(_) | Body::TheirsToOpen => {}
        }
        let is_draft = self.drafts.values().any(|it| it.message == Some(id) && it.only.is_none())
            || self.uploads.values().any(|upload| upload.message == id);
        if !is_draft && message.progress != Progress::Failed {
            self.check_writable(&message.with)?;
            // One that is on its way must not stay where it is just because its request was faster.
            let content = match message.author {
                Author::Us => Content::Unsend { message: id },
                Author::Them => Content::TakeBack { message: id, author: message.tag },
            };
            let body = content.encode();
            let stamp = self.expiry.stamp(self.conversation(&message.with));
            self.post(&message.with, None, body, stamp, now, rng);
        }
        self.delete(id, now);
        self.notice(Notice::Unsent(message.with, id));
        Ok(())
    }

    fn delete(&mut self, id: MessageId, now: Now) {
        let effects = self.expiry.deleted(id, now);
        self.absorb(&effects);
        self.forget_message(id);
        self.delete_due(now);
    }

    pub(super) fn check_writable(&self, to: &Name) -> Result<(), String> {
        if to.is_group() {
            return self.check_group_writable(to);
        }
        match self.profile.place {
            Place::Owner | Place::Linked => {}
            Place::Linking => {
                return Err("this device is being linked: its owner's device comes first".into());
            }
            Place::Removed => return Err("this device was removed: it sends nothing".into()),
        }
        if to == self.name() || self.is_own_device(to) {
            return Err("that is this device: messages go to somebody else".into());
        }
        match (self.standing(to), self.trust(to)) {
            (Standing::Request, _) => {
                Err(format!("{to} has asked first: /accept {to}, or /refuse {to}"))
            }
            (Standing::Blocked, _) => Err(format!("{to} is blocked: /accept {to} takes that back")),
            (_, Trust::Changed) => Err(format!(
                "the identity of {to} has changed: /accept-identity {to} or /keep-identity {to}"
            )),
            (
                Standing::New | Standing::Accepted | Standing::Left,
                Trust::Claimed | Trust::Verified,
            ) => Ok(()),
        }
    }
}
