//! Reads the sources of the library and holds the walls between its modules.

mod fakes;
mod rules;
mod source;

use std::fs;
use std::path::Path;

/// Programs are crates of their own: they see of the library what is public.
const PROGRAMS: &str = "src/bin";

/// The derive macros, a package of their own.
const MACROS: &str = "macros/src";

#[test]
fn the_library_keeps_its_walls() {
    let breaches = rules::breaches(&library());
    assert!(breaches.is_empty(), "\n{}\n", breaches.join("\n"));
}

#[test]
fn programs_and_macros_look_as_the_library_does() {
    let programs = sources(PROGRAMS);
    assert!(!programs.is_empty());
    let breaches = rules::looks(&[programs, sources(MACROS)].concat());
    assert!(breaches.is_empty(), "\n{}\n", breaches.join("\n"));
}

#[test]
fn no_exception_outlives_its_reason() {
    assert_eq!(rules::stale_exceptions(&library()), [""; 0]);
}

#[test]
fn nothing_is_left_behind_elsewhere() {
    let found: Vec<String> = ["tests", "examples", "benches", "fuzz/fuzz_targets"]
        .iter()
        .flat_map(|folder| sources(folder))
        .flat_map(|(path, text)| rules::leftovers(&path, &text))
        .collect();
    assert!(found.is_empty(), "\n{}\n", found.join("\n"));
}

// If the checker became blind, it would find no breach either.
#[test]
fn the_checker_sees_the_imports_of_the_library() {
    let edges = rules::edges(&library());
    for (from, to) in
        [("collector", "error"), ("collector", "model::desc"), ("model::desc", "model::name")]
    {
        assert!(edges.contains(&(from.to_owned(), to.to_owned())), "{from} -> {to} in {edges:?}");
    }
}

/// The sources under `src` that are no program.
fn library() -> Vec<(String, String)> {
    let mut library = sources("src");
    library.retain(|(path, _)| !path.starts_with(PROGRAMS));
    library
}

/// The `.rs` files under a folder of the project as (path, text), sorted.
fn sources(folder: &str) -> Vec<(String, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut files = Vec::new();
    let mut folders = vec![root.join(folder)];
    while let Some(folder) = folders.pop() {
        let Ok(entries) = fs::read_dir(&folder) else { continue };
        for entry in entries {
            let path = entry.expect("a readable folder").path();
            if path.is_dir() {
                // What a crate of its own was built into is not written by anybody.
                if !path.ends_with("target") {
                    folders.push(path);
                }
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let text = fs::read_to_string(&path).expect("a readable file");
                let path = path.strip_prefix(root).expect("a file of the project");
                files.push((path.to_string_lossy().replace('\\', "/"), text));
            }
        }
    }
    files.sort();
    files
}
