//! `provider!`: the list of behaviours of a provider.

/// Makes a test of each behaviour of a [`Provider`](sms_core::Provider).
///
/// The argument is an expression that makes a [`ProviderHarness`](crate::ProviderHarness). It is
/// evaluated in an async block, once for each test.
#[macro_export]
macro_rules! provider {
    ($harness:expr $(,)?) => {
        $crate::__tests! { ($harness) run provider {
            the_name_is_short_and_stable
            the_limits_can_be_worked_with
            an_empty_batch_has_no_outcomes
            one_submission_has_one_outcome
            a_full_batch_has_one_outcome_for_each
            provider_ids_differ_from_call_to_call
            two_messages_to_one_number_have_an_outcome_each
            messages_of_every_kind_go_in_one_batch
            outcomes_come_in_the_order_of_the_submissions
            concurrent_calls_do_not_mix
            the_schedule_of_queries_can_be_kept
            a_query_leaves_out_what_the_provider_does_not_know
            a_receipt_bears_the_name_and_id_it_was_asked_for
            an_account_that_can_send_passes_its_check
            opening_and_closing_can_be_repeated
            each_incoming_receipt_comes_although_waits_for_it_are_dropped
            a_body_of_anything_is_no_callback
        } }
    };
}
