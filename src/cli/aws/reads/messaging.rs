//! EventBridge's rules, SQS's queues, CloudWatch's alarms, and Scheduler's groups.

use std::collections::BTreeMap;

use aws_sdk_sqs::types::QueueAttributeName;
use serde_json::{Value, json};
use start_engines_aws::error::call_error;
use start_engines_core::call::CallError;

use super::super::small::{self, JsonService};
use super::{Reads, unreadable};
use crate::doctor::world::{Alarm, QueueFacts, RuleTarget, Sends};

/// Names of DescribeAlarms in one call
/// (<https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_DescribeAlarms.html>).
const MAX_ALARMS: usize = 100;

/// The bus and the name of a rule's ARN: `rule/NAME` on the default bus, else `rule/BUS/NAME`.
pub(crate) fn rule_name(arn: &str) -> Option<(Option<&str>, &str)> {
    let path = arn.split_once(":rule/")?.1;
    Some(match path.split_once('/') {
        Some((bus, name)) => (Some(bus), name),
        None => (None, path),
    })
}

impl Reads {
    /// A rule's state and pattern.
    pub(crate) async fn rule(&self, arn: &str) -> Result<Option<(String, Option<String>)>, CallError> {
        const OPERATION: &str = "DescribeRule";
        let (bus, name) = rule_name(arn).ok_or_else(|| unreadable(OPERATION, format!("{arn} is no ARN of a rule")))?;
        let call = self
            .events
            .describe_rule()
            .name(name)
            .set_event_bus_name(bus.map(str::to_owned));
        let answer = call.send().await.map_err(|error| call_error(OPERATION, &error))?;
        let state = answer
            .state()
            .map(|state| state.as_str().to_owned())
            .unwrap_or_default();
        Ok(Some((state, answer.event_pattern().map(str::to_owned))))
    }

    pub(crate) async fn rule_targets(&self, arn: &str) -> Result<Option<Vec<RuleTarget>>, CallError> {
        const OPERATION: &str = "ListTargetsByRule";
        let (bus, name) = rule_name(arn).ok_or_else(|| unreadable(OPERATION, format!("{arn} is no ARN of a rule")))?;
        // A rule has at most five targets: they are on one page
        // (<https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-quota.html>).
        let call = self
            .events
            .list_targets_by_rule()
            .rule(name)
            .set_event_bus_name(bus.map(str::to_owned));
        let answer = call.send().await.map_err(|error| call_error(OPERATION, &error))?;
        let target = |found: &aws_sdk_eventbridge::types::Target| RuleTarget {
            arn: found.arn().to_owned(),
            dead_letters: found.dead_letter_config().and_then(|it| it.arn()).map(str::to_owned),
            sends: if found.input_transformer().is_some() {
                Sends::Transformed
            } else if found.input().is_some() || found.input_path().is_some_and(|path| path != "$") {
                Sends::Part
            } else {
                Sends::Event
            },
        };
        Ok(Some(answer.targets().iter().map(target).collect()))
    }

    pub(crate) async fn matches(&self, pattern: &str, event: &Value) -> Result<Option<bool>, CallError> {
        let call = self
            .events
            .test_event_pattern()
            .event_pattern(pattern)
            .event(event.to_string());
        let answer = call
            .send()
            .await
            .map_err(|error| call_error("TestEventPattern", &error))?;
        Ok(Some(answer.result()))
    }

    pub(crate) async fn queue(&self, url: &str) -> Result<Option<QueueFacts>, CallError> {
        const OPERATION: &str = "GetQueueAttributes";
        let call = self
            .sqs
            .get_queue_attributes()
            .queue_url(url)
            .attribute_names(QueueAttributeName::All);
        let answer = call.send().await.map_err(|error| call_error(OPERATION, &error))?;
        let attribute = |name: QueueAttributeName| answer.attributes()?.get(&name).map(String::as_str);
        let json = |text: &str| serde_json::from_str::<Value>(text).ok();
        let redrive = attribute(QueueAttributeName::RedrivePolicy).and_then(json);
        let arn = attribute(QueueAttributeName::QueueArn);
        Ok(Some(QueueFacts {
            arn: arn
                .ok_or_else(|| unreadable(OPERATION, "an answer without QueueArn"))?
                .to_owned(),
            key: attribute(QueueAttributeName::KmsMasterKeyId)
                .filter(|key| !key.is_empty())
                .map(str::to_owned),
            policy: attribute(QueueAttributeName::Policy).and_then(json),
            dead_letters: redrive.and_then(|it| it["deadLetterTargetArn"].as_str().map(str::to_owned)),
        }))
    }

    /// Those of these alarms that there are.
    pub(crate) async fn alarms(&self, names: &[String]) -> Result<Option<BTreeMap<String, Alarm>>, CallError> {
        let mut alarms = BTreeMap::new();
        for names in names.chunks(MAX_ALARMS) {
            let input =
                json!({"AlarmNames": names, "AlarmTypes": ["MetricAlarm", "CompositeAlarm"], "MaxRecords": MAX_ALARMS});
            let answer = small::json(&self.config, JsonService::CloudWatch, "DescribeAlarms", &input).await?;
            let lists = ["MetricAlarms", "CompositeAlarms"].map(|list| answer[list].as_array());
            for found in lists.into_iter().flatten().flatten() {
                let alarm = Alarm {
                    actions_enabled: found["ActionsEnabled"].as_bool().unwrap_or(true),
                    actions: found["AlarmActions"].as_array().map_or(0, Vec::len),
                    state: found["StateValue"].as_str().unwrap_or_default().to_owned(),
                };
                alarms.insert(found["AlarmName"].as_str().unwrap_or_default().to_owned(), alarm);
            }
        }
        Ok(Some(alarms))
    }

    pub(crate) async fn schedule_group(&self, name: &str) -> Result<Option<String>, CallError> {
        let answer = self.scheduler.get_schedule_group().name(name).send().await;
        let answer = answer.map_err(|error| call_error("GetScheduleGroup", &error))?;
        Ok(answer.state().map(|state| state.as_str().to_owned()))
    }
}
