//! A picture in half blocks: two pixels in each cell, which every terminal with colours shows.

use std::env;

use image::RgbImage;
use image::imageops;
use ratatui::style::{Color, Style};
use ratatui::text::{Line, Span};

/// Which colours a terminal has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Palette {
    /// Of 24 bits.
    Full,
    /// 256, of which 216 are a cube: six steps of each primary one.
    Indexed,
}

impl Palette {
    /// What the terminal says of itself; where it says nothing, what nearly all have.
    pub fn of_terminal() -> Self {
        match env::var("COLORTERM").as_deref() {
            Ok("truecolor" | "24bit") => Self::Full,
            Ok(_) | Err(_) => Self::Indexed,
        }
    }

    fn colour(self, [red, green, blue]: [u8; 3]) -> Color {
        // The steps of the cube are 0, 95, 135, 175, 215 and 255.
        let step = |value: u8| match value {
            0..48 => 0,
            48..115 => 1,
            _ => (value - 35) / 40,
        };
        match self {
            Self::Full => Color::Rgb(red, green, blue),
            Self::Indexed => Color::Indexed(16 + 36 * step(red) + 6 * step(green) + step(blue)),
        }
    }
}

/// Rows of at most so many columns and rows, in the picture's proportions. A smaller picture is not enlarged.
pub fn rows(picture: &RgbImage, palette: Palette, columns: u16, rows: u16) -> Vec<Line<'static>> {
    let (width, height) = picture.dimensions();
    let (columns, pixels) = (u32::from(columns), u32::from(rows).saturating_mul(2));
    if width == 0 || height == 0 || columns == 0 || pixels == 0 {
        return Vec::new();
    }
    // As wide as fits, unless it is too high then.
    let (wide, high) = match width.min(columns) {
        wide if height.saturating_mul(wide) / width <= pixels => {
            (wide, (height.saturating_mul(wide) / width).max(1))
        }
        _ => ((width.saturating_mul(pixels) / height).max(1), pixels),
    };
    let scaled = imageops::thumbnail(picture, wide, high);
    let colour = |x, y| {
        let pixel = scaled.get_pixel_checked(x, y)?;
        Some(palette.colour(pixel.0))
    };
    let row = |y: u32| {
        let cell = |x| {
            let style = Style::new().fg(colour(x, y).unwrap_or(Color::Reset));
            let below = colour(x, y.saturating_add(1));
            Span::styled("▀", below.map_or(style, |below| style.bg(below)))
        };
        Line::from((0..wide).map(cell).collect::<Vec<_>>())
    };
    (0..high).step_by(2).map(row).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use image::Rgb;

    #[test]
    fn two_pixels_are_one_cell_and_the_last_row_may_have_but_one() {
        let mut picture = RgbImage::from_pixel(2, 3, Rgb([1, 2, 3]));
        picture.put_pixel(1, 1, Rgb([9, 9, 9]));
        let rows = rows(&picture, Palette::Full, 80, 24);
        assert_eq!(rows.len(), 2);
        let style = |x: usize, y: usize| rows[y].spans[x].style;
        let (dark, other) = (Color::Rgb(1, 2, 3), Color::Rgb(9, 9, 9));
        assert_eq!(style(0, 0), Style::new().fg(dark).bg(dark));
        assert_eq!(style(1, 0), Style::new().fg(dark).bg(other));
        assert_eq!(style(0, 1), Style::new().fg(dark));
    }

    #[test]
    fn where_there_are_256_colours_the_nearest_of_the_cube_is_taken() {
        let steps: [u8; 6] = [0, 95, 135, 175, 215, 255];
        for value in 0..=255_u8 {
            let distance = |step: &u8| (steps[usize::from(*step)].abs_diff(value), *step);
            let nearest = (0..6).min_by_key(distance).unwrap();
            let Color::Indexed(taken) = Palette::Indexed.colour([value, 0, 0]) else { panic!() };
            let taken = (taken - 16) / 36;
            assert_eq!(distance(&taken).0, distance(&nearest).0, "{value}");
        }
        assert_eq!(Palette::Indexed.colour([255, 0, 255]), Color::Indexed(16 + 36 * 5 + 5));
    }

    #[test]
    fn it_fits_whatever_its_shape_is() {
        for (width, height) in [(500, 10), (10, 500), (512, 512), (1, 1), (512, 1), (1, 512)] {
            let picture = RgbImage::new(width, height);
            for (columns, lines) in [(80, 20), (3, 20), (80, 1), (1, 1)] {
                let rows = rows(&picture, Palette::Indexed, columns, lines);
                assert!((1..=usize::from(lines)).contains(&rows.len()), "{width} {height}");
                assert!(rows.iter().all(|row| row.width() <= usize::from(columns)));
            }
            assert!(rows(&picture, Palette::Full, 0, 5).is_empty());
        }
    }
}
