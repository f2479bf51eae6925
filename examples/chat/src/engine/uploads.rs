//! Files of ours on their way to the relay. Who carries them reads, seals and sends one piece for each load, and says how
//! far that has come; the checkpoint is stored before the next one. So after a crash on either side the same bytes go on.

use std::path::PathBuf;
use std::time::Duration;

use evanesce::attachment::{AttachmentSealer, BlobLayout};
use evanesce::expiry::{Now, Parts};
use evanesce::rand_core::CryptoRng;

use crate::clock;
use crate::content::{AttachedFile, Content};
use crate::engine::message::{Body, Disposal, Message, Upload, percent};
use crate::engine::outcome::Outcome;
use crate::engine::state::{Engine, keys_where};
use crate::file_name::FileName;
use crate::media_type::MediaType;
use crate::name::Name;
use crate::notice::Notice;
use crate::request::{BlobId, LARGEST_BLOB, Refusal, Token};
use crate::shown::Size;
use crate::view::Progress;

/// How long nothing is carried after a refusal that may pass.
const REST: Duration = Duration::from_secs(10);

/// How many files may be on their way.
const MOST_UPLOADS: usize = 100;

/// A file of the user's, as it was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LocalFile {
    /// From the root, so that it is found again after a restart elsewhere.
    pub path: PathBuf,
    pub size: u64,
    /// When it was changed last, since 1970, where the file system says so.
    pub changed: Option<Duration>,
}

/// What is to be done next on connections that name but a blob.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Load {
    /// The next piece of a file.
    Send {
        number: u64,
        upload: Upload,
    },
    Delete {
        number: u64,
        disposal: Disposal,
    },
}

/// What came of a load.
#[derive(Debug)]
pub enum Loaded {
    /// So much of the blob is with the relay, and how to go on from there, if that has changed.
    Sent {
        checkpoint: Option<Vec<u8>>,
        length: u64,
    },
    /// All of it is: what the message says of it.
    Whole {
        reference: Vec<u8>,
    },
    Deleted,
    /// The relay has less of it than it had said.
    Lost,
    Refused(Refusal),
    /// The file is not the one that was sent, or cannot be read.
    Unusable(&'static str),
    /// It is still to be done, and why.
    Unanswered(String),
}

impl Engine {
    /// Sends a file: it is carried piece by piece, and then its message goes.
    pub fn send_file(
        &mut self,
        to: &Name,
        file: LocalFile,
        now: Now,
        rng: &mut dyn CryptoRng,
    ) -> Outcome {
        if let Err(error) = self.queue_file(to, file, now, rng) {
            self.notice(Notice::Error(error));
        }
        self.settle(now, rng);
        self.finish()
    }

    fn queue_file(
        &mut self,
        to: &Name,
        file: LocalFile,
        now: Now,
        rng: &mut dyn CryptoRng,
    ) -> Result<(), String> {
        self.check_writable(to)?;
        let LocalFile { path, size, changed } = file;
        let layout = BlobLayout::of_size(size).filter(|it| it.blob_length() <= LARGEST_BLOB);
        if layout.is_none() {
            return Err(format!("the file has {}: 64 MB or so are the most", Size(size)));
        }
        if self.uploads.len() >= MOST_UPLOADS {
            return Err("too many files are on their way: wait until some are there".into());
        }
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned());
        let name = FileName::cleaned(&name.unwrap_or_default());
        let media_type = MediaType::by_name(name.as_str());
        let mut chosen = [0; 16];
        rng.fill_bytes(&mut chosen);
        let (blob, token, checkpoint) = fresh(rng)?;
        let stamp = self.expiry.stamp(self.conversation(to));
        let body = Body::OurFile { name, media_type, size, blob, token: token.clone() };
        let message = self.queue(to, &chosen, &stamp, body, now)?;
        let (to, sent) = (to.clone(), 0);
        let upload = Upload {
            to,
            message,
            chosen,
            path,
            size,
            changed,
            blob,
            token,
            checkpoint,
            sent,
            stamp,
        };
        let number = self.next_number();
        self.put_upload(number, upload);
        Ok(())
    }

    /// The next load, of what has been stored.
    pub fn next_load(&self, now: Now) -> Option<Load> {
        if self.pending.loads_rest.is_some_and(|end| end > clock::steady(now)) {
            return None;
        }
        if let Some((number, disposal)) = self.disposals.iter().next() {
            return Some(Load::Delete { number: *number, disposal: disposal.clone() });
        }
        let (number, upload) =
            self.uploads.iter().find(|(_, it)| self.may_be_written_to(&it.to))?;
        Some(Load::Send { number: *number, upload: upload.clone() })
    }

    /// What came of a load. If its message has ended meanwhile, it was in vain.
    pub fn loaded(
        &mut self,
        load: &Load,
        loaded: Loaded,
        now: Now,
        rng: &mut dyn CryptoRng,
    ) -> Outcome {
        match load {
            Load::Send { number, .. } => self.upload_went(*number, loaded, now, rng),
            Load::Delete { number, .. } => match loaded {
                // If the relay does not do it, its days do.
                Loaded::Deleted | Loaded::Lost | Loaded::Unusable(_) => {
                    self.drop_disposal(*number);
                }
                Loaded::Refused(Refusal::NotYours | Refusal::NoBlob) => {
                    self.drop_disposal(*number);
                }
                Loaded::Refused(_) => self.loads_rest(now),
                Loaded::Sent { .. } | Loaded::Whole { .. } | Loaded::Unanswered(_) => {}
            },
        }
        self.settle(now, rng);
        self.finish()
    }

    fn upload_went(&mut self, number: u64, loaded: Loaded, now: Now, rng: &mut dyn CryptoRng) {
        let Some(upload) = self.uploads.get(&number).cloned() else { return };
        match loaded {
            Loaded::Sent { checkpoint, length } => {
                self.upload_came_on(number, upload, checkpoint, length)
            }
            Loaded::Whole { reference } => self.upload_ended(number, &upload, reference, now, rng),
            // It was dropped as unfinished, or the relay went back: begun anew, with another key.
            Loaded::Lost | Loaded::Refused(Refusal::NotYours | Refusal::NoBlob | Refusal::Gap) => {
                self.upload_begins_anew(number, upload, now, rng);
            }
            Loaded::Refused(Refusal::NoRoom) => {
                self.give_up(number, "the relay has no room for a file of this size");
            }
            Loaded::Refused(Refusal::TooLarge) => {
                self.give_up(number, "too large, or it has grown since");
            }
            Loaded::Unusable(why) => self.give_up(number, why),
            Loaded::Refused(_) => self.loads_rest(now),
            Loaded::Unanswered(why) => self.unanswered(&upload.to, upload.message, why),
            Loaded::Deleted => {}
        }
    }

    fn upload_came_on(
        &mut self,
        number: u64,
        mut upload: Upload,
        checkpoint: Option<Vec<u8>>,
        length: u64,
    ) {
        self.pending.unanswered.remove(&upload.message);
        let before = percent(upload.sent, upload.blob_length());
        upload.sent = length;
        if let Some(checkpoint) = checkpoint {
            upload.checkpoint = checkpoint;
        }
        let after = percent(upload.sent, upload.blob_length());
        if before / 10 != after / 10 {
            self.notice(Notice::Sending(upload.to.clone(), upload.message, after));
        }
        self.put_upload(number, upload);
    }

    /// The blob is whole: key and checkpoint go, and the message says what opens it.
    fn upload_ended(
        &mut self,
        number: u64,
        upload: &Upload,
        reference: Vec<u8>,
        now: Now,
        rng: &mut dyn CryptoRng,
    ) {
        self.drop_upload(number);
        let effects = self.expiry.done(upload.message, Parts::FILE, now);
        self.absorb(&effects);
        let Some(Message { body: Body::OurFile { name, media_type, .. }, .. }) =
            self.message(upload.message).cloned()
        else {
            return;
        };
        let (blob, token) = (upload.blob, upload.token.clone());
        let file = AttachedFile { reference, blob, token, name, media_type };
        let body = Content::File { chosen: upload.chosen, file }.encode();
        let (to, stamp) = (upload.to.clone(), upload.stamp.clone());
        self.post(&to, Some(upload.message), body, stamp, now, rng);
    }

    fn upload_begins_anew(
        &mut self,
        number: u64,
        upload: Upload,
        now: Now,
        rng: &mut dyn CryptoRng,
    ) {
        let Ok((blob, token, checkpoint)) = fresh(rng) else { return };
        if let Some(message) = self.message(upload.message).cloned()
            && let Body::OurFile { name, media_type, size, .. } = message.body
        {
            let body = Body::OurFile { name, media_type, size, blob, token: token.clone() };
            self.put_message(Message { body, ..message });
        }
        self.put_upload(number, Upload { blob, token, checkpoint, sent: 0, ..upload });
        // Not at once: a relay that loses each time would be asked for ever.
        self.loads_rest(now);
    }

    /// It will not be sent, and the relay is to forget what it has.
    fn give_up(&mut self, number: u64, why: &'static str) {
        if let Some(upload) = self.drop_upload(number) {
            self.put_disposal(Disposal { blob: upload.blob, token: upload.token });
            self.fail(Some(upload.message), why);
        }
    }

    fn loads_rest(&mut self, now: Now) {
        self.pending.loads_rest = Some(clock::steady(now).saturating_add(REST));
    }

    /// Ends uploads, and has the relay forget what it has of them.
    pub(super) fn drop_uploads_of(&mut self, fits: impl Fn(&Upload) -> bool) -> Vec<Upload> {
        let numbers = keys_where(&self.uploads, fits);
        let dropped: Vec<Upload> =
            numbers.into_iter().filter_map(|number| self.drop_upload(number)).collect();
        for Upload { blob, token, .. } in &dropped {
            self.put_disposal(Disposal { blob: *blob, token: token.clone() });
        }
        dropped
    }

    /// How far a file of ours is, and what became of it.
    pub(super) fn sent_percent(&self, message: &Message) -> Option<u8> {
        let upload = self.uploads.values().find(|upload| upload.message == message.id)?;
        (message.progress == Progress::Waiting).then(|| percent(upload.sent, upload.blob_length()))
    }

    /// Whether something waits for a rest to end, so that it is worth asking again soon.
    pub fn has_resting_loads(&self, now: Now) -> bool {
        self.pending.loads_rest.is_some_and(|end| end > clock::steady(now))
    }
}

/// A blob that nobody has heard of, and a sealer with a new key before its first chunk.
fn fresh(rng: &mut dyn CryptoRng) -> Result<(BlobId, Token, Vec<u8>), String> {
    let (mut blob, mut token) = (BlobId([0; 16]), Token([0; 32]));
    rng.fill_bytes(&mut blob.0);
    rng.fill_bytes(&mut token.0);
    let checkpoint = AttachmentSealer::generate(rng).checkpoint();
    let checkpoint = checkpoint.map_err(|error| error.to_string())?.encode().to_vec();
    Ok((blob, token, checkpoint))
}
