//! The moderator's command: what was reported to the relay, and whether it is proven.

use std::fmt::Write;
use std::path::Path;

use evanesce::report::{ProvenMessage, Report, ReportEntry, ServerKey};

use crate::content::Content;
use crate::delivery::{Delivery, Sender};
use crate::name::Name;
use crate::relay;
use crate::shown::{OneLine, Size};

/// Prints all reports that the relay holds. It may go on running meanwhile.
pub fn run(store: &Path) -> Result<(), Box<dyn std::error::Error>> {
    let (key, reports) = relay::reports(store)?;
    for reported in &reports {
        println!(
            "REPORT {} by {} at {}",
            reported.number, reported.reporter, reported.unix_seconds
        );
        match Report::decode(&reported.report) {
            Ok(report) => {
                for entry in report.entries() {
                    println!("  {}", judged(entry, &reported.reporter, &key));
                }
            }
            Err(error) => println!("  NOT PROVEN {error}"),
        }
    }
    println!("REPORTS {}", reports.len());
    Ok(())
}

/// What of an entry is proven: just this was delivered, to who reports it.
fn judged(entry: &ReportEntry, reporter: &Name, key: &ServerKey) -> String {
    let proven = match entry.verify(key) {
        Ok(proven) => proven,
        Err(error) => return format!("NOT PROVEN {error}"),
    };
    match Delivery::decode(proven.context) {
        Some(delivery) if delivery.recipient == *reporter => told(&proven, &delivery),
        Some(delivery) => format!("NOT PROVEN it was delivered to {}", delivery.recipient),
        None => "NOT PROVEN its context is none of this relay".into(),
    }
}

fn told(proven: &ProvenMessage<'_>, delivery: &Delivery) -> String {
    let Delivery { recipient, unix_seconds, server_key, sender } = delivery;
    let key = server_key.iter().fold(String::new(), |mut key, byte| {
        let _ = write!(key, "{byte:02x}");
        key
    });
    let sender = match sender {
        Sender::Hidden => "sender hidden",
    };
    let content = match Content::decode(proven.body) {
        Ok(Content::Text { text, .. }) => format!("text {}", OneLine(&text)),
        Ok(Content::Unsend { .. } | Content::TakeBack { .. }) => "takes a message back".into(),
        Ok(Content::File { file, .. }) => {
            let size = file.reference().map_or(0, |reference| reference.size());
            let (name, kind) = (OneLine(file.name.as_str()), &file.media_type);
            format!("file {} {kind} {} {name}", file.blob, Size(size))
        }
        Err(_) => format!("{} bytes of a newer release", proven.body.len()),
    };
    format!("PROVEN to {recipient} at {unix_seconds}, key {key}, {sender}: {content}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random;
    use crate::relay::Postmaster;
    use evanesce::server::PublishedPreKeys;
    use evanesce::{Account, Payload, Peer, PreKeyBundle, Timestamp};

    const NOW: Timestamp = Timestamp::from_unix_seconds(1_800_000_000);

    /// An entry about a text that was delivered to bob, as he keeps it.
    fn entry(postmaster: &Postmaster) -> ReportEntry {
        let rng = &mut random::system();
        let [alice, bob] = ["alice", "bob"].map(|name| Name::new(name).unwrap());
        let account = Account::generate(alice.address(), NOW, rng);
        let mut bobs = Account::generate(bob.address(), NOW, rng);
        let mut prekeys = PublishedPreKeys::new(bobs.maintain(None, NOW, rng).upload.unwrap());
        let bundle = PreKeyBundle::decode(&prekeys.hand_out()).unwrap().verify(NOW).unwrap();
        let mut peer = Peer::new(bob.address());
        let _ = peer.initiate(&account, bundle, NOW, rng).unwrap();
        let body = Content::Text { chosen: [1; 16], text: "an insult".into() }.encode();
        let message = peer.encrypt(&Payload::new(body), b"", NOW, rng).unwrap().message;
        let mark = postmaster.mark(&bob, &message, NOW).unwrap();
        let mut peer = Peer::new(alice.address());
        let received = peer.decrypt(&mut bobs, &message, b"", NOW).unwrap().received;
        received.evidence.unwrap().entry(&received.body, &mark.context, &mark.postmark).unwrap()
    }

    #[test]
    fn what_was_delivered_to_who_reports_it_is_proven_and_nothing_else_is() {
        let postmaster = Postmaster::new(&[7; 32]);
        let entry = entry(&postmaster);
        let judged_as = |name: &str, postmaster: &Postmaster| {
            judged(&entry, &Name::new(name).unwrap(), postmaster.key())
        };
        let proven = judged_as("bob", &postmaster);
        assert!(proven.starts_with("PROVEN to bob at 1800000000, key "), "{proven}");
        assert!(proven.ends_with(", sender hidden: text an insult"), "{proven}");
        assert_eq!(judged_as("carol", &postmaster), "NOT PROVEN it was delivered to bob");
        assert!(judged_as("bob", &Postmaster::new(&[8; 32])).starts_with("NOT PROVEN "));
    }
}
