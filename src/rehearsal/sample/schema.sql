-- The sample database of a rehearsal: a multi-tenant CRM with telephony, messaging and contracts.
-- `tenant_id` and `business_id` are the same number in different generations of such a product.
-- Only primary keys and the three named indexes at the end exist before a rollout; a rollback has to leave them alone.

CREATE TABLE leads (
    id bigint PRIMARY KEY,
    tenant_id integer NOT NULL,
    full_name text NOT NULL,
    status text NOT NULL,
    source text,
    phone_e164 text,
    email text,
    external_id text,
    owner_user_id bigint,
    order_index integer NOT NULL DEFAULT 0,
    outbound_list_id bigint,
    detected_topic_id bigint,
    last_contact_at timestamptz,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    notes text
);

CREATE TABLE lead_reminders (
    id bigint PRIMARY KEY,
    tenant_id integer NOT NULL,
    lead_id bigint NOT NULL,
    title text NOT NULL,
    due_at timestamptz NOT NULL,
    done_at timestamptz
);

CREATE TABLE lead_activities (
    id bigint PRIMARY KEY,
    tenant_id integer NOT NULL,
    lead_id bigint NOT NULL,
    type text NOT NULL,
    at timestamptz NOT NULL,
    actor_user_id bigint,
    summary text,
    payload jsonb NOT NULL DEFAULT '{}'
);

CREATE TABLE lead_merge_candidates (
    id bigint PRIMARY KEY,
    tenant_id integer NOT NULL,
    lead_id bigint NOT NULL,
    duplicate_lead_id bigint NOT NULL,
    confidence numeric(4, 3) NOT NULL,
    decided_at timestamptz
);

CREATE TABLE outbound_lead_lists (
    id bigint PRIMARY KEY,
    tenant_id integer NOT NULL,
    name text NOT NULL,
    imported_at timestamptz NOT NULL
);

CREATE TABLE lead_attachments (
    id bigint PRIMARY KEY,
    tenant_id integer NOT NULL,
    lead_id bigint NOT NULL,
    note_id bigint,
    file_name text NOT NULL,
    content_type text NOT NULL,
    byte_size bigint NOT NULL,
    created_at timestamptz NOT NULL
);

CREATE TABLE project_leads (
    id bigint PRIMARY KEY,
    project_id bigint NOT NULL,
    lead_id bigint NOT NULL,
    added_at timestamptz NOT NULL
);

CREATE TABLE call_turn (
    id bigint PRIMARY KEY,
    business_id integer NOT NULL,
    call_sid text NOT NULL,
    turn_no integer NOT NULL,
    speaker text NOT NULL,
    transcript text,
    latency_ms integer,
    started_at timestamptz NOT NULL
);

CREATE TABLE call_session (
    id bigint PRIMARY KEY,
    business_id integer NOT NULL,
    call_sid text NOT NULL,
    lead_id bigint,
    state text NOT NULL,
    started_at timestamptz NOT NULL,
    ended_at timestamptz
);

CREATE TABLE outbound_call_runs (
    id bigint PRIMARY KEY,
    business_id integer NOT NULL,
    status text NOT NULL,
    concurrency integer NOT NULL,
    created_at timestamptz NOT NULL,
    finished_at timestamptz
);

CREATE TABLE outbound_call_jobs (
    id bigint PRIMARY KEY,
    run_id bigint NOT NULL,
    lead_id bigint NOT NULL,
    project_id bigint,
    status text NOT NULL,
    call_sid text,
    twilio_call_sid text,
    dial_lock_token text,
    attempts integer NOT NULL DEFAULT 0,
    updated_at timestamptz NOT NULL
);

CREATE TABLE call_log (
    id bigint PRIMARY KEY,
    business_id integer NOT NULL,
    lead_id bigint,
    project_id bigint,
    call_sid text NOT NULL,
    parent_call_sid text,
    twilio_direction text,
    detected_topic_id bigint,
    duration_seconds integer,
    summary text,
    started_at timestamptz NOT NULL
);

CREATE TABLE whatsapp_conversation_state (
    id bigint PRIMARY KEY,
    business_id integer NOT NULL,
    phone text NOT NULL,
    step text NOT NULL,
    context jsonb NOT NULL DEFAULT '{}',
    updated_at timestamptz NOT NULL
);

CREATE TABLE whatsapp_conversation (
    id bigint PRIMARY KEY,
    business_id integer NOT NULL,
    customer_wa_id text NOT NULL,
    is_open boolean NOT NULL,
    detected_topic_id bigint,
    last_message_at timestamptz,
    last_customer_message_at timestamptz,
    created_at timestamptz NOT NULL
);

CREATE TABLE whatsapp_broadcasts (
    id bigint PRIMARY KEY,
    business_id integer NOT NULL,
    name text NOT NULL,
    status text NOT NULL,
    scheduled_at timestamptz
);

CREATE TABLE whatsapp_broadcast_recipients (
    id bigint PRIMARY KEY,
    broadcast_id bigint NOT NULL,
    phone text NOT NULL,
    status text NOT NULL,
    error_code integer,
    sent_at timestamptz
);

CREATE TABLE contract (
    id bigint PRIMARY KEY,
    business_id integer NOT NULL,
    lead_id bigint,
    title text NOT NULL,
    status text NOT NULL,
    amount numeric(12, 2),
    created_at timestamptz NOT NULL,
    signed_at timestamptz
);

CREATE TABLE contract_files (
    id bigint PRIMARY KEY,
    business_id integer NOT NULL,
    contract_id bigint NOT NULL,
    attachment_id bigint,
    purpose text NOT NULL,
    created_at timestamptz NOT NULL
);

CREATE TABLE contract_sign_tokens (
    id bigint PRIMARY KEY,
    contract_id bigint NOT NULL,
    token_hash text NOT NULL,
    expires_at timestamptz NOT NULL,
    used_at timestamptz
);

CREATE TABLE contract_sign_events (
    id bigint PRIMARY KEY,
    business_id integer NOT NULL,
    contract_id bigint NOT NULL,
    event text NOT NULL,
    client_address inet,
    user_agent text,
    created_at timestamptz NOT NULL
);

CREATE TABLE refresh_tokens (
    id bigint PRIMARY KEY,
    tenant_id integer NOT NULL,
    user_id bigint NOT NULL,
    token_hash text NOT NULL,
    device text,
    is_valid boolean NOT NULL,
    issued_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL
);

CREATE TABLE outbound_projects (
    id bigint PRIMARY KEY,
    tenant_id integer NOT NULL,
    name text NOT NULL,
    status text NOT NULL,
    created_at timestamptz NOT NULL
);

CREATE TABLE threads (
    id bigint PRIMARY KEY,
    business_id integer NOT NULL,
    lead_id bigint,
    subject text,
    channel text NOT NULL,
    last_message_at timestamptz
);

CREATE TABLE messages (
    id bigint PRIMARY KEY,
    thread_id bigint NOT NULL,
    direction text NOT NULL,
    provider_message_id text NOT NULL,
    body text,
    read_at timestamptz,
    created_at timestamptz NOT NULL,
    CONSTRAINT messages_provider_message_id_key UNIQUE (provider_message_id)
);

CREATE TABLE prompt_revisions (
    id bigint PRIMARY KEY,
    tenant_id integer NOT NULL,
    version integer NOT NULL,
    author_user_id bigint,
    body text NOT NULL,
    created_at timestamptz NOT NULL
);

CREATE TABLE business_contact_channels (
    id bigint PRIMARY KEY,
    business_id integer NOT NULL,
    channel_type text NOT NULL,
    identifier text NOT NULL,
    is_primary boolean NOT NULL
);

CREATE TABLE faqs (
    id bigint PRIMARY KEY,
    business_id integer NOT NULL,
    question text NOT NULL,
    answer text NOT NULL,
    is_active boolean NOT NULL
);

CREATE TABLE business_topics (
    id bigint PRIMARY KEY,
    business_id integer NOT NULL,
    name text NOT NULL,
    synonyms text[] NOT NULL DEFAULT '{}',
    is_active boolean NOT NULL
);

CREATE INDEX call_log_business_recent ON call_log (business_id, started_at DESC);
CREATE INDEX leads_unassigned ON leads (tenant_id) WHERE owner_user_id IS NULL;
