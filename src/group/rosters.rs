//! The rosters of a group that are held, which of them is the head, and what the others leave to do.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;

use crate::group::signed_roster::{FollowError, Roster};
use crate::stored::{StateWriter, Stored, read_count};
use crate::wire::codec::{DecodeError, Reader};
use crate::wire::group_message::Tag;
use crate::wire::roster::OwnerBytes;

/// How many rosters of the head's branch are kept, and how many others.
const MOST: usize = 16;

type Hash = [u8; 32];

/// A tree: each but the root follows one that is held.
pub(crate) struct Rosters {
    root: Roster,
    /// All others.
    held: BTreeMap<Hash, Roster>,
    /// What comes of those that are held: worked out when one more is.
    view: View,
}

#[derive(Default)]
struct View {
    /// From the root to the head.
    branch: Vec<Hash>,
    undone: Undone,
}

/// Why a roster is not taken. Nothing has changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum AddError {
    Follow(FollowError),
    OtherGroup,
    /// The one before it is not held.
    Missing,
    /// Nor would it ever be.
    TooOld,
}

/// What a roster that was offered became.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Added {
    Known,
    Held,
}

/// What rosters that lost leave to do.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Undone {
    /// Still in the head, and removed by one that lost: they get nothing.
    pub(crate) withheld: BTreeSet<OwnerBytes>,
    /// Not in the head, and added by one that lost.
    pub(crate) wanted: BTreeSet<OwnerBytes>,
}

impl Rosters {
    pub(crate) fn new(root: Roster) -> Self {
        Self::of(root, BTreeMap::new())
    }

    fn of(root: Roster, held: BTreeMap<Hash, Roster>) -> Self {
        let mut rosters = Self { root, held, view: View::default() };
        rosters.look();
        rosters
    }

    pub(crate) fn root(&self) -> &Roster {
        &self.root
    }

    pub(crate) fn get(&self, hash: &Hash) -> Option<&Roster> {
        if self.root.hash() == hash { Some(&self.root) } else { self.held.get(hash) }
    }

    /// All that are held and have this tag, which tells little.
    pub(crate) fn tagged(&self, tag: Tag) -> impl Iterator<Item = &Roster> {
        self.iter().filter(move |roster| roster.tag() == tag)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Roster> {
        core::iter::once(&self.root).chain(self.held.values())
    }

    pub(crate) fn add(&mut self, roster: Roster) -> Result<Added, AddError> {
        if self.get(roster.hash()).is_some() {
            return Ok(Added::Known);
        }
        if self.root.fields.group != roster.fields.group || roster.fields.epoch == 0 {
            return Err(AddError::OtherGroup);
        }
        let Some(previous) = self.get(&roster.fields.previous) else {
            let oldest = self.root.fields.epoch;
            let is_old = roster.fields.epoch <= oldest.saturating_add(1);
            return Err(if is_old { AddError::TooOld } else { AddError::Missing });
        };
        roster.check_following(previous).map_err(AddError::Follow)?;
        self.held.insert(*roster.hash(), roster);
        self.forget();
        self.look();
        Ok(Added::Held)
    }

    /// The head: of those that are held the last on the branch that wins.
    pub(crate) fn head(&self) -> &Roster {
        self.view.branch.last().and_then(|hash| self.held.get(hash)).unwrap_or(&self.root)
    }

    /// The head's branch, the oldest first.
    pub(crate) fn branch(&self) -> impl DoubleEndedIterator<Item = &Roster> {
        self.view.branch.iter().filter_map(|hash| self.get(hash))
    }

    /// Those that are held and not of the head's branch, by epoch and hash.
    pub(crate) fn others(&self) -> Vec<&Roster> {
        let is_other = |roster: &&Roster| !self.view.branch.contains(roster.hash());
        let mut others: Vec<_> = self.iter().filter(is_other).collect();
        others.sort_by_key(|roster| (roster.fields.epoch, *roster.hash()));
        others
    }

    pub(crate) fn undone(&self) -> &Undone {
        &self.view.undone
    }

    /// Whether somebody is in the group as far as is known here, or is to come back.
    pub(crate) fn counts(&self, owner: &OwnerBytes) -> bool {
        self.head().has(owner) || self.view.undone.wanted.contains(owner)
    }

    /// Whether a roster of the head's branch that comes after this one, or after the fork from which it comes, lacks
    /// somebody. Of one that is not held any more: any of that branch.
    pub(crate) fn lacks_since(&self, roster: &Hash, owner: &OwnerBytes) -> bool {
        self.after_fork(roster).any(|held| !held.has(owner))
    }

    /// The roster of the head's branch that dropped somebody who is not in the head.
    pub(crate) fn dropped_by(&self, owner: &OwnerBytes) -> Option<&Roster> {
        let mut dropped = None;
        for roster in self.branch().rev() {
            if roster.has(owner) {
                return dropped;
            }
            dropped = Some(roster);
        }
        None
    }

    /// What shows somebody who is not in the head that they were dropped: of the head's branch what comes after the roster under
    /// which they wrote, or after the fork from which that comes, up to the first that drops them. What came while they were
    /// out is not theirs to see.
    pub(crate) fn up_to_dropped(&self, owner: &OwnerBytes, wrote_under: Tag) -> Vec<&Roster> {
        let Some(dropped) = self.dropped_by(owner) else { return Vec::new() };
        let known = self.tagged(wrote_under).next();
        let after = known.into_iter().flat_map(|known| self.after_fork(known.hash()));
        let mut all: Vec<&Roster> = after.collect();
        match all.iter().position(|roster| !roster.has(owner)) {
            Some(place) => all.truncate(place.saturating_add(1)),
            None => all = Vec::from([dropped]),
        }
        all
    }

    /// The rosters of the head's branch after this one, or after the fork from which it comes; all where it is not held.
    pub(crate) fn after_fork(&self, roster: &Hash) -> impl Iterator<Item = &Roster> {
        let mut next = self.get(roster);
        let mut from = 0;
        while let Some(roster) = next {
            let place = self.view.branch.iter().position(|held| held == roster.hash());
            if let Some(place) = place {
                from = place.saturating_add(1);
                break;
            }
            next = self.get(&roster.fields.previous);
        }
        self.branch().skip(from)
    }

    /// Whether a roster of the head's branch after the fork has its signer as no admin.
    pub(crate) fn is_void(&self, other: &Roster) -> bool {
        self.after_fork(other.hash()).any(|roster| !roster.is_admin(&other.fields.signer))
    }

    /// Works out what comes of those that are held.
    fn look(&mut self) {
        self.view.branch = self.winning_branch();
        self.view.undone = self.work_out_undone();
    }

    // docs/protocol.md §18.2
    fn winning_branch(&self) -> Vec<Hash> {
        let children = self.children();
        let mut branch = Vec::from([*self.root.hash()]);
        let mut last = Some(&self.root);
        while let Some(ancestor) = last {
            let next = children.get(ancestor.hash()).map(Vec::as_slice).unwrap_or_default();
            let best = next.iter().copied().min_by_key(|child| {
                let own = ancestor.rank(&child.fields.signer);
                (Self::most_senior(ancestor, child, &children), own, *child.hash())
            });
            branch.extend(best.map(|best| *best.hash()));
            last = best;
        }
        branch
    }

    /// The rank in `ancestor` of the most senior signer of a roster and of all that descends from it.
    fn most_senior(
        ancestor: &Roster,
        roster: &Roster,
        children: &BTreeMap<Hash, Vec<&Roster>>,
    ) -> Option<(u32, OwnerBytes)> {
        let mut best = None;
        let mut left = Vec::from([roster]);
        while let Some(next) = left.pop() {
            let rank = ancestor.rank(&next.fields.signer);
            best = match (best, rank) {
                (None, rank) => rank,
                (best, None) => best,
                (Some(best), Some(rank)) => Some(rank.min(best)),
            };
            left.extend(children.get(next.hash()).into_iter().flatten().copied());
        }
        // The signer of a child is an admin of its previous, so there is always one.
        best
    }

    fn children(&self) -> BTreeMap<Hash, Vec<&Roster>> {
        let mut children: BTreeMap<Hash, Vec<&Roster>> = BTreeMap::new();
        for roster in self.held.values() {
            children.entry(roster.fields.previous).or_default().push(roster);
        }
        children
    }

    fn work_out_undone(&self) -> Undone {
        let mut undone = Undone::default();
        let head = self.head();
        let mut live = self.others();
        live.retain(|other| !self.is_void(other));
        let with_previous = |roster: &Roster| self.get(&roster.fields.previous);
        for roster in &live {
            let Some(previous) = with_previous(roster) else { continue };
            let after: Vec<&Roster> = self.after_fork(roster.hash()).collect();
            let later = || live.iter().filter(|later| self.descends(later, roster));
            let later: Vec<(&Roster, &Roster)> =
                later().filter_map(|later| Some((*later, with_previous(later)?))).collect();
            let gone = previous.owners().filter(|owner| !roster.has(owner) && head.has(owner));
            undone.withheld.extend(gone.filter(|owner| {
                let came_back =
                    later.iter().any(|(now, before)| now.has(owner) && !before.has(owner));
                !came_back && after.iter().all(|held| held.has(owner))
            }));
            let come = roster.owners().filter(|owner| !previous.has(owner) && !head.has(owner));
            undone.wanted.extend(come.filter(|owner| {
                let went_again =
                    later.iter().any(|(now, before)| !now.has(owner) && before.has(owner));
                !went_again && !after.iter().any(|held| held.has(owner))
            }));
        }
        undone
    }

    /// Whether one comes after another, at any distance.
    fn descends(&self, later: &Roster, earlier: &Roster) -> bool {
        let mut next = self.get(&later.fields.previous);
        while let Some(roster) = next {
            if roster.hash() == earlier.hash() {
                return true;
            }
            next = self.get(&roster.fields.previous);
        }
        false
    }

    /// Forgets what is above the bounds: of the branch the oldest, of others the lowest with what follows it.
    fn forget(&mut self) {
        let branch = self.winning_branch();
        let excess = branch.len().saturating_sub(MOST);
        let root = branch.get(excess).filter(|_| excess != 0);
        if let Some(root) = root.and_then(|root| self.held.remove(root)) {
            self.root = root;
            self.keep_descendants();
        }
        loop {
            let others = self.held.values().filter(|roster| !branch.contains(roster.hash()));
            let ranked: Vec<_> = others.map(|it| (it.fields.epoch, *it.hash())).collect();
            let lowest = ranked.iter().min().filter(|_| ranked.len() > MOST);
            let Some((_, lowest)) = lowest else { return };
            self.held.remove(lowest);
            self.keep_descendants();
        }
    }

    /// Forgets what does not come from the root.
    fn keep_descendants(&mut self) {
        let mut reached = BTreeSet::new();
        let children = self.children();
        let mut left = Vec::from([*self.root.hash()]);
        while let Some(hash) = left.pop() {
            for child in children.get(&hash).into_iter().flatten() {
                reached.insert(*child.hash());
                left.push(*child.hash());
            }
        }
        self.held.retain(|hash, _| reached.contains(hash));
    }
}

/// The root whole, each other as what it changes in the one before it, so that a group of a thousand does not keep the same
/// members sixteen times.
impl Stored for Rosters {
    fn write(&self, out: &mut StateWriter) {
        let Self { root, held, view: _ } = self;
        let mut in_order: Vec<&Roster> = held.values().collect();
        in_order.sort_by_key(|roster| (roster.fields.epoch, *roster.hash()));
        root.write_whole(out);
        out.put_count(in_order.len());
        for roster in in_order {
            // Each follows one that is held.
            if let Some(previous) = self.get(&roster.fields.previous) {
                roster.write_after(previous, out);
            }
        }
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let root = Roster::read_whole(reader)?;
        let mut held: BTreeMap<Hash, Roster> = BTreeMap::new();
        let mut last = (root.fields.epoch, [u8::MAX; 32]);
        for _ in 0..read_count(reader)? {
            let previous = *reader.array()?;
            let is_root = previous == *root.hash();
            let previous = if is_root { Some(&root) } else { held.get(&previous) };
            let roster = Roster::read_after(previous.ok_or(DecodeError::Malformed)?, reader)?;
            let place = (roster.fields.epoch, *roster.hash());
            if place <= last {
                return Err(DecodeError::Malformed);
            }
            last = place;
            held.insert(*roster.hash(), roster);
        }
        let rosters = Self::of(root, held);
        let are_few = rosters.view.branch.len() <= MOST && rosters.others().len() <= MOST;
        if are_few { Ok(rosters) } else { Err(DecodeError::Malformed) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::group::signed_roster::RosterError;
    use crate::known_answers::{self, Fields};
    use serde_json::json;
    use std::string::String;
    extern crate std;

    fn outcome(rosters: &mut Rosters, bytes: &[u8]) -> &'static str {
        let roster = match Roster::decode(bytes) {
            Ok(roster) => roster,
            Err(RosterError::Malformed) => return "malformed",
            Err(RosterError::Unsupported) => return "unsupported",
            Err(RosterError::WeakKey) => return "weak_key",
            Err(RosterError::BadSignature) => return "bad_signature",
        };
        match rosters.add(roster) {
            Ok(Added::Known) => "known",
            Ok(Added::Held) => "held",
            Err(AddError::OtherGroup) => "other_group",
            Err(AddError::Missing) => "missing_roster",
            Err(AddError::TooOld) => "too_old",
            Err(AddError::Follow(FollowError::Malformed)) => "malformed",
            Err(AddError::Follow(FollowError::NotAnAdmin)) => "not_an_admin",
            Err(AddError::Follow(FollowError::Outranked)) => "outranked",
        }
    }

    /// The same after it was stored.
    fn stored(rosters: &Rosters) -> Rosters {
        let mut out = StateWriter::new();
        rosters.write(&mut out);
        let mut reader = Reader::new(out.as_bytes());
        let restored = Rosters::read(&mut reader).unwrap();
        assert_eq!(reader.finish(), Ok(()));
        restored
    }

    #[test]
    fn vectors_heads() {
        for case in known_answers::groups_heads() {
            let known =
                ["people", "rosters", "root", "orders", "outcomes", "head", "branch", "others"];
            let known = [&known[..], &["void", "withheld", "wanted"]].concat();
            known_answers::assert_fields(&case, &known);
            let names: BTreeMap<Vec<u8>, String> = case["people"]
                .as_object()
                .unwrap()
                .iter()
                .map(|(name, owner)| (hex::decode(owner.as_str().unwrap()).unwrap(), name.clone()))
                .collect();
            let bytes = |name: &str| hex::decode(case["rosters"][name].as_str().unwrap()).unwrap();
            let hashes: BTreeMap<Hash, String> = case["rosters"]
                .as_object()
                .unwrap()
                .keys()
                .filter_map(|name| Some((*Roster::decode(&bytes(name)).ok()?.hash(), name.clone())))
                .collect();
            let named = |rosters: Vec<&Roster>| -> Vec<String> {
                rosters.iter().map(|roster| hashes[roster.hash()].clone()).collect()
            };
            let people = |owners: &BTreeSet<OwnerBytes>| -> Vec<String> {
                let mut people: Vec<_> =
                    owners.iter().map(|owner| names[owner.as_slice()].clone()).collect();
                people.sort();
                people
            };
            for (order, outcomes) in
                case["orders"].as_array().unwrap().iter().zip(case["outcomes"].as_array().unwrap())
            {
                let root = case["root"].as_str().unwrap();
                let mut rosters = Rosters::new(Roster::decode(&bytes(root)).unwrap());
                let order = order.as_array().unwrap().iter();
                let found: Vec<_> = order
                    .map(|name| outcome(&mut rosters, &bytes(name.as_str().unwrap())))
                    .collect();
                assert_eq!(json!(found), *outcomes, "{}", case["comment"]);
                let head = hashes[rosters.head().hash()].clone();
                assert_eq!(json!(head), case["head"], "{}", case["comment"]);
                let branch: Vec<&Roster> = rosters.branch().collect();
                assert_eq!(json!(named(branch.clone())), case["branch"]);
                let mut others = named(rosters.others());
                others.sort();
                assert_eq!(json!(others), case["others"]);
                let mut void = rosters.others();
                void.retain(|other| rosters.is_void(other));
                let mut void = named(void);
                void.sort();
                assert_eq!(json!(void), case["void"], "{}", case["comment"]);
                let rosters = stored(&rosters);
                let undone = rosters.undone();
                assert_eq!(
                    json!(people(&undone.withheld)),
                    case["withheld"],
                    "{}",
                    case["comment"]
                );
                assert_eq!(json!(people(&undone.wanted)), case["wanted"], "{}", case["comment"]);
            }
        }
    }

    #[test]
    fn vectors_rosters() {
        for case in known_answers::groups_section("roster_read") {
            let roster = Roster::decode(&case.bytes("roster")).unwrap();
            assert_eq!(*roster.hash(), case.array("hash"));
        }
        for case in known_answers::groups_section("roster_refused") {
            let reason = match Roster::decode(&case.bytes("roster")) {
                Ok(_) => panic!("{}", case["comment"]),
                Err(RosterError::Malformed) => "malformed",
                Err(RosterError::Unsupported) => "unsupported",
                Err(RosterError::WeakKey) => "weak_key",
                Err(RosterError::BadSignature) => "bad_signature",
            };
            assert_eq!(json!(reason), case["reason"], "{}", case["comment"]);
        }
        let held: BTreeMap<String, Vec<u8>> = known_answers::groups_section("held_roster")
            .iter()
            .map(|case| (case.text("name"), case.bytes("roster")))
            .collect();
        for case in known_answers::groups_section("follows") {
            let mut before =
                case["held"].as_array().unwrap().iter().map(|it| &held[it.as_str().unwrap()]);
            let mut rosters = Rosters::new(Roster::decode(before.next().unwrap()).unwrap());
            before.for_each(|roster| assert_eq!(outcome(&mut rosters, roster), "held"));
            let found = outcome(&mut rosters, &case.bytes("roster"));
            let found = Some(found).filter(|it| !["held", "known"].contains(it));
            assert_eq!(json!(found), case["reason"], "{}", case["comment"]);
        }
    }
}
