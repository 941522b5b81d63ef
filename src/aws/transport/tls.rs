//! The trusted root certificates: Mozilla's, as of the build.
//!
//! Amazon Trust Services asks those with a trust store of their own to hold
//! [all five of its roots](https://www.amazontrust.com/repository/), and not to pin: Mozilla's have them, and those of
//! other partitions. A private CA is trusted through `AWS_CA_BUNDLE`, a PEM file that then replaces all others, as it does
//! for [the AWS CLI](https://docs.aws.amazon.com/cli/v1/userguide/cli-configure-envvars.html), or in addition to the others
//! through `SSL_CERT_FILE`. The system's own store is not read: its 140 roots are PEM, and every cold start would decode
//! them.
//!
//! The alternative that was measured: Amazon's five roots as DER, and a verifier that asks the system's store about other
//! issuers. By `make budget` on x86_64, webpki-roots in their place takes 22 KB more of the zip (2,396,182 bytes after 2,374,184), one
//! dependency less (139 after 140), and 0.8 % fewer instructions of a cold start (1,364,510 after 1,376,030): its roots
//! are parsed already.
//!
//! Key exchange and signatures are ring's: X25519 and the NIST curves, no post-quantum hybrid. That would take
//! aws-lc, whose jitter entropy is most of the CPU of a cold start of the build with all defaults in `make bench`.
//! The requests are signed, and contain names of tasks, addresses and overrides. Secrets that must stay secret from a
//! future quantum computer do not belong in overrides; use ECS's own `secrets`.

use std::path::Path;
use std::sync::Arc;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};

/// A TLS configuration that trusts only the certificates in `bundle`, or without one Mozilla's roots and those in the file
/// `besides`.
///
/// # Errors
/// If the bundle cannot be read or contains no certificate.
pub(crate) fn client_config(bundle: Option<&Path>, besides: Option<&Path>) -> Result<ClientConfig, String> {
    let mut roots = RootCertStore::empty();
    if let Some(bundle) = bundle {
        add(&mut roots, bundle)?;
        if roots.is_empty() {
            return Err("it contains no certificate".to_owned());
        }
    } else {
        roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
        // An image may set it to a file that is empty or missing, as Lambda's .NET image does.
        let _ = besides.map(|besides| add(&mut roots, besides));
    }
    let mut config = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(config)
}

/// Adds the valid certificates of a PEM file.
fn add(roots: &mut RootCertStore, path: &Path) -> Result<(), String> {
    let pem = std::fs::read(path).map_err(|error| error.to_string())?;
    let certificates: Vec<CertificateDer<'static>> = CertificateDer::pem_slice_iter(&pem)
        .collect::<Result<_, _>>()
        .map_err(|error| error.to_string())?;
    roots.add_parsable_certificates(certificates);
    Ok(())
}

#[cfg(test)]
mod tests {
    use sha2::{Digest, Sha256};

    use super::*;

    /// The hash of a root's `subjectPublicKeyInfo`; webpki keeps its content without the sequence header.
    fn hash(content: &[u8]) -> String {
        let [high, low] = u16::try_from(content.len()).unwrap().to_be_bytes();
        let header: &[u8] = match content.len() {
            ..0x80 => &[0x30, low],
            0x80..0x100 => &[0x30, 0x81, low],
            _ => &[0x30, 0x82, high, low],
        };
        let hash = Sha256::new().chain_update(header).chain_update(content).finalize();
        hash.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    #[test]
    fn all_roots_that_amazon_trust_services_publishes_are_trusted() {
        let published = [
            "fbe3018031f9586bcbf41727e417b7d1c45c2f47f93be372a17b96b50757d5a2",
            "7f4296fc5b6a4e3b35d3c369623e364ab1af381d8fa7121533c9d6c633ea2461",
            "36abc32656acfc645c61b71613c4bf21c787f5cabbee48348d58597803d7abc9",
            "f7ecded5c66047d28ed6466b543c40e0743abe81d109254dcf845d4c2c7853c5",
            "2b071c59a0a0ae76b0eadb2bad23bad4580b69c3601b630c2eaf0613afa83f92",
        ];
        let roots = webpki_roots::TLS_SERVER_ROOTS.iter();
        let trusted: Vec<String> = roots.map(|root| hash(&root.subject_public_key_info)).collect();
        for root in published {
            assert!(trusted.iter().any(|hash| hash == root), "{root}");
        }
    }

    #[test]
    fn a_bundle_without_a_certificate_is_an_error_and_what_is_trusted_besides_may_be_none() {
        for none in ["/nowhere/bundle.pem", "Cargo.toml"].map(Path::new) {
            assert!(client_config(Some(none), None).is_err());
            assert!(client_config(None, Some(none)).is_ok());
        }
    }
}
