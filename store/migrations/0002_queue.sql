-- The queue at speed: what a message costs on its way through, and what a million waiting ones cost the next.

-- Mail of a few KB stays in its row: the side table of large values costs several rows and index entries a message.
alter table bodies set (toast_tuple_target = 8160);
-- False: its one recipient was delivered, or will be, and the body goes in the same commit. True: looked after by a
-- chore, because several recipients share it, a bounce may quote it, or probes copy it.
alter table bodies add column sweep boolean not null default true;
create index bodies_to_sweep on bodies (id) where sweep;

-- Marketing without one-click unsubscribe stays off cold lanes.
alter table queue add column if not exists one_click boolean not null default true;

-- Ready mail is found by flow (stream and tenant of a pool at a provider), in the order it became due.
drop index queue_fresh;
drop index if exists queue_by_tenant;
create index queue_ready on queue (pool, provider, stream, tenant, due, id) where claim is null and address is null;
drop index queue_kept;
create index queue_kept on queue (address, provider, stream, due, id) where claim is null and address is not null;

-- Two processes that count the same lane's minute must not wait for each other's commit.
alter table rollups add column process text not null default '';
alter table rollups drop constraint rollups_pkey;
alter table rollups add primary key (address, provider, campaign, bucket, process);
alter table rollups set (fillfactor = 50);
