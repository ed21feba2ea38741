//! `registry!`: the list of behaviours of a registry.

/// Makes a test of each behaviour of a [`Registry`](sms_core::Registry).
///
/// The argument is an expression that makes a fresh [`RegistryHarness`](crate::RegistryHarness). It
/// is evaluated in an async block, once for each test.
#[macro_export]
macro_rules! registry {
    ($harness:expr $(,)?) => {
        $crate::__tests! { ($harness) run_on_threads registry {
            a_record_can_be_read_back
            a_record_that_is_not_there_is_none
            versions_grow_by_one
            the_expected_version_is_overwritten
            another_version_is_a_conflict
            an_expected_version_of_an_absent_record_is_a_conflict
            an_absent_record_is_made_once
            a_deleted_record_is_gone_and_starts_over
            a_delete_leaves_the_others
            a_list_holds_one_kind_by_name
            a_list_of_nothing_is_empty
            names_are_kept_letter_by_letter
            every_json_value_is_kept
            a_put_notes_its_time
            the_age_of_a_record_is_told_by_the_stores_clock
            of_concurrent_writers_one_succeeds
            of_concurrent_creations_one_succeeds
            no_unconditional_write_is_lost
        } }
    };
}
