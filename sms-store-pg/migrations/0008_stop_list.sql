-- Phone numbers that nothing is sent to. See sms-core/src/stop_list.rs.
CREATE TABLE stop_list (
    number          bigint    NOT NULL,
    added_at        bigint    NOT NULL,
    reason          text      NOT NULL,
    added_by        text      NOT NULL,
    CONSTRAINT stop_list_pkey PRIMARY KEY (number)
);
