//! What can go wrong on the way, scripted, and hooks that make races deterministic.

use serde_json::Value;

use super::service::{ApiError, Service};
use super::world::World;

/// A failure of a call that would otherwise be answered.
#[derive(Debug, Clone)]
pub enum Fault {
    /// The service's own throttling error, HTTP 400. Nothing is applied.
    Throttle,
    /// This error. Nothing is applied.
    Error {
        /// The HTTP status.
        status: u16,
        /// The error code, such as `ServerException`.
        code: String,
        /// The message.
        message: String,
    },
    /// The connection is closed before anything is applied.
    Reset,
    /// Applied, and the connection is closed instead of the answer.
    ApplyThenReset,
    /// No answer until the client gives up. Not applied, until the test lands it with
    /// [`World::land_hung_calls`].
    Hang,
    /// HTTP 200 with a body that parses as neither JSON nor XML. Nothing is applied.
    Garbage,
    /// HTTP 500 with a page of HTML, as a proxy would send. Nothing is applied.
    Html500,
}

impl Fault {
    /// An error of a service: status, code, message.
    pub fn error(status: u16, code: &str, message: &str) -> Self {
        Self::Error {
            status,
            code: code.to_owned(),
            message: message.to_owned(),
        }
    }
}

/// The throttling error of a service.
pub(super) fn throttling(service: Service) -> ApiError {
    let code = match service {
        Service::Ecs | Service::Events => "ThrottlingException",
        Service::Elb => "Throttling",
        Service::Ec2 => "RequestLimitExceeded",
        Service::Scheduler => "ThrottlingException",
        Service::Sqs => "RequestThrottled",
        Service::Lambda => "TooManyRequestsException",
        Service::Iam | Service::Sts | Service::CloudWatch => "Throttling",
        Service::Logs | Service::Ecr | Service::Secrets => "ThrottlingException",
    };
    ApiError::new(code, "Rate exceeded")
}

/// A queued fault.
#[derive(Debug)]
pub(super) struct Scripted {
    name: String,
    skip: usize,
    times: usize,
    fault: Fault,
}

/// Changes the world around a call.
pub(super) type HookFn = Box<dyn FnMut(&mut World) + Send>;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum When {
    Before,
    After,
}

/// A hook on the calls of one operation.
pub(super) struct Hook {
    name: String,
    when: When,
    once: bool,
    spent: bool,
    run: HookFn,
}

/// A call that hangs: applied only when a test lands it.
#[derive(Debug)]
pub(super) struct HungCall {
    pub(super) service: Service,
    pub(super) operation: String,
    pub(super) input: Value,
}

/// What a test has planned for calls to come, and the calls that hang.
#[derive(Default)]
pub(super) struct Script {
    pub(super) hung: Vec<HungCall>,
    faults: Vec<Scripted>,
    hooks: Vec<Hook>,
}

impl World {
    /// The next `times` calls of an operation (`"ecs:RunTask"`, `"elb:*"`, `"*"`) fail.
    /// Faults of one operation queue up.
    pub fn fail_next(&mut self, name: &str, fault: Fault, times: usize) {
        self.fail_after(name, 0, fault, times);
    }

    /// From now on no call fails that was scripted to.
    pub fn forget_faults(&mut self) {
        self.script.faults.clear();
    }

    /// As [`World::fail_next`], after letting `skip` calls through.
    pub fn fail_after(&mut self, name: &str, skip: usize, fault: Fault, times: usize) {
        self.script.faults.push(Scripted {
            name: name.to_owned(),
            skip,
            times,
            fault,
        });
    }

    /// Runs `hook` before every call of an operation is looked at, faults included.
    pub fn before(&mut self, name: &str, hook: HookFn) {
        self.add_hook(name, When::Before, false, hook);
    }

    /// Runs `hook` after every call of an operation that was applied.
    pub fn after(&mut self, name: &str, hook: HookFn) {
        self.add_hook(name, When::After, false, hook);
    }

    /// As [`World::before`], for the next call only.
    pub fn before_next(&mut self, name: &str, hook: impl FnOnce(&mut World) + Send + 'static) {
        self.add_hook(name, When::Before, true, once(hook));
    }

    /// As [`World::after`], for the next applied call only.
    pub fn after_next(&mut self, name: &str, hook: impl FnOnce(&mut World) + Send + 'static) {
        self.add_hook(name, When::After, true, once(hook));
    }

    /// Applies the calls that hang, in order: what a late packet does. Each is recorded
    /// as a call of its own; nobody hears the answers. Gives how many there were.
    pub fn land_hung_calls(&mut self) -> usize {
        let hung = std::mem::take(&mut self.script.hung);
        let count = hung.len();
        for call in hung {
            let index = self.record(call.service.name(), &call.operation, call.input.clone());
            let result = self.apply(call.service, &call.operation, &call.input);
            self.calls[index].applied = result.is_ok();
            self.calls[index].outcome = result.map_or_else(|error| error.code, |_| "ok".to_owned());
        }
        count
    }

    /// Drops the calls that hang: they never reach the service. Gives how many there were.
    pub fn lose_hung_calls(&mut self) -> usize {
        std::mem::take(&mut self.script.hung).len()
    }

    fn add_hook(&mut self, name: &str, when: When, once: bool, run: HookFn) {
        self.script.hooks.push(Hook {
            name: name.to_owned(),
            when,
            once,
            spent: false,
            run,
        });
    }

    pub(super) fn run_hooks(&mut self, name: &str, when: When) {
        // Removed, so that a hook may add others: those wait for the next call.
        let mut hooks = std::mem::take(&mut self.script.hooks);
        for hook in &mut hooks {
            if hook.when == when && matches(&hook.name, name) {
                hook.spent = hook.once;
                (hook.run)(self);
            }
        }
        hooks.retain(|hook| !hook.spent);
        hooks.append(&mut self.script.hooks);
        self.script.hooks = hooks;
    }

    pub(super) fn take_fault(&mut self, name: &str) -> Option<Fault> {
        let index = self
            .script
            .faults
            .iter()
            .position(|scripted| scripted.times > 0 && matches(&scripted.name, name))?;
        let scripted = &mut self.script.faults[index];
        if scripted.skip > 0 {
            scripted.skip -= 1;
            return None;
        }
        scripted.times -= 1;
        let fault = scripted.fault.clone();
        if scripted.times == 0 {
            self.script.faults.remove(index);
        }
        Some(fault)
    }
}

fn once(hook: impl FnOnce(&mut World) + Send + 'static) -> HookFn {
    let mut hook = Some(hook);
    Box::new(move |world| {
        if let Some(hook) = hook.take() {
            hook(world);
        }
    })
}

fn matches(pattern: &str, name: &str) -> bool {
    match pattern.strip_suffix('*') {
        Some(prefix) => name.starts_with(prefix),
        None => pattern == name,
    }
}
