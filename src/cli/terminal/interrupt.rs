//! Ctrl-C, and what others send to end a program.

use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

/// Whether somebody has asked the command to end.
#[derive(Debug)]
pub(crate) struct Interrupt(watch::Receiver<bool>);

impl Interrupt {
    /// Listens from now on. A second request ends the program at once.
    pub(crate) fn listen() -> Self {
        let (tell, told) = watch::channel(false);
        for kind in [SignalKind::interrupt(), SignalKind::terminate(), SignalKind::hangup()] {
            // Where that is not possible, the signal ends the program as it always does.
            if let Ok(mut signals) = signal(kind) {
                let tell = tell.clone();
                tokio::spawn(async move {
                    while signals.recv().await.is_some() {
                        if tell.send_replace(true) {
                            std::process::exit(130);
                        }
                    }
                });
            }
        }
        Self(told)
    }

    /// Waits until somebody asks.
    pub(crate) async fn heard(&self) {
        let mut told = self.0.clone();
        if told.wait_for(|is_heard| *is_heard).await.is_err() {
            // Nobody can ask any more.
            std::future::pending().await
        }
    }

    /// Whether somebody has asked.
    pub(crate) fn is_heard(&self) -> bool {
        *self.0.borrow()
    }
}
