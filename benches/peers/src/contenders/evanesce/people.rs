//! People with several devices, of suite 1, who agree on their lists.

use evanesce::person::{FanOut, Person, PersonDelivered};
use evanesce::{Delivered, Encrypted};

use crate::contenders::household::{Household, adopt, body, longest_list};
use crate::conversation::chain;
use crate::row::{MOST_DEVICES, SMALL};
use crate::work::{Stretches, Work, repeated};

/// How many devices a message goes to.
const DEVICES: usize = 6;

/// How many, where it goes to four people who have as many as a list may.
const MANY_DEVICES: usize = 4 * MOST_DEVICES;

pub fn encrypting() -> Box<dyn Work> {
    let (begun, payload) = (Household::agreed(0), body(SMALL));
    Box::new(Stretches {
        uses: chain(SMALL),
        at_once: 1,
        prepare: move || begun.copy(),
        operate: move |household: &mut Household, _| household.fan_out(&payload),
        check: |_: &mut Household, sent: FanOut| assert_eq!(sent.messages.len(), DEVICES),
    })
}

pub fn encrypting_one_by_one() -> Box<dyn Work> {
    let (begun, payload) = (Household::agreed(0), body(SMALL));
    Box::new(Stretches {
        uses: chain(SMALL),
        at_once: 1,
        prepare: move || begun.copy(),
        operate: move |household: &mut Household, _| household.one_by_one(&payload),
        check: |_: &mut Household, sent: Vec<Encrypted>| assert_eq!(sent.len(), DEVICES),
    })
}

pub fn encrypting_for_many() -> Box<dyn Work> {
    let (begun, payload) = (Household::of_many(), body(SMALL));
    Box::new(Stretches {
        uses: chain(SMALL),
        at_once: 1,
        prepare: move || begun.copy(),
        operate: move |household: &mut Household, _| household.fan_out_to_all(&payload),
        check: |_: &mut Household, sent: Vec<FanOut>| {
            let messages: usize = sent.iter().map(|sent| sent.messages.len()).sum();
            assert_eq!(messages, MANY_DEVICES);
        },
    })
}

pub fn encrypting_for_many_one_by_one() -> Box<dyn Work> {
    let (begun, payload) = (Household::of_many(), body(SMALL));
    Box::new(Stretches {
        uses: chain(SMALL),
        at_once: 1,
        prepare: move || begun.copy(),
        operate: move |household: &mut Household, _| household.one_by_one(&payload),
        check: |_: &mut Household, sent: Vec<Encrypted>| assert_eq!(sent.len(), MANY_DEVICES),
    })
}

pub fn decrypting() -> Box<dyn Work> {
    let mut begun = Household::agreed(0);
    let messages = begun.messages_to_us(SMALL, chain(SMALL));
    Box::new(Stretches {
        uses: chain(SMALL),
        at_once: 1,
        prepare: move || begun.copy(),
        operate: move |household: &mut Household, number: usize| {
            household.decrypt(&messages[number])
        },
        check: |_: &mut Household, got: PersonDelivered| {
            assert_eq!(got.delivered.received.body, body(SMALL).body);
        },
    })
}

pub fn decrypting_by_peer() -> Box<dyn Work> {
    let mut begun = Household::agreed(0);
    let messages = begun.messages_to_us(SMALL, chain(SMALL));
    Box::new(Stretches {
        uses: chain(SMALL),
        at_once: 1,
        prepare: move || begun.copy(),
        operate: move |household: &mut Household, number: usize| {
            household.decrypt_by_peer(&messages[number])
        },
        check: |_: &mut Household, got: Delivered| {
            assert_eq!(got.received.body, body(SMALL).body);
        },
    })
}

pub fn adopting() -> Box<dyn Work> {
    let list = longest_list();
    repeated(
        2,
        move |_| adopt(&list),
        |person: Person| {
            let devices = person.list().expect("it was adopted").devices();
            assert_eq!(devices.len(), MOST_DEVICES);
        },
    )
}
