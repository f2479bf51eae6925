//! The line that is being typed.

use ratatui::text::Span;

/// More than any message may have, so that a paste cannot fill the memory.
const MOST_CHARACTERS: usize = 16 * 1_024;

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct InputLine {
    characters: Vec<char>,
    /// How many of them stand before the cursor; never more than there are.
    cursor: usize,
}

/// The line takes no more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Full;

impl InputLine {
    pub fn insert(&mut self, character: char) -> Result<(), Full> {
        if self.characters.len() >= MOST_CHARACTERS {
            return Err(Full);
        }
        // A line has no ends of lines, and orders the terminal to do nothing.
        let character = if character.is_control() { ' ' } else { character };
        self.characters.insert(self.cursor, character);
        self.cursor = self.cursor.saturating_add(1);
        Ok(())
    }

    /// Puts a line before what is there, with a space between them. It was here before, so it has its room.
    pub fn put_before(&mut self, line: &str) {
        let space = if self.is_empty() { "" } else { " " };
        let before: Vec<char> = line.chars().chain(space.chars()).collect();
        self.cursor = self.cursor.saturating_add(before.len());
        self.characters.splice(..0, before);
    }

    pub fn delete_before(&mut self) {
        if self.cursor > 0 {
            self.cursor = self.cursor.saturating_sub(1);
            self.characters.remove(self.cursor);
        }
    }

    pub fn delete_after(&mut self) {
        if self.cursor < self.characters.len() {
            self.characters.remove(self.cursor);
        }
    }

    pub fn left(&mut self) {
        self.cursor = self.cursor.saturating_sub(1);
    }

    pub fn right(&mut self) {
        self.cursor = self.cursor.saturating_add(1).min(self.characters.len());
    }

    pub fn home(&mut self) {
        self.cursor = 0;
    }

    pub fn end(&mut self) {
        self.cursor = self.characters.len();
    }

    pub fn is_empty(&self) -> bool {
        self.characters.is_empty()
    }

    pub fn clear(&mut self) {
        *self = Self::default();
    }

    /// What was typed; the line is empty then.
    pub fn take(&mut self) -> String {
        std::mem::take(self).characters.into_iter().collect()
    }

    /// As much of it as fits into `width` columns with the cursor, and the cursor's column.
    pub fn visible(&self, width: u16) -> (String, u16) {
        let width = usize::from(width).saturating_sub(1);
        let before = self.characters.iter().take(self.cursor);
        let (mut columns, mut shown) = (0_usize, Vec::new());
        for character in before.rev() {
            let wider = columns.saturating_add(columns_of(*character));
            if wider > width {
                break;
            }
            columns = wider;
            shown.push(*character);
        }
        let column = u16::try_from(columns).unwrap_or(u16::MAX);
        shown.reverse();
        shown.extend(self.characters.iter().skip(self.cursor).take(width));
        (shown.into_iter().collect(), column)
    }
}

fn columns_of(character: char) -> usize {
    Span::raw(character.to_string()).width()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn typed(text: &str) -> InputLine {
        let mut line = InputLine::default();
        text.chars().for_each(|character| line.insert(character).unwrap());
        line
    }

    #[test]
    fn what_is_typed_is_edited_at_the_cursor() {
        let mut line = typed("13");
        line.left();
        line.insert('2').unwrap();
        line.home();
        line.delete_before();
        line.delete_after();
        line.insert('0').unwrap();
        line.end();
        line.right();
        line.insert('\u{1b}').unwrap();
        line.delete_before();
        assert_eq!(line.take(), "023");
        assert!(line.is_empty());
    }

    #[test]
    fn what_is_put_back_stands_before_what_was_typed_since() {
        let mut line = typed("");
        line.put_before("refused");
        assert_eq!(line, typed("refused"));
        line.put_before("first");
        line.insert('!').unwrap();
        assert_eq!(line.take(), "first refused!");
    }

    #[test]
    fn a_full_line_says_so() {
        let mut line = typed(&"x".repeat(MOST_CHARACTERS));
        assert_eq!(line.insert('y'), Err(Full));
        line.delete_before();
        assert_eq!(line.insert('y'), Ok(()));
        assert!(line.take().ends_with("xy"));
    }

    #[test]
    fn the_cursor_stays_in_sight() {
        assert_eq!(typed("abcdef").visible(4), ("def".into(), 3));
        let mut line = typed("abcdef");
        line.home();
        assert_eq!(line.visible(4), ("abc".into(), 0));
        assert_eq!(typed("日本語").visible(4), ("語".into(), 2));
        assert_eq!(typed("abc").visible(0), (String::new(), 0));
    }
}
