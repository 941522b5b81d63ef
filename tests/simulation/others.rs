//! Tasks of another deployment in the same clusters: our function hears of all of them, and is to touch none.
//!
//! What their own function does is not simulated but done: a target is in its group for as long as its task is RUNNING.

use serde_json::json;
use start_engines_core::call::Call;

use crate::account::{self, Attached, By, Mode};
use crate::calls::as_promised;
use crate::delivery::About;
use crate::promises::{Birth, Broken, Stage};
use crate::simulation::{Simulation, Step};

/// The value of their tag.
const THEIRS: &str = "theirs";

impl Simulation {
    /// Some of their tasks start some time.
    pub(crate) fn send_others(&mut self, tasks: usize, over: i64) {
        for n in 0..tasks {
            let at = self.rng.i64(0..=over);
            self.after(at, Step::OthersStart(n));
        }
    }

    pub(crate) fn others_start(&mut self, n: usize) -> Result<(), Broken> {
        // A group of their own, or one that both may touch.
        let group = if self.rng.bool() { account::OTHERS } else { "auth" };
        let group = self.world.target_group_arn(group);
        let (_, part) = group.rsplit_once("targetgroup/").expect("an ARN");
        let cluster = self.rng.choice(["engines", "workers"]).expect("one of these");
        let task = self.world.run_foreign_task(&json!({
            "cluster": cluster, "taskDefinition": "app", "launchType": "FARGATE",
            "networkConfiguration": {"awsvpcConfiguration": {"subnets": ["subnet-0a1b2c3d4e5f60718"]}},
            "startedBy": format!("start-engines/{part}/8080"),
            "tags": [
                {"key": "start-engines:event-id", "value": format!("theirs-{n}")},
                {"key": account::DEPLOYMENT_TAG, "value": THEIRS},
            ],
        }));
        self.statistics.count("tasks of another deployment");
        let attached = Attached {
            group,
            port: 8080,
            by: By::Ipv4,
        };
        let birth = Birth {
            service: usize::MAX,
            asked_at: self.now.div_euclid(1000),
            attached: vec![attached],
            mode: Mode::Awsvpc,
            instance: None,
        };
        self.is_born(&task, &format!("theirs-{n}"), 1, birth)?;
        self.promises.life(&task).is_anothers = true;
        Ok(())
    }

    /// One of their tasks is RUNNING, or stopping: their function does what is to be done.
    pub(crate) fn others_move(&mut self, task: &str) {
        let life = self.promises.life(task);
        if !life.is_anothers {
            return;
        }
        let is_live = life.stage == Stage::Live;
        for target in life.targets.clone() {
            let (group, id, port) = target.clone();
            if is_live {
                self.promises.registers(task, target, self.now, &self.world);
                self.world.register(&group, &id, port);
            } else {
                self.world.deregister(&group, &id, port);
            }
        }
    }

    /// 8: another deployment's task is never touched. Once it stops its tags are gone, and in a group that is
    /// this deployment's as well, its target may be deregistered for it, which is what it wants.
    pub(crate) fn must_be_of_this_deployment(&mut self, call: &Call, about: &About) -> Result<(), Broken> {
        let broken = |task: &str| {
            Err(Broken(format!(
                "8: {} of {task}, which is another deployment's",
                call.operation()
            )))
        };
        match call {
            Call::StopTask { task, .. } | Call::TagTask { task, .. }
                if self.promises.life(task.as_str()).is_anothers =>
            {
                broken(task.as_str())
            }
            Call::RegisterTargets { group, targets, .. } => {
                for target in targets {
                    let holder = match about {
                        About::Task { task, .. } => Some(task.clone()),
                        _ => self.promises.holder_now(&as_promised(group, target)),
                    };
                    if let Some(holder) = holder.filter(|holder| self.promises.life(holder).is_anothers) {
                        return broken(&holder);
                    }
                }
                Ok(())
            }
            Call::DeregisterTargets { group, .. } if group.name() == account::OTHERS => broken("their own group"),
            _ => Ok(()),
        }
    }
}
