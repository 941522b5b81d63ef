//! Tasks on container instances: in network mode `host`, whose port only their definition contains and which ECS
//! keeps for one task at a time, and in `bridge`, whose port the instance chooses when they start.
//!
//! As fast and as stale as `start_engines_core::decide::timing` allows: a task is shown `ATTACH` before it runs, and a
//! port that an instance chooses is another's no sooner than `ATTACH` after DescribeTasks shows that it was given
//! back. A host task may run at once where the one before it was, while ECS shows that one for half a minute more.

use std::net::Ipv4Addr;

use serde_json::{Value, json};
use start_engines_core::call::Call;
use start_engines_core::domain::arn::TargetGroupArn;
use start_engines_core::domain::definition::{Definition, NetworkMode as DefinitionMode};
use start_engines_core::domain::target::{self, TargetHealth};
use start_engines_fake_aws::{Health, NetworkMode, TaskDefinition, World};

use crate::account::{Attached, By, Mode};
use crate::delivery::About;
use crate::lives::{ATTACH_MILLIS, Turn};
use crate::promises::{Broken, Stage};
use crate::simulation::{MINUTE, Mutant, SECOND, Simulation};

/// The instances: enough that host tasks find one, and few enough that they have to wait for each other.
const INSTANCES: [(&str, Ipv4Addr); 3] = [
    ("i-0123456789abcdef0", Ipv4Addr::new(10, 0, 250, 1)),
    ("i-0123456789abcdef1", Ipv4Addr::new(10, 0, 250, 2)),
    ("i-0123456789abcdef2", Ipv4Addr::new(10, 0, 250, 3)),
];

/// Adds instances, and definitions of tasks for them.
pub(crate) fn open(world: &mut World) {
    for (id, address) in INSTANCES {
        world.add_container_instance("engines", Some(id), address);
    }
    for (name, mode) in [("host", NetworkMode::Host), ("bridge", NetworkMode::Bridge)] {
        world.add_task_definition(TaskDefinition::new(name, mode).container("app", &[8080]));
    }
}

/// A definition without information, as if nobody asked for it.
pub(crate) fn none() -> Definition {
    Definition {
        network_mode: DefinitionMode::None,
        mappings: Vec::new(),
    }
}

impl Simulation {
    /// A task has its instance. A host task has its port kept from now on.
    pub(crate) fn is_placed(&mut self, task: &str) {
        let seen = self.rng.i64(0..=5 * SECOND);
        self.turn_after(seen, task, Turn::Show(1));
        let listed = self.rng.i64(0..=seen);
        self.turn_after(listed, task, Turn::List);
        if self.rng.usize(..1000) < 100 {
            let fails = self.rng.i64(seen..=MINUTE);
            return self.turn_after(fails, task, Turn::Stop);
        }
        let pulls = if self.is_rush_hour {
            0
        } else {
            self.rng.choice([0, 0, SECOND, 20 * SECOND]).expect("one of these")
        };
        let pulls = self.rng.i64(0..=pulls);
        self.turn_after(seen + ATTACH_MILLIS + 1 + pulls, task, Turn::Running);
    }

    /// Its containers start.
    pub(crate) fn runs_on_its_instance(&mut self, task: &str) {
        let (mode, instance) = {
            let life = self.promises.life(task);
            (life.mode, life.instance.clone().expect("it is placed"))
        };
        let settled = self.settles.get(&instance).copied().unwrap_or(0);
        if mode == Mode::Bridge && settled > self.now && self.mutant != Mutant::HostPortsAreReusedAtOnce {
            return self.turn_after(settled - self.now, task, Turn::Running);
        }
        let mut event = self.advance(task);
        let port = self.world.host_port(task, 8080).expect("it publishes its port");
        let (id, address) = self.world.ec2_instance(&instance);
        let target = |attached: &Attached| {
            let id = match attached.by {
                By::InstanceId => id.clone(),
                By::InstanceAddress | By::Ipv4 | By::Ipv6 => address.to_string(),
            };
            (attached.group.clone(), id, port)
        };
        if self.promises.addressed(task, format!("{instance} {port}"), target) {
            self.statistics.count("reused host ports");
        }
        let life = self.promises.life(task);
        life.stage = Stage::Live;
        life.live_since = Some(self.now);
        if mode == Mode::Bridge && self.rng.usize(..1000) < 100 {
            self.statistics.count("bindings not shown yet");
            event["detail"]["containers"][0]["networkBindings"] = json!([]);
        }
        self.emit(task, &event);
        let lag = self.rng.i64(0..=7 * SECOND);
        self.turn_after(lag, task, Turn::Show(2));
        self.lives_on(task);
    }

    /// It is STOPPED: DescribeTasks shows it late.
    pub(crate) fn gave_its_port_back(&mut self, task: &str) {
        let Some(instance) = self.promises.life(task).instance.clone() else {
            return;
        };
        let version = self.shown(task).newest;
        let lag = match self.mutant {
            Mutant::DescribeTasksLags => 10 * MINUTE,
            _ => self.rng.i64(0..=30 * SECOND),
        };
        self.turn_after(lag, task, Turn::Show(version));
        let settled = self.settles.entry(instance).or_default();
        *settled = (*settled).max(self.now + lag + ATTACH_MILLIS + 1);
    }

    /// 7: a stop of a task that never ran asks whether anything is registered, before it deregisters that.
    pub(crate) fn asks_first(&mut self, call: &Call, about: &About) -> Result<(), Broken> {
        let About::Task { task, .. } = about else {
            return Ok(());
        };
        let never_ran = self.promises.life(task).live_since.is_none();
        if never_ran && matches!(call, Call::DeregisterTargets { .. }) {
            return Err(Broken(format!("7: {task} never ran, and its stop deregisters at once")));
        }
        Ok(())
    }

    /// Targets behind a Network Load Balancer, some of which fail their checks soon.
    pub(crate) fn may_fail_its_checks(&mut self, group: &TargetGroupArn, targets: &[target::Target]) {
        for target in targets {
            let (id, port) = (target.id.as_str(), target.port.number());
            let is_in = self.world.health(group.as_str(), id, port) == Some(Health::Initial);
            if is_in && self.rng.usize(..1000) < 200 {
                self.statistics.count("targets in their grace period");
                self.world
                    .set_health(group.as_str(), id, port, Health::UnhealthyDraining);
            }
        }
    }

    /// For a mutant: what a version that takes the grace period for a deregistration would read.
    pub(crate) fn mistake_grace_periods(&self, health: &mut [TargetHealth]) {
        if self.mutant != Mutant::GracePeriodsCountAsDraining {
            return;
        }
        for health in health {
            if health.state() == "unhealthy.draining" {
                *health = TargetHealth::Draining;
            }
        }
    }

    /// For mutants: what the event of a stop reports beyond what ECS does.
    pub(crate) fn mutate_stop(&self, event: &mut Value) {
        let detail = &mut event["detail"];
        if self.mutant == Mutant::FailedStartsLookAsIfTheyRan {
            let created = detail["createdAt"].clone();
            let started = &mut detail["startedAt"];
            if started.is_null() {
                *started = created;
            }
        }
        let bindings = &detail["containers"][0]["networkBindings"];
        let has_run = !detail["startedAt"].is_null();
        if self.mutant == Mutant::OwnersTellNoHostPorts && has_run && *bindings == json!([]) {
            detail["containers"][0]["networkBindings"] =
                json!([{"bindIP": "0.0.0.0", "protocol": "tcp", "containerPort": 8080, "hostPort": 8080}]);
        }
    }
}
