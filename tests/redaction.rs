//! What is printed, logged or reported tells nothing that is secret.

#[path = "support/crowd.rs"]
mod crowd;
#[path = "support/household.rs"]
mod household;
#[path = "support/source_tree.rs"]
mod source_tree;
mod support;

use std::any::type_name;
use std::collections::{BTreeSet, HashSet};
use std::error::Error;
use std::fmt::{Debug, Display};
use std::num::NonZeroU64;
use std::time::Duration;

use crowd::{Attendee, Crowd};
use evanesce::attachment::{
    AttachmentSealer, BlobLayout, ChunkError, ChunkList, ChunkSealer, RangeError, ReadError,
    SealError,
};
use evanesce::expiry::{
    Age, ContentKey, ConversationId, DeadlineQueue, DeviceEvent, EditError, Effects, EngineClock,
    EngineTime, ExpiryEvent, ExpiryScheduler, Life, MalformedStamp, MemberTag, MessageId,
    Monotonic, NewMessage, Now, OpenError, Opens, PartsAdded, Policy, RecordError, RecordKey,
    Setting, SettingRefusal, SettingVersion, Stamp, Terms, Unsent, Verdict, VersionOutOfRange,
    Visibility,
};
use evanesce::group::{
    Change, GroupChangeError, GroupDecryptError, GroupEncryptError, GroupEvent, PartError,
    SetsTimer, Unblocked,
};
use evanesce::limits::{Limits, PeerLimits, SessionLimits};
use evanesce::person::{
    AdoptError, ContactDecision, DeviceList, FanOutError, LinkCodeError, LinkError, ListError,
    ListExpired, Obstacle, OwnEvent, PartRefusal, PersonEvent, SignError, Whose,
};
use evanesce::report::{
    Commitment, EntryError, PostmarkError, ProofError, Report, ReportFull, ServerKey,
};
use evanesce::server::{Envelope, PublishedPreKeys};
use evanesce::session::{
    AcceptError, DecryptError, EncryptError, ExternalHandshake, InitiateError, NotCanonical,
    RatchetKeyPair, Role, Session, SharedSecret,
};
use evanesce::snapshot::{SnapshotError, StorageKey};
use evanesce::{
    Account, Address, AddressLength, Contact, DecodeError, Device, IdentityKeyError, Payload, Peer,
    PeerDecryptError, PeerEncryptError, PeerInitiateError, PreKeyBundle, SafetyNumber, ScanError,
    SenderIndex, SessionNeed, SpentPreKey, Suite, VerifyError,
};
use household::{Letter, Party, START, begin, link};
use source_tree::{before_tests, read_source_tree, without_comments};
use support::pair::Pair;
use support::phases::{self, Moment};
use support::{
    AD, Draws, NOW, SUITES, World, account_of, in_each_suite, receive, rng, secrets, started,
};

/// How much of a secret in a row counts as shown.
const WINDOW: usize = 8;

/// All that `Debug` can be asked for, without white space and in lower case.
fn printed(value: &impl Debug) -> String {
    let forms = [
        format!("{value:?}"),
        format!("{value:#?}"),
        format!("{value:x?}"),
        format!("{value:02x?}"),
    ];
    forms.join("\n").to_lowercase().split_whitespace().collect()
}

/// Bytes in base64, as long as they are whole groups of three.
fn base64(bytes: &[u8]) -> String {
    let letters = ('A'..='Z').chain('a'..='z').chain('0'..='9').chain(['+', '/']);
    let letters: Vec<char> = letters.collect();
    let groups = bytes
        .chunks_exact(3)
        .map(|group| group.iter().fold(0, |all, byte| all << 8 | usize::from(*byte)));
    groups.flat_map(|group| [18, 12, 6, 0].map(|shift| letters[group >> shift & 63])).collect()
}

/// Whether a part of the bytes is printed: as a list of numbers, in hex, in base64 or as text.
fn shows(printed: &str, bytes: &[u8]) -> bool {
    let written = |window: &[u8], separator: &str, write: fn(&u8) -> String| {
        window.iter().map(write).collect::<Vec<_>>().join(separator)
    };
    bytes.windows(WINDOW).any(|window| {
        let forms = [
            written(window, ",", u8::to_string),
            written(window, ",", |byte| format!("{byte:x}")),
            written(window, ",", |byte| format!("{byte:02x}")),
            written(window, "", |byte| format!("{byte:02x}")),
            // Of six bytes, so that each place in the groups of three is met by one of the windows.
            base64(&window[..6]).to_lowercase(),
            window.escape_ascii().to_string().to_lowercase(),
        ];
        forms.iter().any(|form| printed.contains(form))
    })
}

fn check_redacted(value: &impl Debug, secrets: &[[u8; 32]]) {
    let printed = printed(value);
    assert!(!printed.is_empty() && !secrets.is_empty());
    for secret in secrets {
        assert!(!shows(&printed, secret), "{secret:?} is in {value:?}");
    }
}

/// So that the checks of this file can fail.
#[test]
fn what_is_not_secret_is_found_in_what_is_printed() {
    let talk = started(1);
    let id = talk.alice.id();
    assert!(shows(&printed(&talk.alice), id.as_bytes()));
    for shown in [hex::encode(id.as_bytes()), hex::encode_upper(id.as_bytes())] {
        assert!(shows(&printed(&shown), id.as_bytes()));
    }
    assert!(shows(&printed(id.as_bytes()), &id.as_bytes()[24..]));
    assert!(shows(&printed(&talk.alice.peer()), b"bob@example/laptop"));
    assert!(!shows(&printed(&talk.alice), &[1, 2, 3, 4, 5, 6, 7, 8]));
    // "Of a device" in base64, from three places in the groups.
    for shown in ["T2YgYSBkZXZpY2U=", "eE9mIGEgZGV2aWNl", "eHhPZiBhIGRldmljZQ=="] {
        assert!(shows(&printed(&shown), b"Of a device"), "{shown}");
    }
}

#[test]
fn an_account_does_not_print_its_secrets() {
    // The identity, two signed prekeys, three one-time prekeys: all that was drawn is stored.
    for (suite, drawn) in SUITES.into_iter().zip([1 + 2 + 3, 1 + 2 * (2 + 3)]) {
        let mut limits = Limits::default();
        limits.prekeys.one_time_prekeys = 3;
        let mut draws = Draws::new(2);
        let address = Address::new("bob").unwrap();
        let mut account = Account::generate_of_suite(suite, address, limits, NOW, &mut draws);
        assert!(account.rotate_signed_prekey(NOW, &mut draws).changes.account);
        assert!(account.maintain(None, NOW, &mut draws).changes.account);
        let secrets = secrets(&account);
        assert_eq!(secrets.len(), drawn);
        assert!(draws.made.iter().all(|draw| secrets.contains(draw)));
        check_redacted(&account, &secrets);
    }
}

#[test]
fn a_session_does_not_print_its_secrets() {
    in_each_suite(|suite| {
        let mut world = World::of(suite, 3);
        let pending = world.initiate();
        let mut talk = world.start();
        let late = talk.alice_sends_many(4);
        receive(&mut talk.bob, &late[2]);
        talk.bob_answers();
        let next = talk.alice_sends("next");
        receive(&mut talk.bob, &next);
        // Root, chain, header and ratchet keys, and those held for late messages.
        for (session, least) in [(&pending, 3), (&talk.alice, 7), (&talk.bob, 8)] {
            let secrets = secrets(session);
            assert!(secrets.len() >= least, "{} secrets", secrets.len());
            check_redacted(session, &secrets);
        }
    });
}

#[test]
fn a_session_does_not_print_its_secrets_in_any_phase_of_an_epoch() {
    for Moment { talk, .. } in phases::moments(3) {
        for session in [&talk.alice, &talk.bob] {
            check_redacted(session, &secrets(session));
            check_redacted(&session.epochs().unwrap(), &secrets(session));
        }
    }
}

#[test]
fn an_accepted_session_does_not_print_its_secrets() {
    // The ephemeral key, in suite 2 what an encapsulation is made of, and the first ratchet key.
    for (suite, drawn) in SUITES.into_iter().zip([2, 3]) {
        let mut world = World::of(suite, 4);
        let mut draws = Draws::new(4);
        let bundle = PreKeyBundle::decode(&world.server.hand_out()).unwrap().verify(NOW).unwrap();
        let mut alice = world.alice.initiate(&bundle, &mut draws).unwrap();
        let first = alice.encrypt(&Payload::new("first"), AD, &mut draws).unwrap();
        let accepted = world.accept(&first);
        check_redacted(&accepted, &secrets(&accepted.session));
        assert_eq!(draws.made.len(), drawn);
        check_redacted(&(alice, accepted, bundle), &draws.made);
    }
}

#[test]
fn a_peer_does_not_print_its_secrets() {
    in_each_suite(|suite| {
        let mut pair = Pair::talking_of([suite; 2], 21);
        pair.alice.begins(&mut pair.bob.server, NOW);
        let anew = pair.alice_sends("anew");
        pair.bob.receives(&anew);
        let secrets = secrets(&pair.bob.peer);
        assert!(secrets.len() > 10);
        check_redacted(&pair.bob.peer, &secrets);
    });
}

#[test]
fn a_message_does_not_print_what_it_says() {
    let body = b"what-nobody-but-the-two-may-read";
    let payload = Payload::new(body);
    in_each_suite(|suite| {
        let mut talk = World::of(suite, 7).start();
        let message = talk.alice.encrypt(&payload, AD, &mut talk.rng).unwrap();
        let received = receive(&mut talk.bob, &message);
        assert_eq!(received.body, body);
        check_redacted(&received, &[*body]);
        check_redacted(&payload, &[*body]);
    });
}

#[test]
fn an_external_handshake_does_not_print_its_secret() {
    let secret: [u8; 32] = std::array::from_fn(|index| 200 - u8::try_from(index).unwrap());
    in_each_suite(|suite| {
        check_redacted(&SharedSecret::of_suite(suite, &secret), &[secret]);
        let world = World::of(suite, 5);
        let handshake = ExternalHandshake {
            secret: SharedSecret::of_suite(suite, &secret),
            initiator: world.alice.device(),
            responder: world.bob.device(),
        };
        check_redacted(&handshake, &[secret]);

        let mut draws = Draws::new(5);
        let pair = RatchetKeyPair::generate(&mut draws);
        assert_eq!(secrets(&pair), draws.made);
        check_redacted(&pair, &draws.made);
        let waiting = Session::accept_external(handshake, pair, SessionLimits::default());
        check_redacted(&waiting, &secrets(&waiting));
        check_redacted(&waiting, &[secret, draws.made[0]]);
    });
    check_redacted(&RatchetKeyPair::from_secret(&secret), &[secret]);
}

#[test]
fn a_storage_key_does_not_print_itself() {
    let bytes: [u8; 32] = std::array::from_fn(|index| 100 + u8::try_from(index).unwrap());
    check_redacted(&StorageKey::new(&bytes), &[bytes]);
}

#[test]
fn a_scheduler_does_not_print_its_secrets() {
    let (now, mut draws) = (support::clock(NOW), Draws::new(8));
    let mut scheduler = ExpiryScheduler::new(now, &mut draws);
    let content_key = ContentKey::generate(&mut draws);
    check_redacted(&content_key, &draws.made);
    let (id, chat) = (MessageId::from(1), ConversationId::named(b"alice"));
    let message = NewMessage::new(id, chat, MemberTag([1; 8])).sealed_under(content_key);
    check_redacted(&message, &draws.made);
    let stamp = Ok(Stamp::NONE.with_opens(Opens::Twice));
    let arrival = scheduler.received(message, &stamp, Age::NONE, now);
    let holds = |bytes: &[u8]| bytes.windows(32).any(|part| part == draws.made[1]);
    assert!(arrival.effects.writes.iter().any(|row| holds(row.value.as_ref().unwrap())));
    check_redacted(&arrival, &draws.made);
    check_redacted(&scheduler, &draws.made);
    let opening = scheduler.open(id, now).unwrap();
    check_redacted(&opening, &draws.made);
    assert!(opening.release().is_some());
}

#[test]
fn a_server_has_no_secret_to_print() {
    for (suite, count) in SUITES.into_iter().zip([1 + 101, 1 + 2 * 101]) {
        let mut bob = account_of(suite, "bob", Limits::default(), 6);
        let upload = bob.maintain(None, NOW, &mut rng(6)).upload.unwrap();
        let secrets = secrets(&bob);
        assert_eq!(secrets.len(), count);
        let encoded = upload.encode();
        let shown: HashSet<_> = encoded.windows(32).collect();
        assert!(secrets.iter().all(|secret| !shown.contains(secret.as_slice())));
        check_redacted(&PublishedPreKeys::new(upload), &secrets);
    }
}

/// Characters of a line in a log, whatever the state.
const LONGEST_LINE: usize = 500;

/// The same where `{:#?}` spreads it over lines.
const LONGEST_SPREAD: usize = 1_000;

/// The types that were printed, and how.
#[derive(Default)]
struct Printed(BTreeSet<String>);

impl Printed {
    /// A value is shown in a bounded line of printable ASCII, without a secret.
    fn check<Shown: Debug>(&mut self, value: &Shown, secrets: &[[u8; 32]]) {
        let path = type_name::<Shown>().split('<').next().unwrap();
        let name = path.rsplit("::").next().unwrap();
        let (line, spread) = (format!("{value:?}"), format!("{value:#?}"));
        assert!(line.len() <= LONGEST_LINE, "{name} has {}: {line}", line.len());
        assert!(spread.len() <= LONGEST_SPREAD, "{name} has {}: {spread}", spread.len());
        assert!(line.chars().all(|letter| matches!(letter, ' '..='~')), "{line}");
        assert!(!line.contains('['), "{name} shows a list: {line}");
        if !secrets.is_empty() {
            check_redacted(value, secrets);
        }
        self.0.insert(name.to_owned());
    }
}

/// Every public type of the library.
fn public_types() -> BTreeSet<String> {
    let files = read_source_tree();
    let code = files.values().map(|text| without_comments(before_tests(text)));
    let code = code.collect::<Vec<_>>().join("\n");
    let types = code.lines().filter_map(|line| {
        let line = line.trim_start();
        let rest = line.strip_prefix("pub struct ").or_else(|| line.strip_prefix("pub enum "))?;
        rest.split(|letter: char| !letter.is_alphanumeric()).next()
    });
    types.map(str::to_owned).collect()
}

/// The longest that an address can be shown.
fn longest_address() -> Address {
    Address::new([0xff; 64]).unwrap()
}

/// A device with all that an account can hold, its first upload, and what it drew.
fn full_account(suite: Suite, draws: &mut Draws) -> (Account, evanesce::Maintained) {
    let mut limits = Limits::default();
    limits.prekeys.one_time_prekeys = 1_000;
    let mut account = Account::generate_of_suite(suite, longest_address(), limits, NOW, draws);
    for _ in 0..16 {
        assert!(account.rotate_signed_prekey(NOW, draws).changes.account);
    }
    let maintained = account.maintain(None, NOW, draws);
    assert_eq!(maintained.upload.as_ref().unwrap().one_time_prekeys().len(), 1_000);
    (account, maintained)
}

/// A session that holds 2,000 keys for late messages.
fn full_session(suite: Suite) -> Session {
    let mut talk = World::of(suite, 30).start();
    for _ in 0..2 {
        let late = talk.alice_sends_many(1_001);
        receive(&mut talk.bob, &late[1_000]);
        talk.bob_answers();
    }
    assert_eq!(talk.bob.held_keys(), 2_000);
    talk.bob
}

#[test]
fn whatever_the_state_what_is_printed_of_it_is_a_line_without_secrets() {
    let mut shown = Printed::default();
    for (suite, secrets) in SUITES.into_iter().zip([1 + 1_017, 1 + 2 * 1_017]) {
        print_full_states(&mut shown, suite, secrets);
    }
    print_people(&mut shown);
    print_what_ends(&mut shown, &longest_stamp());
    print_small_values(&mut shown);
    print_attachments(&mut shown);
    print_reports(&mut shown);
    print_groups(&mut shown);
    let unseen: Vec<_> = public_types().difference(&shown.0).cloned().collect();
    assert!(unseen.is_empty(), "never printed here: {unseen:?}");
}

/// What there is of two people who talk, at its largest; so many secrets has the one.
fn print_full_states(shown: &mut Printed, suite: Suite, accounts_secrets: usize) {
    let mut draws = Draws::new(31);

    // Accounts, prekeys, what goes to the server and comes from it.
    let (mut bob, maintained) = full_account(suite, &mut draws);
    let bobs_secrets = secrets(&bob);
    assert_eq!(bobs_secrets.len(), accounts_secrets);
    shown.check(&bob, &bobs_secrets);
    shown.check(&maintained, &bobs_secrets);
    let upload = maintained.upload.unwrap();
    shown.check(&upload, &bobs_secrets);
    shown.check(&upload.one_time_prekeys()[999], &bobs_secrets);
    let mut server = PublishedPreKeys::new(upload);
    shown.check(&server, &bobs_secrets);
    let bundle = PreKeyBundle::decode(&server.hand_out()).unwrap();
    shown.check(&bundle, &bobs_secrets);
    let bundle = bundle.verify(NOW).unwrap();
    shown.check(&bundle, &bobs_secrets);
    let device = bob.device();
    shown.check(&device, &bobs_secrets);
    shown.check(&device.identity, &bobs_secrets);
    shown.check(&device.address, &[]);
    shown.check(&Contact::Request(device.identity), &bobs_secrets);
    shown.check(&bob.limits().clone(), &[]);
    shown.check(&bob.limits().prekeys, &[]);
    shown.check(&bob.limits().session, &[]);
    shown.check(&PeerLimits::default(), &[]);
    shown.check(&SafetyNumber::between(&device, &device), &bobs_secrets);

    // Peers, sessions and messages.
    let alice = Account::generate(longest_address(), NOW, &mut draws);
    let stamp = longest_stamp();
    let payload = Payload::new([7; 10_000]).with_stamp(stamp.clone());
    shown.check(&payload, &[[7; 32]]);
    let mut bobs_phone = Peer::pinned(device.clone());
    for _ in 0..9 {
        let bundle = PreKeyBundle::decode(&server.hand_out()).unwrap().verify(NOW).unwrap();
        let _ = bobs_phone.initiate(&alice, bundle, NOW, &mut draws).unwrap();
        let _ = bobs_phone.encrypt(&payload, AD, NOW, &mut draws).unwrap();
    }
    let peers_secrets = secrets(&bobs_phone);
    shown.check(&bobs_phone, &peers_secrets);
    let sent = bobs_phone.encrypt(&payload, AD, NOW, &mut draws).unwrap();
    shown.check(&sent, &peers_secrets);
    shown.check(&sent.changes, &peers_secrets);
    shown.check(&sent.changes.session.unwrap(), &peers_secrets);
    let envelope = Envelope::decode(&sent.message).unwrap();
    shown.check(&envelope, &peers_secrets);
    let Envelope::Initial(initial) = envelope else { panic!("it is not answered") };
    shown.check(&initial, &peers_secrets);
    let mut alices_laptop = Peer::pinned(alice.device());
    let delivered = alices_laptop.decrypt(&mut bob, &sent.message, AD, NOW).unwrap();
    shown.check(&delivered, &[[7; 32]]);
    shown.check(&delivered.received, &[[7; 32]]);
    shown.check(&delivered.changes.spent_prekey.unwrap(), &[]);
    let mut index = SenderIndex::new();
    index.note(1_u8, &alices_laptop);
    shown.check(&index, &[[7; 32]]);
    let again = bobs_phone.encrypt(&payload, AD, NOW, &mut draws).unwrap();
    let _ = Peer::new(longest_address()).decrypt(&mut bob, &again.message, AD, NOW);
    let mut alice_again = alice.initiate(&bundle, &mut draws).unwrap();
    let first = alice_again.encrypt(&payload, AD, &mut draws).unwrap();
    shown.check(&bob.accept(&first, AD, NOW).unwrap(), &[[7; 32]]);
    let mut session = full_session(suite);
    let sessions_secrets = secrets(&session);
    assert!(sessions_secrets.len() > 2_000);
    shown.check(&session, &sessions_secrets);
    let message = session.encrypt(&payload, AD, &mut draws).unwrap();
    let Envelope::Ratchet(message) = Envelope::decode(&message).unwrap() else {
        panic!("it is answered")
    };
    shown.check(&message, &sessions_secrets);
    shown.check(&StorageKey::new(&[7; 32]), &[[7; 32]]);
    let pair = RatchetKeyPair::from_secret(&[7; 32]);
    shown.check(&pair, &[[7; 32]]);
    shown.check(&pair.public_key(), &[[7; 32]]);
    let secret = SharedSecret::of_suite(suite, &[7; 32]);
    shown.check(&secret, &[[7; 32]]);
    let handshake = ExternalHandshake { secret, initiator: alice.device(), responder: device };
    shown.check(&handshake, &[[7; 32]]);
    let limits = SessionLimits::default();
    let session = Session::initiate_external(handshake, pair.public_key(), limits).unwrap();
    shown.check(&session.suite(), &[]);
    session.epochs().iter().for_each(|status| shown.check(status, &[]));
}

/// Two people, one of them with two devices, at the longest addresses; and each message and step between them.
fn print_people(shown: &mut Printed) {
    let rng = &mut rng(39);
    let names = [[0xff; 64], [0xfe; 64], [0xfd; 64]];
    let mut parties: Vec<Party> = names.iter().map(|name| Party::new(name, rng)).collect();
    let code = parties[1].own.show_link_code(START, rng);
    let secret: [u8; 32] = code.encode()[1..33].try_into().unwrap();
    shown.check(&code, &[secret]);
    shown.check(&parties[1].own, &[secret]);
    let bundle = PreKeyBundle::decode(&parties[1].server.hand_out()).unwrap();
    let bundle = bundle.verify(START).unwrap();
    let Party { account, own, contacts, .. } = &mut parties[0];
    let offer = own.offer_link(account, &mut contacts.peers, &code, bundle, START, rng).unwrap();
    shown.check(&offer, &[secret]);
    shown.check(own, &[secret]);
    let Party { account, own, contacts, .. } = &mut parties[1];
    let message = &offer.message.message;
    let opened = own.open_link_offer(account, &mut contacts.peers, message, START).unwrap();
    shown.check(&opened, &[secret]);
    link(&mut parties, 0, 1, START, rng);
    let list = parties[0].own.person().list().unwrap().clone();
    shown.check(&list, &[]);
    shown.check(&DeviceList::decode(&list.encode()).unwrap(), &[]);
    shown.check(&list.devices()[0], &[]);
    shown.check(&list.devices()[0].consent, &[]);
    shown.check(&parties[0].own, &[]);
    shown.check(parties[0].own.person(), &[]);
    shown.check(&parties[0].own.to(parties[1].own.person()), &[]);

    begin(&mut parties, 0, 2, START, rng);
    let other = parties[2].identity();
    let sent = parties[0].send(&other, &[7; 32], START, rng).unwrap();
    shown.check(&sent, &[[7; 32]]);
    shown.check(&sent.messages[0], &[[7; 32]]);
    shown.check(&sent.changes, &[]);
    let letter = Letter { from: parties[0].address(), bytes: sent.messages[0].message.clone() };
    let told = parties[2].decrypt(&letter, START).unwrap();
    shown.check(&told, &[[7; 32]]);
    shown.check(&told.standing, &[]);
    shown.check(&parties[2].contacts, &[]);
    let laptop = parties[1].address();
    parties[0].contacts.peers.iter_mut().for_each(|peer| {
        if *peer.address() == laptop {
            let _ = peer.drop_sessions();
        }
    });
    let sent = parties[0].send(&other, b"", START, rng).unwrap();
    shown.check(&sent.unreached[0], &[]);

    let mut expiry = ExpiryScheduler::new(support::clock(START), rng);
    let Party { account, own, contacts, .. } = &mut parties[0];
    let now = support::clock(START);
    let restored = own.restored_from_backup(account, contacts, &mut expiry, now, rng);
    shown.check(&restored, &[]);

    let device = parties[1].account.device();
    let (owner, devices) = (parties[0].identity(), vec![device.clone(); 16]);
    let (held, other) = (Box::new(list.clone()), Box::new(list.clone()));
    let version = u32::MAX;
    for event in [
        PersonEvent::Adopted {
            owner,
            version,
            came: devices.clone(),
            went: devices,
            unknown_own: true,
        },
        PersonEvent::Joined { owner, device },
        PersonEvent::ListedTwice { device: parties[1].account.device(), of: owner, also: owner },
        PersonEvent::Given(Box::new(list)),
        PersonEvent::Equivocation { held, other },
        PersonEvent::ListBehind { of: Whose::Theirs, version },
        PersonEvent::ListsDiffer { of: Whose::Ours, version },
        PersonEvent::DecidedElsewhere {
            owner,
            contact: Some(ContactDecision::Refused),
            verified: true,
        },
        PersonEvent::RemovalAsked { device: parties[1].account.device() },
        PersonEvent::Refused { part: 1, reason: PartRefusal::List(ListError::BadSignature) },
    ] {
        shown.check(&event, &[]);
    }
    shown.check(&Whose::Theirs, &[]);
    shown.check(&ContactDecision::Accepted, &[]);
    let decision = ContactDecision::Request;
    shown.check(&OwnEvent::Contact { owner, version: NonZeroU64::MAX, decision }, &[]);
    shown.check(&OwnEvent::Device(parties[1].account.device()), &[]);
    shown.check(&PartRefusal::List(ListError::BadSignature), &[]);
    shown.check(&Obstacle::IdentityUndecided, &[]);
    shown.check(&FanOutError::NobodyReached, &[]);
    shown.check(&LinkCodeError::Unsupported, &[]);
    shown.check(&LinkError::Message(PeerDecryptError::IdentityChanged(owner)), &[]);
    shown.check(&AdoptError::OtherOwner, &[]);
    shown.check(&ListExpired, &[]);
    shown.check(&SignError::List(ListError::BadSignature), &[]);
    shown.check(&ListError::BadSignature, &[]);
}

/// With all that a stamp can say.
fn longest_stamp() -> Stamp {
    let policy = Some(Policy::after_read(Duration::from_secs(366 * 86_400)));
    let setting = Setting { version: SettingVersion::MAX, policy, by: MemberTag([0xff; 8]) };
    let stamp = Stamp::of(Some(setting)).announcing_change();
    stamp.with_policy(Policy::after_send(support::DAY)).with_opens(Opens::Unlimited)
}

/// What a scheduler gives when a thousand messages come and go at once.
fn print_what_ends(shown: &mut Printed, stamp: &Stamp) {
    let (now, mut draws) = (support::clock(NOW), Draws::new(32));
    let chat = ConversationId([0xff; 16]);
    let id = |number: u128| MessageId((u128::MAX - number).to_be_bytes());
    let mut scheduler = ExpiryScheduler::new(now, &mut draws);
    let mut effects = Effects::default();
    let new = |number| NewMessage::new(id(number), chat, MemberTag([0xff; 8])).quoting(id(0));
    for number in 0..1_000 {
        let message = new(number).awaiting_media().sealed_under(ContentKey::generate(&mut draws));
        if number == 0 {
            shown.check(&message, &draws.made);
        }
        let arrival = scheduler.received(message, &Ok(stamp.clone()), Age::NONE, now);
        if number == 0 {
            shown.check(&arrival, &draws.made);
            shown.check(&arrival.verdict, &[]);
            arrival.effects.events.iter().for_each(|event| shown.check(event, &[]));
            let row =
                arrival.effects.writes.iter().find(|row| row.key.message().is_some()).unwrap();
            shown.check(row, &draws.made);
            shown.check(&row.key, &draws.made);
        }
        effects = effects.and(arrival.effects);
        effects = effects.and(scheduler.deleted(id(number + 2_000), now));
    }
    assert!(effects.writes.len() >= 1_000 && effects.tell.len() >= 1_000);
    shown.check(&effects, &draws.made);
    shown.check(&scheduler, &draws.made);
    let opened = Ok(Stamp::NONE.with_opens(Opens::Once));
    let message = NewMessage::new(id(3_000), chat, MemberTag([1; 8]));
    let _ = scheduler.received(message, &opened, Age::NONE, now);
    shown.check(&scheduler.visibility(id(3_000), now), &[]);
    shown.check(&scheduler.open(id(3_000), now).unwrap(), &draws.made);
    let unsent: Unsent = scheduler.unsent(id(1), MemberTag([0xff; 8]), now);
    shown.check(&unsent, &draws.made);
    let added: PartsAdded = scheduler.parts_added(id(2), evanesce::expiry::Parts::FILE, now);
    shown.check(&added, &draws.made);
    let poll = scheduler.poll(1_000, support::clock(NOW.plus(support::DAY * 2)));
    assert!(poll.due.len() > 900);
    shown.check(&poll, &draws.made);
    shown.check(&poll.due[0], &draws.made);
    shown.check(&poll.due[0].parts, &[]);
    shown.check(scheduler.limits(), &[]);
    shown.check(&ContentKey::generate(&mut draws), &draws.made);
    let mut queue = DeadlineQueue::new();
    (0..1_000).for_each(|number| queue.set(number, EngineTime::from_millis(u64::MAX)));
    shown.check(&queue, &[]);
}

/// What there is of a file, sealed and opened: never a part of it, nor its key.
/// What there is of a group of two, one of whom writes.
fn print_groups(shown: &mut Printed) {
    let mut crowd = Crowd::new(&[1, 1, 1], 43);
    let body = [[0xab; 32]];
    let id = crowd.create(0, &[1], b"title");
    crowd.settle();
    crowd.begin(0, 2);
    let payload = Payload::new(body[0]);
    let (now, mut rng) = (crowd.now, crowd.rng.clone());
    let others = crowd.owner(2);
    let Attendee { party, groups, held, .. } = &mut crowd.all[0];
    let Party { account, own, contacts, .. } = party;
    let group = groups.group_mut(&id).unwrap();
    let change = Change::add(&others);
    shown.check(&change, &[]);
    shown.check(&group.members()[0], &[]);
    let mut in_group = own.in_group(account, group);
    shown.check(&in_group, &body);
    let signed = in_group.change(contacts, &change, now, &mut rng).unwrap();
    shown.check(&signed, &body);
    let [event @ GroupEvent::Changed { change, .. }] = signed.events.as_slice() else { panic!() };
    shown.check(event, &[]);
    shown.check(change, &[]);
    let sent = in_group.encrypt(contacts, &payload, AD, now, &mut rng).unwrap();
    shown.check(&sent, &body);
    shown.check(&sent.broadcasts[0], &body);
    shown.check(&sent.changes, &[]);
    shown.check(group, &body);
    shown.check(&id, &[]);
    shown.check(groups, &body);
    let message = sent.broadcasts[0].message.clone();
    let change = signed.broadcasts[0].message.clone();
    let under_way: Vec<_> = signed.pairwise.into_iter().chain(sent.pairwise).collect();
    let from = own.device().address.clone();
    shown.check(held, &[]);

    let Attendee { party, groups, held, .. } = &mut crowd.all[1];
    let Party { account, own, contacts, .. } = party;
    let refused = groups.decrypt(own, contacts, &message, AD, now).unwrap_err();
    shown.check(&refused, &body);
    let GroupDecryptError::Missing(missing) = refused else { panic!("{refused}") };
    shown.check(&missing, &[]);
    shown.check(&missing.kind, &[]);
    shown.check(&held.refused(&refused, now), &[]);
    let asked = groups.respond(own, account, contacts, &[], now, &mut rng);
    let changed = groups.decrypt(own, contacts, &change, b"", now).unwrap();
    shown.check(&changed, &body);
    changed.events.iter().for_each(|event| shown.check(event, &[]));
    changed.unblocks.iter().for_each(|unblocked| shown.check(unblocked, &[]));
    let delivered = groups.decrypt(own, contacts, &message, AD, now).unwrap();
    shown.check(&delivered, &body);
    let asker = own.device().address.clone();

    let Attendee { party, groups, .. } = &mut crowd.all[0];
    let Party { account, own, contacts, .. } = party;
    let told = asked
        .pairwise
        .iter()
        .map(|it| own.decrypt(account, contacts, &asker, &it.message, b"", now).unwrap());
    let told: Vec<_> = told.collect();
    let wants: Vec<_> =
        told.iter().flat_map(|it| groups.hear(own, contacts, it, now).wants).collect();
    shown.check(&wants[0], &[]);

    let Attendee { party, groups, .. } = &mut crowd.all[2];
    let Party { account, own, contacts, .. } = party;
    let to_us = own.device().address.clone();
    for message in under_way.iter().filter(|it| it.to == to_us) {
        let told = own.decrypt(account, contacts, &from, &message.message, b"", now).unwrap();
        told.group_parts.iter().for_each(|part| shown.check(part, &body));
        let heard = groups.hear(own, contacts, &told, now);
        shown.check(&heard, &body);
        heard.events.iter().for_each(|event| shown.check(event, &[]));
    }
    let invitation = groups.invitations(own, now).next().unwrap();
    shown.check(&invitation, &[]);
    shown.check(&invitation.name(), &[]);
    shown.check(&groups.invitations, &[]);

    shown.check(&PartError::Missing(missing), &[]);
    shown.check(&SetsTimer::Members, &[]);
    shown.check(&GroupChangeError::NothingToChange, &[]);
    shown.check(&GroupEncryptError::NoRosterSecret, &[]);
    let (group, owner) = (id, others.encode());
    shown.check(&GroupEvent::Left { group, owner }, &[]);
    for tag in [[0xff; 8]] {
        for unblocked in [Unblocked::List(tag), Unblocked::Chain(tag), Unblocked::Secret(tag)] {
            shown.check(&unblocked, &[]);
        }
    }
}

fn print_attachments(shown: &mut Printed) {
    let draws = &mut Draws::new(41);
    let file = [0xab; 70_000];
    let plaintext = [[0xab; 32]];
    let mut sealer = AttachmentSealer::generate(draws);
    sealer.push(&mut &file[..]).unwrap();
    sealer.push(&mut &file[65_536..]).unwrap();
    let secrets = [draws.made[0], plaintext[0]];
    shown.check(&sealer, &secrets);
    shown.check(&sealer.checkpoint().unwrap(), &secrets);
    let mut rest = sealer.finish().unwrap();
    shown.check(&rest, &secrets);
    rest.next_piece();
    let layout = BlobLayout::of_size(70_000).unwrap();
    shown.check(&BlobLayout::of_size(BlobLayout::MAX_SIZE).unwrap(), &[]);
    shown.check(&layout.whole().next().unwrap(), &[]);

    let sealer = ChunkSealer::generate(layout, draws);
    let secrets = [draws.made[1], plaintext[0]];
    shown.check(&sealer, &secrets);
    let mut list = ChunkList::new(layout);
    let first = sealer.seal(0, &file[..65_536]).unwrap();
    let last = sealer.seal(1, &file[65_536..]).unwrap();
    shown.check(&first, &secrets);
    shown.check(&first.hash, &secrets);
    list.push(first.hash).unwrap();
    let page = list.push(last.hash).unwrap().unwrap();
    shown.check(&page, &secrets);
    shown.check(&list, &secrets);
    let (top, reference) = sealer.finish(list).unwrap();
    shown.check(&reference, &secrets);
    let mut opener = reference.opener(&top).unwrap();
    opener.add_page(0, &page.bytes).unwrap();
    shown.check(&opener, &secrets);
    shown.check(&opener.open(0, &first.bytes).unwrap(), &secrets);
    let mut reader = reference.reader();
    shown.check(&reader.push(&mut &first.bytes[..]).unwrap().unwrap(), &secrets);
    shown.check(&reader, &secrets);
    for rest in [&last.bytes, &page.bytes, &top] {
        reader.push(&mut &rest[..]).unwrap();
    }
    shown.check(&reader.finish().unwrap(), &[]);
    shown.check(&SealError::TooLarge, &[]);
    shown.check(&ChunkError::NoSuchChunk, &[]);
    shown.check(&RangeError::Undecryptable, &[]);
    shown.check(&ReadError::Malformed, &[]);
}

/// What is reported, and what it is reported by.
fn print_reports(shown: &mut Printed) {
    let body = [0xab; 32];
    let mut talk = started(42);
    let payload = Payload::new(body).with_stamp(longest_stamp());
    let sent = talk.alice.encrypt_with_evidence(&payload, AD, &mut rng(1)).unwrap();
    let evidence = sent.evidence.clone().unwrap();
    let encoded = evidence.encode();
    // K_f and h.
    let secrets = [encoded[2..34].try_into().unwrap(), encoded[34..66].try_into().unwrap(), body];
    shown.check(&sent, &secrets);
    shown.check(&evidence, &secrets);
    let received = receive(&mut talk.bob, &sent.message);
    check_redacted(&received, &secrets);
    let server_key = ServerKey::new(&[0xcd; 32]);
    shown.check(&server_key, &[[0xcd; 32]]);
    let commitment = Commitment::of(&sent.message).unwrap();
    shown.check(&commitment, &secrets);
    let postmark = server_key.postmark(&commitment, &[b'c'; 1_024]).unwrap();
    shown.check(&postmark, &[[0xcd; 32]]);
    let entry = evidence.entry(&body, &[b'c'; 1_024], &postmark).unwrap();
    shown.check(&entry, &secrets);
    shown.check(&entry.verify(&server_key).unwrap(), &secrets);
    shown.check(&Report::new(entry), &secrets);
    shown.check(&PostmarkError::TooLarge, &[]);
    shown.check(&EntryError::OtherBody, &[]);
    shown.check(&ProofError::Unsupported, &[]);
    shown.check(&ReportFull, &[]);
}

/// Values that are small whatever they say, at their longest, and the errors.
fn print_small_values(shown: &mut Printed) {
    let message = Pair::acquainted(37).alice_sends("text");
    shown.check(&evanesce::MessageTag::of(&message).unwrap(), &[]);
    shown.check(&World::with_one_time_prekeys(3, 38).server.stock(), &[]);
    shown.check(&evanesce::StockDisagreement::AccountWentBack, &[]);
    let stamp = longest_stamp();
    let stamped = stamp.setting.clone().unwrap();
    shown.check(&stamped.setting.policy, &[]);
    shown.check(&stamped.setting.policy.unwrap(), &[]);
    shown.check(&stamped.setting.version, &[]);
    shown.check(&stamped.setting.by, &[]);
    shown.check(&stamped.setting, &[]);
    shown.check(&stamped, &[]);
    shown.check(&stamp, &[]);
    shown.check(&stamp.opens, &[]);
    let monotonic = Monotonic { boot: u128::MAX, elapsed: Duration::MAX };
    let now = Now { wall: Duration::MAX, monotonic: Some(monotonic) };
    shown.check(&monotonic, &[]);
    shown.check(&now, &[]);
    shown.check(&now.timestamp(), &[]);
    let mut clock = EngineClock::new(now);
    clock.trust_time(Duration::MAX, now);
    shown.check(&clock, &[]);
    let time = EngineTime::from_millis(u64::MAX - 1);
    shown.check(&time, &[]);
    let terms =
        Terms::NONE.and(stamped.setting.policy.unwrap()).and(Policy::after_send(support::DAY));
    shown.check(&terms, &[]);
    let mut life = Life::received(terms, Opens::Unlimited, Age::NONE, time);
    life.read(time);
    life.closed(time);
    shown.check(&life, &[]);
    shown.check(&Age::claimed(Duration::MAX), &[]);
    let (id, chat) = (MessageId([0xff; 16]), ConversationId([0xff; 16]));
    shown.check(&id, &[]);
    shown.check(&chat, &[]);
    shown.check(&DeviceEvent::Setting(chat, stamped.setting), &[]);
    let (previous, setting) = (Some(stamped.setting), stamped.setting);
    shown.check(&ExpiryEvent::SettingChanged { conversation: chat, previous, setting }, &[]);
    shown.check(&SettingRefusal::VersionJump, &[]);
    shown.check(&Role::Initiator, &[]);
    shown.check(&SessionNeed::ChainNearlyFull, &[]);
    shown.check(&SpentPreKey::OneTime(u32::MAX), &[]);
    shown.check(&Verdict::IdTaken, &[]);
    shown.check(&Visibility::Gone, &[]);
    let identity = World::new(33).alice.device().identity;
    shown.check(&PeerDecryptError::IdentityChanged(identity), &[]);
    shown.check(&PeerInitiateError::IdentityChanged(identity), &[]);
    shown.check(&PeerEncryptError::NeedsSession, &[]);
    shown.check(&AcceptError::ReplayRecordFull, &[]);
    shown.check(&DecryptError::Undecryptable, &[]);
    shown.check(&EncryptError::ChainFull, &[]);
    shown.check(&VerifyError::BadSignature, &[]);
    shown.check(&SnapshotError::Undecryptable, &[]);
    shown.check(&ScanError::Unsupported, &[]);
    shown.check(&DecodeError::Unsupported, &[]);
    shown.check(&IdentityKeyError::Malformed, &[]);
    shown.check(&InitiateError::WeakKey, &[]);
    shown.check(&AddressLength, &[]);
    shown.check(&EditError::NotAuthor, &[]);
    shown.check(&OpenError::Withheld, &[]);
    shown.check(&RecordError::Malformed(record_key()), &[]);
    shown.check(&MalformedStamp, &[]);
    shown.check(&NotCanonical, &[]);
    shown.check(&VersionOutOfRange, &[]);
}

fn is_hex(value: &(impl Display + Debug), name: &str, bytes: &[u8]) {
    let hex = hex::encode(bytes);
    assert_eq!(value.to_string(), hex);
    assert_eq!(format!("{value:?}"), format!("{name}({hex})"));
    assert_eq!(format!("{value:#?}"), format!("{name}({hex})"));
}

#[test]
fn names_and_keys_are_shown_in_hex_in_full() {
    let world = World::new(34);
    let Device { identity, address } = world.alice.device();
    let id = started(34).alice.id();
    let (message, chat) = (MessageId::from(0xab), ConversationId([0x1f; 16]));
    let key = RatchetKeyPair::from_secret(&[7; 32]).public_key();
    is_hex(&identity, "IdentityKey", &identity.encode());
    is_hex(&id, "SessionId", id.as_bytes());
    is_hex(&message, "MessageId", &message.0);
    is_hex(&chat, "ConversationId", &chat.0);
    is_hex(&MemberTag([0xf0; 8]), "MemberTag", &[0xf0; 8]);
    is_hex(&key, "DhPublicKey", key.as_bytes());
    assert_eq!(address.to_string(), "alice@example/phone");
    assert_eq!(format!("{address:?}"), "Address(\"alice@example/phone\")");
}

#[test]
fn a_line_says_which_state_it_is_of() {
    let mut world = World::new(35);
    let identity = &world.bob.device().identity.to_string()[..16];
    let line = format!("{:?}", world.bob);
    let expected = format!(
        "Account {{ address: Address(\"bob@example/laptop\"), identity: {identity}.., \
         prekeys: PreKeys {{ signed_id: 1, replaced: 0, one_time: 100, .. }}, .. }}"
    );
    assert_eq!(line, expected);
    let session = world.initiate();
    let id = &session.id().to_string()[..16];
    let expected = format!(
        "Session {{ id: {id}.., role: Initiator, peer: Device {{ address: \
         Address(\"bob@example/laptop\"), identity: {identity}.. }}, ratchet: "
    );
    let line = format!("{session:?}");
    assert!(line.starts_with(&expected), "{line}");
    let pair = Pair::talking(36);
    let line = format!("{:?}", pair.alice.peer);
    let identity = &pair.bob.account.device().identity.to_string()[..16];
    let id = &pair.alice.active().unwrap().to_string()[..16];
    let expected = format!(
        "Peer {{ addresses: Address(\"bob\") and 0 former, contact: Accepted({identity}..), \
         undecided: None, sessions: Sessions {{ count: 1, active: Some({id}..), .. }}, .. }}"
    );
    assert_eq!(line, expected);
    let line = format!("{:?}", world.server);
    assert!(line.contains("one_time_prekeys: 99, .. }"), "{line}");
}

/// An error says which of a few things is wrong, in words, and carries nothing.
fn check_errors<E: Error + Copy + 'static>(errors: &[E]) {
    assert!(size_of::<E>() <= 1, "an error carries more than its name");
    for error in errors {
        let debug = format!("{error:?}");
        assert!(!debug.is_empty());
        assert!(!debug.contains(|letter: char| letter.is_ascii_digit()), "{debug}");
    }
    check_texts(errors);
}

fn check_texts<E: Error>(errors: &[E]) {
    let mut texts = Vec::new();
    for error in errors {
        let text = error.to_string();
        assert!(!text.is_empty() && error.source().is_none());
        assert!(!texts.contains(&text), "{text} twice");
        texts.push(text);
    }
    // Two of them state a bound, which is the same for everybody.
    let states_a_bound =
        ["an address has 1 to 64 bytes", "a setting's version is from 1 to 2^63 - 1"];
    for text in texts.iter().filter(|text| !states_a_bound.contains(&text.as_str())) {
        assert!(!text.contains(|letter: char| letter.is_ascii_digit()), "{text}");
    }
}

fn record_key() -> RecordKey {
    let scheduler = ExpiryScheduler::new(support::clock(NOW), &mut rng(9));
    scheduler.records().next().unwrap().key
}

#[test]
fn errors_speak_in_words_and_carry_nothing() {
    check_errors(&[
        AcceptError::Malformed,
        AcceptError::Unsupported,
        AcceptError::NoSession,
        AcceptError::UnknownPreKey,
        AcceptError::Undecryptable,
        AcceptError::Forked,
        AcceptError::Replayed,
        AcceptError::ReplayRecordFull,
    ]);
    check_errors(&[
        DecryptError::Malformed,
        DecryptError::Unsupported,
        DecryptError::OtherSession,
        DecryptError::Undecryptable,
        DecryptError::Duplicate,
        DecryptError::Expired,
        DecryptError::Forked,
    ]);
    check_errors(&[
        EncryptError::ChainFull,
        EncryptError::TooLarge,
        EncryptError::Waiting,
        EncryptError::WeakKey,
    ]);
    check_errors(&[
        VerifyError::Malformed,
        VerifyError::WeakKey,
        VerifyError::BadSignature,
        VerifyError::NotYetValid,
        VerifyError::Expired,
    ]);
    check_errors(&[
        SnapshotError::Malformed,
        SnapshotError::Unsupported,
        SnapshotError::WrongKind,
        SnapshotError::Undecryptable,
        SnapshotError::Corrupt,
    ]);
    let identity = World::new(20).alice.device().identity;
    // These carry the identity that the user is to be told of, and do not print it as text.
    check_texts(&[
        PeerDecryptError::Malformed,
        PeerDecryptError::Unsupported,
        PeerDecryptError::Refused,
        PeerDecryptError::NoSession,
        PeerDecryptError::UnknownPreKey,
        PeerDecryptError::Undecryptable,
        PeerDecryptError::Duplicate,
        PeerDecryptError::Expired,
        PeerDecryptError::Forked,
        PeerDecryptError::Replayed,
        PeerDecryptError::ReplayRecordFull,
        PeerDecryptError::OtherAddress,
        PeerDecryptError::IdentityChanged(identity),
    ]);
    check_errors(&[
        PeerEncryptError::Request,
        PeerEncryptError::NeedsSession,
        PeerEncryptError::TooLarge,
    ]);
    check_texts(&[
        PeerInitiateError::Request,
        PeerInitiateError::OtherAddress,
        PeerInitiateError::IdentityChanged(identity),
        PeerInitiateError::WeakKey,
    ]);
    check_errors(&[ScanError::Mismatch, ScanError::Malformed, ScanError::Unsupported]);
    check_errors(&[DecodeError::Malformed, DecodeError::Unsupported]);
    check_errors(&[IdentityKeyError::Malformed, IdentityKeyError::WeakKey]);
    check_errors(&[InitiateError::WeakKey]);
    check_errors(&[AddressLength]);
    check_errors(&[EditError::NotAuthor, EditError::Unknown, EditError::Gone]);
    check_errors(&[
        OpenError::Unknown,
        OpenError::Gone,
        OpenError::NotReady,
        OpenError::Withheld,
        OpenError::Ours,
    ]);
    check_texts(&[
        RecordError::NoHead,
        RecordError::Malformed(record_key()),
        RecordError::Unsupported(record_key()),
    ]);
    check_errors(&[
        ListError::Unsupported,
        ListError::Malformed,
        ListError::WeakKey,
        ListError::BadSignature,
        ListError::NotYetValid,
    ]);
    check_errors(&[AdoptError::OtherOwner, AdoptError::OlderList]);
    check_errors(&[ListExpired]);
    check_errors(&[
        SignError::NotTheOwner,
        SignError::NotListed,
        SignError::Unconfirmed,
        SignError::List(ListError::Malformed),
        SignError::VersionsUsedUp,
    ]);
    check_errors(&[
        FanOutError::Removed,
        FanOutError::ListExpired,
        FanOutError::NobodyReached,
        FanOutError::TooLarge,
    ]);
    check_errors(&[LinkCodeError::Malformed, LinkCodeError::Unsupported, LinkCodeError::WeakKey]);
    check_texts(&[
        LinkError::NotTheOwner,
        LinkError::AlreadyListed,
        LinkError::ListFull,
        LinkError::OtherDevice,
        LinkError::WeakKey,
        LinkError::CodeExpired,
        LinkError::CodeUsed,
        LinkError::AlreadyLinked,
        LinkError::NotLinking,
        LinkError::Message(PeerDecryptError::IdentityChanged(identity)),
        LinkError::Malformed,
        LinkError::BadSignature,
        LinkError::Sign(SignError::Unconfirmed),
    ]);
    check_errors(&[MalformedStamp]);
    check_errors(&[NotCanonical]);
    check_errors(&[SealError::TooLarge, SealError::Changed]);
    check_errors(&[
        ChunkError::NoSuchChunk,
        ChunkError::WrongLength,
        ChunkError::OutOfOrder,
        ChunkError::Unfinished,
        ChunkError::Changed,
    ]);
    check_errors(&[
        RangeError::Altered,
        RangeError::Undecryptable,
        RangeError::Malformed,
        RangeError::NoSuchChunk,
        RangeError::NoPage,
    ]);
    check_errors(&[ReadError::Altered, ReadError::Malformed]);
    check_errors(&[EntryError::Malformed, EntryError::OtherBody, EntryError::TooLarge]);
    check_errors(&[ProofError::Unsupported, ProofError::Unproven, ProofError::Malformed]);
    check_errors(&[PostmarkError::TooLarge]);
    check_errors(&[ReportFull]);
    check_errors(&[VersionOutOfRange]);
}
