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
const DEPENDENCIES: &[&str] = &["chrono", "serde_json", "sha2", "thiserror"];

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
/// Notes as well what would hide one: a glob or an alias of the root, and a module whose file is somewhere else.
///
/// What it cannot see: an inherent `impl` of a lower room's type in a room above, whose methods are called without a path.
fn rooms_named(tokens: TokenStream, depth: usize, named: &mut BTreeSet<String>) {
    let tokens: Vec<TokenTree> = tokens.into_iter().collect();
    for n in 0..tokens.len() {
        let rest = tokens.get(n..).unwrap_or_default();
        if let [TokenTree::Group(group), ..] = rest {
            let is_module = group.delimiter() == Delimiter::Brace && n >= 2 && is_ident(&tokens, n - 2, "mod");
            rooms_named(group.stream(), depth + usize::from(is_module), named);
        }
        if is_ident(&tokens, n, "crate") {
            // `pub(crate)` has nothing else in its parentheses.
            if is_path(&tokens, n + 1) {
                follow(rest.get(3..).unwrap_or_default(), depth, depth, named);
            } else if tokens.len() > 1 {
                named.insert("crate as a whole".to_owned());
            }
        }
        if is_ident(&tokens, n, "super") && !(n >= 3 && is_ident(&tokens, n - 3, "super")) {
            follow(rest, 0, depth, named);
        }
        if is_ident(&tokens, n, "path") && is_punct(&tokens, n + 1, '=') && n == 0 {
            named.insert("a file by #[path]".to_owned());
        }
    }
}

/// Notes the room, or all rooms, where a path goes that has led so many modules up.
fn follow(path: &[TokenTree], mut up: usize, depth: usize, named: &mut BTreeSet<String>) {
    let mut n = 0;
    while is_ident(path, n, "super") {
        up += 1;
        n += if is_path(path, n + 1) { 3 } else { 1 };
    }
    let is_root = up >= depth;
    match path.get(n) {
        Some(TokenTree::Ident(room)) if is_root && room != "as" => {
            named.insert(room.to_string());
        }
        // `use crate::*`.
        Some(TokenTree::Punct(punct)) if is_root && punct.as_char() == '*' => {
            named.insert("crate as a whole".to_owned());
        }
        // `use crate::{call, domain::task}`.
        Some(TokenTree::Group(group)) if group.delimiter() == Delimiter::Brace => {
            let tokens: Vec<TokenTree> = group.stream().into_iter().collect();
            let is_comma = |token: &TokenTree| matches!(token, TokenTree::Punct(punct) if punct.as_char() == ',');
            for path in tokens.split(is_comma) {
                follow(path, up, depth, named);
            }
        }
        // `use super as above`, of a room's own file.
        _ if is_root && n > 0 && !is_path(path, n.saturating_sub(2)) => {
            named.insert("crate as a whole".to_owned());
        }
        _ => {}
    }
}

fn is_ident(tokens: &[TokenTree], n: usize, text: &str) -> bool {
    matches!(tokens.get(n), Some(TokenTree::Ident(ident)) if ident == text)
}

fn is_punct(tokens: &[TokenTree], n: usize, character: char) -> bool {
    matches!(tokens.get(n), Some(TokenTree::Punct(punct)) if punct.as_char() == character)
}

fn is_path(tokens: &[TokenTree], n: usize) -> bool {
    is_punct(tokens, n, ':') && is_punct(tokens, n + 1, ':')
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
        ("call", "use crate::*;", "call imports crate as a whole"),
        ("call", "use super::*;", "call imports crate as a whole"),
        ("call", "use crate::{*};", "call imports crate as a whole"),
        (
            "call",
            "use crate as root; use root::decide::Step;",
            "call imports crate as a whole",
        ),
        ("call", "use super as root;", "call imports crate as a whole"),
        (
            "call",
            "extern crate self as me; use me::decide::Step;",
            "call imports crate as a whole",
        ),
        ("call", "use crate::{{decide::Step}};", "call imports decide"),
        (
            "domain::task",
            "use super::{super::decide::Step, target::Target};",
            "domain::task imports decide",
        ),
        (
            "domain",
            "#[path = \"../decide/mod.rs\"] mod decide;",
            "domain imports a file by #[path]",
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
            "domain",
            "pub(crate) fn f() {} mod tests { use super::*; fn g() { super::f(); } }",
        ),
        (
            "domain::task",
            "use super::{target::Target, arn}; use super::super::input as below;",
        ),
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
