//! IAM and STS: whose the credentials are, who may assume a role, and what IAM's simulator says.

use std::collections::BTreeMap;

use serde_json::Value;
use start_engines_core::call::CallError;

use super::super::small;
use super::super::tree::Node;
use super::{Reads, unreadable};
use crate::doctor::world::{Ask, Verdict};

impl Reads {
    /// The account of the credentials.
    pub(crate) async fn caller(&self) -> Result<Option<String>, CallError> {
        let answer = small::sts(&self.config, "GetCallerIdentity").await?;
        Ok(answer.find("Account").map(|account| account.own_text().to_owned()))
    }

    /// The policy that says who may assume a role; IAM percent-encodes it
    /// (<https://docs.aws.amazon.com/IAM/latest/APIReference/API_GetRole.html>).
    pub(crate) async fn trust(&self, role: &str) -> Result<Option<Value>, CallError> {
        const OPERATION: &str = "GetRole";
        let name = role.rsplit('/').next().unwrap_or(role);
        let answer = small::iam(&self.config, OPERATION, &[("RoleName".to_owned(), name.to_owned())]).await?;
        let document = answer
            .find("AssumeRolePolicyDocument")
            .map(Node::own_text)
            .unwrap_or_default();
        let policy = serde_json::from_str(&decoded(document));
        policy
            .map(Some)
            .map_err(|error| unreadable(OPERATION, error.to_string()))
    }

    /// IAM's answers to questions that differ in their resources only, at most 50 of them.
    ///
    /// [SimulatePrincipalPolicy](https://docs.aws.amazon.com/IAM/latest/APIReference/API_SimulatePrincipalPolicy.html).
    pub(crate) async fn simulate(&self, asks: &[Ask]) -> Result<BTreeMap<Ask, Verdict>, CallError> {
        const OPERATION: &str = "SimulatePrincipalPolicy";
        let Some(first) = asks.first() else {
            return Ok(BTreeMap::new());
        };
        let mut fields = vec![
            ("PolicySourceArn".to_owned(), first.role.clone()),
            ("ActionNames.member.1".to_owned(), first.action.to_owned()),
        ];
        let resources = asks.iter().enumerate();
        fields.extend(resources.map(|(n, ask)| (format!("ResourceArns.member.{}", n + 1), ask.resource.clone())));
        for (n, (key, values)) in whole(&first.context, self.region()).iter().enumerate() {
            let entry = format!("ContextEntries.member.{}", n + 1);
            let kind = if is_list(key) { "stringList" } else { "string" };
            fields.push((format!("{entry}.ContextKeyName"), (*key).to_owned()));
            fields.push((format!("{entry}.ContextKeyType"), kind.to_owned()));
            let values = values.iter().enumerate();
            fields
                .extend(values.map(|(v, value)| (format!("{entry}.ContextKeyValues.member.{}", v + 1), value.clone())));
        }
        let mut verdicts = BTreeMap::new();
        loop {
            let answer = small::iam(&self.config, OPERATION, &fields).await?;
            let result = answer.find("SimulatePrincipalPolicyResult").unwrap_or(&answer);
            for evaluated in result.items("EvaluationResults") {
                keep(evaluated, asks, &mut verdicts);
            }
            fields.retain(|(name, _)| name != "Marker");
            match result.text("Marker") {
                Some(marker) if result.text("IsTruncated") == Some("true") => {
                    fields.push(("Marker".to_owned(), marker.to_owned()));
                }
                _ => return Ok(verdicts),
            }
        }
    }
}

/// The keys of all conditions in the policies of the component's roles.
const KEYS: [&str; 6] = [
    "aws:TagKeys",
    "ecs:CreateAction",
    "ecs:cluster",
    "events:detail-type",
    "events:source",
    "iam:PassedToService",
];
/// What no condition asks for.
const NO_VALUE: &str = "none";

/// The context of a call, with the region, and a value for each key that the call does not have. IAM names those of all
/// statements as missing, also where a statement is about another action (boto3#3111, aws-sdk-java-v2#1751): then no denial
/// would be certain. A statement that is about the action, and wants a value of such a key, does not allow the call either way.
fn whole(context: &[(&'static str, Vec<String>)], region: String) -> Vec<(&'static str, Vec<String>)> {
    let mut whole = context.to_vec();
    whole.push(("aws:RequestedRegion", vec![region]));
    for key in KEYS {
        if !context.iter().any(|(known, _)| *known == key) {
            whole.push((key, vec![NO_VALUE.to_owned()]));
        }
    }
    whole
}

/// Whether a key of the context has several values
/// (<https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html>,
/// <https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-use-conditions.html>).
fn is_list(key: &str) -> bool {
    matches!(key, "aws:TagKeys" | "events:source" | "events:detail-type")
}

/// One action's result: a decision for each resource, or one for the only resource.
///
/// What a service control policy denies may depend on keys that are not among the missing ones: "This list doesn't include
/// context keys referenced by service control policies"
/// (<https://docs.aws.amazon.com/IAM/latest/APIReference/API_EvaluationResult.html>).
fn keep(evaluated: &Node, asks: &[Ask], verdicts: &mut BTreeMap<Ask, Verdict>) {
    let of_organization = evaluated.find("OrganizationsDecisionDetail");
    let is_of_organization = of_organization.and_then(|it| it.text("AllowedByOrganizations")) == Some("false");
    let mut put = |resource: Option<&str>, decision: Option<&str>, missing: Vec<String>| {
        let verdict = match decision {
            Some("allowed") => Verdict::Allowed,
            _ if is_of_organization => {
                Verdict::Unclear(vec!["a service control policy that IAM's simulator applies".to_owned()])
            }
            _ if !missing.is_empty() => Verdict::Unclear(missing),
            _ => Verdict::Denied,
        };
        for ask in asks.iter().filter(|ask| Some(ask.resource.as_str()) == resource) {
            verdicts.insert(ask.clone(), verdict.clone());
        }
    };
    let missing = |node: &Node| -> Vec<String> {
        node.items("MissingContextValues")
            .map(|it| it.own_text().to_owned())
            .collect()
    };
    put(
        evaluated.text("EvalResourceName"),
        evaluated.text("EvalDecision"),
        missing(evaluated),
    );
    for specific in evaluated.items("ResourceSpecificResults") {
        let decision = specific.text("EvalResourceDecision");
        put(specific.text("EvalResourceName"), decision, missing(specific));
    }
}

/// Without percent-encoding.
fn decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, tail)) = rest.split_first() {
        let hex = tail.get(..2).and_then(|two| std::str::from_utf8(two).ok());
        match (first, hex.and_then(|hex| u8::from_str_radix(hex, 16).ok())) {
            (b'%', Some(byte)) => {
                bytes.push(byte);
                rest = &tail[2..];
            }
            _ => {
                bytes.push(*first);
                rest = tail;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percent_encoding_is_undone() {
        assert_eq!(decoded("%7B%22a%22%3A%22%C3%A9%25%22%7D"), "{\"a\":\"é%\"}");
        assert_eq!(decoded("50%"), "50%");
    }
}
