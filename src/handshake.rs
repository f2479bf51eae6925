//! From keys to a shared secret.

pub(crate) mod x3dh;

pub(crate) mod initiator;
pub(crate) mod responder;
pub(crate) mod shared_secret;
