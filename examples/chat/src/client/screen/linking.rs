//! Pages about devices: one that is being linked, on either side, and those that there are.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::{Line, Span};
use ratatui::widgets::Paragraph;

use crate::client::screen::colours::{ALARM, FAINT, STRONG};
use crate::client::screen::focus::LinkPage;
use crate::client::screen::qr;
use crate::client::screen::wrapping::{groups, wrapped};
use crate::view::DeviceView;

/// Rows below a code: which digits are to be compared, and how to leave.
const BELOW_CODE: usize = 4;

pub fn draw(link: &LinkPage, area: Rect, frame: &mut Frame) {
    let columns = area.width;
    let mut rows = Vec::new();
    match link {
        LinkPage::Code(code, digits) => {
            let drawn = qr::rows(code.bytes()).unwrap_or_default();
            let fits = usize::from(area.height) >= drawn.len().saturating_add(BELOW_CODE)
                && drawn.first().is_some_and(|row| usize::from(columns) >= row.width());
            // The code alone, or all of it as a text: both do not fit.
            if fits {
                rows = drawn;
            } else {
                rows.extend(wrapped(
                    "/link with this on your first device links this one:",
                    columns,
                    STRONG,
                ));
                rows.extend(wrapped(&code.to_string(), columns, Style::new()));
                rows.extend(wrapped(
                    "A larger terminal shows it as a code to scan.",
                    columns,
                    FAINT,
                ));
            }
            rows.extend(wrapped("Your first device must show these digits:", columns, STRONG));
            rows.extend(groups(digits));
            rows.extend(wrapped("Esc: it is not linked.", columns, FAINT));
        }
        LinkPage::Read(device, digits) => {
            let title = format!("Link {device}? It will read and write as you, all that is yours.");
            rows.extend(wrapped(&title, columns, ALARM));
            rows.extend(wrapped("It must show these digits:", columns, STRONG));
            rows.extend(groups(digits));
            rows.extend(wrapped("y: it does, link it   Esc: no", columns, STRONG));
            let advice = "If somebody asked you to scan this, it is their device and not yours.";
            rows.extend(wrapped(advice, columns, Style::new()));
        }
        LinkPage::Offered(device, digits) => {
            rows.extend(wrapped(&format!("{device} must show these digits:"), columns, STRONG));
            rows.extend(groups(digits));
            rows.extend(wrapped("Confirm there if it does. Esc: back", columns, FAINT));
        }
        LinkPage::Opened(owner, digits) => {
            rows.extend(wrapped(&format!("{owner} must show these digits:"), columns, STRONG));
            rows.extend(groups(digits));
            rows.extend(wrapped("y: it does, link this device   Esc: no", columns, STRONG));
        }
    }
    frame.render_widget(Paragraph::new(rows), area);
}

pub fn draw_devices(devices: &[DeviceView], area: Rect, frame: &mut Frame) {
    let title = devices.first().map_or_else(String::new, |it| format!("Devices of {}", it.of));
    let mut rows = wrapped(&title, area.width, STRONG);
    for device in devices {
        let DeviceView { of: _, name, standing: _, is_owner, is_this, is_unconfirmed } = device;
        let remarks = [
            (is_owner, "says who belongs to them"),
            (is_this, "this one"),
            (is_unconfirmed, "is it yours? /confirm or /remove"),
        ];
        let remarks = remarks.iter().filter(|(holds, _)| **holds).map(|(_, remark)| *remark);
        let remarks = remarks.collect::<Vec<_>>().join(", ");
        rows.push(Line::from(vec![Span::raw(format!("  {name}  ")), Span::styled(remarks, FAINT)]));
    }
    rows.extend(wrapped("Esc: back", area.width, FAINT));
    frame.render_widget(Paragraph::new(rows), area);
}
