//! Errors of a file as a whole.

/// The reason why no row of a file can be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct FileError {
    /// The option that the file does not agree with; `None` for the file itself.
    pub(crate) option: Option<&'static str>,
    /// The stable name of the error.
    pub(crate) code: &'static str,
    /// The error in words.
    pub(crate) detail: String,
}

impl FileError {
    pub(super) fn of_file(code: &'static str, detail: impl Into<String>) -> Self {
        Self { option: None, code, detail: detail.into() }
    }

    pub(super) fn of_option(
        option: &'static str,
        code: &'static str,
        detail: impl Into<String>,
    ) -> Self {
        Self { option: Some(option), code, detail: detail.into() }
    }
}
