//! The relay's log: one line for each request, with all that the relay learns from it. That is the point of it:
//! a line about a message names its recipient and its size, and nobody who could have sent it.

use std::io::{self, Write};
use std::time::{SystemTime, UNIX_EPOCH};

use crate::name::Name;
use crate::request::{Answer, Ask};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Log {
    Silent,
    Printed,
}

impl Log {
    /// Of a request that has been answered.
    pub fn answered(self, ask: &Ask, answer: &Answer) {
        self.line(&describe(ask, answer));
    }

    /// Of a connection that was closed for a reason.
    pub fn closed(self, reason: &str) {
        self.line(&format!("closed {reason}"));
    }

    fn line(self, line: &str) {
        match self {
            Self::Silent => {}
            Self::Printed => {
                let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
                // A log that nobody reads any more stops no relay.
                let _ =
                    writeln!(io::stdout(), "{}.{:03} {line}", now.as_secs(), now.subsec_millis());
            }
        }
    }
}

fn describe(ask: &Ask, answer: &Answer) -> String {
    let of =
        |kind: &str, address: &Name, size: usize| format!("{kind} address={address} in={size}");
    let asked = match ask {
        Ask::Publish { address, upload, .. } => of("publish", address, upload.len()),
        Ask::Report { address, report, .. } => of("report", address, report.len()),
        Ask::Fetch { address, .. } | Ask::FetchMarked { address, .. } => of("fetch", address, 0),
        Ask::PublishList { address, list, .. } => of("publish-list", address, list.len()),
        Ask::List { address } => of("list", address, 0),
        Ask::ListOf { .. } => "list-of owner".into(),
        Ask::Bundle { address } => of("bundle", address, 0),
        Ask::Deposit { recipient, message, .. } => of("deposit", recipient, message.len()),
        Ask::BeginBlob { id, length, .. } => format!("begin-blob id={id} length={length}"),
        Ask::PutBlob { id, offset, bytes, .. } => {
            format!("put-blob id={id} offset={offset} in={}", bytes.len())
        }
        Ask::GetBlob { id, offset, .. } => format!("get-blob id={id} offset={offset}"),
        Ask::DeleteBlob { id, .. } => format!("delete-blob id={id}"),
    };
    let outcome = match answer {
        Answer::Published
        | Answer::Deposited
        | Answer::BlobDeleted
        | Answer::Reported
        | Answer::ListPublished => "done".into(),
        Answer::List(list) => format!("out={}", list.as_ref().map_or(0, Vec::len)),
        Answer::MarkedMail { letters, .. } => {
            let size: usize = letters.iter().map(|it| it.letter.message.len()).sum();
            format!("letters={} out={size}", letters.len())
        }
        Answer::BlobStored { length } => format!("stored={length}"),
        Answer::BlobPart { bytes, .. } => format!("out={}", bytes.len()),
        Answer::Mail { letters, .. } => {
            let size: usize = letters.iter().map(|letter| letter.message.len()).sum();
            format!("letters={} out={size}", letters.len())
        }
        Answer::Bundle(bundle) => format!("out={}", bundle.len()),
        Answer::Refused(refusal) => format!("refused: {refusal}"),
    };
    format!("{asked} {outcome}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::request::{BlobId, Token};

    #[test]
    fn a_line_about_a_letter_has_its_recipient_and_size_and_no_more() {
        let recipient = Name::new("bob").unwrap();
        let ask = Ask::Deposit { recipient, id: [7; 16], message: vec![0xaa; 400] };
        assert_eq!(describe(&ask, &Answer::Deposited), "deposit address=bob in=400 done");
    }

    #[test]
    fn a_line_about_a_blob_has_nobody_in_it() {
        let id = BlobId([0xa5; 16]);
        let ask = Ask::PutBlob { id, token: Token([7; 32]), offset: 9, bytes: vec![0; 100] };
        let line = describe(&ask, &Answer::BlobStored { length: 109 });
        assert_eq!(line, format!("put-blob id={} offset=9 in=100 stored=109", "a5".repeat(16)));
    }
}
