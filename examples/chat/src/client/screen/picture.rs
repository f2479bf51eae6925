//! What is drawn, at one moment: the view model of the whole screen.

use std::sync::Arc;

use evanesce::SafetyNumber;
use evanesce::expiry::MessageId;
use image::RgbImage;

use crate::client::screen::focus::{Ids, LinkPage};
use crate::client::screen::half_blocks::Palette;
use crate::client::screen::input_line::InputLine;
use crate::client::screen::timeline::Entry;
use crate::engine::{SafetyNumbers, Secrecy};
use crate::name::Name;
use crate::view::{ContactView, DeviceView, LineView};

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
    Picture {
        title: String,
        picture: Arc<RgbImage>,
        palette: Palette,
    },
    /// What was found and may be shown, the first line first.
    Found(Vec<(Name, LineView)>),
    Link(LinkPage),
    Devices(Vec<DeviceView>),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Safety {
    /// No identity is known yet.
    Unknown,
    Known {
        number: Number,
        secrecy: Option<Secrecy>,
    },
    /// Another identity uses the name, and the user has to decide.
    Undecided {
        known: Option<Number>,
        waiting: Number,
    },
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Number {
    pub digits: String,
    pub scannable: [u8; SafetyNumber::SCANNABLE_LENGTH],
}

impl Safety {
    pub fn of(numbers: SafetyNumbers) -> Self {
        let shown = |number: SafetyNumber| Number {
            digits: number.to_string(),
            scannable: number.scannable(),
        };
        let (known, waiting) = (numbers.known.map(shown), numbers.waiting.map(shown));
        match (known, waiting) {
            (None, None) => Self::Unknown,
            (Some(number), None) => Self::Known { number, secrecy: numbers.secrecy },
            (known, Some(waiting)) => Self::Undecided { known, waiting },
        }
    }
}
