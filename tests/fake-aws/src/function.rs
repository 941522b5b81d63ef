//! The function's process: started with a clean environment, its output collected, and
//! killed by its handle when dropped.

use std::collections::BTreeMap;
use std::process::Stdio;

use serde_json::Value;
use tokio::io::{AsyncBufReadExt, AsyncRead, BufReader};
use tokio::process::{Child, Command};
use tokio::sync::{oneshot, watch};
use tokio::task::JoinHandle;

use super::runtime_api::RuntimeApi;

/// A function's configuration, as Lambda would give it.
#[derive(Debug, Clone)]
pub struct FunctionConfig {
    command: Vec<String>,
    environment: BTreeMap<String, String>,
}

impl FunctionConfig {
    /// A function from a binary (`env!("CARGO_BIN_EXE_...")`), with the variables that
    /// Lambda itself sets, test credentials, and the fake AWS as every service's endpoint.
    pub fn new(binary: &str, aws_endpoint: &str) -> Self {
        let environment = [
            ("AWS_ENDPOINT_URL", aws_endpoint),
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
            ("TZ", ":UTC"),
        ];
        let owned = environment.map(|(name, value)| (name.to_owned(), value.to_owned()));
        Self {
            command: vec![binary.to_owned()],
            environment: owned.into(),
        }
    }

    /// Has another program run the binary: an emulator, an instrument.
    pub fn under(mut self, runner: &[&str]) -> Self {
        self.command.splice(0..0, runner.iter().map(|&word| word.to_owned()));
        self
    }

    /// Sets a variable.
    pub fn env(mut self, name: &str, value: &str) -> Self {
        self.environment.insert(name.to_owned(), value.to_owned());
        self
    }

    /// Leaves a variable out.
    pub fn env_remove(mut self, name: &str) -> Self {
        self.environment.remove(name);
        self
    }

    /// Starts the process. Its end ends the invocations under way at `runtime`.
    pub fn spawn(&self, runtime: &RuntimeApi) -> Function {
        let mut child = Command::new(&self.command[0])
            .args(&self.command[1..])
            .env_clear()
            .envs(&self.environment)
            .env("AWS_LAMBDA_RUNTIME_API", runtime.address())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .expect("the function's binary starts");
        let pid = child.id();
        let shared = runtime.shared();
        let birth = shared.report_birth();
        let stdout = Lines::collect(child.stdout.take().expect("a piped stdout"));
        let stderr = Lines::collect(child.stderr.take().expect("a piped stderr"));
        let (kill, killed) = oneshot::channel();
        let waiting = tokio::spawn(async move {
            let how = wait(&mut child, killed).await;
            shared.report_death(birth, how);
        });
        Function {
            pid,
            stdout,
            stderr,
            kill: Some(kill),
            waiting,
        }
    }
}

async fn wait(child: &mut Child, killed: oneshot::Receiver<()>) -> String {
    tokio::select! {
        status = child.wait() => match status {
            Ok(status) => status.to_string(),
            Err(error) => error.to_string(),
        },
        // Also when the handle is dropped.
        _ = killed => {
            let _ = child.kill().await;
            "killed by the test".to_owned()
        }
    }
}

/// A running function. Killed when dropped: the task that waits for it hears that `kill`
/// is gone, or is dropped itself, child and all, with the test's runtime. A test that
/// starts another one on the same runtime API ends this one with [`Function::stop`]
/// first, so that it takes no event any more.
#[derive(Debug)]
pub struct Function {
    pid: Option<u32>,
    stdout: Lines,
    stderr: Lines,
    kill: Option<oneshot::Sender<()>>,
    waiting: JoinHandle<()>,
}

impl Function {
    /// The process's id, while it lives.
    pub fn pid(&self) -> Option<u32> {
        self.pid
    }

    /// The lines on stdout so far. The process may be about to write more: to be sure,
    /// wait for a line with [`Function::log_where`] or end it with [`Function::stop`].
    pub fn stdout(&self) -> Vec<String> {
        self.stdout.now()
    }

    /// The lines on stderr so far: a panic's message, for one.
    pub fn stderr(&self) -> Vec<String> {
        self.stderr.now()
    }

    /// The lines on stdout so far that are JSON: log lines and metrics (EMF).
    pub fn logs(&self) -> Vec<Value> {
        json_lines(&self.stdout())
    }

    /// Waits for the first JSON line, past or future, that `wanted` accepts. Panics when
    /// the output ends without it.
    pub async fn log_where(&self, wanted: impl Fn(&Value) -> bool) -> Value {
        let find = |lines: &Vec<String>| json_lines(lines).into_iter().find(&wanted);
        let mut lines = self.stdout.lines.clone();
        let found = lines
            .wait_for(|lines| find(lines).is_some())
            .await
            .map(|lines| find(&lines));
        match found {
            Ok(Some(line)) => line,
            _ => panic!("the output ended without the line: {:#?}", self.stdout()),
        }
    }

    /// Waits until the process ends by itself, and gives all that it wrote.
    pub async fn end(mut self) -> Output {
        let _ = (&mut self.waiting).await;
        Output {
            stdout: self.stdout.end().await,
            stderr: self.stderr.end().await,
        }
    }

    /// Kills the process, waits for its end, and gives all that it wrote.
    pub async fn stop(mut self) -> Output {
        drop(self.kill.take());
        let _ = (&mut self.waiting).await;
        Output {
            stdout: self.stdout.end().await,
            stderr: self.stderr.end().await,
        }
    }
}

/// All that a process wrote.
#[derive(Debug, Clone)]
pub struct Output {
    /// Its lines on stdout.
    pub stdout: Vec<String>,
    /// Its lines on stderr.
    pub stderr: Vec<String>,
}

impl Output {
    /// The lines on stdout that are JSON.
    pub fn logs(&self) -> Vec<Value> {
        json_lines(&self.stdout)
    }

    /// The metrics (CloudWatch Embedded Metric Format): the JSON lines with `_aws`.
    pub fn metrics(&self) -> Vec<Value> {
        let mut lines = self.logs();
        lines.retain(|line| line.get("_aws").is_some());
        lines
    }
}

fn json_lines(lines: &[String]) -> Vec<Value> {
    let parsed = lines.iter().filter_map(|line| serde_json::from_str(line).ok());
    parsed.filter(Value::is_object).collect()
}

/// The lines of a stream, as they come.
#[derive(Debug)]
struct Lines {
    lines: watch::Receiver<Vec<String>>,
}

impl Lines {
    fn collect(stream: impl AsyncRead + Unpin + Send + 'static) -> Self {
        let (sender, lines) = watch::channel(Vec::new());
        tokio::spawn(async move {
            let mut reader = BufReader::new(stream).lines();
            while let Ok(Some(line)) = reader.next_line().await {
                sender.send_modify(|lines| lines.push(line));
            }
        });
        Self { lines }
    }

    fn now(&self) -> Vec<String> {
        self.lines.borrow().clone()
    }

    /// Waits for the stream's end and gives all of its lines.
    async fn end(&self) -> Vec<String> {
        let mut lines = self.lines.clone();
        while lines.changed().await.is_ok() {}
        self.now()
    }
}
