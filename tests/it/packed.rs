//! The packed function: what runs here is the `bootstrap` that is in the zip.

use std::path::{Path, PathBuf};

/// Where the zip is, and its binary beside it in a folder of its own.
pub(crate) fn unpacked() -> (PathBuf, PathBuf) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let zip = root.join("target/lambda/start-engines-lambda/bootstrap.zip");
    assert!(zip.exists(), "{} is not there: run `make package`", zip.display());
    let folder = root.join("target/unpacked");
    let unzip = [
        "-c",
        "import sys, zipfile; zipfile.ZipFile(sys.argv[1]).extract('bootstrap', sys.argv[2])",
    ];
    let mut python = std::process::Command::new(root.join(".venv/bin/python"));
    let done = python
        .args(unzip)
        .arg(&zip)
        .arg(&folder)
        .status()
        .expect("run `make venv`");
    assert!(done.success());
    let binary = folder.join("bootstrap");
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    std::fs::set_permissions(&binary, mode).expect("the binary is ours");
    (zip, binary)
}

#[test]
fn the_function_is_built_without_what_only_the_command_needs() {
    let mut cargo = std::process::Command::new(env!("CARGO"));
    let listed = cargo
        .args(["tree", "--locked", "--offline", "--no-default-features"])
        .args(["--edges", "normal", "--prefix", "none"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .expect("cargo runs");
    assert!(listed.status.success(), "{}", String::from_utf8_lossy(&listed.stderr));
    let listed = String::from_utf8(listed.stdout).expect("text");
    let names: Vec<&str> = listed.lines().filter_map(|line| line.split(' ').next()).collect();
    assert!(names.contains(&"aws-sdk-ecs"), "{names:?}");
    let of_command = [
        "clap",
        "clap_complete",
        "aws-sdk-sqs",
        "aws-sdk-lambda",
        "aws-sdk-sso",
        "unicode-width",
        "signal-hook-registry",
    ];
    for name in of_command {
        assert!(!names.contains(&name), "{name} is in the function");
    }
}
