//! Whatever happens to six devices and their messages, nothing is shown twice, nothing refused changes
//! anything, no key is used twice, and in the end everybody understands everybody.
//!
//! What can happen, and what holds after each event, is in `support/schedule.rs`.

mod support;

#[path = "support/schedule.rs"]
mod schedule;

use std::collections::BTreeSet;

use proptest::prelude::*;
use proptest::sample::select;
use rand_chacha::rand_core::Rng;
use schedule::{Event, events_from, live};
use support::{repeatable, rng};

/// Events on the links of these pairs: three times the device of the first person, and the other's.
fn event(pairs: Vec<u8>) -> impl Strategy<Value = Event> {
    let ends = |pair: &u8| [pair / 3, 3 + pair % 3];
    let links: Vec<_> =
        pairs.iter().flat_map(|pair| [*pair, 3 * (3 + pair % 3) + pair / 3]).collect();
    let devices: Vec<_> =
        pairs.iter().flat_map(ends).collect::<BTreeSet<_>>().into_iter().collect();
    let link = move || select(links.clone());
    let device = move || select(devices.clone());
    let waiting = || (device(), 0..6_u8);
    prop_oneof![
        40 => link().prop_map(|link| Event::Send { link }),
        40 => waiting().prop_map(|(to, place)| Event::Deliver { to, place }),
        3 => link().prop_map(|link| Event::BothBegin { link }),
        3 => link().prop_map(|link| Event::Begin { link }),
        3 => waiting().prop_map(|(to, place)| Event::Repeat { to, place }),
        3 => waiting().prop_map(|(to, place)| Event::Replay { to, place }),
        3 => waiting().prop_map(|(to, place)| Event::Delay { to, place }),
        3 => waiting().prop_map(|(to, place)| Event::Lose { to, place }),
        4 => (waiting(), 0..5_u8, any::<u8>())
            .prop_map(|((to, place), manner, at)| Event::Alter { to, place, manner, at }),
        3 => (waiting(), 0..18_u8).prop_map(|((to, place), link)| Event::Misdirect { to, place, link }),
        3 => device().prop_map(|device| Event::BackUp { device }),
        2 => device().prop_map(|device| Event::Crash { device }),
        3 => (device(), 0..4_u8).prop_map(|(device, backup)| Event::Restore { device, backup }),
        1 => device().prop_map(|device| Event::Reinstall { device }),
        3 => prop_oneof![6 => 0..4_u8, 1 => 4..8_u8].prop_map(|step| Event::Pass { step }),
        2 => (device(), 0..4_u8).prop_map(|(device, behind)| Event::SetClock { device, behind }),
        2 => device().prop_map(|device| Event::MaintainAccount { device }),
        2 => device().prop_map(|device| Event::MaintainPeers { device }),
    ]
}

/// Half of all schedules are about one pair, so that much happens to it.
fn schedule(longest: usize) -> impl Strategy<Value = Vec<Event>> {
    let pairs = prop_oneof![(0..9_u8).prop_map(|pair| vec![pair]), Just((0..9).collect())];
    pairs.prop_flat_map(move |pairs| prop::collection::vec(event(pairs), 0..longest))
}

proptest! {
    #![proptest_config(repeatable(128))]

    #[test]
    fn short_schedules_keep_every_promise(seed in 0..16_u64, events in schedule(25)) {
        live(seed, &events);
    }

    #[test]
    fn schedules_made_of_bytes_keep_every_promise(
        bytes in prop::collection::vec(any::<u8>(), 0..300),
    ) {
        live(1, &events_from(&bytes));
    }
}

proptest! {
    #![proptest_config(repeatable(32))]

    #[test]
    fn long_schedules_keep_every_promise(seed in 0..16_u64, events in schedule(150)) {
        live(seed, &events);
    }
}

/// Both ways of one link.
const THERE: u8 = 0;
const BACK: u8 = 9;
/// Its ends.
const NEAR: u8 = 0;
const FAR: u8 = 3;

fn nobody_stays_apart(events: &[Event]) {
    (0..16).for_each(|seed| drop(live(seed, events)));
}

#[test]
fn who_begins_anew_before_its_answer_is_heard_does_not_stay_apart() {
    nobody_stays_apart(&[
        Event::Send { link: THERE },
        Event::Deliver { to: FAR, place: 0 },
        Event::Send { link: BACK },
        Event::Begin { link: BACK },
    ]);
}

#[test]
fn a_new_session_that_overtakes_an_answer_in_the_old_one_keeps_nobody_apart() {
    nobody_stays_apart(&[
        Event::Send { link: BACK },
        Event::Deliver { to: NEAR, place: 0 },
        Event::Send { link: THERE },
        Event::Begin { link: THERE },
        Event::Send { link: THERE },
        Event::Deliver { to: FAR, place: 1 },
        Event::Deliver { to: FAR, place: 0 },
    ]);
}

#[test]
fn an_answer_that_overtakes_a_first_message_keeps_nobody_apart() {
    nobody_stays_apart(&[
        Event::Send { link: THERE },
        Event::Send { link: BACK },
        Event::Deliver { to: NEAR, place: 0 },
        Event::Send { link: THERE },
        Event::Deliver { to: FAR, place: 1 },
        Event::Send { link: BACK },
        Event::Deliver { to: FAR, place: 0 },
    ]);
}

/// So that the schedules are about something.
#[test]
fn schedules_meet_every_refusal_that_they_can_bring_about() {
    let (mut opened, mut refused) = (0, BTreeSet::new());
    for seed in 0..40 {
        let mut bytes = [0; 600];
        rng(seed).fill_bytes(&mut bytes);
        let outcome = live(seed, &events_from(&bytes));
        opened += outcome.opened;
        let names = outcome.refused.iter().map(|error| format!("{error:?}"));
        refused.extend(names.map(|name| name.split('(').next().unwrap_or_default().to_owned()));
    }
    assert!(opened > 1_000, "{opened}");
    for name in [
        "Malformed",
        "NoSession",
        "UnknownPreKey",
        "Undecryptable",
        "Duplicate",
        "Expired",
        "Replayed",
        "OtherAddress",
        "IdentityChanged",
    ] {
        assert!(refused.contains(name), "{name} is not among {refused:?}");
    }
}
