-- Two roles and a database, so that the process that faces the internet cannot change tables:
--   cta_owner    owns the database, and runs nothing but `cta-batch migrate`
--   cta_service  runs `cta-batch start` and everything else: it reads and writes rows
--
--   CTA_OWNER_PASSWORD=… CTA_SERVICE_PASSWORD=… \
--     psql --set ON_ERROR_STOP=1 --file deploy/roles.sql "$ADMIN_URL"
--
-- The admin must be a superuser, or be allowed to create roles and databases. compose.yaml runs
-- this file when it creates its database.

\getenv owner_password CTA_OWNER_PASSWORD
\getenv service_password CTA_SERVICE_PASSWORD

create role cta_owner login password :'owner_password';
create role cta_service login password :'service_password';
-- A role that is not a superuser can make only a role of which it is a member the owner.
grant cta_owner to current_user;
create database cta owner cta_owner;
revoke all on database cta from public;
grant connect on database cta to cta_service;

\connect cta

-- For everything that the owner creates in migrations, now and later.
alter default privileges for role cta_owner grant usage on schemas to cta_service;
alter default privileges for role cta_owner grant select, insert, update, delete on tables to cta_service;
alter default privileges for role cta_owner grant usage on sequences to cta_service;
