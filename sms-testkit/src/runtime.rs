//! Runtimes of the tests, so that the tests of an adapter need no runtime of their own.

use std::future::Future;
use std::time::Duration;

use tokio::runtime::Builder;

/// Time limit of a test.
pub(crate) const LIMIT: Duration = Duration::from_mins(10);

/// Runs a test on one thread, on which the harness may pause tokio's clock.
pub fn run<F: Future<Output = ()>>(test: F) {
    block_on(&mut Builder::new_current_thread(), limited(test));
}

/// Runs a test on several threads, so that concurrent calls run in parallel.
pub fn run_on_threads<F: Future<Output = ()>>(test: F) {
    block_on(&mut Builder::new_multi_thread(), limited(test));
}

/// Runs a test without a time limit.
pub fn run_without_limit<F: Future<Output = ()>>(test: F) {
    block_on(&mut Builder::new_multi_thread(), test);
}

async fn limited<F: Future<Output = ()>>(test: F) {
    tokio::time::timeout(LIMIT, test).await.expect("the test hangs");
}

fn block_on<F: Future<Output = ()>>(builder: &mut Builder, test: F) {
    let runtime = builder.worker_threads(4).enable_all().build().expect("a tokio runtime");
    // Boxed, because the future of a long test may overflow the stack of a test thread.
    runtime.block_on(Box::pin(test));
}
