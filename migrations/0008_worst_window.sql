CREATE TABLE "cta"."worst_windows" (
	"kind" text NOT NULL,
	"window_ms" integer NOT NULL,
	"calls" integer NOT NULL,
	"first_left_at" timestamp (3) with time zone,
	"last_left_at" timestamp (3) with time zone,
	"until" timestamp (3) with time zone NOT NULL,
	CONSTRAINT "worst_windows_kind_window_ms_pk" PRIMARY KEY("kind","window_ms"),
	CONSTRAINT "worst_windows_kind" CHECK (kind in ('text', 'image')),
	CONSTRAINT "worst_windows_calls" CHECK ("cta"."worst_windows"."calls" >= 0 and ("cta"."worst_windows"."calls" = 0) = ("cta"."worst_windows"."first_left_at" is null) and ("cta"."worst_windows"."calls" = 0) = ("cta"."worst_windows"."last_left_at" is null))
);
--> statement-breakpoint
CREATE INDEX "sources_line" ON "cta"."sources" USING btree ("fair_tag") WHERE status = 'pending';