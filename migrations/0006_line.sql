ALTER TABLE "cta"."previews" ADD COLUMN "next_step" text;--> statement-breakpoint
ALTER TABLE "cta"."previews" ADD COLUMN "retry_at" timestamp (3) with time zone;--> statement-breakpoint
ALTER TABLE "cta"."workers" ADD COLUMN "capacity" integer DEFAULT 0 NOT NULL;--> statement-breakpoint
CREATE INDEX "sources_done" ON "cta"."sources" USING btree ("finished_at") WHERE status = 'done';--> statement-breakpoint
CREATE INDEX "previews_line" ON "cta"."previews" USING btree ("fair_tag","id") WHERE status = 'queued';--> statement-breakpoint
CREATE INDEX "previews_pending" ON "cta"."previews" USING btree ("source_id") WHERE status = 'pending';--> statement-breakpoint
ALTER TABLE "cta"."previews" ADD CONSTRAINT "previews_next_step" CHECK (next_step in ('text', 'image'));