//! Whose addresses are their tasks' own, and until when.
//!
//! Must not deregister anything.

use std::collections::{BTreeSet, HashSet};
use std::time::Duration;

use super::targets_out::{Leaving, OfGroup, Portion};
use crate::call::{CallError, MAX_TASKS_PER_DESCRIBE};
use crate::decide::owners::addresses;
use crate::decide::timing;
use crate::domain::arn::{Cluster, InterfaceId, TaskArn};
use crate::domain::target::Target;
use crate::domain::timestamp::Timestamp;
use crate::journal::{Halt, Reader};
use crate::outcome::{Category, Failure};

/// The tasks whose addresses are their own for a moment.
///
/// ECS may show a task as live for a while after it has stopped. EC2 shows whether its network interface still exists:
/// then its address is its own. The targets of the others are deregistered by the events of their stops.
pub(super) struct Proof {
    own: HashSet<usize>,
    /// Until when no address of these is another's that is registered.
    ends: Timestamp,
    /// Why nothing is known.
    error: Option<Failure>,
    pub(super) is_ec2_denied: bool,
}

impl Proof {
    /// Asks, and once more if the answer took too long.
    pub(super) fn of(
        portions: &[&Portion],
        leaving: &[&Leaving],
        by_interface: bool,
        reader: &mut Reader<'_>,
    ) -> Result<Self, Halt> {
        let mut tasks: Vec<(usize, &Leaving)> = Vec::new();
        let all: BTreeSet<usize> = portions.iter().flat_map(|portion| portion.tasks()).collect();
        tasks.extend(all.into_iter().filter_map(|n| Some((n, *leaving.get(n)?))));
        let mut proof = Self::ask(&tasks, by_interface, true, reader)?;
        if proof.error.is_none() && timing::left(Some(proof.ends), reader.now()).is_none() {
            let is_ec2_denied = proof.is_ec2_denied;
            proof = Self::ask(&tasks, by_interface && !is_ec2_denied, false, reader)?;
            proof.is_ec2_denied |= is_ec2_denied;
        }
        Ok(proof)
    }

    fn ask(
        tasks: &[(usize, &Leaving)],
        by_interface: bool,
        is_first: bool,
        reader: &mut Reader<'_>,
    ) -> Result<Self, Halt> {
        let mut is_ec2_denied = false;
        if by_interface {
            let asked_at = reader.now();
            let interface = |leaving: &Leaving| leaving.task.interface.clone();
            let ids: Vec<InterfaceId> = tasks.iter().filter_map(|(_, leaving)| interface(leaving)).collect();
            match addresses::existing(&ids, reader)? {
                Ok(existing) => {
                    let exists = |leaving: &Leaving| interface(leaving).is_some_and(|id| existing.contains(&id));
                    let own = tasks.iter().filter(|(_, leaving)| exists(leaving)).map(|(n, _)| *n);
                    return Ok(Self {
                        own: own.collect(),
                        ends: asked_at.after(timing::INTERFACE_PROOF),
                        error: None,
                        is_ec2_denied,
                    });
                }
                Err(error) if error.kind.is_transient() => return Ok(Self::failed(error)),
                Err(_) => is_ec2_denied = true,
            }
        }
        // The first snapshot does for a stop of one task.
        let snapshot_at = tasks.iter().map(|(_, leaving)| leaving.snapshot_at).min();
        let ends = snapshot_at.map(|at| at.after(timing::ATTACH));
        if is_first && !is_ec2_denied && timing::left(ends, reader.now()).is_some() {
            return Ok(Self {
                own: tasks.iter().map(|(n, _)| *n).collect(),
                ends: ends.unwrap_or(reader.now()),
                error: None,
                is_ec2_denied,
            });
        }
        let mut clusters: Vec<(&Cluster, Vec<(usize, &TaskArn)>)> = Vec::new();
        for (n, leaving) in tasks {
            match clusters.iter_mut().find(|(known, _)| **known == leaving.cluster) {
                Some((_, of_cluster)) => of_cluster.push((*n, &leaving.task.arn)),
                None => clusters.push((&leaving.cluster, vec![(*n, &leaving.task.arn)])),
            }
        }
        let asked_at = reader.now();
        let mut own = HashSet::new();
        for (cluster, of_cluster) in clusters {
            let chunks = || of_cluster.chunks(MAX_TASKS_PER_DESCRIBE);
            let arns = |chunk: &[(usize, &TaskArn)]| chunk.iter().map(|(_, arn)| (*arn).clone()).collect();
            let answers = reader.describe_tasks_each(cluster, chunks().map(arns))?;
            for (chunk, answer) in chunks().zip(answers) {
                let shown = match answer {
                    Ok(shown) => shown,
                    Err(error) => {
                        return Ok(Self {
                            is_ec2_denied,
                            ..Self::failed(error)
                        });
                    }
                };
                let is_live = |arn: &TaskArn| shown.iter().any(|task| task.arn == *arn && task.is_live());
                own.extend(chunk.iter().filter(|(_, arn)| is_live(arn)).map(|(n, _)| *n));
            }
        }
        Ok(Self {
            own,
            ends: asked_at.after(timing::ATTACH),
            error: None,
            is_ec2_denied,
        })
    }

    fn failed(error: &CallError) -> Self {
        Self {
            own: HashSet::new(),
            ends: Timestamp::from_millis(0),
            error: Some(error.into()),
            is_ec2_denied: false,
        }
    }

    /// The targets whose addresses are their tasks' own, each portion's with its place.
    pub(super) fn own(&self, portions: &[&Portion]) -> Vec<(usize, OfGroup)> {
        let mut of_groups = Vec::new();
        for (place, portion) in portions.iter().enumerate() {
            let Portion::Addresses { group, of, .. } = portion else {
                continue;
            };
            let own: Vec<(usize, Target)> = of.iter().filter(|(n, _)| self.own.contains(n)).cloned().collect();
            if !own.is_empty() {
                of_groups.push((place, (group.clone(), own)));
            }
        }
        of_groups
    }

    /// How long the calls may take.
    pub(super) fn left(&self, reader: &Reader<'_>) -> Result<Duration, Failure> {
        if let Some(error) = &self.error {
            return Err(error.clone());
        }
        timing::left(Some(self.ends), reader.now()).ok_or_else(|| {
            let message =
                "targets were not deregistered: AWS answered so late that their addresses may be other tasks'";
            Failure::new(Category::OutOfTime, message)
        })
    }
}
