//! What ends a run before its time and is nobody's fault: a signal, or damage to the lab from outside.

use std::io;
use std::time::Duration;

use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

use crate::lab::NamespaceLab;

/// How often to look for damage.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// The signals that ask this process to stop, as they come.
#[derive(Clone)]
pub(super) struct Interrupt(watch::Receiver<Option<String>>);

impl Interrupt {
    /// From now on signals are heard, and do not end this process.
    pub(super) fn listen() -> io::Result<Interrupt> {
        let mut interrupt = signal(SignalKind::interrupt())?;
        let mut terminate = signal(SignalKind::terminate())?;
        let mut hang_up = signal(SignalKind::hangup())?;
        let (sender, receiver) = watch::channel(None);
        tokio::spawn(async move {
            let name = tokio::select! {
                _ = interrupt.recv() => "SIGINT",
                _ = terminate.recv() => "SIGTERM",
                _ = hang_up.recv() => "SIGHUP",
            };
            let _ = sender.send(Some(format!("{name} ended the run")));
            // Waiting ends with the sender.
            sender.closed().await;
        });
        Ok(Interrupt(receiver))
    }

    /// Waits for a signal; says which it was.
    pub(super) async fn wait(&mut self) -> String {
        match self.0.wait_for(Option::is_some).await {
            Ok(how) => how.clone().unwrap_or_default(),
            Err(_) => std::future::pending().await,
        }
    }
}

/// Waits until a process of the lab has been killed from outside; says which.
pub(super) async fn damage(lab: &NamespaceLab) -> String {
    loop {
        if let Some(error) = lab.disturbance() {
            return error.what;
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
}
