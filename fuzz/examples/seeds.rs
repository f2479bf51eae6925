//! Writes what each target begins with: a directory of files for each, below the directory that is named.

use std::error::Error;
use std::path::Path;
use std::time::Duration;
use std::{env, fs, slice};

use evanesce::expiry::{
    Age, ContentKey, ConversationId, DeviceEvent, ExpiryScheduler, MemberTag, MessageId, Monotonic,
    NewMessage, Now, Opens, Parts, Policy, Setting, SettingVersion, Stamp, Unsent, Verdict,
};
use evanesce::limits::SessionLimits;
use evanesce::server::PreKeyUpload;
use evanesce::session::{ExternalHandshake, RatchetKeyPair, Role, Session, SharedSecret};
use evanesce::{Address, Payload, Peer, PreKeyBundle, SafetyNumber, Suite};
use evanesce_fuzz::attachments::sealed_files;
use evanesce_fuzz::bundles::Bundles;
use evanesce_fuzz::conversation::event::{
    BundleChoice, Event, LimitsChoice, MAX_EVENTS, Side, Tampering,
};
use evanesce_fuzz::conversation::wording::ROOMY;
use evanesce_fuzz::formats;
use evanesce_fuzz::hostile_device::event::{self as device, Alteration, Framing, Happens, Ours};
use evanesce_fuzz::hostile_device::household::Sender;
use evanesce_fuzz::hostile_device::signed_lists::{
    BOBS_FIRST, BOBS_OTHER_SECOND, BOBS_WITH_LAPTOP, BOBS_WITH_MALLORY, BOBS_WITHOUT_PHONE,
    CAROLS_FIRST, CAROLS_MOST, CAROLS_OTHER_MOST, DAVES_FIRST, DAVES_WITH_MALLORY, MALLORYS_FIRST,
    MALLORYS_WITH_TABLET,
};
use evanesce_fuzz::hostile_member::event as member;
use evanesce_fuzz::hostile_peer::event::{
    self as hostile, AnswerChoice, ChainChoice, ControlChoice, Lie, Mixes,
};
use evanesce_fuzz::households::Households;
use evanesce_fuzz::people::{AD, DAY, NOW, SUITES, account, rng};
use evanesce_fuzz::recipients::Recipients;
use evanesce_fuzz::reports::Delivered;
use evanesce_fuzz::server::{self, Description, SCRIPT};
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::Rng;

type Seeds = Vec<(String, Vec<u8>)>;

fn main() -> Result<(), Box<dyn Error>> {
    let directory = env::args_os().nth(1).ok_or("where to?")?;
    let targets = [
        ("attachment_reader", attachment_reader()),
        ("attachment_sealer", attachment_sealer()),
        ("conversation", conversation()),
        ("device_list", device_list()),
        ("envelope", envelope()),
        ("expiry", expiry()),
        ("groups", groups()),
        ("hostile_peer", hostile_peer()),
        ("payload", payload()),
        ("peers", peers()),
        ("people", people()),
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
    let seeds = [
        ("unaltered", vec![3, 0, 0, 0, 0]),
        ("in_pieces", [[1, 0, 0, 0, 0].as_slice(), &chunk.repeat(40)].concat()),
        ("no_bytes", vec![0, 0, 0, 0, 0, 0, 1]),
        ("a_chunk", vec![3, 1, 1, 0, 1, 7, 0, 0, 0]),
        ("a_page", vec![2, 1, 2, 0, 40, 7, 0, 0, 0]),
        ("cut", vec![2, 0, 1, 0, 1]),
        ("longer", vec![2, 0, 2, 0, 1]),
        ("reference", files[2].reference.encode().to_vec()),
        ("checkpoint", [[1].as_slice(), &[7; 32], &3_u64.to_be_bytes(), &[8; 32]].concat()),
    ];
    seeds.map(|(name, seed)| (name.to_owned(), seed)).into()
}

/// Where the upload stops in three bytes, an edit of its checkpoint in two, and a script for the file.
fn attachment_sealer() -> Seeds {
    let lengths = 40_000_u16.to_be_bytes();
    let seeds = [
        ("at_once", vec![0, 0, 0, 0, 0, 3, 0, 0, 0, 0]),
        ("behind_two", [[2, 50, 0, 0, 0, 3, 0, 0, 0, 0].as_slice(), &lengths.repeat(3)].concat()),
        ("changed", vec![2, 50, 0, 0, 0, 3, 1, 0, 7, 0, 1, 0, 0, 0]),
        ("changed_behind", vec![1, 50, 0, 0, 0, 3, 1, 2, 150, 0, 1, 0, 0, 0]),
        ("cut", vec![2, 50, 0, 0, 0, 3, 0, 1, 200, 0]),
        ("longer", vec![2, 50, 0, 0, 0, 3, 0, 2, 0, 9]),
        ("another_key", vec![0, 9, 0, 5, 1, 3, 0, 0, 0, 0]),
        ("another_hash", vec![2, 50, 0, 50, 1, 3, 0, 0, 0, 0]),
        ("another_count", vec![2, 50, 0, 40, 255, 3, 0, 0, 0, 0]),
        ("no_bytes", vec![0, 0, 0, 0, 0, 0, 0, 0, 0, 0]),
    ];
    seeds.map(|(name, seed)| (name.to_owned(), seed)).into()
}

/// Lists that were signed, a code, and a notice.
fn device_list() -> Seeds {
    let households = Households::new();
    let mut seeds: Seeds = households
        .lists
        .iter()
        .enumerate()
        .map(|(number, list)| (format!("list_{number}"), list.clone()))
        .collect();
    seeds.push(("code".to_owned(), households.code));
    let [one, other] = [0, 1].map(|which| formats::belief(1 + which, &households.lists[0]));
    seeds.push(("notice".to_owned(), [one, other].concat()));
    seeds
}

fn report() -> Seeds {
    let delivered = Delivered::new();
    let [classical, hybrid] = [0, 1].map(|place| delivered.evidence[place].encode().to_vec());
    let seeds = [
        ("both", delivered.report().encode().to_vec()),
        ("evidence_classical", classical),
        ("evidence_hybrid", hybrid),
    ];
    seeds.map(|(name, seed)| (name.to_owned(), seed)).into()
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
    let mut seeds = Seeds::new();
    for (name, events) in scripts {
        let bytes: Vec<u8> = events.into_iter().flat_map(bytes_of).collect();
        seeds.extend(
            SUITES.map(|suite| (of(suite, name), [&[between([suite; 2])], &*bytes].concat())),
        );
    }
    let [classical, hybrid] = SUITES;
    for (name, seed, suites) in
        [("long", 5, [classical, hybrid]), ("other_long", 6, [hybrid, classical])]
    {
        let mut events = vec![0; 4 * MAX_EVENTS];
        rng(seed).fill_bytes(&mut events);
        seeds.push((name.to_owned(), [&[between(suites)], &*events].concat()));
    }
    seeds
}

/// The first byte of a script between accounts of these suites.
fn between(suites: [Suite; 2]) -> u8 {
    let [alices, bobs] = suites.map(|suite| u8::from(suite == Suite::Hybrid));
    bobs << 1 | alices
}

/// The name of a seed that there is in both suites.
fn of(suite: Suite, name: &str) -> String {
    match suite {
        Suite::Classical => name.to_owned(),
        Suite::Hybrid => format!("{name}_hybrid"),
    }
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
    let mut seeds = Seeds::new();
    for (suite, messages) in SUITES.into_iter().zip(&messages) {
        seeds.extend(places.map(|(name, place)| (of(suite, name), messages[place].clone())));
        // The ephemeral key stands behind the first byte, the suite, both ids and the flag.
        let mut weak = messages[4].clone();
        weak[11..43].fill(0);
        seeds.push((of(suite, "weak_ephemeral_key"), weak));
    }
    seeds
}

/// A seed, then events as `tests/support/expiry_model.rs` reads them.
fn expiry() -> Seeds {
    let names = ["one", "two", "three", "four", "five", "six"];
    let events = |(name, seed): (&str, u64)| {
        let mut bytes = vec![0; 90 * usize::try_from(seed).unwrap_or(1)];
        rng(20 + seed).fill_bytes(&mut bytes);
        (name.to_owned(), bytes)
    };
    names.into_iter().zip(1..).map(events).collect()
}

/// A device that is to generate has sent some of its key when a script begins.
fn hostile_peer() -> Seeds {
    let [whole, part] = [36, 5];
    let write = |chain, lie, control| hostile::Event::HolderWrites {
        chain,
        lie,
        control,
        size: 5,
        is_kept_back: false,
    };
    let says = |chain, control| write(chain, Lie::None, control);
    let later = |control| hostile::Event::HolderWrites {
        chain: ChainChoice::Current,
        lie: Lie::None,
        control,
        size: 5,
        is_kept_back: true,
    };
    let [current, next] = [ChainChoice::Current, ChainChoice::Next { mixes: Mixes::Secret }];
    let older = |number| ChainChoice::Older { which: 0, number };
    let key = |which, first, count| ControlChoice::Key { which, first, count };
    let answer = |how, first, count| ControlChoice::Answer { how, first, count };
    let nothing = ControlChoice::Nothing;
    let sends = |size| hostile::Event::DeviceSends { count: 1, size };
    let [short, roomy] = [sends(5), sends(ROOMY)];
    let asks = hostile::Event::DeviceAsks;
    let back = |writes, draws_again| hostile::Event::DeviceGoesBack { writes, draws_again };
    let lies = [
        Lie::AnotherKey,
        Lie::WeakKey,
        Lie::Unreduced,
        Lie::Mixed { more: 1 },
        Lie::Mixed { more: -1 },
        Lie::Ahead { by: 4 },
        Lie::Again { by: 1 },
        Lie::PreviousLength { is: 7 },
        Lie::NumberOutOfBounds,
        Lie::PreviousLengthOutOfBounds,
    ];
    let scripts: [(&str, Role, Vec<hostile::Event>); 11] = [
        (
            "epochs",
            Role::Initiator,
            vec![
                roomy,
                says(next, answer(AnswerChoice::True, 0, whole)),
                short,
                asks,
                says(next, key(0, 0, whole)),
                roomy,
                says(next, nothing),
                asks,
                roomy,
                says(next, answer(AnswerChoice::True, 0, whole)),
            ],
        ),
        (
            "runs",
            Role::Responder,
            vec![
                says(current, key(0, 30, part)),
                says(current, key(0, 33, 20)),
                says(current, key(0, 10, 19)),
                says(current, key(1, 20, part)),
                short,
                says(next, key(1, 25, whole)),
                short,
                short,
            ],
        ),
        (
            "wrong_answers",
            Role::Initiator,
            vec![
                roomy,
                says(next, answer(AnswerChoice::WrongConfirmation, 0, whole)),
                roomy,
                says(next, answer(AnswerChoice::AnotherName, 0, whole)),
                says(current, answer(AnswerChoice::WrongCiphertext, 3, whole)),
                roomy,
                says(next, answer(AnswerChoice::True, 0, 20)),
                says(current, answer(AnswerChoice::TrueToo, 20, 20)),
            ],
        ),
        (
            "an_answer_that_stops",
            Role::Initiator,
            vec![short, says(next, answer(AnswerChoice::True, 3, part)), short, roomy],
        ),
        (
            "bad_keys",
            Role::Responder,
            vec![
                says(current, key(5, 0, whole)),
                says(current, key(6, 0, whole)),
                says(current, key(4, 0, whole)),
                roomy,
                says(next, nothing),
                says(current, key(2, 0, part)),
            ],
        ),
        (
            "another_name_late",
            Role::Responder,
            vec![
                later(key(3, 0, part)),
                later(key(1, 0, whole)),
                says(current, key(0, 0, part)),
                short,
                says(next, key(0, 0, whole)),
                says(older(1), key(2, 0, whole)),
                roomy,
                hostile::Event::Arrives { letter: 4 },
                says(next, nothing),
                says(older(3), key(2, 0, whole)),
            ],
        ),
        (
            "lies_in_the_current_chain",
            Role::Initiator,
            lies.map(|lie| write(current, lie, nothing)).into(),
        ),
        (
            "lies_in_the_next_chain",
            Role::Responder,
            lies.into_iter().flat_map(|lie| [write(next, lie, nothing), short]).collect(),
        ),
        (
            "another_secret",
            Role::Responder,
            vec![
                says(current, key(0, 0, whole)),
                roomy,
                says(ChainChoice::Next { mixes: Mixes::Another }, nothing),
                says(ChainChoice::Next { mixes: Mixes::Nothing }, nothing),
                roomy,
                write(next, Lie::Mixed { more: -1 }, nothing),
                says(next, nothing),
            ],
        ),
        (
            "goes_back",
            Role::Responder,
            vec![
                says(current, key(0, 0, whole)),
                roomy,
                back(1, true),
                roomy,
                back(1, false),
                says(next, nothing),
                roomy,
                says(next, nothing),
                back(2, false),
                hostile::Event::Arrives { letter: 0 },
                hostile::Event::DeviceRestarts,
            ],
        ),
        (
            "broken",
            Role::Initiator,
            (0..8).map(|how| says(next, ControlChoice::Broken { how, byte: 0xe0 })).collect(),
        ),
    ];
    let mut seeds = Seeds::new();
    for (name, role, events) in scripts {
        // What a place, a lie and a size have in common is as the first of them says.
        let events = events.into_iter().map(|event| hostile::Event::from_bytes(event.to_bytes()));
        let script = hostile::Script { suite: Suite::Hybrid, role, events: events.collect() };
        seeds.push((name.to_owned(), script.to_bytes()));
    }
    let mut classical = seeds[7].1.clone();
    classical[0] |= 14;
    seeds.push(("classical".to_owned(), classical));
    let mut long = vec![0; 1 + 6 * hostile::MAX_EVENTS];
    rng(9).fill_bytes(&mut long);
    seeds.push(("long".to_owned(), long));
    seeds
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
    let names = SUITES.into_iter().flat_map(|suite| names.map(|name| of(suite, name)));
    let mut seeds: Seeds = names.zip(genuine.iter().cloned()).collect();
    // Of the large ones some are enough.
    seeds.retain(|(name, _)| !(name.starts_with("carol_first") && name.ends_with("hybrid")));
    // Another's prekey, which is signed too; a number that is not below the modulus, in the first one's ML-KEM key.
    let mut others = genuine[10].clone();
    let length = 1_668;
    let start = others.len() - length;
    others[start..].copy_from_slice(&genuine[14][genuine[14].len() - length..]);
    seeds.push(("one_time_prekey_of_another".to_owned(), others));
    let mut not_reduced = genuine[8].clone();
    let start = not_reduced.len() - 1 - 64 - 16 - 1_568;
    not_reduced[start..start + 2].copy_from_slice(&[0x01, 0x0d]);
    seeds.push(("key_not_reduced".to_owned(), not_reduced));
    // At the bounds; behind `expires` stand the signature and the flag.
    for (name, seconds_more) in [("longest_lifetime", 0), ("too_long_lifetime", 1)] {
        let mut bundle = genuine[0].clone();
        let end = bundle.len() - 65;
        let expires = NOW.plus(90 * DAY).unix_seconds() + seconds_more;
        bundle[end - 8..end].copy_from_slice(&expires.to_be_bytes());
        seeds.push((name.to_owned(), bundle));
    }
    for (name, least) in [("weak_one_time_prekey", 0xec), ("one_time_prekey_not_canonical", 0xed)] {
        let mut bundle = genuine[2].clone();
        let start = bundle.len() - 32;
        bundle[start..].fill(0xff);
        bundle[start] = least;
        bundle[start + 31] = 0x7f;
        seeds.push((name.to_owned(), bundle));
    }
    seeds
}

fn prekey_upload() -> Result<Seeds, Box<dyn Error>> {
    let mut seeds = Seeds::new();
    for suite in SUITES {
        let mut bob = account(suite, "bob@example/laptop", 2);
        let upload = bob.maintain(None, NOW, &mut rng(1)).upload.ok_or("nothing to publish")?;
        let without = PreKeyBundle::encode(&upload.bundle());
        let without = [&[1], &without[..without.len() - 1]].concat();
        PreKeyUpload::decode(&without).map_err(|error| error.to_string())?;
        seeds.push((of(suite, "upload"), upload.encode()));
        seeds.push((of(suite, "upload_without_one_time_prekeys"), without));
    }

    let publish =
        |suite, device, signed_prekey_id, created, first_one_time_id, count, generation| {
            server::Event::Publish(Description {
                device,
                suite,
                signed_prekey_id,
                created,
                replaces_all: false,
                first_one_time_id,
                count,
                generation,
            })
        };
    let hand_out = |count| server::Event::HandOut { count };
    let script = |events: &[server::Event]| {
        let events = events.iter().flat_map(|event| event.to_bytes());
        [SCRIPT].into_iter().chain(events).collect()
    };
    for suite in SUITES {
        let publish = |device, signed_prekey_id, created, first_one_time_id, count, generation| {
            publish(suite, device, signed_prekey_id, created, first_one_time_id, count, generation)
        };
        let repeated =
            [publish(0, 1, 0, 1, 3, 0), hand_out(2), publish(0, 1, 0, 1, 4, 0), hand_out(9)];
        let restored =
            [publish(0, 2, 1, 1, 4, 0), hand_out(1), publish(0, 1, 2, 1, 2, 1), hand_out(3)];
        let other_keys = [publish(0, 1, 0, 1, 4, 0), publish(0, 2, 0, 3, 2, 1), hand_out(4)];
        let other_device = [publish(0, 3, 0, 9, 3, 0), publish(1, 1, 0, 1, 2, 0), hand_out(3)];
        let full = [publish(0, 1, 0, 1, 7, 0), publish(0, 1, 0, 200, 7, 0), hand_out(15)];
        let late = [publish(0, 2, 1, 4, 2, 0), publish(0, 1, 0, 1, 3, 0), hand_out(5)];
        seeds.extend([
            (of(suite, "script_repeated"), script(&repeated)),
            (of(suite, "script_restored"), script(&restored)),
            (of(suite, "script_other_keys"), script(&other_keys)),
            (of(suite, "script_other_device"), script(&other_device)),
            (of(suite, "script_full"), script(&full)),
            (of(suite, "script_late"), script(&late)),
        ]);
    }
    let [classical, hybrid] = SUITES;
    let other_suite = [
        publish(classical, 0, 1, 0, 1, 3, 0),
        publish(hybrid, 0, 2, 1, 4, 2, 0),
        hand_out(1),
        publish(classical, 0, 3, 1, 6, 2, 0),
        hand_out(2),
    ];
    seeds.push(("script_other_suite".to_owned(), script(&other_suite)));
    Ok(seeds)
}

fn scanned_safety_number() -> Seeds {
    let devices = [("alice", 1), ("bob", 2), ("bob", 3)];
    let [alice, bob, other] =
        devices.map(|(address, seed)| account(Suite::Hybrid, address, seed).device());
    let ours = SafetyNumber::between(&alice, &bob);
    let seeds: [(&str, Vec<u8>); 6] = [
        ("code_of_alice", ours.scannable().into()),
        ("code_of_bob", SafetyNumber::between(&bob, &alice).scannable().into()),
        ("code_of_another_bob", SafetyNumber::between(&other, &alice).scannable().into()),
        ("digits", ours.digits().into()),
        ("digits_in_groups", ours.to_string().into()),
        ("digits_of_another_bob", SafetyNumber::between(&alice, &other).to_string().into()),
    ];
    seeds.map(|(name, seed)| (name.to_owned(), seed)).into()
}

fn payload() -> Seeds {
    let padded = |content: &[u8], zeros| [content, &[0x80], &vec![0; zeros]].concat();
    let mut seeds: Seeds =
        stamp().into_iter().map(|(name, text)| (name, padded(&text, 9))).collect();
    let (_, longest) = stamp().pop().expect("there are some");
    let mut add = |name: &str, seed| seeds.push((name.to_owned(), seed));
    add("empty", padded(&[], 63));
    add("without_stamp", padded(b"\xff no stamp", 1));
    add("without_padding", b"\0\0body".to_vec());
    // Controls of suite 2: nothing, and runs up to the end of a string and beyond it.
    let run = |kind, count: u8, first| {
        let fragments = vec![7; 32 * usize::from(count)];
        [&[kind, count, first], &b"name"[..], &*fragments, &*longest].concat()
    };
    add("control_nothing", padded(&[&[0x80], &*longest].concat(), 9));
    add("control_key", padded(&run(0xa0, 7, 30), 9));
    add("control_key_round", padded(&run(0xa0, 2, 36), 9));
    add("control_ciphertext", padded(&run(0xc0, 1, 34), 9));
    add("control_beyond", padded(&run(0xc0, 1, 35), 9));
    add("control_cut", padded(&run(0xa0, 2, 0)[..60], 9));
    // Parts: one of each kind, with and without a control; out of order; of another length; 64 and 65 of them.
    let part = |kind: u8, length: u8| [&[kind, length], &*vec![kind; length.into()]].concat();
    let parts = |parts: &[Vec<u8>], rest: &[u8]| {
        let parts = parts.concat();
        let [low, high] = [parts.len() & 0x7f, parts.len() >> 7];
        let low = u8::try_from(low).expect("seven bits");
        let high = u8::try_from(high).expect("few parts");
        let length = if high == 0 { vec![low] } else { vec![low | 0x80, high] };
        [&[0x30], &*length, &*parts, rest].concat()
    };
    let [list, asks, copy, unknown] = [part(1, 9), part(2, 72), part(4, 64), part(99, 0)];
    let text = [&[0, 0][..], b"text"].concat();
    let each = parts(&[list.clone(), asks.clone(), copy.clone(), unknown], &text);
    add("parts", padded(&each, 9));
    add("parts_behind_a_control", padded(&[&[0x80], &*each].concat(), 9));
    add("parts_alone", padded(&parts(slice::from_ref(&asks), &[0, 0]), 9));
    add("parts_with_a_broken_stamp", padded(&parts(slice::from_ref(&asks), b"\xff text"), 9));
    add("parts_descending", padded(&parts(&[copy, list], &text), 9));
    add("parts_of_another_length", padded(&parts(&[part(2, 71)], &text), 9));
    add("parts_64", padded(&parts(&vec![part(7, 0); 64], &text), 9));
    add("parts_65", padded(&parts(&vec![part(7, 0); 65], &text), 9));
    seeds
}

/// A seed, then events as `tests/support/schedule.rs` reads them: of suite 2, of both, of suite 1.
fn peers() -> Seeds {
    let names = ["one", "two", "three", "four", "five", "six"];
    let suites = [0, 128, 64].into_iter().cycle();
    let events = |((name, seed), suites): ((&str, u64), u8)| {
        let mut bytes = vec![0; 60 * usize::try_from(seed).unwrap_or(1)];
        rng(seed).fill_bytes(&mut bytes);
        bytes[0] = suites + bytes[0] % 64;
        (name.to_owned(), bytes)
    };
    names.into_iter().zip(1..).zip(suites).map(events).collect()
}

/// What members of a group make of its secrets. The second roster that is signed is the head at first.
fn groups() -> Seeds {
    use member::Event;
    let signs = |base, edit, by| Event::Signs { base, edit, by };
    let roster = |which| Event::Roster { which, place: 0, by: 0 };
    let gives = |chain, roster, number| Event::Distribution { chain, roster, number };
    let sends = |by, to| Event::Sends { by, to, body: 0 };
    let writes = |how, number, roster| Event::Broadcasts { how, number, roster };
    let acts = |who, what, with| Event::Honest { who, what, with };
    let carries = Event::Carries { which: 0, is_lost: 0 };
    let passes = |hours| Event::Passes { hours };
    let scripts: [(&str, Vec<Event>); 11] = [
        ("writes", vec![writes(0, 0, 1), writes(1, 2, 1), writes(1, 1, 1), acts(0, 0, 7), carries]),
        (
            "removes",
            vec![
                signs(1, 0x12, 0),
                roster(2),
                writes(0x40, 0, 1),
                gives(2, 2, 0),
                sends(0, 2),
                writes(4, 0, 2),
                acts(0, 0, 1),
                acts(1, 0, 1),
                carries,
                carries,
                writes(1, 0, 1),
            ],
        ),
        (
            "forks",
            vec![
                signs(1, 0x12, 0),
                signs(1, 0x21, 1),
                roster(2),
                sends(0, 0),
                roster(3),
                sends(1, 2),
                roster(2),
                sends(0, 1),
                acts(0, 10, 0),
                carries,
                carries,
                acts(1, 0, 0),
                carries,
            ],
        ),
        (
            "faults",
            vec![
                writes(0x20, 0, 1),
                writes(0x28, 0, 1),
                writes(0x30, 0, 1),
                writes(0x38, 1, 1),
                writes(0, 0, 1),
                Event::Alters { place: 0, by: 0, cut: 0 },
                Event::Alters { place: 3, by: 1, cut: 0 },
                Event::Alters { place: 60, by: 1, cut: 0 },
                Event::Alters { place: 0, by: 0, cut: 1 },
                writes(0, 120, 1),
            ],
        ),
        (
            "missing",
            vec![
                signs(1, 0x05, 4),
                writes(0, 0, 2),
                roster(2),
                Event::About { which: 1, byte: 0 },
                sends(0, 2),
                writes(4, 3, 2),
                gives(1, 2, 5),
                sends(0, 2),
                gives(1, 2, 1),
                sends(0, 0),
                gives(0x41, 2, 0),
                sends(0, 1),
                gives(0x82, 2, 0),
                sends(0, 1),
            ],
        ),
        (
            "forked_chain",
            vec![
                writes(0, 0, 1),
                gives(0x42, 1, 3),
                sends(1, 0),
                gives(2, 1, 0),
                sends(1, 2),
                writes(0x44, 0, 1),
                passes(25),
                Event::Want { kind: 3, tag: 1, have: 0 },
                Event::Want { kind: 1, tag: 0, have: 0 },
                Event::Want { kind: 2, tag: 6, have: 2 },
                sends(1, 2),
            ],
        ),
        (
            "leaves",
            vec![
                Event::Leave { roster: 0 },
                sends(1, 2),
                acts(1, 6, 0),
                carries,
                acts(0, 0, 0),
                carries,
                acts(1, 7, 0),
                acts(0, 1, 4),
                carries,
                carries,
                acts(1, 7, 0),
            ],
        ),
        (
            "malformed",
            vec![
                signs(1, 0x0b, 8),
                signs(1, 0x0c, 4),
                signs(1, 0x0d, 0),
                signs(1, 0x18, 0),
                signs(1, 0x0f, 0),
                signs(1, 0x04, 1),
                roster(2),
                sends(0, 0),
                roster(3),
                sends(0, 0),
                roster(4),
                sends(0, 0),
                roster(5),
                sends(0, 0),
                roster(6),
                sends(0, 0),
                roster(7),
                sends(0, 0),
                Event::Roster { which: 1, place: 255, by: 1 },
                sends(0, 0),
                Event::About { which: 2, byte: 1 },
                Event::Other { kind: 0x12, length: 161, byte: 1 },
                Event::Other { kind: 0x13, length: 7, byte: 1 },
                sends(0, 0),
            ],
        ),
        (
            "many_rosters",
            (0..18)
                .flat_map(|which| [signs(1 + which, 6, 64 * (which & 1)), roster(2 + which)])
                .chain([
                    sends(0, 0),
                    acts(0, 0, 0),
                    roster(19),
                    sends(0, 1),
                    acts(1, 7, 0),
                    carries,
                ])
                .collect(),
        ),
        (
            "an_admin_of_ours",
            vec![
                acts(0, 1, 2),
                acts(0, 2, 1),
                carries,
                carries,
                acts(0, 5, 2),
                acts(0, 13, 0),
                acts(0, 11, 0),
                acts(0, 0, 0),
                acts(0, 9, 0),
                acts(0, 0, 0),
                carries,
                Event::Carries { which: 0, is_lost: 1 },
                carries,
                carries,
                passes(200),
            ],
        ),
        (
            "refused",
            vec![
                acts(0, 14, 0x81),
                writes(1, 0, 1),
                gives(1, 1, 0),
                sends(1, 0),
                acts(0, 0, 0),
                acts(0, 14, 1),
                writes(1, 1, 1),
            ],
        ),
    ];
    let seed = |(name, events): (&str, Vec<Event>)| {
        (name.to_owned(), member::Script { events }.to_bytes())
    };
    scripts.into_iter().map(seed).collect()
}

/// What a hostile device puts before stamps, by what it is to ours.
fn people() -> Seeds {
    let which = |place: usize| u8::try_from(place).expect("there are few");
    let list = |place| device::Event::List { which: which(place), alteration: Alteration::None };
    let notice =
        |own, their| device::Event::Notice { asks: true, own: which(own), their: which(their) };
    let message = |begins_session| device::Event::Sends {
        framing: Framing::InOrder,
        begins_session,
        stamp: 0,
        body: 5,
    };
    let (sends, begins) = (message(false), message(true));
    let copy = device::Event::Copy { of: 2 };
    let ours = device::Event::Ours;
    let tells_of = |what| device::Event::Tells { what, of: 5, version: 1 };
    let passes = |days| ours(Ours::Passes { days });
    let (writes, tells) = (ours(Ours::Writes), ours(Ours::Tells));
    let altered = |alteration| device::Event::List { which: which(CAROLS_FIRST), alteration };
    let scripts: [(&str, Sender, Vec<device::Event>); 10] = [
        (
            "joins",
            Sender::Stranger,
            vec![
                list(MALLORYS_FIRST),
                notice(MALLORYS_FIRST, BOBS_FIRST),
                sends,
                ours(Ours::Accepts),
                writes,
                list(MALLORYS_WITH_TABLET),
                sends,
                passes(31),
                writes,
            ],
        ),
        (
            "too_many",
            Sender::Stranger,
            vec![list(DAVES_FIRST), device::Event::Again { times: 63 }, sends, begins],
        ),
        (
            "too_many_of_accepted",
            Sender::Accepted,
            vec![
                list(DAVES_WITH_MALLORY),
                list(CAROLS_FIRST),
                device::Event::Again { times: 9 },
                sends,
                device::Event::Repeats,
                writes,
            ],
        ),
        (
            "altered",
            Sender::OfPerson,
            vec![
                altered(Alteration::Byte { place: 40, by: 1 }),
                altered(Alteration::Cut { by: 3 }),
                altered(Alteration::Longer { by: 3 }),
                device::Event::Other { kind: 0x10, length: 9, byte: 7 },
                device::Event::Link { is_consent: true, byte: 1 },
                device::Event::Link { is_consent: false, byte: 1 },
                copy,
                sends,
                copy,
                list(CAROLS_FIRST),
                device::Event::Sends {
                    framing: Framing::AsGathered,
                    begins_session: false,
                    stamp: 3,
                    body: 0,
                },
                copy,
                device::Event::Sends {
                    framing: Framing::Mismeasured { by: -1 },
                    begins_session: false,
                    stamp: 0,
                    body: 9,
                },
            ],
        ),
        (
            "most_devices",
            Sender::OfPerson,
            vec![list(CAROLS_MOST), sends, list(CAROLS_OTHER_MOST), sends, passes(31), writes],
        ),
        (
            "was_removed",
            Sender::WasOfPerson,
            vec![
                list(CAROLS_FIRST),
                notice(CAROLS_FIRST, BOBS_WITH_LAPTOP),
                sends,
                tells,
                passes(40),
                sends,
            ],
        ),
        (
            "unknown_own",
            Sender::Own,
            vec![
                list(BOBS_OTHER_SECOND),
                sends,
                list(BOBS_WITH_MALLORY),
                copy,
                sends,
                ours(Ours::ConfirmsAll),
                copy,
                sends,
                writes,
            ],
        ),
        (
            "put_back",
            Sender::OwnToPutBack,
            vec![copy, sends, writes, list(BOBS_WITH_MALLORY), begins, writes],
        ),
        (
            "from_the_owner",
            Sender::Owner,
            vec![
                list(BOBS_WITHOUT_PHONE),
                copy,
                sends,
                writes,
                list(BOBS_OTHER_SECOND),
                sends,
                passes(60),
                writes,
            ],
        ),
        (
            "linked",
            Sender::OwnerOfLinked,
            vec![
                list(BOBS_FIRST),
                sends,
                list(BOBS_WITH_LAPTOP),
                copy,
                sends,
                tells_of(0),
                tells_of(5),
                tells_of(6),
                sends,
                writes,
                ours(Ours::Refuses),
                sends,
            ],
        ),
    ];
    let mut seeds = Seeds::new();
    for suite in SUITES {
        for (name, sender, events) in &scripts {
            let bytes_of = |event: &device::Event| {
                assert_eq!(device::Event::from_bytes(event.to_bytes()), *event);
            };
            events.iter().for_each(bytes_of);
            let happens = Happens::Events(events.clone());
            let script = device::Script { suite, sender: *sender, happens };
            seeds.push((of(suite, name), script.to_bytes()));
        }
        let content = [&[0x30, 2, 99, 0][..], b"\0\0text"].concat();
        let happens = Happens::Content(content);
        let script = device::Script { suite, sender: Sender::Own, happens };
        seeds.push((of(suite, "content"), script.to_bytes()));
    }
    seeds
}

/// A kind and a state: what stands between the head and the check of a snapshot.
fn snapshot() -> Result<Seeds, Box<dyn Error>> {
    let rng = &mut rng(11);
    let mut seeds = Seeds::new();
    for suite in SUITES {
        let peers = snapshots_of_peers(suite, rng)?;
        seeds.extend(peers.into_iter().map(|(name, state)| (of(suite, name), state)));
    }
    let mut add = |name: &str, state| seeds.push((name.to_owned(), state));
    add("ratchet_key_pair", state_of(&RatchetKeyPair::from_secret(&[6; 32]).snapshot()));
    for (name, state) in snapshots_in_an_epoch(rng)? {
        add(name, state);
    }
    let fresh = ExpiryScheduler::new(now(0), rng);
    let full = scheduler(rng)?;
    add("scheduler_fresh", state_of(&fresh.snapshot()));
    add("scheduler", state_of(&full.snapshot()));
    add("records", records(&full)?);
    Ok(seeds)
}

type States = Vec<(&'static str, Vec<u8>)>;

/// Two accounts of a suite, their peers, and two sessions.
fn snapshots_of_peers(suite: Suite, rng: &mut ChaCha20Rng) -> Result<States, Box<dyn Error>> {
    let mut alice = account(suite, "alice", 1);
    let mut bob = account(suite, "bob", 2);
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
    let mut states: States = names
        .into_iter()
        .zip(sessions.iter().map(|session| state_of(&session.snapshot())))
        .collect();
    assert!(bob.rotate_signed_prekey(NOW, rng).changes.account);
    states.extend([
        ("account", state_of(&bob.snapshot())),
        ("account_fresh", state_of(&alice.snapshot())),
        ("peer_pending", pending),
        ("peer_alice", state_of(&alices.snapshot())),
        ("peer_bob", state_of(&bobs.snapshot())),
    ]);
    Ok(states)
}

/// A session of suite 2 in each state of an epoch.
fn snapshots_in_an_epoch(rng: &mut ChaCha20Rng) -> Result<States, Box<dyn Error>> {
    let [alice, bob] = ["alice", "bob"].map(|name| account(Suite::Hybrid, name, 3).device());
    let handshake = || ExternalHandshake {
        secret: SharedSecret::of_suite(Suite::Hybrid, &[7; 32]),
        initiator: alice.clone(),
        responder: bob.clone(),
    };
    let (pair, limits) = (RatchetKeyPair::from_secret(&[8; 32]), SessionLimits::default());
    let mut hers = Session::initiate_external(handshake(), pair.public_key(), limits.clone())?;
    let mut his = Session::accept_external(handshake(), pair, limits);
    // With a long text travels all of a string, with a short one some of it.
    let (short, long) = (Payload::new("text"), Payload::new(vec![b' '; 17_200]));
    let mut pass = |from: &mut Session, to: &mut Session, payload| -> Result<(), Box<dyn Error>> {
        let message = from.encrypt(payload, AD, rng)?;
        to.decrypt(&message, AD, NOW)?;
        Ok(())
    };
    pass(&mut hers, &mut his, &short)?;
    let mut states = vec![("epoch_begun", state_of(&hers.snapshot()))];
    pass(&mut his, &mut hers, &short)?;
    states.push(("epoch_rest", state_of(&hers.snapshot())));
    pass(&mut hers, &mut his, &short)?;
    states.push(("epoch_wait_partial", state_of(&his.snapshot())));
    pass(&mut hers, &mut his, &long)?;
    states.push(("epoch_ready", state_of(&his.snapshot())));
    pass(&mut his, &mut hers, &short)?;
    states.push(("epoch_send_ct", state_of(&his.snapshot())));
    states.push(("epoch_send_ek", state_of(&hers.snapshot())));
    pass(&mut his, &mut hers, &long)?;
    states.push(("epoch_mix", state_of(&hers.snapshot())));
    pass(&mut hers, &mut his, &short)?;
    states.push(("epoch_wait", state_of(&hers.snapshot())));
    Ok(states)
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
    stamps.map(|(name, stamp)| (name.to_owned(), [&stamp.encode(), &b"body"[..]].concat())).into()
}
