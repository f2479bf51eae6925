//! A faulty carrier: people get over it, and all that can be delivered is, once and in order.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::thread;
use std::time::Duration;

use crate::person::{introduce, send, wait_for_history};
use crate::proxy::Proxy;
use crate::world::World;

const MESSAGES: usize = 16;

#[test]
fn a_carrier_that_drops_repeats_reorders_and_damages_loses_nothing() {
    let world = World::new("faults");
    let (mut alice, mut bob) = (world.person("alice"), world.person("bob"));
    introduce(&mut alice, &mut bob);
    drop((alice, bob));
    let proxy = Proxy::start(&world.address, 7, 6);
    let [mut alice, mut bob] = ["alice", "bob"].map(|name| world.person_at(name, &proxy.address));
    for number in 0..MESSAGES {
        alice.say(&format!("to bob a{number}"));
        bob.say(&format!("to alice b{number}"));
        thread::sleep(Duration::from_millis(50));
    }
    for _ in 0..MESSAGES {
        alice.wait_for("SENT bob");
        bob.wait_for("SENT alice");
    }
    let expected = |first: &str, letter: &str| -> Vec<String> {
        let numbered = (0..MESSAGES).map(|number| format!("{letter}{number}"));
        [first.to_owned()].into_iter().chain(numbered).collect()
    };
    for (process, with, expected) in [
        (&mut bob, "alice", expected("hello", "a")),
        (&mut alice, "bob", expected("hello too", "b")),
    ] {
        assert_eq!(wait_for_history(process, with, "them", expected.len()), expected);
    }
    println!("dropped, repeated, held back, damaged: {:?}", proxy.counts());
    assert!(proxy.counts().iter().all(|count| *count > 0), "{:?}", proxy.counts());
}

#[test]
fn a_broken_frame_ends_its_own_connection_and_nobody_elses() {
    let world = World::new("frames");
    let (mut alice, mut bob) = (world.person("alice"), world.person("bob"));
    let broken: [&[u8]; 4] = [
        b"GET / HTTP/1.1\r\n\r\n",
        &[0xff; 64],
        &[0; 12],
        &[0, 0, 0, 1, 1, 2, 3, 4, 5, 6, 7, 8, 9],
    ];
    for bytes in broken {
        let mut connection = TcpStream::connect(&world.address).unwrap();
        connection.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        connection.write_all(bytes).unwrap();
        let mut answer = Vec::new();
        // Closed, with a reason before it unless bytes that nobody read cut that off.
        let _ = connection.read_to_end(&mut answer);
        assert!(answer.len() < 64);
    }
    let mut silent = TcpStream::connect(&world.address).unwrap();
    silent.write_all(&[0, 0]).unwrap();
    send(&mut alice, "bob", "still here");
    bob.wait_for("REQUEST alice");
    assert_eq!(world.relay.lines().iter().filter(|line| line.contains(" closed ")).count(), 4);
}

#[test]
fn who_takes_all_connections_stops_nobody_who_has_one() {
    let world = World::new("crowd");
    let (mut alice, mut bob) = (world.person("alice"), world.person("bob"));
    introduce(&mut alice, &mut bob);
    let mut crowd: Vec<_> = (0..260).map(|_| TcpStream::connect(&world.address).unwrap()).collect();
    let mut last = crowd.pop().unwrap();
    last.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    let mut answer = Vec::new();
    last.read_to_end(&mut answer).unwrap();
    assert!(!answer.is_empty(), "it is told why");
    send(&mut alice, "bob", "still here");
    bob.wait_for("MESSAGE alice");
    drop(crowd);
    world.person("carol");
}
