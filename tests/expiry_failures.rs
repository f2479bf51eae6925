//! Each failure of disappearing messages that was seen in the field, told as it happened, and how it ends here.

#[path = "support/expiry.rs"]
mod expiry;
mod support;

use std::num::NonZeroU32;
use std::time::Duration;

use evanesce::expiry::{
    Age, ContentKey, ConversationId, DeviceEvent, Due, EditError, ExpiryEvent, ExpiryScheduler,
    MalformedStamp, MemberTag, MessageId, NewMessage, Now, OpenError, Opens, Parts, PartsAdded,
    Policy, Setting, SettingRefusal, SettingVersion, Stamp, Verdict, Visibility,
};
use evanesce::limits::SessionLimits;
use evanesce::{Account, Payload, Peer, PeerDecryptError};

use expiry::{
    ALICE, BOB, CHAT, Clock, DAY, Device, HOUR, Letter, MINUTE, SECOND, Told, WEEK, pass,
};
use support::layout::ORDINARY_COMMITMENT;
use support::pair::{Pair, Side, between_all_suites};
use support::{AD, Draws, NOW, in_each_suite, receive, refusal, restored, rng, started_in, state};

fn after_send(life: Duration) -> Policy {
    Policy::after_send(life)
}

fn after_read(life: Duration) -> Policy {
    Policy::after_read(life)
}

/// Alice and Bob, after she has made this setting and he has heard of it.
fn two_with(policy: Option<Policy>) -> (Device, Device) {
    let (mut alice, mut bob) = (Device::new(ALICE), Device::new(BOB));
    alice.sets(policy);
    deliver_change(&mut alice, &mut bob);
    (alice, bob)
}

/// A message without a body tells the setting.
fn deliver_change(from: &mut Device, to: &mut Device) -> Told {
    let stamp = change_of(from);
    to.does(|scheduler, now| scheduler.heard(CHAT, &stamp, Age::NONE, now))
}

fn change_of(from: &Device) -> Result<Stamp, MalformedStamp> {
    let bytes = from.scheduler.stamp(CHAT).announcing_change().encode();
    Ok(Stamp::decode(&bytes).unwrap().0)
}

fn policy_of(device: &Device) -> Option<Policy> {
    device.setting().expect("a setting was made").policy
}

/// A letter of Bob's with a stamp of any kind.
fn letter(id: u64, stamp: &Stamp) -> Letter {
    Letter { id: id.into(), author: BOB, stamp: stamp.encode() }
}

fn stamp_of(policy: Policy) -> Stamp {
    Stamp::NONE.with_policy(policy)
}

/// Bob's setting, of that version.
fn setting(version: u64, policy: Option<Policy>) -> Setting {
    Setting { version: SettingVersion::new(version).unwrap(), policy, by: BOB }
}

fn changed(previous: Option<Setting>, setting: Option<Setting>) -> ExpiryEvent {
    ExpiryEvent::SettingChanged { conversation: CHAT, previous, setting: setting.unwrap() }
}

const ECHO_DUE: ExpiryEvent = ExpiryEvent::EchoDue { conversation: CHAT };

fn due(id: u64, parts: Parts) -> (MessageId, Parts) {
    (id.into(), parts)
}

fn ids_and_parts(due: &[Due]) -> Vec<(MessageId, Parts)> {
    due.iter().map(|due| (due.id, due.parts)).collect()
}

/// What is due now, left as it is.
fn polled(device: &mut Device) -> Vec<(MessageId, Parts)> {
    ids_and_parts(&device.does(|scheduler, now| scheduler.poll(100, now)))
}

/// Just before its life is over the message is there, and then it is not, whatever was polled.
fn lives_exactly(device: &mut Device, id: u64, life: Duration) {
    assert_eq!(device.remaining(id), Some(life));
    device.clock.pass(life - Duration::from_millis(1));
    assert_eq!(device.sees(id), Visibility::Shown);
    assert!(device.purges().is_empty());
    device.clock.pass(Duration::from_millis(1));
    assert_eq!(device.sees(id), Visibility::Gone);
    assert_eq!(ids_and_parts(&device.purges()), [due(id, Parts::BODY)]);
    assert_eq!(device.sees(id), Visibility::Gone);
}

/// Both send a change before they hear of the other's; the last one received won, and they swapped timers.
#[test]
fn failure_01_peers_that_change_it_at_the_same_moment_do_not_stay_apart() {
    let choices = [
        Some(after_send(HOUR)),
        Some(after_read(HOUR)),
        Some(after_send(DAY)),
        Some(Policy::OnClose),
        None,
    ];
    for hers in choices {
        for his in choices {
            let (mut alice, mut bob) = two_with(Some(after_send(WEEK)));
            alice.sets(hers);
            bob.sets(his);
            let (from_alice, from_bob) = (alice.sends(1), bob.sends(2));
            let (before_alice, before_bob) = (alice.setting(), bob.setting());
            assert!(before_alice != before_bob);
            let (_, told_bob) = bob.gets(&from_alice);
            let (_, told_alice) = alice.gets(&from_bob);

            let agreed = alice.setting();
            assert_eq!(agreed, bob.setting());
            assert!(agreed == before_alice || agreed == before_bob, "nobody chose this");
            // Whoever gave way is told what was superseded.
            for (before, told) in [(before_alice, told_alice), (before_bob, told_bob)] {
                let superseded = told.events.contains(&changed(before, agreed));
                assert_eq!(superseded, before != agreed);
            }
            // What each sends from then on changes nothing any more.
            let (from_alice, from_bob) = (alice.sends(3), bob.sends(4));
            assert!(bob.gets(&from_alice).1.nobody() && alice.gets(&from_bob).1.nobody());
        }
    }
    // The stricter one holds, whoever chose it.
    for (hers, his) in [(HOUR, DAY), (DAY, HOUR)] {
        let (mut alice, mut bob) = two_with(None);
        alice.sets(Some(after_send(hers)));
        bob.sets(Some(after_send(his)));
        let from_bob = bob.sends(1);
        alice.gets(&from_bob);
        assert_eq!(policy_of(&alice), Some(after_send(HOUR)));
    }
}

/// Bob's message left before he heard of Alice's change, and arrives after it.
#[test]
fn failure_02_a_message_in_flight_does_not_revert_a_change() {
    // To a shorter life, to a longer one, and to none: strictness alone must not decide.
    for policy in [Some(after_send(MINUTE)), Some(after_send(WEEK)), None] {
        let (mut alice, mut bob) = two_with(Some(after_send(HOUR)));
        let in_flight = [bob.sends(1), bob.sends(2)];
        alice.sets(policy);
        let chosen = alice.setting();

        let (verdict, told) = alice.gets(&in_flight[0]);
        assert_eq!(verdict, Verdict::Keep);
        assert_eq!(alice.setting(), chosen);
        // It lives as its author meant it, and Bob is to be told, once.
        assert_eq!(alice.remaining(1), Some(HOUR));
        assert_eq!(told.events, [ECHO_DUE]);
        assert!(alice.gets(&in_flight[1]).1.nobody());

        let told = deliver_change(&mut alice, &mut bob);
        assert_eq!(told.events.len(), 1);
        assert_eq!(bob.setting(), chosen);
    }
}

/// An old client's messages have no such field, and each turned the timer off.
#[test]
fn failure_03_a_field_that_is_absent_is_not_read_as_off() {
    let silent = Letter { id: 1.into(), author: BOB, stamp: Stamp::NONE.encode() };
    let broken = Letter { id: 2.into(), author: BOB, stamp: vec![0xff] };
    let empty = Letter { id: 3.into(), author: BOB, stamp: Vec::new() };
    assert_eq!(broken.stamp(), Err(MalformedStamp));
    let (mut alice, _) = two_with(Some(after_send(HOUR)));
    let before = alice.setting();
    for letter in [&silent, &broken, &empty] {
        let (verdict, told) = alice.gets(letter);
        assert_eq!(verdict, Verdict::Keep);
        assert!(told.events.iter().all(|event| *event == ECHO_DUE));
        assert_eq!(alice.setting(), before);
    }
    // Nor is silence a way to send something that stays.
    for id in [1, 2, 3] {
        assert_eq!(alice.remaining(id), Some(HOUR));
    }
    // An explicit off is one.
    alice.gets(&letter(4, &Stamp::of(Some(setting(2, None)))));
    assert_eq!(policy_of(&alice), None);
    assert_eq!((alice.sees(4), alice.remaining(4)), (Visibility::Shown, None));
}

/// View-once messages had no timer in the field of the timer, and the peer took that for a change.
#[test]
fn failure_04_a_view_once_message_does_not_disable_the_timer() {
    let (mut alice, mut bob) = two_with(Some(after_send(HOUR)));
    let chosen = bob.setting();
    let once = alice.sends_with(1, |stamp| stamp.with_opens(Opens::Once));
    let shorter = alice.sends_with(2, |stamp| stamp.with_policy(after_read(SECOND)));
    let without_setting =
        Letter { id: 3.into(), author: ALICE, stamp: Stamp::NONE.with_opens(Opens::Once).encode() };
    for letter in [&once, &shorter, &without_setting] {
        let (_, told) = bob.gets(letter);
        assert!(!told.events.iter().any(|event| *event != ECHO_DUE));
        assert_eq!(bob.setting(), chosen);
    }
    // The timer holds for them as well.
    for id in [1, 2, 3] {
        assert_eq!(bob.remaining(id), Some(HOUR));
    }
    let next = bob.sends(4);
    assert_eq!(next.stamp().unwrap().setting.unwrap().setting, chosen.unwrap());
}

/// Bob installs anew, knows nothing of the timer, and his first message resets it for Alice.
#[test]
fn failure_05_a_reinstall_does_not_reset_the_peers_timer() {
    let (mut alice, _) = two_with(Some(after_send(DAY)));
    alice.sets(Some(after_send(HOUR)));
    let before = alice.setting();

    let mut bob = Device::new(BOB);
    let first = bob.sends(1);
    let (_, told) = alice.gets(&first);
    assert_eq!(alice.setting(), before);
    assert_eq!(told.events, [ECHO_DUE]);
    assert_eq!(alice.remaining(1), Some(HOUR));
    let answer = alice.sends(2);
    bob.gets(&answer);
    assert_eq!(bob.setting(), before);

    // Even what he chose before he heard of it, however strict, gives way, and he is told.
    for hasty in [None, Some(after_send(WEEK)), Some(Policy::OnClose)] {
        let mut bob = Device::new(BOB);
        bob.sets(hasty);
        let his = bob.setting();
        let first = bob.sends(3);
        alice.does(|scheduler, now| scheduler.heard(CHAT, &first.stamp(), Age::NONE, now));
        assert_eq!(alice.setting(), before);
        let (_, told) = bob.gets(&answer);
        assert_eq!(told.events, [changed(his, before)]);
        assert_eq!(bob.setting(), before);
    }
}

/// The timer was a column of the thread, and went with it.
#[test]
fn failure_06_deleting_a_chat_does_not_forget_the_setting() {
    let (mut alice, mut bob) = two_with(Some(after_send(HOUR)));
    let (chosen, letter) = (alice.setting(), bob.sends(1));
    alice.gets(&letter);
    alice.does(|scheduler, now| scheduler.conversation_deleted(CHAT, now));
    assert_eq!(ids_and_parts(&alice.purges()), [due(1, Parts::BODY)]);
    assert_eq!(alice.scheduler.held_messages(), 0);
    assert_eq!(alice.setting(), chosen);
    // Nor is it forgotten later, when all that remembered the messages has gone.
    alice.clock.pass(DAY * 400);
    alice.purges();
    alice.restart();
    assert_eq!(alice.setting(), chosen);
    let anew = alice.sends(2);
    assert!(bob.gets(&anew).1.nobody());
    assert_eq!(bob.remaining(2), Some(HOUR));
}

/// A restored client announced the timer of every conversation, hundreds of messages at once.
#[test]
fn failure_07_a_restore_sends_no_updates_to_anybody() {
    let mut alice = Device::new(ALICE);
    let chats: Vec<_> = (0..50_u8).map(|chat| ConversationId::named(&[chat])).collect();
    for chat in &chats {
        alice.does(|scheduler, now| scheduler.set(*chat, Some(after_read(HOUR)), ALICE, now));
    }
    let backup = alice.store.clone();
    alice.gets(&letter(1, &Stamp::NONE.with_opens(Opens::Once)));
    for restored_store in [alice.store.clone(), backup] {
        let mut restored = Device::new(ALICE);
        restored.clock.reboot(DAY);
        restored.store = restored_store;
        restored.restart();
        assert!(restored.does(|scheduler, now| scheduler.restored_from_backup(now)).nobody());
        restored.purges();
        for chat in &chats {
            assert_eq!(restored.scheduler.setting(*chat), alice.scheduler.setting(*chat));
        }
        // Who knows the same setting is answered as always.
        let stamp = Ok(alice.scheduler.stamp(chats[0]));
        assert!(
            restored
                .does(|scheduler, now| scheduler.heard(chats[0], &stamp, Age::NONE, now))
                .nobody()
        );
    }
}

/// The backup had messages that had expired since: they came back, some with a full timer, some without any.
#[test]
fn failure_08_a_restored_backup_neither_revives_messages_nor_makes_them_permanent() {
    let (mut alice, mut bob) = two_with(Some(after_read(HOUR)));
    let letters = [bob.sends(1), bob.sends(2), bob.sends(3)];
    let once = bob.sends_with(4, |stamp| stamp.with_opens(Opens::Once));
    letters.iter().chain([&once]).for_each(|letter| _ = alice.gets(letter));
    alice.clock.pass(DAY * 10);
    alice.reads(1);
    alice.clock.pass(MINUTE * 40);
    alice.reads(2);
    let backup = alice.store.clone();

    // The view is spent after the backup was made, and the first message goes.
    assert!(alice.does(|scheduler, now| scheduler.open(once.id, now)).is_ok());
    alice.clock.pass(MINUTE * 30);
    assert_eq!(ids_and_parts(&alice.purges()), [due(4, Parts::BODY), due(1, Parts::BODY)]);

    alice.clock.reboot(MINUTE * 5);
    alice.store = backup;
    alice.restart();
    assert!(alice.does(|scheduler, now| scheduler.restored_from_backup(now)).nobody());
    assert_eq!(alice.sees(1), Visibility::Gone);
    assert_eq!(alice.sees(4), Visibility::Gone);
    let opened = alice.does(|scheduler, now| scheduler.open(once.id, now));
    assert_eq!(opened.err(), Some(OpenError::Gone));
    assert_eq!(ids_and_parts(&alice.purges()), [due(4, Parts::BODY), due(1, Parts::BODY)]);
    // What is left goes on: 35 of 60 minutes are over, and of 30 days unread 10 and a little more.
    assert_eq!(alice.remaining(2), Some(MINUTE * 25));
    let unread = DAY * 20 - MINUTE * 75;
    assert_eq!(alice.remaining(3), Some(unread));
    alice.clock.pass(MINUTE * 25);
    assert_eq!(ids_and_parts(&alice.purges()), [due(2, Parts::BODY)]);
    alice.clock.pass(unread);
    assert_eq!(ids_and_parts(&alice.purges()), [due(3, Parts::BODY)]);
}

/// The phone read it hours ago; the laptop comes back and gives it all its time once more.
#[test]
fn failure_09_an_offline_linked_device_does_not_restart_full_timers() {
    let (mut phone, mut bob) = two_with(Some(after_read(HOUR * 5)));
    let mut laptop = Device::new(ALICE);
    let here_before = bob.sends(1);
    phone.gets(&here_before);
    laptop.gets(&here_before);
    let read_first = bob.sends(2);
    let came_first = bob.sends(3);
    [&read_first, &came_first].iter().for_each(|letter| _ = phone.gets(letter));
    let told = [1, 2, 3].map(|id| phone.reads(id).tell);
    assert_eq!(told[1], [DeviceEvent::Read(2.into())]);

    // The laptop is off, then up without a connection, then asleep: three hours in all.
    laptop.restart();
    laptop.clock.reboot(HOUR);
    pass([&mut laptop], HOUR * 2);
    pass([&mut phone], HOUR * 3);
    let ago = Age::trusted(HOUR * 3);
    laptop.is_told(told[0][0], HOUR * 3);
    laptop.is_told(told[1][0], HOUR * 3);
    laptop.restart();
    laptop.gets_late(&read_first, ago);
    laptop.gets_late(&came_first, ago);
    laptop.is_told(told[2][0], HOUR * 3);
    for id in [1, 2, 3] {
        assert_eq!(phone.remaining(id), Some(HOUR * 2));
        assert_eq!(laptop.remaining(id), Some(HOUR * 2), "message {id}");
    }
    // Nor does reading it there.
    laptop.reads(2);
    assert_eq!(laptop.remaining(2), Some(HOUR * 2));
    // What has run out on the phone does not begin on the laptop.
    let over = bob.sends(4);
    laptop.is_told(DeviceEvent::Read(4.into()), HOUR * 5);
    let (verdict, _) = laptop.gets_late(&over, Age::trusted(HOUR * 5));
    assert_eq!((verdict, laptop.sees(4)), (Verdict::Late, Visibility::Gone));
}

/// The same where nobody but the sender says how old a message is, which counts for ten minutes at most.
#[test]
fn failure_09_what_an_own_device_read_counts_whatever_the_senders_word_is() {
    for age in [Age::NONE, Age::claimed(HOUR * 3)] {
        let mut laptop = Device::new(ALICE);
        laptop.is_told(DeviceEvent::Read(1.into()), HOUR * 3);
        laptop.gets_late(&letter(1, &stamp_of(after_read(HOUR * 5))), age);
        assert_eq!(laptop.remaining(1), Some(HOUR * 2), "{age:?}");
    }
}

/// The timer of the operating system stood still while the device slept, and so did everything else.
#[test]
fn failure_10_timers_fire_after_sleep() {
    let (mut alice, mut bob) = two_with(Some(after_read(HOUR)));
    let letters = [bob.sends(1), bob.sends(2)];
    letters.iter().for_each(|letter| _ = alice.gets(letter));
    alice.reads(1);
    assert_eq!(alice.next_wakeup(), Some(HOUR));
    // The lid is closed for five hours. The clock that nobody sets has counted them, and somebody has set the
    // other one.
    alice.clock.pass(HOUR * 5);
    alice.clock.wall -= DAY * 2;
    assert_eq!(alice.sees(1), Visibility::Gone);
    assert_eq!(alice.next_wakeup(), Some(Duration::ZERO));
    assert_eq!(ids_and_parts(&alice.purges()), [due(1, Parts::BODY)]);
    // The wall clock put right while the device is up ends nothing early.
    alice.clock.wall += DAY * 2;
    alice.reads(2);
    alice.clock.wall += DAY * 2;
    lives_exactly(&mut alice, 2, HOUR);
}

/// A timer of 32 bits cannot wait for more than 24.8 days in milliseconds: the delay wrapped round to nothing.
#[test]
fn failure_11_a_life_above_two_to_the_31_milliseconds_does_not_end_at_once() {
    let year = DAY * 366;
    let (mut alice, mut bob) = two_with(Some(after_send(year)));
    let letter = bob.sends(1);
    alice.gets(&letter);
    assert_eq!(alice.remaining(1), Some(year));
    let longest = alice.scheduler.limits().longest_sleep;
    assert!(longest.as_millis() < 1 << 31);
    let mut slept = Duration::ZERO;
    while slept < year {
        assert_eq!(alice.sees(1), Visibility::Shown);
        assert!(polled(&mut alice).is_empty(), "due after {slept:?}");
        let sleep = alice.next_wakeup().unwrap();
        assert!(sleep > Duration::ZERO && sleep <= longest);
        alice.clock.pass(sleep);
        slept += sleep;
    }
    assert_eq!(slept, year);
    assert_eq!(ids_and_parts(&alice.purges()), [due(1, Parts::BODY)]);
    // A life that is too long is cut, and does not wrap round either.
    let ttl = NonZeroU32::MAX;
    for policy in [Policy::AfterSend { ttl }, Policy::AfterRead { ttl }] {
        let mut alice = Device::new(ALICE);
        alice.gets(&self::letter(1, &stamp_of(policy)));
        alice.reads(1);
        assert_eq!(alice.remaining(1), Some(year));
    }
}

/// There was no connection; when there was one, the message had expired at its sender's, unsent.
#[test]
fn failure_12_the_clock_does_not_run_on_an_unsent_or_failed_message() {
    for policy in [after_send(MINUTE), after_read(MINUTE)] {
        let (mut alice, _) = two_with(Some(policy));
        let stamp = alice.scheduler.stamp(CHAT);
        alice.does(|scheduler, now| {
            scheduler.queued(NewMessage::new(1.into(), CHAT, ALICE), &stamp, now)
        });
        // It fails, the application starts again, and the user looks at it all the time.
        for _ in 0..10 {
            alice.clock.pass(HOUR);
            alice.restart();
            alice.reads(1);
            assert_eq!(alice.sees(1), Visibility::Shown);
            assert!(alice.purges().is_empty());
        }
        assert_eq!(alice.remaining(1), Some(HOUR * 14));
        alice.does(|scheduler, now| scheduler.sent(1.into(), Age::NONE, now));
        lives_exactly(&mut alice, 1, MINUTE);
    }
}

/// The clock starts when it is sent, and it never was: it stood in the database for years.
#[test]
fn failure_13_an_unsent_text_does_not_live_for_ever() {
    let expected = [
        (after_send(MINUTE), DAY),
        (after_read(MINUTE), DAY),
        (Policy::OnClose, DAY),
        (after_send(WEEK), WEEK),
        (after_read(WEEK), WEEK),
    ];
    for (policy, life) in expected {
        let (mut alice, _) = two_with(Some(policy));
        let stamp = alice.scheduler.stamp(CHAT);
        alice.does(|scheduler, now| {
            scheduler.queued(NewMessage::new(1.into(), CHAT, ALICE), &stamp, now)
        });
        alice.restart();
        lives_exactly(&mut alice, 1, life);
    }
}

/// The voice message was still being fetched when its five seconds were over.
#[test]
fn failure_14_the_clock_does_not_run_before_the_media_is_there() {
    let mut alice = Device::new(ALICE);
    let stamp = Ok(stamp_of(after_read(SECOND * 5)));
    for id in [1, 2] {
        let message = NewMessage::new(id.into(), CHAT, BOB).awaiting_media();
        alice.does(|scheduler, now| scheduler.received(message, &stamp, Age::NONE, now));
    }
    // The user looks at the place where it will be, and waits.
    alice.reads(1);
    alice.clock.pass(HOUR);
    alice.restart();
    assert_eq!(alice.sees(1), Visibility::Shown);
    let opened = alice.does(|scheduler, now| scheduler.open(1.into(), now));
    assert_eq!(opened.err(), Some(OpenError::NotReady));
    assert!(alice.purges().is_empty());
    assert_eq!(alice.remaining(1), Some(DAY * 30 - HOUR));
    alice.does(|scheduler, now| scheduler.ready(1.into(), now));
    lives_exactly(&mut alice, 1, SECOND * 5);
    // What never comes is not waited for without end.
    alice.clock.pass(DAY * 30 - HOUR - SECOND * 5);
    assert_eq!(ids_and_parts(&alice.purges()), [due(2, Parts::BODY)]);
}

/// It was on the screen, but the event got lost on its way to the timer.
#[test]
fn failure_15_what_was_read_has_a_clock_that_runs() {
    let (mut alice, mut bob) = two_with(Some(after_read(HOUR)));
    let letters = [bob.sends(1), bob.sends(2), bob.sends(3), bob.sends(4), bob.sends(5)];
    // Another device says so before the message is here.
    alice.is_told(DeviceEvent::Read(3.into()), Duration::ZERO);
    letters[..3].iter().for_each(|letter| _ = alice.gets(letter));
    // The process ends just after it was stored.
    assert_eq!(alice.reads(1).tell, [DeviceEvent::Read(1.into())]);
    alice.restart();
    // Another device says so.
    alice.is_told(DeviceEvent::Read(2.into()), Duration::ZERO);
    // It is opened, by which nothing else calls it read.
    alice.gets(&letters[3]);
    assert!(alice.does(|scheduler, now| scheduler.open(4.into(), now)).is_ok());
    // It is read before its media is there.
    alice.does(|scheduler, now| {
        let message = letters[4].message().awaiting_media();
        scheduler.received(message, &letters[4].stamp(), Age::NONE, now)
    });
    alice.reads(5);
    alice.does(|scheduler, now| scheduler.ready(5.into(), now));
    for id in 1..=5 {
        assert_eq!(alice.remaining(id), Some(HOUR), "message {id}");
    }
    alice.clock.pass(HOUR);
    let all = [1, 2, 3, 4, 5].map(|id| due(id, Parts::BODY));
    let mut purged = ids_and_parts(&alice.purges());
    purged.sort_by_key(|(id, _)| *id);
    assert_eq!(purged, all);
}

/// The clock started when it came: it was gone before it was seen, or just after.
#[test]
fn failure_16_nothing_expires_unread_or_seconds_after_reading() {
    for life in [SECOND * 5, HOUR, WEEK] {
        for lay in [SECOND * 6, DAY, DAY * 30 - SECOND] {
            let (mut alice, mut bob) = two_with(Some(after_read(life)));
            let letter = bob.sends(1);
            alice.gets(&letter);
            alice.clock.pass(lay);
            assert!(alice.purges().is_empty());
            assert_eq!(alice.sees(1), Visibility::Shown);
            alice.reads(1);
            lives_exactly(&mut alice, 1, life);
        }
    }
    // What nobody reads at all goes after 30 days.
    let (mut alice, mut bob) = two_with(Some(after_read(SECOND * 5)));
    let letter = bob.sends(1);
    alice.gets(&letter);
    lives_exactly(&mut alice, 1, DAY * 30);
}

/// The list was drawn before the timer had its turn.
#[test]
fn failure_17_expired_text_never_flashes_on_the_screen() {
    let (mut alice, mut bob) = two_with(Some(after_read(MINUTE)));
    let letter = bob.sends(1);
    alice.gets(&letter);
    alice.reads(1);
    alice.clock.pass(MINUTE - Duration::from_millis(1));
    assert_eq!(alice.sees(1), Visibility::Shown);
    alice.clock.pass(Duration::from_millis(1));
    // Nothing has been polled or purged so far.
    assert_eq!(alice.sees(1), Visibility::Gone);
    assert_eq!(alice.remaining(1), Some(Duration::ZERO));
    alice.clock.wall -= DAY;
    assert_eq!(alice.sees(1), Visibility::Gone);
    // A cold start draws before anything else.
    alice.restart();
    assert_eq!(alice.sees(1), Visibility::Gone);
    assert_eq!(polled(&mut alice), [due(1, Parts::BODY)]);
    assert_eq!(alice.sees(1), Visibility::Gone);
    alice.does(|scheduler, now| scheduler.done(1.into(), Parts::BODY, now));
    assert_eq!(alice.sees(1), Visibility::Gone);
    // Reading it or getting it again does not bring it back.
    alice.reads(1);
    assert_eq!(alice.gets(&letter).0, Verdict::Late);
    assert_eq!(alice.sees(1), Visibility::Gone);
}

/// The row was deleted. The notification, the line in the list, and the file were not.
#[test]
fn failure_18_no_preview_notification_or_file_stays() {
    let mut alice = Device::new(ALICE);
    let stored = Parts::FILE | Parts::THUMBNAIL | Parts::PREVIEW | Parts::SEARCH_INDEX;
    let stamp = Ok(stamp_of(after_send(MINUTE)));
    let message = NewMessage::new(1.into(), CHAT, BOB).with_parts(stored);
    alice.does(|scheduler, now| scheduler.received(message, &stamp, Age::NONE, now));
    let added =
        alice.does(|scheduler, now| scheduler.parts_added(1.into(), Parts::NOTIFICATION, now));
    assert!(matches!(added, PartsAdded::Noted(_)));
    let all = stored | Parts::BODY | Parts::NOTIFICATION;
    alice.clock.pass(MINUTE);
    assert_eq!(polled(&mut alice), [due(1, all)]);
    assert_eq!((polled(&mut alice), alice.next_wakeup()), (vec![], Some(MINUTE)));
    alice.clock.pass(MINUTE);
    assert_eq!(polled(&mut alice), [due(1, all)]);

    // Only the row and the file go at first. The rest is due again: after a minute, and after a start.
    alice.does(|scheduler, now| scheduler.done(1.into(), Parts::BODY | Parts::FILE, now));
    let left = all.without(Parts::BODY | Parts::FILE);
    alice.clock.pass(MINUTE);
    assert_eq!(polled(&mut alice), [due(1, left)]);
    assert_eq!(polled(&mut alice), []);
    alice.restart();
    assert_eq!(polled(&mut alice), [due(1, left)]);
    // A thumbnail is made, late: it is due at once.
    alice.does(|scheduler, now| scheduler.done(1.into(), Parts::THUMBNAIL, now));
    let added = alice.does(|scheduler, now| scheduler.parts_added(1.into(), Parts::THUMBNAIL, now));
    assert!(matches!(added, PartsAdded::Noted(_)));
    assert_eq!(polled(&mut alice), [due(1, left)]);
    for part in left.iter() {
        assert_eq!(alice.scheduler.held_messages(), 1);
        alice.does(|scheduler, now| scheduler.done(1.into(), part, now));
    }
    assert_eq!(alice.scheduler.held_messages(), 0);
    alice.restart();
    assert_eq!(polled(&mut alice), []);

    // What is kept to send a message again goes with it, and after 14 days in any case.
    for (policy, parts, life) in [
        (Some(after_send(HOUR)), Parts::BODY | Parts::RESEND_LOG, HOUR),
        (Some(after_send(DAY * 60)), Parts::RESEND_LOG, DAY * 14),
        (None, Parts::RESEND_LOG, DAY * 14),
    ] {
        let (mut alice, _) = two_with(policy);
        let stamp = alice.scheduler.stamp(CHAT);
        alice.does(|scheduler, now| {
            let message = NewMessage::new(1.into(), CHAT, ALICE).with_parts(Parts::RESEND_LOG);
            scheduler.queued(message, &stamp, now)
        });
        alice.does(|scheduler, now| scheduler.sent(1.into(), Age::NONE, now));
        alice.clock.pass(life - SECOND);
        assert_eq!(polled(&mut alice), []);
        alice.clock.pass(SECOND);
        assert_eq!(ids_and_parts(&alice.purges()), [due(1, parts)]);
    }
}

/// The same of a part that is made when all others have been deleted, and the message is no longer held.
#[test]
fn failure_18_a_part_that_is_made_after_the_last_was_deleted_goes_at_once() {
    let (mut alice, mut bob) = two_with(Some(after_send(MINUTE)));
    let letter = bob.sends(1);
    alice.gets(&letter);
    alice.clock.pass(MINUTE);
    assert_eq!(ids_and_parts(&alice.purges()), [due(1, Parts::BODY)]);
    let added = alice.does(|scheduler, now| scheduler.parts_added(1.into(), Parts::THUMBNAIL, now));
    assert_eq!(added, PartsAdded::Gone);
}

/// The answer repeated the text, and had a longer life, or none.
#[test]
fn failure_19_a_quote_does_not_keep_the_text() {
    for answer_policy in [None, Some(after_send(WEEK))] {
        let mut alice = Device::new(ALICE);
        alice.gets(&letter(1, &stamp_of(after_send(HOUR))));
        let stamp = Stamp { own_policy: answer_policy, ..Stamp::NONE };
        let answer = |id: u64| NewMessage::new(id.into(), CHAT, BOB).quoting(1.into());
        let get = |alice: &mut Device, id: u64| {
            let stamp = Ok(stamp.clone());
            alice.does(|scheduler, now| scheduler.received(answer(id), &stamp, Age::NONE, now)).0
        };
        assert_eq!(get(&mut alice, 2), Verdict::Keep);
        alice.restart();
        alice.clock.pass(HOUR);
        // Before anything is purged, the parent says that its text may not be shown.
        assert_eq!(alice.sees(1), Visibility::Gone);
        // What comes then, and what comes when it has been purged.
        assert_eq!(get(&mut alice, 3), Verdict::Keep);
        let mut purged = ids_and_parts(&alice.purges());
        purged.sort_by_key(|(id, _)| *id);
        purged.dedup();
        let quotes = [due(1, Parts::BODY), due(2, Parts::QUOTE), due(3, Parts::QUOTE)];
        assert_eq!(purged, quotes);
        assert_eq!(get(&mut alice, 4), Verdict::Keep);
        assert_eq!(ids_and_parts(&alice.purges()), [due(4, Parts::QUOTE)]);
        // The answers themselves stay.
        for id in [2, 3, 4] {
            assert_eq!(alice.sees(id), Visibility::Shown);
        }
        assert_eq!(alice.remaining(2), answer_policy.map(|_| WEEK - HOUR));
    }
    // It is the same when the text was deleted, even one that has no end.
    let mut alice = Device::new(ALICE);
    let answer = NewMessage::new(2.into(), CHAT, BOB).quoting(1.into());
    alice.does(|scheduler, now| scheduler.received(answer, &Ok(Stamp::NONE), Age::NONE, now));
    assert!(alice.purges().is_empty());
    alice.does(|scheduler, now| scheduler.deleted(1.into(), now));
    assert_eq!(ids_and_parts(&alice.purges()), [due(2, Parts::QUOTE)]);
}

/// The same message came twice in one list. Messages that quote themselves or each other came without end, and
/// nothing else did.
#[test]
fn failure_19_whatever_quotes_what_nothing_comes_due_twice_at_once() {
    let quotes_of: [&[(u64, u64)]; 3] = [&[(1, 2), (2, 3)], &[(1, 1)], &[(1, 2), (2, 1)]];
    for quotes in quotes_of {
        let mut alice = Device::new(ALICE);
        let stamp = Ok(stamp_of(after_send(HOUR)));
        for (id, quoted) in quotes {
            let message = NewMessage::new((*id).into(), CHAT, BOB).quoting((*quoted).into());
            alice.does(|scheduler, now| scheduler.received(message, &stamp, Age::NONE, now));
        }
        // This one quotes nothing, and must have its turn.
        alice.gets(&letter(9, &stamp_of(after_send(HOUR))));
        let ids = quotes.iter().map(|(id, _)| *id).chain([9]);
        let ids: Vec<_> = ids.map(MessageId::from).collect();
        alice.clock.pass(HOUR);
        // Nothing can be deleted for the moment.
        for _ in 0..3 {
            let mut polled: Vec<_> = polled(&mut alice).into_iter().map(|(id, _)| id).collect();
            polled.sort();
            assert_eq!(polled, ids, "{quotes:?}");
            assert_eq!(alice.next_wakeup(), Some(MINUTE));
            alice.clock.pass(MINUTE);
        }
        alice.purges();
        assert_eq!(alice.scheduler.held_messages(), 0);
    }
    // The answer comes when the text has ended, and is due before that has been polled.
    let mut alice = Device::new(ALICE);
    alice.gets(&letter(1, &stamp_of(after_send(HOUR))));
    alice.clock.pass(HOUR);
    let answer = NewMessage::new(2.into(), CHAT, BOB).quoting(1.into());
    alice.does(|scheduler, now| scheduler.received(answer, &Ok(Stamp::NONE), Age::NONE, now));
    let mut all = polled(&mut alice);
    all.sort_by_key(|(id, _)| *id);
    assert_eq!(all, [due(1, Parts::BODY), due(2, Parts::QUOTE)]);
}

/// The laptop sent it. The phone got its copy as somebody who had not read it and never would.
#[test]
fn failure_20_a_message_sent_from_a_linked_device_expires_on_the_phone() {
    for policy in [after_send(HOUR), after_read(HOUR)] {
        let (mut laptop, _) = two_with(Some(policy));
        let mut phone = Device::new(ALICE);
        let sent = laptop.sends(1);
        pass([&mut laptop, &mut phone], MINUTE * 20);
        let (verdict, told) = phone.does(|scheduler, now| {
            let (stamp, age) = (sent.stamp().unwrap(), Age::trusted(MINUTE * 20));
            scheduler.sent_elsewhere(sent.message(), &stamp, age, now)
        });
        assert_eq!(verdict, Verdict::Keep);
        // The laptop's setting counts, and the screen is told.
        assert_eq!(told.events, [changed(None, laptop.setting())]);
        assert_eq!(phone.setting(), laptop.setting());
        assert_eq!(laptop.remaining(1), Some(MINUTE * 40));
        phone.restart();
        lives_exactly(&mut phone, 1, MINUTE * 40);
    }
    // Vanish mode: it goes when its author leaves.
    let (mut laptop, _) = two_with(Some(Policy::OnClose));
    let mut phone = Device::new(ALICE);
    let sent = laptop.sends(1);
    phone.does(|scheduler, now| {
        scheduler.sent_elsewhere(sent.message(), &sent.stamp().unwrap(), Age::NONE, now)
    });
    assert_eq!(phone.sees(1), Visibility::Shown);
    phone.does(|scheduler, now| scheduler.closed(CHAT, now));
    assert_eq!(ids_and_parts(&phone.purges()), [due(1, Parts::BODY)]);
}

/// A hundred came at once, one timer fired, and only what it had been set for was deleted.
#[test]
fn failure_21_in_a_burst_none_stays_behind() {
    const BURST: u64 = 300;
    let (mut alice, mut bob) = two_with(Some(after_send(MINUTE)));
    for id in 0..BURST {
        let letter = bob.sends(id);
        alice.gets(&letter);
        if id % 3 == 0 {
            alice.gets(&letter);
        }
    }
    alice.clock.pass(MINUTE);
    let mut purged = Vec::new();
    while alice.next_wakeup() == Some(Duration::ZERO) {
        let some = alice.does(|scheduler, now| scheduler.poll(7, now));
        assert!((1..=7).contains(&some.len()), "awake for nothing, or too much at once");
        for due in &some {
            // Not all that is due can be deleted the first time.
            if due.id.0[15] % 10 != 0 {
                alice.does(|scheduler, now| scheduler.done(due.id, due.parts, now));
            }
        }
        purged.extend(some.into_iter().map(|due| due.id));
    }
    purged.sort();
    assert_eq!(purged, (0..BURST).map(MessageId::from).collect::<Vec<_>>());
    assert!(alice.next_wakeup().is_some(), "what failed is not tried again");
    alice.clock.pass(MINUTE);
    assert_eq!(alice.purges().len(), not_deleted_at_first(BURST));
    assert_eq!((alice.scheduler.held_messages(), alice.next_wakeup()), (0, None));
}

/// How many of a burst end in a byte that is a multiple of ten.
fn not_deleted_at_first(burst: u64) -> usize {
    (0..burst).filter(|id| id.to_be_bytes()[7] % 10 == 0).count()
}

/// The timer was right in the database, and the open screen showed the old one.
#[test]
fn failure_22_a_setting_that_is_stored_is_told_to_the_screen() {
    let mut alice = Device::new(ALICE);
    let mut version = 0;
    let mut by_bob = || {
        version += 2;
        setting(version, Some(after_send(SECOND * u32::try_from(version).unwrap())))
    };
    type Way = fn(&mut Device, Stamp, Setting) -> Told;
    let ways: [Way; 7] = [
        |alice, stamp, _| alice.gets(&letter(1, &stamp)).1,
        // The same message again, but for its stamp, and one that is over when it comes.
        |alice, stamp, _| alice.gets(&letter(1, &stamp)).1,
        |alice, stamp, _| alice.gets_late(&letter(2, &stamp), Age::trusted(WEEK)).1,
        |alice, stamp, _| {
            alice.does(|scheduler, now| scheduler.heard(CHAT, &Ok(stamp), Age::NONE, now))
        },
        |alice, stamp, _| {
            let message = NewMessage::new(3.into(), CHAT, ALICE);
            let call = |scheduler: &mut ExpiryScheduler, now| {
                scheduler.sent_elsewhere(message, &stamp, Age::NONE, now)
            };
            alice.does(call).1
        },
        |alice, _, setting| alice.is_told(DeviceEvent::Setting(CHAT, setting), HOUR),
        |alice, _, setting| alice.sets(setting.policy),
    ];
    for (number, way) in ways.into_iter().enumerate() {
        let (before, theirs) = (alice.setting(), by_bob());
        let told = way(&mut alice, Stamp::of(Some(theirs)), theirs);
        assert_ne!(alice.setting(), before, "way {number}");
        let changes: Vec<_> = told.events.into_iter().filter(|event| *event != ECHO_DUE).collect();
        assert_eq!(changes, [changed(before, alice.setting())], "way {number}");
        // Stored with it, as a start shows.
        let now = alice.setting();
        alice.restart();
        assert_eq!(alice.setting(), now, "way {number}");
        // The second time nothing changes, and the screen is left alone.
        let again = Stamp::of(alice.setting());
        let told = alice.does(|scheduler, now| scheduler.heard(CHAT, &Ok(again), Age::NONE, now));
        assert!(told.nobody(), "way {number}");
    }
}

/// Deleted rows stayed readable in free pages of the database for months.
#[test]
fn failure_23_what_free_pages_still_hold_cannot_be_opened() {
    let text: &[u8] = b"meet me at the old bridge at nine";
    let (mut alice, mut bob) = two_with(Some(after_read(HOUR)));
    let letter = bob.sends(1);
    let mut draws = Draws::new(23);
    let key = ContentKey::generate(&mut draws);
    let key_bytes = draws.made[0];
    let row = key.seal(1.into(), Parts::BODY, text);
    alice.does(|scheduler, now| {
        let message = letter.message().sealed_under(key);
        scheduler.received(message, &letter.stamp(), Age::NONE, now)
    });
    let holds = |store: &[u8], what: &[u8]| store.windows(what.len()).any(|bytes| bytes == what);
    let key_is_stored = |alice: &Device| alice.store.values().any(|row| holds(row, &key_bytes));
    assert!(!holds(&row, text) && !holds(&row, &key_bytes));
    assert!(key_is_stored(&alice));

    // While it lives, the row opens as often as it is read.
    for _ in 0..2 {
        alice.restart();
        let key = alice.does(|scheduler, now| scheduler.open(1.into(), now)).unwrap().unwrap();
        assert_eq!(key.open(1.into(), Parts::BODY, &row).unwrap().as_slice(), text);
        assert!(key.open(2.into(), Parts::BODY, &row).is_none());
        assert!(key.open(1.into(), Parts::FILE, &row).is_none());
    }
    // Then its record goes, and with it the only key. The bytes of the row have survived.
    alice.clock.pass(HOUR);
    alice.purges();
    assert!(!key_is_stored(&alice));
    alice.restart();
    let opened = alice.does(|scheduler, now| scheduler.open(1.into(), now));
    assert_eq!(opened.err(), Some(OpenError::Gone));
    assert!(ContentKey::generate(&mut rng(24)).open(1.into(), Parts::BODY, &row).is_none());

    // What was deleted, or opened as often as it may be, loses its key before it is purged.
    let once = stamp_of(after_send(HOUR)).with_opens(Opens::Once);
    type End = fn(&mut Device);
    let ends: [End; 2] = [
        |alice| _ = alice.does(|scheduler, now| scheduler.deleted(2.into(), now)),
        |alice| _ = alice.does(|scheduler, now| scheduler.open(2.into(), now)),
    ];
    for end in ends {
        let mut alice = Device::new(ALICE);
        let key = ContentKey::generate(&mut rng(23));
        let message = NewMessage::new(2.into(), CHAT, BOB).sealed_under(key);
        let stamp = Ok(once.clone());
        alice.does(|scheduler, now| scheduler.received(message, &stamp, Age::NONE, now));
        assert!(key_is_stored(&alice));
        end(&mut alice);
        assert!(!key_is_stored(&alice));
        assert_eq!(alice.scheduler.held_messages(), 1);
    }
}

/// The window was open and had not the focus: what came then was never marked, and never went.
#[test]
fn failure_24_a_window_without_the_focus_does_not_keep_messages() {
    let (mut laptop, mut bob) = two_with(Some(after_read(HOUR)));
    let letters = [bob.sends(1), bob.sends(2), bob.sends(3)];
    letters.iter().for_each(|letter| _ = laptop.gets(letter));
    laptop.clock.pass(HOUR * 8);
    assert!(laptop.purges().is_empty());
    // The focus comes back. The application marks all that is on the screen, and does so each time it draws.
    laptop.reads(1);
    laptop.clock.pass(MINUTE * 20);
    let before = laptop.store.clone();
    assert!(laptop.reads(1).nobody());
    assert!(laptop.store == before, "drawing writes nothing");
    assert_eq!(laptop.remaining(1), Some(MINUTE * 40));
    // The phone read the second one, and so this window needs no focus.
    laptop.is_told(DeviceEvent::Read(2.into()), MINUTE * 10);
    assert_eq!(laptop.remaining(2), Some(MINUTE * 50));
    laptop.clock.pass(MINUTE * 50);
    let gone = [due(1, Parts::BODY), due(2, Parts::BODY)];
    assert_eq!(ids_and_parts(&laptop.purges()), gone);
    // Nobody ever looks at the third.
    assert_eq!(laptop.sees(3), Visibility::Shown);
    laptop.clock.pass(DAY * 30 - HOUR * 8 - MINUTE * 70);
    assert_eq!(ids_and_parts(&laptop.purges()), [due(3, Parts::BODY)]);
}

/// The tablet had been off for a week, and showed what was gone everywhere else.
#[test]
fn failure_25_a_late_device_does_not_see_expired_content() {
    let (mut phone, mut bob) = two_with(Some(after_send(DAY)));
    let letter = bob.sends(1);
    phone.gets(&letter);
    // It had expired on the way.
    let mut tablet = Device::new(ALICE);
    let (verdict, _) = tablet.gets_late(&letter, Age::trusted(DAY));
    assert_eq!((verdict, tablet.sees(1)), (Verdict::Late, Visibility::Gone));
    assert_eq!(tablet.scheduler.held_messages(), 0);
    // A copy comes to a device where it has expired.
    phone.clock.pass(DAY);
    phone.purges();
    phone.restart();
    let (verdict, _) = phone.gets(&letter);
    assert_eq!((verdict, phone.sees(1)), (Verdict::Late, Visibility::Gone));
    // Even if its stamp is another one.
    let anew = self::letter(1, &Stamp::NONE);
    assert_eq!(phone.gets(&anew).0, Verdict::Late);

    // It was read, opened or deleted on the phone. While the tablet does not know, it shows nothing.
    let mut tablet = Device::new(ALICE);
    tablet.does(|scheduler, now| scheduler.catching_up(now));
    let once = stamp_of(after_read(WEEK)).with_opens(Opens::Once);
    let stamps = [stamp_of(after_read(HOUR)), once, Stamp::NONE, stamp_of(after_read(HOUR))];
    for (id, stamp) in (1..).zip(stamps) {
        assert_eq!(tablet.gets(&self::letter(id, &stamp)).0, Verdict::Keep);
    }
    tablet.restart();
    for id in 1..=4 {
        assert_eq!(tablet.sees(id), Visibility::Withheld, "message {id}");
    }
    let opened = tablet.does(|scheduler, now| scheduler.open(2.into(), now));
    assert_eq!(opened.err(), Some(OpenError::Withheld));
    tablet.clock.pass(HOUR * 2);
    tablet.is_told(DeviceEvent::Read(1.into()), HOUR);
    tablet.is_told(DeviceEvent::Opened(2.into(), 1), HOUR);
    tablet.is_told(DeviceEvent::Deleted(3.into()), HOUR);
    for id in 1..=3 {
        assert_eq!(tablet.sees(id), Visibility::Gone, "message {id}");
    }
    tablet.does(|scheduler, now| scheduler.caught_up(now));
    for id in 1..=3 {
        assert_eq!(tablet.sees(id), Visibility::Gone, "message {id}");
    }
    assert_eq!(tablet.sees(4), Visibility::Shown);
    assert_eq!(tablet.purges().len(), 3);
}

/// The same of vanish mode: what was read and closed on the phone is gone, whatever the tablet hears of first.
#[test]
fn failure_25_a_late_device_does_not_see_what_was_closed_elsewhere() {
    let letter = letter(1, &stamp_of(Policy::OnClose));
    let events = [DeviceEvent::Read(1.into()), DeviceEvent::Closed(CHAT)];
    for message_comes_at in 0..=2 {
        let mut tablet = Device::new(ALICE);
        tablet.does(|scheduler, now| scheduler.catching_up(now));
        for (place, event) in (0..).zip(events) {
            if place == message_comes_at {
                tablet.gets_late(&letter, Age::trusted(HOUR * 2));
            }
            tablet.is_told(event, HOUR);
        }
        if message_comes_at == 2 {
            tablet.gets_late(&letter, Age::trusted(HOUR * 2));
        }
        tablet.does(|scheduler, now| scheduler.caught_up(now));
        assert_eq!(tablet.sees(1), Visibility::Gone, "the message came at {message_comes_at}");
    }
}

/// The same of a message without an end, which is not held: here, deleting it is enough for it to be gone.
#[test]
fn failure_25_a_late_device_does_not_see_what_was_deleted_elsewhere_without_an_end() {
    let (mut phone, mut tablet) = (Device::new(ALICE), Device::new(ALICE));
    let letter = letter(1, &Stamp::NONE);
    phone.gets(&letter);
    tablet.gets(&letter);
    let told = phone.does(|scheduler, now| scheduler.deleted(1.into(), now));
    assert_eq!(
        (told.tell.as_slice(), phone.sees(1)),
        (&[DeviceEvent::Deleted(1.into())][..], Visibility::Gone)
    );
    tablet.is_told(DeviceEvent::Deleted(1.into()), MINUTE);
    assert_eq!(tablet.sees(1), Visibility::Gone);
}

fn encrypt(side: &mut Side, payload: &Payload) -> Vec<u8> {
    side.peer.encrypt(payload, AD, NOW, &mut side.rng).unwrap().message
}

/// Bob asked for a message that he could not open, and with it the timer came back that it had been sent under.
#[test]
fn failure_26_a_resend_does_not_turn_the_setting_back() {
    between_all_suites(|suites| {
        let mut pair = Pair::talking_of(suites, 26);
        let (mut alice, mut bob) = (Device::new(ALICE), Device::new(BOB));
        alice.sets(Some(after_send(HOUR)));
        let letter = alice.sends(1);
        let old = Payload::new("old").with_stamp(letter.stamp().unwrap());
        let lost = encrypt(&mut pair.alice, &old);
        alice.sets(None);
        let chosen = alice.setting();
        let change = Payload::new("").with_stamp(change_of(&alice).unwrap());
        let change = encrypt(&mut pair.alice, &change);
        let received = pair.bob.receives(&change);
        bob.does(|scheduler, now| scheduler.heard(CHAT, &received.stamp, Age::NONE, now));
        assert_eq!(bob.setting(), chosen);

        // In a new session, and with the words and the stamp of then.
        pass([&mut alice, &mut bob], MINUTE * 20);
        pair.alice.begins(&mut pair.bob.server, NOW);
        let again = encrypt(&mut pair.alice, &old);
        alice.does(|scheduler, now| scheduler.sent(1.into(), Age::NONE, now));
        assert_eq!(
            alice.remaining(1),
            Some(MINUTE * 40),
            "a resend starts no clock at its sender's"
        );
        let received = pair.bob.receives(&again);
        assert_eq!((&received.body, &received.stamp), (&old.body, &Ok(old.stamp.clone())));
        let age = Age::trusted(MINUTE * 20);
        let (verdict, told) = bob
            .does(|scheduler, now| scheduler.received(letter.message(), &received.stamp, age, now));
        assert_eq!((verdict, bob.setting()), (Verdict::Keep, chosen));
        // Alice holds what she chose: there is nothing to tell but that.
        assert_eq!(told.events, [ECHO_DUE]);
        assert_eq!(bob.remaining(1), Some(MINUTE * 40));

        // The lost one comes after all: it is known, and its clock goes on.
        pass([&mut bob], MINUTE * 20);
        let received = pair.bob.receives(&lost);
        let (verdict, told) = bob.does(|scheduler, now| {
            scheduler.received(letter.message(), &received.stamp, Age::NONE, now)
        });
        assert_eq!((verdict, told.nobody(), bob.setting()), (Verdict::Known, true, chosen));
        assert_eq!(bob.remaining(1), Some(MINUTE * 20));
    });
}

/// Keys of messages that never came lay in the store for years, and opened what a server had kept.
#[test]
fn failure_27_skipped_keys_are_not_kept_without_limit_of_time() {
    between_all_suites(|suites| {
        let late = |seconds: Duration| NOW.plus(seconds);
        for (policy, held) in [
            (Some(after_send(HOUR)), HOUR),
            (Some(after_send(DAY * 60)), DAY * 30),
            // Whoever reads it late has all its life.
            (Some(after_read(HOUR)), DAY * 30),
            (None, DAY * 30),
        ] {
            let (_, device) = two_with(policy);
            let limits = device.scheduler.session_limits(CHAT, SessionLimits::default());
            assert_eq!(limits, {
                let mut limits = SessionLimits::default();
                limits.held_key_lifetime = held;
                limits
            });
            let mut pair = Pair::talking_of(suites, 27);
            let _ = pair.bob.peer.set_session_limits(limits.clone());
            let messages = [(); 4].map(|()| pair.alice_sends("text"));
            pair.bob.receives(&messages[3]);
            let held_keys =
                |pair: &Pair| pair.bob.peer.sessions().map(|one| one.held_keys()).sum::<usize>();
            assert_eq!(pair.bob.tries(&messages[0], late(held)).unwrap().body, b"text");
            assert_eq!(2_usize, held_keys(&pair));
            let too_late = late(held + SECOND);
            let refused = pair.bob.tries(&messages[1], too_late);
            assert_eq!(refused, Err(PeerDecryptError::Expired));
            // The keys are not only refused but gone.
            assert!(pair.bob.peer.maintain(too_late).peer);
            assert_eq!(0_usize, held_keys(&pair));
            assert_eq!(pair.bob.tries(&messages[2], NOW), Err(PeerDecryptError::Expired));
        }
        // What the account keeps for a shorter time is not kept longer.
        let (_, device) = two_with(Some(after_send(HOUR)));
        let mut limits = SessionLimits::default();
        limits.held_key_lifetime = MINUTE;
        assert_eq!(device.scheduler.session_limits(CHAT, limits.clone()), limits);
    });
}

/// A number in a header that nobody had checked made the receiver derive thousands of keys and keep them.
#[test]
fn failure_28_a_forged_header_neither_moves_the_ratchet_nor_stores_keys() {
    in_each_suite(|suite| {
        // In the chain that is being received, and in one that would begin.
        for new_chain in [false, true] {
            let mut talk = started_in(suite, 28);
            if new_chain {
                let first = talk.alice_sends("first");
                receive(&mut talk.bob, &first);
                talk.bob_answers();
            }
            let messages = talk.alice_sends_many(6);
            let (near, far) = (&messages[0], &messages[5]);
            let before = state(&talk.bob);
            // A true header, which says that five were skipped, before the rest of another message.
            for cut in 1..far.len() {
                for (front, back) in [(far, near), (near, far)] {
                    let forged = [&front[..cut], &back[cut..]].concat();
                    if forged != *near && forged != *far {
                        refusal(&mut talk.bob, &forged);
                    }
                }
            }
            for place in 0..far.len() {
                let mut forged = far.clone();
                forged[place] ^= 1;
                refusal(&mut talk.bob, &forged);
            }
            assert_eq!(talk.bob.held_keys(), 0);
            assert!(state(&talk.bob) == before);
            assert_eq!(receive(&mut talk.bob, far).body, b"5");
            assert_eq!(talk.bob.held_keys(), 5);
            assert_eq!(receive(&mut talk.bob, near).body, b"0");
        }
    });
}

/// A backup of the phone was put back, and the two sides could not read each other any more, or used keys twice.
#[test]
fn failure_29_an_old_ratchet_state_that_is_restored_is_noticed_and_replaced() {
    between_all_suites(|suites| {
        let mut pair = Pair::talking_of(suites, 29);
        let first = pair.bob_sends("0");
        pair.alice.receives(&first);
        let backup = (state(&pair.bob.account), state(&pair.bob.peer));
        for body in ["1", "2"] {
            let message = pair.bob_sends(body);
            assert_eq!(pair.alice.receives(&message).body, body.as_bytes());
        }
        let put_back = |pair: &Pair| {
            let mut pair = pair.copy();
            pair.bob.account = Account::restore(&backup.0).unwrap();
            pair.bob.peer = Peer::restore(&backup.1).unwrap();
            pair.bob.rng = rng(1);
            pair
        };

        // Who goes on as if nothing had happened is not heard under a key that was used, and is told on in the
        // next chain.
        let mut careless = put_back(&pair);
        let again = careless.bob_sends("another 1");
        assert_eq!(careless.alice.tries(&again, NOW), Err(PeerDecryptError::NumberReused));
        let answer = careless.alice_sends("answer");
        careless.bob.receives(&answer);
        let next = careless.bob_sends("in the next chain");
        let received = careless.alice.receives(&next);
        assert!(received.peer_went_back);
        assert_eq!(received.body, b"in the next chain");

        // From before a chain that was followed: Alice is told that a new session must begin.
        let mut forked = pair.copy();
        let ping = forked.alice_sends("ping");
        forked.bob.receives(&ping);
        let backup_before_pong = forked.bob.copy();
        let pong = forked.bob_sends("pong");
        forked.alice.receives(&pong);
        forked.bob = Side { rng: rng(1), ..backup_before_pong };
        let another = forked.bob_sends("another pong");
        assert_eq!(forked.alice.tries(&another, NOW), Err(PeerDecryptError::Forked));

        // Whoever drops the sessions, as the documentation asks, begins anew, and the other side follows.
        for mut pair in [put_back(&pair), forked] {
            assert!(pair.bob.peer.drop_sessions().peer);
            let anew = pair.bob_sends("anew");
            let received = pair.alice.receives(&anew);
            assert_eq!((received.body.as_slice(), received.peer_went_back), (&b"anew"[..], false));
            assert!(pair.exchange() && pair.exchange() && pair.agree());
        }
    });
}

/// A sender's clock, or a sender, was wrong by years: messages stood at the top for ever, or were gone at once.
#[test]
fn failure_30_timestamps_that_a_sender_chooses_neither_reorder_nor_back_date() {
    let centuries = DAY * 365 * 300;
    let remaining_of = |policy: Policy, age: Age| {
        let mut alice = Device::new(ALICE);
        let (verdict, _) = alice.gets_late(&letter(1, &stamp_of(policy)), age);
        assert_eq!(verdict, Verdict::Keep);
        alice.remaining(1).unwrap()
    };
    // Back by ten minutes and no more; and there is no age that is in the future.
    assert_eq!(remaining_of(after_send(HOUR), Age::claimed(centuries)), MINUTE * 50);
    assert_eq!(remaining_of(after_send(HOUR), Age::claimed(MINUTE * 3)), MINUTE * 57);
    assert_eq!(remaining_of(after_send(HOUR), Age::NONE), HOUR);
    // Whoever says so again and again gets no further.
    let mut alice = Device::new(ALICE);
    let claiming = letter(1, &stamp_of(after_send(HOUR)));
    for _ in 0..5 {
        alice.gets_late(&claiming, Age::claimed(centuries));
    }
    assert_eq!(alice.remaining(1), Some(MINUTE * 50));
    // Reading is by our clock alone.
    for age in [Age::NONE, Age::claimed(centuries)] {
        let mut alice = Device::new(ALICE);
        alice.gets_late(&letter(1, &stamp_of(after_read(HOUR))), age);
        alice.clock.pass(HOUR);
        alice.reads(1);
        assert_eq!(alice.remaining(1), Some(HOUR));
    }
    // What came an hour apart goes in that order, whatever its senders say, and by equal terms an hour apart.
    let mut alice = Device::new(ALICE);
    alice.gets(&letter(9, &stamp_of(after_send(DAY))));
    alice.clock.pass(HOUR);
    alice.gets_late(&letter(5, &stamp_of(after_send(DAY))), Age::claimed(centuries));
    alice.clock.pass(DAY);
    let order = [due(9, Parts::BODY), due(5, Parts::BODY)];
    assert_eq!(ids_and_parts(&alice.purges()), order);
    // A clock that is trusted says what it says.
    assert_eq!(remaining_of(after_send(DAY), Age::trusted(HOUR * 20)), HOUR * 4);
}

/// The server read the timer from a field beside the ciphertext, and knew what was meant to vanish.
#[test]
fn failure_31_the_server_sees_nothing_of_the_timer() {
    in_each_suite(|suite| {
        let talk = started_in(suite, 31);
        // In suite 2 a part of Alice's key travels with what she sends, and nothing with what Bob does.
        let letters = [
            (&talk.bob, &talk.alice, "on my way"),
            (&talk.alice, &talk.bob, "on my way, in a minute or two"),
        ];
        for (sender, receiver, body) in letters {
            let chosen = |policy| Stamp::of(Some(setting(0x0102_0304, policy)));
            let stamps = [
                Stamp::NONE,
                Stamp::NONE.with_opens(Opens::Once),
                chosen(None),
                chosen(Some(after_send(HOUR))),
                chosen(Some(after_send(HOUR))).announcing_change(),
                chosen(Some(after_read(WEEK))),
                chosen(Some(Policy::OnClose)),
                chosen(Some(after_read(WEEK)))
                    .with_policy(after_send(HOUR))
                    .with_opens(Opens::Twice),
            ];
            let mut messages = Vec::new();
            for stamp in &stamps {
                let (mut sender, mut receiver) = (restored(sender), restored(receiver));
                let payload = Payload::new(body).with_stamp(stamp.clone());
                let message = sender.encrypt(&payload, AD, &mut rng(31)).unwrap();
                let received = receiver.decrypt(&message, AD, NOW).unwrap();
                assert_eq!(received.stamp.as_ref(), Ok(stamp));
                // Shorter stretches could be there by chance.
                for stretch in stamp.encode().windows(4) {
                    assert!(!message.windows(4).any(|bytes| bytes == stretch), "{stamp:?}");
                }
                messages.push(message);
            }
            // From the same state, with the same draws: only what is sealed differs.
            for (place, message) in messages.iter().enumerate() {
                for other in &messages[..place] {
                    assert_eq!(message.len(), other.len());
                    assert_eq!(message[..ORDINARY_COMMITMENT], other[..ORDINARY_COMMITMENT]);
                    let differing = message.iter().zip(other).filter(|(byte, other)| byte != other);
                    assert!(differing.count() > (message.len() - ORDINARY_COMMITMENT) / 2);
                }
            }
        }
    });
}

/// Each edit was a new message to the timer.
#[test]
fn failure_32_an_edit_does_not_restart_the_clock() {
    let (mut alice, mut bob) = two_with(Some(after_read(HOUR)));
    let letter = bob.sends(1);
    alice.gets(&letter);
    alice.reads(1);
    let edit = |alice: &mut Device, by: MemberTag, policy: Option<Policy>| {
        alice.does(|scheduler, now| scheduler.edited(1.into(), by, policy, now))
    };
    for minute in 1..=30 {
        alice.clock.pass(MINUTE);
        for policy in [None, Some(after_send(WEEK)), Some(after_read(WEEK))] {
            assert!(edit(&mut alice, BOB, policy).is_ok());
        }
        // The text that is shown anew is read anew.
        alice.reads(1);
        alice.restart();
        assert_eq!(alice.remaining(1), Some(HOUR - MINUTE * minute));
    }
    // Only its author edits it, and only to shorten it.
    let before = alice.store.clone();
    assert_eq!(edit(&mut alice, ALICE, Some(after_read(SECOND))), Err(EditError::NotAuthor));
    assert!(alice.store == before);
    assert!(edit(&mut alice, BOB, Some(after_read(MINUTE * 40))).is_ok());
    assert_eq!(alice.remaining(1), Some(MINUTE * 10));
    alice.clock.pass(MINUTE * 10);
    for purged in [false, true] {
        if purged {
            assert_eq!(ids_and_parts(&alice.purges()), [due(1, Parts::BODY)]);
        }
        assert_eq!(edit(&mut alice, BOB, None), Err(EditError::Gone));
        assert_eq!(alice.sees(1), Visibility::Gone);
    }
}

/// The latest timestamp won, and one device was a year ahead: nobody could change the timer until then.
#[test]
fn failure_33_a_fast_clock_does_not_pin_the_setting() {
    let mut ahead = Clock::new();
    ahead.wall += DAY * 365;
    let (mut alice, mut bob) = (Device::at(ahead, ALICE), Device::new(BOB));
    alice.sets(Some(after_send(HOUR)));
    deliver_change(&mut alice, &mut bob);
    assert_eq!(bob.setting(), alice.setting());
    bob.sets(None);
    deliver_change(&mut bob, &mut alice);
    assert_eq!(policy_of(&alice), None);
    alice.sets(Some(after_send(WEEK)));
    deliver_change(&mut alice, &mut bob);
    assert_eq!(bob.setting(), alice.setting());

    // Nor does a version that nobody can follow.
    let before = alice.setting().unwrap();
    let highest = before.version.number() + (1 << 20);
    for version in [highest + 1, SettingVersion::MAX.number()] {
        let frozen = setting(version, None);
        let (verdict, told) = alice.gets(&letter(version, &Stamp::of(Some(frozen))));
        assert_eq!((verdict, alice.setting()), (Verdict::Keep, Some(before)));
        let refusal = SettingRefusal::VersionJump;
        let refused = ExpiryEvent::SettingRefused { conversation: CHAT, setting: frozen, refusal };
        assert_eq!(told.events, [refused]);
        // It is no way to send something that stays either.
        assert_eq!(alice.remaining(version), Some(WEEK));
    }
    // Somebody who has really seen many changes is followed, also if the last of them came first, and can be
    // followed in turn.
    alice.gets(&letter(1, &Stamp::of(Some(setting(highest, None)))));
    assert_eq!(alice.setting(), Some(setting(highest + 1, None)));
    alice.sets(Some(after_send(MINUTE)));
    assert_eq!(policy_of(&alice), Some(after_send(MINUTE)));
    assert_eq!(alice.setting().unwrap().version.number(), highest + 2);
}

/// It was sent with a day, and read when the timer of the chat was ten seconds; or none, and stayed for ever.
#[test]
fn failure_34_the_life_is_the_messages_own_and_not_the_settings_at_read_time() {
    for later in
        [None, Some(after_read(SECOND * 10)), Some(after_read(WEEK)), Some(Policy::OnClose)]
    {
        let (mut alice, mut bob) = two_with(Some(after_read(DAY)));
        let stamp = alice.scheduler.stamp(CHAT);
        let letter = bob.sends(1);
        alice.gets(&letter);
        alice.does(|scheduler, now| {
            scheduler.queued(NewMessage::new(2.into(), CHAT, ALICE), &stamp, now)
        });
        bob.sets(later);
        deliver_change(&mut bob, &mut alice);
        assert_eq!(policy_of(&alice), later);
        alice.restart();
        alice.clock.pass(HOUR);
        alice.reads(1);
        alice.does(|scheduler, now| scheduler.sent(2.into(), Age::NONE, now));
        alice.does(|scheduler, now| scheduler.closed(CHAT, now));
        assert_eq!(alice.remaining(1), Some(DAY));
        assert_eq!(alice.remaining(2), Some(DAY));
        alice.clock.pass(DAY);
        assert_eq!(alice.purges().len(), 2);
    }
    // What was sent without an end keeps none.
    let (mut alice, mut bob) = two_with(None);
    let letter = bob.sends(1);
    alice.gets(&letter);
    alice.sets(Some(after_read(SECOND)));
    alice.reads(1);
    alice.clock.pass(DAY * 400);
    assert!(alice.purges().is_empty());
    assert_eq!((alice.sees(1), alice.remaining(1)), (Visibility::Shown, None));
}

// What was found since, by others and here.

/// What own devices may hear, in any order, of a message that Bob sent ten seconds after Alice had set a timer.
#[derive(Clone, Copy, Debug)]
enum Hears {
    Message,
    Setting,
    Read,
    LaterSetting,
}

/// All orders of these.
fn orders(of: &[Hears]) -> Vec<Vec<Hears>> {
    if of.is_empty() {
        return vec![Vec::new()];
    }
    let begins = |place: usize| {
        let rest = [&of[..place], &of[place + 1..]].concat();
        orders(&rest).into_iter().map(move |rest| [&[of[place]][..], &rest].concat())
    };
    (0..of.len()).flat_map(begins).collect()
}

/// One device knew the timer when the message came, the other was told of it afterwards and kept the message for ever.
#[test]
fn own_devices_end_a_message_that_says_nothing_of_a_setting_at_the_same_moment_whatever_they_hear_first()
 {
    let jump = setting(SettingVersion::MAX.number(), Some(after_send(DAY)));
    let silent = [
        Stamp::NONE.encode(),
        vec![0xff],
        Stamp::of(Some(jump)).encode(),
        Stamp::NONE.with_policy(after_send(WEEK)).encode(),
    ];
    for stamp in silent {
        let letter = Letter { id: 1.into(), author: BOB, stamp };
        for later in [None, Some(after_send(SECOND)), Some(after_read(WEEK)), Some(Policy::OnClose)]
        {
            let mut phone = Device::new(ALICE);
            let told = phone.sets(Some(after_read(HOUR))).tell[0];
            phone.clock.pass(SECOND * 10);
            phone.gets(&letter);
            phone.clock.pass(SECOND * 10);
            let read = phone.reads(1).tell[0];
            phone.clock.pass(SECOND * 10);
            let told_later = phone.sets(later).tell[0];
            phone.clock.pass(SECOND * 10);
            let life = HOUR - SECOND * 20;
            assert_eq!(phone.remaining(1), Some(life));
            for order in orders(&[Hears::Message, Hears::Setting, Hears::Read, Hears::LaterSetting])
            {
                let mut computer = Device::new(ALICE);
                computer.clock.pass(SECOND * 40);
                for heard in &order {
                    match heard {
                        Hears::Message => {
                            computer.gets_late(&letter, Age::trusted(SECOND * 30));
                        }
                        Hears::Setting => _ = computer.is_told(told, SECOND * 40),
                        Hears::Read => _ = computer.is_told(read, SECOND * 20),
                        Hears::LaterSetting => _ = computer.is_told(told_later, SECOND * 10),
                    }
                    computer.restart();
                }
                assert_eq!(computer.remaining(1), Some(life), "{order:?} {:?}", letter.stamp);
                assert_eq!(computer.setting(), phone.setting());
                lives_exactly(&mut computer, 1, life);
            }
        }
    }
}

/// Messages of years, from before anybody had a timer, went when the first one was set.
#[test]
fn a_timer_that_is_set_reaches_no_message_that_was_sent_before() {
    let (mut phone, mut computer) = (Device::new(ALICE), Device::new(ALICE));
    let broken = Letter { id: 2.into(), author: BOB, stamp: vec![0xff] };
    let honest = letter(3, &Stamp::of(Some(setting(1, Some(after_send(WEEK))))));
    for device in [&mut phone, &mut computer] {
        [letter(1, &Stamp::NONE), broken.clone()].iter().for_each(|it| _ = device.gets(it));
    }
    pass([&mut phone, &mut computer], SECOND * 10);
    for device in [&mut phone, &mut computer] {
        device.gets(&honest);
    }
    // What it is changed to, or to be changed to, shortens or lengthens nothing that said how long it lives.
    for policy in [Some(after_send(SECOND)), None, Some(after_read(SECOND)), Some(Policy::OnClose)]
    {
        pass([&mut phone, &mut computer], SECOND * 10);
        let told = phone.sets(policy).tell[0];
        pass([&mut phone, &mut computer], SECOND * 10);
        computer.is_told(told, SECOND * 10);
        for device in [&mut phone, &mut computer] {
            (1..=3).for_each(|id| _ = device.reads(id));
            device.does(|scheduler, now| scheduler.closed(CHAT, now));
            assert!(device.purges().is_empty());
            assert_eq!([1, 2].map(|id| device.remaining(id)), [None, None]);
        }
        assert_eq!(phone.remaining(3), computer.remaining(3));
    }
    assert_eq!(phone.remaining(3), Some(WEEK - SECOND * 80));
    // Bob's message with the setting was sent before the one that says nothing, and came after it.
    let mut tablet = Device::new(ALICE);
    tablet.clock.pass(HOUR);
    tablet.gets_late(&letter(4, &Stamp::NONE), Age::trusted(MINUTE * 10));
    assert_eq!(tablet.remaining(4), None);
    tablet.gets_late(&honest, Age::trusted(MINUTE * 20));
    assert_eq!(tablet.remaining(4), Some(WEEK - MINUTE * 10));
}

/// The computer wrote it before it heard of the timer, and kept its own copy for ever.
#[test]
fn a_message_of_a_device_that_did_not_know_the_timer_ends_there_too() {
    let (mut phone, mut computer) = (Device::new(ALICE), Device::new(ALICE));
    let told = phone.sets(Some(after_send(WEEK))).tell[0];
    pass([&mut phone, &mut computer], SECOND * 10);
    let ignorant = computer.sends(1);
    assert_eq!(computer.remaining(1), None);
    pass([&mut phone, &mut computer], SECOND * 10);
    let stamp = ignorant.stamp().unwrap();
    phone.does(|scheduler, now| {
        scheduler.sent_elsewhere(ignorant.message(), &stamp, Age::trusted(SECOND * 10), now)
    });
    computer.is_told(told, SECOND * 20);
    for device in [&mut phone, &mut computer] {
        lives_exactly(device, 1, WEEK - SECOND * 10);
    }
}

/// The reader left before it was known that this ends what has been read: it stayed on one device.
#[test]
fn what_was_closed_before_the_setting_was_known_is_closed() {
    let (mut phone, mut computer) = (Device::new(ALICE), Device::new(ALICE));
    let vanish = phone.sets(Some(Policy::OnClose)).tell[0];
    for device in [&mut phone, &mut computer] {
        device.gets(&letter(1, &Stamp::NONE));
    }
    let read = computer.reads(1).tell[0];
    let closed = computer.does(|scheduler, now| scheduler.closed(CHAT, now)).tell[0];
    computer.is_told(vanish, Duration::ZERO);
    phone.is_told(read, Duration::ZERO);
    phone.is_told(closed, Duration::ZERO);
    assert_eq!([phone.sees(1), computer.sees(1)], [Visibility::Gone; 2]);
}

/// Two changes, of which the second is far above what was known: heard in the other order it was lost.
#[test]
fn the_order_of_settings_whose_versions_jump_does_not_matter() {
    let jump = 1 << 20;
    let steps = [
        setting(jump, Some(after_send(HOUR))),
        setting(2 * jump, None),
        setting(3 * jump, Some(after_read(DAY))),
    ];
    for order in [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]] {
        let mut alice = Device::new(ALICE);
        for step in order {
            alice.gets(&letter(step as u64, &Stamp::of(Some(steps[step]))));
            alice.restart();
        }
        assert_eq!(alice.setting(), Some(steps[2]), "{order:?}");
    }
    // Trust in jumps stays bounded: without what leads there, nobody comes there.
    let mut alice = Device::new(ALICE);
    alice.gets(&letter(1, &Stamp::of(Some(steps[2]))));
    alice.gets(&letter(2, &Stamp::of(Some(steps[1]))));
    assert_eq!(alice.setting(), None);
    alice.sets(Some(after_send(HOUR)));
    assert_eq!(alice.setting().unwrap().version.number(), 1);
}

/// A clock that begins at zero: the moment was taken for never.
#[test]
fn at_the_beginning_of_time_closing_ends_what_was_read() {
    let mut clock = Clock::new();
    clock.wall = Duration::ZERO;
    let mut alice = Device::at(clock, ALICE);
    alice.gets(&letter(1, &stamp_of(Policy::OnClose)));
    alice.reads(1);
    alice.does(|scheduler, now| scheduler.closed(CHAT, now));
    assert_eq!(alice.sees(1), Visibility::Gone);
    // And one that comes later, and was read and closed elsewhere before the beginning.
    alice.is_told(DeviceEvent::Read(2.into()), HOUR);
    alice.is_told(DeviceEvent::Closed(CHAT), HOUR);
    assert_eq!(alice.gets(&letter(2, &stamp_of(Policy::OnClose))).0, Verdict::Late);
}

/// A gallery showed what may be viewed once, as often as one liked: it asked whether the message may be shown.
#[test]
fn what_may_be_viewed_once_is_not_shown_but_opened() {
    let mut alice = Device::new(ALICE);
    for (id, opens) in [(1, Opens::Once), (2, Opens::Twice)] {
        alice.gets(&letter(id, &Stamp::NONE.with_opens(opens)));
        alice.reads(id);
        assert_eq!(alice.sees(id), Visibility::Placeholder);
        alice.restart();
    }
    assert!(alice.does(|scheduler, now| scheduler.open(1.into(), now)).is_ok());
    assert!(alice.does(|scheduler, now| scheduler.open(2.into(), now)).is_ok());
    assert_eq!([1, 2].map(|id| alice.sees(id)), [Visibility::Gone, Visibility::Placeholder]);
    // While it may have been opened elsewhere, not even that; and who wrote it has seen it.
    alice.does(|scheduler, now| scheduler.catching_up(now));
    alice.gets(&letter(3, &Stamp::NONE.with_opens(Opens::Once)));
    assert_eq!(alice.sees(3), Visibility::Withheld);
    alice.sends_with(4, |stamp| stamp.with_opens(Opens::Once));
    assert_eq!(alice.sees(4), Visibility::Shown);
}

/// It had waited for a connection until it ended, and its author took it for sent.
#[test]
fn what_ends_unsent_can_be_told_from_what_was_sent_and_ended() {
    let (mut alice, mut bob) = two_with(Some(after_send(DAY * 2)));
    let stamp = alice.scheduler.stamp(CHAT);
    for id in [1, 2] {
        let message = NewMessage::new(id.into(), CHAT, ALICE).with_parts(Parts::RESEND_LOG);
        alice.does(|scheduler, now| scheduler.queued(message, &stamp, now));
    }
    alice.does(|scheduler, now| scheduler.sent(1.into(), Age::NONE, now));
    let from_bob = bob.sends(3);
    alice.gets(&from_bob);
    alice.restart();
    alice.clock.pass(DAY * 2);
    let mut purged: Vec<_> =
        alice.purges().iter().map(|due| (due.id, due.ended, due.unsent)).collect();
    purged.sort();
    let all = [(1.into(), true, false), (2.into(), true, true), (3.into(), true, false)];
    assert_eq!(purged, all);
    // It had left just before that, and was deleted from the outbox only then.
    let (mut alice, mut computer) = (Device::new(ALICE), Device::new(ALICE));
    let stamp = stamp_of(after_send(MINUTE));
    for device in [&mut alice, &mut computer] {
        let message = NewMessage::new(1.into(), CHAT, ALICE);
        device.does(|scheduler, now| scheduler.queued(message, &stamp, now));
        device.clock.pass(DAY * 2);
    }
    let told = alice.does(|scheduler, now| scheduler.sent(1.into(), Age::trusted(MINUTE), now));
    computer.is_told(told.tell[0], Duration::ZERO);
    for device in [&mut alice, &mut computer] {
        assert_eq!(device.sees(1), Visibility::Gone);
        let purged: Vec<_> = device.purges().iter().map(|due| (due.ended, due.unsent)).collect();
        assert_eq!(purged, [(true, false)]);
    }
}

/// The clock was ten days ahead after a start, and a server's was asked before anything else. All ended all the same.
#[test]
fn a_clock_set_ahead_while_the_device_is_off_ends_nothing_where_a_trusted_clock_is_asked_first() {
    let (mut alice, mut bob) = two_with(Some(after_send(DAY)));
    let letter = bob.sends(1);
    alice.gets(&letter);
    let trust = |alice: &mut Device, after: Duration| {
        let server = Duration::from_secs(7_000_000) + after;
        alice.does(|scheduler, now| scheduler.trust_time(server, now));
    };
    trust(&mut alice, Duration::ZERO);
    for start in 1..=5 {
        alice.clock.reboot(HOUR);
        alice.clock.wall += DAY * 10;
        alice.restart();
        trust(&mut alice, HOUR * start);
        assert_eq!(alice.remaining(1), Some(DAY - HOUR * start));
    }
    // What the wall clock said and was told to the application stays so.
    alice.clock.reboot(HOUR);
    alice.clock.wall += DAY * 10;
    assert_eq!(ids_and_parts(&alice.purges()), [due(1, Parts::BODY)]);
    trust(&mut alice, HOUR * 6);
    assert_eq!((alice.sees(1), alice.gets(&letter).0), (Visibility::Gone, Verdict::Late));
}

/// A page in a browser has only a wall clock, and this one showed another day every five minutes.
#[test]
fn where_there_is_only_a_wall_clock_that_jumps_a_trusted_one_keeps_time() {
    let at = |minute: u64, hours: u64| {
        Now::from_wall(HOUR * 24 * 365 * 50 + HOUR * hours as u32 + MINUTE * minute as u32)
    };
    let mut bobs = ExpiryScheduler::new(at(0, 15), &mut rng(1));
    let _ = bobs.trust_time(DAY, at(0, 15));
    let stamp = Ok(stamp_of(after_read(DAY)));
    let _ = bobs.received(NewMessage::new(1.into(), CHAT, BOB), &stamp, Age::NONE, at(0, 15));
    let _ = bobs.read(1.into(), at(0, 15));
    for minute in 1..=60 {
        let now = if minute % 5 == 0 { at(0, 0) } else { at(minute, 15) };
        let _ = bobs.trust_time(DAY + MINUTE * minute as u32, now);
        assert!(bobs.poll(10, now).due.is_empty());
        let lived = DAY - bobs.remaining(1.into(), now).unwrap();
        assert!(lived.abs_diff(MINUTE * minute as u32) <= MINUTE, "{lived:?} after {minute}");
    }
}

/// A second each time is too little to be stored, it was thought: after sixty starts a minute was lost.
#[test]
fn a_wall_clock_set_by_a_second_before_each_start_ends_nothing_early() {
    for set in [SECOND, Duration::from_millis(100)] {
        let (mut alice, mut bob) = two_with(Some(after_send(HOUR * 2)));
        let letter = bob.sends(1);
        alice.gets(&letter);
        for start in 1..=60 {
            alice.clock.wall += set;
            alice.does(|scheduler, now| scheduler.poll(0, now));
            alice.clock.reboot(MINUTE);
            alice.restart();
            alice.does(|scheduler, now| scheduler.poll(0, now));
            assert_eq!(alice.remaining(1), Some(HOUR * 2 - MINUTE * start));
        }
    }
}
