//! `erasure!`: the list of behaviours of erasure.

/// Makes a test of each behaviour of [`Erasure`](sms_core::Erasure).
///
/// The argument is an expression that makes a fresh [`ErasureHarness`](crate::ErasureHarness). It
/// is evaluated in an async block, once for each test.
#[macro_export]
macro_rules! erasure {
    ($harness:expr $(,)?) => {
        $crate::__tests! { ($harness) run_on_threads erasure {
            an_erased_message_keeps_the_fact_that_it_was_sent
            the_key_of_an_erased_message_is_free
            a_message_that_may_still_be_sent_keeps_its_recipient
            erasing_again_is_answered_as_the_first_time
            only_messages_in_the_scope_are_erased
            an_erased_message_is_found_by_neither_number_nor_text
            an_erased_message_takes_receipts
            a_number_is_erased_in_steps
            unmatched_receipts_with_the_number_are_removed
            ended_items_with_the_number_are_emptied
            ended_items_with_the_number_in_any_spelling_are_emptied
            texts_of_old_messages_are_removed_in_steps
            a_text_stays_while_its_message_changes
        } }
    };
}
