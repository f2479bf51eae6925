//! What is run, within which bounds.

use std::num::NonZeroU32;
use std::time::Duration;

use evanesce::Suite;
use evanesce::expiry::{MemberTag, Policy, Setting, SettingVersion};

use crate::bare::Bare;
use crate::crashes::{Carrier, Crashes, Habit};
use crate::epochs::{Epochs, Habit as EpochHabit};
use crate::groups::Carrier::{KeepsOrder as KeepsGroupOrder, Shuffles};
use crate::groups::Deed::{Adds, Entitles, Leaves, Removes, Says, StepsDown};
use crate::groups::{Groups, Habit as GroupHabit};
use crate::mishaps::{Attention, Mishaps, Senders};
use crate::people::{Habit as PeopleHabit, People};
use crate::settings::{Settings, Taking};
use crate::skipped::Skipped;
use crate::skipped::definition::{Bounds, Reading};
use crate::starting::{Following, Starting};
use crate::trial::{holds, is_found};

const FEW_KEYS: Bounds = Bounds { max_skip: 4, max_held_keys: 5, max_older_chains: 5, lifetime: 1 };

const FEW_CHAINS: Bounds =
    Bounds { max_skip: 2, max_held_keys: 3, max_older_chains: 1, lifetime: 1 };

/// What hangs on no suite is tried with the one that takes less time, and with few events with the other.
const CLASSICAL: Suite = Suite::Classical;
const HYBRID: Suite = Suite::Hybrid;

/// One run of a model, or of a control: whether it came out as it must.
pub struct Run {
    pub name: &'static str,
    pub comes_out: fn(&'static str) -> bool,
}

/// All of them, and so all bounds.
pub const RUNS: &[Run] = &[
    Run {
        name: "starting, the smaller id is Alice's",
        comes_out: |name| holds(name, || Starting::new(CLASSICAL, 6, 3, 0)),
    },
    Run {
        name: "starting, the smaller id is Bob's",
        comes_out: |name| holds(name, || Starting::new(CLASSICAL, 6, 3, 1)),
    },
    Run {
        name: "starting without one-time prekeys",
        comes_out: |name| holds(name, || Starting::new(CLASSICAL, 0, 3, 0)),
    },
    Run {
        name: "starting, and one begins anew",
        comes_out: |name| holds(name, || Starting::new(CLASSICAL, 6, 2, 0).beginning_anew(1, 6)),
    },
    Run {
        name: "starting, and two begin anew",
        comes_out: |name| holds(name, || Starting::new(CLASSICAL, 6, 1, 0).beginning_anew(2, 6)),
    },
    Run {
        name: "starting in suite 2",
        comes_out: |name| holds(name, || Starting::new(HYBRID, 6, 2, 0)),
    },
    Run {
        name: "starting CONTROL: they follow nobody",
        comes_out: |name| {
            let make = || Starting::new(CLASSICAL, 0, 2, 0).following(Following::Nobody);
            is_found(name, "both come to send in one session", make)
        },
    },
    Run {
        name: "starting CONTROL: bare sessions, no rule",
        comes_out: |name| is_found(name, "who has begun comes to send in one session", Bare::new),
    },
    Run {
        name: "settings, two replicas",
        comes_out: |name| holds(name, || Settings::new(&[2, 2], &policies())),
    },
    Run {
        name: "settings, three replicas",
        comes_out: |name| holds(name, || Settings::new(&[1, 1, 1], &policies())),
    },
    Run {
        name: "settings, three replicas, one sets twice",
        comes_out: |name| holds(name, || Settings::new(&[2, 1, 1], &policies()[1..3])),
    },
    Run {
        name: "settings, made elsewhere",
        comes_out: |name| holds(name, || Settings::new(&[1, 0], &[None]).hearing(foreign())),
    },
    Run {
        name: "settings CONTROL: the last to come holds",
        comes_out: |name| {
            let make = || Settings::new(&[1, 1], &policies()).taking(Taking::LastToCome);
            is_found(name, "who has seen the same holds the same", make)
        },
    },
    Run {
        name: "skipped, one long chain",
        comes_out: |name| holds(name, || Skipped::new(&[7, 3], FEW_KEYS, 2)),
    },
    Run {
        name: "skipped, three chains",
        comes_out: |name| holds(name, || Skipped::new(&[4, 4, 3], FEW_CHAINS, 3)),
    },
    Run {
        name: "skipped CONTROL: old at its lifetime",
        comes_out: |name| misread(name, Reading::AgeReached),
    },
    Run {
        name: "skipped CONTROL: watermark one lower",
        comes_out: |name| misread(name, Reading::WatermarkIsHighestDropped),
    },
    Run {
        name: "skipped CONTROL: a gap keeps one more",
        comes_out: |name| misread(name, Reading::GapKeepsOneMore),
    },
    Run {
        name: "skipped CONTROL: a gap ends one later",
        comes_out: |name| misread(name, Reading::GapEndsOneLater),
    },
    Run {
        name: "skipped CONTROL: one more is held",
        comes_out: |name| misread(name, Reading::HoldsOneMore),
    },
    Run {
        name: "skipped CONTROL: one more older chain",
        comes_out: |name| misread(name, Reading::OneOlderChainMore),
    },
    Run {
        name: "crashes, the carrier keeps the order",
        comes_out: |name| holds(name, || Crashes::new(CLASSICAL, [2, 2], 2, Carrier::KeepsOrder)),
    },
    Run {
        name: "crashes, the carrier shuffles",
        comes_out: |name| holds(name, || Crashes::new(CLASSICAL, [2, 2], 1, Carrier::Shuffles)),
    },
    Run {
        name: "crashes in suite 2",
        comes_out: |name| holds(name, || Crashes::new(HYBRID, [2, 1], 1, Carrier::KeepsOrder)),
    },
    Run {
        name: "people, one text, two stops",
        comes_out: |name| holds(name, || People::new(CLASSICAL, [1, 0, 0, 0], 2)),
    },
    Run {
        name: "people in suite 2",
        comes_out: |name| holds(name, || People::new(HYBRID, [1, 0, 0, 0], 1)),
    },
    Run {
        name: "people CONTROL: stores each apart",
        comes_out: |name| {
            badly_told(
                name,
                PeopleHabit::StoresEachApart,
                "when all is quiet, each device has what the others have",
            )
        },
    },
    Run {
        name: "people CONTROL: sends before it stores",
        comes_out: |name| {
            badly_told(name, PeopleHabit::SendsBeforeStoring, "no number is used for two messages")
        },
    },
    Run {
        name: "people CONTROL: tells apart",
        comes_out: |name| {
            badly_told(
                name,
                PeopleHabit::TellsApart,
                "when all is quiet, own devices know what was read",
            )
        },
    },
    Run {
        name: "crashes CONTROL: sends before it stores",
        comes_out: |name| {
            badly_stored(name, Habit::SendsBeforeStoring, "no number is used for two messages")
        },
    },
    Run {
        name: "crashes CONTROL: stores a text alone",
        comes_out: |name| badly_stored(name, Habit::StoresTextAlone, "nothing is shown twice"),
    },
    Run {
        name: "crashes CONTROL: acknowledges, then stores",
        comes_out: |name| {
            badly_stored(
                name,
                Habit::AcknowledgesBeforeStoring,
                "when all is quiet, nothing is lost",
            )
        },
    },
    Run {
        name: "mishaps, senders named, one",
        comes_out: |name| holds(name, || Mishaps::new(CLASSICAL, Senders::Named, [2, 1], 1)),
    },
    Run {
        name: "mishaps, senders hidden, one",
        comes_out: |name| holds(name, || Mishaps::new(CLASSICAL, Senders::Hidden, [2, 1], 1)),
    },
    Run {
        name: "mishaps, senders named, two",
        comes_out: |name| holds(name, || Mishaps::new(CLASSICAL, Senders::Named, [1, 1], 2)),
    },
    Run {
        name: "mishaps, senders hidden, two",
        comes_out: |name| holds(name, || Mishaps::new(CLASSICAL, Senders::Hidden, [1, 1], 2)),
    },
    Run {
        name: "mishaps in suite 2, one",
        comes_out: |name| holds(name, || Mishaps::new(HYBRID, Senders::Hidden, [1, 1], 1)),
    },
    Run {
        name: "mishaps CONTROL: begins only without a session",
        comes_out: |name| {
            let make = || Mishaps::new(CLASSICAL, Senders::Hidden, [1, 1], 1).with(Attention::Deaf);
            is_found(name, "after three days of use both hear each other in one session", make)
        },
    },
    Run {
        name: "epochs, nobody is put back",
        comes_out: |name| holds(name, || Epochs::whole([2, 2], 0)),
    },
    Run {
        name: "epochs, put back once",
        comes_out: |name| holds(name, || Epochs::whole([2, 1], 1)),
    },
    Run {
        name: "epochs, put back twice",
        comes_out: |name| holds(name, || Epochs::whole([1, 1], 2)),
    },
    Run {
        name: "epochs, a key takes two messages",
        comes_out: |name| holds(name, || Epochs::halved([1, 1], 1)),
    },
    Run {
        name: "epochs CONTROL: nobody asks",
        comes_out: |name| {
            let make = || Epochs::whole([1, 1], 0).with(EpochHabit::AsksForNone);
            is_found(name, "an epoch completes, or the session dies where it must", make)
        },
    },
    Run {
        name: "epochs CONTROL: no session is taken for dead",
        comes_out: |name| {
            let make = || Epochs::whole([1, 1], 1).with(EpochHabit::TakesNoneForDead);
            is_found(name, "an epoch completes, or the session dies where it must", make)
        },
    },
    Run {
        name: "epochs CONTROL: one suite is put back",
        comes_out: |name| {
            let make = || Epochs::whole([1, 1], 1).with(EpochHabit::PutsBackOne);
            is_found(name, "suite 2 opens what suite 1 does", make)
        },
    },
    Run {
        name: "groups, one removes, one entitles",
        comes_out: |name| {
            holds(name, || Groups::new([&[Removes(2)], &[Entitles], &[], &[]], Shuffles, 0))
        },
    },
    Run {
        name: "groups, one removes, one adds",
        comes_out: |name| {
            holds(name, || {
                Groups::new([&[Removes(2)], &[Adds(3)], &[], &[]], KeepsGroupOrder, 0)
                    .with_in_the_end(&[0, 1, 3])
            })
        },
    },
    Run {
        name: "groups, one steps down, one removes",
        comes_out: |name| {
            holds(name, || Groups::new([&[StepsDown], &[Removes(2)], &[], &[]], Shuffles, 0))
        },
    },
    Run {
        name: "groups, a message is lost",
        comes_out: |name| {
            holds(name, || Groups::new([&[Entitles], &[Removes(2)], &[], &[]], Shuffles, 1))
        },
    },
    Run {
        name: "groups, one leaves",
        comes_out: |name| {
            holds(name, || {
                Groups::new([&[], &[Says], &[Leaves], &[]], Shuffles, 0).with_in_the_end(&[0, 1])
            })
        },
    },
    Run {
        name: "groups, one removes who removes",
        comes_out: |name| {
            holds(name, || Groups::new([&[Removes(1)], &[Removes(2)], &[], &[]], Shuffles, 0))
        },
    },
    Run {
        name: "groups, two write",
        comes_out: |name| {
            holds(name, || Groups::new([&[Entitles, Says], &[Says], &[], &[]], Shuffles, 1))
        },
    },
    Run {
        name: "groups CONTROL: what waits is thrown away",
        comes_out: |name| {
            is_found(name, "in the end all that was sent is shown", || {
                let deeds: [&[_]; 4] = [&[Entitles, Says], &[], &[], &[]];
                Groups::new(deeds, Shuffles, 0).with(GroupHabit::DropsWhatMissesSomething)
            })
        },
    },
    Run {
        name: "groups CONTROL: nothing is maintained",
        comes_out: |name| {
            is_found(name, "in the end those are in it who were to be", || {
                let deeds: [&[_]; 4] = [&[Entitles], &[Removes(2)], &[], &[]];
                let groups = Groups::new(deeds, Shuffles, 0).with_in_the_end(&[0, 1]);
                groups.with(GroupHabit::MaintainsNothing)
            })
        },
    },
    Run {
        name: "groups CONTROL: one goes back",
        comes_out: |name| {
            is_found(name, "no number is used for two messages", || {
                let deeds: [&[_]; 4] = [&[Says, Says], &[], &[], &[]];
                Groups::new(deeds, Shuffles, 0).with(GroupHabit::GoesBack)
            })
        },
    },
];

fn policies() -> Vec<Option<Policy>> {
    let minute = Duration::from_secs(60);
    vec![
        None,
        Some(Policy::after_read(minute)),
        Some(Policy::after_send(minute)),
        Some(Policy::OnClose),
    ]
}

/// Ties of version, of version and policy, and of lives that count as the longest.
fn foreign() -> Vec<Setting> {
    let day = Some(Policy::after_read(Duration::from_secs(86_400)));
    let [longest, longer] = [366 * 86_400, u32::MAX].map(|life| {
        let ttl = NonZeroU32::new(life).expect("not zero");
        Some(Policy::AfterSend { ttl })
    });
    let made =
        [(1, day, 1), (2, None, 1), (2, day, 1), (2, day, 2), (2, longest, 1), (2, longer, 2)];
    let setting = |(version, policy, by)| {
        let version = SettingVersion::new(version).expect("a small number");
        Setting { version, policy, by: MemberTag([by; 8]) }
    };
    made.into_iter().map(setting).collect()
}

fn badly_told(name: &str, habit: PeopleHabit, broken: &'static str) -> bool {
    is_found(name, broken, || People::new(CLASSICAL, [1, 0, 0, 0], 1).with(habit))
}

fn badly_stored(name: &str, habit: Habit, broken: &'static str) -> bool {
    is_found(name, broken, || Crashes::new(CLASSICAL, [2, 1], 1, Carrier::KeepsOrder).with(habit))
}

fn misread(name: &str, reading: Reading) -> bool {
    is_found(name, "each message comes out as defined", || {
        Skipped::new(&[4, 3, 1], FEW_CHAINS, 2).misread(FEW_CHAINS, reading)
    })
}
