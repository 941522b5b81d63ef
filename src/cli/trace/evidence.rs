//! What was read for a story. Must not draw conclusions.

use std::collections::BTreeMap;

use start_engines_core::config::LogLevel;
use start_engines_core::domain::arn::{TargetGroupArn, TaskArn};
use start_engines_core::domain::task::Task;
use start_engines_core::domain::timestamp::Timestamp;

use super::log::LogLine;
use super::planned::Planned;
use super::subject::Kind;
use crate::aws::{HealthCheck, Times};
use crate::dead_letter::DeadLetter;
use crate::fleet::TaskStatus;

/// Everything that was read of one engine, or of the engines of one start.
#[derive(Clone, Debug)]
pub struct Evidence {
    /// The id that was given.
    pub id: String,
    /// What it is.
    pub kind: Kind,
    /// When it was read.
    pub now: Timestamp,
    /// The function's log lines of it, in order of time.
    pub lines: Vec<LogLine>,
    /// How far the log was read.
    pub log: LogReading,
    /// The tasks that ECS knows.
    pub tasks: Vec<Life>,
    /// How many more tasks it has, that were not looked at.
    pub tasks_left: usize,
    /// Tasks that the log names, and ECS does not know any more.
    pub gone: Vec<TaskArn>,
    /// The messages of dead-letter queues that concern it.
    pub letters: Vec<Letter>,
    /// What is scheduled.
    pub planned: Vec<Planned>,
    /// How the health of targets is checked, by target group.
    pub checks: BTreeMap<TargetGroupArn, HealthCheck>,
    /// What could not be read, or was cut.
    pub notes: Vec<String>,
}

/// How far the function's log was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogReading {
    /// The log group; none if it is not known.
    pub group: Option<String>,
    /// Since when lines were read.
    pub since: Timestamp,
    /// `LOG_LEVEL` of the function, as far as it is known here.
    pub level: LogLevel,
    /// Whether all lines since then were read.
    pub is_whole: bool,
}

impl LogReading {
    /// Whether a line that is missing was not written: all lines were read, and the level lets successes through.
    #[must_use]
    pub fn shows_successes(&self) -> bool {
        self.is_whole && !self.hides_successes()
    }

    /// Whether the level hides events that were handled without a failure.
    #[must_use]
    pub fn hides_successes(&self) -> bool {
        match self.level {
            LogLevel::Error | LogLevel::Warn => true,
            LogLevel::Info | LogLevel::Debug => false,
        }
    }
}

/// A task that ECS knows.
#[derive(Clone, Debug)]
pub struct Life {
    /// As the function reads it.
    pub task: Task,
    /// `stoppingAt`.
    pub stopping_at: Option<Timestamp>,
    /// The other times that ECS keeps.
    pub times: Times,
    /// With its targets.
    pub status: TaskStatus,
}

/// A message of a dead-letter queue.
#[derive(Clone, Debug)]
pub struct Letter {
    /// The queue's name, as `redrive` shows it.
    pub queue: &'static str,
    /// The message.
    pub dead_letter: DeadLetter,
}
