ALTER TABLE "cta"."sources" ADD COLUMN "fair_tag" integer;--> statement-breakpoint
ALTER TABLE "cta"."workspaces" ADD COLUMN "last_page_tag" integer DEFAULT -1 NOT NULL;--> statement-breakpoint
CREATE INDEX "sources_waiting" ON "cta"."sources" USING btree ("workspace_id","fair_tag") WHERE status = 'pending';--> statement-breakpoint
CREATE INDEX "workspaces_last_page_tag" ON "cta"."workspaces" USING btree ("last_page_tag");