//! A conversation: its messages with their countdowns, and what happened between them.

use std::time::Duration;

use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::Style;
use ratatui::text::{Line, Span};
use ratatui::widgets::Paragraph;

use crate::client::screen::colours::{
    ALARM, COUNTDOWN, FAINT, GOOD, ONCE, OURS, QUESTION, THEIRS, WARNING,
};
use crate::client::screen::focus::Ids;
use crate::client::screen::picture::Conversation;
use crate::client::screen::timeline::{Entry, Note, Tone};
use crate::client::screen::wrapping::{width, wrap};
use crate::shown::{Id, OneLine, Size};
use crate::view::{
    Author, FileLine, FileState, LineText, LineView, Progress, Standing, Trust, Writer,
};

/// What stands beside a message has this much room.
const MARK_COLUMNS: usize = 20;

/// Draws the end of it, `scroll` rows above the last one; says how far that is in truth.
pub fn draw(open: &Conversation, scroll: usize, ids: Ids, area: Rect, frame: &mut Frame) -> usize {
    let banner = banner(open, area.width);
    let height = u16::try_from(banner.len()).unwrap_or(u16::MAX).min(area.height);
    let [top, area] =
        Layout::vertical([Constraint::Length(height), Constraint::Min(0)]).areas(area);
    frame.render_widget(Paragraph::new(banner), top);
    let (columns, height) = (usize::from(area.width), usize::from(area.height));
    // From the end upwards, so that a long conversation costs no more than what is seen of it.
    let (wanted, mut rows) = (scroll.saturating_add(height), Vec::new());
    for entry in open.entries.iter().rev() {
        if rows.len() >= wanted {
            break;
        }
        let block = match entry {
            // It is shown when its clock runs, and that has not been stored yet.
            Entry::Message(line) if line.progress == Progress::Unread => continue,
            Entry::Message(line) => message(line, ids, columns),
            Entry::Note(note) => self::note(note, columns),
        };
        rows.extend(block.into_iter().rev());
    }
    let scroll = scroll.min(rows.len().saturating_sub(height));
    let mut seen: Vec<Line> = rows.into_iter().skip(scroll).take(height).collect();
    seen.resize(height, Line::default());
    seen.reverse();
    frame.render_widget(Paragraph::new(seen), area);
    scroll
}

/// What has to be decided before anything else.
fn banner(open: &Conversation, columns: u16) -> Vec<Line<'static>> {
    let name = &open.contact.name;
    let (style, text, keys) = match (open.contact.standing, open.contact.trust) {
        (Standing::Request, _) if name.is_group() => (
            QUESTION,
            format!("You are invited to {name}. Nothing is sent there unless you join."),
            "F5 join   F6 decline",
        ),
        (Standing::Left, _) => {
            (QUESTION, format!("You are not in {name} any more."), "what was said there stays here")
        }
        (Standing::Request, _) => (
            QUESTION,
            format!("{name} wants to write to you. Nothing is sent unless you accept."),
            "F5 accept   F6 refuse   F7 block",
        ),
        (Standing::Blocked, _) => {
            (QUESTION, format!("You blocked {name}."), "F5 accept what they send again")
        }
        (_, Trust::Changed) => (
            ALARM,
            format!("Somebody with another identity uses the name {name}. Sending has stopped."),
            "F2 both numbers   F5 go over to it, if you have compared it   F6 stay with the former one",
        ),
        (Standing::New | Standing::Accepted, Trust::Claimed | Trust::Verified) => {
            return Vec::new();
        }
    };
    let columns = usize::from(columns);
    wrap(&text, columns.saturating_sub(2))
        .into_iter()
        .chain(wrap(keys, columns.saturating_sub(2)))
        .map(|row| Line::from(Span::styled(pad(&format!(" {row}"), columns), style)))
        .collect()
}

fn message(line: &LineView, ids: Ids, columns: usize) -> Vec<Line<'static>> {
    let (text, ground) = match (&line.text, line.author) {
        (LineText::Text(text), Author::Us) => (OneLine(text).to_string(), OURS),
        (LineText::Text(text), Author::Them) => (OneLine(text).to_string(), THEIRS),
        (LineText::File(file), Author::Us) => (described(file), OURS),
        (LineText::File(file), Author::Them) => (described(file), THEIRS),
        (LineText::Once, Author::Us) => ("view once".into(), ONCE),
        (LineText::Once, Author::Them) => ("view once: F3 opens it".into(), ONCE),
    };
    let text = match &line.writer {
        Writer(Some(name)) => format!("{name}: {text}"),
        Writer(None) => text,
    };
    let rows = wrap(&text, columns.saturating_sub(MARK_COLUMNS).max(8));
    let widest = rows.iter().map(|row| width(row)).max().unwrap_or(0);
    let last = rows.len().saturating_sub(1);
    rows.into_iter()
        .enumerate()
        .map(|(number, row)| {
            let bubble = Span::styled(format!(" {} ", pad(&row, widest)), ground);
            let mut marks = if number == last { marks(line, ids) } else { Vec::new() };
            match line.author {
                Author::Us => {
                    marks.push(bubble);
                    let used: usize = marks.iter().map(Span::width).sum();
                    let gap = columns.saturating_sub(used).saturating_sub(1);
                    marks.insert(0, Span::raw(" ".repeat(gap)));
                    Line::from(marks)
                }
                Author::Them => {
                    let mut spans = vec![Span::raw(" "), bubble];
                    spans.append(&mut marks);
                    Line::from(spans)
                }
            }
        })
        .chain([Line::default()])
        .collect()
}

/// A file by its name and size, and how far it has come.
pub fn described(file: &FileLine) -> String {
    let FileLine { name, media_type, size, state } = file;
    let state = match state {
        FileState::Going(percent) => format!(" · {percent} %"),
        FileState::Whole => String::new(),
        FileState::Stopped(why) => format!(" · {why}"),
    };
    let kind = if media_type.is_picture() { "picture" } else { "file" };
    format!("{kind} {} · {}{state}", OneLine(name.as_str()), Size(*size))
}

/// What stands beside a message: how long it lives, what became of it.
fn marks(line: &LineView, ids: Ids) -> Vec<Span<'static>> {
    let mut marks = Vec::new();
    if ids == Ids::Shown {
        let digits: String = Id(line.id).to_string().chars().take(4).collect();
        marks.push(Span::styled(format!(" {digits}"), FAINT));
    }
    if let Some(remaining) = line.remaining {
        marks.push(Span::styled(format!(" ◷ {}", countdown(remaining)), COUNTDOWN));
    }
    let (mark, style): (_, Style) = match line.progress {
        Progress::Waiting => (" …", FAINT),
        Progress::Sent => (" ✓", GOOD),
        Progress::Failed => (" ✗ not sent", WARNING),
        Progress::Unread | Progress::Read => ("", FAINT),
    };
    marks.push(Span::styled(mark, style));
    if line.author == Author::Us {
        marks.push(Span::raw(" "));
    }
    marks
}

fn note(note: &Note, columns: usize) -> Vec<Line<'static>> {
    let style = match note.tone {
        Tone::Calm => FAINT,
        Tone::Warning => WARNING,
    };
    let rows = wrap(&OneLine(&note.text).to_string(), columns.saturating_sub(4));
    rows.into_iter()
        .map(|row| Line::from(Span::styled(row, style)).centered())
        .chain([Line::default()])
        .collect()
}

/// What is left, in whole units; it ends at 1, and not at 0.
pub fn countdown(remaining: Duration) -> String {
    let started = u64::from(remaining.subsec_nanos() > 0);
    let seconds = remaining.as_secs().saturating_add(started);
    match seconds {
        0..60 => format!("{seconds}s"),
        60..3_600 => format!("{}:{:02}", seconds / 60, seconds % 60),
        3_600..172_800 => format!("{}h {:02}m", seconds / 3_600, seconds % 3_600 / 60),
        _ => format!("{}d", seconds / 86_400),
    }
}

fn pad(row: &str, columns: usize) -> String {
    format!("{row}{}", " ".repeat(columns.saturating_sub(width(row))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn countdowns_end_at_one() {
        for (milliseconds, shown) in [
            (1, "1s"),
            (1_000, "1s"),
            (59_001, "1:00"),
            (3_599_000, "59:59"),
            (3_660_000, "1h 01m"),
            (604_800_000, "7d"),
        ] {
            assert_eq!(countdown(Duration::from_millis(milliseconds)), shown);
        }
    }
}
