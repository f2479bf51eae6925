//! What becomes of an account's maintenance.

use crate::changes::Changes;
use crate::prekeys::publication::StockDisagreement;
use crate::wire::prekey_upload::PreKeyUpload;

/// What maintenance changed.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(deny_unknown_fields))]
#[must_use = "what has changed is to be stored"]
#[non_exhaustive]
pub struct Maintained {
    /// What the server is not known to have: [`Account::pending_upload`](crate::Account::pending_upload).
    #[cfg_attr(feature = "serde", serde(deserialize_with = "Option::deserialize"))]
    pub upload: Option<PreKeyUpload>,
    /// What is to be stored, before the upload leaves.
    pub changes: Changes,
    /// How account and server disagree, if the server was asked and they do. The upload mends it, at once or, if it
    /// says so too often, later ([`StockDisagreement`]).
    #[cfg_attr(feature = "serde", serde(deserialize_with = "Option::deserialize"))]
    pub disagreement: Option<StockDisagreement>,
}
