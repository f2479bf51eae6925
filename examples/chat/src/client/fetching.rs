//! Fetches files from the relay: one chunk for each fetch, and what its hashes hang on. All that it gives is final.

use std::ops::Range;
use std::time::Duration;

use evanesce::attachment::{AttachmentOpener, BlobLayout, RangeError};
use evanesce::expiry::MessageId;

use crate::client::link::Link;
use crate::engine::{Fetch, Fetched, Part};
use crate::request::{Answer, Ask, BlobId, LARGEST_PIECE};

/// A download, between two of its chunks.
pub struct Pickup {
    message: MessageId,
    link: Link,
    opener: Option<AttachmentOpener>,
    /// The page whose hashes are held.
    page: Option<u64>,
}

impl Pickup {
    pub fn begin(message: MessageId, link: Link) -> Self {
        Self { message, link, opener: None, page: None }
    }

    pub fn is_of(&self, message: MessageId) -> bool {
        self.message == message
    }

    pub async fn step(&mut self, fetch: &Fetch) -> Fetched {
        match self.open(fetch).await {
            Ok(fetched) | Err(fetched) => fetched,
        }
    }

    async fn open(&mut self, fetch: &Fetch) -> Result<Fetched, Fetched> {
        let reference = fetch.file.reference().ok_or(Fetched::Broken)?;
        let (blob, layout) = (fetch.file.blob, reference.layout());
        let mut opener = match self.opener.take() {
            Some(opener) => opener,
            None => {
                let top = self.get(blob, &layout, layout.top(), Part::Top).await?;
                reference.opener(&top).map_err(|error| refused(error, Part::Top))?
            }
        };
        let opened = self.open_chunk(fetch, &layout, &mut opener).await;
        // What was found good stays good, whatever came of this chunk.
        self.opener = Some(opener);
        opened
    }

    async fn open_chunk(
        &mut self,
        fetch: &Fetch,
        layout: &BlobLayout,
        opener: &mut AttachmentOpener,
    ) -> Result<Fetched, Fetched> {
        let mut stretches = layout.whole();
        let stretch = stretches.find(|stretch| stretch.chunks.contains(&fetch.chunk));
        let stretch = stretch.ok_or(Fetched::Broken)?;
        if self.page != Some(stretch.page) {
            let part = Part::Page(stretch.page);
            let page = self.get(fetch.file.blob, layout, stretch.page_bytes, part).await?;
            opener.add_page(stretch.page, &page).map_err(|error| refused(error, part))?;
            if let Some(former) = self.page.replace(stretch.page) {
                opener.remove_page(former);
            }
        }
        let part = Part::Chunk(fetch.chunk);
        let range = layout.chunk(fetch.chunk).ok_or(Fetched::Broken)?;
        let sealed = self.get(fetch.file.blob, layout, range, part).await?;
        opener.open(fetch.chunk, &sealed).map(Fetched::Chunk).map_err(|error| refused(error, part))
    }

    /// Bytes of a blob, of one that is as long as its reference says.
    async fn get(
        &mut self,
        id: BlobId,
        layout: &BlobLayout,
        range: Range<u64>,
        part: Part,
    ) -> Result<Vec<u8>, Fetched> {
        let piece = u64::try_from(LARGEST_PIECE).unwrap_or(u64::MAX);
        let (mut offset, mut all) = (range.start, Vec::new());
        while offset < range.end {
            let wanted = range.end.saturating_sub(offset).min(piece);
            let length = u32::try_from(wanted).unwrap_or(u32::MAX);
            let ask = Ask::GetBlob { id, offset, length };
            match self.link.ask(&ask, Duration::ZERO).await {
                Ok(Answer::BlobPart { length, .. }) if length != layout.blob_length() => {
                    return Err(Fetched::Altered(Part::Length));
                }
                Ok(Answer::BlobPart { bytes, .. }) => {
                    let came = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
                    if came != wanted {
                        return Err(Fetched::Altered(part));
                    }
                    all.extend(bytes);
                }
                Ok(Answer::Refused(refusal)) => return Err(Fetched::Refused(refusal)),
                Ok(_) | Err(_) => return Err(Fetched::Unanswered),
            }
            offset = offset.saturating_add(wanted);
        }
        Ok(all)
    }
}

/// Whose doing it is.
fn refused(error: RangeError, part: Part) -> Fetched {
    match error {
        RangeError::Altered => Fetched::Altered(part),
        _ => Fetched::Broken,
    }
}
