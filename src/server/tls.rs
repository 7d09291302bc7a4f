//! TLS from files, read anew when they change.

use std::{
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError, RwLock},
    time::{Duration, SystemTime},
};

use anyhow::Context;
use tokio::time::interval;
use tokio_rustls::{
    TlsAcceptor,
    rustls::{
        ServerConfig,
        crypto::ring,
        pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
    },
};
use tokio_util::task::AbortOnDropHandle;

use crate::task;

/// How often the files are looked at.
const EVERY: Duration = Duration::from_secs(1);

/// When the certificate's file and the key's were last changed.
type Changed = [Option<SystemTime>; 2];

/// The certificate that is shown.
#[derive(Clone)]
pub struct Tls {
    files: Files,
    acceptor: Arc<RwLock<TlsAcceptor>>,
}

#[derive(Clone)]
struct Files {
    certificate: PathBuf,
    key: PathBuf,
}

impl Tls {
    /// Reads the files, and reads them anew as long as the handle is kept. Files that can't be used while it serves leave what was there.
    pub fn start(certificate: PathBuf, key: PathBuf) -> anyhow::Result<(Tls, AbortOnDropHandle<()>)> {
        let files = Files { certificate, key };
        let seen = Arc::new(Mutex::new(files.changed()));
        let tls = Tls { acceptor: Arc::new(RwLock::new(files.read()?)), files };
        let following = tls.clone();
        let follow = task::supervised("reading the TLS certificate anew", move || following.clone().follow(Arc::clone(&seen)));
        Ok((tls, follow))
    }

    async fn follow(self, seen: Arc<Mutex<Changed>>) {
        let mut turns = interval(EVERY);
        loop {
            turns.tick().await;
            let changed = self.files.changed();
            if changed == *seen.lock().unwrap_or_else(PoisonError::into_inner) {
                continue;
            }
            match self.files.read() {
                Ok(acceptor) => {
                    *self.acceptor.write().unwrap_or_else(PoisonError::into_inner) = acceptor;
                    tracing::info!("the TLS certificate was read anew");
                    *seen.lock().unwrap_or_else(PoisonError::into_inner) = changed;
                }
                // Half of the files may be written: the next turn tries again.
                Err(error) => tracing::warn!(error = format!("{error:#}"), "the new TLS certificate can't be used; the old one is"),
            }
        }
    }

    /// What new connections are answered with.
    pub fn acceptor(&self) -> TlsAcceptor {
        self.acceptor.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Files {
    fn changed(&self) -> Changed {
        [&self.certificate, &self.key].map(|file| std::fs::metadata(file).and_then(|file| file.modified()).ok())
    }

    fn read(&self) -> anyhow::Result<TlsAcceptor> {
        let certificate = || format!("`tls_certificate` is `{}`, which can't be read as PEM", self.certificate.display());
        let certificates: Vec<CertificateDer> =
            CertificateDer::pem_file_iter(&self.certificate).and_then(Iterator::collect).with_context(certificate)?;
        let key = PrivateKeyDer::from_pem_file(&self.key)
            .with_context(|| format!("`tls_key` is `{}`, which can't be read as PEM", self.key.display()))?;
        let mut config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_single_cert(certificates, key)
            .context("`tls_certificate` and `tls_key` do not belong together, or hold no certificate and key")?;
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Ok(TlsAcceptor::from(Arc::new(config)))
    }
}
