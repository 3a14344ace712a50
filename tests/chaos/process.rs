//! The processes that are started to be killed, and what they are told.

use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::process::{self, Child, Command, Stdio};
use std::{env, fs, thread};

use narthex::exposition::text;
use narthex::multiprocess::{MultiProcessCollector, compact};
use rustix::process::{Pid, Signal, getppid, kill_process};

use crate::faults::{self, Fault};
use crate::namespace::spawn_as_first;
use crate::random::Random;
use crate::series::{Details, FIRST_GONE, Reading};
use crate::strike::Strike;
use crate::{clock, full, worker};

const ROLE: &str = "NARTHEX_CHAOS_ROLE";
const DIR: &str = "NARTHEX_CHAOS_DIR";
const LEDGER: &str = "NARTHEX_CHAOS_LEDGER";
const SEED: &str = "NARTHEX_CHAOS_SEED";
const FAULT: &str = "NARTHEX_CHAOS_FAULT";
const STRIKE: &str = "NARTHEX_CHAOS_STRIKE";
const AHEAD: &str = "NARTHEX_CHAOS_AHEAD";

/// What the file is called that says how many calls there were.
const CALLS: &str = "calls";

/// The number of a call that never comes.
const NEVER: u64 = u64::MAX;

/// What a process ends with that was refused what it asked for.
pub(crate) const REFUSED: i32 = 3;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    Worker,
    /// A worker of a worker, which kills itself.
    Grandchild,
    /// A worker that does the same each time, and ends.
    Script,
    /// A worker of one thread, on a disk that may fill up.
    Single,
    /// Folds again and again.
    Compactor,
    /// Folds once.
    Fold,
    /// Scrapes once, and looks again.
    Look,
    Scraper,
}

const ROLES: [Role; 8] = [
    Role::Worker,
    Role::Grandchild,
    Role::Script,
    Role::Single,
    Role::Compactor,
    Role::Fold,
    Role::Look,
    Role::Scraper,
];

/// What a process is to do, and what is to happen to it.
#[derive(Clone, Debug)]
pub(crate) struct Orders {
    pub(crate) role: Role,
    pub(crate) dir: PathBuf,
    /// Empty for those that count nothing.
    pub(crate) ledger: PathBuf,
    pub(crate) seed: u64,
    pub(crate) fault: Option<Fault>,
    pub(crate) strike: Option<Strike>,
    /// By how many seconds its clock is ahead.
    pub(crate) ahead: i64,
}

impl Orders {
    pub(crate) fn new(role: Role, dir: &Path, ledger: &Path, seed: u64) -> Self {
        let (dir, ledger) = (dir.to_owned(), ledger.to_owned());
        Self { role, dir, ledger, seed, fault: None, strike: None, ahead: 0 }
    }

    pub(crate) fn start(&self) -> Child {
        self.command().spawn().unwrap()
    }

    /// In a name space of its own, where its number is 1.
    pub(crate) fn start_as_first(&self) -> io::Result<Child> {
        // It does not see its parent, but the end of this pipe.
        spawn_as_first(self.command().stdin(Stdio::piped()))
    }

    fn command(&self) -> Command {
        let mut command = Command::new(env::current_exe().unwrap());
        command
            .args(["--exact", "child", "--quiet", "--nocapture"])
            .env(ROLE, format!("{:?}", self.role))
            .env(DIR, &self.dir)
            .env(LEDGER, &self.ledger)
            .env(SEED, self.seed.to_string())
            .env(FAULT, self.fault.map(|fault| fault.to_string()).unwrap_or_default())
            .env(STRIKE, self.strike.map(|strike| strike.to_string()).unwrap_or_default())
            .env(AHEAD, self.ahead.to_string())
            .stdin(Stdio::null())
            .stdout(Stdio::null());
        command
    }

    /// Writes down how many system calls it took to follow them, if nothing was to happen.
    pub(crate) fn tell_calls(&self, calls: u64) {
        if self.fault.is_some_and(|fault| fault.at() == NEVER) {
            fs::write(self.ledger.with_extension(CALLS), calls.to_string()).unwrap();
        }
    }

    /// Lets it be done without a fault, and says how many system calls it took.
    pub(crate) fn count_calls(mut self, fault: fn(u64) -> Fault) -> u64 {
        let apart = tempfile::tempdir().unwrap();
        self.ledger = apart.path().join("ledger");
        self.fault = Some(fault(NEVER));
        let ended = self.start().wait().unwrap();
        assert!(ended.success(), "{ended}");
        fs::read_to_string(self.ledger.with_extension(CALLS)).unwrap().parse().unwrap()
    }

    /// Those of this process, if it has any.
    fn received() -> Option<Self> {
        let told = |name| env::var(name).ok().filter(|told| !told.is_empty());
        let role = told(ROLE)?;
        Some(Self {
            role: *ROLES.iter().find(|known| format!("{known:?}") == role).unwrap(),
            dir: env::var_os(DIR)?.into(),
            ledger: env::var_os(LEDGER)?.into(),
            seed: told(SEED)?.parse().unwrap(),
            fault: told(FAULT).map(|fault| fault.parse().unwrap()),
            strike: told(STRIKE).map(|strike| strike.parse().unwrap()),
            ahead: told(AHEAD)?.parse().unwrap(),
        })
    }
}

/// Does what the process was started for, if that is one of these.
pub(crate) fn run() {
    let Some(orders) = Orders::received() else { return };
    let dir = orders.dir.as_path();
    let mut random = Random::new(orders.seed);
    let parent = getppid();
    // Whoever started it may be gone.
    let is_wanted = || getppid() == parent;
    if parent.is_none() {
        thread::spawn(|| {
            let _ = io::stdin().read(&mut [0]);
            process::exit(0);
        });
    }
    clock::set(orders.ahead);
    match orders.role {
        Role::Worker => worker::work(&orders, &mut random, &is_wanted),
        Role::Grandchild => {
            let life = random.micros_below(120_000);
            thread::spawn(move || {
                thread::sleep(life);
                kill_process(Pid::from_raw(process::id() as i32).unwrap(), Signal::KILL).unwrap();
            });
            worker::work(&orders, &mut random, &|| true);
        }
        Role::Script => worker::follow_script(&orders, &mut random),
        Role::Single => full::work(&orders, &mut random, &is_wanted),
        Role::Compactor => {
            orders.fault.iter().for_each(|fault| faults::watch(*fault).unwrap());
            while is_wanted() {
                compact(dir).unwrap();
                thread::sleep(random.micros_below(5000));
            }
        }
        Role::Fold => {
            orders.fault.iter().for_each(|fault| faults::watch(*fault).unwrap());
            let done = compact(dir);
            let calls = faults::calls();
            faults::lift();
            orders.tell_calls(calls);
            if let Err(error) = done {
                assert!(error.is_io(), "{error}");
                process::exit(REFUSED);
            }
        }
        Role::Look => {
            let merged = MultiProcessCollector::new(dir).unwrap();
            orders.fault.iter().for_each(|fault| faults::watch(*fault).unwrap());
            let seen = text::encode(&merged);
            let calls = faults::calls();
            faults::lift();
            orders.tell_calls(calls);
            let is_told = !merged.damaged_files().is_empty();
            let all = Reading::sound(&merged).counts;
            match seen {
                // What is missing is missing because of a file that is named; so is what
                // was removed, which a side file says.
                Ok(text) if is_told => {
                    let mut most = all;
                    most[FIRST_GONE..].fill(u64::MAX);
                    Reading::parse(&text).assert_within(&vec![0; most.len()], &most);
                }
                Ok(text) => assert_eq!(Reading::parse(&text).counts, all),
                Err(error) => {
                    assert!(error.is_io(), "{error}");
                    process::exit(REFUSED);
                }
            }
        }
        Role::Scraper => {
            let merged = MultiProcessCollector::new(dir).unwrap();
            let mut before: Option<(Reading, Details)> = None;
            while is_wanted() {
                let (now, details) = (Reading::sound(&merged), Details::of(&merged));
                if let Some((before, before_details)) = &before {
                    now.assert_not_before(before);
                    details.assert_not_later(before_details);
                }
                before = Some((now, details));
                thread::sleep(random.micros_below(5000));
            }
        }
    }
}
