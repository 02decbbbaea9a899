-- After a stop is lifted its mail comes back at a part of the pace until then.
alter table holds add column ease_until timestamptz;
create index holds_easing on holds (ease_until) where ease_until is not null;
