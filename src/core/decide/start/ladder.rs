//! The token ladder: the attempts of a start, from the first placement to the last, and again, each with a client token.
//!
//! ECS keeps an answer (tasks, or `failures[]`) under its token, and replays it; the token is used up then. It keeps no
//! exception: the next placement is tried with the *same* token. So a later delivery, in a situation that has changed,
//! that uses this token with an earlier placement gets a conflict that names the tasks, and not a second set of them. A
//! start goes on to the next token only by an answer that ECS keeps, and that answer is the same for every delivery: with
//! each token, each delivery requests the same number of tasks.
//!
//! That answers are kept and exceptions are not has been measured by others, and is not documented: ECS's guide only
//! [mentions](https://docs.aws.amazon.com/AmazonECS/latest/APIReference/ECS_Idempotency.html) requests that completed
//! successfully. If it were otherwise, a start would get conflicts and fail; it would not start more tasks.

use crate::call::run_task::{StartFailure, Started};
use crate::call::{CallError, ErrorKind};
use crate::domain::arn::TaskArn;
use crate::journal::{Halt, Reader};
use crate::outcome::{Category, Failure, Outcome};
use crate::request::start::{Placement, StartRequest};

/// The maximum number of different reasons in a failure's message.
const MAX_REASONS: usize = 10;

/// Calls RunTask until all tasks are started, or no attempts are left.
///
/// # Errors
/// With the next call, or with the failure that ends the attempts: AWS's own error, a reason that no other placement or
/// time fixes, or missing capacity in every placement.
pub(crate) fn start_tasks(request: &StartRequest, reader: &mut Reader<'_>) -> Result<Outcome, Halt> {
    let rounds = request.rounds(request.age(reader.now()));
    let mut attempts = Attempts {
        request,
        wanted: usize::try_from(request.count).unwrap_or(0),
        tasks: Vec::new(),
        token: 0,
        calls: 0,
        met_conflict: false,
        idle: 0,
        conflicts: 0,
        reasons: Vec::new(),
    };
    for _ in 0..rounds {
        if attempts.round(reader)? {
            return Ok(attempts.started());
        }
        if attempts.makes_no_progress() {
            break;
        }
    }
    Err(attempts.into_failure().into())
}

struct Attempts<'r> {
    request: &'r StartRequest,
    wanted: usize,
    tasks: Vec<TaskArn>,
    /// The index of the first token that is not known to be used up.
    token: usize,
    calls: usize,
    /// Whether some tasks were found by a conflict.
    met_conflict: bool,
    /// The number of calls in a row that have not used up the token.
    idle: usize,
    /// How many of `idle` were conflicts.
    conflicts: usize,
    /// The reasons in ECS's answers of this round, each once: a large cluster has a failure for each container instance.
    reasons: Vec<String>,
}

/// Why tasks are still missing after a call.
enum Shortfall {
    /// Another time, placement or token may start them.
    Temporary,
    /// This placement can never start them.
    Permanent,
}

impl Attempts<'_> {
    /// Tries each placement once; whether all tasks are started.
    fn round(&mut self, reader: &mut Reader<'_>) -> Result<bool, Halt> {
        let placements = &self.request.placements;
        let mut impossible: Vec<&Placement> = Vec::new();
        let mut any_temporary = false;
        self.reasons.clear();
        for (n, placement) in placements.iter().enumerate() {
            // A placement may be listed twice.
            if impossible.contains(&placement) {
                continue;
            }
            let shortfall = self.ask(n, reader)?;
            if self.tasks.len() >= self.wanted {
                return Ok(true);
            }
            match shortfall {
                Shortfall::Temporary => any_temporary = true,
                Shortfall::Permanent => impossible.push(placement),
            }
            if self.makes_no_progress() {
                return Ok(false);
            }
        }
        // One placement that lacks capacity outweighs others that can never start the tasks.
        if any_temporary {
            return Ok(false);
        }
        let reasons = self.summary();
        let message =
            format!("{reasons}; ECS repeats this answer for this event: when the cause is removed, send a new event");
        let failure = Failure::new(Category::PlacementFailed, message);
        Err(failure.with_tasks(self.tasks.clone()).into())
    }

    fn ask(&mut self, placement: usize, reader: &mut Reader<'_>) -> Result<Shortfall, Halt> {
        let left = i32::try_from(self.wanted.saturating_sub(self.tasks.len())).unwrap_or(0);
        let call = self
            .request
            .call(placement, self.token, left)
            .ok_or_else(|| Failure::internal("a start has no such placement"))?;
        let answer = reader
            .run_task(call)
            .map_err(|halt| halt.with_tasks(self.tasks.clone()))?;
        self.calls += 1;
        match answer {
            Ok(started) => Ok(self.kept_answer(started)),
            Err(error) => self.exception(error),
        }
    }

    /// An answer that ECS keeps under the token.
    fn kept_answer(&mut self, started: &Started) -> Shortfall {
        self.next_token(&started.tasks);
        for failure in &started.failures {
            self.note_reason(failure.to_string());
        }
        // With EC2 there is a reason for each container instance: one that lacks capacity outweighs others that can
        // never run the task.
        let permanent = !started.failures.is_empty() && !started.failures.iter().any(StartFailure::is_capacity);
        if permanent {
            Shortfall::Permanent
        } else {
            Shortfall::Temporary
        }
    }

    /// An exception, which ECS does not keep. It ends the attempts, unless another placement, or the same one later, may
    /// succeed.
    fn exception(&mut self, error: &CallError) -> Result<Shortfall, Halt> {
        match error.kind {
            // The token was used with other parameters: for another placement, or before the catalog changed.
            // The requested tasks exist.
            ErrorKind::Conflict if !error.conflicting_tasks.is_empty() => {
                self.met_conflict = true;
                self.next_token(&error.conflicting_tasks);
                self.note_reason("another request with this client token started fewer tasks".to_owned());
                Ok(Shortfall::Temporary)
            }
            // The answer that ECS keeps has no tasks, or the other request is under way. The placement that the token was
            // used for gets that answer.
            ErrorKind::Conflict => {
                self.idle += 1;
                self.conflicts += 1;
                self.note_reason("the client token is in use with other parameters".to_owned());
                Ok(Shortfall::Temporary)
            }
            ErrorKind::NoCapacity => {
                self.idle += 1;
                self.note_reason(error.message.clone());
                Ok(Shortfall::Temporary)
            }
            ErrorKind::Throttled
            | ErrorKind::AccessDenied
            | ErrorKind::Credentials
            | ErrorKind::ClusterNotFound
            | ErrorKind::InvalidParameter
            | ErrorKind::ClientException
            | ErrorKind::Blocked
            | ErrorKind::PlatformUnsupported
            | ErrorKind::UnsupportedFeature
            | ErrorKind::ResourceNotFound
            | ErrorKind::TargetGroupNotFound
            | ErrorKind::InvalidTarget
            | ErrorKind::TooManyTargets
            | ErrorKind::Server
            | ErrorKind::Unreachable
            | ErrorKind::TimedOut
            | ErrorKind::NotSent
            | ErrorKind::Unreadable
            | ErrorKind::Unknown => {
                let mut failure = Failure::from(error).with_tasks(self.tasks.clone());
                // The token is not used up: a placement before this one may use it when the event is delivered again.
                if self.idle > 0 && !failure.transient {
                    failure.transient = true;
                    failure.message = format!(
                        "{}; an earlier placement may have room when the event is tried again ({})",
                        failure.message,
                        self.reasons.join(", ")
                    );
                }
                Err(failure.into())
            }
        }
    }

    /// Adds the tasks that ECS keeps under the token, and goes on to the next token.
    fn next_token(&mut self, tasks: &[TaskArn]) {
        self.tasks.extend(tasks.iter().cloned());
        self.token += 1;
        (self.idle, self.conflicts) = (0, 0);
    }

    /// Whether every placement was tried with this token, and none has used it up: trying again at once changes nothing.
    fn makes_no_progress(&self) -> bool {
        self.idle >= self.request.placements.len()
    }

    fn note_reason(&mut self, reason: String) {
        if !self.reasons.contains(&reason) && self.reasons.len() < MAX_REASONS {
            self.reasons.push(reason);
        }
    }

    fn started(self) -> Outcome {
        Outcome::Started {
            tasks: self.tasks,
            run_task_calls: self.calls,
            conflict: self.met_conflict,
        }
    }

    fn into_failure(self) -> Failure {
        let mut message = self.summary();
        let is_conflict = self.makes_no_progress() && self.conflicts == self.idle;
        let category = if is_conflict {
            message.push_str(
                ", for every placement, and has no tasks: another delivery may be under way, or the catalog has changed in between",
            );
            Category::Call(ErrorKind::Conflict)
        } else {
            Category::Call(ErrorKind::NoCapacity)
        };
        Failure::new(category, message).with_tasks(self.tasks)
    }

    fn summary(&self) -> String {
        let reasons = if self.reasons.is_empty() {
            "RunTask gave no reason".to_owned()
        } else {
            self.reasons.join(", ")
        };
        format!(
            "{} of {} tasks started after {} RunTask calls; ECS says: {reasons}",
            self.tasks.len(),
            self.wanted,
            self.calls
        )
    }
}
