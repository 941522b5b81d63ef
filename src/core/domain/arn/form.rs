//! The form that names and ARNs share.

/// Why a text is not the name or ARN it should be: the rule it breaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Malformed(pub(crate) &'static str);

/// The part that all ARNs of one account and region share.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Scope {
    /// `aws`, `aws-cn`, `aws-us-gov`...
    pub partition: String,
    /// `us-east-1`...
    pub region: String,
    /// Twelve digits.
    pub account: String,
}

impl Scope {
    pub(super) fn arn(&self, service: &str, resource: &str) -> String {
        format!(
            "arn:{}:{service}:{}:{}:{resource}",
            self.partition, self.region, self.account
        )
    }
}

/// Splits an ARN of `service` into its scope and resource.
pub(super) fn split_arn<'a>(text: &'a str, service: &str) -> Option<(Scope, &'a str)> {
    let mut parts = text.splitn(6, ':');
    let (arn, partition, found) = (parts.next()?, parts.next()?, parts.next()?);
    let (region, account, resource) = (parts.next()?, parts.next()?, parts.next()?);
    let plain = |text: &str| !text.is_empty() && text.bytes().all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'-'));
    let digits = account.len() == 12 && account.bytes().all(|b| b.is_ascii_digit());
    let sound = arn == "arn" && partition.starts_with("aws") && plain(partition) && plain(region) && digits;
    (sound && found == service).then(|| {
        let scope = Scope {
            partition: partition.into(),
            region: region.into(),
            account: account.into(),
        };
        (scope, resource)
    })
}

// A copy is a pointer: hundreds of tasks are looked at for each of hundreds of events.
macro_rules! text_type {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(std::sync::Arc<str>);

        impl $name {
            /// As it was written.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl std::fmt::Debug for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                write!(f, "{}({})", stringify!($name), self.0)
            }
        }
    };
}

pub(super) use text_type;
