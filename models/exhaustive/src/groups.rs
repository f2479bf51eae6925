//! People of one device each in a group: admins who sign at the same time, members who write and leave. What they send
//! arrives in any order, or is lost.
//!
//! A device does the same whenever it is in the same state, so what comes of a step is worked out once.

mod attendee;
mod meeting;

use std::collections::{BTreeSet, HashMap};
use std::sync::Mutex;
use std::time::Duration;

use evanesce::IdentityKey;
use stateright::{Model, Property};

pub use attendee::Deed;
use attendee::{Attendee, Posted, Sent, View};
use meeting::Meeting;

use crate::device::NOW;
use crate::sealed_header::sealed_group_header;
use crate::shared::Shared;
use crate::trial::Tried;

const PEOPLE: usize = 4;

/// The first three are in the group, the first two its admins.
const NAMES: [&str; PEOPLE] = ["anna", "ben", "carla", "dora"];

/// How many days they use it in the end. Who is gone and was not told is told if they write on the first; what was lost is asked
/// for again on the second, and who came in by a roster that lost is asked to come back.
const DAYS: u32 = 2;

const DAY: Duration = Duration::from_secs(25 * 3_600);

/// What an application does with the library.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Habit {
    AsDocumented,
    /// FLAW: what waits for something that is missing is thrown away.
    DropsWhatMissesSomething,
    /// FLAW: there is no maintenance, so nothing is signed that is due for others.
    MaintainsNothing,
    /// FLAW: the first device's group is once put back to what it was, and its own chains go on.
    GoesBack,
}

/// In which order messages arrive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Carrier {
    /// What one sends another arrives as it was sent.
    KeepsOrder,
    Shuffles,
}

pub struct Groups {
    beginning: Vec<Shared<Attendee>>,
    owners: Vec<IdentityKey>,
    /// What each does, in this order, at any time.
    deeds: [&'static [Deed]; PEOPLE],
    carrier: Carrier,
    /// How many messages are lost.
    losses: usize,
    /// Who is in the group in the end.
    remaining: Option<BTreeSet<usize>>,
    habit: Habit,
    known: Mutex<HashMap<(Shared<Attendee>, Step), Came>>,
    opening: Mutex<HashMap<(Shared<Attendee>, u64), bool>>,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq)]
enum Step {
    Does(Deed),
    Hears(Shared<Posted>),
}

/// What comes of a step.
#[derive(Clone, Debug)]
struct Came {
    attendee: Shared<Attendee>,
    posted: Vec<Shared<Posted>>,
    sent: Vec<Shared<Sent>>,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq)]
pub struct State {
    all: [Shared<Attendee>; PEOPLE],
    /// How much of what they do each has done.
    done: [usize; PEOPLE],
    /// By their hashes; by whom they are from and to, if the carrier keeps their order.
    under_way: Vec<Shared<Posted>>,
    /// All messages to the group, by their hashes.
    sent: Vec<Shared<Sent>>,
    lost: Vec<Shared<Posted>>,
    has_gone_back: bool,
    /// A message opened for one that it was not sent to, or again.
    is_amiss: bool,
    end: Option<End>,
}

/// What came of a state in which all was done and had arrived.
#[derive(Clone, Copy, Debug, Hash, PartialEq, Eq)]
enum End {
    Well,
    /// Those who are in it are not one group.
    Apart,
    /// A member did not read the next message of another.
    Deaf,
    /// Somebody is not in it who was to be, or is and was not to be.
    NotAsDecided,
    /// What was sent to a device is not shown there.
    NotShown,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    Does(usize, Deed),
    Arrives { from: usize, to: usize, number: usize },
    IsLost { from: usize, to: usize, number: usize },
    GoesBack,
}

impl Groups {
    pub fn new(deeds: [&'static [Deed]; PEOPLE], carrier: Carrier, losses: usize) -> Self {
        let meeting = Meeting::of_three();
        Self {
            beginning: meeting.all.iter().map(|awake| Shared::new(awake.rest())).collect(),
            owners: meeting.owners(),
            deeds,
            carrier,
            losses,
            remaining: None,
            habit: Habit::AsDocumented,
            known: Mutex::default(),
            opening: Mutex::default(),
        }
    }

    /// Whatever happens in between, these are in the group in the end.
    pub fn with_in_the_end(self, remaining: &[usize]) -> Self {
        Self { remaining: Some(remaining.iter().copied().collect()), ..self }
    }

    pub fn with(self, habit: Habit) -> Self {
        Self { habit, ..self }
    }

    fn come_of(&self, attendee: &Shared<Attendee>, step: Step) -> Came {
        let key = (attendee.clone(), step);
        if let Some(came) = self.known.lock().expect("nobody panics").get(&key) {
            return came.clone();
        }
        let mut awake = attendee.wake(&self.owners, self.habit);
        match &key.1 {
            Step::Does(deed) => awake.does(*deed, NOW),
            Step::Hears(posted) => awake.hears(posted, NOW),
        }
        let (posted, sent) = awake.takes();
        let came = Came { attendee: Shared::new(awake.rest()), posted, sent };
        self.known.lock().expect("nobody panics").insert(key, came.clone());
        came
    }

    /// Whether a device opens what it must not: it was not sent to it, or has opened.
    fn opens_amiss(&self, attendee: &Shared<Attendee>, place: usize, sent: &Shared<Sent>) -> bool {
        let has_opened = sent.text.as_ref().is_some_and(|(text, _)| attendee.shown.contains(text));
        if sent.to.contains(&place) && !has_opened {
            return false;
        }
        let key = (attendee.clone(), sent.digest());
        if let Some(opens) = self.opening.lock().expect("nobody panics").get(&key) {
            return *opens;
        }
        let opens = attendee.wake(&self.owners, self.habit).opens(&sent.bytes, NOW);
        self.opening.lock().expect("nobody panics").insert(key, opens);
        opens
    }

    fn take(&self, state: &mut State, place: usize, came: Came) {
        let Came { attendee, posted, sent } = came;
        let everybody = 0..PEOPLE;
        let old = state.sent.iter().any(|sent| self.opens_amiss(&attendee, place, sent));
        state.all[place] = attendee;
        let mut new = sent.iter();
        let new =
            new.any(|it| everybody.clone().any(|to| self.opens_amiss(&state.all[to], to, it)));
        state.is_amiss |= old || new;
        state.under_way.extend(posted);
        match self.carrier {
            Carrier::KeepsOrder => state.under_way.sort_by_key(|posted| (posted.from, posted.to)),
            Carrier::Shuffles => state.under_way.sort_by_key(Shared::digest),
        }
        state.sent.extend(sent);
        state.sent.sort_by_key(Shared::digest);
    }

    /// Some days of use, in which all that is sent arrives; then each who is in the group writes.
    fn end(&self, state: &State) -> End {
        let attendees = state.all.iter().map(|attendee| &**attendee);
        let mut meeting = Meeting::of(attendees, &self.owners, self.habit);
        for day in 0..DAYS {
            meeting.now = NOW.plus(DAY * day);
            if self.habit == Habit::MaintainsNothing {
                continue;
            }
            for place in 0..PEOPLE {
                meeting.all[place].maintains(meeting.now);
            }
            meeting.settle();
            // Who is gone and was not told is told once they write.
            for place in 0..PEOPLE {
                meeting.does(place, Deed::Says);
            }
            meeting.settle();
        }
        let views: Vec<_> = meeting.all.iter().map(|awake| awake.view()).collect();
        // Anna goes in no run.
        let Some(annas) = &views[0] else { return End::Apart };
        let inside = &annas.members;
        if self.remaining.as_ref().is_some_and(|remaining| remaining != inside) {
            return End::NotAsDecided;
        }
        let is_whole = |(place, view): (usize, &Option<View>)| match view {
            Some(view) if inside.contains(&place) => view == annas,
            // Who lacks a roster from before they went cannot place the one by which they did.
            Some(view) => !view.is_member || self.losses > 0,
            None => !inside.contains(&place),
        };
        if !annas.is_member || !views.iter().enumerate().all(is_whole) {
            return End::Apart;
        }
        for place in inside {
            let before: Vec<usize> = meeting.all.iter().map(|it| it.shown.len()).collect();
            meeting.does(*place, Deed::Says);
            meeting.settle();
            let has_read = |other: &usize| {
                other == place || meeting.all[*other].shown.len() == before[*other] + 1
            };
            if !inside.iter().all(has_read) {
                return End::Deaf;
            }
        }
        let is_shown = |sent: &Shared<Sent>| {
            sent.text.as_ref().is_none_or(|(text, _)| {
                sent.to.iter().all(|to| {
                    let awake = &meeting.all[*to];
                    awake.shown.contains(text)
                        || awake.turned_away.contains(&sent.bytes)
                        || state.lost.iter().any(|it| it.to == *to && it.bytes == sent.bytes)
                })
            })
        };
        if state.sent.iter().all(is_shown) { End::Well } else { End::NotShown }
    }
}

impl Model for Groups {
    type State = State;
    type Action = Action;

    fn init_states(&self) -> Vec<State> {
        let all = self.beginning.clone().try_into().expect("four");
        vec![State {
            all,
            done: [0; PEOPLE],
            under_way: Vec::new(),
            sent: Vec::new(),
            lost: Vec::new(),
            has_gone_back: false,
            is_amiss: false,
            end: None,
        }]
    }

    fn actions(&self, state: &State, actions: &mut Vec<Action>) {
        if state.is_amiss {
            return;
        }
        for (place, deeds) in self.deeds.iter().enumerate() {
            // Who is in no group yet waits until they are.
            let next = deeds.get(state.done[place]).filter(|_| state.all[place].view.is_some());
            actions.extend(next.map(|deed| Action::Does(place, *deed)));
        }
        for number in 0..state.under_way.len() {
            let Posted { from, to, .. } = *state.under_way[number];
            let is_behind = |posted: &Shared<Posted>| (posted.from, posted.to) == (from, to);
            let keeps_order = self.carrier == Carrier::KeepsOrder;
            if keeps_order && state.under_way[..number].iter().any(is_behind) {
                continue;
            }
            actions.push(Action::Arrives { from, to, number });
            if state.lost.len() < self.losses {
                actions.push(Action::IsLost { from, to, number });
            }
        }
        if self.habit == Habit::GoesBack && !state.has_gone_back {
            actions.push(Action::GoesBack);
        }
    }

    fn next_state(&self, state: &State, action: Action) -> Option<State> {
        let mut next = state.clone();
        match action {
            Action::Does(place, deed) => {
                next.done[place] += 1;
                let came = self.come_of(&state.all[place], Step::Does(deed));
                self.take(&mut next, place, came);
            }
            Action::Arrives { to, number, .. } => {
                let posted = next.under_way.remove(number);
                let came = self.come_of(&state.all[to], Step::Hears(posted));
                self.take(&mut next, to, came);
            }
            Action::IsLost { number, .. } => {
                next.lost.push(next.under_way.remove(number));
                next.lost.sort_by_key(Shared::digest);
            }
            Action::GoesBack => {
                next.has_gone_back = true;
                let beginning = state.all[0].with_group_of(&self.beginning[0]);
                next.all[0] = Shared::new(beginning);
            }
        }
        if self.is_over(&next) {
            next.end = Some(self.end(&next));
        }
        Some(next)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always("who holds the same rosters has the same head", |_, state: &State| {
                let views =
                    || state.all.iter().filter_map(|it| Some((&it.rosters, it.view.as_ref()?)));
                views().all(|(rosters, one)| {
                    let mut same = views().filter(|(others, _)| *others == rosters);
                    same.all(|(_, other)| {
                        (other.roster, &other.members) == (one.roster, &one.members)
                    })
                })
            }),
            Property::always(
                "a text is sent to who is in its sender's head",
                |_, state: &State| {
                    state.sent.iter().all(|sent| {
                        sent.text.as_ref().is_none_or(|(text, members)| {
                            let others = members.iter().filter(|it| **it != text.author);
                            others.copied().collect::<BTreeSet<_>>() == sent.to
                        })
                    })
                },
            ),
            Property::always("what opens was sent there, and opens once", |_, state: &State| {
                !state.is_amiss && state.all.iter().all(|it| !it.has_shown_twice)
            }),
            Property::always("no number is used for two messages", |_, state: &State| {
                let headers = state.sent.iter().map(|it| sealed_group_header(&it.bytes));
                headers.collect::<BTreeSet<_>>().len() == state.sent.len()
            }),
            Property::always("in the end there is one group", |_, state: &State| {
                state.end != Some(End::Apart)
            }),
            Property::always("in the end each reads each", |_, state: &State| {
                state.end != Some(End::Deaf)
            }),
            Property::always("in the end those are in it who were to be", |_, state: &State| {
                state.end != Some(End::NotAsDecided)
            }),
            Property::always("in the end all that was sent is shown", |_, state: &State| {
                state.end != Some(End::NotShown)
            }),
            Property::sometimes("all is done, and all is well", |_, state: &State| {
                state.end == Some(End::Well)
            }),
            Property::sometimes("two have heads that differ", |_, state: &State| {
                let heads = state.all.iter().filter_map(|it| Some(it.view.as_ref()?.roster));
                heads.collect::<BTreeSet<_>>().len() > 1
            }),
            Property::sometimes("a message waits", |_, state: &State| {
                state.all.iter().any(|attendee| attendee.is_waiting())
            }),
        ]
    }
}

impl Groups {
    /// Whether all is done and has arrived, or is lost.
    fn is_over(&self, state: &State) -> bool {
        let mut deeds = self.deeds.iter().zip(state.done).zip(&state.all);
        // Who never comes in does nothing.
        let is_done = deeds.all(|((deeds, done), it)| deeds.len() == done || it.view.is_none());
        is_done && state.under_way.is_empty()
    }
}

impl Tried for Groups {}
