//! What the relay says of a letter that it delivers: the context of its postmark.
//!
//! ```text
//! | version: 1 | postcard |
//! ```

use serde::{Deserialize, Serialize};

use crate::name::Name;

const VERSION: u8 = 1;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Delivery {
    /// To whom it was delivered, by their token. Whoever reports it must be them.
    pub recipient: Name,
    /// When, by the relay's clock.
    pub unix_seconds: u64,
    /// Which server key makes the postmark: the first bytes of its hash.
    pub server_key: [u8; 8],
    pub sender: Sender,
}

/// Who handed it in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Sender {
    /// The relay is not told: a report proves what came, and its reporter says from whom.
    Hidden,
}

impl Delivery {
    pub fn encode(&self) -> Vec<u8> {
        postcard::to_extend(self, vec![VERSION]).unwrap_or_default()
    }

    /// It reads one way: what would not be encoded so is none.
    pub fn decode(context: &[u8]) -> Option<Self> {
        let (&VERSION, rest) = context.split_first()? else { return None };
        let delivery: Self = postcard::from_bytes(rest).ok()?;
        (delivery.encode() == context).then_some(delivery)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_context_reads_one_way() {
        let recipient = Name::new("bob").unwrap();
        let sender = Sender::Hidden;
        let delivery = Delivery { recipient, unix_seconds: 300, server_key: [7; 8], sender };
        let context = delivery.encode();
        assert_eq!(Delivery::decode(&context), Some(delivery));
        assert_eq!(Delivery::decode(&[&context[..], &[0]].concat()), None);
        assert_eq!(Delivery::decode(&context[..context.len() - 1]), None);
        assert_eq!(Delivery::decode(&[&[2][..], &context[1..]].concat()), None);
        // The same number in more bytes.
        let place = context.windows(2).position(|it| it == [0xac, 0x02]).unwrap();
        let longer = [&context[..place], &[0xac, 0x82, 0x00], &context[place + 2..]].concat();
        assert_eq!(Delivery::decode(&longer), None);
    }
}
