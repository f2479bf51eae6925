//! Reports: what came is kept with what proves it, and shown to the moderators at the user's word.

use std::time::Duration;

use evanesce::expiry::{MessageId, Now};
use evanesce::rand_core::CryptoRng;
use evanesce::report::{Evidence, Report};

use crate::command::MessagePrefix;
use crate::delivery::Delivery;
use crate::engine::message::{Body, DueReport, Reportable};
use crate::engine::outcome::Outcome;
use crate::engine::reading::NO_SUCH_MESSAGE;
use crate::engine::state::{Engine, keys_where};
use crate::notice::Notice;
use crate::request::{Mark, Refusal};
use crate::row::Row;
use crate::view::{Author, Progress};

/// How long a report waits for the relay.
const LONGEST: Duration = Duration::from_secs(30 * 86_400);

const NOTHING: &str = "nothing that proves it came with it";

impl Engine {
    /// Keeps what proves a message of theirs, in the transaction that keeps the message.
    pub(super) fn keep_evidence(
        &mut self,
        id: MessageId,
        body: Vec<u8>,
        evidence: &Evidence,
        mark: Option<Mark>,
    ) {
        // A relay that says that it delivered this to somebody else says nothing that could be used.
        let is_ours = |mark: &Mark| {
            Delivery::decode(&mark.context).is_some_and(|it| it.recipient == *self.name())
        };
        let Some(mark) = mark.filter(is_ours) else { return };
        let evidence = evidence.encode().to_vec();
        self.write_as(Row::Evidence(id), &Reportable { body, evidence, mark });
    }

    /// The message of theirs that is meant, if it can be reported: it was shown, and has not ended.
    pub fn reportable(&self, prefix: &MessagePrefix, now: Now) -> Result<MessageId, String> {
        let message = self.message(self.find(prefix)?).ok_or(NO_SUCH_MESSAGE)?;
        if message.author == Author::Us || !self.may_be_shown(message.id, now) {
            return Err("what others wrote can be reported".into());
        }
        if message.progress == Progress::Unread {
            let name = &message.with;
            return Err(format!("it is unread: /read {name} opens the conversation"));
        }
        match &message.body {
            Body::Text(_) | Body::File(_) => Ok(message.id),
            Body::Sealed(_) | Body::TheirsToOpen | Body::OurFile { .. } => Err(NOTHING.into()),
        }
    }

    /// Makes a report of what the store has of it.
    pub fn report(
        &mut self,
        id: MessageId,
        held: Option<&[u8]>,
        now: Now,
        rng: &mut dyn CryptoRng,
    ) -> Outcome {
        if let Err(why) = self.queue_report(id, held, now, rng) {
            self.notice(Notice::Error(why));
        }
        self.finish()
    }

    fn queue_report(
        &mut self,
        message: MessageId,
        held: Option<&[u8]>,
        now: Now,
        rng: &mut dyn CryptoRng,
    ) -> Result<(), String> {
        let with = self.message(message).ok_or(NO_SUCH_MESSAGE)?.with.clone();
        let held: Reportable = postcard::from_bytes(held.ok_or(NOTHING)?).map_err(|_| NOTHING)?;
        let evidence = Evidence::decode(&held.evidence).map_err(|_| NOTHING)?;
        let Mark { context, postmark } = &held.mark;
        let entry = evidence.entry(&held.body, context, postmark);
        let entry = entry.map_err(|error| error.to_string())?;
        let report = Report::new(entry).encode().to_vec();
        let mut id = [0; 16];
        rng.fill_bytes(&mut id);
        let unix_seconds = now.timestamp().unix_seconds();
        let number = self.next_number();
        let due = DueReport { with, message, id, report, unix_seconds };
        self.write_as(Row::Report(number), &due);
        self.reports.insert(number, due);
        Ok(())
    }

    /// The next report for the relay.
    pub fn due_report(&self) -> Option<(u64, DueReport)> {
        self.reports.iter().next().map(|(number, due)| (*number, due.clone()))
    }

    /// The relay has it.
    pub fn reported(&mut self, number: u64) -> Outcome {
        if let Some(due) = self.drop_report(number) {
            self.notice(Notice::Reported(due.with, due.message));
        }
        self.finish()
    }

    /// The relay does not take it.
    pub fn report_refused(&mut self, number: u64, refusal: Refusal) -> Outcome {
        self.drop_report(number);
        self.notice(Notice::Error(format!("the relay does not take the report: {refusal}")));
        self.finish()
    }

    /// What nobody has taken for so long goes.
    pub(super) fn drop_old_reports(&mut self, now: Now) {
        let oldest = now.timestamp().minus(LONGEST).unix_seconds();
        for number in keys_where(&self.reports, |due| due.unix_seconds <= oldest) {
            self.drop_report(number);
        }
    }

    fn drop_report(&mut self, number: u64) -> Option<DueReport> {
        self.write_row(Row::Report(number), None);
        self.reports.remove(&number)
    }
}
