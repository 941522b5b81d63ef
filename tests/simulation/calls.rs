//! Calls that reach AWS: what the promises and the story note of each before it is carried out, and after.

use std::sync::Arc;
use std::time::Duration;

use start_engines_core::call::{Answer, Call, CallError, Desired, ErrorKind};
use start_engines_core::decide::timing;
use start_engines_core::domain::arn::{InterfaceId, TargetGroupArn};
use start_engines_core::domain::interface::{InterfaceQuery, NetworkInterface};
use start_engines_core::domain::tags::STOP_AT;
use start_engines_core::domain::target::{Target, TargetHealth};
use start_engines_core::domain::timestamp::Timestamp;

use crate::delivery::About;
use crate::instances;
use crate::promises::{self, Broken, Stage};
use crate::simulation::{MINUTE, Mutant, Simulation, Step};

impl Simulation {
    /// A call is about to reach AWS.
    pub(crate) fn before_landing(&mut self, call: &Call, about: &About) -> Result<(), Broken> {
        self.must_be_of_this_deployment(call, about)?;
        match (call, about) {
            (Call::DescribeTasks { tasks, .. }, _) => {
                for task in tasks {
                    if let Some(shown) = self.tasks.get(task.as_str()) {
                        let mut version = self.rng.usize(..shown.newest - shown.oldest + 1) + shown.oldest;
                        if let (Mutant::RetriesOfReconcilesLookAtNothing, About::Reconcile { asked_at, .. }) =
                            (self.mutant, about)
                        {
                            let seen = (*asked_at, task.to_string());
                            version = *self.first_seen.entry(seen).or_insert(version);
                        }
                        self.world.pin_described(task.as_str(), version);
                    }
                }
                Ok(())
            }
            (Call::DescribeNetworkInterfaces(_), _) => {
                let longest = match self.mutant {
                    Mutant::Ec2LagsLonger => Duration::from_secs(30),
                    _ => timing::EC2_LAG,
                };
                let longest = u64::try_from(longest.as_millis()).expect("not that long");
                self.world.ec2_lag = Duration::from_millis(self.rng.u64(0..longest));
                Ok(())
            }
            (Call::RegisterTargets { group, targets, .. }, About::Task { task, .. }) => {
                if self.promises.life(task).stage != Stage::Live {
                    self.statistics.count("registrations of stopping tasks");
                }
                for target in targets {
                    let target = as_promised(group, target);
                    self.promises.registers(task, target, self.now, &self.world);
                }
                Ok(())
            }
            (Call::RegisterTargets { group, targets, .. }, About::Reconcile { .. }) => {
                for target in targets {
                    let target = as_promised(group, target);
                    if let Some(holder) = self.promises.holder_now(&target) {
                        self.promises.registers(&holder, target, self.now, &self.world);
                    }
                }
                Ok(())
            }
            (Call::StopTask { task, .. }, About::Check { registered, .. }) => {
                let registered_at = registered.get(task.as_str()).copied();
                self.check_stops(task, registered_at.unwrap_or_default())
            }
            (Call::StopTask { task, .. } | Call::TagTask { task, .. }, About::StopMany { whom, asked_at, .. }) => {
                self.promises.stopped_by(task.as_str(), *asked_at)?;
                if matches!(call, Call::TagTask { .. }) {
                    return Ok(());
                }
                self.promises
                    .ended_by(task.as_str(), whom, *asked_at, self.now, &self.world)
            }
            (Call::DeregisterTargets { group, targets, .. }, about) => targets.iter().try_for_each(|target| {
                self.promises
                    .deregisters(about.task(), &as_promised(group, target), &self.world)
            }),
            _ => Ok(()),
        }
    }

    /// A call was carried out.
    pub(crate) fn after_landing(
        &mut self,
        call: &Call,
        about: &About,
        answer: &mut Result<Answer, CallError>,
    ) -> Result<(), Broken> {
        match (call, about, answer) {
            (
                Call::RunTask(_),
                About::Start {
                    identity,
                    count,
                    service,
                },
                Ok(Answer::Started(started)),
            ) => {
                let mut is_replay = !started.tasks.is_empty();
                if !started.tasks.is_empty() && !started.failures.is_empty() {
                    self.statistics.count("partial answers");
                }
                for task in &started.tasks {
                    if !self.tasks.contains_key(task.as_str()) {
                        is_replay = false;
                        self.born(task.as_str(), identity, *count, *service)?;
                    }
                }
                if is_replay {
                    self.statistics.count("replayed answers");
                }
                if self.mutant == Mutant::ClientTokensAreForgotten {
                    self.world.expire_client_tokens();
                }
            }
            (Call::RunTask(_), _, Err(error)) if error.kind == ErrorKind::NoCapacity => {
                self.statistics.count("exceptions of RunTask");
            }
            (Call::DescribeTasks { .. }, _, Ok(Answer::Tasks(tasks))) if self.mutant == Mutant::DrainsNeverEnd => {
                for task in tasks {
                    let tags = Arc::make_mut(task).tags.iter_mut();
                    for tag in tags.filter(|tag| tag.key == STOP_AT) {
                        tag.value = "2099-01-01T00:00:00Z".to_owned();
                    }
                }
            }
            (Call::DescribeTargetHealth { group, targets }, _, Ok(Answer::Health(health))) => {
                self.mistake_grace_periods(health);
                self.is_shown(about, group, targets, health);
                for (target, health) in targets.iter().zip(health) {
                    let is_hidden = self.promises.may_be_unseen(&as_promised(group, target), self.now);
                    if is_hidden && matches!(health, TargetHealth::Registered(_)) && self.rng.bool() {
                        self.statistics.count("registrations not shown yet");
                        *health = TargetHealth::NotRegistered;
                    }
                }
            }
            (Call::DescribeTargets { group }, _, Ok(Answer::Targets(members))) => {
                members.retain(|(target, _)| {
                    let is_hidden = self.promises.may_be_unseen(&as_promised(group, target), self.now);
                    !(is_hidden && self.rng.bool())
                });
            }
            (Call::ListTasks { desired, .. }, About::Reconcile { .. }, Ok(Answer::TaskPage(page)))
                if self.mutant == Mutant::ReconcilesMissWhatLives && *desired == Desired::Running =>
            {
                Arc::make_mut(page).tasks.clear();
            }
            (Call::DescribeNetworkInterfaces(query), _, Ok(Answer::Interfaces(found))) => {
                self.mutate_interfaces(query, about, found);
            }
            (Call::ListTasks { .. }, About::Task { .. }, Ok(Answer::TaskPage(page)))
                if self.mutant == Mutant::OnlyTheSameServiceIsSearched =>
            {
                Arc::make_mut(page).tasks.clear();
            }
            (Call::RegisterTargets { group, targets, .. }, _, Ok(_)) => {
                self.may_fail_its_checks(group, targets);
                self.are_checked(group, targets);
            }
            (
                Call::DescribeTaskDefinition { .. },
                About::Task { is_running: false, .. },
                Ok(Answer::Definition(found)),
            ) if self.mutant == Mutant::OwnersTellNoHostPorts => {
                *found = Some(Arc::new(instances::none()));
            }
            (Call::StopTask { task, .. }, _, Ok(_)) => self.is_stopped_by_request(task.as_str()),
            (Call::TagTask { task, .. }, _, Ok(_)) => self.promises.life(task.as_str()).is_asked_to_stop = true,
            (Call::ShareSchedule(shared), _, Ok(_)) => {
                let late = self.rng.i64(0..=MINUTE);
                self.after(shared.one_time().at.millis() - self.now + late, Step::Fire);
            }
            (Call::CreateSchedule(schedule), _, Ok(_)) => {
                self.scheduled(schedule);
                // Scheduler is precise to the minute.
                let late = self.rng.i64(0..=MINUTE);
                self.after(schedule.at.millis() - self.now + late, Step::Fire);
            }
            _ => {}
        }
        self.is_done_with(about)
    }

    /// For mutants: what a version with one safeguard less would read of EC2's answer.
    fn mutate_interfaces(&self, query: &InterfaceQuery, about: &About, found: &mut Vec<Arc<NetworkInterface>>) {
        match (self.mutant, query) {
            (Mutant::InterfacesAreHidden, InterfaceQuery::Addresses { .. }) => found.clear(),
            (Mutant::EveryInterfaceIsTheTasksOwn, InterfaceQuery::Addresses { .. }) => {
                if let Some(own) = self.own_interface(about) {
                    for interface in found {
                        Arc::make_mut(interface).id = own.clone();
                    }
                }
            }
            (Mutant::YoungInterfacesLookOld, _) => {
                for interface in found {
                    Arc::make_mut(interface).attached_at = Some(Timestamp::from_millis(0));
                }
            }
            (Mutant::LateRunningEventsAreBelieved, InterfaceQuery::Ids(ids)) => {
                let shown = |id: &InterfaceId| {
                    Arc::new(NetworkInterface {
                        id: id.clone(),
                        addresses: Vec::new(),
                        attached_at: None,
                    })
                };
                *found = ids.iter().map(shown).collect();
            }
            _ => {}
        }
    }
}

pub(crate) fn as_promised(group: &TargetGroupArn, target: &Target) -> promises::Target {
    (group.to_string(), target.id.clone(), target.port.number())
}
