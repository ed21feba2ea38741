//! `send-csv`: a file of recipients, checked, shown, and sent through a running server.

use std::io::{self, BufRead as _, IsTerminal as _, Write as _};
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context as _, bail};
use clap::Args;
use serde_json::Value;
use tokio::time::sleep;

use super::client::Client;
use crate::output::{print, try_print};

/// The largest file that a server takes, in bytes.
const MAX_FILE: u64 = 10 * 1024 * 1024;
/// The time between two looks at the job.
const INTERVAL: Duration = Duration::from_millis(500);
/// The width of the progress bar.
const BAR: u64 = 40;

/// Arguments of `send-csv`.
#[derive(Debug, Args)]
pub struct SendCsvCommand {
    /// The file: CSV as a spreadsheet saves it
    file: PathBuf,
    /// The text; {name} stands for the cell of the column "name" [default: the column "text"]
    #[arg(long, value_name = "TEMPLATE", conflicts_with = "text_column")]
    text: Option<String>,
    /// The column of phone numbers, by name or letter [default: found]
    #[arg(long, value_name = "COLUMN")]
    to: Option<String>,
    /// The column of texts, by name or letter
    #[arg(long, value_name = "COLUMN")]
    text_column: Option<String>,
    /// Tell if the first row has the names of the columns: true or false [default: found]
    #[arg(long)]
    header: Option<bool>,
    /// The separator of cells: semicolon, comma or tab [default: found]
    #[arg(long)]
    separator: Option<String>,
    /// The sender name [default: the provider's own]
    #[arg(long)]
    from: Option<String>,
    /// The purpose of the messages: otp, service, marketing [default: service]
    #[arg(long)]
    class: Option<String>,
    /// Your own reference; lists can be filtered by it [default: the id of the import]
    #[arg(long)]
    reference: Option<String>,
    /// The time to send them: 2026-12-31T09:30:00+03:00 [default: now]
    #[arg(long, value_name = "TIME")]
    send_at: Option<String>,
    /// Send without asking; wrong rows are left out
    #[arg(long)]
    yes: bool,
    /// Check the file and send nothing
    #[arg(long, conflicts_with = "yes")]
    dry_run: bool,
    /// Write what became of each row to this file, as CSV
    #[arg(long, value_name = "FILE")]
    report: Option<PathBuf>,
}

/// Sends a message to each row of a file.
///
/// # Errors
///
/// Errors of the file or the server; a row that was not sent, where others were.
pub(crate) async fn run(command: SendCsvCommand) -> anyhow::Result<()> {
    if !command.yes && !command.dry_run && !io::stdin().is_terminal() {
        bail!("there is nobody to ask: --yes sends without asking, --dry-run only checks");
    }
    let client = Client::from_environment()?;
    let name = command.file.display().to_string();
    let size = std::fs::metadata(&command.file).with_context(|| name.clone())?.len();
    if size > MAX_FILE {
        bail!("{name}: is larger than 10 MiB; divide it");
    }
    let file = std::fs::read(&command.file).with_context(|| name.clone())?;
    let import = client.post_file("/v1/imports", &parameters(&command), file).await?;
    let path = format!("/v1/imports/{}", text(&import["id"]));
    print(&describe(&import))?;
    let (valid, invalid) = (number(&import["valid"]), number(&import["invalid"]));
    if command.dry_run {
        client.delete(&path).await?;
        if invalid > 0 {
            bail!("{name}: {invalid} of {} rows are wrong", valid + invalid);
        }
        return Ok(());
    }
    if valid == 0 {
        client.delete(&path).await?;
        bail!("{name}: no row can be sent");
    }
    if !command.yes && !ask(&format!("Send {valid} messages?"))? {
        client.delete(&path).await?;
        bail!("nothing was sent");
    }
    let job = client.post_empty(&format!("{path}/send")).await?;
    let ended = follow(&client, &job).await?;
    if let Some(report) = &command.report {
        let rows = client.get_file(&format!("{path}/report.csv")).await?;
        std::fs::write(report, rows).with_context(|| report.display().to_string())?;
    }
    let (done, total) = (number(&ended["done"]), number(&ended["total"]));
    print(&format!("{done} of {total} rows were accepted; the job is {}", text(&ended["id"])))?;
    if done < total {
        let report = format!("{path}/report.csv");
        bail!("{} of {total} rows were not sent; {report} says why", total - done);
    }
    Ok(())
}

fn parameters(command: &SendCsvCommand) -> Vec<(&'static str, String)> {
    let name = command.file.file_name().map(|name| name.to_string_lossy().into_owned());
    let optional = [
        ("file_name", name),
        ("text", command.text.clone()),
        ("to_column", command.to.clone()),
        ("text_column", command.text_column.clone()),
        ("header", command.header.map(|it| it.to_string())),
        ("separator", command.separator.clone()),
        ("from", command.from.clone()),
        ("class", command.class.clone()),
        ("reference", command.reference.clone()),
        ("send_at", command.send_at.clone()),
    ];
    optional.into_iter().filter_map(|(name, value)| Some((name, value?))).collect()
}

/// The check of a file, for people: first messages, first errors, sums.
fn describe(import: &Value) -> String {
    let mut lines = Vec::new();
    for message in list(&import["preview"]) {
        let place = format!("row {} to {}", message["row"], text(&message["to"]));
        let parts = number(&message["parts"]);
        lines.push(format!("{place}, {}: {}", counted(parts, "part"), text(&message["text"])));
    }
    for row in list(&import["errors"]) {
        for error in list(&row["errors"]) {
            let words: Vec<&str> = [&error["column"], &error["value"]]
                .into_iter()
                .filter_map(Value::as_str)
                .chain([text(&error["detail"])])
                .collect();
            lines.push(format!("row {} is wrong: {}", row["row"], words.join(": ")));
        }
    }
    let (valid, invalid) = (number(&import["valid"]), number(&import["invalid"]));
    let shown = list(&import["errors"]).count() as u64;
    if invalid > shown {
        lines.push(format!("and {} more rows are wrong", invalid - shown));
    }
    if let Some(at) = import["same_file"]["sent_at"].as_str() {
        lines.push(format!("warning: the same file was sent at {at}"));
    }
    let parts = counted(number(&import["parts"]), "part");
    lines.push(format!(
        "{}: {valid} to send with {parts}, {invalid} wrong",
        counted(valid + invalid, "row")
    ));
    lines.join("\n")
}

/// Asks at the terminal.
fn ask(question: &str) -> anyhow::Result<bool> {
    let mut stdout = io::stdout().lock();
    write!(stdout, "{question} [y/N] ").and_then(|()| stdout.flush()).context("the question")?;
    let mut answer = String::new();
    io::stdin().lock().read_line(&mut answer).context("the answer")?;
    Ok(["y", "yes", "д", "да"].contains(&answer.trim().to_lowercase().as_str()))
}

/// Shows the progress of a job until its end.
async fn follow(client: &Client, job: &Value) -> anyhow::Result<Value> {
    let path = format!("/v1/jobs/{}", text(&job["id"]));
    let is_terminal = io::stderr().is_terminal();
    loop {
        let job = client.get(&path).await.with_context(|| {
            format!("the server goes on sending; look at {path} for the progress")
        })?;
        if is_terminal {
            try_print(io::stderr(), format!("\r{}", bar(&job)));
        }
        if text(&job["state"]) == "running" {
            sleep(INTERVAL).await;
            continue;
        }
        if is_terminal {
            try_print(io::stderr(), "\n".to_owned());
        }
        return Ok(job);
    }
}

/// A progress bar.
fn bar(job: &Value) -> String {
    let total = number(&job["total"]);
    let ended: u64 = ["done", "failed", "skipped"].map(|name| number(&job[name])).iter().sum();
    let full = (ended * BAR).checked_div(total).unwrap_or(BAR).min(BAR);
    let (full, rest) = (usize::try_from(full), usize::try_from(BAR - full));
    let (full, rest) = ("#".repeat(full.unwrap_or(0)), ".".repeat(rest.unwrap_or(0)));
    format!("[{full}{rest}] {ended} of {total}")
}

fn counted(count: u64, name: &str) -> String {
    let ending = if count == 1 { "" } else { "s" };
    format!("{count} {name}{ending}")
}

fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

fn number(value: &Value) -> u64 {
    value.as_u64().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_check_is_told_in_lines() {
        let import = json!({
            "valid": 1, "invalid": 3, "parts": 1,
            "same_file": {"import": "x", "sent_at": "2026-11-23T09:30:00.000Z"},
            "preview": [{"row": 2, "to": "+79251234567", "text": "hi Anna", "parts": 1}],
            "errors": [
                {"row": 3, "errors": [
                    {"column": "phone", "value": "1", "code": "phone_invalid", "detail": "must be"},
                ]},
                {"row": 4, "errors": [{"code": "row_repeated", "detail": "has the number"}]},
            ],
        });
        let lines = [
            "row 2 to +79251234567, 1 part: hi Anna",
            "row 3 is wrong: phone: 1: must be",
            "row 4 is wrong: has the number",
            "and 1 more rows are wrong",
            "warning: the same file was sent at 2026-11-23T09:30:00.000Z",
            "4 rows: 1 to send with 1 part, 3 wrong",
        ];
        assert_eq!(describe(&import), lines.join("\n"));
    }

    #[test]
    fn a_bar_shows_the_share_that_has_ended() {
        for (job, expected) in [
            (json!({"total": 4, "done": 1, "failed": 1, "skipped": 0}), (20, "2 of 4")),
            (json!({"total": 0, "done": 0, "failed": 0, "skipped": 0}), (40, "0 of 0")),
            (json!({"total": 3, "done": 1, "failed": 1, "skipped": 1}), (40, "3 of 3")),
        ] {
            let bar = bar(&job);
            assert_eq!((bar.matches('#').count(), bar.ends_with(expected.1)), (expected.0, true));
        }
    }
}
