//! The operator's command, run as a process against the fake at the wire.
//!
//! Must not use the command's code: checks exit status, standard output, standard error and the calls.

mod doctor;
mod large;
mod local;
mod reconcile;
mod redrive;
mod runbook;
mod starts;
mod status;
mod stops;
mod trace;
mod usage;
mod validate;

use std::process::Stdio;
use std::time::Duration;

use serde_json::Value;
use start_engines_fake_aws::FakeAws;
use tokio::process::{Child, Command};
use tokio::time::timeout;

/// Time limit of a run; the command's own waits are much shorter.
const TIME: Duration = Duration::from_secs(60);
pub(crate) const FUNCTION: &str = "arn:aws:lambda:us-east-1:111122223333:function:start-engines";

/// How a run ended.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) status: Option<i32>,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Ended {
    /// The JSON on standard output. `docs/command.md` must document every field of it.
    pub(crate) fn json(&self) -> Value {
        let json = serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("no JSON ({error}): {self:?}"));
        let page = include_str!("../../../docs/command.md");
        let table = page.split_once("\n## JSON output\n").expect("the table of fields").1;
        let table = table.split_once("\n## ").map_or(table, |(table, _)| table);
        must_be_documented(&json, table);
        json
    }

    /// Asserts the exit status.
    pub(crate) fn must(self, status: i32) -> Self {
        assert_eq!(self.status, Some(status), "{self:#?}");
        self
    }
}

fn must_be_documented(json: &Value, table: &str) {
    match json {
        Value::Array(items) => items.iter().for_each(|item| must_be_documented(item, table)),
        Value::Object(fields) => {
            for (name, value) in fields {
                assert!(
                    table.contains(&format!("`{name}`")),
                    "docs/command.md does not document {name}"
                );
                // Their fields are documented elsewhere.
                if !["detail", "event", "events"].contains(&name.as_str()) {
                    must_be_documented(value, table);
                }
            }
        }
        _ => {}
    }
}

/// A command that has not run yet.
pub(crate) struct Run(Command);

impl Run {
    /// A run with the fake's endpoint, a region and credentials, and nothing else in its environment.
    pub(crate) fn new(fake: &FakeAws, arguments: &[&str]) -> Self {
        Self::offline(arguments)
            .env("AWS_ENDPOINT_URL", &fake.endpoint())
            .env("AWS_REGION", "us-east-1")
            .env("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
            .env("AWS_SECRET_ACCESS_KEY", "not-a-secret")
            .env("START_ENGINES_FUNCTION", FUNCTION)
    }

    /// A run with an empty environment.
    pub(crate) fn offline(arguments: &[&str]) -> Self {
        // `make command-fleet` measures the optimized build.
        let program = std::env::var_os("COMMAND").unwrap_or_else(|| env!("CARGO_BIN_EXE_start-engines").into());
        let mut command = Command::new(program);
        command
            .args(arguments)
            .current_dir(env!("CARGO_MANIFEST_DIR"))
            .env_clear()
            // No profile of the user who runs the tests.
            .env("AWS_CONFIG_FILE", "/dev/null")
            .env("AWS_SHARED_CREDENTIALS_FILE", "/dev/null")
            .env("AWS_EC2_METADATA_DISABLED", "true")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        Self(command)
    }

    pub(crate) fn env(mut self, name: &str, value: &str) -> Self {
        self.0.env(name, value);
        self
    }

    pub(crate) fn begin(mut self) -> Child {
        self.0.spawn().expect("the command starts")
    }

    pub(crate) async fn end(self) -> Ended {
        end(self.begin()).await
    }

    /// Runs with `text` on standard input.
    pub(crate) async fn end_with(self, text: &str) -> Ended {
        use tokio::io::AsyncWriteExt;
        let mut child = self.begin();
        let mut stdin = child.stdin.take().expect("a pipe");
        // A command that does not read it closes the pipe.
        let _ = stdin.write_all(text.as_bytes()).await;
        drop(stdin);
        end(child).await
    }
}

/// Waits for it to end.
pub(crate) async fn end(child: Child) -> Ended {
    let output = timeout(TIME, child.wait_with_output())
        .await
        .expect("it ends in time")
        .expect("its output");
    Ended {
        status: output.status.code(),
        out: String::from_utf8(output.stdout).expect("text"),
        err: String::from_utf8(output.stderr).expect("text"),
    }
}

/// Sends a signal, as Ctrl-C does.
pub(crate) async fn interrupt(child: &Child) {
    let id = child.id().expect("it runs").to_string();
    let sent = Command::new("sh")
        .args(["-c", &format!("kill -s INT {id}")])
        .status()
        .await;
    assert!(sent.expect("a shell").success());
}

/// A command that runs on a terminal of its own.
pub(crate) fn with_terminal(fake: &FakeAws, arguments: &str) -> Command {
    let line = format!("{} {arguments}", env!("CARGO_BIN_EXE_start-engines"));
    let mut command = Command::new("script");
    command
        .args([
            "--quiet",
            "--return",
            "--echo",
            "never",
            "--command",
            &line,
            "/dev/null",
        ])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .env("TERM", "xterm")
        .env("AWS_CONFIG_FILE", "/dev/null")
        .env("AWS_SHARED_CREDENTIALS_FILE", "/dev/null")
        .env("AWS_EC2_METADATA_DISABLED", "true")
        .env("AWS_ENDPOINT_URL", fake.endpoint())
        .env("AWS_REGION", "us-east-1")
        .env("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
        .env("AWS_SECRET_ACCESS_KEY", "not-a-secret")
        .env("START_ENGINES_FUNCTION", FUNCTION)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .kill_on_drop(true);
    command
}

/// Types these answers; returns the exit status and the terminal's output.
pub(crate) async fn answered(mut command: Command, answers: &str) -> (Option<i32>, String) {
    use tokio::io::AsyncWriteExt;
    let mut child = command
        .spawn()
        .expect("util-linux's script, which gives a command a terminal");
    let mut stdin = child.stdin.take().expect("a pipe");
    stdin.write_all(answers.as_bytes()).await.expect("it reads");
    let output = timeout(TIME, child.wait_with_output())
        .await
        .expect("it ends in time")
        .expect("its output");
    // Kept open until now: the end of input would end the terminal.
    drop(stdin);
    (
        output.status.code(),
        String::from_utf8_lossy(&output.stdout).into_owned(),
    )
}

/// The same for a command line.
pub(crate) async fn on_a_terminal(fake: &FakeAws, arguments: &str, answers: &str) -> (Option<i32>, String) {
    answered(with_terminal(fake, arguments), answers).await
}
