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
	"delivered_at" timestamp (3) with time zone,
	CONSTRAINT "webhook_deliveries_status" CHECK (status in ('pending', 'delivered', 'failed'))
);
--> statement-breakpoint
CREATE TABLE "cta"."webhooks" (
	"id" uuid PRIMARY KEY NOT NULL,
	"workspace_id" uuid NOT NULL,
	"url" text NOT NULL,
	"secret" text NOT NULL,
	"created_at" timestamp (3) with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "webhooks_url_length" CHECK (char_length("cta"."webhooks"."url") between 1 and 2048)
);
--> statement-breakpoint
ALTER TABLE "cta"."batches" ADD COLUMN "name" text;--> statement-breakpoint
ALTER TABLE "cta"."sources" ADD COLUMN "locale" text;--> statement-breakpoint
ALTER TABLE "cta"."sources" ADD COLUMN "tone" text;--> statement-breakpoint
ALTER TABLE "cta"."sources" ADD COLUMN "given" jsonb;--> statement-breakpoint
ALTER TABLE "cta"."previews" ADD COLUMN "embed_secret" text DEFAULT replace(gen_random_uuid()::text || gen_random_uuid()::text, '-', '') NOT NULL;--> statement-breakpoint
ALTER TABLE "cta"."idempotency_keys" ADD CONSTRAINT "idempotency_keys_workspace_id_workspaces_id_fk" FOREIGN KEY ("workspace_id") REFERENCES "cta"."workspaces"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "cta"."webhook_deliveries" ADD CONSTRAINT "webhook_deliveries_workspace_id_workspaces_id_fk" FOREIGN KEY ("workspace_id") REFERENCES "cta"."workspaces"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "cta"."webhook_deliveries" ADD CONSTRAINT "webhook_deliveries_webhook_id_webhooks_id_fk" FOREIGN KEY ("webhook_id") REFERENCES "cta"."webhooks"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "cta"."webhooks" ADD CONSTRAINT "webhooks_workspace_id_workspaces_id_fk" FOREIGN KEY ("workspace_id") REFERENCES "cta"."workspaces"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
CREATE INDEX "idempotency_keys_created" ON "cta"."idempotency_keys" USING btree ("created_at");--> statement-breakpoint
CREATE INDEX "webhook_deliveries_workspace_created" ON "cta"."webhook_deliveries" USING btree ("workspace_id","created_at","id");--> statement-breakpoint
CREATE INDEX "webhook_deliveries_webhook" ON "cta"."webhook_deliveries" USING btree ("webhook_id");--> statement-breakpoint
CREATE INDEX "webhook_deliveries_created" ON "cta"."webhook_deliveries" USING btree ("created_at");--> statement-breakpoint
CREATE UNIQUE INDEX "webhooks_workspace_url" ON "cta"."webhooks" USING btree ("workspace_id","url");--> statement-breakpoint
ALTER TABLE "cta"."batches" ADD CONSTRAINT "batches_name_length" CHECK (char_length("cta"."batches"."name") between 1 and 120);--> statement-breakpoint
ALTER TABLE "cta"."sources" ADD CONSTRAINT "sources_locale_length" CHECK (char_length("cta"."sources"."locale") <= 35);--> statement-breakpoint
ALTER TABLE "cta"."sources" ADD CONSTRAINT "sources_tone_length" CHECK (char_length("cta"."sources"."tone") <= 200);