-- Messages of routes other than the default one, such as tests: listed, counted and purged by themselves. Those of the default
-- route, which nearly all are, have no entry.
CREATE INDEX messages_route ON messages (route, id) WHERE route <> 'default';
