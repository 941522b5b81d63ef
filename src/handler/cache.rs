//! The cache of a warm function: answers about facts that hardly change.
//!
//! Must not decide whether an old answer may be used: the calls do ([`Recall`]).

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use start_engines_core::call::{Answer, Call, CallError, ErrorKind};
use start_engines_core::domain::arn::{TargetGroupArn, TaskDefinition};
use start_engines_core::domain::definition::Definition;
use start_engines_core::domain::instance::{ContainerInstance, Ec2Instance, Recall};
use start_engines_core::domain::target::TargetGroup;
use start_engines_core::domain::timestamp::Timestamp;

/// How long the facts of a target group are cached. A target group that is deleted and created again under the same name
/// has another ARN, and the cached facts cannot be edited.
const TARGET_GROUP_TTL: Duration = Duration::from_secs(300);
/// Maximum number of cached answers of each kind; when it is exceeded, all are dropped.
const MAX_ENTRIES: usize = 10_000;

/// The cached answers.
#[derive(Debug, Default)]
pub(crate) struct Cache {
    groups: HashMap<TargetGroupArn, (TargetGroup, Timestamp)>,
    /// Container instances; those that are gone are read again.
    definitions: HashMap<TaskDefinition, Arc<Definition>>,
    container_instances: HashMap<String, ContainerInstance>,
    instances: HashMap<String, Ec2Instance>,
}

impl Cache {
    /// The cached answer to a call.
    pub(crate) fn recall(&self, call: &Call, now: Timestamp) -> Option<Answer> {
        match call {
            Call::DescribeTargetGroup { group } => {
                let (facts, read_at) = self.groups.get(group)?;
                (now.since(*read_at) < TARGET_GROUP_TTL).then(|| Answer::TargetGroup(facts.clone()))
            }
            Call::DescribeContainerInstance {
                arn,
                recall: Recall::Always,
                ..
            } => Some(Answer::ContainerInstance(Some(
                self.container_instances.get(arn)?.clone(),
            ))),
            Call::DescribeTaskDefinition { arn } => {
                Some(Answer::Definition(Some(Arc::clone(self.definitions.get(arn)?))))
            }
            Call::DescribeInstance {
                id,
                recall: Recall::Always,
            } => Some(Answer::Instance(Some(*self.instances.get(id)?))),
            _ => None,
        }
    }

    /// Caches an answer. Returns it, or the cached answer if the container instance is gone meanwhile.
    pub(crate) fn note(
        &mut self,
        call: &Call,
        answer: Result<Answer, CallError>,
        now: Timestamp,
    ) -> Result<Answer, CallError> {
        match (call, &answer) {
            (Call::DescribeTargetGroup { group }, Ok(Answer::TargetGroup(facts))) => {
                put(&mut self.groups, group.clone(), (facts.clone(), now));
            }
            // The cached facts of the target group may be the reason of the error.
            (Call::RegisterTargets { group, .. }, Err(error)) if error.kind == ErrorKind::InvalidTarget => {
                self.groups.remove(group);
            }
            (Call::DescribeContainerInstance { arn, .. }, Ok(Answer::ContainerInstance(found))) => match found {
                Some(found) => put(&mut self.container_instances, arn.clone(), found.clone()),
                None => {
                    let known = self.container_instances.get(arn).map(|known| ContainerInstance {
                        is_registered: false,
                        ..known.clone()
                    });
                    return Ok(Answer::ContainerInstance(known));
                }
            },
            (Call::DescribeTaskDefinition { arn }, Ok(Answer::Definition(Some(found)))) => {
                put(&mut self.definitions, arn.clone(), Arc::clone(found));
            }
            (Call::DescribeInstance { id, .. }, Ok(Answer::Instance(found))) => match found {
                Some(found) => put(&mut self.instances, id.clone(), *found),
                None => {
                    let known = self
                        .instances
                        .get(id)
                        .map(|known| Ec2Instance { lives: false, ..*known });
                    return Ok(Answer::Instance(known));
                }
            },
            _ => {}
        }
        answer
    }
}

fn put<K: Eq + std::hash::Hash, V>(cache: &mut HashMap<K, V>, key: K, value: V) {
    if cache.len() >= MAX_ENTRIES {
        cache.clear();
    }
    cache.insert(key, value);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cache_is_bounded() {
        let mut cache = HashMap::new();
        for n in 0..=MAX_ENTRIES {
            put(&mut cache, n, ());
        }
        assert_eq!(cache.len(), 1);
    }
}
