//! `worklists!`: the list of behaviours of worklists.

/// Makes a test of each behaviour of [`Worklists`](sms_core::Worklists).
///
/// The argument is an expression that makes a fresh [`WorklistsHarness`](crate::WorklistsHarness).
/// It is evaluated in an async block, once for each test.
#[macro_export]
macro_rules! worklists {
    ($harness:expr $(,)?) => {
        $crate::__tests! { ($harness) run_on_threads worklists {
            items_are_read_in_the_order_of_their_numbers
            a_page_begins_at_its_number_and_has_one_state
            an_item_under_a_number_that_is_taken_changes_nothing
            an_item_may_be_appended_with_its_end
            a_pending_item_takes_a_result_and_keeps_it
            a_result_of_no_item_is_left_out
            one_of_several_results_is_recorded
            a_record_that_is_dropped_happens_whole_or_not_at_all
            counts_tell_the_items_by_state
            lists_do_not_see_each_other
            a_list_is_deleted_in_parts
            any_text_is_kept
            a_large_list_is_kept_whole
        } }
    };
}
