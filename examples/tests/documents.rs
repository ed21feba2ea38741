//! The documents, as a forge shows them: links lead somewhere, and no line of code is there for
//! rustdoc alone.

#![allow(clippy::expect_used)]

use std::fs;
use std::path::{Path, PathBuf};

/// A document without its blocks of code, and those blocks.
struct Document {
    path: PathBuf,
    text: String,
    code: Vec<String>,
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the workspace").to_owned()
}

/// Every Markdown file of the project: at the top, in `docs`, in the crates and one folder below.
fn documents() -> Vec<Document> {
    let folders = |folder: &Path| {
        let entries =
            fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path());
        let hidden =
            |path: &Path| path.file_name().is_some_and(|name| name == "target" || name == "data");
        entries.filter(|path| path.is_dir() && !hidden(path)).collect::<Vec<_>>()
    };
    let mut all = vec![root()];
    all.extend(folders(&root()));
    all.extend(folders(&root()).iter().flat_map(|folder| folders(folder)));
    let files = all.iter().flat_map(|folder| fs::read_dir(folder).expect("a folder"));
    let files = files.map(|entry| entry.expect("an entry").path());
    files.filter(|path| path.extension().is_some_and(|end| end == "md")).map(read).collect()
}

fn read(path: PathBuf) -> Document {
    let whole = fs::read_to_string(&path).expect("text");
    let (mut text, mut code, mut inside) = (String::new(), Vec::new(), false);
    for line in whole.lines() {
        if line.trim_start().starts_with("```") {
            inside = !inside;
            if inside {
                code.push(line.to_owned() + "\n");
            }
        } else if inside {
            let block: &mut String = code.last_mut().expect("a block");
            block.push_str(line);
            block.push('\n');
        } else {
            text.push_str(line);
            text.push('\n');
        }
    }
    Document { path, text, code }
}

impl Document {
    /// Labels and targets of the lines `[label]: target`.
    fn definitions(&self) -> Vec<(&str, &str)> {
        let definition = |line: &'_ str| -> Option<(usize, usize)> {
            let end = line.strip_prefix('[')?.find("]: ")?;
            Some((end + 1, end + 4))
        };
        let lines = self.text.lines();
        lines
            .filter_map(|line| {
                definition(line).map(|(end, target)| (&line[1..end], line[target..].trim()))
            })
            .collect()
    }

    /// The targets of `[text](target)`.
    fn inline(&self) -> Vec<&str> {
        let parts = self.text.split("](").skip(1);
        parts.filter_map(|rest| rest.split(')').next()).collect()
    }

    /// The labels of `[text][label]` and of `[code]` by itself.
    fn references(&self) -> Vec<String> {
        let mut found = Vec::new();
        for line in self.text.lines().filter(|line| !line.starts_with('[') || !line.contains("]: "))
        {
            let line = &without_code(line);
            for (at, _) in line.match_indices('[') {
                let Some(end) = line[at..].find(']').map(|end| at + end) else { continue };
                let (label, after) = (&line[at + 1..end], &line[end + 1..]);
                let is_label = label.starts_with('`') || line[..at].ends_with(']');
                if is_label && !after.starts_with('(') && !after.starts_with('[') {
                    found.push(label.to_owned());
                }
            }
        }
        found
    }

    /// Looks for a heading with this anchor.
    fn has(&self, anchor: &str) -> bool {
        let headings = self.text.lines().filter(|line| line.starts_with('#'));
        let anchors = headings.map(|line| {
            let kept =
                line.trim_start_matches('#').trim().chars().filter_map(|letter| match letter {
                    ' ' => Some('-'),
                    '-' | '_' => Some(letter),
                    letter => letter.is_alphanumeric().then_some(letter),
                });
            kept.flat_map(char::to_lowercase).collect::<String>()
        });
        anchors.into_iter().any(|known| known == anchor)
    }
}

/// A line without what stands in code, but for code that is the label of a link.
fn without_code(line: &str) -> String {
    let mut kept = String::new();
    for (number, part) in line.split('`').enumerate() {
        match number % 2 {
            1 if kept.ends_with('[') => kept.extend(["`", part, "`"]),
            1 => {}
            _ => kept.push_str(part),
        }
    }
    kept
}

fn is_relative(target: &&str) -> bool {
    !target.contains("://") && !target.starts_with("mailto:")
}

#[test]
fn every_link_leads_to_a_file_and_a_heading_that_are_there() {
    let mut dead = Vec::new();
    for document in documents() {
        let definitions = document.definitions().into_iter().map(|(_, target)| target);
        for target in document.inline().into_iter().chain(definitions).filter(is_relative) {
            let (file, anchor) = target
                .split_once('#')
                .map_or((target, None), |(file, anchor)| (file, Some(anchor)));
            let folder = document.path.parent().expect("a folder");
            let path = if file.is_empty() { document.path.clone() } else { folder.join(file) };
            let found = path.exists() && anchor.is_none_or(|anchor| read(path).has(anchor));
            if !found {
                dead.push(format!("{}: {target}", document.path.display()));
            }
        }
    }
    assert!(dead.is_empty(), "dead links:\n{}", dead.join("\n"));
}

#[test]
fn every_reference_has_a_definition_in_its_document() {
    let mut dead = Vec::new();
    for document in documents() {
        let defined: Vec<&str> =
            document.definitions().into_iter().map(|(label, _)| label).collect();
        for label in
            document.references().into_iter().filter(|label| !defined.contains(&label.as_str()))
        {
            dead.push(format!("{}: [{label}]", document.path.display()));
        }
    }
    assert!(dead.is_empty(), "shown in brackets on a forge:\n{}", dead.join("\n"));
}

#[test]
fn no_block_of_code_shows_lines_that_are_meant_to_be_hidden_and_each_says_its_language() {
    let mut wrong = Vec::new();
    for document in documents() {
        for block in &document.code {
            let is_rust = block.starts_with("```rust");
            let hidden = block.lines().any(|line| line == "#" || line.starts_with("# "));
            if (is_rust && hidden)
                || block.starts_with("```\nuse ")
                || block.starts_with("```no_run")
            {
                wrong.push(format!("{}:\n{block}", document.path.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The first definition of a label counts: the crate's, before the README is included, leads to an
/// item.
#[test]
fn links_of_a_crates_readme_lead_to_items_in_its_documentation() {
    let mut dead = Vec::new();
    for document in documents() {
        let folder = document.path.parent().expect("a folder");
        let name = document.path.file_name().expect("a name").to_string_lossy();
        let root = match &*name {
            "README.md" => folder.join("src/lib.rs"),
            "SIMULATOR.md" => folder.join("src/simulator/mod.rs"),
            _ => continue,
        };
        let Ok(code) = fs::read_to_string(&root) else { continue };
        if !code.contains(&format!("{name}\")]")) || root.ends_with("examples/src/lib.rs") {
            continue;
        }
        let inline = document.inline().into_iter().filter(is_relative).map(str::to_owned);
        let undefined =
            document.definitions().into_iter().filter(|(_, target)| is_relative(target));
        let undefined = undefined.filter(|(label, _)| !code.contains(&format!("//! [{label}]: ")));
        let found = inline.chain(undefined.map(|(label, _)| label.to_owned()));
        dead.extend(found.map(|what| format!("{}: {what}", document.path.display())));
    }
    assert!(dead.is_empty(), "dead in the documentation of the crate:\n{}", dead.join("\n"));
}

#[test]
fn the_page_about_testing_shows_the_programs_as_they_are() {
    let page = fs::read_to_string(root().join("docs/TESTING.md")).expect("the page");
    for name in ["sandbox.sh", "sandbox.py", "sandbox.mjs"] {
        let program = root().join("examples/integrators").join(name);
        let program = fs::read_to_string(program).expect("a program");
        assert!(page.contains(&format!("\n{program}```\n")), "{name} has changed");
    }
}

/// The last text in a call of a macro, with the line breaks of the source taken out.
fn last_text(call: &str) -> Option<String> {
    let (start, end) = (call[..call.rfind('"')?].rfind('"')?, call.rfind('"')?);
    let joined = call[start + 1..end].split("\\\n").map(str::trim_start);
    Some(joined.collect())
}

/// The messages that a crate logs at `info` or above, outside of its tests.
fn logged(folder: &Path, messages: &mut Vec<String>) {
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        let name = path.file_name().expect("a name");
        if path.is_dir() && name != "tests" && name != "simulator" {
            logged(&path, messages);
        } else if path.extension().is_some_and(|end| end == "rs") && name != "tests.rs" {
            let source = fs::read_to_string(&path).expect("text");
            let source = source.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
            for level in ["info", "warn", "error"] {
                let call = format!("tracing::{level}!(");
                let calls = source.split(&call).skip(1);
                let calls = calls.filter_map(|rest| rest.split(");").next());
                messages.extend(calls.filter_map(last_text));
            }
        }
    }
}

#[test]
fn the_page_about_the_log_lists_every_line() {
    let page = fs::read_to_string(root().join("docs/LOGGING.md")).expect("a page");
    let mut messages = Vec::new();
    for name in ["core", "server", "smsru", "store-pg", "store-sqlite", "queue-redis", "queue-amqp"]
    {
        logged(&root().join(format!("sms-{name}/src")), &mut messages);
    }
    assert!(messages.len() > 60, "the sources are searched: {messages:?}");
    messages.retain(|message| !page.contains(&format!("`{message}`")));
    // The lines of attempts and receipts have a part of their own there.
    messages.retain(|message| message != "attempt" && message != "receipt");
    assert_eq!(messages, [""; 0], "add them to docs/LOGGING.md");
}

/// The table in OPERATIONS.md says for each level which programs can use the store.
#[test]
fn the_table_of_levels_ends_with_those_of_today() {
    let levels = ["sms-store-sqlite", "sms-store-pg"].map(|store| {
        let schema = fs::read_to_string(root().join(store).join("migrations/schema.txt"));
        let schema = schema.expect("a snapshot of the schema");
        let line = schema.lines().next().and_then(|line| line.strip_prefix("level "));
        let levels = line.and_then(|line| line.split_once(", for programs that know level "));
        levels.map(|(level, oldest)| (level.to_owned(), oldest.to_owned())).expect("levels")
    });
    let page = fs::read_to_string(root().join("docs/OPERATIONS.md")).expect("a page");
    let table = page.lines().skip_while(|line| !line.starts_with("| level in SQLite |"));
    let last = table.take_while(|line| line.starts_with('|')).last().expect("the table of levels");
    let [sqlite, pg] = &levels;
    assert!(
        last.starts_with(&format!("| {} | {} |", sqlite.0, pg.0))
            && last.ends_with(&format!("| {}, {} |", sqlite.1, pg.1)),
        "its last row has to tell of {levels:?}, and is {last}"
    );
}
