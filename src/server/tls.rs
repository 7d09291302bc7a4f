//! TLS from PEM files, reloaded when they change.

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

/// How often the files are checked for changes.
const CHECK_INTERVAL: Duration = Duration::from_secs(1);

/// Modification times of the certificate's file and the key's.
type ModifiedTimes = [Option<SystemTime>; 2];

/// The current certificate, and its files.
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
    /// Reads the files, and reloads them on changes as long as the handle is kept. If new files are unusable, the old certificate stays in use.
    pub fn start(certificate: PathBuf, key: PathBuf) -> anyhow::Result<(Tls, AbortOnDropHandle<()>)> {
        let files = Files { certificate, key };
        let seen = Arc::new(Mutex::new(files.modified()));
        let tls = Tls { acceptor: Arc::new(RwLock::new(files.read()?)), files };
        let reloading = tls.clone();
        let reload = task::supervised("reloading the TLS certificate", move || reloading.clone().reload_on_change(Arc::clone(&seen)));
        Ok((tls, reload))
    }

    async fn reload_on_change(self, seen: Arc<Mutex<ModifiedTimes>>) {
        let mut ticks = interval(CHECK_INTERVAL);
        loop {
            ticks.tick().await;
            let modified = self.files.modified();
            if modified == *seen.lock().unwrap_or_else(PoisonError::into_inner) {
                continue;
            }
            match self.files.read() {
                Ok(acceptor) => {
                    *self.acceptor.write().unwrap_or_else(PoisonError::into_inner) = acceptor;
                    tracing::info!("TLS certificate reloaded");
                    *seen.lock().unwrap_or_else(PoisonError::into_inner) = modified;
                }
                // Only one of the files may be written yet: the next check retries.
                Err(error) => tracing::warn!(error = format!("{error:#}"), "can't use the new TLS certificate; keeping the old one"),
            }
        }
    }

    /// The acceptor for new connections.
    pub fn acceptor(&self) -> TlsAcceptor {
        self.acceptor.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Files {
    fn modified(&self) -> ModifiedTimes {
        [&self.certificate, &self.key].map(|file| std::fs::metadata(file).and_then(|file| file.modified()).ok())
    }

    fn read(&self) -> anyhow::Result<TlsAcceptor> {
        let certificate = || format!("can't read `{}` (`tls_certificate`) as PEM", self.certificate.display());
        let certificates: Vec<CertificateDer> =
            CertificateDer::pem_file_iter(&self.certificate).and_then(Iterator::collect).with_context(certificate)?;
        let key =
            PrivateKeyDer::from_pem_file(&self.key).with_context(|| format!("can't read `{}` (`tls_key`) as PEM", self.key.display()))?;
        let mut config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_single_cert(certificates, key)
            .context("`tls_certificate` and `tls_key` do not match, or hold no certificate and key")?;
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Ok(TlsAcceptor::from(Arc::new(config)))
    }
}
