//! Reports: what came can be proven to the relay's moderators, and nothing else.

use crate::person::{introduce, send};
use crate::world::World;

#[test]
fn a_message_is_reported_and_proven_to_have_come_and_says_nothing_of_who_sent_it() {
    let world = World::new("reports");
    let (mut alice, mut bob) = (world.person("alice"), world.person("bob"));
    introduce(&mut alice, &mut bob);
    let insult = send(&mut alice, "bob", "an insult");
    bob.wait_for(&format!("MESSAGE alice {insult}"));
    let kept = send(&mut alice, "bob", "something private");
    bob.wait_for(&format!("MESSAGE alice {kept}"));
    bob.say(&format!("/report {insult}"));
    bob.wait_for(&format!("REPORTED alice {insult}"));
    let reports = world.reports();
    let lines: Vec<&str> = reports.lines().collect();
    assert!(lines[0].starts_with("REPORT 1 by bob at "), "{reports}");
    assert!(lines[1].starts_with("  PROVEN to bob at "), "{reports}");
    assert!(lines[1].ends_with(", sender hidden: text an insult"), "{reports}");
    assert_eq!(lines[2..], ["REPORTS 1"]);
    assert!(!reports.contains("alice") && !reports.contains("private"), "{reports}");
    // A file is named by what its message says, and nothing of that orders a terminal about.
    let path = world.path("an\u{1b}[2J\u{202e}insult.png");
    std::fs::write(&path, [7; 2_500]).unwrap();
    alice.say(&format!("/send bob {}", path.display()));
    let file = alice.wait_for("QUEUED bob");
    bob.wait_for(&format!("FETCHED alice {file}"));
    bob.say(&format!("/report {file}"));
    bob.wait_for(&format!("REPORTED alice {file}"));
    let reports = world.reports();
    assert!(reports.contains(", sender hidden: file "), "{reports}");
    assert!(reports.contains(" image/png 2.5 kB an[2Jinsult.png\nREPORTS 2"), "{reports}");
    // What is ours is not for us to report; and a report that is altered proves nothing.
    alice.say(&format!("/report {insult}"));
    alice.wait_for("ERROR what others wrote can be reported");
    world.change_relay("UPDATE reports SET reporter = 'alice'");
    assert!(world.reports().contains("  NOT PROVEN it was delivered to bob"));
    world.change_relay("UPDATE server_key SET key = zeroblob(32)");
    assert!(world.reports().contains("  NOT PROVEN "));
}

#[test]
fn a_report_waits_for_the_relay_and_survives_its_message() {
    let mut world = World::new("reports-wait");
    let (mut alice, mut bob) = (world.person("alice"), world.person("bob"));
    introduce(&mut alice, &mut bob);
    let id = send(&mut alice, "bob", "an insult");
    bob.wait_for(&format!("MESSAGE alice {id}"));
    world.relay.kill();
    bob.wait_for("OFFLINE");
    bob.say(&format!("/report {id}"));
    bob.say(&format!("/delete {id}"));
    crate::person::settle(&mut bob).unwrap();
    // What proves it has gone with the message.
    assert_eq!(world.apart("bob").len(), 1);
    bob.say(&format!("/report {id}"));
    bob.wait_for("ERROR there is no such message");
    bob.kill();
    let mut bob = world.person_at("bob", &world.address);
    world.restart_relay();
    bob.wait_for(&format!("REPORTED alice {id}"));
    assert!(world.reports().contains(": text an insult"));
}
