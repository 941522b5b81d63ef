//! Reads the function's configuration: its environment, and the service catalog's file.

use std::io::ErrorKind;
use std::path::Path;

use start_engines_core::config::Config;
use start_engines_core::input::problem::Problems;

/// The configuration, or every problem in it.
pub(crate) fn read_config() -> Result<Config, Problems> {
    // A value that is not Unicode is set, but not valid for any variable.
    let get = |name: &str| std::env::var_os(name).map(|value| value.to_string_lossy().into_owned());
    let mut problems = Problems::new();
    let catalog = match get("SERVICES_FILE").filter(|path| !path.is_empty()) {
        Some(path) => read_catalog(Path::new(&path), true, &mut problems),
        // Packed with the binary, if there is a catalog.
        None => get("LAMBDA_TASK_ROOT")
            .and_then(|root| read_catalog(&Path::new(&root).join("services.json"), false, &mut problems)),
    };
    let config = Config::read(get, catalog.as_deref());
    match config {
        Ok(config) => problems.into_result(config),
        Err(others) => {
            problems.extend(others);
            Err(problems)
        }
    }
}

fn read_catalog(path: &Path, must_exist: bool, problems: &mut Problems) -> Option<String> {
    match std::fs::read_to_string(path) {
        Ok(text) => Some(text),
        Err(error) if error.kind() == ErrorKind::NotFound && !must_exist => None,
        Err(error) => {
            problems.invalid_text("SERVICES_FILE", &path.to_string_lossy(), error);
            None
        }
    }
}
