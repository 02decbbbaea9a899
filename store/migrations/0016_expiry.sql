-- Mail whose time is over is looked for every second: without an index that reads the whole queue, a million rows a second.
create index queue_expires on queue (expires) where claim is null;
