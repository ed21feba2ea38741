-- Items of bulk actions and imports. See sms-core/src/worklists.
CREATE TABLE work_items (
    number          bigint    NOT NULL,
    state           smallint  NOT NULL,
    list            text      COLLATE "C" NOT NULL,
    payload         text      NOT NULL,
    result          text,
    CONSTRAINT work_items_pkey PRIMARY KEY (list, number)
) WITH (fillfactor = 80, autovacuum_vacuum_scale_factor = 0.05);
