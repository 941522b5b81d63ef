//! What AWS tells by an error's text alone, where one code stands for several things: the one table of such
//! texts.
//!
//! Must stay small: a text can change any day. Where one is not known any more, the code decides, as for
//! every other error.

use super::error::ErrorKind;

/// An error that is more than its code tells.
struct Told {
    /// Of which operation; of any that has these codes, if none is named.
    operation: Option<&'static str>,
    codes: &'static [&'static str],
    /// What its text has in it.
    text: &'static str,
    kind: ErrorKind,
}

/// The codes in which ECS hands on what EC2 has answered to it.
const WRAPPERS: &[&str] = &["InvalidParameterException", "ClientException", "ServerException"];
/// In front of EC2's own code, in such a text: "Error retrieving subnet information for \[subnet-...\]: Rate
/// exceeded (ErrorCode: Throttling)", <https://github.com/dagster-io/dagster/issues/33439>.
const INNER_CODE: &str = "(ErrorCode: ";

const TABLE: &[Told] = &[
    // Launch type EC2 or EXTERNAL in a cluster at zero instances raises this, where one without room answers
    // with failures: https://github.com/boto/boto3/issues/2862, https://github.com/aws/aws-cdk/issues/30171.
    Told {
        operation: Some("RunTask"),
        codes: &["InvalidParameterException"],
        text: "No Container Instances were found in your cluster",
        kind: ErrorKind::NoCapacity,
    },
    // The same of a capacity provider without managed scaling, as services tell it:
    // https://docs.aws.amazon.com/AmazonECS/latest/developerguide/service-event-messages-list.html.
    Told {
        operation: Some("RunTask"),
        codes: &["InvalidParameterException"],
        text: "No Container Instances were found in your capacity provider",
        kind: ErrorKind::NoCapacity,
    },
    // The quota of tasks in PROVISIONING of a cluster whose capacity provider scales. RunTask's reference names
    // the case (https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_RunTask.html), and others the text:
    // https://github.com/DIAGNijmegen/rse-grand-challenge/pull/2013.
    Told {
        operation: Some("RunTask"),
        codes: &["ClientException"],
        text: "provisioning capacity limit exceeded",
        kind: ErrorKind::NoCapacity,
    },
    // EC2 throttles ECS: https://github.com/dagster-io/dagster/issues/33439.
    Told {
        operation: None,
        codes: WRAPPERS,
        text: "Rate exceeded",
        kind: ErrorKind::Throttled,
    },
    // The same in EC2's older words: https://github.com/reproio/wrapbox/issues/32,
    // https://github.com/dask/dask-cloudprovider/issues/56.
    Told {
        operation: None,
        codes: WRAPPERS,
        text: "Request limit exceeded",
        kind: ErrorKind::Throttled,
    },
];

/// What an error of AWS means: by its text where it is in the table here, else by its code, else by the HTTP status.
#[must_use]
pub fn kind_of(operation: &str, code: Option<&str>, message: &str, status: u16) -> ErrorKind {
    told(operation, code, message).unwrap_or_else(|| ErrorKind::of_code(code, status))
}

/// What the text of an error tells beyond its code.
fn told(operation: &str, code: Option<&str>, message: &str) -> Option<ErrorKind> {
    let code = code?;
    let by_text = TABLE.iter().find(|told| {
        told.operation.is_none_or(|only| only == operation) && told.codes.contains(&code) && message.contains(told.text)
    });
    by_text
        .map(|told| told.kind)
        .or_else(|| WRAPPERS.contains(&code).then(|| inner(message)).flatten())
}

/// EC2's own error inside of ECS's, if it passes: its own failure, say
/// (<https://github.com/reproio/wrapbox/issues/43>). What is wrong with a subnet stays ECS's own word.
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
    fn texts_tell_apart_what_one_code_stands_for() {
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
            // What only looks like it.
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
                told(operation, Some(code), message),
                kind,
                "{operation} {code}: {message}"
            );
        }
        assert_eq!(told("RunTask", None, "Rate exceeded"), None);
    }
}
