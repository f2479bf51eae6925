//! Writes what each target begins with: a directory of files for each, below the directory that is named.

use std::error::Error;
use std::path::Path;
use std::time::Duration;
use std::{env, fs};

use evanesce::expiry::{
    Age, ContentKey, ConversationId, DeviceEvent, ExpiryScheduler, MemberTag, MessageId, Monotonic,
    NewMessage, Now, Opens, Parts, Policy, Setting, SettingVersion, Stamp, Unsent, Verdict,
};
use evanesce::server::PreKeyUpload;
use evanesce::session::RatchetKeyPair;
use evanesce::{Address, Payload, Peer, PreKeyBundle, SafetyNumber};
use evanesce_fuzz::attachments::sealed_files;
use evanesce_fuzz::bundles::Bundles;
use evanesce_fuzz::conversation::event::{
    BundleChoice, Event, LimitsChoice, MAX_EVENTS, Side, Tampering,
};
use evanesce_fuzz::people::{AD, DAY, NOW, account, rng};
use evanesce_fuzz::recipients::Recipients;
use evanesce_fuzz::reports::Delivered;
use evanesce_fuzz::server::{self, Description, SCRIPT};
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::Rng;

type Seeds = Vec<(&'static str, Vec<u8>)>;

fn main() -> Result<(), Box<dyn Error>> {
    let directory = env::args_os().nth(1).ok_or("where to?")?;
    let targets = [
        ("attachment_reader", attachment_reader()),
        ("conversation", conversation()),
        ("envelope", envelope()),
        ("expiry", expiry()),
        ("payload", payload()),
        ("peers", peers()),
        ("prekey_bundle", prekey_bundle()),
        ("prekey_upload", prekey_upload()?),
        ("report", report()),
        ("scanned_safety_number", scanned_safety_number()),
        ("snapshot", snapshot()?),
        ("stamp", stamp()),
    ];
    for (target, seeds) in targets {
        let directory = Path::new(&directory).join(target);
        fs::create_dir_all(&directory)?;
        for (name, seed) in seeds {
            fs::write(directory.join(name), seed)?;
        }
    }
    Ok(())
}

/// The file, the edits, the end, and lengths of pieces.
fn attachment_reader() -> Seeds {
    let files = sealed_files();
    let chunk = 1_000_u16.to_be_bytes();
    vec![
        ("unaltered", vec![3, 0, 0, 0, 0]),
        ("in_pieces", [[1, 0, 0, 0, 0].as_slice(), &chunk.repeat(40)].concat()),
        ("no_bytes", vec![0, 0, 0, 0, 0, 0, 1]),
        ("a_chunk", vec![3, 1, 1, 0, 1, 7, 0, 0, 0]),
        ("a_page", vec![2, 1, 2, 0, 40, 7, 0, 0, 0]),
        ("cut", vec![2, 0, 1, 0, 1]),
        ("longer", vec![2, 0, 2, 0, 1]),
        ("reference", files[2].reference.encode().to_vec()),
        ("checkpoint", [[1].as_slice(), &[7; 32], &3_u64.to_be_bytes(), &[8; 32]].concat()),
    ]
}

fn report() -> Seeds {
    let delivered = Delivered::new();
    let [classical, hybrid] = [0, 1].map(|place| delivered.evidence[place].encode().to_vec());
    vec![
        ("both", delivered.report().encode().to_vec()),
        ("evidence_classical", classical),
        ("evidence_hybrid", hybrid),
    ]
}

fn conversation() -> Seeds {
    let (alice, bob) = (Side::Alice, Side::Bob);
    let send = |by, count, size| Event::Send { by, session: 0, count, size };
    let deliver = |message| Event::Deliver { message, days_back: 0 };
    let tamper = |message, how| Event::Tamper { message, how };
    let begin = |by, bundle| Event::Begin { by, bundle };
    let scripts: [(&str, Vec<Event>); 8] = [
        (
            "out_of_order",
            vec![send(alice, 5, 20), deliver(0), deliver(2), deliver(2), send(bob, 3, 62)]
                .into_iter()
                .chain([deliver(1), send(alice, 2, 210), deliver(0), deliver(7), deliver(8)])
                .collect(),
        ),
        (
            "older_chains",
            (0..5)
                .flat_map(|_| [send(alice, 3, 9), deliver(0), send(bob, 3, 9), deliver(1)])
                .collect(),
        ),
        (
            "tampering",
            vec![
                send(alice, 3, 40),
                send(bob, 2, 100),
                tamper(0, Tampering::FlipBit { place: 3 }),
                tamper(1, Tampering::Truncate { place: 200 }),
                tamper(2, Tampering::Extend { by: 1 }),
                tamper(3, Tampering::SpliceRest { other: 2 }),
                tamper(4, Tampering::SpliceCiphertext { other: 3 }),
                tamper(0, Tampering::Reflect),
                tamper(1, Tampering::OtherAd),
                tamper(2, Tampering::OtherKind { other: 1 }),
                tamper(3, Tampering::ToAccount),
                deliver(0),
                deliver(0),
            ],
        ),
        (
            "first_messages",
            vec![
                begin(bob, BundleChoice::Fresh),
                send(bob, 3, 0),
                tamper(1, Tampering::FlipBit { place: 250 }),
                deliver(1),
                tamper(0, Tampering::ToAccount),
                begin(alice, BundleChoice::Stripped),
                send(alice, 2, 63),
                tamper(0, Tampering::OtherKind { other: 3 }),
                deliver(0),
                tamper(1, Tampering::ToAccount),
                begin(bob, BundleChoice::Again { bundle: 0 }),
                send(bob, 1, 5),
                deliver(0),
            ],
        ),
        (
            "time",
            vec![
                send(alice, 12, 1),
                deliver(0),
                Event::Pass { days: 29 },
                deliver(3),
                Event::Pass { days: 2 },
                deliver(3),
                Event::Deliver { message: 4, days_back: 5 },
                Event::Maintain { by: bob },
                deliver(5),
            ],
        ),
        (
            "prekeys",
            vec![
                begin(alice, BundleChoice::Fresh),
                send(alice, 1, 7),
                Event::Rotate { by: bob },
                Event::TopUp { by: bob, count: 3 },
                Event::Pass { days: 31 },
                Event::Maintain { by: bob },
                Event::Restart { by: bob },
                deliver(0),
                begin(alice, BundleChoice::Fresh),
                send(alice, 2, 7),
                deliver(1),
                Event::Forget { by: bob, session: 0 },
                deliver(0),
            ],
        ),
        (
            "last_day_of_grace",
            vec![
                begin(alice, BundleChoice::Stripped),
                send(alice, 2, 7),
                Event::Rotate { by: bob },
                Event::Pass { days: 30 },
                Event::Maintain { by: bob },
                deliver(1),
                Event::Restart { by: bob },
                Event::Pass { days: 30 },
                deliver(0),
            ],
        ),
        (
            "limits",
            vec![
                send(alice, 15, 30),
                deliver(2),
                Event::Limit {
                    by: bob,
                    session: 0,
                    limits: LimitsChoice {
                        max_skip: 2,
                        max_held_keys: 4,
                        max_older_chains: 1,
                        lifetime_days: 3,
                    },
                },
                Event::Restart { by: bob },
                Event::Maintain { by: bob },
                deliver(0),
                deliver(8),
                send(bob, 1, 3),
            ],
        ),
    ];
    let bytes_of = |event: Event| {
        assert_eq!(Event::from_bytes(event.to_bytes()), event);
        event.to_bytes()
    };
    let bytes = |events: Vec<Event>| events.into_iter().flat_map(bytes_of).collect();
    let mut seeds: Seeds = scripts.map(|(name, events)| (name, bytes(events))).into();
    for (name, seed) in [("long", 5), ("other_long", 6)] {
        let mut events = vec![0; 4 * MAX_EVENTS];
        rng(seed).fill_bytes(&mut events);
        seeds.push((name, events));
    }
    seeds
}

fn envelope() -> Seeds {
    let messages = Recipients::new().messages();
    let places = [
        ("accepted", 0),
        ("recorded", 2),
        ("pending", 4),
        ("pending_later", 5),
        ("without_one_time_prekey", 6),
        ("initial_held", 7),
        ("initial_used", 8),
        ("initial_last", 10),
        ("second_chain_held", 11),
        ("second_chain_used", 12),
        ("second_chain_ahead", 13),
        ("third_chain", 14),
        ("to_initiator_held", 16),
        ("to_initiator_used", 17),
        ("to_initiator_ahead", 21),
    ];
    let mut seeds: Seeds = places.map(|(name, place)| (name, messages[place].clone())).into();
    // The ephemeral key stands behind the first byte, the suite, both ids and the flag.
    let mut weak = messages[4].clone();
    weak[11..43].fill(0);
    seeds.push(("weak_ephemeral_key", weak));
    seeds
}

/// A seed, then events as `tests/support/expiry_model.rs` reads them.
fn expiry() -> Seeds {
    let names = ["one", "two", "three", "four", "five", "six"];
    let events = |(name, seed): (&'static str, u64)| {
        let mut bytes = vec![0; 90 * usize::try_from(seed).unwrap_or(1)];
        rng(20 + seed).fill_bytes(&mut bytes);
        (name, bytes)
    };
    names.into_iter().zip(1..).map(events).collect()
}

fn prekey_bundle() -> Seeds {
    let names = [
        "bob_first",
        "bob_second",
        "bob_first_with_one_time_prekey",
        "bob_second_with_one_time_prekey",
        "carol_first",
        "carol_second",
        "carol_first_with_one_time_prekey",
        "carol_second_with_one_time_prekey",
    ];
    let genuine = Bundles::new().genuine();
    let mut seeds: Seeds = names.into_iter().zip(genuine.iter().cloned()).collect();
    // At the bounds; behind `expires` stand the signature and the flag.
    for (name, seconds_more) in [("longest_lifetime", 0), ("too_long_lifetime", 1)] {
        let mut bundle = genuine[0].clone();
        let end = bundle.len() - 65;
        let expires = NOW.plus(90 * DAY).unix_seconds() + seconds_more;
        bundle[end - 8..end].copy_from_slice(&expires.to_be_bytes());
        seeds.push((name, bundle));
    }
    for (name, least) in [("weak_one_time_prekey", 0xec), ("one_time_prekey_not_canonical", 0xed)] {
        let mut bundle = genuine[2].clone();
        let start = bundle.len() - 32;
        bundle[start..].fill(0xff);
        bundle[start] = least;
        bundle[start + 31] = 0x7f;
        seeds.push((name, bundle));
    }
    seeds
}

fn prekey_upload() -> Result<Seeds, Box<dyn Error>> {
    let mut bob = account("bob@example/laptop", 2);
    let upload = bob.maintain(None, NOW, &mut rng(1)).upload.ok_or("nothing to publish")?;
    let without = PreKeyBundle::encode(&upload.bundle());
    let without = [&[1], &without[..without.len() - 1]].concat();
    PreKeyUpload::decode(&without).map_err(|error| error.to_string())?;

    let publish = |device, signed_prekey_id, created, first_one_time_id, count, generation| {
        server::Event::Publish(Description {
            device,
            signed_prekey_id,
            created,
            replaces_all: false,
            first_one_time_id,
            count,
            generation,
        })
    };
    let hand_out = |count| server::Event::HandOut { count };
    let repeated = [publish(0, 1, 0, 1, 3, 0), hand_out(2), publish(0, 1, 0, 1, 4, 0), hand_out(9)];
    let restored = [publish(0, 2, 1, 1, 4, 0), hand_out(1), publish(0, 1, 2, 1, 2, 1), hand_out(3)];
    let other_keys = [publish(0, 1, 0, 1, 4, 0), publish(0, 2, 0, 3, 2, 1), hand_out(4)];
    let other_device = [publish(0, 3, 0, 9, 3, 0), publish(1, 1, 0, 1, 2, 0), hand_out(3)];
    let full = [publish(0, 1, 0, 1, 7, 0), publish(0, 1, 0, 200, 7, 0), hand_out(15)];
    let late = [publish(0, 2, 1, 4, 2, 0), publish(0, 1, 0, 1, 3, 0), hand_out(5)];
    let script = |events: &[server::Event]| {
        let events = events.iter().flat_map(|event| event.to_bytes());
        [SCRIPT].into_iter().chain(events).collect()
    };
    Ok(vec![
        ("upload", upload.encode()),
        ("upload_without_one_time_prekeys", without),
        ("script_repeated", script(&repeated)),
        ("script_restored", script(&restored)),
        ("script_other_keys", script(&other_keys)),
        ("script_other_device", script(&other_device)),
        ("script_full", script(&full)),
        ("script_late", script(&late)),
    ])
}

fn scanned_safety_number() -> Seeds {
    let devices = [("alice", 1), ("bob", 2), ("bob", 3)];
    let [alice, bob, other] = devices.map(|(address, seed)| account(address, seed).device());
    let ours = SafetyNumber::between(&alice, &bob);
    vec![
        ("code_of_alice", ours.scannable().into()),
        ("code_of_bob", SafetyNumber::between(&bob, &alice).scannable().into()),
        ("code_of_another_bob", SafetyNumber::between(&other, &alice).scannable().into()),
        ("digits", ours.digits().into()),
        ("digits_in_groups", ours.to_string().into()),
        ("digits_of_another_bob", SafetyNumber::between(&alice, &other).to_string().into()),
    ]
}

fn payload() -> Seeds {
    let padded = |content: &[u8], zeros| [content, &[0x80], &vec![0; zeros]].concat();
    let mut seeds: Seeds =
        stamp().into_iter().map(|(name, text)| (name, padded(&text, 9))).collect();
    seeds.push(("empty", padded(&[], 63)));
    seeds.push(("without_stamp", padded(b"\xff no stamp", 1)));
    seeds.push(("without_padding", b"\0\0body".to_vec()));
    seeds
}

/// A seed, then events as `tests/support/schedule.rs` reads them.
fn peers() -> Seeds {
    let names = ["one", "two", "three", "four", "five", "six"];
    let events = |(name, seed): (&'static str, u64)| {
        let mut bytes = vec![0; 60 * usize::try_from(seed).unwrap_or(1)];
        rng(seed).fill_bytes(&mut bytes);
        (name, bytes)
    };
    names.into_iter().zip(1..).map(events).collect()
}

/// A kind and a state: what stands between the head and the check of a snapshot.
fn snapshot() -> Result<Seeds, Box<dyn Error>> {
    let rng = &mut rng(11);
    let mut alice = account("alice", 1);
    let mut bob = account("bob", 2);
    let upload = bob.maintain(None, NOW, rng).upload.ok_or("nothing to publish")?;
    let bundle = || upload.bundle().verify(NOW);
    let mut bobs = Peer::pinned(bob.device());
    let _ = bobs.initiate(&alice, bundle()?, NOW, rng)?;
    let pending = state_of(&bobs.snapshot());
    let mut alices = Peer::new(Address::new("alice")?);
    let mut late = Vec::new();
    for round in 0..3 {
        let mut sent = Vec::new();
        for _ in 0..5 {
            sent.push(bobs.encrypt(&Payload::new("text"), AD, NOW, rng)?.message);
        }
        for place in [1, 4] {
            let _ = alices.decrypt(&mut bob, &sent[place], AD, NOW)?;
        }
        late.extend(sent);
        if round == 1 {
            let _ = bobs.initiate(&alice, bundle()?, NOW, rng)?;
        }
        let _ = alices.accept_request();
        let answer = alices.encrypt(&Payload::new("answer"), AD, NOW, rng)?.message;
        let _ = bobs.decrypt(&mut alice, &answer, AD, NOW)?;
    }
    let sessions: Vec<_> = alices.sessions().chain(bobs.sessions()).collect();
    let names = ["bobs_active", "bobs_older", "alices_active", "alices_older"];
    let mut seeds: Seeds = names
        .into_iter()
        .zip(sessions.iter().map(|session| state_of(&session.snapshot())))
        .collect();
    assert!(bob.rotate_signed_prekey(NOW, rng).changes.account);
    seeds.extend([
        ("account", state_of(&bob.snapshot())),
        ("account_fresh", state_of(&alice.snapshot())),
        ("peer_pending", pending),
        ("peer_alice", state_of(&alices.snapshot())),
        ("peer_bob", state_of(&bobs.snapshot())),
        ("ratchet_key_pair", state_of(&RatchetKeyPair::from_secret(&[6; 32]).snapshot())),
    ]);
    let fresh = ExpiryScheduler::new(now(0), rng);
    let full = scheduler(rng)?;
    seeds.extend([
        ("scheduler_fresh", state_of(&fresh.snapshot())),
        ("scheduler", state_of(&full.snapshot())),
        ("records", records(&full)?),
    ]);
    Ok(seeds)
}

/// By a device that has been up for so many seconds.
fn now(elapsed: u64) -> Now {
    let elapsed = Duration::from_secs(elapsed);
    let wall = Duration::from_secs(NOW.unix_seconds()) + elapsed;
    Now { wall, monotonic: Some(Monotonic { boot: 1, elapsed }) }
}

/// One that holds something of each kind.
fn scheduler(rng: &mut ChaCha20Rng) -> Result<ExpiryScheduler, Box<dyn Error>> {
    let (here, alice, bob) = (ConversationId([1; 16]), MemberTag([1; 8]), MemberTag([2; 8]));
    let message = |id, author| NewMessage::new(MessageId::from(id), here, author);
    let minute = Policy::after_read(Duration::from_secs(60));
    let mut all = ExpiryScheduler::new(now(0), rng);
    let mut effects = all.set(here, Some(Policy::after_send(DAY)), alice, now(1));
    let stamp = all.stamp(here);
    let mut arrivals = vec![
        all.queued(message(1, alice).with_parts(Parts::RESEND_LOG), &stamp, now(2)),
        all.queued(message(2, alice), &stamp.clone().with_policy(Policy::OnClose), now(2)),
    ];
    effects = effects.and(all.sent(MessageId::from(2), Age::NONE, now(3)));
    let once = message(3, bob).sealed_under(ContentKey::generate(rng)).awaiting_media();
    let quoting = message(4, bob).quoting(MessageId::from(3));
    let old = Age::claimed(Duration::from_secs(90));
    arrivals.extend([
        all.received(once, &Ok(stamp.clone().with_opens(Opens::Once)), old, now(4)),
        all.received(quoting, &Ok(Stamp::NONE.with_policy(minute)), Age::NONE, now(5)),
        all.received(message(5, bob), &Ok(Stamp::NONE), Age::NONE, now(6)),
    ]);
    let read_elsewhere = DeviceEvent::Read(MessageId::from(6));
    effects = effects
        .and(all.read(MessageId::from(4), now(7)))
        .and(all.deleted(MessageId::from(7), now(8)))
        .and(all.told_by_own_device(read_elsewhere, Age::NONE, now(9)))
        .and(all.trust_time(now(10).wall, now(10)))
        .and(all.catching_up(now(11)));
    let is_unknown = matches!(all.unsent(MessageId::from(8), bob, now(12)), Unsent::Unknown(_));
    let are_kept = arrivals.iter().all(|arrival| arrival.verdict == Verdict::Keep);
    if is_unknown && are_kept && !effects.is_empty() {
        Ok(all)
    } else {
        Err("a message was not taken in".into())
    }
}

/// A 6, then the records one by one.
fn records(scheduler: &ExpiryScheduler) -> Result<Vec<u8>, Box<dyn Error>> {
    let mut seed = vec![6];
    for record in scheduler.records() {
        let (key, value) = (record.key.as_bytes(), record.value.ok_or("what is held is written")?);
        seed.push(u8::try_from(key.len())?);
        seed.extend_from_slice(key);
        seed.extend_from_slice(&u16::try_from(value.len())?.to_be_bytes());
        seed.extend_from_slice(&value);
    }
    Ok(seed)
}

fn state_of(snapshot: &[u8]) -> Vec<u8> {
    [&snapshot[5..6], &snapshot[10..snapshot.len() - 16]].concat()
}

fn stamp() -> Seeds {
    let ttl = std::num::NonZeroU32::MIN.saturating_add(3_599);
    let setting = |version, policy| Setting { version, policy, by: MemberTag([7; 8]) };
    let first = SettingVersion::new(300).map(|version| setting(version, None));
    let last = setting(SettingVersion::MAX, Some(Policy::AfterSend { ttl }));
    let stamps = [
        ("none", Stamp::NONE),
        ("once", Stamp { opens: Opens::Once, ..Stamp::NONE }),
        ("own_policy", Stamp { own_policy: Some(Policy::AfterRead { ttl }), ..Stamp::NONE }),
        ("off", Stamp::of(first)),
        (
            "longest",
            Stamp::of(Some(last))
                .announcing_change()
                .with_policy(Policy::AfterRead { ttl })
                .with_opens(Opens::Twice),
        ),
    ];
    stamps.map(|(name, stamp)| (name, [&stamp.encode(), &b"body"[..]].concat())).into()
}
