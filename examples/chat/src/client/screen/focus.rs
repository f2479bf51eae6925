//! What the user looks at and types: all that changes without the engine.

use std::collections::BTreeMap;
use std::sync::Arc;

use evanesce::expiry::MessageId;
use image::RgbImage;

use crate::client::screen::input_line::InputLine;
use crate::client::screen::typed::Latest;
use crate::client::session::{Input, Origin};
use crate::command::Command;
use crate::name::Name;
use crate::shown::LinkText;
use crate::view::{ContactView, DeviceView};

#[derive(Debug, Default)]
pub struct Focus {
    /// Everybody, in the order of the list.
    pub contacts: Vec<ContactView>,
    /// The conversation that is drawn, and open in the engine.
    pub open: Option<Name>,
    pub page: Page,
    /// How many rows lie below what is drawn.
    pub scroll: usize,
    pub input: InputLine,
    /// What was begun elsewhere: it waits there, and does not go to somebody else.
    pub begun: BTreeMap<Option<Name>, InputLine>,
    /// What could not be done, until the next key.
    pub complaint: Option<String>,
    /// A line of which the user was asked for whom it is, in which conversation.
    pub doubted: Option<(Option<Name>, String)>,
    pub latest: Latest,
    pub ids: Ids,
}

/// What lies over the conversation.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Page {
    #[default]
    Nothing,
    Help,
    /// Of the open conversation.
    Safety,
    /// What could be opened once. Nothing else has it any more.
    Opened(Name, MessageId, String),
    /// A file of theirs that is a picture.
    Picture {
        id: MessageId,
        title: String,
        picture: Arc<RgbImage>,
    },
    /// What was found, in whatever conversation.
    Found(Vec<MessageId>),
    /// A device is being linked.
    Link(LinkPage),
    /// Somebody's devices, or ours.
    Devices(Vec<DeviceView>),
}

/// How far a device that is being linked is, and the digits that are compared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LinkPage {
    /// Here is the code of this one.
    Code(LinkText, String),
    /// The code of this one was read: is it the user's?
    Read(Name, String),
    /// It is. These are the owner's digits, which it shows.
    Offered(Name, String),
    /// This one has an offer of this owner: are the digits the same there?
    Opened(Name, String),
}

/// Whether messages are drawn with the first digits of their ids.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Ids {
    #[default]
    Hidden,
    Shown,
}

impl Focus {
    /// Leaves the open conversation for another one, or for none.
    pub fn go_to(&mut self, name: Option<Name>) -> Vec<Input> {
        self.page = Page::Nothing;
        if self.open == name {
            return vec![Input::Redraw];
        }
        self.scroll = 0;
        let input = self.begun.remove(&name).unwrap_or_default();
        self.begun.insert(self.open.clone(), std::mem::replace(&mut self.input, input));
        let close = self.open.take().map(Command::Close);
        self.open.clone_from(&name);
        self.latest = Latest::default();
        close.into_iter().chain(name.map(Command::Read)).map(Input::Command).collect()
    }

    /// The open conversation is none after all.
    pub fn abandon(&mut self) {
        let input = self.begun.remove(&None).unwrap_or_default();
        let former = std::mem::replace(&mut self.input, input);
        self.begun.insert(self.open.take(), former);
        self.page = Page::Nothing;
        self.scroll = 0;
        self.latest = Latest::default();
    }

    /// What came of a line was refused: it stands where it was typed, before what has been typed there since.
    pub fn put_back(&mut self, origin: Origin) {
        let Origin { open, line, anywhere } = origin;
        let is_here = |name: &Name| self.contacts.iter().any(|contact| contact.name == *name);
        let (open, line) = match open.filter(is_here) {
            Some(name) => (Some(name), line),
            None => (None, anywhere),
        };
        let input = match open == self.open {
            true => &mut self.input,
            false => self.begun.entry(open).or_default(),
        };
        input.put_before(&line);
    }

    pub fn next(&mut self) -> Vec<Input> {
        let place = self.place().map_or(0, |place| place.saturating_add(1));
        let name = self.contacts.get(place).or(self.contacts.first()).map(|it| it.name.clone());
        self.go_to(name)
    }

    pub fn previous(&mut self) -> Vec<Input> {
        let place = self.place().and_then(|place| place.checked_sub(1));
        let contact = match place {
            Some(place) => self.contacts.get(place),
            None => self.contacts.last(),
        };
        let name = contact.map(|contact| contact.name.clone());
        self.go_to(name)
    }

    /// Closes what lies on top: a page, then what is typed, then the conversation.
    pub fn back(&mut self) -> Vec<Input> {
        // Who leaves a question of linking has declined.
        if let Page::Link(LinkPage::Code(..) | LinkPage::Read(..) | LinkPage::Opened(..)) =
            self.page
        {
            self.page = Page::Nothing;
            return vec![Input::Command(Command::LinkCancel)];
        }
        if self.page != Page::Nothing {
            self.page = Page::Nothing;
        } else if !self.input.is_empty() {
            self.input.clear();
        } else {
            return self.go_to(None);
        }
        vec![Input::Redraw]
    }

    pub fn open_contact(&self) -> Option<&ContactView> {
        self.place().and_then(|place| self.contacts.get(place))
    }

    fn place(&self) -> Option<usize> {
        let open = self.open.as_ref()?;
        self.contacts.iter().position(|contact| contact.name == *open)
    }
}
