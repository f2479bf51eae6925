//! Known answers for clients in other languages: every request, answer and content with its bytes, in
//! `examples/web/tests/wire.json`. This file holds that they are what is sent here, `wire.test.js` beside them that a page reads and
//! writes the same; so neither drifts from the other.
//!
//! In the JSON a value is as the page has it: `kind` says which of several it is, bytes are in hex behind `0x`, and what is absent
//! is missing.

use std::fs;
use std::path::{Path, PathBuf};

use evanesce::expiry::{MemberTag, MessageId};
use evanesce::report::Postmark;
use evanesce::server::PreKeyStock;
use evanesce::{Account, Timestamp};
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::SeedableRng;
use serde_json::{Value, json};

use crate::content::{AttachedFile, Content};
use crate::file_name::FileName;
use crate::frame;
use crate::media_type::MediaType;
use crate::name::Name;
use crate::request::{
    Answer, Ask, BlobId, Letter, Mark, MarkedLetter, Refusal, Reply, Request, Token,
};

/// Set to anything, it has the test write the file instead of comparing it.
const WRITE: &str = "CHAT_WRITE_WIRE";

fn path() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../web/tests/wire.json")
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold("0x".to_owned(), |hex, byte| format!("{hex}{byte:02x}"))
}

fn name(name: &str) -> Name {
    Name::new(name).unwrap()
}

/// One that is as long as it can be, so that no byte is 0 by chance.
fn stock() -> PreKeyStock {
    PreKeyStock {
        device: [0x11; 16],
        signed_prekey_id: 300,
        one_time_prekeys: 100,
        lowest_id: Some(1),
        highest_id: Some(70_000),
        digest: [0x22; 16],
    }
}

/// With its fields put behind the kind.
fn kind(kind: &str, fields: Value) -> Value {
    let mut value = json!({ "kind": kind });
    value.as_object_mut().unwrap().append(&mut fields.as_object().unwrap().clone());
    value
}

fn asks() -> Vec<(Ask, Value)> {
    let (token, id) = (|| Token([0x33; 32]), || [0x44; 16]);
    let (shown_token, shown_id) = (hex(&[0x33; 32]), hex(&[0x44; 16]));
    let (now, rng) =
        (Timestamp::from_unix_seconds(1_800_000_000), &mut ChaCha20Rng::seed_from_u64(7));
    let owner = Account::generate(name("bob").address(), now, rng).device().identity;
    let (blob, long) = (BlobId(id()), vec![0x55; 200]);
    let fetching = json!({ "address": "bob", "token": shown_token, "acknowledged": 70_000, "waitSeconds": 30 });
    vec![
        (
            Ask::Publish { address: name("bob"), token: token(), upload: vec![1, 2, 3] },
            kind(
                "publish",
                json!({ "address": "bob", "token": shown_token, "upload": "0x010203" }),
            ),
        ),
        (
            Ask::Fetch {
                address: name("bob"),
                token: token(),
                acknowledged: 70_000,
                wait_seconds: 30,
            },
            kind("fetch", fetching.clone()),
        ),
        (Ask::Bundle { address: name("a.b_c-9") }, kind("bundle", json!({ "address": "a.b_c-9" }))),
        (
            Ask::Deposit { recipient: name("bob"), id: id(), message: long.clone() },
            kind("deposit", json!({ "recipient": "bob", "id": shown_id, "message": hex(&long) })),
        ),
        (
            Ask::BeginBlob { id: blob, token: token(), length: 68 << 20 },
            kind("begin_blob", json!({ "id": shown_id, "token": shown_token, "length": 68 << 20 })),
        ),
        (
            Ask::PutBlob { id: blob, token: token(), offset: (1 << 53) - 1, bytes: vec![] },
            kind(
                "put_blob",
                json!({ "id": shown_id, "token": shown_token, "offset": (1_u64 << 53) - 1, "bytes": "0x" }),
            ),
        ),
        (
            Ask::GetBlob { id: blob, offset: 128, length: u32::MAX },
            kind("get_blob", json!({ "id": shown_id, "offset": 128, "length": u32::MAX })),
        ),
        (
            Ask::DeleteBlob { id: blob, token: token() },
            kind("delete_blob", json!({ "id": shown_id, "token": shown_token })),
        ),
        (
            Ask::FetchMarked {
                address: name("bob"),
                token: token(),
                acknowledged: 70_000,
                wait_seconds: 30,
            },
            kind("fetch_marked", fetching),
        ),
        (
            Ask::Report { address: name("bob"), token: token(), id: id(), report: vec![0x80] },
            kind(
                "report",
                json!({ "address": "bob", "token": shown_token, "id": shown_id, "report": "0x80" }),
            ),
        ),
        (
            Ask::PublishList { address: name("bob"), token: token(), list: vec![0xff] },
            kind("publish_list", json!({ "address": "bob", "token": shown_token, "list": "0xff" })),
        ),
        (Ask::List { address: name("bob") }, kind("list", json!({ "address": "bob" }))),
        (Ask::ListOf { owner }, kind("list_of", json!({ "owner": hex(&owner.encode()) }))),
    ]
}

fn answers() -> Vec<(Answer, Value)> {
    let shown_stock = hex(&stock().encode());
    let nothing = PreKeyStock::NOTHING;
    let letter = |number, byte| Letter { number, message: vec![byte; 3] };
    let mark = Mark { context: vec![1, 2], postmark: Postmark::new([0x66; 32]) };
    let marked = vec![
        MarkedLetter { letter: letter(1, 0xaa), mark: Some(mark) },
        MarkedLetter { letter: letter(300, 0xbb), mark: None },
    ];
    let shown_marked = json!([
        { "number": 1, "message": "0xaaaaaa", "mark": { "context": "0x0102", "postmark": hex(&[0x66; 32]) } },
        { "number": 300, "message": "0xbbbbbb" },
    ]);
    let mut answers = vec![
        (Answer::Published, kind("published", json!({}))),
        (
            Answer::Mail { stock: nothing, letters: vec![letter(7, 0)] },
            kind(
                "mail",
                json!({ "stock": hex(&nothing.encode()), "letters": [{ "number": 7, "message": "0x000000" }] }),
            ),
        ),
        (Answer::Bundle(vec![9, 8]), kind("bundle", json!({ "bundle": "0x0908" }))),
        (Answer::Deposited, kind("deposited", json!({}))),
        (Answer::BlobStored { length: 0 }, kind("blob_stored", json!({ "length": 0 }))),
        (
            Answer::BlobPart { length: 1 << 32, bytes: vec![4; 130] },
            kind("blob_part", json!({ "length": 1_u64 << 32, "bytes": hex(&[4; 130]) })),
        ),
        (Answer::BlobDeleted, kind("blob_deleted", json!({}))),
        (
            Answer::MarkedMail { stock: stock(), letters: marked },
            kind("marked_mail", json!({ "stock": shown_stock, "letters": shown_marked })),
        ),
        (
            Answer::MarkedMail { stock: stock(), letters: vec![] },
            kind("marked_mail", json!({ "stock": shown_stock, "letters": [] })),
        ),
        (Answer::Reported, kind("reported", json!({}))),
        (Answer::ListPublished, kind("list_published", json!({}))),
        (Answer::List(None), kind("list", json!({}))),
        (Answer::List(Some(vec![5])), kind("list", json!({ "list": "0x05" }))),
    ];
    answers.extend(refusals().into_iter().map(|(refusal, shown)| {
        let seconds = match refusal {
            Refusal::TooOften { seconds } => json!({ "seconds": seconds }),
            _ => json!({}),
        };
        let shown = json!({ "refusal": kind(shown, seconds) });
        (Answer::Refused(refusal), kind("refused", shown))
    }));
    answers
}

fn refusals() -> [(Refusal, &'static str); 15] {
    [
        (Refusal::Malformed, "malformed"),
        (Refusal::Busy, "busy"),
        (Refusal::Mixed, "mixed"),
        (Refusal::Unknown, "unknown"),
        (Refusal::NotYours, "not_yours"),
        (Refusal::BadUpload, "bad_upload"),
        (Refusal::TooLarge, "too_large"),
        (Refusal::QueueFull, "queue_full"),
        (Refusal::TooOften { seconds: 300 }, "too_often"),
        (Refusal::Fault, "fault"),
        (Refusal::NoBlob, "no_blob"),
        (Refusal::NoRoom, "no_room"),
        (Refusal::Gap, "gap"),
        (Refusal::BadList, "bad_list"),
        (Refusal::OlderList, "older_list"),
    ]
}

fn reference(version: u8, size: u64) -> Vec<u8> {
    [&[version][..], &[7; 64], &size.to_be_bytes()].concat()
}

fn file(reference: Vec<u8>) -> AttachedFile {
    AttachedFile {
        reference,
        blob: BlobId([0x44; 16]),
        token: Token([0x33; 32]),
        name: FileName::cleaned("Über uns.png"),
        media_type: MediaType::by_name("a.png"),
    }
}

fn contents() -> Vec<(Content, Value)> {
    let (chosen, message) = ([0x77; 16], MessageId([0x88; 16]));
    let (shown_chosen, shown_message) = (hex(&chosen), hex(&message.0));
    let long = "x".repeat(200);
    let shown_file = json!({
        "reference": hex(&reference(1, 1 << 42)), "blob": hex(&[0x44; 16]), "token": hex(&[0x33; 32]),
        "name": "Über uns.png", "mediaType": "image/png",
    });
    vec![
        (
            Content::Text { chosen, text: "Hällo 🙂".into() },
            kind("text", json!({ "chosen": shown_chosen, "text": "Hällo 🙂" })),
        ),
        (
            Content::Text { chosen, text: long.clone() },
            kind("text", json!({ "chosen": shown_chosen, "text": long })),
        ),
        (
            Content::Text { chosen, text: "\u{feff}".into() },
            kind("text", json!({ "chosen": shown_chosen, "text": "\u{feff}" })),
        ),
        (Content::Unsend { message }, kind("unsend", json!({ "message": shown_message }))),
        (
            Content::File { chosen, file: file(reference(1, 1 << 42)) },
            kind("file", json!({ "chosen": shown_chosen, "file": shown_file })),
        ),
        (
            Content::TakeBack { message, author: MemberTag([0x99; 8]) },
            kind("take_back", json!({ "message": shown_message, "author": hex(&[0x99; 8]) })),
        ),
    ]
}

/// Bodies that nobody takes.
fn unreadable() -> Vec<Vec<u8>> {
    let (chosen, giant) = ([0x77; 16], crate::content::LONGEST_TEXT + 1);
    let contents = [
        Content::Text { chosen, text: "x".repeat(giant) },
        Content::File { chosen, file: file(reference(1, (1 << 42) + 1)) },
        Content::File { chosen, file: file(reference(2, 1)) },
        Content::File { chosen, file: file(vec![1; 72]) },
        Content::File { chosen, file: file(vec![1; 74]) },
    ];
    let mut all: Vec<_> = contents.iter().map(Content::encode).collect();
    let text = Content::Text { chosen, text: "ab".into() }.encode();
    let end = text.len() - 1;
    all.extend([
        vec![],
        [&[2], &text[1..]].concat(),
        [&[1, 4], &text[2..]].concat(),
        // Half of a character.
        [&text[..end], &[0xc3]].concat(),
    ]);
    all
}

/// Answers that nobody takes: of a stock that no server can have.
fn impossible() -> Vec<Vec<u8>> {
    let fine = stock();
    let counted = |one_time_prekeys, lowest_id, highest_id| {
        PreKeyStock { one_time_prekeys, lowest_id, highest_id, ..fine }.encode()
    };
    let stocks = [
        counted(100, Some(70_001), Some(70_000)),
        counted(100, Some(69_902), Some(70_000)),
        counted(1, Some(1), None),
        [&[2], &fine.encode()[1..]].concat(),
        [&fine.encode()[..41], &[2], &fine.encode()[42..]].concat(),
        fine.encode()[..49].to_vec(),
        counted(0, None, None)[..41].to_vec(),
    ];
    // As `Answer::Mail` has it, whatever stands there.
    let all = stocks.iter().map(|stock| postcard::to_allocvec(&(7_u64, 1_u32, stock, 0_u32)));
    all.map(Result::unwrap).collect()
}

fn hostile_names() -> Vec<Value> {
    let names = [
        "../../etc/passwd",
        "C:\\Windows\\evil.exe",
        ".bashrc",
        "-rf",
        "..",
        "",
        "a/",
        "NUL.txt",
        "Com1.log",
        "lpt9",
        "comet.jpg",
        "one\ntwo\u{1b}[2J\u{85}",
        "photo\u{202e}gnp.exe",
        "\u{2066}\u{200f}x\u{2028}",
        "stream.txt:hidden",
        "Über uns.pdf",
        " . -x. . ",
        "\u{212a}.txt",
    ];
    let long = ["ä".repeat(1_000), "🙂".repeat(30), format!("{}. x", "a".repeat(98))];
    let all = names.into_iter().map(str::to_owned).chain(long);
    all.map(|name| json!([name, FileName::cleaned(&name).as_str()])).collect()
}

fn media_types() -> Vec<Value> {
    let long = format!("a/{}", "b".repeat(63));
    let types =
        ["image/png", "image/svg+xml", "", "png", "image/", "Image/PNG", "a/b c", "a/b/c", &long];
    let read = |kind: &&str| MediaType::from((*kind).to_owned());
    types.iter().map(|kind| json!([kind, read(kind).as_str()])).collect()
}

#[test]
fn what_a_page_replays_is_what_is_sent_here() {
    let answer = |value: &Value, bytes: &[u8]| json!({ "value": value, "bytes": hex(bytes) });
    let numbers = [1, 127, 128, 70_000].into_iter().cycle();
    let mut requests = vec![];
    for ((ask, shown), number) in asks().into_iter().zip(numbers.clone()) {
        let value = Request { number, ask };
        let body = frame::encode_body(&value).unwrap();
        assert_eq!(frame::decode::<Request>(&body).unwrap(), value);
        requests.push(answer(&json!({ "number": number, "ask": shown }), &body));
    }
    let mut replies = vec![];
    for ((an_answer, shown), number) in answers().into_iter().zip(numbers) {
        let value = Reply { number, answer: an_answer };
        let body = frame::encode_body(&value).unwrap();
        assert_eq!(frame::decode::<Reply>(&body).unwrap(), value);
        replies.push(answer(&json!({ "number": number, "answer": shown }), &body));
    }
    let contents: Vec<_> = contents()
        .into_iter()
        .map(|(content, shown)| {
            let body = content.encode();
            assert_eq!(Content::decode(&body), Ok(content));
            answer(&shown, &body)
        })
        .collect();
    let unreadable: Vec<_> = unreadable()
        .iter()
        .map(|body| {
            assert!(Content::decode(body).is_err(), "{}", hex(body));
            hex(body)
        })
        .collect();
    let impossible: Vec<_> = impossible()
        .iter()
        .map(|body| {
            assert!(frame::decode::<Reply>(body).is_err(), "{}", hex(body));
            hex(body)
        })
        .collect();
    let all = json!({
        "requests": requests, "replies": replies, "contents": contents, "unreadable": unreadable,
        "impossible": impossible,
        "fileNames": hostile_names(), "mediaTypes": media_types(),
    });
    if std::env::var_os(WRITE).is_some() {
        let text = serde_json::to_string_pretty(&all).unwrap();
        fs::write(path(), format!("{text}\n")).unwrap();
    }
    let committed = fs::read_to_string(path()).unwrap_or_default();
    let committed = serde_json::from_str::<Value>(&committed).unwrap_or_default();
    assert!(committed == all, "{} is another one: {WRITE}=1 writes it", path().display());
}

/// Who adds one is led here by the compiler, and by this to a known answer.
#[test]
fn every_kind_has_a_known_answer() {
    let asked = |ask: &Ask| match ask {
        Ask::Publish { .. } => 0,
        Ask::Fetch { .. } => 1,
        Ask::Bundle { .. } => 2,
        Ask::Deposit { .. } => 3,
        Ask::BeginBlob { .. } => 4,
        Ask::PutBlob { .. } => 5,
        Ask::GetBlob { .. } => 6,
        Ask::DeleteBlob { .. } => 7,
        Ask::FetchMarked { .. } => 8,
        Ask::Report { .. } => 9,
        Ask::PublishList { .. } => 10,
        Ask::List { .. } => 11,
        Ask::ListOf { .. } => 12,
    };
    let places: Vec<_> = asks().iter().map(|(ask, _)| asked(ask)).collect();
    assert_eq!(places, (0..13).collect::<Vec<_>>());
    let answered = |answer: &Answer| match answer {
        Answer::Published => 0,
        Answer::Mail { .. } => 1,
        Answer::Bundle(_) => 2,
        Answer::Deposited => 3,
        Answer::BlobStored { .. } => 5,
        Answer::BlobPart { .. } => 6,
        Answer::BlobDeleted => 7,
        Answer::MarkedMail { .. } => 8,
        Answer::Reported => 9,
        Answer::ListPublished => 10,
        Answer::List(_) => 11,
        Answer::Refused(refusal) => 100 + refused(*refusal),
    };
    let mut places: Vec<_> = answers().iter().map(|(answer, _)| answered(answer)).collect();
    places.dedup();
    let expected = [0, 1, 2, 3].into_iter().chain(5..12).chain(100..115);
    assert_eq!(places, expected.collect::<Vec<_>>());
}

fn refused(refusal: Refusal) -> usize {
    match refusal {
        Refusal::Malformed => 0,
        Refusal::Busy => 1,
        Refusal::Mixed => 2,
        Refusal::Unknown => 3,
        Refusal::NotYours => 4,
        Refusal::BadUpload => 5,
        Refusal::TooLarge => 6,
        Refusal::QueueFull => 7,
        Refusal::TooOften { .. } => 8,
        Refusal::Fault => 9,
        Refusal::NoBlob => 10,
        Refusal::NoRoom => 11,
        Refusal::Gap => 12,
        Refusal::BadList => 13,
        Refusal::OlderList => 14,
    }
}
