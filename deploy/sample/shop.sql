-- A small shop: three schemas, some 60,000 rows. The same on every machine.
set role sample_owner;
create schema sales;
create schema stock;
create schema reporting;

create domain sales.email as text check (value like '%_@_%');
create type sales.order_state as enum ('placed', 'paid', 'shipped', 'returned');

create table stock.products (
  id integer generated always as identity primary key,
  sku text not null unique,
  name text not null,
  price numeric(10, 2) not null check (price > 0),
  tags text[] not null default '{}',
  details jsonb not null default '{}'
);
comment on table stock.products is '商品';

create table stock.movements (
  product_id integer not null references stock.products,
  moved_at timestamptz not null,
  quantity integer not null check (quantity <> 0)
);
create index idx_movements_product_time on stock.movements (product_id, moved_at);

create table sales.customers (
  id integer generated always as identity primary key,
  name text not null,
  email sales.email not null unique,
  city text not null,
  since date not null
);

create table sales.orders (
  id bigint generated always as identity,
  customer_id integer not null references sales.customers,
  ordered_at timestamptz not null,
  state sales.order_state not null,
  primary key (id, ordered_at)
) partition by range (ordered_at);
create table sales.orders_2024 partition of sales.orders for values from ('2024-01-01') to ('2025-01-01');
create table sales.orders_2025 partition of sales.orders for values from ('2025-01-01') to ('2026-01-01');
create index idx_orders_customer on sales.orders (customer_id);

create table sales.order_lines (
  order_id bigint not null,
  line smallint not null,
  product_id integer not null references stock.products,
  quantity integer not null check (quantity > 0),
  price numeric(10, 2) not null,
  total numeric(12, 2) generated always as (quantity * price) stored,
  primary key (order_id, line)
);

insert into stock.products (sku, name, price, tags, details)
select
  format('P-%s', lpad(n::text, 5, '0')),
  format('%s %s', (array['緑茶', 'Sencha', '抹茶', 'Genmaicha', '烏龍茶', 'Hōjicha'])[1 + n % 6], n),
  5 + (n * 37 % 9500) / 100.0,
  array[(array['tea', 'gift', 'organic'])[1 + n % 3], format('line-%s', n % 12)],
  jsonb_build_object('weight_g', 50 + n % 20 * 10, 'origin', (array['Uji', 'Shizuoka', 'Yame', '福建'])[1 + n % 4])
from generate_series(1, 1200) n;

insert into stock.movements (product_id, moved_at, quantity)
select 1 + n * 7 % 1200, timestamptz '2024-01-01 06:00:00+00' + n * interval '47 minutes', case when n % 5 = 0 then 200 else -1 - n % 9 end
from generate_series(1, 16000) n;

insert into sales.customers (name, email, city, since)
select
  format('%s %s', (array['佐藤', 'Müller', '王', 'Smith', '鈴木', 'Ørsted'])[1 + n % 6], n),
  format('customer%s@example.org', n),
  (array['東京', '大阪', '上海', 'Berlin', 'København'])[1 + n % 5],
  date '2020-01-01' + n % 1800
from generate_series(1, 4000) n;

insert into sales.orders (customer_id, ordered_at, state)
select
  1 + n * 13 % 4000,
  timestamptz '2024-01-01 00:00:00+00' + n * interval '70 minutes',
  (array['placed', 'paid', 'shipped', 'shipped', 'shipped', 'returned'])[1 + n % 6]::sales.order_state
from generate_series(1, 14000) n;

insert into sales.order_lines (order_id, line, product_id, quantity, price)
select o.id, l, 1 + (o.id * l * 11) % 1200, 1 + (o.id + l) % 4, 5 + (o.id * l % 9000) / 100.0
from sales.orders o cross join generate_series(1, 2) l;

create view reporting.revenue_by_city as
select c.city, date_trunc('month', o.ordered_at) as month, sum(l.total) as revenue
from sales.orders o
join sales.customers c on c.id = o.customer_id
join sales.order_lines l on l.order_id = o.id
where o.state <> 'returned'
group by 1, 2;

create materialized view reporting.best_sellers as
select p.id, p.name, sum(l.quantity) as sold
from sales.order_lines l join stock.products p on p.id = l.product_id
group by p.id, p.name;

create function reporting.open_orders(customer integer) returns bigint
language sql stable
return (select count(*) from sales.orders where customer_id = customer and state in ('placed', 'paid'));

alter table sales.customers enable row level security;
create policy report_only_japan on sales.customers for select to sample_reader using (city in ('東京', '大阪'));
grant usage on schema sales, stock, reporting to sample_reader;
grant select on all tables in schema reporting to sample_reader;
grant select on sales.customers to sample_reader;
reset role;
analyze;
