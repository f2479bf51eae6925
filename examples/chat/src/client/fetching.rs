//! Fetches files from the relay: one chunk for each fetch, and what its hashes hang on. All that it gives is final.

use std::ops::Range;
use std::time::Duration;

use evanesce::attachment::{AttachmentOpener, BlobLayout, RangeError};
use evanesce::expiry::MessageId;

use crate::client::link::{Link, OTHER_ANSWER};
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
                Ok(_) => return Err(Fetched::Unanswered(OTHER_ANSWER.into())),
                Err(error) => return Err(Fetched::Unanswered(error.to_string())),
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::content::AttachedFile;
    use crate::file_name::FileName;
    use crate::frame;
    use crate::media_type::MediaType;
    use crate::random;
    use crate::request::{Refusal, Reply, Request, Token};
    use evanesce::attachment::AttachmentSealer;
    use tokio::io::AsyncWriteExt;
    use tokio::net::TcpListener;
    use tokio::task::{self, LocalSet};

    const ID: MessageId = MessageId([1; 16]);

    /// What a relay does when it is asked for a part of a blob.
    enum Deed {
        Answers(Answer),
        /// Answers, for ever, what nobody has asked.
        Chatters,
        /// Announces a frame larger than any.
        Announces,
        /// Begins an answer, and goes on with a byte now and then.
        Drips,
    }

    /// A file of three chunks: its bytes, its blob, and what its message says.
    fn sealed(byte: u8) -> (Vec<u8>, Vec<u8>, AttachedFile) {
        let bytes = vec![byte; 150_000];
        let (mut rest, mut blob) = (&bytes[..], Vec::new());
        let mut sealer = AttachmentSealer::generate(&mut random::system());
        while let Some(piece) = sealer.push(&mut rest).unwrap() {
            blob.extend_from_slice(piece);
        }
        let mut last = sealer.finish().unwrap();
        while let Some(piece) = last.next_piece() {
            blob.extend_from_slice(piece);
        }
        let file = AttachedFile {
            reference: last.reference().encode().to_vec(),
            blob: BlobId([2; 16]),
            token: Token([3; 32]),
            name: FileName::cleaned("a"),
            media_type: MediaType::by_name("a"),
        };
        (bytes, blob, file)
    }

    fn part(blob: &[u8], range: &Range<u64>) -> Deed {
        let place = |at: u64| usize::try_from(at).unwrap();
        let bytes = blob[place(range.start)..place(range.end)].to_vec();
        Deed::Answers(Answer::BlobPart { length: u64::try_from(blob.len()).unwrap(), bytes })
    }

    async fn relay(listener: TcpListener, deed: impl Fn(Range<u64>) -> Deed) {
        while let Ok((mut connection, _)) = listener.accept().await {
            while let Ok(Request { number, ask: Ask::GetBlob { offset, length, .. } }) =
                frame::read(&mut connection).await
            {
                match deed(offset..offset + u64::from(length)) {
                    Deed::Answers(answer) => {
                        frame::write(&mut connection, &Reply { number, answer }).await.unwrap();
                    }
                    Deed::Chatters => {
                        let answer = Answer::BlobPart { length: 9, bytes: vec![7; LARGEST_PIECE] };
                        let reply = Reply { number: number + 1, answer };
                        while frame::write(&mut connection, &reply).await.is_ok() {}
                    }
                    Deed::Announces => {
                        connection.write_all(&[0xff; 12]).await.unwrap();
                    }
                    Deed::Drips => {
                        let reply = Reply { number, answer: Answer::BlobDeleted };
                        for byte in frame::encode(&reply).unwrap() {
                            let _ = connection.write_all(&[byte]).await;
                            tokio::time::sleep(Duration::from_millis(50)).await;
                        }
                    }
                }
            }
        }
    }

    /// What comes of all three chunks, of such a relay.
    fn fetched(file: &AttachedFile, deed: impl Fn(Range<u64>) -> Deed + 'static) -> Vec<Fetched> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        LocalSet::new().block_on(&runtime, async {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let link =
                Link::new(listener.local_addr().unwrap().to_string(), Duration::from_millis(200));
            task::spawn_local(relay(listener, deed));
            let (mut pickup, mut all) = (Pickup::begin(ID, link), Vec::new());
            for chunk in 0..3 {
                all.push(pickup.step(&Fetch { message: ID, file: file.clone(), chunk }).await);
            }
            all
        })
    }

    #[test]
    fn an_honest_relay_gives_the_file() {
        let (bytes, blob, file) = sealed(1);
        let mut opened = Vec::new();
        for fetched in fetched(&file, move |range| part(&blob, &range)) {
            let Fetched::Chunk(chunk) = fetched else { panic!("{fetched:?}") };
            opened.extend_from_slice(&chunk.into_vec());
        }
        assert!(opened == bytes);
    }

    #[test]
    fn what_is_too_much_too_little_or_of_another_file_is_named_and_none_of_it_is_given_out() {
        let (_, blob, file) = sealed(1);
        let (_, other, _) = sealed(2);
        let layout = file.reference().unwrap().layout();
        assert_eq!(blob.len(), other.len());
        // Up to which place it is the blob that was asked for, behind that another one.
        let swapped = |from: u64, to: u64| {
            let (blob, other) = (blob.clone(), other.clone());
            move |range: Range<u64>| {
                let is_other = (from..to).contains(&range.start);
                part(if is_other { &other } else { &blob }, &range)
            }
        };
        let changed = |change: fn(&mut u64, &mut Vec<u8>)| {
            let blob = blob.clone();
            move |range: Range<u64>| {
                let Deed::Answers(Answer::BlobPart { mut length, mut bytes }) = part(&blob, &range)
                else {
                    panic!()
                };
                change(&mut length, &mut bytes);
                Deed::Answers(Answer::BlobPart { length, bytes })
            }
        };
        let page = layout.whole().next().unwrap().page_bytes;
        let all = [
            (fetched(&file, changed(|_, bytes| bytes.truncate(bytes.len() - 1))), Part::Top),
            (fetched(&file, changed(|_, bytes| bytes.push(0))), Part::Top),
            (fetched(&file, changed(|_, bytes| bytes.clear())), Part::Top),
            (fetched(&file, changed(|length, _| *length += 1)), Part::Length),
            (fetched(&file, changed(|length, _| *length = u64::MAX)), Part::Length),
            (fetched(&file, swapped(0, u64::MAX)), Part::Top),
            (fetched(&file, swapped(page.start, page.end)), Part::Page(0)),
            (fetched(&file, swapped(0, 1)), Part::Chunk(0)),
        ];
        for (fetched, expected) in all {
            let Fetched::Altered(part) = &fetched[0] else { panic!("{:?}", fetched[0]) };
            assert_eq!(*part, expected);
            // What one chunk lacks is no reason to give out another one that is right.
            let is_right = |it: &&Fetched| matches!(it, Fetched::Chunk(_));
            let right = if expected == Part::Chunk(0) { 2 } else { 0 };
            assert_eq!(fetched.iter().filter(is_right).count(), right, "{expected:?}");
        }
    }

    #[test]
    fn a_relay_that_goes_on_for_ever_is_left_and_why_is_said() {
        let (_, _, file) = sealed(1);
        let why = |deed: fn(Range<u64>) -> Deed| match fetched(&file, deed).swap_remove(0) {
            Fetched::Unanswered(why) => why,
            other => panic!("{other:?}"),
        };
        assert_eq!(why(|_| Deed::Chatters), "no answer in time");
        assert_eq!(why(|_| Deed::Drips), "no answer in time");
        assert_eq!(why(|_| Deed::Announces), "a frame is too long");
        assert_eq!(why(|_| Deed::Answers(Answer::Deposited)), OTHER_ANSWER);
        let gone = |_| Deed::Answers(Answer::Refused(Refusal::NoBlob));
        assert!(matches!(fetched(&file, gone)[0], Fetched::Refused(Refusal::NoBlob)));
    }
}
