//! How tasks move, each step by a call of the test, and what DescribeTasks is let see.
//!
//! awsvpc: v1 PROVISIONING, v2 PENDING (ENI attached), v3 RUNNING; after a stop v4
//! RUNNING with desired status STOPPED, v5 DEPROVISIONING, v6 STOPPED (ENI deleted, its
//! address free). Bridge and host have neither PROVISIONING nor DEPROVISIONING. A stop
//! before RUNNING leads the same way out from where the task is.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use serde_json::Value;

use super::addresses;
use super::definitions::NetworkMode;
use super::tasks::{Binding, Described, Task, TaskState};
use super::world::World;

impl World {
    /// Moves a task to the next step of its life and gives the event of it. Panics when
    /// the task has no next step by itself (RUNNING, or STOPPED).
    pub fn advance(&mut self, task: &str) -> Value {
        let now = self.state(task);
        let awsvpc = now.network_mode == NetworkMode::Awsvpc;
        match (now.desired_status, now.last_status) {
            ("RUNNING", "PROVISIONING") => self.attach(task),
            ("RUNNING", "PENDING") => {
                self.give_dynamic_ports(task);
                self.change(task, |state| {
                    state.last_status = "RUNNING";
                    state.started_at = Some(state.updated_at);
                })
            }
            ("STOPPED", "PROVISIONING" | "PENDING" | "RUNNING") if awsvpc => self.change(task, |state| {
                state.last_status = "DEPROVISIONING";
                state.execution_stopped_at = Some(state.updated_at);
                set_eni_status(state, "DETACHING");
            }),
            ("STOPPED", "DEPROVISIONING" | "PENDING" | "RUNNING") => self.end(task),
            (desired, last) => panic!("the task has no step after {last}/{desired}: {task}"),
        }
    }

    /// Advances a task until its last status is this one; gives that event.
    pub fn advance_to(&mut self, task: &str, last_status: &str) -> Value {
        while self.state(task).last_status != last_status {
            self.advance(task);
        }
        self.event(task)
    }

    /// Sets a task's desired status to STOPPED and deletes its tags. Nothing happens to a
    /// task that is stopping already.
    pub fn stop(&mut self, task: &str, stop_code: &str, reason: &str) {
        if self.state(task).desired_status == "STOPPED" {
            return;
        }
        self.change(task, |state| {
            state.desired_status = "STOPPED";
            state.stop_code = Some(stop_code.to_owned());
            state.stopped_reason = Some(reason.to_owned());
            state.stopping_at = Some(state.updated_at);
            state.tags.clear();
        });
    }

    /// Stops a task that never ran, with `TaskFailedToStart`; `container_reason` is what
    /// its containers say, such as `CannotPullContainerError: ...`.
    pub fn fail_start(&mut self, task: &str, reason: &str, container_reason: &str) {
        let last = self.state(task).last_status;
        assert!(last != "RUNNING", "the task has started: {task}");
        self.stop(task, "TaskFailedToStart", reason);
        let task = self.task_mut(task);
        if let Some(state) = task.states.last_mut() {
            state.container_reason = Some(container_reason.to_owned());
        }
        let arn = task.now().arn.clone();
        self.rewrite_last_event(&arn);
    }

    /// The next ENI gets this address instead of the lowest free one.
    pub fn next_address(&mut self, address: Ipv4Addr) {
        self.addresses.pin(address);
    }

    /// Gives a task's address back to the subnet, once: before the task is STOPPED, as early
    /// as AWS could.
    pub fn release_address(&mut self, task: &str) {
        let state = self.task_mut(task).states.last_mut();
        let eni = state
            .and_then(|state| state.eni.as_mut())
            .filter(|eni| !eni.is_released);
        if let Some(eni) = eni
            && let Some(address) = eni.address
        {
            eni.is_released = true;
            self.addresses.release(address);
            self.delete_interface(address);
        }
    }

    /// The IPv4 address of a task's ENI, deleted or not.
    pub fn address(&self, task: &str) -> Option<Ipv4Addr> {
        self.state(task).eni.as_ref()?.address
    }

    /// Neither ECS nor the task's events show the id of its network interface any more.
    pub fn hide_interface_id(&mut self, task: &str) {
        if let Some(eni) = &mut self.state_mut(task).eni {
            eni.hides_id = true;
        }
        self.rewrite_last_event(task);
    }

    /// The host port of a container's port, for bridge and host mode.
    pub fn host_port(&self, task: &str, container_port: u16) -> Option<u16> {
        let state = self.state(task);
        let binding = state
            .bindings
            .iter()
            .find(|binding| binding.container_port == container_port)?;
        Some(binding.host_port)
    }

    /// The container instance that a task is on.
    pub fn container_instance(&self, task: &str) -> Option<String> {
        self.state(task).container_instance.clone()
    }

    /// What a task publishes instead of what its definition made of it; its events change too.
    pub fn set_bindings(&mut self, task: &str, bindings: &[Binding]) {
        self.state_mut(task).bindings = bindings.to_vec();
        self.rewrite_last_event(task);
    }

    /// The ARNs of all tasks, in the order of their start.
    pub fn task_arns(&self) -> Vec<String> {
        let first = |(arn, own): (&String, &Vec<(usize, Value)>)| Some((own.first()?.0, arn.clone()));
        let starts: BTreeMap<usize, String> = self.events.iter().filter_map(first).collect();
        starts.into_values().collect()
    }

    /// `lastStatus` of a task.
    pub fn last_status(&self, task: &str) -> &'static str {
        self.state(task).last_status
    }

    /// The tags that a task has now.
    pub fn tags(&self, task: &str) -> Vec<(String, String)> {
        self.state(task).tags.clone()
    }

    /// Puts a tag on a task, as TagResource does.
    pub fn tag(&mut self, task: &str, key: &str, value: &str) {
        let tags = &mut self.state_mut(task).tags;
        tags.retain(|(known, _)| known != key);
        tags.push((key.to_owned(), value.to_owned()));
    }

    /// A task that another has started: everything of start-engines is taken from it.
    pub fn make_foreign(&mut self, task: &str) {
        let state = self.state_mut(task);
        state.started_by = Some("somebody".to_owned());
        state.tags.clear();
    }

    /// `desiredStatus` of a task.
    pub fn desired_status(&self, task: &str) -> &'static str {
        self.state(task).desired_status
    }

    /// `stoppedReason` of a task.
    pub fn stopped_reason(&self, task: &str) -> Option<String> {
        self.state(task).stopped_reason.clone()
    }

    /// DescribeTasks shows this version of a task until [`World::unpin_described`];
    /// version 0 is a task that it does not know yet.
    pub fn pin_described(&mut self, task: &str, version: usize) {
        self.task_mut(task).described = Described::Pinned(version);
    }

    /// DescribeTasks stays so many versions behind until [`World::unpin_described`].
    pub fn describe_lag(&mut self, task: &str, versions: usize) {
        self.task_mut(task).described = Described::Behind(versions);
    }

    /// DescribeTasks shows the present again.
    pub fn unpin_described(&mut self, task: &str) {
        self.task_mut(task).described = Described::Present;
    }

    /// ListTasks leaves a task out (it lags too), or lists it again.
    pub fn set_listed(&mut self, task: &str, listed: bool) {
        if listed {
            self.unlisted.remove(task);
        } else {
            self.unlisted.insert(task.to_owned());
        }
    }

    /// ECS forgets a stopped task, as it does after an hour or more, and with the last task
    /// of a client token the token.
    pub fn forget(&mut self, task: &str) {
        assert!(self.state(task).is_stopped(), "ECS forgets stopped tasks only");
        self.tasks.remove(task);
        self.events.remove(task);
        self.forget_tokens_of(task);
    }

    pub(super) fn state(&self, task: &str) -> &TaskState {
        self.tasks.get(task).expect("a task of this world").now()
    }

    /// The present, to be changed without a new version or an event.
    pub(super) fn state_mut(&mut self, task: &str) -> &mut TaskState {
        self.task_mut(task).states.last_mut().expect("a task has a first state")
    }

    fn task_mut(&mut self, task: &str) -> &mut Task {
        self.tasks.get_mut(task).expect("a task of this world")
    }

    fn attach(&mut self, task: &str) -> Value {
        let address = self.addresses.allocate();
        let ipv6 = self.dual_stack.then(|| addresses::ipv6_beside(address));
        self.create_task_interface(task, address, ipv6);
        self.change(task, |state| {
            state.last_status = "PENDING";
            if let Some(eni) = &mut state.eni {
                eni.status = "ATTACHED";
                eni.address = Some(address);
                eni.ipv6 = ipv6;
            }
        })
    }

    fn end(&mut self, task: &str) -> Value {
        self.release_address(task);
        self.change(task, |state| {
            state.last_status = "STOPPED";
            state.stopped_at = Some(state.updated_at);
            state.execution_stopped_at.get_or_insert(state.updated_at);
            set_eni_status(state, "DELETED");
        })
    }

    /// Makes the next version of a task and its event.
    fn change(&mut self, task: &str, change: impl FnOnce(&mut TaskState)) -> Value {
        let (clock, keeps_history) = (self.clock, self.keeps_history);
        let task = self.task_mut(task);
        let mut state = task.now().clone();
        state.version += 1;
        state.updated_at = clock;
        change(&mut state);
        if !keeps_history {
            task.states.clear();
        }
        task.states.push(state.clone());
        self.record_event(&state)
    }
}

fn set_eni_status(state: &mut TaskState, status: &'static str) {
    if let Some(eni) = &mut state.eni {
        eni.status = status;
    }
}
