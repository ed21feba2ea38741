//! Checks that every behaviour is listed in its macro: one that is written but not listed would be
//! tested by nobody.

use std::fs;
use std::path::{Path, PathBuf};

fn source(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src").join(path)
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).expect("a source file")
}

/// Names of the behaviours in a file.
fn behaviours(file: &Path) -> Vec<String> {
    let name_of =
        |line: &str| Some(line.strip_prefix("pub async fn ")?.split_once('(')?.0.to_owned());
    read(file).lines().filter_map(name_of).collect()
}

fn expect_listed(list: &str, file: &Path) {
    let names = behaviours(file);
    assert!(!names.is_empty(), "{} has no tests", file.display());
    for name in names {
        let listed = list.lines().any(|line| line.trim() == name);
        assert!(listed, "{name} of {} is not in the list of its macro", file.display());
    }
}

#[test]
fn every_behaviour_is_in_the_list_of_its_macro() {
    const SUITES: [&str; 7] =
        ["erasure", "queue", "provider", "registry", "rollups", "stop_list", "worklists"];
    for suite in SUITES {
        let list = read(&source(&format!("macros/{suite}.rs")));
        expect_listed(&list, &source(&format!("{suite}.rs")));
    }
    let list = read(&source("macros/store.rs"));
    let files = fs::read_dir(source("store")).expect("a folder");
    let files = files.map(|entry| entry.expect("an entry").path());
    // These two hold no behaviours: the list of modules, and the steps that tests are made of.
    for file in files.filter(|path| !path.ends_with("mod.rs") && !path.ends_with("steps.rs")) {
        expect_listed(&list, &file);
    }
}
