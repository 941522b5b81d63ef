//! SIGINT (Ctrl-C), SIGTERM and SIGHUP.

use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

/// Whether one of these signals was received.
#[derive(Debug)]
pub(crate) struct Interrupt(watch::Receiver<bool>);

impl Interrupt {
    /// Begins to listen. A second signal ends the program at once.
    pub(crate) fn listen() -> Self {
        let (sender, receiver) = watch::channel(false);
        for kind in [SignalKind::interrupt(), SignalKind::terminate(), SignalKind::hangup()] {
            // If a signal cannot be handled, it ends the program, as by default.
            if let Ok(mut signals) = signal(kind) {
                let sender = sender.clone();
                tokio::spawn(async move {
                    while signals.recv().await.is_some() {
                        if sender.send_replace(true) {
                            std::process::exit(130);
                        }
                    }
                });
            }
        }
        Self(receiver)
    }

    /// Waits for a signal.
    pub(crate) async fn requested(&self) {
        let mut receiver = self.0.clone();
        if receiver.wait_for(|is_requested| *is_requested).await.is_err() {
            // No signal is handled.
            std::future::pending().await
        }
    }

    /// Whether a signal was received.
    pub(crate) fn is_requested(&self) -> bool {
        *self.0.borrow()
    }
}
