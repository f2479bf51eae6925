//! Several replicas change the timer of a conversation at the same time, and their stamps come in any order, more
//! than once or never.
//!
//! Every stamp that was made may arrive anywhere at any later time. That covers what is passed on too: a replica's
//! stamp always is one that somebody made, for merging chooses.

use std::cmp::Reverse;
use std::collections::BTreeSet;
use std::time::Duration;

use evanesce::expiry::{
    Age, ConversationId, ExpiryScheduler, MemberTag, Now, Opens, Policy, Setting, Stamp,
    StampedSetting,
};
use stateright::{Model, Property};

use crate::draws::Draws;
use crate::trial::Tried;

const NOW: Now = Now::from_wall(Duration::from_secs(1_700_000_000));

/// The longest life that counts, in seconds (docs/protocol.md §8.1).
const LONGEST: u32 = 31_622_400;

/// What a replica makes of a stamp that comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Taking {
    Merges,
    /// FLAW: what comes last holds, whatever it is.
    LastToCome,
}

pub struct Settings {
    replicas: Vec<Replica>,
    policies: Vec<Option<Policy>>,
    /// Settings that come from elsewhere.
    foreign: Vec<Setting>,
    taking: Taking,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq)]
pub struct State {
    replicas: Vec<Replica>,
    /// All stamps that were made, as bytes.
    stamps: BTreeSet<Vec<u8>>,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq)]
struct Replica {
    scheduler: Vec<u8>,
    /// The stamps that have come, or were made here.
    seen: BTreeSet<Vec<u8>>,
    changes_left: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    Set { replica: usize, policy: Option<Policy> },
    Hear { replica: usize, stamp: usize },
}

impl Settings {
    /// Replicas that make so many changes each, to one of these policies.
    pub fn new(changes: &[usize], policies: &[Option<Policy>]) -> Self {
        let replica = |changes_left: &usize| {
            let scheduler = ExpiryScheduler::new(NOW, &mut Draws::of(1).next());
            let scheduler = scheduler.snapshot().to_vec();
            Replica { scheduler, seen: BTreeSet::new(), changes_left: *changes_left }
        };
        let replicas = changes.iter().map(replica).collect();
        let (policies, foreign) = (policies.to_vec(), Vec::new());
        Self { replicas, policies, foreign, taking: Taking::Merges }
    }

    /// These settings may arrive from elsewhere.
    pub fn hearing(self, foreign: Vec<Setting>) -> Self {
        Self { foreign, ..self }
    }

    pub fn taking(self, taking: Taking) -> Self {
        Self { taking, ..self }
    }
}

impl Replica {
    /// The settings that it has seen, with lives that are at most the longest.
    fn settings_seen(&self) -> Vec<Setting> {
        self.seen.iter().filter_map(|stamp| read(stamp).setting).map(known).collect()
    }

    fn wake(&self) -> ExpiryScheduler {
        ExpiryScheduler::restore(&self.scheduler).expect("what was stored")
    }

    /// All of it is stored after each event, so nothing needs to be looked up in the effects.
    fn rest(&mut self, scheduler: &ExpiryScheduler) {
        self.scheduler = scheduler.snapshot().to_vec();
    }

    fn setting(&self) -> Option<Setting> {
        self.wake().setting(conversation())
    }
}

impl Model for Settings {
    type State = State;
    type Action = Action;

    fn init_states(&self) -> Vec<State> {
        let stamps =
            self.foreign.iter().map(|setting| Stamp::of(Some(*setting)).encode()).collect();
        vec![State { replicas: self.replicas.clone(), stamps }]
    }

    fn actions(&self, state: &State, actions: &mut Vec<Action>) {
        for replica in 0..state.replicas.len() {
            if state.replicas[replica].changes_left > 0 {
                let set = |policy: &Option<Policy>| Action::Set { replica, policy: *policy };
                actions.extend(self.policies.iter().map(set));
            }
            actions.extend((0..state.stamps.len()).map(|stamp| Action::Hear { replica, stamp }));
        }
    }

    fn next_state(&self, state: &State, action: Action) -> Option<State> {
        let mut next = state.clone();
        match action {
            Action::Set { replica, policy } => {
                let by = MemberTag([u8::try_from(replica).expect("few replicas"); 8]);
                let replica = &mut next.replicas[replica];
                let mut scheduler = replica.wake();
                let effects = scheduler.set(conversation(), policy, by, NOW);
                assert!(!effects.writes.is_empty(), "a change is stored");
                replica.rest(&scheduler);
                replica.changes_left -= 1;
                let stamp = scheduler.stamp(conversation()).announcing_change().encode();
                replica.seen.insert(stamp.clone());
                next.stamps.insert(stamp);
            }
            Action::Hear { replica, stamp } => {
                let replica = &mut next.replicas[replica];
                let mut scheduler = match self.taking {
                    Taking::Merges => replica.wake(),
                    Taking::LastToCome => self.replicas[0].wake(),
                };
                let stamp = state.stamps.iter().nth(stamp)?;
                let heard = Ok(read(stamp));
                let effects = scheduler.heard(conversation(), &heard, Age::NONE, NOW);
                assert!(effects.tell.is_empty(), "only own changes are told to own devices");
                replica.rest(&scheduler);
                replica.seen.insert(stamp.clone());
            }
        }
        (next != *state).then_some(next)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always("who has seen the same holds the same", |_, state: &State| {
                let replicas = &state.replicas;
                replicas.iter().enumerate().all(|(place, one)| {
                    let same = |other: &&Replica| other.seen == one.seen;
                    let mut others = replicas[place + 1..].iter().filter(same);
                    others.all(|other| other.setting() == one.setting())
                })
            }),
            Property::always("what holds is the greatest that was seen", |_, state: &State| {
                state.replicas.iter().all(|replica| {
                    let greatest = replica.settings_seen().into_iter().max_by_key(rank);
                    replica.setting() == greatest
                })
            }),
            Property::always("in whatever order it is merged", |_, state: &State| {
                state.replicas.iter().all(|replica| {
                    let mut seen = replica.settings_seen();
                    merges_to(&mut seen, None, replica.setting())
                })
            }),
            Property::always("the stamp tells what holds", |_, state: &State| {
                state.replicas.iter().all(|replica| {
                    let stamp = replica.wake().stamp(conversation()).encode();
                    read(&stamp).setting.map(|stamped| stamped.setting) == replica.setting()
                })
            }),
            Property::sometimes(
                "all have seen all, and of two of a version",
                |model: &Self, state| model.is_settled_after_a_tie(state),
            ),
        ]
    }
}

impl Settings {
    fn is_settled_after_a_tie(&self, state: &State) -> bool {
        let all = |replica: &Replica| replica.seen.len() == state.stamps.len();
        let settings: Vec<_> = state.replicas.iter().flat_map(Replica::settings_seen).collect();
        let tie = |one: &Setting| {
            settings.iter().any(|other| other != one && other.version == one.version)
        };
        let is_done = state.replicas.iter().all(|it| it.changes_left == 0 && all(it));
        is_done && settings.iter().any(tie)
    }
}

/// Whether every order of merging what is left gives the same.
fn merges_to(left: &mut Vec<Setting>, merged: Option<Setting>, wanted: Option<Setting>) -> bool {
    if left.is_empty() {
        return merged == wanted;
    }
    (0..left.len()).all(|place| {
        let next = left.remove(place);
        // Merging with itself cuts a life that is too long.
        let both = merged.unwrap_or(next).merge(next);
        let comes_out = merges_to(left, Some(both), wanted);
        left.insert(place, next);
        comes_out
    })
}

/// The order of docs/protocol.md §8.1: the greater one holds.
fn rank(setting: &Setting) -> (u64, u8, Reverse<u32>, bool, Reverse<[u8; 8]>) {
    let (class, life, after_send) = match setting.policy {
        None => (0, 0, false),
        Some(Policy::AfterRead { ttl }) => (1, ttl.get(), false),
        Some(Policy::AfterSend { ttl }) => (1, ttl.get(), true),
        Some(Policy::OnClose) => (2, 0, false),
    };
    (setting.version.number(), class, Reverse(life), after_send, Reverse(setting.by.0))
}

/// A setting with a life that counts.
fn known(stamped: StampedSetting) -> Setting {
    let cut = |life: u32| Duration::from_secs(u64::from(life.min(LONGEST)));
    let policy = stamped.setting.policy.map(|policy| match policy {
        Policy::AfterSend { ttl } => Policy::after_send(cut(ttl.get())),
        Policy::AfterRead { ttl } => Policy::after_read(cut(ttl.get())),
        Policy::OnClose => Policy::OnClose,
    });
    Setting { policy, ..stamped.setting }
}

fn read(stamp: &[u8]) -> Stamp {
    let (stamp, rest) = Stamp::decode(stamp).expect("it was encoded");
    assert!(rest.is_empty() && stamp.own_policy.is_none() && stamp.opens == Opens::Unlimited);
    stamp
}

fn conversation() -> ConversationId {
    ConversationId::named(b"alice and bob")
}

impl Tried for Settings {}
