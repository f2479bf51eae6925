//! What restores is written the same again, and can be gone on with; nothing else restores, and no bytes open
//! as sealed state.
//!
//! The first byte is the kind, the rest a state: the check in front of the decoder is made right, so that
//! it is not all that is ever tried.

#![no_main]

use evanesce::{Account, Payload, Peer, RatchetKeyPair, Session, SnapshotError, StorageKey};
use evanesce_fuzz::formats;
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
            let upload = account.maintain(NOW, &mut rng(1)).upload;
            upload.inspect(|upload| account.mark_published(upload));
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
