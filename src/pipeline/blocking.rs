//! Work that takes longer than a task may hold its thread: decoding a large record.

use tokio::runtime::{Handle, RuntimeFlavor};

/// Does the work here, and lets the thread's other tasks go on elsewhere meanwhile. A runtime of one thread has no
/// elsewhere: there they wait.
pub(super) fn beside_other_tasks<T>(work: impl FnOnce() -> T) -> T {
    match Handle::current().runtime_flavor() {
        RuntimeFlavor::CurrentThread => work(),
        _ => tokio::task::block_in_place(work),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_runtime_of_one_thread_does_it_itself() {
        assert_eq!(beside_other_tasks(|| 7), 7);
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 1)]
    async fn the_only_thread_of_a_larger_one_serves_the_other_tasks_meanwhile() {
        let outcome = tokio::spawn(async {
            let (done, waited) = std::sync::mpsc::sync_channel(1);
            tokio::spawn(async move { done.send(()) });
            beside_other_tasks(|| waited.recv())
        });
        assert_eq!(outcome.await.expect("no panic"), Ok(()));
    }
}
