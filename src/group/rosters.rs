//! The rosters of a group that are held, which of them is the head, and what the others leave to do.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;

use crate::group::roster::{FollowError, Roster};
use crate::wire::roster::OwnerBytes;

/// How many rosters of the head's branch are kept, and how many others.
const MOST: usize = 16;

type Hash = [u8; 32];

/// A tree: each but the root follows one that is held.
pub(crate) struct Rosters {
    root: Hash,
    held: BTreeMap<Hash, Roster>,
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
        let hash = *root.hash();
        Self { root: hash, held: BTreeMap::from([(hash, root)]) }
    }

    pub(crate) fn get(&self, hash: &Hash) -> Option<&Roster> {
        self.held.get(hash)
    }

    pub(crate) fn add(&mut self, roster: Roster) -> Result<Added, AddError> {
        let root = self.held.get(&self.root);
        if self.held.contains_key(roster.hash()) {
            return Ok(Added::Known);
        }
        if root.is_some_and(|root| root.fields.group != roster.fields.group)
            || roster.fields.epoch == 0
        {
            return Err(AddError::OtherGroup);
        }
        let Some(previous) = self.held.get(&roster.fields.previous) else {
            let oldest = root.map_or(0, |root| root.fields.epoch);
            let is_old = roster.fields.epoch <= oldest.saturating_add(1);
            return Err(if is_old { AddError::TooOld } else { AddError::Missing });
        };
        roster.check_following(previous).map_err(AddError::Follow)?;
        self.held.insert(*roster.hash(), roster);
        self.forget();
        Ok(Added::Held)
    }

    /// The head's branch, the oldest first.
    pub(crate) fn branch(&self) -> Vec<&Roster> {
        let children = self.children();
        let mut branch: Vec<&Roster> = self.held.get(&self.root).into_iter().collect();
        while let Some(last) = branch.last() {
            let next = children.get(last.hash()).map(Vec::as_slice).unwrap_or_default();
            let best = next.iter().min_by_key(|child| {
                let own = last.rank(&child.fields.signer);
                // Their signers are admins there: the greatest rank stands for nobody.
                (Self::most_senior(last, child, &children), own, *child.hash())
            });
            match best {
                Some(best) => branch.push(best),
                None => break,
            }
        }
        branch
    }

    /// The rank in `ancestor` of the most senior signer of a roster and of all that descends from it.
    fn most_senior(
        ancestor: &Roster,
        roster: &Roster,
        children: &BTreeMap<Hash, Vec<&Roster>>,
    ) -> (bool, Option<(u32, OwnerBytes)>) {
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
        // Nobody comes after everybody.
        (best.is_none(), best)
    }

    fn children(&self) -> BTreeMap<Hash, Vec<&Roster>> {
        let mut children: BTreeMap<Hash, Vec<&Roster>> = BTreeMap::new();
        for roster in self.held.values().filter(|roster| *roster.hash() != self.root) {
            children.entry(roster.fields.previous).or_default().push(roster);
        }
        children
    }

    pub(crate) fn head(&self) -> Option<&Roster> {
        self.branch().last().copied()
    }

    /// Those that are held and not of the head's branch.
    fn others(&self, branch: &[&Roster]) -> Vec<&Roster> {
        let of_branch: BTreeSet<&Hash> = branch.iter().map(|roster| roster.hash()).collect();
        self.held.values().filter(|roster| !of_branch.contains(roster.hash())).collect()
    }

    /// The rosters of the head's branch after the fork from which another one comes.
    fn after_fork<'a>(&self, other: &Roster, branch: &'a [&'a Roster]) -> &'a [&'a Roster] {
        let mut next = Some(other);
        while let Some(roster) = next {
            let place = branch.iter().position(|held| held.hash() == roster.hash());
            if let Some(place) = place {
                return branch.get(place.saturating_add(1)..).unwrap_or_default();
            }
            next = self.held.get(&roster.fields.previous);
        }
        &[]
    }

    /// Whether a roster of the head's branch after the fork has its signer as no admin.
    fn is_void(&self, other: &Roster, branch: &[&Roster]) -> bool {
        let mut after = self.after_fork(other, branch).iter();
        after.any(|roster| roster.rank(&other.fields.signer).is_none())
    }

    pub(crate) fn void(&self) -> Vec<&Roster> {
        let branch = self.branch();
        let mut void = self.others(&branch);
        void.retain(|other| self.is_void(other, &branch));
        void.sort_by_key(|roster| (roster.fields.epoch, *roster.hash()));
        void
    }

    pub(crate) fn undone(&self) -> Undone {
        let branch = self.branch();
        let mut undone = Undone::default();
        let live: Vec<&Roster> = {
            let mut others = self.others(&branch);
            others.retain(|other| !self.is_void(other, &branch));
            others
        };
        let Some(head) = branch.last() else { return undone };
        for roster in &live {
            let Some(previous) = self.held.get(&roster.fields.previous) else { continue };
            let after = self.after_fork(roster, &branch);
            let later: Vec<(&Roster, &Roster)> = live
                .iter()
                .filter(|later| self.descends(later, roster))
                .filter_map(|later| Some((*later, self.held.get(&later.fields.previous)?)))
                .collect();
            for removed in previous.fields.members.iter().map(|member| &member.owner) {
                let is_removed = !roster.has(removed)
                    && head.has(removed)
                    && after.iter().all(|held| held.has(removed))
                    && !later.iter().any(|(now, before)| now.has(removed) && !before.has(removed));
                if is_removed {
                    undone.withheld.insert(*removed);
                }
            }
            for added in roster.fields.members.iter().map(|member| &member.owner) {
                let is_added = !previous.has(added)
                    && !head.has(added)
                    && !after.iter().any(|held| held.has(added))
                    && !later.iter().any(|(now, before)| !now.has(added) && before.has(added));
                if is_added {
                    undone.wanted.insert(*added);
                }
            }
        }
        undone
    }

    /// Whether one comes after another, at any distance.
    fn descends(&self, later: &Roster, earlier: &Roster) -> bool {
        let mut next = self.held.get(&later.fields.previous);
        while let Some(roster) = next {
            if roster.hash() == earlier.hash() {
                return true;
            }
            next = self.held.get(&roster.fields.previous);
        }
        false
    }

    /// Forgets what is above the bounds: of the branch the oldest, of others the lowest with what follows it.
    fn forget(&mut self) {
        let branch = self.branch();
        if branch.len() > MOST {
            let excess = branch.len().saturating_sub(MOST);
            let root = branch.get(excess).map(|roster| *roster.hash());
            if let Some(root) = root {
                self.root = root;
                self.keep_descendants();
            }
        }
        loop {
            let branch = self.branch();
            let others = self.others(&branch);
            if others.len() <= MOST {
                return;
            }
            let lowest = others.iter().min_by_key(|it| (it.fields.epoch, *it.hash()));
            let Some(lowest) = lowest.map(|roster| *roster.hash()) else { return };
            self.held.remove(&lowest);
            self.keep_descendants();
        }
    }

    /// Forgets what does not come from the root.
    fn keep_descendants(&mut self) {
        let reached: BTreeSet<Hash> = {
            let children = self.children();
            let mut reached = BTreeSet::from([self.root]);
            let mut left = Vec::from([self.root]);
            while let Some(hash) = left.pop() {
                for child in children.get(&hash).into_iter().flatten() {
                    reached.insert(*child.hash());
                    left.push(*child.hash());
                }
            }
            reached
        };
        self.held.retain(|hash, _| reached.contains(hash));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::group::roster::RosterError;
    use crate::known_answers::Fields;
    use serde_json::{Value, json};
    use std::string::String;
    extern crate std;

    fn file(name: &str) -> Value {
        let path = std::format!("{}/tests/vectors/{name}", env!("CARGO_MANIFEST_DIR"));
        serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
    }

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

    #[test]
    fn vectors_heads() {
        for case in file("groups-heads.json")["cases"].as_array().unwrap() {
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
                let head = hashes[rosters.head().unwrap().hash()].clone();
                assert_eq!(json!(head), case["head"], "{}", case["comment"]);
                let branch = rosters.branch();
                assert_eq!(json!(named(branch.clone())), case["branch"]);
                let mut others = named(rosters.others(&branch));
                others.sort();
                assert_eq!(json!(others), case["others"]);
                let mut void = named(rosters.void());
                void.sort();
                assert_eq!(json!(void), case["void"], "{}", case["comment"]);
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
        let pieces = file("groups-pieces.json");
        for case in pieces["roster_read"].as_array().unwrap() {
            let roster = Roster::decode(&case.bytes("roster")).unwrap();
            assert_eq!(*roster.hash(), case.array("hash"));
        }
        for case in pieces["roster_refused"].as_array().unwrap() {
            let reason = match Roster::decode(&case.bytes("roster")) {
                Ok(_) => panic!("{}", case["comment"]),
                Err(RosterError::Malformed) => "malformed",
                Err(RosterError::Unsupported) => "unsupported",
                Err(RosterError::WeakKey) => "weak_key",
                Err(RosterError::BadSignature) => "bad_signature",
            };
            assert_eq!(json!(reason), case["reason"], "{}", case["comment"]);
        }
        let held: BTreeMap<String, Vec<u8>> = pieces["held_roster"]
            .as_array()
            .unwrap()
            .iter()
            .map(|case| (case.text("name"), case.bytes("roster")))
            .collect();
        for case in pieces["follows"].as_array().unwrap() {
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
