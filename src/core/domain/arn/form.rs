//! What the types of names and ARNs share.

/// The rule that a name or an ARN breaks, as a problem shows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Malformed(pub(crate) &'static str);

/// Partition, region and account of an ARN.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Scope {
    /// The partition: `aws`, `aws-cn`, `aws-us-gov`...
    pub partition: String,
    /// The region: `us-east-1`...
    pub region: String,
    /// The account id, twelve digits.
    pub account: String,
}

impl Scope {
    pub(super) fn arn(&self, service: &str, resource: std::fmt::Arguments<'_>) -> String {
        format!(
            "arn:{}:{service}:{}:{}:{resource}",
            self.partition, self.region, self.account
        )
    }
}

/// The parts of an ARN.
pub(super) struct Parts<'a> {
    partition: &'a str,
    region: &'a str,
    account: &'a str,
    pub(super) resource: &'a str,
}

impl Parts<'_> {
    pub(super) fn scope(&self) -> Scope {
        Scope {
            partition: self.partition.into(),
            region: self.region.into(),
            account: self.account.into(),
        }
    }
}

/// Splits an ARN of `service` into its parts; `None` if it is not such an ARN.
pub(super) fn split_arn<'a>(text: &'a str, service: &str) -> Option<Parts<'a>> {
    let mut parts = text.splitn(6, ':');
    let (arn, partition, found) = (parts.next()?, parts.next()?, parts.next()?);
    let (region, account, resource) = (parts.next()?, parts.next()?, parts.next()?);
    let plain = |text: &str| !text.is_empty() && text.bytes().all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'-'));
    let digits = account.len() == 12 && account.bytes().all(|b| b.is_ascii_digit());
    let is_valid = arn == "arn" && partition.starts_with("aws") && plain(partition) && plain(region) && digits;
    (is_valid && found == service).then_some(Parts {
        partition,
        region,
        account,
        resource,
    })
}

// An `Arc`, so that a clone only copies a pointer: hundreds of events each compare hundreds of tasks.
macro_rules! text_type {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(std::sync::Arc<str>);

        impl $name {
            /// The text as it was given.
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
