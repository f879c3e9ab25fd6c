//! Tasks of HTTP/2 on the worker's own thread.

use hyper::rt::Executor;

/// Runs the tasks that the HTTP library begins on the thread that asks for it.
#[derive(Clone, Copy)]
pub(crate) struct Local;

impl<F: Future<Output = ()> + 'static> Executor<F> for Local {
    fn execute(&self, task: F) {
        tokio::task::spawn_local(task);
    }
}
