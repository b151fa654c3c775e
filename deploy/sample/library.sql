-- The second database of the sample cluster: large objects and long texts.
set role sample_owner;
create table books (
  id integer generated always as identity primary key,
  title text not null,
  text text not null,
  cover oid,
  search tsvector generated always as (to_tsvector('simple', title || ' ' || text)) stored
);
create index idx_books_search on books using gin (search);

insert into books (title, text)
select format('Volume %s', n), string_agg(md5((n * 1000 + part)::text), ' ')
from generate_series(1, 400) n, generate_series(1, 250) part
group by n;

update books set cover = lo_from_bytea(0, decode(repeat(md5(id::text), 500), 'hex')) where id <= 20;
reset role;
analyze;
