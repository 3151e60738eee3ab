-- Images are already compressed. Compressing them again would cost CPU time and save no space.
ALTER TABLE "cta"."assets" ALTER COLUMN "bytes" SET STORAGE EXTERNAL;--> statement-breakpoint
-- Each row of these tables is updated several times within minutes. With the default thresholds,
-- vacuum and new statistics would come too late to keep the claims of a running batch fast.
ALTER TABLE "cta"."previews" SET (autovacuum_vacuum_scale_factor = 0.05, autovacuum_analyze_scale_factor = 0.02);--> statement-breakpoint
ALTER TABLE "cta"."ai_calls" SET (autovacuum_vacuum_scale_factor = 0.05, autovacuum_analyze_scale_factor = 0.02);--> statement-breakpoint
INSERT INTO "cta"."virtual_times" ("queue") VALUES ('previews'), ('sources');
