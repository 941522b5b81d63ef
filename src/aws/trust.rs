//! Whom TLS trusts: Amazon's own roots first, then the machine's.
//!
//! Amazon Trust Services asks those with a trust store of their own to hold
//! [all five of its roots](https://www.amazontrust.com/repository/), and not to pin. So the five are in the
//! binary, which is what each connection to AWS needs, and only a certificate of another issuer (another
//! partition, a private endpoint, a root yet to come) has the machine's 140 roots read and asked. A
//! private CA is trusted through `AWS_CA_BUNDLE`, a PEM file that then replaces all others, as it does for
//! [the AWS CLI](https://docs.aws.amazon.com/cli/v1/userguide/cli-configure-envvars.html), or where the
//! machine's store has it (`SSL_CERT_FILE`).
//!
//! Key exchange and signatures are ring's: X25519 and the NIST curves, no post-quantum hybrid. That would take
//! aws-lc, whose jitter entropy is most of the CPU of a cold start of the build with all defaults in `make bench`.
//! What is sent is signed requests with names of tasks and addresses, and overrides: who holds secrets in overrides
//! that must outlast a quantum computer is better off with ECS's own `secrets`.

use std::path::Path;
use std::sync::{Arc, OnceLock};

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{CertificateError, ClientConfig, DigitallySignedStruct, Error, RootCertStore, SignatureScheme};

/// Not as PEM, whose decoding took 0.2 million instructions of each cold start.
const AMAZON: [&[u8]; 5] = [
    include_bytes!("roots/amazon-root-ca-1.der"),
    include_bytes!("roots/amazon-root-ca-2.der"),
    include_bytes!("roots/amazon-root-ca-3.der"),
    include_bytes!("roots/amazon-root-ca-4.der"),
    include_bytes!("roots/starfield-services-root-certificate-authority-g2.der"),
];

/// TLS for clients, trusting those in `bundle`, or as this module says.
///
/// # Errors
/// In words, if the bundle cannot be read or holds no certificate.
pub(super) fn client_config(bundle: Option<&Path>) -> Result<ClientConfig, String> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?;
    let mut config = match bundle {
        Some(path) => {
            let pem = std::fs::read(path).map_err(|error| error.to_string())?;
            builder
                .with_webpki_verifier(verifier(certificates(&pem)?, provider)?)
                .with_no_client_auth()
        }
        None => builder
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(AmazonFirst {
                amazon: verifier(AMAZON.map(CertificateDer::from).into(), Arc::clone(&provider))?,
                machine: OnceLock::new(),
                provider,
            }))
            .with_no_client_auth(),
    };
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(config)
}

fn certificates(pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, String> {
    CertificateDer::pem_slice_iter(pem)
        .collect::<Result<_, _>>()
        .map_err(|error| error.to_string())
}

/// A verifier that trusts those of the roots that it can read.
fn verifier(
    roots: Vec<CertificateDer<'static>>,
    provider: Arc<CryptoProvider>,
) -> Result<Arc<WebPkiServerVerifier>, String> {
    let mut store = RootCertStore::empty();
    store.add_parsable_certificates(roots);
    WebPkiServerVerifier::builder_with_provider(Arc::new(store), provider)
        .build()
        .map_err(|error| error.to_string())
}

/// The usual verification, by one store and then by another.
#[derive(Debug)]
struct AmazonFirst {
    amazon: Arc<WebPkiServerVerifier>,
    machine: OnceLock<Option<Arc<WebPkiServerVerifier>>>,
    provider: Arc<CryptoProvider>,
}

impl AmazonFirst {
    fn machine(&self) -> Option<&Arc<WebPkiServerVerifier>> {
        let read = || {
            verifier(
                rustls_native_certs::load_native_certs().certs,
                Arc::clone(&self.provider),
            )
            .ok()
        };
        self.machine.get_or_init(read).as_ref()
    }
}

impl ServerCertVerifier for AmazonFirst {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let verify = |by: &WebPkiServerVerifier| {
            by.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now)
        };
        match verify(&self.amazon) {
            Err(unknown @ Error::InvalidCertificate(CertificateError::UnknownIssuer)) => {
                self.machine().map_or(Err(unknown), |machine| verify(machine))
            }
            verified => verified,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.amazon.verify_tls12_signature(message, cert, signature)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.amazon.verify_tls13_signature(message, cert, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.amazon.supported_verify_schemes()
    }
}

#[cfg(test)]
mod tests {
    use sha2::{Digest, Sha256};

    use super::*;

    /// The element of ASN.1 at the beginning of `der`: (its header and content, its content, what follows).
    fn element(der: &[u8]) -> (&[u8], &[u8], &[u8]) {
        let (header, length) = match usize::from(der[1]) {
            short @ 0..0x80 => (2, short),
            long => {
                let header = 2 + (long & 0x7f);
                let length = der[2..header].iter().fold(0, |sum, byte| sum << 8 | usize::from(*byte));
                (header, length)
            }
        };
        let (whole, rest) = der.split_at(header + length);
        (whole, &whole[header..], rest)
    }

    /// `subjectPublicKeyInfo`: the seventh of a certificate's fields.
    fn public_key(certificate: &[u8]) -> &[u8] {
        let (_, certificate, _) = element(certificate);
        let (_, mut fields, _) = element(certificate);
        for _ in 0..6 {
            fields = element(fields).2;
        }
        element(fields).0
    }

    #[test]
    fn the_roots_are_those_that_amazon_trust_services_publishes() {
        let published = [
            "fbe3018031f9586bcbf41727e417b7d1c45c2f47f93be372a17b96b50757d5a2",
            "7f4296fc5b6a4e3b35d3c369623e364ab1af381d8fa7121533c9d6c633ea2461",
            "36abc32656acfc645c61b71613c4bf21c787f5cabbee48348d58597803d7abc9",
            "f7ecded5c66047d28ed6466b543c40e0743abe81d109254dcf845d4c2c7853c5",
            "2b071c59a0a0ae76b0eadb2bad23bad4580b69c3601b630c2eaf0613afa83f92",
        ];
        let hash = |root: &[u8]| -> String {
            let hash = Sha256::digest(public_key(root));
            hash.iter().map(|byte| format!("{byte:02x}")).collect()
        };
        assert_eq!(AMAZON.map(hash), published);
        assert!(client_config(None).is_ok());
    }

    #[test]
    fn a_bundle_without_a_certificate_is_an_error() {
        assert!(client_config(Some(Path::new("/nowhere/bundle.pem"))).is_err());
        assert!(client_config(Some(Path::new("Cargo.toml"))).is_err());
    }
}
