//! Search for the programs of the servers.

use std::path::{Path, PathBuf};
use std::process::Command;

/// Finds a program in one of these folders, or else in PATH.
pub(super) fn find(name: &str, folders: &[PathBuf]) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut all = folders.iter().cloned().chain(std::env::split_paths(&path));
    all.find_map(|folder| Some(folder.join(name)).filter(|file| file.is_file()))
}

/// Lists the folders `parent/*/inner`, such as `/usr/lib/postgresql/*/bin`, highest version first.
pub(super) fn versions(parent: &str, inner: &str) -> Vec<PathBuf> {
    let mut found: Vec<PathBuf> = std::fs::read_dir(parent)
        .map(|entries| entries.flatten().map(|entry| entry.path().join(inner)).collect())
        .unwrap_or_default();
    found.retain(|folder| folder.is_dir());
    found.sort_by_key(|folder| std::cmp::Reverse(numbers(folder)));
    found
}

fn numbers(path: &Path) -> Vec<u32> {
    let name = path.to_string_lossy();
    name.split(|letter: char| !letter.is_ascii_digit())
        .filter_map(|digits| digits.parse().ok())
        .collect()
}

/// A command with a clean environment: PATH is that of the tests, everything else points to the
/// folder of the server.
pub(super) fn command(program: &Path, folder: &Path) -> Command {
    let mut command = Command::new(program);
    command.env_clear().current_dir(folder).stdin(std::process::Stdio::null());
    command.env("PATH", std::env::var_os("PATH").unwrap_or_default());
    command.env("HOME", folder).env("TMPDIR", folder).env("LANG", "C.UTF-8");
    command
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::numbers;

    #[test]
    fn version_10_is_higher_than_version_9() {
        assert!(
            numbers(Path::new("/usr/lib/postgresql/10/bin"))
                > numbers(Path::new("/usr/lib/postgresql/9.6/bin"))
        );
    }
}
