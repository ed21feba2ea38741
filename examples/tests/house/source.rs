//! Files of the project, with Rust split into code and prose.

use std::fs;
use std::path::Path;

/// A file of the project.
pub(crate) struct Source {
    /// The path below the folder of the workspace.
    pub(crate) path: String,
    pub(crate) text: String,
}

/// Rust code and its prose (comments, strings, characters): each as long as the whole, with spaces
/// in place of the other.
pub(crate) struct Parts {
    pub(crate) code: String,
    pub(crate) prose: String,
}

/// Reads every file with this extension, in the order of the paths.
pub(crate) fn files(extension: &str) -> Vec<Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the workspace");
    let mut found = Vec::new();
    collect(root, root, extension, &mut found);
    found.sort_by(|one, other| one.path.cmp(&other.path));
    found
}

fn collect(root: &Path, folder: &Path, extension: &str, found: &mut Vec<Source>) {
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        let name = path.file_name().expect("a name").to_string_lossy();
        let is_ours = !name.starts_with('.') && name != "target" && name != "node_modules";
        if path.is_dir() && is_ours {
            collect(root, &path, extension, found);
        } else if path.extension().is_some_and(|end| end == extension) {
            let below = path.strip_prefix(root).expect("a path in the workspace");
            let text = fs::read_to_string(&path).expect("text");
            found.push(Source { path: below.to_string_lossy().into_owned(), text });
        }
    }
}

impl Source {
    /// Tells files that are compiled into a program or a library from tests and examples.
    pub(crate) fn is_in_src(&self) -> bool {
        self.path.contains("/src/")
    }

    pub(crate) fn split(&self) -> Parts {
        let mut parts = Parts { code: String::new(), prose: String::new() };
        let mut rest = &*self.text;
        while !rest.is_empty() {
            let (length, is_prose) = token(rest);
            let (token, after) = rest.split_at(length);
            let blank = token.chars().map(|letter| if letter == '\n' { '\n' } else { ' ' });
            let (own, other) = if is_prose {
                (&mut parts.prose, &mut parts.code)
            } else {
                (&mut parts.code, &mut parts.prose)
            };
            own.push_str(token);
            other.extend(blank);
            rest = after;
        }
        parts
    }
}

/// The length of the token at the start, and if it is a comment, a string or a character.
fn token(rest: &str) -> (usize, bool) {
    let up_to = |from: usize, end: &str| {
        let found = rest.get(from..).and_then(|tail| tail.find(end));
        found.map_or(rest.len(), |at| from + at + end.len())
    };
    let first = rest.chars().next().expect("a character");
    if rest.starts_with("//") {
        (rest.find('\n').unwrap_or(rest.len()), true)
    } else if rest.starts_with("/*") {
        (up_to(2, "*/"), true)
    } else if first == '"' {
        (string(rest), true)
    } else if rest.starts_with("'\\") {
        (up_to(3, "'"), true)
    } else if first == '\'' {
        // A quote without its partner begins a lifetime.
        let quoted = rest.char_indices().nth(2).filter(|(_, letter)| *letter == '\'');
        quoted.map_or((1, false), |(at, _)| (at + 1, true))
    } else if is_in_name(first) {
        let name = rest.find(|letter| !is_in_name(letter)).unwrap_or(rest.len());
        let after = rest[name..].trim_start_matches('#');
        let hashes = rest.len() - name - after.len();
        if rest[..name].ends_with('r') && name <= 2 && after.starts_with('"') {
            (up_to(name + hashes + 1, &format!("\"{}", "#".repeat(hashes))), true)
        } else {
            (name, false)
        }
    } else {
        (first.len_utf8(), false)
    }
}

/// The length of the string at the start, quotes included.
fn string(rest: &str) -> usize {
    let mut escaped = true;
    for (at, letter) in rest.char_indices() {
        match letter {
            '"' if !escaped => return at + 1,
            '\\' => escaped = !escaped,
            _ => escaped = false,
        }
    }
    rest.len()
}

pub(crate) fn is_in_name(letter: char) -> bool {
    letter.is_alphanumeric() || letter == '_'
}
