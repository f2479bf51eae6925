//! Lives of messages: timers that are set, and what has come due.

use std::time::Duration;

use evanesce::expiry::{Now, Policy};
use evanesce::rand_core::CryptoRng;

use crate::command::Timer;
use crate::engine::state::Engine;
use crate::name::Name;
use crate::notice::Notice;

/// How many messages one look takes in, and how many looks one event: the rest follows at once, since the next
/// wake-up is due then.
const AT_ONCE: usize = 100;
const MOST_LOOKS: usize = 100;

impl Engine {
    /// Changes how long messages live, and tells the other one.
    pub(super) fn set_timer(
        &mut self,
        with: &Name,
        timer: Timer,
        now: Now,
        rng: &mut dyn CryptoRng,
    ) {
        let policy = match timer {
            Timer::Off => None,
            Timer::After(ttl) => Some(Policy::AfterRead { ttl }),
            Timer::Vanish => Some(Policy::OnClose),
        };
        self.meet(with);
        let (conversation, tag) = (self.conversation(with), self.tag());
        let effects = self.expiry.set(conversation, policy, tag, now);
        self.absorb(&effects);
        let stamp = self.expiry.stamp(conversation).announcing_change();
        self.post_nothing(with, stamp, now, rng);
    }

    /// Deletes what has come due, and confirms it in the same transaction.
    pub(super) fn delete_due(&mut self, now: Now) {
        for _ in 0..MOST_LOOKS {
            let poll = self.expiry.poll(AT_ONCE, now);
            self.absorb(&poll.effects);
            if poll.due.is_empty() && self.expiry.next_wakeup(now) != Some(Duration::ZERO) {
                return;
            }
            for due in poll.due {
                // All that there is of a message goes with its row: a part without which it lives on there is none.
                if due.ended {
                    if due.unsent {
                        self.fail(Some(due.id), "its time ended before it was sent");
                    }
                    if let Some(name) = self.forget_message(due.id) {
                        self.notice(Notice::Expired(name, due.id));
                    }
                }
                let effects = self.expiry.done(due.id, due.parts, now);
                self.absorb(&effects);
            }
        }
    }
}
