//! The list of conversations.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::{Line, Span};
use ratatui::widgets::{Block, Borders, Paragraph};

use crate::client::screen::colours::{CHOSEN, COUNT, FAINT, GOOD, STRONG, WARNING};
use crate::client::screen::picture::{Picture, Reach};
use crate::shown::OneLine;
use crate::view::{Author, ContactView, LineText, Progress, Standing, Trust, Writer};

/// Rows of one conversation.
const ROWS: usize = 2;

pub fn draw(picture: &Picture, area: Rect, frame: &mut Frame) {
    let block = Block::new().borders(Borders::RIGHT).border_style(FAINT);
    let inner = block.inner(area);
    frame.render_widget(block, area);
    let columns = usize::from(inner.width);
    let reach = match picture.reach {
        Reach::Online => Span::styled("● online", GOOD),
        Reach::Offline => Span::styled("○ offline", WARNING),
        Reach::Unknown => Span::styled("○", FAINT),
    };
    let us = Span::styled(format!(" {}", picture.us), STRONG);
    let mut rows = vec![ends(vec![us], reach, columns), Line::default()];
    let open = picture.open.as_ref().map(|open| &open.contact.name);
    let place = picture.contacts.iter().position(|it| Some(&it.name) == open).unwrap_or(0);
    // The open one stays in sight.
    let fit = usize::from(inner.height).saturating_sub(rows.len()) / ROWS;
    let skipped = place.saturating_add(1).saturating_sub(fit.max(1));
    for contact in picture.contacts.iter().skip(skipped).take(fit) {
        let ground = if Some(&contact.name) == open { CHOSEN } else { Style::new() };
        rows.push(ends(name(contact), count(contact), columns).style(ground));
        let preview = cut(preview(contact), columns.saturating_sub(3));
        rows.push(Line::from(Span::styled(format!("   {preview}"), FAINT)));
    }
    frame.render_widget(Paragraph::new(rows), inner);
}

fn name(contact: &ContactView) -> Vec<Span<'static>> {
    let mark = match (contact.standing, contact.trust) {
        (Standing::Request, _) => Span::styled(" asks", WARNING),
        (Standing::Blocked, _) => Span::styled(" blocked", FAINT),
        (Standing::Left, _) => Span::styled(" left", FAINT),
        (_, Trust::Changed) => Span::styled(" changed!", WARNING),
        (_, Trust::Verified) => Span::styled(" ✓", GOOD),
        (Standing::New | Standing::Accepted, Trust::Claimed) => Span::raw(""),
    };
    vec![Span::raw(format!(" {}", contact.name)), mark]
}

fn count(contact: &ContactView) -> Span<'static> {
    match contact.unread {
        0 => Span::raw(""),
        unread => Span::styled(format!(" {unread} "), COUNT),
    }
}

/// The last line. What has not been read is not to be read here either: its clock would not run.
fn preview(contact: &ContactView) -> String {
    let Some(last) = &contact.last else {
        return String::new();
    };
    let text = match (&last.text, last.progress) {
        (_, Progress::Unread) => return "something new".into(),
        (LineText::Once, _) => "view once".into(),
        (LineText::File(file), _) => OneLine(file.name.as_str()).to_string(),
        (LineText::Text(text), _) => OneLine(text).to_string(),
    };
    match (last.author, &last.writer) {
        (Author::Us, _) => format!("you: {text}"),
        (Author::Them, Writer(Some(name))) => format!("{name}: {text}"),
        (Author::Them, Writer(None)) => text,
    }
}

/// What stands left, and what stands right.
pub fn ends(mut left: Vec<Span<'static>>, right: Span<'static>, columns: usize) -> Line<'static> {
    let used: usize = left.iter().map(Span::width).sum();
    let gap = columns.saturating_sub(used).saturating_sub(right.width()).saturating_sub(1);
    left.push(Span::raw(" ".repeat(gap)));
    left.push(right);
    left.push(Span::raw(" "));
    Line::from(left)
}

fn cut(text: String, columns: usize) -> String {
    if Span::raw(text.as_str()).width() <= columns {
        return text;
    }
    let mut cut = String::new();
    for character in text.chars() {
        cut.push(character);
        if Span::raw(cut.as_str()).width() >= columns {
            cut.pop();
            break;
        }
    }
    cut.push('…');
    cut
}
