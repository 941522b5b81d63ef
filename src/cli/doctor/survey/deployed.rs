//! Reads the function, its rules, queues, alarms and schedules.

use std::collections::BTreeMap;

use futures_util::future::join_all;

use super::{Survey, Told, clusters};
use crate::doctor::fact::Fact;
use crate::doctor::samples::{self, Sample};
use crate::doctor::world::{Deployment, Files, Function, Queue, Rule};

impl Survey<'_> {
    pub(super) async fn deployment(&self, told: &Told) -> Deployment {
        let reads = self.reads;
        let name = told.function.name();
        let found = Fact::of(self.turn(reads.function(name)).await, "lambda:GetFunction");
        let location = found.get().and_then(|found| found.code.clone());
        let mut function = found.map(|found| found.function);
        let files = self.files(function.get()).await;
        if let (Fact::Known(function), Some(location)) = (&mut function, location) {
            function.built_for = self.turn(reads.built_for(&location)).await.ok().flatten();
        }
        let environment = function
            .get()
            .and_then(|function| function.environment.clone())
            .unwrap_or_default();
        let (policy, on_failure, mappings, queues, rules) = tokio::join!(
            async { Fact::of(self.turn(reads.policy(name)).await, "lambda:GetPolicy") },
            async {
                let answer = self.turn(reads.on_failure(name)).await;
                Fact::of(answer, "lambda:GetFunctionEventInvokeConfig")
            },
            async { Fact::of(self.turn(reads.mappings(name)).await, "lambda:ListEventSourceMappings") },
            self.queues(told),
            self.rules(told),
        );
        let alarms = match told.alarms.as_deref() {
            None | Some([]) => Fact::Absent,
            Some(names) => Fact::of(self.turn(reads.alarms(names)).await, "cloudwatch:DescribeAlarms"),
        };
        let schedule_group = match environment.get("SCHEDULER_GROUP").filter(|group| !group.is_empty()) {
            Some(group) => Fact::of(
                self.turn(reads.schedule_group(group)).await,
                "scheduler:GetScheduleGroup",
            ),
            // Without one the function's schedules are in the default group, which every account has
            // (<https://docs.aws.amazon.com/scheduler/latest/UserGuide/managing-schedule-group.html>).
            None => Fact::Known("ACTIVE".to_owned()),
        };
        let mut trust = BTreeMap::new();
        if let Some(role) = environment.get("SCHEDULER_ROLE_ARN").filter(|role| !role.is_empty()) {
            trust.insert(
                role.clone(),
                Fact::of(self.turn(reads.trust(role)).await, "iam:GetRole"),
            );
        }
        Deployment {
            arn: told.function.clone(),
            function,
            files,
            local_catalog: told.catalog.clone(),
            policy,
            on_failure,
            rules,
            queues,
            mappings,
            alarm_names: told.alarms.clone(),
            alarms,
            schedule_group,
            trust,
        }
    }

    /// The files that the function's variables name, from its layers: of two layers with one file the later one wins
    /// (<https://docs.aws.amazon.com/lambda/latest/dg/adding-layers.html>).
    async fn files(&self, function: Option<&Function>) -> Fact<Files> {
        let Some(function) = function else {
            return Fact::Absent;
        };
        let environment = function.environment.iter().flatten();
        let paths = environment.filter(|(name, _)| matches!(name.as_str(), "SETTINGS_FILE" | "SERVICES_FILE"));
        let names: Vec<String> = paths
            .filter_map(|(_, path)| path.strip_prefix("/opt/").map(str::to_owned))
            .collect();
        let mut files = Files::new();
        if names.is_empty() {
            return Fact::Known(files);
        }
        for layer in &function.layers {
            match Fact::of(
                self.turn(self.reads.layer(layer, &names)).await,
                "lambda:GetLayerVersion",
            ) {
                Fact::Known(more) => files.extend(more),
                // The function keeps its copy
                // (<https://docs.aws.amazon.com/lambda/latest/api/API_DeleteLayerVersion.html>).
                Fact::Absent => {
                    let why = format!("the layer's version {layer} is deleted, and cannot be looked at any more");
                    return Fact::unread(why, "deploy again, which makes a new one");
                }
                other @ Fact::Unread { .. } => return other,
            }
        }
        Fact::Known(files)
    }

    async fn queues(&self, told: &Told) -> Vec<Queue> {
        let buffers = [
            ("request queue", &told.request_queue),
            ("state-change queue", &told.state_change_queue),
        ];
        let buffers = buffers
            .into_iter()
            .filter_map(|(label, url)| Some((label, url.clone()?, true)));
        let failed = told.failed.iter().map(|(label, url)| (*label, url.clone(), false));
        let queues = failed.chain(buffers).map(async |(label, url, is_buffer)| {
            let found = Fact::of(self.turn(self.reads.queue(&url)).await, "sqs:GetQueueAttributes");
            Queue {
                label,
                url,
                is_buffer,
                found,
            }
        });
        join_all(queues).await
    }

    async fn rules(&self, told: &Told) -> Vec<Rule> {
        let requests = samples::requests(&told.function, &told.config);
        let changes = samples::state_changes(&told.function, &clusters(&told.config, &told.function));
        let (requests, changes) = tokio::join!(
            self.rule(
                "request rule",
                told.request_rule.as_deref(),
                told.request_queue.clone(),
                requests
            ),
            self.rule(
                "state-change rule",
                told.state_change_rule.as_deref(),
                told.state_change_queue.clone(),
                changes
            ),
        );
        vec![requests, changes]
    }

    async fn rule(
        &self,
        label: &'static str,
        arn: Option<&str>,
        queue_url: Option<String>,
        samples: Vec<Sample>,
    ) -> Rule {
        let mut rule = Rule {
            label,
            arn: arn.map(str::to_owned),
            queue_url,
            state: Fact::Absent,
            targets: Fact::Absent,
            matches: Vec::new(),
        };
        let Some(arn) = arn else {
            return rule;
        };
        let found = Fact::of(self.turn(self.reads.rule(arn)).await, "events:DescribeRule");
        rule.targets = Fact::of(
            self.turn(self.reads.rule_targets(arn)).await,
            "events:ListTargetsByRule",
        );
        let pattern = found.get().and_then(|(_, pattern)| pattern.clone());
        rule.state = found.map(|(state, _)| state);
        let Some(pattern) = pattern else {
            return rule;
        };
        let matches = samples.into_iter().map(async |(label, event)| {
            let answer = self.turn(self.reads.matches(&pattern, &event)).await;
            (label, Fact::of(answer, "events:TestEventPattern"))
        });
        rule.matches = join_all(matches).await;
        rule
    }
}
