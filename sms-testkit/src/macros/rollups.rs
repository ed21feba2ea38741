//! `rollups!`: the list of behaviours of rollups.

/// Makes a test of each behaviour of [`Rollups`](sms_core::Rollups).
///
/// The argument is an expression that makes a fresh [`RollupsHarness`](crate::RollupsHarness). It
/// is evaluated in an async block, once for each test.
#[macro_export]
macro_rules! rollups {
    ($harness:expr $(,)?) => {
        $crate::__tests! { ($harness) run_on_threads rollups {
            counting_begins_with_the_first_call
            a_message_counts_once_in_each_state_that_it_enters
            every_end_has_a_count
            acceptances_are_counted_by_owner_and_class
            a_replay_is_no_acceptance
            failures_are_counted_by_code
            costs_are_counted_when_they_become_known_and_not_those_of_tests
            a_repeated_call_counts_nothing_twice
            a_bounded_call_leaves_the_rest_to_the_next
            callers_at_the_same_time_count_once
            a_call_that_is_dropped_counts_whole_or_not_at_all
            events_count_in_the_minute_of_their_time
            points_without_counts_are_there
            the_latency_is_the_time_until_the_provider_accepts
            minutes_are_kept_for_72_hours_and_hours_for_90_days
            a_purge_takes_nothing_away
            a_large_batch_is_counted_whole
        } }
    };
}
