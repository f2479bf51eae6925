//! Who makes room where more comes than is kept.
//!
//! First come, first out alone would let whoever has devices enough empty a list: what waits in it could be pushed out by people
//! who are no members, and by one member with sixteen devices. So those who belong here stay before all others, and among equals
//! whoever has most makes room. But each class has a part of the list that no other takes from it: who belongs here may be a
//! matter of what has not come yet, and members too could keep out everything else.

use alloc::collections::BTreeMap;

use crate::wire::roster::OwnerBytes;

/// On whose account something is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Share<Belongs = bool, Whose = OwnerBytes> {
    /// Whether they belong here: others make room first, whatever they have.
    pub(crate) belongs: Belongs,
    /// Who has a share of their own: the owner of the person, as devices of one have one.
    pub(crate) whose: Whose,
}

/// Which of these makes room, in the order in which they came: of the class that belongs here least, and has more than a fourth
/// of them, the first of whoever has most. There are three classes at most, so that one of them has. Of four or
/// more it is never what came last: that class has two at least, and of whoever has most in it, or as much, the first goes.
pub(crate) fn first_out<Belongs: Copy + Ord, Whose: Copy + Ord>(
    shares: &[Share<Belongs, Whose>],
) -> Option<usize> {
    let (mut counts, mut classes) = (BTreeMap::new(), BTreeMap::new());
    for share in shares {
        let count: &mut usize = counts.entry(*share).or_default();
        *count = count.saturating_add(1);
        let count: &mut usize = classes.entry(share.belongs).or_default();
        *count = count.saturating_add(1);
    }
    let reserved = shares.len().wrapping_div(4);
    let (class, _) = classes.into_iter().find(|(_, count)| *count > reserved)?;
    let has = |share: &Share<Belongs, Whose>| counts.get(share).copied().unwrap_or_default();
    let places = shares.iter().enumerate().filter(|(_, share)| share.belongs == class);
    let most = places.min_by_key(|(_, share)| core::cmp::Reverse(has(share)));
    most.map(|(place, _)| place)
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec::Vec;

    fn shares(of: &[(bool, u8)]) -> Vec<Share> {
        of.iter().map(|(belongs, whose)| Share { belongs: *belongs, whose: [*whose; 64] }).collect()
    }

    #[test]
    fn the_first_of_whoever_has_most_makes_room_and_strangers_before_them() {
        assert_eq!(first_out(&shares(&[])), None);
        assert_eq!(first_out(&shares(&[(true, 1), (true, 2), (true, 3)])), Some(0));
        assert_eq!(first_out(&shares(&[(true, 1), (true, 2), (true, 2)])), Some(1));
        assert_eq!(first_out(&shares(&[(true, 1), (false, 4), (false, 3), (true, 1)])), Some(1));
        assert_eq!(first_out(&shares(&[(false, 1), (false, 3), (true, 2), (false, 3)])), Some(1));
    }

    #[test]
    fn what_came_last_stays() {
        // Of two classes and three people in each, whatever they have.
        for bits in 0..6_u32.pow(6) {
            let of = |place: u32| bits / 6_u32.pow(place) % 6;
            let all =
                [0, 1, 2, 3, 4, 5].map(|place| (of(place) < 3, u8::try_from(of(place)).unwrap()));
            let out = first_out(&shares(&all)).unwrap();
            assert!(out < all.len() - 1, "{all:?}");
        }
    }

    #[test]
    fn each_class_has_a_fourth_that_no_other_takes_from_it() {
        let strangers = |count: usize| [(false, 3)].repeat(count);
        let members = |count: usize| [(true, 1)].repeat(count);
        let out = |all: [Vec<(bool, u8)>; 2]| first_out(&shares(&all.concat()));
        assert_eq!(out([strangers(2), members(6)]), Some(2));
        assert_eq!(out([strangers(3), members(5)]), Some(0));
        assert_eq!(out([members(1), strangers(7)]), Some(1));
    }
}
