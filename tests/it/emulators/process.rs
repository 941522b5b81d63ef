//! An emulator as a child process: started on a free port, waited for, and ended with the tests.
//!
//! Must not know AWS; each emulator's own module makes the calls.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{self, Child, Command, Stdio};
use std::time::Duration;
use std::{env, fs, thread};

/// Attempts, 20 ms apart, until an emulator must have answered: a minute, for a cold disk.
const START_TRIES: usize = 3_000;
const TRY: Duration = Duration::from_millis(20);
/// Number of ports that are tried, in case that one is taken between its choice and its use.
const PORT_TRIES: usize = 3;
/// Time for one answer; an emulator may load a whole service at its first request.
const ANSWER_TIME: Duration = Duration::from_secs(30);
/// The log's last line, which the script writes when the emulator has ended.
const ENDED: &str = "the emulator has ended with status";

/// Runs the command `$2...`, logging to the folder `$1`, until standard input ends.
///
/// The pipe's other end is in the test process, so it ends with that process: when the tests are
/// over, when one panics, and when they are killed. Then the process group, which is the emulator and
/// all that it started, gets SIGTERM, and two seconds later SIGKILL. The shell itself and the
/// part that writes the log's last line ignore SIGTERM.
const SCRIPT: &str = r#"
folder=$1; shift
trap : TERM
{ trap : TERM; "$@" </dev/null; echo "the emulator has ended with status $?"; } >>"$folder/log" 2>&1 &
read -r _
kill -s TERM 0
tries=20
while [ $tries -gt 0 ] && ! grep -q "the emulator has ended" "$folder/log"; do
    sleep 0.1
    tries=$((tries - 1))
done
rm -rf -- "$folder"
kill -s KILL 0
"#;

/// How to run an emulator.
pub(super) struct Program {
    /// The command in the virtual environment's `bin`.
    pub(super) command: &'static str,
    /// Its arguments, for a port.
    pub(super) arguments: fn(u16) -> Vec<String>,
    /// Its environment, for a port and a folder of its own.
    pub(super) environment: fn(u16, &Path) -> Vec<(&'static str, String)>,
    /// A path that is answered with status 200 once it is ready.
    pub(super) ready: &'static str,
}

/// A running emulator; ends with the process that started it.
pub(super) struct Emulator {
    port: u16,
    folder: PathBuf,
    /// Kept for its standard input, whose end ends the emulator.
    shell: Child,
}

impl Emulator {
    /// Starts an emulator and waits until it answers.
    pub(super) fn start(program: &Program) -> Self {
        let command = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join(".venv/bin")
            .join(program.command);
        assert!(
            command.exists(),
            "{} is missing: run `make venv` first, which installs the emulators that these tests need",
            command.display()
        );
        let mut log = String::new();
        for _ in 0..PORT_TRIES {
            let mut emulator = Self::spawn(program, &command, free_port());
            match emulator.wait_until_ready(program) {
                Ok(()) => return emulator,
                Err(failed) => log = failed,
            }
            emulator.end();
        }
        panic!("{} does not start; its log:\n{log}", program.command);
    }

    fn spawn(program: &Program, command: &Path, port: u16) -> Self {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{}-{}", program.command, process::id()));
        fs::create_dir_all(&folder).expect("a folder for the emulator");
        fs::write(folder.join("log"), "").expect("a log file for the emulator");
        // Nothing is inherited but the path: a developer's keys, profiles, endpoints or proxies
        // must not reach the emulator.
        let shell = Command::new("sh")
            .args(["-c", SCRIPT, "sh"])
            .arg(&folder)
            .arg(command)
            .args((program.arguments)(port))
            .env_clear()
            .env("PATH", env::var_os("PATH").unwrap_or_default())
            .env("LANG", "C.UTF-8")
            .env("HOME", &folder)
            .env("TMPDIR", &folder)
            .env("PYTHONUNBUFFERED", "1")
            .envs((program.environment)(port, &folder))
            .current_dir(&folder)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .process_group(0)
            .spawn()
            .expect("a shell to run the emulator in");
        Self { port, folder, shell }
    }

    /// The emulator is ready when its own log has the port and it answers there: an answer alone could come from another
    /// program that was quicker to take the port.
    fn wait_until_ready(&self, program: &Program) -> Result<(), String> {
        let listens = format!("Running on {}", self.endpoint());
        for _ in 0..START_TRIES {
            let log = self.log();
            if log.contains(ENDED) {
                return Err(log);
            }
            if log.contains(&listens) && self.get(program.ready).is_some_and(|answer| answer.status == 200) {
                return Ok(());
            }
            thread::sleep(TRY);
        }
        Err(self.log())
    }

    /// The value for `AWS_ENDPOINT_URL`.
    pub(super) fn endpoint(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// What it has written so far.
    pub(super) fn log(&self) -> String {
        fs::read(self.folder.join("log"))
            .map(|log| String::from_utf8_lossy(&log).into_owned())
            .unwrap_or_default()
    }

    /// GETs `path`.
    pub(super) fn get(&self, path: &str) -> Option<HttpAnswer> {
        self.ask("GET", path, &[], "")
    }

    /// POSTs `body` to `path`.
    pub(super) fn post(&self, path: &str, headers: &[(&str, &str)], body: &str) -> Option<HttpAnswer> {
        self.ask("POST", path, headers, body)
    }

    /// One request on its own connection; `None` without a complete answer.
    fn ask(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Option<HttpAnswer> {
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, self.port));
        let mut stream = TcpStream::connect_timeout(&address, ANSWER_TIME).ok()?;
        stream.set_read_timeout(Some(ANSWER_TIME)).ok()?;
        let headers: String = headers
            .iter()
            .map(|(name, value)| format!("{name}: {value}\r\n"))
            .collect();
        let length = body.len();
        let request = format!(
            "{method} {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n{headers}Content-Length: {length}\r\n\r\n{body}"
        );
        stream.write_all(request.as_bytes()).ok()?;
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).ok()?;
        let answer = String::from_utf8(answer).ok()?;
        let (head, body) = answer.split_once("\r\n\r\n")?;
        Some(HttpAnswer {
            status: head.split(' ').nth(1)?.parse().ok()?,
            body: body.to_owned(),
        })
    }

    fn end(&mut self) {
        drop(self.shell.stdin.take());
        // The script ends by itself, at the latest after SIGKILL.
        let _ = self.shell.wait();
    }
}

impl Drop for Emulator {
    fn drop(&mut self) {
        self.end();
    }
}

/// An answer to a plain HTTP request.
pub(super) struct HttpAnswer {
    /// The status.
    pub(super) status: u16,
    /// The body.
    pub(super) body: String,
}

fn free_port() -> u16 {
    let probe = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port on 127.0.0.1");
    probe.local_addr().expect("the address of a listener").port()
}
