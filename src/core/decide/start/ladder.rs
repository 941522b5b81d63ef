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
pub(crate) fn climb(request: &StartRequest, reader: &mut Reader<'_>) -> Result<Outcome, Halt> {
    let rounds = request.rounds(request.age(reader.now()));
    let mut walk = Walk {
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
        if walk.round(reader)? {
            return Ok(walk.started());
        }
        if walk.goes_in_circles() {
            break;
        }
    }
    Err(walk.found_no_place().into())
}

struct Walk<'r> {
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
enum Heard {
    /// Another time, place or token may do.
    Short,
    /// This placement never will.
    Never,
}

impl Walk<'_> {
    /// Each placement once; whether all tasks are there.
    fn round(&mut self, reader: &mut Reader<'_>) -> Result<bool, Halt> {
        let placements = &self.request.placements;
        let mut never: Vec<&Placement> = Vec::new();
        let mut may_do = false;
        self.reasons.clear();
        for (n, placement) in placements.iter().enumerate() {
            // The same again is no other placement.
            if never.contains(&placement) {
                continue;
            }
            let heard = self.ask(n, reader)?;
            if self.tasks.len() >= self.wanted {
                return Ok(true);
            }
            match heard {
                Heard::Short => may_do = true,
                Heard::Never => never.push(placement),
            }
            if self.goes_in_circles() {
                return Ok(false);
            }
        }
        // One placement that is short of capacity outweighs others that never will do.
        if may_do {
            return Ok(false);
        }
        let reasons = self.not_enough();
        let message =
            format!("{reasons}; ECS keeps this answer for this event: when the cause is gone, send a new one");
        let failure = Failure::new(Category::PlacementFailed, message);
        Err(failure.with_tasks(self.tasks.clone()).into())
    }

    fn ask(&mut self, placement: usize, reader: &mut Reader<'_>) -> Result<Heard, Halt> {
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
            Ok(started) => Ok(self.kept(started)),
            Err(error) => self.raised(error),
        }
    }

    /// An answer that ECS keeps under the token.
    fn kept(&mut self, started: &Started) -> Heard {
        self.next_token(&started.tasks);
        for failure in &started.failures {
            self.tell(failure.to_string());
        }
        // EC2 answers with a reason for each container instance: one that is short of capacity outweighs
        // others that could never do.
        let never = !started.failures.is_empty() && !started.failures.iter().any(StartFailure::is_capacity);
        if never { Heard::Never } else { Heard::Short }
    }

    /// An exception. It ends the walk, but for those that another placement, or the same one later, cures.
    fn raised(&mut self, error: &CallError) -> Result<Heard, Halt> {
        match error.kind {
            // The token was used with other parameters: for another placement, or before the catalog changed.
            // The tasks exist, which is what was asked for.
            ErrorKind::Conflict if !error.conflicting_tasks.is_empty() => {
                self.met_conflict = true;
                self.next_token(&error.conflicting_tasks);
                self.tell("another request with this client token has started fewer".to_owned());
                Ok(Heard::Short)
            }
            // The answer that is kept had no tasks, or the other request is under way. Its own placement replays it.
            ErrorKind::Conflict => {
                self.idle += 1;
                self.conflicts += 1;
                self.tell("the client token is in use with other parameters".to_owned());
                Ok(Heard::Short)
            }
            ErrorKind::NoCapacity => {
                self.idle += 1;
                self.tell(error.message.clone());
                Ok(Heard::Short)
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
    fn goes_in_circles(&self) -> bool {
        self.idle >= self.request.placements.len()
    }

    fn tell(&mut self, reason: String) {
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

    fn found_no_place(self) -> Failure {
        let mut message = self.not_enough();
        let is_conflict = self.goes_in_circles() && self.conflicts == self.idle;
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

    fn not_enough(&self) -> String {
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
