//! A QR code in half blocks: two modules in each cell.

use qrcode::types::Color;
use qrcode::{EcLevel, QrCode};
use ratatui::style::Style;
use ratatui::text::{Line, Span};

use crate::client::screen::colours::{QR_DARK, QR_LIGHT};

/// Modules of white around it. The standard asks for four; cameras are content with two, and terminals are small.
const MARGIN: usize = 2;

/// The rows, or nothing if it does not fit into a code.
pub fn rows(content: &[u8]) -> Option<Vec<Line<'static>>> {
    let code = QrCode::with_error_correction_level(content, EcLevel::L).ok()?;
    let (modules, width) = (code.to_colors(), code.width());
    let module = |x: usize, y: usize| {
        let (x, y) = (x.checked_sub(MARGIN)?, y.checked_sub(MARGIN)?);
        if x < width { modules.get(y.checked_mul(width)?.checked_add(x)?) } else { None }
    };
    let colour = |x, y| match module(x, y) {
        Some(Color::Dark) => QR_DARK,
        Some(Color::Light) | None => QR_LIGHT,
    };
    let side = width.saturating_add(MARGIN * 2);
    let row = |y| {
        let cell = |x| {
            let style = Style::new().fg(colour(x, y)).bg(colour(x, y.saturating_add(1)));
            Span::styled("▀", style)
        };
        Line::from((0..side).map(cell).collect::<Vec<_>>())
    };
    Some((0..side).step_by(2).map(row).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_safety_number_fits_into_a_small_terminal() {
        let rows = rows(&[0xa5; 65]).unwrap();
        assert!(rows.len() <= 20, "{} rows", rows.len());
        assert!(rows.iter().all(|row| row.width() == 37));
    }

    #[test]
    fn corners_are_white_and_then_dark() {
        let rows = rows(&[0xa5; 65]).unwrap();
        let style = |x: usize, y: usize| rows[y].spans[x].style;
        assert_eq!(style(0, 0), Style::new().fg(QR_LIGHT).bg(QR_LIGHT));
        assert_eq!(style(2, 1), Style::new().fg(QR_DARK).bg(QR_DARK));
    }

    #[test]
    fn what_does_not_fit_is_not_drawn() {
        assert_eq!(rows(&[0; 10_000]), None);
    }
}
