//! A certificate for `localhost`, the authority that signed it and has no key any more, and the authorities that sign
//! Amazon's certificates.

/// The path of the authority's certificate, in PEM.
pub const AUTHORITY: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tls/authority.pem");
/// The path of the certificates of Amazon's authorities, in PEM.
pub const AMAZON: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tls/amazon-roots.pem");
/// The chain of `localhost`, in PEM.
pub const CHAIN: &[u8] = include_bytes!("../tls/localhost.pem");
/// The key of `localhost`, in PEM.
pub const KEY: &[u8] = include_bytes!("../tls/localhost.key.pem");
