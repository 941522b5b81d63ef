//! A program's process, and what the kernel knows of it.

use std::path::PathBuf;
use std::process::Stdio;

use tokio::process::{Child, Command};

use crate::programs::Program;

/// Ended when dropped.
pub(crate) struct Process {
    child: Child,
    pid: u32,
}

impl Process {
    pub(crate) fn start(program: &Program, runtime_api: &str) -> Self {
        let child = Command::new(&program.command[0])
            .args(&program.command[1..])
            .env_clear()
            .envs(program.environment.iter().map(|(name, value)| (name, value)))
            .env("AWS_LAMBDA_RUNTIME_API", runtime_api)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .unwrap_or_else(|error| panic!("{}: {error}", program.command[0]));
        let pid = child.id().expect("it was started now");
        Self { child, pid }
    }

    pub(crate) async fn end(mut self) {
        self.child.kill().await.expect("its child");
    }

    fn file(&self, name: &str) -> String {
        let path = format!("/proc/{}/{name}", self.pid);
        std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"))
    }

    fn field(&self, file: &str, name: &str) -> u64 {
        let text = self.file(file);
        let line = text
            .lines()
            .find_map(|line| line.strip_prefix(name))
            .expect("Linux has the field");
        let number = line.trim().trim_end_matches(" kB");
        number.parse().expect("a number")
    }

    /// CPU of all threads that live, in milliseconds, from the scheduler's nanoseconds.
    pub(crate) fn cpu(&self) -> f64 {
        let threads = std::fs::read_dir(format!("/proc/{}/task", self.pid)).expect("it lives");
        let nanos = threads.filter_map(|thread| {
            let stat = std::fs::read_to_string(thread.ok()?.path().join("schedstat")).ok()?;
            stat.split(' ').next()?.parse::<f64>().ok()
        });
        nanos.sum::<f64>() / 1e6
    }

    /// The most that was resident, in MiB.
    pub(crate) fn peak_memory(&self) -> f64 {
        self.field("status", "VmHWM:") as f64 / 1024.0
    }

    /// What it has read so far of files and connections, in KiB.
    pub(crate) fn read(&self) -> f64 {
        self.field("io", "rchar:") as f64 / 1024.0
    }
}

/// A cgroup with what Lambda gives a function of 128 MB: 128 / 1,769 of a core
/// (<https://docs.aws.amazon.com/lambda/latest/dg/configuration-memory.html>), in periods of 20 ms. For one process:
/// the next would pay for what the end of this one takes.
pub(crate) struct Share {
    folder: PathBuf,
}

impl Share {
    /// `None` where cgroups may not be made.
    pub(crate) fn of(process: &Process) -> Option<Self> {
        let share = Self::new(process.pid)?;
        std::fs::write(share.folder.join("cgroup.procs"), process.pid.to_string()).ok()?;
        Some(share)
    }

    fn new(pid: u32) -> Option<Self> {
        let name = format!("start-engines-bench-{pid}");
        let (period, quota) = (20_000_u32, 20_000 * 128 / 1769);
        let second = PathBuf::from("/sys/fs/cgroup").join(&name);
        let first = PathBuf::from("/sys/fs/cgroup/cpu").join(&name);
        let made = if std::fs::exists("/sys/fs/cgroup/cgroup.controllers").ok()? {
            let share = Self { folder: second };
            std::fs::create_dir(&share.folder).ok()?;
            std::fs::write(share.folder.join("cpu.max"), format!("{quota} {period}")).ok()?;
            share
        } else {
            let share = Self { folder: first };
            std::fs::create_dir(&share.folder).ok()?;
            std::fs::write(share.folder.join("cpu.cfs_period_us"), period.to_string()).ok()?;
            std::fs::write(share.folder.join("cpu.cfs_quota_us"), quota.to_string()).ok()?;
            share
        };
        Some(made)
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir(&self.folder);
    }
}
