//! `make demo` as a test: what it shows, and that it can fail.
//!
//! Must not look inside: a person has the exit status and the lines, and so has this module. The
//! function in it is the packed one, and the stack is the Pulumi program's, as they would be deployed.

use std::fs;
use std::io::{self, ErrorKind};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use tokio::process::Command;
use tokio::sync::Mutex;
use tokio::time::timeout;

/// The demo's own waits end long before this.
const TIME: Duration = Duration::from_secs(180);
/// Where MiniStack listens when nobody says otherwise.
const MINISTACK_PORT: u16 = 4566;
/// The width of a terminal that has room for each line.
const COLUMNS: usize = 100;
/// The demos share their log files.
static ONE_AT_A_TIME: Mutex<()> = Mutex::const_new(());

/// The timeline's marks, in order.
const MARKS: [&str; 29] = [
    "event sent",
    "RunTask made",
    "RUNNING",
    "registered",
    "first request",
    "healthy",
    "check planned",
    "start-engines-check-",
    "\"outcome\": \"checked\", 1 healthy",
    "ECS Task Healthy",
    "start-engines status",
    "healthy",
    "event sent",
    "on-failure queue",
    "stop event sent",
    "StopTask made",
    "deregistered",
    "request refused",
    "all events handled",
    "A service that does not get healthy",
    "registered",
    "unhealthy",
    "start-engines-check-",
    "\"outcome\": \"checked\", 1 unhealthy",
    "ECS Task Unhealthy",
    "exit status 3",
    "FAILURE",
    "Where the stack differs from what the program registered",
    "What this demo does not prove",
];

#[tokio::test]
async fn the_demo_shows_every_step_and_says_ok() {
    let demo = Demo::run(&packed_function()).await;
    demo.must_have_succeeded();
}

/// The same of the buffered one.
const BUFFERED_MARKS: [&str; 17] = [
    "36 starts",
    "events sent",
    "RunTask made",
    "RUNNING",
    "registered",
    "all have answered",
    "36 stops, and a poisoned message",
    "StopTask made",
    "deregistered",
    "request refused",
    "dead-letter queue     1 message, after 5 receives",
    "start-engines redrive",
    "received_too_often",
    "all events handled",
    "AWS calls, from the function's log lines",
    "Where the stack differs from what the program registered",
    "What this demo does not prove",
];

#[tokio::test]
async fn the_buffered_demo_takes_dozens_of_tasks_through_a_queue_and_leaves_one_poisoned_message() {
    let demo = Demo::run_with(&packed_function(), &["--buffered"]).await;
    demo.must_have_shown(&BUFFERED_MARKS);
}

#[tokio::test]
async fn the_demo_needs_no_port_of_its_own() {
    // Held until the demo has ended; where another program holds the port, that does as well.
    let _held = match TcpListener::bind((Ipv4Addr::LOCALHOST, MINISTACK_PORT)) {
        Err(error) if error.kind() != ErrorKind::AddrInUse => panic!("port {MINISTACK_PORT}: {error}"),
        held => held,
    };
    let demo = Demo::run(&packed_function()).await;
    demo.must_have_succeeded();
}

#[tokio::test]
async fn the_demo_deploys_no_zip_without_a_program() {
    let demo = Demo::run(&zip_of("no-program", "README", b"nothing to run").await).await;
    // The Pulumi program's own word.
    demo.must_have_failed_with("must hold bootstrap, as make package builds it");
}

#[tokio::test]
async fn the_demo_fails_at_the_step_that_a_broken_function_does_not_do() {
    let program = fs::read("/bin/false").expect("a program that fails");
    let demo = Demo::run(&zip_of("broken", "bootstrap", &program).await).await;
    demo.must_have_failed_with("RunTask made: waited");
    let shown = &demo.output;
    assert!(
        !shown.contains("ms  RunTask made"),
        "a step not done is not shown:\n{shown}"
    );
}

/// A demo that has ended.
struct Demo {
    status: Option<i32>,
    /// Both of its outputs.
    output: String,
}

impl Demo {
    /// Runs the demo to its end.
    async fn run(zip: &Path) -> Self {
        Self::run_with(zip, &[]).await
    }

    async fn run_with(zip: &Path, flags: &[&str]) -> Self {
        let _turn = ONE_AT_A_TIME.lock().await;
        let child = python()
            .arg("tests/local/demo.py")
            .arg("--zip")
            .arg(zip)
            .args(flags)
            .spawn()
            .expect("Python starts");
        let process = child.id().expect("a process that has not been waited for");
        let Ok(ended) = timeout(TIME, child.wait_with_output()).await else {
            // Asked, not killed: it has an emulator to end.
            let _ = Command::new("sh")
                .args(["-c", &format!("kill -s TERM {process}")])
                .status()
                .await;
            panic!("the demo has not ended after {} s", TIME.as_secs());
        };
        let ended = ended.expect("the demo's output");
        let output = [ended.stdout, ended.stderr].concat();
        Self {
            status: ended.status.code(),
            output: String::from_utf8_lossy(&output).into_owned(),
        }
    }

    fn must_have_succeeded(&self) {
        self.must_have_shown(&MARKS);
        for line in self.output.lines() {
            assert!(line.chars().count() <= COLUMNS, "longer than {COLUMNS} columns: {line}");
        }
    }

    fn must_have_shown(&self, marks: &[&str]) {
        let output = &self.output;
        assert_eq!(self.status, Some(0), "the demo failed:\n{output}");
        assert!(self.last_line().starts_with("demo: OK"), "no verdict:\n{output}");
        let mut rest = output.as_str();
        for mark in marks {
            let found = rest.split_once(*mark);
            rest = found
                .unwrap_or_else(|| panic!("no '{mark}' in its place in:\n{output}"))
                .1;
        }
        let emulator = self.emulator().unwrap_or_else(|| panic!("no emulator in:\n{output}"));
        assert_ne!(emulator.port(), MINISTACK_PORT, "the port was to be a free one");
        let left = TcpStream::connect(emulator).map_err(|error| error.kind());
        assert!(
            matches!(left, Err(io::ErrorKind::ConnectionRefused)),
            "{emulator} still runs"
        );
    }

    fn must_have_failed_with(&self, problem: &str) {
        let (output, last) = (&self.output, self.last_line());
        assert_eq!(self.status, Some(1), "the demo was to fail:\n{output}");
        assert!(last.starts_with("demo: FAILED"), "no verdict:\n{output}");
        assert!(last.contains(problem), "the reason was to be '{problem}':\n{output}");
    }

    fn last_line(&self) -> &str {
        self.output.trim_end().lines().last().unwrap_or_default()
    }

    /// The address that it showed.
    fn emulator(&self) -> Option<SocketAddr> {
        let (_, rest) = self.output.split_once("http://")?;
        rest.split(',').next()?.parse().ok()
    }
}

/// The virtual environment's Python, in the project's folder.
fn python() -> Command {
    let python = project().join(".venv/bin/python");
    for (needed, command) in [
        (&python, "venv"),
        (&project().join("pulumi/component/lib"), "component"),
    ] {
        assert!(
            needed.exists(),
            "{} is missing: run `make {command}` first, which installs what the demo needs",
            needed.display()
        );
    }
    let mut command = Command::new(python);
    command
        .current_dir(project())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

fn project() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The function as `make package` leaves it.
fn packed_function() -> PathBuf {
    let zip = project().join("target/lambda/start-engines-lambda/bootstrap.zip");
    assert!(
        zip.exists(),
        "{} is missing: run `make package` first, which builds and packs the function",
        zip.display()
    );
    zip
}

/// A zip of one executable file.
async fn zip_of(label: &str, name: &str, content: &[u8]) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("demo-{label}"));
    fs::create_dir_all(&folder).expect("a folder for the zip");
    let (zip, file) = (folder.join("bootstrap.zip"), folder.join(name));
    fs::write(&file, content).expect("a file for the zip");
    fs::set_permissions(&file, fs::Permissions::from_mode(0o755)).expect("an executable file");
    let mut command = python();
    let packed = command.args(["-m", "zipfile", "-c"]).args([&zip, &file]).output().await;
    let packed = packed.expect("Python starts");
    assert!(packed.status.success(), "no zip was made: {packed:?}");
    zip
}
