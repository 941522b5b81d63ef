//! An event bus of EventBridge, by name or by ARN.

use std::str::FromStr;

use super::form::{Malformed, split_arn, text_type};

text_type! {
    /// An event bus by name or by ARN, as PutEvents accepts either
    /// ([PutEventsRequestEntry](https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_PutEventsRequestEntry.html)).
    EventBus
}

impl FromStr for EventBus {
    type Err = Malformed;

    fn from_str(text: &str) -> Result<Self, Malformed> {
        let name = split_arn(text, "events").and_then(|arn| arn.resource.strip_prefix("event-bus/"));
        let name = if text.starts_with("arn:") {
            name.unwrap_or_default()
        } else {
            text
        };
        let allowed = |b: u8| b.is_ascii_alphanumeric() || b"/.-_".contains(&b);
        if (1..=256).contains(&name.len()) && name.bytes().all(allowed) {
            Ok(Self(text.into()))
        } else {
            Err(Malformed(
                "must be the name of an event bus, or its ARN (arn:aws:events:REGION:ACCOUNT:event-bus/NAME)",
            ))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bus_has_a_name_or_an_arn() {
        for good in [
            "default",
            "app.bus/x_1",
            "arn:aws:events:us-east-1:111122223333:event-bus/app",
        ] {
            assert_eq!(good.parse::<EventBus>().unwrap().as_str(), good);
        }
        for bad in [
            "",
            "a bus",
            "arn:aws:events:us-east-1:111122223333:rule/app",
            "arn:aws:sqs:us-east-1:111122223333:app",
            "arn:aws:events:us-east-1:111122223333:event-bus/",
        ] {
            assert!(bad.parse::<EventBus>().is_err(), "{bad}");
        }
    }
}
