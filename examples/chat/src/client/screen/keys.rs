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
