//! Files for spreadsheets: UTF-8 with a byte order mark, cells that are no formulas, rows that are
//! sent as they are read.

use std::future::Future;

use axum::body::Body;
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use csv::WriterBuilder;
use futures_util::{StreamExt as _, stream};
use sms_core::{Error, ErrorKind};

use super::params::{Params, Rule, put, unknown};
use super::problem::Problem;

/// The byte order mark, by which spreadsheets recognise UTF-8.
pub(crate) const BOM: &[u8] = b"\xef\xbb\xbf";
/// The separator of cells, unless the client asks for another one.
pub(crate) const SEPARATOR: u8 = b';';

/// The rows of a file, read page by page.
pub(crate) trait CsvPages: Send + 'static {
    /// The name of the file.
    const FILE: &'static str;
    /// The names of the columns.
    const COLUMNS: &'static [&'static str];

    /// The cells of the next rows, which may be none; `None` at the end.
    fn next(&mut self) -> impl Future<Output = Result<Option<Vec<Vec<String>>>, Problem>> + Send;
}

/// The reply with a file. An error after the first page ends the connection before the end of the
/// body.
pub(crate) async fn reply<P: CsvPages>(separator: u8, mut pages: P) -> Result<Response, Problem> {
    // The first page is read before the reply, so that what is wrong is a problem.
    let first = pages.next().await?;
    let columns = P::COLUMNS.iter().map(|name| (*name).to_owned()).collect();
    let mut head = BOM.to_vec();
    head.extend(write(separator, vec![columns])?);
    let pages = first.is_some().then_some(pages);
    head.extend(write(separator, first.unwrap_or_default())?);
    let rest = stream::try_unfold(pages, move |pages| async move {
        let Some(mut pages) = pages else { return Ok(None) };
        let page = match pages.next().await {
            Ok(Some(rows)) => write(separator, rows),
            Ok(None) => return Ok(None),
            Err(problem) => Err(problem),
        };
        let page = page.map_err(|problem| {
            tracing::warn!(problem = problem.code(), file = P::FILE, "a file was cut short");
            std::io::Error::other("the next rows cannot be read")
        })?;
        Ok(Some((page, Some(pages))))
    });
    let head = stream::once(async move { Ok::<_, std::io::Error>(head) });
    let headers = [
        (CONTENT_TYPE, "text/csv; charset=utf-8; header=present".to_owned()),
        (CONTENT_DISPOSITION, format!("attachment; filename=\"{}\"", P::FILE)),
    ];
    Ok((headers, Body::from_stream(head.chain(rest))).into_response())
}

/// Reads the parameters of a file that has only `separator`.
///
/// # Errors
///
/// A parameter that is unknown, repeated or wrong.
pub(crate) fn separator(params: Params) -> Result<u8, Problem> {
    let mut separator = SEPARATOR;
    params.set_each(|name, value| match name {
        "separator" => put_separator(&mut separator, value),
        _ => unknown(),
    })?;
    Ok(separator)
}

/// Sets the separator from the parameter of that name.
pub(crate) fn put_separator(slot: &mut u8, value: &str) -> Option<Rule> {
    let known = [("semicolon", b';'), ("comma", b',')];
    let known = known.into_iter().find_map(|(name, byte)| (name == value).then_some(byte));
    put(slot, known, "must be semicolon or comma")
}

fn write(separator: u8, rows: Vec<Vec<String>>) -> Result<Vec<u8>, Problem> {
    let unwritable = |error| {
        let error = Error::new(ErrorKind::Internal, "a row cannot be written").with_source(error);
        Problem::from(error)
    };
    let mut writer = WriterBuilder::new()
        .delimiter(separator)
        .terminator(csv::Terminator::CRLF)
        .from_writer(Vec::new());
    for row in rows {
        writer.write_record(row).map_err(unwritable)?;
    }
    writer.into_inner().map_err(|error| unwritable(error.into_error().into()))
}

/// A cell that no spreadsheet takes for a formula: one that begins like a formula gets an
/// apostrophe in front.
pub(crate) fn safe(cell: &str) -> String {
    let is_formula = cell.starts_with(['=', '+', '-', '@', '\t', '\r']);
    if is_formula { format!("'{cell}") } else { cell.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cell_that_begins_like_a_formula_is_defused() {
        for cell in ["=1+1", "+7", "-1", "@SUM(A1)", "\t=1", "\r=1"] {
            assert_eq!(safe(cell), format!("'{cell}"));
        }
        for cell in ["", "Код 1234", "a=b", "1-2", "'=1"] {
            assert_eq!(safe(cell), cell);
        }
    }
}
