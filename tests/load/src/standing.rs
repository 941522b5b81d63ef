//! Live tasks that stand beside the traffic: registered, and not to be touched by any of it.

use start_engines_fake_aws::TargetGroup;
use start_engines_world::World;

use crate::parameters as p;
use crate::tasks;

/// Their target groups, each with the number of its targets.
#[derive(Debug)]
pub(crate) struct Standing(Vec<(String, usize)>);

impl Standing {
    pub(crate) fn begin(account: &mut World, cluster: &str) -> Self {
        let of_group = p::STANDING / p::STANDING_GROUPS;
        let groups = (1..=p::STANDING_GROUPS).map(|n| {
            let group = account.add_target_group(TargetGroup::ip(&format!("standing-{n}"), 80));
            tasks::run_registered(account, cluster, &[&group], of_group);
            (group, of_group)
        });
        Self(groups.collect())
    }

    /// How many targets are not registered any more.
    pub(crate) fn lost(&self, account: &World) -> usize {
        let lost = |(group, had): &(String, usize)| had.saturating_sub(account.registered(group).len());
        self.0.iter().map(lost).sum()
    }
}
