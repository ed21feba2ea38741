//! Files of the log.

use std::num::NonZeroU32;
use std::path::PathBuf;

const BYTES_PER_MB: u64 = 1_000_000;

/// The files that the log is written to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct LogFiles {
    /// The current file. Older ones have a number after their name.
    pub(crate) path: PathBuf,
    /// The time after which a new file begins.
    pub(crate) rotation: LogRotation,
    /// The largest number of files, the current one included.
    pub(crate) max_files: NonZeroU32,
    /// The largest number of megabytes in all files together.
    pub(crate) max_mb: NonZeroU32,
}

/// The time after which a new file of the log begins, by UTC.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LogRotation {
    /// A file a day.
    #[default]
    Daily,
    /// A file an hour.
    Hourly,
}

impl LogFiles {
    /// Bytes after which a file ends, whatever the time.
    pub(crate) fn bytes_per_file(&self) -> u64 {
        u64::from(self.max_mb.get()) * BYTES_PER_MB / u64::from(self.max_files.get())
    }
}

impl LogRotation {
    /// Every rotation.
    pub const ALL: [Self; 2] = [Self::Daily, Self::Hourly];

    /// The name used in the configuration.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Daily => "daily",
            Self::Hourly => "hourly",
        }
    }

    /// The length of the period, in seconds.
    pub(crate) const fn seconds(self) -> u64 {
        match self {
            Self::Daily => 24 * 3600,
            Self::Hourly => 3600,
        }
    }
}
