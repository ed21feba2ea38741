//! The check of a file, on a thread of its own: a large one takes seconds.

use sha2::{Digest as _, Sha256};
use sms_core::worklists::item::{ItemState, WorkItem};
use sms_core::{Error, Message, NewMessage, NumberReader, PhoneNumber, Sender};
use tokio::sync::mpsc;
use tokio::task::{JoinHandle, spawn_blocking};

use super::options::ImportOptions;
use super::sample::{Sample, SampleMessage};
use crate::app::App;
use crate::bulk::import::{ImportFile, RowCounts, errors_result, row_payload};
use crate::hex::hex;
use crate::http::problem::Problem;
use crate::imports::check::{CheckedRow, Checker, MAX_ROWS, Rules, too_many_rows};
use crate::imports::encoding::decode;
use crate::imports::layout::Layout;
use crate::imports::mailing::{Mailing, MailingOptions};
use crate::keys::Principal;
use crate::rest::upload::{Held, Upload, interrupted, of_file};

/// Rows that are written in one transaction.
const CHUNK: usize = 500;
/// Chunks that wait to be written.
const CHUNKS: usize = 2;
/// Messages that are shown.
const PREVIEW: usize = 5;

/// A file that can be read, and the memory and the place among other checks that it takes.
pub(super) struct OpenFile {
    pub(super) found: ImportFile,
    text: String,
    layout: Layout,
    options: MailingOptions,
    numbers: NumberReader,
    rules: CallerRules,
    _held: Held,
}

/// A file of which every row was checked.
pub(super) struct CheckedFile {
    pub(super) mailing: Mailing,
    pub(super) counts: RowCounts,
    pub(super) preview: Vec<u64>,
    /// Messages that stand for all.
    pub(super) sample: Vec<SampleMessage>,
}

/// Rows that were checked.
#[derive(Default)]
pub(super) struct Chunk {
    pub(super) items: Vec<WorkItem>,
    /// The recipients of those with a message, and its parts.
    pub(super) recipients: Vec<(PhoneNumber, u8)>,
}

/// The checks of the caller's messages.
struct CallerRules {
    sender: Sender,
    caller: Principal,
}

impl Rules for CallerRules {
    fn prepare(&self, message: &Message) -> Result<NewMessage, Error> {
        self.sender.prepare(message)
    }

    fn may_send_to(&self, number: PhoneNumber) -> bool {
        self.caller.may_send_to(number)
    }
}

impl OpenFile {
    /// Finds out what is where in a file.
    pub(super) async fn open(
        upload: Upload,
        app: &App,
        caller: Principal,
        options: ImportOptions,
    ) -> Result<Self, Problem> {
        let (numbers, sender) = (app.0.store.numbers(), app.0.sender.clone());
        let ImportOptions { file_name: name, file, mailing: options } = options;
        let find = move |bytes: Vec<u8>| {
            let digest = hex(&Sha256::digest(&bytes));
            let (text, encoding) = decode(bytes)?;
            let layout = Layout::find(&text, &file, numbers)?;
            let found = ImportFile {
                name,
                digest,
                encoding,
                separator: layout.separator,
                has_header: layout.has_header,
                columns: layout.columns.names().to_vec(),
                to_column: layout.columns.name(layout.to),
                text_column: layout.text_column(),
            };
            Ok((found, text, layout))
        };
        let ((found, text, layout), held) = upload.parse(app, find).await?;
        let rules = CallerRules { sender, caller };
        Ok(Self { found, text, layout, options, numbers, rules, _held: held })
    }

    /// Checks the rows. Items come in chunks through the channel; without its receiver the check
    /// ends.
    pub(super) fn check(self) -> (mpsc::Receiver<Chunk>, JoinHandle<Result<CheckedFile, Problem>>) {
        let (items, received) = mpsc::channel(CHUNKS);
        (received, spawn_blocking(move || self.check_all(&items)))
    }

    fn check_all(self, items: &mpsc::Sender<Chunk>) -> Result<CheckedFile, Problem> {
        let Self { text, layout, options, numbers, rules, _held, .. } = self;
        let mut checker = Checker::new(&layout, options, numbers, rules);
        let (mut counts, mut preview) = (RowCounts::default(), Vec::new());
        let (mut chunk, mut sample) = (Chunk::default(), Sample::default());
        for (number, checked) in (0..).zip(checker.check(&text)) {
            if number == MAX_ROWS as u64 {
                return Err(of_file(too_many_rows()));
            }
            count(&mut counts, &checked);
            if let Ok(parts) = checked.result {
                let to = PhoneNumber::parse(&checked.row.to)?;
                chunk.recipients.push((to, parts));
                sample.offer(to, parts, &checked.row);
                if preview.len() < PREVIEW {
                    preview.push(number);
                }
            }
            chunk.items.push(item(number, checked)?);
            if chunk.items.len() == CHUNK {
                let full = std::mem::take(&mut chunk);
                items.blocking_send(full).map_err(|_| interrupted("its request has ended"))?;
            }
        }
        if !chunk.items.is_empty() {
            items.blocking_send(chunk).map_err(|_| interrupted("its request has ended"))?;
        }
        let (mailing, sample) = (checker.into_mailing(), sample.into_messages());
        Ok(CheckedFile { mailing, counts, preview, sample })
    }
}

fn count(counts: &mut RowCounts, checked: &CheckedRow) {
    match checked.result {
        Ok(parts) => {
            counts.valid += 1;
            counts.parts += u64::from(parts);
        }
        Err(_) => counts.invalid += 1,
    }
    counts.repeated += u64::from(checked.is_repeated);
}

fn item(number: u64, CheckedRow { row, result, .. }: CheckedRow) -> Result<WorkItem, Error> {
    let item = WorkItem::new(number, row_payload(&row)?);
    Ok(match result {
        Ok(_) => item,
        Err(errors) => item.ended(ItemState::Skipped, errors_result(&errors)?),
    })
}
