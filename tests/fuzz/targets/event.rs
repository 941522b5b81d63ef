//! Any bytes as an event: it is read, or every problem in it is named.
#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use start_engines_core::config::Config;
use start_engines_core::request;
use start_engines_core::request::envelope::Envelope;

static CONFIGS: LazyLock<[Config; 2]> = LazyLock::new(|| {
    let catalog = include_str!("../../../fixtures/services.json");
    let strict = |name: &str| match name {
        "ALLOWED_CLUSTERS" => Some("engines".to_owned()),
        "ALLOWED_TARGET_GROUPS" => Some("auth*".to_owned()),
        "ALLOWED_TASK_FAMILIES" => Some("auth,worker".to_owned()),
        "ALLOWED_SOURCES" => Some("app.*".to_owned()),
        _ => None,
    };
    [
        Config::default(),
        Config::read(strict, None, Some(catalog)).expect("a sound configuration"),
    ]
});

fuzz_target!(|bytes: &[u8]| {
    let Ok(event) = serde_json::from_slice::<serde_json::Value>(bytes) else {
        return;
    };
    let _ = Envelope::of(&event);
    let function = "arn:aws:lambda:us-east-1:111122223333:function:start-engines"
        .parse()
        .ok();
    for config in &*CONFIGS {
        if let Err(problems) = request::read(event.clone(), config, function.as_ref()) {
            assert!(!problems.is_empty() && !problems.to_string().is_empty());
        }
    }
});
