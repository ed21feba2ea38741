//! The macros that turn the suites into tests of an adapter: one named test for each behaviour.

mod erasure;
mod provider;
mod queue;
mod registry;
mod rollups;
mod stop_list;
mod store;
mod worklists;

/// Makes one test for each name. Names may stand in groups, each of which becomes a module.
///
/// `$run` is the runtime of the tests, `$suite` the module of this crate with their bodies.
#[doc(hidden)]
#[macro_export]
macro_rules! __tests {
    (($harness:expr) $run:ident $suite:ident { $($group:ident { $($test:ident)* })* }) => { $(
        mod $group {
            #[allow(unused_imports)]
            use super::*;

            $(
                #[test]
                fn $test() {
                    $crate::$run(async {
                        let harness = $harness;
                        $crate::$suite::$group::$test(&harness).await;
                    });
                }
            )*
        }
    )* };
    (($harness:expr) $run:ident $suite:ident { $($test:ident)* }) => { $(
        #[test]
        fn $test() {
            $crate::$run(async {
                let harness = $harness;
                $crate::$suite::$test(&harness).await;
            });
        }
    )* };
}
