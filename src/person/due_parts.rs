//! Which lists and notices go with a message (docs/protocol.md §17.4).

use crate::peer::notices::Notices;
use crate::person::other_person::Person;
use crate::person::verified_list::VerifiedList;
use crate::wire::content_parts::{ContentParts, PartKind};
use crate::wire::notice::{Belief, Notice};

/// Whose device is written to.
#[derive(Clone, Copy)]
pub(crate) enum Side<'a> {
    /// One of our own person's.
    Ours,
    /// One of this person's; of nobody's that is known.
    Theirs(Option<&'a Person>),
}

impl Side<'_> {
    pub(crate) fn is_ours(&self) -> bool {
        match self {
            Self::Ours => true,
            Self::Theirs(_) => false,
        }
    }
}

/// What is due to a device that has said this much: all that it lacks, and a notice, until it agrees; an answer, if it
/// asked; then nothing.
pub(crate) fn due_parts(notices: &Notices, ours: &Person, side: Side<'_>) -> ContentParts {
    let (their_list, their) = match side {
        // There is one list between own devices.
        Side::Ours => (None, ours.belief()),
        Side::Theirs(person) => {
            let belief = person.map_or(Belief::NONE, Person::belief);
            (person.and_then(Person::list), belief)
        }
    };
    let held = Notice { own: ours.belief(), their };
    let agrees = |last: &Notice| last.own == held.their && last.their == held.own;
    let mut parts = ContentParts::none();
    if !notices.last().is_some_and(agrees) {
        let said = notices.last().map(Notice::swapped);
        // Who has said nothing gets our list.
        let lacks_theirs = said.is_some_and(|said| said.their.lacks(&held.their));
        let lacks_ours = match side {
            Side::Ours => said.is_none_or(|said| said.own.lacks(&held.own)) || lacks_theirs,
            Side::Theirs(_) => said.is_none_or(|said| said.own.lacks(&held.own)),
        };
        let mut push = |list: Option<&VerifiedList>| {
            list.into_iter().for_each(|list| parts.push(PartKind::List, list.as_bytes()));
        };
        push(ours.list().filter(|_| lacks_ours));
        push(their_list.filter(|_| lacks_theirs));
        parts.push(PartKind::Asks, &held.encode());
    } else if notices.is_owed() {
        parts.push(PartKind::Answers, &held.encode());
    }
    parts
}
