//! Reads the function's configuration: its environment, and the files of its settings and of the service catalog.

use std::io::ErrorKind;
use std::path::Path;

use start_engines_core::config::Config;
use start_engines_core::input::problem::Problems;

/// The configuration, or every problem in it.
pub(crate) fn read_config() -> Result<Config, Problems> {
    // A value that is not Unicode is set, but not valid for any variable.
    let get = |name: &str| std::env::var_os(name).map(|value| value.to_string_lossy().into_owned());
    let mut problems = Problems::new();
    let mut file = |variable: &str| {
        let path = get(variable).filter(|path| !path.is_empty())?;
        read_file(variable, Path::new(&path), true, &mut problems)
    };
    let settings = file("SETTINGS_FILE");
    let catalog = file("SERVICES_FILE");
    // Packed with the binary, if there is a catalog.
    let packed = get("LAMBDA_TASK_ROOT").filter(|_| get("SERVICES_FILE").is_none_or(|path| path.is_empty()));
    let catalog = catalog.or_else(|| {
        let path = Path::new(&packed?).join("services.json");
        read_file("SERVICES_FILE", &path, false, &mut problems)
    });
    let config = Config::read(get, settings.as_deref(), catalog.as_deref());
    match config {
        Ok(config) => problems.into_result(config),
        Err(others) => {
            problems.extend(others);
            Err(problems)
        }
    }
}

/// A file that is named must be there: without its lists or its catalog the function would allow or refuse everything.
fn read_file(variable: &str, path: &Path, must_exist: bool, problems: &mut Problems) -> Option<String> {
    match std::fs::read_to_string(path) {
        Ok(text) => Some(text),
        Err(error) if error.kind() == ErrorKind::NotFound && !must_exist => None,
        Err(error) => {
            problems.invalid_text(variable, &path.to_string_lossy(), error);
            None
        }
    }
}
