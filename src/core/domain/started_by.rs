//! `startedBy`: the targets of a task, stored where a stop can still read them.
//!
//! It is in every state change and, unlike the tags, survives StopTask. The format is
//! `start-engines/<name>/<id>/<port>[/<name>/<id>/<port>...]`, or `start-engines/-` for a task
//! without targets. RunTask accepts at most 128 characters of `[A-Za-z0-9-/_]` ([RunTask]), so region, account and
//! partition come from the task's ARN.
//!
//! [RunTask]: https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_RunTask.html

use super::arn::{Port, Scope, TargetGroupArn};
use super::target::Attachment;

/// How each `startedBy` of start-engines begins; the event pattern of the rule filters on it.
pub const PREFIX: &str = "start-engines/";
/// The longest `startedBy` that RunTask accepts.
pub const MAX_CHARACTERS: usize = 128;

/// The targets do not fit into `startedBy`; holds the number of characters that they need.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "the targets need {0} characters of startedBy, which has {MAX_CHARACTERS}: use fewer targets or shorter target group names"
)]
pub struct TooLong(pub usize);

/// Why no targets can be read from a `startedBy`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum DecodeError {
    /// It does not have the prefix: the task was not started by start-engines, nor for it to adopt.
    #[error("the task was not started by start-engines")]
    Foreign,
    /// It has the prefix, but what follows is not in the format.
    #[error("startedBy begins with start-engines/, but does not continue with <name>/<id>/<port> for each target")]
    Malformed,
}

/// The `startedBy` for these targets.
///
/// # Errors
/// If it would have more than [`MAX_CHARACTERS`].
pub fn encode(attachments: &[Attachment]) -> Result<String, TooLong> {
    let parts: Vec<String> = attachments
        .iter()
        .map(|attachment| {
            format!(
                "{}/{}/{}",
                attachment.group.name(),
                attachment.group.id(),
                attachment.port
            )
        })
        .collect();
    let text = format!(
        "{PREFIX}{}",
        if parts.is_empty() {
            "-".to_owned()
        } else {
            parts.join("/")
        }
    );
    if text.len() > MAX_CHARACTERS {
        Err(TooLong(text.len()))
    } else {
        Ok(text)
    }
}

/// The targets in a `startedBy` of a task in `scope`. They have no container name: `startedBy` has no room for it.
///
/// # Errors
/// If the text does not have the prefix or the format.
pub fn decode(text: &str, scope: &Scope) -> Result<Vec<Attachment>, DecodeError> {
    let rest = text.strip_prefix(PREFIX).ok_or(DecodeError::Foreign)?;
    if rest == "-" {
        return Ok(Vec::new());
    }
    let parts: Vec<&str> = rest.split('/').collect();
    if !parts.len().is_multiple_of(3) {
        return Err(DecodeError::Malformed);
    }
    parts
        .chunks_exact(3)
        .map(|part| attachment(scope, part[0], part[1], part[2]).ok_or(DecodeError::Malformed))
        .collect()
}

fn attachment(scope: &Scope, name: &str, id: &str, port: &str) -> Option<Attachment> {
    let group = TargetGroupArn::from_parts(scope, name, id).ok()?;
    let port: Port = port.parse().ok()?;
    Some(Attachment {
        group,
        port,
        container: None,
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn scope() -> Scope {
        Scope {
            partition: "aws".into(),
            region: "us-east-1".into(),
            account: "111122223333".into(),
        }
    }

    fn group(name: &str, id: &str) -> TargetGroupArn {
        TargetGroupArn::from_parts(&scope(), name, id).unwrap()
    }

    #[test]
    fn the_form_is_a_contract() {
        let auth = Attachment {
            group: group("auth", "73e2d6bc24d8a067"),
            port: "8080".parse().unwrap(),
            container: None,
        };
        let nlb = Attachment {
            group: group("auth-nlb", "9f1c2b3a4d5e6f70"),
            port: "9090".parse().unwrap(),
            container: None,
        };
        assert_eq!(encode(&[]).unwrap(), "start-engines/-");
        assert_eq!(
            encode(std::slice::from_ref(&auth)).unwrap(),
            "start-engines/auth/73e2d6bc24d8a067/8080"
        );
        assert_eq!(
            encode(&[auth, nlb]).unwrap(),
            "start-engines/auth/73e2d6bc24d8a067/8080/auth-nlb/9f1c2b3a4d5e6f70/9090"
        );
    }

    #[test]
    fn targets_that_do_not_fit_are_refused() {
        let long = Attachment {
            group: group(&"n".repeat(32), "73e2d6bc24d8a067"),
            port: "65535".parse().unwrap(),
            container: None,
        };
        assert!(encode(&vec![long.clone(); 2]).is_ok());
        assert_eq!(encode(&vec![long; 3]), Err(TooLong(181)));
    }

    #[test]
    fn what_others_wrote_is_foreign_or_malformed() {
        assert_eq!(decode("ecs-svc/123", &scope()), Err(DecodeError::Foreign));
        assert_eq!(decode("", &scope()), Err(DecodeError::Foreign));
        for text in [
            "start-engines/",
            "start-engines/a",
            "start-engines/a/b/0",
            "start-engines/a/b/80/c",
            "start-engines//b/80",
        ] {
            assert_eq!(decode(text, &scope()), Err(DecodeError::Malformed), "{text}");
        }
    }

    proptest! {
        #[test]
        fn what_is_encoded_is_decoded(targets in prop::collection::vec(("[A-Za-z0-9-]{1,20}", "[0-9a-f]{16}", 1..=65535_i64), 0..3)) {
            let attachments: Vec<Attachment> = targets
                .iter()
                .map(|(name, id, port)| Attachment { group: group(name, id), port: Port::try_from(*port).unwrap(), container: None })
                .collect();
            let text = encode(&attachments).unwrap();
            prop_assert!(text.bytes().all(|b| b.is_ascii_alphanumeric() || b"-/_".contains(&b)));
            prop_assert_eq!(decode(&text, &scope()).unwrap(), attachments);
        }

        #[test]
        fn no_text_makes_the_decoder_panic(text in "\\PC*") {
            let _ = decode(&text, &scope());
            let _ = decode(&format!("{PREFIX}{text}"), &scope());
        }
    }
}
