CREATE SCHEMA "cta";
--> statement-breakpoint
CREATE TABLE "cta"."ai_calls" (
	"id" uuid PRIMARY KEY NOT NULL,
	"workspace_id" uuid,
	"preview_id" uuid,
	"kind" text NOT NULL,
	"generation" integer NOT NULL,
	"round" integer DEFAULT 1 NOT NULL,
	"attempt" integer NOT NULL,
	"worker_id" uuid,
	"status" text DEFAULT 'sent' NOT NULL,
	"counted" boolean NOT NULL,
	"probe" boolean DEFAULT false NOT NULL,
	"claimed_at" timestamp (3) with time zone DEFAULT clock_timestamp() NOT NULL,
	"left_at" timestamp (3) with time zone,
	"ended_at" timestamp (3) with time zone,
	"error_code" text,
	"provider" text NOT NULL,
	"model" text NOT NULL,
	"input_tokens" integer,
	"output_tokens" integer,
	"answer" jsonb,
	"asset_id" uuid,
	CONSTRAINT "ai_calls_kind" CHECK (kind in ('text', 'image')),
	CONSTRAINT "ai_calls_status" CHECK (status in ('sent', 'answered', 'refused', 'failed', 'unknown')),
	CONSTRAINT "ai_calls_ended" CHECK (("cta"."ai_calls"."status" = 'sent') = ("cta"."ai_calls"."ended_at" is null)),
	CONSTRAINT "ai_calls_attempt" CHECK ("cta"."ai_calls"."attempt" >= 1 and "cta"."ai_calls"."generation" >= 1)
);
--> statement-breakpoint
CREATE TABLE "cta"."call_limits" (
	"kind" text PRIMARY KEY NOT NULL,
	"rate" text NOT NULL,
	"max_calls" integer,
	"window_ms" integer,
	"paused_until" timestamp (3) with time zone,
	"failing_since" timestamp (3) with time zone,
	"failing_code" text,
	"probe_after" timestamp (3) with time zone,
	"updated_at" timestamp (3) with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "call_limits_kind" CHECK (kind in ('text', 'image')),
	CONSTRAINT "call_limits_breaker" CHECK (("cta"."call_limits"."failing_since" is null) = ("cta"."call_limits"."probe_after" is null) and ("cta"."call_limits"."failing_since" is null) = ("cta"."call_limits"."failing_code" is null)),
	CONSTRAINT "call_limits_rate" CHECK (("cta"."call_limits"."max_calls" is null) = ("cta"."call_limits"."window_ms" is null) and coalesce("cta"."call_limits"."max_calls", 1) > 0 and coalesce("cta"."call_limits"."window_ms", 1) > 0)
);
--> statement-breakpoint
CREATE TABLE "cta"."assets" (
	"id" uuid PRIMARY KEY NOT NULL,
	"workspace_id" uuid NOT NULL,
	"key" text NOT NULL,
	"sha256" "bytea" NOT NULL,
	"content_type" text NOT NULL,
	"width" integer NOT NULL,
	"height" integer NOT NULL,
	"bytes" "bytea" NOT NULL,
	"created_at" timestamp (3) with time zone DEFAULT now() NOT NULL,
	"used_at" timestamp (3) with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "assets_key_unique" UNIQUE("key"),
	CONSTRAINT "assets_in_workspace" UNIQUE("id","workspace_id"),
	CONSTRAINT "assets_sha256_length" CHECK (octet_length("cta"."assets"."sha256") = 32),
	CONSTRAINT "assets_size" CHECK ("cta"."assets"."width" > 0 and "cta"."assets"."height" > 0)
);
--> statement-breakpoint
CREATE TABLE "cta"."batches" (
	"id" uuid PRIMARY KEY NOT NULL,
	"workspace_id" uuid NOT NULL,
	"task_id" uuid NOT NULL,
	"name" text,
	"cancel_requested_at" timestamp (3) with time zone,
	"started_at" timestamp (3) with time zone,
	"finished_at" timestamp (3) with time zone,
	"created_at" timestamp (3) with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "batches_in_workspace" UNIQUE("id","workspace_id"),
	CONSTRAINT "batches_name_length" CHECK (char_length("cta"."batches"."name") between 1 and 120)
);
--> statement-breakpoint
CREATE TABLE "cta"."sources" (
	"id" uuid PRIMARY KEY NOT NULL,
	"workspace_id" uuid NOT NULL,
	"batch_id" uuid NOT NULL,
	"position" integer NOT NULL,
	"url" text NOT NULL,
	"batch_size" integer NOT NULL,
	"locale" text,
	"tone" text,
	"given" jsonb,
	"status" text DEFAULT 'pending' NOT NULL,
	"product_id" uuid,
	"worker_id" uuid,
	"attempts" integer DEFAULT 0 NOT NULL,
	"attempts_forgiven" integer DEFAULT 0 NOT NULL,
	"start_tag" integer,
	"brief" jsonb,
	"error_code" text,
	"error_message" text,
	"claimed_at" timestamp (3) with time zone,
	"started_at" timestamp (3) with time zone,
	"finished_at" timestamp (3) with time zone,
	"created_at" timestamp (3) with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "sources_in_batch" UNIQUE("id","batch_id","workspace_id"),
	CONSTRAINT "sources_status" CHECK (status in ('pending', 'running', 'done', 'failed')),
	CONSTRAINT "sources_locale_length" CHECK (char_length("cta"."sources"."locale") <= 35),
	CONSTRAINT "sources_tone_length" CHECK (char_length("cta"."sources"."tone") <= 200),
	CONSTRAINT "sources_url_length" CHECK (char_length("cta"."sources"."url") between 1 and 2048),
	CONSTRAINT "sources_batch_size" CHECK ("cta"."sources"."batch_size" between 1 and 1000),
	CONSTRAINT "sources_finished" CHECK (("cta"."sources"."status" in ('done', 'failed')) = ("cta"."sources"."finished_at" is not null)),
	CONSTRAINT "sources_worker" CHECK (("cta"."sources"."status" = 'running') = ("cta"."sources"."worker_id" is not null)),
	CONSTRAINT "sources_error" CHECK (("cta"."sources"."status" = 'failed') = ("cta"."sources"."error_code" is not null))
);
--> statement-breakpoint
CREATE TABLE "cta"."idempotency_keys" (
	"workspace_id" uuid NOT NULL,
	"key" text NOT NULL,
	"fingerprint" "bytea" NOT NULL,
	"answer" jsonb,
	"created_at" timestamp (3) with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "idempotency_keys_workspace_id_key_pk" PRIMARY KEY("workspace_id","key"),
	CONSTRAINT "idempotency_keys_key_length" CHECK (char_length("cta"."idempotency_keys"."key") between 1 and 255)
);
--> statement-breakpoint
CREATE TABLE "cta"."preview_assets" (
	"preview_id" uuid NOT NULL,
	"asset_id" uuid NOT NULL,
	"workspace_id" uuid NOT NULL,
	CONSTRAINT "preview_assets_preview_id_asset_id_pk" PRIMARY KEY("preview_id","asset_id")
);
--> statement-breakpoint
CREATE TABLE "cta"."previews" (
	"id" uuid PRIMARY KEY NOT NULL,
	"workspace_id" uuid NOT NULL,
	"batch_id" uuid NOT NULL,
	"source_id" uuid NOT NULL,
	"product_id" uuid,
	"image_id" uuid,
	"position" integer NOT NULL,
	"variant" integer DEFAULT 0 NOT NULL,
	"generation" integer DEFAULT 1 NOT NULL,
	"round" integer DEFAULT 1 NOT NULL,
	"status" text DEFAULT 'pending' NOT NULL,
	"queued_at" timestamp (3) with time zone,
	"start_tag" integer,
	"next_step" text,
	"retry_at" timestamp (3) with time zone,
	"ranking" jsonb,
	"generated" jsonb,
	"generator" jsonb,
	"overrides" jsonb,
	"error_code" text,
	"error_message" text,
	"usage_calls" integer DEFAULT 0 NOT NULL,
	"usage_input_tokens" integer DEFAULT 0 NOT NULL,
	"usage_output_tokens" integer DEFAULT 0 NOT NULL,
	"usage_images" integer DEFAULT 0 NOT NULL,
	"usage_ms" bigint DEFAULT 0 NOT NULL,
	"embed_secret" text DEFAULT replace(gen_random_uuid()::text || gen_random_uuid()::text, '-', '') NOT NULL,
	"embed_revoked_at" timestamp (3) with time zone,
	"version" integer DEFAULT 1 NOT NULL,
	"created_at" timestamp (3) with time zone DEFAULT now() NOT NULL,
	"updated_at" timestamp (3) with time zone DEFAULT now() NOT NULL,
	"finished_at" timestamp (3) with time zone,
	CONSTRAINT "previews_status" CHECK (status in ('pending', 'queued', 'running', 'done', 'failed', 'cancelled')),
	CONSTRAINT "previews_finished" CHECK ((status in ('done', 'failed', 'cancelled')) = ("cta"."previews"."finished_at" is not null)),
	CONSTRAINT "previews_done_has_prefill" CHECK ("cta"."previews"."status" <> 'done' or "cta"."previews"."generated" is not null),
	CONSTRAINT "previews_error" CHECK (("cta"."previews"."status" = 'failed') = ("cta"."previews"."error_code" is not null)),
	CONSTRAINT "previews_next_step" CHECK (next_step in ('text', 'image')),
	CONSTRAINT "previews_position" CHECK ("cta"."previews"."position" >= 0 and "cta"."previews"."variant" >= 0)
);
--> statement-breakpoint
CREATE TABLE "cta"."product_images" (
	"id" uuid PRIMARY KEY NOT NULL,
	"workspace_id" uuid NOT NULL,
	"product_id" uuid NOT NULL,
	"asset_id" uuid NOT NULL,
	"url" text NOT NULL,
	"alt" text,
	"rank" integer NOT NULL,
	"score" real NOT NULL,
	"method" text NOT NULL,
	"model" text,
	"palette" jsonb NOT NULL,
	"created_at" timestamp (3) with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "product_images_method" CHECK (method in ('clip', 'heuristic')),
	CONSTRAINT "product_images_rank" CHECK ("cta"."product_images"."rank" >= 0)
);
--> statement-breakpoint
CREATE TABLE "cta"."products" (
	"id" uuid PRIMARY KEY NOT NULL,
	"workspace_id" uuid NOT NULL,
	"address" text NOT NULL,
	"title" text NOT NULL,
	"description" text,
	"brand" text,
	"sku" text,
	"gtin" text,
	"mpn" text,
	"price_amount" numeric,
	"price_currency" text,
	"price_text" text,
	"availability" text,
	"language" text,
	"provenance" jsonb NOT NULL,
	"read_at" timestamp (3) with time zone DEFAULT now() NOT NULL,
	"created_at" timestamp (3) with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "products_in_workspace" UNIQUE("id","workspace_id"),
	CONSTRAINT "products_address_length" CHECK (char_length("cta"."products"."address") between 1 and 2048),
	CONSTRAINT "products_availability" CHECK (availability in ('InStock', 'OutOfStock'))
);
--> statement-breakpoint
CREATE TABLE "cta"."turns" (
	"queue" text NOT NULL,
	"workspace_id" uuid NOT NULL,
	"last_tag" integer DEFAULT -1 NOT NULL,
	CONSTRAINT "turns_workspace_id_queue_pk" PRIMARY KEY("workspace_id","queue"),
	CONSTRAINT "turns_queue" CHECK (queue in ('previews', 'sources'))
);
--> statement-breakpoint
CREATE TABLE "cta"."virtual_times" (
	"queue" text PRIMARY KEY NOT NULL,
	"tag" integer DEFAULT 0 NOT NULL,
	CONSTRAINT "virtual_times_queue" CHECK (queue in ('previews', 'sources'))
);
--> statement-breakpoint
CREATE TABLE "cta"."webhook_deliveries" (
	"id" uuid PRIMARY KEY NOT NULL,
	"workspace_id" uuid NOT NULL,
	"webhook_id" uuid NOT NULL,
	"event" text NOT NULL,
	"subject_id" uuid NOT NULL,
	"payload" jsonb NOT NULL,
	"status" text DEFAULT 'pending' NOT NULL,
	"attempts" integer DEFAULT 0 NOT NULL,
	"last_status" integer,
	"last_error" text,
	"created_at" timestamp (3) with time zone DEFAULT now() NOT NULL,
	"attempted_at" timestamp (3) with time zone,
	"due_at" timestamp (3) with time zone,
	"delivered_at" timestamp (3) with time zone,
	CONSTRAINT "webhook_deliveries_delivered" CHECK (("cta"."webhook_deliveries"."status" = 'delivered') = ("cta"."webhook_deliveries"."delivered_at" is not null)),
	CONSTRAINT "webhook_deliveries_status" CHECK (status in ('pending', 'delivered', 'failed'))
);
--> statement-breakpoint
CREATE TABLE "cta"."webhooks" (
	"id" uuid PRIMARY KEY NOT NULL,
	"workspace_id" uuid NOT NULL,
	"url" text NOT NULL,
	"secret" text NOT NULL,
	"created_at" timestamp (3) with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "webhooks_in_workspace" UNIQUE("id","workspace_id"),
	CONSTRAINT "webhooks_url_length" CHECK (char_length("cta"."webhooks"."url") between 1 and 2048)
);
--> statement-breakpoint
CREATE TABLE "cta"."workers" (
	"id" uuid PRIMARY KEY NOT NULL,
	"capacity" integer DEFAULT 0 NOT NULL,
	"lock_key" integer GENERATED ALWAYS AS IDENTITY (sequence name "cta"."workers_lock_key_seq" INCREMENT BY 1 MINVALUE 1 MAXVALUE 2147483647 START WITH 1 CACHE 1),
	"started_at" timestamp (3) with time zone DEFAULT clock_timestamp() NOT NULL,
	"seen_at" timestamp (3) with time zone DEFAULT clock_timestamp() NOT NULL,
	"died_at" timestamp (3) with time zone,
	CONSTRAINT "workers_lock_key_unique" UNIQUE("lock_key")
);
--> statement-breakpoint
CREATE TABLE "cta"."api_tokens" (
	"id" uuid PRIMARY KEY NOT NULL,
	"workspace_id" uuid NOT NULL,
	"token_hash" "bytea" NOT NULL,
	"expires_at" timestamp (3) with time zone,
	"created_at" timestamp (3) with time zone DEFAULT now() NOT NULL
);
--> statement-breakpoint
CREATE TABLE "cta"."workspaces" (
	"id" uuid PRIMARY KEY NOT NULL,
	"name" text NOT NULL,
	"created_at" timestamp (3) with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "workspaces_name_unique" UNIQUE("name"),
	CONSTRAINT "workspaces_name_length" CHECK (char_length("cta"."workspaces"."name") between 1 and 100)
);
--> statement-breakpoint
ALTER TABLE "cta"."ai_calls" ADD CONSTRAINT "ai_calls_workspace_id_workspaces_id_fk" FOREIGN KEY ("workspace_id") REFERENCES "cta"."workspaces"("id") ON DELETE set null ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "cta"."ai_calls" ADD CONSTRAINT "ai_calls_preview_id_previews_id_fk" FOREIGN KEY ("preview_id") REFERENCES "cta"."previews"("id") ON DELETE set null ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "cta"."ai_calls" ADD CONSTRAINT "ai_calls_asset_id_assets_id_fk" FOREIGN KEY ("asset_id") REFERENCES "cta"."assets"("id") ON DELETE set null ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "cta"."assets" ADD CONSTRAINT "assets_workspace_id_workspaces_id_fk" FOREIGN KEY ("workspace_id") REFERENCES "cta"."workspaces"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "cta"."batches" ADD CONSTRAINT "batches_workspace_id_workspaces_id_fk" FOREIGN KEY ("workspace_id") REFERENCES "cta"."workspaces"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "cta"."sources" ADD CONSTRAINT "sources_product_id_products_id_fk" FOREIGN KEY ("product_id") REFERENCES "cta"."products"("id") ON DELETE set null ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "cta"."sources" ADD CONSTRAINT "sources_batch" FOREIGN KEY ("batch_id","workspace_id") REFERENCES "cta"."batches"("id","workspace_id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "cta"."idempotency_keys" ADD CONSTRAINT "idempotency_keys_workspace_id_workspaces_id_fk" FOREIGN KEY ("workspace_id") REFERENCES "cta"."workspaces"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "cta"."preview_assets" ADD CONSTRAINT "preview_assets_preview_id_previews_id_fk" FOREIGN KEY ("preview_id") REFERENCES "cta"."previews"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "cta"."preview_assets" ADD CONSTRAINT "preview_assets_asset" FOREIGN KEY ("asset_id","workspace_id") REFERENCES "cta"."assets"("id","workspace_id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "cta"."previews" ADD CONSTRAINT "previews_image_id_product_images_id_fk" FOREIGN KEY ("image_id") REFERENCES "cta"."product_images"("id") ON DELETE set null ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "cta"."previews" ADD CONSTRAINT "previews_source" FOREIGN KEY ("source_id","batch_id","workspace_id") REFERENCES "cta"."sources"("id","batch_id","workspace_id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "cta"."previews" ADD CONSTRAINT "previews_product" FOREIGN KEY ("product_id","workspace_id") REFERENCES "cta"."products"("id","workspace_id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "cta"."product_images" ADD CONSTRAINT "product_images_product" FOREIGN KEY ("product_id","workspace_id") REFERENCES "cta"."products"("id","workspace_id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "cta"."product_images" ADD CONSTRAINT "product_images_asset" FOREIGN KEY ("asset_id","workspace_id") REFERENCES "cta"."assets"("id","workspace_id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "cta"."products" ADD CONSTRAINT "products_workspace_id_workspaces_id_fk" FOREIGN KEY ("workspace_id") REFERENCES "cta"."workspaces"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "cta"."turns" ADD CONSTRAINT "turns_workspace_id_workspaces_id_fk" FOREIGN KEY ("workspace_id") REFERENCES "cta"."workspaces"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "cta"."webhook_deliveries" ADD CONSTRAINT "webhook_deliveries_webhook" FOREIGN KEY ("webhook_id","workspace_id") REFERENCES "cta"."webhooks"("id","workspace_id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "cta"."webhooks" ADD CONSTRAINT "webhooks_workspace_id_workspaces_id_fk" FOREIGN KEY ("workspace_id") REFERENCES "cta"."workspaces"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "cta"."api_tokens" ADD CONSTRAINT "api_tokens_workspace_id_workspaces_id_fk" FOREIGN KEY ("workspace_id") REFERENCES "cta"."workspaces"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
CREATE UNIQUE INDEX "ai_calls_one_answer" ON "cta"."ai_calls" USING btree ("preview_id","generation","kind") WHERE status = 'answered';--> statement-breakpoint
CREATE INDEX "ai_calls_preview" ON "cta"."ai_calls" USING btree ("preview_id","generation");--> statement-breakpoint
CREATE INDEX "ai_calls_left" ON "cta"."ai_calls" USING btree ("kind","left_at") WHERE counted;--> statement-breakpoint
CREATE INDEX "ai_calls_ended" ON "cta"."ai_calls" USING btree ("kind","ended_at") WHERE status <> 'sent';--> statement-breakpoint
CREATE INDEX "ai_calls_open" ON "cta"."ai_calls" USING btree ("worker_id") WHERE status = 'sent';--> statement-breakpoint
CREATE INDEX "ai_calls_workspace" ON "cta"."ai_calls" USING btree ("workspace_id");--> statement-breakpoint
CREATE INDEX "ai_calls_asset" ON "cta"."ai_calls" USING btree ("asset_id") WHERE asset_id is not null;--> statement-breakpoint
CREATE UNIQUE INDEX "assets_workspace_sha256" ON "cta"."assets" USING btree ("workspace_id","sha256");--> statement-breakpoint
CREATE UNIQUE INDEX "batches_task" ON "cta"."batches" USING btree ("task_id");--> statement-breakpoint
CREATE INDEX "batches_finished" ON "cta"."batches" USING btree ("finished_at");--> statement-breakpoint
CREATE INDEX "batches_unfinished" ON "cta"."batches" USING btree ("id") WHERE finished_at is null;--> statement-breakpoint
CREATE INDEX "batches_workspace_created" ON "cta"."batches" USING btree ("workspace_id","created_at","id");--> statement-breakpoint
CREATE UNIQUE INDEX "sources_batch_position" ON "cta"."sources" USING btree ("batch_id","position");--> statement-breakpoint
CREATE INDEX "sources_waiting" ON "cta"."sources" USING btree ("workspace_id","start_tag") WHERE status = 'pending';--> statement-breakpoint
CREATE INDEX "sources_queue" ON "cta"."sources" USING btree ("start_tag") WHERE status = 'pending';--> statement-breakpoint
CREATE INDEX "sources_done" ON "cta"."sources" USING btree ("finished_at") WHERE status = 'done';--> statement-breakpoint
CREATE INDEX "sources_product" ON "cta"."sources" USING btree ("product_id");--> statement-breakpoint
CREATE INDEX "sources_running_worker" ON "cta"."sources" USING btree ("worker_id") WHERE status = 'running';--> statement-breakpoint
CREATE INDEX "idempotency_keys_created" ON "cta"."idempotency_keys" USING btree ("created_at");--> statement-breakpoint
CREATE INDEX "preview_assets_asset" ON "cta"."preview_assets" USING btree ("asset_id");--> statement-breakpoint
CREATE UNIQUE INDEX "previews_source_position" ON "cta"."previews" USING btree ("source_id","position");--> statement-breakpoint
CREATE INDEX "previews_workspace_created" ON "cta"."previews" USING btree ("workspace_id","created_at","id");--> statement-breakpoint
CREATE INDEX "previews_workspace_status" ON "cta"."previews" USING btree ("workspace_id","status","created_at","id");--> statement-breakpoint
CREATE INDEX "previews_batch_created" ON "cta"."previews" USING btree ("batch_id","created_at","id");--> statement-breakpoint
CREATE INDEX "previews_product_created" ON "cta"."previews" USING btree ("product_id","created_at","id");--> statement-breakpoint
CREATE INDEX "previews_image" ON "cta"."previews" USING btree ("image_id");--> statement-breakpoint
CREATE INDEX "previews_running" ON "cta"."previews" USING btree ("id") WHERE status = 'running';--> statement-breakpoint
CREATE INDEX "previews_queue" ON "cta"."previews" USING btree ("start_tag","id") WHERE status = 'queued';--> statement-breakpoint
CREATE INDEX "previews_waiting" ON "cta"."previews" USING btree ("workspace_id","start_tag") WHERE status = 'queued';--> statement-breakpoint
CREATE UNIQUE INDEX "product_images_product_asset" ON "cta"."product_images" USING btree ("product_id","asset_id");--> statement-breakpoint
CREATE INDEX "product_images_asset" ON "cta"."product_images" USING btree ("asset_id");--> statement-breakpoint
CREATE UNIQUE INDEX "products_workspace_address" ON "cta"."products" USING btree ("workspace_id","address");--> statement-breakpoint
CREATE INDEX "webhook_deliveries_workspace_created" ON "cta"."webhook_deliveries" USING btree ("workspace_id","created_at","id");--> statement-breakpoint
CREATE INDEX "webhook_deliveries_webhook" ON "cta"."webhook_deliveries" USING btree ("webhook_id");--> statement-breakpoint
CREATE INDEX "webhook_deliveries_created" ON "cta"."webhook_deliveries" USING btree ("created_at");--> statement-breakpoint
CREATE UNIQUE INDEX "webhooks_workspace_url" ON "cta"."webhooks" USING btree ("workspace_id","url");--> statement-breakpoint
CREATE UNIQUE INDEX "api_tokens_token_hash" ON "cta"."api_tokens" USING btree ("token_hash");--> statement-breakpoint
CREATE INDEX "api_tokens_workspace" ON "cta"."api_tokens" USING btree ("workspace_id");