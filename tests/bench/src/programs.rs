//! What is compared: where each program is, and its environment.

use std::path::Path;

use crate::stub::Stub;

/// A program that serves the Runtime API.
pub(crate) struct Program {
    pub(crate) name: String,
    pub(crate) command: Vec<String>,
    pub(crate) environment: Vec<(&'static str, String)>,
    /// What would be deployed, packed.
    pub(crate) zip: u64,
    /// Whether it makes the calls of the two events.
    pub(crate) works: bool,
    /// Whether a start makes a schedule for its deadline, too.
    pub(crate) has_deadlines: bool,
}

/// The function's peers, and `others`: builds of the function itself, as `name=path`. Go's only if it was built.
pub(crate) fn programs(folder: &Path, stub: &Stub, others: &[String]) -> Vec<Program> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let authority = read(&root.join("tests/fake-aws/tls/authority.pem"));
    // What the function trusts on Lambda, and the stub's issuer; and so for those that trust the machine's.
    let small = folder.join("amazon-and-stub.pem");
    let amazon = read(&root.join("tests/fake-aws/tls/amazon-roots.pem"));
    std::fs::write(&small, format!("{amazon}\n{authority}")).expect("a file");
    let large = folder.join("machine-and-stub.pem");
    let machine = read(Path::new("/etc/ssl/certs/ca-certificates.crt"));
    std::fs::write(&large, format!("{machine}\n{authority}")).expect("a file");

    let small = [("AWS_CA_BUNDLE", small.display().to_string())];
    let large = ["AWS_CA_BUNDLE", "SSL_CERT_FILE"].map(|name| (name, large.display().to_string()));
    // Go's library trusts the machine's store, and its SDK needs no bundle then. On Lambda that store is one file.
    let [_, file] = large.clone();
    let gos = [file, ("SSL_CERT_DIR", folder.join("no-folder").display().to_string())];
    // Node has Mozilla's roots in its binary.
    let nodes = root.join("tests/fake-aws/tls/authority.pem").display().to_string();
    // What the Pulumi component sets in any case.
    let role = "arn:aws:iam::111122223333:role/start-engines-scheduler".to_owned();
    let deployed = [small.clone(), [("SCHEDULER_ROLE_ARN", role)]].concat();
    let packed = size(&root.join("target/lambda/start-engines-lambda/bootstrap.zip"));
    let zip = |name: &str| size(&folder.join(name));
    let built = |path: &str| vec![root.join("target").join(path).display().to_string()];
    let program = |name: &str, command, own: &[(&'static str, String)], zip, works| Program {
        name: name.to_owned(),
        command,
        environment: environment(stub).into_iter().chain(own.iter().cloned()).collect(),
        zip,
        works,
        has_deadlines: own.iter().any(|(name, _)| *name == "SCHEDULER_ROLE_ARN"),
    };
    let python = vec![
        root.join(".venv/bin/python").display().to_string(),
        root.join("tests/bench/peers/python/bootstrap.py").display().to_string(),
    ];
    let javascript = vec![
        on_path("node"),
        folder.join("javascript/index.js").display().to_string(),
    ];
    let others = others.iter().map(|other| {
        let (name, path) = other
            .split_once('=')
            .unwrap_or_else(|| panic!("{other}: must be NAME=PATH"));
        program(name, vec![path.to_owned()], &small, zip(&format!("{name}.zip")), true)
    });
    let peers = [
        program(
            "no SDK: the floor",
            built("bench/packed/floor/bootstrap"),
            &small,
            zip("floor.zip"),
            true,
        ),
        program("start-engines", built("unpacked/bootstrap"), &small, packed, true),
        program("with deadlines", built("unpacked/bootstrap"), &deployed, packed, true),
        program(
            "Runtime API only",
            built("bench/packed/runtime-only/bootstrap"),
            &[],
            zip("runtime-only.zip"),
            false,
        ),
        program(
            "the same SDK, trimmed",
            built("bench/packed/trimmed/bootstrap"),
            &small,
            zip("trimmed.zip"),
            true,
        ),
        program(
            "Rust, all defaults",
            built("bench/release/default"),
            &large,
            zip("default.zip"),
            true,
        ),
        program("Python, boto3", python, &large, zip("python.zip"), true),
        program(
            "JavaScript, bundled",
            javascript,
            &[("NODE_EXTRA_CA_CERTS", nodes)],
            zip("javascript.zip"),
            true,
        ),
    ];
    let go = folder.join("go/bootstrap");
    let go = std::fs::exists(&go).expect("a folder").then(|| {
        let command = vec![go.display().to_string()];
        program(GO, command, &gos, zip("go.zip"), true)
    });
    peers.into_iter().chain(go).chain(others).collect()
}

/// The name of the one peer whose compiler may be missing.
pub(crate) const GO: &str = "Go, its SDK";

/// Where a program is: the peers themselves have no such `PATH`.
fn on_path(name: &str) -> String {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let found = std::env::split_paths(&path).map(|folder| folder.join(name));
    let found = found.into_iter().find(|file| file.is_file());
    let found = found.unwrap_or_else(|| panic!("{name} is in no folder of PATH"));
    found.display().to_string()
}

fn environment(stub: &Stub) -> Vec<(&'static str, String)> {
    let url = |port| format!("https://localhost:{port}");
    [
        ("AWS_ENDPOINT_URL_ECS", url(stub.ecs).as_str()),
        ("AWS_ENDPOINT_URL_ELASTIC_LOAD_BALANCING_V2", &url(stub.elb)),
        ("AWS_ENDPOINT_URL_SCHEDULER", &url(stub.scheduler)),
        // The stub has no limits. By itself the function would keep to ECS's rate for DescribeTasks, 20 calls a second, which
        // 1,000 events one after the other exceed: measured would be its waits.
        ("API_RATES", "DescribeTasks+ListTasks=1000:1000"),
        ("AWS_REGION", "us-east-1"),
        ("AWS_DEFAULT_REGION", "us-east-1"),
        ("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE"),
        ("AWS_SECRET_ACCESS_KEY", "not-a-secret"),
        ("AWS_SESSION_TOKEN", "not-a-token"),
        ("AWS_EC2_METADATA_DISABLED", "true"),
        ("AWS_LAMBDA_FUNCTION_NAME", "start-engines"),
        ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "128"),
        ("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST"),
        ("AWS_LAMBDA_LOG_GROUP_NAME", "/aws/lambda/start-engines"),
        ("AWS_LAMBDA_LOG_STREAM_NAME", "2026/01/01/[$LATEST]0123456789abcdef"),
        ("AWS_LAMBDA_INITIALIZATION_TYPE", "on-demand"),
        ("PATH", "/usr/bin:/bin"),
    ]
    .map(|(name, value)| (name, value.to_owned()))
    .to_vec()
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn size(path: &Path) -> u64 {
    let found = std::fs::metadata(path);
    found
        .unwrap_or_else(|error| panic!("{}: {error}", path.display()))
        .len()
}
