ALTER TABLE "cta"."previews" ADD COLUMN "usage_calls" integer DEFAULT 0 NOT NULL;--> statement-breakpoint
ALTER TABLE "cta"."previews" ADD COLUMN "usage_input_tokens" integer DEFAULT 0 NOT NULL;--> statement-breakpoint
ALTER TABLE "cta"."previews" ADD COLUMN "usage_output_tokens" integer DEFAULT 0 NOT NULL;--> statement-breakpoint
ALTER TABLE "cta"."previews" ADD COLUMN "usage_pictures" integer DEFAULT 0 NOT NULL;--> statement-breakpoint
ALTER TABLE "cta"."previews" ADD COLUMN "usage_ms" bigint DEFAULT 0 NOT NULL;