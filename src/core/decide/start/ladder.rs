//! The token ladder: placements from the first to the last, and again, each with a client token.
//!
//! ECS keeps an answer (tasks, or `failures[]`) under its token, and replays it; a token is used up by it.
//! An exception leaves nothing behind: the next placement is tried with the *same* token. So whoever walks
//! later, in a world that has changed, and asks an earlier placement with that token, gets a conflict
//! that names the tasks, and not a second set of them. Only by an answer that is kept does a walk get to the next
//! token, and that answer is the same for every walk: each asks at each token for the same rest.
//!
//! That answers are kept and exceptions are not has been measured by others, and is not documented: ECS's guide
//! [speaks](https://docs.aws.amazon.com/AmazonECS/latest/APIReference/ECS_Idempotency.html) of requests that
//! completed successfully. Were it otherwise, a walk would hear conflicts and fail; it would not start more.

use crate::call::run_task::{StartFailure, Started};
use crate::call::{CallError, ErrorKind};
use crate::domain::arn::TaskArn;
use crate::journal::{Halt, Reader};
use crate::outcome::{Category, Failure, Outcome};
use crate::request::start::{Placement, StartRequest};

/// How many different reasons are told.
const MAX_REASONS: usize = 10;

/// Walks until all tasks are there.
///
/// # Errors
/// With the next call, or with the failure that ends the walk: AWS's own error, a reason that no
/// other place or time cures, or capacity that no placement had.
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
    /// The token that is not used up yet, as far as this walk knows.
    token: usize,
    calls: usize,
    /// Some tasks were found by a conflict.
    met_conflict: bool,
    /// How many calls in a row have left the token as it was.
    idle: usize,
    /// How many of these were conflicts.
    conflicts: usize,
    /// What ECS has said in this round, each reason once: of a large cluster there is a failure for each instance.
    reasons: Vec<String>,
}

/// What one call has come to, if not to all tasks.
enum Shortfall {
    /// Another time, place or token may do.
    Temporary,
    /// This placement never will.
    Permanent,
}

impl Attempts<'_> {
    /// Each placement once; whether all tasks are there.
    fn round(&mut self, reader: &mut Reader<'_>) -> Result<bool, Halt> {
        let placements = &self.request.placements;
        let mut impossible: Vec<&Placement> = Vec::new();
        let mut any_temporary = false;
        self.reasons.clear();
        for (n, placement) in placements.iter().enumerate() {
            // The same again is no other placement.
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
        // One placement that is short of capacity outweighs others that never will do.
        if any_temporary {
            return Ok(false);
        }
        let reasons = self.summary();
        let message =
            format!("{reasons}; ECS keeps this answer for this event: when the cause is gone, send a new one");
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
        // EC2 answers with a reason for each container instance: one that is short of capacity outweighs
        // others that could never do.
        let permanent = !started.failures.is_empty() && !started.failures.iter().any(StartFailure::is_capacity);
        if permanent {
            Shortfall::Permanent
        } else {
            Shortfall::Temporary
        }
    }

    /// An exception. It ends the walk, but for those that another placement, or the same one later, cures.
    fn exception(&mut self, error: &CallError) -> Result<Shortfall, Halt> {
        match error.kind {
            // The token was used with other parameters: for another placement, or before the catalog changed.
            // The tasks exist, which is what was asked for.
            ErrorKind::Conflict if !error.conflicting_tasks.is_empty() => {
                self.met_conflict = true;
                self.next_token(&error.conflicting_tasks);
                self.note_reason("another request with this client token has started fewer".to_owned());
                Ok(Shortfall::Temporary)
            }
            // The answer that is kept had no tasks, or the other request is under way. Its own placement replays it.
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
            | ErrorKind::Unreadable
            | ErrorKind::Unknown => {
                let mut failure = Failure::from(error).with_tasks(self.tasks.clone());
                // The token is still to be had by a placement before this one, and may be when the event comes again.
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

    /// These tasks are all that ECS keeps under the token.
    fn next_token(&mut self, tasks: &[TaskArn]) {
        self.tasks.extend(tasks.iter().cloned());
        self.token += 1;
        (self.idle, self.conflicts) = (0, 0);
    }

    /// Every placement has had this token, and none has used it up: the same again, right now, brings nothing else.
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
