CREATE UNLOGGED TABLE "cta"."announcements" (
	"batch_id" uuid PRIMARY KEY NOT NULL,
	"announced_at" timestamp with time zone NOT NULL
);
--> statement-breakpoint
ALTER TABLE "cta"."webhook_deliveries" ADD COLUMN "due_at" timestamp (3) with time zone;--> statement-breakpoint
ALTER TABLE "cta"."announcements" ADD CONSTRAINT "announcements_batch_id_batches_id_fk" FOREIGN KEY ("batch_id") REFERENCES "cta"."batches"("id") ON DELETE cascade ON UPDATE no action;