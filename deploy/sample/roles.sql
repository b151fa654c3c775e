-- Roles of the sample cluster. May be run again.
do $$
begin
  if not exists (select from pg_roles where rolname = 'sample_owner') then
    create role sample_owner nologin;
  end if;
  if not exists (select from pg_roles where rolname = 'sample_reader') then
    create role sample_reader nologin;
    comment on role sample_reader is 'Reads the shop for reports';
  end if;
end
$$;
alter role sample_reader set statement_timeout = '30s';
