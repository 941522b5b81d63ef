//! Accounts with so many live tasks, and the events that are handled before them.

use std::net::Ipv4Addr;
use std::time::Duration;

use serde_json::{Value, json};
use start_engines_fake_aws::{TargetGroup, TaskDefinition};
use start_engines_world::World;
use time::format_description::well_known::Rfc3339;
use tokio::time::sleep;

use super::cloud::Cloud;
use super::row::Address;
use crate::tasks;
use crate::traffic;
use crate::world::CLUSTER;

/// Longer than ECS may lag.
const LONG_AGO: Duration = Duration::from_secs(600);
/// From the stop of a task until its address is used again.
const REUSED: Duration = Duration::from_secs(60);

/// An account with target groups of its own, and one for all other tasks.
pub(super) struct Account {
    pub(super) cloud: Cloud,
    /// ARNs.
    pub(super) groups: Vec<String>,
}

impl Account {
    /// With so many live tasks, of which so many are in each of so many target groups.
    pub(super) fn open(tasks: usize, groups: usize, of_group: usize) -> Self {
        let mut world = World::new();
        world.keeps_history = false;
        world.add_cluster("engines");
        world.add_task_definition(TaskDefinition::awsvpc("engine").container("engine", &[tasks::PORT]));
        let mut add = |name: &str| {
            let group = TargetGroup::ip(name, 80).quota(usize::MAX).deregistration_delay(0);
            world.add_target_group(group)
        };
        let others = add("others");
        let groups: Vec<String> = (0..groups).map(|n| add(&format!("own-{n}"))).collect();
        for group in &groups {
            tasks::run_registered(&mut world, CLUSTER, &[group], of_group);
        }
        let rest = tasks.saturating_sub(groups.len() * of_group);
        tasks::run_registered(&mut world, CLUSTER, &[&others], rest);
        Self {
            cloud: Cloud::new(world),
            groups,
        }
    }

    /// The target groups of the nth task of those that have so many each.
    fn groups_of(&self, n: usize, each: usize) -> Vec<&str> {
        (n..n + each)
            .map(|n| self.groups[n % self.groups.len()].as_str())
            .collect()
    }

    /// Late STOPPED events of tasks with so many targets each, whose addresses have gone this way since.
    pub(super) async fn late_stops(&self, number: usize, each: usize, address: Address) -> Vec<Value> {
        let (old, events) = self.cloud.with(|world| {
            let old: Vec<(usize, String, Ipv4Addr)> = (0..number)
                .map(|n| {
                    let task = tasks::run_registered(world, CLUSTER, &self.groups_of(n, each), 1).remove(0);
                    let address = world.address(&task).expect("an address");
                    (n, task, address)
                })
                .collect();
            let stop = |(_, task, _): &(usize, String, Ipv4Addr)| {
                world.stop(task, "EssentialContainerExited", "it ended");
                world.advance_to(task, "STOPPED")
            };
            let events: Vec<Value> = old.iter().map(stop).collect();
            (old, events)
        });
        sleep(REUSED).await;
        self.cloud.with(|world| {
            for (n, _, freed) in &old {
                match address {
                    Address::Free => {}
                    Address::SameService => {
                        world.next_address(*freed);
                        tasks::run_registered(world, CLUSTER, &self.groups_of(*n, each), 1);
                    }
                    Address::AnotherTask => {
                        world.next_address(*freed);
                        tasks::run_registered(world, CLUSTER, &[], 1);
                    }
                    Address::NoTask => drop(world.add_interface(*freed)),
                }
            }
        });
        sleep(LONG_AGO).await;
        events
    }

    /// RUNNING events of this moment, of tasks with so many targets each.
    pub(super) fn running(&self, number: usize, each: usize) -> Vec<Value> {
        self.cloud.with(|world| {
            let new = |n: usize| {
                let task = tasks::run(world, CLUSTER, &self.groups_of(n, each), 1).remove(0);
                world.advance_to(&task, "RUNNING")
            };
            (0..number).map(new).collect()
        })
    }

    /// The first signs of stops, of this moment.
    pub(super) fn stopping(&self, number: usize) -> Vec<Value> {
        self.cloud.with(|world| {
            let stop = |n: usize| {
                let task = tasks::run_registered(world, CLUSTER, &self.groups_of(n, 1), 1).remove(0);
                world.stop(&task, "UserInitiated", "Task stopped by user");
                world.event(&task)
            };
            (0..number).map(stop).collect()
        })
    }

    /// A request of this moment.
    pub(super) fn request(&self, detail_type: &str, detail: Value) -> Value {
        let time = self.cloud.with(|world| world.clock.format(&Rfc3339).expect("a time"));
        let time = time.split(['.', 'Z']).next().unwrap_or_default();
        traffic::event(
            &format!("event-{detail_type}").replace(' ', "-"),
            detail_type,
            time,
            detail,
        )
    }

    /// Deregisters targets of live tasks, and leaves such of stopped ones, one in each of so many target groups.
    pub(super) fn drift(&self, groups: usize) {
        let groups: Vec<&str> = self.groups_of(0, groups);
        self.cloud.with(|world| {
            for group in groups {
                let (missing, port) = world.registered(group).swap_remove(0);
                world.deregister(group, &missing, port);
                let dead = tasks::run_registered(world, CLUSTER, &[group], 1).remove(0);
                world.stop(&dead, "EssentialContainerExited", "it ended");
                world.advance_to(&dead, "STOPPED");
            }
        });
    }

    /// How many targets the account's own target groups have.
    pub(super) fn registered(&self) -> usize {
        self.cloud
            .with(|world| self.groups.iter().map(|group| world.registered(group).len()).sum())
    }
}

/// The `detail` of a stop of the whole cluster.
pub(super) fn stop_of_all(drain: u64) -> Value {
    json!({"cluster": CLUSTER, "all": true, "drainSeconds": drain})
}

/// The `detail` of a reconcile of it.
pub(super) fn reconcile() -> Value {
    json!({"cluster": CLUSTER})
}
