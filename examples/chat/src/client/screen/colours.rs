//! Colours: each says one thing. Where a ground is set, so is what stands on it, for light and dark terminals.

use ratatui::style::{Color, Modifier, Style};

pub const FAINT: Style = Style::new().fg(Color::Indexed(245));
pub const STRONG: Style = Style::new().add_modifier(Modifier::BOLD);
pub const GOOD: Style = Style::new().fg(Color::Green);
pub const COUNTDOWN: Style = Style::new().fg(Color::Indexed(173));
pub const WARNING: Style = Style::new().fg(Color::Indexed(203)).add_modifier(Modifier::BOLD);
pub const OURS: Style = on(24, 255);
pub const THEIRS: Style = on(238, 255);
pub const ONCE: Style = on(90, 255);
pub const CHOSEN: Style = on(236, 255).add_modifier(Modifier::BOLD);
pub const COUNT: Style = on(31, 255).add_modifier(Modifier::BOLD);
pub const STATUS: Style = on(236, 252);
pub const QUESTION: Style = on(58, 255);
pub const ALARM: Style = on(88, 255).add_modifier(Modifier::BOLD);
/// Black on white whatever the terminal's colours are: cameras expect it.
pub const QR_DARK: Color = Color::Indexed(16);
pub const QR_LIGHT: Color = Color::Indexed(231);

const fn on(ground: u8, text: u8) -> Style {
    Style::new().bg(Color::Indexed(ground)).fg(Color::Indexed(text))
}
