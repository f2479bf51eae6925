//! The status line: what holds for the open conversation at this moment.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::Span;
use ratatui::widgets::Paragraph;

use evanesce::expiry::Policy;

use crate::client::screen::colours::{ALARM, COUNTDOWN, FAINT, GOOD, STATUS};
use crate::client::screen::contact_list::ends;
use crate::client::screen::picture::{Picture, Reach};
use crate::shown::timer;
use crate::view::{ContactView, Standing, Trust};

pub fn draw(picture: &Picture, area: Rect, frame: &mut Frame) {
    let left = match &picture.open {
        Some(open) => of(&open.contact),
        None => vec![Span::raw(" no conversation is open")],
    };
    let reach = match picture.reach {
        Reach::Online => Span::styled("online", GOOD),
        Reach::Offline => Span::styled("offline: what you write waits", COUNTDOWN),
        Reach::Unknown => Span::styled("looking for the relay", FAINT),
    };
    let line = ends(left, reach, usize::from(area.width));
    frame.render_widget(Paragraph::new(line).style(STATUS), area);
}

fn of(contact: &ContactView) -> Vec<Span<'static>> {
    let trust = match contact.trust {
        Trust::Claimed => Span::styled("not verified (F2)", FAINT),
        Trust::Verified => Span::styled("verified", GOOD),
        Trust::Changed => Span::styled(" identity changed: sending stopped ", ALARM),
    };
    let standing = match contact.standing {
        Standing::New | Standing::Accepted => "encrypted",
        Standing::Request => "encrypted, a request",
        Standing::Blocked => "blocked",
        Standing::Left => "left",
    };
    let lives = match contact.timer {
        None => Span::styled("timer off", FAINT),
        Some(Policy::OnClose) => Span::styled("vanishes when closed", COUNTDOWN),
        Some(Policy::AfterRead { .. } | Policy::AfterSend { .. }) => {
            Span::styled(format!("timer {}", timer(contact.timer)), COUNTDOWN)
        }
    };
    let between = || Span::styled(" · ", Style::new());
    vec![Span::raw(format!(" {standing}")), between(), trust, between(), lives]
}
