//! Resource policies: whether one lets a service of AWS do something for a certain resource.
//!
//! Only as far as the policies of this product go. What a policy says beyond it is unclear, and never guessed.

use serde_json::Value;

/// What a policy says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Says {
    Yes,
    No,
    /// It has a statement for it, with a condition that is not known here.
    Unclear,
}

/// Whether `service` may do `action`, for `source` (the ARN of a rule, or of a group of schedules), which is in `account`.
///
/// [Policy elements](https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements.html). The resource is not
/// compared: a policy of a function or of a queue is about itself.
pub(crate) fn allows(policy: &Value, service: &str, action: &str, source: &str) -> Says {
    let account = source.split(':').nth(4).unwrap_or_default();
    let statements: Vec<&Value> = list(&policy["Statement"]);
    let (mut says, mut is_certain) = (Says::No, true);
    for statement in statements {
        // What they say of others than those that they name is not read.
        let is_inverted = statement["NotAction"] != Value::Null || statement["NotPrincipal"] != Value::Null;
        let is_for = is_inverted
            || names(&statement["Principal"], service) && list(&statement["Action"]).iter().any(|it| fits(it, action));
        if !is_for {
            continue;
        }
        let conditions = match conditions(&statement["Condition"], source, account) {
            Says::Yes if is_inverted => Says::Unclear,
            says => says,
        };
        match (statement["Effect"].as_str(), conditions) {
            (Some("Deny"), Says::Yes) => return Says::No,
            (Some("Deny"), Says::Unclear) => is_certain = false,
            (Some("Allow"), Says::Yes) => says = Says::Yes,
            (Some("Allow"), Says::Unclear) if says == Says::No => says = Says::Unclear,
            _ => {}
        }
    }
    match says {
        Says::Yes if !is_certain => Says::Unclear,
        says => says,
    }
}

/// Whether the policy of a role lets Scheduler assume it, for the schedules of this group.
///
/// `aws:SourceArn` is the group's
/// (<https://docs.aws.amazon.com/scheduler/latest/UserGuide/cross-service-confused-deputy-prevention.html>).
pub(crate) fn trusts(policy: &Value, service: &str, group: &str) -> Says {
    allows(policy, service, "sts:AssumeRole", group)
}

fn names(principal: &Value, service: &str) -> bool {
    if principal == "*" {
        return true;
    }
    let services = list(&principal["Service"]);
    services.iter().any(|it| it.as_str() == Some(service)) || list(&principal["AWS"]).iter().any(|it| *it == "*")
}

fn conditions(condition: &Value, source: &str, account: &str) -> Says {
    let mut says = Says::Yes;
    for (operator, keys) in condition.as_object().into_iter().flatten() {
        for (key, values) in keys.as_object().into_iter().flatten() {
            let text = match key.to_ascii_lowercase().as_str() {
                "aws:sourcearn" => Some(source),
                "aws:sourceaccount" => Some(account),
                _ => None,
            };
            let is_like = matches!(operator.as_str(), "ArnEquals" | "ArnLike" | "StringLike");
            let is_equal = is_like || operator == "StringEquals";
            // Only in the others `*` stands for something
            // (<https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html>).
            let meets = |value: &Value, text: &str| {
                if is_like {
                    fits(value, text)
                } else {
                    value.as_str() == Some(text)
                }
            };
            // Calls of AWS's services come over TLS.
            let is_of_tls = key.eq_ignore_ascii_case("aws:SecureTransport") && operator == "Bool";
            match (text.filter(|_| is_equal), is_of_tls) {
                // `?` stands for one character, which is not read.
                (Some(_), _)
                    if is_like
                        && list(values)
                            .iter()
                            .any(|it| it.as_str().is_some_and(|it| it.contains('?'))) =>
                {
                    says = Says::Unclear;
                }
                (Some(text), _) if list(values).iter().any(|value| meets(value, text)) => {}
                (Some(_), _) => return Says::No,
                (None, true)
                    if list(values)
                        .iter()
                        .any(|value| **value == true || value.as_str() == Some("true")) => {}
                (None, true) => return Says::No,
                (None, false) => says = Says::Unclear,
            }
        }
    }
    says
}

/// One item, or a list of them.
fn list(value: &Value) -> Vec<&Value> {
    match value {
        Value::Array(items) => items.iter().collect(),
        Value::Null => Vec::new(),
        one => vec![one],
    }
}

/// `*` stands for any characters.
fn fits(pattern: &Value, text: &str) -> bool {
    let pattern = pattern.as_str().unwrap_or_default();
    let mut parts = pattern.split('*');
    let Some(mut rest) = parts.next().and_then(|first| strip(text, first)) else {
        return false;
    };
    let mut last = None;
    for part in parts {
        last = Some(part);
        match rest.find(&part.to_ascii_lowercase()) {
            Some(at) => rest = rest.split_off(at + part.len()),
            None => return false,
        }
    }
    match last {
        None => rest.is_empty(),
        Some("") => true,
        Some(part) => text.to_ascii_lowercase().ends_with(&part.to_ascii_lowercase()),
    }
}

fn strip(text: &str, first: &str) -> Option<String> {
    let rest = text.to_ascii_lowercase();
    rest.strip_prefix(&first.to_ascii_lowercase()).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const RULE: &str = "arn:aws:events:us-east-1:111122223333:rule/start-engines-requests";

    fn policy(statement: Value) -> Value {
        json!({"Version": "2012-10-17", "Statement": [statement]})
    }

    fn says(statement: Value) -> Says {
        allows(
            &policy(statement),
            "events.amazonaws.com",
            "lambda:InvokeFunction",
            RULE,
        )
    }

    #[test]
    fn a_statement_counts_for_its_principal_action_and_source() {
        let sound = json!({"Effect": "Allow", "Principal": {"Service": "events.amazonaws.com"},
            "Action": "lambda:InvokeFunction", "Condition": {"ArnLike": {"AWS:SourceArn": RULE}}});
        assert_eq!(says(sound.clone()), Says::Yes);
        for (field, value) in [
            ("Principal", json!({"Service": "s3.amazonaws.com"})),
            ("Action", json!(["lambda:GetFunction"])),
            (
                "Condition",
                json!({"ArnLike": {"AWS:SourceArn": format!("{RULE}-other")}}),
            ),
        ] {
            let mut other = sound.clone();
            other[field] = value;
            assert_eq!(says(other), Says::No, "{field}");
        }
        let mut other = sound.clone();
        other["Condition"] = json!({"StringEquals": {"aws:PrincipalOrgID": "o-1"}});
        assert_eq!(says(other), Says::Unclear);
        assert_eq!(
            allows(&json!({}), "events.amazonaws.com", "lambda:InvokeFunction", RULE),
            Says::No
        );
    }

    #[test]
    fn a_star_is_a_character_in_string_equals_and_a_denial_that_is_not_understood_is_unclear() {
        let with = |operator: &str, source: &str| {
            json!({"Effect": "Allow", "Principal": {"Service": "events.amazonaws.com"},
                "Action": "lambda:InvokeFunction", "Condition": {operator: {"aws:SourceArn": source}}})
        };
        let any = "arn:aws:events:us-east-1:111122223333:rule/*";
        for (operator, expected) in [
            ("StringEquals", Says::No),
            ("StringLike", Says::Yes),
            ("ArnEquals", Says::Yes),
            ("ArnLike", Says::Yes),
        ] {
            assert_eq!(says(with(operator, any)), expected, "{operator}");
        }
        let deny = json!({"Effect": "Deny", "Principal": "*", "Action": "*",
            "Condition": {"StringNotEquals": {"aws:SourceVpce": "vpce-1"}}});
        let policy = json!({"Statement": [deny, with("ArnEquals", RULE)]});
        let says = |policy: &Value| allows(policy, "events.amazonaws.com", "lambda:InvokeFunction", RULE);
        assert_eq!(says(&policy), Says::Unclear);
        let others = json!({"Effect": "Deny", "Principal": "*", "NotAction": ["lambda:GetFunction"]});
        assert_eq!(
            says(&json!({"Statement": [others, with("ArnEquals", RULE)]})),
            Says::Unclear
        );
        let one = RULE.replace("requests", "request?");
        assert_eq!(says(&json!({"Statement": [with("ArnLike", &one)]})), Says::Unclear);
    }

    #[test]
    fn scheduler_is_trusted_for_its_group_and_account() {
        let group = "arn:aws:scheduler:us-east-1:111122223333:schedule-group/start-engines";
        let trust = |account: &str, source: &str| {
            policy(
                json!({"Effect": "Allow", "Principal": {"Service": "scheduler.amazonaws.com"},
                "Action": ["sts:AssumeRole"],
                "Condition": {"StringEquals": {"aws:SourceAccount": account, "aws:SourceArn": source}}}),
            )
        };
        let says = |policy: &Value| trusts(policy, "scheduler.amazonaws.com", group);
        assert_eq!(says(&trust("111122223333", group)), Says::Yes);
        assert_eq!(says(&trust("444455556666", group)), Says::No);
        assert_eq!(says(&trust("111122223333", &format!("{group}-other"))), Says::No);
    }

    #[test]
    fn what_denies_calls_without_tls_denies_no_service() {
        let deny = json!({"Effect": "Deny", "Principal": "*", "Action": ["sqs:*"],
            "Condition": {"Bool": {"aws:SecureTransport": "false"}}});
        let allow = json!({"Effect": "Allow", "Principal": {"Service": "events.amazonaws.com"}, "Action": ["sqs:SendMessage"],
            "Condition": {"ArnEquals": {"aws:SourceArn": [RULE]}}});
        let both = |deny: Value| {
            let policy = json!({"Statement": [allow.clone(), deny]});
            allows(&policy, "events.amazonaws.com", "sqs:SendMessage", RULE)
        };
        assert_eq!(both(deny.clone()), Says::Yes);
        let mut always = deny;
        always["Condition"] = json!({});
        assert_eq!(both(always), Says::No);
    }

    #[test]
    fn a_star_stands_for_anything() {
        for (pattern, text, does) in [
            ("arn:*:rule/a*", "arn:aws:events:rule/ab", true),
            ("arn:*:rule/a", "arn:aws:events:rule/ab", false),
            ("*", "", true),
            ("sqs:*", "SQS:SendMessage", true),
            ("a*b*c", "abbc", true),
            ("a*b*c", "ac", false),
        ] {
            assert_eq!(fits(&json!(pattern), text), does, "{pattern} {text}");
        }
    }
}
