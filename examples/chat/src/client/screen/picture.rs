//! What is drawn, at one moment: the view model of the whole screen.

use evanesce::SafetyNumber;
use evanesce::expiry::MessageId;

use crate::client::screen::focus::Ids;
use crate::client::screen::input_line::InputLine;
use crate::client::screen::timeline::Entry;
use crate::name::Name;
use crate::view::ContactView;

#[derive(Clone, Debug)]
pub struct Picture {
    pub us: Name,
    pub reach: Reach,
    pub contacts: Vec<ContactView>,
    pub open: Option<Conversation>,
    pub scroll: usize,
    pub ids: Ids,
    pub page: PageView,
    pub complaint: Option<String>,
    pub input: InputLine,
}

/// Whether the relay answers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Reach {
    #[default]
    Unknown,
    Online,
    Offline,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Conversation {
    pub contact: ContactView,
    pub entries: Vec<Entry>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum PageView {
    #[default]
    Nothing,
    Help,
    Safety(Safety),
    Opened {
        from: Name,
        id: MessageId,
        text: String,
    },
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Safety {
    /// No identity is known yet.
    Unknown,
    Known {
        digits: String,
        scannable: [u8; SafetyNumber::SCANNABLE_LENGTH],
    },
}
