//! The one table of error texts, for error codes that stand for several causes which only the text distinguishes.
//!
//! Must stay small, because texts can change at any time. For a text that is not in the table the code decides, as
//! for every other error.

use super::error::ErrorKind;

/// An error whose text says more than its code.
struct KnownText {
    /// The operation; `None` for any operation.
    operation: Option<&'static str>,
    codes: &'static [&'static str],
    /// A part of the text.
    text: &'static str,
    kind: ErrorKind,
}

/// The codes with which ECS passes on an error of EC2.
const WRAPPERS: &[&str] = &["InvalidParameterException", "ClientException", "ServerException"];
/// What precedes EC2's own code in such a text: "Error retrieving subnet information for \[subnet-...\]: Rate
/// exceeded (ErrorCode: Throttling)", <https://github.com/dagster-io/dagster/issues/33439>.
const INNER_CODE: &str = "(ErrorCode: ";

const TABLE: &[KnownText] = &[
    // The launch types EC2 and EXTERNAL in a cluster without container instances. A cluster without room answers
    // with failures instead: https://github.com/boto/boto3/issues/2862, https://github.com/aws/aws-cdk/issues/30171.
    KnownText {
        operation: Some("RunTask"),
        codes: &["InvalidParameterException"],
        text: "No Container Instances were found in your cluster",
        kind: ErrorKind::NoCapacity,
    },
    // The same for a capacity provider without managed scaling, as in service events:
    // https://docs.aws.amazon.com/AmazonECS/latest/developerguide/service-event-messages-list.html.
    KnownText {
        operation: Some("RunTask"),
        codes: &["InvalidParameterException"],
        text: "No Container Instances were found in your capacity provider",
        kind: ErrorKind::NoCapacity,
    },
    // The quota of tasks in PROVISIONING, in a cluster with a scaling capacity provider. RunTask's reference has the
    // case (https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_RunTask.html), reports have the text:
    // https://github.com/DIAGNijmegen/rse-grand-challenge/pull/2013.
    KnownText {
        operation: Some("RunTask"),
        codes: &["ClientException"],
        text: "provisioning capacity limit exceeded",
        kind: ErrorKind::NoCapacity,
    },
    // EC2 throttles ECS: https://github.com/dagster-io/dagster/issues/33439.
    KnownText {
        operation: None,
        codes: WRAPPERS,
        text: "Rate exceeded",
        kind: ErrorKind::Throttled,
    },
    // The same in EC2's older wording: https://github.com/reproio/wrapbox/issues/32,
    // https://github.com/dask/dask-cloudprovider/issues/56.
    KnownText {
        operation: None,
        codes: WRAPPERS,
        text: "Request limit exceeded",
        kind: ErrorKind::Throttled,
    },
];

/// The kind of an error of AWS: by its text if it is in the table, else by its code, else by the HTTP status.
#[must_use]
pub fn kind_of(operation: &str, code: Option<&str>, message: &str, status: u16) -> ErrorKind {
    by_text(operation, code, message).unwrap_or_else(|| ErrorKind::of_code(code, status))
}

/// The kind of an error by its text, if the text says more than the code.
fn by_text(operation: &str, code: Option<&str>, message: &str) -> Option<ErrorKind> {
    let code = code?;
    let known = TABLE.iter().find(|known| {
        known.operation.is_none_or(|only| only == operation)
            && known.codes.contains(&code)
            && message.contains(known.text)
    });
    known
        .map(|known| known.kind)
        .or_else(|| WRAPPERS.contains(&code).then(|| inner(message)).flatten())
}

/// EC2's own error inside ECS's, if it is transient, as an internal error is
/// (<https://github.com/reproio/wrapbox/issues/43>). For other errors, as of a subnet, ECS's code decides.
fn inner(message: &str) -> Option<ErrorKind> {
    let (_, rest) = message.split_once(INNER_CODE)?;
    let (code, _) = rest.split_once(')')?;
    let kind = ErrorKind::of_code(Some(code), 400);
    matches!(kind, ErrorKind::Throttled | ErrorKind::Server).then_some(kind)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_distinguish_the_causes_of_one_code() {
        let rows = [
            (
                "RunTask",
                "InvalidParameterException",
                "No Container Instances were found in your cluster.",
                Some(ErrorKind::NoCapacity),
            ),
            (
                "RunTask",
                "InvalidParameterException",
                "No Container Instances were found in your capacity provider.",
                Some(ErrorKind::NoCapacity),
            ),
            (
                "RunTask",
                "ClientException",
                "Tasks provisioning capacity limit exceeded.",
                Some(ErrorKind::NoCapacity),
            ),
            (
                "RunTask",
                "InvalidParameterException",
                "Error retrieving subnet information for [subnet-0a1b2c3d]: Rate exceeded (ErrorCode: Throttling)",
                Some(ErrorKind::Throttled),
            ),
            (
                "RunTask",
                "InvalidParameterException",
                "Error retrieving security group information for [sg-0a1b2c3d]: Request limit exceeded. (ErrorCode: RequestLimitExceeded)",
                Some(ErrorKind::Throttled),
            ),
            (
                "RunTask",
                "ClientException",
                "com.amazonaws.services.ec2.model.AmazonEC2Exception: Request limit exceeded.",
                Some(ErrorKind::Throttled),
            ),
            (
                "StopTask",
                "ServerException",
                "Rate exceeded",
                Some(ErrorKind::Throttled),
            ),
            (
                "RunTask",
                "InvalidParameterException",
                "Error retrieving security group information for [sg-0a1b2c3d]: An internal error has occurred (ErrorCode: InternalError)",
                Some(ErrorKind::Server),
            ),
            (
                "RunTask",
                "InvalidParameterException",
                "Error retrieving subnet information for [subnet-0a1b2c3d]: The server is overloaded (ErrorCode: Unavailable)",
                Some(ErrorKind::Server),
            ),
            // Similar texts that are not in the table.
            (
                "RunTask",
                "InvalidParameterException",
                "Error retrieving subnet information for [subnet-0a1b2c3d]: it does not exist (ErrorCode: InvalidSubnetID.NotFound)",
                None,
            ),
            (
                "RunTask",
                "InvalidParameterException",
                "TaskDefinition not found.",
                None,
            ),
            (
                "StopTask",
                "InvalidParameterException",
                "No Container Instances were found in your cluster.",
                None,
            ),
            ("RunTask", "AccessDeniedException", "Rate exceeded", None),
            ("RunTask", "ClientException", "(ErrorCode: ", None),
        ];
        for (operation, code, message, kind) in rows {
            assert_eq!(
                by_text(operation, Some(code), message),
                kind,
                "{operation} {code}: {message}"
            );
        }
        assert_eq!(by_text("RunTask", None, "Rate exceeded"), None);
    }
}
