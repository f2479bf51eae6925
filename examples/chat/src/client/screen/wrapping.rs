//! Breaks a text into rows.

use ratatui::style::Style;
use ratatui::text::{Line, Span};

/// Rows of at most so many columns, broken at spaces where there are any.
pub fn wrap(text: &str, columns: usize) -> Vec<String> {
    let columns = columns.max(1);
    let (mut rows, mut row, mut used) = (Vec::new(), String::new(), 0_usize);
    for word in text.split_inclusive(' ') {
        let width = width(word.trim_end_matches(' '));
        if used > 0 && used.saturating_add(width) > columns {
            rows.push(std::mem::take(&mut row));
            used = 0;
        }
        for character in word.chars() {
            let width = width_of(character);
            if used > 0 && used.saturating_add(width) > columns {
                // A space at the end of a row is not seen anyway.
                if character == ' ' {
                    continue;
                }
                rows.push(std::mem::take(&mut row));
                used = 0;
            }
            row.push(character);
            used = used.saturating_add(width);
        }
    }
    rows.push(row);
    for row in &mut rows {
        row.truncate(row.trim_end_matches(' ').len());
    }
    rows
}

/// The same as lines with a space before each.
pub fn wrapped(text: &str, columns: u16, style: Style) -> Vec<Line<'static>> {
    wrap(text.trim(), usize::from(columns).saturating_sub(2))
        .into_iter()
        .map(|row| Line::styled(format!(" {row}"), style))
        .collect()
}

/// Groups of digits that people compare, four in a row.
pub fn groups(digits: &str) -> Vec<Line<'static>> {
    let groups: Vec<&str> = digits.split_whitespace().collect();
    groups.chunks(4).map(|row| Line::raw(format!(" {}", row.join("  ")))).collect()
}

pub fn width(text: &str) -> usize {
    Span::raw(text).width()
}

fn width_of(character: char) -> usize {
    width(character.encode_utf8(&mut [0; 4]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_end_between_words_where_they_can() {
        assert_eq!(wrap("one two three", 7), ["one two", "three"]);
        assert_eq!(wrap("abcdefgh ij", 3), ["abc", "def", "gh", "ij"]);
        assert_eq!(wrap("日本語", 4), ["日本", "語"]);
        assert_eq!(wrap("", 5), [""]);
        assert_eq!(wrap("ab", 0), ["a", "b"]);
    }
}
