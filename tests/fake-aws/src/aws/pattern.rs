//! Event patterns, as far as the component's go
//! ([operators](https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-create-pattern-operators.html)). An operator that
//! is not known here fails the test.

use serde_json::Value;

/// Whether an event, or an object in it, has what a pattern asks for.
pub(super) fn matches(pattern: &Value, event: &Value) -> bool {
    pattern
        .as_object()
        .into_iter()
        .flatten()
        .all(|(name, wanted)| match wanted {
            Value::Array(ways) if name == "$or" => ways.iter().any(|way| matches(way, event)),
            Value::Array(items) => items.iter().any(|item| is(item, event.get(name))),
            Value::Object(_) => event.get(name).is_some_and(|inner| matches(wanted, inner)),
            other => panic!("{other} is no part of a pattern"),
        })
}

fn is(item: &Value, value: Option<&Value>) -> bool {
    let Value::Object(operator) = item else {
        return value == Some(item);
    };
    operator.iter().all(|(name, of)| match name.as_str() {
        "exists" => Some(value.is_some()) == of.as_bool(),
        "prefix" => value
            .and_then(Value::as_str)
            .zip(of.as_str())
            .is_some_and(|(text, begin)| text.starts_with(begin)),
        // It does not match what is absent.
        "anything-but" => value.is_some_and(|value| match of {
            Value::Array(others) => !others.contains(value),
            other => other != value,
        }),
        other => panic!("this fake does not know the operator {other}"),
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn operators_are_those_of_eventbridge() {
        let pattern = json!({"source": ["a", "b"], "detail": {"by": [{"prefix": "x/"}], "$or": [
            {"last": [{"anything-but": ["GONE"]}]}, {"code": [{"exists": false}], "last": ["GONE"]}]}});
        for (event, does) in [
            (json!({"source": "b", "detail": {"by": "x/1", "last": "RUNNING"}}), true),
            (json!({"source": "b", "detail": {"by": "x/1", "last": "GONE"}}), true),
            (
                json!({"source": "b", "detail": {"by": "x/1", "last": "GONE", "code": "1"}}),
                false,
            ),
            // `anything-but` does not match what is absent.
            (json!({"source": "b", "detail": {"by": "x/1"}}), false),
            (
                json!({"source": "b", "detail": {"by": "y/1", "last": "RUNNING"}}),
                false,
            ),
            (
                json!({"source": "c", "detail": {"by": "x/1", "last": "RUNNING"}}),
                false,
            ),
            (json!({"source": "b"}), false),
        ] {
            assert_eq!(matches(&pattern, &event), does, "{event}");
        }
    }
}
