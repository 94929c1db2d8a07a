//! How the process ends, of how its pipelines did: the worst counts.

use tokio::task::JoinError;

use super::{Exit, Failure, LifeError, StartError};
use crate::app::chain;
use crate::checkpoint::StoreError;
use crate::pipeline::Ended;

/// What the pipelines came to so far.
#[derive(Default)]
pub(super) struct Outcome {
    failure: Option<Failure>,
    /// Whether something stays unacknowledged.
    is_late: bool,
    /// Whether one of them has worked.
    has_worked: bool,
}

impl Outcome {
    /// One more has ended; `source` is its name, where sources are named.
    pub(super) fn add(&mut self, source: Option<String>, ended: Result<Result<Ended, LifeError>, JoinError>) {
        let failure = match ended {
            Ok(Ok(ended)) => {
                self.has_worked = true;
                self.is_late |= !matches!(ended, Ended::Clean);
                return;
            }
            Ok(Err(LifeError::Stopped | LifeError::Start(StartError::Store(StoreError::Stopped { .. })))) => return,
            Ok(Err(LifeError::Start(error @ StartError::Store(StoreError::Lost { .. })))) => {
                Failure::new(Exit::Internal, error)
            }
            Ok(Err(LifeError::Start(error))) => Failure::config(error),
            Ok(Err(LifeError::Work(error))) => {
                tracing::error!(source, error = chain(&error), "stopped by a failure");
                Failure::new(Exit::Internal, error)
            }
            Err(panicked) => Failure::new(Exit::Internal, panicked),
        };
        let Failure { exit, error } = failure;
        let error = match source {
            Some(source) => error.context(format!("the source {source} failed")),
            None => error,
        };
        // Of equally bad ones the first is the cause, the others may follow from it.
        if self.failure.as_ref().is_none_or(|known| known.exit != Exit::Internal && exit == Exit::Internal) {
            self.failure = Some(Failure { exit, error });
        }
    }

    /// So many dead letters of best-effort sinks are not written. No checkpoint is held for them (ST-1).
    pub(super) fn lose(&mut self, letters: usize) {
        if letters > 0 {
            self.is_late = true;
            tracing::error!(letters, "at the end, dead letters of best-effort sinks were not written: they are lost");
        }
    }

    /// Says it.
    pub(super) fn tell(self) -> Result<Exit, Failure> {
        match self.failure {
            Some(failure) => Err(failure),
            None if self.is_late => {
                tracing::info!("stopped; what is not acknowledged is told again after the restart");
                Ok(Exit::DeadlineMissed)
            }
            None if !self.has_worked => {
                tracing::info!("stopped before anything was read");
                Ok(Exit::Ok)
            }
            None => {
                tracing::info!("stopped");
                Ok(Exit::Ok)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::telemetry::testing::Log;

    #[test]
    fn st_1_an_end_that_loses_dead_letters_is_no_clean_one_and_says_how_many() {
        let log = Log::default();
        let _guard = log.start();
        let mut outcome = Outcome::default();
        outcome.add(None, Ok(Ok(Ended::Clean)));
        outcome.lose(0);
        assert_eq!(log.said("are lost", &["letters"]), Vec::<Vec<String>>::new());
        outcome.lose(2);
        assert_eq!(log.said("are lost", &["letters"]), [["ERROR", "2"]]);
        assert!(matches!(outcome.tell(), Ok(Exit::DeadlineMissed)));
    }

    /// A supervisor starts the one again, and not the other.
    #[test]
    fn who_was_replaced_while_it_started_ends_as_any_other_that_lost_its_lease() {
        let exit = |error: StoreError| {
            let mut outcome = Outcome::default();
            outcome.add(None, Ok(Err(LifeError::Start(StartError::Store(error)))));
            outcome.tell().expect_err("it has failed").exit
        };
        let (place, detail) = ("trail in the table leases".to_owned(), "another has it".to_owned());
        assert_eq!(exit(StoreError::Lost { place: place.clone(), detail: detail.clone() }), Exit::Internal);
        assert_eq!(exit(StoreError::Unreadable { place, detail }), Exit::Config);
    }
}
