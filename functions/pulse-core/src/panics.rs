//! Panics: told by where they happened, and never by what they say, which may be a score or an address.

use std::{
    cell::RefCell,
    panic::{AssertUnwindSafe, PanicHookInfo},
};

use futures::FutureExt as _;

use crate::failure::Cause;

thread_local! {
    /// Where this thread last panicked, until it is taken.
    static PLACE: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// What a function sets as its panic hook, instead of the one that prints the message to the log: logs where a panic
/// happened, and leaves that for [`catch`].
///
/// A thread is enough to carry it, in asynchronous code too: the hook runs on the thread that panics, and from there
/// the panic unwinds to whoever catches it within a single poll.
pub fn hook(panic: &PanicHookInfo<'_>) {
    let place = panic.location().map(|at| format!("{}:{}", source(at.file()), at.line()));
    tracing::error!(place, "panicked");
    PLACE.set(place);
}

/// Runs `work` to its end or its panic.
///
/// What it shares with others must hold after a panic at any place: locks that don't heed poison, counts that guards
/// take back.
///
/// # Errors
/// With the panic, told by its place if [`hook`] is set.
pub async fn catch<T>(work: impl Future<Output = T>) -> Result<T, Cause> {
    AssertUnwindSafe(work).catch_unwind().await.map_err(|_| {
        let place = PLACE.take().map(|place| format!(", at {place}")).unwrap_or_default();
        Cause::new(format!("A panic in the code{place}."))
    })
}

/// A source file's path, without the folders of the machine that compiled it.
fn source(file: &str) -> &str {
    let within = file.split_once("/registry/src/").and_then(|(_, index)| index.split_once('/'));
    within.map_or(file, |(_, path)| path)
}

#[cfg(test)]
mod tests {
    use std::panic;

    use super::*;

    #[test]
    fn a_panic_is_told_by_its_place_and_not_by_what_it_says() {
        let others = panic::take_hook();
        panic::set_hook(Box::new(move |panic| {
            hook(panic);
            others(panic);
        }));
        let caught = catch(async { panic!("of ada@example.com, whose score is 712") }).now_or_never();
        let cause = caught.expect("it doesn't wait").map(|(): ()| "no panic").unwrap_err();
        let told = cause.as_str().strip_prefix("A panic in the code, at ").expect("a place");
        assert!(told.starts_with(file!()) && told.ends_with('.') && told.len() < file!().len() + 6, "{cause}");
    }

    #[test]
    fn a_panic_that_no_hook_saw_is_caught_too() {
        let caught = catch(async { panic::resume_unwind(Box::new(())) }).now_or_never();
        assert_eq!(caught, Some(Err::<(), _>(Cause::new("A panic in the code."))));
    }

    #[test]
    fn a_place_in_a_dependency_is_told_without_the_folders_of_who_compiled_it() {
        let file = "/home/ada/.cargo/registry/src/index.crates.io-1949cf8c6b5b557f/jiff-0.2.43/src/lib.rs";
        assert_eq!(source(file), "jiff-0.2.43/src/lib.rs");
        assert_eq!(source("functions/pulse-core/src/panics.rs"), "functions/pulse-core/src/panics.rs");
    }
}
