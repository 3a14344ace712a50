//! The walls: which module may import which, and what a file must look like.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use crate::source::{Import, Source};

/// The floors of the house, from the ground. A module imports only from floors
/// below its own: never from its neighbours, never from above.
const FLOORS: &[&[&str]] = &[
    &["error", "clock"],
    &["model", "cell", "client"],
    &["collector"],
    &["checked", "repeat"],
    &["registry", "exposition", "parser", "multiprocess", "collectors"],
    &["metrics", "http", "push", "textfile", "bridge", "lint"],
    &["global"],
];

/// The upper layer stands on all floors. Its modules may import one another.
const UPPER: &[&str] = &[
    "catalog",
    "middleware",
    "service",
    "recorder",
    "window",
    "sink",
    "health",
    "slo",
    "alert",
    "testing",
];

/// What the floors alone would allow, and the two wings must not.
const NEVER: &[(&str, &str)] = &[("metrics", "exposition"), ("metrics", "parser")];

/// The lines of a file without its tests.
const ROOM: usize = 450;

/// Files that are allowed to be longer, each with its reason. None by preference.
const LARGER_ROOMS: &[(&str, &str)] = &[];

/// Modules whose `mod.rs` defines what its children work with, and works with
/// them itself: for circles, such a child does not count as an importer of its
/// parent. Each with its reason; every other `mod.rs` is a front door or a user.
const HEADS: &[(&str, &str)] = &[
    ("exposition", "defines the encoding that all of its writers ask"),
    ("registry", "defines the registry that its views hold"),
];

/// What must not be left behind in a file.
const LEFTOVERS: &[&str] = &[
    concat!("TO", "DO"),
    concat!("FIX", "ME"),
    concat!("to", "do!"),
    concat!("unimplemen", "ted!"),
    concat!("db", "g!"),
    concat!("#[ig", "nore"),
];

/// Every breach of a wall in a tree of (path, text), said with its place.
pub(crate) fn breaches(files: &[(String, String)]) -> Vec<String> {
    let tree = Tree::read(files);
    let heads: Vec<&str> = HEADS.iter().map(|(head, _)| *head).collect();
    let mut breaches = Vec::new();
    for source in &tree.sources {
        breaches.extend(source.error.iter().map(|error| format!("{}: {error}", source.path)));
        look_of(source, &mut breaches);
    }
    for source in tree.sources.iter().filter(|source| !source.is_test) {
        floors(&tree, source, &mut breaches);
    }
    breaches.extend(circles(&tree, &heads));
    breaches
}

/// Exceptions that no file needs any more.
pub(crate) fn stale_exceptions(files: &[(String, String)]) -> Vec<&'static str> {
    let tree = Tree::read(files);
    let is_large = |path: &str| {
        tree.sources.iter().any(|source| source.path == path && source.code_lines > ROOM)
    };
    let rooms = LARGER_ROOMS.iter().map(|(path, _)| *path).filter(|path| !is_large(path));
    let is_circular = |head: &str| {
        let edges = tree.edges(&[]);
        let upwards = |from: &usize, to: &usize| tree.is_below(*from, *to, head);
        edges.iter().any(|(from, to)| upwards(from, to) && edges.contains(&(*to, *from)))
    };
    let heads = HEADS.iter().map(|(head, _)| *head).filter(|head| !is_circular(head));
    rooms.chain(heads).collect()
}

/// What is wrong with the looks of programs, whose imports are their own affair.
pub(crate) fn looks(files: &[(String, String)]) -> Vec<String> {
    let mut breaches = Vec::new();
    for (path, text) in files {
        let source = Source::read(path, text);
        breaches.extend(source.error.iter().map(|error| format!("{path}: {error}")));
        look_of(&source, &mut breaches);
    }
    breaches
}

/// Leftovers in one file: the only rule for files outside of the library and its programs.
pub(crate) fn leftovers(path: &str, text: &str) -> Vec<String> {
    let mut found = Vec::new();
    for (number, line) in text.lines().enumerate() {
        for leftover in LEFTOVERS.iter().filter(|leftover| line.contains(**leftover)) {
            found.push(format!("{path}:{}: {leftover} is left behind", number + 1));
        }
    }
    found
}

/// Which modules import which: the edges that circles are looked for in.
pub(crate) fn edges(files: &[(String, String)]) -> BTreeSet<(String, String)> {
    let tree = Tree::read(files);
    tree.edges(&[]).into_iter().map(|(from, to)| (tree.name(from), tree.name(to))).collect()
}

struct Tree {
    sources: Vec<Source>,
    modules: HashMap<Vec<String>, usize>,
}

impl Tree {
    fn read(files: &[(String, String)]) -> Self {
        let mut sources: Vec<Source> =
            files.iter().map(|(path, text)| Source::read(path, text)).collect();
        let tests: Vec<Vec<String>> =
            sources.iter().flat_map(|source| source.test_modules.clone()).collect();
        for source in &mut sources {
            source.is_test |= tests.iter().any(|test| source.module.starts_with(test));
        }
        let modules = sources
            .iter()
            .enumerate()
            .map(|(place, source)| (source.module.clone(), place))
            .collect();
        Self { sources, modules }
    }

    fn name(&self, place: usize) -> String {
        self.sources[place].module.join("::")
    }

    /// An import of a module of this crate, as an absolute path; none if it leads to another crate.
    fn own_path(&self, source: &Source, import: &Import) -> Option<Vec<String>> {
        if !import.bare {
            return Some(import.path.clone());
        }
        let first = import.path.first()?;
        let child = [source.module.as_slice(), std::slice::from_ref(first)].concat();
        if self.modules.contains_key(&child) {
            return Some([source.module.as_slice(), &import.path].concat());
        }
        let named = source.names.get(first)?;
        let is_own =
            named.first().is_some_and(|top| self.modules.contains_key([top.clone()].as_slice()));
        (is_own && import.path.len() > 1).then(|| [named.as_slice(), &import.path[1..]].concat())
    }

    /// The file that defines what a path names: re-exports are followed.
    fn definition(&self, path: &[String]) -> Option<usize> {
        let mut path = path.to_vec();
        // A re-export leads to a re-export a few times at most.
        for _ in 0..8 {
            let length = (1..=path.len())
                .rev()
                .find(|length| self.modules.contains_key(&path[..*length]))?;
            let place = self.modules[&path[..length]];
            let Some(item) = path.get(length) else { return Some(place) };
            match self.sources[place].names.get(item) {
                Some(behind) if self.is_own(behind) => {
                    path = [behind.as_slice(), &path[length + 1..]].concat();
                }
                _ => return Some(place),
            }
        }
        None
    }

    /// Whether `to` is the module `head`, and `from` is inside it.
    fn is_below(&self, from: usize, to: usize, head: &str) -> bool {
        let head_of = &self.sources[to].module;
        self.name(to) == head && from != to && self.sources[from].module.starts_with(head_of)
    }

    fn is_own(&self, path: &[String]) -> bool {
        path.first().is_some_and(|top| self.modules.contains_key([top.clone()].as_slice()))
    }

    /// File to file. Two things are no edges: what `lib.rs` names, and a parent
    /// that re-exports from its own children, for then it is their front door
    /// and not their user. So a child may import what its parent defines, as
    /// long as the parent itself does not use that child, or is one of `heads`.
    fn edges(&self, heads: &[&str]) -> BTreeSet<(usize, usize)> {
        let mut edges = BTreeSet::new();
        for (from, source) in self.sources.iter().enumerate() {
            if source.module.is_empty() || source.is_test {
                continue;
            }
            for import in &source.imports {
                let Some(path) = self.own_path(source, import) else { continue };
                // `use crate::a::module;` by itself uses nothing; what is written behind the name does.
                if self.modules.contains_key(&path) {
                    continue;
                }
                let Some(to) = self.definition(&path) else { continue };
                let front_door =
                    import.reexport && self.sources[to].module.starts_with(&source.module);
                let to_head = heads.iter().any(|head| self.is_below(from, to, head));
                if to != from && !front_door && !to_head && !self.sources[to].is_test {
                    edges.insert((from, to));
                }
            }
        }
        edges
    }
}

fn look_of(source: &Source, breaches: &mut Vec<String>) {
    let path = &source.path;
    if !source.text.starts_with("//!") {
        breaches.push(format!("{path}:1: a file opens with a `//!` line that says what it is for"));
    }
    let may_be_larger = LARGER_ROOMS.iter().any(|(larger, _)| larger == path);
    if source.code_lines > ROOM && !source.is_test && !may_be_larger {
        let lines = source.code_lines;
        breaches
            .push(format!("{path}: {lines} lines without tests, and a room has {ROOM} at most"));
    }
    if !path.starts_with("src/cell/") && !source.is_test {
        for line in &source.unsafe_lines {
            breaches.push(format!("{path}:{line}: `unsafe` has its place in src/cell/ alone"));
        }
    }
    if source.module.is_empty() {
        for (item, line) in &source.items {
            breaches.push(format!("{path}:{line}: lib.rs names things and defines none: `{item}`"));
        }
    }
    for import in &source.imports {
        if import.reexport && import.path.last().is_some_and(|last| last == "*") {
            breaches.push(format!("{path}:{}: a glob re-export", import.line));
        }
    }
    breaches.extend(leftovers(path, &source.text));
}

fn floors(tree: &Tree, source: &Source, breaches: &mut Vec<String>) {
    let Some(own) = source.module.first() else { return };
    let Some(floor) = floor_of(own) else {
        breaches.push(format!(
            "{}: the module `{own}` has no floor; add it to FLOORS or UPPER in tests/walls/rules.rs",
            source.path
        ));
        return;
    };
    for import in &source.imports {
        let Some(path) = tree.own_path(source, import) else { continue };
        let place = format!("{}:{}", source.path, import.line);
        let Some(top) = path.first() else {
            breaches.push(format!("{place}: nothing imports lib.rs: `crate`"));
            continue;
        };
        if top == own {
            continue;
        }
        let is_module = tree.modules.contains_key([top.clone()].as_slice());
        if !is_module && floor_of(top).is_none() {
            if !import.in_macro {
                breaches.push(format!("{place}: nothing imports lib.rs: `crate::{top}`"));
            }
            continue;
        }
        let among_upper = UPPER.contains(&own.as_str()) && UPPER.contains(&top.as_str());
        let below = floor_of(top).is_some_and(|theirs| theirs < floor);
        let never = NEVER.contains(&(own.as_str(), top.as_str()));
        if never || !(below || among_upper) {
            breaches.push(format!("{place}: `{own}` must not import `{top}`"));
        }
    }
}

fn floor_of(module: &str) -> Option<usize> {
    if UPPER.contains(&module) {
        return Some(FLOORS.len());
    }
    FLOORS.iter().position(|floor| floor.contains(&module))
}

/// Files that import one another, directly or by way of others.
fn circles(tree: &Tree, heads: &[&str]) -> Vec<String> {
    let edges = tree.edges(heads);
    let mut out: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    for (from, to) in &edges {
        out.entry(*from).or_default().push(*to);
    }
    let reach: BTreeMap<usize, BTreeSet<usize>> =
        out.keys().map(|from| (*from, reachable(&out, *from))).collect();
    let mut told = BTreeSet::new();
    let mut breaches = Vec::new();
    for (from, there) in &reach {
        if !there.contains(from) || told.contains(from) {
            continue;
        }
        let circle: BTreeSet<usize> = there
            .iter()
            .copied()
            .filter(|other| reach.get(other).is_some_and(|back| back.contains(from)))
            .collect();
        let inside: Vec<String> = edges
            .iter()
            .filter(|(from, to)| circle.contains(from) && circle.contains(to))
            .map(|(from, to)| format!("{} -> {}", tree.name(*from), tree.name(*to)))
            .collect();
        breaches.push(format!("a circle of imports: {}", inside.join(", ")));
        told.extend(circle);
    }
    breaches
}

fn reachable(out: &BTreeMap<usize, Vec<usize>>, from: usize) -> BTreeSet<usize> {
    let mut seen = BTreeSet::new();
    let mut next = vec![from];
    while let Some(at) = next.pop() {
        for to in out.get(&at).into_iter().flatten() {
            if seen.insert(*to) {
                next.push(*to);
            }
        }
    }
    seen
}
