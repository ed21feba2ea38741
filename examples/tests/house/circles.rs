//! Import circles between the files of a crate.

use std::collections::{BTreeMap, BTreeSet};

use crate::source::{Source, is_in_name};

/// The place of a module in its crate: `["worker", "attempt"]`; empty for the root.
type Module = Vec<String>;

/// The modules of a program or a library that have a file of their own, tests left out.
struct Crate {
    files: BTreeMap<Module, File>,
}

struct File {
    path: String,
    tokens: Vec<Token>,
}

struct Token {
    line: usize,
    text: String,
}

/// A path in the code, such as `crate::store::Store`.
struct Import {
    line: usize,
    path: Vec<String>,
}

/// Imports that are part of a circle, as `file:line: path`.
pub(crate) fn imports_in_circles(sources: &[Source]) -> Vec<String> {
    let is_root = |source: &&Source| {
        let path = &source.path;
        path.ends_with("/src/lib.rs") || path.ends_with("/src/main.rs") || path.contains("/bin/")
    };
    sources.iter().filter(is_root).flat_map(|root| Crate::read(root, sources).circles()).collect()
}

impl Crate {
    fn read(root: &Source, sources: &[Source]) -> Self {
        let by_path = sources.iter().map(|source| (&*source.path, source)).collect();
        let mut all = Self { files: BTreeMap::new() };
        let folder = root.path.rsplit_once('/').expect("a folder").0;
        all.add(Vec::new(), root, folder, &by_path);
        all
    }

    /// Adds a file and the modules that it declares; theirs are in `folder`.
    fn add(
        &mut self,
        module: Module,
        source: &Source,
        folder: &str,
        sources: &BTreeMap<&str, &Source>,
    ) {
        let tokens = tokens(&without_tests(&source.split().code));
        let declared = tokens.windows(3).filter(|three| three[0].text == "mod");
        let declared = declared.filter(|three| three[2].text == ";");
        for name in declared.map(|three| &three[1].text) {
            let folder = format!("{folder}/{name}");
            let file = [format!("{folder}.rs"), format!("{folder}/mod.rs")];
            if let Some(child) = file.iter().find_map(|path| sources.get(&**path)) {
                self.add([&*module, std::slice::from_ref(name)].concat(), child, &folder, sources);
            }
        }
        self.files.insert(module, File { path: source.path.clone(), tokens });
    }

    fn circles(&self) -> Vec<String> {
        let mut edges: BTreeMap<&Module, BTreeMap<&Module, Import>> = BTreeMap::new();
        for (module, file) in &self.files {
            for import in imports(&file.tokens) {
                if let Some(target) = self.target(module, &import.path).filter(|to| *to != module) {
                    edges.entry(module).or_default().entry(target).or_insert(import);
                }
            }
        }
        let reached = |from| {
            let (mut seen, mut next) = (BTreeSet::new(), vec![from]);
            while let Some(module) = next.pop() {
                let targets = edges.get(module).into_iter().flat_map(BTreeMap::keys).copied();
                next.extend(targets.filter(|target| seen.insert(*target)));
            }
            seen
        };
        let mut found = Vec::new();
        for (from, imports) in &edges {
            for (to, import) in imports.iter().filter(|(to, _)| reached(to).contains(from)) {
                let (path, line) = (&self.files[*from].path, import.line);
                let (names, target) = (import.path.join("::"), &self.files[*to].path);
                found.push(format!("{path}:{line}: {names} is in {target}, which leads back"));
            }
        }
        found
    }

    /// The deepest module with a file that the path names; none for paths into other crates.
    fn target(&self, module: &Module, path: &[String]) -> Option<&Module> {
        let ups = path.iter().take_while(|name| *name == "super").count();
        let (base, rest) = match &*path[0] {
            "crate" => (&module[..0], &path[1..]),
            "self" => (&module[..], &path[1..]),
            "super" => (&module[..module.len().checked_sub(ups)?], &path[ups..]),
            child if self.files.contains_key(&[&**module, &[child.to_owned()]].concat()) => {
                (&module[..], path)
            }
            _ => return None,
        };
        let deeper = (0..=rest.len()).rev().map(|length| [base, &rest[..length]].concat());
        deeper.into_iter().find_map(|name| Some(self.files.get_key_value(&name)?.0))
    }
}

/// The code without the items under `#[cfg(test)]`.
fn without_tests(code: &str) -> String {
    const TEST: &str = "#[cfg(test)]";
    let mut kept = String::new();
    let mut rest = code;
    while let Some(at) = rest.find(TEST) {
        let (before, item) = rest.split_at(at);
        kept.push_str(before);
        let mut depth = 0;
        let end = item.char_indices().skip(TEST.len()).find(|(_, letter)| {
            depth += match letter {
                '(' | '[' | '{' => 1,
                ')' | ']' | '}' => -1,
                _ => 0,
            };
            depth < 0 || (depth == 0 && (*letter == ';' || *letter == '}'))
        });
        let (item, after) = item.split_at(end.map_or(item.len(), |(at, _)| at + 1));
        // Lines keep their numbers.
        kept.extend(item.chars().filter(|letter| *letter == '\n'));
        rest = after;
    }
    kept + rest
}

/// Names, `::` and single signs.
fn tokens(code: &str) -> Vec<Token> {
    let mut found = Vec::new();
    for (line, mut rest) in (1..).zip(code.lines()) {
        while let Some(first) = rest.chars().next() {
            let length = if is_in_name(first) {
                rest.find(|letter| !is_in_name(letter)).unwrap_or(rest.len())
            } else if rest.starts_with("::") {
                2
            } else {
                first.len_utf8()
            };
            if !first.is_whitespace() {
                found.push(Token { line, text: rest[..length].to_owned() });
            }
            rest = &rest[length..];
        }
    }
    found
}

/// Every path of two names or more, with the groups of `use` taken apart.
fn imports(tokens: &[Token]) -> Vec<Import> {
    let mut found = Vec::new();
    let mut at = 0;
    while at < tokens.len() {
        // `pub(in crate::worker)` imports nothing.
        let is_scope = at > 1 && tokens[at - 2].text == "(" && tokens[at - 1].text == "in";
        let from = found.len();
        at = path(tokens, at, &[], &mut found);
        if is_scope {
            found.truncate(from);
        }
    }
    found.retain(|import: &Import| import.path.len() > 1);
    found
}

/// Reads the path that begins at a token and returns the index of the token after it.
fn path(tokens: &[Token], start: usize, prefix: &[String], found: &mut Vec<Import>) -> usize {
    let text = |at: usize| tokens.get(at).map_or("", |token| &*token.text);
    let mut whole = prefix.to_vec();
    let mut at = start;
    loop {
        if text(at) == "{" && !whole.is_empty() {
            at += 1;
            while text(at) != "}" && at < tokens.len() {
                at = path(tokens, at, &whole, found);
            }
            return at + 1;
        }
        if !(text(at).starts_with(is_in_name) || text(at) == "*" && !whole.is_empty()) {
            break;
        }
        whole.push(text(at).to_owned());
        at += 1;
        if text(at) != "::" {
            break;
        }
        at += 1;
    }
    if whole.len() > prefix.len() {
        found.push(Import { line: tokens[start].line, path: whole });
    }
    at.max(start + 1)
}
