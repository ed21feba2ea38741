//! The committed build of the pages and their sources, compared without Node.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha256};

/// Sources of the build next to its folders. `tsconfig*.json` belongs to them, too.
const FILES: [&str; 4] = ["index.html", "package.json", "package-lock.json", "vite.config.ts"];
const FOLDERS: [&str; 3] = ["dev", "public", "src"];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("ui")
}

fn sha256(content: &[u8]) -> String {
    Sha256::digest(content).iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// Adds the hash of each file of a folder, by its path.
fn add_folder(folder: &str, hashes: &mut BTreeMap<String, String>) {
    for entry in fs::read_dir(root().join(folder)).expect("a folder") {
        let entry = entry.expect("an entry");
        let path = format!("{folder}/{}", entry.file_name().to_str().expect("UTF-8"));
        if entry.path().is_dir() {
            add_folder(&path, hashes);
        } else {
            add_file(&path, hashes);
        }
    }
}

fn add_file(path: &str, hashes: &mut BTreeMap<String, String>) {
    let content = fs::read(root().join(path)).expect("a file");
    hashes.insert(path.to_owned(), sha256(&content));
}

/// As `ui/dev/sources_hash.ts` makes `dist/build.txt`.
#[test]
fn the_committed_build_was_made_from_the_committed_sources() {
    let mut hashes = BTreeMap::new();
    for path in FILES {
        add_file(path, &mut hashes);
    }
    for folder in FOLDERS {
        add_folder(folder, &mut hashes);
    }
    for entry in fs::read_dir(root()).expect("a folder") {
        let path = entry.expect("an entry").path();
        let name = path.file_name().and_then(|name| name.to_str()).expect("UTF-8");
        if name.starts_with("tsconfig") && path.extension().is_some_and(|end| end == "json") {
            add_file(name, &mut hashes);
        }
    }
    assert!(hashes.len() > 50, "the sources are searched: {hashes:?}");
    let mut lines = String::new();
    for (path, hash) in &hashes {
        let _ = writeln!(lines, "{path} {hash}");
    }
    let built = fs::read_to_string(root().join("dist/build.txt")).expect("a build");
    assert_eq!(
        built.trim(),
        sha256(lines.as_bytes()),
        "run `make ui` and commit sms-server/ui/dist"
    );
}
