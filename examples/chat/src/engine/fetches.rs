//! Files of others, chunk by chunk. What is stored of one is final: the sender's, at its place. So what was fetched before a
//! crash counts, and the next chunk is the one behind it.

use std::time::Duration;

use evanesce::attachment::FinalBytes;
use evanesce::expiry::{MessageId, Now};
use evanesce::zeroize::Zeroizing;

use crate::clock;
use crate::command::MessagePrefix;
use crate::content::AttachedFile;
use crate::engine::message::{Body, CHUNK, FetchState, HeldFile, Message, Stopped, percent};
use crate::engine::outcome::Outcome;
use crate::engine::person::Person;
use crate::engine::reading::NO_SUCH_MESSAGE;
use crate::engine::state::Engine;
use crate::file_name::FileName;
use crate::media_type::MediaType;
use crate::name::Name;
use crate::notice::Notice;
use crate::request::{LARGEST_BLOB, Refusal};
use crate::row::Row;
use crate::view::{Author, Progress, Standing};

/// How long nothing is fetched after a refusal that may pass.
const REST: Duration = Duration::from_secs(10);

/// How often a part is fetched that the relay gives altered. What was altered on its disk stays so.
const MOST_ATTEMPTS: u32 = 3;

/// How often the relay may give no answer, one time after the other, before the user is told.
const MANY_UNANSWERED: u32 = 3;

/// Bytes of files of others that are here or coming, in all and of one person: nobody fills the disk, or takes the room of
/// all others.
const MOST_ROOM: u64 = 512 << 20;
const MOST_ROOM_OF_ONE: u64 = 256 << 20;

/// The chunk that is to be fetched next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fetch {
    pub message: MessageId,
    pub file: AttachedFile,
    pub chunk: u64,
}

/// What came of it.
#[derive(Debug)]
pub enum Fetched {
    Chunk(FinalBytes),
    /// The relay's doing.
    Altered(Part),
    /// The sender's doing.
    Broken,
    Refused(Refusal),
    /// It is still to be fetched, and why.
    Unanswered(String),
}

/// Which part of a blob is not what it must be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// It is longer or shorter than its reference says.
    Length,
    /// The hashes of the pages.
    Top,
    /// The hashes of chunks.
    Page(u64),
    Chunk(u64),
}

/// A file that is here, and may be seen or saved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WholeFile {
    pub with: Name,
    pub message: MessageId,
    pub name: FileName,
    pub media_type: MediaType,
    pub size: u64,
    /// How many rows it has.
    pub pieces: u64,
}

impl Engine {
    /// The next chunk to fetch, of files whose senders are accepted: to fetch is to be seen by the relay.
    pub fn next_fetch(&self, now: Now) -> Option<Fetch> {
        if self.pending.fetches_rest.is_some_and(|end| end > clock::steady(now)) {
            return None;
        }
        let known = |message: &&Message| {
            message.author == Author::Us || self.standing(&message.with) == Standing::Accepted
        };
        let messages = self.fetches.iter().filter_map(|id| self.message(*id));
        messages.filter(known).find_map(|message| match &message.body {
            Body::File(HeldFile { file, opened, state: FetchState::Going }) => {
                Some(Fetch { message: message.id, file: file.clone(), chunk: *opened })
            }
            _ => None,
        })
    }

    /// Whether something waits for a rest to end, so that it is worth asking again soon.
    pub fn has_resting_fetches(&self, now: Now) -> bool {
        self.pending.fetches_rest.is_some_and(|end| end > clock::steady(now))
    }

    /// What came of a fetch. If its message has ended meanwhile, nothing is kept.
    pub fn fetched(&mut self, fetch: &Fetch, fetched: Fetched, now: Now) -> Outcome {
        let message = self.message(fetch.message).cloned();
        if let Some(message) = message
            && let Body::File(held) = message.body.clone()
            && (held.state, held.opened) == (FetchState::Going, fetch.chunk)
        {
            match fetched {
                Fetched::Chunk(bytes) => self.chunk_came(message, held, bytes, now),
                Fetched::Altered(part) => self.altered_came(message, held, part, now),
                Fetched::Broken => self.stop(message, held, Stopped::Broken),
                Fetched::Refused(Refusal::NoBlob) => self.stop(message, held, Stopped::Gone),
                Fetched::Refused(_) => self.fetches_rest(now),
                Fetched::Unanswered(why) => {
                    self.unanswered(&message.with, message.id, why);
                }
            }
        }
        self.delete_due(now);
        self.keep_tellings(now);
        self.finish()
    }

    fn chunk_came(&mut self, message: Message, mut held: HeldFile, bytes: FinalBytes, now: Now) {
        let Some(layout) = held.layout() else { return };
        let (id, with) = (message.id, message.with.clone());
        if !bytes.is_empty() {
            self.write_piece(id, held.opened, Zeroizing::new(bytes.into_vec()));
        }
        let before = percent(held.opened, layout.chunks());
        held.opened = held.opened.saturating_add(1);
        let after = percent(held.opened, layout.chunks());
        self.pending.attempts.remove(&id);
        self.pending.unanswered.remove(&id);
        if held.opened == layout.chunks() {
            held.state = FetchState::Whole;
            let effects = self.expiry.ready(id, now);
            self.absorb(&effects);
            self.notice(Notice::Fetched(with, id));
        } else if before / 10 != after / 10 {
            self.notice(Notice::Fetching(with, id, after));
        }
        self.put_message(Message { body: Body::File(held), ..message });
    }

    /// It is fetched again; but not for ever. The user is told which part it is.
    fn altered_came(&mut self, message: Message, held: HeldFile, part: Part, now: Now) {
        let attempts = self.pending.attempts.entry(message.id).or_default();
        *attempts = attempts.saturating_add(1);
        let attempts = *attempts;
        let part = match (part, held.layout()) {
            (Part::Length, _) => "its length".into(),
            (Part::Top, _) => "the top".into(),
            (Part::Page(number), _) => format!("page {number}"),
            (Part::Chunk(number), layout) => {
                format!("chunk {number} of {}", layout.map_or(0, |layout| layout.chunks()))
            }
        };
        let what = if attempts < MOST_ATTEMPTS { "fetched again" } else { "refused" };
        let told = format!("{part}: {what}");
        self.notice(Notice::Altered(message.with.clone(), message.id, told));
        if attempts >= MOST_ATTEMPTS {
            self.stop(message, held, Stopped::Altered);
        } else {
            self.pending.fetches_rest =
                Some(clock::steady(now).saturating_add(Duration::from_millis(200)));
        }
    }

    /// What is here of it stays: it is final.
    fn stop(&mut self, message: Message, held: HeldFile, why: Stopped) {
        self.notice(Notice::Stopped(message.with.clone(), message.id, why.told()));
        self.pending.attempts.remove(&message.id);
        let body = Body::File(HeldFile { state: FetchState::Stopped(why), ..held });
        self.put_message(Message { body, ..message });
    }

    /// It is asked on; the user is told once why nothing comes.
    pub(super) fn unanswered(&mut self, with: &Name, id: MessageId, why: String) {
        let times = self.pending.unanswered.entry(id).or_default();
        *times = times.saturating_add(1);
        if *times == MANY_UNANSWERED {
            self.notice(Notice::Stalled(with.clone(), id, why));
        }
    }

    fn fetches_rest(&mut self, now: Now) {
        self.pending.fetches_rest = Some(clock::steady(now).saturating_add(REST));
    }

    /// What a message that came says of a file is taken in; whether it is fetched, its size says first.
    pub(super) fn held_file(file: AttachedFile) -> HeldFile {
        let fits = |length: u64| length <= LARGEST_BLOB;
        let length = file.reference().map(|reference| reference.layout().blob_length());
        let state = match length.is_some_and(fits) {
            true => FetchState::Going,
            false => FetchState::Stopped(Stopped::TooLarge),
        };
        HeldFile { file, opened: 0, state }
    }

    /// Of somebody whose files are fetched from now on, stops those for which there is no room, the last one first. Files of
    /// strangers are not fetched, so they take none.
    pub(super) fn admit_files(&mut self, name: &Name) {
        let person = self.people.get(name).filter(|_| self.takes_room(name));
        let is_going =
            |it: &&Message| matches!(&it.body, Body::File(held) if held.state == FetchState::Going);
        let messages = person.into_iter().flat_map(|person| person.messages.values().rev());
        let going: Vec<Message> = messages.filter(is_going).cloned().collect();
        for message in going {
            if let Body::File(held) = message.body.clone()
                && !self.has_room_for(&message, &held)
            {
                self.stop(message, held, Stopped::Full);
            }
        }
    }

    /// Whether a file fits beside all others.
    fn has_room_for(&self, message: &Message, held: &HeldFile) -> bool {
        let of = |person: &Person| -> u64 {
            let others = person.messages.values().filter(|it| it.id != message.id);
            let rooms = others.map(|other| match &other.body {
                Body::File(held) => held.room(),
                _ => 0,
            });
            rooms.fold(0, u64::saturating_add)
        };
        let takers = || self.people.iter().filter(|(name, _)| self.takes_room(name));
        let all = takers().map(|(_, person)| of(person)).fold(0, u64::saturating_add);
        let theirs = self.people.get(&message.with).map_or(0, of);
        let room = held.pieces().saturating_mul(CHUNK);
        all.saturating_add(room) <= MOST_ROOM && theirs.saturating_add(room) <= MOST_ROOM_OF_ONE
    }

    /// The user wants what was stopped to be fetched once more.
    pub(super) fn fetch_again(&mut self, id: MessageId) -> Result<(), String> {
        let message = self.message(id).cloned().ok_or(NO_SUCH_MESSAGE)?;
        let Body::File(held) = message.body.clone() else {
            return Err("that is no file of theirs".into());
        };
        match held.state {
            FetchState::Going => return Err("it is being fetched".into()),
            FetchState::Whole => return Err("it is here: /save ID saves it".into()),
            FetchState::Stopped(Stopped::TooLarge) => return Err(Stopped::TooLarge.told().into()),
            FetchState::Stopped(
                Stopped::Altered | Stopped::Broken | Stopped::Gone | Stopped::Full,
            ) => {}
        }
        if !self.has_room_for(&message, &held) {
            return Err(Stopped::Full.told().into());
        }
        self.pending.fetches_rest = None;
        let body = Body::File(HeldFile { state: FetchState::Going, ..held });
        self.put_message(Message { body, ..message });
        Ok(())
    }

    /// A file that may be seen: it is whole, its line was shown, and its message has not ended.
    pub fn whole_file(&self, prefix: &MessagePrefix, now: Now) -> Result<WholeFile, String> {
        let message = self.message(self.find(prefix)?).ok_or(NO_SUCH_MESSAGE)?;
        let held = match &message.body {
            Body::File(held) if self.may_be_shown(message.id, now) => held,
            Body::OurFile { .. } => return Err("that file is yours: it is where it was".into()),
            _ => return Err("that message is no file".into()),
        };
        if message.progress == Progress::Unread {
            let name = &message.with;
            return Err(format!("it is unread: /read {name} opens the conversation"));
        }
        match held.state {
            FetchState::Whole => Ok(WholeFile {
                with: message.with.clone(),
                message: message.id,
                name: held.file.name.clone(),
                media_type: held.file.media_type.clone(),
                size: held.size(),
                pieces: held.pieces(),
            }),
            FetchState::Going => Err("not all of it is here yet".into()),
            FetchState::Stopped(why) => {
                Err(format!("{}: /fetch ID fetches it once more", why.told()))
            }
        }
    }

    /// It was saved; from now on it is the user's.
    pub fn saved(&mut self, file: &WholeFile, place: String) -> Outcome {
        self.notice(Notice::Saved(file.with.clone(), file.message, place));
        self.finish()
    }

    /// Whether its message is still here: what was begun with it may come too late.
    pub fn is_here(&self, file: &WholeFile, now: Now) -> bool {
        self.message(file.message).is_some() && self.may_be_shown(file.message, now)
    }

    /// Whether files of a conversation are here or coming.
    fn takes_room(&self, with: &Name) -> bool {
        self.standing(with) != Standing::Request
    }

    fn write_piece(&mut self, id: MessageId, number: u64, bytes: Zeroizing<Vec<u8>>) {
        self.write_row(Row::Piece(id, number), Some(bytes));
    }
}
