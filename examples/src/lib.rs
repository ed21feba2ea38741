//! Small programs that use the library: see the folder's files.
