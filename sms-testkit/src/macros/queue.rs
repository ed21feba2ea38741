//! `queue!`: the list of behaviours of a queue.

/// Makes a test of each behaviour of a [`Queue`](sms_core::Queue).
///
/// The argument is an expression that makes a fresh [`QueueHarness`](crate::QueueHarness). It is
/// evaluated in an async block, once for each test.
#[macro_export]
macro_rules! queue {
    ($harness:expr $(,)?) => {
        $crate::__tests! { ($harness) run queue {
            a_pushed_job_is_pulled
            every_job_of_a_large_push_is_pulled
            the_urgent_lane_goes_first
            an_urgent_job_overtakes_a_backlog
            one_pull_reaches_into_every_lane
            a_lane_is_first_in_first_out
            no_more_than_asked_for_are_pulled
            a_leased_job_is_hidden
            a_lease_that_is_over_gives_its_job_back
            an_acked_job_is_gone_for_good
            an_ack_can_be_repeated
            an_ack_after_the_lease_is_no_error
            an_ack_of_a_foreign_lease_is_no_error
            an_acked_job_can_be_pushed_again
            a_job_that_is_pushed_twice_is_not_lost
            a_released_job_is_back_at_once
            a_release_can_be_repeated
            a_pull_without_a_wait_returns_at_once
            a_pull_waits_no_longer_than_asked
            a_push_wakes_a_waiting_pull
            a_release_wakes_a_waiting_pull
            a_push_wakes_every_waiting_pull
            a_dropped_pull_loses_no_job
            an_empty_push_is_no_error
            stats_count_what_is_ready_and_what_is_leased
            stats_have_room_for_what_can_be_pushed
            concurrent_pulls_get_different_jobs
        } }
    };
}
