//! State at rest.

pub(crate) mod sealed;

mod format;
mod sealed_record;
