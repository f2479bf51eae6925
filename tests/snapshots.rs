//! Snapshots of all released forms open, and go on.
//!
//! The files in `tests/vectors/snapshots/` were written by the release that first had their form, and never
//! change; the messages that go on from them stand beside them. A new form brings new files.

#[path = "support/crowd.rs"]
mod crowd;
#[path = "support/household.rs"]
mod household;
mod support;

use std::path::PathBuf;
use std::{env, fs};

use crowd::{Attendee, Crowd, UnderWay};
use evanesce::expiry::{
    Age, ContentKey, ConversationId, DeviceEvent, ExpiryScheduler, MemberTag, MessageId, Monotonic,
    NewMessage, Now, Opens, Parts, Policy, Setting, SettingVersion, Stamp, Unsent, Visibility,
};
use evanesce::group::{self, Change, GroupDecryptError, GroupId, MissingKind};
use evanesce::limits::{Limits, SessionLimits};
use evanesce::person::{ContactDecision, OwnDevices, Person, Standing};
use evanesce::session::{AcceptError, DecryptError, RatchetKeyPair, Role, Session};
use evanesce::snapshot::{SnapshotError, StorageKey};
use evanesce::{
    Account, Address, Contact, IdentityKey, Payload, Peer, PeerDecryptError, SessionNeed, Suite,
};
use household::{Letter, Party, START};
use support::pair::Pair;
use support::phases::{self, Moment, Phase};
use support::{AD, NOW, SUITES, Stateful, Talk, World, receive, rng, send, state};

const KEY: [u8; 32] = [0x42; 32];
const ROW: &[u8] = b"row 7";

/// Where a release left its files, and this one compares.
fn file(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/vectors/snapshots").join(name)
}

fn read(name: &str) -> Vec<u8> {
    let path = file(name);
    fs::read(&path).unwrap_or_else(|error| panic!("{path:?}: {error}"))
}

/// Takes a state from its file, and finds that it would be written the same today.
fn restored<State: Stateful>(name: &str) -> State {
    let file = read(name);
    let restored = State::try_restore(&file).unwrap();
    assert!(state(&restored) == file, "{name} is written differently now");
    restored
}

/// The files of a suite: the same stories.
#[derive(Clone, Copy)]
struct Files(Suite);

impl Files {
    fn name(self, name: &str) -> String {
        match self.0 {
            Suite::Classical => name.to_owned(),
            Suite::Hybrid => format!("suite2-{name}"),
        }
    }

    fn read(self, name: &str) -> Vec<u8> {
        read(&self.name(name))
    }

    fn restored<State: Stateful>(self, name: &str) -> State {
        restored(&self.name(name))
    }

    fn write(self, name: &str, bytes: &[u8]) {
        write(&self.name(name), bytes);
    }
}

#[test]
fn sessions_of_form_1_open_and_go_on() {
    for files in SUITES.map(Files) {
        let mut alice: Session = files.restored("session-alice-1");
        let mut bob: Session = files.restored("session-bob-1");
        assert_eq!((alice.suite(), bob.suite()), (files.0, files.0));
        assert_eq!((alice.role(), bob.role()), (Role::Initiator, Role::Responder));
        assert_eq!(bob.held_keys(), 3);
        assert_eq!(receive(&mut alice, &files.read("message-to-alice-1")).body, b"to alice");
        let late = files.read("message-late-to-bob-1");
        assert_eq!(receive(&mut bob, &late).body, b"2");
        assert_eq!(receive(&mut bob, &files.read("message-to-bob-1")).body, b"2");
        assert_eq!(bob.decrypt(&late, AD, NOW), Err(DecryptError::Duplicate));
        let answer = send(&mut alice, "answer", &mut rng(9));
        assert_eq!(receive(&mut bob, &answer).body, b"answer");
    }
}

#[test]
fn a_pending_session_of_form_1_opens_and_begins() {
    for files in SUITES.map(Files) {
        let mut pending: Session = files.restored("session-pending-1");
        assert!(!pending.is_answered());
        let first = send(&mut pending, "first", &mut rng(10));
        let mut account: Account = files.restored("account-of-pending-1");
        let accepted = account.accept(&first, AD, NOW).unwrap();
        assert_eq!(accepted.received.body, b"first");
        let answer = send(&mut { accepted.session }, "answer", &mut rng(11));
        assert_eq!(receive(&mut pending, &answer).body, b"answer");
    }
}

/// Of suite 2, which goes on from there to the end of two epochs more.
#[test]
fn sessions_of_form_1_open_in_each_phase_of_an_epoch_and_heal() {
    let files = Files(Suite::Hybrid);
    for mut moment in moments() {
        let Moment { epoch, phase, next, .. } = moment;
        let names = FilesOfMoment::of(&moment);
        let restored = |whose| files.restored(&names.session(whose));
        let restored = || Talk { alice: restored("alice"), bob: restored("bob"), rng: rng(31) };
        moment.talk = restored();
        assert_eq!(moment.kept(), phase.kept());
        let receiver = match next {
            Role::Initiator => &mut moment.talk.bob,
            Role::Responder => &mut moment.talk.alice,
        };
        assert_eq!(receive(receiver, &files.read(&names.next_message())).body, b"on");

        // Who wrote that does not know of it, so once more from the start.
        moment.talk = restored();
        let completed =
            |talk: &Talk| [&talk.alice, &talk.bob].map(|it| it.epochs().unwrap().completed);
        while completed(&moment.talk).iter().any(|completed| *completed < epoch + 1) {
            let _ = (moment.talk.alice.request_epoch(), moment.talk.bob.request_epoch());
            moment.goes_on();
            assert!(moment.talk.alice.epochs().unwrap().messages_since < 50);
        }
        let late = files.read("message-late-to-alice-in-epochs-1");
        assert_eq!(receive(&mut moment.talk.alice, &late).body, b"late");
        let late = files.read("message-late-to-bob-in-epochs-1");
        assert_eq!(receive(&mut moment.talk.bob, &late).body, b"late");
    }
}

#[test]
fn an_account_of_form_1_opens_and_accepts() {
    for files in SUITES.map(Files) {
        let mut account: Account = files.restored("account-1");
        assert_eq!(account.suite(), files.0);
        assert_eq!(account.limits().session.max_skip, 77);
        assert_eq!(account.device().address, Address::new("bob@example/laptop").unwrap());
        let accepted = account.accept(&files.read("message-to-account-1"), AD, NOW).unwrap();
        assert_eq!(accepted.received.body, b"to an older prekey");
        assert_eq!(accepted.received.stamp, Ok(Stamp::NONE));
        let replayed = account.accept(&files.read("message-replayed-to-account-1"), AD, NOW);
        assert_eq!(replayed.map(drop), Err(AcceptError::Replayed));
    }
}

#[test]
fn a_peer_of_form_1_opens_and_goes_on() {
    for files in SUITES.map(Files) {
        let mut account: Account = files.restored("account-of-peer-1");
        let mut peer: Peer = files.restored("peer-1");
        assert!(peer.rejected_identities().eq([impostor()]));
        assert_eq!(peer.session_need(NOW), Some(SessionNeed::Lost));
        let limits = |session: &Session| session.limits().held_key_lifetime;
        assert!(peer.sessions().all(|session| limits(session) == support::DAY));
        assert!(peer.sessions().all(|session| session.suite() == files.0));
        assert!(matches!(peer.contact(), Contact::Accepted(_)));
        assert_eq!(peer.sessions().count(), 2);
        for (message, body) in [("message-late-to-peer-1", "late"), ("message-to-peer-1", "last")] {
            let delivered = peer.decrypt(&mut account, &files.read(message), AD, NOW).unwrap();
            assert_eq!(delivered.received.body, body.as_bytes());
        }
        assert!(peer.encrypt(&Payload::new("on"), AD, NOW, &mut rng(12)).is_ok());
        let request: Peer = files.restored("peer-request-1");
        assert!(matches!(request.contact(), Contact::Request(_)));
    }
}

/// One began with a bundle of suite 1, and one with a bundle of suite 2.
#[test]
fn a_peer_of_form_1_with_sessions_of_both_suites_opens_and_goes_on() {
    let mut peer: Peer = restored("peer-of-both-suites-1");
    let mut suites: Vec<_> = peer.sessions().map(Session::suite).collect();
    suites.sort_by_key(|suite| *suite == Suite::Hybrid);
    assert_eq!(suites, SUITES);
    for suite in SUITES {
        let message = Files(suite).read("message-to-peer-of-both-suites-1");
        let delivered = peer.decrypt_established(&message, AD, NOW).unwrap();
        assert_eq!(delivered.received.body, format!("{suite:?}").as_bytes());
        let used = delivered.changes.session.unwrap();
        assert!(peer.sessions().any(|session| session.id() == used && session.suite() == suite));
    }
}

#[test]
fn a_person_of_form_1_opens() {
    let person: Person = restored("person-1");
    let list = person.list().unwrap();
    assert_eq!((list.version(), list.devices().len(), person.is_marked()), (3, 2, true));
    // The tablet is in an older list of the phone that was put back.
    let put_back: OwnDevices = restored("own-devices-put-back-1");
    let older = put_back.person().list().unwrap();
    let tablet = Address::new("alice/tablet").unwrap();
    let mut devices = older.devices().iter().map(|listed| &listed.device);
    let tablet = devices.find(|device| device.address == tablet).unwrap();
    assert_eq!(person.standing(tablet, START), Standing::Removed);
    assert_eq!(person.standing(tablet, START.plus(support::DAY * 31)), Standing::Alone);
    assert_eq!((person.decision(), person.is_verified()), (None, false));

    let decided: Person = restored("person-with-decisions-1");
    assert_eq!((decided.list(), decided.is_marked()), (person.list(), true));
    assert_eq!(decided.decision(), Some(ContactDecision::Refused));
    assert!(decided.is_verified());
}

#[test]
fn a_peer_of_form_1_that_has_to_do_with_lists_opens_and_goes_on() {
    let mut account: Account = restored("account-of-peer-with-notices-1");
    let mut peer: Peer = restored("peer-with-notices-1");
    let message = read("message-to-peer-with-notices-1");
    let delivered = peer.decrypt(&mut account, &message, b"", START).unwrap();
    assert_eq!(delivered.received.body, b"text");
}

#[test]
fn own_devices_of_form_1_open_and_go_on_with_linking() {
    let mut phone: OwnDevices = restored("own-devices-offering-1");
    let account: Account = restored("account-of-own-devices-offering-1");
    let mut peers: Vec<Peer> = vec![restored("peer-of-own-devices-offering-1")];
    let answer = read("message-to-own-devices-offering-1");
    let (list, _) = phone.finish_link(&account, &mut peers, &answer, START).unwrap();
    assert_eq!((list.version(), list.devices().len()), (4, 3));

    let mut watch: OwnDevices = restored("own-devices-showing-a-code-1");
    let mut account: Account = restored("account-of-own-devices-showing-a-code-1");
    let offer = read("message-to-own-devices-showing-a-code-1");
    let opened = watch.open_link_offer(&mut account, &mut Vec::new(), &offer, START).unwrap();
    assert_eq!(opened.digits, phone.digits());

    let mut watch: OwnDevices = restored("own-devices-offered-1");
    let account: Account = restored("account-of-own-devices-offered-1");
    let mut peers: Vec<Peer> = vec![restored("peer-of-own-devices-offered-1")];
    assert!(watch.answer_link_offer(&account, &mut peers, START, &mut rng(41)).is_ok());
    let mut watch: OwnDevices = restored("own-devices-answered-1");
    assert!(!watch.is_listed());
    let _ = watch.adopt(list, START).unwrap();
    assert!(watch.is_listed());
}

#[test]
fn own_devices_of_form_1_open_and_ask_what_they_asked() {
    let account: Account = restored("account-of-own-devices-offering-1");
    let mut put_back: OwnDevices = restored("own-devices-put-back-1");
    let later = START.plus(support::DAY * 8);
    assert_eq!(put_back.refresh(&account, later).unwrap(), None);
    assert!(put_back.confirm_all());
    assert!(put_back.refresh(&account, later).unwrap().is_some());
    let asking: OwnDevices = restored("own-devices-unconfirmed-1");
    let asked: Vec<_> = asking.unconfirmed().iter().map(|device| device.address.clone()).collect();
    assert_eq!(asked, [Address::new("alice/watch").unwrap()]);
}

#[test]
fn a_ratchet_key_pair_of_form_1_opens() {
    let pair: RatchetKeyPair = restored("ratchet-key-pair-1");
    assert_eq!(pair.public_key(), RatchetKeyPair::from_secret(&[6; 32]).public_key());
}

#[test]
fn a_sealed_session_of_form_1_opens() {
    let key = StorageKey::new(&KEY);
    for files in SUITES.map(Files) {
        let sealed = files.read("session-bob-1-sealed");
        let session = Session::unseal(&sealed, &key, ROW).unwrap();
        assert!(state(&session) == files.read("session-bob-1"));
        let elsewhere = Session::unseal(&sealed, &key, b"row 8");
        assert_eq!(elsewhere.map(drop), Err(SnapshotError::Undecryptable));
    }
}

#[test]
fn a_scheduler_of_form_1_opens_and_goes_on() {
    let mut scheduler: ExpiryScheduler = restored("expiry-1");
    let key = StorageKey::new(&KEY);
    let rows: Vec<_> = scheduler.records().collect();
    let sealed: Vec<u8> = read("expiry-records-1-sealed");
    let opened = rows.iter().zip(with_lengths(&sealed)).map(|(row, sealed)| {
        let value = key.open_record(row.key.as_bytes(), sealed, ROW).unwrap();
        assert!(value == *row.value.as_ref().unwrap());
        (row.key, value)
    });
    let opened: Vec<_> = opened.collect();
    assert_eq!(opened.len(), rows.len());
    assert!(state(&ExpiryScheduler::from_records(opened).unwrap()) == read("expiry-1"));

    // The story of `write_expiry` goes on, a minute later by the same boot.
    let now = minutes(2);
    assert_eq!(scheduler.setting(talk()).unwrap().policy, Some(hour()));
    let visibility = |number| scheduler.visibility(MessageId::from(number), now);
    let gone = [4, 5].map(visibility);
    assert_eq!(gone, [Visibility::Gone; 2], "deleted, and buried");
    let seen = [Visibility::Shown, Visibility::Shown, Visibility::Placeholder];
    assert_eq!([1, 2, 3].map(visibility), seen);
    assert_eq!(visibility(8), Visibility::Withheld);
    let left = |number| scheduler.remaining(MessageId::from(number), now).unwrap().as_secs();
    assert_eq!([1, 2, 3].map(left), [3_600 - 60, 86_400 - 120, 14 * 86_400 - 120]);
    let late = NewMessage::new(MessageId::from(6), talk(), BOB);
    let _ = scheduler.received(late, &Ok(Stamp::NONE), Age::NONE, now);
    let visibility = |number| scheduler.visibility(MessageId::from(number), now);
    assert_eq!(visibility(6), Visibility::Withheld);
    let left = scheduler.remaining(MessageId::from(6), now).unwrap().as_secs();
    assert_eq!(left, 3_600 - 120, "an own device had read it");
    let taken_back = NewMessage::new(MessageId::from(7), talk(), BOB);
    let _ = scheduler.received(taken_back, &Ok(Stamp::NONE), Age::NONE, now);
    assert_eq!(scheduler.visibility(MessageId::from(7), now), Visibility::Gone);
    let opening = scheduler.open(MessageId::from(3), now).unwrap();
    let key = opening.release().unwrap();
    let sealed =
        ContentKey::generate(&mut rng(21)).seal(MessageId::from(3), Parts::FILE, b"a picture");
    assert_eq!(*key.open(MessageId::from(3), Parts::FILE, &sealed).unwrap(), b"a picture");
    let due: Vec<_> = scheduler.poll(9, now).due.iter().map(|due| (due.id, due.parts)).collect();
    assert_eq!(
        due.len(),
        3,
        "the deleted one, the quote of the buried one, the opened one: {due:?}"
    );
    assert!(due.contains(&(MessageId::from(9), Parts::QUOTE)));
    // What falls back hears of a setting that had held; a stranger is forgotten in time.
    assert_eq!(scheduler.setting(stranger()).unwrap().version.number(), 1);
    let two_days = Policy::after_send(support::DAY * 2);
    let older = Setting::following(scheduler.setting(talk()), Some(two_days), ALICE);
    let told = DeviceEvent::Setting(talk(), older);
    let _ = scheduler.told_by_own_device(told, Age::trusted(support::DAY), now);
    let left = scheduler.remaining(MessageId::from(8), now).unwrap();
    assert_eq!(left, support::DAY * 2 - support::SECOND * 60);
    let later = minutes(46 * 24 * 60);
    let _ = scheduler.poll(100, later);
    assert_eq!(scheduler.setting(stranger()), None);
}

const ALICE: MemberTag = MemberTag([1; 8]);
const BOB: MemberTag = MemberTag([2; 8]);

fn talk() -> ConversationId {
    ConversationId::named(b"bob@example/laptop")
}

fn stranger() -> ConversationId {
    ConversationId::named(b"stranger@example")
}

fn hour() -> Policy {
    Policy::after_read(std::time::Duration::from_secs(3_600))
}

fn minutes(minutes: u64) -> Now {
    let elapsed = std::time::Duration::from_secs(1_000 + 60 * minutes);
    let now = support::clock(NOW.plus(support::SECOND * 60 * u32::try_from(minutes).unwrap()));
    Now { monotonic: Some(Monotonic { boot: 7, elapsed }), ..now }
}

/// Rows with their lengths in two bytes before them.
fn with_lengths(mut rows: &[u8]) -> impl Iterator<Item = &[u8]> {
    std::iter::from_fn(move || {
        let (length, rest) = rows.split_first_chunk()?;
        let (row, rest) = rest.split_at(u16::from_be_bytes(*length).into());
        rows = rest;
        Some(row)
    })
}

/// A scheduler with a record of each kind.
fn write_expiry() {
    let mut scheduler = ExpiryScheduler::new(minutes(0), &mut rng(20));
    let now = minutes(0);
    let _ = scheduler.trust_time(now.wall, now);
    let _ = scheduler.set(talk(), Some(hour()), ALICE, now);
    let stamp = scheduler.stamp(talk());
    let new = |number, by| NewMessage::new(MessageId::from(number), talk(), by);
    let _ = scheduler.received(new(1, BOB).awaiting_media(), &Ok(stamp.clone()), Age::NONE, now);
    let _ = scheduler.queued(new(2, ALICE), &stamp, now);
    let once = new(3, BOB).with_parts(Parts::FILE).sealed_under(ContentKey::generate(&mut rng(21)));
    let once_stamp = Ok(stamp.clone().with_opens(Opens::Once));
    let _ = scheduler.received(once, &once_stamp, Age::claimed(support::DAY), now);
    for number in [4, 5] {
        let _ = scheduler.received(new(number, BOB), &Ok(stamp.clone()), Age::NONE, now);
        let _ = scheduler.deleted(MessageId::from(number), now);
    }
    let _ = scheduler.received(new(9, BOB).quoting(MessageId::from(5)), &Ok(stamp), Age::NONE, now);
    let _ = scheduler.poll(9, now);
    let _ = scheduler.done(MessageId::from(5), Parts::BODY, now);
    let _ = scheduler.told_by_own_device(DeviceEvent::Read(MessageId::from(6)), Age::NONE, now);
    assert!(matches!(scheduler.unsent(MessageId::from(7), BOB, now), Unsent::Unknown(_)));
    let now = minutes(1);
    let _ = scheduler.ready(MessageId::from(1), now);
    let _ = scheduler.read(MessageId::from(1), now);
    let _ = scheduler.catching_up(now);
    let _ = scheduler.received(new(8, BOB), &Ok(Stamp::NONE), Age::NONE, now);
    // A stranger's settings, of which the second is too far above the first, and who was deleted.
    for version in [1, 3 << 20] {
        let version = SettingVersion::new(version).unwrap();
        let setting = Setting { version, policy: Some(hour()), by: BOB };
        let _ = scheduler.heard(stranger(), &Ok(Stamp::of(Some(setting))), Age::NONE, now);
    }
    let _ = scheduler.closed(talk(), now);
    let _ = scheduler.conversation_deleted(stranger(), now);
    write("expiry-1", &state(&scheduler));
    let (key, mut draws) = (StorageKey::new(&KEY), rng(22));
    let sealed = scheduler.records().map(|row| key.seal_record(&row, ROW, &mut draws).unwrap());
    let with_length =
        sealed.map(|row| [&u16::try_from(row.len()).unwrap().to_be_bytes(), &row[..]].concat());
    write("expiry-records-1-sealed", &with_length.collect::<Vec<_>>().concat());
}

/// What this release makes of the same stories. With `EVANESCE_WRITE_SNAPSHOTS=DIRECTORY` the files go there:
/// that is how those of a form that is new are made.
#[test]
fn this_release_writes_the_states_that_the_first_one_wrote() {
    for files in SUITES.map(Files) {
        write_sessions(files);
        write_account(files);
    }
    write_epochs();
    write_expiry();
    write("ratchet-key-pair-1", &RatchetKeyPair::from_secret(&[6; 32]).snapshot());
}

/// Apart, so that those of a suite can be made again by themselves.
#[test]
fn this_release_writes_the_peers_that_the_first_one_wrote() {
    SUITES.map(Files).into_iter().for_each(write_peers);
    write_peer_of_both_suites();
}

/// Apart for the same reason.
#[test]
fn this_release_writes_the_people_that_the_first_one_wrote() {
    for (name, bytes) in household::in_the_midst_of_things(&mut rng(40)) {
        write(name, &bytes);
    }
}

/// And for the same.
#[test]
fn this_release_writes_the_groups_that_the_first_one_wrote() {
    let (crowd, id, last) = groups_in_the_midst_of_things();
    let Attendee { groups, held, .. } = &crowd.all[BEN];
    write("group-1", &state(groups.group(&id).unwrap()));
    write("invitations-1", &state(&groups.invitations));
    write("held-messages-1", &state(held));
    let [waits] = crowd.all[BEN].kept.values().collect::<Vec<_>>()[..] else { panic!("one waits") };
    write("message-waiting-to-group-1", waits);
    write("message-to-group-1", &last.bytes);
}

const ANNA: usize = 0;
const BEN: usize = 1;
const CARLA: usize = 2;
const DORA: usize = 3;

/// Ben's groups, in which he is an admin, and what comes next to him: with a fork, somebody who left, keys of a message that
/// is late, a message whose chain is missing, a chain whose roster is, and an invitation with a chain that waits for him.
fn groups_in_the_midst_of_things() -> (Crowd, GroupId, UnderWay) {
    let mut crowd = Crowd::new(&[1; 6], 50);
    let id = crowd.create(ANNA, &[BEN, CARLA, DORA, 4, 5], b"hiking");
    crowd.settle();
    let member = crowd.group(ANNA, &id).member(&crowd.owner(BEN)).unwrap();
    crowd.change(ANNA, &id, &Change::role(&member, group::Role::Admin));
    crowd.settle();
    (0..6).for_each(|device| _ = crowd.say(device, &id, "before"));
    crowd.settle();
    // Two changes at once.
    crowd.change(BEN, &id, &Change::about(b"swimming"));
    crowd.change(ANNA, &id, &Change::about(b"climbing"));
    crowd.settle();
    (0..4).for_each(|device| _ = crowd.say(device, &id, "between"));
    crowd.settle();
    // The first is late.
    crowd.say(CARLA, &id, "late");
    crowd.under_way.clear();
    crowd.say(CARLA, &id, "in time");
    crowd.settle();
    // A new chain, and what brings it is lost.
    crowd.remove(ANNA, &id, 4);
    crowd.settle();
    crowd.say(CARLA, &id, "waits");
    crowd.under_way.retain(|it| it.is_broadcast && it.to == BEN);
    crowd.deliver(0);
    crowd.under_way.clear();
    // A chain comes, and its roster does not.
    crowd.remove(ANNA, &id, 5);
    crowd.under_way.retain(|it| !it.is_broadcast && it.to == BEN);
    crowd.deliver(0);
    crowd.under_way.clear();
    // Somebody leaves, and he has done nothing since.
    crowd.leave(DORA, &id).unwrap();
    crowd.under_way.retain(|it| it.to == BEN);
    (0..crowd.under_way.len()).for_each(|_| crowd.deliver(0));
    crowd.under_way.clear();
    // The user is asked about another group, and has not answered.
    let _ = crowd.create(CARLA, &[BEN], b"choir");
    let letters = std::mem::take(&mut crowd.under_way);
    for letter in letters {
        let Attendee { party, groups, .. } = &mut crowd.all[BEN];
        let letter = Letter { from: letter.from, bytes: letter.bytes };
        let delivered = party.decrypt(&letter, crowd.now).unwrap();
        let _ = groups.hear(&mut party.own, &mut party.contacts, &delivered, crowd.now);
    }
    crowd.say(ANNA, &id, "next");
    let last = crowd.under_way.iter().find(|it| it.is_broadcast && it.to == BEN).cloned().unwrap();
    (crowd, id, last)
}

#[test]
fn groups_of_the_first_release_go_on() {
    let (mut crowd, id, _) = groups_in_the_midst_of_things();
    let Attendee { groups, held, kept, .. } = &mut crowd.all[BEN];
    groups.all = vec![restored("group-1")];
    groups.invitations = restored("invitations-1");
    *held = restored("held-messages-1");
    *kept = [(*kept.keys().next().unwrap(), read("message-waiting-to-group-1"))].into();
    let group = crowd.group(BEN, &id);
    assert_eq!(group.about(), Some(&b"climbing"[..]));
    assert_eq!(group.members().len(), 5);
    assert!(group.member(&crowd.owner(DORA)).unwrap().is_withheld, "she left");
    let Attendee { party, groups, .. } = &mut crowd.all[BEN];
    let mut decrypt = |name: &str| {
        let Party { own, contacts, .. } = party;
        groups.decrypt(own, contacts, &read(name), b"", crowd.now)
    };
    let refused = decrypt("message-waiting-to-group-1").unwrap_err();
    let GroupDecryptError::Missing(missing) = refused else { panic!("{refused}") };
    assert_eq!(missing.kind, MissingKind::Chain);
    // Its secret waits for the roster that is missing.
    let refused = decrypt("message-to-group-1").unwrap_err();
    assert_eq!(refused, GroupDecryptError::Undecryptable);
    assert_eq!(groups.invitations(&party.own, crowd.now).count(), 1);
    // It is asked for, comes, and all is read.
    crowd.settle();
    crowd.now = crowd.now.plus(std::time::Duration::from_secs(90_000));
    (0..4).for_each(|device| crowd.maintain(device));
    crowd.settle();
    let texts = crowd.texts(BEN);
    for text in ["waits", "next"] {
        assert!(texts.contains(&text.into()), "{text} of {texts:?}");
    }
    assert_eq!(crowd.all[BEN].groups.all.len(), 2, "and the user joined");
}

fn write(name: &str, bytes: &[u8]) {
    match env::var_os("EVANESCE_WRITE_SNAPSHOTS") {
        Some(directory) => fs::write(PathBuf::from(directory).join(name), bytes).unwrap(),
        None => assert!(read(name) == bytes, "{name} is written differently now"),
    }
}

/// Two sessions in the middle of a conversation, Bob's with held keys of two chains; and one that has not
/// been answered, with the account that it is for.
fn write_sessions(files: Files) {
    let mut talk = World::of(files.0, 1).start();
    let first = talk.alice_sends_many(4);
    receive(&mut talk.bob, &first[1]);
    receive(&mut talk.bob, &first[3]);
    talk.goes_on();
    let second = talk.alice_sends_many(3);
    receive(&mut talk.bob, &second[1]);
    files.write("message-to-alice-1", &talk.bob_sends("to alice"));
    files.write("message-late-to-bob-1", &first[2]);
    files.write("message-to-bob-1", &second[2]);
    files.write("session-alice-1", &state(&talk.alice));
    files.write("session-bob-1", &state(&talk.bob));
    let sealed = talk.bob.seal(&StorageKey::new(&KEY), ROW, &mut rng(7));
    files.write("session-bob-1-sealed", &sealed);
    let mut world = World::of(files.0, 4);
    files.write("session-pending-1", &state(&world.initiate()));
    files.write("account-of-pending-1", &state(&world.bob));
}

fn moments() -> Vec<Moment> {
    phases::moments(30)
}

/// Both sessions in a phase of an epoch, and the message that comes next.
struct FilesOfMoment(String);

impl FilesOfMoment {
    fn of(moment: &Moment) -> Self {
        let phase = match moment.phase {
            Phase::AtRest => "at-rest",
            Phase::KeyUnderWay => "key-under-way",
            Phase::KeyThere => "key-there",
            Phase::AnswerUnderWay => "answer-under-way",
            Phase::AnswerThere => "answer-there",
        };
        Self(format!("epoch-{}-{phase}", moment.epoch))
    }

    fn session(&self, whose: &str) -> String {
        format!("session-{whose}-{}-1", self.0)
    }

    fn next_message(&self) -> String {
        format!("message-{}-1", self.0)
    }
}

/// A conversation of suite 2 in each phase of its first two epochs.
fn write_epochs() {
    let files = Files(Suite::Hybrid);
    for mut moment in moments() {
        let names = FilesOfMoment::of(&moment);
        files.write(&names.session("alice"), &state(&moment.talk.alice));
        files.write(&names.session("bob"), &state(&moment.talk.bob));
        files.write("message-late-to-alice-in-epochs-1", &moment.late_to_alice);
        files.write("message-late-to-bob-in-epochs-1", &moment.late_to_bob);
        files.write(&names.next_message(), &moment.goes_on());
    }
}

/// An account with a replaced signed prekey, a spent one-time prekey and a handshake that was recorded.
fn write_account(files: Files) {
    let mut limits = Limits::default();
    limits.prekeys.one_time_prekeys = 3;
    limits.session.max_skip = 77;
    let mut world = World::of_limited(files.0, limits, 2);
    let bundle = world.server.hand_out();
    let first = send(&mut world.initiate_with(&bundle), "first", &mut rng(8));
    world.accept(&first);
    let without_one_time = world.upload.bundle().encode();
    let first = send(&mut world.initiate_with(&without_one_time), "first", &mut rng(8));
    world.accept(&first);
    files.write("message-replayed-to-account-1", &first);
    let first = send(&mut world.initiate(), "to an older prekey", &mut world.rng);
    files.write("message-to-account-1", &first);
    assert!(world.bob.rotate_signed_prekey(NOW, &mut world.rng).changes.account);
    files.write("account-1", &state(&world.bob));
}

/// Another who calls herself Alice.
fn impostor() -> IdentityKey {
    support::account("alice", Limits::default(), 30).device().identity
}

/// A peer with two sessions, an identity that was rejected and limits of its own, and one that wrote first.
fn write_peers(files: Files) {
    let mut pair = Pair::of_limited([files.0; 2], &Limits::default(), 3).introduced().started();
    files.write("message-late-to-peer-1", &pair.alice_sends("late"));
    pair.alice.begins(&mut pair.bob.server, NOW);
    let anew = pair.alice_sends("anew");
    pair.bob.receives(&anew);
    files.write("message-to-peer-1", &pair.alice_sends("last"));
    assert!(pair.bob.peer.reject_identity(impostor()).peer);
    let mut limits = SessionLimits::default();
    limits.held_key_lifetime = support::DAY;
    assert!(pair.bob.peer.set_session_limits(limits.clone()).peer);
    assert!(pair.bob.peer.note_refusal(b"altered", &PeerDecryptError::Undecryptable, NOW).peer);
    files.write("peer-1", &state(&pair.bob.peer));
    files.write("account-of-peer-1", &state(&pair.bob.account));
    let mut pair = Pair::of_limited([files.0; 2], &Limits::default(), 4);
    let first = pair.alice_sends("first");
    pair.bob.receives(&first);
    files.write("peer-request-1", &state(&pair.bob.peer));
}

/// A peer of another suite than this device, after each has begun a session.
fn write_peer_of_both_suites() {
    let suites = [Suite::Classical, Suite::Hybrid];
    let mut pair = Pair::of_limited(suites, &Limits::default(), 5).introduced().started();
    pair.bob.begins(&mut pair.alice.server, NOW);
    let anew = pair.bob_sends("anew");
    let message = pair.alice_sends("Hybrid");
    Files(Suite::Hybrid).write("message-to-peer-of-both-suites-1", &message);
    pair.alice.receives(&anew);
    let message = pair.alice_sends("Classical");
    Files(Suite::Classical).write("message-to-peer-of-both-suites-1", &message);
    write("peer-of-both-suites-1", &state(&pair.bob.peer));
}
