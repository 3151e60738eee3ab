ALTER TABLE "cta"."ai_calls" ADD COLUMN "probe" boolean DEFAULT false NOT NULL;--> statement-breakpoint
ALTER TABLE "cta"."call_limits" ADD COLUMN "failing_since" timestamp (3) with time zone;--> statement-breakpoint
ALTER TABLE "cta"."call_limits" ADD COLUMN "failing_code" text;--> statement-breakpoint
ALTER TABLE "cta"."call_limits" ADD COLUMN "probe_after" timestamp (3) with time zone;--> statement-breakpoint
ALTER TABLE "cta"."previews" ADD COLUMN "queued_at" timestamp (3) with time zone;--> statement-breakpoint
CREATE INDEX "ai_calls_ended" ON "cta"."ai_calls" USING btree ("kind","ended_at") WHERE status <> 'sent';--> statement-breakpoint
ALTER TABLE "cta"."call_limits" ADD CONSTRAINT "call_limits_breaker" CHECK (("cta"."call_limits"."failing_since" is null) = ("cta"."call_limits"."probe_after" is null) and ("cta"."call_limits"."failing_since" is null) = ("cta"."call_limits"."failing_code" is null));