ALTER TABLE "cta"."ai_calls" ADD COLUMN "round" integer DEFAULT 1 NOT NULL;--> statement-breakpoint
ALTER TABLE "cta"."sources" ADD COLUMN "attempts_forgiven" integer DEFAULT 0 NOT NULL;--> statement-breakpoint
ALTER TABLE "cta"."previews" ADD COLUMN "round" integer DEFAULT 1 NOT NULL;