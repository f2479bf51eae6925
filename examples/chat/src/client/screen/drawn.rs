//! Tests of drawing: a picture in, the cells of a terminal out.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use evanesce::expiry::{MessageId, Policy};
use image::RgbImage;
use ratatui::Terminal;
use ratatui::backend::TestBackend;

use crate::client::screen::drawing::draw;
use crate::client::screen::focus::{Ids, LinkPage};
use crate::client::screen::half_blocks::Palette;
use crate::client::screen::input_line::InputLine;
use crate::client::screen::picture::{Conversation, Number, PageView, Picture, Reach, Safety};
use crate::client::screen::timeline::{Entry, Note, Tone};
use crate::engine::Secrecy;
use crate::file_name::FileName;
use crate::media_type::MediaType;
use crate::name::Name;
use crate::shown::LinkText;
use crate::view::{
    Author, ContactView, DeviceView, FileLine, FileState, LineText, LineView, Progress, Standing,
    Trust, Window, Writer,
};

fn name(name: &str) -> Name {
    Name::new(name).unwrap()
}

fn line(number: u8, author: Author, text: &str) -> LineView {
    let progress = match author {
        Author::Us => Progress::Sent,
        Author::Them => Progress::Read,
    };
    let text = LineText::Text(text.into());
    let (id, writer) = (MessageId([number; 16]), Writer(None));
    LineView { id, author, writer, text, progress, remaining: None }
}

fn contact(standing: Standing, trust: Trust) -> ContactView {
    let (timer, last) = (None, Some(line(9, Author::Us, "the last line")));
    let window = Window::Open;
    ContactView { name: name("bob"), standing, trust, timer, unread: 0, last, window }
}

fn picture(contact: ContactView, entries: Vec<Entry>) -> Picture {
    Picture {
        us: name("alice"),
        reach: Reach::Online,
        contacts: vec![contact.clone()],
        open: Some(Conversation { contact, entries }),
        scroll: 0,
        ids: Ids::Hidden,
        page: PageView::Nothing,
        complaint: None,
        input: InputLine::default(),
    }
}

fn conversation(lines: Vec<LineView>) -> Picture {
    let entries = lines.into_iter().map(Entry::Message).collect();
    picture(contact(Standing::Accepted, Trust::Claimed), entries)
}

/// What a terminal shows, row by row.
fn drawn(picture: &Picture, columns: u16, rows: u16) -> String {
    let mut terminal = Terminal::new(TestBackend::new(columns, rows)).unwrap();
    terminal.draw(|frame| _ = draw(picture, frame)).unwrap();
    terminal.backend().to_string()
}

fn all_pages(picture: Picture) -> Vec<Picture> {
    let known = Number { digits: "12345 ".repeat(12), scannable: [0xa5; 65] };
    let undecided = Safety::Undecided { known: Some(known.clone()), waiting: known.clone() };
    let found = |number| (name("carol"), line(number, Author::Them, "secret \u{1b}[2J"));
    let opened = PageView::Opened {
        from: name("bob"),
        id: MessageId([1; 16]),
        text: "secret \u{1b}[2J".into(),
    };
    let digits = "12345 ".repeat(6);
    let device = |number: u32| DeviceView {
        of: name("bob"),
        name: name(&format!("bob.{number}")),
        standing: evanesce::person::Standing::Listed,
        is_owner: number == 0,
        is_this: number == 1,
        is_unconfirmed: number == 2,
    };
    let pages = [
        PageView::Nothing,
        PageView::Help,
        PageView::Safety(Safety::Unknown),
        PageView::Safety(Safety::Known { number: known, secrecy: None }),
        PageView::Safety(undecided),
        PageView::Found((0..40).map(found).collect()),
        PageView::Picture {
            title: "secret \u{1b}[2J".into(),
            picture: Arc::new(RgbImage::new(300, 200)),
            palette: Palette::Full,
        },
        PageView::Link(LinkPage::Code(LinkText::new(vec![7; 108].into()), digits.clone())),
        PageView::Link(LinkPage::Read(name("bob.laptop"), digits.clone())),
        PageView::Link(LinkPage::Offered(name("bob.laptop"), digits.clone())),
        PageView::Link(LinkPage::Opened(name("bob"), digits)),
        PageView::Devices((0..16).map(device).collect()),
        opened,
    ];
    pages.into_iter().map(|page| Picture { page, ..picture.clone() }).collect()
}

#[test]
fn a_conversation_has_both_sides_and_what_happened_between_them() {
    let note = Note { text: "bob set messages to disappear".into(), tone: Tone::Calm };
    let waiting = LineView { progress: Progress::Waiting, ..line(3, Author::Us, "and this?") };
    let mut bob = contact(Standing::Accepted, Trust::Verified);
    bob.timer = Some(Policy::AfterRead { ttl: NonZeroU32::new(30).unwrap() });
    let entries = vec![
        Entry::Message(line(1, Author::Them, "How are you?")),
        Entry::Note(note),
        Entry::Message(line(2, Author::Us, "Well, thank you.")),
        Entry::Message(waiting),
    ];
    let drawn = drawn(&picture(bob, entries), 80, 14);
    for part in [
        "│  How are you?",
        "bob set messages to disappear",
        " ✓  Well, thank you.",
        " …  and this?",
        "bob ✓",
        "you: the last line",
        "encrypted · verified · timer 30s",
        "online",
    ] {
        assert!(drawn.contains(part), "{part:?} is not in\n{drawn}");
    }
    let place = |part| drawn.find(part).unwrap();
    assert!(place("How are") < place("disappear") && place("disappear") < place("Well"));
}

#[test]
fn a_countdown_follows_the_clock() {
    let at = |milliseconds| {
        let remaining = Some(Duration::from_millis(milliseconds));
        let line = LineView { remaining, ..line(1, Author::Them, "soon gone") };
        drawn(&conversation(vec![line]), 80, 10)
    };
    assert!(at(30_000).contains("soon gone  ◷ 30s"), "{}", at(30_000));
    assert!(at(28_400).contains("soon gone  ◷ 29s"));
    assert!(at(125_000).contains("soon gone  ◷ 2:05"));
}

#[test]
fn what_is_not_stored_as_read_is_not_drawn() {
    let unread = LineView { progress: Progress::Unread, ..line(1, Author::Them, "not yet") };
    let mut bob = contact(Standing::Accepted, Trust::Claimed);
    bob.unread = 1;
    bob.last = Some(unread.clone());
    let drawn = drawn(&picture(bob, vec![Entry::Message(unread)]), 80, 10);
    assert!(!drawn.contains("not yet"), "{drawn}");
    assert!(drawn.contains("something new") && drawn.contains(" 1 "));
}

#[test]
fn what_can_be_opened_once_is_a_placeholder() {
    let once = LineView { text: LineText::Once, ..line(1, Author::Them, "") };
    let ours = LineView { text: LineText::Once, ..line(2, Author::Us, "") };
    let picture = Picture { ids: Ids::Shown, ..conversation(vec![once, ours]) };
    let drawn = drawn(&picture, 80, 10);
    assert!(drawn.contains("view once: F3 opens it  0101"), "{drawn}");
    assert!(drawn.contains("0202 ✓  view once"), "{drawn}");
}

#[test]
fn a_request_is_a_question() {
    let request = contact(Standing::Request, Trust::Claimed);
    let drawn = drawn(&picture(request, vec![]), 80, 10);
    assert!(drawn.contains("bob wants to write to you."), "{drawn}");
    assert!(drawn.contains("F5 accept   F6 refuse   F7 block") && drawn.contains("bob asks"));
}

#[test]
fn another_identity_is_an_alarm() {
    let changed = contact(Standing::Accepted, Trust::Changed);
    let drawn = drawn(&picture(changed, vec![]), 80, 10);
    assert!(drawn.contains("Sending has stopped."), "{drawn}");
    assert!(drawn.contains("F2 both numbers"), "{drawn}");
    assert!(drawn.contains("bob changed!"));
    assert!(drawn.contains("identity changed: sending stopped"));
}

#[test]
fn the_safety_number_has_sixty_digits_and_a_code() {
    let digits: Vec<String> = (10_000..10_012).map(|group| group.to_string()).collect();
    let number = Number { digits: digits.join(" "), scannable: [0xa5; 65] };
    let secrecy = Some(Secrecy::PostQuantum { renewed: 3 });
    let safety = Safety::Known { number, secrecy };
    let mut picture = conversation(vec![]);
    picture.page = PageView::Safety(safety);
    for (columns, rows, has_code) in [(96, 24, true), (46, 40, true), (80, 12, false)] {
        let drawn = drawn(&picture, columns, rows);
        assert!(digits.iter().all(|group| drawn.contains(group)), "{drawn}");
        assert_eq!(drawn.contains("▀▀▀"), has_code, "{drawn}");
        assert!(drawn.contains("post-quantum secrecy, keys"), "{drawn}");
    }
}

#[test]
fn while_a_change_waits_both_numbers_are_shown_and_named() {
    let number = |digits: &str| Number { digits: digits.repeat(12), scannable: [0xa5; 65] };
    let (known, waiting) = (Some(number("11111 ")), number("22222 "));
    let mut picture = picture(contact(Standing::Accepted, Trust::Changed), vec![]);
    picture.page = PageView::Safety(Safety::Undecided { known, waiting });
    let drawn = drawn(&picture, 80, 16);
    let place = |part: &str| drawn.find(part).unwrap_or_else(|| panic!("{part:?}\n{drawn}"));
    assert!(place("bob as known until now") < place("11111"));
    assert!(place("11111") < place("the new identity under the name bob"));
    assert!(place("the new identity") < place("22222"));
    assert!(place("22222") < place("F5: go over to the new one"));
    assert_eq!((drawn.matches("11111").count(), drawn.matches("22222").count()), (12, 12));
    assert!(!drawn.contains("v: they are the same"), "{drawn}");
}

#[test]
fn what_was_found_has_its_conversation_and_what_was_not_says_so() {
    let mut picture = conversation(vec![]);
    let found = |number| (name("carol"), line(number, Author::Them, &format!("key {number} end")));
    picture.page = PageView::Found((0..40).map(found).collect());
    let found = drawn(&picture, 80, 14);
    for part in ["Found 40 messages", "carol", "key 39 end", "more: say more words", "Esc"] {
        assert!(found.contains(part), "{part:?} is not in\n{found}");
    }
    picture.page = PageView::Found(vec![]);
    assert!(drawn(&picture, 80, 14).contains("Nothing that you have read or written"));
}

#[test]
fn what_could_not_be_done_is_said_to_its_end() {
    let mut picture = conversation(vec![]);
    picture.complaint = Some("a long word ".repeat(15) + "end");
    let drawn = drawn(&picture, 60, 14);
    assert!(drawn.contains(" word end") || drawn.contains("end "), "{drawn}");
    assert_eq!(drawn.matches("long").count(), 15, "{drawn}");
}

#[test]
fn a_code_is_drawn_only_with_the_digits_below_it() {
    let mut picture = conversation(vec![]);
    let code = LinkText::new(vec![7; 108].into());
    let pasted = code.to_string();
    picture.page = PageView::Link(LinkPage::Code(code, "12345 ".repeat(6)));
    for (rows, is_drawn) in [(24, false), (27, false), (30, true)] {
        let drawn = drawn(&picture, 100, rows);
        assert_eq!(drawn.contains('▀'), is_drawn, "{drawn}");
        assert_eq!(drawn.contains(pasted.get(..20).unwrap()), !is_drawn, "{drawn}");
        assert_eq!(drawn.matches("12345").count(), 6, "{drawn}");
    }
}

#[test]
fn hostile_text_orders_the_terminal_to_do_nothing() {
    let hostile = "\u{1b}[2J\u{1b}]0;owned\u{7}\r\n\u{202e}evil\u{9b}31m\0";
    let mut bob = contact(Standing::Accepted, Trust::Claimed);
    bob.last = Some(line(1, Author::Them, hostile));
    let note = Note { text: hostile.into(), tone: Tone::Warning };
    let entries = vec![Entry::Message(line(1, Author::Them, hostile)), Entry::Note(note)];
    let mut picture = Picture { complaint: Some(hostile.into()), ..picture(bob, entries) };
    picture.input.put_before(hostile);
    for mut picture in all_pages(picture) {
        match &mut picture.page {
            PageView::Opened { text, .. } => *text = hostile.into(),
            PageView::Found(lines) => lines[39].1.text = LineText::Text(hostile.into()),
            PageView::Picture { title, .. } => *title = hostile.into(),
            PageView::Nothing
            | PageView::Help
            | PageView::Safety(_)
            | PageView::Link(_)
            | PageView::Devices(_) => {}
        }
        let drawn = drawn(&picture, 100, 20);
        let harmless = |character: char| {
            character == '\n' || !(character.is_control() || character == '\u{202e}')
        };
        assert!(drawn.chars().all(harmless), "{drawn:?}");
        assert!(drawn.contains("\\u{1b}[2J"), "{drawn}");
    }
}

#[test]
fn a_file_on_its_way_has_a_bar_until_it_is_there() {
    let file = |state| {
        let name = FileName::cleaned("a picture.png");
        let media_type = MediaType::by_name(name.as_str());
        let text = LineText::File(FileLine { name, media_type, size: 2_500_000, state });
        let line = LineView { text, ..line(1, Author::Us, "") };
        drawn(&conversation(vec![line]), 120, 12)
    };
    let going = file(FileState::Going(40));
    assert!(going.contains("picture a picture.png · 2.5 MB · 40 %"), "{going}");
    let bar = going.lines().find(|row| row.contains("a picture.png  40 % ")).unwrap();
    let (done, left) = (bar.matches('━').count(), bar.matches('─').count());
    assert!(done > 20 && done.abs_diff((done + left) * 2 / 5) <= 1, "{bar}");
    let whole = file(FileState::Whole);
    assert!(whole.contains("a picture.png · 2.5 MB ") && !whole.contains('%'), "{whole}");
    let stopped = file(FileState::Stopped("the relay has altered it"));
    assert!(stopped.contains("the relay has altered it"), "{stopped}");
}

#[test]
fn no_terminal_is_too_small() {
    let long = "word ".repeat(500) + &"x".repeat(500) + "日本語👩‍👩‍👧";
    let lines = [line(1, Author::Us, &long), line(2, Author::Them, &long)];
    let once = LineView { text: LineText::Once, ..line(3, Author::Them, "") };
    let mut pictures = Vec::new();
    for (standing, trust) in [
        (Standing::Accepted, Trust::Claimed),
        (Standing::Request, Trust::Claimed),
        (Standing::Blocked, Trust::Verified),
        (Standing::New, Trust::Changed),
    ] {
        let entries = lines.iter().chain([&once]).cloned().map(Entry::Message).collect();
        let mut picture = picture(contact(standing, trust), entries);
        picture.complaint = Some(long.clone());
        picture.scroll = 7;
        picture.input.put_before(&long);
        pictures.push(Picture { open: None, ..picture.clone() });
        pictures.extend(all_pages(picture));
    }
    for picture in &pictures {
        for (columns, rows) in
            [(1, 0), (1, 1), (2, 2), (20, 5), (5, 20), (56, 3), (60, 5), (300, 2), (80, 24)]
        {
            drawn(picture, columns, rows);
        }
    }
}

#[test]
fn scrolling_ends_at_the_first_line() {
    let lines = (0..50).map(|number| line(number, Author::Them, &format!("line {number} end")));
    let mut picture = conversation(lines.collect());
    assert!(drawn(&picture, 80, 12).contains("line 49 end"));
    picture.scroll = 100_000;
    let mut terminal = Terminal::new(TestBackend::new(80, 12)).unwrap();
    let mut scroll = 0;
    terminal.draw(|frame| scroll = draw(&picture, frame)).unwrap();
    assert_eq!(scroll, 90);
    assert!(terminal.backend().to_string().contains("line 0 end"));
}
