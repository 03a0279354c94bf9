// The official JavaScript client, unchanged, against our server: what the Python client has too, and all that
// only this one offers. Every check has a key of its own in one cache.
import assert from 'node:assert/strict';
import {
  CacheClient,
  CacheGet,
  Configurations,
  CredentialProvider,
  DefaultMomentoLoggerFactory,
  DefaultMomentoLoggerLevel,
  ItemType,
} from '@gomomento/sdk';
import {InternalNodeGrpcPingClient} from '@gomomento/sdk/dist/src/internal/ping-client.js';
import {check, expect, expectError, port, run} from './harness.mjs';

const CACHE = 'javascript';
const NO_CACHE = 'nobody-made-this';
const POLL_LIMIT_MS = 10_000;
const MINUTE_MS = 60_000;

const credentialProvider = CredentialProvider.forMomentoLocal({hostname: '127.0.0.1', port});
const quiet = new DefaultMomentoLoggerFactory(DefaultMomentoLoggerLevel.ERROR);

async function connect(configuration) {
  return await CacheClient.create({configuration, credentialProvider, defaultTtlSeconds: 60});
}

async function valueOf(client, key) {
  return expect(await client.get(CACHE, key), 'Hit').valueString();
}

// Caches

check('a_cache_is_created_listed_and_deleted', async client => {
  expect(await client.createCache('javascript-too'), 'Success');
  expect(await client.createCache('javascript-too'), 'AlreadyExists');
  const names = async () => expect(await client.listCaches(), 'Success').getCaches().map(cache => cache.getName());
  assert((await names()).includes('javascript-too'));
  expect(await client.deleteCache('javascript-too'), 'Success');
  assert(!(await names()).includes('javascript-too'));
});

check('a_flushed_cache_is_empty', async client => {
  expect(await client.createCache('flushed'), 'Success');
  expect(await client.set('flushed', 'k', 'v'), 'Success');
  expect(await client.flushCache('flushed'), 'Success');
  expect(await client.get('flushed', 'k'), 'Miss');
  expect(await client.deleteCache('flushed'), 'Success');
});

// Items

check('an_item_is_stored_read_and_deleted', async client => {
  expect(await client.get(CACHE, 'item'), 'Miss');
  expect(await client.set(CACHE, 'item', 'v'), 'Success');
  assert.equal(await valueOf(client, 'item'), 'v');
  expect(await client.delete(CACHE, 'item'), 'Success');
  expect(await client.get(CACHE, 'item'), 'Miss');
});

check('bytes_come_back_as_they_were', async client => {
  const key = Uint8Array.from([0, 1, 254, 255]);
  for (const value of [new Uint8Array(0), Uint8Array.from({length: 256}, (_, i) => i), new Uint8Array(1_000_000)]) {
    expect(await client.set(CACHE, key, value), 'Success');
    const found = expect(await client.get(CACHE, key), 'Hit').valueUint8Array();
    assert.deepEqual(Buffer.from(found), Buffer.from(value));
  }
});

check('a_number_is_incremented', async client => {
  assert.equal(expect(await client.increment(CACHE, 'number', 1), 'Success').value(), 1);
  assert.equal(expect(await client.increment(CACHE, 'number', 41), 'Success').value(), 42);
  assert.equal(expect(await client.increment(CACHE, 'number', -50), 'Success').value(), -8);
  assert.equal(await valueOf(client, 'number'), '-8');
});

check('batches_answer_in_the_order_asked', async client => {
  const items = Array.from({length: 50}, (_, i) => [`batch-${i}`, `v${i}`]);
  const stored = expect(await client.setBatch(CACHE, new Map(items)), 'Success');
  assert.deepEqual(
    stored.results().map(result => result.type),
    items.map(() => 'Success')
  );
  const keys = [...items.map(([key]) => key).reverse(), 'batch-missing'];
  const found = expect(await client.getBatch(CACHE, keys), 'Success');
  assert.deepEqual(
    found.results().map(result => (result instanceof CacheGet.Hit ? result.valueString() : result.type)),
    [...items.map(([, value]) => value).reverse(), 'Miss']
  );
});

check('keys_exist_or_not', async client => {
  expect(await client.set(CACHE, 'exists', 'v'), 'Success');
  assert.deepEqual(expect(await client.keysExist(CACHE, ['exists', 'absent', 'exists']), 'Success').exists(), [
    true,
    false,
    true,
  ]);
  assert.equal(expect(await client.keyExists(CACHE, 'exists'), 'Success').exists(), true);
});

check('an_item_tells_its_type', async client => {
  expect(await client.itemGetType(CACHE, 'typed'), 'Miss');
  expect(await client.set(CACHE, 'typed', 'v'), 'Success');
  assert.equal(expect(await client.itemGetType(CACHE, 'typed'), 'Hit').itemType(), ItemType.SCALAR);
});

// Conditions. Each table row: what is there before, and whether the write happens.

const conditions = [
  ['setIfAbsent', client => client.setIfAbsent, [], {absent: true, equal: false, other: false}],
  ['setIfNotExists', client => client.setIfNotExists, [], {absent: true, equal: false, other: false}],
  ['setIfPresent', client => client.setIfPresent, [], {absent: false, equal: true, other: true}],
  ['setIfEqual', client => client.setIfEqual, ['there'], {absent: false, equal: true, other: false}],
  ['setIfNotEqual', client => client.setIfNotEqual, ['there'], {absent: true, equal: false, other: true}],
  [
    'setIfPresentAndNotEqual',
    client => client.setIfPresentAndNotEqual,
    ['there'],
    {absent: false, equal: false, other: true},
  ],
  ['setIfAbsentOrEqual', client => client.setIfAbsentOrEqual, ['there'], {absent: true, equal: true, other: false}],
];

const before = {absent: null, equal: 'there', other: 'something else'};

async function prepare(client, key, value) {
  if (value === null) {
    expect(await client.delete(CACHE, key), 'Success');
  } else {
    expect(await client.set(CACHE, key, value), 'Success');
  }
}

async function expectWritten(client, key, response, happens, value) {
  expect(response, happens ? 'Stored' : 'NotStored');
  if (happens) {
    assert.equal(await valueOf(client, key), 'new');
  } else if (value === null) {
    expect(await client.get(CACHE, key), 'Miss');
  } else {
    assert.equal(await valueOf(client, key), value);
  }
}

for (const [name, method, operands, outcomes] of conditions) {
  for (const [situation, happens] of Object.entries(outcomes)) {
    check(`${name}_when_${situation}_${happens ? 'writes' : 'keeps'}`, async client => {
      await prepare(client, name, before[situation]);
      const response = await method(client).call(client, CACHE, name, 'new', ...operands);
      await expectWritten(client, name, response, happens, before[situation]);
    });
  }
}

// Conditions on the hash of 'there'.

const hashConditions = [
  ['setIfPresentAndHashEqual', {absent: false, equal: true, other: false}],
  ['setIfPresentAndHashNotEqual', {absent: false, equal: false, other: true}],
  ['setIfAbsentOrHashEqual', {absent: true, equal: true, other: false}],
  ['setIfAbsentOrHashNotEqual', {absent: true, equal: false, other: true}],
];

for (const [name, outcomes] of hashConditions) {
  for (const [situation, happens] of Object.entries(outcomes)) {
    check(`${name}_when_${situation}_${happens ? 'writes' : 'keeps'}`, async client => {
      const hash = expect(await client.setWithHash(CACHE, `${name}-hash`, 'there'), 'Stored').hashUint8Array();
      await prepare(client, name, before[situation]);
      const response = await client[name](CACHE, name, 'new', hash);
      await expectWritten(client, name, response, happens, before[situation]);
    });
  }
}

check('the_hash_that_set_returns_is_the_one_that_get_returns', async client => {
  expect(await client.getWithHash(CACHE, 'hashed'), 'Miss');
  const stored = expect(await client.setWithHash(CACHE, 'hashed', 'v'), 'Stored');
  const found = expect(await client.getWithHash(CACHE, 'hashed'), 'Hit');
  assert.equal(found.valueString(), 'v');
  assert(found.hashUint8Array().length > 0);
  assert.equal(found.hashString(), stored.hashString());
  expect(await client.set(CACHE, 'hashed', 'another'), 'Success');
  assert.notEqual(expect(await client.getWithHash(CACHE, 'hashed'), 'Hit').hashString(), stored.hashString());
});

check('a_conditional_write_returns_the_hash_of_the_new_value', async client => {
  const first = expect(await client.setWithHash(CACHE, 'rehashed', 'first'), 'Stored').hashUint8Array();
  const written = expect(await client.setIfPresentAndHashEqual(CACHE, 'rehashed', 'second', first), 'Stored');
  const found = expect(await client.getWithHash(CACHE, 'rehashed'), 'Hit');
  assert.equal(found.hashString(), written.hashString());
});

// Times to live

async function ttlOf(client, key) {
  return expect(await client.itemGetTtl(CACHE, key), 'Hit').remainingTtlMillis();
}

function assertWithin(ttlMs, limitMs) {
  assert(ttlMs > limitMs - 30_000 && ttlMs <= limitMs, `${ttlMs} ms remain of ${limitMs} ms`);
}

check('an_item_tells_its_ttl', async client => {
  expect(await client.itemGetTtl(CACHE, 'ttl'), 'Miss');
  expect(await client.set(CACHE, 'ttl', 'v', {ttl: 600}), 'Success');
  assertWithin(await ttlOf(client, 'ttl'), 600_000);
});

check('a_ttl_is_overwritten', async client => {
  expect(await client.updateTtl(CACHE, 'overwritten', MINUTE_MS), 'Miss');
  expect(await client.set(CACHE, 'overwritten', 'v', {ttl: 600}), 'Success');
  expect(await client.updateTtl(CACHE, 'overwritten', MINUTE_MS), 'Set');
  assertWithin(await ttlOf(client, 'overwritten'), MINUTE_MS);
});

check('a_ttl_is_only_increased', async client => {
  expect(await client.increaseTtl(CACHE, 'increased', MINUTE_MS), 'Miss');
  expect(await client.set(CACHE, 'increased', 'v', {ttl: 600}), 'Success');
  expect(await client.increaseTtl(CACHE, 'increased', MINUTE_MS), 'NotSet');
  assertWithin(await ttlOf(client, 'increased'), 600_000);
  expect(await client.increaseTtl(CACHE, 'increased', 60 * MINUTE_MS), 'Set');
  assertWithin(await ttlOf(client, 'increased'), 60 * MINUTE_MS);
});

check('a_ttl_is_only_decreased', async client => {
  expect(await client.decreaseTtl(CACHE, 'decreased', MINUTE_MS), 'Miss');
  expect(await client.set(CACHE, 'decreased', 'v', {ttl: 600}), 'Success');
  expect(await client.decreaseTtl(CACHE, 'decreased', 60 * MINUTE_MS), 'NotSet');
  assertWithin(await ttlOf(client, 'decreased'), 600_000);
  expect(await client.decreaseTtl(CACHE, 'decreased', MINUTE_MS), 'Set');
  assertWithin(await ttlOf(client, 'decreased'), MINUTE_MS);
});

check('an_item_is_gone_once_its_ttl_has_passed_and_not_before', async client => {
  const started = performance.now();
  expect(await client.set(CACHE, 'expiring', 'v', {ttl: 1}), 'Success');
  while ((await client.get(CACHE, 'expiring')) instanceof CacheGet.Hit) {
    assert(performance.now() - started < POLL_LIMIT_MS);
  }
  expect(await client.get(CACHE, 'expiring'), 'Miss');
  assert(performance.now() - started >= 999);
});

// Connections

for (const [name, configuration] of [
  ['laptop', Configurations.Laptop.latest(quiet)],
  ['lambda', Configurations.Lambda.latest(quiet)],
  ['in_region_default', Configurations.InRegion.Default.latest(quiet)],
  ['in_region_low_latency', Configurations.InRegion.LowLatency.latest(quiet)],
]) {
  check(`the_prebuilt_configuration_${name}_works`, async () => {
    const client = await connect(configuration);
    expect(await client.set(CACHE, name, 'v'), 'Success');
    assert.equal(await valueOf(client, name), 'v');
    client.close();
  });
}

check('more_calls_than_streams_are_all_answered', async client => {
  const keys = Array.from({length: 1000}, (_, i) => `many-${i}`);
  for (const response of await Promise.all(keys.map(key => client.set(CACHE, key, key)))) {
    expect(response, 'Success');
  }
  const found = await Promise.all(keys.map(key => client.get(CACHE, key)));
  assert.deepEqual(
    found.map(response => expect(response, 'Hit').valueString()),
    keys
  );
});

// The client keeps its ping to itself: it is called here as the client's own connection check calls it.
check('ping_answers', async () => {
  const ping = new InternalNodeGrpcPingClient({
    configuration: Configurations.Laptop.latest(quiet),
    credentialProvider,
    endpoint: credentialProvider.getCacheEndpoint(),
  });
  await ping.ping();
});

// Errors

check('an_unknown_cache_is_not_found', async client => {
  for (const response of [
    await client.get(NO_CACHE, 'k'),
    await client.set(NO_CACHE, 'k', 'v'),
    await client.delete(NO_CACHE, 'k'),
    await client.getBatch(NO_CACHE, ['k']),
    await client.setBatch(NO_CACHE, new Map([['k', 'v']])),
    await client.setIfAbsent(NO_CACHE, 'k', 'v'),
    await client.itemGetTtl(NO_CACHE, 'k'),
    await client.flushCache(NO_CACHE),
    await client.deleteCache(NO_CACHE),
  ]) {
    expectError(response, 'NOT_FOUND_ERROR');
  }
});

check('the_server_refuses_an_empty_key', async client => {
  expectError(await client.get(CACHE, ''), 'INVALID_ARGUMENT_ERROR');
  expectError(await client.set(CACHE, '', 'v'), 'INVALID_ARGUMENT_ERROR');
  expectError(await client.getWithHash(CACHE, ''), 'INVALID_ARGUMENT_ERROR');
});

check('the_server_refuses_a_ttl_over_its_limit', async client => {
  expectError(await client.set(CACHE, 'k', 'v', {ttl: 25 * 60 * 60}), 'INVALID_ARGUMENT_ERROR');
});

check('the_client_refuses_a_cache_without_a_name', async client => {
  expectError(await client.get('', 'k'), 'INVALID_ARGUMENT_ERROR');
});

check('text_cannot_be_incremented', async client => {
  expect(await client.set(CACHE, 'text', 'v'), 'Success');
  expectError(await client.increment(CACHE, 'text', 1), 'FAILED_PRECONDITION_ERROR');
});

check('an_item_over_the_limit_is_refused', async client => {
  expectError(await client.set(CACHE, 'large', new Uint8Array(5_000_000)), 'LIMIT_EXCEEDED_ERROR');
});

await run({
  before: async () => {
    const client = await connect(Configurations.Laptop.latest(quiet));
    expect(await client.createCache(CACHE), 'Success');
    return client;
  },
  after: async client => {
    expect(await client.deleteCache(CACHE), 'Success');
    client.close();
  },
});
