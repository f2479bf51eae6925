//! The screen: conversations on the left, one of them on the right, below it what holds for it and what is typed.

mod colours;
mod input_line;
mod timeline;
mod wrapping;

mod half_blocks;
mod qr;
mod tty;
mod typed;

mod focus;

mod keys;
mod picture;

mod bubbles;
mod contact_list;

mod keyboard;
mod linking;

mod pages;

mod status;

mod drawing;

#[cfg(test)]
mod drawn;

use std::collections::BTreeMap;
use std::io::{self, Stdout};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use evanesce::expiry::Now;
use image::RgbImage;
use ratatui::Terminal;
use ratatui::backend::CrosstermBackend;
use tokio::sync::mpsc;

use crate::client::screen::focus::{Focus, LinkPage, Page};
use crate::client::screen::half_blocks::Palette;
use crate::client::screen::picture::{Conversation, PageView, Picture, Reach, Safety};
use crate::client::screen::timeline::{Entry, Note, Timeline};
use crate::client::screen::tty::Tty;
use crate::client::screen::typed::Latest;
use crate::client::session::{Input, Origin, Screen};
use crate::clock;
use crate::engine::{Engine, WholeFile};
use crate::name::Name;
use crate::notice::{DeviceChange, Notice};

pub struct FullScreen {
    us: Name,
    terminal: Terminal<CrosstermBackend<Stdout>>,
    /// Shared with the keyboard's thread.
    focus: Arc<Mutex<Focus>>,
    reach: Reach,
    timelines: BTreeMap<Name, Timeline>,
    /// What has happened since the screen was drawn.
    notes: Vec<(Name, Note)>,
    pace: Duration,
    palette: Palette,
    /// Dropped last: gives the terminal back.
    _tty: Tty,
}

impl FullScreen {
    /// Takes the terminal, until this is dropped.
    pub fn start(us: Name) -> io::Result<Self> {
        let tty = Tty::take()?;
        let terminal = Terminal::new(CrosstermBackend::new(io::stdout()))?;
        Ok(Self {
            us,
            terminal,
            focus: Arc::default(),
            reach: Reach::Unknown,
            timelines: BTreeMap::new(),
            notes: Vec::new(),
            pace: Duration::MAX,
            palette: Palette::of_terminal(),
            _tty: tty,
        })
    }

    /// What the user does.
    pub fn inputs(&self) -> mpsc::Receiver<Input> {
        keyboard::inputs(Arc::clone(&self.focus))
    }

    fn picture(&mut self, engine: &Engine, now: Now) -> Picture {
        for (name, note) in std::mem::take(&mut self.notes) {
            let lines = engine.lines(&name, now);
            self.timelines.entry(name).or_default().note(note, lines);
        }
        let mut focus = self.focus.lock().unwrap_or_else(PoisonError::into_inner);
        focus.contacts = engine.contacts(now);
        let open = focus.open_contact().cloned().map(|contact| {
            let lines = engine.lines(&contact.name, now);
            focus.latest = Latest::of(&lines);
            let timeline = self.timelines.entry(contact.name.clone()).or_default();
            Conversation { contact, entries: timeline.arrange(lines) }
        });
        // What has ended leaves the screen, and nothing else has the picture.
        if let Page::Picture { id, .. } = &focus.page
            && engine.lines_of(&[*id], now).is_empty()
        {
            focus.page = Page::Nothing;
        }
        let page = match (&focus.page, &open) {
            (Page::Nothing, _) | (Page::Safety, None) => PageView::Nothing,
            (Page::Help, _) => PageView::Help,
            (Page::Safety, Some(open)) => {
                PageView::Safety(Safety::of(engine.safety_numbers(&open.contact.name)))
            }
            (Page::Opened(from, id, text), _) => {
                PageView::Opened { from: from.clone(), id: *id, text: text.clone() }
            }
            (Page::Picture { id: _, title, picture }, _) => {
                let (title, picture) = (title.clone(), Arc::clone(picture));
                PageView::Picture { title, picture, palette: self.palette }
            }
            // Asked anew each time: what has ended since is not drawn.
            (Page::Found(ids), _) => PageView::Found(engine.lines_of(ids, now)),
            (Page::Link(link), _) => PageView::Link(link.clone()),
            (Page::Devices(devices), _) => PageView::Devices(devices.clone()),
        };
        Picture {
            us: self.us.clone(),
            reach: self.reach,
            contacts: focus.contacts.clone(),
            open,
            scroll: focus.scroll,
            ids: focus.ids,
            page,
            complaint: focus.complaint.clone(),
            input: focus.input.clone(),
        }
    }

    fn has(&self, name: &Name) -> bool {
        self.focus().contacts.iter().any(|contact| contact.name == *name)
    }

    /// Both sides are done.
    fn close_link(&self) {
        let mut focus = self.focus();
        if let Page::Link(_) = focus.page {
            focus.page = Page::Nothing;
        }
    }

    fn focus(&self) -> MutexGuard<'_, Focus> {
        self.focus.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Screen for FullScreen {
    fn notice(&mut self, notice: &Notice) {
        if let Some((name, note)) = Note::of(notice) {
            self.notes.push((name.clone(), note));
        }
        match notice {
            Notice::Online => self.reach = Reach::Online,
            Notice::Offline => self.reach = Reach::Offline,
            Notice::Opened(from, id, _, text) => {
                self.focus().page = Page::Opened(from.clone(), *id, text.clone());
            }
            Notice::Refused(name) => {
                self.timelines.remove(name);
                let mut focus = self.focus();
                if focus.open.as_ref() == Some(name) {
                    focus.abandon();
                }
            }
            Notice::Error(text) => {
                let mut focus = self.focus();
                focus.complaint = Some(text.clone());
                // A conversation that could not be begun is none to stay in.
                if focus.open.is_some() && focus.open_contact().is_none() {
                    focus.abandon();
                }
            }
            Notice::Trouble(text) | Notice::Usage(text) => {
                self.focus().complaint = Some(text.clone());
            }
            Notice::LinkCode(code, digits) => {
                self.focus().page = Page::Link(LinkPage::Code(code.clone(), digits.clone()));
            }
            Notice::LinkRead(device, digits) => {
                self.focus().page = Page::Link(LinkPage::Read(device.clone(), digits.clone()));
            }
            Notice::LinkOffered(device, digits) => {
                self.focus().page = Page::Link(LinkPage::Offered(device.clone(), digits.clone()));
            }
            Notice::LinkOpened(owner, digits) => {
                self.focus().page = Page::Link(LinkPage::Opened(owner.clone(), digits.clone()));
            }
            Notice::DeviceLine(device) => {
                let mut focus = self.focus();
                match &mut focus.page {
                    Page::Devices(devices) => devices.push(device.clone()),
                    page => *page = Page::Devices(vec![device.clone()]),
                }
            }
            Notice::Joined(from, to) => {
                self.timelines.remove(from);
                let mut focus = self.focus();
                if focus.open.as_ref() == Some(from) {
                    focus.open = Some(to.clone());
                }
            }
            // Of others it stands between the messages of their conversation.
            Notice::Device(name, device, change) if !self.has(name) => {
                let text = match change {
                    DeviceChange::Came => format!("{device} is linked"),
                    DeviceChange::Went => format!("{device} was removed"),
                    DeviceChange::Unknown => {
                        format!(
                            "{device} is listed as yours: /confirm {device} or /remove {device}"
                        )
                    }
                };
                self.close_link();
                self.focus().complaint = Some(text);
            }
            Notice::LinkAnswered(owner) => {
                self.focus().complaint = Some(format!("{owner} does the rest"));
            }
            Notice::LinkCancelled => {
                self.focus().complaint = Some("nothing is linked".into());
            }
            Notice::Linked(name) => {
                self.close_link();
                self.focus().complaint = Some(format!("this device is one of {name} now"));
            }
            Notice::RemovalAsked(device) => {
                let text =
                    format!("{device} asks to be removed: /remove {device} on the owner's device");
                self.focus().complaint = Some(text);
            }
            Notice::Removed(name) => {
                let text =
                    format!("this device was removed: nothing of {name} comes here any more");
                self.focus().complaint = Some(text);
            }
            Notice::Restored => {
                let text = "all sessions and prekeys are new; others hear of it as they answer";
                self.focus().complaint = Some(text.into());
            }
            Notice::Found(_) => self.focus().page = Page::Found(Vec::new()),
            Notice::FoundLine(_, line) => {
                if let Page::Found(ids) = &mut self.focus().page {
                    ids.push(line.id);
                }
            }
            _ => {}
        }
    }

    fn put_back(&mut self, origin: Origin) {
        self.focus().put_back(origin);
    }

    fn has_pictures(&self) -> bool {
        true
    }

    fn picture(&mut self, file: &WholeFile, picture: RgbImage) {
        let title = format!("{} from {}", file.name.as_str(), file.with);
        let (id, picture) = (file.message, Arc::new(picture));
        self.focus().page = Page::Picture { id, title, picture };
    }

    fn refresh(&mut self, engine: &Engine) {
        let picture = self.picture(engine, clock::now());
        let counts = |entry: &Entry| match entry {
            Entry::Message(line) => line.remaining.is_some(),
            Entry::Note(_) => false,
        };
        let found = match &picture.page {
            PageView::Found(lines) => lines.iter().any(|(_, line)| line.remaining.is_some()),
            _ => false,
        };
        let counting = found || picture.open.iter().flat_map(|open| &open.entries).any(counts);
        self.pace = if counting { Duration::from_secs(1) } else { Duration::MAX };
        let mut scroll = picture.scroll;
        // A terminal that cannot be written to has nobody before it: what happens is stored all the same.
        let _ = self.terminal.draw(|frame| scroll = drawing::draw(&picture, frame));
        let mut focus = self.focus();
        if focus.scroll == picture.scroll {
            focus.scroll = scroll;
        }
    }

    fn pace(&self) -> Duration {
        self.pace
    }
}
