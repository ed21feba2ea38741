//! `store!`: the list of behaviours of a store. A behaviour that is not listed here is tested by
//! nobody; `tests/it/lists.rs` notices it.

/// Makes a test of each behaviour of a [`Store`](sms_core::Store).
///
/// The argument is an expression that makes a fresh [`StoreHarness`](crate::StoreHarness). It is
/// evaluated in an async block, once for each test.
///
/// `SMS_TEST_CASES` sets the number of random scenarios that the test `model` compares: see
/// [`model`](crate::model).
#[macro_export]
macro_rules! store {
    ($harness:expr $(,)?) => {
        $crate::__tests! { ($harness) run_on_threads store {
            insert {
                a_stored_message_can_be_read_back_whole
                messages_of_a_batch_keep_what_is_their_own
                a_message_that_names_no_route_takes_the_default_one
                a_text_is_kept_letter_by_letter
                a_new_message_is_queued_and_has_no_attempt
                the_deadline_counts_from_now
                the_deadline_of_a_scheduled_message_counts_from_its_time
                a_time_in_the_past_means_now
                an_empty_batch_is_no_error
                a_stored_message_is_answered_with_its_times
                a_repeated_insert_stores_nothing_twice
                a_repeated_insert_leaves_the_message_as_it_is
                a_message_twice_in_a_batch_is_stored_once
                the_same_key_and_content_is_the_first_message
                the_same_key_with_other_content_is_refused
                a_key_belongs_to_its_owner
                a_key_is_held_for_72_hours
                a_key_is_free_after_72_hours
                a_key_is_held_after_its_message_was_cancelled
                a_key_twice_in_one_batch_is_one_message
                a_refused_message_does_not_spoil_the_batch
                a_key_that_is_held_answers_without_an_insert
                metadata_is_kept_as_it_was_written
            }
            due {
                a_waiting_message_is_offered_with_its_lane
                the_urgent_lane_is_offered_first
                the_longest_due_is_offered_first
                each_lane_has_its_own_limit
                ahead_offers_again_early_but_never_before_a_message_is_due
                an_offered_message_is_not_offered_again_too_early
                an_offered_message_that_is_not_taken_is_offered_again
                a_message_its_caller_pushes_is_left_alone_for_a_while
                a_scheduled_message_is_offered_at_its_time_even_if_its_caller_pushes
                a_scheduled_message_is_not_offered_early
                a_message_past_its_deadline_is_not_offered
                only_a_queued_message_is_offered
                a_retry_is_offered_when_it_is_due_and_not_before
            }
            begin {
                a_queued_message_becomes_sending_under_a_lease
                every_attempt_has_a_fence_of_its_own
                a_submission_carries_the_whole_message
                an_attempt_knows_its_policy
                a_message_its_caller_pushes_can_be_begun_at_once
                a_message_that_is_not_due_is_left_out
                a_message_that_is_due_by_the_clock_of_another_node_is_begun
                a_retry_is_left_out_until_it_is_due
                a_message_past_its_deadline_is_left_out
                only_a_queued_message_is_begun
                a_message_with_an_expired_lease_is_not_begun_again
                an_unknown_id_is_left_out
                an_id_named_twice_is_begun_once
                one_that_cannot_be_begun_does_not_spoil_the_others
                a_repeat_of_the_same_batch_gets_the_same_answer
                another_worker_gets_nothing_of_a_batch_that_is_begun
                a_repeat_after_the_settlement_begins_nothing
                the_provider_to_be_asked_is_on_record
                the_time_since_an_attempt_of_unknown_outcome_is_told
            }
            routes {
                begin_takes_only_messages_of_its_route
                due_claims_only_messages_of_its_route
                only_messages_of_the_default_route_wait_for_their_sender_to_push
                each_route_has_status_queries_of_its_own
            }
            settle {
                an_acceptance_makes_it_sent
                an_acceptance_without_a_provider_id_makes_it_sent
                a_refusal_makes_it_failed
                an_unknown_outcome_makes_it_unknown
                a_deferral_makes_it_queued_and_counts_the_attempt
                a_blocked_account_burns_no_attempt
                a_resend_is_recorded_and_counted
                a_resend_that_would_be_past_the_deadline_is_not_made
                the_verdict_is_the_workers
                a_settlement_counts_until_the_lease_is_taken_away
                a_repeated_settlement_is_known_and_changes_nothing
                a_settlement_twice_in_a_batch_is_written_once
                a_message_that_is_not_there_is_gone
                each_settlement_of_a_batch_is_independent
                an_attempt_is_on_record_with_everything_known_about_it
                a_refused_duplicate_makes_it_sent_and_records_the_evidence
            }
            late {
                an_acceptance_lifts_an_unknown_message
                an_acceptance_after_an_unknown_outcome_lifts_the_message
                an_acceptance_of_an_earlier_attempt_lifts_a_queued_message
                an_acceptance_of_an_earlier_attempt_lifts_a_sending_message
                an_acceptance_lifts_a_failed_message
                an_acceptance_lifts_an_expired_message
                an_acceptance_lifts_a_cancelled_message
                a_second_acceptance_leaves_a_sent_message_as_it_is
                an_acceptance_leaves_a_delivered_message_as_it_is
                a_refusal_of_the_same_attempt_fails_an_unknown_message
                a_refusal_after_a_resend_leaves_the_message_unknown
                a_refusal_of_an_earlier_attempt_leaves_the_message_unknown
                a_refusal_of_an_earlier_attempt_moves_nothing
                any_other_outcome_is_recorded_and_moves_nothing
                a_wrong_fence_settles_nothing
                a_repeated_late_outcome_is_known
                a_repeated_late_acceptance_is_known
            }
            rescue {
                a_lease_that_is_not_over_is_left_alone
                under_hold_it_becomes_unknown
                under_resend_once_it_is_queued_once_more
                a_rescued_message_is_offered_when_it_is_due
                under_resend_once_it_is_not_queued_twice
                a_resend_that_would_be_past_the_deadline_is_not_made
                a_rescue_is_on_record
                only_a_sending_message_is_rescued
                a_rescue_is_not_repeated
                no_more_than_the_limit_are_rescued_at_a_time
            }
            expire {
                a_message_past_its_deadline_becomes_expired
                a_message_before_its_deadline_is_left_alone
                a_message_that_may_have_been_accepted_becomes_unknown
                only_a_queued_message_expires
                an_expiry_is_not_repeated
                no_more_than_the_limit_expire_at_a_time
            }
            bulk {
                a_job_cancels_and_resolves_as_one_call_for_each_would
                a_job_changes_a_message_once_whatever_happens_to_it_later
                a_repeated_call_of_a_job_has_the_results_of_the_first
                two_calls_of_a_job_at_the_same_time_change_each_message_once
                a_message_that_cannot_be_changed_does_not_spoil_the_rest
                a_message_of_another_owner_is_gone_for_a_job
                a_message_twice_in_one_call_is_changed_once
                after_a_restore_a_job_holds_what_waits_or_is_being_sent
            }
            cancel {
                a_queued_message_becomes_cancelled
                a_message_that_may_have_been_accepted_becomes_unknown
                a_cancelled_message_is_not_sent
                a_message_that_is_not_queued_is_a_conflict
                a_message_of_another_owner_is_not_found
                a_message_of_another_owner_is_not_found_in_any_state
                a_message_that_is_not_there_is_not_found
            }
            resolve {
                an_operator_may_say_it_was_sent
                an_operator_may_say_it_was_not_sent
                an_operator_may_resend_it
                a_resend_gets_a_new_deadline
                after_an_operators_resend_a_vanished_worker_leaves_it_unknown
                a_message_that_is_not_unknown_is_a_conflict
                a_message_of_another_owner_is_not_found
                a_message_that_is_not_there_is_not_found
                an_operator_may_name_the_provider_id_and_its_receipts_are_joined
                a_message_with_a_named_provider_id_is_asked_about_at_once
                the_provider_id_of_another_message_is_refused
            }
            receipts {
                a_message_can_be_delivered
                a_message_can_be_undelivered
                on_its_way_is_news_only_once
                on_its_way_with_the_known_code_is_no_news
                a_final_state_never_goes_back
                a_receipt_of_the_opposite_end_leaves_an_event_and_changes_nothing
                a_receipt_of_the_opposite_end_without_a_time_is_recorded_once
                a_doubled_receipt_is_ignored
                a_receipt_of_another_provider_is_not_the_messages
                a_receipt_that_fits_no_message_is_parked
                each_receipt_of_a_batch_is_independent
                a_receipt_of_either_accepted_attempt_reaches_the_message
                a_receipt_reaches_a_message_that_was_sent_late
                a_replayed_receipt_puts_no_earlier_code_back
                a_receipt_is_on_record_with_the_time_it_was_made
            }
            parked {
                a_parked_receipt_is_joined_by_the_settlement
                a_parked_receipt_is_joined_by_a_late_acceptance
                a_parked_receipt_on_its_way_leaves_the_message_sent
                parked_receipts_are_joined_in_the_order_they_came
                a_parked_receipt_is_joined_once
                each_message_of_a_batch_joins_its_own_receipt
                a_parked_receipt_of_another_provider_is_not_joined
                a_parked_receipt_moves_nothing_without_an_acceptance
                a_parked_receipt_waits_for_72_hours
            }
            parts {
                each_part_is_on_record_under_its_id
                a_message_with_one_id_has_no_parts
                receipts_of_the_parts_have_the_same_end_in_every_order
                a_message_is_delivered_with_its_last_part
                one_undelivered_part_ends_the_message_at_once
                a_repeated_receipt_of_a_part_counts_once
                a_part_with_the_opposite_end_leaves_an_event
                a_receipt_of_a_part_may_come_before_the_outcome
                receipts_of_all_parts_may_come_before_the_outcome
                a_repeated_settlement_forgets_no_receipt_of_a_part
                a_late_acceptance_has_its_parts
                parts_of_two_attempts_do_not_add_up
                each_part_without_an_end_is_asked_about
                the_id_of_any_part_is_taken
            }
            unmatched {
                a_receipt_of_no_message_is_listed
                the_receipts_of_one_id_are_one_entry_with_the_last_state
                the_list_is_that_of_a_provider_and_a_time
                an_id_is_not_listed_once_its_message_is_known
                an_unknown_message_takes_the_only_id_that_fits
                a_message_of_a_vanished_worker_takes_it_too
                an_id_is_left_alone_until_answers_have_had_their_time
                two_messages_of_one_time_are_left_to_an_operator
                two_ids_of_one_time_are_left_to_an_operator
                an_id_of_another_time_or_provider_is_not_taken
                a_message_that_was_resent_and_accepted_is_a_rival
                an_inferred_message_takes_further_receipts
                a_late_acceptance_under_another_id_is_kept_with_the_inferred_one
            }
            polling {
                the_first_query_is_due_after_a_while
                intervals_double_up_to_the_longest
                a_message_that_is_not_to_be_asked_for_is_left_alone
                nobody_asks_for_a_message_that_has_no_provider_id
                nobody_asks_after_the_end
                on_its_way_is_asked_about_again
                a_message_without_an_end_is_given_up_and_says_so
                a_message_that_was_given_up_still_takes_a_receipt
                no_more_than_the_limit_are_asked_about_at_a_time
                a_late_acceptance_is_asked_about
            }
            costs {
                the_cost_in_a_receipt_is_kept_with_the_message_and_its_event
                a_cost_is_set_once_and_never_cleared
                a_cost_that_comes_after_the_end_is_recorded_and_changes_nothing_else
                ended_messages_are_asked_about_together_and_after_the_answer_no_more
                a_query_without_an_answer_is_repeated_at_growing_intervals_and_ends
                an_answer_without_a_cost_ends_the_queries
                nobody_asks_for_a_cost_that_is_not_left_to_a_query
                no_more_costs_than_the_limit_are_asked_for_at_a_time
                a_receipt_that_waited_for_its_message_brings_its_cost
            }
            clock {
                a_clock_set_back_does_not_delay_a_message
                a_clock_set_back_does_not_delay_a_scheduled_message
                a_clock_set_back_does_not_delay_a_retry
                a_clock_set_back_does_not_prolong_a_lease
                a_clock_set_back_does_not_delay_a_status_query
                time_never_goes_back
                no_lease_ends_because_the_clock_was_set_forward
                no_deadline_passes_because_the_clock_was_set_forward
                no_retry_is_early_because_the_clock_was_set_forward
                no_key_is_free_early_because_the_clock_was_set_forward
                a_clock_set_forward_and_back_changes_nothing
                a_time_of_the_wall_clock_is_kept_by_a_message_accepted_after_a_jump
                a_submission_bears_its_deadline_by_the_wall_clock
                store_time_returns_to_the_wall_clock
                nothing_is_inferred_while_the_times_of_receipts_cannot_be_compared
            }
            scope {
                get_finds_only_messages_of_the_owner
                list_shows_only_messages_of_the_owner
                stats_count_only_messages_of_the_owner
            }
            list {
                the_newest_is_first
                a_listed_message_is_the_one_get_shows
                pages_hold_every_message_once
                pages_go_on_past_what_comes_in_between
                nothing_is_on_a_page_of_limit_zero
                states_can_be_chosen
                a_number_can_be_chosen
                a_class_can_be_chosen
                a_reference_can_be_chosen
                a_code_can_be_chosen
                resends_of_a_message_can_be_chosen
                a_route_can_be_chosen
                the_provider_that_was_asked_can_be_chosen
                a_time_range_holds_its_start_and_not_its_end
                a_search_finds_a_part_of_a_text
                a_search_has_no_wildcards
                a_search_finds_a_part_of_a_number
                a_search_for_digits_finds_texts_too
                filters_are_joined_by_and
            }
            search {
                a_search_that_runs_out_of_time_says_how_far_it_looked
                a_search_that_goes_on_finds_every_message_once
                a_search_for_what_is_not_there_comes_to_an_end
                a_search_ends_with_the_time_range
                a_search_shows_only_messages_of_the_owner
                a_search_in_several_states_skips_none
                a_page_that_is_full_was_not_cut_short
            }
            count {
                every_message_is_counted_once
                a_count_has_the_filters_of_a_list
                a_count_that_runs_out_of_time_says_how_far_it_came
                a_count_sees_only_messages_of_the_owner
            }
            timeline {
                a_message_that_waits_has_no_events
                each_step_is_there_with_the_state_after_it
                a_long_history_is_complete
                an_event_bears_the_time_it_happened
                the_steps_of_a_message_begin_with_its_acceptance
                a_timeline_holds_only_its_own_message
                a_long_timeline_holds_its_last_thousand_events
            }
            events {
                an_empty_log_is_empty
                the_log_is_in_the_order_of_what_happened
                an_event_bears_the_trace_of_its_message
                pages_hold_every_event_once
                the_log_and_the_timeline_tell_the_same
                a_reader_at_the_end_sees_what_comes_next
                a_reader_that_begins_at_the_end_sees_only_what_comes_next
                the_end_is_before_what_is_written_after_a_purge
                positions_are_not_used_twice_after_a_purge
                an_event_has_the_owner_of_its_message
                a_reader_with_a_scope_sees_events_of_its_owner_only
                a_reader_of_some_kinds_sees_no_others
            }
            stats {
                an_empty_store_counts_nothing
                every_state_is_counted
                the_range_holds_its_start_and_not_its_end
            }
            purge {
                a_message_that_is_to_be_sent_stays
                only_old_messages_go
                a_message_ages_from_its_last_change
                a_purged_message_is_gone_from_everywhere
                the_key_of_a_purged_message_is_free
                the_log_of_other_messages_stays
                old_parked_receipts_go
                no_more_than_the_limit_go_at_a_time
                a_route_is_purged_by_age_and_no_other
                the_newest_of_a_route_stay
                a_purged_message_of_a_route_frees_its_key
            }
            concurrent {
                each_message_is_begun_by_one_worker
                one_key_stores_one_message
                a_job_is_offered_to_one_caretaker
                a_cancelled_message_is_not_begun
                a_rescue_that_races_with_the_settlement_loses_nothing
                one_settlement_of_many_is_written
                a_reader_of_the_log_skips_nothing
            }
        } }

        mod model {
            #[allow(unused_imports)]
            use super::*;

            #[test]
            fn every_step_matches_the_model() {
                $crate::run_without_limit($crate::model::every_step_matches_the_model(
                    async || $harness,
                ));
            }
        }
    };
}
