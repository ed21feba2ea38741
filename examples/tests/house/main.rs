//! The rules of the house that can be counted: how files lean on each other, how long they are,
//! and which words they use.

#![allow(clippy::expect_used)]

mod circles;
mod source;

use source::{Source, files, is_in_name};

/// Names that say too little about the thing, for types, functions and constants.
const NAMES: &[&str] = &[
    "Answer", "Bell", "Book", "Claim", "Desk", "Detailed", "Done", "Fate", "Gate", "Helm", "Lent",
    "Line", "Link", "Order", "Place", "Places", "Pusher", "Rate", "Room", "Shelf", "Shown",
    "Standing", "Steering", "Tallies", "Together", "Word", "ITSELF", "KEEP", "LONG", "LOOK",
    "MOST", "QUIET", "SILENT", "SOON", "STEADY", "TIMES", "fly", "gather", "give", "hold", "learn",
    "let_go", "say", "takes_id",
];

/// The same for files and folders.
const FILES: &[&str] = &[
    "bell", "book", "desk", "fate", "gate", "gather", "helm", "line", "link", "order", "person",
    "place", "places", "pusher", "room", "shelf", "steer", "steering", "sweep", "tally",
];

/// Words and turns that a reader with English as a second language stumbles over.
const WORDS: &[&str] = &[
    "whose",
    "whoever",
    "anew",
    "for ever",
    "as good as",
    "it is none",
    "none of its",
    "of one's own",
    "a person's word",
    "it stands",
    "the look",
    "the wait",
    "beside",
];

/// First words that ask a question where the doc of an item names the thing.
const QUESTIONS: &[&str] =
    &["What", "How", "Whether", "Whose", "Of", "By", "When", "Where", "Who", "Which"];

/// Fails with the list of findings, if there are more than `allowed`.
fn expect_at_most(allowed: usize, findings: &[String]) {
    let (count, list) = (findings.len(), findings.join("\n"));
    assert!(count <= allowed, "{count} findings, {allowed} allowed:\n{list}");
}

fn sources() -> Vec<Source> {
    files("rs").into_iter().filter(Source::is_in_src).collect()
}

#[test]
fn no_file_imports_from_one_that_leads_back_to_it() {
    expect_at_most(0, &circles::imports_in_circles(&sources()));
}

#[test]
fn a_file_of_more_than_400_lines_gives_the_reason_in_its_head() {
    let mut found = Vec::new();
    for Source { path, text } in sources() {
        let lines = text.lines().count();
        let mut head = text.lines().take_while(|line| line.starts_with("//!"));
        let has_reason = head.any(|line| {
            line.strip_prefix("//! Over 400 lines:").is_some_and(|reason| !reason.trim().is_empty())
        });
        if lines > 400 && !has_reason {
            found.push(format!("{path}:{lines}: more than 400 lines"));
        }
    }
    expect_at_most(0, &found);
}

#[test]
fn names_say_what_the_thing_is() {
    const KEYWORDS: &[&str] = &["struct", "enum", "trait", "type", "fn", "const", "static"];
    let mut found = Vec::new();
    for source in files("rs") {
        let path = &source.path;
        let names = path.trim_end_matches(".rs").split('/');
        for name in names.filter(|name| FILES.contains(name)) {
            found.push(format!("{path}:1: file or folder {name}"));
        }
        for (number, line) in (1..).zip(source.split().code.lines()) {
            let words: Vec<&str> =
                line.split(|letter| !is_in_name(letter)).filter(|word| !word.is_empty()).collect();
            let defined = words.windows(2).filter(|two| KEYWORDS.contains(&two[0]));
            for name in defined.map(|two| two[1]).filter(|name| NAMES.contains(name)) {
                found.push(format!("{path}:{number}: {name}"));
            }
            if line.contains("fn pause(&self) -> Option") {
                found.push(format!("{path}:{number}: pause, which returns a reason"));
            }
        }
    }
    expect_at_most(0, &found);
}

#[test]
fn fewer_than_one_doc_in_twenty_begins_with_a_question() {
    let (mut docs, mut found) = (0, Vec::new());
    for Source { path, text } in sources() {
        let mut before = None;
        for (number, line) in (1..).zip(text.lines()) {
            let line = line.trim_start();
            let mark = ["///", "//!"].into_iter().find(|mark| line.starts_with(mark));
            if let Some(mark) = mark.filter(|_| mark != before) {
                docs += 1;
                let first = line[mark.len()..].split_whitespace().next().unwrap_or_default();
                if QUESTIONS.contains(&first.trim_end_matches(|end| !is_in_name(end))) {
                    found.push(format!("{path}:{number}: {line}"));
                }
            }
            before = mark;
        }
    }
    expect_at_most((docs - 1) / 20, &found);
}

#[test]
fn lines_of_rust_end_at_100_columns() {
    let mut found = Vec::new();
    for Source { path, text } in files("rs") {
        for (number, line) in (1..).zip(text.lines()) {
            let columns = line.chars().count();
            if columns > 100 {
                found.push(format!("{path}:{number}: {columns} columns"));
            }
        }
    }
    expect_at_most(0, &found);
}

/// The types that compare secrets in constant time, and in no other way.
const COMPARE_SECRETS: &[&str] =
    &["sms-server/src/secret_hash.rs", "sms-smsru/src/callback/signature.rs"];

#[test]
fn secrets_are_compared_by_the_types_that_do_it_in_constant_time() {
    let mut found = Vec::new();
    for source in sources().into_iter().filter(|it| !COMPARE_SECRETS.contains(&&*it.path)) {
        let code = source.split().code;
        for statement in code.split([';', '{', '}']) {
            // `SecretString` has no `==` itself.
            let is_shown = statement.contains("expose_secret()");
            let is_compared = [" == ", " != ", ".eq(", ".ne(", ".cmp("];
            let is_compared = is_compared.iter().any(|by| statement.contains(by));
            if statement.contains("ct_eq") || is_shown && is_compared {
                found.push(format!("{}: {}", source.path, statement.trim()));
            }
        }
    }
    expect_at_most(0, &found);
}

#[test]
fn comments_strings_and_documents_use_plain_words() {
    let mut found = Vec::new();
    for source in sources() {
        found.extend(turns(&source.path, &source.split().prose));
    }
    for Source { path, text } in files("md") {
        found.extend(turns(&path, &text));
    }
    expect_at_most(0, &found);
}

/// The places in a text where one of [`WORDS`] is, also over the end of a line.
fn turns(path: &str, text: &str) -> Vec<String> {
    // A name in backticks is no word.
    let is_mark = |sign: char| !is_in_name(sign) && sign != '`';
    let words: Vec<(usize, String)> = (1..)
        .zip(text.lines())
        .flat_map(|(number, line)| line.split_whitespace().map(move |word| (number, word)))
        .map(|(number, word)| (number, word.trim_matches(is_mark).to_lowercase()))
        .filter(|(_, word)| !word.is_empty())
        .collect();
    let mut found = Vec::new();
    for turn in WORDS {
        let parts: Vec<&str> = turn.split(' ').collect();
        for place in words.windows(parts.len()) {
            if place.iter().map(|(_, word)| word).eq(parts.iter()) {
                found.push(format!("{path}:{}: {turn}", place[0].0));
            }
        }
    }
    found
}
