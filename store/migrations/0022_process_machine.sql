-- A pid tells whether a process lives only to others on the same machine: two machines may be called by the same node name.
alter table processes add column machine text;
