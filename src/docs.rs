//! The documents of the project, as pages beside those of the code. They are here when documentation is built.
//!
//! Each ends in definitions of its links to others. Of two definitions the first holds, so that here these lead to
//! pages.

/// An application in ten steps, with all of its code: what to store, what to show, what to delete, what can go wrong.
///
/// [protocol.md]: protocol
/// [SECURITY.md]: security
///
#[doc = include_str!("../docs/guide.md")]
pub mod guide {}

/// Every byte, and each rule that both sides follow: enough for a second implementation.
///
#[doc = include_str!("../docs/protocol.md")]
pub mod protocol {}

/// What is promised, one row for each property: against whom, what enforces it, what checks it, what is not claimed.
///
/// [SECURITY.md]: security
///
#[doc = include_str!("../docs/claims.md")]
pub mod claims {}

/// How to report a vulnerability, which versions get fixes, who is kept from what, and what the application must do.
///
/// [docs/claims.md]: claims
///
#[doc = include_str!("../SECURITY.md")]
pub mod security {}

/// What is new in each version.
///
#[doc = include_str!("../CHANGELOG.md")]
pub mod changelog {}
