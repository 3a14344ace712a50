//! Where a textfile is, as the environment says.

use std::env;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

/// The path of a file in the folder that a variable of the environment names, or in another one if
/// it names none.
///
/// A `~` in the beginning of a folder is the home of the user.
///
/// ```
/// use std::path::Path;
///
/// let path = narthex::textfile::path_from_env("TRAINER_LOG_DIR", "/var/log/trainer", "metrics.prom");
/// assert_eq!(path, Path::new("/var/log/trainer/metrics.prom"));
/// ```
#[doc(alias = "metrics_path")]
pub fn path_from_env(variable: &str, default: impl AsRef<Path>, file: impl AsRef<Path>) -> PathBuf {
    let set = env::var_os(variable).filter(|folder| !folder.is_empty()).map(PathBuf::from);
    let folder = set.unwrap_or_else(|| default.as_ref().to_owned());
    let home = env::var_os(if cfg!(windows) { "USERPROFILE" } else { "HOME" });
    in_home(&folder, home).join(file)
}

/// The folder with the home in place of a tilde, if there is one.
fn in_home(folder: &Path, home: Option<OsString>) -> PathBuf {
    match (folder.strip_prefix("~"), home.filter(|home| !home.is_empty())) {
        (Ok(inside), Some(home)) => Path::new(&home).join(inside),
        _ => folder.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tilde_is_the_home() {
        let home = || Some(OsString::from("/home/ada"));
        let shown = |folder: &str| in_home(Path::new(folder), home());
        assert_eq!(shown("~/.trainer/logs"), Path::new("/home/ada/.trainer/logs"));
        assert_eq!(shown("~"), Path::new("/home/ada"));
        assert_eq!(shown("~bob/logs"), Path::new("~bob/logs"));
        assert_eq!(shown("/srv/~/logs"), Path::new("/srv/~/logs"));
        assert_eq!(in_home(Path::new("~/logs"), None), Path::new("~/logs"));
        assert_eq!(in_home(Path::new("~/logs"), Some(OsString::new())), Path::new("~/logs"));
    }
}
