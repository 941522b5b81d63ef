//! The layers inside of the crate `start-engines-core`: no room imports a room above it, or beside it.
//!
//! Between the crates the compiler holds the layers; inside of core this test does. A new room needs a place in
//! [`LEVELS`].
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a file that cannot be read fails the test"
)]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

use proc_macro2::{Delimiter, TokenStream, TokenTree};

/// The rooms of core from the bottom up. Each may import its own, and those of the levels before it.
const LEVELS: &[&[&str]] = &[
    &["input"],
    &["domain"],
    &["call"],
    &["outcome", "ports", "spec"],
    &["config", "journal"],
    &["request"],
    &["decide"],
    &["report"],
];

/// All that core may depend on: nothing of an SDK, of an async runtime, of the network.
const DEPENDENCIES: &[&str] = &["aws_lambda_events", "chrono", "serde_json", "sha2", "thiserror"];

fn core() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src/core")
}

fn level(room: &str) -> Option<usize> {
    LEVELS.iter().position(|rooms| rooms.contains(&room))
}

/// Every source file below a folder.
fn sources(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(sources(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
    files
}

/// The modules that a file is in, as in `decide::targets`; none for `lib.rs`.
fn module(file: &Path) -> Vec<String> {
    let path = file.strip_prefix(core()).unwrap().with_extension("");
    let names = path.iter().map(|name| name.to_str().unwrap().to_owned());
    names.filter(|name| name != "mod" && name != "lib").collect()
}

/// Notes each room that the tokens name by a path from the root of the crate, or by enough `super`s to get there.
fn rooms_named(tokens: TokenStream, depth: usize, named: &mut BTreeSet<String>) {
    let tokens: Vec<TokenTree> = tokens.into_iter().collect();
    let is_ident = |n: usize, text: &str| matches!(tokens.get(n), Some(TokenTree::Ident(ident)) if ident == text);
    let is_path = |n: usize| {
        let colon = |n: usize| matches!(tokens.get(n), Some(TokenTree::Punct(punct)) if punct.as_char() == ':');
        colon(n) && colon(n + 1)
    };
    for n in 0..tokens.len() {
        if let Some(TokenTree::Group(group)) = tokens.get(n) {
            let is_module = group.delimiter() == Delimiter::Brace && n >= 2 && is_ident(n - 2, "mod");
            rooms_named(group.stream(), depth + usize::from(is_module), named);
        }
        // From here up to the root, if the path goes there.
        let after = if is_ident(n, "crate") && is_path(n + 1) {
            Some(n + 3)
        } else if is_ident(n, "super") && !(n >= 3 && is_ident(n - 3, "super")) {
            let (mut end, mut supers) = (n, 0);
            while is_ident(end, "super") && is_path(end + 1) {
                supers += 1;
                end += 3;
            }
            (supers >= depth && supers > 0).then_some(end)
        } else {
            None
        };
        match after.and_then(|after| tokens.get(after)) {
            Some(TokenTree::Ident(room)) => {
                named.insert(room.to_string());
            }
            // `use crate::{call, domain::task}`.
            Some(TokenTree::Group(group)) => {
                let mut is_first = true;
                for token in group.stream() {
                    match token {
                        TokenTree::Ident(room) if is_first => {
                            named.insert(room.to_string());
                            is_first = false;
                        }
                        TokenTree::Punct(punct) if punct.as_char() == ',' => is_first = true,
                        _ => {}
                    }
                }
            }
            _ => {}
        }
    }
}

/// What a file of a room imports that it must not; an unknown room is one of these.
fn violations(modules: &[String], source: &str) -> Vec<String> {
    let mut named = BTreeSet::new();
    rooms_named(source.parse().expect("Rust"), modules.len(), &mut named);
    let Some(own) = modules.first() else {
        return named.into_iter().map(|room| format!("lib.rs uses {room}")).collect();
    };
    let Some(own_level) = level(own) else {
        return vec![format!("{own} is in no level")];
    };
    let is_wrong = |room: &String| room != own && level(room).is_none_or(|level| level >= own_level);
    named
        .into_iter()
        .filter(is_wrong)
        .map(|room| format!("{} imports {room}", modules.join("::")))
        .collect()
}

#[test]
fn no_room_of_core_imports_one_above_or_beside_it() {
    let files = sources(&core());
    assert!(files.len() > 50, "{files:?}");
    let found: Vec<String> = files
        .iter()
        .flat_map(|file| violations(&module(file), &std::fs::read_to_string(file).unwrap()))
        .collect();
    assert_eq!(found, [""; 0]);
}

#[test]
fn the_table_has_every_room_and_no_other() {
    let lib = std::fs::read_to_string(core().join("lib.rs")).unwrap();
    let declared: BTreeSet<&str> = lib
        .lines()
        .filter_map(|line| line.strip_prefix("pub mod ")?.strip_suffix(';'))
        .collect();
    let listed: BTreeSet<&str> = LEVELS.iter().copied().flatten().copied().collect();
    assert_eq!(declared, listed);
}

#[test]
fn a_planted_import_is_found() {
    let of = |module: &str, source: &str| {
        let modules: Vec<String> = module.split("::").map(str::to_owned).collect();
        violations(&modules, source)
    };
    for (module, source, found) in [
        ("call", "use crate::decide::Step;", "call imports decide"),
        (
            "call::answer",
            "use crate::{decide::Step, domain};",
            "call::answer imports decide",
        ),
        (
            "journal",
            "fn f() { g(&crate::config::Config::default()) }",
            "journal imports config",
        ),
        (
            "domain::task",
            "use super::super::request::Trigger;",
            "domain::task imports request",
        ),
        ("ports", "use super::handler;", "ports imports handler"),
        (
            "outcome",
            "fn f() -> String { format!(\"{}\", crate::spec::X) }",
            "outcome imports spec",
        ),
        (
            "input::fields",
            "mod tests { use super::super::super::domain::Port; }",
            "input::fields imports domain",
        ),
        ("new::thing", "", "new is in no level"),
    ] {
        assert_eq!(of(module, source), [found], "{module}: {source}");
    }
    for (module, source) in [
        (
            "decide::start",
            "use crate::call::Call; use super::timing; use self::ladder::start_tasks;",
        ),
        ("domain::task", "mod tests { use super::super::target::Target; }"),
        (
            "call",
            "/// As [`crate::decide`] needs it.\nstruct Call; const TEXT: &str = \"crate::decide::x\";",
        ),
    ] {
        assert_eq!(of(module, source), [""; 0], "{module}: {source}");
    }
}

#[test]
fn core_depends_on_no_sdk_and_on_no_runtime() {
    let tree = |depth: &str| {
        let listed = Command::new(env!("CARGO"))
            .args(["tree", "--locked", "--offline", "--package", "start-engines-core"])
            .args(["--edges", "normal", "--prefix", "none", "--depth", depth])
            .current_dir(env!("CARGO_MANIFEST_DIR"))
            .output()
            .expect("cargo runs");
        assert!(listed.status.success(), "{}", String::from_utf8_lossy(&listed.stderr));
        let listed = String::from_utf8(listed.stdout).unwrap();
        let names = listed.lines().filter_map(|line| line.split(' ').next());
        let names: BTreeSet<String> = names.map(str::to_owned).collect();
        names
    };
    let mut direct = tree("1");
    assert!(direct.remove("start-engines-core"));
    let allowed: BTreeSet<String> = DEPENDENCIES.iter().map(|&name| name.to_owned()).collect();
    assert_eq!(direct, allowed);
    let all = tree("20");
    for name in &all {
        let is_runtime = ["tokio", "hyper", "mio", "rustls", "tracing"].contains(&name.as_str());
        assert!(!is_runtime && !name.starts_with("aws-"), "core depends on {name}");
    }
}
