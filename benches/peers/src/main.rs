//! Measures evanesce beside other libraries that do such work, and beside the primitives that it is made of.
//!
//! ```sh
//! cargo run --release                         # tables, in Markdown
//! cargo run --release -- --json               # the same and more, as JSON
//! cargo run --release -- --row decrypt        # only rows that have this in their name
//! cargo run --release -- --rounds 200         # for a machine that does other things as well
//! ```

mod lockfile;
mod machine;
mod row;
mod statistics;

mod clock;

mod work;

mod contender;

mod conversation;

#[path = "../../../tests/support/household.rs"]
mod household;

#[path = "../../../tests/support/crowd.rs"]
mod crowd;

mod contenders;

mod measure;

mod goals;

mod table;

mod json;

use std::io::{self, Write};
use std::process::ExitCode;

use lexopt::Arg::Long;
use lexopt::ValueExt;

use crate::machine::Machine;
use crate::row::{ROWS, Row};

const USAGE: &str = "usage: peers [--rounds NUMBER] [--row TEXT] [--json]";

/// How many rounds, unless others are asked for: less than a minute.
const ROUNDS: usize = 40;

/// What is asked for.
#[derive(Debug, PartialEq)]
struct Arguments {
    rounds: usize,
    rows: Vec<Row>,
    form: Form,
}

/// How the results are printed.
#[derive(Debug, PartialEq)]
enum Form {
    Markdown,
    Json,
}

fn main() -> ExitCode {
    let Arguments { rounds, rows, form } = match parse(lexopt::Parser::from_env()) {
        Ok(arguments) => arguments,
        Err(error) => {
            eprintln!("{error}\n{USAGE}");
            return ExitCode::from(2);
        }
    };
    if cfg!(debug_assertions) {
        eprintln!("These figures say little: this was built without --release.");
    }
    let machine = Machine::here();
    let results = measure::measure(&rows, &contenders::all(), rounds);
    let versions = lockfile::measured();
    let text = match form {
        Form::Markdown => table::markdown(&machine, &versions, &results),
        Form::Json => format!("{:#}\n", json::json(&machine, &versions, &results)),
    };
    match io::stdout().write_all(text.as_bytes()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}

fn parse(mut parser: lexopt::Parser) -> Result<Arguments, lexopt::Error> {
    let mut arguments = Arguments { rounds: ROUNDS, rows: ROWS.into(), form: Form::Markdown };
    while let Some(argument) = parser.next()? {
        match argument {
            Long("rounds") => {
                arguments.rounds = parser.value()?.parse()?;
                if arguments.rounds == 0 {
                    return Err("at least one round has to be run".into());
                }
            }
            Long("row") => {
                let text = parser.value()?.string()?;
                arguments.rows.retain(|row| row.name().contains(&text));
                if arguments.rows.is_empty() {
                    return Err("no row has that in its name".into());
                }
            }
            Long("json") => arguments.form = Form::Json,
            _ => return Err(argument.unexpected()),
        }
    }
    Ok(arguments)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::ffi::OsString;

    fn parsed(arguments: &[&str]) -> Result<Arguments, String> {
        let arguments = arguments.iter().map(OsString::from);
        parse(lexopt::Parser::from_args(arguments)).map_err(|error| error.to_string())
    }

    #[test]
    fn arguments_choose_rounds_rows_and_form() {
        let all = Arguments { rounds: ROUNDS, rows: ROWS.into(), form: Form::Markdown };
        assert_eq!(parsed(&[]), Ok(all));
        let chosen = parsed(&["--row", "ping", "--rounds=3", "--json"]);
        let expected = Arguments { rounds: 3, rows: vec![Row::PingPong], form: Form::Json };
        assert_eq!(chosen, Ok(expected));
    }

    #[test]
    fn what_is_not_understood_is_refused() {
        let refused: [&[&str]; 6] = [
            &["--fast"],
            &["rounds"],
            &["--rounds"],
            &["--rounds", "0"],
            &["--rounds", "many"],
            &["--row", "no such row"],
        ];
        for arguments in refused {
            assert!(parsed(arguments).is_err(), "{arguments:?}");
        }
    }
}
