//! What keys do.

use ratatui::crossterm::event::{Event, KeyCode, KeyEvent, KeyEventKind, KeyModifiers};

use crate::client::screen::focus::{Focus, Ids, LinkPage, Page};
use crate::client::screen::input_line::Full;
use crate::client::screen::typed::{Doubts, Place, Typed, Undone};
use crate::client::session::{Input, Origin};
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
                self.complaint = None;
                match text.chars().try_for_each(|character| self.input.insert(character)) {
                    Ok(()) => vec![Input::Redraw],
                    Err(Full) => self.complain(
                        "the line is full: the end of what was pasted is not in it. Send it in parts.".into(),
                    ),
                }
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
        // A question is answered by the next key, or it was not read.
        if key.code != KeyCode::Enter {
            self.doubted = None;
        }
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
            KeyCode::Char('y') if self.is_asked_to_link() => {
                self.page = Page::Nothing;
                return vec![Input::Command(Command::LinkConfirm)];
            }
            KeyCode::Char('v') if self.page == Page::Safety => {
                // Of two numbers it would not be said which is the same.
                if self.open_contact().is_some_and(|contact| contact.trust == Trust::Changed) {
                    return self.complain("decide first: F5 or F6".into());
                }
                self.page = Page::Nothing;
                return self.order(Command::Verified);
            }
            // Behind a page nothing is typed unseen.
            KeyCode::Char(character) if self.page == Page::Nothing => {
                return self.insert(character);
            }
            _ => {}
        }
        vec![Input::Redraw]
    }

    fn is_asked_to_link(&self) -> bool {
        matches!(self.page, Page::Link(LinkPage::Read(..) | LinkPage::Opened(..)))
    }

    fn insert(&mut self, character: char) -> Vec<Input> {
        match self.input.insert(character) {
            Ok(()) => vec![Input::Redraw],
            Err(Full) => self.complain("the line is full: send it in parts".into()),
        }
    }

    fn function_key(&mut self, number: u8) -> Vec<Input> {
        let (standing, trust) = match self.open_contact() {
            Some(contact) => (contact.standing, contact.trust),
            None => (Standing::New, Trust::Claimed),
        };
        match (number, standing, trust) {
            (1, ..) => return self.show(Page::Help),
            (2, ..) => return self.key_for("/verify"),
            (3, ..) => return self.key_for("/open"),
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
        if line.trim().is_empty() {
            return vec![Input::Redraw];
        }
        let doubted = (self.open.clone(), line.clone());
        let doubts = match self.doubted.take() {
            Some(former) if former == doubted => Doubts::Settled,
            Some(_) | None => Doubts::Raised,
        };
        match self.typed(&line, doubts) {
            Ok(inputs) => inputs,
            Err(undone) => {
                self.input.put_before(&line);
                match undone {
                    Undone::Wrong(text) => self.complain(text),
                    Undone::Doubtful(question) => {
                        self.doubted = Some(doubted);
                        self.complain(question)
                    }
                }
            }
        }
    }

    /// A key that does the same as a line.
    fn key_for(&mut self, line: &str) -> Vec<Input> {
        match self.typed(line, Doubts::Settled) {
            Ok(inputs) => inputs,
            Err(Undone::Wrong(text) | Undone::Doubtful(text)) => self.complain(text),
        }
    }

    fn typed(&mut self, line: &str, doubts: Doubts) -> Result<Vec<Input>, Undone> {
        let place =
            Place { open: self.open.as_ref(), latest: self.latest, contacts: &self.contacts };
        let anywhere = line.to_owned();
        Ok(match Typed::parse(line, place, doubts)? {
            Typed::Command(command) => {
                self.scroll = 0;
                let origin = Origin { open: self.open.clone(), line: line.into(), anywhere };
                vec![Input::Typed(command, origin)]
            }
            Typed::Enter(name) => self.go_to(Some(name)),
            Typed::Begin { to, command, there } => {
                let origin = Origin { open: Some(to.clone()), line: there, anywhere };
                let mut inputs = vec![Input::Typed(command, origin)];
                inputs.extend(self.go_to(Some(to)));
                inputs
            }
            Typed::Leave => self.go_to(None),
            Typed::Safety => self.show(Page::Safety),
            Typed::Help => self.show(Page::Help),
        })
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
            Input::Command(command) | Input::Typed(command, _) => Some(command),
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

    /// Enters a line, and the engine refuses what comes of it.
    fn refuse(focus: &mut Focus) {
        let inputs = focus.event(Event::Key(KeyCode::Enter.into()));
        let origin = inputs.into_iter().find_map(|input| match input {
            Input::Typed(_, origin) => Some(origin),
            _ => None,
        });
        focus.put_back(origin.unwrap());
    }

    #[test]
    fn a_line_that_is_wrong_stays_to_be_mended() {
        let mut focus = focus(Standing::Accepted);
        write(&mut focus, "hello");
        assert_eq!(press(&mut focus, KeyCode::Enter), []);
        assert!(focus.complaint.take().unwrap().starts_with("open a conversation"));
        press(&mut focus, KeyCode::Home);
        write(&mut focus, "to bob ");
        let begun = [Command::parse("to bob hello").unwrap(), Command::Read(name("bob"))];
        assert_eq!(press(&mut focus, KeyCode::Enter), begun);
        assert!(focus.input.is_empty());
    }

    #[test]
    fn a_text_that_is_refused_stands_again_where_it_was_typed() {
        let mut focus = focus(Standing::Request);
        press(&mut focus, KeyCode::Down);
        write(&mut focus, "a long text");
        refuse(&mut focus);
        assert_eq!(focus.input.take(), "a long text");
        // The user is elsewhere by then.
        write(&mut focus, "another");
        let inputs = focus.event(Event::Key(KeyCode::Enter.into()));
        press(&mut focus, KeyCode::Down);
        let Some(Input::Typed(_, origin)) = inputs.into_iter().next() else { panic!("no command") };
        focus.put_back(origin);
        assert!(focus.input.is_empty());
        press(&mut focus, KeyCode::Up);
        assert_eq!(focus.input.take(), "another");
    }

    #[test]
    fn a_refused_text_for_somebody_by_name_stands_in_their_conversation_if_there_is_one() {
        let mut first = focus(Standing::Request);
        write(&mut first, "/once bob a secret");
        refuse(&mut first);
        assert_eq!(
            (first.open.clone(), first.input.take()),
            (Some(name("bob")), "/once a secret".into())
        );
        let mut second = focus(Standing::Request);
        write(&mut second, "to nobody a secret");
        let inputs = second.event(Event::Key(KeyCode::Enter.into()));
        let Some(Input::Typed(_, origin)) = inputs.into_iter().next() else { panic!("no command") };
        second.abandon();
        second.put_back(origin);
        assert_eq!((second.open.clone(), second.input.take()), (None, "to nobody a secret".into()));
    }

    #[test]
    fn a_line_for_somebody_unknown_is_asked_about_once() {
        let mut focus = focus(Standing::Accepted);
        press(&mut focus, KeyCode::Down);
        write(&mut focus, "to be or not");
        assert_eq!(press(&mut focus, KeyCode::Enter), []);
        assert!(focus.complaint.clone().unwrap().starts_with("Nobody here is called be."));
        // Another conversation is another question.
        press(&mut focus, KeyCode::Down);
        write(&mut focus, "to be or not");
        assert_eq!(press(&mut focus, KeyCode::Enter), []);
        let life = crate::command::OwnLife::AsConversation;
        let to = Command::Send { to: name("carol"), text: "to be or not".into(), life };
        assert_eq!(press(&mut focus, KeyCode::Enter), [to]);
        // A known name is no question.
        write(&mut focus, "to bob hi");
        let go = [Command::Close(name("carol")), Command::Read(name("bob"))];
        let [send, close, read] = press(&mut focus, KeyCode::Enter).try_into().unwrap();
        assert_eq!((send, [close, read]), (Command::parse("to bob hi").unwrap(), go));
    }

    #[test]
    fn what_does_not_fit_into_the_line_is_not_dropped_in_silence() {
        let mut focus = focus(Standing::Accepted);
        focus.event(Event::Paste("x".repeat(20_000)));
        assert!(focus.complaint.take().unwrap().starts_with("the line is full"));
        assert_eq!(press(&mut focus, KeyCode::Char('y')), []);
        assert!(focus.complaint.take().unwrap().starts_with("the line is full"));
    }

    #[test]
    fn nothing_is_verified_while_two_identities_use_a_name() {
        let mut focus = focus(Standing::Accepted);
        focus.contacts[0].trust = Trust::Changed;
        press(&mut focus, KeyCode::Down);
        press(&mut focus, KeyCode::F(2));
        assert_eq!(press(&mut focus, KeyCode::Char('v')), []);
        assert_eq!(focus.complaint.take().unwrap(), "decide first: F5 or F6");
        assert_eq!(press(&mut focus, KeyCode::F(5)), [Command::AcceptIdentity(name("bob"))]);
        assert_eq!(focus.page, Page::Safety, "the number of the new one is there to be compared");
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
