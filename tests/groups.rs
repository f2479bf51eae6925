//! Groups of people with several devices: who reads what as they come, go, leave, are away and come back.

#[path = "support/crowd.rs"]
mod crowd;
#[path = "support/household.rs"]
mod household;

use std::collections::BTreeSet;
use std::time::Duration;

use crowd::{Attendee, Crowd};
use evanesce::group::{
    Change, GroupChangeError, GroupDecryptError, GroupEncryptError, GroupEvent, GroupId, Role,
    SetsTimer,
};
use evanesce::person::{Contacts, Obstacle};
use evanesce::{Payload, PeerDecryptError};
use household::{Letter, Party, START};

/// Of three people with two devices each.
const ANNA: usize = 0;
const BEN: usize = 2;
const CARLA: usize = 4;

fn hours(hours: u64) -> Duration {
    Duration::from_secs(hours * 3_600)
}

#[test]
fn all_devices_of_all_members_read_what_any_of_them_writes() {
    let mut crowd = Crowd::new(&[2, 2, 2], 1);
    let id = crowd.create(ANNA, &[BEN, CARLA], b"hiking");
    crowd.settle();
    for device in 0..6 {
        let to = crowd.say(device, &id, &format!("from {device}"));
        assert_eq!(to.len(), 5);
        crowd.settle();
    }
    for device in 0..6 {
        let mut texts = crowd.texts(device);
        texts.sort();
        let expected: Vec<_> =
            (0..6).filter(|it| *it != device).map(|it| format!("from {it}")).collect();
        assert_eq!(texts, expected, "device {device}");
        assert_eq!(crowd.group(device, &id).about(), Some(&b"hiking"[..]));
        assert_eq!(crowd.group(device, &id).members().len(), 3);
    }
    // Once all have all chains, nothing but the message goes.
    crowd.say(BEN, &id, "again");
    assert!(crowd.under_way.iter().all(|it| it.is_broadcast) && crowd.under_way.len() == 5);
}

#[test]
fn who_was_removed_reads_nothing_from_the_next_message_of_each_on() {
    let mut crowd = Crowd::new(&[2, 2, 2], 2);
    let id = crowd.create(ANNA, &[BEN, CARLA], b"");
    crowd.settle();
    for device in 0..6 {
        crowd.say(device, &id, "before");
    }
    crowd.settle();
    crowd.remove(ANNA, &id, CARLA);
    crowd.settle();
    for device in 0..4 {
        let to = crowd.say(device, &id, "after");
        assert!(to.iter().all(|to| *to < CARLA), "{to:?}");
        // A carrier that gives it to them all the same.
        let mut copies = crowd.under_way.clone();
        copies.retain(|it| it.is_broadcast);
        copies.iter_mut().for_each(|copy| copy.to = CARLA);
        crowd.under_way.extend(copies);
        crowd.settle();
    }
    for device in 0..4 {
        assert_eq!(crowd.texts(device).iter().filter(|it| *it == "after").count(), 3);
    }
    for device in [CARLA, CARLA + 1] {
        assert!(!crowd.texts(device).contains(&"after".into()));
        assert!(!crowd.group(device, &id).is_member(&crowd.all[device].party.own));
        let refused = crowd.try_say(device, &id, &Payload::new("x"));
        assert_eq!(refused, Err(GroupEncryptError::NotAMember));
    }
    // They come back, and read from there on.
    let carla = crowd.owner(CARLA);
    crowd.change(ANNA, &id, &Change::add(&carla));
    crowd.settle();
    crowd.say(BEN, &id, "welcome");
    crowd.settle();
    crowd.say(CARLA, &id, "thanks");
    crowd.settle();
    for device in 0..6 {
        let texts = crowd.texts(device);
        assert!([BEN, CARLA].contains(&device) || texts.contains(&"welcome".into()));
        assert!(device == CARLA || texts.contains(&"thanks".into()), "{device} {texts:?}");
        assert!(device < CARLA || !texts.contains(&"after".into()));
    }
}

#[test]
fn one_call_leaves_for_an_admin_and_for_all_devices_of_a_person() {
    let mut crowd = Crowd::new(&[2, 2, 2], 3);
    let id = crowd.create(ANNA, &[BEN, CARLA], b"");
    crowd.settle();
    assert_eq!(crowd.leave(ANNA, &id), Err(GroupChangeError::Malformed), "the last admin");
    let ben = crowd.group(ANNA, &id).member(&crowd.owner(BEN)).unwrap();
    crowd.change(ANNA, &id, &Change::role(&ben, Role::Admin));
    crowd.settle();
    assert_eq!(crowd.leave(ANNA + 1, &id), Err(GroupChangeError::NotAnAdmin));
    crowd.leave(ANNA, &id).unwrap();
    crowd.settle();
    for device in [ANNA, ANNA + 1] {
        let refused = crowd.try_say(device, &id, &Payload::new("x"));
        assert_eq!(refused, Err(GroupEncryptError::NotAMember), "device {device}");
    }
    let anna = crowd.owner(ANNA).encode();
    for device in [ANNA + 1, BEN, BEN + 1, CARLA, CARLA + 1] {
        let left = GroupEvent::Left { group: id, owner: anna };
        assert!(crowd.all[device].events.contains(&left), "device {device}");
    }
    // Whoever is an admin signs it with what they send next, and need not be told to.
    let to = crowd.say(CARLA, &id, "without Anna");
    assert!(to.iter().all(|to| *to >= BEN));
    crowd.settle();
    assert_eq!(crowd.group(CARLA, &id).members().len(), 3);
    crowd.say(BEN, &id, "signed");
    crowd.settle();
    for device in BEN..6 {
        assert_eq!(crowd.group(device, &id).members().len(), 2, "device {device}");
        assert!(device == BEN || crowd.texts(device).contains(&"signed".into()));
    }
}

#[test]
fn whatever_call_signs_for_others_says_who_went() {
    let mut crowd = Crowd::new(&[1; 6], 31);
    let id = crowd.create(0, &[1, 2, 3, 4, 5], b"");
    crowd.settle();
    // What the one call brought about, and nothing else.
    let went = |crowd: &mut Crowd, left: usize, call: &dyn Fn(&mut Crowd)| {
        crowd.leave(left, &id).unwrap();
        let told = GroupEvent::Left { group: id, owner: crowd.owner(left).encode() };
        assert_eq!(crowd.all[left].events.last(), Some(&told));
        crowd.settle();
        crowd.all[0].events.clear();
        call(crowd);
        let events = std::mem::take(&mut crowd.all[0].events);
        let [GroupEvent::Changed { group, change }] = events.as_slice() else {
            panic!("{events:?}")
        };
        assert_eq!((*group, change.epoch), (id, crowd.group(0, &id).epoch()));
        assert_eq!(change.went, [crowd.owner(left).encode()]);
        assert_eq!(change.left, change.went);
        assert_eq!(change.by, crowd.owner(0).encode());
        crowd.settle();
        (change.came.clone(), change.about)
    };
    let none = (Vec::new(), false);
    assert_eq!(went(&mut crowd, 1, &|crowd| _ = crowd.say(0, &id, "hello")), none);
    assert_eq!(went(&mut crowd, 2, &|crowd| crowd.catch_up(0, &id)), none);
    assert_eq!(went(&mut crowd, 3, &|crowd| crowd.maintain(0)), none);
    let title = |crowd: &mut Crowd| crowd.change(0, &id, &Change::about(*b"title"));
    assert_eq!(went(&mut crowd, 4, &title), (Vec::new(), true), "both by one roster");
    // Where nothing is due, nothing is told.
    crowd.all[0].events.clear();
    crowd.say(0, &id, "hello");
    crowd.catch_up(0, &id);
    crowd.maintain(0);
    assert_eq!(crowd.all[0].events, []);
}

#[test]
fn a_change_tells_who_was_removed_from_who_had_left() {
    let mut crowd = Crowd::new(&[1; 5], 34);
    let [anna, ben, carla, dora, emil] = [0, 1, 2, 3, 4];
    let id = crowd.create(anna, &[ben, carla, dora, emil], b"");
    crowd.settle();
    // Emil hears nothing of it.
    crowd.leave(ben, &id).unwrap();
    crowd.under_way.retain(|it| it.to != emil);
    crowd.settle();
    crowd.all.iter_mut().for_each(|it| it.events.clear());
    let [bens, carlas] = [ben, carla].map(|device| crowd.owner(device));
    // One roster for both.
    crowd.remove(anna, &id, carla);
    crowd.settle();
    let told = |crowd: &mut Crowd, device: usize| {
        let events = std::mem::take(&mut crowd.all[device].events);
        let [GroupEvent::Changed { change, .. }] = events.as_slice() else { panic!("{events:?}") };
        let who = |owners: &[[u8; 64]]| owners.iter().copied().collect::<BTreeSet<_>>();
        (who(&change.went), who(&change.left))
    };
    let both = BTreeSet::from([bens.encode(), carlas.encode()]);
    for device in [anna, carla, dora] {
        let told = told(&mut crowd, device);
        assert_eq!(told, (both.clone(), [bens.encode()].into()), "device {device}");
    }
    assert_eq!(told(&mut crowd, emil), (both, BTreeSet::new()));
    // Who left, came back and was removed has not left.
    crowd.change(anna, &id, &Change::add(&bens));
    crowd.settle();
    crowd.all.iter_mut().for_each(|it| it.events.clear());
    crowd.remove(anna, &id, ben);
    crowd.settle();
    for device in [anna, dora, emil] {
        assert_eq!(told(&mut crowd, device), ([bens.encode()].into(), BTreeSet::new()));
    }
}

#[test]
fn who_left_is_not_shown_as_come_where_one_of_two_admins_had_not_heard_of_it() {
    let mut crowd = Crowd::new(&[1; 4], 37);
    let [anna, ben, carla, dora] = [0, 1, 2, 3];
    let id = under_two_admins(&mut crowd);
    crowd.leave(carla, &id).unwrap();
    crowd.under_way.retain(|it| it.to != anna);
    crowd.settle();
    crowd.all[dora].events.clear();
    // The junior drops her, and the senior does something else, whose roster counts.
    crowd.say(ben, &id, "dropped");
    crowd.change(anna, &id, &Change::about(*b"title"));
    crowd.settle();
    crowd.say(anna, &id, "dropped again");
    crowd.settle();
    let carlas = crowd.owner(carla).encode();
    for device in [ben, dora] {
        assert!(crowd.group(device, &id).member(&crowd.owner(carla)).is_none());
        let changes = crowd.all[device].events.iter().filter_map(|event| match event {
            GroupEvent::Changed { change, .. } => Some(change),
            _ => None,
        });
        let changes: Vec<_> = changes.collect();
        assert!(changes.iter().any(|change| change.went == [carlas]), "device {device}");
        for change in changes {
            assert_eq!((&change.came, &change.left), (&Vec::new(), &change.went), "{device}");
        }
    }
}

#[test]
fn who_comes_back_by_a_merge_is_told_with_the_message_that_brought_it() {
    let mut crowd = Crowd::new(&[1, 1, 1, 1], 32);
    let id = crowd.create(0, &[1, 2], b"");
    crowd.settle();
    let member = crowd.group(0, &id).member(&crowd.owner(1)).unwrap();
    crowd.change(0, &id, &Change::role(&member, Role::Admin));
    crowd.settle();
    // One admin takes somebody in and out, the other gives a title; the senior's counts.
    let (added, removed) = (crowd.owner(3), crowd.group(1, &id).member(&crowd.owner(2)).unwrap());
    crowd.change(1, &id, &Change::add(&added).and(Change::remove(&removed)));
    crowd.change(0, &id, &Change::about(*b"title"));
    crowd.settle();
    crowd.all[0].events.clear();
    crowd.say(0, &id, "hello");
    let events = &crowd.all[0].events;
    let [GroupEvent::Changed { change, .. }] = events.as_slice() else { panic!("{events:?}") };
    assert_eq!((&change.came[..], &change.went[..]), (&[added.encode()][..], &[removed.owner][..]));
}

#[test]
fn an_admin_who_leaves_is_told_that_they_stepped_down_and_left() {
    let mut crowd = Crowd::new(&[1, 1], 33);
    let id = crowd.create(0, &[1], b"");
    crowd.settle();
    let member = crowd.group(0, &id).member(&crowd.owner(1)).unwrap();
    crowd.change(0, &id, &Change::role(&member, Role::Admin));
    crowd.all[0].events.clear();
    crowd.leave(0, &id).unwrap();
    let us = crowd.owner(0).encode();
    let events = &crowd.all[0].events;
    let [GroupEvent::Changed { change, .. }, left] = events.as_slice() else {
        panic!("{events:?}")
    };
    assert_eq!(change.roles, [(us, Role::Member)]);
    assert_eq!(*left, GroupEvent::Left { group: id, owner: us });
}

#[test]
fn a_left_member_who_is_invited_again_writes_and_reads_like_all_others() {
    let mut crowd = Crowd::new(&[1, 1, 1], 4);
    let (anna, ben, carla) = (0, 1, 2);
    let id = crowd.create(anna, &[ben, carla], b"");
    crowd.settle();
    crowd.leave(ben, &id).unwrap();
    crowd.settle();
    crowd.say(anna, &id, "signed with this");
    crowd.settle();
    // More rosters than are kept, while Ben hears of none.
    for count in 0..20_u8 {
        crowd.change(anna, &id, &Change::about([count]));
        crowd.under_way.retain(|it| it.to != ben);
        crowd.settle();
    }
    let bens = crowd.owner(ben);
    crowd.change(anna, &id, &Change::add(&bens));
    crowd.settle();
    let again = |event: &GroupEvent| matches!(event, GroupEvent::Invited { again: true, .. });
    assert!(crowd.all[ben].events.iter().any(again));
    // What he missed is told as he joins, and that alone: that he had gone he never heard.
    let epoch = crowd.group(ben, &id).epoch();
    let told = |event: &&GroupEvent| matches!(event, GroupEvent::Changed { change, .. } if change.epoch == epoch);
    let told: Vec<_> = crowd.all[ben].events.iter().filter(told).collect();
    let [GroupEvent::Changed { change, .. }] = told[..] else { panic!("{told:?}") };
    assert_eq!((change.came.len(), change.went.len(), change.about), (0, 0, true));
    crowd.say(ben, &id, "here again");
    crowd.settle();
    for device in [anna, carla] {
        assert!(crowd.texts(device).contains(&"here again".into()));
        assert!(!crowd.group(device, &id).member(&bens).unwrap().is_withheld);
    }
    crowd.say(carla, &id, "hello Ben");
    crowd.settle();
    assert!(crowd.texts(ben).contains(&"hello Ben".into()));
}

#[test]
fn two_admins_who_act_at_the_same_time_come_to_one_group_and_nobody_is_lost() {
    let mut crowd = Crowd::new(&[1, 1, 1, 1, 1], 5);
    let [anna, ben, carla, dora, emil] = [0, 1, 2, 3, 4];
    let id = crowd.create(anna, &[ben, carla, dora], b"");
    crowd.settle();
    let member = crowd.group(anna, &id).member(&crowd.owner(ben)).unwrap();
    crowd.change(anna, &id, &Change::role(&member, Role::Admin));
    crowd.settle();
    // Ben takes Emil in and Carla out, Anna gives another title, and neither has heard of the other.
    let (emils, carlas) = (crowd.owner(emil), crowd.group(ben, &id).member(&crowd.owner(carla)));
    crowd.change(ben, &id, &Change::add(&emils).and(Change::remove(&carlas.unwrap())));
    crowd.change(anna, &id, &Change::about(*b"title"));
    crowd.settle();
    for device in [anna, ben, dora, emil] {
        crowd.say(device, &id, "hello");
        crowd.settle();
    }
    for _ in 0..3 {
        crowd.now = crowd.now.plus(hours(25));
        for device in 0..5 {
            crowd.maintain(device);
        }
        crowd.settle();
    }
    for device in [anna, ben, dora, emil] {
        let group = crowd.group(device, &id);
        assert_eq!(group.members().len(), 4, "device {device}");
        assert_eq!((group.about(), group.epoch()), (Some(&b"title"[..]), 3), "device {device}");
        assert!(group.member(&crowd.owner(carla)).is_none());
    }
    for (device, count) in [(anna, 3), (ben, 3), (dora, 3)] {
        let texts = crowd.texts(device);
        assert_eq!(texts.iter().filter(|it| *it == "hello").count(), count, "{device} {texts:?}");
    }
    crowd.say(dora, &id, "one group");
    crowd.settle();
    assert!([anna, ben, emil].iter().all(|it| crowd.texts(*it).contains(&"one group".into())));
    assert!(!crowd.texts(carla).contains(&"one group".into()));
}

#[test]
fn what_was_lost_is_named_asked_for_and_opens_when_it_comes() {
    let mut crowd = Crowd::new(&[1, 1, 1], 6);
    let id = crowd.create(0, &[1, 2], b"");
    crowd.settle();
    crowd.say(1, &id, "first");
    // The chain is lost on its way, the message is not.
    crowd.under_way.retain(|it| it.is_broadcast || it.to != 2);
    crowd.settle();
    assert_eq!(crowd.texts(2), ["first"], "asked for and answered within the exchange");
    crowd.say(2, &id, "second");
    crowd.under_way.retain(|it| it.is_broadcast);
    // Nobody answers at first.
    crowd.deliver(0);
    crowd.under_way.clear();
    assert_eq!(crowd.all[0].held.len(), 1);
    assert!(crowd.texts(0).iter().all(|text| text != "second"));
    crowd.maintain(0);
    assert!(crowd.under_way.is_empty(), "each name once a day");
    crowd.now = crowd.now.plus(hours(24));
    crowd.maintain(0);
    crowd.settle();
    assert!(crowd.texts(0).contains(&"second".into()) && crowd.all[0].held.is_empty());
}

#[test]
fn a_restored_device_never_uses_a_number_again() {
    let mut crowd = Crowd::new(&[1, 1], 7);
    let id = crowd.create(0, &[1], b"");
    crowd.settle();
    let backup = crowd.rows(0);
    crowd.say(0, &id, "lost to the backup");
    crowd.settle();
    crowd.put_back(0, &backup);
    let _ = crowd.all[0].groups.restored_from_backup();
    crowd.say(0, &id, "after it");
    crowd.settle();
    assert_eq!(crowd.texts(1), ["lost to the backup", "after it"]);
    // Unnoticed it is used again: nothing is shown, and a new chain is asked for.
    let backup = crowd.rows(0);
    crowd.say(0, &id, "seen");
    crowd.settle();
    crowd.put_back(0, &backup);
    crowd.say(0, &id, "not seen");
    crowd.settle();
    assert!(!crowd.texts(1).contains(&"not seen".into()));
    assert_eq!(crowd.all[1].refused, [GroupDecryptError::Forked]);
    crowd.say(0, &id, "healed");
    crowd.settle();
    assert!(crowd.texts(1).contains(&"healed".into()));
}

#[test]
fn a_refused_person_gets_no_chain_and_is_not_read() {
    let mut crowd = Crowd::new(&[1, 1, 1], 8);
    let id = crowd.create(0, &[1, 2], b"");
    crowd.settle();
    for device in 0..3 {
        crowd.say(device, &id, "before");
    }
    crowd.settle();
    let (owner, now) = (crowd.owner(2), crowd.now);
    let _ = crowd.all[1].party.refuse(&owner, now);
    crowd.say(2, &id, "refused");
    crowd.settle();
    assert!(!crowd.texts(1).contains(&"refused".into()));
    assert_eq!(crowd.all[1].refused, [GroupDecryptError::Refused]);
    let backup = crowd.rows(1);
    crowd.put_back(1, &backup);
    let _ = crowd.all[1].groups.restored_from_backup();
    crowd.say(1, &id, "not for them");
    crowd.settle();
    assert!(crowd.texts(0).contains(&"not for them".into()));
    assert!(!crowd.texts(2).contains(&"not for them".into()));
}

#[test]
fn roles_say_who_sets_the_timer() {
    let mut crowd = Crowd::new(&[2, 1], 9);
    let id = crowd.create(0, &[2], b"");
    crowd.settle();
    let may = |crowd: &Crowd, device: usize| {
        crowd.group(device, &id).may_set_timer(&crowd.all[device].party.own)
    };
    assert_eq!([0, 1, 2].map(|device| may(&crowd, device)), [true, true, false]);
    assert_eq!(crowd.group(2, &id).sets_timer(), SetsTimer::Admins);
    crowd.change(0, &id, &Change::sets_timer(SetsTimer::Members));
    crowd.settle();
    assert_eq!([0, 1, 2].map(|device| may(&crowd, device)), [true; 3]);
    let refused = crowd.try_change(2, &id, &Change::about(*b"x"));
    assert_eq!(refused, Err(GroupChangeError::NotAnAdmin));
    let refused = crowd.try_change(0, &id, &Change::sets_timer(SetsTimer::Members));
    assert_eq!(refused, Err(GroupChangeError::NothingToChange));
    assert!(crowd.now == START);
}

#[test]
fn an_own_device_that_was_linked_later_comes_in_by_another_own_device() {
    let mut crowd = Crowd::new(&[2, 1], 10);
    let id = crowd.create(2, &[0], b"title");
    // The second device of the first person hears of nothing yet.
    crowd.under_way.retain(|it| it.to != 1);
    crowd.settle();
    crowd.under_way.clear();
    let device = crowd.all[1].party.account.device();
    let attendee = &mut crowd.all[0];
    let group = attendee.groups.group_mut(&id).unwrap();
    let party = &mut attendee.party;
    let introduced = party.own.in_group(&party.account, group).introduce(&device);
    assert_eq!(introduced.changes.groups, [id]);
    crowd.say(0, &id, "hello");
    crowd.settle();
    assert_eq!(crowd.texts(1), ["hello"]);
    assert_eq!(crowd.group(1, &id).about(), Some(&b"title"[..]));
    crowd.say(1, &id, "from the second");
    crowd.settle();
    crowd.say(2, &id, "to both");
    crowd.settle();
    assert!(crowd.texts(1).contains(&"to both".into()));
    assert!(crowd.texts(2).contains(&"from the second".into()));
}

#[test]
fn a_removed_device_leaves_for_nobody_though_it_is_read_for_a_day() {
    let mut crowd = Crowd::new(&[1, 2, 1], 11);
    let id = crowd.create(0, &[1, 3], b"");
    crowd.settle();
    for device in 0..4 {
        crowd.say(device, &id, "before");
    }
    crowd.settle();
    let (address, now) = (crowd.all[2].party.address(), crowd.now);
    let Party { account, own, .. } = &mut crowd.all[1].party;
    let list = own.remove(account, &address, now).unwrap().clone();
    [0, 3].into_iter().for_each(|device| crowd.give_list(device, &list));
    crowd.leave(2, &id).unwrap();
    crowd.under_way.retain(|it| it.is_broadcast);
    crowd.settle();
    let left = |event: &GroupEvent| matches!(event, GroupEvent::Left { .. });
    assert!([0, 1, 3].iter().all(|device| !crowd.all[*device].events.iter().any(left)));
    assert_eq!(crowd.say(0, &id, "after"), [1, 3].into());
}

#[test]
fn a_message_that_comes_again_after_its_chain_was_dropped_is_shown_once() {
    let mut crowd = Crowd::new(&[1, 1], 12);
    let id = crowd.create(0, &[1], b"");
    crowd.settle();
    let renew = |crowd: &mut Crowd| {
        let Attendee { party, groups, .. } = &mut crowd.all[0];
        let group = groups.group_mut(&id).unwrap();
        let _ = party.own.in_group(&party.account, group).renew();
    };
    crowd.say(0, &id, "1");
    crowd.settle();
    renew(&mut crowd);
    crowd.say(0, &id, "2");
    // The carrier holds back the second chain, so that the third goes before it.
    let late = core::mem::take(&mut crowd.under_way);
    renew(&mut crowd);
    crowd.say(0, &id, "3");
    let third = crowd.under_way.iter().find(|it| it.is_broadcast).unwrap().clone();
    crowd.settle();
    renew(&mut crowd);
    crowd.say(0, &id, "4");
    crowd.settle();
    crowd.under_way.extend(late);
    crowd.settle();
    for text in ["5", "6"] {
        renew(&mut crowd);
        crowd.say(0, &id, text);
        crowd.settle();
    }
    crowd.restart(1);
    for _ in 0..2 {
        crowd.under_way.push(third.clone());
        crowd.settle();
        assert_eq!(crowd.texts(1), ["1", "3", "4", "2", "5", "6"]);
        crowd.restart(1);
    }
}

#[test]
fn who_is_refused_reads_nothing_from_the_next_message_on() {
    let mut crowd = Crowd::new(&[1, 1, 1], 13);
    let id = crowd.create(0, &[1, 2], b"");
    crowd.settle();
    crowd.say(0, &id, "before");
    crowd.settle();
    let (owner, now) = (crowd.owner(2), crowd.now);
    let _ = crowd.all[0].party.refuse(&owner, now);
    assert_eq!(crowd.say(0, &id, "after"), [1].into());
    crowd.settle();
    assert_eq!(crowd.texts(2), ["before"]);
    assert_eq!(crowd.texts(1), ["before", "after"]);
}

#[test]
fn who_comes_learns_the_lists_of_members_whom_nobody_has_published() {
    let mut crowd = Crowd::new(&[1, 1, 1], 14);
    // The third knows nobody but the first.
    let (first, now) = (crowd.owner(0), crowd.now);
    let contacts = &mut crowd.all[2].party.contacts;
    contacts.people.retain(|person| *person.owner() == first);
    crowd.begin(2, 0);
    let _ = crowd.all[2].party.accept(&first, now);
    let id = crowd.create(0, &[1, 2], b"");
    crowd.settle();
    assert!(crowd.person(2, &crowd.owner(1)).is_some_and(|person| person.list().is_some()));
    crowd.say(1, &id, "hello");
    crowd.settle();
    assert_eq!(crowd.texts(2), ["hello"]);
}

#[test]
fn a_stranger_who_invites_is_told_nothing_and_makes_nobody_known_before_the_user_joins() {
    let mut crowd = Crowd::new(&[1; 6], 15);
    let victim = 5;
    crowd.all[victim].party.contacts = Contacts::new();
    crowd.cut_off.extend(1..victim);
    crowd.create(0, &[1, 2, 3, 4, victim], b"");
    let letters: Vec<_> =
        crowd.under_way.drain(..).filter(|it| it.to == victim && !it.is_broadcast).collect();
    assert!(letters.len() >= 2);
    let Crowd { all, rng, now, .. } = &mut crowd;
    let Attendee { party, groups, .. } = &mut all[victim];
    for letter in letters {
        let letter = Letter { from: letter.from, bytes: letter.bytes };
        let delivered = party.decrypt(&letter, *now).unwrap();
        assert!(delivered.is_control && delivered.delivered.received.stamp.is_ok());
        let heard = groups.hear(&mut party.own, &mut party.contacts, &delivered, *now);
        let Party { account, own, contacts, .. } = party;
        let outgoing = groups.respond(own, account, contacts, &heard.wants, *now, rng);
        assert!(outgoing.is_empty(), "that somebody is there");
    }
    assert_eq!(groups.invitations(&party.own, *now).count(), 1);
    assert!(party.contacts.people.len() <= 1, "the stranger alone");
}

#[test]
fn a_leave_that_was_lost_is_told_to_the_admins_again() {
    let mut crowd = Crowd::new(&[1, 1, 1], 16);
    let id = crowd.create(0, &[1, 2], b"");
    crowd.settle();
    crowd.say(1, &id, "before");
    crowd.settle();
    crowd.leave(1, &id).unwrap();
    crowd.under_way.clear();
    assert_eq!(crowd.say(0, &id, "nobody knows"), [1, 2].into());
    crowd.settle();
    crowd.now = crowd.now.plus(hours(25));
    crowd.maintain(1);
    crowd.settle();
    assert_eq!(crowd.say(0, &id, "signed with this"), [2].into());
    crowd.settle();
    assert!(crowd.group(2, &id).member(&crowd.owner(1)).is_none());
    crowd.now = crowd.now.plus(hours(25));
    crowd.maintain(1);
    assert!(crowd.under_way.iter().all(|it| it.to != 2));
}

#[test]
fn all_hear_that_somebody_left_who_had_sessions_with_nobody() {
    let mut crowd = Crowd::new(&[1, 1, 1, 2], 36);
    let [anna, ben, carla, dora] = [0, 1, 2, 3];
    let id = crowd.create(anna, &[ben, carla, dora], b"");
    crowd.settle();
    // Nothing of either reaches anybody yet.
    crowd.cut_off = [anna, carla, dora, dora + 1].into();
    crowd.say(ben, &id, "farewell");
    crowd.leave(ben, &id).unwrap();
    crowd.settle();
    let told = GroupEvent::Left { group: id, owner: crowd.owner(ben).encode() };
    let has_heard = |crowd: &Crowd, device: usize| crowd.all[device].events.contains(&told);
    assert!(![carla, dora, dora + 1].iter().any(|device| has_heard(&crowd, *device)));
    crowd.cut_off.clear();
    crowd.maintain(ben);
    crowd.settle();
    for device in [anna, carla, dora, dora + 1] {
        assert!(has_heard(&crowd, device), "device {device}");
        assert!(crowd.texts(device).contains(&"farewell".into()), "device {device}");
    }
    // And that is all.
    crowd.now = crowd.now.plus(hours(25));
    crowd.maintain(ben);
    let told: Vec<_> = crowd.under_way.iter().map(|it| it.to).collect();
    assert_eq!(told, [anna], "the admin is told again");
}

#[test]
fn who_has_left_gives_nothing_to_whom_they_had_added_and_did_not_reach() {
    let mut crowd = Crowd::new(&[1; 4], 38);
    let [anna, ben, carla, emil] = [0, 1, 2, 3];
    let id = crowd.create(anna, &[ben, carla], b"");
    crowd.settle();
    let member = crowd.group(anna, &id).member(&crowd.owner(ben)).unwrap();
    crowd.change(anna, &id, &Change::role(&member, Role::Admin));
    crowd.settle();
    crowd.cut_off.insert(emil);
    let emils = crowd.owner(emil);
    crowd.change(ben, &id, &Change::add(&emils));
    crowd.leave(ben, &id).unwrap();
    crowd.settle();
    crowd.cut_off.clear();
    // It is no roster of an admin that he could give any more, and without one nothing that he gives can be read.
    for _ in 0..3 {
        crowd.begin(ben, emil);
        crowd.catch_up(ben, &id);
        crowd.maintain(ben);
        assert!(crowd.under_way.iter().all(|it| it.to != emil));
        crowd.settle();
        crowd.now = crowd.now.plus(hours(25));
    }
    // Whoever is an admin does not know that he lacks it, and is told to introduce him.
    let device = crowd.all[emil].party.account.device();
    let Crowd { all, rng, now, .. } = &mut crowd;
    let Attendee { party, groups, .. } = &mut all[anna];
    let Party { account, own, contacts, .. } = party;
    let group = groups.group_mut(&id).unwrap();
    let mut taking_part = own.in_group(account, group);
    let introduced = taking_part.introduce(&device).and(taking_part.catch_up(contacts, *now, rng));
    crowd.post(anna, introduced, Some(&id));
    crowd.settle();
    crowd.say(carla, &id, "welcome");
    crowd.settle();
    assert_eq!(crowd.texts(emil), ["welcome"]);
}

#[test]
fn who_did_not_hear_that_an_admin_stepped_down_and_left_reads_it_when_they_are_reached() {
    let mut crowd = Crowd::new(&[1; 4], 39);
    let [anna, ben, carla, dora] = [0, 1, 2, 3];
    let id = crowd.create(anna, &[ben, carla, dora], b"");
    crowd.settle();
    let member = crowd.group(anna, &id).member(&crowd.owner(ben)).unwrap();
    crowd.change(anna, &id, &Change::role(&member, Role::Admin));
    crowd.settle();
    crowd.say(dora, &id, "before");
    crowd.settle();
    crowd.cut_off = [anna, carla, dora].into();
    crowd.leave(ben, &id).unwrap();
    crowd.settle();
    let told = GroupEvent::Left { group: id, owner: crowd.owner(ben).encode() };
    crowd.cut_off = [anna].into();
    crowd.maintain(ben);
    crowd.settle();
    for device in [carla, dora] {
        assert!(crowd.all[device].events.contains(&told), "device {device}");
        assert_eq!(crowd.group(device, &id).roster(), crowd.group(ben, &id).roster());
    }
}

#[test]
fn who_has_left_is_told_of_nobody_to_reach_once_the_seed_of_what_they_said_is_gone() {
    let mut crowd = Crowd::new(&[1; 3], 40);
    let [anna, ben, carla] = [0, 1, 2];
    let id = crowd.create(anna, &[ben, carla], b"");
    crowd.settle();
    crowd.cut_off = [anna, carla].into();
    crowd.leave(ben, &id).unwrap();
    crowd.under_way.clear();
    for day in 0..10 {
        let Crowd { all, rng, now, .. } = &mut crowd;
        let Attendee { party, groups, .. } = &mut all[ben];
        let Party { account, own, contacts, .. } = party;
        let outgoing = groups.maintain(own, account, contacts, *now, rng);
        let missed: BTreeSet<_> = outgoing.unreached.into_iter().map(|it| it.to).collect();
        let carlas = crowd.all[carla].party.address();
        assert_eq!(missed.contains(&carlas), day <= 7, "on day {day}");
        crowd.now = crowd.now.plus(hours(24));
    }
}

#[test]
fn who_left_under_a_roster_that_lost_and_was_added_again_does_not_leave_again_when_that_is_forgotten()
 {
    let mut crowd = Crowd::new(&[1; 4], 41);
    let [anna, ben, carla, dora] = [0, 1, 2, 3];
    let id = under_two_admins(&mut crowd);
    let carlas = crowd.owner(carla);
    // The junior's branch is the longer one, and she leaves there; on the senior's she goes and comes again.
    for title in 0..5_u8 {
        crowd.change(ben, &id, &Change::about([title]));
    }
    crowd.under_way.retain(|it| it.to != anna);
    crowd.settle();
    crowd.leave(carla, &id).unwrap();
    crowd.under_way.retain(|it| it.to != anna);
    crowd.settle();
    let member = crowd.group(anna, &id).member(&carlas).unwrap();
    crowd.change(anna, &id, &Change::remove(&member));
    crowd.change(anna, &id, &Change::add(&carlas));
    crowd.settle();
    for title in 0..20_u8 {
        crowd.change(anna, &id, &Change::about([title, title]));
        crowd.settle();
        for device in [ben, dora] {
            let member = crowd.group(device, &id).member(&carlas).unwrap();
            assert!(!member.is_withheld, "device {device}, title {title}");
        }
    }
}

#[test]
fn who_came_in_by_a_roster_that_lost_comes_to_the_one_that_counts() {
    let mut crowd = Crowd::new(&[1, 1, 1, 1], 11);
    let [anna, ben, carla, dora] = [0, 1, 2, 3];
    let id = crowd.create(anna, &[ben, carla], b"");
    crowd.settle();
    let member = crowd.group(anna, &id).member(&crowd.owner(ben)).unwrap();
    crowd.change(anna, &id, &Change::role(&member, Role::Admin));
    crowd.settle();
    for device in [anna, ben, carla] {
        crowd.say(device, &id, "before");
        crowd.settle();
    }
    crowd.remove(anna, &id, carla);
    let doras = crowd.owner(dora);
    crowd.change(ben, &id, &Change::add(&doras));
    crowd.settle();
    // Both admins take her back at the same time, and she comes in by the roster of the one who is heard last.
    crowd.now = crowd.now.plus(hours(25));
    (0..4).for_each(|device| crowd.maintain(device));
    crowd.settle();
    for _ in 0..2 {
        crowd.now = crowd.now.plus(hours(25));
        (0..4).for_each(|device| crowd.maintain(device));
        crowd.settle();
        for device in [anna, ben, dora] {
            crowd.say(device, &id, "after");
            crowd.settle();
        }
    }
    for device in [anna, ben, dora] {
        assert_eq!(crowd.group(device, &id).members().len(), 3, "device {device}");
        assert_eq!(crowd.group(device, &id).roster(), crowd.group(anna, &id).roster());
    }
}

#[test]
fn who_writes_long_after_they_were_removed_learns_of_it() {
    let mut crowd = Crowd::new(&[1, 1, 1, 1], 21);
    let id = crowd.create(0, &[1, 2, 3], b"");
    crowd.settle();
    (0..4).for_each(|device| _ = crowd.say(device, &id, "before"));
    crowd.settle();
    // One has chains of the other, and one has none: what was to bring it is lost.
    let silent = 3;
    for away in [1, silent] {
        crowd.change(0, &id, &Change::about([u8::try_from(away).unwrap()]));
        crowd.remove(0, &id, away);
        crowd.under_way.retain(|it| it.to != away);
        crowd.settle();
    }
    let backup = crowd.rows(silent);
    crowd.put_back(silent, &backup);
    let _ = crowd.all[silent].groups.restored_from_backup();
    crowd.now = crowd.now.plus(hours(49));
    for away in [1, silent] {
        assert!(crowd.group(away, &id).is_member(&crowd.all[away].party.own));
        crowd.say(away, &id, "still here?");
    }
    crowd.settle();
    assert!(crowd.all[0].refused.contains(&GroupDecryptError::Former));
    for device in [0, 2] {
        assert!(!crowd.texts(device).contains(&"still here?".into()));
    }
    crowd.maintain(0);
    crowd.settle();
    for away in [1, silent] {
        assert!(!crowd.group(away, &id).is_member(&crowd.all[away].party.own), "{away}");
    }
}

#[test]
fn who_is_not_in_a_group_any_more_asks_for_nothing_though_they_are_given_every_message() {
    let mut crowd = Crowd::new(&[1, 1, 1, 1], 35);
    let [anna, ben, carla, dora] = [0, 1, 2, 3];
    let id = crowd.create(anna, &[ben, carla, dora], b"");
    crowd.settle();
    (0..4).for_each(|device| _ = crowd.say(device, &id, "before"));
    crowd.settle();
    crowd.leave(carla, &id).unwrap();
    crowd.settle();
    crowd.remove(anna, &id, ben);
    crowd.settle();
    for device in [ben, carla] {
        // Each holds the roster that dropped them, and no secret of it.
        assert!(!crowd.group(device, &id).is_member(&crowd.all[device].party.own));
    }
    assert!(!crowd.group(ben, &id).is_ready());
    let mut asked = [0; 2];
    for day in 0..30 {
        crowd.now = crowd.now.plus(hours(25));
        for (device, asked) in [ben, carla].into_iter().zip(&mut asked) {
            crowd.maintain(device);
            *asked += crowd.under_way.len();
            crowd.settle();
        }
        for by in [anna, dora] {
            crowd.say(by, &id, "without them");
            // A carrier that gives it to them all the same.
            let copies = crowd.under_way.iter().filter(|it| it.is_broadcast).cloned();
            let mut copies: Vec<_> = copies.take(2).collect();
            copies.iter_mut().zip([ben, carla]).for_each(|(copy, to)| copy.to = to);
            crowd.under_way.extend(copies);
            crowd.settle();
        }
        assert!(asked.iter().all(|asked| *asked <= 1), "on day {day}: {asked:?}");
    }
    // They are in it again, and read and write as before.
    for device in [ben, carla] {
        let owner = crowd.owner(device);
        crowd.change(anna, &id, &Change::add(&owner));
        crowd.settle();
        crowd.maintain(device);
        crowd.settle();
        assert!(crowd.group(device, &id).is_ready());
    }
    for (by, device) in [(anna, ben), (ben, carla), (carla, dora), (dora, ben)] {
        crowd.say(by, &id, &format!("by {by}"));
        crowd.settle();
        assert!(crowd.texts(device).contains(&format!("by {by}")), "{device}");
    }
}

#[test]
fn members_whose_session_was_lost_get_another_one_though_they_are_strangers() {
    let mut crowd = Crowd::new(&[1, 1, 1, 1, 1], 22);
    let id = crowd.create(0, &[1, 2, 3, 4], b"");
    crowd.settle();
    (0..5).for_each(|device| _ = crowd.say(device, &id, "before"));
    crowd.settle();
    // Nobody notices that one goes on from a backup. Since then new chains went both ways.
    let backup = crowd.rows(1);
    for gone in [3, 4] {
        crowd.remove(0, &id, gone);
        for _ in 0..2 {
            crowd.settle();
            (0..3).for_each(|device| _ = crowd.say(device, &id, "between"));
        }
    }
    crowd.settle();
    crowd.put_back(1, &backup);
    let about = |name: &str| Change::about(name.as_bytes());
    for day in ["one", "two", "three"] {
        crowd.change(0, &id, &about(day));
        (0..3).for_each(|device| _ = crowd.say(device, &id, &format!("{day} of {device}")));
        crowd.settle();
        crowd.now = crowd.now.plus(hours(25));
        (0..3).for_each(|device| crowd.maintain(device));
        crowd.settle();
    }
    for device in 0..3 {
        for other in (0..3).filter(|other| *other != device) {
            assert!(crowd.texts(device).contains(&format!("three of {other}")), "{device} {other}");
        }
    }
}

#[test]
fn admins_whom_a_leave_does_not_reach_are_named() {
    let mut crowd = Crowd::new(&[1, 1], 23);
    let id = crowd.create(0, &[1], b"");
    crowd.settle();
    crowd.leave(1, &id).unwrap();
    crowd.under_way.clear();
    crowd.all[1].party.contacts.peers.clear();
    crowd.now = crowd.now.plus(hours(25));
    crowd.cut_off.insert(0);
    for _ in 0..2 {
        let Crowd { all, rng, now, .. } = &mut crowd;
        let Attendee { party, groups, .. } = &mut all[1];
        let Party { account, own, contacts, .. } = party;
        let outgoing = groups.maintain(own, account, contacts, *now, rng);
        let [missed] = outgoing.unreached.as_slice() else { panic!("{outgoing:?}") };
        assert_eq!(missed.reason, Obstacle::NeedsSession);
    }
    crowd.cut_off.clear();
    crowd.maintain(1);
    crowd.settle();
    crowd.maintain(0);
    assert!(crowd.group(0, &id).member(&crowd.owner(1)).is_none());
}

#[test]
fn an_admin_who_has_left_signs_nothing_though_the_head_has_them_as_one() {
    let mut crowd = Crowd::new(&[1, 1, 1], 25);
    let [anna, ben, carla] = [0, 1, 2];
    let id = crowd.create(anna, &[ben, carla], b"");
    crowd.settle();
    let member = crowd.group(anna, &id).member(&crowd.owner(ben)).unwrap();
    crowd.change(anna, &id, &Change::role(&member, Role::Admin));
    crowd.settle();
    // Nobody hears that Ben steps down and leaves, and Anna's roster wins.
    crowd.leave(ben, &id).unwrap();
    crowd.under_way.clear();
    crowd.change(anna, &id, &Change::about(b"trip"));
    crowd.leave(carla, &id).unwrap();
    crowd.settle();
    let head = crowd.group(ben, &id).roster();
    assert_eq!(head, crowd.group(anna, &id).roster());
    let ben_is = crowd.group(ben, &id).member(&crowd.owner(ben)).unwrap().role;
    assert_eq!(ben_is, Role::Admin);
    let refused = crowd.try_change(ben, &id, &Change::about(b"still here"));
    assert_eq!(refused, Err(GroupChangeError::NotAnAdmin));
    crowd.now = crowd.now.plus(hours(25));
    crowd.maintain(ben);
    assert_eq!(crowd.group(ben, &id).roster(), head, "nor what is due for others");
}

#[test]
fn who_stepped_down_and_left_goes_though_nobody_else_heard_of_either() {
    let mut crowd = Crowd::new(&[1, 1, 1], 26);
    let [anna, ben, carla] = [0, 1, 2];
    let id = crowd.create(anna, &[ben, carla], b"");
    crowd.settle();
    let member = crowd.group(anna, &id).member(&crowd.owner(ben)).unwrap();
    crowd.change(anna, &id, &Change::role(&member, Role::Admin));
    crowd.settle();
    crowd.change(ben, &id, &Change::about(b"his last word"));
    crowd.leave(ben, &id).unwrap();
    crowd.under_way.clear();
    crowd.change(anna, &id, &Change::about(b"trip"));
    crowd.settle();
    // His rosters lost, and he answers nothing any more.
    crowd.now = crowd.now.plus(hours(25));
    crowd.maintain(ben);
    crowd.settle();
    crowd.maintain(anna);
    crowd.settle();
    for device in [anna, carla] {
        assert!(crowd.group(device, &id).member(&crowd.owner(ben)).is_none(), "device {device}");
    }
    assert_eq!(crowd.group(anna, &id).about(), Some(&b"trip"[..]));
    assert!(crowd.all[anna].groups.invitations(&crowd.all[anna].party.own, crowd.now).count() == 0);
}

/// The first makes a group of all and the second an admin, and all have written.
fn under_two_admins(crowd: &mut Crowd) -> GroupId {
    let others: Vec<usize> = (1..crowd.all.len()).collect();
    let id = crowd.create(0, &others, b"");
    crowd.settle();
    let member = crowd.group(0, &id).member(&crowd.owner(1)).unwrap();
    crowd.change(0, &id, &Change::role(&member, Role::Admin));
    crowd.settle();
    for device in 0..=others.len() {
        crowd.say(device, &id, "before");
        crowd.settle();
    }
    id
}

#[test]
fn the_word_of_an_admin_who_left_long_ago_takes_nobody_back() {
    let mut crowd = Crowd::new(&[1, 1, 1, 1], 26);
    let [anna, ben, carla, dora] = [0, 1, 2, 3];
    let id = under_two_admins(&mut crowd);
    crowd.change(ben, &id, &Change::about(b"his last word"));
    crowd.settle();
    crowd.leave(ben, &id).unwrap();
    crowd.settle();
    crowd.say(anna, &id, "dropped");
    crowd.settle();
    crowd.remove(anna, &id, dora);
    crowd.settle();
    // Beyond what is held of rosters.
    for title in 0..20_u8 {
        crowd.change(anna, &id, &Change::about([title]));
        crowd.settle();
    }
    let epoch = crowd.group(anna, &id).epoch();
    for day in 0..6 {
        crowd.now = crowd.now.plus(hours(25));
        (0..3).for_each(|device| crowd.maintain(device));
        crowd.settle();
        let to = crowd.say(anna, &id, "after");
        crowd.settle();
        assert_eq!(to, BTreeSet::from([carla]), "day {day}");
        assert_eq!([anna, carla].map(|device| crowd.group(device, &id).epoch()), [epoch; 2]);
    }
    assert!(!crowd.texts(dora).contains(&"after".into()));
}

#[test]
fn who_left_is_shown_the_roster_that_drops_them_and_says_it_no_more() {
    let mut crowd = Crowd::new(&[1, 1, 1], 29);
    let [anna, ben, carla] = [0, 1, 2];
    let id = crowd.create(anna, &[ben, carla], b"");
    crowd.settle();
    for device in 0..3 {
        crowd.say(device, &id, "before");
        crowd.settle();
    }
    crowd.leave(ben, &id).unwrap();
    crowd.settle();
    crowd.say(anna, &id, "dropped");
    crowd.settle();
    let said = |crowd: &mut Crowd| {
        crowd.now = crowd.now.plus(hours(25));
        let Crowd { all, rng, now, .. } = &mut *crowd;
        let Attendee { party, groups, .. } = &mut all[ben];
        let Party { account, own, contacts, .. } = party;
        let outgoing = groups.maintain(own, account, contacts, *now, rng);
        let said = outgoing.pairwise.len();
        crowd.post(ben, outgoing, Some(&id));
        crowd.settle();
        crowd.say(anna, &id, "after");
        crowd.settle();
        said
    };
    assert_eq!([said(&mut crowd), said(&mut crowd), said(&mut crowd)], [1, 0, 0]);
    assert!(crowd.group(ben, &id).member(&crowd.owner(ben)).is_none());
    assert_eq!(crowd.texts(ben), ["before"; 2]);
}

#[test]
fn nobody_writes_to_an_admin_who_left_though_no_other_is_there_to_drop_them() {
    let mut crowd = Crowd::new(&[1, 1, 1, 1], 27);
    let [anna, ben, carla, dora] = [0, 1, 2, 3];
    let id = under_two_admins(&mut crowd);
    // Nobody hears that he steps down and leaves, and she goes as one who is not the last admin.
    crowd.leave(ben, &id).unwrap();
    crowd.under_way.clear();
    crowd.change(anna, &id, &Change::about(b"trip"));
    crowd.settle();
    crowd.leave(anna, &id).unwrap();
    crowd.settle();
    for _ in 0..3 {
        crowd.now = crowd.now.plus(hours(25));
        (0..4).for_each(|device| crowd.maintain(device));
        crowd.settle();
    }
    assert_eq!(crowd.say(carla, &id, "after"), BTreeSet::from([dora]));
    // Who knows that the other admin left has to name one before.
    let mut crowd = Crowd::new(&[1, 1, 1], 28);
    let id = under_two_admins(&mut crowd);
    crowd.leave(ben, &id).unwrap();
    crowd.settle();
    assert_eq!(crowd.leave(anna, &id).err(), Some(GroupChangeError::Malformed));
}

#[test]
fn a_refusal_that_anybody_can_bring_about_keeps_no_member_waiting() {
    let mut crowd = Crowd::new(&[1, 1], 24);
    let id = crowd.create(0, &[1], b"");
    crowd.settle();
    (0..2).for_each(|device| _ = crowd.say(device, &id, "before"));
    crowd.settle();
    let now = crowd.now;
    let peer = &mut crowd.all[0].party.contacts.peers[0];
    assert!(peer.note_refusal(b"made up", &PeerDecryptError::Undecryptable, now).peer);
    // No session can be begun; a new chain goes in the one that there is.
    crowd.cut_off.insert(1);
    let Attendee { party, groups, .. } = &mut crowd.all[0];
    let Party { account, own, .. } = party;
    let _ = own.in_group(account, groups.group_mut(&id).unwrap()).renew();
    crowd.say(0, &id, "after");
    crowd.settle();
    assert_eq!(crowd.texts(1), ["before", "after"]);
    // Who reads alone is named once a day, until a session is begun.
    crowd.now = crowd.now.plus(hours(25));
    let Crowd { all, rng, now, .. } = &mut crowd;
    let Attendee { party, groups, .. } = &mut all[0];
    let Party { account, own, contacts, .. } = party;
    let outgoing = groups.maintain(own, account, contacts, *now, rng);
    assert_eq!(outgoing.unreached.len(), 1, "{outgoing:?}");
}
