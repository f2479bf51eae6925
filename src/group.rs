//! Groups of up to a thousand people, whose server can add nobody.

pub(crate) mod roster;
pub(crate) mod roster_secret;
pub(crate) mod sender_chain;

pub(crate) mod rosters;
pub(crate) mod sealing;
