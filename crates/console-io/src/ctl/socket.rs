//! The socket as a file: who may reach it.

use std::fs::{self, DirBuilder, Metadata, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, FileTypeExt, MetadataExt, PermissionsExt, chown};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};

/// A socket that listens, and the file that it leaves when it is dropped.
pub(crate) struct Socket {
    path: PathBuf,
    /// Device and number of our file, so that nobody else's is removed.
    identity: (u64, u64),
    user: u32,
    is_shared: bool,
}

/// Why the control socket cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum SocketError {
    /// Its folder lets other users in.
    #[error(
        "the control socket's folder `{folder}` is open to other users (mode {mode:04o}); `chmod 0750` it if it is the gate's own, or choose another state folder"
    )]
    FolderOpen {
        /// The folder.
        folder: PathBuf,
        /// Its permissions.
        mode: u32,
    },
    /// Its folder belongs to somebody else.
    #[error(
        "the control socket's folder `{folder}` belongs to user {owner}, not to the user {user} that runs the gate"
    )]
    FolderForeign {
        /// The folder.
        folder: PathBuf,
        /// Its owner.
        owner: u32,
        /// Who runs the gate.
        user: u32,
    },
    /// Another gate answers there.
    #[error("another gate already answers at `{0}`; stop it first, or give this one another state folder")]
    Taken(PathBuf),
    /// There is a file that is no socket.
    #[error("`{0}` exists and is no socket; remove it, or give the gate another state folder")]
    NoSocket(PathBuf),
    /// The path has no folder, or is too long for the operating system.
    #[error(
        "`{0}` cannot be a socket: its path may have at most {PATH_BYTES_MAX} bytes; give the gate a state folder with a shorter path"
    )]
    Path(PathBuf),
    /// The operating system refused.
    #[error("cannot {doing} `{path}` for the control socket: {source}")]
    System {
        /// What was tried.
        doing: &'static str,
        /// On what.
        path: PathBuf,
        /// Its answer.
        source: io::Error,
    },
}

impl Socket {
    /// Listens at `path`, in a folder of mode 0750 that is made if need be, with a socket of mode 0660.
    ///
    /// What is made is given to `group`, if that can be done. A socket that nobody answers at is replaced, and so is one that
    /// the gate answers at which this one succeeds.
    pub(crate) fn open(
        path: &Path,
        group: Option<u32>,
        succeeds: bool,
    ) -> Result<(Self, UnixListener), SocketError> {
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
        let folder = folder.ok_or_else(|| SocketError::Path(path.to_owned()))?;
        // Made under another name first: a socket is born with the permissions of the umask.
        let newborn = folder.join(format!(".{}", std::process::id()));
        if path.as_os_str().len().max(newborn.as_os_str().len()) > PATH_BYTES_MAX {
            return Err(SocketError::Path(path.to_owned()));
        }
        prepare_folder(folder, group)?;
        check_place(path, succeeds)?;
        let system = |doing, path: &Path| {
            let path = path.to_owned();
            move |source| SocketError::System { doing, path, source }
        };
        if fs::symlink_metadata(&newborn).is_ok() {
            fs::remove_file(&newborn).map_err(system("remove", &newborn))?;
        }
        let listener = UnixListener::bind(&newborn).map_err(system("make", &newborn))?;
        give(&newborn, group);
        fs::set_permissions(&newborn, Permissions::from_mode(SOCKET_MODE))
            .map_err(system("set the mode of", &newborn))?;
        fs::rename(&newborn, path).map_err(system("make", path))?;
        let ours = fs::symlink_metadata(path).map_err(system("look at", path))?;
        let is_shared = group == Some(ours.gid());
        let user = rustix::process::geteuid().as_raw();
        Ok((Self { path: path.to_owned(), identity: identity(&ours), user, is_shared }, listener))
    }

    /// Whether a user who reached the socket may command the gate.
    ///
    /// Without the group the socket belongs to the primary group of the gate's user, which may have other members.
    pub(crate) fn admits(&self, user: u32) -> bool {
        self.is_shared || user == self.user || user == 0
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        if fs::symlink_metadata(&self.path).is_ok_and(|there| identity(&there) == self.identity) {
            // A socket that stays is replaced at the next start.
            let _removed = fs::remove_file(&self.path);
        }
    }
}

/// The number of a group in a text like `/etc/group`.
pub(crate) fn group_id(groups: &str, name: &str) -> Option<u32> {
    groups.lines().find_map(|line| {
        let mut fields = line.split(':');
        let number = (fields.next()? == name).then(|| fields.nth(1))??;
        number.parse().ok()
    })
}

fn prepare_folder(folder: &Path, group: Option<u32>) -> Result<(), SocketError> {
    let system = |doing| move |source| SocketError::System { doing, path: folder.to_owned(), source };
    let there = match fs::metadata(folder) {
        Ok(there) => there,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            DirBuilder::new()
                .recursive(true)
                .mode(FOLDER_MODE)
                .create(folder)
                .map_err(system("make the folder"))?;
            give(folder, group);
            // Where the umask is narrower than the mode, the group could not enter.
            return fs::set_permissions(folder, Permissions::from_mode(FOLDER_MODE))
                .map_err(system("set the mode of"));
        }
        Err(error) => return Err(system("look at")(error)),
    };
    let user = rustix::process::geteuid().as_raw();
    let (owner, mode) = (there.uid(), there.mode() & 0o7777);
    if owner != user {
        return Err(SocketError::FolderForeign { folder: folder.to_owned(), owner, user });
    }
    if mode & !FOLDER_MODE & 0o777 != 0 {
        // Never narrowed by us: it might be a folder that others need.
        return Err(SocketError::FolderOpen { folder: folder.to_owned(), mode });
    }
    Ok(())
}

/// Whether a socket may be put there.
fn check_place(path: &Path, succeeds: bool) -> Result<(), SocketError> {
    match fs::symlink_metadata(path) {
        Ok(there) if !there.file_type().is_socket() => Err(SocketError::NoSocket(path.to_owned())),
        Ok(_) if !succeeds && UnixStream::connect(path).is_ok() => Err(SocketError::Taken(path.to_owned())),
        // A gate that was killed left it, or there is nothing.
        Ok(_) | Err(_) => Ok(()),
    }
}

fn give(path: &Path, group: Option<u32>) {
    if group.is_some() {
        // Only root and members of the group may; without it the socket serves the gate's own user and root.
        let _given = chown(path, None, group);
    }
}

fn identity(there: &Metadata) -> (u64, u64) {
    (there.dev(), there.ino())
}

const FOLDER_MODE: u32 = 0o750;
const SOCKET_MODE: u32 = 0o660;
/// `sun_path` has 108 bytes, with a zero at the end.
const PATH_BYTES_MAX: usize = 107;
