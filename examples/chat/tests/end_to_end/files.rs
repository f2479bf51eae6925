//! Files: they arrive whole or not at all, whoever is killed, whatever the relay does; and they go with their messages.

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use image::{Rgb, RgbImage};
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

use crate::lives::{assert_gone, new_rows};
use crate::person::{introduce, settle};
use crate::process::{PATIENCE, Process};
use crate::proxy::Proxy;
use crate::world::{World, contains};

/// A file of so many bytes, in which nothing repeats.
fn file(world: &World, name: &str, length: usize) -> (PathBuf, Vec<u8>) {
    let mut bytes = vec![0; length];
    ChaCha20Rng::seed_from_u64(u64::try_from(length).unwrap()).fill_bytes(&mut bytes);
    let path = world.path(name);
    fs::write(&path, &bytes).unwrap();
    (path, bytes)
}

fn send(process: &mut Process, to: &str, path: &Path) -> String {
    process.say(&format!("/send {to} {}", path.display()));
    process.wait_for(&format!("QUEUED {to}"))
}

/// Saves a file that came, and gives its bytes.
fn saved(process: &mut Process, id: &str, path: &Path) -> Vec<u8> {
    process.say(&format!("/save {id} {}", path.display()));
    process.wait_for("SAVED");
    fs::read(path).unwrap()
}

fn introduced(world: &World) -> (Process, Process) {
    let (mut alice, mut bob) = (world.person("alice"), world.person("bob"));
    introduce(&mut alice, &mut bob);
    (alice, bob)
}

fn count(relay: &Process, parts: [&str; 2]) -> usize {
    let lines = relay.lines();
    lines.iter().filter(|line| parts.iter().all(|part| line.contains(part))).count()
}

fn wait_until(what: &str, fits: impl Fn() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !fits() {
        assert!(Instant::now() < deadline, "{what}");
        thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn a_file_arrives_whole_though_all_are_killed_on_its_way() {
    let mut world = World::new("files-kills");
    let (mut alice, mut bob) = introduced(&world);
    bob.kill();
    let (path, bytes) = file(&world, "large.bin", 5_000_000);
    let id = send(&mut alice, "bob", &path);
    alice.wait_for(&format!("SENDING bob {id}"));
    alice.kill();
    let before = count(&world.relay, ["put-blob", "in="]);
    assert!(before < 76, "it was sent too soon");
    let mut alice = world.person("alice");
    alice.wait_for(&format!("SENDING bob {id}"));
    assert_eq!(count(&world.relay, ["put-blob", " offset=0 "]), 1, "it goes on where it was");
    world.restart_relay();
    alice.wait_for(&format!("SENT bob {id}"));

    let mut bob = world.person("bob");
    bob.wait_for(&format!("FETCHING alice {id}"));
    bob.kill();
    let before = count(&world.relay, ["get-blob", "out="]);
    assert!(before < 76, "it was fetched too soon");
    let mut bob = world.person("bob");
    bob.wait_for(&format!("FETCHED alice {id}"));
    assert_eq!(count(&world.relay, ["get-blob", " offset=0 "]), 1, "it goes on where it was");
    bob.say("/read alice");
    bob.wait_for(&format!("FILE alice {id} 5000000 whole application/octet-stream large.bin"));
    let place = world.path("saved.bin");
    assert!(saved(&mut bob, &id, &place) == bytes);
    // What is there stays.
    fs::write(&place, "something else").unwrap();
    bob.say(&format!("/save {id} {}", place.display()));
    bob.wait_for("ERROR");
    assert_eq!(fs::read(&place).unwrap(), b"something else");
    // The relay was told of nobody's blob.
    for line in world.relay.lines().iter().filter(|line| line.contains("-blob ")) {
        assert!(!line.contains("alice") && !line.contains("bob"), "{line}");
    }
}

#[test]
fn a_file_gets_over_a_carrier_that_drops_repeats_reorders_and_damages() {
    let world = World::new("files-faults");
    drop(introduced(&world));
    let proxy = Proxy::start(&world.address, 11, 3);
    let [mut alice, mut bob] = ["alice", "bob"].map(|name| world.person_at(name, &proxy.address));
    let (path, bytes) = file(&world, "small.bin", 1_000_000);
    let id = send(&mut alice, "bob", &path);
    alice.wait_for(&format!("SENT bob {id}"));
    bob.wait_for(&format!("FETCHED alice {id}"));
    bob.say("/read alice");
    bob.wait_for(&format!("FILE alice {id}"));
    assert!(saved(&mut bob, &id, &world.path("saved.bin")) == bytes);
    println!("dropped, repeated, held back, damaged: {:?}", proxy.counts());
}

#[test]
fn what_the_relay_altered_is_named_and_refused_and_comes_when_it_is_right() {
    let world = World::new("files-altered");
    let (mut alice, mut bob) = introduced(&world);
    bob.kill();
    let (path, bytes) = file(&world, "five.bin", 300_000);
    let id = send(&mut alice, "bob", &path);
    alice.wait_for(&format!("SENT bob {id}"));
    let [blob] = &world.blobs()[..] else { panic!("one blob") };
    let flip = || {
        let mut stored = fs::read(blob).unwrap();
        stored[2 * 65_552 + 100] ^= 1;
        fs::write(blob, stored).unwrap();
    };
    flip();
    let mut bob = world.person("bob");
    bob.say("/read alice");
    for what in ["fetched again", "fetched again", "refused"] {
        bob.wait_for(&format!("ALTERED alice {id} chunk 2 of 5: {what}"));
    }
    bob.wait_for(&format!("STOPPED alice {id} the relay has altered it"));
    let place = world.path("saved.bin");
    bob.say(&format!("/save {id} {}", place.display()));
    bob.wait_for("ERROR the relay has altered it");
    assert!(!place.exists());
    // What was final before is not fetched again.
    flip();
    bob.say(&format!("/fetch {id}"));
    bob.wait_for(&format!("FETCHED alice {id}"));
    assert_eq!(count(&world.relay, ["get-blob", " offset=0 "]), 1);
    assert!(saved(&mut bob, &id, &place) == bytes);
}

#[test]
fn another_file_is_not_taken_for_this_one() {
    let world = World::new("files-another");
    let (mut alice, mut bob) = introduced(&world);
    bob.kill();
    let ids: Vec<String> = ["one.bin", "two.bin"]
        .into_iter()
        .enumerate()
        .map(|(number, name)| {
            let path = world.path(name);
            fs::write(&path, vec![u8::try_from(number).unwrap(); 100_000]).unwrap();
            let id = send(&mut alice, "bob", &path);
            alice.wait_for(&format!("SENT bob {id}"));
            id
        })
        .collect();
    let [one, two] = &world.blobs()[..] else { panic!("two blobs") };
    let aside = world.path("aside");
    fs::rename(one, &aside).unwrap();
    fs::rename(two, one).unwrap();
    fs::rename(&aside, two).unwrap();
    let mut bob = world.person("bob");
    // Whichever is fetched first.
    for _ in &ids {
        bob.wait_for("STOPPED alice");
    }
    for id in &ids {
        let line = format!("ALTERED alice {id} the top: refused");
        assert!(bob.lines().contains(&line), "{:?}", bob.lines());
    }
    // One that ends too soon.
    fs::rename(one, &aside).unwrap();
    fs::rename(two, one).unwrap();
    fs::rename(&aside, two).unwrap();
    for blob in [one, two] {
        File::options().write(true).open(blob).unwrap().set_len(65_000).unwrap();
    }
    bob.say(&format!("/fetch {}", ids[0]));
    bob.wait_for(&format!("STOPPED alice {} the relay has altered it", ids[0]));
    assert!(world.pieces("bob").is_empty());
}

#[test]
fn who_saves_a_file_goes_on_meanwhile_and_quits_when_it_is_there() {
    let world = World::new("files-saving");
    let (mut alice, mut bob) = introduced(&world);
    let (path, bytes) = file(&world, "large.bin", 10_000_000);
    let id = send(&mut alice, "bob", &path);
    bob.say("/read alice");
    bob.wait_for(&format!("FETCHED alice {id}"));
    let place = world.path("saved.bin");
    bob.say(&format!("/save {id} {}", place.display()));
    bob.say("to alice meanwhile");
    bob.wait_for("QUEUED alice");
    assert!(!bob.lines().iter().any(|line| line.starts_with("SAVED")), "{:?}", bob.lines());
    assert!(!place.exists());
    bob.say("/quit");
    bob.wait_for(&format!("SAVED alice {id}"));
    assert!(fs::read(&place).unwrap() == bytes);
    // Whose message ends meanwhile is not saved, and nothing is left of it.
    let mut bob = world.person("bob");
    let place = world.path("inner");
    fs::create_dir(&place).unwrap();
    bob.say(&format!("/save {id} {}", place.display()));
    bob.say(&format!("/delete {id}"));
    bob.wait_for("ERROR its message has ended meanwhile");
    assert_eq!(fs::read_dir(&place).unwrap().count(), 0);
    // Nor is what was not waited for.
    let id = send(&mut alice, "bob", &path);
    bob.say("/read alice");
    bob.wait_for(&format!("FETCHED alice {id}"));
    bob.say(&format!("/save {id} {}", place.display()));
    bob.say("/quit");
    bob.say("/quit");
    assert!(bob.wait_or_end("never said").is_none());
    assert_eq!(fs::read_dir(&place).unwrap().count(), 0);
}

#[test]
fn a_blob_of_another_length_than_its_reference_says_is_refused() {
    let world = World::new("files-longer");
    let (mut alice, mut bob) = introduced(&world);
    bob.kill();
    let (path, _) = file(&world, "short.bin", 1_000);
    let id = send(&mut alice, "bob", &path);
    alice.wait_for(&format!("SENT bob {id}"));
    let [blob] = &world.blobs()[..] else { panic!("one blob") };
    File::options().append(true).open(blob).unwrap().write_all(&[7; 32]).unwrap();
    world.change_relay("UPDATE blobs SET length = length + 32, stored = stored + 32");
    let mut bob = world.person("bob");
    bob.wait_for(&format!("ALTERED alice {id} its length: refused"));
    bob.wait_for(&format!("STOPPED alice {id}"));
    assert!(world.pieces("bob").is_empty());
}

#[test]
fn a_file_goes_with_its_message_and_nothing_of_it_stays() {
    let world = World::new("files-expiry");
    let (mut alice, mut bob) = introduced(&world);
    alice.say("/timer bob 8s");
    bob.wait_for("TIMER alice 8s by them");
    settle(&mut alice).unwrap();
    let before = ["alice", "bob"].map(|name| world.rows(name));
    let (path, bytes) = file(&world, "forgotten.bin", 200_000);
    let id = send(&mut alice, "bob", &path);
    bob.wait_for(&format!("FETCHED alice {id}"));
    let after = ["alice", "bob"].map(|name| world.rows(name));
    let [pieces] = &world.pieces("bob")[..] else { panic!("one file") };
    assert_eq!(pieces.len(), 200_000 + 4 * 50);
    let expired = [("alice", &mut alice, "bob"), ("bob", &mut bob, "alice")];
    for (_, process, with) in expired {
        process.wait_for(&format!("EXPIRED {with} {id}"));
        if with == "alice" {
            // Who had it has the relay forget it, too.
            wait_until("the blob goes", || world.blobs().is_empty());
        }
        process.kill();
    }
    assert!(world.pieces("bob").is_empty());
    for (place, name) in ["alice", "bob"].into_iter().enumerate() {
        let there = world.rows(name);
        let gone: Vec<_> = new_rows(&before[place], &after[place])
            .into_iter()
            .filter(|(row, _)| !there.iter().any(|(other, _)| other == row))
            .collect();
        assert_gone(&world, name, &gone);
        for part in [&bytes[..16], b"forgotten.bin"] {
            assert!(!contains(&world.bytes(name), part));
        }
    }
}

#[test]
fn an_upload_that_is_taken_back_ends_at_the_relay_too() {
    let world = World::new("files-unsent");
    let (mut alice, mut bob) = introduced(&world);
    // A conversation has a record from what was sent first since it is known with whom it is.
    crate::person::send(&mut alice, "bob", "a word before");
    settle(&mut alice).unwrap();
    let before = world.rows("alice");
    let (path, _) = file(&world, "large.bin", 20_000_000);
    let id = send(&mut alice, "bob", &path);
    alice.wait_for(&format!("SENDING bob {id}"));
    let during = world.rows("alice");
    alice.say(&format!("/unsend {id}"));
    alice.wait_for(&format!("UNSENT bob {id}"));
    wait_until("the blob goes", || world.blobs().is_empty());
    wait_until("the rows go", || world.rows("alice").len() <= before.len() + 1);
    alice.kill();
    // The message, its record, and the upload with the key.
    let there = world.rows("alice");
    let gone: Vec<_> = new_rows(&before, &during)
        .into_iter()
        .filter(|(row, _)| !there.iter().any(|(other, _)| other == row))
        .collect();
    assert!(gone.len() >= 2, "{} rows went", gone.len());
    assert!(there.len() <= before.len() + 1, "{} rows, and {} before", there.len(), before.len());
    // Of one that has arrived, the blob and what was fetched go as well.
    let (mut alice, (path, _)) = (world.person("alice"), file(&world, "small.bin", 70_000));
    let id = send(&mut alice, "bob", &path);
    bob.wait_for(&format!("FETCHED alice {id}"));
    alice.say(&format!("/unsend {id}"));
    bob.wait_for(&format!("UNSENT alice {id}"));
    wait_until("the blob goes", || world.blobs().is_empty());
    settle(&mut bob).unwrap();
    assert!(world.pieces("bob").is_empty());
}

#[test]
fn a_file_that_changes_on_its_way_is_not_sent() {
    let world = World::new("files-changed");
    let (mut alice, _bob) = introduced(&world);
    let (path, mut bytes) = file(&world, "changing.bin", 10_000_000);
    let id = send(&mut alice, "bob", &path);
    alice.wait_for(&format!("SENDING bob {id}"));
    alice.kill();
    // Where it has not been read yet: the checkpoint alone would not notice.
    bytes[9_999_999] ^= 1;
    fs::write(&path, &bytes).unwrap();
    // Before it is online, perhaps.
    let mut alice = world.person_at("alice", &world.address);
    alice.wait_for(&format!("FAILED bob {id} the file has changed since"));
    wait_until("the blob goes", || world.blobs().is_empty());
}

#[test]
fn a_name_of_others_is_a_name_and_no_path() {
    let world = World::new("files-name");
    let (mut alice, mut bob) = introduced(&world);
    let (path, bytes) = file(&world, "..\\..\\.evil\u{202e}gnp.sh", 100);
    let id = send(&mut alice, "bob", &path);
    bob.wait_for(&format!("FETCHED alice {id}"));
    assert!(bob.lines().iter().any(|line| line.ends_with(" evilgnp.sh")), "{:?}", bob.lines());
    let inner = world.path("inner");
    fs::create_dir(&inner).unwrap();
    bob.say(&format!("/save {id} {}", inner.display()));
    bob.wait_for("SAVED");
    assert_eq!(fs::read(inner.join("evilgnp.sh")).unwrap(), bytes);
    assert_eq!(fs::read_dir(&inner).unwrap().count(), 1);
}

#[test]
fn what_is_too_much_is_refused_and_said() {
    let world = World::with_room("files-room", 1);
    let (mut alice, mut bob) = introduced(&world);
    let (path, _) = file(&world, "large.bin", 2_000_000);
    let id = send(&mut alice, "bob", &path);
    alice.wait_for(&format!("FAILED bob {id} the relay has no room"));
    assert!(world.blobs().is_empty());
    let giant = world.path("giant.bin");
    File::create(&giant).unwrap().set_len(100 << 20).unwrap();
    alice.say(&format!("/send bob {}", giant.display()));
    alice.wait_for("ERROR the file has 104.8 MB: 64 MB or so are the most");
    alice.say(&format!("/send bob {}", world.path("missing").display()));
    alice.wait_for("ERROR");
    // What fits goes.
    let (path, _) = file(&world, "empty.bin", 0);
    let id = send(&mut alice, "bob", &path);
    bob.wait_for(&format!("FETCHED alice {id}"));
    assert!(saved(&mut bob, &id, &world.path("saved.bin")).is_empty());
}

#[test]
fn a_picture_is_shown_and_nothing_else_is() {
    let world = World::new("files-picture");
    let (alice, bob) = crate::screens::introduced(&world);
    RgbImage::from_pixel(40, 20, Rgb([200, 10, 10])).save(world.path("red.png")).unwrap();
    alice.say(&format!("/send {}", world.path("red.png").display()));
    bob.wait_for("picture red.png");
    wait_until("it is here", || !bob.screen().contains('%'));
    bob.say("/show");
    bob.wait_for("red.png from alice");
    bob.wait_for("▀▀▀▀");
    bob.press("\r");
    bob.wait_until_gone("red.png from alice");
    fs::write(world.path("blue.png"), "no picture").unwrap();
    alice.say(&format!("/send {}", world.path("blue.png").display()));
    bob.wait_for("picture blue.png");
    wait_until("it is here", || !bob.screen().contains('%'));
    bob.say("/show");
    bob.wait_for("it is no picture, or too large a one");
}
