//! Operators, or a schedule, who have a cluster reconciled once events were lost.

use std::collections::BTreeSet;
use std::rc::Rc;

use start_engines_core::call::Call;

use crate::account;
use crate::calls::as_promised;
use crate::delivery::{About, Delivery};
use crate::simulation::{HOUR, MINUTE, Mutant, SECOND, Simulation, Step};

impl Simulation {
    /// Somebody sees that events of a task were lost.
    pub(crate) fn is_noticed(&mut self, task: &str) {
        let (_, place) = task.split_once(":task/").expect("the ARN of a task");
        let (cluster, _) = place.split_once('/').expect("an ARN with its cluster");
        self.reconcile_soon(cluster);
    }

    pub(crate) fn reconcile_soon(&mut self, cluster: &str) {
        // Who is in need when it is done is seen to by another one.
        if self.mutant != Mutant::NobodyReconciles && self.reconciles_to_come.insert(cluster.to_owned()) {
            let noticed = self.rng.i64(90 * SECOND..=15 * MINUTE);
            self.after(noticed, Step::Reconcile(cluster.to_owned()));
        }
    }

    pub(crate) fn ask_to_reconcile(&mut self, cluster: &str) {
        self.reconciles_to_come.remove(cluster);
        let id = format!("reconcile-{}", self.now);
        let event = account::reconcile_event(cluster, &id, &self.time_of_day());
        self.deliver_after(
            20,
            Delivery {
                event: Rc::new(event),
                about: about(cluster, false, self.now),
                sent_at: self.now,
                tries: 0,
            },
        );
    }

    /// An invocation is about to ask: a reconcile that registers a target has something to come for its task.
    pub(crate) fn note_asked(&mut self, call: &Call, delivery: &mut Delivery) {
        let About::Reconcile { touched, .. } = &mut delivery.about else {
            return;
        };
        let Call::RegisterTargets { group, targets, .. } = call else {
            return;
        };
        for target in targets {
            for task in self
                .promises
                .holders_of(&as_promised(group, target), self.now - HOUR / 2)
            {
                if touched.insert(task.clone()) {
                    self.promises.life(&task).outstanding += 1;
                }
            }
        }
    }
}

pub(crate) fn about(cluster: &str, is_part: bool, asked_at: i64) -> About {
    About::Reconcile {
        cluster: cluster.rsplit('/').next().unwrap_or_default().to_owned(),
        is_part,
        touched: BTreeSet::new(),
        asked_at,
        began: 0,
    }
}
