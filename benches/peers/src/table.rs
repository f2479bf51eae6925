//! What was measured, as Markdown.

use std::fmt::Write;

use crate::contender::{Likeness, Remark};
use crate::contenders::{EVANESCE, FLOOR};
use crate::goals::{faster_with_less, goals};
use crate::lockfile::Measured;
use crate::machine::Machine;
use crate::measure::{Cell, Results};
use crate::row::number;
use crate::statistics::{Quartiles, ratios};

/// Everything, to be read.
pub fn markdown(machine: &Machine, versions: &[Measured], results: &Results) -> String {
    let sections = [
        header(machine, versions, results.rounds),
        times(results),
        sizes(results),
        goal_list(results),
    ];
    sections.join("\n")
}

/// The notes beneath a table, each once.
#[derive(Default)]
struct Notes(Vec<String>);

impl Notes {
    /// The mark of a note, which is the same for the same text.
    fn mark(&mut self, text: String) -> String {
        let place = self.0.iter().position(|note| *note == text).unwrap_or_else(|| {
            self.0.push(text);
            self.0.len() - 1
        });
        format!(" [{}]", place + 1)
    }

    fn list(&self) -> String {
        let mut list = String::from("\n");
        for (place, note) in (1..).zip(&self.0) {
            let _ = writeln!(list, "{place}. {note}");
        }
        list
    }
}

fn header(machine: &Machine, versions: &[Measured], rounds: usize) -> String {
    let Machine { processor, cores, system, compiler, load } = machine;
    let mut text = format!(
        "{processor}, {cores} cores; {system}; {compiler}; load {load}; medians of {rounds} rounds.\n\n"
    );
    for Measured { name, version, cryptography } in versions {
        let cryptography = if cryptography.is_empty() {
            "none of its own".into()
        } else {
            cryptography.join(", ")
        };
        let _ = writeln!(text, "- {name} {version}; cryptography: {cryptography}");
    }
    text
}

fn times(results: &Results) -> String {
    let mut notes = Notes::default();
    let mut text = row(std::iter::once("operation").chain(results.names.iter().copied()));
    text += &row(std::iter::once("---").chain(results.names.iter().map(|_| "---:")));
    for row_results in &results.rows {
        let cells = row_results.cells.iter().enumerate().map(|(contender, cell)| {
            time(
                cell,
                base(contender).and_then(|base| row_results.cells[base].figures()),
                &mut notes,
            )
        });
        let cells: Vec<String> = std::iter::once(row_results.row.name()).chain(cells).collect();
        text += &row(cells.iter().map(String::as_str));
    }
    text += "\nThe ratio of evanesce is to the floor; that of the others is to evanesce.\n";
    text + &notes.list()
}

/// Whom a contender is held against.
pub fn base(contender: usize) -> Option<usize> {
    match contender {
        FLOOR => None,
        EVANESCE => Some(FLOOR),
        _ => Some(EVANESCE),
    }
}

fn time(cell: &Cell, bases: Option<&[f64]>, notes: &mut Notes) -> String {
    match cell {
        Cell::Timed { nanoseconds, remark } => {
            let mut text = duration(Quartiles::of(nanoseconds).median);
            if let Some(bases) = bases {
                let ratio = Quartiles::of(&ratios(nanoseconds, bases)).median;
                let _ = write!(text, " (×{})", digits(ratio));
            }
            text + &remark_mark(*remark, notes)
        }
        Cell::Refuses(reason) => format!("refuses{}", notes.mark((*reason).into())),
        Cell::Absent => "–".into(),
    }
}

fn remark_mark(Remark { likeness, note }: Remark, notes: &mut Notes) -> String {
    let Some(note) = note else {
        return String::new();
    };
    notes.mark(match likeness {
        Likeness::Same => note.into(),
        Likeness::Less => format!("does less: {note}"),
        Likeness::More => format!("does more: {note}"),
    })
}

fn sizes(results: &Results) -> String {
    let mut notes = Notes::default();
    let titles = [
        "bytes",
        "stored state, fresh",
        "after ten rounds",
        "receiving",
        "with 1,000 held",
        "a held key",
        "a message adds",
        "a first message adds",
    ];
    let mut text = row(titles);
    text += &row(std::iter::once("---").chain(titles.iter().skip(1).map(|_| "---:")));
    for (contender, (name, sizes)) in results.names.iter().zip(&results.sizes).enumerate() {
        let Some(sizes) = sizes else {
            continue;
        };
        let mark = sizes.note.map_or_else(String::new, |note| notes.mark(note.into()));
        let cells = [
            format!("{name}{mark}"),
            bytes(sizes.states.map(|states| states.fresh)),
            bytes(sizes.states.map(|states| states.steady)),
            bytes(sizes.states.map(|states| states.receiving)),
            bytes(sizes.states.and_then(|states| states.holding)),
            results.held_key(contender).map_or_else(|| "–".into(), |key| format!("{key:.1}")),
            bytes(Some(sizes.message)),
            bytes(sizes.first_message),
        ];
        text += &row(cells.iter().map(String::as_str));
    }
    text + &notes.list()
}

fn goal_list(results: &Results) -> String {
    let mut text = row(["goal", "at most", "measured", ""]);
    text += &row(["---", "---:", "---:", "---"]);
    for goal in goals(results) {
        let verdict = if goal.is_met() { "met" } else { "**not met**" };
        let (bound, measured) = (format!("{:.2}", goal.bound), format!("{:.3}", goal.measured));
        text += &row([goal.name.as_str(), &bound, &measured, verdict]);
    }
    let faster = faster_with_less(results);
    if !faster.is_empty() {
        text += "\nFaster than evanesce with less work:\n\n";
    }
    for (name, rows) in faster {
        let _ = writeln!(text, "- {name}: {}", rows.join("; "));
    }
    text
}

fn row<'cell>(cells: impl IntoIterator<Item = &'cell str>) -> String {
    let mut line = String::from("|");
    for cell in cells {
        let _ = write!(line, " {cell} |");
    }
    line + "\n"
}

fn bytes(size: Option<usize>) -> String {
    size.map_or_else(|| "–".into(), number)
}

fn duration(nanoseconds: f64) -> String {
    // What would be rounded up to a thousand is one of the next unit.
    if nanoseconds < 999.5 {
        format!("{} ns", digits(nanoseconds))
    } else if nanoseconds < 999_500.0 {
        format!("{} µs", digits(nanoseconds / 1e3))
    } else {
        format!("{} ms", digits(nanoseconds / 1e6))
    }
}

/// Three of them.
fn digits(figure: f64) -> String {
    if figure < 10.0 {
        format!("{figure:.2}")
    } else if figure < 100.0 {
        format!("{figure:.1}")
    } else {
        format!("{figure:.0}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contender::{Sizes, StateSizes};
    use crate::measure::RowResults;
    use crate::row::{MANY, Row};

    fn timed(nanoseconds: [f64; 3], remark: Remark) -> Cell {
        Cell::Timed { nanoseconds: nanoseconds.into(), remark }
    }

    fn results() -> Results {
        let cells = vec![
            timed([1_000.0, 1_000.0, 2_000.0], Remark::NONE),
            timed([1_100.0, 1_100.0, 2_200.0], Remark::NONE),
            timed([13_200.0, 13_200.0, 26_400.0], Remark::less("headers in the clear")),
        ];
        let gap = vec![timed([250_000.0; 3], Remark::NONE), Cell::Absent, Cell::Refuses("panics")];
        let states = StateSizes { fresh: 500, steady: 700, receiving: 600, holding: Some(40_600) };
        let sizes = Sizes { states: Some(states), message: 105, first_message: None, note: None };
        Results {
            names: vec!["floor", "evanesce", "peer"],
            rows: vec![
                RowResults { row: Row::Encrypt { size: 64 }, cells },
                RowResults { row: Row::DecryptAfterGap { lost: MANY }, cells: gap },
            ],
            sizes: vec![None, Some(sizes), None],
            rounds: 3,
        }
    }

    #[test]
    fn times_have_ratios_and_notes() {
        let expected = "\
            | operation | floor | evanesce | peer |\n\
            | --- | ---: | ---: | ---: |\n\
            | encrypt, 64 B | 1.00 µs | 1.10 µs (×1.10) | 13.2 µs (×12.0) [1] |\n\
            | decrypt after a gap of 1,000 | 250 µs | – | refuses [2] |\n\
            \nThe ratio of evanesce is to the floor; that of the others is to evanesce.\n\
            \n1. does less: headers in the clear\n2. panics\n";
        assert_eq!(times(&results()), expected);
    }

    #[test]
    fn sizes_are_of_those_that_have_them() {
        let table = sizes(&results());
        assert!(
            table.contains("| evanesce | 500 | 700 | 600 | 40,600 | 40.0 | 105 | – |"),
            "{table}"
        );
        assert!(!table.contains("floor") && !table.contains("peer"));
    }

    #[test]
    fn goals_tell_whether_they_are_met() {
        let list = goal_list(&results());
        assert!(list.contains("| encrypt, 64 B, of its floor | 1.25 | 1.100 | met |"), "{list}");
    }
}
