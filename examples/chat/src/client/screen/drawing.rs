//! Draws a picture: a pure function of it, and of the size of the terminal.

use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Position, Rect};
use ratatui::symbols::line::{HORIZONTAL, THICK_HORIZONTAL};
use ratatui::text::{Line, Span};
use ratatui::widgets::{Clear, LineGauge, Paragraph};

use crate::client::screen::bubbles;
use crate::client::screen::colours::{ALARM, FAINT, GOOD, STRONG};
use crate::client::screen::contact_list;
use crate::client::screen::pages;
use crate::client::screen::picture::{Conversation, PageView, Picture};
use crate::client::screen::status;
use crate::client::screen::timeline::Entry;
use crate::client::screen::wrapping::wrap;
use crate::shown::OneLine;
use crate::view::{FileLine, FileState, LineText, Progress};

/// A narrower terminal has no room for the list.
const NARROWEST_WITH_LIST: u16 = 56;
const LIST_COLUMNS: u16 = 26;

/// How much of a file's name stands before its bar.
const LONGEST_LABEL: usize = 24;

/// Draws, and says how far the conversation is scrolled in truth.
pub fn draw(picture: &Picture, frame: &mut Frame) -> usize {
    let going = picture.open.as_ref().and_then(going);
    let gauge = u16::from(going.is_some());
    let [body, gauge, status, input] = Layout::vertical([
        Constraint::Min(0),
        Constraint::Length(gauge),
        Constraint::Length(1),
        Constraint::Length(1),
    ])
    .areas(frame.area());
    if let Some((label, percent)) = going {
        let gauge_of = LineGauge::default().label(label).ratio(f64::from(percent) / 100.0);
        let gauge_of = gauge_of.filled_symbol(THICK_HORIZONTAL).unfilled_symbol(HORIZONTAL);
        frame.render_widget(gauge_of.filled_style(GOOD).unfilled_style(FAINT), gauge);
    }
    let list = if body.width < NARROWEST_WITH_LIST { 0 } else { LIST_COLUMNS };
    let [list, main] =
        Layout::horizontal([Constraint::Length(list), Constraint::Min(0)]).areas(body);
    contact_list::draw(picture, list, frame);
    let scroll = match (&picture.page, &picture.open) {
        (PageView::Nothing, Some(open)) => {
            bubbles::draw(open, picture.scroll, picture.ids, main, frame)
        }
        (PageView::Nothing, None) => {
            pages::draw_welcome(picture, main, frame);
            0
        }
        (page, open) => {
            pages::draw(page, open.as_ref(), main, frame);
            picture.scroll
        }
    };
    draw_complaint(picture, body, frame);
    status::draw(picture, status, frame);
    draw_input(picture, input, frame);
    scroll
}

/// The file of the open conversation that is on its way: what it is, and how many percent of it are there.
fn going(open: &Conversation) -> Option<(String, u8)> {
    open.entries.iter().rev().find_map(|entry| match entry {
        Entry::Message(line) if line.progress != Progress::Unread => match &line.text {
            LineText::File(FileLine { name, state: FileState::Going(percent), .. }) => {
                let name: String = name.as_str().chars().take(LONGEST_LABEL).collect();
                Some((format!(" {} {percent:>3} % ", OneLine(&name)), *percent))
            }
            _ => None,
        },
        Entry::Message(_) | Entry::Note(_) => None,
    })
}

fn draw_complaint(picture: &Picture, body: Rect, frame: &mut Frame) {
    let Some(complaint) = &picture.complaint else {
        return;
    };
    let columns = usize::from(body.width).saturating_sub(2);
    let rows = wrap(&OneLine(complaint).to_string(), columns);
    let height = u16::try_from(rows.len()).unwrap_or(u16::MAX).min(body.height);
    let [_, area] = Layout::vertical([Constraint::Min(0), Constraint::Length(height)]).areas(body);
    frame.render_widget(Clear, area);
    let rows: Vec<Line> = rows.into_iter().map(|row| Line::raw(format!(" {row}"))).collect();
    frame.render_widget(Paragraph::new(rows).style(ALARM), area);
}

fn draw_input(picture: &Picture, area: Rect, frame: &mut Frame) {
    let prompt = match &picture.open {
        Some(open) => format!(" {} > ", open.contact.name),
        None => " > ".into(),
    };
    let columns = u16::try_from(prompt.chars().count()).unwrap_or(u16::MAX);
    let room = area.width.saturating_sub(columns);
    let (text, cursor) = picture.input.visible(room);
    let mut line = vec![Span::styled(prompt, STRONG)];
    if picture.input.is_empty() {
        let hint = match &picture.open {
            Some(_) => "a message, or a /command (F1: help)",
            None => "Up, Down: a conversation; to NAME TEXT: a new one; F1: help",
        };
        line.push(Span::styled(hint, FAINT));
    } else {
        line.push(Span::raw(OneLine(&text).to_string()));
    }
    frame.render_widget(Line::from(line), area);
    if picture.page == PageView::Nothing && room > 0 {
        let x = area.x.saturating_add(columns).saturating_add(cursor);
        frame.set_cursor_position(Position { x: x.min(area.right().saturating_sub(1)), y: area.y });
    }
}
