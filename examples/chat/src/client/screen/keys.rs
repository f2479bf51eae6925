//! What keys do.

use ratatui::crossterm::event::{Event, KeyCode, KeyEvent, KeyEventKind, KeyModifiers};

use crate::client::screen::focus::{Focus, Ids, Page};
use crate::client::screen::typed::Typed;
use crate::client::session::Input;
use crate::command::Command;
use crate::name::Name;
use crate::view::{Standing, Trust};

/// How many rows a page is turned by.
const PAGE_ROWS: usize = 8;

impl Focus {
    /// Takes what the terminal says, and gives what the session has to do.
    pub fn event(&mut self, event: Event) -> Vec<Input> {
        match event {
            Event::Key(key) if key.kind != KeyEventKind::Release => self.key(key),
            Event::Paste(text) if self.page == Page::Nothing => {
                text.chars().for_each(|character| self.input.insert(character));
                vec![Input::Redraw]
            }
            Event::Resize(..) => vec![Input::Redraw],
            Event::Key(_)
            | Event::Paste(_)
            | Event::FocusGained
            | Event::FocusLost
            | Event::Mouse(_) => Vec::new(),
        }
    }

    fn key(&mut self, key: KeyEvent) -> Vec<Input> {
        self.complaint = None;
        if key.modifiers.contains(KeyModifiers::CONTROL) {
            match key.code {
                KeyCode::Char('c') => return vec![Input::Command(Command::Quit)],
                KeyCode::Char('u') => self.input.clear(),
                _ => {}
            }
            return vec![Input::Redraw];
        }
        match key.code {
            KeyCode::Esc => return self.back(),
            KeyCode::Down | KeyCode::Tab => return self.next(),
            KeyCode::Up | KeyCode::BackTab => return self.previous(),
            KeyCode::Enter => return self.enter(),
            KeyCode::F(number) => return self.function_key(number),
            KeyCode::PageUp => self.scroll = self.scroll.saturating_add(PAGE_ROWS),
            KeyCode::PageDown => self.scroll = self.scroll.saturating_sub(PAGE_ROWS),
            KeyCode::Backspace => self.input.delete_before(),
            KeyCode::Delete => self.input.delete_after(),
            KeyCode::Left => self.input.left(),
            KeyCode::Right => self.input.right(),
            KeyCode::Home => self.input.home(),
            KeyCode::End => self.input.end(),
            KeyCode::Char('v') if self.page == Page::Safety => {
                self.page = Page::Nothing;
                return self.order(Command::Verified);
            }
            // Behind a page nothing is typed unseen.
            KeyCode::Char(character) if self.page == Page::Nothing => self.input.insert(character),
            _ => {}
        }
        vec![Input::Redraw]
    }

    fn function_key(&mut self, number: u8) -> Vec<Input> {
        let (standing, trust) = match self.open_contact() {
            Some(contact) => (contact.standing, contact.trust),
            None => (Standing::New, Trust::Claimed),
        };
        match (number, standing, trust) {
            (1, ..) => return self.show(Page::Help),
            (2, ..) => return self.typed("/verify"),
            (3, ..) => return self.typed("/open"),
            (4, ..) => {
                self.ids = match self.ids {
                    Ids::Hidden => Ids::Shown,
                    Ids::Shown => Ids::Hidden,
                }
            }
            (5, Standing::Request | Standing::Blocked, _) => return self.order(Command::Accept),
            (6, Standing::Request, _) => return self.order(Command::Refuse),
            (7, Standing::Request, _) => return self.order(Command::Block),
            (5, _, Trust::Changed) => return self.order(Command::AcceptIdentity),
            (6, _, Trust::Changed) => return self.order(Command::KeepIdentity),
            _ => {}
        }
        vec![Input::Redraw]
    }

    fn enter(&mut self) -> Vec<Input> {
        if self.page != Page::Nothing {
            return self.back();
        }
        let line = self.input.take();
        if line.trim().is_empty() { vec![Input::Redraw] } else { self.typed(&line) }
    }

    fn typed(&mut self, line: &str) -> Vec<Input> {
        match Typed::parse(line, self.open.as_ref(), self.latest) {
            Ok(Typed::Command(command)) => {
                self.scroll = 0;
                vec![Input::Command(command)]
            }
            Ok(Typed::Enter(name)) if self.contacts.iter().any(|it| it.name == name) => {
                self.go_to(Some(name))
            }
            Ok(Typed::Enter(name)) => self.complain(format!("nobody here is called {name}")),
            Ok(Typed::Begin(name, command)) => {
                let mut inputs = vec![Input::Command(command)];
                inputs.extend(self.go_to(Some(name)));
                inputs
            }
            Ok(Typed::Leave) => self.go_to(None),
            Ok(Typed::Safety) => self.show(Page::Safety),
            Ok(Typed::Help) => self.show(Page::Help),
            Err(usage) => self.complain(usage),
        }
    }

    fn show(&mut self, page: Page) -> Vec<Input> {
        self.page = page;
        vec![Input::Redraw]
    }

    fn complain(&mut self, complaint: String) -> Vec<Input> {
        self.complaint = Some(complaint);
        vec![Input::Redraw]
    }

    /// A command about the open conversation.
    fn order(&self, command: fn(Name) -> Command) -> Vec<Input> {
        self.open.clone().map(command).map(Input::Command).into_iter().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::view::{ContactView, Window};

    fn name(name: &str) -> Name {
        Name::new(name).unwrap()
    }

    fn focus(standing: Standing) -> Focus {
        let contact = |contact: &str| ContactView {
            name: name(contact),
            standing,
            trust: Trust::Claimed,
            timer: None,
            unread: 0,
            last: None,
            window: Window::Closed,
        };
        Focus { contacts: vec![contact("bob"), contact("carol")], ..Focus::default() }
    }

    fn press(focus: &mut Focus, code: KeyCode) -> Vec<Command> {
        ordered(focus.event(Event::Key(code.into())))
    }

    fn ordered(inputs: Vec<Input>) -> Vec<Command> {
        let command = |input| match input {
            Input::Command(command) => Some(command),
            Input::Unclear(_) | Input::Redraw | Input::End => None,
        };
        inputs.into_iter().filter_map(command).collect()
    }

    fn write(focus: &mut Focus, text: &str) {
        text.chars().for_each(|character| assert_eq!(press(focus, KeyCode::Char(character)), []));
    }

    #[test]
    fn one_conversation_is_closed_before_another_one_is_read() {
        let mut focus = focus(Standing::Accepted);
        assert_eq!(press(&mut focus, KeyCode::Down), [Command::Read(name("bob"))]);
        let both = [Command::Close(name("bob")), Command::Read(name("carol"))];
        assert_eq!(press(&mut focus, KeyCode::Tab), both);
        assert_eq!(press(&mut focus, KeyCode::Esc), [Command::Close(name("carol"))]);
        assert_eq!(press(&mut focus, KeyCode::Up), [Command::Read(name("carol"))]);
    }

    #[test]
    fn what_was_begun_for_one_does_not_go_to_another() {
        let mut focus = focus(Standing::Accepted);
        press(&mut focus, KeyCode::Down);
        write(&mut focus, "for bob");
        press(&mut focus, KeyCode::Down);
        assert_eq!(press(&mut focus, KeyCode::Enter), []);
        press(&mut focus, KeyCode::Up);
        let sent = press(&mut focus, KeyCode::Enter);
        assert_eq!(sent, [Command::parse("to bob for bob").unwrap()]);
    }

    #[test]
    fn a_function_key_answers_the_question_that_is_asked() {
        let mut asked = focus(Standing::Request);
        press(&mut asked, KeyCode::Down);
        assert_eq!(press(&mut asked, KeyCode::F(7)), [Command::Block(name("bob"))]);
        let mut unasked = focus(Standing::Accepted);
        press(&mut unasked, KeyCode::Down);
        assert_eq!(press(&mut unasked, KeyCode::F(7)), []);
        assert_eq!(press(&mut unasked, KeyCode::F(5)), []);
    }

    #[test]
    fn a_letter_verifies_on_the_page_of_the_safety_number_alone() {
        let mut focus = focus(Standing::Accepted);
        press(&mut focus, KeyCode::Down);
        write(&mut focus, "v");
        press(&mut focus, KeyCode::F(2));
        assert_eq!(press(&mut focus, KeyCode::Char('x')), []);
        assert_eq!(press(&mut focus, KeyCode::Char('v')), [Command::Verified(name("bob"))]);
        assert_eq!(focus.input.take(), "v");
    }

    #[test]
    fn control_c_ends_it_from_every_page() {
        for page in [Page::Nothing, Page::Help, Page::Safety] {
            let mut focus = Focus { page, ..Focus::default() };
            let key = KeyEvent::new(KeyCode::Char('c'), KeyModifiers::CONTROL);
            assert_eq!(ordered(focus.event(Event::Key(key))), [Command::Quit]);
        }
    }
}
