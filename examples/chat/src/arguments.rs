//! The command line.

use std::ffi::OsString;
use std::path::PathBuf;

use lexopt::{Arg, Parser, ValueExt};

use crate::client::Front;
use crate::name::Name;
use crate::relay::Log;

pub const USAGE: &str = "usage:
  chat relay [--listen ADDR] [--store FILE] [--room MIB] [--log]
  chat relay --free NAME [--store FILE]
  chat relay --reports [--store FILE]
  chat as NAME [--relay ADDR] [--store FILE] [--patience SECONDS] [--plain]";

const RELAY: &str = "127.0.0.1:7411";

/// How many MiB the blobs of a relay take together.
const ROOM: u32 = 1_024;

#[derive(Debug)]
pub enum Arguments {
    Relay {
        listen: String,
        store: PathBuf,
        /// Bytes for blobs.
        room: u64,
        log: Log,
    },
    /// Gives an address free whose owner has lost the token.
    Free {
        address: Name,
        store: PathBuf,
    },
    /// Shows the moderators what was reported.
    Reports {
        store: PathBuf,
    },
    As {
        name: Name,
        relay: String,
        store: PathBuf,
        patience_seconds: u8,
        front: Front,
    },
}

/// What a relay's command does.
enum Task {
    Serve,
    Free(Name),
    Reports,
}

impl Arguments {
    pub fn parse() -> Result<Self, lexopt::Error> {
        Self::of(Parser::from_env())
    }

    fn of(mut parser: Parser) -> Result<Self, lexopt::Error> {
        match parser.next()? {
            Some(Arg::Value(mode)) if mode == "relay" => Self::relay(parser),
            Some(Arg::Value(mode)) if mode == "as" => {
                let name = name(parser.value()?)?;
                Self::client(name, parser)
            }
            Some(other) => Err(other.unexpected()),
            None => Err("say what to be".into()),
        }
    }

    fn relay(mut parser: Parser) -> Result<Self, lexopt::Error> {
        let (mut listen, mut store) = (RELAY.to_owned(), PathBuf::from("relay.sqlite"));
        let (mut room, mut log, mut task) = (ROOM, Log::Silent, Task::Serve);
        while let Some(argument) = parser.next()? {
            match argument {
                Arg::Long("listen") => listen = parser.value()?.string()?,
                Arg::Long("store") => store = parser.value()?.into(),
                Arg::Long("room") => room = parser.value()?.parse::<u32>()?,
                Arg::Long("log") => log = Log::Printed,
                Arg::Long("free") => task = Task::Free(name(parser.value()?)?),
                Arg::Long("reports") => task = Task::Reports,
                other => return Err(other.unexpected()),
            }
        }
        Ok(match task {
            Task::Free(address) => Self::Free { address, store },
            Task::Reports => Self::Reports { store },
            Task::Serve => Self::Relay { listen, store, room: u64::from(room) << 20, log },
        })
    }

    fn client(name: Name, mut parser: Parser) -> Result<Self, lexopt::Error> {
        let (mut relay, mut store) = (RELAY.to_owned(), PathBuf::from(format!("{name}.chat")));
        let (mut patience_seconds, mut front) = (10, Front::Screen);
        while let Some(argument) = parser.next()? {
            match argument {
                Arg::Long("relay") => relay = parser.value()?.string()?,
                Arg::Long("store") => store = parser.value()?.into(),
                Arg::Long("patience") => patience_seconds = parser.value()?.parse::<u8>()?.max(1),
                Arg::Long("plain") => front = Front::Lines,
                other => return Err(other.unexpected()),
            }
        }
        Ok(Self::As { name, relay, store, patience_seconds, front })
    }
}

fn name(value: OsString) -> Result<Name, lexopt::Error> {
    value.parse_with(Name::of_person)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Result<Arguments, lexopt::Error> {
        Arguments::of(Parser::from_args(line.split_whitespace()))
    }

    #[test]
    fn defaults_are_as_the_readme_says() {
        assert!(
            matches!(parse("relay"), Ok(Arguments::Relay { listen, room, log: Log::Silent, .. })
            if listen == "127.0.0.1:7411" && room == 1 << 30)
        );
        assert!(matches!(parse("as bob"), Ok(Arguments::As { store, front: Front::Screen, .. })
            if store.to_str() == Some("bob.chat")));
        assert!(matches!(parse("as bob --plain"), Ok(Arguments::As { front: Front::Lines, .. })));
        assert!(matches!(parse("relay --reports"), Ok(Arguments::Reports { .. })));
        assert!(matches!(parse("relay --free bob"), Ok(Arguments::Free { .. })));
    }

    #[test]
    fn anything_else_is_an_error() {
        for line in
            ["", "as", "as Bob", "relay --loud", "as bob --patience x", "serve", "as bob bob"]
        {
            assert!(parse(line).is_err(), "{line}");
        }
    }
}
