//! What restores is written the same again, and can be gone on with; nothing else restores, and no bytes open
//! as sealed state.
//!
//! The first byte is the kind, the rest a state: the check in front of the decoder is made right, so that
//! it is not all that is ever tried. After a 6 come records, one by one.

#![no_main]

use std::time::Duration;

use evanesce::expiry::{ExpiryScheduler, Now, RecordError};
use evanesce::session::{RatchetKeyPair, Session};
use evanesce::snapshot::{SnapshotError, StorageKey};
use evanesce::{Account, Payload, Peer};
use evanesce_fuzz::formats::{self, Rows};
use evanesce_fuzz::people::{AD, NOW, rng};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    assert!(Session::restore(bytes).is_err(), "the check was guessed");
    let key = StorageKey::new(&[7; 32]);
    assert!(Session::unseal(bytes, &key, AD).is_err(), "the tag was guessed");
    let Some((kind, state)) = bytes.split_first() else {
        return;
    };
    let snapshot = formats::snapshot(*kind, state);
    let again = match kind {
        1 => Account::restore(&snapshot).map(|mut account| {
            let again = account.snapshot();
            // As many as are asked for take their time, which says nothing.
            if account.limits().prekeys.one_time_prekeys <= 1_000 {
                let upload = account.maintain(None, NOW, &mut rng(1)).upload;
                let _ = upload.map(|upload| account.mark_published(&upload));
            }
            again
        }),
        2 => Session::restore(&snapshot).map(|mut session| {
            let again = session.snapshot();
            go_on(&mut session);
            again
        }),
        3 => Peer::restore(&snapshot).map(|mut peer| {
            let again = peer.snapshot();
            let _ = peer.session_need(NOW);
            let _ = peer.maintain(NOW);
            let _ = peer.encrypt(&Payload::new("on"), AD, NOW, &mut rng(1));
            let restored = Peer::restore(&peer.snapshot());
            assert!(restored.is_ok(), "what it became cannot be stored");
            again
        }),
        4 => RatchetKeyPair::restore(&snapshot).map(|pair| pair.snapshot()),
        5 => return check_scheduler(&snapshot, state),
        6 => return check_records(state),
        _ => {
            assert_eq!(Session::restore(&snapshot).map(drop), Err(SnapshotError::WrongKind));
            return;
        }
    };
    match again {
        Ok(again) => assert!(*again == snapshot, "two encodings of one state"),
        Err(error) => assert_eq!(error, SnapshotError::Malformed),
    }
});

fn go_on(session: &mut Session) {
    let mut rng = rng(1);
    for _ in 0..2 {
        let _ = session.encrypt(&Payload::new("on"), AD, &mut rng);
    }
    session.maintain(NOW);
    assert!(Session::restore(&session.snapshot()).is_ok(), "what it became cannot be stored");
}

/// A restart closes what was being read, so what restores can be written in another way, once.
fn check_scheduler(snapshot: &[u8], state: &[u8]) {
    match ExpiryScheduler::restore(snapshot) {
        Ok(mut scheduler) => {
            let again = scheduler.snapshot();
            let rows = formats::rows_of_snapshot(state).expect("what restores is rows");
            assert!(rows.is_sorted_by(|(one, _), (other, _)| one < other));
            check_restored(&scheduler, &rows.into_iter().collect());
            go_on_living(&mut scheduler);
            let restored = ExpiryScheduler::restore(&again).expect("what was written");
            assert!(restored.snapshot() == again, "a second restart changed something");
        }
        Err(error) => assert_eq!(error, SnapshotError::Malformed),
    }
}

fn check_records(bytes: &[u8]) {
    let rows = formats::rows(bytes);
    match ExpiryScheduler::from_records(&rows) {
        Ok(mut scheduler) => {
            check_restored(&scheduler, &rows);
            go_on_living(&mut scheduler);
        }
        Err(RecordError::NoHead) => assert!(!rows.contains_key([0].as_slice())),
        Err(RecordError::Malformed(key) | RecordError::Unsupported(key)) => {
            let named = |row: &Vec<u8>| row.starts_with(key.as_bytes());
            assert!(rows.keys().any(named), "no such row was there");
        }
        Err(error) => panic!("{error:?}"),
    }
}

/// It holds all that was stored, and nothing else; only what ends on closing is as it is after that.
fn check_restored(scheduler: &ExpiryScheduler, rows: &Rows) {
    let written = records_of(scheduler);
    assert!(written.keys().eq(rows.keys()), "rows came or went");
    for (key, value) in rows {
        let is_message = key.first() == Some(&2);
        assert!(is_message || written[key] == *value, "two encodings of one record");
    }
    let restarted = ExpiryScheduler::from_records(&written).expect("what was written");
    assert!(records_of(&restarted) == written, "a second restart changed something");
}

fn records_of(scheduler: &ExpiryScheduler) -> Rows {
    let records = scheduler.records();
    let rows = records.map(|write| {
        let value = write.value.expect("what is held is written");
        (write.key.as_bytes().to_vec(), value.to_vec())
    });
    rows.collect()
}

fn go_on_living(scheduler: &mut ExpiryScheduler) {
    let now = Now::from_wall(Duration::from_secs(NOW.unix_seconds()));
    // When no later moment can be named, a poll gives the same message again and again.
    if scheduler.time(now).millis() > u64::MAX / 2 {
        return;
    }
    let _ = scheduler.next_wakeup(now);
    let due = scheduler.poll(10, now).due;
    for due in due {
        let _ = scheduler.done(due.id, due.parts, now);
    }
    let _ = scheduler.caught_up(now);
    let restored = ExpiryScheduler::restore(&scheduler.snapshot());
    assert!(restored.is_ok(), "what it became cannot be stored");
}
