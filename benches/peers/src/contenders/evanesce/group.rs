//! A group of people with a device each, of suite 1, in which all have all chains.

use std::cell::RefCell;

use evanesce::Payload;
use evanesce::group::{Group, GroupDelivered, GroupId, GroupOutgoing};

use crate::crowd::{Attendee, Crowd};
use crate::household::Party;
use crate::row::{MEMBERS, MESSAGES};
use crate::work::{Stretches, Work};

/// No associated data.
const AD: &[u8] = b"";

/// In which each has sent the first message of its chain.
fn met() -> (Crowd, GroupId) {
    let mut crowd = Crowd::new(&[1; MEMBERS], 7);
    let others: Vec<usize> = (1..MEMBERS).collect();
    let id = crowd.create(0, &others, b"");
    crowd.settle();
    for device in 0..MEMBERS {
        crowd.say(device, &id, "first");
        crowd.settle();
    }
    (crowd, id)
}

fn encrypt(crowd: &mut Crowd, group: &mut Group, payload: &Payload) -> GroupOutgoing {
    let Crowd { all, rng, now, .. } = crowd;
    let Party { account, own, contacts, .. } = &mut all[0].party;
    own.in_group(account, group).encrypt(contacts, payload, AD, *now, rng).expect("a member")
}

pub fn encrypting(payload: &Payload) -> Box<dyn Work> {
    let ((crowd, id), payload) = (met(), payload.clone());
    let begun = crowd.group(0, &id).snapshot();
    let crowd = RefCell::new(crowd);
    Box::new(Stretches {
        uses: MESSAGES,
        at_once: 1,
        prepare: move || Group::restore(&begun).expect("just written"),
        operate: move |group: &mut Group, _| encrypt(&mut crowd.borrow_mut(), group, &payload),
        check: |_: &mut Group, sent: GroupOutgoing| {
            assert!(sent.pairwise.is_empty());
            assert_eq!(sent.broadcasts[0].to.len(), MEMBERS - 1);
        },
    })
}

pub fn decrypting(payload: &Payload) -> Box<dyn Work> {
    let (mut crowd, id) = met();
    let mut sending = Group::restore(&crowd.group(0, &id).snapshot()).expect("just written");
    let mut messages = Vec::new();
    for _ in 0..MESSAGES {
        let sent = encrypt(&mut crowd, &mut sending, payload);
        messages.extend(sent.broadcasts.into_iter().map(|broadcast| broadcast.message));
    }
    let begun = crowd.group(1, &id).snapshot();
    let (crowd, expected) = (RefCell::new(crowd), payload.body.clone());
    Box::new(Stretches {
        uses: MESSAGES,
        at_once: 1,
        prepare: move || Group::restore(&begun).expect("just written"),
        operate: move |group: &mut Group, number: usize| {
            let Crowd { all, now, .. } = &mut *crowd.borrow_mut();
            let Attendee { party: Party { own, contacts, .. }, .. } = &mut all[1];
            group.decrypt(own, contacts, &messages[number], AD, *now).expect("it opens")
        },
        check: move |_: &mut Group, got: GroupDelivered| assert_eq!(got.received.body, expected),
    })
}
