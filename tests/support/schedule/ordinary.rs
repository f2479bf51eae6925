//! How people use their devices when nothing more goes wrong, and what must come of it in three days.
//!
//! An hour at a time. A device sleeps and wakes, by habits of its own; it may be that two are never awake at the same
//! time. When it wakes on a new day it maintains its account, publishes, and maintains its peers. In each hour in which
//! it is awake it takes what has come, in order, and every few hours its user writes to each peer that is accepted.
//! Messages of one hour cross. The carrier drops nothing, but goes on repeating daily what it repeats, and may bring in the
//! first day what was under way before.
//!
//! At the beginning the clocks are mended, and the users accept whom they had refused or not yet accepted, and the other's
//! present identity where that was undecided. Requests that come are accepted at once. One who has deleted the other
//! writes to them again, or waits to be written to.
//!
//! After that some of them ask for an epoch and go on in turns.

use std::time::Duration;

use rand_chacha::rand_core::Rng;

use evanesce::session::SessionId;
use evanesce::{Contact, Suite};

use super::{DAY, DEVICES, EACH, HOUR, Household, Kind, Letter, Link, Outcome, USES};

const HOURS_IN_DAY: u32 = 24;
/// How long it may take until all opens.
const MENDING: u32 = 3 * HOURS_IN_DAY;
/// In which what was under way before may come.
const LATEST: u32 = HOURS_IN_DAY;
/// In how many turns, a message each way, two are in one session again after a day in which nobody wrote: one of them may
/// ask for another.
const AGREEING: usize = 4;
/// How many pairs do, where all could: it takes long.
const HEALED: usize = 3;
/// In how many turns an epoch that both have asked for is complete where nothing is lost.
const HEALING: usize = 14;
/// How long a device can be awake or asleep, in hours; one sleeps never.
const SLEEPS: [u32; 5] = [1, 3, 8, 12, u32::MAX];

/// How one device and its user behave.
#[derive(Clone, Copy)]
struct Habit {
    /// So many hours awake, and so many asleep.
    sleeps: u32,
    /// Where in that it begins.
    since: u32,
    /// The user writes when so many hours have passed since they wrote.
    writes_every: u32,
    /// Whether they write to one whom they have deleted.
    writes_first: bool,
}

impl Habit {
    fn is_awake(&self, hour: u32) -> bool {
        self.sleeps == u32::MAX || ((hour + self.since) / self.sleeps) & 1 == 0
    }
}

/// A few hours of ordinary use.
struct Use {
    habits: [Habit; DEVICES],
    /// When each user last wrote, for each peer.
    wrote: [[Option<u32>; EACH]; DEVICES],
    /// The day on which each device was last maintained.
    maintained: [Option<u32>; DEVICES],
    /// What was under way before, and when it comes.
    late: Vec<(u32, Letter)>,
    hour: u32,
}

impl Household {
    /// Some hours of ordinary use of two devices, in a schedule.
    pub(super) fn live_for(&mut self, link: Link, hours: u8) {
        let mut ordinary = self.begin_use();
        for _ in 0..USES[usize::from(hours) % USES.len()] {
            self.live_an_hour(&mut ordinary, &[link]);
        }
    }

    /// Mends what users can mend, lets three days pass, and a day in which all opens.
    pub(super) fn settle(mut self) -> Outcome {
        self.wrong = [0; DEVICES];
        self.hesitates = Default::default();
        self.handed_out.iter_mut().for_each(|(_, is_given_again)| *is_given_again = false);
        let mut ordinary = self.begin_use();
        let brings_late = self.habits.next_u32() & 1 == 0;
        for letters in &mut self.under_way {
            for letter in letters.drain(..).filter(|_| brings_late) {
                ordinary.late.push((self.habits.next_u32() % LATEST, letter));
            }
        }
        for link in all_links() {
            self.decide(link);
            self.accept(link);
        }
        let links = all_links().filter(|link| link.from < EACH && self.are_in_touch(*link));
        let links: Vec<_> = links.collect();
        self.tell(|| "three days of ordinary use begin".to_owned());
        let begins = self.now;
        let healing: Vec<_> = links.iter().map(|link| self.healing(*link)).collect();
        for _ in 0..MENDING {
            self.live_an_hour(&mut ordinary, &links);
        }
        // What is under way now was sent before, and may yet be refused.
        self.all_must_open = true;
        self.tell(|| "from now on all opens".to_owned());
        let first = self.texts;
        let is_certain = |letter: &Letter| letter.text.is_some_and(|text| text >= first);
        let begun: Vec<_> = links.iter().map(|link| self.sessions_used(*link)).collect();
        for _ in 0..HOURS_IN_DAY {
            self.live_an_hour(&mut ordinary, &links);
        }
        self.all_must_open = false;
        ordinary.wrote = [[Some(u32::MAX); EACH]; DEVICES];
        for _ in 0..HOURS_IN_DAY {
            self.live_an_hour(&mut ordinary, &links);
        }
        let until = self.last_lost.max(begins).unix_seconds() - begins.unix_seconds();
        self.outcome.mended = until / HOUR;
        for (link, healing) in links.iter().zip(healing) {
            self.judge_healing(*link, healing);
        }
        let mut hear_each_other = Vec::new();
        for (link, begun) in links.into_iter().zip(begun) {
            let sent = [link, link.back()].map(|link| {
                let certain = self.arrived[link.to].iter().filter(|letter| letter.link == link);
                certain
                    .filter(|letter| is_certain(letter))
                    .map(|letter| letter.text.unwrap())
                    .collect()
            });
            if self.judge(link, sent, begun) {
                hear_each_other.push(link);
            }
        }
        // How many turns it takes is no part of what became of the schedule.
        let opened = self.outcome.opened.len();
        let first = usize::try_from(self.habits.next_u32()).unwrap() % hear_each_other.len().max(1);
        let some =
            hear_each_other.iter().cycle().skip(first).take(hear_each_other.len().min(HEALED));
        some.for_each(|link| self.heal(*link));
        self.outcome.opened.truncate(opened);
        self.outcome
    }

    /// Both ends of a link go on in turns, and ask for an epoch. If their session is of suite 2, one more is complete on
    /// both sides before long.
    fn heal(&mut self, link: Link) {
        let ends = [link, link.back()];
        let mut opens = true;
        for turn in 0..AGREEING {
            let [here, there] = ends.map(|link| self.healing(link).0);
            if turn > 0 && here == there {
                break;
            }
            opens &= ends.map(|link| self.take_turn(link)) == [true; 2];
        }
        let before = ends.map(|link| self.healing(link));
        ends.iter().for_each(|link| self.ask_for_epoch(*link));
        let mut is_healed = before.iter().all(|(_, completed)| completed.is_none());
        for _ in 0..HEALING {
            if is_healed {
                break;
            }
            opens &= ends.map(|link| self.take_turn(link)) == [true; 2];
            is_healed = ends.iter().zip(&before).all(|(link, (session, completed))| {
                let (present, now) = self.healing(*link);
                present == *session && now > *completed
            });
            self.outcome.healed += usize::from(is_healed);
        }
        if !(opens && is_healed) {
            let after = ends.map(|link| self.healing(link));
            let what = format!("{link:?}: all opens: {opens}; {before:?}, in turns {after:?}");
            self.fail(Kind::NotHealed, what);
        }
    }

    /// Who writes every hour needs not ask: where the session has stayed the same, an epoch was completed in it.
    fn judge_healing(&mut self, link: Link, before: (Option<SessionId>, Option<u32>)) {
        let after = [link, link.back()].map(|link| self.healing(link));
        let stayed = after.iter().all(|(session, _)| *session == before.0);
        let is_healed = after.iter().all(|(_, completed)| *completed > before.1);
        if self.is_busy && stayed && before.1.is_some() && !is_healed {
            self.fail(Kind::NotHealed, format!("{link:?}: {before:?}, in four days {after:?}"));
        }
    }

    /// The session that sends at the beginning of a link, and how many epochs it has completed: in suite 1 there are none.
    fn healing(&self, link: Link) -> (Option<SessionId>, Option<u32>) {
        let Some(session) = self.phones[link.from].peers[link.to % EACH].sessions().next() else {
            return (None, None);
        };
        let epochs = session.epochs();
        assert_eq!(epochs.is_some(), session.suite() == Suite::Hybrid);
        (Some(session.id()), epochs.map(|epochs| epochs.completed))
    }

    /// A text is sent, and arrives before anything else does. Whether it opens.
    fn take_turn(&mut self, link: Link) -> bool {
        if !self.send(link) {
            return false;
        }
        let letter = self.under_way[link.to].pop().expect("it has just been sent");
        let opens = self.hand_over(&letter);
        self.arrived[link.to].push(Letter { has_come: true, ..letter });
        opens
    }

    /// What became of the texts of the last day, there and back. Whether it is as it should be.
    fn judge(&mut self, link: Link, sent: [Vec<u32>; 2], begun: usize) -> bool {
        let opened = sent
            .each_ref()
            .map(|texts| texts.iter().filter(|text| self.outcome.opened.contains(text)).count());
        let counts = [0, 1].map(|way| (opened[way], sent[way].len()));
        let active = |link: Link| self.phones[link.from].active(link.to % EACH);
        let kind = match counts {
            [(_, 0), (_, 0)] => Some(Kind::CannotWrite),
            [(0, _), (0, _)] => Some(Kind::BothWaysDead),
            [(0, _), _] | [_, (0, _)] => Some(Kind::OneWayDead),
            [(there, all), (back, all_back)] if there < all || back < all_back => {
                Some(Kind::SomeLost)
            }
            _ if active(link) != active(link.back())
                || self.sessions_used(link) != begun && !self.is_disturbed_daily(link) =>
            {
                Some(Kind::NotOneSession)
            }
            _ => None,
        };
        if let Some(kind) = kind {
            let ends = [link, link.back()].map(|link| {
                let peer = &self.phones[link.from].peers[link.to % EACH];
                let contact = match peer.contact() {
                    Contact::None => "unknown",
                    Contact::Request(_) => "a request",
                    Contact::Accepted(_) => "accepted",
                    _ => "refused",
                };
                let sessions: Vec<_> = peer
                    .sessions()
                    .map(|session| {
                        (session.id().as_bytes()[0], session.role(), session.is_answered())
                    })
                    .collect();
                let need = peer.session_need(self.clock(link.from));
                format!("{} has the other as {contact}, need {need:?}, {sessions:?}", link.from)
            });
            let why = [link, link.back()].map(|link| self.why.get(&link));
            self.fail(
                kind,
                format!(
                    "{:?}, {link:?}: opened of sent, there and back {counts:?}; {ends:?}; why {why:?}",
                    self.senders
                ),
            );
        }
        kind.is_none()
    }

    /// Whether something comes every day that is older than what a peer knows again: it may bring sessions about.
    fn is_disturbed_daily(&self, link: Link) -> bool {
        [link, link.back()].iter().any(|link| {
            self.daily[link.to].as_ref().is_some_and(|letter| {
                let receiver = &self.phones[link.to];
                letter.link == *link && !receiver.knows_again(link.from % EACH, letter.text)
            })
        })
    }

    fn sessions_used(&self, link: Link) -> usize {
        self.used[link.from.min(link.to)][link.from.max(link.to) % EACH].len()
    }

    /// Whether one of the two writes to the other.
    fn are_in_touch(&self, link: Link) -> bool {
        [link, link.back()]
            .iter()
            .any(|link| *self.phones[link.from].peers[link.to % EACH].contact() != Contact::None)
    }

    fn begin_use(&mut self) -> Use {
        let is_busy = self.is_busy;
        let mut draw = |below: usize| usize::try_from(self.habits.next_u32()).unwrap() % below;
        let habits = std::array::from_fn(|_| {
            let sleeps = SLEEPS[draw(SLEEPS.len())];
            let [since, writes_every] =
                [draw(24), 3 + draw(4)].map(|hours| u32::try_from(hours).unwrap());
            let writes_first = draw(2) == 0;
            if is_busy {
                Habit { sleeps: u32::MAX, since, writes_every: 1, writes_first }
            } else {
                Habit { sleeps, since, writes_every, writes_first }
            }
        });
        Use {
            habits,
            wrote: [[None; EACH]; DEVICES],
            maintained: [None; DEVICES],
            late: Vec::new(),
            hour: 0,
        }
    }

    fn live_an_hour(&mut self, ordinary: &mut Use, links: &[Link]) {
        let hour = ordinary.hour;
        ordinary.hour += 1;
        self.now = self.now.plus(Duration::from_secs(HOUR));
        if hour % HOURS_IN_DAY == HOURS_IN_DAY / 2 {
            self.bring_what_comes_daily();
        }
        let (now, later) = ordinary.late.drain(..).partition(|(due, _)| *due == hour);
        ordinary.late = later;
        let now: Vec<(u32, Letter)> = now;
        for (_, letter) in now {
            self.take_in(letter);
        }
        let mut devices: Vec<_> = links.iter().flat_map(|link| [link.from, link.to]).collect();
        devices.sort_unstable();
        devices.dedup();
        devices.retain(|device| ordinary.habits[*device].is_awake(hour));
        let day = hour / HOURS_IN_DAY;
        for device in devices.iter().copied() {
            if ordinary.maintained[device].replace(day) != Some(day) {
                self.maintain_account(device);
                self.maintain_peers(device);
            }
        }
        for device in devices.iter().copied() {
            for letter in std::mem::take(&mut self.under_way[device]) {
                self.take_in(letter);
            }
        }
        for link in links.iter().flat_map(|link| [*link, link.back()]) {
            let habit = ordinary.habits[link.from];
            let wrote = &mut ordinary.wrote[link.from][link.to % EACH];
            let is_due = wrote.is_none_or(|wrote| hour >= wrote.saturating_add(habit.writes_every));
            let is_contact = match self.phones[link.from].peers[link.to % EACH].contact() {
                Contact::Accepted(_) => true,
                Contact::None => habit.writes_first,
                _ => false,
            };
            if is_due && is_contact && habit.is_awake(hour) && self.send(link) {
                *wrote = Some(hour);
            }
        }
    }

    /// A message is received; if it is a request, the user accepts it.
    fn take_in(&mut self, letter: Letter) {
        self.hand_over(&letter);
        let link = letter.link.back();
        if let Contact::Request(_) = self.phones[link.from].peers[link.to % EACH].contact() {
            self.accept(link);
        }
        self.arrived[link.from].push(Letter { has_come: true, ..letter });
    }
}

/// All ways from one device to another.
fn all_links() -> impl Iterator<Item = Link> {
    (0..EACH)
        .flat_map(|from| (EACH..DEVICES).map(move |to| Link { from, to }))
        .flat_map(|link| [link, link.back()])
}

const _: () = assert!(DAY == HOURS_IN_DAY as u64 * HOUR);
