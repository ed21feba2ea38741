//! The runtimes of the tests, so that an adapter needs no tokio of its own to use a suite.

use std::future::Future;
use std::time::Duration;

use tokio::runtime::Builder;

/// A test that takes longer hangs.
const LIMIT: Duration = Duration::from_mins(10);

/// Runs a test on one thread, where the harness may pause tokio's clock.
pub fn run<F: Future<Output = ()>>(test: F) {
    block_on(&mut Builder::new_current_thread(), test);
}

/// Runs a test on several threads, so that concurrent calls are concurrent indeed.
pub fn run_on_threads<F: Future<Output = ()>>(test: F) {
    block_on(Builder::new_multi_thread().worker_threads(4), test);
}

fn block_on<F: Future<Output = ()>>(builder: &mut Builder, test: F) {
    let runtime = builder.enable_all().build().expect("a tokio runtime");
    runtime.block_on(async {
        // Boxed, because the future of a long test is larger than a test thread's stack likes.
        tokio::time::timeout(LIMIT, Box::pin(test))
            .await
            .expect("the test hangs");
    });
}
