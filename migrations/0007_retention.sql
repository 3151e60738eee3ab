ALTER TABLE "cta"."ai_calls" DROP CONSTRAINT "ai_calls_worker_id_workers_id_fk";
--> statement-breakpoint
ALTER TABLE "cta"."sources" DROP CONSTRAINT "sources_worker_id_workers_id_fk";
--> statement-breakpoint
ALTER TABLE "cta"."assets" ADD COLUMN "used_at" timestamp (3) with time zone DEFAULT now() NOT NULL;--> statement-breakpoint
CREATE INDEX "batches_finished" ON "cta"."batches" USING btree ("finished_at");