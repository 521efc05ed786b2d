-- Rows of the sample database: one statement for each table, separated by a line of two dashes.
-- `{table}` stands for the number of rows of that table. Everything is a hash of the row number, so that the same
-- scale gives the same rows on every server: pick(i, salt) is a fraction, tenant(i) follows 1/rank over 400 tenants
-- (the largest owns about 11 %), moment(i, salt) lies in the two years before 2026-06-01.
CREATE OR REPLACE FUNCTION pg_temp.pick(i bigint, salt bigint) RETURNS double precision
    LANGUAGE sql IMMUTABLE AS 'SELECT (hashint8extended(i, salt) & 1073741823) / 1073741824.0::double precision';
CREATE OR REPLACE FUNCTION pg_temp.upto(i bigint, salt bigint, n bigint) RETURNS bigint
    LANGUAGE sql IMMUTABLE AS 'SELECT 1 + (hashint8extended(i, salt) & 1073741823) % n';
CREATE OR REPLACE FUNCTION pg_temp.tenant(i bigint) RETURNS integer
    LANGUAGE sql IMMUTABLE AS 'SELECT floor(exp(pg_temp.pick(i, 1) * ln(401::double precision)))::integer';
CREATE OR REPLACE FUNCTION pg_temp.moment(i bigint, salt bigint) RETURNS timestamptz
    LANGUAGE sql IMMUTABLE AS
    'SELECT timestamptz ''2024-06-01 00:00:00+00'' + pg_temp.pick(i, salt) * interval ''730 days''';
CREATE OR REPLACE FUNCTION pg_temp.phone(i bigint) RETURNS text
    LANGUAGE sql IMMUTABLE AS 'SELECT ''+4479'' || lpad((i * 7919 % 100000000)::text, 8, ''0'')';
CREATE OR REPLACE FUNCTION pg_temp.sid(i bigint) RETURNS text
    LANGUAGE sql IMMUTABLE AS 'SELECT ''CA'' || md5(i::text)'
--
INSERT INTO leads
SELECT i, pg_temp.tenant(i), 'Lead number ' || i,
    (ARRAY['new', 'new', 'contacted', 'contacted', 'qualified', 'won', 'lost', 'archived'])[pg_temp.upto(i, 2, 8)],
    (ARRAY['web', 'web', 'phone', 'whatsapp', 'import', 'referral'])[pg_temp.upto(i, 3, 6)],
    pg_temp.phone(i),
    CASE WHEN pg_temp.pick(i, 4) < 0.7 THEN 'person' || i || '@mail.example' END,
    CASE WHEN pg_temp.pick(i, 5) < 0.6 THEN 'ext-' || md5(i::text) END,
    CASE WHEN pg_temp.pick(i, 6) < 0.85 THEN pg_temp.upto(i, 7, 2000) END,
    pg_temp.upto(i, 8, 500)::integer,
    CASE WHEN pg_temp.pick(i, 9) < 0.4 THEN pg_temp.upto(i, 10, {outbound_lead_lists}) END,
    CASE WHEN pg_temp.pick(i, 11) < 0.5 THEN pg_temp.upto(i, 12, {business_topics}) END,
    CASE WHEN pg_temp.pick(i, 13) < 0.8 THEN pg_temp.moment(i, 14) END,
    pg_temp.moment(i, 15), pg_temp.moment(i, 16),
    CASE WHEN i % 3 = 0 THEN repeat('Asked for a call back in the afternoon. ', 1 + (i % 5)::integer) END
FROM generate_series(1::bigint, {leads}) AS i
--
INSERT INTO lead_reminders
SELECT i, pg_temp.tenant(l), l, 'Call back, attempt ' || i % 4, pg_temp.moment(i, 20),
    CASE WHEN i % 3 <> 0 THEN pg_temp.moment(i, 21) END
FROM generate_series(1::bigint, {lead_reminders}) AS i, LATERAL (SELECT pg_temp.upto(i, 22, {leads})) AS lead (l)
--
INSERT INTO lead_activities
SELECT i, pg_temp.tenant(l), l,
    (ARRAY['call', 'call', 'note', 'email', 'status', 'whatsapp', 'meeting'])[pg_temp.upto(i, 30, 7)],
    pg_temp.moment(i, 31), pg_temp.upto(i, 32, 2000), 'Activity recorded by the agent on lead ' || l,
    jsonb_build_object('channel', i % 5, 'auto', i % 2 = 0)
FROM generate_series(1::bigint, {lead_activities}) AS i, LATERAL (SELECT pg_temp.upto(i, 33, {leads})) AS lead (l)
--
INSERT INTO lead_merge_candidates
SELECT i, pg_temp.tenant(l), l, pg_temp.upto(i, 40, {leads}), (pg_temp.pick(i, 41))::numeric(4, 3),
    CASE WHEN i % 4 = 0 THEN pg_temp.moment(i, 42) END
FROM generate_series(1::bigint, {lead_merge_candidates}) AS i, LATERAL (SELECT pg_temp.upto(i, 43, {leads})) AS lead (l)
--
INSERT INTO outbound_lead_lists
SELECT i, pg_temp.tenant(i), 'Import ' || i, pg_temp.moment(i, 50)
FROM generate_series(1::bigint, {outbound_lead_lists}) AS i
--
INSERT INTO lead_attachments
SELECT i, pg_temp.tenant(l), l, CASE WHEN i % 2 = 0 THEN pg_temp.upto(i, 60, {lead_activities}) END,
    'document-' || i || '.pdf', 'application/pdf', pg_temp.upto(i, 61, 5000000), pg_temp.moment(i, 62)
FROM generate_series(1::bigint, {lead_attachments}) AS i, LATERAL (SELECT pg_temp.upto(i, 63, {leads})) AS lead (l)
--
INSERT INTO project_leads
SELECT i, pg_temp.upto(i, 70, {outbound_projects}), pg_temp.upto(i, 71, {leads}), pg_temp.moment(i, 72)
FROM generate_series(1::bigint, {project_leads}) AS i
--
INSERT INTO call_turn
SELECT i, pg_temp.tenant(c), pg_temp.sid(c), (i % 20)::integer, CASE WHEN i % 2 = 0 THEN 'agent' ELSE 'caller' END,
    'I would like to know more about the offer, turn ' || i, pg_temp.upto(i, 80, 1500)::integer,
    pg_temp.moment(c, 81) + i % 20 * interval '7 seconds'
FROM generate_series(1::bigint, {call_turn}) AS i, LATERAL (SELECT pg_temp.upto(i, 82, {call_log})) AS call (c)
--
INSERT INTO call_session
SELECT i, pg_temp.tenant(c), pg_temp.sid(c), CASE WHEN i % 5 <> 0 THEN pg_temp.upto(i, 90, {leads}) END,
    CASE WHEN i % 50 = 0 THEN 'live' ELSE 'ended' END, pg_temp.moment(c, 81),
    CASE WHEN i % 50 <> 0 THEN pg_temp.moment(c, 81) + interval '4 minutes' END
FROM generate_series(1::bigint, {call_session}) AS i, LATERAL (SELECT pg_temp.upto(i, 91, {call_log})) AS call (c)
--
INSERT INTO outbound_call_runs
SELECT i, pg_temp.tenant(i), CASE WHEN i % 20 = 0 THEN 'running' ELSE 'finished' END, pg_temp.upto(i, 100, 20)::integer,
    pg_temp.moment(i, 101), CASE WHEN i % 20 <> 0 THEN pg_temp.moment(i, 101) + interval '2 hours' END
FROM generate_series(1::bigint, {outbound_call_runs}) AS i
--
INSERT INTO outbound_call_jobs
SELECT i, pg_temp.upto(i, 110, {outbound_call_runs}), pg_temp.upto(i, 111, {leads}),
    CASE WHEN i % 3 = 0 THEN pg_temp.upto(i, 112, {outbound_projects}) END,
    (ARRAY['queued', 'dialing', 'done', 'done', 'done', 'done', 'failed', 'no_answer'])[pg_temp.upto(i, 113, 8)],
    pg_temp.sid(i), 'CA' || md5('carrier' || i), CASE WHEN i % 8 = 0 THEN md5('lock' || i) END,
    (i % 4)::integer, pg_temp.moment(i, 114)
FROM generate_series(1::bigint, {outbound_call_jobs}) AS i
--
INSERT INTO call_log
SELECT i, pg_temp.tenant(i), CASE WHEN i % 6 <> 0 THEN pg_temp.upto(i, 120, {leads}) END,
    CASE WHEN i % 4 = 0 THEN pg_temp.upto(i, 121, {outbound_projects}) END, pg_temp.sid(i),
    CASE WHEN i % 7 = 0 THEN pg_temp.sid(i - 1) END,
    (ARRAY['inbound', 'inbound', 'outbound-api', 'outbound-dial'])[pg_temp.upto(i, 122, 4)],
    CASE WHEN i % 2 = 0 THEN pg_temp.upto(i, 123, {business_topics}) END, pg_temp.upto(i, 124, 900)::integer,
    'The caller asked about prices and opening hours, call ' || i, pg_temp.moment(i, 81)
FROM generate_series(1::bigint, {call_log}) AS i
--
INSERT INTO whatsapp_conversation_state
SELECT i, pg_temp.tenant(i), pg_temp.phone(i), 'step-' || i % 12, jsonb_build_object('retries', i % 3),
    pg_temp.moment(i, 130)
FROM generate_series(1::bigint, {whatsapp_conversation_state}) AS i
--
INSERT INTO whatsapp_conversation
SELECT i, pg_temp.tenant(i), pg_temp.phone(i), pg_temp.pick(i, 140) < 0.15,
    CASE WHEN i % 3 = 0 THEN pg_temp.upto(i, 141, {business_topics}) END, pg_temp.moment(i, 142),
    pg_temp.moment(i, 142) - interval '3 minutes', pg_temp.moment(i, 143)
FROM generate_series(1::bigint, {whatsapp_conversation}) AS i
--
INSERT INTO whatsapp_broadcasts
SELECT i, pg_temp.tenant(i), 'Broadcast ' || i, CASE WHEN i % 25 = 0 THEN 'scheduled' ELSE 'sent' END,
    pg_temp.moment(i, 150)
FROM generate_series(1::bigint, {whatsapp_broadcasts}) AS i
--
INSERT INTO whatsapp_broadcast_recipients
SELECT i, pg_temp.upto(i, 160, {whatsapp_broadcasts}), pg_temp.phone(i),
    (ARRAY['delivered', 'delivered', 'delivered', 'read', 'read', 'failed'])[pg_temp.upto(i, 161, 6)],
    CASE WHEN i % 6 = 0 THEN 63000 + (i % 40)::integer END, pg_temp.moment(i, 162)
FROM generate_series(1::bigint, {whatsapp_broadcast_recipients}) AS i
--
INSERT INTO contract
SELECT i, pg_temp.tenant(i), pg_temp.upto(i, 170, {leads}), 'Service contract ' || i,
    (ARRAY['draft', 'sent', 'signed', 'signed', 'cancelled'])[pg_temp.upto(i, 171, 5)],
    pg_temp.upto(i, 172, 500000) / 100.0, pg_temp.moment(i, 173), CASE WHEN i % 2 = 0 THEN pg_temp.moment(i, 174) END
FROM generate_series(1::bigint, {contract}) AS i
--
INSERT INTO contract_files
SELECT i, pg_temp.tenant(c), c, CASE WHEN i % 3 <> 0 THEN pg_temp.upto(i, 180, {lead_attachments}) END,
    CASE WHEN i % 2 = 0 THEN 'original' ELSE 'signed' END, pg_temp.moment(i, 181)
FROM generate_series(1::bigint, {contract_files}) AS i, LATERAL (SELECT pg_temp.upto(i, 182, {contract})) AS parent (c)
--
INSERT INTO contract_sign_tokens
SELECT i, pg_temp.upto(i, 190, {contract}), md5('sign' || i) || md5(i || 'sign'), pg_temp.moment(i, 191),
    CASE WHEN i % 2 = 0 THEN pg_temp.moment(i, 192) END
FROM generate_series(1::bigint, {contract_sign_tokens}) AS i
--
INSERT INTO contract_sign_events
SELECT i, pg_temp.tenant(c), c, (ARRAY['opened', 'viewed', 'signed', 'downloaded'])[pg_temp.upto(i, 200, 4)],
    inet '192.0.2.0' + i % 250, 'Mozilla/5.0 (sample)', pg_temp.moment(i, 201)
FROM generate_series(1::bigint, {contract_sign_events}) AS i, LATERAL (SELECT pg_temp.upto(i, 202, {contract})) AS parent (c)
--
INSERT INTO refresh_tokens
SELECT i, pg_temp.tenant(u), u, md5('token' || i) || md5(i || 'token'), 'browser', pg_temp.pick(i, 210) < 0.2,
    pg_temp.moment(i, 211), pg_temp.moment(i, 211) + interval '30 days'
FROM generate_series(1::bigint, {refresh_tokens}) AS i, LATERAL (SELECT pg_temp.upto(i, 212, 2000)) AS owner (u)
--
INSERT INTO outbound_projects
SELECT i, pg_temp.tenant(i), 'Project ' || i, CASE WHEN i % 10 = 0 THEN 'running' ELSE 'closed' END, pg_temp.moment(i, 220)
FROM generate_series(1::bigint, {outbound_projects}) AS i
--
INSERT INTO threads
SELECT i, pg_temp.tenant(i), pg_temp.upto(i, 230, {leads}), 'Question about order ' || i,
    CASE WHEN i % 3 = 0 THEN 'email' ELSE 'chat' END, pg_temp.moment(i, 231)
FROM generate_series(1::bigint, {threads}) AS i
--
INSERT INTO messages
SELECT i, pg_temp.upto(i, 240, {threads}), CASE WHEN i % 2 = 0 THEN 'in' ELSE 'out' END, 'm' || lpad(i::text, 12, '0'),
    'Thank you for your message, we will come back to you shortly. Reference ' || i,
    CASE WHEN i % 4 <> 0 THEN pg_temp.moment(i, 242) END, pg_temp.moment(i, 241)
FROM generate_series(1::bigint, {messages}) AS i
--
INSERT INTO prompt_revisions
SELECT i, pg_temp.tenant(i), (i % 40)::integer, pg_temp.upto(i, 250, 2000),
    repeat('You are a friendly assistant on the phone. ', 8), pg_temp.moment(i, 251)
FROM generate_series(1::bigint, {prompt_revisions}) AS i
--
INSERT INTO business_contact_channels
SELECT i, pg_temp.tenant(i), (ARRAY['phone', 'phone', 'whatsapp', 'email'])[pg_temp.upto(i, 260, 4)], pg_temp.phone(i),
    i % 3 = 0
FROM generate_series(1::bigint, {business_contact_channels}) AS i
--
INSERT INTO faqs
SELECT i, pg_temp.tenant(i), 'What are your opening hours? (' || i || ')', 'We are open from nine to five on weekdays.',
    pg_temp.pick(i, 270) < 0.8
FROM generate_series(1::bigint, {faqs}) AS i
--
INSERT INTO business_topics
SELECT i, pg_temp.tenant(i), 'Topic ' || i, ARRAY['synonym ' || i % 7, 'alias ' || i % 11], pg_temp.pick(i, 280) < 0.9
FROM generate_series(1::bigint, {business_topics}) AS i
