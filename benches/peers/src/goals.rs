//! What evanesce means to reach, and whether it does.

use crate::contender::Likeness;
use crate::contenders::{EVANESCE, FLOOR};
use crate::measure::{Cell, Results, RowResults};
use crate::row::{
    CARRYING, Hybrid, Kem, MANY, MOST_DEVICES, People, Phase, PreKeys, ROWS, Row, SMALL,
};
use crate::statistics::{Quartiles, ratios};

/// A bound, and what was measured against it.
pub struct Goal {
    pub name: String,
    pub bound: f64,
    pub measured: f64,
}

impl Goal {
    pub fn is_met(&self) -> bool {
        self.measured <= self.bound
    }
}

/// The goals for which there are figures.
pub fn goals(results: &Results) -> Vec<Goal> {
    let mut goals = Vec::new();
    let mut add = |name: String, bound: f64, ratios: Option<Vec<f64>>| {
        let measured = ratios.map(|ratios| Quartiles::of(&ratios).median);
        goals.extend(measured.map(|measured| Goal { name, bound, measured }));
    };

    for row in ROWS {
        let bound = match row {
            Row::Encrypt { size: SMALL } | Row::Decrypt { size: SMALL } => 1.25,
            // At least 0.95 of the floor's speed.
            Row::File(_) => 1.0 / 0.95,
            // They are there for suite 2 to be held against.
            Row::Encrypt { size: CARRYING } | Row::Decrypt { size: CARRYING } => continue,
            Row::Encrypt { .. }
            | Row::Decrypt { .. }
            | Row::Initiate
            | Row::Accept
            | Row::Hybrid(Hybrid::Initiate(_) | Hybrid::Accept(_) | Hybrid::AcceptAgain) => 1.10,
            Row::Hybrid(Hybrid::Encrypt(_) | Hybrid::Decrypt(_) | Hybrid::Epoch)
            | Row::EpochsMessages
            | Row::DecryptWithRatchetStep
            | Row::PingPong
            | Row::DecryptAfterGap { .. }
            | Row::DecryptLate { .. }
            | Row::EncryptHolding { .. }
            | Row::DecryptFromSealedState
            | Row::DecryptFromPlainState
            | Row::People(_)
            | Row::Group(_)
            | Row::Agreement
            | Row::Verifications { .. }
            | Row::Kem(_)
            | Row::ChainSteps { .. } => continue,
        };
        let floor = results.figures(row, FLOOR);
        add(format!("{}, of its floor", row.name()), bound, evanesce_of(results, row, floor));
    }

    let agreement_and_message = results
        .figures(Row::Agreement, FLOOR)
        .zip(results.figures(Row::Decrypt { size: SMALL }, FLOOR))
        .map(|(agreement, message)| sums(agreement, message));
    add(
        "decrypt with a ratchet step, of one X25519 and the floor of a message".into(),
        1.10,
        evanesce_of(results, Row::DecryptWithRatchetStep, agreement_and_message.as_deref()),
    );
    add(
        "decrypt after a gap of 1,000, of the HMACs of 1,000 chain steps".into(),
        1.3,
        evanesce_of(
            results,
            Row::DecryptAfterGap { lost: MANY },
            results.figures(Row::ChainSteps { count: MANY }, FLOOR),
        ),
    );
    add(
        "decrypt late with 1,000 held, of the same with 1 held".into(),
        1.3,
        evanesce_of(
            results,
            Row::DecryptLate { held: MANY },
            results.figures(Row::DecryptLate { held: 1 }, EVANESCE),
        ),
    );
    add(
        "restore sealed state, decrypt, store, of a decrypt in memory".into(),
        2.0,
        evanesce_of(
            results,
            Row::DecryptFromSealedState,
            results.figures(Row::Decrypt { size: SMALL }, EVANESCE),
        ),
    );
    add(
        "bytes of a held key in a sealed state".into(),
        45.0,
        results.held_key(EVANESCE).map(|key| vec![key]),
    );

    for (row, in_suite_1, bound) in of_suite_1() {
        let name = format!("{}, of {} in suite 1", row.name(), in_suite_1.name());
        let bases = results.figures(in_suite_1, EVANESCE);
        add(name, bound, evanesce_of(results, row, bases));
    }
    for (operation, by_peers) in [
        (People::Encrypt, People::EncryptOneByOne),
        (People::EncryptForMany, People::EncryptForManyOneByOne),
        (People::Decrypt, People::DecryptByPeer),
    ] {
        let [row, by_peers] = [operation, by_peers].map(Row::People);
        let name = format!("{}, of {}", row.name(), by_peers.name());
        let bases = results.figures(by_peers, EVANESCE);
        add(name, 1.05, evanesce_of(results, row, bases));
    }
    let (list, signatures) =
        (Row::People(People::Adopt), Row::Verifications { count: MOST_DEVICES });
    let bases = results.figures(signatures, FLOOR);
    // It has one signature more.
    add(
        format!("{}, of {}", list.name(), signatures.name()),
        1.10,
        evanesce_of(results, list, bases),
    );
    // The key, its encapsulation and its decapsulation, and all that an epoch sends and keeps of them.
    let added = |row, contender| {
        let messages = results.figures(Row::EpochsMessages, contender)?;
        Some(differences(results.figures(row, contender)?, messages))
    };
    let by_epoch = added(Row::Hybrid(Hybrid::Epoch), EVANESCE);
    let by_calls = added(Row::Kem(Kem::AmidMessages), FLOOR);
    add(
        "what an epoch adds to its messages, of what its ML-KEM calls add".into(),
        1.15,
        by_epoch.zip(by_calls).map(|(epoch, calls)| ratios(&epoch, &calls)),
    );
    // By the other crate ML-KEM alone takes as much.
    if cfg!(feature = "libcrux") {
        let one_time = PreKeys::OneTime;
        for (operation, bound) in [
            (Hybrid::Initiate(one_time), 6.5),
            (Hybrid::Accept(one_time), 5.0),
            (Hybrid::AcceptAgain, 5.0),
        ] {
            let row = Row::Hybrid(operation);
            let agreement = results.figures(Row::Agreement, FLOOR);
            add(
                format!("{}, of one X25519", row.name()),
                bound,
                evanesce_of(results, row, agreement),
            );
        }
    }

    for RowResults { row, cells } in &results.rows {
        for (cell, name) in cells.iter().zip(&results.names).skip(EVANESCE + 1) {
            if let Cell::Timed { nanoseconds, remark } = cell
                && remark.likeness == Likeness::Same
            {
                let name = format!("{}, of {name}", row.name());
                add(name, 1.0, evanesce_of(results, *row, Some(nanoseconds)));
            }
        }
    }
    goals
}

/// Rows of suite 2 with what is as long in suite 1.
fn of_suite_1() -> [(Row, Row, f64); 6] {
    let encrypt = |phase| Row::Hybrid(Hybrid::Encrypt(phase));
    let decrypt = |phase| Row::Hybrid(Hybrid::Decrypt(phase));
    [
        (encrypt(Phase::Rest), Row::Encrypt { size: SMALL }, 1.03),
        (decrypt(Phase::Rest), Row::Decrypt { size: SMALL }, 1.03),
        (encrypt(Phase::Key), Row::Encrypt { size: CARRYING }, 1.10),
        (decrypt(Phase::Key), Row::Decrypt { size: CARRYING }, 1.10),
        (encrypt(Phase::Answer), Row::Encrypt { size: CARRYING }, 1.10),
        (decrypt(Phase::Answer), Row::Decrypt { size: CARRYING }, 1.10),
    ]
}

/// Where a peer that does less is faster: no goal, but no secret.
pub fn faster_with_less(results: &Results) -> Vec<(&'static str, Vec<String>)> {
    let peers = results.names.iter().enumerate().skip(EVANESCE + 1);
    let rows_of = |contender: usize| {
        let is_faster = |row: &&RowResults| match &row.cells[contender] {
            Cell::Timed { nanoseconds, remark } if remark.likeness == Likeness::Less => {
                evanesce_of(results, row.row, Some(nanoseconds))
                    .is_some_and(|ratios| Quartiles::of(&ratios).median > 1.0)
            }
            Cell::Timed { .. } | Cell::Refuses(_) | Cell::Absent => false,
        };
        results.rows.iter().filter(is_faster).map(|row| row.row.name()).collect()
    };
    let faster = peers.map(|(contender, name)| (*name, rows_of(contender)));
    faster.filter(|(_, rows): &(_, Vec<String>)| !rows.is_empty()).collect()
}

fn evanesce_of(results: &Results, row: Row, bases: Option<&[f64]>) -> Option<Vec<f64>> {
    Some(ratios(results.figures(row, EVANESCE)?, bases?))
}

fn sums(left: &[f64], right: &[f64]) -> Vec<f64> {
    left.iter().zip(right).map(|(left, right)| left + right).collect()
}

fn differences(left: &[f64], right: &[f64]) -> Vec<f64> {
    left.iter().zip(right).map(|(left, right)| left - right).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contender::{Remark, Sizes, StateSizes};

    fn timed(nanoseconds: f64, remark: Remark) -> Cell {
        Cell::Timed { nanoseconds: vec![nanoseconds; 3], remark }
    }

    fn results(rows: Vec<RowResults>) -> Results {
        let states = StateSizes { fresh: 500, steady: 700, receiving: 600, holding: Some(40_600) };
        let sizes = Sizes { states: Some(states), message: 105, first_message: None, note: None };
        Results {
            names: vec!["floor", "evanesce", "peer"],
            rows,
            sizes: vec![None, Some(sizes), None],
            rounds: 3,
        }
    }

    fn decrypt_rows(peer: Cell) -> Vec<RowResults> {
        let none = Remark::NONE;
        vec![
            RowResults {
                row: Row::Decrypt { size: SMALL },
                cells: vec![timed(1_000.0, none), timed(1_200.0, none), peer],
            },
            RowResults {
                row: Row::Agreement,
                cells: vec![timed(30_000.0, none), Cell::Absent, Cell::Absent],
            },
            RowResults {
                row: Row::DecryptWithRatchetStep,
                cells: vec![timed(32_000.0, none), timed(34_100.0, none), Cell::Absent],
            },
        ]
    }

    #[test]
    fn goals_hold_figures_of_the_same_round_against_each_other() {
        let peer = timed(1_100.0, Remark::NONE);
        let goals = goals(&results(decrypt_rows(peer)));
        let found: Vec<_> = goals.iter().map(|goal| (goal.name.as_str(), goal.is_met())).collect();
        let step = "decrypt with a ratchet step, of one X25519 and the floor of a message";
        let expected = [
            ("decrypt, 64 B, of its floor", true),
            (step, true),
            ("bytes of a held key in a sealed state", true),
            ("decrypt, 64 B, of peer", false),
        ];
        assert_eq!(found, expected);
        assert!((goals[0].measured - 1.2).abs() < 1e-9);
        assert!((goals[1].measured - 1.1).abs() < 1e-9);
        assert!((goals[2].measured - 40.0).abs() < 1e-9);
    }

    #[test]
    fn a_peer_that_does_less_sets_no_goal_and_is_named_where_it_is_faster() {
        let results = results(decrypt_rows(timed(1_100.0, Remark::less("it does less"))));
        assert!(goals(&results).iter().all(|goal| !goal.name.ends_with("of peer")));
        assert_eq!(faster_with_less(&results), [("peer", vec!["decrypt, 64 B".into()])]);
    }
}
