//! The file with the secret key, next to a store that is a file.

use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use secrecy::{ExposeSecret as _, SecretString};

use crate::keys::format::random_letters;

/// Letters of a key, with five random bits in each.
const LETTERS: usize = 52;

/// The file with the secret key, readable only by its owner.
#[derive(Clone, Debug)]
pub(crate) struct KeyFile(PathBuf);

impl KeyFile {
    /// The file next to this store.
    #[cfg_attr(not(feature = "sqlite"), expect(dead_code, reason = "no store is a file"))]
    pub(crate) fn next_to(store: &Path) -> Self {
        let mut path = store.as_os_str().to_owned();
        path.push(".secret");
        Self(path.into())
    }

    /// The path, for errors.
    pub(crate) fn path(&self) -> &Path {
        &self.0
    }

    /// The keys in the file; `None` if there is no file.
    ///
    /// # Errors
    ///
    /// A file that cannot be read.
    pub(crate) fn read(&self) -> anyhow::Result<Option<SecretString>> {
        match std::fs::read_to_string(&self.0) {
            Ok(text) => Ok(Some(text.trim().into())),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error).with_context(|| format!("cannot read {}", self.0.display())),
        }
    }

    /// Makes a key and the file, unless there is one. Returns the keys in the file.
    ///
    /// # Errors
    ///
    /// A file that cannot be written.
    pub(crate) fn create(&self) -> anyhow::Result<SecretString> {
        let temporary = self.write_temporary(&new_key()?)?;
        // Fails if the file exists: two processes that start at once have the same key.
        let linked = std::fs::hard_link(&temporary, &self.0);
        let _ = std::fs::remove_file(&temporary);
        match linked {
            Err(error) if error.kind() != ErrorKind::AlreadyExists => {
                Err(error).with_context(|| format!("cannot create {}", self.0.display()))?;
            }
            _ => self.sync_folder()?,
        }
        self.read()?.with_context(|| format!("cannot read {}", self.0.display()))
    }

    /// Writes these keys in place of those in the file.
    ///
    /// # Errors
    ///
    /// A file that cannot be written.
    pub(crate) fn replace(&self, keys: &SecretString) -> anyhow::Result<()> {
        let temporary = self.write_temporary(keys)?;
        let renamed = std::fs::rename(&temporary, &self.0);
        renamed.with_context(|| format!("cannot write {}", self.0.display()))?;
        self.sync_folder()
    }

    /// Writes keys to a file of another name: the file itself has either all of its content or is
    /// not there.
    fn write_temporary(&self, keys: &SecretString) -> anyhow::Result<PathBuf> {
        let mut path = self.0.clone().into_os_string();
        path.push(format!(".{}-{:08x}", std::process::id(), fastrand::u32(..)));
        let path = PathBuf::from(path);
        let written = || -> std::io::Result<()> {
            let mut file =
                OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path)?;
            file.write_all(keys.expose_secret().as_bytes())?;
            file.write_all(b"\n")?;
            file.sync_all()
        };
        written().with_context(|| format!("cannot write {}", path.display()))?;
        Ok(path)
    }

    /// Makes the name of the file durable.
    fn sync_folder(&self) -> anyhow::Result<()> {
        let folder = self.0.parent().filter(|folder| !folder.as_os_str().is_empty());
        let synced = File::open(folder.unwrap_or(Path::new("."))).and_then(|it| it.sync_all());
        synced.with_context(|| format!("cannot write {}", self.0.display()))
    }
}

/// A new key.
///
/// # Errors
///
/// The system has no random bytes.
pub(crate) fn new_key() -> anyhow::Result<SecretString> {
    Ok(random_letters::<LETTERS>()?.into())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn the_first_key_stays_and_only_its_owner_can_read_it() {
        let folder = tempfile::tempdir().unwrap();
        let file = KeyFile::next_to(&folder.path().join("sms.db"));
        assert!(file.read().unwrap().is_none());
        let made = file.create().unwrap();
        assert_eq!(made.expose_secret().len(), LETTERS);
        assert_eq!(file.create().unwrap().expose_secret(), made.expose_secret());
        let permissions = std::fs::metadata(file.path()).unwrap().permissions();
        assert_eq!(permissions.mode() & 0o777, 0o600);
        file.replace(&"other".into()).unwrap();
        assert_eq!(file.read().unwrap().unwrap().expose_secret(), "other");
        let permissions = std::fs::metadata(file.path()).unwrap().permissions();
        assert_eq!(permissions.mode() & 0o777, 0o600);
        let names = std::fs::read_dir(folder.path()).unwrap().count();
        assert_eq!(names, 1, "a temporary file is left");
    }
}
