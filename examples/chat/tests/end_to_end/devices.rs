//! People with several devices: linked, written to, removed.

use std::thread;
use std::time::{Duration, Instant};

use crate::person::{history, introduce, send, settle, wait_for_history};
use crate::process::{PATIENCE, Process};
use crate::screens::groups;
use crate::world::World;

/// Links a new device: the user compares digits twice.
pub fn link(owner: &mut Process, new: &mut Process, names: [&str; 2]) {
    let [of, device] = names;
    new.say("/link");
    let shown = new.wait_for("LINK CODE");
    let (code, digits) = shown.split_once(' ').unwrap();
    owner.say(&format!("/link {code}"));
    assert_eq!(owner.wait_for(&format!("LINK READ {device}")), digits);
    owner.say("/link-confirm");
    let digits = owner.wait_for(&format!("LINK OFFERED {device}"));
    assert_eq!(new.wait_for(&format!("LINK OPENED {of}")), digits);
    new.say("/link-confirm");
    new.wait_for(&format!("LINK ANSWERED {of}"));
    owner.wait_for(&format!("DEVICE CAME {of} {device}"));
    new.wait_for(&format!("LINKED {of}"));
}

/// Bob's second device.
fn linked(world: &World, bob: &mut Process) -> Process {
    let mut laptop = world.person("bob.laptop");
    link(bob, &mut laptop, ["bob", "bob.laptop"]);
    laptop
}

/// Alice and Bob, who looks at no conversation: what comes is unread until a device shows it.
fn introduced(world: &World) -> (Process, Process) {
    let (mut alice, mut bob) = (world.person("alice"), world.person("bob"));
    introduce(&mut alice, &mut bob);
    bob.say("/close alice");
    bob.wait_for("CLOSED alice");
    (alice, bob)
}

/// The devices that somebody is said to have.
fn devices(process: &mut Process, of: &str) -> Vec<String> {
    settle(process).unwrap();
    let before = process.lines().len();
    process.say(&format!("/devices {of}"));
    settle(process).unwrap();
    let lines = process.lines();
    let start = format!("DEVICE {of} ");
    let listed = lines[before..].iter().filter_map(|line| line.strip_prefix(&start));
    listed.map(str::to_owned).collect()
}

/// Waits until the relay has somebody's list.
fn wait_for_list(world: &World, name: &str) {
    let start = format!(" publish-list address={name} ");
    let is_published = |line: &String| line.contains(&start) && line.ends_with(" done");
    let deadline = Instant::now() + PATIENCE;
    while !world.relay.lines().iter().any(is_published) {
        assert!(Instant::now() < deadline, "no list of {name} is published");
        thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn two_devices_of_one_person_show_one_conversation() {
    let world = World::new("devices");
    let (mut alice, mut bob) = introduced(&world);
    alice.say("/verify bob");
    let number = alice.wait_for("SAFETY bob");
    let mut laptop = linked(&world, &mut bob);
    alice.wait_for("DEVICE CAME bob bob.laptop");
    let theirs = ["bob listed owner", "bob.laptop listed"];
    assert_eq!(devices(&mut alice, "bob"), theirs);
    assert_eq!(devices(&mut bob, "bob"), ["bob listed owner this", "bob.laptop listed"]);
    assert_eq!(devices(&mut laptop, "bob"), ["bob listed owner", "bob.laptop listed this"]);

    // What comes reaches both, and what one of them says appears on the other as ours, under the same id.
    let first = send(&mut alice, "bob", "to both of you");
    bob.wait_for(&format!("UNREAD alice {first}"));
    laptop.wait_for(&format!("UNREAD alice {first}"));
    let second = send(&mut laptop, "alice", "from the laptop");
    assert_eq!(alice.wait_for("MESSAGE bob"), format!("{second} from the laptop"));
    assert_eq!(bob.wait_for("OURS alice"), format!("{second} from the laptop"));
    let third = send(&mut bob, "alice", "from the phone");
    assert_eq!(alice.wait_for("MESSAGE bob"), format!("{third} from the phone"));
    assert_eq!(laptop.wait_for("OURS alice"), format!("{third} from the phone"));

    // Either takes back what the other wrote.
    laptop.say(&format!("/unsend {third}"));
    laptop.wait_for(&format!("UNSENT alice {third}"));
    alice.wait_for(&format!("UNSENT bob {third}"));
    bob.wait_for(&format!("UNSENT alice {third}"));
    assert_eq!(history(&mut laptop, "alice", "us").unwrap(), ["from the laptop"]);
    assert_eq!(history(&mut bob, "alice", "us").unwrap(), ["hello too", "from the laptop"]);

    // Who they are has not changed, nor after a restart of all.
    for process in [&mut alice, &mut bob, &mut laptop] {
        process.kill();
    }
    let [mut alice, mut bob, mut laptop] =
        ["alice", "bob", "bob.laptop"].map(|name| world.person(name));
    alice.say("/verify bob");
    assert_eq!(alice.wait_for("SAFETY bob"), number);
    laptop.say("/verify alice");
    assert_eq!(laptop.wait_for("SAFETY alice"), number);
    let last = send(&mut alice, "bob", "still there?");
    bob.wait_for(&format!("UNREAD alice {last}"));
    laptop.wait_for(&format!("UNREAD alice {last}"));
}

#[test]
fn a_removed_device_gets_nothing_more_and_says_so() {
    let world = World::new("devices-removed");
    let (mut alice, mut bob) = introduced(&world);
    let mut laptop = linked(&world, &mut bob);
    alice.wait_for("DEVICE CAME bob bob.laptop");
    let first = send(&mut alice, "bob", "to both");
    laptop.wait_for(&format!("UNREAD alice {first}"));
    // Written by who is not there yet: it stays where it is.
    laptop.say("to nobody a text that waits");
    let waiting = laptop.wait_for("QUEUED nobody");
    laptop.say("/remove bob");
    laptop.wait_for("ERROR");
    bob.say("/remove bob.laptop");
    bob.wait_for("DEVICE WENT bob bob.laptop");
    alice.wait_for("DEVICE WENT bob bob.laptop");
    laptop.wait_for("REMOVED bob");
    laptop.wait_for(&format!("FAILED nobody {waiting} this device was removed"));
    laptop.say("to alice is anybody there");
    laptop.wait_for("ERROR this device was removed");
    let second = send(&mut alice, "bob", "to the one that is left");
    bob.wait_for(&format!("UNREAD alice {second}"));
    assert_eq!(devices(&mut bob, "bob"), ["bob listed owner this"]);
    // The relay keeps the order, and has nothing for it.
    let log = world.relay.lines();
    let last = log.iter().rposition(|line| line.contains(" deposit address=bob.laptop ")).unwrap();
    let others = log.iter().rposition(|line| line.contains(" deposit address=bob ")).unwrap();
    assert!(last < others);
    assert_eq!(wait_for_history(&mut laptop, "alice", "them", 1), ["to both"]);
}

#[test]
fn contacts_and_timers_come_over_and_whatever_is_done_on_one_device_follows_on_the_other() {
    let world = World::new("devices-follow");
    let (mut alice, mut bob) = introduced(&world);
    bob.say("/verified alice");
    bob.wait_for("VERIFIED alice");
    bob.say("/timer alice 1h");
    alice.wait_for("TIMER bob 1h by them");
    let mut carol = world.person("carol");
    send(&mut carol, "bob", "an insult");
    bob.wait_for("REQUEST carol");
    bob.say("/block carol");
    bob.wait_for("BLOCKED carol");
    let mut laptop = linked(&world, &mut bob);
    alice.wait_for("DEVICE CAME bob bob.laptop");
    laptop.wait_for("TIMER alice 1h by us");
    laptop.say("/list");
    laptop.wait_for("CONTACT alice accepted verified timer=1h unread=0");
    laptop.wait_for("CONTACT carol blocked unverified timer=off unread=0");

    // Read here, read there; a message that has no end too.
    for timer in ["2h", "off"] {
        laptop.say(&format!("/timer alice {timer}"));
        bob.wait_for(&format!("TIMER alice {timer} by us"));
        alice.wait_for(&format!("TIMER bob {timer} by them"));
        let id = send(&mut alice, "bob", timer);
        bob.wait_for(&format!("UNREAD alice {id}"));
        laptop.wait_for(&format!("UNREAD alice {id}"));
        laptop.say("/read alice");
        laptop.wait_for(&format!("MESSAGE alice {id}"));
        bob.wait_for(&format!("READ ELSEWHERE alice {id}"));
        laptop.say("/close alice");
    }
    bob.say("/list");
    bob.wait_for("CONTACT alice accepted verified timer=off unread=0");

    // What can be opened once is opened on one of them.
    alice.say("/once bob the code is 4711");
    let id = alice.wait_for("QUEUED bob");
    bob.wait_for(&format!("UNREAD alice {id}"));
    laptop.wait_for(&format!("UNREAD alice {id}"));
    laptop.say(&format!("/open {id}"));
    laptop.wait_for(&format!("OPENED alice {id} the code is 4711"));
    bob.wait_for(&format!("EXPIRED alice {id}"));
    bob.say(&format!("/open {id}"));
    bob.wait_for("ERROR there is no such message");

    // A request that is accepted on one, and a contact that is blocked on one.
    let mut dave = world.person("dave");
    let asked = send(&mut dave, "bob", "it is me");
    bob.wait_for(&format!("REQUEST dave {asked}"));
    laptop.wait_for(&format!("REQUEST dave {asked}"));
    laptop.say("/accept dave");
    bob.wait_for("ACCEPTED dave");
    let answer = send(&mut bob, "dave", "I see");
    dave.wait_for(&format!("UNREAD bob {answer}"));
    laptop.wait_for(&format!("OURS dave {answer} I see"));
    laptop.say("/block dave");
    bob.wait_for("BLOCKED dave");
    assert_eq!(history(&mut bob, "dave", "them").unwrap(), Vec::<String>::new());
}

#[test]
fn somebody_new_is_a_contact_of_all_devices_and_files_are_opened_by_all() {
    let world = World::new("devices-files");
    let (mut alice, mut bob) = introduced(&world);
    let mut laptop = linked(&world, &mut bob);
    alice.wait_for("DEVICE CAME bob bob.laptop");
    // The laptop writes to somebody first: who it is, its list says, and the phone knows them too.
    let mut erin = world.person("erin");
    wait_for_list(&world, "erin");
    let first = send(&mut laptop, "erin", "hello Erin");
    erin.wait_for(&format!("REQUEST bob {first}"));
    bob.wait_for(&format!("OURS erin {first} hello Erin"));
    erin.say("/accept bob");
    erin.wait_for("ACCEPTED bob");
    let answer = send(&mut erin, "bob", "hello Bob");
    for process in [&mut bob, &mut laptop] {
        process.wait_for(&format!("UNREAD erin {answer}"));
    }

    let path = world.path("drawing.bin");
    let bytes: Vec<u8> = (0..200_000_u32).flat_map(|it| it.to_be_bytes()).collect();
    std::fs::write(&path, &bytes).unwrap();
    let saved = |process: &mut Process, id: &str, name: &str| {
        let place = world.path(name);
        process.say(&format!("/save {id} {}", place.display()));
        process.wait_for("SAVED");
        std::fs::read(place).unwrap()
    };
    alice.say(&format!("/send bob {}", path.display()));
    let theirs = alice.wait_for("QUEUED bob");
    laptop.wait_for(&format!("FETCHED alice {theirs}"));
    laptop.say("/read alice");
    laptop.wait_for(&format!("FILE alice {theirs}"));
    bob.wait_for(&format!("FETCHED alice {theirs}"));
    if bob.count(&format!("READ ELSEWHERE alice {theirs}")) == 0 {
        bob.wait_for(&format!("READ ELSEWHERE alice {theirs}"));
    }
    assert!(saved(&mut bob, &theirs, "of the phone") == bytes);
    assert!(saved(&mut laptop, &theirs, "of the laptop") == bytes);
    // Of one's own the other device has a copy, which it can open.
    bob.say(&format!("/send alice {}", path.display()));
    let ours = bob.wait_for("QUEUED alice");
    laptop.wait_for(&format!("OURS FILE alice {ours}"));
    laptop.wait_for(&format!("FETCHED alice {ours}"));
    assert!(saved(&mut laptop, &ours, "of ours") == bytes);
    laptop.say(&format!("/unsend {ours}"));
    alice.wait_for(&format!("UNSENT bob {ours}"));
    bob.wait_for(&format!("UNSENT alice {ours}"));
    // What came to a linked device can be reported there.
    let insult = send(&mut alice, "bob", "an insult");
    laptop.wait_for(&format!("MESSAGE alice {insult}"));
    laptop.say(&format!("/report {insult}"));
    laptop.wait_for(&format!("REPORTED alice {insult}"));
    assert!(world.reports().contains("PROVEN to bob.laptop at "), "{}", world.reports());
}

#[test]
fn devices_that_were_linked_apart_find_each_other() {
    let world = World::new("devices-three");
    let (mut alice, mut bob) = introduced(&world);
    let mut laptop = linked(&world, &mut bob);
    let mut tablet = world.person("bob.tablet");
    link(&mut bob, &mut tablet, ["bob", "bob.tablet"]);
    laptop.wait_for("DEVICE CAME bob bob.tablet");
    alice.wait_for("DEVICE CAME bob bob.tablet");
    // Between these two there was no session, and what one says, reads and decides comes to the other all the same.
    let id = send(&mut laptop, "alice", "from the laptop");
    tablet.wait_for(&format!("OURS alice {id} from the laptop"));
    bob.wait_for(&format!("OURS alice {id} from the laptop"));
    let answer = send(&mut alice, "bob", "to all three");
    for process in [&mut bob, &mut laptop, &mut tablet] {
        process.wait_for(&format!("UNREAD alice {answer}"));
    }
    tablet.say("/read alice");
    for process in [&mut bob, &mut laptop] {
        process.wait_for(&format!("READ ELSEWHERE alice {answer}"));
    }
    // One that is removed and linked again with another identity is known by the list, and nobody is asked.
    bob.say("/remove bob.tablet");
    tablet.wait_for("REMOVED bob");
    alice.wait_for("DEVICE WENT bob bob.tablet");
    tablet.kill();
    std::fs::remove_file(world.store("bob.tablet")).unwrap();
    world.free("bob.tablet");
    let mut tablet = world.person("bob.tablet");
    link(&mut bob, &mut tablet, ["bob", "bob.tablet"]);
    alice.wait_for("DEVICE CAME bob bob.tablet");
    let id = send(&mut tablet, "alice", "from the new tablet");
    assert_eq!(alice.wait_for("MESSAGE bob"), format!("{id} from the new tablet"));
    let answer = send(&mut alice, "bob", "I see");
    tablet.wait_for(&format!("UNREAD alice {answer}"));
    assert_eq!(alice.count("IDENTITY CHANGED"), 0);
}

#[test]
fn who_wrote_as_a_device_that_nobody_knew_is_one_with_its_person_once_a_list_says_so() {
    let world = World::new("devices-joined");
    let mut bob = world.person("bob");
    let mut laptop = linked(&world, &mut bob);
    let mut frank = world.person("frank");
    wait_for_list(&world, "frank");
    // As somebody whose release knows no lists: nothing of the kind goes to them.
    world.change_relay("DELETE FROM lists WHERE address = 'frank'");
    send(&mut laptop, "frank", "hello Frank");
    frank.wait_for("REQUEST bob.laptop");
    frank.say("/timer bob.laptop 1h");
    frank.wait_for("ERROR bob.laptop has asked first");
    frank.say("/accept bob.laptop");
    frank.wait_for("ACCEPTED bob.laptop");
    frank.say("/timer bob.laptop 1h");
    frank.wait_for("TIMER bob.laptop 1h by us");
    frank.wait_for("JOINED bob.laptop bob");
    let answer = send(&mut frank, "bob", "hello Bob");
    bob.wait_for(&format!("UNREAD frank {answer}"));
    laptop.wait_for(&format!("UNREAD frank {answer}"));
    assert_eq!(history(&mut frank, "bob", "them").unwrap(), ["hello Frank"]);
    frank.say("/list");
    frank.wait_for("CONTACT bob accepted unverified timer=1h unread=1");
    laptop.say("/list");
    laptop.wait_for("CONTACT frank accepted unverified timer=1h unread=1");
}

#[test]
fn killed_at_any_moment_all_devices_have_each_message_once() {
    let world = World::new("devices-kills");
    let (mut alice, mut bob) = introduced(&world);
    let mut laptop = linked(&world, &mut bob);
    alice.wait_for("DEVICE CAME bob bob.laptop");
    laptop.wait_for("ACCEPTED alice");
    for round in 0..8_u64 {
        alice.say(&format!("to bob a{round}"));
        laptop.say(&format!("to alice l{round}"));
        bob.say(&format!("to alice b{round}"));
        // What was said is stored when it is queued.
        alice.wait_for("QUEUED bob");
        laptop.wait_for("QUEUED alice");
        bob.wait_for("QUEUED alice");
        thread::sleep(Duration::from_millis(round * 7 % 23));
        let (killed, name) = match round % 3 {
            0 => (&mut alice, "alice"),
            1 => (&mut bob, "bob"),
            _ => (&mut laptop, "bob.laptop"),
        };
        killed.kill();
        *killed = world.person(name);
    }
    let numbered =
        |letter: &str| (0..8).map(|round| format!("{letter}{round}")).collect::<Vec<_>>();
    let sorted = |mut texts: Vec<String>| {
        texts.sort();
        texts
    };
    for (process, first) in [(&mut bob, Some("hello")), (&mut laptop, None)] {
        let expected: Vec<String> =
            numbered("a").into_iter().chain(first.map(str::to_owned)).collect();
        assert_eq!(sorted(wait_for_history(process, "alice", "them", expected.len())), expected);
        let first = first.map(|_| "hello too".to_owned());
        let expected: Vec<String> =
            numbered("b").into_iter().chain(first).chain(numbered("l")).collect();
        assert_eq!(sorted(wait_for_history(process, "alice", "us", expected.len())), expected);
    }
    let expected: Vec<String> =
        numbered("b").into_iter().chain(["hello too".into()]).chain(numbered("l")).collect();
    assert_eq!(sorted(wait_for_history(&mut alice, "bob", "them", expected.len())), expected);
}

#[test]
fn a_linked_device_asks_to_be_removed_and_linking_can_be_called_off() {
    let world = World::new("devices-unlink");
    let mut bob = world.person("bob");
    let mut laptop = world.person("bob.laptop");
    laptop.say("/link-confirm");
    laptop.wait_for("ERROR nothing is being linked");
    laptop.say("/link");
    let shown = laptop.wait_for("LINK CODE");
    let code = shown.split(' ').next().unwrap().to_owned();
    laptop.say("/link-cancel");
    laptop.wait_for("LINK CANCELLED");
    bob.say(&format!("/link {code}"));
    bob.wait_for("LINK READ bob.laptop");
    bob.say("/link-cancel");
    bob.wait_for("LINK CANCELLED");
    bob.say("/link-confirm");
    bob.wait_for("ERROR nothing is being linked");
    bob.say("/link AAAA");
    bob.wait_for("ERROR this is no code of a device");

    link(&mut bob, &mut laptop, ["bob", "bob.laptop"]);
    laptop.say("/link");
    laptop.wait_for("ERROR this device is linked");
    laptop.say(&format!("/link {code}"));
    laptop.wait_for("ERROR devices are linked by the owner's, bob");
    laptop.say("/unlink");
    laptop.wait_for("REMOVAL ASKED bob.laptop");
    bob.wait_for("REMOVAL ASKED bob.laptop");
    bob.say("/remove bob.laptop");
    bob.wait_for("DEVICE WENT bob bob.laptop");
    laptop.wait_for("REMOVED bob");
}

#[test]
fn a_screen_shows_a_code_that_another_device_reads_out_of_a_picture() {
    let world = World::new("devices-screens");
    let (bob, laptop) = (world.screen("bob"), world.tall_screen("bob.laptop", 40));
    for terminal in [&bob, &laptop] {
        terminal.wait_for("● online");
    }
    laptop.say("/link");
    laptop.wait_for("must show these digits");
    let digits = groups(&laptop.screen());
    assert_eq!(digits.len(), 6);
    let path = world.path("photograph.png");
    laptop.photograph().save(&path).unwrap();
    bob.say(&format!("/link {}", path.display()));
    bob.wait_for("Link bob.laptop?");
    assert_eq!(groups(&bob.screen()), digits);
    bob.press("y");
    bob.wait_for("Confirm there");
    laptop.wait_for("bob must show these digits");
    assert_eq!(groups(&bob.screen()), groups(&laptop.screen()));
    laptop.press("y");
    laptop.wait_for("this device is one of bob now");
    bob.wait_for("bob.laptop is linked");
    bob.press("\u{1b}");
    bob.say("/devices");
    bob.wait_for("Devices of bob");
    bob.wait_for("bob.laptop");
}
