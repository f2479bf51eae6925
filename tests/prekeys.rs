//! How a device's prekeys are made, published, handed out, used up and forgotten.

mod support;

use std::collections::BTreeSet;
use std::time::Duration;

use evanesce::limits::Limits;
use evanesce::server::{PreKeyStock, PreKeyUpload, PublishedPreKeys};
use evanesce::session::{AcceptError, Session};
use evanesce::{
    Account, Address, AddressLength, DecodeError, PreKeyBundle, StockDisagreement, Suite,
    Timestamp, VerifyError,
};
use support::layout::{BEFORE_ADDRESS, one_time_prekey, signed_prekey_id};
use support::{
    AD, DAY, Draws, NOW, NoDraws, SECOND, Talk, World, accept_refusal, account_of, in_each_suite,
    publishing, receive, restored, rng, secrets, send, state,
};

fn days(count: u32) -> Timestamp {
    NOW.plus(DAY * count)
}

fn bob(suite: Suite, seed: u64) -> Account {
    account_of(suite, "bob@example/laptop", Limits::default(), seed)
}

/// How many keys a prekey has, each of which is one draw.
fn keys(suite: Suite) -> usize {
    match suite {
        Suite::Classical => 1,
        Suite::Hybrid => 2,
    }
}

/// The ids of the one-time prekeys in an upload.
fn ids(upload: &PreKeyUpload) -> Vec<u32> {
    upload.one_time_prekeys().iter().map(|prekey| prekey.id()).collect()
}

fn verify(bundle: &[u8], now: Timestamp) -> Result<(), VerifyError> {
    PreKeyBundle::decode(bundle).unwrap().verify(now).map(|_| ())
}

#[test]
fn maintenance_publishes_a_signed_prekey_and_a_hundred_one_time_prekeys_at_first() {
    in_each_suite(|suite| {
        let mut draws = Draws::new(1);
        let address = Address::new("bob").unwrap();
        let mut bob =
            Account::generate_of_suite(suite, address, Limits::default(), NOW, &mut draws);
        assert_eq!(draws.made.len(), 1 + keys(suite));
        assert!(ids(&bob.pending_upload().unwrap()).is_empty());
        let upload = bob.maintain(None, NOW, &mut draws).upload.unwrap();
        assert_eq!(draws.made.len(), 1 + keys(suite) * (1 + 100));
        assert_eq!(signed_prekey_id(upload.signed_part()), 1);
        assert_eq!(ids(&upload), (1..=100).collect::<Vec<_>>());
        assert_eq!(PreKeyUpload::decode(&upload.encode()), Ok(upload));
    });
}

#[test]
fn the_same_upload_is_given_until_it_is_published() {
    in_each_suite(|suite| {
        let mut bob = bob(suite, 2);
        let upload = bob.maintain(None, NOW, &mut rng(2)).upload.unwrap();
        assert_eq!(bob.pending_upload().as_ref(), Some(&upload));
        let mut bob = restored(&bob);
        assert_eq!(bob.maintain(None, days(1), &mut NoDraws).upload, Some(upload.clone()));
        let _ = bob.mark_published(&upload);
        assert_eq!(bob.pending_upload(), None);
        let mut bob = restored(&bob);
        let before = state(&bob);
        assert_eq!(bob.maintain(None, days(1), &mut NoDraws).upload, None);
        assert!(state(&bob) == before, "with nothing due nothing changes");
    });
}

#[test]
fn a_late_note_of_an_older_upload_does_not_hide_what_came_after_it() {
    in_each_suite(|suite| {
        let mut bob = bob(suite, 3);
        let first = bob.maintain(None, NOW, &mut rng(3)).upload.unwrap();
        assert!(bob.rotate_signed_prekey(NOW, &mut rng(4)).changes.account);
        let _ = bob.mark_published(&first);
        let second = bob.pending_upload().unwrap();
        assert_eq!(signed_prekey_id(second.signed_part()), 2);
        assert!(ids(&second).is_empty());
        let second = bob.add_one_time_prekeys(2, &mut rng(5)).upload.unwrap();
        assert_eq!(ids(&second), [101, 102]);
        let _ = bob.mark_published(&second);
        let _ = bob.mark_published(&first);
        assert_eq!(bob.pending_upload(), None);
    });
}

#[test]
fn maintenance_replaces_the_one_time_prekeys_that_were_used() {
    in_each_suite(|suite| {
        let mut world = World::of(suite, 4);
        for _ in 0..3 {
            world.start();
        }
        let upload = world.bob.maintain(None, days(1), &mut world.rng).upload.unwrap();
        assert_eq!(ids(&upload), [101, 102, 103]);
        assert_eq!(upload.signed_part(), world.upload.signed_part());
    });
}

#[test]
fn more_one_time_prekeys_are_made_when_the_server_runs_out() {
    in_each_suite(|suite| {
        let mut world = World::of_limited(suite, publishing(3), 5);
        while world.server.one_time_prekeys_left() > 0 {
            world.server.hand_out();
        }
        assert_eq!(world.bob.maintain(None, NOW, &mut NoDraws).upload, None);
        let upload = world.bob.add_one_time_prekeys(2, &mut world.rng).upload.unwrap();
        assert_eq!(ids(&upload), [4, 5]);
        world.publish(upload);
        assert_eq!(world.server.one_time_prekeys_left(), 2);
        world.start().goes_on();
    });
}

#[test]
fn one_time_prekey_ids_ascend_and_never_repeat() {
    in_each_suite(|suite| {
        let mut limits = Limits::default();
        limits.prekeys.one_time_prekeys = 8;
        limits.prekeys.max_one_time_prekeys = 10;
        let mut world = World::of_limited(suite, limits, 6);
        let mut published = ids(&world.upload);
        let first = send(&mut world.initiate(), "first", &mut world.rng);
        for round in 0..5 {
            let upload = world.bob.add_one_time_prekeys(8, &mut rng(round)).upload.unwrap();
            published.extend(ids(&upload));
            world.publish(upload);
            world.bob = restored(&world.bob);
        }
        let upload = world.bob.add_one_time_prekeys(100, &mut rng(6)).upload.unwrap();
        assert_eq!(ids(&upload).len(), 10, "no more than may be held");
        published.extend(ids(&upload));
        assert_eq!(published, (1..=58).collect::<Vec<_>>());
        // The oldest went first.
        assert_eq!(accept_refusal(&mut world.bob, &first), AcceptError::UnknownPreKey);
    });
}

#[test]
fn each_one_time_prekey_is_handed_out_once() {
    in_each_suite(|suite| {
        let mut world = World::of(suite, 7);
        let signed_part = world.upload.signed_part();
        let mut seen = BTreeSet::new();
        for left in (0..100).rev() {
            let bundle = world.server.hand_out();
            assert_eq!(world.server.one_time_prekeys_left(), left);
            assert!(bundle.starts_with(signed_part));
            assert!(seen.insert(bundle[signed_part.len()..].to_vec()));
        }
        let last = [signed_part, &[0]].concat();
        assert_eq!(world.server.hand_out(), last);
        assert_eq!(world.server.hand_out(), last);
    });
}

#[test]
fn a_repeated_upload_changes_nothing() {
    in_each_suite(|suite| {
        let mut world = World::of_limited(suite, publishing(3), 8);
        for left in [2, 1, 0] {
            world.server.hand_out();
            let before = world.server.clone();
            world.server.publish(world.upload.clone());
            assert_eq!(world.server, before);
            assert_eq!(world.server.one_time_prekeys_left(), left);
        }
    });
}

#[test]
fn an_upload_that_comes_late_brings_no_older_signed_part_back() {
    in_each_suite(|suite| {
        let mut world = World::of_limited(suite, publishing(3), 30);
        let upload = world.bob.rotate_signed_prekey(days(1), &mut rng(30)).upload.unwrap();
        world.publish(upload.clone());
        world.server.publish(world.upload.clone());
        assert!(world.server.hand_out().starts_with(upload.signed_part()));
        assert_eq!(world.server.one_time_prekeys_left(), 2);
    });
}

#[test]
fn what_replaces_a_signed_prekey_from_a_clock_that_ran_ahead_is_handed_out() {
    in_each_suite(|suite| {
        let mut bob = bob(suite, 31);
        let ahead = bob.rotate_signed_prekey(days(365), &mut rng(31)).upload.unwrap();
        let mut server = PublishedPreKeys::new(ahead.clone());
        let _ = bob.mark_published(&ahead);
        assert_eq!(verify(&server.hand_out(), NOW), Err(VerifyError::NotYetValid));
        let upload = bob.maintain(None, NOW, &mut rng(32)).upload.unwrap();
        assert_ne!(upload.signed_part(), ahead.signed_part());
        server.publish(upload);
        assert_eq!(verify(&server.hand_out(), NOW), Ok(()));
    });
}

#[test]
fn an_upload_of_another_identity_replaces_everything() {
    in_each_suite(|suite| {
        let mut world = World::of_limited(suite, publishing(3), 32);
        let mut anew = bob(suite, 33);
        let upload = anew.add_one_time_prekeys(2, &mut rng(33)).upload.unwrap();
        world.server.publish(upload.clone());
        assert_eq!(world.server.stock(), PublishedPreKeys::new(upload).stock());
        world.bob = anew;
        world.start().goes_on();
    });
}

#[test]
fn a_device_restored_from_a_backup_replaces_the_one_time_prekeys_that_it_makes_again() {
    in_each_suite(|suite| {
        let mut world = World::of_limited(suite, publishing(0), 34);
        let backup = restored(&world.bob);
        let forgotten = world.bob.add_one_time_prekeys(3, &mut rng(34)).upload.unwrap();
        world.publish(forgotten);
        world.bob = backup;
        let upload = world.bob.add_one_time_prekeys(4, &mut rng(35)).upload.unwrap();
        world.publish(upload);
        for left in [3, 2, 1, 0] {
            world.start().goes_on();
            assert_eq!(world.server.one_time_prekeys_left(), left);
        }
    });
}

#[test]
fn an_upload_says_which_device_it_is_of() {
    in_each_suite(|suite| {
        let mut world = World::of_limited(suite, publishing(0), 36);
        let bundle = world.upload.bundle();
        assert_eq!(bundle.encode(), world.server.hand_out());
        assert_eq!(bundle.verify(NOW).unwrap().device(), &world.bob.device());
    });
}

#[test]
fn a_later_upload_replaces_the_signed_part_and_adds_one_time_prekeys() {
    in_each_suite(|suite| {
        let mut world = World::of_limited(suite, publishing(1), 9);
        let upload = world.bob.rotate_signed_prekey(days(1), &mut rng(9)).upload.unwrap();
        assert!(ids(&upload).is_empty());
        world.publish(upload.clone());
        let upload_of_one = world.bob.add_one_time_prekeys(1, &mut rng(10)).upload.unwrap();
        world.publish(upload_of_one);
        assert_eq!(world.server.one_time_prekeys_left(), 2);
        assert!(world.server.hand_out().starts_with(upload.signed_part()));
    });
}

#[test]
fn a_server_keeps_at_most_a_thousand_one_time_prekeys_of_a_device() {
    in_each_suite(|suite| {
        let mut limits = Limits::default();
        limits.prekeys.max_one_time_prekeys = 1_100;
        let mut bob = account_of(suite, "bob", limits, 10);
        let upload = bob.add_one_time_prekeys(1_100, &mut rng(10)).upload.unwrap();
        assert_eq!(ids(&upload).len(), 1_100);
        let mut server = PublishedPreKeys::new(upload.clone());
        assert_eq!(server.one_time_prekeys_left(), 1_000);
        server.hand_out();
        server.publish(upload);
        assert_eq!(server.one_time_prekeys_left(), 1_000);
    });
}

#[test]
fn the_signed_prekey_is_replaced_after_seven_days() {
    in_each_suite(|suite| {
        let mut world = World::of(suite, 11);
        assert_eq!(world.bob.maintain(None, days(7).minus(SECOND), &mut NoDraws).upload, None);
        let mut draws = Draws::new(11);
        let upload = world.bob.maintain(None, days(7), &mut draws).upload.unwrap();
        assert_eq!(draws.made.len(), keys(suite));
        assert_eq!(signed_prekey_id(upload.signed_part()), 2);
        assert!(ids(&upload).is_empty());
        world.publish(upload);
        assert_eq!(verify(&world.server.hand_out(), days(7)), Ok(()));
    });
}

#[test]
fn a_replaced_signed_prekey_is_kept_for_thirty_days() {
    in_each_suite(|suite| {
        let mut world = World::of(suite, 12);
        let message = send(&mut world.initiate(), "late", &mut world.rng);
        assert!(world.bob.maintain(None, days(7), &mut rng(12)).changes.account);
        let last_moment = days(7 + 30);
        assert!(world.bob.maintain(None, last_moment, &mut rng(13)).changes.account);
        let mut too_late = restored(&world.bob);
        // What counts is whether the secret is still there, not that its bundle has expired.
        let accepted = world.bob.accept(&message, AD, last_moment).unwrap();
        assert_eq!(accepted.received.body, b"late");

        assert!(too_late.maintain(None, last_moment.plus(SECOND), &mut rng(14)).changes.account);
        assert_eq!(accept_refusal(&mut too_late, &message), AcceptError::UnknownPreKey);
    });
}

#[test]
fn without_maintenance_a_signed_prekey_is_kept() {
    in_each_suite(|suite| {
        let mut world = World::of(suite, 13);
        let message = send(&mut world.initiate(), "late", &mut world.rng);
        let accepted = world.bob.accept(&message, AD, days(365)).unwrap();
        assert_eq!(accepted.received.body, b"late");
    });
}

#[test]
fn signed_prekey_ids_ascend_and_never_repeat() {
    in_each_suite(|suite| {
        let mut bob = bob(suite, 14);
        for id in 2..10 {
            let upload =
                bob.rotate_signed_prekey(days(id * 100), &mut rng(id.into())).upload.unwrap();
            assert_eq!(signed_prekey_id(upload.signed_part()), id);
            bob = restored(&bob);
        }
    });
}

#[test]
fn a_one_time_prekey_is_spent_by_the_first_message_that_opens() {
    in_each_suite(|suite| {
        let mut world = World::of(suite, 15);
        let bundle = world.server.hand_out();
        let [one, two] = ["one", "two"].map(|body| {
            let mut alice = world.initiate_with(&bundle);
            send(&mut alice, body, &mut world.rng)
        });
        let mut forged = one.clone();
        *forged.last_mut().unwrap() ^= 1;
        assert_eq!(accept_refusal(&mut world.bob, &forged), AcceptError::Undecryptable);
        assert_eq!(world.accept(&one).received.body, b"one");
        for message in [&one, &two] {
            assert_eq!(accept_refusal(&mut world.bob, message), AcceptError::UnknownPreKey);
        }
    });
}

#[test]
fn a_bundle_without_one_time_prekey_starts_a_session() {
    in_each_suite(|suite| {
        let mut world = World::of_limited(suite, publishing(0), 16);
        let bundle = PreKeyBundle::decode(&world.server.hand_out()).unwrap().verify(NOW).unwrap();
        assert!(!bundle.has_one_time_prekey());
        assert_eq!(bundle.device(), &world.bob.device());
        world.start().goes_on();
        let bundle = World::of(suite, 16).server.hand_out();
        assert!(PreKeyBundle::decode(&bundle).unwrap().verify(NOW).unwrap().has_one_time_prekey());
    });
}

#[test]
fn a_message_to_another_device_is_refused() {
    in_each_suite(|suite| {
        let mut world = World::of_limited(suite, publishing(0), 17);
        let message = send(&mut world.initiate(), "for Bob", &mut world.rng);
        let mut mallory = bob(suite, 18);
        assert_eq!(accept_refusal(&mut mallory, &message), AcceptError::Undecryptable);
        let message = send(&mut World::of(suite, 17).initiate(), "for Bob", &mut world.rng);
        assert_eq!(accept_refusal(&mut mallory, &message), AcceptError::UnknownPreKey);
    });
}

#[test]
fn a_replayed_handshake_is_refused_for_as_long_as_its_prekey_is_held() {
    in_each_suite(|suite| {
        let mut world = World::of_limited(suite, publishing(0), 19);
        let message = send(&mut world.initiate(), "first", &mut world.rng);
        world.accept(&message);
        assert_eq!(accept_refusal(&mut world.bob, &message), AcceptError::Replayed);
        world.bob = restored(&world.bob);
        assert_eq!(accept_refusal(&mut world.bob, &message), AcceptError::Replayed);
        assert!(world.bob.maintain(None, days(7), &mut rng(19)).changes.account);
        assert!(world.bob.maintain(None, days(37), &mut rng(20)).changes.account);
        assert_eq!(accept_refusal(&mut world.bob, &message), AcceptError::Replayed);
        assert!(world.bob.maintain(None, days(38), &mut rng(21)).changes.account);
        assert_eq!(accept_refusal(&mut world.bob, &message), AcceptError::UnknownPreKey);
    });
}

#[test]
fn a_full_replay_record_refuses_until_the_signed_prekey_is_replaced() {
    in_each_suite(|suite| {
        let mut world = World::of_limited(suite, publishing(0), 22);
        let bundle = world.server.hand_out();
        let mut first_messages = Vec::new();
        for number in 0..1_024 {
            if number == 767 {
                assert_eq!(world.bob.maintain(None, NOW, &mut NoDraws).upload, None);
            }
            if number == 768 {
                let mut maintained: Account = restored(&world.bob);
                let upload = maintained.maintain(None, NOW, &mut rng(22)).upload.unwrap();
                assert_eq!(signed_prekey_id(upload.signed_part()), 2);
            }
            let message = send(&mut world.initiate_with(&bundle), "first", &mut world.rng);
            world.accept(&message);
            first_messages.push(message);
        }
        let one_more = send(&mut world.initiate_with(&bundle), "first", &mut world.rng);
        assert_eq!(accept_refusal(&mut world.bob, &one_more), AcceptError::ReplayRecordFull);
        for message in [&first_messages[0], &first_messages[1_023]] {
            assert_eq!(accept_refusal(&mut world.bob, message), AcceptError::Replayed);
        }
        // With a one-time prekey a handshake needs no record.
        let upload = world.bob.add_one_time_prekeys(1, &mut world.rng).upload.unwrap();
        world.publish(upload);
        world.start().goes_on();

        let upload = world.bob.maintain(None, NOW, &mut world.rng).upload.unwrap();
        assert_eq!(accept_refusal(&mut world.bob, &one_more), AcceptError::ReplayRecordFull);
        world.publish(upload);
        world.start().goes_on();
    });
}

#[test]
fn a_bundle_is_valid_from_a_day_before_it_was_made_until_it_expires() {
    in_each_suite(|suite| {
        let bundle = World::of(suite, 23).server.hand_out();
        let earliest = NOW.minus(DAY);
        assert_eq!(verify(&bundle, earliest.minus(SECOND)), Err(VerifyError::NotYetValid));
        assert_eq!(verify(&bundle, earliest), Ok(()));
        assert_eq!(verify(&bundle, days(30).minus(SECOND)), Ok(()));
        assert_eq!(verify(&bundle, days(30)), Err(VerifyError::Expired));
    });
}

/// Checks how long a bundle is valid that was made to be valid for `set`.
fn check_lifetime(suite: Suite, set: Duration, valid: Duration) {
    let mut limits = Limits::default();
    limits.prekeys.signed_prekey_lifetime = set;
    let bundle = World::of_limited(suite, limits, 24).server.hand_out();
    let expires = NOW.plus(valid);
    assert_eq!(verify(&bundle, expires.minus(SECOND)), Ok(()));
    assert_eq!(verify(&bundle, expires), Err(VerifyError::Expired));
}

#[test]
fn a_signed_prekey_is_valid_for_a_second_to_ninety_days() {
    in_each_suite(|suite| {
        check_lifetime(suite, DAY, DAY);
        check_lifetime(suite, DAY * 90, DAY * 90);
        check_lifetime(suite, DAY * 90 + SECOND, DAY * 90);
        check_lifetime(suite, Duration::MAX, DAY * 90);
        check_lifetime(suite, Duration::ZERO, SECOND);
    });
}

#[test]
fn an_expired_signed_prekey_is_replaced_however_new_it_is() {
    in_each_suite(|suite| {
        let mut limits = Limits::default();
        limits.prekeys.signed_prekey_lifetime = DAY;
        let mut world = World::of_limited(suite, limits, 25);
        assert_eq!(world.bob.maintain(None, days(1).minus(SECOND), &mut NoDraws).upload, None);
        let upload = world.bob.maintain(None, days(1), &mut rng(25)).upload.unwrap();
        assert_eq!(signed_prekey_id(upload.signed_part()), 2);
    });
}

#[test]
fn new_limits_of_an_account_hold_from_the_next_maintenance_on() {
    in_each_suite(|suite| {
        let mut world = World::of(suite, 26);
        let mut limits = Limits::default();
        limits.prekeys.one_time_prekeys = 102;
        limits.prekeys.signed_prekey_rotation = DAY;
        let _ = world.bob.set_limits(limits.clone());
        assert_eq!(restored(&world.bob).limits(), &limits);
        let upload = world.bob.maintain(None, days(1), &mut world.rng).upload.unwrap();
        assert_eq!(signed_prekey_id(upload.signed_part()), 2);
        assert_eq!(ids(&upload), [101, 102]);
    });
}

/// A conversation between devices of these addresses.
fn converse(suite: Suite, alice_address: &[u8], bob_address: &[u8]) -> (Session, Session) {
    let mut rng = rng(27);
    let alice_account = account_of(suite, alice_address, Limits::default(), 27);
    let mut bob_account = account_of(suite, bob_address, Limits::default(), 28);
    let mut server =
        PublishedPreKeys::new(bob_account.maintain(None, NOW, &mut rng).upload.unwrap());
    let bundle = PreKeyBundle::decode(&server.hand_out()).unwrap().verify(NOW).unwrap();
    let mut alice = alice_account.initiate(&bundle, &mut rng).unwrap();
    let first = send(&mut alice, "first", &mut rng);
    let mut bob = bob_account.accept(&first, AD, NOW).unwrap().session;
    let reply = send(&mut bob, "reply", &mut rng);
    receive(&mut alice, &reply);
    let mut talk = Talk { alice, bob, rng };
    talk.goes_on();
    (talk.alice, talk.bob)
}

#[test]
fn addresses_of_one_to_sixty_four_bytes_are_seen_by_the_peer() {
    in_each_suite(|suite| {
        for (alice_address, bob_address) in
            [(&[0][..], &[0xff; 64][..]), (&[0x80; 64], &[0]), (b"same", b"same")]
        {
            let (alice, bob) = converse(suite, alice_address, bob_address);
            assert_eq!(alice.peer().address.as_bytes(), bob_address);
            assert_eq!(bob.peer().address.as_bytes(), alice_address);
        }
        for length in [0, 65, 256] {
            assert_eq!(Address::new(vec![b'a'; length]), Err(AddressLength));
        }
    });
}

#[test]
fn a_device_can_write_to_itself() {
    in_each_suite(|suite| {
        let mut bob = bob(suite, 29);
        let mut server =
            PublishedPreKeys::new(bob.maintain(None, NOW, &mut rng(29)).upload.unwrap());
        let bundle = PreKeyBundle::decode(&server.hand_out()).unwrap().verify(NOW).unwrap();
        let mut near = bob.initiate(&bundle, &mut rng(30)).unwrap();
        let note = send(&mut near, "a note to myself", &mut rng(31));
        let far = bob.accept(&note, AD, NOW).unwrap();
        assert_eq!(far.received.body, b"a note to myself");
        assert_eq!(far.session.peer(), &bob.device());
    });
}

#[test]
fn a_device_restored_from_a_backup_is_reached_by_what_it_publishes_then() {
    in_each_suite(|suite| {
        let mut world = World::of_limited(suite, publishing(10), 34);
        let backup = restored(&world.bob);
        let more = world.bob.add_one_time_prekeys(10, &mut rng(35)).upload.unwrap();
        world.publish(more);
        for _ in 0..14 {
            world.server.hand_out();
        }
        world.bob = backup;
        let later = world.bob.rotate_signed_prekey(NOW.plus(SECOND), &mut rng(36)).upload.unwrap();
        world.publish(later);
        let anew = world.bob.add_one_time_prekeys(5, &mut rng(37)).upload.unwrap();
        world.publish(anew);
        assert_eq!(world.server.one_time_prekeys_left(), 5);
        for _ in 0..6 {
            world.start().goes_on();
        }
    });
}

#[test]
fn an_upload_from_before_a_restore_does_not_count_as_published() {
    in_each_suite(|suite| {
        let mut world = World::of_limited(suite, publishing(3), 40);
        let mut backup = restored(&world.bob);
        let abandoned = world.bob.rotate_signed_prekey(days(1), &mut rng(41)).upload.unwrap();
        let ours = backup.rotate_signed_prekey(days(2), &mut rng(42)).upload.unwrap();
        assert_eq!(abandoned.one_time_prekeys().len(), ours.one_time_prekeys().len());
        let _ = backup.mark_published(&abandoned);
        assert_eq!(backup.pending_upload(), Some(ours.clone()));
        let _ = backup.mark_published(&ours);
        assert_eq!(backup.pending_upload(), None);
        let abandoned = world.bob.add_one_time_prekeys(2, &mut rng(43)).upload.unwrap();
        let ours = backup.add_one_time_prekeys(2, &mut rng(44)).upload.unwrap();
        let _ = backup.mark_published(&abandoned);
        assert_eq!(backup.pending_upload(), Some(ours));
        // The abandoned branch had made more of them than are there now.
        let _ = world.bob.mark_published(&abandoned);
        let abandoned = world.bob.add_one_time_prekeys(9, &mut rng(45)).upload.unwrap();
        let (first, ours) = (&abandoned.one_time_prekeys()[0], backup.pending_upload());
        assert!(first.id() > ours.as_ref().unwrap().one_time_prekeys().last().unwrap().id());
        let _ = backup.mark_published(&abandoned);
        assert_eq!(backup.pending_upload(), ours);
    });
}

#[test]
fn what_makes_no_prekey_reports_no_change() {
    in_each_suite(|suite| {
        let mut world = World::of_limited(suite, publishing(3), 46);
        let before = state(&world.bob);
        assert!(!world.bob.add_one_time_prekeys(0, &mut NoDraws).changes.any());
        assert!(!world.bob.maintain(None, NOW, &mut NoDraws).changes.any());
        assert!(state(&world.bob) == before);
        assert!(world.bob.add_one_time_prekeys(1, &mut rng(47)).changes.account);
        assert!(world.bob.rotate_signed_prekey(NOW, &mut rng(48)).changes.account);
        assert!(state(&world.bob) != before);
    });
}

#[test]
fn one_time_prekeys_that_take_the_place_of_others_are_a_change() {
    in_each_suite(|suite| {
        let mut limits = Limits::default();
        limits.prekeys.one_time_prekeys = 3;
        limits.prekeys.max_one_time_prekeys = 3;
        let mut world = World::of_limited(suite, limits, 49);
        let before = state(&world.bob);
        assert!(world.bob.add_one_time_prekeys(2, &mut rng(50)).changes.account);
        assert!(state(&world.bob) != before);
    });
}

#[test]
fn a_bundle_with_an_address_of_no_length_or_of_too_much_is_malformed() {
    in_each_suite(|suite| {
        let bundle = World::of(suite, 51).server.hand_out();
        let (before, rest) = bundle.split_at(BEFORE_ADDRESS);
        let after = &rest[1 + usize::from(rest[0])..];
        for (length, is_sound) in [(0, false), (1, true), (64, true), (65, false)] {
            let address = vec![b'a'; usize::from(length)];
            let other = [before, &[length], &address, after].concat();
            let decoded = PreKeyBundle::decode(&other).map(drop);
            assert_eq!(decoded, if is_sound { Ok(()) } else { Err(DecodeError::Malformed) });
        }
    });
}

#[test]
fn an_account_says_whether_publishing_and_limits_changed_it() {
    in_each_suite(|suite| {
        let mut account = account_of(suite, "bob", Limits::default(), 10);
        let upload = account.maintain(None, NOW, &mut rng(10)).upload.unwrap();
        let changes = |account: &mut Account| {
            let before = state(account);
            let changes = account.mark_published(&upload);
            assert_eq!(changes.account, state(account) != before);
            changes
        };
        assert!(changes(&mut account).account);
        assert!(!changes(&mut account).any(), "it was known");
        // Of another device: nothing of it is ours.
        let mut other = support::account_of(suite, "bob", Limits::default(), 11);
        assert!(!changes(&mut other).any());
        let mut limits = account.limits().clone();
        assert!(!account.set_limits(limits.clone()).any());
        limits.prekeys.one_time_prekeys += 1;
        assert!(account.set_limits(limits).account);
    });
}

#[test]
fn republished_prekeys_are_new_and_the_former_ones_still_serve() {
    in_each_suite(|suite| {
        let mut world = World::of(suite, 11);
        let late = world.initiate();
        let left = world.server.one_time_prekeys_left();
        let _ = world.bob.mark_published(&world.upload);
        let before = state(&world.bob);
        let made = world.bob.republish_prekeys(NOW, &mut rng(12));
        assert!(made.changes.account && state(&world.bob) != before);
        let upload = made.upload.unwrap();
        let former = world.upload.clone();
        assert_ne!(upload.bundle().encode(), former.bundle().encode());
        // A server that starts anew has as many as one that was filled for the first time, and none of the former ones.
        world.server = PublishedPreKeys::new(upload);
        assert_eq!(world.server.one_time_prekeys_left(), left + 1);
        let fresh = world.initiate();
        for mut session in [late, fresh] {
            let first = send(&mut session, "first", &mut rng(13));
            world.accept(&first);
        }
    });
}

/// A backup does not know that they were published, or that somebody has used them.
#[test]
fn prekeys_that_may_have_been_published_are_not_published_again() {
    in_each_suite(|suite| {
        let mut account = account_of(suite, "bob", Limits::default(), 14);
        let upload = account.maintain(None, NOW, &mut rng(14)).upload.unwrap();
        let mut backup = restored(&account);
        let _ = account.mark_published(&upload);
        for mut account in [account, restored(&backup)] {
            let anew = account.replace_prekeys(NOW, &mut rng(15)).upload.unwrap();
            let [former, anew] = [&upload, &anew].map(|upload| {
                let mut server = PublishedPreKeys::new(upload.clone());
                let count = server.one_time_prekeys_left();
                (0..count).map(|_| server.hand_out()).collect::<Vec<_>>()
            });
            assert_eq!((former.len(), anew.len()), (100, 100));
            // A bundle ends with the id and the key of its one-time prekey.
            let one_time =
                |bundle: &Vec<u8>| bundle[bundle.len() - one_time_prekey(suite)..].to_vec();
            let former: Vec<_> = former.iter().map(one_time).collect();
            assert!(anew.iter().all(|bundle| !former.contains(&one_time(bundle))));
        }
        assert!(backup.maintain(None, NOW, &mut rng(16)).upload.is_some());
    });
}

/// Bob's upkeep, as a device does it that asks its server: what disagreed.
fn upkeep(world: &mut World, now: Timestamp) -> Option<StockDisagreement> {
    let stock = PreKeyStock::decode(&world.server.stock().encode()).unwrap();
    let before = state(&world.bob);
    let maintained = world.bob.maintain(Some(stock), now, &mut world.rng);
    assert_eq!(maintained.changes.account, state(&world.bob) != before);
    if let Some(upload) = maintained.upload {
        world.publish(PreKeyUpload::decode(&upload.encode()).unwrap());
    }
    maintained.disagreement
}

/// Alice's first message by the next bundle.
fn first_message(world: &mut World, now: Timestamp) -> Vec<u8> {
    let bundle = PreKeyBundle::decode(&world.server.hand_out()).unwrap().verify(now).unwrap();
    let mut session = world.alice.initiate(&bundle, &mut world.rng).unwrap();
    send(&mut session, "first", &mut world.rng)
}

/// Whether all bundles of the server begin sessions, to the last one-time prekey and one without.
fn check_all_on_offer_serves(world: &World, now: Timestamp) {
    let mut world = World {
        alice: restored(&world.alice),
        bob: restored(&world.bob),
        upload: world.upload.clone(),
        server: world.server.clone(),
        rng: rng(70),
    };
    for _ in 0..=world.server.one_time_prekeys_left() {
        let first = first_message(&mut world, now);
        world.accept(&first);
    }
}

#[test]
fn a_pool_that_was_fetched_empty_is_full_again_after_upkeep_that_asks_the_server() {
    in_each_suite(|suite| {
        let mut world = World::of(suite, 71);
        for day in 1..=3 {
            while world.server.one_time_prekeys_left() > 0 {
                world.server.hand_out();
            }
            assert_eq!(world.bob.maintain(None, days(day), &mut NoDraws).upload, None);
            assert_eq!(upkeep(&mut world, days(day)), None);
            assert_eq!(world.server.one_time_prekeys_left(), 100);
        }
        check_all_on_offer_serves(&world, days(3));
    });
}

#[test]
fn a_year_of_bundles_that_nobody_uses_leaves_the_pool_full_and_the_account_bounded() {
    in_each_suite(|suite| {
        // In suite 2 each one takes a key pair of ML-KEM, so there are fewer.
        let count = match suite {
            Suite::Classical => 100,
            Suite::Hybrid => 10,
        };
        let mut limits = publishing(count);
        limits.prekeys.max_one_time_prekeys = 10 * count;
        let mut world = World::of_limited(suite, limits, 72);
        let mut sizes = Vec::new();
        for day in 1..=365 {
            let first = first_message(&mut world, days(day - 1));
            for _ in 1..count {
                world.server.hand_out();
            }
            assert_eq!(upkeep(&mut world, days(day)), None);
            assert_eq!(world.server.one_time_prekeys_left(), usize::try_from(count).unwrap());
            sizes.push(state(&world.bob).len());
            // What was handed out serves until there are too many.
            restored::<Account>(&world.bob).accept(&first, AD, days(day)).unwrap();
        }
        assert!(sizes[20..].iter().all(|size| *size <= sizes[20] + 1_024), "{sizes:?}");
        check_all_on_offer_serves(&world, days(365));
    });
}

#[test]
fn what_the_server_has_counts_as_published_if_nobody_noted_it() {
    in_each_suite(|suite| {
        let mut bob = bob(suite, 73);
        let upload = bob.maintain(None, NOW, &mut rng(73)).upload.unwrap();
        let mut server = PublishedPreKeys::new(upload);
        server.hand_out();
        let maintained = bob.maintain(Some(server.stock()), NOW, &mut rng(74));
        assert!(maintained.changes.account);
        assert_eq!(ids(&maintained.upload.unwrap()), [101]);
        // Without a word of the server all of it would go out again.
        assert_eq!(ids(&bob.rotate_signed_prekey(NOW, &mut rng(75)).upload.unwrap()), [101]);
    });
}

#[test]
fn an_account_that_was_put_back_learns_it_from_its_server_and_is_reached_again() {
    in_each_suite(|suite| {
        for rotates in [false, true] {
            let mut world = World::of(suite, 76);
            let backup = restored(&world.bob);
            let more = world.bob.add_one_time_prekeys(5, &mut rng(77)).upload.unwrap();
            world.publish(more);
            if rotates {
                let later = world.bob.rotate_signed_prekey(days(1), &mut rng(78)).upload.unwrap();
                world.publish(later);
            }
            world.bob = backup;
            // The clock is behind what it was, so that only the ids tell.
            assert_eq!(upkeep(&mut world, NOW), Some(StockDisagreement::AccountWentBack));
            assert_eq!(world.server.one_time_prekeys_left(), 100);
            check_all_on_offer_serves(&world, NOW);
            assert_eq!(upkeep(&mut world, NOW), None);
        }
    });
}

#[test]
fn of_two_instances_of_one_account_each_learns_of_the_other() {
    in_each_suite(|suite| {
        let mut world = World::of(suite, 79);
        let twin = restored(&world.bob);
        let later = world.bob.rotate_signed_prekey(days(1), &mut rng(79)).upload.unwrap();
        world.publish(later);
        // The other one makes other keys under the same ids.
        let first = std::mem::replace(&mut world.bob, twin);
        let later = world.bob.rotate_signed_prekey(days(2), &mut rng(80)).upload.unwrap();
        world.publish(later);
        world.bob = first;
        assert_eq!(upkeep(&mut world, days(3)), Some(StockDisagreement::NotHeld));
        check_all_on_offer_serves(&world, days(3));
    });
}

#[test]
fn a_server_that_went_back_or_lost_everything_gets_all_anew() {
    in_each_suite(|suite| {
        let mut world = World::of(suite, 81);
        let backup = world.server.clone();
        let later = world.bob.rotate_signed_prekey(days(1), &mut rng(81)).upload.unwrap();
        world.publish(later);
        for _ in 0..3 {
            world.start();
        }
        world.server = backup;
        assert_eq!(upkeep(&mut world, days(1)), Some(StockDisagreement::ServerWentBack));
        assert_eq!(world.server.one_time_prekeys_left(), 100);
        check_all_on_offer_serves(&world, days(1));

        let lost = world.bob.maintain(Some(PreKeyStock::NOTHING), days(1), &mut rng(82));
        assert_eq!(lost.disagreement, Some(StockDisagreement::ServerWentBack));
        world.server = PublishedPreKeys::new(lost.upload.unwrap());
        assert_eq!(world.server.one_time_prekeys_left(), 100);
        assert_eq!(upkeep(&mut world, days(1)), None);
        check_all_on_offer_serves(&world, days(1));
    });
}

#[test]
fn prekeys_on_offer_whose_secrets_are_gone_are_replaced() {
    in_each_suite(|suite| {
        // The server hands out again what was used, because it lost its last writes.
        let mut world = World::of(suite, 83);
        let backup = world.server.clone();
        world.start();
        world.server = backup;
        assert_eq!(upkeep(&mut world, NOW), Some(StockDisagreement::NotHeld));
        check_all_on_offer_serves(&world, NOW);
        // The account holds no more than it has just made.
        let _ = world.bob.add_one_time_prekeys(1_000, &mut rng(83));
        assert_eq!(upkeep(&mut world, NOW), Some(StockDisagreement::NotHeld));
        check_all_on_offer_serves(&world, NOW);
        assert_eq!(upkeep(&mut world, NOW), None);
    });
}

#[test]
fn another_device_at_the_address_is_told_and_a_new_one_is_not_alarmed() {
    in_each_suite(|suite| {
        let mut world = World::of(suite, 84);
        let first = std::mem::replace(&mut world.bob, bob(suite, 85));
        assert_eq!(upkeep(&mut world, NOW), None, "it is being set up anew");
        assert_eq!(world.server.one_time_prekeys_left(), 100);
        check_all_on_offer_serves(&world, days(1));
        assert_eq!(upkeep(&mut world, NOW), None);
        world.bob = first;
        assert_eq!(upkeep(&mut world, days(1)), Some(StockDisagreement::OtherDevice));
        check_all_on_offer_serves(&world, days(1));
    });
}

#[test]
fn an_upload_that_mends_is_made_once_and_given_until_it_is_published() {
    in_each_suite(|suite| {
        let mut world = World::of(suite, 86);
        let stock = PreKeyStock { digest: [0; 16], ..world.server.stock() };
        let first = world.bob.maintain(Some(stock), NOW, &mut rng(86));
        assert_eq!(first.disagreement, Some(StockDisagreement::NotHeld));
        assert!(first.upload.as_ref().unwrap().replaces_all());
        let mut bob: Account = restored(&world.bob);
        let again = bob.maintain(Some(stock), NOW, &mut NoDraws);
        assert_eq!((again.upload, again.disagreement), (first.upload, first.disagreement));
        assert!(!again.changes.any());
    });
}

#[test]
fn a_server_that_says_anything_neither_shortens_the_grace_nor_uses_up_the_ids() {
    in_each_suite(|suite| {
        let mut world = World::of(suite, 87);
        let first = send(&mut world.initiate(), "late", &mut world.rng);
        let mut limits = Limits::default();
        limits.prekeys.max_one_time_prekeys = 10_000;
        let _ = world.bob.set_limits(limits);
        for (day, far) in (0..30).flat_map(|day| [(day, u32::MAX), (day, 1_000_000), (day, 0)]) {
            let stock = PreKeyStock {
                signed_prekey_id: far,
                highest_id: Some(far),
                digest: [9; 16],
                ..world.server.stock()
            };
            let upload = world.bob.maintain(Some(stock), days(day), &mut rng(day.into())).upload;
            upload.into_iter().for_each(|upload| world.publish(upload));
        }
        let mut bob: Account = restored(&world.bob);
        assert_eq!(bob.accept(&first, AD, days(30)).unwrap().received.body, b"late");
        let bundle = world.server.hand_out();
        let flag = bundle.len() - one_time_prekey(suite) - 1;
        assert!(signed_prekey_id(&bundle[..flag]) < 1 << 25);
        let upload = world.bob.add_one_time_prekeys(1, &mut rng(88)).upload.unwrap();
        assert!(ids(&upload)[0] < 1 << 25);
    });
}

#[test]
fn a_stock_that_cannot_be_is_malformed() {
    in_each_suite(|suite| {
        let stock = World::of_limited(suite, publishing(3), 89).server.stock();
        let PreKeyStock { one_time_prekeys, lowest_id, highest_id, .. } = stock;
        assert_eq!((one_time_prekeys, lowest_id, highest_id), (3, Some(1), Some(3)));
        let empty = World::of_limited(suite, publishing(0), 89).server.stock();
        assert_eq!([stock, empty].map(|stock| stock.encode().len()), [50, 42]);
        for sound in [stock, empty, PreKeyStock::NOTHING] {
            let bytes = sound.encode();
            assert_eq!(PreKeyStock::decode(&bytes), Ok(sound));
            for length in 0..bytes.len() {
                assert_eq!(PreKeyStock::decode(&bytes[..length]), Err(DecodeError::Malformed));
            }
            let longer = [&bytes[..], &[0]].concat();
            assert_eq!(PreKeyStock::decode(&longer), Err(DecodeError::Malformed));
        }
        for (one_time_prekeys, lowest_id, highest_id) in [
            (4, Some(1), Some(3)),
            (1, Some(4), Some(3)),
            (1, Some(1), None),
            (u32::MAX, Some(0), Some(3)),
        ] {
            let other = PreKeyStock { one_time_prekeys, lowest_id, highest_id, ..stock };
            assert_eq!(PreKeyStock::decode(&other.encode()), Err(DecodeError::Malformed));
        }
        let mut other = stock.encode();
        other[0] = 2;
        assert_eq!(PreKeyStock::decode(&other), Err(DecodeError::Unsupported));
    });
}

#[test]
fn a_late_repeat_of_what_a_clock_dated_that_ran_ahead_hands_nothing_out_twice() {
    in_each_suite(|suite| {
        let address = Address::new("bob").unwrap();
        let mut bob =
            Account::generate_of_suite(suite, address, Limits::default(), days(10), &mut rng(90));
        let ahead = bob.maintain(None, days(10), &mut rng(90)).upload.unwrap();
        let mut server = PublishedPreKeys::new(ahead.clone());
        let _ = bob.mark_published(&ahead);
        let handed_out = [(); 3].map(|()| server.hand_out());
        let mended = bob.maintain(Some(server.stock()), NOW, &mut rng(91)).upload.unwrap();
        server.publish(mended.clone());
        let before = server.clone();
        server.publish(ahead);
        assert_eq!(server, before);
        let next = server.hand_out();
        assert!(next.starts_with(mended.signed_part()) && !handed_out.contains(&next));
    });
}

#[test]
fn a_late_repeat_of_a_former_device_does_not_undo_what_the_new_one_published() {
    in_each_suite(|suite| {
        let mut world = World::of(suite, 92);
        let of_the_first = world.upload.clone();
        for seed in 93..100 {
            world.bob = bob(suite, seed);
            let upload = world.bob.maintain(None, NOW, &mut rng(seed)).upload.unwrap();
            world.publish(upload);
            let before = world.server.clone();
            world.server.publish(of_the_first.clone());
            assert_eq!(world.server, before);
        }
        check_all_on_offer_serves(&world, NOW);
    });
}

#[test]
fn former_devices_are_remembered_within_bounds() {
    in_each_suite(|suite| {
        let mut world = World::of(suite, 100);
        let uploads: Vec<_> = (101..118)
            .map(|seed| bob(suite, seed).maintain(None, NOW, &mut rng(seed)).upload.unwrap())
            .collect();
        uploads.iter().for_each(|upload| world.server.publish(upload.clone()));
        let before = world.server.clone();
        uploads.iter().for_each(|upload| world.server.publish(upload.clone()));
        assert_eq!(world.server, before, "sixteen were there before the present one");
        world.server.publish(world.upload.clone());
        assert_ne!(world.server, before, "the first is forgotten");
    });
}

#[test]
fn a_restored_device_takes_the_place_of_what_was_abandoned_whatever_its_clock_says() {
    in_each_suite(|suite| {
        let mut world = World::of(suite, 119);
        let backup = restored(&world.bob);
        let mut abandoned = vec![world.upload.clone()];
        // A clock that ran ahead made the last ones, with ids that the backup does not know.
        for day in [7, 14, 400] {
            let _ = world.bob.add_one_time_prekeys(3, &mut rng(day.into()));
            let later = world.bob.rotate_signed_prekey(days(day), &mut rng(day.into())).upload;
            abandoned.push(later.unwrap());
            world.publish(abandoned.last().unwrap().clone());
        }
        world.bob = backup;
        let anew = world.bob.replace_prekeys(days(20), &mut rng(120)).upload.unwrap();
        assert!(anew.replaces_all());
        world.publish(anew);
        assert_eq!(world.server.one_time_prekeys_left(), 100);
        let before = world.server.clone();
        abandoned.into_iter().for_each(|upload| world.server.publish(upload));
        assert_eq!(world.server, before);
        check_all_on_offer_serves(&world, days(20));
        assert_eq!(upkeep(&mut world, days(20)), None);
    });
}

#[test]
fn a_device_that_went_back_is_known_by_a_signed_prekey_that_was_made_later() {
    in_each_suite(|suite| {
        let mut world = World::of(suite, 121);
        let mut backup = restored(&world.bob);
        for day in [7, 14] {
            let later =
                world.bob.rotate_signed_prekey(days(day), &mut rng(day.into())).upload.unwrap();
            world.publish(later);
        }
        let abandoned = world.bob.rotate_signed_prekey(days(16), &mut rng(16)).upload.unwrap();
        world.publish(abandoned.clone());
        let ours = backup.rotate_signed_prekey(days(20), &mut rng(20)).upload.unwrap();
        assert_eq!(signed_prekey_id(ours.signed_part()), 2);
        world.server.publish(ours.clone());
        assert_eq!(
            world.server.one_time_prekeys_left(),
            0,
            "the others are of the time that was lost"
        );
        let before = world.server.clone();
        world.server.publish(abandoned);
        assert_eq!(world.server, before);
        assert!(world.server.hand_out().starts_with(ours.signed_part()));
    });
}

#[test]
fn after_a_restore_no_first_message_opens_that_names_a_former_prekey() {
    in_each_suite(|suite| {
        let mut world = World::of(suite, 122);
        let mut without = World::of_limited(suite, publishing(0), 122);
        for world in [&mut world, &mut without] {
            let _ = world.bob.rotate_signed_prekey(days(1), &mut rng(123));
            let former = secrets(&world.bob);
            let backup = restored(&world.bob);
            let [opened, under_way] = [(); 2].map(|()| first_message(world, days(1)));
            world.accept(&opened);
            world.bob = backup;
            assert!(world.bob.replace_prekeys(days(2), &mut rng(124)).changes.account);
            for message in [&opened, &under_way] {
                assert_eq!(accept_refusal(&mut world.bob, message), AcceptError::UnknownPreKey);
            }
            let kept: Vec<_> =
                former.iter().filter(|it| secrets(&world.bob).contains(it)).collect();
            assert_eq!(kept.len(), 1, "the identity alone is left");
            let upload = world.bob.pending_upload().unwrap();
            world.publish(upload);
            check_all_on_offer_serves(world, days(2));
        }
    });
}
