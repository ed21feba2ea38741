use std::collections::{HashMap, HashSet};

use proptest::prelude::*;
use sms_core::{MessageId, OutcomeClass, PhoneNumber, Submission};

use crate::config::SmsRuConfig;
use crate::wire::number::canonical;
use crate::wire::send_reply;
use crate::wire::send_request::{self, Recipient};

/// Recipients of the replies below: Russian, fixed-line, foreign.
const PHONES: [u64; 4] = [79_255_070_602, 74_993_221_627, 442_079_460_000, 14_155_552_671];

fn message(digits: u64, text: &str) -> Submission {
    Submission::new(MessageId::new(), PhoneNumber::from_digits(digits).unwrap(), text)
}

fn read(status: u16, body: &[u8], recipients: usize) -> Vec<OutcomeClass> {
    let messages: Vec<Submission> =
        PHONES[..recipients].iter().map(|digits| message(*digits, "Код 1234")).collect();
    let recipients: Vec<Recipient<'_>> = messages.iter().map(Recipient::from).collect();
    let outcomes = send_reply::read(status, body, &recipients, &SmsRuConfig::new("ID")).outcomes;
    outcomes.into_iter().map(|outcome| outcome.class).collect()
}

/// An entry in the map of a reply: the index of its recipient if there is one, its key, and the two
/// fields of its verdict.
#[derive(Clone, Debug)]
struct Entry {
    recipient: Option<usize>,
    key: String,
    status: Option<&'static str>,
    code: Option<&'static str>,
}

impl Entry {
    fn json(&self) -> String {
        let mut fields = vec![r#""sms_id":"202626-1""#.to_owned()];
        fields.extend(self.status.map(|status| format!(r#""status":{status}"#)));
        fields.extend(self.code.map(|code| format!(r#""status_code":{code}"#)));
        format!("{:?}:{{{}}}", self.key, fields.join(","))
    }

    fn accepts(&self) -> bool {
        self.status == Some(r#""OK""#) && matches!(self.code, Some("100" | r#""100""#))
    }
}

fn entry() -> impl Strategy<Value = Entry> {
    let status = prop::option::weighted(
        0.9,
        prop::sample::select(vec![r#""OK""#, r#""ERROR""#, "null", "true"]),
    );
    let codes = vec!["100", r#""100""#, "202", "231", "null", "[]", "299", "1e400"];
    let code = prop::option::weighted(0.9, prop::sample::select(codes));
    (0..PHONES.len() + 2, 0..4, status, code).prop_map(|(recipient, spelling, status, code)| {
        let digits = PHONES.get(recipient).map(u64::to_string);
        let key = match (&digits, spelling) {
            (Some(digits), 0) => format!("+{digits}"),
            (Some(digits), 1) if digits.starts_with('7') => format!("8{}", &digits[1..]),
            (Some(digits), 2) if digits.starts_with('7') => digits[1..].to_owned(),
            (Some(digits), _) => digits.clone(),
            (None, 0) => "79990000000".to_owned(),
            (None, _) => spelling.to_string(),
        };
        Entry { recipient: digits.map(|_| recipient), key, status, code }
    })
}

proptest! {
    #[test]
    fn any_bytes_give_one_unknown_or_refused_outcome_per_message(
        status in 100..600_u16,
        body in prop::collection::vec(any::<u8>(), 0..200),
        recipients in 1..=4_usize,
    ) {
        let classes = read(status, &body, recipients);
        prop_assert_eq!(classes.len(), recipients);
        prop_assert!(!classes.contains(&OutcomeClass::Accepted));
    }

    #[test]
    fn a_message_is_accepted_only_if_its_recipient_was(
        top in prop::sample::select(vec![
            r#""status":"OK","status_code":100"#,
            r#""status":"ERROR","status_code":200"#,
            r#""status":"OK""#,
            r#""x":1"#,
        ]),
        entries in prop::collection::vec(entry(), 0..6),
        recipients in 1..=4_usize,
    ) {
        let sms: Vec<String> = entries.iter().map(Entry::json).collect();
        let body = format!("{{{top},\"sms\":{{{}}}}}", sms.join(","));
        let classes = read(200, body.as_bytes(), recipients);
        prop_assert_eq!(classes.len(), recipients);
        let has_numbers = entries.iter().any(|entry| entry.key.len() >= 7);
        let by_order = entries.len() == recipients && !has_numbers;
        for (index, class) in classes.iter().enumerate() {
            if *class == OutcomeClass::Accepted {
                let own = entries.iter().filter(|entry| entry.recipient == Some(index));
                let mut own = own.peekable();
                let named = own.peek().is_some() && own.all(Entry::accepts);
                prop_assert!(named || (by_order && entries[index].accepts()), "{} {}", index, body);
                prop_assert!(!top.contains("ERROR"));
            }
        }
    }

    #[test]
    fn a_good_reply_cut_or_changed_anywhere_accepts_nobody_wrongly(
        at in 0..140_usize,
        byte in any::<u8>(),
        cut: bool,
    ) {
        let good = concat!(
            r#"{"status":"OK","status_code":100,"sms":{"#,
            r#""79255070602":{"status":"ERROR","status_code":207},"#,
            r#""74993221627":{"status":"OK","status_code":100,"sms_id":"1"}}}"#,
        );
        let mut body = good.as_bytes().to_vec();
        if cut { body.truncate(at) } else { body[at] = byte }
        let classes = read(200, &body, 2);
        prop_assert_eq!(classes.len(), 2);
        prop_assert_ne!(classes[0], OutcomeClass::Accepted);
        prop_assert!(!cut || classes == [OutcomeClass::Unknown; 2]);
    }

    #[test]
    fn a_batch_is_divided_into_the_fewest_requests_that_can_carry_it(
        kinds in prop::collection::vec((0..12_u64, 0..3_usize, any::<bool>()), 0..60),
        limit in 1..=100_usize,
    ) {
        let config = SmsRuConfig::new("ID").from("A").batch(limit);
        let batch: Vec<Submission> = kinds.iter().map(|(number, from, translit)| {
            let mut submission = message(79_250_000_000 + number, "hi");
            submission.from = [None, Some("A"), Some("B")][*from].map(str::to_owned);
            submission.options.translit = *translit;
            submission
        }).collect();
        let groups = send_request::group(&batch, &config, 0, |_| false);
        let mut all: Vec<usize> = groups.concat();
        all.sort_unstable();
        prop_assert_eq!(all, (0..batch.len()).collect::<Vec<_>>());
        for group in &groups {
            let numbers = group.iter().map(|index| canonical(batch[*index].to.digits()));
            let numbers: HashSet<u64> = numbers.collect();
            prop_assert_eq!(numbers.len(), group.len());
            prop_assert!(group.len() <= limit);
        }
        let mut kinds_count: HashMap<(bool, bool), HashMap<u64, usize>> = HashMap::new();
        for (number, from, translit) in &kinds {
            let numbers = kinds_count.entry((*from == 2, *translit)).or_default();
            *numbers.entry(*number).or_default() += 1;
        }
        let least = |numbers: &HashMap<u64, usize>| {
            let commonest = numbers.values().copied().max().unwrap_or(0);
            commonest.max(numbers.values().sum::<usize>().div_ceil(limit))
        };
        prop_assert_eq!(groups.len(), kinds_count.values().map(least).sum::<usize>());
    }
}

#[test]
fn numbers_that_could_be_taken_for_each_other_never_share_a_request() {
    let config = SmsRuConfig::new("ID");
    // Moscow, and a number in Pakistan written as Russian ones are without their 7.
    let batch = [message(79_251_234_567, "a"), message(9_251_234_567, "b")];
    assert_eq!(send_request::group(&batch, &config, 0, |_| false).len(), 2);
}
