//! Many runs, some of them side by side: results as they come.

use std::ops::ControlFlow;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError, mpsc};

use rashomon_runs::Plan;

use super::{FinishedRun, RunError, Runner};
use crate::event::Listener;

/// Runs plans, as many at once as there are jobs.
pub struct Many<'a> {
    /// What runs each.
    pub runner: &'a Runner<'a>,
    /// How many go on at once.
    pub jobs: usize,
    /// Who is told what happens in each of them.
    pub listener: &'a dyn Listener,
}

impl Many<'_> {
    /// Runs plans until there are no more, the user interrupts one, or `finished` breaks off; runs that have begun are
    /// finished in any case. Each plan has a tag by which its result is known again. Plans are taken one by one, when a
    /// job is free; results are handed over on this thread, in the order in which the runs end.
    pub fn run<T: Send>(
        &self,
        plans: impl Iterator<Item = (T, Plan)> + Send,
        finished: impl FnMut(T, Result<FinishedRun, RunError>) -> ControlFlow<()>,
    ) {
        let work = |plan: Plan| match self.runner.run(&plan, self.listener) {
            Ok(run) if run.interrupted() => ControlFlow::Break(Ok(run)),
            Err(error @ RunError::Interrupted { .. }) => ControlFlow::Break(Err(error)),
            result => ControlFlow::Continue(result),
        };
        side_by_side(self.jobs, plans, work, finished);
    }
}

/// Does work on items, on as many threads as there are jobs, until there are none left, `work` or `finished` breaks
/// off.
fn side_by_side<T: Send, I: Send, R: Send>(
    jobs: usize,
    items: impl Iterator<Item = (T, I)> + Send,
    work: impl Fn(I) -> ControlFlow<R, R> + Sync,
    mut finished: impl FnMut(T, R) -> ControlFlow<()>,
) {
    let left = Mutex::new(items);
    let over = AtomicBool::new(false);
    let job = |results: mpsc::Sender<(T, R)>| {
        while !over.load(Ordering::Acquire) {
            let next = left.lock().unwrap_or_else(PoisonError::into_inner).next();
            let Some((tag, item)) = next else { return };
            let result = match work(item) {
                ControlFlow::Continue(result) => result,
                ControlFlow::Break(result) => {
                    over.store(true, Ordering::Release);
                    result
                }
            };
            if results.send((tag, result)).is_err() {
                return;
            }
        }
    };
    std::thread::scope(|scope| {
        let (results, arrived) = mpsc::channel();
        for _ in 0..jobs.max(1) {
            let results = results.clone();
            scope.spawn(|| job(results));
        }
        drop(results);
        for (tag, result) in arrived {
            if finished(tag, result).is_break() {
                over.store(true, Ordering::Release);
            }
        }
    });
}

#[cfg(test)]
mod tests {
    use std::sync::Barrier;

    use super::*;

    #[test]
    fn every_item_is_done_once_whatever_the_number_of_jobs() {
        for jobs in [0, 1, 3, 50] {
            let mut done = Vec::new();
            side_by_side(
                jobs,
                (0..20).map(|item| (item, item)),
                |item| ControlFlow::Continue(item * 2),
                |tag, result| {
                    assert_eq!(result, tag * 2);
                    done.push(tag);
                    ControlFlow::Continue(())
                },
            );
            done.sort_unstable();
            assert_eq!(done, (0..20).collect::<Vec<_>>());
        }
    }

    #[test]
    fn jobs_go_on_at_once() {
        // Each waits for the two others: alone, none would ever end.
        let together = Barrier::new(3);
        let mut count = 0;
        let work = |()| {
            together.wait();
            ControlFlow::Continue(())
        };
        side_by_side(3, (0..3).map(|tag| (tag, ())), work, |_, ()| {
            count += 1;
            ControlFlow::Continue(())
        });
        assert_eq!(count, 3);
    }

    #[test]
    fn nothing_begins_after_a_break_and_what_has_begun_is_handed_over() {
        let mut done = Vec::new();
        let interrupted = |item| if item == 4 { ControlFlow::Break(item) } else { ControlFlow::Continue(item) };
        side_by_side(1, (0..).map(|item| (item, item)), interrupted, |tag, _| {
            done.push(tag);
            ControlFlow::Continue(())
        });
        assert_eq!(done, [0, 1, 2, 3, 4], "an endless row of plans ends with the interrupted run");

        let mut done = Vec::new();
        side_by_side(2, (0..).map(|item| (item, item)), ControlFlow::Continue, |tag, _: i32| {
            done.push(tag);
            if done.len() == 3 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        });
        assert!(done.len() >= 3);
    }
}
