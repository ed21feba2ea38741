//! `stop_list!`: the list of behaviours of stop-lists.

/// Makes a test of each behaviour of [`StopList`](sms_core::StopList).
///
/// The argument is an expression that makes a fresh [`StopListHarness`](crate::StopListHarness). It
/// is evaluated in an async block, once for each test.
#[macro_export]
macro_rules! stop_list {
    ($harness:expr $(,)?) => {
        $crate::__tests! { ($harness) run_on_threads stop_list {
            a_recipient_on_the_list_is_refused_and_the_others_of_a_batch_are_accepted
            a_refused_message_leaves_its_key_free
            a_replay_is_answered_although_its_recipient_is_on_the_list
            a_message_that_waited_is_marked_when_it_begins
            a_removed_number_is_sent_to_again
            a_number_is_on_the_list_once_with_its_last_reason_and_its_first_time
            the_numbers_on_the_list_are_found_among_others
            pages_follow_each_other_in_the_order_of_the_numbers
            any_reason_is_kept
        } }
    };
}
