//! Groups of people, each with a process of their own: made, joined, written in, changed and left.

use std::thread;
use std::time::{Duration, Instant};

use crate::devices::link;
use crate::person::{history, send, settle};
use crate::process::{PATIENCE, Process};
use crate::world::World;

const HIKING: &str = "#hiking";

/// Waits until a line that begins so has come, whenever that was, and gives the rest of it.
fn seen(process: &Process, start: &str) -> String {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let lines = process.lines();
        if let Some(line) = lines.iter().find(|line| line.starts_with(start)) {
            return line[start.len()..].trim_start().to_owned();
        }
        assert!(Instant::now() < deadline, "no line {start:?}, but these:\n{}", lines.join("\n"));
        thread::sleep(Duration::from_millis(20));
    }
}

/// Waits until a text of somebody is stored, and gives its id.
fn read(process: &mut Process, from: &str, text: &str) -> String {
    let deadline = Instant::now() + PATIENCE;
    let end = format!(" text {text}");
    loop {
        let lines = asked(process, "/history #hiking", "LINE #hiking ");
        let mut of_them = lines.iter().filter(|line| line.split(' ').nth(1) == Some(from));
        if let Some(line) = of_them.find(|line| line.ends_with(&end)) {
            return line.split(' ').next().unwrap().to_owned();
        }
        let all = process.lines().join("\n");
        assert!(Instant::now() < deadline, "{text:?} of {from} did not come:\n{all}");
        thread::sleep(Duration::from_millis(50));
    }
}

/// What an order is answered with, in lines that begin so.
fn asked(process: &mut Process, order: &str, start: &str) -> Vec<String> {
    settle(process).unwrap();
    let before = process.lines().len();
    process.say(order);
    settle(process).unwrap();
    let lines = process.lines();
    let answers = lines[before..].iter().filter_map(|line| line.strip_prefix(start));
    answers.map(str::to_owned).collect()
}

fn befriend(anna: &mut Process, other: &mut Process, name: &str) {
    send(anna, name, "hello");
    other.wait_for("REQUEST anna");
    other.say("/accept anna");
    other.wait_for("ACCEPTED anna");
    send(other, "anna", "hello too");
    seen(anna, &format!("UNREAD {name}"));
}

/// Anna, Ben with two devices, Carla and Dora.
struct Hikers {
    anna: Process,
    ben: Process,
    tablet: Process,
    carla: Process,
    dora: Process,
}

impl Hikers {
    /// Anna has invited all others, and they have joined and look at the group.
    fn of(world: &World) -> Self {
        let [mut anna, mut ben, mut carla, mut dora] =
            ["anna", "ben", "carla", "dora"].map(|name| world.person(name));
        befriend(&mut anna, &mut ben, "ben");
        befriend(&mut anna, &mut carla, "carla");
        befriend(&mut anna, &mut dora, "dora");
        let mut tablet = world.person("ben.tablet");
        link(&mut ben, &mut tablet, ["ben", "ben.tablet"]);
        anna.say("/group ben,carla,dora Hiking");
        seen(&anna, "GROUP #hiking you made the group Hiking");
        for process in [&mut ben, &mut carla, &mut dora] {
            seen(process, "GROUP #hiking anna invites you to Hiking");
            process.say("/join #hiking");
            seen(process, "GROUP #hiking anna made the group Hiking");
            seen(process, "GROUP #hiking you joined Hiking");
        }
        // Of the other device of who has joined nothing is asked.
        seen(&tablet, "GROUP #hiking you joined Hiking");
        let mut hikers = Self { anna, ben, tablet, carla, dora };
        hikers.all().into_iter().for_each(|process| process.say("/read #hiking"));
        hikers
    }

    fn all(&mut self) -> [&mut Process; 5] {
        let Self { anna, ben, tablet, carla, dora } = self;
        [anna, ben, tablet, carla, dora]
    }
}

fn members(process: &mut Process) -> Vec<String> {
    let mut members = asked(process, "/members #hiking", "MEMBER #hiking ");
    members.sort();
    members
}

#[test]
fn five_terminals_are_a_group() {
    let world = World::new("groups");
    let mut hikers = Hikers::of(&world);
    let people = ["anna", "ben", "ben", "carla", "dora"];

    // What each writes all others read, and who wrote it; of one's own other device it is one's own.
    for writer in 0..5 {
        let text = format!("from device {writer}");
        send(hikers.all()[writer], HIKING, &text);
        for (reader, process) in hikers.all().into_iter().enumerate() {
            let is_own = people[reader] == people[writer];
            read(process, if is_own { "us" } else { people[writer] }, &text);
        }
    }
    let all = ["anna admin", "ben", "dora", "you"];
    assert_eq!(members(&mut hikers.carla), all);

    // Who is killed goes on where they were, and what was written meanwhile comes.
    hikers.carla.kill();
    send(&mut hikers.dora, HIKING, "where is carla?");
    hikers.carla = world.person("carla");
    hikers.carla.say("/read #hiking");
    read(&mut hikers.carla, "dora", "where is carla?");
    let here = send(&mut hikers.carla, HIKING, "here again");
    for process in [&mut hikers.anna, &mut hikers.ben, &mut hikers.tablet, &mut hikers.dora] {
        assert_eq!(read(process, "carla", "here again"), here);
    }

    // Admins alone set the timer, and take back what others wrote.
    hikers.dora.say("/timer #hiking 1s");
    seen(&hikers.dora, "ERROR its admins alone set its timer");
    hikers.dora.say(&format!("/unsend {here}"));
    seen(&hikers.dora, "ERROR only its author takes a message back");
    hikers.anna.say(&format!("/unsend {here}"));
    for process in hikers.all() {
        seen(process, &format!("UNSENT #hiking {here}"));
    }
    hikers.anna.say("/timer #hiking 1s");
    seen(&hikers.anna, "TIMER #hiking 1s by us");
    for process in [&hikers.ben, &hikers.carla, &hikers.dora] {
        seen(process, "TIMER #hiking 1s by anna");
    }
    let short = send(&mut hikers.anna, HIKING, "not for long");
    for process in hikers.all() {
        seen(process, &format!("EXPIRED #hiking {short}"));
    }
    hikers.anna.say("/timer #hiking off");
    seen(&hikers.dora, "TIMER #hiking off by anna");
    hikers.anna.say("/once #hiking just once");
    let once = seen(&hikers.dora, "ONCE #hiking");
    let id = once.strip_suffix(" anna").unwrap();
    hikers.dora.say(&format!("/open {id}"));
    seen(&hikers.dora, &format!("OPENED #hiking {id} anna just once"));

    // Who was removed reads nothing from there on, and is told.
    hikers.anna.say("/kick #hiking carla");
    for process in [&hikers.ben, &hikers.tablet, &hikers.dora] {
        seen(process, "GROUP #hiking carla is not in the group any more");
    }
    seen(&hikers.carla, "GROUP #hiking you are not in the group any more");
    for (writer, text) in [(0, "without carla, from anna"), (1, "without carla, from ben")] {
        send(hikers.all()[writer], HIKING, text);
        read(&mut hikers.dora, people[writer], text);
    }
    send(&mut hikers.anna, "carla", "sorry");
    seen(&hikers.carla, "UNREAD anna");
    let texts = history(&mut hikers.carla, HIKING, "anna").unwrap();
    assert_eq!(texts, ["from device 0"]);
    hikers.carla.say("to #hiking hello?");
    seen(&hikers.carla, "ERROR you are not in #hiking any more");
    assert_eq!(members(&mut hikers.ben), ["anna admin", "dora", "you"]);

    // Who leaves is told of nobody, and the next message of an admin makes it a fact.
    hikers.dora.say("/leave #hiking");
    seen(&hikers.dora, "GROUP #hiking you left");
    for process in [&hikers.anna, &hikers.ben, &hikers.tablet] {
        seen(process, "GROUP #hiking dora left");
    }
    hikers.anna.say("/title #hiking Hiking without Dora");
    for process in [&hikers.anna, &hikers.ben, &hikers.tablet] {
        seen(process, "GROUP #hiking title is now Hiking without Dora");
    }
    send(&mut hikers.tablet, HIKING, "just us");
    read(&mut hikers.anna, "ben", "just us");
    assert_eq!(members(&mut hikers.ben), ["anna admin", "you"]);
    assert_eq!(hikers.ben.count("GROUP #hiking dora was removed"), 0);
    let texts = history(&mut hikers.dora, HIKING, "ben").unwrap();
    assert!(!texts.contains(&"just us".into()), "{texts:?}");
}

#[test]
fn a_device_that_is_linked_later_reads_on_and_strangers_reach_each_other() {
    let world = World::new("groups-later");
    let [mut anna, mut ben, mut carla] = ["anna", "ben", "carla"].map(|name| world.person(name));
    befriend(&mut anna, &mut ben, "ben");
    befriend(&mut anna, &mut carla, "carla");
    anna.say("/group ben Hiking");
    seen(&anna, "GROUP #hiking you made the group Hiking");
    seen(&ben, "GROUP #hiking anna invites you to Hiking");
    ben.say("/join #hiking");
    seen(&ben, "GROUP #hiking you joined Hiking");
    send(&mut ben, HIKING, "before");
    read(&mut anna, "ben", "before");

    let mut tablet = world.person("ben.tablet");
    link(&mut ben, &mut tablet, ["ben", "ben.tablet"]);
    seen(&tablet, "GROUP #hiking you joined Hiking");
    seen(&anna, "DEVICE CAME ben ben.tablet");
    // Who comes reads on from there.
    anna.say("/invite #hiking carla");
    for process in [&anna, &ben, &tablet] {
        seen(process, "GROUP #hiking carla came");
    }
    seen(&carla, "GROUP #hiking anna invites you to Hiking");
    assert_eq!(asked(&mut carla, "/groups", "GROUP "), ["#hiking anna invites you to Hiking"]);
    carla.say("to #hiking hello");
    seen(&carla, "ERROR you are invited: /join #hiking");
    carla.say("/accept #hiking");
    seen(&carla, "GROUP #hiking you joined Hiking");
    send(&mut carla, HIKING, "hello all");
    send(&mut tablet, HIKING, "hello carla");
    read(&mut anna, "ben", "hello carla");
    read(&mut ben, "us", "hello carla");
    read(&mut carla, "ben", "hello carla");
    read(&mut ben, "carla", "hello all");
    read(&mut tablet, "carla", "hello all");
    assert_eq!(asked(&mut carla, "/list", "CONTACT ben").len(), 0, "nobody is made a contact");

    // All come out of their stores, and a file goes to all.
    for process in [&mut anna, &mut ben, &mut tablet, &mut carla] {
        process.kill();
    }
    let [mut anna, mut ben, mut tablet, mut carla] =
        ["anna", "ben", "ben.tablet", "carla"].map(|name| world.person(name));
    let path = world.path("map.txt");
    std::fs::write(&path, "x".repeat(100_000)).unwrap();
    carla.say(&format!("/send #hiking {}", path.display()));
    for process in [&mut anna, &mut ben, &mut tablet] {
        let id = seen(process, "FETCHED #hiking");
        let lines = asked(process, "/history #hiking", &format!("LINE #hiking {id} carla "));
        assert!(lines[0].contains("100000 whole text/plain map.txt"), "{lines:?}");
    }

    // An older store goes on with chains of its own, and others read it.
    ben.say("/restored");
    seen(&ben, "RESTORED");
    send(&mut ben, HIKING, "restored");
    read(&mut anna, "ben", "restored");
    read(&mut carla, "ben", "restored");

    // Who wrote to nobody yet writes to a member, who is a contact then; who asked first is a request as ever.
    let id = send(&mut carla, "ben", "only to you");
    seen(&ben, &format!("REQUEST carla {id}"));

    // An invitation that is declined leaves nothing.
    anna.say("/group carla Hiking");
    seen(&anna, "GROUP #hiking-2 you made the group Hiking");
    seen(&carla, "GROUP #hiking-2 anna invites you to Hiking");
    carla.say("/decline #hiking-2");
    seen(&carla, "REFUSED #hiking-2");
    assert_eq!(asked(&mut carla, "/groups", "GROUP "), ["#hiking is Hiking, with 3 in it"]);
    ben.say("/kick #hiking carla");
    seen(&ben, "ERROR only an admin does that");
    anna.say("/leave #hiking");
    seen(&anna, "ERROR you are its only admin");
}
