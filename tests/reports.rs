//! Replays reports made by an independent implementation, byte for byte, and shows what a report proves in both suites,
//! and what not.
//!
//! They are read from `tests/vectors/reports.json`, or from the directory that `EVANESCE_VECTORS` names.

#[path = "support/known_bytes.rs"]
mod known_bytes;
mod support;

use std::collections::HashMap;
use std::num::NonZeroU32;

use evanesce::attachment::{
    AttachmentReference, BlobLayout, ChunkError, ChunkList, ChunkSealer, RangeError, SealedChunk,
};
use evanesce::expiry::{MemberTag, Opens, Policy, Setting, SettingVersion, Stamp};
use evanesce::limits::Limits;
use evanesce::report::{
    Commitment, EntryError, Evidence, Postmark, PostmarkError, ProofError, Report, ReportEntry,
    ReportFull, ServerKey,
};
use evanesce::server::PublishedPreKeys;
use evanesce::session::{SentMessage, Session};
use evanesce::{
    Account, Address, DecodeError, Payload, Peer, PreKeyBundle, Received, Suite, Timestamp,
};
use hkdf::Hkdf;
use known_bytes::{
    Blobs, GivenDraws, assert_fields, assert_result, bytes, hex_of, known_answers, number, section,
    text,
};
use serde_json::Value;
use sha2::{Digest, Sha256};
use support::{AD, NOW, rng};

const SECTIONS: [&str; 10] = [
    "conversation",
    // Beside the code: their results are not all public.
    "evidence",
    "verify",
    "evidence_refused",
    "entry_refused",
    "postmark",
    "postmark_refused",
    "report",
    "report_too_large",
    "report_refused",
];

fn answers() -> Value {
    known_answers("reports.json", &SECTIONS)
}

/// Bytes that refer to no blob.
fn plain(value: &Value, name: &str) -> Vec<u8> {
    bytes(&value[name], &Blobs::new())
}

fn array(value: &Value, name: &str) -> [u8; 32] {
    hex_of(value, name).try_into().unwrap()
}

fn postmark(value: &Value) -> Postmark {
    Postmark::new(array(value, "postmark"))
}

#[test]
fn vectors_of_evidence_that_comes_with_messages() {
    for conversation in section(&answers(), "conversation") {
        assert_fields(conversation, &["comment", "devices", "steps"]);
        let mut talk = Conversation::default();
        for (name, device) in conversation["devices"].as_object().unwrap() {
            talk.accounts.insert(name.clone(), account(device));
        }
        for (number, step) in conversation["steps"].as_array().unwrap().iter().enumerate() {
            talk.step(step, &format!("step {number} of {}", conversation["comment"]));
        }
    }
}

#[derive(Default)]
struct Conversation {
    accounts: HashMap<String, Account>,
    /// By device and label.
    sessions: HashMap<(String, String), Session>,
    messages: HashMap<String, Vec<u8>>,
}

fn account(device: &Value) -> Account {
    let known = [
        "address",
        "created",
        "expires",
        "rng",
        "one_time_prekeys",
        "one_time_rng",
        "ident",
        "signed_part",
        "one_time",
    ];
    assert_fields(device, &known);
    let created = Timestamp::from_unix_seconds(number(device, "created"));
    let address = Address::new(hex_of(device, "address")).unwrap();
    let mut draws = GivenDraws(hex_of(device, "rng"));
    let mut account = Account::generate_of_suite(
        Suite::Classical,
        address,
        Limits::default(),
        created,
        &mut draws,
    );
    draws.finish("draws");
    let mut draws = GivenDraws(hex_of(device, "one_time_rng"));
    let count = u32::try_from(number(device, "one_time_prekeys")).unwrap();
    let _ = account.add_one_time_prekeys(count, &mut draws);
    draws.finish("draws");
    let upload = account.pending_upload().unwrap();
    assert_eq!(upload.signed_part(), hex_of(device, "signed_part"));
    assert_eq!(account.device().identity.encode().as_slice(), hex_of(device, "ident"));
    let one_time = device["one_time"].as_array().unwrap();
    assert_eq!(upload.one_time_prekeys().len(), one_time.len());
    for (prekey, expected) in upload.one_time_prekeys().iter().zip(one_time) {
        assert_eq!(hex::encode(prekey.encode()), expected.as_str().unwrap());
    }
    let _ = account.mark_published(&upload);
    account
}

impl Conversation {
    fn step(&mut self, step: &Value, place: &str) {
        match text(step, "op") {
            "initiate" => {
                let known =
                    ["op", "comment", "by", "to", "session", "bundle", "now", "rng", "session_id"];
                assert_fields(step, &known);
                let bundle = PreKeyBundle::decode(&hex_of(step, "bundle")).unwrap();
                let bundle = bundle.verify(now(step)).unwrap();
                let mut draws = GivenDraws(hex_of(step, "rng"));
                let session = self.accounts[text(step, "by")].initiate(&bundle, &mut draws);
                draws.finish("draws");
                let session = session.unwrap();
                assert_eq!(session.id().as_bytes(), &array(step, "session_id"), "{place}");
                self.sessions.insert(slot(step, "by"), session);
            }
            "encrypt" => {
                let known = [
                    "op", "comment", "by", "session", "id", "stamp", "body", "ad", "rng", "wire",
                    "evidence",
                ];
                assert_fields(step, &known);
                let (stamp, rest) = (hex_of(step, "stamp"), plain(step, "body"));
                let (stamp, nothing) = Stamp::decode(&stamp).unwrap();
                assert!(nothing.is_empty());
                let payload = Payload::new(rest).with_stamp(stamp);
                let mut draws = GivenDraws(hex_of(step, "rng"));
                let session = self.sessions.get_mut(&slot(step, "by")).unwrap();
                let ad = hex_of(step, "ad");
                let sent = session.encrypt_with_evidence(&payload, &ad, &mut draws).unwrap();
                draws.finish("draws");
                assert_result(&sent.message, &step["wire"], &Blobs::new(), place);
                assert_evidence(sent.evidence.as_ref(), &sent.message, step, place);
                self.messages.insert(text(step, "id").to_owned(), sent.message);
            }
            "deliver" => self.deliver(step, place),
            other => panic!("{place}: unknown op {other}"),
        }
    }

    fn deliver(&mut self, step: &Value, place: &str) {
        let known = [
            "op",
            "comment",
            "to",
            "session",
            "handler",
            "id",
            "wire",
            "ad",
            "now",
            "accepts",
            "session_id",
            "peer_ident",
            "peer_address",
            "expect",
            "evidence",
        ];
        assert_fields(step, &known);
        let message = match step.get("id") {
            Some(id) => self.messages[id.as_str().unwrap()].clone(),
            None => plain(step, "wire"),
        };
        let ad = hex_of(step, "ad");
        // Whether a session is made is what the handler says.
        let accepts = step.get("accepts").is_some_and(|accepts| accepts.as_bool().unwrap());
        assert_eq!(accepts, text(step, "handler") == "accept", "{place}");
        let received: Received = match text(step, "handler") {
            "accept" => {
                let account = self.accounts.get_mut(text(step, "to")).unwrap();
                let accepted = account.accept(&message, &ad, now(step)).unwrap();
                let id = array(step, "session_id");
                assert_eq!(accepted.session.id().as_bytes(), &id, "{place}");
                let peer = accepted.session.peer();
                assert_eq!(peer.identity.encode().as_slice(), hex_of(step, "peer_ident"));
                assert_eq!(peer.address.as_bytes(), hex_of(step, "peer_address"));
                self.sessions.insert(slot(step, "to"), accepted.session);
                accepted.received
            }
            "session" => {
                let session = self.sessions.get_mut(&slot(step, "to")).unwrap();
                session.decrypt(&message, &ad, now(step)).unwrap()
            }
            other => panic!("{place}: unknown handler {other}"),
        };
        assert_fields(&step["expect"], &["body", "stamp", "malformed_stamp"]);
        assert!(received.body == plain(&step["expect"], "body"), "{place}: another body");
        match &received.stamp {
            Ok(stamp) => assert_eq!(stamp.encode(), hex_of(&step["expect"], "stamp"), "{place}"),
            Err(_) => assert_eq!(step["expect"]["malformed_stamp"], true, "{place}"),
        }
        assert_evidence(received.evidence.as_ref(), &message, step, place);
    }
}

fn slot(step: &Value, device: &str) -> (String, String) {
    (text(step, device).to_owned(), text(step, "session").to_owned())
}

fn now(step: &Value) -> Timestamp {
    Timestamp::from_unix_seconds(number(step, "now"))
}

fn assert_evidence(evidence: Option<&Evidence>, message: &[u8], step: &Value, place: &str) {
    let evidence = evidence.unwrap();
    assert_eq!(hex::encode(&*evidence.encode()), text(step, "evidence"), "{place}");
    assert_eq!(Commitment::of(message).unwrap(), evidence.commitment(), "{place}");
}

#[test]
fn vectors_of_evidence_and_entries_that_are_refused() {
    let answers = answers();
    for case in section(&answers, "evidence_refused") {
        assert_fields(case, &["comment", "evidence", "error"]);
        let error = Evidence::decode(&plain(case, "evidence")).unwrap_err();
        assert_eq!(decode_error(error), text(case, "error"), "{}", case["comment"]);
    }
    for case in section(&answers, "entry_refused") {
        assert_fields(case, &["comment", "evidence", "body", "context", "postmark", "error"]);
        let evidence = Evidence::decode(&hex_of(case, "evidence")).unwrap();
        let (body, context) = (plain(case, "body"), plain(case, "context"));
        let error = evidence.entry(&body, &context, &postmark(case)).unwrap_err();
        let name = match error {
            EntryError::Malformed => "malformed",
            EntryError::OtherBody => "other_body",
            EntryError::TooLarge => "too_large",
            other => panic!("{other:?} has no name"),
        };
        assert_eq!(name, text(case, "error"), "{}", case["comment"]);
    }
}

/// What a carrier does.
fn postmarked(
    server_key: &ServerKey,
    message: &[u8],
    context: &[u8],
) -> Result<(Commitment, Postmark), &'static str> {
    let commitment = Commitment::of(message).map_err(decode_error)?;
    match server_key.postmark(&commitment, context) {
        Ok(postmark) => Ok((commitment, postmark)),
        Err(PostmarkError::TooLarge) => Err("too_large"),
        Err(other) => panic!("{other:?} has no name"),
    }
}

#[test]
fn vectors_of_postmarks() {
    let answers = answers();
    for case in section(&answers, "postmark") {
        assert_fields(case, &["comment", "server_key", "message", "context", "c2", "postmark"]);
        let server_key = ServerKey::new(&array(case, "server_key"));
        let made = postmarked(&server_key, &plain(case, "message"), &plain(case, "context"));
        let (commitment, made) = made.unwrap();
        assert_eq!(commitment.as_bytes(), &array(case, "c2"), "{}", case["comment"]);
        assert_eq!(made, postmark(case), "{}", case["comment"]);
    }
    for case in section(&answers, "postmark_refused") {
        assert_fields(case, &["comment", "server_key", "message", "context", "error"]);
        let server_key = ServerKey::new(&array(case, "server_key"));
        let made = postmarked(&server_key, &plain(case, "message"), &plain(case, "context"));
        assert_eq!(made.unwrap_err(), text(case, "error"), "{}", case["comment"]);
    }
}

/// The entries of a case, one after the other.
fn entries(case: &Value) -> Vec<ReportEntry> {
    let mut all = Vec::new();
    for entry in case["entries"].as_array().unwrap() {
        assert_fields(entry, &["times", "evidence", "body", "context", "postmark"]);
        let evidence = Evidence::decode(&hex_of(entry, "evidence")).unwrap();
        let (body, context) = (plain(entry, "body"), plain(entry, "context"));
        for _ in 0..number(entry, "times") {
            all.push(evidence.entry(&body, &context, &postmark(entry)).unwrap());
        }
    }
    all
}

fn report_of(entries: Vec<ReportEntry>) -> Result<Report, ReportFull> {
    let mut entries = entries.into_iter();
    let mut report = Report::new(entries.next().unwrap());
    for entry in entries {
        report.push(entry)?;
    }
    Ok(report)
}

#[test]
fn vectors_of_reports() {
    let answers = answers();
    for case in section(&answers, "report") {
        assert_fields(case, &["comment", "entries", "report", "heavy"]);
        let report = report_of(entries(case)).unwrap();
        let encoded = report.encode();
        let place = case["comment"].to_string();
        assert_result(&encoded, &case["report"], &Blobs::new(), &place);
        let again = Report::decode(&encoded).unwrap();
        assert_eq!(again.entries().len(), report.entries().len(), "{place}");
        assert!(again.encode() == encoded, "{place}: read again it is another");
    }
    for case in section(&answers, "report_too_large") {
        assert_fields(case, &["comment", "entries", "heavy"]);
        assert_eq!(report_of(entries(case)).unwrap_err(), ReportFull, "{}", case["comment"]);
    }
    for case in section(&answers, "report_refused") {
        assert_fields(case, &["comment", "report", "error", "heavy"]);
        let error = Report::decode(&plain(case, "report")).unwrap_err();
        assert_eq!(decode_error(error), text(case, "error"), "{}", case["comment"]);
    }
}

const SERVER_KEY: [u8; 32] = [9; 32];

const CONTEXT: &[u8] = b"from alice to bob at noon";

fn account_of(name: &str, suite: Suite) -> Account {
    let address = Address::new(name).unwrap();
    let seed = u64::from(name == "bob");
    Account::generate_of_suite(suite, address, Limits::default(), NOW, &mut rng(seed))
}

/// Two devices of a suite, the second with prekeys at its server.
struct Two {
    alice: Account,
    bob: Account,
    server: PublishedPreKeys,
}

impl Two {
    fn of(suite: Suite) -> Self {
        let (alice, mut bob) = (account_of("alice", suite), account_of("bob", suite));
        let _ = bob.add_one_time_prekeys(1, &mut rng(2));
        let upload = bob.pending_upload().unwrap();
        Self { alice, bob, server: PublishedPreKeys::new(upload) }
    }

    fn initiate(&mut self) -> Session {
        let bundle = PreKeyBundle::decode(&self.server.hand_out()).unwrap().verify(NOW).unwrap();
        self.alice.initiate(&bundle, &mut rng(3)).unwrap()
    }
}

/// The longest stamp that there is.
fn longest_stamp() -> Stamp {
    let ttl = NonZeroU32::MAX;
    let setting = Setting {
        version: SettingVersion::MAX,
        policy: Some(Policy::AfterRead { ttl }),
        by: MemberTag([7; 8]),
    };
    Stamp::of(Some(setting)).with_policy(Policy::AfterSend { ttl }).with_opens(Opens::Twice)
}

fn sent(session: &mut Session, payload: &Payload) -> SentMessage {
    session.encrypt_with_evidence(payload, AD, &mut rng(4)).unwrap()
}

/// What one side of a message shows to a moderator, and what the moderator finds: just what was sent.
fn assert_proven(evidence: &Evidence, message: &[u8], payload: &Payload, suite: Suite) {
    let server_key = ServerKey::new(&SERVER_KEY);
    let postmark = server_key.postmark(&Commitment::of(message).unwrap(), CONTEXT).unwrap();
    // Stored with the message until somebody reports it.
    let evidence = Evidence::decode(&evidence.encode()).unwrap();
    let report = Report::new(evidence.entry(&payload.body, CONTEXT, &postmark).unwrap()).encode();
    let report = Report::decode(&report).unwrap();
    let [entry] = report.entries() else { panic!("one message is reported") };
    assert_eq!(entry.claimed_context(), CONTEXT);
    let proven = entry.verify(&server_key).unwrap();
    assert_eq!((proven.suite, proven.context), (suite, CONTEXT));
    assert_eq!(proven.stamp.as_ref(), Ok(&payload.stamp));
    assert!(proven.body == payload.body);
    assert_eq!(proven.commitment, evidence.commitment());
    let other_key = ServerKey::new(&[8; 32]);
    assert_eq!(entry.verify(&other_key), Err(ProofError::Unproven));
}

#[test]
fn both_sides_prove_every_form_of_message_in_both_suites() {
    // Where the commitment stands, by suite and form: with a one-time prekey, without one, of a session.
    for (suite, places) in [(Suite::Classical, [244, 240, 57]), (Suite::Hybrid, [1_812, 1_808, 57])]
    {
        let mut two = Two::of(suite);
        for (name, body, stamp) in [
            ("initial with a one-time prekey", "a text".into(), Stamp::NONE),
            ("initial without", vec![b'x'; 70_000], longest_stamp()),
        ] {
            let payload = Payload::new(body).with_stamp(stamp);
            let mut alices = two.initiate();
            let first = sent(&mut alices, &payload);
            let place = places[usize::from(name == "initial without")];
            let commitment = Commitment::of(&first.message).unwrap();
            assert_eq!(&first.message[place..place + 32], commitment.as_bytes(), "{name}");
            let accepted = two.bob.accept(&first.message, AD, NOW).unwrap();
            assert_eq!(accepted.received.evidence, first.evidence, "{name}");
            assert_proven(&first.evidence.unwrap(), &first.message, &payload, suite);

            let mut bobs = accepted.session;
            for payload in [&payload, &Payload::new("")] {
                let answer = sent(&mut bobs, payload);
                let commitment = Commitment::of(&answer.message).unwrap();
                assert_eq!(&answer.message[places[2]..places[2] + 32], commitment.as_bytes());
                let received = alices.decrypt(&answer.message, AD, NOW).unwrap();
                assert_eq!(received.evidence, answer.evidence);
                assert_proven(&answer.evidence.unwrap(), &answer.message, payload, suite);
            }
        }
    }
}

/// How many bytes stand before the body of a message of suite 2, which is sent, received and proven.
fn proven_front(from: &mut Session, to: &mut Session, payload: &Payload) -> usize {
    let message = sent(from, payload);
    let received = to.decrypt(&message.message, AD, NOW).unwrap();
    assert_eq!(received.evidence, message.evidence);
    let evidence = message.evidence.unwrap();
    assert_proven(&evidence, &message.message, payload, Suite::Hybrid);
    evidence.encode().len() - 102
}

/// docs/protocol.md §16.2: what is no message gets no postmark.
#[test]
fn a_first_message_of_suite_2_that_is_cut_or_changed_in_its_frame_has_no_commitment() {
    let mut two = Two::of(Suite::Hybrid);
    let first = sent(&mut two.initiate(), &Payload::new("a text")).message;
    assert!(Commitment::of(&first).is_ok());
    // Inside of the ciphertext of ML-KEM, of the sealed header, of the commitment, and of the tag, of which more is lacking.
    let shortest = 1_812 + 32 + 16;
    for length in [0, 1, 300, 1_700, 1_800, 1_812 + 31, shortest - 1] {
        assert_eq!(Commitment::of(&first[..length]), Err(DecodeError::Malformed), "{length}");
    }
    assert!(Commitment::of(&first[..shortest]).is_ok());
    // Under the name of suite 1 its commitment would stand elsewhere; other suites and kinds are not known.
    let named = |kind: u8, suite: u8| Commitment::of(&[&[kind, suite], &first[2..]].concat());
    assert_eq!(named(0x11, 3), Err(DecodeError::Unsupported));
    assert_eq!(named(0x21, 2), Err(DecodeError::Unsupported));
    assert_ne!(named(0x11, 1), Commitment::of(&first));
}

#[test]
fn what_an_epoch_sends_along_is_part_of_the_evidence() {
    let mut two = Two::of(Suite::Hybrid);
    let mut alices = two.initiate();
    let payload = Payload::new("a text").with_stamp(longest_stamp());
    let first = sent(&mut alices, &payload);
    let mut bobs = two.bob.accept(&first.message, AD, NOW).unwrap().session;
    let mut fronts = Vec::new();
    assert!(alices.request_epoch());
    // Both keys and answers travel: the first epoch's key is Alice's, the second one's Bob's.
    for _ in 0..20 {
        fronts.push(proven_front(&mut bobs, &mut alices, &payload));
        fronts.push(proven_front(&mut alices, &mut bobs, &payload));
    }
    let of_bob = fronts.iter().copied().step_by(2);
    let of_alice = fronts.iter().copied().skip(1).step_by(2);
    for fronts in [of_bob.collect::<Vec<_>>(), of_alice.collect()] {
        let (shortest, longest) = (fronts.iter().min().unwrap(), fronts.iter().max().unwrap());
        // A control that says nothing, or seven fragments and more; behind it the stamp.
        assert!(*shortest == 1 + 26 && *longest >= 7 + 7 * 32 + 26, "{fronts:?}");
    }
}

#[test]
fn no_honest_text_of_suite_1_can_be_shown_as_one_of_suite_2() {
    let mut two = Two::of(Suite::Classical);
    let payload = Payload::new("a text").with_stamp(longest_stamp());
    let message = sent(&mut two.initiate(), &payload);
    let server_key = ServerKey::new(&SERVER_KEY);
    let commitment = Commitment::of(&message.message).unwrap();
    let postmark = server_key.postmark(&commitment, CONTEXT).unwrap();
    let evidence = message.evidence.unwrap();
    let mut report =
        Report::new(evidence.entry(&payload.body, CONTEXT, &postmark).unwrap()).encode();
    // Version, count, and then the suite of the first entry.
    assert_eq!(report[3], 1);
    report[3] = 2;
    let report = Report::decode(&report).unwrap();
    assert_eq!(report.entries()[0].verify(&server_key), Err(ProofError::Malformed));
}

#[test]
fn a_report_that_is_full_stays_as_it_is() {
    let mut two = Two::of(Suite::Classical);
    let payload = Payload::new("x");
    let message = sent(&mut two.initiate(), &payload);
    let server_key = ServerKey::new(&SERVER_KEY);
    let commitment = Commitment::of(&message.message).unwrap();
    let postmark = server_key.postmark(&commitment, CONTEXT).unwrap();
    let evidence = message.evidence.unwrap();
    let entry = || evidence.entry(b"x", CONTEXT, &postmark).unwrap();
    let mut report = Report::new(entry());
    for _ in 1..1_000 {
        report.push(entry()).unwrap();
    }
    let before = report.encode();
    assert_eq!(report.push(entry()), Err(ReportFull));
    assert!(report.encode() == before);
    // One of them is passed on.
    let one = report.into_entries().swap_remove(7);
    let report = Report::decode(&Report::new(one).encode()).unwrap();
    assert_eq!(report.entries()[0].verify(&server_key).unwrap().body, b"x");
}

#[test]
fn peers_give_evidence_of_what_they_send_and_receive() {
    for suite in [Suite::Classical, Suite::Hybrid] {
        let mut two = Two::of(suite);
        let bundle = PreKeyBundle::decode(&two.server.hand_out()).unwrap().verify(NOW).unwrap();
        let mut to_bob = Peer::new(Address::new("bob").unwrap());
        let _ = to_bob.initiate(&two.alice, bundle, NOW, &mut rng(5)).unwrap();
        let payload = Payload::new("a text");
        let encrypted = to_bob.encrypt(&payload, AD, NOW, &mut rng(6)).unwrap();
        let mut from_alice = Peer::new(Address::new("alice").unwrap());
        let delivered = from_alice.decrypt(&mut two.bob, &encrypted.message, AD, NOW).unwrap();
        assert_eq!(delivered.received.evidence, encrypted.evidence);
        assert_proven(&encrypted.evidence.unwrap(), &encrypted.message, &payload, suite);
    }
}

/// A file above 2 MiB ends in chunks that are nothing but padding, which nobody opens who shows the file by ranges. If its
/// sender breaks one of them and takes the blob away, whoever has top and pages still proves each byte that she was shown.
#[test]
fn what_was_shown_by_ranges_is_proven_by_top_and_pages_whatever_its_sender_broke() {
    let size = (1_u64 << 22) + 1;
    let layout = BlobLayout::of_size(size).unwrap();
    let file: Vec<u8> = (0..size).map(|place| place.to_le_bytes()[0]).collect();
    let (last, all) = (layout.chunks() - 1, layout.chunks());
    assert!(layout.plaintext(last).unwrap().is_empty() && layout.pages() == 1);
    let part = |range: std::ops::Range<u64>| {
        &file[usize::try_from(range.start).unwrap()..usize::try_from(range.end).unwrap()]
    };
    let seal = |sealer: &ChunkSealer, index: u64| {
        sealer.seal(index, part(layout.plaintext(index).unwrap())).unwrap()
    };
    let listed = |chunks: &[SealedChunk]| {
        let mut list = ChunkList::new(layout);
        let mut pages = chunks.iter().filter_map(|chunk| list.push(chunk.hash).unwrap());
        let page = pages.next().unwrap().bytes;
        assert!(pages.next().is_none());
        drop(pages);
        (list, page)
    };
    let sealer = ChunkSealer::generate(layout, &mut rng(60));
    let mut chunks: Vec<_> = (0..all).map(|index| seal(&sealer, index)).collect();
    let honest = sealer.finish(listed(&chunks).0).unwrap().1.encode();
    // The sender seals something else in place of the last chunk's zeros: under the same key, as if the file went on.
    let longer = [&honest[..65], &(all * 65_536).to_be_bytes()].concat();
    let longer = ChunkSealer::again(&AttachmentReference::decode(&longer).unwrap());
    assert_eq!(longer.layout().chunks(), all);
    chunks[usize::try_from(last).unwrap()] = longer.seal(last, &[7; 65_536]).unwrap();
    let (_, page) = listed(&chunks);
    let hash = |parts: &[&[u8]]| -> [u8; 32] { Sha256::digest(parts.concat()).into() };
    let top = hash(&[b"evanesce/v1 attachment page", &page]);
    let mut commitment = [0; 32];
    Hkdf::<Sha256>::new(None, &honest[1..33])
        .expand(b"evanesce/v1 attachment commitment", &mut commitment)
        .unwrap();
    let root = hash(&[b"evanesce/v1 attachment root", &commitment, &size.to_be_bytes(), &top]);
    let reference = [&honest[..33], &root, &honest[65..]].concat();
    let reference = AttachmentReference::decode(&reference).unwrap();
    // She is shown all of it, and it is final.
    let mut opener = reference.opener(&top).unwrap();
    let mut shown = Vec::new();
    for stretch in layout.covering(0..size) {
        opener.add_page(stretch.page, &page).unwrap();
        for index in stretch.chunks {
            let chunk = &chunks[usize::try_from(index).unwrap()];
            shown.extend_from_slice(&opener.open(index, &chunk.bytes).unwrap());
        }
    }
    assert!(shown == file);
    assert_eq!(
        opener.open(last, &chunks[usize::try_from(last).unwrap()].bytes),
        Err(RangeError::Malformed)
    );
    // The blob is gone. What she seals again does not come to the root, since of the last chunk she has not the bytes.
    let again = ChunkSealer::again(&reference);
    let sealed: Vec<_> = (0..all).map(|index| seal(&again, index)).collect();
    assert_eq!(again.finish(listed(&sealed).0).map(drop), Err(ChunkError::Changed));
    // But chunk by chunk it is what top and page list.
    let mut moderator = reference.opener(&top).unwrap();
    moderator.add_page(0, &page).unwrap();
    for index in (0..all).filter(|index| !layout.plaintext(*index).unwrap().is_empty()) {
        let chunk = &sealed[usize::try_from(index).unwrap()];
        assert!(
            *moderator.open(index, &chunk.bytes).unwrap()
                == *part(layout.plaintext(index).unwrap())
        );
    }
}

fn decode_error(error: DecodeError) -> &'static str {
    match error {
        DecodeError::Malformed => "malformed",
        DecodeError::Unsupported => "unsupported",
        other => panic!("{other:?} has no name"),
    }
}
