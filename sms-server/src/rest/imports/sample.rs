//! A sample of the messages of a file, for the question about their cost.

use sms_core::{PhoneNumber, PriceQuery};

use crate::imports::mailing::Mailing;
use crate::imports::row::ImportRow;

/// Messages of a sample at most: as many as a provider prices in one call.
const MAX_SAMPLE: usize = 100;

/// Messages at even distances in a file; all of them while there are few.
#[derive(Debug)]
pub(super) struct Sample {
    messages: Vec<SampleMessage>,
    offered: usize,
    /// The distance of the messages that are kept.
    stride: usize,
}

/// A message of a sample.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct SampleMessage {
    pub(super) to: PhoneNumber,
    pub(super) parts: u8,
    row: ImportRow,
}

impl Default for Sample {
    fn default() -> Self {
        Self { messages: Vec::new(), offered: 0, stride: 1 }
    }
}

impl Sample {
    /// Takes a message or leaves it out.
    pub(super) fn offer(&mut self, to: PhoneNumber, parts: u8, row: &ImportRow) {
        if self.offered.is_multiple_of(self.stride) {
            if self.messages.len() == MAX_SAMPLE {
                let mut index = 0;
                self.messages.retain(|_| {
                    index += 1;
                    index % 2 == 1
                });
                self.stride *= 2;
            }
            // A full sample ends at a multiple of the new distance, too.
            self.messages.push(SampleMessage { to, parts, row: row.clone() });
        }
        self.offered += 1;
    }

    pub(super) fn into_messages(self) -> Vec<SampleMessage> {
        self.messages
    }
}

impl SampleMessage {
    /// The question about its price.
    pub(super) fn query(&self, mailing: &Mailing) -> PriceQuery {
        let options = &mailing.options;
        PriceQuery::new(self.to, mailing.text(&self.row))
            .from(options.from.clone())
            .translit(options.translit.unwrap_or(false))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows_of(count: u64) -> Vec<u64> {
        let mut sample = Sample::default();
        let to = PhoneNumber::parse("+79251234567").expect("a number");
        for row in 0..count {
            sample.offer(to, 1, &ImportRow { row, to: String::new(), values: Vec::new() });
        }
        sample.into_messages().into_iter().map(|it| it.row.row).collect()
    }

    #[test]
    fn a_sample_is_every_message_of_a_small_file_and_is_spread_over_a_large_one() {
        assert!(rows_of(0).is_empty());
        assert_eq!(rows_of(100), (0..100).collect::<Vec<_>>());
        assert_eq!(rows_of(101), (0..101).step_by(2).collect::<Vec<_>>());
        for count in [200, 201, 999, 100_000] {
            let rows = rows_of(count);
            assert!((51..=100).contains(&rows.len()), "{count}: {}", rows.len());
            let stride = rows[1];
            assert!(rows.windows(2).all(|pair| pair[1] - pair[0] == stride), "{count}");
            assert!(rows.last().is_some_and(|last| last + stride >= count), "{count}");
        }
    }
}
