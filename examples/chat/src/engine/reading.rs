//! Reading: what is shown, what that starts, and the view model.

use std::time::Duration;

use evanesce::expiry::{MessageId, Now, Parts, Visibility};

use crate::command::MessagePrefix;
use crate::engine::message::{Body, FetchState, Message, percent};
use crate::engine::outcome::Outcome;
use crate::engine::person::Person;
use crate::engine::state::Engine;
use crate::name::Name;
use crate::notice::Notice;
use crate::row::Row;
use crate::shown::Id;
use crate::view::{ContactView, FileLine, FileState, LineText, LineView, Progress, Window};

/// It may have ended, or be of another conversation.
pub const NO_SUCH_MESSAGE: &str = "there is no such message, or none any more";

impl Engine {
    /// The conversation is on the screen: what is in it counts as read, and so does what comes.
    pub(super) fn open_window(&mut self, name: &Name, now: Now) -> Result<(), String> {
        let person = self.people.get_mut(name).ok_or_else(|| unknown(name))?;
        person.window = Window::Open;
        let unread: Vec<Message> = person
            .messages
            .values()
            .filter(|message| message.progress == Progress::Unread)
            .cloned()
            .collect();
        for message in unread {
            self.show(message, now);
        }
        Ok(())
    }

    /// Shows a message of theirs. Its clock is stored before that, since notices follow the transaction.
    pub(super) fn show(&mut self, message: Message, now: Now) {
        if !self.may_be_shown(message.id, now) {
            return;
        }
        match &message.body {
            Body::Text(text) => {
                let (with, writer) = (message.with.clone(), self.writer(&message));
                let notice = Notice::Message(with, message.id, writer, text.clone());
                let effects = self.expiry.read(message.id, now);
                self.absorb(&effects);
                self.notice(notice);
            }
            Body::File(_) | Body::OurFile { .. } => {
                let effects = self.expiry.read(message.id, now);
                self.absorb(&effects);
                if let LineText::File(file) = self.line(&message, now).text {
                    let (with, writer) = (message.with.clone(), self.writer(&message));
                    self.notice(Notice::File(with, message.id, writer, file));
                }
            }
            // What is seen is that there is something to open, and opening it is reading.
            Body::Sealed(_) | Body::TheirsToOpen => {
                let (with, writer) = (message.with.clone(), self.writer(&message));
                self.notice(Notice::Once(with, message.id, writer));
            }
        }
        self.put_message(Message { progress: Progress::Read, ..message });
    }

    pub(super) fn close_window(&mut self, name: &Name, now: Now) -> Result<(), String> {
        let person = self.people.get_mut(name).ok_or_else(|| unknown(name))?;
        person.window = Window::Closed;
        for conversation in self.conversations(name) {
            let effects = self.expiry.closed(conversation, now);
            self.absorb(&effects);
        }
        self.notice(Notice::Closed(name.clone()));
        self.delete_due(now);
        Ok(())
    }

    /// Opens what can be opened once. That it was opened is in the transaction that its text waits for.
    pub(super) fn open_once(&mut self, id: MessageId, now: Now) -> Result<(), String> {
        let message = self.message(id).cloned().ok_or(NO_SUCH_MESSAGE)?;
        let Body::Sealed(sealed) = &message.body else {
            return Err("that is not a message to be opened: it can be read, or is yours".into());
        };
        let opening = self.expiry.open(id, now).map_err(|error| error.to_string())?;
        self.absorb(&opening.effects);
        let text = opening.release().and_then(|key| key.open(id, Parts::BODY, sealed));
        let text = text.ok_or("its content does not open")?;
        let text = String::from_utf8_lossy(&text).into_owned();
        let writer = self.writer(&message);
        self.notice(Notice::Opened(message.with.clone(), id, writer, text));
        self.forget_message(id);
        self.delete_due(now);
        Ok(())
    }

    /// The message whose id begins so, if there is just one.
    pub(super) fn find(&self, prefix: &MessagePrefix) -> Result<MessageId, String> {
        let mut found = self.places.keys().filter(|id| Id(**id).to_string().starts_with(&prefix.0));
        match (found.next(), found.next()) {
            (Some(id), None) => Ok(*id),
            (Some(_), Some(_)) => {
                Err("more than one message has such an id: give more of its digits".into())
            }
            (None, _) => Err(NO_SUCH_MESSAGE.into()),
        }
    }

    /// Asked before each time that something is drawn.
    pub(super) fn may_be_shown(&self, id: MessageId, now: Now) -> bool {
        match self.expiry.visibility(id, now) {
            // What is to be opened is sealed in the store: its line says only that it is there.
            Visibility::Shown | Visibility::Placeholder => true,
            Visibility::Withheld | Visibility::Gone => false,
        }
    }

    /// All conversations, by name.
    pub fn contacts(&self, now: Now) -> Vec<ContactView> {
        let listed = self.people.iter().filter(|(name, _)| !self.is_forgotten(name));
        listed.map(|(name, person)| self.contact(name, person, now)).collect()
    }

    fn contact(&self, name: &Name, person: &Person, now: Now) -> ContactView {
        let shown =
            || person.messages.values().filter(|message| self.may_be_shown(message.id, now));
        let unread = shown().filter(|message| message.progress == Progress::Unread).count();
        let setting = self.expiry.setting(self.conversation(name));
        ContactView {
            name: name.clone(),
            standing: self.standing(name),
            trust: self.trust(name),
            timer: setting.and_then(|setting| setting.policy),
            unread,
            last: shown().next_back().map(|message| self.line(message, now)),
            window: person.window,
        }
    }

    /// What may be shown of a conversation at this moment, the first line first.
    pub fn lines(&self, name: &Name, now: Now) -> Vec<LineView> {
        let messages = self.people.get(name).into_iter().flat_map(|it| it.messages.values());
        messages
            .filter(|message| self.may_be_shown(message.id, now))
            .map(|message| self.line(message, now))
            .collect()
    }

    pub(super) fn line(&self, message: &Message, now: Now) -> LineView {
        let text = match &message.body {
            Body::Text(text) => LineText::Text(text.clone()),
            Body::Sealed(_) | Body::TheirsToOpen => LineText::Once,
            Body::File(held) => {
                let chunks = held.layout().map_or(0, |layout| layout.chunks());
                LineText::File(FileLine {
                    name: held.file.name.clone(),
                    media_type: held.file.media_type.clone(),
                    size: held.size(),
                    state: match held.state {
                        FetchState::Going => FileState::Going(percent(held.opened, chunks)),
                        FetchState::Whole => FileState::Whole,
                        FetchState::Stopped(why) => FileState::Stopped(why.told()),
                    },
                })
            }
            Body::OurFile { name, media_type, size, .. } => LineText::File(FileLine {
                name: name.clone(),
                media_type: media_type.clone(),
                size: *size,
                state: self.sent_percent(message).map_or(FileState::Whole, FileState::Going),
            }),
        };
        LineView {
            id: message.id,
            author: message.author,
            writer: self.writer(message),
            text,
            progress: message.progress,
            remaining: self.expiry.remaining(message.id, now),
        }
    }

    /// The store has found rows by their words. Of those that may be shown the first comes first; what is unread is
    /// none of them, since its clock would not run.
    pub fn found(&mut self, rows: &[Row], now: Now) -> Outcome {
        let ids = rows.iter().filter_map(|row| match row {
            Row::Message(id) => Some(*id),
            _ => None,
        });
        let mut found: Vec<(u64, MessageId)> =
            ids.filter_map(|id| Some((self.message(id)?.number, id))).collect();
        found.sort_unstable();
        let ids: Vec<MessageId> = found.into_iter().map(|(_, id)| id).collect();
        let lines = self.lines_of(&ids, now);
        self.notice(Notice::Found(lines.len()));
        for (name, line) in lines {
            self.notice(Notice::FoundLine(name, line));
        }
        self.finish()
    }

    /// What may be shown of these messages at this moment, wherever they are.
    pub fn lines_of(&self, ids: &[MessageId], now: Now) -> Vec<(Name, LineView)> {
        let messages = ids.iter().filter_map(|id| self.message(*id));
        messages
            .filter(|message| message.progress != Progress::Unread)
            .filter(|message| self.may_be_shown(message.id, now))
            .map(|message| (message.with.clone(), self.line(message, now)))
            .collect()
    }

    /// How long nothing needs to be done, if nothing happens.
    pub fn next_wakeup(&self, now: Now) -> Duration {
        self.expiry.next_wakeup(now).unwrap_or(Duration::from_secs(3_600))
    }
}

pub fn unknown(name: &Name) -> String {
    format!("nobody here is called {name}: a first message makes a conversation")
}
