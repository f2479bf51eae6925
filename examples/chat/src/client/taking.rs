//! Takes files out of the store: to the disk, or before the user's eyes. What may wait for a disk or for a decoder is a step
//! of its own, done on another thread, so that the terminal goes on meanwhile.

use std::path::PathBuf;

use evanesce::zeroize::Zeroizing;
use image::RgbImage;

use crate::client::looking::Look;
use crate::client::saving::{SaveError, Saving};
use crate::engine::WholeFile;

/// What is to be done with a file that is here.
#[derive(Debug)]
pub enum Purpose {
    /// As a file, or in a directory; without either in the working directory.
    Save(Option<PathBuf>),
    Show,
}

/// A file that is being taken out, between two of its pieces.
pub struct Taking {
    pub file: WholeFile,
    /// How many pieces were taken.
    taken: u64,
    into: Into,
}

enum Into {
    Disk(Saving),
    Eyes(Look),
}

/// What is done next.
pub enum Step {
    Begin(WholeFile, Purpose),
    Piece(Taking, Zeroizing<Vec<u8>>),
    End(Taking),
}

/// What came of it.
pub enum Stepped {
    /// There is more to be done.
    On(Taking),
    Saved(WholeFile, PathBuf),
    Seen(WholeFile, RgbImage),
    /// It cannot be done, and why. Nothing is left of it.
    Refused(String),
}

impl Taking {
    /// The next step, for which the store is asked by the number of the piece.
    pub fn next<E>(
        self,
        piece: impl FnOnce(u64) -> Result<Zeroizing<Vec<u8>>, E>,
    ) -> Result<Step, E> {
        if self.taken == self.file.pieces {
            return Ok(Step::End(self));
        }
        let piece = piece(self.taken)?;
        Ok(Step::Piece(self, piece))
    }
}

impl Step {
    /// May take its time.
    pub fn run(self) -> Stepped {
        self.try_run().unwrap_or_else(Stepped::Refused)
    }

    fn try_run(self) -> Result<Stepped, String> {
        match self {
            Self::Begin(file, purpose) => {
                let into = match purpose {
                    Purpose::Save(place) => {
                        Into::Disk(Saving::begin(&file.name, place).map_err(told)?)
                    }
                    Purpose::Show => Into::Eyes(Look::begin(&file)?),
                };
                Ok(Stepped::On(Taking { file, taken: 0, into }))
            }
            Self::Piece(mut taking, piece) => {
                match &mut taking.into {
                    Into::Disk(saving) => saving.write(&piece).map_err(told)?,
                    Into::Eyes(look) => look.add(&piece),
                }
                taking.taken = taking.taken.saturating_add(1);
                Ok(Stepped::On(taking))
            }
            Self::End(Taking { file, into, .. }) => match into {
                Into::Disk(saving) => Ok(Stepped::Saved(file, saving.end().map_err(told)?)),
                Into::Eyes(look) => Ok(Stepped::Seen(file, look.end()?)),
            },
        }
    }
}

fn told(error: SaveError) -> String {
    match error {
        SaveError::Exists(path) => {
            format!("{} is there already: say another path", path.display())
        }
        SaveError::Disk(error) => format!("it was not saved: {error}"),
    }
}
