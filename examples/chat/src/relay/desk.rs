//! The desk: one question in, one answer out. It knows nothing of connections.

use std::time::Duration;

use evanesce::Timestamp;
use evanesce::person::{DeviceList, VerifiedList};
use evanesce::server::PreKeyUpload;

use crate::name::Name;
use crate::relay::blobs::Blobs;
use crate::relay::bucket::Buckets;
use crate::relay::mailroom::{Mailroom, MailroomError};
use crate::relay::postmaster::Postmaster;
use crate::request::{Answer, Ask, LARGEST_LIST, Letter, MarkedLetter, Refusal};

pub struct Desk {
    mailroom: Mailroom,
    blobs: Blobs,
    postmaster: Postmaster,
    buckets: Buckets,
    /// When blobs whose days are over were dropped last, by the steady clock.
    swept: Option<Duration>,
}

/// How often blobs are dropped whose days are over.
const BETWEEN_SWEEPS: Duration = Duration::from_secs(3_600);

impl Desk {
    pub fn new(mut mailroom: Mailroom, blobs: Blobs) -> Result<Self, MailroomError> {
        let postmaster = Postmaster::new(&*mailroom.server_key()?);
        Ok(Self { mailroom, blobs, postmaster, buckets: Buckets::default(), swept: None })
    }

    /// Answers at once; of a fetch that finds nothing, whoever holds the connection may ask again with
    /// [`Desk::mail`]. `steady` is a clock that only goes on.
    pub fn answer(&mut self, ask: &Ask, now: Timestamp, steady: Duration) -> Answer {
        self.try_answer(ask, now, steady).unwrap_or_else(refused)
    }

    /// The letters that wait for somebody whose token has been checked.
    pub fn mail(&mut self, address: &Name, marks: Marks, now: Timestamp) -> Answer {
        match (self.mailroom.waiting(address), marks) {
            (Ok((stock, letters)), Marks::Without) => Answer::Mail { stock, letters },
            (Ok((stock, letters)), Marks::With) => {
                let marked = |letter: Letter| {
                    let mark = self.postmaster.mark(address, &letter.message, now);
                    MarkedLetter { letter, mark }
                };
                Answer::MarkedMail { stock, letters: letters.into_iter().map(marked).collect() }
            }
            (Err(error), _) => refused(error),
        }
    }

    fn try_answer(
        &mut self,
        ask: &Ask,
        now: Timestamp,
        steady: Duration,
    ) -> Result<Answer, MailroomError> {
        if self.swept.is_none_or(|last| steady.saturating_sub(last) >= BETWEEN_SWEEPS) {
            self.blobs.drop_ended(now)?;
            self.swept = Some(steady);
        }
        match ask {
            Ask::Publish { address, token, upload } => {
                let upload = checked(address, upload, now)?;
                self.mailroom.publish(address, token, upload)?;
                Ok(Answer::Published)
            }
            Ask::Fetch { address, token, acknowledged, wait_seconds: _ } => {
                self.mailroom.acknowledge(address, token, *acknowledged)?;
                Ok(self.mail(address, Marks::Without, now))
            }
            Ask::FetchMarked { address, token, acknowledged, wait_seconds: _ } => {
                self.mailroom.acknowledge(address, token, *acknowledged)?;
                Ok(self.mail(address, Marks::With, now))
            }
            Ask::Report { address, token, id, report } => {
                self.mailroom.report(address, token, id, report, now)?;
                Ok(Answer::Reported)
            }
            Ask::Bundle { address } => {
                // Of addresses that nobody has there are more than buckets.
                self.mailroom.must_know(address)?;
                self.buckets
                    .take(address, steady)
                    .map_err(|seconds| Refusal::TooOften { seconds })?;
                Ok(Answer::Bundle(self.mailroom.hand_out(address)?))
            }
            Ask::PublishList { address, token, list } => {
                let checked = checked_list(address, list, now)?;
                self.mailroom.publish_list(address, token, &checked, list)?;
                Ok(Answer::ListPublished)
            }
            Ask::ListOf { owner } => Ok(Answer::List(self.mailroom.list_of(owner)?)),
            Ask::List { address } => Ok(Answer::List(self.mailroom.list(address)?)),
            Ask::Deposit { recipient, id, message } => {
                self.mailroom.deposit(recipient, id, message)?;
                Ok(Answer::Deposited)
            }
            Ask::BeginBlob { id, token, length } => {
                let length = self.blobs.begin(*id, token, *length, now)?;
                Ok(Answer::BlobStored { length })
            }
            Ask::PutBlob { id, token, offset, bytes } => {
                let length = self.blobs.put(*id, token, *offset, bytes, now)?;
                Ok(Answer::BlobStored { length })
            }
            Ask::GetBlob { id, offset, length } => {
                let (length, bytes) = self.blobs.get(*id, *offset, *length, now)?;
                Ok(Answer::BlobPart { length, bytes })
            }
            Ask::DeleteBlob { id, token } => {
                self.blobs.delete(*id, token)?;
                Ok(Answer::BlobDeleted)
            }
        }
    }
}

/// Whether letters are delivered with their marks: older clients do not know them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Marks {
    Without,
    With,
}

/// An upload that is signed, and of a device of this address.
fn checked(address: &Name, upload: &[u8], now: Timestamp) -> Result<PreKeyUpload, Refusal> {
    let upload = PreKeyUpload::decode(upload).map_err(|_| Refusal::BadUpload)?;
    let bundle = upload.bundle().verify(now).map_err(|_| Refusal::BadUpload)?;
    if Name::of(&bundle.device().address).as_ref() == Some(address) {
        Ok(upload)
    } else {
        Err(Refusal::BadUpload)
    }
}

/// A list whose signatures hold, with a device of this address. Nobody need believe that this was looked at; it keeps what
/// is none from being handed out.
fn checked_list(address: &Name, list: &[u8], now: Timestamp) -> Result<VerifiedList, Refusal> {
    if list.len() > LARGEST_LIST {
        return Err(Refusal::TooLarge);
    }
    let list = DeviceList::decode(list).map_err(|_| Refusal::BadList)?;
    let list = list.verify(now).map_err(|_| Refusal::BadList)?;
    let has_address = list.devices().iter().any(|it| it.device.address == address.address());
    if has_address { Ok(list) } else { Err(Refusal::BadList) }
}

fn refused(error: MailroomError) -> Answer {
    match error {
        MailroomError::Refused(refusal) => Answer::Refused(refusal),
        MailroomError::Store(error) => {
            eprintln!("relay: {error}");
            Answer::Refused(Refusal::Fault)
        }
        MailroomError::File(error) => {
            eprintln!("relay: {error}");
            Answer::Refused(Refusal::Fault)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random;
    use crate::request::Token;
    use evanesce::Account;

    const NOW: Timestamp = Timestamp::from_unix_seconds(1_800_000_000);

    fn publish(desk: &mut Desk, as_name: &Name, device: &Name) -> Answer {
        let rng = &mut random::system();
        let mut account = Account::generate(device.address(), NOW, rng);
        let upload = account.maintain(None, NOW, rng).upload.unwrap().encode();
        let ask = Ask::Publish { address: as_name.clone(), token: Token([1; 32]), upload };
        desk.answer(&ask, NOW, Duration::ZERO)
    }

    fn desk() -> (Desk, [Name; 2]) {
        let names = ["bob", "carol"].map(|name| Name::new(name).unwrap());
        let mut desk = Desk::new(Mailroom::in_memory(), Blobs::in_memory()).unwrap();
        for name in &names {
            assert_eq!(publish(&mut desk, name, name), Answer::Published);
        }
        (desk, names)
    }

    #[test]
    fn who_asks_for_too_many_bundles_is_told_when_there_is_one() {
        let (mut desk, [bob, carol]) = desk();
        let bundle = |desk: &mut Desk, name: &Name, second| {
            let ask = Ask::Bundle { address: name.clone() };
            desk.answer(&ask, NOW, Duration::from_secs(second))
        };
        while let Answer::Bundle(_) = bundle(&mut desk, &bob, 0) {}
        let refused = Answer::Refused(Refusal::TooOften { seconds: 11 });
        assert_eq!(bundle(&mut desk, &bob, 0), refused);
        assert!(matches!(bundle(&mut desk, &carol, 0), Answer::Bundle(_)));
        assert!(matches!(bundle(&mut desk, &bob, 11), Answer::Bundle(_)));
        let Answer::Mail { stock, .. } = desk.mail(&bob, Marks::Without, NOW) else {
            panic!("no mail")
        };
        assert_eq!(stock.one_time_prekeys, 100 - 11, "a refusal takes no prekey");
    }

    #[test]
    fn an_upload_of_another_address_claims_nothing() {
        let (mut desk, [bob, _]) = desk();
        let dave = Name::new("dave").unwrap();
        assert_eq!(publish(&mut desk, &dave, &bob), Answer::Refused(Refusal::BadUpload));
        let ask = Ask::Bundle { address: dave };
        let answer = desk.answer(&ask, NOW, Duration::ZERO);
        assert_eq!(answer, Answer::Refused(Refusal::Unknown));
        // What groups are called is nobody's address.
        let group = Name::of_title("bob");
        assert_eq!(publish(&mut desk, &group, &group), Answer::Refused(Refusal::BadUpload));
    }
}
