//! What was measured, as JSON.

use serde_json::{Value, json};

use crate::contender::{Likeness, Sizes};
use crate::goals::{faster_with_less, goals};
use crate::lockfile::Measured;
use crate::machine::Machine;
use crate::measure::{Cell, Results, RowResults};
use crate::statistics::{Quartiles, ratios};
use crate::table::base;

/// Everything, to be processed.
pub fn json(machine: &Machine, versions: &[Measured], results: &Results) -> Value {
    let Machine { processor, cores, system, compiler, load } = machine;
    json!({
        "machine": {
            "processor": processor,
            "cores": cores,
            "system": system,
            "compiler": compiler,
            "load": load,
        },
        "versions": versions.iter().map(version).collect::<Vec<_>>(),
        "rounds": results.rounds,
        "rows": results.rows.iter().map(|row_results| row(row_results, results)).collect::<Vec<_>>(),
        "sizes": sizes(results),
        "goals": goals(results).iter().map(|goal| json!({
            "name": goal.name,
            "bound": goal.bound,
            "measured": goal.measured,
            "met": goal.is_met(),
        })).collect::<Vec<_>>(),
        "faster_with_less_work": faster_with_less(results)
            .into_iter()
            .map(|(name, rows)| json!({ "contender": name, "rows": rows }))
            .collect::<Vec<_>>(),
    })
}

fn version(Measured { name, version, cryptography }: &Measured) -> Value {
    json!({ "name": name, "version": version, "cryptography": cryptography })
}

fn row(row_results: &RowResults, results: &Results) -> Value {
    let cells = row_results.cells.iter().zip(&results.names).enumerate();
    let cells: Vec<Value> = cells
        .map(|(contender, (cell, name))| {
            let base = base(contender);
            let bases = base.and_then(|base| row_results.cells[base].figures());
            let mut value = cell_value(cell, bases);
            value["contender"] = json!(name);
            if value.get("ratio").is_some() {
                value["ratio_to"] = json!(base.map(|base| results.names[base]));
            }
            value
        })
        .collect();
    json!({ "name": row_results.row.name(), "cells": cells })
}

fn cell_value(cell: &Cell, bases: Option<&[f64]>) -> Value {
    match cell {
        Cell::Timed { nanoseconds, remark } => {
            let mut value = json!({
                "nanoseconds": quartiles(nanoseconds),
                "work": match remark.likeness {
                    Likeness::Same => "same",
                    Likeness::Less => "less",
                    Likeness::More => "more",
                },
                "note": remark.note,
            });
            if let Some(bases) = bases {
                value["ratio"] = quartiles(&ratios(nanoseconds, bases));
            }
            value
        }
        Cell::Refuses(reason) => json!({ "refuses": reason }),
        Cell::Absent => json!({}),
    }
}

fn sizes(results: &Results) -> Vec<Value> {
    let contenders = results.names.iter().zip(&results.sizes).enumerate();
    contenders
        .filter_map(|(contender, (name, sizes))| {
            let Sizes { states, message, first_message, note } = sizes.as_ref()?;
            Some(json!({
                "contender": name,
                "fresh_state": states.map(|states| states.fresh),
                "steady_state": states.map(|states| states.steady),
                "receiving_state": states.map(|states| states.receiving),
                "state_with_1000_held": states.and_then(|states| states.holding),
                "held_key": results.held_key(contender),
                "message_overhead": message,
                "first_message_overhead": first_message,
                "note": note,
            }))
        })
        .collect()
}

fn quartiles(figures: &[f64]) -> Value {
    let Quartiles { lower, median, upper } = Quartiles::of(figures);
    json!({ "lower": lower, "median": median, "upper": upper })
}
