//! Carries files to the relay: reads, seals and sends one piece for each load. A connection is for one blob, so the relay
//! is not told which blobs belong together, nor to whom.

use std::fs::{File, Metadata};
use std::io::{self, Read, Seek, SeekFrom};
use std::path::Path;
use std::time::{Duration, UNIX_EPOCH};

use evanesce::attachment::{AttachmentCheckpoint, AttachmentSealer, SealError, SealedRest};
use evanesce::zeroize::Zeroizing;
use tokio::task;

use crate::client::link::{Link, OTHER_ANSWER};
use crate::engine::{Loaded, Upload};
use crate::request::{Answer, Ask, BlobId};

/// How much of a file is read at once.
const READ: usize = 64 * 1_024;

const UNREADABLE: &str = "the file cannot be read";
const CHANGED: &str = "the file has changed since: send it again";

/// An upload, between two of its pieces.
pub struct Shipment {
    number: u64,
    blob: BlobId,
    link: Link,
    room: Room,
    /// Nothing while another thread has it.
    source: Option<Source>,
    /// The piece that the relay does not have yet, and where it stands in the blob.
    piece: Option<Vec<u8>>,
    offset: u64,
}

/// Whether the relay has been asked for room in this run.
enum Room {
    Unknown,
    Made,
}

/// Where the pieces come from.
struct Source {
    file: File,
    /// What was read, and how much of it was taken.
    read: Zeroizing<Vec<u8>>,
    taken: usize,
    /// How much was read in all, with what lies before where reading began.
    fed: u64,
    /// Bytes of the file when it was sent, and when it had been changed.
    size: u64,
    changed: Option<Duration>,
    stage: Stage,
}

enum Stage {
    Sealing(AttachmentSealer),
    Ending(SealedRest),
    /// With the reference.
    Whole(Vec<u8>),
    Nothing,
}

/// Why there is no next piece.
enum Unusable {
    Unreadable,
    Changed,
}

impl Shipment {
    /// Goes on with an upload from its checkpoint.
    pub async fn begin(number: u64, upload: &Upload, link: Link) -> Result<Self, &'static str> {
        let checkpoint = AttachmentCheckpoint::decode(&upload.checkpoint).map_err(|_| CHANGED)?;
        let (path, blob) = (upload.path.clone(), upload.blob);
        let (size, changed) = (upload.size, upload.changed);
        let offset = checkpoint.output_from();
        let opened =
            task::spawn_blocking(move || Source::open(&path, (size, changed), checkpoint)).await;
        let source = opened.unwrap_or(Err(Unusable::Unreadable)).map_err(Unusable::told)?;
        let (room, piece) = (Room::Unknown, None);
        Ok(Self { number, blob, link, room, source: Some(source), piece, offset })
    }

    /// Whether it is this one, and not begun anew since.
    pub fn is_of(&self, number: u64, upload: &Upload) -> bool {
        (self.number, self.blob) == (number, upload.blob)
    }

    /// Sends the next piece.
    pub async fn step(&mut self, upload: &Upload) -> Loaded {
        let (id, token) = (upload.blob, upload.token.clone());
        if let Room::Unknown = self.room {
            let ask = Ask::BeginBlob { id, token: token.clone(), length: upload.blob_length() };
            match self.link.ask(&ask, Duration::ZERO).await {
                // What it has is the same, or the beginning of the same: it is sent from the checkpoint on.
                Ok(Answer::BlobStored { length }) if length >= self.offset => {
                    self.room = Room::Made;
                }
                Ok(Answer::BlobStored { .. }) => return Loaded::Lost,
                Ok(Answer::Refused(refusal)) => return Loaded::Refused(refusal),
                Ok(_) => return Loaded::Unanswered(OTHER_ANSWER.into()),
                Err(error) => return Loaded::Unanswered(error.to_string()),
            }
        }
        if self.piece.is_none() {
            match self.next_piece().await {
                Ok(Some(piece)) => self.piece = Some(piece),
                Ok(None) => {
                    return match self.source.as_ref().map(|source| &source.stage) {
                        Some(Stage::Whole(reference)) => {
                            Loaded::Whole { reference: reference.clone() }
                        }
                        Some(Stage::Sealing(_) | Stage::Ending(_) | Stage::Nothing) | None => {
                            Loaded::Unusable(UNREADABLE)
                        }
                    };
                }
                Err(unusable) => return Loaded::Unusable(unusable.told()),
            }
        }
        let bytes = self.piece.clone().unwrap_or_default();
        let end = self.offset.saturating_add(u64::try_from(bytes.len()).unwrap_or(u64::MAX));
        let ask = Ask::PutBlob { id, token, offset: self.offset, bytes };
        match self.link.ask(&ask, Duration::ZERO).await {
            Ok(Answer::BlobStored { length }) if length >= end => {
                (self.piece, self.offset) = (None, end);
                // While the last pieces go there is none: they are made again from the one before.
                let checkpoint = match self.source.as_ref().map(|source| &source.stage) {
                    Some(Stage::Sealing(sealer)) => sealer.checkpoint().ok(),
                    Some(Stage::Ending(_) | Stage::Whole(_) | Stage::Nothing) | None => None,
                };
                let checkpoint = checkpoint.map(|checkpoint| checkpoint.encode().to_vec());
                Loaded::Sent { checkpoint, length: end }
            }
            Ok(Answer::BlobStored { .. }) => Loaded::Lost,
            Ok(Answer::Refused(refusal)) => Loaded::Refused(refusal),
            Ok(_) => Loaded::Unanswered(OTHER_ANSWER.into()),
            Err(error) => Loaded::Unanswered(error.to_string()),
        }
    }

    /// Reads and seals on another thread: a disk may keep it waiting.
    async fn next_piece(&mut self) -> Result<Option<Vec<u8>>, Unusable> {
        let mut source = self.source.take().ok_or(Unusable::Unreadable)?;
        let work = move || {
            let piece = source.next_piece();
            (source, piece)
        };
        let (source, piece) = task::spawn_blocking(work).await.map_err(|_| Unusable::Unreadable)?;
        self.source = Some(source);
        piece
    }
}

impl Source {
    fn open(
        path: &Path,
        (size, changed): (u64, Option<Duration>),
        checkpoint: AttachmentCheckpoint,
    ) -> Result<Self, Unusable> {
        // To open a pipe is to wait for whoever writes into it.
        if !path.metadata()?.is_file() {
            return Err(Unusable::Unreadable);
        }
        let mut file = File::open(path)?;
        let fed = checkpoint.feed_from();
        file.seek(SeekFrom::Start(fed))?;
        let stage = Stage::Sealing(AttachmentSealer::resume(checkpoint));
        let source =
            Self { file, read: Zeroizing::new(Vec::new()), taken: 0, fed, size, changed, stage };
        source.check()?;
        Ok(source)
    }

    /// That it is the file that was begun with. A checkpoint notices a part of all changes alone.
    fn check(&self) -> Result<(), Unusable> {
        let found = self.file.metadata()?;
        match (found.len(), changed(&found)) == (self.size, self.changed) {
            true => Ok(()),
            false => Err(Unusable::Changed),
        }
    }

    /// The next piece of the blob; nothing when all were given out, and then the reference is there.
    fn next_piece(&mut self) -> Result<Option<Vec<u8>>, Unusable> {
        loop {
            match &mut self.stage {
                Stage::Sealing(sealer) => {
                    let mut rest = self.read.get(self.taken..).unwrap_or_default();
                    let before = rest.len();
                    let sealed = sealer.push(&mut rest)?.map(<[u8]>::to_vec);
                    self.taken = self.taken.saturating_add(before.saturating_sub(rest.len()));
                    if sealed.is_some() {
                        return Ok(sealed);
                    }
                    if self.read_on()? == 0 {
                        self.end()?;
                    }
                }
                Stage::Ending(rest) => match rest.next_piece() {
                    Some(piece) => return Ok(Some(piece.to_vec())),
                    None => {
                        if let Stage::Ending(rest) =
                            std::mem::replace(&mut self.stage, Stage::Nothing)
                        {
                            self.stage = Stage::Whole(rest.reference().encode().to_vec());
                        }
                    }
                },
                Stage::Whole(_) | Stage::Nothing => return Ok(None),
            }
        }
    }

    fn read_on(&mut self) -> Result<usize, Unusable> {
        self.read.resize(READ, 0);
        let length = loop {
            match self.file.read(&mut self.read) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                other => break other?,
            }
        };
        self.read.truncate(length);
        self.taken = 0;
        self.fed = self.fed.saturating_add(u64::try_from(length).unwrap_or(u64::MAX));
        Ok(length)
    }

    /// The file has ended, where it was to end.
    fn end(&mut self) -> Result<(), Unusable> {
        self.check()?;
        if self.fed != self.size {
            return Err(Unusable::Changed);
        }
        if let Stage::Sealing(sealer) = std::mem::replace(&mut self.stage, Stage::Nothing) {
            self.stage = Stage::Ending(sealer.finish()?);
        }
        Ok(())
    }
}

/// When a file was changed last, where the file system says so.
pub fn changed(found: &Metadata) -> Option<Duration> {
    found.modified().ok()?.duration_since(UNIX_EPOCH).ok()
}

impl Unusable {
    fn told(self) -> &'static str {
        match self {
            Self::Unreadable => UNREADABLE,
            Self::Changed => CHANGED,
        }
    }
}

impl From<io::Error> for Unusable {
    fn from(_: io::Error) -> Self {
        Self::Unreadable
    }
}

impl From<SealError> for Unusable {
    fn from(_: SealError) -> Self {
        Self::Changed
    }
}
