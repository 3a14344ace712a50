//! Real servers that tests start, in several versions.
//!
//! `ci/servers.sh` fetches them; `NARTHEX_SERVERS` names where they are.

use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use std::{env, fs, thread};

use tempfile::TempDir;

pub(crate) fn servers() -> Option<PathBuf> {
    let servers = env::var_os("NARTHEX_SERVERS");
    if servers.is_none() {
        eprintln!("skipped: NARTHEX_SERVERS names no servers");
    }
    servers.map(PathBuf::from)
}

/// All versions of a program that are there, and start here.
pub(crate) fn versions(program: &str, version: &str) -> Vec<PathBuf> {
    let Some(servers) = servers() else { return Vec::new() };
    let releases = fs::read_dir(servers).unwrap().map(|entry| entry.unwrap().path());
    let mut programs: Vec<_> = releases.map(|release| release.join(program)).collect();
    programs.retain(|program| {
        let mut command = Command::new(program);
        let quiet = command.arg(version).stdout(Stdio::null()).stderr(Stdio::null());
        quiet.status().is_ok_and(|status| status.success())
    });
    assert!(!programs.is_empty(), "there is no {program}");
    programs.sort();
    programs
}

pub(crate) fn certificate(name: &str) -> PathBuf {
    servers().unwrap().join("certificates").join(name)
}

/// A server that runs until this is dropped.
pub(crate) struct Running {
    child: Child,
    address: String,
    dir: TempDir,
}

impl Running {
    /// Starts what listens at an address that is told to it, with a folder of its own.
    pub(crate) fn start(command: impl Fn(&str, &Path) -> Command) -> Self {
        for _ in 0..10 {
            let free = TcpListener::bind("127.0.0.1:0").unwrap();
            let address = free.local_addr().unwrap().to_string();
            drop(free);
            let dir = tempfile::tempdir().unwrap();
            fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o755)).unwrap();
            let mut command = command(&address, dir.path());
            let log = fs::File::create(dir.path().join("log")).unwrap();
            let child = command.stdout(log.try_clone().unwrap()).stderr(log).spawn().unwrap();
            let mut running = Self { child, address, dir };
            if running.listens() {
                return running;
            }
            eprintln!("{}", running.log());
        }
        panic!("it does not start");
    }

    /// False if it has ended, perhaps because somebody else was given the port.
    fn listens(&mut self) -> bool {
        let begun = Instant::now();
        while self.child.try_wait().unwrap().is_none() {
            if TcpStream::connect(&self.address).is_ok() {
                return true;
            }
            assert!(begun.elapsed() < Duration::from_secs(60), "it does not listen");
            thread::sleep(Duration::from_millis(10));
        }
        false
    }

    pub(crate) fn address(&self) -> &str {
        &self.address
    }

    /// What it has said so far.
    pub(crate) fn log(&self) -> String {
        fs::read_to_string(self.dir.path().join("log")).unwrap()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

pub(crate) fn get(url: &str) -> String {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    // A client of reqwest wants one, also for plain HTTP; perhaps there is one.
    #[cfg(feature = "tls")]
    let _ = rustls::crypto::ring::default_provider().install_default();
    runtime.block_on(async {
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        client.get(url).send().await.unwrap().text().await.unwrap()
    })
}
