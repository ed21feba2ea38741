//! Small programs that use the library: see the files of this folder.
//!
//! The code in the project's README files is compiled with them.

/// The project's README.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
mod readme {}

/// The same in Russian.
#[cfg(doctest)]
#[doc = include_str!("../../README.ru.md")]
mod readme_ru {}
