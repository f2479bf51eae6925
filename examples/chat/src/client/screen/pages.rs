//! What lies over the conversation: help, the safety number, what can be opened once.

use image::RgbImage;
use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::Style;
use ratatui::text::{Line, Span};
use ratatui::widgets::Paragraph;

use crate::client::screen::bubbles::{countdown, described};
use crate::client::screen::colours::{ALARM, COUNTDOWN, FAINT, GOOD, ONCE, STRONG};
use crate::client::screen::half_blocks::{self, Palette};
use crate::client::screen::linking;
use crate::client::screen::picture::{Conversation, Number, PageView, Picture, Safety};
use crate::client::screen::qr;
use crate::client::screen::wrapping::{groups, width, wrap, wrapped};
use crate::engine::Secrecy;
use crate::name::Name;
use crate::shown::OneLine;
use crate::view::{Author, LineText, LineView, Trust};

const HELP: [(&str, &str); 22] = [
    ("Up, Down, Tab", "another conversation; PageUp scrolls"),
    ("Enter", "sends, or runs a /command"),
    ("Esc", "closes a page, then the conversation"),
    ("F2, /verify", "the safety number"),
    ("F3, /open", "opens what can be opened once"),
    ("F4", "ids of messages, for /unsend, /delete"),
    ("Ctrl-C, /quit", "closes everything, ends"),
    ("/to NAME TEXT", "writes to somebody new"),
    ("/timer 30s|off", "how long messages live: s m h d w"),
    ("/vanish on|off", "they end when the conversation closes"),
    ("/for 5m TEXT", "sends what lives so long"),
    ("/once TEXT", "sends what can be opened once"),
    ("/unsend, /delete", "takes our last one back; deletes the last"),
    ("/accept, /refuse", "a request (F5, F6)"),
    ("/block", "somebody"),
    ("/accept-identity", "after a change (F5), or /keep-identity (F6)"),
    ("/group A,B TITLE", "a group; /members /invite /kick /leave"),
    ("/devices, /link", "your devices; a new one (README)"),
    ("/find WORDS", "messages with all of these words"),
    ("/send FILE", "sends a file"),
    ("/save, /show", "their last file: to the disk, as a picture"),
    ("//TEXT", "sends a text that begins with /"),
];

pub fn draw(page: &PageView, open: Option<&Conversation>, area: Rect, frame: &mut Frame) {
    match (page, open) {
        (PageView::Help, _) => draw_help(area, frame),
        (PageView::Safety(safety), Some(open)) => draw_safety(safety, open, area, frame),
        (PageView::Opened { from, id: _, text }, _) => draw_opened(from, text, area, frame),
        (PageView::Picture { title, picture, palette }, _) => {
            draw_picture(title, (picture, *palette), area, frame);
        }
        (PageView::Found(lines), _) => draw_found(lines, area, frame),
        (PageView::Link(link), _) => linking::draw(link, area, frame),
        (PageView::Devices(devices), _) => linking::draw_devices(devices, area, frame),
        (PageView::Nothing, _) | (PageView::Safety(_), None) => {}
    }
}

/// Before a conversation is open: nothing of any is read.
pub fn draw_welcome(picture: &Picture, area: Rect, frame: &mut Frame) {
    let text = if picture.contacts.is_empty() {
        "Nobody is here yet. Write to somebody:\nto NAME TEXT"
    } else {
        "Up and Down open a conversation;\nuntil then nothing counts as read."
    };
    let rows: Vec<Line> = text.lines().map(|row| Line::styled(row, FAINT).centered()).collect();
    let [_, middle] =
        Layout::vertical([Constraint::Percentage(40), Constraint::Min(0)]).areas(area);
    frame.render_widget(Paragraph::new(rows), middle);
}

fn draw_help(area: Rect, frame: &mut Frame) {
    let row = |(keys, what): &(&'static str, &'static str)| {
        Line::from(vec![Span::styled(format!(" {keys:<18}"), STRONG), Span::raw(*what)])
    };
    frame.render_widget(Paragraph::new(HELP.iter().map(row).collect::<Vec<_>>()), area);
}

fn draw_safety(safety: &Safety, open: &Conversation, area: Rect, frame: &mut Frame) {
    let name = &open.contact.name;
    let (Number { digits, scannable }, secrecy) = match safety {
        Safety::Unknown => {
            let text = format!(
                " No identity of {name} is known yet: it comes with their first message, or when yours leaves."
            );
            frame.render_widget(Paragraph::new(wrapped(&text, area.width, FAINT)), area);
            return;
        }
        Safety::Undecided { known, waiting } => {
            draw_undecided(name, known.as_ref(), waiting, area, frame);
            return;
        }
        Safety::Known { number, secrecy } => (number, secrecy),
    };
    let code = qr::rows(scannable).unwrap_or_default();
    let code_columns = code.first().map_or(0, Line::width);
    let code_columns = u16::try_from(code_columns).unwrap_or(u16::MAX);
    let code_rows = u16::try_from(code.len()).unwrap_or(u16::MAX);
    let beside = area.width >= code_columns.saturating_add(29) && area.height >= code_rows;
    let columns = if beside { area.width.saturating_sub(code_columns) } else { area.width };
    let mut rows = wrapped(&format!("Safety number with {name}"), columns, STRONG);
    rows.extend(groups(digits));
    let trust = match open.contact.trust {
        Trust::Verified => Line::styled(" verified ✓", GOOD),
        Trust::Claimed | Trust::Changed => Line::styled(" not verified", FAINT),
    };
    rows.push(trust);
    if let Some(secrecy) = secrecy {
        rows.extend(wrapped(&told(*secrecy), columns, FAINT));
    }
    let advice = format!("Compare it with what {name} sees, side by side or in a call.");
    let keys = "v: they are the same   Esc: back";
    if beside {
        let [text, picture] =
            Layout::horizontal([Constraint::Min(0), Constraint::Length(code_columns)]).areas(area);
        rows.insert(1, Line::default());
        rows.push(Line::default());
        rows.extend(wrapped(&advice, text.width, Style::new()));
        rows.push(Line::default());
        rows.extend(wrapped(keys, text.width, STRONG));
        frame.render_widget(Paragraph::new(rows), text);
        frame.render_widget(Paragraph::new(code), picture);
        return;
    }
    let under =
        u16::try_from(rows.len()).unwrap_or(u16::MAX).saturating_add(code_rows) < area.height;
    if under && area.width >= code_columns {
        rows.extend(code);
        rows.extend(wrapped(keys, area.width, STRONG));
    } else {
        rows.extend(wrapped(&advice, area.width, Style::new()));
        rows.extend(wrapped(keys, area.width, STRONG));
        rows.extend(wrapped("A larger terminal shows a code to scan.", area.width, FAINT));
    }
    frame.render_widget(Paragraph::new(rows), area);
}

fn told(secrecy: Secrecy) -> String {
    match secrecy {
        Secrecy::Classical => "no post-quantum secrecy".into(),
        Secrecy::PostQuantum { renewed: 0 } => "post-quantum secrecy".into(),
        Secrecy::PostQuantum { renewed } => {
            format!("post-quantum secrecy, keys renewed {renewed}×")
        }
    }
}

/// Both numbers, so that each can be compared before the user decides.
fn draw_undecided(
    name: &Name,
    known: Option<&Number>,
    waiting: &Number,
    area: Rect,
    frame: &mut Frame,
) {
    let columns = area.width;
    let mut rows = Vec::new();
    if let Some(known) = known {
        rows.extend(wrapped(&format!("{name} as known until now"), columns, STRONG));
        rows.extend(groups(&known.digits));
    }
    rows.extend(wrapped(&format!("the new identity under the name {name}"), columns, ALARM));
    rows.extend(groups(&waiting.digits));
    rows.extend(wrapped("F5: go over to the new one   F6: stay   Esc: back", columns, STRONG));
    let advice = format!("Ask {name} in a call which of the two they see. Only then decide.");
    rows.extend(wrapped(&advice, columns, Style::new()));
    frame.render_widget(Paragraph::new(rows), area);
}

/// The last line first: it is the likeliest.
fn draw_found(lines: &[(Name, LineView)], area: Rect, frame: &mut Frame) {
    let title = match lines.len() {
        0 => "Nothing that you have read or written has all of these words.".into(),
        1 => "Found one message.".into(),
        count => format!("Found {count} messages, the last one first."),
    };
    let mut rows = wrapped(&title, area.width, STRONG);
    // Below it stand how many more there are, and how to go back.
    let room = usize::from(area.height).saturating_sub(2);
    for (number, (name, line)) in lines.iter().rev().enumerate() {
        let left = lines.len().saturating_sub(number);
        let block = found(name, line, area.width);
        if rows.len().saturating_add(block.len()) > room && number > 0 {
            rows.extend(wrapped(&format!("and {left} more: say more words"), area.width, FAINT));
            break;
        }
        rows.extend(block);
    }
    rows.truncate(room.saturating_add(1));
    rows.extend(wrapped("Esc: back", area.width, FAINT));
    frame.render_widget(Paragraph::new(rows), area);
}

fn found(name: &Name, line: &LineView, columns: u16) -> Vec<Line<'static>> {
    let who = match line.author {
        Author::Us => format!("you to {name}"),
        Author::Them => name.to_string(),
    };
    let remaining = match line.remaining {
        Some(remaining) => format!(" ◷ {}", countdown(remaining)),
        None => String::new(),
    };
    let text = match &line.text {
        LineText::Text(text) => OneLine(text).to_string(),
        LineText::Once => "view once".into(),
        LineText::File(file) => described(file),
    };
    let mut rows = vec![Line::from(vec![
        Span::styled(format!(" {who}"), STRONG),
        Span::styled(remaining, COUNTDOWN),
    ])];
    rows.extend(wrapped(&text, columns, Style::new()));
    rows
}

fn draw_picture(
    title: &str,
    (picture, palette): (&RgbImage, Palette),
    area: Rect,
    frame: &mut Frame,
) {
    let mut rows = wrapped(&OneLine(title).to_string(), area.width, STRONG);
    let room = usize::from(area.height).saturating_sub(rows.len()).saturating_sub(1);
    let room = u16::try_from(room).unwrap_or(u16::MAX);
    rows.extend(half_blocks::rows(picture, palette, area.width.saturating_sub(2), room));
    rows.extend(wrapped("Esc: back", area.width, FAINT));
    frame.render_widget(Paragraph::new(rows), area);
}

fn draw_opened(from: &Name, text: &str, area: Rect, frame: &mut Frame) {
    let [_, middle] =
        Layout::vertical([Constraint::Percentage(25), Constraint::Min(0)]).areas(area);
    let columns = usize::from(middle.width).saturating_sub(6);
    let rows = wrap(&OneLine(text).to_string(), columns);
    let widest = rows.iter().map(|row| width(row)).max().unwrap_or(0);
    let mut lines = wrapped(&format!("{from} wrote, for you to see once:"), middle.width, STRONG);
    lines.push(Line::default());
    lines.extend(rows.into_iter().map(|row| {
        let rest = " ".repeat(widest.saturating_sub(width(&row)));
        Line::from(vec![Span::raw("  "), Span::styled(format!(" {row}{rest} "), ONCE)])
    }));
    lines.push(Line::default());
    lines.extend(wrapped("Esc: it is gone then.", middle.width, FAINT));
    frame.render_widget(Paragraph::new(lines), middle);
}
