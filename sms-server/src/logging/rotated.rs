//! Log file that is rotated by time and size.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context, bail};
use sms_core::{Clock as _, SystemClock};

use crate::config::LogFiles;

/// Permissions of a new file: a program that collects logs may read it through its group.
const MODE: u32 = 0o640;

/// The file `NAME`, with the older ones next to it as `NAME.1` (the newest) to `NAME.N`.
///
/// The bytes on disk are bounded at any rate of lines: a file also ends when it has its share of
/// the total, and what cannot be rotated is not written. `tracing-appender` rotates by time alone.
/// The crates that do both go on writing to a file that cannot be renamed, and print to standard
/// error or panic.
#[derive(Debug)]
pub(super) struct RotatedFile<N = fn() -> u64> {
    settings: LogFiles,
    file: File,
    /// Bytes in the file.
    length: u64,
    /// The number of the day or hour in which the file was last written.
    period: u64,
    /// False in the middle of a line.
    is_line_start: bool,
    /// Seconds since the Unix epoch.
    now: N,
}

impl RotatedFile {
    /// Opens the file to append to it.
    ///
    /// # Errors
    ///
    /// A file that cannot be opened, or that another process writes.
    pub(super) fn open(settings: LogFiles) -> anyhow::Result<Self> {
        RotatedFile::open_at(settings, system_seconds)
    }
}

impl<N: Fn() -> u64> RotatedFile<N> {
    fn open_at(settings: LogFiles, now: N) -> anyhow::Result<Self> {
        let path = &settings.path;
        let failed = || format!("log_file: cannot write {}", path.display());
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder).with_context(failed)?;
        }
        let file = append_to(path).with_context(failed)?;
        // Two processes would rename each other's files.
        if file.try_lock().is_err() {
            bail!("log_file: another process writes {}; give each its own", path.display());
        }
        let metadata = file.metadata().with_context(failed)?;
        let written = metadata.modified().map_or_else(|_| now(), unix_seconds);
        let (length, period) = (metadata.len(), written / settings.rotation.seconds());
        let opened = Self { settings, file, length, period, is_line_start: true, now };
        opened.remove_surplus();
        Ok(opened)
    }

    /// True if the file ends before a line of this length.
    fn is_over(&self, line: usize) -> bool {
        let is_old = (self.now)() / self.settings.rotation.seconds() != self.period;
        self.length > 0 && (is_old || line > self.room())
    }

    /// Bytes that the file may still take.
    fn room(&self) -> usize {
        let room = self.settings.bytes_per_file().saturating_sub(self.length);
        usize::try_from(room).unwrap_or(usize::MAX)
    }

    /// The whole lines that have room in the file, and always the first one.
    fn fitting<'b>(&self, bytes: &'b [u8]) -> &'b [u8] {
        if bytes.len() <= self.room() {
            return bytes;
        }
        let in_room = &bytes[..self.room()];
        let end = in_room.iter().rposition(|byte| *byte == b'\n').map(|last| last + 1);
        &bytes[..end.unwrap_or_else(|| first_line(bytes))]
    }

    fn rotate(&mut self) -> io::Result<()> {
        let kept = self.settings.max_files.get() - 1;
        for number in (1..kept).rev() {
            rename(&self.numbered(number), &self.numbered(number + 1))?;
        }
        if kept == 0 {
            fs::remove_file(&self.settings.path)?;
        } else {
            rename(&self.settings.path, &self.numbered(1))?;
        }
        let file = append_to(&self.settings.path)?;
        // Only a process that starts in this moment can have the lock. It then reports a file that
        // another one writes, or this line is not written.
        file.try_lock()?;
        self.length = file.metadata()?.len();
        self.file = file;
        self.remove_surplus();
        Ok(())
    }

    fn numbered(&self, number: u32) -> PathBuf {
        let mut name = self.settings.path.clone().into_os_string();
        name.push(format!(".{number}"));
        name.into()
    }

    /// Removes the files that a larger `log_max_files` has left.
    fn remove_surplus(&self) {
        let (path, kept) = (&self.settings.path, self.settings.max_files.get() - 1);
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
        let Ok(entries) = fs::read_dir(folder.unwrap_or(Path::new("."))) else { return };
        for entry in entries.flatten() {
            let name = entry.path();
            let is_same = name.file_stem() == path.file_name();
            let number = name.extension().and_then(|end| end.to_str()?.parse::<u32>().ok());
            if is_same && number.is_some_and(|number| number > kept) {
                // It is tried again after the next rotation.
                let _ = fs::remove_file(name);
            }
        }
    }
}

impl<N: Fn() -> u64> Write for RotatedFile<N> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        // A line is not split between two files.
        if self.is_line_start && self.is_over(first_line(bytes)) {
            self.rotate()?;
        }
        let bytes = self.fitting(bytes);
        let written = self.file.write(bytes)?;
        self.length += u64::try_from(written).unwrap_or(u64::MAX);
        self.period = (self.now)() / self.settings.rotation.seconds();
        self.is_line_start = bytes.get(..written).is_some_and(|bytes| bytes.ends_with(b"\n"));
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

/// The length of the first line, with its end.
fn first_line(bytes: &[u8]) -> usize {
    bytes.iter().position(|byte| *byte == b'\n').map_or(bytes.len(), |end| end + 1)
}

fn append_to(path: &Path) -> io::Result<File> {
    OpenOptions::new().append(true).create(true).mode(MODE).open(path)
}

/// Renames a file. A missing one is no error.
fn rename(from: &Path, to: &Path) -> io::Result<()> {
    match fs::rename(from, to) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        renamed => renamed,
    }
}

fn system_seconds() -> u64 {
    SystemClock.now_ms().max(0).cast_unsigned() / 1000
}

fn unix_seconds(time: SystemTime) -> u64 {
    time.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU32;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU64, Ordering};

    use super::*;
    use crate::config::LogRotation;

    const DAY: u64 = 86_400;

    struct Log {
        folder: tempfile::TempDir,
        now: Arc<AtomicU64>,
        max_files: u32,
    }

    impl Log {
        fn new(max_files: u32) -> Self {
            // A file has the time of the system, so the clock begins there.
            let now = system_seconds() / DAY * DAY + DAY / 2;
            let folder = tempfile::tempdir().expect("a folder");
            Self { folder, now: Arc::new(now.into()), max_files }
        }

        fn open(&self) -> anyhow::Result<RotatedFile<impl Fn() -> u64 + use<>>> {
            let settings = LogFiles {
                path: self.folder.path().join("logs/sms.log"),
                rotation: LogRotation::Daily,
                max_files: NonZeroU32::new(self.max_files).expect("a number"),
                max_mb: NonZeroU32::MIN,
            };
            let now = Arc::clone(&self.now);
            RotatedFile::open_at(settings, move || now.load(Ordering::Relaxed))
        }

        fn tomorrow(&self) {
            self.now.fetch_add(DAY, Ordering::Relaxed);
        }

        /// The first line of each file, the current one first.
        fn files(&self) -> Vec<(String, String)> {
            let read = |name: PathBuf| {
                let text = fs::read_to_string(&name).expect("a file");
                let name = name.file_name().expect("a name").to_string_lossy().into_owned();
                (name, text.lines().next().unwrap_or_default().chars().take(8).collect())
            };
            let entries = fs::read_dir(self.folder.path().join("logs")).expect("a folder");
            let mut files: Vec<_> =
                entries.map(|entry| read(entry.expect("a file").path())).collect();
            files.sort();
            files
        }
    }

    fn files(expected: &[(&str, &str)]) -> Vec<(String, String)> {
        expected.iter().map(|(name, line)| ((*name).to_owned(), (*line).to_owned())).collect()
    }

    #[test]
    fn a_file_ends_with_the_day_and_the_oldest_one_goes() {
        let log = Log::new(3);
        let mut file = log.open().expect("a log");
        for line in ["one\n", "two\n", "three\n", "four\n"] {
            file.write_all(line.as_bytes()).expect("written");
            log.tomorrow();
        }
        let expected = [("sms.log", "four"), ("sms.log.1", "three"), ("sms.log.2", "two")];
        assert_eq!(log.files(), files(&expected));
    }

    #[test]
    fn a_file_of_yesterday_ends_at_the_first_line_after_a_restart() {
        let log = Log::new(3);
        log.open().expect("a log").write_all(b"one\n").expect("written");
        log.open().expect("a log").write_all(b"two\n").expect("written");
        assert_eq!(log.files(), files(&[("sms.log", "one")]), "the same day");
        log.tomorrow();
        log.open().expect("a log").write_all(b"three\n").expect("written");
        assert_eq!(log.files(), files(&[("sms.log", "three"), ("sms.log.1", "one")]));
    }

    #[test]
    fn the_bytes_on_disk_are_bounded_at_any_rate() {
        let log = Log::new(4);
        let mut file = log.open().expect("a log");
        let line = [b"x".repeat(999), b"\n".to_vec()].concat();
        for _ in 0..5000 {
            file.write_all(&line).expect("written");
        }
        let entries = fs::read_dir(log.folder.path().join("logs")).expect("a folder");
        let lengths: Vec<u64> =
            entries.map(|entry| entry.expect("a file").metadata().expect("a file").len()).collect();
        let total: u64 = lengths.iter().sum();
        assert_eq!(lengths.len(), 4);
        assert!((700_000..=1_100_000).contains(&total), "{total} of 5 million");
    }

    #[test]
    fn lines_that_are_written_together_are_divided_between_files_at_their_ends() {
        let log = Log::new(4);
        let mut file = log.open().expect("a log");
        let lines = [b"x".repeat(999), b"\n".to_vec()].concat().repeat(2000);
        file.write_all(&lines).expect("written");
        let entries = fs::read_dir(log.folder.path().join("logs")).expect("a folder");
        let lengths: Vec<u64> =
            entries.map(|entry| entry.expect("a file").metadata().expect("a file").len()).collect();
        assert!(lengths.iter().all(|length| length % 1000 == 0), "{lengths:?}");
        let total: u64 = lengths.iter().sum();
        assert!((700_000..=1024 * 1024).contains(&total), "{total} of 2 million");
    }

    #[test]
    fn a_line_is_not_split_between_two_files() {
        let log = Log::new(3);
        let mut file = log.open().expect("a log");
        file.write_all(b"begin ").expect("written");
        log.tomorrow();
        file.write_all(b"end\nnext\n").expect("written");
        assert_eq!(log.files(), files(&[("sms.log", "begin en")]));
    }

    #[test]
    fn fewer_files_than_before_remove_the_surplus_and_leave_others_alone() {
        let mut log = Log::new(5);
        let mut file = log.open().expect("a log");
        for line in ["one\n", "two\n", "three\n", "four\n"] {
            file.write_all(line.as_bytes()).expect("written");
            log.tomorrow();
        }
        drop(file);
        fs::write(log.folder.path().join("logs/sms.log.old"), "mine").expect("written");
        log.max_files = 1;
        let mut file = log.open().expect("a log");
        assert_eq!(log.files(), files(&[("sms.log", "four"), ("sms.log.old", "mine")]));
        file.write_all(b"five\n").expect("written");
        assert_eq!(log.files(), files(&[("sms.log", "five"), ("sms.log.old", "mine")]));
    }

    #[test]
    fn a_file_that_cannot_be_rotated_does_not_grow() {
        let log = Log::new(2);
        let mut file = log.open().expect("a log");
        file.write_all(b"one\n").expect("written");
        // A folder that is not empty cannot be replaced by a file.
        fs::create_dir_all(log.folder.path().join("logs/sms.log.1/full")).expect("a folder");
        log.tomorrow();
        file.write_all(b"two\n").expect_err("not rotated");
        fs::remove_dir_all(log.folder.path().join("logs/sms.log.1")).expect("removed");
        file.write_all(b"three\n").expect("written");
        assert_eq!(log.files(), files(&[("sms.log", "three"), ("sms.log.1", "one")]));
    }

    #[test]
    fn a_second_process_cannot_have_the_same_file() {
        let log = Log::new(3);
        let _first = log.open().expect("a log");
        let refused = log.open().err().expect("refused").to_string();
        assert!(refused.starts_with("log_file: another process writes "), "{refused}");
    }
}
