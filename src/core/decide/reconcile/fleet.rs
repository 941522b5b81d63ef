//! All tasks of this deployment and of others, live and stopped, in every cluster where one may have a target in the
//! target groups in question; and the proof of which are live, which holds for a moment only.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use super::budget::in_time;
use super::compare::Stage;
use crate::call::{Desired, ErrorKind};
use crate::config::Config;
use crate::decide::failures::Failures;
use crate::decide::owners::addresses::is_attached_for_long;
use crate::decide::owners::survey::{self, Listing};
use crate::decide::{deployment, timing};
use crate::domain::arn::{Cluster, InterfaceId, TargetGroupArn, TaskArn};
use crate::domain::interface::NetworkInterface;
use crate::domain::target::Attachment;
use crate::domain::task::{Phase, Task};
use crate::domain::timestamp::Timestamp;
use crate::domain::{started_by, tags};
use crate::journal::{Halt, Reader};
use crate::outcome::plan::Overdue;
use crate::outcome::{Category, Failure};
use crate::request::reconcile::ReconcileRequest;

/// A task with targets in its `startedBy`: started by this deployment or another one, or adopted.
#[derive(Debug)]
pub(super) struct FleetTask {
    pub(super) task: Arc<Task>,
    pub(super) attachments: Vec<Attachment>,
    /// Whether it is in the cluster that is reconciled.
    is_in_cluster: bool,
    /// Whether it is this deployment's. The tasks of others only claim their targets.
    is_this_deployments: bool,
    /// Whether its family may be registered.
    is_allowed: bool,
}

impl FleetTask {
    fn of(task: &Arc<Task>, is_in_cluster: bool, config: &Config) -> Option<Self> {
        let text = task.started_by.as_deref()?;
        let attachments = started_by::decode(text, &task.arn.scope()).ok()?;
        (!attachments.is_empty()).then_some(Self {
            task: Arc::clone(task),
            attachments,
            is_in_cluster,
            is_this_deployments: deployment::is_this_deployments(task, config),
            is_allowed: deployment::family_is_allowed(task, config),
        })
    }

    pub(super) fn names(&self, group: &TargetGroupArn) -> bool {
        self.attachments.iter().any(|attachment| attachment.group == *group)
    }

    /// Whether it is this deployment's, and of the cluster, and the service if any, that is reconciled.
    fn is_requested(&self, request: &ReconcileRequest) -> bool {
        let of_service = |service| tags::decode(&self.task.tags).service.as_ref() == Some(service);
        self.is_in_cluster && self.is_this_deployments && request.service.as_ref().is_none_or(of_service)
    }

    /// The stage of a stopping or stopped task.
    pub(super) fn stage_of_former(&self) -> Stage {
        if self.is_this_deployments {
            Stage::Former
        } else {
            Stage::AnothersFormer
        }
    }

    /// Whether a reconcile registers its targets: it is this deployment's, of the cluster, of an allowed family, RUNNING, and
    /// does not drain.
    pub(super) fn is_to_be_registered(&self) -> bool {
        self.is_in_cluster
            && self.is_this_deployments
            && self.is_allowed
            && self.task.phase() == Phase::Running
            && !self.task.is_draining()
    }
}

/// The tasks that were live when they were listed; until `ends`, no other task can be registered.
#[derive(Debug)]
pub(super) struct Proof {
    pub(super) live: Vec<Arc<FleetTask>>,
    /// The network interfaces of the others, which have no targets.
    foreign: HashSet<InterfaceId>,
    /// When they were listed.
    pub(super) began: Timestamp,
    pub(super) ends: Timestamp,
}

impl Proof {
    /// Lists and describes the live tasks. Fails once the proof would not hold any more.
    pub(super) fn take(
        request: &ReconcileRequest,
        config: &Config,
        reader: &mut Reader<'_>,
    ) -> Result<Arc<Self>, Halt> {
        let ends = reader.now().after(timing::ATTACH);
        Self::of_live(request, config, ends, reader, |reader| {
            let holds = timing::left(Some(ends), reader.now()).is_some();
            holds.then_some(()).ok_or_else(too_slow)
        })
    }

    /// Lists and describes the live tasks, however long it takes: the result is useful even when it proves nothing any
    /// more.
    pub(super) fn take_all(
        request: &ReconcileRequest,
        config: &Config,
        reader: &mut Reader<'_>,
    ) -> Result<Arc<Self>, Halt> {
        let ends = reader.now().after(timing::ATTACH);
        Self::of_live(request, config, ends, reader, |_| Ok(()))
    }

    fn of_live(
        request: &ReconcileRequest,
        config: &Config,
        ends: Timestamp,
        reader: &mut Reader<'_>,
        in_time: impl Fn(&Reader<'_>) -> Result<(), Failure>,
    ) -> Result<Arc<Self>, Halt> {
        reader.part(|reader| {
            let (mut live, mut foreign) = (Vec::new(), HashSet::new());
            let began = reader.now();
            each_task(
                Desired::Running,
                request,
                config,
                reader,
                in_time,
                &mut foreign,
                |fleet_task| {
                    live.extend(Some(fleet_task).filter(|it| it.task.is_live()));
                },
            )?;
            Ok(Self {
                live,
                foreign,
                began,
                ends,
            })
        })
    }
}

/// The failure of a search through all tasks that took too long.
pub(super) fn too_slow() -> Failure {
    let message = format!(
        "the search for owners of targets in all clusters took longer than the {} s for which its result holds",
        timing::ATTACH.as_secs()
    );
    Failure::new(Category::OwnerSearchTooSlow, message)
}

/// All tasks that a reconcile compares with target groups.
#[derive(Debug)]
pub(super) struct Fleet {
    /// In the order of their ARNs, each with its newest snapshot.
    tasks: Vec<Arc<FleetTask>>,
    by_group: HashMap<TargetGroupArn, Vec<usize>>,
    by_interface: HashMap<InterfaceId, usize>,
    /// The network interfaces of tasks without targets, somebody else's among them.
    foreign: HashSet<InterfaceId>,
    /// When the live ones were listed.
    pub(super) began: Timestamp,
}

/// Lists and describes all tasks, the live ones first: they are also the first proof, which lasts for small fleets.
pub(super) fn survey(
    request: &ReconcileRequest,
    config: &Config,
    reader: &mut Reader<'_>,
) -> Result<Arc<(Fleet, Arc<Proof>)>, Halt> {
    reader.part(|reader| {
        let proof = Proof::of_live(request, config, reader.now().after(timing::ATTACH), reader, in_time)?;
        let mut newest: BTreeMap<TaskArn, Arc<FleetTask>> = BTreeMap::new();
        let live = proof.live.iter().map(|it| (it.task.arn.clone(), Arc::clone(it)));
        newest.extend(live);
        let mut foreign = proof.foreign.clone();
        each_task(
            Desired::Stopped,
            request,
            config,
            reader,
            in_time,
            &mut foreign,
            |fleet_task| {
                let arn = &fleet_task.task.arn;
                let is_newer = |known: &Arc<FleetTask>| fleet_task.task.version >= known.task.version;
                if newest.get(arn).is_none_or(is_newer) {
                    newest.insert(arn.clone(), fleet_task);
                }
            },
        )?;
        let fleet = Fleet::of(newest.into_values().collect(), foreign, proof.began);
        Ok((fleet, proof))
    })
}

/// Lists and describes the tasks with this desired status in every cluster; of those without targets only the network
/// interfaces are kept.
fn each_task(
    desired: Desired,
    request: &ReconcileRequest,
    config: &Config,
    reader: &mut Reader<'_>,
    in_time: impl Fn(&Reader<'_>) -> Result<(), Failure>,
    foreign: &mut HashSet<InterfaceId>,
    mut take: impl FnMut(Arc<FleetTask>),
) -> Result<(), Halt> {
    for (cluster, is_in_cluster) in clusters(request) {
        let survey = survey::tasks(cluster, Listing::All(desired), None, reader, &in_time)?;
        match &survey.error {
            Some(error) if error.kind == ErrorKind::ClusterNotFound && !is_in_cluster => continue,
            Some(error) => return Err(error.into()),
            None => {}
        }
        for task in &survey.found.tasks {
            match FleetTask::of(task, is_in_cluster, config) {
                Some(fleet_task) => take(Arc::new(fleet_task)),
                None => foreign.extend(task.interface.clone()),
            }
        }
    }
    Ok(())
}

fn clusters(request: &ReconcileRequest) -> impl Iterator<Item = (&Cluster, bool)> {
    let others = request.others.iter().map(|other| (other, false));
    std::iter::once((&request.cluster, true)).chain(others)
}

impl Fleet {
    /// Tasks of the cluster, or of the service in it, whose drain is over, and which nobody has stopped.
    ///
    /// Also where a reconcile deregisters nothing: their own tag requests their stop, and no setting forbids it.
    pub(super) fn overdue(&self, request: &ReconcileRequest, now: Timestamp) -> Vec<Overdue> {
        let own = self
            .tasks
            .iter()
            .filter(|fleet_task| fleet_task.is_requested(request) && fleet_task.task.is_live());
        let overdue = own.filter_map(|fleet_task| {
            let since = fleet_task.task.drains_until()?;
            (since.after(timing::DRAIN_GRACE) <= now).then(|| Overdue {
                task: fleet_task.task.arn.clone(),
                since,
            })
        });
        overdue.collect()
    }

    fn of(tasks: Vec<Arc<FleetTask>>, foreign: HashSet<InterfaceId>, began: Timestamp) -> Self {
        let mut by_group: HashMap<TargetGroupArn, Vec<usize>> = HashMap::new();
        for (n, fleet_task) in tasks.iter().enumerate() {
            let groups: BTreeSet<&TargetGroupArn> = fleet_task.attachments.iter().map(|it| &it.group).collect();
            for group in groups {
                by_group.entry(group.clone()).or_default().push(n);
            }
        }
        let of_interface = |(n, fleet_task): (usize, &Arc<FleetTask>)| Some((fleet_task.task.interface.clone()?, n));
        let by_interface = tasks.iter().enumerate().filter_map(of_interface).collect();
        Self {
            tasks,
            by_group,
            by_interface,
            foreign,
            began,
        }
    }

    /// A task, live or stopped.
    pub(super) fn task(&self, arn: &TaskArn) -> Option<&Arc<Task>> {
        let place = self
            .tasks
            .binary_search_by(|fleet_task| fleet_task.task.arn.cmp(arn))
            .ok()?;
        self.tasks.get(place).map(|fleet_task| &fleet_task.task)
    }

    /// The task with a network interface.
    pub(super) fn with_interface(&self, interface: &InterfaceId) -> Option<&Arc<Task>> {
        let place = *self.by_interface.get(interface)?;
        self.tasks.get(place).map(|fleet_task| &fleet_task.task)
    }

    /// Whether an interface that no task with targets has is certainly none of a task with targets: it is another task's, or
    /// so old that ECS would have shown its task.
    pub(super) fn is_nobodys(&self, interface: &NetworkInterface) -> bool {
        self.foreign.contains(&interface.id) || is_attached_for_long(interface, self.began)
    }

    /// The tasks that have a target in the target group.
    pub(super) fn of_group(&self, group: &TargetGroupArn) -> impl Iterator<Item = &FleetTask> {
        let places = self.by_group.get(group).map_or(&[][..], Vec::as_slice);
        places.iter().filter_map(|&n| self.tasks.get(n)).map(Arc::as_ref)
    }

    /// The target groups to compare, in the order of their ARNs: those of the tasks of the cluster, or of the service, and
    /// those of the request. One that is not allowed is left out, and is a failure if a task is to be registered with it.
    pub(super) fn groups(
        &self,
        request: &ReconcileRequest,
        config: &Config,
        failures: &mut Failures,
    ) -> Vec<TargetGroupArn> {
        let own = self.tasks.iter().filter(|fleet_task| fleet_task.is_requested(request));
        let named = own.flat_map(|fleet_task| fleet_task.attachments.iter().map(|it| &it.group));
        let all: BTreeSet<&TargetGroupArn> = named.chain(&request.groups).collect();
        let mut groups = Vec::new();
        for group in all {
            if config.allowed.target_groups.allows_target_group(group) {
                groups.push(group.clone());
            } else if self.of_group(group).any(FleetTask::is_to_be_registered) {
                let message = format!("{group} is not in ALLOWED_TARGET_GROUPS");
                failures.add(Failure::new(Category::NotAllowed, message));
            }
        }
        groups
    }
}
