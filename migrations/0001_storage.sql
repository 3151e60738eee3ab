-- Images are compressed already: storing them as they are saves the attempt on every write and read.
ALTER TABLE "cta"."assets" ALTER COLUMN "bytes" SET STORAGE EXTERNAL;--> statement-breakpoint
-- Rows that change several times in their life: early vacuum and statistics keep the claim queries fast
-- while a batch is under way.
ALTER TABLE "cta"."previews" SET (autovacuum_vacuum_scale_factor = 0.05, autovacuum_analyze_scale_factor = 0.02);--> statement-breakpoint
ALTER TABLE "cta"."ai_calls" SET (autovacuum_vacuum_scale_factor = 0.05, autovacuum_analyze_scale_factor = 0.02);--> statement-breakpoint
INSERT INTO "cta"."virtual_times" ("queue") VALUES ('previews'), ('sources');
